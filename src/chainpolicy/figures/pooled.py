"""The figure of effects pooled over events: clusters, and the pooled diamond below them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.figures.canvas import Drawn, annotate, column_labels, group_looks, study_figure
from chainpolicy.figures.panels import plot_forest
from chainpolicy.figures.selection import NothingToDrawError, leading_window, shown_groups
from chainpolicy.figures.style import WIDTH, GroupStyle, StudyFigure, return_label, shorten
from chainpolicy.study import Study
from chainpolicy.study.events import stance_columns
from chainpolicy.typeset.numbers import typeset

MOST_CLUSTERS = 40
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
        Column of events.csv, whose values are the labels. Default: of the announcements of the
        sample the stance that most of them take; in a study without stances, all of them.
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
    known = list(study.events[by].astype(str)) if by in study.events else []
    label = label or max(known, key=known.count, default="")
    if known and label not in known:
        named = ", ".join(sorted(set(known) - {""}))
        raise ValueError(f"no event has the {by} {label!r}; there are {named}")
    return _draw(study, by, label, window)


def _announcements(study: Study) -> pd.DataFrame:
    """Return the rows of the announcements of the sample that have an event session."""
    dated = study.alignment.query("in_sample and role == 'policy'")["event_id"]
    return study.events[study.events["event_id"].isin(dated)]


def leading_label(study: Study) -> tuple[str, str]:
    """Return the column and the value that most announcements of the sample share."""
    events = _announcements(study)
    taken = events[stance_columns(events)].melt().query("value != 0")
    if taken.empty:
        return "role", "policy"
    most = taken.value_counts(sort=False).reset_index().nlargest(1, "count").iloc[0]
    return str(most["variable"]), str(most["value"])


@study_figure
def _draw(
    study: Study, by: str, label: str, window: Window, *, announcements: bool = False
) -> Drawn:
    labels: str | dict[str, object] = by
    if announcements:
        told = _announcements(study)
        labels = dict(zip(told["event_id"], told[by], strict=True))
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
    figure = StudyFigure(figsize=(WIDTH, 1.4 + 0.2 * len(rows)), layout="constrained")
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
        ax.tick_params(axis="y", length=0)
    by_session = frame.dropna(subset="event_session").groupby("event_session")["events"]
    named = by_session.agg(lambda lists: ";".join(dict.fromkeys(";".join(lists).split(";"))))
    ticks = [f"{shorten(named[day], LONGEST_EVENTS)}, {day:%Y-%m-%d}" for day in rows]
    axes[0].set_ylim(bottom + 0.7, -0.6)
    axes[0].set_yticks([*rows.values(), bottom], [*ticks, "pooled"], fontsize=6.5)
    quantity = return_label(f"CAAR{window_label(window)}", study.kind)
    shown = f"{by}: {typeset(shorten(label))}"
    figure.supxlabel(f"{quantity} with 95 % interval, {shown}; each group has its own scale")
    annotate(figure, note)
    return figure, frame.reset_index(drop=True)
