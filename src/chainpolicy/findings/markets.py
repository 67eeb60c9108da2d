"""How Bitcoin, concept stocks, US-listed names and coins moved: the numbers of their notebooks.

Functions that speak of one event speak of the headline event, see `tables.headline_event`. Models
to be compared come as a mapping of what the text calls them to their results, the study's own
first; placebo results and rejection rates are those of the window [0, 1].
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from chainpolicy.eventstudy import TESTS, EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.findings.base import (
    HEADLINE_TEST,
    LEVEL,
    Finding,
    label,
    p_value,
    percent,
    significant_clusters,
)
from chainpolicy.report_table import ReportTable, p_text
from chainpolicy.robustness import leave_one_out as without_each
from chainpolicy.robustness import minimum_detectable_effect, placebo_p_values
from chainpolicy.study import Study
from chainpolicy.tables import HEADLINE_TESTS, headline, headline_event

Row = dict[str, Any]
Models = Mapping[str, EventStudyResults]

WINDOW: Window = (0, 1)
# A window is uncensored if it ends with less than this share of the group at a price limit.
CENSORED = 0.1


def bitcoin_answer(
    study: Study, results: EventStudyResults, placebo: EventStudyResults, group: str = "bitcoin"
) -> Finding:
    """Answer in two sentences whether a single asset moved on policy.

    Parameters
    ----------
    study : Study
    results, placebo : EventStudyResults
    group : str
        Of one asset.

    Returns
    -------
    Finding
        One row per policy event session of the group: the headline table, Holm's p-value in the
        family of all groups, and the placebo p-value.
    """
    table = _where(_tested(study, results, placebo, group), role="policy")
    lead, *others = _lead_first(study, table)
    nearest = min(others, key=lambda row: float(row["time_series_t_p"]))
    passed = sum(row["holm"] < LEVEL for row in others)
    restrictive = _records(by_stance(study, results, group).numbers)[0]
    verdict = "Yes, once" if lead["holm"] < LEVEL and not passed else "The evidence is mixed"
    text = (
        f"**{verdict}: over {_day(lead)}, when “{_name(study)}” became public, and the day after, "
        f"{label(group)} returned {percent(lead['caar'])} more than its mean** "
        f"({_interval(_row(study, results, group))}; exact t = {lead['time_series_t']:.2f}, "
        f"{p_value(lead['time_series_t_p'])}; after Holm's correction over {lead['family']} tests "
        f"{p_value(lead['holm'])}; matched on {_beyond(lead)} of {lead['n_placebo']} "
        f"ordinary sessions, placebo {p_value(lead['p_placebo'])}). "
        f"{_none_of(passed, len(others))} other days with a policy announcement stay below 5 % "
        f"after it, the smallest before it on {_day(nearest)} "
        f"({p_value(nearest['time_series_t_p'])}), and the {restrictive['days']} restrictive days "
        f"average {percent(restrictive['mean'])} ({_interval(restrictive)}), which "
        f"{_differs(restrictive)}."
    )
    return Finding(text, table)


def single_asset_report(
    study: Study, results: EventStudyResults, placebo: EventStudyResults, group: str = "bitcoin"
) -> ReportTable:
    """Lay out every event session of a single asset; arguments as in `bitcoin_answer`."""
    table = _tested(study, results, placebo, group)
    first = _where(headline(study, results, (0, 0)), group=group)
    frame = pd.DataFrame(
        {
            "Session": _days(table["event_session"]),
            "Events": table["members"].str.replace(";", ", "),
            "Role": table["role"],
            "Stance": [_stances(study, members) for members in table["members"]],
            "CAR[0, 0], %": _percents(first["caar"]),
            "CAR[0, 1], %": _percents(table["caar"]),
            "t": table["time_series_t"].map("{:.2f}".format),
            "p": table["time_series_t_p"].map(p_text),
            "Holm p": table["holm"].map(p_text),
            "Placebo p": table["p_placebo"].map(p_text),
        }
    )
    any_row = _records(table)[0]
    note = (
        "Sessions are UTC days. Stance: on blockchain / on crypto; +1 supportive, -1 restrictive. "
        "CARs as simple returns. t, p, Holm p and placebo p are those of [0, 1]; t is exact, "
        f"p-values are two-sided. Holm p: corrected over the {any_row['family']} tests of all "
        "groups and distinct sessions of policy events; blank for controls and the placebo event, "
        f"which are in no family. Placebo p: rank among {any_row['n_placebo']} ordinary sessions; "
        f"the smallest attainable is {any_row['smallest_p']:.4f}."
    )
    return ReportTable(frame, note)


def placebo_reach(
    study: Study, results: EventStudyResults, placebo: EventStudyResults, group: str = "bitcoin"
) -> Finding:
    """Say whether placebo p-values can pass a correction for many tests; see `bitcoin_answer`."""
    table = _tested(study, results, placebo, group)
    lead = _lead_first(study, table)[0]
    needed = LEVEL / lead["family"]
    text = (
        f"With {lead['n_placebo']} ordinary sessions the placebo p-value cannot fall below "
        f"{lead['smallest_p']:.4f}, and the smallest of {lead['family']} p-values must be below "
        f"{needed:.4f} to pass Holm's correction at {100 * LEVEL:g} %: this is "
        f"{'within' if lead['smallest_p'] < needed else 'out of'} its reach. The corrected p-value "
        f"of the exact t, {p_value(lead['holm'])}, leans on the t distribution; the ordinary "
        f"sessions, which have {label(group)}'s own fat tails, give "
        f"{p_value(lead['p_placebo'])} before any correction."
    )
    return Finding(text, table)


def by_stance(study: Study, results: EventStudyResults, group: str = "bitcoin") -> Finding:
    r"""Compare a single asset's responses to restrictive and to supportive policy.

    A session is restrictive if an event on it is restrictive on crypto, else supportive if an
    event on it is supportive on blockchain or crypto. A mean of K CARs is a weighted sum of
    abnormal returns, :math:`w_t` the share of the K windows that hold session t, so that sessions
    in two windows are not taken for two; under a constant mean its variance is

    .. math:: s^2 \left( \sum_t w_t^2 + \frac{(\sum_t w_t)^2}{M} \right), \qquad t(M - 1).

    Parameters
    ----------
    study : Study
    results : EventStudyResults
        Of a constant mean.
    group : str
        Of one asset.

    Returns
    -------
    Finding
        Indexed by "restrictive", "supportive", "apart" (supportive, in windows that do not
        overlap that of the headline event) and "difference" (supportive less restrictive):
        ``days, negative, mean, lower, upper, p_value`` of CAR[0, 1].

    Raises
    ------
    ValueError
        If the group has several assets or its normal return is no constant mean.
    """
    lead = headline_event(study)
    ticker = _only_ticker(study, group)
    model = _model(results, lead, ticker)
    if model["model"] != "constant_mean":
        raise ValueError(f"the normal return of {group} is {model['model']}, no constant mean")
    table = _where(headline(study, results, WINDOW), role="policy", group=group)
    stance = [_direction(study, members) for members in table["members"]]
    abnormal = _where(results.abnormal_returns, ticker=ticker)
    series = abnormal.drop_duplicates("session").set_index("session")["abnormal"].sort_index()
    inside = abnormal[abnormal["tau"].between(*WINDOW)].assign(held=1.0)
    held = inside.pivot_table(index="session", columns="event_id", values="held")
    held = held.reindex(series.index).fillna(0.0)
    overlaps = held.mul(held[lead], axis=0).sum() > 0
    days = {
        name: table["event_id"][[value == name for value in stance]].tolist()
        for name in ("restrictive", "supportive")
    }
    days["apart"] = [event_id for event_id in days["supportive"] if not overlaps[event_id]]
    weights = {name: held[chosen].mean(axis=1) for name, chosen in days.items()}
    weights["difference"] = weights["supportive"] - weights["restrictive"]
    days["difference"] = days["supportive"] + days["restrictive"]
    rows = {}
    for name, weight in weights.items():
        mean = float((weight * series).sum())
        variance = (weight**2).sum() + weight.sum() ** 2 / model["n_estimation"]
        error = model["sigma"] * np.sqrt(variance)
        cars = table["caar"][table["event_id"].isin(days[name])]
        rows[name] = {"days": len(cars), "negative": int((cars < 0).sum())} | _t_interval(
            mean, error, model["n_estimation"] - 1
        )
    text = (
        f"On the {rows['restrictive']['days']} days with a restrictive announcement "
        f"{label(group)}'s CAR{window_label(WINDOW)} averages "
        f"{percent(rows['restrictive']['mean'])} ({_interval(rows['restrictive'])}; "
        f"{rows['restrictive']['negative']} of them negative), on the "
        f"{rows['supportive']['days']} days with supportive ones "
        f"{percent(rows['supportive']['mean'])} ({_interval(rows['supportive'])}; "
        f"{rows['supportive']['negative']} negative). The {rows['apart']['days']} supportive days "
        f"whose windows do not overlap that of {lead} average {percent(rows['apart']['mean'])} "
        f"({_interval(rows['apart'])}). The difference between supportive and restrictive days, "
        f"{percent(rows['difference']['mean'])} ({_interval(rows['difference'])}; "
        f"{p_value(rows['difference']['p_value'])}), {_differs(rows['difference'])}."
    )
    return Finding(text, pd.DataFrame(list(rows.values()), index=list(rows)))


def volatility(
    study: Study, results: EventStudyResults, placebo: EventStudyResults, group: str = "bitcoin"
) -> Finding:
    """Compare a single asset's volatility in the estimation window with that afterwards.

    Parameters
    ----------
    study, results, placebo, group
        As in `bitcoin_answer`.

    Returns
    -------
    Finding
        One row: ``n_estimation, sigma`` of the estimation window; ``n_later, later``, the standard
        deviation of the returns of the ordinary sessions after it; ``rejected``, how many of them
        the nominal 5 % exact t rejects.
    """
    lead = headline_event(study)
    ticker = _only_ticker(study, group)
    model = _model(results, lead, ticker)
    end = _where(results.residuals, ticker=ticker, event_id=lead)["session"].max()
    tests = _where(placebo.tests(WINDOW).tidy(), group=group, test="time_series_t")
    tests = tests.assign(session=pd.to_datetime(tests["event_id"]))
    later = tests[tests["session"] > end]
    returns = _where(study.returns, ticker=ticker)
    deviation = float(returns.loc[returns["session"].isin(later["session"]), "return"].std())
    rejected = int((later["p_value"] < LEVEL).sum())
    ratio = model["sigma"] / deviation
    table = _where(headline(study, results, WINDOW), role="policy", group=group)
    event_session = _lead_first(study, table)[0]["event_session"]
    apart = (table["event_session"] - event_session).abs().dt.days > WINDOW[1] - WINDOW[0]
    largest = float(table.loc[apart, "time_series_t"].abs().max())
    text = (
        f"The daily standard deviation of {label(group)} was {100 * model['sigma']:.1f} % over the "
        f"{model['n_estimation']} sessions that estimate its mean and {100 * deviation:.1f} % over "
        f"the {len(later)} ordinary sessions after them, of which the nominal 5 % test rejects "
        f"{rejected}. The t-ratios of the events, which use the former, would be {ratio:.2f} times "
        f"as large with the latter; the largest outside the windows that overlap that of {lead}, "
        f"{largest:.2f} in magnitude, would become {ratio * largest:.2f}."
    )
    numbers = {
        "n_estimation": model["n_estimation"],
        "sigma": model["sigma"],
        "n_later": len(later),
        "later": deviation,
        "rejected": rejected,
    }
    return Finding(text, pd.DataFrame([numbers]))


def round_trip(study: Study, results: EventStudyResults, group: str = "bitcoin") -> Finding:
    """Say what a single asset's price did before the headline event, and when the gain was gone.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    group : str
        Of one asset.

    Returns
    -------
    Finding
        ``date, close`` from the first session of the event window on.
    """
    around = _records(_around(study, results, group))
    fall = min((row for row in around if row["tau"] < 0), key=lambda row: float(row["actual"]))
    event = next(row["session"] for row in around if row["tau"] == 0)
    prices = _where(study.prices, ticker=_only_ticker(study, group))[["date", "close"]]
    prices = prices[prices["date"] >= around[0]["session"]].reset_index(drop=True)
    before = float(prices.loc[prices["date"] < event, "close"].iloc[-1])
    after = prices[prices["date"] >= event]
    gone = after.loc[after["close"] <= before, "date"]
    top = _records(after[after["date"] <= (gone.min() if len(gone) else after["date"].max())])
    highest = max(top, key=lambda row: float(row["close"]))
    text = (
        f"The last close before the event, {before:,.0f} dollars, followed a fall of "
        f"{percent(fall['actual'])} on {fall['session']:%Y-%m-%d}, so that part of the gain may be "
        f"a rebound. The price closed as high as {highest['close']:,.0f} on "
        f"{highest['date']:%Y-%m-%d} and "
        + (
            f"was back at or below {before:,.0f} on {gone.min():%Y-%m-%d}, "
            f"{(gone.min() - event).days} days after the event."
            if len(gone)
            else f"has not closed at or below {before:,.0f} since."
        )
    )
    return Finding(text, prices)


def ordinary_sessions(
    study: Study, results: EventStudyResults, rates: pd.DataFrame, group: str
) -> Finding:
    """Say how often nominal 5 % tests reject on ordinary sessions, and what they could detect.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    rates : DataFrame
        Of `robustness.rejection_rates`.
    group : str

    Returns
    -------
    Finding
        ``group, test, n_sessions, rejection_rate`` of the headline tests that the group has.
    """
    own = _where(rates, group=group).set_index("test")
    own = own.reindex([name for name in HEADLINE_TESTS if name in own.index]).reset_index()
    n = int(own["n_sessions"].max())
    alone = len(own) == 1
    models = sorted(set(_where(results.pairs, group=group)["model"].str.replace("_", " ")))
    shares = ", ".join(
        f"{'exact t' if alone else HEADLINE_TESTS[row['test']]} {100 * row['rejection_rate']:.1f} %"
        for row in _records(own)
    )
    effects = minimum_detectable_effect(results, WINDOW)
    (effect,) = _where(effects, event_id=headline_event(study), group=group)[
        "minimum_detectable_effect"
    ]
    text = (
        f"{label(group)}, {' and '.join(models)} model: on {n} ordinary sessions a two-sided test "
        f"of nominal size 5 % rejects this often: {shares}. The rate of a correct test would lie "
        f"within {_sampling(n):.1f} points of 5 % if the sessions were independent. The minimum "
        f"detectable effect, the true {'CAR' if alone else 'CAAR'}{window_label(WINDOW)} that the "
        f"5 % {'' if alone else 'portfolio '}t test finds with 80 % power, is {percent(effect)} "
        f"upwards or {percent(-effect)} downwards; smaller ones it finds less often."
    )
    return Finding(text, own)


def concept_stocks_answer(
    study: Study, models: Models, placebos: Models, group: str = "a_shares_tier1"
) -> Finding:
    """Answer in two sentences whether the concept stocks moved.

    Parameters
    ----------
    study : Study
    models, placebos : mapping of str to EventStudyResults
    group : str

    Returns
    -------
    Finding
        CAAR of the headline event over the first uncensored window and over [0, 1], by model.
    """
    window = (0, uncensored_tau(study, models, group))
    table = _window_rows(study, models, group, [window, WINDOW])
    rows = _records(table)
    lasting, jump = rows[: len(models)], rows[len(models) :]
    ranks = [
        _lead_first(study, _tested(study, models[name], placebos[name], group))[0]
        for name in models
    ]
    held = [f"{percent(row['caar'])} ({row['model']}; {_interval(row)})" for row in lasting]
    first = " and ".join(f"{percent(row['caar'])} ({row['model']})" for row in jump)
    beyond = " and ".join(f"{_beyond(rank)} of {rank['n_placebo']}" for rank in ranks)
    bmp = " and ".join(p_value(row[HEADLINE_TEST]) for row in jump)
    holm = " and ".join(p_value(rank["holm"]) for rank in ranks)
    text = (
        f"**{_verdict(lasting)}: over {window_label(window)}, to {lasting[0]['end']:%Y-%m-%d}, the "
        f"first window that ends with fewer than {100 * CENSORED:.0f} % of the "
        f"{lasting[0]['n_assets']} names at a price limit, their CAAR after “{_name(study)}” is "
        f"{' and '.join(held)}.** Before that they had jumped by {first} over "
        f"{window_label(WINDOW)}, with {100 * jump[0]['share_at_limit']:.0f} % of them still at a "
        f"limit, matched on {beyond} ordinary sessions; the adjusted BMP, which also allows for "
        f"unequal responses, gives {bmp}, after Holm's correction over {ranks[0]['family']} "
        f"tests {holm}."
    )
    return Finding(text, table)


def _verdict(rows: list[Row]) -> str:
    inside = [row["lower"] < 0 < row["upper"] for row in rows]
    if all(inside):
        return "They jumped, but no response that lasted can be told from zero"
    return "The answer depends on the model" if any(inside) else "Yes, and the response lasted"


def uncensored_tau(study: Study, models: Models, *groups: str) -> int:
    """Return the first session from the headline event on that leaves no group censored.

    Raises
    ------
    ValueError
        If there is none in the event window.
    """
    results = next(iter(models.values()))
    own = results.abnormal_returns[results.abnormal_returns["tau"] >= 0]
    own = _where(own, event_id=headline_event(study))
    own = own.assign(group=own["ticker"].map(study.groups), held=own["at_limit"] != "")
    own = own[own["group"].isin(groups)]
    share = own.groupby(["tau", "group"])["held"].mean().groupby("tau").max().reset_index()
    free = share.loc[share["held"] < CENSORED, "tau"]
    if free.empty:
        raise ValueError(f"{', '.join(groups)}: at price limits throughout the event window")
    return int(free.iloc[0])


def already_moved(
    study: Study,
    results: EventStudyResults,
    group: str = "a_shares_tier1",
    earlier: Sequence[str] = ("us_listed", "bitcoin"),
) -> Finding:
    """Say what other markets had done before a group could first trade on the headline event.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    group : str
    earlier : sequence of str
        Groups whose event session comes before.

    Returns
    -------
    Finding
        ``group, first, last, n_assets, mean``: log return from the close before the group's event
        session to its last close before the day of the later group's event session.
    """
    own = _around(study, results, group)
    opening = _where(own, tau=0)["session"].iloc[0]
    rows = []
    for name in earlier:
        around = _around(study, results, name)
        around = around[(around["tau"] >= 0) & (around["session"] < opening)]
        total = around.groupby("ticker")["actual"].sum()
        span = (around["session"].min(), around["session"].max())
        rows.append((name, *span, len(total), float(total.mean())))
    table = pd.DataFrame(rows, columns=["group", "first", "last", "n_assets", "mean"])
    parts = [
        f"{label(row['group'])} (N = {row['n_assets']}) by {percent(row['mean'])} "
        + (
            f"from {row['first']:%Y-%m-%d} to {row['last']:%Y-%m-%d}"
            if row["first"] < row["last"]
            else f"on {row['first']:%Y-%m-%d}"
        )
        for row in _records(table)
    ]
    text = (
        f"A-shares could first trade on the news on {opening:%Y-%m-%d}. By then other markets had "
        f"moved: {' and '.join(parts)} (returns, not abnormal ones)."
    )
    return Finding(text, table)


def censoring(study: Study, models: Models, group: str = "a_shares_tier1") -> Finding:
    """Count the names that closed at a price limit after the headline event.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    group : str

    Returns
    -------
    Finding
        Indexed by tau from 0 on: ``session, n_assets, upper, lower``.
    """
    own = _around(study, next(iter(models.values())), group)
    own = own[own["tau"] >= 0]
    counts = own.groupby("tau").agg(session=("session", "first"), n_assets=("ticker", "size"))
    for side in ("upper", "lower"):
        counts[side] = (own["at_limit"] == side).groupby(own["tau"]).sum()
    tau = uncensored_tau(study, models, group)
    first, *later = _records(counts.loc[:tau])
    then = ", ".join(
        f"{row['upper']} and {row['lower']} on {_date(row['session'])}" for row in later
    )
    declared = [window for window in study.car_windows if window[0] == 0 and window[1] >= tau]
    text = (
        f"On {first['session']:%Y-%m-%d}, {first['upper']} of the {first['n_assets']} names closed "
        f"at the upper limit and {first['lower']} at the lower; then {then}. The first window from "
        f"the event session on that ends with fewer than {100 * CENSORED:.0f} % of them at a limit "
        f"is {window_label((0, tau))}; of the windows that the study had declared beforehand it is "
        f"{window_label(declared[0]) if declared else 'none'}."
    )
    return Finding(text, counts)


def windows_report(study: Study, models: Models, group: str) -> ReportTable:
    """Lay out the response to the headline event over several windows, models side by side.

    The windows are those of the study that start at the event session, and the first uncensored.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    group : str

    Returns
    -------
    ReportTable
    """
    table = _window_rows(study, models, group, _windows(study, models, group))
    frame = pd.DataFrame(
        {
            "Window": table["window"],
            "Ends": _days(table["end"]),
            "At limit, %": table["share_at_limit"].map(lambda share: f"{100 * share:.0f}"),
            "Model": table["model"],
            "CAAR, % (95 % interval)": _with_interval(table, "caar"),
        }
    )
    for name, head in HEADLINE_TESTS.items():
        frame[f"{head}, p"] = table[name].map(p_text)
    frame["rbar"] = table["mean_correlation"].map("{:.2f}".format)
    note = (
        f"{label(group)}, N = {table['n_assets'].iloc[0]}, around {headline_event(study)}; simple "
        "returns; the interval is that of the portfolio with the error of estimation; two-sided "
        "p-values, not adjusted for the number of windows. At limit: share of the names that close "
        "the window at a price limit; rbar: mean correlation of the residuals."
    )
    return ReportTable(frame, note)


def fading(study: Study, models: Models, group: str = "a_shares_tier1") -> Finding:
    """Say how much of the response to the headline event was left when the limits let go.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    group : str

    Returns
    -------
    Finding
        By model: ``peak_session, peak, last_session, left, window, caar, lower, upper, p_value``,
        the latter five of the reversal, from the session after the peak to the first uncensored
        one, with the portfolio t.
    """
    event_id = headline_event(study)
    last = uncensored_tau(study, models, group)
    rows, parts = [], []
    for name, results in models.items():
        whole = results.caar_path(event_id, group, start=0)
        path = _records(whole[whole["tau"] <= last])
        peak = max(path, key=lambda step: float(step["caar"]))
        window = (min(peak["tau"] + 1, last), last)
        test = results.tests(window).get(event_id, group, "time_series_t")
        row = _row(study, results, group, window) | {
            "model": name,
            "peak_session": peak["session"],
            "peak": peak["caar"],
            "last_session": path[-1]["session"],
            "left": path[-1]["caar"],
            "p_value": test.p_value,
        }
        rows.append(row)
        parts.append(
            f"With the {name} model the CAAR from the event session on peaked at "
            f"{percent(row['peak'])} on {_date(row['peak_session'])} and stood at "
            f"{percent(row['left'])} on {_date(row['last_session'])}; the change over "
            f"{row['window']}, {percent(row['caar'])} ({_interval(row)}; portfolio t: "
            f"{p_value(row['p_value'])}), {_differs(row)}"
        )
    return Finding(". ".join(parts) + ".", pd.DataFrame(rows))


def significant_sessions(study: Study, models: Models, group: str = "a_shares_tier1") -> Finding:
    """Say on which sessions of policy events a group's adjusted BMP has p < 5 %, by model.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    group : str

    Returns
    -------
    Finding
        One row per model and policy event session: the headline table and Holm's p-value.
    """
    tables, parts = [], []
    for name, results in models.items():
        family = significant_clusters(study, results).numbers
        own = _where(family, group=group)
        low = _records(own[own["p_value"] < LEVEL])
        found = ", ".join(
            f"{row['event_id']} {percent(row['caar'])} ({p_value(row['p_value'])})" for row in low
        )
        kept = _none_of(sum(row["holm"] < LEVEL for row in low), len(low))
        parts.append(
            f"With the {name} model (rbar = {own['mean_correlation'].mean():.2f}) the adjusted BMP "
            f"of {label(group)} has p < 5 % on {len(low)} of {len(own)} sessions of policy events"
            + (
                f": {found}. {kept} stay below after Holm's correction over {len(family)} tests."
                if low
                else "."
            )
        )
        tables.append(own.assign(model=name))
    chance = f"By chance {LEVEL * len(tables[0]):.1f} of {len(tables[0])} would be below 5 %."
    return Finding(" ".join([*parts, chance]), pd.concat(tables, ignore_index=True))


def controls(study: Study, results: EventStudyResults, group: str) -> Finding:
    """Say what a group did at events that should not have moved it.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    group : str

    Returns
    -------
    Finding
        The headline table of the sessions of control and placebo events.
    """
    table = _where(headline(study, results, WINDOW), group=group)
    table = table[table["role"] != "policy"].reset_index(drop=True)
    test = HEADLINE_TEST if table["n_assets"].max() > 1 else "time_series_t"
    name = {"time_series_t": "exact t"}.get(test, HEADLINE_TESTS[test])
    parts = [
        f"{row['members'].replace(';', ', ')} ({row['role']}) {percent(row['caar'])} "
        f"({p_value(row[f'{test}_p'])})"
        for row in _records(table)
    ]
    text = (
        f"{label(group)} at the events that are no news of Chinese policy, {name}: "
        f"{', '.join(parts)}."
    )
    return Finding(text, table)


def rejection_report(rates: Mapping[str, pd.DataFrame], groups: Sequence[str]) -> ReportTable:
    """Lay out the ordinary-session rejection rates of all tests.

    Parameters
    ----------
    rates : mapping of str to DataFrame
        By model, `robustness.rejection_rates` at 5 %.
    groups : sequence of str

    Returns
    -------
    ReportTable
    """
    columns = {"Test": [test.title for test in TESTS], "Source": [test.source for test in TESTS]}
    sizes: list[int] = []
    for group in groups:
        for model, table in rates.items():
            own = _where(table, group=group).set_index("test").reindex([t.name for t in TESTS])
            columns[f"{label(group)}, {model}, %"] = [
                "" if pd.isna(rate) else f"{100 * rate:.1f}" for rate in own["rejection_rate"]
            ]
            sizes += own["n_sessions"].dropna().astype(int).tolist()
    low, high = min(sizes), max(sizes)
    note = (
        "Share of ordinary sessions on which a two-sided test of nominal size 5 % rejects, window "
        f"{window_label(WINDOW)}, {low if low == high else f'{low} to {high}'} sessions. The rate "
        f"of a correct test would lie within {_sampling(low):.1f} points of 5 % if the sessions "
        "were independent; neighbouring windows share a session, so that it may stray further."
    )
    return ReportTable(pd.DataFrame(columns), note)


def portfolio_difference(
    study: Study,
    models: Models,
    first: Collection[str],
    second: Collection[str],
    windows: Sequence[Window],
) -> pd.DataFrame:
    r"""Difference of two portfolios' responses to the headline event, with its own portfolio t.

    .. math:: D = CAAR_1 - CAAR_2, \qquad
              se = s_D \sqrt{\operatorname{mean}_i \frac{1'V_i1}{s_i^2}}, \qquad
              s_D^2 = \frac{\sum_{est} (AAR_{1t} - AAR_{2t})^2}{T_e - p},

    :math:`D / se \sim t(T_e - p)`, :math:`T_e` the estimation sessions on which both portfolios
    have a residual, p the largest number of parameters. What moves both portfolios cancels.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    first, second : collection of str
        Tickers on one calendar.
    windows : sequence of tuple of int

    Returns
    -------
    DataFrame
        ``model, window, first, second, mean, lower, upper, t_stat, p_value, degrees``, one row per
        window and model; log returns, `mean` is D.
    """
    event_id = headline_event(study)
    sides = [list(first), list(second)]
    both = [*first, *second]
    rows = []
    for window in windows:
        for name, results in models.items():
            residuals = _where(results.residuals, event_id=event_id)
            table = residuals.pivot_table(index="session", columns="ticker", values="residual")
            aar = [table.reindex(columns=side).mean(axis=1) for side in sides]
            apart = (aar[0] - aar[1]).dropna()
            terms = _where(results.coefficients, event_id=event_id).groupby("ticker").size()
            degrees = len(apart) - int(terms.reindex(both).fillna(0).max())
            car = _where(results.car(window), event_id=event_id).set_index("ticker")
            sigma = _where(results.models, event_id=event_id).set_index("ticker")["sigma"]
            multiplier = ((car["std_error"] / sigma).reindex(both) ** 2).mean()
            error = float(np.sqrt((apart**2).sum() / degrees * multiplier))
            means = [float(car["car"].reindex(side).mean()) for side in sides]
            rows.append(
                {
                    "model": name,
                    "window": window_label(window),
                    "first": means[0],
                    "second": means[1],
                    "degrees": degrees,
                }
                | _t_interval(means[0] - means[1], error, degrees)
            )
    return pd.DataFrame(rows)


def difference_report(
    study: Study,
    models: Models,
    first: Collection[str],
    second: Collection[str],
    names: tuple[str, str],
    windows: Sequence[Window] | None = None,
) -> ReportTable:
    """Lay out `portfolio_difference`.

    Parameters
    ----------
    study, models, first, second
        As in `portfolio_difference`.
    names : tuple of str
        Of the two portfolios.
    windows : sequence of tuple of int, optional
        Default: those of the study that start at the event session.

    Returns
    -------
    ReportTable
    """
    if windows is None:
        windows = [window for window in study.car_windows if window[0] == 0]
    table = portfolio_difference(study, models, first, second, windows)
    frame = pd.DataFrame(
        {
            "Window": table["window"],
            "Model": table["model"],
            f"{names[0]}, N = {len(first)}, %": _percents(table["first"]),
            f"{names[1]}, N = {len(second)}, %": _percents(table["second"]),
            "Difference, % (95 % interval)": _with_interval(table, "mean"),
            "t": table["t_stat"].map("{:.2f}".format),
            "p": table["p_value"].map(p_text),
        }
    )
    note = (
        f"CAAR around {headline_event(study)} as simple returns; the difference is taken between "
        "log returns and shown as the simple return of the first portfolio over the second. t: "
        f"portfolio t of the difference, {table['degrees'].iloc[0]} degrees of freedom; two-sided "
        "p-values, not adjusted for the number of windows."
    )
    return ReportTable(frame, note)


def look_ahead_bias(
    study: Study, models: Models, groups: tuple[str, str] = ("a_shares_tier2", "a_shares_tier1")
) -> Finding:
    """Say how much more the names chosen on the outcome gained than those chosen before it.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    groups : tuple of str
        Chosen on the outcome, chosen before.

    Returns
    -------
    Finding
        `portfolio_difference` over [0, 1] and the first window that leaves both uncensored.
    """
    sides = [study.groups.index[study.groups == group].tolist() for group in groups]
    window = (0, uncensored_tau(study, models, *groups))
    table = portfolio_difference(study, models, sides[0], sides[1], [window, WINDOW])
    parts = [
        f"{percent(row['mean'])} over {row['window']} ({row['model']}; {_interval(row)}, "
        f"{p_value(row['p_value'])})"
        for row in _records(table)
    ]
    clear = int((table["p_value"] < LEVEL).sum())
    text = (
        f"Measured look-ahead bias: the {len(sides[0])} names of tier 2 gained more than the "
        f"{len(sides[1])} of tier 1 by {', '.join(parts)}. {window_label(window)} is the first "
        f"window that ends with fewer than {100 * CENSORED:.0f} % of either tier at a limit. "
        f"{_none_of(clear, len(table))} differences can be told from zero at 5 %."
    )
    return Finding(text, table)


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
    rows = [_row(study, results, group) for group in (us, coins)]
    tests = results.tests(WINDOW)
    p = {
        (group, name): tests.get(rows[0]["event_id"], group, name).p_value
        for group in (us, coins)
        for name in HEADLINE_TESTS
    }
    rest = leave_one_out(study, results, us).numbers
    top = _records(rest.sort_values("caar"))[0]
    (jump,) = _records(_where(_around(study, results, us), tau=0, ticker=top["ticker"]))
    names = dict(zip(study.assets["ticker"], study.assets["name"], strict=True))
    ranks = placebo_p_values(results, placebo, WINDOW)
    rank = {row["group"]: row for row in _lead_first(study, ranks)[::-1]}
    shown = {
        group: f"{_interval(row)}; portfolio t: {p_value(p[group, 'time_series_t'])}, adjusted "
        f"BMP: {p_value(p[group, HEADLINE_TEST])}; matched on {_beyond(rank[group])} of "
        f"{rank[group]['n_placebo']} ordinary sessions"
        for group, row in zip((us, coins), rows, strict=True)
    }
    found = sum(p[coins, name] < LEVEL for name in HEADLINE_TESTS)
    text = (
        f"**The US-listed names moved, but very unequally: {names[top['ticker']]} "
        f"({top['ticker']}) rose by {percent(jump['actual'])} on {_date(jump['session'])}, and "
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
    table = table.merge(_where(results.car(WINDOW), event_id=event_id), on="ticker")
    first = _where(results.abnormal_returns, event_id=event_id, tau=0)
    table = table.merge(first[["ticker", "session", "actual"]], on="ticker")
    rank = {group: place for place, group in enumerate(groups)}
    order = table["group"].map(rank).to_numpy(), -table["car"].to_numpy()
    table = table.iloc[np.lexsort(order[::-1])]
    frame = pd.DataFrame(
        {
            "Ticker": table["ticker"],
            "Name": table["name"],
            "Chosen as": table["selection"],
            "Return on session 0, %": _percents(table["actual"]),
            "CAR[0, 1], %": _percents(table["car"]),
            "t": table["t_stat"].map("{:.2f}".format),
            "p": table["p_value"].map(p_text),
        }
    )
    note = (
        f"Around {event_id}; session 0 is {', '.join(sorted(set(_days(table['session']))))}. "
        "Simple returns; exact t of the CAR, two-sided p-values, not adjusted for the number of "
        "names."
    )
    return ReportTable(frame, note)


def leave_one_out(study: Study, results: EventStudyResults, group: str) -> Finding:
    """Say how much the response of a group to the headline event owes to single names.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
        Of this study.
    group : str
        Of at least three assets.

    Returns
    -------
    Finding
        The rows of `robustness.leave_one_out` of the group over [0, 1].
    """
    event_id = headline_event(study)
    car = _where(results.car(WINDOW), event_id=event_id).set_index("ticker")["car"]
    car = car[study.groups.reindex(car.index) == group]
    table = _where(without_each(results, event_id, WINDOW), group=group).reset_index(drop=True)
    without = table.set_index("ticker")["caar"]
    top = str((without - car.mean()).abs().idxmax())
    # The name becomes a group of its own, so that the others are tested without it.
    parted = replace(study, groups=study.groups.where(study.groups.index != top, top))
    rest = parted.estimate(results.model.name)
    tests = rest.tests(WINDOW)
    shown = ", ".join(
        f"{head}: {p_value(tests.get(event_id, group, name).p_value)}"
        for name, head in HEADLINE_TESTS.items()
    )
    row = _row(study, rest, group)
    text = (
        f"{label(group)}: the CAAR{window_label(WINDOW)} is {percent(car.mean())}, the median CAR "
        f"{percent(car.median())}. Leaving out one name at a time, the CAAR runs from "
        f"{percent(without.min())} to {percent(without.max())}; {top} matters most. The "
        f"{row['n_assets']} names without it have {percent(row['caar'])} ({_interval(row)}; "
        f"{shown}). The CAAR is the mean of log returns; the mean of the {len(car)} simple "
        f"abnormal returns is {100 * np.expm1(car).mean():+.1f} %."
    )
    return Finding(text, table)


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
    parts = [
        f"{percent(row['mean'])} over {row['window']} ({_interval(row)}, {p_value(row['p_value'])})"
        for row in _records(table)
    ]
    clear = int((table["p_value"] < LEVEL).sum())
    text = (
        f"{' and '.join(linked)} gained relative to {' and '.join(others)} by {', '.join(parts)}. "
        f"{_none_of(clear, len(table))} differences can be told from zero at 5 %."
    )
    return Finding(text, table)


def _where(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Rows whose columns have the given values."""
    chosen = np.ones(len(table), dtype=bool)
    for column, value in values.items():
        chosen &= (table[column] == value).to_numpy()
    return table[chosen]


def _records(table: pd.DataFrame) -> list[Row]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _lead_first(study: Study, table: pd.DataFrame) -> list[Row]:
    """Rows of a headline table, that of the headline event first."""
    event_id = headline_event(study)
    return sorted(_records(table), key=lambda row: row["event_id"] != event_id)


def _tested(
    study: Study, results: EventStudyResults, placebo: EventStudyResults, group: str
) -> pd.DataFrame:
    """Headline rows of a group with Holm's p-value in the study's family and the placebo's."""
    family = significant_clusters(study, results).numbers
    keys = ["event_id", "group"]
    table = _where(headline(study, results, WINDOW), group=group)
    table = table.merge(family[[*keys, "holm"]], on=keys, how="left")
    ranks = placebo_p_values(results, placebo, WINDOW)
    return table.merge(ranks, on=keys, how="left").assign(family=len(family))


def _windows(study: Study, models: Models, group: str) -> list[Window]:
    declared = {window for window in study.car_windows if window[0] == 0}
    return sorted(declared | {(0, uncensored_tau(study, models, group))})


def _window_rows(
    study: Study, models: Models, group: str, windows: Sequence[Window]
) -> pd.DataFrame:
    """Response of a group to the headline event, one row per window and model."""
    event_id = headline_event(study)
    rows = []
    for window in windows:
        for name, results in models.items():
            tests = results.tests(window)
            (end,) = _records(_where(results.caar_path(event_id, group), tau=window[1]))
            bmp = tests.get(event_id, group, HEADLINE_TEST)
            row = _row(study, results, group, window) | {"model": name, "end": end["session"]}
            row |= {test: tests.get(event_id, group, test).p_value for test in HEADLINE_TESTS}
            row["share_at_limit"] = end["share_at_limit"]
            row["mean_correlation"] = bmp.mean_correlation
            rows.append(row)
    return pd.DataFrame(rows)


def _row(study: Study, results: EventStudyResults, group: str, window: Window = WINDOW) -> Row:
    """CAAR of a group at the headline event, with its interval."""
    (row,) = _records(_where(results.caar(window), event_id=headline_event(study), group=group))
    return row


def _model(results: EventStudyResults, event_id: str, ticker: str) -> Row:
    (row,) = _records(_where(results.models, event_id=event_id, ticker=ticker))
    return row


def _around(study: Study, results: EventStudyResults, group: str) -> pd.DataFrame:
    """Abnormal returns of a group around the headline event."""
    table = _where(results.abnormal_returns, event_id=headline_event(study))
    return table[table["ticker"].map(study.groups) == group]


def _only_ticker(study: Study, group: str) -> str:
    tickers = study.groups.index[study.groups == group]
    if len(tickers) != 1:
        raise ValueError(f"{group} has {len(tickers)} assets, not one")
    return str(tickers[0])


def _t_interval(mean: float, error: float, degrees: int) -> Row:
    half = stats.t.isf(LEVEL / 2, degrees) * error
    return {
        "mean": mean,
        "lower": mean - half,
        "upper": mean + half,
        "t_stat": mean / error,
        "p_value": 2 * stats.t.sf(abs(mean) / error, degrees),
    }


def _direction(study: Study, members: str) -> str:
    events = study.events[study.events["event_id"].isin(members.split(";"))]
    if (events["stance_crypto"] < 0).any():
        return "restrictive"
    supportive = (events["stance_blockchain"] > 0) | (events["stance_crypto"] > 0)
    return "supportive" if supportive.any() else "neutral"


def _stances(study: Study, members: str) -> str:
    events = study.events[study.events["event_id"].isin(members.split(";"))]
    pairs = zip(events["stance_blockchain"], events["stance_crypto"], strict=True)
    return "; ".join(f"{a:+d} / {b:+d}".replace("+0", "0") for a, b in pairs)


def _beyond(row: Row) -> int:
    """Ordinary sessions whose studentized CAAR is at least as large in magnitude."""
    beyond: int = round(row["p_placebo"] * (1 + row["n_placebo"])) - 1
    return beyond


def _sampling(n: int) -> float:
    """Two standard errors, in percentage points, of the rate at which a correct test rejects."""
    return 100 * float(stats.norm.isf(LEVEL / 2) * np.sqrt(LEVEL * (1 - LEVEL) / n))


def _interval(row: Row) -> str:
    return f"95 % interval {percent(row['lower'])} to {percent(row['upper'])}"


def _differs(row: Row) -> str:
    inside = row["lower"] < 0 < row["upper"]
    return "cannot be told from zero" if inside else "differs from zero at 5 %"


def _none_of(count: int, total: int) -> str:
    return f"{count if count else 'None'} of the {total}"


def _percents(log_returns: Iterable[float]) -> list[str]:
    return [f"{100 * np.expm1(value):+.1f}" for value in log_returns]


def _with_interval(table: pd.DataFrame, column: str) -> list[str]:
    cells = [_percents(table[name]) for name in (column, "lower", "upper")]
    return [f"{value} ({low} to {high})" for value, low, high in zip(*cells, strict=True)]


def _date(day: pd.Timestamp) -> str:
    return f"{day:%Y-%m-%d}"


def _days(sessions: pd.Series) -> list[str]:
    return [_date(day) for day in sessions]


def _day(row: Row) -> str:
    return _date(row["event_session"])


def _name(study: Study) -> str:
    names = dict(zip(study.events["event_id"], study.events["name"], strict=True))
    return str(names[headline_event(study)])
