"""Betas for thin and asynchronous trading: statsmodels, their own formulas, a planted beta."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import panels
from chainpolicy.eventstudy import (
    ConstantMean,
    Dimson,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    MarketModel,
    NormalReturnModel,
    ScholesWilliams,
)

COUNT, EVENT, WINDOW = 90, 75, (-2, 3)
# The window -70..-3 ends where the event window begins: session 72 is the lead of its last one.
ESTIMATION = EstimationWindow(window=(-70, -3), minimum=20)
FIRST, LAST = EVENT - 70, EVENT - 3

MODELS = [ScholesWilliams(), Dimson(), Dimson(lags=2, leads=0), Dimson(lags=0, leads=3)]
each_model = pytest.mark.parametrize("model", MODELS, ids=repr)


def draw(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    m = rng.normal(0.001, 0.015, COUNT)
    m[1:] += 0.3 * m[:-1]
    R = 0.002 + 0.5 * m + rng.normal(0, 0.02, COUNT)
    R[1:] += 0.4 * m[:-1]
    return R, m


def fitted(R: np.ndarray, m: np.ndarray, model: NormalReturnModel) -> EventStudyResults:
    choices = {"model": model, "estimation": ESTIMATION, "event_window": WINDOW}
    return panels.fit({"A": R}, {"M": m}, {"e": {"A": EVENT}}, **choices)


def used(model: NormalReturnModel) -> np.ndarray:
    """Sessions of the estimation window whose leads come before the event window."""
    return np.arange(FIRST, LAST + 1 - model.leads)


def by_formula(
    R: np.ndarray, m: np.ndarray, t: np.ndarray, model: NormalReturnModel
) -> tuple[float, float]:
    """Alpha and beta of the docstrings, by regressions of statsmodels."""
    shifts = range(-model.lags, model.leads + 1)
    if isinstance(model, ScholesWilliams):
        slopes = [sm.OLS(R[t], sm.add_constant(m[t + k])).fit().params[1] for k in shifts]
        beta = sum(slopes) / (1 + 2 * np.corrcoef(m[t], m[t - 1])[0, 1])
    else:
        design = sm.add_constant(np.column_stack([m[t + k] for k in shifts]))
        beta = sm.OLS(R[t], design).fit().params[1:].sum()
    return R[t].mean() - beta * m[t].mean(), beta


@each_model
def test_alpha_beta_and_sigma_are_those_of_the_formulas(model):
    """Equations 5 and 6."""
    R, m = draw()
    t = used(model)
    alpha, beta = by_formula(R, m, t, model)
    residuals = R[t] - alpha - beta * m[t]
    row = fitted(R, m, model).models.iloc[0]
    assert row["n_estimation"] == len(t)
    assert row["beta"] == pytest.approx(beta, rel=1e-10)
    assert row["alpha"] == pytest.approx(alpha, rel=1e-10)
    p = 4 if isinstance(model, ScholesWilliams) else 2 + model.lags + model.leads
    assert row["sigma"] == pytest.approx(np.sqrt(residuals @ residuals / (len(t) - p)), rel=1e-10)
    assert row["r_squared"] == pytest.approx(1 - residuals.var() / R[t].var(), rel=1e-10)


@each_model
def test_forecast_variances_are_those_of_estimators_linear_in_the_returns(model):
    R, m = draw()
    t = used(model)
    # Column s: what a unit return on session s makes of alpha and beta.
    units = np.zeros((len(t), COUNT))
    units[np.arange(len(t)), t] = 1.0
    weights = np.array([by_formula(unit, m, t, model) for unit in units]).T
    event = EVENT + np.arange(WINDOW[0], WINDOW[1] + 1)
    X = np.column_stack([np.ones(len(event)), m[event]])
    results = fitted(R, m, model)
    sigma = results.models["sigma"].iloc[0]
    V = sigma**2 * (np.eye(len(event)) + X @ weights @ weights.T @ X.T)

    errors = results.abnormal_returns["std_error"].to_numpy()
    np.testing.assert_allclose(errors, np.sqrt(np.diag(V)), rtol=1e-9)
    car = results.car((0, 2)).iloc[0]
    one = np.isin(event - EVENT, [0, 1, 2]).astype(float)
    assert car["std_error"] == pytest.approx(np.sqrt(one @ V @ one), rel=1e-9)
    terms = results.coefficients.set_index("term")["std_error"]
    np.testing.assert_allclose(
        terms[["alpha", "M"]], sigma * np.sqrt(np.diag(weights @ weights.T)), rtol=1e-9
    )


def test_dimson_beta_has_the_variance_of_a_sum_of_coefficients():
    R, m = draw()
    t = used(Dimson())
    design = sm.add_constant(np.column_stack([m[t - 1], m[t], m[t + 1]]))
    contrast = sm.OLS(R[t], design).fit()
    of_sum = contrast.t_test([0, 1, 1, 1]).sd[0, 0] / np.sqrt(contrast.scale)
    results = fitted(R, m, Dimson())
    beta = results.coefficients.set_index("term").loc["M", "std_error"]
    assert beta / results.models["sigma"].iloc[0] == pytest.approx(of_sum, rel=1e-9)


@pytest.mark.parametrize("model", [ScholesWilliams(), Dimson()], ids=repr)
def test_a_planted_beta_is_recovered_where_the_market_model_is_biased(model):
    """Half of the assets' trades lag a session behind the market: beta 1.2 looks like 0.6."""
    rng = np.random.default_rng(5)
    count, assets = 400, 60
    m = rng.normal(0, 0.01, count)
    late = np.concatenate([[0.0], m[:-1]])
    R = {f"A{i:02d}": 0.6 * m + 0.6 * late + rng.normal(0, 0.01, count) for i in range(assets)}
    event = {"e": dict.fromkeys(R, count - 10)}
    estimation = EstimationWindow(window=(-370, -11))
    betas = {
        name: panels.fit(
            R, {"M": m}, event, model=choice, estimation=estimation, event_window=(0, 1)
        )
        .models["beta"]
        .to_numpy()
        for name, choice in {"thin": model, "market": MarketModel()}.items()
    }
    error = betas["thin"].std(ddof=1) / np.sqrt(assets)
    assert abs(betas["thin"].mean() - 1.2) < 4 * error + 0.05
    assert betas["market"].mean() < 0.75


@each_model
def test_nothing_of_the_event_window_reaches_the_estimate(model):
    R, m = draw()
    before = fitted(R, m, model).models
    event = EVENT + np.arange(WINDOW[0], COUNT - EVENT)
    R[event] += 0.3
    m[event] -= 0.2
    pd.testing.assert_frame_equal(fitted(R, m, model).models, before)


@each_model
def test_no_lag_of_a_session_after_a_placebo_window_lies_inside_it(model):
    R, m = draw()
    study = EventStudy(
        panels.returns_frame({"A": R}, {"M": m}),
        panels.alignment_frame({"e": {"A": EVENT}}, COUNT),
        model=model,
        estimation=replace(ESTIMATION, anchor="first"),
        event_window=WINDOW,
    )
    placebo = study.placebo((0, 1))
    day = f"{panels.sessions(COUNT)[40]:%Y-%m-%d}"
    row = placebo.models.set_index("event_id").loc[day]
    own = {40, 41}
    t = [
        s
        for s in range(FIRST, LAST + 1)
        if not own & set(range(s - model.lags, s + model.leads + 1))
    ]
    alpha, beta = by_formula(R, m, np.array(t), model)
    assert row["n_estimation"] == len(t)
    assert row["beta"] == pytest.approx(beta, rel=1e-9)
    assert row["alpha"] == pytest.approx(alpha, rel=1e-9)


def test_sessions_beside_a_missing_market_return_are_left_out():
    R, m = draw()
    m[30] = np.nan
    t = np.setdiff1d(used(Dimson()), [29, 30, 31])
    row = fitted(R, m, Dimson()).models.iloc[0]
    _, beta = by_formula(R, m, t, Dimson())
    assert row["n_estimation"] == len(t)
    assert row["beta"] == pytest.approx(beta, rel=1e-10)


def test_sessions_beside_a_return_that_spans_a_gap_are_left_out():
    R, m = draw()
    R[28:30] = np.nan
    frame = panels.returns_frame({"A": R}, {"M": m})
    frame.loc[30, "n_sessions"] = 3
    study = EventStudy(
        frame,
        panels.alignment_frame({"e": {"A": EVENT}}, COUNT),
        model=ScholesWilliams(),
        estimation=ESTIMATION,
        event_window=WINDOW,
    )
    row = study.fit().models.iloc[0]
    t = np.setdiff1d(used(ScholesWilliams()), [28, 29, 30, 31])
    _, beta = by_formula(R, m, t, ScholesWilliams())
    assert row["n_estimation"] == len(t)
    assert row["beta"] == pytest.approx(beta, rel=1e-10)


def test_the_first_session_of_the_data_has_no_lag():
    R, m = draw()
    estimation = EstimationWindow(window=(-EVENT, -3), minimum=20)
    results = panels.fit(
        *({"A": R}, {"M": m}, {"e": {"A": EVENT}}),
        model=Dimson(lags=2, leads=0),
        estimation=estimation,
        event_window=WINDOW,
    )
    assert results.models["n_estimation"].iloc[0] == EVENT - 2 - 2


@each_model
def test_an_asset_without_a_benchmark_has_the_constant_mean(model):
    R, m = draw()
    choices = {"estimation": ESTIMATION, "event_window": WINDOW, "factors": {"A": (), "B": ("M",)}}
    events = {"e": {"A": EVENT, "B": EVENT}}
    both = panels.fit({"A": R, "B": R}, {"M": m}, events, model=model, **choices)
    mean = panels.fit(
        {"A": R}, {}, {"e": {"A": EVENT}}, model=ConstantMean(), **{**choices, "factors": {"A": ()}}
    )
    assert both.models["model"].tolist() == ["constant_mean", model.name]
    pd.testing.assert_frame_equal(both.models.iloc[:1], mean.models)
    pd.testing.assert_frame_equal(
        both.car((0, 1)).iloc[:1].reset_index(drop=True), mean.car((0, 1))
    )


@each_model
def test_a_market_that_does_not_vary_has_no_beta(model):
    R, m = draw()
    m[: EVENT + WINDOW[0]] = 0.001
    (reason,) = fitted(R, m, model).excluded["reason"]
    assert reason == "the benchmarks do not vary, or are collinear, in the estimation window"


def test_only_the_first_of_several_benchmarks_is_the_market():
    R, m = draw()
    events, choices = {"e": {"A": EVENT}}, {"estimation": ESTIMATION, "event_window": WINDOW}
    two = panels.fit({"A": R}, {"M": m, "N": m**2}, events, model=Dimson(), **choices)
    one = fitted(R, m, Dimson())
    pd.testing.assert_frame_equal(two.models, one.models)


@pytest.mark.parametrize(("lags", "leads"), [(-1, 1), (1, -1), (0, 0)])
def test_lags_and_leads_are_counts(lags, leads):
    with pytest.raises(ValueError, match=f"not both 0; found {lags} and {leads}"):
        Dimson(lags=lags, leads=leads)
