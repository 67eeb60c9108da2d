"""The figure of what a response owes to the yardstick it is measured against."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from chainpolicy.checks import ladder
from chainpolicy.eventstudy import window_label
from chainpolicy.figures.canvas import Drawn, annotate, group_looks, study_figure
from chainpolicy.figures.selection import (
    NothingToDrawError,
    estimated_events,
    event_title,
    headline_cells,
    shown_groups,
)
from chainpolicy.figures.style import (
    INK,
    QUIET,
    WIDTH,
    GroupStyle,
    StudyFigure,
    percent_ticks,
    return_label,
    shorten_all,
)
from chainpolicy.study import Study
from chainpolicy.typeset.numbers import typeset

# Columns that a page has room for.
MOST_WINDOWS = 5
# Heights of a row of the page, in inches: of one rung, and of what is around them.
_RUNG, _AROUND = 0.135, 0.42


@study_figure
def draw_counterfactual_ladder(study: Study) -> Drawn:
    """Draw the CAAR of the headline event on every rung, window by window.

    Frame: the columns of `checks.ladder` for the groups with more than one rung, and ``event_id``.
    """
    _, merged = estimated_events(study)
    event_id, cells = headline_cells(study, merged)
    table = ladder(study, event_id)
    several = table.groupby("group")["rung"].transform("nunique") > 1
    table = table[several & table["group"].isin(cells["group"])]
    groups, note = shown_groups(study, table["group"].drop_duplicates().tolist())
    if not groups:
        raise NothingToDrawError("No group has a second yardstick: an index, or donors.")
    windows = [window_label(window) for window in study.car_windows[:MOST_WINDOWS]]
    if len(study.car_windows) > MOST_WINDOWS:
        left_out = f"first {MOST_WINDOWS} of {len(study.car_windows)} windows shown"
        note = "; ".join(filter(None, [note, left_out]))
    table = table[table["group"].isin(groups) & table["window"].isin(windows)]
    looks = group_looks(study)
    counts = [table.loc[table["group"] == group, "rung"].nunique() for group in groups]
    heights = [_AROUND + _RUNG * count for count in counts]
    figure = StudyFigure(figsize=(WIDTH, 0.8 + sum(heights)), layout="constrained")
    axes = figure.subplots(
        len(groups), len(windows), sharey="row", sharex="row", squeeze=False,
        gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    for group, row in zip(groups, axes, strict=True):
        own = table[table["group"] == group]
        titles = own.drop_duplicates("rung")["title"].tolist()
        for window, ax in zip(windows, row, strict=True):
            _plot_rungs(own[own["window"] == window], titles, ax, looks[group])
        row[0].set_yticks(range(len(titles)), shorten_all(titles, 26), fontsize=6)
        row[0].set_ylim(len(titles) - 0.4, -0.6)
        row[0].set_title(looks[group].label, fontsize=7, loc="left")
    for window, ax in zip(windows, axes[0], strict=True):
        ax.annotate(
            typeset(window), (0.5, 1.0), xytext=(0, 16), xycoords="axes fraction", ha="center",
            textcoords="offset points", fontsize=7,
        )  # fmt: skip
    label = return_label("CAAR", study.kind)
    figure.supxlabel(f"{label}, at\n{event_title(study, event_id)}")
    figure.legend(handles=_handles(), loc="outside upper right", ncols=3)
    annotate(figure, note)
    return figure, table.assign(event_id=event_id).reset_index(drop=True)


def _plot_rungs(table: pd.DataFrame, titles: list[str], ax: Axes, look: GroupStyle) -> None:
    ax.axvline(0, color=INK, linewidth=0.6)
    place = table["title"].map({title: row for row, title in enumerate(titles)})
    ax.hlines(place, table["band_lower"], table["band_upper"], color=look.color, linewidth=0.7,
              alpha=0.6)  # fmt: skip
    ax.hlines(place, table["lower"], table["upper"], color=look.color, linewidth=1.8)
    for row, caar, chosen in zip(place, table["caar"], table["chosen"], strict=True):
        ax.plot(caar, row, look.marker, color=look.color, markersize=4.2,
                markerfacecolor=look.color if chosen else "white")  # fmt: skip
    percent_ticks(ax.xaxis)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
    ax.tick_params(axis="x", labelsize=6)
    ax.tick_params(axis="y", length=0, left=False)
    ax.spines["left"].set_visible(False)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=QUIET, marker="o", markersize=4.2, markerfacecolor=QUIET,
               linewidth=1.8, label="95 % interval; filled: chosen by the rule"),
        Line2D([], [], color=QUIET, marker="o", markersize=4.2, markerfacecolor="white",
               linewidth=1.8, label="another rung"),
        Line2D([], [], color=QUIET, linewidth=0.7, alpha=0.6, label="sup-t band"),
    ]  # fmt: skip
