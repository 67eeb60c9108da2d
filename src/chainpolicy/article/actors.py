"""Who acts or speaks in a sentence, by rule."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from itertools import chain


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SAYING = _words(
    "said says stated states added adds noted notes told warned warns argued argues believes wrote "
    "emphasized emphasised emphasizes stressed stresses explained confirmed denied declared urged "
    "told tells spoke speaks"
)
_ACTING = _SAYING | _words(
    "adopted adopts announced announces approved approves banned began broadcast called considered "
    "considers convened decided disclosed discloses drafted enacted established establishes fined "
    "forbade hosted introduced introduces issued issues launched launches ordered passed pledged "
    "pointed posted prohibited promised promulgated proposed proposes published publishes released "
    "releases repealed reported reports requested required reviewed revised revoked ruled signed "
    "started submitted suspended unveiled unveils voted withdrew"
)
_ADVERBS = _words("also has have had then today yesterday")
_CONNECTORS = _words("of the and for on in to at a an & de")
_NO_NAMES = _words(
    "he she it they we i you this that these those there who which what on in after before since "
    "among according as at by for from during when while but if although however meanwhile monday "
    "tuesday wednesday thursday friday saturday sunday january february march april may june july "
    "august september october november december jan feb mar apr jun jul aug sep sept oct nov dec"
)
_INSTITUTION = re.compile(
    r"(?:Administration|Agency|Association|Authority|Bank|Board|Bureau|Cabinet|Commission|Committee"
    r"|Congress|Council|Court|Department|Exchange|Fund|Government|Headquarters|Ministry|Office"
    r"|Parliament|Senate|Treasury)\b"
)
_TOKEN = re.compile(
    r"(?:Dr|Gen|Gov|Mr|Mrs|Ms|Prof|Sen|St)\.|(?:[A-Z]\.)+"
    r"|[^\W_](?:[\w&.'’-]*[\w'’])?|&|[^\w\s]"
)
_QUOTES = frozenset("\"“”„«»'‘’")
_BY = re.compile(r"\b(?:[Aa]ccording to|[a-z]+ed by|[a-z]+ed jointly by) ")


def find_actor(sentence: str, first: int = 0, last: int = 0) -> str:
    """Return the body that issues, or the person who speaks, at a date in a sentence.

    By rule, in this order, within the part between semicolons that holds the date: the capitalised
    name directly before a verb of issuing or saying that stands after the date, then one anywhere
    in the part ("Huang, vice chairman of ..., said" gives the name before the apposition); a name
    after "issued by", "according to" or the like; the first capitalised name with a word such as
    Ministry or Commission; the first acronym with "the" or a genitive. Otherwise "", as for prices
    that rise by themselves and for bodies without a name ("the regulator"). Without a leading
    article.
    """
    begin = sentence.rfind(";", 0, first) + 1
    end = sentence.find(";", last)
    part = _Part(sentence[begin:] if end < 0 else sentence[begin:end])
    after = part.token_at(last - begin)
    rules = (
        _before_verbs(part, after),
        _before_verbs(part, 0),
        _after_by(part),
        _institutions(part),
        _acronyms(part),
    )
    return next(filter(None, chain.from_iterable(rules)), "")


class _Part:
    """A part of a sentence, word by word."""

    def __init__(self, text: str) -> None:
        matches = list(_TOKEN.finditer(text))
        self.text = text
        self.tokens = [match[0] for match in matches]
        self._spans = [match.span() for match in matches]

    def token_at(self, place: int) -> int:
        """Return the first token that begins at a place of the text or after it."""
        return bisect.bisect_left(self._spans, (place,))

    def written(self, indices: tuple[int, int] | None) -> str:
        """Write the text from one token to another, without quotation marks."""
        if indices is None:
            return ""
        words = self.text[self._spans[indices[0]][0] : self._spans[indices[1]][1]]
        return " ".join(re.sub(r"[\"“”„«»]", "", words).split())


def _before_verbs(part: _Part, lowest: int) -> Iterator[str]:
    for verb, token in enumerate(part.tokens):
        if verb >= lowest and token in _ACTING:
            yield part.written(_subject(part.tokens, verb, lowest))


def _after_by(part: _Part) -> Iterator[str]:
    for match in _BY.finditer(part.text):
        yield part.written(_name_from(part.tokens, part.token_at(match.end())))


def _institutions(part: _Part) -> Iterator[str]:
    for start in _name_starts(part.tokens):
        name = part.written(_name_from(part.tokens, start))
        if _INSTITUTION.search(name):
            yield name


def _acronyms(part: _Part) -> Iterator[str]:
    acronym = re.search(r"\b[Tt]he ([A-Z]{3,})\b(?= [a-z])|\b([A-Z]{3,})['’]s\b", part.text)
    if acronym:
        yield acronym[1] or acronym[2]


def _is_name(token: str) -> bool:
    return (
        token[0].isupper() and token.lower() not in _NO_NAMES and token.lower() not in _CONNECTORS
    )


def _fits_name(token: str) -> bool:
    ordinal = re.fullmatch(r"\d+(?:st|nd|rd|th)", token) is not None
    return _is_name(token) or ordinal or token in _CONNECTORS or token in _QUOTES


def _trimmed(tokens: list[str], first: int, last: int) -> tuple[int, int] | None:
    while first <= last and (tokens[first].lower() in _CONNECTORS or tokens[first] in _QUOTES):
        first += 1
    while first <= last and (tokens[last].lower() in _CONNECTORS or tokens[last] in _QUOTES):
        last -= 1
    return (first, last) if any(_is_name(token) for token in tokens[first : last + 1]) else None


def _subject(tokens: list[str], verb: int, lowest: int) -> tuple[int, int] | None:
    """Return first and last token of the name before a verb, not before token `lowest`."""
    last = verb - 1
    while last >= lowest and (tokens[last] in _ADVERBS or tokens[last].endswith("ly")):
        last -= 1
    if last >= lowest and tokens[last] == ",":
        comma = last - 1
        while comma >= lowest and tokens[comma] != ",":
            comma -= 1
        if comma > lowest and tokens[comma + 1].islower():
            last = comma - 1
    first = last + 1
    while first > lowest and _fits_name(tokens[first - 1]):
        first -= 1
    found = _trimmed(tokens, first, last)
    if found is None and tokens[verb] in _SAYING:
        return _name_from(tokens, verb + 1)
    return found


def _name_from(tokens: list[str], first: int) -> tuple[int, int] | None:
    last = first
    while last < len(tokens) and _fits_name(tokens[last]):
        last += 1
    return _trimmed(tokens, first, last - 1)


def _name_starts(tokens: list[str]) -> Iterator[int]:
    for index, token in enumerate(tokens):
        if _is_name(token) and not (index and _is_name(tokens[index - 1])):
            yield index
