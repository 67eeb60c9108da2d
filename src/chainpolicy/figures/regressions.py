"""Figures of the event-study regressions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from scipy import stats

from chainpolicy.estimators import overlap
from chainpolicy.eventstudy import window_label
from chainpolicy.figures.canvas import (
    Drawn,
    annotate,
    asset_counts,
    column_labels,
    frame_event_rows,
    group_looks,
    study_figure,
)
from chainpolicy.figures.selection import (
    NothingToDrawError,
    dated_labels,
    shown_events,
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
)
from chainpolicy.study import Study
from chainpolicy.tables.estimates import regressed_window

# Below and above the row of the cluster.
_PLACES = {"unmasked": -0.27, "study": 0.0, "joint": 0.27}


@study_figure
def draw_overlap(study: Study) -> Drawn:
    """Draw every policy cluster's CAAR one by one and in the joint estimate.

    Frame: ``group, event_id, event_session, window, overlaps_with, shared_sessions, n_assets,
    estimate, caar, lower, upper``; estimate is unmasked, masked, study or joint.
    """
    window = regressed_window(study)
    table = overlap(study, window).tidy()
    if table.empty:
        raise NothingToDrawError("No policy event has a complete window in an event-dummy system.")
    events, about_events = shown_events(study, table["event_id"].unique().tolist())
    order = [group for group in dict.fromkeys(study.groups) if (table["group"] == group).any()]
    groups, about_groups = shown_groups(study, order)
    table = table[table["event_id"].isin(events) & table["group"].isin(groups)]
    frame = _long(table)
    row_of = {event_id: row for row, event_id in enumerate(events)}
    looks = group_looks(study)
    figure = StudyFigure(figsize=(WIDTH, 1.2 + 0.28 * len(events)), layout="constrained")
    axes = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for group, ax in zip(groups, axes, strict=True):
        own = frame[frame["group"] == group]
        _plot_estimates(own.assign(row=own["event_id"].map(row_of)), ax, looks[group])
        clusters = table[table["group"] == group]
        _plot_links(clusters, ax, row_of)
        estimated = set(clusters["event_id"])
        members = {name for names in clusters["members"] for name in names.split(";")}
        for event_id in (name for name in events if name not in estimated):
            text = "↑ same session" if event_id in members else "no estimate"
            ax.text(0.5, row_of[event_id], text, transform=ax.get_yaxis_transform(), ha="center",
                    va="center", fontsize=5.5, color=QUIET, backgroundcolor="white")  # fmt: skip
        label = column_labels(looks, groups)[group]
        ax.set_title(f"{label}\n{asset_counts(own['n_assets'])}", fontsize=7)
    frame_event_rows(axes, dated_labels(study, events), margin=0.6)
    figure.legend(handles=_handles(), loc="outside upper left", ncols=4, fontsize=6)
    label = return_label(f"CAAR{window_label(window)}", study.kind)
    figure.supxlabel(f"{label} with 95 % interval; each group has its own scale")
    annotate(figure, "; ".join(filter(None, [about_events, about_groups])))
    return figure, frame


def _long(table: pd.DataFrame) -> pd.DataFrame:
    """One row per group, cluster and way of estimating."""
    keys = ["group", "event_id", "event_session", "window", "overlaps_with", "shared_sessions"]
    parts = []
    for variant in ("unmasked", "masked", "study", "joint"):
        part = table[[*keys, "n_assets"]].assign(estimate=variant, caar=table[f"caar_{variant}"])
        degrees = table[f"degrees_{variant}"].astype(np.float64)
        half = stats.t.isf(0.025, degrees) * table[f"std_error_{variant}"]
        parts.append(part.assign(lower=part["caar"] - half, upper=part["caar"] + half))
    frame = pd.concat(parts).sort_values(["group", "event_session"], kind="stable")
    return frame.reset_index(drop=True)


def _plot_estimates(estimates: pd.DataFrame, ax: Axes, look: GroupStyle) -> None:
    styles = {
        "unmasked": (QUIET, "|", QUIET),
        "study": (look.color, look.marker, look.color),
        "joint": (look.color, look.marker, "white"),
    }
    ax.axvline(0, color=INK, linewidth=0.6)
    for variant, (color, marker, face) in styles.items():
        drawn = estimates[estimates["estimate"] == variant]
        place = drawn["row"] + _PLACES[variant]
        ax.hlines(place, drawn["lower"], drawn["upper"], color=color, linewidth=0.8)
        ax.plot(drawn["caar"], place, linestyle="none", color=color, marker=marker,
                markersize=3.2, markerfacecolor=face, markeredgewidth=0.7)  # fmt: skip
    percent_ticks(ax.xaxis)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))


def _plot_links(table: pd.DataFrame, ax: Axes, row_of: dict[str, int]) -> None:
    """Link the clusters whose windows overlap, at the right edge."""
    for event_id, others in table[["event_id", "overlaps_with"]].itertuples(index=False):
        for other in filter(row_of.__contains__, others.split(";")):
            if row_of[other] > row_of[event_id]:
                ax.plot([0.985, 0.985], [row_of[event_id], row_of[other]], color=QUIET,
                        linewidth=2.0, alpha=0.5, solid_capstyle="round", zorder=0,
                        transform=ax.get_yaxis_transform())  # fmt: skip


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=QUIET, marker="|", linewidth=0.8,
               label="own estimation window,\nnothing masked"),
        Line2D([], [], color=INK, marker="o", markersize=3.2, linewidth=0.8,
               label="the study's\nestimation window"),
        Line2D([], [], color=INK, marker="o", markersize=3.2, markerfacecolor="white",
               linewidth=0.8, label="joint: one dummy\nper window"),
        Line2D([], [], color=QUIET, linewidth=2.0, alpha=0.5,
               label="windows that overlap\n(right edge)"),
    ]  # fmt: skip
