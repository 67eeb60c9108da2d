"""How a number is written: one function per kind, the same in prose, tables and notes.

Each takes what a table holds and says in its name what it writes; returns are decimals, so that
0.094 is 9.4 %. Prose uses them as filters, ``{{ row.caar | percent }}``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd


class NotFiniteError(ValueError):
    """A number to be written is missing or infinite."""


def _finite(value: float) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise NotFiniteError(f"the value is {number}, which cannot be written")
    return number


def percent(value: float, digits: int = 1, signed: bool = True) -> str:
    """Write a decimal in percent: 0.094 as "+9.4 %"."""
    return typeset(f"{100 * _finite(value):{'+' if signed else ''}.{digits}f} %")


def share(value: float, digits: int = 0) -> str:
    """Write a part of a whole: 0.84 as "84 %"."""
    return percent(value, digits, signed=False)


def interval(bounds: Sequence[float], digits: int = 1) -> str:
    """Write two decimals as a range: (0.066, 0.248) as "+6.6 % to +24.8 %"."""
    low, high = bounds
    return f"{percent(low, digits)} to {percent(high, digits)}"


def number(value: float, digits: int = 2, signed: bool = False) -> str:
    """Write a plain number: 4.7249 as "4.72"."""
    return typeset(f"{_finite(value):{'+' if signed else ''},.{digits}f}")


def count(value: float) -> str:
    """Write a whole number: 14692 as "14,692"."""
    whole = _finite(value)
    if whole != round(whole):
        raise ValueError(f"{whole} is no whole number")
    return typeset(f"{round(whole):,}")


def counted(value: float, noun: str) -> str:
    """Write how many there are: "1 pair", "1,200 pairs"."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def first_few(texts: Sequence[str], shown: int) -> str:
    """Write the first of many, and how many are left: "a, b and 1,200 more"."""
    left = len(texts) - shown
    return ", ".join(texts[:shown]) + (f" and {left:,} more" if left > 0 else "")


def p(value: float) -> str:
    """Write a p-value in a sentence: "p = 0.017", "p < 0.001"."""
    return "p < 0.001" if _finite(value) < 0.001 else f"p = {value:.3f}"


def day(value: pd.Timestamp, year: bool = True) -> str:
    """Write a day: "25 Oct 2019"."""
    if pd.isna(value):
        raise NotFiniteError("the day is blank, which cannot be written")
    return f"{value.day} {value:%b %Y}" if year else f"{value.day} {value:%b}"


def says_no_number(text: str) -> bool:
    """Say whether a text holds what Python writes for a number that is missing or not finite.

    >>> says_no_number("nan %"), says_no_number("Nancy in finance")
    (True, False)
    """
    return re.search(r"(?<![\w-])[-+]?(?:nan|NaN|inf|NaT)(?!\w)|<NA>", text) is not None


def typeset(text: str) -> str:
    """Write the minus of a negative number as a minus sign, not as a hyphen."""
    return re.sub(r"(?<![\w.)])-(?=\d)", "\N{MINUS SIGN}", text)
