"""Specification curve, leave-one-out and placebo in space against other software and by hand."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from chainpolicy import cli, figures
from chainpolicy.checks import (
    boards,
    cumulative_abnormal_returns,
    leave_one_out,
    placebo_in_space,
    read_market,
    space_of_study,
    specification_curve,
    specifications,
    stored_space,
)
from chainpolicy.checks.space import _cumulated
from chainpolicy.eventstudy import MODELS, EstimationWindow
from chainpolicy.figures import NothingToDrawError
from chainpolicy.study.problems import InputError
from chainpolicy.study.study import EMBEDDED, TEMPLATE
from places import SHARED
from small_study import only

LEAD = "xi-politburo"
MARKET = SHARED / "prices" / "ashare_panel.parquet"
SPECS = {spec.name: spec for spec in figures.FIGURES}


@pytest.fixture(scope="module")
def small(study):
    """Four of the five groups, without the one that has half of all assets."""
    return only(study, ["a_shares_tier2", "bitcoin", "coins", "us_listed"])


@pytest.fixture(scope="module")
def curve(small):
    return specification_curve(small, LEAD, ((0, 1), (0, 5)))


# --- specification curve ----------------------------------------------------------------------


def masked_sessions(study, sessions: pd.DatetimeIndex) -> set[pd.Timestamp]:
    """Sessions [0, 1] of every dated event of Shanghai's calendar."""
    events = study.alignment.query("calendar == 'XSHG'")["event_session"].drop_duplicates()
    at = [sessions.get_loc(day) for day in events if day in sessions]
    return {sessions[i] for place in at for i in (place, place + 1)}


@pytest.mark.parametrize(
    ("model", "estimation", "length", "mask", "kind"),
    [
        ("market", "study", 120, True, "log"),
        ("single_index", "event", 60, False, "simple"),
        ("market", "event", 120, True, "simple"),
        ("constant_mean", "study", 60, False, "log"),
        ("market_adjusted", "event", 60, True, "log"),
        ("equal_weighted", "study", 60, True, "simple"),
        ("size", "event", 120, False, "log"),
    ],
)
def test_specification_is_the_regression_of_statsmodels(
    study, curve, model, estimation, length, mask, kind
):
    """From closes: one regression a share, and the portfolio t of the eight shares of tier 2."""
    closes = study.prices.pivot_table(index="date", columns="ticker", values="close")
    shares = study.groups.index[study.groups == "a_shares_tier2"]
    sessions = pd.DatetimeIndex(study.returns.query("ticker == '000021.SZ'")["session"])
    change = closes.loc[sessions] / closes.loc[sessions].shift()
    returns = np.log(change) if kind == "log" else change - 1
    event = sessions.get_loc(pd.Timestamp("2019-10-28"))
    last = event - 11 if estimation == "event" else sessions.get_loc(pd.Timestamp("2019-09-16"))
    window = sessions[last - length + 1 : last + 1]
    if mask:
        window = window.difference(list(masked_sessions(study, sessions)))
    donors = pd.read_csv(study.path / "donors.csv", parse_dates=["date"])
    market = donors.query("portfolio == 'MARKET_EW'").set_index("date")["return"]
    returns["MARKET_EW"] = np.log1p(market) if kind == "log" else market
    factors = {
        "market": ["000300.SS", "399006.SZ"],
        "single_index": ["000300.SS"],
        "equal_weighted": ["MARKET_EW"],
        "size": ["000300.SS", "MARKET_EW"],
    }.get(model, [])
    after = sessions[event : event + 2]
    cars, multipliers, residuals = [], [], {}
    for share in shares:
        y = returns[share]
        if model == "market_adjusted":
            residuals[share] = (y - returns["000300.SS"])[window]
            cars.append((y - returns["000300.SS"])[after].sum())
            multipliers.append(2.0)
            continue
        x = sm.add_constant(returns[factors]) if factors else pd.DataFrame({"const": 1.0}, y.index)
        fit = sm.OLS(y[window], x.loc[window], missing="drop").fit()
        residuals[share] = fit.resid
        cars.append((y[after] - fit.predict(x.loc[after])).sum())
        row = x.loc[after].sum()
        multipliers.append(2.0 + row @ fit.normalized_cov_params @ row)
    aar = pd.DataFrame(residuals).mean(axis=1).dropna()
    degrees = len(aar) - (0 if model == "market_adjusted" else len(factors) + 1)
    error = np.sqrt((aar**2).sum() / degrees * np.mean(multipliers))
    caar, half = np.mean(cars), stats.t.isf(0.025, degrees) * error
    expected = np.array([caar, caar - half, caar + half])
    if kind == "simple":
        expected = np.log1p(expected)
    chosen = (curve["group"] == "a_shares_tier2") & (curve["window"] == "[0, 1]")
    for name, value in {"model": model, "estimation": estimation, "length": length, "mask": mask,
                        "kind": kind}.items():  # fmt: skip
        chosen &= curve[name] == value
    [row] = curve[chosen].to_dict("records")
    np.testing.assert_allclose([row["caar"], row["lower"], row["upper"]], expected, rtol=1e-8)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(caar) / error, degrees), rel=1e-6)


def test_combinations_that_come_to_the_same_count_once(curve):
    one = curve[curve["window"] == "[0, 1]"]
    # Six models for two benchmarks, five for one, one for none, two more with donors; times 2^4
    # other choices.
    assert one["group"].value_counts().to_dict() == {
        "a_shares_tier2": 128,
        "us_listed": 80,
        "bitcoin": 16,
        "coins": 16,
    }
    assert not one.duplicated(["group", "model", "estimation", "length", "mask", "kind"]).any()
    assert set(one.loc[one["group"] == "bitcoin", "model"]) == {"constant_mean"}


def test_the_studys_own_choices_are_marked(results, curve):
    own = curve[curve["chosen"]].set_index(["group", "window"])
    assert len(own) == 4 * 2
    for window in ((0, 1), (0, 5)):
        caar = results.caar(window).query("event_id == @LEAD and group != 'a_shares_tier1'")
        for row in caar.to_dict("records"):
            found = own.loc[(row["group"], row["window"])]
            assert found["caar"] == pytest.approx(row["caar"], rel=1e-12)
            assert found["upper"] == pytest.approx(row["upper"], rel=1e-12)


@pytest.fixture
def own_model(study, monkeypatch):
    """A twelfth of the curve: the study's own model and kind of returns, all other choices."""
    monkeypatch.setattr(specifications, "MODELS", {study.model: MODELS[study.model]})
    monkeypatch.setattr(specifications, "KINDS", (study.kind,))


def test_anchor_at_the_first_event_keeps_its_place(small, own_model):
    first = replace(small.estimation, anchor="first", end=None, window=(-150, -31))
    anchored = replace(small, estimation=first)
    curve = specification_curve(anchored, LEAD)
    caar = anchored.estimate().caar((0, 1)).query("event_id == @LEAD").set_index("group")["caar"]
    own = curve[curve["chosen"]].set_index("group")["caar"]
    pd.testing.assert_series_equal(own.sort_index(), caar.sort_index())


def test_a_window_that_only_its_end_keeps_apart_is_not_moved_to_the_event(small, own_model):
    late = replace(small, estimation=replace(small.estimation, window=(-120, -1)))
    assert set(specification_curve(late, LEAD)["estimation"]) == {"study"}


def test_an_event_that_cannot_be_estimated_has_no_curve(small, own_model):
    early = replace(small, estimation=replace(small.estimation, end=pd.Timestamp("2018-10-20")))
    table = specification_curve(early, LEAD)
    assert set(table["estimation"]) == {"event"}
    # A copy of the study, because the whole curve is the study's to remember.
    assert specification_curve(replace(small), "no-such-event").empty


# --- leave one out ----------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["us_listed", "a_shares_tier2", "coins"])
def test_leaving_an_asset_out_is_estimating_without_it(study, results, group):
    same_as_without(study, results, group)


def test_leaving_an_asset_out_counts_the_parameters_of_lags_and_leads(study):
    thin = replace(only(study, ["us_listed"]), model="dimson")
    same_as_without(thin, thin.estimate(), "us_listed")


def same_as_without(study, results, group):
    table = leave_one_out(results, LEAD, (0, 5)).query("group == @group").set_index("ticker")
    alone = only(study, [group])
    assert len(table) == len(alone.groups)
    for ticker in table.index[:3]:
        parted = replace(alone, groups=alone.groups.where(alone.groups.index != ticker, ticker))
        [row] = (
            parted.estimate()
            .caar((0, 5))
            .query("event_id == @LEAD and group == @group")
            .to_dict("records")
        )
        for name in ("n_assets", "caar", "std_error", "degrees", "lower", "upper"):
            assert table.loc[ticker, name] == pytest.approx(row[name], rel=1e-10)
        t_stat = row["caar"] / row["std_error"]
        expected = 2 * stats.t.sf(abs(t_stat), row["degrees"])
        assert table.loc[ticker, "p_value"] == pytest.approx(expected, rel=1e-8)


def test_groups_of_one_have_nobody_to_leave_out(results):
    table = leave_one_out(results, LEAD)
    assert set(table["group"]) == {"a_shares_tier1", "a_shares_tier2", "coins", "us_listed"}
    assert leave_one_out(results, "no-such-event").empty


# --- placebo in space -------------------------------------------------------------------------

DAYS = pd.bdate_range("2019-01-01", periods=240)


def market_cars(rng: np.random.Generator, sector: float = 0.0) -> tuple[pd.DataFrame, list[str]]:
    """Two hundred shares in two strata, twenty of them with a common factor."""
    values = rng.normal(0, 1, (len(DAYS), 200))
    values[:, 100:] *= 2.0
    chosen = np.r_[0:12, 100:108]
    values[:, chosen] += sector * rng.normal(0, 1, (len(DAYS), 1))
    names = [f"S{i:03d}" for i in range(200)]
    return pd.DataFrame(values, DAYS, names), [names[i] for i in chosen]


STRATA = pd.Series(
    np.repeat(["calm", "wild"], 100), index=[f"S{i:03d}" for i in range(200)], name="stratum"
)


def test_random_portfolios_have_the_moments_of_stratified_sampling():
    """Cochran (1977): mean and variance of a stratified sample without replacement."""
    cars, members = market_cars(np.random.default_rng(1))
    cars.iloc[:, 20:] += 0.3
    event = DAYS[50]
    [row] = placebo_in_space(cars, members, STRATA, [event], draws=10_000).to_dict("records")
    mean = variance = 0.0
    for name, count in (("calm", 12), ("wild", 8)):
        pool = cars.loc[event, STRATA[STRATA.eq(name)].index]
        mean += count / 20 * pool.mean()
        variance += (count / 20) ** 2 * pool.var() / count * (1 - count / 100)
    assert row["random_mean"] == pytest.approx(mean, abs=4 * np.sqrt(variance / 10_000))
    assert row["random_deviation"] == pytest.approx(np.sqrt(variance), rel=0.02)
    assert row["caar"] == pytest.approx(cars.loc[event, members].mean())
    assert row["excess"] == pytest.approx((row["caar"] - mean) / np.sqrt(variance), abs=0.08)
    normal = 2 * stats.norm.sf(abs(row["excess"]))
    assert row["p_random"] == pytest.approx(normal, abs=0.03)


def test_rank_among_ordinary_sessions_by_hand():
    cars, members = market_cars(np.random.default_rng(2))
    events = [DAYS[100], DAYS[101]]
    table = placebo_in_space(cars, members, STRATA, events)
    every = placebo_in_space(cars, members, STRATA, list(DAYS)).set_index("event_session")
    ordinary = every["excess"].drop(events).abs()
    for row in table.to_dict("records"):
        beyond = (ordinary >= abs(row["excess"])).sum()
        assert row["n_ordinary"] == 238
        assert row["p_value"] == (1 + beyond) / 239
        assert row["smallest_p"] == 1 / 239
        rejected = every["p_random"].drop(events) <= 0.05
        assert row["rejection_rate"] == pytest.approx(rejected.mean())


def test_a_sector_leaves_random_shares_on_ordinary_sessions_and_the_rank_allows_for_it():
    """No effect: the rank among random portfolios rejects far too often, the other has its size."""
    rng = np.random.default_rng(3)
    p_values, rates = [], []
    for _ in range(40):
        cars, members = market_cars(rng, sector=0.6)
        table = placebo_in_space(cars, members, STRATA, list(DAYS[::40]), draws=99)
        p_values += table["p_value"].tolist()
        rates.append(table["rejection_rate"].iloc[0])
    assert np.mean(rates) > 0.3
    assert np.mean(np.array(p_values) <= 0.10) == pytest.approx(0.10, abs=0.06)
    cars, members = market_cars(rng)
    alone = placebo_in_space(cars, members, STRATA, [DAYS[0]])
    assert alone["rejection_rate"].item() == pytest.approx(0.05, abs=0.045)


def test_a_planted_excess_is_found_and_a_move_of_the_whole_market_is_not():
    cars, members = market_cars(np.random.default_rng(4), sector=0.3)
    cars.loc[DAYS[60]] += 10.0
    cars.loc[DAYS[61], members] += 3.0
    table = placebo_in_space(cars, members, STRATA, [DAYS[60], DAYS[61]])
    assert table["p_value"].iloc[0] > 0.05
    assert table["p_value"].iloc[1] == table["smallest_p"].iloc[1] == 1 / 239


def test_shares_without_a_car_are_left_out_of_both_sides():
    cars, members = market_cars(np.random.default_rng(5))
    cars.loc[DAYS[10], [members[0], "S050"]] = np.nan
    cars.loc[DAYS[11], members] = np.nan
    table = placebo_in_space(cars, members, STRATA, [DAYS[10], DAYS[11]])
    assert table["event_session"].tolist() == [DAYS[10]]
    [row] = table.to_dict("records")
    assert (row["n_members"], row["n_shares"]) == (19, 198)
    assert row["caar"] == pytest.approx(cars.loc[DAYS[10], members].mean())


def test_without_an_ordinary_session_there_is_no_rate():
    cars, members = market_cars(np.random.default_rng(6))
    table = placebo_in_space(cars.iloc[:1], members, STRATA, [DAYS[0]])
    assert np.isnan(table["rejection_rate"].item())
    assert table["p_value"].item() == table["smallest_p"].item() == 1.0


def test_abnormal_returns_of_a_market_are_the_regressions_of_statsmodels():
    rng = np.random.default_rng(7)
    factors = pd.DataFrame(rng.normal(0, 0.01, (240, 2)), DAYS, ["M", "G"])
    beta = rng.uniform(0, 2, (2, 4))
    noise = rng.normal(0, 0.02, (240, 4))
    returns = pd.DataFrame(factors.to_numpy() @ beta + noise, DAYS, list("ABCD"))
    returns.loc[DAYS[5], "B"] = np.nan
    returns.loc[DAYS[:90], "C"] = np.nan
    returns["D"] = 0.0
    abnormal, slope = cumulative_abnormal_returns(returns, factors, DAYS[:100], 60)
    # Too few returns, and none that varies.
    assert abnormal.columns.tolist() == slope.index.tolist() == ["A", "B"]
    for share in abnormal:
        y = returns[share][:100]
        fit = sm.OLS(y, sm.add_constant(factors.iloc[:100]), missing="drop").fit()
        expected = returns[share] - fit.predict(sm.add_constant(factors))
        np.testing.assert_allclose(abnormal[share], expected, rtol=1e-9, atol=1e-12)
        single = sm.OLS(y, sm.add_constant(factors["M"][:100]), missing="drop").fit()
        assert slope[share] == pytest.approx(single.params["M"], rel=1e-9)
    alone, none = cumulative_abnormal_returns(returns, factors[[]], DAYS[:100], 60)
    np.testing.assert_allclose(alone["A"], returns["A"] - returns["A"][:100].mean())
    assert set(none) == {0.0}


def test_boards_by_code():
    codes = pd.Index(["600570.SS", "603106.SS", "000021.SZ", "002152.SZ", "003001.SZ", "300468.SZ"])
    assert boards(codes).tolist() == ["60", "60", "00", "002", "002", "30"]


@pytest.fixture(scope="module")
def small_market(study, tmp_path_factory) -> Path:
    """The returns of the study's shares, and of sixty more that follow the CSI 300."""
    rng = np.random.default_rng(8)
    own = study.returns[study.returns["ticker"].str.endswith((".SS", ".SZ"))]
    wide = own.pivot_table(index="session", columns="ticker", values="return", dropna=False)
    first = own[own["ticker"] == "000021.SZ"].set_index("session")["000300.SS"].fillna(0.0)
    for i in range(60):
        code = f"{('600', '000', '002', '300')[i % 4]}{900 + i}.X"
        wide[code] = rng.uniform(0.5, 1.5) * first + rng.normal(0, 0.02, len(wide))
    rows = wide.rename_axis(index="date").reset_index().melt("date", var_name="ticker")
    market = pd.DataFrame(
        {
            "date": rows["date"],
            "ticker": rows["ticker"],
            "pct_change": 100 * np.expm1(rows["value"].fillna(0.0)),
            "trading": rows["value"].notna().astype(int),
        }
    )
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    market.to_parquet(path)
    return path


def test_space_of_a_study_is_its_portfolio_on_its_sessions(study, results, small_market):
    table = space_of_study(study, read_market(small_market, study), [(0, 1)], draws=99)
    assert set(table["group"]) == {"a_shares_tier1", "a_shares_tier2"}
    # Residuals of one regression: where a share has all its returns the CAR is that of the study.
    caar = results.caar((0, 1)).set_index(["group", "event_id"])
    row = table.set_index(["group", "event_id"]).loc[("a_shares_tier1", LEAD)]
    assert row["caar"] == pytest.approx(caar.loc[("a_shares_tier1", LEAD), "caar"], abs=2e-4)
    assert row["n_members"] == 38
    assert row["smallest_p"] == 1 / (1 + row["n_ordinary"])
    assert row["p_value"] <= 0.02
    placebo = study.event_study().placebo((0, 1)).pairs
    ordinary = placebo.loc[placebo["group"] == "a_shares_tier1", "event_session"].nunique()
    # The first two sessions follow no close in this file.
    assert row["n_ordinary"] == ordinary - 2
    simple = replace(study, kind="simple")
    share = read_market(small_market, simple)["600570.SS"]
    closes = study.prices[study.prices["ticker"] == "600570.SS"].set_index("date")["close"]
    expected = closes["2019-10-28"] / closes["2019-10-25"] - 1
    assert share["2019-10-28"] == pytest.approx(expected)


def test_a_coin_on_the_sessions_of_the_shares_adds_no_event_to_them(study, small_market):
    market = read_market(small_market, study)
    # As if Bitcoin had a benchmark in Shanghai: there on 25 October, the shares on the 28th.
    rows = study.alignment["ticker"] == "BTC-USD"
    moved = study.alignment.assign(calendar=study.alignment["calendar"].mask(rows, "XSHG"))
    mixed = replace(study, alignment=moved)
    own = space_of_study(study, market, [(0, 1)], draws=49)
    found = space_of_study(mixed, market, [(0, 1)], draws=49)
    keys = ["group", "event_id", "event_session", "caar"]
    pd.testing.assert_frame_equal(found[keys], own[keys])


def test_news_of_some_members_makes_no_session_ordinary_and_estimates_nothing(study, small_market):
    """Nor does it matter what happened on those sessions."""
    market = read_market(small_market, study)
    moving = EstimationWindow(window=(-120, -11), minimum=60)
    study = replace(study, estimation=moving)
    days = study.returns.query("ticker == '600570.SS'")["session"].to_numpy()
    of_one = study.alignment[study.alignment["ticker"] == "600570.SS"].iloc[[0]]
    # Ten announcements of one share, in the estimation window and behind it.
    own = [
        of_one.assign(event_id=f"own{k}", event_session=days[at], shares_session_with="")
        for k, at in enumerate([*range(150, 200, 10), *range(215, 235, 4)])
    ]
    held = replace(study, alignment=pd.concat([study.alignment, *own], ignore_index=True))
    moved = market.copy()
    taken = pd.DatetimeIndex(np.concatenate([frame["event_session"] for frame in own]))
    moved.loc[taken, "600570.SS"] += 0.3
    # Those of the share's own group: to the others it is one of the market.
    before, calm, shaken = (
        space_of_study(of, shares, [(0, 0)], draws=49).query("group == 'a_shares_tier1'")
        for of, shares in ((study, market), (held, market), (held, moved))
    )
    pd.testing.assert_frame_equal(calm, shaken)
    assert (calm["n_ordinary"] < before["n_ordinary"].iloc[0]).all()


def test_a_return_after_a_suspension_spans_it_and_is_left_out(study, small_market):
    returns = read_market(small_market, study)["002668.SZ"]
    rows = study.returns[study.returns["ticker"] == "002668.SZ"].set_index("session")["return"]
    assert rows.isna().sum() > 16
    assert returns.isna().sum() >= rows.isna().sum()


def test_placebo_command_compares_with_the_market(
    study, template, small_market, tmp_path, capsys, monkeypatch
):
    # Each is read once for all commands.
    given = {None: study, TEMPLATE: template}
    monkeypatch.setattr("chainpolicy.study.load_study", given.__getitem__)
    file = tmp_path / "space.csv"
    assert cli.main(["placebo", "--market", str(small_market), "--output", str(file)]) == 0
    table = pd.read_csv(file)
    assert set(table["window"]) == {"[0, 0]", "[0, 1]", "[-1, 1]", "[0, 5]", "[0, 10]"}
    assert (table["p_value"] >= table["smallest_p"]).all()
    capsys.readouterr()
    assert cli.main(["placebo", "--market", str(tmp_path / "none.parquet")]) == 2
    assert "no such file" in capsys.readouterr().err
    wrong = tmp_path / "wrong.parquet"
    pd.DataFrame({"date": [1]}).to_parquet(wrong)
    assert cli.main(["placebo", "--market", str(wrong)]) == 2
    assert "a Parquet file with date, ticker, pct_change, trading" in capsys.readouterr().err
    assert cli.main(["placebo", str(TEMPLATE), "--market", str(small_market)]) == 2
    assert "at least one asset of the study" in capsys.readouterr().err
    assert cli.main(["placebo", "--output", str(tmp_path / "space.txt")]) == 2
    assert "ends with .csv" in capsys.readouterr().err


def test_stored_numbers_are_those_of_the_whole_market(study):
    """Where the returns of all A-shares are given; elsewhere their stored copy is only read."""
    if not MARKET.is_file():
        pytest.skip(f"needs the returns of all A-shares, {MARKET.name}")
    known = pd.read_csv(EMBEDDED / "market_figures.csv", index_col="figure")
    with MARKET.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == known["sha256"]["n_shares"]
    found = space_of_study(study, read_market(MARKET, study), study.car_windows)
    kept = stored_space(study)
    assert found[["group", "window", "event_id"]].equals(kept[["group", "window", "event_id"]])
    numbers = kept.columns[4:]
    np.testing.assert_allclose(found[numbers], kept[numbers], rtol=1e-5)


def test_stored_numbers_are_complete_and_over_reject_as_they_say(study):
    kept = stored_space(study)
    # The 26 events lie on 20 sessions of A-shares. Ten sessions after 10 January 2020 is
    # 3 February, for the New Year holiday: the study ends on 23 January.
    assert len(kept) == 2 * (20 * len(study.car_windows) - 1)
    lead = kept.query("group == 'a_shares_tier1' and event_id == @LEAD").set_index("window")
    # A sector is no random sample: the naive rate is far above 5 %.
    assert (lead["rejection_rate"] > 0.25).all()
    assert lead.loc["[0, 1]", "p_value"] == lead.loc["[0, 1]", "smallest_p"]


def test_a_study_without_stored_numbers_says_what_they_need(study, tmp_path):
    bare = replace(study, path=tmp_path)
    assert stored_space(bare).empty
    (tmp_path / "placebo_in_space.csv").write_text("group,event_session\na,2019-10-28\n")
    with pytest.raises(InputError, match=r"placebo_in_space\.csv, line 1.*event_id"):
        stored_space(bare)
    kept = (EMBEDDED / "placebo_in_space.csv").read_text().splitlines(keepends=True)
    spoilt = kept[1].replace("2019-10-08", "8 October").replace("3569", "many")
    (tmp_path / "placebo_in_space.csv").write_text(kept[0] + spoilt)
    with pytest.raises(InputError) as caught:
        stored_space(bare)
    assert [(p.line, p.column, p.value) for p in caught.value.problems] == [
        (2, "event_session", "8 October"),
        (2, "n_shares", "many"),
    ]
    (tmp_path / "placebo_in_space.csv").unlink()
    os.mkfifo(tmp_path / "placebo_in_space.csv")
    with pytest.raises(InputError, match="a regular file; this is a named pipe"):
        stored_space(bare)


# --- figures -----------------------------------------------------------------------------------


def test_specification_figure_draws_every_way_once(small, curve, monkeypatch):
    monkeypatch.setattr(figures.robustness, "specification_curve", lambda *_: curve)
    # A study remembers its figures, and this one is of two windows.
    figure, frame = SPECS["specification_curve"].draw(replace(small))
    assert len(frame) == 128 + 80 + 16 + 16
    assert frame.groupby("group")["caar"].is_monotonic_increasing.all()
    drawn = sum(len(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() == "o")
    assert drawn == 16
    assert frame.groupby("group")["chosen"].sum().eq(1).all()
    assert figure.axes[0].get_ylabel() == "CAAR, log return (%)"


def test_leave_one_out_figure_names_the_asset_that_matters_most(study):
    figure, frame = SPECS["leave_one_out"].draw(study)
    assert len(frame) == 38 + 8 + 4 + 9 + 4
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert "Xunlei" in texts
    assert not texts & set(study.assets["ticker"])


def test_a_study_of_single_assets_has_nobody_to_leave_out(study):
    alone = replace(study, groups=pd.Series(study.groups.index, index=study.groups.index))
    with pytest.raises(NothingToDrawError, match="No group has two assets"):
        SPECS["leave_one_out"].draw(alone)


@pytest.mark.parametrize("window", [(0, 1), (-1, 1), (0, 5), (0, 6), (0, 9), (2, 3)])
def test_windows_of_a_market_hold_the_sums_of_their_sessions(window):
    days = pd.bdate_range("2019-01-01", periods=6)
    abnormal = pd.DataFrame(np.random.default_rng(2).normal(size=(6, 3)), days, list("ABC"))
    abnormal.iloc[3, 1] = np.nan
    found = _cumulated(abnormal, window)
    assert found.index.equals(days)
    for at in range(6):
        first, last = at + window[0], at + window[1]
        inside = first >= 0 and last < 6
        expected = abnormal.to_numpy()[first : last + 1].sum(axis=0) if inside else [np.nan] * 3
        np.testing.assert_allclose(found.iloc[at], expected, rtol=1e-12)
