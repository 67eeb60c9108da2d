"""Event study of Chinese blockchain policy, and the library under it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainpolicy.study import Study, load_study
    from chainpolicy.typeset.claims import claim, claims

__all__ = ["Study", "claim", "claims", "load_study"]


def __getattr__(name: str) -> Any:
    # Imported when first used: pandas takes seconds, which `chainpolicy --help` need not wait for.
    if name in __all__:
        room = "chainpolicy.typeset.claims" if name.startswith("claim") else "chainpolicy.study"
        return getattr(import_module(room), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
