"""The effect of restrictive announcements under other choices, by parts, and its tests' size."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from chainpolicy.checks import (
    RESTRICTIVE,
    by_order,
    event_clusters,
    events_of,
    one_per_order,
    pooled_effect,
    pooled_subsets,
    random_calendars,
    split_by,
    without_each,
)
from chainpolicy.estimators.regimes import in_volatility
from chainpolicy.estimators.volatility import VOLATILITY_MODELS
from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.remember import remembered
from chainpolicy.study.sessions import sharing_sessions

HOUR_KNOWN = ("exact", "ceiling", "evening")


@remembered
def robustness(study: Study, group: str, window: Window = (0, 1)) -> pd.DataFrame:
    """Pool the restrictive announcements under other choices.

    Parameters
    ----------
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    DataFrame
        One row per choice, the keys of `checks.pooled_effect`. Choices for which events.csv lacks
        the column, or that leave nothing out, have no row: days on which no row of the catalogue,
        in the sample or not, notes other news (``other_news``), one announcement per order
        (``order``), an hour or a latest hour known or not, the year and the order without which the
        mean is closest to zero ("the weightiest"). Responses in units of volatility where
        `in_volatility` is defined.
    """
    every = events_of(study, RESTRICTIVE)
    clusters = event_clusters(study, group, window, every)
    table = study.events.set_index("event_id").loc[list(every)]
    hour = table["time_precision"].isin(HOUR_KNOWN)
    chosen: dict[str, Collection[str]] = {"hour or latest hour known": table.index[hour]}
    chosen["day alone known"] = table.index[~hour]
    if "order" in table:
        chosen["first of each order"] = one_per_order(study, every)
    if "other_news" in table:
        noted = study.events.loc[study.events["other_news"] != "", "event_id"]
        of_group = study.alignment[study.alignment["ticker"].map(study.groups) == group]
        accompanied = sharing_sessions(of_group, noted)
        chosen["days without other news"] = [name for name in every if name not in accompanied]
    rows = [
        pooled_effect(clusters, "all", every),
        pooled_effect(clusters, "all, ordinary sessions of the same year", every, same_year=True),
    ]
    for name in VOLATILITY_MODELS:
        try:
            scaled = in_volatility(study, clusters, name)
        except ValueError:
            continue
        rows.append(pooled_effect(scaled, f"all, in units of {name.upper()} volatility", every))
    rows += [
        pooled_effect(event_clusters(study, group, window, events), name, events)
        for name, events in chosen.items()
        if len(events) < len(every)
    ]
    for part, left in without_one(study, group, window).groupby("part", sort=False):
        if left["mean"].isna().all():
            continue
        weakest = left.iloc[int(left["mean"].abs().argmin())]
        named = f"without {weakest['subset']}, of {len(left)} {part}s the weightiest"
        rows.append(dict(weakest.drop("part")) | {"subset": named})
    return pd.DataFrame(rows)


@remembered
def without_one(study: Study, group: str, window: Window = (0, 1)) -> pd.DataFrame:
    """Pool the restrictive announcements without one year, or one order, after the other.

    Parameters
    ----------
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    DataFrame
        One row per year and per order (see `checks.by_order`; none if events.csv has no such
        column), ``part`` and the keys of `checks.pooled_effect`; ``subset`` names what is missing.
    """
    every = events_of(study, RESTRICTIVE)
    parts = {"year": split_by(study, every, "year")}
    if "order" in study.events:
        parts["order"] = by_order(study, every)
    tables = [
        pooled_subsets(study, group, without_each(every, held), window).assign(part=part)
        for part, held in parts.items()
        if len(held) > 1
    ]
    if not tables:
        return pooled_subsets(study, group, {}).assign(part="")
    return pd.concat(tables, ignore_index=True)


@remembered
def splits(
    study: Study, group: str, columns: tuple[str, ...], window: Window = (0, 1)
) -> pd.DataFrame:
    """Pool the restrictive announcements by what columns say of them.

    Parameters
    ----------
    columns : tuple of str
        Of events.csv, or "year".
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    DataFrame
        One row per column and value, ``by`` and the keys of `checks.pooled_effect`.
    """
    every = events_of(study, RESTRICTIVE)
    parts = [
        pooled_subsets(study, group, split_by(study, every, column), window).assign(by=column)
        for column in columns
    ]
    return pd.concat(parts, ignore_index=True)


@remembered
def sizes(study: Study, group: str, windows: tuple[Window, ...]) -> pd.DataFrame:
    """Count rejections on random dates with the restrictive clusters, over several windows.

    Parameters
    ----------
    windows : tuple of tuple of int
        Each with both ends inclusive.

    Returns
    -------
    DataFrame
        As `checks.random_calendars`, with ``window``.
    """
    events = events_of(study, RESTRICTIVE)
    parts = [
        random_calendars(study, group, events, window)
        .reset_index()
        .assign(window=window_label(window))
        for window in windows
    ]
    return pd.concat(parts, ignore_index=True)
