"""What the source of a notebook may hold: prose, with a little code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from chainpolicy.build.notebooks import read_source

_PATH = re.compile(r"^(~|\.{0,2}/)|\.(csv|toml|png|txt|json|parquet|ipynb|py)$")


def lint(source: Path) -> list[str]:
    """List what is wrong: not one H1 that is a question; cells that define, or name a file."""
    notebook = read_source(source)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    titles = re.findall(r"^# (.+)$", prose, flags=re.MULTILINE)
    found = []
    if len(titles) != 1 or not titles[0].rstrip().endswith("?"):
        found.append(f"{source.name}: expected exactly one H1, a question; found {titles}")
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            place = f"{source.name}, cell {index + 1} ({cell.source.partition(chr(10))[0]})"
            found += [f"{place}: {problem}" for problem in _lint_code(cell.source)]
    return found


def _lint_code(code: str) -> Iterator[str]:
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except SyntaxError as error:
        yield f"not plain Python ({error.msg})"
        return
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield f"defines {node.name}; definitions belong in the package"
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and _PATH.search(node.value)
        ):
            yield f'names a file, "{node.value}"; paths belong in the study folder'
