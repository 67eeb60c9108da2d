"""Results of a study that several figures and sentences share, computed once."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

from chainpolicy.eventstudy import EventStudyResults
from chainpolicy.eventstudy.results import Window
from chainpolicy.study.study import Study

P = ParamSpec("P")
R = TypeVar("R")

MOST_KEPT = 8


def once(compute: Callable[P, R]) -> Callable[P, R]:
    """Keep what a function of a study returns, and hand out copies of it."""
    kept = lru_cache(maxsize=MOST_KEPT)(compute)

    @wraps(compute)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> R:
        return deepcopy(kept(*args, **kwargs))  # type: ignore[arg-type]

    return remembered


@lru_cache(maxsize=MOST_KEPT)
def ordinary_sessions(study: Study, window: Window) -> EventStudyResults:
    """Estimate every ordinary session as if it were an event, see `EventStudy.placebo`."""
    return study.event_study().placebo(window)
