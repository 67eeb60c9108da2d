"""What a person at a terminal sees while a command is at work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

REFRESH = 0.1  # seconds


@contextmanager
def at_work(what: str) -> Iterator[None]:
    """Say on a terminal what is running, and for how long, until it is done.

    Nothing is left of it: neither a line, nor a thread that a process forked later would lack.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    # Nothing is printed meanwhile, and standard output stays the user's own.
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        progress.add_task(what, total=None)
        done = Event()

        def turn() -> None:
            while not done.wait(REFRESH):
                progress.refresh()

        turning = Thread(target=turn, daemon=True)
        turning.start()
        try:
            yield
        finally:
            done.set()
            turning.join()
