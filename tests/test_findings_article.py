"""Sentences on tone carry the numbers of the catalogue."""

from __future__ import annotations

import csv

import pytest

import chainpolicy
from chainpolicy.article.agreement import agreement
from chainpolicy.findings.article import (
    agreement_report,
    dated_statements_found,
    tone_agreement,
    tone_report,
)


@pytest.fixture(scope="module")
def study():
    return chainpolicy.load_study()


@pytest.fixture(scope="module")
def rows(study):
    with (study.path / "events.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_tone_table_has_a_row_per_event_that_the_article_dates(study, rows):
    dated = [row for row in rows if row["article_date"]]
    table = tone_report(study).frame
    assert table["Event"].tolist() == [row["event_id"] for row in dated]
    assert [float(cell) for cell in table["VADER"]] == pytest.approx(
        [float(row["tone_vader"]) for row in dated], abs=0.005
    )
    assert [int(cell) for cell in table["Crypto"]] == [int(row["stance_crypto"]) for row in dated]


def test_the_counts_of_dated_statements(study, rows):
    text = str(dated_statements_found(study))
    mentioned = [row for row in rows if row["from_article"] == "yes"]
    assert f"{len(mentioned)} announcements" in text
    # Only the two steps of the plenum share a day.
    assert "(2 share their day" in text


def test_the_sentence_names_the_best_and_the_worst_kappa(study):
    table = agreement(study.events)
    text = str(tone_agreement(study))
    assert f"{table['kappa'].max():.2f}" in text
    assert f"{table['kappa'].min():.2f}" in text
    assert f"{(table['lower'] > 0).sum()} of {len(table)} intervals" in text
    assert agreement_report(study).frame["n"].tolist() == ["13"] * 6
