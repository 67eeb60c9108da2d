"""Stances are the stance_* columns of events.csv: none, one, or many."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from chainpolicy import figures, load_study, tables
from chainpolicy.estimators import cross_sections
from chainpolicy.estimators.policy_index import (
    dimensions,
    policy_index,
    response_by_stance,
    stance_sessions,
)
from chainpolicy.figures.canvas import texts_of
from chainpolicy.study.problems import InputError
from chainpolicy.study.regressors import read_regressors
from tariff_study import N_EVENTS, tariff_study

FIVE = ("trade", "labour_law", "steel", "cars", "farm_goods")
PACKAGE = Path(figures.__file__).parents[1]


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    return load_study(tariff_study(tmp_path_factory.mktemp("none") / "study"))


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return load_study(tariff_study(tmp_path_factory.mktemp("one") / "study", "trade"))


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    return load_study(tariff_study(tmp_path_factory.mktemp("five") / "study", *FIVE))


def written(figure) -> str:
    return "\n".join(
        [
            *(text.get_text() for ax in figure.axes for text in ax.texts),
            *(ax.get_title(loc="left") for ax in figure.axes),
            *(tick.get_text() for ax in figure.axes for tick in ax.get_yticklabels()),
            *(text.get_text() for legend in figure.legends for text in legend.get_texts()),
        ]
    )


def test_dimensions_follow_the_columns(silent, one, five):
    assert dimensions(silent) == ()
    assert dimensions(one) == ("trade",)
    words = ("trade", "labour law", "steel", "cars", "farm goods")
    assert dimensions(five) == (*words, "overall")
    assert policy_index(silent, "makers").empty
    index = policy_index(one, "makers")
    assert set(index["dimension"]) == {"trade"}
    # Every announcement enters once, with its sign.
    assert index["innovation"].sum() == one.events["stance_trade"].sum()
    assert (index["innovation"] != 0).sum() == N_EVENTS
    summed = policy_index(five, "makers").pivot_table(
        index="session", columns="dimension", values="innovation"
    )
    pd.testing.assert_series_equal(
        summed["overall"], summed[list(words)].sum(axis=1), check_names=False
    )


def test_a_study_without_stances_has_none_anywhere(silent):
    assert not [name for name in silent.events if name.startswith("stance")]
    assert stance_sessions(silent).empty
    assert "supportive" not in tables.events_report(silent).note
    assert "stance" not in cross_sections(silent).tidy()["regressor"].str.cat(sep=" ")
    for name in ("policy_index", "stance_responses", "local_projections"):
        spec = next(spec for spec in figures.FIGURES if spec.name == name)
        with pytest.raises(figures.NothingToDrawError, match="takes a stance"):
            spec.draw(silent)
    spec = next(spec for spec in figures.FIGURES if spec.name == "price_with_events")
    figure, frame = spec.draw(silent)
    assert frame.columns.tolist() == ["date", "close", "event_id"]
    assert not figure.legends
    assert "stance" not in spec.description


def test_one_stance_is_not_added_to_anything(one):
    sessions = stance_sessions(one)
    assert set(sessions["dimension"]) == {"trade"}
    # Prices rise on the even announcements by 3 %, and those are the supportive ones.
    means = sessions.groupby("stance")["caar"].mean()
    assert means[1] == pytest.approx(0.03, abs=0.01)
    assert means[-1] == pytest.approx(-0.03, abs=0.01)
    drawn = {
        spec.name: spec.draw(one)
        for spec in figures.FIGURES
        if spec.name in ("policy_index", "stance_responses", "price_with_events")
    }
    assert "Stance on trade" in written(drawn["stance_responses"][0])
    assert "added" not in written(drawn["stance_responses"][0])
    assert "index, trade" in written(drawn["policy_index"][0])
    assert "Trade" in written(drawn["price_with_events"][0])
    assert set(cross_sections(one).tidy()["regressor"]) >= {"stance_trade"}


def test_five_stances_each_have_their_place(five):
    table = response_by_stance(stance_sessions(five))
    words = {"trade", "labour law", "steel", "cars", "farm goods", "overall"}
    assert set(table["dimension"]) == words
    assert len(table) == 2 * len(words)
    assert [name for name in tables.events_report(five).frame if name.startswith("On ")] == [
        *["On trade", "On labour law", "On steel", "On cars", "On farm goods"]
    ]
    responses = next(spec for spec in figures.FIGURES if spec.name == "stance_responses")
    figure, frame = responses.draw(five)
    assert "All stances added" in written(figure)
    assert "Stance on labour law" in written(figure)
    marks = [line for ax in figure.axes for line in ax.lines if line.get_marker() in ("^", "v")]
    assert sum(len(line.get_xdata()) for line in marks) == len(frame)
    index = next(spec for spec in figures.FIGURES if spec.name == "policy_index")
    figure, frame = index.draw(five)
    looks = {
        (line.get_color(), line.get_linestyle())
        for line in figure.axes[0].lines
        if line.get_linestyle() != "None" and len(line.get_xdata()) > 2
    }
    assert len(looks) == len(FIVE)
    assert {f"level_{name}" for name in words - {"overall"}} <= set(frame.columns)
    regressed = cross_sections(five).tidy()["regressor"]
    assert set(regressed) >= {"stance", *(f"stance_{name}" for name in FIVE)}
    assert "labour law" in texts_of(five)


@pytest.mark.parametrize(
    ("header", "cell", "expected"),
    [
        ("stance_trade", "2", 'events.csv, line 3, stance_trade: found "2"; expected -1 (restri'),
        ("stance_trade", "1.0", 'line 3, stance_trade: found "1.0"; expected -1 (restrictive), 0'),
        ("stance_", "1", 'line 1, stance_: expected what the stance is on after "stance_", such'),
        ("stance_overall", "1", 'another name; "overall" is the sum of all stances'),
        ("stance_farm goods", "1", "another name; stance_farm_goods is on farm goods too"),
    ],
)
def test_a_stance_that_cannot_be_used_is_named(tmp_path, header, cell, expected):
    folder = tariff_study(tmp_path / "study", "farm_goods")
    lines = (folder / "events.csv").read_text(encoding="utf-8").splitlines()
    cells = [header, "0", cell, *["0"] * (len(lines) - 3)]
    rows = [f"{line},{more}" for line, more in zip(lines, cells, strict=True)]
    (folder / "events.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_study(folder)
    assert expected in str(caught.value)
    assert len(caught.value.problems) == 1


def test_the_sum_of_no_stances_is_no_regressor(silent):
    problems = []
    assets = silent.assets.assign(size="1")
    assert read_regressors(["stance * size"], silent.events, assets, 4, problems) == ()
    assert "columns stance_... in events.csv" in problems[0].expected


def test_no_code_names_what_a_study_is_about():
    """Rooms that any study passes through know nothing of the embedded ones."""
    subject = re.compile(r"blockchain|crypto(?!graph)|the speech|a-share|a_share", re.IGNORECASE)
    # The names of the embedded studies, and of a notebook about one.
    names = ("china-blockchain-2019", "china_blockchain_2019", "china-crypto-policy")
    names += ('"09_crypto_policy"',)
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        # How a text is read, and how donors of one country are made, are about that country.
        if name.startswith(("article/", "studies/")) or name in ("checks/market.py",):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if subject.search(line) and not any(word in line for word in names):
                found.append(f"{name}:{number}: {line.strip()}")
    assert found == []
