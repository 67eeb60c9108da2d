"""Commands that read an article or a source of live prices (a server on loopback)."""

from __future__ import annotations

import hashlib
import io
import re
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import chainpolicy
from chainpolicy.build import regenerate
from chainpolicy.build.regenerate import STUDY_NOTEBOOK
from chainpolicy.cli import main
from chainpolicy.prices import yahoo
from chainpolicy.study.study import TEMPLATE
from places import ROOT, SHARED
from small_study import blank_pictures, build_less
from yahoo_server import DELISTED, LoopbackSession, listings_of

ARTICLE = """On 3 May 2021 the ministry promoted a pilot of the ledger.

On 6 May 2021 the regulator prohibited the exchange and cracked down on fraud.
"""
REAL_ARTICLE = SHARED / "article.txt"


def test_extract_prints_the_statements_and_writes_them(tmp_path, capfd):
    article = tmp_path / "article.txt"
    article.write_text(ARTICLE, encoding="utf-8")
    target = tmp_path / "statements.csv"
    assert main(["extract", str(article), "--output", str(target)]) == 0
    captured = capfd.readouterr()
    assert "2 dated statements" in captured.err
    table = pd.read_csv(target)
    assert table["date"].tolist() == ["2021-05-03", "2021-05-06"]
    assert table["tone_stance"].tolist() == [1.0, -1.0]


def test_extract_shows_fewer_columns_on_a_terminal(tmp_path, capsys, monkeypatch):
    article = tmp_path / "article.txt"
    article.write_text(ARTICLE, encoding="utf-8")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["extract", str(article)]) == 0
    shown = capsys.readouterr().out
    assert "2021-05-06" in shown
    assert "stance" in shown
    assert "restriction" not in shown.splitlines()[1]


def test_brackets_of_an_article_are_shown_on_a_terminal_as_they_are(tmp_path, capsys, monkeypatch):
    article = tmp_path / "article.txt"
    article.write_text("On May 4, 2021 it [/b] said :smile:.", encoding="utf-8")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["extract", str(article)]) == 0
    assert "On May 4, 2021 it [/b] said :smile:." in capsys.readouterr().out


def test_no_cell_is_cut_on_a_narrow_terminal(tmp_path, capsys, monkeypatch):
    article = tmp_path / "article.txt"
    article.write_text(ARTICLE, encoding="utf-8")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["extract", str(article)]) == 0
    assert "…" not in capsys.readouterr().out


def test_extract_reads_standard_input(monkeypatch, capfd):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ARTICLE.encode())))
    assert main(["extract", "-"]) == 0
    assert "2021-05-06" in capfd.readouterr().out


def test_extract_refuses_what_is_no_article(tmp_path, capfd):
    empty = tmp_path / "empty.txt"
    empty.touch()
    assert main(["extract", str(empty)]) == 2
    assert "it is empty" in capfd.readouterr().err


def test_a_study_without_verify_is_refused(tmp_path, capfd):
    article = tmp_path / "article.txt"
    article.write_text(ARTICLE, encoding="utf-8")
    assert main(["extract", str(article), "--study", str(tmp_path)]) == 2
    assert "give --verify too" in capfd.readouterr().err


def test_stored_tones_of_another_article_are_found_different(tmp_path, capfd):
    article = tmp_path / "article.txt"
    article.write_text(ARTICLE, encoding="utf-8")
    assert main(["extract", str(article), "--verify"]) == 1
    assert "differs: xi-politburo" in capfd.readouterr().err


@pytest.mark.skipif(not REAL_ARTICLE.exists(), reason="the article is not beside the repository")
def test_stored_tones_are_those_of_the_article(capfd):
    assert main(["extract", str(REAL_ARTICLE), "--verify"]) == 0
    assert "are those of the article" in capfd.readouterr().err


def test_fetch_show_verify_compare_clear(server, tmp_path, capfd):
    study = str(tmp_path / "mine" / "study")
    assert main(["prices", "compare", study]) == 2
    assert "`chainpolicy prices fetch` first" in capfd.readouterr().err
    assert main(["prices", "fetch", study]) == 0
    assert main(["prices", "show"]) == 0
    assert main(["prices", "verify"]) == 0
    assert capfd.readouterr().out.startswith("ticker\trows\t")
    assert main(["prices", "compare", study]) == 0
    captured = capfd.readouterr()
    assert "0 of 1,482 daily returns differ" in captured.err
    assert "9 of 9 headline estimates over [0, 0] stand" in captured.err
    # The same numbers as in the report of the study.
    assert main(["report", study]) == 0
    reported = [line.split() for line in capfd.readouterr().out.splitlines()[1:10]]
    compared = [line.split("\t") for line in captured.out.splitlines()[-9:]]
    assert [(row[1], row[2], row[4]) for row in reported] == [
        (row[0], row[1], row[3].removesuffix("%")) for row in compared
    ]
    assert main(["prices", "clear", "NO-SUCH"]) == 1
    assert main(["prices", "clear"]) == 0


PROJECT = ROOT


def checksums(*folders: Path) -> dict[Path, str]:
    """SHA-256 of every file."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_regenerate_from_live_prices_from_end_to_end(small, running, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(PROJECT)
    # That every product is made is seen in `test_own_study`; here, where the prices are from, and
    # which files there are, not how pictures look.
    build_less(monkeypatch, tmp_path)
    blank_pictures(monkeypatch)
    study, server, output = small, running, tmp_path / "report"
    kept = [study, *(PROJECT / name for name in ("figures", "notebooks", "src", "build"))]
    before = checksums(*kept), (PROJECT / "README.md").read_bytes()
    server.listings["ECHO"].faults = ["500", "500"]
    arguments = ["regenerate", str(study), "--source", "yahoo", "--output", str(output)]
    status, said = main(arguments), capfd.readouterr().err
    assert status == 0, said
    assert "7 downloaded\n" in said
    assert (checksums(*kept), (PROJECT / "README.md").read_bytes()) == before
    assert before[0]  # something was compared

    made = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert {f"build/{name}.csv" for name in ("car", "tests", "models", "system")} <= made
    text = STUDY_NOTEBOOK.read_text(encoding="utf-8")
    named = set(re.findall(r"[\w/]+\.(?:csv|html)\b", text))
    assert named == {"build/tests.csv", "build/alignment.csv", "explore.html", "events.csv"}
    assert {"report.html", "study/events.csv", *(named - {"events.csv"})} <= made
    # One event has no paths to be pooled.
    drawn = {figure.name for figure in regenerate.FIGURES} - {"pooled_paths"}
    assert {path for path in made if path.startswith("figures/")} == {
        f"figures/{name}.{kind}" for name in drawn for kind in ("png", "csv")
    }
    live = chainpolicy.load_study(output / "study")
    embedded = chainpolicy.load_study(study)
    pd.testing.assert_series_equal(
        live.returns["return"], embedded.returns["return"], rtol=0, atol=5e-4
    )
    notebook = nbformat.read(output / "notebooks" / "study.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert str(output / "study") in code[0].source
    pictures = [out for cell in code for out in cell.outputs if "image/png" in out.get("data", {})]
    assert len(pictures) >= 4


def test_the_study_of_eight_years_from_live_prices(server, tmp_path, capfd):
    name = "china-crypto-policy-2013-2021"
    kept = chainpolicy.load_study(name)
    # Yahoo's Bitcoin begins later than the study, which has an earlier source.
    begins = pd.Timestamp("2014-09-17")
    held = kept.prices[(kept.prices["ticker"] != "BTC-USD") | (kept.prices["date"] >= begins)]
    server.listings = listings_of(held, kept.assets)
    before = checksums(kept.path)
    output = tmp_path / "report"
    arguments = ["regenerate", name, "--source", "yahoo", "--output", str(output)]
    assert main([*arguments, "--only", "selections"]) == 0
    assert "BTC-USD: starts on 2014-09-17, 412 sessions after 2013-08-01" in capfd.readouterr().err
    assert checksums(kept.path) == before
    table = pd.read_csv(output / "figures" / "selections.csv")
    rows = table[table["group"] == "bitcoin"].set_index("subset")["n_events"]
    # Of 72 announcements the four of 2013 and 2014 have no prices.
    assert rows["all by the rule"] == 72 - 4
    assert rows["famous"] == 13
    assert (output / "figures" / "selections.png").is_file()


def test_a_live_study_without_what_is_lost(server, tmp_path, capfd):
    study, output = tmp_path / "mine" / "study", tmp_path / "report"
    arguments = ["regenerate", str(study), "--source", "yahoo", "--output", str(output)]
    server.listings["ACME"].always = "delisted"
    assert main([*arguments, "--only", "tables"]) == 0
    err = capfd.readouterr().err
    assert f"ACME (makers) is lost: the source says: {DELISTED}" in err
    assert "makers: 1 of 3 assets lost (33%): ACME; what is left are the survivors" in err
    models = pd.read_csv(output / "build" / "models.csv")
    assert set(models["ticker"]) == {"BOLT", "CRUX", "DUNE", "ECHO", "COIN"}

    # A group too weak stops the run, and what was made before stays.
    server.listings["COIN"].always = "delisted"
    assert main(["prices", "clear", "COIN"]) == 0
    before = checksums(output)
    assert main([*arguments, "--only", "tables"]) == 1
    assert capfd.readouterr().err.endswith("2 lost\nNothing was regenerated.\n")
    assert checksums(output) == before


def test_offline_is_one_sentence_and_one_attempt(running, tmp_path, monkeypatch, capfd):
    # Where nobody listens.
    monkeypatch.setattr(yahoo, "RecordingSession", lambda: LoopbackSession("http://127.0.0.1:1"))
    arguments = ["regenerate", str(TEMPLATE), "--source", "yahoo"]
    assert main([*arguments, "--output", str(tmp_path / "new")]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    (sentence,) = said.err.splitlines()
    assert sentence.startswith("Yahoo Finance cannot be reached (Failed to connect to 127.0.0.1:1 ")
    assert "check the connection and repeat, or stay with the study's own prices" in sentence
    assert not list((tmp_path / "new").iterdir())


def test_live_prices_need_a_place_of_their_own(tmp_path, capfd):
    assert main(["regenerate", "--source", "yahoo"]) == 2
    assert "--output DIR" in capfd.readouterr().err
    assert main(["regenerate", "--source", "yahoo", "--output", str(tmp_path), "--check"]) == 2
    assert "without --check" in capfd.readouterr().err
    # Before anything is downloaded.
    assert main(["regenerate", "--source", "yahoo", "--output", str(PROJECT)]) == 2
    assert f"{PROJECT}: expected a folder of its own for --output" in capfd.readouterr().err
