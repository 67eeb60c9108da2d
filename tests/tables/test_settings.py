"""What a report says of a study's choices, and which rows it shows of many."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from chainpolicy import tables


def said(study) -> dict[str, str]:
    frame = tables.settings_report(study).frame
    return dict(zip(frame["Choice"], frame["This study"], strict=True))


def test_the_choices_are_those_of_the_study(study):
    words = said(study)
    assert words["Estimation window"] == (
        "the last 120 sessions up to 2019-09-16, without the sessions [0, 1] of all events"
    )
    assert words["Windows of CARs"] == "[0, 0], [0, 1], [-1, 1], [0, 5], [0, 10]"
    assert words["Normal returns"].startswith("market (000300.SS + 399006.SZ; SPY)")
    # Bitcoin and four coins have no benchmark.
    assert "5 assets without a benchmark: constant mean" in words["Normal returns"]
    assert words["Returns"] == "log; after a gap left out"


def test_one_asset_is_not_several(template):
    # Of the example only the coin has none.
    assert "; 1 asset without a benchmark" in said(template)["Normal returns"]


def test_the_note_on_events_names_the_columns_of_stances_that_are_there(study, template):
    assert "On blockchain, On crypto: the stance" in tables.events_report(study).note
    assert "unknown. On crypto: the stance" in tables.events_report(template).note


def test_other_choices_read_otherwise(study):
    window = replace(study.estimation, end=None, mask=False)
    changed = replace(
        study, estimation=window, gaps="span", benchmarks=dict.fromkeys(study.benchmarks, ())
    )
    words = said(changed)
    assert words["Estimation window"] == "[-130, -11] around each event"
    assert words["Normal returns"] == "constant mean"
    assert words["Returns"] == "log; after a gap spread over the sessions that it spans"


def test_of_many_rows_the_most_significant_come_first():
    rows = pd.DataFrame({"time_series_t_p": [0.9, float("nan"), 0.01, 0.5]})
    assert tables.most_significant(rows, 4) is rows
    assert list(tables.most_significant(rows, 3).index) == [2, 3, 0]
