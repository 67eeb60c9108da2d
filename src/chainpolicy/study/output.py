"""Results are written as a whole: a reader can tell whether a folder holds one run's files."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from chainpolicy.study.problems import InputError, Problem, collecting, irregular

MANIFEST = "manifest.json"
STAGING = ".chainpolicy-staging-"
# Bounds the memory of a table that is written out.
ROWS_AT_A_TIME = 20_000
QUOTED_BLANK = '""'
# Between these sizes Arrow writes a number with a fraction as Python does.
SMALLEST_ALIKE, LARGEST_ALIKE = 1e-4, 1e9


def output_folder(directory: Path) -> Path:
    """Create a folder for results, if there is none.

    Raises `InputError` if there is something else of this name, or the folder cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        expected = "a folder for --output; something else has this name"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        expected = f"a folder for --output that can be written; the system says: {reason}"
    else:
        return directory
    raise InputError([Problem(str(directory), expected)])


def keep_apart(written: Iterable[Path], read: Iterable[Path]) -> None:
    """Refuse, with `InputError`, to write a file in place of one that the run reads."""
    places = {place for path in read for place in (_place(path), path.resolve())}
    with collecting() as problems:
        for path in written:
            if _place(path) in places:
                expected = "another place for --output: the file that is there is read by this run"
                problems.append(Problem(str(path), expected))


def _place(path: Path) -> Path:
    """Where a file of this name would be written: in place of a link, not through it."""
    return path.parent.resolve() / path.name


@contextmanager
def staging(directory: Path) -> Iterator[Path]:
    """Hand out an empty folder inside another in which nobody else writes meanwhile.

    What a run that was killed has left there is removed: a living one holds the lock, which the
    system frees when its holder dies. Raises `InputError` if another run is writing there.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            expected = "a folder that no other run is writing; wait until that one is done"
            raise InputError([Problem(str(directory), expected)]) from None
        for leftover in directory.glob(f"{STAGING}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=STAGING, dir=directory) as folder:
            yield Path(folder)
    finally:
        os.close(descriptor)


@contextmanager
def publish(directory: Path, told: Mapping[str, Any], read: Iterable[Path] = ()) -> Iterator[Path]:
    """Hand out an empty folder, and move the files written there to their places as one set.

    Nothing is moved before everything has been written. The old manifest is taken away first, the
    new one is written last, with the SHA-256 of every file and what else is `told`: a folder
    without a manifest, or with files that it does not describe, is not whole.
    Other files in the folder stay. Raises `InputError` if it cannot be used, another run is writing
    there, or a file would take the place of one that is `read`.
    """
    with staging(output_folder(directory)) as staged:
        yield staged
        files = sorted(path for path in staged.iterdir() if path.is_file())
        keep_apart((directory / name for name in (*(path.name for path in files), MANIFEST)), read)
        digests = {path.name: digest(path) for path in files}
        manifest = staged / f"{MANIFEST}.new"
        manifest.write_text(
            json.dumps({**told, "files": digests}, indent=2) + "\n", encoding="utf-8", newline="\n"
        )
        (directory / MANIFEST).unlink(missing_ok=True)
        for path in files:
            path.replace(directory / path.name)
        manifest.replace(directory / MANIFEST)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_csv(table: pd.DataFrame, path: Path, float_format: str | None = None) -> None:
    """Write one table whole or not at all: UTF-8, LF, dates as YYYY-MM-DD, NaN blank."""
    with _whole(path) as stream:
        head = ",".join(map(_quoted, map(str, table.columns)))
        stream.write(_written_out([head]))
        for first in range(0, len(table), ROWS_AT_A_TIME):
            some = table.iloc[first : first + ROWS_AT_A_TIME]
            cells = [_cells(column, float_format) for _, column in some.items()]
            stream.write(_written_out(map(",".join, zip(*cells, strict=True))))


def _written_out(lines: Iterable[str]) -> bytes:
    # A blank line would be passed over by whoever reads the only column of a table.
    return "".join(f"{line or QUOTED_BLANK}\n" for line in lines).encode("utf-8")


def _cells(column: pd.Series, float_format: str | None) -> list[str]:
    """Write out numbers, text, truth values or dates: as `DataFrame.to_csv`, far faster."""
    if column.dtype.kind == "f":
        return _numbers(column.to_numpy(np.float64), float_format)
    if column.dtype == object:
        # 1 and True are equal, and yet written each in its own way.
        written = zip(column, column.isna(), strict=True)
        return ["" if blank else _quoted(str(cell)) for cell, blank in written]
    number, distinct = pd.factorize(column)
    if isinstance(distinct, pd.DatetimeIndex):
        distinct = distinct.strftime("%Y-%m-%d")
    texts = [*(_quoted(str(name)) for name in distinct), ""]
    # A blank has the number -1, the last place.
    cells: list[str] = np.array(texts, dtype=object)[number].tolist()
    return cells


def _numbers(values: NDArray[np.float64], float_format: str | None) -> list[str]:
    """Write the fewest digits that read as the same number, as `repr`, or those of a format."""
    if float_format is not None:
        return ["" if value != value else float_format % value for value in values.tolist()]
    texts = pa.array(values).cast(pa.string()).to_numpy(zero_copy_only=False)
    # Arrow takes a sixth of the time of `repr`; it writes 1 for 1.0, and 1e-05 in full.
    size = np.abs(values)
    alike = (size >= SMALLEST_ALIKE) & (size < LARGEST_ALIKE) & (values != np.floor(values))
    for number in np.flatnonzero(~alike & ~np.isnan(values)).tolist():
        texts[number] = repr(float(values[number]))
    texts[np.isnan(values)] = ""
    cells: list[str] = texts.tolist()
    return cells


def _quoted(text: str) -> str:
    """Quote a cell that holds what ends one."""
    if any(sign in text for sign in ',"\r\n'):
        text = text.replace('"', '""')
        return f'"{text}"'
    return text


def write_bytes(content: bytes, path: Path) -> None:
    """Write one file whole or not at all; what is there and no file is refused, not replaced."""
    with _whole(path) as stream:
        stream.write(content)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """Hand out a file to write that takes its place when all is written."""
    if (expected := irregular(path)) is not None:
        raise InputError([Problem(str(path), expected)])
    partial = path.with_name(path.name + ".partial")
    # Never through a link that lies there.
    partial.unlink(missing_ok=True)
    try:
        with partial.open("xb") as stream:
            yield stream
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
