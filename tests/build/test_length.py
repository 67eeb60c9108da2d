"""Notebooks stay short enough to be read."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
MOST_WORDS = 1_800
LONGER = {"04_concept_stocks": 2_500, "09_crypto_policy": 2_000}


def words(path: Path) -> int:
    """Words of prose and of text outputs; the words of a picture are not counted."""
    total = 0
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            total += len("".join(cell["source"]).split())
            continue
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" not in data:
                text = output.get("text", "") or data.get("text/plain", "")
                total += len("".join(text).split())
    return total


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_no_longer_than_its_readers_are_patient(path):
    assert words(path) <= LONGER.get(path.stem, MOST_WORDS)


def test_there_are_notebooks_to_count():
    assert len(NOTEBOOKS) >= 9
