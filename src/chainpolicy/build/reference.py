"""Docstrings of a package -> one page of Markdown."""

from __future__ import annotations

import inspect
import itertools
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
        Formulas are fenced as ``math``, examples as ``pycon``. Those with a number,
        ``\tag{1}``, are listed with the names that hold them and their references.
    """
    modules = tuple(modules)
    parts = [f"# {package.__name__}\n\nWritten from the docstrings by `chainpolicy regenerate`."]
    parts.append(markdown(inspect.getdoc(package) or ""))
    contents = []
    for module in modules:
        names = [f"[`{name}`](#{name.lower()})" for name, _ in _defined(module)]
        contents.append(f"- `{module.__name__.rpartition('.')[2]}`: {', '.join(names)}")
    parts.append("\n".join(["**Contents**", "", *contents]))
    equations: dict[int, str] = {}
    for module in modules:
        for title, _, member in _documented(module):
            docstring = inspect.getdoc(member) or ""
            row = f"[`{title}`](#{title.lower().replace('.', '')}) | {_sources(docstring)}"
            equations |= dict.fromkeys(equation_numbers(docstring), row)
    if equations:
        table = ["**Equations**", "", "| Eq. | Name | References |", "|---|---|---|"]
        table += [f"| {number} | {equations[number]} |" for number in sorted(equations)]
        parts.append("\n".join(table))
    for module in modules:
        parts += [f"## {module.__name__}", markdown(inspect.getdoc(module) or "")]
        for title, name, member in _documented(module):
            heading = "###" if title == name else "####"
            parts += [f"{heading} {title}", *_entry(name, member)]
    return "\n\n".join(parts) + "\n"


def equation_numbers(docstring: str) -> list[int]:
    r"""Numbers of the displayed formulas of a docstring.

    Returns
    -------
    list of int

    Examples
    --------
    >>> equation_numbers(r".. math:: m = s / n \tag{4}")
    [4]
    """
    return [int(number) for number in re.findall(r"\\tag\{(\d+)\}", docstring)]


def _sources(docstring: str) -> str:
    """List the references of a docstring on one line, without journals and pages."""
    lines = markdown(docstring).partition("**References**")[2].lstrip("\n").splitlines()
    items = list(itertools.takewhile(lambda line: line.startswith("- "), lines))
    return "; ".join(_short(item.removeprefix("- ").rstrip(".")) for item in items)


def _short(reference: str) -> str:
    """Keep authors, year and what of the source is meant: its equations, pages or section."""
    authors = reference.partition(")")[0] + ")"
    place = re.search(r"\b(?:eq|pp?)\. .*|\bsection .*", reference)
    return f"{authors}, {place[0]}" if place else authors


def _documented(module: ModuleType) -> Iterator[tuple[str, str, Any]]:
    """Yield heading, name and object of all that a module documents."""
    for name, member in _defined(module):
        yield name, name, member
        if inspect.isclass(member):
            for inner, value in _members(member):
                yield f"{name}.{inner}", inner, value


def _defined(module: ModuleType) -> list[tuple[str, Any]]:
    return [
        (name, member)
        for name, member in vars(module).items()
        if not name.startswith("_")
        and isinstance(member, type | FunctionType)
        and member.__module__ == module.__name__
    ]


def _members(owner: type) -> list[tuple[str, Any]]:
    # What a class has from one without an entry of its own stands with it.
    unseen = [base for base in owner.__mro__ if base.__name__.startswith("_")]
    members = dict(vars(owner))
    for base in unseen:
        members |= {name: value for name, value in vars(base).items() if name not in members}
    return [
        (name, member)
        for name, member in members.items()
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
            formula = line.partition("::")[2].strip()
            indent = len(line) - len(line.lstrip())
            rest = _take_indented(lines, indent + 1)
            written += ["```math", *filter(None, [formula, *rest]), "```"]
        elif line.startswith(">>>"):
            example = [line, *itertools.takewhile(bool, lines)]
            del lines[: len(example) - 1]
            written += ["```pycon", *example, "```"]
        elif section == "References" and line:
            written.append(_inline(f"- {' '.join([line, *_take_indented(lines)])}"))
        elif section in LISTED and line and not line.startswith(" "):
            described = _take_indented(lines, paragraphs=True)
            written.append(_inline(_listed(line, " ".join(filter(None, described)))))
        else:
            written.append(_inline(line))
    return "\n".join(written).strip()


def _take_indented(lines: list[str], least: int = 1, *, paragraphs: bool = False) -> list[str]:
    """Take the lines that are indented off the front, if asked for over blank lines too."""
    taken = []
    while lines and (lines[0].startswith(" " * least) or (paragraphs and _goes_on(lines))):
        taken.append(lines.pop(0).strip())
    return taken


def _listed(line: str, description: str) -> str:
    name, colon, kind = line.partition(" : ")
    term = f"`{name}` ({kind})" if colon else line
    return f"- {term}: {description}" if description else f"- {term}"


def _goes_on(lines: list[str]) -> bool:
    return not lines[0] and len(lines) > 1 and lines[1].startswith(" ")


def _inline(text: str) -> str:
    return re.sub(r":math:`([^`]*)`", r"$`\1`$", text)
