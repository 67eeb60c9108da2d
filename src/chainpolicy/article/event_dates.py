"""What would be found if events were dated as the article dates them."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.remember import remembered
from chainpolicy.study.sessions import align, sessions


@remembered
def at_article_dates(study: Study) -> Study:
    """Date the events of the sample as the article does.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Study
        `announced_at` of every event in the sample that has an ``article_date`` is that bare
        date; the others are unchanged.
    """
    events = study.events
    moved = events["in_sample"] & (events["article_date"] != "")
    events = events.assign(
        announced_at=events["announced_at"].mask(moved, events["article_date"]),
        time_precision=events["time_precision"].mask(moved, "day"),
    )
    return replace(study, events=events, alignment=align(events, study.assets, study.corrections))


@remembered
def article_shifts(study: Study) -> pd.DataFrame:
    """Count the sessions between the article's date and the first session that could react.

    Parameters
    ----------
    study : Study

    Returns
    -------
    DataFrame
        One row per event of the sample that the article dates and calendar, in the order of the
        catalogue: ``event_id, name, announced_at, time_precision, article_date, calendar,
        event_session, article_session`` (the first session on or after the article's date),
        ``shift`` (sessions from `article_session` to `event_session`).

    Raises
    ------
    ValueError
        If the article dates no event of the sample.
    """
    columns = ["event_id", "name", "announced_at", "time_precision", "article_date"]
    dated = study.events.loc[study.events["in_sample"], columns]
    dated = dated[dated["article_date"] != ""]
    if dated.empty:
        raise ValueError("no event of the sample has an article_date")
    keys = ["event_id", "calendar"]
    first = study.alignment.drop_duplicates(keys)[[*keys, "event_session"]]
    moved = at_article_dates(study).alignment.drop_duplicates(keys)[[*keys, "event_session"]]
    moved = moved.rename(columns={"event_session": "article_session"})
    table = dated.merge(first, on="event_id").merge(moved, on=keys)
    both = table[["article_session", "event_session"]]
    for calendar, rows in both.groupby(table["calendar"]):
        days = sessions(str(calendar), rows.min().min(), rows.max().max(), study.corrections)
        start, end = (days.get_indexer(pd.DatetimeIndex(rows[name])) for name in both)
        table.loc[rows.index, "shift"] = end - start
    return table.astype({"shift": "int64"})


@remembered
def article_date_caars(study: Study, window: Window = (0, 1)) -> pd.DataFrame:
    """Compare CAARs at the first session that could react with those at the article's date.

    The normal returns are the same; only the sessions that count as tau = 0 differ.

    Parameters
    ----------
    study : Study
    window : tuple of int
        Both ends inclusive, inside the event window.

    Returns
    -------
    DataFrame
        One row per event and group whose session differs, in the order of the catalogue and of the
        groups: ``event_id, group, n_assets, event_session, caar, lower, upper, article_session,
        article_caar, article_lower, article_upper, shift``; bounds of 95 % intervals, in the
        return kind of the study.
    """
    estimates = ["caar", "lower", "upper"]
    keys = ["event_id", "group"]
    moved = at_article_dates(study).results.caar(window)[[*keys, *estimates]]
    moved = moved.rename(columns={name: f"article_{name}" for name in estimates})
    table = study.results.caar(window)[[*keys, "n_assets", *estimates]].merge(moved, on=keys)
    calendar = study.alignment.drop_duplicates("ticker").set_index("ticker")["calendar"]
    table["calendar"] = table["group"].map(calendar.groupby(study.groups).first())
    shifts = article_shifts(study)[
        ["event_id", "calendar", "event_session", "article_session", "shift"]
    ]
    table = shifts[shifts["shift"] != 0].merge(table, on=["event_id", "calendar"])
    order = {name: place for place, name in enumerate(study.events["event_id"])}
    order |= {name: place for place, name in enumerate(study.groups.unique())}
    table = table.sort_values(
        keys, key=lambda names: names.map(order), kind="stable", ignore_index=True
    )
    first = [*keys, "n_assets", "event_session", *estimates, "article_session"]
    return table[[*first, *(f"article_{name}" for name in estimates), "shift"]]
