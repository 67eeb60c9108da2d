"""Size and power of the tests, by simulation through the very code that tests real events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainpolicy.eventstudy.abnormal import abnormal_returns, cumulate
from chainpolicy.eventstudy.inference import (
    TESTS,
    GroupSample,
    two_sided_p_value,
)
from chainpolicy.eventstudy.normal import fit_normal

DRAWS_PER_CHUNK = 200
MOST_DRAWS = 10_000_000
MOST_ASSETS = 2_000
MOST_SESSIONS = 10_000
# Arrays of one event that are held at a time, and the memory that they may take.
VALUES_AT_ONCE = 10
MOST_MEMORY = 4e9


@dataclass(frozen=True)
class SimulationDesign:
    r"""A world in which every asset follows the market model and one event hits them all.

    Residuals have one common factor, :math:`e_{it} = \sqrt\rho f_t + \sqrt{1 - \rho} u_{it}`,
    all Gaussian with variance 1, in the event window times `variance`.

    Parameters
    ----------
    draws : int
        Simulated events.
    assets : int
        N.
    estimation : int
        M, sessions of the estimation window.
    window : int
        L2, sessions of the event window.
    correlation : float
        :math:`\rho`, of any two residuals on one session; 0 <= rho < 1.
    variance : float
        Factor by which the event multiplies the residual variance.
    effect : float
        Mean CAR in residual standard deviations of one session; 0 simulates size.
    level : float
        Nominal size of the two-sided tests.

    Raises
    ------
    ValueError
        If a parameter has no meaning.
    """

    draws: int = 20_000
    assets: int = 30
    estimation: int = 120
    window: int = 3
    correlation: float = 0.0
    variance: float = 1.0
    effect: float = 0.0
    level: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        wanted = {
            "draws": (1 <= self.draws <= MOST_DRAWS, f"1 to {MOST_DRAWS:,}"),
            "assets": (2 <= self.assets <= MOST_ASSETS, f"2 to {MOST_ASSETS:,}"),
            "estimation": (
                30 <= self.estimation <= MOST_SESSIONS,
                f"30 to {MOST_SESSIONS:,} sessions",
            ),
            "window": (1 <= self.window <= MOST_SESSIONS, f"1 to {MOST_SESSIONS:,} sessions"),
            "correlation": (0 <= self.correlation < 1, "at least 0 and below 1"),
            "variance": (0 < self.variance < np.inf, "a number above 0"),
            "effect": (np.isfinite(self.effect), "a number"),
            "level": (0 < self.level < 1, "between 0 and 1"),
            "seed": (self.seed >= 0, "at least 0"),
        }
        for name, (holds, text) in wanted.items():
            if not holds:
                raise ValueError(f"{name} = {getattr(self, name)}: expected {text}")
        needed = VALUES_AT_ONCE * self.assets * (self.estimation + self.window + self.assets) * 8
        if needed * DRAWS_PER_CHUNK > MOST_MEMORY:
            raise ValueError(
                f"{self.assets:,} assets and {self.estimation + self.window:,} sessions take about "
                f"{needed * DRAWS_PER_CHUNK / 1e9:.1f} GB of memory at {DRAWS_PER_CHUNK} events at "
                f"a time, more than {MOST_MEMORY / 1e9:.0f} GB; take fewer"
            )


def simulate(
    design: SimulationDesign, progress: Callable[[int], object] | None = None
) -> pd.DataFrame:
    """Share of simulated events at which each test rejects.

    Parameters
    ----------
    progress : callable, optional
        Called with the number of draws done since the last call.

    Returns
    -------
    DataFrame
        ``test, draws, rejection_rate, std_error``; the Monte Carlo standard error is
        sqrt(rate (1 - rate) / draws).
    """
    rng = np.random.default_rng(design.seed)
    rejections = np.zeros(len(TESTS), dtype=np.int64)
    for first in range(0, design.draws, DRAWS_PER_CHUNK):
        draws = min(DRAWS_PER_CHUNK, design.draws - first)
        sample = draw_sample(design, draws, rng)
        p_values = [two_sided_p_value(test.compute(sample)) for test in TESTS]
        rejections += (np.array(p_values) < design.level).sum(axis=1)
        if progress is not None:
            progress(draws)
    rate = rejections / design.draws
    return pd.DataFrame(
        {
            "test": [test.name for test in TESTS],
            "draws": design.draws,
            "rejection_rate": rate,
            "std_error": np.sqrt(rate * (1 - rate) / design.draws),
        }
    )


def draw_sample(design: SimulationDesign, draws: int, rng: np.random.Generator) -> GroupSample:
    """Draw events and estimate them: a sample with leading axis `draws`."""
    n, m, length = design.assets, design.estimation, design.window
    sessions = m + length
    common = rng.standard_normal((draws, 1, sessions))
    own = rng.standard_normal((draws, n, sessions))
    residual = np.sqrt(design.correlation) * common + np.sqrt(1 - design.correlation) * own
    residual[:, :, m:] *= np.sqrt(design.variance)
    residual[:, :, m] += design.effect
    market = np.broadcast_to(rng.standard_normal((draws, 1, sessions)), residual.shape)

    returns = (residual + market).reshape(draws * n, sessions)
    factors = market.reshape(draws * n, sessions, 1)
    ones = np.ones_like(returns)
    fit = fit_normal(returns[:, :m], factors[:, :m], ones[:, :m], ones[:, :m] > 0)
    abnormal = abnormal_returns(fit, returns[:, m:], factors[:, m:], ones[:, m:])
    cumulated = cumulate(fit, abnormal, slice(0, length))
    return GroupSample(
        car=cumulated.car.reshape(draws, n),
        car_std_error=cumulated.std_error.reshape(draws, n),
        abnormal=abnormal.abnormal.reshape(draws, n, length),
        abnormal_std_error=abnormal.std_error.reshape(draws, n, length),
        residuals=fit.residuals.reshape(draws, n, m),
        sigma=fit.sigma.reshape(draws, n),
        n_parameters=fit.n_parameters[:n],
    )
