"""Errors found in other event-study software: one test each that fails if we made the same one.

Every test works out the right number without the package and the wrong number as the error would
give it, shows that the two are far apart, and asserts that ours is the right one.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from chainpolicy.estimators import CrossSection
from chainpolicy.estimators.cross_section import DRAWS
from chainpolicy.eventstudy import (
    ConstantMean,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    MarketAdjusted,
    MarketModel,
)
from chainpolicy.study.returns import compute_returns
from panels import alignment_frame, eleven, fit, pair, returns_frame


def settle(ours: float, right: float, *wrong: float) -> None:
    """Assert that ours is right and that no wrong number could pass for it."""
    for number in wrong:
        assert abs(number - right) > 0.03 * abs(right), "the data do not tell right from wrong"
    assert ours == pytest.approx(right, rel=1e-9)


class Sample:
    """A panel on one event date with the market model worked out by least squares.

    The benchmark jumps in the event window, so that the forecast correction matters. Asset i is
    listed `late[i]` sessions into the estimation window.
    """

    def __init__(
        self, n: int, m: int, length: int = 3, seed: int = 0, late: list[int] | None = None
    ) -> None:
        rng = np.random.default_rng(seed)
        self.n, self.m, self.length = n, m, length
        late = late or [0] * n
        self.market = rng.normal(0, 0.01, m + length)
        self.market[m:] += np.linspace(0.03, 0.01, length)
        noise = rng.normal(0, 0.02, (m + length, n))
        self.returns = 0.001 + np.outer(self.market, rng.normal(1, 0.3, n)) + noise
        self.returns[m:] += 0.015 + rng.normal(0, 0.03, n)
        self.residuals, self.abnormal, self.sigma, self.forecast, self.count = [], [], [], [], []
        for i in range(n):
            self.returns[: late[i], i] = np.nan
            design = sm.add_constant(self.market)
            inside = slice(late[i], m)
            ols = sm.OLS(self.returns[inside, i], design[inside]).fit()
            self.residuals.append(np.r_[np.full(late[i], np.nan), ols.resid])
            self.abnormal.append(self.returns[m:, i] - design[m:] @ ols.params)
            self.sigma.append(sqrt(ols.ssr / (m - late[i] - 2)))
            # the correction alone: V / sigma^2
            self.forecast.append(
                np.eye(length) + design[m:] @ ols.normalized_cov_params @ design[m:].T
            )
            self.count.append(m - late[i])
        self.tickers = [f"T{i:02d}" for i in range(n)]

    @property
    def car(self) -> np.ndarray:
        return np.array([a.sum() for a in self.abnormal])

    def fit(self) -> EventStudyResults:
        return fit(
            dict(zip(self.tickers, self.returns.T, strict=True)),
            {"M": self.market},
            {"e": dict.fromkeys(self.tickers, self.m)},
            model=MarketModel(),
            estimation=EstimationWindow(window=(-self.m, -1), minimum=5),
            event_window=(0, self.length - 1),
        )


# Variance


def test_residual_variance_divides_by_m_minus_two_for_the_market_model() -> None:
    sample = Sample(1, 12)
    ssr = np.sum(sample.residuals[0] ** 2)
    sigma = sample.fit().models["sigma"].item()
    settle(sigma, sqrt(ssr / 10), sqrt(ssr / 12), sqrt(ssr / 11))


def test_car_variance_holds_the_estimation_error() -> None:
    sample = Sample(1, 60, length=21)
    s2, m = sample.sigma[0] ** 2, sample.market
    from_mean = m[60:].sum() - 21 * m[:60].mean()
    right = s2 * (21 + 21**2 / 60 + from_mean**2 / np.sum((m[:60] - m[:60].mean()) ** 2))
    std_error = sample.fit().car(window=(0, 20))["std_error"].item()
    settle(std_error, sqrt(right), sqrt(21 * s2), sqrt((21 + 21**2 / 60) * s2))


def test_long_car_does_not_over_reject() -> None:
    # 1,000 assets without an event, M = 60, L = 21: with variance L s^2 about 10 % are rejected.
    rng = np.random.default_rng(1)
    returns, market = rng.normal(0, 0.02, (81, 1000)), rng.normal(0, 0.01, 81)
    tickers = [f"T{i:03d}" for i in range(1000)]
    results = fit(
        dict(zip(tickers, returns.T, strict=True)),
        {"M": market},
        {"e": dict.fromkeys(tickers, 60)},
        model=MarketModel(),
        estimation=EstimationWindow(window=(-60, -1)),
        event_window=(0, 20),
    )
    cars = results.car(window=(0, 20)).merge(results.models, on="ticker")
    naive = 2 * stats.t.sf(abs(cars["car"]) / (cars["sigma"] * sqrt(21)), 58)
    three_errors = 3 * sqrt(0.05 * 0.95 / 1000)
    assert (naive < 0.05).mean() > 0.05 + three_errors
    assert abs((cars["p_value"] < 0.05).mean() - 0.05) < three_errors


def test_interval_of_a_long_caar_covers_as_often_as_it_says() -> None:
    # 1,800 CAARs of 8 independent assets without an effect, M = 60, L = 21: with the portfolio's
    # variance L s^2 alone about 90 % of the 95 % intervals hold zero.
    rng = np.random.default_rng(11)
    span, count = 81, 600
    market = rng.normal(0, 0.01, span * count)
    teams = [[f"T{team}{i}" for i in range(8)] for team in range(3)]
    returns = {name: market + rng.normal(0, 0.02, span * count) for team in teams for name in team}
    results = fit(
        returns,
        {"M": market},
        {
            f"e{team[0]}-{k}": dict.fromkeys(team, span * k + 60)
            for team in teams
            for k in range(count)
        },
        model=MarketModel(),
        estimation=EstimationWindow(window=(-60, -1), mask=False),
        event_window=(0, 20),
    )
    caar = results.caar((0, 20)).set_index("event_id")
    portfolio = results.residuals.groupby(["event_id", "session"])["residual"].mean()
    deviation = np.sqrt((portfolio**2).groupby("event_id").sum() / 58)
    ignored = abs(caar["caar"]) < stats.t.isf(0.025, 58) * sqrt(21) * deviation
    covered = (caar["lower"] < 0) & (caar["upper"] > 0)
    three_errors = 3 * sqrt(0.95 * 0.05 / len(caar))
    assert len(caar) == 1800
    assert ignored.mean() < 0.95 - three_errors
    assert abs(covered.mean() - 0.95) < three_errors


def test_constant_mean_variance_does_not_look_into_the_event_window() -> None:
    rng = np.random.default_rng(2)
    returns = np.r_[rng.normal(0, 0.02, 30), [0.4, -0.3, 0.5]]
    results = fit(
        {"A": returns},
        {},
        {"e": {"A": 30}},
        factors={},
        model=ConstantMean(),
        estimation=EstimationWindow(window=(-30, -1), minimum=5),
        event_window=(0, 2),
    )
    settle(results.models["sigma"].item(), returns[:30].std(ddof=1), returns.std(ddof=1))
    settle(results.models["alpha"].item(), returns[:30].mean(), returns.mean())


# Returns


def test_simple_return_divides_by_the_starting_price() -> None:
    prices = pd.DataFrame(
        {
            "date": pd.to_datetime(["2019-10-24", "2019-10-25"]),
            "ticker": "A",
            "close": [10.0, 12.5],
        }
    )
    assets = pd.DataFrame(
        [{"ticker": "A", "calendar": "XSHG", "group": "g", "benchmark": (), "price_limit": ""}]
    )
    returns = compute_returns(prices, assets, "2019-10-24", "2019-10-25", kind="simple")
    settle(returns["return"].iloc[-1], 2.5 / 10, 2.5 / 12.5)


# Patell


def patell(sample: Sample, *, forecast: bool = True, spread: bool = True) -> float:
    total = 0.0
    for i in range(sample.n):
        root = np.sqrt(np.diag(sample.forecast[i])) if forecast else 1
        csar = np.sum(sample.abnormal[i] / (sample.sigma[i] * root))
        df = sample.count[i] - 2
        total += csar / sqrt(sample.length * (df / (df - 2) if spread else 1))
    return total / sqrt(sample.n)


def test_patell_has_the_forecast_error_and_the_variance_of_a_t() -> None:
    sample = Sample(4, 12)
    ours = eleven(sample.fit(), (0, 2)).loc["patell", "statistic"]
    settle(ours, patell(sample), patell(sample, forecast=False), patell(sample, spread=False))


def test_patell_is_a_parametric_test_against_the_normal_distribution() -> None:
    results = Sample(4, 12).fit().tests(window=(0, 2))
    (test,) = [result for result in results if result.name == "patell"]
    assert "param" not in f"{test} {test.title} {test.source} {test.note}".lower()
    assert test.p_value == pytest.approx(2 * stats.norm.sf(abs(test.statistic)), rel=1e-12)


def test_patell_of_a_window_divides_the_sum_by_root_l() -> None:
    # the errors: every SAR over the root of its own place, or no division at all
    sample = Sample(4, 40)
    df = 38
    sar = np.array(
        [
            sample.abnormal[i] / (sample.sigma[i] * np.sqrt(np.diag(sample.forecast[i])))
            for i in range(4)
        ]
    ) / sqrt(df / (df - 2))
    right = sar.sum() / sqrt(3) / sqrt(4)
    by_place = (sar / np.sqrt([1, 2, 3])).sum() / sqrt(4)
    settle(eleven(sample.fit(), (0, 2)).loc["patell", "statistic"], right, by_place, sar.sum() / 2)


# BMP


def bmp(scar: list[float]) -> float:
    return sqrt(len(scar)) * np.mean(scar) / np.std(scar, ddof=1)


def test_bmp_divides_by_the_forecast_error_instead_of_multiplying() -> None:
    # unequal estimation lengths: equal ones cancel in the ratio and would hide the error
    sample = Sample(5, 60, late=[0, 52, 20, 53, 51])
    inflation = [sqrt(v.sum()) for v in sample.forecast]
    over_sigma = sample.car / sample.sigma
    right = bmp(over_sigma / inflation)
    inverted = bmp(over_sigma * inflation)
    without = bmp(over_sigma)
    settle(eleven(sample.fit(), (0, 2)).loc["bmp", "statistic"], right, inverted, without)


def test_standardized_car_is_not_too_large_by_root_l() -> None:
    # CAR over the error of one session would be sqrt(L) too large.
    sample = Sample(1, 60, length=9)
    v = sample.forecast[0]
    right = sample.car[0] / (sample.sigma[0] * sqrt(v.sum()))
    too_large = sample.car[0] / (sample.sigma[0] * sqrt(v.sum() / 9))
    row = sample.fit().car(window=(0, 8)).iloc[0]
    settle(row["t_stat"], right, too_large)


# Kolari and Pynnonen


def test_correlation_is_centred() -> None:
    # Market-adjusted residuals keep the drift of the assets: the raw inner product is near 1.
    rng = np.random.default_rng(3)
    returns = 0.05 + rng.normal(0, 0.02, (63, 3))
    tickers = ["A", "B", "C"]
    results = fit(
        dict(zip(tickers, returns.T, strict=True)),
        {"M": np.zeros(63)},
        {"e": dict.fromkeys(tickers, 60)},
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-60, -1)),
        event_window=(0, 2),
    )
    e = returns[:60]
    above = np.triu_indices(3, 1)
    raw = (e.T @ e) / np.sqrt(np.outer(np.sum(e**2, axis=0), np.sum(e**2, axis=0)))
    right = np.corrcoef(e.T)[above].mean()
    assert raw[above].mean() > 0.8
    settle(eleven(results, (0, 1))["mean_correlation"].iloc[0], right, raw[above].mean())


def test_correlation_is_taken_on_calendar_sessions() -> None:
    # One shock a day for both assets; their events lie two sessions apart. By calendar they move
    # together, session by session of event time they do not.
    rng = np.random.default_rng(4)
    shared = rng.normal(0, 0.02, 80)
    returns = {name: shared + rng.normal(0, 0.005, 80) for name in "AB"}
    at = {"A": 70, "B": 72}
    results = fit(
        returns,
        {},
        {"e": at},
        factors={},
        model=ConstantMean(),
        estimation=EstimationWindow(window=(-60, -1)),
        event_window=(0, 4),
    )
    # estimation sessions 10..69 and 12..71, common 12..69; windows 70..74 and 72..76 share 3 of 5
    calendar = np.corrcoef(returns["A"][12:70], returns["B"][12:70])[0, 1]
    event_time = np.corrcoef(returns["A"][10:70], returns["B"][12:72])[0, 1]
    assert calendar > 0.9
    assert abs(event_time) < 0.3
    tests = eleven(results, (0, 4))
    right = calendar * 3 / 5
    settle(tests["mean_correlation"].iloc[0], right, event_time, event_time * 3 / 5, calendar)
    scale = sqrt((1 - right) / (1 + right))
    assert tests.loc["adjusted_bmp", "statistic"] == pytest.approx(
        tests.loc["bmp", "statistic"] * scale, rel=1e-9
    )


def test_firms_that_share_a_date_and_a_shock_are_not_independent() -> None:
    # Twenty near copies of one asset hold the evidence of one: independence gives sqrt(20) times
    # too large a Z.
    rng = np.random.default_rng(5)
    shared = rng.normal(0, 0.02, 123)
    shared[120] = 0.03
    returns = {f"T{i:02d}": shared + rng.normal(0, 1e-4, 123) for i in range(20)}
    results = fit(
        returns,
        {},
        {"e": dict.fromkeys(returns, 120)},
        factors={},
        model=ConstantMean(),
        estimation=EstimationWindow(window=(-120, -1)),
        event_window=(0, 2),
    )
    tests = eleven(results, (0, 0))
    one = shared[120] - shared[:120].mean()
    one /= shared[:120].std(ddof=1) * sqrt(1 + 1 / 120) * sqrt(119 / 117)
    assert tests.loc["adjusted_patell", "statistic"] == pytest.approx(one, rel=0.02)
    assert tests.loc["patell", "statistic"] == pytest.approx(one * sqrt(20), rel=0.02)
    assert tests.loc["time_series_t", "statistic"] == pytest.approx(one, rel=0.02)


def wild_bootstrap(car: np.ndarray, stance: np.ndarray, *, per_firm: bool) -> float:
    """Bootstrap the slope of CARs, events by firms, on stance, with the null imposed.

    Weights and squared scores are those of an event, or else of each firm at each event.
    """
    x = (stance - stance.mean())[:, None]
    webb = np.sqrt([0.5, 1.0, 1.5])
    drawn_for = (20_000, len(car), car.shape[1] if per_firm else 1)
    weights = np.random.default_rng(9).choice(np.r_[-webb, webb], drawn_for)
    drawn = np.concatenate([np.ones((1, *drawn_for[1:])), weights]) * (car - car.mean(axis=0))
    drawn -= drawn.mean(axis=1, keepdims=True)
    slope = (drawn * x).sum(axis=(1, 2)) / (x**2).sum() / car.shape[1]
    scores = (drawn - slope[:, None, None] * x) * x
    if not per_firm:
        scores = scores.sum(axis=2, keepdims=True)
    t_ratio = np.abs(slope) / np.sqrt((scores**2).sum(axis=(1, 2)))
    return float(np.mean(t_ratio[1:] >= t_ratio[0]))


def test_bootstrap_weights_belong_to_the_event_not_to_the_firm() -> None:
    """All firms of an event share its date: a weight per firm takes them for independent.

    The event study itself has no bootstrap; this is the one of the regression of CARs.
    """
    rng = np.random.default_rng(10)
    stance = np.repeat([1.0, -1.0], 4)
    car = 0.015 * stance[:, None] + rng.normal(0, 0.02, (8, 1)) + rng.normal(0, 0.004, (8, 10))
    rows = [
        {"event_id": f"e{k}", "ticker": f"T{i}", "stance": stance[k], "car": car[k, i]}
        for k, i in np.ndindex(car.shape)
    ]
    ours = CrossSection(pd.DataFrame(rows)).fit().p_bootstrap
    right, wrong = (wild_bootstrap(car, stance, per_firm=each) for each in (False, True))
    three_errors = 3 * sqrt(right * (1 - right) * (1 / DRAWS + 1 / 20_000))
    assert wrong < 0.05 < right - three_errors, "the data do not tell right from wrong"
    assert abs(ours - right) < three_errors


# A value for every day


def test_rank_and_time_series_statistics_belong_to_their_own_day() -> None:
    sample = Sample(5, 40, length=4)
    results = sample.fit()
    residuals = np.array(sample.residuals)
    s_aar = sqrt(np.sum(residuals.mean(axis=0) ** 2) / 38)
    corrado, portfolio = [], []
    for day in range(4):
        scores = np.array(
            [
                stats.rankdata(np.r_[residuals[i], sample.abnormal[i][day]]) / 42 - 1 / 2
                for i in range(5)
            ]
        ).mean(axis=0)
        corrado.append(scores[-1] / sqrt(np.mean(scores**2)))
        errors = results.car((day, day))["std_error"] / results.models["sigma"]
        error = s_aar * sqrt((errors**2).mean())
        portfolio.append(np.mean([a[day] for a in sample.abnormal]) / error)
    for day in range(1, 4):
        tests = eleven(results, (day, day))
        settle(tests.loc["corrado_rank", "statistic"], corrado[day], corrado[0])
        settle(tests.loc["time_series_t", "statistic"], portfolio[day], portfolio[0])


def test_signs_are_counted_over_the_firms_that_are_present() -> None:
    # Four of ten firms are suspended in the window. Six remain, and N is six in w, phat and root.
    sample = Sample(10, 40, length=2, seed=6)
    sample.returns[41, :4] = np.nan
    residuals = np.array(sample.residuals)
    share = (residuals > 0).mean(axis=1)
    w = np.sum(sample.car[4:] > 0)

    def z(phat: float, w: float, n: int) -> float:
        return (w - n * phat) / sqrt(n * phat * (1 - phat))

    right = z(share[4:].mean(), w, 6)
    row = eleven(sample.fit(), (0, 1)).loc["generalized_sign"]
    assert row["n_assets"] == 6
    # the mean over those present, scaled up to all; and the count set against all
    settle(row["statistic"], right, z(share[4:].mean(), w * 10 / 6, 10), z(share.mean(), w, 10))


# Factors


@pytest.fixture
def two_regimes() -> tuple[np.ndarray, np.ndarray]:
    """Return one asset, two factors; alpha and beta change between its two events."""
    rng = np.random.default_rng(7)
    factors = rng.normal(0, 0.01, (160, 2))
    first, second = np.array([0.5, 1.0]), np.array([2.0, -1.0])
    returns = np.r_[0.001 + factors[:80] @ first, -0.002 + factors[80:] @ second]
    returns += rng.normal(0, 0.01, 160)
    returns[[20, 21, 33, 100]] = np.nan
    return returns, factors


def estimates(results: EventStudyResults, event_id: str) -> np.ndarray:
    rows = pair(results.coefficients, "A", event_id).set_index("term")
    return rows.loc[["alpha", "X", "Y"], "estimate"].to_numpy()


def own_window(returns: np.ndarray, factors: np.ndarray, at: int) -> np.ndarray:
    inside = slice(at - 60, at)
    design = sm.add_constant(factors[inside])
    return sm.OLS(returns[inside], design, missing="drop").fit().params


def test_factors_are_joined_by_date_not_by_position(two_regimes: tuple) -> None:
    # Rows in any order, an unusual index, another asset between them, missing sessions: located
    # by position, the factors would come from the wrong days.
    returns, factors = two_regimes
    names = {"X": factors[:, 0], "Y": factors[:, 1]}
    other = np.random.default_rng(8).normal(0, 0.01, 160)
    frame = returns_frame({"A": returns, "B": other}, names).sample(frac=1, random_state=0)
    results = EventStudy(
        frame.set_axis(np.arange(len(frame)) * 7 % 1000, axis=0),
        alignment_frame({"e": {"A": 70, "B": 70}}, 160),
        groups=pd.Series({"A": "all", "B": "all"}),
        benchmarks={"A": ("X", "Y"), "B": ("X", "Y")},
        model=MarketModel(),
        estimation=EstimationWindow(window=(-60, -1), minimum=5),
        event_window=(0, 2),
    ).fit()
    right = own_window(returns, factors, 70)
    present = np.isfinite(returns[10:70])
    shifted = sm.OLS(
        returns[10:70][present], sm.add_constant(factors[10 : 10 + present.sum()])
    ).fit()
    assert np.abs(shifted.params[1:] - right[1:]).max() > 0.1
    np.testing.assert_allclose(estimates(results, "e"), right, rtol=1e-9)
    days = pair(results.abnormal_returns, "A").set_index("tau")
    for tau in range(3):
        normal = right[0] + factors[70 + tau] @ right[1:]
        assert days.loc[tau, "normal"] == pytest.approx(normal, rel=1e-9)


def test_two_events_of_one_security_are_two_regressions(two_regimes: tuple) -> None:
    returns, factors = two_regimes
    results = fit(
        {"A": returns},
        {"X": factors[:, 0], "Y": factors[:, 1]},
        {"early": {"A": 70}, "late": {"A": 150}},
        model=MarketModel(),
        estimation=EstimationWindow(window=(-60, -1), minimum=5),
        event_window=(0, 2),
    )
    early, late = own_window(returns, factors, 70), own_window(returns, factors, 150)
    both = np.r_[10:70, 90:150]
    pooled = sm.OLS(returns[both], sm.add_constant(factors[both]), missing="drop").fit().params
    for event_id, right in (("early", early), ("late", late)):
        assert np.abs(pooled[1:] - right[1:]).min() > 0.3
        np.testing.assert_allclose(estimates(results, event_id), right, rtol=1e-9)


# Paths


def test_a_path_is_cumulated_once_and_keeps_its_first_day() -> None:
    sample = Sample(4, 60, length=5)
    daily = np.mean(sample.abnormal, axis=0)
    path = sample.fit().caar_path("e", "all")
    once = np.cumsum(daily)
    twice = np.cumsum(once)
    without_first = once - daily[0]
    np.testing.assert_allclose(path["aar"], daily, rtol=1e-9)
    np.testing.assert_allclose(path["caar"], once, rtol=1e-9)
    settle(path["caar"].iloc[0], daily[0], 0)
    settle(path["caar"].iloc[-1], once[-1], twice[-1], without_first[-1])


def test_holding_is_compounded_once_and_keeps_its_first_day() -> None:
    rng = np.random.default_rng(17)
    returns, market = rng.normal(0.001, 0.02, 80), rng.normal(0, 0.01, 80)
    returns[70:73] = 0.08, -0.05, 0.03
    results = fit(
        *({"A": returns}, {"M": market}, {"e": {"A": 70}}),
        estimation=EstimationWindow(window=(-60, -1)),
        event_window=(0, 2),
    )
    model = sm.OLS(returns[10:70], sm.add_constant(market[10:70])).fit()
    normal = model.params[0] + model.params[1] * market[70:73]
    held, expected = np.cumprod(1 + returns[70:73]), np.cumprod(1 + normal)
    cumulated_twice = np.prod(held) - np.prod(expected)
    first_day_lost = held[-1] / held[0] - expected[-1] / expected[0]
    settle(
        *(results.bhar((0, 2))["bhar"].iloc[0], held[-1] - expected[-1]),
        *(cumulated_twice, first_day_lost, results.car((0, 2))["car"].iloc[0]),
    )


def test_a_window_keeps_its_first_day() -> None:
    sample = Sample(1, 60, length=3)
    results = sample.fit()
    daily = sample.abnormal[0]
    for last in range(3):
        car = results.car(window=(0, last))["car"].item()
        settle(car, daily[: last + 1].sum(), daily[1 : last + 1].sum())
