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


def test_short_cells_stay_on_one_line_and_long_ones_do_not_shrink_to_a_word():
    long = "+6.4 (+4.4 to +8.3); 84 percent at their limit"
    page = to_html(f"| a | b |\n|---|---|\n| 2019-10-28 | {long} |\n| `A-shares`, tier 1 | b |\n")
    assert '<td class="short">2019-10-28</td>' in page
    assert '<td class="short"><code>A-shares</code>, tier 1</td>' in page
    assert f'<td class="long">{long}</td>' in page
    assert ".short, .dataframe td" in style_sheet()
    assert ".long { min-width: 9rem; }" in style_sheet()


def test_no_line_ends_before_a_unit_inside_a_p_value_or_a_window():
    page = to_html(
        "At 5\n% (p\n= 0.02) over [-1,\n10], as *p < 0.001* says, **95 % of** it; p is 2 %"
    )
    for whole in ("5 %", "(p = 0.02)", "[-1, 10]", "p &lt; 0.001", "95 %", "2 %"):
        assert whole.replace(" ", "\N{NO-BREAK SPACE}") in page
    # Elsewhere lines end as before, and code stays as it is.
    assert "of</strong> it" in page
    assert "<code>5 % of [0, 1]</code>" in to_html("`5 % of [0, 1]`")


def test_the_mark_after_a_formula_stays_with_it():
    page = to_html("The residuals $E$), of $F$ and $G$.")
    assert page.count('<span class="whole"><span class="math inline">') == 2
    assert "</math></span>),</span> of <span class=" in page
    assert "</math></span> and <span class=" in page
    assert "</math></span>.</span></p>" in page
    assert ".whole, " in style_sheet()


@pytest.mark.parametrize(
    ("latex", "sign"), [(r"E \setminus F", "∖"), (r"t \sim t(N)", "∼"), (r"c \pm d", "±")]
)
def test_a_sign_between_letters_is_an_operator_that_fonts_have(latex, sign):
    tree = ElementTree.fromstring(formula(latex))
    operators = [node.text for node in tree.iter() if node.tag.endswith("}mo")]
    letters = [node.text for node in tree.iter() if node.tag.endswith("}mi")]
    assert sign in operators
    assert all(letter.isalpha() for letter in letters)


def test_a_bar_is_as_long_as_what_it_covers():
    tree = ElementTree.fromstring(formula(r"\overline{SCAAR}"))
    bar = next(node for node in tree.iter() if node.tag.endswith("}mover"))[1]
    # No font need have it: the style sheet draws a border over the letters.
    assert (bar.text, bar.get("class")) == ("\N{MACRON}", "bar")
    assert "mover:has(> .bar) > :first-child { border-top:" in style_sheet()
