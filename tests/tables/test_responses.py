"""Tables of responses, recomputed from the price file and the catalogue by other means."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from chainpolicy import checks, tables
from chainpolicy.study import load_study
from chainpolicy.study.study import EMBEDDED
from donor_study import donor_study

TIER1 = "a_shares_tier1"
# Counted by hand from the catalogue: 20 UTC days for 2 groups, 18 A-share sessions for 2 groups,
# 19 New York sessions.
FAMILY = 20 * 2 + 18 * 2 + 19
# Policy sessions of a tier after which [0, 1] ends with a tenth of it or more at a price limit,
# three in each, see `test_a_window_that_ends_at_the_limits_has_no_verdict_by_the_spread`.
CENSORED = 3 * 2

# Read off the price file's calendar by hand: 120 UTC days up to 16 September 2019, less the event
# days and the days after them of the four announcements inside.
ESTIMATION = pd.date_range("2019-05-20", "2019-09-16")
MASKED = [pd.Timestamp(2019, 6, day) for day in (27, 28)]
MASKED += [pd.Timestamp(2019, 7, day) for day in (18, 19)]
MASKED += [pd.Timestamp(2019, 8, day) for day in (10, 11, 22, 23)]


@pytest.fixture(scope="module")
def rows(study):
    return tables.responses(study, (0, 1))


@pytest.fixture(scope="module")
def btc(close):
    return np.log(close["BTC-USD"].dropna()).diff()


@pytest.fixture(scope="module")
def clean(btc):
    return btc[ESTIMATION.difference(MASKED)]


@pytest.fixture(scope="module")
def held(study, close):
    """Share of tier-1 closes at a limit, by the half-tick rule, from prices."""
    tickers = study.groups.index[study.groups == TIER1]
    shares = close.loc["2019-10-25":"2019-11-01", tickers].dropna(how="all")
    limit = pd.Series(0.10, index=tickers)
    limit["600652.SS"] = 0.05
    last = shares.shift()
    upper = (shares - last * (1 + limit)).abs() <= 0.0052
    lower = (shares - last * (1 - limit)).abs() <= 0.0052
    return (upper | lower).iloc[1:].mean(axis=1)


def test_the_response_of_one_asset_is_the_hand_computed_t(rows, btc, clean):
    row = rows.set_index(["event_id", "group"]).loc[("xi-politburo", "bitcoin")]
    m = len(clean)
    assert m == 112
    car = btc["2019-10-25":"2019-10-26"].sum() - 2 * clean.mean()
    error = clean.std() * np.sqrt(2 + 4 / m)
    half = stats.t.ppf(0.975, m - 1) * error
    assert row["caar"] == pytest.approx(car)
    assert (row["lower"], row["upper"]) == pytest.approx((car - half, car + half))
    assert row["time_series_t"] == pytest.approx(car / error)
    assert row["time_series_t_p"] == pytest.approx(2 * stats.t.sf(car / error, m - 1))
    assert np.isnan(row["adjusted_bmp_p"])
    assert row["last_session"] == pd.Timestamp("2019-10-26")


@pytest.fixture(scope="module")
def ordinary(btc, clean):
    """Exact t of Bitcoin on all days whose window is disjoint from every announcement."""
    with (EMBEDDED / "events.csv").open(encoding="utf-8", newline="") as stream:
        announced = [row["announced_at"] for row in csv.DictReader(stream) if row["announced_at"]]
    days = pd.to_datetime(pd.Series(announced), utc=True, format="ISO8601").dt.tz_localize(None)
    near = {day.normalize() + pd.Timedelta(days=k) for day in days for k in range(6)}
    found = []
    # The study starts on 8 October 2018, so that its first return is that of the 9th.
    for day in btc["2018-10-09":"2020-01-22"].index:
        window = [day, day + pd.Timedelta(days=1)]
        if near & set(window) or btc[window].isna().any():
            continue
        rest = clean[~clean.index.isin(window)]
        error = rest.std() * np.sqrt(2 + 4 / len(rest))
        found.append(((btc[window].sum() - 2 * rest.mean()) / error, len(rest) - 1))
    return np.array(found)


def test_the_rank_is_counted_over_ordinary_days(rows, ordinary):
    row = rows.set_index(["event_id", "group"]).loc[("xi-politburo", "bitcoin")]
    t, n = np.abs(ordinary[:, 0]), len(ordinary)
    beyond = int((t >= row["time_series_t"]).sum())
    assert row["n_placebo"] == n
    assert row["placebo_p"] == pytest.approx((1 + beyond) / (1 + n))
    assert row["smallest_p"] == pytest.approx(1 / (1 + n))


def test_the_rejection_rate_of_one_asset_is_that_of_its_exact_t(rows, ordinary):
    p = 2 * stats.t.sf(np.abs(ordinary[:, 0]), ordinary[:, 1])
    rate = rows.loc[rows["group"] == "bitcoin", "rejection_rate"].unique()
    assert rate == pytest.approx([(p < 0.05).mean()])


def test_announcements_that_share_a_session_are_one_row(rows):
    tier1 = rows[(rows["group"] == TIER1) & (rows["event_session"] == "2019-10-28")]
    assert tier1["members"].tolist() == ["xi-politburo;cryptography-law;huang-dcep-bund"]
    assert tier1["event_id"].tolist() == ["xi-politburo"]


def test_families_are_corrected_each_by_itself_and_without_controls(rows):
    policy = rows["role"] == "policy"
    assert policy.sum() == FAMILY
    assert rows.loc[~policy & (rows["group"] == "us_listed"), "event_id"].tolist() == [
        "unicef-crypto-fund",
        "brics-settlement-coin",
        "cryptography-law-in-force",
    ]
    # For one asset there is no adjusted BMP: Bitcoin's 20 days are not in its family. Nor are the
    # windows that end with a tenth of a tier or more at a limit.
    for name, size in [
        ("time_series_t_p", FAMILY),
        ("adjusted_bmp_p", FAMILY - 20 - CENSORED),
        ("placebo_p", FAMILY),
    ]:
        holm = rows[f"{name}_holm"]
        assert holm[~policy].isna().all()
        assert holm.count() == size
        # The smallest p-value is multiplied by the number of tests, and by nothing else.
        least = rows.loc[policy, name].idxmin()
        assert holm[least] == pytest.approx(min(1, rows.loc[least, name] * size))


@pytest.mark.parametrize("model", [None, "single_index"])
def test_windows_cumulate_the_mean_abnormal_return(study, model, held):
    windows = [(0, 0), (0, 1), (0, 3), (0, 4), (2, 4)]
    table = tables.over_windows(study, windows, model)
    own = table[table["group"] == TIER1].set_index("window")
    assert own.index.tolist() == ["[0, 0]", "[0, 1]", "[0, 3]", "[0, 4]", "[2, 4]"]
    abnormal = study.estimate(model).abnormal_returns.query("event_id == 'xi-politburo'")
    abnormal = abnormal[abnormal["ticker"].map(study.groups) == TIER1]
    daily = abnormal.groupby("tau")["abnormal"].mean()
    for (first, last), row in zip(windows, own.itertuples(), strict=True):
        assert row.caar == pytest.approx(daily.loc[first:last].sum())
        assert row.last_session == held.index[last]
        assert row.share_at_limit == pytest.approx(held.iloc[last])
    # 32 of 38 closed at the limit on the first session.
    assert own.loc["[0, 0]", "share_at_limit"] == pytest.approx(32 / 38)
    assert set(table["n_assets"]) == {1, 4, 8, 9, 38}


def test_another_model_leaves_assets_without_its_benchmark_as_they_are(study):
    own, other = (
        tables.over_windows(study, [(0, 1)], model).set_index("group")["caar"]
        for model in (None, "single_index")
    )
    assert own["bitcoin"] == other["bitcoin"]
    assert own[TIER1] != other[TIER1]


def survivors(p: np.ndarray) -> int:
    """Holm's step-down as he wrote it: stop at the first p-value above its own bound."""
    for rank, value in enumerate(np.sort(p)):
        if value >= 0.05 / (len(p) - rank):
            return rank
    return len(p)


@pytest.mark.parametrize("model", [None, "single_index"])
def test_significance_counts_each_test_by_itself(study, model):
    table = tables.significance(study, (0, 1), model)
    rows = tables.responses(study, (0, 1), model).query("role == 'policy'")
    assert table.index.tolist() == ["portfolio t", "adjusted BMP", "rank"]
    assert table["responses"].tolist() == [FAMILY, FAMILY - 20 - CENSORED, FAMILY]
    for title, name in zip(
        table.index, ["time_series_t_p", "adjusted_bmp_p", "placebo_p"], strict=True
    ):
        p = rows[name].dropna().to_numpy()
        assert table.loc[title, "significant"] == np.count_nonzero(p < 0.05)
        assert table.loc[title, "expected"] == pytest.approx(len(p) / 20)
        assert table.loc[title, "holm"] == survivors(p)


def test_significance_without_policy_counts_nothing(study):
    controls = replace(study, events=study.events.assign(role="control"))
    assert (tables.significance(controls) == 0).all(axis=None)
    assert tables.significance_report(controls).frame["Responses"].tolist() == ["0", "0", "0"]


def test_the_significance_report_shows_the_counts(study):
    counts = tables.significance(study)
    frame = tables.significance_report(study).frame.set_index("Test")
    assert frame["Responses"].astype(int).tolist() == counts["responses"].tolist()
    assert frame["p < 0.05"].astype(int).tolist() == counts["significant"].tolist()
    assert frame["p < 0.05 after Holm"].astype(int).tolist() == counts["holm"].tolist()
    assert frame.loc["portfolio t", "Expected by chance"] == "4.75"  # 95 / 20


def test_the_windows_report_has_a_row_per_group_and_log_returns(study, btc, clean):
    report = tables.windows_report(study, [(0, 0), (0, 1)])
    frame = report.frame.set_index("Group")
    assert frame["N"].to_dict() == {
        "Bitcoin": "1",
        "Coins": "4",
        "US-listed": "9",
        "A-shares, tier 1": "38",
        "A-shares, tier 2": "8",
    }
    row = frame.loc["Bitcoin"]
    for column, last in [("CAAR[0, 0], %", 0), ("CAAR[0, 1], %", 1)]:
        days = btc["2019-10-25":].iloc[: last + 1]
        log = 100 * (days.sum() - len(days) * clean.mean())
        assert row[column].startswith(f"{log:+.1f} (")
    assert (row["adjusted BMP, p"], row["rbar"], row["Window"]) == ("", "", "[0, 0]")
    assert "pursued” in log returns" in report.note
    # 32 of 38 shares, and no verdict by a spread of names that stop at one limit.
    assert frame.loc["A-shares, tier 1", "Window"] == "[0, 5]"
    assert frame.loc["A-shares, tier 1", "CAAR[0, 0], %"].endswith("; 84 % at limit")
    held = tables.over_windows(study, [(0, 0), (0, 5)]).query("group == 'a_shares_tier1'")
    assert held["adjusted_bmp_p"].isna().tolist() == [True, False]


def test_the_windows_report_follows_an_event_into_the_row_of_another(study):
    # On the A-share session of 28 October the Politburo's meeting was announced first; let what
    # was said that day in Shanghai lead the study.
    salience = study.events["salience"].where(study.events["event_id"] != "huang-dcep-bund", 99)
    other = replace(study, events=study.events.assign(salience=salience))
    assert other.headline_event == "huang-dcep-bund"
    own = tables.windows_report(other, [(0, 1)]).frame.set_index("Group")
    lead = tables.windows_report(study, [(0, 1)]).frame.set_index("Group")
    name = "A-shares, tier 1"
    assert own.loc[name].to_dict() == lead.loc[name].to_dict()
    assert own.loc["Bitcoin", "CAAR[0, 1], %"] != lead.loc["Bitcoin", "CAAR[0, 1], %"]


def test_the_responses_report_shows_what_some_test_calls_significant(study, rows):
    report = tables.responses_report(study, rows, below=0.05)
    low = (rows[["time_series_t_p", "adjusted_bmp_p", "placebo_p"]] < 0.05).any(axis=1)
    assert len(report.frame) == low.sum()
    assert f"The {low.sum()} of {len(rows)} rows" in report.note
    shown = report.frame[report.frame["Group"] == "Bitcoin"]
    own = rows.loc[low & (rows["group"] == "bitcoin"), ["caar", "lower", "upper"]]
    log = 100 * own.to_numpy()
    cells = [f"{mean:+.1f} ({low:+.1f} to {high:+.1f})" for mean, low, high in log]
    assert shown["CAAR, % (95 % interval)"].tolist() == cells


def test_by_the_rule_each_group_stands_on_the_rung_of_the_smallest_error(tmp_path):
    study = load_study(donor_study(tmp_path / "study"))
    errors = checks.rung_errors(study)
    best = errors.loc[errors.groupby("group")["error"].idxmin()].set_index("group")["rung"]
    # The rule has a choice, and chooses differently.
    assert best["makers"] != best["sellers"] != best["coin"]
    table = tables.over_windows(study, [(0, 5)], tables.RULE).set_index("group")
    assert set(table.index) == set(best.index)
    for group in best.index:
        rung = checks.rung_of_rule(study, group)
        assert rung.name == best[group]
        # Alone in the sample, the event has the same estimation window and the same answer.
        alone = checks.rung_study(study, rung, study.headline_event).fit().caar((0, 5))
        assert table.loc[group, "caar"] == pytest.approx(alone["caar"].iloc[0], rel=1e-9)


def test_controls_are_what_is_no_policy_and_the_drawn_days(study):
    table = tables.controls(study)
    kinds = table.drop_duplicates("what").groupby("kind").size().to_dict()
    assert kinds == {"control": 2, "drawn day": 8, "placebo": 1}


def test_a_window_that_ends_at_the_limits_has_no_verdict_by_the_spread(study, rows):
    at_limit = study.returns.assign(held=study.returns["at_limit"] != "")
    at_limit = at_limit[at_limit["return"].notna()]
    policy = rows[rows["group"].str.startswith("a_shares") & (rows["role"] == "policy")]
    held = {
        index: at_limit.loc[
            (at_limit["session"] == row["last_session"])
            & (at_limit["ticker"].map(study.groups) == row["group"]),
            "held",
        ].mean()
        for index, row in policy.iterrows()
    }
    censored = pd.Series(held) >= 0.1
    assert censored.groupby(policy["group"]).sum().tolist() == [CENSORED / 2, CENSORED / 2]
    assert policy.loc[censored, ["adjusted_bmp_p", "grank_t_p"]].isna().all(axis=None)
    assert policy.loc[~censored, "adjusted_bmp_p"].notna().all()
    assert policy["time_series_t_p"].notna().all()
