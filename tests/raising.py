"""A reader that raises what is wrong with its file, as a study does when all is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from chainpolicy.study.problems import collecting


def raising(read: Callable[..., Any]) -> Callable[..., Any]:
    def read_or_raise(path: Path, *args: object, **kwargs: object) -> Any:
        with collecting() as problems:
            return read(path, problems, *args, **kwargs)

    return read_or_raise
