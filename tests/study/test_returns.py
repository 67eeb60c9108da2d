"""Truth: hand calculation, a slow loop, and the exchange's own percentage changes."""

from __future__ import annotations

from math import isnan, log, nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainpolicy
from chainpolicy.study.problems import InputError
from chainpolicy.study.returns import compute_returns
from places import SHARED

SNAPSHOT = Path(chainpolicy.__file__).parent / "studies" / "china_blockchain_2019" / "prices.csv"
PANEL = SHARED / "prices" / "ashare_panel.parquet"
INDICES = ["000300.SS", "000001.SS", "399006.SZ"]
# Concept stocks that were named as such only on 28 October 2019.
TIER_2 = [
    *["300202.SZ", "002657.SZ", "600208.SS", "000607.SZ"],
    *["603888.SS", "603000.SS", "002303.SZ", "300220.SZ"],
]

WEEK = ["2019-10-21", "2019-10-22", "2019-10-23", "2019-10-24", "2019-10-25"]


def price_table(closes: dict[str, dict[str, float]]) -> pd.DataFrame:
    rows = [(day, name, close) for name, path in closes.items() for day, close in path.items()]
    table = pd.DataFrame(rows, columns=["date", "ticker", "close"])
    return table.assign(date=pd.to_datetime(table["date"])).sort_values(
        ["date", "ticker"], ignore_index=True
    )


def week(*closes: float) -> dict[str, float]:
    return {day: close for day, close in zip(WEEK, closes, strict=True) if not isnan(close)}


def asset(
    ticker: str,
    benchmark: tuple[str, ...] = (),
    calendar: str = "XSHG",
    group: str = "stocks",
    price_limit: str = "",
) -> dict[str, object]:
    return {
        "ticker": ticker,
        "calendar": calendar,
        "group": group,
        "benchmark": benchmark,
        "price_limit": price_limit,
    }


def asset_list(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows)


def of_week(prices: pd.DataFrame, assets: pd.DataFrame, **choices: str) -> pd.DataFrame:
    return compute_returns(prices, assets, WEEK[0], WEEK[-1], **choices)  # type: ignore[arg-type]


def assert_values(found: pd.Series, expected: list[float]) -> None:
    np.testing.assert_allclose(found.to_numpy(dtype=float), expected, rtol=1e-12)


INDEX = asset("INDEX", group="benchmark")


# --- gaps ---------------------------------------------------------------------------------

SUSPENDED = price_table(
    {"STOCK": week(10.0, 11.0, nan, nan, 22.0), "INDEX": week(100.0, 110.0, 99.0, 120.0, 132.0)}
)
ONE_STOCK = asset_list(INDEX, asset("STOCK", ("INDEX",)))


@pytest.mark.parametrize(
    ("kind", "own", "market"),
    [
        ("log", [nan, log(1.1), nan, nan, nan], [nan, log(1.1), log(0.9), log(120 / 99), log(1.1)]),
        ("simple", [nan, 0.1, nan, nan, nan], [nan, 0.1, -0.1, 21 / 99, 0.1]),
    ],
)
def test_a_suspension_and_the_return_after_it_are_missing_when_gaps_are_dropped(
    kind: str, own: list[float], market: list[float]
) -> None:
    found = of_week(SUSPENDED, ONE_STOCK, kind=kind, gaps="drop")
    assert_values(found["return"], own)
    assert_values(found["INDEX"], market)
    assert found["n_sessions"].tolist() == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("kind", "own", "market"),
    [
        ("log", [nan, log(1.1), nan, nan, log(2)], [nan, log(1.1), nan, nan, log(1.2)]),
        ("simple", [nan, 0.1, nan, nan, 1.0], [nan, 0.1, nan, nan, 0.2]),
    ],
)
def test_a_spanned_return_sits_at_the_resumption_beside_the_benchmark_over_the_same_sessions(
    kind: str, own: list[float], market: list[float]
) -> None:
    found = of_week(SUSPENDED, ONE_STOCK, kind=kind, gaps="span")
    assert_values(found["return"], own)
    assert_values(found["INDEX"], market)
    assert found["n_sessions"].tolist() == [1, 1, 1, 1, 3]


@pytest.mark.parametrize("gaps", ["drop", "span"])
def test_a_benchmark_gap_is_missing_there_and_where_its_return_would_span_it(gaps: str) -> None:
    prices = price_table(
        {"STOCK": week(10.0, 11.0, 12.0, 13.0, 14.0), "INDEX": week(1.0, 2.0, nan, 4.0, 8.0)}
    )
    found = of_week(prices, ONE_STOCK, gaps=gaps)
    assert_values(found["INDEX"], [nan, log(2), nan, nan, log(2)])
    assert found["return"].isna().tolist() == [True, False, False, False, False]


def test_a_gap_that_both_share_is_spanned_by_both() -> None:
    prices = price_table(
        {"STOCK": week(10.0, nan, 12.0, nan, 15.0), "INDEX": week(1.0, nan, 4.0, 3.0, nan)}
    )
    found = of_week(prices, ONE_STOCK, gaps="span", kind="simple")
    assert_values(found["return"], [nan, nan, 0.2, nan, 0.25])
    assert_values(found["INDEX"], [nan, nan, 3.0, nan, nan])
    assert found["n_sessions"].tolist() == [1, 1, 2, 1, 2]


@pytest.mark.parametrize("gaps", ["drop", "span"])
def test_a_late_listing_and_an_early_end_are_missing_not_shifted(gaps: str) -> None:
    prices = price_table({"STOCK": week(nan, nan, 10.0, 12.0, nan), "INDEX": week(*[1.0] * 5)})
    found = of_week(prices, ONE_STOCK, gaps=gaps, kind="simple")
    assert found["session"].tolist() == [pd.Timestamp(day) for day in WEEK]
    assert_values(found["return"], [nan, nan, nan, 0.2, nan])


def test_an_asset_without_any_close_has_every_session_and_no_return() -> None:
    prices = price_table({"INDEX": week(1.0, 2.0, 3.0, 4.0, 5.0)})
    found = of_week(prices, ONE_STOCK)
    assert len(found) == 5
    assert found["return"].isna().all()


@settings(deadline=None, max_examples=40)
@given(
    closes=st.lists(
        st.one_of(st.none(), st.floats(0.5, 500).map(lambda close: round(close, 2))),
        min_size=5,
        max_size=5,
    ),
    market=st.lists(
        st.one_of(st.floats(1, 9), st.none()),
        min_size=5,
        max_size=5,
    ),
    gaps=st.sampled_from(["drop", "span"]),
    kind=st.sampled_from(["log", "simple"]),
)
def test_returns_agree_with_a_plain_loop_over_the_sessions(
    closes: list[float | None], market: list[float | None], gaps: str, kind: str
) -> None:
    def change(now: float | None, before: float | None) -> float:
        if now is None or before is None:
            return nan
        return log(now / before) if kind == "log" else now / before - 1

    own, benchmark, lengths = [], [], []
    for t in range(5):
        traded = [s for s in range(t) if closes[s] is not None]
        last = traded[-1] if traded else None
        g = t - last if last is not None else 1
        counts = last is not None and closes[t] is not None and (g == 1 or gaps == "span")
        own.append(change(closes[t], closes[t - g]) if counts else nan)
        lengths.append(g if counts else 1)
        if gaps == "span" and last is not None and closes[t] is None:
            benchmark.append(nan)
        else:
            base = t - lengths[-1]
            benchmark.append(change(market[t], market[base]) if base >= 0 else nan)
    prices = price_table(
        {
            "STOCK": week(*(nan if close is None else close for close in closes)),
            "INDEX": week(*(nan if close is None else close for close in market)),
        }
    )
    found = of_week(prices, ONE_STOCK, gaps=gaps, kind=kind)
    assert_values(found["return"], own)
    assert_values(found["INDEX"], benchmark)
    assert found["n_sessions"].tolist() == lengths


@settings(deadline=None, max_examples=40)
@given(
    traded=st.lists(st.booleans(), min_size=60, max_size=60), gaps=st.sampled_from(["drop", "span"])
)
def test_gaps_never_become_zeros_and_spanned_returns_add_up(traded: list[bool], gaps: str) -> None:
    days = pd.bdate_range("2019-05-06", periods=24)[:24]
    held = [day for day, on in zip(days, traded, strict=False) if on]
    prices = price_table({"STOCK": {f"{day:%F}": 1.01**i for i, day in enumerate(days)}})
    assets = asset_list(asset("STOCK"))
    kept = prices[prices["date"].isin(held)]
    # No holiday falls into these weeks: every business day is a session.
    found = compute_returns(kept, assets, days[0], "2019-06-06", gaps=gaps)  # type: ignore[arg-type]
    assert len(found) == len(days)
    assert not (found["return"] == 0).any()
    observed = found["return"].notna()
    np.testing.assert_allclose(
        found.loc[observed, "return"], found.loc[observed, "n_sessions"] * log(1.01), rtol=1e-9
    )
    spanned = (held[-1] - held[0]).days if held else 0
    if gaps == "span" and spanned:
        sessions_between = days.get_loc(held[-1]) - days.get_loc(held[0])
        assert found.loc[observed, "n_sessions"].sum() == sessions_between


# --- shape --------------------------------------------------------------------------------


def test_the_frame_is_long_sorted_and_has_one_column_per_benchmark() -> None:
    assets = asset_list(
        asset("ZZZ", ("SECOND", "FIRST")),
        asset("BTC", calendar="24/7", group="bitcoin"),
        asset("FIRST", group="benchmark"),
        asset("SECOND", group="benchmark"),
        asset("UNUSED", group="benchmark"),
        asset("AAA", ("FIRST",)),
    )
    doubling = week(1.0, 2.0, 4.0, 8.0, 16.0)
    prices = price_table(
        dict.fromkeys(["AAA", "ZZZ", "BTC", "FIRST"], doubling)
        | {"SECOND": week(1.0, 3.0, 9.0, 27.0, 81.0), "UNUSED": doubling, "NOT LISTED": doubling}
    )
    found = compute_returns(prices, assets, "2019-10-19", "2019-10-27")
    assert list(found.columns) == [
        *["ticker", "session", "return", "SECOND", "FIRST", "n_sessions", "at_limit"]
    ]
    assert found["ticker"].value_counts().to_dict() == {"AAA": 5, "BTC": 9, "ZZZ": 5}
    pd.testing.assert_frame_equal(
        found, found.sort_values(["ticker", "session"], ignore_index=True)
    )
    assert found["session"].dtype == "datetime64[ns]"
    assert found["n_sessions"].dtype == "int64"
    by_ticker = found.set_index("ticker")
    assert by_ticker.loc["AAA", "SECOND"].isna().all()
    assert by_ticker.loc["BTC", ["FIRST", "SECOND"]].isna().all(axis=None)
    assert_values(by_ticker.loc["AAA", "FIRST"], [nan] + [log(2)] * 4)
    assert_values(by_ticker.loc["ZZZ", "SECOND"], [nan] + [log(3)] * 4)
    assert_values(by_ticker.loc["ZZZ", "FIRST"], [nan] + [log(2)] * 4)


def test_a_close_outside_the_range_is_not_used_and_the_first_session_has_no_return() -> None:
    prices = price_table({"STOCK": week(1.0, 2.0, 4.0, 8.0, 16.0), "INDEX": week(*[1.0] * 5)})
    found = compute_returns(prices, ONE_STOCK, WEEK[1], WEEK[3], kind="simple")
    assert found["session"].tolist() == [pd.Timestamp(day) for day in WEEK[1:4]]
    assert_values(found["return"], [nan, 1.0, 1.0])


@pytest.mark.parametrize("gaps", ["drop", "span"])
def test_inputs_are_left_as_they_were(gaps: str) -> None:
    prices, assets = SUSPENDED.copy(deep=True), ONE_STOCK.copy(deep=True)
    of_week(prices, assets, gaps=gaps)
    pd.testing.assert_frame_equal(prices, SUSPENDED)
    pd.testing.assert_frame_equal(assets, ONE_STOCK)


def test_the_order_of_the_rows_of_prices_does_not_matter() -> None:
    shuffled = SUSPENDED.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        of_week(shuffled, ONE_STOCK, gaps="span"), of_week(SUSPENDED, ONE_STOCK, gaps="span")
    )


# --- calendars ----------------------------------------------------------------------------

FRIDAY_TO_TUESDAY = ["2019-10-25", "2019-10-26", "2019-10-27", "2019-10-28", "2019-10-29"]


def long_weekend(coin: tuple[float, ...], fund: tuple[float, ...]) -> pd.DataFrame:
    days = FRIDAY_TO_TUESDAY
    return price_table(
        {
            "COIN": dict(zip(days, coin, strict=True)),
            "FUND": dict(zip([days[0], *days[3:]], fund, strict=True)),
        }
    )


@pytest.mark.parametrize("gaps", ["drop", "span"])
def test_a_coin_against_a_fund_is_sampled_on_the_funds_sessions(gaps: str) -> None:
    prices = long_weekend(coin=(100.0, 500.0, 50.0, 150.0, 300.0), fund=(10.0, 11.0, 12.1))
    assets = asset_list(
        asset("FUND", calendar="XNYS", group="benchmark"), asset("COIN", ("FUND",), calendar="24/7")
    )
    found = compute_returns(
        prices,
        assets,
        FRIDAY_TO_TUESDAY[0],
        FRIDAY_TO_TUESDAY[-1],
        kind="simple",
        gaps=gaps,  # type: ignore[arg-type]
    )
    assert found["session"].dt.day.tolist() == [25, 28, 29]
    assert_values(found["return"], [nan, 0.5, 1.0])
    np.testing.assert_allclose(found["FUND"], [nan, 0.1, 0.1])
    assert found["n_sessions"].tolist() == [1, 1, 1]


def test_a_coin_that_is_a_benchmark_is_sampled_on_the_sessions_of_the_asset() -> None:
    prices = long_weekend(coin=(100.0, 500.0, 50.0, 150.0, 300.0), fund=(10.0, 11.0, 12.1))
    assets = asset_list(
        asset("COIN", calendar="24/7", group="benchmark"), asset("FUND", ("COIN",), calendar="XNYS")
    )
    found = compute_returns(
        prices, assets, FRIDAY_TO_TUESDAY[0], FRIDAY_TO_TUESDAY[-1], kind="simple"
    )
    assert_values(found["COIN"], [nan, 0.5, 1.0])
    np.testing.assert_allclose(found["return"], [nan, 0.1, 0.1])


def test_a_coin_alone_has_a_return_every_day() -> None:
    prices = long_weekend(coin=(1.0, 2.0, 4.0, 8.0, 16.0), fund=(10.0, 11.0, 12.0))
    assets = asset_list(asset("COIN", calendar="24/7"))
    found = compute_returns(prices, assets, FRIDAY_TO_TUESDAY[0], FRIDAY_TO_TUESDAY[-1])
    assert_values(found["return"], [nan] + [log(2)] * 4)


def test_a_holiday_is_no_gap() -> None:
    prices = price_table({"STOCK": {"2019-09-30": 10.0, "2019-10-08": 11.0}})
    found = compute_returns(
        prices, asset_list(asset("STOCK")), "2019-09-30", "2019-10-08", kind="simple"
    )
    assert found["session"].dt.strftime("%m-%d").tolist() == ["09-30", "10-08"]
    np.testing.assert_allclose(found["return"], [nan, 0.1])


# --- price limits -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "close", "limit", "expected"),
    [
        # 10 % of 12.34 is 13.574: the exchange rounds the limit to the tick, 13.57.
        (12.34, 13.57, "0.10", "upper"),
        (12.34, 13.56, "0.10", ""),
        (12.34, 13.58, "0.10", ""),
        (12.34, 11.11, "0.10", "lower"),
        (12.34, 11.12, "0.10", ""),
        # A cheap share: the limit is +9.76 % and -9.76 %.
        (1.23, 1.35, "0.10", "upper"),
        (1.23, 1.11, "0.10", "lower"),
        (1.23, 1.34, "0.10", ""),
        # Half a tick: 3.355 is rounded to 3.36, 9.455 down to the lower limit of 9.46.
        (3.05, 3.36, "0.10", "upper"),
        (9.95, 8.96, "0.10", "lower"),
        # An adjusted close cut off after four decimals.
        (12.3412, 13.5753, "0.10", "upper"),
        # The tolerance itself belongs to the limit.
        (10.0, 11.0052, "0.10", "upper"),
        (10.0, 10.9948, "0.10", "upper"),
        (10.0, 11.0053, "0.10", ""),
        (10.0, 9.0052, "0.10", "lower"),
        (10.0, 8.9947, "0.10", ""),
        # ST shares: 5 %.
        (3.49, 3.66, "0.05", "upper"),
        (3.49, 3.32, "0.05", "lower"),
        (3.49, 3.84, "0.05", ""),
        # 9.9 % is not a limit, and without a limit nothing is at it.
        (100.0, 109.9, "0.10", ""),
        (10.0, 11.0, "", ""),
    ],
)
def test_a_close_at_the_limit_by_hand(
    before: float, close: float, limit: str, expected: str
) -> None:
    prices = price_table({"STOCK": week(before, close, nan, nan, nan)})
    found = of_week(prices, asset_list(asset("STOCK", price_limit=limit)))
    assert found["at_limit"].tolist() == ["", expected, "", "", ""]


@pytest.mark.parametrize("gaps", ["drop", "span"])
def test_a_limit_after_a_suspension_is_reckoned_from_the_last_available_close(gaps: str) -> None:
    prices = price_table({"STOCK": week(10.0, nan, nan, 11.0, 9.9), "INDEX": week(*[1.0] * 5)})
    assets = asset_list(INDEX, asset("STOCK", ("INDEX",), price_limit="0.10"))
    found = of_week(prices, assets, gaps=gaps)
    assert found["at_limit"].tolist() == ["", "", "", "upper", "lower"]
    assert isnan(found["return"][3]) == (gaps == "drop")


def test_the_limit_in_force_is_that_of_the_session() -> None:
    days = ["2019-04-29", "2019-04-30", "2019-05-06", "2019-05-07"]
    # +5 %, +10 % under the 10 % limit; +5 %, +10 % under the 5 % limit.
    closes = {"A": [10.0, 10.5, 11.03, 12.13], "B": [10.0, 11.0, 12.1, 12.71]}
    prices = price_table(
        {name: dict(zip(days, path, strict=True)) for name, path in closes.items()}
    )
    dated = "0.10;2019-05-06:0.05"
    assets = asset_list(*(asset(name, price_limit=dated) for name in closes))
    found = compute_returns(prices, assets, days[0], days[-1])
    at_limit = found.groupby("ticker")["at_limit"].agg(list)
    assert at_limit["A"] == ["", "", "upper", ""]
    assert at_limit["B"] == ["", "upper", "", "upper"]


# --- what must not pass -------------------------------------------------------------------


def test_two_closes_for_one_day_are_refused() -> None:
    twice = pd.concat([SUSPENDED, SUSPENDED.tail(1)])
    with pytest.raises(ValueError, match="two closes for one date and ticker"):
        of_week(twice, ONE_STOCK)


@pytest.mark.parametrize("close", [0.0, -1.0, np.inf, nan])
def test_a_close_that_is_no_price_is_refused(close: float) -> None:
    prices = SUSPENDED.assign(close=SUSPENDED["close"].where(SUSPENDED.index != 2, close))
    with pytest.raises(ValueError, match="closes must be positive and finite"):
        of_week(prices, ONE_STOCK)


def test_a_close_on_a_day_without_a_session_is_refused() -> None:
    prices = price_table(
        {"STOCK": week(*[1.0] * 5) | {"2019-10-26": 1.0}, "INDEX": week(*[1.0] * 5)}
    )
    with pytest.raises(ValueError, match="STOCK on 2019-10-26, which is not a session of XSHG"):
        compute_returns(prices, ONE_STOCK, WEEK[0], "2019-10-28")


def test_benchmarks_alone_have_no_returns_to_compute() -> None:
    with pytest.raises(ValueError, match="no asset"):
        of_week(SUSPENDED, asset_list(INDEX))


def test_days_that_the_calendar_does_not_know_are_refused() -> None:
    with pytest.raises(InputError, match=r"prices\.end"):
        compute_returns(SUSPENDED, ONE_STOCK, WEEK[0], "2090-01-01")


# --- the embedded snapshot ----------------------------------------------------------------


@pytest.fixture(scope="module")
def snapshot() -> pd.DataFrame:
    return pd.read_csv(SNAPSHOT, parse_dates=["date"])


@pytest.fixture(scope="module")
def a_shares(snapshot: pd.DataFrame) -> pd.DataFrame:
    tickers = snapshot["ticker"].unique()
    stocks = [t for t in tickers if t.endswith((".SS", ".SZ")) and t not in INDICES]
    # 600652.SS became a special-treatment share, with half the limit, on 6 May 2019.
    limits = dict.fromkeys(stocks, "0.10") | {"600652.SS": "0.10;2019-05-06:0.05"}
    assets = asset_list(*(asset(ticker, price_limit=limits[ticker]) for ticker in stocks))
    return compute_returns(snapshot, assets, "2018-10-08", "2020-01-23", kind="simple")


def test_limit_closes_of_the_snapshot_are_the_known_number(a_shares: pd.DataFrame) -> None:
    assert (a_shares["at_limit"] != "").sum() == 680


def test_32_of_the_38_concept_stocks_closed_at_the_limit_after_the_speech(
    a_shares: pd.DataFrame,
) -> None:
    day = a_shares[a_shares["session"] == "2019-10-28"]
    tier_1 = day[~day["ticker"].isin(TIER_2)]
    assert len(tier_1) == 38
    assert (tier_1["at_limit"] == "upper").sum() == 32


def test_suspended_sessions_of_the_snapshot_have_no_return(a_shares: pd.DataFrame) -> None:
    missing = a_shares[a_shares["return"].isna() & (a_shares["session"] > "2018-10-08")]
    per_ticker = missing.groupby("ticker").size()
    # Suspended sessions by company; each spell also costs the return of the resumption.
    assert {"002610.SZ", "002668.SZ", "600208.SS", "600652.SS"} == set(per_ticker.index)
    assert per_ticker["600208.SS"] == per_ticker["600652.SS"] == 2
    assert per_ticker["002610.SZ"] == 10 + 1
    # Suspended from the first session on, which has no return in any case.
    assert per_ticker["002668.SZ"] == 15 + 1


def test_xunlei_more_than_doubled_on_the_day_of_the_speech(snapshot: pd.DataFrame) -> None:
    assets = asset_list(asset("XNET", calendar="XNYS"))
    found = compute_returns(snapshot, assets, "2019-10-01", "2019-10-31", kind="simple")
    jump = found.set_index("session")["return"][pd.Timestamp("2019-10-25")]
    assert round(100 * jump, 1) == 107.8


@pytest.mark.skipif(
    not PANEL.exists(),
    reason="extra check against every A-share: needs the price panel in ../shared/prices",
)
def test_limit_closes_of_the_snapshot_are_those_of_the_exchange(a_shares: pd.DataFrame) -> None:
    panel = pd.read_parquet(PANEL, filters=[("ticker", "in", list(a_shares["ticker"].unique()))])
    panel = panel[panel["trading"] == 1].astype({"ticker": "str"})
    # The exchange's own percentage change, exact across dividends; a limit price is the
    # previous close times 1 +- limit, rounded to the tick of 0.01.
    change = panel["pct_change"].astype(float) / 100
    before = panel["close"].astype(float) / (1 + change)
    limit = np.where(panel["st"] == 1, 0.05, 0.10)
    at_limit = (change.abs() - limit).abs() * before <= 0.00505
    panel["truth"] = np.where(at_limit, np.where(change > 0, "upper", "lower"), "")
    both = a_shares.merge(
        panel[["ticker", "date", "truth"]],
        left_on=["ticker", "session"],
        right_on=["ticker", "date"],
        validate="1:1",
    )
    # Without a close before it in the snapshot, a stock's first close cannot be judged.
    both = both[both.duplicated("ticker")]
    assert len(both) > 14_000
    assert (both["truth"] != "").sum() == 680
    assert both.loc[both["truth"] != both["at_limit"], ["ticker", "session"]].empty


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "Log"}, r'kind is one of "log", "simple", not \'Log\''),
        ({"gaps": "Span"}, r'gaps is one of "drop", "span", not \'Span\''),
        ({"start": "2019-12-31", "end": "2019-10-01"}, "comes after the last"),
        ({"start": pd.Timestamp("2019-10-08", tz="Asia/Shanghai")}, "has a time zone"),
    ],
)
def test_a_choice_that_is_none_is_refused(wrong, said):
    assets = pd.DataFrame(
        {
            "ticker": ["A"],
            "calendar": ["XSHG"],
            "group": ["a"],
            "benchmark": [()],
            "price_limit": [""],
        }
    )
    prices = pd.DataFrame({"date": ["2019-10-08", "2019-10-09"], "ticker": "A", "close": [1.0, 2]})
    choices = {"start": "2019-10-08", "end": "2019-10-11"}
    assert len(compute_returns(prices, assets, **choices)) == 4
    with pytest.raises(ValueError, match=said):
        compute_returns(prices, assets, **(choices | wrong))


def test_dates_with_a_time_zone_are_refused():
    assets = pd.DataFrame(
        {
            "ticker": ["A"],
            "calendar": ["XSHG"],
            "group": ["a"],
            "benchmark": [()],
            "price_limit": [""],
        }
    )
    days = pd.to_datetime(["2019-10-08", "2019-10-09"]).tz_localize("Asia/Shanghai")
    prices = pd.DataFrame({"date": days, "ticker": "A", "close": [1.0, 2]})
    with pytest.raises(ValueError, match="have the time zone Asia/Shanghai"):
        compute_returns(prices, assets, "2019-10-08", "2019-10-11")


def test_a_study_takes_no_other_word_for_its_own_kind(template):
    with pytest.raises(ValueError, match="kind is one of"):
        template.compute_returns(kind="")
