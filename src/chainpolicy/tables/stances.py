"""Responses to supportive and to restrictive policy, laid out for reading."""

from __future__ import annotations

import pandas as pd

from chainpolicy.estimators.policy_index import (
    LEAST_SESSIONS,
    response_by_stance,
    stance_sessions,
)
from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.events import OVERALL, stance_columns
from chainpolicy.typeset.report_table import ReportTable, in_percent, p_text


def sum_of_stances(study: Study) -> str:
    """Say in a cell that all stances of a study are added."""
    return "both" if len(stance_columns(study.events)) == 2 else "all"


def stances_report(study: Study, window: Window = (0, 1)) -> ReportTable:
    """Lay out how each group responded to the sessions of either stance.

    Parameters
    ----------
    study : Study
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    ReportTable
        One row per group and dimension of `response_by_stance`.
    """
    table = response_by_stance(stance_sessions(study, window))
    blank = table["p_value"].isna()
    frame = pd.DataFrame(
        {
            "Group": table["group"].map(study.label),
            "Stance on": table["dimension"].replace(OVERALL, sum_of_stances(study)),
            "Supportive, % (n)": _counted(table, "supportive"),
            "Restrictive, % (n)": _counted(table, "restrictive"),
            "Difference, points": in_percent(table["difference"], "+.1f"),
            "One session left out": (
                in_percent(table["lowest"], "+.1f") + " to " + in_percent(table["highest"], "+.1f")
            ).where(table["lowest"].notna(), ""),
            "p": table["p_value"].map(p_text),
            "Mixed": table["n_mixed"].astype(str),
            "Overlapping": table["n_overlapping"].astype(str),
        }
    )
    smallest = table["smallest_p"].max()
    reach = "" if pd.isna(smallest) else f"; elsewhere it can be as small as {smallest:.3f}"
    points = "log points" if study.kind == "log" else "percentage points"
    note = (
        f"CAAR over {window_label(window)} in {study.kind} returns, mean over n sessions; the "
        f"difference in {points}, and its range when one session at a time is left out. "
        "Announcements of one session count once, with their net stance (stance times salience). "
        "Mixed: sessions with both signs; overlapping: sessions whose window reaches into a "
        f"neighbour's. {int(blank.sum())} rows have no p-value, because either stance has fewer "
        f"than {LEAST_SESSIONS} sessions{reach}. p-values are not adjusted for their number."
    )
    return ReportTable(frame, note)


def _counted(table: pd.DataFrame, sign: str) -> list[str]:
    """Write a mean response with the number of its sessions."""
    means = in_percent(table[sign], "+.1f")
    return [
        f"{mean} ({n})" if n else "(0)" for mean, n in zip(means, table[f"n_{sign}"], strict=True)
    ]
