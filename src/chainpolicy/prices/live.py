"""A copy of a study folder on live prices, with which everything a study can do can be done."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Container
from pathlib import Path

import pandas as pd


def write_live_study(
    folder: Path, target: Path, file: str, prices: pd.DataFrame, tickers: Container[str]
) -> None:
    """Copy a study folder, with other prices and without the assets that have none.

    Parameters
    ----------
    folder : pathlib.Path
        The study; it is only read.
    target : pathlib.Path
        New folder.
    file : str
        The study's ``prices.file``; the copy has a file of this name, whatever the study has.
    prices : pandas.DataFrame
        ``date, ticker, close``, from `fetch.FetchReport.prices`.
    tickers : container of str
        Assets to keep, from `fetch.surviving_assets`.
    """
    shutil.copytree(folder, target)
    path = target / file
    if path.is_dir():
        shutil.rmtree(path)
    kept = prices[[ticker in tickers for ticker in prices["ticker"]]]
    kept.to_csv(path, index=False, date_format="%Y-%m-%d", lineterminator="\n")
    with (folder / "assets.csv").open(encoding="utf-8-sig", newline="") as source:
        header, *rows = csv.reader(source)
    place = [name.strip() for name in header].index("ticker")
    with (target / "assets.csv").open("w", encoding="utf-8", newline="") as copy:
        writer = csv.writer(copy, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(row for row in rows if row and row[place].strip() in tickers)
