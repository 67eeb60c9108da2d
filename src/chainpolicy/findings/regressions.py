"""Findings of the event-study regressions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from chainpolicy.findings.base import LEVEL, Finding, label, p_value, percent
from chainpolicy.regression import (
    CrossSections,
    Overlap,
    SystemResults,
    undoing,
)
from chainpolicy.robustness import adjust_for_multiple_testing
from chainpolicy.study import Study


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
    del study
    table = system.tidy()
    if table.empty:
        return Finding("No policy cluster could be regressed.", table)
    adjusted = adjust_for_multiple_testing(table["p_value"])
    table["holm"] = adjusted["holm"]
    discoveries = int((adjusted["benjamini_hochberg"] < LEVEL).sum())
    table["f_holm"] = adjust_for_multiple_testing(table["f_p_value"])["holm"]
    survivors = [
        f"{label(row['group'])} at {row['event_id']} ({percent(row['average'])})"
        for row in table[table["holm"] < LEVEL].to_dict("records")
    ]
    several = table[(table["n_assets"] > 1) & table["f_p_value"].notna()]
    text = (
        f"All clusters regressed together over {table['window'].iloc[0]}, "
        f"{(table['p_value'] < LEVEL).sum()} of {len(table)} average effects (group by cluster) "
        f"have p < {LEVEL:g} ({LEVEL * len(table):.1f} expected by chance) and {len(survivors)} "
        f"are left after Holm's correction, {discoveries} after Benjamini and Hochberg's"
        + (f"; Holm's: {'; '.join(survivors)}. " if survivors else ". ")
    )
    if len(several):
        text += (
            "The joint F test, with the null hypothesis that no asset of the group moved at all, "
            f"has p < {LEVEL:g} in {(several['f_p_value'] < LEVEL).sum()} of {len(several)} cases, "
            f"{(several['f_holm'] < LEVEL).sum()} after the correction."
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
        half = stats.t.isf(LEVEL / 2, last["degrees"]) * last["std_error"]
        lower, upper = last["average"] - half, last["average"] + half
        if len(steps) == 1:
            parts.append(
                f"- **{label(str(group))}** (N = {last['n_assets']}): {percent(first['average'])} "
                f"({p_value(first['p_value'])}) at the speech; no restrictive cluster followed."
            )
            continue
        if lower <= 0 <= upper:
            whole = lower <= first["average"] <= upper
            verdict = "compatible with undone" + (" and with nothing undone" if whole else "")
        else:
            verdict = "not undone" if last["average"] * first["average"] > 0 else "more than undone"
        joint = ""
        if last["n_assets"] > 1 and pd.notna(last["f_p_value"]):
            joint = f"; zero for every single asset: {p_value(last['f_p_value'])}"
        parts.append(
            f"- **{label(str(group))}** (N = {last['n_assets']}): {percent(first['average'])} "
            f"({p_value(first['p_value'])}) at the speech, {percent(last['average'])} (95 % "
            f"interval {percent(lower)} to {percent(upper)}, {p_value(last['p_value'])}) with "
            f"{_clusters(len(steps) - 1)} after it{joint}: *{verdict}*."
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
    half = stats.t.isf(LEVEL / 2, last["degrees"]) * last["std_error"]
    shared = [names[event] for event in first["members"].split(";") if event != first["event_id"]]
    together = f" (one session with {'; '.join(shared)})" if shared else ""
    added = steps["average"].diff().iloc[1:]
    text = (
        f"With all announcements in one regression, **{names[first['event_id']]}**{together} moved "
        f"{label(group)} by {percent(first['average'])} over {first['window']} "
        f"({p_value(first['p_value'])}, N = {first['n_assets']})"
    )
    if added.empty:
        return Finding(f"{text}. No restrictive announcement followed.", steps)
    largest = steps.iloc[int(added.argmin()) + 1]
    text += (
        f". Adding {_clusters(len(added))} after it takes the sum to "
        f"{percent(last['average'])} (95 % interval {percent(last['average'] - half)} to "
        f"{percent(last['average'] + half)}), the largest step down being "
        f"**{names[largest['event_id']]}** ({percent(added.min())})."
    )
    return Finding(text, steps)


def disentangled(overlapping: Overlap) -> Finding:
    """Say how many windows overlap, and where taking them apart matters most.

    Parameters
    ----------
    overlapping : Overlap

    Returns
    -------
    Finding
    """
    table = overlapping.tidy()
    if table.empty:
        return Finding("No policy cluster could be regressed.", table)
    clusters = table.drop_duplicates(["calendar", "event_id"])
    counts = [
        f"{(rows['shared_sessions'] > 0).sum()} of {len(rows)} on {calendar}"
        for calendar, rows in clusters.groupby("calendar")
    ]
    shift = np.abs(table["caar_joint"].to_numpy() - table["caar_study"].to_numpy())
    shares = table["shared_sessions"].to_numpy() > 0
    text = (
        f"Of the policy clusters' windows {table['window'].iloc[0]}, {', '.join(counts)} share a "
        "session with another one."
    )
    apart = np.where(shares, shift, np.nan)
    if np.isfinite(apart).any():
        row = table.iloc[int(np.nanargmax(apart))]
        by_itself, joint = _with_interval(row, "study"), _with_interval(row, "joint")
        text += (
            f" Taken apart, the estimate changes most at {row['event_id']} for "
            f"{label(row['group'])}: {by_itself} by itself, {joint} in the joint estimate."
        )
    if np.isfinite(shift[~shares]).any():
        text += (
            " Where a window is alone the two differ by at most "
            f"{100 * np.nanmax(shift[~shares]):.1f} percentage points."
        )
    return Finding(text, table)


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
    alone = tested[~tested["regressor"].str.contains(" x ")]
    parts = [
        f"{label(row['sample'])} {percent(row['estimate'])} per unit of stance "
        f"({row['n_supportive']} supportive, {row['n_restrictive']} restrictive clusters; "
        f"permutation {p_value(row['p_permutation'])}, wild bootstrap "
        f"{p_value(row['p_bootstrap'])})"
        for row in alone.to_dict("records")
    ]
    crossed = tested[tested["regressor"].str.contains(" x ")]
    low = crossed[crossed["p_permutation"] < LEVEL]
    smallest = crossed["p_permutation"].min()
    text = f"CAR on stance: {'; '.join(parts)}. " if parts else ""
    if len(crossed):
        text += (
            f"Of {len(crossed)} regressions on stance times an exposure {len(low)} have a "
            f"permutation p-value below {LEVEL:g} (the smallest: {p_value(smallest)}). "
        )
    text += (
        f"{without} more regressions have no p-value, because fewer than three events carry one "
        "of the signs. No p-value is adjusted for the number of regressions."
    )
    return Finding(text, table)


def _clusters(count: int) -> str:
    return f"the {count} restrictive clusters" if count > 1 else "the restrictive cluster"


def _with_interval(row: pd.Series, variant: str) -> str:
    caar = float(row[f"caar_{variant}"])
    half = stats.t.isf(LEVEL / 2, row[f"degrees_{variant}"]) * row[f"std_error_{variant}"]
    return f"{percent(caar)} (95 % interval {percent(caar - half)} to {percent(caar + half)})"
