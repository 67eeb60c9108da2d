"""What is wrong with a downloaded price series, in the words a reader needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.prices.moves import JUMP, find_moves
from chainpolicy.study.calendars import ALWAYS_OPEN, Corrections, exchange
from chainpolicy.study.sessions import sessions
from chainpolicy.study.snapshot import suspended
from chainpolicy.typeset.numbers import counted, first_few

# A close four times the one before, or a quarter of it, that comes back was never a price.
EXCURSION = 4.0
EXCURSION_SESSIONS = 20
# Prices in another unit (pence, cents, thousands) are off by these, whatever the market did.
UNITS = (100.0, 1000.0)
# A split this small is less than a day's move.
SMALLEST_SPLIT = 1.2
# A dividend smaller than this share of the close drowns in the rounding of the adjusted closes.
SMALLEST_DIVIDEND = 1e-4
STALE_SESSIONS = 5
# Days or runs that a finding names.
MOST_SHOWN = 3
# More strays than this are another market's calendar, not a stray.
STRAY_SHARE = 0.02
SHIFT_MINIMUM = 20

_CURRENCIES = {"XSHG": "CNY", "XHKG": "HKD", "XNYS": "USD"}
_TIMEZONES = {"XSHG": "Asia/Shanghai", "XHKG": "Asia/Hong_Kong", "XNYS": "America/New_York"}
_TIMEZONES |= {ALWAYS_OPEN: "UTC"}
# Sources date a series in the zone of its country or venue; so near, the days are the same.
NEAR_ZONE = timedelta(hours=2)


@dataclass(frozen=True)
class Finding:
    """One finding about one series.

    Parameters
    ----------
    check : str
        Name of the check: ``order``, ``symbol``, ``interval``, ``quotation``, ``adjustment``,
        ``closes``, ``sessions``, ``limit``, ``jump``, ``unit``, ``stale``, ``suspended`` or
        ``shift``.
    refused : bool
        Whether the series must not be used; else it is a remark.
    message : str
        What was found, where first, and what was expected.
    """

    ticker: str
    check: str
    refused: bool
    message: str

    def __str__(self) -> str:
        return f"{self.ticker}: {self.message}"


def check_order(ticker: str, quotes: pd.DataFrame) -> list[Finding]:
    """Refuse unsorted days, and days that are sent twice with different prices.

    `quotes` are as the source sent them, before any client put them in order.
    """
    findings = []
    stamps = pd.DatetimeIndex(quotes["date"])
    repeated = pd.DatetimeIndex(stamps[stamps.duplicated()].unique())
    different = pd.DatetimeIndex(quotes.drop_duplicates()["date"])
    differing = pd.DatetimeIndex(different[different.duplicated()].unique())
    equal = repeated.difference(differing)
    if len(differing):
        rows = quotes.loc[quotes["date"] == differing[0], "close"]
        closes = " and ".join("none" if np.isnan(close) else f"{close:g}" for close in rows)
        message = (
            f"sends {_listed(differing)} twice with other prices (first: {closes}); dates must be "
            "unique"
        )
        findings.append(Finding(ticker, "order", True, message))
    if len(equal):
        message = f"sends {_listed(equal)} twice with the same prices: kept once"
        findings.append(Finding(ticker, "order", False, message))
    backwards = stamps[1:][stamps[1:] < stamps[:-1]]
    if len(backwards):
        findings.append(
            Finding(
                ticker,
                "order",
                True,
                f"sends {_listed(backwards)} after a later date; dates must be sorted",
            )
        )
    return findings


def check_symbol(ticker: str, symbol: str | None) -> list[Finding]:
    """Refuse the prices of another series, which a ticker such as ``A?B`` brings.

    A source may state no symbol.
    """
    if symbol is None or symbol.casefold() == ticker.casefold():
        return []
    return [Finding(ticker, "symbol", True, f"the answer is about {symbol}")]


def check_interval(ticker: str, interval: str | None) -> list[Finding]:
    """Refuse rows that are weeks or months, which sources send for long ranges.

    A source may state no interval.
    """
    if interval in (None, "1d"):
        return []
    return [Finding(ticker, "interval", True, f"each row is {interval}; expected days (1d)")]


def check_adjustment(
    ticker: str,
    quotes: pd.DataFrame,
    distributions: pd.Series[float],
    splits: pd.Series[float],
) -> list[Finding]:
    """Refuse closes that are not adjusted for the dividends and splits that the source reports.

    `quotes` has ``date, close`` and, if the source sends it, ``adjusted``; `distributions` are
    dividends and capital gains per share, `splits` new shares for one old share, both by day.
    """
    is_adjusted = "adjusted" in quotes
    paid = distributions[distributions > 0]
    if not is_adjusted and len(paid):
        message = (
            f"sends no adjusted closes, but a dividend on {_listed(_days_of(paid))}; returns "
            "without it would be wrong"
        )
        return [Finding(ticker, "adjustment", True, message)]
    rows = quotes.dropna().sort_values("date").drop_duplicates("date")
    dates = pd.DatetimeIndex(rows["date"])
    close = rows["close"].to_numpy(dtype=np.float64)
    used = rows["adjusted" if is_adjusted else "close"].to_numpy(dtype=np.float64)
    if not ((close > 0) & (used > 0)).all():
        return []  # said by `check_series`
    findings = []
    at = dates.searchsorted(_days_of(paid))
    inside = (at > 0) & (at < len(dates))
    at = at[inside]
    share = paid[inside].to_numpy() / close[at - 1]
    step = 1 - (used[at - 1] / close[at - 1]) / (used[at] / close[at])
    # How much a dividend lowers the closes before it depends on its currency; that it does not.
    ignored = (share > SMALLEST_DIVIDEND) & (step < share / 10)
    if ignored.any():
        message = (
            f"adjusted closes do not contain the dividend on {_listed(dates[at[ignored]])}; "
            "returns without it would be wrong"
        )
        findings.append(Finding(ticker, "adjustment", True, message))
    ratio = splits[
        (splits > 0) & (np.abs(np.log(splits.where(splits > 0))) > np.log(SMALLEST_SPLIT))
    ]
    at = dates.searchsorted(_days_of(ratio))
    inside = (at > 0) & (at < len(dates))
    at, size = at[inside], np.log(ratio[inside].to_numpy())
    move = np.log(used[at] / used[at - 1])
    unadjusted = np.abs(move + size) < np.abs(size) / 4
    if unadjusted.any():
        message = f"closes are not adjusted for the split on {_listed(dates[at[unadjusted]])}"
        findings.append(Finding(ticker, "adjustment", True, message))
    if not is_adjusted:
        message = "sends no adjusted closes and no dividend: closes are taken as they are"
        findings.append(Finding(ticker, "adjustment", False, message))
    return findings


def check_quotation(
    ticker: str, calendar: str, currency: str | None, timezone: str | None
) -> list[Finding]:
    """Refuse a currency or a time zone other than that of the asset's calendar.

    A 24/7 asset is expected in the currency after its last hyphen (``BTC-USD``), by UTC days.
    """
    # The hyphen of a share, as in VOLV-B, is about its class.
    quoted = ticker.rpartition("-")[2] if calendar == ALWAYS_OPEN and "-" in ticker else None
    expected = {
        "currency": _CURRENCIES.get(calendar, quoted),
        "time zone": _TIMEZONES.get(calendar) or _zone_of(calendar, timezone),
    }
    found = {"currency": currency, "time zone": timezone}
    return [
        Finding(
            ticker,
            "quotation",
            True,
            f"{name} is {found[name] or 'not stated'}; expected {expected[name]} on {calendar}",
        )
        for name in expected
        if expected[name] is not None and found[name] != expected[name]
    ]


def _zone_of(calendar: str, timezone: str | None) -> str:
    """Name the zone that is expected: the one found, if its days are those of the exchange."""
    own = exchange(calendar).tz
    noon = datetime(2020, 1, 1, 12)
    try:
        found = noon.replace(tzinfo=ZoneInfo(timezone or "")).utcoffset()
    except (ValueError, OSError, ZoneInfoNotFoundError):
        found = None
    expected = noon.replace(tzinfo=own).utcoffset()
    near = found is not None and expected is not None and abs(found - expected) <= NEAR_ZONE
    return timezone if near and timezone else own.key


def check_series(
    ticker: str,
    prices: pd.DataFrame,
    calendar: str,
    start: date,
    end: date,
    limits: NDArray[np.float64] | None = None,
    reference: pd.DataFrame | None = None,
    corrections: Corrections = (),
) -> list[Finding]:
    """Check closes, sessions, moves, stale runs and the day of a series, in this order.

    Dates are unique, sorted and within ``start..end``; a NaN close = the source has none that day.
    `limits` are price limits in force on each date, as a share of the close before; NaN = none.
    `reference` is the same series from another source.
    """
    close = prices["close"].to_numpy(dtype=np.float64)
    dates = pd.DatetimeIndex(prices["date"])
    impossible = _check_closes(ticker, dates, close)
    if impossible:
        return impossible
    known = np.isfinite(close)
    traded = known & ~suspended(prices)
    on_calendar = sessions(calendar, start, end, corrections)
    findings = _check_sessions(ticker, dates[known], on_calendar, calendar)
    findings += _check_moves(ticker, dates, close, on_calendar, limits)
    findings += _check_unit(ticker, dates[known], close[known])
    if (known & ~traded).any():
        found = dates[known & ~traded]
        findings.append(
            Finding(
                ticker,
                "suspended",
                False,
                f"no trade on {_listed(found)} (volume 0, close unchanged): taken as suspended",
            )
        )
    findings += _check_stale(ticker, dates[traded], close[traded])
    if reference is not None:
        findings += _check_shift(ticker, prices, reference, on_calendar)
    return findings


def log_returns(prices: pd.DataFrame, on: pd.DatetimeIndex) -> pd.Series[float]:
    """Log return of each session from the session before; NaN where either has no close.

    `on` are consecutive sessions of the series' calendar.
    """
    close = pd.Series(prices["close"].to_numpy(), index=pd.DatetimeIndex(prices["date"]))
    return pd.Series(np.log(close.reindex(on).to_numpy()), index=on).diff()


def _check_closes(
    ticker: str, dates: pd.DatetimeIndex, close: NDArray[np.float64]
) -> list[Finding]:
    missing = np.isnan(close)
    if missing.all():
        return [Finding(ticker, "closes", True, "no row has a close")]
    impossible = ~missing & ~(np.isfinite(close) & (close > 0))
    if not impossible.any():
        return []
    found = f"{close[impossible][0]:g} on {_listed(dates[impossible])}"
    return [Finding(ticker, "closes", True, f"close {found}; expected positive finite prices")]


def _check_sessions(
    ticker: str,
    dates: pd.DatetimeIndex,
    on_calendar: pd.DatetimeIndex,
    calendar: str,
) -> list[Finding]:
    findings = []
    extra = dates.difference(on_calendar)
    if len(extra):
        wrong = len(extra) > max(2, STRAY_SHARE * len(dates))
        consequence = "these are another calendar's days" if wrong else "left out"
        findings.append(
            Finding(
                ticker,
                "sessions",
                wrong,
                f"closes on {_listed(extra)}, not sessions of {calendar}: {consequence}",
            )
        )
    missing = on_calendar.difference(dates)
    before, after = missing[missing < dates[0]], missing[missing > dates[-1]]
    inside = missing[(missing > dates[0]) & (missing < dates[-1])]
    remarks = []
    if len(before):
        count = counted(len(before), "session")
        remarks.append(f"starts on {dates[0]:%Y-%m-%d}, {count} after {before[0]:%Y-%m-%d}")
    if len(after):
        count = counted(len(after), "session")
        remarks.append(f"ends on {dates[-1]:%Y-%m-%d}, {count} before {after[-1]:%Y-%m-%d}")
    if len(inside):
        remarks.append(f"no close on {_listed(inside)}, though {calendar} was open: left as gaps")
    return findings + [Finding(ticker, "sessions", False, remark) for remark in remarks]


def _check_moves(
    ticker: str,
    dates: pd.DatetimeIndex,
    close: NDArray[np.float64],
    on_calendar: pd.DatetimeIndex,
    limits: NDArray[np.float64] | None,
) -> list[Finding]:
    known = np.isfinite(close)
    dates, close = dates[known], close[known]
    limit = np.full(len(close), np.nan) if limits is None else limits[known]
    ratio, beyond, jump = find_moves(on_calendar.get_indexer(dates), close, limit)
    move = np.abs(ratio - 1)
    findings = []
    if beyond.any():
        first = int(np.argmax(beyond))
        findings.append(
            Finding(
                ticker,
                "limit",
                True,
                f"moves {move[first]:.1%} on {_listed(dates[1:][beyond])}, beyond the price limit "
                f"of {limit[1:][first]:.0%}",
            )
        )
    if jump.any():
        first = int(np.argmax(jump))
        findings.append(
            Finding(
                ticker,
                "jump",
                False,
                f"moves {move[first]:.1%} on {_listed(dates[1:][jump])}: look whether a split or "
                "merger explains it",
            )
        )
    return findings


def _check_unit(ticker: str, dates: pd.DatetimeIndex, close: NDArray[np.float64]) -> list[Finding]:
    """Refuse closes that leave their level and come back to it, or leave it by a unit."""
    level = np.log(close)
    move = np.diff(level)
    for place in np.flatnonzero(np.abs(move) > np.log(EXCURSION)).tolist():
        factor = np.exp(np.abs(move[place]))
        later = level[place + 2 : place + 2 + EXCURSION_SESSIONS]
        returns = np.flatnonzero(np.abs(later - level[place]) < np.log(1 + JUMP))
        last = dates[place + 1 + int(returns[0])] if len(returns) else None
        if last is None and not any(abs(np.log(factor / unit)) < np.log(1.25) for unit in UNITS):
            continue
        until = "" if last is None else f" to {last:%Y-%m-%d}"
        message = (
            f"close {close[place + 1]:g} after {close[place]:g} (factor {factor:.3g}) from "
            f"{dates[place + 1]:%Y-%m-%d}{until}: another unit or an error, not a price"
        )
        return [Finding(ticker, "unit", True, message)]
    return []


def _check_stale(ticker: str, dates: pd.DatetimeIndex, close: NDArray[np.float64]) -> list[Finding]:
    begins = np.flatnonzero(np.append(True, close[1:] != close[:-1]))
    length = np.diff(np.append(begins, len(close)))
    long_runs = length >= STALE_SESSIONS
    if not long_runs.any():
        return []
    runs = [
        f"{counted(count, 'session')} from {dates[begin]:%Y-%m-%d}"
        for begin, count in zip(begins[long_runs], length[long_runs], strict=True)
    ]
    return [Finding(ticker, "stale", False, f"close unchanged for {first_few(runs, MOST_SHOWN)}")]


def _check_shift(
    ticker: str, prices: pd.DataFrame, reference: pd.DataFrame, on_calendar: pd.DatetimeIndex
) -> list[Finding]:
    found = log_returns(prices, on_calendar)
    expected = log_returns(reference, on_calendar)
    distance = {}
    for shift in (-1, 0, 1):
        difference = (found.shift(-shift) - expected).abs().dropna()
        if len(difference) < SHIFT_MINIMUM:
            return []
        distance[shift] = float(difference.median())
    nearest = min(distance, key=distance.__getitem__)
    # A close call is noise between two venues; a shifted series fits far better elsewhere.
    if nearest == 0 or distance[nearest] > distance[0] / 2:
        return []
    unit = "day" if _is_daily(on_calendar) else "session"
    return [
        Finding(
            ticker,
            "shift",
            True,
            f"dates are one {unit} {'late' if nearest > 0 else 'early'} against the snapshot "
            f"(median difference of returns {distance[0]:.2%}, {distance[nearest]:.2%} if moved)",
        )
    ]


def _is_daily(on_calendar: pd.DatetimeIndex) -> bool:
    return bool((np.diff(on_calendar) == np.timedelta64(1, "D")).all())


def _days_of(values: pd.Series[float]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(values.index)


def _listed(days: pd.DatetimeIndex) -> str:
    return first_few([f"{day:%Y-%m-%d}" for day in days], MOST_SHOWN)
