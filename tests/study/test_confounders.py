"""What else happened near an event is read with the study, and mistakes are located."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from chainpolicy.study import load_study, new_study
from chainpolicy.study.problems import InputError


@pytest.fixture
def folder(tmp_path) -> Path:
    return new_study(tmp_path / "study")


def written(folder: Path, *rows: str) -> Path:
    text = "\n".join(["event_id,at,name,note", *rows])
    (folder / "confounders.csv").write_text(text + "\n", encoding="utf-8")
    return folder


def test_confounders_of_that_night(study):
    table = study.confounders.set_index("name")
    assert table["at"]["monthly futures expire"] == pd.Timestamp("2019-10-25T15:00Z")
    assert pd.isna(table["at"]["short squeeze"])
    assert set(table["event_id"]) == {"xi-politburo"}


def test_a_study_without_the_file_has_none(folder):
    table = load_study(folder).confounders
    assert table.columns.tolist() == ["event_id", "at", "name", "note"]
    assert table.empty
    assert str(table["at"].dt.tz) == "UTC"


def test_times_are_in_utc_and_the_file_is_part_of_the_study(folder):
    before = load_study(folder).checksum
    study = load_study(
        written(folder, "rule-announced,2023-07-13T10:30+02:00,an index is reviewed,")
    )
    assert study.confounders["at"].tolist() == [pd.Timestamp("2023-07-13T08:30Z")]
    assert study.checksum != before
    assert folder / "confounders.csv" in study.files


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("rule-anounced,,an index is reviewed,", ["line 2", "event_id", "rule-anounced"]),
        (",,an index is reviewed,", ["line 2", "event_id", "must not be blank"]),
        ("rule-announced,2023-07-13 10:30,a review,", ["line 2", "at", "UTC offset"]),
        ("rule-announced,2023-07-13,a review,", ["line 2", "at", "UTC offset"]),
        ("rule-announced,,,a note", ["line 2", "name", "must not be blank"]),
    ],
)
def test_mistakes_are_located(folder, row, words):
    with pytest.raises(InputError) as caught:
        load_study(written(folder, row))
    assert len(caught.value.problems) == 1
    for word in ["confounders.csv", *words]:
        assert word in str(caught.value)


def test_the_same_confounder_twice_is_refused(folder):
    row = "rule-announced,,a review,"
    with pytest.raises(InputError, match="line 2 has this one already"):
        load_study(written(folder, row, row))


def test_without_readable_events_no_id_is_blamed(folder):
    (folder / "events.csv").write_text("", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_study(written(folder, "rule-announced,,a review,"))
    assert "confounders.csv" not in str(caught.value)
