"""Dates and numbers as providers write them.

A file is read in one way or not at all: where its cells can be read in two ways that differ (3 or 4
of a month, 1234 or 1.234), it is refused, and the option that settles it is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import pandas as pd

from chainpolicy.study.problems import Problem
from chainpolicy.study.tabular import MOST_PROBLEMS, parse_numbers

_YEAR_FIRST = re.compile(r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")
_MONTH_DAY = re.compile(r"([A-Za-z]{3})[a-z]*\.? (\d{1,2}), (\d{4})")
_DAY_MONTH = re.compile(r"(\d{1,2})[- ]([A-Za-z]{3})[a-z]*[- ](\d{4})")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MIDNIGHT = re.compile(r"[T ]00:00(?::00(?:\.0+)?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?$")
_TIME = re.compile(r"\d[T ]\d{1,2}:\d{2}")

DAY_FIRST, MONTH_FIRST = _ORDERS = "day first", "month first"

_A_DATE = "a date such as 2018-04-03, 20180403, 03/04/2018 or Apr 3, 2018"
_A_YEAR = "a date of the calendar, of the years 1900 to 2199"

# A date by either order, None where it is none.
_Both = dict[str, date | None]


def read_days(
    cells: pd.DataFrame, dayfirst: bool | None, name: str, problems: list[Problem]
) -> tuple[pd.Series, str | None]:
    """Read dates in the one order of day and month in which all of them are dates.

    Without `dayfirst` the order is what the dates of the file show, each by itself or by its
    neighbours in other spellings, if only one order puts them in sequence. Returned are days, NaT
    where there is a problem, and the order, None where all dates say it themselves.
    """
    spelled: list[str] = cells["date"].drop_duplicates().tolist()
    found = {text: _read_day(text) for text in spelled}
    fixed = {text: day for text, day in found.items() if isinstance(day, date)}
    doubtful = {text: both for text, both in found.items() if isinstance(both, dict)}
    wrong = {text: expected for text, expected in found.items() if isinstance(expected, str)}

    def days(order: str) -> pd.Series:
        read = {text: fixed.get(text) or doubtful.get(text, {}).get(order) for text in spelled}
        return pd.to_datetime(cells["date"].map(read)).astype("datetime64[ns]")

    if dayfirst is None:
        because = "as the other dates are"
        order = _shown_order(
            doubtful, lambda order: bool(fixed) and _is_sequence(cells, days(order))
        )
    else:
        because, order = "as was said", DAY_FIRST if dayfirst else MONTH_FIRST
    if order is None:
        order = DAY_FIRST
        text = next(text for text, both in doubtful.items() if _differ(both))
        one, other = (doubtful[text][order] for order in _ORDERS)
        wrong[text] = f"{one} or {other}? Say it with --dayfirst or --monthfirst"
    for text, both in doubtful.items():
        if both[order] is None:
            wrong[text] = f"a date that is written {order}, {because}"
            if not any(both.values()):
                wrong[text] = _A_YEAR
    faulty = cells[cells["date"].isin(wrong)].drop_duplicates("line").head(MOST_PROBLEMS)
    problems += [
        Problem(name, wrong[text], line, "date", text)
        for line, text in zip(faulty["line"].tolist(), faulty["date"].tolist(), strict=True)
    ]
    return days(order), order if doubtful else None


def _shown_order(doubtful: Mapping[str, _Both], in_sequence: Callable[[str], bool]) -> str | None:
    """Order in which all dates are dates, or the only one in sequence; None where both could be."""
    unread = [sum(both[order] is None for both in doubtful.values()) for order in _ORDERS]
    if any(unread) or not any(map(_differ, doubtful.values())):
        return _ORDERS[unread.index(min(unread))]
    possible = [order for order in _ORDERS if in_sequence(order)]
    return possible[0] if len(possible) == 1 else None


def _differ(both: _Both) -> bool:
    return len(set(both.values())) > 1


def _is_sequence(cells: pd.DataFrame, days: pd.Series) -> bool:
    return all(
        of_ticker.is_monotonic_increasing or of_ticker.is_monotonic_decreasing
        for _, of_ticker in days.groupby(cells["ticker"])
    )


def _read_day(text: str) -> date | _Both | str:
    """Read a date; one with day and month in doubt both ways; else say what was expected."""
    bare = _MIDNIGHT.sub("", text)
    if _TIME.search(bare):
        return "a day: prices are daily, and this has a time of day"
    if match := _YEAR_FIRST.fullmatch(bare):
        year, sign, month, day = match.groups()
        return _date(year, month, day) or _A_YEAR if sign or len(bare) == 8 else _A_DATE
    if match := _YEAR_LAST.fullmatch(bare):
        one, _, two, year = match.groups()
        return {DAY_FIRST: _date(year, two, one), MONTH_FIRST: _date(year, one, two)}
    if match := _MONTH_DAY.fullmatch(bare):
        word, day, year = match.groups()
    elif match := _DAY_MONTH.fullmatch(bare):
        day, word, year = match.groups()
    else:
        return _A_DATE
    if word.casefold() not in _MONTHS:
        return _A_DATE
    return _date(year, str(_MONTHS.index(word.casefold()) + 1), day) or _A_YEAR


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day)) if "1900" <= year <= "2199" else None
    except ValueError:
        return None


def _number_form(decimal: str) -> re.Pattern[str]:
    thousands = "," if decimal == "." else "."
    point = re.escape(decimal)
    return re.compile(
        rf"[+-]?(?:(?:[0-9]+|[1-9][0-9]{{0,2}}(?P<sign>[{thousands} \u00a0\u202f'’])[0-9]{{3}}"
        rf"(?:(?P=sign)[0-9]{{3}})*)(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    )


_FORMS = {decimal: _number_form(decimal) for decimal in (".", ",")}


def _read_number(text: str, decimal: str) -> float:
    if not _FORMS[decimal].fullmatch(text):
        return float("nan")
    kept = re.sub(rf"[^0-9{re.escape(decimal)}eE+-]", "", text)
    return float(kept.replace(decimal, "."))


def _read_all(text: pd.Series, decimal: str) -> pd.Series:
    numbers = parse_numbers(text) if decimal == "." else pd.Series(np.nan, text.index)
    rest = text[numbers.isna()]
    numbers[rest.index] = [_read_number(value, decimal) for value in rest]
    return numbers


def read_numbers(
    cells: pd.DataFrame, decimal: str | None, name: str, problems: list[Problem]
) -> tuple[pd.Series, str]:
    """Read closes with the one decimal sign with which all of them are numbers.

    `cells` has ``close``, ``line`` and ``place`` (column) of each. Returned are numbers, NaN where
    there is a problem, and the sign.
    """
    text = cells["close"]
    read = {"." if decimal is None else decimal: _read_all(text, decimal or ".")}
    chosen = next(iter(read))
    other = _FORMS[","].fullmatch
    if decimal is None and (read["."].isna().any() or all(other(value) for value in text)):
        read[","] = _read_all(text, ",")
        chosen = min(read, key=lambda sign: int(read[sign].isna().sum()))
        differ = read["."] != read[","]
        both = read["."].notna() & read[","].notna()
        # A thousandth of every close has the same returns; a thousandth of some has not.
        scaled = differ.all() and not text.str.contains(",", regex=False).any()
        if differ.any() and both.all() and not scaled:
            one, two = (f"{numbers[differ].iloc[0]:g}" for numbers in read.values())
            expected = f'{one} or {two}? Say it with --decimal "." or --decimal ","'
            problems += problems_at(cells[differ].head(1), "close", expected, name)
    expected = f'a number with "{chosen}" before its decimals, or a blank where there is no price'
    problems += problems_at(cells[read[chosen].isna()], "close", expected, name)
    return read[chosen], chosen


def problems_at(cells: pd.DataFrame, column: str, expected: str, name: str) -> list[Problem]:
    """Say of cells what was expected in them, of `MOST_PROBLEMS` at most.

    `cells` has ``line`` and ``place`` (column of the file); `column` holds what was found.
    """
    found = cells.head(MOST_PROBLEMS)
    columns = (found[key].tolist() for key in ("line", "place", column))
    return [
        Problem(name, expected, line, place, text)
        for line, place, text in zip(*columns, strict=True)
    ]
