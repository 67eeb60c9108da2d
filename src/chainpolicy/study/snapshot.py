"""Prices from files of a study folder: validated, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.study.calendars import CALENDARS_FILE, Corrections
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.sessions import Day, sessions
from chainpolicy.study.tabular import (
    IS_DATE,
    MOST_PROBLEMS,
    Schema,
    cell,
    check_cells,
    check_keys,
    parse_dates,
    parse_numbers,
    read_chunks,
    read_table,
    require_day,
)

# Far outside any market, and narrow enough that no return overflows.
LOWEST, HIGHEST = 1e-18, 1e18

_CHOSEN = "; prices.start and prices.end of study.toml choose these days"
_NO_VALUE = "null"  # what Yahoo's own downloads write on a day without a price

_HOUR = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
)


def read_prices(
    path: Path,
    problems: list[Problem],
    start: Day | None = None,
    end: Day | None = None,
    tickers: Iterable[str] | None = None,
    calendars: Mapping[str, str] | None = None,
    corrections: Corrections = (),
    name: str | None = None,
) -> pd.DataFrame:
    """Read daily prices from one long CSV file or from a folder of one file per ticker.

    A long file has the columns ``date, ticker, close`` (adjusted close, any currency). It is read
    in pieces of which only what is used is kept, so that memory grows with the rows returned, not
    with the file.

    A folder holds ``<ticker>.csv`` in the layout of Yahoo's downloads,
    ``Date,Open,High,Low,Close,Adj Close,Volume``, of which ``Date``, ``Adj Close`` and, if there,
    ``Volume`` are used. A row whose adjusted close is blank or ``null``, or that repeats the last
    close with volume 0 (a suspension), is a day without a price.

    Parameters
    ----------
    path : pathlib.Path
        File or folder.
    start, end : str, datetime.date or pandas.Timestamp, optional
        First and last day, both inclusive. Rows outside are passed over: of those in a long file
        the form of the row and of its date is still checked.
    tickers : iterable of str, optional
        Those that are used; each must have a row or a file. Prices of others are passed over
        unchecked. Default: all.
    calendars : mapping of ticker to calendar, optional
        A day that is no session of the ticker's calendar is refused. Default: not checked.

    Returns
    -------
    pandas.DataFrame
        ``date`` (datetime64[ns]), ``ticker``, ``close`` (float64), without the rows that have a
        problem; in the order of the file, of a folder by ticker and date.
        ``attrs["unused_tickers"]`` names the tickers passed over between `start` and `end`.
    """
    read = _read_folder if _is_folder(path) else _read_long
    return read(
        path, name or path.name, problems, start, end, tickers, calendars or {}, corrections
    )


def _read_long(
    path: Path,
    name: str,
    problems: list[Problem],
    start: Day | None,
    end: Day | None,
    tickers: Iterable[str] | None,
    calendars: Mapping[str, str],
    corrections: Corrections,
) -> pd.DataFrame:
    before = len(problems)
    first, last = _days(start, end)
    wanted = None if tickers is None else pd.Index(list(tickers), dtype="str")
    unused: set[str] = set()
    # A code for each ticker, because text would take half the memory of a long file.
    codes: dict[str, int] = {}
    kept: list[pd.DataFrame] = []
    for chunk in read_chunks(path, PRICES, problems, name):
        if not set(PRICES) <= set(chunk.columns):
            problems += check_cells(chunk, PRICES, name)
            continue
        date = parse_dates(chunk["date"])
        used = date.isna() | date.between(first, last)
        number, distinct = pd.factorize(chunk["ticker"])
        if wanted is not None:
            is_other = ~distinct.isin([*wanted, ""])
            other = used & date.notna() & is_other[number]
            unused |= set(distinct[np.unique(number[other])])
            used &= ~other
        rows, date, number = chunk[used], date[used], number[used]
        close = parse_numbers(rows["close"])
        sound = date.notna() & (rows["ticker"] != "") & close.between(LOWEST, HIGHEST)
        # What can be used is not asked again what is wrong with it.
        problems += check_cells(rows[~sound], PRICES, name)
        present = pd.unique(number)
        code = np.zeros(len(distinct), dtype=np.int32)
        code[present] = [codes.setdefault(ticker, len(codes)) for ticker in distinct[present]]
        parsed = pd.DataFrame({"date": date, "ticker": code[number], "close": close})
        kept.append(parsed[date.notna() & (rows["ticker"] != "")])
    if not kept:
        _point_to_import(path, problems, before)
        return NO_PRICES.copy()
    prices = pd.concat(kept)
    kept.clear()
    if prices.empty:
        _point_to_import(path, problems, before)
    names = pd.array(list(codes), dtype="str")
    # Where whole rows were refused, a ticker without a price has perhaps only lost it.
    if all(found.column for found in problems[before:]):
        problems += _without_price(codes, wanted, name, _span(start, end))
    shared = prices.loc[_is_shared(prices), ["date", "ticker"]]
    problems += check_keys(shared.assign(ticker=names.take(shared["ticker"].to_numpy())), name)
    code = prices["ticker"].to_numpy()
    prices["ticker"] = names.take(code)
    on = pd.Series([calendars.get(ticker) for ticker in codes], dtype="str").array.take(code)
    for calendar, rows in prices.groupby(on, sort=False):
        problems += off_session(rows["date"], str(calendar), name, corrections)
    prices = prices[prices["close"].notna()].reset_index(drop=True)
    prices.attrs["unused_tickers"] = tuple(sorted(unused))
    return prices


def _read_folder(
    path: Path,
    name: str,
    problems: list[Problem],
    start: Day | None,
    end: Day | None,
    tickers: Iterable[str] | None,
    calendars: Mapping[str, str],
    corrections: Corrections,
) -> pd.DataFrame:
    there = {file.stem for file in path.glob("*.csv")}
    wanted = sorted(there) if tickers is None else sorted(tickers)
    if not wanted:
        problems.append(Problem(name, "a folder with a file <ticker>.csv for each asset"))
    first, last = _days(start, end)
    frames = [NO_PRICES]
    for ticker in wanted:
        file = f"{name}/{ticker}.csv"
        calendar = calendars.get(ticker)
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
        _point_to_import(path, problems, before)
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
        expected = f"at least one price in the study's dates{_CHOSEN}"
        problems.append(Problem(name, expected, None, "Adj Close"))
    return prices[~suspended(prices)]


def _days(start: Day | None, end: Day | None) -> tuple[pd.Timestamp, pd.Timestamp]:
    first = pd.Timestamp.min if start is None else require_day("the first day", start)
    last = pd.Timestamp.max if end is None else require_day("the last day", end)
    return first, last


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # The name may be too long; whoever reads the file says so.
        return False


def _point_to_import(path: Path, problems: list[Problem], before: int) -> None:
    """Add the command that reads other forms to the first problem from position `before` on."""
    try:
        is_there = path.is_file()
    except OSError:
        is_there = False
    if is_there and len(problems) > before:
        command = "`chainpolicy prices import FILE --into STUDY`"
        expected = f"{problems[before].expected}; {command} brings downloads into this form"
        problems[before] = replace(problems[before], expected=expected)


def read_hourly(path: Path, problems: list[Problem], name: str | None = None) -> pd.DataFrame:
    """Read hourly prices of one asset: ``time`` (UTC) and ``close``, sorted.

    The file has ``time`` in ISO 8601 with UTC offset, the start of the hour, and ``close``.
    """
    name = name or path.name
    table = read_table(path, HOURLY, (), problems, name)
    hourly = pd.DataFrame({"time": _parse_times(table["time"]), "close": table["close"]})
    hourly = hourly.assign(close=parse_numbers(hourly["close"]))
    # Two spellings of one instant are the same hour.
    problems += check_keys(hourly.loc[hourly["time"].notna(), ["time"]], name)
    return hourly.dropna().sort_values("time", ignore_index=True)


def off_session(
    date: pd.Series, calendar: str, name: str, corrections: Corrections = ()
) -> list[Problem]:
    """Find days that are no sessions of a calendar.

    At least one day, without gaps; the name of `date` is that of the column, its index ``line``.
    Found are the first `MOST_PROBLEMS` such days, and the first day that the calendar does not
    reach.
    """
    column = str(date.name)
    try:
        days = sessions(calendar, date.min(), date.max(), corrections)
    except InputError as error:
        return [
            replace(found, file=name, line=_line_of(date, str(found.value)), column=column)
            for found in error.problems
        ]
    closed = date[~date.isin(days)].head(MOST_PROBLEMS)
    return [
        Problem(
            name,
            f"a session of calendar {calendar}; if it was one, say so in {CALENDARS_FILE}: "
            f"{calendar},{day:%Y-%m-%d},open",
            line,
            column,
            f"{day:%Y-%m-%d}",
        )
        for line, day in zip(closed.index.tolist(), closed, strict=True)
    ]


def _line_of(date: pd.Series, day: str) -> int:
    return int(date.index[date == pd.Timestamp(day)][0])


def _is_shared(prices: pd.DataFrame) -> np.ndarray:
    """Rows whose date and ticker code other rows have too; sorting one number is lean."""
    key = prices["date"].to_numpy("datetime64[D]").astype("int64") << 32 | prices["ticker"]
    ordered = np.sort(key.to_numpy())
    shared: np.ndarray = key.isin(ordered[1:][ordered[1:] == ordered[:-1]]).to_numpy()
    return shared


def _span(start: Day | None, end: Day | None) -> str:
    first = "the first day" if start is None else f"{pd.Timestamp(start):%Y-%m-%d}"
    last = "the last day" if end is None else f"{pd.Timestamp(end):%Y-%m-%d}"
    return f"{first} to {last}"


def _without_price(
    found: Iterable[str], wanted: pd.Index | None, name: str, span: str
) -> list[Problem]:
    if not found:
        return [Problem(name, f"at least one price in {span}{_CHOSEN}")]
    missing = () if wanted is None else wanted.difference(list(found), sort=False)
    expected = f"at least one price of this asset in {span}{_CHOSEN}"
    return [Problem(name, expected, column="ticker", value=ticker) for ticker in missing]


def suspended(prices: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows that repeat the last close on a session without trade.

    None where the source states no volumes, as for most indices.
    """
    volume = prices["volume"].to_numpy(dtype=np.float64)
    close = prices["close"].to_numpy(dtype=np.float64)
    idle = ~(volume > 0)
    if not len(prices) or idle.mean() > 0.5:
        return np.zeros(len(prices), dtype=bool)
    unchanged = np.zeros(len(prices), dtype=bool)
    unchanged[1:] = close[1:] == close[:-1]
    return idle & unchanged


def _parse_times(text: pd.Series) -> pd.Series:
    plain = text.where(text.str.fullmatch(_HOUR))
    return pd.to_datetime(plain, format="ISO8601", utc=True, errors="coerce").astype(
        "datetime64[ns, UTC]"
    )


def _is_price(text: pd.Series) -> pd.Series:
    return parse_numbers(text).between(LOWEST, HIGHEST)


def _is_price_or_null(text: pd.Series) -> pd.Series:
    return (text == _NO_VALUE) | _is_price(text)


def _is_volume(text: pd.Series) -> pd.Series:
    return (text == _NO_VALUE) | (parse_numbers(text) >= 0)


_PRICE = (_is_price, f"a positive number with a decimal point (between {LOWEST:g} and {HIGHEST:g})")

PRICES: Schema = {
    "date": cell(IS_DATE, required=True, blank=False),
    "ticker": cell(required=True, blank=False),
    "close": cell(_PRICE, required=True, blank=False),
}
HOURLY: Schema = {
    "time": cell(
        (
            lambda text: _parse_times(text).notna(),
            "ISO 8601 with UTC offset, such as 2019-10-25T10:00:00Z",
        ),
        required=True,
        blank=False,
    ),
    "close": cell(_PRICE, required=True, blank=False),
}

LAYOUT: Schema = {
    "Date": cell(IS_DATE, required=True, blank=False),
    "Adj Close": cell(
        (
            _is_price_or_null,
            f"a positive number like 1234.5, or {_NO_VALUE} on a day without a price",
        ),
        required=True,
    ),
    "Volume": cell((_is_volume, f"a number like 1234500, or {_NO_VALUE}")),
}

NO_PRICES = pd.DataFrame(
    {
        "date": pd.Series(dtype="datetime64[ns]"),
        "ticker": pd.Series(dtype="str"),
        "close": pd.Series(dtype="float64"),
    }
)
