"""An article's dated statements with their tone, beside an event catalogue: the command."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, get_args

import pandas as pd

from chainpolicy.article import Extraction, Precision, Statement, dated_statements, read_article
from chainpolicy.article.tone import TONES, score, stance_lexicon
from chainpolicy.study.output import keep_apart
from chainpolicy.study.problems import InputError, Problem, irregular
from chainpolicy.typeset.numbers import counted

CHECKSUM = "article_sha256"
DECIMALS = 4


def tone_table(extraction: Extraction) -> pd.DataFrame:
    """Return the dated statements of an article with their tone.

    Returns
    -------
    DataFrame
        One row per mention in the order of the text. The tone is that of the whole sentence, so two
        dates in one sentence share it.

        - ``paragraph, sentence`` (both counted from 1), ``mention`` as written;
        - ``date`` in ISO 8601, as short as its precision allows: 2019-10-24, 2019-10, 2019, or two
          joined by a slash for a range; "" if unresolved;
        - ``date_from, date_to``: first and last day meant, both inclusive; "" if unresolved;
        - ``precision``: day, week, month, quarter, season, half-year, year or unresolved; that of
          both ends of a range;
        - ``time``: the time of day that goes with the date, 12:08-04:00, or 12:08 if the offset
          from UTC is not known;
        - ``actor``: who issues or speaks, "" if the sentence names nobody;
        - ``tone_lm, tone_vader, tone_stance, lm_positive, lm_negative, support, restriction``;
        - ``text``: the sentence;
        - ``reason``: why the date is unresolved, or its time without an offset.
    """
    described = ("paragraph", "sentence", "mention", "date")
    detailed = ("precision", "time", "actor")
    days = ("date_from", "date_to")
    counted = ("lm_positive", "lm_negative", "support", "restriction")
    rows = []
    for statement in extraction.statements:
        tone = score(statement.text)
        rows.append(
            {name: getattr(statement, name) for name in described}
            | dict(zip(days, map(_iso, (statement.start, statement.end)), strict=True))
            | {name: getattr(statement, name) for name in detailed}
            | {"tone_lm": tone.lm, "tone_vader": tone.vader, "tone_stance": tone.stance}
            | {name: getattr(tone, name) for name in counted}
            | {"text": statement.text, "reason": statement.reason}
        )
    columns = [*described, *days, *detailed, *TONES, *counted, "text", "reason"]
    return pd.DataFrame(rows, columns=columns)


def _iso(day: dt.date | None) -> str:
    return "" if day is None else day.isoformat()


def brief(table: pd.DataFrame) -> pd.DataFrame:
    """Return what a terminal has room for of a `tone_table`.

    ``at`` (paragraph.sentence), ``date`` (the words in quotes if unresolved), ``precision, actor,
    lm, vader, stance, text``; tones with two decimals.
    """
    tones = {name.removeprefix("tone_"): table[name].map("{:+.2f}".format) for name in TONES}
    return pd.DataFrame(
        {
            "at": table["paragraph"].astype(str) + "." + table["sentence"].astype(str),
            "date": table["date"].where(table["date"] != "", "“" + table["mention"] + "”"),
            "precision": table["precision"],
            "actor": table["actor"],
            **tones,
            "text": table["text"],
        }
    )


def event_tones(events: pd.DataFrame, extraction: Extraction) -> pd.DataFrame:
    """Return the tone columns of an event catalogue.

    An event belongs to the statements whose resolved date is its ``article_date`` (ISO 8601, as in
    `Statement.date`). Of several, those that name an actor count, because a date is also mentioned
    where a price moves or a story goes on; their tones are averaged. Two events on one date, or two
    dates in one sentence, share their tone: the article says no more about either.

    ``tone_lm, tone_vader, tone_stance``, rounded to 4 decimals, NaN where the article has no such
    date, and ``article_sha256``, "" there.
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
    compared : int
        Events whose article date is a date of the article.
    differences : tuple of str
        Stored numbers, checksums and article dates that are not those of the article, in words.
    dates_without_event : tuple of str
        Resolved dates of the article that no event names as its article date.
    events_without_date : tuple of str
        Events from the article, with an announcement time, that name no date of the article.
    """

    compared: int
    differences: tuple[str, ...]
    dates_without_event: tuple[str, ...]
    events_without_date: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing stored differs; dates or events alone are no failure."""
        return not self.differences


def verify(events: pd.DataFrame, extraction: Extraction) -> Verification:
    """Recompute the tone numbers stored in an event catalogue and compare the dates.

    `events` has ``event_id, article_date, from_article, announced_at`` and the columns of
    `event_tones`, as numbers or as text.
    """
    expected = event_tones(events, extraction)
    article_dates = {statement.date for statement in extraction.statements} - {""}
    identifiers, named = _texts(events, "event_id"), _texts(events, "article_date")
    stored = {column: _texts(events, column) for column in expected.columns}
    differences = []
    other_articles: dict[tuple[str, str], list[str]] = {}
    for row, (event, date) in enumerate(zip(identifiers, named, strict=True)):
        if date and date not in article_dates:
            differences.append(f"{event}: the article has no date {date}")
            continue
        for column in TONES:
            found, wanted = stored[column][row], expected[column].iloc[row]
            if not _same_number(found, wanted):
                recomputed = "" if math.isnan(wanted) else wanted
                differences.append(
                    f'{event}, {column}: stored "{found}", recomputed "{recomputed}"'
                )
        checksums = stored[CHECKSUM][row], expected[CHECKSUM].iloc[row]
        if checksums[0] != checksums[1]:
            other_articles.setdefault(checksums, []).append(event)
    differences += [
        f'{", ".join(of)}, {CHECKSUM}: stored "{found}", recomputed "{wanted}"'
        for (found, wanted), of in other_articles.items()
    ]
    from_article = [text.lower() in {"yes", "true"} for text in _texts(events, "from_article")]
    announced = _texts(events, "announced_at")
    return Verification(
        sum(date in article_dates for date in named),
        tuple(differences),
        tuple(sorted(article_dates - set(named))),
        tuple(
            event
            for event, date, ours, moment in zip(
                identifiers, named, from_article, announced, strict=True
            )
            if ours and moment and date not in article_dates
        ),
    )


def _same_number(found: str, wanted: float) -> bool:
    if math.isnan(wanted):
        return found == ""
    try:
        return math.isclose(float(found), wanted, rel_tol=0, abs_tol=0.6 * 10**-DECIMALS)
    except ValueError:
        return False


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
    published: str | None = None,
    output: str | Path | None = None,
    events: pd.DataFrame | None = None,
) -> ExtractReport:
    """Extract the dated statements of an article and their tone: ``chainpolicy extract``.

    Parameters
    ----------
    source : path, binary stream, or "-"
        See `chainpolicy.article.read_article`.
    published : str, optional
        Day of publication, YYYY-MM-DD.
    output : path, optional
        File to write, .csv or .json.
    events : DataFrame, optional
        Event catalogue to verify against the article.

    Returns
    -------
    ExtractReport
        Its table has a row for every date expression, resolved or with the reason why not; see
        `tone_table` for the columns.

    Raises
    ------
    InputError
        If the article, the date or the name of the output cannot be used, or the output is the
        article.
    """
    if output is not None and Path(output).suffix.lower() not in {".csv", ".json"}:
        expected = "a file name that ends in .csv or .json"
        raise InputError([Problem("--output", expected, value=str(output))])
    if output is not None and isinstance(source, str | Path) and source != "-":
        keep_apart([Path(output)], [Path(source)])
    day = None if published is None else _published(published)
    extraction = dated_statements(read_article(source), day)
    table = tone_table(extraction)
    messages = list(_summary(extraction))
    exit_status = 0
    if events is not None:
        result = verify(events, extraction)
        exit_status = 0 if result.passed else 1
        messages += _verification_lines(result, len(events))
    if output is not None:
        _write(table, Path(output))
    return ExtractReport(table, tuple(messages), exit_status)


def _published(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        expected = "a day as YYYY-MM-DD"
        raise InputError([Problem("--published", expected, value=text)]) from error


def _summary(extraction: Extraction) -> Iterator[str]:
    counts = pd.Series([s.precision for s in extraction.statements], dtype=str).value_counts()
    always = ("day", "month", "unresolved")
    names = [name for name in get_args(Precision) if name in always or name in counts]
    parts = ", ".join(f"{counts.get(name, 0)} {name}" for name in names)
    article = extraction.article
    yield (
        f"{article.name}: {counted(len(article.paragraphs), 'paragraph')}, "
        f"{counted(len(extraction.statements), 'dated statement')} ({parts})"
    )
    year = "" if extraction.year is None else f"{extraction.year}, "
    yield f"year of dates written without one: {year}{extraction.year_basis}"
    yield f"SHA-256 {article.checksum}; stance lexicon {stance_lexicon().version}"


def _verification_lines(result: Verification, n_events: int) -> Iterator[str]:
    yield from (f"differs: {line}" for line in result.differences)
    if not result.compared:
        yield f"none of {counted(n_events, 'event')} has a date of this article: no tone to compare"
    elif result.passed:
        yield (
            f"the stored tones of {result.compared} of {n_events} events are those of the article; "
            "the others have no date in it"
        )
    for title, names in (
        ("article dates without an event", result.dates_without_event),
        ("events from the article without an article date", result.events_without_date),
    ):
        yield f"{title}: {', '.join(names) or 'none'}"


def _write(table: pd.DataFrame, path: Path) -> None:
    """Write a table to a .csv or .json file, whole or not at all."""
    if (expected := irregular(path)) is not None:
        raise InputError([Problem(str(path), expected)])
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
        expected = f"a file that can be written; the system says: {error.strerror}"
        raise InputError([Problem(str(path), expected)]) from error
