"""Prices -> returns; price limits, suspensions and gaps are flagged, never hidden."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.study.assets import BENCHMARK, parse_price_limit, price_limit_on
from chainpolicy.study.calendars import ALWAYS_OPEN, Corrections
from chainpolicy.study.factors import Factors
from chainpolicy.study.problems import require_choice
from chainpolicy.study.sessions import Day, effective_calendars, sessions

# Half a tick of 0.01, plus the truncation of adjusted closes to four decimals.
LIMIT_TOLERANCE = 0.0052
AT_LIMIT = ("", "upper", "lower")

# A difference of exactly LIMIT_TOLERANCE counts, whatever binary fractions make of it.
_ROUNDING = 1e-9

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def compute_returns(
    prices: pd.DataFrame,
    assets: pd.DataFrame,
    start: Day,
    end: Day,
    kind: Literal["log", "simple"] = "log",
    gaps: Literal["drop", "span"] = "drop",
    corrections: Corrections = (),
    factors: Factors | None = None,
) -> pd.DataFrame:
    r"""Return of every estimated asset on every session of its calendar.

    With :math:`C_{it}` the close of asset i in session t and p the session of its last
    available close before t,

    .. math:: R_{it} = \log(C_{it} / C_{ip}) \quad\text{or}\quad R_{it} = C_{it} / C_{ip} - 1.

    Under ``gaps="drop"`` there is a return only where p = t - 1; under ``gaps="span"`` the
    return over g = t - p sessions sits at t, and the benchmarks' returns run over the same
    g sessions. A missing close never makes a zero.

    Where `factors` names a risk-free return, :math:`R_{it}` and the returns of benchmarks with
    prices are less that of the same sessions: simple returns less the compounded simple rate, log
    returns less the summed log rate. Assets on 24/7 days are not, unless a factor is among their
    benchmarks: the rate has no weekends.

    A close at the daily limit l in force in session t is a censored return. It is marked
    ``upper`` if :math:`|C_{it} - C_{ip}(1 + l)| \le 0.0052` and ``lower`` if
    :math:`|C_{it} - C_{ip}(1 - l)| \le 0.0052` (half a tick of 0.01 plus truncation), after a
    suspension too and whether or not there is a return.

    Parameters
    ----------
    prices : pandas.DataFrame
        ``date, ticker, close``: one positive close per date and ticker. Days outside
        ``start..end`` are not used.
    assets : pandas.DataFrame
        ``ticker, calendar, group, benchmark, price_limit``, see `assets.read_assets`. A 24/7
        asset with a session-based benchmark is sampled on the benchmark's sessions.
    start, end : str, datetime.date or pandas.Timestamp
        First and last day, both inclusive.
    kind : {"log", "simple"}
        Kind of all returns, also of the benchmarks.
    gaps : {"drop", "span"}
        What becomes of the return that spans missing sessions.
    corrections : tuple of Correction
        What the study sets right in its calendars.
    factors : Factors, optional
        What benchmarks without a row in `assets` are.

    Returns
    -------
    pandas.DataFrame
        One row per asset outside the group ``benchmark`` and session of its calendar, sorted
        by ``ticker, session``: ``ticker, session, return``, one column per benchmark ticker in
        the order of first appearance in `assets`, ``n_sessions`` (sessions that the return
        spans, else 1), ``at_limit`` (one of `AT_LIMIT`). NaN = no return; the benchmarks of
        other assets are NaN throughout. Under ``"span"`` the benchmarks are NaN inside a gap,
        because their return there belongs to the resumption.

    Raises
    ------
    ValueError
        If `prices` holds two closes for one date and ticker, a close that is not positive and
        finite, a date with a time zone, or one that is not a session of the ticker's calendar; if
        `kind` or `gaps` is none of the above; if `start` comes after `end`.
    InputError
        If the calendars do not cover ``start..end``.
    """
    require_choice("kind", kind, ("log", "simple"))
    require_choice("gaps", gaps, ("drop", "span"))
    calendars = effective_calendars(assets)
    estimated = assets[assets["group"] != BENCHMARK]
    benchmarks = list(dict.fromkeys(name for names in estimated["benchmark"] for name in names))
    estimated = estimated.sort_values("ticker", ignore_index=True)
    on_calendar = calendars.loc[estimated["ticker"]].to_numpy()
    days = sessions(ALWAYS_OPEN, start, end)
    closes = _close_grid(prices, assets, days, corrections)

    frames = []
    for calendar in dict.fromkeys(on_calendar):
        of_calendar = sessions(calendar, start, end, corrections)
        sampled = pd.DataFrame(
            closes[days.get_indexer(of_calendar)], index=of_calendar, columns=assets["ticker"]
        )
        rows = estimated[on_calendar == calendar]
        excess = np.array([in_excess(calendar, names, factors) for names in rows["benchmark"]])
        frames.append(
            _returns_on_calendar(sampled, rows, benchmarks, kind, gaps == "span", factors, excess)
        )
    if not frames:
        raise ValueError("no asset to compute returns of: every row is in the group benchmark")
    if len(frames) == 1:
        return frames[0]
    return pd.concat(frames).sort_values("ticker", kind="stable", ignore_index=True)


def in_excess(calendar: str, benchmarks: Collection[str], factors: Factors | None) -> bool:
    """Say whether an asset's returns are less the risk-free return.

    Parameters
    ----------
    calendar : str
        On which they are measured, see `sessions.effective_calendars`.
    benchmarks : collection of str
    factors : Factors or None
    """
    if factors is None or factors.risk_free is None:
        return False
    return calendar != ALWAYS_OPEN or not set(factors.names).isdisjoint(benchmarks)


def _returns_on_calendar(
    closes: pd.DataFrame,
    rows: pd.DataFrame,
    benchmarks: list[str],
    kind: Literal["log", "simple"],
    spanned: bool,
    factors: Factors | None,
    excess: NDArray[np.bool_],
) -> pd.DataFrame:
    """Long returns of the assets in `rows` on the sessions that index `closes`."""
    on = pd.DatetimeIndex(closes.index)

    def less_rate(change: Floats, since: Integers) -> Floats:
        if factors is None or not excess.any():
            return change
        return np.where(excess, change - factors.rates(on, since, kind), change)

    own = closes[rows["ticker"].tolist()].to_numpy()
    available = np.isfinite(own)
    session_before = np.broadcast_to(np.arange(len(own))[:, None] - 1, own.shape)
    last_available = _last_available(available)
    last_close = _rows_at(own, last_available)
    traded_before = last_available >= 0

    length = np.where(traded_before, session_before + 1 - last_available, 1)
    returned = available & traded_before & (spanned | (length == 1))
    columns = {
        "return": np.where(
            returned, less_rate(_change(own, last_close, kind), last_available), np.nan
        ),
    }
    since = np.where(traded_before, last_available, session_before) if spanned else session_before
    inside_gap = spanned & traded_before & ~available
    for name in benchmarks:
        follows = np.array([name in names for names in rows["benchmark"]])
        if name in closes:
            level = np.broadcast_to(closes[[name]].to_numpy(), own.shape)
            change = less_rate(_change(level, _rows_at(level, since), kind), since)
        else:
            assert factors is not None
            change = factors.returns(name, on, since, kind)
        columns[name] = np.where(follows & ~inside_gap, change, np.nan)
    columns["n_sessions"] = np.where(returned, length, 1)

    at_limit = _at_limit(own, last_close, rows["price_limit"], on)
    asset = np.repeat(np.arange(len(rows)), len(closes))
    return pd.DataFrame(
        {"ticker": rows["ticker"].astype("str").array.take(asset)}
        | {"session": np.tile(closes.index.to_numpy(), len(rows))}
        | {name: values.T.ravel() for name, values in columns.items()}
        | {"at_limit": pd.array(AT_LIMIT, dtype="str").take(at_limit.T.ravel())}
    )


def _close_grid(
    prices: pd.DataFrame, assets: pd.DataFrame, days: pd.DatetimeIndex, corrections: Corrections
) -> Floats:
    """Lay closes out by day (rows) and asset (columns); NaN = no close."""
    date = pd.to_datetime(prices["date"])
    if date.dt.tz is not None:
        raise ValueError(
            f"the dates of prices have the time zone {date.dt.tz}; give days without one, those of "
            "each exchange"
        )
    day = (date - days[0]).dt.days.to_numpy()
    asset = pd.Index(assets["ticker"]).get_indexer(pd.Index(prices["ticker"]))
    close = prices["close"].to_numpy(dtype=np.float64)
    used = (day >= 0) & (day < len(days)) & (asset >= 0)
    day, asset, close = day[used], asset[used], close[used]
    unusable = ~(np.isfinite(close) & (close > 0))
    if unusable.any():
        first = int(np.argmax(unusable))
        raise ValueError(
            f"close of {assets['ticker'].iloc[asset[first]]} on {days[day[first]]:%Y-%m-%d} is "
            f"{close[first]}: closes must be positive and finite"
        )
    grid = np.full((len(days), len(assets)), np.nan)
    grid[day, asset] = close
    if np.isfinite(grid).sum() != len(close):
        raise ValueError("prices hold two closes for one date and ticker")
    for calendar in assets["calendar"].unique():
        closed = ~days.isin(sessions(calendar, days[0], days[-1], corrections))
        traded = np.isfinite(grid) & closed[:, None] & (assets["calendar"] == calendar).to_numpy()
        if traded.any():
            row, column = np.argwhere(traded)[0]
            raise ValueError(
                f"close of {assets['ticker'].iloc[column]} on {days[row]:%Y-%m-%d}, which is not "
                f"a session of {calendar}"
            )
    return grid


def _last_available(available: NDArray[np.bool_]) -> Integers:
    """Row of the last available close before each row, -1 where there is none."""
    rows = np.where(available, np.arange(len(available))[:, None], -1)
    before = np.full_like(rows, -1)
    before[1:] = np.maximum.accumulate(rows, axis=0)[:-1]
    return before


def _rows_at(values: Floats, rows: Integers) -> Floats:
    """Value of each column at the given rows, NaN for the row -1."""
    return np.where(rows >= 0, np.take_along_axis(values, np.maximum(rows, 0), axis=0), np.nan)


def _change(close: Floats, before: Floats, kind: str) -> Floats:
    return np.log(close / before) if kind == "log" else close / before - 1


def _at_limit(
    close: Floats, before: Floats, price_limits: pd.Series[str], on: pd.DatetimeIndex
) -> NDArray[np.int8]:
    """Position in `AT_LIMIT` of every close."""
    limit = np.full(close.shape, np.nan)
    for text in price_limits.unique():
        in_force = price_limit_on(parse_price_limit(text), on)
        limit[:, (price_limits == text).to_numpy()] = np.asarray(in_force)[:, None]
    tolerance = LIMIT_TOLERANCE + _ROUNDING
    found = np.zeros(close.shape, dtype=np.int8)
    found[np.abs(close - before * (1 - limit)) <= tolerance] = AT_LIMIT.index("lower")
    found[np.abs(close - before * (1 + limit)) <= tolerance] = AT_LIMIT.index("upper")
    return found


def portfolio_returns(returns: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Average the returns of each group, equally weighted on every session.

    Parameters
    ----------
    returns : pandas.DataFrame
        As `compute_returns` gives it.
    groups : pandas.Series
        Group by ticker.

    Returns
    -------
    pandas.DataFrame
        ``group, session, return, n_assets``, one row per group and session on which at least one
        asset has a return of its own, and the benchmark columns, NaN where no asset of the group
        has the benchmark.
    """
    known = {"ticker", "session", "return", "n_sessions", "at_limit"}
    benchmarks = [name for name in returns.columns if name not in known]
    # A return that spans several sessions is none of the one at its end.
    present = returns[returns["return"].notna() & (returns["n_sessions"] == 1)]
    keyed = present.assign(group=present["ticker"].map(groups)).groupby(["group", "session"])
    portfolio = keyed[["return", *benchmarks]].mean()
    portfolio.insert(1, "n_assets", keyed.size())
    return portfolio.reset_index()
