"""A study made of frames is the study of the folder that says the same."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from chainpolicy import InputError, MarketModel, Study, load_study
from tariff_study import tariff_study

SETTINGS = {
    "estimation.window": (-80, -11),
    "estimation.minimum": 50,
    "event.window": [-5, 5],
    "groups": {"makers": "Makers"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tariff_study(tmp_path_factory.mktemp("frames") / "study", "trade")


@pytest.fixture
def frames(folder):
    names = ("events", "assets", "prices")
    return {name: pd.read_csv(folder / f"{name}.csv") for name in names}


def refused(frames, settings=SETTINGS, **more) -> list[str]:
    with pytest.raises(InputError) as caught:
        Study.from_frames(**frames, settings=settings, **more)
    return [str(problem) for problem in caught.value.problems]


def test_frames_and_folder_agree(folder, frames):
    before = {name: frame.copy() for name, frame in frames.items()}
    study = Study.from_frames(**frames, settings=SETTINGS)
    read = load_study(folder)
    pd.testing.assert_frame_equal(study.events, read.events)
    pd.testing.assert_frame_equal(study.prices, read.prices)
    pd.testing.assert_frame_equal(study.results.car((0, 1)), read.results.car((0, 1)))
    assert study.label("makers") == "Makers"
    assert study.car_windows == ((0, 0), (0, 1))
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_cells_may_be_what_pandas_holds(folder, frames):
    read = load_study(folder)
    events = frames["events"]
    events["announced_at"] = pd.to_datetime(events["announced_at"])
    events["in_sample"] = [True] * (len(events) - 1) + [False]
    events["reason"] = [None] * (len(events) - 1) + ["a test"]
    # A gap makes whole numbers floats.
    events["stance_trade"] = events["stance_trade"].where(events.index != 3)
    frames["prices"]["date"] = pd.to_datetime(frames["prices"]["date"])
    frames["assets"]["benchmark"] = [
        () if pd.isna(cell) else (cell,) for cell in frames["assets"]["benchmark"]
    ]
    study = Study.from_frames(**frames, settings=SETTINGS)
    assert study.events["announced_at"].tolist() == read.events["announced_at"].tolist()
    assert study.events["in_sample"].tolist() == [True] * 9 + [False]
    assert study.events["stance_trade"].tolist()[:5] == [1, -1, 1, 0, 1]
    assert study.benchmarks == read.benchmarks
    pd.testing.assert_frame_equal(study.prices, read.prices)


def test_an_hour_keeps_its_offset(frames):
    china = timezone(timedelta(hours=8))
    moments = [datetime(2018, 1, 10, 18, 15, tzinfo=china), *frames["events"]["announced_at"][1:]]
    frames["events"]["announced_at"] = moments
    study = Study.from_frames(**frames, settings=SETTINGS)
    assert study.events["announced_at"][0] == "2018-01-10T18:15:00+08:00"
    assert study.events["time_precision"].tolist()[:2] == ["exact", "day"]


def test_factors_and_calendars_come_as_frames_too(frames):
    days = pd.bdate_range("2017-07-03", "2018-12-28")
    rng = np.random.default_rng(0)
    factors = pd.DataFrame({"date": days, "SMB": rng.normal(0, 0.4, len(days))})
    frames["assets"].loc[0, "benchmark"] = "UKX;SMB"
    calendars = pd.DataFrame({"calendar": ["XTKS"], "date": [date(2018, 1, 10)], "hours": "closed"})
    prices = frames["prices"]
    tokyo = frames["assets"].query("calendar == 'XTKS'")["ticker"]
    closed = prices["ticker"].isin(tokyo) & (prices["date"] == "2018-01-10")
    frames["prices"] = prices[~closed]
    settings = {**SETTINGS, "factors.units": "percent"}
    study = Study.from_frames(**frames, factors=factors, calendars=calendars, settings=settings)
    assert study.benchmarks["STEEL.L"] == ("UKX", "SMB")
    session = study.alignment.query("event_id == 'tariff-0' and ticker == '1001.T'")
    assert session["event_session"].item() == pd.Timestamp("2018-01-11")


def test_what_is_wrong_is_named_by_frame_row_and_column(frames):
    frames["events"]["stance_trade"] = [2, *[0] * 9]
    frames["assets"].loc[3, "calendar"] = "XLNO"
    found = refused(frames)
    assert found[0].startswith('events, row 0, stance_trade: found "2"; expected -1 (restrictive)')
    assert found[1].startswith('assets, row 3, calendar: found "XLNO"')
    assert len(found) == 2


def test_a_repeated_row_names_the_other_by_its_row(frames):
    frames["prices"] = pd.concat([frames["prices"].iloc[:2], frames["prices"]])
    found = refused(frames)
    assert found[0].startswith("prices, row 2, date, ticker: found ")
    assert "row 0 has this one already" in found[0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"estimation.windw": (-80, -11)}, 'did you mean "estimation.window"?'),
        ({"estimation.window": (-11, -80)}, "settings, estimation.window"),
        ({"estimation.window": (-80.5, -11)}, "settings, estimation.window"),
        ({"study.name": float("nan")}, "settings, study.name"),
        ({"study.name": object}, "settings, study.name"),
        ({"groups": {"mkers": "Makers"}}, "a group of assets.csv"),
        ({"estimation.model": "mrket"}, "one of constant_mean, market_adjusted, market"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(frames, settings, said):
    assert said in refused(frames, {**SETTINGS, **settings})[0]


def test_what_is_no_frame_is_named(frames):
    frames["prices"] = frames["prices"].to_dict()
    assert refused(frames) == ['prices: found "dict"; expected a pandas DataFrame']


def test_a_model_goes_by_its_object_or_its_name(frames):
    study = Study.from_frames(**frames, settings=SETTINGS)
    by_name, by_object = study.estimate("market"), study.estimate(MarketModel())
    pd.testing.assert_frame_equal(by_name.car((0, 1)), by_object.car((0, 1)))
    with pytest.raises(InputError, match=r"mrket.*one of constant_mean, market_adjusted, market"):
        study.estimate("mrket")
