"""A study beside a loopback server that has its prices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chainpolicy.prices import yahoo
from chainpolicy.study import new_study
from small_study import small_study
from yahoo_server import LoopbackSession, YahooServer, forget, listings_of, serving


@pytest.fixture
def running(tmp_path, monkeypatch, template, same_code, one_process) -> Iterator[YahooServer]:
    """Has the prices of the template."""
    forget()
    with serving() as server:
        server.listings = listings_of(template.prices, template.assets)
        monkeypatch.setattr(yahoo, "RecordingSession", lambda: LoopbackSession(server.address))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        yield server
    forget()


@pytest.fixture
def server(running, tmp_path) -> YahooServer:
    """Has the prices of the study in ``mine/study``, the template."""
    new_study(tmp_path / "mine" / "study")
    return running


@pytest.fixture
def small(running, tmp_path) -> Path:
    """The same study with one event and two windows, in its place."""
    return small_study(tmp_path / "mine" / "study")
