"""Mean responses by stance are those of a regression on day dummies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from chainpolicy import estimators
from made_study import DAYS, event, made_study

# Read off the price file's calendar by hand: 120 UTC days up to 16 September 2019, less the event
# days and the days after them of the four announcements inside.
ESTIMATION = pd.date_range("2019-05-20", "2019-09-16")
MASKED = [pd.Timestamp(2019, 6, day) for day in (27, 28)]
MASKED += [pd.Timestamp(2019, 7, day) for day in (18, 19)]
MASKED += [pd.Timestamp(2019, 8, day) for day in (10, 11, 22, 23)]
RESTRICTIVE = ["2019-10-28", "2019-11-13", "2019-11-15", "2019-11-18", "2019-11-21"]
RESTRICTIVE += ["2019-11-22", "2019-12-13", "2019-12-18", "2019-12-27"]
SUPPORTIVE = ["2019-10-18", "2019-10-25", "2019-10-26", "2019-10-31", "2019-11-04"]
SUPPORTIVE += ["2019-11-05", "2019-11-06", "2019-12-05", "2019-12-09", "2020-01-10"]


@pytest.fixture(scope="module")
def btc(close):
    return np.log(close["BTC-USD"].dropna()).diff()


def test_means_and_their_difference_are_contrasts_of_day_dummies(study, btc):
    table = estimators.mean_response_by_stance(study, "bitcoin", window=(0, 1))
    clean = btc[ESTIMATION.difference(MASKED)]
    bad = [pd.Timestamp(day) for day in RESTRICTIVE]
    good = [pd.Timestamp(day) for day in SUPPORTIVE]
    step = pd.Timedelta(days=1)
    days = sorted({day + k * step for day in bad + good for k in (0, 1)})
    y = pd.concat([clean, btc[days]])
    dummies = [(y.index == day).astype(float) for day in days]
    fit = sm.OLS(y.to_numpy(), np.column_stack([np.ones(len(y)), *dummies])).fit()

    def mean_of(chosen: list[pd.Timestamp]) -> np.ndarray:
        counts = [sum(day in (first, first + step) for first in chosen) for day in days]
        return np.array([0.0, *counts]) / len(chosen)

    # Of the supportive windows only that of 26 October overlaps that of 25 October.
    contrasts = {
        "restrictive": mean_of(bad),
        "supportive": mean_of(good),
        "apart": mean_of([day for day in good if day not in good[1:3]]),
        "difference": mean_of(good) - mean_of(bad),
    }
    assert list(table.index) == list(contrasts)
    for name, contrast in contrasts.items():
        test = fit.t_test(contrast)
        row = table.loc[name]
        assert row["mean_car"] == pytest.approx(test.effect[0], abs=1e-12)
        assert row["p_value"] == pytest.approx(float(test.pvalue), rel=1e-9)
        assert (row["lower"], row["upper"]) == pytest.approx(tuple(test.conf_int()[0]), rel=1e-9)
    assert table["days"].to_dict() == {
        "restrictive": 9,
        "supportive": 10,
        "apart": 8,
        "difference": 19,
    }


def test_several_assets_are_refused(study):
    with pytest.raises(ValueError, match="coins has 4 assets"):
        estimators.mean_response_by_stance(study, "coins")


def test_a_normal_return_that_is_no_constant_is_refused(study):
    groups = study.groups[["XNET"]]
    alone = study.with_prices(
        study.prices,
        study.assets[study.assets["ticker"].isin([*groups.index, "SPY"])],
    )
    with pytest.raises(ValueError, match="us_listed is market, no constant mean"):
        estimators.mean_response_by_stance(alone, "us_listed")


FIXED = {"estimation.end": DAYS[280].date()}
ALTERNATING = [event(f"e{k}", 300 + 20 * k, stance=(1, -1)[k % 2]) for k in range(6)]


def alone(events, missing=(), settings=FIXED):
    return made_study(events, {"A": "g"}, benchmark="", missing=missing, settings=settings)


def cars_by_stance(study) -> pd.DataFrame:
    car = study.results.car((0, 1)).dropna(subset="car").merge(study.events)
    return car.groupby("stance_policy")["car"].agg(["size", "mean"])


def test_means_of_windows_that_do_not_overlap_are_those_of_the_cars():
    study = alone(ALTERNATING)
    table = estimators.mean_response_by_stance(study, "g")
    means = cars_by_stance(study)
    for name, stance in (("supportive", 1), ("restrictive", -1)):
        assert table.loc[name, "days"] == means.loc[stance, "size"] == 3
        assert table.loc[name, "mean_car"] == pytest.approx(means.loc[stance, "mean"], rel=1e-9)


def test_an_announcement_without_a_car_is_no_day():
    # e1 has no return on its second session, and the last session has none after it.
    events = [*ALTERNATING, event("late", len(DAYS) - 1, stance=-1)]
    study = alone(events, missing=[("A", 321)])
    means = cars_by_stance(study)
    table = estimators.mean_response_by_stance(study, "g")
    assert table.loc["restrictive", "days"] == means.loc[-1, "size"] == 2
    assert table.loc["restrictive", "mean_car"] == pytest.approx(means.loc[-1, "mean"], rel=1e-9)
    assert table.loc["supportive", "days"] == 3


def test_of_no_announcement_nothing_is_known():
    table = estimators.mean_response_by_stance(alone(ALTERNATING[::2]), "g")
    numbers = ["mean_car", "lower", "upper", "t_stat", "p_value"]
    assert table.loc["supportive", numbers].notna().all()
    assert table.loc[["restrictive", "difference"], numbers].isna().all(axis=None)
    assert table["days"].to_list() == [0, 3, 2, 3]


def test_estimation_windows_that_move_are_refused():
    with pytest.raises(ValueError, match=r"g is estimated anew for every event; .*estimation\.end"):
        estimators.mean_response_by_stance(alone(ALTERNATING, settings=None), "g")
