"""Results -> the numbers of a figure, one small frame per kind of panel."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import (
    EventStudyResults,
    residual_autocorrelation,
    residual_quantiles,
    window_label,
)


def caar_segments(results: EventStudyResults, event_id: str, group: str) -> pd.DataFrame:
    """Return the run-up before an event and the response to it, cumulated separately.

    The columns of `EventStudyResults.caar_path` and ``start``, the tau at which the cumulation
    starts: the first of the event window up to tau = -1, then 0. Bands widen with the length of a
    cumulation, so that a long run-up would drown the response.
    """
    first, last = results.event_window
    parts = []
    if first < 0:
        path = results.caar_path(event_id, group)
        parts.append(path[path["tau"] < 0].assign(start=first))
    if last >= 0:
        start = max(first, 0)
        parts.append(results.caar_path(event_id, group, start=start).assign(start=start))
    return pd.concat(parts, ignore_index=True)


def later_events(merged: pd.DataFrame) -> pd.Series:
    """Return the events that share a lead's session, joined by ``;``, indexed by lead and group."""
    later = merged[merged["event_id"] != merged["lead"]]
    return later.groupby(["lead", "group"])["event_id"].agg(";".join)


def heatmap_cells(
    results: EventStudyResults,
    window: tuple[int, int],
    events: list[str],
    merged: pd.DataFrame,
    assets: pd.DataFrame,
) -> pd.DataFrame:
    """Lay out one cell per asset and run of neighbouring events with the same lead."""
    column_of = {event_id: column for column, event_id in enumerate(events)}
    placed = merged[merged["event_id"].isin(column_of)].copy()
    placed["column"] = placed["event_id"].map(column_of)
    blocks = []
    for group, of_group in placed.groupby("group", sort=False):
        lead = of_group.set_index("column")["lead"].reindex(range(len(events)))
        # An event without an estimate is a run of its own.
        run = ((lead != lead.shift()) | lead.isna()).cumsum()
        block = pd.DataFrame({"event_id": lead, "run": run, "column": lead.index})
        block = block.groupby("run", sort=False, as_index=False).agg(
            event_id=("event_id", "first"), column=("column", "min"), width=("column", "size")
        )
        blocks.append(block.drop(columns="run").assign(group=group).sort_values("column"))
    cells = assets[["group", "ticker"]].merge(pd.concat(blocks), on="group")
    car = results.car(window)[["event_id", "ticker", "car", "p_value"]]
    cells = cells.merge(car, on=["event_id", "ticker"], how="left")
    later = later_events(merged).rename("with_events").rename_axis(["event_id", "group"])
    cells = cells.merge(later.reset_index(), on=["event_id", "group"], how="left")
    cells["with_events"] = cells["with_events"].fillna("")
    cells["window"] = window_label(window)
    cells["event_id"] = cells["event_id"].fillna("")
    returns = results.abnormal_returns
    returns = returns[returns["at_limit"].ne("") & returns["tau"].between(*window)]
    for column, chosen in (
        ("limit", returns[returns["tau"] == window[1]]),
        ("limit_before", returns[returns["tau"] < window[1]]),
    ):
        side = chosen.drop_duplicates(["event_id", "ticker"], keep="last")
        side = side.rename(columns={"at_limit": column})[["event_id", "ticker", column]]
        cells = cells.merge(side, on=["event_id", "ticker"], how="left")
        cells[column] = cells[column].fillna("")
    cells["limit_before"] = cells["limit_before"].where(cells["limit"] == "", "")
    return cells


def heatmap_rows(
    assets: pd.DataFrame, groups: list[str]
) -> tuple[dict[str, float], dict[str, float], float]:
    """Give every group a heading, every asset a row below it; return the place after the last."""
    row_of: dict[str, float] = {}
    headings: dict[str, float] = {}
    row = 0.0
    for group in groups:
        tickers = assets.loc[assets["group"] == group, "ticker"]
        if not tickers.empty:
            headings[group] = row
            row_of |= {ticker: row + 1.15 + place for place, ticker in enumerate(tickers)}
            row += 1.6 + len(tickers)
    return row_of, headings, row


def intervals(
    results: EventStudyResults, merged: pd.DataFrame, window: tuple[int, int]
) -> pd.DataFrame:
    """Return the CAARs of leads with their 95 % intervals and the p-value of the portfolio t."""
    tests = results.tests(window).tidy()
    p_values = tests.loc[tests["test"] == "time_series_t", ["event_id", "group", "p_value"]]
    table = results.caar(window).merge(p_values, on=["event_id", "group"])
    leads = merged[["lead", "group"]].drop_duplicates().rename(columns={"lead": "event_id"})
    table = table.merge(leads, on=["event_id", "group"])
    later = later_events(merged)
    keys = zip(table["event_id"], table["group"], strict=True)
    table["with_events"] = [later.get(key, "") for key in keys]
    columns = ["event_id", "with_events", "group", "window", "n_assets", "caar", "lower", "upper"]
    return table[[*columns, "p_value"]]


def limit_counts(abnormal: pd.DataFrame) -> pd.DataFrame:
    """Count the assets at their limits by tau, on the session and ever since the first."""
    counts = abnormal.groupby("tau")["session"].first().reset_index()
    for side in ("upper", "lower"):
        at = abnormal[abnormal["at_limit"] == side]
        counts[side] = counts["tau"].map(at.groupby("tau").size()).fillna(0).astype("int64")
        first = at.groupby("ticker")["tau"].min()
        counts[f"ever_{side}"] = [int((first <= tau).sum()) for tau in counts["tau"]]
    return counts


def fit_panels(
    results: EventStudyResults, event_id: str, group_of: pd.Series, groups: list[str]
) -> dict[str, pd.DataFrame]:
    """Lay out the panels of the estimation diagnostics."""
    of_event = results.of_event(event_id)
    models, beta = of_event.models, of_event.coefficients
    beta = beta[beta["term"] != "alpha"].rename(columns={"estimate": "value", "term": "column"})
    neighbours = residual_autocorrelation(results, event_id)
    by_asset = {"r_squared": models, "sigma": models, "autocorrelation": neighbours}
    panels = {"beta": _sorted_spreads(beta, group_of, groups)}
    for name, table in by_asset.items():
        values = table.assign(value=table[name], column=table["ticker"].map(group_of))
        panels[name] = _sorted_spreads(values, group_of, groups)
    tails = [0.005, 0.995]
    probabilities = np.sort(np.append(np.arange(1, 100) / 100, tails))
    quantiles = residual_quantiles(results, event_id, probabilities)
    quantiles = quantiles.set_index("group").loc[groups].reset_index()
    panels["quantiles"] = pd.DataFrame(
        {
            "column": quantiles["group"],
            "group": quantiles["group"],
            "ticker": "",
            "x": quantiles["normal"],
            "value": quantiles["residual"],
        }
    )
    nothing = {"column": "", "group": "", "ticker": "", "x": np.nan, "median": np.nan}
    panels["bound"] = pd.DataFrame([nothing | {"value": neighbours["bound"].median()}])
    return panels


def _sorted_spreads(values: pd.DataFrame, group_of: pd.Series, groups: list[str]) -> pd.DataFrame:
    """Put each column's assets side by side, sorted by value."""
    values = values.assign(group=values["ticker"].map(group_of)).dropna(subset=["value"])
    columns = []
    for group in groups:
        of_group = values[values["group"] == group]
        columns += [part for _, part in of_group.groupby("column", sort=False)]
    placed = []
    for position, column in enumerate(columns):
        ordered = column.sort_values(["value", "ticker"])
        offset = ((np.arange(len(ordered)) + 0.5) / len(ordered) - 0.5) * 0.8
        placed.append(ordered.assign(x=position + offset))
    if not placed:
        return pd.DataFrame(columns=["column", "group", "ticker", "x", "value", "median"])
    spreads: pd.DataFrame = pd.concat(placed, ignore_index=True)
    values_of = spreads.groupby(["group", "column"])["value"]
    spreads["median"] = values_of.transform("median").where(values_of.transform("size") > 1)
    return spreads[["column", "group", "ticker", "x", "value", "median"]]
