"""Local store of downloaded price series: one Parquet file per ticker, replaced atomically."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import pandas as pd
import platformdirs
import pyarrow as pa
import pyarrow.parquet as pq

MAX_AGE = timedelta(days=7)
LOCK_SECONDS = 600.0

_SCHEMA = pa.schema([("date", pa.date32()), ("close", pa.float64()), ("volume", pa.float64())])
_KEY = b"chainpolicy"
_BLANK_CHECKSUM = b"sha256:" + b"0" * 64
_CHECKSUM = re.compile(rb"sha256:[0-9a-f]{64}")


class StoreError(Exception):
    """The store cannot be read or written; the message says what to do."""


@dataclass(frozen=True)
class StoredSeries:
    """One downloaded price series and where it comes from.

    Parameters
    ----------
    prices : pandas.DataFrame
        ``date`` (midnight, no time zone), ``close`` (adjusted), ``volume``; one row per
        session with a close.
    start, end : datetime.date
        Range that was asked for, both ends inclusive; rows may start later or end earlier.
    currency, timezone : str
        As stated by the source.
    downloaded_at : datetime.datetime
        In UTC.
    yfinance_version : str
        Of the client that downloaded it.
    """

    ticker: str
    prices: pd.DataFrame
    start: date
    end: date
    currency: str
    timezone: str
    downloaded_at: datetime
    yfinance_version: str

    def covers(self, start: date, end: date) -> bool:
        """Whether ``start..end``, both inclusive, was asked for."""
        return self.start <= start and end <= self.end


@dataclass(frozen=True)
class StoreEntry:
    """What the store holds for one ticker: a series, or the reason why it cannot be read."""

    ticker: str
    path: Path
    checksum: str
    series: StoredSeries | None
    damage: str


class PriceStore:
    """Folder of price series, safe against a kill at any point and against a second process.

    A file carries its own metadata and checksum, so that one rename publishes all of it. The
    default folder is ``prices`` in the user's cache folder of this package.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or platformdirs.user_cache_path("chainpolicy") / "prices"
        self._depth = 0

    def path(self, ticker: str) -> Path:
        """File of a ticker; characters that a file name cannot hold are percent-encoded."""
        return self.folder / f"{quote(ticker, safe='^=')}.parquet"

    def tickers(self) -> tuple[str, ...]:
        """Tickers with a file, sorted; raises `StoreError` if the folder is something else."""
        return tuple(sorted({unquote(path.stem) for path in self._paths()}))

    def write(self, series: StoredSeries) -> None:
        """Store a series in place of the one before; readers see the old file or the new one.

        Raises `StoreError` if the file cannot be written; the one before is untouched.
        """
        content = _to_bytes(series)
        path = self.path(series.ticker)
        # A fixed name: under the lock nobody else uses it, and what a killed process left under it
        # went when the lock was taken.
        temporary = path.with_suffix(".tmp")
        with self.lock():
            _make_way(path)
            try:
                # Never through a link that somebody put there.
                with temporary.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
                _sync_folder(self.folder)
            except OSError as error:
                raise StoreError(
                    f"{error.filename or path} cannot be written ({error.strerror}): make room, "
                    "remove what is in the way or give write access, then repeat"
                ) from error
            finally:
                if not temporary.is_dir():
                    temporary.unlink(missing_ok=True)

    def entry(self, ticker: str) -> StoreEntry | None:
        """Look a ticker up; None if the store has no file of it."""
        path = self.path(ticker)
        try:
            damage = _irregular(path)
            content = b"" if damage else path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            damage = f"cannot be read ({error.strerror})"
        if damage:
            return StoreEntry(ticker, path, "", None, damage)
        found = _CHECKSUM.findall(content)
        blanked = _CHECKSUM.sub(_BLANK_CHECKSUM, content)
        # Checked before the content is parsed: a damaged Parquet file may do anything.
        if len(found) != 1 or found[0] != _checksum(blanked):
            return StoreEntry(ticker, path, "", None, "does not match its checksum")
        try:
            series = _from_bytes(content)
        except (KeyError, TypeError, ValueError):
            return StoreEntry(ticker, path, "", None, "was written by another version")
        if series.ticker != ticker:
            return StoreEntry(ticker, path, "", None, f"holds {series.ticker}, not {ticker}")
        return StoreEntry(ticker, path, found[0].decode(), series, "")

    def entries(self) -> tuple[StoreEntry, ...]:
        """Everything the store holds, in the order of the tickers.

        Raises `StoreError` if the store's folder is something else.
        """
        found = [self.entry(ticker) for ticker in self.tickers()]
        entries = [entry for entry in found if entry is not None]
        misnamed = [
            StoreEntry(
                unquote(path.stem),
                path,
                "",
                None,
                "has a name that the store never gives: remove it",
            )
            for path in self._paths()
            if path != self.path(unquote(path.stem))
        ]
        return tuple(sorted([*entries, *misnamed], key=lambda entry: (entry.ticker, entry.path)))

    def _paths(self) -> list[Path]:
        if os.path.lexists(self.folder) and not self.folder.is_dir():
            raise _no_folder(self.folder, "it is no folder")
        return sorted(self.folder.glob("*.parquet"))

    def read(self, ticker: str) -> StoredSeries | None:
        """Read a series; None if the store has no sound one."""
        entry = self.entry(ticker)
        return None if entry is None else entry.series

    def clear(self, tickers: Iterable[str] | None = None) -> tuple[str, ...]:
        """Remove series, by default all, and return their tickers.

        Raises `StoreError` if a file cannot be removed; those before it are.
        """
        removed = []
        with self.lock():
            for ticker in self.tickers() if tickers is None else tickers:
                # A link that leads nowhere is there too.
                if os.path.lexists(self.path(ticker)):
                    remove(self.path(ticker))
                    removed.append(ticker)
        return tuple(removed)

    @contextmanager
    def lock(
        self,
        seconds: float = LOCK_SECONDS,
        on_wait: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Iterator[None]:
        """Keep other processes from writing; may be entered again by its holder.

        `on_wait` is called once if there is something to wait for. Raises `StoreError` if the other
        process does not finish in time, or the folder cannot be used.
        """
        if self._depth:
            yield
            return
        make_folder(self.folder)
        # SQLite's lock is the portable one of the standard library, and the system frees it
        # when its holder is killed.
        with closing(_open_lock(self.folder)) as connection:
            self._acquire(connection, seconds, on_wait, sleep)
            # Whoever writes holds the lock, and now we do: these are left by dead processes.
            for leftover in self.folder.glob("*.tmp"):
                if leftover.is_symlink() or not leftover.is_dir():
                    remove(leftover)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    def _acquire(
        self,
        connection: sqlite3.Connection,
        seconds: float,
        on_wait: Callable[[], None],
        sleep: Callable[[float], None],
    ) -> None:
        deadline = time.monotonic() + seconds
        waited = False
        while not _try_lock(connection, self.folder):
            if time.monotonic() >= deadline:
                raise StoreError(
                    f"another process has been using {self.folder} for {seconds:.0f} s: wait "
                    "until it is done, then repeat"
                )
            if not waited:
                on_wait()
                waited = True
            sleep(0.05)


def make_folder(folder: Path) -> None:
    """Create a folder of the store if it is missing; raises `StoreError` if it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_folder(folder, str(error.strerror)) from error


def _no_folder(folder: Path, reason: str) -> StoreError:
    return StoreError(
        f"{folder} cannot be used as a folder ({reason}): remove what is in the way or give write "
        "access, then repeat"
    )


def _irregular(path: Path) -> str:
    """Say what a path is and what to do about it, if it is no plain file; it is not followed."""
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISLNK(mode):
        return f"is a link to {path.readlink()}: the next download takes its place"
    if stat.S_ISDIR(mode):
        return "is a folder: remove it unless it is empty, which the next download does"
    return "is no plain file: the next download takes its place"


def _make_way(path: Path) -> None:
    """Remove an empty folder, which a rename does not replace as it replaces all else."""
    if path.is_symlink() or not path.is_dir():
        return
    try:
        path.rmdir()
    except OSError as error:
        raise StoreError(
            f"{path} is a folder where a file belongs ({error.strerror}): remove it, then repeat"
        ) from error


def remove(path: Path) -> None:
    """Remove a file or a link of the store; raises `StoreError` if it cannot be."""
    try:
        path.unlink()
    except OSError as error:
        raise StoreError(
            f"{path} cannot be removed ({error.strerror}): remove it by hand, then repeat"
        ) from error


def _open_lock(folder: Path) -> sqlite3.Connection:
    path = folder / "lock.sqlite"
    if os.path.lexists(path) and (irregular := _irregular(path)):
        raise StoreError(
            f"{path} {irregular.partition(':')[0]}, where the store has its lock: remove it, then "
            "repeat"
        )
    try:
        return sqlite3.connect(path, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise _no_lock(folder, error) from error


def _try_lock(connection: sqlite3.Connection, folder: Path) -> bool:
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise _no_lock(folder, error) from error
        return False
    return True


def _no_lock(folder: Path, error: sqlite3.Error) -> StoreError:
    return StoreError(
        f"{folder / 'lock.sqlite'} cannot be used ({error}): remove it or give write access, "
        "then repeat"
    )


def _sync_folder(folder: Path) -> None:
    # The rename itself must reach the disk; Windows has no handle on a folder and needs none.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _checksum(blanked: bytes) -> bytes:
    return b"sha256:" + hashlib.sha256(blanked).hexdigest().encode()


def _to_bytes(series: StoredSeries) -> bytes:
    metadata = {
        "ticker": series.ticker,
        "start": series.start.isoformat(),
        "end": series.end.isoformat(),
        "currency": series.currency,
        "timezone": series.timezone,
        "downloaded_at": series.downloaded_at.astimezone(UTC).isoformat(),
        "yfinance_version": series.yfinance_version,
        "checksum": _BLANK_CHECKSUM.decode(),
    }
    columns = [series.prices["date"].dt.date, series.prices["close"], series.prices["volume"]]
    table = pa.table([pa.array(column) for column in columns], schema=_SCHEMA)
    file = io.BytesIO()
    # Without Arrow's own copy of the schema the checksum stands in the file once.
    with pq.ParquetWriter(file, _SCHEMA, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_KEY: json.dumps(metadata).encode()})
    blanked = file.getvalue()
    return blanked.replace(_BLANK_CHECKSUM, _checksum(blanked))


def _from_bytes(content: bytes) -> StoredSeries:
    file = pq.ParquetFile(io.BytesIO(content))
    metadata = json.loads(file.metadata.metadata[_KEY])
    table = file.read(use_threads=False)
    dates = pd.Series(pd.to_datetime(table["date"].to_pandas()).to_numpy("datetime64[ns]"))
    prices = pd.DataFrame(
        {
            "date": dates,
            "close": table["close"].to_numpy(),
            "volume": table["volume"].to_numpy(),
        }
    )
    return StoredSeries(
        ticker=metadata["ticker"],
        prices=prices,
        start=date.fromisoformat(metadata["start"]),
        end=date.fromisoformat(metadata["end"]),
        currency=metadata["currency"],
        timezone=metadata["timezone"],
        downloaded_at=datetime.fromisoformat(metadata["downloaded_at"]),
        yfinance_version=metadata["yfinance_version"],
    )
