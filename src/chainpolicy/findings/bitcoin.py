"""How Bitcoin, or another asset that is a group of its own, moved; see `responses`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.checks import minimum_detectable_effect
from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.figures.style import day_label
from chainpolicy.findings.base import (
    LEVEL,
    Finding,
    label,
    p_value,
    percent,
)
from chainpolicy.findings.responses import (
    WINDOW,
    Row,
    around_headline,
    beyond,
    differs,
    headline_name,
    headline_row,
    interval,
    iso_days,
    lead_first,
    percents,
    records,
    sampling_error,
    t_interval,
    tested,
    where,
)
from chainpolicy.study import Study
from chainpolicy.tables.estimates import headline, headline_event
from chainpolicy.typeset.report_table import ReportTable, p_text


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
    table = where(tested(study, results, placebo, group), role="policy")
    lead, *others = lead_first(study, table)
    nearest = min(others, key=lambda row: float(row["time_series_t_p"]))
    passed = sum(row["holm"] < LEVEL for row in others)
    restrictive = records(by_stance(study, results, group).numbers)[0]
    verdict = "Yes, once" if lead["holm"] < LEVEL and not passed else "The evidence is mixed"
    text = (
        f"**{verdict}: over {day_label(lead['event_session'])}, when {headline_name(study)} became "
        f"public, and the day after, {label(group)} returned {percent(lead['caar'])} more than its "
        f"mean** ({interval(headline_row(study, results, group))}; exact t = "
        f"{lead['time_series_t']:.2f}, "
        f"{p_value(lead['time_series_t_p'])}; after Holm's correction over {lead['family']} tests "
        f"{p_value(lead['holm'])}; matched on {beyond(lead)} of {lead['n_placebo']} "
        f"ordinary sessions, placebo {p_value(lead['p_placebo'])}). Of the {len(others)} other "
        f"days with a policy announcement {passed or 'none'} "
        f"{'stays' if passed < 2 else 'stay'} below 5 % after it, the smallest before it on "
        f"{day_label(nearest['event_session'])} ({p_value(nearest['time_series_t_p'])}), and "
        f"the {restrictive['days']} restrictive days "
        f"average {percent(restrictive['mean'])} ({interval(restrictive)}), which "
        f"{differs(restrictive)}."
    )
    return Finding(text, table)


def single_asset_report(
    study: Study, results: EventStudyResults, placebo: EventStudyResults, group: str = "bitcoin"
) -> ReportTable:
    """Lay out every event session of a single asset; arguments as in `bitcoin_answer`."""
    table = tested(study, results, placebo, group)
    first = where(headline(study, results, (0, 0)), group=group)
    frame = pd.DataFrame(
        {
            "Session": iso_days(table["event_session"]),
            "Events": table["members"].str.replace(";", ", "),
            "Role": table["role"],
            "Stance": [_stances(study, members) for members in table["members"]],
            "CAR[0, 0], %": percents(first["caar"]),
            "CAR[0, 1], %": percents(table["caar"]),
            "t": table["time_series_t"].map("{:.2f}".format),
            "p": table["time_series_t_p"].map(p_text),
            "Holm p": table["holm"].map(p_text),
            "Placebo p": table["p_placebo"].map(p_text),
        }
    )
    any_row = records(table)[0]
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
    table = tested(study, results, placebo, group)
    lead = lead_first(study, table)[0]
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
    table = where(headline(study, results, WINDOW), role="policy", group=group)
    stance = [_direction(study, members) for members in table["members"]]
    abnormal = where(results.abnormal_returns, ticker=ticker)
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
        rows[name] = {"days": len(cars), "negative": int((cars < 0).sum())} | t_interval(
            mean, error, model["n_estimation"] - 1
        )
    text = (
        f"On the {rows['restrictive']['days']} days with a restrictive announcement "
        f"{label(group)}'s CAR{window_label(WINDOW)} averages "
        f"{percent(rows['restrictive']['mean'])} ({interval(rows['restrictive'])}; "
        f"{rows['restrictive']['negative']} of them negative), on the "
        f"{rows['supportive']['days']} days with supportive ones "
        f"{percent(rows['supportive']['mean'])} ({interval(rows['supportive'])}; "
        f"{rows['supportive']['negative']} negative). The {rows['apart']['days']} supportive days "
        f"whose windows do not overlap that of {headline_name(study)} average "
        f"{percent(rows['apart']['mean'])} "
        f"({interval(rows['apart'])}). The difference between supportive and restrictive days, "
        f"{percent(rows['difference']['mean'])} ({interval(rows['difference'])}; "
        f"{p_value(rows['difference']['p_value'])}), {differs(rows['difference'])}."
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
    end = where(results.residuals, ticker=ticker, event_id=lead)["session"].max()
    tests = where(placebo.tests(WINDOW).tidy(), group=group, test="time_series_t")
    tests = tests.assign(session=pd.to_datetime(tests["event_id"]))
    later = tests[tests["session"] > end]
    returns = where(study.returns, ticker=ticker)
    deviation = float(returns.loc[returns["session"].isin(later["session"]), "return"].std())
    rejected = int((later["p_value"] < LEVEL).sum())
    ratio = model["sigma"] / deviation
    table = where(headline(study, results, WINDOW), role="policy", group=group)
    event_session = lead_first(study, table)[0]["event_session"]
    apart = (table["event_session"] - event_session).abs().dt.days > WINDOW[1] - WINDOW[0]
    largest = float(table.loc[apart, "time_series_t"].abs().max())
    text = (
        f"The daily standard deviation of {label(group)} was {100 * model['sigma']:.1f} % over the "
        f"{model['n_estimation']} sessions that estimate its mean and {100 * deviation:.1f} % over "
        f"the {len(later)} ordinary sessions after them, of which the nominal 5 % test rejects "
        f"{rejected}. The t-ratios of the events, which use the former, would be {ratio:.2f} times "
        f"as large with the latter; the largest outside the windows that overlap that of "
        f"{headline_name(study)}, {largest:.2f} in magnitude, would become {ratio * largest:.2f}."
    )
    numbers = {
        "n_estimation": model["n_estimation"],
        "sigma": model["sigma"],
        "n_later": len(later),
        "later": deviation,
        "rejected": rejected,
    }
    return Finding(text, pd.DataFrame([numbers]))


def ordinary_sessions(
    study: Study, results: EventStudyResults, rates: pd.DataFrame, group: str = "bitcoin"
) -> Finding:
    """Say how often the exact t rejects on ordinary sessions, and what it could detect.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    rates : DataFrame
        Of `robustness.rejection_rates`.
    group : str
        Of one asset.

    Returns
    -------
    Finding
        ``group, test, n_sessions, rejection_rate`` of the exact t.
    """
    own = where(rates, group=group, test="time_series_t")
    n, rate = int(own["n_sessions"].iloc[0]), float(own["rejection_rate"].iloc[0])
    effects = where(
        minimum_detectable_effect(results, WINDOW), event_id=headline_event(study), group=group
    )
    (effect,) = effects["minimum_detectable_effect"]
    text = (
        f"On {n} ordinary sessions of {label(group)} the exact t rejects at the 5 % level on "
        f"{100 * rate:.1f} % of them; a correct test would come within {sampling_error(n):.1f} "
        f"points of 5 % if the sessions were independent. The minimum detectable effect, the true "
        f"CAR{window_label(WINDOW)} that it finds with 80 % power, is {percent(effect)} upwards or "
        f"{percent(-effect)} downwards; smaller ones it finds less often."
    )
    return Finding(text, own.reset_index(drop=True))


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
    around = records(around_headline(study, results, group))
    fall = min((row for row in around if row["tau"] < 0), key=lambda row: float(row["actual"]))
    event = next(row["session"] for row in around if row["tau"] == 0)
    prices = where(study.prices, ticker=_only_ticker(study, group))[["date", "close"]]
    prices = prices[prices["date"] >= around[0]["session"]].reset_index(drop=True)
    before = float(prices.loc[prices["date"] < event, "close"].iloc[-1])
    after = prices[prices["date"] >= event]
    gone = after.loc[after["close"] <= before, "date"]
    top = records(after[after["date"] <= (gone.min() if len(gone) else after["date"].max())])
    highest = max(top, key=lambda row: float(row["close"]))
    text = (
        f"The last close before the event, {before:,.0f} dollars, followed a fall of "
        f"{percent(fall['actual']).lstrip('-')} on {day_label(fall['session'])}, so that part of "
        f"the gain may be a rebound. The price closed as high as {highest['close']:,.0f} on "
        f"{day_label(highest['date'])} and "
        + (
            f"was back at or below {before:,.0f} on {day_label(gone.min())}, "
            f"{(gone.min() - event).days} days after the event."
            if len(gone)
            else f"has not closed at or below {before:,.0f} since."
        )
    )
    return Finding(text, prices)


def _only_ticker(study: Study, group: str) -> str:
    tickers = study.groups.index[study.groups == group]
    if len(tickers) != 1:
        raise ValueError(f"{group} has {len(tickers)} assets, not one")
    return str(tickers[0])


def _model(results: EventStudyResults, event_id: str, ticker: str) -> Row:
    (row,) = records(where(results.models, event_id=event_id, ticker=ticker))
    return row


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
