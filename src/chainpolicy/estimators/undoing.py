"""Whether the restrictive announcements after a supportive one undid it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from chainpolicy.estimators.clusters import policy_clusters
from chainpolicy.estimators.system_results import (
    SystemResults,
    tested_cells,
    tested_frame,
)
from chainpolicy.eventstudy import window_label
from chainpolicy.study import Study
from chainpolicy.study.parts import in_parts
from chainpolicy.typeset.report_table import ReportTable


class _Cluster(NamedTuple):
    session: pd.Timestamp
    event_id: str
    members: str
    stance: int
    salience: int
    hit: list[str]


def _hit_by(clusters: list[_Cluster]) -> set[str]:
    return {ticker for cluster in clusters for ticker in cluster.hit}


def undoing(study: Study, results: SystemResults) -> pd.DataFrame:
    """Test how far the restrictive clusters after the leading supportive one undid it.

    The first row of a group is the first supportive cluster of the highest salience; every
    further row adds the next restrictive cluster that hits the same assets. A session in several
    windows is counted once.

    Parameters
    ----------
    study : Study
    results : SystemResults
        Of this study.

    Returns
    -------
    DataFrame
        ``group, window, dummies, step, event_id, members, n_assets`` and the columns of
        `TEST_COLUMNS`: the test is that of the sum of this and all earlier steps, event_id and
        members those of the cluster added; groups without a supportive cluster have no row.
    """
    parts = in_parts(study)
    stances = policy_clusters(parts.study)
    stance_of = dict(zip(stances["members"], stances["stance"], strict=True))
    events = parts.study.events
    salience = dict(zip(events["event_id"], events["salience"], strict=True))
    found = []
    for system in results:
        named = (system.clusters[name] for name in ("event_session", "event_id", "members"))
        rows = [
            _Cluster(
                session,
                event_id,
                members,
                stance_of[members],
                max(salience[name] for name in members.split(";")),
                system.hit[event_id],
            )
            for session, event_id, members in zip(*named, strict=True)
        ]
        # Of the clusters of a session the one that hits the most assets comes first.
        rows.sort(key=lambda row: (row.session, -len(row.hit)))
        supportive = [row for row in rows if row.stance > 0]
        if not supportive:
            continue
        leading = max(supportive, key=lambda row: row.salience)
        first = [row for row in supportive if row.session == leading.session]
        first.sort(key=lambda row: row.salience, reverse=True)
        by_session = {leading.session: first}
        for row in rows:
            if row.stance < 0 and row.session > leading.session:
                by_session.setdefault(row.session, []).append(row)
        # A sum is of one asset: a later session counts if it hits all of the assets of the first.
        theirs = _hit_by(first)
        steps = [together for together in by_session.values() if theirs <= _hit_by(together)]
        # The parts of a session have the same dummies: one of them stands for it.
        leads = [together[0].event_id for together in steps]
        members = pd.Series([";".join(row.members for row in together) for together in steps])
        tested = system.sums_over_sessions(leads, theirs).frame().reset_index(drop=True)
        found.append(
            tested.assign(
                group=system.group,
                window=window_label(system.window),
                dummies=system.dummies,
                step=range(len(leads)),
                event_id=[parts.event_of.get(lead, lead) for lead in leads],
                members=parts.events(members),
            )
        )
    columns = ["group", "window", "dummies", "step", "event_id", "members", "n_assets"]
    return tested_frame(found, columns)


def undoing_report(table: pd.DataFrame, labels: Mapping[str, str] | None = None) -> ReportTable:
    """Format the result of `undoing` as a report table, groups by their labels."""
    named = labels or {}
    added = table["members"].str.replace(";", ", ")
    frame = pd.DataFrame(
        {
            "Group": table["group"].map(lambda group: named.get(group, group)),
            "Sum up to and including": added.where(table["step"] == 0, "+ " + added),
            **tested_cells(table),
        }
    )
    note = (
        "Sum of CARs in percent, in the return kind of the study: the supportive announcement of "
        "the highest salience alone, then with one restrictive cluster after the other; a session "
        "in two windows is counted once. In brackets the standard error (OLS prediction error), "
        "t(n - k); F: the sum is zero for every asset. *** p < .01, ** p < .05, * p < .10, not "
        "adjusted for the number of rows."
    )
    return ReportTable(frame, note)
