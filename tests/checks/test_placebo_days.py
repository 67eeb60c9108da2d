"""Clean placebo events: redrawn, and clear of both catalogues by a search of its own."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from chainpolicy import checks, tables
from chainpolicy.checks import placebo_days
from chainpolicy.study import Study, load_study
from chainpolicy.study.calendars import Correction
from chainpolicy.study.sessions import event_session, sessions


@pytest.fixture(scope="module")
def known() -> pd.DataFrame:
    return load_study("china-crypto-policy-2013-2021").events


def is_clear(day: pd.Timestamp, study: Study, announced: list[str]) -> bool:
    """Whether the day and the session after it are none of the sessions [0, 5] of anything."""
    for calendar in ("XSHG", "XNYS", "24/7"):
        days = list(sessions(calendar, study.start, study.end))
        if day not in days:
            return False
        window = days[days.index(day) : days.index(day) + 2]
        for at in announced:
            first = event_session(calendar, at)
            if study.start <= first <= study.end:
                place = days.index(first)
                if set(window) & set(days[place : place + 6]):
                    return False
    return True


def test_the_days_in_the_readme_are_what_the_rule_draws(study, known):
    readme = (study.path / "README.md").read_text(encoding="utf-8")
    table = readme.split("| Clean placebo days |")[1].split("\n\n")[0]
    stated = re.findall(r"\| (\d{4}-\d\d-\d\d) \|", table)
    drawn = checks.draw_placebo_days(study, known)
    assert list(drawn.strftime("%Y-%m-%d")) == stated
    assert len(stated) == 8
    assert list(checks.draw_placebo_days(study, known, seed=1)) != list(drawn)


def test_a_day_on_which_no_asset_has_a_return_is_never_drawn(study, monkeypatch):
    days = placebo_days._ordinary_days(study, None, (0, 1))
    assert study.returns.loc[study.returns["session"] == days[0], "return"].isna().all()
    assert study.returns.groupby("session")["return"].count()[days[1:]].min() > 0
    # Both are the same for every seed.
    estimated = placebo_days._estimated_days(study, (0, 1))
    monkeypatch.setattr(placebo_days, "_ordinary_days", lambda *_: days)
    monkeypatch.setattr(placebo_days, "_estimated_days", lambda *_: estimated)
    first = [checks.draw_placebo_days(study, seed=seed)[0] for seed in range(60)]
    monkeypatch.setattr(placebo_days, "_estimated_days", lambda *_: set(days))
    of_all = [checks.draw_placebo_days(study, seed=seed)[0] for seed in range(60)]
    assert days[0] in of_all
    assert days[0] not in first


def test_drawn_days_are_clear_of_both_catalogues_and_apart(study, known):
    announced = [at for at in (*study.events["announced_at"], *known["announced_at"]) if at]
    drawn = checks.draw_placebo_days(study, known)
    assert all(is_clear(day, study, announced) for day in drawn)
    assert min(drawn[1:] - drawn[:-1]) >= pd.Timedelta(days=7)
    # The two that are said not to be clean are found not to be.
    for day in ("2020-01-02", "2020-01-03"):
        assert not is_clear(pd.Timestamp(day), study, announced)


def test_another_catalogue_takes_days_away(study):
    drawn = checks.draw_placebo_days(study)
    known = pd.DataFrame({"announced_at": [f"{day:%Y-%m-%d}" for day in drawn] + [""]})
    assert not set(drawn) & set(checks.draw_placebo_days(study, known))


def test_a_day_that_a_study_closes_is_no_session_of_an_announcement(study):
    closed = replace(study, corrections=(Correction("XSHG", date(2019, 3, 1), "closed"),))
    # Announced on Friday the 1st, it enters on Monday the 4th, the sixth session before the 11th.
    days = pd.DatetimeIndex(["2019-03-08", "2019-03-11", "2019-03-12"])
    near = [
        placebo_days._near(days, "XSHG", ["2019-03-01"], (0, 1), of).tolist()
        for of in (study, closed)
    ]
    assert near == [[True, False, False], [True, True, False]]


def test_each_group_has_a_response_on_each_drawn_day(study, known):
    rows = tables.controls(study, known)
    drawn = rows[rows["kind"] == "drawn day"]
    days = checks.draw_placebo_days(study, known)
    assert len(drawn) == len(days) * study.groups.nunique()
    bitcoin = drawn[drawn["group"] == "bitcoin"].set_index("what")["caar"]
    close = study.prices[study.prices["ticker"] == "BTC-USD"].set_index("date")["close"]
    day = days[-1]
    two_days = (close[day + pd.Timedelta(days=1)] / close[day - pd.Timedelta(days=1)]) - 1
    # Within twice the mean daily return, which is what the model takes off.
    assert bitcoin[f"{day:%Y-%m-%d}"] == pytest.approx(two_days, abs=0.02)
