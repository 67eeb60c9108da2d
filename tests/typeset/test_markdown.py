"""Markdown as pages show it."""

from xml.etree import ElementTree

import pytest

from chainpolicy.typeset.markdown import formula, headings, slug, style_sheet, to_html


def test_a_heading_has_the_anchor_of_code_hosting_pages():
    assert slug("Events and their sessions: τ = 0?") == "events-and-their-sessions-τ--0"
    assert 'id="how-many"' in to_html("## How many?")


def test_headings_are_listed_without_their_marks():
    assert headings("# What `moved`?\n\ntext\n\n## *Why*") == [(1, "What moved?"), (2, "Why")]


@pytest.mark.parametrize("text", ["$\\beta_i$", "$`\\beta_i`$"], ids=["dollars", "with backticks"])
def test_an_inline_formula_is_mathml(text):
    page = to_html(f"The slope {text}.")
    inside = page[page.index("<math") : page.index("</math>") + len("</math>")]
    words = "".join(ElementTree.fromstring(inside).itertext())
    assert words == "βi"


def test_a_tag_stands_beside_its_formula():
    page = to_html("```math\nx = 1 \\tag{7}\n```")
    assert '<span class="tag">(7)</span>' in page
    assert "tag{" not in page
    assert 'display="block"' in page


def test_a_word_that_the_converter_lacks_is_spelled():
    assert "\\arg" not in formula(r"\arg\min_w w")


def test_links_are_turned_and_tables_scroll():
    page = to_html("[a](x.ipynb)\n\n| a |\n|---|\n| ![b](y.png) |", lambda target: f"up/{target}")
    assert 'href="up/x.ipynb"' in page
    assert 'src="up/y.png"' in page
    assert '<div class="wide"><table>' in page


def test_code_is_highlighted_and_escaped():
    assert '<span class="k">' in to_html("```python\nreturn 1\n```")
    assert "&lt;b&gt;" in to_html("```nonsense\n<b>\n```")


def test_a_day_in_a_cell_stays_on_one_line():
    page = to_html("| a | b |\n|---|---|\n| 2019-10-28 | 2019-10-28 and later |\n")
    assert '<td class="day">2019-10-28</td>' in page
    assert "<td>2019-10-28 and later</td>" in page
    assert ".day { white-space: nowrap; }" in style_sheet()
