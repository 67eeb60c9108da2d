"""Located problems in a user's files, reported all at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MOST_SHOWN = 50


@dataclass(frozen=True)
class Problem:
    """One problem in one place of a user's file.

    Parameters
    ----------
    file : str
        Name of the file as its owner knows it, relative to the study folder.
    expected : str
        What was expected there and, where it is not plain, what to do.
    line : int, optional
        Physical line of the file; the header is line 1.
    column : str, optional
        Column of a table, or dotted key of a TOML file.
    value : str, optional
        What was found.
    """

    file: str
    expected: str
    line: int | None = None
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f", line {self.line}"
        if self.column is not None:
            place += f", {self.column}"
        found = "" if self.value is None else f'found "{_shorten(self.value)}"; '
        return f"{place}: {found}{self.expected}"


class InputError(Exception):
    """The user's input cannot be used; holds every problem found in it.

    Parameters
    ----------
    problems : iterable of Problem
        In the order in which they are to be read.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            lines.append(f"... and {len(self.problems) - MOST_SHOWN:,} more problems")
        return "\n".join(lines)


def _shorten(value: str, width: int = 80) -> str:
    printable = value.encode("unicode_escape").decode("ascii") if not value.isprintable() else value
    return printable if len(printable) <= width else printable[: width - 3] + "..."
