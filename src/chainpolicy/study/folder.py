"""Prices from a folder of per-ticker CSV files in the layout of Yahoo's downloads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray

from chainpolicy.study.calendars import Corrections
from chainpolicy.study.problems import Problem, collecting
from chainpolicy.study.sessions import Day
from chainpolicy.study.snapshot import HIGHEST, LOWEST, NO_PRICES, off_session, point_to_import
from chainpolicy.study.tabular import (
    IS_DATE,
    cell,
    check_cells,
    check_keys,
    parse_dates,
    parse_numbers,
    read_chunks,
    require_day,
)

_NO_VALUE = "null"  # what Yahoo's own downloads write on a day without a price


def read_folder(
    path: str | Path,
    start: Day | None = None,
    end: Day | None = None,
    tickers: Iterable[str] | None = None,
    calendars: Mapping[str, str] | None = None,
    corrections: Corrections = (),
) -> pd.DataFrame:
    """Read daily prices from one CSV file per ticker, ``<ticker>.csv``.

    The layout is that of Yahoo's downloads, ``Date,Open,High,Low,Close,Adj Close,Volume``, of
    which ``Date``, ``Adj Close`` and, if there, ``Volume`` are used. A row whose adjusted close
    is blank or ``null``, or that repeats the last close with volume 0 (a suspension), is a day
    without a price.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder.
    start, end : str, datetime.date or pandas.Timestamp, optional
        First and last day, both inclusive. Rows outside are passed over.
    tickers : iterable of str, optional
        Those that are used; each must have a file. Default: every CSV file of the folder.
    calendars : mapping of ticker to calendar, optional
        A day that is no session of the ticker's calendar is refused. Default: not checked.
    corrections : tuple of Correction
        What the study sets right in its calendars.

    Returns
    -------
    pandas.DataFrame
        As from `snapshot.read_prices`, sorted by ticker and date.

    Raises
    ------
    InputError
        With everything that is wrong in the files.
    """
    path = Path(path)
    with collecting() as problems:
        return collect_folder(
            path, path.name, problems, start, end, tickers, calendars, corrections
        )


def collect_folder(
    path: Path,
    name: str,
    problems: list[Problem],
    start: Day | None = None,
    end: Day | None = None,
    tickers: Iterable[str] | None = None,
    calendars: Mapping[str, str] | None = None,
    corrections: Corrections = (),
) -> pd.DataFrame:
    """Read prices as `read_folder` does, gathering problems instead of raising.

    Parameters
    ----------
    path : pathlib.Path
        Folder.
    name : str
        What the problems call it.
    problems : list of Problem
        Appended.
    start, end, tickers, calendars, corrections
        As in `read_folder`.

    Returns
    -------
    pandas.DataFrame
        As from `read_folder`, without the rows that have a problem.
    """
    there = {file.stem for file in path.glob("*.csv")}
    wanted = sorted(there) if tickers is None else sorted(tickers)
    if not wanted:
        problems.append(Problem(name, "a folder with a file <ticker>.csv for each asset"))
    first = pd.Timestamp.min if start is None else require_day("the first day", start)
    last = pd.Timestamp.max if end is None else require_day("the last day", end)
    frames = [NO_PRICES]
    for ticker in wanted:
        file = f"{name}/{ticker}.csv"
        calendar = (calendars or {}).get(ticker)
        prices = _read_file(
            path / f"{ticker}.csv", file, problems, first, last, calendar, corrections
        )
        frames.append(prices.assign(ticker=ticker)[["date", "ticker", "close"]])
    prices = pd.concat(frames, ignore_index=True)
    prices.attrs["unused_tickers"] = tuple(sorted(there.difference(wanted)))
    return prices


def _read_file(
    path: Path,
    name: str,
    problems: list[Problem],
    first: pd.Timestamp,
    last: pd.Timestamp,
    calendar: str | None,
    corrections: Corrections,
) -> pd.DataFrame:
    before = len(problems)
    chunks = list(read_chunks(path, LAYOUT, problems, name))
    table = pd.concat(chunks) if chunks else pd.DataFrame()
    if not {"Date", "Adj Close"} <= set(table.columns):
        point_to_import(path, problems, before)
        return NO_PRICES
    date = parse_dates(table["Date"]).rename("Date")
    used = date.isna() | date.between(first, last)
    table, date = table[used], date[used]
    problems += check_cells(table, LAYOUT, name)
    problems += check_keys(date.dropna().to_frame(), name)
    # Yahoo has rows without a price on holidays, too.
    priced = date[date.notna() & ~table["Adj Close"].isin(["", _NO_VALUE])]
    if calendar is not None and len(priced):
        problems += off_session(priced, calendar, name, corrections)
    volume = parse_numbers(table["Volume"]) if "Volume" in table else float("nan")
    close = parse_numbers(table["Adj Close"])
    prices = pd.DataFrame({"date": date, "close": close, "volume": volume}).dropna(
        subset=["date", "close"]
    )
    prices = prices.sort_values("date", ignore_index=True)
    if prices.empty and len(problems) == before:
        problems.append(Problem(name, "at least one price in the study's dates", None, "Adj Close"))
    return prices[~suspended(prices)]


def _is_price(text: pd.Series) -> pd.Series:
    return (text == _NO_VALUE) | parse_numbers(text).between(LOWEST, HIGHEST)


def _is_volume(text: pd.Series) -> pd.Series:
    return (text == _NO_VALUE) | (parse_numbers(text) >= 0)


LAYOUT = pa.DataFrameSchema(
    {
        "Date": cell(
            IS_DATE,
            required=True,
            blank=False,
        ),
        "Adj Close": cell(
            (_is_price, f"a positive number like 1234.5, or {_NO_VALUE} on a day without a price"),
            required=True,
        ),
        "Volume": cell((_is_volume, f"a number like 1234500, or {_NO_VALUE}")),
    }
)


def suspended(prices: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows that repeat the last close on a session without trade.

    Parameters
    ----------
    prices : pandas.DataFrame
        ``close, volume``, sorted by date.

    Returns
    -------
    array of bool, shape (len(prices),)
        All False where the source states no volumes, as for most indices.
    """
    volume = prices["volume"].to_numpy(dtype=np.float64)
    close = prices["close"].to_numpy(dtype=np.float64)
    idle = ~(volume > 0)
    if not len(prices) or idle.mean() > 0.5:
        return np.zeros(len(prices), dtype=bool)
    unchanged = np.zeros(len(prices), dtype=bool)
    unchanged[1:] = close[1:] == close[:-1]
    return idle & unchanged
