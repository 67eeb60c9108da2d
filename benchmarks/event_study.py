"""Time event studies of 10^2 to 10^6 events: this library, its peers and the floor of numpy.

Run as ``python benchmarks/event_study.py [LARGEST]``: one table, all of it from one run. Every row
and size is a process of its own, with one thread; it is measured in processor time, of which the
least of several runs counts, and in the peak memory of the process, its input included. A model is
fitted over 250 sessions, abnormal returns are cumulated over 21; 1,000 events belong to as many
assets, more events to these assets at further sessions. Peers that are not installed
(``python -m pip install eventstudy==0.1a12 event-study-toolkit``) are named as such; all that
measure a mean CAR must find the same, or nothing is printed.

A size that would take longer than a minute is left out.
"""

import json
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd

ESTIMATION, WINDOW, SPREAD, MOST_ASSETS = 250, 21, 41, 1_000
SIZES = [10**power for power in range(2, 7)]
RUNS, ENOUGH, TOO_LONG = 7, 3.0, 60.0
WINDOWS = [(0, 0), (0, 1), (0, 5), (0, 10), (0, WINDOW - 1)]


class Data:
    """Made-up returns of A assets on S sessions, and the positions of the events on them."""

    def __init__(self, events: int) -> None:
        import exchange_calendars

        self.assets = min(events, MOST_ASSETS)
        per_asset = events // self.assets
        count = ESTIMATION + WINDOW + SPREAD + per_asset - 1
        calendar = exchange_calendars.get_calendar("XNYS", start="1998-01-02", end="2020-01-01")
        self.sessions = pd.DatetimeIndex(calendar.sessions[:count])
        rng = np.random.default_rng(0)
        self.market = rng.normal(0, 0.01, count)
        noise = rng.normal(0, 0.02, (self.assets, count))
        self.returns = 0.0005 + 1.1 * self.market + noise
        self.tickers = [f"T{number:05d}" for number in range(self.assets)]
        first = ESTIMATION + np.arange(self.assets) % SPREAD
        self.asset = np.repeat(np.arange(self.assets), per_asset)
        self.number = np.tile(np.arange(per_asset), self.assets)
        self.position = first[self.asset] + self.number
        self.every = np.arange(len(self.asset))

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "ticker": np.repeat(self.tickers, len(self.sessions)),
                "session": np.tile(self.sessions, self.assets),
                "return": self.returns.ravel(),
                "market": np.tile(self.market, self.assets),
            }
        )


def study(data: Data, frame: pd.DataFrame, *, alone: bool = False):
    """The events of one number are one event of many assets, or each is `alone`."""
    from chainpolicy.eventstudy import EstimationWindow, EventStudy

    alignment = pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in (data.every if alone else data.number)],
            "ticker": np.array(data.tickers)[data.asset],
            "event_session": data.sessions[data.position],
        }
    )
    estimation = EstimationWindow(window=(-ESTIMATION, -1), mask=False)
    return EventStudy(frame, alignment, estimation=estimation, event_window=WINDOWS[-1])


def five_cars(data: Data) -> Callable[[], float]:
    frame = data.frame()

    def run() -> float:
        results = study(data, frame).fit()
        return float([results.car(window) for window in WINDOWS][-1]["car"].mean())

    return run


def eleven_tests(data: Data, *, alone: bool = False) -> Callable[[], float]:
    results = study(data, data.frame(), alone=alone).fit()

    def run() -> float:
        tests = results.tests(WINDOWS[-1])
        return float(np.mean([test.mean_car for test in tests]))

    return run


def every_session(data: Data) -> Callable[[], float]:
    """All sessions of the assets, of which the events are a part."""
    frame = data.frame()
    at = data.asset * len(data.sessions) + data.position

    def run() -> float:
        return float(study(data, frame[:]).every_session(WINDOWS).cars[WINDOWS[-1]][at].mean())

    return run


def numpy_floor(data: Data) -> Callable[[], float]:
    """Arrays as they are needed: the fit, the CAR, Patell's Z and the BMP t, and no checks."""
    column = np.arange(-ESTIMATION, WINDOW)

    def run() -> float:
        cars, scars, sars = [], [], []
        for first in range(0, len(data.asset), MOST_ASSETS):
            part = slice(first, first + MOST_ASSETS)
            at = data.position[part, None] + column
            y, x = data.returns[data.asset[part, None], at], data.market[at]
            past, event = slice(0, ESTIMATION), slice(ESTIMATION, None)
            y_mean = y[:, past].mean(axis=1, keepdims=True)
            x_mean = x[:, past].mean(axis=1, keepdims=True)
            y, x = y - y_mean, x - x_mean
            square = np.einsum("pm,pm->p", x[:, past], x[:, past])
            beta = np.einsum("pm,pm->p", x[:, past], y[:, past]) / square
            abnormal = y - beta[:, None] * x
            ssr = np.einsum("pm,pm->p", abnormal[:, past], abnormal[:, past])
            sigma = np.sqrt(ssr / (ESTIMATION - 2))
            car = abnormal[:, event].sum(axis=1)
            leverage = x[:, event] ** 2 / square[:, None]
            sar = abnormal[:, event] / np.sqrt(1 + 1 / ESTIMATION + leverage)
            variance = WINDOW + WINDOW**2 / ESTIMATION + x[:, event].sum(axis=1) ** 2 / square
            cars.append(car)
            scars.append(car / sigma / np.sqrt(variance))
            sars.append(sar.sum(axis=1) / sigma)
        scar = np.concatenate(scars)
        assert np.isfinite(np.concatenate(sars).mean() + scar.mean() / scar.std(ddof=1))
        return float(np.concatenate(cars).mean())

    return run


def statsmodels_loop(data: Data) -> Callable[[], float]:
    """One regression and one forecast after the other: CARs and no test."""
    import statsmodels.api as sm

    def run() -> float:
        total = 0.0
        for asset, position in zip(data.asset, data.position, strict=True):
            past = slice(position - ESTIMATION, position)
            event = slice(position, position + WINDOW)
            fit = sm.OLS(data.returns[asset, past], sm.add_constant(data.market[past])).fit()
            forecast = fit.predict(sm.add_constant(data.market[event]))
            total += float((data.returns[asset, event] - forecast).sum())
        return total / len(data.asset)

    return run


def peer_eventstudy(data: Data) -> Callable[[], float]:
    """A time-series t alone, on returns that are laid out already."""
    import eventstudy

    days = data.sessions.to_numpy("datetime64[D]")
    columns = dict(zip(data.tickers, data.returns, strict=True))
    # What its `import_returns` keeps after it has read a file.
    stored = {"date": days, "market": data.market, **columns}
    eventstudy.Single._save_parameter("returns", stored)

    def run() -> float:
        singles = [
            eventstudy.Single.market_model(
                data.tickers[asset],
                "market",
                days[position],
                event_window=WINDOWS[-1],
                estimation_size=ESTIMATION,
                buffer_size=0,
            )
            for asset, position in zip(data.asset, data.position, strict=True)
        ]
        return float(eventstudy.Multiple(singles).CAAR[-1])

    return run


def peer_toolkit(data: Data) -> Callable[[], float]:
    """Five test statistics; one event per security."""
    from event_study_toolkit.eventstudy import eventstudy

    frame = data.frame().set_axis(["permno", "date", "ret_dlst_adj", "vwretd"], axis=1)
    # Securities have numbers there.
    frame["permno"] = np.repeat(np.arange(data.assets), len(data.sessions))
    events = pd.DataFrame(
        {
            "permno": data.asset,
            "EVT_DATE": data.sessions[data.position],
            "GRP": "all",
        }
    )

    def run() -> float:
        found = eventstudy(ESTIMATION, 0, 0, WINDOW - 1, frame, events, groups=["GRP"])
        return float(found.getFullSampleTestStatistic("market")["car_mean"].iloc[0])

    return run


# The label, what runs, the package it needs, and the largest number of events that it can take:
# 11 million results of tests do not fit into the memory of most machines.
ROWS = {
    "floor": ("numpy floor: CAR, Patell, BMP", numpy_floor, "numpy", 10**6),
    "cars": ("chainpolicy: frame, fit, five CARs with t", five_cars, "chainpolicy", 10**6),
    "tests": ("chainpolicy: eleven tests", eleven_tests, "chainpolicy", 10**6),
    "each": (
        "chainpolicy: eleven tests of each event",
        partial(eleven_tests, alone=True),
        "chainpolicy",
        10**5,
    ),
    "every": ("chainpolicy: every session, five CARs", every_session, "chainpolicy", 10**6),
    "statsmodels": ("statsmodels, one by one", statsmodels_loop, "statsmodels", 10**6),
    "eventstudy": ("eventstudy: one t", peer_eventstudy, "eventstudy", 10**6),
    "toolkit": ("event-study-toolkit: five tests", peer_toolkit, "event_study_toolkit", 10**3),
}


def measure(name: str, events: int) -> None:
    """Run one row at one size, and print what it took as JSON."""
    warnings.simplefilter("ignore")
    run = ROWS[name][1](Data(events))
    spent: list[float] = []
    while len(spent) < RUNS and sum(spent) < ENOUGH:
        before = time.process_time()
        mean_car = run()
        spent.append(time.process_time() - before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": min(spent), "megabytes": peak, "mean_car": mean_car}))


def in_own_process(name: str, events: int) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, __file__, name, str(events)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}, {events:,} events: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def table(largest: int) -> None:
    sizes = [size for size in SIZES if size <= largest]
    found: dict[tuple[str, int], dict[str, float]] = {}
    for name, (_, _, package, most) in ROWS.items():
        for size in sizes if find_spec(package) else []:
            before = found.get((name, size // 10), {}).get("seconds", 0.0)
            if size > most or 10 * before > TOO_LONG:
                break
            found[name, size] = in_own_process(name, size)
            ours, floor = found[name, size]["mean_car"], found["floor", size]["mean_car"]
            assert np.isclose(ours, floor, rtol=1e-8), f"{name} finds another mean CAR"
    print(f"M = {ESTIMATION}, L = {WINDOW}; milliseconds of one processor (times the floor), MB")
    print(f"{'events':<43}" + "".join(f"{size:>24,}" for size in sizes))
    for name, (label, _, package, _) in ROWS.items():
        cells = ["not installed"] * len(sizes) if find_spec(package) is None else []
        for size in [] if cells else sizes:
            one = found.get((name, size))
            if one is None:
                cells.append("-")
                continue
            ratio = one["seconds"] / found["floor", size]["seconds"]
            cells.append(f"{one['seconds'] * 1e3:,.1f} ({ratio:,.1f}) {one['megabytes']:,.0f}")
        print(f"{label:<43}" + "".join(f"{cell:>24}" for cell in cells))


def main() -> None:
    if len(sys.argv) == 3:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        table(int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1])


if __name__ == "__main__":
    main()
