"""What is said on a terminal while a command is at work."""

from __future__ import annotations

import os
import select
import sys
import threading

import pytest

from chainpolicy.typeset.terminal import at_work


def test_a_terminal_is_told_again_and_again_and_no_thread_is_left(monkeypatch):
    threads = threading.enumerate()
    ours, theirs = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with at_work("estimating"):
            shown = ""
            while shown.count("estimating") < 3:
                # A limit there only so that a hang ends.
                assert select.select([ours], [], [], 60)[0]
                shown += os.read(ours, 1024).decode()
    os.close(ours)
    assert "0:00:0" in shown
    assert threading.enumerate() == threads


def test_an_error_passes_and_no_thread_is_left(monkeypatch):
    threads = threading.enumerate()
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with pytest.raises(ValueError, match="not today"), at_work("estimating"):
            raise ValueError("not today")
    os.close(ours)
    assert threading.enumerate() == threads


def test_a_file_gets_no_line(capsys):
    with at_work("estimating"):
        pass
    assert capsys.readouterr() == ("", "")
