"""The embedded study against facts typed here by hand from the sources."""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import chainpolicy
from chainpolicy.study.sessions import event_session, sessions
from places import SHARED

FOLDER = Path(chainpolicy.__file__).parent / "studies" / "china_blockchain_2019"
ARTICLE = SHARED / "article.txt"

# A-share event sessions (two where the hour is unknown and either may be the first), UTC day.
SESSIONS = {
    "cac-first-filing-list": (["2019-04-01"], "2019-03-30"),
    "ndrc-mining-draft": (["2019-04-08"], "2019-04-08"),
    "japan-crypto-network": (["2019-07-19"], "2019-07-18"),
    "fintech-plan": (["2019-08-22", "2019-08-23"], "2019-08-22"),
    "unicef-crypto-fund": (["2019-10-08", "2019-10-09"], "2019-10-08"),
    "cac-second-filing-list": (["2019-10-18", "2019-10-21"], "2019-10-18"),
    "xi-politburo": (["2019-10-28"], "2019-10-25"),
    "cryptography-law": (["2019-10-28"], "2019-10-26"),
    "huang-dcep-bund": (["2019-10-28"], "2019-10-28"),
    "peoples-daily-rationality": (["2019-10-29"], "2019-10-28"),
    "plenum-communique": (["2019-11-01"], "2019-10-31"),
    "plenum-decision": (["2019-11-06"], "2019-11-05"),
    "miit-reply-1394": (["2019-11-04", "2019-11-05"], "2019-11-04"),
    "ndrc-mining-catalogue": (["2019-11-06", "2019-11-07"], "2019-11-06"),
    "shanghai-exchange-notice": (["2019-11-18"], "2019-11-15"),
    "pboc-dcep-denial": (["2019-11-14"], "2019-11-13"),
    "brics-settlement-coin": (["2019-11-14", "2019-11-15"], "2019-11-14"),
    "fundraising-letter": (["2019-11-18", "2019-11-19"], "2019-11-18"),
    "cctv-focus-scams": (["2019-11-19"], "2019-11-18"),
    "shenzhen-campaign": (["2019-11-21", "2019-11-22"], "2019-11-21"),
    "pboc-shanghai-statement": (["2019-11-25"], "2019-11-22"),
    "beijing-strikes-on-sight": (["2019-11-25"], "2019-11-22"),
    "beijing-sandbox": (["2019-12-05", "2019-12-06"], "2019-12-05"),
    "dcep-pilot-caijing": (["2019-12-09", "2019-12-10"], "2019-12-09"),
    "nifa-blockchain-warning": (["2019-12-13", "2019-12-16"], "2019-12-13"),
    "shenzhen-eight-firms": (["2019-12-18", "2019-12-19"], "2019-12-18"),
    "shenzhen-blockchain-50": (["2019-12-24"], "2019-12-24"),
    "beijing-four-regulators": (["2019-12-30"], "2019-12-27"),
    "cryptography-law-in-force": (["2020-01-02"], "2020-01-01"),
    "pboc-dcep-design": (["2020-01-10", "2020-01-13"], "2020-01-10"),
}

# Stance on blockchain, stance on crypto, role of every event that is estimated.
IN_SAMPLE = {
    "unicef-crypto-fund": (0, 1, "control"),
    "cac-second-filing-list": (1, 0, "policy"),
    "xi-politburo": (1, 0, "policy"),
    "cryptography-law": (1, 0, "policy"),
    "huang-dcep-bund": (1, -1, "policy"),
    "peoples-daily-rationality": (-1, -1, "policy"),
    "plenum-communique": (1, 0, "policy"),
    "plenum-decision": (1, 0, "policy"),
    "miit-reply-1394": (1, 0, "policy"),
    "ndrc-mining-catalogue": (0, 1, "policy"),
    "shanghai-exchange-notice": (0, -1, "policy"),
    "pboc-dcep-denial": (0, -1, "policy"),
    "brics-settlement-coin": (0, 1, "control"),
    "fundraising-letter": (0, -1, "policy"),
    "cctv-focus-scams": (0, -1, "policy"),
    "shenzhen-campaign": (0, -1, "policy"),
    "pboc-shanghai-statement": (0, -1, "policy"),
    "beijing-strikes-on-sight": (0, -1, "policy"),
    "beijing-sandbox": (1, 0, "policy"),
    "dcep-pilot-caijing": (1, 0, "policy"),
    "nifa-blockchain-warning": (0, -1, "policy"),
    "shenzhen-eight-firms": (0, -1, "policy"),
    "shenzhen-blockchain-50": (0, 0, "policy"),
    "beijing-four-regulators": (0, -1, "policy"),
    "cryptography-law-in-force": (1, 0, "placebo"),
    "pboc-dcep-design": (1, 0, "policy"),
}

# Out of the sample, with the day that masks them.
OUT_OF_SAMPLE = {
    "cac-first-filing-list": "2019-03-30",
    "ndrc-mining-draft": "2019-04-08",
    "imf-fiat-digital-currency": "2019-06-27",
    "japan-crypto-network": "2019-07-18",
    "mu-changchun-dcep": "2019-08-10",
    "fintech-plan": "2019-08-22",
    "yi-gang-dcep": "2019-09-24",
    "fan-yifei-dcep": "2019-11-28",
}

# The day the article gives; the statements it mentions without a day are absent.
ARTICLE_DATES = {
    "unicef-crypto-fund": "2019-10-08",
    "xi-politburo": "2019-10-24",
    "cryptography-law": "2019-10-26",
    "huang-dcep-bund": "2019-10-28",
    "plenum-communique": "2019-10-31",
    "plenum-decision": "2019-10-31",
    "miit-reply-1394": "2019-11-04",
    "ndrc-mining-catalogue": "2019-11-06",
    "shanghai-exchange-notice": "2019-11-14",
    "brics-settlement-coin": "2019-11-16",
    "cctv-focus-scams": "2019-11-19",
    "beijing-sandbox": "2019-12-05",
    "cryptography-law-in-force": "2020-01-01",
}

OMITTED_BY_THE_ARTICLE = {
    "cac-first-filing-list",
    "ndrc-mining-draft",
    "cac-second-filing-list",
    "peoples-daily-rationality",
    "pboc-dcep-denial",
    "fundraising-letter",
    "shenzhen-campaign",
    "pboc-shanghai-statement",
    "beijing-strikes-on-sight",
    "nifa-blockchain-warning",
    "shenzhen-eight-firms",
    "shenzhen-blockchain-50",
    "beijing-four-regulators",
    "pboc-dcep-design",
}

SUSPENDED_SESSIONS = {"002610.SZ": 10, "002668.SZ": 16, "600208.SS": 1, "600652.SS": 1}

# Half a tick and the cut after four decimals.
TICK_TOLERANCE = 0.0052


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "events.csv", dtype=str, keep_default_na=False, index_col=0)


@pytest.fixture(scope="module")
def assets() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "assets.csv", dtype=str, keep_default_na=False, index_col=0)


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "prices.csv", parse_dates=["date"])


@pytest.fixture(scope="module")
def toml() -> dict:
    return tomllib.loads((FOLDER / "study.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def readme() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")


def price_limits(text: str, days: pd.DatetimeIndex) -> np.ndarray:
    """Daily limit read independently of the package."""
    limits = np.full(len(days), np.nan)
    for part in text.split(";"):
        start, _, limit = part.rpartition(":")
        limits[days >= pd.Timestamp(start or "1900-01-01")] = float(limit)
    return limits


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


# --- study.toml -----------------------------------------------------------------------------


def test_study_choices(toml):
    assert toml["study"]["name"] == "china-blockchain-2019"
    assert toml["prices"] == {
        "file": "prices.csv",
        "start": date(2018, 10, 8),
        "end": date(2020, 1, 23),
        "hourly": {"BTC-USD": "btc_hourly.csv"},
    }
    assert toml["returns"] == {"kind": "log", "gaps": "drop"}
    assert toml["estimation"] == {
        "model": "market",
        "window": [-130, -11],
        "anchor": "event",
        "end": date(2019, 9, 16),
        "mask": True,
        "minimum": 60,
    }
    assert toml["event"]["window"] == [-10, 20]
    assert toml["event"]["car_windows"] == [[0, 0], [0, 1], [-1, 1], [0, 5], [0, 10]]
    assert toml["sentiment"] == {"half_life": 5}
    assert toml["donors"] == {"calendar": "XSHG", "market": "MARKET_EW"}


@pytest.mark.parametrize("calendar", ["XSHG", "XNYS", "24/7"])
def test_clean_window_ends_before_any_event_window_begins(calendar, toml, events):
    days = sessions(calendar, "2019-01-01", "2020-01-23")
    last = days.searchsorted(pd.Timestamp(toml["estimation"]["end"]), side="right") - 1
    first_event = min(
        event_session(calendar, events.loc[event, "announced_at"]) for event in IN_SAMPLE
    )
    assert last < days.get_loc(first_event) + toml["event"]["window"][0]


# --- events.csv -----------------------------------------------------------------------------


def test_catalogue_is_complete(events):
    assert events.index.is_unique
    assert set(events.index) == set(IN_SAMPLE) | set(OUT_OF_SAMPLE)
    assert set(events.index[events["in_sample"] == "yes"]) == set(IN_SAMPLE)
    assert set(events.index[events["in_sample"] == "no"]) == set(OUT_OF_SAMPLE)


@pytest.mark.parametrize("event", SESSIONS)
def test_a_share_event_session(event, events):
    expected, _ = SESSIONS[event]
    found = event_session("XSHG", events.loc[event, "announced_at"])
    assert f"{found:%Y-%m-%d}" in expected


@pytest.mark.parametrize("event", SESSIONS)
def test_utc_day(event, events):
    _, expected = SESSIONS[event]
    found = event_session("24/7", events.loc[event, "announced_at"])
    assert f"{found:%Y-%m-%d}" == expected


def test_new_york_reacts_to_the_politburo_on_the_friday(events):
    found = event_session("XNYS", events.loc["xi-politburo", "announced_at"])
    assert found == pd.Timestamp("2019-10-25")


def test_every_estimated_event_has_its_sessions_checked():
    assert set(IN_SAMPLE) <= set(SESSIONS)


@pytest.mark.parametrize("event", IN_SAMPLE)
def test_stance_and_role_of_estimated_events(event, events):
    row = events.loc[event]
    coded = (int(row["stance_blockchain"]), int(row["stance_crypto"]), row["role"])
    assert coded == IN_SAMPLE[event]


@pytest.mark.parametrize("event", OUT_OF_SAMPLE)
def test_excluded_events_are_dated_and_say_why(event, events):
    assert events.loc[event, "announced_at"][:10] == OUT_OF_SAMPLE[event]
    assert events.loc[event, "reason"] != ""


@pytest.mark.parametrize("event", ["mu-changchun-dcep", "yi-gang-dcep", "fan-yifei-dcep"])
def test_undated_speeches(event, events):
    assert events.loc[event, "reason"] == "undated in the article"


def test_article_dates(events):
    given = events["article_date"]
    assert given[given != ""].to_dict() == ARTICLE_DATES
    assert set(events.index[events["from_article"] == "no"]) == OMITTED_BY_THE_ARTICLE


def test_japan_row_is_a_control(events):
    assert events.loc["japan-crypto-network", "role"] == "control"


def test_time_precision_says_what_the_timestamp_knows(events):
    clock = events["announced_at"].str[11:]
    assert (clock[events["time_precision"] == "day"] == "").all()
    assert (clock[events["time_precision"] == "evening"] == "20:00:00+08:00").all()
    exact = clock[events["time_precision"] == "exact"].to_dict()
    assert exact == {"xi-politburo": "18:15:00+08:00"}
    ceilings = clock[events["time_precision"] == "ceiling"].to_dict()
    assert ceilings == {
        "japan-crypto-network": "16:30:00+08:00",
        "pboc-dcep-denial": "15:22:00+08:00",
        "pboc-shanghai-statement": "19:05:00+08:00",
        "beijing-four-regulators": "15:51:00+08:00",
    }


SAME_EVENTS = {
    "xi-politburo": "2019-10-25-xi-politburo-blockchain",
    "ndrc-mining-catalogue": "2019-11-06-ndrc-final-catalogue",
    "pboc-dcep-denial": "2019-11-13-pboc-dcep-denial",
    "fundraising-letter": "2019-11-18-joint-meeting-letter",
    "shenzhen-campaign": "2019-11-21-shenzhen-campaign",
    "pboc-shanghai-statement": "2019-11-22-pboc-shanghai-statement",
    "beijing-strikes-on-sight": "2019-11-22-beijing-hit-on-sight",
    "nifa-blockchain-warning": "2019-12-13-nifa-blockchain-name-ico",
    "shenzhen-eight-firms": "2019-12-18-shenzhen-eight-firms",
    "beijing-four-regulators": "2019-12-27-beijing-four-regulators",
    "pboc-dcep-design": "2020-01-10-pboc-dcep-design-done",
}


@pytest.mark.parametrize("event", SAME_EVENTS)
def test_both_embedded_studies_say_the_same_of_an_event(event, events):
    other = pd.read_csv(
        FOLDER.parent / "china_crypto_policy_2013_2021" / "events.csv",
        dtype=str,
        keep_default_na=False,
        index_col=0,
    ).loc[SAME_EVENTS[event]]
    told = ["announced_at", "time_precision", "stance_blockchain", "stance_crypto", "salience"]
    assert events.loc[event, told].tolist() == other[told].tolist()


def test_what_contaminates_the_placebo_is_said(events, readme):
    assert "No clean placebo" in events.loc["cryptography-law-in-force", "note"]
    near = pd.read_csv(FOLDER / "confounders.csv", index_col=0)
    assert list(near.loc["cryptography-law-in-force", "name"]) == [
        "reserve ratio cut",
        "Bitcoin rises 5 % on 3 January",
    ]
    assert "**cryptography-law-in-force is no clean placebo.**" in readme


def test_moves_that_the_confounders_state_are_in_the_prices(prices):
    close = prices[prices["ticker"] == "BTC-USD"].set_index("date")["close"]
    assert close["2019-11-22"] / close["2019-11-20"] - 1 == pytest.approx(-0.09, abs=0.005)
    assert close["2020-01-03"] / close["2020-01-02"] - 1 == pytest.approx(0.05, abs=0.005)


def test_salience_follows_the_rank_of_the_issuer(events):
    top = ["xi-politburo", "cryptography-law", "plenum-communique", "plenum-decision"]
    ministry = ["miit-reply-1394", "ndrc-mining-catalogue", "cac-second-filing-list"]
    press_or_local = ["cctv-focus-scams", "dcep-pilot-caijing", "shanghai-exchange-notice"]
    for rank, members in [("3", top), ("2", ministry), ("1", press_or_local)]:
        assert (events.loc[members, "salience"] == rank).all()


def test_allowed_values(events):
    assert events["stance_blockchain"].isin(["-1", "0", "1"]).all()
    assert events["stance_crypto"].isin(["-1", "0", "1"]).all()
    assert events["from_article"].isin(["yes", "no"]).all()
    described = ["name", "issuer", "theme", "cluster", "source", "note"]
    assert (events[described] != "").all(axis=None)


# --- assets.csv -----------------------------------------------------------------------------


def test_groups(assets):
    assert assets.index.is_unique
    assert assets["group"].value_counts().to_dict() == {
        "a_shares_tier1": 38,
        "a_shares_tier2": 8,
        "us_listed": 9,
        "coins": 4,
        "benchmark": 4,
        "bitcoin": 1,
    }


def test_tier_2_is_the_list_of_the_event_session(assets):
    assert set(assets.index[assets["group"] == "a_shares_tier2"]) == {
        "300202.SZ",
        "002657.SZ",
        "600208.SS",
        "000607.SZ",
        "603888.SS",
        "603000.SS",
        "002303.SZ",
        "300220.SZ",
    }


def test_calendars_and_benchmarks(assets):
    by_group = assets.groupby("group")
    a_shares = assets[assets["group"].str.startswith("a_shares")]
    assert (a_shares["calendar"] == "XSHG").all()
    assert (a_shares["benchmark"] == "000300.SS;399006.SZ").all()
    assert set(by_group.get_group("us_listed")["calendar"]) == {"XNYS"}
    assert set(by_group.get_group("us_listed")["benchmark"]) == {"SPY"}
    around_the_clock = assets[assets["group"].isin(["bitcoin", "coins"])]
    assert (around_the_clock["calendar"] == "24/7").all()
    assert (around_the_clock["benchmark"] == "").all()
    assert by_group.get_group("benchmark")["calendar"].to_dict() == {
        "000300.SS": "XSHG",
        "399006.SZ": "XSHG",
        "000001.SS": "XSHG",
        "SPY": "XNYS",
    }


def test_tier_1_rests_on_evidence_from_before_the_event(assets):
    for evidence in assets.loc[assets["group"] == "a_shares_tier1", "evidence"]:
        year, month, day = re.match(r"(\d{4})(?:-(\d\d)-(\d\d))? ", evidence).groups()
        if month is not None:
            assert date(int(year), int(month), int(day)) < date(2019, 10, 25)
        else:
            assert year == "2018" or "(day not recorded, before 2019-10-25)" in evidence


def test_selection_is_explained(assets):
    assert (assets["selection"] != "").all()
    assert (assets.loc[assets["group"] != "benchmark", "evidence"] != "").all()


def test_no_close_moves_beyond_its_price_limit(assets, prices):
    a_shares = assets[assets["group"].str.startswith("a_shares")]
    for ticker, text in a_shares["price_limit"].items():
        series = prices[prices["ticker"] == ticker].set_index("date")["close"].sort_index()
        moves = series.diff().abs()[1:]
        allowed = series.shift()[1:] * price_limits(text, moves.index) + TICK_TOLERANCE
        assert (moves <= allowed).all(), ticker


def test_st_share_sits_at_its_lower_limit_after_the_change(assets, prices):
    # Five falls of 5 % in a row from the day on which the share became ST.
    series = prices[prices["ticker"] == "600652.SS"].set_index("date")["close"]
    days = pd.DatetimeIndex(
        ["2019-04-29", "2019-05-06", "2019-05-07", "2019-05-08", "2019-05-09", "2019-05-10"]
    )
    for before, after in pairwise(days):
        assert abs(series[after] - series[before] * 0.95) <= TICK_TOLERANCE
    assert assets.loc["600652.SS", "price_limit"] == "0.10;2019-05-06:0.05"


# --- prices.csv and btc_hourly.csv ----------------------------------------------------------


def test_every_asset_has_prices_and_every_price_an_asset(assets, prices):
    assert set(prices["ticker"]) == set(assets.index)
    assert len(prices) == 21_352
    assert not prices.duplicated(["date", "ticker"]).any()
    assert prices["close"].gt(0).all()


def test_start_and_end_of_the_series(prices):
    ends = prices.groupby("ticker")["date"].agg(["min", "max"])
    assert (ends["max"] == pd.Timestamp("2020-01-23")).all()
    # Suspended until 2018-10-29; the next session is its first.
    assert ends.loc["002668.SZ", "min"] == pd.Timestamp("2018-10-30")
    others = ends.drop("002668.SZ")["min"]
    chinese = others.index.str.endswith((".SS", ".SZ"))
    assert (others[chinese] == pd.Timestamp("2018-10-08")).all()
    assert (others[~chinese] == pd.Timestamp("2018-10-01")).all()


def test_only_the_known_suspensions_are_missing(assets, prices, toml):
    prices = prices[prices["date"] >= pd.Timestamp(toml["prices"]["start"])]
    missing = {}
    for ticker, calendar in assets["calendar"].items():
        days = sessions(calendar, toml["prices"]["start"], toml["prices"]["end"])
        held = pd.DatetimeIndex(prices.loc[prices["ticker"] == ticker, "date"])
        assert held.isin(days).all(), ticker
        if len(days) > len(held):
            missing[ticker] = len(days) - len(held)
    assert missing == SUSPENDED_SESSIONS


def test_hourly_closes_have_no_gap():
    hourly = pd.read_csv(FOLDER / "btc_hourly.csv", parse_dates=["time"])
    expected = pd.date_range("2019-10-01", "2019-12-12 23:00", freq="h", tz="UTC")
    assert list(hourly["time"]) == list(expected)


def test_known_outcomes_are_in_the_prices(prices):
    close = prices.set_index(["ticker", "date"])["close"]
    # Xunlei's published rise on 25 October, and the composite's on the 28th.
    xnet = close["XNET"]
    assert xnet["2019-10-25"] / xnet["2019-10-24"] - 1 == pytest.approx(1.078, abs=0.001)
    sse = close["000001.SS"]
    assert sse["2019-10-28"] / sse["2019-10-25"] - 1 == pytest.approx(0.0085, abs=0.0001)


# --- README.md ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["prices.csv", "btc_hourly.csv", "donors.csv"])
def test_checksums_in_the_readme(name, readme):
    stated = re.search(rf"\| {re.escape(name)} \| `([0-9a-f]{{64}})` \|", readme)
    assert stated is not None
    assert stated.group(1) == hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()


def test_stance_table_in_the_readme_is_the_catalogue(events, readme):
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([+-]1|0) \| ([+-]1|0) \| \S", readme, re.MULTILINE)
    stated = {event: (int(blockchain), int(crypto)) for event, blockchain, crypto in rows}
    coded = events[["stance_blockchain", "stance_crypto"]].astype(int)
    assert stated == {event: tuple(pair) for event, *pair in coded.itertuples()}


@pytest.mark.parametrize(
    "name",
    ["events.csv", "assets.csv", "prices.csv", "btc_hourly.csv", "confounders.csv",
     "donors.csv", "market_figures.csv"],
)  # fmt: skip
def test_every_column_is_explained_in_the_readme(name, readme):
    section = readme.split(f"### {name}\n")[1].split("\n#")[0]
    explained = re.findall(r"^\| ([a-z0-9_]+) \| ", section, re.MULTILINE)
    assert explained == list(pd.read_csv(FOLDER / name, nrows=0).columns)


def test_no_sentence_of_the_article_is_in_the_folder():
    if not ARTICLE.exists():
        pytest.skip("the article is not on this machine: nothing to compare the folder with")
    article = words(ARTICLE.read_text(encoding="utf-8"))
    length = 12
    phrases = {tuple(article[k : k + length]) for k in range(len(article) - length + 1)}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            found = words(path.read_text(encoding="utf-8"))
            for k in range(len(found) - length + 1):
                assert tuple(found[k : k + length]) not in phrases, (path.name, found[k:])
