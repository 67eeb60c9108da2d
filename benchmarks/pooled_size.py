"""Size of the pooled tests: how often they reject where no event has an effect.

Every group of one panel is a replication: N assets with a common factor (correlation 0.3) that hit
C event sessions, apart by 12 sessions, or two and two with windows that overlap by two of three
sessions. The groups run through `EventStudy` and `pool` as a study does.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/pooled_size.py [replications]
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import TEST_NAMES, EstimationWindow, EventStudy

CLUSTERS = (5, 10, 40)
ASSETS = (1, 20)
WINDOW = (0, 2)
CORRELATION = 0.3
LEVEL = 0.05
FIRST, SPACING = 90, 12
# Assets that are estimated at a time.
ASSETS_AT_ONCE = 200


def positions(clusters: int, *, overlapping: bool) -> list[int]:
    """Event sessions: regular, or two adjacent ones and then twice the distance."""
    if not overlapping:
        return [FIRST + SPACING * k for k in range(clusters)]
    return [FIRST + 2 * SPACING * (k // 2) + k % 2 for k in range(clusters)]


def pooled_p_values(
    replications: int, clusters: int, assets: int, *, overlapping: bool, seed: int, draws: int
) -> pd.DataFrame:
    """P-values of every pooled test, one row per replication."""
    rng = np.random.default_rng(seed)
    at = positions(clusters, overlapping=overlapping)
    count = at[-1] + 120
    days = pd.bdate_range("1990-01-01", periods=count)
    market = rng.normal(0, 0.01, count)
    common = rng.normal(0, 0.02, (replications, 1, count))
    own = rng.normal(0, 0.02, (replications, assets, count))
    residual = np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * own
    tickers = [f"{g}-{i}" for g in range(replications) for i in range(assets)]
    returns = pd.DataFrame(
        {
            "ticker": np.repeat(tickers, count),
            "session": np.tile(days, len(tickers)),
            "return": (residual + market).ravel(),
            "market": np.tile(market, len(tickers)),
        }
    )
    alignment = pd.DataFrame(
        {
            "event_id": np.repeat([f"e{k:02d}" for k in range(clusters)], len(tickers)),
            "ticker": np.tile(tickers, clusters),
            "event_session": np.repeat(days[at], len(tickers)),
        }
    )
    study = EventStudy(
        returns,
        alignment,
        groups={ticker: ticker.partition("-")[0] for ticker in tickers},
        estimation=EstimationWindow(window=(-70, -11), minimum=40),
        event_window=WINDOW,
    )
    table = study.fit().pool(window=WINDOW, draws=draws, seed=seed).tidy()
    columns = {f"{name}_p": name for name in TEST_NAMES}
    columns |= {"randomization_p": "randomization", "sign_flip_p": "sign_flip"}
    return table[list(columns)].rename(columns=columns)


def main() -> None:
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    columns = (*TEST_NAMES, "randomization", "sign_flip")
    print(f"{'rejections, %':<22}" + " ".join(f"{name[:9]:>9}" for name in columns))
    for assets in ASSETS:
        for overlapping in (False, True):
            for clusters in CLUSTERS:
                at_once = max(ASSETS_AT_ONCE // assets, 1)
                parts = [
                    pooled_p_values(
                        min(at_once, replications - done),
                        clusters,
                        assets,
                        overlapping=overlapping,
                        seed=done,
                        draws=999,
                    )
                    for done in range(0, replications, at_once)
                ]
                p_values = pd.concat(parts)
                rate = 100 * (p_values < LEVEL).mean().where(p_values.notna().any())
                label = f"N={assets} {'overlap' if overlapping else 'apart'} C={clusters}"
                cells = " ".join(f"{value:9.1f}" for value in rate[list(columns)])
                print(f"{label:<22}{cells}", flush=True)


if __name__ == "__main__":
    main()
