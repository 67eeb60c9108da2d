"""The sample of events: what was announced, and when markets could know it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.estimator import MASKED_SESSIONS
from chainpolicy.figures.style import day_label
from chainpolicy.findings.base import Finding
from chainpolicy.study import Study
from chainpolicy.study.assets import ALWAYS_OPEN, PLACES
from chainpolicy.study.sessions import align, clusters, sessions, trading_hours
from chainpolicy.tables.estimates import headline_event
from chainpolicy.typeset.report_table import ReportTable


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
    return replace(study, events=events, alignment=align(events, study.assets))


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
    naive = at_article_dates(study).alignment.drop_duplicates(keys)[[*keys, "event_session"]]
    naive = naive.rename(columns={"event_session": "article_session"})
    table = dated.merge(first, on="event_id").merge(naive, on=keys)
    table["shift"] = [
        _sessions_after(calendar, article, event)
        for calendar, article, event in zip(
            table["calendar"], table["article_session"], table["event_session"], strict=True
        )
    ]
    return table


def first_knowledge(study: Study) -> Finding:
    """Say when the public could know, and how often the article's date would mislead.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        Two sentences; the numbers are `article_shifts`.
    """
    shifts = article_shifts(study)
    event_id = headline_event(study)
    lead = shifts[shifts["event_id"] == event_id].sort_values("event_session")
    if lead.empty:
        raise ValueError(f"the article does not date the headline event, {event_id}")
    wrong = listed(
        f"{int(moved.sum())} times {on_calendar(str(calendar))}"
        for calendar, moved in (shifts["shift"] != 0).groupby(shifts["calendar"], sort=False)
    )
    event = lead.iloc[0]
    reached = listed(
        f"{_place(row['calendar'])} on {row['event_session']:%a} "
        f"{day_label(row['event_session'], year=False)}"
        for row in lead.to_dict("records")
    )
    text = (
        f"The article gives a day for {shifts['event_id'].nunique()} of the "
        f"{int(study.events['in_sample'].sum())} events of the sample; taken as event dates, these "
        f"days miss the first session that could react {wrong}. The leading event, "
        f"“{event['name']}”, stands in the article under "
        f"{_spoken(pd.Timestamp(event['article_date']))}, was public from "
        f"{_first_public(event, _spoken)}, and could first move {reached}."
    )
    return Finding(text, shifts)


def article_date_errors(study: Study) -> Finding:
    """Take the differences between the article's dates and the event sessions apart.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        How many days differ, how many sessions differ, by how many sessions, and of how many
        events that agree the hour is unknown.
    """
    shifts = article_shifts(study)
    events = shifts.drop_duplicates("event_id")
    days = pd.to_datetime(events["announced_at"].str[:10])
    late = int((days > pd.to_datetime(events["article_date"])).sum())
    early = int((days < pd.to_datetime(events["article_date"])).sum())
    largest = listed(
        f"{int(rows['shift'].abs().max())} {on_calendar(str(calendar))}"
        for calendar, rows in shifts.groupby("calendar", sort=False)
    )
    same = shifts.groupby("event_id")["shift"].apply(lambda shift: (shift == 0).all())
    agree = events[events["event_id"].map(same)]
    unknown = int((agree["time_precision"] == "day").sum())
    text = (
        f"Of {len(events)} days that the article gives, {late} lie before and {early} after the "
        f"day on which the public first knew. At most the first session that could react is missed "
        f"by {largest}. For {unknown} of the {len(agree)} events that agree on every calendar the "
        f"hour is unknown, so that their agreement follows from the rule and proves little."
    )
    return Finding(text, shifts)


def known_hours(study: Study) -> Finding:
    """Count the events of the sample whose hour is known.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        The numbers are the counts by ``time_precision``.
    """
    sample = study.events[study.events["in_sample"]]
    counts = sample["time_precision"].value_counts().reindex(["exact", "evening", "day"])
    counts = counts.fillna(0).astype(int)
    text = (
        f"The hour of first publication is known for {counts['exact']} of the {len(sample)} events "
        f"of the sample, for {counts['evening']} it is known to be an evening, and for "
        f"{counts['day']} only the day is known: their reaction may begin in session 0 or in "
        f"session 1."
    )
    return Finding(text, counts.rename_axis("time_precision").reset_index(name="events"))


def composites(study: Study) -> Finding:
    """Count the sessions on which the events of the sample fall.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        The numbers are ``calendar, event_session, event_id, members, follows``; `follows` is
        true where the session before belongs to another cluster of the calendar.
    """
    merged = clusters(study.alignment)
    before = merged.groupby("calendar")["event_session"].shift()
    merged["follows"] = [
        bool(pd.notna(last)) and _sessions_after(calendar, last, session) == 1
        for calendar, last, session in zip(
            merged["calendar"], before, merged["event_session"], strict=True
        )
    ]
    of_calendar = {
        calendar: merged[merged["calendar"] == calendar] for calendar in calendars_of(study)
    }
    distinct = listed(
        f"{len(rows)} {on_calendar(calendar)}" for calendar, rows in of_calendar.items()
    )
    adjacent = listed(
        f"{int(rows['follows'].sum())} {on_calendar(calendar)}"
        for calendar, rows in of_calendar.items()
    )
    text = (
        f"The {int(study.events['in_sample'].sum())} events of the sample fall on fewer distinct "
        f"sessions: {distinct}. Directly after another one of these sessions come {adjacent}: "
        f"there the windows [0, 1] of two clusters share a session, and neither response is free "
        f"of the other."
    )
    return Finding(text, merged)


def exclusions(study: Study) -> Finding:
    """Count what is out of the sample, and what the article leaves out.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        The numbers are the events out of the sample with their reasons.
    """
    events = study.events
    out = events[~events["in_sample"]]
    sample = events[events["in_sample"]]
    added = int((~sample["from_article"]).sum())
    undated = int((sample["from_article"] & (sample["article_date"] == "")).sum())
    roles = sample["role"].value_counts()
    text = (
        f"Of {len(events)} announcements {len(out)} are out of the sample; the {len(sample)} in it "
        f"have the roles {listed(f'{role} ({count})' for role, count in roles.items())}. Of these "
        f"the article does not mention {added} and mentions {undated} without a day."
    )
    return Finding(text, out[["event_id", "announced_at", "reason"]].reset_index(drop=True))


def masks(study: Study) -> Finding:
    """Say which sessions of the estimation windows the announcements take out.

    Parameters
    ----------
    study : Study
        With ``estimation.end``, which makes one estimation window per calendar, and ``mask``.

    Returns
    -------
    Finding
        The numbers are one row per calendar: ``calendar, first, last, length, masked, left,
        events``.

    Raises
    ------
    ValueError
        If the study has no common estimation window, or masks nothing.
    """
    estimation = study.estimation
    if estimation.end is None or not estimation.mask:
        raise ValueError("the study has no common estimation window (estimation.end) with a mask")
    rows = []
    for calendar in calendars_of(study):
        days = sessions(calendar, study.start, study.end)
        window = days[days <= pd.Timestamp(estimation.end)][-estimation.length :]
        events = study.alignment[study.alignment["calendar"] == calendar]
        events = events.drop_duplicates("event_id").sort_values("event_session")
        at = days.get_indexer(pd.DatetimeIndex(events["event_session"]))
        offsets = np.arange(MASKED_SESSIONS[0], MASKED_SESSIONS[1] + 1)
        # Outside the study's days an event has no position; it masks nothing.
        positions = at[at >= 0, None] + offsets
        masked = days[np.unique(positions[positions < len(days)])]
        inside = [bool(days[row[row < len(days)]].isin(window).any()) for row in positions]
        rows.append(
            {
                "calendar": calendar,
                "first": window[0],
                "last": window[-1],
                "length": len(window),
                "masked": int(window.isin(masked).sum()),
                "left": int((~window.isin(masked)).sum()),
                "events": "; ".join(events["event_id"].to_numpy()[at >= 0][inside]),
            }
        )
    numbers = pd.DataFrame(rows)
    left = listed(f"{row['left']} {on_calendar(str(row['calendar']))}" for row in rows)
    text = (
        f"Normal returns are estimated on the {estimation.length} sessions of each calendar up to "
        f"{day_label(pd.Timestamp(estimation.end))}, less the sessions "
        f"{window_label(MASKED_SESSIONS)} of every dated announcement, in the sample or not; "
        f"{left} remain."
    )
    return Finding(text, numbers)


def catalogue_report(study: Study) -> ReportTable:
    """Lay out what was announced: every event, in the order of the catalogue."""
    events = study.events
    frame = pd.DataFrame(
        {
            "Event": events["event_id"],
            "What was announced": events["name"],
            "Article's date": events["article_date"],
            "First public": _announced(events),
            "Blockchain": events["stance_blockchain"].map(_signed),
            "Coins": events["stance_crypto"].map(_signed),
            "Use": events["role"].where(events["in_sample"], "out"),
        }
    )
    note = (
        "First public is in the local time of the announcement; a bare day means that the hour is "
        "unknown. Blockchain and Coins are the stances: +1 supportive, -1 restrictive, 0 neutral "
        "or silent. Use is the role in the analysis, or out of the sample."
    )
    return ReportTable(frame, note)


def session_report(study: Study) -> ReportTable:
    """Lay out which session of each calendar could react first to the events of the sample."""
    events = study.events[study.events["in_sample"]].set_index("event_id")
    aligned = study.alignment.drop_duplicates(["event_id", "calendar"])
    session = aligned.set_index(["calendar", "event_id"])["event_session"]
    frame = pd.DataFrame(
        {
            "Event": events.index,
            "First public": _announced(events),
        }
    )
    for calendar in calendars_of(study):
        if calendar != ALWAYS_OPEN:
            frame[f"{PLACES[calendar]} was"] = [
                trading_hours(calendar, at) for at in events["announced_at"]
            ]
        head = PLACES[calendar] if calendar == ALWAYS_OPEN else f"{PLACES[calendar]} session"
        frame[head] = session[calendar].loc[events.index].map(with_weekday).to_numpy()
    note = (
        "Each session is the first that could react, by the rule above; beside it, where the "
        "exchange stood at the announcement."
    )
    return ReportTable(frame, note)


def shift_report(study: Study) -> ReportTable:
    """Lay out the events whose first session is not the one that the article's date points to."""
    shifts = article_shifts(study)
    moved = shifts.groupby("event_id")["shift"].transform(lambda shift: (shift != 0).any())
    shifts = shifts[moved.astype(bool)]
    events = shifts.drop_duplicates("event_id").set_index("event_id")
    by_calendar = shifts.set_index(["calendar", "event_id"])
    frame = pd.DataFrame(
        {
            "Event": events.index,
            "Article's date": [with_weekday(pd.Timestamp(day)) for day in events["article_date"]],
            "First public": _announced(events),
        }
    )
    for calendar in calendars_of(study):
        rows = by_calendar.loc[calendar].loc[events.index]
        frame[PLACES[calendar]] = [
            f"{with_weekday(session)}\N{NO-BREAK SPACE}({_signed(shift)})"
            for session, shift in zip(rows["event_session"], rows["shift"], strict=True)
        ]
    note = (
        "The first session that could react, and in brackets the number of sessions by which it "
        "lies after the session to which the article's date points."
    )
    return ReportTable(frame, note)


def composite_report(study: Study) -> ReportTable:
    """Lay out the sessions that several events of the sample share."""
    merged = composites(study).numbers
    shared = merged[merged["members"].str.contains(";", regex=False)]
    shared = shared.sort_values(["event_session", "calendar"])
    frame = pd.DataFrame(
        {
            "Session": shared["event_session"].map(with_weekday),
            "Calendar": shared["calendar"].map(PLACES),
            "Events, in the order of announcement": shared["members"].str.replace(";", ", "),
        }
    )
    return ReportTable(frame, "The events of one row move the same returns and count as one.")


def exclusion_report(study: Study) -> ReportTable:
    """Lay out the events out of the sample with their reasons."""
    out = exclusions(study).numbers
    frame = pd.DataFrame(
        {
            "Event": out["event_id"],
            "First public": out["announced_at"].str[:10],
            "Why it is out": out["reason"],
        }
    )
    note = "The sessions of those that fall into the estimation window are masked there."
    return ReportTable(frame, note)


def mask_report(study: Study) -> ReportTable:
    """Lay out the estimation window of every calendar."""
    numbers = masks(study).numbers
    frame = pd.DataFrame(
        {
            "Calendar": numbers["calendar"].map(PLACES),
            "First session": numbers["first"].map(with_weekday),
            "Last session": numbers["last"].map(with_weekday),
            "Sessions": numbers["length"].astype(str),
            "Masked": numbers["masked"].astype(str),
            "Left": numbers["left"].astype(str),
            "Masked for": numbers["events"].str.replace(";", ","),
        }
    )
    return ReportTable(frame, f"Masked are the sessions {window_label(MASKED_SESSIONS)} of each.")


def calendars_of(study: Study) -> list[str]:
    """List the calendars on which the study's assets are measured."""
    found = set(study.alignment["calendar"])
    return [calendar for calendar in PLACES if calendar in found]


def _sessions_after(calendar: str, first: pd.Timestamp, second: pd.Timestamp) -> int:
    """Sessions from one session to another; negative if the second comes first."""
    count = len(sessions(calendar, min(first, second), max(first, second))) - 1
    return count if second >= first else -count


def listed(parts: Iterable[str]) -> str:
    """Write a list as a sentence does: "a, b and c"."""
    items = list(parts)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _place(calendar: str) -> str:
    return "the coins" if calendar == ALWAYS_OPEN else PLACES[calendar]


def on_calendar(calendar: str) -> str:
    """Say on which calendar something is counted."""
    return "in UTC days" if calendar == ALWAYS_OPEN else f"in {PLACES[calendar]}"


def with_weekday(day: pd.Timestamp) -> str:
    """Write a day for a table, as Fri 2019-10-25, with a space that does not break."""
    return f"{day:%a}\N{NO-BREAK SPACE}{day:%Y-%m-%d}"


def _spoken(day: pd.Timestamp) -> str:
    return f"{day:%a} {day_label(day)}"


def _first_public(event: pd.Series, write: Callable[[pd.Timestamp], str] = with_weekday) -> str:
    """Write the moment of an announcement with no more precision than is known."""
    at, precision = str(event["announced_at"]), str(event["time_precision"])
    if not at:
        return ""
    hour = {"day": "", "evening": ", evening", "exact": f", {at[11:16]} local time"}[precision]
    return write(pd.Timestamp(at[:10])) + hour


def _announced(events: pd.DataFrame) -> list[str]:
    return [_first_public(event).removesuffix(" local time") for _, event in events.iterrows()]


def _signed(value: int) -> str:
    return f"{value:+d}" if value else "0"
