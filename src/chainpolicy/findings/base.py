"""A finding, and those that any study has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.figures.style import group_styles
from chainpolicy.report_table import p_value as p_value
from chainpolicy.robustness import adjust_for_multiple_testing
from chainpolicy.study import Study
from chainpolicy.tables import headline, headline_event

# The test that a finding quotes for a group of several assets.
HEADLINE_TEST = "adjusted_bmp"
LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class Finding:
    """A sentence and the numbers it is made of.

    Attributes
    ----------
    text : str
        Markdown.
    numbers : DataFrame
    """

    text: str
    numbers: pd.DataFrame

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return self.text


def percent(value: float, signed: bool = True) -> str:
    """Write a log return as a simple return in percent: 0.09 as "+9.4 %"."""
    simple = 100.0 * np.expm1(value)
    return f"{simple:+.1f} %" if signed else f"{simple:.1f} %"


def label(group: str) -> str:
    """Name a group as the figures do."""
    return group_styles([group])[group].label


def response(
    study: Study,
    results: EventStudyResults,
    groups: list[str] | None = None,
    event_id: str | None = None,
    window: Window = (0, 1),
) -> Finding:
    """Say how groups responded to one event.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    groups : list of str, optional
        Default: all groups with a CAR.
    event_id : str, optional
        Default: the headline event, see `tables.headline_event`.
    window : tuple of int

    Returns
    -------
    Finding
        Per group: CAAR as a simple return with its 95 % interval, N, p-value (exact t for one
        asset, adjusted BMP for several) and rbar.
    """
    event_id = headline_event(study) if event_id is None else event_id
    table = results.caar(window)
    table = table[table["event_id"] == event_id]
    if groups is not None:
        table = table[table["group"].isin(groups)]
    tests = results.tests(window)
    parts = []
    for row in table.to_dict("records"):
        test = HEADLINE_TEST if row["n_assets"] > 1 else "time_series_t"
        result = tests.get(event_id, row["group"], test)
        parts.append(
            f"{label(row['group'])} {percent(row['caar'])} (95 % interval "
            f"{percent(row['lower'])} to {percent(row['upper'])}, N = {row['n_assets']}, "
            f"{result.title}: {p_value(result.p_value)})"
        )
    names = dict(zip(study.events["event_id"], study.events["name"], strict=True))
    text = (
        f"Cumulative abnormal return over the sessions {window_label(window)} around "
        f"**{names[event_id]}**: {'; '.join(parts)}."
    )
    return Finding(text, table.reset_index(drop=True))


def significant_clusters(
    study: Study, results: EventStudyResults, window: Window = (0, 1)
) -> Finding:
    """Count the event clusters by group that survive correction for multiple testing.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    window : tuple of int

    Returns
    -------
    Finding
        The family is policy events, groups by distinct session clusters; the p-value is that of
        the adjusted BMP, for one asset of its exact t.
    """
    table = headline(study, results, window).query("role == 'policy'").reset_index(drop=True)
    table["p_value"] = table[f"{HEADLINE_TEST}_p"].fillna(table["time_series_t_p"])
    table = table.join(adjust_for_multiple_testing(table["p_value"]))
    raw = int((table["p_value"] < LEVEL).sum())
    holm = table[table["holm"] < LEVEL]
    survivors = ", ".join(
        f"{label(row['group'])} at {row['event_id']} ({percent(row['caar'])})"
        for row in holm.to_dict("records")
    )
    expected = LEVEL * len(table)
    text = (
        f"Of {len(table)} tests (policy event clusters by group, window {window_label(window)}) "
        f"{raw} have a p-value below {LEVEL:g}, where {expected:.1f} are expected by chance; after "
        f"Holm's correction {len(holm)} remain{'s' if len(holm) == 1 else ''}"
        + (f": {survivors}." if len(holm) else ".")
    )
    return Finding(text, table)
