"""Trading calendars: days and hours of every exchange, and what a study sets right in them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from exchange_calendars import calendar_utils
from exchange_calendars.pandas_extensions.offsets import (
    CompositeCustomBusinessDay,
    OrthodoxEaster,
)
from pandas.errors import Pandas4Warning
from pandas.tseries.holiday import AbstractHolidayCalendar

from chainpolicy.study.problems import Problem, did_you_mean
from chainpolicy.study.tabular import (
    IS_DATE,
    Schema,
    cell,
    read_table,
)

CALENDARS_FILE = "calendars.csv"

ALWAYS_OPEN = "24/7"
WEEKDAYS = "24/5"
# Shenzhen keeps the days and hours of Shanghai; exchange_calendars does not know its name.
_ALIASES = calendar_utils.global_calendar_dispatcher.aliases_to_names() | {"XSHE": "XSHG"}
_NAMES = calendar_utils.get_calendar_names(include_aliases=False)
CALENDARS = tuple(sorted([*_NAMES, *_ALIASES]))

# What a calendar is called before a reader; these come first, in this order.
PLACES: Mapping[str, str] = {
    "XSHG": "Shanghai",
    "XHKG": "Hong Kong",
    "XNYS": "New York",
    ALWAYS_OPEN: "UTC day",
    WEEKDAYS: "UTC weekday",
    "AIXK": "Astana",
    "ASEX": "Athens",
    "BVMF": "São Paulo",
    "CMES": "Chicago (CME)",
    "IEPA": "New York (ICE)",
    "XAMS": "Amsterdam",
    "XASX": "Sydney",
    "XBDA": "Bermuda",
    "XBEL": "Belgrade",
    "XBKK": "Bangkok",
    "XBOG": "Bogotá",
    "XBOM": "Mumbai",
    "XBRA": "Bratislava",
    "XBRU": "Brussels",
    "XBSE": "Bucharest",
    "XBUD": "Budapest",
    "XBUE": "Buenos Aires",
    "XCBF": "Chicago (Cboe)",
    "XCSE": "Copenhagen",
    "XCYS": "Nicosia",
    "XDUB": "Dublin",
    "XDUS": "Düsseldorf",
    "XEEE": "Leipzig",
    "XETR": "Frankfurt (Xetra)",
    "XEUR": "Frankfurt (Eurex)",
    "XFRA": "Frankfurt",
    "XHAM": "Hamburg",
    "XHEL": "Helsinki",
    "XICE": "Reykjavik",
    "XIDX": "Jakarta",
    "XIST": "Istanbul",
    "XJSE": "Johannesburg",
    "XKAR": "Karachi",
    "XKLS": "Kuala Lumpur",
    "XKRX": "Seoul",
    "XLIM": "Lima",
    "XLIS": "Lisbon",
    "XLIT": "Vilnius",
    "XLJU": "Ljubljana",
    "XLON": "London",
    "XLUX": "Luxembourg",
    "XMAD": "Madrid",
    "XMEX": "Mexico City",
    "XMIL": "Milan",
    "XMOS": "Moscow",
    "XNZE": "Wellington",
    "XOSL": "Oslo",
    "XPAR": "Paris",
    "XPHS": "Manila",
    "XPRA": "Prague",
    "XRIS": "Riga",
    "XSAU": "Riyadh",
    "XSES": "Singapore",
    "XSGO": "Santiago",
    "XSTO": "Stockholm",
    "XSTU": "Stuttgart",
    "XSWX": "Zurich",
    "XTAE": "Tel Aviv",
    "XTAI": "Taipei",
    "XTAL": "Tallinn",
    "XTKS": "Tokyo",
    "XTSE": "Toronto",
    "XWAR": "Warsaw",
    "XWBO": "Vienna",
    "XZAG": "Zagreb",
    "us_futures": "New York (futures)",
}

# Fixed, so that no result depends on the day it is computed.
_FIRST_DAY = pd.Timestamp("1990-01-01")
_LAST_DAY = pd.Timestamp("2035-12-31")

CLOSED, OPEN = "closed", "open"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"


def _is_session(offset: Any, days: Any) -> Any:
    """Filter days by the week in force on each of them."""
    found = offset._as_custom_business_day()._get_daily_offset_mask(days)
    for first, last, week in offset.business_days:
        inside = (days >= np.datetime64(first or pd.Timestamp.min)) & (
            days <= np.datetime64(last or pd.Timestamp.max)
        )
        found[inside] = week._get_daily_offset_mask(days[inside])
    return found


# pandas 3.1 calls an offset's step by another name, and filters ranges of days without stepping
# through them. exchange_calendars 4.13 knows neither: without this Athens, Nicosia, Belgrade and
# Bucharest cannot be built, and Tel Aviv, Seoul, Mumbai and Moscow have the weeks of other years.
OrthodoxEaster._add_datetime = OrthodoxEaster._apply
CompositeCustomBusinessDay._get_daily_offset_mask = _is_session


@dataclass(frozen=True)
class Correction:
    """What a study sets right about one day of a calendar.

    Parameters
    ----------
    calendar : str
        Its own name, not an alias.
    hours : str
        ``closed``; ``open``, a session of the calendar's regular hours; or the time of the close
        (HH:MM, local), a session that ends then.
    """

    calendar: str
    day: date
    hours: str


Corrections = tuple[Correction, ...]


@dataclass(frozen=True, eq=False)
class Exchange:
    """Sessions and hours of one calendar.

    Attributes
    ----------
    sessions : pandas.DatetimeIndex
        Midnights without a time zone, ``datetime64[ns]``, named ``session``.
    hours : pandas.DataFrame
        By session: ``open, break_start, break_end, close`` (UTC; NaT where there is no break).
    """

    tz: ZoneInfo
    sessions: pd.DatetimeIndex
    hours: pd.DataFrame


def canonical(calendar: str) -> str:
    """Name the calendar whose sessions an alias stands for, as XNYS for XNAS.

    Any other text is returned as it is.
    """
    return str(_ALIASES.get(calendar, calendar))


def expected_calendar(calendar: str) -> str:
    """Say what is expected in place of an unknown calendar, with the nearest known one."""
    cities = {place: name for name, place in PLACES.items()}
    hint = did_you_mean(calendar, [*CALENDARS, *cities], cities)
    return (
        "a calendar that exchange_calendars knows, such as XNYS, XLON, XTKS, CMES, "
        f"{WEEKDAYS} or {ALWAYS_OPEN}{hint}"
    )


def exchange(calendar: str, corrections: Corrections = ()) -> Exchange:
    """Look up the sessions and hours of a calendar, 1990 to 2035 as far as its holidays are known.

    Corrections of other calendars change nothing.
    """
    name = canonical(calendar)
    return _corrected(name, tuple(found for found in corrections if found.calendar == name))


@cache
def _corrected(calendar: str, corrections: Corrections) -> Exchange:
    hours = _library(calendar).schedule
    rows = {pd.Timestamp(found.day): _hours(calendar, found) for found in corrections}
    if rows:
        sessions = {day: row for day, row in rows.items() if row is not None}
        opened = pd.DataFrame(
            {
                name: pd.Series([row[name] for row in sessions.values()], list(sessions), kind)
                for name, kind in hours.dtypes.items()
            }
        )
        kept = hours.drop(index=[day for day in rows if day in hours.index])
        hours = pd.concat([kept, opened]).sort_index() if len(opened) else kept
    days = hours.index.to_numpy(dtype="datetime64[ns]")
    tz = _library(calendar).tz
    return Exchange(tz, pd.DatetimeIndex(days, name="session"), hours)


@cache
def _library(calendar: str) -> Any:
    factory = calendar_utils._default_calendar_factories[calendar]
    first = max(_FIRST_DAY, factory.bound_min() or _FIRST_DAY)
    last = min(_LAST_DAY, factory.bound_max() or _LAST_DAY)
    # The library asks for the holidays three times, and they are worked out each time.
    holidays = cached_property(factory.regular_holidays.fget)
    once = type(factory.__name__, (factory,), {"regular_holidays": holidays})
    with warnings.catch_warnings(), _holidays_of(first, last):
        # exchange_calendars 4.13 still reads Series.values the way pandas 3.1 deprecates.
        warnings.simplefilter("ignore", Pandas4Warning)
        return once(start=first, end=last)


@contextmanager
def _holidays_of(first: pd.Timestamp, last: pd.Timestamp) -> Iterator[None]:
    """Let pandas work out the holidays of these days alone, not those of 1970 to 2200."""
    usual = AbstractHolidayCalendar.start_date, AbstractHolidayCalendar.end_date
    AbstractHolidayCalendar.start_date, AbstractHolidayCalendar.end_date = first, last
    try:
        yield
    finally:
        AbstractHolidayCalendar.start_date, AbstractHolidayCalendar.end_date = usual


def _hours(calendar: str, correction: Correction) -> dict[str, pd.Timestamp] | None:
    """Hours of a corrected day; None if it is no session."""
    if correction.hours == CLOSED:
        return None
    library = _library(calendar)
    day = pd.Timestamp(correction.day)

    def instant(times: Any, offset: int = 0) -> Any:
        in_force = [at for start, at in times or () if start is None or start <= day]
        return (
            _instant(day, in_force[-1], library.tz, offset) if in_force and in_force[-1] else None
        )

    regular = {
        "open": instant(library.open_times, library.open_offset),
        "break_start": instant(library.break_start_times),
        "break_end": instant(library.break_end_times),
        "close": instant(library.close_times, library.close_offset),
    }
    if correction.hours == OPEN:
        return regular
    known = day in library.schedule.index
    hours = library.schedule.loc[day].to_dict() if known else regular
    close = _instant(day, time.fromisoformat(correction.hours), library.tz)
    if not pd.isna(hours["break_start"]) and close <= hours["break_end"]:
        hours |= {"break_start": None, "break_end": None}
    return hours | {"close": close}


def _instant(day: pd.Timestamp, at: time, tz: ZoneInfo, offset: int = 0) -> pd.Timestamp:
    local = pd.Timestamp.combine(day.date(), at) + pd.Timedelta(days=offset)
    return local.tz_localize(tz).tz_convert("UTC")


SCHEMA: Schema = {
    "calendar": cell(required=True, blank=False),
    "date": cell(IS_DATE, required=True, blank=False),
    "hours": cell(
        (
            lambda text: text.isin([CLOSED, OPEN]) | text.str.fullmatch(_TIME),
            f"{CLOSED}, {OPEN} (a session of the regular hours), or the local time of the "
            "close, such as 12:00",
        ),
        required=True,
        blank=False,
    ),
}


def read_corrections(path: Path, problems: list[Problem]) -> Corrections:
    """Read what a study sets right in its calendars; a study without the file corrects nothing.

    The columns are ``calendar, date, hours``, see `Correction`; others are for readers. What the
    library says already is no mistake: it may have learnt it since.
    """
    if not path.exists():
        return ()
    before = len(problems)
    table = read_table(path, SCHEMA, (), problems)
    refused = {problem.line for problem in problems[before:]}
    corrections: dict[tuple[str, date], tuple[int, Correction]] = {}
    for line, row in zip(table.index.tolist(), table.to_dict("records"), strict=True):
        if line in refused or 1 in refused:
            continue
        correction = Correction(
            canonical(row["calendar"]), date.fromisoformat(row["date"]), row["hours"]
        )
        column, expected = _expected(row["calendar"], correction)
        held = corrections.get((correction.calendar, correction.day))
        if not expected and held is not None:
            column, expected = "date", f"each day of a calendar once; line {held[0]} has this one"
        if expected:
            problems.append(Problem(path.name, expected, line, column, row[column]))
        else:
            corrections[correction.calendar, correction.day] = (line, correction)
    return tuple(correction for _, correction in corrections.values())


def without_effect(correction: Correction, first: pd.Timestamp, last: pd.Timestamp) -> str | None:
    """Say why a correction changes nothing of data from `first` to `last`; None if it does."""
    day = pd.Timestamp(correction.day)
    if not first <= day <= last:
        return f"the data are those of {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    schedule = _library(correction.calendar).schedule
    hours = _hours(correction.calendar, correction)
    if hours is None:
        return None if day in schedule.index else "this day is no session anyway"
    if day not in schedule.index:
        return None
    regular = schedule.loc[day].to_dict()
    same = all(
        pd.isna(regular[name]) if pd.isna(at) else regular[name] == at for name, at in hours.items()
    )
    return "the calendar has this session and these hours already" if same else None


def _expected(calendar: str, correction: Correction) -> tuple[str, str | None]:
    """Column and expectation of what cannot be used of a correction."""
    if calendar not in CALENDARS:
        return "calendar", expected_calendar(calendar)
    if correction.calendar == ALWAYS_OPEN:
        return "calendar", f"a calendar with closed days; every day is a session of {ALWAYS_OPEN}"
    known = exchange(calendar).sessions
    first, last = known[0].date(), known[-1].date()
    if not first < correction.day < last:
        return "date", f"a day between {first} and {last}, for which the holidays are known"
    hours = _hours(correction.calendar, correction)
    if hours is not None and hours["close"] <= hours["open"]:
        opening = hours["open"].tz_convert(exchange(calendar).tz)
        return "hours", f"a close after the open, which is at {opening:%H:%M} that day"
    return "hours", None
