"""Which events and groups of a study a figure shows, and which of them leads."""

from __future__ import annotations

import pandas as pd

from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.figures.style import shorten, shorten_all
from chainpolicy.study import Study
from chainpolicy.study.announced import local_day
from chainpolicy.study.calendars import ALWAYS_OPEN
from chainpolicy.study.remember import remembered
from chainpolicy.study.sessions import announcement_time, clusters
from chainpolicy.typeset import numbers

# What still can be read on one page; a larger study's figures say what they leave out.
MOST_EVENTS = 40
MOST_GROUPS = 8
MOST_ASSETS = 120
# Characters of a line that is as wide as a figure.
LONGEST_TITLE = 75


class NothingToDrawError(Exception):
    """The study lacks what a figure shows; says what."""


def leading_window(study: Study) -> tuple[int, int]:
    """Return [0, 1] if the study cumulates over it, else the first window of the study."""
    return (0, 1) if (0, 1) in study.car_windows else study.car_windows[0]


def estimated_events(study: Study) -> tuple[EventStudyResults, pd.DataFrame]:
    """Estimate, and say which events of a group are one because they share its session.

    Returns
    -------
    merged : DataFrame
        ``event_id, group, session, lead``, one row per estimated event and group, groups in the
        order of the study; lead is the earliest announced event that hits
        the same assets of the group on the session.

    Raises
    ------
    NothingToDrawError
        If nothing could be estimated.
    """
    if not study.alignment["in_sample"].any():
        raise NothingToDrawError("The study has no dated event in the sample.")
    results = study.estimate()
    if results.pairs.empty:
        raise NothingToDrawError("No pair of an event and an asset could be estimated.")
    return results, _merged(study)


@remembered
def _merged(study: Study) -> pd.DataFrame:
    """Compute the second result of `estimated_events`."""
    pairs = study.estimate().pairs.drop_duplicates(["event_id", "group"])
    leads = clusters(study.alignment, study.groups, by_assets=True)
    leads = leads.rename(columns={"event_id": "lead"})
    leads = leads.assign(event_id=leads["members"].str.split(";")).explode("event_id")
    merged = pairs.merge(leads, on=["event_id", "group", "event_session"])
    rank = {group: position for position, group in enumerate(study.groups.unique())}
    merged = merged.sort_values("group", key=lambda groups: groups.map(rank), kind="stable")
    merged = merged.rename(columns={"event_session": "session"})
    return merged[["event_id", "group", "session", "lead"]].reset_index(drop=True)


def headline_cells(study: Study, merged: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the headline event and its rows of the second result of `estimated_events`.

    Raises `NothingToDrawError` if it could not be estimated, or hits single assets of groups alone:
    then it is one announcement of many, and stands for none of the others.
    """
    event_id = study.headline_event
    cells = merged[merged["event_id"] == event_id]
    hit = study.alignment.loc[study.alignment["event_id"] == event_id, "ticker"]
    missed = study.groups[~study.groups.index.isin(hit)]
    if not cells.empty and cells["group"].isin(missed).all():
        raise NothingToDrawError(f"The headline event {shorten(event_id)} hits no whole group.")
    if cells.empty:
        raise NothingToDrawError(f"The headline event {shorten(event_id)} could not be estimated.")
    return event_id, cells


def shown(study: Study, merged: pd.DataFrame) -> tuple[list[str], list[str], pd.DataFrame, str]:
    """Choose the events and groups that a figure has room for.

    Events that lead some group's session, in the order of announcement; groups; the rows of
    `merged` that belong to them; a note of what is left out, else empty.
    """
    events, about_events = shown_events(study, merged["lead"].unique().tolist())
    groups, about_groups = shown_groups(study, merged["group"].unique().tolist())
    chosen = merged[merged["lead"].isin(events) & merged["group"].isin(groups)]
    note = "; ".join(filter(None, [about_events, about_groups]))
    return events, groups, chosen, note


def shown_events(
    study: Study, event_ids: list[str], most: int | None = None
) -> tuple[list[str], str]:
    """Choose the events of the highest salience, and among equals those that moved most.

    They stay in the order of announcement; the note says how they were chosen.
    """
    most = most or MOST_EVENTS
    if len(event_ids) <= most:
        return in_order(study, event_ids), ""
    events = study.events.set_index("event_id").loc[in_order(study, event_ids)]
    smallest = _smallest_p(study, "event_id").reindex(events.index).fillna(1.0)
    ranks = ["in_sample", "salience"]
    events = events.assign(p_value=smallest).sort_values(
        [*ranks, "p_value"], ascending=[False, False, True], kind="stable"
    )
    equal = events[ranks].eq(events[ranks].iloc[most]).all(axis=1)
    over = f"the smallest p-values over {window_label(leading_window(study))}"
    if not equal.iloc[most - 1]:
        how = "of the highest salience"
    elif equal.all():
        how = f"with {over}"
    else:
        how = f"of the highest salience and, among equals, {over}"
    note = f"{most} of {len(event_ids)} events shown, those {how}"
    return in_order(study, events.index[:most].tolist()), note


def shown_groups(study: Study, groups: list[str]) -> tuple[list[str], str]:
    """Choose the groups with the smallest p-value at any event, and leave them in their order."""
    if len(groups) <= MOST_GROUPS:
        return groups, ""
    smallest = _smallest_p(study, "group")
    chosen = set(sorted(groups, key=lambda group: smallest.get(group, 1.0))[:MOST_GROUPS])
    over = window_label(leading_window(study))
    note = (
        f"{MOST_GROUPS} of {len(groups)} groups shown, those with the smallest p-values over {over}"
    )
    return [group for group in groups if group in chosen], note


def shown_assets(study: Study, assets: pd.DataFrame, most: int) -> tuple[pd.DataFrame, str]:
    """Choose the assets with the smallest p-value at any event, and leave them in their order."""
    if len(assets) <= most:
        return assets, ""
    ranked = assets["ticker"].map(_smallest_p(study, "ticker")).fillna(1.0)
    chosen = ranked.sort_values(kind="stable").index[:most]
    over = window_label(leading_window(study))
    note = f"{most} of {len(assets)} assets shown, those with the smallest p-values over {over}"
    return assets[assets.index.isin(chosen)], note


@remembered
def _smallest_p(study: Study, of: str) -> pd.Series:
    """Return the smallest p-value at any event over the headline window by group or ticker."""
    results, window = study.estimate(), leading_window(study)
    if of == "ticker":
        table = results.car(window)
    else:
        table = results.tests(window).tidy().query("test == 'time_series_t'")
    smallest: pd.Series = table.groupby(of)["p_value"].min()
    return smallest


def in_order(study: Study, event_ids: list[str]) -> list[str]:
    """Put events in the order of announcement."""
    announced_at = study.events.set_index("event_id")["announced_at"]
    return sorted(event_ids, key=lambda e: (announcement_time(ALWAYS_OPEN, announced_at[e]), e))


def announced_days(study: Study) -> dict[str, str]:
    """Write the day of every dated event, with the year where that is needed."""
    dated = study.events[study.events["announced_at"] != ""]
    days = dated["announced_at"].map(local_day)
    several_years = (days.max() - days.min()).days > 366
    return {
        event_id: numbers.day(day, year=several_years)
        for event_id, day in zip(dated["event_id"], days, strict=True)
    }


def event_title(study: Study, event_id: str) -> str:
    """Name an event in quotation marks; by its event_id where it has no name."""
    name = str(study.events.set_index("event_id")["name"][event_id])
    return f"“{shorten(name, LONGEST_TITLE)}”"


def price_asset(study: Study) -> str:
    """Return the first 24/7 asset that is a group of its own, else the first asset."""
    sizes = study.groups.value_counts()
    own = study.assets[study.assets["ticker"].isin(study.groups.index)]
    alone = own[(own["calendar"] == ALWAYS_OPEN) & (own["group"].map(sizes) == 1)]
    return str((own if alone.empty else alone)["ticker"].iloc[0])


def dated_labels(study: Study, event_ids: list[str], separator: str = ", ") -> list[str]:
    """Name events with the days of their announcement, short and distinct."""
    days = announced_days(study)
    return [
        f"{name}{separator}{days[event_id]}"
        for event_id, name in zip(event_ids, shorten_all(event_ids), strict=True)
    ]
