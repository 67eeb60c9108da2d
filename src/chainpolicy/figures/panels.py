"""One kind of panel each: results or a small frame onto an `Axes`; no file is read or written."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from itertools import compress, cycle
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import Normalize
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from chainpolicy.eventstudy import EventStudyResults
from chainpolicy.figures.frames import caar_segments
from chainpolicy.figures.style import (
    FAINT,
    INK,
    QUIET,
    RESTRICTIVE_COLOR,
    SUPPORTIVE_COLOR,
    GroupStyle,
    group_styles,
    percent_ticks,
    shorten_all,
    spread,
)
from chainpolicy.study.announced import hour_label, local_day
from chainpolicy.study.calendars import ALWAYS_OPEN, PLACES
from chainpolicy.study.events import dimension_of, stance_columns
from chainpolicy.tables.responses import CENSORED_SHARE
from chainpolicy.typeset import numbers
from chainpolicy.typeset.numbers import typeset

# A price that moved by more than this factor is shown on a log scale.
LOG_SCALE_FROM = 3.0
# Days around the first public day that the timeline has room for.
TIMELINE_DAYS = (-6, 8)
# Characters of the name of a dimension.
LONGEST_DIMENSION = 18

MISSING = "#C8C8C8"

STANCES = {
    1: {"marker": "^", "color": SUPPORTIVE_COLOR, "label": "supportive"},
    -1: {"marker": "v", "color": RESTRICTIVE_COLOR, "label": "restrictive"},
    0: {"marker": "_", "color": QUIET, "label": "neutral or silent"},
}
# From the west, as the day passes; other calendars take the marks that are left, in turn.
_CALENDAR_MARKS = {ALWAYS_OPEN: "o", "XNYS": "^", "XHKG": "D", "XSHG": "s"}
_OTHER_MARKS = ("v", "P", "X", "p", "h", "*", "<", ">")


def plot_price(closes: pd.Series, ax: Axes, look: GroupStyle, name: str) -> Axes:
    """Draw a price.

    Parameters
    ----------
    closes : Series
        Closes by session, in whatever unit prices.csv has them.
    look : GroupStyle
        Of the asset's group.
    name : str
        What the price is of.

    Returns
    -------
    Axes
        With a log scale if the price moved by more than a factor of three.
    """
    ax.plot(closes.index.to_numpy(), closes.to_numpy(), color=look.color)
    label = f"{name}\nclose as in prices.csv"
    if closes.max() > LOG_SCALE_FROM * closes.min():
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_minor_formatter(NullFormatter())
        label += " (log scale)"
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    date_axis(ax)
    ax.set_ylabel(label)
    return ax


# Enough for any range in any unit.
MOST_TICKS = 12


class _DateLocator(AutoDateLocator):
    """Finds ticks for every range: with few ticks allowed, Matplotlib has none for some."""

    def get_locator(self, dmin: Any, dmax: Any) -> Any:
        """Pick a locator, with more ticks where the range lies between two units."""
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            try:
                return super().get_locator(dmin, dmax)  # type: ignore[no-untyped-call]
            except UserWarning:
                self.maxticks = dict.fromkeys(self.maxticks, MOST_TICKS)
                return super().get_locator(dmin, dmax)  # type: ignore[no-untyped-call]


def date_axis(ax: Axes, most: int = 9, month: str = "%b %Y") -> Axes:
    """Label a time axis with days and months, at most `most` of them."""
    locator = _DateLocator(minticks=3, maxticks=most)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(
        ConciseDateFormatter(  # type: ignore[no-untyped-call]
            locator,
            formats=["%Y", month, "%d %b", "%H:%M", "%H:%M", "%S"],
            zero_formats=["", month, month, "%d %b", "%H:%M", "%H:%M"],
            show_offset=False,
        )
    )
    return ax


def plot_stances(events: pd.DataFrame, ax: Axes, prices: Axes) -> Axes:
    """Draw the stances of events above a price, each event with a leader to its session.

    Parameters
    ----------
    events : DataFrame
        ``event_id, date`` and the stances, see `stance_columns`, ascending by date.
    ax : Axes
        Directly above the price.
    prices : Axes
        The price, which gets a vertical rule at every session.

    Returns
    -------
    Axes
        A row of markers for each stance; the events' names above them.
    """
    stances = stance_columns(events)
    low, high = prices.get_xlim()
    margin = 0.012 * (high - low)
    dates = date2num(events["date"].to_numpy())  # type: ignore[no-untyped-call]
    columns = spread(dates, 0.037 * (high - low), low + margin, high - margin)
    for date, column in zip(dates, columns, strict=True):
        # Up to the leader, across the padding between the two.
        rule = prices.plot(
            [date, date], [0, 1.035], color=FAINT, linewidth=0.7, zorder=0, clip_on=False,
            transform=prices.get_xaxis_transform(),
        )  # fmt: skip
        rule[0].set_in_layout(False)
        ax.plot([date, column], [-2.2, -0.7], color=FAINT, linewidth=0.7, zorder=0)
    for row, stance in enumerate(reversed(stances)):
        for value, mark in STANCES.items():
            chosen = (events[stance] == value).to_numpy()
            ax.plot(
                columns[chosen],
                np.full(int(chosen.sum()), float(row)),
                marker=mark["marker"],
                color=mark["color"],
                linestyle="none",
                markersize=5.5 if value else 4,
            )
    size = min(6.5, 6.5 * 27 / max(len(events), 1))
    labels = shorten_all(events["event_id"].tolist())
    for label, column in zip(labels, columns, strict=True):
        ax.text(
            column, len(stances) - 0.3, label, rotation=90, ha="center", va="bottom", fontsize=size
        )
    ax.set(xlim=(low, high), ylim=(-2.2, len(stances) - 0.4), xticks=[])
    names = [capitalized(dimension_of(stance)) for stance in reversed(stances)]
    ax.set_yticks(range(len(stances)), shorten_all(names, LONGEST_DIMENSION))
    ax.tick_params(axis="y", length=0, left=False)
    ax.spines[:].set_visible(False)
    return ax


def capitalized(text: str) -> str:
    """Begin with a capital, and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def stance_handles() -> list[Line2D]:
    """Return the key of the stance markers."""
    return [
        Line2D([], [], marker=str(mark["marker"]), color=str(mark["color"]), linestyle="none",
               markersize=5, label=f"{mark['label']}")
        for mark in STANCES.values()
    ]  # fmt: skip


def plot_caar(
    results: EventStudyResults,
    event_id: str,
    group: str,
    ax: Axes,
    look: GroupStyle | None = None,
) -> Axes:
    """Draw the CAAR of one group around one event, with its 95 % band.

    Parameters
    ----------
    look : GroupStyle, optional
        Default: as `group_styles` has it for all groups of the results.

    Returns
    -------
    Axes
        The paths of `caar_segments`; a hollow marker where at least a tenth of the group closed
        at a price limit. Returns are decimals, labelled in percent.
    """
    if look is None:
        look = group_styles(results.pairs["group"])[group]
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.axvline(0, color=INK, linewidth=0.6, linestyle=(0, (2, 2)))
    for _, path in caar_segments(results, event_id, group).groupby("start"):
        tau, caar = path["tau"].to_numpy(), path["caar"].to_numpy()
        lower, upper = path["lower"].to_numpy(), path["upper"].to_numpy()
        ax.fill_between(tau, lower, upper, color=look.color, alpha=0.22, linewidth=0)
        ax.plot(tau, caar, color=look.color)
        censored = path["share_at_limit"].to_numpy() >= CENSORED_SHARE
        for chosen, face in ((~censored, look.color), (censored, "white")):
            ax.plot(
                tau[chosen], caar[chosen], "o", color=look.color, markersize=2.6,
                markerfacecolor=face, markeredgewidth=0.8,
            )  # fmt: skip
    first, last = results.event_window
    ax.set_xlim(first - 0.7, last + 0.7)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, steps=[1, 2, 5, 10]))
    percent_ticks(ax.yaxis)
    return ax


def plot_sparklines(
    paths: Mapping[int, pd.DataFrame], ax: Axes, look: GroupStyle, scale: float
) -> Axes:
    """Draw CAAR paths below one another: bands, lines, zero lines and two lines at the scale.

    Parameters
    ----------
    paths : mapping of int to DataFrame
        From `caar_segments`, by row.
    scale : float
        CAAR of the two reference lines, a quarter of a row from the zero line.

    Returns
    -------
    Axes
        With row r centred at y = -r; a band that leaves its row is cut there.
    """
    parts = {row: _parts(path, row, 0.25 / scale) for row, path in paths.items()}
    ends = np.array([[path["tau"].min(), path["tau"].max()] for path in paths.values()])
    levels = np.array([[-0.25 - row, -row, 0.25 - row] for row in paths])
    begun, ended = np.repeat(ends, 3, axis=0).T
    ax.hlines(levels.ravel(), begun, ended, colors=[QUIET, INK, QUIET],
              linewidths=[0.3, 0.6, 0.3])  # fmt: skip
    for (row, of_row), (first, last) in zip(parts.items(), ends, strict=True):
        for tau, _, lower, upper in (part.T for part in of_row):
            band = ax.fill_between(tau, lower, upper, color=look.color, alpha=0.25, linewidth=0)
            corner, width = (first - 1, -row - 0.48), last - first + 2
            band.set_clip_path(Rectangle(corner, width, 0.96, transform=ax.transData))
    lines = [part[:, :2] for of_row in parts.values() for part in of_row]
    ax.add_collection(LineCollection(lines, colors=look.color, linewidths=1.0,
                                     capstyle="projecting", joinstyle="round"))  # fmt: skip
    return ax


def _parts(path: pd.DataFrame, row: int, unit: float) -> list[NDArray[np.float64]]:
    """Place each part of a path in its row: columns tau, CAAR and both ends of the band."""
    placed = path[["tau", "caar", "lower", "upper"]].to_numpy(np.float64)
    placed[:, 1:] = placed[:, 1:] * unit - row
    starts = path["start"].to_numpy()
    return np.split(placed, np.flatnonzero(np.diff(starts)) + 1)


def plot_timeline(marks: pd.DataFrame, ax: Axes) -> Axes:
    """Draw, event by event, which day each clock gives it.

    Parameters
    ----------
    marks : DataFrame
        ``event_id, in_sample, announced_at, time_precision, mark, day``: one row per event and
        mark, in the order of the events. ``day`` counts from midnight, local time, of the day
        the public first knew: the hour as a fraction for the mark ``first public``, whole days
        for ``article date`` and the event session of a calendar.

    Returns
    -------
    Axes
        One row per event; weekends are shaded; a mark outside the range is drawn at the edge
        with its day.
    """
    events = marks.drop_duplicates("event_id").reset_index(drop=True)
    first, last = TIMELINE_DAYS
    markers = _calendar_markers(marks["mark"])
    calendars = list(markers)
    lanes = dict(zip(calendars, np.linspace(-0.3, 0.3, len(calendars)) * -1, strict=True))
    if len(calendars) == 1:
        lanes = dict.fromkeys(calendars, 0.0)
    rows = {event_id: row for row, event_id in enumerate(events["event_id"])}
    weekends = []
    for row, event in enumerate(events.to_dict("records")):
        monday = local_day(event["announced_at"]).weekday()
        weekends += [(d, row) for d in range(first, last) if (monday + d) % 7 >= 5]
        label = announcement_label(event["announced_at"], event["time_precision"])
        ax.text(1.01, row, label, transform=ax.get_yaxis_transform(), va="center", fontsize=6.5,
                color=INK if event["in_sample"] else QUIET)  # fmt: skip
    _shade_days(ax, weekends, 0.9, color="#EDEDED")
    marks = marks.assign(row=marks["event_id"].map(rows))
    for kind, of_kind in marks.groupby("mark", sort=False):
        if kind == "first public":
            _mark_first_public(ax, of_kind)
        else:
            _mark_days(ax, of_kind, lanes.get(str(kind), 0.0), str(kind), markers)
    ax.set(xlim=(first, last), ylim=(len(events) - 0.5, -0.5))
    ax.set_yticks(range(len(events)), shorten_all(events["event_id"].tolist()))
    for tick, inside in zip(ax.get_yticklabels(), events["in_sample"], strict=True):
        tick.set_color(INK if inside else QUIET)
    ax.set_xticks(range(first, last + 1), minor=True)
    ax.set_xticks(np.arange(first, last) + 0.5, [typeset(f"{d:+d}") if d else "0"
                                                  for d in range(first, last)])  # fmt: skip
    ax.tick_params(axis="both", which="major", length=0, left=False, bottom=False)
    ax.grid(axis="x", which="minor", color=FAINT, linewidth=0.4)
    ax.set_xlabel(
        "Days from the day on which the public first knew (local date of the announcement)"
    )
    return ax


def _shade_days(ax: Axes, days: Iterable[tuple[float, int]], height: float, **look: Any) -> None:
    """Fill whole days, each given with its row."""
    sides = np.array([[0, -height / 2], [0, height / 2], [1, height / 2], [1, -height / 2]])
    corners = [sides + place for place in days]
    ax.add_collection(PolyCollection(corners, linewidth=0, **look))


def _mark_first_public(ax: Axes, marks: pd.DataFrame) -> None:
    whole_day = marks["time_precision"] == "day"
    whole = [(0, row) for row in marks.loc[whole_day, "row"]]
    _shade_days(ax, whole, 0.84, color=SUPPORTIVE_COLOR, alpha=0.28)
    known = marks[~whole_day]
    ax.vlines(known["day"], known["row"] - 0.42, known["row"] + 0.42, color=SUPPORTIVE_COLOR,
              linewidth=2, capstyle="projecting")  # fmt: skip


def _mark_days(
    ax: Axes, marks: pd.DataFrame, lane: float, kind: str, markers: dict[str, str]
) -> None:
    first, last = TIMELINE_DAYS
    # Left of the sessions, so that an article that is right about the day is not covered.
    place = marks["day"] + (0.22 if kind == "article date" else 0.55)
    place = place.clip(first + 0.35, last - 0.35)
    if kind == "article date":
        ax.plot(place, marks["row"], "x", color=RESTRICTIVE_COLOR, markersize=4,
                markeredgewidth=1.6)  # fmt: skip
    else:
        ax.plot(
            place, marks["row"] + lane, markers[kind], color=INK,
            markerfacecolor="white" if kind == ALWAYS_OPEN else INK, markeredgewidth=0.7,
            markersize=3.4,
        )  # fmt: skip
    for at, row, day in zip(place, marks["row"], marks["day"], strict=True):
        if not first <= day < last:
            side, align = (1, "left") if day < 0 else (-1, "right")
            ax.text(at + 0.3 * side, row, typeset(f"{day:+.0f} d"), ha=align,
                    va="center", fontsize=6)  # fmt: skip


def timeline_handles(marks: pd.DataFrame) -> list[Line2D]:
    """Return the key of the marks that occur in a timeline."""
    kinds = marks["mark"].unique().tolist()
    whole_day = marks["time_precision"] == "day"
    public = [
        Line2D([], [], color=SUPPORTIVE_COLOR, marker="|", markersize=8, markeredgewidth=2,
               linestyle="none", label="first public"),
        Line2D([], [], color=SUPPORTIVE_COLOR, alpha=0.28, marker="s", markersize=8,
               markeredgewidth=0, linestyle="none", label="first public, hour unknown"),
        Line2D([], [], color=RESTRICTIVE_COLOR, marker="x", markeredgewidth=1.6, markersize=4,
               linestyle="none", label="article's date"),
    ]  # fmt: skip
    occurs = [not whole_day.all(), whole_day.any(), "article date" in kinds]
    sessions = [
        Line2D([], [], marker=marker, color=INK, linestyle="none", markersize=4,
               markerfacecolor="white" if name == ALWAYS_OPEN else INK,
               label=f"event session, {PLACES[name]}")
        for name, marker in _calendar_markers(kinds).items()
    ]  # fmt: skip
    return [*compress(public, occurs), *sessions]


def _calendar_markers(marks: Iterable[str]) -> dict[str, str]:
    """Give each calendar among the marks its marker, in the order in which they are drawn."""
    found = set(marks)
    others = [name for name in PLACES if name in found and name not in _CALENDAR_MARKS]
    known = {name: marker for name, marker in _CALENDAR_MARKS.items() if name in found}
    return known | dict(zip(others, cycle(_OTHER_MARKS), strict=False))


def announcement_label(announced_at: str, time_precision: str) -> str:
    """Write when the public first knew, as precisely as it is known and no more."""
    day = local_day(announced_at)
    return f"{day:%a} {numbers.day(day)}" + hour_label(announced_at, time_precision)


def plot_car_heatmap(cells: pd.DataFrame, ax: Axes, scale: float) -> Axes:
    """Draw the CARs of assets (rows) at events (columns).

    Parameters
    ----------
    cells : DataFrame
        ``row, column, width, car, p_value, limit``: place of the cell, the number of columns it
        covers (events that share a session), CAR as a decimal (NaN: none), its p-value, and
        ``upper`` or ``lower`` for closes at a price limit: ``limit`` on the window's last
        session, ``limit_before`` on an earlier one.
    scale : float
        CAR at which the colours end.

    Returns
    -------
    Axes
        With one mesh per row; any of them serves for a colour bar.
    """
    norm, colors = Normalize(-scale, scale), mpl.colormaps["RdBu"].with_extremes(bad=MISSING)
    for middle_of_row, line in cells.groupby("row"):
        edges = np.append(line["column"], line["column"].iloc[-1] + line["width"].iloc[-1])
        values = np.ma.masked_invalid(line["car"].to_numpy()[None, :])
        row = float(str(middle_of_row))
        heights = [row - 0.5, row + 0.5]
        ax.pcolormesh(
            edges, heights, values, cmap=colors, norm=norm, edgecolors="white", linewidth=0.5
        )
    middle = (cells["column"] + cells["width"] / 2).to_numpy()
    row_of = cells["row"].to_numpy(dtype=float)
    car = cells["car"].to_numpy()
    dark = np.abs(np.nan_to_num(car)) > 0.62 * scale
    significant = cells["p_value"].to_numpy() < 0.05
    for sign, marker in ((1, "+"), (-1, "_")):
        for on_dark, ink in ((False, "black"), (True, "white")):
            chosen = significant & (np.sign(car) == sign) & (dark == on_dark)
            ax.plot(middle[chosen], row_of[chosen], marker, color=ink, markersize=3.4,
                    markeredgewidth=0.8)  # fmt: skip
    for side, marker in (("upper", "^"), ("lower", "v")):
        for column, filled in (("limit", True), ("limit_before", False)):
            chosen = (cells[column] == side).to_numpy()
            for on_dark, ink in ((False, "black"), (True, "white")):
                these = chosen & (dark == on_dark)
                ax.plot(middle[these] + 0.33, row_of[these], marker, color=ink, markersize=2.4,
                        markeredgewidth=0.5, markerfacecolor=ink if filled else "none")  # fmt: skip
    return ax


def heatmap_handles(cells: pd.DataFrame) -> list[Line2D]:
    """Return the key of the marks that a heatmap of these cells can have."""
    marks = {
        "p < 5 %, positive": ("+", "black", 5.0),
        "p < 5 %, negative": ("_", "black", 5.0),
    }
    if (cells[["limit", "limit_before"]] != "").any(axis=None):
        marks["last session at a price limit"] = ("^", "black", 4.0)
        marks["an earlier one at a limit"] = ("^", "none", 4.0)
    if cells["car"].isna().any():
        marks["no CAR"] = ("s", MISSING, 5.0)
    return [
        Line2D([], [], marker=marker, linestyle="none", markersize=size, label=label,
               color=face if face == MISSING else "black", markerfacecolor=face)
        for label, (marker, face, size) in marks.items()
    ]  # fmt: skip


def plot_forest(estimates: pd.DataFrame, ax: Axes, look: GroupStyle) -> Axes:
    """Draw one group's CAAR by event with 95 % intervals.

    Parameters
    ----------
    estimates : DataFrame
        ``row, caar, lower, upper``, decimals.

    Returns
    -------
    Axes
        A filled marker where the interval excludes zero, else a hollow one.
    """
    ax.axvline(0, color=INK, linewidth=0.6)
    rows = estimates["row"].to_numpy(dtype=float)
    ax.hlines(rows, estimates["lower"], estimates["upper"], color=look.color, linewidth=1.3)
    away = ((estimates["lower"] > 0) | (estimates["upper"] < 0)).to_numpy()
    caar = estimates["caar"].to_numpy()
    for chosen, face in ((away, look.color), (~away, "white")):
        ax.plot(
            caar[chosen], rows[chosen], look.marker, color=look.color, markersize=4.2,
            markerfacecolor=face, markeredgewidth=0.9,
        )  # fmt: skip
    # As many labels as there is room for.
    room = 4.5 * ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted()).width
    ax.xaxis.set_major_locator(MaxNLocator(nbins=max(2, int(room)), steps=[1, 2, 5, 10]))
    percent_ticks(ax.xaxis)
    return ax


def plot_names_at_limit(counts: pd.DataFrame, ax: Axes, look: GroupStyle) -> Axes:
    """Draw how many of a group's assets closed at a price limit.

    Parameters
    ----------
    counts : DataFrame
        ``tau, upper, lower, ever_upper, ever_lower``: number on the session, and number that
        did so at least once since the event window began.

    Returns
    -------
    Axes
        Upper limits upwards, lower limits downwards; bars for the session, steps for ever.
    """
    tau = counts["tau"].to_numpy()
    some = counts[counts["upper"] > 0]
    ax.bar(some["tau"], some["upper"], width=0.75, color=look.color)
    some = counts[counts["lower"] > 0]
    ax.bar(some["tau"], -some["lower"], width=0.75, facecolor="white", edgecolor=look.color,
           hatch="//////")  # fmt: skip
    for sign, column in ((1, "ever_upper"), (-1, "ever_lower")):
        ax.step(tau, sign * counts[column], where="mid", color=INK, linewidth=0.8)
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.axvline(0, color=INK, linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, -1), max(high, 1))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    return ax


def plot_spreads(values: pd.DataFrame, ax: Axes, looks: dict[str, GroupStyle]) -> Axes:
    """Draw a quantity asset by asset, sorted within each column, with the median.

    Parameters
    ----------
    values : DataFrame
        ``column, group, x, value, median``: name of the column, the asset's group, the asset's
        place inside the figure, its value and the median of its column.
    looks : dict of str to GroupStyle
    """
    columns = values.groupby(["group", "column"], sort=False)
    for position, (_, column) in enumerate(columns):
        look = looks[column["group"].iloc[0]]
        ax.plot(column["x"], column["value"], look.marker, color=look.color, markersize=2.6,
                markeredgewidth=0)  # fmt: skip
        if len(column) > 1:
            ax.hlines(column["median"].iloc[0], position - 0.42, position + 0.42, color=INK,
                      linewidth=0.9)  # fmt: skip
    return ax


def plot_quantiles(quantiles: pd.DataFrame, ax: Axes, looks: dict[str, GroupStyle]) -> Axes:
    """Draw quantiles of standardized residuals against those of N(0, 1).

    Parameters
    ----------
    quantiles : DataFrame
        ``group, x, value``.
    looks : dict of str to GroupStyle

    Returns
    -------
    Axes
        With the line on which normal residuals lie.
    """
    reach = float(quantiles["x"].abs().max())
    ax.plot([-reach, reach], [-reach, reach], color=INK, linewidth=0.6)
    for group, line in quantiles.groupby("group", sort=False):
        look = looks[str(group)]
        ax.plot(line["x"], line["value"], color=look.color, linestyle=look.line)
        ends = line.iloc[[0, -1]]
        ax.plot(ends["x"], ends["value"], look.marker, color=look.color)
    return ax
