"""The notebook of a user's study runs for every study that loads, and says nothing of another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from chainpolicy.build import notebooks, regenerate
from chainpolicy.study import load_study, new_study
from chainpolicy.study.study import EMBEDDED
from notebook_rules import lint
from small_study import blank_pictures


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said is read here, not what is drawn."""
    blank_pictures(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_study(tmp_path / "mine")


def keep(path: Path, **columns: object) -> pd.DataFrame:
    """Keep the rows of a CSV file in which columns have one of some values."""
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    for name, values in columns.items():
        table = table[table[name].isin(values)]
    table.to_csv(path, index=False)
    return table


def outputs(folder: Path, staging: Path) -> str:
    """Execute the notebook of a study; return everything that it shows as text."""
    staging.mkdir()
    regenerate.study_notebook_product(load_study(folder)).build(staging)
    notebook = notebooks.read(staging / "notebooks" / "study.ipynb")
    shown = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    results = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown += [output.get("text") or output.data.get("text/plain", "") for output in results]
    return "\n".join(shown)


def test_it_loads_the_study_it_is_about(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        notebooks, "execute", lambda path: notebooks.Executed(notebooks.read_source(path), {}, {})
    )
    # Which figures a study has is decided by drawing them; here all stay.
    monkeypatch.setattr(regenerate, "FIGURES", ())
    study = replace(load_study(folder), title="Mine,\nand yours")
    regenerate.study_notebook_product(study).build(tmp_path)
    written = tmp_path / "notebooks" / "study.py"
    assert f"study = chainpolicy.load_study({str(folder)!r})" in written.read_text()
    assert "# # What did the events of “Mine, and yours” move?\n" in written.read_text()

    embedded = {None: "", "china-crypto-policy-2013-2021": "'china-crypto-policy-2013-2021'"}
    for number, (name, argument) in enumerate(embedded.items()):
        staging = tmp_path / str(number)
        staging.mkdir()
        regenerate.study_notebook_product(load_study(name)).build(staging)
        written = staging / "notebooks" / "study.py"
        assert f"study = chainpolicy.load_study({argument})" in written.read_text()
        assert lint(written) == []


def test_nothing_in_it_names_the_embedded_study(study):
    source = Path(regenerate.__file__).with_name("study_notebook.py.txt").read_text().casefold()
    for name in {*study.groups, *study.groups.index, *study.events["event_id"], EMBEDDED.name}:
        assert name.casefold() not in source
    assert "china" not in source
    assert "claim" not in source


def test_one_asset_and_one_event_are_enough_and_braces_are_words(folder, tmp_path):
    keep(folder / "events.csv", event_id=["rule-announced"])
    keep(folder / "assets.csv", ticker=["COIN"])
    settings = (folder / "study.toml").read_text()
    title = 'title = "What {{ 1 / 0 }} {% did"\n#'
    (folder / "study.toml").write_text(settings.replace('title = "', title, 1))
    shown = outputs(folder, tmp_path / "staging")
    assert "“What {{ 1 / 0 }} {% did”" in shown
    # One response, tested by its exact t and its rank; a single asset has no adjusted BMP.
    lines = [line.split() for line in shown.splitlines()]
    assert ["portfolio", "t", "1", "1", "0.05", "1"] in lines
    assert ["adjusted", "BMP", "0", "0", "0.00", "0"] in lines
    assert "Nothing was left out." in shown


def test_a_study_without_an_estimated_event_says_why(folder, tmp_path):
    events = keep(folder / "events.csv", event_id=["rule-announced"])
    out = events.assign(in_sample="no", reason="a rehearsal")
    out.to_csv(folder / "events.csv", index=False)
    shown = outputs(folder, tmp_path / "staging")
    assert "The study has no dated event in the sample." in shown
    assert "a rehearsal" in shown


def test_a_wide_table_is_shown_whole(tmp_path):
    source = tmp_path / "wide.py"
    source.write_text(
        "# %% [markdown]\n# # How wide is it?\n\n# %%\nimport pandas as pd\n\n"
        'pd.DataFrame({f"column_{n:02}": [n] for n in range(15)})\n'
    )
    (output,) = notebooks.execute(source).notebook.cells[1].outputs
    for shown in (output.data["text/plain"], output.data["text/html"]):
        assert all(f"column_{n:02}" in shown for n in range(15))
