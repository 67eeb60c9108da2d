"""Own regressors: other software, brute force over assets, and what a folder says of them."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from chainpolicy import cli
from chainpolicy.checks.randomization import wild_bootstrap_p_value
from chainpolicy.estimators import AbsorbedError, CrossSection, cross_sections
from chainpolicy.estimators.cross_section import covariate_data
from chainpolicy.study import load_study, new_study
from chainpolicy.study.problems import InputError
from chainpolicy.study.regressors import Regressor

SURPRISE = np.array([0.4, -1.3, 2.2, 0.9, -0.7, 0.1, 1.6])
SIZE = np.array([1.5, 2.0, 2.2, 3.1, 4.7, 5.5])


def panel(seed: int = 0) -> pd.DataFrame:
    """CARs of six assets at seven events, with effects of surprise and of size."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "event_id": f"e{k}",
            "ticker": f"A{i}",
            "surprise": surprise,
            "log_size": size,
            "car": 0.01 * surprise - 0.004 * size + rng.normal(0, 0.01),
        }
        for k, surprise in enumerate(SURPRISE)
        for i, size in enumerate(SIZE)
    ]
    return pd.DataFrame(rows).drop(index=3).reset_index(drop=True)


# --- one regression ----------------------------------------------------------------------------


def test_a_number_per_event_is_the_regression_with_dummies():
    data = panel()
    found = CrossSection(data, "surprise").fit(draws=99)
    theirs = smf.ols("car ~ surprise + C(ticker)", data).fit()
    assert found.estimate == pytest.approx(theirs.params["surprise"], rel=1e-9)
    assert (found.unit, found.effects) == ("event", ("asset",))
    # The mean is 0.457: two thirds of the positive ones lie above it.
    assert (found.n_supportive, found.n_restrictive, found.n_neutral) == (3, 4, 0)
    assert found.n_assignments == 5040


def test_a_number_per_asset_is_the_regression_with_event_dummies():
    data = panel()
    found = CrossSection(data, None, exposure="log_size").fit(draws=99)
    theirs = smf.ols("car ~ log_size + C(event_id)", data).fit()
    assert found.estimate == pytest.approx(theirs.params["log_size"], rel=1e-9)
    assert (found.unit, found.effects, found.regressor) == ("asset", ("event",), "log_size")
    assert (found.n_supportive, found.n_restrictive) == (2, 4)
    assert np.isnan(found.p_permutation)
    assert "2 above and 4 below the mean over assets" in found.note


def with_median_size(data: pd.DataFrame) -> pd.DataFrame:
    sizes = {f"A{i}": size for i, size in enumerate([1.5, 2.0, 2.2, 4.1, 4.7, 5.5])}
    return data.assign(log_size=data["ticker"].map(sizes))


def test_a_number_per_asset_is_permuted_over_assets_and_one_asset_is_left_out():
    data = with_median_size(panel())
    found = CrossSection(data, None, exposure="log_size").fit(draws=99)
    tickers = sorted(data["ticker"].unique())
    values = data.groupby("ticker")["log_size"].first()
    events = pd.get_dummies(data["event_id"]).to_numpy(float)

    def slope(rows: pd.DataFrame, dummies: np.ndarray, size: pd.Series) -> float:
        design = np.column_stack([size, dummies])
        return np.linalg.lstsq(design, rows["car"].to_numpy(), rcond=None)[0][0]

    sizes = [
        abs(slope(data, events, data["ticker"].map(dict(zip(tickers, order, strict=True)))))
        for order in permutations(values)
    ]
    assert found.n_assignments == len(sizes) == 720
    expected = np.mean(np.array(sizes) >= abs(found.estimate) - 1e-12)
    assert found.p_permutation == pytest.approx(expected)
    without = [
        slope(data[kept], events[kept], data.loc[kept, "log_size"])
        for kept in (data["ticker"] != name for name in tickers)
    ]
    assert (found.lowest, found.highest) == pytest.approx((min(without), max(without)))


def test_a_number_per_asset_is_bootstrapped_by_asset():
    data = with_median_size(panel())
    found = CrossSection(data, None, exposure="log_size").fit(draws=199, seed=3)
    events = pd.get_dummies(data["event_id"]).to_numpy(float)
    basis = np.linalg.qr(events)[0]
    asset = pd.factorize(data["ticker"], sort=True)[0]
    car, size = data["car"].to_numpy(), data["log_size"].to_numpy()
    outcome, regressor = car - basis @ (basis.T @ car), size - basis @ (basis.T @ size)
    # All 720 assignments are looked at, so that the first draws are those of the bootstrap.
    expected = wild_bootstrap_p_value(
        regressor, outcome, basis, asset, draws=199, rng=np.random.default_rng(3)
    )
    assert found.p_bootstrap == pytest.approx(expected)


@pytest.mark.parametrize("unit", [1e-7, 1e7])
def test_the_unit_of_a_regressor_moves_no_p_value(unit):
    data = panel()
    found = CrossSection(data, "surprise").fit(draws=99)
    scaled = CrossSection(data.assign(surprise=unit * data["surprise"]), "surprise").fit(draws=99)
    assert scaled.p_permutation == pytest.approx(found.p_permutation)
    assert scaled.p_bootstrap == pytest.approx(found.p_bootstrap)
    assert unit * scaled.estimate == pytest.approx(found.estimate)


def test_permuting_assets_keeps_its_size():
    """No effect of size, shocks that the assets of an event share: rejects at its level."""
    rng = np.random.default_rng(11)
    data = with_median_size(panel())
    draws, rejected = 200, 0
    for _ in range(draws):
        shock = dict(zip(data["event_id"].unique(), rng.normal(0, 0.05, 7), strict=True))
        own = dict(zip(data["ticker"].unique(), rng.normal(0, 0.02, 6), strict=True))
        noise = rng.normal(0, 0.01, len(data))
        car = data["event_id"].map(shock) + data["ticker"].map(own) + noise
        found = CrossSection(data.assign(car=car), None, exposure="log_size").fit(draws=9)
        rejected += found.p_permutation <= 0.1
    assert rejected / draws == pytest.approx(0.1, abs=3.5 * np.sqrt(0.1 * 0.9 / draws))


def test_absorbed_regressors_are_errors_in_plain_words():
    data = panel()
    with pytest.raises(AbsorbedError, match="log_size is the same at all events of an asset"):
        CrossSection(data, None, exposure="log_size", effects=("asset",)).fit()
    with pytest.raises(AbsorbedError, match="one does not differ between the assets"):
        CrossSection(data.assign(one=1.0), None, exposure="one").fit()
    with pytest.raises(AbsorbedError, match="surprise is the same for all assets of an event"):
        CrossSection(data, "surprise", effects=("asset", "event")).fit()
    with pytest.raises(AbsorbedError, match="no row has a CAR and a value of none"):
        CrossSection(data.assign(none=np.nan), "none").fit()
    with pytest.raises(ValueError, match="name a stance, an exposure, or both"):
        CrossSection(data, None)


# --- in a study --------------------------------------------------------------------------------

EVENTS = """\
event_id,announced_at,stance_blockchain,stance_crypto,salience,surprise,in_sample,reason
a,2023-06-15,1,0,1,0.5,yes,
b,2023-06-27,-1,0,2,-1.5,yes,
c,2023-07-10,1,1,1,2.0,yes,
d,2023-07-20,-1,1,3,,yes,
e,2023-08-01,1,0,2,0.25,yes,
f,2023-08-14,-1,-1,1,-0.75,yes,
g,2023-08-14,1,-1,1,1.25,yes,
h,2023-08-24,0,1,1,1,yes,
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = new_study(tmp_path / "study")
    (folder / "events.csv").write_text(EVENTS, encoding="utf-8")
    assets = pd.read_csv(folder / "assets.csv", keep_default_na=False)
    size = {"ACME": "1.5", "BOLT": "2.5", "CRUX": "4", "DUNE": "3", "ECHO": "5.25"}
    beta = {"ACME": "0.2", "BOLT": "0.9", "CRUX": "0.4", "DUNE": "", "ECHO": "0.7"}
    assets["log_size"] = assets["ticker"].map(size).fillna("")
    assets["beta_btc"] = assets["ticker"].map(beta).fillna("")
    assets.to_csv(folder / "assets.csv", index=False)
    return folder


def name_regressors(folder: Path, *regressors: str) -> None:
    with (folder / "study.toml").open("a", encoding="utf-8") as stream:
        stream.write(f"\n[cross_section]\nregressors = {list(regressors)!r}\n".replace("'", '"'))


def test_a_study_is_regressed_on_what_it_names(folder):
    name_regressors(folder, "stance_blockchain * beta_btc", "log_size", "surprise")
    study = load_study(folder)
    assert study.regressors == (
        Regressor(("stance_blockchain",), ("beta_btc",)),
        Regressor((), ("log_size",)),
        Regressor(("surprise",), ()),
    )
    table = cross_sections(study, (0, 0)).tidy()
    assert set(table["regressor"]) == {"stance_blockchain x beta_btc", "log_size", "surprise"}
    alone = set(table.loc[table["regressor"] == "surprise", "sample"])
    assert alone == set(load_study(folder).groups) | {"all on XNYS"}

    # By hand: the CARs of the shares, one cluster for the two events of 14 August.
    car = study.results.car((0, 0))
    events = pd.read_csv(folder / "events.csv").set_index("event_id")
    assets = pd.read_csv(folder / "assets.csv").set_index("ticker")
    data = car[(car["ticker"] != "COIN") & (car["event_id"] != "g")].copy()
    of_f = events["surprise"].where(events.index != "f", (-0.75 + 1.25) / 2)
    data["surprise"] = data["event_id"].map(of_f)
    stance = events["stance_blockchain"].where(events.index != "f", 0)
    data["x"] = data["event_id"].map(stance) * data["ticker"].map(assets["beta_btc"])
    data["log_size"] = data["ticker"].map(assets["log_size"])
    together = table[table["sample"] == "all on XNYS"].set_index("regressor")
    for regressor, formula, name in (
        ("surprise", "car ~ surprise + C(ticker)", "surprise"),
        ("stance_blockchain x beta_btc", "car ~ x + C(ticker) + C(event_id)", "x"),
        ("log_size", "car ~ log_size + C(event_id)", "log_size"),
    ):
        rows = data.dropna(subset=[name])
        theirs = smf.ols(formula, rows).fit()
        assert together.loc[regressor, "estimate"] == pytest.approx(theirs.params[name], rel=1e-8)
        assert together.loc[regressor, "n_obs"] == len(rows)
    assert together["unit"].to_dict() == {
        "stance_blockchain x beta_btc": "event",
        "log_size": "asset",
        "surprise": "event",
    }
    assert together.loc["stance_blockchain x beta_btc", "n_assets"] == 4
    assert together.loc["surprise", "n_events"] == 6


def test_products_of_several_columns_and_the_sum_of_both_stances(folder):
    name_regressors(folder, "stance * salience * log_size*beta_btc")
    study = load_study(folder)
    (regressor,) = study.regressors
    assert str(regressor) == "stance * salience * log_size * beta_btc"
    data = covariate_data(study, study.results, (0, 0))
    acme = data[data["ticker"] == "ACME"].set_index("event_id")
    assert acme["log_size * beta_btc"].unique() == pytest.approx([1.5 * 0.2])
    # Signs of a sum times mean salience: c 2 x 1, d 0 x 3, f with g -2 + 0 x 1, h 1 x 1.
    products = acme["stance * salience"]
    assert products[["a", "b", "c", "d", "f", "h"]].tolist() == [1, -2, 1, 0, -1, 1]
    assert data.loc[data["ticker"] == "DUNE", "log_size * beta_btc"].isna().all()


def test_what_is_absorbed_keeps_its_place_with_the_reason(folder):
    text = (folder / "assets.csv").read_text(encoding="utf-8")
    assets = pd.read_csv(folder / "assets.csv", keep_default_na=False)
    assert "log_size" in text
    assets["log_size"] = assets["log_size"].mask(assets["log_size"] != "", "2")
    assets.to_csv(folder / "assets.csv", index=False)
    name_regressors(folder, "log_size")
    table = cross_sections(load_study(folder), (0, 0))
    assert table.tidy()["estimate"].isna().all()
    assert table.tidy()["note"].str.contains("does not differ between the assets").all()
    assert "nothing is left to compare" in table.summary().note


def test_the_command_reports_them_and_check_no_longer_ignores_them(folder, capsys):
    name_regressors(folder, "surprise * log_size")
    assert cli.main(["check", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "surprise" not in said
    assert "name as regressors: beta_btc" in said


@pytest.mark.parametrize(
    ("regressor", "hint"),
    [
        ("log_sise", 'did you mean "log_size"?'),
        ("stance_crypto * bta_btc", '"bta_btc" is none of them; did you mean "beta_btc"?'),
        ("log_size *", "names of columns joined by"),
        ("name", 'events.csv and assets.csv both have "name"'),
        ("ticker", '"ticker" is none of them'),
        ("benchmark", '"benchmark" is none of them'),
    ],
)
def test_a_regressor_that_cannot_be_used_is_refused_with_its_place(folder, regressor, hint):
    text = (folder / "events.csv").read_text(encoding="utf-8")
    (folder / "events.csv").write_text(text.replace("event_id,", "event_id,name,", 1).replace(
        ",2023", ",x,2023"), encoding="utf-8")  # fmt: skip
    name_regressors(folder, "surprise", regressor)
    with pytest.raises(InputError) as error:
        load_study(folder)
    (problem,) = error.value.problems
    assert (problem.file, problem.column, problem.value) == (
        *("study.toml", "cross_section.regressors"),
        regressor,
    )
    lines = (folder / "study.toml").read_text(encoding="utf-8").splitlines()
    assert lines[problem.line - 1].startswith("regressors = ")
    assert hint in problem.expected


def test_one_regressor_twice_is_refused(folder):
    name_regressors(folder, "log_size*surprise", "surprise * log_size")
    with pytest.raises(InputError, match="each regressor once"):
        load_study(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("assets.csv", ",5.25,", ",big,", ("assets.csv", "log_size", "big")),
        ("assets.csv", ",5.25,", ",5;25,", ("assets.csv", "log_size", "5;25")),
        ("events.csv", ",-1.5,", ",nan,", ("events.csv", "surprise", "nan")),
        ("events.csv", ",-1.5,", ",1e999,", ("events.csv", "surprise", "1e999")),
    ],
)
def test_a_cell_that_is_no_number_is_refused_with_its_place(folder, file, old, new, problem):
    name_regressors(folder, "surprise * log_size")
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    line = text[: text.index(old)].count("\n") + 1
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_study(folder)
    (found,) = error.value.problems
    assert (found.file, found.column, found.value, found.line) == (*problem, line)


def test_columns_that_no_regressor_names_are_not_looked_at(folder):
    path = folder / "assets.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",5.25,", ",big,"), encoding="utf-8")
    assert load_study(folder).regressors == ()


@pytest.mark.parametrize("value", ["[]", '"log_size"', '[""]', "[1]"])
def test_a_key_that_is_no_list_of_names_is_refused(folder, value):
    with (folder / "study.toml").open("a", encoding="utf-8") as stream:
        stream.write(f"\n[cross_section]\nregressors = {value}\n")
    with pytest.raises(InputError) as error:
        load_study(folder)
    (problem,) = error.value.problems
    assert (problem.file, problem.column) == ("study.toml", "cross_section.regressors")
