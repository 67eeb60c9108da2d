"""Differences of supportive and restrictive sessions under other codings of the stances."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chainpolicy.estimators.codings import stance_codings
from chainpolicy.estimators.policy_index import response_by_stance, stance_sessions
from small_study import only


@pytest.fixture(scope="module")
def study(embedded):
    """Three of the five groups: codings are of announcements, whoever answers."""
    return only(embedded, ["bitcoin", "coins", "us_listed"])


@pytest.fixture(scope="module")
def codings(study):
    return stance_codings(study)


def test_the_chosen_coding_is_that_of_the_table_by_stance(study, codings):
    table = response_by_stance(stance_sessions(study)).query("dimension == 'overall'")
    own = codings[codings["chosen"]].set_index("group")
    assert own.index.tolist() == table["group"].tolist()
    for column in ("difference", "p_value", "n_supportive", "n_restrictive"):
        np.testing.assert_allclose(own[column], table[column], rtol=1e-12)


def test_every_choice_meets_every_other_once(codings):
    keys = ["group", "weight", "mixed", "facts", "flipped"]
    assert not codings.duplicated(keys).any()
    bitcoin = codings[codings["group"] == "bitcoin"]
    assert len(set(bitcoin.groupby(["weight", "mixed"]).size())) == 1
    assert set(bitcoin["weight"]) == {"salience", "equal", "square"}


def test_reversing_an_event_moves_its_session_to_the_other_side(study, codings):
    # Alone on its UTC day and coded -1 on crypto: by hand, one more and one fewer.
    rows = codings.query("group == 'bitcoin' and weight == 'equal' and mixed == 'net'")
    rows = rows[rows["facts"] == "all"].set_index("flipped")
    before, after = rows.loc[""], rows.loc["shenzhen-campaign"]
    assert after["n_supportive"] == before["n_supportive"] + 1
    assert after["n_restrictive"] == before["n_restrictive"] - 1


def test_a_square_weight_lets_the_highest_rank_decide_a_mixed_session(study):
    """By hand: New York's 28 October has +1 of rank 3 and a sum of -2 of rank 1."""
    events = study.events.set_index("event_id")
    day = ["cryptography-law", "huang-dcep-bund", "peoples-daily-rationality"]
    both = events.loc[day, ["stance_blockchain", "stance_crypto"]].astype(int).sum(axis=1)
    rank = events.loc[day, "salience"].astype(int)
    assert [np.sign((both * rank**power).sum()) for power in (0, 1, 2)] == [-1, 1, 1]
    sessions = stance_sessions(study).query("group == 'us_listed' and dimension == 'overall'")
    row = sessions.set_index("event_session").loc[pd.Timestamp("2019-10-28")]
    assert (row["stance"], row["mixed"]) == (1, True)


def test_facts_without_a_dated_source_drop_their_sessions(study, codings):
    lower = replace(study, events=study.events.assign(source="one source (M)"))
    assert set(stance_codings(lower)["facts"]) == {"all"}
    assert set(codings["facts"]) == {"all", "dated source"}
