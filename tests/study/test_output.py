"""A folder of results is whole, or says that it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chainpolicy.build import regenerate
from chainpolicy.study import output
from chainpolicy.study.output import MANIFEST, digest, publish, staging, write_bytes, write_csv
from chainpolicy.study.problems import InputError
from places import TESTS
from whole import not_whole

# For every n writes a set of files over an older one and dies, as if killed, at the n-th change of
# the file system, then writes once more. Forked, because one import takes longer than all of it.
KILLED = """
import json, os, sys
from pathlib import Path
from chainpolicy.study.output import STAGING, publish

sys.path.append(sys.argv[2])
from whole import not_whole

def write(directory, text):
    with publish(directory, {"run": text}) as staged:
        for name in "abc":
            (staged / name).write_text(text)

def contents(directory):
    return sorted({path.read_text() for path in map(directory.joinpath, "abc") if path.exists()})

def dying(directory, last):
    seen = 0
    def watch(event, args):
        nonlocal seen
        if event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir") or (
            event == "open" and isinstance(args[1], str) and set(args[1]) & set("wxa")
        ):
            seen += 1
            if seen == last:
                os._exit(9)
    sys.addaudithook(watch)
    write(directory, "new")
    os._exit(0)

found, last, code = [], 0, 9
while code == 9:
    last += 1
    directory = Path(sys.argv[1], str(last))
    write(directory, "old")
    pid = os.fork()
    if pid == 0:
        dying(directory, last)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    killed = [not not_whole(directory), contents(directory)]
    write(directory, "newer")
    after = [not not_whole(directory), contents(directory)]
    found.append([code, *killed, *after, len(list(directory.glob(STAGING + "*")))])
print(json.dumps(found))
"""


def test_a_killed_run_never_leaves_a_mixture_that_passes_for_whole(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(TESTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *killed, last = json.loads(done.stdout)
    assert last[:3] == [0, True, ["new"]]
    assert len(killed) > 8
    for code, whole, text, *after in killed:
        assert code == 9
        if whole:
            assert text in (["old"], ["new"])
        assert after == [True, ["newer"], 0]
    # Some of the moments lie between: there is a mixture then, and it says so.
    assert any(not whole for _, whole, *_ in killed)


def test_what_is_missing_or_of_another_run_is_named(tmp_path):
    with publish(tmp_path, {"run": 1}) as staged:
        for name in "ab":
            (staged / name).write_text(name)
    (tmp_path / "a").write_text("changed")
    (tmp_path / "b").unlink()
    assert not_whole(tmp_path) == ["a: not that of the manifest", "b: missing"]
    (tmp_path / MANIFEST).unlink()
    assert not_whole(tmp_path) == ["manifest.json: missing, so that a run was cut short"]


def test_a_second_living_run_is_refused_and_leaves_the_first_alone(tmp_path):
    with staging(tmp_path) as first:
        (first / "mine").write_text("mine")
        second = staging(tmp_path)
        with pytest.raises(InputError, match="a folder that no other run is writing; wait"):
            second.__enter__()
        assert (first / "mine").read_text() == "mine"
    assert not list(tmp_path.iterdir())


def test_what_is_no_file_is_never_replaced_by_one(tmp_path):
    # A device such as /dev/null is a file's way out for whoever may write there.
    pipe = tmp_path / "out.csv"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="a regular file; this is a named pipe"):
        write_bytes(b"new", pipe)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_failed_run_leaves_the_old_files(tmp_path):
    with publish(tmp_path, {}) as staged:
        (staged / "a").write_text("old")

    def fail() -> None:
        with publish(tmp_path, {}) as staged:
            (staged / "a").write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (tmp_path / "a").read_text() == "old"
    assert not_whole(tmp_path) == []


def test_a_link_in_the_way_of_a_file_is_not_followed(tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.csv").symlink_to(mine)
    with publish(out, {}) as staged:
        (staged / "a.csv").write_text("new")
    assert mine.read_text() == "mine"
    assert (out / "a.csv").read_text() == "new"
    assert not (out / "a.csv").is_symlink()


def test_a_killed_regeneration_has_no_state_until_all_its_files_are_there(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def product(text: str) -> regenerate.Product:
        def build(staged: Path) -> None:
            (staged / "figures").mkdir()
            for name in "abc":
                (staged / "figures" / f"{name}.csv").write_text(f"x\n{text}\n")

        return regenerate.Product("all", build, settings=(text,))

    regenerate.regenerate(tmp_path, [product("1")])
    state = tmp_path / regenerate.STATE
    assert state.is_file()
    moved = []

    def watch(self: Path, target: Path) -> Path:
        if len(moved) == 2:
            raise Killed
        moved.append(target)
        return self.rename(target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", watch)
        with pytest.raises(Killed):
            regenerate.regenerate(tmp_path, [product("2")])
    assert not state.exists()
    regenerate.regenerate(tmp_path, [product("2")])
    assert {path.read_text() for path in (tmp_path / "figures").iterdir()} == {"x\n2\n"}
    assert state.is_file()
    assert digest(tmp_path / "figures" / "a.csv") in state.read_text()


@pytest.mark.parametrize("float_format", [None, "%.6g"])
def test_a_table_is_written_as_pandas_writes_it(tmp_path, monkeypatch, float_format):
    monkeypatch.setattr(output, "ROWS_AT_A_TIME", 1_000)
    rng = np.random.default_rng(0)
    edges = [0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -12.0, 1e22, 1e-4, 9.999e-5, 1e9, 1e9 + 0.5]
    edges += [5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1e5 + 0.5, 1e16, 123456789.125]
    of_any_size = rng.normal(size=3_000) * 10.0 ** rng.integers(-12, 14, 3_000)
    numbers = np.concatenate([edges, of_any_size, rng.integers(0, 10**6, 500) / 1_000])
    rows = len(numbers)

    def some(*values):
        return (list(values) * rows)[:rows]

    days = pd.Series(pd.to_datetime(some("2019-10-25", None, "2019-10-28 09:30"), format="ISO8601"))
    table = pd.DataFrame(
        {
            "number": numbers,
            'a "name", quoted': some("a, b", 'a "b"', "two\nlines", None, "", "plain"),
            "day": days,
            "count": pd.array(some(1, None, 3), dtype="Int64"),
            "whole": np.arange(rows),
            "flag": np.arange(rows) % 2 == 0,
            "mixed": pd.Series(some(1, True, 1.0, None, "x, y", 0.1), dtype=object),
        }
    )
    alone = pd.DataFrame({"only": ["a", None, "b"]})
    for one in (table, table[:0], alone):
        write_csv(one, tmp_path / "table.csv", float_format)
        expected = one.to_csv(
            index=False, lineterminator="\n", date_format="%Y-%m-%d", float_format=float_format
        )
        assert (tmp_path / "table.csv").read_bytes() == expected.encode()


def test_a_table_that_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    write_csv(pd.DataFrame({"x": [1]}), path)
    monkeypatch.setattr(output, "ROWS_AT_A_TIME", 1)
    with pytest.raises(UnicodeEncodeError):
        write_csv(pd.DataFrame({"x": pd.Series(["good", "\ud800"], dtype=object)}), path)
    assert path.read_text() == "x\n1\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4])
def test_a_table_is_the_same_in_any_pieces(tmp_path, monkeypatch, rows):
    table = pd.DataFrame({"x": [1.5, None, 3, 4], "y": ["a", 'b"', None, "c,d"]}).head(rows)
    monkeypatch.setattr(output, "ROWS_AT_A_TIME", 2)
    write_csv(table, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == table.to_csv(index=False)
