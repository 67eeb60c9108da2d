"""A study: its folder is read and checked, what is wrong is named, the rest becomes a `Study`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainpolicy.study.study import (
        Study,
        changed_in_build,
        load_study,
        new_study,
        read_once,
    )

__all__ = ["Study", "changed_in_build", "load_study", "new_study", "read_once"]


def __getattr__(name: str) -> Any:
    # Imported when first used: whoever reports a problem need not wait for pandas.
    if name in __all__:
        from chainpolicy.study import study

        return getattr(study, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
