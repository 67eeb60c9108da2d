"""Effects pooled over events: identities, regressions, enumerations, planted effects."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations, product
from math import sqrt

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from chainpolicy.eventstudy import (
    TEST_NAMES,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    MarketModel,
    PooledEffects,
)
from chainpolicy.eventstudy.inference import EXAMPLE
from chainpolicy.eventstudy.pooling import (
    cluster_sample,
    exchanged,
    permutation_p_value,
    randomization_p_value,
    sign_flip_p_value,
)
from panels import returns_frame, sessions

COUNT = 420
ESTIMATION = EstimationWindow(window=(-70, -6), minimum=40)


def simulated(tickers: list[str], seed: int, common: float = 0.0) -> tuple[dict, np.ndarray]:
    """Returns on a market, of residual deviation 2 %, and the market."""
    rng = np.random.default_rng(seed)
    market = rng.normal(0, 0.01, COUNT)
    shared = rng.normal(0, 0.02, COUNT)
    own = rng.normal(0, 0.02, (len(tickers), COUNT))
    return {
        ticker: 0.0005 + market + sqrt(common) * shared + sqrt(1 - common) * own[i]
        for i, ticker in enumerate(tickers)
    }, market


def dates(rows: list[tuple[str, str, int]], **labels: list[str]) -> pd.DataFrame:
    """Alignment of (event_id, ticker, position)."""
    frame = pd.DataFrame(rows, columns=["event_id", "ticker", "event_session"])
    frame["event_session"] = sessions(COUNT)[frame["event_session"]]
    return frame.assign(**labels)


def estimate(
    returns: dict, market: np.ndarray, alignment: pd.DataFrame, **choices: object
) -> EventStudyResults:
    given = {"estimation": ESTIMATION, "event_window": (-2, 5), "model": MarketModel(), **choices}
    return EventStudy(returns_frame(returns, {"M": market}), alignment, **given).fit()


def only(pooled: PooledEffects) -> pd.Series:
    (row,) = pooled.tidy().to_dict("records")
    return pd.Series(row)


# --- identities -----------------------------------------------------------------------------


def test_one_asset_per_cluster_without_overlap_has_the_ordinary_tests():
    tickers = [f"T{i:02d}" for i in range(12)]
    returns, market = simulated(tickers, 1, common=0.3)
    rows = [("earnings", ticker, 120 + 20 * i) for i, ticker in enumerate(tickers)]
    results = estimate(returns, market, dates(rows))
    pooled = results.pool(window=(0, 2))
    ordinary = results.tests((0, 2))
    found = pooled.tests.set_index("test")
    row = only(pooled)
    for name in TEST_NAMES:
        expected = ordinary.get("earnings", "all", name)
        assert np.isfinite(expected.statistic)
        assert found["statistic"][name] == pytest.approx(expected.statistic, rel=1e-10)
        assert found["p_value"][name] == pytest.approx(expected.p_value, rel=1e-10)
        assert row[name] == found["statistic"][name]
        assert row[f"{name}_p"] == found["p_value"][name]
    (caar,) = results.caar((0, 2)).to_dict("records")
    for ours, theirs in (("mean", "caar"), ("lower", "lower"), ("upper", "upper")):
        assert row[ours] == pytest.approx(caar[theirs], rel=1e-10)
    assert (row["n_events"], row["n_pairs"], row["n_clusters"]) == (1, 12, 12)
    # A cluster of one asset has the exact t of its CAR.
    car = results.car((0, 2))
    np.testing.assert_allclose(pooled.clusters["scaar"], car["t_stat"], rtol=1e-10)
    degrees = results.models["n_estimation"] - 2
    half = stats.t.ppf(0.975, degrees) * pooled.clusters["std_error"]
    np.testing.assert_allclose(pooled.clusters["lower"], car["car"] - half, rtol=1e-10)
    np.testing.assert_allclose(pooled.clusters["upper"], car["car"] + half, rtol=1e-10)


def test_a_single_cluster_is_the_portfolio_of_its_event():
    returns, market = simulated(list("ABCD"), 2, common=0.3)
    results = estimate(returns, market, dates([("e", ticker, 200) for ticker in "ABCD"]))
    pooled = results.pool()
    row, (caar,) = only(pooled), results.caar().to_dict("records")
    portfolio = results.tests().get("e", "all", "time_series_t")
    assert row["mean"] == pytest.approx(caar["caar"], rel=1e-12)
    assert row["lower"] == pytest.approx(caar["lower"], rel=1e-10)
    assert row["time_series_t"] == pytest.approx(portfolio.statistic, rel=1e-10)
    assert row["time_series_t_p"] == pytest.approx(portfolio.p_value, rel=1e-10)
    notes = pooled.tests.set_index("test")["note"]
    assert notes["bmp"] == "a single cluster has the exact t of its CAR only"
    assert np.isnan([row["randomization_p"], row["sign_flip_p"], row["bmp"]]).all()


@pytest.mark.parametrize("positions", [[150, 151, 153, 190, 260], [150, 190, 260]])
def test_the_time_series_t_is_a_regression_with_one_dummy_per_covered_session(positions):
    returns, market = simulated(list("ABCD"), 3, common=0.3)
    rows = [(f"e{p}", ticker, p) for p in positions for ticker in "ABCD"]
    window = EstimationWindow(window=(-70, -6), end=sessions(COUNT)[120], minimum=40)
    results = estimate(returns, market, dates(rows), estimation=window)
    row = only(results.pool(window=(0, 2)))
    # A session that two windows cover has one dummy and the weight of both.
    weight: dict[int, float] = {}
    for p in positions:
        for session in (p, p + 1, p + 2):
            weight[session] = weight.get(session, 0.0) + 1 / len(positions)
    covered = sorted(weight)
    used = [*range(56, 121), *covered]
    dummies = np.array([[float(t == session) for session in covered] for t in used])
    design = np.column_stack([np.ones(len(used)), market[used], dummies])
    portfolio = np.mean([returns[ticker] for ticker in "ABCD"], axis=0)
    regression = sm.OLS(portfolio[used], design).fit()
    contrast = regression.t_test(np.array([0.0, 0.0, *(weight[s] for s in covered)]))
    assert row["mean"] == pytest.approx(contrast.effect.item(), rel=1e-10)
    assert row["std_error"] == pytest.approx(contrast.sd.item(), rel=1e-10)
    assert row["time_series_t"] == pytest.approx(contrast.tvalue.item(), rel=1e-10)
    assert row["time_series_t_p"] == pytest.approx(contrast.pvalue.item(), rel=1e-10)
    lower, upper = contrast.conf_int().ravel()
    assert (row["lower"], row["upper"]) == pytest.approx((lower, upper), rel=1e-9)


def test_clusters_years_apart_are_uncorrelated_and_have_the_adjusted_tests():
    # No two estimation windows share a session: what the windows do not share correlates nothing.
    returns, market = simulated(["A"], 13)
    results = estimate(returns, market, dates([("e", "A", p) for p in (90, 180, 270, 360)]))
    row = only(results.pool())
    assert row["mean_correlation"] == 0.0
    assert row["adjusted_bmp"] == row["bmp"]
    assert row["adjusted_patell"] == row["patell"]


def test_the_error_of_two_dates_that_share_nothing_is_the_root_of_half_their_mean_variance():
    # A has no benchmark: v = s^2 (L + L^2 / M) with L = 2, M = 65. C, in another group, has one.
    returns, market = simulated(["A", "C"], 21)
    rows = [("e", "A", 120), ("e", "A", 300), ("f", "C", 200)]
    choices = {"groups": {"A": "one", "C": "two"}, "benchmarks": {"A": [], "C": ["M"]}}
    pooled = estimate(returns, market, dates(rows), **choices).pool(window=(0, 1)).tidy()
    row = pooled.set_index("group").loc["one"]
    past = np.array([returns["A"][p - 70 : p - 5] for p in (120, 300)])
    actual = np.array([returns["A"][p : p + 2].sum() for p in (120, 300)])
    mean = (actual - 2 * past.mean(axis=1)).mean()
    error = sqrt((past.var(axis=1, ddof=1) * (2 + 4 / 65)).sum()) / 2
    assert row["std_error"] == pytest.approx(error, rel=1e-10)
    assert row["degrees"] == 2 * 65 - 1
    half = stats.t.ppf(0.975, 129) * error
    assert (row["mean"], row["lower"], row["upper"]) == pytest.approx(
        (mean, mean - half, mean + half), rel=1e-10
    )


def test_means_over_clusters_and_over_pairs():
    returns, market = simulated(list("ABC"), 4)
    rows = [("e", "A", 150), ("e", "B", 150), ("e", "C", 150), ("e", "A", 200)]
    results = estimate(returns, market, dates(rows))
    car = results.car()["car"].to_numpy()  # A's two dates, then B, C
    row = only(results.pool())
    first = (car[0] + car[2] + car[3]) / 3
    assert row["mean"] == pytest.approx((first + car[1]) / 2, rel=1e-12)
    assert row["pair_weighted_mean"] == pytest.approx(car.mean(), rel=1e-12)
    assert (row["n_pairs"], row["n_clusters"]) == (4, 2)


def test_what_two_events_hit_on_one_session_counts_once():
    returns, market = simulated(list("AB"), 5)
    rows = [("e", "A", 150), ("f", "A", 150), ("f", "B", 150), ("e", "A", 200), ("g", "B", 250)]
    pooled = estimate(returns, market, dates(rows)).pool()
    row = only(pooled)
    assert (row["n_events"], row["n_pairs"], row["n_clusters"]) == (3, 4, 3)
    assert pooled.clusters["events"].tolist() == ["e;f", "e", "g"]
    assert pooled.clusters["n_assets"].tolist() == [2, 1, 1]
    alone = estimate(returns, market, dates([rows[0], *rows[2:]])).pool()
    assert only(alone)["mean"] == pytest.approx(row["mean"], rel=1e-12)


def test_groups_are_never_pooled_together():
    returns, market = simulated(list("ABCD"), 6)
    rows = [("e", ticker, position) for ticker in "ABCD" for position in (150, 200, 250)]
    groups = {"A": "one", "B": "one", "C": "two", "D": "two"}
    results = estimate(returns, market, dates(rows), groups=groups)
    together = results.pool().tidy()
    assert together["group"].tolist() == ["one", "two"]
    of_one = {ticker: returns[ticker] for ticker in "AB"}
    alone = estimate(of_one, market, dates([r for r in rows if r[1] in "AB"]), groups=groups)
    pd.testing.assert_frame_equal(together.iloc[[0]], alone.pool().tidy(), rtol=1e-12)


# --- windows that overlap ---------------------------------------------------------------------

ALLOWING = {"time_series_t", "adjusted_patell", "adjusted_bmp"}


@pytest.mark.parametrize(
    ("rows", "overlap"),
    [
        # Of three sessions, two dates of A share one, or none.
        ([("A", 150), ("A", 152)], True),
        ([("A", 150), ("A", 153)], False),
        # The windows of two assets are no windows of one.
        ([("A", 150), ("B", 151)], False),
        # A portfolio shares one of its assets with the next.
        ([("A", 150), ("B", 150), ("B", 151)], True),
        ([("A", 150), ("B", 150), ("C", 151)], False),
    ],
)
def test_what_takes_windows_for_independent_is_blank_where_those_of_one_asset_overlap(
    rows, overlap
):
    tickers = [f"T{i:02d}" for i in range(12)]
    returns, market = simulated(["A", "B", "C", *tickers], 17)
    far = [(ticker, 170 + 10 * i) for i, ticker in enumerate(tickers)]
    rows = [("e", ticker, position) for ticker, position in [*rows, *far]]
    results = estimate(returns, market, dates(rows))
    pooled = results.pool(window=(0, 2))
    of_pool, row = pooled.tests.set_index("test"), only(pooled)
    reason = "windows of one asset overlap, which this test takes for independent"
    of_event = {test.name: test for test in results.tests((0, 2))}
    for name in TEST_NAMES:
        blank = overlap and name not in ALLOWING
        assert np.isnan(row[name]) == np.isnan(row[f"{name}_p"]) == blank
        assert np.isnan(of_event[name].p_value) == blank
        assert of_pool["note"][name] == of_event[name].note == (reason if blank else "")
    ignorant = [name for name in TEST_NAMES if name not in ALLOWING]
    assert row["note"] == (f"{reason}: {', '.join(ignorant)}" if overlap else "")
    assert np.isfinite([row["randomization_p"], row["sign_flip_p"]]).all()
    # The window of one session overlaps nothing.
    assert np.isfinite(only(results.pool(window=(0, 0)))[list(TEST_NAMES)].astype(float)).all()


def test_windows_of_one_asset_that_overlap_under_different_labels_are_in_different_pools():
    returns, market = simulated(["A", "B"], 18)
    rows = [("e", "A", p) for p in (120, 150, 180)] + [("f", "A", p) for p in (121, 151, 181)]
    results = estimate(returns, market, dates(rows))
    apart = results.pool(by={"e": "e", "f": "f"}, window=(0, 2)).tidy()
    assert apart["bmp"].notna().all()
    # Three clusters are too few for ten, and the reason says it.
    assert set(apart["note"]) == {"fewer than 10 clusters: grank_t"}
    assert np.isnan(only(results.pool(window=(0, 2)))["bmp"])


def test_a_p_value_is_never_printed_as_nought():
    returns, market = simulated(["A"], 19)
    returns["A"][150] += 0.5
    (test, *_) = estimate(returns, market, dates([("e", "A", 150)])).tests((0, 0))
    assert ", p < 0.0001, N = 1" in str(test)


# --- randomization --------------------------------------------------------------------------


def test_sign_flips_are_all_tried():
    scaar = np.array([2.0, -0.4, 1.5, 0.8, 1.1])
    actual = abs(scaar.sum())
    flipped = [abs(np.dot(signs, scaar)) for signs in product([-1, 1], repeat=5)]
    expected = np.mean([value >= actual - 1e-12 for value in flipped])
    assert sign_flip_p_value(scaar, np.arange(5), 9, [0]) == pytest.approx(expected)
    # Three of them in one block take one sign.
    block = np.array([0, 1, 1, 1, 2])
    sums = np.array([2.0, 1.9, 1.1])
    flipped = [abs(np.dot(signs, sums)) for signs in product([-1, 1], repeat=3)]
    expected = np.mean([value >= 5.0 - 1e-12 for value in flipped])
    assert sign_flip_p_value(scaar, block, 9, [0]) == pytest.approx(expected)
    assert np.isnan(sign_flip_p_value(scaar, np.array([0, 0, 0, 1, 1]), 9, [0]))


def test_beyond_sixteen_blocks_signs_are_drawn():
    scaar = np.random.default_rng(0).normal(0.4, 1, 40)
    p_value = sign_flip_p_value(scaar, np.arange(40), 9_999, [0])
    # The sum of independent signs times constants is close to normal.
    normal = 2 * stats.norm.sf(abs(scaar.sum()) / sqrt((scaar**2).sum()))
    assert p_value == pytest.approx(normal, abs=0.02)
    assert p_value == sign_flip_p_value(scaar, np.arange(40), 9_999, [0])


def test_signs_are_drawn_as_pairs_that_are_exchanged():
    draws, blocks, seed = 999, 17, [0, 5]
    pairs = np.tile([False, True], (draws, blocks, 1))
    turned = np.random.default_rng(seed).permuted(pairs, axis=-1)[:, :, 0]
    scaar = np.random.default_rng(1).normal(0.4, 1.0, blocks)
    drawn = np.where(turned, -scaar, scaar).sum(axis=1)
    tails = [(drawn <= scaar.sum()).sum(), (drawn >= scaar.sum()).sum()]
    found = sign_flip_p_value(scaar, np.arange(blocks), draws, seed)
    assert found == pytest.approx(2 * (1 + min(tails)) / (1 + draws))


def test_overlapping_clusters_are_moved_together():
    # Two clusters one session apart are moved to 0-1, 1-2 or 3-4, where both have a value; the
    # third to any of five. All fifteen ways are equally likely.
    reference = np.array([1.0, -2.0, 0.5, np.nan, 3.0, -1.0])
    shifted = np.array([9.0, 0.2, -0.4, 0.7, -0.3, 0.6])
    together = [
        reference[s] + shifted[s + 1]
        for s in range(5)
        if np.isfinite(reference[s] + shifted[s + 1])
    ]
    alone = reference[np.isfinite(reference)]
    assert len(together) == 4
    actual = np.array([0.9, 0.6, 0.7])
    ways = [abs(a + b) for a in together for b in alone]
    expected = np.mean([way >= actual.sum() - 1e-12 for way in ways])
    p_value, places = randomization_p_value(
        actual,
        np.stack([reference, shifted, reference]),
        np.array([2, 3, 5]),
        np.array([0, 0, 1]),
        200_000,
        [1],
    )
    assert places == 4
    assert p_value == pytest.approx(expected, abs=0.005)


def test_without_a_place_there_is_no_randomization():
    p_value, places = randomization_p_value(
        np.ones(3), np.full((3, 9), np.nan), np.array([1, 4, 7]), np.arange(3), 99, [0]
    )
    assert np.isnan(p_value)
    assert places == 0


def test_ordinary_sessions_are_those_of_the_assets_of_each_cluster():
    # An asset that jumps every day unlike the others: its clusters are measured by its own days.
    returns, market = simulated(list("AB"), 7)
    returns["B"] = returns["B"] * 5 - 4 * market
    rows = [
        ("e", ticker, p) for ticker, at in (("A", 150), ("B", 250)) for p in range(at, at + 90, 30)
    ]
    choices = {"estimation": ESTIMATION, "event_window": (-2, 5)}
    study = EventStudy(returns_frame(returns, {"M": market}), dates(rows), **choices)
    results = study.fit()
    row = only(results.pool(window=(0, 0)))
    placebo = study.placebo((0, 0))
    of_asset = placebo.car((0, 0)).groupby("ticker")["t_stat"]
    assert row["n_ordinary"] == of_asset.size().min()
    rng = np.random.default_rng(0)
    total = sum(
        rng.choice(of_asset.get_group(ticker).to_numpy(), 100_000)
        for ticker in "AB"
        for _ in range(3)
    )
    actual = results.car((0, 0))["t_stat"].sum()
    expected = (np.abs(total) >= abs(actual)).mean()
    assert row["randomization_p"] == pytest.approx(expected, abs=0.02)


def test_a_pool_has_the_same_draws_whatever_it_is_called_and_else_is_pooled():
    returns, market = simulated(list("ABC"), 8)
    positions = [150, 180, 210, 240, 270]
    rows = [(f"e{p}", ticker, p) for p in positions for ticker in "ABC"]
    results = estimate(returns, market, dates(rows))
    label_of = {"e150": "x", "e180": "x", "e210": "x", "e240": "y", "e270": "y"}
    both = results.pool(label_of).tidy()
    alone = results.pool({event: "x" for event, label in label_of.items() if label == "x"}).tidy()
    pd.testing.assert_frame_equal(both.iloc[[0]], alone)
    renamed = results.pool({event: label.upper() for event, label in label_of.items()}).tidy()
    for name in ("randomization_p", "sign_flip_p"):
        assert renamed[name].tolist() == pytest.approx(both[name].tolist(), nan_ok=True)
    other = results.pool(label_of, seed=1).tidy()
    assert other["randomization_p"][0] != both["randomization_p"][0]
    assert other["mean"].tolist() == both["mean"].tolist()


def test_the_difference_of_two_labels_is_a_permutation_of_all():
    returns, market = simulated(list("AB"), 9)
    positions = range(120, 400, 30)
    labels = ["x", "y", "x", "x", "y", "x", "y", "y", "x", "y"]
    rows = [(f"e{p}", ticker, p) for p in positions for ticker in "AB"]
    results = estimate(returns, market, dates(rows))
    pooled = results.pool({f"e{p}": label for p, label in zip(positions, labels, strict=True)})
    (row,) = pooled.difference("x", "y").to_dict("records")
    named = {name: row[name] for name in ("first", "second", "group", "n_first", "n_second")}
    assert named == {"first": "x", "second": "y", "group": "all", "n_first": 5, "n_second": 5}
    clusters = pooled.clusters
    caar = clusters["caar"].to_numpy()
    is_x = (clusters["label"] == "x").to_numpy()

    def welch(chosen: np.ndarray) -> float:
        return float(stats.ttest_ind(caar[chosen], caar[~chosen], equal_var=False).statistic)

    every = []
    for members in combinations(range(10), 5):
        chosen = np.zeros(10, dtype=bool)
        chosen[list(members)] = True
        every.append(abs(welch(chosen)))
    expected = np.mean([value >= abs(welch(is_x)) - 1e-12 for value in every])
    assert row["p_value"] == pytest.approx(expected, rel=1e-10)
    assert row["difference"] == pytest.approx(caar[is_x].mean() - caar[~is_x].mean(), rel=1e-12)
    assert (row["n_first"], row["n_second"]) == (5, 5)
    (back,) = pooled.difference("y", "x").to_dict("records")
    assert back["difference"] == pytest.approx(-row["difference"])


def test_labels_of_overlapping_windows_change_places_together():
    # Blocks at 150 and 151, 200 and 201, 250 and 251, and three single sessions: the labels of the
    # first three in 3 ways, xy once, xx and yy; of the single ones x, y, y in 3 ways.
    returns, market = simulated(list("AB"), 9)
    labels = {150: "x", 151: "y", 200: "x", 201: "x", 250: "y", 251: "y"}
    labels |= {300: "x", 330: "y", 360: "y"}
    rows = [(f"e{p}", ticker, p) for p in labels for ticker in "AB"]
    pooled = estimate(returns, market, dates(rows)).pool({f"e{p}": x for p, x in labels.items()})
    (row,) = pooled.difference("x", "y").to_dict("records")
    clusters = pooled.clusters.set_index("events").loc[[f"e{p}" for p in labels]]
    caar = clusters["caar"].to_numpy()

    def welch(assigned: tuple[str, ...]) -> float:
        chosen = np.array(assigned) == "x"
        return abs(float(stats.ttest_ind(caar[chosen], caar[~chosen], equal_var=False).statistic))

    actual = welch(tuple(labels.values()))
    every = [
        welch((*first, *second, *third, *single))
        for first, second, third in permutations(["xy", "xx", "yy"])
        for single in permutations("xyy")
    ]
    expected = np.mean([value >= actual - 1e-12 for value in every])
    # Of 9,999 draws, within three Monte Carlo errors.
    assert row["p_value"] == pytest.approx(expected, abs=3 * sqrt(0.25 / 9_999))
    assert "position" not in pooled.clusters

    # One block of three beside single sessions of one label: nothing can change places.
    labels = {150: "x", 151: "x", 152: "x", 200: "y", 250: "y", 300: "y"}
    rows = [(f"e{p}", ticker, p) for p in labels for ticker in "AB"]
    pooled = estimate(returns, market, dates(rows)).pool({f"e{p}": x for p, x in labels.items()})
    assert np.isnan(pooled.difference("x", "y")["p_value"].item())


def test_what_overlapping_windows_share_makes_no_difference():
    # Thirty blocks of two, each with one label and a shock of its own: nothing tells labels apart.
    rng = np.random.default_rng(3)
    block, first = np.arange(60) // 2, np.arange(60) // 2 % 2 == 0
    together, apart = [], []
    for draw in range(400):
        values = rng.normal(size=30)[block] + 0.3 * rng.normal(size=60)
        together.append(permutation_p_value(values, first, block, 199, 0) <= 0.05)
        # Which rejects three times as often as it says: fewer draws show it.
        if draw < 100:
            apart.append(permutation_p_value(values, first, np.arange(60), 199, 0) <= 0.05)
    # Three errors of a share of 5 % in 400 draws.
    assert np.mean(together) < 0.05 + 3 * sqrt(0.05 * 0.95 / 400)
    assert np.mean(apart) > 0.1


# --- a planted effect -----------------------------------------------------------------------


def test_a_planted_effect_of_two_percent_is_recovered_and_nothing_else_is_found():
    # Twenty firms with eight own earnings dates each; good news adds 2 %, bad news nothing.
    rng = np.random.default_rng(20)
    tickers = [f"F{i:02d}" for i in range(20)]
    returns, market = simulated(tickers, 20)
    rows, labels = [], []
    for ticker in tickers:
        for k, p in enumerate(np.sort(90 + 40 * np.arange(8) + rng.integers(0, 20, 8))):
            rows.append((f"{ticker}-{k}", ticker, int(p)))
            labels.append("good" if k % 2 else "bad")
            if labels[-1] == "good":
                returns[ticker][p] += 0.02
    results = estimate(returns, market, dates(rows, news=labels))
    pooled = results.pool(by="news", window=(0, 0))
    table = pooled.tidy().set_index("label")
    good, bad = table.loc["good"], table.loc["bad"]
    assert good["n_pairs"] == bad["n_pairs"] == 80
    assert abs(good["mean"] - 0.02) < 3 * good["std_error"]
    # 2 % on each of 80 dates, an error of 2 % / sqrt(80)
    assert good["std_error"] == pytest.approx(0.02 / sqrt(80), rel=0.2)
    for name in ("time_series_t_p", "adjusted_bmp_p", "randomization_p", "sign_flip_p"):
        assert good[name] < 0.001
        assert bad[name] > 0.01
    assert pooled.difference("good", "bad")["p_value"].item() < 0.001


# --- what is refused ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three() -> EventStudyResults:
    returns, market = simulated(list("AB"), 11)
    rows = [(f"e{p}", ticker, p) for p in (150, 200, 250) for ticker in "AB"]
    theme = ["mining", "mining", "tax", "tax", "", None]
    return estimate(returns, market, dates(rows, theme=theme))


def test_pairs_without_a_label_are_in_no_pool_and_counted(three):
    pooled = three.pool(by="theme")
    assert pooled.tidy()[["label", "n_pairs"]].to_numpy().tolist() == [["mining", 2], ["tax", 2]]
    assert pooled.unlabelled == 2
    assert three.pool({"e150": "x", "e200": np.nan}).unlabelled == 4


NO_EVENT = r"no event e151 to pool; expected event_ids of the alignment$"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            {"by": "thema"},
            ValueError,
            r"no column 'thema' to pool by; .* of event_id to label; did you mean \"theme\"\?$",
        ),
        ({"by": "ticker"}, ValueError, r"no column 'ticker' to pool by"),
        ({"by": {"e151": "x", "e150": "x"}}, ValueError, NO_EVENT),
        (
            {"by": ["theme"]},
            TypeError,
            r"by is \['theme'\]; expected a column of the alignment or a mapping of event_id to "
            r"label$",
        ),
        ({"window": (0, 9)}, ValueError, r"the window \[0, 9\] does not lie inside"),
        ({"window": 3}, ValueError, r"the window is 3; expected first and last session"),
        ({"draws": 0}, ValueError, r"draws = 0 must be a whole number, 1 or more"),
        ({"draws": 9.5}, ValueError, r"draws = 9.5 must be a whole number, 1 or more"),
        ({"seed": -1}, ValueError, r"seed = -1 must be a whole number, 0 or more"),
    ],
)
def test_what_cannot_be_pooled_is_named(three, call, error, message):
    with pytest.raises(error, match=message):
        three.pool(**call)


def test_what_a_placebo_can_be_pooled_by_is_named():
    returns, market = simulated(["A"], 22)
    alignment = dates([("e", "A", 150)])
    study = EventStudy(returns_frame(returns, {"M": market}), alignment, estimation=ESTIMATION)
    with pytest.raises(ValueError, match=r"no column 'theme' to pool by; expected one of") as error:
        study.placebo().pool(by="theme")
    named = str(error.value).partition("one of ")[2].partition(", or a mapping")[0]
    assert named == "event_id"


def test_labels_that_cannot_be_compared_are_named(three):
    pooled = three.pool(by="theme")
    with pytest.raises(ValueError, match=r"no pool has the label 'taxes'; there are mining, tax"):
        pooled.difference("mining", "taxes")
    with pytest.raises(ValueError, match=r"both labels are 'tax'; a difference takes two"):
        pooled.difference("tax", "tax")
    # One cluster of each is no permutation.
    assert pooled.difference("mining", "tax")["p_value"].isna().all()


def test_without_a_label_there_is_a_table_without_a_row(three):
    pooled = three.pool({})
    assert pooled.tidy().empty
    assert pooled.clusters.empty
    assert list(pooled.tidy().columns) == list(three.pool().tidy().columns)
    assert list(pooled.clusters.columns) == list(three.pool().clusters.columns)


def test_the_frames_are_the_callers(three):
    pooled = three.pool()
    for frame, name in ((pooled.tidy(), "mean"), (pooled.clusters, "caar")):
        frame[name] = 0.0
    assert (pooled.tidy()["mean"] != 0).all()
    assert (pooled.clusters["caar"] != 0).all()


def test_residuals_of_a_cluster_are_the_mean_of_those_that_exist():
    """Of the first pair sessions 3 and 4 are missing, of both of the cluster session 7."""
    residuals = EXAMPLE.residuals.copy()
    residuals[0, [3, 4, 7]] = np.nan
    residuals[1, 7] = np.nan
    found = cluster_sample(replace(EXAMPLE, residuals=residuals), np.array([0, 0, 1]))
    by_hand = pd.DataFrame(residuals[:2]).mean()
    np.testing.assert_allclose(found.residuals[0], by_hand, atol=1e-12)
    np.testing.assert_array_equal(found.residuals[1], residuals[2])


@pytest.mark.parametrize("length", [1, 2])
def test_the_same_seed_gives_the_same_permutations(length):
    values = np.random.default_rng(5).normal(size=36)
    first = np.arange(36) % 3 == 0
    block = np.arange(36) // length
    found = {permutation_p_value(values, first, block, 199, seed) for seed in (1, 1, 1, 2, 3)}
    assert len(found) <= 3
    again = [permutation_p_value(values, first, block, 199, 1) for _ in range(2)]
    assert again[0] == again[1]


def test_labels_without_any_spread_are_as_far_apart_as_can_be():
    """Of the 20 ways to choose three of six, two leave no spread within the labels."""
    values = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    assert permutation_p_value(values, values > 1, np.arange(6), 9_999, 0) == pytest.approx(0.1)
    # In two blocks of three nothing is ever closer together.
    assert permutation_p_value(values, values > 1, np.arange(6) // 3, 99, 0) == 1.0


def test_columns_and_reasons_of_pooled_tables(three):
    pooled = three.pool({"e150": "a", "e200": "b"}, window=(0, 0))
    assert list(pooled.tests) == [
        *["label", "group", "window", "test", "statistic", "degrees", "p_value", "note"]
    ]
    assert pooled.tests.query("test == 'time_series_t'")["degrees"].notna().all()
    apart = pooled.difference("a", "b")
    assert list(apart)[-4:] == ["mean_first", "mean_second", "difference", "p_value"]
    for note in pooled.tidy()["note"]:
        assert "fewer than 3 clusters: randomization" in note
        assert "fewer than 3 blocks of clusters: sign_flip" in note


def test_labels_that_change_places_between_equal_values_have_no_p_value():
    """Both labels hit the same asset on six sessions: whatever is exchanged, nothing changes."""
    values = np.repeat(np.random.default_rng(6).normal(size=6), 2)
    session = np.repeat(np.arange(6), 2)
    first = np.arange(12) % 2 == 0
    assert np.isnan(permutation_p_value(values, first, session, 99, 0, session=session))


def test_what_is_exchanged_is_closed_and_complete():
    """Blocks (2, 1), (2, 1), (1, 2), (2), (2): 2 of the first two, 2 of the last, 2^5 inside."""
    counts = [(2, 1), (2, 1), (1, 2), (2,), (2,)]
    flat = [count for block in counts for count in block]
    session = np.repeat(np.arange(len(flat)), flat)
    block = np.repeat(np.arange(len(counts)), [sum(block) for block in counts])
    drawn = exchanged(block, 4_000, np.random.default_rng(7), session=session)
    found = set(map(tuple, drawn.tolist()))
    assert len(found) == 2 * 2 * 2**5
    several = [np.array(one) for one in list(found)[:20]]
    assert {tuple(one[other]) for one in several for other in several} <= found
    shuffled = np.random.default_rng(8).permutation(len(block))
    again = exchanged(block[shuffled], 4_000, np.random.default_rng(7), session=session[shuffled])
    assert len(set(map(tuple, again.tolist()))) == len(found)


def test_pairs_can_be_labelled_under_whole_numbers_and_unknown_ones_are_refused():
    returns, market = simulated(["A", "B"], 3)
    rows = [(k, ticker, 150 + 20 * k) for k in range(4) for ticker in "AB"]
    results = estimate(returns, market, dates(rows))
    of_a = {(k, "A"): "x" for k in range(4)}
    expected = results.pool({(str(k), "A"): "x" for k in range(4)}, (0, 1)).tidy()
    found = results.pool(of_a, (0, 1)).tidy()
    pd.testing.assert_frame_equal(found, expected)
    assert found["n_pairs"].tolist() == [4]
    for key in ((0, "NOPE"), (0, "A", "x")):
        with pytest.raises(ValueError, match=r"no row of the alignment is \('0', '(NOPE|A)'"):
            results.pool({key: "x"}, (0, 1))
    with pytest.raises(ValueError, match="there is no event 9 to pool"):
        results.pool({(9, "A"): "x"}, (0, 1))


def test_few_assignments_are_all_found_whatever_the_order_and_the_seed():
    """Six sessions of two clusters, one of each label: 2^6 exchanges, counted by hand."""
    rng = np.random.default_rng(8)
    session = np.repeat(np.arange(6), 2)
    values = rng.normal(0.3, 1.0, 12) * np.tile([1, -1], 6)
    first = np.tile([True, False], 6)

    def ratio(chosen: np.ndarray) -> float:
        one, other = values[chosen], values[~chosen]
        return abs(one.mean() - other.mean()) / sqrt(one.var(ddof=1) / 6 + other.var(ddof=1) / 6)

    every = [np.ravel([(not turned, turned) for turned in turns])
             for turns in product([False, True], repeat=6)]  # fmt: skip
    # Sessions are blocks of two, one of each label: to exchange them changes nothing.
    expected = np.mean([ratio(chosen) >= ratio(first) * (1 - 1e-9) for chosen in every])
    for seed in (0, 1):
        shuffled = np.random.default_rng(seed).permutation(12)
        found = permutation_p_value(
            values[shuffled], first[shuffled], session[shuffled], 9_999, seed,
            session=session[shuffled],
        )  # fmt: skip
        assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("end", [None, sessions(COUNT)[140]])
@pytest.mark.parametrize("start", [None, 0, -1])
def test_a_pooled_path_is_the_pool_over_every_window_that_begins_there(start, end):
    returns, market = simulated(["A", "B", "C"], 5, common=0.4)
    # e0 and e1 overlap; the last event's windows run past the data.
    rows = [
        (f"e{k}", ticker, day) for k, day in enumerate((150, 153, 220, 417)) for ticker in "ABC"
    ]
    estimation = ESTIMATION if end is None else replace(ESTIMATION, end=end)
    results = estimate(returns, market, dates(rows[:-1]), estimation=estimation)
    labels = {"e0": "x", "e1": "y", "e2": "x", "e3": "x"}
    path = results.pooled_path(labels, start=start)
    begin = -2 if start is None else start
    assert path["start"].unique().tolist() == [begin]
    assert path.index.tolist() == list(range(len(path)))
    names = ["label", "group", "n_clusters", "mean", "std_error", "degrees", "lower", "upper"]
    for tau in range(begin, 6):
        pooled = results.pool(labels, (begin, tau)).tidy()
        found = path[path["tau"] == tau].reset_index(drop=True)
        pd.testing.assert_frame_equal(found[names], pooled[names])
    assert path.query("label == 'x'")["n_clusters"].tolist()[-1] == 2
    assert path.query("label == 'x'")["n_clusters"].tolist()[0] == 3


def test_clusters_and_differences_take_neither_tests_nor_draws(three, monkeypatch):
    pooled = three.pool(by="theme")
    expected = three.pool(by="theme").tidy().set_index("label")["mean"]
    for name in ("_run_tests", "randomization_p_value", "sign_flip_p_value"):
        monkeypatch.setattr(f"chainpolicy.eventstudy.results.{name}", None)
    means = pooled.clusters.groupby("label")["caar"].mean()
    pd.testing.assert_series_equal(means, expected, check_names=False)
    row = pooled.difference("mining", "tax").iloc[0]
    assert row["difference"] == pytest.approx(expected["mining"] - expected["tax"])
    assert "clusters=" in repr(pooled)
    with pytest.raises(TypeError):
        pooled.tidy()


def test_a_path_that_begins_outside_the_event_window_is_refused(three):
    with pytest.raises(
        ValueError, match=r"the window \[-9, 5\] does not lie inside the event window"
    ):
        three.pooled_path(by="theme", start=-9)
    with pytest.raises(ValueError, match="no column 'thema' to pool by"):
        three.pooled_path(by="thema")
