"""Sentences carry the numbers that the results hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import chainpolicy
from chainpolicy.findings import significant_clusters
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


def test_clusters_count_shared_sessions_once(study, results):
    table = significant_clusters(study, results).numbers
    # Three announcements share the A-share session of 28 October; controls and placebo are out.
    october = table[(table["group"] == "a_shares_tier1") & (table["event_session"] == "2019-10-28")]
    assert october["members"].tolist() == ["xi-politburo;cryptography-law;huang-dcep-bund"]
    assert not table["event_id"].isin(["unicef-crypto-fund", "brics-settlement-coin"]).any()
    # Holm: the smallest p-value times the number of tests.
    smallest = table.sort_values("p_value").iloc[0]
    assert smallest["holm"] == pytest.approx(smallest["p_value"] * len(table))


def test_the_abstract_is_two_sentences_on_the_headline_event(study, results):
    text = str(abstract(study))
    assert text.count(". ") == 1
    assert "28 Oct 2019 (N = 38, 95 % interval" in text
    car = results.car((0, 0)).query("event_id == 'xi-politburo' and ticker == 'BTC-USD'")
    assert f"**{percent(car['car'].item())}** for Bitcoin on 25 Oct 2019 (N = 1" in text
    # By hand: 14 UTC days for 2 groups, 12 A-share sessions for 2 groups, 13 in New York.
    assert "Of all 65 responses" in text
    assert f"where {0.05 * 65:.1f} would by chance" in text
    assert "1 is left: Bitcoin at this event" in text


def test_the_readme_block_holds_the_figure_and_one_row_per_group(study):
    block = readme_block(study)
    # The picture in words, for who cannot see it.
    description = block.split("![")[1].split("](figures/caar_paths.png)")[0]
    assert all(
        name in description for name in ("Bitcoin", "Coins", "US-listed", "A-shares, tier 1")
    )
    # Beside the rows of the groups the table has its head and a rule.
    assert block.count("\n| ") == 2 + len(response_table(study).frame)
    assert response_table(study).frame["N"].tolist() == ["38", "8", "1", "4", "9"]


def test_clusters_of_a_study_without_policy_events_are_none(study, results):
    controls = replace(study, events=study.events.assign(role="control"))
    finding = significant_clusters(controls, results)
    assert finding.text == "No response to a policy event is tested over [0, 1]."
    assert finding.numbers.empty
