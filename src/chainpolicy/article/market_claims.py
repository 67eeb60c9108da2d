"""What an article claims about prices, looked up in prices.

All returns are log returns, like those of the texts beside them; what an article means by a rise of
40 % is one of log(1.4). What needs more than the study's own prices
(every share of the market, hourly highs and lows) is stored in the study folder, with the SHA-256
of the file that it comes from; `hourly_range`, `expiry_hours`, `market_day` and `market_limits`
compute it again.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from chainpolicy.study import Study
from chainpolicy.study.problems import InputError, Problem, collecting
from chainpolicy.study.returns import LIMIT_TOLERANCE
from chainpolicy.study.tabular import (
    IS_NUMBER,
    cell,
    parse_numbers,
    read_table,
    require_day,
    require_moment,
)

STORED = "market_figures.csv"
SCHEMA = pa.DataFrameSchema(
    {
        "figure": cell(required=True, blank=False),
        "value": cell(IS_NUMBER, required=True, blank=False),
        **{name: cell(required=True, blank=False) for name in ("source", "sha256")},
    }
)


def rise(
    study: Study, ticker: str, start: pd.Timestamp, end: pd.Timestamp, until: pd.Timestamp
) -> pd.Series:
    """Measure how far a price rose, in several senses of "in one evening".

    Parameters
    ----------
    study : Study
        With hourly prices of the asset.
    start, end : Timestamp
        The evening, in UTC.
    until : Timestamp
        Where the search for a trough and a later peak ends; it begins with the UTC day of `start`.

    Returns
    -------
    Series
        ``evening`` (between the hourly closes at `start` and `end`), ``day`` and ``two_days``
        (between daily closes), ``trough_to_peak`` (the largest rise between hourly closes).
    """
    start, end = require_moment("start", start), require_moment("end", end)
    until = require_moment("until", until)
    hourly = study.hourly[ticker]
    # The close of an hour is the price at its end.
    at = hourly.set_index(hourly["time"] + pd.Timedelta(hours=1))["close"]
    daily = study.prices[study.prices["ticker"] == ticker].set_index("date")["close"].sort_index()
    day = start.tz_localize(None).normalize()
    before = daily[daily.index < day].iloc[-1]
    searched = at[start.normalize() : until]
    return pd.Series(
        {
            "evening": np.log(at[end] / at[start]),
            "day": np.log(daily[day] / before),
            "two_days": np.log(daily[day + pd.Timedelta(days=1)] / before),
            "trough_to_peak": np.log((searched / searched.cummin()).max()),
        }
    )


def lead(study: Study, group: str, indices: Collection[str], day: pd.Timestamp) -> pd.Series:
    """Compare the equally weighted return of a group on one day with that of indices."""
    day = require_day("day", day)
    closes = study.prices.pivot_table(index="date", columns="ticker", values="close")
    changes = {name: np.log(closes[name].dropna()).diff()[day] for name in indices}
    return pd.Series({group: _mean_return(study, group, day), **changes})


def at_upper_limit(study: Study, groups: Collection[str], day: pd.Timestamp) -> pd.DataFrame:
    """Count the assets of groups that closed a day at their upper limit: ``n_upper, n_assets``."""
    day = require_day("day", day)
    upper = study.returns[
        (study.returns["session"] == day) & (study.returns["at_limit"] == "upper")
    ]
    counts = upper["ticker"].map(study.groups).value_counts()
    sizes = study.groups.value_counts()
    return (
        pd.DataFrame({"n_upper": counts, "n_assets": sizes}).loc[list(groups)].fillna(0).astype(int)
    )


def turn(
    study: Study, groups: Collection[str], day: pd.Timestamp, event_id: str, jump: str
) -> pd.DataFrame:
    """Say whether the rise after one event turned with another, and how much of it was left.

    Parameters
    ----------
    day : Timestamp
        On which the second event is said to have turned the market.
    event_id, jump : str
        The second event, and the first.

    Returns
    -------
    DataFrame
        By group: ``n_assets``; ``on_day``, the mean return of the first session from `day` on;
        ``caar, lower, upper`` over [0, 1] of the second event with its 95 % interval; ``peak`` and
        ``left``, the highest and the last CAAR since the first event on the sessions before `day`;
        ``insignificant_from``, the first session after it whose interval contains zero (NaT if
        there is none).
    """
    day = require_day("day", day)
    caar = study.results.caar((0, 1)).set_index(["event_id", "group"])
    rows = {}
    for group in groups:
        estimates = caar.loc[[(event_id, group)]].iloc[0]
        bounds = study.as_log(estimates[["caar", "lower", "upper"]].to_numpy(np.float64))
        path = study.results.caar_path(jump, group, start=0)
        before = path[path["session"] < day]
        since = study.as_log(before["caar"].to_numpy(np.float64))
        zero_inside = (before["lower"] <= 0) & (before["upper"] >= 0) & (before["tau"] > 0)
        rows[group] = {
            "n_assets": int(estimates["n_assets"]),
            "on_day": _mean_return(study, group, day),
            **dict(zip(("caar", "lower", "upper"), bounds, strict=True)),
            "peak": since.max(),
            "left": since[-1],
            "insignificant_from": before.loc[zero_inside, "session"].min(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


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


def _mean_return(study: Study, group: str, day: pd.Timestamp) -> float:
    """Mean return of a group on its first session from a day on.

    Of the assets that have one: a return over a gap is not that of the session at its end.
    """
    members = study.groups.index[study.groups == group]
    returns = study.returns[study.returns["ticker"].isin(members)]
    returns = returns[(returns["n_sessions"] == 1) & returns["return"].notna()]
    first = returns.loc[returns["session"] >= day, "session"].min()
    values = returns.loc[returns["session"] == first, "return"]
    return float(np.mean(study.as_log(values.to_numpy(np.float64))))
