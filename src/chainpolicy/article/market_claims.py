"""What an article claims about prices, looked up in the prices of a study.

All returns are log returns, like those of the texts beside them; what an article means by a rise of
40 % is one of log(1.4). What needs more prices than the study's own is in `whole_market`.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from chainpolicy.study import Study
from chainpolicy.study.tabular import require_day, require_moment


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
