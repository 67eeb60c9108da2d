"""Dynamics: planted ones are found again, null data have their size, numbers are redone by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from arch import arch_model

from chainpolicy import estimators, figures
from chainpolicy.checks import placebo_p_values, within_reach
from chainpolicy.estimators import (
    EARLY,
    early_movers,
    fit_volatility,
    half_life_of_jump,
    hourly_response,
    hourly_responses,
    local_projections,
    phase_table,
    project,
    regress_on_sentiment,
    reversal,
    sentiment_regression,
    volatility_around_events,
)
from chainpolicy.estimators.phases import _weekly_draws
from chainpolicy.estimators.policy_index import policy_index, stance_sessions
from chainpolicy.estimators.sentiment import MOST_SHIFTS
from chainpolicy.estimators.volatility import abnormal_volatility
from chainpolicy.eventstudy import EstimationWindow, EventStudy
from chainpolicy.study import load_study, new_study
from panels import alignment_frame, returns_frame

SPECS = {spec.name: spec for spec in figures.FIGURES}


# --- daily regression -----------------------------------------------------------------------


def sparse(length: int, positions: list[int], values: list[float]) -> np.ndarray:
    shocks = np.zeros(length)
    shocks[positions] = values
    return shocks


def inherited_level(shocks: np.ndarray) -> np.ndarray:
    level = np.zeros(len(shocks))
    for t in range(1, len(shocks)):
        level[t] = 0.8 * (level[t - 1] + shocks[t - 1])
    return level


def test_regression_is_that_of_statsmodels_and_its_p_value_counts_shifts():
    rng = np.random.default_rng(1)
    length = 40
    shocks = sparse(length, [5, 7, 20], [2, -1, 3])
    inherited = inherited_level(shocks)
    factors = rng.normal(size=(length, 2))
    returns = 0.3 * shocks + factors @ [1.0, -0.5] + rng.normal(size=length)
    fit = regress_on_sentiment(returns, shocks, inherited, factors)
    t_ratios = []
    for shift in range(length):
        x = np.column_stack([np.roll(shocks, shift), np.roll(inherited, shift), factors])
        t_ratios.append(sm.OLS(returns, sm.add_constant(x)).fit().tvalues[1:3])
    reference = sm.OLS(returns, sm.add_constant(np.column_stack([shocks, inherited, factors]))).fit(
        cov_type="HAC", cov_kwds={"maxlags": 3}
    )
    np.testing.assert_allclose(fit.coefficients, reference.params[1:3])
    np.testing.assert_allclose(fit.hac_errors, reference.bse[1:3])
    magnitude = np.abs(t_ratios)
    np.testing.assert_allclose(fit.p_values, (magnitude >= magnitude[0] - 1e-9).mean(axis=0))
    assert (fit.n_sessions, fit.n_shifts) == (length, length)


def test_regression_finds_a_planted_effect():
    rng = np.random.default_rng(2)
    shocks = sparse(300, [200, 203, 210, 214, 230], [3, 3, -1, 2, -2])
    returns = 0.01 * shocks + rng.normal(0, 0.01, 300)
    fit = regress_on_sentiment(returns, shocks, inherited_level(shocks), np.empty((300, 0)))
    assert fit.coefficients[0] == pytest.approx(0.01, abs=0.005)
    assert fit.p_values[0] < 0.02


def test_regression_has_its_size_where_hac_has_not():
    rng = np.random.default_rng(3)
    shocks = sparse(80, [50, 52, 55, 60], [3, 2, -1, 2])
    inherited = inherited_level(shocks)
    fits = [
        regress_on_sentiment(rng.normal(size=80), shocks, inherited, np.empty((80, 0)))
        for _ in range(300)
    ]
    assert np.mean([fit.p_values[0] <= 0.05 for fit in fits]) == pytest.approx(0.05, abs=0.035)
    assert np.mean([fit.hac_p_values[0] <= 0.05 for fit in fits]) > 0.1


def test_regression_without_announcement_is_refused():
    with pytest.raises(ValueError, match="no announcement"):
        regress_on_sentiment(np.ones(9), np.zeros(9), np.zeros(9), np.empty((9, 0)))


def test_as_many_sessions_as_terms_leave_nothing_to_judge_by():
    """Four terms and a benchmark's: at five sessions the fit is exact, and no error is known."""
    rng = np.random.default_rng(1)
    innovation = np.array([1.0, 0, 0, 0, 0, 0])
    returns, inherited, factor = rng.normal(size=(3, 6))
    enough = regress_on_sentiment(returns, innovation, inherited, factor[:, None])
    assert 0 < enough.p_values[0] <= 1
    with pytest.raises(ValueError, match="4 sessions are too few"):
        regress_on_sentiment(returns[:4], innovation[:4], inherited[:4], factor[:4, None])
    # Supportive surprises of t and t + 1, the level, the constant and the benchmark: five terms.
    assert np.isfinite(project(returns, innovation, inherited, factor[:, None], 0).responses[0])
    short = project(returns, innovation, inherited, factor[:, None], 1)
    for values in (short.responses, short.lower, short.upper, short.p_values):
        assert np.isnan(values).all()


def test_a_study_of_undated_events_has_no_index_and_no_regressions(tmp_path):
    folder = new_study(tmp_path / "study")
    (folder / "events.csv").write_text(
        "event_id,announced_at,in_sample,reason,stance_blockchain\n"
        "one,,no,its date is unknown,1\ntwo,,no,its date is unknown,-1\n"
    )
    undated = load_study(folder)
    index = policy_index(undated, "makers")
    assert len(index) > 0
    assert (index[["innovation", "level"]] == 0).all(axis=None)
    assert local_projections(undated).empty
    assert sentiment_regression(undated).empty
    assert stance_sessions(undated).empty


def test_regression_of_the_study_by_hand(study):
    table = sentiment_regression(study).set_index(["group", "dimension", "term"])
    closes = study.prices[study.prices["ticker"] == "BTC-USD"].set_index("date")["close"]
    returns = np.log(closes).diff().dropna()
    innovation = pd.Series(0.0, index=returns.index)
    # Crypto stance times salience by UTC day.
    for day, value in {
        "2019-10-28": -2, "2019-11-06": 2, "2019-11-13": -2, "2019-11-15": -1, "2019-11-18": -3,
        "2019-11-21": -1, "2019-11-22": -3, "2019-12-13": -2, "2019-12-18": -1, "2019-12-27": -1,
    }.items():  # fmt: skip
        innovation[day] = value
    left = pd.Series(0.0, index=returns.index)
    for day in returns.index:
        before = innovation[(innovation != 0) & (innovation.index < day)]
        left[day] = sum(value * 0.5 ** ((day - at).days / 5) for at, value in before.items())
    x = sm.add_constant(np.column_stack([innovation, left]))
    by_hand = sm.OLS(returns.to_numpy(), x).fit().params
    assert table["coefficient"]["bitcoin", "crypto", "innovation"] == pytest.approx(by_hand[1])
    assert table["coefficient"]["bitcoin", "crypto", "level"] == pytest.approx(by_hand[2])
    assert table["n_announcing"]["bitcoin", "crypto", "level"] == 10
    bare = sentiment_regression(study, without="xi-politburo")
    assert bare["n_sessions"].max() == table["n_sessions"].max() - 1


def test_results_are_computed_once_and_cannot_be_spoilt(study):
    first = sentiment_regression(study)
    first["coefficient"] = 0.0
    assert (sentiment_regression(study)["coefficient"] != 0).all()


# --- local projections ----------------------------------------------------------------------


def responses(returns: np.ndarray, shocks: np.ndarray, horizons: range) -> np.ndarray:
    nothing = np.empty((len(returns), 0))
    inherited = np.zeros(len(returns))
    return np.array([project(returns, shocks, inherited, nothing, h).responses for h in horizons])


def echo(shocks: np.ndarray, effects: dict[int, float]) -> np.ndarray:
    """Returns that answer a shock so many sessions later."""
    returns = np.zeros(len(shocks))
    for delay, effect in effects.items():
        returns[delay:] += effect * shocks[: len(shocks) - delay]
    return returns


def test_projection_finds_a_delayed_reaction():
    rng = np.random.default_rng(4)
    shocks = sparse(300, [60, 100, 140, 180, 220], [1, 2, 1, 2, 1])
    returns = echo(shocks, {3: 0.05}) + rng.normal(0, 0.001, 300)
    found = responses(returns, shocks, range(7))[:, 0]
    np.testing.assert_allclose(found[:3], 0, atol=0.003)
    np.testing.assert_allclose(found[3:], 0.05, atol=0.004)


def test_projection_finds_a_reversal_and_tells_the_signs_apart():
    rng = np.random.default_rng(5)
    shocks = sparse(300, [60, 100, 140, 180, 220], [1, -1, 1, -1, -2])
    up = echo(np.maximum(shocks, 0), {0: 0.04, 2: -0.04})
    down = echo(np.maximum(-shocks, 0), {1: -0.02})
    found = responses(up + down + rng.normal(0, 0.001, 300), shocks, range(5))
    np.testing.assert_allclose(found[:, 0], [0.04, 0.04, 0, 0, 0], atol=0.004)
    np.testing.assert_allclose(found[:, 1], [0, -0.02, -0.02, -0.02, -0.02], atol=0.004)


def test_announcements_that_follow_are_held_fixed():
    shocks = sparse(120, [40, 41, 43, 70, 72], [1, 3, 2, 2, -1])
    returns = echo(shocks, {0: 0.03})
    found = responses(returns, shocks, range(6))
    np.testing.assert_allclose(found[:, 0], 0.03, atol=1e-10)
    np.testing.assert_allclose(found[:, 1], -0.03, atol=1e-10)


def test_band_and_p_value_count_the_shifts_that_lose_no_surprise():
    rng = np.random.default_rng(6)
    length, horizon = 36, 2
    shocks = sparse(length, [10, 14, 15], [1, 2, -1])
    inherited = inherited_level(shocks)
    factor = rng.normal(size=(length, 1))
    returns = rng.normal(size=length)
    fit = project(returns, shocks, inherited, factor, horizon)
    rows = length - horizon
    cumulated = np.array([returns[t : t + 3].sum() for t in range(rows)])
    control = np.array([factor[t : t + 3].sum() for t in range(rows)])
    found = []
    for shift in range(length):
        moved = np.roll(shocks, shift)
        if moved[rows:].any():
            continue
        up, down = np.maximum(moved, 0), np.maximum(-moved, 0)
        leads = [np.roll(part, -j)[:rows] for j in range(horizon + 1) for part in (up, down)]
        x = np.column_stack([*leads, np.roll(inherited, shift)[:rows], control])
        # A lead that falls out of the rows leaves a column of zeros.
        found.append(
            np.linalg.lstsq(np.column_stack([x, np.ones(rows)]), cumulated, rcond=None)[0][:2]
        )
    assert fit.n_shifts == len(found) < MOST_SHIFTS
    np.testing.assert_allclose(fit.responses, found[0])
    np.testing.assert_allclose(fit.lower, np.quantile(found, 0.025, axis=0))
    reached = np.abs(found) >= np.abs(found[0]) - 1e-9
    np.testing.assert_allclose(fit.p_values, reached.mean(axis=0))


def test_projection_has_its_size():
    rng = np.random.default_rng(7)
    shocks = sparse(120, [50, 53, 58, 61], [2, 1, -1, 3])
    inherited = inherited_level(shocks)
    p_values = [
        project(rng.normal(size=120), shocks, inherited, np.empty((120, 0)), 3).p_values[0]
        for _ in range(250)
    ]
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.04)


def test_a_surprise_that_does_not_occur_has_no_response():
    shocks = sparse(60, [20, 30], [1, 2])
    fit = project(np.ones(60), shocks, np.zeros(60), np.empty((60, 0)), 1)
    assert np.isfinite(fit.responses[0])
    assert np.isnan(fit.responses[1])
    assert np.isnan(fit.p_values[1])


# --- inside the day -------------------------------------------------------------------------

MOMENT = pd.Timestamp("2021-03-20T12:40Z")


def hourly(rng: np.random.Generator, days: int = 40) -> pd.DataFrame:
    """Prices whose deviation is 1 % in the first half of a day and 0.2 % in the second."""
    hours = pd.date_range("2021-03-01T00:00Z", periods=24 * days, freq="h")
    deviation = np.where(hours.hour < 12, 0.01, 0.002)
    return pd.DataFrame({"time": hours, "close": 100 * np.exp(np.cumsum(rng.normal(0, deviation)))})


def jump(prices: pd.DataFrame, at: str, size: float) -> pd.DataFrame:
    later = prices["time"] >= pd.Timestamp(at)
    return prices.assign(close=prices["close"] * np.where(later, np.exp(size), 1.0))


def test_first_hour_outside_is_the_hour_of_the_jump():
    prices = hourly(np.random.default_rng(9))
    path, _, p_value, _ = hourly_response(jump(prices, "2021-03-20T15:00Z", 0.2), MOMENT, [])
    assert path.loc[path["outside"], "tau"].iloc[0] == 3
    assert (path["tau"].iloc[0], path["tau"].iloc[-1]) == (-6, 48)
    # The smallest rank there can be among the windows of some thirty days.
    assert p_value < 0.04


def test_leakage_shows_before_the_hour():
    prices = hourly(np.random.default_rng(10))
    path, _, _, _ = hourly_response(jump(prices, "2021-03-20T10:00Z", 0.3), MOMENT, [])
    assert path.loc[path["outside"], "tau"].iloc[0] == -2


def test_path_and_band_by_hand():
    prices = hourly(np.random.default_rng(11))
    other = pd.Timestamp("2021-03-05T00:00Z")
    disturbed = prices.copy()
    inside = prices["time"].between(other - pd.Timedelta(hours=6), other + pd.Timedelta(hours=48))
    disturbed.loc[inside, "close"] *= np.tile([1.0, 3.0], 28)[: inside.sum()]
    path, _, _, _ = hourly_response(disturbed, MOMENT, [other, MOMENT], (-2, 5))
    closes = disturbed.set_index("time")["close"]
    returns = np.log(closes).diff()
    ordinary = pd.Series(True, index=returns.index)
    for moment in (other, MOMENT.floor("h")):
        ordinary[moment - pd.Timedelta(hours=2) : moment + pd.Timedelta(hours=5)] = False
    calm = returns[ordinary].dropna()
    hours = pd.date_range("2021-03-20T10:00Z", periods=8, freq="h")
    np.testing.assert_allclose(path["car"], (returns[hours] - calm.mean()).cumsum())
    variance = [calm[calm.index.hour == hour.hour].var(ddof=1) for hour in hours]
    np.testing.assert_allclose(path["upper"], 1.959964 * np.sqrt(np.cumsum(variance)), rtol=1e-6)
    assert list(path["time"]) == list(hours)


def test_hours_of_other_announcements_are_not_ordinary():
    prices = hourly(np.random.default_rng(12))
    other = pd.Timestamp("2021-03-06T00:00Z")
    wild = jump(prices, "2021-03-06T05:00Z", 2.0)
    calm, _, _, _ = hourly_response(prices, MOMENT, [other])
    found, _, _, _ = hourly_response(wild, MOMENT, [other])
    pd.testing.assert_frame_equal(found, calm)
    missed, _, _, _ = hourly_response(wild, MOMENT, [])
    assert missed["upper"].iloc[-1] > 2 * calm["upper"].iloc[-1]


def test_hourly_rank_has_its_size():
    rng = np.random.default_rng(13)
    found = [hourly_response(hourly(rng), MOMENT, [], (-2, 6))[2] for _ in range(100)]
    assert np.mean(np.array(found) <= 0.10) == pytest.approx(0.10, abs=0.08)
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_hours_without_a_return_are_named():
    prices = hourly(np.random.default_rng(14))
    gap = prices[prices["time"] != pd.Timestamp("2021-03-20T18:00Z")]
    with pytest.raises(ValueError, match="2021-03-20 18:00 UTC"):
        hourly_response(gap, MOMENT, [])
    with pytest.raises(ValueError, match="fewer than 5"):
        hourly_response(prices.iloc[24 * 17 : 24 * 23], MOMENT, [])
    with pytest.raises(ValueError, match="2021-03-20 06:00 UTC"):
        hourly_response(prices.iloc[:48], MOMENT, [])
    # All ordinary hours are too scattered for one more window.
    every_day = list(pd.date_range("2021-03-01T20:00Z", periods=17, freq="54h"))
    _, outside, p_value, count = hourly_response(prices.iloc[:930], MOMENT, every_day, (0, 30))
    assert np.isnan(outside)
    assert np.isnan(p_value)
    assert count == 0


def test_bitcoin_after_the_politburo_session(study):
    found, left_out = hourly_responses(study)
    assert left_out.empty
    [response] = found
    assert (response.event_id, response.ticker) == ("xi-politburo", "BTC-USD")
    # Close of 09:00 to close of 10:00 UTC, from the snapshot: 7465.20 to 7599.35.
    hour = response.path.set_index("tau").loc[0]
    assert hour["time"] == pd.Timestamp("2019-10-25T10:00Z")
    assert hour["abnormal"] == pytest.approx(np.log(7599.35 / 7465.20), abs=5e-4)
    # The price jumped in the hour of the expiry, 15:00 UTC.
    assert response.first_outside == 5
    assert response.session[0] == pd.Timestamp("2019-10-25T00:00Z")


def test_announcements_outside_the_hourly_prices_are_left_out(study):
    early = {ticker: prices.iloc[:200] for ticker, prices in study.hourly.items()}
    found, left_out = hourly_responses(replace(study, hourly=early))
    assert not found
    assert left_out["event_id"].tolist() == ["xi-politburo"]
    assert "no return" in left_out["reason"].item()


def test_a_study_without_hourly_prices_says_so_and_goes_on(study):
    bare = replace(study, hourly={})
    with pytest.raises(figures.NothingToDrawError, match="The study has no hourly prices"):
        SPECS["hourly_response"].draw(bare)
    assert hourly_responses(bare)[0] == []
    # Hourly prices, but no announcement of known hour.
    day_only = replace(study, events=study.events.assign(time_precision="day"))
    with pytest.raises(figures.NothingToDrawError, match="No announcement of known hour"):
        SPECS["hourly_response"].draw(day_only)


# --- volatility -----------------------------------------------------------------------------


def garch(rng: np.random.Generator, length: int, scale: float = 0.01) -> np.ndarray:
    returns, variance = np.zeros(length), scale**2
    for t in range(length):
        returns[t] = np.sqrt(variance) * rng.normal()
        variance = 0.05 * scale**2 + 0.15 * returns[t] ** 2 + 0.8 * variance
    return returns


def test_garch_is_that_of_arch_and_is_not_refitted_after():
    returns = garch(np.random.default_rng(15), 700)
    model = fit_volatility(returns, 600, "garch")
    reference = arch_model(100 * returns[:600], mean="Zero", rescale=False).fit(disp="off")
    np.testing.assert_allclose(
        model.variance[:600], (reference.conditional_volatility / 100) ** 2, rtol=1e-4
    )
    ahead = reference.forecast(horizon=3).variance.iloc[-1].to_numpy() / 1e4
    np.testing.assert_allclose(model.ahead(3)[600], ahead, rtol=1e-4)
    shocked = returns.copy()
    shocked[650] = 0.5
    again = fit_volatility(shocked, 600, "garch")
    assert (again.omega, again.alpha, again.beta) == (model.omega, model.alpha, model.beta)
    np.testing.assert_array_equal(again.variance[:651], model.variance[:651])
    assert again.variance[651] > 100 * model.variance[651]


@pytest.mark.parametrize("name", ["ewma", "garch"])
def test_returns_of_any_size_are_fitted_without_a_remark_and_flat_ones_refused(name):
    # Warnings are errors here: the library warns of returns far from percents. A power of two
    # changes no digit of the returns.
    returns = np.random.default_rng(1).normal(0, 0.02, 200)
    expected = fit_volatility(returns, 100, name).variance
    for size in (2.0**-30, 2.0**30):
        found = fit_volatility(size * returns, 100, name).variance
        np.testing.assert_allclose(found / size**2, expected, rtol=1e-3)
    flat = np.r_[np.zeros(100), returns[:100]]
    with pytest.raises(ValueError, match="of the estimation window do not vary"):
        fit_volatility(flat, 100, name)


def test_ewma_by_hand():
    returns = garch(np.random.default_rng(16), 200)
    model = fit_volatility(returns, 150, "ewma")
    expected = [model.variance[0]]
    for value in returns[:-1]:
        expected.append(0.94 * expected[-1] + 0.06 * value**2)
    np.testing.assert_allclose(model.variance, expected)
    np.testing.assert_allclose(model.ahead(4)[100], np.full(4, model.variance[100]))


def test_standardized_return_and_variance_ratio_by_hand():
    returns = np.array([0.0, 0.02, -0.01, 0.03])
    model = estimators.VolatilityModel("garch", 1e-5, 0.1, 0.8, np.full(4, 1e-4))
    found = abnormal_volatility(returns, model, np.array([1, 3]), 2)
    predicted = 1e-4 + (1e-5 + 0.9 * 1e-4)
    assert found["standardized"][0] == pytest.approx(0.01 / np.sqrt(predicted))
    assert found["ratio"][0] == pytest.approx(5e-4 / predicted)
    assert found.loc[1].isna().all()


def one_asset(returns: np.ndarray, events: list[int], study):
    """Let a study hold one coin with these returns and policy events on these days."""
    days = pd.date_range("2020-01-01", periods=len(returns), name="session").as_unit("ns")
    frame = pd.DataFrame({"ticker": "X", "session": days, "return": returns, "n_sessions": 1,
                          "at_limit": ""})  # fmt: skip
    names = [f"e{i}" for i in range(len(events))]
    announced = [f"{days[i]:%Y-%m-%d}" for i in events]
    alignment = pd.DataFrame(
        {
            "event_id": names,
            "ticker": "X",
            "calendar": "24/7",
            "announced_at": announced,
            "event_session": days[events],
            "shares_session_with": "",
            "in_sample": True,
            "role": "policy",
        }
    )
    catalogue = pd.DataFrame(
        {
            "event_id": names,
            "announced_at": announced,
            "name": names,
            "in_sample": True,
            "role": "policy",
            "stance_blockchain": 1,
            "stance_crypto": 0,
            "salience": 1,
            "time_precision": "day",
        }
    )
    return replace(
        study,
        returns=frame,
        alignment=alignment,
        events=catalogue,
        groups=pd.Series({"X": "coin"}),
        benchmarks={"X": ()},
        start=days[0],
        end=days[-1],
        hourly={},
    )


def test_a_calm_regime_does_not_invent_an_effect_nor_a_turbulent_one_hide_it(study):
    rng = np.random.default_rng(17)
    # Volatility doubles for good a month before the second event; the first comes in the calm.
    deviation = np.where(np.arange(500) < 400, 0.01, 0.03)
    returns = rng.normal(0, 1, 500) * deviation
    returns[[300, 301, 450, 451]] = 0.035
    coin = one_asset(returns, [300, 450], study)
    table = volatility_around_events(coin).set_index("event_id")
    assert table["ewma_standardized"]["e0"] > 2 * table["ewma_standardized"]["e1"]
    assert table["ewma_p"]["e0"] < 0.02
    assert table["ewma_p"]["e1"] > 0.05
    assert table["abnormal"]["e0"] == pytest.approx(table["abnormal"]["e1"])
    predicted = estimators.volatility_paths(coin).groupby("estimation")["ewma"].mean()
    assert predicted[False] > 1.2 * predicted[True]


def test_sessions_of_earlier_events_estimate_no_normal_return(study):
    """A mean that a masked event would move: residuals are those of the other sessions' mean."""
    rng = np.random.default_rng(27)
    returns = rng.normal(0, 0.01, 300)
    returns[[100, 101]] = 0.5
    coin = one_asset(returns, [100, 250], study)
    earlier = coin.alignment.assign(in_sample=coin.alignment["event_id"] != "e0")
    for mask, used in ((True, np.r_[0:100, 102:240]), (False, np.r_[0:240])):
        masked = replace(study.estimation, mask=mask)
        path = estimators.volatility_paths(replace(coin, alignment=earlier, estimation=masked))
        np.testing.assert_allclose(path["abnormal"], returns - returns[used].mean())


def test_a_burst_of_variance_is_found_and_shared_windows_are_counted(study):
    rng = np.random.default_rng(18)
    returns = rng.normal(0, 0.01, 400)
    returns[300:306] = [0.06, -0.06, 0.05, -0.05, 0.06, -0.06]
    table = volatility_around_events(one_asset(returns, [300, 303, 350], study))
    found = table.set_index("event_id")
    assert found["garch_ratio_p"]["e0"] < 0.01
    assert found["garch_ratio_p"]["e2"] > 0.05
    assert found["n_within"].to_dict() == {"e0": 1, "e1": 0, "e2": 0}


def test_volatility_ranks_have_their_size(study):
    rng = np.random.default_rng(19)
    p_values = []
    for _ in range(8):
        table = volatility_around_events(
            one_asset(garch(rng, 420), list(range(240, 410, 12)), study)
        )
        p_values += table["ewma_p"].tolist() + table["ewma_ratio_p"].tolist()
    assert np.mean(np.array(p_values) <= 0.10) == pytest.approx(0.10, abs=0.06)


def test_too_short_a_past_has_no_volatility(study):
    short = one_asset(np.random.default_rng(20).normal(size=80), [50], study)
    assert volatility_around_events(short).empty
    assert estimators.volatility_paths(short).empty
    with pytest.raises(figures.NothingToDrawError, match="60 sessions"):
        SPECS["volatility"].draw(short)


# --- before, at and after -------------------------------------------------------------------

EVENT = 200
LENGTH = 240


def planted(
    seed: int,
    effects: dict[int, float],
    assets: int = 6,
    only: str | None = None,
    *,
    in_pairs: bool = False,
) -> EventStudy:
    """An event study of assets whose returns carry effects at sessions around the event.

    They are one group, or every two of them are one: many draws of two assets in one study.
    """
    rng = np.random.default_rng(seed)
    market = rng.normal(0, 0.01, LENGTH)
    returns = {}
    for i in range(assets):
        series = 0.9 * market + rng.normal(0, 0.01, LENGTH)
        for tau, effect in effects.items():
            series[EVENT + tau] += effect if only in (None, f"A{i}") else 0.0
        returns[f"A{i}"] = series
    positions = {"e": dict.fromkeys(returns, EVENT)}
    return EventStudy(
        returns_frame(returns, {"M": market}),
        alignment_frame(positions, LENGTH),
        groups={name: f"g{i // 2}" if in_pairs else "g" for i, name in enumerate(returns)},
        estimation=EstimationWindow(window=(-150, -21)),
        event_window=(-10, 20),
    )


def spread_over(first: int, last: int, total: float) -> dict[int, float]:
    return dict.fromkeys(range(first, last + 1), total / (last - first + 1))


@pytest.mark.parametrize(
    ("effects", "phase"),
    [
        (spread_over(-10, -2, 0.15), "before"),
        (spread_over(0, 1, 0.08), "at"),
        (spread_over(2, 10, -0.15), "after"),
    ],
    ids=["leakage", "reaction", "late"],
)
def test_each_phase_finds_what_was_planted_in_it(effects, phase):
    es = planted(21, effects)
    results = es.fit()
    table = phase_table(results, "e").set_index("phase")
    assert table.loc[phase, "caar"] == pytest.approx(sum(effects.values()), abs=0.04)
    for test in ("time_series_t", "adjusted_bmp"):
        assert table[test].idxmin() == phase
        assert table[test][phase] < 0.02
    for name, window in estimators.PHASES.items():
        rank = placebo_p_values(results, es.ordinary_caars(window), window)
        p_value = rank["p_placebo"].item()
        assert (p_value < 0.02) if name == phase else (p_value > 0.05)


def test_reversal_and_half_life_of_a_jump_that_comes_back():
    es = planted(22, spread_over(0, 1, 0.2) | spread_over(2, 10, -0.2))
    results = es.fit()
    [found] = reversal(results, es.placebo((0, 0)), "e")
    assert found.ratio == pytest.approx(-1, abs=0.2)
    assert found.lower < -1 < found.upper < 0
    # 0.2 less 0.0222 a session is below 0.1 after five of them: sessions 2 to 6.
    assert found.half_life == pytest.approx(6, abs=1)


def test_half_life_has_an_interval_that_allows_for_never():
    quick = planted(22, spread_over(0, 1, 0.3) | spread_over(2, 4, -0.3))
    [found] = reversal(quick.fit(), quick.placebo((0, 0)), "e")
    assert found.earliest <= found.half_life <= found.latest
    assert found.earliest >= 2
    assert found.latest <= 5
    lasting = planted(22, spread_over(0, 1, 0.3))
    [found] = reversal(lasting.fit(), lasting.placebo((0, 0)), "e")
    assert found.half_life is None
    assert found.latest is None


def test_interval_of_the_half_life_covers_the_truth():
    """0.2 less 0.025 a session: at most half is left from session 5 on, three after the jump."""
    es = planted(500, spread_over(0, 1, 0.2) | spread_over(2, 9, -0.2), assets=80, in_pairs=True)
    every = reversal(es.fit(), es.placebo((0, 0)), "e", draws=200)
    assert len(every) == 40
    covered = sum(found.earliest <= 5 <= (found.latest or np.inf) for found in every)
    assert covered >= 34


def test_weekly_draws_are_whole_weeks_one_after_the_other():
    """By a loop over the same picks; weeks of five, one and four sessions."""
    days = pd.DatetimeIndex(
        [*pd.bdate_range("2019-01-07", periods=5), pd.Timestamp("2019-01-16"),
         *pd.bdate_range("2019-01-21", periods=4)]
    )  # fmt: skip
    noise = pd.Series(np.arange(10.0), days)
    drawn = _weekly_draws(noise, 7, 50, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    weeks = [part - 4.5 for part in (np.arange(5.0), np.array([5.0]), np.arange(6.0, 10.0))]
    picks = rng.integers(3, size=(50, 7))
    again = rng.integers(3, size=(50, 3))
    for path, chosen, other in zip(drawn, picks, again, strict=True):
        expected = np.concatenate([weeks[i] for i in chosen])[:7]
        mean = np.concatenate([weeks[i] for i in other]).mean()
        np.testing.assert_allclose(path, expected - mean, atol=1e-12)


def test_a_delayed_reaction_has_a_positive_ratio_and_no_half_life():
    es = planted(23, spread_over(0, 1, 0.1) | spread_over(2, 10, 0.1))
    [found] = reversal(es.fit(), es.placebo((0, 0)), "e")
    assert found.ratio == pytest.approx(1, abs=0.4)
    assert found.lower > 0
    assert found.half_life is None


def test_a_jump_that_may_be_zero_has_no_interval():
    es = planted(24, {})
    results = es.fit()
    [found] = reversal(results, es.placebo((0, 0)), "e")
    assert np.isnan(found.lower)
    assert np.isnan(found.upper)
    path = results.caar_path("e", "g", start=0)["caar"]
    assert found.ratio == pytest.approx((path[10] - path[1]) / path[1])


def test_interval_of_the_ratio_covers_the_truth():
    es = planted(100, spread_over(0, 1, 0.1) | spread_over(2, 10, -0.05), assets=80, in_pairs=True)
    every = reversal(es.fit(), es.placebo((0, 0)), "e", draws=200)
    assert len(every) == 40
    covered = sum(found.lower <= -0.5 <= found.upper for found in every)
    # 95 % of 40 is 38; 33 and fewer have a probability below 1 %.
    assert covered >= 34


def test_half_life_by_hand(results):
    path = results.caar_path("xi-politburo", "a_shares_tier1", start=0).set_index("tau")["caar"]
    expected = next(tau for tau in range(2, 21) if path[tau] <= path[1] / 2)
    assert half_life_of_jump(results, "xi-politburo", "a_shares_tier1") == expected == 3
    assert half_life_of_jump(results, "xi-politburo", "bitcoin") is None


def test_early_mover_is_found_and_ranked_among_its_own_weeks():
    es = planted(25, spread_over(-5, -1, 0.2), only="A3")
    window = (-5, -1)
    table = early_movers(es.fit(), es.ordinary_cars(window), "e", window)
    assert table["ticker"].iloc[0] == "A3"
    first = table.iloc[0]
    assert first["p_placebo"] < 0.02
    own = es.placebo(window).car(window).query("ticker == 'A3'")["t_stat"].abs()
    assert first["p_placebo"] == pytest.approx(
        (1 + (own >= abs(first["t_stat"])).sum()) / (1 + len(own))
    )
    assert (table["p_placebo"].iloc[1:] > 0.02).all()


def test_ranks_of_early_movers_have_their_size():
    es = planted(300, {}, assets=96)
    table = early_movers(es.fit(), es.ordinary_cars((-5, -1)), "e", (-5, -1))
    assert len(table) == 96
    assert np.mean(table["p_placebo"] <= 0.10) == pytest.approx(0.10, abs=0.07)


def test_forms_syntron_was_at_its_limit_before_the_news(study, results):
    table = early_movers(results, study.ordinary_cars(EARLY), "xi-politburo", EARLY)
    table = table.set_index("ticker")
    assert table["at_upper"]["300468.SZ"] == "2019-10-23;2019-10-24"
    assert table.index[0] == "300468.SZ"
    # 60 assets, at most some three hundred ordinary weeks: 60 / 300 is above 5 %.
    assert not within_reach(table["smallest_p"].min(), len(table), 0.05)


# --- figures and tables -------------------------------------------------------------------


def test_projection_figure_draws_its_frame(study):
    figure, frame = SPECS["local_projections"].draw(study)
    assert len(frame) == 5 * 2 * 11
    first = frame.query("group == 'bitcoin' and surprise == 'supportive'")
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), first["response"])


def test_hourly_figure_marks_the_expiry_and_the_session(study):
    figure, frame = SPECS["hourly_response"].draw(study)
    assert len(frame) == 55
    [ax] = figure.axes
    assert any("futures" in text.get_text() for text in ax.texts)
    rules = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
    assert rules == [5.0]  # 15:00 UTC, five hours after 10:00


def test_many_announcements_of_known_hour_are_cut_and_said(study):
    events = study.events.copy()
    chosen = events["event_id"].isin(
        ["plenum-communique", "plenum-decision", "cctv-focus-scams", "shanghai-exchange-notice",
         "pboc-shanghai-statement"]
    )  # fmt: skip
    events.loc[chosen, "time_precision"] = "exact"
    figure, frame = SPECS["hourly_response"].draw(replace(study, events=events))
    assert frame["event_id"].nunique() == 4
    assert "4 of 6 events shown, those of the highest salience" in figure.get_suptitle()


def test_phases_and_movers_are_drawn_as_computed(study, results):
    _, frame = SPECS["phases"].draw(study)
    by_hand = results.caar((2, 10)).query("event_id == 'xi-politburo'").set_index("group")["caar"]
    found = frame[frame["phase"] == "after"].set_index("group")["caar"]
    pd.testing.assert_series_equal(found.sort_index(), by_hand.sort_index())
    assert len(frame) == 15
    # The A-shares end the reaction with 11 of 38 names at a limit.
    at = frame[frame["phase"] == "at"].set_index("group")["share_at_limit"]
    assert at["a_shares_tier1"] == pytest.approx(11 / 38)
    figure, frame = SPECS["early_movers"].draw(study)
    assert len(frame) == 60
    assert figure.axes[0].get_yticklabels()[0].get_text().endswith("300468.SZ")


def test_short_event_windows_are_said_not_computed(study):
    short = replace(study, event_window=(0, 3), car_windows=((0, 1),))
    results = short.estimate()
    assert phase_table(results, "xi-politburo").empty
    for name in ("phases", "early_movers"):
        with pytest.raises(figures.NothingToDrawError, match="event window"):
            SPECS[name].draw(short)
    assert estimators.reversals(short).empty


def test_a_study_without_stances_says_so(study):
    neutral = study.events.assign(stance_blockchain=0, stance_crypto=0)
    silent = replace(study, events=neutral)
    assert sentiment_regression(silent).empty
    assert local_projections(silent).empty
    with pytest.raises(figures.NothingToDrawError, match="takes a stance"):
        SPECS["local_projections"].draw(silent)


def test_the_template_study_goes_through(template):
    example = replace(template)
    assert len(sentiment_regression(example))
    assert len(phase_table(example.results, example.headline_event))
    assert len(estimators.reversals(example))
    assert len(volatility_around_events(example))
