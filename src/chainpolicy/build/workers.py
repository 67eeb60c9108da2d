"""Jobs on several cores: forked processes, each of which has what was computed before."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

LOOK = 0.05  # seconds between two looks at what is done
# macOS has fork, but its own libraries do not survive one.
FORKS = hasattr(os, "sched_getaffinity")


def cores() -> int:
    """How many processes may run at once; one where a process cannot be forked safely."""
    return len(os.sched_getaffinity(0)) if FORKS else 1


def run_jobs(
    jobs: Sequence[Callable[[], None]],
    folder: Path,
    workers: int,
    look: Callable[[], None] = lambda: None,
    *,
    aside: bool = False,
) -> list[Exception]:
    """Run every job once, each in the next process that is free.

    A job's results are what it writes to the disk. A process that outlives its parent ends with
    the jobs that are left.

    Parameters
    ----------
    jobs : sequence of callable
        In the order in which they are begun.
    folder : Path
        Empty, for notes about who does what.
    workers : int
        Processes; with one, the jobs run in this one.
    look : callable, optional
        Called again and again while processes run, or after each job in this one.
    aside : bool, default False
        Fork even one process, where that is safe, so that this one can look.

    Returns
    -------
    list of Exception
        What jobs raised, in their order.

    Raises
    ------
    ChildProcessError
        If a process came to a sudden end.
    """
    if workers == 1 and not (aside and FORKS):
        _work(jobs, folder, look)
    else:
        _fork(jobs, folder, workers, look)
    failures = (folder / f"{number}.failed" for number in range(len(jobs)))
    return [pickle.loads(note.read_bytes()) for note in failures if note.exists()]


def _work(
    jobs: Sequence[Callable[[], None]], folder: Path, look: Callable[[], None] = lambda: None
) -> None:
    """Take one job after the other that nobody has taken."""
    for number, job in enumerate(jobs):
        try:
            (folder / f"{number}.taken").touch(exist_ok=False)
        except FileExistsError:
            continue
        try:
            job()
        except Exception as error:
            # A copy has no traceback of its own.
            error.add_note(traceback.format_exc())
            (folder / f"{number}.failed").write_bytes(pickle.dumps(error))
        look()


def _fork(
    jobs: Sequence[Callable[[], None]], folder: Path, workers: int, look: Callable[[], None]
) -> None:
    running: set[int] = set()
    # What was computed before stays: no collection of a process has to look through it again.
    gc.freeze()
    try:
        for _ in range(workers):
            if child := os.fork():
                running.add(child)
            else:
                status = 1
                try:
                    _work(jobs, folder)
                    status = 0
                finally:
                    # No clean-up of what belongs to the parent.
                    os._exit(status)
        while running:
            look()
            time.sleep(LOOK)
            for child in tuple(running):
                ended, status = os.waitpid(child, os.WNOHANG)
                if ended:
                    running.remove(child)
                    if status:
                        raise ChildProcessError(_said(status))
    finally:
        for child in running:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
        gc.unfreeze()


def _said(status: int) -> str:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return f"a process that builds was ended by {name}; is there too little memory?"
    return "a process that builds ended before its work was done"
