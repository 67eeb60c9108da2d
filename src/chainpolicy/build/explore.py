"""A study -> a page to explore: events by group and by asset, window by window, without script."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.figures import show
from chainpolicy.figures.selection import (
    NothingToDrawError,
    announced_days,
    estimated_events,
    in_order,
    leading_window,
    shown_assets,
)
from chainpolicy.figures.style import color_scale, percent_number
from chainpolicy.study import Study
from chainpolicy.tables.responses import MODEL_TITLES, estimated_responses
from chainpolicy.typeset.markdown import page
from chainpolicy.typeset.numbers import day, interval, p, percent, share, typeset
from chainpolicy.typeset.templates import templates

# Cells of one window: a page that a browser opens at once and a person can send by mail.
MOST_CELLS = 5_000
# Colours of the cells, from the most negative to the most positive; the outer two are dark.
COLORS = [to_hex(mpl.colormaps["RdBu"](step / 10)) for step in range(11)]
DARK = (0, 1, 9, 10)
SIGNIFICANT = 0.05
# The figures that show the same without pointing.
STILL = ("forest", "car_heatmap")

# Of a picture in the table of groups, in its own units.
_WIDTH, _MARGIN = 128, 6


@dataclass(frozen=True)
class _Group:
    name: str
    label: str
    tickers: list[str]
    assets: list[str]


def explore_page(study: Study) -> str:
    """Write the page as one file that loads nothing."""
    return page(f"{study.title}: every event, every asset", explore(study))


def explore(study: Study) -> str:
    """Write what the page shows.

    Every cell says its numbers in words; the style sheet shows those of the cell that is pointed
    at, and the window that is chosen.

    Returns
    -------
    str
        HTML without head and foot.
    """
    template = templates("chainpolicy.build", escaped=True).get_template("explore.html.j2")
    try:
        results, merged = estimated_events(study)
    except NothingToDrawError as missing:
        return template.render(title=study.title, missing=str(missing))
    events = in_order(study, merged["lead"].unique().tolist())
    assets = study.assets[study.assets["ticker"].isin(study.groups.index)]
    assets = assets[assets["group"].isin(merged["group"])]
    assets, note = shown_assets(study, assets, max(1, MOST_CELLS // len(events)))
    groups = []
    for name in merged["group"].unique():
        members = assets[assets["group"] == name]
        tickers, called = members["ticker"].tolist(), members["name"].tolist()
        groups.append(_Group(name, study.label(name), tickers, called))
    days, names = announced_days(study), study.events.set_index("event_id")["name"]
    rows = [
        {"event_id": event, "day": days[event], "name": names[event] or event} for event in events
    ]
    windows = [
        {
            "label": typeset(window_label(window)),
            "chosen": window == leading_window(study),
            "forest": _by_group(study, window, merged, events, groups),
            **_by_asset(results, window, merged, events, groups),
        }
        for window in study.car_windows
    ]
    return template.render(
        title=study.title,
        missing="",
        style=Path(__file__).with_name("explore.css").read_text(encoding="utf-8"),
        kind=study.kind,
        rows=rows,
        windows=windows,
        groups=groups,
        colors=COLORS,
        dark=DARK,
        note=f" {note}." if note else "",
        pictures=list(_pictures(study)),
    )


def _pictures(study: Study) -> Iterator[dict[str, str]]:
    """Draw what the page shows, for print and for a reader that takes no style sheet."""
    for name in STILL:
        shown = show(name, study)
        if shown.figure is not None:
            content = base64.b64encode(shown.figure.png()).decode()
            yield {"alt": shown.figure.description, "content": content, "caption": shown.caption}


def _by_group(
    study: Study,
    window: Window,
    merged: pd.DataFrame,
    events: Sequence[str],
    groups: Sequence[_Group],
) -> list[list[dict[str, Any]]]:
    """Place the CAAR of every event and group with its interval on the scale of the group."""
    table = estimated_responses(study, window).set_index(["event_id", "group"])
    responses: dict[Any, dict[Any, Any]] = table.to_dict("index")
    ends = table.groupby("group")[["lower", "upper"]].agg({"lower": "min", "upper": "max"})
    leads = merged.set_index(["event_id", "group"])["lead"].to_dict()
    label = f"CAAR{typeset(window_label(window))}"

    def cell(event: str, group: _Group) -> dict[str, Any]:
        found = responses.get((event, group.name))
        if found is None:
            return {"mark": "", "said": _why_none(leads.get((event, group.name)), event)}
        low, high = min(ends["lower"][group.name], 0.0), max(ends["upper"][group.name], 0.0)

        def place(value: float) -> str:
            inner = _WIDTH - 2 * _MARGIN
            return f"{_MARGIN + inner * (value - low) / (high - low):.1f}"

        bounds = (found["lower"], found["upper"])
        known = np.isfinite(bounds).all()
        said = [f"{group.label}, {day(found['event_session'])}: {label} {percent(found['caar'])}"]
        if known:
            said[0] += f", 95 % interval {interval(bounds)}, {p(found['time_series_t_p'])}"
        said.append(f"N = {found['n_assets']}")
        if found["share_at_limit"] > 0:
            said.append(f"{share(found['share_at_limit'])} at a price limit on the last session")
        said.append(f"model: {_models(found['models'])}")
        return {
            "said": "; ".join(said),
            "mark": place(found["caar"]),
            "zero": place(0.0),
            "line": f"M{place(bounds[0])} 8H{place(bounds[1])}" if known else "",
            "far": bool(bounds[0] > 0 or bounds[1] < 0),
        }

    return [[cell(event, group) for group in groups] for event in events]


def _by_asset(
    results: EventStudyResults,
    window: Window,
    merged: pd.DataFrame,
    events: Sequence[str],
    groups: Sequence[_Group],
) -> dict[str, Any]:
    """Colour the CAR of every event and asset; a group without a row of its own has one cell."""
    keys = ["event_id", "ticker"]
    car = results.car(window, level=SIGNIFICANT)
    scale = color_scale(car["car"])
    shown = [ticker for group in groups for ticker in group.tickers]
    cells = car[car["ticker"].isin(shown)]
    cells = cells.merge(results.pairs[[*keys, "event_session", "model"]], on=keys)
    of_pair: dict[Any, dict[Any, Any]] = cells.set_index(keys).to_dict("index")
    without = pd.concat([results.excluded, results.incomplete(window)])
    reasons = without.drop_duplicates(keys).set_index(keys)["reason"].to_dict()
    leads = merged.set_index(["event_id", "group"])["lead"].to_dict()
    limits = _limits(results, window)
    label = f"CAR{typeset(window_label(window))}"

    def cell(event: str, ticker: str, name: str) -> dict[str, Any]:
        named = name if name == ticker else f"{name} ({ticker})"
        found = of_pair.get((event, ticker))
        if found is None:
            reason = reasons.get((event, ticker), "the event does not reach it")
            return _blank("none", f"{named}: no {label}, {reason}")
        said = [
            f"{named}, {day(found['event_session'])}: {label} {percent(found['car'])}, 95 % "
            f"interval {interval((found['lower'], found['upper']))}, {p(found['p_value'])}"
        ]
        at_limit, marks = limits.get((event, ticker), ([], ""))
        said += at_limit
        said.append(f"model: {_models(found['model'])}")
        sign = "+" if found["car"] > 0 else "−"
        step = round(5 + 5 * float(np.clip(found["car"] / scale, -1, 1)))
        mark = sign if found["p_value"] < SIGNIFICANT else ""
        return {
            "look": f"k{step}",
            "mark": mark + marks,
            "said": "; ".join(said),
            "width": 1,
        }

    def of_group(event: str, group: _Group) -> list[dict[str, Any]]:
        lead = leads.get((event, group.name))
        if lead == event:
            return [cell(event, *pair) for pair in zip(group.tickers, group.assets, strict=True)]
        if not group.tickers:
            return []
        said = f"{group.label}: {_why_none(lead, event)}"
        return [_blank("same" if lead else "none", said, len(group.tickers))]

    return {
        "assets": [[c for group in groups for c in of_group(event, group)] for event in events],
        "least": f"{percent_number(-scale)} % or less",
        "most": f"{percent_number(scale)} % or more",
    }


def _blank(look: str, said: str, width: int = 1) -> dict[str, Any]:
    return {"look": look, "mark": "", "said": said, "width": width}


def _why_none(lead: str | None, event: str) -> str:
    return f"same session as {lead}" if lead not in (None, event) else "no estimate"


def _limits(
    results: EventStudyResults, window: Window
) -> dict[tuple[str, str], tuple[list[str], str]]:
    """Say of a pair on how many sessions of a window it closed at which limit, and mark it."""
    returns = results.abnormal_returns
    returns = returns[returns["at_limit"].ne("") & returns["tau"].between(*window)]
    found: dict[tuple[str, str], tuple[list[str], str]] = {}
    counts = returns.groupby(["event_id", "ticker", "at_limit"]).size().reset_index(name="count")
    for event, ticker, side, count in counts.itertuples(index=False, name=None):
        said, marks = found.get((event, ticker), ([], ""))
        of = window[1] - window[0] + 1
        words = f"closed at its {side} price limit on {count} of {of} sessions"
        found[event, ticker] = ([*said, words], marks + ("↑" if side == "upper" else "↓"))
    return found


def _models(names: str) -> str:
    return ", ".join(MODEL_TITLES[name] for name in names.split(";"))
