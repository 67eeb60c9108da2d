"""The generated part of the README: the finding in two sentences, and its table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.findings.base import (
    HEADLINE_TEST,
    Finding,
    label,
    p_value,
    percent,
    significant_clusters,
)
from chainpolicy.report_table import ReportTable
from chainpolicy.study import Study
from chainpolicy.tables import headline_event

# The jump, the first two sessions, and what is left of them after two weeks.
SUMMARY_WINDOWS = ((0, 0), (0, 1), (0, 10))


def abstract(study: Study) -> Finding:
    """Say in two sentences what the study found.

    Parameters
    ----------
    study : Study
        With the windows [0, 0], [0, 1] and [0, 10] inside its event window.

    Returns
    -------
    Finding
        The response to the headline event of the largest group and of the first single asset,
        what is left of it at the end of the last window, and how many of all policy responses
        survive the correction for multiple testing.
    """
    results = study.estimate()
    event_id = headline_event(study)
    first = _intervals(results, event_id, SUMMARY_WINDOWS[0])
    largest = max(first, key=lambda group: int(first[group]["n_assets"]))
    single = [group for group, row in first.items() if row["n_assets"] == 1][:1]
    pairs = results.pairs[results.pairs["event_id"] == event_id]
    sessions = dict(zip(pairs["group"], pairs["event_session"].dt.date, strict=True))
    tests = results.tests(SUMMARY_WINDOWS[0])
    parts = []
    for group in [largest, *single]:
        alone = group in single
        test = tests.get(event_id, group, "time_series_t" if alone else HEADLINE_TEST)
        size = "" if alone else f"N = {test.n_assets}, rbar = {test.mean_correlation:.2f}, "
        name = "exact t" if alone else test.title
        parts.append(
            f"{label(group)} {percent(test.mean_car)} on {sessions[group]} ({size}{name}: "
            f"{p_value(test.p_value)})"
        )
    left = _intervals(results, event_id, SUMMARY_WINDOWS[-1])[largest]
    names = dict(zip(study.events["event_id"], study.events["name"], strict=True))
    text = (
        f"On the first session that could react to “{names[event_id]}” the abnormal return was "
        f"{' and '.join(parts)}; of the response of {label(largest)}, {percent(left['caar'])} was "
        f"left over the sessions {window_label(SUMMARY_WINDOWS[-1])} (95 % interval "
        f"{percent(left['lower'])} to {percent(left['upper'])}). "
        f"{significant_clusters(study, results)}"
    )
    return Finding(text, results.caar(SUMMARY_WINDOWS[0]))


def _intervals(
    results: EventStudyResults, event_id: str, window: Window
) -> dict[str, dict[str, Any]]:
    """CAAR and interval of one event, by group."""
    table = results.caar(window)
    rows = table[table["event_id"] == event_id]
    return {
        str(row["group"]): {str(k): v for k, v in row.items()} for row in rows.to_dict("records")
    }


def response_table(study: Study) -> ReportTable:
    """Lay out the response of every group to the headline event over the summary windows."""
    results = study.estimate()
    event_id = headline_event(study)
    rows: dict[str, dict[str, str]] = {}
    for window in SUMMARY_WINDOWS:
        tests = results.tests(window)
        for group, row in _intervals(results, event_id, window).items():
            cells = rows.setdefault(group, {"Group": label(group), "N": f"{row['n_assets']:.0f}"})
            test = HEADLINE_TEST if row["n_assets"] > 1 else "time_series_t"
            result = tests.get(event_id, group, test)
            cells[f"CAAR{window_label(window)}, % (95 % interval)"] = (
                f"{percent(row['caar'])} ({percent(row['lower'])} to {percent(row['upper'])})"
            ).replace(" %", "")
            cells[f"p{window_label(window)}"] = (
                p_value(result.p_value).removeprefix("p ").lstrip("= ")
            )
            correlation = result.mean_correlation
            cells["rbar"] = "" if row["n_assets"] == 1 else f"{correlation:.2f}"
    note = (
        f"Response to {event_id}; simple returns; p: adjusted BMP, for one asset the exact t of "
        "its CAR; not adjusted for the number of groups and windows; rbar: mean correlation of "
        "the residuals."
    )
    frame = pd.DataFrame(list(rows.values())).fillna("")
    frame.insert(len(frame.columns) - 1, "rbar", frame.pop("rbar"))
    return ReportTable(frame, note)


def readme_block(study: Study) -> str:
    """Return the Markdown between the README's result markers."""
    return (
        f"{abstract(study)}\n\n"
        "![CAAR around the headline event, one panel per group](figures/caar_paths.png)\n\n"
        f"{response_table(study).to_markdown()}"
    )
