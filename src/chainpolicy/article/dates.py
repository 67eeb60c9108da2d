"""What a date as written means: a span of days, or why none can be told.

Each kind of expression of the table in `expressions` has one function here. It takes the mention
and its context, and returns a `Span` or raises `UnresolvedError` with the reason.

Two-digit years
    Are of the century that puts them nearest to the day of publication, or to the year that the
    text speaks of.
Year of a date written without one
    With a day of publication P: the year that puts the date within the year that ends 92 days after
    P. Without P the year is inferred, see `infer_year`. A date before another
    one that has a year ("October 24 and November 4, 2019") takes it from there. Where a date with a
    year in the same sentence or before it in the paragraph speaks for another year, or the verb for
    another direction from P, the date stays unresolved.
Days of the week
    ``said on Monday`` is the last one before or on P, ``will meet on Monday`` the first one after
    it. ``last``, ``this`` and ``next`` Monday are days only where both usages, the nearest one and
    the one of that calendar week, mean the same day.
Periods
    Quarters, half-years and years are those of the calendar. Weeks begin on Monday. Spring, summer
    and autumn are the northern meteorological ones: March to May and so on. ``early 2020`` and
    ``mid-November`` are the whole year and the whole month.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from chainpolicy.article.tense import Tense, tense

DAYS_AHEAD = 92

# Before the two digits of a year: word processors open a quotation there.
APOSTROPHE = "['’‘‛ʼ`´′]"

Precision = Literal["day", "week", "month", "quarter", "season", "half-year", "year", "unresolved"]


class UnresolvedError(Exception):
    """Says why a mention cannot be resolved."""


_NEEDS_DAY_OF_PUBLICATION = (
    "relative to a day of publication that is not known: give --published DATE"
)
NO_YEAR = "no year is written in the text: give --published DATE"
_VAGUE = "no day can be told from these words"


@dataclass(frozen=True)
class Span:
    """First and last day, both inclusive, and how precisely the text names them."""

    start: dt.date
    end: dt.date
    precision: Precision


@dataclass(frozen=True)
class Mention:
    """A date as written, taken apart but not resolved: paragraph, offsets in it, and its parts.

    The parts are the named groups of its pattern, "" where one is missing: n, d, y are the name of
    the month, day and year, with a 2 those of the end of a range.
    """

    kind: str
    paragraph: int
    first: int
    last: int
    text: str
    parts: dict[str, str]
    meaning: Callable[[Mention, Context], Span]

    def __getitem__(self, part: str) -> str:
        return self.parts.get(part, "")

    @property
    def year(self) -> str:
        """The last year written for it, "" if there is none."""
        return self["y2"] or self["y"]

    @property
    def weekday(self) -> str:
        """The day of the week written beside it, "" if there is none."""
        return self["before"] or self["after"]


@dataclass(frozen=True)
class Context:
    """What a mention is resolved from.

    Parameters
    ----------
    published : datetime.date, optional
        Day of publication, if known.
    year : int, optional
        Year of dates without one, where no day of publication is known.
    before, after : str
        What stands in the sentence before and after the mention.
    previous : Span, optional
        The day or month resolved last in the paragraph.
    linked : Span, optional
        What a mention with a year means that follows directly, as after "and".
    dated : Span, optional
        What the nearest mention with a year means: in the sentence, else before it in the
        paragraph.
    same_sentence : bool
        Whether `dated` stands in the sentence.
    """

    published: dt.date | None
    year: int | None
    before: str = ""
    after: str = ""
    previous: Span | None = None
    linked: Span | None = None
    dated: Span | None = None
    same_sentence: bool = False

    @property
    def day(self) -> dt.date:
        """The day of publication; raises if there is none."""
        if self.published is None:
            raise UnresolvedError(_NEEDS_DAY_OF_PUBLICATION)
        return self.published

    @property
    def preposition(self) -> str:
        """The word before the mention, in small letters."""
        found = re.search(r"(\w+),? (?:the )?$", self.before)
        return found[1].lower() if found else ""

    @property
    def tense(self) -> Tense:
        """Tense of the verb that the mention goes with."""
        found = tense(self.before, self.after)
        # What was closed in the past may have been closed until a day to come.
        open_end = self.preposition in {"until", "till", "by", "before", "from", "for", "after"}
        if self.preposition == "since":
            return "past"
        return "unclear" if open_end and found == "past" else found


# --- days of the calendar ------------------------------------------------------------------------


@lru_cache(maxsize=100_000)
def find_day(day: str, month: str, year: int) -> dt.date | None:
    """Return the day, or None if there is no such day."""
    import dateparser

    number = re.sub(r"\D", "", day)
    parsed = dateparser.parse(
        f"{number} {month} {year}",
        languages=["en"],
        settings={"DATE_ORDER": "DMY", "REQUIRE_PARTS": ["day", "month", "year"]},
    )
    return None if parsed is None else parsed.date()


def weekday_number(name: str) -> int:
    """Return the number of a day of the week, 0 for Monday."""
    return ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(name[:3].lower())


def _checked(day: str, month: str, year: int) -> dt.date:
    found = find_day(day, month, year)
    if found is None:
        raise UnresolvedError(f"there is no such day in {year}")
    return found


def _on_its_weekday(day: dt.date, mention: Mention) -> dt.date:
    if mention.weekday and day.weekday() != weekday_number(mention.weekday):
        raise UnresolvedError(f"{day.isoformat()} is no {mention.weekday}")
    return day


def _single(day: dt.date) -> Span:
    return Span(day, day, "day")


def _months(first: dt.date, n_months: int, precision: Precision) -> Span:
    """Return the span of whole months that begins with the month of a day."""
    years, month = divmod(first.month + n_months - 2, 12)
    year = first.year + years
    last = dt.date(year, month + 1, calendar.monthrange(year, month + 1)[1])
    return Span(first.replace(day=1), last, precision)


def _period(unit: str, day: dt.date) -> Span:
    """Return the week, month, quarter or year of the calendar that holds a day."""
    if unit == "week":
        monday = day - dt.timedelta(days=day.weekday())
        return Span(monday, monday + dt.timedelta(days=6), "week")
    if unit == "month":
        return _months(day, 1, "month")
    if unit == "quarter":
        return _months(day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1), 3, "quarter")
    return _months(day.replace(day=1, month=1), 12, "year")


# --- years ---------------------------------------------------------------------------------------


def full_year(written: str, near: int | None) -> int:
    """Return a year written with four digits or two, the latter nearest to another year."""
    number = int(re.sub(r"\D", "", written))
    if len(re.sub(r"\D", "", written)) > 2:
        return number
    if near is None:
        raise UnresolvedError("the century of its year is not known: give --published DATE")
    return min((number + century for century in (1900, 2000)), key=lambda year: abs(year - near))


def _written_year(written: str, context: Context) -> int:
    return full_year(written, context.published.year if context.published else context.year)


def days_without_year(published: dt.date) -> tuple[dt.date, dt.date]:
    """Return the first and last day that a date without a year can mean: a year of them."""
    last = published + dt.timedelta(days=DAYS_AHEAD)
    before = find_day(str(last.day), str(last.month), last.year - 1)
    return (before or dt.date(last.year - 1, 2, 28)) + dt.timedelta(days=1), last


def nearest_year(day: str, month: str, span: Span) -> int | None:
    """Return the year that brings a day nearest to a span; None if the day is in none of them."""

    def distance(found: dt.date) -> dt.timedelta:
        return max(span.start - found, found - span.end, dt.timedelta())

    years = range(span.start.year - 1, span.end.year + 2)
    days = [found for year in years if (found := find_day(day, month, year))]
    return min(days, key=distance).year if days else None


# In a style that no pattern knows: "October 26 (2019)", "2019 Oct 26".
_YEAR_AFTER = re.compile(
    rf"^(?:[\s,;.:(–—-]{{1,3}}(?:of )?{APOSTROPHE}?| of )((?:19|20)\d\d)(?![\w%:-]|[.,]\d)"
)
_YEAR_BEFORE = re.compile(r"(?<![\w.,:$€£¥-])((?:19|20)\d\d)[\s,.(–—-]{1,3}$")


def _year_without_one(day: str, month: str, context: Context, *, whole_month: bool = False) -> int:
    """Return the year of a date written without one; see the docstring of the module."""
    if context.linked is not None:
        year = context.linked.end.year
        found = find_day(day, month, year)
        return year - (found is not None and found > context.linked.end)
    if context.published is None and context.year is None:
        raise UnresolvedError(NO_YEAR)
    year = _year_by_publication(day, month, context)
    beside = _YEAR_AFTER.search(context.after) or _YEAR_BEFORE.search(context.before)
    if beside is not None and int(beside[1]) != year:
        raise UnresolvedError(f"the number {beside[1]} beside it may be its year")
    if context.dated is not None:
        year = _agreed(year, day, month, context, context.dated)
    found = find_day(day, month, year)
    if found is not None and not (whole_month and _holds(found, context.published)):
        _require_tense(found, context)
    return year


def _year_by_publication(day: str, month: str, context: Context) -> int:
    if context.published is None:
        return context.year or 0
    first, last = days_without_year(context.published)
    for year in (last.year, first.year):
        found = find_day(day, month, year)
        if found is not None and first <= found <= last:
            return year
    return context.published.year


def _agreed(year: int, day: str, month: str, context: Context, dated: Span) -> int:
    """Return the year that a date with a year nearby leaves possible, or raise."""
    other = nearest_year(day, month, dated)
    found, alternative = (find_day(day, month, y) for y in (year, other or year))
    if found is None or alternative is None or found == alternative:
        return year
    if not context.same_sentence:
        # News writes no year where the day is near; an older story is told in the years it names,
        # and "mid-September" after "Q3 2021" may be a part of it.
        part = dated.precision in {"quarter", "season", "half-year"}
        inside = part and dated.start <= alternative <= dated.end
        published = context.published or found
        if not inside and abs(found - published) <= dt.timedelta(days=DAYS_AHEAD):
            return year
    raise UnresolvedError(
        f"it may be of {year}, or of {alternative.year} as another date near it suggests"
    )


def _holds(first: dt.date, published: dt.date | None) -> bool:
    return published is not None and published.replace(day=1) == first


def _require_tense(found: dt.date, context: Context) -> None:
    """Raise if the verb looks from the day of publication the other way than the day found."""
    published, spoken = context.published, context.tense
    if published is None:
        return
    if (spoken == "future" and found < published) or (spoken == "past" and found > published):
        raise UnresolvedError(
            f"the day of publication makes it {found.isoformat()}, but the sentence speaks of the "
            f"{spoken}"
        )


# --- one function for each kind ------------------------------------------------------------------


def never(reason: str) -> Callable[[Mention, Context], Span]:
    """Return the meaning of what is a date but has none."""

    def meaning(mention: Mention, context: Context) -> Span:  # noqa: ARG001
        raise UnresolvedError(reason)

    return meaning


vague = never(_VAGUE)


def date(mention: Mention, context: Context) -> Span:
    """Read day and month in words or in ISO order, or a range of two such days."""
    if mention["odd"]:
        raise UnresolvedError(f'"{mention["odd"].strip()}" may be its year, another day or a count')
    month = mention["n"] or mention["n2"]
    if not mention["d2"]:
        year = (
            _written_year(mention.year, context)
            if mention.year
            else _year_without_one(mention["d"], month, context)
        )
        return _single(_on_its_weekday(_checked(mention["d"], month, year), mention))
    return _range_of_days(mention, month, context)


def _range_of_days(mention: Mention, month: str, context: Context) -> Span:
    end_month = mention["n2"] or month
    year = (
        _written_year(mention.year, context)
        if mention.year
        else _year_without_one(mention["d2"], end_month, context)
    )
    first_year = _written_year(mention["y"], context) if mention["y"] else year
    start = _checked(mention["d"], month, first_year)
    end = _checked(mention["d2"], end_month, year)
    if start > end and end_month != month:  # over the turn of the year
        if mention["y"] and not mention["y2"]:
            end = _checked(mention["d2"], end_month, end.year + 1)
        elif not mention["y"]:
            start = _checked(mention["d"], month, start.year - 1)
    if start > end:
        raise UnresolvedError("the range ends before it begins")
    return Span(_on_its_weekday(start, mention), end, "day")


def numeric_readings(mention: Mention, year: int | None) -> Iterator[dt.date]:
    """Yield the days that three numbers can mean.

    The year comes last, or, of two digits, first too.
    """
    first, second, third = (int(mention[part]) for part in ("a", "b", "c"))
    if len(mention["c"]) == 4:
        readings = [(third, second, first), (third, first, second)]
    else:
        last = full_year(mention["c"], year)
        readings = [(last, second, first), (last, first, second)]
        if len(mention["a"]) == 2:
            readings.append((full_year(mention["a"], year), second, third))
    for of_year, month, day in readings:
        if 1 <= month <= 12 and 1 <= day <= 31:
            yield _checked(str(day), str(month), of_year)


def numeric(mention: Mention, context: Context) -> Span:
    """Read three numbers such as 24/10/2019 and 24.10.19, if they can be read in one way only."""
    near = context.published.year if context.published else context.year
    readings = sorted(set(numeric_readings(mention, near)))
    if len(readings) > 1:
        days = " or ".join(day.isoformat() for day in readings)
        raise UnresolvedError(f"day, month and year could stand in either order: {days}")
    return _single(readings[0])


def month(mention: Mention, context: Context) -> Span:
    """Read a month, or a part of one: ``mid-November``, ``October 2019``, ``July last year``."""
    if mention["which"]:
        steps = {"last": -1, "this": 0, "next": 1}
        base = context.year if context.published is None else context.published.year
        if base is None:
            raise UnresolvedError(NO_YEAR)
        year = base + steps[mention["which"]]
    elif mention.year:
        year = _written_year(mention.year, context)
    else:
        year = _year_without_one("1", mention["n"], context, whole_month=True)
    return _months(_checked("1", mention["n"], year), 1, "month")


def months(mention: Mention, context: Context) -> Span:
    """Read a range of months: ``October to December 2019``."""
    year = (
        _written_year(mention.year, context)
        if mention.year
        else _year_without_one("1", mention["n2"], context, whole_month=True)
    )
    first_year = _written_year(mention["y"], context) if mention["y"] else year
    start, end = _checked("1", mention["n"], first_year), _checked("1", mention["n2"], year)
    if start > end and not mention["y"]:
        start = _checked("1", mention["n"], first_year - 1)
    elif start > end and not mention["y2"]:
        end = _checked("1", mention["n2"], year + 1)
    if start > end:
        raise UnresolvedError("the range ends before it begins")
    return Span(start, _months(end, 1, "month").end, "month")


def nearby_month(mention: Mention, context: Context) -> Span:
    """Read ``last July``, ``this July``, ``next July``."""
    today = context.day.replace(day=1)
    named = _checked("1", mention["n"], today.year)
    if mention["which"] == "this":
        return _months(named, 1, "month")
    step = 1 if mention["which"] == "next" else -1
    if (named - today).days * step <= 0:
        return _months(_checked("1", mention["n"], today.year + step), 1, "month")
    if abs(named.month - today.month) <= 3:
        raise UnresolvedError(f"it may be of {today.year} or of {today.year + step}")
    return _months(named, 1, "month")


def day_of_month(mention: Mention, context: Context) -> Span:
    """Read ``on the 24th``: of the month named before it in the paragraph, else near P."""
    number = int(re.sub(r"\D", "", mention["d"]))
    anchor = context.previous
    if anchor is not None:
        if anchor.precision == "day" and number < anchor.end.day:
            raise UnresolvedError(
                f"it may be before {anchor.end.isoformat()} or in the month after it"
            )
        month_meant = anchor.end
    elif context.published is None:
        raise UnresolvedError("no month is named before it")
    else:
        month_meant = _month_of_a_day(number, context.published, context.tense)
    try:
        return _single(_on_its_weekday(month_meant.replace(day=number), mention))
    except ValueError as error:
        raise UnresolvedError(f"there is no such day in {month_meant:%B %Y}") from error


def _month_of_a_day(number: int, published: dt.date, spoken: Tense) -> dt.date:
    if spoken == "past":
        last_month = published.replace(day=1) - dt.timedelta(days=1)
        return published if number <= published.day else last_month.replace(day=1)
    if spoken == "future" and number != published.day:
        next_month = published.replace(day=28) + dt.timedelta(days=4)
        return published if number > published.day else next_month.replace(day=1)
    raise UnresolvedError("neither past nor future can be told from the sentence")


def weekday(mention: Mention, context: Context) -> Span:
    """Read ``on Friday``, by the tense of its verb."""
    back = (context.day.weekday() - weekday_number(mention["wd"])) % 7
    if context.tense == "past":
        return _single(context.day - dt.timedelta(days=back))
    if context.tense == "future" and back:
        return _single(context.day + dt.timedelta(days=7 - back))
    if context.tense == "future":
        raise UnresolvedError("it may be the day of publication or a week later")
    raise UnresolvedError("neither past nor future can be told from the sentence")


def nearby_weekday(mention: Mention, context: Context) -> Span:
    """Read ``last Friday``, ``the coming Friday``, ``Friday next week``."""
    number, which = weekday_number(mention["wd"]), mention["which"].split()[-1]
    monday = context.day - dt.timedelta(days=context.day.weekday())
    back = (context.day.weekday() - number) % 7
    before = context.day - dt.timedelta(days=back or 7)
    after = context.day + dt.timedelta(days=7 - back)
    steps = {"last": -1, "this": 0, "next": 1, "past": -1, "coming": 1}
    of_week = monday + dt.timedelta(days=7 * steps[which] + number)
    nearest = {"last": before, "past": before, "next": after, "coming": after}
    found = nearest.get(which, after if back else context.day)
    if mention["week"]:
        return _single(of_week)
    if which in {"last", "this", "next"} and found != of_week:
        days = " or ".join(day.isoformat() for day in sorted({found, of_week}))
        raise UnresolvedError(f"usage differs: it may be {days}")
    return _single(found)


def counted(mention: Mention, context: Context) -> Span:
    """Read ``yesterday``, ``two days ago``, ``three months ago``: what a number counts from P."""
    import dateparser

    published = context.day
    base = dt.datetime.combine(published, dt.time(12))
    text = re.sub(r"\bfrom now\b", "later", mention.text, flags=re.IGNORECASE)
    if text != mention.text:
        text = f"in {text.removesuffix('later').strip()}"
    parsed = None
    if not re.match(r"(?:several|a few|some|many|a couple)\b", text, re.IGNORECASE):
        parsed = dateparser.parse(text, languages=["en"], settings={"RELATIVE_BASE": base})
    if parsed is None:
        raise UnresolvedError(_VAGUE)
    if mention["unit"]:
        return _months(parsed.date(), 1, "month")
    return _single(parsed.date())


def same_day(mention: Mention, context: Context) -> Span:  # noqa: ARG001
    """Read ``tonight``, ``this morning``: the day of publication."""
    return _single(context.day)


def relative_period(mention: Mention, context: Context) -> Span:
    """Read ``last week``, ``this month``, ``early next year``."""
    unit, step = mention["unit"].lower(), {"last": -1, "this": 0, "next": 1}[mention["which"]]
    now = _period("week" if unit == "weekend" else unit, context.day)
    if unit in {"week", "weekend"} and context.day.weekday() == 6:
        raise UnresolvedError("on a Sunday usage differs: weeks begin on Sunday or on Monday")
    if unit == "weekend":
        if step == 1 or context.day.weekday() >= 5:
            raise UnresolvedError("usage differs: it may be either of two weekends")
        saturday = now.end + dt.timedelta(days=7 * step - 1)
        return Span(saturday, saturday + dt.timedelta(days=1), "day")
    if step == 0:
        return now
    outside = now.start - dt.timedelta(days=1) if step < 0 else now.end + dt.timedelta(days=1)
    return _period(unit, outside)


_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4, "1st": 1}
_ORDINALS |= {"2nd": 2, "3rd": 3, "4th": 4, "final": 4}


def _which_part(mention: Mention) -> int:
    return int(mention["q"]) if mention["q"].isdigit() else _ORDINALS[mention["q"].lower()]


def quarter(mention: Mention, context: Context) -> Span:
    """Read ``Q3 2021``, ``the third quarter of 2021``."""
    if not mention.year:
        raise UnresolvedError("a quarter without its year")
    year = _written_year(mention.year, context)
    return _months(dt.date(year, 3 * _which_part(mention) - 2, 1), 3, "quarter")


def half_year(mention: Mention, context: Context) -> Span:
    """Read ``H1 2019``, ``the first half of 2019``."""
    if not mention.year:
        raise UnresolvedError("a half-year without its year")
    later = _which_part(mention) > 1
    return _months(dt.date(_written_year(mention.year, context), 1 + 6 * later, 1), 6, "half-year")


def season(mention: Mention, context: Context) -> Span:
    """Read ``spring 2020``; a winter needs both of its years."""
    if not mention["y"]:
        raise UnresolvedError("a season without its year")
    year, name = _written_year(mention["y"], context), mention["season"].lower()
    if name == "winter":
        if not mention["y2"]:
            raise UnresolvedError(f"a winter of {year} may begin or end in that year")
        if (year + 1) % 100 != int(mention["y2"]) % 100:
            raise UnresolvedError("a winter has two years, one after the other")
        return _months(dt.date(year, 12, 1), 3, "season")
    first = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9}[name]
    return _months(dt.date(year, first, 1), 3, "season")


def years(mention: Mention, context: Context) -> Span:
    """Read ``in 2019``, ``mid-2019``, ``from 2019 to 2021``."""
    start = _written_year(mention["y"], context)
    end = _written_year(mention["y2"], context) if mention["y2"] else start
    if len(mention["y2"]) == 2:  # of 2019-21
        end = start // 100 * 100 + int(mention["y2"])
    if start > end:
        raise UnresolvedError("the range ends before it begins")
    return Span(dt.date(start, 1, 1), dt.date(end, 12, 31), "year")


def iso_week(mention: Mention, context: Context) -> Span:
    """Read ``2019-W43``, ``week 43 of 2019``, by ISO 8601."""
    try:
        monday = dt.date.fromisocalendar(
            _written_year(mention["y"], context), int(mention["week"]), 1
        )
    except ValueError as error:
        raise UnresolvedError(f"there is no such week in {mention['y']}") from error
    return _period("week", monday)


def iso_month(mention: Mention, context: Context) -> Span:
    """Read ``2019-10``, unless it may be two years such as 2009-10."""
    year, number = _written_year(mention["y"], context), int(mention["n"])
    if number == (year + 1) % 100:
        raise UnresolvedError(f"it may be a month or the years {year} and {year + 1}")
    return _months(dt.date(year, number, 1), 1, "month")
