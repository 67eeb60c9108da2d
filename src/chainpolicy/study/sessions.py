"""Announcement time -> the first session of each asset's calendar that could react."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pandas as pd

from chainpolicy.study.announced import moment
from chainpolicy.study.assets import BENCHMARK
from chainpolicy.study.calendars import ALWAYS_OPEN, Corrections, exchange
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.tabular import require_day

_UTC = ZoneInfo("UTC")

Day = str | date | pd.Timestamp


def sessions(
    calendar: str, start: Day, end: Day, corrections: Corrections = ()
) -> pd.DatetimeIndex:
    """Sessions of a calendar, both ends inclusive, as midnights without a time zone.

    ``"24/7"`` has one session per UTC day. Raises `InputError` if the calendar's holidays are not
    known for all of ``start..end``; raises ValueError if a day has a time zone, or `start` comes
    after `end`.
    """
    days = exchange(calendar, corrections).sessions
    first, last = reach(calendar)
    bounds = {
        "prices.start": require_day("the first day", start),
        "prices.end": require_day("the last day", end),
    }
    if bounds["prices.start"] > bounds["prices.end"]:
        raise ValueError(f"the first day, {start}, comes after the last, {end}")
    problems = [
        Problem(
            "study.toml", f"a day between {first} and {last}", column=key, value=f"{day:%Y-%m-%d}"
        )
        for key, day in bounds.items()
        if not first <= day.date() <= last
    ]
    if problems:
        raise InputError(problems)
    begin = days.searchsorted(bounds["prices.start"])
    stop = days.searchsorted(bounds["prices.end"], side="right")
    return days[begin:stop]


def reach(calendar: str) -> tuple[date, date]:
    """First and last session of a calendar, outside of which its holidays are not known."""
    days = exchange(calendar).sessions
    return days[0].date(), days[-1].date()


def event_session(calendar: str, announced_at: str, corrections: Corrections = ()) -> pd.Timestamp:
    """First session that could react to an announcement.

    Hour known: the first session whose close is strictly after the announcement (half-days close
    early). Bare date: the first session on or after it. ``"24/7"``: the UTC day that contains the
    announcement. Raises `InputError` if `announced_at` cannot be read or the calendar does not
    reach that far.
    """
    public = moment(announced_at)
    if calendar == ALWAYS_OPEN or not isinstance(public, datetime):
        day = public.astimezone(_UTC).date() if isinstance(public, datetime) else public
        return _first_session_from(calendar, day, announced_at, corrections)
    market = exchange(calendar, corrections)
    local_day = public.astimezone(market.tz).date()
    first, last = reach(calendar)
    position = int(market.hours["close"].searchsorted(pd.Timestamp(public), side="right"))
    if not first <= local_day <= last or position == len(market.sessions):
        raise InputError([_not_covered(calendar, announced_at)])
    return market.sessions[position]


def trading_hours(calendar: str, announced_at: str, corrections: Corrections = ()) -> str:
    """Say whether an announcement fell inside the calendar's trading hours.

    ``"inside trading hours"`` (also of a session that opened the evening before), ``"lunch break"``
    (between the halves of one session), ``"before the open"``, ``"after the close"`` (or exactly at
    it), ``"no session that day"`` or ``"hour unknown"``. The day is that of the exchange's time
    zone. Raises as `event_session` does.
    """
    public = moment(announced_at)
    if calendar == ALWAYS_OPEN:
        return "inside trading hours" if isinstance(public, datetime) else "hour unknown"
    market = exchange(calendar, corrections)
    if isinstance(public, datetime):
        day = public.astimezone(market.tz).date()
        hours = market.hours.loc[event_session(calendar, announced_at, corrections)]
        if hours["open"] <= public:
            at_lunch = hours["break_start"] <= public < hours["break_end"]
            return "lunch break" if at_lunch else "inside trading hours"
    else:
        day = public
    if _first_session_from(calendar, day, announced_at, corrections) != pd.Timestamp(day):
        return "no session that day"
    if not isinstance(public, datetime):
        return "hour unknown"
    opened = pd.Timestamp(public) >= market.hours["open"].loc[pd.Timestamp(day)]
    return "after the close" if opened else "before the open"


def announcement_time(calendar: str, announced_at: str) -> pd.Timestamp:
    """Instant, in UTC, by which announcements are put in order.

    A bare date counts from the start of that day in the calendar's time zone: it orders, it claims
    no hour. Raises `InputError` if `announced_at` cannot be read.
    """
    public = moment(announced_at)
    if not isinstance(public, datetime):
        zone = _UTC if calendar == ALWAYS_OPEN else exchange(calendar).tz
        public = datetime.combine(public, time(), zone)
    return pd.Timestamp(public).tz_convert("UTC")


def effective_calendars(assets: pd.DataFrame) -> pd.Series:
    """Calendar on which each asset's returns are measured, by ticker.

    An asset's own, except that a 24/7 asset with a session-based benchmark is put on the sessions
    of that benchmark; raises ValueError if its benchmarks trade on different exchanges.
    """
    own = dict(zip(assets["ticker"], assets["calendar"], strict=True))
    effective = {}
    for ticker, benchmarks in zip(assets["ticker"], assets["benchmark"], strict=True):
        # A factor has no calendar: its returns are those of whatever days it has.
        exchanges = sorted({own.get(name, ALWAYS_OPEN) for name in benchmarks} - {ALWAYS_OPEN})
        if own[ticker] != ALWAYS_OPEN or not exchanges:
            effective[ticker] = own[ticker]
        elif len(exchanges) == 1:
            effective[ticker] = exchanges[0]
        else:
            raise ValueError(f"{ticker} has benchmarks on {' and '.join(exchanges)}")
    return pd.Series(effective, name="calendar", dtype="str").rename_axis("ticker")


def align(
    events: pd.DataFrame, assets: pd.DataFrame, corrections: Corrections = ()
) -> pd.DataFrame:
    """Event session of every dated event for every estimated asset that it hits.

    A 24/7 asset on its benchmark's sessions reacts in the first of them on or after the UTC
    day that contains the announcement, because its own close is midnight UTC.

    Parameters
    ----------
    events : pandas.DataFrame
        ``event_id, announced_at, affects`` (a tuple of groups and tickers, empty for every
        asset), ``role, in_sample``; blank `announced_at` rows have no session. Problems are
        located by an index named ``line``, if there is one.
    assets : pandas.DataFrame
        ``ticker, calendar, group, benchmark``; rows of the group ``benchmark`` are left out.

    Returns
    -------
    pandas.DataFrame
        ``event_id, ticker, calendar`` (see `effective_calendars`), ``announced_at,
        event_session, shares_session_with`` (other in-sample events that hit the asset on that
        session, joined by ``;`` in the order of announcement), ``in_sample, role``; sorted by
        ``event_id, ticker``.

    Raises
    ------
    InputError
        With every announcement that a calendar does not cover.
    """
    calendars = effective_calendars(assets)
    estimated = assets[assets["group"] != BENCHMARK]
    dated = events.loc[
        events["announced_at"] != "", ["event_id", "announced_at", "affects", "in_sample", "role"]
    ]
    # Assets that the same events hit on the same calendar have the same rows.
    alike: dict[tuple[str, str, tuple[bool, ...]], list[str]] = {}
    for ticker, group, own in zip(
        estimated["ticker"], estimated["group"], estimated["calendar"], strict=True
    ):
        hits = tuple(
            not affects or not {ticker, group}.isdisjoint(affects) for affects in dated["affects"]
        )
        alike.setdefault((own, calendars[ticker], hits), []).append(ticker)
    place = {event_id: at for at, event_id in enumerate(dated["event_id"])}
    problems: dict[Problem, None] = {}
    rows: list[tuple[int, str, str, pd.Timestamp, str]] = []
    for (own, calendar, hits), tickers in alike.items():
        hitting = dated.loc[list(hits)]
        reaction = _reactions(hitting, own, calendar, corrections, problems)
        on_session = _in_sample_by_session(hitting, reaction, calendar)
        for event_id, session in reaction.items():
            others = (other for other in on_session.get(session, ()) if other != event_id)
            shared = ";".join(others)
            rows += [(place[event_id], ticker, calendar, session, shared) for ticker in tickers]
    if problems:
        raise InputError(problems)
    columns = ["event", "ticker", "calendar", "event_session", "shares_session_with"]
    text = dict.fromkeys(["ticker", "calendar", "shares_session_with"], "str")
    reacted = pd.DataFrame(rows, columns=columns).astype(
        text | {"event": "int64", "event_session": "datetime64[ns]"}
    )
    aligned = dated.iloc[reacted["event"]].reset_index(drop=True).join(reacted)
    return aligned[
        [
            "event_id",
            "ticker",
            "calendar",
            "announced_at",
            "event_session",
            "shares_session_with",
            "in_sample",
            "role",
        ]
    ].sort_values(["event_id", "ticker"], ignore_index=True)


def _reactions(
    dated: pd.DataFrame,
    own: str,
    calendar: str,
    corrections: Corrections,
    problems: dict[Problem, None],
) -> dict[str, pd.Timestamp]:
    """First session on `calendar` of each event that an asset of calendar `own` reacts to."""
    lines = dated.index if dated.index.name == "line" else [None] * len(dated)
    reaction: dict[str, pd.Timestamp] = {}
    for line, event_id, announced_at in zip(
        lines, dated["event_id"], dated["announced_at"], strict=True
    ):
        try:
            session = event_session(own, announced_at, corrections)
            if own != calendar:
                session = _first_session_from(calendar, session.date(), announced_at, corrections)
            reaction[event_id] = session
        except InputError as error:
            problems.update((replace(found, line=line), None) for found in error.problems)
    return reaction


def _in_sample_by_session(
    dated: pd.DataFrame, reaction: dict[str, pd.Timestamp], calendar: str
) -> dict[pd.Timestamp, list[str]]:
    """In-sample events of each session, in the order of announcement."""
    announced = sorted(
        (announcement_time(calendar, announced_at), event_id)
        for event_id, announced_at, in_sample in zip(
            dated["event_id"], dated["announced_at"], dated["in_sample"], strict=True
        )
        if in_sample and event_id in reaction
    )
    on_session: dict[pd.Timestamp, list[str]] = {}
    for _, event_id in announced:
        on_session.setdefault(reaction[event_id], []).append(event_id)
    return on_session


def clusters(
    alignment: pd.DataFrame, groups: pd.Series | None = None, *, by_assets: bool = False
) -> pd.DataFrame:
    """Merge the in-sample events that share a session of a calendar, or of a group.

    Events of one session move the same returns and cannot be told apart: tests over several
    events count them once, under the one announced first.

    Parameters
    ----------
    alignment : pandas.DataFrame
        As `align` returns it; rows out of sample are left out.
    groups : pandas.Series, optional
        Group by ticker. Groups of one calendar differ where one of them is a 24/7 asset at the
        sessions of its benchmark, which reacts by UTC days. Default: merge per calendar.
    by_assets : bool
        Keep events of one session apart if they hit different assets: their responses differ.

    Returns
    -------
    pandas.DataFrame
        ``group`` (with `groups`), ``calendar, event_session, event_id`` (the earliest announced),
        ``members`` (all of them, joined by ``;`` in the order of announcement); sorted by group,
        calendar and session.
    """
    keys = ["calendar", "event_session"]
    events = alignment.loc[alignment["in_sample"].astype(bool)]
    if groups is not None:
        keys = ["group", *keys]
        events = events.assign(group=events["ticker"].map(groups))
    if by_assets:
        by_event = events.sort_values("ticker").groupby([*keys, "event_id"])["ticker"]
        events = events.join(by_event.agg(";".join).rename("hit"), on=[*keys, "event_id"])
        keys = [*keys, "hit"]
    events = events[[*keys, "event_id", "announced_at"]].drop_duplicates()
    public = events[["calendar", "announced_at"]].drop_duplicates()
    public["announced"] = [
        announcement_time(calendar, at) for calendar, at in public.itertuples(index=False)
    ]
    events = events.merge(public).sort_values(["announced", "event_id"])
    # Most sessions have one event, and pandas calls Python for every group.
    several = events.duplicated(keys, keep=False)
    merged = events[several].groupby(keys)["event_id"].agg(["first", ";".join])
    merged = merged.set_axis(["event_id", "members"], axis=1).reset_index()
    alone = events.loc[~several, [*keys, "event_id"]].assign(members=lambda rows: rows["event_id"])
    merged = pd.concat([alone, merged], ignore_index=True).sort_values(keys, ignore_index=True)
    return merged.drop(columns="hit", errors="ignore")


def sharing_sessions(alignment: pd.DataFrame, event_ids: Collection[str]) -> set[str]:
    """Find the events that fall on a session on which one of some others falls, and these.

    Parameters
    ----------
    alignment : pandas.DataFrame
        As `align` returns it, or some of its rows.
    event_ids : collection of str
    """
    keys = ["calendar", "event_session"]
    theirs = alignment.loc[alignment["event_id"].isin(event_ids), keys].dropna().drop_duplicates()
    return set(alignment.merge(theirs, on=keys)["event_id"])


def _first_session_from(
    calendar: str, day: date, announced_at: str, corrections: Corrections
) -> pd.Timestamp:
    first, last = reach(calendar)
    if not first <= day <= last:
        raise InputError([_not_covered(calendar, announced_at)])
    days = exchange(calendar, corrections).sessions
    return days[int(days.searchsorted(pd.Timestamp(day)))]


def _not_covered(calendar: str, announced_at: str) -> Problem:
    first, last = reach(calendar)
    return Problem(
        "events.csv",
        f"a time with a session on calendar {calendar}, whose sessions are known from {first} to "
        f"{last}; correct it, or remove the event",
        column="announced_at",
        value=announced_at,
    )
