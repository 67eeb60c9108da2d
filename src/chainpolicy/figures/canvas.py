"""What all drawings of a study share: its style, a settled layout, labels and notes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, cast

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, FixedLocator

from chainpolicy.figures.style import (
    QUIET,
    GroupStyle,
    StudyFigure,
    group_styles,
    in_style,
    shorten_all,
    undrawable,
)
from chainpolicy.study import Study
from chainpolicy.study.events import dimension_of, stance_columns
from chainpolicy.study.remember import remembered

Drawn = tuple[StudyFigure, pd.DataFrame]
P = ParamSpec("P")

# Characters of a line as wide as a figure.
LONGEST_NOTE = 120


def study_figure(draw: Callable[P, Drawn]) -> Callable[P, Drawn]:
    """Draw in the study's style, whatever the user's.

    The study is the first argument of what is decorated, by position. A study keeps its figures:
    files and notebooks of one build show the same drawing.
    """

    @remembered
    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Drawn:
        study = cast("Study", args[0])
        # Before the style is set, because it names the fonts.
        undrawable(texts_of(study))
        with in_style():
            figure, frame = draw(*args, **kwargs)
            _settle(figure)
        return figure, frame

    return styled


def _settle(figure: Figure) -> None:
    """Make ticks and layout now, and keep them wherever and however often it is shown."""
    layout = figure.get_layout_engine()
    if layout:
        # The slowest part of a drawing: it measures every text, twice.
        layout.execute(figure)
    # With a placeholder of an engine each file would be drawn twice.
    figure.set_layout_engine(None)
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if isinstance(axis.get_major_locator(), AutoLocator):
                axis.set_major_locator(FixedLocator(axis.get_majorticklocs().tolist()))


def group_looks(study: Study) -> dict[str, GroupStyle]:
    """Give every group of a study its look."""
    return group_styles(study.groups.tolist(), study.labels)


def asset_counts(n_assets: pd.Series) -> str:
    """Write how many assets the points of a path rest on."""
    if n_assets.empty:
        return "N = 0"
    fewest, most = n_assets.min(), n_assets.max()
    return f"N = {most}" if fewest == most else f"N = {fewest}–{most}"


def column_labels(looks: dict[str, GroupStyle], groups: list[str]) -> dict[str, str]:
    """Fit the labels of groups above one of several columns each."""
    labels = shorten_all([looks[group].label for group in groups], max(6, 80 // len(groups)))
    return dict(zip(groups, labels, strict=True))


def frame_event_rows(axes: Sequence[Axes], labels: Sequence[str]) -> None:
    """Give each event a row with a faint line in every column, and its label before the first."""
    for ax in axes:
        ax.hlines(range(len(labels)), 0, 1, transform=ax.get_yaxis_transform(), color="#EDEDED",
                  linewidth=0.5, zorder=0)  # fmt: skip
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0, left=False)
    axes[0].set_ylim(len(labels) - 0.5, -0.5)
    axes[0].set_yticks(range(len(labels)), labels, fontsize=6.5)


def texts_of(study: Study) -> list[str]:
    """Everything of a study that its figures may show."""
    return [
        study.title,
        *study.labels.values(),
        *study.assets[["ticker", "name", "group"]].to_numpy(str).ravel(),
        *study.events[["event_id", "name"]].to_numpy(str).ravel(),
        *map(dimension_of, stance_columns(study.events)),
    ]


def annotate(figure: Figure, note: str) -> None:
    """Say on the figure what it leaves out."""
    if note:
        lines = textwrap.fill(note, LONGEST_NOTE)
        figure.suptitle(lines, fontsize=6.5, color=QUIET, ha="right", x=0.99)
