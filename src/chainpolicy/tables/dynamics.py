"""How fast, and how long, laid out for reading: sentiment, volatility, phases, reversals."""

from __future__ import annotations

import pandas as pd

from chainpolicy.checks import placebo_p_values
from chainpolicy.estimators import (
    PHASES,
    VOLATILITY_MODELS,
    inside,
    phase_table,
    reversals,
    sentiment_regression,
    volatility_around_events,
)
from chainpolicy.study import Study
from chainpolicy.study.events import OVERALL
from chainpolicy.tables.stances import sum_of_stances
from chainpolicy.typeset.report_table import ReportTable, formatted, in_percent, p_text

LEVEL = 0.05
MODEL_LABELS = dict(zip(VOLATILITY_MODELS, ("EWMA", "GARCH(1,1)"), strict=True))


def sentiment_report(study: Study) -> ReportTable:
    """Lay out the innovations of `sentiment_regression`, with and without the headline session."""
    keys = ["group", "dimension", "term"]
    every = sentiment_regression(study)
    if len(every):
        bare = sentiment_regression(study, without=study.headline_event).set_index(keys)
        every = every.join(bare["p_value"].rename("without_headline"), on=keys)
    else:
        every = every.assign(without_headline=[])
    table = every[every["term"] == "innovation"]
    # All stances together first.
    order = table["dimension"].replace(OVERALL, "").sort_values(kind="stable").index
    table = table.loc[order]
    frame = pd.DataFrame(
        {
            "Stance on": table["dimension"].replace(OVERALL, sum_of_stances(study)),
            "Group": table["group"].map(study.label),
            "Return per point, %": in_percent(table["coefficient"], "+.2f"),
            "p (shifts)": table["p_value"].map(p_text),
            "p without headline": table["without_headline"].map(p_text),
            "HAC error, %": in_percent(table["hac_error"], ".2f"),
            "p (HAC)": table["hac_p_value"].map(p_text),
            "Sessions": table["n_sessions"].astype(str),
            "Announcing": table["n_announcing"].astype(str),
        }
    )
    kind = "log " if study.kind == "log" else ""
    note = (
        f"Coefficients of the innovation, {kind}return per point; one regression per group and "
        "dimension, with the group's benchmarks. The p-value by circular shifts comes first; it "
        f"cannot be smaller than {_reach(every['smallest_p'])}. HAC describes, and rejects too "
        "often with so few announcements. Without headline: the session of the headline event is "
        "taken out of the sample. Announcing: sessions with an innovation. p-values are not "
        "adjusted for the number of rows."
    )
    return ReportTable(frame, note)


def volatility_report(study: Study) -> ReportTable:
    """Lay out the sessions with an unusual return or variance, one row per model."""
    table = volatility_around_events(study)
    p_values = [f"{name}_{part}" for name in VOLATILITY_MODELS for part in ("p", "ratio_p")]
    shown = table[(table[p_values] < LEVEL).any(axis=1)]
    frames = [
        pd.DataFrame(
            {
                "Group": shown["group"].map(study.label),
                "Session": pd.to_datetime(shown["event_session"]).dt.strftime("%Y-%m-%d"),
                "Event": shown["event_id"],
                "Later": shown["n_within"].astype(str),
                "CAAR, %": _percents(shown["abnormal"]),
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
        f"{LEVEL:g}, chosen by them: {LEVEL * len(table):.0f} to {4 * LEVEL * len(table):.0f} are "
        "expected by chance, depending on what the four have in common. Later: policy sessions "
        "after this one inside [0, 5]; a ratio with later ones inside is theirs too. Return over "
        "[0, 1] and variance over [0, 5], both against what the sessions before predicted. "
        "p-values are ranks among ordinary sessions, at least "
        f"{_reach(1 / (1 + table['n_placebo']))}."
    )
    return ReportTable(frame, note)


def phases(study: Study) -> pd.DataFrame:
    """Test the headline event before, at and after its session.

    Returns
    -------
    DataFrame
        The columns of `phase_table` and ``placebo_p``, the rank of the studentized CAAR among
        ordinary sessions, and ``smallest_p``, the least that it can be.
    """
    event_id = study.headline_event
    table = phase_table(study.results, event_id)
    ranks = [
        placebo_p_values(study.results, study.placebo(window), window).assign(phase=phase)
        for phase, window in PHASES.items()
        if inside(study.results, window)
    ]
    if not ranks:
        return table.assign(placebo_p=[], smallest_p=[])
    rank = pd.concat(ranks).rename(columns={"p_placebo": "placebo_p"})
    rank = rank.loc[rank["event_id"] == event_id, ["group", "phase", "placebo_p", "smallest_p"]]
    return table.merge(rank, on=["group", "phase"], how="left")


def phases_report(study: Study) -> ReportTable:
    """Lay out the result of `phases`."""
    table = phases(study)
    frame = pd.DataFrame(
        {
            "Group": table["group"].map(study.label),
            "Phase": table["phase"],
            "Window": table["window"],
            "N": table["n_assets"].astype(str),
            "CAAR, %": _percents(table["caar"]),
            "At limit, %": in_percent(table["share_at_limit"], ".0f"),
            "p (portfolio t)": table["time_series_t"].map(p_text),
            "p (adjusted BMP)": table["adjusted_bmp"].map(p_text),
            "p (GRANK-T)": table["grank_t"].map(p_text),
            "p (rank)": table["placebo_p"].map(p_text),
        }
    )
    note = (
        f"Around {_headline(study)}; CAAR in {study.kind} returns. p (rank): rank of the "
        "studentized CAAR among the ordinary sessions of the group, at least "
        f"{_reach(table['smallest_p'])}. A blank is undefined: the adjusted BMP needs two assets, "
        "GRANK-T ten. At limit: share of the group whose close was held at a price limit at the "
        "end of the phase, so that its CAAR is cut short. p-values are not adjusted for the number "
        "of rows."
    )
    return ReportTable(frame, note)


def reversals_report(study: Study) -> ReportTable:
    """Lay out how much of the headline event's jump was given back, and how soon.

    Returns
    -------
    ReportTable
        Without a row where the event window does not hold the jump and what follows.
    """
    table = reversals(study)
    if table.empty:
        return ReportTable(table, "The event window does not hold the sessions [0, 1] and [2, 10].")
    last = study.event_window[1]
    unbounded = table["lower"].isna()
    ratio = formatted(table["lower"], "+.1f") + " to " + formatted(table["upper"], "+.1f")
    life = table["earliest"].map(lambda n: _sessions(n, last))
    life += " to " + table["latest"].map(lambda n: _sessions(n, last))
    frame = pd.DataFrame(
        {
            "Group": table["group"].map(study.label),
            "N": table["n_assets"].astype(str),
            "CAAR[0, 1], %": _percents(table["jump"]),
            "CAAR[2, 10], %": _percents(table["after"]),
            "Reversal ratio (95 % interval)": formatted(table["ratio"], "+.2f")
            + (" (" + ratio + ")").mask(unbounded, ""),
            "Half gone after, sessions (95 % interval)": table["half_life"].map(
                lambda n: _sessions(n, last)
            )
            + (" (" + life + ")").mask(unbounded, ""),
        }
    )
    note = (
        f"Around {_headline(study)}. CAARs in {study.kind} returns; the reversal ratio "
        "is CAAR[2, 10] / CAAR[0, 1]: -1 if all is given back, 0 if all is "
        f"kept, positive if the move went on. >{last}: more than half is left at the end of the "
        "event window. Without an interval: the jump itself may be zero, and the ratio then has no "
        "bounds."
    )
    return ReportTable(frame, note)


def _percents(values: pd.Series) -> pd.Series:
    return in_percent(values, "+.1f")


def _headline(study: Study) -> str:
    names = study.events.set_index("event_id")["name"]
    return f"“{names[study.headline_event]}”"


def _reach(smallest: pd.Series) -> str:
    """Write the least that p-values can be: fewer sessions in one calendar, a larger one."""
    ends = (smallest.min(), smallest.max())
    return " to ".join(dict.fromkeys(_bound(value) for value in ends)) or "none"


def _bound(value: float) -> str:
    # "Not smaller than <0.001" says nothing.
    if value < 0.001:
        return f"{value:.1g}"
    return p_text(value)


def _sessions(count: float | None, last: int) -> str:
    return f">{last}" if count is None or pd.isna(count) else f"{int(count)}"
