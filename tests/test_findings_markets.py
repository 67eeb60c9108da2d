"""The numbers of the market notebooks, recomputed from the price file by other means."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

import chainpolicy
from chainpolicy import checks, findings
from chainpolicy.build import notebooks
from chainpolicy.findings import concept_stocks
from chainpolicy.study.study import EMBEDDED

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
SOURCES = ["03_bitcoin", "04_concept_stocks"]
TIER1 = "a_shares_tier1"

# Read off the price file's calendar by hand: 120 UTC days up to 16 September 2019, less the event
# days and the days after them of the four announcements inside.
ESTIMATION = pd.date_range("2019-05-20", "2019-09-16")
MASKED = [pd.Timestamp(2019, 6, day) for day in (27, 28)]
MASKED += [pd.Timestamp(2019, 7, day) for day in (18, 19)]
MASKED += [pd.Timestamp(2019, 8, day) for day in (10, 11, 22, 23)]
RESTRICTIVE = ["2019-10-28", "2019-11-15", "2019-11-18", "2019-11-22"]
SUPPORTIVE = ["2019-10-18", "2019-10-25", "2019-10-26", "2019-10-31", "2019-11-04"]
SUPPORTIVE += ["2019-11-05", "2019-11-06", "2019-12-05", "2019-12-09"]


@pytest.fixture(scope="module")
def study():
    return chainpolicy.load_study()


@pytest.fixture(scope="module")
def two(study):
    return study.event_study("market")


@pytest.fixture(scope="module")
def one(study):
    return study.event_study("single_index")


@pytest.fixture(scope="module")
def models(two, one):
    return {"two-factor": two.fit(), "single-factor": one.fit()}


@pytest.fixture(scope="module")
def results(models):
    return models["two-factor"]


@pytest.fixture(scope="module")
def placebos(two, one):
    return {"two-factor": two.placebo(), "single-factor": one.placebo()}


@pytest.fixture(scope="module")
def placebo(placebos):
    return placebos["two-factor"]


@pytest.fixture(scope="module")
def rates(placebo):
    return checks.rejection_rates(placebo)


@pytest.fixture(scope="module")
def close():
    prices = pd.read_csv(EMBEDDED / "prices.csv", parse_dates=["date"])
    return prices.pivot_table(index="date", columns="ticker", values="close")


@pytest.fixture(scope="module")
def btc(close):
    return np.log(close["BTC-USD"].dropna()).diff()


@pytest.fixture(scope="module")
def clean(btc):
    return btc[ESTIMATION.difference(MASKED)]


def spoken(day: pd.Timestamp) -> str:
    return f"{day.day} {day:%b %Y}"


def percent(log_return: float) -> str:
    return f"{100 * (np.exp(log_return) - 1):+.1f} %"


def test_bitcoin_answer_is_the_hand_computed_t(study, results, placebo, btc, clean):
    finding = findings.bitcoin_answer(study, results, placebo)
    m = len(clean)
    assert m == 112
    car = btc["2019-10-25":"2019-10-26"].sum() - 2 * clean.mean()
    error = clean.std() * np.sqrt(2 + 4 / m)
    p = 2 * stats.t.sf(car / error, m - 1)
    half = stats.t.ppf(0.975, m - 1) * error
    # Counted by hand from the catalogue: 14 UTC days for 2 groups, 12 A-share sessions for 2
    # groups, 13 New York sessions.
    family = 14 * 2 + 12 * 2 + 13
    assert f"returned {percent(car)} more than its mean" in finding.text
    assert f"95 % interval {percent(car - half)} to {percent(car + half)}" in finding.text
    assert f"exact t = {car / error:.2f}, p < 0.001" in finding.text
    assert f"over {family} tests p = {p * family:.3f}" in finding.text
    assert finding.text.startswith("**Yes, once")
    assert finding.text.count(". ") == 1


def test_placebo_rank_of_bitcoin_is_counted_over_ordinary_days(study, results, placebo, btc, clean):
    with (EMBEDDED / "events.csv").open(encoding="utf-8", newline="") as stream:
        announced = [row["announced_at"] for row in csv.DictReader(stream) if row["announced_at"]]
    days = pd.to_datetime(pd.Series(announced), utc=True, format="ISO8601").dt.tz_localize(None)
    near = {day.normalize() + pd.Timedelta(days=k) for day in days for k in range(6)}
    values = []
    # The study starts on 8 October 2018, so that its first return is that of the 9th.
    for day in btc["2018-10-09":"2020-01-22"].index:
        window = [day, day + pd.Timedelta(days=1)]
        if near & set(window) or btc[window].isna().any():
            continue
        rest = clean[~clean.index.isin(window)]
        error = rest.std() * np.sqrt(2 + 4 / len(rest))
        values.append((btc[window].sum() - 2 * rest.mean()) / error)
    table = findings.placebo_reach(study, results, placebo).numbers.set_index("event_id")
    t = table.loc["xi-politburo", "time_series_t"]
    beyond = int((np.abs(values) >= t).sum())
    assert table.loc["xi-politburo", "n_placebo"] == len(values)
    assert table.loc["xi-politburo", "p_placebo"] == pytest.approx((1 + beyond) / (1 + len(values)))


def test_placebo_p_values_cannot_pass_holms_correction(study, results, placebo):
    finding = findings.placebo_reach(study, results, placebo)
    n = finding.numbers["n_placebo"].iloc[0]
    assert f"cannot fall below {1 / (n + 1):.4f}" in finding.text
    assert f"below {0.05 / 65:.4f} to pass" in finding.text
    assert "out of its reach" in finding.text


def test_single_asset_report_has_one_row_per_day(study, results, placebo, btc, clean):
    report = findings.single_asset_report(study, results, placebo)
    frame = report.frame.set_index("Session")
    assert len(frame) == 17
    car = btc["2019-11-22"] - clean.mean(), btc["2019-11-22":"2019-11-23"].sum() - 2 * clean.mean()
    row = frame.loc["2019-11-22"]
    assert f"{row['CAR[0, 0], %']} %" == percent(car[0])
    assert f"{row['CAR[0, 1], %']} %" == percent(car[1])
    assert row["Stance"] == "0 / -1"
    assert frame.loc["2019-10-28", "Stance"] == "+1 / -1; -1 / -1"
    assert set(frame.loc[frame["Role"] != "policy", "Holm p"]) == {""}
    assert set(frame.loc[frame["Role"] != "policy"].index) == {
        "2019-10-08",
        "2019-11-14",
        "2020-01-01",
    }


def test_stances_are_averaged_as_a_regression_on_day_dummies_says(study, results, btc, clean):
    numbers = findings.by_stance(study, results).numbers
    bad = [pd.Timestamp(day) for day in RESTRICTIVE]
    good = [pd.Timestamp(day) for day in SUPPORTIVE]
    step = pd.Timedelta(days=1)
    days = sorted({day + k * step for day in bad + good for k in (0, 1)})
    y = pd.concat([clean, btc[days]])
    dummies = [(y.index == day).astype(float) for day in days]
    fit = sm.OLS(y.to_numpy(), np.column_stack([np.ones(len(y)), *dummies])).fit()

    def mean_of(chosen: list[pd.Timestamp]) -> np.ndarray:
        counts = [sum(day in (first, first + step) for first in chosen) for day in days]
        return np.array([0.0, *counts]) / len(chosen)

    # Of the supportive windows only that of 26 October overlaps that of 25 October.
    contrasts = {
        "restrictive": mean_of(bad),
        "supportive": mean_of(good),
        "apart": mean_of([day for day in good if day not in good[1:3]]),
        "difference": mean_of(good) - mean_of(bad),
    }
    for name, contrast in contrasts.items():
        test = fit.t_test(contrast)
        lower, upper = test.conf_int()[0]
        row = numbers.loc[name]
        assert row["mean"] == pytest.approx(test.effect[0], abs=1e-12)
        assert row["p_value"] == pytest.approx(float(test.pvalue), rel=1e-9)
        assert (row["lower"], row["upper"]) == pytest.approx((lower, upper), rel=1e-9)
    assert numbers["days"].to_dict() == {
        "restrictive": 4,
        "supportive": 9,
        "apart": 7,
        "difference": 13,
    }


def test_stances_of_several_assets_are_refused(study, results):
    with pytest.raises(ValueError, match="coins has 4 assets"):
        findings.by_stance(study, results, "coins")


def test_volatility_fell_after_the_estimation_window(study, results, placebo, btc, clean):
    row = findings.volatility(study, results, placebo).numbers.iloc[0]
    assert row["sigma"] == pytest.approx(clean.std())
    ordinary = placebo.car((0, 1)).query("ticker == 'BTC-USD' and event_id > '2019-09-16'")
    assert row["later"] == pytest.approx(btc[pd.to_datetime(ordinary["event_id"])].std())
    assert row["n_later"] == len(ordinary)
    assert row["rejected"] == (ordinary["p_value"] < 0.05).sum()
    assert row["later"] < row["sigma"]


def test_the_price_came_back(study, results, close):
    text = findings.round_trip(study, results).text
    btc = close["BTC-USD"].dropna()
    before = btc["2019-10-24"]
    back = btc["2019-10-25":][btc["2019-10-25":] <= before].index[0]
    top = btc["2019-10-25":back]
    assert f"{before:,.0f} dollars" in text
    assert f"{top.max():,.0f} on {spoken(top.idxmax())}" in text
    days = (back - pd.Timestamp("2019-10-25")).days
    assert f"{before:,.0f} on {spoken(back)}, {days} days" in text
    fall = btc["2019-10-23"] / btc["2019-10-22"] - 1
    assert f"a fall of {-100 * fall:.1f} % on 23 Oct 2019" in text


def test_ordinary_sessions_quote_rates_and_effect(study, results, rates):
    text = findings.ordinary_sessions(study, results, rates).text
    own = rates.set_index(["group", "test"]).loc[("bitcoin", "time_series_t")]
    assert f"On {own['n_sessions']:.0f} ordinary sessions of Bitcoin" in text
    assert f"on {100 * own['rejection_rate']:.1f} % of them" in text
    effect = checks.minimum_detectable_effect(results).set_index(["event_id", "group"])
    effect = effect.loc[("xi-politburo", "bitcoin"), "minimum_detectable_effect"]
    assert f"{percent(effect)} upwards or {percent(-effect)} downwards" in text


@pytest.fixture(scope="module")
def limits(study, close):
    """Count tier-1 closes at the upper and lower limit, by the half-tick rule, from prices."""
    tickers = study.groups.index[study.groups == TIER1]
    shares = close.loc["2019-10-25":"2019-11-01", tickers].dropna(how="all")
    share = pd.Series(0.10, index=tickers)
    share["600652.SS"] = 0.05
    last = shares.shift()
    upper = ((shares - last * (1 + share)).abs() <= 0.0052).sum(axis=1)
    lower = ((shares - last * (1 - share)).abs() <= 0.0052).sum(axis=1)
    return pd.DataFrame({"upper": upper, "lower": lower}).iloc[1:]


def test_names_at_the_limit_are_counted_from_prices(study, models, limits):
    finding = findings.censoring(study, models)
    own = finding.numbers.loc[:4, ["session", "upper", "lower"]].set_index("session")
    np.testing.assert_array_equal(own, limits)
    assert own.iloc[0].tolist() == [32, 0]
    assert "32 of the 38 names closed at the upper limit" in finding.text


def test_the_first_uncensored_window_ends_where_fewer_than_a_tenth_are_held(study, models, limits):
    held = limits.sum(axis=1).to_numpy() / 38
    assert (held[:-1] >= 0.1).all()
    assert held[-1] < 0.1
    assert concept_stocks.uncensored_tau(study, models, TIER1) == len(held) - 1 == 4
    assert "[0, 4]; of the windows that the study had declared beforehand it is [0, 5]" in str(
        findings.censoring(study, models)
    )


def test_a_group_that_stays_censored_is_named(study, models, monkeypatch):
    monkeypatch.setattr(concept_stocks, "CENSORED", 0.0)
    with pytest.raises(ValueError, match="a_shares_tier1: at price limits"):
        concept_stocks.uncensored_tau(study, models, TIER1)


def test_concept_stocks_answer_leads_with_the_uncensored_window(study, models, placebos):
    finding = findings.concept_stocks_answer(study, models, placebos)
    daily = {}
    for name, results in models.items():
        abnormal = results.abnormal_returns.query("event_id == 'xi-politburo'")
        abnormal = abnormal[abnormal["ticker"].map(study.groups) == TIER1]
        daily[name] = abnormal.groupby("tau")["abnormal"].mean()
    two, one = daily["two-factor"], daily["single-factor"]
    assert f"is {percent(two.loc[0:4].sum())}, 95 % interval" in finding.text
    assert f"(single-factor: {percent(one.loc[0:4].sum())}, 95 % interval" in finding.text
    assert (
        f"it had been {percent(two.loc[0:1].sum())} (single-factor: "
        f"{percent(one.loc[0:1].sum())})" in finding.text
    )
    assert finding.text.index("[0, 4]") < finding.text.index("[0, 1]")
    assert finding.text.startswith("**They jumped, but no response that lasted")
    # No ordinary session of either model had a larger studentized CAAR.
    assert "matched on 0 of 211 ordinary sessions" in finding.text
    assert finding.text.count(". ") == 1


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ([(-0.1, 0.2), (-0.2, 0.1)], "They jumped, but no response that lasted"),
        ([(0.1, 0.2), (-0.2, 0.1)], "The answer depends on the model"),
        ([(0.1, 0.2), (0.2, 0.3)], "Yes, and the response lasted"),
    ],
)
def test_the_verdict_follows_the_intervals(bounds, verdict):
    rows = [{"lower": lower, "upper": upper} for lower, upper in bounds]
    assert concept_stocks._verdict(rows).startswith(verdict)


def test_windows_report_shows_both_models_over_all_windows(study, models):
    frame = findings.windows_report(study, models, TIER1).frame
    windows = ["[0, 0]", "[0, 1]", "[0, 4]", "[0, 5]", "[0, 10]"]
    assert frame["Window"].tolist() == [window for window in windows for _ in models]
    assert frame["Model"].tolist() == list(models) * len(windows)
    assert frame["At limit, %"].tolist()[:2] == ["84", "84"]  # 32 of 38
    car = models["single-factor"].car((0, 5)).query("event_id == 'xi-politburo'")
    mean = car.loc[car["ticker"].map(study.groups) == TIER1, "car"].mean()
    row = frame.query("Window == '[0, 5]' and Model == 'single-factor'").iloc[0]
    assert row["CAAR, % (95 % interval)"].startswith(percent(mean).removesuffix(" %") + " (")
    assert row["Ends"] == "2019-11-04"


def test_the_jump_faded(study, models):
    table = findings.fading(study, models).numbers.set_index("model")
    for name, results in models.items():
        abnormal = results.abnormal_returns.query("event_id == 'xi-politburo'")
        abnormal = abnormal[abnormal["ticker"].map(study.groups) == TIER1]
        path = abnormal.groupby("tau")["abnormal"].mean().loc[0:4].cumsum()
        row = table.loc[name]
        assert row["peak"] == pytest.approx(path.max())
        assert row["left"] == pytest.approx(path[4])
        assert row["caar"] == pytest.approx(path[4] - path.max())
        assert row["last_session"] == pd.Timestamp("2019-11-01")
        assert row["upper"] < 0


def test_other_markets_moved_before_the_a_share_open(study, results, close):
    finding = findings.already_moved(study, results)
    us = study.groups.index[study.groups == "us_listed"]
    new_york = np.log(close.loc["2019-10-25", us] / close.loc["2019-10-24", us]).mean()
    btc = close.loc["2019-10-27", "BTC-USD"] / close.loc["2019-10-24", "BTC-USD"] - 1
    assert f"US-listed (N = 9) by {percent(new_york)} on 25 Oct 2019" in finding.text
    assert f"Bitcoin (N = 1) by {100 * btc:+.1f} % from 25 Oct 2019 to 27 Oct 2019" in finding.text
    assert "on 28 Oct 2019." in finding.text


def test_significant_sessions_are_those_of_the_adjusted_bmp(study, models):
    finding = findings.significant_sessions(study, models, [TIER1])
    for name, results in models.items():
        table = results.summary((0, 1)).xs(TIER1, level="group")
        own = finding.numbers[finding.numbers["model"] == name].set_index("event_id")
        assert len(own) == 12
        expected = table.loc[own.index, "adjusted_bmp_p"]
        np.testing.assert_allclose(own["p_value"], expected)
        count = (expected < 0.05).sum()
        assert f"{name}: {count} of 12 sessions, where 0.6 would be by chance" in finding.text
    assert "over all 65 tests" in finding.text


def test_controls_are_the_events_that_are_no_policy(study, results):
    finding = findings.controls(study, results, ["us_listed", "bitcoin"])
    table = finding.numbers
    assert table.loc[table["group"] == "us_listed", "event_id"].tolist() == [
        "unicef-crypto-fund",
        "brics-settlement-coin",
        "cryptography-law-in-force",
    ]
    # For one asset there is no adjusted BMP.
    car = results.car((0, 1)).query("ticker == 'BTC-USD'").set_index("event_id")["p_value"]
    own = table[table["group"] == "bitcoin"].set_index("event_id")["p_value"]
    np.testing.assert_allclose(own, car[own.index])
    assert f"the smallest is {table['p_value'].min():.3f}, of US-listed" in finding.text
    assert "none of 6 responses has p < 5 %" in finding.text


def test_rejection_report_has_all_eleven_tests(rates):
    report = findings.rejection_report({"two-factor": rates, "again": rates}, [TIER1, "coins"])
    assert len(report.frame) == 11
    own = rates.set_index(["group", "test"])["rejection_rate"]
    cells = report.frame.set_index("Test")["A-shares, tier 1, two-factor, %"]
    assert cells["BMP t"] == f"{100 * own[TIER1, 'bmp']:.1f}"
    assert cells["adjusted BMP t"] == f"{100 * own[TIER1, 'adjusted_bmp']:.1f}"
    # The standard deviation of a share of 211 independent sessions at 5 %.
    assert f"{196 * np.sqrt(0.05 * 0.95 / 211):.1f} points" in report.note


def test_rejection_report_of_one_model_does_not_name_it(rates):
    frame = findings.rejection_report({"market": rates}, [TIER1]).frame
    assert frame.columns.tolist() == ["Test", "Source", "A-shares, tier 1, %"]


@pytest.mark.parametrize("window", [(0, 1), (0, 5)])
def test_difference_of_portfolios_is_a_regression_on_dummies(study, results, close, window):
    first, second = ["XNET"], ["RIOT", "MARA", "BLOK"]
    table = findings.portfolio_difference(study, {"market": results}, first, second, [window])
    returns = np.log(close[[*first, *second, "SPY"]].dropna()).diff()
    sessions = returns.index
    masked = set()
    # First sessions in New York that could react, read off the calendar by hand.
    for day in ["2019-04-01", "2019-04-08", "2019-06-27", "2019-07-18", "2019-08-12"]:
        at = sessions.get_loc(pd.Timestamp(day))
        masked |= set(sessions[at : at + 2])
    at = sessions.get_loc(pd.Timestamp("2019-08-22"))
    masked |= set(sessions[at : at + 2])
    estimation = sessions[sessions <= "2019-09-16"][-120:]
    estimation = [day for day in estimation if day not in masked]
    at = sessions.get_loc(pd.Timestamp("2019-10-25"))
    event = list(sessions[at : at + window[1] + 1])
    used = returns.loc[estimation + event]
    y = used[first].mean(axis=1) - used[second].mean(axis=1)
    dummies = [(used.index == day).astype(float) for day in event]
    x = np.column_stack([np.ones(len(used)), used["SPY"], *dummies])
    test = sm.OLS(y.to_numpy(), x).fit().t_test([0, 0, *[1] * len(event)])
    row = table.iloc[0]
    assert row["mean"] == pytest.approx(test.effect[0], abs=1e-12)
    assert row["t_stat"] == pytest.approx(float(test.tvalue.item()), rel=1e-9)
    assert row["p_value"] == pytest.approx(float(test.pvalue), rel=1e-9)
    assert row["degrees"] == len(estimation) - 2
    assert (row["lower"], row["upper"]) == pytest.approx(tuple(test.conf_int()[0]), rel=1e-9)


def test_look_ahead_bias_is_tier_2_less_tier_1(study, models):
    table = findings.look_ahead_bias(study, models).numbers
    # Both tiers are below a tenth for the first time on 4 November.
    assert table["window"].tolist() == ["[0, 5]", "[0, 5]", "[0, 1]", "[0, 1]"]
    caar = models["two-factor"].caar((0, 5)).set_index(["event_id", "group"])["caar"]
    apart = caar["xi-politburo", "a_shares_tier2"] - caar["xi-politburo", TIER1]
    assert table["mean"].iloc[0] == pytest.approx(apart)
    swapped = findings.look_ahead_bias(study, models, (TIER1, "a_shares_tier2")).numbers
    np.testing.assert_allclose(swapped["mean"], -table["mean"])
    np.testing.assert_allclose(swapped["p_value"], table["p_value"])


def test_difference_report_lists_windows_and_models(study, models):
    frame = findings.difference_report(
        study, models, ["NEO-USD"], ["ETH-USD", "LTC-USD"], ("Neo", "global")
    ).frame
    windows = ["[0, 0]", "[0, 1]", "[0, 5]", "[0, 10]"]
    assert frame["Window"].tolist() == [window for window in windows for _ in models]
    assert frame["Model"].tolist() == list(models) * len(windows)
    assert "global, N = 2, %" in frame
    car = models["two-factor"].car((0, 1)).query("event_id == 'xi-politburo'")
    car = car.set_index("ticker")["car"]
    row = frame.query("Window == '[0, 1]'").iloc[0]
    assert f"{row['Neo, N = 1, %']} %" == percent(car["NEO-USD"])


@pytest.mark.parametrize("name", SOURCES)
def test_notebooks_open_with_the_answer_and_close_with_limits(name):
    source = NOTEBOOKS / f"{name}.py"
    assert notebooks.lint(source) == []
    cells = notebooks.read_source(source).cells
    assert [cell.cell_type for cell in cells[:2]] == ["markdown", "code"]
    assert cells[1].source.splitlines()[-1].startswith("findings.")
    headings = re.findall(r"^## (.+)$", cells[-1].source, flags=re.MULTILINE)
    assert headings == ["Reading", "Limits"]


@pytest.mark.parametrize("name", SOURCES)
def test_no_number_is_typed_into_the_prose(name):
    for cell in notebooks.read_source(NOTEBOOKS / f"{name}.py").cells:
        if cell.cell_type == "markdown":
            prose = re.sub(r"\$\$.*?\$\$|\$.*?\$", "", cell.source, flags=re.DOTALL)
            # Definitions, not results: windows, the level of a test, the names of indices, tiers.
            prose = re.sub(r"\[0, [01]\]|5 %|CSI 300|S&P 500|[Tt]ier [12]", "", prose)
            assert not re.search(r"\d", prose), prose
