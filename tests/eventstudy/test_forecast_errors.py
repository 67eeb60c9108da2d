"""Where there is an error of a forecast without the session, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from chainpolicy.eventstudy import ConstantMean, Dimson, MarketModel, NormalReturnModel


def data(count: int, factors: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count + factors)
    return (
        rng.normal(0, 0.02, (1, count)),
        rng.normal(0, 0.01, (1, count, factors)),
        np.ones((1, count)),
    )


@pytest.mark.parametrize(
    ("model", "benchmarks"), [(ConstantMean(), 0), (MarketModel(), 1), (MarketModel(), 2)]
)
def test_the_fit_without_the_session_keeps_a_degree_of_freedom(
    model: NormalReturnModel, benchmarks: int
) -> None:
    p = benchmarks + 1
    for count in (p, p + 1):
        R, D, ones = data(count, benchmarks)
        assert np.isnan(model.forecast_errors(R, D, ones, ones > 0)).all()
    R, D, ones = data(p + 2, benchmarks)
    press = sm.OLS(R[0], sm.add_constant(D[0], has_constant="add")).fit().get_influence()
    found = model.forecast_errors(R, D, ones, ones > 0)
    np.testing.assert_allclose(found[0], press.resid_press, rtol=1e-8)


def test_a_lagged_model_needs_as_much() -> None:
    model = Dimson(lags=1, leads=1)
    p = 4  # a constant, and the market before, on and after the session
    R, D, ones = data(40, 3)
    few = np.zeros((1, 40), dtype=bool)
    # Apart by more than the lags and leads, so that leaving one out takes no other.
    few[0, : 3 * (p + 1) : 3] = True
    assert np.isnan(model.forecast_errors(R, D, ones, few)).all()
    few[0, 3 * (p + 1)] = True
    assert np.isfinite(model.forecast_errors(R, D, ones, few)[few]).all()


@pytest.mark.parametrize(
    ("model", "benchmarks"), [(MarketModel(), 1), (Dimson(lags=1, leads=1), 3)]
)
def test_a_benchmark_that_does_not_vary_forecasts_nothing(
    model: NormalReturnModel, benchmarks: int
) -> None:
    R, _, ones = data(30, benchmarks)
    flat = np.full((1, 30, benchmarks), 0.01)
    assert np.isnan(model.forecast_errors(R, flat, ones, ones > 0)).all()


def test_a_share_that_did_not_trade_has_no_errors_of_a_lagged_model() -> None:
    _, D, ones = data(30, 3)
    still = np.zeros((1, 30))
    assert np.isnan(Dimson(lags=1, leads=1).forecast_errors(still, D, ones, ones > 0)).all()
