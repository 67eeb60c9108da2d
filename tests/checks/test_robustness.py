"""Placebo ranks, rejection rates, detectable effects and corrections against hand calculations."""

from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import tt_solve_power

from chainpolicy.checks import (
    adjust_for_multiple_testing,
    leave_one_out,
    minimum_detectable_effect,
    placebo_p_values,
    rejection_rates,
)
from chainpolicy.eventstudy import EstimationWindow, EventStudy

SESSIONS = pd.bdate_range("2019-01-01", periods=260)
EVENT = 240


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(7)
    market = rng.normal(0, 0.01, len(SESSIONS))
    returns = [
        pd.DataFrame(
            {
                "ticker": f"A{i}",
                "session": SESSIONS,
                "return": 0.8 * market + rng.normal(0, 0.02, len(SESSIONS)),
                "market": market,
            }
        )
        for i in range(6)
    ]
    frame = pd.concat(returns, ignore_index=True)
    frame.loc[frame["session"] == SESSIONS[EVENT], "return"] += 0.2
    alignment = pd.DataFrame({"event_id": "news", "ticker": [f"A{i}" for i in range(6)]}).assign(
        event_session=SESSIONS[EVENT]
    )
    return EventStudy(
        frame,
        alignment,
        estimation=EstimationWindow(end=SESSIONS[200]),
        event_window=(-1, 5),
    )


def test_ordinary_sessions_are_disjoint_from_the_sessions_after_an_event(study):
    sessions = set(study.placebo((0, 1)).pairs["event_session"])
    # [t, t + 1] must not touch 240..245, and must lie inside the data.
    outside = {SESSIONS[t] for t in range(259) if not 239 <= t <= 245}
    assert sessions == outside


def test_a_placebo_inside_the_estimation_window_is_left_out_of_it(study):
    results = study.placebo((0, 1))
    models = results.models.merge(results.pairs[["event_id", "ticker", "event_session"]])
    inside = models["event_session"].isin(SESSIONS[82:200])
    assert set(models.loc[inside, "n_estimation"]) == {118}
    assert set(models.loc[models["event_session"] > SESSIONS[200], "n_estimation"]) == {120}


def test_placebo_abnormal_return_is_the_leave_out_forecast(study):
    results = study.placebo((0, 0))
    day, ticker = SESSIONS[150], "A3"
    frame = study_frame(study, ticker)
    window = frame.iloc[81:201].drop(index=frame.index[150])
    fit = stats.linregress(window["market"], window["return"])
    row = frame.iloc[150]
    expected = row["return"] - fit.intercept - fit.slope * row["market"]
    found = results.abnormal_returns.set_index(["event_id", "ticker"])["abnormal"]
    assert found[str(day.date()), ticker] == pytest.approx(expected, rel=1e-10)


def study_frame(study, ticker):
    panel = study._panel
    i = panel.tickers.index(ticker)
    rows = slice(panel.first[i], panel.first[i] + panel.length[i])
    return pd.DataFrame({"return": panel.returns[rows], "market": panel.factors[rows, 0]})


def test_placebo_p_value_counts_sessions_at_least_as_extreme(study):
    results, placebo = study.fit(), study.placebo((0, 1))
    table = placebo_p_values(results, study.ordinary_caars()).iloc[0]
    ordinary = placebo.caar((0, 1))
    beyond = (ordinary["caar"] / ordinary["std_error"]).abs() >= abs(table["studentized_caar"])
    assert table["n_placebo"] == len(ordinary) == 252
    assert table["p_placebo"] == (1 + beyond.sum()) / 253
    # A planted jump of ten residual deviations of the portfolio is beyond every ordinary session.
    assert table["p_placebo"] == table["smallest_p"] == 1 / 253


def test_rejection_rates_are_shares_of_p_values_below_the_level(study):
    placebo = study.placebo((0, 1))
    rates = rejection_rates(study.ordinary_p_values((0, 1))).set_index("test")
    tests = placebo.tests((0, 1)).tidy()
    for name in ("time_series_t", "adjusted_bmp"):
        p_values = tests.loc[tests["test"] == name, "p_value"].dropna()
        assert rates.loc[name, "rejection_rate"] == (p_values < 0.05).mean()
        assert rates.loc[name, "n_sessions"] == len(p_values)
        # Independent Gaussian assets: the nominal size, within Monte Carlo error.
        assert rates.loc[name, "rejection_rate"] < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 252)


def test_detectable_effect_is_found_with_the_stated_power(study):
    results = study.fit()
    row = minimum_detectable_effect(results).iloc[0]
    caar = results.caar((0, 1)).iloc[0]
    # statsmodels' one-sample t with nobs - 1 degrees of freedom; effect size is in deviations.
    nobs = caar["degrees"] + 1
    effect_size = tt_solve_power(nobs=nobs, alpha=0.05, power=0.8, alternative="two-sided")
    assert row["minimum_detectable_effect"] == pytest.approx(
        effect_size * np.sqrt(nobs) * caar["std_error"], rel=1e-6
    )


@pytest.mark.parametrize(("level", "power"), [(0.01, 0.8), (0.001, 0.99), (0.1, 0.5), (0.05, 0.06)])
def test_any_level_and_power_has_its_detectable_effect(study, level, power):
    results = study.fit()
    row = minimum_detectable_effect(results, level=level, power=power).iloc[0]
    caar = results.caar((0, 1)).iloc[0]
    # T is normal over an independent root chi-square: averaged over draws of its denominator.
    degrees = caar["degrees"]
    shift = row["minimum_detectable_effect"] / caar["std_error"]
    scale = np.sqrt(np.random.default_rng(1).chisquare(degrees, 200_000) / degrees)
    bound = stats.t.isf(level / 2, degrees) * scale
    rejects = stats.norm.sf(bound - shift) + stats.norm.cdf(-bound - shift)
    error = rejects.std() / np.sqrt(len(rejects))
    assert rejects.mean() == pytest.approx(power, abs=4 * error)
    assert error < 0.001


def test_one_degree_of_freedom_has_a_detectable_effect():
    # Three returns, two coefficients. T = (Z + d) / |W|, the ratio of two independent normals.
    rng = np.random.default_rng(3)
    sessions = SESSIONS[:4]
    frame = pd.DataFrame(
        {
            "ticker": "A",
            "session": sessions,
            "return": [0.01, -0.02, 0.015, 0.03],
            "market": [0.01, -0.01, 0.005, 0.0],
        }
    )
    alignment = pd.DataFrame({"event_id": "news", "ticker": ["A"], "event_session": [sessions[3]]})
    results = EventStudy(
        frame,
        alignment,
        event_window=(0, 0),
        estimation=EstimationWindow(window=(-3, -1), minimum=3),
    ).fit()
    caar = results.caar((0, 0)).iloc[0]
    assert caar["degrees"] == 1
    effect = minimum_detectable_effect(results, (0, 0)).iloc[0]["minimum_detectable_effect"]
    # The t distribution with one degree of freedom is Cauchy's: its 97.5 % point is tan(.475 pi).
    bound = np.tan(0.475 * np.pi) * np.abs(rng.standard_normal(400_000))
    shift = effect / caar["std_error"]
    rejects = stats.norm.sf(bound - shift) + stats.norm.cdf(-bound - shift)
    assert rejects.mean() == pytest.approx(0.8, abs=0.003)


@pytest.mark.parametrize("level", [0, 1, 5, -0.05, np.nan])
def test_a_level_that_rejects_nothing_or_everything_is_refused(study, level):
    results = study.fit()
    message = rf"^level = {level} must lie strictly between 0 and 1"
    with pytest.raises(ValueError, match=message):
        minimum_detectable_effect(results, level=level)
    with pytest.raises(ValueError, match=message):
        rejection_rates(study.ordinary_p_values((0, 1)), level=level)
    with pytest.raises(ValueError, match=message):
        leave_one_out(results, "news", level=level)


@pytest.mark.parametrize("power", [0.05, 0, 1, 80, np.nan])
def test_a_power_that_no_effect_has_is_refused(study, power):
    with pytest.raises(ValueError, match=rf"^power = {power} must lie between the level, 0\.05, "):
        minimum_detectable_effect(study.fit(), power=power)


def test_corrections_by_hand():
    adjusted = adjust_for_multiple_testing(
        pd.Series([0.01, np.nan, 0.04, 0.03], index=list("abcd"))
    )
    # Holm: 3 * 0.01, then max(0.03, 2 * 0.03) = 0.06, then max(0.06, 0.04) = 0.06.
    assert adjusted["holm"].tolist()[0] == pytest.approx(0.03)
    assert adjusted.loc[["c", "d"], "holm"].tolist() == pytest.approx([0.06, 0.06])
    # Benjamini-Hochberg: 3/1 * 0.01, min(3/2 * 0.03, 0.04) = 0.04, 0.04.
    assert adjusted.loc[["a", "c", "d"], "benjamini_hochberg"].tolist() == pytest.approx(
        [0.03, 0.04, 0.04]
    )
    assert adjusted.loc["b"].isna().all()


def test_corrections_are_those_of_statsmodels(monkeypatch):
    # Which would look for the garbage of all tests before this one.
    monkeypatch.setattr(gc, "collect", lambda: 0)
    p_values = np.random.default_rng(4).uniform(0, 0.3, 60).round(2)
    adjusted = adjust_for_multiple_testing(pd.Series(p_values))
    for name, method in (("holm", "holm"), ("benjamini_hochberg", "fdr_bh")):
        np.testing.assert_allclose(adjusted[name], multipletests(p_values, method=method)[1])


def test_no_hypothesis_gives_no_p_value():
    assert adjust_for_multiple_testing(pd.Series([np.nan])).isna().all(axis=None)


def test_a_group_without_ordinary_sessions_has_the_p_value_one(study):
    results = study.fit()
    other = placebo_p_values(results, _renamed(study).ordinary_caars()).iloc[0]
    assert study.ordinary_caars()["group"].unique().tolist() == ["all"]
    assert (other["n_placebo"], other["p_placebo"]) == (0, 1.0)


def _renamed(study):
    panel = study._panel
    frame = pd.DataFrame(
        {
            "ticker": np.repeat(panel.tickers, panel.length),
            "session": panel.session,
            "return": panel.returns,
            "market": panel.factors[:, 0],
        }
    )
    alignment = pd.DataFrame({"event_id": ["news"], "ticker": ["A0"]}).assign(
        event_session=SESSIONS[EVENT]
    )
    groups = dict.fromkeys(panel.tickers, "others")
    return EventStudy(
        frame, alignment, groups=groups, estimation=study.estimation, event_window=(-1, 5)
    )
