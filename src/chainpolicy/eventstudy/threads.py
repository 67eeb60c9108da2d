"""Products of matrices in one thread: with several their last digits are left to chance."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the numerical libraries compute in one thread, and leave them as they were.

    Around products of matrices and what else they compute; also as a decorator.
    """
    # SciPy brings a library of its own, which can be told when it has been loaded.
    with _controller("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas"):
        yield


@cache
def _controller(scipy: bool) -> ThreadpoolController:  # noqa: ARG001
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
