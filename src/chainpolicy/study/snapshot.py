"""Prices from files of a study folder: validated, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from chainpolicy.study.calendars import CALENDARS_FILE, Corrections
from chainpolicy.study.problems import InputError, Problem, collecting
from chainpolicy.study.sessions import Day, sessions
from chainpolicy.study.tabular import (
    IS_DATE,
    MOST_PROBLEMS,
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

_HOUR = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
)


def read_prices(
    path: str | Path,
    start: Day | None = None,
    end: Day | None = None,
    tickers: Iterable[str] | None = None,
    calendars: Mapping[str, str] | None = None,
    corrections: Corrections = (),
) -> pd.DataFrame:
    """Read daily prices from a long CSV file.

    The file is read in pieces of which only what is used is kept, so that memory grows with the
    rows returned, not with the file.

    Parameters
    ----------
    path : str or pathlib.Path
        CSV file with the columns ``date, ticker, close`` (adjusted close, any currency).
    start, end : str, datetime.date or pandas.Timestamp, optional
        First and last day, both inclusive. Rows outside are passed over: of them only the form
        of the row and of its date is checked.
    tickers : iterable of str, optional
        Those that are used; each must have a row. Prices of others are passed over unchecked.
        Default: all.
    calendars : mapping of ticker to calendar, optional
        A day that is no session of the ticker's calendar is refused. Default: not checked.
    corrections : tuple of Correction
        What the study sets right in its calendars.

    Returns
    -------
    pandas.DataFrame
        ``date`` (datetime64[ns]), ``ticker``, ``close`` (float64), in the order of the file.
        ``attrs["unused_tickers"]`` names the tickers passed over between `start` and `end`.

    Raises
    ------
    InputError
        With everything that is wrong in the file.
    """
    path = Path(path)
    with collecting() as problems:
        return collect_prices(
            path, path.name, problems, start, end, tickers, calendars, corrections
        )


def collect_prices(
    path: Path,
    name: str,
    problems: list[Problem],
    start: Day | None = None,
    end: Day | None = None,
    tickers: Iterable[str] | None = None,
    calendars: Mapping[str, str] | None = None,
    corrections: Corrections = (),
) -> pd.DataFrame:
    """Read prices as `read_prices` does, gathering problems instead of raising.

    Parameters
    ----------
    path : pathlib.Path
        CSV file.
    name : str
        What the problems call it.
    problems : list of Problem
        Appended.
    start, end, tickers, calendars, corrections
        As in `read_prices`.

    Returns
    -------
    pandas.DataFrame
        As from `read_prices`, without the rows that have a problem.
    """
    before = len(problems)
    first = pd.Timestamp.min if start is None else require_day("the first day", start)
    last = pd.Timestamp.max if end is None else require_day("the last day", end)
    wanted = None if tickers is None else pd.Index(list(tickers), dtype="str")
    unused: set[str] = set()
    # A code for each ticker, because text would take half the memory of a long file.
    codes: dict[str, int] = {}
    kept: list[pd.DataFrame] = []
    for chunk in read_chunks(path, PRICES, problems, name):
        if not set(PRICES.columns) <= set(chunk.columns):
            problems += check_cells(chunk, PRICES, name)
            continue
        date = parse_dates(chunk["date"])
        used = date.isna() | ((date >= first) & (date <= last))
        if wanted is not None:
            other = used & date.notna() & ~chunk["ticker"].isin(wanted) & (chunk["ticker"] != "")
            unused |= set(chunk.loc[other, "ticker"].unique())
            used &= ~other
        rows = chunk[used]
        problems += check_cells(rows, PRICES, name)
        code = rows["ticker"].map(_extend(codes, rows["ticker"])).astype("int32")
        close = parse_numbers(rows["close"])
        parsed = pd.DataFrame({"date": date[used], "ticker": code, "close": close})
        kept.append(parsed[date[used].notna() & (rows["ticker"] != "")])
    if not kept:
        point_to_import(path, problems, before)
        return NO_PRICES.copy()
    prices = pd.concat(kept)
    kept.clear()
    if prices.empty:
        point_to_import(path, problems, before)
    names = pd.array(list(codes), dtype="str")
    # Where whole rows were refused, a ticker without a price has perhaps only lost it.
    if all(found.column for found in problems[before:]):
        problems += _without_price(codes, wanted, name, _span(start, end))
    shared = prices.loc[_is_shared(prices), ["date", "ticker"]]
    problems += check_keys(shared.assign(ticker=names.take(shared["ticker"].to_numpy())), name)
    prices["ticker"] = names.take(prices["ticker"].to_numpy())
    if calendars is not None:
        for calendar, rows in prices.groupby(prices["ticker"].map(calendars), sort=False):
            problems += off_session(rows["date"], str(calendar), name, corrections)
    prices = prices[prices["close"].notna()].reset_index(drop=True)
    prices.attrs["unused_tickers"] = tuple(sorted(unused))
    return prices


def point_to_import(path: Path, problems: list[Problem], before: int) -> None:
    """Add to what is wrong with the form of a price file which command reads other forms.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    problems : list of Problem
        The first of those from position `before` on is changed.
    before : int
    """
    try:
        is_there = path.is_file()
    except OSError:
        is_there = False
    if is_there and len(problems) > before:
        command = "`chainpolicy prices import FILE --into STUDY`"
        expected = f"{problems[before].expected}; {command} brings downloads into this form"
        problems[before] = replace(problems[before], expected=expected)


def read_hourly(path: str | Path) -> pd.DataFrame:
    """Read hourly prices of one asset.

    Parameters
    ----------
    path : str or pathlib.Path
        CSV file with the columns ``time`` (ISO 8601 with UTC offset, the start of the hour) and
        ``close``.

    Returns
    -------
    pandas.DataFrame
        ``time`` (UTC) and ``close`` (float64), sorted by time.

    Raises
    ------
    InputError
        With everything that is wrong in the file.
    """
    path = Path(path)
    with collecting() as problems:
        return collect_hourly(path, path.name, problems)


def collect_hourly(path: Path, name: str, problems: list[Problem]) -> pd.DataFrame:
    """Read hourly prices as `read_hourly` does, gathering problems instead of raising.

    Parameters
    ----------
    path : pathlib.Path
        CSV file.
    name : str
        What the problems call it.
    problems : list of Problem
        Appended.

    Returns
    -------
    pandas.DataFrame
        As from `read_hourly`, without the rows that have a problem.
    """
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

    Parameters
    ----------
    date : pandas.Series
        At least one day, without gaps; its name is that of the column, index ``line``.
    calendar : str
        One of `calendars.CALENDARS`.
    name : str
        What the problems call the file.
    corrections : tuple of Correction
        What the study sets right in its calendars.

    Returns
    -------
    list of Problem
        The first `MOST_PROBLEMS` such days; the first day that the calendar does not reach, if
        there is one.
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


def _extend(codes: dict[str, int], tickers: pd.Series) -> dict[str, int]:
    for ticker in tickers.unique():
        codes.setdefault(ticker, len(codes))
    return codes


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
        return [Problem(name, f"at least one price in {span}")]
    missing = () if wanted is None else wanted.difference(list(found), sort=False)
    expected = f"at least one price of this asset in {span}"
    return [Problem(name, expected, column="ticker", value=ticker) for ticker in missing]


def _parse_times(text: pd.Series) -> pd.Series:
    plain = text.where(text.str.fullmatch(_HOUR))
    return pd.to_datetime(plain, format="ISO8601", utc=True, errors="coerce").astype(
        "datetime64[ns, UTC]"
    )


def _is_price(text: pd.Series) -> pd.Series:
    return parse_numbers(text).between(LOWEST, HIGHEST)


_PRICE = (_is_price, f"a positive number with a decimal point (between {LOWEST:g} and {HIGHEST:g})")

PRICES = pa.DataFrameSchema(
    {
        "date": cell(
            IS_DATE,
            required=True,
            blank=False,
        ),
        "ticker": cell(required=True, blank=False),
        "close": cell(_PRICE, required=True, blank=False),
    }
)
HOURLY = pa.DataFrameSchema(
    {
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
)

NO_PRICES = pd.DataFrame(
    {
        "date": pd.Series(dtype="datetime64[ns]"),
        "ticker": pd.Series(dtype="str"),
        "close": pd.Series(dtype="float64"),
    }
)
