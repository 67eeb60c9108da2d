"""Where commands write: below their output and the store, whatever files the study names."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import chainpolicy
import chainpolicy.figures  # Matplotlib makes its folder when it is first imported.
from chainpolicy.cli import main
from chainpolicy.study import new_study
from chainpolicy.study import study as study_module
from small_study import blank_pictures
from yahoo_server import YahooServer

CHANGING = {
    *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "sqlite3.connect"),
}
_recorded: list[Path] | None = None
_hooked = False


def _record(event: str, arguments: tuple) -> None:
    if _recorded is None:
        return
    if event == "open":
        path, mode, flags = arguments
        written = set(mode or "") & set("wax+") or (
            mode is None and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        )
        places = [path] if written else []
    elif event not in CHANGING:
        return
    elif event in ("os.rename", "os.link"):
        source, target, *folders = arguments
        places = [_in_folder(source, folders[0]), _in_folder(target, folders[1])]
    elif event in ("os.remove", "os.rmdir", "os.mkdir", "os.chmod"):
        places = [_in_folder(arguments[0], arguments[-1])]
    else:
        places = arguments[:1]
    for place in places:
        if isinstance(place, str | bytes | os.PathLike):
            path = Path(os.fsdecode(place)).absolute()
            # A link that is replaced is changed where it lies, not where it leads.
            _recorded.append(
                path.resolve() if event == "open" else path.parent.resolve() / path.name
            )


def _in_folder(path: str, handle: int) -> str | Path:
    return path if handle < 0 else Path(f"/proc/self/fd/{handle}").readlink() / path


@contextmanager
def recorded() -> Iterator[list[Path]]:
    global _hooked, _recorded
    if not _hooked:
        # It cannot be taken away again, and makes what follows slower.
        sys.addaudithook(_record)
        _hooked = True
    _recorded = written = []
    try:
        yield written
    finally:
        _recorded = None


def contents(folder: Path) -> dict[str, object]:
    """Everything below a folder: bytes, and where links lead."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in folder.rglob("*")
    }


@pytest.fixture(autouse=True)
def no_bytecode(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """Files are made and moved whatever they look like."""
    blank_pictures(monkeypatch)


# A share, its index and a coin are enough to be read, downloaded and moved.
KEPT = {"ACME", "INDEX", "COIN"}


def keep_three(study: Path) -> Path:
    """Leave three assets of the example study."""
    for file in ("assets.csv", "prices.csv"):
        table = pd.read_csv(study / file, dtype=str, keep_default_na=False)
        assert set(table["ticker"]) > KEPT
        table[table["ticker"].isin(KEPT)].to_csv(study / file, index=False)
    return study


@pytest.fixture
def small(small) -> Path:
    return keep_three(small)


@pytest.fixture
def server(server, tmp_path) -> YahooServer:
    keep_three(tmp_path / "mine" / "study")
    return server


def as_folder(file: Path, folder: Path) -> None:
    """The same prices in the layout of Yahoo's downloads."""
    folder.mkdir()
    for ticker, rows in pd.read_csv(file).groupby("ticker"):
        table = pd.DataFrame({"Date": rows["date"], "Adj Close": rows["close"]})
        table.to_csv(folder / f"{ticker}.csv", index=False)


def place(study: Path, how: str) -> str:
    """Move the study's prices to where `how` says; return what study.toml calls them."""
    prices, shared = study / "prices.csv", study.parent / "shared"
    shared.mkdir()
    match how:
        case "absolute":
            return str(prices)
        case "absolute, outside":
            return str(prices.rename(shared / "closes.csv"))
        case "relative":
            prices.rename(shared / "closes.csv")
            return "../shared/closes.csv"
        case "link":
            prices.symlink_to(prices.rename(shared / "closes.csv"))
            return "prices.csv"
        case "link to a folder":
            prices.rename(shared / "closes.csv")
            (study / "data").symlink_to(shared)
            return "data/closes.csv"
        case "folder":
            as_folder(prices, shared / "closes")
            prices.unlink()
            return str(shared / "closes")
        case "folder inside":
            as_folder(prices, study / "closes")
            prices.unlink()
            return "./closes/"
        case "the study itself":
            as_folder(prices, shared / "closes")
            for file in (shared / "closes").iterdir():
                file.rename(study / file.name)
            return "."
        case "the name of another file":
            prices.rename(shared / "README.md")
            return "../shared/README.md"
    raise AssertionError(how)


# A product that needs no estimate.
QUICK = ["--only", "event_timeline"]

PLACES = [
    *("absolute", "absolute, outside", "relative", "link", "link to a folder", "folder"),
    *("folder inside", "the study itself", "the name of another file"),
]


@pytest.mark.parametrize("how", PLACES)
def test_a_run_writes_below_its_output_and_the_store(small, tmp_path, capfd, how):
    study, output, cache = small, tmp_path / "out", tmp_path / "cache"
    file = place(study, how)
    hourly = tmp_path / "mine" / "hours.csv"
    hourly.write_text("time,close\n2023-05-02T10:00:00Z,5\n")
    settings = (study / "study.toml").read_text()
    settings = settings.replace('file = "prices.csv"', f'file = "{file}" # mine')
    settings = settings.replace("[returns]", f'[prices.hourly]\nCOIN = "{hourly}"\n[returns]')
    (study / "study.toml").write_text(settings)
    before = contents(tmp_path / "mine")
    expected = chainpolicy.load_study(study)

    live = ["regenerate", str(study), "--source", "yahoo", "--output", str(output)]
    # Where prices lie decides what is read and copied, for whichever product, and by commands that
    # copy nothing how it is read.
    product = ["--only", "tables"] if how == "absolute" else QUICK
    commands = [[*live, *product]]
    if how in ("absolute", "link", "folder"):
        commands += [
            ["check", str(study)],
            ["estimate", str(study), "--output", str(output / "estimate")],
            ["regenerate", str(study), "--output", str(output / "same"), *product],
        ]
    for command in commands:
        with recorded() as written:
            assert main(command) == 0, capfd.readouterr().err
        allowed = [root.resolve() for root in (output, cache, Path(os.devnull))]
        assert [
            path for path in written if not any(path.is_relative_to(root) for root in allowed)
        ] == []
        assert bool(written) == (command[0] != "check"), command
        assert contents(tmp_path / "mine") == before

    # The copy needs nothing from outside: it can be moved, and the study be lost.
    shutil.rmtree(tmp_path / "mine")
    copy = chainpolicy.load_study((output / "study").rename(tmp_path / "moved"))
    pd.testing.assert_frame_equal(
        copy.prices.sort_values(["date", "ticker"], ignore_index=True),
        expected.prices.sort_values(["date", "ticker"], ignore_index=True),
        check_exact=False,
        rtol=1e-6,
    )
    pd.testing.assert_frame_equal(copy.hourly["COIN"], expected.hourly["COIN"])
    assert all(path.is_relative_to(tmp_path / "moved") for path in copy.files)
    assert "# mine" in (tmp_path / "moved" / "study.toml").read_text()


def test_what_is_made_by_other_commands_is_below_their_output(server, tmp_path):
    study, output = tmp_path / "mine" / "study", tmp_path / "out"
    output.mkdir()
    article = tmp_path / "article.txt"
    article.write_text("On 3 May 2021 the ministry promoted a pilot of the ledger.")
    for command in (
        ["new", str(output / "new")],
        ["placebo", str(study), "--output", str(output / "placebo.csv")],
        ["simulate", "--draws", "20", "--output", str(output / "simulated")],
        ["extract", str(article), "--output", str(output / "statements.csv")],
    ):
        with recorded() as written:
            assert main(command) == 0
        outside = [path for path in written if not path.is_relative_to(output.resolve())]
        assert [path for path in outside if path != Path(os.devnull)] == []
        assert written


def test_an_import_writes_the_price_file_and_nothing_else(server, tmp_path):
    study, downloads = tmp_path / "mine" / "study", tmp_path / "downloads"
    as_folder(study / "prices.csv", downloads)
    (study / "prices.csv").unlink()
    before = contents(tmp_path)
    with recorded() as written:
        assert main(["prices", "import", *map(str, downloads.iterdir()), "--into", str(study)]) == 0
    own = {study / "prices.csv", study / "prices.csv.partial"}
    assert {path for path in written if path != Path(os.devnull)} == {
        path.resolve() for path in own
    }
    after = contents(tmp_path)
    assert after.pop("mine/study/prices.csv")
    assert after == before


@pytest.mark.parametrize("how", ["absolute, outside", "relative", "link", "link to a folder"])
def test_an_import_leaves_prices_outside_the_study_alone(server, tmp_path, capfd, how):
    study, downloads = tmp_path / "mine" / "study", tmp_path / "downloads"
    as_folder(study / "prices.csv", downloads)
    file = place(study, how)
    settings = (study / "study.toml").read_text().replace('"prices.csv"', f'"{file}"')
    (study / "study.toml").write_text(settings)
    before = contents(tmp_path)
    with recorded() as written:
        assert main(["prices", "import", str(downloads / "ACME.csv"), "--into", str(study)]) == 2
    assert (
        "lies outside the study, where others may use it, and is only read"
        in capfd.readouterr().err
    )
    assert [path for path in written if path != Path(os.devnull)] == []
    assert contents(tmp_path) == before


def assert_refused(commands: list[list[str]], folder: Path, capfd: pytest.CaptureFixture) -> None:
    before = contents(folder)
    with pytest.MonkeyPatch.context() as patch:
        # Nothing of a study changes between the commands: it is read once for all of them.
        patch.setattr("chainpolicy.study.load_study", cache(chainpolicy.study.load_study))
        for command in commands:
            assert main(command) == 2, command
            assert "the file that is there is read by this run" in capfd.readouterr().err
            assert contents(folder) == before


@pytest.mark.parametrize("how", ["inside", "absolute, outside", "link", "folder"])
def test_no_output_takes_the_place_of_the_prices_that_a_run_reads(server, tmp_path, capfd, how):
    study = tmp_path / "mine" / "study"
    file = "prices.csv" if how == "inside" else place(study, how)
    settings = (study / "study.toml").read_text().replace('"prices.csv"', f'"{file}"')
    (study / "study.toml").write_text(settings)
    prices = study / file
    if prices.is_dir():
        prices = prices / "ACME.csv"
    # By both of its names where it is a link.
    places = {prices: None, prices.resolve(): None}
    commands = [[name, str(study), "--output", str(at)] for name in NAMED for at in places]
    assert_refused(commands, tmp_path, capfd)


def test_no_output_takes_the_place_of_anything_else_that_a_run_reads(server, tmp_path, capfd):
    study = tmp_path / "mine" / "study"
    (tmp_path / "again").symlink_to(study)
    places = [study / "events.csv", tmp_path / "again" / "assets.csv"]
    commands = [[name, str(study), "--output", str(at)] for name in NAMED for at in places]
    # A study whose prices are called what a table is called.
    (tmp_path / "tables").mkdir()
    table = (tmp_path / "tables" / "car.csv").resolve()
    other = keep_three(new_study(tmp_path / "other"))
    (other / "prices.csv").rename(table)
    text = (other / "study.toml").read_text().replace('"prices.csv"', f'"{table}"')
    (other / "study.toml").write_text(text)
    commands.append(["estimate", str(other), "--output", str(table.parent)])
    # Figures lie in a folder of the output.
    for name in ("build", "figures"):
        (tmp_path / "pages" / name).mkdir(parents=True)
    figure = tmp_path / "pages" / "figures" / f"{QUICK[1]}.csv"
    shutil.copytree(other, tmp_path / "third")
    shutil.copy(table, figure)
    (tmp_path / "third" / "study.toml").write_text(text.replace(str(table), str(figure)))
    commands.append(
        ["regenerate", str(tmp_path / "third"), "--output", str(tmp_path / "pages"), *QUICK]
    )
    article = tmp_path / "article.csv"
    article.write_text("On 3 May 2021 the ministry promoted a pilot of the ledger.")
    commands.append(["extract", str(article), "--output", str(article)])
    assert_refused(commands, tmp_path, capfd)


# Commands that write one file of any name.
NAMED = ["placebo", "report"]


def test_other_prices_outside_the_folder_are_noticed(server, tmp_path, capfd):
    study = tmp_path / "mine" / "study"
    shared = (study / "prices.csv").rename(tmp_path / "mine" / "closes.csv")
    text = (study / "study.toml").read_text().replace('"prices.csv"', f'"{shared}"')
    (study / "study.toml").write_text(text)
    arguments = ["regenerate", str(study), "--output", str(tmp_path / "out"), *QUICK]
    assert main(arguments) == 0
    assert main(arguments) == 0
    assert "1 up to date and skipped" in capfd.readouterr().err
    shared.write_text(shared.read_text().replace("\n", "\r\n"))
    assert main(arguments) == 0
    assert "1 product built" in capfd.readouterr().err


def test_a_live_run_refuses_an_output_that_holds_what_the_study_reads(server, tmp_path, capfd):
    study, output = tmp_path / "mine" / "study", tmp_path / "out"
    live = ["--source", "yahoo", "--output", str(output), *QUICK]
    assert main(["regenerate", str(study), *live]) == 0
    text = (study / "study.toml").read_text()
    (study / "study.toml").write_text(
        text.replace('"prices.csv"', f'"{output / "study" / "prices.csv"}"')
    )
    before = contents(output)
    assert main(["regenerate", str(study), *live]) == 2
    assert "which is part of the copy in this one" in capfd.readouterr().err
    shutil.copytree(study, output / "study" / "within")
    assert main(["regenerate", str(output / "study" / "within"), *live]) == 2
    assert "the study is itself the copy in this one" in capfd.readouterr().err
    shutil.rmtree(output / "study" / "within")
    assert contents(output) == before


def test_a_refused_output_inside_the_study_is_not_made(server, tmp_path):
    study = tmp_path / "mine" / "study"
    arguments = ["regenerate", str(study), "--source", "yahoo", "--output", str(study / "out")]
    assert main(arguments) == 2
    assert not (study / "out").exists()


def make_read_only(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def assert_writable(folder: Path) -> None:
    plain = folder.parent / "plain"
    plain.mkdir()
    (plain / "file").touch()
    for path in [folder, *folder.rglob("*")]:
        expected = plain if path.is_dir() else plain / "file"
        assert path.stat().st_mode == expected.stat().st_mode, path


def test_the_live_copy_of_a_read_only_study_can_be_written(server, tmp_path):
    study, output = tmp_path / "mine" / "study", tmp_path / "out"
    (study / "notes").mkdir()
    (study / "notes" / "mine.txt").write_text("mine")
    make_read_only(study)
    arguments = ["regenerate", str(study), "--source", "yahoo", "--output", str(output)]
    for _again in range(2):
        assert main([*arguments, *QUICK]) == 0
    assert (output / "study" / "notes" / "mine.txt").read_text() == "mine"
    assert_writable(output / "study")


def test_a_new_study_from_a_read_only_installation_can_be_written(tmp_path, monkeypatch):
    template = tmp_path / "installed"
    shutil.copytree(study_module.TEMPLATE, template)
    make_read_only(template)
    monkeypatch.setattr(study_module, "TEMPLATE", template)
    assert_writable(new_study(tmp_path / "new"))


def test_a_link_to_the_folder_above_ends(server, tmp_path):
    study = tmp_path / "mine" / "study"
    (study / "again").symlink_to(study)
    (study / "lost").symlink_to(tmp_path / "nowhere")
    arguments = ["regenerate", str(study), "--source", "yahoo", "--output", str(tmp_path / "out")]
    assert main([*arguments, *QUICK]) == 0
    assert not (tmp_path / "out" / "study" / "again").exists()
