"""A table to be read: as text, HTML, Markdown or LaTeX."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

import pandas as pd


@dataclass(frozen=True, eq=False)
class ReportTable:
    """A table to be read: rounded cells, plain column heads, and a note under it.

    Attributes
    ----------
    frame : DataFrame
        Text cells.
    note : str
        What the columns mean and which variance the tests use.
    """

    frame: pd.DataFrame
    note: str

    def __str__(self) -> str:
        return f"{self.frame.to_string(index=False)}\n{self.note}"

    # A notebook keeps the plain text beside the HTML: the whole table, not a cut one.
    __repr__ = __str__

    # A notebook keeps the plain text beside the HTML: the whole table, not a cut one.
    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """Return the table as HTML."""
        # A narrow column would otherwise break a date or a ticker after its hyphen.
        table = re.sub(
            r"(?<=[\dA-Z])-(?=[\dA-Z])", "&#8209;", self.frame.to_html(index=False, border=0)
        )
        return f"{table}\n<p>{escape(self.note)}</p>"

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        head = [str(name) for name in self.frame.columns]
        rows = [head, ["---"] * len(head), *self.frame.astype(str).to_numpy().tolist()]
        lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
        return "\n".join([*lines, "", self.note])

    def to_latex(self) -> str:
        """Return the table as LaTeX."""
        latex = str(self.frame.to_latex(index=False, escape=True))
        return f"{latex}% {self.note}\n"


def p_text(value: float) -> str:
    """Write a p-value in a cell: 0.0004 as "<0.001", 0.0449 as "0.045", an undefined one blank."""
    if pd.isna(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def p_value(value: float) -> str:
    """Write a p-value in a sentence: "p = 0.017", "p < 0.001"."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def formatted(values: pd.Series, spec: str) -> pd.Series:
    """Write numbers by a format specification, NaN as a blank."""
    return values.map(lambda value: "" if pd.isna(value) else format(value, spec))


def stars(p_value: float) -> str:
    """Mark a p-value: *** below .01, ** below .05, * below .10, nothing where there is none."""
    return "*" * sum(p_value < level for level in (0.01, 0.05, 0.10))
