"""Jobs are run once each, by as many processes as there are cores, and what goes wrong is said."""

import os
import signal
import time

import pytest

from chainpolicy.build import workers
from chainpolicy.build.workers import cores, run_jobs


@pytest.fixture
def notes(tmp_path):
    (tmp_path / "notes").mkdir()
    return tmp_path / "notes"


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_job_is_done_once_with_what_was_computed_before(tmp_path, notes, workers):
    computed = {"answer": 42}

    def job(number: int):
        def write() -> None:
            with (tmp_path / f"{number}.txt").open("a") as file:
                file.write(f"{computed['answer']} {os.getpid()}\n")

        return write

    assert run_jobs([job(number) for number in range(20)], notes, workers) == []
    lines = [(tmp_path / f"{number}.txt").read_text().split() for number in range(20)]
    assert all(answer == "42" for answer, _ in lines)
    processes = {process for _, process in lines}
    assert len(processes) <= workers
    assert (str(os.getpid()) in processes) == (workers == 1)


@pytest.mark.skipif(not workers.FORKS, reason="no process can be forked safely here")
def test_one_job_runs_aside_of_who_looks(tmp_path, notes):
    looked = []

    def job() -> None:
        while not (tmp_path / "looked").exists():
            time.sleep(0.001)

    def look() -> None:
        looked.append(os.getpid())
        (tmp_path / "looked").touch()

    assert run_jobs([job], notes, 1, look, aside=True) == []
    assert set(looked) == {os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
def test_failures_come_back_in_the_order_of_the_jobs_and_stop_no_other(tmp_path, notes, workers):
    def fails(text: str):
        def job() -> None:
            raise ValueError(text)

        return job

    jobs = [fails("first"), (tmp_path / "done").touch, fails("last")]
    assert [str(error) for error in run_jobs(jobs, notes, workers)] == ["first", "last"]
    assert (tmp_path / "done").exists()


def test_a_killed_process_is_said(notes):
    with pytest.raises(ChildProcessError, match="ended by SIGKILL; is there too little memory"):
        run_jobs([lambda: os.kill(os.getpid(), signal.SIGKILL)] * 2, notes, 2)
    with pytest.raises(ChildProcessError, match="No child processes"):
        os.waitpid(-1, os.WNOHANG)


def test_an_interrupted_build_leaves_no_process(notes):
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs([lambda: time.sleep(600)] * 2, notes, 2, interrupt)
    with pytest.raises(ChildProcessError, match="No child processes"):
        os.waitpid(-1, os.WNOHANG)


def test_a_process_that_leaves_early_is_said(notes):
    with pytest.raises(ChildProcessError, match="ended before its work was done"):
        run_jobs([lambda: os._exit(3)] * 2, notes, 2)


def test_there_is_a_core():
    assert cores() >= 1
