"""Differences between portfolios are those of a regression, and what one name changes is exact."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from chainpolicy import checks
from made_study import event, made_study


@pytest.mark.parametrize("window", [(0, 1), (0, 5)])
def test_difference_of_portfolios_is_a_regression_on_dummies(study, close, window):
    first, second = ["XNET"], ["RIOT", "MARA", "BLOK"]
    table = checks.portfolio_difference(study, first, second, [window])
    returns = np.log(close[[*first, *second, "SPY"]].dropna()).diff()
    sessions = returns.index
    masked = set()
    # First sessions in New York that could react, read off the calendar by hand.
    for day in ["2019-04-01", "2019-04-08", "2019-06-27", "2019-07-18", "2019-08-12", "2019-08-22"]:
        at = sessions.get_loc(pd.Timestamp(day))
        masked |= set(sessions[at : at + 2])
    estimation = sessions[sessions <= "2019-09-16"][-120:]
    estimation = [day for day in estimation if day not in masked]
    at = sessions.get_loc(pd.Timestamp("2019-10-25"))
    event = list(sessions[at : at + window[1] + 1])
    used = returns.loc[estimation + event]
    y = used[first].mean(axis=1) - used[second].mean(axis=1)
    dummies = [(used.index == day).astype(float) for day in event]
    x = np.column_stack([np.ones(len(used)), used["SPY"], *dummies])
    test = sm.OLS(y.to_numpy(), x).fit().t_test([0, 0, *[1] * len(event)])
    row = table.iloc[0]
    assert row["window"] == f"[0, {window[1]}]"
    assert row["mean"] == pytest.approx(test.effect[0], abs=1e-12)
    assert row["t_stat"] == pytest.approx(float(test.tvalue.item()), rel=1e-9)
    assert row["p_value"] == pytest.approx(float(test.pvalue), rel=1e-9)
    assert row["degrees"] == len(estimation) - 2
    assert (row["lower"], row["upper"]) == pytest.approx(tuple(test.conf_int()[0]), rel=1e-9)


def test_portfolios_swapped_differ_by_the_opposite(study):
    sides = ["NEO-USD", "TRX-USD"], ["ETH-USD", "LTC-USD"]
    windows = [(0, 0), (0, 1), (0, 5)]
    table = checks.portfolio_difference(study, *sides, windows)
    swapped = checks.portfolio_difference(study, *sides[::-1], windows)
    np.testing.assert_allclose(swapped["mean"], -table["mean"])
    np.testing.assert_allclose(swapped["p_value"], table["p_value"])
    np.testing.assert_allclose(table["mean"], table["first"] - table["second"])
    assert table["window"].tolist() == ["[0, 0]", "[0, 1]", "[0, 5]"]


def test_another_model_replaces_the_studys_own(study):
    sides = ["XNET"], ["RIOT", "MARA"]
    own = checks.portfolio_difference(study, *sides, [(0, 1)])
    mean = checks.portfolio_difference(study, *sides, [(0, 1)], model="constant_mean")
    assert (own["model"].item(), mean["model"].item()) == ("market", "constant_mean")
    # One factor less to estimate, one degree of freedom more.
    assert mean["degrees"].item() == own["degrees"].item() + 1
    nothing = checks.portfolio_difference(study, *sides, [(0, 1)], model="market_adjusted")
    assert nothing["degrees"].item() == own["degrees"].item() + 2


def test_adjusted_bmp_without_one_name_is_that_of_the_others(study):
    others = study.with_prices(study.prices, study.assets[study.assets["ticker"] != "XNET"])
    test = others.results.tests((0, 1)).get("xi-politburo", "us_listed", "adjusted_bmp")
    car = study.results.car((0, 1)).query("event_id == 'xi-politburo'").set_index("ticker")
    scar = car["t_stat"][study.groups.index[study.groups == "us_listed"]].drop("XNET")
    residuals = study.results.residuals.query("event_id == 'xi-politburo'")
    wide = residuals.pivot_table(index="session", columns="ticker", values="residual")[scar.index]
    r = (wide.corr().to_numpy().sum() - 8) / (8 * 7)
    t = stats.ttest_1samp(scar, 0).statistic * np.sqrt((1 - r) / (1 + 7 * r))
    assert test.p_value == pytest.approx(2 * stats.t.sf(abs(t), 7), rel=1e-9)


def test_an_asset_without_a_car_is_in_neither_mean_nor_error():
    events = [event("only", 350)]
    groups = {"A": "g", "B": "g", "C": "h", "D": "h"}
    study = made_study(events, groups, missing=[("B", 351)])
    assert study.results.car((0, 1)).dropna()["ticker"].tolist() == ["A", "C", "D"]
    found = checks.portfolio_difference(study, "AB", "CD", [(0, 0), (0, 1)])
    without = checks.portfolio_difference(study, "A", "CD", [(0, 1)])
    pd.testing.assert_series_equal(found.loc[1], without.loc[0], check_names=False)
    # Over [0, 0] all four have one.
    car = study.results.car((0, 0)).set_index("ticker")["car"]
    expected = car[["A", "B"]].mean() - car[["C", "D"]].mean()
    assert found.loc[0, "mean"] == pytest.approx(expected, rel=1e-12)


def test_a_portfolio_without_any_car_has_no_difference():
    study = made_study([event("only", 350)], {"A": "g", "B": "h"}, missing=[("B", 351)])
    row = checks.portfolio_difference(study, "A", "B", [(0, 1)]).iloc[0]
    assert row[["mean", "lower", "upper", "t_stat", "p_value"]].isna().all()


def test_a_ticker_that_is_no_estimated_asset_is_refused(study):
    with pytest.raises(ValueError, match=r"there is no estimated asset 000300\.SS, XNTE"):
        checks.portfolio_difference(study, ["XNTE"], ["000300.SS"], [(0, 1)])


def test_of_a_portfolio_against_itself_nothing_is_known(study):
    row = checks.portfolio_difference(study, ["XNET"], ["XNET"], [(0, 1)]).iloc[0]
    assert row["mean"] == 0
    assert row[["t_stat", "p_value"]].isna().all()
