"""Tables of the yardsticks: their cells against the tidy numbers."""

from __future__ import annotations

import pytest

from chainpolicy import tables
from chainpolicy.checks import ladder, rung_errors
from chainpolicy.study import Study, load_study
from chainpolicy.typeset.report_table import p_text
from donor_study import donor_study


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return load_study(donor_study(tmp_path_factory.mktemp("tables") / "study"))


def test_the_table_of_errors_marks_one_rung_of_each_group(study):
    errors = rung_errors(study)
    frame = tables.rungs_report(study).frame
    assert frame["Measured against"].tolist() == errors["title"].tolist()
    chosen = frame[frame["Chosen"] == "yes"]
    assert chosen["Group"].tolist() == ["makers", "sellers", "coin"]
    for row, (_, error) in zip(frame.itertuples(index=False), errors.iterrows(), strict=True):
        assert row[3] == f"{100 * error['error']:.3f}"
        assert row[4] == f"{100 * error['asset_error']:.3f}"
    assert "log returns" in tables.rungs_report(study).note


def test_the_answers_of_a_group_stand_by_rung_and_window(study):
    tidy = ladder(study)
    tidy = tidy[tidy["group"] == "makers"]
    report = tables.ladder_report(study, "makers")
    frame = report.frame
    windows = [f"[{first}, {last}]" for first, last in study.car_windows]
    assert frame.columns.tolist() == ["Measured against", *(f"CAAR{w}, %" for w in windows)]
    assert len(frame) == tidy["rung"].nunique()
    assert frame["Measured against"].str.endswith(" *").sum() == 1
    for _, row in tidy.iterrows():
        title = f"{row['title']} *" if row["chosen"] else row["title"]
        (cell,) = frame.loc[frame["Measured against"] == title, f"CAAR{row['window']}, %"]
        assert cell.startswith(f"{100 * row['caar']:+.1f} (")
        assert cell.endswith(f"; {p_text(row['p_value'])}, {p_text(row['p_placebo'])})")
    assert report.note.startswith("makers: log returns")


def test_a_study_without_donors_has_the_rungs_of_its_benchmarks(template):
    tidy = ladder(template)
    assert tidy.groupby("group")["rung"].unique().map(list).to_dict() == {
        "coin": ["constant_mean"],
        "makers": ["constant_mean", "index"],
        "sellers": ["constant_mean", "index"],
    }
    assert not tidy["effect"].notna().any()
