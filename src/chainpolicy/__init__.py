"""Event studies of announcements: a study folder, or frames, in; abnormal returns and tests out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainpolicy.eventstudy import (
        ConstantMean,
        Dimson,
        EstimationWindow,
        EventStudy,
        EventStudyResults,
        MarketAdjusted,
        MarketModel,
        PooledEffects,
        ScholesWilliams,
        SingleIndexModel,
    )
    from chainpolicy.study import Study, load_study, new_study
    from chainpolicy.study.problems import InputError
    from chainpolicy.typeset.claims import claim, claims

__all__ = [
    "ConstantMean",
    "Dimson",
    "EstimationWindow",
    "EventStudy",
    "EventStudyResults",
    "InputError",
    "MarketAdjusted",
    "MarketModel",
    "PooledEffects",
    "ScholesWilliams",
    "SingleIndexModel",
    "Study",
    "claim",
    "claims",
    "load_study",
    "new_study",
]

_ROOMS = dict.fromkeys(__all__, "chainpolicy.eventstudy") | {
    "InputError": "chainpolicy.study.problems",
    "Study": "chainpolicy.study",
    "load_study": "chainpolicy.study",
    "new_study": "chainpolicy.study",
    "claim": "chainpolicy.typeset.claims",
    "claims": "chainpolicy.typeset.claims",
}


def __getattr__(name: str) -> Any:
    # Imported when first used: pandas takes seconds, which `chainpolicy --help` need not wait for.
    if name in _ROOMS:
        return getattr(import_module(_ROOMS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
