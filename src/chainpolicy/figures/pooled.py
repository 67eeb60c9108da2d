"""Figures of effects pooled over events: mean paths; clusters with the diamond below them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from chainpolicy.checks.pooled import SUPPORTIVE, directions
from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.figures.canvas import Drawn, annotate, column_labels, group_looks, study_figure
from chainpolicy.figures.panels import STANCES, plot_forest
from chainpolicy.figures.selection import (
    LONGEST_TITLE,
    NothingToDrawError,
    estimated_events,
    leading_window,
    shown_groups,
)
from chainpolicy.figures.style import (
    INK,
    WIDTH,
    GroupStyle,
    StudyFigure,
    group_styles,
    percent_ticks,
    return_label,
    shorten,
    shorten_all,
)
from chainpolicy.study import Study
from chainpolicy.study.events import dimension_of, stance_columns
from chainpolicy.typeset.numbers import typeset

MOST_CLUSTERS = 80
# Of more rows than that, each is lower, and its letters are smaller.
MOST_HIGH_ROWS = 40
MOST_LABELS = 4
LONGEST_EVENTS = 24
COLUMNS = (
    *("label", "group", "window", "event_session", "events", "n_assets", "n_clusters"),
    *("estimate", "lower", "upper"),
)


def plot_diamond(pooled: pd.Series, ax: Axes, look: GroupStyle, row: float) -> Axes:
    """Draw a pooled mean as a diamond as wide as its interval.

    Parameters
    ----------
    pooled : Series
        ``estimate, lower, upper``, decimals.
    ax : Axes
    look : GroupStyle
        Its colour is taken.
    row : float
        Where the middle lies on the vertical axis.

    Returns
    -------
    Axes
        That which was given.
    """
    across = [pooled["lower"], pooled["estimate"], pooled["upper"], pooled["estimate"]]
    ax.fill(across, [row, row - 0.32, row, row + 0.32], color=look.color, linewidth=0)
    ax.axvline(pooled["estimate"], color=look.color, linewidth=0.6, linestyle=(0, (2, 2)))
    return ax


def draw_pooled_forest(
    study: Study, by: str | None = None, label: str | None = None, window: Window | None = None
) -> Drawn:
    """Draw the clusters of one pool with their 95 % intervals, and the pooled mean below.

    Parameters
    ----------
    study : Study
    by : str, optional
        Column of events.csv, whose values are the labels. Default: that of `leading_label`, for
        the announcements of the sample.
    label : str, optional
        The value whose events are drawn. Default: that of most announcements.
    window : tuple of int, optional
        Both ends inclusive. Default: that of the study's headline figures.

    Returns
    -------
    StudyFigure
    DataFrame
        ``label, group, window, event_session, events, n_assets, n_clusters, estimate, lower,
        upper``: one row per cluster, and one without a session for the pooled mean of the group.

    Raises
    ------
    InputError
        If events.csv has no such column.
    ValueError
        If no event has the label.
    """
    window = window or leading_window(study)
    if by is None:
        return _draw(study, *leading_label(study), window, announcements=True)
    held = study.events.get(by, ())
    known = [str(value) for value in held if not _is_blank(value)]
    label = label or max(known, key=known.count, default="")
    if known and label not in known:
        named = ", ".join(sorted(set(known)))
        raise ValueError(f"no event has the {by} {label!r}; there are {named}")
    return _draw(study, by, label, window)


def _announcements(study: Study) -> pd.DataFrame:
    """Return the rows of the announcements of the sample that have an event session."""
    dated = study.alignment.query("in_sample and role == 'policy'")["event_id"]
    return study.events[study.events["event_id"].isin(dated)]


def leading_label(study: Study) -> tuple[str, str]:
    """Return the column and the value that most announcements of the sample share.

    The column is the study's `pool_by`, else a stance that announcements take, else the role.
    """
    events = _announcements(study)
    if study.pool_by is not None:
        named = [str(label) for label in events[study.pool_by] if not _is_blank(label)]
        return study.pool_by, max(dict.fromkeys(named), key=named.count, default="")
    taken = events[stance_columns(events)].melt().query("value != 0")
    if taken.empty:
        return "role", "policy"
    most = taken.value_counts(sort=False).reset_index().nlargest(1, "count").iloc[0]
    return str(most["variable"]), str(most["value"])


def _is_blank(label: str | float) -> bool:
    # Of numbers a blank is NaN.
    return label == "" or label != label


def _labels(study: Study, by: str) -> dict[str, object]:
    told = _announcements(study)
    return dict(zip(told["event_id"], told[by], strict=True))


@study_figure
def draw_pooled_paths(study: Study) -> Drawn:
    """Draw the mean CAAR of the clusters of each label around the event session, with its band.

    The labels are the values of the study's `pool_by` for the announcements of the sample; if it
    names none, what `checks.directions` says of their stances, else their role.

    Frame: ``label, group, start, tau, n_clusters, mean, lower, upper``.
    """
    results, _ = estimated_events(study)
    by, _ = leading_label(study)
    labels, title = _labels(study, by), by
    stances = stance_columns(study.events)
    of_stances = study.pool_by is None and by in stances
    if of_stances:
        labels = dict(directions(study))
        title = "stance" if len(stances) > 1 else f"stance on {dimension_of(by)}"
    first, last = results.event_window
    starts = [first, 0] if first < 0 <= last else [first]
    paths = pd.concat([results.pooled_path(labels, start=start) for start in starts])
    # A run-up ends where the response begins.
    paths = paths[(paths["start"] >= 0) | (paths["tau"] < 0)]
    clusters = paths.groupby("label")["n_clusters"].max()
    several = clusters[clusters > 1]
    if several.empty:
        raise NothingToDrawError(f"No value of {by} is shared by announcements of two sessions.")
    drawn = several.sort_values(ascending=False, kind="stable").index[:MOST_LABELS].tolist()
    paths = paths[paths["label"].isin(drawn)].reset_index(drop=True)
    groups, note = shown_groups(
        study, [g for g in study.groups.unique() if g in set(paths["group"])]
    )
    if len(several) > len(drawn):
        about = f"{len(drawn)} of {len(several)} labels shown, those of most sessions"
        note = "; ".join(filter(None, [note, about]))
    paths = paths[paths["group"].isin(groups)].reset_index(drop=True)
    styles = group_styles(drawn, dict(zip(drawn, shorten_all(drawn), strict=True)))
    looks = {label: _of_stance(label) if of_stances else styles[label] for label in drawn}
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    figure = StudyFigure(figsize=(WIDTH, 0.9 + 2.0 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    fitted = shorten_all([study.label(group) for group in groups], 80 // columns)
    titles = dict(zip(groups, fitted, strict=True))
    for ax in axes[len(groups) :]:
        ax.set_axis_off()
    for group, ax in zip(groups, axes, strict=False):
        of_group = paths[paths["group"] == group]
        for label, look in looks.items():
            plot_mean_path(of_group[of_group["label"] == label], ax, look)
        ax.set_xlim(first - 0.7, last + 0.7)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, steps=[1, 2, 5, 10]))
        percent_ticks(ax.yaxis)
        counts = of_group.groupby("label")["n_clusters"].max().reindex(drawn, fill_value=0)
        many = ", ".join(map(str, counts))
        ax.set_title(f"{titles[group]}\n{many} session{'s' * (many != '1')}", fontsize=7)
    handles = [
        Line2D([], [], color=look.color, linestyle=look.line, marker=look.marker, markersize=4,
               label=look.label)
        for look in looks.values()
    ]  # fmt: skip
    below = axes[columns * (rows - 1) : len(groups)]
    about = "run-up and response cumulated separately"
    if len(starts) == 1:
        about = f"cumulated from {typeset(f'τ = {first}')}"
    below[len(below) // 2].set_xlabel(f"τ, sessions from the event session;\n{about}")
    # A key is filled by columns and read by rows, in which the counts stand.
    beside = 4 if max(len(look.label) for look in looks.values()) <= 16 else 2
    in_columns = handles if beside == 4 else [*handles[::2], *handles[1::2]]
    figure.legend(handles=in_columns, loc="outside lower center", ncols=beside,
                  title=shorten(title, LONGEST_TITLE))  # fmt: skip
    figure.supylabel(return_label("mean CAAR", study.kind))
    annotate(figure, note)
    shown = ["label", "group", "start", "tau", "n_clusters", "mean", "lower", "upper"]
    return figure, paths[shown]


def plot_mean_path(path: pd.DataFrame, ax: Axes, look: GroupStyle) -> Axes:
    """Draw the path of a pooled mean with its 95 % band.

    Parameters
    ----------
    path : DataFrame
        ``start, tau, mean, lower, upper`` of one label and group, decimals.
    ax : Axes
    look : GroupStyle

    Returns
    -------
    Axes
        That which was given.
    """
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.axvline(0, color=INK, linewidth=0.6, linestyle=(0, (2, 2)))
    for _, part in path.groupby("start"):
        tau = part["tau"].to_numpy()
        ax.fill_between(tau, part["lower"].to_numpy(), part["upper"].to_numpy(), color=look.color,
                        alpha=0.18, linewidth=0)  # fmt: skip
        ax.plot(tau, part["mean"].to_numpy(), color=look.color, linestyle=look.line,
                marker=look.marker, markersize=2.6)  # fmt: skip
    return ax


def _of_stance(label: str) -> GroupStyle:
    look = STANCES[1 if label == SUPPORTIVE else -1]
    return GroupStyle(label, str(look["color"]), str(look["marker"]), "-")


@study_figure
def _draw(
    study: Study, by: str, label: str, window: Window, *, announcements: bool = False
) -> Drawn:
    labels: str | dict[str, object] = _labels(study, by) if announcements else by
    if not label and by in study.events:
        raise NothingToDrawError(f"No announcement of the sample has a value of {by}.")
    effects = study.pool(labels, window)
    clusters = effects.clusters.query("label == @label").rename(columns={"caar": "estimate"})
    if clusters.empty:
        raise NothingToDrawError(
            f"No event with the {by} {shorten(label)} has a complete window {window_label(window)}."
        )
    if clusters["event_session"].nunique() < 2:
        raise NothingToDrawError(f"One session alone has the {by} {shorten(label)}: none to pool.")
    pooled = effects.tidy().query("label == @label").rename(columns={"mean": "estimate"})
    held = [g for g in study.groups.unique() if g in set(pooled["group"])]
    groups, note = shown_groups(study, held)
    frame = pd.concat([clusters, pooled], ignore_index=True).reindex(columns=list(COLUMNS))
    frame = frame[frame["group"].isin(groups)]
    sessions = np.sort(frame["event_session"].dropna().unique())
    if len(sessions) > MOST_CLUSTERS:
        about = (
            f"{MOST_CLUSTERS} of {len(sessions)} sessions shown, those with the largest |t|; the "
            "diamonds are of all"
        )
        note = "; ".join(filter(None, [note, about]))
        t_stats = (clusters["estimate"] / clusters["std_error"]).abs()
        t_stats = t_stats[clusters["group"].isin(groups)]
        largest = t_stats.groupby(clusters["event_session"]).max().sort_values(kind="stable")
        sessions = np.sort(largest.index[-MOST_CLUSTERS:].to_numpy())
        later = frame["event_session"].notna() & ~frame["event_session"].isin(sessions)
        frame = frame[~later]
    rows = {session: row for row, session in enumerate(pd.DatetimeIndex(sessions))}
    bottom = len(rows) + 0.3
    looks = group_looks(study)
    height, font = (0.2, 6.5) if len(rows) <= MOST_HIGH_ROWS else (0.135, 5)
    figure = StudyFigure(figsize=(WIDTH, 1.4 + height * len(rows)), layout="constrained")
    axes = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for group, ax in zip(groups, axes, strict=True):
        of_group = frame[frame["group"] == group]
        drawn = of_group[of_group["event_session"].notna()]
        drawn = drawn.assign(row=drawn["event_session"].map(rows), caar=drawn["estimate"])
        plot_forest(drawn, ax, looks[group])
        (total,) = of_group[of_group["event_session"].isna()].to_dict("records")
        plot_diamond(pd.Series(total), ax, looks[group], bottom)
        title = f"{column_labels(looks, groups)[group]}\n{total['n_clusters']:.0f} clusters"
        ax.set_title(title, fontsize=7)
        ax.axhline(len(rows) - 0.4, color="#BBBBBB", linewidth=0.5)
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0, left=False)
    by_session = frame.dropna(subset="event_session").groupby("event_session")["events"]
    named = by_session.agg(lambda lists: ";".join(dict.fromkeys(";".join(lists).split(";"))))
    ticks = [
        f"{shorten(_undated(named[day], day), LONGEST_EVENTS)}, {day:%Y-%m-%d}" for day in rows
    ]
    axes[0].set_ylim(bottom + 0.7, -0.6)
    axes[0].set_yticks([*rows.values(), bottom], [*ticks, "pooled"], fontsize=font)
    quantity = return_label(f"CAAR{window_label(window)}", study.kind)
    shown = f"{by}: {typeset(shorten(label))}"
    figure.supxlabel(f"{quantity} with 95 % interval, {shown}; each group has its own scale")
    annotate(figure, note)
    return figure, frame.reset_index(drop=True)


def _undated(names: str, session: pd.Timestamp) -> str:
    """Take the date off names of events that begin with one, beside which it would stand twice."""
    dated = rf"(^|;){session:%Y-%m}-(?:{session:%d}-|(?=\D))(?=[^;]*[^\W\d])"
    return re.sub(dated, r"\1", names)
