"""Markdown as PDF."""

import io

import pytest
from matplotlib.figure import Figure
from pypdf import PdfReader

from chainpolicy.typeset.pdf import to_pdf, to_typst


def words(pdf):
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_every_kind_of_block_is_in_the_document():
    text = (
        "# Title of *it*\n\nPlain **bold** `code` [link](other.md) 5 % # $ @ \\ _x_.\n\n- one\n"
        "- two\n\n1. first\n\n> said\n\n| Head | N |\n|---|---:|\n| cell | −1.5 |\n\n"
        "```python\nprint(1)\n```\n"
    )
    found = words(to_pdf(text, {}))
    marks = "5\N{NO-BREAK SPACE}% # $ @ \\ x."
    for word in ("Title of it", "bold", "code", "link", marks, "one", "two", "first"):
        assert word in found
    for word in ("said", "Head", "cell", "−1.5", "print(1)"):
        assert word in found


def test_the_same_text_gives_the_same_bytes():
    assert to_pdf("# A\n\n$x_1$", {}) == to_pdf("# A\n\n$x_1$", {})


def test_the_title_is_the_documents():
    assert PdfReader(io.BytesIO(to_pdf('# What "moved"?', {}))).metadata.title == 'What "moved"?'


def test_pictures_stay_vectors():
    figure = Figure()
    figure.subplots().plot([1, 2])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    page = PdfReader(io.BytesIO(to_pdf("# A\n\n![words](f.png)", {"f.png": buffer.getvalue()})))
    assert not list(page.pages[0].images)
    assert page.get_num_pages() == 1


@pytest.mark.parametrize("size", [(4, 4), (4, 8), (8, 4)])
def test_a_tall_picture_leaves_room_for_the_text_around_it(size):
    buffer = io.BytesIO()
    Figure(figsize=size).savefig(buffer, format="png")
    text = "# A\n\n" + "line\n\n" * 12 + "![words](f.png)\n\nits caption"
    assert len(PdfReader(io.BytesIO(to_pdf(text, {"f.png": buffer.getvalue()}))).pages) == 1


@pytest.mark.parametrize(
    ("latex", "typst"),
    [
        (r"\frac1N \sum_{i=1}^N x_i", "frac(1, N) attach(∑, b: i \\= 1, t: N) attach(x, b: i)"),
        (r"\hat\beta", "hat(β)"),
        (r"\sqrt{2}", "sqrt(2)"),
        (r"\left( x \right)", "lr(\\( x \\))"),
        ("[0, 1)", "\\[ 0 \\, 1 \\)"),
        ("-x", "− x"),
    ],
)
def test_formulas_are_written_in_the_mathematics_of_typst(latex, typst):
    assert to_typst(latex) == typst


def test_a_short_table_stands_on_the_page_of_its_note_and_a_long_one_begins_at_once():
    def pages(rows, before):
        table = "\n".join(f"| row {row} | {row} |" for row in range(rows))
        text = "line\n\n" * before + f"| Head | N |\n|---|---:|\n{table}\n\n" + "The note. " * 40
        found = PdfReader(io.BytesIO(to_pdf(f"# A\n\n{text}", {}))).pages
        return [page.extract_text() for page in found]

    # Wherever the page ends, the last row is not parted from the note.
    for before in range(28, 40):
        (page,) = [page for page in pages(4, before) if "row 3" in page]
        assert "The note." in page
    assert "row 0" in pages(150, 2)[0]
