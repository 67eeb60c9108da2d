"""Findings of the event-study regressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from chainpolicy.checks import adjust_for_multiple_testing
from chainpolicy.estimators import (
    CrossSections,
    Overlap,
    SystemResults,
    undoing,
)
from chainpolicy.findings.base import LEVEL, Finding, label, p_value, percent
from chainpolicy.findings.responses import Row, event_name, interval, t_interval
from chainpolicy.study import Study
from chainpolicy.study.assets import PLACES


def moved(study: Study, system: SystemResults) -> Finding:
    """Count the clusters that moved a group, on average and asset by asset.

    Parameters
    ----------
    study : Study
    system : SystemResults
        Of this study.

    Returns
    -------
    Finding
        The family are all groups by clusters of the window.
    """
    table = system.tidy()
    if table.empty:
        return Finding("No policy cluster could be regressed.", table)
    adjusted = adjust_for_multiple_testing(table["p_value"])
    table["holm"] = adjusted["holm"]
    discoveries = int((adjusted["benjamini_hochberg"] < LEVEL).sum())
    table["f_holm"] = adjust_for_multiple_testing(table["f_p_value"])["holm"]
    low = int((table["p_value"] < LEVEL).sum())
    survivors = table[table["holm"] < LEVEL]
    several = table[(table["n_assets"] > 1) & table["f_p_value"].notna()]
    text = (
        f"{low} of {len(table)} average effects over {table['window'].iloc[0]}, one per group and "
        "cluster (the announcements of one session), all clusters regressed together, have "
        f"p < {LEVEL:g}, where {LEVEL * len(table):.1f} would by chance. "
        f"{len(survivors) or 'None'} {'is' if len(survivors) < 2 else 'are'} left after Holm's "
        f"correction, {discoveries or 'none'} after Benjamini and Hochberg's."
    )
    for event_id, rows in survivors.groupby("event_id", sort=False):
        text += (
            f"\n\nLeft after Holm's, on the session of {event_name(study, str(event_id))}:\n\n"
            + "\n".join(
                f"- **{label(row['group'])}** (N = {row['n_assets']}): {percent(row['average'])} "
                f"({interval(_bounds(row))})."
                for row in rows.to_dict("records")
            )
        )
    if len(several):
        text += (
            "\n\nThe joint F test, with the null hypothesis that no asset of the group moved at "
            f"all, has p < {LEVEL:g} in {(several['f_p_value'] < LEVEL).sum()} of {len(several)} "
            f"cases, {(several['f_holm'] < LEVEL).sum()} after Holm's correction."
        )
    return Finding(text, table)


def undone(study: Study, system: SystemResults) -> Finding:
    """Say whether the restrictive clusters after the speech undid it, group by group.

    Parameters
    ----------
    study : Study
    system : SystemResults
        Of this study.

    Returns
    -------
    Finding
        Of every group the response to the speech, the sum with all restrictive clusters after
        it, and whether that sum can be told from zero and from the whole speech.
    """
    table = undoing(study, system)
    parts = []
    for group, steps in table.groupby("group", sort=False):
        first, last = steps.iloc[0], steps.iloc[-1]
        bounds = _bounds(last)
        if len(steps) == 1:
            parts.append(
                f"- **{label(str(group))}** (N = {last['n_assets']}): {percent(first['average'])} "
                f"({p_value(first['p_value'])}) at the speech; no restrictive announcement "
                "followed."
            )
            continue
        if bounds["lower"] <= 0 <= bounds["upper"]:
            whole = bounds["lower"] <= first["average"] <= bounds["upper"]
            verdict = "compatible with undone" + (" and with nothing undone" if whole else "")
        else:
            verdict = "not undone" if last["average"] * first["average"] > 0 else "more than undone"
        joint = on_average = ""
        if last["n_assets"] > 1 and pd.notna(last["f_p_value"]):
            joint = f", joint F for every single asset {p_value(last['f_p_value'])}"
            on_average = "on average "
        parts.append(
            f"- **{label(str(group))}** (N = {last['n_assets']}): {percent(first['average'])} "
            f"({p_value(first['p_value'])}) at the speech, {percent(last['average'])} "
            f"({interval(bounds)}, {p_value(last['p_value'])}{joint}) with "
            f"{_restrictive(len(steps) - 1)} after it: {on_average}*{verdict}*."
        )
    if not parts:
        return Finding("No supportive policy cluster could be regressed.", table)
    return Finding("\n".join(parts), table)


def speech_answer(study: Study, system: SystemResults, group: str) -> Finding:
    """Answer in two sentences what the speech moved in one group, and what undid it.

    Parameters
    ----------
    study : Study
    system : SystemResults
        Of this study.
    group : str

    Returns
    -------
    Finding
    """
    table = undoing(study, system)
    steps = table[table["group"] == group].reset_index(drop=True)
    if steps.empty:
        return Finding(f"No supportive policy cluster of {label(group)} could be regressed.", steps)
    names = dict(zip(study.events["event_id"], study.events["name"], strict=True))
    first, last = steps.iloc[0], steps.iloc[-1]
    shared = [names[event] for event in first["members"].split(";") if event != first["event_id"]]
    together = f" (one session with {'; '.join(shared)})" if shared else ""
    added = steps["average"].diff().iloc[1:]
    text = (
        f"With all announcements in one regression, **{names[first['event_id']]}**{together} moved "
        f"{label(group)} by {percent(first['average'])} over {first['window']} "
        f"({interval(_bounds(first))}, {p_value(first['p_value'])}, N = {first['n_assets']})"
    )
    if added.empty:
        return Finding(f"{text}. No restrictive announcement followed.", steps)
    largest = steps.iloc[int(added.argmin()) + 1]
    text += (
        f". Adding {_restrictive(len(added))} after it takes the sum to "
        f"{percent(last['average'])} ({interval(_bounds(last))}), the largest step down being "
        f"**{names[largest['event_id']]}** ({percent(added.min())})."
    )
    return Finding(text, steps)


def disentangled(study: Study, overlapping: Overlap) -> Finding:
    """Say how many windows overlap, and where taking them apart matters most.

    Parameters
    ----------
    study : Study
    overlapping : Overlap
        Of this study.

    Returns
    -------
    Finding
    """
    table = overlapping.tidy()
    if table.empty:
        return Finding("No policy cluster could be regressed.", table)
    clusters = table.drop_duplicates(["calendar", "event_id"])
    counts = [
        f"{(rows['shared_sessions'] > 0).sum()} of {len(rows)} ({PLACES[str(calendar)]})"
        for calendar, rows in clusters.groupby("calendar")
    ]
    shift = np.abs(table["caar_joint"].to_numpy() - table["caar_study"].to_numpy())
    shares = table["shared_sessions"].to_numpy() > 0
    parts = [
        f"Policy clusters whose window {table['window'].iloc[0]} shares a session with another "
        f"one: {', '.join(counts)}."
    ]
    apart = np.where(shares, shift, np.nan)
    if np.isfinite(apart).any():
        row = table.iloc[int(np.nanargmax(apart))]
        by_itself, joint = _with_interval(row, "study"), _with_interval(row, "joint")
        parts.append(
            f"Taken apart, the estimate changes most for **{label(row['group'])}** "
            f"(N = {row['n_assets']}) at {event_name(study, row['event_id'])}: {by_itself} by "
            f"itself, {joint} in the joint estimate."
        )
    if np.isfinite(shift[~shares]).any():
        parts.append(
            "Where a window is alone the two differ by at most "
            f"{100 * np.nanmax(shift[~shares]):.1f} percentage points."
        )
    return Finding("\n".join(f"- {part}" for part in parts), table)


def explained(regressions: CrossSections) -> Finding:
    """Say what stance and exposures explain of the CARs.

    Parameters
    ----------
    regressions : CrossSections

    Returns
    -------
    Finding
    """
    table = regressions.tidy()
    tested = table[table["p_permutation"].notna()]
    without = int((table["p_permutation"].isna() & table["estimate"].notna()).sum())
    if tested.empty:
        text = "No regression has three events of either sign, so none has a p-value."
        return Finding(text, table)
    crossing = tested["regressor"].str.contains(" x ")
    alone, crossed = tested[~crossing], tested[crossing]
    parts = [
        f"- **{label(row['sample'])}** (assets: {row['n_assets']}; clusters: "
        f"{row['n_supportive']} supportive, {row['n_restrictive']} restrictive, "
        f"{row['n_neutral']} neither): {percent(row['estimate'])}; permutation "
        f"{p_value(row['p_permutation'])}, wild bootstrap {p_value(row['p_bootstrap'])}; "
        f"{percent(row['lowest'])} to {percent(row['highest'])} when one cluster is left out."
        for row in alone.to_dict("records")
    ]
    text = ""
    if parts:
        low = int((alone["p_permutation"] < LEVEL).sum())
        text = (
            f"The CAR changes with stance at a permutation p < {LEVEL:g} in {low or 'none'} of "
            f"{len(alone)} groups. Per unit of stance:\n\n" + "\n".join(parts) + "\n\n"
        )
    if len(crossed):
        low = int((crossed["p_permutation"] < LEVEL).sum())
        text += (
            f"Of {len(crossed)} regressions on stance times an exposure {low or 'none'} "
            f"{'has' if low < 2 else 'have'} a permutation p-value below {LEVEL:g} (the smallest: "
            f"{p_value(crossed['p_permutation'].min())}). "
        )
    text += (
        f"{without} more regressions have no p-value, because fewer than three clusters carry one "
        "of the signs. No p-value is adjusted for the number of regressions."
    )
    return Finding(text, table)


def _restrictive(count: int) -> str:
    return f"the {count} restrictive sessions" if count > 1 else "the restrictive session"


def _bounds(row: Mapping[Any, Any] | pd.Series, mean: str = "average", suffix: str = "") -> Row:
    """Interval of an estimate whose standard error and degrees of freedom stand beside it."""
    return t_interval(row[mean], row[f"std_error{suffix}"], row[f"degrees{suffix}"])


def _with_interval(row: pd.Series, variant: str) -> str:
    bounds = _bounds(row, f"caar_{variant}", f"_{variant}")
    return f"{percent(bounds['mean'])} ({interval(bounds)})"
