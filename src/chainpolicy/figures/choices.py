"""Figures of what a pooled effect owes to the choice and to the dating of announcements."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from chainpolicy.checks import (
    RESTRICTIVE,
    date_column,
    dated_caars,
    directions,
    pooled_subsets,
    selections,
    timing_cost,
)
from chainpolicy.checks.pooled import LEVEL
from chainpolicy.eventstudy import window_label
from chainpolicy.figures.canvas import Drawn, annotate, column_labels, group_looks, study_figure
from chainpolicy.figures.selection import (
    NothingToDrawError,
    announced_days,
    leading_window,
    price_asset,
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
    shorten,
)
from chainpolicy.study import Study
from chainpolicy.study.problems import InputError

LONGEST_NAME = 44
_FIRST = "first public"


@study_figure
def draw_selections(study: Study) -> Drawn:
    """Draw the pooled effect of restrictive announcements as chosen by one rule after another.

    Frame: the keys of `checks.pooled_effect`, one row per choice and group.
    """
    chosen = selections(study, RESTRICTIVE)
    if not chosen["all by the rule"]:
        raise NothingToDrawError("No announcement of the sample is restrictive.")
    window = leading_window(study)
    frame = pd.concat(
        [pooled_subsets(study, group, chosen, window) for group in study.groups.unique()],
        ignore_index=True,
    )
    held = frame.loc[frame["n_clusters"] > 0, "group"].unique().tolist()
    groups, note = shown_groups(study, held)
    if not groups:
        raise NothingToDrawError(
            f"No restrictive announcement has a complete window {window_label(window)}."
        )
    frame = frame[frame["group"].isin(groups)].reset_index(drop=True)
    looks = group_looks(study)
    figure = StudyFigure(figsize=(WIDTH, 1.5 + 0.3 * len(chosen)), layout="constrained")
    axes = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for group, ax in zip(groups, axes, strict=True):
        _plot_choices(frame[frame["group"] == group], ax, looks[group])
        ax.set_title(column_labels(looks, groups)[group], fontsize=7)
    axes[0].set_yticks(range(len(chosen)), list(chosen))
    axes[0].set_ylim(len(chosen) - 0.4, -0.6)
    label = return_label(f"mean CAAR{window_label(window)}", study.kind)
    figure.supxlabel(f"{label} of restrictive announcements; each group has its own scale")
    annotate(figure, note)
    return figure, frame


def _plot_choices(effects: pd.DataFrame, ax: Axes, look: GroupStyle) -> None:
    ax.axvline(0, color=INK, linewidth=0.6)
    first = effects["mean"].iloc[0]
    ax.axvline(first, color=look.color, linewidth=0.6, linestyle=(0, (2, 2)))
    for row, effect in enumerate(effects.to_dict("records")):
        if not effect["n_clusters"]:
            continue
        if np.isfinite(effect["lower"]):
            ax.plot([effect["lower"], effect["upper"]], [row, row], color=look.color)
        filled = effect["randomization_p"] < LEVEL
        ax.plot(effect["mean"], row, look.marker, color=look.color, markersize=4.2,
                markerfacecolor=look.color if filled else "white")  # fmt: skip
        ax.text(effect["mean"], row + 0.17, f"{effect['n_clusters']}", ha="center", va="top",
                fontsize=5.5, color=QUIET,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3})  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    percent_ticks(ax.xaxis)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0, left=False)


@study_figure
def draw_timing(study: Study) -> Drawn:
    """Draw responses at the first public moment beside those at the date of the document.

    Frame: ``event_id`` (blank for a pooled effect), ``direction, group, dated, event_session,
    n_clusters, caar, lower, upper``.
    """
    try:
        column = date_column(study)
    except InputError:
        raise NothingToDrawError(
            "No event of the sample has another date, of a document or in an article."
        ) from None
    group, window = str(study.groups[price_asset(study)]), leading_window(study)
    rows = dated_caars(study, column, window).query("group == @group")
    rows = rows.assign(direction=rows["event_id"].map(directions(study)))
    rows = rows[rows["direction"].fillna("") != ""].sort_values("event_session", kind="stable")
    if rows.empty:
        raise NothingToDrawError(
            "No announcement that takes a stance has a session that depends on how it is dated."
        )
    lacking = rows["caar"].isna() | rows["dated_caar"].isna()
    rows = rows[~lacking]
    if rows.empty:
        raise NothingToDrawError(
            "No announcement whose session depends on how it is dated has both estimates."
        )
    shown, note = shown_events(study, rows["event_id"].unique().tolist())
    rows = rows[rows["event_id"].isin(shown)]
    if note:
        note += "; the means are of all"
    if lacking.any():
        unseen = f"not shown: {int(lacking.sum())} without an estimate by one of the dates"
        note = "; ".join(filter(None, [note, unseen]))
    cost = timing_cost(study, group, window, column)
    # A direction that has no estimate by one of the dates has nothing to compare.
    fewest = cost.groupby(["direction", "rows"])["n_clusters"].transform("min")
    cost = cost[(cost["rows"] == "all") & (fewest > 0)]
    frame = _timing_frame(rows, cost, group, column)
    days, names = announced_days(study), study.events.set_index("event_id")["name"]
    labels = [f"{shorten(names[event], LONGEST_NAME)}, {days[event]}" for event in rows["event_id"]]
    pooled = list(dict.fromkeys(cost["direction"]))
    look = group_looks(study)[group]
    figure = StudyFigure(
        figsize=(WIDTH, 1.3 + 0.19 * (len(labels) + len(pooled))), layout="constrained"
    )
    ax = figure.subplots()
    ax.axvline(0, color=INK, linewidth=0.6)
    keys = [(event_id, direction) for event_id, direction in zip(
        rows["event_id"], rows["direction"], strict=True)]  # fmt: skip
    keys += [("", direction) for direction in pooled]
    for place, (event_id, direction) in enumerate(keys):
        own = frame[(frame["event_id"] == event_id) & (frame["direction"] == direction)]
        _plot_pair(own.set_index("dated")["caar"], ax, place, look, column)
    ax.axhline(len(labels) - 0.5, color="#BBBBBB", linewidth=0.5)
    for name in pooled:
        either = cost.loc[cost["direction"] == name, "n_clusters"].tolist()
        many = " and ".join(map(str, dict.fromkeys(either)))
        labels.append(f"{name}, mean of {many} session{'s' * (either != [1, 1])}")
    ax.set_yticks(range(len(labels)), labels, fontsize=6)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, left=False)
    ax.spines["left"].set_visible(False)
    percent_ticks(ax.xaxis)
    ax.set_xlabel(f"{return_label(f'CAAR{window_label(window)}', study.kind)}, {look.label}")
    marks = [
        Line2D([], [], color=look.color, marker=look.marker, linestyle="none", markersize=4.2,
               label="at the first public moment"),
        Line2D([], [], color=look.color, marker=look.marker, linestyle="none", markersize=4.2,
               markerfacecolor="white", label=f"at the {column.replace('_', ' ')}"),
    ]  # fmt: skip
    figure.legend(handles=marks, loc="outside upper right", ncols=2)
    annotate(figure, note)
    return figure, frame


def _timing_frame(rows: pd.DataFrame, cost: pd.DataFrame, group: str, column: str) -> pd.DataFrame:
    """One row per event and way of dating, then the pooled effects."""
    estimates = ["caar", "lower", "upper"]
    public = rows[["event_id", "direction", "event_session", *estimates]].assign(dated=_FIRST)
    by_date = rows[["event_id", "direction", "dated_session"]].assign(dated=column)
    by_date = by_date.rename(columns={"dated_session": "event_session"})
    by_date[estimates] = rows[[f"dated_{name}" for name in estimates]].to_numpy()
    pooled = cost.rename(columns={"mean": "caar"}).assign(event_id="")
    parts = [public.assign(n_clusters=1), by_date.assign(n_clusters=1), pooled]
    columns = ["event_id", "direction", "group", "dated", "event_session", "n_clusters"]
    frame = pd.concat([part.assign(group=group) for part in parts], ignore_index=True)
    return frame.reindex(columns=[*columns, *estimates])


def _plot_pair(caar: pd.Series, ax: Axes, row: int, look: GroupStyle, column: str) -> None:
    ax.plot([caar[_FIRST], caar[column]], [row, row], color=look.color, linewidth=0.8, alpha=0.5)
    for name, face in ((column, "white"), (_FIRST, look.color)):
        ax.plot(caar[name], row, look.marker, color=look.color, markersize=4.2,
                markerfacecolor=face)  # fmt: skip
