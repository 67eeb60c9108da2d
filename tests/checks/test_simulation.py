"""Simulated sizes against the published ones, power against its closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from chainpolicy.checks.simulation import (
    SimulationDesign,
    draw_sample,
    simulate,
)

DRAWS = 1_000

# Rejection of a true null in per cent at a nominal 5, N = 30, M = 120, L2 = 3, 20,000 draws.
CORRELATED = {  # correlation 0.2 of any two residuals
    "patell": 45.5,
    "adjusted_patell": 5.4,
    "bmp": 48.7,
    "adjusted_bmp": 5.0,
    "time_series_t": 5.3,
    "corrado_rank": 4.6,
    "grank_t": 6.5,
    "generalized_sign": 39.2,
    "wilcoxon": 47.7,
}
TWICE_THE_VARIANCE = {  # event-induced variance times two, no correlation
    "patell": 16.4,
    "adjusted_patell": 16.7,
    "time_series_t": 16.8,
    "corrado_rank": 8.9,
    "bmp": 5.0,
    "adjusted_bmp": 5.2,
    "grank_t": 5.4,
}


@pytest.fixture(scope="module")
def correlated():
    return simulate(SimulationDesign(draws=DRAWS, correlation=0.2)).set_index("test")


@pytest.fixture(scope="module")
def turbulent():
    return simulate(SimulationDesign(draws=DRAWS, variance=2.0)).set_index("test")


def within_three_standard_errors(rate: float, published: float) -> bool:
    share = published / 100
    return abs(rate - share) <= 3 * np.sqrt(share * (1 - share) / DRAWS)


@pytest.mark.parametrize(("test", "published"), CORRELATED.items())
def test_size_under_correlation(correlated, test, published):
    assert within_three_standard_errors(correlated.loc[test, "rejection_rate"], published)


@pytest.mark.parametrize(("test", "published"), TWICE_THE_VARIANCE.items())
def test_size_under_event_induced_variance(turbulent, test, published):
    assert within_three_standard_errors(turbulent.loc[test, "rejection_rate"], published)


@pytest.mark.parametrize(("correlation", "published"), [(0.02, 11), (0.10, 34)])
def test_bmp_over_rejects_with_correlation(correlation, published):
    # Published as whole per cents, hence half a point more; 49 at 0.2 is above, to a tenth.
    table = simulate(SimulationDesign(draws=DRAWS, correlation=correlation, seed=1))
    rate = table.set_index("test").loc["bmp", "rejection_rate"]
    share = published / 100
    assert abs(rate - share) <= 3 * np.sqrt(share * (1 - share) / DRAWS) + 0.005


def test_a_planted_effect_is_recovered_and_found():
    # Mean CAR 0.5 sigma, N = 30 independent assets, L2 = 1: z = 0.5 sqrt(30) = 2.74.
    design = SimulationDesign(draws=1000, window=1, effect=0.5)
    sample = draw_sample(design, 250, np.random.default_rng(0))
    assert sample.car.mean() == pytest.approx(0.5, abs=3 / np.sqrt(30 * 250))
    table = simulate(design).set_index("test")
    expected = stats.norm.sf(stats.norm.isf(0.025) - 0.5 * np.sqrt(30))
    assert table.loc["time_series_t", "rejection_rate"] == pytest.approx(expected, abs=0.05)


def test_residuals_have_the_correlation_and_variance_of_the_design():
    design = SimulationDesign(draws=400, correlation=0.3, variance=4.0)
    sample = draw_sample(design, 400, np.random.default_rng(1))
    assert sample.mean_correlation.mean() == pytest.approx(0.3, abs=0.01)
    # Event variance 4 plus the error of estimation, on average 1/M + 1/M of the old variance.
    assert sample.abnormal.var() == pytest.approx(4 + 2 / 120, rel=0.05)


def test_progress_counts_every_draw_and_the_seed_decides():
    done: list[int] = []
    design = SimulationDesign(draws=450, assets=3, estimation=40)
    first = simulate(design, done.append)
    assert sum(done) == 450
    assert len(done) > 1
    assert first.equals(simulate(design))
    other = SimulationDesign(draws=450, assets=3, estimation=40, seed=1)
    assert not first.equals(simulate(other))


@pytest.mark.parametrize(
    "parameter",
    [
        {"draws": 0},
        {"assets": 1},
        {"estimation": 20},
        {"window": 0},
        {"correlation": 1.0},
        {"variance": 0.0},
        {"effect": float("nan")},
        {"level": 1.0},
        {"seed": -1},
    ],
)
def test_a_meaningless_parameter_is_named(parameter):
    with pytest.raises(ValueError, match=f"^{next(iter(parameter))} ="):
        SimulationDesign(**parameter)
