"""A table to be read: as text, HTML, Markdown, LaTeX, Word or Excel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

import pandas as pd

from chainpolicy.typeset.numbers import typeset


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
        # pandas writes "Empty DataFrame" and its parts where there are no rows.
        body = "" if self.frame.empty else f"{self.frame.to_string(index=False)}\n"
        return body + self.note

    # A notebook keeps the plain text beside the HTML: the whole table, not a cut one.
    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """Return the table as HTML: words to the left, numbers to the right."""
        note = f"<p>{escape(typeset(self.note), quote=False)}</p>"
        if self.frame.empty:
            return note
        numeric = [_is_numeric(self.frame[name]) for name in self.frame]
        sides = ["right" if is_number else "left" for is_number in numeric]
        longest = _longest_unbroken(self.frame, numeric)
        head = _html_row("th", [str(name) for name in self.frame.columns], sides, [0] * len(sides))
        body = [
            _html_row("td", [str(cell) for cell in row], sides, longest)
            for row in self.frame.to_numpy().tolist()
        ]
        rows = "\n".join(body)
        table = (
            f'<table class="dataframe">\n<thead>\n{head}\n</thead>\n<tbody>\n{rows}\n</tbody>\n'
            "</table>"
        )
        return f"{table}\n{note}"

    def to_markdown(self) -> str:
        """Return the table as Markdown: words to the left, numbers to the right."""
        if self.frame.empty:
            return typeset(self.note)
        head = [str(name) for name in self.frame.columns]
        rule = ["---:" if _is_numeric(self.frame[name]) else "---" for name in self.frame]
        rows = [head, rule, *self.frame.astype(str).map(typeset).to_numpy().tolist()]
        lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
        return "\n".join([*lines, "", typeset(self.note)])

    def to_latex(self) -> str:
        """Return the table as LaTeX; a comment says which packages the document has to load."""
        from chainpolicy.typeset.latex import latex_table

        return latex_table(*self._typeset())

    def to_docx(self) -> bytes:
        """Return the table as a Word document."""
        from chainpolicy.typeset.office import word_document

        return word_document(*self._typeset())

    def to_xlsx(self) -> bytes:
        """Return the table as an Excel workbook."""
        from chainpolicy.typeset.office import excel_workbook

        return excel_workbook(*self._typeset())

    def _typeset(self) -> tuple[list[str], list[list[str]], list[bool], str]:
        """Heads, rows, which columns are numbers, and the note, with real minus signs."""
        heads = [str(name) for name in self.frame.columns]
        rows = self.frame.astype(str).map(typeset).to_numpy().tolist()
        numeric = [_is_numeric(self.frame[name]) for name in self.frame]
        return heads, rows, numeric, typeset(self.note)


# Lengths up to which cells of numbers and of words are kept on one line, the first two that fit on
# a page: broken numbers are harder to read than broken words.
_UNBROKEN = ((24, 24), (24, 16), (24, 0), (0, 0))
# Characters beside each other on a notebook's page; the margins of a column take two.
_PAGE = 122


def _is_numeric(column: pd.Series) -> bool:
    """Whether all cells are numbers, perhaps with their interval, p-value or stars."""
    cells = [re.sub(r"\bto\b", "", str(cell)) for cell in column]
    dates = any(re.match(r"\d{4}-\d\d-\d\d", cell) for cell in cells)
    return not dates and not any(re.search(r"[^\W\d_]", cell) for cell in cells)


def _unbroken(text: str) -> str:
    """Keep dates and tickers inside a longer cell on one line."""
    return re.sub(r"(?<=[\dA-Z])-(?=\w)", "\N{NON-BREAKING HYPHEN}", text)


def _longest_unbroken(frame: pd.DataFrame, numeric: list[bool]) -> list[int]:
    """Return up to which length the cells of each column can stay on one line."""
    limits = [0] * len(numeric)
    for numbers, words in _UNBROKEN:
        limits = [numbers if is_number else words for is_number in numeric]
        width = sum(
            2 + max([_width(str(name), 0), *(_width(str(cell), limit) for cell in frame[name])])
            for name, limit in zip(frame, limits, strict=True)
        )
        if width <= _PAGE:
            break
    return limits


def _width(cell: str, longest: int) -> int:
    """Count the characters of a cell between which no line can break."""
    if len(cell) <= longest:
        return len(cell)
    return max(len(part) for part in re.split("[ -]", _unbroken(cell)))


def _html_row(tag: str, cells: list[str], sides: list[str], longest: list[int]) -> str:
    inner = ""
    for cell, side, limit in zip(cells, sides, longest, strict=True):
        whole = len(cell) <= limit
        style = f"text-align: {side};{' white-space: nowrap;' if whole else ''}"
        text = typeset(cell if whole else _unbroken(cell))
        inner += f'<{tag} style="{style}">{escape(text, quote=False)}</{tag}>'
    return f"<tr>{inner}</tr>"


def p_text(value: float) -> str:
    """Write a p-value in a cell: 0.0004 as "<0.001", 0.0449 as "0.045", an undefined one blank."""
    if pd.isna(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def formatted(values: pd.Series, spec: str) -> pd.Series:
    """Write numbers by a format specification, NaN as a blank."""
    return values.map(lambda value: "" if pd.isna(value) else format(value, spec))


def in_percent(values: pd.Series, spec: str) -> pd.Series:
    """Write decimals in percent, without the sign, NaN as a blank: 0.094 by "+.1f" as "+9.4"."""
    return formatted(100 * values, spec)


def estimate_with_interval(table: pd.DataFrame, name: str, spec: str = "+.1f") -> pd.Series:
    """Write a column of decimals and its ``lower, upper`` in percent: "+9.4 (+6.6 to +12.3)"."""
    written = {column: in_percent(table[column], spec) for column in (name, "lower", "upper")}
    return written[name] + " (" + written["lower"] + " to " + written["upper"] + ")"


def stars(p_value: float) -> str:
    """Mark a p-value: *** below .01, ** below .05, * below .10, nothing where there is none."""
    return "*" * sum(p_value < level for level in (0.01, 0.05, 0.10))
