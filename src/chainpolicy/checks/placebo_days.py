"""Clean placebo events: days drawn by a seeded rule from those that are ordinary everywhere."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.checks.ordinary import near_events
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.sessions import event_session, sessions

SEED = 2019
DRAWN = 8
# So that the windows of two drawn days have no session in common on any calendar.
APART = pd.Timedelta(days=7)


def draw_placebo_days(
    study: Study, known: pd.DataFrame | None = None, window: Window = (0, 1), seed: int = SEED
) -> pd.DatetimeIndex:
    """Draw placebo events from the days on which nothing is known to have been announced.

    Parameters
    ----------
    study : Study
    known : DataFrame, optional
        Events of another catalogue (``announced_at``), whose sessions [0, 5] are kept clear of as
        those of the study's own events are.
    window : tuple of int
        Sessions around a day that must be ordinary for every group, see `EventStudy.placebo`, and
        over which each has a CAAR; such a day is a session of every calendar.
    seed : int, default 2019
        Of the random numbers.

    Returns
    -------
    DatetimeIndex
        Eight days in order, at least a week apart; fewer if there are no more.
    """
    days = _ordinary_days(study, known, window)
    estimated = _estimated_days(study, window)
    drawn: list[pd.Timestamp] = []
    for day in days[np.random.default_rng(seed).permutation(len(days))]:
        far = all(abs(day - other) >= APART for other in drawn)
        if len(drawn) < DRAWN and far and day in estimated:
            drawn.append(day)
    return pd.DatetimeIndex(sorted(drawn))


def _ordinary_days(study: Study, known: pd.DataFrame | None, window: Window) -> pd.DatetimeIndex:
    pairs = study.placebo(window).pairs
    by_group = [set(days) for _, days in pairs.groupby("group")["event_session"]]
    if len(by_group) < study.groups.nunique():
        return pd.DatetimeIndex([])
    days = pd.DatetimeIndex(sorted(set.intersection(*by_group)))
    announced = [] if known is None else [at for at in known["announced_at"] if at]
    for calendar in study.alignment["calendar"].unique():
        days = days[~_near(days, str(calendar), announced, window, study)]
    return days


def _estimated_days(study: Study, window: Window) -> set[pd.Timestamp]:
    """Days on which every group has a CAAR: the first prices make no return."""
    found = study.placebo(window).caar(window).dropna(subset="caar")
    groups = found.groupby("event_id")["group"].nunique()
    return set(pd.to_datetime(groups.index[groups == study.groups.nunique()]))


def _near(
    days: pd.DatetimeIndex, calendar: str, announced: list[str], window: Window, study: Study
) -> np.ndarray:
    """Days of which a session of the window is one of the first sessions of an announcement."""
    open_days = sessions(calendar, study.start, study.end, study.corrections)
    inside = [event_session(calendar, at, study.corrections) for at in announced]
    within = pd.DatetimeIndex([at for at in inside if study.start <= at <= study.end])
    places = open_days.get_indexer(within)
    return near_events(open_days.get_indexer(days), window, places)
