"""The article's claims against prices typed here by hand, and against the large files."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chainpolicy.article import market_claims, whole_market
from chainpolicy.study.problems import InputError
from places import ROOT, SHARED

LARGE = SHARED / "prices"
FILES = {"market": "ashare_panel.parquet", "hourly": "btc_hourly_bitstamp.parquet"}
NOTEBOOK = ROOT / "notebooks" / "06_article.py"
MONDAY = pd.Timestamp("2019-10-28")


def test_bitcoin_rose_less_in_that_evening(study):
    start, end, until = (
        pd.Timestamp(f"2019-10-{at}Z") for at in ("25T10:00", "25T16:00", "27T00:00")
    )
    found = market_claims.rise(study, "BTC-USD", start, end, until)
    # Bitstamp: 7,465.20 at 10:00 UTC and 8,295.73 at 16:00; 7,435.00, the price at midnight, and
    # 10,110.42 are the lowest and the highest hourly close of two days.
    assert found["evening"] == pytest.approx(np.log(8295.73 / 7465.20))
    # As changes of the price 15.6 % and about 23 %.
    assert np.expm1(found["day"]) == pytest.approx(0.156, abs=0.001)
    assert np.expm1(found["two_days"]) == pytest.approx(0.23, abs=0.01)
    assert found["trough_to_peak"] == pytest.approx(np.log(10110.42 / 7435.00))


def test_a_peak_before_the_trough_is_no_rise(study):
    hours = pd.date_range("2019-10-24T23:00Z", periods=49, freq="h")
    closes = np.full(49, 100.0)
    closes[[2, 10, 20]] = 500.0, 80.0, 120.0
    made_up = pd.DataFrame({"time": hours, "close": closes})
    altered = replace(study, hourly={"BTC-USD": made_up})
    start, end, until = hours[11], hours[17], hours[48]
    found = market_claims.rise(altered, "BTC-USD", start, end, until)
    # 100 to 500 on the way up; from 80 to 120 it would be a half.
    assert found["trough_to_peak"] == pytest.approx(np.log(5.0))
    closes[2] = 100.0
    altered = replace(study, hourly={"BTC-USD": made_up.assign(close=closes)})
    found = market_claims.rise(altered, "BTC-USD", start, end, until)
    assert found["trough_to_peak"] == pytest.approx(np.log(1.5))


def test_concept_shares_led(study):
    found = market_claims.lead(study, "a_shares_tier1", ["000001.SS", "399006.SZ"], MONDAY)
    assert 0.086 < found["a_shares_tier1"] < 0.10
    closes = study.prices.pivot_table(index="date", columns="ticker", values="close")
    for index in ("000001.SS", "399006.SZ"):
        before, after = closes[index]["2019-10-25"], closes[index]["2019-10-28"]
        assert found[index] == pytest.approx(np.log(after / before))


def test_the_mean_of_a_group_is_one_of_log_returns(study):
    session = study.returns["session"] == MONDAY
    tier = study.returns["ticker"].map(study.groups) == "a_shares_tier1"
    logs = study.returns.loc[session & tier, "return"]
    found = market_claims.lead(study, "a_shares_tier1", [], MONDAY)
    assert found["a_shares_tier1"] == pytest.approx(np.mean(logs))


def test_names_at_the_upper_limit(study):
    found = market_claims.at_upper_limit(study, ["a_shares_tier1", "a_shares_tier2"], MONDAY)
    assert found["n_upper"].tolist() == [32, 7]
    assert found["n_assets"].tolist() == [38, 8]
    # On a day on which no name of the group closed there.
    quiet = market_claims.at_upper_limit(study, ["bitcoin"], MONDAY)
    assert quiet.loc["bitcoin"].tolist() == [0, 1]


def test_no_reversal_over_night(study):
    day = pd.Timestamp("2019-11-14")
    groups = ["bitcoin", "a_shares_tier1"]
    found = market_claims.turn(study, groups, day, "shanghai-exchange-notice", "xi-politburo")
    bitcoin, shares = found.loc["bitcoin"], found.loc["a_shares_tier1"]
    closes = study.prices[study.prices["ticker"] == "BTC-USD"].set_index("date")["close"]
    assert bitcoin["on_day"] == pytest.approx(np.log(closes["2019-11-14"] / closes["2019-11-13"]))
    assert (found["upper"] > 0).all()
    assert shares["left"] < 0.2 * shares["peak"]
    assert shares["insignificant_from"] == pd.Timestamp("2019-10-31")
    path = study.results.caar_path("xi-politburo", "a_shares_tier1", start=0)
    path = path.set_index("session")
    assert (path["lower"]["2019-10-29":"2019-10-30"] > 0).all()
    assert shares["left"] == pytest.approx(path["caar"]["2019-11-13"])
    caar = study.results.caar((0, 1)).set_index(["event_id", "group"])
    own = caar.loc[("shanghai-exchange-notice", "bitcoin"), ["caar", "lower", "upper"]]
    np.testing.assert_allclose(bitcoin[["caar", "lower", "upper"]].astype(float), own.astype(float))


def test_stored_figures_come_from_the_large_files(study):
    if not all((LARGE / name).is_file() for name in FILES.values()):
        pytest.skip(f"{' and '.join(FILES.values())} are not part of the project")
    market, hourly = (LARGE / FILES[source] for source in ("market", "hourly"))
    members = study.groups.index[study.groups == "a_shares_tier1"]
    day, until = pd.Timestamp("2019-10-25T00:00Z"), pd.Timestamp("2019-10-27T00:00Z")
    again = {
        **whole_market.hourly_range(hourly, day, until),
        **whole_market.expiry_hours(
            hourly, pd.Timestamp("2019-10-25T15:00Z"), pd.Timestamp("2019-10-26T00:00Z")
        ),
        **whole_market.market_day(market, MONDAY, members),
        **whole_market.market_limits(market, MONDAY),
    }
    stored = whole_market.stored_figures(study)
    # Log returns are stored to five decimals.
    assert again == pytest.approx(stored.to_dict(), rel=1e-5, abs=5e-6)
    table = pd.read_csv(study.path / whole_market.STORED).set_index("figure")
    for name, path in {"bitcoin_low": hourly, "n_upper": market}.items():
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        own = table[table["sha256"] == digest]
        assert name in own.index
        assert len(set(own["source"])) == 1
    assert len(set(table["sha256"])) == 2


def test_expiries_are_at_four_in_london_on_the_last_friday_of_a_month(tmp_path):
    hours = pd.date_range("2019-02-20T00:00Z", "2019-05-01T00:00Z", freq="h")
    returns = pd.Series(0.0, index=hours)
    # London is on UTC in February and an hour ahead from 31 March.
    returns["2019-02-22T16:00Z"] = -0.03
    returns["2019-03-29T16:00Z"] = 0.02
    returns["2019-04-26T15:00Z"] = 0.50  # the own one
    returns[["2019-04-19T15:00Z", "2019-04-26T16:00Z"]] = 0.10  # a week early, an hour late
    returns[["2019-04-10T03:00Z", "2019-04-10T04:00Z"]] = 0.04, -0.11
    returns[["2019-04-27T00:00Z", "2019-04-27T01:00Z"]] = 0.9  # the own two hours
    bars = pd.DataFrame({"time": hours, "close": np.exp(returns.cumsum().to_numpy())})
    bars.to_parquet(tmp_path / "hourly.parquet")
    own = pd.Timestamp("2019-04-26T15:00Z"), pd.Timestamp("2019-04-27T00:00Z")
    found = whole_market.expiry_hours(tmp_path / "hourly.parquet", *own)
    assert found == pytest.approx(
        {
            "n_other_expiries": 2,
            "other_expiries_lowest": -0.03,
            "other_expiries_highest": 0.02,
            # The own expiry with the hour after it.
            "other_two_hours_largest": 0.60,
        }
    )


def test_recomputation_from_small_files_by_hand(tmp_path):
    days = pd.to_datetime(["2019-10-25", "2019-10-28"])
    shares = pd.DataFrame(
        {
            "date": days.tolist() * 4,
            "ticker": np.repeat(["000021.SZ", "X1", "X2", "X3"], 2),
            # 10.00 to 11.00, to 10.50 and to 9.00; the last is under special treatment.
            "close": [10.0, 11.0, 10.0, 10.5, 10.0, 9.0, 10.0, 11.0],
            "pct_change": [1.0, 10.0, 1.0, 5.0, 0.0, -10.0, 0.0, 10.0],
            "trading": 1,
            "st": [0, 0, 0, 0, 0, 0, 1, 1],
        }
    )
    shares.to_parquet(tmp_path / "market.parquet")
    hours = pd.date_range("2019-10-24T22:00Z", periods=60, freq="h")
    bars = pd.DataFrame({"time": hours, "high": 100.0, "low": 90.0})
    bars.loc[1, "low"] = 1.0  # the day before
    bars.loc[4, "low"] = 80.0
    bars.loc[3, "high"] = 500.0  # before the trough
    bars.loc[30, "high"] = 120.0
    bars.loc[50, "high"] = 900.0  # at the end, which is not searched
    bars.to_parquet(tmp_path / "hourly.parquet")
    found = whole_market.hourly_range(tmp_path / "hourly.parquet", hours[2], hours[50])
    assert found == {"bitcoin_low": 80.0, "bitcoin_high": 120.0}
    market = tmp_path / "market.parquet"
    assert whole_market.market_day(market, MONDAY, ["000021.SZ"]) == pytest.approx(
        {
            "n_shares": 4,
            # 10 % twice, 5 % and -10 %.
            "market_mean": np.log(1.10 * 1.10 * 1.05 * 0.90) / 4,
            "share_below": 0.5,
        }
    )
    assert whole_market.market_limits(market, MONDAY) == {"n_upper": 1, "n_upper_before": 0}


def test_a_study_without_stored_figures_says_so(study, tmp_path):
    bare = replace(study, path=tmp_path)
    with pytest.raises(InputError, match=r"market_figures\.csv.*a file of this name"):
        whole_market.stored_figures(bare)
    (tmp_path / whole_market.STORED).write_text("figure,value\nn_upper,1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"market_figures\.csv, line 1.*source"):
        whole_market.stored_figures(bare)
    (tmp_path / whole_market.STORED).write_text("figure,value,source,sha256\nn,1 000,here,ab\n")
    with pytest.raises(InputError, match='line 2, value: found "1 000"; expected a number'):
        whole_market.stored_figures(bare)
    (tmp_path / whole_market.STORED).unlink()
    os.mkfifo(tmp_path / whole_market.STORED)
    with pytest.raises(InputError, match="a regular file; this is a named pipe"):
        whole_market.stored_figures(bare)


def test_a_return_over_a_gap_is_not_that_of_the_day(study):
    """One asset returned 10 % on the day, the other 30 % over three sessions, a third nothing."""
    groups = pd.Series({"A": "shares", "B": "shares", "C": "shares"})
    returns = pd.DataFrame(
        {
            "ticker": ["A", "B", "C"],
            "session": MONDAY,
            "return": [0.10, 0.30, np.nan],
            "n_sessions": [1, 3, 1],
        }
    )
    small = replace(study, groups=groups, returns=returns, kind="simple")
    assert market_claims.lead(small, "shares", [], MONDAY)["shares"] == pytest.approx(np.log(1.10))


def test_claims_are_in_our_words():
    article = LARGE.parent / "article.txt"
    if not article.is_file():
        pytest.skip("the article is not part of the project")

    def runs(text: str) -> set[tuple[str, ...]]:
        words = "".join(c.lower() if c.isalnum() else " " for c in text).split()
        return set(zip(*(words[i:] for i in range(12)), strict=False))

    ours = NOTEBOOK.read_text(encoding="utf-8")
    assert "pyramid coins" in ours
    assert not runs(ours) & runs(article.read_text(encoding="utf-8"))
