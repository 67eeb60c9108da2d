"""What the stances of announcements, and an article's claims, look like beside prices."""

from __future__ import annotations

import pandas as pd

from chainpolicy.claims import NOT_CHECKABLE, NOT_SUPPORTED, PARTLY, SUPPORTED, check_claims
from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.findings.base import Finding, label, p_value, percent
from chainpolicy.policy_index import (
    LEAST_SESSIONS,
    OVERALL,
    policy_index,
    response_by_stance,
    stance_sessions,
)
from chainpolicy.report_table import ReportTable, p_text
from chainpolicy.study import Study


def policy_extremes(study: Study, group: str | None = None) -> Finding:
    """Say when policy sentiment was highest and lowest on a group's sessions.

    Parameters
    ----------
    study : Study
    group : str, optional
        Default: the first group of the study.

    Returns
    -------
    Finding
        Per dimension ``dimension, highest, highest_on, lowest, lowest_on``.
    """
    group = str(study.groups.iloc[0]) if group is None else group
    rows = []
    for dimension, index in policy_index(study, group).groupby("dimension", sort=False):
        level = index.set_index("session")["level"]
        rows.append((dimension, level.max(), level.idxmax(), level.min(), level.idxmin()))
    columns = ["dimension", "highest", "highest_on", "lowest", "lowest_on"]
    table = pd.DataFrame(rows, columns=columns)
    parts = [
        f"on {row['dimension']} it reaches {row['highest']:+.1f} on {row['highest_on']:%d %b %Y} "
        + (
            f"and {row['lowest']:+.1f} on {row['lowest_on']:%d %b %Y}"
            if row["lowest"] < 0
            else "and is never below zero"
        )
        for row in table[table["dimension"] != OVERALL].to_dict("records")
    ]
    text = (
        f"Policy sentiment on the sessions of {label(group)}, an announcement losing half of its "
        f"weight in {study.half_life:g} calendar days: {'; '.join(parts)}."
    )
    return Finding(text, table)


def response_to_stances(
    study: Study, results: EventStudyResults, window: Window = (0, 1), dimension: str = OVERALL
) -> Finding:
    """Say whether groups responded otherwise to supportive than to restrictive sessions.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    window : tuple of int
    dimension : str
        One of `policy_index.DIMENSIONS`.

    Returns
    -------
    Finding
        The rows of `policy_index.response_by_stance` of the dimension.
    """
    table = response_by_stance(stance_sessions(study, results, window))
    table = table[table["dimension"] == dimension].reset_index(drop=True)
    tested = table.dropna(subset="p_value")
    parts = [
        f"{label(row['group'])} {percent(row['supportive'])} on {row['n_supportive']} supportive "
        f"and {percent(row['restrictive'])} on {row['n_restrictive']} restrictive sessions "
        f"({p_value(row['p_value'])})"
        for row in tested.to_dict("records")
    ]
    said = "; ".join(parts) or f"no group has {LEAST_SESSIONS} sessions of either sign"
    text = (
        f"Mean abnormal return over {window_label(window)} by the net stance of a session "
        f"({'both stances added' if dimension == OVERALL else dimension}): {said}. p-values by "
        "permutation of the stances over the sessions, not adjusted for the number of groups."
    )
    return Finding(text, table)


def stance_report(study: Study, results: EventStudyResults, window: Window = (0, 1)) -> ReportTable:
    """Lay the responses by stance out for reading, all dimensions."""
    table = response_by_stance(stance_sessions(study, results, window))
    blank = table["p_value"].isna()
    frame = pd.DataFrame(
        {
            "Group": table["group"].map(label),
            "Stance on": table["dimension"].replace(OVERALL, "both"),
            "Supportive": table["n_supportive"].astype(str),
            "CAAR, %": table["supportive"].map(_points),
            "Restrictive": table["n_restrictive"].astype(str),
            "CAAR, % ": table["restrictive"].map(_points),
            "Difference, points": table["difference"].map(
                lambda x: "" if x != x else f"{100 * x:+.1f}"
            ),
            "One session left out": [
                "" if low != low else f"{100 * low:+.1f} to {100 * high:+.1f}"
                for low, high in zip(table["lowest"], table["highest"], strict=True)
            ],
            "p": table["p_value"].map(p_text),
            "Smallest p": table["smallest_p"].map(p_text),
            "Mixed": table["n_mixed"].astype(str),
            "Overlapping": table["n_overlapping"].astype(str),
        }
    )
    note = (
        f"CAAR over {window_label(window)} as a simple return, mean over sessions; the difference "
        "in log points, and its range when one session at a time is left out. Announcements of "
        "one session are one, with their net stance (stance times salience); mixed: sessions "
        "that hold both signs; overlapping: sessions whose window reaches into a neighbour's. "
        f"{int(blank.sum())} rows have no p-value: fewer than {LEAST_SESSIONS} sessions of either "
        "sign; the p-values are not adjusted for their number."
    )
    return ReportTable(frame, note)


def claims_verdicts(study: Study, results: EventStudyResults) -> Finding:
    """Count the verdicts on the claims about prices.

    Returns
    -------
    Finding
        ``claim_id, verdict``.
    """
    checks = check_claims(study, results)
    table = pd.DataFrame(
        [(check.claim_id, check.verdict) for check in checks], columns=["claim_id", "verdict"]
    )
    if table.empty:
        return Finding("The study lists no claims about prices.", table)
    counts = table["verdict"].value_counts()
    order = (SUPPORTED, PARTLY, NOT_SUPPORTED, NOT_CHECKABLE)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if verdict in counts)
    return Finding(f"Of {len(table)} claims about prices and numbers: **{said}**.", table)


def claims_report(study: Study, results: EventStudyResults) -> ReportTable:
    """Lay the claims out beside what prices say."""
    frame = pd.DataFrame(
        [
            (check.claim, check.prices, check.computation, check.verdict)
            for check in check_claims(study, results)
        ],
        columns=["Claim, in our words", "What prices say", "Computation", "Verdict"],
    )
    note = (
        "Simple returns. What needs every share of the market, or hourly highs and lows, is stored "
        "in the study folder with the checksum of its source."
    )
    return ReportTable(frame, note)


def _points(value: float) -> str:
    return "" if value != value else percent(value).removesuffix(" %")
