"""Times of day in running text, and their offsets from UTC."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

# By the name in the text: a zone of the time-zone database, and the offset in hours if the name
# fixes it (EDT does, ET does not).
_ZONES: dict[str, tuple[str, float | None]] = {
    "utc": ("UTC", 0),
    "gmt": ("UTC", 0),
    "est": ("America/New_York", -5),
    "edt": ("America/New_York", -4),
    "et": ("America/New_York", None),
    "eastern time": ("America/New_York", None),
    "new york time": ("America/New_York", None),
    "cdt": ("America/Chicago", -5),
    "ct": ("America/Chicago", None),
    "central time": ("America/Chicago", None),
    "mdt": ("America/Denver", -6),
    "pst": ("America/Los_Angeles", -8),
    "pdt": ("America/Los_Angeles", -7),
    "pt": ("America/Los_Angeles", None),
    "pacific time": ("America/Los_Angeles", None),
    "bst": ("Europe/London", 1),
    "london time": ("Europe/London", None),
    "cet": ("Europe/Paris", 1),
    "cest": ("Europe/Paris", 2),
    "msk": ("Europe/Moscow", 3),
    "moscow time": ("Europe/Moscow", None),
    "hkt": ("Asia/Hong_Kong", 8),
    "hong kong time": ("Asia/Hong_Kong", None),
    "sgt": ("Asia/Singapore", 8),
    "singapore time": ("Asia/Singapore", None),
    "jst": ("Asia/Tokyo", 9),
    "tokyo time": ("Asia/Tokyo", None),
    "kst": ("Asia/Seoul", 9),
    "seoul time": ("Asia/Seoul", None),
    "beijing time": ("Asia/Shanghai", None),
    "shanghai time": ("Asia/Shanghai", None),
    "china time": ("Asia/Shanghai", None),
    "china standard time": ("Asia/Shanghai", None),
    "aest": ("Australia/Sydney", 10),
    "aedt": ("Australia/Sydney", 11),
}
_AMBIGUOUS = {
    "cst": "CST may be the time of China or of Chicago",
    "ist": "IST may be the time of India, of Israel or of Ireland",
    "mst": "MST may be the time of Denver, of Phoenix or of Malaysia",
    "ast": "AST may be the time of Halifax or of Arabia",
}


def _names(names: Iterable[str]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))


# Abbreviations are written in capitals: "it" and "et" are words.
_SHORT = _names(name.upper() for name in (*_ZONES, *_AMBIGUOUS) if " " not in name)
_LONG = _names(name for name in _ZONES if " " in name)
ZONE = rf"(?:(?-i:{_SHORT})|{_LONG}|local time)\b"
_OFFSET = r"(?:(?:UTC|GMT) ?)?[+-](?:0\d|1[0-4]|\d)(?::?[03]0)?\b|Z\b"
_WITH_ZONE = rf"(?:(?: ?,? ?\(?(?P<zone>{_OFFSET}|{ZONE}))\)?)"
_HOURS = r"(?P<h>[01]?\d|2[0-3])"
_MINUTES = r"(?::(?P<min>[0-5]\d)(?::[0-5]\d(?:\.\d+)?)?)"
_TIMES = [
    re.compile(text, re.IGNORECASE)
    for text in (
        rf"(?<![\w.,:$€£¥-])(?P<h>1[0-2]|0?[1-9])(?:{_MINUTES}|\.(?P<dot>[0-5]\d))? ?"
        rf"(?P<half>[ap])\.?m\b\.?{_WITH_ZONE}?",
        rf"(?<![\w.,:/$€£¥-]){_HOURS}{_MINUTES}(?: hours| hrs)?{_WITH_ZONE}(?!\w)",
        r"(?:\b(?:at|by|around|about|until|till|before|after|from|to) "
        r"|(?<=\d )|(?<=\d, )|(?<=\dT))"
        rf"(?P<at>{_HOURS}{_MINUTES}{_WITH_ZONE}?)(?![\w:%]|\.\d)",
        rf"(?<![\w.,:/$€£¥-])(?P<h>[01]\d|2[0-3])(?P<min>[0-5]\d)(?: hours| hrs)?"
        rf" ?\(?(?P<zone>{ZONE})\)?",
        rf"\b(?P<word>noon|midnight)\b{_WITH_ZONE}?",
    )
]


@dataclass(frozen=True)
class Time:
    """A time of day as written: where it stands, the clock's time, and the zone's name or ""."""

    first: int
    last: int
    text: str
    clock: dt.time | None
    zone: str


def find_times(text: str) -> list[Time]:
    """Return the times of day in a text, in order, without overlaps."""
    found = [_taken_apart(match) for pattern in _TIMES for match in pattern.finditer(text)]
    times: list[Time] = []
    for time in sorted(found, key=lambda time: (time.first, -time.last)):
        if not times or time.first >= times[-1].last:
            times.append(time)
    return times


def _taken_apart(match: re.Match[str]) -> Time:
    groups = {name: value or "" for name, value in match.groupdict().items()}
    first = match.start("at") if groups.get("at") else match.start()
    clock = None
    if groups.get("word", "").lower() == "noon":
        clock = dt.time(12)
    elif groups.get("h"):
        hour, half = int(groups["h"]), groups.get("half", "").lower()
        if half:
            hour = hour % 12 + 12 * (half == "p")
        clock = dt.time(hour, int(groups.get("min") or groups.get("dot") or 0))
    text = match.string[first : match.end()]
    return Time(first, match.end(), text, clock, groups["zone"])


def time_of_day(time: Time, day: dt.date | None) -> tuple[str, str]:
    """Return a time as ISO 8601, and why it lacks what it lacks, "" if the text names no zone.

    ``12:08-04:00``, or ``12:08`` if the offset is not known: New York's depends on the day.
    """
    if time.clock is None:
        return "", "midnight may be the first or the last moment of the day"
    clock = f"{time.clock:%H:%M}"
    name = time.zone.lower()
    if name in _AMBIGUOUS:
        return clock, _AMBIGUOUS[name]
    if not name or name == "local time":
        return clock, ""
    if name not in _ZONES:
        return clock + _numeric_offset(name), ""
    key, hours = _ZONES[name]
    if day is None:
        if hours is None:
            return clock, f"the offset of {time.zone} depends on the day"
        return clock + _written(dt.timedelta(hours=hours)), ""
    offset = dt.datetime.combine(day, time.clock, ZoneInfo(key)).utcoffset() or dt.timedelta()
    if hours is not None and offset != dt.timedelta(hours=hours):
        return clock, f"{key} did not keep {time.zone} on {day.isoformat()}"
    return clock + _written(offset), ""


def _numeric_offset(name: str) -> str:
    found = re.search(r"([+-])(\d{1,2})(?::?(\d\d))?$", name)
    if found is None:  # Z
        return "+00:00"
    return f"{found[1]}{int(found[2]):02d}:{found[3] or '00'}"


def _written(offset: dt.timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
