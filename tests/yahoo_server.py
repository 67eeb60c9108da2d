"""A server on loopback that speaks Yahoo Finance's endpoints, faults included.

The real yfinance client reaches it through `LoopbackSession`, which rewrites every address.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from yfinance import base, cache
from yfinance.config import YfConfig
from yfinance.data import SingletonMeta

from chainpolicy.prices.yahoo import RecordingSession

DELISTED = "No data found, symbol may be delisted"
CALENDARS = {
    "XSHG": ("CNY", "Asia/Shanghai", "09:30"),
    "XNYS": ("USD", "America/New_York", "09:30"),
    "24/7": ("USD", "UTC", "00:00"),
}


@dataclass
class Listing:
    """What the server knows of one ticker; tests change it to plant a fault."""

    dates: list[pd.Timestamp]
    close: list[float | None]
    volume: list[int | None]
    calendar: str
    currency: str | None = None
    timezone: str | None = None
    symbol: str | None = None
    shift_days: int = 0
    after_end: bool = False
    # Place in `dates` of a dividend per share, or of new shares for one old share.
    dividends: dict[int, float] = field(default_factory=dict)
    splits: dict[int, float] = field(default_factory=dict)
    # Adjusted closes if they are others than the closes; nothing is sent if it is empty.
    adjusted: list[float | None] | None = None
    interval: str = "1d"
    # Faults of the answers to come, one each, before the listing itself is served: a name, or an
    # HTTP status, perhaps with its Retry-After ("429 after 30").
    faults: list[str] = field(default_factory=list)
    # Fault of every answer once `faults` is used up.
    always: str = ""


class YahooServer(ThreadingHTTPServer):
    """Loopback server; `listings` by ticker, `requests` counts the paths that were asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.listings: dict[str, Listing] = {}
        self.requests: Counter[str] = Counter()
        self.cookies = True
        self.closing = threading.Event()
        self.guard = threading.Lock()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def downloads(self, ticker: str) -> int:
        """How often the price range of a ticker was asked for."""
        return self.requests[f"range {ticker}"]

    def hangs(self, ticker: str) -> bool:
        """Whether the next answer for a ticker never comes."""
        listed = self.listings.get(ticker)
        return listed is not None and (listed.faults[:1] or [listed.always]) == ["hang"]


class LoopbackSession(RecordingSession):
    """Sends every request to the loopback server, whatever host it names.

    It loses patience after some seconds where the server hangs. Everywhere else it waits for the
    answer of a machine however busy.
    """

    def __init__(
        self,
        address: str,
        seconds: float = 600.0,
        hangs: Callable[[str], bool] = lambda ticker: False,
    ) -> None:
        super().__init__(seconds)
        self.trust_env = False
        self.address = address
        self.patience = seconds
        self.hangs = hangs

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """Rewrite the address, keep path and query."""
        parts = urlsplit(url)
        hangs = self.hangs(unquote(parts.path.rpartition("/")[2]))
        self.seconds = kwargs["timeout"] = self.patience if hangs else 600.0
        local = f"{self.address}{parts.path or '/'}"
        answer = super().request(method, f"{local}?{parts.query}", *args, **kwargs)
        # yfinance keeps cookies of Yahoo's domains; without one it asks again before every request.
        for cookie in [kept for kept in self.cookies.jar if kept.domain != ".yahoo.com"]:
            self.cookies.jar.clear(cookie.domain)
            cookie.domain = ".yahoo.com"
            self.cookies.jar.set_cookie(cookie)
        return answer


class _Handler(BaseHTTPRequestHandler):
    server: YahooServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self._send(404, b"")

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        name = parts.path
        if name.startswith("/v8/finance/chart/"):
            ticker = unquote(name.rpartition("/")[2])
            self._count(("range " if "period1" in query else "probe ") + ticker)
            self._chart(ticker, query)
        elif name == "/v1/test/getcrumb":
            self._count("crumb")
            self._send(200, b"crumb", kind="text/plain")
        elif name == "/":
            self._count("cookie")
            if self.server.cookies:
                cookie = "A3=d=loopback; Max-Age=31557600; Path=/"
                self._send(404, b"", headers=[("Set-Cookie", cookie)])
            else:
                self._send(200, b"cut short", sent=3)
        else:
            self._count(name)
            self._send(404, b"<html></html>", kind="text/html; charset=utf-8")

    def _count(self, name: str) -> None:
        with self.server.guard:
            self.server.requests[name] += 1

    def _chart(self, ticker: str, query: dict[str, str]) -> None:
        listing = self.server.listings.get(ticker)
        if listing is None:
            return self._error(404, "Not Found", DELISTED)
        with self.server.guard:
            fault = listing.faults.pop(0) if listing.faults else listing.always
        status, _, wait = fault.partition(" after ")
        if status.isdigit():
            headers = [("Retry-After", wait)] if wait else []
            body = b"<html>unavailable</html>"
            return self._send(int(status), body, kind="text/html", headers=headers)
        if fault == "hang":
            self.server.closing.wait(600)
            self.close_connection = True
            return None
        if fault == "empty":
            result = [{"meta": _meta(ticker, listing), "indicators": {"quote": [{}]}}]
            return self._send(200, _chart_body(result))
        if fault == "odd":
            result = [{"meta": _meta(ticker, listing), "timestamp": [0], "indicators": {}}]
            return self._send(200, _chart_body(result))
        if fault == "login":
            return self._send(200, b"<html>Welcome to our network</html>", kind="text/html")
        if fault == "delisted":
            return self._error(404, "Not Found", DELISTED)
        body = _chart_body([_result(ticker, listing, query)])
        if fault == "truncated":
            return self._send(200, body[: len(body) // 2])
        if fault == "cut":
            return self._send(200, body, sent=len(body) // 2)
        assert not fault, fault
        return self._send(200, body)

    def _error(self, status: int, code: str, description: str) -> None:
        error = {"code": code, "description": description}
        self._send(status, json.dumps({"chart": {"result": None, "error": error}}).encode())

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        headers: Sequence[tuple[str, str]] = (),
        sent: int | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if sent is None else body[:sent])
        if sent is not None:
            self.wfile.flush()
            self.close_connection = True


def _chart_body(result: list[dict[str, Any]]) -> bytes:
    return json.dumps({"chart": {"result": result, "error": None}}).encode()


def _meta(ticker: str, listing: Listing) -> dict[str, Any]:
    currency, timezone, _ = CALENDARS[listing.calendar]
    return {
        "currency": listing.currency or currency,
        "symbol": listing.symbol or ticker,
        "instrumentType": "CRYPTOCURRENCY" if listing.calendar == "24/7" else "EQUITY",
        "exchangeTimezoneName": listing.timezone or timezone,
        "timezone": "UTC",
        "gmtoffset": 0,
        "priceHint": 2,
        "dataGranularity": listing.interval,
        "range": "",
        "validRanges": ["1d", "5d", "1mo", "max"],
    }


def _result(ticker: str, listing: Listing, query: dict[str, str]) -> dict[str, Any]:
    _, timezone, opening = CALENDARS[listing.calendar]
    hour, minute = map(int, opening.split(":"))
    moved = pd.Timedelta(days=listing.shift_days)
    stamps = [
        int(
            datetime(
                day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(timezone)
            ).timestamp()
        )
        for day in (date + moved for date in listing.dates)
    ]
    first = int(query.get("period1", 0))
    last = int(query.get("period2", datetime.now(UTC).timestamp()))
    kept = [place for place, stamp in enumerate(stamps) if first <= stamp < last]
    if listing.after_end and "period2" in query:
        kept.append(max(kept) + 3)
    close = [listing.close[place] for place in kept]
    quote = dict.fromkeys(("open", "high", "low", "close"), close) | {
        "volume": [listing.volume[place] for place in kept]
    }
    result: dict[str, Any] = {
        "meta": _meta(ticker, listing),
        "timestamp": [stamps[place] for place in kept],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": close}]},
        "events": {
            "dividends": {
                str(stamps[place]): {"amount": amount, "date": stamps[place]}
                for place, amount in listing.dividends.items()
                if place in kept
            },
            "splits": {
                str(stamps[place]): {
                    "date": stamps[place],
                    "numerator": ratio,
                    "denominator": 1,
                    "splitRatio": f"{ratio}:1",
                }
                for place, ratio in listing.splits.items()
                if place in kept
            },
        },
    }
    if listing.adjusted == []:
        del result["indicators"]["adjclose"]
    elif listing.adjusted is not None:
        adjusted = [listing.adjusted[place] for place in kept]
        result["indicators"]["adjclose"] = [{"adjclose": adjusted}]
    return result


def listing(
    calendar: str, dates: Sequence[pd.Timestamp], seed: int, daily: float = 0.02
) -> Listing:
    """A random walk of closes on the given dates."""
    moves = np.random.default_rng(seed).normal(0, daily, len(dates)).clip(-0.09, 0.09)
    close = [round(float(value), 4) for value in 50 * np.exp(np.cumsum(moves))]
    return Listing(list(dates), list(close), [1000 + n for n in range(len(close))], calendar)


def listings_of(prices: pd.DataFrame, assets: pd.DataFrame) -> dict[str, Listing]:
    """Listings that hold the prices of a study; a day without a row stays without one."""
    calendars = dict(zip(assets["ticker"], assets["calendar"], strict=True))
    return {
        str(ticker): Listing(
            rows["date"].tolist(), rows["close"].tolist(), [1000] * len(rows), calendars[ticker]
        )
        for ticker, rows in prices.sort_values("date").groupby("ticker")
    }


def forget() -> None:
    """Put yfinance back to where it was: it keeps cookies, answers and failures per process."""
    SingletonMeta._instances.clear()
    YfConfig.debug.hide_exceptions = True
    base._tz_info_fetch_ctr = 0
    cache._TzDBManager.close_db()
    cache._CookieDBManager.close_db()
    cache._TzDBManager._db = cache._CookieDBManager._db = None
    cache._TzCacheManager._tz_cache = cache._CookieCacheManager._Cookie_cache = None


@contextmanager
def serving() -> Iterator[YahooServer]:
    """Run a server for the time of a block."""
    server = YahooServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
