"""Whether the restrictive announcements after a supportive one undid it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from chainpolicy.estimators.clusters import policy_clusters
from chainpolicy.estimators.system_results import (
    SystemResults,
    tested_cells,
    tested_columns,
    tested_frame,
)
from chainpolicy.eventstudy import window_label
from chainpolicy.study import Study
from chainpolicy.study.parts import in_parts
from chainpolicy.typeset.report_table import ReportTable


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
    study = parts.study
    stances = policy_clusters(study.alignment, study.events, study.groups)
    stance_of = dict(zip(stances["members"], stances["stance"], strict=True))
    salience = study.events.set_index("event_id")["salience"]
    found = []
    for system in results:
        table = system.clusters.assign(
            n_hit=[len(system.hit[name]) for name in system.clusters["event_id"]]
        )
        # Of the clusters of a session the one that hits the most assets comes first.
        table = table.sort_values(
            ["event_session", "n_hit"], ascending=[True, False], kind="stable"
        )
        table = table.assign(
            stance=table["members"].map(stance_of),
            salience=[salience[names.split(";")].max() for names in table["members"]],
        )
        supportive = table[table["stance"] > 0]
        if supportive.empty:
            continue
        leading = supportive[supportive["salience"] == supportive["salience"].max()].iloc[0]
        first = supportive[supportive["event_session"] == leading["event_session"]]
        first = first.sort_values("salience", ascending=False, kind="stable")
        # A sum is of one asset: a later session counts if it hits all of the assets of the first.
        theirs = {ticker for name in first["event_id"] for ticker in system.hit[name]}
        later = table[(table["stance"] < 0) & (table["event_session"] > leading["event_session"])]
        sessions = [
            rows
            for _, rows in later.groupby("event_session")
            if theirs <= {ticker for name in rows["event_id"] for ticker in system.hit[name]}
        ]
        leads: list[str] = []
        for step, rows in enumerate([first, *sessions]):
            # The parts of a session have the same dummies: one of them stands for it.
            lead = str(rows["event_id"].iloc[0])
            leads.append(lead)
            test = system.sum_over_sessions(leads, theirs)
            members = dict.fromkeys(";".join(parts.events(rows["members"])).split(";"))
            found.append(
                {
                    "group": system.group,
                    "window": window_label(system.window),
                    "dummies": system.dummies,
                    "step": step,
                    "event_id": parts.event_of.get(lead, lead),
                    "members": ";".join(members),
                    "n_assets": test.n_assets,
                    **tested_columns(test),
                }
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
