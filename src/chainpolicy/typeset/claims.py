"""Claims: what a text concludes, stated as conditions that a build checks.

>>> from chainpolicy import claim, claims
>>> claims(claim("Two and two make four", 2 + 2, 2 + 2 == 4)).failed
()
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from chainpolicy.typeset.numbers import says_no_number
from chainpolicy.typeset.report_table import ReportTable


@dataclass(frozen=True)
class Claim:
    """A sentence, the number that it rests on, and whether it holds."""

    sentence: str
    number: str
    holds: bool


class Claims:
    """Claims of one cell; a notebook shows them as a table, the build stops at one that fails.

    Attributes
    ----------
    failed : tuple of Claim
    """

    def __init__(self, *claims: Claim) -> None:
        self._claims = claims
        self.failed = tuple(claim for claim in claims if not claim.holds)

    def table(self) -> ReportTable:
        """Lay the claims out: claim, number, holds."""
        rows = [(c.sentence, c.number, "yes" if c.holds else "NO") for c in self._claims]
        return ReportTable(pd.DataFrame(rows, columns=["Claim", "Number", "Holds"]), "")

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table().to_html()


def claim(sentence: str, number: Any, holds: Any) -> Claim:
    """State a conclusion as a condition.

    Parameters
    ----------
    sentence : str
        As the text says it.
    number : object
        What it rests on: a number or text.
    holds : bool
        The condition.

    Raises
    ------
    TypeError
        If `holds` is not True or False: a number, or a comparison of whole columns.
    ValueError
        If the number is missing or not finite, or a text says so: it would carry no conclusion.
    """
    if not isinstance(holds, bool | np.bool_):
        raise TypeError(f'"{sentence}": the condition is {holds!r}, not True or False')
    text = f"{number:.4g}" if isinstance(number, float) else str(number)
    if number is None or says_no_number(text):
        raise ValueError(f'"{sentence}": the number is {text}')
    return Claim(sentence, text, bool(holds))


def claims(*stated: Claim) -> Claims:
    """Put the claims of a cell together; see `claim`."""
    return Claims(*stated)
