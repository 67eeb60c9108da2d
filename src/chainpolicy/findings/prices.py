"""The prices: whether they are whole, and what their alignment decides."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.figures.frames import fit_panels
from chainpolicy.figures.style import day_label
from chainpolicy.findings.base import Finding, label, percent
from chainpolicy.findings.sample import (
    article_shifts,
    at_article_dates,
    calendars_of,
    listed,
    masks,
    on_calendar,
    with_weekday,
)
from chainpolicy.study import Study
from chainpolicy.study.assets import (
    ALWAYS_OPEN,
    BENCHMARK,
    PLACES,
    parse_price_limit,
    price_limit_on,
)
from chainpolicy.study.returns import LIMIT_TOLERANCE
from chainpolicy.study.sessions import effective_calendars, sessions
from chainpolicy.tables.estimates import headline_event
from chainpolicy.typeset.report_table import ReportTable

# Days without a session that no weekend and no single holiday explains.
LONG_CLOSURE = 5
# The usual shortcut for a limit of 10 %, with which the rule on closes is compared.
RETURN_CUTOFF = 0.099


def coverage(study: Study) -> pd.DataFrame:
    """Count the closes of every asset against the sessions of its calendar.

    Parameters
    ----------
    study : Study

    Returns
    -------
    DataFrame
        One row per asset, in the order of the asset list: ``ticker, name, group, calendar,
        sessions, first, last`` (sessions with a close), ``closes, late`` (sessions before the
        first close), ``ended`` (after the last), ``gaps`` (without a close between the two),
        ``upper, lower`` (closes at a price limit), ``limited`` (whether there is a price limit).
    """
    calendars = effective_calendars(study.assets)
    dates = dict(list(study.prices.groupby("ticker")["date"]))
    at_limit = study.returns[["ticker", "at_limit"]].value_counts()
    rows = []
    for asset in study.assets.to_dict("records"):
        ticker, calendar = asset["ticker"], str(calendars[asset["ticker"]])
        days = sessions(calendar, study.start, study.end)
        first, last = dates[ticker].min(), dates[ticker].max()
        late, ended = int(np.sum(days < first)), int(np.sum(days > last))
        rows.append(
            {
                **{key: asset[key] for key in ("ticker", "name", "group")},
                "calendar": calendar,
                "sessions": len(days),
                "first": first,
                "last": last,
                "closes": len(dates[ticker]),
                "late": late,
                "ended": ended,
                "gaps": len(days) - late - ended - len(dates[ticker]),
                "upper": int(at_limit.get((ticker, "upper"), 0)),
                "lower": int(at_limit.get((ticker, "lower"), 0)),
                "limited": asset["price_limit"] != "",
            }
        )
    return pd.DataFrame(rows)


def article_date_caars(
    study: Study, results: EventStudyResults, window: Window = (0, 1)
) -> pd.DataFrame:
    """Compare CAARs at the first session that could react with those at the article's date.

    The normal returns are the same; only the sessions that count as tau = 0 differ.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
        Of this study.
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    DataFrame
        One row per event and group whose session differs: ``event_id, group, n_assets,
        event_session, caar, lower, upper, article_session, article_caar, article_lower,
        article_upper, shift``; bounds of 95 % intervals, in the return kind of the study.
    """
    calendar = study.alignment.drop_duplicates("ticker").set_index("ticker")["calendar"]
    of_group = calendar.groupby(study.groups).first()
    columns = ["event_id", "group", "n_assets", "caar", "lower", "upper"]
    naive = at_article_dates(study).estimate().caar(window)[columns]
    naive = naive.drop(columns="n_assets").rename(
        columns={name: f"article_{name}" for name in ("caar", "lower", "upper")}
    )
    table = results.caar(window)[columns].merge(naive, on=["event_id", "group"])
    table["calendar"] = table["group"].map(of_group)
    shifts = article_shifts(study)[
        ["event_id", "calendar", "event_session", "article_session", "shift"]
    ]
    table = shifts[shifts["shift"] != 0].merge(table, on=["event_id", "calendar"])
    rank = {group: position for position, group in enumerate(study.groups.unique())}
    order = {event: position for position, event in enumerate(study.events["event_id"])}
    table = table.assign(rank=table["group"].map(rank), order=table["event_id"].map(order))
    table = table.sort_values(["order", "rank"], ignore_index=True)
    return table.drop(columns=["rank", "order", "calendar"])


def prices_and_alignment(study: Study, results: EventStudyResults) -> Finding:
    """Say in two sentences whether the prices are whole, and what alignment decides.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
        Of this study.

    Returns
    -------
    Finding
        Missing closes, and the response of the largest group to the headline event by either
        date; the numbers are those of `article_date_caars`.
    """
    assets = coverage(study)
    possible, closes = int(assets["sessions"].sum()), int(assets["closes"].sum())
    table = article_date_caars(study, results)
    event_id = headline_event(study)
    lead = table[table["event_id"] == event_id]
    if lead.empty:
        raise ValueError(f"the article's date of {event_id} points to its event sessions")
    row = lead.sort_values("n_assets").iloc[-1]
    gone = assets[assets["closes"] < assets["sessions"]]
    text = (
        f"Of {possible:,} closes that {len(assets)} assets could have, {possible - closes} "
        f"({_share(possible - closes, possible)}) are missing, in {len(gone)} assets, and none is "
        f"filled in. Alignment decides the result: abnormal returns of {label(row['group'])} (N = "
        f"{row['n_assets']}) over the sessions [0, 1] of the leading event are {_estimate(row)} "
        f"when session 0 is the first that could react, {day_label(row['event_session'])}, and "
        f"{_estimate(row, 'article_')} when it is taken from the article's date, "
        f"{day_label(row['article_session'])}."
    )
    return Finding(text, table)


def missing_closes(study: Study) -> Finding:
    """Count missing closes and the returns that they cost.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        The numbers are `coverage`.
    """
    assets = coverage(study)
    returns = study.returns
    possible = len(returns) - returns["ticker"].nunique()
    lost = possible - int(returns["return"].notna().sum())
    text = (
        f"Inside the series {int(assets['gaps'].sum())} closes are missing, of "
        f"{int((assets['gaps'] > 0).sum())} assets; late starts cost {int(assets['late'].sum())} "
        f"closes, early ends {int(assets['ended'].sum())}. A missing close takes with it the "
        f"return into it and the return out of it: {lost} of {possible:,} returns of the assets "
        f"to be estimated ({_share(lost, possible)})."
    )
    return Finding(text, assets)


def price_limits(study: Study) -> Finding:
    """Count closes at a daily price limit, by the rule on closes and by a cut-off on returns.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        The numbers are the closes on which the two disagree: ``ticker, session, return``
        (simple), ``at_limit, limit`` (in force).
    """
    limited = study.assets[study.assets["price_limit"] != ""].set_index("ticker")["price_limit"]
    days = study.returns[study.returns["ticker"].isin(limited.index)]
    simple = np.expm1(days["return"]) if study.kind == "log" else days["return"]
    days = days.assign(**{"return": simple})
    by_rule, by_cutoff = days["at_limit"] != "", simple.abs() >= RETURN_CUTOFF
    disagree = days.loc[by_rule != by_cutoff, ["ticker", "session", "return", "at_limit"]]
    schedules = disagree["ticker"].map(limited).map(parse_price_limit)
    disagree["limit"] = [
        price_limit_on(schedule, pd.DatetimeIndex([session]))[0]
        for schedule, session in zip(schedules, disagree["session"], strict=True)
    ]
    missed = disagree[disagree["at_limit"] != ""]
    closes = int(study.prices["ticker"].isin(limited.index).sum())
    busiest = days[by_rule].groupby("session", as_index=False).size().sort_values("size").iloc[-1]
    text = (
        f"With ε = {LIMIT_TOLERANCE} the rule finds {int(by_rule.sum())} closes at a limit among "
        f"{closes:,} closes of the {days['ticker'].nunique()} assets that have one "
        f"({_share(int(by_rule.sum()), closes)}). A cut-off at a return of "
        f"{100 * RETURN_CUTOFF:.1f} % would miss {len(missed)} of them, "
        f"{int((missed['limit'] < RETURN_CUTOFF).sum())} because the limit was narrower, and add "
        f"{int((~by_rule & by_cutoff).sum())} that are none. The most on one session are "
        f"{busiest['size']}, on {day_label(busiest['session'])}."
    )
    return Finding(text, disagree.reset_index(drop=True))


def closures(study: Study) -> Finding:
    """Find the long closures of the exchanges, and what the other calendars did meanwhile.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        The numbers are one row per closure: ``calendar, before, after`` (sessions around it),
        ``days`` (without a session), one column per other calendar (its sessions meanwhile).
    """
    calendars = calendars_of(study)
    rows = []
    for calendar in calendars:
        days = sessions(calendar, study.start, study.end)
        closed = np.diff(days.to_numpy()) // np.timedelta64(1, "D") - 1
        for at in np.flatnonzero(closed >= LONG_CLOSURE).tolist():
            first, last = days[at] + pd.Timedelta(days=1), days[at + 1] - pd.Timedelta(days=1)
            meanwhile = {
                other: len(sessions(other, first, last)) for other in calendars if other != calendar
            }
            rows.append(
                {"calendar": calendar, "before": days[at], "after": days[at + 1]}
                | {"days": int(closed[at])}
                | meanwhile
            )
    numbers = pd.DataFrame(rows)
    counts = listed(
        f"{len(sessions(calendar, study.start, study.end))} sessions {on_calendar(calendar)}"
        for calendar in calendars
    )
    text = (
        f"From {day_label(study.start)} to {day_label(study.end)} there are {counts}. The "
        f"exchanges close {len(numbers)} times for {LONG_CLOSURE} days or more."
    )
    return Finding(text, numbers)


def estimation_quality(study: Study, results: EventStudyResults) -> Finding:
    """Say how much of ordinary returns the benchmarks explain.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
        Of this study.

    Returns
    -------
    Finding
        The numbers are one row per group, for the headline event: ``group, n_assets,
        benchmarks, fewest, most`` (estimation sessions), ``r_squared, sigma`` (medians),
        ``mean_correlation`` of the residuals, ``autocorrelated`` (assets whose first-order
        autocorrelation lies outside the 95 % bounds of an uncorrelated series).
    """
    event_id = headline_event(study)
    models = results.models[results.models["event_id"] == event_id]
    models = models.assign(group=models["ticker"].map(study.groups))
    correlation = {
        test.group: test.mean_correlation
        for test in results.tests((0, 0))
        if test.event_id == event_id
    }
    groups = [group for group in study.groups.unique() if group in set(models["group"])]
    auto = fit_panels(results, event_id, study.groups, groups)["autocorrelation"]
    auto = auto.merge(models[["ticker", "n_estimation"]], on="ticker")
    bound = stats.norm.isf(0.025) / np.sqrt(auto["n_estimation"])
    outside = auto["value"].abs() > bound
    rows = []
    for group in groups:
        of_group = models[models["group"] == group]
        rows.append(
            {
                "group": group,
                "n_assets": len(of_group),
                "benchmarks": "; ".join(sorted(set(of_group["benchmark"]))).replace(";", ", "),
                "fewest": int(of_group["n_estimation"].min()),
                "most": int(of_group["n_estimation"].max()),
                "r_squared": of_group["r_squared"].median(),
                "sigma": of_group["sigma"].median(),
                "mean_correlation": correlation[group],
                "autocorrelated": int(outside[auto["group"] == group].sum()),
            }
        )
    numbers = pd.DataFrame(rows)
    explained = listed(
        f"{100 * row['r_squared']:.0f} % for {label(str(row['group']))}"
        for row in rows
        if row["benchmarks"]
    )
    text = (
        f"The median share of the variance that the benchmarks explain on ordinary sessions is "
        f"{explained}. The first-order autocorrelation of the residuals is significant at the 5 % "
        f"level for {int(outside.sum())} of {len(auto)} assets, where {0.05 * len(auto):.0f} are "
        f"expected by chance."
    )
    return Finding(text, numbers)


def article_date_effect(
    study: Study, results: EventStudyResults, window: Window = (0, 1)
) -> Finding:
    """Say what the article's own dates would have found.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
        Of this study.
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    Finding
        Which pairs of an event and a group have an interval without zero at one date only; the
        numbers are `article_date_caars`.
    """
    table = article_date_caars(study, results, window)
    coded = (table["lower"] > 0) | (table["upper"] < 0)
    naive = (table["article_lower"] > 0) | (table["article_upper"] < 0)
    text = (
        f"Of the {len(table)} pairs of an event and a group whose session differs, the 95 % "
        f"interval of the CAAR over {window_label(window)} leaves zero out for {int(coded.sum())} "
        f"at the first session that could react and for {int(naive.sum())} at the article's "
        f"date.\n\n- Only at the first session that could react: "
        f"{_pairs(table[coded & ~naive], 'caar')}.\n- Only at the article's date: "
        f"{_pairs(table[naive & ~coded], 'article_caar')}."
    )
    return Finding(text, table)


def price_report(study: Study) -> ReportTable:
    """Lay out the prices group by group."""
    assets = coverage(study)
    rows = []
    for (group, calendar), of_group in assets.groupby(["group", "calendar"], sort=False):
        closes, limited = int(of_group["closes"].sum()), bool(of_group["limited"].any())
        rows.append(
            {
                "Group": "Benchmark" if group == BENCHMARK else label(str(group)),
                "Calendar": PLACES[str(calendar)],
                "Assets": f"{len(of_group)}",
                "Sessions": f"{of_group['sessions'].iloc[0]}",
                "First": f"{of_group['first'].min():%Y-%m-%d}",
                "Last": f"{of_group['last'].max():%Y-%m-%d}",
                "Closes": f"{closes:,}",
                "Missing": f"{int(of_group['gaps'].sum())}",
                "Late starts": f"{int((of_group['late'] > 0).sum())}",
                "Upper limit, %": f"{100 * of_group['upper'].sum() / closes:.2f}"
                if limited
                else "",
                "Lower limit, %": f"{100 * of_group['lower'].sum() / closes:.2f}"
                if limited
                else "",
            }
        )
    note = (
        "Sessions are those of the calendar in the study's days; missing are sessions without a "
        "close between the first and the last close of an asset; late starts are assets whose "
        "first close comes after the first session. Upper and lower limit: share of the closes "
        "that are at a daily price limit; a blank: there is none."
    )
    return ReportTable(pd.DataFrame(rows), note)


def gap_report(study: Study) -> ReportTable:
    """Lay out every run of missing closes."""
    calendars = effective_calendars(study.assets)
    windows = {row["calendar"]: row for row in masks(study).numbers.to_dict("records")}
    incomplete = coverage(study).query("closes < sessions")
    rows = []
    for asset in incomplete.to_dict("records"):
        calendar = str(calendars[asset["ticker"]])
        days = sessions(calendar, study.start, study.end)
        present = study.prices.loc[study.prices["ticker"] == asset["ticker"], "date"]
        absent = np.flatnonzero(~days.isin(present))
        first, last = windows[calendar]["first"], windows[calendar]["last"]
        for run in np.split(absent, np.flatnonzero(np.diff(absent) > 1) + 1):
            inside = int(np.sum((days[run] >= first) & (days[run] <= last)))
            rows.append(
                {
                    "Ticker": asset["ticker"],
                    "Name": asset["name"],
                    "Group": label(asset["group"]),
                    "From": f"{days[run[0]]:%Y-%m-%d}",
                    "To": f"{days[run[-1]]:%Y-%m-%d}",
                    "Sessions": f"{len(run)}",
                    "In the estimation window": f"{inside}",
                    "Kind": "late start" if run[0] == 0 else "gap",
                }
            )
    return ReportTable(pd.DataFrame(rows), "Sessions without a close; no price was filled in.")


def closure_report(study: Study) -> ReportTable:
    """Lay out the long closures of the exchanges."""
    numbers = closures(study).numbers
    frame = pd.DataFrame(
        {
            "Closed": numbers["calendar"].map(PLACES),
            "Last session before": numbers["before"].map(with_weekday),
            "First session after": numbers["after"].map(with_weekday),
            "Days closed": numbers["days"].astype(str),
        }
    )
    for calendar in calendars_of(study):
        if calendar in numbers:
            head = "UTC days" if calendar == ALWAYS_OPEN else f"{PLACES[calendar]} sessions"
            frame[f"{head} meanwhile"] = numbers[calendar].map(
                lambda count: "" if pd.isna(count) else f"{count:.0f}"
            )
    return ReportTable(frame, f"Closures of {LONG_CLOSURE} days or more.")


def estimation_report(study: Study, results: EventStudyResults) -> ReportTable:
    """Lay out what the estimation windows of the headline event look like, group by group."""
    numbers = estimation_quality(study, results).numbers
    frame = pd.DataFrame(
        {
            "Group": numbers["group"].map(label),
            "N": numbers["n_assets"].astype(str),
            "Benchmarks": [_benchmark_names(study, tickers) for tickers in numbers["benchmarks"]],
            "M": [
                f"{most}" if fewest == most else f"{fewest} to {most}"
                for fewest, most in zip(numbers["fewest"], numbers["most"], strict=True)
            ],
            "Median R²": [
                f"{value:.2f}" if names else ""
                for value, names in zip(numbers["r_squared"], numbers["benchmarks"], strict=True)
            ],
            "Median σ, %": numbers["sigma"].map("{:.1%}".format).str.removesuffix("%"),
            "rbar": numbers["mean_correlation"].map(
                lambda value: "" if pd.isna(value) else f"{value:.2f}"
            ),
            "Autocorrelated": numbers["autocorrelated"].astype(str),
        }
    )
    note = (
        "M: estimation sessions of an asset; σ: residual standard deviation of one asset and "
        "session; rbar: mean correlation of the residuals within the group; autocorrelated: "
        "assets whose first-order autocorrelation lies outside the 95 % bounds of an uncorrelated "
        "series."
    )
    return ReportTable(frame, note)


def article_date_report(
    study: Study, results: EventStudyResults, window: Window = (0, 1)
) -> ReportTable:
    """Lay out the CAARs by either date; arguments as in `article_date_caars`."""
    table = article_date_caars(study, results, window)
    frame = pd.DataFrame(
        {
            "Event": table["event_id"],
            "Group": table["group"].map(label),
            "N": table["n_assets"].astype(str),
            "Article's session": table["article_session"].dt.strftime("%Y-%m-%d"),
            "CAAR there, %": table["article_caar"].map(_percent),
            "95 % interval there": _intervals(table, "article_"),
            "First session": table["event_session"].dt.strftime("%Y-%m-%d"),
            "CAAR, %": table["caar"].map(_percent),
            "95 % interval": _intervals(table),
        }
    )
    note = (
        f"CAAR over {window_label(window)} as a simple return with the 95 % interval of the "
        "portfolio t, not adjusted for the number of rows: first with the session to which the "
        "article's date points as τ = 0, then with the first session that could react. Only rows "
        "where the two differ."
    )
    return ReportTable(frame, note)


def _pairs(table: pd.DataFrame, column: str) -> str:
    """List events and groups with a CAAR."""
    return (
        "; ".join(
            f"{row['event_id']}, {label(str(row['group']))} ({percent(row[column])})"
            for _, row in table.iterrows()
        )
        or "none"
    )


def _benchmark_names(study: Study, tickers: str) -> str:
    names = study.assets.set_index("ticker")["name"]
    listed_names = [str(names[ticker]) for ticker in tickers.split(", ") if ticker]
    return ", ".join(listed_names) or "none: constant mean"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def _percent(value: float) -> str:
    return percent(value).removesuffix(" %")


def _intervals(table: pd.DataFrame, prefix: str = "") -> list[str]:
    return [
        f"[{_percent(lower)},\N{NO-BREAK SPACE}{_percent(upper)}]"
        for lower, upper in zip(table[f"{prefix}lower"], table[f"{prefix}upper"], strict=True)
    ]


def _estimate(row: pd.Series, prefix: str = "") -> str:
    """Write a CAAR with its interval."""
    return (
        f"{percent(row[f'{prefix}caar'])} (95 % interval {percent(row[f'{prefix}lower'])} to "
        f"{percent(row[f'{prefix}upper'])})"
    )
