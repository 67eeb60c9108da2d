"""What is kept is rebuilt when it must be, replaced whole or not at all, and checked by name.

The products here are stand-ins: a table, a figure, a text block and one executed notebook.
"""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from chainpolicy.build import notebooks, regenerate, workers
from chainpolicy.build.notebooks import NotebookError
from chainpolicy.build.regenerate import Product
from chainpolicy.build.workers import run_jobs
from chainpolicy.cli import main as cli
from chainpolicy.figures import FIGURES, FigureSpec, NothingToDrawError, style
from chainpolicy.figures.style import StudyFigure
from chainpolicy.study import Study, load_study, new_study
from chainpolicy.study.problems import InputError
from chainpolicy.study.study import EMBEDDED, EMBEDDED_STUDIES, TEMPLATE
from chainpolicy.typeset.pdf import to_pdf

NOTEBOOK = """\
# %% [markdown]
# # What do prices add up to?

# %%
import os

import pandas as pd

prices = pd.read_csv(os.environ["PRICES"])
total = float(prices["close"].sum())

# %% [markdown] tags=["readme"]
# The sum is {{ total | number(1) }}.
"""


def draw_line(prices: pd.DataFrame) -> tuple[StudyFigure, pd.DataFrame]:
    picture = StudyFigure(figsize=(2, 1))
    picture.subplots().plot(prices["close"])
    return picture, prices


LINE = FigureSpec("line", "Prices", "A line | of prices.", "prices.csv", "01_sum", draw_line)


class Project:
    """A folder with data, a notebook and everything that is made from them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.built: list[str] = []
        self.prices = root / "prices.csv"
        self.source = root / "notebooks" / "01_sum.py"
        self.readme = root / "README.md"
        self.source.parent.mkdir()
        (root / "pyproject.toml").touch()
        self.prices.write_text("date,close\n2019-10-24,100.0\n2019-10-25,103.5\n")
        self.source.write_text(NOTEBOOK)
        self.readme.write_text("# Title\n\n<!-- results -->\n<!-- /results -->\n\nMore.\n")

    def read(self) -> pd.DataFrame:
        return pd.read_csv(self.prices)

    def products(self, *, with_notebook: bool = False) -> list[Product]:
        data = [self.prices]
        products = [
            regenerate.figure_product(LINE, self.read(), data),
            regenerate.figure_index_product([LINE]),
            Product("tables", self.write_table, data, kept=False),
        ]
        if with_notebook:
            products.append(regenerate.notebook_product(self.source, data))
        return products

    def write_table(self, staging: Path) -> None:
        self.built.append("tables")
        (staging / "build").mkdir()
        (staging / "build" / "sum.csv").write_text(f"sum\n{self.read()['close'].sum()}\n")

    def regenerate(self, **options: object) -> regenerate.Report:
        return regenerate.regenerate(self.root, self.products(), **options)

    def check(self, **options: object) -> list[str]:
        return regenerate.check(self.root, self.products(), **options)

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


ENVIRONMENT_DIGEST = regenerate.environment_digest
# What a build does is recorded in the process that does it.
pytestmark = pytest.mark.usefixtures("same_code", "one_process")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with its notebook executed."""
    project = Project(tmp_path_factory.mktemp("whole"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRICES", str(project.prices))
        regenerate.regenerate(project.root, project.products(with_notebook=True))
        yield project


def text_product(name: str, text: str, path: str | None = None) -> Product:
    def build(staging: Path) -> None:
        target = staging / (path or f"figures/{name}.csv")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    return Product(name, build)


# ---- regenerate -------------------------------------------------------------------------------


def test_everything_is_written_under_its_name(project):
    report = project.regenerate()
    assert sorted(report.built) == ["figures-readme", "line", "tables"]
    assert sorted(report.written) == [
        "build/sum.csv",
        "figures/README.md",
        "figures/line.csv",
        "figures/line.png",
    ]
    assert (project.root / "figures" / "line.csv").read_text() == (
        "date,close\n2019-10-24,100\n2019-10-25,103.5\n"
    )
    with Image.open(project.root / "figures" / "line.png") as image:
        assert image.size == (400, 200)
        assert set(image.info) <= {"dpi"}


def test_index_names_figure_function_data_and_notebook(project):
    project.regenerate()
    row = (project.root / "figures" / "README.md").read_text().splitlines()[-1]
    assert row == (
        r"| [line.png](line.png): Prices. A line \| of prices. | `test_regenerate.draw_line` "
        "| prices.csv | [01_sum](../notebooks/01_sum.ipynb) |"
    )


def test_second_run_skips_and_says_so(project, capsys):
    assert regenerate.run(project.root, project.products()) == 0
    project.built.clear()
    before = project.files()
    capsys.readouterr()

    assert regenerate.run(project.root, project.products()) == 0

    assert project.built == []
    assert project.files() == before
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "3 up to date and skipped (--fresh builds them anew)\n"


def test_fresh_builds_again_and_rewrites_nothing(project):
    project.regenerate()
    paths = [
        path for path in project.root.rglob("*") if path.is_file() and path.name != "state.json"
    ]
    times = {path: path.stat().st_mtime_ns for path in paths}
    report = project.regenerate(fresh=True)
    assert len(report.built) == 3
    assert report.written == []
    assert {path: path.stat().st_mtime_ns for path in paths} == times


def test_order_does_not_matter(project, tmp_path_factory):
    other = Project(tmp_path_factory.mktemp("other"))
    project.regenerate()
    regenerate.regenerate(other.root, list(reversed(other.products())))
    assert {k: v for k, v in other.files().items() if "state" not in k} == {
        k: v for k, v in project.files().items() if "state" not in k
    }


def test_changed_data_rebuild_only_what_reads_them(project):
    project.regenerate()
    project.prices.write_text(project.prices.read_text().replace("103.5", "104.5"))
    report = project.regenerate()
    assert report.skipped == ["figures-readme"]
    assert sorted(report.written) == [
        "build/sum.csv",
        "figures/line.csv",
        "figures/line.png",
    ]


def test_changed_code_rebuilds_everything(project, monkeypatch):
    project.regenerate()
    monkeypatch.setattr(regenerate, "environment_digest", lambda: "another version")
    assert len(project.regenerate().built) == 3


def test_code_and_installed_packages_decide(tmp_path, monkeypatch):
    (tmp_path / "__init__.py").touch()
    (tmp_path / "style.mplstyle").write_text("figure.dpi: 200\n")
    monkeypatch.setattr(regenerate.chainpolicy, "__file__", str(tmp_path / "__init__.py"))
    first = ENVIRONMENT_DIGEST()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").touch()
    assert ENVIRONMENT_DIGEST() == first
    (tmp_path / "style.mplstyle").write_text("figure.dpi: 100\n")
    second = ENVIRONMENT_DIGEST()
    assert second != first
    monkeypatch.setattr(regenerate, "distributions", lambda: [])
    assert ENVIRONMENT_DIGEST() != second


def test_tampered_or_lost_file_is_made_again(project):
    project.regenerate()
    good = project.files()
    (project.root / "figures" / "line.csv").write_text("date,close\n")
    (project.root / "figures" / "line.png").unlink()
    report = project.regenerate()
    assert report.built == ["line"]
    assert sorted(report.written) == ["figures/line.csv", "figures/line.png"]
    assert project.files() == good


def test_figure_with_the_same_pixels_is_left_alone(project):
    project.regenerate()
    path = project.root / "figures" / "line.png"
    with Image.open(path) as image:
        image.load()
        image.save(path, "PNG", compress_level=0)
    other_bytes = path.read_bytes()
    report = project.regenerate(fresh=True)
    assert "figures/line.png" in report.unchanged
    assert path.read_bytes() == other_bytes


def test_one_changed_pixel_is_enough_to_rewrite(project):
    project.regenerate()
    path = project.root / "figures" / "line.png"
    tamper(path, pixels=1)
    assert project.check() == []
    assert project.regenerate().written == ["figures/line.png"]


def test_last_digit_that_a_processor_decides_is_left_alone_in_kept_files_only(project):
    project.regenerate()
    for name in ("figures/line.csv", "build/sum.csv"):
        path = project.root / name
        path.write_text(path.read_text().replace(".5\n", ".50000001\n"))
    assert project.regenerate().written == ["build/sum.csv"]


def test_only_builds_one_product(project):
    report = project.regenerate(only="tables")
    assert report.written == ["build/sum.csv"]
    assert project.regenerate().skipped == ["tables"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_figure_that_the_study_has_nothing_for_is_named_with_the_reason(
    project, monkeypatch, capsys, workers
):
    monkeypatch.setattr(regenerate, "cores", lambda: workers)

    def draw(prices: pd.DataFrame) -> tuple[StudyFigure, pd.DataFrame]:
        if len(prices) < 3:
            raise NothingToDrawError("Two prices are no line.")
        return draw_line(prices)

    def products() -> list[Product]:
        line = regenerate.figure_product(replace(LINE, draw=draw), project.read(), [project.prices])
        return [line, *project.products()[1:]]

    said = "line: nothing was drawn. Two prices are no line.\n"
    # Again, when it is known from the run before, and anew.
    for options in ({}, {}, {"fresh": True}, {"only_check": True}):
        assert regenerate.run(project.root, products(), only="line", **options) == 2
        assert capsys.readouterr() == ("", said)
    # Beside others it is not mentioned, and not counted.
    assert regenerate.run(project.root, products()) == 0
    err = capsys.readouterr().err
    assert "nothing" not in err
    assert err.endswith("2 products built, 2 files written, 0 unchanged\n")
    # A picture of what the study had is taken away.
    prices = project.prices.read_text()
    project.prices.write_text(prices + "2019-10-28,101.0\n")
    assert regenerate.run(project.root, products(), only="line") == 0
    project.prices.write_text(prices)
    capsys.readouterr()
    assert regenerate.run(project.root, products(), only="line") == 2
    assert capsys.readouterr().err.endswith(
        f"removed figures/line.png, which nothing makes any more\n{said}"
    )
    assert not (project.root / "figures" / "line.png").exists()


def test_unknown_name_is_refused_with_the_known_ones(project):
    with pytest.raises(InputError, match='found "lin"; expected one of figures-readme, line, tab'):
        project.regenerate(only="lin")


def test_two_products_of_one_name_are_refused(tmp_path):
    with pytest.raises(ValueError, match="same name: a"):
        regenerate.check(tmp_path, [text_product("a", ""), text_product("a", "")])


@pytest.mark.parametrize(
    "damage", ["{", "[]", "null", '{"line": {}}', '{"line": {"inputs": 1, "files": null}}']
)
def test_damaged_state_means_building_again(project, damage):
    project.regenerate()
    (project.root / "build" / "state.json").write_text(damage)
    assert len(project.regenerate().built) == 3


def test_tagged_cells_of_a_notebook_become_the_block_of_the_readme(project, monkeypatch):
    monkeypatch.setenv("PRICES", str(project.prices))
    regenerate.regenerate(project.root, project.products(with_notebook=True))
    assert project.readme.read_text() == (
        "# Title\n\n<!-- results -->\nThe sum is 203.5.\n<!-- /results -->\n\nMore.\n"
    )


def test_document_without_its_block_is_refused(project, monkeypatch):
    monkeypatch.setenv("PRICES", str(project.prices))
    project.readme.write_text("# Title\n<!-- results -->\n")
    with pytest.raises(InputError, match=r"README\.md: expected the lines <!-- results -->"):
        regenerate.regenerate(project.root, project.products(with_notebook=True))
    assert not (project.root / "figures").exists()


def test_a_terminal_is_told_what_is_being_built_and_a_file_is_not(project, monkeypatch, capsys):
    project.regenerate(fresh=True)
    assert capsys.readouterr().err == ""
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, width=120)
    monkeypatch.setattr(regenerate, "Console", lambda **_: terminal)
    # Where this process builds, it looks between two products.
    monkeypatch.setattr(workers, "FORKS", False)
    project.regenerate(fresh=True)
    assert all(product.name in shown.getvalue() for product in project.products())


def test_staging_folder_is_removed(project):
    project.regenerate()
    assert sorted(path.name for path in (project.root / "build").iterdir()) == [
        "state.json",
        "sum.csv",
    ]


# ---- interruption -----------------------------------------------------------------------------


def write_abc(staging: Path) -> None:
    for name in "abc":
        (staging / f"{name}.txt").write_text("new " * 50_000)


def test_killed_between_two_moves_leaves_whole_files_and_recovers(tmp_path, tmp_path_factory):
    old, new = "old " * 50_000, "new " * 50_000
    texts = [tmp_path / f"{name}.txt" for name in "abc"]
    for text in texts:
        text.write_text(old)
    moved, move = [], Path.replace

    def replace_once(self: Path, target: Path) -> None:
        if moved:
            os.kill(os.getpid(), signal.SIGKILL)
        # Not the note of what is moved.
        moved.extend([target] if target in texts else [])
        move(self, target)

    def build() -> None:
        # In a process of its own, see `run_jobs`.
        Path.replace = replace_once
        regenerate.regenerate(tmp_path, [Product("texts", write_abc)])

    with pytest.raises(ChildProcessError, match="SIGKILL"):
        run_jobs([build, lambda: None], tmp_path_factory.mktemp("notes"), 2)

    assert [text.read_text() for text in texts] == [new, old, old]
    report = regenerate.regenerate(tmp_path, [Product("texts", write_abc)])
    assert report.written == ["b.txt", "c.txt"]
    assert [text.read_text() for text in texts] == [new, new, new]


def test_what_is_no_longer_made_is_removed_even_after_a_run_that_was_cut_short(
    tmp_path, monkeypatch
):
    def products(number: int, *names: str) -> list[Product]:
        return [replace(text_product(n, f"{n} {number}"), settings=(str(number),)) for n in names]

    move = regenerate._move

    def cut_short(number: int, after: int, *names: str) -> None:
        moved = []

        def stop(*arguments: object) -> None:
            if len(moved) == after:
                raise KeyboardInterrupt
            moved.append(arguments)
            move(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(regenerate, "_move", stop)
            with pytest.raises(KeyboardInterrupt):
                regenerate.regenerate(tmp_path, products(number, *names))
        assert not (tmp_path / "build" / "state.json").exists()

    def there() -> list[str]:
        return sorted(path.name for path in (tmp_path / "figures").iterdir())

    # The first run, of which there is one file; the second, which changed one; and nothing more.
    cut_short(1, 1, "a", "b")
    assert there() == ["a.csv"]
    cut_short(2, 1, "b", "c")
    assert there() == ["b.csv"]
    cut_short(3, 0, "b", "c")
    assert regenerate.regenerate(tmp_path, products(4, "d")).removed == ["figures/b.csv"]
    assert there() == ["d.csv"]
    assert [path.name for path in (tmp_path / "build").iterdir()] == ["state.json"]


def test_what_nothing_makes_any_more_is_removed_unless_it_was_changed(tmp_path):
    other = replace(text_product("d", "1"), folder=Path("build", "other"))
    every = [*(text_product(name, "1") for name in "abc"), other]
    regenerate.regenerate(tmp_path, every)
    (tmp_path / "figures" / "b.csv").write_text("mine")
    report = regenerate.regenerate(tmp_path, every[2:3])
    assert (report.removed, report.skipped) == (["figures/a.csv"], ["c"])
    left = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert left == ["b.csv", "c.csv"]
    # Another study's products are no business of a run of this one.
    assert regenerate.regenerate(tmp_path, [other]).skipped == ["other.d"]


def test_a_source_saved_after_reading_began_is_read_again(tmp_path):
    source = tmp_path / "prices.csv"
    source.write_text("1")
    product = replace(text_product("sum", "1"), sources=(source,))
    for since, skipped in [
        # Saved before, after, and, once more, before what was built then.
        (source.stat().st_ctime + 1, []),
        (source.stat().st_ctime + 1, ["sum"]),
    ]:
        assert regenerate.regenerate(tmp_path, [product], since=since).skipped == skipped
    source.write_text("2")
    late = source.stat().st_ctime
    assert regenerate.regenerate(tmp_path, [product], since=late).built == ["sum"]
    # Even a file with an old date of its own.
    os.utime(source, (0, 0))
    assert regenerate.regenerate(tmp_path, [product], since=late).built == ["sum"]
    assert regenerate.regenerate(tmp_path, [product]).built == ["sum"]
    assert regenerate.regenerate(tmp_path, [product]).skipped == ["sum"]


def test_main_says_when_it_began_to_read(monkeypatch, tmp_path):
    folder = new_study(tmp_path / "mine")
    read, told = [], []
    load = regenerate.load_study

    def note(path: Path) -> Study:
        read.append(time.time())
        return load(path)

    monkeypatch.setattr(regenerate, "load_study", note)
    monkeypatch.setattr(regenerate, "run", lambda *_, since, **__: told.append(since) or 0)
    before = time.time()
    assert regenerate.main(folder, tmp_path / "out") == 0
    assert before <= told[0] <= read[0]


def test_interrupted_build_overwrites_nothing(project):
    project.regenerate()
    project.prices.write_text("date,close\n2019-10-24,1.0\n")
    before = project.files()

    def interrupt(staging: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        regenerate.regenerate(
            project.root, [*project.products(), Product("interrupted", interrupt)]
        )
    assert project.files() == before


def test_broken_notebooks_are_all_named_and_nothing_is_overwritten(project, monkeypatch, capsys):
    project.regenerate()
    project.prices.write_text("date,close\n2019-10-24,1.0\n")
    before = project.files()

    def break_off(source: Path) -> None:
        raise NotebookError(f"{source.name}, cell 2 (x / 0): ZeroDivisionError: division by zero")

    monkeypatch.setattr(notebooks, "execute", break_off)
    broken = [regenerate.notebook_product(project.root / f"0{i}_broken.py") for i in (1, 2)]
    for product in broken:
        (project.root / f"{product.name}.py").touch()
        before[f"{product.name}.py"] = b""

    assert regenerate.run(project.root, [*project.products(), *broken]) == 1

    assert project.files() == dict(sorted(before.items()))
    err = capsys.readouterr().err
    assert "01_broken.py, cell 2 (x / 0): ZeroDivisionError: division by zero\n" in err
    assert "02_broken.py, cell 2" in err
    assert "Nothing was overwritten." in err


def test_error_that_is_not_the_notebooks_is_not_dressed_up(project):
    def fail(staging: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        regenerate.regenerate(project.root, [Product("a", fail)])


# ---- check ------------------------------------------------------------------------------------


def tamper(path: Path, pixels: int) -> None:
    with Image.open(path) as image:
        array = np.asarray(image.convert("RGB")).copy()
    array.reshape(-1, 3)[:pixels] = (10, 20, 30)
    Image.fromarray(array).save(path, "PNG")


def test_current_project_passes_and_nothing_is_touched(project, capsys):
    project.regenerate()
    before = project.files()
    assert regenerate.run(project.root, project.products(), only_check=True) == 0
    assert project.files() == before
    assert capsys.readouterr() == ("", "everything is current\n")


def test_tables_that_are_not_kept_are_not_missed(project):
    project.regenerate()
    (project.root / "build" / "sum.csv").unlink()
    assert project.check() == []


def test_tampered_figure_is_named(project, capsys):
    project.regenerate()
    tamper(project.root / "figures" / "line.png", pixels=800)
    assert regenerate.run(project.root, project.products(), only_check=True) == 1
    out, err = capsys.readouterr()
    assert out == "figures/line.png: the figure differs, 1.00% of the pixels\n"
    assert err == "1 file not current: run chainpolicy regenerate\n"


def test_missing_extra_and_changed_files_are_each_named(project):
    project.regenerate()
    (project.root / "figures" / "line.png").unlink()
    (project.root / "figures" / "old.png").touch()
    (project.root / "notebooks" / "09_old.ipynb").touch()
    assert project.check() == [
        "figures/line.png: missing",
        "figures/old.png: extra, nothing that is registered makes it; delete it",
        "notebooks/09_old.ipynb: extra, nothing that is registered makes it; delete it",
    ]
    assert project.check(only="line") == ["figures/line.png: missing"]


def test_changed_price_is_reported_wherever_it_shows(project):
    project.regenerate()
    project.prices.write_text(project.prices.read_text().replace("103.5", "204.5"))
    stale = project.check()
    assert "figures/line.csv: line 3, close: 103.5, now 204.5" in stale
    assert {line.split(":")[0] for line in stale} == {"figures/line.csv", "figures/line.png"}


def test_executed_notebook_is_current(whole):
    assert regenerate.check(whole.root, whole.products(with_notebook=True)) == []
    report = regenerate.regenerate(whole.root, whole.products(with_notebook=True))
    assert "01_sum" in report.skipped


@pytest.mark.parametrize(
    ("tamper_with", "problem"),
    [
        (("203.5", "204.5"), "cell 3 (The sum is 203.5.): the source differs"),
        (("import pandas as pd", "import pandas"), "cell 2 (import os): the source differs"),
        (("{", ""), "not a readable notebook"),
    ],
)
def test_tampered_notebook_is_named_with_its_cell(whole, tmp_path, tamper_with, problem):
    built = whole.root / "notebooks" / "01_sum.ipynb"
    kept = tmp_path / "01_sum.ipynb"
    kept.write_text(built.read_text().replace(*tamper_with))
    assert regenerate.file_differences(built, kept) == [problem]
    assert regenerate.file_differences(built, built) == []


def test_changed_source_makes_the_notebook_stale(whole, capsys):
    whole.source.write_text(NOTEBOOK.replace("import pandas as pd", "import pandas as pd  # new"))
    products = whole.products(with_notebook=True)
    try:
        assert regenerate.run(whole.root, products, only_check=True, only="01_sum") == 1
    finally:
        whole.source.write_text(NOTEBOOK)
    assert capsys.readouterr().out == (
        "notebooks/01_sum.ipynb: cell 2 (import os): the source differs\n"
    )


@pytest.mark.parametrize(
    ("kept", "problem"),
    [
        ("a,b\nx,1.000001\n", None),
        ("a,b\nx,1.00001\n", "line 2, b: 1.00001, now 1.0"),
        ("a,b\ny,1.0\n", "line 2, a: y, now x"),
        ("a,b\nx,\n", "line 2, b: blank, now 1.0"),
        ("a,c\nx,1.0\n", "line 1, b: c, now b"),
        ("a,b\nx,1.0\nx,1.0\n", "3 lines, now 2"),
        ("a,b\nx\n", "line 2: 1 columns, now 2"),
        ("a,b\nx,\xff\n", "not a readable CSV file"),
    ],
)
def test_numbers_have_a_tolerance_and_text_has_none(tmp_path, kept, problem):
    (tmp_path / "built.csv").write_text("a,b\nx,1.0\n")
    (tmp_path / "kept.csv").write_bytes(kept.encode("latin-1"))
    found = regenerate.file_differences(tmp_path / "built.csv", tmp_path / "kept.csv")
    assert found == ([] if problem is None else [problem])


def page_with_pictures(
    *, words: str = "Word", x: float = 50, ink: str = "#112233", opacity: float = 0.9, grey: int = 9
) -> bytes:
    line = f'<path d="M 10,10 L {x},90" stroke="{ink}" opacity="{opacity}" stroke-width="2"/>'
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">{line}</svg>'
    pixels = io.BytesIO()
    Image.new("L", (40, 40), grey).save(pixels, "png")
    pictures = {"line.svg": picture.encode(), "grey.png": pixels.getvalue()}
    return to_pdf(f"# Title\n\n{words}\n\n![A line](line.svg)\n\n![A grey](grey.png)", pictures)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        # What another processor may round otherwise.
        ({"x": 50.0001}, []),
        ({"x": 50.01}, ["the pages differ"]),
        ({"ink": "#112234"}, ["the pages differ"]),
        ({"opacity": 0.8}, ["the pages differ"]),
        # Bytes that would be blanks between words.
        ({"grey": 32}, ["the pages differ"]),
        ({"words": "World"}, ["the pages differ"]),
        ({"words": "[Word](https://example.org)"}, ["the pages differ"]),
    ],
)
def test_a_pdf_is_all_that_it_holds(tmp_path, changed, found):
    built, other = tmp_path / "built.pdf", tmp_path / "kept.pdf"
    built.write_bytes(page_with_pictures())
    other.write_bytes(page_with_pictures(**changed))
    assert regenerate.file_differences(built, other) == found
    for damaged in (b"%PDF-1.7, and then it breaks off", b"nothing"):
        other.write_bytes(damaged)
        assert regenerate.file_differences(built, other) == ["the pages differ"]
        built.write_bytes(damaged[:4])
        assert regenerate.file_differences(built, other) == ["the pages differ"]


def test_tables_in_a_folder_of_ones_own_are_checked_too(tmp_path):
    table = text_product("car", "a\n1\n", "build/car.csv")
    regenerate.regenerate(tmp_path, [replace(table, kept=False)])
    (tmp_path / "build" / "car.csv").write_text("a\n2\n")
    assert regenerate.check(tmp_path, [replace(table, kept=False)]) == [
        "build/car.csv: line 2, a: 2, now 1"
    ]


def test_product_may_ask_for_another_tolerance(tmp_path):
    loose = text_product("fit", "a\n1.0\n")
    regenerate.regenerate(tmp_path, [loose])
    (tmp_path / "figures" / "fit.csv").write_text("a\n1.00005\n")
    assert regenerate.check(tmp_path, [loose]) == ["figures/fit.csv: line 2, a: 1.00005, now 1.0"]
    assert regenerate.check(tmp_path, [Product("fit", loose.build, rtol=1e-4)]) == []


def test_numbers_of_figures_have_six_digits(project):
    project.prices.write_text("date,close\n2019-10-24,0.12345678\n")
    project.regenerate()
    with (project.root / "figures" / "line.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["date", "close"], ["2019-10-24", "0.123457"]]


def test_state_names_inputs_and_files(project):
    project.regenerate()
    state = json.loads((project.root / "build" / "state.json").read_text())
    assert sorted(state["line"]["files"]) == ["figures/line.csv", "figures/line.png"]


# ---- where ------------------------------------------------------------------------------------


def test_project_folder_or_output_is_found(project, tmp_path):
    assert regenerate.project_root(project.root, None) == project.root
    elsewhere = tmp_path / "new" / "results"
    assert regenerate.project_root(Path("/"), elsewhere) == elsewhere
    assert elsewhere.is_dir()


def test_any_other_folder_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(InputError, match=r"pyproject\.toml and notebooks/; .*--output DIR"):
        regenerate.project_root(tmp_path, None)


def test_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(InputError, match="a folder for --output; something else has this name"):
        regenerate.project_root(tmp_path, tmp_path / "a")


def test_output_that_is_a_project_is_refused(project):
    before = project.files()
    with pytest.raises(InputError, match="a folder of its own for --output"):
        regenerate.project_root(Path("/"), project.root)
    assert project.files() == before


# ---- a study ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def embedded_studies(embedded: Study) -> dict[Path, Study]:
    """Those that the project keeps, each read once."""
    return {
        path: embedded if path == EMBEDDED else load_study(path)
        for path in EMBEDDED_STUDIES.values()
    }


@pytest.fixture
def read_before(embedded_studies: dict[Path, Study], monkeypatch: pytest.MonkeyPatch) -> None:
    """Read no embedded study again."""
    monkeypatch.setattr(regenerate, "load_study", embedded_studies.__getitem__)


def test_study_without_output_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected --output DIR beside it"):
        regenerate.main(new_study(tmp_path / "mine"))


@pytest.mark.usefixtures("read_before")
def test_embedded_study_can_be_written_anywhere(tmp_path, capsys):
    assert regenerate.main(output=tmp_path / "results", only="price_with_events") == 0
    assert (tmp_path / "results" / "figures" / "price_with_events.png").is_file()
    assert capsys.readouterr().err.endswith("1 product built, 2 files written, 0 unchanged\n")
    with pytest.raises(InputError, match=r"expected one of .*forest.*study, tables"):
        regenerate.main(output=tmp_path / "results", only="01_sum")


@pytest.mark.parametrize(("kind", "begins"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_figures_are_drawn_as_vectors_on_request(tmp_path, monkeypatch, kind, begins):
    monkeypatch.setattr(style, "png_bytes", partial(style.png_bytes, dpi=20))
    drawn = []
    for name in ("once", "again"):
        output = tmp_path / name
        assert regenerate.main(TEMPLATE, output, only="event_timeline", vector=kind) == 0
        assert (output / "figures" / "event_timeline.png").is_file()
        drawn.append((output / "figures" / f"event_timeline.{kind}").read_bytes())
    assert drawn[0].startswith(begins)
    assert drawn[0] == drawn[1]


def test_what_is_kept_is_compared_as_png_alone(capsys):
    assert cli(["regenerate", "--check", "--format", "svg"]) == 2
    assert "--format svg: expected no --check beside it" in capsys.readouterr().err


@pytest.mark.usefixtures("read_before")
def test_an_embedded_study_by_name_needs_no_output(project, monkeypatch):
    monkeypatch.chdir(project.root)
    name = "china-crypto-policy-2013-2021"
    assert regenerate.main(Path(name), only="price_with_events") == 0
    assert (project.root / "build" / name / "figures" / "price_with_events.png").is_file()
    assert not (project.root / "figures" / "price_with_events.png").exists()
    # The default goes by its name too, and is what the project keeps.
    assert regenerate.main(Path("china-blockchain-2019"), only="figures-readme") == 0
    assert (project.root / "figures" / "README.md").is_file()


@pytest.mark.usefixtures("read_before")
def test_one_run_builds_every_embedded_study(project, monkeypatch):
    given = []

    def note(root, products, **options):
        given.append({product.key: root / product.folder for product in products})
        return 0

    monkeypatch.setattr(regenerate, "run", note)
    monkeypatch.chdir(project.root)
    name = "china-crypto-policy-2013-2021"
    assert regenerate.main() == 0
    (whole,) = given
    own = {key: at for key, at in whole.items() if key.startswith(f"{name}.")}
    assert {f"{name}.{product}" for product in ("tables", "forest", "study", "explore")} <= set(own)
    assert set(own.values()) == {project.root / "build" / name}
    assert {at for key, at in whole.items() if key not in own} == {project.root}
    # What is kept is the project's own; and a product's name alone is one of it.
    regenerate.main(only_check=True)
    regenerate.main(only="forest")
    regenerate.main(Path(name))
    assert given[1:] == [{key: whole[key] for key in whole.keys() - own.keys()}] * 2 + [own]


def test_products_of_another_study_stay_in_its_folder(tmp_path):
    below = Path("build", "other")
    texts = [text_product("note", "ours"), replace(text_product("note", "theirs"), folder=below)]
    assert regenerate.regenerate(tmp_path, texts).built == ["note", "other.note"]
    written = [tmp_path / "figures" / "note.csv", tmp_path / below / "figures" / "note.csv"]
    assert [path.read_text() for path in written] == ["ours", "theirs"]
    assert regenerate.check(tmp_path, texts[1:]) == []
    written[1].write_text("else")
    (written[1].parent / "more.csv").touch()
    assert [line.split(":")[0] for line in regenerate.check(tmp_path, texts)] == [
        "build/other/figures/more.csv",
        "build/other/figures/note.csv",
    ]


def test_a_figure_is_kept_of_the_study_that_it_names(template, tmp_path, monkeypatch):
    drawn = []

    def draw(study):
        drawn.append(study.title)
        return draw_line(study.prices)

    other = replace(template, title="Another study")
    plain = replace(LINE, name="plain", draw=draw)
    monkeypatch.setattr(regenerate, "FIGURES", (plain, replace(plain, name="b", study="another")))
    for products in (
        regenerate.study_products(template, others={"another": other}),
        # In a folder of its own a study has its own pictures.
        regenerate.study_products(template),
    ):
        for product in products[1:]:
            product.build(tmp_path)
    assert drawn == [template.title, "Another study", template.title, template.title]


def test_hidden_files_and_results_below_a_study_are_none_of_its_files(tmp_path):
    folder = new_study(tmp_path / "mine")
    before = regenerate.study_files(load_study(folder))
    made = json.dumps({"forest": {"inputs": "", "files": {"figures/forest.csv": ""}}})
    for path, text in {
        ".git/HEAD": "",
        ".DS_Store": "",
        # What a run that was cut short has left, and one into the folder of the study itself.
        "out/build/unfinished.json": made,
        "out/build/car.csv": "",
        "out/figures/forest.csv": "",
        "out/figures/mine.csv": "",
        # One of which the state cannot be read.
        "damaged/build/state.json": "",
        "damaged/figures/forest.csv": "",
        "build/state.json": made,
        "figures/forest.csv": "",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    assert regenerate.study_files(load_study(folder)) == before
    (folder / "notes.txt").touch()
    assert regenerate.study_files(load_study(folder)) == sorted([*before, folder / "notes.txt"])


def test_results_in_the_folder_of_the_study_are_written_again(tmp_path, capsys):
    folder = new_study(tmp_path / "mine")
    call = ["regenerate", str(folder), "--output", str(folder / "out"), "--only", "event_timeline"]
    assert cli(call) == 0
    assert "1 product built" in capsys.readouterr().err
    assert cli(call) == 0
    assert "1 up to date" in capsys.readouterr().err
    assert cli([*call, "--fresh"]) == 0


def test_a_font_that_is_installed_meanwhile_draws_anew(monkeypatch, tmp_path):
    folder = new_study(tmp_path / "mine")
    given = []
    monkeypatch.setattr(
        regenerate, "run", lambda _, products, **__: given.append([p.settings for p in products])
    )
    for missing in (["中国"], []):
        monkeypatch.setattr(regenerate, "undrawable", lambda _, missing=missing: missing)
        regenerate.main(folder, tmp_path / "out")
    assert all(one == (*other, "中国") for one, other in zip(*given, strict=True))


def test_figures_name_embedded_studies():
    assert {spec.study for spec in FIGURES} <= {"", *EMBEDDED_STUDIES}
    assert any(spec.study for spec in FIGURES)


@pytest.mark.usefixtures("read_before")
def test_project_folder_gets_an_index_and_its_own_notebooks(project, monkeypatch):
    monkeypatch.chdir(project.root)
    assert regenerate.main(only="figures-readme") == 0
    assert "draw_forest" in (project.root / "figures" / "README.md").read_text()
    with pytest.raises(InputError, match="expected one of 01_sum, "):
        regenerate.main(only="study")


def test_a_run_of_other_products_leaves_the_manifest_of_the_tables(tmp_path):
    def tables(staging):
        (staging / "build").mkdir()
        (staging / "build" / "manifest.json").write_text("{}")

    def text(staging):
        (staging / "note.txt").write_text(source.read_text())

    source = tmp_path / "source.txt"
    source.write_text("first")
    products = [Product("tables", tables, kept=False), Product("text", text, (source,))]
    assert regenerate.regenerate(tmp_path, products).built == ["tables", "text"]
    for word in ("second", "third"):
        source.write_text(word)
        assert regenerate.regenerate(tmp_path, products).built == ["text"]
        assert (tmp_path / "build" / "manifest.json").is_file()
