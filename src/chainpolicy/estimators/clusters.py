"""The distinct sessions on which policy spoke, and what it said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.study.events import stance_columns
from chainpolicy.study.regressors import STANCE
from chainpolicy.study.sessions import clusters

POLICY = "policy"


def regressed_clusters(alignment: pd.DataFrame, groups: pd.Series | None = None) -> pd.DataFrame:
    """Merge the in-sample policy events that share a session, see `sessions.clusters`.

    Control and placebo events enter no regression.

    Parameters
    ----------
    alignment : DataFrame
        As `sessions.align` returns it; ``in_sample`` defaults to True, ``role`` to policy.
    groups : Series, optional
        Group by ticker. Default: merge per calendar.

    Returns
    -------
    DataFrame
        ``group`` (with `groups`), ``calendar, event_session, event_id, members``.
    """
    if "in_sample" not in alignment.columns:
        alignment = alignment.assign(in_sample=True)
    if "role" in alignment.columns:
        alignment = alignment[alignment["role"] == POLICY]
    return clusters(alignment, groups)


def policy_clusters(
    alignment: pd.DataFrame, events: pd.DataFrame, groups: pd.Series
) -> pd.DataFrame:
    """Give every policy cluster of a group the stances of its members.

    Parameters
    ----------
    alignment : DataFrame
        As `sessions.align` returns it.
    events : DataFrame
        ``event_id`` and the stances, see `stance_columns`.
    groups : Series
        Group by ticker.

    Returns
    -------
    DataFrame
        ``group, calendar, event_session, event_id, members, stance`` and the columns of the
        stances: each is the sign of its sum over the members (1 supportive, -1 restrictive,
        0 neither), `stance` of the sum of all.
    """
    merged = regressed_clusters(alignment, groups)
    coded = events.set_index("event_id")[stance_columns(events)].astype("int64")
    coded.insert(0, STANCE, coded.sum(axis=1).astype("int64"))
    members = merged["members"].str.split(";").explode()
    sums = coded.reindex(members).set_axis(members.index).groupby(level=0).sum()
    return merged.join(sums.apply(np.sign))
