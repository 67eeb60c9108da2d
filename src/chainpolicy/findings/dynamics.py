"""How fast prices moved, how long it lasted, and who moved before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from chainpolicy.claims import rivals
from chainpolicy.dynamics import (
    EARLY,
    MODELS,
    PHASES,
    Reversal,
    early_movers,
    hourly_responses,
    inside,
    local_projections,
    ordinary_sessions,
    phase_table,
    reversal,
    sentiment_regression,
    volatility_around_events,
)
from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.findings.base import LEVEL, Finding, label, p_value, percent
from chainpolicy.report_table import ReportTable, p_text
from chainpolicy.robustness import adjust_for_multiple_testing, placebo_p_values, within_reach
from chainpolicy.study import Study
from chainpolicy.tables import headline_event

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
        The rows of `jump_and_reversal`.
    """
    responses, _ = hourly_responses(study)
    event_id = headline_event(study)
    fast = "How fast cannot be said within the day: no hourly price covers a known hour."
    for response in responses:
        if response.event_id == event_id and response.first_outside is not None:
            first = response.first_outside
            fast = (
                f"{response.ticker} left the band of ordinary hours **{first} hours** after the "
                f"hour of {event_id}, not in the hour itself."
                if first > 0
                else f"{response.ticker} left the band of ordinary hours in hour {first} of "
                f"{event_id}."
            )
            break
    lasting = jump_and_reversal(study, results)
    table = lasting.numbers
    chosen = [group for group in LEADING if group in set(table["group"])] or table["group"].tolist()
    parts = [
        f"{label(row['group'])} {_half_life(row, results)}"
        for row in table[table["group"].isin(chosen)].to_dict("records")
    ]
    slow = f"Half of the jump of two sessions was gone: {'; '.join(parts)}." if parts else NO_JUMP
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
        The rows of `dynamics.sentiment_regression` of the innovation, and ``without_headline``:
        the p-value if the session of the headline event is taken out.
    """
    table = _sentiment(study)
    if table.empty:
        return Finding("No policy announcement in the sample takes a stance.", table)
    table = table[(table["dimension"] == dimension) & (table["term"] == "innovation")]
    parts = [
        f"{label(row['group'])} {percent(row['coefficient'])} ({p_value(row['p_value'])}; without "
        f"the headline session {p_value(row['without_headline'])})"
        for row in table.to_dict("records")
    ]
    text = (
        "Return on the session on which one point of sentiment (stance times salience, "
        f"{'both stances added' if dimension == 'overall' else dimension}) enters: "
        f"{'; '.join(parts)}. p-values by circular shifts, not adjusted for the number of groups."
    )
    return Finding(text, table.reset_index(drop=True))


def sentiment_report(study: Study) -> ReportTable:
    """Lay the daily sentiment regression out for reading."""
    table = _sentiment(study)
    frame = pd.DataFrame(
        {
            "Group": table["group"].map(label),
            "Stance on": table["dimension"].replace("overall", "both"),
            "Term": table["term"],
            "Return per point, %": table["coefficient"].map(lambda x: f"{100 * x:+.2f}"),
            "p (shifts)": table["p_value"].map(p_text),
            "p without headline": table["without_headline"].map(p_text),
            "HAC error, %": table["hac_error"].map(lambda x: f"{100 * x:.2f}"),
            "p (HAC)": table["hac_p_value"].map(p_text),
            "Sessions": table["n_sessions"].astype(str),
            "Announcing": table["n_announcing"].astype(str),
        }
    )
    # One part in as many as there are sessions, fewer in one calendar than in another.
    smallest = table["smallest_p"].max() if len(table) else np.nan
    note = (
        "One regression per group and dimension, with the group's benchmarks; level: what earlier "
        "announcements left. The p-value by circular shifts comes first (the smallest there can be "
        f"is {p_text(smallest)}); HAC describes and rejects too often with so few announcements. "
        "Without headline: the session of the headline event taken out of the sample. p-values are "
        f"not adjusted for the {len(table)} rows."
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
        Per group and surprise: ``first_response, last_response, n_outside, n_horizons``.
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
    ).reset_index()
    said = [
        f"{label(row['group'])}, {row['surprise']}: {row['n_outside']} of {row['n_horizons']}"
        for row in counts[counts["n_outside"] > 0].to_dict("records")
    ]
    total = int(counts["n_horizons"].sum())
    text = (
        f"Of {total} responses (group, surprise, horizon) {int(outside.sum())} leave the 95 % band "
        f"of the shifted surprises, where {0.05 * total:.1f} would by chance"
        + (f": {'; '.join(said)}." if said else ".")
        + " Horizons of one response are not independent."
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
    other = rivals(study)
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
            "never left the band"
            if first is None
            else f"left the band first in the hour from {time:%H:%M} UTC of {time:%d %b} "
            f"(τ = {first})"
        )
        largest = response.path.iloc[int(response.path["abnormal"].abs().to_numpy().argmax())]
        smallest = 1 / (1 + response.n_ordinary)
        rival = other[other["event_id"] == response.event_id]
        named = "; ".join(
            f"{item['name']}" + ("" if pd.isna(item["at"]) else f" at {item['at']:%H:%M} UTC")
            for item in rival.to_dict("records")
        )
        parts.append(
            f"After {response.event_id} ({response.announced_at:%d %b %Y, %H:%M} UTC) "
            f"{response.ticker} moved {percent(hour)} in the hour of the announcement "
            f"({row['hour_deviations']:+.1f} standard deviations of that hour), {when} and stood "
            f"at {percent(last)} after {path.index[-1]} hours; the largest hour began at "
            f"{largest['time']:%H:%M} UTC of {largest['time']:%d %b} "
            f"({percent(largest['abnormal'])}). Of {response.n_ordinary} ordinary windows "
            f"from the same hour on {100 * response.ordinary_outside:.0f} % leave the band at some "
            f"hour; {p_value(response.p_value)} by rank among them"
            + (", as small as it can be." if smallest == response.p_value else ".")
            + (f" Rival explanations of that night: {named}." if named else "")
        )
    return Finding(" ".join(parts), pd.DataFrame(rows))


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
    alone = int((loud["n_within"] == 0).sum())
    bitcoin = models[models["model"] == "garch"].iloc[0]
    text = (
        f"Of {len(table)} responses over [0, 1] (policy session by group) {count['ewma']} are "
        f"unusual (p < {LEVEL:g} among ordinary sessions) when standardized by EWMA and "
        f"{count['garch']} by GARCH(1,1), where {LEVEL * len(table):.1f} would be by chance. "
        f"Variance over [0, 5] is unusually large {len(loud)} times (GARCH, "
        f"{LEVEL * len(table):.1f} by chance), {alone} of them with no later "
        f"announcement inside the window. The predicted deviation of {label(bitcoin['group'])} is "
        f"{100 * bitcoin['deviation_before']:.1f} % a session before the first event window and "
        f"{100 * bitcoin['deviation_after']:.1f} % from then on."
    )
    return Finding(text, table)


def volatility_report(study: Study) -> ReportTable:
    """Lay out the sessions on which a return or a variance was unusual."""
    table, _ = volatility_around_events(study)
    unusual = (table["garch_p"] < LEVEL) | (table["ewma_p"] < LEVEL)
    unusual |= (table["garch_ratio_p"] < LEVEL) | (table["ewma_ratio_p"] < LEVEL)
    shown = table[unusual]
    frame = pd.DataFrame(
        {
            "Group": shown["group"].map(label),
            "Session": pd.to_datetime(shown["event_session"]).dt.strftime("%Y-%m-%d"),
            "Event": shown["event_id"],
            "CAAR, %": shown["abnormal"].map(lambda x: percent(x).removesuffix(" %")),
        }
    )
    for name, head in zip(MODELS, ("EWMA", "GARCH"), strict=True):
        frame[f"SAR ({head})"] = shown[f"{name}_standardized"].map(lambda x: f"{x:.1f}")
        frame[f"p ({head})"] = shown[f"{name}_p"].map(p_text)
        frame[f"Variance ratio ({head})"] = shown[f"{name}_ratio"].map(lambda x: f"{x:.1f}")
        frame[f"p (ratio, {head})"] = shown[f"{name}_ratio_p"].map(p_text)
    frame["Later events inside"] = shown["n_within"].astype(str)
    smallest = 1 / (1 + table["n_placebo"].min())
    note = (
        f"The {len(shown)} of {len(table)} sessions by group with any of four p-values below "
        f"{LEVEL:g}, chosen by them: if nothing had happened between {LEVEL * len(table):.0f} and "
        f"{4 * LEVEL * len(table):.0f} would be listed, the more, the less the four have in "
        "common; return over [0, 1], variance over [0, 5], both against what the sessions before "
        "predicted; p-values are ranks among ordinary sessions"
        + (f" (the smallest is {p_text(smallest)})" if len(shown) else "")
        + ". A ratio with later events inside "
        "is theirs too."
    )
    return ReportTable(frame, note)


def phases_report(study: Study, results: EventStudyResults) -> ReportTable:
    """Lay out leakage, reaction and reversal of the headline event, with tests and placebo."""
    event_id = headline_event(study)
    table = phase_table(results, event_id)
    ranks = [
        placebo_p_values(results, ordinary_sessions(study, window), window).assign(phase=phase)
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
            "CAAR, %": table["caar"].map(lambda x: percent(x).removesuffix(" %")),
            "At limit, %": table["share_at_limit"].map(lambda x: f"{100 * x:.0f}"),
            "p (portfolio t)": table["time_series_t"].map(p_text),
            "p (adjusted BMP)": table["adjusted_bmp"].map(p_text),
            "p (GRANK-T)": table["grank_t"].map(p_text),
            "p (placebo)": table["p_placebo"].map(p_text),
        }
    )
    note = (
        f"{event_id}; CAAR as a simple return. The placebo p-value is the rank of the studentized "
        f"CAAR among the ordinary sessions of the group, {p_text(table['smallest_p'].min())} to "
        f"{p_text(table['smallest_p'].max())} at least; for one asset the portfolio t alone "
        "exists. "
        "At limit: share of the group whose close was held at a price limit at the end of the "
        "phase, so that its CAAR is cut short. p-values are not adjusted for the number of rows."
    )
    return ReportTable(frame, note)


def jump_and_reversal(study: Study, results: EventStudyResults) -> Finding:
    """Say how much of the headline jump was given back, and how soon.

    Parameters
    ----------
    study : Study
    results : EventStudyResults

    Returns
    -------
    Finding
        One row per group with the attributes of `dynamics.Reversal`.
    """
    event_id = headline_event(study)
    placebo = ordinary_sessions(study, (0, 0))
    found = reversal(results, placebo, event_id)
    columns = [field.name for field in fields(Reversal)]
    table = pd.DataFrame([vars(item) for item in found], columns=columns)
    if table.empty:
        return Finding(NO_JUMP, table)
    parts = []
    for item in found:
        interval = (
            "no interval, the jump itself may be zero"
            if np.isnan(item.lower)
            else f"95 % interval {item.lower:+.1f} to {item.upper:+.1f}"
        )
        parts.append(
            f"{label(item.group)} {item.ratio:+.2f} ({interval}), half gone "
            f"{_half_life(vars(item), results)}"
        )
    text = (
        f"Reversal ratio CAAR[2, 10] / CAAR[0, 1] after {event_id} (-1: all given back, 0: all "
        f"kept): {'; '.join(parts)}."
    )
    return Finding(text, table)


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
    placebo = ordinary_sessions(study, EARLY)
    table = early_movers(results, placebo, event_id, EARLY)
    if table.empty:
        return Finding(f"No asset has a complete window {window_label(EARLY)}.", table)
    names = study.assets.set_index("ticker")["name"]
    first = table.iloc[0]
    days = first["at_upper"].replace(";", " and ")
    limit = f", closing at the upper limit on {days}" if days else ""
    holm = _holm_of_ranks(table)
    raw = int((table["p_placebo"] < LEVEL).sum())
    groups = placebo_p_values(results, placebo, EARLY)
    groups = groups[groups["event_id"] == event_id]
    of_groups = "; ".join(
        f"{label(row['group'])} {p_value(row['p_placebo'])}" for row in groups.to_dict("records")
    )
    text = (
        f"In the sessions {window_label(EARLY)} before {event_id} "
        f"**{names[first['ticker']]} ({first['ticker']})** rose most: {percent(first['car'])} "
        f"abnormal{limit}, {p_value(first['p_placebo'])} among its own ordinary weeks. Of "
        f"{len(table)} assets {raw} moved unusually (p < {LEVEL:g}), where "
        f"{LEVEL * len(table):.1f} would by chance; {holm}. Leakage of "
        f"whole groups against placebo: {of_groups}."
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


def _half_life(row: Mapping[Any, Any], results: EventStudyResults) -> str:
    """Say when half of a jump was gone, with the interval where there is one."""
    last = results.event_window[1]
    bounds = [
        f"more than {last}" if pd.isna(bound) else f"{int(bound)}"
        for bound in (row["earliest"], row["latest"])
    ]
    gone = row["half_life"]
    when = f"not within {last} sessions" if pd.isna(gone) else f"after {int(gone)} sessions"
    # Where the jump itself may be zero there is no ratio to follow.
    return when if np.isnan(row["lower"]) else f"{when} (95 % interval {' to '.join(bounds)})"
