"""The year of the dates of a text that are written without one, inferred from those with one."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from chainpolicy.article.dates import (
    NO_YEAR,
    Mention,
    find_day,
    full_year,
    weekday_number,
)

_LONE_YEAR = re.compile(r"(?<![\w.,/:$€£¥–—-])((?:19|20)\d\d)(?![\w%:$€£¥/]|[.,]\d)")


def infer_year(paragraphs: Sequence[str], mentions: Sequence[Mention]) -> tuple[int | None, str]:
    """Return the year of the dates written without one, and where it comes from, in words.

    Each year written alone votes for itself (a range of years for its first), each date with a year
    for the year that brings the dates without one nearest to it. A day of the week beside a date
    comes first: the year has to fit it. Then most votes win, the later year at a tie. It is one
    year for the whole text: one that runs over the turn of a year needs the day of publication.
    """
    dated = [mention for mention in mentions if mention.kind in {"date", "numeric", "month"}]
    undated = [mention for mention in dated if not (mention["c"] or mention.year)]
    if not undated and not any(mention.kind == "nearby month" for mention in mentions):
        return None, "no date is written without its year"
    votes = list(_votes_of_dates(dated, undated)) + list(_votes_of_years(paragraphs, dated))
    if not votes:
        return None, NO_YEAR
    counts = Counter(year for year, _ in votes)
    weekdays = [
        mention
        for mention in undated
        if mention.kind == "date" and mention.weekday and not mention["d2"]
    ]

    def merit(year: int) -> tuple[int, int, int]:
        return _n_fitting(weekdays, year), counts[year], year

    near = {year + step for year in counts for step in (-1, 0, 1)} if weekdays else set(counts)
    chosen = max(near, key=merit)
    return chosen, f"inferred {_reasons(chosen, votes, weekday_fits=merit(chosen)[0] > 0)}"


def _reasons(chosen: int, votes: Sequence[tuple[int, str]], *, weekday_fits: bool) -> str:
    words = dict.fromkeys(f'"{text}"' for year, text in votes if year == chosen)
    reasons = [f"from {_cut(', '.join(words))}"] if words else []
    if weekday_fits:
        reasons.append("the days of the week fit")
    if len({year for year, _ in votes}) > 1:
        count = sum(year == chosen for year, _ in votes)
        reasons.append(f"{count} of {len(votes)} years written in the text speak for it")
    return "; ".join(reasons)


def _votes_of_dates(
    dated: Sequence[Mention], undated: Sequence[Mention]
) -> Iterator[tuple[int, str]]:
    """Yield the year that each date with one speaks for, and its words."""
    # Any leap year: it has all the days, and only their order within a year is needed.
    open_days = Counter(
        day.timetuple().tm_yday
        for mention in undated
        if not mention["which"]
        and (day := find_day(mention["d"] or "15", mention["n"] or mention["n2"], 2000))
    )

    @cache
    def shift(day_of_year: int) -> int:
        def distance(years: int) -> tuple[int, int]:
            total = sum(abs(day + 366 * years - day_of_year) * n for day, n in open_days.items())
            return total, abs(years)

        return min((0, -1, 1), key=distance)

    for mention in dated:
        written = mention.year or mention["c"]
        if len(written) != 4 or written not in mention.text:  # of a list the last day only
            continue
        number, month = mention["d"] or "15", mention["n"] or mention["n2"]
        if mention["y2"]:
            number, month = mention["d2"] or number, mention["n2"] or month
        year = full_year(written, None)
        if mention.kind == "numeric":
            yield year, mention.text
        elif full := find_day(number, month, year):
            yield year + shift(full.timetuple().tm_yday), mention.text


def _votes_of_years(
    paragraphs: Sequence[str], dated: Sequence[Mention]
) -> Iterator[tuple[int, str]]:
    """Yield the years that stand outside of dates."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for mention in dated:
        spans.setdefault(mention.paragraph, []).append((mention.first, mention.last))
    for number, paragraph in enumerate(paragraphs, start=1):
        taken = spans.get(number, [])
        for match in _LONE_YEAR.finditer(paragraph):
            before = bisect.bisect_right(taken, (match.start(), len(paragraph))) - 1
            if before < 0 or match.start() >= taken[before][1]:
                yield int(match[1]), match[1]


def _n_fitting(mentions: Sequence[Mention], year: int) -> int:
    """Return how many dates fall on the day of the week that stands beside them."""
    distinct = {(m["d"], m["n"] or m["n2"], m.weekday) for m in mentions}
    return sum(
        (day := find_day(number, month, year)) is not None and day.weekday() == weekday_number(name)
        for number, month, name in distinct
    )


def _cut(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."
