"""Overlap report, tables and undoing of the regressions."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chainpolicy import cli, figures
from chainpolicy.checks import specifications
from chainpolicy.estimators import (
    EventDummySystem,
    overlap,
    overlapping_clusters,
    undoing,
)
from chainpolicy.eventstudy import MODELS, EventStudy
from chainpolicy.figures import NothingToDrawError, canvas
from chainpolicy.study import Study, load_study, new_study
from chainpolicy.tables.estimates import (
    regressed_window,
    regression_report,
    regression_tables,
)
from panels import sessions
from small_study import WINDOWS


@pytest.fixture(scope="module")
def overlapped(study):
    return overlap(study, (0, 1))


@pytest.fixture
def placebos(tmp_path) -> Study:
    """The template with no policy event."""
    folder = new_study(tmp_path / "study")
    path = folder / "events.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",policy,", ",placebo,"), "utf-8")
    return load_study(folder)


# --- overlap -----------------------------------------------------------------------------------


def test_windows_overlap_by_hand():
    """Window [-1, 2] around sessions 10, 12, 14, 30; another group at 11 shares nothing.

    10: 9-12, 12: 11-14, 14: 13-16. The first shares 11 and 12, the second 11 to 14, the third 13
    and 14.
    """
    days = sessions(40)
    clusters = pd.DataFrame(
        {
            "group": ["shares"] * 4 + ["funds"],
            "event_session": days[[10, 12, 14, 30, 11]],
            "event_id": list("abcde"),
        }
    )
    found = overlapping_clusters(clusters, {"shares": days, "funds": days}, (-1, 2))
    assert found["overlaps_with"].tolist() == ["b", "a;c", "b", "", ""]
    assert found["shared_sessions"].tolist() == [2, 4, 2, 0, 0]
    # The second hits a firm of its own, the third one of each.
    hit = [{"X"}, {"Y"}, {"X", "Y"}, {"X"}, {"X"}]
    found = overlapping_clusters(clusters, {"shares": days, "funds": days}, (-1, 2), hit)
    assert found["overlaps_with"].tolist() == ["", "c", "b", "", ""]
    assert found["shared_sessions"].tolist() == [0, 2, 2, 0, 0]


def test_overlap_of_the_a_share_calendar(overlapped):
    """By hand: 28 and 29 Oct, 1 and 4 Nov, 18 and 19 Nov are neighbouring sessions."""
    table = overlapped.tidy().query("group == 'a_shares_tier1'").set_index("event_id")
    pairs = table.loc[table["shared_sessions"] > 0, "overlaps_with"].to_dict()
    assert pairs == {
        "xi-politburo": "peoples-daily-rationality",
        "peoples-daily-rationality": "xi-politburo",
        "plenum-communique": "miit-reply-1394",
        "miit-reply-1394": "plenum-communique",
        "shanghai-exchange-notice": "cctv-focus-scams",
        "cctv-focus-scams": "shanghai-exchange-notice",
    }
    assert set(table["shared_sessions"]) == {0, 1}


@pytest.mark.parametrize(
    ("variant", "choices"),
    [
        ("study", {}),
        ("masked", {"anchor": "event", "end": None}),
        ("unmasked", {"anchor": "event", "end": None, "mask": False}),
    ],
)
def test_one_by_one_is_the_event_study_of_the_assets_of_the_system(
    study, overlapped, variant, choices
):
    base = study.event_study()
    results = EventStudy(
        study.returns,
        study.alignment,
        groups=study.groups,
        benchmarks=study.benchmarks,
        model=base.model,
        estimation=replace(study.estimation, **choices),
        event_window=study.event_window,
    ).fit()
    system = EventDummySystem.from_study(study).fit()["a_shares_tier1"]
    car = results.car((0, 1))
    means = car[car["ticker"].isin(system.gamma.columns)].groupby("event_id")["car"].mean()
    table = overlapped.tidy().query("group == 'a_shares_tier1'").set_index("event_id")
    assert set(table["n_assets"]) == {36}
    np.testing.assert_allclose(table[f"caar_{variant}"], means[table.index], rtol=1e-10)
    assert (table[f"std_error_{variant}"] > 0).all()


def test_joint_estimate_is_the_system_with_window_dummies(study, overlapped):
    joint = EventDummySystem.from_study(study, dummies="window").fit().tidy()
    keys = ["group", "event_id"]
    table = overlapped.tidy().set_index(keys)
    joint = joint.set_index(keys).loc[table.index]
    np.testing.assert_array_equal(table["caar_joint"], joint["average"])
    np.testing.assert_array_equal(table["std_error_joint"], joint["std_error"])


def test_overlap_is_laid_out_for_reading(overlapped):
    text = str(overlapped.summary(["bitcoin"]))
    assert "a_shares" not in text
    assert "cryptography-law" in text
    assert "same effect on each session" in text
    every = overlapped.summary().frame["Group"]
    # Words for the reader; the tidy table keeps the keys.
    assert set(every) == {
        "Bitcoin",
        "Coins",
        "US-listed",
        "A-shares, tier 1",
        "A-shares, tier 2",
    }
    assert "us_listed" in set(overlapped.tidy()["group"])


def test_without_a_policy_event_everything_is_empty_and_says_so(placebos):
    tables = regression_tables(placebos)
    assert {name for name, table in tables.items() if table.empty} == {
        "system",
        "undoing",
        "overlap",
        "cross_section",
    }
    assert set(tables["system_left"]["reason"]) == {"no announcement: the group has no system"}
    for name in ("system", "undoing", "overlap", "cross_section"):
        assert "tabular" in regression_report(placebos, name).to_latex()


def test_own_window_before_the_data_leaves_a_blank(tmp_path):
    """The study's window ends before the first event; each event's own begins before the data."""
    folder = new_study(tmp_path / "study")
    path = folder / "study.toml"
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ("# end = 2023-06-30", "end = 2023-06-30"),
        ("start = 2023-01-03", "start = 2023-06-05"),
        ("window = [-100, -11]", "window = [-120, -106]"),
        ("minimum = 60", "minimum = 15"),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    table = overlap(load_study(folder)).tidy()
    assert len(table) == 6
    assert table[["caar_joint", "caar_study"]].notna().all(axis=None)
    assert table[["caar_unmasked", "caar_masked"]].isna().all(axis=None)


# --- tables of any study -----------------------------------------------------------------------


def test_three_events_and_five_assets_get_every_table_without_code(tmp_path, capsys, same_code):
    folder = new_study(tmp_path / "study")
    assert cli.main(["regenerate", str(folder), "--output", str(tmp_path / "out"), "--only",
                     "tables"]) == 0  # fmt: skip
    build = tmp_path / "out" / "build"
    rows = {}
    for name in ("system", "system_left", "undoing", "overlap", "cross_section"):
        with (build / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows[name] = list(csv.DictReader(file))
    # Three groups, two policy events, four windows; window dummies where they are several sessions.
    assert len(rows["system"]) == 3 * 2 * (4 + 3)
    assert len(rows["overlap"]) == 3 * 2 * 4
    assert len(rows["undoing"]) == 3 * 2 * 4
    assert rows["system_left"] == []
    assert {row["sample"] for row in rows["cross_section"]} == {
        "makers",
        "sellers",
        "coin",
        "makers, sellers",
    }
    makers = [
        row
        for row in rows["system"]
        if (row["group"], row["window"], row["dummies"]) == ("makers", "[0, 1]", "session")
    ]
    assert [row["event_session"] for row in makers] == ["2023-07-13", "2023-09-13"]
    assert [row["f_df1"] for row in makers] == ["3", "3"]
    capsys.readouterr()


def _edit(folder: Path, file: str, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]):
    path = folder / file
    with path.open(encoding="utf-8", newline="") as source:
        rows = change(list(csv.DictReader(source)))
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


SMALL = {
    "one event": {"events.csv": lambda rows: rows[:1]},
    "one asset and event": {
        "events.csv": lambda rows: rows[:1],
        "assets.csv": lambda rows: [r for r in rows if r["ticker"] in ("ACME", "INDEX")],
    },
    "a coin alone": {"assets.csv": lambda rows: [r for r in rows if r["ticker"] == "COIN"]},
    "no coin": {"assets.csv": lambda rows: [r for r in rows if r["ticker"] != "COIN"]},
    "no benchmark": {
        "assets.csv": lambda rows: [r | {"benchmark": ""} for r in rows if r["ticker"] != "INDEX"]
    },
    "one session": {
        "events.csv": lambda rows: [
            r | {"announced_at": rows[0]["announced_at"], "time_precision": "exact"}
            for r in rows
            if r["announced_at"]
        ]
    },
    "controls alone": {"events.csv": lambda rows: [r | {"role": "control"} for r in rows]},
    "nothing in sample": {
        "events.csv": lambda rows: [r | {"in_sample": "no", "reason": "a reason"} for r in rows]
    },
    "after the data": {
        "events.csv": lambda rows: [rows[0] | {"announced_at": "2030-01-02T10:00:00-05:00"}]
    },
}


@pytest.mark.parametrize("name", list(SMALL))
def test_odd_small_studies_get_their_tables_or_a_sentence(tmp_path, capsys, monkeypatch, name):
    folder = new_study(tmp_path / "study")
    settings = (folder / "study.toml").read_text(encoding="utf-8")
    assert settings.count(WINDOWS) == 1
    settings = settings.replace(WINDOWS, "car_windows = [[0, 1]]")
    (folder / "study.toml").write_text(settings, encoding="utf-8")
    for file, change in SMALL[name].items():
        _edit(folder, file, change)
    # Four reports and the figures read one study; other models and kinds of returns would make
    # twelve times as many specifications.
    study = load_study(folder)
    monkeypatch.setattr("chainpolicy.study.load_study", lambda _: study)
    monkeypatch.setattr(canvas, "_settle", lambda figure: None)
    monkeypatch.setattr(specifications, "KINDS", (study.kind,))
    monkeypatch.setattr(specifications, "MODELS", {study.model: MODELS[study.model]})
    estimable = name not in ("nothing in sample", "after the data")
    for table in ("system", "undoing", "overlap", "cross_section"):
        assert cli.main(["report", str(folder), "--table", table]) == (0 if estimable else 2)
        said = capsys.readouterr()
        assert ("no pair of this study can be" in said.err) != estimable
        assert bool(said.out) == estimable
    results = study.estimate()
    tables = regression_tables(study)
    in_sample = int(study.alignment["in_sample"].sum())
    regressed = name not in ("controls alone", "nothing in sample", "after the data")
    assert tables["system"].empty != regressed
    assert tables["overlap"].empty != regressed
    assert (len(results.pairs) > 0) == (in_sample > 0 and name != "after the data")
    if not regressed:
        assert tables["system_left"]["reason"].str.len().gt(0).all()
    for spec in figures.FIGURES:
        if spec.name in ("stance_responses", "volatility", "specification_curve"):
            try:
                said = f"{len(spec.draw(study)[1])} rows."
            except NothingToDrawError as reason:
                said = str(reason)
            assert re.fullmatch(r"[1-9A-Z].+\.", said)
            # The rule is in favour, its withdrawal against: on one session they cancel.
            assert ("cancel" in said) == (name == "one session" and spec.name == "stance_responses")


def test_without_an_event_in_the_sample_none_leads(tmp_path):
    folder = new_study(tmp_path / "study")
    _edit(folder, "events.csv", SMALL["nothing in sample"]["events.csv"])
    with pytest.raises(ValueError, match="no dated event is in the sample"):
        load_study(folder).headline_event  # noqa: B018


@pytest.mark.parametrize("name", ["system", "undoing", "overlap", "cross_section"])
@pytest.mark.parametrize("form", ["text", "latex"])
def test_report_prints_each_table(template, capsys, monkeypatch, name, form):
    monkeypatch.setattr("chainpolicy.study.load_study", lambda _: template)
    assert cli.main(["report", str(template.path), "--table", name, "--format", form]) == 0
    out = capsys.readouterr().out
    assert "makers" in out
    assert ("tabular" in out) == (form == "latex")
    assert "standard error" in out.lower()


def test_window_is_the_first_two_sessions_where_there_are_two(study, template):
    assert regressed_window(study) == (0, 1)
    short = replace(template, event_window=(-5, 0), car_windows=((-1, 0),))
    assert regressed_window(short) == (-1, 0)


# --- undoing -----------------------------------------------------------------------------------


def with_stances(study: Study, **stances: int) -> Study:
    coded = study.events["event_id"].str.replace("-", "_").map(stances).fillna(0).astype(int)
    return replace(study, events=study.events.assign(stance_crypto=coded))


def test_a_speech_that_nothing_answers_has_one_step(template):
    study = with_stances(template, rule_announced=1)
    steps = undoing(study, EventDummySystem.from_study(study).fit())
    assert steps["step"].tolist() == [0, 0, 0]
    assert set(steps["event_id"]) == {"rule-announced"}


def test_without_a_supportive_event_there_is_no_speech(template):
    study = with_stances(template, rule_announced=-1, rule_withdrawn=-1)
    assert undoing(study, EventDummySystem.from_study(study).fit()).empty


def test_planted_effects_that_cancel_sum_to_zero(template):
    """The template's makers gain 8 % and lose 7 %: of the second step little is left."""
    steps = undoing(template, EventDummySystem.from_study(template).fit())
    makers = steps[steps["group"] == "makers"].set_index("step")
    assert makers.loc[0, "average"] == pytest.approx(0.08, abs=2.5 * makers.loc[0, "std_error"])
    assert makers.loc[0, "p_value"] < 0.001
    assert makers.loc[1, "average"] == pytest.approx(0.01, abs=2.5 * makers.loc[1, "std_error"])
    assert makers.loc[1, "p_value"] > 0.05
