"""Asset list of a study: schema, benchmarks, groups, dated price limits."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from chainpolicy.study.calendars import ALWAYS_OPEN, CALENDARS, canonical, expected_calendar
from chainpolicy.study.problems import Problem, did_you_mean
from chainpolicy.study.tabular import (
    Schema,
    cell,
    is_label,
    parse_date,
    parse_number,
    read_table,
    split_list,
)

BENCHMARK = "benchmark"

# Columns of returns and terms of coefficients stand beside columns named after tickers.
RESERVED = ("ticker", "session", "return", "n_sessions", "at_limit", "alpha")

PriceLimits = tuple[tuple[date | None, float], ...]


def read_assets(
    path: Path, problems: list[Problem], factors: Collection[str] | None = ()
) -> pd.DataFrame:
    """Read an asset list.

    Refused are, among others, a benchmark without its own row, an asset that is its own benchmark,
    a benchmark on another calendar (a 24/7 asset may have benchmarks of one exchange: it is put on
    their sessions), a group whose assets have different calendars or are measured on different
    ones, a list of nothing but benchmarks.

    Parameters
    ----------
    path : pathlib.Path
        CSV file with the columns ``ticker, calendar`` and any of those listed below.
    factors : collection of str or None
        What may be a benchmark without a row of its own, see `factors.Factors`; None: not known,
        and any name may be one.

    Returns
    -------
    pandas.DataFrame
        In the order of the file, index ``line``; rows may still hold what was refused: ``ticker``;
        ``calendar`` (one of `calendars.CALENDARS`, an alias under the name of its sessions: XNYS
        for XNAS); ``name`` and ``group`` (default: the ticker); ``benchmark``, a tuple of tickers
        and factors, empty if there is none; ``price_limit`` as given (see `parse_price_limit`);
        ``selection`` and ``evidence`` as text; unknown columns untouched.
    """
    before = len(problems)
    assets = read_table(path, SCHEMA, ["ticker"], problems)
    assets = assets.assign(
        name=assets["name"].where(assets["name"] != "", assets["ticker"]),
        group=assets["group"].where(assets["group"] != "", assets["ticker"]),
        benchmark=assets["benchmark"].astype("object").map(split_list),
        calendar=assets["calendar"].map(canonical).astype("str"),
    )
    refused = {(problem.line, problem.column) for problem in problems[before:]}
    if not refused & {(1, "ticker"), (1, "calendar")}:
        problems += _check_rows(assets, path.name, factors)
    if len(problems) == before and (assets["group"] == BENCHMARK).all():
        expected = f'at least one asset outside the group "{BENCHMARK}", which is never estimated'
        problems.append(Problem(path.name, expected))
    return assets


def parse_price_limit(text: str) -> PriceLimits:
    """Read a daily price limit that may change on given dates.

    ``0.10;2019-05-06:0.05`` is 10 % of the last close until 2019-05-05 and 5 % from 2019-05-06 on:
    days and limits, in the order of the days, None for "from the start"; empty for a blank text.
    Raises ValueError if a limit is no number between 0 and 1, or the days do not ascend.
    """
    schedule: list[tuple[date | None, float]] = []
    for position, part in enumerate(text.split(";") if text.strip() else []):
        day, colon, size = part.rpartition(":")
        limit = parse_number(size.strip())
        start = parse_date(day.strip()) if colon else None
        if start is None and (colon or position > 0):
            raise ValueError(f'"{part.strip()}" does not start with a date and a colon')
        if not 0 < limit < 1:
            raise ValueError(f'"{size.strip()}" is not a number between 0 and 1')
        if start and schedule and (schedule[-1][0] or date.min) >= start:
            raise ValueError(f"{start} does not come after the date before it")
        schedule.append((start, limit))
    return tuple(schedule)


def price_limit_on(schedule: PriceLimits, dates: pd.DatetimeIndex) -> np.ndarray:
    """Price limit in force on each of some days, in any order; NaN where there is none.

    Raises ValueError if the dates have a time zone.
    """
    if dates.tz is not None:
        raise ValueError(f"the dates have the time zone {dates.tz}; give days without one")
    limits = np.full(len(dates), np.nan)
    for start, limit in schedule:
        limits[dates >= pd.Timestamp(start or pd.Timestamp.min)] = limit
    return limits


def _is_ticker(text: pd.Series) -> pd.Series:
    return is_label(text) & ~text.isin(RESERVED)


def _is_price_limit(text: str) -> bool:
    try:
        parse_price_limit(text)
    except ValueError:
        return False
    return True


def _check_rows(assets: pd.DataFrame, name: str, factors: Collection[str] | None) -> list[Problem]:
    """Check benchmarks and groups; calendars that were refused already say nothing more."""
    problems = []
    own = dict(zip(assets["ticker"], assets["calendar"], strict=True))
    first_of: dict[str, tuple[str, str, int]] = {}
    for line, asset in zip(assets.index, assets.to_dict("records"), strict=True):
        ticker, calendar, benchmarks = asset["ticker"], asset["calendar"], asset["benchmark"]
        if calendar and calendar not in CALENDARS:
            problems.append(Problem(name, expected_calendar(calendar), line, "calendar", calendar))
        if factors and ticker in factors:
            taken = "another ticker, because a factor has this name"
            problems.append(Problem(name, taken, line, "ticker", ticker))
        expected = _expected_benchmarks(ticker, calendar, benchmarks, own, factors)
        if expected:
            problems.append(Problem(name, expected, line, "benchmark", ";".join(benchmarks)))
            continue
        calendars = [own.get(other, ALWAYS_OPEN) for other in benchmarks]
        exchanges = [other for other in calendars if other != ALWAYS_OPEN]
        effective = exchanges[0] if exchanges else calendar
        if asset["group"] == BENCHMARK or not {calendar, effective} <= set(CALENDARS):
            continue
        # On one exchange a coin reacts by UTC days, a share by closes: other event sessions.
        *other, first = first_of.setdefault(asset["group"], (calendar, effective, line))
        if [calendar, effective] != other:
            expected = (
                f"an asset on {_measured(*other)}, as the first of group "
                f'"{asset["group"]}" in line {first} is, not on {_measured(calendar, effective)}; '
                "put it in a group of its own"
            )
            problems.append(Problem(name, expected, line, "group", asset["group"]))
    return problems


def _measured(calendar: str, effective: str) -> str:
    return calendar if calendar == effective else f"{calendar} at the sessions of {effective}"


def _expected_benchmarks(
    ticker: str,
    calendar: str,
    benchmarks: tuple[str, ...],
    own: dict[str, str],
    factors: Collection[str] | None,
) -> str | None:
    """Say what is expected where benchmarks cannot be used, None where they can."""
    if len(set(benchmarks)) < len(benchmarks):
        return "each benchmark once"
    if ticker in benchmarks:
        return "another ticker: an asset cannot be its own benchmark"
    foreign = [other for other in benchmarks if other not in own]
    for unknown in [other for other in foreign if factors is not None and other not in factors]:
        hint = did_you_mean(unknown, [*own, *(factors or ())])
        if factors:
            named = ", ".join(factors)
            return (
                f'tickers with a row of their own and factors ({named}), joined by ";"; '
                f'"{unknown}" is neither{hint}'
            )
        hint = hint or "; if it is a factor, name its file under [factors] in study.toml"
        return f'tickers joined by ";", each with a row of its own; "{unknown}" has none{hint}'
    calendars = {own[other] for other in benchmarks if other in own} & set(CALENDARS)
    if calendar == ALWAYS_OPEN:
        exchanges = sorted(calendars - {ALWAYS_OPEN})
        if len(exchanges) > 1:
            return f"benchmarks of one exchange calendar, not of {' and '.join(exchanges)}"
    elif calendar in CALENDARS and calendars - {calendar}:
        others = " and ".join(sorted(calendars - {calendar}))
        return f"benchmarks on {ticker}'s own calendar {calendar}, not on {others}"
    return None


SCHEMA: Schema = {
    "ticker": cell(
        (_is_ticker, f'a ticker without ";", and none of the words {", ".join(RESERVED)}'),
        required=True,
        blank=False,
    ),
    "calendar": cell(required=True, blank=False),
    "name": cell(),
    "group": cell(
        (lambda text: text.map(str.isprintable).astype(bool), "a label in one line"),
        (
            lambda text: (text == BENCHMARK) | (text.str.casefold() != BENCHMARK),
            f'"{BENCHMARK}" in small letters, which is never estimated; or another label',
        ),
    ),
    "benchmark": cell(),
    "price_limit": cell(
        (
            lambda text: text.map(_is_price_limit).astype(bool),
            "a fraction between 0 and 1 such as 0.10, which dates may change: 0.10;2019-05-06:0.05",
        )
    ),
    "selection": cell(),
    "evidence": cell(),
}
