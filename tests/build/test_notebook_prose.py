"""What the notebooks say: results are values, and every one ends with a reading and its limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chainpolicy.build import notebooks
from places import ROOT

SOURCES = sorted((ROOT / "notebooks").glob("*.py"))
NOTEBOOKS = [source for source in SOURCES if source.stem != "article"]

# Definitions, not results: windows, levels and power of a test, sessions, limits, names, dates and
# hours, what a log return is, and the place of a citation.
DEFINITIONS = (
    r"\[[-\N{MINUS SIGN}]?\d+, ?([-\N{MINUS SIGN}]?\d+\])?|\b(5|80|95|9\.9) %|session [01]\b|"
    r"CSI 300|S&P 500|[Tt]ier [12]|\[\d\d_\w+\]|\b(19|20)\d\d\b|\b\d\d:00\b|\bday 0\b|"
    r"\b\d+ (January|October)\b|\+10 % is a rise in price of 10\.5 %|"
    r"\* \d+, \d+\)|arXiv [\d.]+|\b713 announcements of firms"
)


def prose(source: Path) -> list[str]:
    """Markdown cells of a source without values, formulas, link targets and definitions."""
    cells = [c.source for c in notebooks.read_source(source).cells if c.cell_type == "markdown"]
    cells = [cell.partition("## References")[0] for cell in cells]
    for pattern in (r"\{\{.*?\}\}", r"\$\$.*?\$\$", r"\$.*?\$", r"(?<=\])\(.*?\)", DEFINITIONS):
        cells = [re.sub(pattern, "", cell, flags=re.DOTALL) for cell in cells]
    return cells


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_no_result_is_typed_into_the_prose(source):
    assert [
        line for cell in prose(source) for line in cell.splitlines() if re.search(r"\d", line)
    ] == []


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda source: source.stem)
def test_a_notebook_ends_with_a_reading_and_its_limits(source):
    headings = re.findall(r"^## (.+)$", "\n".join(prose(source)), flags=re.MULTILINE)
    assert headings[-2:] == ["Reading", "Limits"]


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda source: source.stem)
def test_a_reading_is_backed_by_claims(source):
    cells = notebooks.read_source(source).cells
    at = next(i for i, cell in enumerate(cells) if "## Reading" in cell.source)
    assert any("claims(" in cell.source for cell in cells[at:] if cell.cell_type == "code")


def test_the_article_has_its_parts_and_is_backed_by_claims():
    cells = notebooks.read_source(ROOT / "notebooks" / "article.py").cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    for part in ("Abstract", "Data", "Method", "Robustness", "Limits", "References"):
        assert part in " ".join(headings)
    assert headings[-1] == "References"
    assert any("claims(" in cell.source for cell in cells if cell.cell_type == "code")
