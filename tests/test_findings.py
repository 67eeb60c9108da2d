"""Sentences carry the numbers that the results hold."""

from __future__ import annotations

import numpy as np
import pytest

import chainpolicy
from chainpolicy.findings import response, significant_clusters
from chainpolicy.findings.base import p_value, percent
from chainpolicy.findings.summary import abstract, readme_block, response_table


@pytest.fixture(scope="module")
def study():
    return chainpolicy.load_study()


@pytest.fixture(scope="module")
def results(study):
    return study.estimate()


@pytest.mark.parametrize(
    ("log_return", "text"),
    # exp(0.731) - 1 = 1.0772, exp(-0.6931) - 1 = -0.5
    [(0.0, "+0.0 %"), (0.731, "+107.7 %"), (-np.log(2), "-50.0 %")],
)
def test_texts_quote_simple_returns(log_return, text):
    assert percent(log_return) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0004, "p < 0.001"), (0.001, "p = 0.001"), (0.0449, "p = 0.045")]
)
def test_small_p_values_are_not_written_as_zero(value, text):
    assert p_value(value) == text


def test_the_response_names_every_group_with_its_size(study, results):
    text = str(response(study, results))
    for name, size in (
        ("A-shares, tier 1", 38),
        ("A-shares, tier 2", 8),
        ("Bitcoin", 1),
        ("Coins", 4),
        ("US-listed", 9),
    ):
        assert name in text
        assert f"N = {size}," in text


def test_the_response_of_one_group_is_its_caar(study, results):
    finding = response(study, results, groups=["bitcoin"])
    car = results.car((0, 1))
    own = car[(car["event_id"] == "xi-politburo") & (car["ticker"] == "BTC-USD")].iloc[0]
    assert finding.numbers["caar"].item() == pytest.approx(own["car"])
    assert percent(own["car"]) in finding._repr_markdown_()
    assert "A-shares" not in finding.text


def test_clusters_count_shared_sessions_once(study, results):
    table = significant_clusters(study, results).numbers
    # Three announcements share the A-share session of 28 October; controls and placebo are out.
    october = table[(table["group"] == "a_shares_tier1") & (table["event_session"] == "2019-10-28")]
    assert october["members"].tolist() == ["xi-politburo;cryptography-law;huang-dcep-bund"]
    assert not table["event_id"].isin(["unicef-crypto-fund", "brics-settlement-coin"]).any()
    # Holm: the smallest p-value times the number of tests.
    smallest = table.sort_values("p_value").iloc[0]
    assert smallest["holm"] == pytest.approx(smallest["p_value"] * len(table))


def test_the_abstract_is_two_sentences_on_the_headline_event(study):
    text = str(abstract(study))
    assert "2019-10-28" in text
    assert "2019-10-25" in text
    assert "N = 38" in text


def test_the_readme_block_holds_the_figure_and_one_row_per_group(study):
    block = readme_block(study)
    assert "![" in block
    # Beside the rows of the groups the table has its head and a rule.
    assert block.count("\n| ") == 2 + len(response_table(study).frame)
    assert response_table(study).frame["N"].tolist() == ["38", "8", "1", "4", "9"]
