"""Prose with values in it: ``{{ expression }}`` in a text becomes its value, written by a filter.

An expression is one of Jinja2's; it sees the names of a notebook and the filters of `numbers`. A
float needs a filter that says how it is written. Whatever goes wrong names the expression and its
line, so that no text with a hole leaves the build.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

from jinja2 import Environment, StrictUndefined, Undefined

from chainpolicy.typeset import numbers

_EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
# Braces may close twice in a formula, and code shows what it likes.
_VERBATIM = re.compile(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", re.DOTALL)
_LEFT_OVER = re.compile(r"\{\{|\}\}|\{%")

_FILTERS = {
    "percent": numbers.percent,
    "share": numbers.share,
    "interval": numbers.interval,
    "number": numbers.number,
    "count": numbers.count,
    "p": numbers.p,
    "day": numbers.day,
}
_environment = Environment(undefined=StrictUndefined, autoescape=False)
_environment.filters.update(_FILTERS)


class ProseError(Exception):
    """An expression of a text cannot be written; says which, in which line, and why."""


def render(text: str, write: Callable[[str], str]) -> str:
    """Put values into a Markdown text with expressions between double braces.

    Parameters
    ----------
    text : str
    write : callable
        Takes an expression, its spaces single, and returns what it reads as; see `evaluate`.

    Raises
    ------
    ProseError
        If `write` raises, or double braces stand alone.
    """

    def value_of(match: re.Match[str]) -> str:
        expression = " ".join(match[1].split())
        try:
            return write(expression)
        except Exception as error:
            line = text.count("\n", 0, match.start()) + 1
            raise ProseError(f"line {line}, {{{{ {expression} }}}}: {error}") from None

    # With blanks in place of what is read, places stay where they are.
    blank = _VERBATIM.sub(_blank, _EXPRESSION.sub(_blank, text))
    if left := _LEFT_OVER.search(blank):
        line = text.count("\n", 0, left.start()) + 1
        raise ProseError(f"line {line}: {left[0]} without its other half")
    return _EXPRESSION.sub(value_of, text)


def as_words(text: str) -> str:
    """Write a text for prose so that its own braces are no expression.

    >>> render(as_words("{{ 1 }} {% x %}"), lambda expression: evaluate(expression, {}))
    '{{ 1 }} {% x %}'
    """
    return re.sub(r"[{}]", lambda brace: f'{{{{ "{brace[0]}" }}}}', text)


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def evaluate(expression: str, names: Mapping[str, Any]) -> str:
    """Evaluate an expression of the prose and write its value.

    Raises
    ------
    Exception
        If the expression cannot be read or evaluated, or its value is a float without a filter, not
        finite, blank or nothing that reads as text.
    """
    value = _environment.compile_expression(expression, undefined_to_none=False)(**names)
    if isinstance(value, Undefined):
        str(value)  # raises, and says what is missing
    return _written(value)


def _written(value: object) -> str:
    if isinstance(value, str) and value.strip():
        if numbers.says_no_number(value):
            raise numbers.NotFiniteError(f"{value!r} holds a number that is missing or not finite")
        return value
    if isinstance(value, Integral) and not isinstance(value, bool):
        return numbers.count(int(value))
    if isinstance(value, Real):
        raise TypeError(
            f"{value!r} needs a filter that says how it is written: " + ", ".join(sorted(_FILTERS))
        )
    raise TypeError(f"{value!r} does not read as text")
