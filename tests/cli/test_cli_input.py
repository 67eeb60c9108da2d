"""The commands that read: exit codes, standard output and error, and no traceback ever."""

from __future__ import annotations

import csv
import io
import os
import sys
from pathlib import Path

import pytest

from chainpolicy import cli
from chainpolicy.study import new_study


@pytest.fixture
def folder(tmp_path) -> Path:
    return new_study(tmp_path / "study")


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_check_of_a_good_study(folder, capsys):
    code, out, err = run(capsys, "check", folder)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "my-study: no problem found",
        "4 events, 3 in sample",
        "6 assets in 3 groups on XNYS, 24/7",
        "1,489 prices, 2023-01-03 to 2023-10-18",
        "18 of 18 pairs of event and asset estimable",
    ]


def test_check_names_what_is_not_used(folder, capsys):
    with (folder / "prices.csv").open("a", encoding="utf-8") as stream:
        stream.write("2023-01-04,OTHER,1\n")
    text = (folder / "events.csv").read_text(encoding="utf-8").replace("salience", "salienc", 1)
    (folder / "events.csv").write_text(text, encoding="utf-8")
    code, out, _ = run(capsys, "check", folder)
    assert code == 0
    assert "not used, because assets.csv does not list them: OTHER" in out
    assert "events.csv: unknown columns, ignored: salienc (is it salience?)" in out


def test_check_of_a_bad_study_lists_every_problem_and_prints_no_data(folder, capsys):
    (folder / "events.csv").write_text("event_id\nx\n", encoding="utf-8")
    (folder / "prices.csv").unlink()
    before = sorted(folder.iterdir())
    code, out, err = run(capsys, "check", folder)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[0].startswith("events.csv, line 1, announced_at: expected this column")
    assert lines[1].startswith("prices.csv: expected a file of this name")
    assert lines[2:] == ["2 problems in the input"]
    assert sorted(folder.iterdir()) == before


def test_events_in_a_pipe(folder, capsys):
    code, out, err = run(capsys, "events", folder)
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out), delimiter="\t"))
    shown = [
        tuple(
            row[key]
            for key in ("event_id", "calendar", "event_session", "weekday", "trading_hours")
        )
        for row in rows
    ]
    # 2023-07-12 was a Wednesday, 2023-08-12 a Saturday, 2023-09-13 a Wednesday.
    assert shown == [
        ("rule-announced", "XNYS", "2023-07-13", "Thu", "after the close"),
        ("rule-announced", "24/7", "2023-07-12", "Wed", "inside trading hours"),
        ("rule-effective", "XNYS", "2023-08-14", "Mon", "no session that day"),
        ("rule-effective", "24/7", "2023-08-12", "Sat", "hour unknown"),
        ("rule-withdrawn", "XNYS", "2023-09-13", "Wed", "inside trading hours"),
        ("rule-withdrawn", "24/7", "2023-09-13", "Wed", "inside trading hours"),
        ("speech", "", "", "", ""),
    ]
    assert [row["in_sample"] for row in rows] == ["yes"] * 6 + ["no"]


def test_events_tell_a_coin_at_the_sessions_of_an_exchange_from_its_shares(folder, capsys):
    text = (folder / "assets.csv").read_text(encoding="utf-8")
    text = text.replace("Coin,coin,,", "Coin,coin,INDEX,")
    (folder / "assets.csv").write_text(text, encoding="utf-8")
    code, out, _ = run(capsys, "events", folder)
    rows = list(csv.DictReader(io.StringIO(out), delimiter="\t"))
    assert code == 0
    assert [
        (row["calendar"], row["event_session"], row["trading_hours"])
        for row in rows
        if row["event_id"] in ("rule-announced", "rule-effective")
    ] == [
        ("XNYS", "2023-07-13", "after the close"),
        ("24/7 at XNYS", "2023-07-12", "inside trading hours"),
        ("XNYS", "2023-08-14", "no session that day"),
        ("24/7 at XNYS", "2023-08-14", "hour unknown"),
    ]


def test_events_on_a_terminal_are_a_table(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = run(capsys, "events", folder)
    assert code == 0
    assert "┏" in out
    assert "rule-announced" in out
    assert "\t" not in out


def test_events_of_the_embedded_study_is_the_default(capsys):
    code, out, _ = run(capsys, "events")
    assert code == 0
    row = next(
        line for line in out.splitlines() if line.startswith("xi-politburo") and "XSHG" in line
    )
    assert row.split("\t")[-4:-2] == ["2019-10-28", "cryptography-law;huang-dcep-bund"]


def test_new_writes_a_study_that_check_accepts(tmp_path, capsys):
    code, out, err = run(capsys, "new", tmp_path / "mine")
    assert (code, out) == (0, "")
    assert "README.md" in err
    assert run(capsys, "check", tmp_path / "mine")[0] == 0


def test_new_refuses_a_folder_that_holds_something(folder, capsys):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    code, out, err = run(capsys, "new", folder)
    assert (code, out) == (2, "")
    assert "new or empty" in err
    assert err.endswith("1 problem in the input\n")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "arguments",
    [[], ["check"], ["chek", "x"], ["check", "a", "b"], ["events", "--no-such-option"], ["new"]],
)
def test_usage_errors_exit_with_2(arguments, capsys):
    assert run(capsys, *arguments)[0] == 2


@pytest.mark.parametrize("command", ["check", "events"])
@pytest.mark.parametrize("name", ["missing", "file.txt", "."])
def test_what_is_no_study_exits_with_2(command, name, tmp_path, capsys):
    (tmp_path / "file.txt").write_text("x", encoding="utf-8")
    code, out, err = run(capsys, command, tmp_path / name)
    assert (code, out) == (2, "")
    assert "a study folder" in err


def test_help_exits_with_0(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(command in out for command in ("check", "events", "new"))


@pytest.mark.parametrize("file", ["study.toml", "events.csv", "assets.csv", "prices.csv"])
def test_a_named_pipe_is_refused_and_never_waited_for(tmp_path, capsys, file):
    folder = new_study(tmp_path / "s")
    (folder / file).unlink()
    os.mkfifo(folder / file)
    assert cli.main(["check", str(folder)]) == 2
    assert f"{file}: expected a regular file; this is a named pipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "kind"), [("/dev/zero", "a device"), ("../../../../../../dev/zero", "a device")]
)
def test_a_device_is_refused_wherever_a_study_names_it(tmp_path, capsys, place, kind):
    for number, (old, new) in enumerate(
        [
            ('"prices.csv"', f'"{place}"'),
            ("[returns]", f'[prices.hourly]\nACME = "{place}"\n[returns]'),
        ]
    ):
        folder = new_study(tmp_path / str(number))
        settings = (folder / "study.toml").read_text()
        target = place if place.startswith("/") else "../" * len(folder.parts) + "dev/zero"
        (folder / "study.toml").write_text(settings.replace(old, new.replace(place, target)))
        assert cli.main(["check", str(folder)]) == 2
        assert f"expected a regular file; this is {kind}" in capsys.readouterr().err


def test_pipes_are_refused_as_article_and_market(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    pipe = str(tmp_path / "pipe")
    for command in (["extract", pipe], ["placebo", "--market", pipe]):
        assert cli.main(command) == 2
        assert f"{pipe}: expected a regular file; this is a named pipe" in capsys.readouterr().err


def test_an_extract_does_not_replace_a_pipe(tmp_path, capsys):
    os.mkfifo(tmp_path / "out.csv")
    (tmp_path / "article.txt").write_text("On 3 May 2021 the ministry promoted a ledger.")
    command = ["extract", str(tmp_path / "article.txt"), "--output", str(tmp_path / "out.csv")]
    assert cli.main(command) == 2
    assert "expected a regular file; this is a named pipe" in capsys.readouterr().err
    assert (tmp_path / "out.csv").is_fifo()


def test_settings_without_an_end_are_refused(tmp_path, capsys):
    folder = new_study(tmp_path / "s")
    with (folder / "study.toml").open("a") as stream:
        stream.write("#" * 1_000_001)
    assert cli.main(["check", str(folder)]) == 2
    assert "larger than 1,000,000 bytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--draws", "9" * 21], "expected 1 to 10,000,000"),
        (["--assets", "1000000"], "expected 2 to 2,000"),
        (["--assets", "1500"], "GB of memory"),
        (["--window", "1000000"], "expected 1 to 10,000"),
        (["--estimation", "1000000"], "expected 30 to 10,000"),
        (["--variance", "inf"], "a number above 0"),
        (["--effect", "nan"], "a number"),
    ],
)
def test_a_simulation_without_an_end_is_refused(capsys, options, said):
    assert cli.main(["simulate", *options]) == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())
