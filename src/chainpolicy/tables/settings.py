"""The choices of a study as a report table."""

from __future__ import annotations

import pandas as pd

from chainpolicy.eventstudy import MODELS, window_label
from chainpolicy.study import Study
from chainpolicy.typeset.numbers import counted
from chainpolicy.typeset.report_table import ReportTable


def settings_report(study: Study) -> ReportTable:
    """List what study.toml and assets.csv say of the method.

    Returns
    -------
    ReportTable
        One row per choice, in words.
    """
    own = {asset: names for asset, names in study.benchmarks.items() if names}
    factors = sorted({" + ".join(names) for names in own.values()})
    without = len(study.groups) - len(own)
    if not own:
        normal = MODELS["constant_mean"].title
    else:
        normal = f"{MODELS[study.model].title} ({'; '.join(factors)})"
        if without:
            assets = counted(without, "asset")
            normal += f"; {assets} without a benchmark: {MODELS['constant_mean'].title}"
    rows = {
        "Normal returns": normal,
        "Estimation window": _estimation(study),
        "Fewest sessions that estimate": str(study.estimation.minimum),
        "Event window": window_label(study.event_window),
        "Windows of CARs": ", ".join(map(window_label, study.car_windows)),
        "Returns": f"{study.kind}; after a gap "
        + ("left out" if study.gaps == "drop" else "spread over the sessions that it spans"),
        "Prices": f"{study.start:%Y-%m-%d} to {study.end:%Y-%m-%d}",
    }
    frame = pd.DataFrame({"Choice": list(rows), "This study": list(rows.values())})
    return ReportTable(frame, "From study.toml and assets.csv; windows in sessions, both ends in.")


def _estimation(study: Study) -> str:
    chosen = study.estimation
    if chosen.end is not None:
        text = f"the last {chosen.length} sessions up to {chosen.end:%Y-%m-%d}"
    else:
        before = "each event" if chosen.anchor == "event" else "the first event of each asset"
        text = f"{window_label(chosen.window)} around {before}"
    return text + (", without the sessions [0, 1] of all events" if chosen.mask else "")
