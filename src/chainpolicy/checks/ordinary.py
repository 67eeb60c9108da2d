"""How often tests reject on ordinary sessions, and how an event ranks among them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import EventStudyResults
from chainpolicy.eventstudy.estimator import EVENTFUL_SESSIONS
from chainpolicy.eventstudy.inference import require_level
from chainpolicy.eventstudy.panel import Bools, Ints
from chainpolicy.eventstudy.results import Window


def near_events(
    session: Ints, window: Window, events: Ints, taken: Window = EVENTFUL_SESSIONS
) -> Bools:
    """Say which windows hold a session that an event takes.

    Parameters
    ----------
    session : ndarray of int, shape (n,)
        Positions of the windows' event sessions on a calendar.
    window : tuple of int
        Both ends inclusive.
    events : ndarray of int, shape (k,)
        Positions of the events.
    taken : tuple of int
        Sessions of an event, relative to it; the default are those that are not ordinary.

    Examples
    --------
    >>> near_events(np.array([8, 9, 15, 16]), (0, 1), np.array([10])).tolist()
    [False, True, True, False]
    """
    first, last = taken
    apart = session[:, None] - events
    return np.asarray(((apart + window[1] >= first) & (apart + window[0] <= last)).any(axis=1))


def rejection_rates(p_values: pd.DataFrame, level: float = 0.05) -> pd.DataFrame:
    """Share of ordinary sessions on which a test of nominal size `level` rejects.

    Parameters
    ----------
    p_values : DataFrame
        ``group, test, p_value`` of `EventStudy.ordinary_p_values`, or of
        `EventStudyResults.p_values` of a placebo.
    level : float
        Strictly between 0 and 1; a p-value below it is a rejection.

    Returns
    -------
    DataFrame
        ``group, test, n_sessions, rejection_rate``; sessions on which the test is undefined do
        not count, and a test that is undefined throughout has no row. Sessions on which assets
        close at a price limit count like all others.

    Raises
    ------
    ValueError
        If the level does not lie between 0 and 1.
    """
    require_level(level)
    tests = p_values.dropna(subset="p_value")
    tests = tests.assign(rejected=tests["p_value"] < level)
    counted = tests.groupby(["group", "test"])["rejected"].agg(["size", "mean"])
    return counted.set_axis(["n_sessions", "rejection_rate"], axis=1).reset_index()


def placebo_p_values(
    results: EventStudyResults, ordinary: pd.DataFrame, window: Window = (0, 1)
) -> pd.DataFrame:
    r"""Rank of each event's studentized CAAR among the ordinary sessions of its group.

    .. math:: p = \frac{1 + \#\{|t_{placebo}| \ge |t|\}}{1 + \#placebo}.

    Assumes that sessions are exchangeable.

    Parameters
    ----------
    results : EventStudyResults
    ordinary : DataFrame
        ``group, studentized_caar`` of `EventStudy.ordinary_caars` for the same window.
    window : tuple of int

    Returns
    -------
    DataFrame
        ``event_id, group, studentized_caar, n_placebo, p_placebo, smallest_p``; the last is the
        smallest p-value that so many placebo sessions can give.
    """
    actual = results.caar(window)
    actual = actual.assign(studentized_caar=actual["caar"] / actual["std_error"])
    sizes = {
        group: np.sort(values.abs().to_numpy())
        for group, values in ordinary.groupby("group")["studentized_caar"]
    }
    rows = []
    for event_id, group, value in zip(
        actual["event_id"], actual["group"], actual["studentized_caar"], strict=True
    ):
        reference = sizes.get(group, np.array([]))
        beyond = len(reference) - np.searchsorted(reference, abs(value), side="left")
        total = 1 + len(reference)
        rows.append((event_id, group, value, len(reference), (1 + beyond) / total, 1 / total))
    columns = ["event_id", "group", "studentized_caar", "n_placebo", "p_placebo", "smallest_p"]
    return pd.DataFrame(rows, columns=columns)
