"""Parity with the R package EventStudy 0.50.0 on its S&P 500 additions example.

Sixteen firms on fifteen event dates, window [-2, 2], estimation [-130, -11], on the columns that
the reference declares trustworthy. Its other columns are not compared: their rank and
calendar-time tests repeat the first day, their BMP and KP standardize by sigma, their CAAR tests
ignore the estimation error.

Conventions that differ, and how they are compared:

* A negative quote means "no trade". Here that is a missing price, so that the return on that
  session and the one after are missing. The data have two, and no window of R's numbers holds
  either: R's numbers say nothing about missing returns, which are compared with least squares of
  statsmodels around a date of our own.
* "Comparison period mean adjusted" is the constant mean model.
* Market adjusted: R centres the residuals (n - 1 = 119 degrees of freedom) and adds 1 + 1/L to
  the forecast variance as if the mean were estimated. Here nothing is estimated: sigma^2 is the
  mean square about zero and the forecast variance is sigma^2. The abnormal returns are the same;
  sigma is compared through the identity sum e^2 = (n - 1) s^2 + n ebar^2; forecast errors and the
  Patell z that rests on them are compared after undoing the two differences.
* The sign test (w - N/2) / (sqrt(N)/2) is not among the eleven tests; the count w is compared.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from chainpolicy.eventstudy import (
    ConstantMean,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    MarketAdjusted,
    MarketModel,
)
from panels import eleven
from places import SHARED

REFERENCE = SHARED / "reference" / "eventstudy_r"
pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason=f"needs the reference values of R's EventStudy in {REFERENCE}"
)

MODELS = {
    "MarketModel": MarketModel(),
    "MarketAdjustedModel": MarketAdjusted(),
    "ComparisonPeriodMeanAdjustedModel": ConstantMean(),
}
TAUS = range(-2, 3)
N_ESTIMATION = 120

Fitted = dict[tuple[str, str], EventStudyResults]
Tests = dict[tuple[str, str, int], pd.DataFrame]
Aggregate = dict[tuple[str, str, str, str, int], float]

each_model = pytest.mark.parametrize("model", list(MODELS))
each_kind = pytest.mark.parametrize("kind", ["log", "simple"])


def one_period(prices: pd.Series, kind: str) -> pd.Series:
    traded = prices.where(prices > 0)
    ratio = traded / traded.shift(1)
    return np.log(ratio) if kind == "log" else ratio - 1


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / name)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    events, firms, market = read("events.csv"), read("firm_prices.csv"), read("market_prices.csv")
    index_prices = market.set_index("date")["adjusted"]
    results = {}
    for kind in ("log", "simple"):
        index = one_period(index_prices, kind)
        parts, alignment = [], []
        for event in events.itertuples():
            quotes = firms[firms["symbol"] == event.firm_symbol].set_index("date")["adjusted"]
            ticker = str(event.event_id)
            parts.append(
                pd.DataFrame(
                    {
                        "ticker": ticker,
                        "session": pd.to_datetime(quotes.index).as_unit("ns"),
                        "return": one_period(quotes, kind).to_numpy(),
                        "SP500": index.reindex(quotes.index).to_numpy(),
                        "n_sessions": 1,
                        "at_limit": "",
                    }
                )
            )
            day = pd.to_datetime(event.event_date, format="%d.%m.%Y")
            alignment.append(
                {
                    "event_id": "addition",
                    "ticker": ticker,
                    "calendar": "XNYS",
                    "announced_at": day.date().isoformat(),
                    "event_session": day.as_unit("ns"),
                    "shares_session_with": "",
                    "in_sample": True,
                    "role": "policy",
                }
            )
        tickers = [row["ticker"] for row in alignment]
        for name, model in MODELS.items():
            results[kind, name] = EventStudy(
                pd.concat(parts, ignore_index=True),
                pd.DataFrame(alignment),
                groups=pd.Series("additions", index=tickers),
                benchmarks=dict.fromkeys(tickers, ("SP500",)),
                model=model,
                estimation=EstimationWindow(window=(-130, -11), mask=False, minimum=100),
                event_window=(-2, 2),
            ).fit()
    return results


@pytest.fixture(scope="module")
def per_day() -> pd.DataFrame:
    frame = read("expected_event_level.csv")
    return frame.assign(ticker=frame["event_id"].astype(str), tau=frame["relative_index"])


@pytest.fixture(scope="module")
def per_firm() -> pd.DataFrame:
    frame = read("expected_model_fits.csv")
    return frame.assign(ticker=frame["event_id"].astype(str))


@pytest.fixture(scope="module")
def aggregate() -> Aggregate:
    frame = read("expected_aggregate_tests.csv")
    keys = ["returns", "model", "test", "stat", "relative_index"]
    return frame.set_index(keys)["value"].to_dict()


@pytest.fixture(scope="module")
def day_tests(fitted: Fitted) -> Tests:
    return {
        (*key, tau): eleven(results, (tau, tau), "addition")
        for key, results in fitted.items()
        for tau in TAUS
    }


def side_by_side(
    ours: pd.DataFrame, theirs: pd.DataFrame, kind: str, model: str, keys: list[str]
) -> pd.DataFrame:
    chosen = theirs[(theirs["returns"] == kind) & (theirs["model"] == model)]
    both = ours.merge(chosen, on=keys, suffixes=("", "_r"), validate="one_to_one")
    assert len(both) == len(chosen) == len(ours)
    return both


@each_kind
@each_model
def test_abnormal_returns(fitted: Fitted, per_day: pd.DataFrame, kind: str, model: str) -> None:
    ours = fitted[kind, model].abnormal_returns
    both = side_by_side(ours, per_day, kind, model, ["ticker", "tau"])
    assert len(both) == 16 * 5
    assert (both["session"] == pd.to_datetime(both["date"])).all()
    np.testing.assert_allclose(both["actual"], both["firm_return"], rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(both["abnormal"], both["abnormal_return"], rtol=1e-9, atol=1e-13)


@each_kind
@each_model
def test_cars(fitted: Fitted, per_day: pd.DataFrame, kind: str, model: str) -> None:
    for tau in TAUS:
        ours = fitted[kind, model].car(window=(-2, tau))
        at = per_day[per_day["tau"] == tau]
        both = side_by_side(ours, at, kind, model, ["ticker"])
        np.testing.assert_allclose(both["car"], both["car_r"], rtol=1e-8, atol=1e-13)


@each_kind
@pytest.mark.parametrize("model", ["MarketModel", "ComparisonPeriodMeanAdjustedModel"])
def test_forecast_errors(fitted: Fitted, per_day: pd.DataFrame, kind: str, model: str) -> None:
    ours = fitted[kind, model].abnormal_returns
    both = side_by_side(ours, per_day, kind, model, ["ticker", "tau"])
    np.testing.assert_allclose(both["std_error"], both["fec_sigma"], rtol=1e-9)


@each_kind
def test_market_adjusted_forecast_errors_less_the_estimated_mean(
    fitted: Fitted, per_day: pd.DataFrame, per_firm: pd.DataFrame, kind: str
) -> None:
    # theirs is s sqrt(1 + 1/120) for a mean that neither of us estimates; ours is sigma
    model = "MarketAdjustedModel"
    ours = fitted[kind, model].abnormal_returns
    both = side_by_side(ours, per_day, kind, model, ["ticker", "tau"])
    sigma = fitted[kind, model].models.set_index("ticker")["sigma"]
    np.testing.assert_allclose(both["std_error"], both["ticker"].map(sigma), rtol=1e-12)
    firms = per_firm[(per_firm["returns"] == kind) & (per_firm["model"] == model)]
    theirs = both["ticker"].map(firms.set_index("ticker")["sigma"])
    np.testing.assert_allclose(both["fec_sigma"], theirs * sqrt(1 + 1 / N_ESTIMATION), rtol=1e-9)


@each_kind
def test_alpha_beta_sigma_and_r_squared_of_the_market_model(
    fitted: Fitted, per_firm: pd.DataFrame, kind: str
) -> None:
    ours = fitted[kind, "MarketModel"].models
    both = side_by_side(ours.drop(columns="model"), per_firm, kind, "MarketModel", ["ticker"])
    assert (both["n_estimation"] == N_ESTIMATION).all()
    for column, theirs in [("alpha", "alpha_r"), ("beta", "beta_r"), ("sigma", "sigma_r")]:
        np.testing.assert_allclose(both[column], both[theirs], rtol=1e-8, err_msg=column)
    np.testing.assert_allclose(both["r_squared"], both["r2"], rtol=1e-8)


@each_kind
def test_sigma_of_the_constant_mean_model(
    fitted: Fitted, per_firm: pd.DataFrame, kind: str
) -> None:
    name = "ComparisonPeriodMeanAdjustedModel"
    ours = fitted[kind, name].models.drop(columns="model")
    both = side_by_side(ours, per_firm, kind, name, ["ticker"])
    np.testing.assert_allclose(both["sigma"], both["sigma_r"], rtol=1e-9)


@each_kind
def test_sigma_of_the_market_adjusted_model_about_zero_not_about_its_mean(
    fitted: Fitted, per_firm: pd.DataFrame, kind: str
) -> None:
    # sum e^2 = (n - 1) s^2 + n ebar^2
    name = "MarketAdjustedModel"
    ours = fitted[kind, name].models.drop(columns="model")
    both = side_by_side(ours, per_firm, kind, name, ["ticker"])
    mean = both["ticker"].map(mean_excess(kind))
    square = ((N_ESTIMATION - 1) * both["sigma_r"] ** 2 + N_ESTIMATION * mean**2) / N_ESTIMATION
    np.testing.assert_allclose(both["sigma"], np.sqrt(square), rtol=1e-9)
    assert (both["sigma"] / both["sigma_r"] - 1).abs().max() > 1e-3


def mean_excess(kind: str) -> dict[str, float]:
    """Mean of firm minus index return over the 120 estimation sessions, from the prices."""
    firms, market = read("firm_prices.csv"), read("market_prices.csv")
    index = one_period(market.set_index("date")["adjusted"], kind)
    means = {}
    for event in read("events.csv").itertuples():
        quotes = firms[firms["symbol"] == event.firm_symbol].set_index("date")["adjusted"]
        excess = (one_period(quotes, kind) - index.reindex(quotes.index)).to_numpy()
        day = pd.to_datetime(event.event_date, format="%d.%m.%Y").strftime("%Y-%m-%d")
        at = quotes.index.get_loc(day)
        means[str(event.event_id)] = excess[at - 130 : at - 10].mean()
    return means


@each_kind
@each_model
def test_cross_sectional_t_of_a_day(
    day_tests: Tests, aggregate: Aggregate, kind: str, model: str
) -> None:
    for tau in TAUS:
        ours = day_tests[kind, model, tau].loc["cross_sectional_t"]
        aar = aggregate[kind, model, "CSectT", "aar", tau]
        aar_t = aggregate[kind, model, "CSectT", "aar_t", tau]
        assert ours["n_assets"] == aggregate[kind, model, "CSectT", "n_valid_events", tau] == 16
        assert ours["mean_car"] == pytest.approx(aar, rel=1e-8, abs=1e-13)
        assert ours["statistic"] == pytest.approx(aar_t, rel=1e-8)
        assert ours["p_value"] == pytest.approx(2 * stats.t.sf(abs(aar_t), 15), rel=1e-7)


@each_kind
@each_model
def test_cross_sectional_t_of_the_caar(
    fitted: Fitted, aggregate: Aggregate, kind: str, model: str
) -> None:
    for tau in TAUS:
        ours = eleven(fitted[kind, model], (-2, tau), "addition").loc["cross_sectional_t"]
        caar = aggregate[kind, model, "CSectT", "caar", tau]
        caar_t = aggregate[kind, model, "CSectT", "caar_t", tau]
        assert ours["mean_car"] == pytest.approx(caar, rel=1e-8, abs=1e-13)
        assert ours["statistic"] == pytest.approx(caar_t, rel=1e-8)


@each_kind
@pytest.mark.parametrize("model", ["MarketModel", "ComparisonPeriodMeanAdjustedModel"])
def test_patell_z_of_a_day(day_tests: Tests, aggregate: Aggregate, kind: str, model: str) -> None:
    for tau in TAUS:
        ours = day_tests[kind, model, tau].loc["patell", "statistic"]
        theirs = aggregate[kind, model, "PatellZ", "aar_z", tau]
        assert ours == pytest.approx(theirs, rel=1e-8)


@each_kind
def test_patell_z_of_a_day_market_adjusted(
    fitted: Fitted, day_tests: Tests, aggregate: Aggregate, per_day: pd.DataFrame, kind: str
) -> None:
    # theirs standardizes by fec_sigma with 119 degrees of freedom, ours by sigma with 120
    name = "MarketAdjustedModel"
    ours = fitted[kind, name].abnormal_returns
    both = side_by_side(ours, per_day, kind, name, ["ticker", "tau"])
    for tau in TAUS:
        day = both[both["tau"] == tau]
        published = aggregate[kind, name, "PatellZ", "aar_z", tau]
        as_theirs = (day["abnormal"] / day["fec_sigma"]).sum() / sqrt(16 * 119 / 117)
        assert as_theirs == pytest.approx(published, rel=1e-8)
        as_ours = (day["abnormal"] / day["std_error"]).sum() / sqrt(16 * 120 / 118)
        patell = day_tests[kind, name, tau].loc["patell", "statistic"]
        assert patell == pytest.approx(as_ours, rel=1e-10)
        assert patell == pytest.approx(published, rel=0.05)


@each_kind
@each_model
def test_generalized_sign_z_of_a_day(
    day_tests: Tests, aggregate: Aggregate, kind: str, model: str
) -> None:
    for tau in TAUS:
        ours = day_tests[kind, model, tau].loc["generalized_sign"]
        theirs = aggregate[kind, model, "GSignT", "gsign_z", tau]
        assert ours["statistic"] == pytest.approx(theirs, rel=1e-8)
        assert ours["p_value"] == pytest.approx(2 * stats.norm.sf(abs(theirs)), rel=1e-7)


@each_kind
@each_model
def test_count_behind_the_sign_test(
    fitted: Fitted, aggregate: Aggregate, kind: str, model: str
) -> None:
    for tau in TAUS:
        positive = (fitted[kind, model].car(window=(tau, tau))["car"] > 0).sum()
        sign_z = aggregate[kind, model, "SignT", "sign_z", tau]
        assert positive == aggregate[kind, model, "SignT", "n_pos", tau]
        assert (positive - 8) / 2 == pytest.approx(sign_z)


def test_no_window_of_the_reference_holds_a_missing_quote() -> None:
    firms, events = read("firm_prices.csv"), read("events.csv")
    for event in events.itertuples():
        quotes = firms[firms["symbol"] == event.firm_symbol].reset_index(drop=True)
        day = pd.to_datetime(event.event_date, format="%d.%m.%Y").strftime("%Y-%m-%d")
        (at,) = quotes.index[quotes["date"] == day]
        # from the quote before the first return on
        assert (quotes["adjusted"].loc[at - 131 : at + 2] > 0).all()


@each_kind
def test_negative_quotes_are_missing_returns_as_statsmodels_drops_them(kind: str) -> None:
    # Office Depot was not traded on two days of 1997, long before its event of 1999, which is the
    # one that R looks at. An event made up for this, later in 1997, has both in its estimation
    # window: 120 sessions less two times two, and OLS on the other 116.
    firms, market = read("firm_prices.csv"), read("market_prices.csv")
    quotes = firms[firms["symbol"] == "Office Depot"].set_index("date")["adjusted"]
    assert list(quotes.index[quotes < 0]) == ["1997-03-10", "1997-04-04"]
    returns = one_period(quotes, kind).to_numpy()
    index = one_period(market.set_index("date")["adjusted"], kind).reindex(quotes.index)
    event = quotes.index.get_loc("1997-06-02")
    days = pd.to_datetime(quotes.index).as_unit("ns")
    frame = pd.DataFrame({"ticker": "ODP", "session": days, "return": returns})
    alignment = {
        "event_id": "e",
        "ticker": "ODP",
        "calendar": "XNYS",
        "announced_at": "1997-06-02",
        "event_session": days[event],
        "shares_session_with": "",
        "in_sample": True,
        "role": "policy",
    }
    row = (
        EventStudy(
            frame.assign(SP500=index.to_numpy(), n_sessions=1, at_limit=""),
            pd.DataFrame([alignment]),
            groups=pd.Series({"ODP": "additions"}),
            benchmarks={"ODP": ("SP500",)},
            model=MarketModel(),
            estimation=EstimationWindow(window=(-130, -11), minimum=100),
            event_window=(-2, 2),
        )
        .fit()
        .models.iloc[0]
    )
    inside = slice(event - 130, event - 10)
    y, x = returns[inside], index.to_numpy()[inside]
    ols = sm.OLS(y, sm.add_constant(x), missing="drop").fit()
    assert row["n_estimation"] == ols.nobs == 116
    assert row["alpha"] == pytest.approx(ols.params[0], rel=1e-9)
    assert row["beta"] == pytest.approx(ols.params[1], rel=1e-9)
    assert row["sigma"] == pytest.approx(sqrt(ols.mse_resid), rel=1e-9)
