"""Notebooks: jupytext source -> executed copy, the same bytes on every run.

The source of a notebook is a ``.py`` file in jupytext's percent format; the ``.ipynb`` beside it is
its executed copy. Whatever could differ between two runs is taken away: random cell ids, execution
times, the version of Python, the user's own IPython and Matplotlib settings, hash seeds, threads
and the software tag of a PNG.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import os
import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from chainpolicy.study import changed_in_build
from chainpolicy.typeset import prose
from chainpolicy.typeset.claims import Claims

# Only what reads, executes or writes a notebook waits for the import of nbformat.
if TYPE_CHECKING:
    from nbformat import NotebookNode

PIXEL_STEP = 8
PIXEL_SHARE = 0.001

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}

_UNWANTED = {
    r" at 0x[0-9a-fA-F]+": "a memory address; end a cell that draws with a semicolon",
    r"Traceback \(most recent call last\)": "a traceback",
    r"\w*Warning: ": "a warning",
}


class NotebookError(Exception):
    """A notebook cannot be executed, or its output is not fit to be read; says which cell."""


def read_source(source: Path) -> NotebookNode:
    """Read a notebook's source, without outputs.

    Parameters
    ----------
    source : Path
        A ``.py`` file in jupytext's percent format.

    Returns
    -------
    NotebookNode
        With fixed metadata, and cell ids that follow from the cells' text.

    Raises
    ------
    NotebookError
        If the file is no text in UTF-8.
    """
    import jupytext
    from nbformat import NotebookNode

    try:
        text = source.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = source.read_bytes()[: error.start].count(b"\n") + 1
        raise NotebookError(f"{source.name}, line {line}: not UTF-8; save it as UTF-8") from None
    notebook: NotebookNode = jupytext.reads(text, fmt="py:percent")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = NotebookNode(METADATA)
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        cell.id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1
        cell.metadata.pop("lines_to_next_cell", None)
    return notebook


@dataclass(frozen=True)
class Executed:
    """A notebook after its run.

    Attributes
    ----------
    notebook : NotebookNode
        The executed copy.
    values : dict of int to object
        What the last expression of each code cell gave, by the cell's place.
    texts : dict of str to str
        What each expression of the prose was written as, by its `text_key`.
    """

    notebook: NotebookNode
    values: dict[int, object]
    texts: dict[str, str]

    def tagged(self, tag: str) -> str:
        """Join the cells with a tag as Markdown: prose as it reads, values by `to_markdown`."""
        parts = []
        for index, cell in enumerate(self.notebook.cells):
            if tag not in cell.metadata.get("tags", []):
                continue
            if cell.cell_type == "markdown":
                parts.append(cell.source)
            elif (text := self.markdown(index)) is not None:
                parts.append(text)
        return "\n\n".join(parts)

    def markdown(self, index: int) -> str | None:
        """Return what the value of a code cell reads as in a document, None where it does not."""
        value: Any = self.values.get(index)
        return str(value.to_markdown()) if hasattr(value, "to_markdown") else None


def text_key(run: int, expression: str) -> str:
    """Name an expression of the prose below the first `run` code cells."""
    return f"{run} {expression}"


def execute(source: Path) -> Executed:
    """Execute a notebook's source in this process, as IPython does, and write its prose.

    Notebooks of one build share what this process has computed already: a study remembers its
    results. Each gets a namespace of its own, an empty working folder and default settings of
    Matplotlib. After a code cell, the expressions of the prose below it are evaluated in the same
    namespace (see `prose.render`).

    Parameters
    ----------
    source : Path
        A ``.py`` file in jupytext's percent format.

    Returns
    -------
    Executed

    Raises
    ------
    NotebookError
        If a cell raises, an expression in the prose cannot be written, a claim fails or would not
        be checked, a study that the build shares is changed in place, or an output holds a memory
        address, a warning, a traceback or anything on standard error.
    """
    notebook = read_source(source)
    values: dict[int, object] = {}
    texts: dict[str, str] = {}
    failed: list[str] = []
    changed_in_build()  # What others did before is none of this notebook's.
    with _shell() as shell:

        def write(expression: str) -> str:
            text = prose.evaluate(expression, shell.user_ns)
            texts[text_key(shell.number, expression)] = text
            return text

        for index, cell in enumerate(notebook.cells):
            place = f"{source.name}, {_place(cell, index)}"
            if cell.cell_type == "markdown":
                try:
                    cell.source = prose.render(cell.source, write)
                except prose.ProseError as error:
                    raise NotebookError(f"{place}: {error}") from None
            elif cell.cell_type == "code":
                cell.outputs, values[index], raised = shell.run(cell.source)
                cell.execution_count = shell.number
                if raised is not None:
                    raise NotebookError(f"{place}: {type(raised).__name__}: {raised}") from raised
                lines, unchecked = _claims_in(cell.source)
                failed += [
                    f"{place}, line {line}: claims(...) must be the last expression of its cell "
                    "and hold every claim(...): nothing else is checked"
                    for line in unchecked
                ]
                if isinstance(value := values[index], Claims):
                    failed += [
                        f"{place}, line {lines.get(c.sentence, 1)}: no longer holds: {c.sentence}"
                        for c in value.failed
                    ]
    if changed := changed_in_build():
        failed.append(
            f"{source.name} changes its study in place ({', '.join(changed)}), and so what "
            "everything else of the build computes: change study.copy()"
        )
    if found := failed + [f"{source.name}, {problem}" for problem in unfit(notebook)]:
        raise NotebookError("\n".join(found))
    return Executed(notebook, values, texts)


def _claims_in(code: str) -> tuple[dict[str, int], list[int]]:
    """Find the line of each claim of a cell by its sentence, and of those that no build checks."""
    from IPython.core.inputtransformer2 import TransformerManager

    plain = TransformerManager().transform_cell(code)  # type: ignore[no-untyped-call]
    tree = ast.parse(plain)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    stated = [call for call in calls if _called(call) in ("claim", "claims")]
    lines = {
        str(call.args[0].value): call.lineno
        for call in stated
        if call.args and isinstance(call.args[0], ast.Constant)
    }
    last = tree.body[-1] if tree.body else None
    shown = last.value if isinstance(last, ast.Expr) and not code.rstrip().endswith(";") else None
    whole = isinstance(shown, ast.Call) and _called(shown) == "claims"
    checked = set(ast.walk(shown)) if shown and whole else set()
    return lines, sorted({call.lineno for call in stated if call not in checked})


def _called(call: ast.Call) -> str:
    """Name of the function that is called, without what it is an attribute of."""
    return ast.unparse(call.func).split(".")[-1]


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    print(f"{category.__name__}: {message}", file=sys.stderr)


@contextmanager
def _shell() -> Iterator[Any]:
    """Start a shell that collects what cells show; leave nothing behind of what they set."""
    import matplotlib as mpl
    import pandas as pd
    from matplotlib import pyplot as plt
    from traitlets.config import Config

    from chainpolicy.build.shell import NotebookShell

    config = Config()
    config.HistoryManager.enabled = False
    before, backend = Path.cwd(), mpl.get_backend()
    # Whole tables, as Jupyter shows them: where pandas finds no kernel it cuts them to a terminal.
    whole = pd.option_context("display.max_columns", 20, "display.width", 160)
    with (
        tempfile.TemporaryDirectory(prefix="chainpolicy-") as folder,
        mpl.rc_context(),
        whole,
        warnings.catch_warnings(),
    ):
        mpl.rcdefaults()
        # A reader would see them: they are refused with what else is on standard error.
        warnings.simplefilter("default")
        warnings.showwarning = _show_warning
        os.chdir(folder)
        shell = NotebookShell.instance(config=config)
        try:
            plt.switch_backend("agg")
            # A figure left open by what ran before would be shown by the first cell.
            plt.close("all")
            yield shell
        finally:
            plt.close("all")
            NotebookShell.clear_instance()
            plt.switch_backend(backend)
            os.chdir(before)


def unfit(notebook: NotebookNode) -> list[str]:
    """List outputs that no reader should see.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook.

    Returns
    -------
    list of str
        One line per memory address, warning, traceback, text on standard error or tagged PNG,
        each naming its cell; empty if there is none.
    """
    found = []
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            place = _place(cell, index)
            found += [f"{place}: the output holds {problem}" for problem in _unfit_output(output)]
    return found


def _unfit_output(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "error":
        yield f"a traceback ({output.ename}: {output.evalue})"
        return
    if output.output_type == "stream":
        if output.name == "stderr":
            yield f'text on standard error ("{output.text.strip().splitlines()[0]}")'
            return
        texts = [output.text]
    else:
        texts = [text for kind, text in output.data.items() if kind.startswith("text/")]
        if "image/png" in output.data:
            with Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))) as image:
                tags = sorted({"Software", "Creation Time", "date:create"} & set(image.info))
            if tags:
                yield f"a PNG with the tag {', '.join(tags)}"
    for pattern, problem in _UNWANTED.items():
        if any(re.search(pattern, text) for text in texts):
            yield problem


def read(path: Path) -> NotebookNode:
    """Read an executed notebook.

    Parameters
    ----------
    path : Path
        An ``.ipynb`` file.

    Returns
    -------
    NotebookNode
        The notebook, lines joined.

    Raises
    ------
    NotebookError
        If the file is not a notebook of format 4.
    """
    import nbformat
    from nbformat.warnings import MissingIDFieldWarning

    try:
        notebook: NotebookNode = nbformat.v4.reads(path.read_text(encoding="utf-8"))
        with warnings.catch_warnings():
            # A cell without an id is a difference to report, not a reason to warn.
            warnings.simplefilter("ignore", MissingIDFieldWarning)
            nbformat.validate(notebook)
    except (ValueError, KeyError, AttributeError, nbformat.ValidationError):
        raise NotebookError(f"{path.name}: not a readable notebook") from None
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook as sorted JSON with a line feed at the end.

    Parameters
    ----------
    notebook : NotebookNode
        The notebook.
    path : Path
        Where to write it.
    """
    import nbformat

    path.write_text(nbformat.writes(notebook, version=4) + "\n", encoding="utf-8", newline="\n")


def differences(
    built: NotebookNode, committed: NotebookNode, pixel_share: float = PIXEL_SHARE
) -> list[str]:
    """Compare an executed notebook with the committed copy.

    Sources, metadata and text outputs are compared exactly, PNG outputs by their pixels.

    Parameters
    ----------
    built, committed : NotebookNode
        The notebook as it comes out now, and as it was kept.
    pixel_share : float, default 0.001
        Largest share of pixels of a figure that may be off by more than 8/255.

    Returns
    -------
    list of str
        What differs, one line per cell or output; empty if nothing does.
    """
    if len(built.cells) != len(committed.cells):
        return [f"{len(committed.cells)} cells, now {len(built.cells)}"]
    found = [] if built.metadata == committed.metadata else ["the metadata differ"]
    for index, (new, old) in enumerate(zip(built.cells, committed.cells, strict=True)):
        place = _place(new, index)
        new_outputs, old_outputs = new.get("outputs", []), old.get("outputs", [])
        if new.source != old.source:
            found.append(f"{place}: the source differs")
        elif _without(new, "outputs") != _without(old, "outputs"):
            found.append(f"{place}: its kind, id or number differs")
        elif len(new_outputs) != len(old_outputs):
            found.append(f"{place}: {len(old_outputs)} outputs, now {len(new_outputs)}")
        else:
            for new_output, old_output in zip(new_outputs, old_outputs, strict=True):
                found += [
                    f"{place}: {problem}"
                    for problem in _output_differences(new_output, old_output, pixel_share)
                ]
    return found


def _output_differences(new: NotebookNode, old: NotebookNode, share: float) -> Iterator[str]:
    new_data, old_data = dict(new.get("data", {})), dict(old.get("data", {}))
    new_png, old_png = new_data.pop("image/png", None), old_data.pop("image/png", None)
    if _without(new, "data") != _without(old, "data") or new_data != old_data:
        yield "the text output differs"
    if (new_png is None) != (old_png is None):
        yield "a figure is missing or extra"
    elif new_png is not None and old_png is not None:
        problem = png_difference(base64.b64decode(new_png), base64.b64decode(old_png), share)
        if problem:
            yield f"the figure differs, {problem}"


def png_difference(built: bytes, committed: bytes, share: float = PIXEL_SHARE) -> str | None:
    """Compare two PNG files by their pixels.

    Parameters
    ----------
    built, committed : bytes
        The figure as it comes out now, and as it was kept.
    share : float, default 0.001
        Largest share of pixels that may be off by more than 8/255 in any channel.

    Returns
    -------
    str or None
        What differs, or None.
    """
    try:
        new, old = _pixels(built), _pixels(committed)
    except (UnidentifiedImageError, OSError, SyntaxError):
        return "not a readable PNG file"
    if new.shape != old.shape:
        return f"{old.shape[1]} x {old.shape[0]} pixels, now {new.shape[1]} x {new.shape[0]}"
    off = float((np.abs(new - old).max(axis=2) > PIXEL_STEP).mean())
    return f"{off:.2%} of the pixels" if off > share else None


def _pixels(png: bytes) -> NDArray[np.int16]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGBA"), dtype=np.int16)


def _without(node: NotebookNode, key: str) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != key}


def _place(cell: NotebookNode, index: int) -> str:
    first = next((line.strip() for line in cell.source.splitlines() if line.strip()), "empty")
    return f"cell {index + 1} ({first if len(first) <= 60 else first[:57] + '...'})"
