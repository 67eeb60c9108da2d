"""The index of coded policy stance beside prices, and responses by stance."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from chainpolicy.estimators.codings import stance_codings
from chainpolicy.estimators.policy_index import (
    announcements_to_all,
    dimensions,
    index_and_returns,
    response_by_stance,
    stance_sessions,
)
from chainpolicy.eventstudy import window_label
from chainpolicy.figures.canvas import Drawn, annotate, group_looks, study_figure
from chainpolicy.figures.panels import LONGEST_DIMENSION, STANCES, date_axis, stance_handles
from chainpolicy.figures.selection import (
    NothingToDrawError,
    estimated_events,
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
from chainpolicy.study.calendars import ALWAYS_OPEN, PLACES, WEEKDAYS
from chainpolicy.study.events import OVERALL, stance_columns
from chainpolicy.typeset.numbers import p

MOST_CALENDARS = 3
MOST_COLUMNS = 3
Line = Literal["-", "--", ":", "-."]
_LOOKS: tuple[tuple[str, Line], ...] = (
    *((INK, "-"), (QUIET, "--"), (INK, ":"), (QUIET, "-.")),
    *((INK, "--"), (QUIET, "-"), (INK, "-."), (QUIET, ":")),
)
MOST_DIMENSIONS = len(_LOOKS)


@study_figure
def draw_policy_index(study: Study) -> Drawn:
    """Draw the index above the cumulative return of the first group of every calendar.

    Frame: ``group, session, cumulative_return`` and for each dimension ``level_<dimension>`` and
    ``innovation_<dimension>``, one row per session shown. The sum of several dimensions is not
    drawn.
    """
    calendar_of = study.calendars
    coded = [name for name in dimensions(study) if name != OVERALL] or list(dimensions(study))
    taken = {group: (announcements_to_all(study, group)[coded] != 0).any() for group in calendar_of}
    groups = [group for group, any_of in taken.items() if any_of.any()]
    if not groups:
        raise NothingToDrawError("No announcement to a whole group takes a stance.")
    firsts = list({calendar_of[group]: group for group in reversed(groups)}.values())[::-1]
    chosen = firsts[:MOST_CALENDARS]
    named = [name for name in coded if any(taken[group][name] for group in groups)]
    looks = group_looks(study)
    lines = dict(zip(named, _LOOKS, strict=False))
    figure = StudyFigure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots(
        2, len(chosen), sharex="all", sharey="row", squeeze=False, height_ratios=[1.2, 1]
    )
    frames = []
    for group, (above, below) in zip(chosen, axes.T, strict=True):
        frame = index_and_returns(study, group, list(lines))
        _plot_index(frame, above, lines)
        _plot_cumulative(frame, below, looks[group])
        place = PLACES[calendar_of[group]]
        by_utc = calendar_of[group] in (ALWAYS_OPEN, WEEKDAYS)
        days = f"{place}s" if by_utc else f"sessions in {place}"
        above.set_title(f"{looks[group].label}\n{days}")
        frames.append(frame.assign(group=group))
    axes[0][0].set_ylabel("Coded stance\n(stance × salience)")
    axes[1][0].set_ylabel(f"Cumulative {study.kind} return (%)")
    handles = [
        Line2D([], [], color=color, linestyle=line, label=f"index, {dimension}")
        for dimension, (color, line) in lines.items()
    ]
    figure.legend(handles=[*handles, *stance_handles()[:2]], loc="outside lower center", ncols=4)
    left_out = [
        f"first {shown} of {there} {what} shown"
        for shown, there, what in (
            (len(chosen), len(firsts), "calendars"),
            (len(lines), len(named), "dimensions"),
        )
        if shown < there
    ]
    annotate(figure, "; ".join(left_out))
    columns = ["group", "session", "cumulative_return"]
    columns += [f"{part}_{name}" for part in ("level", "innovation") for name in lines]
    return figure, pd.concat(frames, ignore_index=True)[columns]


def _plot_index(frame: pd.DataFrame, ax: Axes, lines: dict[str, tuple[str, Line]]) -> Axes:
    ax.axhline(0, color=INK, linewidth=0.6)
    session = frame["session"].to_numpy()
    for dimension, (color, line) in lines.items():
        level = frame[f"level_{dimension}"]
        ax.plot(session, level, color=color, linestyle=line, linewidth=1.0)
        for stance in (1, -1):
            entered = np.sign(frame[f"innovation_{dimension}"]) == stance
            ax.plot(session[entered], level[entered], linestyle="none",
                    marker=str(STANCES[stance]["marker"]), color=str(STANCES[stance]["color"]),
                    markersize=4)  # fmt: skip
    return ax


def _plot_cumulative(frame: pd.DataFrame, ax: Axes, look: GroupStyle) -> Axes:
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.plot(frame["session"].to_numpy(), frame["cumulative_return"], color=look.color)
    percent_ticks(ax.yaxis)
    date_axis(ax, most=5, month="%b\n%Y")
    ax.margins(x=0.02)
    return ax


@study_figure
def draw_stance_responses(study: Study) -> Drawn:
    """Draw every group's CAAR on supportive and on restrictive sessions, by dimension.

    Frame: ``group, dimension, event_session, event_id, members, net, stance, mixed, overlaps,
    n_assets, caar`` and of all of the stance ``mean``, of both stances ``p_value``; sessions
    whose net stance is zero are left out.
    """
    # Refuses a study of which nothing could be estimated.
    estimated_events(study)
    window = leading_window(study)
    responses = stance_sessions(study, window)
    signed = responses[responses["stance"] != 0]
    if signed.empty and responses["mixed"].any():
        raise NothingToDrawError("The stances of announcements that share a session cancel.")
    if signed.empty:
        raise NothingToDrawError("No announcement in the sample takes a stance.")
    groups, note = shown_groups(study, signed["group"].drop_duplicates().tolist())
    signed = signed[signed["group"].isin(groups)].reset_index(drop=True)
    means = response_by_stance(signed)
    drawn_means = means.melt(
        ["group", "dimension", "p_value"],
        ["supportive", "restrictive"],
        var_name="side",
        value_name="mean",
    )
    drawn_means["stance"] = drawn_means.pop("side").map({"supportive": 1, "restrictive": -1})
    looks = group_looks(study)
    named = signed["dimension"].drop_duplicates().tolist()
    if len(named) > MOST_DIMENSIONS + 1:
        about = f"first {MOST_DIMENSIONS} of {len(named) - 1} dimensions shown"
        note = "; ".join(filter(None, [note, about]))
        named = [*named[:MOST_DIMENSIONS], OVERALL]
        signed = signed[signed["dimension"].isin(named)].reset_index(drop=True)
    columns = min(len(named), MOST_COLUMNS)
    rows = math.ceil(len(named) / columns)
    height = 0.7 + rows * (0.3 + 0.5 * len(groups))
    figure = StudyFigure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes.flat[len(named) :]:
        ax.set_axis_off()
    for dimension, ax in zip(named, axes.flat, strict=False):
        of_dimension = means.loc[means["dimension"] == dimension].set_index("group")
        _plot_responses(signed[signed["dimension"] == dimension], of_dimension, groups, ax)
        for row, group in enumerate(groups):
            p_value = of_dimension["p_value"].get(group, np.nan)
            if np.isfinite(p_value):
                ax.text(1, row - 0.36, p(p_value), ha="right", fontsize=6, color=QUIET,
                        transform=ax.get_yaxis_transform())  # fmt: skip
        ax.set_title(_stance_title(dimension, len(stance_columns(study.events))))
        percent_ticks(ax.xaxis)
    axes[0, 0].set_yticks(range(len(groups)), [looks[group].label for group in groups])
    axes[0, 0].set_ylim(len(groups) - 0.4, -0.6)
    lowest = [
        axes[:, column][: -(-(len(named) - column) // columns)][-1] for column in range(columns)
    ]
    for ax in lowest:
        ax.xaxis.set_tick_params(labelbottom=True)
    below = axes[-1, : len(named) - columns * (rows - 1)]
    below[len(below) // 2].set_xlabel(return_label(f"CAAR{window_label(window)}", study.kind))
    handles = [*stance_handles()[:2], Line2D([], [], marker="|", color=INK, linestyle="none",
                                             markersize=9, label="mean")]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    annotate(figure, note)
    return figure, signed.merge(drawn_means, on=["group", "dimension", "stance"], how="left")


@study_figure
def draw_coding_multiverse(study: Study) -> Drawn:
    """Draw the difference between supportive and restrictive sessions under every coding.

    Frame: that of `estimators.stance_codings`, the codings of a group in the order drawn.
    """
    estimated_events(study)
    window = leading_window(study)
    codings = stance_codings(study, window)
    if codings.empty:
        raise NothingToDrawError("No coding gives sessions of both stances.")
    groups, note = shown_groups(study, codings["group"].drop_duplicates().tolist())
    looks = group_looks(study)
    figure = StudyFigure(figsize=(WIDTH, 0.7 + 0.95 * len(groups)), layout="constrained")
    axes = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    frames = []
    for group, ax in zip(groups, axes, strict=True):
        rows = codings[codings["group"] == group].sort_values("difference", kind="stable")
        rows = rows.reset_index(drop=True)
        low = rows["p_value"] < 0.05
        ax.axhline(0, color=INK, linewidth=0.6)
        for part, face in ((rows[~low], "white"), (rows[low], looks[group].color)):
            ax.plot(part.index, part["difference"], "o", color=looks[group].color, markersize=2.5,
                    markerfacecolor=face, markeredgewidth=0.5, linestyle="none")  # fmt: skip
        own = rows[rows["chosen"]]
        ax.plot(own.index, own["difference"], "D", color=INK, markersize=4, linestyle="none")
        percent_ticks(ax.yaxis)
        ax.set_title(f"{looks[group].label}: {int(low.sum())} of {len(rows)} with p < 0.05")
        frames.append(rows)
    figure.supxlabel("codings of a group, sorted by the difference")
    figure.supylabel(return_label(f"difference of CAAR{window_label(window)}", study.kind))
    handles = [
        Line2D([], [], marker="o", color=QUIET, linestyle="none", markersize=4, label="p < 0.05"),
        Line2D([], [], marker="o", color=QUIET, markerfacecolor="white", linestyle="none",
               markersize=4, label="p ≥ 0.05 or none"),
        Line2D([], [], marker="D", color=INK, linestyle="none", markersize=4, label="the study's"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    annotate(figure, note)
    return figure, pd.concat(frames, ignore_index=True)


def _stance_title(dimension: str, n_stances: int) -> str:
    if dimension != OVERALL or n_stances == 1:
        return f"Stance on {shorten(dimension, LONGEST_DIMENSION)}"
    return f"{'Both' if n_stances == 2 else 'All'} stances added"


def _plot_responses(signed: pd.DataFrame, means: pd.DataFrame, groups: list[str], ax: Axes) -> Axes:
    ax.axvline(0, color=INK, linewidth=0.6)
    for name, stance, shift in (("supportive", 1, -0.14), ("restrictive", -1, 0.14)):
        mark = STANCES[stance]
        of_stance = signed[signed["stance"] == stance]
        rows = of_stance["group"].map(groups.index).to_numpy(np.float64) + shift
        ax.plot(of_stance["caar"], rows, marker=str(mark["marker"]), color=str(mark["color"]),
                linestyle="none", markersize=3.5, alpha=0.75, markeredgewidth=0)  # fmt: skip
        shown = means[name].dropna()
        at = [groups.index(str(group)) + shift for group in shown.index]
        ax.plot(shown, at, "|", color=INK, markersize=9, markeredgewidth=1.2)
    ax.tick_params(axis="y", length=0, left=False)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    return ax
