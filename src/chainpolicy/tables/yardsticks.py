"""Report tables of the yardsticks of a response."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.checks import ladder, rung_errors
from chainpolicy.study import Study
from chainpolicy.typeset.report_table import ReportTable, estimate_with_interval, in_percent, p_text


def rungs_report(study: Study, event_id: str | None = None) -> ReportTable:
    """List the errors of all rungs, and which of them the rule chooses.

    Parameters
    ----------
    study : Study
    event_id : str, optional
        Whose estimation window; default the study's headline event.

    Returns
    -------
    ReportTable
        Errors in percent, in the return kind of the study.
    """
    errors = rung_errors(study, event_id)
    frame = pd.DataFrame(
        {
            "Group": errors["group"].map(study.label),
            "Measured against": errors["title"],
            "N": errors["n_assets"].astype(str),
            "Error of the mean, %": in_percent(errors["error"], ".3f"),
            "Error of an asset, %": in_percent(errors["asset_error"], ".3f"),
            "Chosen": errors["chosen"].map({True: "yes", False: ""}),
        }
    )
    note = (
        f"Root mean squared error of forecasts of the sessions that estimate, each from a fit "
        f"without it; {study.kind} returns. Chosen: the smallest error of the group's mean."
    )
    return ReportTable(frame, note)


def ladder_report(study: Study, group: str, event_id: str | None = None) -> ReportTable:
    """Show the answers of one group, one row per rung and one column per window.

    Parameters
    ----------
    study : Study
    group : str
    event_id : str, optional
        Default: the study's headline event.

    Returns
    -------
    ReportTable
        CAARs with their portfolio t p and rank p, in the return kind of the study; the rung that
        the rule chooses is marked.
    """
    rows = ladder(study, event_id)
    rows = rows[rows["group"] == group]
    written = (
        estimate_with_interval(rows, "caar").str.removesuffix(")")
        + "; "
        + rows["p_value"].map(p_text)
        + ", "
        + rows["p_placebo"].map(p_text)
        + ")"
    )
    title = rows["title"] + np.where(rows["chosen"], " *", "")
    table = pd.DataFrame({"Measured against": title, "window": rows["window"], "written": written})
    wide = table.pivot_table(
        index="Measured against", columns="window", values="written", aggfunc="first", sort=False
    )
    frame = wide.rename(columns=lambda window: f"CAAR{window}, %").reset_index()
    frame.columns.name = None
    note = (
        f"{study.label(group)}: {study.kind} returns with the 95 % interval; p of the portfolio t, "
        "then of the rank among ordinary sessions. *: the smallest error of forecasts without the "
        "event."
    )
    return ReportTable(frame.fillna(""), note)
