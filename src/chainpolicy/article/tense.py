"""Whether a sentence speaks of the past or the future where it names a day.

Only what can be told from a few words is told: everything else is "unclear", and whoever asks then
has to leave the day open.
"""

from __future__ import annotations

import re
from typing import Literal

Tense = Literal["past", "future", "unclear"]

# The verb that follows is read with it: "will cut" and "is to be shut" hold no past tense.
_INFINITIVE = r"(?:(?: not| also| \w+ly)*(?: be| have)? [a-z]+)?"
_FUTURE = (
    rf"(?:will|shall|won['’]t|\w+['’]ll){_INFINITIVE}"
    r"|(?:is|are) (?:going|due|set|slated|poised|scheduled|expected|planned|supposed)"
    rf"(?: to{_INFINITIVE})?|(?:is|are|plans?|intends?|hopes?|aims?|expects?) to{_INFINITIVE}"
)
# Words that look like a past tense, or hide one, but do not say when; longest first.
_UNCLEAR = (
    rf"(?:was|were|been|had|has|have)? ?(?:scheduled|planned|expected|due|set|slated|supposed)\b"
    rf"(?: (?:to|for|on))?|(?:would|could|should|might|may|must|can){_INFINITIVE}|is|are|be"
    r"|to (?!(?:the|an?|its?|his|her|their|our|this|that|these|those|all|any|some|\w+ing)\b)[a-z]+"
    r"|(?:take|come|go|start|begin|open|close|end|meet|launch|expire|run|kick|enter|fall|report"
    r"|publish|vote|decide|hold|plan|apply|appl|announce|issue|adopt|ban|bind|rise|release|present)"
    r"(?:s|es|ies)"
)
_IRREGULAR = (
    r"said|told|met|rose|fell|began|broke|brought|bought|came|chose|cut|drew|drove|ended|found|gave"
    r"|got|grew|had|held|hit|kept|knew|left|lost|made|paid|put|ran|saw|sank|sent|set|shot|shut|sold"
    r"|spoke|spent|stood|swung|took|thought|went|withdrew|won|wrote|was|were|did|became|led|forbade"
)
# "The proposed rule" and "tokens issued by a bank" say nothing about the verb of their sentence.
_REGULAR = (
    r"(?<!\bthe )(?<!\ba )(?<!\ban )(?<!\bits )(?<!\btheir )(?<!\bof )(?<!\bly )(?<!-)"
    r"[a-z]{2,}(?<!e)ed(?! by\b)(?<!need)(?<!hundred)(?<!indeed)"
)
_CUE = re.compile(
    rf"\b(?:(?P<future>{_FUTURE})|(?P<unclear>{_UNCLEAR})|(?P<past>{_IRREGULAR}|{_REGULAR}))\b",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(
    r"\b(?:on|in|since|late|early|of|for|at)?,? ?(?:(?:late|early|the|last) )*$", re.IGNORECASE
)


def tense(before: str, after: str) -> Tense:
    """Return the tense of the verb that a day in a sentence goes with, between semicolons.

    The last verb before the day counts, unless one that follows in the same clause has another
    tense: then only a verb that stands directly before the day does ("said on Monday it will
    meet"). A sentence that begins with its day goes by the first verb after it.
    """
    before, after = before.rpartition(";")[2], after.partition(";")[0]
    cues = list(_CUE.finditer(before))
    if not cues:
        first = _CUE.search(after)
        return _name(first) if first else "unclear"
    last = cues[-1]
    following = _CUE.search(re.split(r"[,;:\"“”–—]", after, maxsplit=1)[0])
    if following is None or _name(following) == _name(last):
        return _name(last)
    directly = _PREPOSITION.sub("", before).rstrip()
    return _name(last) if last.end() == len(directly) else "unclear"


def _name(cue: re.Match[str]) -> Tense:
    names: tuple[Tense, ...] = ("past", "future")
    return next((name for name in names if cue[name]), "unclear")
