"""What the texts on several subjects share: rows, names of events, means with their intervals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from scipy import stats

from chainpolicy.findings.base import LEVEL, percent
from chainpolicy.study import Study
from chainpolicy.tables.estimates import headline_event

Row = dict[str, Any]


def records(table: pd.DataFrame) -> list[Row]:
    """Rows as mappings from column to value."""
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def event_name(study: Study, event_id: str) -> str:
    """Name an event in quotation marks."""
    names = dict(zip(study.events["event_id"], study.events["name"], strict=True))
    return f"“{names[event_id]}”"


def headline_name(study: Study) -> str:
    """Name the headline event in quotation marks."""
    return event_name(study, headline_event(study))


def t_interval(mean: float, error: float, degrees: int) -> Row:
    """Interval at `LEVEL` and two-sided t test of a mean."""
    half = stats.t.isf(LEVEL / 2, degrees) * error
    return {
        "mean": mean,
        "lower": mean - half,
        "upper": mean + half,
        "t_stat": mean / error,
        "p_value": 2 * stats.t.sf(abs(mean) / error, degrees),
    }


def interval(row: Row) -> str:
    """Write the interval of a mean as simple returns."""
    return f"95 % interval {percent(row['lower'])} to {percent(row['upper'])}"


def percents(log_returns: Iterable[float]) -> list[str]:
    """Write log returns as simple returns for a column in percent."""
    return [percent(value).removesuffix(" %") for value in log_returns]
