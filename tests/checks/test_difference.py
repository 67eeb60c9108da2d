"""Differences between portfolios are those of a regression, and what one name changes is exact."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from chainpolicy import checks


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
