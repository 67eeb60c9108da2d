"""Figures of the event study, each with the frame of the numbers that were plotted."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.figures.canvas import (
    Drawn,
    annotate,
    asset_counts,
    column_labels,
    frame_event_rows,
    group_looks,
    study_figure,
)
from chainpolicy.figures.frames import (
    caar_segments,
    fit_panels,
    heatmap_cells,
    heatmap_rows,
    intervals,
    limit_counts,
)
from chainpolicy.figures.panels import (
    heatmap_handles,
    plot_caar,
    plot_car_heatmap,
    plot_forest,
    plot_names_at_limit,
    plot_price,
    plot_quantiles,
    plot_sparklines,
    plot_spreads,
    plot_stances,
    plot_timeline,
    stance_handles,
    timeline_handles,
)
from chainpolicy.figures.selection import (
    MOST_ASSETS,
    NothingToDrawError,
    dated_labels,
    estimated_events,
    event_title,
    headline_cells,
    leading_window,
    price_asset,
    shown,
    shown_assets,
    shown_events,
    shown_groups,
)
from chainpolicy.figures.style import (
    INK,
    QUIET,
    WIDTH,
    StudyFigure,
    color_scale,
    nice,
    percent_number,
    percent_ticks,
    return_label,
    shorten,
)
from chainpolicy.study import Study
from chainpolicy.study.announced import local_day, local_time
from chainpolicy.study.events import stance_columns
from chainpolicy.tables.responses import CENSORED_SHARE
from chainpolicy.typeset import numbers
from chainpolicy.typeset.numbers import typeset

LONGEST_COLUMN = 12


@study_figure
def draw_price_with_events(study: Study) -> Drawn:
    """Draw the price of the first 24/7 asset that is a group of its own, else of the first asset.

    Frame: ``date, close, event_id`` and the stances, one row per day, repeated where events share
    a session.
    """
    ticker = price_asset(study)
    aligned = study.alignment[study.alignment["in_sample"] & (study.alignment["ticker"] == ticker)]
    closes = study.prices[study.prices["ticker"] == ticker].set_index("date")["close"].sort_index()
    inside = aligned["event_session"].between(closes.index.min(), closes.index.max())
    dates = aligned[inside].set_index("event_id")["event_session"]
    if dates.empty:
        raise NothingToDrawError(f"No event in the sample has a session in the prices of {ticker}.")
    chosen, note = shown_events(study, dates.index.tolist())
    events = study.events.set_index("event_id").loc[chosen]
    stances = stance_columns(events)
    events = events[stances].assign(date=dates)
    events = events.sort_values("date", kind="stable").reset_index()
    first = closes.index.searchsorted(events["date"].min()) + min(study.event_window[0], 0)
    last = closes.index.searchsorted(events["date"].max()) + max(study.event_window[1], 0)
    closes = closes.iloc[max(first, 0) : last + 1]

    look = group_looks(study)[study.groups[ticker]]
    name = shorten(study.assets.set_index("ticker")["name"][ticker])
    layout = ConstrainedLayoutEngine(hspace=0, h_pad=0.03)
    figure = StudyFigure(figsize=(WIDTH, 4.3), layout=layout)
    above, below = figure.subplots(2, 1, height_ratios=[0.76 + 0.12 * len(stances), 2.6])
    plot_price(closes, below, look, name if name == ticker else f"{name} ({ticker})")
    below.margins(x=0.01)
    plot_stances(events, above, below)
    if stances:
        figure.legend(handles=stance_handles(), loc="outside lower center", ncols=3)
    annotate(figure, note)
    frame = closes.rename("close").rename_axis("date").reset_index()
    frame = frame.merge(events, on="date", how="outer", sort=True)
    return figure, frame.astype(dict.fromkeys(stances, "Int64"))[
        ["date", "close", "event_id", *stances]
    ]


@study_figure
def draw_caar_paths(study: Study) -> Drawn:
    """Draw every group's CAAR around the headline event, with its 95 % band.

    Frame: ``event_id, group, start, tau, session, n_assets, caar, lower, upper,
    share_at_limit``.
    """
    results, merged = estimated_events(study)
    event_id, cells = headline_cells(study, merged)
    groups, note = shown_groups(study, cells["group"].tolist())
    looks = group_looks(study)
    columns = min(3, len(groups))
    rows = math.ceil(len(groups) / columns)
    figure = StudyFigure(figsize=(WIDTH, 0.5 + 1.85 * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    frames = []
    for group, ax in zip(groups, axes, strict=False):
        path = caar_segments(results, event_id, group)
        plot_caar(results, event_id, group, ax, looks[group])
        session = cells.loc[cells["group"] == group, "session"].iloc[0]
        ax.set_title(
            f"{looks[group].label} ({asset_counts(path['n_assets'])})\n{numbers.day(session)}"
        )
        frames.append(path.assign(event_id=event_id, group=group))
    for ax in axes[len(groups) :]:
        ax.set_axis_off()
    handles = _path_handles(results, limited=bool((study.assets["price_limit"] != "").any()))
    if len(axes) > len(groups):
        axes[-1].legend(handles=handles, loc="center left", fontsize=6.5)
    else:
        figure.legend(handles=handles, loc="outside upper left", ncols=4, fontsize=6)
    figure.supylabel(return_label("CAAR", study.kind))
    figure.supxlabel(f"τ, sessions from the event session of\n{event_title(study, event_id)}")
    annotate(figure, note)
    plotted = ["event_id", "group", "start", "tau", "session", "n_assets", "caar", "lower", "upper"]
    return figure, pd.concat(frames, ignore_index=True)[[*plotted, "share_at_limit"]]


@study_figure
def draw_caar_clusters(study: Study) -> Drawn:
    """Draw CAAR paths as small multiples, events (rows) by groups (columns).

    Frame: ``event_id, group, start, tau, session, n_assets, caar, lower, upper``; event_id is
    the earliest announced of the events that share the session.
    """
    results, merged = estimated_events(study)
    events, groups, merged, note = shown(study, merged)
    looks = group_looks(study)
    leads = merged[merged["event_id"] == merged["lead"]]
    paths = {
        (lead, group): caar_segments(results, lead, group)
        for lead, group in leads[["lead", "group"]].itertuples(index=False)
    }
    paths = {key: path for key, path in paths.items() if not path.empty}
    if not paths:
        raise NothingToDrawError("No event window holds an abnormal return.")
    first, last = results.event_window
    figure = StudyFigure(figsize=(WIDTH, 1.0 + 0.44 * len(events)), layout="constrained")
    axes = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    axes[0].set_ylim(0.55 - len(events), 0.55)
    for group, ax in zip(groups, axes, strict=True):
        ax.set_xlim(first - 0.7, last + 0.7)
        scale = _reference([path for (_, of), path in paths.items() if of == group])
        rows = {row: paths.get((event_id, group)) for row, event_id in enumerate(events)}
        held = {row: path for row, path in rows.items() if path is not None}
        if held:
            plot_sparklines(held, ax, looks[group], scale)
        for row in rows.keys() - held.keys():
            _same_session(ax, merged, events[row], group, -row)
        ax.axvline(0, color=INK, linewidth=0.5, linestyle=(0, (2, 2)))
        lines = "grey lines: " if len(groups) <= 5 else ""
        title = f"{column_labels(looks, groups)[group]}\n{lines}±{percent_number(scale)} %"
        ax.set_title(title, fontsize=6.5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, steps=[1, 2, 5, 10]))
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0, left=False)
    labels = dated_labels(study, events, "\n")
    axes[0].set_yticks(-np.arange(len(events)), labels, fontsize=6.5, ha="left")
    longest = max(len(line) for label in labels for line in label.split("\n"))
    axes[0].tick_params(axis="y", pad=max(92, 3.9 * longest))
    figure.supxlabel(
        f"τ, sessions from the event session; {return_label('CAAR', study.kind)} with 95 % band"
    )
    annotate(figure, note)
    plotted = ["event_id", "group", "start", "tau", "session", "n_assets", "caar", "lower", "upper"]
    frames = [path.assign(event_id=lead, group=group) for (lead, group), path in paths.items()]
    return figure, pd.concat(frames, ignore_index=True)[plotted]


@study_figure
def draw_event_timeline(study: Study) -> Drawn:
    """Draw the article's date, the first public time and the event sessions of every dated event.

    Frame: ``event_id, in_sample, announced_at, time_precision, mark, date, day``; day counts from
    midnight, local time, of the day on which the public first knew.
    """
    dated = study.events[study.events["announced_at"] != ""]
    if dated.empty:
        raise NothingToDrawError("The study has no dated event.")
    chosen, note = shown_events(study, dated["event_id"].tolist())
    dated = dated.set_index("event_id").loc[chosen]
    sessions = study.alignment.drop_duplicates(["event_id", "calendar"])
    rows = []
    for event_id, event in dated.iterrows():
        announced_at = str(event["announced_at"])
        midnight = local_day(announced_at)
        marks = [("first public", local_time(announced_at))]
        if event["article_date"]:
            marks.append(("article date", pd.Timestamp(event["article_date"])))
        of_event = sessions[sessions["event_id"] == event_id].sort_values("calendar")
        marks += list(of_event[["calendar", "event_session"]].itertuples(index=False, name=None))
        rows += [
            {
                "event_id": event_id,
                "in_sample": event["in_sample"],
                "announced_at": announced_at,
                "time_precision": event["time_precision"],
                "mark": mark,
                "date": f"{when:%Y-%m-%d}",
                "day": (when - midnight) / pd.Timedelta(days=1),
            }
            for mark, when in marks
        ]
    frame = pd.DataFrame(rows)
    figure = StudyFigure(figsize=(WIDTH, 1.1 + 0.24 * len(dated)), layout="constrained")
    ax = figure.subplots()
    plot_timeline(frame, ax)
    handles = timeline_handles(frame)
    handles.append(Patch(facecolor="#EDEDED", label="weekend"))  # type: ignore[arg-type]
    figure.legend(handles=handles, loc="outside lower left", ncols=4)
    annotate(figure, note)
    return figure, frame


@study_figure
def draw_car_heatmap(study: Study) -> Drawn:
    """Draw the CAR of every asset at every event.

    Frame: ``group, ticker, event_id, with_events, window, car, p_value, limit, limit_before``;
    with_events are the later announced events of the same session.
    """
    results, merged = estimated_events(study)
    window = leading_window(study)
    events, groups, merged, note = shown(study, merged)
    assets = study.assets[study.assets["group"].isin(groups)]
    assets, about_assets = shown_assets(study, assets, MOST_ASSETS)
    note = "; ".join(filter(None, [note, about_assets]))
    names = assets.set_index("ticker")["name"]
    cells = heatmap_cells(results, window, events, merged, assets)
    row_of, headings, bottom = heatmap_rows(assets, groups)
    cells["row"] = cells["ticker"].map(row_of)
    cells = cells.sort_values(["row", "column"], ignore_index=True)
    scale = color_scale(cells["car"])

    # However few the assets, the names of the events above them take their room.
    height = 2.1 + 0.108 * max(bottom, 14)
    figure = StudyFigure(figsize=(WIDTH, height), layout="constrained")
    ax = figure.subplots()
    plot_car_heatmap(cells, ax, scale)
    looks = group_looks(study)
    sizes = study.groups.value_counts()
    for group, row in headings.items():
        ax.text(0, row, f"{looks[group].label}  (N = {sizes[group]})",
                va="center", fontsize=6.5, fontweight="bold")  # fmt: skip
        members = [row_of[t] for t in assets.loc[assets["group"] == group, "ticker"]]
        ends = [min(members) - 0.45, max(members) + 0.45]
        ax.plot([-0.007, -0.007], ends, color=looks[group].color, linewidth=2.2, clip_on=False,
                solid_capstyle="butt", transform=ax.get_yaxis_transform())  # fmt: skip
    ax.set(xlim=(0, len(events)), ylim=(bottom - 0.9, -0.7))
    size = 5.5 if len(row_of) > 30 else 6.5
    labels = [
        "  ".join(dict.fromkeys([shorten(names[ticker]), shorten(ticker, 12)])) for ticker in row_of
    ]
    ax.set_yticks(list(row_of.values()), labels, fontsize=size)
    ax.tick_params(axis="y", pad=6)
    ax.xaxis.tick_top()
    ax.set_xticks(
        np.arange(len(events)) + 0.5, dated_labels(study, events), rotation=90,
        fontsize=6.5,
    )  # fmt: skip
    ax.tick_params(axis="both", length=0, left=False, top=False)
    ax.spines[:].set_visible(False)
    label = return_label(f"CAR{window_label(window)}", study.kind)
    bar = figure.colorbar(
        ax.collections[0], ax=ax, location="bottom", extend="both", label=label, shrink=0.6,
        aspect=40, pad=0.01,
    )  # fmt: skip
    percent_ticks(bar.ax.xaxis)
    bar.outline.set_visible(False)
    figure.legend(handles=heatmap_handles(cells), loc="outside lower center", ncols=5, fontsize=6.5,
                  columnspacing=1.2, handletextpad=0.2)  # fmt: skip
    annotate(figure, note)
    columns = ["group", "ticker", "event_id", "with_events", "window", "car", "p_value"]
    return figure, cells[[*columns, "limit", "limit_before"]]


@study_figure
def draw_forest(study: Study) -> Drawn:
    """Draw CAAR by event and group with the 95 % interval of the portfolio t.

    Frame: ``event_id, with_events, group, window, n_assets, caar, lower, upper, p_value``.
    """
    results, merged = estimated_events(study)
    window = leading_window(study)
    events, groups, merged, note = shown(study, merged)
    frame = intervals(results, merged, window)
    if frame.empty:
        raise NothingToDrawError(f"No asset has a complete window {window_label(window)}.")
    looks = group_looks(study)
    row_of = {event_id: row for row, event_id in enumerate(events)}
    figure = StudyFigure(figsize=(WIDTH, 1.1 + 0.2 * len(events)), layout="constrained")
    axes = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for group, ax in zip(groups, axes, strict=True):
        estimates = frame[frame["group"] == group]
        plot_forest(estimates.assign(row=estimates["event_id"].map(row_of)), ax, looks[group])
        title = f"{column_labels(looks, groups)[group]}\n{asset_counts(estimates['n_assets'])}"
        ax.set_title(title, fontsize=7)
        estimated = set(estimates["event_id"])
        for event_id in (name for name in events if name not in estimated):
            _same_session(ax, merged, event_id, group, row_of[event_id])
    frame_event_rows(axes, dated_labels(study, events))
    label = return_label(f"CAAR{window_label(window)}", study.kind)
    figure.supxlabel(f"{label} with 95 % interval; each group has its own scale")
    annotate(figure, note)
    return figure, frame


@study_figure
def draw_names_at_limit(study: Study) -> Drawn:
    """Draw how many assets closed at a price limit around the headline event.

    Frame: ``event_id, group, tau, session, n_assets, upper, lower, ever_upper, ever_lower``.
    """
    limited = study.assets[(study.assets["price_limit"] != "")]
    limited = limited[limited["ticker"].isin(study.groups.index)]
    if limited.empty:
        raise NothingToDrawError("No asset of this study has a daily price limit.")
    results, merged = estimated_events(study)
    event_id, cells = headline_cells(study, merged)
    with_limit = [group for group in cells["group"] if (limited["group"] == group).any()]
    if not with_limit:
        raise NothingToDrawError(f"No asset with a price limit was estimated at {event_id}.")
    groups, note = shown_groups(study, with_limit)
    abnormal = results.abnormal_returns
    abnormal = abnormal[
        (abnormal["event_id"] == event_id) & abnormal["ticker"].isin(limited["ticker"])
    ]
    looks = group_looks(study)
    figure = StudyFigure(figsize=(WIDTH, 0.5 + 1.75 * len(groups)), layout="constrained")
    axes = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    frames = []
    for group, ax in zip(groups, axes, strict=True):
        of_group = abnormal[abnormal["ticker"].map(study.groups) == group]
        counts = limit_counts(of_group)
        plot_names_at_limit(counts, ax, looks[group])
        total = of_group["ticker"].nunique()
        session = cells.loc[cells["group"] == group, "session"].iloc[0]
        ax.set_title(f"{looks[group].label} (N = {total}), event session {numbers.day(session)}")
        ax.set_ylabel("← lower    names    upper →")
        frames.append(counts.assign(event_id=event_id, group=group, n_assets=total))
    axes[-1].set_xlabel(f"τ, sessions from the event session of\n{event_title(study, event_id)}")
    handles = [
        Patch(facecolor=QUIET, label="upper limit, on the session"),
        Patch(facecolor="white", edgecolor=QUIET, hatch="//////",
              label="lower limit, on the session"),
        Line2D([], [], color=INK, linewidth=0.8,
               label=typeset(f"at least once since τ = {results.event_window[0]}")),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    annotate(figure, note)
    columns = ["event_id", "group", "tau", "session", "n_assets", "upper", "lower"]
    return figure, pd.concat(frames, ignore_index=True)[[*columns, "ever_upper", "ever_lower"]]


@study_figure
def draw_estimation_fit(study: Study) -> Drawn:
    """Draw what the estimation windows of the headline event look like.

    Frame: ``panel, column, group, ticker, x, value, median``; panels ``beta, r_squared, sigma,
    autocorrelation`` have one row per asset (beta: and benchmark), ``quantiles`` one per group
    and probability, ``bound`` the one that is drawn on both sides of no autocorrelation.
    """
    results, merged = estimated_events(study)
    event_id, cells = headline_cells(study, merged)
    groups, note = shown_groups(study, cells["group"].tolist())
    looks = group_looks(study)
    panels = fit_panels(results, event_id, study.groups, groups)
    figure = StudyFigure(figsize=(WIDTH, 5.4), layout="constrained")
    titles = {
        "beta": "β, by benchmark",
        "r_squared": "R²",
        "sigma": "Residual standard deviation (%)",
        "autocorrelation": "First-order autocorrelation of residuals",
        "quantiles": "Quantiles of standardized residuals against N(0, 1)",
    }
    places = figure.subplot_mosaic("ab;cd;ee", height_ratios=[1, 1, 1.25]).values()
    axes = dict(zip(titles, places, strict=True))
    for name, ax in axes.items():
        ax.set_title(titles[name])
        if name == "quantiles":
            plot_quantiles(panels[name], ax, looks)
            ax.set(xlabel="Quantile of N(0, 1)", ylabel="Quantile of residual / σ")
            continue
        if panels[name].empty:
            ax.set_axis_off()
            ax.text(0.5, 0.5, "no asset has a benchmark", ha="center", va="center", color=QUIET)
            continue
        plot_spreads(panels[name], ax, looks)
        columns = panels[name].drop_duplicates(["group", "column"])["column"].tolist()
        labels = [_benchmark_label(study, column) for column in columns] if name == "beta" else []
        ax.set_xticks(range(len(columns)), labels or [""] * len(columns), fontsize=6)
        ax.tick_params(axis="x", length=0, bottom=False)
        ax.set_xlim(-0.6, len(columns) - 0.4)
    percent_ticks(axes["sigma"].yaxis)
    bound = float(panels["bound"]["value"].item())
    for level in (-bound, 0, bound):
        axes["autocorrelation"].axhline(level, color=INK, linewidth=0.5,
                                        linestyle="-" if level == 0 else (0, (2, 2)))  # fmt: skip
    handles = [
        Line2D([], [], color=looks[group].color, linestyle=looks[group].line,
               marker=looks[group].marker, label=looks[group].label)
        for group in groups
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower left", ncols=6)
    annotate(figure, note)
    frame = pd.concat([panel.assign(panel=name) for name, panel in panels.items()])
    columns = ["panel", "column", "group", "ticker", "x", "value", "median"]
    return figure, frame[columns].reset_index(drop=True)


def _benchmark_label(study: Study, ticker: str) -> str:
    """Name a benchmark under a narrow column: by its ticker where its name is long."""
    # A factor has no row, and its own name.
    name = str(study.assets.set_index("ticker")["name"].get(ticker, ticker))
    return shorten(name if len(name) <= LONGEST_COLUMN else ticker, LONGEST_COLUMN)


def _path_handles(results: EventStudyResults, *, limited: bool) -> list[Line2D | Patch]:
    first = typeset(f"τ = {results.event_window[0]}")
    share = percent_number(CENSORED_SHARE)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=QUIET, marker="o", markersize=2.6,
               label=f"CAAR: run-up from {first},\nresponse anew from τ = 0"),
        Patch(facecolor=QUIET, alpha=0.3, label="95 % band"),
        Line2D([], [], color=QUIET, marker="o", markersize=2.6, markerfacecolor="white",
               linestyle="none", label=f"{share} % or more of the group\nclosed at a price limit"),
        Line2D([], [], color=INK, linewidth=0.6, linestyle=(0, (2, 2)),
               label="event session, τ = 0"),
    ]  # fmt: skip
    return handles if limited else [handles[0], handles[1], handles[3]]


def _reference(paths: list[pd.DataFrame]) -> float:
    """Scale of small multiples: the largest path and the usual band fit into a row."""
    if not paths:
        return nice(0)
    line = max(float(path["caar"].abs().max()) for path in paths)
    bands = [float(path[["lower", "upper"]].abs().to_numpy().max()) for path in paths]
    return nice(max(line, float(np.median(bands))) / 2)


def _same_session(ax: Axes, merged: pd.DataFrame, event_id: str, group: str, row: float) -> None:
    """Point to the event above that has the same session, or show that there is no estimate."""
    cell = merged[(merged["event_id"] == event_id) & (merged["group"] == group)]
    follows = (cell["lead"] != event_id).any()
    text = "↑ same session" if follows else "no estimate"
    ax.text(0.5, row, text, transform=ax.get_yaxis_transform(), ha="center", va="center",
            fontsize=5.5, color=QUIET, backgroundcolor="white")  # fmt: skip
