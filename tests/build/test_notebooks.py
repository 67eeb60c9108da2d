"""Notebooks come out the same on every run, and nothing unfit to be read gets into one."""

from __future__ import annotations

import base64
import copy
import io
import json
import re
import sys
from pathlib import Path

import matplotlib as mpl
import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib import pyplot as plt
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from chainpolicy import claim, claims
from chainpolicy.build import notebooks
from chainpolicy.build.notebooks import NotebookError
from chainpolicy.study import load_study, new_study, read_once
from chainpolicy.typeset import numbers
from chainpolicy.typeset.prose import evaluate
from notebook_rules import lint
from places import ROOT

SOURCE = """\
# %% [markdown]
# # How large is the answer?

# %%
import os
import sys

import matplotlib.pyplot as plt
import pandas as pd

# %%
print("one")
print("two")

# %%
pd.DataFrame({"answer": [42]})

# %%
plt.plot([1, 2]);

# %%
plt.plot([1, 2]);

# %%
answer, share, nothing = 42, 0.125, float("nan")
[os.getcwd() != os.environ.get("PWD"), os.environ["ANSWER"]]

# %% [markdown] tags=["readme"]
# It is {{ answer }}, {{ share | percent }} of it known.
"""


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("notebooks") / "01_answer.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture(scope="session")
def executed(source: Path) -> NotebookNode:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANSWER", "42")
        return notebooks.execute(source).notebook


def as_bytes(notebook: NotebookNode, folder: Path) -> bytes:
    notebooks.write(notebook, folder / "written.ipynb")
    return (folder / "written.ipynb").read_bytes()


def png(array: np.ndarray, **tags: str) -> bytes:
    info = PngInfo()
    for key, value in tags.items():
        info.add_text(key, value)
    buffer = io.BytesIO()
    Image.fromarray(array.astype(np.uint8)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def write_source(folder: Path, *cells: str) -> Path:
    path = folder / "02_broken.py"
    path.write_text(
        "# %% [markdown]\n# # Why is it so?\n\n" + "".join(f"# %%\n{cell}\n\n" for cell in cells)
    )
    return path


def test_second_execution_gives_the_same_bytes(source, executed, tmp_path, monkeypatch):
    monkeypatch.setenv("ANSWER", "42")
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    startup = tmp_path / "startup.py"
    startup.write_text("print('from the startup file')")
    monkeypatch.setenv("PYTHONSTARTUP", str(startup))
    with mpl.rc_context({"figure.figsize": (1, 1)}):
        again = notebooks.execute(source).notebook
        assert mpl.rcParams["figure.figsize"] == [1, 1]
    assert as_bytes(again, tmp_path) == as_bytes(executed, tmp_path)


def test_a_notebook_runs_here_in_an_empty_folder_and_leaves_nothing(executed, source, monkeypatch):
    assert executed.cells[-2].outputs[0].data["text/plain"] == "[True, '42']"
    before = Path.cwd(), mpl.get_backend(), set(sys.modules["__main__"].__dict__)
    monkeypatch.setenv("ANSWER", "42")
    notebooks.execute(source)
    assert (Path.cwd(), mpl.get_backend(), set(sys.modules["__main__"].__dict__)) == before
    assert not InteractiveShell.initialized()


def test_names_of_one_notebook_are_unknown_to_the_next(tmp_path):
    notebooks.execute(write_source(tmp_path, "left = 1"))
    with pytest.raises(NotebookError, match="NameError: name 'left' is not defined"):
        notebooks.execute(write_source(tmp_path, "left"))


def test_a_notebook_may_not_change_the_tables_that_a_build_shares(tmp_path):
    folder = new_study(tmp_path / "study")
    load = f"from chainpolicy import load_study\nstudy = load_study({str(folder)!r})"
    with read_once(load_study(folder)):
        notebooks.execute(
            write_source(tmp_path, load, "own = study.copy()\nown.returns['return'] *= 2")
        )
        changing = write_source(tmp_path, load, "study.returns['return'] *= 2", "1 / 0")
        with pytest.raises(NotebookError, match="ZeroDivisionError"):
            notebooks.execute(changing)
        notebooks.execute(write_source(tmp_path, load, "study.results"))
        for change, named in {
            "study.benchmarks.clear()": "benchmarks",
            "study.labels['makers'] = 'M'": "labels",
            "study.hourly['COIN'] = study.returns": "hourly",
        }.items():
            with pytest.raises(NotebookError, match=rf"\(.*: {named}\)"):
                notebooks.execute(write_source(tmp_path, load, change))
        changing = write_source(tmp_path, load, "study.events['name'] = ''\ndel study")
        with pytest.raises(NotebookError, match=r"02_broken\.py changes its study .*: events\)"):
            notebooks.execute(changing)


def test_a_real_kernel_gives_the_same_outputs(source, executed, tmp_path, monkeypatch):
    """What a reader sees who opens the source in Jupyter."""
    monkeypatch.setenv("ANSWER", "42")
    # A reader has none: the kernel chooses the backend that shows figures inline.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = notebooks.read_source(source)
    # A kernel's outputs arrive after its answer, on a busy machine after more than the usual 4 s.
    NotebookClient(
        notebook,
        timeout=600,
        startup_timeout=600,
        iopub_timeout=600,
        coalesce_streams=True,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    for ours, theirs in zip(executed.cells, notebook.cells, strict=True):
        for one, other in zip(ours.get("outputs", []), theirs.get("outputs", []), strict=True):
            assert one.output_type == other.output_type
            assert one.get("text") == other.get("text")
            if "text/html" in one.get("data", {}):
                assert one.data == other.data


# ---- prose --------------------------------------------------------------------------------------


def with_prose(folder: Path, prose: str, *cells: str) -> Path:
    path = write_source(folder, "x, nothing = 0.5, float('nan')", *cells)
    path.write_text(path.read_text() + f"# %% [markdown]\n# First line.\n# {prose}\n")
    return path


def test_prose_has_the_values_of_the_cells_above_it(executed):
    assert executed.cells[-1].source == "It is 42, +12.5 % of it known."


@pytest.mark.parametrize(
    ("prose", "why"),
    [
        ("{{ missing }}", "'missing' is undefined"),
        ("{{ x.missing }}", "has no attribute 'missing'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ nothing | percent }}", "the value is nan, which cannot be written"),
        ("{{ x }}", "0.5 needs a filter that says how it is written"),
        ("{{ x | unknown }}", "No filter named 'unknown'"),
        ("{{ x | }}", "unexpected end of template"),
        ("{{ '' }}", "does not read as text"),
        ("{{ none }}", "does not read as text"),
    ],
)
def test_an_expression_that_cannot_be_written_stops_the_build(tmp_path, prose, why):
    with pytest.raises(NotebookError) as caught:
        notebooks.execute(with_prose(tmp_path, prose))
    assert str(caught.value).startswith(
        f"02_broken.py, cell 3 (First line.): line 2, {{{{ {prose.strip('{} ')} }}}}: "
    )
    assert re.search(why, str(caught.value))


def test_a_claim_that_no_longer_holds_stops_the_build_with_its_sentence(tmp_path):
    cell = (
        "from chainpolicy import claim, claims\n"
        'claims(claim("Water is wet", 1, True), claim("Fire is cold", 2.5, 1 > 2))'
    )
    with pytest.raises(NotebookError) as caught:
        notebooks.execute(write_source(tmp_path, cell))
    assert str(caught.value) == (
        "02_broken.py, cell 2 (from chainpolicy import claim, claims), line 2: no longer holds: "
        "Fire is cold"
    )


@pytest.mark.parametrize(
    "cell",
    [
        'told = claims(claim("Fire is cold", 2.5, 1 > 2))',
        'claims(claim("Fire is cold", 2.5, 1 > 2));',
        'claims(claim("Fire is cold", 2.5, 1 > 2))\n1',
        'if True:\n    claims(claim("Fire is cold", 2.5, 1 > 2))',
        'claim("Fire is cold", 2.5, 1 > 2)',
        'told = claim("Fire is cold", 2.5, 1 > 2)\nclaims(told)',
        'chainpolicy.claims(claim("Fire is cold", 2.5, 1 > 2)), 1',
    ],
)
def test_a_claim_that_nothing_would_check_stops_the_build(tmp_path, cell):
    source = write_source(
        tmp_path, "import chainpolicy\nfrom chainpolicy import claim, claims", cell
    )
    line = 2 if cell.startswith("if") else 1
    with pytest.raises(NotebookError, match=rf"^02_broken\.py, cell 3 .*, line {line}: claims\("):
        notebooks.execute(source)


def test_claims_made_in_a_loop_are_checked(tmp_path):
    cell = (
        "from chainpolicy import claim, claims\n"
        'claims(*(claim(f"{n} is below two", n, n < 2) for n in range(3)))'
    )
    with pytest.raises(NotebookError, match="no longer holds: 2 is below two"):
        notebooks.execute(write_source(tmp_path, cell))


@pytest.mark.parametrize(
    ("prose", "line", "left"),
    [
        ("It is {{ x | percent.", 2, "{{"),
        ("It is x | percent }}.", 2, "}}"),
        ("It is {{ x | percent }} of\n# {{ it.", 3, "{{"),
        ("{% if x %}", 2, "{%"),
    ],
)
def test_braces_that_stand_alone_stop_the_build(tmp_path, prose, line, left):
    with pytest.raises(NotebookError) as caught:
        notebooks.execute(with_prose(tmp_path, prose))
    assert str(caught.value).endswith(f"line {line}: {left} without its other half")


def test_braces_of_formulas_and_of_code_stand_as_they_are(tmp_path):
    prose = r"$\sqrt{\frac{1}{T}}$, `}}` and $$x_{i_{t}}$$ are {{ x | percent }}"
    written = notebooks.execute(with_prose(tmp_path, prose)).notebook.cells[-1].source
    assert written.endswith(r"$\sqrt{\frac{1}{T}}$, `}}` and $$x_{i_{t}}$$ are +50.0 %")


def test_claims_are_a_table_and_need_a_truth_value():
    shown = claims(claim("Water is wet", 0.123456, np.bool_(True)), claim("So be it", "x", False))
    assert shown.table().frame.to_numpy().tolist() == [
        ["Water is wet", "0.1235", "yes"],
        ["So be it", "x", "NO"],
    ]
    assert [failed.sentence for failed in shown.failed] == ["So be it"]
    assert "<table" in shown._repr_html_()
    columns = (pd.Series([True, False]), pd.DataFrame(), np.array([True]))
    for holds in (*columns, float("nan"), np.float64("nan"), 0.03, 1, None, "yes"):
        with pytest.raises(TypeError, match="not True or False"):
            claim("All of it", 1, holds)
    for number in (float("nan"), np.float64("inf"), None, pd.NaT, "nan %", "0.3, +nan", "<NA>"):
        with pytest.raises(ValueError, match=re.escape(f'"All of it": the number is {number}')):
            claim("All of it", number, True)
    assert claim("Finance", "Nan Hai, infinite", True).number == "Nan Hai, infinite"


@pytest.mark.parametrize(
    "expression", ["x | string", 'x ~ " %"', '"%.1f" | format(x)', '[x, "a"] | join(", ")']
)
def test_a_number_that_is_missing_does_not_become_text(expression):
    assert evaluate(expression, {"x": "1.5"} if "format" not in expression else {"x": 1.5})
    with pytest.raises(numbers.NotFiniteError, match="missing or not finite"):
        evaluate(expression, {"x": float("nan")})


def test_numbers_are_written_by_kind():
    assert numbers.percent(-0.0941) == "−9.4 %"
    assert numbers.share(0.8421) == "84 %"
    assert numbers.interval((-0.10, 0.20)) == "−10.0 % to +20.0 %"
    assert numbers.p(0.0004) == "p < 0.001"
    assert numbers.p(0.0449) == "p = 0.045"
    assert numbers.count(14692) == "14,692"
    assert [numbers.counted(n, "pair") for n in (0, 1, 1200)] == [
        "0 pairs",
        "1 pair",
        "1,200 pairs",
    ]
    assert numbers.number(-4.7249) == "−4.72"
    assert numbers.day(pd.Timestamp("2019-10-05")) == "5 Oct 2019"
    with pytest.raises(ValueError, match="is no whole number"):
        numbers.count(1.5)
    with pytest.raises(numbers.NotFiniteError):
        numbers.day(pd.NaT)


def test_tagged_cells_become_the_text_of_the_readme(tmp_path):
    source = tmp_path / "00_x.py"
    source.write_text(
        "# %% [markdown]\n# # Why?\n\n# %%\n"
        "from chainpolicy.typeset.report_table import ReportTable\n"
        "import pandas as pd\n\n"
        '# %% tags=["readme"]\nReportTable(pd.DataFrame({"a": ["1"]}), "A note.")\n\n'
        '# %% [markdown] tags=["readme"]\n# It is {{ 1 + 1 }}.\n'
    )
    text = notebooks.execute(source).tagged("readme")
    assert text == "| a |\n| ---: |\n| 1 |\n\nA note.\n\nIt is 2."


def test_executed_notebook_is_a_valid_one(executed, tmp_path):
    notebooks.write(executed, tmp_path / "a.ipynb")
    nbformat.validate(nbformat.read(tmp_path / "a.ipynb", as_version=4))
    assert notebooks.differences(executed, notebooks.read(tmp_path / "a.ipynb")) == []


def test_nothing_in_it_names_a_time_a_version_or_a_tag(executed, tmp_path):
    text = as_bytes(executed, tmp_path).decode()
    assert "iopub" not in text
    assert f"{sys.version_info.major}.{sys.version_info.minor}." not in json.dumps(
        executed.metadata
    )
    figure = base64.b64decode(executed.cells[4].outputs[0].data["image/png"])
    with Image.open(io.BytesIO(figure)) as image:
        assert set(image.info) <= {"dpi"}


def test_streams_are_joined_and_drawing_cells_show_only_the_picture(executed):
    assert [output.text for output in executed.cells[2].outputs] == ["one\ntwo\n"]
    assert [output.output_type for output in executed.cells[4].outputs] == ["display_data"]


def test_a_figure_left_open_before_is_in_no_notebook(source, executed, tmp_path, monkeypatch):
    monkeypatch.setenv("ANSWER", "42")
    plt.figure()
    again = notebooks.execute(source).notebook
    assert as_bytes(again, tmp_path) == as_bytes(executed, tmp_path)


def test_cell_ids_follow_from_the_text_alone(source, tmp_path):
    longer = tmp_path / "longer.py"
    longer.write_text(SOURCE.replace("# %%\nprint", "# %%\n1 + 1\n\n# %%\nprint"))
    ids = [cell.id for cell in notebooks.read_source(source).cells]
    more_ids = [cell.id for cell in notebooks.read_source(longer).cells]
    assert len(set(ids)) == len(ids)
    assert [cell_id for cell_id in more_ids if cell_id in ids] == ids


def test_broken_cell_names_notebook_cell_and_error(tmp_path):
    broken = write_source(tmp_path, "x = 1", "x / 0")
    with pytest.raises(NotebookError) as caught:
        notebooks.execute(broken)
    assert str(caught.value) == (
        "02_broken.py, cell 3 (x / 0): ZeroDivisionError: division by zero"
    )


def test_warnings_and_addresses_are_refused_all_at_once(tmp_path):
    noisy = write_source(tmp_path, "import warnings\nwarnings.warn('hello')", "object()")
    with pytest.raises(NotebookError) as caught:
        notebooks.execute(noisy)
    first, second = str(caught.value).splitlines()
    assert first.startswith(
        "02_broken.py, cell 2 (import warnings): the output holds text on stand"
    )
    assert second.startswith("02_broken.py, cell 3 (object()): the output holds a memory address")


def with_output(output: NotebookNode) -> NotebookNode:
    cell = nbformat.v4.new_code_cell("res.summary()", outputs=[output])
    return nbformat.v4.new_notebook(cells=[cell])


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (nbformat.v4.new_output("stream", text="Traceback (most recent call last)"), "a traceback"),
        (nbformat.v4.new_output("stream", text="a.py:1: UserWarning: no"), "a warning"),
        (
            nbformat.v4.new_output("display_data", {"text/html": "&lt;Line2D at 0x7f0c&gt;"}),
            "a memory address; end a cell that draws with a semicolon",
        ),
        (
            nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[]),
            "a traceback (ValueError: no)",
        ),
        (
            nbformat.v4.new_output(
                "display_data",
                {
                    "image/png": base64.b64encode(
                        png(np.zeros((2, 2, 3)), Software="Matplotlib")
                    ).decode()
                },
            ),
            "a PNG with the tag Software",
        ),
    ],
)
def test_unfit_output_is_named_with_its_cell(output, problem):
    assert notebooks.unfit(with_output(output)) == [
        f"cell 1 (res.summary()): the output holds {problem}"
    ]


def test_fit_outputs_pass(executed):
    assert notebooks.unfit(executed) == []


def test_changed_source_output_and_figure_are_each_named(executed):
    old = copy.deepcopy(executed)
    old.cells[2].source += " "
    old.cells[3].outputs[0].data["text/plain"] = "   answer\n0      43"
    white = np.full((10, 10, 3), 255)
    old.cells[4].outputs[0].data["image/png"] = base64.b64encode(png(white)).decode()
    del old.cells[5].outputs[0].data["image/png"]
    old.cells[6].outputs = []
    old.cells[0].id = "other"
    old.metadata["language_info"]["version"] = "3.0.0"

    found = notebooks.differences(executed, old)

    assert found[:2] == [
        "the metadata differ",
        "cell 1 (# How large is the answer?): its kind, id or number differs",
    ]
    assert found[2] == 'cell 3 (print("one")): the source differs'
    assert found[3].startswith("cell 4 (")
    assert found[3].endswith("): the text output differs")
    assert found[4].startswith(
        "cell 5 (plt.plot([1, 2]);): the figure differs, 10 x 10 pixels, now"
    )
    assert found[5] == "cell 6 (plt.plot([1, 2]);): a figure is missing or extra"
    assert found[6].startswith("cell 7 (")
    assert found[6].endswith("): 0 outputs, now 1")
    assert len(found) == 7


def test_added_cell_is_reported(executed):
    old = copy.deepcopy(executed)
    old.cells.pop()
    assert notebooks.differences(executed, old) == ["7 cells, now 8"]


def test_up_to_one_pixel_in_a_thousand_may_be_off():
    old = np.full((100, 100, 3), 100)
    new = old.copy()
    new.flat[: 3 * 10] = 200
    assert notebooks.png_difference(png(new), png(old)) is None
    assert notebooks.png_difference(png(new), png(old), share=0) == "0.10% of the pixels"
    new.flat[: 3 * 11] = 200
    assert notebooks.png_difference(png(new), png(old)) == "0.11% of the pixels"


def test_every_pixel_may_be_off_by_eight_steps():
    old = np.full((100, 100, 3), 100)
    assert notebooks.png_difference(png(old + 8), png(old)) is None
    assert notebooks.png_difference(png(old + 9), png(old)) == "100.00% of the pixels"
    assert notebooks.png_difference(png(old + 8), png(old), share=0) is None


def test_size_and_damage_are_told_apart():
    old = png(np.zeros((4, 6, 3)))
    assert notebooks.png_difference(png(np.zeros((5, 6, 3))), old) == "6 x 4 pixels, now 6 x 5"
    assert notebooks.png_difference(old, old[:40]) == "not a readable PNG file"
    assert notebooks.png_difference(old, b"") == "not a readable PNG file"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": [{}], "metadata": {}}', "\xff"])
def test_unreadable_notebook_is_named(tmp_path, text):
    (tmp_path / "01.ipynb").write_bytes(text.encode("latin-1"))
    with pytest.raises(NotebookError, match=r"01\.ipynb: not a readable notebook"):
        notebooks.read(tmp_path / "01.ipynb")


def test_notebook_without_cell_ids_is_read_without_a_warning(executed, tmp_path):
    notebooks.write(executed, tmp_path / "a.ipynb")
    document = json.loads((tmp_path / "a.ipynb").read_text())
    del document["cells"][0]["id"]
    (tmp_path / "a.ipynb").write_text(json.dumps(document))
    (found,) = notebooks.differences(executed, notebooks.read(tmp_path / "a.ipynb"))
    assert found == "cell 1 (# How large is the answer?): its kind, id or number differs"


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("def f():\n    return 1", "defines f;"),
        ("class A:\n    pass", "defines A;"),
        ('pd.read_csv("prices.csv")', 'names a file, "prices.csv";'),
        ('load_study("../mine")', 'names a file, "../mine";'),
        ("!ls", "not plain Python"),
    ],
)
def test_lint_names_what_does_not_belong_in_a_cell(tmp_path, cell, problem):
    source = write_source(tmp_path, "res.summary()", cell)
    (found,) = lint(source)
    assert found.startswith("02_broken.py, cell 3 (")
    assert f"): {problem}" in found


def test_lint_asks_for_one_question(tmp_path):
    source = tmp_path / "03.py"
    source.write_text("# %% [markdown]\n# # Results\n\n# %% [markdown]\n# # Why is it so?\n")
    assert lint(source) == [
        "03.py: expected exactly one H1, a question; found ['Results', 'Why is it so?']"
    ]


def test_sources_of_this_project_are_prose_with_a_little_code():
    sources = sorted((ROOT / "notebooks").glob("*.py"))
    assert [problem for source in sources for problem in lint(source)] == []


def test_lint_allows_calendars_and_intervals(tmp_path):
    assert lint(write_source(tmp_path, 'sessions("24/7", "CAR / AR")[0:1]')) == []


def test_a_source_that_is_no_text_is_named_with_its_line(tmp_path):
    source = tmp_path / "01_latin.py"
    source.write_bytes("# %%\n# une clé\n".encode("latin-1"))
    with pytest.raises(NotebookError, match=r"01_latin\.py, line 2: not UTF-8; save it as UTF-8"):
        notebooks.execute(source)
