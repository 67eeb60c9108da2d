"""Products of matrices in one thread: with several their last digits are left to chance."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import current_thread, main_thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the numerical libraries compute in one thread, and leave them as they were.

    Around products of matrices and what else they compute; also as a decorator. Only in the main
    thread of Python: what another one tells OpenBLAS may have no effect, and two that overlap would
    not know what to restore.
    """
    if current_thread() is not main_thread():
        yield
        return
    # SciPy brings a library of its own, which can be told when it has been loaded.
    with _libraries("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries(scipy: bool) -> ThreadpoolController:  # noqa: ARG001
    """Find what is loaded, once without SciPy and once with it: that takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
