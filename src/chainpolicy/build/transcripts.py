"""What running a notebook gave: as long as its code is the same, its prose is written from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainpolicy.build.notebooks import Executed, read_source, text_key
from chainpolicy.typeset import prose

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True)
class Transcript:
    """A run, as it is kept in a file.

    Attributes
    ----------
    digest : str
        Of the code that was run.
    outputs : list of list of dict
        Of each code cell.
    markdown : list of str or None
        What the value of each code cell reads as in a document that shows it.
    texts : dict of str to str
        What expressions of the prose were written as, by `Executed.texts`.
    """

    digest: str
    outputs: list[list[dict[str, Any]]]
    markdown: list[str | None]
    texts: dict[str, str]


@dataclass(frozen=True)
class _Kept:
    """A value of which only the text is left."""

    text: str

    def to_markdown(self) -> str:
        return self.text


def record(executed: Executed, shown: Mapping[int, str], path: Path) -> None:
    """Keep a run in a file.

    Parameters
    ----------
    executed : Executed
    shown : mapping of int to str
        What values of code cells read as in a document, by the cell's place.
    path : Path
        Where to write it; its folder is made.
    """
    cells = [(n, cell) for n, cell in enumerate(executed.notebook.cells) if _is_code(cell)]
    kept = Transcript(
        digest=_digest(executed.notebook),
        outputs=[cell.outputs for _, cell in cells],
        markdown=[shown.get(n) for n, _ in cells],
        texts=executed.texts,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(kept), sort_keys=True) + "\n", encoding="utf-8")


def recite(source: Path, path: Path) -> Executed | None:
    """Write a notebook anew from its last run, which must have been on the same data.

    Parameters
    ----------
    source : Path
        A ``.py`` file in jupytext's percent format.
    path : Path
        What `record` wrote.

    Returns
    -------
    Executed or None
        None if the run was of other code, or the prose asks for what was not written then: the
        notebook must be run.
    """
    from nbformat import from_dict

    try:
        kept = Transcript(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    notebook = read_source(source)
    if kept.digest != _digest(notebook):
        return None
    values: dict[int, object] = {}
    run = 0
    for index, cell in enumerate(notebook.cells):
        if _is_code(cell):
            cell.outputs = [from_dict(output) for output in kept.outputs[run]]
            if (text := kept.markdown[run]) is not None:
                values[index] = _Kept(text)
            run += 1
            cell.execution_count = run
        elif cell.cell_type == "markdown":
            try:
                cell.source = prose.render(cell.source, partial(_look_up, kept.texts, run))
            except prose.ProseError:
                return None
    return Executed(notebook, values, kept.texts)


def _look_up(texts: dict[str, str], run: int, expression: str) -> str:
    return texts[text_key(run, expression)]


def _is_code(cell: NotebookNode) -> bool:
    return bool(cell.cell_type == "code")


def _digest(notebook: NotebookNode) -> str:
    """Hash the code cells with their tags."""
    code = [[cell.source, cell.metadata.get("tags")] for cell in notebook.cells if _is_code(cell)]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()
