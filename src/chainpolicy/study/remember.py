"""A study remembers what was computed from it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import pandas as pd

P = ParamSpec("P")
R = TypeVar("R")


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
        kept: dict[Any, Any] = study.kept
        key = (compute.__module__, compute.__qualname__, *rest)
        if key not in kept:
            kept[key] = compute(*args, **kwargs)
        value: Any = kept[key]
        copied: Any = value.copy() if isinstance(value, pd.DataFrame | pd.Series) else value
        return cast("R", copied)

    return recall
