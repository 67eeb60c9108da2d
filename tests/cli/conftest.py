"""A study beside a loopback server that has its prices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chainpolicy.prices import yahoo
from chainpolicy.study import new_study
from yahoo_server import LoopbackSession, YahooServer, forget, listings_of, serving


@pytest.fixture
def server(tmp_path, monkeypatch, template, same_code) -> Iterator[YahooServer]:
    """Has the prices of the study in ``mine/study``, the template."""
    new_study(tmp_path / "mine" / "study")
    forget()
    with serving() as running:
        running.listings = listings_of(template.prices, template.assets)
        monkeypatch.setattr(yahoo, "RecordingSession", lambda: LoopbackSession(running.address))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        yield running
    forget()


@pytest.fixture
def small(server, tmp_path) -> Path:
    """The same study with one event and two windows: every product, in a fraction of the time."""
    folder = tmp_path / "mine" / "study"
    events = (folder / "events.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    assert events[1].startswith("rule-announced,")
    (folder / "events.csv").write_text("".join(events[:2]), encoding="utf-8")
    text = (folder / "study.toml").read_text(encoding="utf-8")
    windows = "car_windows = [[0, 0], [0, 1], [-1, 1], [0, 5]]"
    assert windows in text
    (folder / "study.toml").write_text(
        text.replace(windows, "car_windows = [[0, 0], [0, 1]]"), encoding="utf-8"
    )
    return folder
