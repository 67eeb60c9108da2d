"""How groups responded: one row per session of events and group, with all that is said of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from chainpolicy.checks import (
    adjust_for_multiple_testing,
    draw_placebo_days,
    minimum_detectable_effect,
    ordinary_of_rule,
    placebo_of_rule,
    placebo_p_values,
    rejection_rates,
    results_of_rule,
    rung_of_rule,
)
from chainpolicy.eventstudy import (
    MODELS,
    EventStudyResults,
    FactorCounterfactual,
    SyntheticMatching,
    window_label,
)
from chainpolicy.eventstudy.inference import HEADLINE_TESTS, Outcome, two_sided_p_value
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.remember import remembered
from chainpolicy.study.sessions import clusters
from chainpolicy.typeset.report_table import (
    ReportTable,
    estimate_with_interval,
    formatted,
    in_percent,
    p_text,
)

# The p-values that are corrected for the number of responses, each in a family of its own.
FAMILIES = {
    "time_series_t_p": "portfolio t",
    "adjusted_bmp_p": "adjusted BMP",
    "placebo_p": "rank",
}

KEYS = ["event_id", "group"]

MODEL_TITLES = {
    model.name: model.title
    for model in (*MODELS.values(), FactorCounterfactual(1), SyntheticMatching())
}

# In the place of a model: each group on the rung that the rule of `checks.ladder` chooses.
RULE = "rule"

# From this share of names at a price limit on, the spread across them is no spread of returns:
# tests that divide by it give no verdict.
CENSORED_SHARE = 0.1

LEVEL = 0.05

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
        Replaces the study's own; "rule": each group on the rung that the rule of `checks.ladder`
        chooses.

    Returns
    -------
    DataFrame
        One row per cluster of events that share a session of the group's calendar, in the order
        of sessions, and group. Who: ``event_session, event_id`` (the earliest announced),
        ``members`` (all, joined by ``;``), ``role, group, n_assets``. The response: ``caar, lower,
        upper`` (95 %), log or simple as the study's returns; ``models``, their names joined by
        ``;``; ``last_session`` of the window, and ``share_at_limit`` of the group on it. The
        tests: ``time_series_t, adjusted_bmp, grank_t``, each with its p-value in ``<name>_p``, the
        last two blank where a tenth of the group or more ends the window at a price limit;
        ``mean_correlation``; ``placebo_p``, the rank of the
        studentized CAAR among ``n_placebo`` ordinary sessions, and ``smallest_p``, the
        smallest it can be; ``rejection_rate``, the share of ordinary sessions on which a nominal
        5 % test rejects (adjusted BMP; for a single asset its exact t), sessions that end at price
        limits among them; ``minimum_detectable_effect``.
        Corrected for the number of responses to policy announcements: ``<p>_holm`` and
        ``<p>_benjamini_hochberg`` for the p-values of the portfolio t, the adjusted BMP and the
        placebo rank, each in a family of its own; blank outside policy. ``n_tested``: the size of
        the family of the portfolio t.
    """
    table = estimated_responses(study, window, model)
    ranks = _ranks(study, window, model)
    table = table.merge(ranks.rename(columns={"p_placebo": "placebo_p"}), on=KEYS, how="left")
    by_test = rejection_rates(_ordinary_p_values(study, window, model))
    rates = by_test.set_index(["group", "test"])["rejection_rate"]
    test = table["n_assets"].map(lambda n: "time_series_t" if n == 1 else "adjusted_bmp")
    table["rejection_rate"] = rates.reindex(
        pd.MultiIndex.from_arrays([table["group"], test])
    ).to_numpy()
    policy = table["role"] == "policy"
    for name in FAMILIES:
        tested = table.loc[policy, name].dropna()
        corrected = adjust_for_multiple_testing(tested)
        for correction in corrected:
            table[f"{name}_{correction}"] = corrected[correction].reindex(table.index)
    table["n_tested"] = int(table.loc[policy, "time_series_t_p"].count())
    return table


@remembered
def estimated_responses(study: Study, window: Window, model: str | None = None) -> pd.DataFrame:
    """Return the columns of `responses` that need no ordinary sessions, for the same rows."""
    merged = clusters(study.alignment, study.groups, by_assets=True)
    table = merged[["event_session", "event_id", "members", "group"]].merge(
        _estimated(study, window, model), on=KEYS
    )
    effects = [minimum_detectable_effect(results, window) for results in _results(study, model)]
    table = table.merge(pd.concat(effects).drop(columns="n_assets"), on=KEYS, how="left")
    table.insert(3, "role", table["event_id"].map(study.events.set_index("event_id")["role"]))
    return table.sort_values(["event_session", "event_id", "group"], ignore_index=True)


def _groups(study: Study) -> list[str]:
    return [str(group) for group in study.groups.drop_duplicates()]


def _results(study: Study, model: str | None) -> list[EventStudyResults]:
    if model != RULE:
        return [study.estimate(model)]
    found = [results_of_rule(study, group) for group in _groups(study)]
    return [results for results in found if results is not None]


def _ordinary_p_values(study: Study, window: Window, model: str | None) -> pd.DataFrame:
    """Test ordinary sessions by the test of single assets and that of several."""
    names = ("time_series_t", "adjusted_bmp")
    if model != RULE:
        return study.ordinary_p_values(window, names, model)
    placebos = _placebos(study, window, model)
    return pd.concat([placebo.p_values(window, names) for placebo in placebos])


def _placebos(study: Study, window: Window, model: str | None) -> list[EventStudyResults]:
    """Results of the ordinary sessions: of all groups, by the rule of one each."""
    if model != RULE:
        return [study.placebo(window, model)]
    found = [placebo_of_rule(study, group, window) for group in _groups(study)]
    return [placebo for placebo in found if placebo is not None]


def _ranks(study: Study, window: Window, model: str | None) -> pd.DataFrame:
    """Rank every event and group among ordinary sessions, see `placebo_p_values`."""
    if model != RULE:
        ordinary = study.ordinary_caars(window, model)
    else:
        found = [ordinary_of_rule(study, group, window) for group in _groups(study)]
        ordinary = pd.concat([of_group for of_group in found if of_group is not None])
    every = [placebo_p_values(results, ordinary, window) for results in _results(study, model)]
    return pd.concat(every)


@remembered
def _estimated(study: Study, window: Window, model: str | None) -> pd.DataFrame:
    """Response, headline tests and end of the window of every event and group."""
    found = _results(study, model)
    table = pd.concat([results.summary(window).frame for results in found]).reset_index()
    caars = pd.concat([results.caar(window) for results in found])
    table = table.merge(caars[[*KEYS, "lower", "upper"]], on=KEYS)
    pairs = pd.concat([results.pairs[[*KEYS, "model"]] for results in found])
    used = pairs.drop_duplicates().sort_values("model").groupby(KEYS)["model"].agg(";".join)
    table = table.merge(used.rename("models").reset_index(), on=KEYS)
    last = pd.concat([_last_sessions(results, window) for results in found])
    last = last.assign(group=last["ticker"].map(study.groups), held=last["at_limit"] != "")
    end = last.groupby(KEYS).agg(last_session=("session", "max"), share_at_limit=("held", "mean"))
    table = table.merge(end.reset_index(), on=KEYS, how="left")
    by_spread = [name + part for name in ("adjusted_bmp", "grank_t") for part in ("", "_p")]
    table.loc[table["share_at_limit"] >= CENSORED_SHARE, by_spread] = np.nan
    return table


def _last_sessions(results: EventStudyResults, window: Window) -> pd.DataFrame:
    abnormal = results.abnormal_returns
    return abnormal[abnormal["tau"] == window[1]]


def over_windows(study: Study, windows: Sequence[Window], model: str | None = None) -> pd.DataFrame:
    """Say how every group responded to the headline event, window by window.

    Parameters
    ----------
    study : Study
    windows : sequence of tuple of int
        Each with both ends inclusive, inside the event window.
    model : str, optional
        Replaces the study's own.

    Returns
    -------
    DataFrame
        One row per window and group: ``window`` (as text) and, of the columns of `responses`,
        ``group, n_assets, caar, lower, upper, models, last_session, share_at_limit,
        mean_correlation`` and the three tests with their p-values.
    """
    tables = []
    for window in windows:
        table = _estimated(study, window, model)
        table = table[table["event_id"] == study.headline_event]
        tables.append(table.drop(columns="event_id").assign(window=window_label(window)))
    return pd.concat(tables, ignore_index=True)


def most_significant(rows: pd.DataFrame, most: int = 40) -> pd.DataFrame:
    """Keep all rows of `responses`, or where there are more those with the smallest p-values.

    Parameters
    ----------
    rows : DataFrame
        Rows of `responses`.
    most : int
        More rows than this and they are sorted by the p-value of the portfolio t; the first `most`
        stay.
    """
    if len(rows) <= most:
        return rows
    return rows.sort_values("time_series_t_p", kind="stable").head(most)


def significance(study: Study, window: Window = (0, 1), model: str | None = None) -> pd.DataFrame:
    """Count the significant responses to policy announcements, before and after correction.

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
        Indexed by test: "portfolio t", "adjusted BMP" and "rank" (among ordinary sessions). Of the
        ``responses`` with a p-value ``significant`` have one below 5 %, ``expected`` is the number
        of these if nothing had happened, and ``holm`` of them stay below 5 % after Holm's
        correction for the number of responses with a p-value of the same test.
    """
    table = responses(study, window, model)
    table = table[table["role"] == "policy"]
    rows = {}
    for name, title in FAMILIES.items():
        tested = int(table[name].count())
        rows[title] = {
            "responses": tested,
            "significant": int((table[name] < LEVEL).sum()),
            "expected": LEVEL * tested,
            "holm": int((table[f"{name}_holm"] < LEVEL).sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def significance_report(
    study: Study, window: Window = (0, 1), model: str | None = None
) -> ReportTable:
    """Lay `significance` out for reading.

    Parameters
    ----------
    study : Study
    window : tuple of int
        Both ends inclusive, inside the event window.
    model : str, optional
        As for `responses`.
    """
    counts = significance(study, window, model)
    frame = pd.DataFrame(
        {
            "Test": counts.index,
            "Responses": counts["responses"].astype(str),
            "p < 0.05": counts["significant"].astype(str),
            "Expected by chance": counts["expected"].map("{:.2f}".format),
            "p < 0.05 after Holm": counts["holm"].astype(str),
        }
    )
    limited = bool((study.assets["price_limit"] != "").any())
    note = (
        f"Responses to announcements over {window_label(window)}: one per group and "
        "session; each test is corrected by itself. Adjusted BMP needs several assets"
        f"{', less than a tenth of them at a price limit' if limited else ''}. Rank: of the "
        "studentized CAAR among the ordinary sessions of the group."
    )
    return ReportTable(frame.reset_index(drop=True), note)


@remembered
def headline_windows(study: Study, model: str | None = None) -> pd.DataFrame:
    """Choose for every group the window that leads: the first that ends uncensored.

    Parameters
    ----------
    study : Study
    model : str, optional
        As for `responses`.

    Returns
    -------
    DataFrame
        Indexed by group, the row of `over_windows` for the first of the study's windows from the
        event session on that ends with less than a tenth of the group at a price limit (the
        longest, if none does), with ``placebo_p`` and ``smallest_p`` of the rank.
    """
    windows = sorted(window for window in study.car_windows if window[0] == 0)
    table = over_windows(study, windows, model)
    free = table[table["share_at_limit"] < CENSORED_SHARE].groupby("group").head(1)
    rest = table[~table["group"].isin(free["group"])].groupby("group").tail(1)
    led = pd.concat([free, rest])
    ranks = []
    for window in windows:
        groups = led.loc[led["window"] == window_label(window), "group"]
        if groups.empty:
            continue
        rank = _ranks(study, window, model)
        rank = rank[(rank["event_id"] == study.headline_event) & rank["group"].isin(groups)]
        ranks.append(rank[["group", "p_placebo", "smallest_p"]])
    led = led.merge(pd.concat(ranks).rename(columns={"p_placebo": "placebo_p"}), on="group")
    return led.set_index("group").reindex([g for g in _groups(study) if g in set(led["group"])])


def windows_report(
    study: Study, windows: Sequence[Window], model: str | None = None
) -> ReportTable:
    """Lay the responses to the headline event out, one row per group.

    Parameters
    ----------
    study : Study
    windows : sequence of tuple of int
        Those shown beside the window of `headline_windows`.
    model : str, optional
        As for `responses`.

    Returns
    -------
    ReportTable
        In the return kind of the study.
    """
    led = headline_windows(study, model)
    caars = over_windows(study, windows, model)
    frame = pd.DataFrame(
        {"Group": led.index.map(study.label), "N": led["n_assets"].astype(str)}, led.index
    )
    if model == RULE:
        chosen = [rung_of_rule(study, str(group)) for group in led.index]
        frame["Measured against"] = ["" if rung is None else rung.title for rung in chosen]
    frame["Window"] = led["window"]
    frame["CAAR, %"] = _with_interval(led)
    for name, title in FAMILIES.items():
        frame[f"{title}, p"] = led[name].map(p_text)
    frame["rbar"] = formatted(led["mean_correlation"], "z.2f")
    for label, table in caars.groupby("window", sort=False):
        of_group = table.set_index("group").reindex(led.index)
        held = of_group["share_at_limit"]
        written: pd.Series[str] = _with_interval(of_group) + np.where(
            held >= CENSORED_SHARE, "; " + formatted(100 * held, ".0f") + " % at limit", ""
        )
        frame[f"CAAR{label}, %"] = written.where(of_group["caar"].notna(), "")
    name = study.events.set_index("event_id")["name"][study.headline_event]
    note = (
        f"Response to “{name}” in {study.kind} returns, with 95 % interval. Window: the study's "
        "first that ends with less than a tenth of the group at a price limit; its p-values are "
        "two-sided and not corrected for the number of groups. Rank: among the ordinary sessions "
        "of the group; rbar: mean correlation of the residuals."
    )
    return ReportTable(frame.reset_index(drop=True), note)


def controls(
    study: Study,
    known: pd.DataFrame | None = None,
    window: Window = (0, 1),
    model: str | None = None,
) -> pd.DataFrame:
    """Say how every group responded where no news of policy is known.

    Parameters
    ----------
    study : Study
    known : DataFrame, optional
        Events of another catalogue, see `draw_placebo_days`.
    window : tuple of int
        Both ends inclusive, inside the event window.
    model : str, optional
        As for `responses`.

    Returns
    -------
    DataFrame
        ``what`` (an event that is no policy, or a day drawn as placebo), ``kind`` ("control",
        "placebo" or "drawn day"), ``group, caar, p_value`` (portfolio t).
    """
    own = responses(study, window, model)
    own = own[own["role"] != "policy"]
    own = own[["members", "role", "group", "caar", "time_series_t_p"]].set_axis(
        ["what", "kind", "group", "caar", "p_value"], axis=1
    )
    days = draw_placebo_days(study, known, window).strftime("%Y-%m-%d")
    drawn = pd.concat([placebo.caar(window) for placebo in _placebos(study, window, model)])
    drawn = drawn[drawn["event_id"].isin(days)].sort_values("event_id", kind="stable")
    ratio = (drawn["caar"] / drawn["std_error"]).abs().to_numpy(np.float64)
    drawn["p_value"] = two_sided_p_value(Outcome(ratio, drawn["degrees"].to_numpy(np.float64)))
    drawn = drawn.rename(columns={"event_id": "what"}).assign(kind="drawn day")
    return pd.concat([own, drawn[own.columns]], ignore_index=True)


def _with_interval(table: pd.DataFrame) -> pd.Series[str]:
    """Write CAARs and their intervals in percent."""
    return estimate_with_interval(table, "caar")


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
        In the return kind of the study. Columns in which all rows of one group agree are in the
        note.
    """
    shown = rows
    about = ""
    if below is not None:
        low = (rows[list(FAMILIES)] < below).any(axis=1)
        about = f"The {int(low.sum())} of {len(rows)} rows with some p-value below {below:g}. "
        shown = rows[low]
    frame = pd.DataFrame(
        {
            "Session": shown["event_session"].dt.strftime("%Y-%m-%d"),
            "Events": shown["members"].str.replace(";", ", "),
            "Group": shown["group"].map(study.label),
            "N": shown["n_assets"].astype(str),
            "CAAR, % (95 % interval)": _with_interval(shown),
        }
    )
    for name, head in HEADLINE_TESTS.items():
        written = formatted(shown[name], ".2f") + " (" + shown[f"{name}_p"].map(p_text) + ")"
        frame[f"{head} (p)"] = written.where(shown[f"{name}_p"].notna(), "")
    frame["Rank p"] = shown["placebo_p"].map(p_text)
    frame["Holm p"] = shown["time_series_t_p_holm"].map(p_text)
    frame["rbar"] = formatted(shown["mean_correlation"], "z.2f")
    if (study.assets["price_limit"] != "").any():
        frame["At limit, %"] = in_percent(shown["share_at_limit"], ".0f")
    frame["Rejects, %"] = in_percent(shown["rejection_rate"], ".1f")
    frame["MDE, %"] = in_percent(shown["minimum_detectable_effect"], ".1f")
    frame = frame.drop(columns=[head for head in frame if (frame[head] == "").all()])
    named = list(frame)
    if len(set(shown["group"])) == 1 and len(shown) > 1:
        same = [name for name in ABOUT_A_GROUP if name in frame and len(set(frame[name])) == 1]
        values = [
            f"{name.removesuffix(', %')} = {frame[name].iloc[0]}{' %' if name[-1] == '%' else ''}"
            for name in same
        ]
        about = f"{', '.join([str(frame['Group'].iloc[0]), *values])}. {about}"
        frame = frame.drop(columns=["Group", *same])
    models = {MODEL_TITLES[name] for names in rows["models"] for name in names.split(";")}
    tested = int(rows["n_tested"].max()) if len(rows) else 0
    notes = {
        "": f"{about}CAAR over {window_label(window)} in {study.kind} returns; "
        f"{' and '.join(sorted(models))} model; two-sided p-values; a blank is undefined.",
        "Rank p": "Rank p: rank of the studentized CAAR among the ordinary sessions.",
        "Holm p": f"Holm p: portfolio t, corrected over the {tested} responses to announcements.",
        "rbar": "rbar: mean correlation of the residuals.",
        "At limit, %": "At limit: share of the group that closes the window at its price limit.",
        "Rejects, %": "Rejects: share of ordinary sessions on which the nominal 5 % adjusted BMP "
        "(N = 1: exact t) rejects.",
        "MDE, %": "MDE: minimum detectable effect, the true CAAR that a two-sided 5 % t test of "
        "the portfolio finds with 80 % power.",
    }
    note = " ".join(text for name, text in notes.items() if name in ["", *named])
    return ReportTable(frame.reset_index(drop=True), note)
