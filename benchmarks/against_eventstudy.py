"""Time this library beside the PyPI package eventstudy on the same events, in one run.

Run as ``OMP_NUM_THREADS=1 python benchmarks/against_eventstudy.py [EVENTS]`` where both are
installed (``python -m pip install --no-deps eventstudy==0.1a12``). Both get returns that are laid
out already, fit a market model over 250 sessions and cumulate abnormal returns over 21; the other
package then has one test, a t that takes the events for independent, this one has eleven. That both
found the same CAAR is checked before a time is printed.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

import eventstudy
from chainpolicy.eventstudy import TESTS, EstimationWindow, EventStudy

ESTIMATION, WINDOW, SPREAD, RUNS = 250, 21, 41, 7


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rng = np.random.default_rng(0)
    count = ESTIMATION + WINDOW + SPREAD - 1
    sessions = pd.bdate_range("2015-01-01", periods=count)
    market = rng.normal(0, 0.01, count)
    returns = 0.0005 + 1.1 * market + rng.normal(0, 0.02, (events, count))
    tickers = [f"T{number:05d}" for number in range(events)]
    first = ESTIMATION + np.arange(events) % SPREAD
    dates = sessions[first]
    window = (0, WINDOW - 1)

    frame = pd.DataFrame(
        {
            "ticker": np.repeat(tickers, count),
            "session": np.tile(sessions, events),
            "return": returns.ravel(),
            "market": np.tile(market, events),
        }
    )
    alignment = pd.DataFrame({"event_id": "e", "ticker": tickers, "event_session": dates})
    estimation = EstimationWindow(window=(-ESTIMATION, -1), mask=False)
    study = EventStudy(frame, alignment, estimation=estimation, event_window=window)
    days = sessions.to_numpy("datetime64[D]")
    columns = dict(zip(tickers, returns, strict=True))
    # What its `import_returns` keeps after it has read a file.
    eventstudy.Single._save_parameter("returns", {"date": days, "market": market, **columns})

    def ours() -> float:
        results = study.fit()
        results.tests(window)
        return float(results.caar(window)["caar"].iloc[0])

    def theirs() -> float:
        singles = [
            eventstudy.Single.market_model(
                ticker,
                "market",
                day,
                event_window=window,
                estimation_size=ESTIMATION,
                buffer_size=0,
            )
            for ticker, day in zip(tickers, days[first], strict=True)
        ]
        return float(eventstudy.Multiple(singles).CAAR[-1])

    assert np.isclose(ours(), theirs(), rtol=1e-9, atol=0.0), "the two disagree"
    spent = {"ours": [], "theirs": []}
    for _ in range(RUNS):
        for name, run in (("theirs", theirs), ("ours", ours)):
            spent[name].append(seconds(run))
    print(f"{events:,} events, M = {ESTIMATION}, L = {WINDOW}, best of {RUNS} alternating runs")
    print(f"eventstudy, one test          {min(spent['theirs']) * 1e3:9.1f} ms")
    print(f"chainpolicy, {len(TESTS)} tests         {min(spent['ours']) * 1e3:9.1f} ms")
    print(f"ratio                         {min(spent['theirs']) / min(spent['ours']):9.1f}")


def seconds(run: Callable[[], float]) -> float:
    before = time.perf_counter()
    run()
    return time.perf_counter() - before


if __name__ == "__main__":
    main()
