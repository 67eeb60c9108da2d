"""Processes of their own for tests: forked, since all that they need is imported already.

A fork copies the memory of all tests before it: beyond some twenty an import takes less.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def fork(task: Callable[[], int | None]) -> int:
    """Begin a task in a process of its own, which ends with it; return the number of the process.

    What the task returns is the status. Nothing that it uses may be in use here at this moment: to
    SQLite a file that is locked here is locked by both.
    """
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        status = task() or 0
    except BaseException:
        traceback.print_exc()
    finally:
        # No clean-up of what belongs to the parent.
        os._exit(status)


def end_of(child: int) -> int:
    """Wait for the end of a process; return its status, negative if a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill(child: int) -> int:
    """End a process at once; return its status, that of its own end if it came first."""
    os.kill(child, signal.SIGKILL)
    return end_of(child)
