"""Notebook kernels forked from one process that has imported everything already.

A kernel of its own imports pandas, scipy, matplotlib and this package for seconds before its first
cell runs, as often as there are notebooks. Here one process, the nursery, does that once
(``python -P -m chainpolicy.build.kernels``) and forks a child per notebook, which becomes an ordinary
ipykernel: its own process, session, working directory, environment and output. The nursery reads
requests from its standard input and answers on its standard output, one line of JSON each:
``["start", {...}] -> pid`` and ``["poll", pid] -> exit code or null``; it ends with its input and
takes its kernels along.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_client.manager import KernelManager
    from jupyter_client.provisioning.local_provisioner import LocalProvisioner

# Not Matplotlib's inline backend, which looks for the kernel it belongs to when it is imported.
IMPORTED = (
    "ipykernel.kernelapp",
    "matplotlib.font_manager",
    "chainpolicy.findings",
    "chainpolicy.figures",
)


class Nursery:
    """The process that kernels are forked from.

    Parameters
    ----------
    env : mapping of str to str
        Its environment; what libraries read when they are imported counts for every kernel.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "chainpolicy.build.kernels"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(env),
            text=True,
            start_new_session=True,
        )
        atexit.register(self.close)

    def ask(self, *request: object) -> Any:
        """Send a request and return the answer.

        Raises
        ------
        RuntimeError
            If the nursery does not live.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            try:
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
                answer = self._process.stdout.readline()
            except (OSError, ValueError):
                # Its end was closed: by itself, or by `close`.
                answer = ""
        if not answer:
            raise RuntimeError("the process that starts kernels has ended")
        return json.loads(answer)

    def close(self) -> None:
        """End the nursery and all kernels that still run."""
        atexit.unregister(self.close)
        with contextlib.suppress(OSError):
            self._process.communicate()


class Kernel:
    """A forked kernel, with the methods of `subprocess.Popen` that Jupyter uses."""

    stdin = stdout = stderr = None

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self._code: int | None = None
        self.pid = pid

    def poll(self) -> int | None:
        """Return the exit code, None while the kernel runs."""
        if self._code is None:
            self._code = self._nursery.ask("poll", self.pid)
        return self._code

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        while (code := self.poll()) is None:
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the kernel."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)


def provisioner(manager: KernelManager, nursery: Nursery, log: str) -> LocalProvisioner:
    """Make a manager's kernel one of the nursery's.

    Parameters
    ----------
    manager : KernelManager
    nursery : Nursery
    log : str
        File that gets what the kernel's process writes to standard error.

    Returns
    -------
    LocalProvisioner
        For the manager's attribute of this name.
    """
    from jupyter_client.provisioning.local_provisioner import LocalProvisioner

    class ForkedProvisioner(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
            del cmd
            told = {"file": manager.connection_file, "log": log}
            pid = nursery.ask("start", {**told, "cwd": kwargs["cwd"], "env": kwargs["env"]})
            self.process = Kernel(nursery, pid)  # type: ignore[assignment]
            # The kernel leads a process group of its own.
            self.pid = self.pgid = pid
            return self.connection_info

    return ForkedProvisioner(
        kernel_id=manager.kernel_id, kernel_spec=manager.kernel_spec, parent=manager
    )


def serve() -> None:
    """Be the nursery: import, then fork kernels until the input ends."""
    for name in IMPORTED:
        importlib.import_module(name)
    calendars = importlib.import_module("chainpolicy.study.sessions")
    for calendar in calendars.CALENDARS:
        calendars.sessions(calendar, "2019-01-01", "2019-01-31")
    # The only other thread is that of pyarrow's allocator, which itself provides for a fork.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    children = set()
    for line in sys.stdin:
        word, told = json.loads(line)
        if word == "start":
            pid = os.fork()
            if pid == 0:
                be_kernel(**told)
            children.add(pid)
            answer: int | None = pid
        else:
            ended, status = os.waitpid(told, os.WNOHANG)
            children.discard(ended)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        print(json.dumps(answer), flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def be_kernel(file: str, log: str, cwd: str, env: Mapping[str, str]) -> None:
    """Turn this process into an ipykernel that outlives neither its cells nor the nursery."""
    from ipykernel.kernelapp import IPKernelApp

    nursery = os.getppid()
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    code = 1
    try:
        IPKernelApp.launch_instance(["-f", file, f"--IPKernelApp.parent_handle={nursery}"])
        code = 0
    finally:
        sys.stderr.flush()
        # What the nursery does at its own end is not the kernel's to do.
        os._exit(code)


if __name__ == "__main__":
    serve()
