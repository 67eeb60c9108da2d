"""A finding, and how its sentences write values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainpolicy.typeset.report_table import group_label, typeset
from chainpolicy.typeset.report_table import p_value as p_value

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
