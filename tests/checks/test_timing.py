"""Events and prices of the study: recomputed from the files, or typed from the sources."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from chainpolicy import checks, prices, tables
from chainpolicy.study.study import EMBEDDED

# Event session and sessions from the article's date to it: Shanghai, New York, UTC days.
SHIFTS = {
    "xi-politburo": [("2019-10-28", 2), ("2019-10-25", 1), ("2019-10-25", 1)],
    "plenum-communique": [("2019-11-01", 1), ("2019-10-31", 0), ("2019-10-31", 0)],
    "plenum-decision": [("2019-11-06", 4), ("2019-11-05", 3), ("2019-11-05", 5)],
    "brics-settlement-coin": [("2019-11-14", -2), ("2019-11-14", -2), ("2019-11-14", -2)],
    "shanghai-exchange-notice": [("2019-11-18", 2), ("2019-11-15", 1), ("2019-11-15", 1)],
    "cctv-focus-scams": [("2019-11-19", 0), ("2019-11-18", -1), ("2019-11-18", -1)],
}
CALENDARS = ["XSHG", "XNYS", "24/7"]
# The first two sessions after each announcement inside the estimation window.
MASKED_IN_SHANGHAI = [
    *("2019-04-01", "2019-04-02", "2019-04-08", "2019-04-09", "2019-06-27", "2019-06-28"),
    *("2019-07-19", "2019-07-22", "2019-08-12", "2019-08-13", "2019-08-22", "2019-08-23"),
]
MASKED_UTC_DAYS = [
    *("2019-06-27", "2019-06-28", "2019-07-18", "2019-07-19"),
    *("2019-08-10", "2019-08-11", "2019-08-22", "2019-08-23"),
]


Fit = tuple[pd.Series, pd.Series, float]


@pytest.fixture(scope="module")
def events() -> list[dict[str, str]]:
    with Path(EMBEDDED, "events.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def closes() -> pd.DataFrame:
    """Closes by date and ticker, straight from the file."""
    table = pd.read_csv(EMBEDDED / "prices.csv", parse_dates=["date"])
    table = table[table["date"].between("2018-10-08", "2020-01-23")]
    return table.pivot_table(index="date", columns="ticker", values="close")


@pytest.fixture(scope="module")
def assets() -> pd.DataFrame:
    return pd.read_csv(EMBEDDED / "assets.csv").set_index("ticker")


def members(assets: pd.DataFrame, group: str) -> list[str]:
    return assets.index[assets["group"] == group].tolist()


@pytest.fixture(scope="module")
def tier1_fits(closes: pd.DataFrame, assets: pd.DataFrame) -> list[Fit]:
    """Abnormal returns, residuals and R² of every A-share of tier 1, by numpy alone."""
    shanghai = np.log(closes[closes["000300.SS"].notna()]).diff()
    return [ordinary_fit(shanghai, ticker) for ticker in members(assets, "a_shares_tier1")]


def ordinary_fit(shanghai: pd.DataFrame, ticker: str) -> Fit:
    returns = shanghai[[ticker, "000300.SS", "399006.SZ"]]
    window = returns[:"2019-09-16"].iloc[-120:].drop(pd.to_datetime(MASKED_IN_SHANGHAI)).dropna()
    design = np.column_stack([np.ones(len(window)), window.iloc[:, 1:]])
    beta = np.linalg.lstsq(design, window[ticker].to_numpy(), rcond=None)[0]
    residual = window[ticker] - design @ beta
    spread = window[ticker] - window[ticker].mean()
    abnormal = returns[ticker] - beta[0] - returns.iloc[:, 1:] @ beta[1:]
    return abnormal, residual, 1 - float(residual @ residual) / float(spread @ spread)


def test_sessions_from_the_articles_date_are_those_counted_on_a_calendar(study):
    shifts = checks.session_shifts(study, "article_date").set_index(["event_id", "calendar"])
    for event_id, expected in SHIFTS.items():
        for calendar, (session, shift) in zip(CALENDARS, expected, strict=True):
            row = shifts.loc[(event_id, calendar)]
            assert (f"{row['event_session']:%Y-%m-%d}", row["shift"]) == (session, shift)
    others = shifts[~shifts.index.get_level_values("event_id").isin(SHIFTS)]
    assert (others["shift"] == 0).all()


def test_a_shift_is_counted_per_calendar_and_its_days_are_sessions(study):
    shifts = checks.session_shifts(study, "article_date")
    assert shifts["calendar"].value_counts().to_dict() == dict.fromkeys(CALENDARS, 13)
    # Saturday, 16 November: Shanghai and New York open on Monday, coins trade on the day itself.
    brics = shifts[shifts["event_id"] == "brics-settlement-coin"].set_index("calendar")
    assert brics["dated_session"].dt.strftime("%m-%d").to_dict() == {
        "XSHG": "11-18",
        "XNYS": "11-18",
        "24/7": "11-16",
    }


def test_article_dates_move_only_events_of_the_sample_that_have_one(study):
    moved = checks.redated(study, "article_date")
    before = study.events.set_index("event_id")["announced_at"]
    after = moved.events.set_index("event_id")["announced_at"]
    assert after["xi-politburo"] == "2019-10-24"
    same = before.index[before == after].tolist()
    assert {"cac-second-filing-list", "dcep-pilot-caijing", "japan-crypto-network"} <= set(same)
    assert study.events.set_index("event_id").loc["xi-politburo", "announced_at"].endswith("+08:00")


def test_a_study_without_article_dates_has_no_shifts(study):
    without = replace(study, events=study.events.assign(article_date=""))
    assert checks.session_shifts(without, "article_date").empty


def test_response_of_a_shares_by_either_date_by_least_squares(study, tier1_fits):
    abnormal = pd.concat([abnormal for abnormal, *_ in tier1_fits], axis=1)
    coded = abnormal.loc[["2019-10-28", "2019-10-29"]].sum().mean()
    naive = abnormal.loc[["2019-10-24", "2019-10-25"]].sum().mean()
    table = checks.dated_caars(study, "article_date").set_index(["event_id", "group"])
    row = table.loc[("xi-politburo", "a_shares_tier1")]
    assert row["caar"] == pytest.approx(coded, rel=1e-9)
    assert row["dated_caar"] == pytest.approx(naive, rel=1e-9)


def test_response_of_bitcoin_by_either_date_by_hand(study, closes):
    returns = np.log(closes["BTC-USD"]).diff()
    window = returns[:"2019-09-16"].iloc[-120:].drop(pd.to_datetime(MASKED_UTC_DAYS))
    error = window.std(ddof=1) * np.sqrt(2 + 4 / len(window))
    half = stats.t.ppf(0.975, len(window) - 1) * error
    table = checks.dated_caars(study, "article_date").set_index(["event_id", "group"])
    row = table.loc[("xi-politburo", "bitcoin")]
    for prefix, first, last in (
        ("", "2019-10-25", "2019-10-26"),
        ("dated_", "2019-10-24", "2019-10-25"),
    ):
        car = returns[first:last].sum() - 2 * window.mean()
        assert row[f"{prefix}caar"] == pytest.approx(car, rel=1e-9)
        assert row[f"{prefix}lower"] == pytest.approx(car - half, rel=1e-9)
        assert row[f"{prefix}upper"] == pytest.approx(car + half, rel=1e-9)


def test_only_rows_whose_session_differs_are_compared(study):
    table = checks.dated_caars(study, "article_date")
    on_calendar = {"bitcoin": "24/7", "coins": "24/7", "us_listed": "XNYS"}
    expected = {
        (event_id, group)
        for event_id, sessions in SHIFTS.items()
        for group in study.groups.unique()
        if sessions[CALENDARS.index(on_calendar.get(group, "XSHG"))][1]
    }
    assert set(zip(table["event_id"], table["group"], strict=True)) == expected
    order = [*study.events["event_id"]]
    assert table["event_id"].map(order.index).is_monotonic_increasing
    own = table.loc[table["event_id"] == "xi-politburo", "group"]
    assert own.tolist() == study.groups.unique().tolist()


def test_normal_returns_do_not_depend_on_the_articles_dates(study):
    moved = checks.redated(study, "article_date").results
    pd.testing.assert_frame_equal(moved.coefficients, study.results.coefficients)


def test_announcements_are_taken_out_of_the_estimation_window(study):
    calendar = study.assets.set_index("ticker")["calendar"]
    models = study.results.models
    most = models["n_estimation"].groupby(models["ticker"].map(calendar)).max()
    # 120 sessions less two for each announcement inside, in New York too on six of them.
    assert most.to_dict() == {
        "XSHG": 120 - len(MASKED_IN_SHANGHAI),
        "XNYS": 120 - 12,
        "24/7": 120 - len(MASKED_UTC_DAYS),
    }


def test_r_squared_is_that_of_least_squares(study, tier1_fits):
    models = study.results.models.query("event_id == 'xi-politburo'").set_index("ticker")
    tier1 = models.loc[study.groups.index[study.groups == "a_shares_tier1"]]
    np.testing.assert_allclose(tier1["r_squared"], [share for *_, share in tier1_fits], rtol=1e-9)


def test_catalogue_shows_every_event_whole(study, events):
    report = tables.events_report(study)
    assert report.frame["What was announced"].tolist() == [event["name"] for event in events]
    row = report.frame.set_index("Event").loc["xi-politburo"]
    assert row["First public"].replace("\N{NO-BREAK SPACE}", " ") == "Fri 2019-10-25, 18:15"
    assert row[["Article's date", "On blockchain", "On crypto", "Use"]].tolist() == [
        *("2019-10-24", "+1", "0", "policy")
    ]
    html = report.to_html()
    assert html.count("<tr") == len(events) + 1
    assert "..." not in html
    assert "Former Chongqing mayor praises the central bank's digital currency" in html


def test_columns_that_say_nothing_are_not_shown(study):
    bare = study.events.assign(
        name=study.events["event_id"], article_date="", stance_blockchain=0, stance_crypto=0
    )
    report = tables.events_report(replace(study, events=bare))
    assert report.frame.columns.tolist() == ["Event", "First public", "Use"]
    assert "supportive" not in report.note


def test_some_events_can_be_laid_out_alone(study):
    named = {"xi-politburo", "imf-fiat-digital-currency"}
    assert set(tables.events_report(study, named).frame["Event"]) == named
    # The other one is out of the sample.
    one = tables.sessions_report(study, named).frame
    every = tables.sessions_report(study).frame
    assert one.to_dict("records") == every.query("Event == 'xi-politburo'").to_dict("records")


def test_no_hour_is_shown_that_is_not_known(study, events):
    report = tables.sessions_report(study).frame.set_index("Event")
    for event in events:
        if event["in_sample"] == "yes":
            shown = report.loc[event["event_id"], "First public"]
            precision = event["time_precision"]
            assert (":" in shown) == (precision in ("exact", "ceiling"))
            assert (", by " in shown) == (precision == "ceiling")
            assert ("evening" in shown) == (precision == "evening")
    xi = report.loc["xi-politburo"].str.replace("\N{NO-BREAK SPACE}", " ")
    assert xi["Shanghai was"] == "after the close"
    assert xi["Shanghai session"] == "Mon 2019-10-28"
    assert xi["New York was"] == "before the open"
    assert xi["UTC day"] == "Fri 2019-10-25"


def test_an_event_of_unknown_day_has_no_session(study):
    undated = study.events["event_id"] == "xi-politburo"
    events = study.events.assign(announced_at=study.events["announced_at"].mask(undated, ""))
    alignment = study.alignment[study.alignment["event_id"] != "xi-politburo"]
    report = tables.sessions_report(replace(study, events=events, alignment=alignment)).frame
    assert report.set_index("Event").loc["xi-politburo"].tolist() == [""] * 6


def test_missing_closes_are_the_known_gaps(study, closes):
    table = prices.coverage(study).set_index("ticker")
    assert table["closes"].to_dict() == closes.notna().sum().to_dict()
    assert table.query("gaps > 0")["gaps"].to_dict() == {
        "002610.SZ": 10,
        "600208.SS": 1,
        "600652.SS": 1,
    }
    assert table.query("late > 0")["late"].to_dict() == {"002668.SZ": 16}
    assert (table["ended"] == 0).all()


def test_coverage_counts_closes_and_limits(study, closes, assets):
    table = prices.coverage(study)
    tier1 = table[table["group"] == "a_shares_tier1"]
    total = int(closes[members(assets, "a_shares_tier1")].notna().sum().sum())
    assert tier1["closes"].sum() == total
    assert set(tier1["sessions"]) == {320}
    assert f"{tier1['first'].min():%Y-%m-%d}" == "2018-10-08"
    assert set(tier1["last"].dt.strftime("%Y-%m-%d")) == {"2020-01-23"}
    assert table["ticker"].tolist() == assets.index.tolist()
    assert set(table["ticker"][table["limited"]]) == set(
        assets.index[assets["price_limit"].notna()]
    )


def test_a_series_that_ends_early_is_not_a_gap(study):
    last = study.prices["date"].max()
    ended = study.prices["ticker"].eq("BTC-USD") & (
        study.prices["date"] > last - pd.Timedelta("3D")
    )
    short = replace(study, prices=study.prices[~ended])
    row = prices.coverage(short).set_index("ticker").loc["BTC-USD"]
    assert row[["gaps", "late", "ended"]].tolist() == [0, 0, 3]
    runs = prices.missing_closes(short).set_index("ticker").loc["BTC-USD"]
    assert runs[["last", "n_sessions", "kind"]].tolist() == [last, 3, "early end"]


def test_every_run_of_missing_closes_is_listed_with_its_days(study):
    runs = prices.missing_closes(study).set_index("ticker")
    runs = runs.assign(**{name: runs[name].dt.strftime("%Y-%m-%d") for name in ("first", "last")})
    columns = ["first", "last", "n_sessions", "kind"]
    assert {ticker: tuple(row) for ticker, row in runs[columns].iterrows()} == {
        "002610.SZ": ("2019-03-25", "2019-04-08", 10, "gap"),
        "600208.SS": ("2019-06-18", "2019-06-18", 1, "gap"),
        "600652.SS": ("2019-04-30", "2019-04-30", 1, "gap"),
        "002668.SZ": ("2018-10-08", "2018-10-29", 16, "late start"),
    }


def test_price_limits_are_found_by_the_closes(study, closes, assets):
    at_limit, cut = [], []
    for ticker in assets.index[assets["price_limit"].notna()]:
        own = closes[ticker].dropna()
        limit = pd.Series(0.10, own.index)
        if ticker == "600652.SS":
            limit["2019-05-06":] = 0.05
        step = own.shift() * limit
        hit = ((own - own.shift()).abs() - step).abs() <= 0.0052 + 1e-9
        on_shanghai = closes["000300.SS"].dropna().index
        gap = on_shanghai.get_indexer(own.index)
        adjacent = pd.Series(np.diff(gap, prepend=gap[0] - 1) == 1, own.index)
        cut.append(((own / own.shift() - 1).abs() >= 0.099) & adjacent)
        at_limit.append(hit)
    hits, cuts = pd.concat(at_limit), pd.concat(cut)
    per_day = pd.concat(at_limit, axis=1).sum(axis=1)
    found = study.returns[study.returns["at_limit"] != ""]
    assert hits.sum() == len(found) == 680
    assert found.groupby("session").size().to_dict() == per_day[per_day > 0].to_dict()
    simple = np.expm1(study.returns["return"]).abs()
    cut_off = study.returns["ticker"].isin(assets.index[assets["price_limit"].notna()])
    cut_off &= simple >= 0.099
    assert cut_off.sum() == cuts.sum()
