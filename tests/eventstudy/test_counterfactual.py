"""Counterfactuals from donors: planted truths, a second solver, simulated size and coverage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import integrate, optimize, stats

import panels
from chainpolicy.checks import placebo_p_values
from chainpolicy.eventstudy import (
    MODELS,
    Dimson,
    EstimationWindow,
    EventStudy,
    FactorCounterfactual,
    MarketModel,
    ScholesWilliams,
    SyntheticMatching,
    conformal_p_value,
    donor_weights,
    matched_effect,
    sup_t_critical_value,
)
from chainpolicy.eventstudy.abnormal import abnormal_returns, cumulate

DONORS = ("D1", "D2", "D3", "D4", "D5")
COUNT, EVENT = 80, 72
WINDOW = EstimationWindow(window=(-65, -6), minimum=40)
EVENT_WINDOW = (-5, 5)


def donor_panel(seed: int = 1) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Two treated assets and five donors on two factors."""
    rng = np.random.default_rng(seed)
    f = rng.normal(0, 0.02, (2, COUNT))
    donors = {name: rng.normal(1, 0.5, 2) @ f + rng.normal(0, 0.004, COUNT) for name in DONORS}
    treated = {
        name: 0.001 + rng.normal(1, 0.5, 2) @ f + rng.normal(0, 0.01, COUNT) for name in ("A", "B")
    }
    return treated, donors


def study_of(model, treated, donors, **choices) -> EventStudy:
    choices = {"estimation": WINDOW, "event_window": EVENT_WINDOW, **choices}
    return EventStudy(
        panels.returns_frame(treated, donors),
        panels.alignment_frame({"e": dict.fromkeys(treated, EVENT)}, COUNT),
        groups=pd.Series("all", index=list(treated)),
        benchmarks=dict.fromkeys(treated, tuple(donors)),
        model=model,
        **choices,
    )


def by_slsqp(own: np.ndarray, donors: np.ndarray) -> np.ndarray:
    """Solve the quadratic program in another way than by non-negative least squares."""
    scale = 1 / own.std()
    start = np.full(donors.shape[1], 1 / donors.shape[1])
    return optimize.minimize(
        lambda w: ((own - donors @ w) * scale) @ ((own - donors @ w) * scale),
        start,
        jac=lambda w: -2 * scale**2 * donors.T @ (own - donors @ w),
        bounds=[(0, 1)] * len(start),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    ).x


@pytest.mark.parametrize("n_factors", [1, 2, 4])
def test_factors_are_scores_on_the_principal_axes_and_loadings_a_regression_on_them(n_factors):
    """Equation 25."""
    treated, donors = donor_panel()
    D = np.column_stack(list(donors.values()))
    t = np.arange(EVENT - 65, EVENT - 5)
    axes = np.linalg.eigh(np.cov(D[t].T))[1][:, ::-1][:, :n_factors]
    factors = D @ axes @ np.linalg.inv(axes.T @ axes)
    design = sm.add_constant(factors)
    ols = sm.OLS(treated["A"][t], design[t]).fit()
    results = study_of(FactorCounterfactual(n_factors), treated, donors).fit()
    row = results.models.iloc[0]
    assert row["sigma"] == pytest.approx(np.sqrt(ols.mse_resid), rel=1e-9)
    assert results.tests((0, 1)).get("e", "all", "time_series_t").degrees == 60 - n_factors - 1
    abnormal = panels.pair(results.abnormal_returns, "A").set_index("tau")
    for tau in (-5, 0, 5):
        forecast = ols.get_prediction(design[[EVENT + tau]])
        normal = forecast.predicted_mean[0]
        assert abnormal.loc[tau, "normal"] == pytest.approx(normal, rel=1e-9)
        error = np.sqrt(forecast.var_pred_mean[0] + ols.mse_resid)
        assert abnormal.loc[tau, "std_error"] == pytest.approx(error, rel=1e-9)


def test_as_many_factors_as_donors_are_the_market_model_on_all_donors():
    treated, donors = donor_panel()
    factors = study_of(FactorCounterfactual(5), treated, donors).fit().car((0, 3))
    market = study_of(MarketModel(), treated, donors).fit().car((0, 3))
    pd.testing.assert_frame_equal(factors, market, rtol=1e-8)


def test_more_donors_than_sessions_have_the_same_axes():
    rng = np.random.default_rng(9)
    D, R = rng.normal(0, 1, (20, 50)) + rng.normal(0, 2, (20, 1)), rng.normal(0, 1, 20)
    fit = FactorCounterfactual(3).fit(
        R[None], D[None], np.ones((1, 20)), np.ones((1, 20), dtype=bool)
    )
    axes = np.linalg.svd(D - D.mean(axis=0), full_matrices=False)[2][:3]
    ols = sm.OLS(R, sm.add_constant(D @ axes.T)).fit()
    np.testing.assert_allclose(fit.beta[0], ols.params[1:] @ axes, rtol=1e-7)
    assert fit.sigma[0] ** 2 == pytest.approx(ols.mse_resid)


def test_fewer_directions_than_factors_are_no_fit():
    f = np.random.default_rng(10).normal(0, 1, 30)
    ones = np.ones((1, 30))
    fit = FactorCounterfactual(2).fit(
        np.cos(f)[None], np.stack([f, 2 * f, -f], axis=1)[None], ones, ones.astype(bool)
    )
    assert fit.collinear.tolist() == [True]


def test_returns_over_gaps_enter_factors_with_the_weight_of_their_sessions():
    rng = np.random.default_rng(4)
    D, R = rng.normal(0, 1, (40, 3)), rng.normal(0, 1, 40)
    g = np.where(np.arange(40) % 5 == 4, 3.0, 1.0)
    model = FactorCounterfactual(3)
    fit = model.fit(R[None], D[None], g[None], np.ones((1, 40), dtype=bool))
    wls = sm.WLS(R, np.column_stack([g, D]), weights=1 / g).fit()
    assert fit.alpha[0] == pytest.approx(wls.params[0])
    np.testing.assert_allclose(fit.beta[0], wls.params[1:], rtol=1e-9)
    np.testing.assert_allclose(fit.sigma[0] ** 2, wls.scale, rtol=1e-9)
    x = np.array([2.0, 0.3, -0.2, 1.0])
    found = abnormal_returns(fit, np.zeros((1, 1)), x[None, None, 1:], np.full((1, 1), 2.0))
    leverage = x @ np.linalg.inv((np.column_stack([g, D]) / g[:, None]).T @ np.column_stack([g, D]))
    assert found.std_error[0, 0] == pytest.approx(np.sqrt(wls.scale * (2 + leverage @ x)))


def test_a_panel_of_factors_is_recovered_and_its_intervals_cover():
    """1,000 treated assets, each with its own factors, loadings and 40 donors; effect 2 s."""
    rng = np.random.default_rng(20191028)
    draws, estimation, length, n_factors, n_donors = 1_000, 60, 5, 2, 40
    total = estimation + length
    f = rng.normal(0, 1.0, (draws, total, n_factors))
    loadings = rng.normal(1, 0.7, (draws, n_donors, n_factors))
    donors = np.einsum("ptk,pjk->ptj", f, loadings) + rng.normal(0, 1, (draws, total, n_donors))
    own = rng.normal(1, 0.7, (draws, n_factors))
    returns = 0.1 + np.einsum("ptk,pk->pt", f, own) + rng.normal(0, 1, (draws, total))
    returns[:, estimation] += 2.0
    ones = np.ones((draws, total))
    valid = np.ones((draws, estimation), dtype=bool)
    past = slice(None, estimation)
    fit = FactorCounterfactual(n_factors).fit(
        returns[:, past], donors[:, past], ones[:, past], valid
    )
    future = slice(estimation, None)
    abnormal = abnormal_returns(fit, returns[:, future], donors[:, future], ones[:, future])
    found = cumulate(fit, abnormal, slice(0, length))
    half = stats.t.isf(0.025, estimation - n_factors - 1) * found.std_error
    covered = np.abs(found.car - 2.0) <= half
    assert found.car.mean() == pytest.approx(2.0, abs=4 * found.car.std() / np.sqrt(draws))
    assert abs(covered.mean() - 0.95) < 3 * np.sqrt(0.95 * 0.05 / draws)


def test_an_exact_mixture_of_donors_is_found():
    """Equation 26."""
    rng = np.random.default_rng(2)
    D = rng.normal(0, 0.02, (25, 60, 6))
    weights = rng.dirichlet(np.full(6, 0.5), 25)
    weights[0] = [0, 0, 1, 0, 0, 0]
    returns = np.einsum("pmj,pj->pm", D, weights)
    ones = np.ones((25, 60))
    fit = SyntheticMatching().fit(returns, D, ones, ones.astype(bool))
    np.testing.assert_allclose(fit.beta, weights, atol=1e-10)
    assert fit.degenerate.all()


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_weights_are_those_of_a_second_solver_whatever_the_unit(scale):
    rng = np.random.default_rng(3)
    for _ in range(10):
        D = rng.normal(0, 1, (50, 8)) + rng.normal(0, 1, (50, 1))
        own = D[:, :3].mean(axis=1) + rng.normal(0, 1, 50)
        fit = SyntheticMatching().fit(
            scale * own[None], scale * D[None], np.ones((1, 50)), np.ones((1, 50), dtype=bool)
        )
        np.testing.assert_allclose(fit.beta[0], by_slsqp(own, D), atol=1e-5)
        assert fit.beta[0].sum() == pytest.approx(1.0, abs=1e-12)
        assert (fit.beta[0] >= 0).all()
        rmse = np.sqrt(np.mean((own - D @ fit.beta[0]) ** 2))
        assert fit.sigma[0] == pytest.approx(scale * rmse, rel=1e-9)


def test_a_donor_that_is_the_asset_itself_is_the_synthetic_asset():
    D = np.random.default_rng(5).normal(0, 1, (1, 30, 3))
    ones = np.ones((1, 30))
    fit = SyntheticMatching().fit(D[:, :, 1], D, ones, ones.astype(bool))
    assert fit.beta[0].tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("model", [FactorCounterfactual(2), SyntheticMatching()])
def test_what_happens_in_the_event_window_moves_no_weight_and_no_loading(model):
    treated, donors = donor_panel()
    before = study_of(model, treated, donors).fit()
    for moved in (treated, donors):
        for series in moved.values():
            series[EVENT - 5 : EVENT + 6] += 0.1
        after = study_of(model, treated, donors).fit()
        assert (before._fit.beta == after._fit.beta).all()
        assert (before._fit.alpha == after._fit.alpha).all()
        assert (before._fit.sigma == after._fit.sigma).all()
    # Nor does a treated asset move the factors: they are the donors' alone.
    first = study_of(FactorCounterfactual(5), treated, donors).fit()
    treated["A"] = treated["A"] * 3 + 0.01
    second = study_of(FactorCounterfactual(5), treated, donors).fit()
    np.testing.assert_array_equal(first._fit.beta[1], second._fit.beta[1])
    np.testing.assert_array_equal(first._fit.factor_mean, second._fit.factor_mean)


def test_a_session_without_one_donor_estimates_nothing_and_has_no_abnormal_return():
    treated, donors = donor_panel()
    donors["D3"][[EVENT - 30, EVENT + 1]] = np.nan
    for model in (FactorCounterfactual(2), SyntheticMatching()):
        results = study_of(model, treated, donors).fit()
        assert results.models["n_estimation"].tolist() == [59, 59]
        assert panels.pair(results.abnormal_returns, "A").set_index("tau")["abnormal"].isna()[1]
        assert results.caar((0, 1)).empty


def test_models_of_donors_refuse_what_they_cannot_be():
    treated, donors = donor_panel()
    with pytest.raises(ValueError, match="6 factors need at least as many donors; found 5: D1, D2"):
        study_of(FactorCounterfactual(6), treated, donors).fit()
    for wrong in (0, 1.5):
        with pytest.raises(ValueError, match=f"a whole number above 0; found {wrong}"):
            FactorCounterfactual(wrong)
    results = study_of(MarketModel(), treated, donors).fit()
    for function in (donor_weights, matched_effect):
        with pytest.raises(ValueError, match="of the model market; expected those of synthetic"):
            function(results)


@pytest.mark.parametrize("model", [FactorCounterfactual(2), SyntheticMatching()])
def test_an_asset_without_donors_has_the_constant_mean(model):
    treated, donors = donor_panel()
    study = EventStudy(
        panels.returns_frame(treated, donors),
        panels.alignment_frame({"e": dict.fromkeys(treated, EVENT)}, COUNT),
        benchmarks={"A": DONORS},
        model=model,
        estimation=WINDOW,
        event_window=EVENT_WINDOW,
    )
    models = study.fit().models.set_index("ticker")
    assert models["model"].to_dict() == {"A": model.name, "B": "constant_mean"}
    assert models.loc["B", "alpha"] == pytest.approx(treated["B"][EVENT - 65 : EVENT - 5].mean())


def test_the_effect_weighs_cars_by_the_closeness_of_the_match():
    """Equation 27."""
    treated, donors = donor_panel()
    results = study_of(SyntheticMatching(), treated, donors).fit()
    t, w = np.arange(EVENT - 65, EVENT - 5), np.arange(EVENT, EVENT + 4)
    D = np.column_stack(list(donors.values()))
    above = below = 0.0
    for own in treated.values():
        weights = by_slsqp(own[t], D[t])
        s = np.sqrt(np.mean((own[t] - D[t] @ weights) ** 2))
        above += (own[w] - D[w] @ weights).sum() / s
        below += 1 / s
    row = matched_effect(results, (0, 3)).iloc[0]
    assert row["effect"] == pytest.approx(above / below, abs=1e-6)
    assert row[["event_id", "group", "window", "n_assets"]].tolist() == ["e", "all", "[0, 3]", 2]
    listed = donor_weights(results).query("ticker == 'A'")
    expected = pd.Series(by_slsqp(treated["A"][t], D[t]), DONORS)
    for donor, weight in zip(listed["donor"], listed["weight"], strict=True):
        assert weight == pytest.approx(expected[donor], abs=1e-5)
    assert listed["weight"].is_monotonic_decreasing
    assert listed["weight"].sum() == pytest.approx(1)


def test_the_conformal_p_value_counts_blocks_around_the_circle():
    """Equation 28."""
    rng = np.random.default_rng(6)
    for length in (1, 2, 5):
        u = rng.normal(0, 1, (4, 23))
        expected = []
        for row in u:
            sums = [abs(sum(row[(j + k) % 23] for k in range(length))) for j in range(23)]
            expected.append(sum(s >= sums[23 - length] - 1e-12 for s in sums) / 23)
        assert conformal_p_value(u, length).tolist() == pytest.approx(expected)
    # The event's own block always counts.
    assert conformal_p_value(np.append(np.zeros(19), 1.0), 1) == 1 / 20


def test_the_conformal_p_value_of_a_study_imposes_the_null_on_the_fit():
    treated, donors = donor_panel()
    treated["A"][EVENT] += 0.05
    study = study_of(MarketModel(), treated, donors)
    t = np.r_[EVENT - 65 : EVENT - 5, EVENT : EVENT + 3]
    design = sm.add_constant(np.column_stack(list(donors.values()))[t])
    mean = np.mean([sm.OLS(own[t], design).fit().resid for own in treated.values()], axis=0)
    row = study.conformal((0, 2)).iloc[0]
    assert row["p_conformal"] == pytest.approx(conformal_p_value(mean, 3).item())
    assert row["n_sessions"] == 63
    assert row["smallest_p"] == 1 / 63
    with pytest.raises(ValueError, match="does not lie inside the event window"):
        study.conformal((0, 6))


def test_an_asset_without_a_car_has_no_part_in_the_conformal_p_value():
    treated, donors = donor_panel()
    whole = study_of(MarketModel(), {"B": treated["B"]}, donors).conformal((0, 2))
    treated["A"][EVENT + 1] = np.nan
    found = study_of(MarketModel(), treated, donors).conformal((0, 2))
    pd.testing.assert_frame_equal(found, whole)
    treated["B"][EVENT + 1] = np.nan
    nothing = study_of(MarketModel(), treated, donors).conformal((0, 2))
    assert nothing.empty
    columns = ["event_id", "group", "n_sessions", "p_conformal", "smallest_p"]
    assert list(nothing.columns) == list(whole.columns) == columns


def with_neighbours(market: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The market's return on the session before, on and after those at `t`."""
    return np.column_stack([market[t - 1], market[t], market[t + 1]])


def test_a_session_of_the_window_without_a_lead_is_no_part_of_the_conformal_fit():
    treated, donors = donor_panel()
    market = {"A": donors["D1"], "B": donors["D2"]}
    # The CARs over [0, 2] are complete, but the last session of A has no market return after it.
    market["A"][EVENT + 3] = np.nan
    study = EventStudy(
        panels.returns_frame(treated, {f"M{name}": series for name, series in market.items()}),
        panels.alignment_frame({"e": dict.fromkeys("AB", EVENT)}, COUNT),
        benchmarks={name: [f"M{name}"] for name in "AB"},
        model=Dimson(),
        estimation=WINDOW,
        event_window=EVENT_WINDOW,
    )
    # The last of the estimation window has its lead in the event window.
    t = np.r_[EVENT - 65 : EVENT - 6, EVENT : EVENT + 3]
    residuals = {}
    for name, used in (("A", t[:-1]), ("B", t)):
        m, own = market[name][used], treated[name][used]
        slopes = sm.OLS(own, sm.add_constant(with_neighbours(market[name], used))).fit().params[1:]
        residual = own - own.mean() - slopes.sum() * (m - m.mean())
        residuals[name] = pd.Series(residual, index=used)
    mean = pd.DataFrame(residuals).mean(axis=1).to_numpy()
    found = study.conformal((0, 2)).iloc[0]
    expected = conformal_p_value(mean, 3).item()
    assert found["p_conformal"] == pytest.approx(expected, rel=1e-12)
    assert found["n_sessions"] == len(t)


def test_a_portfolio_whose_residuals_cancel_has_a_path_and_no_band():
    _, donors = donor_panel()
    e = np.random.default_rng(3).normal(0, 0.01, COUNT)
    mirrored = {"A": donors["D1"] + e, "B": donors["D1"] - e}
    results = study_of(MarketModel(), mirrored, {"D1": donors["D1"]}).fit()
    band = results.simultaneous_band("e", "all", (0, 2))
    assert band["caar"].abs().max() < 1e-12
    assert band[["critical_value", "lower", "upper"]].isna().all().all()


@pytest.mark.parametrize("model", [FactorCounterfactual(2), SyntheticMatching()])
def test_the_conformal_p_value_holds_its_size(model):
    """1,000 assets without an effect, each with its own factors and donors."""
    rng = np.random.default_rng(7)
    draws, length, level = 1_000, 3, 0.10
    f = rng.standard_t(5, (draws, 60, 2))
    donors = np.einsum("ptk,pjk->ptj", f, rng.normal(1, 0.5, (draws, 8, 2)))
    donors += rng.normal(0, 0.3, donors.shape)
    own = np.einsum("ptj,pj->pt", donors, rng.dirichlet(np.ones(8), draws))
    returns = own + rng.normal(0, 1, (draws, 60))
    ones = np.ones((draws, 60))
    fit = model.fit(returns, donors, ones, ones.astype(bool))
    rejected = (conformal_p_value(fit.residuals, length) <= level).mean()
    assert abs(rejected - level) < 3 * np.sqrt(level * (1 - level) / draws)


@pytest.mark.parametrize("model", [FactorCounterfactual(2), SyntheticMatching()])
def test_the_rank_among_ordinary_sessions_holds_its_size(model):
    """200 assets without an effect, each a group, on factors that five donors share."""
    rng = np.random.default_rng(7)
    n_assets, count, level = 200, 105, 0.10
    f = rng.standard_t(5, (2, count)) / 100
    donors = {name: rng.normal(1, 0.5, 2) @ f + rng.normal(0, 0.003, count) for name in DONORS}
    inside = rng.dirichlet(np.ones(5), n_assets) @ np.array(list(donors.values()))
    own = inside + rng.normal(0, 0.02, (n_assets, count))
    treated = {f"A{i}": returns for i, returns in enumerate(own)}
    study = EventStudy(
        panels.returns_frame(treated, donors),
        panels.alignment_frame({"e": dict.fromkeys(treated, 95)}, count),
        groups=pd.Series(list(treated), index=list(treated)),
        model=model,
        estimation=EstimationWindow(window=(-55, -6), end=panels.sessions(count)[55], minimum=40),
        event_window=(0, 1),
    )
    ranks = placebo_p_values(study.fit(), study.ordinary_caars((0, 1)), (0, 1))
    rejected = (ranks["p_placebo"] <= level).mean()
    assert abs(rejected - level) < 3 * np.sqrt(level * (1 - level) / n_assets)


def test_forecast_errors_are_what_statsmodels_calls_press_residuals():
    treated, donors = donor_panel()
    errors = study_of(MarketModel(), treated, donors).forecast_errors("e")
    t = np.arange(EVENT - 65, EVENT - 5)
    design = sm.add_constant(np.column_stack(list(donors.values()))[t])
    for ticker, own in treated.items():
        press = sm.OLS(own[t], design).fit().get_influence().resid_press
        found = errors[errors["ticker"] == ticker]
        np.testing.assert_allclose(found["error"], press, rtol=1e-9)
        assert (found["session"].to_numpy() == panels.sessions(COUNT)[t].to_numpy()).all()
        assert (found["group"] == "all").all()


def test_forecast_errors_of_a_lagged_model_leave_out_what_holds_the_session():
    treated, donors = donor_panel()
    market, own = donors["D1"], treated["A"]
    errors = study_of(Dimson(), {"A": own}, {"D1": market}).forecast_errors("e")
    # The last of the estimation window has its lead in the event window.
    t = np.arange(EVENT - 65, EVENT - 6)
    expected = []
    for at in t:
        rest = t[np.abs(t - at) > 1]
        slopes = sm.OLS(own[rest], sm.add_constant(with_neighbours(market, rest))).fit().params[1:]
        forecast = own[rest].mean() + slopes.sum() * (market[at] - market[rest].mean())
        expected.append(own[at] - forecast)
    np.testing.assert_allclose(errors["error"], expected, rtol=1e-8)


def test_forecast_errors_of_two_dates_of_an_event_are_sorted_by_session():
    treated, donors = donor_panel()
    alignment = pd.DataFrame(
        {"event_id": "e", "ticker": "A", "event_session": panels.sessions(COUNT)[[66, 72]]}
    )
    window = EstimationWindow(window=(-50, -6), minimum=30, mask=False)
    study = EventStudy(
        panels.returns_frame(treated, donors),
        alignment,
        estimation=window,
        event_window=EVENT_WINDOW,
    )
    errors = study.forecast_errors("e")
    t = np.sort(np.r_[66 - 50 : 66 - 5, 72 - 50 : 72 - 5])
    assert errors["session"].tolist() == panels.sessions(COUNT)[t].tolist()
    assert errors.index.equals(pd.RangeIndex(2 * 45))


@pytest.mark.parametrize("model", [FactorCounterfactual(2), SyntheticMatching()])
def test_forecast_errors_of_donor_models_leave_the_session_out_of_everything(model):
    treated, donors = donor_panel()
    at = EVENT - 20
    errors = study_of(model, treated, donors).forecast_errors("e")
    error = errors.query("ticker == 'A' and session == @panels.sessions(@COUNT)[@at]")
    # A fit to the sessions without it, by arrays: no event study, no placebo.
    t = np.setdiff1d(np.arange(EVENT - 65, EVENT - 5), at)
    D, own = np.column_stack(list(donors.values())), treated["A"]
    ones = np.ones((1, len(t)))
    fit = model.fit(own[None, t], D[None, t], ones, ones.astype(bool))
    expected = own[at] - fit.alpha[0] - fit.beta[0] @ D[at]
    assert error["error"].item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "model",
    [*MODELS.values(), FactorCounterfactual(1), FactorCounterfactual(3), SyntheticMatching()],
    ids=str,
)
def test_an_error_is_that_of_a_fit_that_never_saw_the_session(model):
    """With returns over gaps, sessions that are not valid, and two assets at once."""
    rng = np.random.default_rng(11)
    donors = 1 + model.lags + model.leads if model.lags else 5
    f = rng.normal(0, 0.02, (40, 1))
    D = f + rng.normal(0, 0.01, (40, donors))
    R = (f @ [[0.8, 1.2]] + rng.normal(0, 0.01, (40, 2))).T
    g = np.ones((2, 40)) if model.lags else np.where(np.arange(80).reshape(2, 40) % 9, 1.0, 3.0)
    if not model.benchmarks_used(tuple("ABCDE")):
        D = D[:, :0]
    elif not model.lags:
        D = D[:, : len(model.benchmarks_used(tuple("ABCDE")))]
    valid = rng.random((2, 40)) < 0.9
    R[~valid] = np.nan
    errors = model.forecast_errors(R, np.stack([D, D]), g, valid)
    assert (np.isfinite(errors) == valid).all()
    now = D[:, model.lags : model.lags + 1] if model.lags else D
    for asset, t in zip(*np.nonzero(valid), strict=True):
        others = valid[[asset]].copy()
        others[0, max(0, t - model.leads) : t + model.lags + 1] = False
        fit = model.fit(R[[asset]], D[None], g[[asset]], others)
        expected = R[asset, t] - g[asset, t] * fit.alpha[0] - now[t] @ fit.beta[0]
        assert errors[asset, t] == pytest.approx(expected, rel=1e-9, abs=1e-14)


def test_a_session_that_decides_a_slope_alone_is_forecast_by_nothing():
    only_once = (np.arange(20) == 7)[None, :, None] * 1.0
    R = np.random.default_rng(0).normal(0, 1, (1, 20))
    ones = np.ones((1, 20))
    errors = MarketModel().forecast_errors(R, only_once, ones, ones > 0)
    assert np.flatnonzero(np.isnan(errors[0])).tolist() == [7]


def samples_of_matches(twins: bool = False) -> tuple[np.ndarray, ...]:
    """Two assets and seven donors, and samples without one to nine of sixty sessions."""
    rng = np.random.default_rng(5)
    f = rng.normal(0, 0.02, (60, 2))
    D = f @ rng.normal(1, 0.4, (2, 7)) + rng.normal(0, 0.005, (60, 7))
    if twins:
        D[:, 3] = D[:, 2]
    R = f @ rng.normal(1, 0.4, (2, 2)) + rng.normal(0, 0.02, (60, 2))
    out = np.array([np.arange(60) // (1 + k % 9) == k % 7 for k in range(40)])
    valid = np.concatenate([~out, ~out])
    returns = np.repeat(R.T, 40, axis=0)
    return returns, np.broadcast_to(D, (80, 60, 7)), np.ones((80, 60)), valid


def samples_without_each(seed: int, n_donors: int) -> tuple[np.ndarray, ...]:
    """One asset on 23 sessions, and samples without each of them; a donor is the mean of two."""
    rng = np.random.default_rng(seed)
    D = rng.normal(0, 0.01, (23, n_donors))
    D[:, 2] = D[:, :2].mean(axis=1)
    R = D @ rng.dirichlet(np.full(n_donors, 0.3)) + rng.normal(0, 0.002, 23)
    donors = np.broadcast_to(D, (23, 23, n_donors))
    return np.tile(R, (23, 1)), donors, np.ones((23, 23)), ~np.eye(23, dtype=bool)


# A twin makes the normal equations singular, a mixture of two donors but for rounding.
@pytest.mark.parametrize(
    "samples",
    [
        *(samples_of_matches(), samples_of_matches(twins=True)),
        *(samples_without_each(26, 12), samples_without_each(21, 25)),
    ],
    ids=["apart", "twins", "a mixture of twelve", "a mixture of twenty-five"],
)
def test_samples_matched_together_are_as_close_as_each_by_another_solver(samples):
    returns, donors, ones, valid = samples
    together = SyntheticMatching().fit(returns, donors, ones, valid)
    assert (together.beta >= 0).all()
    np.testing.assert_allclose(together.beta.sum(axis=1), 1.0, rtol=1e-12)
    for k, inside in enumerate(valid):
        rows = returns[k, inside][:, None] - donors[k, inside]
        beside = np.vstack([rows * 1e3, np.ones(rows.shape[1])])
        u, _ = optimize.nnls(beside, np.r_[np.zeros(len(rows)), 1.0])
        distance = rows @ (u / u.sum())
        assert (together.residuals[k, inside] ** 2).sum() == pytest.approx(
            distance @ distance, rel=1e-9
        )


@pytest.mark.parametrize("model", [FactorCounterfactual(2), SyntheticMatching()], ids=str)
def test_what_a_sample_is_fitted_beside_changes_no_bit_of_it(model):
    returns, donors, ones, valid = samples_of_matches()
    together = model.fit(returns, donors, ones, valid)
    for some in (slice(0, 1), slice(3, 40), slice(39, 57)):
        alone = model.fit(returns[some], donors[some], ones[some], valid[some])
        for name, values in vars(alone).items():
            np.testing.assert_array_equal(values, getattr(together, name)[some])


def test_forecast_errors_need_no_more_sessions_than_the_fit():
    treated, donors = donor_panel()
    narrow = EstimationWindow(window=(-65, -6), minimum=60)
    errors = study_of(MarketModel(), treated, donors, estimation=narrow).forecast_errors("e")
    assert len(errors) == 2 * 60
    with pytest.raises(ValueError, match="no pair of speech can be estimated"):
        study_of(MarketModel(), treated, donors).forecast_errors("speech")


def max_of_t(c: float, points: int, degrees: float) -> float:
    """P(max |t| > c) of independent normals over one common scale, by quadrature."""
    inside = integrate.quad(
        lambda s: (2 * stats.norm.cdf(c * s) - 1) ** points * _density(s, degrees), 0, 6
    )[0]
    return 1 - inside


def _density(s: float, degrees: float) -> float:
    """Of the root of a chi-square over its degrees of freedom."""
    return 2 * s * degrees * stats.chi2.pdf(degrees * s**2, degrees)


def test_the_sup_t_value_is_that_of_known_maxima():
    """Equation 29."""
    draws = 200_000
    one = sup_t_critical_value(np.eye(1), 12, draws=draws)
    assert one == pytest.approx(stats.t.isf(0.025, 12), abs=0.02)
    sidak = stats.norm.isf((1 - 0.95 ** (1 / 7)) / 2)
    assert sup_t_critical_value(np.eye(7), draws=draws) == pytest.approx(sidak, abs=0.02)
    # Points that move together are one point, whatever their variances.
    together = sup_t_critical_value(np.outer([1, 2, 3], [1, 2, 3]).astype(float), draws=draws)
    assert together == pytest.approx(stats.norm.isf(0.025), abs=0.02)
    c = optimize.brentq(lambda c: max_of_t(c, 5, 15) - 0.10, 1, 6)
    found = sup_t_critical_value(3.0 * np.eye(5), 15, level=0.10, draws=draws)
    assert found == pytest.approx(c, abs=0.02)
    assert sup_t_critical_value(np.eye(3)) == sup_t_critical_value(np.eye(3))


def test_a_band_is_refused_where_there_is_none():
    for level in (0, 1):
        with pytest.raises(ValueError, match=rf"level = {level} must lie strictly .* a 95 % band"):
            sup_t_critical_value(np.eye(2), level=level)
    with pytest.raises(ValueError, match="a point whose variance is not positive"):
        sup_t_critical_value(np.diag([1.0, 0.0]))


def test_the_band_of_a_path_has_the_covariance_of_its_forecasts():
    treated, donors = donor_panel()
    results = study_of(MarketModel(), treated, donors).fit()
    band = results.simultaneous_band("e", "all", (0, 4))
    t, w = np.arange(EVENT - 65, EVENT - 5), np.arange(EVENT, EVENT + 5)
    X = sm.add_constant(np.column_stack(list(donors.values())))
    portfolio = np.mean(list(treated.values()), axis=0)
    ols = sm.OLS(portfolio[t], X[t]).fit()
    V = ols.mse_resid * (np.eye(5) + X[w] @ np.linalg.inv(X[t].T @ X[t]) @ X[w].T)
    below = np.tril(np.ones((5, 5)))
    covariance = below @ V @ below.T
    np.testing.assert_allclose(band["std_error"], np.sqrt(np.diag(covariance)), rtol=1e-9)
    np.testing.assert_allclose(
        results.caar_path("e", "all", start=0)["std_error"][:5], band["std_error"], rtol=1e-9
    )
    rng = np.random.default_rng(8)
    drawn = np.abs(rng.multivariate_normal(np.zeros(5), covariance, 200_000)) / np.sqrt(
        np.diag(covariance)
    )
    largest = drawn.max(axis=1) / np.sqrt(rng.chisquare(54, 200_000) / 54)
    assert band["critical_value"][0] == pytest.approx(np.quantile(largest, 0.95), abs=0.03)
    half = band["critical_value"] * band["std_error"]
    np.testing.assert_allclose(band["upper"], band["caar"] + half)
    np.testing.assert_allclose(band["lower"], band["caar"] - half)
    # Over one session the band is the interval of the CAAR, within the error of simulation.
    alone = results.simultaneous_band("e", "all", (0, 0)).iloc[0]
    assert alone["upper"] == pytest.approx(results.caar((0, 0))["upper"].item(), rel=0.02)
    with pytest.raises(KeyError, match="no pair of coins was estimated at e"):
        results.simultaneous_band("e", "coins", (0, 1))


@pytest.mark.parametrize("model", [Dimson(), ScholesWilliams()])
@pytest.mark.parametrize("gap", [False, True])
def test_a_window_that_a_lagged_model_cannot_fit_has_no_conformal_p_value(model, gap):
    """The last session of the data has no lead, the first after a gap no lag."""
    rng = np.random.default_rng(0)
    market = rng.normal(0, 0.01, 81)
    own = market + rng.normal(0, 0.01, 81)
    event = 70 if gap else 80
    own[event] += 0.5
    frame = panels.returns_frame({"A": own}, {"M": market})
    if gap:
        frame.loc[event - 1, "return"] = np.nan
        frame.loc[event, "n_sessions"] = 2

    def p_value(of):
        study = EventStudy(
            frame,
            panels.alignment_frame({"e": {"A": event}}, 81),
            model=of,
            estimation=EstimationWindow(window=(-60, -6), minimum=40),
            event_window=(-1, 0) if gap else (0, 0),
        )
        assert len(study.fit().pairs) == 1
        return study.conformal((-1, 0) if gap else (0, 0))["p_conformal"].item()

    assert np.isnan(p_value(model))
    # By the market model no session moved as far.
    assert p_value(MarketModel()) < 0.05


@pytest.mark.parametrize("model", [FactorCounterfactual(2), SyntheticMatching()])
def test_samples_of_windows_with_other_donors_are_fitted_as_each_alone(model):
    rng = np.random.default_rng(12)
    returns, donors = rng.normal(size=(3, 40)), rng.normal(size=(3, 40, 5))
    # the second asset has the donors of the first, the third has its own
    donors[1] = donors[0]
    spans = np.ones((3, 40))
    window = np.array([2, 0, 1, 0, 2])
    valid = rng.random((5, 40)) < 0.8
    valid[:2] = valid[2]
    together = model.fit_samples(returns, donors, spans, window, valid)
    for sample, one in enumerate(window):
        alone = model.fit(*(of[[one]] for of in (returns, donors, spans)), valid[[sample]])
        for name, values in vars(together).items():
            np.testing.assert_allclose(
                values[sample], vars(alone)[name][0], atol=1e-12, err_msg=name
            )


def test_a_band_passes_over_a_session_without_an_abnormal_return():
    """A constant mean of 60 sessions: the path is that over 1, 2 and 3 sessions."""
    returns = np.random.default_rng(5).normal(0, 0.01, COUNT)
    returns[EVENT + 1] = np.nan
    days = panels.sessions(COUNT)
    study = EventStudy(
        pd.DataFrame({"ticker": "A", "session": days, "return": returns}),
        panels.alignment_frame({"e": {"A": EVENT}}, COUNT),
        estimation=WINDOW,
        event_window=(0, 3),
    )
    band = study.fit().simultaneous_band("e", "all", (0, 3))
    assert band["tau"].tolist() == [0, 2, 3]
    covered = np.array([1, 2, 3])
    covariance = np.minimum.outer(covered, covered) + np.outer(covered, covered) / 60
    expected = sup_t_critical_value(covariance, 59)
    np.testing.assert_allclose(band["critical_value"], expected, rtol=1e-12)
    deviation = returns[EVENT - 65 : EVENT - 5].std(ddof=1)
    np.testing.assert_allclose(band["std_error"], deviation * np.sqrt(np.diagonal(covariance)))


def test_sessions_that_span_others_are_forecast_by_their_own_spans():
    rng = np.random.default_rng(6)
    returns, spans = rng.normal(size=(2, 30)), np.ones((2, 30))
    donors = np.repeat(rng.normal(size=(1, 30, 4)), 2, axis=0)
    spans[1, ::7] = 3.0
    valid = np.ones((2, 30), dtype=bool)
    model = FactorCounterfactual(2)
    together = model.forecast_errors(returns, donors, spans, valid)
    for one in range(2):
        some = slice(one, one + 1)
        alone = model.forecast_errors(returns[some], donors[some], spans[some], valid[some])
        np.testing.assert_allclose(together[some], alone, rtol=1e-9)


@pytest.mark.parametrize(("count", "forecast"), [(4, False), (5, True)])
def test_what_is_left_must_have_a_degree_of_freedom_to_forecast(count, forecast):
    """Without one of four sessions an intercept and two loadings fit the rest exactly."""
    rng = np.random.default_rng(7)
    returns, donors = rng.normal(size=(1, count)), rng.normal(size=(1, count, 4))
    every = np.ones((1, count))
    errors = FactorCounterfactual(2).forecast_errors(returns, donors, every, every > 0)
    assert np.isfinite(errors).all() == forecast
    assert np.isfinite(errors).any() == forecast


def test_an_asset_that_never_moves_beside_a_donor_that_does_not_is_degenerate():
    donors = np.stack([np.zeros(30), np.random.default_rng(8).normal(size=30)], axis=1)[None]
    every = np.ones((1, 30))
    fit = SyntheticMatching().fit(np.zeros((1, 30)), donors, every, every > 0)
    assert fit.degenerate.tolist() == [True]
