"""Build figures, tables and notebooks, and prove that the kept copies are current.

A `Product` is something that can be built on its own: it writes its files into an empty staging
folder, under the paths at which they are kept. `regenerate` builds what is not up to date and moves
files whose content changed over the old ones, once everything has been built; `check` builds
everything in a temporary folder and compares. Products do not depend on one another; a build forks
as many processes as there are cores, after it has computed what they share.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

import chainpolicy
from chainpolicy import eventstudy
from chainpolicy.build import notebooks, reference, transcripts
from chainpolicy.build.documents import document
from chainpolicy.build.explore import explore_page
from chainpolicy.build.notebooks import NotebookError
from chainpolicy.build.workers import cores, run_jobs
from chainpolicy.checks import date_column, redated, study_of_rule
from chainpolicy.figures import (
    FIGURES,
    FigureSpec,
    NothingToDrawError,
    leading_label,
    leading_window,
    save_figure,
)
from chainpolicy.figures.canvas import texts_of
from chainpolicy.figures.style import undrawable, vector_bytes
from chainpolicy.study import Study, load_study, read_once
from chainpolicy.study.output import (
    MANIFEST,
    digest,
    keep_apart,
    output_folder,
    staging,
    write_csv,
)
from chainpolicy.study.parts import in_parts
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.study import EMBEDDED, EMBEDDED_STUDIES, study_folder
from chainpolicy.tables import responses
from chainpolicy.tables.estimates import regression_tables, write_tables
from chainpolicy.typeset import prose
from chainpolicy.typeset.numbers import counted
from chainpolicy.typeset.pdf import to_pdf
from chainpolicy.typeset.terminal import at_work

RTOL = 1e-6
# Differences between zeros: what is left of 1.0 - 1.0 depends on the processor.
ATOL = 1e-12
# Of a place on a page, in points, and of a share of red, green or blue: neither is seen.
PDF_ATOL = 0.001
STATE = Path("build", "state.json")
# While files are moved, in place of the state.
UNFINISHED = STATE.with_name("unfinished.json")
TRANSCRIPTS = STATE.with_name("transcripts")
STUDY = "study"
TABLES = "tables"
STUDY_NOTEBOOK = Path(__file__).with_name("study_notebook.py.txt")
README_TAG = "readme"
ARTICLE = "article"
# What a process notes of a product, for the progress bar.
STEPS = ("begun", "done")
NOTHING = "nothing"
OWNED = {"figures": {".png", ".csv"}, "notebooks": {".ipynb", ".md", ".pdf"}}


@dataclass(frozen=True)
class Product:
    """Something that is built on its own.

    Parameters
    ----------
    name : str
        What ``--only`` calls it.
    build : callable
        Takes an empty folder and writes the product's files into it, under the paths at which they
        are kept, relative to its `folder`.
    sources : sequence of Path
        Files whose content decides, beside the code of the package, whether the product is up to
        date.
    settings : sequence of str, optional
        Whatever else decides.
    kept : bool, default True
        False for products that are not kept under version control, hence not checked.
    rtol : float, default 1e-6
        Relative tolerance for the numbers of the product's CSV files when they are checked.
    beside : str, optional
        Key of the product that needs the same results: one process builds both.
    prose : Path, optional
        The source of which a change may leave all results as they are.
    rewrite : callable, optional
        Asked where nothing but `prose` has changed: takes the empty folder and the project's, and
        writes the product from what its last run left there; returns whether that was enough.
    folder : Path, optional
        Below the project, where a study that is not the project's own has its products.
    """

    name: str
    build: Callable[[Path], object]
    sources: Sequence[Path] = ()
    settings: Sequence[str] = ()
    kept: bool = True
    rtol: float = RTOL
    beside: str = ""
    prose: Path | None = None
    rewrite: Callable[[Path, Path], bool] = lambda *_: False
    folder: Path = Path()

    @property
    def key(self) -> str:
        """A name that no product of another study has."""
        return _key(self.folder, self.name)


def _key(folder: Path, name: str) -> str:
    return f"{folder.name}.{name}" if folder.name else name


@dataclass
class Report:
    """What a run did: keys of products, paths of files relative to the project."""

    built: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    # By the product's key, why there is nothing of it.
    nothing: dict[str, str] = field(default_factory=dict)


def project_root(folder: Path, output: Path | None) -> Path:
    """Find out where the products are kept.

    Parameters
    ----------
    folder : Path
        The working directory.
    output : Path, optional
        The folder given with ``--output``.

    Returns
    -------
    Path
        `output`, created if missing, or else `folder`.

    Raises
    ------
    InputError
        If there is no `output` and `folder` is not the project's, or if `output` can be no folder
        or is that of a project.
    """
    if output is not None:
        if _is_project(output):
            expected = "a folder of its own for --output; this one keeps the embedded study"
            raise InputError([Problem(str(output), expected)])
        return output_folder(output)
    if _is_project(folder):
        return folder
    raise InputError(
        [
            Problem(
                str(folder),
                "the folder that holds pyproject.toml and notebooks/; "
                "go there, or say with --output DIR where the results shall be written",
            )
        ]
    )


def _is_project(folder: Path) -> bool:
    return (folder / "pyproject.toml").is_file() and (folder / "notebooks").is_dir()


def regenerate(
    root: Path,
    products: Sequence[Product],
    *,
    only: str | None = None,
    fresh: bool = False,
    since: float = math.inf,
    prepare: Callable[[Path], None] = lambda _: None,
) -> Report:
    """Build what is not up to date and move what changed over the old files.

    Nothing is moved before everything has been built, and every file is replaced in one step.

    Parameters
    ----------
    root : Path
        Folder under which the products are kept; what the last run did is kept in
        ``build/state.json`` there.
    products : sequence of Product
        In any order.
    only : str, optional
        Name of the one product to build.
    fresh : bool, default False
        Build also what is up to date.
    since : float, optional
        Time, in seconds of `time.time`, when sources began to be read: a product with a source
        that was saved later may rest on what that was before, and is not up to date.
    prepare : callable, optional
        Computes what several products need, before processes are forked. Takes an empty folder,
        in which they can leave each other what they compute later.

    Returns
    -------
    Report
        What was built, skipped, written and left unchanged.

    Raises
    ------
    InputError
        If there is no product `only`, or a file would take the place of one that is read.
    NotebookError
        If notebooks are broken; nothing has been overwritten in either case.
    """
    report = Report()
    state = _read_state(root)
    environment = environment_digest()
    inputs: dict[str, str] = {}
    beside: dict[str, str] = {}
    due: list[Product] = []
    for product in _select(products, only):
        inputs[product.key] = _inputs_digest(product, environment, product.sources)
        others = [source for source in product.sources if source != product.prose]
        beside[product.key] = _inputs_digest(product, environment, others)
        if not fresh and _up_to_date(root, state.get(product.key), inputs[product.key]):
            report.skipped.append(product.key)
            if reason := state[product.key].get("nothing"):
                report.nothing[product.key] = reason
        else:
            due.append(product)
    gone = _unregistered(state, products) if only is None else []
    if not due and not gone:
        return report

    build = root / STATE.parent
    build.mkdir(exist_ok=True)
    with staging(build) as staged:
        unmoved = [
            product
            for product in due
            if not fresh and _same_beside(root, state.get(product.key), beside[product.key])
        ]
        rewritten = _rewrite(unmoved, staged, root)
        rest = [product for product in due if product.key not in rewritten]
        built, nothing = _build(rest, staged, prepare) if rest else ({}, {})
        built |= rewritten
        report.nothing |= nothing
        made = [root / path for product in due for path in built[product.key]]
        keep_apart(made, [source for product in due for source in product.sources])
        # While files are moved there is no state, and at the end it names all of them: whoever
        # finds one whose digests fit has the whole of one run.
        _write_state(_unfinished(state, due, built), staged, root / UNFINISHED)
        (root / STATE).unlink(missing_ok=True)
        every = {path for files in built.values() for path in files}
        for path in every:
            if path.name == MANIFEST:
                (root / path).unlink(missing_ok=True)
        for key in gone:
            _remove(_no_longer_made(root, state.pop(key), every), root, report)
        for product in due:
            files = built[product.key]
            _move(product, files, every, state.get(product.key), root, report)
            report.built.append(product.key)
            late = _saved_since(product.sources, since)
            state[product.key] = {
                "inputs": "" if late else inputs[product.key],
                "beside": "" if late else beside[product.key],
                "files": {str(path): digest(root / path) for path in files},
                "folder": str(product.folder),
            }
            if product.key in nothing:
                state[product.key]["nothing"] = nothing[product.key]
        _write_state(state, staged, root / STATE)
        (root / UNFINISHED).unlink()
    return report


def _write_state(state: Mapping[str, Any], staged: Path, path: Path) -> None:
    new = staged / path.name
    new.write_text(json.dumps(state, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    new.replace(path)


def _unfinished(
    state: Mapping[str, Any], due: Iterable[Product], built: Mapping[str, Mapping[Path, Path]]
) -> dict[str, Any]:
    """Note, by their digests, which files may be there while those of a run are moved.

    Those that were there before, and those that are made now; nothing of it is up to date.
    """
    noted = {key: made | {"inputs": "", "beside": ""} for key, made in state.items()}
    for product in due:
        before = noted.get(product.key, {"files": {}})["files"]
        now = {str(path): digest(staged) for path, staged in built[product.key].items()}
        noted[product.key] = {
            "inputs": "",
            "beside": "",
            "files": {
                path: f"{before.get(path, '')} {now.get(path, '')}".strip()
                for path in {**before, **now}
            },
            "folder": str(product.folder),
        }
    return noted


def _unregistered(state: Mapping[str, Any], products: Sequence[Product]) -> list[str]:
    """Keys of what the last run made of these studies and this one knows nothing of."""
    registered = {product.key for product in products}
    folders = {str(product.folder) for product in products}
    return [
        key
        for key, recorded in state.items()
        if key not in registered and recorded.get("folder") in folders
    ]


def _saved_since(sources: Iterable[Path], since: float) -> bool:
    # What is moved over another file may be older, but not its entry in the folder.
    return any(not path.exists() or path.stat().st_ctime >= since for path in sources)


def _remove(extra: Iterable[str], root: Path, report: Report) -> None:
    for path in extra:
        (root / path).unlink()
        report.removed.append(path)


def _move(
    product: Product,
    files: Mapping[Path, Path],
    every: Collection[Path],
    recorded: Mapping[str, Any] | None,
    root: Path,
    report: Report,
) -> None:
    """Move the files of a product that changed over the old ones, its manifest last."""
    _remove(_no_longer_made(root, recorded, every), root, report)
    for path, made in sorted(files.items(), key=lambda item: item[0].name == MANIFEST):
        target = root / path
        if _changed(product, made, target):
            target.parent.mkdir(parents=True, exist_ok=True)
            made.replace(target)
            report.written.append(str(path))
        else:
            report.unchanged.append(str(path))


def check(
    root: Path,
    products: Sequence[Product],
    *,
    only: str | None = None,
    prepare: Callable[[Path], None] = lambda _: None,
) -> list[str]:
    """Build everything in a temporary folder and compare it with what is kept.

    Notebooks are compared by the sources and text outputs of their cells, exactly, figures by size
    and pixels, PDF by all its objects, CSV files by their numbers at the product's tolerance,
    other files byte by byte.
    Transcripts of notebooks are not compared.

    Parameters
    ----------
    root : Path
        Folder under which the products are kept; nothing is written there.
    products : sequence of Product
        In any order; those of a project that are not `Product.kept` are left out.
    only : str, optional
        Name of the one product to check.
    prepare : callable, optional
        As in `regenerate`.

    Returns
    -------
    list of str
        One line per difference, each beginning with the path of a file that is stale, missing or
        extra; empty if everything is current.

    Raises
    ------
    NothingToDrawError
        If the study has nothing for the figure `only`.
    """
    whole = not _is_project(root)
    kept = [product for product in _select(products, only) if product.kept or whole]
    stale: list[str] = []
    with tempfile.TemporaryDirectory(prefix="chainpolicy-") as staging:
        built, nothing = _build(kept, Path(staging), prepare)
        if only is not None and nothing:
            raise NothingToDrawError(next(iter(nothing.values())))
        for product in kept:
            for path, staged in built[product.key].items():
                if TRANSCRIPTS in path.relative_to(product.folder).parents:
                    continue
                found = file_differences(staged, root / path, rtol=product.rtol)
                stale += [f"{path}: {problem}" for problem in found]
        if only is None:
            made = {path for files in built.values() for path in files}
            stale += [
                f"{path}: extra, nothing that is registered makes it; delete it"
                for folder in {product.folder for product in kept}
                for path in _owned_files(root, folder)
                if path not in made
            ]
    return sorted(stale)


def _no_longer_made(
    root: Path, recorded: Mapping[str, Any] | None, files: Collection[Path]
) -> list[str]:
    """Files that the last run made of a product and this one does not, if nobody changed them."""
    made = {str(path) for path in files}
    before: Mapping[str, str] = (recorded or {}).get("files", {})
    return [
        path
        for path, kept in before.items()
        if path not in made and (root / path).is_file() and digest(root / path) in kept.split()
    ]


def _select(products: Sequence[Product], only: str | None) -> list[Product]:
    keys = [product.key for product in products]
    if repeated := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"products with the same name: {', '.join(repeated)}")
    if only is None:
        return list(products)
    names = [product.name for product in products]
    if only not in names:
        expected = f"one of {', '.join(sorted(names))}"
        raise InputError([Problem("--only", expected, value=only)])
    return [product for product in products if product.name == only]


def _rewrite(products: Sequence[Product], staging: Path, root: Path) -> dict[str, dict[Path, Path]]:
    """Write what needs no run; as `_build` for the products for which that was enough."""
    folders = {product.key: staging / "rewritten" / product.key for product in products}
    for folder in folders.values():
        folder.mkdir(parents=True)
    return {
        product.key: _files(folders[product.key], product.folder)
        for product in products
        if product.rewrite(folders[product.key], root / product.folder)
    }


def _build(
    products: Sequence[Product], staging: Path, prepare: Callable[[Path], None]
) -> tuple[dict[str, dict[Path, Path]], dict[str, str]]:
    """Build each product in a folder of its own.

    Returns, by key, the staged file of each path in the project, and why there is nothing.
    """
    folders = {product.key: staging / product.key for product in products}
    for folder in folders.values():
        folder.mkdir()
    notes = staging / ".jobs"
    notes.mkdir()
    if len(products) > 1:
        shared = staging / ".shared"
        shared.mkdir()
        with at_work("computing what several need"):
            prepare(shared)
    console = Console(stderr=True)
    parent = os.getpid()
    # A thread that refreshes would be forked in the middle of what it does.
    with Progress(
        *Progress.get_default_columns()[:-1],
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        auto_refresh=False,
    ) as progress:
        task = progress.add_task("building", total=len(products))

        def look() -> None:
            # The terminal belongs to one process.
            if os.getpid() == parent:
                begun, done = ({path.stem for path in notes.glob(f"*.{what}")} for what in STEPS)
                # A line has no room for the study beside each name.
                names = [key.rpartition(".")[2] for key in sorted(begun - done)]
                running = ", ".join(names) or "building"
                progress.update(task, description=running, completed=len(done), refresh=True)

        progress.refresh()
        jobs = [
            partial(_build_all, together, folders, notes, look) for together in _together(products)
        ]
        # What builds cannot look up to say for how long.
        aside = console.is_terminal
        failures = run_jobs(jobs, notes, min(cores(), len(jobs)), look, aside=aside)
        nothing = {
            path.stem: path.read_text(encoding="utf-8") for path in notes.glob(f"*.{NOTHING}")
        }
    for failure in failures:
        if not isinstance(failure, NotebookError):
            raise failure
    if failures:
        # The other notebooks may be broken too: say all of it at once.
        raise NotebookError("\n".join(map(str, failures)))
    return {
        product.key: _files(folders[product.key], product.folder) for product in products
    }, nothing


def _files(staged: Path, folder: Path) -> dict[Path, Path]:
    """Path in the project -> staged file."""
    return {
        folder / path.relative_to(staged): path
        for path in sorted(staged.rglob("*"))
        if path.is_file()
    }


def _together(products: Sequence[Product]) -> list[list[Product]]:
    """Sort products into those that one process builds, the most first."""
    groups: dict[str, list[Product]] = {}
    for product in products:
        groups.setdefault(product.beside or product.key, []).append(product)
    return sorted(groups.values(), key=len, reverse=True)


def _build_all(
    products: Sequence[Product],
    folders: Mapping[str, Path],
    notes: Path,
    look: Callable[[], None],
) -> None:
    broken: list[str] = []
    begun, done = STEPS
    for product in products:
        (notes / f"{product.key}.{begun}").touch()
        look()
        try:
            product.build(folders[product.key])
        except NotebookError as error:
            broken.append(str(error))
        except NothingToDrawError as reason:
            (notes / f"{product.key}.{NOTHING}").write_text(str(reason), encoding="utf-8")
        (notes / f"{product.key}.{done}").touch()
    if broken:
        raise NotebookError("\n".join(broken))


def _changed(product: Product, staged: Path, target: Path) -> bool:
    """Whether a kept file says something else than the new one; other files must equal it.

    Another processor may round the last digits otherwise: that is no reason to rewrite what is
    under version control. A single pixel that a reader could tell apart is.
    """
    if not product.kept:
        return not target.is_file() or staged.read_bytes() != target.read_bytes()
    return bool(file_differences(staged, target, rtol=product.rtol, pixel_share=0))


def _owned_files(root: Path, below: Path) -> list[Path]:
    return [
        path.relative_to(root)
        for folder, suffixes in OWNED.items()
        for path in sorted((root / below / folder).glob("*"))
        if path.suffix in suffixes
    ]


def file_differences(
    built: Path, kept: Path, *, rtol: float = RTOL, pixel_share: float = notebooks.PIXEL_SHARE
) -> list[str]:
    """Compare a file as it comes out now with the kept copy, by its kind.

    Parameters
    ----------
    built, kept : Path
        The two files; the kept one may be missing.
    rtol : float, default 1e-6
        Relative tolerance for numbers of a CSV file.
    pixel_share : float, default 0.001
        Largest share of a figure's pixels that may be off by more than 8/255.

    Returns
    -------
    list of str
        What differs; empty if nothing does.
    """
    if not kept.is_file():
        return ["missing"]
    if built.read_bytes() == kept.read_bytes():
        return []
    if built.suffix == ".ipynb":
        try:
            old = notebooks.read(kept)
        except NotebookError:
            return ["not a readable notebook"]
        return notebooks.differences(notebooks.read(built), old, pixel_share)
    if built.suffix == ".png":
        problem = notebooks.png_difference(built.read_bytes(), kept.read_bytes(), pixel_share)
        return [f"the figure differs, {problem}"] if problem else []
    if built.suffix == ".pdf":
        return [] if _same_pages(built, kept) else ["the pages differ"]
    if built.suffix == ".csv":
        return _csv_differences(built, kept, rtol)
    return ["the text differs"]


def _csv_differences(built: Path, kept: Path, rtol: float) -> list[str]:
    with built.open(encoding="utf-8", newline="") as file:
        new = list(csv.reader(file))
    try:
        with kept.open(encoding="utf-8", newline="") as file:
            old = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error):
        return ["not a readable CSV file"]
    if len(new) != len(old):
        return [f"{len(old):,} lines, now {len(new):,}"]
    for number, (new_row, old_row) in enumerate(zip(new, old, strict=True), start=1):
        if len(new_row) != len(old_row):
            return [f"line {number}: {len(old_row)} columns, now {len(new_row)}"]
        for column, new_cell, old_cell in zip(new[0], new_row, old_row, strict=True):
            if not _same_cell(new_cell, old_cell, rtol):
                return [
                    f"line {number}, {column}: {old_cell or 'blank'}, now {new_cell or 'blank'}"
                ]
    return []


def _same_pages(built: Path, kept: Path) -> bool:
    """Compare all that two documents hold, numbers of what pages draw with a tolerance.

    Another processor may round the last digit of a place otherwise.
    """
    new, old = _objects(built), _objects(kept)
    return bool(new) and len(new) == len(old) and all(map(_same_object, new, old))


def _objects(document: Path) -> list[tuple[bytes, bytes]]:
    """Read each object of a PDF: what describes it, and its content if it is a stream.

    Empty if the file cannot be read.
    """
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError
    from pypdf.generic import DictionaryObject, IndirectObject, StreamObject

    found = []
    try:
        reader = PdfReader(document)
        for number in range(1, int(str(reader.trailer["/Size"]))):
            each = reader.get_object(IndirectObject(number, 0, reader))
            content = b""
            if isinstance(each, StreamObject):
                # A digest of all the rest.
                content = b"" if each.get("/Type") == "/Metadata" else each.get_data()
                each = DictionaryObject({k: v for k, v in each.items() if k != "/Length"})
            described = io.BytesIO()
            if each is not None:
                each.write_to_stream(described)
            found.append((described.getvalue(), content))
    except (PyPdfError, NotImplementedError):
        return []
    return found


def _same_object(new: tuple[bytes, bytes], old: tuple[bytes, bytes]) -> bool:
    # What is no text, as pixels and the letters of a font are, has no numbers to read.
    binary = b"/Image" in new[0] or not new[1].isascii()
    return new == old or (not binary and all(map(_same_tokens, new, old)))


def _same_tokens(new: bytes, old: bytes) -> bool:
    one, other = new.split(), old.split()
    return len(one) == len(other) and all(
        a == b or _same_number(a, b, RTOL, PDF_ATOL) for a, b in zip(one, other, strict=True)
    )


def _same_cell(new: str, old: str, rtol: float) -> bool:
    return new == old or _same_number(new, old, rtol, ATOL)


def _same_number(new: str | bytes, old: str | bytes, rtol: float, atol: float) -> bool:
    try:
        return math.isclose(float(new), float(old), rel_tol=rtol, abs_tol=atol)
    except ValueError:
        return False


def environment_digest() -> str:
    """Hash what decides, beside data, how a product comes out.

    Returns
    -------
    str
        SHA-256 of all files of the package but those written for readers, which are products or
        data of their own, of the version of Python and the versions of everything installed with
        it.
    """
    package = Path(chainpolicy.__file__).parent
    summed = hashlib.sha256(sys.version.encode())
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md":
            summed.update(f"{path.relative_to(package).as_posix()} {digest(path)}\n".encode())
    found = (dist.metadata for dist in distributions())
    for installed in sorted(f"{about['Name']} {about['Version']}" for about in found):
        summed.update(installed.encode())
    return summed.hexdigest()


def _inputs_digest(product: Product, environment: str, sources: Sequence[Path]) -> str:
    told = [product.name, environment, *product.settings]
    summed = hashlib.sha256("\n".join(told).encode())
    for source in sources:
        summed.update(f"{source.name} {digest(source)}\n".encode())
    return summed.hexdigest()


def _up_to_date(root: Path, last: Any, inputs: str) -> bool:
    return (
        last is not None
        and last["inputs"] == inputs
        and all(
            (root / path).is_file() and digest(root / path) == kept
            for path, kept in last["files"].items()
        )
    )


def _same_beside(root: Path, last: Any, beside: str) -> bool:
    """Whether only the prose has changed, and what the last run left in ``build/`` is there."""
    return (
        last is not None
        and last.get("beside") == beside
        and all(
            (root / path).is_file() and digest(root / path) == kept
            for path, kept in last["files"].items()
            if Path(path).parts[0] == STATE.parent.name
        )
    )


def _read_state(root: Path) -> dict[str, Any]:
    """Read what the last run made, or what there may be of one that was cut short."""
    return _states_in(root / STATE) or _states_in(root / UNFINISHED)


def _states_in(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    products = state.values() if isinstance(state, dict) else [None]
    ours = all(
        isinstance(one, dict) and "inputs" in one and isinstance(one.get("files"), dict)
        for one in products
    )
    return state if ours else {}


def run(
    root: Path,
    products: Sequence[Product],
    *,
    only_check: bool = False,
    only: str | None = None,
    fresh: bool = False,
    since: float = math.inf,
    prepare: Callable[[Path], None] = lambda _: None,
) -> int:
    """Regenerate or check, and say on standard error what was done.

    Parameters
    ----------
    root : Path
        Folder under which the products are kept.
    products : sequence of Product
        In any order.
    only_check : bool, default False
        Compare and write nothing.
    only : str, optional
        Name of the one product to build or check.
    fresh : bool, default False
        Build also what is up to date.
    since, prepare
        As in `regenerate`.

    Returns
    -------
    int
        Exit status: 0 if everything is done or current, 1 if something is stale, which is listed on
        standard output, or a notebook is broken, 2 if the study has nothing for the figure `only`.
    """
    try:
        if only_check:
            return _say_stale(check(root, products, only=only, prepare=prepare))
        report = regenerate(root, products, only=only, fresh=fresh, since=since, prepare=prepare)
    except NothingToDrawError as reason:
        return _say_nothing(only, str(reason))
    except NotebookError as error:
        print(f"{error}\nNothing was overwritten.", file=sys.stderr)
        return 1
    _say_done(report)
    if only is None or not report.nothing:
        return 0
    return _say_nothing(only, next(iter(report.nothing.values())))


def _say_stale(stale: list[str]) -> int:
    for line in stale:
        print(line)
    if stale:
        files = len({line.split(":")[0] for line in stale})
        print(f"{counted(files, 'file')} not current: run chainpolicy regenerate", file=sys.stderr)
        return 1
    print("everything is current", file=sys.stderr)
    return 0


def _say_done(report: Report) -> None:
    for path in report.written:
        print(f"wrote {path}", file=sys.stderr)
    for path in report.removed:
        print(f"removed {path}, which nothing makes any more", file=sys.stderr)
    summary = []
    built = [name for name in report.built if name not in report.nothing]
    if built:
        summary.append(
            f"{counted(len(built), 'product')} built, "
            f"{counted(len(report.written), 'file')} written, {len(report.unchanged)} unchanged"
        )
    if skipped := [name for name in report.skipped if name not in report.nothing]:
        summary.append(f"{len(skipped)} up to date and skipped (--fresh builds them anew)")
    if summary:
        print("; ".join(summary), file=sys.stderr)


def _say_nothing(name: str | None, reason: str) -> int:
    print(f"{name}: nothing was drawn. {reason}", file=sys.stderr)
    return 2


def notebook_product(source: Path, data: Sequence[Path] = ()) -> Product:
    """Register the executed copy of one notebook.

    Parameters
    ----------
    source : Path
        The notebook's source, a ``.py`` file in jupytext's percent format.
    data : sequence of Path, optional
        Files that the notebook reads through the package.

    Returns
    -------
    Product
        Writes ``notebooks/<name>.ipynb`` and, if the notebook has cells with the tag ``readme``,
        the README beside ``notebooks/`` with these cells between its lines ``<!-- results -->``
        and ``<!-- /results -->``. Where the prose alone has changed the notebook is not run.
    """
    kept = TRANSCRIPTS / f"{source.stem}.json"

    def build(staging: Path) -> None:
        write(notebooks.execute(source), staging)

    def rewrite(staging: Path, root: Path) -> bool:
        executed = transcripts.recite(source, root / kept)
        if executed is not None:
            write(executed, staging)
        return executed is not None

    def write(executed: notebooks.Executed, staging: Path) -> None:
        shown = {
            index: text
            for index, cell in enumerate(executed.notebook.cells)
            if cell.metadata.get("tags") and (text := executed.markdown(index)) is not None
        }
        transcripts.record(executed, shown, staging / kept)
        (staging / "notebooks").mkdir()
        notebooks.write(executed.notebook, staging / "notebooks" / f"{source.stem}.ipynb")
        if block := executed.tagged(README_TAG):
            document = source.parent.parent / "README.md"
            text = _with_block(document, block)
            (staging / document.name).write_text(text, encoding="utf-8", newline="\n")

    return Product(source.stem, build, (source, *data), prose=source, rewrite=rewrite)


def article_product(source: Path, data: Sequence[Path]) -> Product:
    """Register the article: a notebook whose code no reader needs.

    Parameters
    ----------
    source : Path
        As of a notebook.
    data : sequence of Path
        Files that it reads through the package.

    Returns
    -------
    Product
        Writes ``notebooks/article.md`` and ``notebooks/article.pdf``. Where the prose alone has
        changed the notebook is not run.
    """
    kept = TRANSCRIPTS / f"{source.stem}.json"

    def build(staging: Path) -> None:
        executed = notebooks.execute(source)
        write(executed, document(executed, "../").vectors(), staging)

    def rewrite(staging: Path, root: Path) -> bool:
        executed = transcripts.recite(source, root / kept)
        if executed is not None:
            drawn = (root / kept.with_suffix("")).glob("*.svg")
            pictures = {f"../figures/{path.stem}.png": path.read_bytes() for path in drawn}
            write(executed, pictures, staging)
        return executed is not None

    def write(executed: notebooks.Executed, pictures: Mapping[str, bytes], staging: Path) -> None:
        made = document(executed, "../")
        transcripts.record(executed, made.parts, staging / kept)
        (staging / kept.with_suffix("")).mkdir()
        for target, picture in pictures.items():
            path = staging / kept.with_suffix("") / f"{Path(target).stem}.svg"
            path.write_bytes(picture)
        text = staging / "notebooks" / f"{source.stem}.md"
        text.parent.mkdir()
        text.write_text(made.text, encoding="utf-8", newline="\n")
        text.with_suffix(".pdf").write_bytes(to_pdf(made.text, pictures))

    return Product(source.stem, build, (source, *data), prose=source, rewrite=rewrite)


def _with_block(document: Path, block: str) -> str:
    """Text of a document that people write, with its generated part anew."""
    old = document.read_text(encoding="utf-8")
    before, start, rest = old.partition("<!-- results -->\n")
    _, end, after = rest.partition("<!-- /results -->\n")
    if not start or not end:
        expected = "the lines <!-- results --> and <!-- /results -->, in this order"
        raise InputError([Problem(document.name, expected)])
    return f"{before}{start}{block.strip()}\n{end}{after}"


def figure_product(
    figure: FigureSpec,
    study: Study,
    data: Sequence[Path] = (),
    beside: str = "",
    vector: str = "",
) -> Product:
    """Register one figure and the CSV of its numbers.

    Parameters
    ----------
    figure : FigureSpec
        Name and drawing function.
    study : Study
        What the drawing function takes.
    data : sequence of Path, optional
        Files of the study.
    beside : str, optional
        The notebook that shows it.
    vector : {"", "svg", "pdf"}
        Draw it in this format too.

    Returns
    -------
    Product
        Writes ``figures/<name>.png`` and ``figures/<name>.csv``; its ``build`` raises
        `NothingToDrawError` where the study lacks what the figure shows.
    """

    def build(staging: Path) -> None:
        picture, numbers = figure.draw(study)
        save_figure(picture, numbers, staging / "figures", figure.name)
        if vector:
            drawn = staging / "figures" / f"{figure.name}.{vector}"
            drawn.write_bytes(vector_bytes(picture, vector))

    settings = (vector,) if vector else ()
    return Product(figure.name, build, data, settings, rtol=figure.rtol, beside=beside)


def figure_index_product(figures: Sequence[FigureSpec]) -> Product:
    """Register ``figures/README.md``: which function, data and notebook belong to which figure.

    Parameters
    ----------
    figures : sequence of FigureSpec
        The registered figures, in the order of the table.

    Returns
    -------
    Product
        Writes ``figures/README.md``.
    """

    def build(staging: Path) -> None:
        (staging / "figures").mkdir()
        rows = [
            "# Figures",
            "",
            "Written by `chainpolicy regenerate`. Events go by their `event_id`;",
        ]
        rows += ["[01_events](../notebooks/01_events.ipynb) says what each announced.", ""]
        rows += ["| Figure | Function | Data | Notebook |", "|---|---|---|---|"]
        for figure in figures:
            function = f"`{figure.draw.__module__}.{figure.draw.__name__}`"
            notebook = f"[{figure.notebook}](../notebooks/{figure.notebook}.ipynb)"
            picture = f"[{figure.name}.png]({figure.name}.png): {figure.description}"
            cells = [picture, function, figure.data, notebook]
            rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
        text = "\n".join(rows) + "\n"
        (staging / "figures" / "README.md").write_text(text, encoding="utf-8", newline="\n")

    return Product("figures-readme", build)


def api_product() -> Product:
    """Register ``src/chainpolicy/eventstudy/README.md``, the docstrings of the library.

    Returns
    -------
    Product
    """
    # In the order in which a reader meets them.
    modules = (
        *(eventstudy.estimator, eventstudy.results, eventstudy.pooling, eventstudy.normal),
        *(eventstudy.abnormal, eventstudy.inference, eventstudy.counterfactual),
        *(eventstudy.bands, eventstudy.display, eventstudy.panel),
    )

    def build(staging: Path) -> None:
        page = staging / "src" / "chainpolicy" / "eventstudy" / "README.md"
        page.parent.mkdir(parents=True)
        text = reference.api_page(eventstudy, modules)
        page.write_text(text, encoding="utf-8", newline="\n")

    return Product("api", build)


def study_notebook_product(
    study: Study, data: Sequence[Path] = (), *, pdf: bool = False
) -> Product:
    """Register the notebook of a study that has none of its own.

    Parameters
    ----------
    study : Study
        The study.
    data : sequence of Path, optional
        Files of the study.
    pdf : bool, default False
        Write the report as PDF too.

    Returns
    -------
    Product
        Writes ``notebooks/study.py``, its executed copy, and the same without code as one file to
        send, ``report.html``.
    """

    def build(staging: Path) -> None:
        text = _without_what_is_lacking(STUDY_NOTEBOOK.read_text(encoding="utf-8"), study)
        # Braces in a title are no expression.
        title = prose.as_words(" ".join(study.title.split()))
        text = text.replace("<title>", title)
        text = text.replace("<study>", _loaded_by(study))
        text = text.replace("<stance>", repr(leading_label(study)[0]))
        source = staging / "notebooks" / "study.py"
        source.parent.mkdir()
        source.write_text(text, encoding="utf-8", newline="\n")
        executed = notebooks.execute(source)
        notebooks.write(executed.notebook, source.with_suffix(".ipynb"))
        report = document(executed)
        (staging / "report.html").write_text(report.to_html(), encoding="utf-8", newline="\n")
        if pdf:
            (staging / "report.pdf").write_bytes(report.to_pdf())

    return Product(STUDY, build, data, (study.title, _loaded_by(study), f"pdf {pdf}"))


def explore_product(study: Study, data: Sequence[Path] = ()) -> Product:
    """Register the page on which a reader points at events and assets.

    Parameters
    ----------
    data : sequence of Path, optional
        Files of the study.

    Returns
    -------
    Product
        Writes ``explore.html``.
    """

    def build(staging: Path) -> None:
        text = explore_page(study)
        (staging / "explore.html").write_text(text, encoding="utf-8", newline="\n")

    return Product("explore", build, data, beside=STUDY)


def _without_what_is_lacking(text: str, study: Study) -> str:
    """Leave out parts ``<if ...>`` and figures for which a study has nothing."""
    there = {
        "limits": any(limit for limit in study.assets["price_limit"]),
        "policy": bool((study.events["role"] == "policy").any()),
        "stance": leading_label(study)[0] not in {"role", study.pool_by},
    }
    text = re.sub(
        r"<if (\w+)>(.*?)</if>", lambda m: m[2] if there[m[1]] else "", text, flags=re.DOTALL
    )
    cells = re.split(r"(?m)^(?=# %%)", text)
    return "".join(cell for cell in cells if not _shows_nothing(cell, study))


def _shows_nothing(cell: str, study: Study) -> bool:
    shown = _shown_in(cell)
    try:
        for figure in FIGURES:
            if figure.name in shown:
                figure.draw(study)
    except NothingToDrawError:
        return True
    return False


def _loaded_by(study: Study) -> str:
    """Argument with which `load_study` finds a study from anywhere."""
    names = {folder: name for name, folder in EMBEDDED_STUDIES.items()}
    if study.path == EMBEDDED:
        return ""
    return repr(names.get(study.path) or str(study.path.resolve()))


def study_products(
    study: Study,
    shown: Collection[str] = (),
    others: Mapping[str, Study] | None = None,
    vector: str = "",
) -> list[Product]:
    """Register the tables and figures of a study.

    Parameters
    ----------
    study : Study
        The study.
    shown : collection of str, optional
        Names of the figures that `study_notebook_product` shows. Those of all others that rest on
        the same results are shown by one notebook of the embedded study.
    others : mapping of str to Study, optional
        By name, the studies that `FigureSpec.study` may name. Default: all figures are of `study`.
    vector : {"", "svg", "pdf"}
        Format in which figures are drawn too.

    Returns
    -------
    list of Product
        One for all tables, one for each figure.
    """
    data = study_files(study)

    def tables(staging: Path) -> None:
        results = study.estimate()
        write_tables(study, results, staging / "build")
        for name, table in regression_tables(study).items():
            write_csv(table, staging / "build" / f"{name}.csv")

    products = [Product(TABLES, tables, data, kept=False)]
    for figure in FIGURES:
        of = (others or {}).get(figure.study, study)
        files = data if of is study else study_files(of)
        beside = STUDY if figure.name in shown else figure.notebook
        products.append(figure_product(figure, of, files, beside, vector))
    return products


def study_files(study: Study) -> list[Path]:
    """List the files of a study, also outside its folder, on which all its products depend.

    What is hidden is none of them, nor is an output folder below the study's, or, where that is the
    output folder itself, what was made there.
    """
    held = [
        path
        for path in study.path.rglob("*")
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(study.path).parts)
    ]
    states = [path for path in held if path.parts[-2:] in {STATE.parts, UNFINISHED.parts}]
    rooms = {path.parent for path in states} | {path.parents[1] for path in states} - {study.path}
    made = {
        path.parents[1] / name
        for path in states
        if path.parents[1] == study.path
        for recorded in _states_in(path).values()
        for name in recorded["files"]
    }
    others = (path for path in held if path not in made and rooms.isdisjoint(path.parents))
    return sorted({*study.files, *others})


def main(
    study_path: Path | None = None,
    output: Path | None = None,
    *,
    only_check: bool = False,
    only: str | None = None,
    fresh: bool = False,
    pdf: bool = False,
    vector: str = "",
) -> int:
    """Do what ``chainpolicy regenerate`` does.

    Parameters
    ----------
    study_path : Path, optional
        A study folder or the name of an embedded study; by default all embedded studies, but with
        `output`, `only` or `only_check` that of 2019.
    output : Path, optional
        Where to write the study's tables, figures and one notebook; by default the project in the
        working directory, with all its notebooks for the study of 2019. There another embedded
        study has its own folder, ``build/<name>``.
    only_check, only, fresh
        As in `run`.
    pdf : bool, default False
        Write a user's report as PDF too.
    vector : {"", "svg", "pdf"}
        Format in which figures are drawn beside PNG; these files are not kept, hence not checked.

    Returns
    -------
    int
        Exit status, as of `run`.

    Raises
    ------
    InputError
        If the study, the place or `only` cannot be used.
    """
    begun = time.time()
    folder = study_folder(study_path)
    if output is None and folder not in EMBEDDED_STUDIES.values():
        expected = "--output DIR beside it: figures/ and notebooks/ here show the embedded study"
        raise InputError([Problem(str(study_path), expected)])
    root = project_root(Path.cwd(), output)
    # What is compared, and what `only` means without a study, is what the project keeps.
    whole = study_path is None and output is None and only is None and not only_check
    folders = EMBEDDED_STUDIES.values() if whole else [folder]
    named = {figure.study for figure in FIGURES} - {""} if output is None else set()
    shown = {name: EMBEDDED_STUDIES[name] for name in sorted(named) if EMBEDDED in folders}
    with at_work("reading"):
        studies = {of: load_study(of) for of in folders}
        others = {name: studies.get(of) or load_study(of) for name, of in shown.items()}
    products: list[Product] = []
    for of, study in studies.items():
        study.require_estimable()
        boxed = undrawable(texts_of(study))
        if boxed:
            print(
                f"no installed font has all characters of {', '.join(boxed)}; figures show boxes",
                file=sys.stderr,
            )
        if output is None and of == EMBEDDED:
            made = _of_project(root, study, others, vector)
        else:
            below = Path() if output is not None else STATE.parent / study.name
            output_folder(root / below)
            made = [
                replace(each, folder=below, beside=_key(below, each.beside or each.name))
                for each in _of_folder(study, pdf, vector)
            ]
        # A font that is installed meanwhile draws what had none.
        products += [replace(each, settings=(*each.settings, *boxed)) for each in made]
    of_project = root if output is None else None
    # What several products show is drawn once: one process builds them all, or all are forked
    # from one that has drawn it.
    joined = _join(_shown_together(of_project, studies.values()))
    products = [
        replace(each, beside=joined.get(each.beside or each.key, each.beside)) for each in products
    ]
    read_in_build = {id(study): study for study in (*studies.values(), *others.values())}.values()

    def prepare(shared: Path) -> None:
        for number, each in enumerate(read_in_build):
            each.kept.folder = shared / str(number)
            each.kept.folder.mkdir()
        for study in studies.values():
            responses(study, leading_window(study))
        # Tables travel between processes, and what is estimated or drawn does not.
        estimated = list(studies.values())
        if of_project is not None and EMBEDDED in studies:
            redated(studies[EMBEDDED], date_column(studies[EMBEDDED]))
            estimated.append(study_of_rule(studies[EMBEDDED]))
        for study in estimated:
            _ = study.results, study.headline_event, in_parts(study)
        for figure in _shown_apart(of_project):
            if figure.study in others:
                picture, _ = figure.draw(others[figure.study])
                picture.png()

    with ExitStack() as stack:
        for each in read_in_build:
            stack.enter_context(read_once(each))
        return run(
            root,
            products,
            only_check=only_check,
            only=only,
            fresh=fresh,
            since=begun,
            prepare=prepare,
        )


def _shown_together(root: Path | None, studies: Iterable[Study]) -> Iterator[tuple[str, str]]:
    """Yield pairs of keys of products that show the same figure, or estimate the same systems.

    The notebooks are those of a project; figures of another study than its own are in the report
    of that study too, if it is built. For who shows figures of both studies see `_shown_apart`.
    """
    yield TABLES, "07_regressions"
    built = {study.name for study in studies}
    for figure in FIGURES:
        if figure.study in built:
            report = _key(STATE.parent / figure.study, STUDY)
            yield figure.notebook, report
            yield _key(STATE.parent / figure.study, figure.notebook), report
    home = {figure.name: figure.notebook for figure in FIGURES if not figure.study}
    for notebook, name in _shown_by_notebooks(root):
        if name in home:
            yield notebook, home[name]


def _shown_apart(root: Path | None) -> list[FigureSpec]:
    """List the figures of another study than the project's that not only their notebook shows.

    Two studies in one process would take longer than drawing these before there are several.
    """
    of_others = {figure.name: figure for figure in FIGURES if figure.study}
    return [
        of_others[name]
        for notebook, name in _shown_by_notebooks(root)
        if name in of_others and of_others[name].notebook != notebook
    ]


def _shown_by_notebooks(root: Path | None) -> Iterator[tuple[str, str]]:
    """Yield the name of each notebook of a project with that of each figure that it shows."""
    for source in _sources(root) if root is not None else []:
        # What is no text is refused where it is executed.
        for name in _shown_in(source.read_text(encoding="utf-8", errors="replace")):
            yield source.stem, name


def _shown_in(source: str) -> list[str]:
    """Names of the figures that a notebook's source shows."""
    return re.findall(r'figures\.show\(\s*"(\w+)"', source)


def _sources(root: Path) -> list[Path]:
    return sorted((root / "notebooks").glob("*.py"))


def _join(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give all that pairs connect the same name, one of theirs."""
    name: dict[str, str] = {}
    for one, other in pairs:
        kept, given_up = name.setdefault(one, one), name.setdefault(other, other)
        name |= {each: kept for each, of in name.items() if of == given_up}
    return name


def _of_project(
    root: Path, study: Study, others: Mapping[str, Study], vector: str
) -> list[Product]:
    """Register what the project keeps: of its own study, and the notebooks."""
    products = study_products(study, others=others, vector=vector)
    products += [figure_index_product(FIGURES), api_product()]
    # A notebook may read any embedded study.
    read = [path for each in (study, *others.values()) for path in study_files(each)]
    for source in _sources(root):
        register = article_product if source.stem == ARTICLE else notebook_product
        products.append(register(source, read))
    return products


def _of_folder(study: Study, pdf: bool, vector: str) -> list[Product]:
    """Register what a study has in a folder of its own."""
    shown = _shown_in(STUDY_NOTEBOOK.read_text(encoding="utf-8"))
    data = study_files(study)
    report = study_notebook_product(study, data, pdf=pdf)
    return [
        *study_products(study, shown, vector=vector),
        *(report, explore_product(study, data)),
    ]
