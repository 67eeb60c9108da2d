"""Commands end to end on a small study: files, exit codes, what goes to which stream."""

from __future__ import annotations

import errno
import html
import io
import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pytest

from chainpolicy.cli import main
from chainpolicy.study import load_study, new_study, output, read_once
from chainpolicy.tables.responses import responses
from whole import not_whole

NINE_FILES = {
    "alignment.csv",
    "models.csv",
    "coefficients.csv",
    "abnormal_returns.csv",
    "car.csv",
    "tests.csv",
    "pooled.csv",
    "excluded.csv",
    "manifest.json",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """No test changes it, so that all commands can share what was computed."""
    path = new_study(tmp_path_factory.mktemp("studies") / "example")
    with read_once(load_study(path)):
        yield path


def test_estimate_writes_its_nine_files(folder, tmp_path, capfd):
    assert main(["estimate", str(folder), "--output", str(tmp_path / "tables")]) == 0
    assert {path.name for path in (tmp_path / "tables").iterdir()} == NINE_FILES
    out, err = capfd.readouterr()
    models = pd.read_csv(tmp_path / "tables" / "models.csv")
    assert len(pd.read_csv(tmp_path / "tables" / "excluded.csv")) == 1
    assert out == ""
    assert err == f"18 of {len(models)} pairs estimated; excluded: 1 event: excluded.csv\n"


def test_estimate_with_another_model(folder, tmp_path):
    arguments = ["estimate", str(folder), "--output", str(tmp_path), "--model", "constant_mean"]
    assert main(arguments) == 0
    assert set(pd.read_csv(tmp_path / "models.csv")["model"]) == {"constant_mean"}


def test_one_event_alone_keeps_its_numbers(folder, tmp_path):
    main(["estimate", str(folder), "--output", str(tmp_path / "all")])
    main(["estimate", str(folder), "--output", str(tmp_path / "one"), "--only", "rule-announced"])
    for name in ("car", "tests", "abnormal_returns"):
        everything = pd.read_csv(tmp_path / "all" / f"{name}.csv")
        one = pd.read_csv(tmp_path / "one" / f"{name}.csv")
        expected = everything[everything["event_id"] == "rule-announced"].reset_index(drop=True)
        pd.testing.assert_frame_equal(one, expected)


def test_estimate_pools_by_the_column_that_is_given(folder, tmp_path):
    arguments = ["estimate", str(folder), "--output", str(tmp_path), "--by", "stance_crypto"]
    assert main(arguments) == 0
    pooled = pd.read_csv(tmp_path / "pooled.csv")
    assert set(pooled["label"]) == {-1, 1}
    car = pd.read_csv(tmp_path / "car.csv").query("event_id == 'rule-withdrawn'")
    mean = car[(car["ticker"] == "COIN") & (car["window"] == "[0, 1]")]["car"].item()
    row = pooled.query("label == -1 and group == 'coin' and window == '[0, 1]'")
    assert row["mean"].item() == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("option", [["--model", "capm"], ["--only", "nothing"], ["--by", "mood"]])
def test_an_unknown_model_event_or_column_writes_nothing(folder, tmp_path, capfd, option):
    target = tmp_path / "tables"
    assert main(["estimate", str(folder), "--output", str(target), *option]) == 2
    assert not target.exists()
    err = capfd.readouterr().err
    assert option[1] in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["estimate", "regenerate", "simulate"])
@pytest.mark.parametrize("inside", ["", "deeper"])
def test_an_output_that_can_be_no_folder(folder, tmp_path, capfd, command, inside):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    target = tmp_path / "file" / inside
    study = [] if command == "simulate" else [str(folder)]
    assert main([command, *study, "--output", str(target)]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"{target}: expected a folder for --output")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_disk_that_fills_up_leaves_the_old_files(folder, tmp_path, capfd, monkeypatch):
    arguments = ["estimate", str(folder), "--output", str(tmp_path)]
    assert main([*arguments, "--only", "rule-announced"]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    capfd.readouterr()
    whole = output._whole

    @contextmanager
    def fill(path: Path) -> Iterator[BinaryIO]:
        with whole(path) as stream:
            yield stream
            if "tests.csv" in path.name:
                raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(output, "_whole", fill)
    assert main(arguments) == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert capfd.readouterr().err == (
        "the disk: expected a place that can be read and written; "
        "the system says: no space left on device\n"
    )


def test_estimate_names_the_prices_it_does_not_use(tmp_path, capfd):
    folder = new_study(tmp_path / "study")
    with (folder / "prices.csv").open("a", encoding="utf-8") as stream:
        stream.write("2023-01-04,acme,1\n")
    assert main(["estimate", str(folder), "--output", str(tmp_path / "tables")]) == 0
    first = capfd.readouterr().err.splitlines()[0]
    assert first == "not used, because assets.csv does not list them: acme"


def test_a_study_of_which_nothing_can_be_estimated_exits_with_2(tmp_path, capfd):
    folder = new_study(tmp_path / "study")
    prices = pd.read_csv(folder / "prices.csv")
    prices[prices["date"] < "2023-03-01"].to_csv(folder / "prices.csv", index=False)
    assert main(["estimate", str(folder), "--output", str(tmp_path / "tables")]) == 2
    excluded = pd.read_csv(tmp_path / "tables" / "excluded.csv")
    assert excluded["reason"].notna().all()
    assert "0 of 18 pairs estimated" in capfd.readouterr().err
    for command in (["report"], ["placebo"], ["report", "--table", "overlap"]):
        assert main([*command, str(folder)]) == 2
        said = capfd.readouterr()
        assert said.out == ""
        assert "no pair of this study can be; 13 of 18: " in said.err
    assert main(["regenerate", str(folder), "--output", str(tmp_path / "report")]) == 2
    assert "no pair of this study can be" in capfd.readouterr().err


def test_simulate_prints_a_rate_per_test_and_writes_the_figure(tmp_path, capfd):
    arguments = ["simulate", "--draws", "50", "--assets", "4", "--estimation", "40"]
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].split("\t") == ["test", "draws", "rejection_rate", "std_error"]
    assert len(lines) == 12
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"rejection_rates.csv", "rejection_rates.png", "manifest.json"}
    assert not_whole(tmp_path) == []


def test_simulate_names_a_meaningless_parameter(capfd):
    assert main(["simulate", "--correlation", "1.5"]) == 2
    assert "correlation" in capfd.readouterr().err


def test_placebo_ranks_every_event(folder, capfd):
    assert main(["placebo", str(folder)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].split("\t")[:2] == ["event_id", "group"]
    assert any(line.startswith("rule-announced\tmakers") for line in lines)


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("text", "Session"),
        ("markdown", "| Session"),
        ("html", "<table"),
        ("latex", "% A document that has this by"),
    ],
)
def test_report_in_every_form(folder, capfd, form, start):
    assert main(["report", str(folder), "--format", form]) == 0
    out = capfd.readouterr().out
    assert out.strip().startswith(start)
    assert "rule-announced" in out


@pytest.mark.parametrize("form", ["docx", "xlsx"])
def test_report_for_an_office_is_written_to_a_file(folder, tmp_path, capfd, form):
    assert main(["report", str(folder), "--format", form]) == 2
    assert f"--output FILE with --format {form}" in capfd.readouterr().err
    path = tmp_path / f"report.{form}"
    assert main(["report", str(folder), "--format", form, "--output", str(path)]) == 0
    assert capfd.readouterr().out == ""
    with zipfile.ZipFile(path) as archive:
        texts = b"".join(archive.read(name) for name in archive.namelist() if "xml" in name)
    assert b"rule-announced" in texts
    assert [entry.name for entry in tmp_path.iterdir() if "partial" in entry.name] == []


def test_report_refuses_an_output_before_it_works(folder, tmp_path, capfd):
    for path in (tmp_path, tmp_path / "none" / "report.md"):
        assert main(["report", str(folder), "--output", str(path)]) == 2
        assert "a file name, in a folder that exists" in capfd.readouterr().err


def test_report_over_another_window(folder, capfd):
    """The mean CAR of the makers over [-1, 1], summed by hand from the abnormal returns."""
    results = load_study(folder).estimate()
    rows = results.abnormal_returns.query(
        "event_id == 'rule-announced' and ticker in ['ACME', 'BOLT', 'CRUX'] and -1 <= tau <= 1"
    )
    mean = rows.groupby("ticker")["abnormal"].sum().mean()
    for spelled in ("-1,1", "[-1, 1]"):
        assert main(["report", str(folder), "--window", spelled, "--format", "markdown"]) == 0
        out = capfd.readouterr().out
        (row,) = [line for line in out.splitlines() if "rule-announced | makers" in line]
        assert f"+{100 * mean:.1f}" in row
        assert "CAAR over [−1, 1] in log returns" in out


@pytest.fixture(scope="module")
def simple(tmp_path_factory):
    """The same study of simple returns."""
    path = new_study(tmp_path_factory.mktemp("studies") / "simple")
    text = (path / "study.toml").read_text()
    (path / "study.toml").write_text(text.replace('kind = "log"', 'kind = "simple"'))
    with read_once(load_study(path)):
        yield path


@pytest.mark.parametrize("name", ["system", "undoing", "overlap", "cross_section"])
@pytest.mark.parametrize(("kind", "stated"), [("log", "Log"), ("simple", "Simple")])
def test_every_report_states_one_kind_of_return_and_one_window(
    folder, simple, capfd, name, kind, stated
):
    study = {"log": folder, "simple": simple}[kind]
    assert main(["report", str(study), "--table", name, "--window", "0,2"]) == 0
    assert f"{stated} returns over [0, 2]. " in capfd.readouterr().out


def test_a_headline_of_simple_returns_is_not_turned_into_simple_returns_again(simple, capfd):
    table = load_study(simple).results.caar((0, 0)).set_index(["event_id", "group"])
    assert main(["report", str(simple), "--format", "markdown"]) == 0
    (row,) = [
        line for line in capfd.readouterr().out.splitlines() if "rule-announced | makers" in line
    ]
    caar = table.loc[("rule-announced", "makers"), "caar"]
    assert row.split("|")[5].strip().startswith(f"{100 * caar:+.1f} (")


@pytest.mark.parametrize("window", ["0", "1,0", "-6,0", "0,11", "0,1,2", "a,b", "", "0.5,1"])
def test_a_window_that_is_none_is_refused(folder, capfd, window):
    assert main(["report", str(folder), "--window", window]) == 2
    err = capfd.readouterr().err
    assert "--window" in err
    assert "[-5, 10]" in err


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """The same study with a group of a name in other letters."""
    path = new_study(tmp_path_factory.mktemp("studies") / "labelled")
    text = (path / "study.toml").read_text()
    label = 'makers = "Fabricants agréés 区块链"'
    text = text.replace('# [groups]\n# named = "Named by the rule"', f"[groups]\n{label}")
    (path / "study.toml").write_text(text, encoding="utf-8")
    with read_once(load_study(path)):
        yield path


@pytest.mark.parametrize(
    ("form", "encoding"),
    [("text", "ascii"), ("markdown", "cp1252"), ("html", "ascii"), ("latex", "cp1252")],
)
def test_a_report_is_utf_8_whatever_the_terminal_is(labelled, monkeypatch, form, encoding):
    """Of a group with a name in other letters: to a stream that was opened for few letters.

    `test_output_is_utf8_whatever_the_locale_and_no_traceback_is_shown` shows the same of a process
    and its locale.
    """
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    assert main(["report", str(labelled), "--format", form]) == 0
    sys.stdout.flush()
    out = written.getvalue().decode("utf-8")
    assert html.unescape(out).count("区块链") >= 3
    # A page that shows a part does not know in what letters it is written.
    assert form != "html" or out.isascii()


def test_report_pools_by_a_column(folder, capfd):
    assert main(["report", str(folder), "--by", "role", "--format", "markdown"]) == 0
    out, err = capfd.readouterr()
    rows = [line for line in out.splitlines() if line.startswith(("| policy", "| placebo"))]
    assert len(rows) == 2 * 3
    assert "distinct event sessions" in out
    assert err == ""


def test_timing_is_told_of_a_study_with_documents_dates(folder, tmp_path, capfd):
    dated = tmp_path / "dated"
    shutil.copytree(folder, dated)
    events = pd.read_csv(dated / "events.csv", dtype=str, keep_default_na=False)
    first = events.index[events["announced_at"].str.len() == 10][0]
    public = pd.Timestamp(events.loc[first, "announced_at"])
    document = f"{public - pd.Timedelta(weeks=1):%Y-%m-%d}"
    events["document_date"] = ""
    events.loc[first, "document_date"] = document
    events.to_csv(dated / "events.csv", index=False)
    assert main(["report", str(dated), "--timing", "--format", "markdown"]) == 0
    out, err = capfd.readouterr()
    rows = [line for line in out.splitlines() if line.startswith(f"| {events['event_id'][first]} ")]
    # A Saturday: the coin is dated by the day itself, shares by the Monday after.
    assert sum(document in row for row in rows) == 1
    assert all("2023-08-05" in row or "2023-08-07" in row for row in rows)
    assert len(rows) > 1
    assert "by announced_at and by document_date" in out
    assert err == ""


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--by", "rôle"], 'found "rôle"; expected a column of events.csv'),
        (["--by", "role", "--table", "system"], "different tables"),
        (["--by", "role", "--timing"], "different tables"),
        (["--timing"], "events.csv: expected a column document_date or article_date"),
    ],
)
def test_report_refuses_what_it_cannot_pool_by(folder, capfd, options, named):
    assert main(["report", str(folder), *options]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert named in err
    assert "Traceback" not in err


def test_events_are_listed_once_per_calendar_whatever_they_affect(tmp_path, capfd):
    study = new_study(tmp_path / "study")
    events = pd.read_csv(study / "events.csv", dtype=str, keep_default_na=False)
    twins = [events.iloc[[0]].assign(event_id=name, affects=name) for name in ("ACME", "BOLT")]
    pd.concat([events.assign(affects=""), *twins]).to_csv(study / "events.csv", index=False)
    assert main(["events", str(study)]) == 0
    head, *lines = [line.split("\t") for line in capfd.readouterr().out.splitlines()]
    table = pd.DataFrame(lines, columns=head)
    assert not table.duplicated(["event_id", "calendar"]).any()
    shared = table.set_index(["event_id", "calendar"])["shares_session_with"]
    assert shared["rule-announced", "XNYS"] == "ACME;BOLT"
    assert shared["ACME", "XNYS"] == "rule-announced"


def test_report_has_the_rejection_rates_and_effects_of_the_headline(folder, capfd):
    assert main(["report", str(folder), "--format", "markdown"]) == 0
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in capfd.readouterr().out.splitlines()
        if line.startswith("|")
    ]
    printed = pd.DataFrame(rows, columns=head)
    study = load_study(folder)
    window = study.car_windows[0]
    of_window, of_other = (responses(study, other) for other in (window, (0, 1)))
    rate, effect = of_window["rejection_rate"], of_window["minimum_detectable_effect"]
    assert (rate != of_other["rejection_rate"]).any(), "the data do not tell the windows apart"
    assert printed["Rejects, %"].tolist() == [f"{100 * value:.1f}" for value in rate]
    assert printed["MDE, %"].tolist() == [f"{100 * value:.1f}" for value in effect]


def test_regenerate_without_a_project_says_what_to_do(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["regenerate"]) == 2
    err = capfd.readouterr().err
    assert "--output" in err
    assert "Traceback" not in err


def test_no_command_shows_the_help(capfd):
    assert main([]) == 2
    captured = capfd.readouterr()
    assert "estimate" in captured.out + captured.err


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    import chainpolicy

    with pytest.raises(AttributeError, match="no_such_name"):
        _ = chainpolicy.no_such_name


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_is_told_what_runs_and_standard_output_is_not(
    template, tmp_path, capsys, monkeypatch
):
    output = tmp_path / "tables"
    said = []
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        assert main(["estimate", str(template.path), "--output", str(output)]) == 0
        said.append(stream.getvalue())
        assert capsys.readouterr().out == ""
    for what in ("reading the study", "estimating", "writing the tables"):
        assert what in said[0]
        assert what not in said[1]
    assert said[0].rstrip().endswith(said[1].rstrip())
