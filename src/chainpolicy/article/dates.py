"""Mentions of dates in running text, and the days they mean.

Candidates are found by explicit patterns, because a free search for dates in running text takes
half of the numbers for dates; each candidate is then read by ``dateparser``.

What is found
    ``October 24``, ``Oct. 24th``, ``24 October 2019``, ``the 24th of October``, ``2019-10-24``,
    ``2019/10/24``, ranges (``October 24-26``, ``24 October to 2 November``, ``between October 24
    and 26``), lists (``24 and 26 October``; ``October 24 and 26`` before punctuation or a year),
    months (``mid-November``, ``in October``, ``October 2019``, ``July this year``, ``last July``),
    and relative expressions (``yesterday``, ``last week``, ``on Friday``, ``on the 24th``, ``three
    months after``, ``that night``, ``not long ago``). ``24/10/2019`` is read because only one order
    of day and month is possible; ``10/11/2019`` is reported as unresolved.
What is not
    Bare years and ranges of years, two-digit years, fractions (``24/7``), days in words, numbers of
    documents, versions, durations (``the past two months``), ``today`` and ``recently``, which in
    this kind of prose mostly mean no day, and names of holidays.
Year of a date written without one
    With a day of publication P: the year of P, unless that puts the date more than 92 days after P;
    then the year before. Without P the year is inferred, and the inference is stated: each year
    written alone votes for itself (a range of years for its first), each date with a year for the
    year that brings the dates without one nearest to it. Most votes win, the later year at a tie. A
    day of the week beside a date comes first: the year has to fit it. It is one year for the whole
    text: one that runs over the turn of a year needs P.
Relative expressions
    ``on the 24th`` takes the month of the last date before it. ``yesterday``, ``two days ago`` and
    ``on Friday`` are days, ``last month`` and ``three months ago`` months, if P is known. Every
    other one stays unresolved, as does what can be read in two ways or is no day of the calendar.
"""

from __future__ import annotations

import bisect
import calendar
import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

DAYS_AHEAD = 92

Precision = Literal["day", "month", "unresolved"]

_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
)
_NUMERIC_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_DAY = rf"{_NUMERIC_DAY}(?:st|nd|rd|th)?"
_YEAR = r"(?:19|20)\d\d"
_N, _D, _Y = rf"(?P<n>{_MONTH})", rf"(?P<d>{_DAY})", rf"(?P<y>{_YEAR})\b"
_N2, _D2, _Y2 = rf"(?P<n2>{_MONTH})", rf"(?P<d2>{_DAY})", rf"(?P<y2>{_YEAR})\b"
_THE = r"(?:the (?=\d+[snrt]))?"  # before an ordinal
_TO = rf"(?: ?[-–—/] ?| (?:to|through|until|till) {_THE})"
_DAYS = rf"(?P<days>{_DAY}(?:, {_DAY}){{0,30}},? (?:and|&) {_DAY})"
_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
# Case counts: a board that "sat October 24" did not meet on a Saturday.
_SHORT_WEEKDAY = rf"(?-i:{_WEEKDAY}|(?:Mon|Tues?|Wed|Thur?s?|Fri|Sat|Sun)\b\.?)"
_BEFORE = rf"(?:\b(?P<before>{_SHORT_WEEKDAY}),? )?"
_AFTER = rf"(?: ?\((?P<after>{_SHORT_WEEKDAY})\))?"
_FIRST = r"(?<![\w.,/:$€£¥-])"
_LAST = r"(?![\w%$€£¥]|[.,:]\d|-[a-z])"
_NO_DAY = rf"(?! ?{_DAY}\b){_LAST}"
_PART = r"(?:(?:early|mid|late)[- ]|(?:the )?(?:beginning|start|middle|end) of )"
_NUMBER = (
    r"(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|several|a few|some|many"
    r"|a couple of|\d{1,3})"
)
_NOT_OWNING = r"\b(?!['’]s)"
# What may follow words such as "the 24th" or "that day" where they stand for a date.
_ALONE = (
    r"(?=[.,;:!?)\]\"”’'–—]|$| (?:and|at|in|when|that|after|before|by|with|to|as|but|for|from|the|a"
    r"|an|he|she|it|they|we|which|while|said|was|were|is|has|had|will)\b)"
)

# Of the matches at one place the longest counts, of equally long ones the first. Group m is the
# mention as written; n, d, y are the name of the month, day and year, with a 2 those of the end of
# a range.
_PATTERNS = [
    (kind, re.compile(text, re.IGNORECASE))
    for kind, text in (
        (
            "date",
            rf"{_BEFORE}\b(?P<m>{_N} ?{_THE}{_D}(?:,? {_Y})?(?:{_TO}(?:{_N2} ?)?{_D2})?"
            rf"(?:(?:, ?| ){_Y2})?){_LAST}{_AFTER}",
        ),
        (
            "date",
            rf"{_BEFORE}{_FIRST}(?P<m>{_THE}{_D}[ -]?(?:of )?{_N}(?:,?[ -]{_Y})?"
            rf"(?:{_TO}{_D2}[ -](?:of )?{_N2}(?:,?[ -]{_Y2})?)?){_LAST}{_AFTER}",
        ),
        ("date", rf"{_FIRST}(?P<m>{_THE}{_D}{_TO}{_D2} (?:of )?{_N}(?:,? {_Y})?){_LAST}"),
        ("date", rf"(?<=between )(?P<m>{_N} {_D} and (?:{_N2} )?{_D2}(?:,? {_Y2})?){_LAST}"),
        ("date", rf"(?<=between )(?P<m>{_D} (?:{_N} )?and {_D2} {_N2}(?:,? {_Y2})?){_LAST}"),
        ("list", rf"{_FIRST}(?P<m>{_THE}{_DAYS} (?:of )?{_N}(?:,? {_Y})?){_LAST}"),
        # "On October 24 and 25 firms closed" names one day.
        ("list", rf"\b(?P<m>{_N} {_DAYS}(?:,? {_Y}{_LAST}|(?=[.,;:)](?!\d)|$)))"),
        (
            "iso",
            rf"{_FIRST}(?P<m>(?P<y>{_YEAR})(?P<s>[-/.])(?P<n>1[0-2]|0?[1-9])(?P=s)"
            rf"(?P<d>{_NUMERIC_DAY})(?:/(?:(?P<y2>{_YEAR})-(?P<n2>\d\d)-)?(?P<d2>\d\d))?)"
            r"(?:T\d\d:?\d\d[\d:.]*(?:Z|[+-]\d\d:?\d\d)?)?(?![\w/-]|\.\d)",
        ),
        (
            "numeric",
            rf"{_FIRST}(?P<m>(?P<d>{_NUMERIC_DAY})(?P<s>[-/.])(?P<n>{_NUMERIC_DAY})(?P=s)"
            rf"(?P<y>{_YEAR}))(?![\w/-]|\.\d)",
        ),
        (
            "month",
            rf"{_FIRST}(?P<m>{_PART}?{_N}"
            rf"(?:,? (?:of )?{_Y}| (?:of )?(?P<which>this|last|next) year\b)){_LAST}",
        ),
        ("month", rf"{_FIRST}(?P<m>{_PART}{_N}){_NO_DAY}"),
        ("month", rf"\b(?:in|during|since|until|till|throughout) (?P<m>{_N}){_NO_DAY}"),
        # A capitalised word after these prepositions would make the month a first name.
        ("month", rf"\b(?:by|from|after|before) (?P<m>{_N})(?-i:(?! [A-Z])){_NO_DAY}"),
        ("nearby month", rf"{_FIRST}(?P<m>(?P<which>this|last|next) {_N}){_NO_DAY}"),
        (
            "day of month",
            rf"\b(?:on|by|since|until|till|(?P<before>{_SHORT_WEEKDAY}),?)"
            rf" (?P<m>the (?P<d>{_NUMERIC_DAY}(?:st|nd|rd|th))"
            rf"(?: of (?:this|that|the same|the) month)?){_ALONE}",
        ),
        (
            "relative day",
            r"\b(?P<m>(?:the day before )?yesterday|(?:the day after )?tomorrow"
            rf"|{_NUMBER} days? ago){_NOT_OWNING}",
        ),
        (
            "weekday",
            rf"(?:(?<=\bon )|(?=\blast ))(?P<m>(?P<which>last )?(?P<wd>{_WEEKDAY})){_NOT_OWNING}"
            rf"(?!,? {_THE}(?:{_MONTH} ?\d|{_DAY}\b))",
        ),
        # "the last month" and "the last week" are durations.
        (
            "relative month",
            rf"\b(?<!the )(?P<m>(?:last|this) month|{_NUMBER} months? ago){_NOT_OWNING}",
        ),
        (
            "vague",
            r"\b(?<!the )(?P<m>not long ago|last night|next month|(?:last|this|next) week(?:end)?"
            rf"|(?:this|next) {_WEEKDAY}|{_NUMBER} (?:weeks?|years?) ago"
            rf"|{_NUMBER} (?:days?|weeks?|months?|years?) (?:after|later|earlier|before))"
            rf"{_NOT_OWNING}",
        ),
        (
            "vague",
            r"\b(?P<m>(?:that|the (?:same|following|previous))"
            rf" (?:weekend|week|month|{_WEEKDAY})"
            r"|(?:that|the (?:same|next|following|previous))"
            rf" (?:day|night|evening|morning|afternoon)){_ALONE}",
        ),
    )
]
_LONE_YEAR = re.compile(rf"(?<![\w.,/:$€£¥–—-])({_YEAR})(?![\w%:$€£¥/]|[.,]\d)")


@dataclass(frozen=True)
class Mention:
    """A date as written, taken apart but not resolved: paragraph, offsets in it, and its parts."""

    kind: str
    paragraph: int
    first: int
    last: int
    text: str
    day: str = ""
    month: str = ""
    year: str = ""
    end_day: str = ""
    end_month: str = ""
    end_year: str = ""
    weekday: str = ""
    which: str = ""


def find_mentions(paragraph: int, text: str) -> list[Mention]:
    """Return the mentions in the text of a paragraph, in order, without overlaps."""
    found = [
        (kind, match)
        for kind, pattern in _PATTERNS
        for match in pattern.finditer(text)
        if _is_possible(kind, match)
    ]
    found.sort(key=lambda candidate: (candidate[1].start("m"), -candidate[1].end("m")))
    mentions: list[Mention] = []
    for kind, match in found:
        if not mentions or match.start("m") >= mentions[-1].last:
            mentions.extend(_taken_apart(paragraph, kind, match))
    return mentions


def _is_possible(kind: str, match: re.Match[str]) -> bool:
    if kind == "numeric":
        return min(int(match["d"]), int(match["n"])) <= 12
    # In small letters these are a verb and a noun.
    return match.groupdict().get("n") not in {"may", "march", "mar"}


def _taken_apart(paragraph: int, kind: str, match: re.Match[str]) -> Iterator[Mention]:
    groups = {key: value or "" for key, value in match.groupdict().items()}
    first, last = match.span("m")
    parts = [(first, last, groups.get("d", ""))]
    if kind == "list":
        kind = "date"
        inside = match.start("days")
        days = list(re.finditer(_DAY, match["days"]))
        firsts = [first, *(inside + day.start() for day in days[1:])]
        lasts = [*(inside + day.end() for day in days[:-1]), last]
        parts = list(zip(firsts, lasts, (day[0] for day in days), strict=True))
    for first, last, day in parts:
        yield Mention(
            kind,
            paragraph,
            first,
            last,
            text=match.string[first:last],
            day=day,
            month=groups.get("n", ""),
            year=groups.get("y", ""),
            end_day=groups.get("d2", ""),
            end_month=groups.get("n2", ""),
            end_year=groups.get("y2", ""),
            weekday=groups.get("before") or groups.get("after") or groups.get("wd", ""),
            which=groups.get("which", "").strip().lower(),
        )


@lru_cache(maxsize=100_000)
def _day(day: str, month: str, year: int) -> dt.date | None:
    """Return the day, or None if there is no such day."""
    import dateparser

    number = re.sub(r"\D", "", day)
    parsed = dateparser.parse(
        f"{number} {month} {year}",
        languages=["en"],
        settings={"DATE_ORDER": "DMY", "REQUIRE_PARTS": ["day", "month", "year"]},
    )
    return None if parsed is None else parsed.date()


def _ago(text: str, published: dt.date) -> dt.date | None:
    import dateparser

    base = dt.datetime.combine(published, dt.time(12))
    parsed = dateparser.parse(text, languages=["en"], settings={"RELATIVE_BASE": base})
    return None if parsed is None else parsed.date()


_NEEDS_DAY_OF_PUBLICATION = (
    "relative to a day of publication that is not known: give --published DATE"
)
_NO_YEAR = "no year is written in the text: give --published DATE"


@dataclass(frozen=True)
class Clock:
    """What dates written without a year, and relative ones, are counted from.

    Parameters
    ----------
    published : datetime.date, optional
        Day of publication, if known.
    year : int, optional
        Year of dates without one, where no day of publication is known.
    """

    published: dt.date | None
    year: int | None

    def year_of(self, day: str, month: str) -> int | None:
        """Return the year of a day and month written without one."""
        if self.published is None:
            return self.year
        named = _day(day, month, self.published.year)
        late = named is not None and named - self.published > dt.timedelta(days=DAYS_AHEAD)
        return self.published.year - late


class UnresolvedError(Exception):
    """Says why a mention cannot be resolved."""


def resolve(
    mention: Mention, clock: Clock, previous: dt.date | None
) -> tuple[dt.date, dt.date, Precision]:
    """Return first day, last day and precision of a mention.

    Parameters
    ----------
    mention : Mention
    clock : Clock
    previous : datetime.date, optional
        Last day of the mention resolved before this one.

    Raises
    ------
    UnresolvedError
        If the mention has no meaning as a day or month, or more than one; says why.
    """
    match mention.kind:
        case "date" | "iso":
            return *_resolve_date(mention, clock), "day"
        case "numeric":
            first, second = int(mention.day), int(mention.month)
            if max(first, second) <= 12 and first != second:
                raise UnresolvedError("day and month could stand in either order")
            day, month = (second, first) if second > 12 else (first, second)
            start = _checked(str(day), str(month), int(mention.year))
            return start, start, "day"
        case "month" | "nearby month":
            return *_whole_month(_resolve_month(mention, clock)), "month"
        case "day of month":
            start = _resolve_day_of_month(mention, clock, previous)
            return start, start, "day"
        case "vague":
            raise UnresolvedError("no day can be told from these words")
    if clock.published is None:
        raise UnresolvedError(_NEEDS_DAY_OF_PUBLICATION)
    if mention.kind == "weekday":
        back = (clock.published.weekday() - _weekday_number(mention.weekday)) % 7
        start = clock.published - dt.timedelta(days=back or 7 * (mention.which == "last"))
        return start, start, "day"
    day_meant = None
    if not re.match(r"(?:several|a few|some|many|a couple)\b", mention.text, re.IGNORECASE):
        day_meant = _ago(mention.text, clock.published)
    if day_meant is None:
        raise UnresolvedError("no day can be told from these words")
    if mention.kind == "relative month":
        return *_whole_month(day_meant), "month"
    return day_meant, day_meant, "day"


def _checked(day: str, month: str, year: int | None) -> dt.date:
    if year is None:
        raise UnresolvedError(_NO_YEAR)
    found = _day(day, month, year)
    if found is None:
        raise UnresolvedError(f"there is no such day in {year}")
    return found


def _resolve_date(mention: Mention, clock: Clock) -> tuple[dt.date, dt.date]:
    month = mention.month or mention.end_month
    written = mention.end_year or mention.year
    if not mention.end_day:
        year = int(written) if written else clock.year_of(mention.day, month)
        start = _checked(mention.day, month, year)
        return _on_its_weekday(start, mention), start
    end_month = mention.end_month or month
    year = int(written) if written else clock.year_of(mention.end_day, end_month)
    start = _checked(mention.day, month, int(mention.year) if mention.year else year)
    end = _checked(mention.end_day, end_month, year)
    if start > end and end_month != month:  # over the turn of the year
        if mention.year and not mention.end_year:
            end = _checked(mention.end_day, end_month, end.year + 1)
        elif not mention.year:
            start = _checked(mention.day, month, start.year - 1)
    if start > end:
        raise UnresolvedError("the range ends before it begins")
    return start, end


def _resolve_month(mention: Mention, clock: Clock) -> dt.date:
    """Return the first day of the month meant."""
    published = clock.published
    if mention.year:
        return _checked("1", mention.month, int(mention.year))
    if mention.kind == "nearby month" and mention.which != "this":
        if published is None:
            raise UnresolvedError(_NEEDS_DAY_OF_PUBLICATION)
        named = _checked("1", mention.month, published.year)
        this_month = published.replace(day=1)
        if mention.which == "last":
            return named if named < this_month else _checked("1", mention.month, published.year - 1)
        return named if named > this_month else _checked("1", mention.month, published.year + 1)
    if mention.which:
        year = clock.year if published is None else published.year
        if year is not None:
            year += {"last": -1, "this": 0, "next": 1}[mention.which]
        return _checked("1", mention.month, year)
    return _checked("1", mention.month, clock.year_of("1", mention.month))


def _resolve_day_of_month(mention: Mention, clock: Clock, previous: dt.date | None) -> dt.date:
    day = int(re.sub(r"\D", "", mention.day))
    anchor = previous
    if anchor is None:
        if clock.published is None:
            raise UnresolvedError("no month is named before it")
        anchor = clock.published
        if day > anchor.day:
            anchor = anchor.replace(day=1) - dt.timedelta(days=1)
    try:
        return _on_its_weekday(anchor.replace(day=day), mention)
    except ValueError as error:
        raise UnresolvedError(f"there is no such day in {anchor:%B %Y}") from error


def _on_its_weekday(day: dt.date, mention: Mention) -> dt.date:
    if mention.weekday and day.weekday() != _weekday_number(mention.weekday):
        raise UnresolvedError(f"{day.isoformat()} is no {mention.weekday}")
    return day


def _whole_month(day: dt.date) -> tuple[dt.date, dt.date]:
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _weekday_number(name: str) -> int:
    return ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(name[:3].lower())


def infer_year(paragraphs: Sequence[str], mentions: Sequence[Mention]) -> tuple[int | None, str]:
    """Return the year of the dates written without one, and where it comes from, in words."""
    dated = [mention for mention in mentions if mention.kind in {"date", "iso", "numeric", "month"}]
    # Any leap year: it has all the days, and only their order within a year is needed.
    open_days = Counter(
        day.timetuple().tm_yday
        for mention in dated
        if not (mention.year or mention.end_year or mention.which)
        and (day := _day(mention.day or "15", mention.month or mention.end_month, 2000))
    )
    if not open_days and not any(mention.which for mention in mentions):
        return None, "no date is written without its year"
    votes: Counter[int] = Counter()
    evidence: dict[int, list[str]] = {}

    def vote(year: int, words: str) -> None:
        votes[year] += 1
        evidence.setdefault(year, []).append(words)

    @cache
    def shift(day_of_year: int) -> int:
        def distance(years: int) -> tuple[int, int]:
            total = sum(abs(day + 366 * years - day_of_year) * n for day, n in open_days.items())
            return total, abs(years)

        return min((0, -1, 1), key=distance)

    for mention in dated:
        written = mention.end_year or mention.year
        if written and written in mention.text:  # of a list the last day only
            written_day, month = mention.day or "15", mention.month or mention.end_month
            if mention.end_year:
                written_day, month = mention.end_day or written_day, mention.end_month or month
            year = int(written)
            if mention.kind == "numeric":
                vote(year, mention.text)
            elif full := _day(written_day, month, year):
                vote(year + shift(full.timetuple().tm_yday), mention.text)
    spans: dict[int, list[tuple[int, int]]] = {}
    for mention in mentions:
        spans.setdefault(mention.paragraph, []).append((mention.first, mention.last))
    for number, paragraph in enumerate(paragraphs, start=1):
        taken = spans.get(number, [])
        for match in _LONE_YEAR.finditer(paragraph):
            before = bisect.bisect_right(taken, (match.start(), len(paragraph))) - 1
            if before < 0 or match.start() >= taken[before][1]:
                vote(int(match[1]), match[1])
    if not votes:
        return None, _NO_YEAR
    weekdays = {
        (mention.day, mention.month, mention.weekday)
        for mention in dated
        if mention.weekday and not (mention.year or mention.end_year or mention.end_day)
    }

    def merit(year: int) -> tuple[int, int, int]:
        fitting = sum(
            (day := _day(number, month, year)) is not None
            and day.weekday() == _weekday_number(name)
            for number, month, name in weekdays
        )
        return fitting, votes[year], year

    near = {year + step for year in votes for step in (-1, 0, 1)} if weekdays else set(votes)
    chosen = max(near, key=merit)
    words = ", ".join(f'"{text}"' for text in dict.fromkeys(evidence.get(chosen, [])))
    reasons = [f"from {_cut(words)}"] if words else []
    if merit(chosen)[0]:
        reasons.append("the days of the week fit")
    if len(votes) > 1:
        reasons.append(f"{votes[chosen]} of {votes.total()} years written in the text speak for it")
    return chosen, f"inferred {'; '.join(reasons)}"


def _cut(text: str, width: int = 120) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
