"""The cross-section of CARs: other software, brute force, and its size with eight events."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from linearmodels.panel import PanelOLS

from chainpolicy.checks.randomization import (
    WEBB,
    assignment_p_value,
    assignments,
    count_assignments,
    wild_bootstrap_p_value,
)
from chainpolicy.estimators import (
    AbsorbedError,
    CrossSection,
    CrossSections,
    cross_section_data,
    cross_sections,
    policy_clusters,
)
from chainpolicy.estimators.cross_section import (
    AGE,
    _slopes_without_each,
    clustered_error,
    exposures,
)
from chainpolicy.study import Study, load_study, new_study

STANCES = np.array([1.0, 1, 1, -1, -1, -1, 0])


def panel(seed: int = 0, stances: np.ndarray = STANCES, n_assets: int = 10) -> pd.DataFrame:
    """CARs with an effect of stance that grows with exposure; one pair is missing."""
    rng = np.random.default_rng(seed)
    exposure = rng.uniform(0, 2, n_assets)
    shock = rng.normal(0, 0.02, len(stances))
    rows = [
        {
            "event_id": f"e{k}",
            "ticker": f"A{i}",
            "stance": stance,
            "beta": exposure[i],
            "car": 0.01 * i + (0.01 + 0.02 * exposure[i]) * stance + shock[k] + noise,
        }
        for k, stance in enumerate(stances)
        for i, noise in enumerate(rng.normal(0, 0.01, n_assets))
    ]
    return pd.DataFrame(rows).drop(index=3).reset_index(drop=True)


# --- the estimate ------------------------------------------------------------------------------


def test_stance_with_asset_effects_is_the_regression_with_dummies():
    data = panel()
    found = CrossSection(data).fit(draws=99)
    theirs = smf.ols("car ~ stance + C(ticker)", data).fit()
    assert found.estimate == pytest.approx(theirs.params["stance"], rel=1e-10)
    assert found.effects == ("asset",)
    assert (found.n_obs, found.n_assets, found.n_events) == (69, 10, 7)
    assert (found.n_supportive, found.n_restrictive, found.n_neutral) == (3, 3, 1)
    assert found.null == "the CARs of all have nothing to do with stance"


def test_stance_times_exposure_with_both_effects_is_the_regression_with_dummies():
    data = panel()
    found = CrossSection(data, exposure="beta").fit(draws=99)
    theirs = smf.ols("car ~ stance:beta + C(ticker) + C(event_id)", data).fit()
    assert found.estimate == pytest.approx(theirs.params["stance:beta"], rel=1e-9)
    assert found.effects == ("asset", "event")


def test_effects_can_be_chosen():
    data = panel()
    pooled = CrossSection(data, exposure="beta", effects=()).fit(draws=99)
    theirs = smf.ols("car ~ stance:beta", data).fit()
    assert pooled.estimate == pytest.approx(theirs.params["stance:beta"], rel=1e-10)
    by_event = CrossSection(data, exposure="beta", effects=("event",)).fit(draws=99)
    theirs = smf.ols("car ~ stance:beta + C(event_id)", data).fit()
    assert by_event.estimate == pytest.approx(theirs.params["stance:beta"], rel=1e-9)


@pytest.mark.parametrize("exposure", [None, "beta"])
def test_clustered_errors_are_those_of_linearmodels(exposure):
    data = panel()
    data["event"] = data["event_id"].str[1:].astype(int)
    data["x"] = data["stance"] * (1.0 if exposure is None else data[exposure])
    indexed = data.set_index(["ticker", "event"])
    model = PanelOLS(
        indexed["car"], indexed[["x"]], entity_effects=True, time_effects=exposure is not None
    )
    # Without factors for small samples on either side.
    plain = {"debiased": False, "auto_df": False, "count_effects": False}
    two_way = model.fit(cov_type="clustered", cluster_entity=True, cluster_time=True, **plain)
    found = CrossSection(data, exposure=exposure).fit(draws=99)
    assert found.std_error == pytest.approx(two_way.std_errors["x"], rel=1e-8)


def test_one_asset_is_clustered_by_event():
    data = panel(n_assets=1)
    x = data["stance"] - data["stance"].mean()
    y = data["car"] - data["car"].mean()
    residual = y - x * (x @ y) / (x @ x)
    found = CrossSection(data).fit(draws=99)
    assert found.std_error == pytest.approx(np.sqrt((x**2 * residual**2).sum()) / (x @ x))


def test_two_way_variance_that_is_not_positive_is_blank():
    """Residuals +1, -1 in a checkerboard: both clusters' scores are zero, each row's is not."""
    asset, event = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    outcome = np.array([1.0, -1.0, -1.0, 1.0])
    assert np.isnan(clustered_error(outcome, np.ones(4), asset, event))


def test_leaving_one_event_out_is_estimating_without_it():
    data = panel()
    found = CrossSection(data, exposure="beta").fit(draws=99)
    without = [
        CrossSection(data[data["event_id"] != name], exposure="beta").fit(draws=99).estimate
        for name in data["event_id"].unique()
    ]
    assert found.lowest == pytest.approx(min(without), rel=1e-9)
    assert found.highest == pytest.approx(max(without), rel=1e-9)


def test_row_without_car_or_exposure_is_left_out():
    data = panel()
    data.loc[5, "car"] = np.nan
    data.loc[data["ticker"] == "A2", "beta"] = np.nan
    assert CrossSection(data).fit(draws=99).n_obs == 68
    found = CrossSection(data, exposure="beta").fit(draws=99)
    assert found.n_assets == 9


# --- randomization -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stances", [[1, 1, -1, -1], [1, 0, -1], [1, 1, 1], [2, 1, 0, -1, -1], [1, -1, -1, -1]]
)
def test_assignments_are_all_distinct_permutations(stances):
    given = np.array(stances, dtype=float)
    found, exhaustive = assignments(given, 0, np.random.default_rng(0))
    expected = set(permutations(stances))
    assert exhaustive
    assert len(found) == len(expected) == count_assignments(given)
    assert {tuple(row) for row in found} == expected


def test_permutation_p_is_that_of_refitting_every_assignment():
    data = panel(stances=np.array([1.0, 1, 1, -1, -1, -1]), n_assets=4)
    for exposure in (None, "beta"):
        found = CrossSection(data, exposure=exposure).fit(draws=99)
        events = sorted(data["event_id"].unique())
        factor = 1.0 if exposure is None else data[exposure]
        effects = pd.get_dummies(data[["ticker"] + ["event_id"] * (exposure is not None)])
        sizes = []
        for order in set(permutations([1.0, 1, 1, -1, -1, -1])):
            stance = data["event_id"].map(dict(zip(events, order, strict=True)))
            x = np.column_stack([factor * stance, effects.astype(float)])
            sizes.append(abs(np.linalg.lstsq(x, data["car"].to_numpy(), rcond=None)[0][0]))
        expected = np.mean(np.array(sizes) >= abs(found.estimate) - 1e-12)
        assert found.n_assignments == len(sizes) == 20
        assert found.p_permutation == pytest.approx(expected)


def test_wild_bootstrap_is_that_of_drawing_outcomes_and_refitting():
    data = panel(n_assets=4)
    events = pd.factorize(data["event_id"], sort=True)[0]
    effects = pd.get_dummies(data[["ticker", "event_id"]]).to_numpy(float)
    u, s, _ = np.linalg.svd(effects, full_matrices=False)
    basis = u[:, s > 1e-10]
    x = (data["stance"] * data["beta"]).to_numpy()
    y = data["car"].to_numpy()
    x_left, residual = x - basis @ (basis.T @ x), y - basis @ (basis.T @ y)

    def t_ratio(outcome: np.ndarray) -> float:
        design = np.column_stack([x, basis])
        left = outcome - design @ np.linalg.lstsq(design, outcome, rcond=None)[0]
        slope = x_left @ outcome / (x_left @ x_left)
        scores = np.bincount(events, x_left * left)
        return abs(slope) * (x_left @ x_left) / np.sqrt(scores @ scores)

    draws = 399
    weights = np.random.default_rng(7).choice(WEBB, size=(draws, 7))
    fitted = y - residual
    drawn = np.array([t_ratio(fitted + residual * w[events]) for w in weights])
    expected = (1 + (drawn >= t_ratio(y)).sum()) / (1 + draws)
    found = wild_bootstrap_p_value(
        x_left, residual, basis, events, draws=draws, rng=np.random.default_rng(7)
    )
    assert found == pytest.approx(expected)


def test_webb_weights_have_mean_zero_and_variance_one():
    assert WEBB.sum() == pytest.approx(0)
    assert (WEBB**2).mean() == pytest.approx(1)
    assert len(set(np.abs(WEBB))) == 3


def test_too_many_assignments_are_sampled():
    stances = np.repeat([1.0, -1.0], [10, 11])
    data = panel(stances=stances, n_assets=3)
    assert count_assignments(stances) == 352_716
    found = CrossSection(data).fit(draws=999)
    assert found.n_assignments == 999
    assert 1 / 1000 <= found.p_permutation <= 1
    q = np.random.default_rng(0).normal(size=(60, 21))
    strong = q @ stances
    assert assignment_p_value(strong, q, stances, draws=499, rng=np.random.default_rng(0)) == (
        pytest.approx(1 / 500),
        499,
    )


def test_same_seed_same_p():
    data = panel()
    first, second = (CrossSection(data).fit(draws=499).p_bootstrap for _ in range(2))
    assert first == second
    assert CrossSection(data).fit(draws=499, seed=1).p_bootstrap != first


@pytest.mark.parametrize(
    ("positive", "p_floor", "low", "high"), [(4, 2 / 70, 0.03, 0.09), (5, 2 / 56, 0.05, 0.12)]
)
def test_sizes_with_eight_events(positive, p_floor, low, high):
    """No effect, common shocks: unclustered HC rejects 45-60 %, the randomizations do not.

    At 5 % the permutation rejects exactly if |b| is among the two largest of 70 (4:4, where an
    assignment and its mirror image tie) or of 56 assignments (5:3).
    """
    draws, n_assets, n_events = 600, 20, 8
    rng = np.random.default_rng(positive)
    stances = np.repeat([1.0, -1.0], [positive, n_events - positive])
    event = np.repeat(np.arange(n_events), n_assets)
    asset = np.tile(np.arange(n_assets), n_events)
    basis = np.eye(n_assets)[asset] / np.sqrt(n_events)
    q = np.eye(n_events)[event]
    q -= basis @ (basis.T @ q)
    x = q @ stances
    rejected = np.zeros(3)
    for _ in range(draws):
        y = rng.normal(size=n_events)[event] + rng.normal(size=len(event))
        y -= basis @ (basis.T @ y)
        residual = y - x * (x @ y) / (x @ x)
        hc = abs(x @ y) / np.sqrt((x * residual) @ (x * residual))
        p, _ = assignment_p_value(y, q, stances, draws=0, rng=rng)
        booted = wild_bootstrap_p_value(x, y, basis, event, draws=399, rng=rng)
        rejected += [hc > 1.96, p <= 0.05, booted <= 0.05]
    hc, permuted, booted = rejected / draws
    assert 0.45 < hc < 0.75
    assert permuted == pytest.approx(p_floor, abs=3.5 * np.sqrt(p_floor / draws))
    assert low < booted < high


def test_seven_to_one_never_rejects():
    """One event of a sign: eight assignments, and the bootstrap has nothing to draw from."""
    rng = np.random.default_rng(0)
    stances = np.array([1.0] * 7 + [-1.0])
    event = np.repeat(np.arange(8), 20)
    basis = np.full((160, 1), 1 / np.sqrt(160))
    q = np.eye(8)[event] - 1 / 8
    for _ in range(100):
        y = rng.normal(size=8)[event] + 0.3 * rng.normal(size=160)
        y -= y.mean()
        assert assignment_p_value(y, q, stances, draws=0, rng=rng)[0] >= 1 / 8
        booted = wild_bootstrap_p_value(q @ stances, y, basis, event, draws=199, rng=rng)
        assert booted > 0.05


def test_planted_effect_is_found():
    data = panel(stances=np.repeat([1.0, -1.0], 5))
    found = CrossSection(data, exposure="beta").fit(draws=1_999)
    assert found.estimate == pytest.approx(0.02, abs=0.006)
    assert found.p_permutation == pytest.approx(2 / 252)
    assert found.p_bootstrap < 0.01


# --- refused, or without a p-value -------------------------------------------------------------


@pytest.mark.parametrize("stances", [[1, 1, 1, 1, -1, -1], [1, 1, -1, -1, -1, -1], [1, 0, 0]])
def test_fewer_than_three_events_of_either_sign_have_no_p_value(stances):
    found = CrossSection(panel(stances=np.array(stances, dtype=float))).fit(draws=99)
    assert np.isfinite(found.estimate)
    assert np.isnan(found.p_permutation)
    assert np.isnan(found.p_bootstrap)
    assert (found.n_assignments, found.n_draws) == (0, 0)
    assert "3 of either sign are needed" in found.note
    assert "3 of either sign are needed" in found.summary().note


def test_absorbed_regressors_are_errors_in_plain_words():
    data = panel()
    with pytest.raises(AbsorbedError, match="stance is the same for all assets of an event"):
        CrossSection(data, effects=("asset", "event")).fit()
    with pytest.raises(AbsorbedError, match="stance is 1 at every event"):
        CrossSection(data[data["stance"] == 1]).fit()
    with pytest.raises(AbsorbedError, match="size does not differ between the assets"):
        CrossSection(data.assign(size=2.0), exposure="size").fit()
    with pytest.raises(AbsorbedError, match="no row has a CAR and a value of stance x none"):
        CrossSection(data.assign(none=np.nan), exposure="none").fit()


def test_estimate_that_hangs_on_one_event_has_no_range():
    found = CrossSection(panel(stances=np.array([1.0, -1.0]))).fit()
    assert np.isnan(found.lowest)
    assert np.isnan(found.highest)
    lone = panel(stances=np.array([1.0, 0.0, 0.0]))
    assert np.isfinite(CrossSection(lone).fit().lowest)


def test_data_that_contradict_themselves_are_refused():
    data = panel()
    with pytest.raises(ValueError, match="two rows"):
        CrossSection(pd.concat([data, data.head(1)]))
    other = data.copy()
    other.loc[4, "stance"] = -1.0
    with pytest.raises(ValueError, match="stance differs within event_id e0"):
        CrossSection(other)
    other = data.copy()
    other.loc[4, "beta"] = 9.0
    with pytest.raises(ValueError, match="beta differs within ticker A5"):
        CrossSection(other, exposure="beta")
    with pytest.raises(ValueError, match='"asset" and "event", not group'):
        CrossSection(data, effects=("asset", "group"))


# --- studies -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def regressions(study) -> CrossSections:
    return cross_sections(study)


def test_cluster_has_the_sign_of_what_its_members_said(study):
    merged = policy_clusters(study).set_index(["group", "event_id"])
    # By hand: +1/0, +1/0 and +1/-1 on one A-share session.
    composite = merged.loc[("a_shares_tier1", "xi-politburo")]
    assert composite["members"] == "xi-politburo;cryptography-law;huang-dcep-bund"
    assert composite[["stance", "stance_blockchain", "stance_crypto"]].tolist() == [1, 1, -1]
    # -1/-1 with +1/-1 on one UTC day.
    assert merged.loc[("bitcoin", "huang-dcep-bund"), "stance"] == -1
    assert merged.loc[("a_shares_tier1", "shenzhen-blockchain-50"), "stance"] == 0
    counts = merged.loc["a_shares_tier1", "stance"].value_counts()
    assert counts.to_dict() == {1: 8, -1: 9, 0: 1}


def test_data_are_one_row_per_asset_and_cluster(study):
    results = study.estimate()
    data = cross_section_data(study, results)
    assert not data.duplicated(["event_id", "ticker"]).any()
    assert data.groupby("group").size().to_dict() == {
        "a_shares_tier1": 38 * 18,
        "a_shares_tier2": 8 * 18,
        "bitcoin": 20,
        "coins": 4 * 20,
        "us_listed": 9 * 19,
    }
    car = results.car((0, 1)).set_index(["event_id", "ticker"])["car"]
    keys = pd.MultiIndex.from_frame(data[["event_id", "ticker"]])
    np.testing.assert_array_equal(data["car"], car.loc[keys])


def test_beta_is_the_slope_on_spanned_returns_of_bitcoin(study):
    """By hand for one share: closes on its own sessions, over its estimation window."""
    table = exposures(study)
    closes = study.prices.pivot_table(index="date", columns="ticker", values="close")
    own = study.returns[study.returns["ticker"] == "000021.SZ"].set_index("session")
    share = np.log(closes.loc[own.index, "000021.SZ"]).diff()
    coin = np.log(closes.loc[own.index, "BTC-USD"]).diff()
    results = study.estimate()
    residuals = results.residuals
    used = residuals[
        (residuals["ticker"] == "000021.SZ") & (residuals["event_id"] == "xi-politburo")
    ]["session"]
    slope = np.polyfit(coin[used], share[used], 1)[0]
    assert table.loc["000021.SZ", "beta to BTC-USD"] == pytest.approx(slope, rel=1e-8)
    assert table.loc["BTC-USD", "beta to BTC-USD"] == 1.0
    assert table.loc["ETH-USD", "beta to BTC-USD"] > 0.5
    assert table.loc["GBTC", "beta to BTC-USD"] > table.loc["CMCM", "beta to BTC-USD"]


def test_age_counts_from_the_date_of_the_evidence(study):
    age = exposures(study)[AGE]
    first = pd.Timestamp("2019-10-18")
    assert age["600093.SS"] == pytest.approx((first - pd.Timestamp("2018-01-11")).days / 365.25)
    # Of 2018 and of 2011-10 the middle.
    assert age["300465.SZ"] == pytest.approx(
        (first - pd.Timestamp("2018-07-02T12:00")) / pd.Timedelta(days=365.25)
    )
    assert age["LTC-USD"] == pytest.approx(
        (first - pd.Timestamp("2011-10-16")).days / 365.25, abs=0.01
    )
    assert age["300202.SZ"] < 0


def test_every_group_of_the_embedded_study_is_regressed(regressions):
    table = regressions.tidy()
    assert len(table) == len(regressions) == 5 * 3 + 4 * 2 + 2
    tier1 = table[(table["sample"] == "a_shares_tier1") & (table["regressor"] == "stance")].iloc[0]
    # 18! / (8! 9! 1!) = 437,580 assignments are too many: drawn.
    assert tier1[["n_obs", "n_events", "n_assignments"]].tolist() == [38 * 18, 18, 9_999]
    between = table[table["sample"] == "a_shares_tier1, a_shares_tier2"].iloc[0]
    assert between["regressor"] == "stance x a_shares_tier2"
    assert between["n_assets"] == 46
    # All of tier 2 was named on one day, so that age cannot differ.
    same_age = table[(table["sample"] == "a_shares_tier2") & table["regressor"].str.contains(AGE)]
    assert np.isnan(same_age["estimate"].iloc[0])
    assert "absorbed" in same_age["note"].iloc[0]
    # One supportive event towards coins on every calendar.
    crypto = table[table["regressor"] == "stance_crypto"]
    assert (crypto["n_supportive"] == 1).all()
    assert crypto["p_permutation"].isna().all()


def test_table_has_stars_errors_n_and_names_the_variance(regressions):
    table = regressions.of("bitcoin").summary()
    cells = table.frame.set_index("")
    assert cells.loc["N"].tolist() == ["20", "20", "20"]
    assert cells.loc["Sample"].tolist() == ["Bitcoin"] * 3
    assert cells.loc["Regressor"].tolist() == ["stance", "stance on blockchain", "stance on crypto"]
    pair = regressions.of("a_shares_tier1, a_shares_tier2").summary().frame.set_index("")
    assert pair.loc["Sample", "(1)"] == "A-shares, tier 1 and A-shares, tier 2"
    assert pair.loc["Regressor", "(1)"] == "stance × A-shares, tier 2"
    assert cells.loc["Coefficient", "(1)"].startswith("+2.38")  # numpy.polyfit: 2.378
    assert cells.loc["Coefficient", "(1)"].count("*") == 1
    # 4,000 permutations of the plain slope, by hand: 0.083; ours is of the studentized one.
    assert 0.05 < float(cells.loc["p, permutation", "(1)"]) < 0.12
    assert cells.loc["p, permutation", "(2)"] == ""
    assert cells.loc["Events + / − / 0", "(2)"] == "9 / 0 / 11"
    assert "two-way clustered" in table.note
    assert "(2) no p-value: 9 supportive and 0 restrictive" in table.note
    assert [result.sample for result in regressions.of("coins")] == ["coins"] * 5
    assert regressions[0].sample == "bitcoin"


def edit(folder, name: str, old: str, new: str) -> Study:
    path = folder / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return load_study(folder)


def test_study_without_a_coin_has_no_beta(tmp_path):
    folder = new_study(tmp_path / "study")
    study = edit(folder, "assets.csv", "COIN,24/7,Coin,coin", "COIN,24/7,Coin,benchmark")
    assert exposures(study).columns.tolist() == [AGE]
    regressors = cross_sections(study).tidy()["regressor"]
    assert not regressors.str.contains("beta").any()


def test_study_of_coins_alone_has_betas_to_the_first(tmp_path):
    folder = new_study(tmp_path / "study")
    lines = (folder / "assets.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.startswith(("ticker", "COIN"))]
    (folder / "assets.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    study = load_study(folder)
    assert exposures(study)["beta to COIN"].to_dict() == {"COIN": 1.0}
    table = cross_sections(study).tidy()
    assert table["regressor"].tolist() == ["stance_crypto"]


@pytest.mark.parametrize("text", ["no date", "20x8 list", "2018-13-40 list", "201 list"])
def test_evidence_without_a_date_has_no_age(tmp_path, text):
    folder = new_study(tmp_path / "study")
    study = edit(
        folder, "assets.csv", "named in the rule,invented for this", f"named in the rule,{text} for"
    )
    assert exposures(study).loc["ACME", [AGE]].isna().all()


def test_nothing_to_regress_is_an_empty_table():
    none = CrossSections(())
    assert none.tidy().empty
    assert "estimate" in none.tidy().columns


def test_names_of_other_studies_stay_as_they_are():
    rows = panel()
    found = CrossSection(rows, sample="makers, large").fit()
    assert found.summary().frame.set_index("").loc["Sample", "(1)"] == "makers, large"


# --- sessions ----------------------------------------------------------------------------------


def joined_sessions() -> pd.DataFrame:
    """Eight events for five assets, of which B reacts a session sooner, and one for E alone."""
    rng = np.random.default_rng(5)
    exposure = dict(zip("ABCDE", rng.uniform(0, 2, 5), strict=True))
    rows = [
        {
            "event_id": f"e{k}",
            "ticker": ticker,
            "event_session": pd.Timestamp("2020-01-03")
            + pd.Timedelta(10 * k + (0 if ticker == "B" else 3), "D"),
            "car": rng.normal(0, 0.02),
            "stance": (1.0, -1.0)[k % 2],
            "beta": beta,
        }
        for k in range(8)
        for ticker, beta in exposure.items()
    ]
    # On a session of e3, for the one asset that e3 does not hit.
    rows = [row for row in rows if (row["event_id"], row["ticker"]) != ("e3", "E")]
    at = pd.Timestamp("2020-01-03") + pd.Timedelta(33, "D")
    rows.append({"event_id": "own", "ticker": "E", "event_session": at, "car": 0.01,
                 "stance": 1.0, "beta": exposure["E"]})  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("order", ["as it is", "reversed", "by ticker"])
def test_an_event_on_two_sessions_makes_them_one_whatever_the_order_of_rows(order):
    data = joined_sessions()
    shuffled = {
        "as it is": data,
        "reversed": data.iloc[::-1],
        "by ticker": data.sort_values(["ticker", "event_id"], ascending=False),
    }[order]
    found = CrossSection(shuffled.reset_index(drop=True), exposure="beta").fit(draws=1_999)
    # The later session of e3, with the asset's own event, has one effect, and its earlier session
    # another, on which B is alone; every other event has its own.
    earlier = (data["event_id"] == "e3") & (data["ticker"] == "B")
    shock = data["event_id"].replace("own", "e3").mask(earlier, "e3, before")
    theirs = smf.ols("car ~ stance:beta + C(ticker) + C(shock)", data.assign(shock=shock)).fit()
    assert found.estimate == pytest.approx(theirs.params["stance:beta"], rel=1e-9)
    # e3 and the own event share a session and differ in sign: inside it they change places, too.
    singles = np.array([1.0, -1, 1, 1, -1, 1, -1])
    assert found.n_assignments == 2 * count_assignments(singles)
    same = CrossSection(data, exposure="beta").fit(draws=1_999)
    numbers = ["std_error", "lowest", "highest"]
    for name in numbers:
        assert getattr(found, name) == pytest.approx(getattr(same, name), rel=1e-9)
    assert (found.p_permutation, found.p_bootstrap) == (same.p_permutation, same.p_bootstrap)


def test_what_the_asset_effects_absorb_is_named():
    reason = "stance does not differ between the events of an asset"
    # Every asset has one event, so that no stance differs within it.
    data = panel().drop_duplicates("ticker").assign(event_id=[f"own{k}" for k in range(10)])
    data["stance"] = np.resize([1.0, -1.0], 10)
    with pytest.raises(AbsorbedError, match=reason):
        CrossSection(data).fit()
    # Each event hits two assets of its own.
    data["event_id"] = [f"own{k // 2}" for k in range(10)]
    data["stance"] = np.repeat([1.0, -1.0, 1.0, -1.0, 1.0], 2)
    with pytest.raises(AbsorbedError, match=reason):
        CrossSection(data, exposure="beta").fit()


@pytest.mark.parametrize("shock", [0.0, 0.05, 0.2])
def test_what_moves_all_on_a_session_does_not_tell_joined_events_apart(shock):
    """One event hits some on Monday and some on Tuesday, two others one of these days each."""
    rng = np.random.default_rng(9)
    exposure = dict(zip("ABCDEF", rng.uniform(0, 2, 6), strict=True))
    rows = []
    for k in range(8):
        day = pd.Timestamp("2020-01-06") + pd.Timedelta(14 * k, "D")
        for event, tickers, later in (
            ("both", "AB", 0),
            ("both", "CD", 1),
            ("early", "EF", 0),
            ("late", "EF", 1),
        ):
            rows += [
                {
                    "event_id": f"{event}{k}",
                    "ticker": ticker,
                    "event_session": day + pd.Timedelta(later, "D"),
                    "car": rng.normal(0, 0.01) + shock * later,
                    "stance": (1.0, -1.0)[(k + len(event)) % 2],
                    "beta": exposure[ticker],
                }
                for ticker in tickers
            ]
    data = pd.DataFrame(rows)
    found = CrossSection(data, exposure="beta").fit(draws=99)
    theirs = smf.ols("car ~ stance:beta + C(ticker) + C(event_session)", data).fit()
    assert found.estimate == pytest.approx(theirs.params["stance:beta"], rel=1e-8)
    calm = data.assign(car=data["car"] - shock * (data["event_session"].dt.day_of_week == 1))
    still = CrossSection(calm, exposure="beta").fit(draws=99)
    assert found.estimate == pytest.approx(still.estimate, rel=1e-8)
    assert found.p_permutation == still.p_permutation


@pytest.mark.parametrize("draws", [9, 99])
def test_what_cannot_change_places_has_no_p_value_however_few_the_draws(draws):
    """Sessions of one to four events of one stance each."""
    session = np.repeat(np.arange(4), np.arange(1, 5))
    rng = np.random.default_rng(2)
    rows = [
        {"event_id": f"e{k}", "ticker": ticker, "event_session": pd.Timestamp(2020, 1, 6 + day),
         "car": rng.normal(), "stance": (1.0, -1.0)[day % 2]}
        for k, day in enumerate(session)
        for ticker in "AB"
    ]  # fmt: skip
    data = pd.DataFrame(rows)
    q = np.zeros((len(data), len(session)))
    q[np.arange(len(data)), np.repeat(np.arange(len(session)), 2)] = 1.0
    found = assignment_p_value(
        data["car"].to_numpy(), q, np.where(session % 2, -1.0, 1.0), draws=draws,
        rng=np.random.default_rng(1), session=session,
    )  # fmt: skip
    assert np.isnan(found[0])
    assert found[1] == 0


def test_names_may_be_categories():
    data = panel()
    found = CrossSection(data, exposure="beta").fit(draws=99)
    named = data.astype({"event_id": "category", "ticker": "category"})
    same = CrossSection(named, exposure="beta").fit(draws=99)
    assert (same.estimate, same.p_permutation) == (found.estimate, found.p_permutation)
    joined = joined_sessions()
    days = joined.astype({"event_id": "category", "event_session": "category"})
    numbers = [
        CrossSection(rows, exposure="beta").fit(draws=99).estimate for rows in (joined, days)
    ]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-12)


def test_without_the_one_cluster_that_has_a_regressor_there_is_no_slope():
    cluster = np.repeat([0, 1, 2], 10)
    basis = np.full((30, 1), 1 / np.sqrt(30))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        raw = np.where(cluster == 0, rng.normal(size=30), 0.0)
        outcome = rng.normal(size=30)
        slopes = _slopes_without_each(
            outcome - outcome.mean(), raw - raw.mean(), raw, basis, cluster
        )
        assert np.isnan(slopes).tolist() == [True, False, False]
        kept = cluster != 2
        expected = np.polyfit(raw[kept], outcome[kept], 1)[0]
        assert slopes[2] == pytest.approx(expected)
