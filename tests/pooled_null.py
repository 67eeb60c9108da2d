"""Size of pooled tests under a true null, by a second and much faster implementation.

An equal-weighted portfolio of assets that share dates and regressors is one asset, so one asset a
cluster stands for any number of them. `main` prints the table of CONTRIBUTING.md:

    OMP_NUM_THREADS=1 .venv/bin/python tests/pooled_null.py
"""

from __future__ import annotations

import numpy as np
from scipy import stats

FIRST, SPACING = 90, 12
WINDOW = 3
ESTIMATION = (-70, -11)
SIGMA, MARKET = 0.02, 0.01
DRAWS = 999
COLUMNS = ("cross_sectional_t", "bmp", "adjusted_bmp", "sign_flip")


def positions(clusters: int, *, overlapping: bool) -> np.ndarray:
    """Event sessions: regular, or two adjacent ones and then twice the distance."""
    number = np.arange(clusters)
    if not overlapping:
        return FIRST + SPACING * number
    return FIRST + 2 * SPACING * (number // 2) + number % 2


def simulate(at: np.ndarray, replications: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw returns without any effect: of the asset and of the market, (replications, sessions)."""
    rng = np.random.default_rng(seed)
    shape = (replications, at[-1] + WINDOW + 5)
    market = rng.normal(0, MARKET, shape)
    return market + rng.normal(0, SIGMA, shape), market


def abnormal(returns: np.ndarray, market: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, ...]:
    """CAR and SCAR of a market model by the textbook's formulas, (replications, clusters)."""
    masked = np.zeros(returns.shape[1], dtype=bool)
    masked[at] = masked[at + 1] = True
    car, scar = np.empty((2, len(returns), len(at)))
    for cluster, session in enumerate(at):
        used = np.arange(session + ESTIMATION[0], session + ESTIMATION[1] + 1)
        used = used[~masked[used]]
        window = slice(session, session + WINDOW)
        y, x = returns[:, used], market[:, used]
        y_mean, x_mean = y.mean(axis=1), x.mean(axis=1)
        x = x - x_mean[:, None]
        sxx = (x**2).sum(axis=1)
        beta = (x * y).sum(axis=1) / sxx
        residual = y - y_mean[:, None] - beta[:, None] * x
        variance = (residual**2).sum(axis=1) / (len(used) - 2)
        moved = market[:, window] - x_mean[:, None]
        found = returns[:, window] - y_mean[:, None] - beta[:, None] * moved
        car[:, cluster] = found.sum(axis=1)
        factor = WINDOW + WINDOW**2 / len(used) + moved.sum(axis=1) ** 2 / sxx
        scar[:, cluster] = car[:, cluster] / np.sqrt(variance * factor)
    return car, scar


def p_values(car: np.ndarray, scar: np.ndarray, at: np.ndarray) -> dict[str, np.ndarray]:
    """P-values of tests over the clusters."""
    count = len(at)
    # One asset at two dates is correlated on the sessions that its windows share, and there wholly.
    shared = np.maximum(WINDOW - np.abs(at[:, None] - at), 0) / WINDOW
    rbar = (shared.sum() - count) / (count * (count - 1))
    t_car, t_scar = (
        np.sqrt(count) * values.mean(axis=1) / values.std(axis=1, ddof=1) for values in (car, scar)
    )
    adjusted = t_scar * np.sqrt((1 - rbar) / (1 + (count - 1) * rbar))
    tests = {"cross_sectional_t": t_car, "bmp": t_scar, "adjusted_bmp": adjusted}
    found = {name: 2 * stats.t.sf(np.abs(t), count - 1) for name, t in tests.items()}
    block = np.cumsum(np.diff(at, prepend=at[:1]) >= WINDOW)
    sums = np.stack([scar[:, block == b].sum(axis=1) for b in range(block[-1] + 1)], axis=1)
    found["sign_flip"] = sign_flips(sums)
    return found


def sign_flips(sums: np.ndarray) -> np.ndarray:
    """Rank sums among those with other signs: all up to 16 blocks, else a sample and the own."""
    blocks = sums.shape[1]
    if blocks < 3:
        return np.full(len(sums), np.nan)
    if blocks <= 16:
        signs = np.array(np.meshgrid(*[[1, -1]] * blocks)).reshape(blocks, -1)
    else:
        signs = np.random.default_rng(0).choice([1, -1], (blocks, DRAWS))
        signs = np.hstack([np.ones((blocks, 1)), signs])
    reached = np.abs(sums @ signs) >= np.abs(sums.sum(axis=1))[:, None] * (1 - 1e-12)
    return reached.mean(axis=1)


def sizes(
    clusters: int, *, overlapping: bool, replications: int, seed: int = 0
) -> dict[str, float]:
    """Share of replications in which a nominal 5 % test rejects; NaN where there is no test."""
    at = positions(clusters, overlapping=overlapping)
    parts = [
        p_values(*abnormal(*simulate(at, min(1_000, replications), seed + part), at), at)
        for part in range(max(replications // 1_000, 1))
    ]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    return {
        name: float("nan") if np.isnan(p).all() else float((p < 0.05).mean())
        for name, p in joined.items()
    }


def main() -> None:
    print("| Windows | Clusters | " + " | ".join(COLUMNS) + " |")
    for overlapping in (False, True):
        for clusters in (5, 10, 40):
            found = sizes(clusters, overlapping=overlapping, replications=10_000)
            cells = ["" if np.isnan(v) else f"{100 * v:.1f}" for v in found.values()]
            windows = "overlap" if overlapping else "apart"
            print(f"| {windows} | {clusters} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
