"""Bring a study's series into the local store: download, validate, keep, say what was lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

import pandas as pd

from chainpolicy.prices.store import MAX_AGE, PriceStore, StoredSeries
from chainpolicy.prices.validation import (
    Finding,
    check_adjustment,
    check_interval,
    check_order,
    check_quotation,
    check_series,
    check_symbol,
)
from chainpolicy.prices.yahoo import YFINANCE_VERSION, Download, SeriesUnavailableError
from chainpolicy.study.assets import BENCHMARK, parse_price_limit, price_limit_on
from chainpolicy.study.calendars import Corrections
from chainpolicy.study.problems import InputError, Problem, collecting
from chainpolicy.study.sessions import Day, sessions
from chainpolicy.study.snapshot import suspended
from chainpolicy.study.tabular import require_day

# So many series in a row without an answer are the source's trouble, not the series'.
GIVE_UP_AFTER = 3

Track = Callable[[Sequence[dict[str, Any]]], Iterable[dict[str, Any]]]


class Source(Protocol):
    """Where series come from; see `yahoo.YahooFinance`."""

    def preflight(self) -> None:
        """Raise `yahoo.SourceUnreachableError` if nobody answers."""

    def download(self, ticker: str, start: date, end: date) -> Download:
        """Download a series or raise `yahoo.SeriesUnavailableError`."""


@dataclass(frozen=True)
class SeriesOutcome:
    """What became of one series.

    Parameters
    ----------
    status : {"downloaded", "stored", "kept", "lost"}
        ``stored``: the store had it already. ``kept``: the store's older copy still serves,
        because the download failed. ``lost``: there is no usable series.
    reason : str
        Why the download failed, blank if it did not.
    prices : pandas.DataFrame
        ``date, close`` of the usable sessions of the study; empty if lost.
    gaps : int
        Sessions of the study without a usable close.
    findings : tuple of Finding
        Remarks of the validation.
    seconds : float
        Spent on the download.
    downloaded_at : datetime.datetime, optional
        When the prices were downloaded.
    unanswered : bool
        Whether the download failed for want of an answer that another try may bring.
    """

    ticker: str
    group: str
    status: Literal["downloaded", "stored", "kept", "lost"]
    reason: str
    prices: pd.DataFrame
    gaps: int
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    downloaded_at: datetime | None = None
    unanswered: bool = False


@dataclass(frozen=True)
class Standing:
    """How many assets of a group are left.

    Parameters
    ----------
    n_assets : int
        Assets in the study.
    lost : tuple of str
        Tickers without a usable series, or without one of their benchmarks.
    """

    group: str
    n_assets: int
    lost: tuple[str, ...]

    @property
    def needed(self) -> int:
        """Assets that the group needs to be at strength."""
        return 1 if self.n_assets == 1 else max(2, -(-self.n_assets // 2))

    @property
    def at_strength(self) -> bool:
        """Whether enough of them are left."""
        return self.n_assets - len(self.lost) >= self.needed


@dataclass(frozen=True)
class FetchReport:
    """Result of `fetch_series`.

    Parameters
    ----------
    outcomes : tuple of SeriesOutcome
        One per asset, in the order of the asset list.
    standings : tuple of Standing
        One per group but the benchmarks.
    stopped : str
        Why the download was given up, blank if it was not.
    last_day : datetime.date
        Last day that was asked for: the study's end, or yesterday (UTC) if that is earlier.
    """

    outcomes: tuple[SeriesOutcome, ...]
    standings: tuple[Standing, ...]
    stopped: str
    last_day: date

    def exit_status(self, strict: bool = False) -> int:
        """0, or 1 if a group is below strength, the source gave out or `strict` is not met."""
        complete = all(outcome.status in ("downloaded", "stored") for outcome in self.outcomes)
        below = any(not standing.at_strength for standing in self.standings)
        return int(below or bool(self.stopped) or (strict and not complete))

    def prices(self) -> pd.DataFrame:
        """Usable closes of all series: ``date, ticker, close``, sorted."""
        return _long({outcome.ticker: outcome.prices for outcome in self.outcomes})

    def tidy(self) -> pd.DataFrame:
        """Tabulate the outcomes, one row per asset.

        ``ticker, group, state, rows, first, last, gaps``; ``seconds`` of this download, NaN without
        one; ``downloaded``, when the prices were (UTC), and ``reason``, both perhaps blank.
        """
        columns = ["ticker", "group", "state", "rows", "first", "last", "gaps", "seconds"]
        rows = [
            (
                *(outcome.ticker, outcome.group, outcome.status, len(outcome.prices)),
                *(outcome.prices["date"].min(), outcome.prices["date"].max()),
                *(outcome.gaps, round(outcome.seconds, 1) or None),
                f"{outcome.downloaded_at:%Y-%m-%d %H:%M}" if outcome.downloaded_at else "",
                outcome.reason,
            )
            for outcome in self.outcomes
        ]
        return pd.DataFrame(rows, columns=[*columns, "downloaded", "reason"])


def fetch_series(
    assets: pd.DataFrame,
    start: Day,
    end: Day,
    store: PriceStore,
    connect: Callable[[], Source],
    now: datetime,
    snapshot: pd.DataFrame | None = None,
    refresh: bool = False,
    max_age: timedelta = MAX_AGE,
    track: Track = iter,
    on_wait: Callable[[], None] = lambda: None,
    corrections: Corrections = (),
) -> FetchReport:
    """Download what the store lacks or what is older than `max_age`, validate it and keep it.

    Each sound series is stored as soon as it has arrived; nothing else is changed. `connect` makes
    the source and is called only if something is to be downloaded; `track` hands on the assets to
    download one by one (a progress bar); `on_wait` is called if another process is using the store;
    `snapshot` (``date, ticker, close``) serves to recognise a series whose dates are shifted.

    Raises `SourceUnreachableError` if nobody answers (the store is untouched), `StoreError` if the
    store cannot be used, `InputError` if the study starts in the future.
    """
    # The bar of a day that is not over is no close.
    last_day = min(require_day("the last day", end).date(), now.date() - timedelta(days=1))
    first_day = require_day("the first day", start).date()
    if first_day > last_day:
        expected = f"a day up to {last_day}; there are no closes after it yet"
        raise InputError([Problem("study.toml", expected, None, "prices.start", str(first_day))])
    references = (
        {} if snapshot is None else {str(t): rows for t, rows in snapshot.groupby("ticker")}
    )
    task = _Task(store, first_day, last_day, now, references, corrections)
    rows: list[dict[str, Any]] = assets.to_dict("records")  # type: ignore[assignment]
    stopped = ""
    failures = 0
    with store.lock(on_wait=on_wait):
        outcomes = {asset["ticker"]: task.from_store(asset) for asset in rows}
        todo = [
            asset for asset in rows if refresh or task.is_due(outcomes[asset["ticker"]], max_age)
        ]
        if todo:
            source = connect()
            source.preflight()
        for asset in track(todo):
            held = outcomes[asset["ticker"]]
            if stopped:
                new = task.lost(asset, f"not tried: {stopped}")
            else:
                new = task.download(asset, source)
                failures = failures + 1 if new.unanswered else 0
                if failures == GIVE_UP_AFTER:
                    stopped = f"{new.reason}, {failures} series in a row"
            if new.status == "lost" and held.status == "stored":
                new = replace(held, status="kept", reason=new.reason, seconds=new.seconds)
            outcomes[asset["ticker"]] = new
    lost = {ticker for ticker, outcome in outcomes.items() if outcome.status == "lost"}
    return FetchReport(tuple(outcomes.values()), standings(assets, lost), stopped, last_day)


def stored_prices(
    store: PriceStore, assets: pd.DataFrame, start: Day, end: Day, corrections: Corrections = ()
) -> pd.DataFrame:
    """Usable closes from the store, whatever their age: ``date, ticker, close``, sorted.

    Only tickers that the store has. Raises `InputError` if a series must not be used, as a download
    of it would be refused today.
    """
    found = {}
    first, last = pd.Timestamp(start), pd.Timestamp(end)
    with collecting() as problems:
        for ticker, calendar in zip(assets["ticker"], assets["calendar"], strict=True):
            series = store.read(ticker)
            if series is None:
                continue
            prices = series.prices[series.prices["date"].between(first, last)]
            found[ticker] = _usable(series.prices, calendar, start, end, corrections)
            if prices.empty:
                continue
            problems += [
                Problem(
                    str(store.path(ticker)),
                    f"prices that can be used, but {finding}; remove them with `chainpolicy prices "
                    f"clear {ticker}`",
                )
                for finding in check_series(
                    ticker, prices, calendar, first.date(), last.date(), corrections=corrections
                )
                if finding.refused
            ]
    return _long(found)


def surviving_assets(assets: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Assets that have prices, and all of whose benchmarks have."""
    priced = set(prices["ticker"])
    # A benchmark without a row is a factor, which needs no prices.
    unpriced = set(assets["ticker"]) - priced
    kept = [
        unpriced.isdisjoint({ticker, *benchmarks})
        for ticker, benchmarks in zip(assets["ticker"], assets["benchmark"], strict=True)
    ]
    return assets[kept].reset_index(drop=True)


def standings(assets: pd.DataFrame, lost: set[str]) -> tuple[Standing, ...]:
    """Count what is left of each group but the benchmarks; who loses a benchmark is lost too."""
    estimated = assets[assets["group"] != BENCHMARK]
    gone = [
        not lost.isdisjoint({ticker, *benchmarks})
        for ticker, benchmarks in zip(estimated["ticker"], estimated["benchmark"], strict=True)
    ]
    return tuple(
        Standing(str(group), len(members), tuple(members.loc[members["gone"], "ticker"]))
        for group, members in estimated.assign(gone=gone).groupby("group", sort=False)
    )


@dataclass(frozen=True)
class _Task:
    """What the download of each series of one study shares."""

    store: PriceStore
    start: date
    last_day: date
    now: datetime
    references: dict[str, pd.DataFrame]
    corrections: Corrections

    def from_store(self, asset: dict[str, Any]) -> SeriesOutcome:
        series = self.store.read(asset["ticker"])
        if series is None or not series.covers(self.start, self.last_day):
            return self.lost(asset, "not in the store")
        # Another study may have stored it, with another idea of its calendar.
        quotation = check_quotation(
            asset["ticker"], asset["calendar"], series.currency, series.timezone
        )
        findings = quotation or self._findings(asset, series.prices)
        return self._judged(asset, series, findings, "stored")

    def is_due(self, held: SeriesOutcome, max_age: timedelta) -> bool:
        made = held.downloaded_at
        return held.status == "lost" or made is None or self.now - made > max_age

    def download(self, asset: dict[str, Any], source: Source) -> SeriesOutcome:
        ticker = asset["ticker"]
        held = self.store.read(ticker)
        # Another study may need the days that are there already, and one series is one download:
        # adjusted closes of two of them do not fit together.
        start = min(self.start, held.start) if held else self.start
        end = max(self.last_day, held.end) if held else self.last_day
        began = time.monotonic()
        try:
            found = source.download(ticker, start, end)
        except SeriesUnavailableError as failure:
            lost = self.lost(asset, str(failure))
            seconds = time.monotonic() - began
            return replace(lost, unanswered=failure.transient, seconds=seconds)
        findings = [
            *check_symbol(ticker, found.symbol),
            *check_interval(ticker, found.interval),
            *check_order(ticker, found.quotes),
            *check_quotation(ticker, asset["calendar"], found.currency, found.timezone),
            *check_adjustment(ticker, found.quotes, found.distributions, found.splits),
        ]
        if not any(finding.refused for finding in findings):
            findings += self._findings(asset, found.prices)
        series = StoredSeries(
            ticker=ticker,
            prices=found.prices.dropna(subset="close", ignore_index=True),
            start=start,
            end=end,
            currency=str(found.currency),
            timezone=str(found.timezone),
            downloaded_at=self.now,
            yfinance_version=YFINANCE_VERSION,
        )
        outcome = self._judged(asset, series, findings, "downloaded")
        if outcome.status == "downloaded":
            self.store.write(series)
        return replace(outcome, seconds=time.monotonic() - began)

    def lost(self, asset: dict[str, Any], reason: str) -> SeriesOutcome:
        gaps = len(self._sessions(asset))
        return SeriesOutcome(asset["ticker"], asset["group"], "lost", reason, _NO_PRICES, gaps)

    def _judged(
        self,
        asset: dict[str, Any],
        series: StoredSeries,
        findings: list[Finding],
        status: Literal["downloaded", "stored"],
    ) -> SeriesOutcome:
        refused = [finding.message for finding in findings if finding.refused]
        if refused:
            return self.lost(asset, "refused: " + "; ".join(refused))
        prices = _usable(
            series.prices, asset["calendar"], self.start, self.last_day, self.corrections
        )
        if prices.empty:
            return self.lost(asset, f"no close from {self.start} to {self.last_day}")
        gaps = len(self._sessions(asset)) - len(prices)
        return SeriesOutcome(
            asset["ticker"],
            asset["group"],
            status,
            "",
            prices,
            gaps,
            tuple(findings),
            downloaded_at=series.downloaded_at,
        )

    def _findings(self, asset: dict[str, Any], prices: pd.DataFrame) -> list[Finding]:
        within = prices["date"].between(pd.Timestamp(self.start), pd.Timestamp(self.last_day))
        prices = prices[within]
        schedule = parse_price_limit(asset["price_limit"])
        return check_series(
            asset["ticker"],
            prices,
            asset["calendar"],
            self.start,
            self.last_day,
            price_limit_on(schedule, pd.DatetimeIndex(prices["date"])),
            self.references.get(asset["ticker"]),
            self.corrections,
        )

    def _sessions(self, asset: dict[str, Any]) -> pd.DatetimeIndex:
        return sessions(asset["calendar"], self.start, self.last_day, self.corrections)


def _usable(
    prices: pd.DataFrame, calendar: str, start: Day, end: Day, corrections: Corrections
) -> pd.DataFrame:
    """Keep the sessions of the calendar, without those that a suspension repeats."""
    rows = prices[~suspended(prices) & prices["close"].notna()]
    return rows.loc[
        rows["date"].isin(sessions(calendar, start, end, corrections)), ["date", "close"]
    ]


def _long(series: dict[str, pd.DataFrame]) -> pd.DataFrame:
    frames = [prices.assign(ticker=ticker) for ticker, prices in series.items()]
    long = pd.concat([_NO_PRICES.assign(ticker=pd.Series(dtype="str")), *frames])
    return long[["date", "ticker", "close"]].sort_values(["date", "ticker"], ignore_index=True)


_NO_PRICES = pd.DataFrame(
    {"date": pd.Series(dtype="datetime64[ns]"), "close": pd.Series(dtype="float64")}
)
