"""Size of the pooled tests: how often they reject where no event has an effect.

A replication is a portfolio of N assets with a common factor (correlation 0.3), hit by C event
sessions: apart by 12 sessions, or two and two with windows that share two of three sessions.
Replications are estimated together, by the market model's textbook formulas, and tested by the
library; `tests/eventstudy/test_pooled_size.py` compares them with `EventStudy.pool`. Portfolios of
assets that share their dates and regressors are estimated like one asset. In brackets: what `pool`
leaves blank, since windows of one asset overlap.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/pooled_size.py [replications]
"""

from __future__ import annotations

import sys
from collections.abc import Collection

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import TEST_NAMES, TESTS
from chainpolicy.eventstudy.inference import GroupSample, two_sided_p_value
from chainpolicy.eventstudy.pooling import (
    blocks_of,
    randomization_p_value,
    seed_of,
    sign_flip_p_value,
)

CLUSTERS = (5, 10, 40)
ASSETS = (1, 20)
WINDOW = (0, 2)
ESTIMATION, MINIMUM = (-70, -11), 40
TAU = np.arange(ESTIMATION[0], ESTIMATION[1] + 1)
MASKED, EVENTFUL = 2, 6
CORRELATION = 0.3
LEVEL = 0.05
FIRST, SPACING = 90, 12
RANDOMIZED = ("randomization", "sign_flip")
# Replications that are estimated at a time.
AT_ONCE = 250


def positions(clusters: int, *, overlapping: bool) -> np.ndarray:
    """Event sessions: regular, or two adjacent ones and then twice the distance."""
    number = np.arange(clusters)
    if not overlapping:
        return FIRST + SPACING * number
    return FIRST + 2 * SPACING * (number // 2) + number % 2


def simulate(
    at: np.ndarray, replications: int, assets: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw returns without any effect, shape (replications, assets, sessions), and the market."""
    rng = np.random.default_rng(seed)
    count = at[-1] + 120
    market = rng.normal(0, 0.01, count)
    common = rng.normal(0, 0.02, (replications, 1, count))
    own = rng.normal(0, 0.02, (replications, assets, count))
    return market + np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * own, market


def usable(session: int, masked: np.ndarray) -> np.ndarray:
    """Which sessions of the estimation window lie in the data and near no event."""
    at = session + TAU
    return (at >= 0) & ~masked[np.maximum(at, 0)]


def market_model(
    returns: np.ndarray, market: np.ndarray, sessions: np.ndarray, masked: np.ndarray
) -> GroupSample:
    """Abnormal returns of portfolios (R, T) around sessions (S,), by the textbook's formulas."""
    length = WINDOW[1] - WINDOW[0] + 1
    shape = (len(returns), len(sessions))
    car, error, sigma = np.empty((3, *shape))
    abnormal, abnormal_error = np.empty((2, *shape, length))
    residuals = np.full((*shape, len(TAU)), np.nan)
    weights = np.zeros((*shape, len(TAU)))
    for place, session in enumerate(sessions):
        used = usable(session, masked)
        at = (session + TAU)[used]
        window = np.arange(session + WINDOW[0], session + WINDOW[1] + 1)
        y, x = returns[:, at], market[at]
        y_mean, x_mean = y.mean(axis=1, keepdims=True), x.mean()
        x = x - x_mean
        beta = ((y - y_mean) @ x / (x @ x))[:, None]
        residual = y - y_mean - beta * x
        spread = np.sqrt((residual**2).sum(axis=1) / (len(at) - 2))
        moved = market[window] - x_mean
        found = returns[:, window] - y_mean - beta * moved
        residuals[:, place, used], abnormal[:, place] = residual, found
        car[:, place], sigma[:, place] = found.sum(axis=1), spread
        single = np.sqrt(1 + 1 / len(at) + moved**2 / (x @ x))
        summed = np.sqrt(length + length**2 / len(at) + moved.sum() ** 2 / (x @ x))
        abnormal_error[:, place], error[:, place] = spread[:, None] * single, spread * summed
        weights[:, place, used] = length / len(at) + moved.sum() * x / (x @ x)
    return GroupSample(
        car=car,
        car_std_error=error,
        abnormal=abnormal,
        abnormal_std_error=abnormal_error,
        residuals=residuals,
        sigma=sigma,
        n_parameters=np.full(len(sessions), 2),
        estimation_session=sessions[:, None] + TAU,
        window_start=sessions + WINDOW[0],
        estimation_weights=weights,
    )


def p_values(
    returns: np.ndarray,
    market: np.ndarray,
    at: np.ndarray,
    *,
    draws: int,
    names: Collection[str] = (*TEST_NAMES, *RANDOMIZED),
) -> pd.DataFrame:
    """P-values of pooled tests, one row per replication."""
    portfolio = returns.mean(axis=1)
    around = np.arange(len(market)) - at[:, None]
    masked = ((around >= 0) & (around < MASKED)).any(axis=0)
    sample = market_model(portfolio, market, at, masked)
    found = {
        test.name: two_sided_p_value(test.compute(sample)) for test in TESTS if test.name in names
    }
    block = blocks_of(at, sample.n_window)
    seed = seed_of(0, "all", f"[{WINDOW[0]}, {WINDOW[1]}]", at)
    if "randomization" in names:
        eventful = ((around >= 0) & (around < EVENTFUL)).any(axis=0)
        ordinary = np.array(
            [
                session
                for session in range(len(market) - WINDOW[1])
                if not eventful[session + WINDOW[0] : session + WINDOW[1] + 1].any()
                and usable(session, masked).sum() >= MINIMUM
            ]
        )
        reference = np.full((len(portfolio), len(market)), np.nan)
        reference[:, ordinary] = market_model(portfolio, market, ordinary, masked).scar
        found["randomization"] = np.array(
            [
                randomization_p_value(
                    scar, np.broadcast_to(line, (len(at), len(line))), at, block, draws, seed
                )[0]
                for scar, line in zip(sample.scar, reference, strict=True)
            ]
        )
    if "sign_flip" in names:
        found["sign_flip"] = np.array(
            [sign_flip_p_value(scar, block, draws, seed) for scar in sample.scar]
        )
    return pd.DataFrame(found)


def sizes(
    replications: int,
    clusters: int,
    assets: int,
    *,
    overlapping: bool,
    draws: int = 999,
    names: Collection[str] = (*TEST_NAMES, *RANDOMIZED),
) -> pd.Series:
    """Share of replications in which a nominal 5 % test rejects; NaN where there is none."""
    at = positions(clusters, overlapping=overlapping)
    parts = [
        p_values(
            *simulate(at, min(AT_ONCE, replications - done), assets, seed=done),
            at,
            draws=draws,
            names=names,
        )
        for done in range(0, replications, AT_ONCE)
    ]
    found = pd.concat(parts)
    return (found < LEVEL).mean().where(found.notna().any())


def main() -> None:
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    blank = {test.name for test in TESTS if not test.allows_overlap}
    columns = (*TEST_NAMES, *RANDOMIZED)
    print(f"{'rejections, %':<22}" + " ".join(f"{name[:9]:>9}" for name in columns))
    for assets in ASSETS:
        for overlapping in (False, True):
            for clusters in CLUSTERS:
                rate = 100 * sizes(replications, clusters, assets, overlapping=overlapping)
                label = f"N={assets} {'overlap' if overlapping else 'apart'} C={clusters}"
                cells = [
                    ""
                    if np.isnan(rate[name])
                    else f"({rate[name]:.1f})"
                    if overlapping and name in blank
                    else f"{rate[name]:.1f}"
                    for name in columns
                ]
                print(f"{label:<22}" + " ".join(f"{cell:>9}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
