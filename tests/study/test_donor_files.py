"""Donor portfolios are read with the study, and mistakes are located."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from chainpolicy.study import load_study, new_study
from chainpolicy.study.donors import Donors
from chainpolicy.study.problems import InputError

DAYS = ["2023-03-01", "2023-03-02", "2023-03-03", "2023-03-06"]
SECTION = '\n[donors]\ncalendar = "XNYS"\nmarket = "ALL"\n'


@pytest.fixture
def folder(tmp_path) -> Path:
    return new_study(tmp_path / "study")


def rows() -> list[str]:
    return [f"{day},{name},0.01,5" for name in ("ALL", "LOW", "HIGH") for day in DAYS]


def written(folder: Path, lines: list[str], section: str = SECTION) -> Path:
    text = "\n".join(["date,portfolio,return,n_stocks", *lines]) + "\n"
    (folder / "donors.csv").write_text(text, encoding="utf-8")
    with (folder / "study.toml").open("a", encoding="utf-8") as stream:
        stream.write(section)
    return folder


def test_donors_are_part_of_the_study(folder):
    before = load_study(folder).checksum
    study = load_study(written(folder, rows()))
    assert study.donors.calendar == "XNYS"
    assert study.donors.portfolios == ("HIGH", "LOW")
    assert study.donors.returns.index.tolist() == [pd.Timestamp(day) for day in DAYS]
    assert (study.donors.returns == 0.01).all().all()
    assert study.checksum != before
    assert folder / "donors.csv" in study.files


def test_a_study_without_donors_has_none(folder):
    assert load_study(folder).donors is None


def test_closes_of_donors_compound_from_the_session_before_the_first():
    returns = pd.DataFrame({"LOW": [0.1, -0.5]}, pd.DatetimeIndex(["2023-03-06", "2023-03-07"]))
    closes = Donors(returns, "XNYS", "ALL").closes()
    assert closes["date"].dt.strftime("%Y-%m-%d").tolist() == [
        *("2023-03-03", "2023-03-06", "2023-03-07")
    ]
    assert closes["close"].tolist() == pytest.approx([100, 110, 55])
    assert set(closes["ticker"]) == {"LOW"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("2023-03-04,LOW,0.01,5", ["line 14", "date", "2023-03-04", "session of calendar XNYS"]),
        ("2023-3-7,LOW,0.01,5", ["line 14", "date", "YYYY-MM-DD"]),
        ("2023-03-06,LOW,0.01,5", ["line 14", "2023-03-06"]),
        ("2023-03-07,LOW,1.2%,5", ["line 14", "return", "1.2%", "as a fraction"]),
        ("2023-03-07,LOW,-1,5", ["line 14", "return", "above -1"]),
        ("2023-03-07,LOW,,5", ["line 14", "return", "must not be blank"]),
        ("2023-03-07,,0.01,5", ["line 14", "portfolio", "must not be blank"]),
        ("2023-03-07,LOW,0.01,2.5", ["line 14", "n_stocks", "a whole number"]),
        ("2023-03-07,LOW,0.01,5", ["portfolio", "ALL", "there is none on 2023-03-07"]),
    ],
)
def test_mistakes_are_located(folder, row, words):
    with pytest.raises(InputError) as caught:
        load_study(written(folder, [*rows(), row]))
    text = str(caught.value)
    assert "donors.csv" in text
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [r for r in lines if ",ALL," not in r], ["ALL", "the market of [donors]"]),
        (lambda lines: [r for r in lines if ",ALL," in r], ["at least one portfolio beside ALL"]),
        (lambda lines: [r.replace("LOW", "ACME") for r in lines], ["ACME", "no asset of assets"]),
        (lambda _: [], ["at least one row below the header"]),
    ],
)
def test_what_is_missing_or_taken_is_named(folder, change, words):
    with pytest.raises(InputError) as caught:
        load_study(written(folder, change(rows())))
    for word in ["donors.csv", *words]:
        assert word in str(caught.value)


def test_the_file_and_its_section_go_together(folder):
    with pytest.raises(InputError) as caught:
        load_study(written(folder, rows(), section=""))
    told = [str(problem) for problem in caught.value.problems]
    assert len(told) == 2
    assert (
        "study.toml, donors.calendar: expected this key, with 24/7, 24/5 or a calendar" in told[0]
    )
    assert told[0].endswith("because there is a donors.csv")
    assert "study.toml, donors.market" in told[1]
    (folder / "donors.csv").unlink()
    with (folder / "study.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[donors]\ncalendar = "XNYS"\n')
    with pytest.raises(InputError, match=r"donors\.market: .* because there is donors\.calendar"):
        load_study(folder)
    with (folder / "study.toml").open("a", encoding="utf-8") as stream:
        stream.write('market = "ALL"\n')
    with pytest.raises(InputError, match=r"donors\.csv: expected"):
        load_study(folder)


def test_an_unknown_calendar_is_one_problem(folder):
    wrong = SECTION.replace("XNYS", "XNOPE")
    with pytest.raises(InputError) as caught:
        load_study(written(folder, rows(), section=wrong))
    (problem,) = caught.value.problems
    assert (problem.column, problem.value) == ("donors.calendar", "XNOPE")


def test_an_alias_is_the_calendar_whose_sessions_it_has(folder):
    donors = load_study(written(folder, rows(), section=SECTION.replace("XNYS", "XNAS"))).donors
    assert donors.calendar == "XNYS"
