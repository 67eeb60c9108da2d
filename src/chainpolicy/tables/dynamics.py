"""How much of the headline event's jump was given back, and how soon."""

from __future__ import annotations

import pandas as pd

from chainpolicy.estimators import reversals
from chainpolicy.study import Study
from chainpolicy.typeset.report_table import ReportTable, formatted, in_percent


def reversals_report(study: Study) -> ReportTable:
    """Report how much of the headline event's jump was given back, and how soon.

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


def _sessions(count: float | None, last: int) -> str:
    return f">{last}" if count is None or pd.isna(count) else f"{int(count)}"
