"""Download of one price series from Yahoo Finance through yfinance, with the reason if it fails.

yfinance reports a delisted ticker, a server error, an answer cut short and an empty one alike,
and puts repeated or unsorted days in order without a word. Reasons and order are therefore
taken from the answers themselves, which the session keeps.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yfinance as yf
from curl_cffi import requests
from curl_cffi.requests.exceptions import IncompleteRead, RequestException, Timeout
from yfinance.data import YfData

from chainpolicy.prices.store import make_folder, remove

YFINANCE_VERSION: str = yf.__version__
PREFLIGHT_SECONDS = 5.0
# A source that asks for a longer pause is not waited for.
LONGEST_PAUSE = 60.0

_CHART = "/v8/finance/chart/"
_PREFLIGHT_URL = "https://query2.finance.yahoo.com/v8/finance/chart/BTC-USD"


class SourceUnreachableError(Exception):
    """Yahoo Finance does not answer at all."""


class SeriesUnavailableError(Exception):
    """One series cannot be had.

    Parameters
    ----------
    reason : str
        In words for a reader.
    transient : bool
        Whether a later try may succeed.
    pause : float
        Seconds that the source wants to be left alone.
    """

    def __init__(self, reason: str, transient: bool, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.transient = transient
        self.pause = pause


@dataclass(frozen=True)
class ChartAnswer:
    """One answer of the chart endpoint, as it came.

    Parameters
    ----------
    status : int
        HTTP status; 0 if there was no complete answer.
    body : bytes
        Body, as far as it arrived.
    error : RequestException, optional
        Why there was no complete answer.
    retry_after : str
        Header of this name, blank if there was none.
    """

    status: int
    body: bytes
    error: RequestException | None = None
    retry_after: str = ""

    @property
    def chart(self) -> dict[str, Any] | None:
        """The ``chart`` object, None if the body is not complete JSON or has none."""
        try:
            return dict(json.loads(self.body)["chart"])
        except (ValueError, KeyError, TypeError):
            return None

    @property
    def result(self) -> dict[str, Any]:
        """The first result of the chart, empty if there is none."""
        try:
            return dict((self.chart or {})["result"][0])
        except (KeyError, IndexError, TypeError, ValueError):
            return {}

    @property
    def stamps(self) -> tuple[int, ...]:
        """Time stamps in seconds, in the order in which they were sent."""
        return tuple(self.result.get("timestamp") or ())

    def pause(self, now: datetime) -> float:
        """Seconds to wait that the source asks for, as a number or as a date; 0 if it does not."""
        if self.retry_after.isdecimal():
            return float(self.retry_after)
        try:
            return max(0.0, (parsedate_to_datetime(self.retry_after) - now).total_seconds())
        except (TypeError, ValueError):
            return 0.0


class RecordingSession(requests.Session[requests.Response]):
    """HTTP session for yfinance that keeps the answers of the chart endpoint.

    It waits no longer than `seconds`; yfinance asks for up to 30 s and cannot be told otherwise.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        super().__init__(impersonate="chrome")
        self.seconds = seconds
        self.answers: list[ChartAnswer] = []

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request; see `curl_cffi.requests.Session.request`."""
        kwargs["timeout"] = min(kwargs.get("timeout") or self.seconds, self.seconds)
        try:
            response = super().request(method, url, *args, **kwargs)
        except RequestException as error:
            if _CHART in url:
                body = error.response.content if error.response is not None else b""
                self.answers.append(ChartAnswer(0, body, error))
            raise
        if _CHART in url:
            asked = response.headers.get("Retry-After") or ""
            self.answers.append(
                ChartAnswer(response.status_code, response.content, retry_after=asked)
            )
        return response


@dataclass(frozen=True)
class Download:
    """A series as Yahoo Finance has it.

    Parameters
    ----------
    prices : pandas.DataFrame
        ``date`` (midnight, no time zone), ``close`` (adjusted), ``volume``, sorted; a NaN close
        is a day without one.
    quotes : pandas.DataFrame
        ``date, close`` and, if the answer has it, ``adjusted``: the rows in the order of the
        answer, before yfinance put them in order and filled in what it lacks.
    distributions : pandas.Series
        Dividends and capital gains per share, by day.
    splits : pandas.Series
        New shares for one old share, by day.
    symbol, currency, timezone, interval : str or None
        As stated in the answer.
    """

    prices: pd.DataFrame
    quotes: pd.DataFrame
    distributions: pd.Series[float]
    splits: pd.Series[float]
    symbol: str | None
    currency: str | None
    timezone: str | None
    interval: str | None


class YahooFinance:
    """Yahoo Finance as a source of daily adjusted closes.

    Parameters
    ----------
    cache : pathlib.Path
        Folder for the time zones and cookies that yfinance keeps.
    attempts : int
        Tries per series if the failure may pass (HTTP 429 and 5xx, time-out, answer cut short).
    pause : float
        Seconds before the second try; doubled for each further one, and longer if the source
        asks for it.
    sleep : callable
        Takes the seconds to pause.

    Raises
    ------
    StoreError
        If `cache` cannot be used.
    """

    def __init__(
        self,
        cache: Path,
        session: RecordingSession | None = None,
        attempts: int = 4,
        pause: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.session = session or RecordingSession()
        self._attempts = attempts
        self._pause = pause
        self._sleep = sleep
        make_folder(cache)
        _drop_damaged(cache)
        yf.set_tz_cache_location(str(cache))
        yf.config.debug.hide_exceptions = False
        # Its messages are guesses ("possibly delisted"); the reasons are told from the answers.
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)

    def preflight(self, seconds: float = PREFLIGHT_SECONDS) -> None:
        """Ask once whether Yahoo Finance answers; an answer that refuses will do.

        Raises `SourceUnreachableError` if nothing answers, or somebody else does.
        """
        seconds = min(seconds, self.session.seconds)
        try:
            response = self.session.get(
                _PREFLIGHT_URL, params={"range": "1d", "interval": "1d"}, timeout=seconds
            )
        except RequestException as error:
            raise SourceUnreachableError(_connection_reason(error, seconds)) from error
        if response.ok and ChartAnswer(response.status_code, response.content).chart is None:
            raise SourceUnreachableError("another page answers in its place, perhaps a login")

    def download(self, ticker: str, start: date, end: date) -> Download:
        """Download adjusted closes and volumes, both ends of the range included.

        Raises `SeriesUnavailableError` if the series cannot be had, after all tries.
        """
        attempt = 1
        while True:
            # yfinance remembers answers by their address, bad ones too.
            YfData.cache_get.cache_clear()
            self.session.answers.clear()
            try:
                return self._download_once(ticker, start, end)
            except SeriesUnavailableError as failure:
                if not failure.transient:
                    raise
                if failure.pause > LONGEST_PAUSE:
                    reason = f"{failure} and asks for a pause of {failure.pause:,.0f} s"
                    raise SeriesUnavailableError(reason, transient=True) from failure
                if attempt == self._attempts:
                    reason = f"{failure} ({attempt} tries)"
                    raise SeriesUnavailableError(reason, transient=True) from failure
                pause = max(failure.pause, self._pause * 2 ** (attempt - 1))
            self._sleep(pause)
            attempt += 1

    def _download_once(self, ticker: str, start: date, end: date) -> Download:
        day_after = end + timedelta(days=1)  # yfinance leaves the end out
        no_rows = f"the source has no rows from {start} to {end}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                client = yf.Ticker(ticker, session=self.session)
                history = client.history(
                    start=start.isoformat(), end=day_after.isoformat(), interval="1d", keepna=True
                )
                metadata = client.history_metadata
        except Exception as error:
            raise self._failure(error, no_rows) from error
        if history.empty:
            raise SeriesUnavailableError(no_rows, transient=False)
        timezone = metadata.get("exchangeTimezoneName")
        days = history.index.tz_localize(None).normalize().as_unit("ns")
        prices = pd.DataFrame(
            {
                "date": days,
                "close": history["Close"].to_numpy(dtype="float64"),
                "volume": history["Volume"].to_numpy(dtype="float64"),
            }
        )
        answer = self.session.answers[-1].result
        try:
            quotes = _quotes(answer, timezone)
            events = answer.get("events") or {}
            gains = [*_values(events, "dividends"), *_values(events, "capitalGains")]
            distributions = _by_day([(it["date"], it["amount"]) for it in gains], timezone)
            splits = _by_day(
                [
                    (it["date"], it["numerator"] / it["denominator"])
                    for it in _values(events, "splits")
                ],
                timezone,
            )
        except (LookupError, TypeError, ValueError, ZeroDivisionError) as error:
            reason = f"the answer was not understood ({_named(error)})"
            raise SeriesUnavailableError(reason, transient=False) from error
        return Download(
            # Days that are sent twice are told apart, or not, by the rows as they were sent.
            prices.drop_duplicates("date", ignore_index=True),
            # The current price is often appended, whatever the end; yfinance drops it, so do we.
            quotes[quotes["date"] < pd.Timestamp(day_after)],
            distributions,
            splits,
            metadata.get("symbol"),
            metadata.get("currency"),
            timezone,
            metadata.get("dataGranularity"),
        )

    def _failure(self, error: Exception, no_rows: str) -> SeriesUnavailableError:
        """Tell from the last answer of the chart endpoint why yfinance raised `error`."""
        if not self.session.answers:
            reason = f"yfinance failed before it asked for prices ({_named(error)})"
            return SeriesUnavailableError(reason, True)
        answer = self.session.answers[-1]
        if answer.error is not None:
            return SeriesUnavailableError(
                _connection_reason(answer.error, self.session.seconds, len(answer.body)), True
            )
        if answer.status == 429:
            reason = "the source limits our requests (HTTP 429)"
            return SeriesUnavailableError(reason, True, answer.pause(datetime.now(UTC)))
        if answer.status >= 500:
            reason = f"the source failed (HTTP {answer.status})"
            return SeriesUnavailableError(reason, True, answer.pause(datetime.now(UTC)))
        chart = answer.chart
        if chart is not None and chart.get("error"):
            reason = str(chart["error"].get("description"))
            return SeriesUnavailableError(f"the source says: {reason}", False)
        if answer.status >= 400:
            return SeriesUnavailableError(f"the source refuses (HTTP {answer.status})", False)
        if chart is None:
            return SeriesUnavailableError(
                f"the answer is not complete JSON ({len(answer.body):,} bytes)", True
            )
        if not answer.stamps:
            return SeriesUnavailableError(no_rows, False)
        return SeriesUnavailableError(f"the answer was not understood ({_named(error)})", False)


def _days(stamps: Iterable[int], timezone: str | None) -> pd.DatetimeIndex:
    sent = pd.to_datetime(list(stamps), unit="s", utc=True)
    return sent.tz_convert(timezone).tz_localize(None).normalize().as_unit("ns")


def _quotes(answer: dict[str, Any], timezone: str | None) -> pd.DataFrame:
    indicators = answer["indicators"]
    columns: dict[str, Any] = {"date": _days(answer["timestamp"], timezone)}
    columns["close"] = pd.Series(indicators["quote"][0]["close"], dtype="float64")
    if "adjclose" in indicators:
        columns["adjusted"] = pd.Series(indicators["adjclose"][0]["adjclose"], dtype="float64")
    return pd.DataFrame(columns)


def _values(events: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return list((events.get(kind) or {}).values())


def _by_day(values: list[tuple[int, float]], timezone: str | None) -> pd.Series[float]:
    days = _days([stamp for stamp, _ in values], timezone)
    return pd.Series([value for _, value in values], index=days, dtype="float64").sort_index()


def _connection_reason(error: RequestException, seconds: float, received: int = 0) -> str:
    if isinstance(error, Timeout):
        return f"no answer within {seconds:g} s"
    if isinstance(error, IncompleteRead):
        return f"the connection was cut after {received:,} bytes"
    said = re.search(r"curl: \(\d+\) (.+?)\. See http", str(error))
    return said[1] if said else f"no connection, {type(error).__name__}"


def _drop_damaged(cache: Path) -> None:
    """Remove databases of yfinance that cannot be read: it would fail on every series."""
    for file in cache.glob("*.db"):
        if file.is_symlink() or not file.is_file():
            # yfinance would write to where a link leads.
            sound = False
        else:
            try:
                with closing(sqlite3.connect(file)) as connection:
                    sound = connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
            except sqlite3.DatabaseError:
                sound = False
        if not sound:
            for path in cache.glob(f"{file.name}*"):
                remove(path)


def _named(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
