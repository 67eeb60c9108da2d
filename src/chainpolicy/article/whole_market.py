"""Figures that need more than a study's own prices: every share of a market, hourly highs and lows.

They are stored in the study folder, with the SHA-256 of the file that they come from;
`hourly_range`, `expiry_hours`, `market_day` and `market_limits` compute them again. All returns are
log returns.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from chainpolicy.study import Study
from chainpolicy.study.problems import InputError, Problem, collecting
from chainpolicy.study.returns import LIMIT_TOLERANCE
from chainpolicy.study.tabular import (
    IS_NUMBER,
    Schema,
    cell,
    parse_numbers,
    read_table,
    require_day,
    require_moment,
)

STORED = "market_figures.csv"
SCHEMA: Schema = {
    "figure": cell(required=True, blank=False),
    "value": cell(IS_NUMBER, required=True, blank=False),
    **{name: cell(required=True, blank=False) for name in ("source", "sha256")},
}


def hourly_range(path: Path, day: pd.Timestamp, until: pd.Timestamp) -> dict[str, float]:
    """Find the lowest trade from a day on, and the highest one after it, before `until`.

    The Parquet file has ``time`` (start of the hour, UTC), ``high, low``.
    """
    day, until = require_moment("day", day), require_moment("until", until)
    bars = pd.read_parquet(path, columns=["time", "high", "low"]).set_index("time").sort_index()
    searched = bars[(bars.index >= day) & (bars.index < until)]
    trough = searched["low"].idxmin()
    high = searched.loc[trough:, "high"].max()
    return {"bitcoin_low": float(searched["low"].min()), "bitcoin_high": float(high)}


def expiry_hours(path: Path, expiry: pd.Timestamp, start: pd.Timestamp) -> dict[str, float]:
    """Look up how Bitcoin moved in its year at other expiries, and in any other two hours.

    Monthly futures expire on the last Friday of a month at 16:00 London time. The Parquet file has
    ``time`` (start of the hour, UTC) and ``close``.

    Parameters
    ----------
    expiry : Timestamp
        The expiry that is no other one; its year is searched.
    start : Timestamp
        The two hours from here are no others, nor are those that share one with them.

    Returns
    -------
    dict
        ``n_other_expiries``; ``other_expiries_lowest, other_expiries_highest``, log returns of the
        hour from the expiry on; ``other_two_hours_largest``, the largest absolute log return.
    """
    expiry, start = require_moment("expiry", expiry), require_moment("start", start)
    closes = pd.read_parquet(path, columns=["time", "close"]).set_index("time")["close"]
    hourly = np.log(closes.sort_index()).diff()
    hourly = hourly[hourly.index.year == expiry.year]
    fridays = hourly.index.tz_convert("Europe/London")
    fridays = fridays[(fridays.day_of_week == 4) & (fridays.hour == 16)]
    last = fridays.to_series().groupby(fridays.month).max()
    others = hourly[pd.DatetimeIndex(last[last != expiry])]
    two = (hourly + hourly.shift(-1)).abs()
    hour = pd.Timedelta(hours=1)
    two = two[(two.index < start - hour) | (two.index > start + hour)]
    return {
        "n_other_expiries": float(len(others)),
        "other_expiries_lowest": float(others.min()),
        "other_expiries_highest": float(others.max()),
        "other_two_hours_largest": float(two.max()),
    }


def market_day(path: Path, day: pd.Timestamp, members: Collection[str]) -> dict[str, float]:
    """Compare the mean return of some shares on one day with every share of the market.

    The Parquet file has ``date, ticker, pct_change, trading``. ``n_shares`` that traded,
    ``market_mean``, and ``share_below``: how many of them returned less than the mean of the
    members.
    """
    day = require_day("day", day)
    shares = pd.read_parquet(path, filters=[("date", "==", day), ("trading", "==", 1)])
    changes = shares.set_index("ticker")["pct_change"].astype(np.float64) / 100
    returns = changes.transform(np.log1p)
    average = returns[returns.index.isin(members)].mean()
    return {
        "n_shares": float(len(returns)),
        "market_mean": float(returns.mean()),
        "share_below": float((returns < average).mean()),
    }


def market_limits(path: Path, day: pd.Timestamp) -> dict[str, float]:
    """Count the shares of the whole market that closed at the upper limit of 10 %.

    The Parquet file has ``date, ticker, close, st, trading``; shares under special treatment
    (``st``) have another limit and do not count. ``n_upper`` on the day, ``n_upper_before`` on the
    session before it.
    """
    day = require_day("day", day)
    columns = ["date", "ticker", "close", "st"]
    filters = [("date", "<=", day), ("trading", "==", 1)]
    shares = pd.read_parquet(path, columns=columns, filters=filters)
    shares = shares.sort_values(["ticker", "date"])
    close = shares["close"].astype(np.float64)
    former = close.groupby(shares["ticker"], observed=True).shift()
    at_limit = ((close - 1.10 * former).abs() <= LIMIT_TOLERANCE) & (shares["st"] == 0)
    counts = at_limit.groupby(shares["date"]).sum()
    before = counts[counts.index < day].iloc[-1]
    return {"n_upper": float(counts[day]), "n_upper_before": float(before)}


def stored_figures(study: Study) -> pd.Series:
    """Read what `hourly_range`, `expiry_hours`, `market_day` and `market_limits` found, by name.

    It was computed when the study was made.

    Raises `InputError` if the study keeps no such file, or the file lacks a column or holds what is
    no number.
    """
    path = study.path / STORED
    if not path.exists():
        expected = "a file of this name in the study folder, with figures of the whole market"
        raise InputError([Problem(STORED, expected)])
    with collecting() as problems:
        table = read_table(path, SCHEMA, ["figure"], problems)
    return parse_numbers(table.set_index("figure")["value"])
