"""A download in the form of its provider -> rows of prices, each with its place."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import pandas as pd

from chainpolicy.prices.spelling import problems_at, read_days, read_numbers
from chainpolicy.study.problems import Problem, irregular
from chainpolicy.study.snapshot import HIGHEST, LOWEST
from chainpolicy.study.tabular import (
    DAMAGED,
    MOST_PROBLEMS,
    escape_damage,
    is_damaged,
    parse_numbers,
    read_records,
)

# Heads of columns, in small letters and without spaces, points and brackets; the first found is
# taken. "Data", "Zamkniecie" and "Wolumen" are what Stooq calls them where it speaks Polish.
_DATES = ("date", "datetime", "data", "datum", "fecha", "day", "timestamp", "time", "index", "")
_TICKERS = ("ticker", "symbol", "level1")
_CLOSES = ("adjclose", "adjustedclose", "close", "price", "last", "zamkniecie")
_VOLUMES = ("volume", "vol", "wolumen")
_FIELDS = {
    *_CLOSES,
    *_VOLUMES,
    *("open", "high", "low", "dividends", "stocksplits", "capitalgains", "repaired?", "change%"),
}
_ADJUSTED = ("adjclose", "adjustedclose")
# What providers write on a day without a price.
_NO_PRICE = {"", "null", "nan", "none", "n/a", "na", "#n/a", "n/d", "-"}
_DELIMITERS = (",", ";", "\t", "|")
_PARQUET = b"PAR1"


@dataclass(frozen=True)
class Dialect:
    """What a user says about the form of files; None: as the files show it.

    Parameters
    ----------
    column : str, optional
        Head of the column that holds the closes.
    dayfirst : bool, optional
        Whether 03/04/2018 is the third of April.
    decimal : {".", ","}, optional
        Sign before the fraction; the other one separates thousands.
    delimiter : str, optional
        Sign between fields.
    """

    column: str | None = None
    dayfirst: bool | None = None
    decimal: str | None = None
    delimiter: str | None = None


@dataclass
class _Layout:
    """Where a file holds what."""

    header: int
    width: int
    date: int
    column: str
    ticker: int | None = None
    interval: int | None = None
    # Position of the closes by ticker; None: the ticker stands in the row, or is the file's.
    closes: dict[str | None, int] = field(default_factory=dict)
    volumes: dict[str | None, int] = field(default_factory=dict)


def read_download(
    path: Path,
    ticker: str | None,
    dialect: Dialect,
    listed: Sequence[str],
    problems: list[Problem],
    remarks: dict[str, list[str]],
) -> pd.DataFrame:
    """Read one download.

    Parameters
    ----------
    path : pathlib.Path
        Delimited text or Parquet.
    ticker : str, optional
        Of a file of one ticker. Default: the name of the file without its ending.
    dialect : Dialect
        What a user says about the form.
    listed : sequence of str
        Tickers of the study.
    problems : list of Problem
        Everything wrong with the file is appended; nothing is raised.
    remarks : dict of str to list of str
        What else a user has to know; the file is added to what is true of it.

    Returns
    -------
    pandas.DataFrame
        ``date, ticker, close, traded`` (volume, NaN if it is not stated), ``column, file, line``;
        days without a price have no row.
    """
    name = path.name
    before = len(problems)
    records = _records(path, name, dialect, problems)
    head = list(islice((record for record in records if any(record[1])), 3))
    layout = None
    if head:
        layout = _recognize(head, dialect, listed, name, problems)
    elif len(problems) == before:
        problems.append(Problem(name, "a header and rows of prices; the file is blank"))
    if layout is None:
        return _NOTHING.copy()
    if ticker is not None and (layout.ticker is not None or None not in layout.closes):
        expected = "a file of one ticker after TICKER=; the tickers stand in this one"
        problems.append(Problem(name, expected, head[0][0]))
        return _NOTHING.copy()
    own = path.stem if ticker is None else ticker
    cells = _cells(chain(head[layout.header :], records), layout, own, name, problems)
    if cells.empty:
        if len(problems) == before:
            problems.append(Problem(name, "at least one row below the header"))
        return _NOTHING.copy()
    missing = cells["close"].str.casefold().isin(_NO_PRICE)
    day, order = read_days(cells, dialect.dayfirst, name, problems)
    close, decimal = read_numbers(cells[~missing], dialect.decimal, name, problems)
    wrong = close.notna() & ~close.between(LOWEST, HIGHEST)
    problems += problems_at(cells.loc[close.index[wrong]], "close", "a price above zero", name)
    if order:
        remarks.setdefault(f"dates are read {order}", []).append(name)
    if decimal == ",":
        remarks.setdefault("a comma is read as the decimal sign", []).append(name)
    if missing.any() and None in layout.closes:
        found = f"{name} ({missing.sum():,}, the first {cells.loc[missing, 'date'].iloc[0]})"
        remarks.setdefault("days without a price are left out", []).append(found)
    if _plain(layout.column) not in _ADJUSTED:
        remarks.setdefault(
            "closes are taken as they are; whether they are adjusted for dividends and splits the "
            "file does not say",
            [],
        ).append(f"{name} ({layout.column})")
    rows = cells[["ticker", "traded", "line"]].assign(
        date=day, close=close, column=layout.column, file=name
    )
    rows = rows[~missing].dropna(subset=["date", "close"])
    if len(problems) == before:
        if rows.empty:
            problems.append(Problem(name, "at least one price"))
        # As yfinance leaves a ticker that it could not find.
        blank = sorted(set(cells["ticker"]) - set(rows["ticker"]))
        if blank:
            remarks.setdefault("tickers without any price are left out", []).extend(blank)
    return rows


def _records(
    path: Path, name: str, dialect: Dialect, problems: list[Problem]
) -> Iterator[tuple[int, list[str]]]:
    """Yield lines and their stripped fields, of Parquet as it would be written as CSV."""
    records: Iterable[tuple[int, list[str]]]
    if _begins_with(path, _PARQUET):
        records = _parquet_records(path, name, problems)
    else:
        delimiter = dialect.delimiter or _delimiter(path)
        records = read_records(path, problems, name, delimiter)
    for line, row in records:
        if is_damaged("".join(row)):
            damaged = next(value for value in row if is_damaged(value))
            problems.append(Problem(name, DAMAGED, line, value=escape_damage(damaged)))
            row = [escape_damage(value) for value in row]
        yield line, [value.strip() for value in row]


def _begins_with(path: Path, mark: bytes) -> bool:
    try:
        if irregular(path) is None:
            with path.open("rb") as stream:
                return stream.read(len(mark)) == mark
    except OSError:
        pass  # whoever reads the file says so
    return False


def _parquet_records(
    path: Path, name: str, problems: list[Problem]
) -> Iterable[tuple[int, list[str]]]:
    try:
        frame = pd.read_parquet(path)
    except Exception as error:  # what a damaged file raises in the reader, nobody has listed
        reason = str(error).partition("\n")[0]
        problems.append(Problem(name, f"a Parquet file; the reader says: {reason}"))
        return []
    text = frame.to_csv(index=not isinstance(frame.index, pd.RangeIndex), lineterminator="\n")
    return enumerate(csv.reader(io.StringIO(text)), start=1)


def _delimiter(path: Path) -> str:
    """Find the sign that cuts the first line into most fields."""
    try:
        if irregular(path) is not None:
            return ","
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            line = next((line for line in islice(text, 100) if line.strip()), "")
    except OSError:
        return ","

    def fields(sign: str) -> int:
        return len(next(csv.reader([line], delimiter=sign), []))

    return max(_DELIMITERS, key=fields)


def _plain(head: str) -> str:
    return re.sub(r"[\s_.<>]+", "", head).casefold()


def _place(heads: Sequence[str], names: Iterable[str]) -> int | None:
    """Return the position of the first of some names that is among the heads."""
    return next((heads.index(name) for name in names if name in heads), None)


def _recognize(
    head: list[tuple[int, list[str]]],
    dialect: Dialect,
    listed: Sequence[str],
    name: str,
    problems: list[Problem],
) -> _Layout | None:
    """Tell from the first rows how a file is laid out, or say what was expected."""
    line, first = head[0]
    plain = [_plain(value) for value in first]
    stacked = _stacked(head)
    if stacked is not None:
        fields, tickers, header = stacked
        return _wide(fields, tickers, header, dialect, (name, line), problems)
    day, ticker = _place(plain, _DATES), _place(plain, _TICKERS)
    if day is None or len(first) < 2:
        expected = (
            "a header with a column Date and one of closes, or yfinance's two rows of fields and "
            "tickers; --delimiter names the sign between columns"
        )
        problems.append(Problem(name, expected, line, value=",".join(first)))
        return None
    if dialect.column is None and not set(plain) & _FIELDS:
        return _closes_by_ticker(first, day, listed, (name, line), problems)
    place = _close_column(first, dialect.column, (name, line), problems)
    if place is None:
        return None
    volume = _place(plain, _VOLUMES)
    return _Layout(
        header=1,
        width=len(first),
        date=day,
        column=first[place],
        ticker=ticker,
        interval=_place(plain, ["per"]),
        closes={None: place},
        volumes={} if volume is None else {None: volume},
    )


def _stacked(head: list[tuple[int, list[str]]]) -> tuple[list[str], list[str], int] | None:
    """Find yfinance's two rows of fields and tickers, and how many rows are above the data."""
    if len(head) < 2:
        return None
    (_, one), (_, two) = head[:2]

    def are_fields(row: list[str]) -> bool:
        return len(row) > 1 and all(_plain(value) in _FIELDS for value in row[1:])

    def are_tickers(row: list[str]) -> bool:
        named = _plain(row[0]) in _TICKERS
        numbers = parse_numbers(pd.Series(row[1:], dtype="str"))
        return named or (not row[0] and all(row[1:]) and bool(numbers.isna().all()))

    if len(one) != len(two):
        return None
    if are_fields(one) and are_tickers(two):
        fields, tickers = one, two
    elif are_fields(two) and are_tickers(one) and _plain(two[0]) in ("price", "", *_DATES):
        fields, tickers = two, one
    else:
        return None
    third = head[2][1] if len(head) > 2 else []
    named = bool(third) and not any(third[1:]) and _plain(third[0]) in _DATES
    return fields, tickers, 3 if named else 2


def _wide(
    fields: list[str],
    tickers: list[str],
    header: int,
    dialect: Dialect,
    where: tuple[str, int],
    problems: list[Problem],
) -> _Layout | None:
    name, line = where
    kinds = list(dict.fromkeys(fields[1:]))
    chosen = _close_column(kinds, dialect.column, where, problems)
    if chosen is None:
        return None
    layout = _Layout(header, len(fields), 0, kinds[chosen])
    volume = _place([_plain(kind) for kind in kinds], _VOLUMES)
    for place in range(1, len(fields)):
        ticker, kind = tickers[place], fields[place]
        if kind == layout.column and (not ticker or ticker in layout.closes):
            expected = "a ticker, each once"
            problems.append(Problem(name, expected, line, f"column {place + 1}", ticker))
        elif kind == layout.column:
            layout.closes[ticker] = place
        elif volume is not None and kind == kinds[volume]:
            layout.volumes[ticker] = place
    return layout


def _closes_by_ticker(
    first: list[str],
    day: int,
    listed: Sequence[str],
    where: tuple[str, int],
    problems: list[Problem],
) -> _Layout | None:
    """Lay out a table of closes whose columns are named after tickers."""
    name, line = where
    tickers = [value for place, value in enumerate(first) if place != day]
    if not set(tickers) & set(listed):
        expected = (
            "a column Adj Close, Close or Price (--column names another one), or one column per "
            f"ticker of assets.csv; found are {', '.join(tickers)}"
        )
        problems.append(Problem(name, expected, line))
        return None
    layout = _Layout(1, len(first), day, "the column of the ticker")
    for place, ticker in enumerate(first):
        if place != day and (not ticker or ticker in layout.closes):
            expected = "a ticker, each once"
            problems.append(Problem(name, expected, line, f"column {place + 1}", ticker))
        elif place != day:
            layout.closes[ticker] = place
    return layout


def _close_column(
    heads: Sequence[str], wanted: str | None, where: tuple[str, int], problems: list[Problem]
) -> int | None:
    """Choose the column of closes: the one asked for, else the adjusted one before all others."""
    name, line = where
    plain = [_plain(head) for head in heads]
    place = _place(plain, _CLOSES if wanted is None else [_plain(wanted)])
    if place is None:
        column = "Adj Close, Close or Price" if wanted is None else f'"{wanted}" (--column)'
        hint = "; --column names another one" if wanted is None else ""
        expected = f"a column {column}; found are {', '.join(heads)}{hint}"
        problems.append(Problem(name, expected, line))
    elif plain.count(plain[place]) > 1:
        problems.append(Problem(name, "this column once", line, heads[place]))
        return None
    return place


def _cells(
    records: Iterable[tuple[int, list[str]]],
    layout: _Layout,
    own: str,
    name: str,
    problems: list[Problem],
) -> pd.DataFrame:
    """Cut the rows into text cells: one row per day and ticker."""
    before = len(problems)
    rows = []
    for line, row in records:
        if not any(row):
            continue
        if len(row) != layout.width:
            expected = f"{layout.width} fields, as in the header"
            count = f"{len(row)} field{'s' if len(row) > 1 else ''}"
            problems.append(Problem(name, expected, line, value=count))
        elif layout.interval is not None and row[layout.interval] != "D":
            expected = "D: a row per day"
            problems.append(Problem(name, expected, line, "PER", row[layout.interval]))
        elif layout.ticker is not None and not row[layout.ticker]:
            problems.append(Problem(name, "a ticker; it must not be blank", line))
        else:
            for ticker, place in layout.closes.items():
                volume = layout.volumes.get(ticker)
                of = row[layout.ticker] if layout.ticker is not None else ticker or own
                traded = "" if volume is None else row[volume]
                rows.append((line, row[layout.date], of, row[place], traded))
        if len(problems) - before >= MOST_PROBLEMS:
            break
    cells = pd.DataFrame(rows, columns=["line", "date", "ticker", "close", "volume"])
    cells = cells.astype(dict.fromkeys(["date", "ticker", "close", "volume"], "str"))
    # Only whether shares changed hands matters, not whether 1.2M of them did.
    number = cells["volume"].str.replace(r"[KMB]$", "", regex=True).str.replace(",", "")
    wide = None not in layout.closes
    return cells.assign(
        traded=parse_numbers(number),
        place=cells["ticker"] + ", " + layout.column if wide else layout.column,
    )


_NOTHING = pd.DataFrame(
    {
        "ticker": pd.Series(dtype="str"),
        "traded": pd.Series(dtype="float64"),
        "line": pd.Series(dtype="int64"),
        "date": pd.Series(dtype="datetime64[ns]"),
        "close": pd.Series(dtype="float64"),
        "column": pd.Series(dtype="str"),
        "file": pd.Series(dtype="str"),
    }
)
