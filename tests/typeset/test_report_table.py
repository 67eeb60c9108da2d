"""Tables that leave the program: LaTeX, Word and Excel say what the text says."""

from __future__ import annotations

import io
import re
import zipfile
from xml.etree import ElementTree

import docx
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import cbook
from matplotlib.font_manager import get_font
from pylatexenc.latex2text import LatexNodes2Text

from chainpolicy.typeset.latex import latex_text
from chainpolicy.typeset.report_table import ReportTable

MINUS = "\N{MINUS SIGN}"
# Of LaTeX itself since 2020, of booktabs and of threeparttable.
ENVIRONMENTS = {"table": "", "threeparttable": "", "tabular": "", "tablenotes": ""}
KERNEL = {
    *("begin", "end", "centering", "footnotesize", "setlength", "tabcolsep", "item", "linewidth"),
    *("textasciitilde", "textasciicircum", "textbackslash", "textendash", "textemdash", "times"),
    *("textquotedblleft", "textquotedblright", "textquoteleft", "textquoteright", "ensuremath"),
    *("alpha", "beta", "rho", "leq", "geq", "neq", "ss", "l", "o", "textellipsis", "texteuro"),
}
BOOKTABS = {"toprule", "midrule", "bottomrule"}


@pytest.fixture
def table() -> ReportTable:
    frame = pd.DataFrame(
        {
            "Events": ["a_b & c, x-y", "[odd] 100% #1 {~^} \\ $|", "*starred*"],
            "N": ["38", "1,234", "1"],
            "CAAR, %": ["+7.2", "-1.05", ""],
            "t (p)": ["3.10 (<0.001)", "-1.49 (0.139)", ""],
        }
    )
    return ReportTable(frame, "CAAR over [-1, 1]; p < 5 %, not > 10 %; β ≤ 1 – “named” × é.")


def as_text(latex: str) -> str:
    """What is read where LaTeX is set; the reader writes the accent for the sign it is."""
    return LatexNodes2Text().latex_to_text(latex).replace("ˆ", "^")


def data_rows(latex: str) -> list[str]:
    lines = latex.split(r"\midrule" + "\n")[1].split(r"\bottomrule")[0]
    return lines.removesuffix("\n").split("\n")


def test_latex_has_nothing_that_either_engine_misreads(table):
    latex = table.to_latex()
    head, body = latex.split("\\fi\n")
    loaded = r"\usepackage{booktabs,threeparttable}"
    assert head.split("\n")[0] == rf"% A document that has this by \input loads {loaded}."
    # Alone it is a document with the same packages, in another nothing but the table.
    alone, inside = head.split("\\else\n")
    assert alone.split("\n")[1:] == [
        r"\expandafter\ifx\csname @classoptionslist\endcsname\relax",
        *(r"\documentclass{article}", loaded, r"\begin{document}"),
        *(r"\def\endoftable{\end{document}}", ""),
    ]
    assert inside == "\\let\\endoftable\\relax\n"
    assert body.endswith("\n\\endoftable\n")
    body = body.removesuffix("\\endoftable\n")
    # In the text font of pdflatex < and > are other signs, and a minus outside ASCII is none.
    assert body.isascii()
    outside = re.sub(r"\$[^$]*\$", "", body.replace(r"\$", ""))
    assert not set(outside) & set("<>|")
    assert body.count("$<$") == 2
    assert "$-$1.05" in body
    assert set(re.findall(r"\\([a-zA-Z]+)", body)) <= KERNEL | BOOKTABS
    # Nothing after a line's end is taken for its option.
    rows = data_rows(latex)
    assert all(row.endswith(r" \\") for row in rows)
    assert not any(row.startswith(("[", "*")) for row in rows)
    assert [len(re.findall(r"(?<!\\)&", row)) for row in rows] == [3, 3, 3]
    assert not re.search(r"(?<!\\)[%#]", body)


def test_latex_environments_and_braces_close(table):
    latex = table.to_latex()
    open_: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", latex):
        if kind == "begin":
            open_.append(name)
        else:
            assert open_.pop() == name
    assert open_ == []
    depth = 0
    for sign in re.sub(r"\\[{}]", "", latex):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0


def test_the_note_stands_under_the_table(table):
    latex = table.to_latex()
    assert latex.index(r"\end{tabular}") < latex.index(r"\begin{tablenotes}")
    assert latex.index(r"\end{tablenotes}") < latex.index(r"\end{threeparttable}")
    assert r"\item CAAR over {[}$-$1, 1{]}; p $<$ 5 \%, not $>$ 10 \%;" in latex
    assert "tablenotes" not in ReportTable(table.frame, "").to_latex()


def test_a_table_longer_than_a_page_breaks_under_heads_that_repeat(table):
    frame = pd.concat([table.frame] * 30, ignore_index=True).assign(N=range(90))
    latex = ReportTable(frame, table.note).to_latex()
    assert latex.split("\n")[0].endswith(r"\input loads \usepackage{booktabs,longtable}.")
    # A float that is longer than the page loses its last rows.
    assert r"\begin{table}" not in latex
    heads, rows = latex.split(r"\endhead" + "\n")
    assert heads.count("Events & N &") == 1
    rows = rows.split(r"\endfoot" + "\n")[1].split(r"\end{longtable}")[0].splitlines()
    numbers = [re.split(r"(?<!\\)&", row)[1].strip() for row in rows]
    assert numbers == [str(number) for number in range(90)]
    assert latex.index(r"\end{longtable}") < latex.index(r"\noindent CAAR over")


def points(latex: str) -> tuple[float, float]:
    """Widest row of a table in the type of TeX itself, whose design size is 10, and its line."""
    font = get_font(str(cbook._get_data_path("fonts/ttf/cmr10.ttf")))
    font.set_size(10, 72)
    # Small type is a little wider for its size: the digits of cmr8, cmr7 and cmr6 in points.
    digit = {r"\footnotesize": 4.25, r"\scriptsize": 3.98, r"\fontsize{6}{7}\selectfont": 3.67}
    size = next(digit[line] for line in latex.splitlines() if line in digit)

    def width(text: str) -> float:
        font.set_text(text)
        return font.get_width_height()[0] / 64 * size / 5.0

    heads, rows = latex.split(r"\midrule" + "\n", 1)
    held = [heads.splitlines()[-1], *rows.split(r"\bottomrule")[0].splitlines()]
    cells = [re.split(r"(?<!\\)&", row.removesuffix(r" \\")) for row in held]
    widest = [
        max(width(as_text(cell).strip()) for cell in column) for column in zip(*cells, strict=True)
    ]
    return sum(widest) + 6 * (len(widest) - 1), 550 if "{landscape}" in latex else 345


@pytest.mark.parametrize("columns", [4, 5, 6, 7, 8, 9, 10])
@pytest.mark.parametrize("cell", ["+14.3 (+6.4 to +22.2)", "stance on crypto", "MMM WWW 111"])
def test_a_wide_table_is_set_smaller_or_turned(columns, cell):
    frame = pd.DataFrame({f"Column {number}": [cell] for number in range(columns)})
    latex = ReportTable(frame, "").to_latex()
    if latex.count(r"\begin{tabular}") == 1:
        width, line = points(latex)
        assert width <= 1.01 * line
    assert (r"\begin{landscape}" in latex) == latex.split("\n")[0].endswith("lscape}.")


def test_a_table_wider_than_any_page_is_set_in_parts():
    frame = pd.DataFrame({"Row": ["one", "two"], "": ["first", "second"]})
    frame = frame.assign(**{f"({number})": [number, -number] for number in range(90)})
    latex = ReportTable(frame, "A note.").to_latex()
    parts = re.findall(r"\\begin\{tabular\}.*?\\end\{tabular\}", latex, flags=re.DOTALL)
    assert len(parts) > 1
    numbers: list[str] = []
    for part in parts:
        width, line = points(r"\footnotesize" + "\n" + r"{landscape}" + "\n" + part)
        assert width <= 1.01 * line
        name, second, *heads = part.split(r"\toprule" + "\n")[1].split(r" \\")[0].split(" & ")
        assert (name, second) == ("Row", "")
        numbers += heads
        assert re.findall(r"^(?:one & first|two & second) &", part, flags=re.MULTILINE)
    assert numbers == [f"({number})" for number in range(90)]
    assert latex.count("A note.") == 1
    assert latex.index("A note.") > latex.rindex(r"\end{tabular}")


def test_latex_reads_back_as_the_table(table):
    cells = [
        [as_text(cell).strip() for cell in re.split(r"(?<!\\)&", row[:-3])]
        for row in data_rows(table.to_latex())
    ]
    assert cells == table.frame.to_numpy().tolist()


def test_words_that_are_long_are_broken_and_numbers_are_not():
    frame = pd.DataFrame({"Long": ["word " * 9], "Short": ["word"], "N": ["1 (0 to 2)" * 5]})
    assert r"\begin{tabular}{@{}p{0.2\linewidth}lr@{}}" in ReportTable(frame, "").to_latex()


def test_signs_without_a_command_are_named():
    latex = ReportTable(pd.DataFrame({"Group": ["区块链"]}), "").to_latex()
    assert "% LaTeX has no command for 区 块 链: set this with lualatex" in latex


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_any_text_survives_latex(text):
    latex = latex_text(text)
    bare = re.sub(r"\\[\\{}$&%#_]|\{|\}", "", latex)
    assert not set(re.sub(r"\$[^$]*\$", "", bare)) & set("<>|#%&$_^~")
    # Quotation marks and dashes are set as such, and spaces run together.
    typographic = r"[\s'`\"’‘“”–—-]+"
    assert re.sub(typographic, "", as_text(latex)) == re.sub(typographic, "", text)


def word_texts(content: bytes) -> list[str]:
    """The paragraphs of a Word document, read without the library that wrote it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = ElementTree.fromstring(archive.read("word/document.xml"))
    space = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    return [
        "".join(node.text or "" for node in paragraph.iter(f"{space}t"))
        for paragraph in root.iter(f"{space}p")
    ]


def test_a_word_document_holds_every_cell_and_the_note(table):
    content = table.to_docx()
    real_minus = [MINUS + "1.05", MINUS + "1.49 (0.139)", f"CAAR over [{MINUS}1, 1]; p < 5 %"]
    texts = word_texts(content)
    assert texts[:4] == ["Events", "N", "CAAR, %", "t (p)"]
    assert texts[4] == "a_b & c, x-y"
    assert all(any(text.startswith(start) for text in texts) for start in real_minus)
    document = docx.Document(io.BytesIO(content))
    (written,) = document.tables
    assert [len(row.cells) for row in written.rows] == [4] * 4
    assert written.cell(1, 2).paragraphs[0].alignment == docx.enum.text.WD_ALIGN_PARAGRAPH.RIGHT
    assert written.cell(1, 0).paragraphs[0].alignment is None
    assert document.paragraphs[-1].text.startswith("CAAR over")


def test_a_wide_word_table_lies_on_the_long_side_of_the_page():
    for columns, lies in ((7, False), (8, True)):
        frame = pd.DataFrame({f"c{place}": ["1"] for place in range(columns)})
        (section,) = docx.Document(io.BytesIO(ReportTable(frame, "").to_docx())).sections
        assert (section.page_width > section.page_height) == lies


def test_an_excel_workbook_holds_numbers_as_numbers(table):
    sheet = openpyxl.load_workbook(io.BytesIO(table.to_xlsx())).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(max_row=4)]
    assert rows[0] == ["Events", "N", "CAAR, %", "t (p)"]
    assert rows[1] == ["a_b & c, x-y", 38, 7.2, "3.10 (<0.001)"]
    assert rows[2][1:] == [1234, -1.05, MINUS + "1.49 (0.139)"]
    assert rows[3][2] in (None, "")
    assert sheet["C2"].number_format == "+0.0;-0.0;0.0"
    assert sheet["B3"].number_format == "#,##0"
    assert sheet["C3"].number_format == "0.00"
    assert sheet["A6"].value.startswith(f"CAAR over [{MINUS}1, 1]")


def test_a_name_is_never_a_formula():
    frame = pd.DataFrame({"Event": ["=SUM(A1)", "2018"], "N": ["=2", "3"]})
    sheet = openpyxl.load_workbook(io.BytesIO(ReportTable(frame, "=note").to_xlsx())).active
    kinds = {cell.coordinate: cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds.values()
    assert sheet["A2"].value == "=SUM(A1)"
    # Among names a number is a name.
    assert sheet["A3"].value == "2018"


def test_a_table_without_rows_is_its_note():
    table = ReportTable(pd.DataFrame({"Event": [], "Reason": []}), "Nothing was left out.")
    assert table.to_markdown() == "Nothing was left out."
    assert table.to_html() == "<p>Nothing was left out.</p>"
