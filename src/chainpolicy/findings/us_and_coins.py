"""How US-listed names and coins moved; see `responses`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from chainpolicy.checks import leave_one_out as without_each
from chainpolicy.checks import placebo_p_values
from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.figures.style import day_label
from chainpolicy.findings.base import (
    HEADLINE_TEST,
    LEVEL,
    Finding,
    label,
    p_value,
    percent,
)
from chainpolicy.findings.responses import (
    WINDOW,
    Models,
    around_headline,
    beyond,
    headline_name,
    headline_row,
    interval,
    iso_days,
    lead_first,
    percents,
    portfolio_difference,
    records,
    where,
    with_interval,
)
from chainpolicy.study import Study
from chainpolicy.tables.estimates import HEADLINE_TESTS, headline_event
from chainpolicy.typeset.report_table import ReportTable, p_text


def us_and_coins_answer(
    study: Study,
    results: EventStudyResults,
    placebo: EventStudyResults,
    us: str = "us_listed",
    coins: str = "coins",
) -> Finding:
    """Answer in two sentences whether US-listed names and coins moved.

    Parameters
    ----------
    study : Study
    results, placebo : EventStudyResults
    us, coins : str
        Groups.

    Returns
    -------
    Finding
        CAAR[0, 1] of both groups with their interval.
    """
    rows = [headline_row(study, results, group) for group in (us, coins)]
    tests = results.tests(WINDOW)
    p = {
        (group, name): tests.get(rows[0]["event_id"], group, name).p_value
        for group in (us, coins)
        for name in HEADLINE_TESTS
    }
    rest = leave_one_out(study, results, us)
    top = records(rest.sort_values("caar"))[0]
    (jump,) = records(where(around_headline(study, results, us), tau=0, ticker=top["ticker"]))
    names = dict(zip(study.assets["ticker"], study.assets["name"], strict=True))
    ranks = placebo_p_values(results, placebo, WINDOW)
    rank = {row["group"]: row for row in lead_first(study, ranks)[::-1]}
    shown = {
        group: f"{interval(row)}; portfolio t: {p_value(p[group, 'time_series_t'])}, adjusted "
        f"BMP: {p_value(p[group, HEADLINE_TEST])}; matched on {beyond(rank[group])} of "
        f"{rank[group]['n_placebo']} ordinary sessions"
        for group, row in zip((us, coins), rows, strict=True)
    }
    found = sum(p[coins, name] < LEVEL for name in HEADLINE_TESTS)
    text = (
        f"**The US-listed names moved, but very unequally: {names[top['ticker']]} "
        f"({top['ticker']}) rose by {percent(jump['actual'], signed=False)} on "
        f"{day_label(jump['session'])}, and "
        f"without it the group's CAAR{window_label(WINDOW)} falls from {percent(rows[0]['caar'])} "
        f"to {percent(top['caar'])}** (with it {shown[us]}). The {rows[1]['n_assets']} coins other "
        f"than Bitcoin have {percent(rows[1]['caar'])} ({shown[coins]}), which {found} of the "
        f"{len(HEADLINE_TESTS)} headline tests can tell from zero at 5 %."
    )
    return Finding(text, pd.DataFrame(rows))


def names_report(study: Study, results: EventStudyResults, groups: Sequence[str]) -> ReportTable:
    """Lay out the response of single names to the headline event, largest first by group.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    groups : sequence of str

    Returns
    -------
    ReportTable
    """
    event_id = headline_event(study)
    table = study.assets[study.assets["group"].isin(groups)]
    table = table.merge(where(results.car(WINDOW), event_id=event_id), on="ticker")
    first = where(results.abnormal_returns, event_id=event_id, tau=0)
    table = table.merge(first[["ticker", "session", "actual"]], on="ticker")
    rank = {group: place for place, group in enumerate(groups)}
    order = table["group"].map(rank).to_numpy(), -table["car"].to_numpy()
    table = table.iloc[np.lexsort(order[::-1])]
    frame = pd.DataFrame(
        {
            "Ticker": table["ticker"],
            "Name": table["name"],
            "Chosen as": table["selection"],
            "Return on session 0, %": percents(table["actual"]),
            "CAR[0, 1], %": percents(table["car"]),
            "t": table["t_stat"].map("{:.2f}".format),
            "p": table["p_value"].map(p_text),
        }
    )
    note = (
        f"Around {headline_name(study)}; session 0 is "
        f"{', '.join(sorted(set(iso_days(table['session']))))}. "
        "Simple returns; exact t of the CAR, two-sided p-values, not adjusted for the number of "
        "names."
    )
    return ReportTable(frame, note)


def leave_one_out(study: Study, results: EventStudyResults, group: str) -> pd.DataFrame:
    """Leave one name of a group out at a time.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    group : str
        Of at least two assets.

    Returns
    -------
    DataFrame
        The rows of `robustness.leave_one_out` of the group over [0, 1].
    """
    table = without_each(results, headline_event(study), WINDOW)
    return where(table, group=group).reset_index(drop=True)


def leave_one_out_report(
    study: Study, results: EventStudyResults, groups: Sequence[str]
) -> ReportTable:
    """Lay out how much the response of groups to the headline event owes to single names.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
        Of this study.
    groups : sequence of str
        Of at least three assets each.

    Returns
    -------
    ReportTable
        One column per group.
    """
    event_id, over = headline_event(study), window_label(WINDOW)
    columns: dict[str, dict[str, str]] = {}
    for group in groups:
        car = _cars(study, results, group)
        without = leave_one_out(study, results, group).set_index("ticker")["caar"]
        top = str((without - car.mean()).abs().idxmax())
        # The name becomes a group of its own, so that the others are tested without it.
        parted = replace(study, groups=study.groups.where(study.groups.index != top, top))
        rest = parted.estimate(results.model.name)
        row = pd.DataFrame([headline_row(study, rest, group)])
        tests = rest.tests(WINDOW)
        columns[f"{label(group)}, N = {len(car)}"] = {
            f"CAAR{over}, %": percents([car.mean()])[0],
            "Mean of the simple abnormal returns, %": f"{100 * np.expm1(car).mean():+.1f}",
            f"Median CAR{over}, %": percents([car.median()])[0],
            "CAAR without one name, lowest and highest, %": " to ".join(
                percents([without.min(), without.max()])
            ),
            "Name without which it changes most": top,
            "CAAR without that name, % (95 % interval)": with_interval(row, "caar")[0],
        } | {
            f"{head} without that name, p": p_text(tests.get(event_id, group, name).p_value)
            for name, head in HEADLINE_TESTS.items()
        }
    frame = pd.DataFrame(columns).rename_axis("").reset_index()
    note = f"Around {headline_name(study)}; a CAAR is the mean of log returns as a simple return."
    return ReportTable(frame, note)


def _cars(study: Study, results: EventStudyResults, group: str) -> pd.Series:
    car = where(results.car(WINDOW), event_id=headline_event(study)).set_index("ticker")["car"]
    return car[study.groups.reindex(car.index) == group]


def coins_compared(
    study: Study, models: Models, linked: Collection[str], others: Collection[str]
) -> Finding:
    """Say whether coins linked to China gained more than others at the headline event.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    linked, others : collection of str
        Tickers.

    Returns
    -------
    Finding
        `portfolio_difference` over the windows of the study that start at the event session.
    """
    windows = [window for window in study.car_windows if window[0] == 0]
    table = portfolio_difference(study, models, linked, others, windows)
    (first,) = records(where(table, window=window_label(WINDOW)))
    largest = max(records(table), key=lambda row: abs(float(row["mean"])))
    clear = int((table["p_value"] < LEVEL).sum())
    text = (
        f"Over {first['window']} {' and '.join(linked)} gained {percent(first['mean'])} relative "
        f"to {' and '.join(others)} ({interval(first)}, {p_value(first['p_value'])}). "
        f"{clear or 'None'} of the {len(table)} differences can be told from zero at 5 %; the "
        f"largest, over {largest['window']}, is {percent(largest['mean'])} ({interval(largest)}, "
        f"{p_value(largest['p_value'])})."
    )
    return Finding(text, table)
