"""Abnormal returns, CARs and their variances against OLS with dummies; tests against scipy."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from chainpolicy.eventstudy import (
    ConstantMean,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    MarketAdjusted,
    MarketModel,
)
from panels import alignment_frame, eleven, fit, pair, returns_frame, sessions

EVENT = 70
ESTIMATION = list(range(4, 64))
WINDOW = (-2, 4)
COUNT = 80
MODELS = {
    "constant_mean": (ConstantMean(), 0),
    "one": (MarketModel(), 1),
    "two": (MarketModel(), 2),
}
seeds = st.integers(min_value=0, max_value=2**32 - 1)
models = pytest.mark.parametrize("name", list(MODELS))


def draw(seed: int, factors: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a return series and its benchmarks, with a shift in the event window."""
    rng = np.random.default_rng(seed)
    F = rng.normal(0.0005, rng.uniform(0.005, 0.02), (COUNT, factors))
    R = rng.normal(0.001, 0.02) / 10 + F @ rng.normal(1, 0.5, factors) + rng.normal(0, 0.02, COUNT)
    R[EVENT : EVENT + 2] += rng.normal(0, 0.05)
    return R, F


def fitted(R: np.ndarray, F: np.ndarray, model: object) -> EventStudyResults:
    names = [f"F{k}" for k in range(F.shape[1])]
    return fit(
        {"A": R},
        dict(zip(names, F.T, strict=True)),
        {"e": {"A": EVENT}},
        model=model,
        estimation=EstimationWindow(
            window=(ESTIMATION[0] - EVENT, ESTIMATION[-1] - EVENT), minimum=20
        ),
        event_window=WINDOW,
    )


def dummy_regression(
    R: np.ndarray, F: np.ndarray, window: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, float]:
    """OLS on estimation and window rows with one dummy per window session.

    Returns the dummies' coefficients, their covariance and the residual degrees of freedom.
    """
    inside = [EVENT + tau for tau in range(window[0], window[1] + 1)]
    rows = [day for day in ESTIMATION + inside if np.isfinite(R[day])]
    dummies = np.array([[float(day == d) for d in inside] for day in rows])
    design = np.column_stack([np.ones(len(rows)), F[rows], dummies])
    ols = sm.OLS(R[rows], design).fit()
    first = 1 + F.shape[1]
    return ols.params[first:], ols.cov_params()[first:, first:], ols.df_resid


@models
@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_abnormal_return_is_the_event_dummy(name: str, seed: int) -> None:
    model, factors = MODELS[name]
    R, F = draw(seed, factors)
    ours = fitted(R, F, model).abnormal_returns.set_index("tau")
    for tau in range(WINDOW[0], WINDOW[1] + 1):
        coefficient, covariance, _ = dummy_regression(R, F, (tau, tau))
        assert ours.loc[tau, "abnormal"] == pytest.approx(coefficient[0], rel=1e-10, abs=1e-12)
        assert ours.loc[tau, "std_error"] == pytest.approx(sqrt(covariance[0, 0]), rel=1e-10)


@models
@pytest.mark.parametrize("window", [(0, 0), (0, 1), (-2, 4)])
@given(seed=seeds)
@settings(max_examples=6, deadline=None)
def test_car_is_the_sum_of_session_dummies(name: str, window: tuple[int, int], seed: int) -> None:
    model, factors = MODELS[name]
    R, F = draw(seed, factors)
    row = fitted(R, F, model).car(window=window, level=0.1).iloc[0]
    coefficients, covariance, df = dummy_regression(R, F, window)
    t = coefficients.sum() / sqrt(covariance.sum())
    assert row["car"] == pytest.approx(coefficients.sum(), rel=1e-10, abs=1e-12)
    assert row["std_error"] == pytest.approx(sqrt(covariance.sum()), rel=1e-10)
    assert row["t_stat"] == pytest.approx(t, rel=1e-9, abs=1e-10)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-8)
    ends = stats.t.interval(0.9, df, coefficients.sum(), sqrt(covariance.sum()))
    assert (row["lower"], row["upper"]) == pytest.approx(ends, rel=1e-8, abs=1e-11)


@models
def test_missing_estimation_sessions_leave_the_regression(name: str) -> None:
    model, factors = MODELS[name]
    R, F = draw(3, factors)
    R[[10, 11, 30]] = np.nan
    results = fitted(R, F, model)
    coefficients, covariance, _ = dummy_regression(R, F, (0, 1))
    row = results.car(window=(0, 1)).iloc[0]
    assert results.models["n_estimation"].item() == len(ESTIMATION) - 3
    assert row["car"] == pytest.approx(coefficients.sum(), rel=1e-10)
    assert row["std_error"] == pytest.approx(sqrt(covariance.sum()), rel=1e-10)


@models
@given(seed=seeds)
@settings(max_examples=6, deadline=None)
def test_coefficients_are_those_of_ols(name: str, seed: int) -> None:
    model, factors = MODELS[name]
    R, F = draw(seed, factors)
    results = fitted(R, F, model)
    ols = sm.OLS(R[ESTIMATION], sm.add_constant(F[ESTIMATION]) if factors else np.ones(60)).fit()
    rows = results.coefficients.set_index("term").loc[["alpha", *(f"F{k}" for k in range(factors))]]
    np.testing.assert_allclose(rows["estimate"], ols.params, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(rows["std_error"], ols.bse, rtol=1e-9)
    row = results.models.iloc[0]
    assert row["sigma"] == pytest.approx(sqrt(ols.mse_resid), rel=1e-10)
    assert row["r_squared"] == pytest.approx(ols.rsquared, rel=1e-9, abs=1e-10)


@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_market_adjusted_estimates_nothing(seed: int) -> None:
    R, F = draw(seed, 1)
    results = fitted(R, F, MarketAdjusted())
    excess = R - F[:, 0]
    sigma = sqrt(np.mean(excess[ESTIMATION] ** 2))
    ours = results.abnormal_returns.set_index("tau")
    inside = slice(EVENT + WINDOW[0], EVENT + WINDOW[1] + 1)
    np.testing.assert_allclose(ours["abnormal"], excess[inside], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ours["std_error"], sigma, rtol=1e-12)
    row = results.car(window=(0, 3)).iloc[0]
    t = excess[EVENT : EVENT + 4].sum() / (2 * sigma)
    assert row["std_error"] == pytest.approx(2 * sigma, rel=1e-12)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), len(ESTIMATION)), rel=1e-9)


@pytest.mark.parametrize("model", [ConstantMean(), MarketAdjusted(), MarketModel()])
@given(seed=seeds, tau=st.integers(*WINDOW), factor=st.floats(-5, 5))
@settings(max_examples=6, deadline=None)
def test_no_look_ahead(model: object, seed: int, tau: int, factor: float) -> None:
    R, F = draw(seed, 1)
    before = fitted(R, F, model)
    shocked, moved = R.copy(), F.copy()
    shocked[EVENT + tau] = factor
    moved[EVENT + tau] = -factor
    after = fitted(shocked, moved, model)
    pd.testing.assert_frame_equal(before.models, after.models, check_exact=True)
    pd.testing.assert_frame_equal(before.coefficients, after.coefficients, check_exact=True)


def test_a_return_over_several_sessions_has_a_wider_band() -> None:
    # A return over g sessions: x* = (g, spanned benchmark), variance s^2 (g + x*'(X'X)^-1 x*).
    R, F = draw(11, 1)
    R[[EVENT - 2, EVENT - 1]] = np.nan
    frame = returns_frame({"A": R}, {"F0": F[:, 0]})
    at_event = frame["session"] == sessions(COUNT)[EVENT]
    frame.loc[at_event, "n_sessions"] = 3
    frame.loc[at_event, "F0"] = 0.031
    results = EventStudy(
        frame,
        alignment_frame({"e": {"A": EVENT}}, COUNT),
        groups=pd.Series({"A": "all"}),
        benchmarks={"A": ("F0",)},
        model=MarketModel(),
        estimation=EstimationWindow(window=(-66, -7), minimum=20),
        event_window=WINDOW,
    ).fit()
    ols = sm.OLS(R[ESTIMATION], sm.add_constant(F[ESTIMATION])).fit()
    ahead = np.array([3, 0.031])
    row = results.abnormal_returns.set_index("tau").loc[0]
    variance = ols.mse_resid * 3 + ahead @ ols.cov_params() @ ahead
    assert row["abnormal"] == pytest.approx(R[EVENT] - ahead @ ols.params, rel=1e-10)
    assert row["std_error"] == pytest.approx(sqrt(variance), rel=1e-10)


def group(seed: int, n: int, *, grid: float | None = None) -> tuple[EventStudyResults, np.ndarray]:
    """Market adjusted results of n assets and their CARs over [0, 1] by subtraction.

    On a `grid` of powers of two every difference is exact, so that equal CARs are equal.
    """
    rng = np.random.default_rng(seed)
    R, m = rng.normal(0.004, 0.02, (COUNT, n)), rng.normal(0, 0.01, COUNT)
    if grid is not None:
        R, m = np.round(R / grid) * grid, np.round(m / grid) * grid
    results = fit(
        {f"T{i}": R[:, i] for i in range(n)},
        {"F0": m},
        {"e": {f"T{i}": EVENT for i in range(n)}},
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-66, -7), minimum=20),
        event_window=WINDOW,
    )
    return results, (R - m[:, None])[EVENT : EVENT + 2].sum(axis=0)


@pytest.mark.parametrize("n", [2, 5, 30])
def test_cross_sectional_t_is_the_one_sample_t_test(n: int) -> None:
    results, cars = group(n, n)
    row = eleven(results, (0, 1)).loc["cross_sectional_t"]
    scipy = stats.ttest_1samp(cars, 0)
    assert row["statistic"] == pytest.approx(scipy.statistic, rel=1e-9)
    assert row["p_value"] == pytest.approx(scipy.pvalue, rel=1e-9)


@pytest.mark.parametrize("n", [2, 12, 50])
@pytest.mark.parametrize("seed", range(3))
def test_wilcoxon_is_exact_up_to_fifty_assets(n: int, seed: int) -> None:
    results, cars = group(seed, n)
    row = eleven(results, (0, 1)).loc["wilcoxon"]
    assert row["statistic"] == stats.rankdata(abs(cars))[cars > 0].sum()
    assert row["p_value"] == pytest.approx(stats.wilcoxon(cars, method="exact").pvalue, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_wilcoxon_is_normal_above_fifty_assets(seed: int) -> None:
    results, cars = group(seed, 51)
    row = eleven(results, (0, 1)).loc["wilcoxon"]
    normal = stats.wilcoxon(cars, method="asymptotic").pvalue
    assert row["p_value"] == pytest.approx(normal, rel=1e-12)
    assert row["p_value"] != pytest.approx(stats.wilcoxon(cars, method="exact").pvalue, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_wilcoxon_is_normal_with_ties(seed: int) -> None:
    results, cars = group(seed, 25, grid=2**-8)
    cars = cars[cars != 0]
    ranks = stats.rankdata(abs(cars))
    assert len(np.unique(ranks)) < len(ranks)
    row = eleven(results, (0, 1)).loc["wilcoxon"]
    normal = stats.wilcoxon(cars, method="asymptotic").pvalue
    assert row["statistic"] == ranks[cars > 0].sum()
    assert row["p_value"] == pytest.approx(normal, rel=1e-12)
    # without the correction for ties: mean n(n+1)/4, variance n(n+1)(2n+1)/24
    n = len(cars)
    z = (ranks[cars > 0].sum() - n * (n + 1) / 4) / sqrt(n * (n + 1) * (2 * n + 1) / 24)
    assert row["p_value"] != pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)


def test_a_car_of_zero_leaves_the_wilcoxon_sample() -> None:
    # R = 0 in the window and a benchmark at rest: CAR 0, 1, -2, 4; without the zero W+ = 1 + 3
    # of 8 patterns 0 1 2 3 3 4 5 6: P(W+ >= 4) = 3/8, two-sided 3/4
    rng = np.random.default_rng(0)
    R = rng.normal(0, 1, (COUNT, 4))
    R[EVENT] = [0, 1, -2, 4]
    results = fit(
        {f"T{i}": R[:, i] for i in range(4)},
        {"F0": np.zeros(COUNT)},
        {"e": {f"T{i}": EVENT for i in range(4)}},
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-66, -7), minimum=20),
        event_window=(0, 0),
    )
    row = eleven(results, (0, 0)).loc["wilcoxon"]
    assert row["n_assets"] == 4
    assert row["statistic"] == 4
    assert row["p_value"] == pytest.approx(3 / 4)


def test_generalized_sign_by_its_formula() -> None:
    rng = np.random.default_rng(5)
    n = 20
    R, m = rng.normal(0.004, 0.02, (COUNT, n)), rng.normal(0, 0.01, COUNT)
    R[5:60:7, 3] = np.nan
    results = fit(
        {f"T{i}": R[:, i] for i in range(n)},
        {"F0": m},
        {"e": {f"T{i}": EVENT for i in range(n)}},
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-66, -7), minimum=20),
        event_window=WINDOW,
    )
    excess = R - m[:, None]
    estimation = excess[ESTIMATION]
    phat = np.mean([np.mean(e[np.isfinite(e)] > 0) for e in estimation.T])
    w = np.sum(excess[EVENT : EVENT + 2].sum(axis=0) > 0)
    row = eleven(results, (0, 1)).loc["generalized_sign"]
    z = (w - n * phat) / sqrt(n * phat * (1 - phat))
    assert row["statistic"] == pytest.approx(z, rel=1e-10)
    assert row["p_value"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-10)


@pytest.mark.parametrize("window", [(0, 0), (0, 1), (-2, 4)])
@models
def test_one_asset_gets_the_t_of_its_car_and_nothing_else(
    name: str, window: tuple[int, int]
) -> None:
    model, factors = MODELS[name]
    R, F = draw(9, factors)
    results = fitted(R, F, model)
    tests = eleven(results, window)
    coefficients, covariance, df = dummy_regression(R, F, window)
    t = coefficients.sum() / sqrt(covariance.sum())
    assert len(tests) == 11
    assert (tests["n_assets"] == 1).all()
    assert tests.loc["time_series_t", "statistic"] == pytest.approx(t, rel=1e-9)
    assert tests.loc["time_series_t", "p_value"] == pytest.approx(2 * stats.t.sf(abs(t), df))
    others = tests.drop(index="time_series_t")
    assert others[["statistic", "p_value"]].isna().all(axis=None)
    assert tests["mean_correlation"].isna().all()
    car = pair(results.car(window=window), "A").iloc[0]
    assert tests.loc["time_series_t", "statistic"] == car["t_stat"]
    assert tests.loc["time_series_t", "p_value"] == car["p_value"]
