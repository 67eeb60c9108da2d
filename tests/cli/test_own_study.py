"""The README's own study: its commands, as they stand there, on made-up downloads."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from chainpolicy import cli
from chainpolicy.build import regenerate
from chainpolicy.study import new_study
from earnings_study import EFFECT, N_DATES, N_FIRMS, earnings_study
from small_study import blank_pictures

README = Path(__file__).parents[2] / "README.md"
HEADING = "## Your own study in five commands\n"
N_PAIRS = 2 * N_FIRMS * N_DATES
# Good reports of one exchange, and as many bad ones.
N_REPORTS = N_PAIRS // 4


def commands() -> list[list[str]]:
    """Arguments of the commands in the section's first block."""
    block = README.read_text(encoding="utf-8").split(HEADING)[1].split("```\n")[1]
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert all(line[0] == ".venv/bin/chainpolicy" for line in lines)
    return [line[1:] for line in lines]


def expanded(arguments: list[str]) -> list[str]:
    """What a shell makes of the arguments."""
    return [
        found
        for argument in arguments
        for found in (sorted(map(str, Path().glob(argument))) if "*" in argument else [argument])
    ]


@pytest.fixture(scope="module")
def done(tmp_path_factory, same_code):
    """The folder in which all commands ran, with what each printed."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # As the fixture `one_process`, and which figures there are, not how they look.
        patch.setattr(regenerate, "cores", lambda: 1)
        blank_pictures(patch)
        new_study("my-study")
        Path("my-study/prices.csv").unlink()
        earnings_study(Path("my-study"), Path("downloads"))
        for arguments in commands():
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                assert cli.main(expanded(arguments)) == 0, arguments
            (folder / f"{arguments[0]}.txt").write_text(printed.getvalue(), encoding="utf-8")
    return folder


def test_there_are_five_commands_from_downloads_to_a_report():
    assert [arguments[0] for arguments in commands()] == [
        *["prices", "check", "estimate", "report", "regenerate"]
    ]


def test_every_firm_is_estimated_at_its_own_dates(done):
    car = pd.read_csv(done / "my-tables" / "car.csv")
    assert len(car) == N_PAIRS
    coefficients = pd.read_csv(done / "my-tables" / "coefficients.csv")
    assert set(coefficients["term"]) == {"alpha", "Mkt-RF", "SMB", "HML"}
    assert pd.read_csv(done / "my-tables" / "excluded.csv").empty


def test_the_planted_effect_is_recovered_and_nothing_else(done):
    pooled = pd.read_csv(done / "my-tables" / "pooled.csv").set_index(["label", "group"])
    assert set(pooled["window"]) == {"[0, 1]"}
    assert set(pooled.index) == {(s, g) for s in ("good", "bad") for g in ("xlon", "xtks")}
    assert (pooled["n_clusters"] == N_REPORTS).all()
    for (label, _), row in pooled.iterrows():
        planted = EFFECT if label == "good" else 0.0
        # Three standard errors of the mean, two sessions with an own standard deviation of 1 %.
        assert row["mean"] == pytest.approx(planted, abs=3 * 0.01 * (2 / N_REPORTS) ** 0.5)
        assert row["lower"] < row["mean"] < row["upper"]
    for name in ("time_series_t_p", "adjusted_bmp_p", "randomization_p", "sign_flip_p"):
        assert (pooled.loc["good", name] < 0.01).all()
        assert (pooled.loc["bad", name] > 0.01).all()


def test_every_pair_is_estimable_and_the_labels_are_named(done):
    said = (done / "check.txt").read_text(encoding="utf-8").splitlines()
    assert said[-1] == f"{N_PAIRS} of {N_PAIRS} pairs of event and asset estimable"
    assert said[-2].endswith("can pool effects: surprise")


def test_the_report_compares_good_and_bad_reports(done):
    text = (done / "report.txt").read_text(encoding="utf-8")
    rows = [line.split()[:5] for line in text.splitlines() if line.split()[0] in ("good", "bad")]
    assert rows == [
        [label, group, *3 * [str(N_REPORTS)]]
        for label in ("bad", "good")
        for group in ("xlon", "xtks")
    ]
    compared = re.findall(r"(xlon|xtks) ([+-][\d.]+) \((p[^)]*)\)", text)
    assert [(group, said) for group, _, said in compared] == [
        *[("xlon", "p < 0.001"), ("xtks", "p < 0.001")]
    ]
    # Two percent less than nothing, with three standard errors of two means.
    error = 0.01 * (4 / N_REPORTS) ** 0.5
    for _, difference, _ in compared:
        assert float(difference) == pytest.approx(-100 * EFFECT, abs=300 * error)


def test_the_report_shows_nothing_that_the_study_lacks(done):
    figures = done / "my-report" / "figures"
    drawn = {path.stem for path in figures.glob("*.png")}
    assert drawn == {path.stem for path in figures.glob("*.csv")}
    assert drawn >= {"forest", "caar_clusters", "event_timeline", "pooled_paths", "pooled_forest"}
    # No price limit, stance or hourly price; one asset for each event, of which none is a headline.
    lacking = {"names_at_limit", "policy_index", "stance_responses", "local_projections"}
    lacking |= {"hourly_response", "leave_one_out", "caar_paths", "estimation_fit", "phases"}
    assert not drawn & lacking
    notebook = (done / "my-report" / "notebooks" / "study.ipynb").read_text(encoding="utf-8")
    for word in ("stance", "price limit", "lockchain", "rypto", "itcoin", "A-share", "speech"):
        assert word not in notebook, word
