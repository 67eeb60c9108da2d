"""A finding, and those that any study has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainpolicy.checks import adjust_for_multiple_testing
from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.tables.estimates import headline
from chainpolicy.typeset.report_table import group_label, typeset
from chainpolicy.typeset.report_table import p_value as p_value

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
        return typeset(self.text)


def percent(value: float, signed: bool = True) -> str:
    """Write a log return as a simple return in percent: 0.09 as "+9.4 %"."""
    simple = 100.0 * np.expm1(value)
    return f"{simple:+.1f} %" if signed else f"{simple:.1f} %"


def label(group: str) -> str:
    """Name a group as tables and figures do."""
    return group_label(group)


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
    over = window_label(window)
    table = headline(study, results, window).query("role == 'policy'").reset_index(drop=True)
    table["p_value"] = table[f"{HEADLINE_TEST}_p"].fillna(table["time_series_t_p"])
    table = table.dropna(subset="p_value").reset_index(drop=True)
    if table.empty:
        return Finding(f"No response to a policy event is tested over {over}.", table)
    table = table.join(adjust_for_multiple_testing(table["p_value"]))
    raw = int((table["p_value"] < LEVEL).sum())
    holm = table[table["holm"] < LEVEL]
    survivors = ", ".join(
        f"{label(row['group'])} at {row['event_id']} ({percent(row['caar'])})"
        for row in holm.to_dict("records")
    )
    text = (
        f"Of {len(table)} tests (groups by distinct sessions of policy events, window {over}) "
        f"{raw} {'has' if raw == 1 else 'have'} a p-value below {LEVEL:g}, where "
        f"{LEVEL * len(table):.1f} would by chance. After Holm's correction for their number "
        f"{len(holm) or 'none'} {'is' if len(holm) < 2 else 'are'} left"
        + (f": {survivors}." if survivors else ".")
    )
    return Finding(text, table)
