"""The example study with one event and two windows: every product, in a fraction of the time.

And builds of some products, for what does not depend on which there are.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from chainpolicy.build import regenerate
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


def build_less(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let builds make five figures, and the first part of the notebook, which shows them."""
    first, part, _ = regenerate.STUDY_NOTEBOOK.read_text(encoding="utf-8").partition("<if policy>")
    figures = [figure for figure in regenerate.FIGURES if f'show("{figure.name}"' in first]
    if not part or len(figures) != 5:
        raise ValueError("the notebook begins with other figures or has other parts")
    notebook = folder / "first_part.py.txt"
    notebook.write_text(first, encoding="utf-8")
    patch.setattr(regenerate, "STUDY_NOTEBOOK", notebook)
    patch.setattr(regenerate, "FIGURES", figures)
