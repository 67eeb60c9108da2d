"""Figures of what a response owes to choices and to single assets."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from chainpolicy.checks import CHOICES, leave_one_out, specification_curve
from chainpolicy.checks.ladder import SIZE_RUNGS
from chainpolicy.eventstudy import MODELS, window_label
from chainpolicy.figures.canvas import Drawn, annotate, column_labels, group_looks, study_figure
from chainpolicy.figures.selection import (
    NothingToDrawError,
    estimated_events,
    event_title,
    headline_cells,
    leading_window,
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
    shorten,
)
from chainpolicy.study import Study
from chainpolicy.typeset.numbers import typeset

# How the figure names a choice and its values.
_NAMES = {
    "estimation": {"study": "study's window", "event": "event's window"},
    "mask": {True: "events masked", False: "nothing masked"},
    "kind": {"log": "log return", "simple": "simple return"},
}


@study_figure
def draw_specification_curve(study: Study) -> Drawn:
    """Draw the CAAR of the headline event under every combination of choices, smallest first.

    Frame: the columns of `robustness.specification_curve` over the headline window, and
    ``event_id, place`` (from the left).
    """
    _, merged = estimated_events(study)
    event_id, cells = headline_cells(study, merged)
    window = leading_window(study)
    table = specification_curve(study, event_id, study.car_windows)
    table = table[table["window"] == window_label(window)]
    groups, note = shown_groups(study, [g for g in cells["group"] if (table["group"] == g).any()])
    if not groups:
        raise NothingToDrawError(f"No group has a complete window {window_label(window)}.")
    table = table[table["group"].isin(groups)]
    rows = [(choice, value) for choice in CHOICES for value in table[choice].unique()]
    table = table.sort_values(["group", "caar"], kind="stable")
    table["place"] = table.groupby("group").cumcount()
    looks = group_looks(study)
    figure = StudyFigure(figsize=(WIDTH, 2.6 + 0.13 * len(rows)), layout="constrained")
    axes = figure.subplots(
        2, len(groups), sharex="col", sharey="row", squeeze=False,
        gridspec_kw={"height_ratios": [2.0, 0.13 * len(rows)]},
    )  # fmt: skip
    for group, (above, below) in zip(groups, axes.T, strict=True):
        own = table[table["group"] == group]
        _plot_curve(own, above, looks[group])
        _plot_choices(own, below, rows)
        above.set_title(f"{column_labels(looks, groups)[group]}\n{len(own)} ways", fontsize=7)
    percent_ticks(axes[0, 0].yaxis)
    axes[0, 0].set_ylabel(return_label("CAAR", study.kind))
    axes[1, 0].set_yticks(range(len(rows)), [_name(*row) for row in rows], fontsize=6)
    axes[1, 0].set_ylim(len(rows) - 0.5, -0.5)
    figure.supxlabel(
        typeset(f"ways to estimate CAAR{window_label(window)}")
        + f", sorted, at\n{event_title(study, event_id)}"
    )
    handles = [
        Line2D([], [], color=QUIET, marker="o", markersize=2.2, label="CAAR with 95 % interval"),
        Line2D([], [], color=INK, linewidth=0.8, linestyle=":", label="the study's own choices"),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    annotate(figure, note)
    columns = ["group", "window", "place", *CHOICES, "n_assets", "caar", "lower", "upper"]
    frame = table[[*columns, "p_value", "chosen"]].assign(event_id=event_id)
    return figure, frame.reset_index(drop=True)


def _plot_curve(table: pd.DataFrame, ax: Axes, look: GroupStyle) -> None:
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.vlines(table["place"], table["lower"], table["upper"], color=look.color, alpha=0.35,
              linewidth=0.8)  # fmt: skip
    ax.plot(table["place"], table["caar"], "o", color=look.color, markersize=1.6)
    for place in table.loc[table["chosen"], "place"]:
        ax.axvline(place, color=INK, linewidth=0.8, linestyle=":")
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.tick_params(axis="x", length=0, bottom=False, labelbottom=False)


def _plot_choices(table: pd.DataFrame, ax: Axes, rows: list[tuple[str, object]]) -> None:
    for row, (choice, value) in enumerate(rows):
        places = table.loc[table[choice] == value, "place"]
        ax.plot(places, [row] * len(places), "|", color=INK, markersize=3.2, markeredgewidth=0.5)
        if row and rows[row - 1][0] != choice:
            ax.axhline(row - 0.5, color="#EDEDED", linewidth=0.5)
    for place in table.loc[table["chosen"], "place"]:
        ax.axvline(place, color=INK, linewidth=0.8, linestyle=":")
    ax.tick_params(axis="both", length=0, left=False, bottom=False, labelbottom=False)
    ax.spines[["left", "bottom"]].set_visible(False)


def _name(choice: str, value: object) -> str:
    if choice == "length":
        return f"{value} sessions"
    if choice == "model":
        return MODELS[str(value)].title if value in MODELS else SIZE_RUNGS[str(value)]
    return str(_NAMES[choice][value])  # type: ignore[index]


@study_figure
def draw_leave_one_out(study: Study) -> Drawn:
    """Draw the CAAR of the headline event with all assets of a group and without each of them.

    Frame: ``group, ticker`` (left out; blank: none), ``window, n_assets, caar, lower, upper,
    event_id``.
    """
    results, merged = estimated_events(study)
    event_id, cells = headline_cells(study, merged)
    window = leading_window(study)
    without = leave_one_out(results, event_id, window)
    groups, note = shown_groups(study, [g for g in cells["group"] if (without["group"] == g).any()])
    if not groups:
        raise NothingToDrawError("No group has two assets with a complete window to leave one out.")
    whole = results.caar(window)
    whole = whole[whole["event_id"] == event_id].assign(ticker="")
    columns = ["group", "ticker", "window", "n_assets", "caar", "lower", "upper"]
    frame = pd.concat([whole[columns], without[columns]])
    frame = frame[frame["group"].isin(groups)].sort_values(["group", "ticker"], ignore_index=True)
    looks = group_looks(study)
    asset_names = study.assets.set_index("ticker")["name"]
    figure = StudyFigure(figsize=(WIDTH, 0.9 + 0.38 * len(groups)), layout="constrained")
    ax = figure.subplots()
    ax.axvline(0, color=INK, linewidth=0.6)
    for row, group in enumerate(groups):
        _plot_without(frame[frame["group"] == group], ax, row, looks[group], asset_names)
    sizes = frame[frame["ticker"] == ""].set_index("group")["n_assets"]
    names = [f"{looks[group].label}, N = {sizes[group]}" for group in groups]
    ax.set_yticks(range(len(groups)), names)
    ax.set_ylim(len(groups) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, left=False)
    ax.spines["left"].set_visible(False)
    percent_ticks(ax.xaxis)
    label = return_label(f"CAAR{window_label(window)}", study.kind)
    ax.set_xlabel(f"{label}, at\n{event_title(study, event_id)}")
    handles = [
        Line2D([], [], color=QUIET, marker="o", markersize=4.2, label="all, with 95 % interval"),
        Line2D([], [], color=QUIET, marker="|", linestyle="none", markersize=6,
               label="without one asset"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    annotate(figure, note)
    return figure, frame.assign(event_id=event_id)


def _plot_without(
    table: pd.DataFrame, ax: Axes, row: int, look: GroupStyle, names: pd.Series
) -> None:
    whole, rest = table[table["ticker"] == ""].iloc[0], table[table["ticker"] != ""]
    ax.plot([whole["lower"], whole["upper"]], [row, row], color=look.color)
    ax.plot(whole["caar"], row, look.marker, color=look.color, markersize=4.2)
    ax.plot(rest["caar"], [row + 0.22] * len(rest), "|", color=look.color, markersize=6)
    farthest = rest.loc[(rest["caar"] - whole["caar"]).abs().idxmax()]
    ax.text(farthest["caar"], row + 0.36, shorten(names[farthest["ticker"]]),
            ha="center", va="top", fontsize=5.5, color=QUIET)  # fmt: skip
