"""How fast and how long: projections, hours, volatility, and the sessions before an event."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from chainpolicy.estimators import (
    EARLY,
    PHASES,
    HourlyResponse,
    early_movers,
    hourly_responses,
    inside,
    local_projections,
    phase_table,
    volatility_paths,
)
from chainpolicy.estimators.policy_index import announcements_to_all
from chainpolicy.eventstudy import window_label
from chainpolicy.figures.canvas import Drawn, annotate, group_looks, study_figure
from chainpolicy.figures.panels import date_axis
from chainpolicy.figures.selection import (
    NothingToDrawError,
    estimated_events,
    event_title,
    headline_cells,
    shown_events,
    shown_groups,
)
from chainpolicy.figures.style import (
    FAINT,
    INK,
    QUIET,
    RESTRICTIVE_COLOR,
    SUPPORTIVE_COLOR,
    WIDTH,
    GroupStyle,
    StudyFigure,
    percent_ticks,
    return_label,
    shorten,
)
from chainpolicy.study import Study
from chainpolicy.typeset import numbers
from chainpolicy.typeset.numbers import p, typeset

SURPRISES = {"supportive": SUPPORTIVE_COLOR, "restrictive": RESTRICTIVE_COLOR}
MOST_HOURLY = 4
MOST_MOVERS = 15
# Sessions before the first event window that the volatility figure shows.
CALM_SESSIONS = 60
# Part of the height of the bars that is kept for the marks below them.
_RUG = 0.1
# In years of sessions they touch each other, and lines are drawn over them.
_BARS = "#C9C9C9"


@study_figure
def draw_local_projections(study: Study) -> Drawn:
    """Draw cumulative responses to supportive and restrictive surprises, with placebo bands.

    Frame: the columns of `estimators.local_projections`.
    """
    frame = local_projections(study)
    if frame.empty:
        raise NothingToDrawError("No announcement to a whole group takes a stance.")
    groups, note = shown_groups(study, frame["group"].drop_duplicates().tolist())
    frame = frame[frame["group"].isin(groups)].reset_index(drop=True)
    looks = group_looks(study)
    figure = StudyFigure(figsize=(WIDTH, 0.8 + 1.05 * len(groups)), layout="constrained")
    axes = figure.subplots(len(groups), 2, sharex=True, squeeze=False)
    for group, row in zip(groups, axes, strict=True):
        for (surprise, color), ax in zip(SURPRISES.items(), row, strict=True):
            path = frame[(frame["group"] == group) & (frame["surprise"] == surprise)]
            ax.axhline(0, color=INK, linewidth=0.6)
            ax.set_title(f"{looks[group].label}, {surprise}", fontsize=7)
            ax.fill_between(path["horizon"], path["lower"], path["upper"], color=FAINT, linewidth=0)
            ax.plot(path["horizon"], path["response"], color=color, marker="o", markersize=2.2)
            percent_ticks(ax.yaxis)
            ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    figure.supylabel(return_label("Cumulative response to one point", study.kind))
    for ax in axes[-1]:
        ax.set_xlabel("h, sessions after the event session")
    handles = [
        Line2D([], [], color=QUIET, marker="o", markersize=2.6, label="response"),
        Patch(facecolor=FAINT, label="95 % of circular shifts"),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    annotate(figure, note)
    return figure, frame


@study_figure
def draw_hourly_response(study: Study) -> Drawn:
    """Draw the hourly CAR around every announcement whose hour is known.

    Frame: ``event_id, ticker, tau, time, abnormal, car, std_error, lower, upper, outside``.
    """
    if not study.hourly:
        raise NothingToDrawError("The study has no hourly prices.")
    responses, _ = hourly_responses(study)
    if not responses:
        raise NothingToDrawError("No announcement of known hour lies inside the hourly prices.")
    chosen, note = shown_events(study, [response.event_id for response in responses], MOST_HOURLY)
    shown = [response for response in responses if response.event_id in chosen]
    other = study.confounders.dropna(subset="at")
    figure = StudyFigure(figsize=(WIDTH, 0.6 + 2.5 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for response, ax in zip(shown, axes, strict=True):
        look = group_looks(study).get(study.groups.get(response.ticker, ""))
        _plot_hours(response, ax, look.color if look else INK)
        _mark_confounders(response, other[other["event_id"] == response.event_id], ax)
        name = shorten(study.assets.set_index("ticker")["name"][response.ticker])
        moment = response.announced_at
        hour = f"{numbers.day(moment)}, {moment:%H:%M} UTC"
        ax.set_title(f"{name}, {hour}\n{event_title(study, response.event_id)}")
        ax.set_ylabel("CAR, log return (%)")
    axes[-1].set_xlabel("hours from the start of the hour of the announcement, drawn at their ends")
    handles = [
        Patch(facecolor=FAINT, label="95 % band"),
        Patch(facecolor="#EAF1F7", label="daily event session"),
        Line2D([], [], color=INK, marker="o", markersize=4, markerfacecolor="white",
               linestyle="none", label="first hour outside"),
        Line2D([], [], color=INK, linewidth=0.6, linestyle=(0, (2, 2)), label="announcement"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    annotate(figure, note)
    frames = [
        response.path.assign(event_id=response.event_id, ticker=response.ticker)
        for response in shown
    ]
    frame = pd.concat(frames, ignore_index=True)
    frame["time"] = frame["time"].dt.strftime("%Y-%m-%dT%H:%MZ")
    columns = ["event_id", "ticker", "tau", "time", "abnormal", "car", "std_error"]
    return figure, frame[[*columns, "lower", "upper", "outside"]]


def _plot_hours(response: HourlyResponse, ax: Axes, color: str) -> Axes:
    path = response.path
    origin = response.announced_at.floor("h")
    ends = [(moment - origin) / pd.Timedelta(hours=1) for moment in response.session]
    # An hour's return is complete at its end.
    at = path["tau"].to_numpy(np.float64) + 1.0
    ax.axvspan(max(ends[0], at[0]), min(ends[1], at[-1]), color="#EAF1F7", linewidth=0, zorder=0)
    ax.axhline(0, color=INK, linewidth=0.6)
    minutes = (response.announced_at - origin) / pd.Timedelta(hours=1)
    ax.axvline(minutes, color=INK, linewidth=0.6, linestyle=(0, (2, 2)))
    ax.fill_between(at, path["lower"], path["upper"], color=FAINT, linewidth=0)
    ax.plot(at, path["car"], color=color)
    if response.first_outside is not None:
        hour = path[path["tau"] == response.first_outside].iloc[0]
        ax.plot(hour["tau"] + 1, hour["car"], "o", color=INK, markersize=4, markerfacecolor="white")
    ax.set_xlim(at[0], at[-1])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, steps=[1, 2, 6, 10]))
    percent_ticks(ax.yaxis)
    return ax


def _mark_confounders(response: HourlyResponse, table: pd.DataFrame, ax: Axes) -> None:
    origin = response.announced_at.floor("h")
    for other in table.to_dict("records"):
        hour = (other["at"] - origin) / pd.Timedelta(hours=1)
        ax.axvline(hour, color=RESTRICTIVE_COLOR, linewidth=0.8, linestyle=":")
        ax.text(hour - 0.4, 0.97, shorten(f"{other['name']}, {other['at']:%H:%M} UTC", 50),
                rotation=90, ha="right", va="top", fontsize=6, color=RESTRICTIVE_COLOR,
                transform=ax.get_xaxis_transform())  # fmt: skip


@study_figure
def draw_volatility(study: Study) -> Drawn:
    """Draw the size of abnormal returns beside the volatility that the past predicts.

    Frame: ``group, session, abnormal, ewma, garch, estimation``.
    """
    if not study.alignment["in_sample"].any():
        raise NothingToDrawError("The study has no dated event in the sample.")
    frame = volatility_paths(study)
    if frame.empty:
        raise NothingToDrawError("No group has 60 sessions before the first event window.")
    groups, note = shown_groups(study, frame["group"].drop_duplicates().tolist())
    looks = group_looks(study)
    figure = StudyFigure(figsize=(WIDTH, 0.8 + 1.05 * len(groups)), layout="constrained")
    axes = figure.subplots(len(groups), 1, squeeze=False)[:, 0]
    parts = []
    announced = False
    for group, ax in zip(groups, axes, strict=True):
        path = frame[frame["group"] == group]
        path = path.iloc[max(int(path["estimation"].sum()) - CALM_SESSIONS, 0) :]
        _plot_volatility(path, ax, looks[group])
        days = announcements_to_all(study, group)["event_session"].unique()
        announced |= len(days) > 0
        # Below the bars, which they would cover, and above the axis, whose ticks they would seem.
        floor = ax.get_ylim()[1] * -_RUG
        ax.set_ylim(bottom=floor)
        ax.vlines(date2num(days), floor, 0.1 * floor, color=INK, linewidth=1.0)  # type: ignore[no-untyped-call]
        ax.set_title(looks[group].label, fontsize=7)
        parts.append(path)
    figure.supylabel(return_label("Per session", study.kind))
    handles = [
        Patch(facecolor=_BARS, label="size of the abnormal return"),
        Line2D([], [], color=QUIET, label="predicted standard deviation: GARCH(1,1)"),
        Line2D([], [], color=INK, linestyle="--", linewidth=0.8, label="EWMA"),
        Line2D([], [], color=INK, marker="|", linestyle="none", markersize=7,
               label="announcement"),
    ]  # fmt: skip
    figure.legend(handles=handles if announced else handles[:-1], loc="outside lower center",
                  ncols=4, fontsize=6.5)  # fmt: skip
    annotate(figure, note)
    return figure, pd.concat(parts, ignore_index=True)


def _plot_volatility(path: pd.DataFrame, ax: Axes, look: GroupStyle) -> Axes:
    days = date2num(path["session"].to_numpy())  # type: ignore[no-untyped-call]
    ax.vlines(days, 0, path["abnormal"].abs(), color=_BARS, linewidth=1.8)
    ax.plot(days, path["garch"], color=look.color)
    ax.plot(days, path["ewma"], color=INK, linestyle="--", linewidth=0.8)
    date_axis(ax, most=8)
    ax.set_ylim(bottom=0)
    ax.margins(x=0.01)
    percent_ticks(ax.yaxis)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    return ax


@study_figure
def draw_phases(study: Study) -> Drawn:
    """Draw the CAAR of the headline event before, at and after it.

    Frame: the columns of `estimators.phase_table`, and ``event_id``.
    """
    results, merged = estimated_events(study)
    event_id, cells = headline_cells(study, merged)
    frame = phase_table(results, event_id)
    if frame.empty:
        raise NothingToDrawError("The event window holds none of the phases before, at and after.")
    order = [group for group in cells["group"] if (frame["group"] == group).any()]
    groups, note = shown_groups(study, order)
    frame = frame[frame["group"].isin(groups)].reset_index(drop=True)
    phases = [phase for phase in PHASES if (frame["phase"] == phase).any()]
    looks = group_looks(study)
    figure = StudyFigure(figsize=(WIDTH, 0.9 + 0.27 * len(groups)), layout="constrained")
    axes = figure.subplots(1, len(phases), sharex=True, sharey=True, squeeze=False)[0]
    for phase, ax in zip(phases, axes, strict=True):
        of_phase = frame[frame["phase"] == phase].set_index("group")
        ax.axvline(0, color=INK, linewidth=0.6)
        for row, group in enumerate(groups):
            if group in of_phase.index:
                estimate = of_phase.loc[group]
                look = looks[group]
                apart = estimate["lower"] > 0 or estimate["upper"] < 0
                ax.plot([estimate["lower"], estimate["upper"]], [row, row], color=look.color)
                ax.plot(estimate["caar"], row, look.marker, color=look.color, markersize=4.2,
                        markerfacecolor=look.color if apart else "white")  # fmt: skip
        ax.set_title(typeset(f"{phase.capitalize()}, {window_label(PHASES[phase])}"))
        percent_ticks(ax.xaxis)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        ax.tick_params(axis="y", length=0, left=False)
        ax.spines["left"].set_visible(False)
    axes[0].set_yticks(range(len(groups)), [looks[group].label for group in groups])
    axes[0].set_ylim(len(groups) - 0.5, -0.5)
    label = return_label("CAAR", study.kind)
    figure.supxlabel(f"{label} with 95 % interval, around\n{event_title(study, event_id)}")
    annotate(figure, note)
    return figure, frame.assign(event_id=event_id)


@study_figure
def draw_early_movers(study: Study) -> Drawn:
    """Draw the assets that rose most in the week before the headline event.

    Frame: the columns of `estimators.early_movers`, and ``event_id``.
    """
    results, merged = estimated_events(study)
    event_id, _ = headline_cells(study, merged)
    if not inside(results, EARLY):
        message = f"The event window does not hold the sessions {window_label(EARLY)}."
        raise NothingToDrawError(message)
    frame = early_movers(results, study.ordinary_cars(EARLY), event_id, EARLY)
    if frame.empty:
        raise NothingToDrawError(f"No asset has a complete window {window_label(EARLY)}.")
    shown = frame.head(MOST_MOVERS)
    looks = group_looks(study)
    names = study.assets.set_index("ticker")["name"]
    figure = StudyFigure(figsize=(WIDTH, 0.9 + 0.18 * len(shown)), layout="constrained")
    ax = figure.subplots()
    ax.axvline(0, color=INK, linewidth=0.6)
    labels = []
    for row, mover in enumerate(shown.to_dict("records")):
        look = looks[mover["group"]]
        ax.hlines(row, 0, mover["car"], color=look.color, linewidth=1.0)
        ax.plot(mover["car"], row, look.marker, color=look.color, markersize=4,
                markerfacecolor=look.color if mover["p_placebo"] < 0.05 else "white")  # fmt: skip
        days = mover["at_upper"].count(";") + 1 if mover["at_upper"] else 0
        limit = f", {days} × upper limit" if days else ""
        ax.text(max(mover["car"], 0), row, f"   {p(mover['p_placebo'])}{limit}", va="center",
                fontsize=6, color=QUIET)  # fmt: skip
        ticker = str(mover["ticker"])
        labels.append("  ".join(dict.fromkeys([shorten(names[ticker], 32), shorten(ticker, 12)])))
    ax.set_yticks(range(len(shown)), labels, fontsize=6.5)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    low, high = min(0.0, float(shown["car"].min())), max(0.0, float(shown["car"].max()))
    # To the right there is room for what is written behind the longest line.
    ax.set_xlim(low - 0.02 * (high - low), high + 0.45 * (high - low))
    ax.tick_params(axis="y", length=0, left=False)
    ax.spines["left"].set_visible(False)
    percent_ticks(ax.xaxis)
    label = return_label(f"CAR{window_label(EARLY)}", study.kind)
    ax.set_xlabel(f"{label}, before\n{event_title(study, event_id)}")
    groups = [group for group in looks if (shown["group"] == group).any()]
    handles = [
        Line2D([], [], color=looks[group].color, marker=looks[group].marker, linestyle="none",
               label=looks[group].label)
        for group in groups
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper right", ncols=5)
    return figure, frame.assign(event_id=event_id)
