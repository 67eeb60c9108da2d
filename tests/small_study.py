"""The example study with one event and two windows: every product, in a fraction of the time.

And builds of some products, or studies of some groups, for what does not depend on which there are.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from chainpolicy.build import documents, regenerate
from chainpolicy.figures import canvas, style
from chainpolicy.figures.style import png_bytes
from chainpolicy.study import Study, new_study
from chainpolicy.study.assets import BENCHMARK

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


def blank_pictures(patch: pytest.MonkeyPatch) -> None:
    """Let every picture be laid out by nobody and be the same: rendering is half of a build."""
    blank = png_bytes(Figure(), dpi=20)
    patch.setattr(style, "png_bytes", lambda figure, dpi=None: blank)
    patch.setattr(documents, "vector_bytes", lambda figure, kind: b"<svg/>")
    patch.setattr(canvas, "_settle", lambda figure: None)


def only(study: Study, groups: Collection[str]) -> Study:
    """Return the study with some of its groups, and their benchmarks."""
    assets = study.assets[study.assets["group"].isin([*groups, BENCHMARK])]
    return study.with_prices(study.prices[study.prices["ticker"].isin(assets["ticker"])], assets)
