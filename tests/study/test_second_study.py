"""The study of 2013-2021 against facts typed here by hand from the catalogue and the calendar."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import chainpolicy
from chainpolicy.figures import draw_car_heatmap
from chainpolicy.study import Study, load_study, new_study
from chainpolicy.study.sessions import event_session
from chainpolicy.study.study import EMBEDDED
from places import SHARED

NAME = "china-crypto-policy-2013-2021"
FOLDER = Path(chainpolicy.__file__).parent / "studies" / "china_crypto_policy_2013_2021"
SHARED_PRICES = SHARED / "prices" / "crypto_policy_prices.csv"
CATALOGUE = SHARED / "EVENTS_2013_2021.md"

# The catalogue's own counts: stance on blockchain and on crypto, all rows, rows of the rule.
STANCES = {
    (0, -1): (91, 73),
    (1, 0): (29, 23),
    (0, 0): (16, 7),
    (0, 1): (7, 6),
    (1, -1): (3, 1),
    (-1, 0): (3, 0),
    (-1, -1): (1, 0),
}

# In the catalogue from memory, with a source and hence another confidence here.
FOUND_LATER = {
    "2019-03-21-beijing-sto-notice": "H",
    "2020-01-05-pboc-work-conference": "M",
}
NOT_ESTIMATED = {
    "2020-02-pboc-ledger-standard",
    "2020-08-pboc-shanghai-h2",
    "2022-01-10-ndrc-catalogue-amended",
}

# announced_at, precision, document date, blockchain, crypto, salience, rule, confidence: leaks,
# rows known by the day alone, ceilings, evenings, exact hours and rows out of the sample.
ROWS = {
    "2013-11-yi-gang-free-to-trade": "2013-11-21 day 2013-11-20 0 1 2 a M",
    "2013-12-05-five-ministry-notice": "2013-12-05T16:34:00+08:00 ceiling 2013-12-03 0 -1 2 a H",
    "2013-12-16-payment-firms-told": "2013-12-17T02:00:00+08:00 ceiling - 0 -1 2 a M",
    "2014-03-21-pboc-denies-ban": "2014-03-21T20:00:00+08:00 evening - 0 0 2 a M",
    "2014-03-27-accounts-closed-by-15-april": "2014-03-27 day 2014-03-18 0 -1 2 a H",
    "2014-04-11-zhou-no-ban-boao": "2014-04-11T15:00:00+08:00 exact - 0 1 2 a H",
    "2016-12-27-13th-fyp-informatization": "2016-12-27T20:31:00+08:00 ceiling 2016-12-15 1 0 3 c H",
    "2017-02-09-pboc-nine-exchanges": "2017-02-08 day 2017-02-09 0 -1 2 a H",
    "2017-09-02-office-letter-99": "2017-09-04 day 2017-09-02 0 -1 2 a M",
    "2017-09-04-ico-ban": "2017-09-04T15:34:00+08:00 ceiling - 0 -1 2 a H",
    "2017-09-08-caixin-exchanges-to-close": "2017-09-08T21:56:00+08:00 exact - 0 -1 2 a M",
    "2018-01-02-mining-orderly-exit": "2018-01-03 day 2018-01-02 0 -1 2 a M",
    "2018-03-09-zhou-npc-press": "2018-03-09T17:00:00+08:00 ceiling - 1 -1 2 a H",
    "2018-08-22-chaoyang-venues": "2018-08-22 day 2018-08-17 0 -1 1 near H",
    "2019-04-08-ndrc-draft-mining": "2019-04-08 day - 0 -1 2 a H",
    "2019-10-25-xi-politburo-blockchain": "2019-10-25T18:15:00+08:00 exact 2019-10-24 1 0 3 c H",
    "2019-11-06-ndrc-final-catalogue": "2019-11-06 day 2019-10-30 0 1 2 a H",
    "2019-11-13-pboc-dcep-denial": "2019-11-13T15:22:00+08:00 ceiling - 0 -1 2 a H",
    "2019-11-15-shanghai-venue-sweep": "2019-11-15 day 2019-11-14 0 -1 1 b H",
    "2019-11-22-pboc-shanghai-statement": "2019-11-22T19:05:00+08:00 ceiling - 0 -1 2 a H",
    "2020-02-pboc-ledger-standard": "- - 2020-02-05 1 0 2 a M",
    "2021-02-25-inner-mongolia-draft": "2021-02-25 day - 0 -1 1 b H",
    "2021-05-21-fsdc-51st-meeting": "2021-05-21T22:32:00+08:00 ceiling - 0 -1 3 a H",
    "2021-06-12-yunnan-power-check": "2021-06-12T02:16:00+08:00 ceiling - 0 -1 1 b M",
    "2021-09-24-ten-agencies": "2021-09-24T17:24:00+08:00 ceiling 2021-09-15 0 -1 2 a H",
    "2022-01-10-ndrc-catalogue-amended": "2022-01-10 day 2021-12-27 0 -1 2 a H",
}

# The UTC day on which Bitcoin could first react.
UTC_DAYS = {
    "2013-12-05-five-ministry-notice": "2013-12-05",
    "2013-12-16-payment-firms-told": "2013-12-16",
    "2014-04-24-pboc-scolds-banks": "2014-04-25",
    "2017-02-09-pboc-nine-exchanges": "2017-02-08",
    "2017-09-15-beijing-closure-order": "2017-09-15",
    "2018-02-04-offshore-platforms-blocked": "2018-02-04",
    "2019-10-25-xi-politburo-blockchain": "2019-10-25",
    "2019-11-15-shanghai-venue-sweep": "2019-11-15",
    "2019-11-21-pboc-17-standards": "2019-11-22",
    "2021-05-18-three-associations": "2021-05-18",
    "2021-06-12-yunnan-power-check": "2021-06-11",
    "2021-09-24-ten-agencies": "2021-09-24",
}

WEEKDAYS = {
    "2013-12-05-five-ministry-notice": "Thursday",
    "2017-08-30-nifa-ico-warning": "Wednesday",
    "2017-09-04-ico-ban": "Monday",
    "2018-01-12-nifa-disguised-ico": "Friday",
    "2018-08-23-block-124-exchanges": "Thursday",
    "2018-12-08-pan-sto-illegal": "Saturday",
    "2019-10-25-xi-politburo-blockchain": "Friday",
    "2019-10-26-cryptography-law": "Saturday",
    "2019-11-06-ndrc-final-catalogue": "Wednesday",
    "2021-05-18-three-associations": "Tuesday",
    "2021-05-21-fsdc-51st-meeting": "Friday",
    "2021-07-31-pboc-h2-conference": "Saturday",
    "2021-09-24-ten-agencies": "Friday",
}

ORDERS = {
    "payment-firms-2013": {"2013-12-16-payment-firms-told", "2013-12-18-btcchina-stops-deposits"},
    "ico-ban-2017": {"2017-09-02-office-letter-99", "2017-09-04-ico-ban"},
    "exchange-closure-2017": {
        "2017-09-08-caixin-exchanges-to-close",
        "2017-09-14-shanghai-verbal-closure",
        "2017-09-15-beijing-closure-order",
    },
    "national-sweep-2019": {
        "2019-11-15-shanghai-venue-sweep",
        "2019-11-21-shenzhen-campaign",
        "2019-11-22-pboc-shanghai-statement",
        "2019-11-22-beijing-hit-on-sight",
    },
    "inner-mongolia-2021": {
        "2021-02-25-inner-mongolia-draft",
        "2021-03-09-inner-mongolia-final",
        "2021-05-18-inner-mongolia-hotline",
    },
}


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "events.csv", dtype=str, keep_default_na=False, index_col=0)


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "prices.csv", parse_dates=["date"])


@pytest.fixture(scope="module")
def readme() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study(NAME)


# --- the name -------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "folder"), [(NAME, FOLDER), ("china-blockchain-2019", EMBEDDED)])
def test_an_embedded_study_goes_by_its_name(name, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_study(name).path == load_study(Path(name)).path == folder
    assert load_study(name).name == name


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    new_study(NAME)
    assert load_study(NAME).name == "my-study"


# --- events.csv -----------------------------------------------------------------------------


def test_110_rows_meet_the_rule_and_40_are_near_it(events):
    assert events.index.is_unique
    assert events["rule"].value_counts().to_dict() == {"a": 81, "near": 40, "b": 20, "c": 9}
    assert (events["role"] == "control").equals(events["rule"] == "near")
    assert set(events["role"]) == {"policy", "control"}


def test_stances_are_as_many_as_the_catalogue_counts(events):
    coded = events[["stance_blockchain", "stance_crypto"]].astype(int).apply(tuple, axis=1)
    ruled = coded[events["rule"] != "near"]
    found = {pair: ((coded == pair).sum(), (ruled == pair).sum()) for pair in set(coded)}
    assert found == STANCES


def test_confidence_is_as_the_catalogue_counts(events):
    assert events["confidence"].value_counts().to_dict() == {"H": 99, "M": 43, "L": 8}
    ruled = events.loc[events["rule"] != "near", "confidence"]
    assert ruled.value_counts().to_dict() == {"H": 82, "M": 25, "L": 3}


def test_the_rows_are_those_of_the_catalogue(events):
    if not CATALOGUE.exists():
        pytest.skip("the catalogue is not on this machine: nothing to compare the rows with")
    lines = re.findall(r"^\| (20\d\d-.*) \|$", CATALOGUE.read_text("utf-8"), re.MULTILINE)
    listed = {cells[0]: cells for cells in (line.split(" | ") for line in lines)}
    assert list(events.index) == list(listed)
    for event_id, row in events.iterrows():
        _, issuer, _, blockchain, crypto, salience, *_, confidence, rule, source, _ = listed[
            event_id
        ]
        assert row["issuer"] == issuer
        assert int(row["stance_blockchain"]) == int(blockchain)
        assert int(row["stance_crypto"]) == int(crypto)
        confidence = FOUND_LATER.get(event_id, confidence)
        assert (row["salience"], row["confidence"], row["rule"]) == (salience, confidence, rule)
        if event_id not in FOUND_LATER:
            assert row["source_url"].split() == re.findall(r"https?://[^\s;]+", source)


@pytest.mark.parametrize("event", ROWS)
def test_row(event, events):
    row = events.loc[event]
    columns = "announced_at time_precision document_date stance_blockchain stance_crypto salience"
    told = [row[name] or "-" for name in [*columns.split(), "rule", "confidence"]]
    assert " ".join(told) == ROWS[event]


def test_every_row_is_dated_or_says_that_its_day_was_not_found(events):
    undated = events[events["announced_at"] == ""]
    assert set(undated.index) == {"2020-02-pboc-ledger-standard", "2020-08-pboc-shanghai-h2"}
    assert (undated["reason"] == "the day on which it became public was not found").all()
    assert set(events.index[events["in_sample"] == "no"]) == NOT_ESTIMATED
    assert (events.loc[sorted(NOT_ESTIMATED), "reason"] != "").all()


def test_every_row_has_a_source(events):
    assert (events[["name", "issuer", "content", "source"]] != "").all(axis=None)
    addresses = events["source_url"].str.split()
    assert events["source_url"].str.fullmatch(r"https?://\S+( https?://\S+)*").all()
    assert (addresses.str.len() == events["source"].str.split(";").str.len()).all()


def test_hours_are_beijing_time_and_what_is_not_known_is_a_bare_date(events):
    clock = events["announced_at"].str[10:]
    by = events["time_precision"]
    # Of the catalogue's 35 ceilings two are those of later reports of what had leaked by the day
    # alone; of its 15 parts of a day ten are evenings.
    assert by.value_counts().to_dict() == {
        "day": 100,
        "ceiling": 33,
        "evening": 10,
        "exact": 5,
        "": 2,
    }
    assert (clock[by.isin(["day", ""])] == "").all()
    assert clock[by.isin(["exact", "ceiling"])].str.fullmatch(r"T\d\d:\d\d:00\+08:00").all()
    assert set(clock[by == "evening"]) == {"T20:00:00+08:00"}


def test_document_dates_are_days_other_than_the_first_public_one(events):
    dated = events[(events["document_date"] != "") & (events["announced_at"] != "")]
    public = dated["announced_at"].str[:10]
    assert (public != dated["document_date"]).all()
    # Only the leak of a meeting came before the statement on it.
    assert list(dated.index[public < dated["document_date"]]) == ["2017-02-09-pboc-nine-exchanges"]


@pytest.mark.parametrize("event", UTC_DAYS)
def test_utc_day(event, events):
    found = event_session("24/7", events.loc[event, "announced_at"])
    assert f"{found:%Y-%m-%d}" == UTC_DAYS[event]


@pytest.mark.parametrize("event", WEEKDAYS)
def test_weekday(event, events):
    local = datetime.fromisoformat(events.loc[event, "announced_at"])
    assert f"{local:%A}" == WEEKDAYS[event]


def test_weekends_are_said(events):
    named = {5: "Saturday", 6: "Sunday"}
    for event, row in events[events["announced_at"] != ""].iterrows():
        day = named.get(datetime.fromisoformat(row["announced_at"]).weekday())
        assert day is None or day in row["note"], event


def test_rows_that_carry_out_one_order_share_it(events):
    members = events[events["order"] != ""].groupby("order").groups
    assert {order: set(members[order]) for order in ORDERS} == ORDERS
    assert all(len(rows) > 1 for rows in members.values())
    assert {order: len(rows) for order, rows in members.items() if order not in ORDERS} == {
        "exchange-accounts-2014": 2,
        "exchange-inspection-2017": 3,
        "cac-filing": 5,
        "inner-mongolia-2019": 2,
        "beijing-tip-2019": 2,
        "fsdc-mining-2021": 8,
        "mining-exit-2021": 6,
    }


def test_the_wave_against_mining_is_what_its_words_say(events):
    wave = (events["theme"] == "mining") & events["announced_at"].str.startswith("2021")
    assert (events["mining_2021"] == "yes").equals(wave)
    assert set(events.loc[wave, "stance_crypto"]) == {"-1"}


def test_13_famous_dates_restrict_and_stand_on_days_of_their_own(events):
    famous = events[events["famous"] == "yes"]
    assert set(events["famous"]) == {"yes", "no"}
    assert len(famous) == 13
    assert set(famous["stance_crypto"]) == {"-1"}
    assert set(famous["role"]) == {"policy"}
    days = famous["announced_at"].str[:10]
    assert days.is_unique
    assert days.between("2017-01-01", "2021-12-31").all()


def test_what_the_article_mentions(events):
    assert set(events.index[events["from_article"] == "yes"]) == {
        "2019-08-10-mu-dcep-almost-out",
        "2019-10-25-xi-politburo-blockchain",
        "2019-10-26-cryptography-law",
        "2019-10-28-huang-qifan-dcep",
        "2019-11-06-ndrc-final-catalogue",
        "2019-11-15-shanghai-venue-sweep",
        "2019-12-09-dcep-pilot-report",
    }


def test_acts_agree_with_stances(events):
    assert (
        events.loc[events["act"].isin(["closure", "check"]), "stance_crypto"] == "-1"
    ).sum() == (
        events["act"].isin(["closure", "check"]).sum() - 2  # two checks of shares on the theme
    )
    supports = events[events["act"] == "support"]
    assert ((supports["stance_blockchain"] == "1") | (supports["stance_crypto"] == "1")).all()
    neutral = events.loc[events["act"] == "neutral", ["stance_blockchain", "stance_crypto"]]
    assert (neutral == "0").all(axis=None)


def test_both_studies_say_the_same_of_the_politburo(events):
    other = pd.read_csv(EMBEDDED / "events.csv", dtype=str, keep_default_na=False, index_col=0)
    told = ["announced_at", "time_precision", "stance_blockchain", "stance_crypto", "salience"]
    first = other.loc["xi-politburo", told]
    assert first.equals(events.loc["2019-10-25-xi-politburo-blockchain", told].rename(first.name))


# --- prices.csv -----------------------------------------------------------------------------


def test_prices_are_those_that_were_given():
    if not SHARED_PRICES.exists():
        pytest.skip("the given prices are not on this machine: nothing to compare with")
    assert (FOLDER / "prices.csv").read_bytes() == SHARED_PRICES.read_bytes()


def test_no_day_is_missing(prices):
    starts = {"BTC-USD": "2013-08-01", "ETH-USD": "2016-10-01", "LTC-USD": "2016-10-01"}
    assert len(prices) == 6_911
    for ticker, start in starts.items():
        held = prices.loc[prices["ticker"] == ticker, "date"]
        assert list(held) == list(pd.date_range(start, "2021-12-31"))


def test_prices_that_anyone_remembers(prices):
    close = prices.set_index(["ticker", "date"])["close"]["BTC-USD"]
    # The first close above 1,000 USD, the peak of 2017, the fall of 12 March 2020, the record.
    assert close[close > 1_000].index[0] == pd.Timestamp("2013-11-27")
    assert close[:"2019"].idxmax() == pd.Timestamp("2017-12-16")
    assert close.pct_change().idxmin() == pd.Timestamp("2020-03-12")
    assert close.idxmax() == pd.Timestamp("2021-11-08")


# --- README.md ------------------------------------------------------------------------------


def test_checksum_in_the_readme(readme):
    stated = re.search(r"\| prices\.csv \| `([0-9a-f]{64})` \|", readme)
    assert stated.group(1) == hashlib.sha256((FOLDER / "prices.csv").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["events.csv", "assets.csv", "prices.csv"])
def test_every_column_is_explained_in_the_readme(name, readme):
    section = readme.split(f"### {name}\n")[1].split("\n#")[0]
    explained = re.findall(r"^\| ([a-z0-9_]+) \| ", section, re.MULTILINE)
    assert explained == list(pd.read_csv(FOLDER / name, nrows=0).columns)


def test_every_order_and_act_is_explained_in_the_readme(events, readme):
    rows = re.findall(r"^\| ([a-z-]+-\d{4}|cac-filing) \| (\d+) \| \S", readme, re.MULTILINE)
    counts = events.loc[events["order"] != "", "order"].value_counts()
    assert {order: int(count) for order, count in rows} == counts.to_dict()
    section = readme.split("**Act**")[1].split("**Order.**")[0]
    acts = re.findall(r"^\| ([a-z]+) \| (?!meaning)", section, re.MULTILINE)
    assert set(acts) == set(events["act"])


# --- the estimates --------------------------------------------------------------------------


def test_all_but_the_five_are_estimated_for_bitcoin(study):
    pairs = study.results.pairs
    estimated = set(pairs.loc[pairs["ticker"] == "BTC-USD", "event_id"])
    assert estimated == set(study.events["event_id"]) - NOT_ESTIMATED


def test_a_response_by_hand(study, events, prices):
    # Three associations, 18 May 2021, [0, 1]: the two log returns less twice the mean of those of
    # [-130, -11] that are not day 0 or 1 of any dated row.
    close = prices[prices["ticker"] == "BTC-USD"].set_index("date")["close"]
    returns = np.log(close / close.shift())
    dated = events.loc[events["announced_at"] != "", "announced_at"]
    masked = {
        (day if len(at) == 10 else pd.Timestamp(at).tz_convert("UTC").tz_localize(None).normalize())
        + pd.Timedelta(days=later)
        for at, day in ((at, pd.Timestamp(at[:10])) for at in dated)
        for later in (0, 1)
    }
    day = pd.Timestamp("2021-05-18")
    window = pd.date_range(day - pd.Timedelta(days=130), day - pd.Timedelta(days=11))
    normal = returns[[other for other in window if other not in masked]]
    expected = returns["2021-05-18":"2021-05-19"].sum() - 2 * normal.mean()
    responses = study.results.car((0, 1)).set_index(["event_id", "ticker"])
    found = responses.loc[("2021-05-18-three-associations", "BTC-USD")]
    assert found["car"] == pytest.approx(expected, rel=1e-12)
    error = normal.std() * np.sqrt(2 + 4 / len(normal))
    assert found["std_error"] == pytest.approx(error, rel=1e-12)


def test_three_assets_and_many_events_leave_room_for_a_figure(study):
    # A figure without room for its axes warns, and a warning is an error here.
    figure, cells = draw_car_heatmap(study)
    assert set(cells["ticker"]) == {"BTC-USD", "ETH-USD", "LTC-USD"}
    height = figure.axes[0].get_position().height * figure.get_size_inches()[1]
    assert height > 0.1 * cells["ticker"].nunique()
