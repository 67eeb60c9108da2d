"""Results -> tables: the tidy files that ``estimate`` and ``regenerate`` write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import pandas as pd

from chainpolicy.estimators import (
    cross_sections,
    fitted_system,
    overlap,
    undoing,
    undoing_report,
)
from chainpolicy.estimators.system_results import DUMMIES
from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.results import OVERLAPPING, Window
from chainpolicy.study import Study
from chainpolicy.study.estimability import listed_tickers
from chainpolicy.study.output import publish, write_csv
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.typeset.numbers import counted, p
from chainpolicy.typeset.report_table import ReportTable as ReportTable
from chainpolicy.typeset.report_table import formatted, in_percent
from chainpolicy.typeset.report_table import p_text as p_text

# Packages on which the last digits of a result may depend.
RECORDED_PACKAGES = ("chainpolicy", "numpy", "pandas", "scipy", "exchange_calendars")

POOLED_TESTS = {"time_series_t": "time-series t", "adjusted_bmp": "adjusted BMP"}

_OVERLAP = (
    "windows of one asset overlap: what is shown allows for it; tests that do not, the rank tests "
    "among them, are blank in pooled.csv"
)

# Labels whose differences a table states.
MOST_COMPARED = 3

KEYS = {
    "alignment": ["event_id", "ticker"],
    "models": ["event_id", "ticker"],
    "coefficients": ["event_id", "ticker", "term"],
    "abnormal_returns": ["event_id", "ticker", "tau"],
    "car": ["event_id", "ticker", "window"],
    "tests": ["event_id", "group", "window", "test"],
    "pooled": ["label", "group", "window"],
    "excluded": ["event_id", "ticker", "window"],
}


def estimate_tables(
    study: Study, results: EventStudyResults, by: str | None = None
) -> dict[str, pd.DataFrame]:
    """Turn results into the tables of ``chainpolicy estimate``.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
        Of this study.
    by : str, optional
        Column of events.csv by which effects are pooled. Default: the study's `pooled_by`.

    Returns
    -------
    dict of str to DataFrame
        ``alignment, models, coefficients, abnormal_returns, car, tests, pooled, excluded``, each
        sorted by its key columns.
    """
    windows = study.car_windows
    alignment = study.alignment.drop(columns=["in_sample", "role"])
    tables = {
        "alignment": alignment,
        "models": results.models,
        "coefficients": results.coefficients,
        "abnormal_returns": results.abnormal_returns,
        "car": pd.concat([results.car(window) for window in windows]),
        "tests": results.tidy(windows),
        "pooled": pooled(study, windows, by, results.model.name),
        "excluded": excluded(study, results),
    }
    # One after the other: the largest are not held twice.
    for name in tables:
        tables[name] = tables[name].sort_values(KEYS[name], ignore_index=True)
    return tables


def pooled(
    study: Study, windows: Sequence[Window], by: str | None = None, model: str | None = None
) -> pd.DataFrame:
    """Pool the effects of many events over several windows.

    Parameters
    ----------
    study : Study
    windows : sequence of tuple of int
        Both ends inclusive.
    by : str, optional
        Column of events.csv, whose values are the labels. Default: the study's `pooled_by`.
    model : str, optional
        Replaces the study's own.

    Returns
    -------
    DataFrame
        As `PooledEffects.tidy`.

    Raises
    ------
    InputError
        If events.csv has no such column.
    """
    return pd.concat(
        [study.pool(by, window, model).tidy() for window in windows], ignore_index=True
    )


def pooled_report(study: Study, by: str, window: Window = (0, 1)) -> ReportTable:
    """Format the pooled effects of one window as a report table.

    Parameters
    ----------
    study : Study
    by : str
        Column of events.csv, whose values are the labels.
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    ReportTable
        One row per label and group; the note compares up to three labels with each other.
    """
    effects = study.pool(by, window)
    place = {group: number for number, group in enumerate(study.groups.unique())}
    table = effects.tidy().sort_values(
        ["label", "group"],
        key=lambda names: names if names.name == "label" else names.map(place),
        ignore_index=True,
    )
    frame = pd.DataFrame(
        {
            by: table["label"],
            "Group": table["group"].map(study.label),
            "Events": table["n_events"].astype(str),
            "Pairs": table["n_pairs"].astype(str),
            "Clusters": table["n_clusters"].astype(str),
            "Mean, %": in_percent(table["mean"], "+.2f"),
            "95 % interval": in_percent(table["lower"], "+.2f")
            + " to "
            + in_percent(table["upper"], "+.2f"),
        }
    )
    for name, head in POOLED_TESTS.items():
        p_value = table[f"{name}_p"].map(p_text)
        statistic = formatted(table[name], ".2f")
        frame[f"{head} (p)"] = (statistic + " (" + p_value + ")").where(p_value != "", "")
    frame["Randomization p"] = table["randomization_p"].map(p_text)
    frame["Sign-flip p"] = table["sign_flip_p"].map(p_text)
    labels = list(dict.fromkeys(table["label"]))
    left = effects.unlabelled
    overlapping = int(table["note"].str.contains(OVERLAPPING, regex=False).sum())
    compared = [
        _difference_text(study, effects.difference(first, second), overlapping > 0)
        for first, second in combinations(labels, 2)
        if len(labels) <= MOST_COMPARED
    ]
    note = (
        f"Mean CAAR over {window_label(window)} of the clusters (distinct event sessions of a "
        f"group) by {by}, as {study.kind} returns; two-sided p-values, not adjusted for the number "
        "of rows; a blank is undefined (randomization and sign flips from three clusters on). "
        + (f"{left:,} pairs without a label are in no row. " if left else "")
        + (f"{_in_rows(overlapping)} {_OVERLAP}. " if overlapping else "")
        + " ".join(filter(None, compared))
    )
    return ReportTable(frame, note.strip())


def _in_rows(count: int) -> str:
    return "In one row" if count == 1 else f"In {count} rows"


def _difference_text(study: Study, differences: pd.DataFrame, overlapping: bool) -> str:
    place = {group: number for number, group in enumerate(study.groups.unique())}
    tested = differences.dropna(subset="p_value")
    tested = tested.sort_values("group", key=lambda names: names.map(place))
    if tested.empty:
        return ""
    parts = [
        f"{study.label(group)} {100 * difference:+.2f} ({p(p_value)})"
        for group, difference, p_value in tested[["group", "difference", "p_value"]].itertuples(
            index=False
        )
    ]
    first, second = tested[["first", "second"]].iloc[0]
    how = "permutation of labels"
    if overlapping:
        how += "; those of overlapping windows stay together"
    return f"{first} less {second}, % ({how}): {', '.join(parts)}."


def regression_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Regress the events of a study, all together.

    Returns
    -------
    dict of str to DataFrame
        ``system`` (event-dummy systems over every window of the study, with session dummies and,
        where a window has several sessions, window dummies) and ``system_left`` (what is not in
        them), ``undoing`` (session dummies), ``overlap`` and ``cross_section``; see the functions
        of `chainpolicy.estimators`.
    """
    fitted = [
        fitted_system(study, window, dummies)
        for window in study.car_windows
        for dummies in DUMMIES
        if dummies == "session" or window[1] > window[0]
    ]
    by_session = [system for system in fitted if system.dummies == "session"]
    left = [system.left.assign(window=window_label(system.window)) for system in by_session]
    return {
        "system": pd.concat([system.tidy() for system in fitted], ignore_index=True),
        "system_left": pd.concat(left, ignore_index=True),
        "undoing": pd.concat([undoing(study, system) for system in by_session], ignore_index=True),
        "overlap": pd.concat(
            [overlap(study, window).tidy() for window in study.car_windows],
            ignore_index=True,
        ),
        "cross_section": cross_sections(study, regressed_window(study)).tidy(),
    }


def regression_report(study: Study, name: str, window: Window | None = None) -> ReportTable:
    """Format one table of the regressions as a report table.

    Parameters
    ----------
    study : Study
    name : {"system", "undoing", "overlap", "cross_section"}
    window : tuple of int, optional
        Both ends inclusive. Default: `regressed_window`.

    Returns
    -------
    ReportTable
        Its note begins with the kind of return and the window.
    """
    window = regressed_window(study) if window is None else window
    if name == "overlap":
        table = overlap(study, window).summary()
    elif name == "cross_section":
        table = cross_sections(study, window).summary()
    else:
        system = fitted_system(study, window)
        table = (
            system.summary()
            if name == "system"
            else undoing_report(undoing(study, system), study.labels)
        )
    kind = {"log": "Log", "simple": "Simple"}[study.kind]
    return replace(table, note=f"{kind} returns over {window_label(window)}. {table.note}")


def regressed_window(study: Study) -> Window:
    """Return [0, 1] if the event window of the study holds it, else its first window."""
    first, last = study.event_window
    return (0, 1) if first <= 0 and last >= 1 else study.car_windows[0]


def excluded(study: Study, results: EventStudyResults) -> pd.DataFrame:
    """List everything that was left out, with its reason.

    Returns
    -------
    DataFrame
        ``event_id, ticker, window, reason``; ticker and window are blank where the whole event
        is out, window where the whole pair is.
    """
    events = study.events[~study.events["in_sample"]]
    whole_events = events[["event_id", "reason"]].assign(ticker="", window="")
    whole_pairs = results.excluded.assign(window="")
    windows = [results.incomplete(window) for window in study.car_windows]
    columns = ["event_id", "ticker", "window", "reason"]
    return pd.concat([whole_events, whole_pairs, *windows], ignore_index=True)[columns]


def left_out_report(study: Study) -> ReportTable:
    """List what the study leaves out, assets with the same reason together."""
    table = excluded(study, study.results)
    keys = ["event_id", "window", "reason"]
    together = table.groupby(keys, sort=False)["ticker"].agg(list).reset_index()
    frame = pd.DataFrame(
        {
            "Event": together["event_id"],
            "Window": together["window"].replace("", "all"),
            "Assets": together["ticker"].map(listed_tickers),
            "Reason": together["reason"],
        }
    )
    if frame.empty:
        return ReportTable(frame, "Nothing was left out.")
    return ReportTable(frame, "excluded.csv has one row for each asset and window.")


def write_tables(
    study: Study,
    results: EventStudyResults,
    directory: Path,
    only: str | None = None,
    by: str | None = None,
) -> str:
    """Write the tables and ``manifest.json``, as one set (see `output.publish`).

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    directory : Path
        Created if missing.
    only : str, optional
        An event_id: the tables hold this event alone, its numbers unchanged; none is pooled.
    by : str, optional
        Column of events.csv by which effects are pooled. Default: the study's `pooled_by`.

    Returns
    -------
    str
        What was written: the pairs that have a CAR, of all, and the events, pairs and windows
        excluded.

    Raises
    ------
    InputError
        If the study has no event `only` or column `by`, or a table would take the place of a file
        of the study; then nothing is written.
    """
    known = study.events["event_id"].tolist()
    if only is not None and only not in known:
        expected = f"an event_id of events.csv: {', '.join(known)}"
        raise InputError([Problem("--only", expected, value=only)])
    tables = estimate_tables(study, results, by)
    if only is not None:
        tables.pop("pooled")
        tables = {name: table[table["event_id"] == only] for name, table in tables.items()}
    manifest = {
        "study": study.name,
        "study_sha256": study.checksum,
        "model": results.model.name,
        "packages": {name: version(name) for name in RECORDED_PACKAGES},
    }
    with publish(directory, manifest, study.files) as staged:
        for name, table in tables.items():
            write_csv(table, staged / f"{name}.csv")
    return _summary(tables)


def _summary(tables: dict[str, pd.DataFrame]) -> str:
    left_out = tables["excluded"]
    whole_event = left_out["ticker"] == ""
    whole_pair = ~whole_event & (left_out["window"] == "")
    kinds = {
        "event": whole_event,
        "pair": whole_pair,
        "window": ~whole_event & ~whole_pair,
    }
    counts = [counted(int(rows.sum()), kind) for kind, rows in kinds.items() if rows.any()]
    excluded_text = f"excluded: {', '.join(counts)}: excluded.csv" if counts else "none excluded"
    estimated = len(tables["car"].drop_duplicates(["event_id", "ticker"]))
    total = len(tables["models"]) + int(whole_pair.sum())
    return f"{estimated:,} of {counted(total, 'pair')} estimated; {excluded_text}"
