"""Long frames of returns and event sessions, laid out as arrays for batched estimation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
# Rows of an array that are chosen.
Selection = Ints | slice
Value = TypeVar("Value", np.float64, np.bool_)

RESERVED_COLUMNS = ("ticker", "session", "return", "n_sessions", "at_limit")
LIMITS = ("", "upper", "lower")
# What pandas calls a column of numbers, of whatever dtype.
NUMBERS = ("integer", "floating", "mixed-integer", "mixed-integer-float", "decimal", "boolean")


@dataclass(frozen=True)
class Panel:
    """Returns of N assets, one row per asset and session, sorted by asset and session.

    The rows of asset i are ``first[i] : first[i] + length[i]``; they are consecutive sessions of
    its group's calendar, so that a position inside the block is a count of sessions.

    Attributes
    ----------
    tickers : tuple of str
        The N assets, sorted.
    groups : tuple of str
        Group of each asset.
    group : ndarray of int, shape (N,)
        Its number, in the order of `calendars`.
    first, length : ndarray of int, shape (N,)
        The block of rows of each asset.
    offset : ndarray of int, shape (N,)
        Position of the asset's first row on the calendar of its group.
    calendars : dict of str to ndarray of datetime64[ns]
        Sessions of each group.
    session : ndarray of datetime64[ns], shape (R,)
    returns : ndarray of float, shape (R,)
        NaN where the asset has no return.
    factors : ndarray of float, shape (R, K)
        Benchmark returns, one column per name in `benchmarks`; NaN where there is none.
    n_sessions : ndarray of float, shape (R,)
        Sessions that the return spans (1 unless it ends a gap).
    at_limit : ndarray of int, shape (R,)
        Place in `LIMITS` of the limit at which the asset closed, 0 for none.
    benchmarks : tuple of str
        Names of the K benchmark columns.
    benchmarks_of : tuple of tuple of str
        Benchmarks of each asset, possibly none.

    Examples
    --------
    >>> panel = build_panel(pd.DataFrame({"ticker": ["B", "A", "A"],
    ...     "session": ["2019-01-03", "2019-01-02", "2019-01-03"], "return": [0.01, None, 0.02]}))
    >>> panel.tickers, panel.first.tolist(), panel.length.tolist(), panel.offset.tolist()
    (('A', 'B'), [0, 2], [2, 1], [0, 1])
    """

    tickers: tuple[str, ...]
    groups: tuple[str, ...]
    group: Ints
    first: Ints
    length: Ints
    offset: Ints
    calendars: dict[str, NDArray[np.datetime64]]
    session: NDArray[np.datetime64]
    returns: Floats
    factors: Floats
    n_sessions: Floats
    at_limit: NDArray[np.int8]
    benchmarks: tuple[str, ...]
    benchmarks_of: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Pairs:
    """P pairs of an event and an asset of a panel, by their numbers.

    Attributes
    ----------
    event_ids : tuple of str
        Of all events, sorted; not every one needs a pair.
    event, asset : ndarray of int, shape (P,)
        Places in `event_ids` and among the tickers of the panel.
    session : ndarray of datetime64[ns], shape (P,)
        The event session.
    position : ndarray of int, shape (P,)
        Its place in the asset's block of rows, -1 outside the data.
    row : ndarray of int, shape (P,)
        Row of the alignment.

    Examples
    --------
    >>> pairs = Pairs(("speech",), np.array([0, 0]), np.array([0, 1]),
    ...     np.array(["2019-01-02"] * 2, "datetime64[ns]"), np.array([0, -1]), np.array([0, 1]))
    >>> len(pairs), pairs[pairs.position < 0].asset.tolist()
    (2, [1])
    """

    event_ids: tuple[str, ...]
    event: Ints
    asset: Ints
    session: NDArray[np.datetime64]
    position: Ints
    row: Ints

    def __len__(self) -> int:
        return len(self.event)

    def __getitem__(self, kept: Ints | Bools | slice) -> Pairs:
        """Return some of the pairs."""
        return Pairs(
            self.event_ids,
            *(self.event[kept], self.asset[kept], self.session[kept]),
            *(self.position[kept], self.row[kept]),
        )

    def named(self, panel: Panel) -> dict[str, pd.api.extensions.ExtensionArray]:
        """Columns ``event_id, ticker`` of a frame with one row per pair."""
        return {
            "event_id": texts(self.event_ids, self.event),
            "ticker": texts(panel.tickers, self.asset),
        }


def texts(
    names: Sequence[str], numbers: NDArray[np.signedinteger[Any]]
) -> pd.api.extensions.ExtensionArray:
    """Return a column of text by the `numbers` of its `names`.

    Taken from the few names there are; pandas reads text one by one slowly.

    Examples
    --------
    >>> list(texts(("A", "B"), np.array([1, 0, 1])))
    ['B', 'A', 'B']
    """
    column: pd.api.extensions.ExtensionArray = pd.array(list(names), dtype="str")
    return column.take(numbers)


def build_panel(
    frame: pd.DataFrame,
    groups: Mapping[str, str] | pd.Series | None = None,
    benchmarks: Mapping[str, Sequence[str]] | None = None,
) -> Panel:
    """Lay a long frame of returns out as arrays.

    `frame`, `groups` and `benchmarks` are what `EventStudy` takes as returns, groups and
    benchmarks. The rows may stand in any order, tickers are read as text, and groups may hold
    tickers without returns. The frame is copied.

    Raises
    ------
    ValueError
        If a column is missing or stands twice, a ticker, session or group is blank, a session
        has a timezone, a return, benchmark or span is no number, a return or benchmark is
        infinite, a return spans no whole number of sessions, a limit is neither upper nor
        lower, a row stands twice, an asset lacks a row for a session that its group traded or
        a group, or benchmarks are chosen that have no column or for a ticker without returns.
    TypeError
        If the benchmarks of a ticker are text instead of a sequence.

    Examples
    --------
    >>> build_panel(pd.DataFrame({"ticker": ["A", "A"], "session": ["2019-01-02"] * 2,
    ...     "return": [0.01, 0.02]}))
    Traceback (most recent call last):
        ...
    ValueError: returns: A has two rows for 2019-01-02; keep one
    """
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    require_columns(frame, ("ticker", "session", "return"), "returns")
    if frame.empty:
        raise ValueError("returns: there is no row")
    codes, tickers = read_names(frame["ticker"], "returns: a ticker")
    session = read_sessions(frame["session"], "returns: session")
    if np.isnat(session).any():
        raise ValueError("returns: a session is blank")
    rows = _Rows.in_order(frame, tickers, codes, session)

    names = tuple(name for name in frame.columns if name not in RESERVED_COLUMNS)
    returns, factors = rows.numbers("return"), np.empty((len(codes), len(names)))
    for column, name in enumerate(names):
        factors[:, column] = rows.numbers(name)
    for name, values in zip(("return", *names), (returns, *factors.T), strict=True):
        infinite = np.isinf(values)
        if infinite.any():
            _, cell = rows.first_of(infinite, name)
            raise ValueError(f"{cell} infinite; leave it blank where there is no return")
    first = np.searchsorted(rows.codes, np.arange(len(tickers))).astype(np.int64)
    length = np.diff(np.append(first, len(codes))).astype(np.int64)
    group_of = _groups_of(tickers, groups)
    group, names_of_groups = pd.factorize(np.array(group_of, dtype=object))
    calendars, offset = _calendars(
        tickers, group, names_of_groups.tolist(), rows.codes, first, rows.session
    )
    return Panel(
        tickers=tickers,
        groups=group_of,
        group=group,
        first=first,
        length=length,
        offset=offset,
        calendars=calendars,
        session=rows.session,
        returns=returns,
        factors=factors,
        n_sessions=_read_spans(rows, returns, first, length),
        at_limit=_read_limits(rows),
        benchmarks=names,
        benchmarks_of=_benchmarks_of(tickers, names, first, factors, benchmarks),
    )


def require_columns(frame: pd.DataFrame, needed: Sequence[str], what: str) -> None:
    """Refuse a `frame` without a `needed` column or with one twice; `what` it is opens the message.

    Raises
    ------
    ValueError
        With the names of these columns.

    Examples
    --------
    >>> require_columns(pd.DataFrame({"ticker": ["A"]}), ["ticker", "return"], "returns")
    Traceback (most recent call last):
        ...
    ValueError: returns: missing column return
    """
    repeated = frame.columns[frame.columns.duplicated()].unique()
    if len(repeated):
        named = ", ".join(str(name) for name in repeated)
        raise ValueError(f"{what}: more than one column is named {named}; keep one")
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise ValueError(f"{what}: missing column {', '.join(missing)}")


def read_names(column: pd.Series, what: str) -> tuple[Ints, tuple[str, ...]]:
    """Return the number of each row's name in a `column`, and the names sorted as text.

    Raises
    ------
    ValueError
        If one is blank; `what` it is begins the message.

    Examples
    --------
    >>> numbers, names = read_names(pd.Series(["B", "A", "B"]), "returns: a ticker")
    >>> numbers.tolist(), names
    ([1, 0, 1], ('A', 'B'))
    """
    named = column
    if not isinstance(column.dtype, pd.StringDtype):
        # True and 1 are two names, and a date is one without its midnight.
        named = column.astype(str).where(column.notna())
    begins = _begins(named)
    given, uniques = pd.factorize(named.iloc[begins])
    # As objects: one by one, pandas takes its own strings out slowly.
    texts = np.array([str(name) for name in uniques.to_numpy(dtype=object)], dtype=object)
    if (given < 0).any() or (texts == "").any():
        raise ValueError(f"{what} is blank")
    # 600519 and "600519" are one asset.
    place, names = pd.factorize(texts, sort=True)
    in_order = bool((place == np.arange(len(place))).all())
    numbers = given if in_order else place[given]
    return np.repeat(numbers, np.diff(begins, append=len(named))), tuple(names.tolist())


def _begins(named: pd.Series) -> Ints:
    """Rows at which another name begins: to compare neighbours is faster than to number all."""
    begins = np.ones(len(named), dtype=np.bool_)
    # One by one, pandas compares strings of Python more slowly than it numbers them.
    if isinstance(named.dtype, pd.StringDtype) and named.dtype.storage == "pyarrow":
        # Beside a blank nothing is said of a name: another one begins.
        differs = named.array[1:] != named.array[:-1]
        begins[1:] = pd.array(differs, dtype="boolean").fillna(True).to_numpy(np.bool_)
    return np.flatnonzero(begins)


@dataclass(frozen=True)
class _Rows:
    """The rows of a frame by asset and session, and where a faulty cell stands."""

    frame: pd.DataFrame
    order: Selection
    tickers: tuple[str, ...]
    codes: Ints
    session: NDArray[np.datetime64]

    @classmethod
    def in_order(
        cls,
        frame: pd.DataFrame,
        tickers: tuple[str, ...],
        codes: Ints,
        session: NDArray[np.datetime64],
    ) -> _Rows:
        same = codes[1:] == codes[:-1]
        in_order = ((codes[1:] > codes[:-1]) | (same & (session[1:] > session[:-1]))).all()
        order = slice(None) if in_order else np.lexsort((session, codes))
        # A change of the frame after this does not reach the panel.
        return cls(frame, order, tickers, codes[order], np.array(session[order]))

    def first_of(self, wrong: Bools, name: str) -> tuple[int, str]:
        """Return the first faulty row, and how a message about its cell begins."""
        row = int(np.flatnonzero(wrong)[0])
        day = session_label(self.session[row])
        return row, f"returns: {name} of {self.tickers[self.codes[row]]} on {day} is"

    def numbers(self, name: str) -> Floats:
        """Read a column of numbers and blanks."""
        column = self.frame[name]
        if column.dtype.kind in ("m", "M"):
            # As numbers these would be nanoseconds.
            column = column.astype(str)
        try:
            return np.array(column.to_numpy(np.float64)[self.order])
        except (TypeError, ValueError):
            # NA among objects is blank, as is empty text; text that reads as a number is one.
            column = column.astype(object).iloc[self.order]
            read = pd.to_numeric(column, errors="coerce").to_numpy()
        blank = column.isna() | (column.astype(str).str.strip() == "")
        text = np.isnan(read) & ~blank.to_numpy()
        if text.any():
            row, cell = self.first_of(text, name)
            raise ValueError(
                f"{cell} {column.iloc[row]!r}; expected a number or a blank, as in every column "
                "but ticker, session and at_limit"
            )
        return read


def _read_spans(rows: _Rows, returns: Floats, first: Ints, length: Ints) -> Floats:
    """Sessions that each return spans: a whole number, and none with a return of its own."""
    if "n_sessions" not in rows.frame:
        return np.ones(len(returns))
    n_sessions = rows.numbers("n_sessions")
    there = np.isfinite(returns)
    counted = (n_sessions >= 1) & np.isfinite(n_sessions) & (np.floor(n_sessions) == n_sessions)
    uncounted = there & ~counted
    if uncounted.any():
        row, cell = rows.first_of(uncounted, "n_sessions")
        raise ValueError(
            f"{cell} {n_sessions[row]:.15g}; a return spans one session or more, a whole number"
        )
    count = np.concatenate([[0], np.cumsum(there)])
    place = np.arange(len(returns))
    reach = np.where(there, n_sessions, 1.0).astype(np.int64)
    start = np.maximum(place - reach + 1, np.repeat(first, length))
    twice = there & (count[place] > count[start])
    if twice.any():
        row, cell = rows.first_of(twice, "n_sessions")
        raise ValueError(
            f"{cell} {n_sessions[row]:.15g}, but a session that this return spans has a return of "
            "its own"
        )
    # Beside a blank return anything may stand; what is no span means nothing.
    return np.where(there | counted, n_sessions, np.nan)


def _read_limits(rows: _Rows) -> NDArray[np.int8]:
    """Read at which limit each asset closed: upper, lower or none, a blank."""
    if "at_limit" not in rows.frame:
        return np.zeros(len(rows.codes), dtype=np.int8)
    kind, kinds = pd.factorize(rows.frame["at_limit"])
    kind = kind[rows.order]
    # A blank has the code -1, the last place.
    labels = [*kinds, ""]
    place = np.array([LIMITS.index(label) if label in LIMITS else -1 for label in labels], np.int8)
    at_limit = place[kind]
    if (at_limit < 0).any():
        row, cell = rows.first_of(at_limit < 0, "at_limit")
        raise ValueError(f'{cell} {labels[kind[row]]!r}; expected "upper", "lower" or a blank')
    return at_limit


def read_sessions(column: pd.Series, what: str) -> NDArray[np.datetime64]:
    """Read a column of sessions; `what` it is begins the message of an error.

    Raises
    ------
    ValueError
        If they have a timezone, are numbers, or cannot be read.

    Examples
    --------
    >>> read_sessions(pd.Series(["2018-07-30"]), "returns: session").astype("datetime64[D]")
    array(['2018-07-30'], dtype='datetime64[D]')
    """
    if column.dtype == np.dtype("datetime64[ns]"):
        return column.to_numpy()
    remedy = "give dates of the exchange without a timezone, such as 2018-07-30"
    given = column.dropna()
    kind = given.cat.categories if isinstance(given.dtype, pd.CategoricalDtype) else given
    if len(given) and infer_dtype(kind) in NUMBERS:
        # pandas would take 20180730 for nanoseconds of 1970.
        raise ValueError(f"{what} holds numbers, such as {given.iloc[0]}; {remedy}")
    try:
        sessions = pd.to_datetime(column)
        zone = sessions.dt.tz
        # What lies beyond the reach of nanoseconds is refused here, and would wrap later.
        sessions = sessions.dt.as_unit("ns")
    except (TypeError, ValueError) as error:
        # Two timezones in one column end here too, and a second sentence advises to take UTC.
        why = str(error).partition(". ")[0]
        raise ValueError(f"{what} cannot be read: {why}; {remedy}") from None
    if zone is not None:
        raise ValueError(f"{what} has the timezone {zone}; {remedy}")
    read: NDArray[np.datetime64] = sessions.to_numpy()
    return read


def has_time(sessions: NDArray[np.datetime64]) -> Bools:
    """Which sessions have a time of day.

    Examples
    --------
    >>> has_time(np.array(["2018-07-30T00:00", "2018-07-30T09:30"], "datetime64[ns]")).tolist()
    [False, True]
    """
    timed: Bools = sessions != sessions.astype("datetime64[D]")
    return timed


def session_label(session: np.datetime64) -> str:
    """Write a session as its date, followed by its time of day if it has one.

    Examples
    --------
    >>> session_label(np.datetime64("2018-07-30")), session_label(np.datetime64("2018-07-30T09:30"))
    ('2018-07-30', '2018-07-30 09:30:00')
    """
    return str(pd.Timestamp(session)).removesuffix(" 00:00:00")


def _groups_of(
    tickers: tuple[str, ...], groups: Mapping[str, str] | pd.Series | None
) -> tuple[str, ...]:
    if groups is None:
        return ("all",) * len(tickers)
    lookup = {str(ticker): group for ticker, group in groups.items()}
    unknown = [ticker for ticker in tickers if ticker not in lookup]
    if unknown:
        raise ValueError(f"groups: no group is given for {', '.join(unknown)}")
    blank = [ticker for ticker in tickers if pd.isna(lookup[ticker]) or lookup[ticker] == ""]
    if blank:
        raise ValueError(f"groups: the group of {', '.join(blank)} is blank")
    return tuple(str(lookup[ticker]) for ticker in tickers)


def _benchmarks_of(
    tickers: tuple[str, ...],
    names: tuple[str, ...],
    first: Ints,
    factors: Floats,
    benchmarks: Mapping[str, Sequence[str]] | None,
) -> tuple[tuple[str, ...], ...]:
    if benchmarks is None:
        if not names:
            return ((),) * len(tickers)
        has_value = np.logical_or.reduceat(np.isfinite(factors), first)
        if has_value.all():
            return (names,) * len(tickers)
        return tuple(tuple(compress(names, row)) for row in has_value)
    chosen = {str(ticker): wanted for ticker, wanted in benchmarks.items()}
    known = set(tickers)
    unknown = [ticker for ticker in chosen if ticker not in known]
    if unknown:
        raise ValueError(f"benchmarks: no returns are given for {', '.join(unknown)}")
    for ticker, wanted in chosen.items():
        if isinstance(wanted, str):
            raise TypeError(
                f"benchmarks: those of {ticker} are {wanted!r}; expected a sequence of columns, "
                f"{[wanted]!r} or {(wanted,)!r}"
            )
        for name in wanted:
            if str(name) not in names:
                raise ValueError(f"returns: there is no column {name}, a benchmark of {ticker}")
    return tuple(tuple(str(name) for name in chosen.get(ticker, ())) for ticker in tickers)


def _calendars(
    tickers: tuple[str, ...],
    group: Ints,
    names: list[str],
    codes: Ints,
    first: Ints,
    session: NDArray[np.datetime64],
) -> tuple[dict[str, NDArray[np.datetime64]], Ints]:
    """Sessions of each group, and where each asset's block begins on them."""
    length = np.diff(np.append(first, len(codes)))
    # Where one asset of each group has all its sessions there is nothing to sort.
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    longest = [int(assets[np.argmax(length[assets])]) for assets in members]
    known = [session[first[asset] :][: length[asset]].copy() for asset in longest]
    offset = np.empty(len(tickers), dtype=np.int64)
    for assets, calendar in zip(members, known, strict=True):
        offset[assets] = np.searchsorted(calendar, session[first[assets]])
    rising = all((calendar[1:] > calendar[:-1]).all() for calendar in known)
    if rising and (offset + length <= length[longest][group]).all():
        base = np.cumsum(length[longest]) - length[longest]
        place = np.arange(len(codes)) + np.repeat(base[group] + offset - first, length)
        if (np.concatenate(known)[place] == session).all():
            return dict(zip(names, known, strict=True)), offset
    day, days = pd.factorize(session, sort=True)
    calendars: dict[str, NDArray[np.datetime64]] = {}
    position = np.empty(len(session), dtype=np.int64)
    for number, name in enumerate(names):
        rows = group[codes] == number
        traded = np.zeros(len(days), dtype=bool)
        traded[day[rows]] = True
        calendars[name] = days[traded]
        position[rows] = (np.cumsum(traded) - 1)[day[rows]]
    broken = np.flatnonzero((np.diff(position) != 1) & (np.diff(codes) == 0))
    if len(broken):
        row = int(broken[0])
        ticker, name = tickers[codes[row]], names[group[codes[row]]]
        if position[row] == position[row + 1]:
            label = session_label(session[row])
            raise ValueError(f"returns: {ticker} has two rows for {label}; keep one")
        skipped = session_label(calendars[name][position[row] + 1])
        raise ValueError(
            f'returns: {ticker} has no row for {skipped}, a session of its group "{name}"; give it '
            "a row with a blank return, or give an asset of another calendar another group"
        )
    return calendars, position[first]
