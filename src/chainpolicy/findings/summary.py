"""The generated part of the README: the finding in two sentences, and its table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.figures.style import day_label
from chainpolicy.findings.base import (
    HEADLINE_TEST,
    LEVEL,
    Finding,
    label,
    percent,
    significant_clusters,
)
from chainpolicy.study import Study
from chainpolicy.tables.estimates import headline_event
from chainpolicy.typeset.report_table import ReportTable, p_text, typeset

# The jump, the first two sessions, and what is left of them after two weeks.
SUMMARY_WINDOWS = ((0, 0), (0, 1), (0, 10))
# That of the tests counted against each other.
WINDOW: Window = (0, 1)


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
    sessions = dict(zip(pairs["group"], pairs["event_session"], strict=True))
    parts = [
        f"**{percent(first[group]['caar'])}** for {label(group)} on {day_label(sessions[group])} "
        f"(N = {first[group]['n_assets']}, {_interval(first[group])})"
        for group in [*single, largest]
    ]
    last = SUMMARY_WINDOWS[-1]
    left = _intervals(results, event_id, last)[largest]
    tested = significant_clusters(study, results)
    raw, family = int((tested.numbers["p_value"] < LEVEL).sum()), len(tested.numbers)
    kept = tested.numbers[tested.numbers["holm"] < LEVEL]
    which = ", ".join(
        f"{label(group)} at {'this event' if lead == event_id else lead} ({percent(caar)})"
        for group, lead, caar in kept[["group", "event_id", "caar"]].itertuples(index=False)
    )
    names = dict(zip(study.events["event_id"], study.events["name"], strict=True))
    text = (
        f"On the first session that could react to “{names[event_id]}” the abnormal return was "
        f"{' and '.join(parts)}; over the sessions {window_label(last)} {label(largest)} kept "
        f"{percent(left['caar'])} ({_interval(left)}). Of all {family} responses to policy "
        f"announcements (groups by distinct sessions, window {window_label(WINDOW)}), {raw} have "
        f"p < {LEVEL:g}, where {LEVEL * family:.1f} would by chance, and after Holm's correction "
        f"{len(kept) or 'none'} {'is' if len(kept) < 2 else 'are'} left"
        + (f": {which}." if which else ".")
    )
    return Finding(text, results.caar(SUMMARY_WINDOWS[0]))


def _interval(row: dict[str, Any]) -> str:
    return f"95 % interval {percent(row['lower'])} to {percent(row['upper'])}"


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
            cells[f"p{window_label(window)}"] = p_text(result.p_value)
            correlation = result.mean_correlation
            cells["rbar"] = "" if row["n_assets"] == 1 else f"{correlation:.2f}"
    names = dict(zip(study.events["event_id"], study.events["name"], strict=True))
    note = (
        f"Response to “{names[event_id]}”; simple returns; p: adjusted BMP, for one asset the "
        "exact t of its CAR; not adjusted for the number of groups and windows; rbar: mean "
        "correlation of the residuals."
    )
    frame = pd.DataFrame(list(rows.values())).fillna("")
    frame.insert(len(frame.columns) - 1, "rbar", frame.pop("rbar"))
    return ReportTable(frame, note)


def readme_block(study: Study) -> str:
    """Return the Markdown between the README's result markers."""
    return (
        f"{typeset(abstract(study).text)}\n\n"
        f"![{_description(study)}](figures/caar_paths.png)\n\n"
        f"{response_table(study).to_markdown()}"
    )


def _description(study: Study) -> str:
    """Say in words what the key figure shows, for who cannot see it."""
    results = study.estimate()
    event_id = headline_event(study)
    names = dict(zip(study.events["event_id"], study.events["name"], strict=True))
    first = _intervals(results, event_id, SUMMARY_WINDOWS[0])
    last = _intervals(results, event_id, SUMMARY_WINDOWS[-1])
    parts = [
        f"{label(group)} {percent(row['caar'])} on the event session, "
        f"{percent(last[group]['caar'])} by session {SUMMARY_WINDOWS[-1][1]}"
        for group, row in first.items()
    ]
    return typeset(
        f"Cumulative average abnormal returns around “{names[event_id]}” with 95 % bands, one "
        f"panel per group: {'; '.join(parts)}."
    )
