"""The asset list: benchmarks, groups, calendars and price limits."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainpolicy.study import assets as assets_module
from chainpolicy.study.assets import parse_price_limit, price_limit_on
from chainpolicy.study.problems import InputError
from raising import raising

read_assets = raising(assets_module.read_assets)

HEADER = "ticker,calendar,group,benchmark,price_limit"
INDEX = "I,XSHG,benchmark,,"


@pytest.fixture
def write(tmp_path):
    def write_rows(*rows: str, header: str = HEADER):
        path = tmp_path / "assets.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write_rows


def refused(path) -> list[tuple[int | None, str | None, str | None]]:
    with pytest.raises(InputError) as error:
        read_assets(path)
    return [(problem.line, problem.column, problem.value) for problem in error.value.problems]


def test_the_two_required_columns_are_enough(write):
    assets = read_assets(write("A,XSHG", "B,24/7", header="ticker,calendar"))
    assert assets.index.tolist() == [2, 3]
    assert assets["group"].tolist() == ["A", "B"]
    assert assets["name"].tolist() == ["A", "B"]
    assert assets["benchmark"].tolist() == [(), ()]
    assert assets["price_limit"].tolist() == ["", ""]


def test_benchmarks_are_split(write):
    assets = read_assets(write("A,XSHG,a,I; J,0.10", INDEX, "J,XSHG,benchmark,,"))
    assert assets["benchmark"].tolist() == [("I", "J"), (), ()]


def test_coins_on_the_sessions_of_a_benchmark_have_a_group_of_their_own(write):
    rows = ("A,XSHG,a,I,", "C,24/7,c,I,", "D,24/7,c,I,", INDEX)
    assert read_assets(write(*rows))["group"].tolist() == ["a", "c", "c", "benchmark"]


def test_a_coin_does_not_join_a_group_of_shares(write):
    """The share reacts in the session that closes after the news, the coin in the UTC day."""
    rows = ("A,XSHG,a,I,", "C,24/7,a,I,", INDEX)
    with pytest.raises(InputError) as error:
        read_assets(write(*rows))
    (problem,) = error.value.problems
    assert (problem.line, problem.column, problem.value) == (3, "group", "a")
    assert "on XSHG, as the first" in problem.expected
    assert "not on 24/7 at the sessions of XSHG" in problem.expected


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ((",XSHG,a,,",), (2, "ticker", "")),
        (("A;B,XSHG,a,,",), (2, "ticker", "A;B")),
        (("return,XSHG,a,,",), (2, "ticker", "return")),
        (("A,,a,,",), (2, "calendar", "")),
        (("A,XSHG,Benchmark,,",), (2, "group", "Benchmark")),
        (('A,XSHG,"a\nb",,',), (2, "group", "a\nb")),
        (("A,XPRS,a,,",), (2, "calendar", "XPRS")),
        (("A,XSHG,a,,", "A,XSHG,a,,"), (3, "ticker", "A")),
        (("A,XSHG,a,J,", INDEX), (2, "benchmark", "J")),
        (("A,XSHG,a,I;,", INDEX), (2, "benchmark", "I;")),
        (("A,XSHG,a,I;I,", INDEX), (2, "benchmark", "I;I")),
        (("A,XSHG,a,A,",), (2, "benchmark", "A")),
        (("A,XNYS,a,I,", INDEX), (2, "benchmark", "I")),
        (("A,XSHG,a,C,", "C,24/7,c,,"), (2, "benchmark", "C")),
        (("C,24/7,c,I;S,", INDEX, "S,XNYS,benchmark,,"), (2, "benchmark", "I;S")),
        (("A,XSHG,a,,", "B,XNYS,a,,"), (3, "group", "a")),
        (("A,XSHG,a,I,", "C,24/7,a,,", INDEX), (3, "group", "a")),
        (("C,24/7,c,,", "D,24/7,c,I,", INDEX), (3, "group", "c")),
        (("A,XSHG,a,,10",), (2, "price_limit", "10")),
        (("A,XSHG,a,,10%",), (2, "price_limit", "10%")),
        (("A,XSHG,a,,0",), (2, "price_limit", "0")),
        (("A,XSHG,a,,0.10;0.05",), (2, "price_limit", "0.10;0.05")),
        (("A,XSHG,a,,0.10;2019-13-06:0.05",), (2, "price_limit", "0.10;2019-13-06:0.05")),
        (
            ("A,XSHG,a,,2019-05-06:0.1;2019-05-05:0.05",),
            (2, "price_limit", "2019-05-06:0.1;2019-05-05:0.05"),
        ),
        ((INDEX,), (None, None, None)),
    ],
)
def test_one_thing_that_is_refused(write, rows, problem):
    assert refused(write(*rows)) == [problem]


def test_a_misspelt_benchmark_is_guessed(write):
    with pytest.raises(InputError, match=r'"INDX" has none; did you mean "INDEX"\?'):
        read_assets(write("A,XSHG,a,INDX,", "INDEX,XSHG,benchmark,,"))


def test_a_factor_without_its_file_is_told_where_the_file_is_named(write):
    with pytest.raises(InputError, match=r'"Mkt-RF" has none; if it is a factor, .*\[factors\]'):
        read_assets(write("A,XNYS,a,Mkt-RF;SMB,"))


def test_everything_at_once(write):
    found = refused(write("A,XPRS,a,J,2", "A,XSHG,a,A,", "B,XSHG", "C,XNYS,a,,", "D,XSHG,a,,"))
    assert set(found) == {
        (2, "calendar", "XPRS"),
        (2, "benchmark", "J"),
        (2, "price_limit", "2"),
        (3, "ticker", "A"),
        (3, "benchmark", "A"),
        (4, None, "2 fields"),
        (6, "group", "a"),
    }
    assert [line for line, _, _ in found] == sorted(line for line, _, _ in found)


def test_a_missing_calendar_column_is_all_that_is_said_about_it(write):
    assert refused(write("A,x", header="ticker,group")) == [(1, "calendar", None)]


def test_a_missing_ticker_column_is_all_that_is_said_about_it(write):
    found = refused(write("XSHG,I", "XSHG,", header="calendar,benchmark"))
    assert found == [(1, "ticker", None)]


def test_a_limit_that_changes():
    schedule = parse_price_limit(" 0.10 ; 2019-05-06 : 0.05 ")
    assert schedule == ((None, 0.10), (date(2019, 5, 6), 0.05))
    days = pd.DatetimeIndex(["2019-05-06", "2019-05-05", "1700-01-01"])
    np.testing.assert_array_equal(price_limit_on(schedule, days), [0.05, 0.10, 0.10])


def test_no_limit_before_the_first_date_and_none_at_all():
    days = pd.DatetimeIndex(["2019-05-05", "2019-05-06"])
    limits = price_limit_on(parse_price_limit("2019-05-06:0.05"), days)
    np.testing.assert_array_equal(limits, [np.nan, 0.05])
    assert parse_price_limit("") == ()
    assert np.isnan(price_limit_on((), days)).all()


@given(
    st.lists(st.dates(date(1990, 1, 1), date(2035, 1, 1)), max_size=4, unique=True),
    st.lists(st.integers(1, 99), min_size=5, max_size=5),
    st.booleans(),
)
def test_a_schedule_that_is_written_is_read_back(starts, percents, from_the_start):
    first = [(None, percents[0] / 100)] if from_the_start else []
    schedule = first + [
        (day, percent / 100) for day, percent in zip(sorted(starts), percents[1:], strict=False)
    ]
    text = ";".join(f"{day}:{limit}" if day else f"{limit}" for day, limit in schedule)
    assert parse_price_limit(text) == tuple(schedule)


@given(st.text(alphabet="0.15;:-2 9e", max_size=25))
def test_a_schedule_is_read_or_refused(text):
    try:
        schedule = parse_price_limit(text)
    except ValueError:
        return
    assert all(0 < limit < 1 for _, limit in schedule)
