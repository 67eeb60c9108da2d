"""Downloads by the real yfinance client from a server on loopback, with every fault we know."""

import io
import os
import re
import shutil
import signal
import time
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import chainpolicy
from chainpolicy.prices import commands
from chainpolicy.prices.compare import compare_returns
from chainpolicy.prices.fetch import (
    FetchReport,
    SeriesOutcome,
    fetch_series,
    stored_prices,
    surviving_assets,
)
from chainpolicy.prices.live import live_folder, write_live_study
from chainpolicy.prices.store import PriceStore, StoredSeries
from chainpolicy.prices.yahoo import ChartAnswer, SourceUnreachableError, YahooFinance
from chainpolicy.study.assets import read_assets
from chainpolicy.study.problems import InputError
from chainpolicy.study.sessions import sessions
from chainpolicy.study.snapshot import read_prices
from forked import end_of, fork, kill, needs_fork
from yahoo_server import (
    CALENDARS,
    DELISTED,
    LoopbackSession,
    YahooServer,
    forget,
    listing,
    listings_of,
    serving,
)

START, END = date(2019, 1, 2), date(2019, 3, 29)
NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)
SHARE = "600001.SS"
ASSETS = pd.DataFrame(
    [
        (SHARE, "XSHG", "shares", ("000300.SS",), "0.10"),
        ("600002.SS", "XSHG", "shares", ("000300.SS",), "0.10"),
        ("000003.SZ", "XSHG", "shares", ("000300.SS",), "0.10"),
        ("SPY", "XNYS", "us", (), ""),
        ("BTC-USD", "24/7", "bitcoin", (), ""),
        ("000300.SS", "XSHG", "benchmark", (), ""),
    ],
    columns=["ticker", "calendar", "group", "benchmark", "price_limit"],
)


@pytest.fixture(scope="module")
def running():
    with serving() as server:
        yield server


@pytest.fixture
def server(running) -> YahooServer:
    forget()
    running.requests.clear()
    running.listings = {
        ticker: listing(calendar, sessions(calendar, "2018-12-01", "2019-04-30"), seed)
        for seed, (ticker, calendar) in enumerate(
            zip(ASSETS["ticker"], ASSETS["calendar"], strict=True)
        )
    }
    yield running
    forget()


class Fetching:
    """`prices fetch` on the small study, with what it printed and the pauses it made."""

    def __init__(self, server: YahooServer, folder: Path) -> None:
        self.server = server
        self.store = PriceStore(folder / "prices")
        self.pauses: list[float] = []
        self.text = ""
        self.report = None
        self.terminal = False
        # Where it prints while it runs.
        self.file = None
        # How long it waits where the server hangs.
        self.seconds = 0.3

    def connect(self) -> YahooFinance:
        return YahooFinance(
            self.store.folder / "yfinance",
            LoopbackSession(self.server.address, self.seconds, self.server.hangs),
            sleep=self.pauses.append,
        )

    def __call__(self, assets=ASSETS, start=START, end=END, now=NOW, **options) -> int:
        file = self.file or io.StringIO()
        console = Console(file=file, width=80, stderr=True, force_terminal=self.terminal)
        status, self.report = commands.fetch(
            assets, start, end, console, store=self.store, connect=self.connect, now=now, **options
        )
        self.text = "" if self.file else file.getvalue()
        return status

    def fill(self, *tickers: str, now=NOW) -> dict[str, bytes]:
        """Put sound series of an earlier download into the store; return the files."""
        rows = ASSETS[ASSETS["ticker"].isin(tickers or ASSETS["ticker"])]
        for ticker, calendar in zip(rows["ticker"], rows["calendar"], strict=True):
            days = sessions(calendar, START, END)
            close = np.linspace(10, 11, len(days))
            prices = pd.DataFrame({"date": days.to_numpy(), "close": close, "volume": 1.0})
            currency, timezone, _ = CALENDARS[calendar]
            self.store.write(
                StoredSeries(ticker, prices, START, END, currency, timezone, now, "1.0.0")
            )
        return self.files()

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.store.folder.glob("*.parquet")}

    def verified(self) -> bool:
        silent = Console(file=io.StringIO())
        return commands.verify(silent, silent, self.store) == 0


@pytest.fixture
def fetch(server, tmp_path) -> Fetching:
    return Fetching(server, tmp_path)


def test_three_calendars_arrive_as_the_server_has_them(fetch, server):
    assert fetch() == 0
    assert fetch.verified()
    assert set(fetch.store.tickers()) == set(ASSETS["ticker"])
    for ticker, calendar in zip(ASSETS["ticker"], ASSETS["calendar"], strict=True):
        stored = fetch.store.read(ticker)
        listed = server.listings[ticker]
        on = pd.DatetimeIndex(listed.dates).slice_indexer("2019-01-02", "2019-03-29")
        expected, volume = listed.close[on], listed.volume[on]
        assert stored.prices["date"].tolist() == sessions(calendar, START, END).tolist()
        np.testing.assert_allclose(stored.prices["close"], expected, rtol=1e-12)
        assert stored.prices["volume"].tolist() == volume
        assert (stored.start, stored.end, stored.downloaded_at) == (START, END, NOW)
    assert fetch.store.read("SPY").currency == "USD"
    assert fetch.store.read(SHARE).currency == "CNY"
    assert fetch.store.read(SHARE).timezone == "Asia/Shanghai"
    assert "6 downloaded" in fetch.text
    row = next(line for line in fetch.text.splitlines() if line.strip().startswith("SPY"))
    assert row.split()[:7] == ["SPY", "us", "downloaded", "61", "2019-01-02", "2019-03-29", "0"]
    assert all(outcome.seconds > 0 for outcome in fetch.report.outcomes)
    assert "Downloading prices" not in fetch.text
    assert (fetch.store.folder / "yfinance" / "tkr-tz.db").exists()


def test_a_second_run_downloads_only_what_is_missing_stale_or_damaged(fetch, server):
    assert fetch() == 0
    server.requests.clear()
    assert fetch() == 0
    assert not server.requests
    assert "6 stored" in fetch.text

    fetch.store.clear(["SPY"])
    fetch.store.path(SHARE).write_bytes(b"rubbish")
    fetch.fill("600002.SS", now=NOW - timedelta(days=8))
    fetch.fill("BTC-USD", now=NOW - timedelta(days=6))
    assert fetch() == 0
    asked = [name for name in server.requests if name.startswith("range")]
    assert sorted(asked) == ["range 600001.SS", "range 600002.SS", "range SPY"]
    assert fetch.verified()

    server.requests.clear()
    assert fetch(refresh=True) == 0
    assert all(server.downloads(ticker) == 1 for ticker in ASSETS["ticker"])


def test_a_wider_study_gets_one_download_of_both_ranges(fetch, server):
    assert fetch(start=date(2019, 2, 11), end=date(2019, 2, 20)) == 0
    assert fetch(start=date(2019, 3, 1), end=date(2019, 3, 8)) == 0
    stored = fetch.store.read("SPY")
    assert (stored.start, stored.end) == (date(2019, 2, 11), date(2019, 3, 8))
    assert len(stored.prices) == len(sessions("XNYS", stored.start, stored.end))
    server.requests.clear()
    assert fetch(start=date(2019, 2, 11), end=date(2019, 2, 20)) == 0
    assert not server.requests
    assert fetch.report.prices()["date"].max() == pd.Timestamp("2019-02-20")


def test_the_bar_of_today_is_not_asked_for(fetch):
    fetch.server.listings = {
        "BTC-USD": listing("24/7", sessions("24/7", "2019-01-01", "2019-03-20"), 1)
    }
    bitcoin = ASSETS[ASSETS["ticker"] == "BTC-USD"]
    assert fetch(bitcoin, now=datetime(2019, 3, 20, 15, tzinfo=UTC)) == 0
    assert fetch.store.read("BTC-USD").prices["date"].max() == pd.Timestamp("2019-03-19")
    assert "The study ends on 2019-03-29; prices were fetched up to 2019-03-19." in fetch.text
    with pytest.raises(InputError, match=r'prices.start: found "2019-01-02"'):
        fetch(bitcoin, now=datetime(2019, 1, 2, 15, tzinfo=UTC))


def test_a_price_appended_after_the_end_is_no_disorder(fetch, server):
    listed = server.listings["SPY"]
    listed.after_end = True
    assert fetch() == 0
    assert len(fetch.store.read("SPY").prices) == 61


# Faults that another try may cure: the pauses double, then the series arrives.
@pytest.mark.parametrize("fault", ["429", "500", "503", "hang", "truncated", "cut"])
def test_a_passing_fault_is_tried_again(fetch, server, fault):
    fetch.fill(*ASSETS["ticker"].drop(0))
    # Within one try yfinance itself asks twice if the status is an error.
    server.listings[SHARE].faults = [fault] * (4 if fault.isdigit() else 2)
    assert fetch() == 0
    assert fetch.pauses == [1.0, 2.0]
    assert len(fetch.store.read(SHARE).prices) == 58
    assert fetch.verified()
    assert "1 downloaded" in fetch.text
    assert SHARE + ":" not in fetch.text


def test_a_pause_that_the_source_asks_for_is_made(fetch, server):
    fetch.fill(*ASSETS["ticker"].drop(0))
    # yfinance itself asks a second time at once; the last answer counts.
    server.listings[SHARE].faults = ["429", "429 after 30", "503", "503 after 1"]
    assert fetch() == 0
    assert fetch.pauses == [30.0, 2.0]
    assert "1 downloaded" in fetch.text


def test_a_pause_too_long_is_not_waited_for(fetch, server):
    fetch.fill(*ASSETS["ticker"].drop(0), now=NOW)
    server.listings[SHARE].always = "429 after 3600"
    assert fetch() == 0
    assert (
        f"{SHARE} (shares) is lost: the source limits our requests (HTTP 429) and asks for a pause "
        "of 3,600 s\n" in fetch.text
    )
    assert fetch.pauses == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("", 0), ("7", 7), ("soon", 0), ("-5", 0), ("Mon, 06 May 2024 11:00:00 GMT", 0)),
        ("Mon, 06 May 2024 12:01:30 GMT", 90),
    ],
)
def test_a_pause_is_asked_for_as_a_number_or_a_date(header, seconds):
    assert ChartAnswer(429, b"", retry_after=header).pause(NOW) == seconds


def change(listed, **values):
    for name, value in values.items():
        setattr(listed, name, value)


def replace_at(values, places, value):
    return [value if place in places else old for place, old in enumerate(values)]


def shuffle(listed):
    listed.dates[40], listed.dates[41] = listed.dates[41], listed.dates[40]


def jump(listed):
    listed.close[50:] = [close * 1.2 for close in listed.close[50:]]
    # Neither the walk's own step nor the rounding may bring it back under the limit.
    listed.close[50] = listed.close[49] * 1.15


def last_day_twice(listed):
    last = listed.dates.index(pd.Timestamp("2019-03-29"))
    listed.dates.insert(last, listed.dates[last])
    listed.close.insert(last, listed.close[last] + 0.01)
    listed.volume.insert(last, 1)


FAULTS = {
    "429": (lambda it: change(it, always="429"), "limits our requests (HTTP 429) (4 tries)"),
    "500": (lambda it: change(it, always="500"), "the source failed (HTTP 500) (4 tries)"),
    "time-out": (lambda it: change(it, always="hang"), "no answer within 0.3 s (4 tries)"),
    "truncated": (lambda it: change(it, always="truncated"), "is not complete JSON ("),
    "cut": (lambda it: change(it, always="cut"), "the connection was cut after "),
    "401": (lambda it: change(it, always="401"), "the source refuses (HTTP 401)"),
    "no JSON layout": (lambda it: change(it, always="odd"), "the answer was not understood ("),
    "empty": (
        lambda it: change(it, always="empty"),
        "the source has no rows from 2019-01-02 to 2019-03-29",
    ),
    "other days": (
        lambda it: change(it, dates=[day - pd.Timedelta("900D") for day in it.dates]),
        "the source has no rows from 2019-01-02 to 2019-03-29",
    ),
    "delisted": (lambda it: change(it, always="delisted"), f"the source says: {DELISTED}"),
    "symbol": (lambda it: change(it, symbol="600001"), "refused: the answer is about 600001"),
    "currency": (
        lambda it: change(it, currency="USD"),
        "refused: currency is USD; expected CNY on XSHG",
    ),
    "time zone": (
        lambda it: change(it, timezone="Asia/Hong_Kong"),
        "refused: time zone is Asia/Hong_Kong; expected Asia/Shanghai on XSHG",
    ),
    "duplicate": (
        lambda it: change(it, dates=replace_at(it.dates, {41}, it.dates[40])),
        "sends 2019-01-30 twice with other prices (first: ",
    ),
    "unsorted": (shuffle, "after a later date; dates must be sorted"),
    "no closes": (
        lambda it: change(it, close=[None] * len(it.close)),
        "refused: no row has a close",
    ),
    "negative": (
        lambda it: change(it, close=replace_at(it.close, {40}, -1.0)),
        "refused: close -1 on 2019-01-30; expected positive finite prices",
    ),
    "infinite": (
        lambda it: change(it, close=replace_at(it.close, {40}, float("inf"))),
        "refused: close inf on 2019-01-30; expected positive finite prices",
    ),
    "last day twice": (
        last_day_twice,
        "sends 2019-03-29 twice with other prices (first: ",
    ),
    "no adjusted closes": (
        lambda it: change(it, adjusted=[], dividends={40: 0.3}),
        "refused: sends no adjusted closes, but a dividend on 2019-01-30",
    ),
    "a dividend not in them": (
        lambda it: change(it, dividends={40: 0.3}),
        "refused: adjusted closes do not contain the dividend on 2019-01-30",
    ),
    "weeks": (
        lambda it: change(it, interval="1wk"),
        "refused: each row is 1wk; expected days (1d)",
    ),
    "price limit": (jump, "refused: moves 15.0% on 2019-02-20, beyond the price limit of 10%"),
    "another calendar": (
        lambda it: change(it, dates=[day + pd.Timedelta("1D") for day in it.dates]),
        "not sessions of XSHG: these are another calendar's days",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_is_named_and_touches_nothing_else(fetch, server, fault):
    plant, reason = FAULTS[fault]
    plant(server.listings[SHARE])
    shares = ASSETS[ASSETS["calendar"] == "XSHG"]
    others = fetch.fill(*shares["ticker"].drop(0))

    # One of three shares is a loss that the group survives, and `--strict` does not.
    assert fetch(shares) == 0
    line = next(line for line in fetch.text.splitlines() if "is lost" in line)
    assert line.startswith(f"{SHARE} (shares) is lost: ")
    assert reason in line
    assert (
        "shares: 1 of 3 assets lost (33%): 600001.SS; what is left are the survivors" in fetch.text
    )
    assert "Traceback" not in fetch.text
    assert fetch.files() == others
    assert fetch.verified()
    assert SHARE not in set(fetch.report.prices()["ticker"])
    passing = fault in {"429", "500", "time-out", "truncated", "cut"}
    assert fetch.pauses == ([1.0, 2.0, 4.0] if passing else [])


# Of an answer that never came, of none, and of one that is refused; how is told above.
@pytest.mark.parametrize("fault", ["500", "401", "empty", "delisted", "currency"])
def test_an_older_copy_stays_and_serves_where_a_fault_lasts(fetch, server, fault):
    FAULTS[fault][0](server.listings[SHARE])
    shares = ASSETS[ASSETS["calendar"] == "XSHG"]
    fetch.fill(*shares["ticker"].drop(0))
    files = fetch.fill(SHARE, now=NOW - timedelta(days=30))
    assert fetch(shares, strict=True) == 1
    assert f"{SHARE}: the copy of 2024-04-06 is kept: " in fetch.text
    assert "--strict: every series of the study must be fetched." in fetch.text
    assert fetch.files() == files
    assert len(fetch.report.prices().query("ticker == @SHARE")) == 58


def test_a_last_day_sent_twice_alike_is_kept_once(fetch, server):
    listed = server.listings["SPY"]
    last = listed.dates.index(pd.Timestamp("2019-03-29"))
    for values in (listed.dates, listed.close):
        values.insert(last, values[last])
    # Only the volume of the second is that of the whole day.
    listed.volume.insert(last, 1)
    assert fetch(strict=True) == 0
    assert "SPY: sends 2019-03-29 twice with the same prices: kept once" in fetch.text
    days = fetch.store.read("SPY").prices["date"]
    assert days.tolist() == sessions("XNYS", START, END).tolist()


def test_a_series_in_another_unit_for_three_days_is_not_estimated(fetch, server):
    listed = server.listings["SPY"]
    first = listed.dates.index(pd.Timestamp("2019-02-12"))
    for place in range(first, first + 3):
        listed.close[place] /= 100
    assert fetch() == 1
    assert "SPY (us) is lost: refused: close " in fetch.text
    assert "from 2019-02-12 to 2019-02-14: another unit or an error, not a price" in fetch.text
    assert "SPY" not in set(fetch.report.prices()["ticker"])
    assert fetch.store.read("SPY") is None


def test_no_comparison_uses_a_stored_series_in_another_unit(fetch):
    fetch.fill()
    held = fetch.store.read("SPY")
    held.prices.loc[20:22, "close"] /= 100
    fetch.store.write(held)
    with pytest.raises(
        InputError, match=r"SPY: close .* another unit .* prices clear SPY"
    ) as caught:
        stored_prices(fetch.store, ASSETS, START, END)
    assert len(caught.value.problems) == 1


def test_closes_without_adjusted_ones_and_without_dividend_are_taken_and_named(fetch, server):
    server.listings["BTC-USD"].adjusted = []
    assert fetch(strict=True) == 0
    assert "BTC-USD: sends no adjusted closes and no dividend: closes are taken" in fetch.text


def test_adjusted_closes_with_their_dividends_are_taken(fetch, server):
    listed = server.listings["SPY"]
    place = listed.dates.index(pd.Timestamp("2019-02-12"))
    share = 0.5 / listed.close[place - 1]
    listed.dividends[place] = 0.5
    listed.splits[place + 9] = 4.0  # Yahoo's closes are adjusted for it
    listed.adjusted = [
        close * (1 - share) if day < listed.dates[place] else close
        for day, close in zip(listed.dates, listed.close, strict=True)
    ]
    assert fetch(strict=True) == 0
    stored = fetch.store.read("SPY").prices.set_index("date")["close"]
    on = [listed.dates.index(day) for day in stored.index]
    np.testing.assert_allclose(stored, [listed.adjusted[place] for place in on], rtol=1e-12)


def test_a_group_below_strength_fails(fetch, server):
    for ticker in ("600001.SS", "BTC-USD"):
        server.listings[ticker].always = "delisted"
    assert fetch() == 1
    assert (
        "bitcoin: 1 of 1 assets lost (100%): BTC-USD; 0 left, fewer than the 1 it needs"
        in fetch.text
    )
    assert "what is left are the survivors" in fetch.text
    assert "2 lost" in fetch.text
    assert "--strict" not in fetch.text


def test_who_loses_the_benchmark_is_lost(fetch, server):
    server.listings["000300.SS"].always = "delisted"
    assert fetch() == 1
    assert f"000300.SS (benchmark) is lost: the source says: {DELISTED}" in fetch.text
    assert (
        "shares: 3 of 3 assets lost (100%): 600001.SS, 600002.SS, 000003.SZ; 0 left, fewer than "
        "the 2 it needs" in fetch.text
    )
    left = surviving_assets(ASSETS, fetch.report.prices())
    assert left["ticker"].tolist() == ["SPY", "BTC-USD"]


def test_days_without_a_close_and_suspensions_become_gaps(fetch, server):
    listed = server.listings[SHARE]
    listed.close = replace_at(listed.close, {40, 41}, None)
    listed.close[50] = listed.close[51] = listed.close[49]
    listed.volume[50] = listed.volume[51] = 0
    listed.close[52:] = [close / listed.close[52] * listed.close[49] for close in listed.close[52:]]
    days = [f"{listed.dates[place]:%Y-%m-%d}" for place in (40, 41, 50, 51)]
    assert fetch() == 0
    (line,) = [line for line in fetch.text.splitlines() if f"{SHARE}: no close on" in line]
    assert line == (
        f"{SHARE}: no close on {days[0]}, {days[1]}, though XSHG was open: left as gaps"
    )
    assert f"{SHARE}: no trade on {days[2]}, {days[3]} (volume 0, close unchanged)" in fetch.text
    prices = fetch.report.prices().query("ticker == @SHARE")
    assert len(prices) == 58 - 4
    assert not prices["date"].isin(pd.to_datetime(days)).any()
    assert fetch.report.outcomes[0].gaps == 4
    pd.testing.assert_frame_equal(
        stored_prices(fetch.store, ASSETS, START, END), fetch.report.prices()
    )


def test_a_crypto_series_shifted_by_a_day_is_refused(fetch, server):
    listed = server.listings["BTC-USD"]
    snapshot = pd.DataFrame(
        {"date": listed.dates, "ticker": "BTC-USD", "close": listed.close}
    ).astype({"date": "datetime64[ns]"})
    others = fetch.fill(*ASSETS["ticker"].drop(4))
    for shift, word in ((1, "late"), (-1, "early")):
        listed.shift_days = shift
        assert fetch(snapshot=snapshot) == 1
        assert f"BTC-USD (bitcoin) is lost: refused: dates are one day {word} against the" in (
            fetch.text
        )
        assert fetch.files() == others
    listed.shift_days = 0
    assert fetch(snapshot=snapshot) == 0


def test_offline_is_one_sentence_and_the_store_stays(fetch, server, monkeypatch):
    before = fetch.fill(now=NOW - timedelta(days=30))
    server.listings["BTC-USD"].always = "hang"
    for reason in (
        "no answer within 0.3 s",
        r"Failed to connect to 127.0.0.1:1 after \d+ ms: Could not connect to server",
    ):
        assert fetch() == 1
        sentence = (
            rf"Yahoo Finance cannot be reached \({reason}\): check the connection and repeat, or "
            r"stay with the study's own prices \(`regenerate` without --source yahoo\)\.\n"
        )
        assert re.fullmatch(sentence, fetch.text)
        assert fetch.report is None
        assert fetch.files() == before
        monkeypatch.setattr(YahooServer, "address", "http://127.0.0.1:1")
        server.listings["BTC-USD"].always = ""
    assert server.requests.total() == 1


def test_the_preflight_waits_no_longer_than_five_seconds(fetch, monkeypatch):
    asked = []
    source = fetch.connect()
    source.session.seconds = 60.0  # more than it may take

    def get(url, params, timeout):
        asked.append(timeout)
        return SimpleNamespace(ok=False)

    monkeypatch.setattr(source.session, "get", get)
    source.preflight()
    assert asked == [5.0]


def test_the_login_page_of_a_network_is_not_yahoo(fetch, server):
    for listed in server.listings.values():
        listed.always = "login"
    assert fetch() == 1
    assert "cannot be reached (another page answers in its place, perhaps a login)" in fetch.text
    assert server.requests.total() == 1


def test_an_answer_that_refuses_is_not_offline(fetch, server):
    server.listings["BTC-USD"].always = "429"
    fetch.connect().preflight()
    with pytest.raises(SourceUnreachableError):
        YahooFinance(
            fetch.store.folder / "yfinance", LoopbackSession("http://127.0.0.1:1")
        ).preflight()


def test_a_source_that_gives_out_is_not_asked_for_every_series(fetch, server):
    fetch.fill("BTC-USD", now=NOW - timedelta(days=30))
    for listed in server.listings.values():
        listed.always = "500"
    assert fetch() == 1
    asked = {name.split()[1] for name in server.requests if name.startswith(("probe", "range"))}
    assert asked == {"600001.SS", "600002.SS", "000003.SZ", "BTC-USD"}  # the last by the preflight
    assert (
        "Given up: the source failed (HTTP 500) (4 tries), 3 series in a row. "
        "What has arrived is stored; repeat later for the rest." in fetch.text
    )
    assert "SPY (us) is lost: not tried: the source failed (HTTP 500)" in fetch.text
    assert "BTC-USD: the copy of 2024-04-06 is kept: not tried: " in fetch.text


def test_no_request_at_all_is_a_reason_too(fetch, monkeypatch):
    def broken(*_args, **_kwargs):
        raise ValueError

    source = fetch.connect()
    monkeypatch.setattr("chainpolicy.prices.yahoo.yf.Ticker", broken)
    reason = r"yfinance failed before it asked for prices \(ValueError\) \(4 tries\)"
    with pytest.raises(Exception, match=reason):
        source.download("SPY", START, END)


def test_prices_need_no_cookie(fetch, server, monkeypatch):
    monkeypatch.setattr(server, "cookies", False)
    assert fetch() == 0
    assert server.requests["cookie"] > 0


def test_a_series_suspended_for_the_whole_study_is_lost(fetch, server):
    fetch.fill()
    days = sessions("XSHG", date(2018, 6, 1), END)
    prices = pd.DataFrame({"date": days, "close": np.arange(len(days)) + 5.0, "volume": 1.0})
    prices.loc[days >= "2018-12-27", "close"] = 7.0
    prices.loc[days >= "2018-12-28", "volume"] = 0.0
    fetch.store.write(
        StoredSeries(SHARE, prices, date(2018, 6, 1), END, "CNY", "Asia/Shanghai", NOW, "1")
    )
    server.listings[SHARE].always = "delisted"
    assert fetch() == 0
    assert f"{SHARE} (shares) is lost: the source says: {DELISTED}" in fetch.text


def test_answers_of_any_shape_have_stamps():
    assert ChartAnswer(200, b'{"chart": {"result": [{"timestamp": [2, 1]}]}}').stamps == (2, 1)
    for body in (b"", b"[]", b'{"chart": null}', b'{"chart": {"result": []}}', b"\xff"):
        assert ChartAnswer(200, body).stamps == ()


def test_the_user_sees_a_bar_on_a_terminal_only(fetch):
    fetch.terminal = True
    assert fetch() == 0
    assert "Downloading prices" in fetch.text
    # On a terminal of eighty columns every row of the summary is one line.
    rows = [line.split() for line in fetch.text.splitlines()]
    assert ["SPY", "us", "downloaded", "61", "2019-01-02", "2019-03-29", "0"] in [
        row[:7] for row in rows
    ]


def test_a_store_in_the_way_is_said_plainly(fetch, tmp_path):
    (tmp_path / "file").write_text("")
    fetch.store = PriceStore(tmp_path / "file" / "prices")
    assert fetch() == 1
    assert fetch.text.startswith("The price store cannot be used: ")


def test_what_yfinance_keeps_cannot_stop_a_download(fetch):
    assert fetch() == 0
    kept = fetch.store.folder / "yfinance"
    forget()
    for file in kept.glob("*.db"):
        file.write_bytes(file.read_bytes()[:4096] + b"rubbish" * 1000)
    assert fetch(refresh=True) == 0
    assert "6 downloaded" in fetch.text

    forget()
    shutil.rmtree(kept)
    kept.write_text("in the way")
    assert fetch(refresh=True) == 1
    assert fetch.text == (
        f"The price store cannot be used: {kept} cannot be used as a folder (File exists): remove "
        "what is in the way or give write access, then repeat.\n"
    )
    assert fetch.verified()


def test_a_stored_series_is_judged_by_the_calendar_of_the_study(fetch, server):
    fetch.fill()
    elsewhere = ASSETS.assign(calendar=ASSETS["calendar"].replace("XNYS", "XHKG"))
    assert fetch(elsewhere) == 1
    assert server.downloads("SPY") == 1
    assert "SPY (us) is lost: refused: currency is USD; expected HKD on XHKG" in fetch.text
    assert fetch.store.read("SPY").yfinance_version == "1.0.0"


def test_by_default_the_users_cache_and_yahoo_itself(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        "chainpolicy.prices.yahoo.RecordingSession", lambda: LoopbackSession(server.address)
    )
    console = Console(file=io.StringIO(), width=80)
    status, report = commands.fetch(ASSETS.iloc[3:4], START, END, console)
    assert status == 0
    assert PriceStore().tickers() == ("SPY",)
    assert len(report.prices()) == 61
    assert abs(datetime.now(UTC) - PriceStore().read("SPY").downloaded_at) < timedelta(minutes=5)


def test_yfinance_is_told_to_raise_and_keeps_its_files_in_the_store(fetch, server):
    fetch_series(ASSETS, START, END, fetch.store, fetch.connect, NOW)
    import yfinance

    assert yfinance.config.debug.hide_exceptions is False
    assert {path.name for path in (fetch.store.folder / "yfinance").glob("*.db")} == {
        "tkr-tz.db",
        "cookies.db",
    }


def test_the_embedded_study_served_as_it_is_agrees_with_itself(fetch, server, tmp_path):
    study = Path(chainpolicy.__file__).parent / "studies" / "china_blockchain_2019"
    tickers = [
        "600588.SS",
        "002610.SZ",
        "600652.SS",
        "000300.SS",
        "399006.SZ",
        "XNET",
        "SPY",
        "BTC-USD",
    ]
    assets = read_assets(study / "assets.csv", []).query("ticker in @tickers")
    start, end = pd.Timestamp("2018-10-08"), pd.Timestamp("2020-01-23")
    snapshot = read_prices(study / "prices.csv", [], start, end, tickers)
    server.listings = listings_of(snapshot, assets)
    del server.listings["600652.SS"]

    assert fetch(assets, start, end, snapshot=snapshot) == 0
    live = fetch.report.prices()
    lost = "600652.SS"
    expected = snapshot.query("ticker != @lost").sort_values(["date", "ticker"], ignore_index=True)
    pd.testing.assert_frame_equal(live, expected, check_dtype=False)
    assert "XNET: moves 107.8% on 2019-10-25" in fetch.text
    assert "002610.SZ: no close on 2019-03-25, 2019-03-26, 2019-03-27 and 7 more" in fetch.text
    compared = compare_returns(snapshot, live, assets, start, end).set_index("ticker")
    assert compared["beyond_5bp"].sum() == 0
    assert compared.loc[lost, "sessions"] == 0

    copy = live_folder(study, tmp_path / "new", ())
    for _again in range(2):
        write_live_study(study, copy, fetch.report, assets)
    assert [path.name for path in copy.parent.iterdir()] == ["study"]
    assert read_assets(copy / "assets.csv", [])["ticker"].tolist() == [
        ticker for ticker in assets["ticker"] if ticker != lost
    ]
    pd.testing.assert_frame_equal(read_prices(copy / "prices.csv", []), live)
    assert (copy / "events.csv").read_bytes() == (study / "events.csv").read_bytes()
    settings = tomllib.loads((study / "study.toml").read_text())
    present = set(assets["group"])
    settings["groups"] = {group: k for group, k in settings["groups"].items() if group in present}
    assert tomllib.loads((copy / "study.toml").read_text()) == settings
    assert (copy / "README.md").read_text().endswith((study / "README.md").read_text())
    downloads = pd.read_csv(copy / "downloads.csv", keep_default_na=False).set_index("ticker")
    assert downloads.index.tolist() == assets["ticker"].tolist()
    assert downloads.loc[lost].tolist() == [
        *("a_shares_tier1", 0, "", "", 320, ""),
        f"the source says: {DELISTED}",
    ]
    assert downloads.loc["SPY"].tolist() == [
        *("benchmark", 325, "2018-10-08", "2020-01-23", 0, "2024-05-06 12:00", ""),
    ]


def live_report(**closes) -> FetchReport:
    """A report on one day's closes; None is a lost series."""
    outcomes = []
    for ticker, close in closes.items():
        prices = pd.DataFrame({"date": pd.to_datetime(["2019-01-02"]), "close": [close]}).dropna()
        status = "lost" if close is None else "stored"
        outcomes.append(SeriesOutcome(ticker, "us", status, "", prices, 0, downloaded_at=NOW))
    return FetchReport(tuple(outcomes), (), "", END)


def study_of(
    folder: Path, *tickers: str, settings: str = '[prices]\nfile = "prices.csv"\n'
) -> pd.DataFrame:
    """A study folder as far as a copy needs one; return its assets."""
    folder.mkdir()
    (folder / "assets.csv").write_text("name, ticker \n\n" + "".join(f"x, {t}\n" for t in tickers))
    (folder / "study.toml").write_text(settings)
    return pd.DataFrame(
        {"ticker": tickers, "benchmark": [()] * len(tickers), "group": list(tickers)}
    )


def test_a_live_copy_has_no_label_of_a_lost_group(tmp_path):
    settings = '[groups]\nAAA = "First"\nBBB = "Second"\n[prices]\nfile = "prices.csv"\n'
    assets = study_of(tmp_path / "study", "AAA", "BBB", settings=settings)
    write_live_study(tmp_path / "study", tmp_path / "copy", live_report(AAA=1.0, BBB=None), assets)
    copied = tomllib.loads((tmp_path / "copy" / "study.toml").read_text())
    assert copied["groups"] == {"AAA": "First"}


def test_a_live_copy_has_a_file_where_the_study_has_a_folder(tmp_path):
    settings = '[prices]\nfile = "prices"\n'
    assets = study_of(tmp_path / "study", "AAA", "BBB", settings=settings)
    (tmp_path / "study" / "prices").mkdir()
    (tmp_path / "study" / "prices" / "AAA.csv").write_text("Date,Adj Close\n")
    copy = tmp_path / "copy"
    write_live_study(tmp_path / "study", copy, live_report(AAA=0.1, BBB=None), assets)
    assert (copy / "prices").read_text() == "date,ticker,close\n2019-01-02,AAA,0.1\n"
    assert (copy / "assets.csv").read_text() == "name, ticker \nx, AAA\n"
    assert (copy / "README.md").read_text().startswith("> This is a copy of a study on live prices")


HOURLY = {
    "section": """[prices]
file = "prices.csv"
end = 2019-01-02
[prices.hourly] # for one figure
AAA = "a.csv"
"BTC-USD" = "b.csv"
[study]
name = "BTC-USD"
""",
    "inline": """# mine
[prices]
file = 'prices.csv' # closes
hourly = { "BTC-USD" = "b.csv", AAA = 'a.csv' } # for one figure
[event]
car_windows = [
  [0, 0], # the day
  [0, 1],
]
""",
    "inline, last": '[prices]\nfile="prices.csv"\nhourly = {AAA="a.csv", "BTC-USD"="b.csv"}\n',
    "inline, alone": '[prices]\nfile = "prices.csv"\nhourly = {"BTC-USD" = "b.csv"}\n',
    "dotted": """[prices]
file = "prices.csv"
hourly."BTC-USD" = "b.csv"
hourly.AAA = "a.csv" # an hour
[study]
name = "x"
""",
    "dotted, apart": """[prices]
hourly.AAA = "a.csv"
file = "prices.csv"
hourly.'BTC-USD' = "b.csv"
""",
    "dotted from the root": """prices.file = "prices.csv"
prices.hourly."BTC-USD" = "b.csv"
prices.hourly.AAA = "a.csv"
""",
    "all inline": 'prices = {file = "prices.csv", hourly = {AAA = "a.csv", "BTC-USD" = "b.csv"}}\n',
    "quoted section": """["prices"."hourly"]
"BTC\\u002DUSD" = "b.csv"
"AAA" = "a.csv"
[prices]
"file" = "prices.csv"
""",
    "Windows": '[prices]\r\nfile = "prices.csv"\r\n[prices.hourly]\r\n"BTC-USD" = "b.csv"\r\n',
}
# What is left beside the one entry stays as it was written.
LEFT = {
    "section": HOURLY["section"].replace('"BTC-USD" = "b.csv"\n', ""),
    "dotted": HOURLY["dotted"].replace('hourly."BTC-USD" = "b.csv"\n', ""),
    "dotted from the root": HOURLY["dotted from the root"].replace(
        'prices.hourly."BTC-USD" = "b.csv"\n', ""
    ),
    "Windows": '[prices]\r\nfile = "prices.csv"\r\n[prices.hourly]\r\n',
}


@pytest.mark.parametrize("style", HOURLY)
def test_a_live_copy_has_no_hourly_prices_of_a_lost_asset(tmp_path, style):
    text = HOURLY[style]
    study, copy = tmp_path / "study", tmp_path / "copy"
    assets = study_of(study, "AAA", "BTC-USD", "end")
    (study / "study.toml").write_bytes(text.encode())
    for file in ("a.csv", "b.csv"):
        (study / file).write_text(file)
    report = live_report(**{"AAA": 1.0, "BTC-USD": None, "end": None})
    write_live_study(study, copy, report, assets)
    edited = (copy / "study.toml").read_bytes().decode()
    expected = tomllib.loads(text)
    del expected["prices"]["hourly"]["BTC-USD"]
    assert tomllib.loads(edited) == expected
    assert edited == LEFT.get(style, edited)
    # Comments are nobody's key, and are kept.
    assert [
        part for part in ("# mine", "# closes", "# for one figure", "# the day") if part in edited
    ] == [part for part in ("# mine", "# closes", "# for one figure", "# the day") if part in text]
    assert (study / "study.toml").read_bytes() == text.encode()


def test_a_live_copy_never_takes_the_place_of_something_else(tmp_path):
    study = tmp_path / "mine" / "study"
    study.parent.mkdir()
    study_of(study, "AAA")
    (tmp_path / "file").touch()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pyproject.toml").touch()
    for output, expected in (
        (tmp_path / "file", "that can be written; the system says: file exists"),
        (tmp_path / "file" / "in", "that can be written; the system says: not a directory"),
        (tmp_path / "project", "because the files here show other prices"),
        (study, "outside the study, which stays as it is"),
        (study / "reports", "outside the study, which stays as it is"),
        (study.parent, "in which study/ is new, or the copy of an earlier run"),
    ):
        with pytest.raises(InputError, match=expected) as caught:
            live_folder(study, output, ())
        assert str(caught.value).startswith(f"{output}: expected a")
    (study / "downloads.csv").touch()
    with pytest.raises(InputError, match="the study is itself the copy in this one"):
        live_folder(study, study.parent, ())
    assert live_folder(tmp_path / "other", study.parent, ()) == study
    assert live_folder(study, tmp_path / "a" / "b", ()) == tmp_path / "a" / "b" / "study"


@needs_fork
def test_two_processes_at_once_download_each_series_once(fetch, server):
    told, tell = os.pipe()
    heard, say = os.pipe()

    def other() -> int:
        os.read(told, 1)
        with os.fdopen(say, "w", buffering=1) as fetch.file:
            return fetch()

    process = fork(other)
    os.close(told)
    os.close(say)
    with os.fdopen(heard) as lines, os.fdopen(tell, "w") as word:
        with fetch.store.lock():
            print("now", file=word, flush=True)
            assert "Waiting for another process" in lines.readline()
            assert fetch() == 0
        text = lines.read()
    assert end_of(process) == 0
    assert "6 downloaded" in fetch.text
    assert "6 stored" in text
    assert all(server.downloads(ticker) == 1 for ticker in ASSETS["ticker"])
    assert fetch.verified()


@needs_fork
def test_a_killed_fetch_keeps_what_had_arrived(fetch, server):
    server.listings["SPY"].always = "hang"
    fetch.seconds = 600
    process = fork(fetch)
    deadline = time.monotonic() + 600
    while not server.requests["probe SPY"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert kill(process) == -signal.SIGKILL
    assert fetch.store.tickers() == ("000003.SZ", "600001.SS", "600002.SS")
    assert fetch.verified()
    server.listings["SPY"].always = ""
    server.requests.clear()
    assert fetch() == 0
    assert "3 downloaded, 3 stored" in fetch.text
    assert server.downloads(SHARE) == 0


# Four fetches of everything are killed before their end, each at a random moment, and more until
# one was killed after its first series.
@needs_fork
def test_fetches_killed_at_any_moment_leave_whole_series_and_nothing_else(fetch, server):
    random = Random(20191024)
    began = time.monotonic()
    assert end_of(fork(fetch)) == 0
    # How long a fetch takes here decides when the others are killed.
    whole = time.monotonic() - began
    for path in fetch.store.folder.glob("*.parquet"):
        path.unlink()
    killed, entries, now = 0, (), NOW
    while killed < 4 or not entries:
        assert now - NOW < timedelta(days=200), "no series arrives"
        now += timedelta(days=1)
        process = fork(lambda now=now: fetch(now=now, refresh=True))
        time.sleep(random.uniform(0, 1.1 * whole))
        status = kill(process)
        assert status in (0, -signal.SIGKILL)
        killed += status != 0
        # Whatever is there is whole; what is not is reported.
        entries = PriceStore(fetch.store.folder).entries()
        assert all(entry.series is not None for entry in entries), entries
    assert fetch(refresh=True) == 0
    assert fetch.verified()
    names = {path.name for path in fetch.store.folder.iterdir()}
    expected = {fetch.store.path(ticker).name for ticker in ASSETS["ticker"]}
    assert names == {*expected, "lock.sqlite", "yfinance"}


def test_fetch_puts_a_series_in_the_place_of_what_is_none(fetch, server, tmp_path):
    assert fetch() == 0
    files = fetch.files()
    path = fetch.store.path("SPY")
    path.unlink()
    path.symlink_to(fetch.store.path("BTC-USD"))
    fetch.store.path(SHARE).write_bytes(files[fetch.store.path(SHARE).name][:500])
    assert fetch() == 0
    assert "2 downloaded, 4 stored" in fetch.text
    assert fetch.verified()
    assert fetch.files() == files

    path.unlink()
    path.mkdir()
    (path / "mine").touch()
    assert fetch() == 1
    assert f"{path} is a folder where a file belongs" in fetch.text
    assert "remove it, then repeat" in fetch.text


def test_yfinance_writes_through_no_link(fetch, server, tmp_path):
    kept = fetch.store.folder / "yfinance"
    kept.mkdir(parents=True)
    (kept / "tkr-tz.db").symlink_to(tmp_path / "mine.db")
    assert fetch() == 0
    assert not (tmp_path / "mine.db").exists()

    forget()
    (kept / "tkr-tz.db").unlink()
    (kept / "tkr-tz.db").mkdir()
    assert fetch(refresh=True) == 1
    assert f"{kept / 'tkr-tz.db'} cannot be removed (Is a directory)" in fetch.text
