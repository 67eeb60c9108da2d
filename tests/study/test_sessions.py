"""Truth: the exchanges' published holidays and hours, and the calendar on the wall."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainpolicy
from chainpolicy.article import market_claims, whole_market
from chainpolicy.estimators.policy_index import sentiment_index
from chainpolicy.eventstudy import EstimationWindow
from chainpolicy.study.assets import parse_price_limit, price_limit_on
from chainpolicy.study.problems import InputError
from chainpolicy.study.sessions import (
    align,
    announcement_time,
    clusters,
    effective_calendars,
    event_session,
    sessions,
    trading_hours,
)
from chainpolicy.study.snapshot import read_prices

SNAPSHOT = Path(chainpolicy.__file__).parent / "studies" / "china_blockchain_2019" / "prices.csv"

# Weekdays without a session and days that close early, 2019, as the exchanges announced them.
ZONE = {"XSHG": "Asia/Shanghai", "XHKG": "Asia/Hong_Kong", "XNYS": "America/New_York"}
CLOSE = {"XSHG": time(15), "XHKG": time(16), "XNYS": time(16)}
EARLY_CLOSE = {"XSHG": time(15), "XHKG": time(12), "XNYS": time(13)}
HOLIDAYS = {
    "XSHG": "01-01 02-04 02-05 02-06 02-07 02-08 04-05 05-01 05-02 05-03 06-07 09-13 "
    "10-01 10-02 10-03 10-04 10-07",
    "XHKG": "01-01 02-05 02-06 02-07 04-05 04-19 04-22 05-01 05-13 06-07 07-01 10-01 10-07 "
    "12-25 12-26",
    "XNYS": "01-01 01-21 02-18 04-19 05-27 07-04 09-02 11-28 12-25",
}
HALF_DAYS = {"XSHG": "", "XHKG": "02-04 12-24 12-31", "XNYS": "07-03 11-29 12-24"}
EXCHANGES = tuple(ZONE)
CALENDARS = (*EXCHANGES, "24/7")


def in_2019(days: str) -> set[date]:
    return {date.fromisoformat(f"2019-{day}") for day in days.split()}


@cache
def closes_of_2019(calendar: str) -> dict[date, datetime]:
    closes = {}
    for offset in range(365):
        day = date(2019, 1, 1) + timedelta(days=offset)
        if day.weekday() < 5 and day not in in_2019(HOLIDAYS[calendar]):
            hour = EARLY_CLOSE if day in in_2019(HALF_DAYS[calendar]) else CLOSE
            closes[day] = datetime.combine(day, hour[calendar], ZoneInfo(ZONE[calendar]))
    return closes


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


# --- sessions -----------------------------------------------------------------------------


@pytest.mark.parametrize("calendar", EXCHANGES)
def test_sessions_of_2019_are_those_the_exchange_announced(calendar: str) -> None:
    found = sessions(calendar, "2019-01-01", "2019-12-31")
    assert [session.date() for session in found] == list(closes_of_2019(calendar))


@pytest.mark.parametrize(("calendar", "ticker"), [("XSHG", "000300.SS"), ("XNYS", "SPY")])
def test_sessions_are_the_days_on_which_the_market_index_has_a_close(
    calendar: str, ticker: str
) -> None:
    prices = pd.read_csv(SNAPSHOT, parse_dates=["date"])
    traded = prices.loc[prices["ticker"] == ticker, "date"]
    assert list(sessions(calendar, traded.min(), traded.max())) == list(traded)


def test_round_the_clock_every_utc_day_is_a_session() -> None:
    assert len(sessions("24/7", "2019-01-01", "2020-12-31")) == 365 + 366


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("kind", [str, pd.Timestamp, pd.Timestamp.date])
def test_sessions_have_one_form_whatever_the_bounds_are(calendar: str, kind: type) -> None:
    bounds = (day("2019-10-24"), day("2019-10-28"))
    found = sessions(calendar, *(f"{b:%F}" if kind is str else kind(b) for b in bounds))
    assert found.dtype == "datetime64[ns]"
    assert found.tz is None
    assert found.name == "session"
    assert found[0] == bounds[0]
    assert found[-1] == bounds[1]


def test_a_range_without_a_session_is_empty() -> None:
    assert sessions("XSHG", "2019-10-01", "2019-10-07").empty


@pytest.mark.parametrize("calendar", CALENDARS)
def test_days_that_no_calendar_knows_are_refused_together(calendar: str) -> None:
    with pytest.raises(InputError) as caught:
        sessions(calendar, "1901-01-01", "2101-01-01")
    assert [(p.column, p.value) for p in caught.value.problems] == [
        ("prices.start", "1901-01-01"),
        ("prices.end", "2101-01-01"),
    ]


# --- event session ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("announced_at", "calendar", "expected"),
    [
        # Friday evening in Beijing: Shanghai has closed, New York has not opened.
        ("2019-10-25T18:15+08:00", "XSHG", "2019-10-28"),
        ("2019-10-25T18:15+08:00", "XHKG", "2019-10-28"),
        ("2019-10-25T18:15+08:00", "XNYS", "2019-10-25"),
        ("2019-10-25T18:15+08:00", "24/7", "2019-10-25"),
        # The same instant, written in another zone.
        ("2019-10-25T10:15Z", "XSHG", "2019-10-28"),
        ("2019-10-25T06:15-04:00", "XSHG", "2019-10-28"),
        # Golden Week.
        ("2019-09-30T14:59:59+08:00", "XSHG", "2019-09-30"),
        ("2019-09-30T15:00+08:00", "XSHG", "2019-10-08"),
        ("2019-10-01", "XSHG", "2019-10-08"),
        ("2019-10-04T11:00+08:00", "XSHG", "2019-10-08"),
        ("2019-10-07", "XSHG", "2019-10-08"),
        ("2019-10-04T11:00+08:00", "XHKG", "2019-10-04"),
        # A Saturday.
        ("2019-10-26T15:00+08:00", "XSHG", "2019-10-28"),
        ("2019-10-26T15:00+08:00", "XNYS", "2019-10-28"),
        ("2019-10-26T15:00+08:00", "24/7", "2019-10-26"),
        ("2019-10-26", "XSHG", "2019-10-28"),
        ("2019-10-26", "24/7", "2019-10-26"),
        # Half-day after Thanksgiving: New York closes at 13:00, 18:00 UTC.
        ("2019-11-29T17:59:59Z", "XNYS", "2019-11-29"),
        ("2019-11-29T18:00Z", "XNYS", "2019-12-02"),
        ("2019-11-29T18:30Z", "XNYS", "2019-12-02"),
        # Summer time ended on Sunday 3 November: the close moved from 20:00 to 21:00 UTC.
        ("2019-11-01T20:30Z", "XNYS", "2019-11-04"),
        ("2019-11-04T20:30Z", "XNYS", "2019-11-04"),
        # Before the open and in the lunch break of the same day.
        ("2019-10-28T07:00+08:00", "XSHG", "2019-10-28"),
        ("2019-10-28T12:00+08:00", "XSHG", "2019-10-28"),
        # A bare date is a day of the exchange, whatever the hour may have been.
        ("2019-10-28", "XSHG", "2019-10-28"),
        ("2019-10-28", "XNYS", "2019-10-28"),
        # UTC day: 07:30 in Beijing is still yesterday.
        ("2019-10-26T07:30+08:00", "24/7", "2019-10-25"),
        ("2019-10-26T08:00+08:00", "24/7", "2019-10-26"),
        # New Year's Day.
        ("2020-01-01", "XSHG", "2020-01-02"),
        ("2020-01-01", "24/7", "2020-01-01"),
    ],
)
def test_event_session_by_hand(announced_at: str, calendar: str, expected: str) -> None:
    assert event_session(calendar, announced_at) == day(expected)


@pytest.mark.parametrize("calendar", EXCHANGES)
@settings(deadline=None)
@given(minute=st.integers(0, 360 * 24 * 60), second=st.sampled_from([0, 0, 1, 59]))
def test_event_session_is_the_first_whose_close_is_after_the_announcement(
    calendar: str, minute: int, second: int
) -> None:
    announced = datetime(2019, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(
        minutes=minute, seconds=second
    )
    closes = closes_of_2019(calendar)
    session = event_session(calendar, announced.isoformat()).date()
    assert closes[session] > announced
    assert all(close <= announced for when, close in closes.items() if when < session)


@pytest.mark.parametrize("calendar", EXCHANGES)
@settings(deadline=None)
@given(minutes=st.integers(-2, 2), which=st.integers(0, 230))
def test_event_session_around_every_close(calendar: str, minutes: int, which: int) -> None:
    closes = closes_of_2019(calendar)
    days = list(closes)
    announced = closes[days[which]] + timedelta(minutes=minutes)
    expected = days[which] if minutes < 0 else days[which + 1]
    assert event_session(calendar, announced.isoformat()).date() == expected


@pytest.mark.parametrize("calendar", EXCHANGES)
@settings(deadline=None)
@given(offset=st.integers(0, 360))
def test_event_session_of_a_bare_date_is_the_first_on_or_after_it(
    calendar: str, offset: int
) -> None:
    announced = date(2019, 1, 1) + timedelta(days=offset)
    expected = min(session for session in closes_of_2019(calendar) if session >= announced)
    assert event_session(calendar, announced.isoformat()).date() == expected


@settings(deadline=None)
@given(moment=st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1)), hours=st.integers(-12, 14))
def test_event_session_of_a_coin_is_the_utc_day(moment: datetime, hours: int) -> None:
    written = f"{moment + timedelta(hours=hours):%Y-%m-%dT%H:%M:%S}{hours:+03d}:00"
    assert event_session("24/7", written).date() == moment.date()


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize(
    "announced_at",
    ["1901-01-01", "2101-01-01", "1901-01-01T12:00Z", "2101-01-01T12:00Z", "9999-12-31"],
)
def test_an_announcement_that_the_calendar_does_not_cover_is_a_located_problem(
    calendar: str, announced_at: str
) -> None:
    # Whatever the day, 24/7 is open.
    for locate in (event_session,) if calendar == "24/7" else (event_session, trading_hours):
        with pytest.raises(InputError) as caught:
            locate(calendar, announced_at)
        (problem,) = caught.value.problems
        assert (problem.file, problem.column) == ("events.csv", "announced_at")
        assert problem.value == announced_at
        assert calendar in problem.expected


@pytest.mark.parametrize("calendar", EXCHANGES)
def test_after_the_last_known_close_there_is_no_session(calendar: str) -> None:
    first_unknown = "2027-01-01" if calendar == "XSHG" else "2036-01-01"
    with pytest.raises(InputError, match="sessions are known from"):
        event_session(calendar, f"{day(first_unknown) - pd.Timedelta(days=1):%F}T23:00Z")


@pytest.mark.parametrize(
    "announced_at",
    [
        "2019-10-25T18:15",
        "2019-13-01",
        "25.10.2019",
        "tomorrow",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:00-12:00",
    ],
)
@pytest.mark.parametrize("calendar", CALENDARS)
def test_a_time_that_cannot_be_read_is_refused(calendar: str, announced_at: str) -> None:
    for locate in (event_session, trading_hours, announcement_time):
        with pytest.raises(InputError, match="ISO 8601 with UTC offset"):
            locate(calendar, announced_at)


# --- trading hours ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("announced_at", "calendar", "expected"),
    [
        ("2019-10-28T09:29:59+08:00", "XSHG", "before the open"),
        ("2019-10-28T09:30+08:00", "XSHG", "inside trading hours"),
        ("2019-10-28T11:29:59+08:00", "XSHG", "inside trading hours"),
        ("2019-10-28T11:30+08:00", "XSHG", "lunch break"),
        ("2019-10-28T12:59:59+08:00", "XSHG", "lunch break"),
        ("2019-10-28T13:00+08:00", "XSHG", "inside trading hours"),
        ("2019-10-28T14:59:59+08:00", "XSHG", "inside trading hours"),
        ("2019-10-28T15:00+08:00", "XSHG", "after the close"),
        ("2019-10-25T18:15+08:00", "XSHG", "after the close"),
        ("2019-10-25T18:15+08:00", "XNYS", "before the open"),
        ("2019-10-25T18:15+08:00", "24/7", "inside trading hours"),
        ("2019-10-28T12:30+08:00", "XHKG", "lunch break"),
        # Christmas Eve: no afternoon in Hong Kong, so no lunch break either.
        ("2019-12-24T11:59+08:00", "XHKG", "inside trading hours"),
        ("2019-12-24T12:30+08:00", "XHKG", "after the close"),
        ("2019-11-29T18:30Z", "XNYS", "after the close"),
        ("2019-10-28T12:30-04:00", "XNYS", "inside trading hours"),
        ("2019-10-26T15:00+08:00", "XSHG", "no session that day"),
        ("2019-10-03T10:00+08:00", "XSHG", "no session that day"),
        # Sunday evening in New York is Monday morning in Shanghai.
        ("2019-10-27T22:00-04:00", "XSHG", "inside trading hours"),
        ("2019-10-28", "XSHG", "hour unknown"),
        ("2019-10-28", "24/7", "hour unknown"),
        ("2020-01-01", "XSHG", "no session that day"),
    ],
)
def test_trading_hours_by_hand(announced_at: str, calendar: str, expected: str) -> None:
    assert trading_hours(calendar, announced_at) == expected


# --- order of announcement ----------------------------------------------------------------


def test_a_bare_date_is_ordered_from_midnight_of_the_exchange() -> None:
    assert announcement_time("XSHG", "2019-10-28") == pd.Timestamp("2019-10-27T16:00Z")
    assert announcement_time("XNYS", "2019-10-28") == pd.Timestamp("2019-10-28T04:00Z")
    assert announcement_time("24/7", "2019-10-28") == pd.Timestamp("2019-10-28T00:00Z")
    assert announcement_time("XSHG", "2019-10-25T18:15+08:00") == pd.Timestamp("2019-10-25T10:15Z")


# --- alignment ----------------------------------------------------------------------------


def catalogue(*rows: tuple[str, str, bool]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["event_id", "announced_at", "in_sample"])
    return frame.assign(affects=[()] * len(rows), role="policy", note="kept elsewhere")


def asset_list(*rows: tuple[str, str, str, tuple[str, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["ticker", "calendar", "group", "benchmark"])


OCTOBER = catalogue(
    ("xi", "2019-10-25T18:15+08:00", True),
    ("law", "2019-10-26T15:00+08:00", True),
    ("huang", "2019-10-28", True),
    ("daily", "2019-10-28T20:00+08:00", True),
    ("leak", "2019-10-28T09:45+08:00", False),
    ("undated", "", False),
)
MARKETS = asset_list(
    ("000300.SS", "XSHG", "benchmark", ()),
    ("600570.SS", "XSHG", "a", ("000300.SS",)),
    ("BTC-USD", "24/7", "bitcoin", ()),
    ("000021.SZ", "XSHG", "a", ()),
)


def test_align_has_one_row_per_dated_event_and_estimated_asset() -> None:
    aligned = align(OCTOBER, MARKETS)
    assert list(aligned.columns) == [
        "event_id",
        "ticker",
        "calendar",
        "announced_at",
        "event_session",
        "shares_session_with",
        "in_sample",
        "role",
    ]
    pairs = list(zip(aligned["event_id"], aligned["ticker"], strict=True))
    assert pairs == sorted(
        (event, ticker)
        for event in ("xi", "law", "huang", "daily", "leak")
        for ticker in ("600570.SS", "000021.SZ", "BTC-USD")
    )
    assert list(aligned.index) == list(range(15))
    assert aligned["event_session"].dtype == "datetime64[ns]"


def test_align_names_the_other_in_sample_events_of_the_session_by_announcement() -> None:
    aligned = align(OCTOBER, MARKETS).set_index(["ticker", "event_id"])
    stock, coin = aligned.loc["000021.SZ"], aligned.loc["BTC-USD"]
    assert stock.loc["xi", "event_session"] == day("2019-10-28")
    assert stock["shares_session_with"].to_dict() == {
        "xi": "law;huang",
        "law": "xi;huang",
        "huang": "xi;law",
        "leak": "xi;law;huang",
        "daily": "",
    }
    assert stock.loc["daily", "event_session"] == day("2019-10-29")
    assert coin["shares_session_with"].to_dict() == {
        "xi": "",
        "law": "",
        "huang": "daily",
        "daily": "huang",
        "leak": "huang;daily",
    }
    assert aligned.loc[("000021.SZ", "leak"), "in_sample"] == False  # noqa: E712
    assert stock.loc["xi", "announced_at"] == "2019-10-25T18:15+08:00"


def test_an_event_has_rows_for_the_assets_that_it_affects_alone() -> None:
    affects = [("BTC-USD",), ("a",), ("000021.SZ", "BTC-USD"), (), ("600570.SS",), ("a",)]
    aligned = align(OCTOBER.assign(affects=affects), MARKETS)
    hit = aligned.groupby("event_id")["ticker"].agg(set).to_dict()
    assert hit == {
        "xi": {"BTC-USD"},
        "law": {"600570.SS", "000021.SZ"},
        "huang": {"000021.SZ", "BTC-USD"},
        "daily": {"600570.SS", "000021.SZ", "BTC-USD"},
        "leak": {"600570.SS"},
    }
    # A session is shared only with what hits the asset too.
    shared = aligned.set_index(["event_id", "ticker"])["shares_session_with"]
    assert shared["law", "600570.SS"] == ""
    assert shared["law", "000021.SZ"] == "huang"
    assert shared["huang", "000021.SZ"] == "law"
    assert shared["leak", "600570.SS"] == "law"


def test_a_calendar_that_does_not_cover_an_event_is_no_matter_where_nothing_there_is_hit() -> None:
    # In May 1990 there was no exchange in Shanghai.
    events = catalogue(("early", "1990-05-02", True))
    assets = asset_list(("A", "XSHG", "a", ()), ("B", "XNYS", "b", ()))
    assert align(events.assign(affects=[("b",)]), assets)["ticker"].tolist() == ["B"]
    with pytest.raises(InputError, match="XSHG"):
        align(events, assets)


def test_events_of_one_session_stay_apart_where_they_hit_different_assets() -> None:
    affects = [("600570.SS",), ("000021.SZ",), ("600570.SS",), (), (), ()]
    aligned = align(OCTOBER.assign(affects=affects), MARKETS)
    groups = MARKETS.set_index("ticker")["group"]
    together = clusters(aligned, groups).query("group == 'a'")
    assert together["members"].tolist() == ["xi;law;huang", "daily"]
    apart = clusters(aligned, groups, by_assets=True).query("group == 'a'")
    assert set(apart["members"]) == {"xi;huang", "law", "daily"}
    assert list(apart.columns) == list(together.columns)


def test_align_changes_nothing_it_was_given() -> None:
    events, assets = OCTOBER.copy(deep=True), MARKETS.copy(deep=True)
    align(events, assets)
    pd.testing.assert_frame_equal(events, OCTOBER)
    pd.testing.assert_frame_equal(assets, MARKETS)


def test_a_coin_against_a_session_benchmark_reacts_at_the_next_sampled_utc_close() -> None:
    # 20:30 UTC in summer: New York has closed, the coin's UTC day has not.
    events = catalogue(
        ("friday-evening", "2019-10-25T20:30Z", True),
        ("saturday", "2019-10-26T12:00Z", True),
        ("hour-unknown", "2019-10-27", True),
    )
    assets = asset_list(
        ("SPY", "XNYS", "benchmark", ()),
        ("ETH-USD", "24/7", "benchmark", ()),
        ("BTC-USD", "24/7", "bitcoin", ("ETH-USD", "SPY")),
        ("XNET", "XNYS", "us", ("SPY",)),
    )
    aligned = align(events, assets).set_index(["ticker", "event_id"])["event_session"]
    assert aligned["BTC-USD"].to_dict() == {
        "friday-evening": day("2019-10-25"),
        "saturday": day("2019-10-28"),
        "hour-unknown": day("2019-10-28"),
    }
    assert aligned["XNET", "friday-evening"] == day("2019-10-28")


def test_effective_calendar_is_the_benchmarks_only_for_an_asset_without_sessions() -> None:
    assets = asset_list(
        ("SPY", "XNYS", "benchmark", ()),
        ("ETH-USD", "24/7", "benchmark", ()),
        ("BTC-USD", "24/7", "b", ("SPY",)),
        ("LTC-USD", "24/7", "c", ("ETH-USD",)),
        ("GBTC", "XNYS", "u", ("ETH-USD",)),
        ("0001.HK", "XHKG", "h", ("SPY",)),
    )
    assert effective_calendars(assets).to_dict() == {
        "SPY": "XNYS",
        "ETH-USD": "24/7",
        "BTC-USD": "XNYS",
        "LTC-USD": "24/7",
        "GBTC": "XNYS",
        "0001.HK": "XHKG",
    }


def test_a_coin_cannot_be_put_on_two_exchanges_at_once() -> None:
    assets = asset_list(
        ("SPY", "XNYS", "benchmark", ()),
        ("000300.SS", "XSHG", "benchmark", ()),
        ("BTC-USD", "24/7", "bitcoin", ("SPY", "000300.SS")),
    )
    with pytest.raises(ValueError, match="BTC-USD has benchmarks on XNYS and XSHG"):
        align(OCTOBER, assets)


def test_align_lists_every_event_that_a_calendar_does_not_cover_once() -> None:
    events = catalogue(
        ("early", "1949-10-01", True), ("fine", "2019-10-28", True), ("late", "2099-01-01", True)
    )
    with pytest.raises(InputError) as caught:
        align(events, MARKETS)
    assert sorted((p.value, "XSHG" in p.expected) for p in caught.value.problems) == [
        ("1949-10-01", False),
        ("1949-10-01", True),
        ("2099-01-01", False),
        ("2099-01-01", True),
    ]


def test_align_locates_a_problem_by_line_where_the_lines_are_known() -> None:
    events = catalogue(("fine", "2019-10-28", True), ("late", "2099-01-01", True))
    events.index = pd.Index([2, 5], name="line")
    with pytest.raises(InputError) as caught:
        align(events, MARKETS)
    assert {problem.line for problem in caught.value.problems} == {5}


def test_align_without_a_dated_event_is_empty() -> None:
    aligned = align(catalogue(("undated", "", False)), MARKETS)
    assert aligned.empty
    assert aligned["event_session"].dtype == "datetime64[ns]"


ZONED = pd.Timestamp("2019-10-28", tz="Asia/Shanghai")


@pytest.mark.parametrize(
    "call",
    [
        lambda study, day: sessions("XSHG", day, day),
        lambda study, day: read_prices(SNAPSHOT, [], start=day),
        lambda study, day: read_prices(SNAPSHOT, [], end=day),
        lambda study, day: price_limit_on(parse_price_limit("0.1"), pd.DatetimeIndex([day])),
        lambda study, day: market_claims.lead(study, "bitcoin", [], day),
        lambda study, day: market_claims.at_upper_limit(study, ["bitcoin"], day),
        lambda study, day: market_claims.turn(study, ["bitcoin"], day, "xi-politburo", "none"),
        lambda study, day: whole_market.market_day(SNAPSHOT, day, []),
        lambda study, day: whole_market.market_limits(SNAPSHOT, day),
        lambda study, day: sentiment_index(
            pd.DatetimeIndex([day]), pd.DataFrame({"event_session": [day], "value": [1.0]}), 5
        ),
        lambda study, day: EstimationWindow(end=day),
    ],
)
def test_a_day_with_a_time_zone_is_refused_wherever_days_are_taken(study, call):
    with pytest.raises(ValueError, match=r"time ?zone"):
        call(study, ZONED)


def test_a_moment_without_a_time_zone_is_refused(study):
    naive = [pd.Timestamp("2019-10-25")] * 3
    with pytest.raises(ValueError, match="start: 2019-10-25 00:00:00 has no time zone"):
        market_claims.rise(study, "BTC-USD", *naive)
    with pytest.raises(ValueError, match="day: 2019-10-25 00:00:00 has no time zone"):
        whole_market.hourly_range(SNAPSHOT, *naive[:2])


@pytest.mark.parametrize("value", ["2019-13-45", "soon", None])
def test_what_is_no_day_is_refused(value):
    with pytest.raises(ValueError, match=r"the first day is .*; expected a day such as 2019-10-28"):
        sessions("XSHG", value, "2019-10-28")
