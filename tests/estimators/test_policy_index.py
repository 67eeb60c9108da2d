"""The policy-sentiment index and the responses by stance, against sums done by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainpolicy import figures
from chainpolicy.checks.randomization import permutation_test
from chainpolicy.estimators.policy_index import (
    dimensions,
    policy_announcements,
    policy_index,
    response_by_stance,
    sentiment_index,
    stance_sessions,
)
from chainpolicy.study.returns import portfolio_returns
from chainpolicy.study.sessions import align

WEEKDAYS = pd.bdate_range("2019-10-01", periods=60, name="session").as_unit("ns")


def shocks(*entries: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_session": pd.to_datetime([day for day, _ in entries]),
            "value": [value for _, value in entries],
        }
    )


def announcements() -> st.SearchStrategy[list[tuple[str, float]]]:
    days = st.sampled_from([f"{day:%Y-%m-%d}" for day in WEEKDAYS])
    return st.lists(st.tuples(days, st.integers(-3, 3).map(float)), min_size=1, max_size=8)


# --- the index ------------------------------------------------------------------------------


def test_index_by_hand():
    # Friday 4 October +3, Wednesday 9 October -1; half-life of five calendar days.
    index = sentiment_index(WEEKDAYS, shocks(("2019-10-04", 3), ("2019-10-09", -1)), 5)
    level = index.set_index("session")["level"]
    assert level["2019-10-03"] == 0
    assert level["2019-10-04"] == 3
    assert level["2019-10-07"] == pytest.approx(3 * 2**-0.6)  # three days later, over a weekend
    assert level["2019-10-09"] == pytest.approx(3 / 2 - 1)
    assert level["2019-10-14"] == pytest.approx(3 / 4 - 1 / 2)
    innovation = index.set_index("session")["innovation"]
    assert innovation[innovation != 0].to_dict() == {
        pd.Timestamp("2019-10-04"): 3,
        pd.Timestamp("2019-10-09"): -1,
    }


def test_announcement_before_the_first_session_is_in_the_level_only():
    index = sentiment_index(WEEKDAYS, shocks(("2019-09-30", 2)), 1)
    assert index["level"][0] == pytest.approx(1)
    assert (index["innovation"] == 0).all()


@given(announcements(), announcements(), st.floats(0.5, 40))
def test_a_later_announcement_never_changes_the_index_before_it(early, late, half_life):
    before = sentiment_index(WEEKDAYS, shocks(*early), half_life)
    after = sentiment_index(WEEKDAYS, shocks(*early, *late), half_life)
    first = min(pd.Timestamp(day) for day, _ in late)
    earlier = before["session"] < first
    pd.testing.assert_frame_equal(before[earlier], after[earlier], check_exact=True)


@given(announcements(), st.floats(0.5, 40))
def test_level_is_what_is_left_of_yesterday_and_what_enters(entries, half_life):
    index = sentiment_index(WEEKDAYS, shocks(*entries), half_life)
    days = index["session"].diff().dt.days.to_numpy()[1:]
    level = index["level"].to_numpy()
    entered = index["innovation"].to_numpy()[1:]
    np.testing.assert_allclose(level[1:], level[:-1] * 0.5 ** (days / half_life) + entered,
                               atol=1e-12)  # fmt: skip


def test_only_policy_in_the_sample_enters_at_its_own_session(study):
    announced = policy_announcements(study, "a_shares_tier1").set_index("event_id")
    events = study.events.set_index("event_id")
    chosen = events[(events["role"] == "policy") & events["in_sample"]]
    assert set(announced.index) == set(chosen.index)
    assert announced["event_session"]["xi-politburo"] == pd.Timestamp("2019-10-28")
    assert announced["blockchain"]["xi-politburo"] == 3
    names = ["blockchain", "crypto", "overall"]
    assert list(dimensions(study)) == names
    assert announced.loc["huang-dcep-bund", names].tolist() == [1, -1, 0]
    assert announced.loc["peoples-daily-rationality", names].tolist() == [-1, -1, -2]
    coins = policy_announcements(study, "bitcoin").set_index("event_id")["event_session"]
    assert coins["xi-politburo"] == pd.Timestamp("2019-10-25")


def test_index_of_the_study_on_two_days_by_hand(study):
    index = policy_index(study, "a_shares_tier1").set_index(["dimension", "session"])
    # 28 October: Politburo 3, law 3, Huang 1; the filing list of the 18th (2) is ten days old.
    level = index["level"]["blockchain", "2019-10-28"]
    assert level == pytest.approx(7 + 2 * 2**-2)
    assert index["innovation"]["blockchain", "2019-10-28"] == 7
    assert index["level"]["crypto", "2019-10-29"] == pytest.approx(-1 - 2 ** (-1 / 5))


# --- responses ------------------------------------------------------------------------------


def test_events_of_one_session_are_one_with_their_net_stance(study, results):
    responses = stance_sessions(study)
    row = responses[
        (responses["group"] == "us_listed")
        & (responses["dimension"] == "blockchain")
        & (responses["event_session"] == "2019-10-28")
    ].iloc[0]
    assert row["members"] == "cryptography-law;huang-dcep-bund;peoples-daily-rationality"
    assert (row["net"], row["stance"], row["mixed"]) == (3 + 1 - 1, 1, True)
    caar = results.caar((0, 1)).set_index(["group", "event_id"])["caar"]
    assert row["caar"] == caar["us_listed", "peoples-daily-rationality"]
    per_group = responses[responses["dimension"] == "crypto"].groupby("group")
    assert (per_group["event_session"].nunique() == per_group.size()).all()


def test_windows_of_neighbouring_sessions_overlap(study, results):
    responses = stance_sessions(study)
    shares = responses[
        (responses["group"] == "a_shares_tier1") & (responses["dimension"] == "crypto")
    ].set_index("event_session")["overlaps"]
    # Friday 1 November and Monday 4 November are neighbours; 4 and 6 November are not.
    assert shares["2019-11-01"]
    assert shares["2019-11-04"]
    assert not shares["2019-11-06"]
    assert stance_sessions(study, (0, 0))["overlaps"].sum() == 0


def test_means_and_permutation_by_hand(study, results):
    responses = stance_sessions(study)
    one = responses.query("group == 'bitcoin' and dimension == 'overall' and stance != 0")
    up, down = one.query("stance > 0")["caar"], one.query("stance < 0")["caar"]
    found = response_by_stance(responses).set_index(["group", "dimension"])
    row = found.loc[("bitcoin", "overall")]
    assert row["supportive"] == pytest.approx(up.mean())
    assert row["difference"] == pytest.approx(up.mean() - down.mean())
    # Ten sessions against nine: 92378 assignments, too many for all of them.
    of_ten = np.array(list(combinations(one["caar"], 10))).sum(axis=1)
    assert len(of_ten) == 92_378
    assert (len(up), len(down)) == (10, 9)
    difference = np.abs(of_ten / 10 - (one["caar"].sum() - of_ten) / 9)
    expected = np.mean(difference >= abs(up.mean() - down.mean()) * (1 - 1e-12))
    every = permutation_test(one["caar"].to_numpy(), (one["stance"] > 0).to_numpy(), draws=100_000)
    assert every.n_assignments == 92_378
    assert every.p_value == pytest.approx(expected)
    assert row["n_assignments"] == 10_000
    error = 4 * np.sqrt(expected * (1 - expected) / 9_999)
    assert row["p_value"] == pytest.approx(expected, abs=error)


def test_too_few_sessions_of_a_sign_have_no_p_value():
    responses = pd.DataFrame(
        {
            "group": "g",
            "dimension": "crypto",
            "event_session": pd.date_range("2020-01-01", periods=6),
            "stance": [1, 1, 1, -1, -1, 0],
            "mixed": False,
            "overlaps": [True, False, False, False, False, True],
            "caar": [0.01, 0.02, 0.03, -0.01, -0.02, 9.0],
        }
    )
    row = response_by_stance(responses).iloc[0]
    assert np.isnan(row["p_value"])
    assert (row["supportive"], row["restrictive"]) == (pytest.approx(0.02), pytest.approx(-0.015))
    assert (row["n_assignments"], row["n_overlapping"]) == (10, 1)


def test_range_without_one_session_by_hand():
    responses = pd.DataFrame(
        {
            "group": "g",
            "dimension": "crypto",
            "event_session": pd.date_range("2020-01-01", periods=4),
            "stance": [1, 1, -1, -1],
            "mixed": False,
            "overlaps": False,
            "caar": [0.08, 0.02, -0.01, -0.05],
        }
    )
    row = response_by_stance(responses).iloc[0]
    # 0.05 + 0.03 = 0.08; without each: 0.02 + 0.03, 0.08 + 0.03, 0.05 + 0.05, 0.05 + 0.01.
    assert row["difference"] == pytest.approx(0.08)
    assert (row["lowest"], row["highest"]) == (pytest.approx(0.05), pytest.approx(0.11))
    single = response_by_stance(responses.iloc[:3]).iloc[0]
    assert np.isnan(single["lowest"])


def test_permutation_of_a_clear_difference():
    values = np.array([1.0, 2.0, 3.0, 10.0, 11.0, 12.0])
    labels = np.array([False] * 3 + [True] * 3)
    test = permutation_test(values, labels)
    assert test.difference == pytest.approx(9)
    assert test.n_assignments == 20
    assert test.p_value == test.smallest_p == pytest.approx(2 / 20)


def test_random_assignments_come_near_all_of_them():
    rng = np.random.default_rng(3)
    values = rng.normal(size=14) + np.repeat([0.9, 0.0], 7)
    labels = np.repeat([True, False], 7)
    every = permutation_test(values, labels)
    assert every.n_assignments == 3432
    drawn = permutation_test(values, labels, draws=2_000)
    assert drawn.n_assignments == 2_001
    error = 4 * np.sqrt(every.p_value * (1 - every.p_value) / 2_000)
    assert drawn.p_value == pytest.approx(every.p_value, abs=error)


def test_permutation_has_its_size():
    rng = np.random.default_rng(8)
    labels = np.repeat([True, False], [3, 5])
    p_values = [permutation_test(rng.standard_t(3, 8), labels).p_value for _ in range(600)]
    # 3 of 56 assignments reject at 6 %.
    assert np.mean(np.array(p_values) <= 3 / 56 + 1e-9) == pytest.approx(3 / 56, abs=0.03)


# --- portfolio, figures, tables -------------------------------------------------------------


def test_portfolio_is_the_mean_over_those_with_a_return():
    returns = pd.DataFrame(
        {
            "ticker": ["A", "A", "B", "B", "C"],
            "session": pd.to_datetime(["2020-01-01", "2020-01-02"] * 2 + ["2020-01-01"]),
            "return": [0.01, 0.02, 0.03, np.nan, 0.5],
            "market": [0.1, 0.2, 0.1, 0.2, np.nan],
            "n_sessions": 1,
            "at_limit": "",
        }
    )
    found = portfolio_returns(returns, pd.Series({"A": "x", "B": "x", "C": "y"}))
    expected = pd.DataFrame(
        {
            "group": ["x", "x", "y"],
            "session": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-01"]),
            "return": [0.02, 0.02, 0.5],
            "n_assets": [2, 1, 1],
            "market": [0.1, 0.2, np.nan],
        }
    )
    pd.testing.assert_frame_equal(found, expected)


def test_index_figure_draws_the_index_and_the_price(study):
    spec = {spec.name: spec for spec in figures.FIGURES}["policy_index"]
    figure, frame = spec.draw(study)
    assert list(frame["group"].unique()) == ["bitcoin", "a_shares_tier1", "us_listed"]
    bitcoin = frame[frame["group"] == "bitcoin"].set_index("session")
    closes = study.prices[study.prices["ticker"] == "BTC-USD"].set_index("date")["close"]
    first = bitcoin.index[0]
    change = np.log(closes["2019-10-25"] / closes[first - pd.Timedelta(days=1)])
    assert bitcoin["cumulative_return"]["2019-10-25"] == pytest.approx(change)
    drawn = figure.axes[0].lines[1].get_ydata()
    np.testing.assert_array_equal(drawn, bitcoin["level_blockchain"])


def test_response_figure_draws_one_mark_a_session(study, results):
    spec = {spec.name: spec for spec in figures.FIGURES}["stance_responses"]
    figure, frame = spec.draw(study)
    marks = [
        line
        for ax in figure.axes
        for line in ax.lines
        if line.get_marker() in ("^", "v") and line.get_alpha()
    ]
    assert sum(len(line.get_xdata()) for line in marks) == len(frame)
    assert (frame["stance"] != 0).all()


def test_a_study_without_policy_events_says_so(study):
    silent = replace(study, alignment=study.alignment.assign(role="control"))
    for name in ("policy_index", "stance_responses"):
        spec = {spec.name: spec for spec in figures.FIGURES}[name]
        with pytest.raises(figures.NothingToDrawError, match="No announcement"):
            spec.draw(silent)


def test_announcements_of_a_group_are_those_that_hit_any_asset_of_it(study):
    affects = {"xi-politburo": ("BTC-USD",), "huang-dcep-bund": (study.groups.index[-1],)}
    events = study.events.assign(
        affects=[affects.get(event_id, ()) for event_id in study.events["event_id"]]
    )
    changed = replace(study, events=events, alignment=align(events, study.assets))
    everything = set(policy_announcements(study, "bitcoin")["event_id"])
    assert set(policy_announcements(changed, "bitcoin")["event_id"]) == everything - {
        "huang-dcep-bund"
    }
    group = study.groups.iloc[-1]
    assert study.groups[study.groups == group].index[0] != study.groups.index[-1]
    assert set(policy_announcements(changed, group)["event_id"]) == everything - {"xi-politburo"}


def test_a_group_that_no_event_hits_has_a_flat_index(study):
    nothing = study.alignment[study.alignment["ticker"] != "BTC-USD"]
    index = policy_index(replace(study, alignment=nothing), "bitcoin")
    assert (index[["level", "innovation"]] == 0).all(axis=None)
    assert len(index) == len(policy_index(study, "bitcoin"))
