"""Commands that read an article or a source of live prices (a server on loopback)."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pandas as pd
import pytest

import chainpolicy
from chainpolicy.cli import main
from chainpolicy.prices import yahoo
from chainpolicy.study import new_study
from yahoo_server import DELISTED, LoopbackSession, forget, listings_of, serving

ARTICLE = """On 3 May 2021 the ministry promoted a pilot of the ledger.

On 6 May 2021 the regulator prohibited the exchange and cracked down on fraud.
"""
REAL_ARTICLE = Path(__file__).parents[2] / "shared" / "article.txt"


@pytest.fixture
def server(tmp_path, monkeypatch):
    study = chainpolicy.load_study(new_study(tmp_path / "study"))
    forget()
    with serving() as running:
        running.listings = listings_of(study.prices, study.assets)
        monkeypatch.setattr(yahoo, "RecordingSession", lambda: LoopbackSession(running.address))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        yield running
    forget()


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
    study = str(tmp_path / "study")
    assert main(["prices", "compare", study]) == 1
    assert main(["prices", "fetch", study]) == 0
    assert main(["prices", "show"]) == 0
    assert main(["prices", "verify"]) == 0
    capfd.readouterr()
    assert main(["prices", "compare", study]) == 0
    err = capfd.readouterr().err
    assert "0 of " in err
    headlines = err.split("headline estimates stand")[0].splitlines()[-1].split()
    assert headlines[0] == headlines[2] != "0"
    assert main(["prices", "clear", "NO-SUCH"]) == 1
    assert main(["prices", "clear"]) == 0


def test_regenerate_from_live_prices_leaves_the_study_as_it_is(server, tmp_path, capfd):
    study = tmp_path / "study"
    lost = chainpolicy.load_study(study).groups.index[-1]
    before = {path: path.read_bytes() for path in study.iterdir()}
    output = tmp_path / "report"
    arguments = ["regenerate", str(study), "--source", "yahoo", "--output", str(output)]
    assert main([*arguments, "--only", "tables"]) == 0
    assert {path: path.read_bytes() for path in study.iterdir()} == before
    assert (output / "build" / "car.csv").exists()
    live = chainpolicy.load_study(output / "study")
    embedded = chainpolicy.load_study(study)
    pd.testing.assert_series_equal(
        live.returns["return"], embedded.returns["return"], rtol=0, atol=5e-4
    )
    # A second run, with one series lost, replaces the copy or names the group that is too weak.
    server.listings[lost] = DELISTED
    assert main(["prices", "clear"]) == 0
    capfd.readouterr()
    main([*arguments, "--only", "tables"])
    assert lost in capfd.readouterr().err


def test_live_prices_need_a_place_of_their_own(capfd):
    assert main(["regenerate", "--source", "yahoo"]) == 2
    assert "--output DIR" in capfd.readouterr().err
