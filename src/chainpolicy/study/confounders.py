"""What else happened near an event: rival explanations of a move."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from chainpolicy.study.announced import is_time
from chainpolicy.study.problems import Problem
from chainpolicy.study.tabular import Schema, cell, read_table

CONFOUNDERS_FILE = "confounders.csv"

SCHEMA: Schema = {
    "event_id": cell(required=True, blank=False),
    "at": cell(
        (
            lambda text: text.map(is_time).astype(bool),
            "a time with UTC offset, such as 2019-10-25T15:00Z; blank if there is no hour",
        )
    ),
    "name": cell(required=True, blank=False),
    "note": cell(),
}


def read_confounders(path: Path, problems: list[Problem], events: pd.DataFrame) -> pd.DataFrame:
    """Read the confounders of a study's events; a study without the file has none.

    The columns are ``event_id, name`` and perhaps ``at`` (becomes UTC, NaT where there is no hour)
    and ``note``; unknown ones stay.
    """
    if path.exists():
        before = len(problems)
        table = read_table(path, SCHEMA, ["event_id", "name"], problems)
        refused = {(problem.line, problem.column) for problem in problems[before:]}
        # Without a readable events.csv nothing can be said of the ids.
        known = set(events["event_id"]) or set(table["event_id"])
        problems += [
            Problem(path.name, "an event_id of events.csv", line, "event_id", event_id)
            for line, event_id in zip(table.index.tolist(), table["event_id"], strict=True)
            if event_id not in known and (line, "event_id") not in refused
        ]
        at = table["at"].where(table["at"].map(is_time).astype(bool), "")
    else:
        table = pd.DataFrame(columns=list(SCHEMA), dtype="str")
        at = table["at"]
    times = pd.to_datetime(at, utc=True, format="ISO8601")
    columns = dict.fromkeys([*SCHEMA, *table.columns])
    return table.assign(at=times)[list(columns)].reset_index(drop=True)
