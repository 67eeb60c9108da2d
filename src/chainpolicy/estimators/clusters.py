"""The distinct sessions on which policy spoke, and what it said.

One rule says what a session of several announcements said, wherever a stance is used: the sign of
the sum of stance times salience over its announcements.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.study import Study
from chainpolicy.study.events import stance_columns
from chainpolicy.study.regressors import STANCE
from chainpolicy.study.remember import remembered
from chainpolicy.study.sessions import clusters

POLICY = "policy"


def regressed_clusters(alignment: pd.DataFrame, groups: pd.Series | None = None) -> pd.DataFrame:
    """Merge the in-sample policy events that share a session, see `sessions.clusters`.

    Events of one session that hit different assets of a group stay apart. Control and placebo
    events enter no regression. ``in_sample`` defaults to True, ``role`` to policy.
    """
    return clusters(_announcements(alignment), groups, by_assets=groups is not None)


def _announcements(alignment: pd.DataFrame) -> pd.DataFrame:
    if "in_sample" not in alignment.columns:
        alignment = alignment.assign(in_sample=True)
    if "role" in alignment.columns:
        alignment = alignment[alignment["role"] == POLICY]
    return alignment


def asset_clusters(alignment: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Merge the in-sample policy events that hit an asset on one session.

    Returns
    -------
    DataFrame
        One row per asset and session: ``ticker, calendar, event_session, first`` (the earliest
        announced), ``members`` (all that hit the asset, joined by ``;``) and ``event_id``, which
        names the cluster of the assets of a calendar that the same events hit: ``first``, or
        ``members`` where ``first`` begins several clusters, on one session or several.
    """
    alone = pd.Series(groups.index, groups.index)
    merged = clusters(_announcements(alignment), alone)
    table = merged.rename(columns={"group": "ticker", "event_id": "first"})
    by_first = table.groupby(["calendar", "first"])
    alike = by_first["members"].transform("nunique") == 1
    return table.assign(event_id=table["first"].where(alike, table["members"]))


def stances_of(members: pd.Series, events: pd.DataFrame) -> pd.DataFrame:
    """Give lists of events, joined by ``;``, the sign of the sum of their `weighted_stances`."""
    names = members.str.split(";").explode()
    sums = weighted_stances(events).reindex(names).set_axis(names.index).groupby(level=0).sum()
    return sums.apply(np.sign)


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


@remembered
def policy_clusters(study: Study) -> pd.DataFrame:
    """Give every policy cluster of a group the stances of its members.

    Returns
    -------
    DataFrame
        ``group, calendar, event_session, event_id, members, stance`` and the columns of the
        stances: each is the sign of the sum over the members of `weighted_stances` (1 supportive,
        -1 restrictive, 0 neither).
    """
    merged = regressed_clusters(study.alignment, study.groups)
    return merged.join(stances_of(merged["members"], study.events))
