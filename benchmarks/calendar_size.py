"""Size of the pooled tests on the calendar of the study of 2013 to 2021.

Its restrictive announcements are moved to ordinary sessions of Bitcoin, those whose windows
overlap together, and estimated and pooled as the study does; what was announced in truth stays
masked. Notebook 09 prints the sizes of the randomization, the sign flips and the interval; this
prints those of the eleven tests, as far as `pool` gives them where windows of one asset overlap.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/calendar_size.py [calendars]
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from chainpolicy.checks import RESTRICTIVE, event_clusters, events_of
from chainpolicy.checks.pooled import random_places
from chainpolicy.eventstudy import EventStudy
from chainpolicy.study import load_study

STUDY, GROUP, TICKER = "china-crypto-policy-2013-2021", "bitcoin", "BTC-USD"
WINDOWS = ((0, 0), (0, 1), (0, 5))
LEVEL = 0.05


def main() -> None:
    calendars = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    study = load_study(STUDY)
    returns = study.returns[study.returns["ticker"] == TICKER]
    masked = study.alignment[study.alignment["ticker"] == TICKER].assign(in_sample=False)
    for window in WINDOWS:
        rng = np.random.default_rng(0)
        chosen = event_clusters(study, GROUP, window, events_of(study, RESTRICTIVE))
        found = []
        for at in random_places(chosen, calendars, rng):
            moved = pd.DataFrame({"event_session": chosen.calendar[at]}).drop_duplicates()
            moved = moved.assign(
                event_id=[f"moved {number}" for number in range(len(moved))],
                ticker=TICKER,
                in_sample=True,
                role="policy",
            )
            alignment = pd.concat([masked[masked["event_session"].notna()], moved])
            results = EventStudy(
                returns,
                alignment[["event_id", "ticker", "event_session", "in_sample", "role"]],
                model=study.model,
                estimation=study.estimation,
                event_window=study.event_window,
            ).fit()
            found.append(results.pool(window=window, draws=1).tests.set_index("test")["p_value"])
        p_values = pd.DataFrame(found)
        rates = (p_values < LEVEL).mean().where(p_values.notna().any())
        print(
            f"{window}: {len(chosen.caar)} clusters in {chosen.block[-1] + 1} blocks, rejections, %"
        )
        print((100 * rates.dropna()).round(1).to_string(), flush=True)
    print(f"Monte Carlo standard error {100 * (LEVEL * (1 - LEVEL) / calendars) ** 0.5:.1f} points")


if __name__ == "__main__":
    main()
