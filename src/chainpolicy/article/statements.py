"""Dated statements: a mention of a date, the sentence around it, and who acts or speaks there."""

from __future__ import annotations

import bisect
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chainpolicy.article.actors import find_actor
from chainpolicy.article.dates import (
    Context,
    Mention,
    Precision,
    Span,
    UnresolvedError,
    days_without_year,
)
from chainpolicy.article.expressions import find_mentions
from chainpolicy.article.reading import Article
from chainpolicy.article.sentences import sentence_starts
from chainpolicy.article.times import Time, find_times, time_of_day
from chainpolicy.article.years import infer_year
from chainpolicy.study.problems import InputError, Problem

MOST_IN_SENTENCE = 5_000


@dataclass(frozen=True)
class Statement:
    """One mention of a date in an article.

    Parameters
    ----------
    paragraph, sentence : int
        Both counted from 1, the sentence within its paragraph.
    mention : str
        The date as written, or a time of day in a sentence without a date.
    start, end : datetime.date, optional
        First and last day meant, both inclusive; None if unresolved.
    precision : {"day", "week", "month", "quarter", "season", "half-year", "year", "unresolved"}
        "day" also for a range whose two ends are days, and so on.
    time : str
        Time of day that goes with the date: ``12:08-04:00``, ``12:08`` if the offset from UTC is
        not known, several joined by ``; ``, or "".
    actor : str
        Issuing body or speaker, "" if the sentence names none; see `find_actor`.
    text : str
        The sentence.
    reason : str
        Why a mention is unresolved, or its time without an offset; "" otherwise.
    """

    paragraph: int
    sentence: int
    mention: str
    start: dt.date | None
    end: dt.date | None
    precision: Precision
    time: str
    actor: str
    text: str
    reason: str = ""

    @property
    def date(self) -> str:
        """Resolved date in ISO 8601, or "": 2019-10-24, 2019-10, 2019, 2019-10-24/2019-10-26."""
        if self.start is None or self.end is None:
            return ""
        form = {"month": "%Y-%m", "year": "%Y"}.get(self.precision, "%Y-%m-%d")
        first, last = self.start.strftime(form), self.end.strftime(form)
        return first if first == last else f"{first}/{last}"


@dataclass(frozen=True)
class Extraction:
    """The dated statements of an article.

    Parameters
    ----------
    article : Article
    statements : tuple of Statement
        In the order of the text.
    year : int, optional
        Year given to dates written without one; None if there was no evidence for any.
    year_basis : str
        Where that year comes from, in words.
    """

    article: Article
    statements: tuple[Statement, ...]
    year: int | None
    year_basis: str


def dated_statements(article: Article, published: dt.date | None = None) -> Extraction:
    """Find the dated statements of an article.

    Parameters
    ----------
    article : Article
    published : datetime.date, optional
        Day of publication; if not given, the one an HTML page states, else the year is inferred.

    Raises
    ------
    InputError
        If a sentence with a date is longer than 5,000 characters, or the day of publication is not
        between 1900 and 2099.
    """
    mentions = [
        mention
        for number, paragraph in enumerate(article.paragraphs, start=1)
        for mention in find_mentions(number, paragraph)
    ]
    origin = "given" if published is not None else "stated by the page"
    published = published or article.published
    year: int | None
    if published is None:
        year, basis = infer_year(article.paragraphs, mentions)
    elif 1900 <= published.year <= 2099:
        year, basis = published.year, f"day of publication {origin}: {published}"
        basis += "; a date without a year is one from {} to {}".format(
            *days_without_year(published)
        )
    else:
        expected = f"a day of publication from 1900 to 2099; {origin} it is {published}"
        raise InputError([Problem(article.name, expected)])
    read = [
        _DatedParagraph(number, paragraph, [m for m in mentions if m.paragraph == number])
        for number, paragraph in enumerate(article.paragraphs, start=1)
    ]
    if too_long := [
        Problem(article.name, problem, value=text)
        for paragraph in read
        for problem, text in paragraph.too_long()
    ]:
        raise InputError(too_long)
    context = Context(published, year)
    found = [statement for paragraph in read for statement in paragraph.statements(context)]
    return Extraction(article, tuple(found), year, basis)


@dataclass(frozen=True)
class _Sentence:
    number: int
    first: int
    text: str


# What stands between the parts of "October 24 and November 4, 2019".
_LINK = re.compile(r",? ?(?:and|or|&|to|through|until|till)? ?(?:on |in |from )?(?:the )?")


class _DatedParagraph:
    """A paragraph with its dates and times, each in its sentence."""

    def __init__(self, number: int, text: str, mentions: Sequence[Mention]) -> None:
        self.number, self.text, self.mentions = number, text, mentions
        self.times = [
            time
            for time in find_times(text)
            if not any(m.first < time.last and time.first < m.last for m in mentions)
        ]
        self._dated: list[Mention | Time] = [*mentions, *self.times]
        dated = [(found.first, found.last) for found in self._dated]
        # A day that follows a time directly belongs to it: "at 9 p.m. Monday".
        bridges = [
            (time.first, mention.last)
            for time in self.times
            for mention in mentions
            if 0 <= mention.first - time.last <= 1
        ]
        self._starts = sentence_starts(text, [*dated, *bridges]) if dated else [0]

    def _sentence(self, offset: int) -> _Sentence:
        number = bisect.bisect_right(self._starts, offset)
        first = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return _Sentence(number, first, self.text[first:end].rstrip())

    def too_long(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with each sentence with a date that is too long, and the sentence."""
        found = {self._sentence(dated.first) for dated in self._dated}
        for sentence in sorted(found, key=lambda sentence: sentence.number):
            if len(sentence.text) > MOST_IN_SENTENCE:
                yield (
                    (
                        f"at most {MOST_IN_SENTENCE:,} characters in a sentence; paragraph "
                        f"{self.number}, sentence {sentence.number} has {len(sentence.text):,}: is "
                        "this running text?"
                    ),
                    sentence.text,
                )

    def statements(self, context: Context) -> Iterator[Statement]:
        """Yield the statements in the order of the text."""
        resolved = self._resolved(context)
        times: dict[int, list[Time]] = {}
        rows = []
        for time in self.times:
            nearest = self._nearest(time)
            if nearest is None:
                alone = "a time in a sentence without a date"
                rows.append((time.first, self._statement(time, alone, [time])))
            else:
                times.setdefault(nearest, []).append(time)
        for index, (mention, meaning) in enumerate(zip(self.mentions, resolved, strict=True)):
            row = self._statement(mention, meaning, times.get(index, []))
            rows.append((mention.first, row))
        yield from (row for _, row in sorted(rows, key=lambda row: row[0]))

    def _nearest(self, time: Time) -> int | None:
        """Return which mention in its sentence a time stands nearest to."""
        sentence = self._sentence(time.first).number
        gaps = [
            (max(mention.first - time.last, time.first - mention.last), index)
            for index, mention in enumerate(self.mentions)
            if self._sentence(mention.first).number == sentence
        ]
        return min(gaps)[1] if gaps else None

    def _statement(
        self, dated: Mention | Time, meaning: Span | str, times: Sequence[Time]
    ) -> Statement:
        sentence = self._sentence(dated.first)
        span = meaning if isinstance(meaning, Span) else None
        day = span.start if span and span.start == span.end else None
        written = [time_of_day(time, day) for time in times]
        reasons = ["" if isinstance(meaning, Span) else meaning, *(why for _, why in written)]
        return Statement(
            self.number,
            sentence.number,
            dated.text,
            span.start if span else None,
            span.end if span else None,
            span.precision if span else "unresolved",
            "; ".join(clock for clock, _ in written if clock),
            find_actor(sentence.text, dated.first - sentence.first, dated.last - sentence.first),
            sentence.text,
            "; ".join(dict.fromkeys(filter(None, reasons))),
        )

    def _resolved(self, context: Context) -> list[Span | str]:
        """Return the span of each mention, or why it has none."""
        with_year: dict[int, Span] = {}
        for index in range(len(self.mentions) - 1, -1, -1):
            mention = self.mentions[index]
            linked = with_year.get(index + 1) if self._is_linked(index) else None
            if mention.year or mention["c"] or (linked and mention.kind in {"date", "month"}):
                meaning = _meaning(mention, replace(context, linked=linked))
                if isinstance(meaning, Span):
                    with_year[index] = meaning
        resolved: list[Span | str] = []
        previous = None
        for index, mention in enumerate(self.mentions):
            meaning = with_year.get(index) or _meaning(
                mention, self._context(index, context, previous, with_year)
            )
            if isinstance(meaning, Span) and meaning.precision in {"day", "month"}:
                previous = meaning
            resolved.append(meaning)
        return resolved

    def _is_linked(self, index: int) -> bool:
        """Whether the next mention follows as in a list."""
        if index + 1 >= len(self.mentions):
            return False
        between = self.text[self.mentions[index].last : self.mentions[index + 1].first]
        return _LINK.fullmatch(between) is not None

    def _ahead_of(self, index: int) -> str:
        return self.text[: self.mentions[index].first][-10:].lower()

    def _context(
        self, index: int, context: Context, previous: Span | None, with_year: dict[int, Span]
    ) -> Context:
        mention = self.mentions[index]
        sentence = self._sentence(mention.first)
        # "Since 2017" says nothing about the days of what follows.
        near = [
            other
            for other in with_year
            if not re.search(
                r"\b(?:since|by|until|till|before|after|from) $", self._ahead_of(other)
            )
            or self.mentions[other].kind != "years"
        ]
        in_sentence = [
            other
            for other in near
            if self._sentence(self.mentions[other].first).number == sentence.number
        ]
        earlier = [other for other in near if other < index]
        chosen = min(in_sentence, key=lambda other: abs(other - index), default=None)
        if chosen is None:
            chosen = max(earlier, default=None)
        inside = mention.first - sentence.first
        return replace(
            context,
            before=sentence.text[:inside],
            after=sentence.text[inside + len(mention.text) :],
            previous=previous,
            dated=None if chosen is None else with_year[chosen],
            same_sentence=bool(in_sentence),
        )


def _meaning(mention: Mention, context: Context) -> Span | str:
    try:
        return mention.meaning(mention, context)
    except UnresolvedError as unresolved:
        return str(unresolved)
