"""Time an event study of 1,000 events: 250 estimation sessions, 21 event sessions, market model.

Run as ``OMP_NUM_THREADS=1 python benchmarks/event_study.py [EVENTS]``; prints the best of several
runs in milliseconds. Every event belongs to an asset of its own and falls on one of 41 sessions.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import TESTS, EstimationWindow, EventStudy, EventStudyResults
from chainpolicy.eventstudy.abnormal import abnormal_returns, cumulate
from chainpolicy.eventstudy.inference import GroupSample, bmp, patell
from chainpolicy.eventstudy.normal import fit_normal

ESTIMATION, WINDOW, SPREAD, RUNS = 250, 21, 41, 7


def best(label: str, run: Callable[[], object]) -> None:
    """Print the shortest of several runs, which other work on the machine disturbs least."""
    seconds = []
    for _ in range(RUNS):
        before = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - before)
    print(f"{label:<58}{min(seconds) * 1e3:9.1f} ms")


def kernels(returns: np.ndarray, market: np.ndarray) -> None:
    """Fit, CAR, Patell and BMP on arrays of shape (events, sessions)."""
    span = np.ones_like(returns)
    past, event = slice(0, ESTIMATION), slice(ESTIMATION, ESTIMATION + WINDOW)
    valid = np.isfinite(returns[:, past])
    fit = fit_normal(returns[:, past], market[:, past, None], span[:, past], valid)
    abnormal = abnormal_returns(fit, returns[:, event], market[:, event, None], span[:, event])
    total = cumulate(fit, abnormal, slice(0, WINDOW))
    sample = GroupSample(
        car=total.car,
        car_std_error=total.std_error,
        abnormal=abnormal.abnormal,
        abnormal_std_error=abnormal.std_error,
        residuals=fit.residuals,
        sigma=fit.sigma,
        n_parameters=fit.n_parameters,
    )
    patell(sample)
    bmp(sample)


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rng = np.random.default_rng(0)
    count = ESTIMATION + WINDOW + SPREAD - 1
    market = rng.normal(0, 0.01, count)
    returns = 0.0005 + 1.1 * market + rng.normal(0, 0.02, (events, count))
    first = np.arange(events) % SPREAD
    columns = first[:, None] + np.arange(ESTIMATION + WINDOW)
    own = np.take_along_axis(returns, columns, axis=1)

    sessions = pd.bdate_range("2015-01-01", periods=count)
    tickers = [f"T{number:05d}" for number in range(events)]
    frame = pd.DataFrame(
        {
            "ticker": np.repeat(tickers, count),
            "session": np.tile(sessions, events),
            "return": returns.ravel(),
            "market": np.tile(market, events),
        }
    )
    alignment = pd.DataFrame(
        {"event_id": "e", "ticker": tickers, "event_session": sessions[first + ESTIMATION]}
    )
    window = (0, WINDOW - 1)

    def fit() -> EventStudyResults:
        estimation = EstimationWindow(window=(-ESTIMATION, -1), mask=False)
        study = EventStudy(frame, alignment, estimation=estimation, event_window=window)
        return study.fit()

    results = fit()
    print(f"{events:,} events, M = {ESTIMATION}, L = {WINDOW}, best of {RUNS} runs")
    best("arrays: fit, CAR, Patell and BMP", lambda: kernels(own, market[columns]))
    best("long frame: lay out and fit", fit)
    best("results: CAR, t-ratios and p-values as a frame", lambda: results.car(window))
    best(f"results: all {len(TESTS)} tests", lambda: results.tests(window))
    best("long frame to all tests", lambda: fit().tests(window))


if __name__ == "__main__":
    main()
