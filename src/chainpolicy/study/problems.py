"""Located problems in a user's files, reported all at once.

A reader appends what is wrong with a file to `problems` and leaves out what it is about; `name` is
what the problems call the file, by default its name without its folder.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

MOST_SHOWN = 50


@dataclass(frozen=True)
class Problem:
    """One problem in one place of a user's file.

    Parameters
    ----------
    file : str
        Name of the file as its owner knows it, relative to the study folder.
    expected : str
        What was expected there and, where it is not plain, what to do; reads on from the
        word "expected".
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
        if self.value is None:
            return _printable(f"{place}: expected {self.expected}")
        found = f'"{_shorten(self.value)}"' if self.value else "a blank"
        return _printable(f"{place}: found {found}; expected {self.expected}")


class InputError(Exception):
    """The user's input cannot be used; holds every problem found in it, in reading order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            lines.append(f"... and {len(self.problems) - MOST_SHOWN:,} more problems")
        return "\n".join(lines)


@contextmanager
def collecting() -> Iterator[list[Problem]]:
    """Gather the problems of one piece of work; raise them together, in reading order."""
    problems: list[Problem] = []
    yield problems
    if problems:
        raise InputError(in_reading_order(problems))


def in_reading_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort problems by line, file by file, and keep the first of each cell.

    Given in the order of discovery: what was found first in a cell is what is wrong with it. Files
    come in the order of their first problem, problems of a whole file before its lines.
    """
    cells: dict[object, Problem] = {}
    for problem in problems:
        located = problem.line is not None and problem.column is not None
        cells.setdefault(
            (problem.file, problem.line, problem.column) if located else problem, problem
        )
    files = {problem.file: None for problem in cells.values()}
    rank = {file: position for position, file in enumerate(files)}
    return sorted(cells.values(), key=lambda found: (rank[found.file], found.line or 0))


def _shorten(value: str) -> str:
    return value if len(value) <= 80 else value[:77] + "..."


def _printable(text: str) -> str:
    """Escape what a terminal would act on or not show, and nothing else."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def require_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse, with ValueError, a word that is none of those that an argument can be."""
    if value not in choices:
        named = ", ".join(f'"{choice}"' for choice in choices)
        raise ValueError(f"{name} is one of {named}, not {value!r}")


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Guess which known name a misspelt word was to be; `likeness`, 0 to 1, is the least needed."""
    spellings = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), list(spellings), n=1, cutoff=likeness)
    return spellings[close[0]] if close else None


def did_you_mean(
    word: str, known: Iterable[str], stand_for: Mapping[str, str] | None = None
) -> str:
    """End an expectation with the known name nearest to a word, with nothing if none is near.

    Of names that stand for others, such as a city for its calendar, the other is named.
    """
    near = nearest(word, known)
    return f'; did you mean "{(stand_for or {}).get(near, near)}"?' if near else ""


def irregular(path: Path) -> str | None:
    """Say what was expected where a path leads to something that is no file with an end.

    A named pipe waits for a writer, a device never ends: they are not opened. None for a regular
    file, and for what whoever opens it will report better.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    kinds = {
        "a folder": stat.S_ISDIR,
        "a named pipe": stat.S_ISFIFO,
        "a device": lambda bits: stat.S_ISCHR(bits) or stat.S_ISBLK(bits),
        "a socket": stat.S_ISSOCK,
    }
    found = next((kind for kind, is_one in kinds.items() if is_one(mode)), None)
    return None if found is None else f"a regular file; this is {found}"
