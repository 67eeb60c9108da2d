"""What the stances of announcements, and an article's claims, look like beside prices."""

from __future__ import annotations

import pandas as pd

from chainpolicy.article import article_shifts
from chainpolicy.article.market_claims import (
    NOT_CHECKABLE,
    NOT_SUPPORTED,
    PARTLY,
    SUPPORTED,
    check_claims,
)
from chainpolicy.estimators.policy_index import (
    LEAST_SESSIONS,
    OVERALL,
    policy_index,
    response_by_stance,
    stance_sessions,
)
from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.figures.style import day_label
from chainpolicy.findings.base import LEVEL, Finding, label, percent
from chainpolicy.study import Study
from chainpolicy.typeset.report_table import ReportTable, formatted, p_text


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
        f"on {row['dimension']} it reaches {row['highest']:+.1f} on {day_label(row['highest_on'])} "
        + (
            f"and {row['lowest']:+.1f} on {day_label(row['lowest_on'])}"
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
    if tested.empty:
        said = f"No group has {LEAST_SESSIONS} sessions of either sign, so that none is tested."
        return Finding(said, table)
    low = int((tested["p_value"] < LEVEL).sum())
    along = int((tested["difference"] > 0).sum())
    least = tested.sort_values("p_value").iloc[0]
    text = (
        f"By the net stance of a session "
        f"({'both stances added' if dimension == OVERALL else dimension}), "
        f"{along} of {len(tested)} groups gained more over {window_label(window)} after "
        f"supportive than after restrictive sessions, and for {low or 'none'} of them has the "
        f"difference p < {LEVEL:g}. The smallest p-value, {least['p_value']:.3f}, is that of "
        f"{label(str(least['group']))}: {percent(least['supportive'])} on {least['n_supportive']} "
        f"supportive and {percent(least['restrictive'])} on {least['n_restrictive']} restrictive "
        f"sessions. p-values by permutation of the stances over the sessions, not adjusted for "
        f"the number of groups."
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
            "Supportive, % (n)": _counted(table, "supportive"),
            "Restrictive, % (n)": _counted(table, "restrictive"),
            "Difference, points": formatted(100 * table["difference"], "+.1f"),
            "One session left out": [
                "" if low != low else f"{100 * low:+.1f} to {100 * high:+.1f}"
                for low, high in zip(table["lowest"], table["highest"], strict=True)
            ],
            "p": table["p_value"].map(p_text),
            "Mixed": table["n_mixed"].astype(str),
            "Overlapping": table["n_overlapping"].astype(str),
        }
    )
    smallest = table["smallest_p"].max()
    reach = "" if pd.isna(smallest) else f"; elsewhere it could be {smallest:.3f} or less"
    note = (
        f"CAAR over {window_label(window)} as a simple return, mean over n sessions; the "
        "difference in log points, and its range when one session at a time is left out. "
        "Announcements of one session are one, with their net stance (stance times salience); "
        "mixed: sessions that hold both signs; overlapping: sessions whose window reaches into a "
        f"neighbour's. {int(blank.sum())} rows have no p-value: fewer than {LEAST_SESSIONS} "
        f"sessions of either sign{reach}; the p-values are not adjusted for their number."
    )
    return ReportTable(frame, note)


def article_answer(study: Study, results: EventStudyResults) -> Finding:
    """Say in two sentences how far the article's dates and its claims about prices hold.

    Parameters
    ----------
    study : Study
    results : EventStudyResults

    Returns
    -------
    Finding
        The numbers are those of `claims_verdicts`.
    """
    shifts = article_shifts(study)
    moved = shifts.groupby("event_id")["shift"].apply(lambda shift: (shift != 0).any())
    verdicts = claims_verdicts(study, results)
    text = (
        f"The article gives a day for {len(moved)} events of the sample, and for "
        f"**{int(moved.sum())}** of them that day points some market to another session than the "
        f"first that could react. {verdicts.text}"
    )
    return Finding(text, verdicts.numbers)


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


def _counted(table: pd.DataFrame, sign: str) -> list[str]:
    """Write a mean with the number of its sessions."""
    return [
        f"{percent(mean).removesuffix(' %')} ({n})" if n else "(0)"
        for mean, n in zip(table[sign], table[f"n_{sign}"], strict=True)
    ]
