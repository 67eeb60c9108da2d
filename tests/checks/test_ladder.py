"""The ladder of counterfactuals: what each rung is, which the rule takes, and what each answers."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from chainpolicy.checks import (
    ladder,
    placebo_p_values,
    results_of_rule,
    rung_errors,
    rung_of_rule,
    study_of_rule,
)
from chainpolicy.checks.ladder import Rung, rung_study, rungs
from chainpolicy.eventstudy import (
    FactorCounterfactual,
    MarketModel,
    SyntheticMatching,
    conformal_p_value,
)
from chainpolicy.study import Study, load_study
from donor_study import PORTFOLIOS, donor_study

EVENT = "rule-announced"
WINDOWS = ((0, 1), (-1, 1), (0, 5))


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return load_study(donor_study(tmp_path_factory.mktemp("ladder") / "study"))


@pytest.fixture(scope="module")
def table(study) -> pd.DataFrame:
    return ladder(study, EVENT, WINDOWS)


def frame(study: Study, ticker: str) -> pd.DataFrame:
    """Returns of an asset, its index and the donors by session; log, from the files."""
    own = study.returns.query("ticker == @ticker").set_index("session")[["return", "INDEX"]]
    file = pd.read_csv(study.path / "donors.csv", parse_dates=["date"])
    donors = np.log1p(file.pivot_table(index="date", columns="portfolio", values="return"))
    return own.join(donors).iloc[1:]


def estimation(study: Study) -> pd.DatetimeIndex:
    """Sessions that estimate the event, by the study's own event study."""
    residuals = study.results.residuals.query("event_id == @EVENT and ticker == 'ACME'")
    return pd.DatetimeIndex(residuals["session"])


def test_every_group_has_the_rungs_it_can_have(study):
    makers = rungs(study, "makers", EVENT)
    assert [rung.name for rung in makers] == [
        *("constant_mean", "index", "equal_weighted", "size", "factors", "synthetic")
    ]
    assert [rung.title for rung in makers][:4] == [
        *("constant mean", "Index", "equal-weighted", "Index + equal-weighted")
    ]
    assert dict(makers[3].benchmarks)["BOLT"] == ("INDEX", "ALL")
    assert dict(makers[5].benchmarks)["BOLT"] == PORTFOLIOS
    # A coin trades on other days than the donors and has no index.
    assert [rung.name for rung in rungs(study, "coin", EVENT)] == ["constant_mean"]


def test_a_second_benchmark_is_a_rung_with_and_without_donors(embedded):
    tier2 = rungs(embedded, "a_shares_tier2", "xi-politburo")
    assert [rung.title for rung in tier2][1:3] == ["CSI 300", "CSI 300 + ChiNext"]
    assert dict(tier2[4].benchmarks)["600208.SS"] == ("000300.SS", "MARKET_EW")
    york = rungs(embedded, "us_listed", "xi-politburo")
    assert [rung.name for rung in york] == ["constant_mean", "index"]


@pytest.mark.parametrize(
    ("name", "columns"),
    [("constant_mean", []), ("index", ["INDEX"]), ("equal_weighted", ["ALL"]),
     ("size", ["INDEX", "ALL"])],
)  # fmt: skip
def test_errors_are_those_of_the_mean_forecast_without_its_session(study, name, columns):
    press = []
    for ticker in ("ACME", "BOLT", "CRUX"):
        used = frame(study, ticker).loc[estimation(study)]
        design = np.column_stack([np.ones(len(used)), used[columns]])
        press.append(sm.OLS(used["return"].to_numpy(), design).fit().get_influence().resid_press)
    row = rung_errors(study, EVENT).query("group == 'makers' and rung == @name").iloc[0]
    assert row["error"] == pytest.approx(np.sqrt(np.mean(np.mean(press, axis=0) ** 2)))
    assert row["asset_error"] == pytest.approx(np.sqrt(np.mean(np.square(press))))
    assert row["n_assets"] == 3
    assert row["n_sessions"] == len(estimation(study))


def test_the_rule_takes_the_rung_and_the_number_of_factors_that_forecast_best(study):
    errors = rung_errors(study, EVENT)
    chosen = errors[errors["chosen"]].set_index("group")
    smallest = errors.groupby("group")["error"].min()
    assert chosen["error"].to_dict() == smallest.to_dict()
    assert chosen.loc["coin", "rung"] == "constant_mean"
    # The second factor is in the donors and not in the index.
    makers = errors[errors["group"] == "makers"].set_index("rung")["error"]
    assert chosen.loc["makers", "rung"] in ("factors", "synthetic")
    assert makers[["factors", "synthetic"]].max() < 0.9 * makers["index"]
    (factors,) = (rung for rung in rungs(study, "makers", EVENT) if rung.name == "factors")
    by_number = {}
    for number in range(1, 5):
        rung = Rung("factors", "", FactorCounterfactual(number), factors.benchmarks)
        forecasts = rung_study(study, rung, EVENT).forecast_errors(EVENT)
        by_number[number] = (forecasts.groupby("session")["error"].mean() ** 2).mean()
    best = min(by_number, key=lambda number: by_number[number])
    assert best > 1
    assert factors.model == FactorCounterfactual(best)
    assert factors.title == f"{best} factors of donors"
    by_default = rung_errors(study)
    pd.testing.assert_frame_equal(by_default, rung_errors(study, study.headline_event))


def test_the_index_rung_is_the_single_index_model_of_the_study(study, table):
    results = study.estimate("single_index")
    for window in WINDOWS:
        rows = table[table["window"] == f"[{window[0]}, {window[1]}]"]
        row = rows.query("group == 'makers' and rung == 'index'").iloc[0]
        caar = results.caar(window).query("event_id == @EVENT and group == 'makers'").iloc[0]
        for name in ("caar", "lower", "upper", "n_assets"):
            assert row[name] == pytest.approx(caar[name], rel=1e-9)
        t = results.tests(window).get(EVENT, "makers", "time_series_t")
        assert row["p_value"] == pytest.approx(t.p_value, rel=1e-9)
        ranks = placebo_p_values(results, study.ordinary_caars(window, "single_index"), window)
        rank = ranks.query("event_id == @EVENT and group == 'makers'").iloc[0]
        assert row["p_placebo"] == pytest.approx(rank["p_placebo"])
        assert row["smallest_p"] == pytest.approx(rank["smallest_p"])


def test_the_synthetic_rung_is_what_a_study_of_matches_finds(study, table):
    rows = table.query("group == 'makers' and rung == 'synthetic'").set_index("window")
    days = estimation(study)
    session = study.alignment.query("event_id == @EVENT and ticker == 'ACME'")["event_session"]
    cars, sigmas, matched = [], [], []
    for ticker in ("ACME", "BOLT", "CRUX"):
        used = frame(study, ticker)
        donors = used[list(PORTFOLIOS)]
        ones = np.ones((1, len(days)))
        fit = SyntheticMatching().fit(
            used.loc[days, "return"].to_numpy()[None], donors.loc[days].to_numpy()[None], ones,
            ones.astype(bool),
        )  # fmt: skip
        abnormal = used["return"] - donors @ fit.beta[0]
        at = used.index.get_loc(session.iloc[0])
        cars.append(abnormal.iloc[at : at + 6].sum())
        sigmas.append(np.sqrt(np.mean(abnormal[days] ** 2)))
        window = pd.DatetimeIndex([*days, *used.index[at : at + 6]])
        ones = np.ones((1, len(window)))
        null = SyntheticMatching().fit(
            used.loc[window, "return"].to_numpy()[None], donors.loc[window].to_numpy()[None], ones,
            ones.astype(bool),
        )  # fmt: skip
        matched.append(null.residuals[0])
    row = rows.loc["[0, 5]"]
    assert row["caar"] == pytest.approx(np.mean(cars))
    closeness = 1 / np.array(sigmas)
    assert row["effect"] == pytest.approx(closeness @ cars / closeness.sum())
    assert row["p_conformal"] == pytest.approx(conformal_p_value(np.mean(matched, axis=0), 6))
    others = table[table["rung"] != "synthetic"]
    assert others["effect"].isna().all()


def test_bands_hold_for_all_windows_that_begin_together(study, table):
    rows = table.query("group == 'makers' and rung == 'index'").set_index("window")
    wider = (rows["band_upper"] - rows["caar"]) / (rows["upper"] - rows["caar"])
    # One path from session 0 to 5, another from -1 to 1; each wider than its own interval, less
    # wide than for as many independent points.
    assert wider["[0, 1]"] == pytest.approx(wider["[0, 5]"])
    assert 1 < wider["[-1, 1]"] < wider["[0, 5]"]
    degrees = len(estimation(study)) - 2
    sidak = stats.t.isf((1 - 0.95 ** (1 / 6)) / 2, degrees) / stats.t.isf(0.025, degrees)
    assert wider["[0, 5]"] < sidak
    np.testing.assert_allclose(rows["band_upper"] + rows["band_lower"], 2 * rows["caar"])


def test_the_ladder_has_a_row_per_group_rung_and_window(study, table):
    errors = rung_errors(study, EVENT)
    assert len(table) == len(errors) * len(WINDOWS)
    assert not table.duplicated(["group", "rung", "window"]).any()
    merged = table.merge(errors, on=["group", "rung"], suffixes=("", "_of_rule"))
    assert (merged["error"] == merged["error_of_rule"]).all()
    assert (merged["chosen"] == merged["chosen_of_rule"]).all()


def test_a_factor_that_the_index_does_not_hold_narrows_the_interval(study):
    found = {
        rung.name: rung_study(study, rung, EVENT).fit().caar((0, 5)).iloc[0]
        for rung in rungs(study, "makers", EVENT)
    }
    width = {name: row["upper"] - row["lower"] for name, row in found.items()}
    assert width["factors"] < 0.8 * width["index"]


def from_files(study: Study, group: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DatetimeIndex]:
    """Mean log returns of a group, log returns of donors and the clean window, from the files."""
    prices = pd.read_csv(study.path / "prices.csv", parse_dates=["date"])
    close = prices.pivot_table(index="date", columns="ticker", values="close")
    close = close[close.index >= "2018-10-08"]
    days = close["000300.SS"].dropna().index
    file = pd.read_csv(study.path / "donors.csv", parse_dates=["date"])
    donors = np.log1p(file.pivot_table(index="date", columns="portfolio", values="return"))
    members = list(study.groups.index[study.groups == group])
    returns = np.log(close.loc[days]).diff()
    clean = study.results.residuals.query("ticker == '600570.SS'")["session"].unique()
    return returns[members], donors.loc[days], pd.DatetimeIndex(clean)


def test_the_published_answer_depends_on_the_yardstick(embedded):
    """Tier 1 over [0, 10] from 28 October 2019, by arrays from prices.csv and donors.csv."""
    returns, donors, clean = from_files(embedded, "a_shares_tier1")
    window = returns.index[returns.index.get_loc("2019-10-28") :][:11]
    portfolios = donors.drop(columns="MARKET_EW")
    axes = np.linalg.eigh(portfolios.loc[clean].cov())[1][:, ::-1]
    yardsticks = {
        "equal_weighted": donors[["MARKET_EW"]].to_numpy(),
        "factors": portfolios.to_numpy() @ axes[:, :4],
    }
    model = {"equal_weighted": MarketModel(), "factors": FactorCounterfactual(4)}
    used = {"equal_weighted": ("MARKET_EW",), "factors": tuple(portfolios)}
    for name, factors in yardsticks.items():
        benchmarks = tuple((ticker, used[name]) for ticker in returns)
        expected = []
        for ticker in returns:
            own = returns.loc[clean, ticker].notna()
            design = sm.add_constant(pd.DataFrame(factors, returns.index))
            fit = sm.OLS(returns.loc[clean, ticker][own], design.loc[clean][own]).fit()
            expected.append((returns[ticker] - fit.predict(design)).loc[window].sum())
        rung = Rung(name, name, model[name], benchmarks)
        caar = rung_study(embedded, rung, "xi-politburo").fit().caar((0, 10))
        # With donors of each asset's own sessions the axes move a little where it has a gap.
        assert caar["caar"].item() == pytest.approx(np.mean(expected), abs=2e-4)
        assert 0.045 < caar["caar"].item() < 0.07
    two = embedded.results.caar((0, 10)).query(
        "event_id == 'xi-politburo' and group == 'a_shares_tier1'"
    )
    assert two["caar"].item() < 0.02


def test_the_study_of_the_rule_gives_every_group_the_answers_of_its_rung(embedded):
    """A mixture for each share or the mean mixture for all of them: the mean share is the same."""
    ruled = study_of_rule(embedded)
    table = ruled.results.caar((0, 5)).set_index(["event_id", "group"])
    for group in embedded.groups.unique():
        expected = results_of_rule(embedded, group).caar((0, 5)).set_index(["event_id", "group"])
        found = table.loc[expected.index]
        np.testing.assert_allclose(found["caar"], expected["caar"], rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(found["degrees"], expected["degrees"])
        # Where a share has no return the mixtures of the others are not the mean of all.
        np.testing.assert_allclose(found["std_error"], expected["std_error"], rtol=1e-3)
    assert ruled.benchmarks["BTC-USD"] == ruled.benchmarks["XNET"] == ()
    assert ruled.benchmarks["600570.SS"] == ("synthetic matching (a_shares_tier1)",)
    # What stands in its benchmark's place is no asset to be estimated.
    assert set(ruled.groups.index) == set(embedded.groups.index)


@pytest.mark.parametrize("name", ["index", "size", "factors"])
def test_a_regression_that_the_rule_chooses_predicts_the_mean_of_the_group(
    study, monkeypatch, name
):
    """The benchmark's return is the mean of alpha + beta'F, by statsmodels for observed factors."""
    copied = load_study(study.path)
    [chosen] = [rung for rung in rungs(copied, "makers", EVENT) if rung.name == name]
    rule = rung_of_rule
    monkeypatch.setattr(
        import_module("chainpolicy.checks.ladder"),  # its function has the same name
        "rung_of_rule",
        lambda given, group: chosen if group == "makers" else rule(given, group),
    )
    ruled = study_of_rule(copied)
    expected = rung_study(copied, chosen, None).fit().caar((0, 1))
    found = ruled.results.caar((0, 1)).query("group == 'makers'")
    merged = expected.merge(found, on=["event_id", "group"])
    assert len(merged) == len(expected) > 0
    np.testing.assert_allclose(merged["caar_x"], merged["caar_y"], rtol=1e-9)


def test_a_study_without_donors_has_the_rungs_of_its_benchmarks(template):
    tidy = ladder(template)
    assert tidy.groupby("group")["rung"].unique().map(list).to_dict() == {
        "coin": ["constant_mean"],
        "makers": ["constant_mean", "index"],
        "sellers": ["constant_mean", "index"],
    }
    assert not tidy["effect"].notna().any()
