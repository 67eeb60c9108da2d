"""What a pooled effect owes to the choice of announcements, their dates and the yardstick."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from chainpolicy.checks import (
    date_column,
    dated_caars,
    lost_share,
    timing_cost,
)
from chainpolicy.checks.selections import COLUMN_TITLES, CONFIDENCES
from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.events import DATE_COLUMNS
from chainpolicy.typeset.numbers import counted
from chainpolicy.typeset.report_table import ReportTable, formatted, p_text


def effects_report(study: Study, effects: pd.DataFrame) -> ReportTable:
    """Format pooled effects as a report table.

    Parameters
    ----------
    effects : DataFrame
        Rows with the keys of `checks.pooled_effect`; with ``by``, that names the column first, and
        of several groups or windows each row says its own.

    Returns
    -------
    ReportTable
    """
    groups, windows = set(effects["group"]), set(effects["window"])
    frame = pd.DataFrame(index=effects.index)
    chosen = effects["subset"]
    if "by" in effects:
        frame["By"] = effects["by"].replace(COLUMN_TITLES)
        chosen = chosen.mask(effects["by"] == "confidence", chosen.replace(CONFIDENCES))
    frame["Announcements"] = chosen
    if len(groups) > 1:
        frame["Group"] = effects["group"].map(study.label)
    if len(windows) > 1:
        frame["Window"] = effects["window"]
    frame["Events"] = effects["n_events"].astype(str)
    frame["Clusters"] = effects["n_clusters"].astype(str)
    frame["Mean, %"] = formatted(100 * effects["mean"], "+.1f")
    bounds = [formatted(100 * effects[side], "+.1f") for side in ("lower", "upper")]
    frame["95 % interval"] = (bounds[0] + " to " + bounds[1]).where(effects["lower"].notna(), "")
    frame["SCAAR"] = formatted(effects["mean_scaar"], "+.2f")
    frame["p (rank)"] = effects["randomization_p"].map(p_text)
    frame["p (signs)"] = effects["sign_flip_p"].map(p_text)
    about = []
    if len(groups) == 1:
        about.append(study.label(effects["group"].iloc[0]))
    if len(windows) == 1:
        about.append(f"CAAR{effects['window'].iloc[0]}")
    note = (
        f"{', '.join([*about, ''])}mean over distinct event sessions, {study.kind} returns. "
        "Intervals from the spread over blocks of overlapping windows. SCAAR in standard errors; p "
        "its rank among ordinary days and random signs, two-sided, not adjusted, blank below three "
        "blocks."
    )
    return ReportTable(frame.reset_index(drop=True), note[0].upper() + note[1:])


def sizes_report(table: pd.DataFrame) -> ReportTable:
    """Format `estimators.sizes` as a report table."""
    wide = table.pivot_table(index="window", columns="test", values="rejection_rate", sort=False)
    heads = {"randomization": "Randomization", "sign_flip": "Sign flips", "interval": "Interval"}
    frame = pd.DataFrame({"Window": wide.index})
    for name, head in heads.items():
        frame[f"{head}, %"] = formatted(100 * wide[name], ".1f").to_numpy()
    note = (
        f"Rejections at a nominal 5 % on {table['n_calendars'].iloc[0]:,} random calendars with "
        "the same clusters and overlaps; Monte Carlo standard error "
        f"{100 * table['std_error'].max():.2f} points."
    )
    return ReportTable(frame, note)


def timing_report(study: Study, window: Window = (0, 1)) -> ReportTable:
    """Compare responses by the first public moment with those by another date.

    Parameters
    ----------
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    ReportTable
        One row per event and group whose session differs; the note says what pooled effects lose
        and which events have no estimate by one of the dates.

    Raises
    ------
    InputError
        If no event of the sample has such a date.
    """
    column = date_column(study)
    rows = dated_caars(study, column, window)
    day = "%Y-%m-%d"
    frame = pd.DataFrame(
        {
            "Event": rows["event_id"],
            "Group": rows["group"].map(study.label),
            "First public": rows["event_session"].dt.strftime(day),
            "CAAR, %": formatted(100 * rows["caar"], "+.1f"),
            "By date": rows["dated_session"].dt.strftime(day),
            "Sessions early": rows["shift"].astype(str),
            "CAAR by date, %": formatted(100 * rows["dated_caar"], "+.1f"),
        }
    )
    dated = study.events[study.events["in_sample"]]
    unused = [
        f"{other}, which dates events too, is not used."
        for other in DATE_COLUMNS
        if other != column and other in dated and dated[other].ne("").any()
    ]
    if frame.empty:
        same = f"No event has another session by {column} than by announced_at."
        return ReportTable(frame, " ".join([same, *unused]))
    notes = [
        f"Sessions and CAAR{window_label(window)} by announced_at and by {column}; {study.kind} "
        "returns; events whose session differs.",
        *unused,
        *_costs(study, window, column),
    ]
    for name, said in {"caar": "announced_at", "dated_caar": column}.items():
        if missing := list(dict.fromkeys(rows.loc[rows[name].isna(), "event_id"])):
            notes.append(f"Without an estimate by {said}: {', '.join(missing)}.")
    return ReportTable(frame, " ".join(notes))


def _costs(study: Study, window: Window, column: str) -> Sequence[str]:
    texts = []
    for group in study.groups.unique():
        cost = timing_cost(study, group, window, column)
        if cost.empty:
            continue
        lost = lost_share(cost)
        for direction, pair in cost[cost["rows"] == "all"].groupby("direction", sort=False):
            if not np.isfinite(lost[direction, "all"]):
                continue
            public, dated = pair.set_index("dated").loc[["first public", column]].to_dict("records")
            clusters = counted(public["n_clusters"], "cluster")
            texts.append(
                f"{study.label(group)}, {direction}: mean of {clusters} "
                f"{100 * public['mean']:+.1f} %, by date of {dated['n_clusters']} "
                f"{100 * dated['mean']:+.1f} %."
            )
    return texts
