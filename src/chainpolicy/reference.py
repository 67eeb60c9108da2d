"""Docstrings of a package -> one page of Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from types import FunctionType, ModuleType
from typing import Any

LISTED = ("Parameters", "Attributes", "Returns", "Raises")


def api_page(package: ModuleType, modules: Iterable[ModuleType]) -> str:
    r"""Write the docstrings of a package's public names as Markdown.

    Parameters
    ----------
    package : module
        Its docstring opens the page.
    modules : iterable of module
        In the order of the page; of each the public classes and functions it defines, of a class
        its public methods and properties, in the order of the source.

    Returns
    -------
    str
        Formulas are fenced as ``math``, examples as ``pycon``.
    """
    modules = tuple(modules)
    parts = [f"# {package.__name__}\n\nWritten from the docstrings by `chainpolicy regenerate`."]
    parts.append(markdown(inspect.getdoc(package) or ""))
    contents = []
    for module in modules:
        names = [f"[`{name}`](#{name.lower()})" for name, _ in _defined(module)]
        contents.append(f"- `{module.__name__.rpartition('.')[2]}`: {', '.join(names)}")
    parts.append("\n".join(["**Contents**", "", *contents]))
    for module in modules:
        parts += [f"## {module.__name__}", markdown(inspect.getdoc(module) or "")]
        for name, member in _defined(module):
            parts += [f"### {name}", *_entry(name, member)]
            if inspect.isclass(member):
                for inner, value in _members(member):
                    parts += [f"#### {name}.{inner}", *_entry(inner, value)]
    return "\n\n".join(parts) + "\n"


def _defined(module: ModuleType) -> list[tuple[str, Any]]:
    return [
        (name, member)
        for name, member in vars(module).items()
        if not name.startswith("_")
        and isinstance(member, type | FunctionType)
        and member.__module__ == module.__name__
    ]


def _members(owner: type) -> list[tuple[str, Any]]:
    return [
        (name, member)
        for name, member in vars(owner).items()
        if not name.startswith("_")
        and isinstance(member, FunctionType | property | cached_property)
    ]


def _entry(name: str, member: Any) -> Iterator[str]:
    if callable(member):
        signature = inspect.signature(member)
        # A class that is made by other classes has private fields, and no use for a signature.
        if not any(parameter.startswith("_") for parameter in signature.parameters):
            shown = signature.replace(
                parameters=[
                    parameter.replace(annotation=_bare(parameter.annotation))
                    for parameter in signature.parameters.values()
                ],
                return_annotation=_bare(signature.return_annotation),
            )
            yield f"```python\n{name}{shown}\n```"
    yield markdown(inspect.getdoc(member) or "")


class _Bare(str):
    """An annotation that shows without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _bare(annotation: Any) -> Any:
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def markdown(docstring: str) -> str:
    r"""Turn a numpydoc docstring into Markdown.

    Parameters
    ----------
    docstring : str
        Without indentation, as `inspect.getdoc` returns it.

    Returns
    -------
    str

    Examples
    --------
    >>> print(markdown("The mean.\n\n.. math:: m = s / n\n\nReturns\n-------\nfloat\n    m."))
    The mean.
    <BLANKLINE>
    ```math
    m = s / n
    ```
    <BLANKLINE>
    **Returns**
    <BLANKLINE>
    - float: m.
    """
    lines = docstring.splitlines()
    written: list[str] = []
    section = ""
    while lines:
        line = lines.pop(0)
        if lines and re.fullmatch("-{3,}", lines[0]):
            lines.pop(0)
            section = line
            written += [f"**{section}**", ""]
        elif line.lstrip().startswith(".. math::"):
            formula = [line.partition("::")[2].strip()]
            while lines and lines[0].startswith(" " * (len(line) - len(line.lstrip()) + 1)):
                formula.append(lines.pop(0).strip())
            written += ["```math", *filter(None, formula), "```"]
        elif line.startswith(">>>"):
            example = [line]
            while lines and lines[0]:
                example.append(lines.pop(0))
            written += ["```pycon", *example, "```"]
        elif section in LISTED and line and not line.startswith(" "):
            described = []
            while lines and (lines[0].startswith(" ") or (not lines[0] and _goes_on(lines))):
                described.append(lines.pop(0).strip())
            name, colon, kind = line.partition(" : ")
            term = f"`{name}` ({kind})" if colon else line
            text = " ".join(filter(None, described))
            written.append(_inline(f"- {term}: {text}" if text else f"- {term}"))
        else:
            written.append(_inline(line))
    return "\n".join(written).strip()


def _goes_on(lines: list[str]) -> bool:
    return len(lines) > 1 and lines[1].startswith(" ")


def _inline(text: str) -> str:
    return re.sub(r":math:`([^`]*)`", r"$`\1`$", text)
