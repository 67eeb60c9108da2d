"""Downloads -> the price file of a study: what is added, replaced and kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from chainpolicy.prices.downloads import Dialect, read_download
from chainpolicy.study.assets import read_assets
from chainpolicy.study.output import write_csv
from chainpolicy.study.problems import Problem, collecting
from chainpolicy.study.settings import SETTINGS_FILE, read_settings
from chainpolicy.study.snapshot import NO_PRICES, read_prices, suspended
from chainpolicy.study.study import require_study_folder
from chainpolicy.study.tabular import MOST_PROBLEMS
from chainpolicy.typeset.numbers import first_few

# Names in a line of the report.
MOST_SHOWN = 10


@dataclass(frozen=True)
class ImportReport:
    """What was read and what became of the study's prices.

    Attributes
    ----------
    series : pandas.DataFrame
        ``ticker, rows, first, last, column, file`` of every imported series.
    remarks : tuple of str
        What else a user has to know, in the order of reading.
    """

    series: pd.DataFrame
    remarks: tuple[str, ...]


def import_prices(
    sources: Iterable[tuple[str | None, Path]],
    folder: Path,
    dialect: Dialect | None = None,
    *,
    replace: bool = False,
) -> ImportReport:
    """Read downloads and write them into the price file of a study.

    Understood are yfinance's tables as CSV or Parquet (columns by field and ticker, or one row per
    day and ticker), a table of closes with one column per ticker of assets.csv, and files of one
    ticker as Yahoo, Stooq and Investing.com offer them. A source without a ticker has it in the
    file or in its name.

    The series of a ticker is replaced as a whole, because the adjusted closes of two downloads do
    not fit together, and with `replace` even if it had other days; other tickers stay.
    `InputError` names everything that is wrong in any file; then nothing is written.
    """
    require_study_folder(folder)
    sources = list(sources)
    remarks: dict[str, list[str]] = {}
    with collecting() as problems:
        # What else is wrong with the settings is for `check` to say.
        settings, lines = read_settings(folder / SETTINGS_FILE, [])
        name = settings.get("prices.file", "prices.csv")
        line = lines.get("prices.file")
        target = _target(folder, str(name), line, [path for _, path in sources], problems)
        before = _present(target, problems)
        listed = _listed_tickers(folder)
        parts = [
            read_download(path, ticker, dialect or Dialect(), listed, problems, remarks)
            for ticker, path in sources
        ]
        rows = pd.concat(parts, ignore_index=True)
        problems += _repeated(rows)
    rows = _without_suspensions(rows, remarks)
    kept = before[~before["ticker"].isin(rows["ticker"])]
    with collecting() as problems:
        replaced = _replaced(before, rows, target.name, problems, replace)
    prices = pd.concat([kept, rows[["date", "ticker", "close"]]], ignore_index=True)
    write_csv(prices.sort_values(["date", "ticker"], ignore_index=True), target)
    said = _outside(settings, rows)
    said += [f"{remark}: {first_few(of_these, MOST_SHOWN)}" for remark, of_these in remarks.items()]
    series = rows.groupby(["ticker", "column", "file"], sort=False)["date"].agg(
        rows="size", first="min", last="max"
    )
    columns = ["ticker", "rows", "first", "last", "column", "file"]
    return ImportReport(
        series.reset_index()[columns], (*said, *replaced, *_listing(prices, listed))
    )


def _outside(settings: Mapping[str, object], rows: pd.DataFrame) -> list[str]:
    """Say how many of the rows are outside the days that study.toml asks for."""
    lines = []
    for key, side in (("prices.start", "before"), ("prices.end", "after")):
        if settings.get(key) is not None:
            day = pd.Timestamp(str(settings[key]))
            beyond = rows["date"] < day if side == "before" else rows["date"] > day
            if beyond.any():
                lines.append(
                    f"{SETTINGS_FILE}: {beyond.sum():,} of {len(rows):,} rows are {side} {key}, "
                    f"{day:%Y-%m-%d}, and are not used"
                )
    return lines


def _target(
    folder: Path, name: str, line: int | None, sources: Sequence[Path], problems: list[Problem]
) -> Path:
    """Return the file that study.toml names in a line, if it may be written."""
    target = (folder / name).resolve()
    expected = None
    if target.is_dir():
        expected = 'the file to be written, such as "prices.csv"; this is a folder'
    elif target in [path.resolve() for path in sources]:
        expected = 'another file to be written, such as "prices.csv"; this one is to be read'
    elif not target.is_relative_to(folder.resolve()):
        expected = (
            'the file to be written, such as "prices.csv"; this one lies outside the study, where '
            "others may use it, and is only read"
        )
    if expected is not None:
        problems.append(Problem(SETTINGS_FILE, expected, line, "prices.file", name))
    return target


def _present(target: Path, problems: list[Problem]) -> pd.DataFrame:
    """Read the prices that the study has; what is no price file is not overwritten."""
    if problems or not target.exists():
        return NO_PRICES.copy()
    found: list[Problem] = []
    prices = read_prices(target, found)
    if found:
        expected = (
            "a price file (date,ticker,close) or none: what is there cannot be read and is not "
            f"overwritten; mend it or move it away ({found[0]})"
        )
        problems.append(Problem(target.name, expected))
    return prices


def _listed_tickers(folder: Path) -> list[str]:
    """Return the tickers of assets.csv, whatever else is wrong with it."""
    return [ticker for ticker in read_assets(folder / "assets.csv", [])["ticker"] if ticker]


def _repeated(rows: pd.DataFrame) -> list[Problem]:
    """Find days that a ticker has twice, in one file or in two."""
    shared = rows[rows.duplicated(["ticker", "date"], keep=False)].head(2 * MOST_PROBLEMS)
    first: dict[tuple[str, str], str] = {}
    problems = []
    days = shared["date"].dt.strftime("%Y-%m-%d")
    columns = (column.tolist() for column in (shared["ticker"], days, shared["file"]))
    for ticker, day, file, line in zip(*columns, shared["line"].tolist(), strict=True):
        place = f"{file}, line {line}"
        holder = first.get((ticker, day))
        if holder is None:
            first[ticker, day] = place
        else:
            # Files of two folders may have one name, and one file may be named twice.
            of = "another file of this name" if holder == place else holder
            expected = f"each date of {ticker} once; {of}, has this one already"
            problems.append(Problem(file, expected, line, "date", day))
    return problems


def _without_suspensions(rows: pd.DataFrame, remarks: dict[str, list[str]]) -> pd.DataFrame:
    """Leave out the days without trade that repeat the last close, as the folder form does."""
    rows = rows.sort_values(["ticker", "date"], ignore_index=True)
    idle = np.zeros(len(rows), dtype=bool)
    for ticker, of_ticker in rows.groupby("ticker"):
        found = suspended(of_ticker[["close", "traded"]].rename(columns={"traded": "volume"}))
        idle[of_ticker.index] = found
        if found.any():
            first = of_ticker["date"][found].iloc[0]
            remarks.setdefault(
                "days with volume 0 and an unchanged close are taken as suspended and left out", []
            ).append(f"{ticker} ({found.sum():,}, the first {first:%Y-%m-%d})")
    return rows[~idle]


def _replaced(
    before: pd.DataFrame,
    rows: pd.DataFrame,
    name: str,
    problems: list[Problem],
    replace: bool,
) -> list[str]:
    """Say what becomes of the prices that are there; refuse to lose days unless told to."""
    old, new = _by_ticker(before), _by_ticker(rows)
    lines = []
    added = [ticker for ticker in new if ticker not in old]
    if added:
        lines.append(f"{name}: added {first_few(added, MOST_SHOWN)}")
    for ticker in [ticker for ticker in new if ticker in old]:
        was = old[ticker].set_index("date")["close"]
        now = new[ticker].set_index("date")["close"]
        lost = was.index.difference(now.index)
        both = was.index.intersection(now.index)
        other = int((was[both] != now[both]).sum())
        if len(lost) and not replace:
            expected = (
                f"a series with the {len(lost):,} days from {lost[0]:%Y-%m-%d} to "
                f"{lost[-1]:%Y-%m-%d} that {name} has and this one has not; --replace gives them up"
            )
            problems.append(Problem(str(new[ticker]["file"].iloc[0]), expected, value=ticker))
        given_up = f", {len(lost):,} days given up" if len(lost) else ""
        lines.append(
            f"{name}: replaced {ticker}: {len(was):,} rows before, {len(now):,} now, "
            f"closes that differ on the same days: {other:,}{given_up}"
        )
    stay = [ticker for ticker in old if ticker not in new]
    if stay:
        lines.append(f"{name}: as before {first_few(stay, MOST_SHOWN)}")
    return lines


def _by_ticker(prices: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {str(ticker): of_ticker for ticker, of_ticker in prices.groupby("ticker")}


def _listing(prices: pd.DataFrame, listed: Sequence[str]) -> list[str]:
    """Say where prices and assets.csv do not fit together."""
    there = sorted(set(prices["ticker"]))
    lines = []
    unlisted = [ticker for ticker in there if ticker not in listed]
    if unlisted:
        lines.append(
            f"not listed in assets.csv: {first_few(unlisted, MOST_SHOWN)}; "
            "TICKER=FILE names the ticker of a file"
        )
    absent = [ticker for ticker in listed if ticker not in there]
    if absent:
        named = first_few(absent, MOST_SHOWN)
        lines.append(f"listed in assets.csv and still without prices: {named}")
    return lines
