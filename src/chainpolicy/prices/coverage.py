"""Which closes of a study exist, against the sessions of their calendars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from chainpolicy.study import Study
from chainpolicy.study.calendars import ALWAYS_OPEN, canonical
from chainpolicy.study.returns import in_excess
from chainpolicy.study.sessions import effective_calendars, sessions

# Percent a day: hardly a factor is steadier or wilder, but nearly every one in the other unit.
STEADIEST, WILDEST = 0.03, 20.0
# Storms and mourning close an exchange for days, not for weeks.
LONGEST_CLOSURE = 5


def coverage(study: Study) -> pd.DataFrame:
    """Count the closes of every asset against the sessions of its calendar.

    Returns
    -------
    DataFrame
        One row per asset, in the order of the asset list: ``ticker, name, group, calendar,
        sessions, first, last`` (sessions with a close), ``closes, late`` (sessions before the
        first close), ``ended`` (after the last), ``gaps`` (without a close between the two),
        ``upper, lower`` (closes at a price limit), ``limited`` (whether there is a price limit).
    """
    at_limit = study.returns[["ticker", "at_limit"]].value_counts()
    missing = missing_closes(study).groupby(["ticker", "kind"])["n_sessions"].sum()
    rows = []
    for asset, days, closed in _assets(study):
        ticker = asset["ticker"]
        rows.append(
            {
                **{key: asset[key] for key in ("ticker", "name", "group", "calendar")},
                "sessions": len(days),
                "first": closed.min(),
                "last": closed.max(),
                "closes": len(closed),
                "late": int(missing.get((ticker, "late start"), 0)),
                "ended": int(missing.get((ticker, "early end"), 0)),
                "gaps": int(missing.get((ticker, "gap"), 0)),
                "upper": int(at_limit.get((ticker, "upper"), 0)),
                "lower": int(at_limit.get((ticker, "lower"), 0)),
                "limited": asset["price_limit"] != "",
            }
        )
    return pd.DataFrame(rows)


def missing_closes(study: Study) -> pd.DataFrame:
    """List every run of sessions without a close.

    Returns
    -------
    DataFrame
        One row per asset and run, in the order of the asset list: ``ticker, name, group, first,
        last, n_sessions, kind`` ("late start", "early end" or "gap").
    """
    rows = []
    for asset, days, closed in _assets(study):
        for run in _runs_without(days, closed):
            first, last = run[0], run[-1]
            ended = "early end" if first > closed.max() else "gap"
            rows.append(
                {
                    **{key: asset[key] for key in ("ticker", "name", "group")},
                    "first": first,
                    "last": last,
                    "n_sessions": len(run),
                    "kind": "late start" if last < closed.min() else ended,
                }
            )
    columns = ["ticker", "name", "group", "first", "last", "n_sessions", "kind"]
    return pd.DataFrame(rows, columns=columns)


def probable_closures(study: Study) -> pd.DataFrame:
    """Find sessions on which no asset of a calendar has a close, though those around them do.

    ``calendar, session, n_assets`` (of the calendar, benchmarks among them): runs of at most
    `LONGEST_CLOSURE` sessions; longer ones are holes in the data. Of a day that the study sets
    right it says itself what it was.
    """
    calendars = study.prices["ticker"].map(study.assets.set_index("ticker")["calendar"])
    told = {(found.calendar, found.day) for found in study.corrections}
    rows = []
    for calendar, own in study.prices.groupby(calendars):
        if calendar == ALWAYS_OPEN:
            continue
        closed = own["date"]
        days = sessions(str(calendar), closed.min(), closed.max(), study.corrections)
        for run in _runs_without(days, closed):
            if len(run) <= LONGEST_CLOSURE:
                rows += [
                    (calendar, day, own["ticker"].nunique())
                    for day in run
                    if (canonical(str(calendar)), day.date()) not in told
                ]
    return pd.DataFrame(rows, columns=["calendar", "session", "n_assets"])


def missing_factors(study: Study) -> pd.DataFrame:
    """Count the sessions on which a factor that is used has no value.

    ``file, factor, calendar, sessions, missing`` (of them), ``first`` (of the missing); a factor
    without gaps has no row. An asset has no normal return where a factor has no value, and no
    return where the risk-free return has none.
    """
    columns = ["file", "factor", "calendar", "sessions", "missing", "first"]
    factors = study.factors
    if factors is None:
        return pd.DataFrame(columns=columns)
    calendars = effective_calendars(study.assets)
    used: dict[tuple[str, str], pd.Series] = {}
    for ticker, benchmarks in study.benchmarks.items():
        calendar = calendars[ticker]
        used |= {
            (name, calendar): factors.growth[name] for name in benchmarks if name in factors.names
        }
        if in_excess(calendar, benchmarks, factors):
            used[str(factors.risk_free), calendar] = factors.rate
    rows = []
    for (name, calendar), values in used.items():
        days = sessions(calendar, study.start, study.end, study.corrections)
        absent = days[~days.isin(values.dropna().index)]
        if len(absent):
            rows.append((factors.file, name, calendar, len(days), len(absent), absent[0]))
    return pd.DataFrame(rows, columns=columns)


def odd_factors(study: Study) -> pd.DataFrame:
    """Find factors too steady for percent, or too wild for decimals, to be meant so.

    ``file, factor, deviation`` (standard deviation, percent a day), ``units`` (of study.toml),
    ``other``. The risk-free return is steady by nature.
    """
    columns = ["file", "factor", "deviation", "units", "other"]
    factors = study.factors
    if factors is None:
        return pd.DataFrame(columns=columns)
    deviation = 100 * factors.growth.sub(factors.rate, axis=0).std()
    if factors.units == "percent":
        odd, other = deviation[(deviation > 0) & (deviation < STEADIEST)], "decimal"
    else:
        odd, other = deviation[deviation > WILDEST], "percent"
    rows = [(factors.file, name, value, factors.units, other) for name, value in odd.items()]
    return pd.DataFrame(rows, columns=columns)


def _runs_without(
    days: pd.DatetimeIndex, closed: pd.Series | pd.DatetimeIndex
) -> Iterator[pd.DatetimeIndex]:
    """Give the sessions without a close, those in a row together."""
    absent = np.flatnonzero(~days.isin(closed))
    for run in np.split(absent, np.flatnonzero(np.diff(absent) > 1) + 1):
        if len(run):
            yield days[run]


def _assets(study: Study) -> Iterator[tuple[dict[Any, Any], pd.DatetimeIndex, pd.DatetimeIndex]]:
    """Each asset with the sessions on which it is measured and those on which it has a close."""
    calendars = effective_calendars(study.assets)
    days_of = {
        calendar: sessions(calendar, study.start, study.end, study.corrections)
        for calendar in calendars.unique()
    }
    dates = study.prices.groupby("ticker")["date"]
    for asset in study.assets.to_dict("records"):
        asset["calendar"] = calendars[asset["ticker"]]
        closed = pd.DatetimeIndex(dates.get_group(asset["ticker"]))
        days = days_of[asset["calendar"]]
        yield asset, days, closed[closed.isin(days)]
