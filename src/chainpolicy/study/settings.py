"""study.toml -> settings by dotted key, with the line of each; an unknown key is an error."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from chainpolicy.eventstudy import MODELS, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.study.calendars import CALENDARS
from chainpolicy.study.problems import Problem, did_you_mean, irregular

SETTINGS_FILE = "study.toml"

MOST_BYTES = 1_000_000

# Sessions that a window may reach away from its event: forty years, and no machine's memory.
FARTHEST = 10_000

Settings = dict[str, Any]


@dataclass(frozen=True)
class _Key:
    """One key of study.toml: how it is read, what is expected, what it is without an entry."""

    read: Callable[[object], object]
    expected: str
    default: object = None
    required: bool = False


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() and value.isprintable() else None


def _date(value: object) -> date | None:
    return value if type(value) is date else None


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: object) -> int | None:
    return value if type(value) is int and 1 <= value <= FARTHEST else None


def _days(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= FARTHEST else None


def _choice(*words: str) -> Callable[[object], str | None]:
    return lambda value: value if isinstance(value, str) and value in words else None


def _window(value: object) -> Window | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    if not all(type(end) is int and abs(end) <= FARTHEST for end in value):
        return None
    first, last = value
    return (first, last) if first <= last else None


def _windows(value: object) -> tuple[Window, ...] | None:
    windows = [_window(item) for item in value] if isinstance(value, list) else []
    valid = tuple(window for window in windows if window is not None)
    return valid if valid and len(set(valid)) == len(windows) else None


def _texts(value: object) -> dict[str, str] | None:
    if isinstance(value, dict) and all(_text(file) for file in value.values()):
        return value
    return None


def _names(value: object) -> tuple[str, ...] | None:
    names = tuple(value) if isinstance(value, list) else ()
    return names if names and all(_text(name) for name in names) else None


_A_WINDOW = f"first and last session, in this order, at most {FARTHEST:,} away, such as"
_A_DATE = "a date without a time and without quotation marks, such as 2019-09-16"

KEYS: dict[str, _Key] = {
    "study.name": _Key(_text, 'a short name, such as "my-study"', required=True),
    "study.title": _Key(_text, "a line of text", default=""),
    "groups": _Key(_texts, 'lines such as miners = "Listed miners" under [groups]', default={}),
    "prices.file": _Key(
        _text, 'a file such as "prices.csv", or a folder of <ticker>.csv files', required=True
    ),
    "prices.start": _Key(_date, _A_DATE),
    "prices.end": _Key(_date, _A_DATE),
    "prices.hourly": _Key(
        _texts, 'lines such as "BTC-USD" = "btc_hourly.csv" under [prices.hourly]', default={}
    ),
    "factors.file": _Key(_text, 'a file such as "factors.csv"'),
    "factors.units": _Key(_choice("percent", "decimal"), "percent or decimal"),
    "factors.risk_free": _Key(_text, 'the column of the risk-free return, such as "RF"'),
    "factors.kind": _Key(_choice("simple", "log"), "simple or log", default="simple"),
    "returns.kind": _Key(_choice("log", "simple"), "log or simple", default="log"),
    "returns.gaps": _Key(_choice("drop", "span"), "drop or span", default="drop"),
    "estimation.model": _Key(_choice(*MODELS), "one of " + ", ".join(MODELS), default="market"),
    "estimation.window": _Key(_window, f"{_A_WINDOW} [-130, -11]", required=True),
    "estimation.anchor": _Key(_choice("event", "first"), "event or first", default="event"),
    "estimation.end": _Key(_date, _A_DATE),
    "estimation.mask": _Key(_switch, "true or false", default=True),
    "estimation.minimum": _Key(
        _count, f"a whole number from 1 to {FARTHEST:,}, without a decimal point", default=60
    ),
    "event.window": _Key(_window, f"{_A_WINDOW} [-10, 20]", required=True),
    "event.car_windows": _Key(
        _windows,
        "one or more different windows, each first and last session in this order, "
        "such as [[0, 0], [0, 1]]",
        required=True,
    ),
    "event.pool_by": _Key(_text, 'a column of events.csv, such as "surprise"'),
    "cross_section.regressors": _Key(
        _names,
        'one or more products of columns, such as ["log_size * beta"]',
        default=(),
    ),
    "donors.calendar": _Key(
        _choice(*CALENDARS), "24/7, 24/5 or a calendar of exchange_calendars, such as XSHG or XNYS"
    ),
    "donors.market": _Key(_text, 'a portfolio of donors.csv, such as "MARKET_EW"'),
    "sentiment.half_life": _Key(
        _days, f"a positive number of calendar days, at most {FARTHEST:,}", default=5.0
    ),
}
_SECTIONS = {path.partition(".")[0] for path in KEYS}


def read_settings(path: Path, problems: list[Problem]) -> tuple[Settings, dict[str, int]]:
    """Read study.toml: the value and the line of each dotted key, such as ``estimation.window``.

    A key without an entry holds its default, None where there is none; a key with a problem, or a
    required one that is missing, is left out.
    """
    settings: Settings = {path: key.default for path, key in KEYS.items() if not key.required}
    before = len(problems)
    text = _read_text(path, problems)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = re.search(r"line (\d+), column (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        expected = f"valid TOML; the reader says: {error}"
        problems.append(Problem(SETTINGS_FILE, expected, line))
        return settings, {}
    if len(problems) > before:
        return settings, {}
    lines = _key_lines(text)
    values = _flatten(document, lines, problems)
    for name, key in KEYS.items():
        if name in values:
            value = key.read(values[name])
            if value is None:
                settings.pop(name, None)
                found_value = _as_written(values[name])
                problems.append(
                    Problem(SETTINGS_FILE, key.expected, lines.get(name), name, found_value)
                )
            else:
                settings[name] = value
        elif key.required:
            problems.append(Problem(SETTINGS_FILE, f"this key, with {key.expected}", column=name))
    settings.setdefault("prices.hourly", {})
    settings.setdefault("groups", {})
    problems += _check_settings(settings, values, lines)
    return settings, lines


def _read_text(path: Path, problems: list[Problem]) -> str:
    """Text of a UTF-8 file; nothing, and a problem, if it is not one."""
    if expected := irregular(path):
        problems.append(Problem(path.name, expected))
        return ""
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            expected = f"the settings of one study; this is larger than {MOST_BYTES:,} bytes"
            problems.append(Problem(path.name, expected))
            return ""
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problems.append(Problem(path.name, f"a file that can be read; the system says: {reason}"))
        return ""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        problems.append(
            Problem(
                path.name,
                "UTF-8 text, which this is not; save the file as UTF-8",
                line,
                f"byte {column}",
                f"\\x{content[error.start]:02x}",
            )
        )
        return ""


def _key_lines(text: str) -> dict[str, int]:
    """Line of each dotted key, as far as keys start their line (tomllib does not say)."""
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([^\[\]]+?)\s*\]", line)
        entry = re.match(r"""\s*((?:"[^"]*"|'[^']*'|[\w.\s-])+?)\s*=""", line)
        if header:
            section = re.sub(r"[\"'\s]", "", header[1])
            lines.setdefault(section, number)
        elif entry:
            key = re.sub(r"[\"'\s]", "", entry[1])
            lines.setdefault(f"{section}.{key}" if section else key, number)
    return lines


def _flatten(
    document: dict[str, Any], lines: dict[str, int], problems: list[Problem]
) -> dict[str, object]:
    """Dotted keys of the known sections; what is not known becomes a problem."""
    values: dict[str, object] = {}
    for section, content in document.items():
        entries = {section: content}
        if section in _SECTIONS:
            if not isinstance(content, dict):
                expected = f"a section [{section}] with keys below it"
                problems.append(Problem(SETTINGS_FILE, expected, lines.get(section), section))
                continue
            if section not in KEYS:
                entries = {f"{section}.{key}": value for key, value in content.items()}
        for name, value in entries.items():
            if name in KEYS:
                values[name] = value
                continue
            expected = "only known keys" + (_nearest_key(name) or f"; known are {', '.join(KEYS)}")
            problems.append(Problem(SETTINGS_FILE, expected, lines.get(name), name))
    return values


def _nearest_key(name: str) -> str:
    """Propose a key in the same section before one elsewhere; see `did_you_mean`."""
    section, _, key = name.rpartition(".")
    if not section:
        return did_you_mean(name, _SECTIONS)
    elsewhere = {path.rpartition(".")[2]: path for path in KEYS}
    here = {path.rpartition(".")[2]: path for path in KEYS if path.startswith(f"{section}.")}
    return did_you_mean(key, here, here) or did_you_mean(key, elsewhere, elsewhere)


def _as_written(value: object) -> str:
    if not isinstance(value, bool | list | dict):
        return str(value)
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "too many levels to show"


def _check_settings(
    settings: Settings, values: dict[str, object], lines: dict[str, int]
) -> list[Problem]:
    """Check keys against each other, where all of them are readable."""
    problems = _check_factor_keys(settings, values, lines)
    for name, expected in _unfitting(settings):
        value = _as_written(values.get(name, settings[name]))
        problems.append(Problem(SETTINGS_FILE, expected, lines.get(name), name, value))
    return problems


def _check_factor_keys(
    settings: Settings, values: dict[str, object], lines: dict[str, int]
) -> list[Problem]:
    """Refuse a file of factors without their unit, and keys about a file that does not exist."""
    problems: list[Problem] = []
    if "factors.file" in values and "factors.units" not in values:
        expected = "this key with the unit of the factors, percent or decimal"
        problems.append(
            Problem(SETTINGS_FILE, expected, lines.get("factors.file"), "factors.units")
        )
    for name in ("factors.units", "factors.risk_free", "factors.kind"):
        if name in values and name in settings and "factors.file" not in values:
            expected = "the key factors.file beside this one, with the file that it is about"
            value = _as_written(values[name])
            problems.append(Problem(SETTINGS_FILE, expected, lines.get(name), name, value))
    return problems


def _unfitting(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the keys whose days or windows do not fit the others, and what would."""
    start, end = settings.get("prices.start"), settings.get("prices.end")
    until = settings.get("estimation.end")
    if start and end and start > end:
        yield "prices.end", f"a day that is not before prices.start, {start}"

    window, event_window = settings.get("estimation.window"), settings.get("event.window")
    relative = "estimation.end" in settings and until is None
    if relative and window and event_window and window[1] >= event_window[0]:
        yield (
            "estimation.window",
            f"a window that ends before session {event_window[0]}, where the event window "
            f"{window_label(event_window)} begins",
        )
    if event_window:
        outside = [
            window_label(inner)
            for inner in settings.get("event.car_windows", ())
            if inner[0] < event_window[0] or inner[1] > event_window[1]
        ]
        if outside:
            yield (
                "event.car_windows",
                f"windows inside the event window {window_label(event_window)}, which "
                f"{', '.join(outside)} {'is' if len(outside) == 1 else 'are'} not",
            )
    minimum = settings.get("estimation.minimum")
    if window and minimum and minimum > window[1] - window[0] + 1:
        yield (
            "estimation.minimum",
            f"at most {window[1] - window[0] + 1}, the length of the estimation window "
            f"{window_label(window)}",
        )
