"""Donor portfolios by hand, against other software, and those of the embedded study once more."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from chainpolicy import cli
from chainpolicy.checks import donor_portfolios, donors_of_study
from chainpolicy.checks.donors import SHARE_COLUMNS
from chainpolicy.study.problems import InputError
from chainpolicy.study.study import EMBEDDED
from places import SHARED

PANEL = SHARED / "prices" / "ashare_panel.parquet"
DAYS = pd.bdate_range("2019-01-01", periods=5)
# Four sessions estimate. The market is m = 1, -1, 1, -1 %; a share is b m + s u with
# u = 1, 1, -1, -1 %. The b of the six average 1 and their s add up to 0: their mean is m.
SHARES = {
    "600001.SS": (0.5, 1.0),
    "600002.SS": (1.0, -2.0),
    "600003.SS": (1.5, 3.0),
    "300001.SZ": (0.5, -3.0),
    "300002.SZ": (1.0, 2.0),
    "300003.SZ": (1.5, -1.0),
}
BOARD = pd.Series(["SSE"] * 3 + ["CHINEXT"] * 3, index=list(SHARES))


@pytest.fixture
def returns() -> pd.DataFrame:
    m, u = np.array([1.0, -1, 1, -1, 2]), np.array([1.0, 1, -1, -1, 0])
    return pd.DataFrame({name: (b * m + s * u) / 100 for name, (b, s) in SHARES.items()}, DAYS)


def test_shares_are_sorted_by_board_beta_and_deviation(returns):
    table = donor_portfolios(returns, DAYS[:4], BOARD)
    wide = table.pivot_table(index="date", columns="portfolio", values="return")
    # |s| is the deviation: 1, 2, 3 among the first three shares, 3, 2, 1 among the others.
    cells = ["SSE_B1_V1", "SSE_B2_V2", "SSE_B3_V3"]
    cells += ["CHINEXT_B1_V3", "CHINEXT_B2_V2", "CHINEXT_B3_V1"]
    assert set(wide) == {*cells, "MARKET_EW"}
    for cell, share in zip(cells, SHARES, strict=True):
        np.testing.assert_allclose(wide[cell], returns[share])
    np.testing.assert_allclose(wide["MARKET_EW"], [0.01, -0.01, 0.01, -0.01, 0.02])
    assert (table.loc[table["portfolio"] == "MARKET_EW", "n_stocks"] == 6).all()
    assert table.columns.tolist() == ["date", "portfolio", "return", "n_stocks"]
    assert table["portfolio"].is_monotonic_increasing


def test_a_share_without_a_return_is_left_out_of_its_session(returns):
    returns.loc[DAYS[4], "600003.SS"] = np.nan
    table = donor_portfolios(returns, DAYS[:4], BOARD)
    last = table[table["date"] == DAYS[4]].set_index("portfolio")
    # The b of the five others are .5, 1, .5, 1 and 1.5: 4.5 / 5 times 2 %.
    assert last.loc["MARKET_EW", "return"] == pytest.approx(0.018)
    assert last.loc["MARKET_EW", "n_stocks"] == 5
    assert "SSE_B3_V3" not in last.index


def test_a_share_without_a_board_or_an_estimation_session_is_no_donor(returns):
    plain = donor_portfolios(returns, DAYS[:4], BOARD)
    board = pd.concat([BOARD, pd.Series({"688001.SS": None, "600004.SS": "SSE"})])
    more = returns.assign(**{"688001.SS": 0.05, "600004.SS": [0.1, np.nan, 0.1, 0.1, 0.1]})
    pd.testing.assert_frame_equal(donor_portfolios(more, DAYS[:4], board), plain)


def test_thirds_are_of_equal_size_and_by_regression():
    rng = np.random.default_rng(1)
    days = pd.bdate_range("2019-01-01", periods=60)
    names = [f"{600000 + i}.SS" for i in range(31)]
    m = rng.normal(0, 0.02, 60)
    returns = pd.DataFrame(
        {name: rng.uniform(0.5, 2) * m + rng.normal(0, rng.uniform(0.01, 0.05), 60)
         for name in names}, days
    )  # fmt: skip
    table = donor_portfolios(returns, days[:50], pd.Series("SSE", index=names))
    design = sm.add_constant(returns.mean(axis=1)[:50])
    fits = {name: sm.OLS(returns[name][:50], design).fit() for name in names}
    order = {
        "B": sorted(names, key=lambda name: fits[name].params.iloc[1]),
        "V": sorted(names, key=lambda name: fits[name].mse_resid),
    }
    highest = set(order["B"][21:]) & set(order["V"][21:])
    found = table[table["portfolio"] == "SSE_B3_V3"].set_index("date")
    assert (found["n_stocks"] == len(highest)).all()
    np.testing.assert_allclose(found["return"], returns[sorted(highest)].mean(axis=1))
    on_a_day = table[(table["date"] == days[0]) & (table["portfolio"] != "MARKET_EW")]
    third = on_a_day["portfolio"].str[4:6]
    assert on_a_day.groupby(third)["n_stocks"].sum().tolist() == [11, 10, 10]


@pytest.fixture(scope="module")
def shares(study) -> pd.DataFrame:
    """A panel of the study's days: 24 donors, one treated share, one once under special treatment,
    one suspended for a session before the estimation window."""
    rng = np.random.default_rng(2)
    days = pd.DatetimeIndex(study.returns.query("ticker == '600570.SS'")["session"])
    days = days.insert(0, days[0] - pd.Timedelta(days=10))
    names = [f"{code}{800 + i}.X" for i in range(6) for code in ("600", "000", "002", "300")]
    rows = [
        pd.DataFrame(
            {
                "date": days,
                "ticker": name,
                "pct_change": rng.normal(0, 2, len(days)),
                "trading": 1,
                "st": 0,
            }
        )
        for name in [*names, "600570.SS", "600999.X"]
    ]
    panel = pd.concat(rows, ignore_index=True)
    panel.loc[(panel["ticker"] == "600999.X") & (panel["date"] == days[3]), "st"] = 1
    panel.loc[(panel["ticker"] == names[0]) & (panel["date"] == days[5]), "trading"] = 0
    return panel


def test_donors_of_a_study_are_neither_its_assets_nor_special(study, shares):
    table = donors_of_study(study, shares).set_index(["portfolio", "date"])
    wide = shares.pivot_table(index="date", columns="ticker", values="pct_change") / 100
    suspended = wide.columns[wide.columns.str.endswith("800.X")][3]
    donors = wide.drop(columns=["600570.SS", "600999.X"])
    market = table.loc["MARKET_EW"]
    # From the first day of the study on: the session before it is in the panel.
    assert market.index[0] == study.start
    assert (market["n_stocks"].drop(donors.index[[5, 6]]) == 24).all()
    # Suspended on one session, without a return of one session on the next.
    day = donors.index[6]
    assert suspended == "600800.X"
    assert market.loc[day, "n_stocks"] == 23
    assert market.loc[day, "return"] == pytest.approx(
        donors.loc[day].drop("600800.X").mean(), rel=1e-9
    )


def test_a_panel_that_has_nothing_to_do_with_the_study_is_refused(study, shares):
    with pytest.raises(InputError, match="at least one asset of the study"):
        donors_of_study(study, shares[shares["ticker"] != "600570.SS"])
    with pytest.raises(InputError, match="at least one share outside the study, never under"):
        donors_of_study(study, shares[shares["ticker"].isin(["600570.SS", "600999.X"])])


@pytest.fixture
def read_before(study, monkeypatch) -> None:
    """Let commands have the embedded study as it was read, and estimated, before."""
    monkeypatch.setattr("chainpolicy.study.load_study", {None: study}.__getitem__)


@pytest.mark.usefixtures("read_before")
def test_the_command_writes_what_the_function_finds(study, shares, tmp_path, capsys):
    shares.to_parquet(tmp_path / "panel.parquet")
    target = tmp_path / "donors.csv"
    assert cli.main(["donors", str(tmp_path / "panel.parquet"), "--output", str(target)]) == 0
    assert 'market = "MARKET_EW" under [donors]' in capsys.readouterr().err
    written = pd.read_csv(target, parse_dates=["date"])
    pd.testing.assert_frame_equal(
        written, donors_of_study(study, shares), atol=6e-7, rtol=0, check_dtype=False
    )
    assert cli.main(["donors", str(tmp_path / "panel.parquet")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "date\tportfolio\treturn\tn_stocks"


def test_the_command_says_what_is_wrong_with_its_files(shares, tmp_path, capsys):
    shares.drop(columns="st").to_parquet(tmp_path / "panel.parquet")
    assert cli.main(["donors", str(tmp_path / "panel.parquet")]) == 2
    assert f"a Parquet file with {', '.join(SHARE_COLUMNS)}" in capsys.readouterr().err
    assert cli.main(["donors", str(tmp_path / "none.parquet"), "--output", "x.txt"]) == 2
    assert "ends with .csv" in capsys.readouterr().err


@pytest.mark.usefixtures("read_before")
def test_the_donors_of_the_embedded_study_are_those_of_the_panel(tmp_path):
    """The whole file again, and two of its numbers by other means."""
    if not PANEL.is_file():
        pytest.skip(f"needs the daily returns of all A-shares, {PANEL.name}")
    target = tmp_path / "donors.csv"
    assert cli.main(["donors", str(PANEL), "--output", str(target)]) == 0
    stored = EMBEDDED / "donors.csv"
    assert (
        hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(stored.read_bytes()).digest()
    )


def test_the_equal_weighted_market_fell_while_the_indices_were_flat(study):
    """About 4 log % over 11 sessions; half a cross-sectional variance less than the mean log."""
    market = study.donors.returns["MARKET_EW"]["2019-10-28":].iloc[:11]
    assert market.index[-1] == pd.Timestamp("2019-11-11")
    assert 100 * np.log1p(market).sum() == pytest.approx(-4.0, abs=0.3)
