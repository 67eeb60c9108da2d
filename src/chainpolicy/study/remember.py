"""A study remembers what was computed from it."""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import pandas as pd

from chainpolicy.eventstudy.threads import one_thread

# Whatever else is remembered cannot be changed.
COPIED = (pd.DataFrame, pd.Series, dict)

P = ParamSpec("P")
R = TypeVar("R")


class Memory:
    """What was computed from a study.

    Attributes
    ----------
    folder : Path or None
        Where the processes of one build leave tables to each other. It lives as long as the build:
        nothing in it is of other data or other code.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._kept: dict[Any, Any] = {}

    def recall(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what is kept under a key, or compute it and keep it."""
        if key not in self._kept:
            path = self._path(key)
            if path is not None and path.is_file():
                self._kept[key] = pickle.loads(path.read_bytes())
            else:
                with one_thread():
                    self._kept[key] = compute()
                self._share(self._kept[key], path)
        return self._kept[key]

    def _path(self, key: Any) -> Path | None:
        if self.folder is None:
            return None
        # Pickled, because what a key is called may hold the address of an object.
        return self.folder / hashlib.sha256(pickle.dumps(key)).hexdigest()

    @staticmethod
    def _share(value: Any, path: Path | None) -> None:
        if path is not None and isinstance(value, COPIED):
            own = path.with_suffix(f".{os.getpid()}")
            own.write_bytes(pickle.dumps(value))
            own.replace(path)


def remembered(compute: Callable[P, R]) -> Callable[P, R]:
    """Keep what a function of a study returns with the study, for as long as there is one.

    The other arguments must be hashable. A table is handed out as a copy, so that a caller who
    changes it changes nobody else's.
    """
    signature = inspect.signature(compute)

    @wraps(compute)
    def recall(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        study, *rest = bound.arguments.values()
        kept: Memory = study.kept
        key = (compute.__module__, compute.__qualname__, *rest)
        value = kept.recall(key, lambda: compute(*args, **kwargs))
        copied: Any = value.copy() if isinstance(value, COPIED) else value
        return cast("R", copied)

    return recall
