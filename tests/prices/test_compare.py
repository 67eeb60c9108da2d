import io
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from chainpolicy.prices import commands
from chainpolicy.prices.compare import compare_headlines, compare_returns
from chainpolicy.prices.store import PriceStore, StoredSeries
from chainpolicy.study.problems import InputError
from chainpolicy.study.sessions import sessions

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


def headlines(*rows) -> pd.DataFrame:
    columns = ["event_id", "group", "n_assets", "caar", "adjusted_bmp_p", "grank_t_p"]
    frame = pd.DataFrame(rows, columns=[*columns, "time_series_t_p"])
    return frame.assign(event_session=DAYS[4])


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
    embedded = headlines(
        ("a", "us", 5, 0.03, 0.01, 0.2, 0.001),
        ("b", "us", 5, 0.03, 0.01, 0.2, 0.2),
        ("c", "us", 5, 0.01, 0.3, 0.2, 0.2),
        ("d", "us", 5, 0.03, 0.01, 0.2, 0.2),
        ("f", "coin", 1, 0.03, np.nan, np.nan, 0.02),
    )
    live = headlines(
        ("a", "us", 4, 0.02, 0.049, 0.051, 0.03),  # closer, but the same
        ("b", "us", 5, 0.03, 0.06, 0.04, 0.2),  # one no longer rejects, the other now does
        ("c", "us", 5, -0.01, 0.3, 0.2, 0.2),  # the sign turned
        ("e", "us", 5, 0.03, 0.01, 0.01, 0.01),  # new
        ("f", "coin", 1, 0.03, np.nan, np.nan, 0.06),
    )
    found = compare_headlines(embedded, live).set_index("event_id")
    assert found["differs"].to_dict() == {
        "a": "",
        "b": "adjusted BMP, GRANK-T",
        "c": "sign",
        "d": "not on live prices",
        "e": "only on live prices",
        "f": "portfolio t",
    }
    assert found.loc["a", ["caar_embedded", "caar_live"]].tolist() == [0.03, 0.02]
    assert found.loc["a", ["n_assets_embedded", "n_assets_live"]].tolist() == [5, 4]
    assert found.loc["a", ["p_embedded", "p_live"]].tolist() == [0.01, 0.049]
    assert found.loc["f", ["p_embedded", "p_live"]].tolist() == [0.02, 0.06]


def test_headlines_follow_one_another_as_the_sessions_do():
    rows = headlines(("z", "us", 5, 0.1, 0.1, 0.1, 0.1), ("a", "us", 5, 0.1, 0.1, 0.1, 0.1))
    rows["event_session"] = DAYS[[2, 3]]
    assert compare_headlines(rows[::-1], rows)["event_id"].tolist() == ["z", "a"]


def store_of(folder, **closes) -> PriceStore:
    store = PriceStore(folder)
    for ticker, close in closes.items():
        prices = pd.DataFrame({"date": DAYS, "close": close, "volume": 1.0})
        now = datetime(2024, 1, 1, tzinfo=UTC)
        store.write(StoredSeries(ticker, prices, START, END, "USD", "UTC", now, "1"))
    return store


def compared(embedded, store, estimate, terminal=False, kind="log") -> tuple[int, str, str]:
    out, console = (
        Console(file=io.StringIO(), width=80, stderr=stderr, force_terminal=terminal)
        for stderr in (False, True)
    )
    status = commands.compare(
        ASSETS, START, END, embedded, estimate, "[0, 1]", kind, out, console, store
    )
    return status, out.file.getvalue(), console.file.getvalue()


def test_the_command_says_whether_the_result_still_stands(tmp_path):
    close = np.exp(np.arange(10) * 0.01)
    embedded = long(AAA=close, BBB=close, SPY=close)
    store = store_of(tmp_path, AAA=close * np.where(np.arange(10) < 5, 1, 1.01), SPY=close)
    asked = []

    def estimate(prices, assets):
        asked.append((sorted(prices["ticker"].unique()), assets["ticker"].tolist()))
        n = len(assets) - 1
        return headlines(
            ("plenum-communique", "a_shares_tier1", n, 0.034, np.nan, np.nan, 0.0001),
            ("xi", "us", n, 0.0, 0.04 * n, 0.2, 0.2),
        )

    status, table, text = compared(embedded, store, estimate)
    assert status == 0
    assert [line.split("\t") for line in table.splitlines()] == [
        [
            *("ticker", "group", "sessions", "largest", "on", "beyond 5bp"),
            *("only embedded", "only live"),
        ],
        ["AAA", "us", "9", "0.9950%", "2019-01-09", "1", "0", "0"],
        ["BBB", "us", "0", "", "", "0", "9", "0"],
        ["SPY", "benchmark", "9", "0.0000%", "2019-01-03", "0", "0", "0"],
        [""],
        [
            *("event", "group", "N", "CAAR", "p", "live N", "live CAAR", "live p", "differs"),
        ],
        ["plenum-communique", "a_shares_tier1", "2", "+3.4%", "<0.001", "1", "+3.4%", "<0.001", ""],
        ["xi", "us", "2", "+0.0%", "0.080", "1", "+0.0%", "0.040", "adjusted BMP"],
    ]
    assert text == (
        "1 of 18 daily returns differ by more than 5 basis points\n"
        "1 of 2 headline estimates over [0, 1] stand on the live prices (log returns; same sign, "
        "and the same of portfolio t, adjusted BMP and GRANK-T reject at 5 %)\n"
    )
    assert asked == [(["AAA", "BBB", "SPY"], ["AAA", "BBB", "SPY"]), (["AAA", "SPY"],) * 2]
    # A terminal of eighty columns shows all of it.
    assert "…" not in compared(embedded, store, estimate, terminal=True)[1]


def test_estimates_are_shown_in_the_return_kind_of_the_study(tmp_path):
    close = np.exp(np.arange(10) * 0.01)
    store = store_of(tmp_path, AAA=close, SPY=close)

    def estimate(prices, assets):
        return headlines(("xi", "us", 1, 0.5, 0.2, 0.2, 0.2))

    for kind in ("log", "simple"):
        _, table, text = compared(long(AAA=close, SPY=close), store, estimate, kind=kind)
        assert table.splitlines()[-1].split("\t")[3] == "+50.0%"
        assert f"({kind} returns; " in text


def test_the_command_needs_live_prices(tmp_path):
    with pytest.raises(InputError, match="download them with `chainpolicy prices fetch` first"):
        compared(long(AAA=np.ones(10)), PriceStore(tmp_path), estimate=None)
