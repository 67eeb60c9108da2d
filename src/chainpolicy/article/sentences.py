"""Where the sentences of a paragraph begin."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

_PIECE = 2_000
_PLAIN_END = re.compile(r"[a-z]{4}[.!?][\"”’')]* (?=[\"“‘(]?[A-Z])")


@lru_cache(maxsize=1)
def _segmenter() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in its patterns, told once at compilation
        import pysbd
    return pysbd.Segmenter(language="en", clean=False)


def sentence_starts(paragraph: str, unbroken: Iterable[tuple[int, int]]) -> list[int]:
    """Return the offsets at which sentences begin; the first is 0.

    No sentence begins within `unbroken` dates and times (begin and end): the splitter takes the
    dots of "12:08 p.m. EDT" for full stops.
    """
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
    inside = {place for first, last in unbroken for place in range(first + 1, last)}
    return [0, *(start for start in starts if start > 0 and start not in inside)]
