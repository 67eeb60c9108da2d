"""``announced_at`` -> the moment or the day on which the public first knew.

The only place that reads it. A text is read once, whoever asks.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cache

import pandas as pd

from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.tabular import parse_date

TIME = r"(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
_OFFSET = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"


@cache
def moment(announced_at: str) -> date | datetime:
    """Read a time in ISO 8601 with its UTC offset, or a bare date where the hour is unknown.

    Raises `InputError` if it is neither.
    """
    found: date | datetime | None
    try:
        if len(announced_at) == len("YYYY-MM-DD"):
            return date.fromisoformat(announced_at)
        found = datetime.fromisoformat(announced_at)
    except ValueError:
        found = None
    # The years at the very ends of the Gregorian range cannot be moved between time zones.
    if found is None or found.tzinfo is None or not date.min.year < found.year < date.max.year:
        raise InputError(
            [
                Problem(
                    "events.csv",
                    "ISO 8601 with UTC offset, such as 2019-10-25T18:15+08:00, or a bare date",
                    column="announced_at",
                    value=announced_at,
                )
            ]
        )
    return found


def is_day(text: str) -> bool:
    """Whether a text is a bare date."""
    return parse_date(text) is not None


def is_time(text: str) -> bool:
    """Whether a text is a time in ISO 8601 with its UTC offset."""
    if re.fullmatch(TIME + _OFFSET, text) is None:
        return False
    try:
        moment(text)
    except InputError:
        return False
    return True


def local_time(announced_at: str) -> pd.Timestamp:
    """Local time of an announcement, without its time zone; of a bare date its midnight."""
    return pd.Timestamp(moment(announced_at)).tz_localize(None)


def local_day(announced_at: str) -> pd.Timestamp:
    """Midnight of the day of an announcement, by its own clock.

    Examples
    --------
    >>> local_day("2019-10-25T18:15+08:00")
    Timestamp('2019-10-25 00:00:00')
    """
    return local_time(announced_at).normalize()


def hour_label(announced_at: str, time_precision: str) -> str:
    """Write the hour after the day of an announcement, as precisely as it is known and no more."""
    hour = f"{local_time(announced_at):%H:%M}"
    known = {
        "exact": f", {hour}",
        "ceiling": f", by {hour}",
        "evening": ", evening",
    }
    return known.get(time_precision, "")
