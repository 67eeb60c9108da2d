"""Findings on the sample and the prices: recomputed from the files, or typed from the sources."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from chainpolicy import findings
from chainpolicy.eventstudy import EstimationWindow
from chainpolicy.findings import prices, sample
from chainpolicy.study.study import EMBEDDED, Study, load_study

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
def study() -> Study:
    return load_study()


@pytest.fixture(scope="module")
def results(study: Study):
    return study.estimate()


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


def percent(value: float) -> str:
    return f"{100 * (np.exp(value) - 1):+.1f} %"


def test_sessions_from_the_articles_date_are_those_counted_on_a_calendar(study):
    shifts = sample.article_shifts(study).set_index(["event_id", "calendar"])
    for event_id, expected in SHIFTS.items():
        for calendar, (session, shift) in zip(CALENDARS, expected, strict=True):
            row = shifts.loc[(event_id, calendar)]
            assert (f"{row['event_session']:%Y-%m-%d}", row["shift"]) == (session, shift)
    others = shifts[~shifts.index.get_level_values("event_id").isin(SHIFTS)]
    assert (others["shift"] == 0).all()


def test_opening_answer_of_the_events(study, events):
    in_sample = [event for event in events if event["in_sample"] == "yes"]
    dated = [event for event in in_sample if event["article_date"]]
    text = str(findings.first_knowledge(study))
    assert f"{len(dated)} of the {len(in_sample)} events" in text
    missed = [
        sum(SHIFTS[event][place][1] != 0 for event in SHIFTS) for place in range(len(CALENDARS))
    ]
    assert missed == [5, 5, 5]
    assert "react 5 times in Shanghai, 5 times in New York and 5 times in UTC days." in text
    assert "under Thu 24 Oct 2019, was public from Fri 25 Oct 2019, 18:15 local time" in text
    assert "New York on Fri 25 Oct" in text
    assert "the coins on Fri 25 Oct" in text
    assert "Shanghai on Mon 28 Oct" in text


def test_days_before_and_after_the_first_publication(study, events):
    dated = [event for event in events if event["in_sample"] == "yes" and event["article_date"]]
    before = sum(event["article_date"] < event["announced_at"][:10] for event in dated)
    after = sum(event["article_date"] > event["announced_at"][:10] for event in dated)
    agree = [event for event in dated if event["event_id"] not in SHIFTS]
    unknown = sum(len(event["announced_at"]) == len("2019-10-08") for event in agree)
    text = str(findings.article_date_errors(study))
    assert f"Of {len(dated)} days that the article gives, {before} lie before and {after}" in text
    # By hand: -2, +1, +2, +2, +4 sessions in Shanghai; -2, -1, +1, +1, +3; -2, -1, +1, +1, +5.
    assert "missed by 4 in Shanghai, 3 in New York and 5 in UTC days" in text
    assert f"For {unknown} of the {len(agree)} events that agree on every calendar" in text


def test_known_hours_are_those_of_the_file(study, events):
    precision = [event["time_precision"] for event in events if event["in_sample"] == "yes"]
    exact, evening, day = (precision.count(name) for name in ("exact", "evening", "day"))
    text = str(findings.known_hours(study))
    assert f"known for {exact} of the {len(precision)} events" in text
    assert f"for {evening} it is known to be an evening, and for {day} only the day" in text


def test_composites_and_sessions_that_follow_one_another(study):
    finding = findings.composites(study)
    table = finding.numbers.set_index(["calendar", "event_session"])
    shared = table.loc[("XSHG", pd.Timestamp("2019-10-28"))]
    assert shared["members"] == "xi-politburo;cryptography-law;huang-dcep-bund"
    follows = {
        calendar: [f"{day:%m-%d}" for day in table.loc[calendar].query("follows").index]
        for calendar in CALENDARS
    }
    assert follows == {
        "XSHG": ["10-29", "11-04", "11-19"],
        "XNYS": ["10-28", "11-05", "11-06", "11-15", "11-18"],
        "24/7": ["10-26", "11-05", "11-06", "11-15"],
    }
    assert "fewer distinct sessions: 15 in Shanghai, 16 in New York and 17 in UTC days" in str(
        finding
    )
    assert "come 3 in Shanghai, 5 in New York and 4 in UTC days" in str(finding)
    report = findings.composite_report(study).frame
    assert len(report) == 4
    assert "xi-politburo, cryptography-law, huang-dcep-bund" in report.iloc[:, 2].tolist()


def test_exclusions_are_those_of_the_file(study, events):
    out = [event for event in events if event["in_sample"] == "no"]
    kept = [event for event in events if event["in_sample"] == "yes"]
    added = sum(event["from_article"] == "no" for event in kept)
    undated = sum(event["from_article"] == "yes" and not event["article_date"] for event in kept)
    text = str(findings.exclusions(study))
    assert f"Of {len(events)} announcements {len(out)} are out of the sample" in text
    assert f"the {len(kept)} in it have the roles policy (15), control (2) and placebo (1)" in text
    assert f"does not mention {added} and mentions {undated} without a day" in text
    report = findings.exclusion_report(study).frame
    assert report["Why it is out"].tolist() == [event["reason"] for event in out]


def test_masks_leave_the_sessions_that_the_models_are_estimated_on(study, results):
    finding = findings.masks(study)
    rows = finding.numbers.set_index("calendar")
    assert rows["masked"].to_dict() == {
        "XSHG": len(MASKED_IN_SHANGHAI),
        "XNYS": 12,
        "24/7": len(MASKED_UTC_DAYS),
    }
    assert f"{rows.loc['XSHG', 'first']:%Y-%m-%d}" == "2019-03-25"
    assert rows.loc["24/7", "events"] == (
        "imf-fiat-digital-currency; japan-crypto-network; mu-changchun-dcep; fintech-plan"
    )
    most = results.models.merge(study.assets[["ticker", "calendar"]], on="ticker")
    most = most.groupby("calendar")["n_estimation"].max()
    assert rows["left"].to_dict() == most.to_dict()
    assert "108 in Shanghai, 108 in New York and 112 in UTC days remain" in str(finding)


def test_no_common_window_is_said_so(study):
    with pytest.raises(ValueError, match=r"no common estimation window"):
        findings.masks(replace(study, estimation=EstimationWindow()))
    unmasked = replace(study.estimation, mask=False)
    with pytest.raises(ValueError, match=r"no common estimation window"):
        findings.masks(replace(study, estimation=unmasked))


def test_catalogue_shows_every_event_whole(study, events):
    report = findings.catalogue_report(study)
    assert report.frame["What was announced"].tolist() == [event["name"] for event in events]
    row = report.frame.set_index("Event").loc["xi-politburo"]
    assert row["First public"].replace("\N{NO-BREAK SPACE}", " ") == "Fri 2019-10-25, 18:15"
    assert row[["Article's date", "Blockchain", "Coins", "Use"]].tolist() == [
        *("2019-10-24", "+1", "0", "policy")
    ]
    html = report._repr_html_()
    assert html.count("<tr") == len(events) + 1
    assert "..." not in html
    assert "Former Chongqing mayor praises the central bank's digital currency" in html


def test_no_hour_is_shown_that_is_not_known(study, events):
    report = findings.session_report(study).frame.set_index("Event")
    for event in events:
        if event["in_sample"] == "yes":
            shown = report.loc[event["event_id"], "First public"]
            assert (":" in shown) == (event["time_precision"] == "exact")
            assert ("evening" in shown) == (event["time_precision"] == "evening")
    xi = report.loc["xi-politburo"].str.replace("\N{NO-BREAK SPACE}", " ")
    assert xi["Shanghai was"] == "after the close"
    assert xi["Shanghai session"] == "Mon 2019-10-28"
    assert xi["New York was"] == "before the open"
    assert xi["UTC day"] == "Fri 2019-10-25"


def test_shift_report_shows_the_events_whose_session_differs(study):
    report = findings.shift_report(study).frame.set_index("Event")
    assert set(report.index) == set(SHIFTS)
    for event_id, expected in SHIFTS.items():
        for column, (session, shift) in zip(
            ["Shanghai", "New York", "UTC day"], expected, strict=True
        ):
            assert session in report.loc[event_id, column]
            assert f"({shift:+d})".replace("+0", "0") in report.loc[event_id, column]


def test_article_dates_move_only_events_of_the_sample_that_have_one(study):
    moved = sample.at_article_dates(study)
    before = study.events.set_index("event_id")["announced_at"]
    after = moved.events.set_index("event_id")["announced_at"]
    assert after["xi-politburo"] == "2019-10-24"
    same = before.index[before == after].tolist()
    assert {"cac-second-filing-list", "dcep-pilot-caijing", "japan-crypto-network"} <= set(same)
    assert study.events.set_index("event_id").loc["xi-politburo", "announced_at"].endswith("+08:00")


def test_study_without_article_dates_is_refused(study):
    without = replace(study, events=study.events.assign(article_date=""))
    with pytest.raises(ValueError, match="no event of the sample has an article_date"):
        findings.first_knowledge(without)


def test_article_that_misses_the_leading_event_is_refused(study, results):
    other = study.events["article_date"].mask(study.events["event_id"] == "xi-politburo", "")
    without = replace(study, events=study.events.assign(article_date=other))
    with pytest.raises(ValueError, match="xi-politburo"):
        findings.first_knowledge(without)
    with pytest.raises(ValueError, match="xi-politburo"):
        findings.prices_and_alignment(without, results)


def test_missing_closes_are_the_known_gaps(study, closes, assets):
    table = prices.coverage(study).set_index("ticker")
    assert table["closes"].to_dict() == closes.notna().sum().to_dict()
    assert table.query("gaps > 0")["gaps"].to_dict() == {
        "002610.SZ": 10,
        "600208.SS": 1,
        "600652.SS": 1,
    }
    assert table.query("late > 0")["late"].to_dict() == {"002668.SZ": 16}
    assert (table["ended"] == 0).all()

    lost = 0
    for ticker in assets.index[assets["group"] != "benchmark"]:
        calendar = assets.loc[ticker, "calendar"]
        peers = closes[assets.index[assets["calendar"] == calendar]].dropna(how="all")
        missing = peers[ticker].isna()
        lost += int((missing | missing.shift(fill_value=False))[1:].sum())
    text = str(findings.missing_closes(study))
    assert "12 closes are missing, of 3 assets; late starts cost 16 closes, early ends 0" in text
    assert f"{lost} of 19,950 returns" in text


def test_price_report_counts_closes_and_limits(study, closes, assets):
    report = findings.price_report(study).frame.set_index(["Group", "Calendar"])
    tier1 = report.loc[("A-shares, tier 1", "Shanghai")]
    total = int(closes[members(assets, "a_shares_tier1")].notna().sum().sum())
    assert tier1["Closes"] == f"{total:,}"
    assert tier1[["Assets", "Sessions", "First", "Last", "Missing", "Late starts"]].tolist() == [
        *("38", "320", "2018-10-08", "2020-01-23", "11", "1")
    ]
    assert report.loc[("Bitcoin", "UTC day"), "Upper limit, %"] == ""
    assert report["Assets"].astype(int).sum() == len(assets)


def test_gap_report_lists_every_gap_with_its_days(study):
    report = findings.gap_report(study).frame.set_index("Ticker")
    columns = ["From", "To", "Sessions", "In the estimation window", "Kind"]
    assert {ticker: tuple(row) for ticker, row in report[columns].iterrows()} == {
        "002610.SZ": ("2019-03-25", "2019-04-08", "10", "10", "gap"),
        "600208.SS": ("2019-06-18", "2019-06-18", "1", "1", "gap"),
        "600652.SS": ("2019-04-30", "2019-04-30", "1", "1", "gap"),
        "002668.SZ": ("2018-10-08", "2018-10-29", "16", "0", "late start"),
    }


def test_price_limits_are_found_by_the_closes(study, closes, assets):
    at_limit, cut, narrow = [], [], []
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
        narrow.append(limit < 0.099)
    hits, cuts = pd.concat(at_limit), pd.concat(cut)
    narrower = pd.concat(narrow)
    per_day = pd.concat(at_limit, axis=1).sum(axis=1)
    text = str(findings.price_limits(study))
    assert hits.sum() == 680
    assert f"finds 680 closes at a limit among {len(hits):,} closes of the 46 assets" in text
    assert f"miss {(hits & ~cuts).sum()} of them, {(hits & ~cuts & narrower).sum()} because" in text
    assert f"add {(~hits & cuts).sum()} that are none" in text
    assert f"most on one session are {per_day.max():.0f}, on 28 Oct 2019" in text
    assert per_day.idxmax() == pd.Timestamp("2019-10-28")


def test_golden_week_is_a_long_closure(study):
    finding = findings.closures(study)
    rows = finding.numbers.set_index("before")
    golden = rows.loc[pd.Timestamp("2019-09-30")]
    assert golden["after"] == pd.Timestamp("2019-10-08")
    assert golden[["calendar", "days", "XNYS", "24/7"]].tolist() == ["XSHG", 7, 5, 7]
    assert len(rows) == 3
    assert "320 sessions in Shanghai, 325 sessions in New York and 473 sessions in UTC days" in str(
        finding
    )
    report = findings.closure_report(study).frame
    assert report["New York sessions meanwhile"].tolist() == ["5", "3", "5"]


def test_estimation_quality_by_least_squares(study, results, tier1_fits):
    median = np.median([share for *_, share in tier1_fits])
    finding = findings.estimation_quality(study, results)
    row = finding.numbers.set_index("group").loc["a_shares_tier1"]
    assert row["r_squared"] == pytest.approx(median, rel=1e-9)
    assert f"{100 * median:.0f} % for A-shares, tier 1" in str(finding)
    outside = sum(
        abs(np.corrcoef(residual[1:], residual[:-1])[0, 1]) > 1.959964 / np.sqrt(len(residual))
        for _, residual, _ in tier1_fits
    )
    assert row["autocorrelated"] == outside
    report = findings.estimation_report(study, results).frame.set_index("Group")
    assert report.loc["Bitcoin", "Benchmarks"] == "none: constant mean"
    assert report.loc["A-shares, tier 1", "Benchmarks"] == "CSI 300, ChiNext"
    assert report.loc["A-shares, tier 1", "M"] == "101 to 108"


def test_response_of_a_shares_by_either_date_by_least_squares(study, results, tier1_fits):
    abnormal = pd.concat([abnormal for abnormal, *_ in tier1_fits], axis=1)
    coded = abnormal.loc[["2019-10-28", "2019-10-29"]].sum().mean()
    naive = abnormal.loc[["2019-10-24", "2019-10-25"]].sum().mean()
    table = prices.article_date_caars(study, results).set_index(["event_id", "group"])
    row = table.loc[("xi-politburo", "a_shares_tier1")]
    assert row["caar"] == pytest.approx(coded, rel=1e-9)
    assert row["article_caar"] == pytest.approx(naive, rel=1e-9)
    opening = str(findings.prices_and_alignment(study, results))
    assert f"(N = 38) over the sessions [0, 1] of the leading event are {percent(coded)}" in opening
    assert "28 Oct 2019" in opening
    assert f"and {percent(naive)} (95 % interval {percent(row['article_lower'])} to" in opening
    assert "24 Oct 2019" in opening
    assert "Of 21,295 closes that 64 assets could have, 28 (0.1 %) are missing, in 4" in opening


def test_response_of_bitcoin_by_either_date_by_hand(study, results, closes):
    returns = np.log(closes["BTC-USD"]).diff()
    window = returns[:"2019-09-16"].iloc[-120:].drop(pd.to_datetime(MASKED_UTC_DAYS))
    error = window.std(ddof=1) * np.sqrt(2 + 4 / len(window))
    half = stats.t.ppf(0.975, len(window) - 1) * error
    table = prices.article_date_caars(study, results).set_index(["event_id", "group"])
    row = table.loc[("xi-politburo", "bitcoin")]
    for prefix, first, last in (
        ("", "2019-10-25", "2019-10-26"),
        ("article_", "2019-10-24", "2019-10-25"),
    ):
        car = returns[first:last].sum() - 2 * window.mean()
        assert row[f"{prefix}caar"] == pytest.approx(car, rel=1e-9)
        assert row[f"{prefix}lower"] == pytest.approx(car - half, rel=1e-9)
        assert row[f"{prefix}upper"] == pytest.approx(car + half, rel=1e-9)


def test_only_rows_whose_session_differs_are_compared(study, results):
    table = prices.article_date_caars(study, results)
    on_calendar = {"bitcoin": "24/7", "coins": "24/7", "us_listed": "XNYS"}
    expected = {
        (event_id, group)
        for event_id, sessions in SHIFTS.items()
        for group in study.groups.unique()
        if sessions[CALENDARS.index(on_calendar.get(group, "XSHG"))][1]
    }
    assert set(zip(table["event_id"], table["group"], strict=True)) == expected
    report = findings.article_date_report(study, results).frame
    assert len(report) == len(expected)
    assert report["N"].tolist() == table["n_assets"].astype(str).tolist()


def test_intervals_without_zero_are_counted_and_named(study, results):
    table = prices.article_date_caars(study, results).set_index(["event_id", "group"])
    coded = table.index[table["lower"] * table["upper"] > 0]
    naive = table.index[table["article_lower"] * table["article_upper"] > 0]
    assert set(naive) - set(coded) == {
        ("plenum-communique", "a_shares_tier1"),
        ("plenum-decision", "a_shares_tier1"),
    }
    text = str(findings.article_date_effect(study, results))
    assert f"leaves zero out for {len(coded)} at the first session" in text
    assert f"and for {len(naive)} at the article's date" in text
    fall = percent(table.loc[("plenum-communique", "a_shares_tier1"), "article_caar"])
    only = text.split("Only at the article's date: ")[1]
    assert only.startswith(f"plenum-communique, A-shares, tier 1 ({fall}); plenum-decision")
    jump = percent(table.loc[("xi-politburo", "a_shares_tier1"), "caar"])
    assert f"could react: xi-politburo, A-shares, tier 1 ({jump}); xi-politburo" in text


def test_normal_returns_do_not_depend_on_the_articles_dates(study, results):
    moved = sample.at_article_dates(study).estimate()
    pd.testing.assert_frame_equal(moved.coefficients, results.coefficients)
