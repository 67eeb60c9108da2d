"""Event study of Chinese blockchain policy, and the library under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainpolicy.study import Study, load_study

__all__ = ["Study", "load_study"]


def __getattr__(name: str) -> Any:
    # Imported when first used: pandas takes seconds, which `chainpolicy --help` need not wait for.
    if name in __all__:
        from chainpolicy import study

        return getattr(study, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
