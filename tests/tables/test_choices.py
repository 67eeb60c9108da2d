"""The tables of pooled choices: what they say, and of which studies they can be made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chainpolicy import estimators, tables


@pytest.fixture(scope="module")
def small(study):
    """The autumn of 2019 with a column of orders: two of its announcements share one."""
    restrictive = study.events["stance_crypto"] < 0
    policy = restrictive & (study.events["role"] == "policy") & study.events["in_sample"]
    first_two = study.events.index[policy][:2]
    order = pd.Series("", index=study.events.index)
    order[first_two] = "one"
    return replace(study, events=study.events.assign(order=order))


def test_a_study_without_a_column_has_no_row_of_it(study, small):
    plain = estimators.robustness(study, "bitcoin")["subset"]
    ordered = estimators.robustness(small, "bitcoin")["subset"]
    assert not plain.str.contains("order").any()
    assert "first of each order" in set(ordered)
    assert plain.iloc[0] == "all"


def test_the_first_of_each_order_leaves_one_announcement_out(small):
    table = estimators.robustness(small, "bitcoin").set_index("subset")
    assert table.loc["first of each order", "n_events"] == table.loc["all", "n_events"] - 1


def test_a_day_on_which_any_row_notes_other_news_is_not_one_without(study):
    """18 November 2019 has two announcements in UTC, and a note at one of them counts for both."""
    noted = study.events["event_id"].eq("fundraising-letter")
    events = study.events.assign(other_news=np.where(noted, "a fork", ""))
    table = estimators.robustness(replace(study, events=events), "bitcoin").set_index("subset")
    alone = table.loc["days without other news"]
    assert alone["n_events"] == table.loc["all", "n_events"] - 2
    assert alone["n_clusters"] == table.loc["all", "n_clusters"] - 1


def test_groups_with_a_benchmark_have_no_row_in_volatility(study):
    assert estimators.robustness(study, "bitcoin")["subset"].str.contains("EWMA").any()
    assert not estimators.robustness(study, "us_listed")["subset"].str.contains("EWMA").any()


def test_the_report_leaves_blank_what_takes_three_blocks(study):
    row = {"subset": "two", "group": "bitcoin", "window": "[0, 1]", "n_events": 2}
    row |= {"n_clusters": 2, "n_blocks": 2, "n_negative": 1, "mean": 0.0123, "mean_scaar": 0.4}
    row |= dict.fromkeys(["std_error", "lower", "upper", "randomization_p", "sign_flip_p"], np.nan)
    report = tables.effects_report(study, pd.DataFrame([row]))
    assert report.frame.iloc[0].tolist() == ["two", "2", "2", "+1.2", "", "+0.40", "", ""]
    assert report.note.startswith("Bitcoin, CAAR[0, 1], mean over distinct event sessions, log")


def test_splits_are_in_the_words_of_a_reader(study):
    rows = [("confidence", "H"), ("salience", "2"), ("act", "H")]
    row = {"group": "bitcoin", "window": "[0, 1]", "n_events": 2, "n_clusters": 2, "mean": 0.01}
    row |= dict.fromkeys(["lower", "upper", "mean_scaar", "randomization_p", "sign_flip_p"], np.nan)
    effects = pd.DataFrame([{"by": by, "subset": subset} | row for by, subset in rows])
    frame = tables.effects_report(study, effects).frame
    assert list(zip(frame["By"], frame["Announcements"], strict=True)) == [
        ("confidence in the date", "high"),
        ("salience (1 to 3)", "2"),
        # Another column keeps its own values.
        ("act", "H"),
    ]


def test_the_report_on_timing_says_what_is_lost(study):
    report = tables.timing_report(study, (0, 1))
    shift = dict(zip(report.frame["Event"], report.frame["Sessions early"], strict=False))
    # Xi's session: the article gives the 24th, the public knew on the 25th.
    assert shift["xi-politburo"] in {"1", "2"}
    assert "by announced_at and by article_date" in report.note
    # By hand: October 18, 25, 26 and 31, November 4 to 6, December 5 and 9, January 10.
    assert "Bitcoin, supportive: mean of 10 clusters" in report.note


def test_the_report_on_timing_says_so_where_no_session_differs(study):
    only = study.events["event_id"] == "xi-politburo"
    events = study.events.assign(document_date="2019-10-25")
    alone = replace(study, events=events[only], alignment=study.alignment.query(
        "event_id == 'xi-politburo' and calendar == '24/7'"))  # fmt: skip
    report = tables.timing_report(alone)
    assert report.frame.empty
    assert report.note == (
        "No event has another session by document_date than by announced_at. "
        "article_date, which dates events too, is not used."
    )
