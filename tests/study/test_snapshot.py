"""Price files: what is read, what is passed over, what is refused and where."""

from __future__ import annotations

import tracemalloc

import pandas as pd
import pytest

from chainpolicy.study import snapshot, tabular
from chainpolicy.study.problems import InputError
from raising import raising

read_prices, read_hourly = raising(snapshot.read_prices), raising(snapshot.read_hourly)


@pytest.fixture
def write(tmp_path):
    def write_rows(*rows: str, header: str = "date,ticker,close"):
        path = tmp_path / "prices.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write_rows


def refused(path, *args, read=read_prices, **kwargs):
    with pytest.raises(InputError) as error:
        read(path, *args, **kwargs)
    assert all(problem.file == "prices.csv" for problem in error.value.problems)
    return [(problem.line, problem.column, problem.value) for problem in error.value.problems]


def test_prices_are_read_in_the_order_of_the_file(write):
    path = write("2019-10-08,B,1.5", "2019-10-07,A,0.1")
    prices = read_prices(path)
    expected = pd.DataFrame(
        {
            "date": pd.to_datetime(["2019-10-08", "2019-10-07"]).astype("datetime64[ns]"),
            "ticker": pd.array(["B", "A"], dtype="str"),
            "close": [1.5, 0.1],
        }
    )
    pd.testing.assert_frame_equal(prices, expected)


def test_columns_may_stand_in_any_order_with_others_between(write):
    path = write("7,1.5,x,2019-10-08,A", header="volume,close,source,date,ticker")
    assert read_prices(path)[["ticker", "close"]].to_dict("records") == [
        {"ticker": "A", "close": 1.5}
    ]


def test_rows_outside_the_dates_are_not_read(write):
    path = write("2019-10-07,A,-1", "2019-10-08,A,1", "2019-10-09,A,2", "2019-10-10,A,oops")
    assert read_prices(path, "2019-10-08", "2019-10-09")["close"].tolist() == [1, 2]


def test_an_unreadable_date_outside_the_dates_is_still_a_problem(write):
    path = write("2019-10-08,A,1", "2019-10-32,A,1")
    assert refused(path, "2019-10-08", "2019-10-09") == [(3, "date", "2019-10-32")]


def test_tickers_that_are_not_wanted_are_named_and_not_checked(write):
    path = write("2019-10-08,A,1", "2019-10-08,X,-1", "2019-10-01,Y,1", "2019-10-08,Z,1")
    prices = read_prices(path, "2019-10-08", tickers=["A"])
    assert prices["ticker"].tolist() == ["A"]
    assert prices.attrs["unused_tickers"] == ("X", "Z")


@pytest.mark.parametrize(
    "close",
    ["0", "-1", "inf", "-inf", "nan", "NaN", "", "1,5", "one", "1e400", "1e-400", "1e300", "0x1"],
)
def test_a_close_that_is_no_price(write, close):
    assert refused(write("2019-10-08,A,1", f'2019-10-09,A,"{close}"')) == [(3, "close", close)]


@pytest.mark.parametrize(
    "date", ["2019-13-01", "2019-02-29", "8 Oct 2019", "20191008", "", "2019-10-08T00:00"]
)
def test_a_date_that_is_none(write, date):
    assert refused(write("2019-10-08,A,1", f"{date},A,1")) == [(3, "date", date)]


def test_a_blank_ticker(write):
    assert refused(write("2019-10-08,A,1", "2019-10-08,,1"), tickers=["A"]) == [(3, "ticker", "")]


def test_a_repeated_date_and_ticker(write):
    found = refused(write("2019-10-08,A,1", "2019-10-08,B,1", "2019-10-08,A,1"))
    assert found == [(4, "date, ticker", "2019-10-08, A")]


def test_a_repetition_in_a_later_piece_of_the_file(write, monkeypatch):
    monkeypatch.setattr(tabular, "CHUNK_ROWS", 2)
    days = pd.date_range("2019-01-01", periods=9)
    path = write(*[f"{day:%Y-%m-%d},A,1" for day in days], "2019-01-01,A,x")
    with pytest.raises(InputError) as error:
        read_prices(path)
    assert [str(problem) for problem in error.value.problems] == [
        'prices.csv, line 11, close: found "x"; expected a positive number with a decimal point '
        "(between 1e-18 and 1e+18)",
        'prices.csv, line 11, date, ticker: found "2019-01-01, A"; expected each date, ticker '
        "once; line 2 has this one already",
    ]


def test_every_wanted_ticker_needs_a_price_in_the_dates(write):
    path = write("2019-10-08,A,1", "2019-09-08,B,1")
    found = refused(path, "2019-10-01", "2019-10-31", tickers=["A", "B", "C"])
    assert found == [(None, "ticker", "B"), (None, "ticker", "C")]


def test_no_price_in_the_dates_is_one_problem(write):
    with pytest.raises(InputError) as error:
        read_prices(write("2019-10-08,A,1"), "2020-01-01", tickers=["A", "B"])
    assert str(error.value) == (
        "prices.csv: expected at least one price in 2020-01-01 to the last day; "
        "prices.start and prices.end of study.toml choose these days"
    )


def test_a_day_without_a_session(write):
    # 1 October 2019 was a holiday in Shanghai and 5 October a Saturday; a coin trades on both.
    rows = [f"2019-10-{day:02d},{ticker},1" for day in (1, 5, 8) for ticker in "AC"]
    found = refused(write(*rows), calendars={"A": "XSHG", "C": "24/7"})
    assert found == [(2, "date", "2019-10-01"), (4, "date", "2019-10-05")]


def test_a_day_that_the_calendar_does_not_reach(write):
    found = refused(write("2019-10-08,A,1", "2150-01-01,A,1"), calendars={"A": "XNYS"})
    assert found == [(3, "date", "2150-01-01")]


def test_everything_at_once(write):
    path = write(
        "2019-10-08,A,0",
        "2019-10-08",
        "x,A,y",
        "2019-10-09,A,1",
        "2019-10-09,A,2",
        "2019-10-05,A,3",
        "2019-10-10,,4",
    )
    found = refused(path, tickers=["A"], calendars={"A": "XSHG"})
    assert set(found) == {
        (2, "close", "0"),
        (3, None, "1 field"),
        (4, "date", "x"),
        (4, "close", "y"),
        (6, "date, ticker", "2019-10-09, A"),
        (7, "date", "2019-10-05"),
        (8, "ticker", ""),
    }


def test_a_missing_column(write):
    assert refused(write("2019-10-08,1", header="date,close")) == [(1, "ticker", None)]


def test_memory_follows_what_is_kept_not_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tabular, "CHUNK_ROWS", 2_000)
    path = tmp_path / "prices.csv"
    days = [f"{day:%Y-%m-%d}" for day in pd.date_range("2010-01-01", periods=3000)]
    with path.open("w") as stream:
        stream.write("date,ticker,close\n")
        for ticker in range(10):
            stream.writelines(f"{day},T{ticker},12.5\n" for day in days)
    # What is imported and remembered by the first reading is not meant.
    read_prices(path, "2010-01-01", "2010-01-31")
    tracemalloc.start()
    prices = read_prices(path, "2010-01-01", "2010-01-31")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(prices) == 310
    # The 90,000 cells of the file are some 5 MB as Python text.
    assert peak < 2e6


def test_hourly_closes_are_put_in_utc_and_in_order(write):
    path = write("2019-10-25T18:00+08,2", "2019-10-25 09:00:00Z,1", header="time,close")
    hourly = read_hourly(path)
    assert hourly["close"].tolist() == [1, 2]
    assert hourly["time"].tolist() == [
        pd.Timestamp("2019-10-25T09:00Z"),
        pd.Timestamp("2019-10-25T10:00Z"),
    ]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("2019-10-25T18:00,1", (3, "time", "2019-10-25T18:00")),
        ("2019-10-25,1", (3, "time", "2019-10-25")),
        ("2019-10-25T25:00Z,1", (3, "time", "2019-10-25T25:00Z")),
        (",1", (3, "time", "")),
        ("2019-10-25T18:00Z,-1", (3, "close", "-1")),
        ("2019-10-25T01:00+01:00,1", (3, "time", "2019-10-25T00:00:00+00:00")),
    ],
)
def test_an_hourly_row_that_is_refused(write, row, problem):
    path = write("2019-10-25T00:00Z,1", row, header="time,close")
    assert refused(path, read=read_hourly) == [problem]
