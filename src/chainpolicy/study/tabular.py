"""A user's CSV file -> text cells with their physical line numbers, checked cell by cell.

Everything is read as text: a value that fails to parse is then one located problem, and never
a second one for failing to be compared as a number.
"""

from __future__ import annotations

import csv
import math
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute as pc
from pyarrow import csv as arrow_csv

from chainpolicy.study.problems import Problem, irregular, nearest

# A function from text cells to booleans, and what is expected where it says False.
Rule = tuple[Callable[[pd.Series], pd.Series], str]

# Of a long file, whatever the text of other tables is kept in.
_ARROW_TEXT = pd.StringDtype("pyarrow", na_value=np.nan)

CHUNK_ROWS = 100_000
MOST_PROBLEMS = 1_000

_OTHER_FILES = {
    b"\xff\xfe": "UTF-8 text, not UTF-16; save it as CSV UTF-8",
    b"\xfe\xff": "UTF-8 text, not UTF-16; save it as CSV UTF-8",
    b"PAR1": "a CSV file, not Parquet",
    b"PK\x03\x04": "a CSV file, not a workbook or another zip archive; save it as CSV UTF-8",
}
DAMAGED = "UTF-8 text, which this is not; save the file as UTF-8"
_DATE = r"(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}"
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


@dataclass(frozen=True)
class Column:
    """What the text cells of a column may hold, see `cell`."""

    rules: tuple[Rule, ...]
    required: bool
    blank: bool


Schema = Mapping[str, Column]


def cell(*rules: Rule, required: bool = False, blank: bool = True) -> Column:
    """Describe a column of text cells.

    A rule is a function from text cells to booleans and what is expected where it says False; it is
    not asked about blank cells. The first rule that a cell breaks is the one reported.
    """
    return Column(rules, required, blank)


def one_of(*values: str) -> Rule:
    """Return the rule, for `cell`, of a cell that holds one of a few words."""
    return lambda text: text.isin(values), "one of " + ", ".join(values)


def parse_dates(text: pd.Series) -> pd.Series:
    """Read dates written YYYY-MM-DD; NaT where a text is no date of the years 1900 to 2199."""
    # A price file repeats each date for every ticker: each spelling is parsed once.
    codes, spellings = pd.factorize(text)
    plain = pd.Series(spellings, dtype="str")
    plain = plain.where(plain.str.fullmatch(_DATE))
    days = pd.to_datetime(plain, format="%Y-%m-%d", errors="coerce").to_numpy("datetime64[ns]")
    return pd.Series(days[codes], index=text.index)


def parse_numbers(text: pd.Series) -> pd.Series:
    """Read decimal numbers; NaN where a text is no finite number.

    Words such as ``inf`` or ``nan``, thousands separators and decimal commas are not numbers.
    """
    try:
        written = pa.array(text, pa.string(), from_pandas=True)
    except UnicodeEncodeError:
        known = zip(text, text.notna(), strict=True)
        readable = [one if there and not is_damaged(one) else None for one, there in known]
        written = pa.array(readable, pa.string())
    is_number = pc.match_substring_regex(written, f"^(?:{_NUMBER})$")
    # Arrow's reader of numbers knows no plus sign.
    digits = pc.utf8_ltrim(pc.if_else(is_number, written, None), "+")
    numbers = pc.cast(digits, pa.float64()).to_numpy(zero_copy_only=False)
    finite = np.where(np.isfinite(numbers), numbers, np.nan)
    return pd.Series(finite, text.index, name=text.name)


def parse_date(text: str) -> date | None:
    """Read one date as `parse_dates` reads a column; None where the text is none."""
    try:
        return date.fromisoformat(text) if re.fullmatch(_DATE, text) else None
    except ValueError:
        return None


def parse_number(text: str) -> float:
    """Read one number as `parse_numbers` reads a column; NaN where the text is none."""
    number = float(text) if re.fullmatch(_NUMBER, text) else math.nan
    return number if math.isfinite(number) else math.nan


def split_list(text: str) -> tuple[str, ...]:
    """Split what a cell joins by ``;``; empty for a blank one."""
    return tuple(part.strip() for part in text.split(";")) if text else ()


def is_label(text: pd.Series) -> pd.Series:
    """Whether texts stand in one line and can be joined by ``;``."""
    return text.map(str.isprintable).astype(bool) & ~text.str.contains(";", regex=False)


def require_day(name: str, value: str | date | pd.Timestamp) -> pd.Timestamp:
    """Read a day of a calendar; raises ValueError if it is no date, or has a time zone."""
    try:
        day = pd.Timestamp(value)
    except (ValueError, TypeError):
        day = None
    if day is None or pd.isna(day):
        raise ValueError(f"{name} is {value!r}; expected a day such as 2019-10-28")
    if day.tzinfo is not None:
        raise ValueError(f"{name}: {day} has a time zone; give a day without one")
    return day


def require_moment(name: str, value: pd.Timestamp) -> pd.Timestamp:
    """Put a moment into UTC; raises ValueError if it has no time zone."""
    moment = pd.Timestamp(value)
    if moment.tzinfo is None:
        raise ValueError(f"{name}: {moment} has no time zone; give one, such as 2019-10-25T00:00Z")
    return moment.tz_convert("UTC")


IS_DATE = (lambda text: parse_dates(text).notna(), "a date YYYY-MM-DD")
IS_NUMBER = (lambda text: parse_numbers(text).notna(), "a number with a decimal point")


def read_table(
    path: Path,
    schema: Schema,
    key: Sequence[str],
    problems: list[Problem],
    name: str | None = None,
) -> pd.DataFrame:
    """Read a whole CSV file of text and check every cell of it.

    Columns are described by `cell`; unknown ones are kept, those that the file lacks are added
    blank. The columns of `key` together name a row. White space around a value is removed; index
    ``line`` is the physical line on which a record starts.
    """
    name = path.name if name is None else name
    before = len(problems)
    chunks = list(read_chunks(path, schema, problems, name))
    if not chunks:
        return pd.DataFrame(columns=list(schema), dtype="str")
    table = pd.concat(chunks)
    if table.empty and len(problems) == before:
        problems.append(Problem(name, "at least one row below the header"))
    problems += check_cells(table, schema, name)
    absent = [column for column in schema if column not in table]
    if key and not set(key) & set(absent):
        keys = table[list(key)]
        problems += check_keys(keys[(keys != "").all(axis=1)], name)
    return table.assign(**dict.fromkeys(absent, "")).astype("str")


def read_chunks(
    path: Path, schema: Schema, problems: list[Problem], name: str
) -> Iterator[pd.DataFrame]:
    """Read a CSV file piece by piece, checking its form but not its cells.

    Pieces have at most `CHUNK_ROWS` rows, index ``line`` as in `read_table`; there is at least one,
    perhaps without rows, if there is a header. A byte order mark is accepted, lines without a sign
    are passed over. Reported and left out are bad headers, ragged rows, quotation marks that do not
    pair and bytes that are not UTF-8. After `MOST_PROBLEMS`, those included that the caller appends
    between two pieces, reading stops.
    """
    before = len(problems)
    line = 1
    for piece in _plain_pieces(path, schema, name):
        if len(problems) - before >= MOST_PROBLEMS:
            problems.append(_stopped(name, line + 1))
            return
        if piece is None:
            break
        yield piece
        line = int(piece.index[-1])
    else:
        return
    yield from _read_rows(read_records(path, problems, name), schema, problems, name, line)


def read_records(
    path: Path, problems: list[Problem], name: str, delimiter: str = ","
) -> Iterator[tuple[int, list[str]]]:
    """Read the records of a delimited text file: the line on which each starts, and its fields.

    There are no fields for a line without a sign and for a record that was reported. Bytes that are
    not UTF-8 are lone surrogates, see `is_damaged`. After `MOST_PROBLEMS` problems, those included
    that the caller appends, reading stops.
    """
    if expected := irregular(path):
        problems.append(Problem(name, expected))
        return
    try:
        with path.open("rb") as stream:
            beginning = stream.read(4)
        for mark, expected in _OTHER_FILES.items():
            if beginning.startswith(mark):
                problems.append(Problem(name, expected))
                return
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            yield from _split_records(text, problems, name, delimiter)
    except FileNotFoundError:
        problems.append(Problem(name, f"a file of this name in {path.parent}; there is none"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problems.append(Problem(name, f"a file that can be read; the system says: {reason}"))


def check_cells(table: pd.DataFrame, schema: Schema, name: str) -> list[Problem]:
    """Check text cells against a schema: one problem for each cell, in the order of the lines.

    Columns that the table does not have are not checked.
    """
    problems = []
    for title, column in schema.items():
        if title not in table or (column.blank and not column.rules):
            continue
        text = table[title]
        given = (text != "").to_numpy()
        if not column.blank and not given.all():
            problems += _refused(text[~given], "a value; it must not be blank", name)
        text = text[given]
        for holds, expected in column.rules:
            if text.empty:
                break
            held = holds(text).to_numpy()
            if not held.all():
                problems += _refused(text[~held], expected, name)
                text = text[held]
    return sorted(problems, key=lambda problem: problem.line or 0)


def _refused(text: pd.Series, expected: str, name: str) -> list[Problem]:
    cells = zip(text.index.tolist(), text, strict=True)
    return [Problem(name, expected, line, str(text.name), value) for line, value in cells]


def check_keys(keys: pd.DataFrame, name: str) -> list[Problem]:
    """Find rows that repeat the key of an earlier one; each problem names the line of the first.

    All columns together are the key, without gaps; index ``line``. At most `MOST_PROBLEMS` are
    found.
    """
    shared = keys[keys.duplicated(keep=False)]
    first: dict[tuple[object, ...], int] = {}
    problems: list[Problem] = []
    label = ", ".join(keys.columns)
    for line, *values in shared.itertuples():
        holder = first.setdefault(tuple(values), line)
        if holder == line:
            continue
        expected = f"each {label} once; line {holder} has this one already"
        problems.append(Problem(name, expected, line, label, ", ".join(map(_as_text, values))))
        if len(problems) == MOST_PROBLEMS:
            break
    return problems


def _split_records(
    text: TextIO, problems: list[Problem], name: str, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    before = len(problems)
    line = 1
    while len(problems) - before < MOST_PROBLEMS:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append(Problem(name, _quoting(str(error), delimiter), line))
            if "expected after" not in str(error):
                return
            row = []
        yield line, row
        line = reader.line_num + 1
    problems.append(_stopped(name, line))


def _stopped(name: str, line: int) -> Problem:
    expected = f"fewer problems: reading stopped after {MOST_PROBLEMS:,} of them"
    return Problem(name, expected, line)


def _plain_pieces(path: Path, schema: Schema, name: str) -> Iterator[pd.DataFrame | None]:
    """Read a file as long as there is nothing to say of its form; then give None, and stop.

    Arrow reads a long file twenty times as fast as rows can be looked at one by one.
    """
    if irregular(path):
        yield None
        return
    try:
        with path.open("rb") as stream:
            columns = _plain_header(stream.readline(), schema, name)
            line = 2
            piece = None
            while lines := list(islice(stream, CHUNK_ROWS)):
                piece = _plain_piece(lines, columns, line)
                if piece is None:
                    break
                yield piece
                line += len(lines)
            if piece is None:
                yield None
    except OSError:
        yield None


def _plain_header(line: bytes, schema: Schema, name: str) -> list[str]:
    """Columns of a header without a problem; none, if whoever reads it slowly will say why."""
    if not _is_plain(line) or line.startswith(tuple(_OTHER_FILES)):
        return []
    problems: list[Problem] = []
    try:
        row = line.decode("utf-8-sig").rstrip("\r\n").split(",")
    except UnicodeDecodeError:
        return []
    columns = _header(row, schema, problems, name)
    return [] if problems else columns


def _plain_piece(lines: list[bytes], columns: list[str], line: int) -> pd.DataFrame | None:
    """Read rows of text cells, the first on `line`; None if one needs a closer look."""
    text = b"".join(lines)
    too_long = max(map(len, lines)) > csv.field_size_limit()
    # In a single column a line of blanks is passed over; here it would be a value.
    if len(columns) < 2 or too_long or not _is_plain(text):
        return None
    if text.startswith(BOM_UTF8):
        # Arrow would take the mark of a file for that of its rows, and say nothing.
        return None
    text = text.rstrip(b"\r\n")
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(text),
            arrow_csv.ReadOptions(
                column_names=columns, block_size=len(text) + 1, use_threads=False
            ),
            arrow_csv.ParseOptions(quote_char=False),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        # A ragged row, bytes that are not UTF-8, or blank lines alone.
        return None
    if len(table) <= text.count(b"\n"):
        # Arrow passed over a blank line, which has a number.
        return None
    index = pd.RangeIndex(line, line + len(table), name="line")
    cells = {
        column: pd.array(pc.utf8_trim_whitespace(table[column]), dtype=_ARROW_TEXT)
        for column in columns
    }
    return pd.DataFrame(cells, index=index)


def _is_plain(text: bytes) -> bool:
    """Whether each line is a record and each comma ends a value, whatever stands between them."""
    no_sign_is_special = b'"' not in text and b"\0" not in text
    return no_sign_is_special and text.count(b"\r") == text.count(b"\r\n")


def _read_rows(
    records: Iterator[tuple[int, list[str]]],
    schema: Schema,
    problems: list[Problem],
    name: str,
    after: int,
) -> Iterator[pd.DataFrame]:
    """Read the rows after a line, those before it have been read."""
    before = len(problems)
    columns: list[str] = []
    # One flat list: a list per row would keep the garbage collector busy for half the time.
    cells: list[str] = []
    lines: list[int] = []
    for line, row in records:
        if not columns:
            if len(problems) > before:
                # The header is not what it says it is.
                return
            columns = _header(row, schema, problems, name)
            if not columns:
                return
        elif line <= after:
            continue
        elif len(row) == len(columns):
            cells += row
            lines.append(line)
        elif len(row) > 1 or (row and row[0].strip()):
            expected = f"{len(columns)} fields, as in the header; quote a value that holds a comma"
            count = f"{len(row)} field{'s' if len(row) > 1 else ''}"
            problems.append(Problem(name, expected, line, value=count))
        if len(lines) == CHUNK_ROWS:
            yield _frame(cells, lines, columns, problems, name)
            cells, lines = [], []
    if columns:
        yield _frame(cells, lines, columns, problems, name)
    elif len(problems) == before:
        _header([], schema, problems, name)


def _quoting(reason: str, delimiter: str) -> str:
    if "expected after" in reason:
        sign = "a comma" if delimiter == "," else repr(delimiter)
        return f'{sign} after the closing quotation mark; write " inside a quoted value as ""'
    if "field limit" in reason:
        return (
            f"values of at most {csv.field_size_limit():,} characters; a quotation mark that is "
            "not closed makes one value of all that follows; the lines after it were not read"
        )
    return "a closing quotation mark for the one opened here; the lines after it were not read"


def _header(row: list[str], schema: Schema, problems: list[Problem], name: str) -> list[str]:
    """Check the header; return one distinct name per field, or nothing if there is none."""
    columns = [column.strip() for column in row]
    required = [column for column, about in schema.items() if about.required]
    wanted = f"a header with the columns {', '.join(required)}, separated by commas"
    if not any(columns):
        problems.append(Problem(name, f"{wanted}; the first line is blank or missing", line=1))
        return []
    unknown = [column for column in columns if column not in schema]
    readable = [column for column in unknown if not is_damaged(column)]
    near = {column: nearest(column, readable) for column in required if column not in columns}
    if len(near) == len(required) and (len(columns) == 1 or not any(near.values())):
        # A line before the header, another separator, another file: its rows would say nothing.
        problems.append(Problem(name, wanted, 1, value=escape_damage(",".join(row))))
        return []
    problems += _check_names(columns, name)
    for column, other in near.items():
        hint = f'; is it the one called "{other}"?' if other else ""
        problems.append(Problem(name, f"this column; it is missing{hint}", 1, column))
    return [escape_damage(column) for column in columns]


def _check_names(columns: list[str], name: str) -> list[Problem]:
    problems = []
    for position, column in enumerate(columns):
        expected = None
        if not column:
            expected = "a column name; it must not be blank"
        elif is_damaged(column):
            expected = DAMAGED
        elif column in columns[:position]:
            expected = "each column name once"
        if expected:
            place = f"column {position + 1}"
            problems.append(Problem(name, expected, 1, place, escape_damage(column)))
    return problems


def _frame(
    cells: list[str], lines: list[int], columns: list[str], problems: list[Problem], name: str
) -> pd.DataFrame:
    width = len(columns)
    if is_damaged("".join(cells)):
        for position, value in enumerate(cells):
            if is_damaged(value):
                cells[position] = escape_damage(value)
                line, column = lines[position // width], columns[position % width]
                problems.append(Problem(name, DAMAGED, line, column, cells[position]))
    index = pd.Index(lines, name="line", dtype="int64")
    table: dict[str, pd.Series] = {}
    for position, column in enumerate(columns):
        # A repeated name has been reported; its first column stands for it.
        if column not in table:
            text = [cell.strip() for cell in cells[position::width]]
            table[column] = pd.Series(text, index=index, dtype="str")
    return pd.DataFrame(table, index=index)


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo else f"{value:%Y-%m-%d}"
    return str(value)


def is_damaged(text: str) -> bool:
    """Say whether bytes that are not UTF-8 came through (as lone surrogates), or NUL bytes."""
    if "\0" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def escape_damage(text: str) -> str:
    """Write what `is_damaged` finds so that it can be read."""
    return (
        text.encode("utf-8", "surrogateescape")
        .decode("utf-8", "backslashreplace")
        .replace("\0", r"\x00")
    )
