"""Report tables of events: what was announced, and which session could react first."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from chainpolicy.study import Study
from chainpolicy.study.announced import hour_label, local_day
from chainpolicy.study.calendars import ALWAYS_OPEN, PLACES
from chainpolicy.study.events import dimension_of, stance_columns
from chainpolicy.study.sessions import trading_hours
from chainpolicy.typeset.report_table import ReportTable


def events_report(study: Study, event_ids: Collection[str] | None = None) -> ReportTable:
    """List events in a report table, in the order of the catalogue.

    Parameters
    ----------
    study : Study
    event_ids : collection of str, optional
        Default: all.

    Returns
    -------
    ReportTable
        Without columns that say nothing: names that repeat the event's id, dates of an
        article that does not exist, stances that are all neutral.
    """
    events = _chosen(study.events, event_ids)
    stances = {
        f"On {dimension_of(column)}": column
        for column in stance_columns(events)
        if events[column].any()
    }
    frame = pd.DataFrame(
        {
            "Event": events["event_id"],
            "What was announced": events["name"],
            "Article's date": events["article_date"],
            "First public": _first_public(events),
            **{head: events[column].map(_signed) for head, column in stances.items()},
            "Use": events["role"].where(events["in_sample"], "out"),
        }
    )
    silent = {
        "What was announced": events["event_id"],
        "Article's date": "",
    }
    frame = frame.drop(
        columns=[head for head, said in silent.items() if (frame[head] == said).all()]
    )
    note = (
        "First public: in the local time of the announcement; a bare day means that the hour is "
        "unknown. "
    )
    if stances:
        heads = ", ".join(stances)
        note += f"{heads}: the stance, +1 supportive, -1 restrictive, 0 neutral or silent. "
    note += "Use: the role in the analysis, or out of the sample."
    return ReportTable(frame, note)


def sessions_report(study: Study, event_ids: Collection[str] | None = None) -> ReportTable:
    """Show which session of each calendar could react first to the events of the sample.

    Parameters
    ----------
    study : Study
    event_ids : collection of str, optional
        Default: all.

    Returns
    -------
    ReportTable
        One row per event; per exchange also whether it was open at the announcement.
    """
    sample = _chosen(study.events[study.events["in_sample"]], event_ids)
    aligned = study.alignment.drop_duplicates(["event_id", "calendar"])
    session = aligned.set_index(["calendar", "event_id"])["event_session"]
    columns = {"Event": list(sample["event_id"]), "First public": _first_public(sample)}
    for calendar in [name for name in PLACES if name in set(aligned["calendar"])]:
        head = PLACES[calendar]
        if calendar != ALWAYS_OPEN:
            columns[f"{head} was"] = [
                trading_hours(calendar, at, study.corrections) if at else ""
                for at in sample["announced_at"]
            ]
            head = f"{head} session"
        columns[head] = [
            _with_weekday(day) for day in session[calendar].reindex(sample["event_id"])
        ]
    note = (
        "Each session is the first that could react; beside it, where the exchange stood at the "
        "announcement."
    )
    return ReportTable(pd.DataFrame(columns), note)


def _chosen(events: pd.DataFrame, event_ids: Collection[str] | None) -> pd.DataFrame:
    if event_ids is None:
        return events
    return events[events["event_id"].isin(event_ids)].reset_index(drop=True)


def _first_public(events: pd.DataFrame) -> list[str]:
    """Write when the public first knew, as precisely as it is known and no more."""
    written = []
    for at, precision in zip(events["announced_at"], events["time_precision"], strict=True):
        if not at:
            written.append("")
            continue
        day = _with_weekday(local_day(at))
        written.append(day + hour_label(at, precision))
    return written


def _with_weekday(day: pd.Timestamp) -> str:
    return "" if pd.isna(day) else f"{day:%a}\N{NO-BREAK SPACE}{day:%Y-%m-%d}"


def _signed(value: int) -> str:
    return f"{value:+d}" if value else "0"
