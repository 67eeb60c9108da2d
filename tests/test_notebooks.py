"""Notebooks come out the same on every run, and nothing unfit to be read gets into one."""

from __future__ import annotations

import base64
import copy
import io
import json
import os
import signal
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from chainpolicy.build import kernels, notebooks
from chainpolicy.build.notebooks import NotebookError

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
[sys.executable, hash("a string"), os.environ["OMP_NUM_THREADS"], os.environ["ANSWER"]]
"""


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("notebooks") / "01_answer.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture(scope="session")
def executed(source: Path) -> NotebookNode:
    return notebooks.execute(source, {"ANSWER": "42"})


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
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    startup = tmp_path / "startup.py"
    startup.write_text("print('from the startup file')")
    monkeypatch.setenv("PYTHONSTARTUP", str(startup))
    settings = tmp_path / "matplotlib"
    settings.mkdir()
    (settings / "matplotlibrc").write_text("figure.figsize: 1, 1\n")
    monkeypatch.setenv("MATPLOTLIBRC", str(settings))

    again = notebooks.execute(source, {"ANSWER": "42"})

    assert as_bytes(again, tmp_path) == as_bytes(executed, tmp_path)


def test_kernel_is_this_python_with_the_given_environment(executed):
    assert sys.executable in executed.cells[-1].outputs[0].data["text/plain"]
    assert "'1', '42'" in executed.cells[-1].outputs[0].data["text/plain"]


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


def test_killed_kernel_names_notebook_and_cell(tmp_path):
    broken = write_source(tmp_path, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(
        NotebookError, match=r"02_broken\.py, cell 2 \(import os;.*kernel was killed"
    ):
        notebooks.execute(broken)


def test_kernel_that_cannot_start_says_why(tmp_path, monkeypatch):
    config = "import os\nos.write(2, b'no room left')\nos._exit(3)\n"
    monkeypatch.setattr(notebooks, "KERNEL_CONFIG", config)
    with pytest.raises(NotebookError) as caught:
        notebooks.execute(write_source(tmp_path, "1"))
    assert str(caught.value) == "02_broken.py: no kernel could be started: no room left"


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")
def test_no_process_to_fork_kernels_from_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr(notebooks, "_nursery", lambda: kernels.Nursery(os.environ))
    with pytest.raises(NotebookError) as caught:
        notebooks.execute(write_source(tmp_path, "1"))
    assert str(caught.value) == (
        "02_broken.py: no kernel could be started: the process that starts kernels has ended"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")
def test_kernels_end_with_the_process_they_are_forked_from(tmp_path):
    nursery = kernels.Nursery(os.environ)
    told = {"cwd": str(tmp_path), "log": str(tmp_path / "log"), "env": dict(os.environ)}
    running, killed = (
        kernels.Kernel(nursery, nursery.ask("start", {**told, "file": str(tmp_path / name)}))
        for name in ("a.json", "b.json")
    )
    assert running.poll() is None
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    killed.terminate()
    nursery.close()
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)
    with pytest.raises(RuntimeError, match="has ended"):
        running.poll()


def test_cell_that_never_ends_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "CELL_SECONDS", 1)
    with pytest.raises(NotebookError, match=r"cell 2 \(import time.*not finished after 1 s"):
        notebooks.execute(write_source(tmp_path, "import time; time.sleep(60)"))


def test_warnings_and_addresses_are_refused_all_at_once(tmp_path):
    noisy = write_source(tmp_path, "import warnings\nwarnings.warn('hello')", "object()")
    with pytest.raises(NotebookError) as caught:
        notebooks.execute(noisy)
    first, second = str(caught.value).splitlines()
    assert first.startswith(
        "02_broken.py, cell 2 (import warnings): the output holds text on stand"
    )
    assert "hello" in first
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
    assert notebooks.differences(executed, old) == ["6 cells, now 7"]


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
        ("\n".join(f"x{i} = {i}" for i in range(9)), "9 lines, at most 8 are allowed"),
        ("def f():\n    return 1", "defines f;"),
        ("class A:\n    pass", "defines A;"),
        ("for i in x:\n    i", "loops;"),
        ("while True:\n    pass", "loops;"),
        ('pd.read_csv("prices.csv")', 'names a file, "prices.csv";'),
        ('load_study("../mine")', 'names a file, "../mine";'),
        ("!ls", "not plain Python"),
    ],
)
def test_lint_names_what_does_not_belong_in_a_cell(tmp_path, cell, problem):
    source = write_source(tmp_path, "res.summary()", cell)
    (found,) = notebooks.lint(source)
    assert found.startswith("02_broken.py, cell 3 (")
    assert f"): {problem}" in found


def test_lint_asks_for_one_question(tmp_path):
    source = tmp_path / "03.py"
    source.write_text("# %% [markdown]\n# # Results\n\n# %% [markdown]\n# # Why is it so?\n")
    assert notebooks.lint(source) == [
        "03.py: expected exactly one H1, a question; found ['Results', 'Why is it so?']"
    ]


def test_sources_of_this_project_are_prose_with_a_little_code():
    sources = sorted((Path(__file__).parents[1] / "notebooks").glob("*.py"))
    assert [problem for source in sources for problem in notebooks.lint(source)] == []


def test_lint_allows_calendars_and_intervals(tmp_path):
    assert notebooks.lint(write_source(tmp_path, 'sessions("24/7", "CAR / AR")[0:1]')) == []
