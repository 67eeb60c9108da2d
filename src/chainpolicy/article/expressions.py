"""The kinds of date expressions: how each is written, and which function says what it means.

Candidates are found by explicit patterns, because a free search for dates in running text takes
half of the numbers for dates. To add a kind, add a row to the table.

What is no row
    A year alone without a preposition (``the 2019 edition``, ``the plan (2019-2021)``), which only
    helps to infer the year; fractions (``24/7``), numbers of documents, versions, durations (``the
    past two months``), habits (``on Mondays``), ``recently``, centuries and names of holidays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from chainpolicy.article import dates
from chainpolicy.article.dates import Context, Mention, Span
from chainpolicy.article.times import ZONE

_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)(?![a-z])\.?)"
)
_NUMERIC_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_DAY = rf"{_NUMERIC_DAY}(?:st|nd|rd|th)?"
_YEAR = r"(?:19|20)\d\d"
_SHORT_YEAR = rf"{dates.APOSTROPHE}\d\d"
_ANY_YEAR = rf"(?:{_YEAR}|{_SHORT_YEAR})"
_N, _D = rf"(?P<n>{_MONTH})", rf"(?P<d>{_DAY})"
_N2, _D2 = rf"(?P<n2>{_MONTH})", rf"(?P<d2>{_DAY})"
_Y, _Y2 = rf"(?P<y>{_ANY_YEAR})\b", rf"(?P<y2>{_ANY_YEAR})\b"
# After a number something has to part the year from it.
_AFTER_DAY = rf"(?: ?, ?| |,? ?(?={dates.APOSTROPHE}))"
_AFTER_MONTH = r"(?:(?: ?,)?[ /-]?|\.)"
_THE = r"(?:the (?=\d+[snrt]))?"  # before an ordinal
_TO = rf"(?: ?[-–—/] ?| (?:to|through|until|till) {_THE})"
_DAYS = rf"(?P<list>{_DAY}(?:, {_DAY}){{0,30}},? (?:and|or|&) {_DAY})"
_FULL_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
# Case counts: a board that "sat October 24" did not meet on a Saturday.
_WEEKDAY = rf"(?-i:{_FULL_WEEKDAY}|(?:Mon|Tues?|Wed|Thur?s?|Fri|Sat|Sun)\b\.?)"
_BEFORE = rf"(?:\b(?P<before>{_WEEKDAY}),? )?"
_AFTER = rf"(?:(?: ?\(|, )(?P<after>{_WEEKDAY})(?:\)|(?=[,.;)]|$)))?"
_FIRST = r"(?<![\w.,/:$€£¥-])"
_LAST = r"(?![\w%$€£¥]|[.,:]\d|-[a-z])"
_NO_DAY = rf"(?! ?{_DAY}\b){_LAST}"
_PART = (
    r"(?:(?:very )?(?:early|mid|late|end|beginning)[- ]|year-end "
    r"|(?:the )?(?:beginning|start|middle|end|close|first half|second half|(?:first|second|third"
    r"|last|final) (?:week|days|ten days)) of |(?:early|late) in )"
)
_NEARBY_PART = rf"(?:{_PART}|later |earlier )"
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
# What may follow two digits that are a year, and no count of something.
_ENDS = r"(?=[.,;:](?!\d)|[!?)\]\"”]|$| (?:at|the|he|she|it|they|we|its)\b)"
_NO_NUMBER = rf"(?![\d:%]|[.,]\d|(?:st|nd|rd|th)\b| ?{_MONTH}| ?[ap]\.?m\b| ?(?:hours|hrs|{ZONE}))"
# A number where a year could stand that is no year for certain; see `dates.date`.
_ODD = rf"(?:1[0-8]|2[1-9])\d\d\b{_NO_NUMBER}"
# After a comma, two digits before a noun are a count: "October 24, 19 firms closed".
_ODD_AFTER_COMMA = (
    rf"(?:0\d{_NO_NUMBER}|\d\d(?:{_ENDS}|(?= (?:and|or|but|as|when|while|to|in|on|by|for|with|which"
    r"|that|was|were|is)\b)))"
)
_ODD_AFTER_DAY = (
    rf"(?:,? (?P<odd>{_ODD})| (?P<odd2>\d\d{_NO_NUMBER})| ?, ?(?P<odd3>{_ODD_AFTER_COMMA}))"
)
_ODD_AFTER_MONTH = (
    rf"(?:,? (?P<odd>{_ODD})|[ /.-](?P<odd2>\d\d{_NO_NUMBER})| ?, ?(?P<odd3>{_ODD_AFTER_COMMA}))"
)
_BARE = rf"(?:(?<=[./-])\d\d{_ENDS}|(?<= )\d\d{_ENDS})"
_QUARTER = r"(?:first|second|third|fourth|last|final|1st|2nd|3rd|4th)"
_YEAR_ALONE = r"(?![\w%:$€£¥]|[.,]\d|-[a-z])"
_NAMED_AFTER_IT = (
    r"(?<!Black )(?<!Cyber )(?<!Good )(?<!Easter )(?<!Ash )(?<!Super )(?<!Palm )(?<!Giving )"
    r"(?<!Bloody )(?<!Holy )"
)
_NO_HABIT = r"(?<!\ba )(?<!\bany )(?<!\beach )(?<!\bevery )"
_WORD_DAY = (
    r"(?:(?:twenty|thirty)-)?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth"
    r"|eleventh|twelfth|\w+teenth|twentieth|thirtieth)"
)


class ExpressionKind(NamedTuple):
    """A kind of date expression.

    Of the matches at one place the longest counts, of equally long ones the first. Group m is the
    mention as written, "list" one that names several days or years; see `Mention` for the others.
    """

    name: str
    pattern: re.Pattern[str]
    meaning: Callable[[Mention, Context], Span]


def _kinds(*rows: tuple[str, Callable[[Mention, Context], Span], str]) -> list[ExpressionKind]:
    return [
        ExpressionKind(name, re.compile(pattern, re.IGNORECASE), meaning)
        for name, meaning, pattern in rows
    ]


_KINDS = _kinds(
    # --- days -------------------------------------------------------------------------------------
    (
        "date",
        dates.date,
        rf"{_BEFORE}\b(?P<m>{_N} ?{_THE}{_D}(?:{_AFTER_DAY}{_Y})?(?:{_TO}(?:{_N2} ?)?{_D2})?"
        rf"(?:{_AFTER_DAY}{_Y2})?){_LAST}{_AFTER}",
    ),
    (
        "date",
        dates.date,
        rf"{_BEFORE}{_FIRST}(?P<m>{_THE}{_D}[ /.-]?(?:of )?{_N}"
        rf"(?:{_AFTER_MONTH}(?P<y>{_ANY_YEAR}\b|{_BARE}))?"
        rf"(?:{_TO}{_D2}[ -](?:of )?{_N2}(?:{_AFTER_MONTH}{_Y2})?)?){_LAST}{_AFTER}",
    ),
    (
        "date",
        dates.date,
        rf"{_BEFORE}{_FIRST}(?P<m>{_THE}{_D}{_TO}{_D2} ?(?:of )?{_N}"
        rf"(?:{_AFTER_MONTH}(?P<y>{_ANY_YEAR}\b|{_BARE}))?){_LAST}",
    ),
    (
        "date",
        dates.date,
        rf"\b(?P<m>{_N}(?P<s>[-/]){_D}(?P=s)(?P<y>{_ANY_YEAR}\b|\d\d{_ENDS})){_LAST}",
    ),
    (
        "date",
        dates.date,
        rf"(?<=between )(?P<m>{_N} {_D} and (?:{_N2} )?{_D2}(?:{_AFTER_DAY}{_Y2})?){_LAST}",
    ),
    (
        "date",
        dates.date,
        rf"(?<=between )(?P<m>{_D} (?:{_N} )?and {_D2} {_N2}(?:{_AFTER_MONTH}{_Y2})?){_LAST}",
    ),
    ("date", dates.date, rf"\b(?P<m>{_N} ?{_THE}{_D}(?:{_TO}{_D2})?{_ODD_AFTER_DAY})"),
    (
        "date",
        dates.date,
        rf"{_FIRST}(?P<m>{_THE}{_D}(?:{_TO}{_D2})?[ /.-]?(?:of )?{_N}{_ODD_AFTER_MONTH})",
    ),
    (
        "date",
        dates.date,
        rf"{_FIRST}(?P<m>{_THE}{_DAYS} (?:of )?{_N}(?:{_AFTER_MONTH}{_Y})?){_LAST}",
    ),
    # "On October 24 and 25 firms closed" names one day.
    (
        "date",
        dates.date,
        rf"\b(?P<m>{_N} {_DAYS}(?:{_AFTER_DAY}{_Y}{_LAST}|(?=[.,;:)](?!\d)|$)))",
    ),
    (
        "date",
        dates.date,
        rf"{_FIRST}(?P<m>(?P<y>{_YEAR})(?P<s>[-/.])(?P<n>1[0-2]|0?[1-9])(?P=s)"
        rf"(?P<d>{_NUMERIC_DAY})(?:/(?:(?P<y2>{_YEAR})-(?P<n2>\d\d)-)?(?P<d2>\d\d))?)"
        r"(?:T\d\d:?\d\d[\d:.]*(?:Z|[+-]\d\d:?\d\d)?)?(?![\w/-]|\.\d)",
    ),
    (
        "date",
        dates.date,
        rf"(?<![\d年])(?P<m>(?:(?P<y>{_YEAR}) ?年 ?)?(?P<n>1[0-2]|0?[1-9]) ?月 ?"
        rf"(?P<d>{_NUMERIC_DAY}) ?[日号])",
    ),
    (
        "numeric",
        dates.numeric,
        rf"{_FIRST}(?P<m>(?P<a>{_NUMERIC_DAY})(?P<s>[-/.])(?P<b>{_NUMERIC_DAY})(?P=s)"
        rf"(?P<c>{_YEAR}))(?![\w/-]|\.\d)",
    ),
    (
        "numeric",
        dates.numeric,
        rf"{_FIRST}(?P<m>(?P<a>\d\d?)(?P<s>[-/])(?P<b>\d\d?)(?P=s)(?P<c>\d\d))(?![\w/-]|[.,]\d)",
    ),
    (
        "numeric",
        dates.numeric,
        rf"{_FIRST}(?P<m>(?P<a>\d\d)\.(?P<b>\d\d)\.(?P<c>\d\d))(?![\w/-]|[.,]\d)",
    ),
    (
        "open",
        dates.never("a day and month without its year, in either order, or a fraction"),
        rf"\b(?:on|since|until|till|dated) (?P<m>(?!24/7\b){_NUMERIC_DAY}/{_NUMERIC_DAY})"
        r"(?![\w/%-]|\.\d)",
    ),
    (
        "open",
        dates.never("eight digits may be a day or a number"),
        rf"(?<!No\. ){_FIRST}(?P<m>{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
        r"(?![\w/-]|[.,]\d)",
    ),
    (
        "open",
        dates.never("its day is written in words"),
        rf"\b(?P<m>(?:{_N} (?:the {_WORD_DAY}|(?:twenty|thirty)-\w+)|(?:the )?{_WORD_DAY}"
        rf"(?: day)? of (?P<n2>{_MONTH}))(?:,? {_Y})?)\b",
    ),
    (
        "day of month",
        dates.day_of_month,
        rf"\b(?:on|by|since|until|till|(?P<before>{_WEEKDAY}),?)"
        rf" (?P<m>the (?P<d>{_NUMERIC_DAY}(?:st|nd|rd|th))"
        rf"(?: of (?:this|that|the same|the) month)?){_ALONE}",
    ),
    # --- days counted from that of publication ----------------------------------------------------
    (
        "counted",
        dates.counted,
        r"\b(?P<m>(?:the day before )?yesterday|(?:the day after )?tomorrow"
        rf"|{_NUMBER} days? (?:ago|from now)){_NOT_OWNING}",
    ),
    (
        "counted",
        dates.same_day,
        r"\b(?P<m>tonight|this (?:morning|afternoon|evening)|(?:earlier|later) today)"
        rf"{_NOT_OWNING}",
    ),
    (
        "open",
        dates.never("it may be the day of publication, or these days"),
        rf"\b(?P<m>today){_NOT_OWNING}",
    ),
    (
        "weekday",
        dates.weekday,
        rf"{_NO_HABIT}{_NAMED_AFTER_IT}\b(?P<m>(?P<wd>(?-i:{_FULL_WEEKDAY}))){_NOT_OWNING}"
        rf"(?! Times| week\b|,? {_THE}(?:{_MONTH} ?\d|{_DAY}\b))",
    ),
    (
        "weekday",
        dates.weekday,
        rf"\bon (?P<m>(?P<wd>(?-i:(?:Mon|Tues?|Wed|Thur?s?|Fri|Sat|Sun)\b\.)))"
        rf"(?!,? {_THE}(?:{_MONTH} ?\d|{_DAY}\b))",
    ),
    (
        "nearby weekday",
        dates.nearby_weekday,
        r"\b(?P<m>(?P<which>last|this|next|(?:the |this )?(?:coming|past)) "
        rf"(?P<wd>{_FULL_WEEKDAY})){_NOT_OWNING}",
    ),
    (
        "nearby weekday",
        dates.nearby_weekday,
        rf"\b(?P<m>(?P<wd>(?-i:{_FULL_WEEKDAY})),? (?:of )?"
        r"(?P<which>last|this|next) (?P<week>week))\b",
    ),
    # --- months -----------------------------------------------------------------------------------
    (
        "month",
        dates.month,
        rf"{_FIRST}(?P<m>{_PART}?{_N}"
        rf"(?:(?:,? (?:of )?|,?[-/]?){_Y}|,? (?:of )?(?P<which>this|last|next) year\b)){_LAST}",
    ),
    ("month", dates.month, rf"{_FIRST}(?P<m>{_PART}{_N}){_NO_DAY}"),
    (
        "month",
        dates.month,
        rf"\b(?:in|during|since|until|till|throughout) (?P<m>{_N}){_NO_DAY}",
    ),
    # A capitalised word after these prepositions would make the month a first name.
    ("month", dates.month, rf"\b(?:by|from|after|before|of) (?P<m>{_N})(?-i:(?! [A-Z])){_NO_DAY}"),
    (
        "months",
        dates.months,
        rf"{_FIRST}(?P<m>{_N}(?:,? {_Y})?{_TO}{_N2},? {_Y2}){_LAST}",
    ),
    (
        "months",
        dates.months,
        rf"\b(?:in|during|from) (?P<m>{_N}(?:,? {_Y})?{_TO}{_N2}){_NO_DAY}",
    ),
    (
        "months",
        dates.months,
        rf"\bbetween (?P<m>{_N}(?:,? {_Y})? and {_N2}(?:,? {_Y2})?){_NO_DAY}",
    ),
    (
        "open",
        dates.never("the number may be a day or a year"),
        rf"{_FIRST}(?P<m>{_N}[-/]\d\d)(?![\w/-]|\.\d)",
    ),
    (
        "nearby month",
        dates.nearby_month,
        rf"{_FIRST}(?P<m>(?P<which>this|last|next) {_N}){_NO_DAY}",
    ),
    (
        "iso month",
        dates.iso_month,
        rf"{_FIRST}(?P<m>(?P<y>{_YEAR})[-/](?P<n>0[1-9]|1[0-2]))(?![\w/-]|\.\d)",
    ),
    (
        "iso month",
        dates.iso_month,
        rf"(?<!\d)(?P<m>(?P<y>{_YEAR}) ?年 ?(?P<n>1[0-2]|0?[1-9]) ?月)(?! ?\d)",
    ),
    (
        "iso month",
        dates.iso_month,
        rf"{_FIRST}(?P<m>(?P<n>1[0-2]|0?[1-9])/(?P<y>{_YEAR}))(?![\w/-]|\.\d)",
    ),
    # "the last month" and "the last week" are durations.
    (
        "counted",
        dates.counted,
        rf"\b(?<!the )(?P<m>{_NUMBER} (?P<unit>month)s? (?:ago|from now)){_NOT_OWNING}",
    ),
    # --- longer periods ---------------------------------------------------------------------------
    (
        "relative period",
        dates.relative_period,
        rf"\b(?<!the )(?P<m>(?<!the ){_NEARBY_PART}?(?P<which>last|this|next) "
        rf"(?P<unit>week(?:end)?|month|quarter|year)){_NOT_OWNING}(?!-)",
    ),
    (
        "quarter",
        dates.quarter,
        rf"{_FIRST}(?P<m>{_PART}?Q(?P<q>[1-4])"
        rf"(?:(?:[ ,/-]| of )?(?P<y>{_ANY_YEAR}|(?<=[ /-])\d\d{_ENDS}))?){_YEAR_ALONE}",
    ),
    (
        "quarter",
        dates.quarter,
        rf"{_FIRST}(?P<m>(?P<q>[1-4])Q(?: ?(?P<y>{_ANY_YEAR}|\d\d))?){_YEAR_ALONE}",
    ),
    (
        "quarter",
        dates.quarter,
        rf"{_FIRST}(?P<m>(?P<y>{_YEAR})[ -]?Q(?P<q>[1-4])){_YEAR_ALONE}",
    ),
    (
        "quarter",
        dates.quarter,
        rf"\b(?P<m>{_PART}?(?:the )?(?P<q>{_QUARTER})[ -](?:calendar )?quarter"
        rf"(?:,?(?: of)?(?: the year)? {_Y})?)(?![\w-])",
    ),
    (
        "half-year",
        dates.half_year,
        rf"{_FIRST}(?P<m>H(?P<q>[12])(?:[ ,/-]| of )?(?P<y>{_ANY_YEAR}|(?<=[ /-])\d\d{_ENDS}))"
        rf"{_YEAR_ALONE}",
    ),
    (
        "half-year",
        dates.half_year,
        rf"{_FIRST}(?P<m>(?P<q>[12])H(?: ?(?P<y>{_ANY_YEAR}|\d\d))?){_YEAR_ALONE}",
    ),
    (
        "half-year",
        dates.half_year,
        rf"{_FIRST}(?P<m>(?P<y>{_YEAR})[ -]?H(?P<q>[12])){_YEAR_ALONE}",
    ),
    (
        "half-year",
        dates.half_year,
        r"\b(?P<m>(?:the )?(?P<q>first|second|last|1st|2nd) half"
        rf"(?:(?:,? of(?: the year)?,?)? {_Y}| of (?:the|this|last|next) year))(?![\w-])",
    ),
    ("half-year", dates.half_year, r"\bin (?P<m>H(?P<q>[12]))(?![\w-]|[.,]\d)"),
    (
        "open",
        dates.never("a fiscal year need not be that of the calendar"),
        rf"\b(?P<m>(?:(?:the )?(?:{_QUARTER} |(?:Q[1-4]|[1-4]Q) ?)(?:quarter )?(?:of )?)?"
        rf"(?:FY|(?:the )?(?:fiscal|financial)(?: year)?(?: (?:Q[1-4]|(?:{_QUARTER} )?quarter))?)"
        rf"(?: of)?[ -]?(?:{_YEAR}(?:[-/]\d\d(?:\d\d)?)?|{_SHORT_YEAR}"
        r"|(?<=FY)\d\d(?:[-/]\d\d)?))\b",
    ),
    (
        "season",
        dates.season,
        rf"\b(?P<m>{_PART}?(?:the )?(?P<season>spring|summer|autumn|winter|(?-i:Fall)|(?<=in )fall"
        r"|(?<=the )fall|(?<=early )fall|(?<=late )fall|fall(?= of))"
        rf",? (?:of )?(?P<y>{_ANY_YEAR})\b(?:[-–/](?P<y2>{_YEAR}|\d\d))?){_YEAR_ALONE}",
    ),
    (
        "open",
        dates.never("a season of a year that is not written"),
        r"\b(?P<m>(?:in|by|since|until|during|(?P<which>last|this|next)|early|late) (?:the )?"
        rf"(?:spring|summer|autumn|winter)|(?:last|this|next) fall){_ALONE}",
    ),
    (
        "years",
        dates.years,
        rf"{_FIRST}(?P<m>{_PART}(?:the year )?{_Y}){_YEAR_ALONE}",
    ),
    (
        "years",
        dates.years,
        r"\b(?:in|during|since|by|until|till|throughout|from|before|after|as of|(?:the )?year) "
        rf"(?:the year )?(?P<m>(?P<y>{_YEAR})(?:{_TO}(?P<y2>{_YEAR}|\d\d\b))?)"
        rf"{_YEAR_ALONE}(?!['’]s)",
    ),
    (
        "years",
        dates.years,
        rf"\bbetween (?P<m>(?P<y>{_YEAR}) and (?P<y2>{_YEAR})){_YEAR_ALONE}",
    ),
    (
        "years",
        dates.years,
        rf"\b(?:in|during|by) (?P<m>(?P<list>{_YEAR}(?:, {_YEAR}){{0,30}},? (?:and|or|&) {_YEAR}))"
        rf"{_YEAR_ALONE}",
    ),
    ("years", dates.years, rf"(?<!\d)(?P<m>(?P<y>{_YEAR}) ?年)(?! ?\d)"),
    ("iso week", dates.iso_week, rf"{_FIRST}(?P<m>(?P<y>{_YEAR})-?W(?P<week>\d\d)){_YEAR_ALONE}"),
    ("iso week", dates.iso_week, rf"\b(?P<m>week (?P<week>\d\d?)(?: of|,)? {_Y}){_YEAR_ALONE}"),
    ("open", dates.never("a decade is no date"), r"\b(?P<m>(?:the )?(?:19|20)\d0['’]?s)\b"),
    # --- too vague for any span -------------------------------------------------------------------
    (
        "open",
        dates.vague,
        rf"\b(?P<m>{_FULL_WEEKDAY} week|(?<=over )the weekend|(?<=at )the weekend"
        r"|(?<=during )the weekend|the turn of the year|(?<=in )the new year"
        r"|(?<=in )the (?:days|weeks|months|years) ahead|a fortnight (?:ago|earlier|later)"
        r"|mid-(?:week|month)|month-end)\b(?!-)",
    ),
    (
        "open",
        dates.vague,
        r"\b(?<!the )(?P<m>not long ago|last night"
        rf"|{_NUMBER} (?:weeks?|years?) (?:ago|from now)"
        rf"|{_NUMBER} (?:days?|weeks?|months?|years?) (?:after|later|earlier|before))"
        rf"{_NOT_OWNING}",
    ),
    (
        "open",
        dates.vague,
        r"\b(?P<m>(?:that|the (?:same|following|previous))"
        rf" (?:weekend|week|month|quarter|year|{_FULL_WEEKDAY})"
        r"|(?:that|the (?:same|next|following|previous))"
        rf" (?:day|night|evening|morning|afternoon)"
        r"|(?:(?:the|this) )?(?:coming|current) (?:days?|weeks?|weekend|months?|quarter|years?)"
        rf"|the next (?:weekend|week|month|quarter|year)){_ALONE}",
    ),
    (
        "open",
        dates.never("a part or a range of these that has no name of its own"),
        rf"\b(?P<m>(?:the )?(?:first|last) {_NUMBER} (?:days|weeks|months) of"
        rf" (?:{_MONTH},? )?{_YEAR}|(?:the )?(?:first|last) day of {_YEAR}"
        rf"|[QH][1-4]{_TO}[QH][1-4](?:,? (?:of )?{_YEAR})?"
        rf"|(?:early|mid)-to-(?:mid|late)[- ](?:{_MONTH}|{_YEAR})(?:,? {_YEAR})?)\b",
    ),
    (
        "open",
        dates.never("the words do not say of which one"),
        r"\b(?P<m>(?:the |by )?(?:end|beginning|start|middle|close) of the "
        r"(?:week|month|quarter|year)"
        r"|(?:later|earlier) in the (?:week|month|quarter|year)|(?:by |the )?year-end(?! ?\d))\b",
    ),
)


def find_mentions(paragraph: int, text: str) -> list[Mention]:
    """Return the mentions in the text of a paragraph, in order, without overlaps."""
    found = [
        (kind, match)
        for kind in _KINDS
        for match in kind.pattern.finditer(text)
        if _is_possible(kind, match)
    ]
    found.sort(key=lambda candidate: (candidate[1].start("m"), -candidate[1].end("m")))
    mentions: list[Mention] = []
    covered = 0
    for kind, match in found:
        if match.start("m") >= covered:
            mentions.extend(_taken_apart(paragraph, kind, match))
            covered = match.end()  # with the day of the week behind it
    return mentions


def _is_possible(kind: ExpressionKind, match: re.Match[str]) -> bool:
    groups = match.groupdict()
    if kind.name == "numeric":
        return _is_a_day(*(int(match[part]) for part in ("a", "b", "c")))
    # In small letters these are a verb and a noun.
    return not {groups.get("n"), groups.get("n2")} & {"may", "march", "mar"}


def _is_a_day(first: int, second: int, third: int) -> bool:
    """Whether three numbers can be day, month and year in some order in use."""
    pairs = [(first, second), (second, first)] + ([(third, second)] if third < 100 else [])
    return any(1 <= day <= 31 and 1 <= month <= 12 for day, month in pairs)


def _taken_apart(paragraph: int, kind: ExpressionKind, match: re.Match[str]) -> Iterator[Mention]:
    groups = {key: value or "" for key, value in match.groupdict().items()}
    groups["which"] = groups.get("which", "").strip().lower()
    groups["odd"] = next((groups[key] for key in ("odd", "odd2", "odd3") if groups.get(key)), "")
    first, last = match.span("m")
    named: list[tuple[int, int, dict[str, str]]] = [(first, last, {})]
    if groups.get("list"):
        inside = match.start("list")
        part = "y" if kind.name == "years" else "d"
        items = list(re.finditer(r"\d+\w*", match["list"]))
        firsts = [first, *(inside + item.start() for item in items[1:])]
        lasts = [*(inside + item.end() for item in items[:-1]), last]
        named = [
            (begin, end, {part: item[0]})
            for begin, end, item in zip(firsts, lasts, items, strict=True)
        ]
    for begin, end, own in named:
        words = match.string[begin:end]
        yield Mention(kind.name, paragraph, begin, end, words, {**groups, **own}, kind.meaning)
