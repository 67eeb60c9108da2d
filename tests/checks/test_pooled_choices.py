"""Pooled effects of the study of 2013-2021 against a second computation from its two files.

The second computation uses numpy and the files alone: log returns of Bitcoin, the mean of the 120
days from -130 to -11 without the days [0, 1] of any dated row, and nothing of the package.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import chainpolicy
from chainpolicy import checks, estimators, figures, tables
from chainpolicy.checks.pooled import Clusters, block_error
from chainpolicy.estimators import in_volatility
from chainpolicy.study import Study, load_study
from chainpolicy.study.problems import InputError
from chainpolicy.study.sessions import align

NAME = "china-crypto-policy-2013-2021"
FOLDER = Path(chainpolicy.__file__).parent / "studies" / "china_crypto_policy_2013_2021"


@pytest.fixture(scope="module")
def policy() -> Study:
    return load_study(NAME)


def utc_day(text: str) -> date:
    if len(text) == 10:
        return date.fromisoformat(text)
    return datetime.fromisoformat(text).astimezone(UTC).date()


class Outside:
    """Bitcoin's responses from events.csv and prices.csv, with nothing of the package."""

    def __init__(self, dated_by: str = "") -> None:
        with (FOLDER / "events.csv").open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        with (FOLDER / "prices.csv").open(encoding="utf-8", newline="") as file:
            closes = [
                (date.fromisoformat(row["date"]), float(row["close"]))
                for row in csv.DictReader(file)
                if row["ticker"] == "BTC-USD"
            ]
        self.first = closes[0][0]
        self.returns = np.diff(np.log([close for _, close in closes]), prepend=np.nan)
        self.day = {}
        for row in self.rows:
            text = row["announced_at"]
            if dated_by and row[dated_by] and row["in_sample"] == "yes":
                text = row[dated_by]
            if text:
                self.day[row["event_id"]] = (utc_day(text) - self.first).days
        self.masked = np.zeros(len(self.returns), dtype=bool)
        self.eventful = np.zeros(len(self.returns), dtype=bool)
        for at in self.day.values():
            self.masked[max(at, 0) : at + 2] = True
            self.eventful[max(at, 0) : at + 6] = True

    def response(self, at: int, window: tuple[int, int]) -> tuple[float, float]:
        """CAR and its standard error on one day."""
        used = np.arange(at - 130, at - 10)
        used = used[used >= 1]
        used = used[~self.masked[used]]
        estimation = self.returns[used]
        if len(estimation) < 60 or at + window[1] >= len(self.returns):
            return np.nan, np.nan
        abnormal = self.returns[at + window[0] : at + window[1] + 1] - estimation.mean()
        length = len(abnormal)
        error = estimation.std(ddof=1) * np.sqrt(length + length**2 / len(estimation))
        return abnormal.sum(), error

    def policy(self, **cells: str) -> list[str]:
        return [
            row["event_id"]
            for row in self.rows
            if row["role"] == "policy"
            and row["in_sample"] == "yes"
            and all(row[name] == value for name, value in cells.items())
        ]

    def days(self, events: list[str]) -> list[int]:
        return sorted({self.day[event] for event in events})

    def mean(self, events: list[str], window: tuple[int, int] = (0, 1)) -> float:
        return float(np.nanmean([self.response(at, window)[0] for at in self.days(events)]))


@pytest.fixture(scope="module")
def outside() -> Outside:
    return Outside()


@pytest.mark.parametrize("window", [(0, 0), (0, 1), (0, 5)])
def test_means_are_those_of_an_outside_computation(policy, outside, window):
    restrictive = outside.policy(stance_crypto="-1")
    supportive = [
        event
        for event in outside.policy()
        if event not in restrictive
        and any(
            row["event_id"] == event and "1" in (row["stance_crypto"], row["stance_blockchain"])
            for row in outside.rows
        )
    ]
    table = checks.pooled_subsets(
        policy,
        "bitcoin",
        {
            "down": checks.events_of(policy, "restrictive"),
            "up": checks.events_of(policy, "supportive"),
        },
        window,
    ).set_index("subset")
    assert table.loc["down", "n_events"] == len(restrictive) == 72
    assert table.loc["down", "n_clusters"] == len(outside.days(restrictive)) == 67
    assert table.loc["down", "mean"] == pytest.approx(outside.mean(restrictive, window))
    assert table.loc["up", "mean"] == pytest.approx(outside.mean(supportive, window))


def test_selections_and_their_means_are_those_of_an_outside_computation(policy, outside):
    chosen = checks.selections(policy)
    restrictive = outside.policy(stance_crypto="-1")
    famous = outside.policy(stance_crypto="-1", famous="yes")
    expected = {
        "all by the rule": restrictive,
        "confidence in the date: high": outside.policy(stance_crypto="-1", confidence="H"),
        "salience 2 or 3 of 3": [
            event
            for event in restrictive
            if event not in outside.policy(stance_crypto="-1", salience="1")
        ],
        "named by the article": outside.policy(stance_crypto="-1", from_article="yes"),
        "famous": famous,
        # Nor is anything left that was announced on a famous day.
        "all but the famous": [
            event for event in restrictive if outside.day[event] not in outside.days(famous)
        ],
        # Event ids begin with the year; the first famous date is one of 2017.
        "neither famous nor before 2017": [
            event
            for event in restrictive
            if outside.day[event] not in outside.days(famous) and event[:4] >= "2017"
        ],
    }
    assert {name: sorted(events) for name, events in chosen.items()} == {
        name: sorted(events) for name, events in expected.items()
    }
    assert len(famous) == 13
    table = checks.pooled_subsets(policy, "bitcoin", chosen).set_index("subset")
    for name, events in expected.items():
        assert table.loc[name, "mean"] == pytest.approx(outside.mean(events)), name


def test_rank_sign_flips_and_interval_are_those_of_an_outside_computation(policy, outside):
    events = outside.policy(stance_crypto="-1")
    days = np.array(outside.days(events))
    car, error = np.array([outside.response(at, (0, 1)) for at in days]).T
    ordinary = np.full(len(outside.returns), np.nan)
    for at in range(1, len(outside.returns) - 1):
        if not outside.eventful[at : at + 2].any():
            used = np.arange(max(at - 130, 1), at - 10)
            if (~outside.masked[used]).sum() >= 60:
                ordinary[at] = np.divide(*outside.response(at, (0, 1)))
    block = np.cumsum(np.diff(days, prepend=days[0] - 9) > 1) - 1
    rng = np.random.default_rng(7)
    drawn, signed = np.zeros(20_000), np.zeros(20_000)
    for number in range(block[-1] + 1):
        held = days[block == number]
        places = np.arange(len(ordinary) - (held[-1] - held[0]))[:, None] + held - held[0]
        sums = ordinary[places].sum(axis=1)
        drawn += rng.choice(sums[np.isfinite(sums)], 20_000)
        own = (car / error)[block == number].sum()
        signed += own * rng.choice([-1, 1], 20_000)
    total = abs((car / error).sum())
    found = checks.pooled_subsets(policy, "bitcoin", {"down": events}).iloc[0]
    assert found["n_blocks"] == block[-1] + 1
    # Monte Carlo: both are shares of a few in ten thousand.
    assert found["randomization_p"] == pytest.approx((np.abs(drawn) >= total).mean(), abs=5e-4)
    assert found["sign_flip_p"] == pytest.approx((np.abs(signed) >= total).mean(), abs=2e-3)
    sums = np.array([(car - car.mean())[block == b].sum() for b in range(block[-1] + 1)])
    count = len(sums)
    assert found["std_error"] == pytest.approx(
        np.sqrt((sums**2).sum() * count / (count - 1)) / len(car)
    )


def test_the_pool_of_the_library_finds_the_same(policy):
    events = checks.events_of(policy, "restrictive")
    by = dict.fromkeys(events, "down")
    whole = policy.results.pool(by, (0, 1)).tidy().set_index("group")
    for group in policy.groups.unique():
        found = checks.pooled_subsets(policy, group, {"down": events}).iloc[0]
        expected = whole.loc[group]
        assert found["n_clusters"] == expected["n_clusters"]
        assert found["n_blocks"] == expected["n_blocks"]
        assert found["mean"] == pytest.approx(expected["mean"])
        for test in ("randomization_p", "sign_flip_p"):
            assert found[test] == pytest.approx(expected[test], abs=3e-3)


def test_fade_is_spearmans_among_orders_that_keep_overlapping_windows_together(policy):
    from scipy import stats

    events = checks.events_of(policy, "restrictive")
    held = checks.event_clusters(policy, "bitcoin").of(events)
    table = checks.fade(policy, "bitcoin", events)
    blocks = np.split(np.arange(len(held.caar)), np.flatnonzero(np.diff(held.block)) + 1)
    assert max(map(len, blocks)) > 1
    rng = np.random.default_rng(1)
    for name, values in (("CAAR", held.caar), ("|SCAAR|", np.abs(held.scaar))):
        time = held.session.to_numpy(np.int64)
        expected = stats.spearmanr(time, values).statistic
        assert table.loc[name, "correlation"] == pytest.approx(expected)
        ranks = stats.rankdata(values)
        drawn = [
            np.corrcoef(ranks[np.concatenate([blocks[b] for b in rng.permutation(len(blocks))])],
                        np.arange(len(ranks)))[0, 1]
            for _ in range(4_000)
        ]  # fmt: skip
        share = np.mean(np.abs(drawn) >= abs(expected) - 1e-12)
        # Three errors of a share in 4,000 draws, and as many of the 9,999 behind the table.
        error = np.sqrt(max(share, 0.01) * (1 / 4_000 + 1 / 9_999))
        assert table.loc[name, "p_value"] == pytest.approx(share, abs=3 * error)


def test_difference_gives_a_session_of_both_to_the_first(policy):
    first = ("2021-05-18-three-associations",)
    second = ("2021-05-18-inner-mongolia-hotline", "2021-05-21-fsdc-51st-meeting")
    found = checks.difference(policy, "bitcoin", first, second)
    assert found[["n_first", "n_second"]].tolist() == [1, 1]
    assert np.isnan(found["p_value"])


def test_one_per_order_keeps_the_first_and_all_orders_of_their_own(policy):
    events = (
        "2013-12-05-five-ministry-notice",
        "2017-09-08-caixin-exchanges-to-close",
        "2017-09-14-shanghai-verbal-closure",
        "2018-03-29-fan-clean-up-all",
    )
    kept = checks.one_per_order(policy, events)
    assert kept == (events[0], events[1], events[3])


def test_each_year_and_each_order_is_left_out_once(policy, outside):
    """Means without it by the second computation; a row without an order is one of its own."""
    events = outside.policy(stance_crypto="-1")
    order = {row["event_id"]: row["order"] or row["event_id"] for row in outside.rows}
    year = {event: str((outside.first + timedelta(outside.day[event])).year) for event in events}
    table = estimators.without_one(policy, "bitcoin").set_index(["part", "subset"])["mean"]
    for part, of in {"order": order, "year": year}.items():
        names = {of[event] for event in events}
        assert set(table[part].index) == names
        for name in names:
            others = [event for event in events if of[event] != name]
            assert table[part, name] == pytest.approx(outside.mean(others)), name
    assert len(table["order"]) > 20


def test_the_largest_responses_to_support_are_those_of_an_outside_computation(policy, outside):
    events = checks.events_of(policy, "supportive")
    days = outside.days(list(events))
    caar = {day: outside.response(day, (0, 1))[0] for day in days}
    two = sorted(sorted(days, key=caar.get)[-2:])
    found = checks.event_clusters(policy, "bitcoin", (0, 1), events).largest(2)
    assert [(day.date() - outside.first).days for day in found.session] == two
    assert found.caar == pytest.approx([caar[day] for day in two])


def test_splits_by_year_and_column_hold_every_event(policy):
    events = checks.events_of(policy, "restrictive")
    for column in ("year", "act", "confidence"):
        parts = checks.split_by(policy, events, column)
        assert sorted(event for part in parts.values() for event in part) == sorted(events)
    left = checks.without_each(events, checks.split_by(policy, events, "year"))
    assert not any(event.startswith("2021") for event in left["2021"])


# --- blocks, and size where nothing happened --------------------------------------------------


def test_block_error_of_blocks_of_one_is_that_of_a_mean():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    expected = values.std(ddof=1) / 2
    assert block_error(values, np.arange(4)) == pytest.approx(expected)
    # Two blocks: deviations -3 - 2 = -5 and 0 + 5 = 5; sqrt(2 (25 + 25)) / 4.
    assert block_error(values, np.array([0, 0, 1, 1])) == pytest.approx(10 / 4)


@pytest.mark.parametrize("window", [(0, 0), (0, 1), (0, 5)])
def test_size_on_this_calendar_is_nominal(policy, window):
    events = checks.events_of(policy, "restrictive")
    table = checks.random_calendars(policy, "bitcoin", events, window)
    rate, error = table["rejection_rate"], table["std_error"]
    assert abs(rate["randomization"] - 0.05) < 3 * error["randomization"]
    # They assume symmetry, or a t distribution.
    assert rate[["sign_flip", "interval"]].between(0.03, 0.08).all()


def test_size_counts_an_asymmetric_reference(policy):
    events = checks.events_of(policy, "restrictive")
    held = checks.event_clusters(policy, "bitcoin")
    shifted = replace(held, ordinary_scaar=held.ordinary_scaar + 1.0)
    found = checks.pooled_effect(shifted, "down", events)
    # Ordinary days that rise by one standard error: a fall of 0.7 is nothing against them.
    assert found["randomization_p"] > 0.9


def test_same_year_draws_from_the_year_alone():
    days = pd.date_range("2020-01-01", "2021-12-31")
    line = np.where(days.year == 2020, 5.0, 0.1) * np.where(np.arange(len(days)) % 2, 1, -1)
    position = np.array([400, 500, 600, 700])
    clusters = Clusters(
        group="a",
        window=(0, 0),
        session=days[position],
        events=tuple(frozenset({f"e{k}"}) for k in range(4)),
        position=position,
        caar=np.full(4, 1.0),
        scaar=np.full(4, 1.0),
        ordinary_caar=np.tile(line, (4, 1)),
        ordinary_scaar=np.tile(line, (4, 1)),
        whole=np.ones(4, dtype=bool),
        alike=np.ones(4, dtype=bool),
        calendar=days,
    )
    events = [f"e{k}" for k in range(4)]
    wide = checks.pooled_effect(clusters, "x", events)["randomization_p"]
    narrow = checks.pooled_effect(clusters, "x", events, same_year=True)["randomization_p"]
    assert wide > 0.5
    assert narrow == pytest.approx(1 / 10_000)


# --- volatility -------------------------------------------------------------------------------


def test_ewma_is_that_of_the_days_before(policy, outside):
    events = ("2021-05-18-three-associations",)
    clusters = checks.event_clusters(policy, "bitcoin")
    scaled = in_volatility(policy, clusters, "ewma").of(events)
    at = outside.day[events[0]]
    past = outside.returns[1:at][::-1]
    variance = 0.06 * (0.94 ** np.arange(len(past)) * past**2).sum()
    expected = outside.response(at, (0, 1))[0] / np.sqrt(2 * variance)
    assert scaled.scaar[0] == pytest.approx(expected, rel=1e-6)


def test_the_yardstick_of_volatility_takes_constant_means_alone(study):
    clusters = checks.event_clusters(study, "us_listed")
    with pytest.raises(ValueError, match="no constant mean"):
        in_volatility(study, clusters)


# --- dates of documents -----------------------------------------------------------------------


def test_responses_by_document_date_are_those_of_an_outside_computation(policy, outside):
    other = Outside("document_date")
    rows = checks.dated_caars(policy, "document_date").query("group == 'bitcoin'")
    estimated = {row["event_id"] for row in outside.rows if row["in_sample"] == "yes"}
    assert set(rows["event_id"]) == {
        event for event in estimated if other.day[event] != outside.day[event]
    }
    for row in rows.itertuples():
        assert row.caar == pytest.approx(outside.response(outside.day[row.event_id], (0, 1))[0])
        assert row.dated_caar == pytest.approx(other.response(other.day[row.event_id], (0, 1))[0])
        assert row.shift == outside.day[row.event_id] - other.day[row.event_id]
    cost = checks.timing_cost(policy, "bitcoin").set_index(["direction", "rows", "dated"])["mean"]
    events = outside.policy(stance_crypto="-1")
    moved = [event for event in events if other.day[event] != outside.day[event]]
    assert cost["restrictive", "moved", "first public"] == pytest.approx(outside.mean(moved))
    assert cost["restrictive", "moved", "document_date"] == pytest.approx(other.mean(moved))
    assert cost["restrictive", "all", "document_date"] == pytest.approx(other.mean(events))
    lost = checks.lost_share(checks.timing_cost(policy, "bitcoin"))
    assert lost["restrictive", "moved"] == pytest.approx(
        1 - other.mean(moved) / outside.mean(moved)
    )


def test_the_cost_of_timing_without_one_announcement(policy, outside):
    other = Outside("document_date")
    heavy = "2013-12-05-five-ministry-notice"
    events = [event for event in outside.policy(stance_crypto="-1") if event != heavy]
    cost = checks.timing_cost(policy, "bitcoin", without=[heavy])
    cost = cost.set_index(["direction", "rows", "dated"])["mean"]
    moved = [event for event in events if other.day[event] != outside.day[event]]
    assert cost["restrictive", "moved", "first public"] == pytest.approx(outside.mean(moved))
    assert cost["restrictive", "all", "document_date"] == pytest.approx(other.mean(events))


def test_an_event_whose_other_date_has_no_prices_is_listed(template):
    """After the last price nothing can be estimated; a week earlier than the event it can."""
    policy = template.events["role"] == "policy"
    late, early = template.events.loc[policy & template.events["in_sample"], "event_id"][:2]
    week = template.alignment.set_index("event_id").loc[early, "event_session"].min()
    day = f"{week - timedelta(7):%Y-%m-%d}"
    dates = template.events["event_id"].map({late: "2024-09-13", early: day}).fillna("")
    events = template.events.assign(document_date=dates)
    study = replace(template, events=events)
    rows = checks.dated_caars(study, "document_date")
    assert set(rows["event_id"]) == {late, early}
    assert rows.loc[rows["event_id"] == late, "dated_caar"].isna().all()
    assert rows.loc[rows["event_id"] == late, "caar"].notna().any()
    assert rows["n_assets"].notna().all()
    report = tables.timing_report(study)
    assert f"Without an estimate by document_date: {late}." in report.note
    assert late in set(report.frame["Event"])
    figure, drawn = figures.draw_timing(study)
    assert late not in set(drawn["event_id"])
    assert "not shown: 1 without an estimate by one of the dates" in figure.get_suptitle()
    alone = replace(study, events=events.assign(document_date=dates.where(dates > "2024", "")))
    with pytest.raises(figures.NothingToDrawError, match="has both estimates"):
        figures.draw_timing(alone)


def test_a_date_beyond_the_calendars_is_located_in_its_column(template):
    policy = template.events["role"] == "policy"
    study = replace(
        template, events=template.events.assign(document_date=np.where(policy, "2060-01-01", ""))
    )
    with pytest.raises(InputError, match=r'document_date: found "2060-01-01"'):
        checks.dated_caars(study, "document_date")


def test_an_event_without_an_estimate_is_listed_by_its_other_date(template):
    """Announced after the last price, and dated by its document a month before it."""
    event = template.events.loc[template.events["role"] == "policy", "event_id"].iloc[0]
    last = template.prices["date"].max()
    chosen = template.events["event_id"] == event
    events = template.events.assign(document_date="")
    events.loc[chosen, ["announced_at", "time_precision"]] = "2024-09-13", "day"
    events.loc[chosen, "document_date"] = f"{last - timedelta(30):%Y-%m-%d}"
    study = replace(template, events=events)
    study = replace(study, alignment=align(events, study.assets, study.corrections))
    rows = checks.dated_caars(study, "document_date")
    assert set(rows["event_id"]) == {event}
    assert rows["caar"].isna().all()
    assert rows["dated_caar"].notna().any()
    estimated = rows.dropna(subset="dated_caar")
    sizes = template.groups.value_counts()
    assert (estimated["n_assets"] == estimated["group"].map(sizes)).all()
    assert f"Without an estimate by announced_at: {event}." in tables.timing_report(study).note


def test_other_choices_where_no_announcement_can_be_estimated(template):
    """Announcements of one year without an order, all after the last price."""
    events = template.events.assign(order="", stance_crypto=-1, role="policy")
    events["announced_at"] = [f"2024-09-{13 + day}" for day in range(len(events))]
    events["time_precision"] = "day"
    study = replace(
        template, events=events, alignment=align(events, template.assets, template.corrections)
    )
    table = estimators.robustness(study, "makers")
    assert table["mean"].isna().all()
    assert not table["subset"].str.contains("weightiest").any()


def test_a_study_without_other_dates_says_so(template):
    with pytest.raises(InputError, match=r"events.csv: expected a column document_date or"):
        checks.date_column(template)
    blank = replace(template, events=template.events.assign(document_date="", article_date=""))
    with pytest.raises(InputError, match="nothing to compare with"):
        checks.date_column(blank)


def test_a_group_without_an_estimate_has_no_effect_to_pool(tmp_path):
    folder = chainpolicy.new_study(tmp_path / "study")
    prices = pd.read_csv(folder / "prices.csv")
    # A coin that never moves has no variance, and no pair of it is estimated.
    prices.loc[prices["ticker"] == "COIN", "close"] = 100.0
    prices.to_csv(folder / "prices.csv", index=False)
    study = load_study(folder)
    assert checks.event_clusters(study, "coin", (0, 0)).events == ()
    events = study.events["event_id"].tolist()
    (effect,) = checks.pooled_subsets(study, "coin", {"all": events}, (0, 0)).to_dict("records")
    assert (effect["n_events"], effect["n_clusters"]) == (0, 0)
    assert np.isnan([effect["mean"], effect["std_error"], effect["randomization_p"]]).all()


def test_a_group_that_is_not_there_is_refused(policy):
    events = policy.events["event_id"].tolist()
    for compare in (
        lambda: checks.difference(policy, "bitcion", events[:5], events[5:]),
        lambda: checks.pooled_subsets(policy, "bitcion", {"some": events[:5]}),
    ):
        with pytest.raises(ValueError, match="no group is called 'bitcion'; there are bitcoin"):
            compare()
