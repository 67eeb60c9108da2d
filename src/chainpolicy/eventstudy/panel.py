"""Long frames of returns and event sessions, laid out as arrays for batched estimation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RESERVED_COLUMNS = ("ticker", "session", "return", "n_sessions", "at_limit")


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
    at_limit : ndarray of str, shape (R,)
        "upper", "lower" or "".
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
    first: Ints
    length: Ints
    offset: Ints
    calendars: dict[str, NDArray[np.datetime64]]
    session: NDArray[np.datetime64]
    returns: Floats
    factors: Floats
    n_sessions: Floats
    at_limit: NDArray[np.object_]
    benchmarks: tuple[str, ...]
    benchmarks_of: tuple[tuple[str, ...], ...]


def build_panel(
    frame: pd.DataFrame,
    groups: Mapping[str, str] | pd.Series | None = None,
    benchmarks: Mapping[str, Sequence[str]] | None = None,
) -> Panel:
    """Lay a long frame of returns out as arrays.

    Parameters
    ----------
    frame : DataFrame
        Columns ``ticker``, ``session``, ``return``, any number of benchmark columns, and
        optionally ``n_sessions`` and ``at_limit``; one row per asset and session of its
        calendar, in any order, ``return`` blank where there is none. It is copied.
    groups : mapping of ticker to group, optional
        Default: all assets form the group "all".
    benchmarks : mapping of ticker to column names, optional
        Default: every benchmark column in which the asset has at least one value.

    Returns
    -------
    Panel

    Raises
    ------
    ValueError
        If a column is missing, a ticker or session is blank, a return is infinite, a return
        spans less than one session, a row stands twice, or an asset lacks a row for a session
        that its group traded.

    Examples
    --------
    >>> build_panel(pd.DataFrame({"ticker": ["A", "A"], "session": ["2019-01-02"] * 2,
    ...     "return": [0.01, 0.02]}))
    Traceback (most recent call last):
        ...
    ValueError: returns: A has two rows for 2019-01-02; keep one
    """
    missing = [name for name in ("ticker", "session", "return") if name not in frame.columns]
    if missing:
        raise ValueError(f"returns: missing column {', '.join(missing)}")
    if frame.empty:
        raise ValueError("returns: there is no row")
    names = tuple(str(name) for name in frame.columns if name not in RESERVED_COLUMNS)
    codes, uniques = pd.factorize(frame["ticker"], sort=True)
    if (codes < 0).any() or "" in uniques:
        raise ValueError("returns: a ticker is blank")
    tickers = tuple(str(name) for name in uniques)
    session = pd.to_datetime(frame["session"]).to_numpy("datetime64[ns]")
    if np.isnat(session).any():
        raise ValueError("returns: a session is blank")

    step = np.diff(codes)
    in_order = np.all((step > 0) | ((step == 0) & (session[1:] > session[:-1])))
    # Indexing by an array copies: a change of the frame after this does not reach the panel.
    order = np.arange(len(codes)) if in_order else np.lexsort((session, codes))
    codes, session = codes[order], session[order]
    returns = frame["return"].to_numpy(np.float64)[order]
    factors = frame[list(names)].to_numpy(np.float64)[order]
    for name, values in zip(("return", *names), (returns, *factors.T), strict=True):
        if np.isinf(values).any():
            row = int(np.flatnonzero(np.isinf(values))[0])
            raise ValueError(
                f"returns: {name} of {tickers[codes[row]]} on {_day(session[row])} is infinite; "
                "leave it blank where there is no return"
            )
    first = np.searchsorted(codes, np.arange(len(tickers))).astype(np.int64)
    length = np.diff(np.append(first, len(codes))).astype(np.int64)
    group_of = _groups_of(tickers, groups)
    calendars, offset = _calendars(tickers, group_of, codes, first, session)
    rows = len(codes)
    n_sessions = (
        frame["n_sessions"].to_numpy(np.float64)[order] if "n_sessions" in frame else np.ones(rows)
    )
    short = np.isfinite(returns) & ~((n_sessions >= 1) & np.isfinite(n_sessions))
    if short.any():
        row = int(np.flatnonzero(short)[0])
        raise ValueError(
            f"returns: n_sessions of {tickers[codes[row]]} on {_day(session[row])} is "
            f"{n_sessions[row]:g}; a return spans at least one session"
        )
    at_limit = (
        frame["at_limit"].fillna("").to_numpy()[order]
        if "at_limit" in frame
        else np.full(rows, "", dtype=object)
    )
    return Panel(
        tickers=tickers,
        groups=group_of,
        first=first,
        length=length,
        offset=offset,
        calendars=calendars,
        session=session,
        returns=returns,
        factors=factors,
        n_sessions=n_sessions,
        at_limit=at_limit,
        benchmarks=names,
        benchmarks_of=_benchmarks_of(tickers, names, first, factors, benchmarks),
    )


def _day(session: np.datetime64) -> str:
    return str(session.astype("datetime64[D]"))


def _groups_of(
    tickers: tuple[str, ...], groups: Mapping[str, str] | pd.Series | None
) -> tuple[str, ...]:
    if groups is None:
        return ("all",) * len(tickers)
    lookup = dict(groups.items())
    unknown = [ticker for ticker in tickers if ticker not in lookup]
    if unknown:
        raise ValueError(f"groups: no group is given for {', '.join(unknown)}")
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
        return tuple(tuple(compress(names, row)) for row in has_value)
    chosen = {ticker: tuple(benchmarks.get(ticker, ())) for ticker in tickers}
    for ticker, wanted in chosen.items():
        for name in wanted:
            if name not in names:
                raise ValueError(f"returns: there is no column {name}, a benchmark of {ticker}")
    return tuple(chosen.values())


def _calendars(
    tickers: tuple[str, ...],
    group_of: tuple[str, ...],
    codes: Ints,
    first: Ints,
    session: NDArray[np.datetime64],
) -> tuple[dict[str, NDArray[np.datetime64]], Ints]:
    """Sessions of each group, and where each asset's block begins on them."""
    day, days = pd.factorize(session, sort=True)
    group = pd.factorize(np.array(group_of))[0][codes]
    calendars: dict[str, NDArray[np.datetime64]] = {}
    position = np.empty(len(session), dtype=np.int64)
    for number, name in enumerate(dict.fromkeys(group_of)):
        rows = group == number
        traded = np.zeros(len(days), dtype=bool)
        traded[day[rows]] = True
        calendars[name] = days[traded]
        position[rows] = (np.cumsum(traded) - 1)[day[rows]]
    broken = np.flatnonzero((np.diff(position) != 1) & (np.diff(codes) == 0))
    if len(broken):
        row = int(broken[0])
        ticker, name = tickers[codes[row]], group_of[codes[row]]
        if position[row] == position[row + 1]:
            raise ValueError(f"returns: {ticker} has two rows for {_day(session[row])}; keep one")
        raise ValueError(
            f"returns: {ticker} has no row for {_day(calendars[name][position[row] + 1])}, a "
            f'session of its group "{name}"; give it a row with a blank return, or give an asset '
            "of another calendar another group"
        )
    return calendars, position[first]
