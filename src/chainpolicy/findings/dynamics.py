"""How fast prices moved, how long it lasted, and who moved before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from chainpolicy.checks import adjust_for_multiple_testing, placebo_p_values, within_reach
from chainpolicy.estimators import (
    EARLY,
    JUMP,
    MODELS,
    PHASES,
    HourlyResponse,
    Reversal,
    early_movers,
    hourly_responses,
    inside,
    local_projections,
    phase_table,
    reversal,
    sentiment_regression,
    volatility_around_events,
)
from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.figures.style import day_label
from chainpolicy.findings.base import LEVEL, Finding, label, p_value, percent
from chainpolicy.findings.responses import event_name, headline_name, interval, percents, records
from chainpolicy.study import Study
from chainpolicy.tables.estimates import headline_event
from chainpolicy.typeset.report_table import ReportTable, formatted, p_text

# What a model of volatility is called in a table.
MODEL_LABELS = dict(zip(MODELS, ("EWMA", "GARCH(1,1)"), strict=True))
# The groups whose speed and persistence open the notebook, as far as the study has them.
LEADING = ("bitcoin", "a_shares_tier1")
NO_JUMP = "The event window does not hold the sessions [0, 1] and [2, 10]."


def speed_and_persistence(study: Study, results: EventStudyResults) -> Finding:
    """Answer how fast and how long, in two sentences, for the headline event.

    Parameters
    ----------
    study : Study
    results : EventStudyResults

    Returns
    -------
    Finding
        The attributes of `dynamics.Reversal` and ``n_assets``, one row per group.
    """
    responses, _ = hourly_responses(study)
    fast = "How fast cannot be said within the day: no hourly price covers a known hour."
    for response in responses:
        if response.event_id == headline_event(study) and response.first_outside is not None:
            fast = _left_the_band(study, response, response.first_outside)
            break
    table = _reversals(study, results)
    chosen = [group for group in LEADING if group in set(table["group"])] or table["group"].tolist()
    parts = [
        f"for **{label(row['group'])}** (N = {row['n_assets']}) {_half_life(row, results)}"
        for row in records(table[table["group"].isin(chosen)])
    ]
    slow = f"Half of the jump of two sessions was gone {'; '.join(parts)}." if parts else NO_JUMP
    return Finding(f"{fast} {slow}", table)


def sentiment_effect(study: Study, dimension: str = "overall") -> Finding:
    """Say whether returns follow the innovations of policy sentiment.

    Parameters
    ----------
    study : Study
    dimension : str
        One of `policy_index.DIMENSIONS`.

    Returns
    -------
    Finding
        The rows of `dynamics.sentiment_regression`, of all dimensions and of innovation and level,
        and ``without_headline``: the p-value if the session of the headline event is taken out.
    """
    table = _sentiment(study)
    if table.empty:
        return Finding("No policy announcement in the sample takes a stance.", table)
    own = table[(table["dimension"] == dimension) & (table["term"] == "innovation")]
    low, left = (int((own[name] < LEVEL).sum()) for name in ("p_value", "without_headline"))
    parts = [
        f"- **{label(row['group'])}** (N = {row['n_sessions']} sessions, {row['n_announcing']} of "
        f"them announcing): {percent(row['coefficient'])} ({p_value(row['p_value'])}; without the "
        f"headline session {p_value(row['without_headline'])})."
        for row in records(own)
    ]
    text = (
        f"Returns follow the innovations of policy sentiment with p < {LEVEL:g} in "
        f"{low or 'none'} of {len(own)} groups, and in {left or 'none'} without the session of "
        f"{headline_name(study)}. "
        "Return on the session on which one point of sentiment (stance times salience, "
        f"{'both stances added' if dimension == 'overall' else dimension}) enters:\n\n"
        + "\n".join(parts)
        + "\n\np-values by circular shifts, not adjusted for the number of groups."
    )
    return Finding(text, table)


def sentiment_report(study: Study) -> ReportTable:
    """Lay the innovations of the daily sentiment regression out for reading."""
    every = _sentiment(study)
    table = every[every["term"] == "innovation"]
    # Both stances together first: what the text speaks of.
    both_first = table["dimension"].replace("overall", "").sort_values(kind="stable").index
    table = table.loc[both_first]
    frame = pd.DataFrame(
        {
            "Stance on": table["dimension"].replace("overall", "both"),
            "Group": table["group"].map(label),
            "Return per point, %": table["coefficient"].map(lambda x: f"{100 * x:+.2f}"),
            "p (shifts)": table["p_value"].map(p_text),
            "p without headline": table["without_headline"].map(p_text),
            "HAC error, %": table["hac_error"].map(lambda x: f"{100 * x:.2f}"),
            "p (HAC)": table["hac_p_value"].map(p_text),
            "Sessions": table["n_sessions"].astype(str),
            "Announcing": table["n_announcing"].astype(str),
        }
    )
    note = (
        "Coefficients of the innovation; one regression per group and dimension, with the group's "
        "benchmarks. The p-value by circular shifts comes first (the smallest there can be: "
        f"{_reach(every['smallest_p'])}); HAC describes and rejects too often with so few "
        "announcements. Without headline: the session of the headline event taken out of the "
        "sample. Announcing: sessions with an innovation. p-values are not adjusted for the number "
        f"of rows. Not shown: {len(every) - len(table)} rows of the level, what earlier "
        "announcements left; the numbers of sentiment_effect hold them."
    )
    return ReportTable(frame, note)


def projection_reading(study: Study) -> Finding:
    """Count the horizons at which a response leaves its placebo band.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        Per group and surprise: ``first_response, last_response, n_outside, n_horizons,
        n_announcing``.
    """
    table = local_projections(study)
    if table.empty:
        return Finding("No policy announcement in the sample takes a stance.", table)
    outside = (table["response"] < table["lower"]) | (table["response"] > table["upper"])
    keyed = table.assign(outside=outside).groupby(["group", "surprise"], sort=False)
    counts = keyed.agg(
        first_response=("response", "first"),
        last_response=("response", "last"),
        n_outside=("outside", "sum"),
        n_horizons=("outside", "size"),
        n_announcing=("n_announcing", "first"),
    ).reset_index()
    said = [
        f"- **{label(str(group))}**: "
        + "; ".join(
            f"{row['surprise']} {row['n_outside']} of {row['n_horizons']} "
            f"(N = {row['n_announcing']} announcing sessions)"
            for row in records(rows)
        )
        + "."
        for group, rows in counts.groupby("group", sort=False)
    ]
    total = int(counts["n_horizons"].sum())
    text = (
        f"Of {total} responses (group, surprise, horizon) {int(outside.sum())} leave the 95 % band "
        f"of the shifted surprises, where {0.05 * total:.1f} would by chance; horizons of one "
        "response are not independent.\n\n" + "\n".join(said)
    )
    return Finding(text, counts)


def hour_by_hour(study: Study) -> Finding:
    """Say when hourly prices left their band, and what else happened.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        ``event_id, ticker, hour_return, hour_deviations, first_outside, first_time, car_last,
        ordinary_outside, n_ordinary, p_value``.
    """
    responses, left_out = hourly_responses(study)
    if not responses:
        reason = "no announcement of known hour lies inside them" if study.hourly else "none"
        return Finding(f"Hourly prices: {reason}. The daily results do not need them.", left_out)
    rows, parts = [], []
    other = study.confounders
    for response in responses:
        path = response.path.set_index("tau")
        variance = path["std_error"].pow(2).diff().fillna(path["std_error"].pow(2))
        hour = float(path["abnormal"][0])
        first = response.first_outside
        time = None if first is None else path["time"][first]
        last = float(path["car"].iloc[-1])
        row = {
            "event_id": response.event_id,
            "ticker": response.ticker,
            "hour_return": hour,
            "hour_deviations": hour / float(np.sqrt(variance[0])),
            "first_outside": first,
            "first_time": time,
            "car_last": last,
            "ordinary_outside": response.ordinary_outside,
            "n_ordinary": response.n_ordinary,
            "p_value": response.p_value,
        }
        rows.append(row)
        when = (
            "It never left the band"
            if first is None
            else f"It left the band first in the hour from {time:%H:%M} UTC of {time:%d %b} "
            f"(τ = {first})"
        )
        largest = response.path.iloc[int(response.path["abnormal"].abs().to_numpy().argmax())]
        rival = other[other["event_id"] == response.event_id]
        named = "; ".join(
            f"{item['name']}" + ("" if pd.isna(item["at"]) else f" at {item['at']:%H:%M} UTC")
            for item in rival.to_dict("records")
        )
        lines = [
            f"In the hour of the announcement it moved {percent(hour)} "
            f"({row['hour_deviations']:+.1f} standard deviations of that hour).",
            f"{when} and stood at {percent(last)} after {path.index[-1]} hours.",
            f"The largest hour began at {largest['time']:%H:%M} UTC of {largest['time']:%d %b} "
            f"({percent(largest['abnormal'])}).",
            _among_ordinary_windows(response),
        ]
        if named:
            lines.append(f"Rival explanations of that night: {named}.")
        parts.append(
            f"**{_asset(study, response.ticker)}** after {event_name(study, response.event_id)} "
            f"({response.announced_at:%d %b %Y, %H:%M} UTC):\n\n"
            + "\n".join(f"- {line}" for line in lines)
        )
    return Finding("\n\n".join(parts), pd.DataFrame(rows))


def volatility_reading(study: Study) -> Finding:
    """Say what predicted volatility makes of the responses.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Finding
        The first result of `dynamics.volatility_around_events`.
    """
    table, models = volatility_around_events(study)
    if table.empty:
        return Finding("No group has 60 sessions before the first event window.", table)
    count = {name: int((table[f"{name}_p"] < LEVEL).sum()) for name in MODELS}
    loud = table[table["garch_ratio_p"] < LEVEL]
    followed = int((loud["n_within"] > 0).sum())
    bitcoin = models[models["model"] == "garch"].iloc[0]
    text = (
        f"Of {len(table)} responses (policy session by group) {LEVEL * len(table):.1f} would be "
        f"unusual (p < {LEVEL:g} among ordinary sessions) by chance:\n\n"
        f"- **Return over [0, 1]**: {count['ewma']} are unusual when standardized by EWMA, "
        f"{count['garch']} by GARCH(1,1).\n"
        f"- **Variance over [0, 5]**: {len(loud)} are unusually large (GARCH); {followed} of these "
        "windows hold a later announcement too.\n\n"
        f"The predicted deviation of {label(bitcoin['group'])} is "
        f"{100 * bitcoin['deviation_before']:.1f} % a session before the first event window and "
        f"{100 * bitcoin['deviation_after']:.1f} % from then on (GARCH)."
    )
    return Finding(text, table)


def volatility_report(study: Study) -> ReportTable:
    """Lay out the sessions on which a return or a variance was unusual, a row per model."""
    table, _ = volatility_around_events(study)
    unusual = (table["garch_p"] < LEVEL) | (table["ewma_p"] < LEVEL)
    unusual |= (table["garch_ratio_p"] < LEVEL) | (table["ewma_ratio_p"] < LEVEL)
    shown = table[unusual]
    frames = [
        pd.DataFrame(
            {
                "Group": shown["group"].map(label),
                "Session": pd.to_datetime(shown["event_session"]).dt.strftime("%Y-%m-%d"),
                "Event": shown["event_id"],
                "Later": shown["n_within"].astype(str),
                "CAAR, %": percents(shown["abnormal"]),
                "Model": head,
                "SAR": formatted(shown[f"{name}_standardized"], ".1f"),
                "p": shown[f"{name}_p"].map(p_text),
                "Variance ratio": formatted(shown[f"{name}_ratio"], ".1f"),
                "p (ratio)": shown[f"{name}_ratio_p"].map(p_text),
            }
        )
        for name, head in MODEL_LABELS.items()
    ]
    # A stable sort by session keeps the models of one session together, in their order.
    frame = pd.concat(frames).sort_index(kind="stable").reset_index(drop=True)
    note = (
        f"The {len(shown)} of {len(table)} sessions by group with any of four p-values below "
        f"{LEVEL:g}, chosen by them: if nothing had happened between {LEVEL * len(table):.0f} and "
        f"{4 * LEVEL * len(table):.0f} would be listed, the more, the less the four have in "
        "common. Later: policy sessions after this one inside [0, 5]; return over [0, 1], variance "
        "over [0, 5], both against what the sessions before "
        "predicted; p-values are ranks among ordinary sessions"
        f" (the smallest there can be: {_reach(1 / (1 + table['n_placebo']))})"
        + ". A ratio with later ones inside is theirs too."
    )
    return ReportTable(frame, note)


def phases_report(study: Study, results: EventStudyResults) -> ReportTable:
    """Lay out leakage, reaction and reversal of the headline event, with tests and placebo."""
    event_id = headline_event(study)
    table = phase_table(results, event_id)
    ranks = [
        placebo_p_values(results, study.placebo(window), window).assign(phase=phase)
        for phase, window in PHASES.items()
        if inside(results, window)
    ]
    if ranks:
        rank = pd.concat(ranks)
        rank = rank.loc[rank["event_id"] == event_id, ["group", "phase", "p_placebo", "smallest_p"]]
        table = table.merge(rank, on=["group", "phase"], how="left")
    else:
        table = table.assign(p_placebo=[], smallest_p=[])
    frame = pd.DataFrame(
        {
            "Group": table["group"].map(label),
            "Phase": table["phase"],
            "Window": table["window"],
            "N": table["n_assets"].astype(str),
            "CAAR, %": percents(table["caar"]),
            "At limit, %": table["share_at_limit"].map(lambda x: f"{100 * x:.0f}"),
            "p (portfolio t)": table["time_series_t"].map(p_text),
            "p (adjusted BMP)": table["adjusted_bmp"].map(p_text),
            "p (GRANK-T)": table["grank_t"].map(p_text),
            "p (placebo)": table["p_placebo"].map(p_text),
        }
    )
    note = (
        f"Around {headline_name(study)}; CAAR as a simple return. The placebo p-value is "
        "the rank of the studentized "
        f"CAAR among the ordinary sessions of the group, {_reach(table['smallest_p'])} at least; "
        f"for one asset the portfolio t alone "
        "exists. "
        "At limit: share of the group whose close was held at a price limit at the end of the "
        "phase, so that its CAAR is cut short. p-values are not adjusted for the number of rows."
    )
    return ReportTable(frame, note)


def reversal_report(study: Study, results: EventStudyResults) -> ReportTable:
    """Lay out how much of the headline jump was given back, and how soon.

    Parameters
    ----------
    study : Study
    results : EventStudyResults

    Returns
    -------
    ReportTable
        Without a row where the event window does not hold the jump and what follows.
    """
    table = _reversals(study, results)
    rows = records(table)
    last = results.event_window[1]
    frame = pd.DataFrame(
        {
            "Group": table["group"].map(label),
            "N": table["n_assets"].astype(str),
            "CAAR[0, 1], %": percents(table["jump"]),
            "CAAR[2, 10], %": percents(table["after"]),
            "Reversal ratio (95 % interval)": [
                f"{row['ratio']:+.2f}"
                + (
                    ""
                    if np.isnan(row["lower"])
                    else f" ({row['lower']:+.1f} to {row['upper']:+.1f})"
                )
                for row in rows
            ],
            "Half gone after, sessions (95 % interval)": [
                _sessions(row["half_life"], last)
                + ("" if np.isnan(row["lower"]) else f" ({_life_interval(row, last)})")
                for row in rows
            ],
        }
    )
    note = (
        f"Around {headline_name(study)}. CAARs as simple returns; the reversal ratio "
        "CAAR[2, 10] / CAAR[0, 1] is taken between log returns: -1 if all is given back, 0 if all "
        f"is kept, positive if the move went on. >{last}: more than half is left at the "
        "end of the event window. Without an interval: the jump itself may be zero, and the ratio "
        "then has no bounds."
        if rows
        else NO_JUMP
    )
    return ReportTable(frame, note)


def early_reading(study: Study, results: EventStudyResults) -> Finding:
    """Say who rose in the week before the headline event, and whether that is unusual.

    Parameters
    ----------
    study : Study
    results : EventStudyResults

    Returns
    -------
    Finding
        `dynamics.early_movers` over [-5, -1].
    """
    event_id = headline_event(study)
    if not inside(results, EARLY):
        return Finding(
            f"The event window does not hold the sessions {window_label(EARLY)}.", pd.DataFrame()
        )
    placebo = study.placebo(EARLY)
    table = early_movers(results, placebo, event_id, EARLY)
    if table.empty:
        return Finding(f"No asset has a complete window {window_label(EARLY)}.", table)
    first = table.iloc[0]
    days = " and ".join(day_label(pd.Timestamp(day)) for day in first["at_upper"].split(";") if day)
    limit = f", closing at the upper limit on {days}" if days else ""
    holm = _holm_of_ranks(table)
    raw = int((table["p_placebo"] < LEVEL).sum())
    keys = ["event_id", "group"]
    ranks = placebo_p_values(results, placebo, EARLY)[[*keys, "p_placebo"]]
    groups = results.caar(EARLY).merge(ranks, on=keys)
    of_groups = [
        f"- **{label(row['group'])}** (N = {row['n_assets']}): CAAR {percent(row['caar'])} "
        f"({interval(row)}); {p_value(row['p_placebo'])} among ordinary weeks."
        for row in records(groups[groups["event_id"] == event_id])
    ]
    text = (
        f"In the sessions {window_label(EARLY)} before {headline_name(study)} "
        f"**{_asset(study, first['ticker'])} ({first['ticker']})** rose most: "
        f"{percent(first['car'])} abnormal{limit}, {p_value(first['p_placebo'])} among its own "
        f"ordinary weeks. Of {len(table)} assets {raw or 'none'} moved unusually (p < {LEVEL:g}), "
        f"where {LEVEL * len(table):.1f} would by chance; {holm}.\n\n"
        "Leakage of whole groups over the same sessions:\n\n" + "\n".join(of_groups)
    )
    return Finding(text, table)


def _holm_of_ranks(table: pd.DataFrame) -> str:
    """Say what Holm's correction leaves of ranks, where ranks can pass it at all."""
    smallest, family = table["smallest_p"].min(), len(table)
    if not within_reach(smallest, family, LEVEL):
        return (
            f"no rank among so few ordinary weeks ({p_value(smallest)} at least) could pass Holm's "
            f"correction over {family} assets, so that it decides nothing"
        )
    holm = adjust_for_multiple_testing(table["p_placebo"])["holm"].min()
    return f"the smallest after Holm's correction is {p_value(holm)}"


def _sentiment(study: Study) -> pd.DataFrame:
    table = sentiment_regression(study)
    if table.empty:
        return table.assign(without_headline=[])
    keys = ["group", "dimension", "term"]
    bare = sentiment_regression(study, without=headline_event(study))
    bare = bare[[*keys, "p_value"]].rename(columns={"p_value": "without_headline"})
    return table.merge(bare, on=keys, how="left")


def _among_ordinary_windows(response: HourlyResponse) -> str:
    """Compare a path with those of ordinary windows, if there are any."""
    if not response.n_ordinary:
        return "The prices hold no ordinary window from the same hour on to compare it with."
    smallest = 1 / (1 + response.n_ordinary)
    return (
        f"Of {response.n_ordinary} ordinary windows from the same hour on "
        f"{100 * response.ordinary_outside:.0f} % leave the band at some hour; "
        f"{p_value(response.p_value)} by rank among them"
        + (", as small as it can be." if smallest == response.p_value else ".")
    )


def _left_the_band(study: Study, response: HourlyResponse, first: int) -> str:
    """Say in which hour a price left its band, and what else happened in that hour."""
    path = response.path.set_index("tau")
    hours = f"{abs(first)} hour{'' if abs(first) == 1 else 's'}"
    when = f"**{hours} {'after' if first > 0 else 'before'}**" if first else "**in**"
    other = study.confounders
    in_hour = other["at"].dt.floor("h") == path["time"][first]
    other = other[(other["event_id"] == response.event_id) & in_hour]
    return (
        f"{_asset(study, response.ticker)} (N = 1) left the 95 % band of ordinary hours {when} the "
        f"hour of {event_name(study, response.event_id)}"
        + "".join(f", in an hour that has another explanation ({x})" for x in other["name"])
        + f": {percent(float(path['car'][first]))} since {-int(path.index[0])} hours before the "
        "announcement, "
        + (
            f"{p_value(response.p_value)} for the whole path by rank among "
            f"{response.n_ordinary} ordinary windows."
            if response.n_ordinary
            else "without ordinary windows to compare the whole path with."
        )
    )


def _reach(smallest: pd.Series) -> str:
    """Write the smallest p-value there can be: fewer sessions in one calendar, a larger one."""
    ends = dict.fromkeys(p_text(value) for value in (smallest.min(), smallest.max()))
    return " to ".join(ends) or "none"


def _reversals(study: Study, results: EventStudyResults) -> pd.DataFrame:
    """Attributes of `dynamics.Reversal` at the headline event and ``n_assets``, by group."""
    event_id = headline_event(study)
    found = reversal(results, study.placebo((0, 0)), event_id)
    columns = [field.name for field in fields(Reversal)]
    table = pd.DataFrame([vars(item) for item in found], columns=columns)
    if table.empty:
        return table.assign(n_assets=[])
    keys = ["event_id", "group"]
    return table.merge(results.caar(JUMP)[[*keys, "n_assets"]], on=keys)


def _half_life(row: Mapping[Any, Any], results: EventStudyResults) -> str:
    """Say when half of a jump was gone, with the interval where there is one."""
    last = results.event_window[1]
    gone = row["half_life"]
    when = f"not within {last} sessions" if pd.isna(gone) else f"after {int(gone)} sessions"
    # Where the jump itself may be zero there is no ratio to follow.
    if np.isnan(row["lower"]):
        return when
    return f"{when} (95 % interval {_life_interval(row, last).replace('>', 'more than ')})"


def _life_interval(row: Mapping[Any, Any], last: int) -> str:
    return " to ".join(_sessions(row[bound], last) for bound in ("earliest", "latest"))


def _sessions(count: float | None, last: int) -> str:
    return f">{last}" if count is None or pd.isna(count) else f"{int(count)}"


def _asset(study: Study, ticker: str) -> str:
    """Name an asset."""
    return str(study.assets.set_index("ticker")["name"][ticker])
