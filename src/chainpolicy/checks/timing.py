"""What would be found if announcements were dated by their documents, or by an article."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd

from chainpolicy.checks.pooled import directions, pooled_events
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.events import DATE_COLUMNS
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.remember import remembered
from chainpolicy.study.sessions import align, sessions


@remembered
def redated(study: Study, column: str) -> Study:
    """Date the events of the sample by another column.

    Parameters
    ----------
    study : Study
    column : str
        Of bare dates, or blanks.

    Returns
    -------
    Study
        `announced_at` of every event in the sample that has such a date is that bare date; the
        others are unchanged.

    Raises
    ------
    InputError
        If a date lies outside the known sessions.
    """
    events = study.events
    moved = events["in_sample"] & (events[column] != "")
    events = events.assign(
        announced_at=events["announced_at"].mask(moved, events[column]),
        time_precision=events["time_precision"].mask(moved, "day"),
    )
    try:
        alignment = align(events, study.assets, study.corrections)
    except InputError as error:
        raise InputError([replace(each, column=column) for each in error.problems]) from None
    return replace(study, events=events, alignment=alignment)


def date_column(study: Study) -> str:
    """Find the column by which events could have been dated wrongly.

    Returns
    -------
    str
        The first of `DATE_COLUMNS` that dates an event of the sample.

    Raises
    ------
    InputError
        If none does.
    """
    events = study.events[study.events["in_sample"] & (study.events["announced_at"] != "")]
    for column in DATE_COLUMNS:
        if column in events and (events[column] != "").any():
            return column
    expected = (
        f"a column {' or '.join(DATE_COLUMNS)} with the day (YYYY-MM-DD) by which an event of the "
        "sample would be dated otherwise; without one there is nothing to compare with"
    )
    raise InputError([Problem(f"{study.path.name}/events.csv", expected)])


@remembered
def session_shifts(study: Study, column: str) -> pd.DataFrame:
    """Count the sessions between another date and the first session that could react.

    Parameters
    ----------
    study : Study
    column : str
        Of bare dates, or blanks.

    Returns
    -------
    DataFrame
        One row per event of the sample with such a date and calendar, in the order of the
        catalogue: ``event_id, name, announced_at, time_precision``, the date under the name of
        its column, ``calendar, event_session, dated_session`` (the first session on or after the
        date), ``shift`` (sessions from `dated_session` to `event_session`).
    """
    columns = ["event_id", "name", "announced_at", "time_precision", column]
    dated = study.events.loc[study.events["in_sample"], columns]
    dated = dated[dated[column] != ""]
    keys = ["event_id", "calendar"]
    first = study.alignment.drop_duplicates(keys)[[*keys, "event_session"]]
    moved = redated(study, column).alignment.drop_duplicates(keys)[[*keys, "event_session"]]
    moved = moved.rename(columns={"event_session": "dated_session"})
    table = dated.merge(first, on="event_id").merge(moved, on=keys).assign(shift=0)
    both = table[["dated_session", "event_session"]]
    for calendar, rows in both.groupby(table["calendar"]):
        days = sessions(str(calendar), rows.min().min(), rows.max().max(), study.corrections)
        start, end = (days.get_indexer(pd.DatetimeIndex(rows[name])) for name in both)
        table.loc[rows.index, "shift"] = end - start
    return table.astype({"shift": "int64"})


@remembered
def dated_caars(study: Study, column: str, window: Window = (0, 1)) -> pd.DataFrame:
    """Compare CAARs at the first session that could react with those at another date.

    Parameters
    ----------
    study : Study
    column : str
        Of bare dates, or blanks.
    window : tuple of int
        Both ends inclusive, inside the event window.

    Returns
    -------
    DataFrame
        One row per event and group whose session differs, in the order of the catalogue and of the
        groups: ``event_id, group, n_assets, event_session, caar, lower, upper, dated_session,
        dated_caar, dated_lower, dated_upper, shift``; bounds of 95 % intervals, in the return kind
        of the study; blank where an estimate is missing, as where a date lies outside the prices.
    """
    estimates = ["caar", "lower", "upper"]
    keys = ["event_id", "group"]
    held = [*keys, "n_assets", *estimates]
    moved = redated(study, column).results.caar(window)[held].add_prefix("dated_")
    moved = moved.rename(columns={f"dated_{name}": name for name in keys})
    # An event of which one estimate is missing is compared with nothing, and yet listed.
    hit = study.alignment.assign(group=study.alignment["ticker"].map(study.groups))[keys]
    table = hit.drop_duplicates().merge(study.results.caar(window)[held], on=keys, how="left")
    table = table.merge(moved, on=keys, how="left")
    table["n_assets"] = table["n_assets"].fillna(table.pop("dated_n_assets")).astype("Int64")
    calendar = study.alignment.drop_duplicates("ticker").set_index("ticker")["calendar"]
    table["calendar"] = table["group"].map(calendar.groupby(study.groups).first())
    shifts = session_shifts(study, column)
    shifts = shifts[["event_id", "calendar", "event_session", "dated_session", "shift"]]
    table = shifts[shifts["shift"] != 0].merge(table, on=["event_id", "calendar"])
    order = {name: place for place, name in enumerate(study.events["event_id"])}
    order |= {name: place for place, name in enumerate(study.groups.unique())}
    table = table.sort_values(
        keys, key=lambda names: names.map(order), kind="stable", ignore_index=True
    )
    first = [*keys, "n_assets", "event_session", *estimates, "dated_session"]
    return table[[*first, *(f"dated_{name}" for name in estimates), "shift"]]


def timing_cost(
    study: Study,
    group: str,
    window: Window = (0, 1),
    column: str | None = None,
    without: Collection[str] = (),
) -> pd.DataFrame:
    """Pool announcements by their first public moment, and by the other date.

    Parameters
    ----------
    study : Study
    group : str
    window : tuple of int
        Both ends inclusive.
    column : str, optional
        Default: `date_column`.
    without : collection of event_id
        Announcements that do not count.

    Returns
    -------
    DataFrame
        Two rows, ``dated`` = "first public" and the name of the column, per direction and set of
        rows: ``direction`` (see `pooled.directions`), ``rows`` ("moved": those whose session
        differs; "all"), then the keys of `pooled.pooled_effect`.
    """
    column = date_column(study) if column is None else column
    return _timing_cost(study, group, window, column, tuple(without))


@remembered
def _timing_cost(
    study: Study, group: str, window: Window, column: str, without: tuple[str, ...]
) -> pd.DataFrame:
    other = redated(study, column)
    shifted = session_shifts(study, column)
    calendar = study.calendars[group]
    moved = shifted.loc[(shifted["calendar"] == calendar) & (shifted["shift"] != 0), "event_id"]
    dates = {"first public": study, column: other}
    named = directions(study)
    rows = []
    for direction in dict.fromkeys(named[named != ""]):
        events = named.index[(named == direction) & ~named.index.isin(without)]
        chosen: dict[str, Collection[str]] = {"moved": events[events.isin(moved)], "all": events}
        for which, held in chosen.items():
            for dated, of in dates.items():
                effect = pooled_events(of, group, window, tuple(held))
                effect |= {"subset": str(direction)}
                rows.append({"dated": dated, "direction": direction, "rows": which, **effect})
    return pd.DataFrame(rows)


def lost_share(cost: pd.DataFrame) -> pd.Series:
    """Part of a pooled effect that is missed where events are dated by the other column.

    Parameters
    ----------
    cost : DataFrame
        Of `timing_cost`.

    Returns
    -------
    Series
        By ``direction`` and ``rows``: one minus the ratio of the means; NaN where the first is 0.
    """
    keys = ["direction", "rows"]
    public = cost["dated"] == "first public"
    first, other = (cost[side].set_index(keys)["mean"] for side in (public, ~public))
    ratio: pd.Series = 1 - other / first.where(first != 0, np.nan)
    return ratio
