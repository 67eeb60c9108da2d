"""The IPython shell in which a build runs the cells of its notebooks."""

from __future__ import annotations

import io
from base64 import b64encode
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import nbformat.v4
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from matplotlib import pyplot as plt
from nbformat import NotebookNode


class _Publisher(DisplayPublisher):
    """Collects what a cell displays."""

    def publish(self, data: Any, metadata: Any = None, *_: Any, **__: Any) -> None:
        shell: Any = self.shell
        shell.show("display_data", data, metadata)


class _Hook(DisplayHook):
    """Collects the value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        """Write no prompt."""

    def write_format_data(
        self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None
    ) -> None:
        shell: Any = self.shell
        shell.show("execute_result", format_dict, md_dict, execution_count=shell.number)

    def finish_displayhook(self) -> None:
        """Write no line end."""

    def flush(self) -> None:
        """Keep no cache of values, so that there is none to collect with the whole heap."""


class NotebookShell(InteractiveShell):
    """A shell without a terminal: its output is a list of notebook outputs."""

    displayhook_class = _Hook
    display_pub_class = _Publisher

    number = 0  # of the running cell
    _outputs: list[NotebookNode]

    def run(self, source: str) -> tuple[list[NotebookNode], object, BaseException | None]:
        """Run a cell.

        Returns
        -------
        outputs : list of NotebookNode
        value : object
            Of the last expression, None without one.
        error : BaseException or None
            What the cell raised.
        """
        self.number += 1
        self._outputs = []
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            result = self.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
            self._show_figures()
        streams = [
            nbformat.v4.new_output("stream", name=name, text=stream.getvalue())
            for name, stream in (("stdout", out), ("stderr", err))
            if stream.getvalue()
        ]
        error = result.error_before_exec or result.error_in_exec
        return [*streams, *self._outputs], result.result, error

    def show(self, kind: str, data: dict[str, Any], metadata: Any, **more: Any) -> None:
        """Add an output to those of the running cell, pictures as text."""
        encoded = {
            mime: b64encode(value).decode() if isinstance(value, bytes) else value
            for mime, value in data.items()
        }
        self._outputs.append(
            nbformat.v4.new_output(kind, data=encoded, metadata=metadata or {}, **more)
        )

    def _show_figures(self) -> None:
        """Show the figures that a cell has drawn with pyplot, as Jupyter does, and close them."""
        for number in plt.get_fignums():
            buffer = io.BytesIO()
            plt.figure(number).savefig(
                buffer, format="png", bbox_inches="tight", metadata={"Software": None}
            )
            self.show("display_data", {"image/png": buffer.getvalue()}, None)
        plt.close("all")

    def _showtraceback(self, *_: Any) -> None:
        """Print nothing: who runs the cell reports the error."""
