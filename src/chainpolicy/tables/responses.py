"""How groups responded: one row per session of events and group, with all that is said of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.checks import (
    adjust_for_multiple_testing,
    minimum_detectable_effect,
    placebo_p_values,
    rejection_rates,
)
from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.remember import remembered
from chainpolicy.study.sessions import clusters
from chainpolicy.typeset.report_table import ReportTable, formatted, p_text

# The p-values that are corrected for the number of responses, each in a family of its own.
FAMILIES = ("time_series_t_p", "adjusted_bmp_p", "placebo_p")

KEYS = ["event_id", "group"]

HEADLINE_TESTS = {
    "time_series_t": "portfolio t",
    "adjusted_bmp": "adjusted BMP",
    "grank_t": "GRANK-T",
}

# Columns that go into the note where all rows of a group have one number in them.
ABOUT_A_GROUP = ("N", "rbar", "At limit, %", "Rejects, %", "MDE, %")


@remembered
def responses(study: Study, window: Window = (0, 1), model: str | None = None) -> pd.DataFrame:
    """Say how every group responded to every session of events.

    Parameters
    ----------
    study : Study
    window : tuple of int
        Both ends inclusive, inside the event window.
    model : str, optional
        Replaces the study's own.

    Returns
    -------
    DataFrame
        One row per cluster of events that share a session of the group's calendar, in the order
        of sessions, and group. Who: ``event_session, event_id`` (the earliest announced),
        ``members`` (all, joined by ``;``), ``role, group, n_assets``. The response: ``caar, lower,
        upper`` (95 %), log or simple as the study's returns, ``share_at_limit`` (of the group, at
        the last session of the window). The tests: ``time_series_t, adjusted_bmp, grank_t``, each
        with its p-value in ``<name>_p``; ``mean_correlation``; ``placebo_p``, the rank of the
        studentized CAAR among ``n_placebo`` ordinary sessions, and ``smallest_p``, the least that
        it can be; ``rejection_rate``, the share of ordinary sessions on which a nominal 5 % test
        rejects (adjusted BMP; for a single asset its exact t); ``minimum_detectable_effect``.
        Corrected for the number of responses to policy announcements: ``<p>_holm`` and
        ``<p>_benjamini_hochberg`` for the p-values of the portfolio t, the adjusted BMP and the
        placebo rank, each in a family of its own; blank outside policy.
    """
    results, placebo = study.estimate(model), study.placebo(window, model)
    merged = clusters(study.alignment, study.groups)
    table = merged[["event_session", "event_id", "members", "group"]].merge(
        results.summary(window).reset_index(), on=KEYS
    )
    intervals = results.caar(window)[[*KEYS, "lower", "upper"]]
    effect = minimum_detectable_effect(results, window).drop(columns="n_assets")
    ranks = placebo_p_values(results, placebo, window).rename(columns={"p_placebo": "placebo_p"})
    for more in (intervals, _share_at_limit(study, model, window), effect, ranks):
        table = table.merge(more, on=KEYS, how="left")
    rates = rejection_rates(placebo, window).set_index(["group", "test"])["rejection_rate"]
    test = table["n_assets"].map(lambda n: "time_series_t" if n == 1 else "adjusted_bmp")
    table["rejection_rate"] = rates.reindex(
        pd.MultiIndex.from_arrays([table["group"], test])
    ).to_numpy()
    roles = study.events.set_index("event_id")["role"]
    table.insert(3, "role", table["event_id"].map(roles))
    policy = table["role"] == "policy"
    for name in FAMILIES:
        tested = table.loc[policy, name].dropna()
        corrected = adjust_for_multiple_testing(tested)
        for correction in corrected:
            table[f"{name}_{correction}"] = corrected[correction].reindex(table.index)
    return table.sort_values(["event_session", "event_id", "group"], ignore_index=True)


def _share_at_limit(study: Study, model: str | None, window: Window) -> pd.DataFrame:
    abnormal = study.estimate(model).abnormal_returns
    last = abnormal[abnormal["tau"] == window[1]]
    at_limit = (last["at_limit"] != "").rename("share_at_limit")
    keys = [last["event_id"], last["ticker"].map(study.groups).rename("group")]
    return at_limit.groupby(keys).mean().reset_index()


def responses_report(
    study: Study, rows: pd.DataFrame, window: Window = (0, 1), below: float | None = None
) -> ReportTable:
    """Lay rows of `responses` out for reading.

    Parameters
    ----------
    study : Study
    rows : DataFrame
        All rows of `responses`, or those of some groups or events.
    window : tuple of int
        The window that they are for.
    below : float, optional
        Show only rows in which some p-value is below this level; the note says how many there are.

    Returns
    -------
    ReportTable
        Columns in which all rows of one group agree are in the note. Returns are written as
        simple ones.
    """
    shown = rows
    about = ""
    if below is not None:
        low = (rows[list(FAMILIES)] < below).any(axis=1)
        about = f"The {int(low.sum())} of {len(rows)} rows with some p-value below {below:g}. "
        shown = rows[low]
    simple = ["caar", "lower", "upper", "minimum_detectable_effect"]
    if study.kind == "log":
        shown = shown.assign(**{name: np.expm1(shown[name]) for name in simple})
    percents = {name: formatted(100 * shown[name], "+.1f") for name in simple}
    frame = pd.DataFrame(
        {
            "Session": shown["event_session"].dt.strftime("%Y-%m-%d"),
            "Events": shown["members"].str.replace(";", ", "),
            "Group": shown["group"].map(study.label),
            "N": shown["n_assets"].astype(str),
            "CAAR, % (95 % interval)": percents["caar"].str.cat(
                percents["lower"].str.cat(percents["upper"], sep=" to "), sep=" ("
            )
            + ")",
        }
    )
    for name, head in HEADLINE_TESTS.items():
        written = formatted(shown[name], ".2f") + " (" + shown[f"{name}_p"].map(p_text) + ")"
        frame[f"{head} (p)"] = written.where(shown[f"{name}_p"].notna(), "")
    frame["Rank p"] = shown["placebo_p"].map(p_text)
    frame["Holm p"] = shown["time_series_t_p_holm"].map(p_text)
    frame["rbar"] = formatted(shown["mean_correlation"], ".2f")
    frame["At limit, %"] = formatted(100 * shown["share_at_limit"], ".0f")
    frame["Rejects, %"] = formatted(100 * shown["rejection_rate"], ".1f")
    frame["MDE, %"] = percents["minimum_detectable_effect"].str.lstrip("+")
    frame = frame.drop(columns=[head for head in frame if (frame[head] == "").all()])
    if len(set(shown["group"])) == 1 and len(shown) > 1:
        same = [name for name in ABOUT_A_GROUP if name in frame and len(set(frame[name])) == 1]
        values = [
            f"{name.removesuffix(', %')} = {frame[name].iloc[0]}{' %' if name[-1] == '%' else ''}"
            for name in same
        ]
        about = f"{', '.join([str(frame['Group'].iloc[0]), *values])}. {about}"
        frame = frame.drop(columns=["Group", *same])
    tested = int(responses(study, window)["time_series_t_p_holm"].notna().sum())
    notes = {
        "": f"{about}CAAR over {window_label(window)} as a simple return; two-sided p-values; a "
        "blank is undefined.",
        "Rank p": "Rank p: rank of the studentized CAAR among the ordinary sessions.",
        "Holm p": f"Holm p: portfolio t, corrected over the {tested} responses to policy.",
        "rbar": "rbar: mean correlation of the residuals.",
        "At limit, %": "At limit: share of the group that closes the window at its price limit.",
        "Rejects, %": "Rejects: share of ordinary sessions on which the nominal 5 % adjusted BMP "
        "(N = 1: exact t) rejects.",
        "MDE, %": "MDE: minimum detectable effect, the true CAAR that a two-sided 5 % t test of "
        "the portfolio finds with 80 % power.",
    }
    note = " ".join(text for name, text in notes.items() if name in ["", *frame.columns])
    return ReportTable(frame.reset_index(drop=True), note)
