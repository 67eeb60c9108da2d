"""How groups responded: one row per session of events and group, with all that is said of it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from chainpolicy.checks import (
    adjust_for_multiple_testing,
    minimum_detectable_effect,
    placebo_p_values,
    rejection_rates,
)
from chainpolicy.eventstudy import MODELS, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.prices.compare import HEADLINE_TESTS
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
        Replaces the study's own.

    Returns
    -------
    DataFrame
        One row per cluster of events that share a session of the group's calendar, in the order
        of sessions, and group. Who: ``event_session, event_id`` (the earliest announced),
        ``members`` (all, joined by ``;``), ``role, group, n_assets``. The response: ``caar, lower,
        upper`` (95 %), log or simple as the study's returns; ``models``, their names joined
        by ``;``; ``last_session`` of the window, and ``share_at_limit`` of the group on it. The
        tests: ``time_series_t, adjusted_bmp, grank_t``, each with its p-value in ``<name>_p``;
        ``mean_correlation``; ``placebo_p``, the rank of the
        studentized CAAR among ``n_placebo`` ordinary sessions, and ``smallest_p``, the least that
        it can be; ``rejection_rate``, the share of ordinary sessions on which a nominal 5 % test
        rejects (adjusted BMP; for a single asset its exact t); ``minimum_detectable_effect``.
        Corrected for the number of responses to policy announcements: ``<p>_holm`` and
        ``<p>_benjamini_hochberg`` for the p-values of the portfolio t, the adjusted BMP and the
        placebo rank, each in a family of its own; blank outside policy.
    """
    placebo = study.placebo(window, model)
    table = estimated_responses(study, window, model)
    ranks = placebo_p_values(study.estimate(model), placebo, window)
    ranks = ranks.rename(columns={"p_placebo": "placebo_p"})
    table = table.merge(ranks, on=KEYS, how="left")
    rates = rejection_rates(placebo, window).set_index(["group", "test"])["rejection_rate"]
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
    return table


def estimated_responses(study: Study, window: Window, model: str | None = None) -> pd.DataFrame:
    """Return the columns of `responses` that need no ordinary sessions, for the same rows."""
    merged = clusters(study.alignment, study.groups, by_assets=True)
    table = merged[["event_session", "event_id", "members", "group"]].merge(
        _estimated(study, window, model), on=KEYS
    )
    effect = minimum_detectable_effect(study.estimate(model), window).drop(columns="n_assets")
    table = table.merge(effect, on=KEYS, how="left")
    table.insert(3, "role", table["event_id"].map(study.events.set_index("event_id")["role"]))
    return table.sort_values(["event_session", "event_id", "group"], ignore_index=True)


def _estimated(study: Study, window: Window, model: str | None) -> pd.DataFrame:
    """Response, headline tests and end of the window of every event and group."""
    results = study.estimate(model)
    table = results.summary(window).reset_index()
    table = table.merge(results.caar(window)[[*KEYS, "lower", "upper"]], on=KEYS)
    used = results.pairs.groupby(KEYS)["model"].agg(lambda names: ";".join(sorted(set(names))))
    table = table.merge(used.rename("models").reset_index(), on=KEYS)
    abnormal = results.abnormal_returns
    last = abnormal[abnormal["tau"] == window[1]]
    last = last.assign(group=last["ticker"].map(study.groups), held=last["at_limit"] != "")
    end = last.groupby(KEYS).agg(last_session=("session", "max"), share_at_limit=("held", "mean"))
    return table.merge(end.reset_index(), on=KEYS, how="left")


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


def significance_report(study: Study, window: Window = (0, 1)) -> ReportTable:
    """Lay `significance` out for reading.

    Parameters
    ----------
    study : Study
    window : tuple of int
        Both ends inclusive, inside the event window.
    """
    counts = significance(study, window)
    frame = pd.DataFrame(
        {
            "Test": counts.index,
            "Responses": counts["responses"].astype(str),
            "p < 0.05": counts["significant"].astype(str),
            "Expected by chance": counts["expected"].map("{:.2f}".format),
            "p < 0.05 after Holm": counts["holm"].astype(str),
        }
    )
    note = (
        f"Responses to policy announcements over {window_label(window)}: one per group and "
        "session; each test is corrected by itself. Adjusted BMP needs several assets. Rank: of "
        "the studentized CAAR among the ordinary sessions of the group."
    )
    return ReportTable(frame.reset_index(drop=True), note)


def windows_report(study: Study, windows: Sequence[Window], window: Window = (0, 1)) -> ReportTable:
    """Lay the responses to the headline event out, one row per group.

    Parameters
    ----------
    study : Study
    windows : sequence of tuple of int
        Those of the CAARs.
    window : tuple of int
        That of the p-values.

    Returns
    -------
    ReportTable
        Returns are written as simple ones.
    """
    caars = over_windows(study, windows)
    tests = responses(study, window)
    # Where an event announced earlier shares the session, the row bears its name.
    headline = tests["members"].str.split(";").map(lambda ids: study.headline_event in ids)
    tests = tests[headline].set_index("group")
    frame = pd.DataFrame(
        {"Group": tests.index.map(study.label), "N": tests["n_assets"].astype(str)}, tests.index
    )
    for label, table in caars.groupby("window", sort=False):
        written = _with_interval(study, table).set_axis(table["group"])
        frame[f"CAAR{label}, %"] = written.reindex(frame.index, fill_value="")
    for name, title in FAMILIES.items():
        frame[f"{title}, p"] = tests[name].map(p_text)
    frame["rbar"] = formatted(tests["mean_correlation"], ".2f")
    name = study.events.set_index("event_id")["name"][study.headline_event]
    note = (
        f"Response to “{name}” as a simple return, with 95 % interval. p-values of "
        f"CAAR{window_label(window)}, two-sided, not corrected for the number of groups; rank: "
        "among the ordinary sessions of the group; rbar: mean correlation of the residuals."
    )
    return ReportTable(frame.reset_index(drop=True), note)


def _with_interval(study: Study, table: pd.DataFrame) -> pd.Series[str]:
    """Write CAARs and their intervals as simple returns in percent."""
    return estimate_with_interval(table[["caar", "lower", "upper"]].apply(study.as_simple), "caar")


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
    effect = study.as_simple(shown["minimum_detectable_effect"])
    frame = pd.DataFrame(
        {
            "Session": shown["event_session"].dt.strftime("%Y-%m-%d"),
            "Events": shown["members"].str.replace(";", ", "),
            "Group": shown["group"].map(study.label),
            "N": shown["n_assets"].astype(str),
            "CAAR, % (95 % interval)": _with_interval(study, shown),
        }
    )
    for name, head in HEADLINE_TESTS.items():
        written = formatted(shown[name], ".2f") + " (" + shown[f"{name}_p"].map(p_text) + ")"
        frame[f"{head} (p)"] = written.where(shown[f"{name}_p"].notna(), "")
    frame["Rank p"] = shown["placebo_p"].map(p_text)
    frame["Holm p"] = shown["time_series_t_p_holm"].map(p_text)
    frame["rbar"] = formatted(shown["mean_correlation"], ".2f")
    frame["At limit, %"] = in_percent(shown["share_at_limit"], ".0f")
    frame["Rejects, %"] = in_percent(shown["rejection_rate"], ".1f")
    frame["MDE, %"] = in_percent(effect, ".1f")
    frame = frame.drop(columns=[head for head in frame if (frame[head] == "").all()])
    if len(set(shown["group"])) == 1 and len(shown) > 1:
        same = [name for name in ABOUT_A_GROUP if name in frame and len(set(frame[name])) == 1]
        values = [
            f"{name.removesuffix(', %')} = {frame[name].iloc[0]}{' %' if name[-1] == '%' else ''}"
            for name in same
        ]
        about = f"{', '.join([str(frame['Group'].iloc[0]), *values])}. {about}"
        frame = frame.drop(columns=["Group", *same])
    models = {MODELS[name].title for names in rows["models"] for name in names.split(";")}
    tested = int(responses(study, window)["time_series_t_p_holm"].notna().sum())
    notes = {
        "": f"{about}CAAR over {window_label(window)} as a simple return; "
        f"{' and '.join(sorted(models))} model; two-sided p-values; N = 1 has the "
        "exact t of its CAR only; a blank is undefined.",
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
