"""Dated statements: a mention of a date, the sentence around it, and who acts or speaks there."""

from __future__ import annotations

import bisect
import datetime as dt
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

from chainpolicy.article.actors import find_actor
from chainpolicy.article.dates import (
    DAYS_AHEAD,
    Clock,
    Precision,
    UnresolvedError,
    find_mentions,
    infer_year,
    resolve,
)
from chainpolicy.article.reading import Article
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
        The date as written.
    start, end : datetime.date, optional
        First and last day meant, both inclusive; None if unresolved.
    precision : {"day", "month", "unresolved"}
        "day" also for a range whose two ends are days.
    actor : str
        Issuing body or speaker, "" if the sentence names none; see `find_actor`.
    text : str
        The sentence.
    note : str
        Why a mention is unresolved, "" otherwise.
    """

    paragraph: int
    sentence: int
    mention: str
    start: dt.date | None
    end: dt.date | None
    precision: Precision
    actor: str
    text: str
    note: str = ""

    @property
    def date(self) -> str:
        """Resolved date in ISO 8601: 2019-10-24, 2019-10-24/2019-10-26, 2019-10, or "" ."""
        if self.start is None or self.end is None:
            return ""
        if self.precision == "month":
            return f"{self.start:%Y-%m}"
        if self.start == self.end:
            return self.start.isoformat()
        return f"{self.start.isoformat()}/{self.end.isoformat()}"


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


_PIECE = 2_000
_PLAIN_END = re.compile(r"[a-z]{4}[.!?][\"”’')]* (?=[\"“‘(]?[A-Z])")


@lru_cache(maxsize=1)
def _segmenter() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in its patterns, told once at compilation
        import pysbd
    return pysbd.Segmenter(language="en", clean=False)


def _sentence_starts(paragraph: str) -> list[int]:
    """Return the offsets at which sentences begin; the first is 0."""
    starts = []
    offset = 0
    whole = True  # whether the piece at hand begins with a sentence
    while offset < len(paragraph):
        end = offset + _PIECE
        next_whole = True
        if end < len(paragraph):
            # The splitter's time grows with the square: longer text is given to it in pieces that
            # end with a sentence beyond doubt, or else at any blank, which then begins none.
            ends = [match.end() for match in _PLAIN_END.finditer(paragraph, offset, end)]
            next_whole = bool(ends)
            end = ends[-1] if ends else paragraph.rfind(" ", offset + 1, end) + 1 or end
        piece = paragraph[offset:end]
        position = 0
        for number, sentence in enumerate(_segmenter().segment(piece)):
            found = piece.find(sentence.strip(), position)
            if found >= 0:
                if number or whole:
                    starts.append(offset + found)
                position = found + len(sentence.strip())
        offset, whole = end, next_whole
    return [0, *(start for start in starts if start > 0)]


def dated_statements(article: Article, published: dt.date | None = None) -> Extraction:
    """Find the dated statements of an article.

    Parameters
    ----------
    article : Article
    published : datetime.date, optional
        Day of publication; if not given, the one an HTML page states, else the year is inferred.

    Returns
    -------
    Extraction

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
        if (published + dt.timedelta(DAYS_AHEAD)).year == year:
            basis += f"; {year - 1} for days more than {DAYS_AHEAD} days after it"
    else:
        expected = f"a day of publication from 1900 to 2099; {origin} it is {published}"
        raise InputError([Problem(article.name, expected)])
    clock = Clock(published, year)
    statements = []
    too_long = {}
    previous: dt.date | None = None
    for place, group in groupby(mentions, key=lambda mention: mention.paragraph):
        paragraph = article.paragraphs[place - 1]
        starts = _sentence_starts(paragraph)
        ends = [*starts[1:], len(paragraph)]
        for mention in group:
            number = bisect.bisect_right(starts, mention.first)
            first = starts[number - 1]
            sentence = paragraph[first : ends[number - 1]].rstrip()
            if len(sentence) > MOST_IN_SENTENCE:
                expected = (
                    f"at most {MOST_IN_SENTENCE:,} characters in a sentence; paragraph {place}, "
                    f"sentence {number} has {len(sentence):,}: is this running text?"
                )
                too_long[place, number] = Problem(article.name, expected, value=sentence)
                continue
            start: dt.date | None
            end: dt.date | None
            precision: Precision
            try:
                start, end, precision = resolve(mention, clock, previous)
                note, previous = "", end
            except UnresolvedError as unresolved:
                start, end, precision, note = None, None, "unresolved", str(unresolved)
            actor = find_actor(sentence, mention.first - first, mention.last - first)
            statements.append(
                Statement(place, number, mention.text, start, end, precision, actor, sentence, note)
            )
    if too_long:
        raise InputError(too_long.values())
    return Extraction(article, tuple(statements), year, basis)
