"""`check`: what of a study can be estimated, and which of its prices look wrong."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chainpolicy import cli
from chainpolicy.prices.moves import implausible_moves
from chainpolicy.study import new_study
from chainpolicy.study.calendars import Correction


@pytest.fixture
def folder(tmp_path) -> Path:
    return new_study(tmp_path / "study")


def run(capsys, *arguments: object) -> tuple[int, list[str], str]:
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def keep(folder: Path, rows) -> None:
    """Keep the prices for which a function of the frame is True."""
    prices = pd.read_csv(folder / "prices.csv")
    prices[rows(prices)].to_csv(folder / "prices.csv", index=False)


def scale(folder: Path, ticker: str, days: slice, factor: float) -> None:
    prices = pd.read_csv(folder / "prices.csv")
    hit = (prices["ticker"] == ticker) & prices["date"].between(days.start, days.stop)
    prices["close"] *= np.where(hit, factor, 1.0)
    prices.to_csv(folder / "prices.csv", index=False)


def test_every_pair_of_a_whole_study_is_estimable(folder, capsys):
    # Three dated events in the sample, six assets outside the group benchmark.
    code, lines, err = run(capsys, "check", folder)
    assert (code, err) == (0, "")
    assert lines[-1] == "18 of 18 pairs of event and asset estimable"


def test_a_column_that_was_to_be_a_stance_is_named(folder, capsys):
    edit(folder, "events.csv", "stance_crypto", "stnace_crypto")
    _, lines, _ = run(capsys, "check", folder)
    assert "events.csv: unknown columns, ignored: stnace_crypto (is it stance_...?)" in lines


def test_an_event_after_the_last_price(folder, capsys):
    # The last event reaches New York on 13 September 2023.
    keep(folder, lambda p: ~(p["ticker"].isin(["ACME", "DUNE"]) & (p["date"] > "2023-09-12")))
    code, lines, _ = run(capsys, "check", folder)
    assert code == 0
    assert lines[-2:] == [
        "16 of 18 pairs of event and asset estimable",
        "  not rule-withdrawn, ACME, DUNE: the event session 2023-09-13 comes after the last "
        "price, 2023-09-12",
    ]


def test_an_event_after_the_last_price_of_the_study(folder, capsys):
    edit(folder, "study.toml", "end = 2023-10-18", "end = 2023-09-01")
    code, lines, _ = run(capsys, "check", folder)
    assert code == 0
    assert "12 of 18 pairs of event and asset estimable" in lines
    assert any("comes after the last price, 2023-09-01" in line for line in lines)


def test_an_event_before_the_first_return(folder, capsys):
    keep(folder, lambda p: ~((p["ticker"] == "ACME") & (p["date"] < "2023-07-13")))
    _, lines, _ = run(capsys, "check", folder)
    assert (
        "  not rule-announced, ACME: the event session 2023-07-13 comes before there are returns; "
        "the first price is of 2023-07-13" in lines
    )


def test_a_window_longer_than_the_data(folder, capsys):
    # June of 2023 had 21 sessions in New York, Juneteenth closed; July up to the 12th had 7. The
    # first of the 28 closes has no return, and the window ends ten sessions before the event.
    keep(folder, lambda p: ~((p["ticker"] == "BOLT") & (p["date"] < "2023-06-01")))
    code, lines, _ = run(capsys, "check", folder)
    assert code == 0
    assert (
        "  not rule-announced, BOLT: the estimation window [-100, -11] is longer than the data "
        "before the event (27 returns since 2023-06-01): 17 valid sessions in the estimation "
        "window, 60 needed" in lines
    )


def test_a_gap_on_the_event_session(folder, capsys):
    keep(folder, lambda p: ~((p["ticker"] == "CRUX") & (p["date"] == "2023-07-13")))
    code, lines, _ = run(capsys, "check", folder)
    assert code == 0
    assert lines[4] == "17 of 18 pairs of event and asset estimable"
    assert lines[5].startswith("  not rule-announced, CRUX: ")


def test_windows_that_the_data_clip(folder, capsys):
    # 13, 14 and 15 September were sessions: the window [0, 5] has no fourth one.
    edit(folder, "study.toml", "end = 2023-10-18", "end = 2023-09-15")
    code, lines, _ = run(capsys, "check", folder)
    assert code == 0
    assert lines[4:] == [
        "18 of 18 pairs of event and asset estimable",
        "  without rule-withdrawn over [0, 5], ACME, BOLT, COIN, CRUX, DUNE and 1 more: the window "
        "runs past the data at tau = 3",
    ]


def test_check_and_estimate_count_the_same_pairs(folder, capsys, tmp_path):
    # The last session, the first of the last event, has no window of two sessions or more.
    edit(folder, "study.toml", "end = 2023-10-18", "end = 2023-09-13")
    edit(folder, "study.toml", "[0, 0], ", "")
    _, lines, _ = run(capsys, "check", folder)
    assert "12 of 18 pairs of event and asset estimable" in lines
    _, _, err = run(capsys, "estimate", folder, "--output", tmp_path / "out")
    assert err.startswith("12 of 18 pairs estimated; excluded: 1 event, ")
    with_car = pd.read_csv(tmp_path / "out" / "car.csv")[["event_id", "ticker"]]
    assert len(with_car.drop_duplicates()) == 12


def test_an_estimation_window_that_the_data_clip(folder, capsys):
    # 28 April 2023 begins 53 sessions of New York before the event of 13 July, the first of them
    # without a return: 43 of [-100, -11] are left, where 40 are asked for.
    edit(folder, "study.toml", "minimum = 60", "minimum = 40")
    keep(folder, lambda p: ~((p["ticker"] == "BOLT") & (p["date"] < "2023-04-28")))
    from chainpolicy.study.sessions import sessions

    on = sessions("XNYS", pd.Timestamp("2023-04-28"), pd.Timestamp("2023-07-12"))
    left = len(on) - 1 - 10
    _, lines, _ = run(capsys, "check", folder)
    assert (
        "  shorter estimation window of rule-announced, BOLT: the data begin after the start of "
        f"[-100, -11], {left} returns estimate it" in lines
    )
    assert "18 of 18 pairs of event and asset estimable" in lines


def test_rows_of_calendars_that_change_nothing(folder, capsys):
    rows = {
        "XLON,2023-05-18,closed": "no asset has this calendar",
        "XNYS,2022-05-18,closed": "the data are those of 2023-01-03 to 2023-10-18",
        "XNYS,2023-05-20,closed": "this day is no session anyway",
        "XNYS,2023-05-22,open": "the calendar has this session and these hours already",
        "XNYS,2023-07-03,13:00": "the calendar has this session and these hours already",
        "XNYS,2023-07-05,13:00": None,
    }
    (folder / "calendars.csv").write_text("\n".join(["calendar,date,hours", *rows, ""]))
    _, lines, _ = run(capsys, "check", folder)
    said = [line for line in lines if line.startswith("calendars.csv: ")]
    assert said == [
        f"calendars.csv: {row} changes nothing: {why}" for row, why in rows.items() if why
    ]


def test_a_day_that_the_study_calls_open_is_no_probable_closure(folder, capsys):
    keep(folder, lambda p: ~(p["ticker"].isin(["ACME", "BOLT", "CRUX", "DUNE", "ECHO", "INDEX"])
                             & (p["date"] == "2023-05-18")))  # fmt: skip
    _, lines, _ = run(capsys, "check", folder)
    assert any(line.startswith("XNYS was probably closed on 2023-05-18") for line in lines)
    (folder / "calendars.csv").write_text("calendar,date,hours\nXNYS,2023-05-18,open\n")
    _, lines, _ = run(capsys, "check", folder)
    assert not any("probably closed" in line for line in lines)


@pytest.mark.parametrize(
    ("units", "scale", "other"), [("percent", 0.01, "decimal"), ("decimal", 0.4, "percent")]
)
def test_factors_in_the_other_unit(folder, capsys, units, scale, other):
    days = pd.bdate_range("2023-01-03", "2023-10-18")
    market = scale * np.where(np.arange(len(days)) % 2, 1.0, -0.5)
    table = pd.DataFrame({"date": days, "MKT": market, "RF": 1e-4})
    table.to_csv(folder / "factors.csv", index=False)
    settings = (
        f'\n[factors]\nfile = "factors.csv"\nunits = "{units}"\nrisk_free = "RF"\nkind = "log"\n'
    )
    with (folder / "study.toml").open("a") as file:
        file.write(settings)
    _, lines, _ = run(capsys, "check", folder)
    said = [line for line in lines if "factors.units" in line]
    # 0.0075 % a day, and 30 %.
    assert len(said) == 1
    assert said[0].startswith("factors.csv: MKT has a standard deviation of ")
    assert said[0].endswith(f"factors.units is {units} in study.toml: should it be {other}?")


@pytest.mark.parametrize("command", ["check", "estimate", "report"])
def test_a_study_of_which_nothing_can_be_estimated_ends_with_status_2(
    folder, capsys, tmp_path, command
):
    keep(folder, lambda p: p["date"] > "2023-09-13")
    edit(folder, "study.toml", "start = 2023-01-03", "start = 2023-09-14")
    more = ["--output", str(tmp_path / "out")] if command == "estimate" else []
    code, lines, err = run(capsys, command, folder, *more)
    assert code == 2
    assert err
    if command == "check":
        assert lines[0] == "my-study: the files are sound"
        assert "0 of 18 pairs of event and asset estimable" in lines
        assert err == "Nothing of this study can be estimated.\n"


def test_moves_that_look_like_a_split_or_another_unit(folder, capsys, tmp_path):
    # A split of two for one from June on, and two days in cents.
    scale(folder, "DUNE", slice("2023-06-01", "2023-12-31"), 1 / 2)
    scale(folder, "ECHO", slice("2023-05-02", "2023-05-03"), 100)
    code, lines, _ = run(capsys, "check", folder)
    assert code == 0
    at = lines.index("3 moves look like a split or a unit error:")
    assert [line.partition(": ")[0] for line in lines[at + 1 : at + 4]] == [
        "  DUNE, 2023-06-01",
        "  ECHO, 2023-05-02",
        "  ECHO, 2023-05-04",
    ]
    assert lines[at + 1].endswith(", near 1/2")
    assert lines[at + 2].endswith(", near 100")
    assert lines[at + 3].endswith(", near 1/100")
    assert "adjusted" in lines[at + 4]
    code, _, err = run(capsys, "estimate", folder, "--output", tmp_path / "out")
    assert code == 0
    assert (
        "3 moves look like a split or a unit error: `chainpolicy check` lists them"
        in err.splitlines()
    )


def test_a_close_beyond_the_asset_s_own_limit(folder, capsys):
    edit(folder, "assets.csv", "Acme,makers,INDEX,", "Acme,makers,INDEX,0.05")
    prices = pd.read_csv(folder / "prices.csv").query("ticker == 'ACME'")
    beyond = prices[prices["close"].pct_change().abs() > 0.0503]
    # Planted among them: +8 % as a log return.
    assert "2023-07-13" in set(beyond["date"])
    code, lines, _ = run(capsys, "check", folder)
    assert code == 0
    found = [line.partition(":")[0] for line in lines if "beyond its price limit of 5%" in line]
    assert found == [f"  ACME, {day}" for day in beyond["date"]]
    assert "price_limit in assets.csv" in lines[-1]


@pytest.mark.parametrize(
    ("closes", "ratio", "factor"),
    [
        ([10, 13.9], None, None),  # 39 %
        ([10, 14.1], 1.41, 0),
        ([10, 6.1], None, None),
        ([10, 5.9], 0.59, 0),
        ([10, 20], 2.0, 2),
        ([10, 20.9], 2.09, 2),
        ([10, 21.2], 2.12, 0),
        ([30, 10], 1 / 3, 3),
        ([10, 40.5], 4.05, 4),
        ([10, 2], 0.2, 5),
        ([10, 1.02], 0.102, 10),
        ([10, 980], 98.0, 100),
        ([10, 10_000], 1000.0, 0),
    ],
)
def test_what_is_a_move_to_be_looked_at(closes, ratio, factor):
    prices = pd.DataFrame(
        {"date": pd.to_datetime(["2023-06-01", "2023-06-02"]), "ticker": "X", "close": closes}
    )
    assets = pd.DataFrame({"ticker": ["X"], "calendar": ["XNYS"], "price_limit": [""]})
    found = implausible_moves(prices.astype({"close": "float64"}), assets)
    if ratio is None:
        assert found.empty
    else:
        assert found["ratio"].to_list() == pytest.approx([ratio])
        assert found["factor"].to_list() == [factor]


def test_a_move_over_a_gap_is_not_measured_by_the_limit():
    # Two sessions lie between, each with its own limit: 21 % is within them.
    days = pd.to_datetime(["2023-06-01", "2023-06-05", "2023-06-06"])
    prices = pd.DataFrame({"date": days, "ticker": "X", "close": [10.0, 12.1, 13.9]})
    assets = pd.DataFrame({"ticker": ["X"], "calendar": ["XNYS"], "price_limit": ["0.10"]})
    found = implausible_moves(prices, assets)
    assert found["date"].to_list() == [pd.Timestamp("2023-06-06")]
    assert found["limit"].to_list() == [0.1]


def test_a_day_that_the_study_closes_is_no_gap():
    """Two closes with a holiday between them are one session apart: their limit is 10 %."""
    days = pd.to_datetime(["2023-05-01", "2023-05-03"])
    prices = pd.DataFrame({"date": days, "ticker": "X", "close": [10.0, 12.0]})
    assets = pd.DataFrame({"ticker": ["X"], "calendar": ["XNYS"], "price_limit": ["0.10"]})
    assert implausible_moves(prices, assets).empty
    closed = (Correction("XNYS", date(2023, 5, 2), "closed"),)
    assert implausible_moves(prices, assets, closed)["limit"].tolist() == [0.10]


def test_a_misspelt_column_is_named_with_the_one_it_may_be(folder, capsys):
    edit(folder, "events.csv", ",in_sample,", ",in_sampel,")
    edit(folder, "events.csv", "policy,no,", "policy,yes,")
    edit(folder, "events.csv", "speech,,", "speech,2023-08-01,")
    edit(folder, "assets.csv", ",price_limit,", ",limit_price,")
    (folder / "confounders.csv").write_text(
        "event_id,name,notes,hours\nrule-announced,A storm,,3\n", encoding="utf-8"
    )
    code, lines, _ = run(capsys, "check", folder)
    assert code == 0
    assert "events.csv: unknown columns, ignored: in_sampel (is it in_sample?)" in lines
    assert "confounders.csv: unknown columns, ignored: notes (is it note?), hours" in lines


def test_a_column_without_a_value_is_said_to_be_ignored(folder, capsys):
    edit(folder, "events.csv", "announced_at,", "surprise,announced_at,")
    events = (folder / "events.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.replace(",", ",,", 1) for line in events[1:]]
    (folder / "events.csv").write_text("\n".join([events[0], *rows, ""]), encoding="utf-8")
    code, lines, _ = run(capsys, "check", folder)
    assert code == 0
    assert "events.csv: unknown columns, ignored: surprise (blank throughout)" in lines
    assert not any("columns of your own" in line for line in lines)
    code, _, said = run(capsys, "report", folder, "--by", "surprise")
    assert code == 2
    assert 'found "surprise"; expected a column of events.csv with values' in said


def test_a_document_from_beyond_the_calendars_is_refused_where_it_stands(folder, capsys):
    edit(folder, "events.csv", "announced_at,", "document_date,announced_at,")
    events = (folder / "events.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.replace(",", ",2060-01-01,", 1) for line in events[1:2]]
    rows += [line.replace(",", ",,", 1) for line in events[2:]]
    (folder / "events.csv").write_text("\n".join([events[0], *rows, ""]), encoding="utf-8")
    code, _, said = run(capsys, "check", folder)
    assert code == 2
    assert 'events.csv, line 2, document_date: found "2060-01-01"; expected a day' in said


@pytest.mark.parametrize("library", ["OMP", "OPENBLAS", "MKL", "NUMEXPR"])
def test_a_command_computes_in_one_thread_whatever_the_shell_says(folder, monkeypatch, library):
    """The last digits of a product of matrices depend on how many threads share it."""
    monkeypatch.setenv(f"{library}_NUM_THREADS", "4")
    assert cli.main(["check", str(folder)]) == 0
    assert os.environ[f"{library}_NUM_THREADS"] == "1"


def test_columns_of_ones_own_are_said_to_be_usable_and_are(folder, capsys):
    edit(folder, "events.csv", "announced_at,", "sector,in_sampel,announced_at,")
    events = (folder / "events.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.replace(",", ",mining,yes,", 1) for line in events[1:]]
    (folder / "events.csv").write_text("\n".join([events[0], *rows, ""]), encoding="utf-8")
    edit(folder, "assets.csv", ",price_limit,", ",log_size,")
    _, lines, _ = run(capsys, "check", folder)
    said = [line for line in lines if "columns" in line]
    assert said == [
        "events.csv: unknown columns, ignored: in_sampel (is it in_sample?)",
        "events.csv: columns of your own, by which report and estimate --by COLUMN can pool "
        "effects: sector",
        "assets.csv: columns of your own, which [cross_section] in study.toml can name as "
        "regressors: log_size",
    ]
    code, lines, _ = run(capsys, "report", folder, "--by", "sector")
    assert code == 0
    assert any("mining" in line for line in lines)
