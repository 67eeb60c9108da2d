"""What the notebooks say: results are values, and every one ends with a reading and its limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chainpolicy.build import notebooks
from places import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
ARTICLE = ROOT / "notebooks" / "article.py"

# Definitions, not results: windows, levels and power of a test, sessions, limits, names.
DEFINITIONS = (
    r"\[[-\N{MINUS SIGN}]?\d+, ?([-\N{MINUS SIGN}]?\d+\])?|\b(5|80|95|9\.9) %|session [01]\b|"
    r"CSI 300|S&P 500|[Tt]ier [12]|autumn of 2019|autumn 2019|\[\d\d_\w+\]"
)
# Nor are years, days and hours, what a log return is, and the place of a citation.
DATES = (
    r"\b(19|20)\d\d\b|\b\d\d:00\b|\bday 0\b|\b\d+ (January|October)\b|"
    r"\+10 % is a rise in price of 10\.\.?|"
    r"\* \d+, \d+\)|arXiv [\d.]+|\b713 announcements of firms"
)


def prose(source: Path) -> list[str]:
    """Markdown cells of a source without values, formulas, link targets and definitions."""
    cells = [c.source for c in notebooks.read_source(source).cells if c.cell_type == "markdown"]
    for pattern in (r"\{\{.*?\}\}", r"\$\$.*?\$\$", r"\$.*?\$", r"(?<=\])\(.*?\)", DEFINITIONS):
        cells = [re.sub(pattern, "", cell, flags=re.DOTALL) for cell in cells]
    return cells


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda source: source.stem)
def test_no_result_is_typed_into_the_prose(source):
    cells = [re.sub(DATES, "", cell) for cell in prose(source)]
    assert [line for cell in cells for line in cell.splitlines() if re.search(r"\d", line)] == []


# Years of the literature, and by its year the study of one autumn.
CITED = r"(?<=[a-z.] )(19|20)\d\d(?=[;)])|\((19|20)\d\d\)|\b(of|[Ii]n) 2019\b"


def test_the_article_types_no_result_either():
    *text, references = prose(ARTICLE)
    assert references.startswith("## References")
    cells = [re.sub(CITED, "", " ".join(cell.split())) for cell in text]
    assert [found for cell in cells for found in re.findall(r"\S* ?\S*\d\S*", cell)] == []


def test_the_article_cites_what_it_lists_and_lists_what_it_cites():
    *text, references = prose(ARTICLE)
    listed = {
        (each[1], each[2]) for each in re.finditer(r"(?m)^- ([\w-]+), .*?\((\d{4})\)", references)
    }
    body = " ".join(" ".join(text).split())
    others = r"(?:, [A-Z][\w-]+)*(?:,? and [A-Z][\w-]+| et al\.)?"
    name = rf"([A-Z][\w-]+){others} \(?((?:19|20)\d\d)(?=[;)])"
    assert {(each[1], each[2]) for each in re.finditer(name, body)} == listed


def test_the_article_has_the_length_of_a_paper():
    *text, _ = prose(ARTICLE)
    assert 2500 <= len(" ".join(text).split()) <= 3500


def test_the_article_ends_with_its_limits_and_states_claims():
    headings = re.findall(r"^## (.+)$", "\n".join(prose(ARTICLE)), flags=re.MULTILINE)
    assert headings[0] == "Abstract"
    assert headings[-3:] == ["Limits", "Data and code", "References"]
    assert any("claims(" in cell.source for cell in notebooks.read_source(ARTICLE).cells)


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda source: source.stem)
def test_a_notebook_ends_with_a_reading_and_its_limits(source):
    headings = re.findall(r"^## (.+)$", "\n".join(prose(source)), flags=re.MULTILINE)
    assert headings[-2:] == ["Reading", "Limits"]


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda source: source.stem)
def test_a_reading_is_backed_by_claims(source):
    cells = notebooks.read_source(source).cells
    at = next(i for i, cell in enumerate(cells) if "## Reading" in cell.source)
    assert any("claims(" in cell.source for cell in cells[at:] if cell.cell_type == "code")
