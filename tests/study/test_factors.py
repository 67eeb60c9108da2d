"""Factors: what is read of a file, what becomes of it, and the regressions it enters."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from chainpolicy import cli
from chainpolicy.figures.event_study import draw_estimation_fit
from chainpolicy.prices.fetch import FetchReport, SeriesOutcome
from chainpolicy.prices.live import live_folder, write_live_study
from chainpolicy.study.factors import Factors, read_factors
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.sessions import sessions
from chainpolicy.study.study import Study, load_study, new_study
from chainpolicy.tables.estimates import excluded

FIRST, LAST = "2023-01-03", "2023-10-18"
SHARES = ["ACME", "BOLT", "CRUX", "DUNE", "ECHO"]

# As Kenneth French's pages have it: spaces, a blank name, annual returns and a copyright below.
FRENCH = """\
This file was created by CMPT_ME_BEME_RETS_DAILY using the 202309 CRSP database.
The Tbill return is the simple daily rate that, over the number of trading days
in the month, compounds to 1-month TBill rate from Ibbotson and Associates, Inc.

,Mkt-RF,SMB,HML,RF
20230103,   -0.43,   -0.04,    0.06,   0.017
20230104,    0.82,  -99.99,   -0.05,   0.017
20230105,   -1.14,    0.25,    0.93,   0.017

  Annual Factors: January-December
,Mkt-RF,SMB,HML,RF
  2022,  -21.60,   -6.82,   25.81,   1.43

Copyright 2023 Kenneth R. French
"""


def read(path: Path, **choices) -> tuple[Factors, list[tuple[int | None, str | None, str | None]]]:
    problems: list[Problem] = []
    settings = {"units": "percent", "kind": "simple", "risk_free": "RF"} | choices
    factors = read_factors(path, problems, **settings)
    return factors, [(p.line, p.column, p.value) for p in problems]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "factors.csv"
    path.write_text(text, encoding="utf-8")
    return path


# --- what is read ------------------------------------------------------------------------------


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_of_french_is_read_as_downloaded(tmp_path, line_end):
    path = tmp_path / "F-F_Research_Data_Factors_daily.CSV"
    path.write_bytes(FRENCH.replace("\n", line_end).encode())
    factors, problems = read(path)
    assert not problems
    assert factors.names == ("Mkt-RF", "SMB", "HML")
    assert list(factors.growth.index.astype(str)) == ["2023-01-03", "2023-01-04", "2023-01-05"]
    expected = np.log(1 + np.array([-0.0043, 0.0082, -0.0114]) + 0.00017)
    np.testing.assert_allclose(factors.growth["Mkt-RF"], expected, rtol=1e-12)
    np.testing.assert_allclose(factors.rate, np.log(1.00017), rtol=1e-9)
    assert list(factors.growth["SMB"].isna()) == [False, True, False]


def test_a_byte_that_is_not_utf8_is_located(tmp_path):
    path = tmp_path / "F-F.CSV"
    path.write_bytes(FRENCH.encode().replace(b"-0.43", b"\xe90.43", 1))
    _, problems = read(path)
    assert problems == [(6, "Mkt-RF", r"\xe90.43")]


def test_a_momentum_file_with_a_trailing_comma_and_no_end(tmp_path):
    text = "Missing data are indicated by -99.99 or -999.\n\n,Mom,\n20230103,-999\n20230104,0.5\n"
    factors, problems = read(write(tmp_path, text), risk_free=None)
    assert not problems
    assert factors.names == ("Mom",)
    assert np.isnan(factors.growth["Mom"].iloc[0])
    assert factors.growth["Mom"].iloc[1] == pytest.approx(np.log(1.005))


@pytest.mark.parametrize("day", ["2023-01-04", "20230104"])
def test_an_own_file_in_any_order(tmp_path, day):
    text = f"date,MKT,RF\n2023-01-05,0.01,0.0001\n{day},,0.0001\n"
    factors, problems = read(write(tmp_path, text), units="decimal")
    assert not problems
    assert list(factors.growth.index.day) == [4, 5]
    assert list(factors.growth["MKT"].isna()) == [True, False]
    assert factors.growth["MKT"].iloc[1] == pytest.approx(np.log(1.0101), rel=1e-12)


HEAD = "date,MKT,RF\n2023-01-03,0.5,0.01\n"
HERE = "preamble\n\n,MKT,RF\n20230103,0.5,0.01\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + "2023-01-04,abc,0.01\n", (3, "MKT", "abc")),
        (HEAD + '2023-01-04,"0,5",0.01\n', (3, "MKT", "0,5")),
        (HEAD + "2023-01-04,0.5,inf\n", (3, "RF", "inf")),
        (HEAD + "2023-01-04,-100,0.01\n", (3, "MKT", "-100")),
        (HEAD + "2023-01-04,-250,0.01\n", (3, "MKT", "-250")),
        (HEAD + "2023-01-04,1e300,0.01\n", (3, "MKT", "1e300")),
        (HEAD + "04/01/2023,0.5,0.01\n", (3, "date", "04/01/2023")),
        (HEAD + "202301,0.5,0.01\n", (3, "date", "202301")),
        (HEAD + "20230230,0.5,0.01\n", (3, "date", "20230230")),
        (HEAD + ",0.5,0.01\n", (3, "date", "")),
        (HEAD + "20230103,0.5,0.01\n", (3, "date", "2023-01-03")),
        (HEAD + "2023-01-04,0.5\n", (3, None, "2 fields")),
        ("day,MKT,RF\n2023-01-03,0.5,0.01\n", (1, None, "day,MKT,RF")),
        ("date\n2023-01-03\n", (1, None, None)),
        ("date,MKT,MKT\n2023-01-03,0.5,0.01\n", (1, "column 3", "MKT")),
        ("date,return\n2023-01-03,0.5\n", (1, "return", None)),
        ("", (1, None, None)),
        (HERE + "20230104,x,0.01\n", (5, "MKT", "x")),
        (HERE + "20230104,0.5\n", (5, None, "2 fields")),
        (HERE + "2023014,0.5,0.01\n20230105,0.5,0.01\n", (5, "date", "2023014")),
        (HERE + "20230103,0.5,0.01\n", (5, "date", "2023-01-03")),
        (HERE + "\nEqual weighted\n,MKT,RF\n20230103,0.5,0.01\n", (8, "date", "20230103")),
        ("text\n,MKT,RF\n202301,0.5,0.01\n", (3, "date", "202301")),
        ("text\n,MKT,,RF\n20230103,0.5,,0.01\n", (2, "column 3", "")),
    ],
)
def test_one_thing_that_is_refused(tmp_path, text, problem):
    assert read(write(tmp_path, text))[1] == [problem]


def test_percent_called_decimal_is_found(tmp_path):
    problems: list[Problem] = []
    path = write(tmp_path, HEAD + "2023-01-04,-1.14,0.017\n")
    read_factors(path, problems, units="decimal", kind="simple", risk_free="RF")
    (problem,) = problems
    assert (problem.line, problem.column, problem.value) == (3, "MKT", "-1.14")
    assert "should it be percent?" in problem.expected


def test_a_file_that_is_not_there(tmp_path):
    assert read(tmp_path / "none.csv")[1] == [(None, None, None)]
    assert read(tmp_path)[1] == [(None, None, None)]


# --- from the file's kind to the study's --------------------------------------------------------

DAYS = pd.DatetimeIndex(["2023-01-05", "2023-01-06", "2023-01-09", "2023-01-10"])
BEFORE = np.array([-1, 0, 1, 2])


def made(tmp_path, rows: str, **choices) -> Factors:
    factors, problems = read(write(tmp_path, "date,F,RF\n" + rows), **choices)
    assert not problems
    return factors


def test_a_simple_factor_in_either_kind(tmp_path):
    rows = "2023-01-06,2,0.1\n2023-01-09,-3,0.2\n2023-01-10,4,0.3\n"
    factors = made(tmp_path, rows)
    simple = factors.returns("F", DAYS, BEFORE, "simple")
    np.testing.assert_allclose(simple, [np.nan, 0.02, -0.03, 0.04], rtol=1e-12)
    log = factors.returns("F", DAYS, BEFORE, "log")
    expected = [np.nan, *np.log([1.021 / 1.001, 0.972 / 1.002, 1.043 / 1.003])]
    np.testing.assert_allclose(log, expected, rtol=1e-12)
    np.testing.assert_allclose(factors.rates(DAYS, BEFORE, "simple")[1:], [0.001, 0.002, 0.003])
    np.testing.assert_allclose(
        factors.rates(DAYS, BEFORE, "log")[1:], np.log([1.001, 1.002, 1.003]), rtol=1e-12
    )


def test_a_log_factor_in_either_kind(tmp_path):
    rows = "2023-01-06,0.02,0.001\n2023-01-09,-0.03,0.002\n2023-01-10,0.04,0.003\n"
    factors = made(tmp_path, rows, units="decimal", kind="log")
    log = factors.returns("F", DAYS, BEFORE, "log")
    np.testing.assert_allclose(log, [np.nan, 0.02, -0.03, 0.04], rtol=1e-12)
    simple = factors.returns("F", DAYS, BEFORE, "simple")
    rate = np.exp([0.001, 0.002, 0.003])
    expected = rate * (np.exp([0.02, -0.03, 0.04]) - 1)
    np.testing.assert_allclose(simple[1:], expected, rtol=1e-12)


def test_without_a_risk_free_return_the_factor_is_a_return(tmp_path):
    factors = made(tmp_path, "2023-01-06,2,0.1\n", risk_free=None)
    assert factors.names == ("F", "RF")
    assert factors.returns("F", DAYS, BEFORE, "log")[1] == pytest.approx(np.log(1.02), rel=1e-12)
    assert (factors.rates(DAYS, BEFORE, "log") == 0).all()


@pytest.mark.parametrize("kind", ["simple", "log"])
def test_over_several_sessions_a_factor_compounds(tmp_path, kind):
    rows = "2023-01-06,2,0.1\n2023-01-09,-3,0.2\n2023-01-10,4,0.3\n"
    found = made(tmp_path, rows).returns("F", DAYS, np.array([-1, 0, 0, 0]), kind)
    held, rate = 1.021 * 0.972 * 1.043, 1.001 * 1.002 * 1.003
    expected = held - rate if kind == "simple" else np.log(held / rate)
    assert found[3] == pytest.approx(expected, rel=1e-12)


def test_a_session_without_a_value_has_none_and_a_day_between_sessions_counts(tmp_path):
    rows = "2023-01-06,,0.1\n2023-01-07,1,0.1\n2023-01-09,2,0.1\n2023-01-10,4,0.3\n"
    found = made(tmp_path, rows).returns("F", DAYS, BEFORE, "simple")
    assert np.isnan(found[1])
    assert found[2] == pytest.approx(1.011 * 1.021 - 1.001**2, rel=1e-12)
    assert found[3] == pytest.approx(0.04, rel=1e-12)
    over_the_gap = made(tmp_path, rows).returns("F", DAYS, np.array([-1, 0, 0, 1]), "simple")
    assert np.isnan(over_the_gap[2])
    assert np.isfinite(over_the_gap[3])


# --- in a study --------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path) -> Path:
    """The template with three factors in percent, a third of whose moves the shares share."""
    folder = new_study(tmp_path / "study")
    days = sessions("XNYS", FIRST, LAST)
    prices = pd.read_csv(folder / "prices.csv", parse_dates=["date"])
    index = prices[prices["ticker"] == "INDEX"].set_index("date")["close"].reindex(days)
    rng = np.random.default_rng(7)
    rate = rng.uniform(0.01, 0.03, len(days)).round(3)
    factors = pd.DataFrame(
        {
            "Mkt-RF": 100 * index.pct_change().to_numpy() - rate,
            "SMB": rng.normal(0, 0.6, len(days)).round(2),
            "HML": rng.normal(0, 0.8, len(days)).round(2),
            "RF": rate,
        },
        index=days.strftime("%Y%m%d"),
    )
    body = factors.to_csv(header=False, lineterminator="\n")
    (folder / "ff.csv").write_text(
        f"A preamble, with a comma.\n\n,Mkt-RF,SMB,HML,RF\n{body}\nCopyright\n", encoding="utf-8"
    )
    text = (folder / "study.toml").read_text(encoding="utf-8")
    block = '[factors]\nfile = "ff.csv"\nunits = "percent"\nrisk_free = "RF"\n\n[returns]'
    (folder / "study.toml").write_text(text.replace("[returns]", block, 1), encoding="utf-8")
    return folder


def set_benchmarks(folder: Path, **benchmarks: str) -> None:
    assets = pd.read_csv(folder / "assets.csv", keep_default_na=False).set_index("ticker")
    for ticker, names in benchmarks.items():
        assets.loc[ticker, "benchmark"] = names
    assets.to_csv(folder / "assets.csv")


def set_value(folder: Path, old: str, new: str) -> None:
    text = (folder / "study.toml").read_text(encoding="utf-8")
    # At the start of a line: the template has these keys in comments, too.
    assert text.count(f"\n{old}") == 1
    text = text.replace(f"\n{old}", f"\n{new}")
    (folder / "study.toml").write_text(text, encoding="utf-8")


def regression(study: Study, folder: Path, ticker: str, event_id: str, kind: str):
    """Estimate by statsmodels, from the two files alone."""
    prices = pd.read_csv(folder / "prices.csv", parse_dates=["date"])
    close = prices[prices["ticker"] == ticker].set_index("date")["close"]
    lines = (folder / "ff.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines if line[:8].isdigit()]
    percent = pd.DataFrame(rows).set_index(0).replace("", "nan").astype(float) / 100
    percent.index = pd.to_datetime(percent.index)
    percent.columns = ["Mkt-RF", "SMB", "HML", "RF"]
    rate = percent.pop("RF")
    if kind == "simple":
        excess, factors = close.pct_change() - rate, percent
    else:
        excess = np.log(close).diff() - np.log1p(rate)
        factors = np.log1p(percent.add(rate, axis=0)).sub(np.log1p(rate), axis=0)
    used = study.results.residuals
    used = used[(used["ticker"] == ticker) & (used["event_id"] == event_id)]["session"]
    design = sm.add_constant(factors)
    fitted = sm.OLS(excess.loc[used], design.loc[used]).fit()
    return fitted, excess, excess - design @ fitted.params


@pytest.mark.parametrize("kind", ["log", "simple"])
def test_a_factor_regression_is_that_of_statsmodels(folder, kind):
    set_benchmarks(folder, **dict.fromkeys(SHARES, "Mkt-RF;SMB;HML"))
    set_value(folder, 'kind = "log"', f'kind = "{kind}"')
    study = load_study(folder)
    fitted, excess, abnormal = regression(study, folder, "ACME", "rule-announced", kind)
    coefficients = study.results.coefficients
    own = coefficients[
        (coefficients["ticker"] == "ACME") & (coefficients["event_id"] == "rule-announced")
    ]
    assert list(own["term"]) == ["alpha", "Mkt-RF", "SMB", "HML"]
    np.testing.assert_allclose(own["estimate"], fitted.params, rtol=1e-9)
    np.testing.assert_allclose(own["std_error"], fitted.bse, rtol=1e-9)
    found = study.results.abnormal_returns
    found = found[(found["ticker"] == "ACME") & (found["event_id"] == "rule-announced")]
    found = found.set_index("session")
    np.testing.assert_allclose(found["abnormal"], abnormal[found.index], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["actual"], excess[found.index], rtol=0, atol=1e-12)


@pytest.mark.parametrize("gaps", ["drop", "span"])
@pytest.mark.parametrize("kind", ["log", "simple"])
def test_the_market_less_risk_free_is_the_index_in_excess(folder, kind, gaps):
    prices = pd.read_csv(folder / "prices.csv")
    gap = (prices["ticker"] == "ACME") & prices["date"].between("2023-05-15", "2023-05-17")
    prices[~gap].to_csv(folder / "prices.csv", index=False)
    set_value(folder, 'kind = "log"', f'kind = "{kind}"')
    set_value(folder, 'gaps = "drop"', f'gaps = "{gaps}"')
    by_index = load_study(folder)
    set_benchmarks(folder, **dict.fromkeys(SHARES, "Mkt-RF"))
    by_factor = load_study(folder)
    ours = by_factor.returns[by_factor.returns["ticker"] != "COIN"]
    theirs = by_index.returns[by_index.returns["ticker"] != "COIN"]
    np.testing.assert_allclose(ours["return"], theirs["return"], rtol=0, atol=1e-15)
    np.testing.assert_allclose(ours["Mkt-RF"], theirs["INDEX"], rtol=0, atol=1e-12)
    spanned = ours[ours["n_sessions"] == 4]
    assert len(spanned) == (1 if gaps == "span" else 0)
    car = by_factor.results.car((0, 1))
    np.testing.assert_allclose(car["car"], by_index.results.car((0, 1))["car"], rtol=0, atol=1e-12)


def test_prices_and_factors_together(folder):
    set_benchmarks(folder, ACME="INDEX;HML")
    study = load_study(folder)
    assert study.benchmarks["ACME"] == ("INDEX", "HML")
    terms = study.results.coefficients.groupby("ticker")["term"].unique()
    assert list(terms["ACME"]) == ["alpha", "INDEX", "HML"]
    assert list(terms["BOLT"]) == ["alpha", "INDEX"]


def test_a_figure_calls_a_factor_by_its_name(folder):
    set_benchmarks(folder, **dict.fromkeys(SHARES, "INDEX;SMB"))
    figure, _ = draw_estimation_fit(load_study(folder))
    under = [label.get_text() for ax in figure.axes for label in ax.get_xticklabels()]
    assert "SMB" in under


def test_without_a_risk_free_return_nothing_is_in_excess(folder):
    raw = load_study(new_study(folder.parent / "raw")).returns["return"]
    in_excess = load_study(folder).returns["return"]
    set_value(folder, 'risk_free = "RF"\n', "")
    set_benchmarks(folder, ACME="INDEX;SMB")
    np.testing.assert_array_equal(load_study(folder).returns["return"], raw)
    assert (in_excess - raw).abs().max() > 1e-5


def test_a_coin_keeps_its_weekends(folder):
    raw = load_study(new_study(folder.parent / "raw")).returns
    found = load_study(folder).returns
    coin = found["ticker"] == "COIN"
    np.testing.assert_array_equal(found.loc[coin, "return"], raw.loc[coin, "return"])


def test_a_session_without_a_value_is_counted_and_its_windows_are_excluded(folder, capsys):
    set_benchmarks(folder, **dict.fromkeys(SHARES, "Mkt-RF;SMB"))
    path = folder / "ff.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    # One day of the estimation window, and the session after the announcement.
    for day in ("20230515", "20230714"):
        (place,) = [n for n, line in enumerate(lines) if line.startswith(day)]
        fields = lines[place].split(",")
        lines[place] = ",".join([*fields[:2], "-99.99", *fields[3:]])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    study = load_study(folder)
    assert cli.main(["check", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "ff.csv: SMB has no value on 2 of 200 sessions of XNYS, first on 2023-05-15" in said
    table = excluded(study, study.results)
    lost = table[(table["event_id"] == "rule-announced") & (table["ticker"] == "ACME")]
    assert "[0, 1]" in set(lost["window"])
    used = study.results.residuals
    assert pd.Timestamp("2023-05-15") not in set(used[used["ticker"] == "ACME"]["session"])
    immediate = study.results.car((0, 0))
    assert (immediate["event_id"] == "rule-announced").sum() == len(SHARES) + 1


@pytest.mark.parametrize(
    ("old", "new", "key", "value"),
    [
        ('units = "percent"\n', "", "factors.units", None),
        ('units = "percent"', 'units = "bp"', "factors.units", "bp"),
        ('risk_free = "RF"', 'risk_free = "Rf"', "factors.risk_free", "Rf"),
        ('file = "ff.csv"\nunits = "percent"\n', "", "factors.risk_free", "RF"),
        ('risk_free = "RF"', 'kind = "percent"', "factors.kind", "percent"),
    ],
)
def test_one_key_that_is_refused(folder, old, new, key, value):
    set_value(folder, old, new)
    with pytest.raises(InputError) as error:
        load_study(folder)
    assert [(p.file, p.column, p.value) for p in error.value.problems] == [
        ("study.toml", key, value)
    ]


def test_a_misspelt_factor_is_guessed(folder):
    set_benchmarks(folder, ACME="MKT-RF;SMB", BOLT="RF")
    with pytest.raises(InputError) as error:
        load_study(folder)
    found = [(p.file, p.line, p.column, p.value) for p in error.value.problems]
    assert found == [
        ("assets.csv", 2, "benchmark", "MKT-RF;SMB"),
        ("assets.csv", 3, "benchmark", "RF"),
    ]
    assert 'did you mean "Mkt-RF"?' in error.value.problems[0].expected


def test_a_factor_that_is_named_twice_is_the_only_thing_refused(folder):
    set_benchmarks(folder, **dict.fromkeys(SHARES, "Mkt-RF;SMB"))
    path = folder / "ff.csv"
    path.write_text(path.read_text().replace(",HML,", ",SMB,", 1))
    with pytest.raises(InputError) as error:
        load_study(folder)
    assert [(p.file, p.line, p.value) for p in error.value.problems] == [("ff.csv", 3, "SMB")]


def test_a_ticker_and_a_factor_of_one_name_are_refused(folder):
    path = folder / "ff.csv"
    path.write_text(path.read_text().replace(",Mkt-RF,", ",ACME,", 1))
    with pytest.raises(InputError) as error:
        load_study(folder)
    (problem,) = error.value.problems
    assert (problem.file, problem.column, problem.value) == ("assets.csv", "ticker", "ACME")


def test_factors_of_other_years_are_refused(folder):
    set_benchmarks(folder, ACME="SMB")
    path = folder / "ff.csv"
    path.write_text(path.read_text().replace("\n2023", "\n2013"))
    with pytest.raises(InputError) as error:
        load_study(folder)
    assert [(p.file, p.column) for p in error.value.problems] == [
        ("ff.csv", "SMB"),
        ("ff.csv", "RF"),
    ]


def test_the_file_is_part_of_the_study(folder):
    before = load_study(folder)
    assert folder / "ff.csv" in before.files
    with (folder / "ff.csv").open("a", encoding="utf-8") as stream:
        stream.write("x\n")
    assert load_study(folder).checksum != before.checksum


def test_a_live_copy_carries_factors_and_corrections_along(folder, tmp_path):
    """Wherever they lie; and an asset with factors alone needs no price but its own."""
    set_benchmarks(folder, **dict.fromkeys(SHARES, "Mkt-RF;SMB"))
    (folder / "calendars.csv").write_text("calendar,date,hours\nXNYS,2023-05-20,open\n")
    (folder / "ff.csv").rename(tmp_path / "ff.csv")
    set_value(folder, 'file = "ff.csv"', 'file = "../ff.csv"')
    study = load_study(folder)
    outcomes = tuple(
        SeriesOutcome(
            ticker, group, "lost" if ticker == "INDEX" else "downloaded", "",
            study.prices.loc[
                (study.prices["ticker"] == ticker) & (ticker != "INDEX"), ["date", "close"]
            ],
            0, downloaded_at=datetime(2024, 1, 1, tzinfo=UTC),
        )
        for ticker, group in study.assets[["ticker", "group"]].itertuples(index=False)
    )  # fmt: skip
    report = FetchReport(outcomes, (), "", study.end.date())
    target = live_folder(folder, tmp_path / "output", study.files)
    write_live_study(folder, target, report, study.assets)
    copy = load_study(target)
    assert set(copy.groups.index) == {*SHARES, "COIN"}
    assert target / "ff.csv" in copy.files
    assert copy.corrections == study.corrections != ()
    np.testing.assert_array_equal(copy.returns["SMB"], study.returns["SMB"])
