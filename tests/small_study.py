"""The example study with one event and two windows: every product, in a fraction of the time."""

from __future__ import annotations

from pathlib import Path

from chainpolicy.study import new_study

WINDOWS = "car_windows = [[0, 0], [0, 1], [-1, 1], [0, 5]]"


def small_study(folder: Path) -> Path:
    """Write the example study without all but its first event, over two of its windows."""
    new_study(folder)
    head, first, *_ = (folder / "events.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    settings = (folder / "study.toml").read_text(encoding="utf-8")
    if not first.startswith("rule-announced,") or settings.count(WINDOWS) != 1:
        raise ValueError("the example study has another first event or other windows")
    (folder / "events.csv").write_text(head + first, encoding="utf-8")
    (folder / "study.toml").write_text(
        settings.replace(WINDOWS, "car_windows = [[0, 0], [0, 1]]"), encoding="utf-8"
    )
    return folder
