import io
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from chainpolicy.prices import commands
from chainpolicy.prices.compare import compare_headlines, compare_returns
from chainpolicy.prices.store import PriceStore, StoredSeries
from chainpolicy.sessions import sessions

START, END = date(2019, 1, 2), date(2019, 1, 15)
DAYS = sessions("XNYS", START, END)
ASSETS = pd.DataFrame(
    [
        ("AAA", "XNYS", "us", ("SPY",)),
        ("BBB", "XNYS", "us", ("SPY",)),
        ("SPY", "XNYS", "benchmark", ()),
    ],
    columns=["ticker", "calendar", "group", "benchmark"],
)


def long(**closes) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"date": DAYS, "ticker": ticker, "close": close}).dropna()
        for ticker, close in closes.items()
    ]
    return pd.concat(frames, ignore_index=True)


def results(*rows) -> pd.DataFrame:
    columns = ["event_id", "group", "window", "test", "p_value", "n_assets", "mean_car"]
    return pd.DataFrame(rows, columns=columns)


def test_returns_are_compared_session_by_session():
    close = np.exp(np.arange(10) * 0.01)
    other = close * 3.7  # another level of adjustment, the same returns
    other[5:] *= np.exp(0.002)  # session 5 differs by 20 basis points
    other[8:] *= np.exp(0.0004)  # session 8 by 4
    other[1] = np.nan  # sessions 1 and 2 have no return
    found = compare_returns(
        long(AAA=close, SPY=close), long(AAA=other, BBB=close), ASSETS, START, END
    ).set_index("ticker")
    row = found.loc["AAA"]
    assert (row["sessions"], row["beyond_5bp"], row["only_embedded"], row["only_live"]) == (
        *(7, 1),
        *(2, 0),
    )
    assert row["largest"] == pytest.approx(0.002)
    assert row["on"] == DAYS[5]
    assert found.loc["BBB", ["sessions", "only_embedded", "only_live"]].tolist() == [0, 0, 9]
    assert found.loc["SPY", ["sessions", "only_embedded", "only_live"]].tolist() == [0, 9, 0]
    assert found.loc[["BBB", "SPY"], "largest"].isna().all()


def test_a_headline_stands_if_sign_and_verdicts_are_the_same():
    def both_tests(event, first, second, mean, n=5):
        return [
            (event, "us", "[0, 1]", "adjusted_bmp", first, n, mean),
            (event, "us", "[0, 1]", "grank_t", second, n, mean),
            (event, "us", "[0, 1]", "patell", 0.5, n, mean),
        ]

    embedded = results(
        *both_tests("a", 0.01, 0.2, 0.03),
        *both_tests("b", 0.01, 0.2, 0.03),
        *both_tests("c", 0.3, 0.2, 0.01),
        *both_tests("d", 0.01, 0.2, 0.03),
    )
    live = results(
        *both_tests("a", 0.049, 0.051, 0.02, n=4),  # closer, but the same
        *both_tests("b", 0.06, 0.2, 0.03),  # no longer significant
        *both_tests("c", 0.3, 0.2, -0.01),  # the sign turned
        *both_tests("e", 0.01, 0.01, 0.03),  # new
    )
    found = compare_headlines(embedded, live).set_index("event_id")
    assert found["stands"].to_dict() == {
        "a": True,
        "b": False,
        "c": False,
        "d": False,
        "e": False,
    }
    assert found.loc["a", ["mean_car_embedded", "mean_car_live"]].tolist() == [0.03, 0.02]
    assert found.loc["a", ["n_assets_embedded", "n_assets_live"]].tolist() == [5, 4]
    assert found.loc["b", ["rejecting_embedded", "rejecting_live"]].tolist() == [
        *("adjusted_bmp", ""),
    ]
    only = compare_headlines(embedded, live, tests=["patell"]).set_index("event_id")
    assert only["stands"].to_dict() == {"a": True, "b": True, "c": False, "d": False, "e": False}


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=80)


def store_of(folder, **closes) -> PriceStore:
    store = PriceStore(folder)
    for ticker, close in closes.items():
        prices = pd.DataFrame({"date": DAYS, "close": close, "volume": 1.0})
        now = datetime(2024, 1, 1, tzinfo=UTC)
        store.write(StoredSeries(ticker, prices, START, END, "USD", "UTC", now, "1"))
    return store


def test_the_command_says_whether_the_result_still_stands(tmp_path, console):
    close = np.exp(np.arange(10) * 0.01)
    embedded = long(AAA=close, BBB=close, SPY=close)
    store = store_of(tmp_path, AAA=close * np.where(np.arange(10) < 5, 1, 1.01), SPY=close)
    asked = []

    def estimate(prices, assets):
        asked.append((sorted(prices["ticker"].unique()), assets["ticker"].tolist()))
        n = len(assets) - 1
        rows = [("xi", "us", "[0, 1]", "time_series_t", 0.001, n, 0.034)]
        if n == 2:
            rows.append(("xi", "us", "[0, 5]", "time_series_t", 0.001, n, 0.034))
        return results(*rows)

    status = commands.compare(ASSETS, START, END, embedded, console, store, estimate)
    text = console.file.getvalue()
    lines = [line.split() for line in text.splitlines() if line.strip()]
    assert status == 0
    assert ["AAA", "us", "9", "0.9950%", "2019-01-09", "1", "0", "0"] in lines
    assert ["BBB", "us", "0", "0", "9", "0"] in lines
    assert "1 of 18 daily returns differ by more than 5 basis points" in text
    assert asked == [(["AAA", "BBB", "SPY"], ["AAA", "BBB", "SPY"]), (["AAA", "SPY"],) * 2]
    assert [" ".join(line) for line in lines if line[0] == "xi"] == [
        "xi us [0, 1] +3.40% 2 time_series_t +3.40% 1 time_series_t yes",
        "xi us [0, 5] +3.40% 2 time_series_t NO",
    ]
    assert "1 of 2 headline estimates stand on the live prices" in text


def test_the_command_needs_live_prices_and_no_estimates(tmp_path, console):
    close = np.exp(np.arange(10) * 0.01)
    embedded = long(AAA=close)
    assert commands.compare(ASSETS, START, END, embedded, console, PriceStore(tmp_path)) == 1
    assert console.file.getvalue() == (
        "No live prices to compare with: download them with `chainpolicy prices fetch` first.\n"
    )
    store = store_of(tmp_path, AAA=close)
    assert commands.compare(ASSETS, START, END, embedded, console, store) == 0
    assert "0 of 9 daily returns differ" in console.file.getvalue()
    assert "headline" not in console.file.getvalue()
