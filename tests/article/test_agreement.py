"""Weighted kappa against statsmodels and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from chainpolicy.article.agreement import agreement, weighted_kappa

ratings = st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 1)), min_size=2, max_size=30)


@given(ratings)
def test_weighted_kappa_is_that_of_statsmodels(pairs):
    coded, scored = (np.array(values) for values in zip(*pairs, strict=True))
    if len({*coded.tolist(), *scored.tolist()}) == 1:
        assert np.isnan(weighted_kappa(coded, scored))
        return
    table = np.zeros((3, 3))
    np.add.at(table, (coded + 1, scored + 1), 1)
    expected = cohens_kappa(table, wt="linear", return_results=False)
    assert weighted_kappa(coded, scored) == pytest.approx(expected, abs=1e-12)


def test_weighted_kappa_by_hand():
    coded, scored = np.array([-1, 0, 1, 1]), np.array([-1, 0, 1, 0])
    # Distances 0, 0, 0, 1: mean 1/4; coded margins 1/4, 1/4, 1/2, scored margins 1/4, 1/2, 1/4:
    # expected 1/4 (1/2 + 2/4) + 1/4 (1/4 + 1/4) + 1/2 (2/4 + 1/2) = 1/4 + 1/8 + 1/2 = 7/8.
    assert weighted_kappa(coded, scored) == pytest.approx(1 - (1 / 4) / (7 / 8))


def test_small_tones_are_neutral_and_events_without_a_tone_do_not_count():
    events = pd.DataFrame(
        {
            "stance_blockchain": [1, 0, -1, 1],
            "stance_crypto": [0, 0, -1, 0],
            "tone_lm": ["0.5", "0.05", "-0.06", ""],
            "tone_vader": ["0.5", "-0.05", "-1", ""],
            "tone_stance": ["1", "0", "-1", ""],
        }
    )
    table = agreement(events, draws=200).set_index(["stance", "tone"])
    assert set(table["n"]) == {3}
    assert table.loc[("stance_blockchain", "tone_lm"), ["same_sign", "kappa"]].tolist() == [1, 1]
    assert table.loc[("stance_crypto", "tone_stance"), "same_sign"] == pytest.approx(2 / 3)


def test_a_catalogue_without_tones_has_no_agreement():
    assert agreement(pd.DataFrame({"stance_blockchain": [1], "stance_crypto": [0]})).empty


def test_the_interval_holds_the_estimate_and_the_seed_decides(study):
    events = study.events
    table = agreement(events)
    assert (table["lower"] <= table["kappa"]).all()
    assert (table["kappa"] <= table["upper"]).all()
    assert table.equals(agreement(events))
    assert set(table["n"]) == {13}
