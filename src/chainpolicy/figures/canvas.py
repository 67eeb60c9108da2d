"""What all drawings of a study share: its style, a settled layout, labels and notes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, FixedLocator

from chainpolicy.figures.selection import NothingToDrawError
from chainpolicy.figures.style import (
    QUIET,
    WIDTH,
    GroupStyle,
    StudyFigure,
    group_styles,
    in_style,
    shorten,
)
from chainpolicy.study import Study

Drawn = tuple[StudyFigure, pd.DataFrame]
Draw = Callable[[Study], Drawn]


def study_figure(draw: Draw) -> Draw:
    """Draw in the study's style, whatever the user's; say so where there is nothing to draw."""

    @wraps(draw)
    def styled(study: Study) -> Drawn:
        with in_style():
            try:
                figure, frame = draw(study)
            except NothingToDrawError as missing:
                figure, frame = _message(str(missing)), pd.DataFrame({"note": [str(missing)]})
            _settle(figure)
        return figure, frame

    return styled


def _settle(figure: Figure) -> None:
    """Make ticks and layout now, and keep them wherever and however often it is shown."""
    layout = figure.get_layout_engine()
    if layout:
        # Which ticks there are depends on the layout, and the layout on the ticks.
        layout.execute(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if isinstance(axis.get_major_locator(), AutoLocator):
                axis.set_major_locator(FixedLocator(axis.get_majorticklocs().tolist()))


def _message(text: str) -> StudyFigure:
    figure = StudyFigure(figsize=(WIDTH, 1.4))
    ax = figure.subplots()
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, ha="center", va="center", color=QUIET, wrap=True)
    return figure


def group_looks(study: Study) -> dict[str, GroupStyle]:
    """Give every group of a study its look."""
    return group_styles(study.groups.tolist(), study.labels)


def asset_counts(n_assets: pd.Series) -> str:
    """Write how many assets the points of a path rest on."""
    if n_assets.empty:
        return "N = 0"
    fewest, most = n_assets.min(), n_assets.max()
    return f"N = {most}" if fewest == most else f"N = {fewest}–{most}"


def column_label(look: GroupStyle, groups: list[str]) -> str:
    """Fit a group's label above one of several columns."""
    return shorten(look.label, max(6, 80 // len(groups)))


def annotate(figure: Figure, note: str) -> None:
    """Say on the figure what it leaves out."""
    if note:
        figure.suptitle(note, fontsize=6.5, color=QUIET, ha="right", x=0.99)
