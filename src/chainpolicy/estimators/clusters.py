"""The distinct sessions on which policy spoke, and what it said.

One rule says what a session of several announcements said, wherever a stance is used: the sign of
the sum of stance times salience over its announcements.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.study.events import stance_columns
from chainpolicy.study.regressors import STANCE
from chainpolicy.study.sessions import clusters

POLICY = "policy"


def regressed_clusters(alignment: pd.DataFrame, groups: pd.Series | None = None) -> pd.DataFrame:
    """Merge the in-sample policy events that share a session, see `sessions.clusters`.

    Control and placebo events enter no regression. ``in_sample`` defaults to True, ``role`` to
    policy.
    """
    if "in_sample" not in alignment.columns:
        alignment = alignment.assign(in_sample=True)
    if "role" in alignment.columns:
        alignment = alignment[alignment["role"] == POLICY]
    return clusters(alignment, groups)


def weighted_stances(events: pd.DataFrame) -> pd.DataFrame:
    """Weight the stances of every event with its salience.

    Parameters
    ----------
    events : DataFrame
        ``event_id``, the stances (see `stance_columns`) and ``salience``.

    Returns
    -------
    DataFrame
        Indexed by event: ``stance`` (of all together) and the columns of the stances. The stance
        of a session is the sign of the sum over its events.
    """
    coded = events.set_index("event_id")[stance_columns(events)].astype("int64")
    coded = coded.mul(events.set_index("event_id")["salience"].astype("int64"), axis=0)
    coded.insert(0, STANCE, coded.sum(axis=1).astype("int64"))
    return coded


def policy_clusters(
    alignment: pd.DataFrame, events: pd.DataFrame, groups: pd.Series
) -> pd.DataFrame:
    """Give every policy cluster of a group the stances of its members.

    Parameters
    ----------
    alignment : DataFrame
        As `sessions.align` returns it.
    events : DataFrame
        ``event_id``, the stances (see `stance_columns`) and ``salience``.
    groups : Series
        Group by ticker.

    Returns
    -------
    DataFrame
        ``group, calendar, event_session, event_id, members, stance`` and the columns of the
        stances: each is the sign of the sum over the members of `weighted_stances` (1 supportive,
        -1 restrictive, 0 neither).
    """
    merged = regressed_clusters(alignment, groups)
    coded = weighted_stances(events)
    members = merged["members"].str.split(";").explode()
    sums = coded.reindex(members).set_axis(members.index).groupby(level=0).sum()
    return merged.join(sums.apply(np.sign))
