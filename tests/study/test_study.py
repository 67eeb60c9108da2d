"""Study folders: what is read, and that whatever is wrong is located, all at once."""

from __future__ import annotations

import itertools
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import template_prices
from chainpolicy.estimators.policy_index import policy_index
from chainpolicy.study import settings as settings_module
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.study import TEMPLATE, load_study, new_study

FILES = ("study.toml", "events.csv", "assets.csv", "prices.csv")


@pytest.fixture
def folder(tmp_path) -> Path:
    return new_study(tmp_path / "study")


def change(folder: Path, file: str, *pairs: tuple[str, str]) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert text.count(old) == 1, f"{old!r} is not once in {file}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def append(folder: Path, file: str, text: str) -> None:
    with (folder / file).open("a", encoding="utf-8") as stream:
        stream.write(text)


def problems_of(folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as error:
        load_study(folder)
    return error.value.problems


def settings_problems(folder: Path) -> tuple[Problem, ...]:
    """What is wrong with study.toml alone, as `load_study` asks for it first."""
    problems: list[Problem] = []
    settings_module.read_settings(folder / "study.toml", problems)
    return tuple(problems)


def places(folder: Path) -> list[tuple[str, int | None, str | None, str | None]]:
    return [(p.file, p.line, p.column, p.value) for p in problems_of(folder)]


def line_of(folder: Path, file: str, start: str) -> int:
    lines = (folder / file).read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if line.startswith(start)]
    return number


# --- what is read ---------------------------------------------------------------------------


def test_the_template_prices_are_the_simulation_they_are_said_to_be():
    shipped = pd.read_csv(TEMPLATE / "prices.csv", parse_dates=["date"])
    simulated = template_prices.simulate()
    assert (shipped["date"] == simulated["date"]).all()
    assert (shipped["ticker"] == simulated["ticker"]).all()
    np.testing.assert_allclose(shipped["close"], simulated["close"], atol=1e-3)
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    assert "invented" in readme
    assert "simulation" in readme


def test_the_planted_effects_of_the_template_are_found(folder):
    car = load_study(folder).estimate().car((0, 0)).set_index(["event_id", "ticker"])
    assert np.isfinite(car["car"]).all()
    off = []
    for event, (_, effects) in template_prices.PLANTED.items():
        for ticker in template_prices.BETAS:
            row = car.loc[(event, ticker)]
            off.append((row["car"] - effects.get(ticker, 0.0)) / row["std_error"])
    coin = car.loc[("rule-announced", "COIN")]
    off.append((coin["car"] - template_prices.PLANTED_COIN[1]) / coin["std_error"])
    # Forecast errors in units of their standard error: eleven draws of about N(0, 1).
    assert np.abs(off).max() < 3.3
    assert 0.4 < np.std(off) < 1.8


def test_every_choice_of_the_template_is_read(folder):
    study = load_study(folder)
    assert study.name == "my-study"
    assert study.path == folder
    assert (study.start, study.end) == (pd.Timestamp("2023-01-03"), pd.Timestamp("2023-10-18"))
    assert study.model == "market"
    assert study.estimation.window == (-100, -11)
    assert study.estimation.anchor == "event"
    assert study.estimation.end is None
    assert study.estimation.mask
    assert study.estimation.minimum == 60
    assert study.event_window == (-5, 10)
    assert study.car_windows == ((0, 0), (0, 1), (-1, 1), (0, 5))
    assert (study.kind, study.gaps, study.half_life) == ("log", "drop", 5.0)
    assert study.hourly == {}
    assert study.groups.to_dict() == {
        "ACME": "makers", "BOLT": "makers", "CRUX": "makers",
        "DUNE": "sellers", "ECHO": "sellers", "COIN": "coin",
    }  # fmt: skip
    assert study.benchmarks["ACME"] == ("INDEX",)
    assert study.benchmarks["COIN"] == ()
    assert len(study.prices) == 1489
    assert set(study.alignment["event_id"]) == {
        "rule-announced",
        "rule-effective",
        "rule-withdrawn",
    }


def test_the_required_keys_are_enough(folder):
    (folder / "study.toml").write_text(
        'study.name = "s"\nprices.file = "prices.csv"\nestimation.window = [-100, -11]\n'
        "[event]\nwindow = [-10, 10]\ncar_windows = [[0, 1]]\n",
        encoding="utf-8",
    )
    study = load_study(str(folder))
    assert study.title == "s"
    assert (study.start, study.end) == (pd.Timestamp("2023-01-03"), pd.Timestamp("2023-10-18"))
    assert (study.model, study.kind, study.gaps, study.half_life) == ("market", "log", "drop", 5.0)
    assert (study.estimation.anchor, study.estimation.mask) == ("event", True)
    assert study.estimation.minimum == 60
    assert (study.pool_by, study.pooled_by) == (None, "role")


def test_the_other_value_of_every_key(folder):
    (folder / "hourly.csv").write_text("time,close\n2023-07-12T21:00Z,1\n", encoding="utf-8")
    (folder / "study.toml").write_text(
        """
study = { name = "s", title = "A title" }
prices.file = "prices.csv"
prices.start = 2023-01-10
prices.end = 2023-10-17
prices.hourly = { COIN = "hourly.csv" }
returns = { kind = "simple", gaps = "span" }
sentiment = { half_life = 2.5 }
[estimation]
model = "single_index"
window = [-100, -11]
anchor = "first"
end = 2023-06-30
mask = false
minimum = 30
[event]
window = [-3, 3]
car_windows = [[-3, 3]]
pool_by = "issuer"
""",
        encoding="utf-8",
    )
    study = load_study(folder)
    assert study.title == "A title"
    assert study.prices["date"].min() == pd.Timestamp("2023-01-10")
    assert study.prices["date"].max() == pd.Timestamp("2023-10-17")
    assert study.hourly["COIN"]["close"].tolist() == [1.0]
    assert (study.kind, study.gaps, study.half_life) == ("simple", "span", 2.5)
    assert study.pool_by == study.pooled_by == "issuer"
    assert study.model == "single_index"
    assert study.estimation.end == pd.Timestamp("2023-06-30")
    assert study.estimation.anchor == "first"
    assert not study.estimation.mask
    assert study.estimation.minimum == 30


def test_a_byte_order_mark_and_windows_line_ends(folder):
    expected = load_study(folder)
    for file in FILES:
        content = (folder / file).read_bytes().replace(b"\n", b"\r\n")
        (folder / file).write_bytes(b"\xef\xbb\xbf" + content)
    study = load_study(folder)
    pd.testing.assert_frame_equal(study.returns, expected.returns)
    pd.testing.assert_frame_equal(study.events, expected.events)
    assert study.checksum != expected.checksum


def test_the_checksum_is_of_names_and_bytes_not_of_the_place(folder, tmp_path):
    first = load_study(folder).checksum
    moved = shutil.move(folder, tmp_path / "elsewhere")
    append(moved, "README.md", "more")
    assert load_study(moved).checksum == first
    assert len(first) == 64
    (moved / "prices.csv").rename(moved / "closes.csv")
    change(moved, "study.toml", ('"prices.csv"', '"closes.csv"'))
    renamed = load_study(moved).checksum
    append(moved, "closes.csv", "2023-10-19,COIN,1\n")
    assert len({first, renamed, load_study(moved).checksum}) == 3


def test_the_study_cannot_be_changed(folder):
    with pytest.raises(AttributeError):
        load_study(folder).model = "constant_mean"


def test_another_model_for_one_estimate(folder):
    study = load_study(folder)
    assert study.estimate("constant_mean").model.name == "constant_mean"
    assert study.estimate().model.name == "market"
    with pytest.raises(InputError, match=r'found "capm"; expected one of constant_mean'):
        study.estimate("capm")


def test_the_embedded_study_loads(study):
    assert study.name == "china-blockchain-2019"


def test_tickers_without_a_row_in_the_asset_list_are_named(folder):
    append(folder, "prices.csv", "2023-01-04,OTHER,-3\n")
    assert load_study(folder).unused_tickers == ("OTHER",)


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "there is nothing of this name"),
        ("study/study.toml", "not a file"),
        ("empty", "holds a study.toml"),
        ("a\0b", "a study folder"),
        ("x" * 5000, "a study folder"),
    ],
)
def test_what_is_no_study_folder(folder, tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as error:
        load_study(tmp_path / name)
    assert len(error.value.problems) == 1
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "key", "value"),
    [
        ('name = "my-study"', "name = 3", "study.name", "3"),
        ('name = "my-study"', 'name = " "', "study.name", " "),
        ('file = "prices.csv"', 'file = ["prices.csv"]', "prices.file", '["prices.csv"]'),
        ("start = 2023-01-03", 'start = "2023-01-03"', "prices.start", "2023-01-03"),
        ("end = 2023-10-18", "end = 2023-10-18T00:00:00", "prices.end", "2023-10-18 00:00:00"),
        ("start = 2023-01-03", "start = 2023-10-19", "prices.end", "2023-10-18"),
        ("# [prices.hourly]", "hourly = 3", "prices.hourly", "3"),
        ('kind = "log"', 'kind = "Log"', "returns.kind", "Log"),
        ('gaps = "drop"', 'gaps = "fill"', "returns.gaps", "fill"),
        ('model = "market"', 'model = "capm"', "estimation.model", "capm"),
        ("window = [-100, -11]", "window = [-11, -100]", "estimation.window", "[-11, -100]"),
        ("window = [-100, -11]", "window = [-100]", "estimation.window", "[-100]"),
        ("window = [-100, -11]", "window = [-100.5, -11]", "estimation.window", "[-100.5, -11]"),
        (
            "window = [-100, -11]",
            "window = [-1000000, -11]",
            "estimation.window",
            "[-1000000, -11]",
        ),
        ("window = [-100, -11]", "window = [-100, -5]", "estimation.window", "[-100, -5]"),
        ('anchor = "event"', 'anchor = "last"', "estimation.anchor", "last"),
        ("# end = 2023-06-30", "end = 2023", "estimation.end", "2023"),
        ("mask = true", 'mask = "yes"', "estimation.mask", "yes"),
        ("minimum = 60", "minimum = 0", "estimation.minimum", "0"),
        ("minimum = 60", "minimum = true", "estimation.minimum", "true"),
        ("minimum = 60", "minimum = 60.0", "estimation.minimum", "60.0"),
        ("minimum = 60", "minimum = 10001", "estimation.minimum", "10001"),
        ("mask = true", "mask = [true, false]", "estimation.mask", "[true, false]"),
        ("minimum = 60", "minimum = 91", "estimation.minimum", "91"),
        ("window = [-5, 10]", "window = [10, -5]", "event.window", "[10, -5]"),
        ("window = [-5, 10]", "window = [-5, 4]", "event.car_windows", None),
        ("[0, 5]]", "[5, 0]]", "event.car_windows", None),
        ("[0, 5]]", "[0, 1]]", "event.car_windows", None),
        (
            "car_windows = [[0, 0], [0, 1], [-1, 1], [0, 5]]",
            "car_windows = []",
            "event.car_windows",
            "[]",
        ),
        ('# pool_by = "issuer"', 'pool_by = ["issuer"]', "event.pool_by", None),
        ("half_life = 5", "half_life = 0", "sentiment.half_life", "0"),
        ("half_life = 5", "half_life = nan", "sentiment.half_life", "nan"),
        ("half_life = 5", "half_life = 1e300", "sentiment.half_life", "1e+300"),
        ("half_life = 5", "half_life = true", "sentiment.half_life", "true"),
    ],
)
def test_one_key_that_is_refused(folder, old, new, key, value):
    change(folder, "study.toml", (old, new))
    assert_one_key(folder, settings_problems(folder), key, value)


def assert_one_key(
    folder: Path, problems: tuple[Problem, ...], key: str, value: str | None
) -> None:
    (problem,) = problems
    assert (problem.file, problem.column) == ("study.toml", key)
    assert value is None or problem.value == value
    lines = (folder / "study.toml").read_text(encoding="utf-8").splitlines()
    assert lines[problem.line - 1].startswith(key.rpartition(".")[2])


@pytest.mark.parametrize(
    ("old", "new", "key", "value"),
    [
        ("start = 2023-01-03", "start = 2023-10-19", "prices.end", "2023-10-18"),
        ("start = 2023-01-03", "start = 0850-01-01", "prices.start", "0850-01-01"),
        ("end = 2023-10-18", "end = 2200-01-01", "prices.end", "2200-01-01"),
        ("# end = 2023-06-30", "end = 2022-06-30", "estimation.end", "2022-06-30"),
        ("minimum = 60", "minimum = 2", "estimation.minimum", "2"),
        ('# pool_by = "issuer"', 'pool_by = "surprse"', "event.pool_by", "surprse"),
        ('# pool_by = "issuer"', 'pool_by = "affects"', "event.pool_by", "affects"),
        # The template's events have no such column: what is blank throughout labels nothing.
        ('# pool_by = "issuer"', 'pool_by = "cluster"', "event.pool_by", "cluster"),
    ],
)
def test_one_key_that_is_refused_for_what_the_other_files_say(folder, old, new, key, value):
    change(folder, "study.toml", (old, new))
    assert_one_key(folder, problems_of(folder), key, value)


@pytest.mark.parametrize(
    ("old", "new", "key", "hint"),
    [
        ("minimum = 60", "minimun = 60", "estimation.minimun", '"estimation.minimum"'),
        ("[sentiment]", "[sentimnt]", "sentimnt", '"sentiment"'),
        (
            "half_life = 5",
            "half_life = 5\nhalflife = 6",
            "sentiment.halflife",
            '"sentiment.half_life"',
        ),
        ("half_life = 5", "half_life = 5\nzzzzzz = 6", "sentiment.zzzzzz", "known are study.name"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(folder, old, new, key, hint):
    change(folder, "study.toml", (old, new))
    (problem,) = settings_problems(folder)
    assert problem.column == key
    assert hint in problem.expected
    assert problem.line is not None


@pytest.mark.parametrize(
    "key", [name for name, key in settings_module.KEYS.items() if key.required]
)
def test_a_missing_required_key(folder, key):
    path = folder / "study.toml"
    section, _, name = key.partition(".")
    kept, inside = [], ""
    for line in path.read_text(encoding="utf-8").splitlines():
        inside = line.strip("[]") if line.startswith("[") else inside
        if not (inside == section and line.startswith(f"{name} =")):
            kept.append(line)
    path.write_text("\n".join(kept), encoding="utf-8")
    (problem,) = settings_problems(folder)
    assert (problem.column, problem.value) == (key, None)
    assert "this key" in problem.expected


def test_a_section_that_is_no_section(folder):
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text = text.replace("[sentiment]", "[[sentiment]]").replace("[returns]", "[unknown]")
    (folder / "study.toml").write_text("returns = 1\n" + text, encoding="utf-8")
    found = [(problem.column, problem.line) for problem in settings_problems(folder)]
    assert found == [
        ("returns", 1),
        ("unknown", line_of(folder, "study.toml", "[unknown]")),
        ("sentiment", line_of(folder, "study.toml", "[[sentiment]]")),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[study\n", 1),
        ('[study]\nname = "a\n', 2),
        ("[study]\nname = 1\nname = 2\n", 3),
        ("a = 2019-13-01\n", 1),
        ("[study]\nname = [1,\n", 3),
        ("a = " + "[" * 5000, 1),
        ("a = " + "9" * 5000, 1),
    ],
)
def test_toml_that_is_none_is_located(folder, text, line):
    (folder / "study.toml").write_text(text, encoding="utf-8")
    (problem,) = settings_problems(folder)
    assert (problem.file, problem.line) == ("study.toml", line)
    assert "valid TOML" in problem.expected


def test_toml_that_is_not_utf8_is_located(folder):
    content = (folder / "study.toml").read_bytes().replace(b'"my-study"', b'"my-\xe9tude"')
    (folder / "study.toml").write_bytes(content)
    line = content[: content.index(b"\xe9")].count(b"\n") + 1
    assert places(folder) == [("study.toml", line, "byte 12", r"\xe9")]


def test_a_settings_file_that_cannot_be_read(folder):
    (folder / "study.toml").unlink()
    (folder / "study.toml").mkdir()
    (problem,) = problems_of(folder)
    assert (problem.file, problem.line) == ("study.toml", None)
    assert "a regular file; this is a folder" in problem.expected


@pytest.mark.parametrize("file", ["events.csv", "assets.csv", "prices.csv"])
def test_a_file_that_is_missing(folder, file):
    (folder / file).unlink()
    (problem,) = problems_of(folder)
    assert problem.file == file
    assert "there is none" in problem.expected


def test_a_price_file_in_another_folder_is_called_what_study_toml_calls_it(folder):
    change(folder, "study.toml", ('"prices.csv"', '"data/closes.csv"'))
    (problem,) = problems_of(folder)
    assert problem.file == "data/closes.csv"


def test_lags_and_leads_count_among_the_parameters_that_the_minimum_must_exceed(folder):
    change(folder, "study.toml", ('"market"\n', '"dimson"\n'), ("minimum = 60", "minimum = 4"))
    (problem,) = problems_of(folder)
    assert problem.expected == "more sessions than the 4 parameters of model dimson"
    change(folder, "study.toml", ("minimum = 4", "minimum = 5"))
    assert load_study(folder).estimate().models["model"].isin(["dimson", "constant_mean"]).all()


def test_a_fixed_estimation_end_inside_an_event_window_names_the_events(folder):
    # Session -5 of 13 July is 6 July in New York (the 4th is a holiday); of 12 July the 7th.
    change(folder, "study.toml", ("# end = 2023-06-30", "end = 2023-07-05"))
    assert load_study(folder).estimation.end == pd.Timestamp("2023-07-05")
    change(folder, "study.toml", ("end = 2023-07-05", "end = 2023-07-06"))
    (problem,) = problems_of(folder)
    assert problem.column == "estimation.end"
    assert problem.expected.endswith("it does not for rule-announced (XNYS)")
    change(folder, "study.toml", ("end = 2023-07-06", "end = 2023-08-09"))
    (problem,) = problems_of(folder)
    assert "rule-announced (24/7, XNYS), rule-effective (24/7, XNYS)" in problem.expected


def test_one_window_before_the_first_policy_event_may_not_reach_an_earlier_control(folder):
    change(
        folder,
        "study.toml",
        ('anchor = "event"', 'anchor = "first"'),
        ("[-100, -11]", "[-90, -11]"),
    )
    load_study(folder).estimate()
    append(folder, "events.csv", "early,2023-06-22,,,,,control,yes,,,,\n")
    (problem,) = problems_of(folder)
    assert (problem.file, problem.column) == ("study.toml", "estimation.window")
    assert "early (24/7, XNYS)" in problem.expected


def test_days_that_no_calendar_reaches_are_found_with_everything_else(folder):
    change(
        folder,
        "study.toml",
        ("start = 2023-01-03", "start = 1850-01-01"),
        ("end = 2023-10-18", "end = 2150-01-01"),
        ("# end = 2023-06-30", "end = 1900-06-30"),
    )
    change(folder, "prices.csv", ("2023-01-03,ACME,", "2023-01-03,ACME,-"))
    found = [(file, column) for file, _, column, _ in places(folder)]
    assert set(found) == {
        ("prices.csv", "close"),
        ("study.toml", "prices.start"),
        ("study.toml", "prices.end"),
    }


def test_a_value_of_very_many_levels(folder):
    change(folder, "study.toml", ("mask = true", "mask" + ".a" * 3000 + " = 1"))
    (problem,) = settings_problems(folder)
    assert (problem.column, problem.expected) == ("estimation.mask", "true or false")


def test_a_file_name_too_long_for_the_system(folder):
    name = "p" * 5000
    change(folder, "study.toml", ('file = "prices.csv"', f'file = "{name}"'))
    (problem,) = problems_of(folder)
    assert problem.file == name
    assert "file name too long" in problem.expected


def test_an_estimation_end_outside_the_range_of_the_file(folder):
    change(folder, "study.toml", ("start = 2023-01-03", ""), ("end = 2023-10-18", ""))
    for day in ("1800-01-01", "2023-01-02", "2023-10-19"):
        change(folder, "study.toml", ("# end = 2023-06-30", f"end = {day}"))
        (problem,) = problems_of(folder)
        assert (problem.column, problem.value) == ("estimation.end", day)
        assert "2023-01-03 to 2023-10-18" in problem.expected
        change(folder, "study.toml", (f"end = {day}", "# end = 2023-06-30"))


def test_an_event_outside_the_prices_is_no_overlap(folder):
    change(folder, "study.toml", ("# end = 2023-06-30", "end = 2023-06-30"))
    append(folder, "events.csv", "before,2022-06-22,,,,,policy,yes,,,,\n")
    excluded = load_study(folder).estimate().excluded
    assert set(excluded["event_id"]) == {"before"}


def test_an_event_that_no_calendar_reaches(folder):
    append(folder, "events.csv", "far,2150-01-01,,,,,policy,yes,,,,\n")
    assert places(folder)[0] == ("events.csv", 6, "announced_at", "2150-01-01")


def test_an_asset_without_prices(folder):
    append(folder, "assets.csv", "GONE,XNYS,,makers,INDEX,,,\n")
    assert places(folder) == [("prices.csv", None, "ticker", "GONE")]


def test_a_price_on_a_holiday(folder):
    append(folder, "prices.csv", "2023-07-04,ACME,1\n2023-07-08,COIN,1\n")
    found = places(folder)
    assert [(line, column) for _, line, column, _ in found] == [
        (1491, "date"),
        (1492, "date, ticker"),
    ]


def test_hourly_prices_of_an_unknown_ticker_and_in_a_bad_file(folder):
    change(folder, "study.toml", ("# [prices.hourly]", "[prices.hourly]"), ('# "COIN"', '"COI.N"'))
    (folder / "coin_hourly.csv").write_text("time,close\n2023-07-12T21:00,1\n", encoding="utf-8")
    assert places(folder) == [
        ("study.toml", line_of(folder, "study.toml", '"COI.N"'), "prices.hourly.COI.N", "COI.N"),
        ("coin_hourly.csv", 2, "time", "2023-07-12T21:00"),
    ]


def test_every_problem_of_every_file_at_once(folder):
    change(folder, "study.toml", ("minimum = 60", "minimum = -1"), ("half_life", "halflife"))
    change(folder, "events.csv", ("2023-08-12", "2023-08-32"), (",placebo,", ",plcebo,"))
    change(
        folder, "assets.csv", ("DUNE,XNYS", "DUNE,NYSX"), ("BOLT,XNYS,Bolt,makers,INDEX", "BOLT")
    )
    append(folder, "prices.csv", "2023-10-18,ACME,1\n2023-10-17,COIN,nan\nx,DUNE,5\n2023-10-21\n")
    assert places(folder) == [
        ("study.toml", line_of(folder, "study.toml", "minimum"), "estimation.minimum", "-1"),
        ("study.toml", line_of(folder, "study.toml", "halflife"), "sentiment.halflife", None),
        ("events.csv", 3, "announced_at", "2023-08-32"),
        ("events.csv", 3, "role", "plcebo"),
        ("assets.csv", 3, None, "4 fields"),
        ("assets.csv", 5, "calendar", "NYSX"),
        ("prices.csv", 1491, "date, ticker", "2023-10-18, ACME"),
        ("prices.csv", 1492, "close", "nan"),
        ("prices.csv", 1492, "date, ticker", "2023-10-17, COIN"),
        ("prices.csv", 1493, "date", "x"),
        ("prices.csv", 1494, None, "1 field"),
    ]


def test_the_tables_are_checked_although_study_toml_is_broken(folder):
    (folder / "study.toml").write_text("=", encoding="utf-8")
    change(folder, "events.csv", ("2023-08-12", "soon"))
    (folder / "assets.csv").unlink()
    assert [file for file, *_ in places(folder)] == ["study.toml", "events.csv", "assets.csv"]


# --- junk -----------------------------------------------------------------------------------

JUNK = st.sampled_from(
    [
        *("", " ", "x", "-1", "0", "nan", "inf", "1e999", "no", "yes", "24/7", "XSHG"),
        *("benchmark", "COIN", "ACME;INDEX", "return", "2023-07-12", "2023-02-30"),
        *("2023-07-12T10:00", "9999-12-31T23:59-12:00", "0001-01-01T00:00+14:00"),
        *("1900-01-01", "2199-01-01", '"', 'a"b', "a,b", "\0", "\r", "é", "\u2028"),
    ]
)


@st.composite
def damage(draw):
    """What to do to one file of the template: a function of its bytes."""
    kind = draw(st.sampled_from(["cell", "byte", "drop", "double", "ragged", "cut", "column"]))
    where, other = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6))
    junk, byte = draw(JUNK), draw(st.integers(0, 255))

    def apply(content: bytes) -> bytes:
        lines = content.split(b"\n")
        row = where % len(lines)
        cells = lines[row].split(b",")
        if kind == "cell":
            cells[other % len(cells)] = junk.encode()
            lines[row] = b",".join(cells)
        elif kind == "byte":
            at = where % len(content)
            return content[:at] + bytes([byte]) + content[at + 1 :]
        elif kind == "drop":
            del lines[row]
        elif kind == "double":
            lines.insert(other % len(lines), lines[row])
        elif kind == "ragged":
            lines[row] += b"," + junk.encode()
        elif kind == "cut":
            return content[: where % len(content)]
        else:
            lines[0] = lines[0].replace(cells[0] or b"e", junk.encode(), 1)
        return b"\n".join(lines)

    return apply


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    """The template with prices from May on, which load faster."""
    folder = new_study(tmp_path_factory.mktemp("junk") / "study")
    change(folder, "study.toml", ("start = 2023-01-03", "start = 2023-05-01"), ("[-100,", "[-40,"),
           ("minimum = 60", "minimum = 20"))  # fmt: skip
    lines = (folder / "prices.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line[:10] >= "2023-05-01"]
    (folder / "prices.csv").write_text("".join(kept), encoding="utf-8")
    load_study(folder)
    return folder


@settings(
    max_examples=16,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.dictionaries(st.sampled_from(FILES), damage(), min_size=1, max_size=3))
def test_a_damaged_folder_loads_or_says_where_it_is_damaged(workplace, tmp_path, damages):
    folder = tmp_path / "study"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(workplace, folder)
    for file, apply in damages.items():
        (folder / file).write_bytes(apply((folder / file).read_bytes()))
    try:
        load_study(folder).estimate()
    except InputError as error:
        found = error.problems
    else:
        return
    assert found
    assert all(problem.file.endswith((".toml", ".csv")) and problem.expected for problem in found)
    assert all(str(problem).isprintable() for problem in found)
    cells = [(p.file, p.line, p.column) for p in found if p.line and p.column]
    assert len(set(cells)) == len(cells)


LITERALS = st.sampled_from(
    [
        *("-1", "0", "1", "59", "90", "100000000000000000000", "1.5", "nan", "-inf", "true"),
        *("[]", "[0, 1]", "[[0, 1]]", "[[0, 1], 2]", "[-100, 9999]", "[-10000, -11]", "{}"),
        *("1900-01-01", "2023-07-04", "2199-12-31", "2023-07-04T00:00:00Z", "07:00:00"),
        *('""', '"prices.csv"', '"events.csv"', '"."', '"a\\u0000"', '"single_index"', '"first"'),
    ]
)


@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.dictionaries(st.sampled_from(sorted(settings_module.KEYS)), LITERALS, max_size=3))
def test_any_value_of_any_key_is_used_or_refused(workplace, tmp_path, values):
    folder = tmp_path / "study"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(workplace, folder)
    required = {
        "study.name": '"s"',
        "prices.file": '"prices.csv"',
        "estimation.window": "[-40, -11]",
        "estimation.minimum": "20",
        "event.window": "[-5, 10]",
        "event.car_windows": "[[0, 1]]",
    }
    lines = [f"{key} = {value}" for key, value in (required | values).items()]
    (folder / "study.toml").write_text("\n".join(lines), encoding="utf-8")
    try:
        load_study(folder).estimate()
    except InputError as error:
        found = error.problems
    else:
        return
    assert found
    assert all(problem.column in settings_module.KEYS for problem in found if problem.line)
    assert all(str(problem).isprintable() for problem in found)


# --- a new study ----------------------------------------------------------------------------


def test_a_new_study_is_a_copy_of_the_template(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "README.md"])
    assert all((folder / name).read_bytes() == (TEMPLATE / name).read_bytes() for name in FILES)


def test_every_key_stands_in_the_template_with_an_explanation():
    lines = (TEMPLATE / "study.toml").read_text(encoding="utf-8").splitlines()
    section = ""
    explained = set()
    for before, line in itertools.pairwise(lines):
        bare = line.removeprefix("# ")
        if bare.startswith("["):
            section = bare.strip("[]")
            explained |= {section} if before.startswith("#") else set()
        elif " = " in bare and (before.startswith("#") or " = " in before):
            explained.add(f"{section}.{bare.partition(' = ')[0]}")
    assert explained >= set(settings_module.KEYS)


def test_an_empty_folder_is_filled_and_missing_parents_are_made(tmp_path):
    (tmp_path / "empty").mkdir()
    assert load_study(new_study(tmp_path / "empty")).name == "my-study"
    assert load_study(new_study(str(tmp_path / "a" / "b"))).name == "my-study"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "empty"]


def test_what_is_there_is_never_overwritten(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    for target in (tmp_path / "full", tmp_path / "full" / "mine.txt"):
        with pytest.raises(InputError, match="new or empty; nothing was written"):
            new_study(target)
    with pytest.raises(InputError, match="a folder that can be written"):
        new_study(tmp_path / "full" / "mine.txt" / "below")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_settings_are_dates_not_times():
    assert settings_module.KEYS["prices.start"].read(date(2019, 1, 1)) == date(2019, 1, 1)


# --- who is hit -----------------------------------------------------------------------------


def affecting(folder: Path, **affects: str) -> None:
    """Give the catalogue a column `affects`; events that are not named affect everything."""
    events = pd.read_csv(folder / "events.csv", dtype=str, keep_default_na=False)
    events["affects"] = events["event_id"].map(lambda event: affects.get(event, ""))
    events.to_csv(folder / "events.csv", index=False)


def test_an_event_is_estimated_and_masked_for_what_it_affects_alone(folder):
    before = load_study(folder)
    named = {"rule-announced": "makers", "rule-withdrawn": "COIN;ECHO"}
    affecting(folder, **named)
    study = load_study(folder)
    results = study.estimate()
    groups = study.groups
    hit = results.pairs.groupby("event_id")["ticker"].agg(set).to_dict()
    assert hit == {
        "rule-announced": set(groups.index[groups == "makers"]),
        "rule-effective": set(groups.index),
        "rule-withdrawn": {"COIN", "ECHO"},
    }
    # Pairs outside are no fault to be listed.
    assert results.excluded.empty
    # What is hit has the numbers that it had.
    keys = ["event_id", "ticker"]
    old = before.estimate().car((0, 1)).set_index(keys)["car"]
    new = results.car((0, 1)).set_index(keys)["car"]["rule-announced"]
    np.testing.assert_allclose(new, old["rule-announced"][new.index], rtol=1e-12)
    # For all others the session stays an ordinary one.
    day = "2023-09-13"
    ordinary = study.placebo((0, 0)).pairs.groupby("event_id")["ticker"].agg(set)
    assert day not in before.placebo((0, 0)).pairs["event_id"].tolist()
    assert ordinary[day] == set(groups.index) - {"COIN", "ECHO"}


def test_estimation_keeps_the_sessions_of_events_that_do_not_hit_the_asset(folder):
    affecting(folder, **{"rule-announced": "makers"})
    residuals = load_study(folder).estimate().residuals
    used = residuals[
        (residuals["event_id"] == "rule-withdrawn") & (residuals["session"] == "2023-07-13")
    ]
    assert used["ticker"].tolist() == ["COIN", "DUNE", "ECHO"]


@pytest.mark.parametrize(
    ("affects", "hint"),
    [
        ("maker", '"maker" is neither; did you mean "makers"?'),
        ("makers;ECHOS", '"ECHOS" is neither; did you mean "ECHO"?'),
        ("INDEX", '"INDEX" is neither; benchmarks are never estimated'),
        ("benchmark", '"benchmark" is neither; benchmarks are never estimated'),
        ("everything under the sun", '"everything under the sun" is neither'),
    ],
)
def test_what_an_event_affects_must_be_a_group_or_an_asset(folder, affects, hint):
    affecting(folder, **{"rule-withdrawn": affects})
    (problem,) = problems_of(folder)
    where = (problem.file, problem.line, problem.column, problem.value)
    assert where == ("events.csv", 4, "affects", affects)
    assert problem.expected.endswith(hint)


def test_a_group_is_measured_on_the_calendar_of_its_benchmark(folder):
    """A coin with an exchange's index has that exchange's sessions, its policy index too."""
    assets = folder / "assets.csv"
    text = assets.read_text()
    assert "COIN,24/7,Coin,coin,,," in text
    assets.write_text(text.replace("COIN,24/7,Coin,coin,,,", "COIN,24/7,Coin,coin,INDEX,,"))
    study = load_study(folder)
    assert study.calendars == {"makers": "XNYS", "sellers": "XNYS", "coin": "XNYS"}
    coin = study.returns.loc[study.returns["ticker"] == "COIN", "session"]
    assert policy_index(study, "coin")["session"].unique().tolist() == coin.tolist()


def test_an_event_study_has_the_tables_as_they_are_now(folder):
    """What is remembered stays; twice the returns of an asset have twice the abnormal returns."""
    study = load_study(folder)
    before = study.results.car((0, 1))
    changed = study.copy()
    changed.returns["return"] *= 2
    twice = changed.event_study().fit().car((0, 1))
    np.testing.assert_allclose(twice["car"], 2 * before["car"], rtol=1e-9)
    pd.testing.assert_frame_equal(study.event_study().fit().car((0, 1)), before)


def test_a_study_and_its_copy_compute_from_their_own_tables(folder):
    """Three times the returns of a coin have three times the CAR, whoever is asked first."""
    study = load_study(folder)
    copy, later = study.copy(), study.copy()
    copy.returns["return"] *= 3
    thrice = copy.estimate("constant_mean").car((0, 1))
    once = study.estimate("constant_mean").car((0, 1))
    np.testing.assert_allclose(thrice["car"], 3 * once["car"], rtol=1e-9)
    later.returns["return"] *= 3
    pd.testing.assert_frame_equal(later.estimate("constant_mean").car((0, 1)), thrice)
    benchmarks = dict(study.benchmarks)
    later.benchmarks.clear()
    assert study.benchmarks == benchmarks != {}


def test_names_of_tests_are_any_collection(folder):
    study = load_study(folder)
    found = study.ordinary_p_values((0, 1), ["patell", "adjusted_bmp"])
    assert set(found["test"]) == {"patell", "adjusted_bmp"}
    pd.testing.assert_frame_equal(
        study.ordinary_p_values((0, 1), ("patell", "adjusted_bmp")), found
    )
