"""Each module imports only from those above it in the order in which the data flow."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import chainpolicy
from statements import statements

PACKAGE = Path(chainpolicy.__file__).parent
ORDER = [
    *["typeset", "eventstudy", "study", "prices", "checks", "estimators", "article"],
    *["tables", "figures", "build", "cli"],
]
EVENTSTUDY = [
    *[
        "threads",
        "panel",
        "normal",
        "abnormal",
        "inference",
        "bands",
        "display",
        "pooling",
        "results",
    ],
    *["diagnostics", "batch", "ordinary", "counterfactual", "estimator"],
]
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "studies" not in path.parts)


def part(path: Path) -> str:
    """Module or subpackage of chainpolicy that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imported(source: str, name: str) -> list[str]:
    """Dotted names that a module called `name` imports, also inside functions.

    ``from a import b`` gives ``a.b``: b may be a module.
    """
    found = []
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = name.split(".")[: -node.level]
                base = ".".join([*above, base] if base else above)
            found += [f"{base}.{alias.name}" for alias in node.names]
    return found


def offences(source: str, name: str, above: list[str], root: str) -> list[str]:
    """Imports of `root` or anything in it whose next part is not in `above`."""
    return [
        dotted
        for dotted in imported(source, name)
        if f"{dotted}.".startswith(f"{root}.")
        and dotted.removeprefix(root).lstrip(".").partition(".")[0] not in above
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_from_above(path: Path) -> None:
    own = part(path)
    dotted = ".".join(["chainpolicy", *path.relative_to(PACKAGE).with_suffix("").parts])
    source = path.read_text(encoding="utf-8")
    if own == "__init__":
        # The package offers what it holds, but hangs from neither commands nor notebooks.
        allowed = ORDER[: ORDER.index("build")]
    elif own == "__main__":
        allowed = ["cli"]
    else:
        assert own in ORDER, f"{own} has no place in the order: give it one"
        # A subpackage may import from itself; the package's own name, for its files, is no module.
        allowed = ORDER[: ORDER.index(own)] + ([own] if path.parent != PACKAGE else [])
    assert offences(source, dotted, [*allowed, ""], "chainpolicy") == []


@pytest.mark.parametrize("name", [*EVENTSTUDY, "__init__"])
def test_the_event_study_stands_alone_and_in_order(name: str) -> None:
    source = (PACKAGE / "eventstudy" / f"{name}.py").read_text(encoding="utf-8")
    above = EVENTSTUDY if name == "__init__" else EVENTSTUDY[: EVENTSTUDY.index(name)]
    dotted = f"chainpolicy.eventstudy.{name}"
    assert offences(source, dotted, above, "chainpolicy.eventstudy") == []
    assert offences(source, dotted, ["eventstudy"], "chainpolicy") == []


def test_every_file_of_the_event_study_has_its_place() -> None:
    files = {path.stem for path in (PACKAGE / "eventstudy").glob("*.py")}
    assert files == {*EVENTSTUDY, "__init__"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import chainpolicy.cli", ["chainpolicy.cli"]),
        ("from chainpolicy import cli", ["chainpolicy.cli"]),
        ("from chainpolicy.cli import main", ["chainpolicy.cli.main"]),
        ("def f():\n    from chainpolicy.study import Study", ["chainpolicy.study.Study"]),
        ("try:\n    x\nexcept X:\n    import chainpolicy.cli", ["chainpolicy.cli"]),
        (
            "match x:\n    case 1:\n        if x:\n            import chainpolicy.cli",
            ["chainpolicy.cli"],
        ),
        ("from . import study", ["chainpolicy.study"]),
        ("from .study import Study", ["chainpolicy.study.Study"]),
        ("import chainpolicy_other", []),
        ("from chainpolicy.typeset import prose", []),
    ],
)
def test_an_import_from_below_is_found(source: str, found: list[str]) -> None:
    assert offences(source, "chainpolicy.events", ["typeset", ""], "chainpolicy") == found
