import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from alphabet import ANY
from chainpolicy.prices import commands
from chainpolicy.prices.store import PriceStore, StoredSeries, StoreError
from forked import fork, kill, needs_fork

DAYS = pd.bdate_range("2019-01-01", periods=40)


def series(ticker="BTC-USD", close=None, seed=0) -> StoredSeries:
    if close is None:
        close = np.random.default_rng(seed).uniform(1, 9, len(DAYS))
    prices = pd.DataFrame({"date": DAYS[: len(close)], "close": close, "volume": 1.0})
    return StoredSeries(
        ticker=ticker,
        prices=prices.astype({"date": "datetime64[ns]"}),
        start=date(2019, 1, 1),
        end=date(2019, 3, 1),
        currency="USD",
        timezone="UTC",
        downloaded_at=datetime(2024, 5, 6, 7, 8, tzinfo=UTC),
        yfinance_version="1.7.0",
    )


def output(command, *args) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=80)
    consoles = [console] if command is commands.clear else [console, console]
    status = command(*consoles, *args)
    return status, console.file.getvalue()


@pytest.fixture
def store(tmp_path) -> PriceStore:
    return PriceStore(tmp_path / "prices")


@settings(max_examples=30, deadline=None)
@given(
    close=st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=40),
    ticker=st.text(ANY, min_size=1, max_size=12),
)
def test_every_series_comes_back_as_it_was_stored(tmp_path_factory, close, ticker):
    store = PriceStore(tmp_path_factory.mktemp("store"))
    written = series(ticker, close)
    store.write(written)
    read = store.read(ticker)
    pd.testing.assert_frame_equal(read.prices, written.prices, check_exact=True)
    assert (read.ticker, read.start, read.end) == (ticker, written.start, written.end)
    assert (read.currency, read.timezone) == ("USD", "UTC")
    assert (read.downloaded_at, read.yfinance_version) == (written.downloaded_at, "1.7.0")
    assert store.tickers() == (ticker,)


def test_a_file_is_plain_parquet_and_stays_in_the_folder(store):
    store.write(series("../..//evil"))
    assert [path.parent for path in store.folder.parent.rglob("*.parquet")] == [store.folder]
    table = pq.read_table(store.path("../..//evil"))
    assert table.column_names == ["date", "close", "volume"]
    assert table.num_rows == 40


def test_every_damaged_byte_and_every_truncation_is_noticed(store):
    store.write(series(close=[1.0, 2.0, 3.0]))
    path = store.path("BTC-USD")
    content = path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        assert store.entry("BTC-USD").damage, position
    for length in range(0, len(content), 11):
        path.write_bytes(content[:length])
        assert store.entry("BTC-USD").damage, length
    path.write_bytes(content)
    assert store.entry("BTC-USD").damage == ""


def test_a_file_under_another_name_is_damaged(store):
    store.write(series("AAA"))
    store.path("AAA").rename(store.path("BBB"))
    assert store.entry("BBB").damage == "holds AAA, not BBB"
    assert store.read("BBB") is None


def test_a_sound_file_of_another_layout_is_not_used(store, monkeypatch):
    monkeypatch.setattr("chainpolicy.prices.store._KEY", b"other")
    store.write(series())
    monkeypatch.undo()
    assert store.entry("BTC-USD").damage == "was written by another version"


def test_what_cannot_be_read_is_named(store):
    store.path("AAA").mkdir(parents=True)
    damage = "is a folder: remove it unless it is empty, which the next download does"
    assert store.entry("AAA").damage == damage
    assert store.entry("BBB") is None
    status, text = output(commands.verify, store)
    assert status == 1
    assert f"{store.path('AAA')}: is a folder" in text
    with pytest.raises(
        StoreError, match=r"cannot be removed \(Is a directory\): remove it by hand"
    ):
        store.clear()


def test_default_folder_is_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert PriceStore().folder.name == "prices"
    if sys.platform.startswith("linux"):
        assert PriceStore().folder == tmp_path / "chainpolicy" / "prices"


def test_show_verify_and_clear(store):
    status, text = output(commands.show, store)
    assert (status, text) == (0, f"0 series in {store.folder}\n")
    for ticker in ("BTC-USD", "600001.SS", "SPY"):
        store.write(series(ticker))
    store.path("SPY").write_bytes(b"PAR1 nothing PAR1")

    status, text = output(commands.show, store)
    assert status == 0
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert lines["BTC-USD"].split()[1:8] == [
        *("40", "2019-01-01", "2019-02-25", "USD", "2024-05-06", "1.7.0"),
        store.entry("BTC-USD").checksum[7:19],
    ]
    assert "does not match its checksum" in lines["SPY"]

    status, text = output(commands.verify, store)
    assert status == 1
    assert f"{store.path('SPY')}: does not match its checksum" in text
    assert "`chainpolicy prices fetch` downloads those of a study anew" in text
    assert "2 of 3 series are sound" in text

    status, text = output(commands.clear, store, ["SPY", "NONE"])
    assert status == 1
    assert "1 series removed" in text
    assert "not in the store: NONE" in text
    assert output(commands.verify, store) == (0, "2 of 2 series are sound\n")
    store.path("BTC-USD").with_suffix(".tmp").write_bytes(b"left over")
    assert output(commands.clear, store)[0] == 0
    assert sorted(path.name for path in store.folder.iterdir()) == ["lock.sqlite"]


def test_a_failed_write_leaves_the_old_series(store, monkeypatch):
    store.write(series(seed=1))
    before = store.path("BTC-USD").read_bytes()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left on device.*make room"):
        store.write(series(seed=2))
    assert store.path("BTC-USD").read_bytes() == before
    assert not list(store.folder.glob("*.tmp"))


def test_the_rename_comes_after_the_content_is_on_the_disk(store, monkeypatch):
    calls = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("fsync"), fsync(handle)))
    monkeypatch.setattr(
        Path, "replace", lambda path, to: (calls.append("rename"), replace(path, to))
    )
    store.write(series())
    assert calls == ["fsync", "rename", "fsync"]


def test_a_store_that_cannot_be_used_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="remove what is in the way"):
        PriceStore(tmp_path / "file" / "prices").write(series())
    status, text = output(commands.clear, PriceStore(tmp_path / "file" / "prices"))
    assert status == 1
    assert "The price store cannot be used" in text
    (tmp_path / "a" / "lock.sqlite").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"lock.sqlite is a folder, .*: remove it, then repeat"):
        PriceStore(tmp_path / "a").write(series())
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "lock.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="remove it or give write access"):
        PriceStore(tmp_path / "b").write(series())


def test_the_lock_keeps_others_out_until_it_is_freed(store):
    other = PriceStore(store.folder)
    waits = []
    with store.lock(), store.lock():
        store.write(series("AAA"))
        with (
            pytest.raises(StoreError, match="another process has been using"),
            other.lock(seconds=0.0),
        ):
            raise AssertionError("entered")
        held = threading.Event()

        def wait_for_it():
            with other.lock(seconds=600, on_wait=held.set, sleep=waits.append):
                other.write(series("BBB"))

        thread = threading.Thread(target=wait_for_it)
        thread.start()
        assert held.wait(600)
        assert store.tickers() == ("AAA",)
    thread.join(600)
    assert store.tickers() == ("AAA", "BBB")
    assert waits


def plant(path: Path, kind: str) -> None:
    """Put something that is no plain file where the store has a file."""
    path.unlink(missing_ok=True)
    match kind:
        case "link":
            path.symlink_to(path.with_name("BBB.parquet"))
        case "dangling link":
            path.symlink_to(path.with_name("nothing.here"))
        case "pipe":
            os.mkfifo(path)
        case "empty folder":
            path.mkdir()


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "empty folder"])
def test_what_is_no_file_is_named_and_replaced_by_the_next_download(store, kind):
    store.write(series("AAA", seed=1))
    store.write(series("BBB", seed=2))
    other = store.path("BBB").read_bytes()
    plant(store.path("AAA"), kind)
    assert store.read("AAA") is None
    assert re.search("is (a|no) .*: .*the next download", store.entry("AAA").damage)
    status, text = output(commands.verify, store)
    assert status == 1
    assert "1 of 2 series are sound" in text
    store.write(series("AAA", seed=1))
    assert store.path("AAA").is_file()
    assert not store.path("AAA").is_symlink()
    assert store.read("AAA").prices.equals(series("AAA", seed=1).prices)
    assert store.path("BBB").read_bytes() == other
    assert not store.path("AAA").with_name("nothing.here").exists()


def test_a_link_to_the_same_series_elsewhere_is_no_series_of_the_store(store, tmp_path):
    store.write(series("AAA"))
    elsewhere = store.path("AAA").rename(tmp_path / "mine.parquet")
    before = elsewhere.read_bytes()
    store.path("AAA").symlink_to(elsewhere)
    assert store.entry("AAA").damage.startswith(f"is a link to {elsewhere}: ")
    store.write(series("AAA", seed=3))
    assert elsewhere.read_bytes() == before
    store.path("AAA").unlink()
    store.path("AAA").symlink_to(tmp_path / "nowhere")
    assert store.clear(["AAA"]) == ("AAA",)
    assert not os.path.lexists(store.path("AAA"))


def test_a_full_folder_in_the_place_of_a_series_is_left_and_named(store):
    store.path("AAA").mkdir(parents=True)
    (store.path("AAA") / "mine").write_text("mine")
    with pytest.raises(StoreError, match=r"is a folder where a file belongs .*: remove it, then"):
        store.write(series("AAA"))
    assert (store.path("AAA") / "mine").read_text() == "mine"
    assert not list(store.folder.glob("*.tmp"))


def test_nothing_is_written_through_a_link_under_the_name_of_an_unfinished_file(store, tmp_path):
    store.write(series("AAA"))
    (tmp_path / "mine").write_text("mine")
    store.path("AAA").with_suffix(".tmp").symlink_to(tmp_path / "mine")
    store.write(series("AAA", seed=1))
    assert (tmp_path / "mine").read_text() == "mine"
    store.path("AAA").with_suffix(".tmp").mkdir()
    with pytest.raises(StoreError, match="remove what is in the way"):
        store.write(series("AAA"))
    assert store.read("AAA").prices.equals(series("AAA", seed=1).prices)


def test_a_lock_that_is_a_link_is_refused(store, tmp_path):
    store.folder.mkdir()
    (store.folder / "lock.sqlite").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=r"lock.sqlite is a link to .*: remove it, then repeat"):
        store.write(series())
    assert not (tmp_path / "elsewhere").exists()


def test_a_store_that_is_a_file_is_not_an_empty_store(tmp_path):
    (tmp_path / "prices").write_text("in the way")
    store = PriceStore(tmp_path / "prices")
    for command in (commands.show, commands.verify, commands.clear):
        status, text = output(command, store)
        assert status == 1
        assert f"The price store cannot be used: {store.folder} cannot be used as a folder" in text


def test_a_file_with_a_name_of_somebody_else_is_named(store):
    store.write(series("A B"))
    store.path("A B").rename(store.folder / "A B.parquet")
    (entry,) = store.entries()
    assert entry.damage == "has a name that the store never gives: remove it"


@needs_fork
def test_the_next_run_removes_what_a_dead_one_left_and_nothing_of_a_living_one(store, monkeypatch):
    unfinished = store.path("AAA").with_suffix(".tmp")
    begun, writing = os.pipe()

    def stop_halfway() -> None:
        def wait(_handle: int) -> None:
            os.write(writing, b"writing")
            time.sleep(600)

        monkeypatch.setattr(os, "fsync", wait)
        store.write(series("AAA"))

    writer = fork(stop_halfway)
    os.close(writing)
    try:
        assert os.read(begun, 7) == b"writing"
        with pytest.raises(StoreError, match="another process"), store.lock(seconds=0.2):
            raise AssertionError("entered")
        assert unfinished.exists()
    finally:
        os.close(begun)
        assert kill(writer) == -signal.SIGKILL
    assert unfinished.exists()
    # Whatever it does; here it writes another series.
    store.write(series("BBB"))
    assert sorted(path.name for path in store.folder.iterdir()) == ["BBB.parquet", "lock.sqlite"]


# One warm process forks thirty writers, and more until some were killed within a file: on a busy
# machine most get no turn before they are killed. Each is killed at a random moment after its first
# write, and then the store is looked at. So many forks of the process of all tests would take more
# than an import.
KILLS = """
import itertools, os, random, signal, time
from datetime import UTC, date, datetime
from pathlib import Path
import pandas as pd
from chainpolicy.prices.store import PriceStore, StoredSeries

folder = Path({folder!r})
days = pd.date_range("2019-01-01", periods=400, unit="ns")
versions = [
    StoredSeries(
        "AAA",
        pd.DataFrame({{"date": days, "close": range(start, start + 400), "volume": 1.0}}).astype(
            {{"close": float}}
        ),
        date(2019, 1, 1), date(2020, 2, 4), "USD", "UTC", datetime.now(UTC), "1.7.0",
    )
    for start in (1, 1001)
]
random.seed(20191024)
sound = halfway = 0
for kill in itertools.count():
    if kill >= 30 and halfway > 5:
        break
    ready, written = os.pipe()
    child = os.fork()
    if child == 0:
        store, turn = PriceStore(folder), kill
        while True:
            store.write(versions[turn % 2])
            turn += 1
            os.write(written, b".")
    os.read(ready, 1)
    time.sleep(random.uniform(0, 0.012))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready), os.close(written)
    halfway += any(folder.glob("*.tmp"))
    entry = PriceStore(folder).entry("AAA")
    sound += not entry.damage and any(
        entry.series.prices.equals(version.prices) for version in versions
    )
print(kill, sound)
"""


@needs_fork
def test_many_kills_during_writes_leave_a_sound_store(tmp_path):
    script = KILLS.format(folder=str(tmp_path))
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=600, check=True
    )
    kills, sound = map(int, run.stdout.split())
    assert sound == kills >= 30
    store = PriceStore(tmp_path)
    store.write(series("AAA"))
    assert not list(tmp_path.glob("*.tmp"))
