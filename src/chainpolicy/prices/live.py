"""A copy of a study folder on live prices, with which everything a study can do can be done."""

from __future__ import annotations

import csv
import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import tomlkit

from chainpolicy.prices.fetch import FetchReport, surviving_assets
from chainpolicy.study.output import staging
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.settings import SETTINGS_FILE

# The table of what was downloaded; a folder that holds it is a live copy, and may be replaced.
DOWNLOADS = "downloads.csv"
PRICES_FILE = "prices.csv"

_NOTE = f"""\
> This is a copy of a study on live prices. They come from Yahoo Finance; {DOWNLOADS} says when
> each series was downloaded and which were lost. Lost assets, and those whose benchmark is lost,
> have no row in assets.csv. What stands below about the source of the prices is about the study
> that was copied.

"""


def live_folder(folder: Path, output: Path) -> Path:
    """Say where the live copy of a study goes, before anything is downloaded for it.

    Parameters
    ----------
    folder : pathlib.Path
        The study.
    output : pathlib.Path
        Where everything that is made from the copy goes; created if missing.

    Returns
    -------
    pathlib.Path
        ``<output>/study``, which is not there yet or holds an older live copy.

    Raises
    ------
    InputError
        If `output` cannot be written, is a project or lies in the study, or if what is there
        under the name of the copy is not one.
    """
    target = output / "study"
    expected = None
    try:
        output.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=output).close()
        if (output / "pyproject.toml").exists():
            expected = "a folder of its own for --output, because the files here show other prices"
        elif output.resolve().is_relative_to(folder.resolve()):
            expected = "a folder for --output outside the study, which stays as it is"
        elif target.exists() and not (target / DOWNLOADS).is_file():
            expected = "a folder for --output in which study/ is new, or the copy of an earlier run"
        elif target.resolve() == folder.resolve():
            expected = "another folder for --output: the study is itself the copy in this one"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        expected = f"a folder for --output that can be written; the system says: {reason}"
    if expected is not None:
        raise InputError([Problem(str(output), expected)])
    return target


def write_live_study(folder: Path, target: Path, report: FetchReport, assets: pd.DataFrame) -> None:
    """Copy a study folder, with other prices and without the assets that have none.

    What the study reads from elsewhere travels into the copy under a name of its own, so that the
    copy is whole; nothing outside the copy is written.

    Parameters
    ----------
    folder : pathlib.Path
        The study; it is only read.
    target : pathlib.Path
        From `live_folder`; an older copy is replaced in one step.
    report : FetchReport
        The prices, and what is told of them in ``downloads.csv``.
    assets : pandas.DataFrame
        From `assets.read_assets`, for which the prices were fetched.
    """
    prices = report.prices()
    surviving = surviving_assets(assets, prices)
    kept = set(surviving["ticker"])
    settings = tomlkit.parse((folder / SETTINGS_FILE).read_text(encoding="utf-8-sig"))
    with staging(target.parent) as staged:
        copy = staged / target.name
        copy.mkdir()
        places = _places(settings)
        own = {(folder / place).resolve() for place in places}
        for file in sorted(folder.iterdir()):
            # Only the content: the study, or the installation it came with, may be read-only.
            if file.is_file() and file.resolve() not in own:
                shutil.copyfile(file, copy / file.name)
        section: Any = settings["prices"]
        section["file"] = _free_name(copy, PRICES_FILE)
        _write(prices[prices["ticker"].isin(kept)], copy / section["file"])
        for ticker in list(section.get("hourly", {})):
            if ticker in kept:
                name = _free_name(copy, Path(section["hourly"][ticker]).name)
                shutil.copyfile(folder / section["hourly"][ticker], copy / name)
                section["hourly"][ticker] = name
            else:
                del section["hourly"][ticker]
        for group in set(settings.get("groups", {})) - set(surviving["group"]):
            del settings["groups"][group]
        (copy / SETTINGS_FILE).write_text(tomlkit.dumps(settings), encoding="utf-8", newline="\n")
        # Without what changes from run to run though the prices do not.
        _write(report.tidy().drop(columns=["state", "seconds"]), copy / DOWNLOADS)
        _keep_assets(copy / "assets.csv", kept)
        readme = copy / "README.md"
        text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
        readme.write_text(_NOTE + text, encoding="utf-8", newline="\n")
        if target.exists():
            target.replace(staged / "old")
        copy.replace(target)


def _places(settings: Any) -> list[str]:
    """Where the study's prices are, as study.toml says it."""
    section = settings["prices"]
    return [section["file"], *section.get("hourly", {}).values()]


def _free_name(folder: Path, wanted: str) -> str:
    """Return a name that no file of a folder has, the wanted one if it is free."""
    stem, suffix = Path(wanted).stem, Path(wanted).suffix
    names = itertools.chain([wanted], (f"{stem}-{n}{suffix}" for n in itertools.count(2)))
    return next(name for name in names if not (folder / name).exists())


def _write(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, date_format="%Y-%m-%d", lineterminator="\n")


def _keep_assets(path: Path, tickers: set[str]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as source:
        header, *rows = csv.reader(source)
    place = [name.strip() for name in header].index("ticker")
    with path.open("w", encoding="utf-8", newline="") as copy:
        writer = csv.writer(copy, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(row for row in rows if row and row[place].strip() in tickers)
