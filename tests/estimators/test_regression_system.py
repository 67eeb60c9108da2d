"""The event-dummy system against the event study, matrix algebra, other software and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from linearmodels.system import SUR
from scipy import stats
from statsmodels.multivariate.multivariate_ols import _MultivariateOLS

from chainpolicy.estimators import EventDummySystem, undoing, undoing_report
from chainpolicy.estimators.common import fit_common, joint_f
from chainpolicy.estimators.system_results import GroupSystem
from chainpolicy.eventstudy import (
    ConstantMean,
    Dimson,
    EstimationWindow,
    EventStudy,
    MarketAdjusted,
)
from panels import alignment_frame, returns_frame, sessions

LENGTH = 150
ESTIMATION = EstimationWindow(window=(-100, -21), end=sessions(LENGTH)[99], minimum=30)


def simulated(n_assets: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Correlated returns with one benchmark."""
    rng = np.random.default_rng(1)
    market, sector = rng.normal(0, 0.01, (2, LENGTH))
    beta = rng.uniform(0.5, 1.5, n_assets)
    noise = rng.normal(0, 0.02, (n_assets, LENGTH))
    returns = 0.0005 + beta[:, None] * market + sector + noise
    return {f"A{i:02d}": row for i, row in enumerate(returns)}, {"M": market}


def at(positions: dict[str, int], tickers: list[str]) -> pd.DataFrame:
    """Alignment of events that hit all assets on the same session."""
    return alignment_frame(
        {event: dict.fromkeys(tickers, place) for event, place in positions.items()},
        LENGTH,
    )


def system_of(returns, benchmarks, positions, **choices) -> EventDummySystem:
    tickers = list(returns)
    choices = {"estimation": ESTIMATION, "window": (0, 1)} | choices
    alignment = choices.pop("alignment", None)
    if alignment is None:
        alignment = at(positions, tickers)
    return EventDummySystem(returns_frame(returns, benchmarks), alignment, **choices)


def gamma_covariance(one: GroupSystem) -> pd.DataFrame:
    """SUR covariance of the dummies' coefficients, Sigma x (X'X)^-1, by ticker and dummy."""
    index = pd.MultiIndex.from_product([one.gamma.columns, one.gamma.index])
    unscaled = one.unscaled[-len(one.gamma) :, -len(one.gamma) :]
    return pd.DataFrame(np.kron(one.sigma, unscaled), index=index, columns=index)


# --- identity with the event study ------------------------------------------------------------


@pytest.fixture(scope="module")
def system(study):
    return EventDummySystem.from_study(study, window=(0, 1)).fit()


@pytest.mark.parametrize("model", [None, ConstantMean(), MarketAdjusted()])
def test_session_dummies_are_abnormal_returns_and_their_covariance_is_v(study, model):
    """The embedded study: every group, every cluster, every asset without a missing session."""
    choices = {
        "groups": study.groups,
        "benchmarks": study.benchmarks,
        "model": model or study.event_study().model,
        "estimation": study.estimation,
    }
    results = EventStudy(study.returns, study.alignment, event_window=(-10, 20), **choices).fit()
    fitted = EventDummySystem(study.returns, study.alignment, window=(-1, 5), **choices).fit()
    at_tau = results.abnormal_returns.pivot_table(
        index=["event_id", "ticker"], columns="tau", values=["abnormal", "std_error"]
    )
    compared = 0
    for one in fitted:
        tickers = one.gamma.columns.tolist()
        unscaled = one.unscaled[-len(one.gamma) :, -len(one.gamma) :]
        variance = pd.Series(np.diag(unscaled), one.gamma.index)
        cars = results.car((-1, 5)).set_index(["event_id", "ticker"])
        for event_id in one.clusters["event_id"]:
            days = list(one.membership[event_id])
            expected = at_tau.loc[event_id].loc[tickers]
            taus = list(range(-1, -1 + len(days)))
            np.testing.assert_allclose(
                one.gamma.loc[days].T, expected["abnormal"][taus], rtol=0, atol=1e-10
            )
            errors = np.sqrt(np.outer(np.diag(one.sigma), variance[days]))
            np.testing.assert_allclose(errors, expected["std_error"][taus], rtol=0, atol=1e-10)
            # The variance of the sum holds every covariance of V.
            test = one.car(event_id)
            car = cars.loc[event_id].loc[tickers]
            np.testing.assert_allclose(test.effects, car["car"], rtol=0, atol=1e-10)
            np.testing.assert_allclose(test.std_errors, car["std_error"], rtol=0, atol=1e-10)
            compared += len(car)
    assert compared == 36 * 18 + 7 * 18 + 9 * 19 + 5 * 20


def test_covariance_between_events_is_that_of_forecasts_from_the_same_sample(study, system):
    """V = s^2 [I + X* (X'X)^-1 X*'] over all windows at once, by hand for one asset."""
    one = system["a_shares_tier1"]
    ticker = "000021.SZ"
    rows = study.returns[study.returns["ticker"] == ticker].set_index("session")
    dummied = pd.DatetimeIndex(one.gamma.index)
    estimation = one.sessions.difference(dummied)
    assert len(estimation) == 108
    factors = ["000300.SS", "399006.SZ"]
    x = np.column_stack([np.ones(108), rows.loc[estimation, factors]])
    event = np.column_stack([np.ones(len(dummied)), rows.loc[dummied, factors]])
    y = rows.loc[estimation, "return"].to_numpy()
    residual = y - x @ np.linalg.solve(x.T @ x, x.T @ y)
    v = np.eye(len(dummied)) + event @ np.linalg.inv(x.T @ x) @ event.T
    v *= residual @ residual / 105
    found = gamma_covariance(one).loc[ticker][ticker]
    np.testing.assert_allclose(found, v, rtol=0, atol=1e-10)


def test_anchored_windows_of_all_events_estimate_together():
    """With each event's own window, the rows are their union less the dummied sessions."""
    returns, market = simulated(2)
    own = EstimationWindow(window=(-40, -11), minimum=20, mask=False)
    system = system_of(returns, market, {"e": 90, "f": 110}, estimation=own).fit()["all"]
    days = sessions(LENGTH)
    expected = sorted({*range(50, 80), *range(70, 100), 90, 91, 110, 111})
    np.testing.assert_array_equal(system.sessions, days[expected])


# --- against other software --------------------------------------------------------------------


def test_system_is_the_seemingly_unrelated_regression_of_linearmodels():
    returns, market = simulated(4)
    one = system_of(returns, market, {"e": 110, "f": 111}).fit()["all"]
    outcomes = one.residuals + one.design.to_numpy() @ one.coefficients.to_numpy()
    equations = {t: {"dependent": outcomes[t], "exog": one.design} for t in outcomes}
    sur = SUR(equations).fit(method="ols", cov_type="unadjusted", debiased=True)
    names = [f"{ticker}_{day}" for ticker in outcomes for day in one.gamma.index]
    np.testing.assert_allclose(sur.params[names], one.gamma.to_numpy().T.ravel(), atol=1e-10)
    np.testing.assert_allclose(sur.cov.loc[names, names], gamma_covariance(one), atol=1e-10)


def test_joint_f_is_the_direct_matrix_formula_and_the_multivariate_test_of_statsmodels():
    returns, market = simulated(6)
    one = system_of(returns, market, {"e": 110, "f": 111, "g": 120}).fit()["all"]
    weights = {"e": 1.0, "f": -2.0, "g": 0.5}
    test = one.contrast(weights)
    x, b = one.design.to_numpy(), one.coefficients.to_numpy()
    n, k = x.shape
    outcomes = one.residuals.to_numpy() + x @ b
    c = np.zeros(k)
    for event, weight in weights.items():
        for day in one.membership[event]:
            c[one.design.columns.get_loc(day)] += weight
    errors = outcomes - x @ np.linalg.lstsq(x, outcomes, rcond=None)[0]
    g = c @ np.linalg.inv(x.T @ x) @ x.T @ outcomes
    v = c @ np.linalg.inv(x.T @ x) @ c
    f = (n - k - 6 + 1) / 6 * g @ np.linalg.inv(errors.T @ errors) @ g / v
    assert test.f_statistic == pytest.approx(f, rel=1e-10)
    assert test.f_degrees == (6, n - k - 5)
    assert test.f_p_value == pytest.approx(stats.f.sf(f, 6, n - k - 5), rel=1e-10)

    theirs = _MultivariateOLS(outcomes, x).fit().mv_test([("contrast", c[None, :])])
    wilks = theirs.results["contrast"]["stat"].loc["Wilks' lambda"]
    assert test.f_statistic == pytest.approx(float(wilks["F Value"]), rel=1e-8)
    assert test.f_p_value == pytest.approx(float(wilks["Pr > F"]), rel=1e-6)


def test_average_effect_is_the_dummy_regression_of_the_portfolio(system, study):
    one = system["us_listed"]
    portfolio = (one.residuals + one.design.to_numpy() @ one.coefficients.to_numpy()).mean(axis=1)
    theirs = sm.OLS(portfolio, one.design).fit()
    test = one.car("xi-politburo")
    c = one.design.columns.isin(one.membership["xi-politburo"]).astype(float)
    t_test = theirs.t_test(c)
    assert test.average == pytest.approx(t_test.effect[0], rel=1e-10)
    assert test.std_error == pytest.approx(t_test.sd[0, 0], rel=1e-10)
    assert test.p_value == pytest.approx(float(t_test.pvalue), rel=1e-9)
    np.testing.assert_allclose(test.interval(), t_test.conf_int()[0], rtol=1e-9)
    # Which is the portfolio t of the event study, all assets being complete.
    caar = study.estimate().caar((0, 1)).query("group == 'us_listed'").set_index("event_id")
    assert test.average == pytest.approx(caar.loc["xi-politburo", "caar"], rel=1e-10)
    assert test.std_error == pytest.approx(caar.loc["xi-politburo", "std_error"], rel=1e-10)


def test_f_of_a_single_asset_is_its_squared_t(system):
    for event_id in system["bitcoin"].clusters["event_id"]:
        test = system["bitcoin"].car(event_id)
        assert test.f_statistic == pytest.approx(test.t_stat**2, rel=1e-10)
        assert test.f_p_value == pytest.approx(test.p_value, rel=1e-8)


@pytest.mark.parametrize("covariance", ["HC1", "HAC"])
def test_robust_errors_of_a_long_window_are_those_of_statsmodels(covariance):
    returns, market = simulated(3)
    system = system_of(returns, market, {"e": 120}, window=(0, 24), dummies="window")
    one = system.fit(covariance)["all"]
    outcomes = one.residuals + one.design.to_numpy() @ one.coefficients.to_numpy()
    lags = {"cov_kwds": {"maxlags": 4}} if covariance == "HAC" else {}
    test = one.car("e")
    for ticker, outcome in outcomes.items():
        theirs = sm.OLS(outcome, one.design).fit(cov_type=covariance, **lags)
        assert test.std_errors[ticker] == pytest.approx(25 * theirs.bse["e"], rel=1e-10)
    portfolio = sm.OLS(outcomes.mean(axis=1), one.design).fit(cov_type=covariance, **lags)
    assert test.std_error == pytest.approx(25 * portfolio.bse["e"], rel=1e-10)
    assert covariance in system.fit(covariance).summary().note


# --- size, power and bias by simulation --------------------------------------------------------


@pytest.mark.parametrize(("n", "n_assets"), [(130, 8), (130, 30), (60, 30)])
def test_joint_f_has_its_size(n, n_assets):
    draws = 1_250
    rng = np.random.default_rng(n + n_assets)
    dummy = np.zeros(n)
    dummy[-2:] = 1.0
    design = np.column_stack([np.ones(n), rng.normal(size=(n, 2)), dummy])
    common = rng.normal(size=(n, draws, 1))
    outcomes = 0.5 * common + rng.normal(size=(n, draws, n_assets))
    coefficients, residuals, unscaled = fit_common(design, outcomes.reshape(n, -1))
    effects = coefficients[-1].reshape(draws, n_assets)
    errors = residuals.reshape(n, draws, n_assets)
    tests = [
        joint_f(effects[[draw]], errors[:, draw].T @ errors[:, draw], unscaled[-1:, -1], n - 4)
        for draw in range(draws)
    ]
    assert {degrees for _, degrees, _ in tests} == {(n_assets, n - 3 - n_assets)}
    rejected = stats.f.sf([f[0] for f, _, _ in tests], n_assets, n - 3 - n_assets) < 0.05
    # Three and a half Monte Carlo errors.
    assert rejected.mean() == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / draws))


def test_window_dummies_recover_overlapping_effects_that_one_by_one_are_biased():
    """Effects of +2 % and -3 % a session over [0, 5], three sessions apart."""
    n_assets, first, second = 80, 110, 113
    rng = np.random.default_rng(5)
    market = rng.normal(0, 0.01, LENGTH)
    returns = market + rng.normal(0, 0.02, (n_assets, LENGTH))
    returns[:, first : first + 6] += 0.02
    returns[:, second : second + 6] -= 0.03
    panel = {f"A{i:02d}": row for i, row in enumerate(returns)}
    truth = {"up": 6 * 0.02, "down": 6 * -0.03}
    positions = {"up": first, "down": second}

    alignment = at(positions, list(panel))
    frame = returns_frame(panel, {"M": market})
    naive = EventStudy(frame, alignment, estimation=ESTIMATION, event_window=(0, 5)).fit()
    caar = naive.car((0, 5)).groupby("event_id")["car"].mean()
    joint = system_of(
        panel, {"M": market}, positions, window=(0, 5), dummies="window", alignment=alignment
    ).fit()["all"]
    for event, bias in (("up", 3 * -0.03), ("down", 3 * 0.02)):
        test = joint.car(event)
        assert abs(test.average - truth[event]) < 3 * test.std_error
        assert abs(caar[event] - truth[event] - bias) < 3 * test.std_error
        assert abs(caar[event] - truth[event]) > 10 * test.std_error
    # The whole move over the nine sessions is known without telling the events apart.
    by_session = system_of(
        panel, {"M": market}, positions, window=(0, 5), alignment=alignment
    ).fit()["all"]
    moved = by_session.contrast({"up": 1, "down": 1}, shared="once")
    assert abs(moved.average - sum(truth.values())) < 3 * moved.std_error


# --- contrasts ---------------------------------------------------------------------------------


def test_shared_session_has_one_dummy_and_belongs_to_both():
    returns, market = simulated(3)
    one = system_of(returns, market, {"e": 110, "f": 111}).fit()["all"]
    days = [f"{day:%Y-%m-%d}" for day in sessions(LENGTH)[110:113]]
    assert one.gamma.index.tolist() == days
    assert one.membership == {"e": tuple(days[:2]), "f": tuple(days[1:])}
    gamma = one.gamma
    np.testing.assert_allclose(one.car("e").effects, gamma.iloc[0] + gamma.iloc[1])
    np.testing.assert_allclose(one.car("f").effects, gamma.iloc[1] + gamma.iloc[2])
    both = one.contrast({"e": 1, "f": 1})
    np.testing.assert_allclose(both.effects, gamma.iloc[0] + 2 * gamma.iloc[1] + gamma.iloc[2])
    once = one.contrast({"f": 1, "e": 1}, shared="once")
    np.testing.assert_allclose(once.effects, gamma.sum())
    assert both.label == "e + f"
    # Counted once, a shared session belongs to the first of the clusters.
    weighted = one.contrast({"f": -3, "e": 1}, shared="once")
    expected = gamma.iloc[0] + gamma.iloc[1] - 3 * gamma.iloc[2]
    np.testing.assert_allclose(weighted.effects, expected)
    assert weighted.label == "-3 f + e"


def test_contrast_of_window_dummies_sums_their_cars():
    returns, market = simulated(3)
    one = system_of(returns, market, {"e": 110, "f": 112}, window=(0, 3), dummies="window").fit()
    gamma = one["all"].gamma
    assert gamma.index.tolist() == ["e", "f"]
    test = one["all"].contrast({"e": 1, "f": 1})
    np.testing.assert_allclose(test.effects, 4 * gamma.loc["e"] + 4 * gamma.loc["f"])


def test_contrasts_that_make_no_sense_are_refused():
    returns, market = simulated(2)
    one = system_of(returns, market, {"e": 110, "same": 110, "f": 111}).fit()["all"]
    with pytest.raises(ValueError, match=r"nothing has no cluster in the system .* it has e, f"):
        one.contrast({"nothing": 1})
    with pytest.raises(ValueError, match=r"same shares the session .* one cluster, e; name one"):
        one.contrast({"e": 1, "same": -1})
    with pytest.raises(ValueError, match="zero, or cancel on every session"):
        one.contrast({"e": 0})
    assert one.car("same").label == "e"


def test_speech_and_crackdowns_sum_the_abnormal_returns_of_their_sessions(study, system, results):
    """By hand: average over assets of abnormal returns, each session of the ten windows once."""
    table = undoing(study, system)
    tier1 = table[table["group"] == "a_shares_tier1"].reset_index(drop=True)
    assert tier1["event_id"].tolist() == [
        "xi-politburo",
        "peoples-daily-rationality",
        "pboc-dcep-denial",
        "shanghai-exchange-notice",
        "cctv-focus-scams",
        "shenzhen-campaign",
        "pboc-shanghai-statement",
        "nifa-blockchain-warning",
        "shenzhen-eight-firms",
        "beijing-four-regulators",
    ]
    days = pd.to_datetime(
        [f"2019-10-{day}" for day in (28, 29, 30)]
        + [f"2019-11-{day}" for day in (14, 15, 18, 19, 20, 21, 22, 25, 26)]
        + [f"2019-12-{day}" for day in (13, 16, 18, 19, 30, 31)]
    )
    abnormal = results.abnormal_returns
    kept = abnormal["ticker"].isin(system["a_shares_tier1"].gamma.columns)
    by_day = abnormal[kept].drop_duplicates(["ticker", "session"]).groupby("session")["abnormal"]
    means = by_day.mean()[days].to_numpy()
    for step, count in enumerate([2, 3, 5, 7, 8, 10, 12, 14, 16, 18]):
        assert tier1.loc[step, "average"] == pytest.approx(means[:count].sum(), abs=1e-10)
    text = str(undoing_report(table))
    assert "+ peoples-daily-rationality" in text
    assert "counted once" in text


# --- what is left out, and what is refused -----------------------------------------------------


@pytest.mark.parametrize("covariance", ["HC1", "HAC"])
@pytest.mark.parametrize(
    ("dummies", "window", "covered"),
    [("session", (0, 30), "1 session,"), ("window", (0, 18), "19 sessions,")],
)
def test_robust_variance_of_short_dummies_is_refused_with_the_reason(
    covariance, dummies, window, covered
):
    returns, market = simulated(2)
    system = system_of(returns, market, {"e": 110}, dummies=dummies, window=window)
    with pytest.raises(ValueError, match=f"{covariance} is refused.* {covered} fewer than 20.*"):
        system.fit(covariance)


def test_robust_variance_of_one_session_rejects_a_true_null_nearly_always():
    """The reason for refusing: the dummy's own residual is zero, and so is HC1's variance."""
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(120), np.arange(120) == 60])
    rejected = [
        sm.OLS(rng.normal(size=120), x).fit(cov_type="HC1").pvalues[1] < 0.05 for _ in range(200)
    ]
    assert np.mean(rejected) > 0.75


def test_assets_with_a_missing_session_leave_and_are_listed():
    returns, market = simulated(5)
    returns["A01"][60] = np.nan
    returns["A02"][111] = np.nan
    fitted = system_of(returns, market, {"e": 110}).fit()
    assert fitted["all"].gamma.columns.tolist() == ["A00", "A03", "A04"]
    left = fitted.left.set_index("ticker")["reason"]
    days = sessions(LENGTH)
    assert left.index.tolist() == ["A01", "A02"]
    assert left["A01"].endswith(f"on 1 of 82 sessions, first {days[60]:%Y-%m-%d}")
    assert f"{days[111]:%Y-%m-%d}" in left["A02"]
    assert fitted.tidy()["n_left"].tolist() == [2]
    assert "Left out for a missing session: A01, A02." in fitted.summary().note


def test_session_without_any_return_or_benchmark_is_no_row():
    returns, market = simulated(3)
    for series in returns.values():
        series[50] = np.nan
    market["M"][55] = np.nan
    one = system_of(returns, market, {"e": 110}).fit()["all"]
    assert one.n_assets == 3
    assert len(one.sessions) == 80 - 2 + 2


def test_return_that_spans_a_gap_is_not_a_session():
    returns, market = simulated(2)
    returns["A00"][69] = np.nan
    frame = returns_frame(returns, market)
    frame.loc[70, "n_sessions"] = 2
    alignment = at({"e": 110}, list(returns))
    fitted = EventDummySystem(frame, alignment, estimation=ESTIMATION).fit()
    assert "on 2 of 82 sessions" in fitted.left["reason"].iloc[0]
    assert fitted["all"].gamma.columns.tolist() == ["A01"]


def test_asset_with_other_benchmarks_leaves():
    returns, market = simulated(4)
    market["X"] = np.random.default_rng(8).normal(0, 0.01, LENGTH)
    benchmarks = {"A00": ("M",), "A01": ("M",), "A02": ("M", "X"), "A03": ()}
    frame, alignment = returns_frame(returns, market), at({"e": 110}, list(returns))
    fitted = EventDummySystem(frame, alignment, benchmarks=benchmarks, estimation=ESTIMATION).fit()
    assert fitted["all"].gamma.columns.tolist() == ["A00", "A01"]
    assert fitted.left["reason"].tolist() == [
        "its benchmarks (M;X) are not those of the other assets",
        "its benchmarks (none) are not those of the other assets",
    ]


def test_asset_that_could_not_be_estimated_leaves():
    returns, market = simulated(3)
    returns["A02"][:90] = np.nan
    fitted = system_of(returns, market, {"e": 110}).fit()
    assert fitted.left["ticker"].tolist() == ["A02"]
    assert fitted.left["reason"].tolist() == ["it could not be estimated at any event"]


def test_clusters_without_a_whole_window_leave():
    returns, market = simulated(2)
    for series in returns.values():
        series[116] = np.nan
    alignment = at({"e": 110, "gap": 115, "late": LENGTH - 1}, list(returns))
    outside = at({"outside": 0}, list(returns)).assign(event_session=pd.Timestamp("2030-01-02"))
    alignment = pd.concat([alignment, outside], ignore_index=True)
    fitted = system_of(returns, market, {}, alignment=alignment).fit()
    assert fitted["all"].clusters["event_id"].tolist() == ["e"]
    reasons = fitted.left.set_index("event_id")["reason"]
    assert reasons["gap"] == f"no return or no benchmark on {sessions(LENGTH)[116]:%Y-%m-%d}"
    assert reasons["late"] == "the window [0, 1] runs past the data"
    assert reasons["outside"] == "the event session 2030-01-02 is outside the data"
    with pytest.raises(KeyError, match='no system of group "other"; there are: all'):
        fitted["other"]


def test_group_without_anything_has_no_system():
    returns, market = simulated(2)
    late = system_of(returns, market, {"late": LENGTH - 1}).fit()
    assert len(late) == 0
    assert late.tidy().empty
    assert late.effects().empty
    assert "No group" in late.summary().note
    placebo = at({"e": 110}, list(returns)).assign(role="placebo")
    none = system_of(returns, market, {}, alignment=placebo).fit()
    assert none.left["reason"].tolist() == ["no announcement: the group has no system"]
    short = EstimationWindow(window=(-100, -21), end=sessions(LENGTH)[10], minimum=60)
    nothing = system_of(returns, market, {"e": 110}, estimation=short).fit()
    assert nothing.left["reason"].tolist() == [
        "no asset could be estimated: the group has no system"
    ]
    holed = {
        "A00": np.where(np.arange(LENGTH) == 40, np.nan, returns["A00"]),
        "A01": np.where(np.arange(LENGTH) == 41, np.nan, returns["A01"]),
    }
    assert len(system_of(holed, market, {"e": 111}, window=(0, 0)).fit()) == 0


def test_a_system_has_the_market_model_where_the_study_has_lags_and_says_so():
    returns, market = simulated(3)
    plain = system_of(returns, market, {"e": 110}).fit()
    thin = system_of(returns, market, {"e": 110}, model=Dimson()).fit()
    assert thin.left["reason"].tolist() == [
        "model dimson: its system has the market of the same session, without lags and leads"
    ]
    pd.testing.assert_frame_equal(thin["all"].coefficients, plain["all"].coefficients)


def test_windows_that_swallow_the_estimation_sessions_leave_no_system():
    returns, market = simulated(2)
    tight = EstimationWindow(window=(-12, -3), end=sessions(LENGTH)[109], minimum=5)
    fitted = system_of(returns, market, {"e": 110}, estimation=tight, window=(-9, 0)).fit()
    assert len(fitted) == 0
    assert "too few estimation sessions" in fitted.left["reason"].iloc[0]


def test_too_many_assets_are_told_and_the_portfolio_form_is_left():
    returns, market = simulated(40)
    short = EstimationWindow(window=(-60, -31), end=sessions(LENGTH)[99], minimum=20)
    test = system_of(returns, market, {"e": 110}, estimation=short).fit()["all"].car("e")
    assert np.isnan(test.f_statistic)
    assert np.isnan(test.f_p_value)
    assert test.f_degrees is None
    assert "40 assets are more than n - k - 1 = 27" in test.note
    assert "portfolio" in str(test)
    assert np.isfinite(test.p_value)
    # One asset fewer than n - k is already too many, by the rule N <= n - k - 1.
    errors = np.random.default_rng(0).normal(size=(30, 10))
    one = np.ones((1, 10)), errors.T @ errors, np.ones(1)
    assert joint_f(*one, 10)[1] is None
    assert joint_f(*one, 11)[1] == (10, 2)


def test_identical_assets_have_no_joint_test():
    returns, market = simulated(2)
    returns["A01"] = returns["A00"].copy()
    test = system_of(returns, market, {"e": 110}).fit()["all"].car("e")
    assert test.note == "the residuals of the assets are collinear"


def test_collinear_regressors_are_refused():
    x = np.column_stack([np.ones(20), np.arange(20.0), 2 * np.arange(20.0)])
    with pytest.raises(ValueError, match="collinear"):
        fit_common(x, np.zeros((20, 1)))
    with pytest.raises(ValueError, match="zero throughout"):
        fit_common(np.zeros((20, 1)), np.zeros((20, 1)))


def test_a_frame_is_read_as_the_event_study_reads_it():
    """Numbers for names, text for numbers and dates, NA for a blank: the same system."""
    returns, benchmarks = simulated(3)
    frame = returns_frame(returns, benchmarks)
    frame.loc[3, "return"] = np.nan
    alignment = at({"7": 120}, list(returns))
    plain = EventDummySystem(frame, alignment, estimation=ESTIMATION).fit().tidy()
    written = frame.assign(
        session=frame["session"].dt.strftime("%Y-%m-%d"),
        M=frame["M"].map(repr),
        **{"return": frame["return"].astype(object).where(frame["return"].notna(), pd.NA)},
    )
    as_text = alignment.assign(
        event_id=7, event_session=alignment["event_session"].dt.strftime("%Y-%m-%d")
    )
    found = EventDummySystem(
        written.rename(columns={"M": 300}).drop(columns=["n_sessions", "at_limit"]),
        as_text,
        benchmarks=dict.fromkeys(returns, (300,)),
        estimation=ESTIMATION,
    )
    assert len(plain) == 1
    pd.testing.assert_frame_equal(found.fit().tidy(), plain)


@pytest.mark.parametrize("grouped", [False, True])
def test_tickers_that_are_numbers_are_those_that_are_text(grouped):
    returns, benchmarks = simulated(3)
    numbers = dict(zip((600519, 600520, 2), returns.values(), strict=True))
    texts = {str(ticker): series for ticker, series in numbers.items()}
    groups = [dict.fromkeys(names, "shares") if grouped else None for names in (numbers, texts)]
    first, second = (
        system_of(given, benchmarks, {"e": 120}, groups=of).fit().tidy()
        for given, of in zip((numbers, texts), groups, strict=True)
    )
    assert len(first) == 1
    assert first["n_assets"].item() == 3
    pd.testing.assert_frame_equal(first, second)


def test_choices_are_checked():
    returns, market = simulated(2)
    with pytest.raises(ValueError, match='dummies is "session" or "window", not "day"'):
        system_of(returns, market, {"e": 110}, dummies="day")
    with pytest.raises(ValueError, match=r"window \[1, 0\] is reversed"):
        system_of(returns, market, {"e": 110}).over((1, 0))
    with pytest.raises(ValueError, match="covariance is"):
        system_of(returns, market, {"e": 110}).fit("robust")
    alignment = at({"e": 110}, list(returns)).drop(columns="calendar")
    with pytest.raises(ValueError, match="alignment: missing column calendar"):
        system_of(returns, market, {}, alignment=alignment)


def test_only_policy_events_of_the_sample_have_dummies(system):
    of_shanghai = system["a_shares_tier1"].clusters
    assert len(of_shanghai) == 18
    controls = {"unicef-crypto-fund", "brics-settlement-coin", "cryptography-law-in-force"}
    assert not controls & set(";".join(of_shanghai["members"]).split(";"))
    # A catalogue without roles or samples is all policy, all in.
    returns, market = simulated(2)
    bare = at({"e": 110}, list(returns)).drop(columns=["role", "in_sample"])
    frame = returns_frame(returns, market).drop(columns=["n_sessions", "at_limit"])
    fitted = EventDummySystem(frame, bare, estimation=ESTIMATION).fit()
    assert len(fitted["all"].clusters) == 1


def test_event_may_have_the_name_of_a_benchmark():
    returns, market = simulated(2)
    plain = system_of(returns, market, {"e": 110}, dummies="window").fit()["all"].car("e")
    named = system_of(returns, market, {"M": 110}, dummies="window").fit()["all"].car("M")
    np.testing.assert_array_equal(plain.effects, named.effects)


# --- reading -----------------------------------------------------------------------------------


def test_other_windows_share_the_data_and_change_nothing(study, system):
    base = EventDummySystem.from_study(study, window=(0, 5), dummies="window")
    again = base.over((0, 1))
    assert (base.window, base.dummies) == ((0, 5), "window")
    pd.testing.assert_frame_equal(again.fit().tidy(), system.tidy())


def test_results_are_read_in_order_and_by_name(system):
    groups = [one.group for one in system]
    assert groups == ["a_shares_tier1", "a_shares_tier2", "bitcoin", "coins", "us_listed"]
    assert len(system) == 5
    assert system[0] is system["a_shares_tier1"]
    tidy = system.tidy()
    assert len(tidy) == 18 + 18 + 20 + 20 + 19
    assert tidy["f_df1"].dtype == "Int64"
    effects = system.effects()
    means = effects.groupby(["group", "event_id"])["car"].mean()
    np.testing.assert_allclose(
        means.loc[pd.MultiIndex.from_frame(tidy[["group", "event_id"]])], tidy["average"]
    )
    test = system["coins"].car("xi-politburo")
    assert test.null == "xi-politburo is zero for every asset of coins"
    assert "H0: xi-politburo is zero for every asset of coins" in str(test)


def test_summary_has_stars_errors_n_and_names_the_variance(system):
    table = system.summary(["a_shares_tier1"])
    text, html, latex = str(table), table.to_html(), table.to_latex()
    row = next(line for line in text.splitlines() if "2019-10-28" in line)
    assert "36" in row
    assert "***" in row
    assert "(1.77)" in row
    assert "OLS prediction errors" in text
    assert "bitcoin" not in text
    assert "<table" in html
    assert r"\begin{tabular}" in latex
    assert "***" in latex
