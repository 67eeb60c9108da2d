"""Truth: what exchanges announced, `exchange_calendars` itself, and the calendar on the wall."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from chainpolicy import cli
from chainpolicy.prices.coverage import probable_closures
from chainpolicy.study.assets import read_assets
from chainpolicy.study.calendars import (
    CALENDARS,
    PLACES,
    Correction,
    canonical,
    collect_corrections,
    exchange,
)
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.sessions import event_session, sessions, trading_hours
from chainpolicy.study.study import load_study, new_study

STORM = (Correction("XHKG", date(2023, 9, 1), "closed"),)


def is_session(calendar: str, day: str) -> bool:
    return len(sessions(calendar, day, day)) == 1


# --- every calendar of the library ------------------------------------------------------------


def test_every_calendar_and_alias_of_the_library_is_known_and_has_a_place():
    library = exchange_calendars.get_calendar_names(include_aliases=True)
    assert set(library) | {"XSHE"} == set(CALENDARS)
    assert set(PLACES) == {canonical(name) for name in CALENDARS}


# The library still reads Series.values the way pandas 3.1 deprecates.
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
@pytest.mark.parametrize("calendar", ["XLON", "XTKS", "XFRA", "XNAS", "CMES", "24/5", "XASX"])
def test_sessions_and_closes_are_those_of_the_library(calendar):
    theirs = exchange_calendars.get_calendar(calendar, start="2018-01-02", end="2019-12-31")
    found = sessions(calendar, "2018-01-02", "2019-12-31")
    assert list(found) == list(theirs.sessions)
    closes = exchange(calendar).hours["close"].loc["2018-01-02":"2019-12-31"]
    assert list(closes) == list(theirs.closes)


@pytest.mark.parametrize(
    ("calendar", "day", "expected"),
    [
        # Orthodox Good Friday and Easter Monday of 2019, between two sessions.
        *[("ASEX", f"2019-04-{day}", day in (25, 30)) for day in (25, 26, 29, 30)],
        *[("XBSE", f"2019-04-{day}", day in (25, 30)) for day in (25, 26, 29, 30)],
        # Tel Aviv traded from Sunday to Thursday until 2026, from Monday to Friday since.
        ("XTAE", "2019-10-25", False),
        ("XTAE", "2019-10-27", True),
        ("XTAE", "2026-02-06", True),
        ("XTAE", "2026-02-08", False),
        # A special session on one Saturday.
        ("XBOM", "2024-01-20", True),
        ("XBOM", "2024-01-13", False),
        # Currencies: no weekend, but a holiday of any country.
        ("24/5", "2019-12-25", True),
        ("24/5", "2019-12-28", False),
    ],
)
def test_days_that_exchanges_announced(calendar, day, expected):
    assert is_session(calendar, day) == expected


@pytest.mark.parametrize(
    ("announced_at", "calendar", "expected"),
    [
        # London closes at 12:30 on Christmas Eve; Boxing Day is a holiday.
        ("2019-12-24T12:29:59Z", "XLON", "2019-12-24"),
        ("2019-12-24T12:30Z", "XLON", "2019-12-27"),
        # The ten days of the imperial succession.
        ("2019-04-26T15:00+09:00", "XTKS", "2019-05-07"),
        # Frankfurt has no session on Christmas Eve.
        ("2019-12-23T18:00+01:00", "XFRA", "2019-12-27"),
        # Chicago's Monday begins on Sunday evening.
        ("2019-10-27T18:00-05:00", "CMES", "2019-10-28"),
        ("2019-10-25T10:15Z", "XNAS", "2019-10-25"),
        ("2019-10-25T18:15+08:00", "XSHE", "2019-10-28"),
        ("2019-10-25T23:59Z", "24/5", "2019-10-25"),
        ("2019-10-26T00:00Z", "24/5", "2019-10-28"),
        ("2019-10-26", "24/5", "2019-10-28"),
    ],
)
def test_first_session_that_could_react(announced_at, calendar, expected):
    assert event_session(calendar, announced_at) == pd.Timestamp(expected)


@pytest.mark.parametrize(
    ("announced_at", "expected"),
    [
        ("2019-10-27T16:59-05:00", "no session that day"),
        ("2019-10-27T18:00-05:00", "inside trading hours"),
        ("2019-10-28T18:00-05:00", "inside trading hours"),
    ],
)
def test_a_session_that_opens_the_evening_before(announced_at, expected):
    assert trading_hours("CMES", announced_at) == expected


def test_an_alias_is_read_as_the_calendar_whose_sessions_it_has(tmp_path):
    path = tmp_path / "assets.csv"
    path.write_text(
        "ticker,calendar,group,benchmark\nA,XNAS,a,I\nB,XNYS,a,I\nI,NYSE,benchmark,\n"
        "S,XSHE,s,\nT,XSHG,s,\n",
        encoding="utf-8",
    )
    assert list(read_assets(path)["calendar"]) == ["XNYS"] * 3 + ["XSHG"] * 2


@pytest.mark.parametrize(
    ("calendar", "near"), [("XLOND", "XLON"), ("xtks", "XTKS"), ("Toronto", "XTSE")]
)
def test_an_unknown_calendar_is_refused_with_the_nearest_known_one(tmp_path, calendar, near):
    path = tmp_path / "assets.csv"
    path.write_text(f"ticker,calendar\nA,XNYS\nB,{calendar}\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_assets(path)
    (problem,) = error.value.problems
    assert (problem.line, problem.column, problem.value) == (3, "calendar", calendar)
    assert f'did you mean "{near}"?' in problem.expected


# --- what a study sets right -------------------------------------------------------------------


def test_a_closed_day_is_no_session_and_what_was_announced_before_it_trades_after():
    assert is_session("XHKG", "2023-09-01"), "the library knows it by now"
    late = "2023-08-31T17:00+08:00"
    assert event_session("XHKG", late) == pd.Timestamp("2023-09-01")
    assert event_session("XHKG", late, STORM) == pd.Timestamp("2023-09-04")
    days = sessions("XHKG", "2023-08-31", "2023-09-05", STORM)
    assert [day.day for day in days] == [31, 4, 5]
    assert trading_hours("XHKG", "2023-09-01T10:00+08:00", STORM) == "no session that day"
    assert event_session("XSHG", late, STORM) == pd.Timestamp("2023-09-01")


def test_an_opened_day_has_the_regular_hours():
    opened = (Correction("XNYS", date(2019, 10, 26), "open"),)
    assert event_session("XNYS", "2019-10-26", opened) == pd.Timestamp("2019-10-26")
    # Nine thirty to four in New York, four hours behind UTC.
    for at, expected in {
        "2019-10-26T13:29Z": "before the open",
        "2019-10-26T13:30Z": "inside trading hours",
        "2019-10-26T19:59Z": "inside trading hours",
        "2019-10-26T20:00Z": "after the close",
    }.items():
        assert trading_hours("XNYS", at, opened) == expected
    assert event_session("XNYS", "2019-10-26T20:00Z", opened) == pd.Timestamp("2019-10-28")


def test_a_half_day_that_was_a_whole_one():
    whole = (Correction("XNYS", date(2019, 11, 29), "open"),)
    assert event_session("XNYS", "2019-11-29T18:30Z") == pd.Timestamp("2019-12-02")
    assert event_session("XNYS", "2019-11-29T18:30Z", whole) == pd.Timestamp("2019-11-29")


@pytest.mark.parametrize("hours", ["12:00", "11:59"])
def test_a_close_at_noon_leaves_no_lunch_break_and_no_afternoon(hours):
    early = (Correction("XHKG", date(2023, 9, 4), hours),)
    afternoon = "2023-09-04T14:00+08:00"
    assert trading_hours("XHKG", afternoon) == "inside trading hours"
    assert trading_hours("XHKG", afternoon, early) == "after the close"
    assert trading_hours("XHKG", f"2023-09-04T{hours}+08:00", early) == "after the close"
    assert event_session("XHKG", afternoon, early) == pd.Timestamp("2023-09-05")


def test_a_close_after_lunch_keeps_the_break():
    early = (Correction("XHKG", date(2023, 9, 4), "14:30"),)
    assert trading_hours("XHKG", "2023-09-04T12:30+08:00", early) == "lunch break"
    assert trading_hours("XHKG", "2023-09-04T14:30+08:00", early) == "after the close"


def collect(path: Path, *rows: str, header: str = "calendar,date,hours"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    problems: list[Problem] = []
    found = collect_corrections(path, problems)
    return found, [(p.line, p.column, p.value) for p in problems]


def test_corrections_are_read_under_the_calendars_own_name(tmp_path):
    found, problems = collect(
        *(tmp_path / "calendars.csv", "XHKG,2023-09-01,closed,storm", "XNAS,2019-10-26,13:00,"),
        header="calendar,date,hours,note",
    )
    assert not problems
    assert found == (*STORM, Correction("XNYS", date(2019, 10, 26), "13:00"))


def test_a_study_without_the_file_corrects_nothing(tmp_path):
    problems: list[Problem] = []
    assert collect_corrections(tmp_path / "calendars.csv", problems) == ()
    assert not problems


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("XHKX,2023-09-01,closed", (2, "calendar", "XHKX")),
        (",2023-09-01,closed", (2, "calendar", "")),
        ("24/7,2023-09-01,closed", (2, "calendar", "24/7")),
        ("XHKG,01/09/2023,closed", (2, "date", "01/09/2023")),
        ("XHKG,1950-09-01,closed", (2, "date", "1950-09-01")),
        ("XHKG,2099-09-01,closed", (2, "date", "2099-09-01")),
        ("XHKG,2023-09-01,shut", (2, "hours", "shut")),
        ("XHKG,2023-09-01,", (2, "hours", "")),
        ("XHKG,2023-09-01,24:00", (2, "hours", "24:00")),
        ("XHKG,2023-09-01,9:30", (2, "hours", "9:30")),
        ("XHKG,2023-09-01,09:30", (2, "hours", "09:30")),
    ],
)
def test_one_row_that_is_refused(tmp_path, row, problem):
    assert collect(tmp_path / "calendars.csv", row) == ((), [problem])


def test_a_day_stands_once_whatever_the_calendar_is_called(tmp_path):
    rows = ("XNYS,2019-10-26,open", "XNYS,2019-10-27,open", "XNAS,2019-10-26,closed")
    _, problems = collect(tmp_path / "calendars.csv", *rows)
    assert problems == [(4, "date", "2019-10-26")]


def test_a_file_without_its_columns_says_so_once(tmp_path):
    _, problems = collect(tmp_path / "calendars.csv", "XHKG,2023-09-01", header="calendar,date")
    assert problems == [(1, "hours", None)]


# --- in a study --------------------------------------------------------------------------------


@pytest.fixture
def storm(tmp_path) -> Path:
    """The template in London, where no share has a price of 17 May 2023."""
    folder = new_study(tmp_path / "study")
    for file in ("assets.csv", "prices.csv"):
        path = folder / file
        text = path.read_text(encoding="utf-8").replace("XNYS", "XLON")
        path.write_text(text, encoding="utf-8")
    prices = pd.read_csv(folder / "prices.csv")
    shares = prices["ticker"] != "COIN"
    london = prices["date"].isin(sessions("XLON", "2023-01-03", "2023-10-18").astype(str))
    lost = shares & ((prices["date"] == "2023-05-17") | ~london)
    prices[~lost].to_csv(folder / "prices.csv", index=False)
    return folder


def test_check_names_a_probable_closure_with_the_row_that_settles_it(storm, capsys):
    found = probable_closures(load_study(storm))
    named = found[found["session"] == "2023-05-17"]
    assert named.to_dict("records") == [
        {"calendar": "XLON", "session": pd.Timestamp("2023-05-17"), "n_assets": 6}
    ]
    assert cli.main(["check", str(storm)]) == 0
    said = capsys.readouterr().out
    assert "XLON,2023-05-17,closed" in said

    rows = [f"{c},{d:%Y-%m-%d},closed" for c, d, _ in found.itertuples(index=False)]
    (storm / "calendars.csv").write_text("\n".join(["calendar,date,hours", *rows]) + "\n")
    settled = load_study(storm)
    assert probable_closures(settled).empty
    assert cli.main(["check", str(storm)]) == 0
    assert "probably closed" not in capsys.readouterr().out
    # The day is no session any more: no return is missing, and windows count past it.
    shares = settled.returns[settled.returns["ticker"] == "ACME"]
    assert pd.Timestamp("2023-05-17") not in set(shares["session"])
    assert shares["return"].isna().sum() == 1, "only the first session has no return"


def test_one_asset_without_a_close_is_no_closure(storm):
    path = storm / "prices.csv"
    with path.open("a", encoding="utf-8") as stream:
        stream.write("2023-05-17,INDEX,1000.5\n")
    found = probable_closures(load_study(storm))
    assert "2023-05-17" not in set(found["session"].astype(str))


def test_a_price_on_a_closed_day_is_refused_and_an_opened_day_takes_one(storm):
    (storm / "calendars.csv").write_text("calendar,date,hours\nXLON,2023-05-18,closed\n")
    with pytest.raises(InputError) as error:
        load_study(storm)
    assert {(p.file, p.column, p.value) for p in error.value.problems} == {
        ("prices.csv", "date", "2023-05-18")
    }
    assert "XLON,2023-05-18,open" in error.value.problems[0].expected

    with (storm / "prices.csv").open("a", encoding="utf-8") as stream:
        stream.write("2023-05-20,ACME,41.0\n")
    (storm / "calendars.csv").write_text("calendar,date,hours\nXLON,2023-05-20,open\n")
    study = load_study(storm)
    acme = study.returns[study.returns["ticker"] == "ACME"].set_index("session")["return"]
    assert np.isfinite(acme.loc[pd.Timestamp("2023-05-20")])


def test_the_file_is_part_of_the_study(storm):
    before = load_study(storm)
    path = storm / "calendars.csv"
    path.write_text("calendar,date,hours\nXLON,2023-05-17,closed\n")
    after = load_study(storm)
    assert path in after.files
    assert after.checksum != before.checksum
    assert after.corrections == (Correction("XLON", date(2023, 5, 17), "closed"),)


def test_a_bad_row_is_found_with_everything_else(storm):
    (storm / "calendars.csv").write_text("calendar,date,hours\nXLON,2023-05-17,shut\n")
    with pytest.raises(InputError) as error:
        load_study(storm)
    assert [(p.file, p.line, p.column, p.value) for p in error.value.problems] == [
        ("calendars.csv", 2, "hours", "shut")
    ]
