"""A table to be read, as a Word document and as an Excel workbook."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.shared import Cm, Pt
from docx.table import _Cell
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

# More columns than this need the page's long side.
UPRIGHT_COLUMNS = 7
# Characters; a longer cell is broken.
WIDEST = 40

_PLAIN = re.compile(r"([+\N{MINUS SIGN}-]?)([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?")


def word_document(
    heads: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], note: str
) -> bytes:
    """Write a table and its note as a Word document.

    Parameters
    ----------
    heads : sequence of str
    rows : sequence of sequence of str
    numeric : sequence of bool
        Columns that are set to the right.
    note : str

    Returns
    -------
    bytes
        A ``.docx`` file.
    """
    document = Document()
    section = document.sections[0]
    if len(heads) > UPRIGHT_COLUMNS:
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = section.page_height, section.page_width
    section.left_margin = section.right_margin = Cm(2)
    table = document.add_table(rows=0, cols=len(heads), style="Light Shading")
    for place, row in enumerate([heads, *rows]):
        cells = table.add_row().cells
        for cell, text, is_numeric in zip(cells, row, numeric, strict=True):
            _fill(cell, text, is_numeric, bold=place == 0)
    # The heads stand on every page that the table reaches.
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.space_before = Pt(6)
    paragraph.add_run(note).font.size = Pt(8)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _fill(cell: _Cell, text: str, is_numeric: bool, bold: bool) -> None:
    paragraph = cell.paragraphs[0]
    run = paragraph.add_run(text)
    run.font.size = Pt(8)
    run.bold = bold
    if is_numeric:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def excel_workbook(
    heads: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], note: str
) -> bytes:
    """Write a table and its note as an Excel workbook; plain numbers are numbers there.

    Parameters
    ----------
    heads, rows, numeric, note
        As in `word_document`.

    Returns
    -------
    bytes
        An ``.xlsx`` file of one sheet.
    """
    workbook = Workbook()
    sheet = workbook.active
    thin = Side(style="thin")
    for line, row in enumerate([heads, *rows], start=1):
        for place, (text, is_numeric) in enumerate(zip(row, numeric, strict=True), start=1):
            cell = sheet.cell(line, place)
            number = _PLAIN.fullmatch(text) if is_numeric and line > 1 else None
            if number:
                sign, whole, decimals = number[1], number[2].replace(",", ""), number[3]
                size = float(f"{whole}.{decimals}") if decimals else int(whole)
                cell.value = -size if sign in ("-", "\N{MINUS SIGN}") else size
                cell.number_format = _number_format(number)
            else:
                cell.value = text
                # What begins with "=" is a name here, and no formula.
                cell.data_type = "s"
            side = "right" if is_numeric else "left"
            cell.alignment = Alignment(horizontal=side, vertical="top", wrap_text=True)
            if line == 1:
                cell.font = Font(bold=True)
                cell.border = Border(top=thin, bottom=thin)
            elif line == len(rows) + 1:
                cell.border = Border(bottom=thin)
    for place, head in enumerate(heads, start=1):
        longest = max(len(text) for text in [head, *(row[place - 1] for row in rows)])
        sheet.column_dimensions[get_column_letter(place)].width = min(longest, WIDEST) + 2
    sheet.freeze_panes = "A2"
    under = sheet.cell(len(rows) + 3, 1, note)
    under.data_type = "s"
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def _number_format(number: re.Match[str]) -> str:
    form = "#,##0" if "," in number[2] else "0"
    form += f".{'0' * len(number[3])}" if number[3] else ""
    return f"+{form};-{form};{form}" if number[1] == "+" else form
