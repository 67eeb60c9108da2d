"""What happens at the edges, as the docstring of the package promises."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from chainpolicy.eventstudy import (
    TEST_NAMES,
    TESTS,
    ConstantMean,
    Dimson,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    MarketAdjusted,
    MarketModel,
    ScholesWilliams,
    SingleIndexModel,
    TestResults,
)
from chainpolicy.eventstudy.inference import (
    EXAMPLE,
    ROUNDING,
    GroupSample,
    adjusted_bmp,
    bmp,
    calendar_error,
    grank_t,
    mean_residual_correlation,
    portfolio_deviation,
    two_sided_p_value,
    wilcoxon,
)
from chainpolicy.eventstudy.normal import fit_market_adjusted, fit_normal
from chainpolicy.eventstudy.panel import build_panel
from chainpolicy.eventstudy.results import _run_tests
from panels import alignment_frame, fit, pair, returns_frame, sessions

COUNT, EVENT = 60, 50
ESTIMATION = EstimationWindow(window=(-40, -6), minimum=20)
CHOICES = {"estimation": ESTIMATION, "event_window": (-2, 3)}


def market(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.01, COUNT)


def noisy(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    noise = np.random.default_rng(seed + 1).normal(0, 0.02, (n, COUNT))
    return {"ABCDEFGHIJ"[i]: 0.001 + (1 + 0.1 * i) * market(seed) + noise[i] for i in range(n)}


def at(position: int, tickers: object) -> dict[str, dict[str, int]]:
    return {"e": dict.fromkeys(tickers, position)}


def notes(results: EventStudyResults, window: tuple[int, int]) -> dict[str, str]:
    return {test.name: test.note for test in results.tests(window) if test.note}


def estimation_error(results: EventStudyResults, window: tuple[int, int]) -> float:
    """Root of the mean over assets of 1'V1 / s^2, from the CARs and the models."""
    car = results.car(window).set_index("ticker")["std_error"]
    sigma = results.models.set_index("ticker")["sigma"]
    return sqrt(((car / sigma) ** 2).mean())


# What a group of fewer than ten assets has no GRANK-T for.
FEW = {"grank_t": "fewer than 10 assets"}


def reason(results: EventStudyResults) -> str:
    assert results.pairs.empty
    return results.excluded["reason"].item()


# One asset, two assets, none


def test_one_asset_has_the_exact_t_of_its_car_and_ten_notes() -> None:
    results = fit(noisy(1), {"M": market()}, at(EVENT, "A"), **CHOICES)
    car = results.car((0, 1)).iloc[0]
    tests = results.tests((0, 1))
    t = tests.get("e", "all", "time_series_t")
    assert (t.statistic, t.p_value) == (car["t_stat"], car["p_value"])
    assert t.distribution == "t(33)"
    assert np.isnan(t.mean_correlation)
    assert set(notes(results, (0, 1))) == set(TEST_NAMES) - {"time_series_t"}
    assert set(notes(results, (0, 1)).values()) == {
        "a single asset has the exact t of its CAR only"
    }
    assert str(tests.get("e", "all", "bmp")) == (
        "BMP t: undefined (a single asset has the exact t of its CAR only), N = 1"
    )


def test_two_assets_have_ten_tests_and_one_degree_of_freedom() -> None:
    results = fit(noisy(2), {"M": market()}, at(EVENT, "AB"), **CHOICES)
    assert notes(results, (0, 1)) == FEW
    tests = results.tests((0, 1))
    residuals = results.residuals.pivot_table(index="session", columns="ticker", values="residual")
    r = residuals["A"].corr(residuals["B"])
    assert tests[0].mean_correlation == pytest.approx(r, rel=1e-12)
    for name in ("cross_sectional_t", "bmp", "adjusted_bmp", "skewness_t"):
        assert tests.get("e", "all", name).distribution == "t(1)"
    assert tests.get("e", "all", "wilcoxon").distribution == "signed-rank distribution"
    assert tests.get("e", "all", "patell").distribution == "N(0, 1)"
    # Two values a and b: mean (a + b)/2, sd |a - b|/root 2, t = (a + b)/|a - b|
    a, b = results.car((0, 1))["car"]
    t = tests.get("e", "all", "cross_sectional_t").statistic
    assert t == pytest.approx((a + b) / abs(a - b), rel=1e-12)


NO_PAIR = {
    "all returns missing": (
        {"A": np.full(COUNT, np.nan)},
        "0 valid sessions in the estimation window, 20 needed",
    ),
    "constant returns": (
        {"A": np.full(COUNT, 0.01)},
        "the residuals do not vary in the estimation window",
    ),
    "returns of zero": (
        {"A": np.zeros(COUNT)},
        "the residuals do not vary in the estimation window",
    ),
    "returns that are the benchmark's": (
        {"A": 0.001 + 1.3 * market()},
        "the residuals do not vary in the estimation window",
    ),
}


@pytest.mark.parametrize(("returns", "why"), NO_PAIR.values(), ids=NO_PAIR.keys())
def test_without_a_pair_there_are_empty_frames_and_a_reason(
    returns: dict[str, np.ndarray], why: str
) -> None:
    results = fit(returns, {"M": market()}, at(EVENT, "A"), **CHOICES)
    assert reason(results) == why
    some = fit(noisy(1), {"M": market()}, at(EVENT, "A"), **CHOICES)
    for name in ("pairs", "models", "coefficients", "abnormal_returns", "residuals"):
        frame = getattr(results, name)
        assert frame.empty
        assert list(frame.columns) == list(getattr(some, name).columns)
    for method in ("car", "caar", "incomplete"):
        frame = getattr(results, method)((0, 1))
        assert frame.empty
        assert list(frame.columns) == list(getattr(some, method)((0, 1)).columns)
    caar = results.caar((0, 1)).dtypes
    assert caar[["event_id", "group", "window"]].eq("str").all()
    assert caar["n_assets"] == np.int64
    assert caar.iloc[4:].eq(np.float64).all()
    assert results.excluded.dtypes.eq("str").all()
    assert list(results.tests((0, 1)).tidy().columns) == list(some.tests((0, 1)).tidy().columns)
    assert len(results.tests((0, 1))) == 0
    assert results.summary((0, 1)).frame.empty
    assert results.tidy([(0, 0), (0, 1)]).empty
    with pytest.raises(KeyError, match=r"^'no pair of all was estimated at e'$"):
        results.caar_path("e", "all")


@pytest.mark.parametrize("level", [0.01, 0.0])
def test_constant_returns_are_refused_by_every_model(level: float) -> None:
    simple = (MarketModel(), SingleIndexModel(), ConstantMean())
    for model in (*simple, ScholesWilliams(), Dimson()):
        results = fit(
            {"A": np.full(COUNT, level)}, {"M": market()}, at(EVENT, "A"), model=model, **CHOICES
        )
        assert reason(results) == "the residuals do not vary in the estimation window"


@pytest.mark.parametrize(
    ("returns", "benchmark"),
    [(market(), market()), (market() + 1 - 1, market()), (np.zeros(COUNT), np.zeros(COUNT))],
    ids=["the same", "the same but for rounding", "zero"],
)
def test_returns_of_the_market_leave_nothing_to_adjust(
    returns: np.ndarray, benchmark: np.ndarray
) -> None:
    results = fit(
        {"A": returns}, {"M": benchmark}, at(EVENT, "A"), model=MarketAdjusted(), **CHOICES
    )
    assert reason(results) == "the residuals do not vary in the estimation window"


def test_market_adjusted_without_a_session_has_a_reason() -> None:
    results = fit(
        {"A": np.full(COUNT, np.nan)},
        {"M": market()},
        at(EVENT, "A"),
        model=MarketAdjusted(),
        **CHOICES,
    )
    assert reason(results) == "0 valid sessions in the estimation window, 20 needed"


def test_market_adjusted_subtracts_the_first_benchmark_alone() -> None:
    # The second benchmark is blank on most sessions, which does not matter.
    returns, M = noisy(1)["A"], market()
    F = np.where(np.arange(COUNT) % 5 == 0, market(7), np.nan)
    results = fit(
        {"A": returns}, {"M": M, "F": F}, at(EVENT, "A"), model=MarketAdjusted(), **CHOICES
    )
    model = results.models.iloc[0]
    assert (model["benchmark"], model["n_estimation"]) == ("M", 35)
    difference = returns - M
    past = difference[EVENT - 40 : EVENT - 5]
    assert model["sigma"] == pytest.approx(sqrt((past**2).sum() / 35), rel=1e-12)
    assert np.isnan(model["r_squared"])
    car = results.car((0, 1)).iloc[0]
    assert car["car"] == pytest.approx(difference[EVENT : EVENT + 2].sum(), rel=1e-12)
    assert car["std_error"] == pytest.approx(model["sigma"] * sqrt(2), rel=1e-12)


@pytest.mark.parametrize(
    "model", [MarketModel(), MarketAdjusted(), ConstantMean(), ScholesWilliams(), Dimson()]
)
@pytest.mark.parametrize("scale", [1e-13, 1e13])
def test_tiny_and_huge_returns_are_no_rounding_error(model: object, scale: float) -> None:
    returns, M = noisy(3), market()
    returns["A"][EVENT - 20] = np.nan
    scaled = {ticker: scale * series for ticker, series in returns.items()}
    small = fit(scaled, {"M": scale * M}, at(EVENT, "ABC"), model=model, **CHOICES)
    usual = fit(returns, {"M": M}, at(EVENT, "ABC"), model=model, **CHOICES)
    np.testing.assert_allclose(small.car()["t_stat"], usual.car()["t_stat"], rtol=1e-9)
    np.testing.assert_allclose(
        small.tests().tidy()["statistic"], usual.tests().tidy()["statistic"], rtol=1e-9
    )


FITS = {
    "fit_normal": (fit_normal, 1, 1),
    "fit_market_adjusted": (fit_market_adjusted, 1, 0),
    "scholes_williams": (ScholesWilliams().fit, 3, 1),
    "dimson": (Dimson().fit, 3, 1),
}


@pytest.mark.parametrize(("function", "columns", "slopes"), FITS.values(), ids=FITS.keys())
def test_a_fit_has_the_shapes_and_types_of_its_documentation(
    function: object, columns: int, slopes: int
) -> None:
    # P = 3 pairs, M = 9 sessions, K = 1; one session is not valid
    rng = np.random.default_rng(4)
    valid = np.ones((3, 9), dtype=bool)
    valid[1, 2] = False
    factors = rng.normal(size=(3, 9, columns))
    found = function(rng.normal(size=(3, 9)), factors, np.ones((3, 9)), valid)
    shapes = {"beta": (3, 1), "factor_mean": (3, 1), "inverse_root": (3, 1, slopes)}
    types = dict.fromkeys(["n_estimation", "n_parameters"], np.int64)
    types |= dict.fromkeys(["collinear", "degenerate"], np.bool_)
    for name, values in vars(found).items():
        assert values.shape == (shapes | {"residuals": (3, 9)}).get(name, (3,)), name
        assert values.dtype == types.get(name, np.float64), name
    assert np.isnan(found.residuals).tolist() == (~valid).tolist()
    assert found.n_estimation.tolist() == [9, 8, 9]


@pytest.mark.parametrize(
    ("model", "counts"),
    [
        (ConstantMean(), [1]),
        (MarketAdjusted(), [1, 0]),
        (MarketModel(), [1, 2, 3]),
        (ScholesWilliams(), [1, 4]),
        (Dimson(lags=2, leads=1), [1, 5]),
    ],
)
def test_parameters_are_counted_by_model_and_benchmarks(model: object, counts: list[int]) -> None:
    assert [model.n_parameters(k) for k in range(len(counts))] == counts


@pytest.mark.parametrize(("sessions", "sigma"), [(2, np.nan), (3, sqrt(2))])
def test_sigma_needs_a_degree_of_freedom(sessions: int, sigma: float) -> None:
    # F = -1, 1 and 0, R = F + e with e = 1/root 3 (1, 1, -2): SSR = 2, p = 2
    F = np.array([-1.0, 1.0, 0.0])[:sessions]
    R = F + np.array([1.0, 1.0, -2.0])[:sessions] / sqrt(3)
    ones = np.ones((1, sessions))
    found = fit_normal(R[None, :], F[None, :, None], ones, ones > 0).sigma
    assert found[0] == pytest.approx(sigma, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    "benchmarks",
    [
        {"M": np.full(COUNT, 0.01)},
        {"M": np.zeros(COUNT)},
        {"M": market(), "F": market()},
        {"M": market(), "F": 3 * market()},
        {"M": market(), "F": np.full(COUNT, 0.01)},
        {"M": market(), "F": 0.002 - market() * 1e-5},
    ],
    ids=["constant", "zero", "identical", "multiple", "one constant", "affine"],
)
def test_benchmarks_without_variation_of_their_own_are_refused(
    benchmarks: dict[str, np.ndarray],
) -> None:
    results = fit(noisy(1), benchmarks, at(EVENT, "A"), **CHOICES)
    assert reason(results) == (
        "the benchmarks do not vary, or are collinear, in the estimation window"
    )


def test_nearly_collinear_benchmarks_still_fit_exactly() -> None:
    # F = M plus a thousandth of its size: any basis of a space has the same fitted values
    noise = np.random.default_rng(9).normal(0, 1e-5, COUNT)
    returns, M = noisy(1), market()
    one = fit(returns, {"M": M, "F": M + noise}, at(EVENT, "A"), **CHOICES)
    two = fit(returns, {"M": M, "F": noise}, at(EVENT, "A"), **CHOICES)
    columns = ["normal", "abnormal", "std_error"]
    np.testing.assert_allclose(
        one.abnormal_returns[columns], two.abnormal_returns[columns], rtol=1e-8
    )


def test_a_large_mean_leaves_the_fit_exact() -> None:
    # Returns and benchmark around 1000 instead of 0: beta and the abnormal returns are the same.
    returns, M = noisy(1), market()
    far = fit({"A": returns["A"] + 1000}, {"M": M + 1000}, at(EVENT, "A"), **CHOICES)
    near = fit(returns, {"M": M}, at(EVENT, "A"), **CHOICES)
    np.testing.assert_allclose(far.models["beta"], near.models["beta"], rtol=1e-9)
    np.testing.assert_allclose(far.models["sigma"], near.models["sigma"], rtol=1e-9)
    np.testing.assert_allclose(
        far.abnormal_returns["abnormal"], near.abnormal_returns["abnormal"], atol=1e-11
    )


# Too few sessions


@pytest.mark.parametrize(("valid", "estimated"), [(2, False), (3, True)])
def test_the_market_model_needs_three_sessions_whatever_the_minimum(
    valid: int, estimated: bool
) -> None:
    returns = noisy(1)["A"]
    returns[: EVENT - 5 - valid] = np.nan
    estimation = EstimationWindow(window=(-40, -6), minimum=1)
    results = fit(
        {"A": returns}, {"M": market()}, at(EVENT, "A"), estimation=estimation, event_window=(0, 1)
    )
    if estimated:
        assert results.car((0, 1))["p_value"].notna().all()
    else:
        assert reason(results) == "2 valid sessions in the estimation window, 3 needed"


def test_the_minimum_may_be_met_exactly() -> None:
    returns = noisy(1)["A"]
    returns[: EVENT - 5 - 20] = np.nan
    results = fit({"A": returns}, {"M": market()}, at(EVENT, "A"), **CHOICES)
    assert results.models["n_estimation"].item() == 20
    returns[EVENT - 6] = np.nan
    results = fit({"A": returns}, {"M": market()}, at(EVENT, "A"), **CHOICES)
    assert reason(results) == "19 valid sessions in the estimation window, 20 needed"


def test_a_late_listing_has_a_shorter_window_or_none() -> None:
    # B is listed 30 sessions before the event: -30 to -6 are 25 sessions. C: 15 sessions, too few.
    frame = returns_frame(noisy(3), {"M": market()})
    listed = {"A": 0, "B": EVENT - 30, "C": EVENT - 20}
    frame = frame[frame["session"] >= frame["ticker"].map(lambda t: sessions(COUNT)[listed[t]])]
    study = EventStudy(frame, alignment_frame(at(EVENT, "ABC"), COUNT), **CHOICES)
    results = study.fit()
    assert results.models["n_estimation"].tolist() == [35, 25]
    assert results.excluded.to_numpy().tolist() == [
        ["e", "C", "15 valid sessions in the estimation window, 20 needed"]
    ]
    assert results.tests((0, 1)).tidy()["n_assets"].eq(2).all()
    # B alone, from its first session on, gives the same numbers.
    full = noisy(3)
    short = {"B": np.where(np.arange(COUNT) < EVENT - 30, np.nan, full["B"])}
    alone = fit(short, {"M": market()}, at(EVENT, "B"), **CHOICES)
    np.testing.assert_allclose(
        pair(results.car((0, 1)), "B")["t_stat"], alone.car((0, 1))["t_stat"], rtol=1e-12
    )


def test_unequal_estimation_lengths_meet_in_one_group() -> None:
    # The shorter asset is present in 25 of 35 sessions; AAR_t over those present, by hand.
    returns = noisy(2)
    returns["B"][: EVENT - 30] = np.nan
    results = fit(returns, {"M": market()}, at(EVENT, "AB"), **CHOICES)
    wide = results.residuals.pivot_table(index="session", columns="ticker", values="residual")
    assert wide.notna().sum().tolist() == [35, 25]
    s_aar = sqrt((wide.mean(axis=1) ** 2).sum() / (35 - 2))
    t = results.tests((0, 1)).get("e", "all", "time_series_t")
    assert t.degrees == 33
    error = s_aar * estimation_error(results, (0, 1))
    assert t.statistic == pytest.approx(t.mean_car / error, rel=1e-12)


def test_a_mask_that_takes_the_window_leaves_nothing_to_estimate() -> None:
    # An event on every second session, each masking [0, 1]: no clean session is left.
    positions = at(EVENT, "A") | {f"m{k}": {"A": k} for k in range(0, EVENT - 4, 2)}
    masked = [name for name in positions if name != "e"]
    choices = {"out_of_sample": masked, "event_window": (0, 1)}
    estimation = EstimationWindow(window=(-40, -6), minimum=20, mask=True)
    results = fit(noisy(1), {"M": market()}, positions, estimation=estimation, **choices)
    assert reason(results) == "0 valid sessions in the estimation window, 20 needed"
    estimation = EstimationWindow(window=(-40, -6), minimum=20, mask=False)
    results = fit(noisy(1), {"M": market()}, positions, estimation=estimation, **choices)
    assert results.models["n_estimation"].item() == 35


def test_the_mask_takes_two_sessions_of_every_dated_event() -> None:
    positions = at(EVENT, "A") | {"x": {"A": 20}, "y": {"A": 44}, "z": {"A": EVENT - 41}}
    results = fit(noisy(1), {"M": market()}, positions, out_of_sample=["x", "y", "z"], **CHOICES)
    kept = set(results.residuals["session"])
    window = set(sessions(COUNT)[EVENT - 40 : EVENT - 5])
    # x takes 20 and 21, y its first session only (45 is past the window), z its second only
    assert window - kept == set(sessions(COUNT)[[20, 21, 44, EVENT - 40]])


# Events at the ends of the data


def test_an_estimation_window_longer_than_the_data_is_clipped() -> None:
    estimation = EstimationWindow(window=(-500, -6), minimum=20)
    results = fit(
        noisy(1), {"M": market()}, at(EVENT, "A"), estimation=estimation, event_window=(0, 1)
    )
    assert results.residuals["session"].tolist() == list(sessions(COUNT)[: EVENT - 5])


def test_an_event_on_the_first_session_has_no_estimation_window() -> None:
    results = fit(noisy(1), {"M": market()}, at(0, "A"), **CHOICES)
    assert reason(results) == "0 valid sessions in the estimation window, 20 needed"


def test_an_event_on_the_last_session_keeps_the_taus_that_exist() -> None:
    results = fit(noisy(2), {"M": market()}, at(COUNT - 1, "AB"), **CHOICES)
    assert pair(results.abnormal_returns, "A")["tau"].tolist() == [-2, -1, 0]
    assert len(results.car((-2, 0))) == 2
    assert results.car((0, 1)).empty
    assert results.incomplete((0, 1)).to_numpy().tolist() == [
        ["e", ticker, "[0, 1]", "the window runs past the data at tau = 1"] for ticker in "AB"
    ]
    assert len(results.tests((0, 1))) == 0
    path = results.caar_path("e", "all")
    assert path["tau"].tolist() == [-2, -1, 0]
    assert path["session"].tolist() == list(sessions(COUNT)[-3:])


def test_an_event_window_that_begins_before_the_data_loses_its_head() -> None:
    # A is listed one session before the event; the window is fixed, the asset has nothing in it.
    returns, days = noisy(2), sessions(COUNT)
    frame = returns_frame(returns, {"M": market()})
    frame = frame[(frame["ticker"] == "B") | (frame["session"] >= days[EVENT - 1])]
    results = EventStudy(frame, alignment_frame(at(EVENT, "AB"), COUNT), **CHOICES).fit()
    assert results.excluded["ticker"].tolist() == ["A"]
    path = results.caar_path("e", "all")
    assert path["session"].tolist() == list(days[EVENT - 2 : EVENT + 4])


def test_an_event_outside_the_data_is_excluded_with_the_range() -> None:
    frame = returns_frame(noisy(2), {"M": market()})
    days = sessions(COUNT + 10)
    alignment = pd.DataFrame(
        {
            "event_id": ["e", "late", "early"],
            "ticker": ["A", "A", "B"],
            "event_session": [days[EVENT], days[COUNT + 3], days[0] - pd.Timedelta(days=30)],
        }
    )
    results = EventStudy(frame, alignment, **CHOICES).fit()
    assert results.pairs["event_id"].tolist() == ["e"]
    span = f"({days[0]:%Y-%m-%d} to {days[COUNT - 1]:%Y-%m-%d})"
    assert results.excluded.to_numpy().tolist() == [
        ["early", "B", f"the event session 2017-12-02 is outside the data {span}"],
        ["late", "A", f"the event session {days[COUNT + 3]:%Y-%m-%d} is outside the data {span}"],
    ]


@pytest.mark.parametrize("gap", [1, COUNT - 2])
def test_an_event_between_the_sessions_of_its_group_is_an_error(gap: int) -> None:
    # Nobody traded on the second, or on the last but one, of the days.
    days = sessions(COUNT)
    frame = returns_frame(noisy(2), {"M": market()})
    frame = frame[frame["session"] != days[gap]]
    with pytest.raises(ValueError, match=rf"^alignment: {days[gap]:%Y-%m-%d}, .* is no session"):
        EventStudy(frame, alignment_frame(at(gap, "AB"), COUNT), **CHOICES)


@pytest.mark.parametrize("choice", [{}, {"end": "2018-02-28"}, {"anchor": "first"}])
def test_events_outside_the_data_alone_leave_empty_frames(choice: dict[str, object]) -> None:
    frame = returns_frame(noisy(2), {"M": market()})
    estimation = EstimationWindow(window=(-40, -6), minimum=20, **choice)
    alignment = alignment_frame(at(COUNT + 3, "AB"), COUNT + 9)
    for model in (MarketModel(), MarketAdjusted()):
        results = EventStudy(frame, alignment, estimation=estimation, model=model).fit()
        assert results.excluded["ticker"].tolist() == ["A", "B"]
        for empty in (results.pairs, results.models, results.car(), results.caar()):
            assert empty.empty
        assert results.tidy().empty


def test_an_event_after_the_asset_was_delisted_is_outside_its_data() -> None:
    frame = returns_frame(noisy(2), {"M": market()})
    days = sessions(COUNT)
    frame = frame[(frame["ticker"] == "B") | (frame["session"] < days[EVENT])]
    results = EventStudy(frame, alignment_frame(at(EVENT, "AB"), COUNT), **CHOICES).fit()
    assert results.pairs["ticker"].tolist() == ["B"]
    assert results.excluded["reason"].item() == (
        f"the event session {days[EVENT]:%Y-%m-%d} is outside the data "
        f"({days[0]:%Y-%m-%d} to {days[EVENT - 1]:%Y-%m-%d})"
    )


def test_an_event_before_the_asset_was_listed_is_outside_its_data() -> None:
    # The session exists on the calendar of the group, which B opened; A begins later.
    frame = returns_frame(noisy(2), {"M": market()})
    days = sessions(COUNT)
    frame = frame[(frame["ticker"] == "B") | (frame["session"] > days[EVENT])]
    results = EventStudy(frame, alignment_frame(at(EVENT, "AB"), COUNT), **CHOICES).fit()
    assert results.pairs["ticker"].tolist() == ["B"]
    assert results.excluded["reason"].item() == (
        f"the event session {days[EVENT]:%Y-%m-%d} is outside the data "
        f"({days[EVENT + 1]:%Y-%m-%d} to {days[-1]:%Y-%m-%d})"
    )


def test_an_asset_that_stopped_trading_does_not_repeat_its_last_day() -> None:
    # B's last row, at tau = 1, is at the limit; its later sessions do not exist.
    frame = returns_frame(noisy(2), {"M": market()})
    days = sessions(COUNT)
    frame = frame[(frame["ticker"] == "A") | (frame["session"] <= days[EVENT + 1])]
    last = (frame["ticker"] == "B") & (frame["session"] == days[EVENT + 1])
    frame = frame.assign(at_limit=np.where(last, "upper", ""))
    results = EventStudy(frame, alignment_frame(at(EVENT, "AB"), COUNT), **CHOICES).fit()
    path = results.caar_path("e", "all").set_index("tau")
    assert path["share_at_limit"].tolist() == [0, 0, 0, 0.5, 0, 0]
    assert path["n_assets"].tolist() == [2, 2, 2, 2, 1, 1]


# Missing returns in the event window


def test_a_gap_in_the_window_leaves_no_car_and_says_which_session() -> None:
    returns = noisy(2)
    returns["A"][EVENT + 1] = np.nan
    benchmark = market()
    results = fit(returns, {"M": benchmark}, at(EVENT, "AB"), **CHOICES)
    day = f"{sessions(COUNT)[EVENT + 1]:%Y-%m-%d}"
    assert results.car((0, 1))["ticker"].tolist() == ["B"]
    assert results.incomplete((0, 1)).to_numpy().tolist() == [
        ["e", "A", "[0, 1]", f"no return on {day} (tau = 1)"]
    ]
    assert results.car((0, 0))["ticker"].tolist() == ["A", "B"]
    assert results.tests((0, 1)).tidy()["n_assets"].eq(1).all()
    benchmark[EVENT + 1] = np.nan
    results = fit(noisy(1), {"M": benchmark}, at(EVENT, "A"), **CHOICES)
    assert results.incomplete((-1, 3))["reason"].item() == f"no benchmark on {day} (tau = 1)"
    row = results.abnormal_returns.query("tau == 1").iloc[0]
    assert np.isfinite(row["actual"])
    assert row[["normal", "abnormal", "std_error"]].isna().all()


def test_no_car_at_all_gives_no_tests_but_a_path_of_what_there_is() -> None:
    returns = noisy(1)
    returns["A"][EVENT + 1 :] = np.nan
    results = fit(returns, {"M": market()}, at(EVENT, "A"), **CHOICES)
    assert len(results.tests((0, 1))) == 0
    assert results.caar((0, 1)).empty
    assert results.caar_path("e", "all")["tau"].tolist() == [-2, -1, 0]
    returns["A"][EVENT - 2 :] = np.nan
    results = fit(returns, {"M": market()}, at(EVENT, "A"), **CHOICES)
    assert results.caar_path("e", "all").empty
    assert len(results.models) == 1


def test_the_path_averages_over_those_present() -> None:
    returns = noisy(3)
    returns["B"][EVENT] = np.nan
    results = fit(returns, {"M": market()}, at(EVENT, "ABC"), **CHOICES)
    wide = results.abnormal_returns.pivot_table(index="tau", columns="ticker", values="abnormal")
    path = results.caar_path("e", "all").set_index("tau")
    assert path["n_assets"].tolist() == [3, 3, 2, 3, 3, 3]
    np.testing.assert_allclose(path["aar"], wide.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(path["caar"], wide.mean(axis=1).cumsum(), rtol=1e-12)
    # B's window of one session is empty: of three variances 1'V1 / s^2 that of B at tau = 0 is 0.
    path = results.caar_path("e", "all", start=0).iloc[0]
    residuals = results.residuals.pivot_table(index="session", columns="ticker", values="residual")
    s_aar = sqrt((residuals.mean(axis=1) ** 2).sum() / 33)
    past = market()[EVENT - 40 : EVENT - 5]
    gap = market()[EVENT] - past.mean()
    variance = 1 + 1 / 35 + gap**2 / ((past - past.mean()) ** 2).sum()
    assert path["std_error"] == pytest.approx(s_aar * sqrt(2 / 3 * variance), rel=1e-10)


# The interval of the CAAR


@pytest.mark.parametrize("window", [(0, 0), (0, 1), (-2, 3)])
def test_caar_is_the_forecast_error_of_the_portfolio(window: tuple[int, int]) -> None:
    # OLS of the equal-weighted mean return on the common benchmark: its residual is AAR_t, and
    # var(CAAR) = s_AAR^2 [L + L^2/M + (sum_W (m - mbar))^2 / sum_est (m - mbar)^2].
    returns, M = noisy(5), market()
    results = fit(returns, {"M": M}, at(EVENT, returns), **CHOICES)
    mean = np.mean(list(returns.values()), axis=0)
    past, inside = slice(EVENT - 40, EVENT - 5), slice(EVENT + window[0], EVENT + window[1] + 1)
    X = np.column_stack([np.ones(35), M[past]])
    coefficients, (ssr,), *_ = np.linalg.lstsq(X, mean[past], rcond=None)
    ahead = np.column_stack([np.ones(window[1] - window[0] + 1), M[inside]])
    caar = (mean[inside] - ahead @ coefficients).sum()
    total = ahead.sum(axis=0)
    error = sqrt(ssr / 33 * (len(ahead) + total @ np.linalg.inv(X.T @ X) @ total))
    row = results.caar(window).iloc[0]
    assert row["caar"] == pytest.approx(caar, rel=1e-9)
    assert row["std_error"] == pytest.approx(error, rel=1e-9)
    assert (row["n_assets"], row["degrees"], row["group"]) == (5, 33, "all")
    half = stats.t.ppf(0.975, 33) * error
    assert [row["lower"], row["upper"]] == pytest.approx([caar - half, caar + half], rel=1e-9)
    narrow = results.caar(window, level=0.2).iloc[0]
    assert narrow["upper"] == pytest.approx(caar + stats.t.ppf(0.9, 33) * error, rel=1e-9)


def test_caar_of_one_asset_is_its_car() -> None:
    results = fit(noisy(1), {"M": market()}, at(EVENT, "A"), **CHOICES)
    car, caar = results.car((0, 1)).iloc[0], results.caar((0, 1)).iloc[0]
    assert caar["caar"] == pytest.approx(car["car"], rel=1e-12)
    assert caar["std_error"] == pytest.approx(car["std_error"], rel=1e-12)


@pytest.mark.parametrize("start", [None, -1, 0, 3])
def test_the_path_is_the_caar_of_every_window(start: int | None) -> None:
    results = fit(noisy(4), {"M": market()}, at(EVENT, "ABCD"), **CHOICES)
    path = results.caar_path("e", "all", start=start)
    first = -2 if start is None else start
    assert path["tau"].tolist() == list(range(first, 4))
    for row in path.itertuples():
        caar = results.caar((first, row.tau)).iloc[0]
        for name in ("caar", "std_error", "lower", "upper", "n_assets"):
            assert getattr(row, name) == pytest.approx(caar[name], rel=1e-9)
    assert path["aar"].sum() == pytest.approx(path["caar"].iloc[-1], rel=1e-9)


@pytest.mark.parametrize("start", [-3, 4])
def test_a_path_cannot_start_outside_the_event_window(start: int) -> None:
    results = fit(noisy(1), {"M": market()}, at(EVENT, "A"), **CHOICES)
    with pytest.raises(
        ValueError, match=r"^the window .* does not lie inside the event window \[-2, 3\]$"
    ):
        results.caar_path("e", "all", start=start)


def test_assets_that_never_meet_have_a_portfolio_and_no_correlation() -> None:
    # 3 sessions each, none in common: 6 with at least one asset, hence 6 - 2 degrees of freedom for
    # the portfolio and 3 - 2 for each asset.
    returns = noisy(2)
    for ticker, first in (("A", EVENT - 8), ("B", EVENT - 11)):
        keep = np.arange(first, first + 3)
        returns[ticker][np.setdiff1d(np.arange(EVENT - 2), keep)] = np.nan
    results = fit(
        returns,
        {"M": market()},
        at(EVENT, "AB"),
        estimation=EstimationWindow(window=(-40, -6), minimum=3),
        event_window=(0, 1),
    )
    row = results.caar((0, 1)).iloc[0]
    assert row["degrees"] == 4
    assert notes(results, (0, 1)) == {
        "patell": "the values have no spread, or too few estimation sessions are valid",
        "adjusted_patell": "no two assets share 30 estimation sessions on which both vary",
        "adjusted_bmp": "no two assets share 30 estimation sessions on which both vary",
        **FEW,
    }


# No spread


def test_perfectly_correlated_residuals_leave_the_adjusted_bmp_undefined() -> None:
    # Residuals a, 2a, 3a and event returns of their own: rbar = 1, BMP and adjusted Patell stand.
    e = np.random.default_rng(3).normal(0, 0.02, COUNT)
    returns = {ticker: market() + (k + 1) * e for k, ticker in enumerate("ABC")}
    for k, ticker in enumerate("ABC"):
        returns[ticker][EVENT] += 0.1 * (k + 1) ** 2
    results = fit(returns, {"M": market()}, at(EVENT, "ABC"), **CHOICES)
    for window in [(0, 0), (0, 1), (-2, 3)]:
        tests = results.tests(window)
        assert tests[0].mean_correlation == pytest.approx(1, abs=1e-12)
        assert notes(results, window) == {
            "adjusted_bmp": "rbar = 1: 1 - rbar is not positive",
            **FEW,
        }
        patell, adjusted = (tests.get("e", "all", n) for n in ("patell", "adjusted_patell"))
        assert adjusted.statistic == pytest.approx(patell.statistic / sqrt(3), rel=1e-9)


@pytest.mark.parametrize("seed", range(1, 6))
def test_identical_assets_have_no_cross_section(seed: int) -> None:
    # The same standardized CAR three times; its spread is rounding, not evidence.
    e = np.random.default_rng(seed).normal(0, 0.02, COUNT)
    returns = {ticker: market() + e * (k + 1) for k, ticker in enumerate("ABC")}
    results = fit(returns, {"M": market()}, at(EVENT, "ABC"), **CHOICES)
    for window in [(0, 0), (0, 1), (-2, 3)]:
        assert set(notes(results, window)) == {"bmp", "adjusted_bmp", "grank_t"}
    same = fit({t: market() + e for t in "ABC"}, {"M": market()}, at(EVENT, "ABC"), **CHOICES)
    assert set(notes(same, (0, 1))) == {
        "cross_sectional_t",
        "bmp",
        "adjusted_bmp",
        "grank_t",
        "skewness_t",
    }


@pytest.mark.parametrize(
    ("pattern", "rbar"), [([1, -1, 1, -1, 1, -1, 1, -1], 0), ([1, -1, -1, -1, 1, 1, 1, -1], -1 / 2)]
)
def test_equal_standardized_cars_have_no_spread(pattern: list[int], rbar: float) -> None:
    # Market adjusted, s = 1 and AR = 1 for both; of 8 products of residuals 4 or 2 are positive.
    results = fit(
        {"A": [*[1, 1, 1, 1, -1, -1, -1, -1] * 4, 1], "B": [*pattern * 4, 1]},
        {"M": [0] * 33},
        at(32, "AB"),
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-32, -1), minimum=32),
        event_window=(0, 0),
    )
    assert results.tests((0, 0))[0].mean_correlation == pytest.approx(rbar, abs=1e-12)
    no_spread = "the values have no spread, or too few estimation sessions are valid"
    assert notes(results, (0, 0)) == FEW | dict.fromkeys(
        ["cross_sectional_t", "bmp", "adjusted_bmp", "skewness_t"], no_spread
    )


@pytest.mark.parametrize("seed", range(1, 6))
def test_assets_that_cancel_have_no_portfolio(seed: int) -> None:
    # R = m + e and m - e: AAR_t = 0, mean ranks are 0 on every session, 1 + rbar = 0.
    e = np.random.default_rng(seed).normal(0, 0.02, COUNT)
    results = fit(
        {"A": market() + e, "B": market() - e}, {"M": market()}, at(EVENT, "AB"), **CHOICES
    )
    no_spread = "the values have no spread, or too few estimation sessions are valid"
    assert notes(results, (0, 1)) == {
        "time_series_t": no_spread,
        "adjusted_patell": "rbar = -1.000: 1 + (N - 1) rbar is not positive",
        "adjusted_bmp": "rbar = -1.000: 1 + (N - 1) rbar is not positive",
        "corrado_rank": no_spread,
        **FEW,
    }
    row = results.caar((0, 1)).iloc[0]
    assert row[["std_error", "lower", "upper"]].isna().all()


def test_cars_of_zero_leave_wilcoxon_without_a_rank() -> None:
    results = fit(
        {"A": [1, -1, 2, -2, 0], "B": [2, -1, 1, -2, 0]},
        {"M": [0] * 5},
        at(4, "AB"),
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-4, -1), minimum=4),
        event_window=(0, 0),
    )
    assert notes(results, (0, 0))["wilcoxon"] == "every CAR is zero"
    row = results.tests((0, 0)).get("e", "all", "wilcoxon")
    assert np.isnan(row.p_value)


def test_no_residual_above_zero_leaves_no_generalized_sign() -> None:
    # Market adjusted and always below the market: phat = 0, no binomial spread.
    results = fit(
        {"A": [-1, -2, -1, -3, 1], "B": [-2, -1, -1, -1, 2]},
        {"M": [0] * 5},
        at(4, "AB"),
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-4, -1), minimum=4),
        event_window=(0, 0),
    )
    assert "generalized_sign" in notes(results, (0, 0))


# Price limits


def test_everything_at_the_limit_is_marked_and_tested_like_anything_else() -> None:
    frame = returns_frame(noisy(3), {"M": market()})
    free = EventStudy(frame, alignment_frame(at(EVENT, "ABC"), COUNT), **CHOICES).fit()
    limited = frame.assign(at_limit="lower")
    results = EventStudy(limited, alignment_frame(at(EVENT, "ABC"), COUNT), **CHOICES).fit()
    assert (results.abnormal_returns["at_limit"] == "lower").all()
    assert (results.caar_path("e", "all")["share_at_limit"] == 1).all()
    pd.testing.assert_frame_equal(results.tests((0, 1)).tidy(), free.tests((0, 1)).tidy())
    blank = frame.assign(at_limit=pd.array([None] * len(frame), dtype="str"))
    results = EventStudy(blank, alignment_frame(at(EVENT, "ABC"), COUNT), **CHOICES).fit()
    assert (results.abnormal_returns["at_limit"] == "").all()
    assert (results.caar_path("e", "all")["share_at_limit"] == 0).all()


# A return that spans a gap


def test_a_car_over_the_end_of_a_gap_is_generalized_least_squares() -> None:
    # Three sessions without a close end at position 20 and again at the event: two returns over
    # g = 4 sessions, var = 4 s^2, rows x = (4, benchmark over 4 sessions). By hand: whiten with the
    # root of g, X = rows / root g, s^2 = SSR / (M - 2), var CAR = s^2 (sum g + x'(X'X)^-1 x).
    rng = np.random.default_rng(11)
    M = rng.normal(0, 0.01, COUNT)
    g = np.ones(COUNT)
    gone = np.zeros(COUNT, dtype=bool)
    for end in (20, EVENT):
        g[end] = 4
        gone[end - 3 : end] = True
        M[end] = rng.normal(0, 0.02)
    returns = 0.001 * g + 1.2 * M + np.sqrt(g) * rng.normal(0, 0.02, COUNT)
    frame = returns_frame({"A": np.where(gone, np.nan, returns)}, {"M": np.where(gone, np.nan, M)})
    frame["n_sessions"] = np.where(gone, 1, g)
    results = EventStudy(
        frame,
        alignment_frame(at(EVENT, "A"), COUNT),
        estimation=EstimationWindow(window=(-40, -6), minimum=20),
        event_window=(-4, 3),
    ).fit()

    past = np.arange(EVENT - 40, EVENT - 5)
    past = past[~gone[past]]
    design = np.column_stack([g, M])
    G_inverse = np.diag(1 / g[past])
    X, y = design[past], returns[past]
    XGX = np.linalg.inv(X.T @ G_inverse @ X)
    coefficients = XGX @ X.T @ G_inverse @ y
    residuals = y - X @ coefficients
    s = sqrt(residuals @ G_inverse @ residuals / (len(past) - 2))
    row = results.models.iloc[0]
    assert row["n_estimation"] == len(past) == 32
    assert [row["alpha"], row["beta"]] == pytest.approx(list(coefficients), rel=1e-9)
    assert row["sigma"] == pytest.approx(s, rel=1e-9)
    errors = results.coefficients["std_error"]
    np.testing.assert_allclose(errors, s * np.sqrt(np.diag(XGX)), rtol=1e-9)
    np.testing.assert_allclose(
        results.residuals["residual"], residuals / np.sqrt(g[past]), rtol=1e-7
    )
    assert results.car((0, 3)).empty
    for window in [(-3, 0), (-3, 1), (-4, 3), (1, 3)]:
        inside = np.arange(EVENT + window[0], EVENT + window[1] + 1)
        inside = inside[~gone[inside]]
        total = design[inside].sum(axis=0)
        car = returns[inside].sum() - total @ coefficients
        error = s * sqrt(g[inside].sum() + total @ XGX @ total)
        found = results.car(window).iloc[0]
        assert found["car"] == pytest.approx(car, rel=1e-9)
        assert found["std_error"] == pytest.approx(error, rel=1e-9)
        assert found["p_value"] == pytest.approx(2 * stats.t.sf(abs(car / error), 30), rel=1e-8)
    assert results.car((-1, 0)).empty
    assert results.incomplete((-1, 0))["reason"].item() == (
        f"the return on {sessions(COUNT)[EVENT]:%Y-%m-%d} (tau = 0) spans the 4 sessions from "
        "tau = -3 on, which the window does not contain"
    )


def test_a_market_adjusted_return_over_a_gap_is_scaled_by_the_root_of_its_sessions() -> None:
    # Differences 2 over 4 sessions and 1, -1, 1: SSR = 4/4 + 3 = 4, s^2 = 4/4, s = 1
    gone = [np.nan]
    frame = returns_frame({"A": [*gone * 3, 2, 1, -1, 1, *gone * 8, 3]}, {"M": [0] * 16})
    frame["n_sessions"] = [*[1] * 3, 4, *[1] * 11, 9]
    results = EventStudy(
        frame,
        alignment_frame(at(15, "A"), 16),
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-15, -9), minimum=4),
        event_window=(-8, 0),
    ).fit()
    assert results.models["sigma"].item() == pytest.approx(1, rel=1e-12)
    assert results.residuals["residual"].tolist() == pytest.approx([1, 1, -1, 1], rel=1e-12)
    row = results.car((-8, 0)).iloc[0]
    assert [row["car"], row["std_error"]] == pytest.approx([3, 3], rel=1e-12)
    assert results.models[["alpha", "beta"]].isna().all(axis=None)
    assert results.coefficients.empty


def test_spans_that_overlap_a_return_are_refused() -> None:
    frame = returns_frame({"A": [1, 2, 1], "B": [np.nan, 3, 1]}, {"M": [0] * 3})
    frame["n_sessions"] = [1, 1, 1, 1, 2, 1]
    build_panel(frame)
    frame["n_sessions"] = [1, 1, 1, 1, 2, 3]
    with pytest.raises(ValueError, match=r"B on 2018-01-03.* a session that this return spans has"):
        build_panel(frame)
    # The first of the sessions that are spanned is one of them.
    frame["n_sessions"] = [1, 2, 1, 1, 2, 1]
    with pytest.raises(ValueError, match=r"A on 2018-01-02.* a session that this return spans has"):
        build_panel(frame)


# Which sessions estimate


def test_anchor_first_is_one_window_for_all_events_of_an_asset() -> None:
    positions = {"early": {"A": 46}, "late": {"A": 54}, "before": {"A": 44}}
    alignment = alignment_frame(positions, COUNT).assign(
        role=["policy", "policy", "control"], in_sample=[True, True, False]
    )
    frame = returns_frame(noisy(1), {"M": market()})
    results = EventStudy(
        frame,
        alignment,
        estimation=EstimationWindow(window=(-30, -6), anchor="first", minimum=20, mask=False),
        event_window=(0, 3),
    ).fit()
    expected = list(sessions(COUNT)[16:41])
    for event_id in ("early", "late"):
        rows = results.residuals[results.residuals["event_id"] == event_id]
        assert rows["session"].tolist() == expected
    alone = fit(
        noisy(1),
        {"M": market()},
        {"late": {"A": 54}},
        estimation=EstimationWindow(window=(-38, -14), minimum=20),
        event_window=(0, 3),
    )
    np.testing.assert_allclose(
        pair(results.car((0, 1)), "A", "late")["t_stat"], alone.car((0, 1))["t_stat"], rtol=1e-12
    )


def test_anchor_first_is_chosen_asset_by_asset() -> None:
    positions = {"one": {"A": 46, "B": 46}, "two": {"B": 50}}
    alignment = alignment_frame(positions, COUNT)
    # For B the event "one" is a control: its first policy event is "two".
    alignment.loc[(alignment["ticker"] == "B") & (alignment["event_id"] == "one"), "role"] = (
        "control"
    )
    results = EventStudy(
        returns_frame(noisy(2), {"M": market()}),
        alignment,
        estimation=EstimationWindow(window=(-40, -16), anchor="first", minimum=20),
        event_window=(0, 3),
    ).fit()
    last = results.residuals.groupby(["event_id", "ticker"])["session"].max()
    days = sessions(COUNT)
    assert last["one", "A"] == days[30]
    assert last["one", "B"] == last["two", "B"] == days[34]


def test_anchor_first_without_a_policy_event_is_the_event_itself() -> None:
    alignment = alignment_frame({"x": {"A": 46}, "y": {"A": 54}}, COUNT).assign(role="control")
    results = EventStudy(
        returns_frame(noisy(1), {"M": market()}),
        alignment,
        estimation=EstimationWindow(window=(-30, -6), anchor="first", minimum=20, mask=False),
        event_window=(0, 3),
    ).fit()
    last = results.residuals.groupby("event_id")["session"].max()
    assert last.tolist() == [sessions(COUNT)[40], sessions(COUNT)[48]]


@pytest.mark.parametrize("day", ["session", "weekend"])
def test_staggered_events_with_a_fixed_end_share_one_window(day: str) -> None:
    # The 40th session is a Friday; the Sunday after it ends the same window.
    days = sessions(COUNT)
    friday = days[39]
    assert friday.day_name() == "Friday"
    end = friday if day == "session" else friday + pd.Timedelta(days=2)
    returns = noisy(3)
    returns["C"][:15] = np.nan
    frame = returns_frame(returns, {"M": market()})
    frame = frame[(frame["ticker"] != "C") | (frame["session"] >= days[15])]
    positions = {"e": {"A": 48, "B": 50, "C": 53}}
    results = EventStudy(
        frame,
        alignment_frame(positions, COUNT),
        estimation=EstimationWindow(window=(-40, -6), end=end, minimum=20),
        event_window=(-2, 3),
    ).fit()
    spans = results.residuals.groupby("ticker")["session"].agg(["min", "max"])
    assert spans["min"].tolist() == [days[5], days[5], days[15]]
    assert spans["max"].tolist() == [days[39]] * 3
    # The correlation is on calendar sessions, weighted by the sessions two windows share.
    wide = results.residuals.pivot_table(index="session", columns="ticker", values="residual")
    r = wide.corr(min_periods=30)
    assert r.isna().sum().sum() == 5  # C has 25 sessions: with A, B and itself too few
    window = (0, 3)
    shared = 2 / 4  # A's [48, 51] and B's [50, 53]
    found = results.tests(window)[0].mean_correlation
    # A's and C's windows are apart, which is zero; of B and C, which share one, it is unknown.
    assert found == pytest.approx((shared * r.loc["A", "B"] + 0) / 2, rel=1e-10)
    # A and B have two window sessions and the error of one estimation window in common; of C's
    # correlation with them too little is known.
    X = np.column_stack([np.ones(COUNT), market()])
    gram = np.linalg.inv(X[5:40].T @ X[5:40])
    of_a, of_b = X[48:52].sum(axis=0), X[50:54].sum(axis=0)
    sigma = results.models.set_index("ticker")["sigma"]
    covariance = r.loc["A", "B"] * sigma["A"] * sigma["B"] * (2 + of_a @ gram @ of_b)
    error = sqrt((results.car(window)["std_error"] ** 2).sum() + 2 * covariance) / 3
    t = results.tests(window).get("e", "all", "time_series_t")
    assert t.statistic == pytest.approx(t.mean_car / error, rel=1e-10)
    assert t.degrees == 35 - 2
    (caar,) = results.caar(window).itertuples()
    assert (caar.std_error, caar.degrees) == (pytest.approx(error, rel=1e-10), 33)
    path = results.caar_path("e", "all", start=0)
    assert path["session"].isna().all()
    # The band at the end of the path is the interval of the window.
    assert path["std_error"].iloc[-1] == pytest.approx(error, rel=1e-10)
    assert path["lower"].iloc[-1] == pytest.approx(caar.lower, rel=1e-10)


def test_a_staggered_path_shares_at_every_session_what_its_windows_share_until_then() -> None:
    # Market adjusted nothing is estimated. Until tau each window has L sessions, of which L - 1 are
    # of both: 4 se^2 = L (s_A^2 + s_B^2) + 2 (L - 1) r s_A s_B.
    returns = noisy(2)
    shared = np.random.default_rng(12).normal(0, 0.02, COUNT)
    returns = {ticker: series + shared for ticker, series in returns.items()}
    results = fit(
        returns,
        {"M": market()},
        {"e": {"A": 50, "B": 51}},
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-40, -5), minimum=20, mask=False),
        event_window=(0, 3),
    )
    of_a, of_b = (returns[ticker] - market() for ticker in "AB")
    s_a, s_b = (sqrt((e**2).mean()) for e in (of_a[10:46], of_b[11:47]))
    r = np.corrcoef(of_a[11:46], of_b[11:46])[0, 1]
    length = np.arange(1, 5)
    expected = np.sqrt(length * (s_a**2 + s_b**2) + 2 * (length - 1) * r * s_a * s_b) / 2
    path = results.caar_path("e", "all")
    np.testing.assert_allclose(path["std_error"], expected, rtol=1e-10)
    message = (
        r"^the assets of all have different event sessions at e: the points of their path have no "
        r"common covariance, and no simultaneous band$"
    )
    with pytest.raises(ValueError, match=message):
        results.simultaneous_band("e", "all", (0, 3))


def test_staggered_events_are_correlated_on_calendar_sessions() -> None:
    # Windows [0, 3] on 48..51, 50..53 and 53..56: A and B share 2 of 4, B and C 1, A and C none.
    positions = {"e": {"A": 48, "B": 50, "C": 53}}
    results = fit(
        noisy(3),
        {"M": market()},
        positions,
        estimation=EstimationWindow(window=(-40, -6), minimum=20, mask=False),
        event_window=(0, 3),
    )
    wide = results.residuals.pivot_table(index="session", columns="ticker", values="residual")
    assert wide.notna().all(axis=1).sum() == 30
    r = wide.corr(min_periods=30)
    expected = (r.loc["A", "B"] * 2 / 4 + r.loc["B", "C"] * 1 / 4 + 0) / 3
    assert results.tests((0, 3))[0].mean_correlation == pytest.approx(expected, rel=1e-10)
    assert abs(r.loc["A", "C"]) > 0.01


def test_ranks_with_gaps_and_masked_sessions_by_hand() -> None:
    # Corrado and GRANK-T from their formulas, with the ranks of pandas.
    returns = noisy(10)
    rng = np.random.default_rng(5)
    for series in returns.values():
        series[:EVENT][rng.random(EVENT) < 0.15] = np.nan
    positions = at(EVENT, "ABCDEFGHIJ") | {"x": dict.fromkeys("ABCDEFGHIJ", 20)}
    results = fit(returns, {"M": market()}, positions, out_of_sample=["x"], **CHOICES)
    residuals = results.residuals.pivot_table(index="session", columns="ticker", values="residual")
    residuals = residuals.reindex(sessions(COUNT)[EVENT - 40 : EVENT - 5])
    assert residuals.isna().all(axis=1).sum() == 2
    shown = results.abnormal_returns.pivot_table(index="tau", columns="ticker", values="abnormal")
    together = pd.concat([residuals, shown.loc[0:1]])
    u = together.rank() / (together.count() + 1) - 0.5
    present, mean = u.count(axis=1), u.mean(axis=1)
    deviation = sqrt((present / 10 * mean**2).sum() / (present > 0).sum())
    z = mean.iloc[-2:].sum() / (sqrt(2) * deviation)
    tests = results.tests((0, 1))
    assert tests.get("e", "all", "corrado_rank").statistic == pytest.approx(z, rel=1e-10)

    scar = results.car((0, 1)).set_index("ticker")["t_stat"]
    standardized = residuals / results.models.set_index("ticker")["sigma"]
    extra = (scar / scar.std()).to_frame().T
    u = pd.concat([standardized, extra])
    u = u.rank() / (u.count() + 1) - 0.5
    present, mean = u.count(axis=1), u.mean(axis=1)
    n = (present > 0).sum()
    Z = mean.iloc[-1] / sqrt((present / 10 * mean**2).sum() / n)
    t = Z * sqrt((n - 2) / (n - 1 - Z**2))
    grank = tests.get("e", "all", "grank_t")
    assert (grank.statistic, grank.degrees) == (pytest.approx(t, rel=1e-10), n - 2)
    # The portfolio counts the sessions with at least one asset.
    s_aar = sqrt((residuals.mean(axis=1) ** 2).sum() / (33 - 2))
    portfolio = tests.get("e", "all", "time_series_t")
    expected = portfolio.mean_car / (s_aar * estimation_error(results, (0, 1)))
    assert (portfolio.statistic, portfolio.degrees) == (pytest.approx(expected, rel=1e-10), 31)
    # And the sign test the share of positive residuals asset by asset.
    phat = ((residuals > 0).sum() / residuals.count()).mean()
    w = (results.car((0, 1))["car"] > 0).sum()
    sign = (w - 10 * phat) / sqrt(10 * phat * (1 - phat))
    assert tests.get("e", "all", "generalized_sign").statistic == pytest.approx(sign, rel=1e-10)


def test_a_stack_of_samples_is_tested_as_each_of_them() -> None:
    # Shapes (2, 3, N, ...) give the statistics and p-values of every (N, ...) by itself, be their
    # units ever so different.
    rng = np.random.default_rng(8)
    stack, n, m, length = (2, 3), 10, 40, 3
    residuals = rng.normal(0, 0.02, (*stack, n, m))
    residuals[rng.random(residuals.shape) < 0.05] = np.nan
    abnormal = rng.normal(0.01, 0.02, (*stack, n, length))
    residuals[1, 2], abnormal[1, 2] = 1e-14 * residuals[1, 2], 1e-14 * abnormal[1, 2]
    fields = {
        "car": abnormal.sum(axis=-1),
        "car_std_error": rng.uniform(0.02, 0.04, (*stack, n)),
        "abnormal": abnormal,
        "abnormal_std_error": rng.uniform(0.01, 0.03, (*stack, n, length)),
        "residuals": residuals,
        "sigma": rng.uniform(0.01, 0.03, (*stack, n)),
    }
    parameters = np.array([2, 1, 2, 2, 3] * 2)
    whole = GroupSample(**fields, n_parameters=parameters)
    for test in TESTS:
        together = test.compute(whole)
        assert np.shape(together.statistic) == stack
        p_values = two_sided_p_value(together)
        for index in np.ndindex(stack):
            one = {name: values[index] for name, values in fields.items()}
            alone = test.compute(GroupSample(**one, n_parameters=parameters))
            assert together.statistic[index] == pytest.approx(alone.statistic, rel=1e-12)
            assert p_values[index] == pytest.approx(two_sided_p_value(alone), rel=1e-12)


@pytest.mark.parametrize(("beyond", "defined"), [(0.5, False), (1.5, True)])
def test_a_variance_beyond_rounding_is_a_variance(beyond: float, defined: bool) -> None:
    # N = 3: 1 - rbar and 1 + 2 rbar, the one or the other hardly positive
    for r in (1 - beyond * ROUNDING, (beyond * ROUNDING - 1) / 2):
        sample = replace(EXAMPLE)
        vars(sample)["mean_correlation"] = np.array(r)
        adjusted = adjusted_bmp(sample).statistic
        if defined:
            ratio = (1 - r) / (1 + 2 * r)
            assert adjusted == pytest.approx(bmp(sample).statistic * sqrt(ratio), rel=1e-12)
        else:
            assert np.isnan(adjusted)


@pytest.mark.parametrize(("parameters", "defined"), [(1, True), (2, False), (3, False)])
def test_a_portfolio_deviation_needs_a_degree_of_freedom(parameters: int, defined: bool) -> None:
    # Mean residuals 1 and -1 on two sessions: s_AAR^2 = (1 + 1) / (2 - p)
    residuals = np.array([[2.0, -2.0], [0.0, 0.0]])
    deviation, degrees = portfolio_deviation(residuals, np.array([1, parameters]))
    assert degrees == 2 - parameters
    assert np.array_equal(deviation, sqrt(2) if defined else np.nan, equal_nan=True)


def test_assets_that_do_not_vary_on_their_common_sessions_have_no_correlation() -> None:
    # A and B vary on the sessions before B is listed, and after A is gone; in between, on 31 common
    # sessions, both are constant, and what is left of their sums of squares is rounding.
    a, b = np.full(40, 0.649), np.full(40, 0.912)
    a[:4], b[:4] = [0.5, -0.5, 1.0, -1.0], np.nan
    a[35:], b[35:] = np.nan, [0.5, -0.5, 1.0, -1.0, 0.2]
    sample = replace(
        EXAMPLE,
        car=np.array([1.0, 2.0]),
        residuals=np.array([a, b]),
    )
    assert np.isnan(mean_residual_correlation(sample))
    # A third asset meets A on 35 and B on 36 sessions, on which they vary.
    c = np.random.default_rng(1).normal(size=40)
    sample = replace(sample, car=np.ones(3), residuals=np.array([a, b, c]))
    c_a = np.corrcoef(a[:35], c[:35])[0, 1]
    c_b = np.corrcoef(b[4:], c[4:])[0, 1]
    assert mean_residual_correlation(sample) == pytest.approx((c_a + c_b) / 2, rel=1e-10)


@pytest.mark.parametrize("common", [29, 30, 31])
def test_two_kinds_of_assets_need_thirty_common_sessions(common: int) -> None:
    # Six assets of the first 60 sessions and six of the last 60.
    residuals = np.random.default_rng(3).normal(size=(12, 120 - common))
    residuals += residuals[0]
    residuals[:6, 60:], residuals[6:, : 60 - common] = np.nan, np.nan
    sample = replace(EXAMPLE, car=np.ones(12), residuals=residuals)
    correlation = pd.DataFrame(residuals.T).corr(min_periods=30).to_numpy()
    of_pairs = correlation[np.triu_indices(12, 1)]
    assert np.isfinite(of_pairs).sum() == (66 if common >= 30 else 30)
    assert mean_residual_correlation(sample) == pytest.approx(np.nanmean(of_pairs), rel=1e-10)


def test_a_sample_without_spread_leaves_its_neighbours_alone() -> None:
    # Equal standardized CARs in the second sample alone
    # Four copies of each asset, because GRANK-T is undefined below ten.
    names = ("car", "car_std_error", "abnormal", "abnormal_std_error", "residuals", "sigma")
    copies = {name: np.concatenate([getattr(EXAMPLE, name)] * 4) for name in names}
    twelve = replace(EXAMPLE, **copies, n_parameters=np.full(12, 2))
    both = {name: np.stack([value, value]) for name, value in copies.items()}
    both["car"][1] = 2 * twelve.car_std_error
    sample = replace(twelve, **both)
    for test in (bmp, grank_t):
        first, second = test(sample).statistic
        assert first == pytest.approx(test(twelve).statistic, rel=1e-12)
        assert np.isnan(second)


def test_wilcoxon_chooses_its_p_value_sample_by_sample() -> None:
    # |CAR| tied (first and last place), free of ties, with a zero: ranks and methods by hand
    rows = np.array(
        [
            [1.0, -1.0, 2.0, 3.0, 5.0],
            [2.0, -3.0, 1.0, 5.0, 5.0],
            [1.0, -1.5, 2.0, 3.0, 5.0],
            [0.0, -1.0, 2.0, -3.0, 5.0],
            [0.0, 0.0, 0.0, -3.0, 0.0],
        ]
    )
    outcome = wilcoxon(replace(EXAMPLE, car=rows))
    positive = [1.5 + 3 + 4 + 5, 2 + 1 + 4.5 + 4.5, 1 + 3 + 4 + 5, 2 + 4, 0]
    assert outcome.statistic.tolist() == positive
    assert outcome.p_value[-1] == 1  # one CAR is above or below zero
    methods = ["asymptotic", "asymptotic", "exact", "exact", "exact"]
    expected = [
        stats.wilcoxon(row[row != 0], method=method, correction=False).pvalue
        for row, method in zip(rows, methods, strict=True)
    ]
    assert outcome.p_value.tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "method"), [(50, "exact"), (51, "asymptotic")])
def test_wilcoxon_is_exact_up_to_fifty_cars(n: int, method: str) -> None:
    car = np.random.default_rng(n).normal(0.3, 1, n)
    p_value = wilcoxon(replace(EXAMPLE, car=car)).p_value
    assert p_value == pytest.approx(stats.wilcoxon(car, method=method).pvalue, rel=1e-12)


def test_an_end_before_the_data_leaves_no_window() -> None:
    estimation = EstimationWindow(window=(-40, -6), end="2017-06-30", minimum=20)
    results = fit(
        noisy(1), {"M": market()}, at(EVENT, "A"), estimation=estimation, event_window=(0, 1)
    )
    assert reason(results) == "0 valid sessions in the estimation window, 20 needed"


def test_an_estimation_window_may_end_right_before_the_event_window() -> None:
    def run(last: int) -> EventStudyResults:
        return fit(
            noisy(1),
            {"M": market()},
            at(EVENT, "A") | {"f": {"A": EVENT + 4}},
            estimation=EstimationWindow(window=(-40, last), minimum=20, mask=False),
            event_window=(-2, 3),
        )

    assert run(-3).models["n_estimation"].tolist() == [38, 38]
    with pytest.raises(
        ValueError,
        match=r"^the estimation window does not end before the event window \[-2, 3\] of e, f "
        r"begins; end it earlier or shorten the event window$",
    ):
        run(-2)


# Placebo events


def test_placebo_sessions_are_ordinary_and_leave_themselves_out() -> None:
    returns, days = noisy(2), sessions(COUNT)
    study = EventStudy(
        returns_frame(returns, {"M": market()}),
        alignment_frame({"e": {"A": EVENT, "B": EVENT}}, COUNT),
        estimation=EstimationWindow(window=(-40, -6), end=days[45], minimum=20),
        event_window=(0, 1),
    )
    placebo = study.placebo((0, 1))
    found = pd.DatetimeIndex(sorted(set(placebo.pairs["event_session"])))
    # [0, 1] around a session must miss [50, 55] and end inside the data.
    expected = [k for k in range(COUNT) if not ({k, k + 1} & set(range(50, 56))) and k + 1 < COUNT]
    assert found.tolist() == list(days[expected])
    assert placebo.pairs["ticker"].value_counts().to_dict() == dict.fromkeys("AB", len(expected))
    assert placebo.pairs["event_id"].iloc[0] == f"{days[0]:%Y-%m-%d}"
    first = placebo.caar_path(f"{days[0]:%Y-%m-%d}", "all")
    assert first["session"].tolist() == list(days[:2])
    counts = placebo.models.merge(placebo.pairs).set_index(["event_session", "ticker"])
    for k in expected:
        inside = len({k, k + 1} & set(range(11, 46)))
        assert counts.loc[(days[k], "A"), "n_estimation"] == 35 - inside
    with pytest.raises(ValueError, match=r"^the event window \[1, 0\] is reversed$"):
        study.placebo((1, 0))


@pytest.mark.parametrize(
    ("time", "shifted", "names"),
    [
        ("0h", [25], ["2018-02-05", "2018-02-06"]),
        ("30min", [25], ["2018-02-05T00:30", "2018-02-06"]),
        ("1ns", [25], ["2018-02-05T00:00:00.000000001", "2018-02-06"]),
    ],
)
def test_a_placebo_event_is_named_by_its_session(
    time: str, shifted: list[int], names: list[str]
) -> None:
    returns, alignment = sound()
    moved = returns["session"].isin(DAYS[shifted])
    returns["session"] = returns["session"].mask(moved, returns["session"] + pd.Timedelta(time))
    # The 25 sessions before have too few to estimate.
    event_id = EventStudy(returns, alignment, **CHOICES).placebo().pairs["event_id"]
    assert event_id.unique()[:2].tolist() == names


def test_placebo_hours_are_events_of_their_own() -> None:
    # 60 hours are 3 days; [0, 1] around an hour misses [50, 55] and ends inside the data.
    returns, alignment = sound()
    hours = pd.Series(pd.date_range("2018-01-01", periods=COUNT, freq="h"), index=DAYS)
    returns["session"] = returns["session"].map(hours)
    alignment["event_session"] = alignment["event_session"].map(hours)
    placebo = EventStudy(returns, alignment, **CHOICES).placebo((0, 1))
    expected = [*range(49), *range(56, COUNT - 1)]
    counts = placebo.pairs["event_id"].value_counts()
    assert (counts == 2).all()
    # The first sessions have no estimation window.
    last = [f"{hours.iloc[k]:%Y-%m-%dT%H:%M}".removesuffix("T00:00") for k in expected][-20:]
    assert sorted(counts.index)[-20:] == last
    assert {test.n_assets for test in placebo.tests((0, 1))} == {2}


# The frame


def awkward() -> pd.DataFrame:
    """Two assets with a gap, a return over two sessions and a close at the limit."""
    frame = returns_frame(noisy(2), {"M": market()})
    frame.loc[5, "return"] = np.nan
    frame.loc[6, "n_sessions"] = 2
    frame.loc[EVENT, "at_limit"] = "upper"
    return frame


def everything(frame: pd.DataFrame) -> list[pd.DataFrame]:
    results = EventStudy(frame, alignment_frame(at(EVENT, "AB"), COUNT), **CHOICES).fit()
    return [results.abnormal_returns, results.residuals, results.models, results.tidy()]


ALIGNED = {
    "sessions in seconds": lambda a: a.assign(event_session=a["event_session"].dt.as_unit("s")),
    "sessions as text": lambda a: a.assign(event_session=a["event_session"].astype(str)),
    "backwards": lambda a: a.iloc[::-1],
    "three columns": lambda a: a[["event_id", "ticker", "event_session"]],
    "tickers by category": lambda a: a.astype({"ticker": "category"}),
}


@pytest.mark.parametrize("rewrite", ALIGNED.values(), ids=ALIGNED.keys())
def test_how_the_alignment_is_written_does_not_matter(rewrite: object) -> None:
    # Both are policy events in sample: the first anchors both of an asset's windows.
    frame = returns_frame(noisy(2), {"M": market()})
    plain = alignment_frame(at(EVENT, "AB") | {"early": {"B": 45}}, COUNT)
    estimation = EstimationWindow(window=(-40, -6), anchor="first", minimum=20)
    given, expected = (
        EventStudy(frame, alignment, estimation=estimation, event_window=(-2, 3)).fit()
        for alignment in (rewrite(plain), plain)
    )
    pd.testing.assert_frame_equal(given.pairs, expected.pairs, check_exact=True)
    pd.testing.assert_frame_equal(given.residuals, expected.residuals, check_exact=True)
    last = given.residuals.groupby(["event_id", "ticker"])["session"].max()
    assert last["e", "B"] == last["early", "B"] == sessions(COUNT)[39]


REWRITTEN = {
    "sessions in seconds": lambda f: f.assign(session=f["session"].dt.as_unit("s")),
    "sessions as text": lambda f: f.assign(session=f["session"].dt.strftime("%Y-%m-%d")),
    "numbers that may be NA": lambda f: f.astype(
        {"return": "Float64", "M": "Float64", "n_sessions": "Int64"}
    ),
    "numbers as objects": lambda f: f.astype({"return": object, "M": object, "n_sessions": object}),
    "limits by category": lambda f: f.astype({"at_limit": "category"}),
    "limits by category, others blank": lambda f: f.assign(
        at_limit=f["at_limit"].replace("", None).astype("category")
    ),
    "numbers as objects that may be NA": lambda f: f.assign(
        **{"return": f["return"].astype(object).where(f["return"].notna(), pd.NA)}
    ),
    "numbers as text": lambda f: f.assign(M=f["M"].map(repr)),
    "numbers and blanks as text": lambda f: f.assign(
        **{"return": f["return"].map(repr).where(f["return"].notna(), " ")}
    ),
    "sessions by category": lambda f: f.assign(
        session=f["session"].dt.strftime("%Y-%m-%d").astype("category")
    ),
    "two sessions exchanged": lambda f: f.iloc[[0, 2, 1, *range(3, 2 * COUNT)]],
    "backwards": lambda f: f.iloc[::-1],
    "assets in order, sessions backwards": lambda f: f.iloc[
        [*range(COUNT - 1, -1, -1), *range(2 * COUNT - 1, COUNT - 1, -1)]
    ],
    "assets in turn": lambda f: f.sort_values("session", kind="stable"),
    "the second asset first": lambda f: f.iloc[[*range(COUNT, 2 * COUNT), *range(COUNT)]],
    "the second asset last, in two parts": lambda f: f.iloc[
        [*range(COUNT, COUNT + 9), *range(COUNT), *range(COUNT + 9, 2 * COUNT)]
    ],
}


@pytest.mark.parametrize("rewrite", REWRITTEN.values(), ids=REWRITTEN.keys())
def test_how_the_frame_is_written_does_not_matter(rewrite: object) -> None:
    for given, plain in zip(everything(rewrite(awkward())), everything(awkward()), strict=True):
        pd.testing.assert_frame_equal(given, plain, check_exact=True)


def test_assets_are_sorted_though_the_first_stands_first() -> None:
    tickers, days = ["A", "A", "C", "C", "B", "B"], list(sessions(2)) * 3
    panel = build_panel(
        pd.DataFrame({"ticker": tickers, "session": days, "return": np.arange(1.0, 7.0)})
    )
    assert panel.tickers == ("A", "B", "C")
    assert panel.returns.tolist() == [1, 2, 5, 6, 3, 4]


def test_samples_with_sessions_of_their_own_may_be_stacked() -> None:
    # The third asset shares no session with the others: what is left is the correlation of the
    # first two, 1/2 for the first and the second row of the example, 0 for the second and third.
    session = np.arange(32) + np.array([[0], [0], [40]])
    stacked = np.stack([EXAMPLE.residuals, EXAMPLE.residuals[[1, 2, 0]]])
    sample = replace(EXAMPLE, car=np.ones((2, 3)), residuals=stacked, estimation_session=session)
    assert sample.mean_correlation == pytest.approx([0.5, 0.0])


def test_stacked_samples_may_have_no_session_in_common() -> None:
    residuals = np.random.default_rng(9).normal(size=(2, 3, 80))
    residuals[0, :, 40:] = np.nan
    residuals[1, :, :40] = np.nan
    sample = replace(EXAMPLE, car=np.ones((2, 3)), residuals=residuals)
    above = np.triu_indices(3, 1)
    halves = residuals[0, :, :40], residuals[1, :, 40:]
    expected = [np.corrcoef(half)[above].mean() for half in halves]
    assert mean_residual_correlation(sample) == pytest.approx(expected, rel=1e-12)


def test_stacked_samples_have_degrees_of_freedom_of_their_own() -> None:
    # Windows that share no session: the variances add up, 9 + 16 and 36 + 64, and se is a half of
    # their root. Forty sessions with a residual, or five fewer; one parameter.
    residuals = np.random.default_rng(10).normal(size=(2, 2, 40))
    residuals[1, :, 7:12] = np.nan
    sample = GroupSample(
        car=np.ones((2, 2)),
        car_std_error=np.array([[3.0, 4.0], [6.0, 8.0]]),
        abnormal=np.ones((2, 2, 1)),
        abnormal_std_error=np.ones((2, 2, 1)),
        residuals=residuals,
        sigma=np.ones((2, 2)),
        n_parameters=np.ones(2, dtype=int),
        window_start=np.array([50, 60]),
    )
    error, degrees = calendar_error(sample)
    assert error == pytest.approx([2.5, 5.0], rel=1e-12)
    assert degrees.tolist() == [39, 34]


@pytest.mark.parametrize("blank", [None, np.nan, pd.NA, ""])
def test_a_blank_limit_is_none(blank: object) -> None:
    returns, alignment = sound()
    returns["at_limit"] = pd.Series([blank] * len(returns), dtype=object)
    returns.loc[[EVENT, EVENT + 1], "at_limit"] = ["upper", "lower"]
    found = EventStudy(returns, alignment, **CHOICES).fit().abnormal_returns
    assert pair(found, "A")["at_limit"].tolist() == ["", "", "upper", "lower", "", ""]
    assert pair(found, "B")["at_limit"].tolist() == [""] * 6


def test_limits_that_are_all_missing_numbers_are_none() -> None:
    returns, _ = sound()
    panel = build_panel(returns.assign(at_limit=np.nan))
    assert panel.at_limit.tolist() == [0] * len(returns)


def test_tickers_are_compared_as_text() -> None:
    returns, alignment = sound()
    numbers = {"A": 600519, "B": 70}
    returns, alignment = (f.assign(ticker=f["ticker"].map(numbers)) for f in (returns, alignment))
    texts = [f.astype({"ticker": "str"}) for f in (returns, alignment)]
    kept = {"benchmarks": {600519: ("M",)}, "groups": {70: "one", 600519: "one"}}
    expected = EventStudy(
        *texts, benchmarks={"600519": ("M",)}, groups={"70": "one", "600519": "one"}, **CHOICES
    ).fit()
    for frames in ((returns, alignment), (returns, texts[1]), (texts[0], alignment)):
        results = EventStudy(*frames, **kept, **CHOICES).fit()
        # As text 600519 stands before 70.
        assert results.pairs["ticker"].tolist() == ["600519", "70"]
        pd.testing.assert_frame_equal(results.models, expected.models, check_exact=True)
        assert results.models["model"].tolist() == ["market", "constant_mean"]
    assert build_panel(returns).tickers == ("600519", "70")
    # Half of an asset's rows as a number and half as text are still one asset.
    mixed = returns["ticker"].astype(object).where(returns.index % 2 == 0, texts[0]["ticker"])
    assert build_panel(returns.assign(ticker=mixed)).length.tolist() == [COUNT, COUNT]


def test_events_and_columns_may_be_numbers() -> None:
    returns, alignment = sound()
    returns, alignment = returns.rename(columns={"M": 300}), alignment.assign(event_id=7)
    by_ticker = {"A": [300], "B": ("300",)}
    for benchmarks in (None, by_ticker, pd.Series(by_ticker)):
        models = EventStudy(returns, alignment, benchmarks=benchmarks, **CHOICES).fit().models
        assert models["event_id"].tolist() == ["7", "7"]
        assert models["benchmark"].tolist() == ["300", "300"]


def test_spans_and_limits_may_be_left_out() -> None:
    frame = returns_frame(noisy(2), {"M": market()})
    without = frame.drop(columns=["n_sessions", "at_limit"])
    for given, plain in zip(everything(without), everything(frame), strict=True):
        pd.testing.assert_frame_equal(given, plain, check_exact=True)


def test_a_panel_is_sorted_by_asset_and_session() -> None:
    days = sessions(3)
    panel = build_panel(
        pd.DataFrame(
            {
                "ticker": ["B", "B", "A", "A", "A"],
                "session": [days[2], days[1], days[0], days[2], days[1]],
                "return": [5, 4, 1, 3, 2],
            }
        )
    )
    assert panel.tickers == ("A", "B")
    assert panel.returns.tolist() == [1, 2, 3, 4, 5]
    assert panel.session.tolist() == days[[0, 1, 2, 1, 2]].to_numpy().tolist()
    blocks = (panel.first, panel.length, panel.offset)
    assert [block.tolist() for block in blocks] == [[0, 3], [3, 2], [0, 1]]
    assert panel.n_sessions.tolist() == [1] * 5
    assert panel.at_limit.tolist() == [0] * 5


def test_a_later_change_of_the_frame_does_not_reach_the_study() -> None:
    frame = awkward()
    study = EventStudy(frame, alignment_frame(at(EVENT, "AB"), COUNT), **CHOICES)
    for column, value in {
        "session": pd.Timestamp("2000-01-03"),
        "return": 9.0,
        "M": 9.0,
        "n_sessions": 7,
        "at_limit": "lower",
    }.items():
        frame.loc[:, column] = value
    results = study.fit()
    found = [results.abnormal_returns, results.residuals, results.models, results.tidy()]
    for given, plain in zip(found, everything(awkward()), strict=True):
        pd.testing.assert_frame_equal(given, plain, check_exact=True)


# Errors


def sound() -> tuple[pd.DataFrame, pd.DataFrame]:
    return returns_frame(noisy(2), {"M": market()}), alignment_frame(at(EVENT, "AB"), COUNT)


DAYS = sessions(COUNT)


def infinite(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{"return": frame["return"].where(frame.index != 7, np.inf)})


RETURNS_ERRORS = {
    "missing column": (
        lambda f: f.drop(columns=["session", "return"]),
        r"^returns: missing column session, return$",
    ),
    "no row": (lambda f: f.iloc[:0], r"^returns: there is no row$"),
    "missing ticker": (
        lambda f: f.assign(ticker=f["ticker"].where(f.index != 3)),
        r"^returns: a ticker is blank$",
    ),
    "empty ticker": (
        lambda f: f.assign(ticker=f["ticker"].where(f.index != 3, "")),
        r"^returns: a ticker is blank$",
    ),
    "blank session": (
        lambda f: f.assign(session=f["session"].where(f.index != 3)),
        r"^returns: a session is blank$",
    ),
    "infinite return": (
        infinite,
        rf"^returns: return of A on {DAYS[7]:%Y-%m-%d} is infinite; leave it blank "
        r"where there is no return$",
    ),
    "infinite benchmark": (
        lambda f: f.assign(M=f["M"].where(f.index != COUNT + 8, -np.inf)),
        rf"^returns: M of B on {DAYS[8]:%Y-%m-%d} is infinite; leave it blank "
        r"where there is no return$",
    ),
    "no span": (
        lambda f: f.assign(n_sessions=f["n_sessions"].where(f.index != 5, 0)),
        rf"^returns: n_sessions of A on {DAYS[5]:%Y-%m-%d} is 0; a return spans one "
        r"session or more, a whole number$",
    ),
    "blank span": (
        lambda f: f.assign(n_sessions=f["n_sessions"].where(f.index != 5)),
        rf"^returns: n_sessions of A on {DAYS[5]:%Y-%m-%d} is nan; a return spans one "
        r"session or more, a whole number$",
    ),
    "infinite span": (
        lambda f: f.assign(n_sessions=f["n_sessions"].where(f.index != 5, np.inf)),
        rf"^returns: n_sessions of A on {DAYS[5]:%Y-%m-%d} is inf; a return spans one "
        r"session or more, a whole number$",
    ),
    "one and a half sessions": (
        lambda f: f.assign(n_sessions=f["n_sessions"].where(f.index != COUNT + 5, 1.5)),
        rf"^returns: n_sessions of B on {DAYS[5]:%Y-%m-%d} is 1.5; a return spans one "
        r"session or more, a whole number$",
    ),
    "half a session": (
        lambda f: f.assign(n_sessions=f["n_sessions"].where(f.index != 5, 0.5)),
        rf"^returns: n_sessions of A on {DAYS[5]:%Y-%m-%d} is 0.5; a return spans one "
        r"session or more, a whole number$",
    ),
    "text for a return": (
        lambda f: f.assign(**{"return": f["return"].astype(object).where(f.index != 7, "n/a")}),
        rf"^returns: return of A on {DAYS[7]:%Y-%m-%d} is 'n/a'; expected a number or a "
        r"blank, as in every column but ticker, session and at_limit$",
    ),
    "text for a span": (
        lambda f: f.assign(n_sessions=f["n_sessions"].map(str).where(f.index != 7, "one")),
        rf"^returns: n_sessions of A on {DAYS[7]:%Y-%m-%d} is 'one'; expected a number or a "
        r"blank, as in every column but ticker, session and at_limit$",
    ),
    "a column of text, backwards": (
        lambda f: f.assign(sector=np.where(f.index < 4, None, "bank")).iloc[::-1],
        rf"^returns: sector of A on {DAYS[4]:%Y-%m-%d} is 'bank'; expected a number or a "
        r"blank, as in every column but ticker, session and at_limit$",
    ),
    "a category of text": (
        lambda f: f.assign(sector=pd.Categorical(["bank"] * len(f))),
        rf"^returns: sector of A on {DAYS[0]:%Y-%m-%d} is 'bank'; expected",
    ),
    "limit in capitals": (
        lambda f: f.assign(at_limit=f["at_limit"].where(f.index != COUNT + 5, "Upper")),
        rf"^returns: at_limit of B on {DAYS[5]:%Y-%m-%d} is 'Upper'; expected "
        r'"upper", "lower" or a blank$',
    ),
    "limit as a truth, backwards": (
        lambda f: f.assign(at_limit=f.index == 5).iloc[::-1],
        rf"^returns: at_limit of A on {DAYS[0]:%Y-%m-%d} is False; expected "
        r'"upper", "lower" or a blank$',
    ),
    "limit as a truth among blanks": (
        lambda f: f.assign(at_limit=f["at_limit"].astype(object).where(f.index != 5, True)),
        rf"^returns: at_limit of A on {DAYS[5]:%Y-%m-%d} is True; expected "
        r'"upper", "lower" or a blank$',
    ),
    "timezone": (
        lambda f: f.assign(session=f["session"].dt.tz_localize("Asia/Shanghai")),
        r"^returns: session has the timezone Asia/Shanghai; give dates of the exchange without a "
        r"timezone, such as 2018-07-30$",
    ),
    "sessions as numbers": (
        lambda f: f.assign(session=20180730 + f.index.to_numpy()),
        r"^returns: session holds numbers, such as 20180730; give dates of the exchange without a "
        r"timezone, such as 2018-07-30$",
    ),
    "sessions as numbers among objects": (
        lambda f: f.assign(session=pd.Series(20180730 + f.index, dtype=object)),
        r"^returns: session holds numbers, such as 20180730; give dates",
    ),
    "a session as a number among dates": (
        lambda f: f.assign(session=[20180730, *f["session"].dt.strftime("%Y-%m-%d")[1:]]),
        r"^returns: session holds numbers, such as 20180730; give dates",
    ),
    "sessions as categories of numbers": (
        lambda f: f.assign(session=pd.Categorical(20180730 + f.index)),
        r"^returns: session holds numbers, such as 20180730; give dates",
    ),
    "sessions as truths": (
        lambda f: f.assign(session=True),
        r"^returns: session holds numbers, such as True; give dates",
    ),
    "sessions as decimals": (
        lambda f: f.assign(session=Decimal(20180730)),
        r"^returns: session holds numbers, such as 20180730; give dates",
    ),
    "sessions as whole and broken numbers": (
        lambda f: f.assign(session=pd.Series([20180730, *[0.5] * (len(f) - 1)], dtype=object)),
        r"^returns: session holds numbers, such as 20180730; give dates",
    ),
    "sessions as months": (
        lambda f: f.assign(session=f["session"].dt.to_period("M")),
        r"^returns: session cannot be read: .*; give dates",
    ),
    "sessions beyond the reach of nanoseconds": (
        lambda f: f.assign(session=["3000-01-01", *f["session"].dt.strftime("%Y-%m-%d")[1:]]),
        r"^returns: session cannot be read: .*3000-01-01.*; give dates",
    ),
    "sessions as numbers, the first one blank": (
        lambda f: f.assign(session=[np.nan, *range(1, len(f))]),
        r"^returns: session holds numbers, such as 1\.0; give dates",
    ),
    "sessions all blank": (
        lambda f: f.assign(session=np.nan),
        r"^returns: a session is blank$",
    ),
    "dates where a benchmark stands": (
        lambda f: f.assign(listed=pd.Timestamp("2011-05-04")),
        rf"^returns: listed of A on {DAYS[0]:%Y-%m-%d} is '2011-05-04'; expected a number",
    ),
    "durations where a benchmark stands": (
        lambda f: f.assign(age=pd.Timedelta(days=3)),
        rf"^returns: age of A on {DAYS[0]:%Y-%m-%d} is '3 days'; expected a number",
    ),
    "two timezones": (
        lambda f: f.assign(session=["2018-01-01T00:00+08:00", *["2018-01-01T00:00Z"] * 119]),
        r"^returns: session cannot be read: Mixed timezones detected; give dates of the "
        r"exchange without a timezone, such as 2018-07-30$",
    ),
    "columns of one name": (
        lambda f: pd.concat([f, f[["M", "M", "return"]]], axis=1),
        r"^returns: more than one column is named M, return; keep one$",
    ),
    "columns of one name as text": (
        lambda f: f.assign(**{"300": 0.0}).rename(columns={"M": 300}),
        r"^returns: more than one column is named 300; keep one$",
    ),
    "two rows of an hour": (
        lambda f: pd.concat([f, f.iloc[[9]]]).assign(
            session=lambda g: g["session"] + pd.Timedelta(hours=9, minutes=30)
        ),
        rf"^returns: A has two rows for {DAYS[9]:%Y-%m-%d} 09:30:00; keep one$",
    ),
    "two rows": (
        lambda f: pd.concat([f, f.iloc[[9]]]),
        rf"^returns: A has two rows for {DAYS[9]:%Y-%m-%d}; keep one$",
    ),
    "no row for a session": (
        lambda f: f.drop(index=COUNT + 12),
        rf'^returns: B has no row for {DAYS[12]:%Y-%m-%d}, a session of its group "all"; '
        "give it a row with a blank return, or give an asset of another calendar another group$",
    ),
}


@pytest.mark.parametrize(("change", "message"), RETURNS_ERRORS.values(), ids=RETURNS_ERRORS.keys())
def test_returns_that_cannot_be_laid_out_are_refused(change: object, message: str) -> None:
    returns, alignment = sound()
    with pytest.raises(ValueError, match=message):
        EventStudy(change(returns), alignment, **CHOICES)


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (pd.Timestamp("2019-03-01", tz="Asia/Shanghai"), "has the timezone Asia/Shanghai; give"),
        ("soon", "cannot be read: .*soon.*; give"),
        (20190301, "holds numbers, such as 20190301; give dates"),
        (pd.NaT, "is blank; leave it out$"),
    ],
)
def test_an_estimation_window_ends_on_a_date(end: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^the end of the estimation window {message}"):
        EstimationWindow(end=end)


def test_a_missing_return_needs_no_span() -> None:
    returns, alignment = sound()
    blank = returns.index == 5
    returns["return"] = returns["return"].where(~blank)
    returns["n_sessions"] = returns["n_sessions"].where(~blank)
    assert len(EventStudy(returns, alignment, **CHOICES).fit().pairs) == 2


ALIGNMENT_ERRORS = {
    "missing column": (
        lambda a: a.drop(columns=["event_id", "event_session"]),
        r"^alignment: missing column event_id, event_session$",
    ),
    "two rows": (
        lambda a: pd.concat([a, a.iloc[[1]]]),
        rf"^alignment: event e has two rows for B on {DAYS[EVENT]:%Y-%m-%d}; keep one$",
    ),
    "unknown assets": (
        lambda a: pd.concat([a, a.assign(ticker=["X", "Y"])]),
        r"^alignment: no returns are given for X, Y$",
    ),
    "blank session": (
        lambda a: a.assign(event_session=pd.NaT),
        r"^alignment: an event_session is blank; leave an undated event out$",
    ),
    "no session": (
        lambda a: a.assign(event_session=[DAYS[EVENT], pd.Timestamp("2018-02-03")]),
        r'^alignment: 2018-02-03, the event session of e for B, is no session of group "all"$',
    ),
    "empty event": (
        lambda a: a.assign(event_id=["", "e"]),
        r"^alignment: an event_id is blank$",
    ),
    "no event": (
        lambda a: a.assign(event_id=["e", None]),
        r"^alignment: an event_id is blank$",
    ),
    "missing event": (
        lambda a: a.assign(event_id=[1, np.nan]),
        r"^alignment: an event_id is blank$",
    ),
    "NA event": (
        lambda a: a.assign(event_id=pd.Series(["e", pd.NA], dtype=object)),
        r"^alignment: an event_id is blank$",
    ),
    "missing asset": (
        lambda a: a.assign(ticker=["A", None]),
        r"^alignment: a ticker is blank$",
    ),
    "columns of one name": (
        lambda a: pd.concat([a, a[["role", "ticker"]]], axis=1),
        r"^alignment: more than one column is named role, ticker; keep one$",
    ),
    "two rows of a number": (
        lambda a: pd.concat([a.assign(event_id="1"), a.assign(event_id=1)]),
        rf"^alignment: event 1 has two rows for A on {DAYS[EVENT]:%Y-%m-%d}; keep one$",
    ),
    "timezone": (
        lambda a: a.assign(event_session=a["event_session"].dt.tz_localize("Asia/Shanghai")),
        r"^alignment: event_session has the timezone Asia/Shanghai; give dates of the exchange "
        r"without a timezone, such as 2018-07-30$",
    ),
    "some timezones": (
        lambda a: a.assign(event_session=[DAYS[EVENT], DAYS[EVENT].tz_localize("Asia/Shanghai")]),
        r"^alignment: event_session cannot be read: .*; give dates of the exchange without a "
        r"timezone, such as 2018-07-30$",
    ),
    "no date": (
        lambda a: a.assign(event_session=["2018-03-12", "soon"]),
        r"^alignment: event_session cannot be read: .*soon.*; give dates of the exchange without a "
        r"timezone, such as 2018-07-30$",
    ),
    "time of day": (
        lambda a: a.assign(event_session=[DAYS[EVENT], DAYS[EVENT] + pd.Timedelta(hours=9.5)]),
        rf"^alignment: {DAYS[EVENT]:%Y-%m-%d} 09:30:00, the event session of e for B, has a time "
        r'of day; the sessions of group "all" are days, give the date alone$',
    ),
    "time of the last day": (
        lambda a: a.assign(event_session=DAYS[-1] + pd.Timedelta(nanoseconds=1)),
        rf"^alignment: {DAYS[-1]:%Y-%m-%d} 00:00:00.000000001, the event session of e for A, has a",
    ),
    "in_sample in words": (
        lambda a: a.assign(in_sample="no"),
        r"^alignment: in_sample holds True or False, and no blank$",
    ),
    "blank in_sample": (
        lambda a: a.assign(in_sample=[True, None]),
        r"^alignment: in_sample holds True or False, and no blank$",
    ),
}


@pytest.mark.parametrize(
    ("change", "message"), ALIGNMENT_ERRORS.values(), ids=ALIGNMENT_ERRORS.keys()
)
def test_alignments_that_cannot_be_placed_are_refused(change: object, message: str) -> None:
    returns, alignment = sound()
    with pytest.raises(ValueError, match=message):
        EventStudy(returns, change(alignment), **CHOICES)


CHOICE_ERRORS = {
    "event window": (
        lambda: {"event_window": (3, -2)},
        r"^the event window \[3, -2\] is reversed$",
    ),
    "half a session": (
        lambda: {"event_window": (0.5, 3)},
        r"^the event window is \(0.5, 3\); expected first and last session, such as \(0, 1\)$",
    ),
    "one number": (
        lambda: {"event_window": 3},
        r"^the event window is 3; expected first and last session, such as \(0, 1\)$",
    ),
    "half an estimation session": (
        lambda: {"estimation": EstimationWindow(window=(-9.5, -1))},
        r"^the estimation window is \(-9.5, -1\); expected first and last session",
    ),
    "groups": (lambda: {"groups": {"C": "one"}}, r"^groups: no group is given for A, B$"),
    "no group": (
        lambda: {"groups": {"A": "one", "B": None, "C": None}},
        r"^groups: the group of B is blank$",
    ),
    "missing groups": (
        lambda: {"groups": pd.Series({"A": np.nan, "B": ""}, dtype=object)},
        r"^groups: the group of A, B is blank$",
    ),
    "benchmarks of unknown assets": (
        lambda: {"benchmarks": {"a": ("M",), "A": ("M",), 7: ()}},
        r"^benchmarks: no returns are given for a, 7$",
    ),
    "benchmarks": (
        lambda: {"benchmarks": {"A": ("M",), "B": ("M", "X")}},
        r"^returns: there is no column X, a benchmark of B$",
    ),
    "estimation window": (
        lambda: {"estimation": EstimationWindow(window=(-1, -9))},
        r"^the estimation window \[-1, -9\] is reversed$",
    ),
    "anchor": (
        lambda: {"estimation": EstimationWindow(anchor="last")},
        r'^anchor is "event" or "first", not "last"$',
    ),
    "minimum 2.5": (
        lambda: {"estimation": EstimationWindow(window=(-9, -5), minimum=2.5)},
        r"^minimum = 2.5 must be a whole number from 1 to the 5 sessions of the estimation window "
        r"\[-9, -5\]$",
    ),
    "minimum 0": (
        lambda: {"estimation": EstimationWindow(window=(-9, -5), minimum=0)},
        r"^minimum = 0 must be a whole number from 1 to the 5 sessions of the estimation window "
        r"\[-9, -5\]$",
    ),
    "minimum 6": (
        lambda: {"estimation": EstimationWindow(window=(-9, -5), minimum=6)},
        r"^minimum = 6 must be a whole number from 1 to the 5 sessions of the estimation window "
        r"\[-9, -5\]$",
    ),
}


@pytest.mark.parametrize(("choice", "message"), CHOICE_ERRORS.values(), ids=CHOICE_ERRORS.keys())
def test_choices_without_meaning_are_refused(choice: object, message: str) -> None:
    returns, alignment = sound()
    with pytest.raises(ValueError, match=message):
        EventStudy(returns, alignment, **choice())


def test_a_model_goes_by_its_name_too() -> None:
    returns, alignment = sound()
    assert EventStudy(returns, alignment, model="constant_mean").model == ConstantMean()
    with pytest.raises(ValueError, match=r"^model is 'mrket'; expected one of constant_mean, mark"):
        EventStudy(returns, alignment, model="mrket")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"model": 1}, r"^model is 1; expected a model or one of constant_mean, market_adjusted, "),
        ({"estimation": (-9, -1)}, r"^estimation is .*; expected an instance of EstimationWindow$"),
        (
            {"benchmarks": {"A": ("M",), "B": "M"}},
            r"^benchmarks: those of B are 'M'; expected a sequence of columns, \['M'\] or "
            r"\('M',\)$",
        ),
    ],
)
def test_a_choice_of_another_kind_is_named(choice: dict[str, object], message: str) -> None:
    returns, alignment = sound()
    with pytest.raises(TypeError, match=message):
        EventStudy(returns, alignment, **choice)


@pytest.mark.parametrize("window", ["x", "01", 1, None, (0,), (0, 1, 2), (0.0, 1.0), (0, None)])
def test_what_is_no_window_of_a_result(window: object) -> None:
    results = fit(noisy(1), {"M": market()}, at(EVENT, "A"), **CHOICES)
    for read in (results.car, results.tests, results.summary, results.incomplete):
        with pytest.raises(ValueError, match=r"^the window is .*; expected first and last session"):
            read(window)


def test_what_a_console_shows_is_short_and_has_no_address() -> None:
    returns, alignment = sound()
    study = EventStudy(returns, alignment, **CHOICES)
    results = study.fit()
    tests = results.tests((0, 0))
    for shown in (repr(study), repr(results), repr(tests)):
        assert "\n" not in shown
        assert " at 0x" not in shown
    assert "events=1, assets=2, groups=1)" in repr(study)
    assert "pairs=2, events=1, assets=2, groups=1, excluded=0)" in repr(results)
    assert repr(tests) == "TestResults(tests=11, pairs=1, window=[0, 0])"
    assert [line.split()[4] for line in str(tests).splitlines()[1:]] == list(TEST_NAMES)


def test_windows_of_one_session_are_windows() -> None:
    assert EstimationWindow(window=(-5, -5), minimum=1).length == 1
    results = fit(noisy(1), {"M": market()}, at(EVENT, "A"), **CHOICES)
    assert len(results.car((3, 3))) == len(results.car((-2, -2))) == 1


@pytest.mark.parametrize("window", [(1, 0), (-3, 0), (0, 4)])
def test_a_window_outside_the_event_window_is_refused(window: tuple[int, int]) -> None:
    results = fit(noisy(1), {"M": market()}, at(EVENT, "A"), **CHOICES)
    label = rf"\[{window[0]}, {window[1]}\]"
    message = rf"^the window {label} does not lie inside the event window \[-2, 3\]$"
    for method in (results.car, results.tests, results.caar, results.incomplete, results.summary):
        with pytest.raises(ValueError, match=message):
            method(window)


@pytest.mark.parametrize("level", [0, 1, 5, -0.05, np.nan])
def test_an_interval_covers_more_than_nothing_and_less_than_all(level: float) -> None:
    results = fit(noisy(1), {"M": market()}, at(EVENT, "A"), **CHOICES)
    message = rf"^level = {level} must lie strictly between 0 and 1; 0.05 gives a 95 % interval$"
    with pytest.raises(ValueError, match=message):
        results.caar((0, 1), level=level)
    with pytest.raises(ValueError, match=message):
        results.car((0, 1), level=level)
    assert np.isfinite(results.caar((0, 1), level=0.999)["lower"].item())


def test_no_window_gives_no_test() -> None:
    results = fit(noisy(1), {"M": market()}, at(EVENT, "A"), **CHOICES)
    assert len(results.tidy([])) == 0
    assert list(results.tidy([]).columns) == list(results.tidy().columns)
    both = results.tidy([(0, 0), (0, 1)])
    assert both["window"].tolist() == ["[0, 0]"] * 11 + ["[0, 1]"] * 11
    assert both.index.tolist() == list(range(22))


@pytest.mark.parametrize(("lags", "leads"), [(1.5, 1), (1, 1.0), (1, None), ("1", 1)])
def test_lags_and_leads_are_whole_numbers(lags: object, leads: object) -> None:
    message = f"^lags and leads are whole counts of sessions, not both 0; found {lags} and {leads}$"
    with pytest.raises(ValueError, match=message):
        Dimson(lags=lags, leads=leads)


def test_whole_numbers_may_be_those_of_numpy() -> None:
    assert Dimson(lags=np.int64(2), leads=np.int64(0)).n_parameters(1) == 4
    assert EstimationWindow(minimum=np.int64(60)).minimum == 60


def test_an_hour_is_shown_where_sessions_are_hours() -> None:
    returns, alignment = sound()
    noon = pd.Timedelta(hours=12)
    returns["session"] += noon
    missing = (returns["ticker"] == "A") & (returns["session"] == DAYS[EVENT + 1] + noon)
    returns["return"] = returns["return"].mask(missing)
    outside = alignment.assign(event_id="late", event_session=DAYS[-1] + 2 * noon)
    inside = alignment.assign(event_session=DAYS[EVENT] + noon)
    results = EventStudy(returns, pd.concat([inside, outside]), **CHOICES).fit()
    assert results.incomplete((0, 1))["reason"].tolist() == [
        f"no return on {DAYS[EVENT + 1]:%Y-%m-%d} 12:00:00 (tau = 1)"
    ]
    assert results.excluded["reason"].unique().tolist() == [
        f"the event session {DAYS[-1] + 2 * noon:%Y-%m-%d} is outside the data "
        f"({DAYS[0]:%Y-%m-%d} 12:00:00 to {DAYS[-1]:%Y-%m-%d} 12:00:00)"
    ]
    with pytest.raises(
        ValueError,
        match=rf"^alignment: {DAYS[EVENT]:%Y-%m-%d} 09:00:00, the event session of e for A, is no "
        r'session of group "all"$',
    ):
        EventStudy(
            returns, alignment.assign(event_session=DAYS[EVENT] + pd.Timedelta(hours=9)), **CHOICES
        )


def test_an_unknown_test_or_path_is_named() -> None:
    results = fit(noisy(2), {"M": market()}, at(EVENT, "AB"), **CHOICES)
    with pytest.raises(KeyError, match=r"^'no test chi of all at e in this window'$"):
        results.tests((0, 1)).get("e", "all", "chi")
    with pytest.raises(KeyError, match=r"^'no pair of none was estimated at e'$"):
        results.caar_path("e", "none")


# Benchmarks and groups


def test_an_asset_without_a_benchmark_has_the_constant_mean() -> None:
    returns = noisy(3)
    frame = returns_frame(returns, {"M": market(), "F": market(5)})
    alignment = alignment_frame(at(EVENT, "ABC"), COUNT)
    own = {"A": ("M",), "C": ("M", "F")}  # of B nothing is said
    results = EventStudy(frame, alignment, benchmarks=own, **CHOICES).fit()
    assert results.models["model"].tolist() == ["market", "constant_mean", "market"]
    assert results.models["benchmark"].tolist() == ["M", "", "M;F"]
    assert results.models["beta"].isna().tolist() == [False, True, True]
    assert results.coefficients.groupby("ticker")["term"].agg(list).to_dict() == {
        "A": ["alpha", "M"],
        "B": ["alpha"],
        "C": ["alpha", "M", "F"],
    }
    past = returns["B"][EVENT - 40 : EVENT - 5]
    mean = results.models.set_index("ticker").loc["B"]
    assert mean["alpha"] == pytest.approx(past.mean(), rel=1e-12)
    assert mean["sigma"] == pytest.approx(past.std(ddof=1), rel=1e-12)
    # Each asset by itself gives the same numbers.
    for ticker, names in (own | {"B": ()}).items():
        alone = EventStudy(
            frame[frame["ticker"] == ticker],
            alignment[alignment["ticker"] == ticker],
            benchmarks={ticker: names},
            **CHOICES,
        ).fit()
        np.testing.assert_allclose(
            pair(results.car((-2, 3)), ticker)[["car", "std_error", "p_value"]],
            alone.car((-2, 3))[["car", "std_error", "p_value"]],
            rtol=1e-10,
        )
    # p of the portfolio is the largest in the group, C's three parameters.
    assert results.tests((0, 1)).get("e", "all", "time_series_t").degrees == 35 - 3


def test_by_default_an_asset_follows_the_benchmarks_that_have_values() -> None:
    frame = returns_frame(noisy(2), {"M": market(), "F": market(5)})
    frame["F"] = frame["F"].where(frame["ticker"] == "B")
    alignment = alignment_frame(at(EVENT, "AB"), COUNT)
    results = EventStudy(frame, alignment, **CHOICES).fit()
    assert results.models["benchmark"].tolist() == ["M", "M;F"]
    # One value is enough to be followed, and too few to be estimated with.
    once = frame.assign(F=frame["F"].where(frame.index != 3, 0.01))
    excluded = EventStudy(once, alignment, **CHOICES).fit().excluded
    assert excluded["reason"].tolist() == ["0 valid sessions in the estimation window, 20 needed"]
    single = EventStudy(frame, alignment, model=SingleIndexModel(), **CHOICES).fit()
    assert single.models["benchmark"].tolist() == ["M", "M"]
    assert single.models["model"].tolist() == ["single_index", "single_index"]
    without = EventStudy(frame.drop(columns=["M", "F"]), alignment, **CHOICES).fit()
    assert without.models["model"].tolist() == ["constant_mean", "constant_mean"]
    assert without.pairs["benchmarks"].tolist() == [(), ()]
    assert without.models["beta"].dtype == np.float64
    # Market adjusted, A has nothing to estimate; B, without a market, has a mean.
    adjusted = EventStudy(
        frame, alignment, model=MarketAdjusted(), benchmarks={"A": ("M",)}, **CHOICES
    ).fit()
    assert adjusted.coefficients[["ticker", "term"]].to_numpy().tolist() == [["B", "alpha"]]
    assert adjusted.models["alpha"].isna().tolist() == [True, False]
    assert adjusted.models["alpha"].dtype == np.float64


@pytest.mark.parametrize("model", [MarketModel(), ScholesWilliams(), Dimson()])
def test_a_constant_benchmark_excludes_its_own_asset_alone(model: object) -> None:
    benchmarks = {"M": market(), "C": np.full(COUNT, 0.01), "Z": np.zeros(COUNT)}
    own = {"A": ("M",), "B": ("C",), "C": ("Z",)}
    results = fit(noisy(3), benchmarks, at(EVENT, "ABC"), factors=own, model=model, **CHOICES)
    assert results.pairs["ticker"].tolist() == ["A"]
    assert (
        results.excluded["reason"].tolist()
        == ["the benchmarks do not vary, or are collinear, in the estimation window"] * 2
    )


@pytest.mark.parametrize("columns", [["M"], []], ids=["another's", "none"])
@pytest.mark.parametrize("model", [Dimson(), ScholesWilliams()])
def test_thin_trading_without_a_benchmark_is_the_constant_mean(
    model: object, columns: list[str]
) -> None:
    # A return over three sessions stays in the estimation of a mean.
    returns = noisy(2)
    returns["A"][28:30] = np.nan
    frame = returns_frame(returns, {"M": market()})
    frame.loc[30, "n_sessions"] = 3
    frame = frame.drop(columns=["M"] if not columns else [])
    alignment = alignment_frame(at(EVENT, "AB"), COUNT)
    own = {"B": tuple(columns)}
    thin = EventStudy(frame, alignment, benchmarks=own, model=model, **CHOICES).fit()
    mean = EventStudy(frame, alignment, benchmarks={}, model=ConstantMean(), **CHOICES).fit()
    numbers = ["model", "n_estimation", "alpha", "sigma"]
    pd.testing.assert_frame_equal(
        pair(thin.models, "A")[numbers], pair(mean.models, "A")[numbers], check_exact=True
    )
    assert pair(thin.models, "A")["n_estimation"].item() == 33


def test_groups_of_an_event_stand_in_the_order_of_their_names() -> None:
    frame = returns_frame(noisy(3), {"M": market()})
    groups = {"A": "two", "B": "one", "C": "two"}
    alignment = alignment_frame(at(EVENT, "ABC"), COUNT)
    results = EventStudy(frame, alignment, groups=groups, **CHOICES).fit()
    assert results.caar()["group"].tolist() == ["one", "two"]
    assert results.caar()["n_assets"].tolist() == [1, 2]
    assert results.summary().frame.index.tolist() == [("e", "one"), ("e", "two")]


def test_groups_have_calendars_of_their_own() -> None:
    # B's group trades on Tuesdays to Fridays only: tau counts its own sessions.
    frame = returns_frame(noisy(2), {"M": market()})
    frame = frame[(frame["ticker"] == "A") | (frame["session"].dt.day_of_week > 0)]
    event = sessions(COUNT)[EVENT + 3]
    assert event.day_name() == "Thursday"
    alignment = pd.DataFrame({"event_id": "e", "ticker": ["A", "B"], "event_session": event})
    results = EventStudy(
        frame,
        alignment,
        groups={"A": "five days", "B": "four days"},
        estimation=EstimationWindow(window=(-30, -6), minimum=20),
        event_window=(-2, 3),
    ).fit()
    shown = results.abnormal_returns.set_index(["ticker", "tau"])["session"]
    days = ["Thursday", "Friday", "Tuesday"]
    assert [shown["B", tau].day_name() for tau in (0, 1, 2)] == days
    assert [shown["A", tau].day_name() for tau in (0, 1, 2)] == ["Thursday", "Friday", "Monday"]
    for ticker, group in (("A", "five days"), ("B", "four days")):
        path = results.caar_path("e", group).set_index("tau")["session"]
        assert path.tolist() == shown[ticker].loc[path.index].tolist()
    assert (results.residuals.query("ticker == 'B'")["session"].dt.day_of_week > 0).all()
    of_a = results.residuals.query("ticker == 'A'")["session"]
    assert of_a.tolist() == list(sessions(COUNT)[EVENT - 27 : EVENT - 2])
    monday = alignment.assign(event_session=sessions(COUNT)[EVENT])
    with pytest.raises(
        ValueError, match=r'^alignment: .* of e for B, is no session of group "four days"$'
    ):
        EventStudy(frame, monday, groups={"A": "five days", "B": "four days"}, **CHOICES)


def test_the_calendar_of_another_group_excuses_no_missing_session() -> None:
    # C lacks the sixth session, which B of its own group traded; the calendar of A does not have it
    # either, and holds the sessions of C as far from its end as they lie from the start of B's.
    days = sessions(10)
    of = {"A": [0, 1, 2, 3, 4, 6, 7, 8], "B": range(10), "C": [4, 6, 7]}
    frame = pd.concat(
        pd.DataFrame({"ticker": name, "session": days[list(rows)], "return": 0.01})
        for name, rows in of.items()
    )
    message = rf'C has no row for {days[5]:%Y-%m-%d}, a session of its group "two"'
    with pytest.raises(ValueError, match=message):
        build_panel(frame, {"A": "one", "B": "two", "C": "two"})


def test_without_choices_the_defaults_are_those_of_the_documentation() -> None:
    rng = np.random.default_rng(0)
    returns = {"A": rng.normal(0, 0.01, 200)}
    study = EventStudy(
        returns_frame(returns, {"M": rng.normal(0, 0.01, 200)}), alignment_frame(at(160, "A"), 200)
    )
    results = study.fit()
    assert results.event_window == (-10, 20)
    assert results.taus.tolist() == list(range(-10, 21))
    assert results.model == MarketModel()
    assert results.models["n_estimation"].item() == 120
    span = results.residuals["session"].agg(["min", "max"]).tolist()
    assert span == [sessions(200)[30], sessions(200)[149]]
    assert results.car().equals(results.car((0, 1)))
    assert results.caar().equals(results.caar((0, 1)))
    assert results.tests().tidy().equals(results.tests((0, 1)).tidy())
    assert results.summary().frame.equals(results.summary((0, 1)).frame)
    assert results.tidy().equals(results.tests((0, 1)).tidy())
    assert results.incomplete().equals(results.incomplete((0, 1)))
    summary = results.summary().frame
    tests = results.tests()
    assert summary.index.tolist() == [("e", "all")]
    for name in ("time_series_t", "adjusted_bmp", "grank_t"):
        test = tests.get("e", "all", name)
        row = summary.loc[("e", "all")]
        assert np.array_equal(
            row[[name, f"{name}_p"]], [test.statistic, test.p_value], equal_nan=True
        )
    assert summary["caar"].item() == results.car()["car"].item()
    assert summary["n_assets"].item() == 1


def test_tests_read_as_a_sequence_and_as_a_table() -> None:
    results = fit(noisy(2), {"M": market()}, at(EVENT, "AB"), **CHOICES)
    tests = results.tests((0, 1))
    assert len(tests) == 11
    assert [test.name for test in tests] == list(TEST_NAMES)
    assert tests[1:3] == tuple(tests)[1:3]
    assert tests.get("e", "all", "bmp") is tests[4]
    assert tests[4].source == "Boehmer, Musumeci & Poulsen (1991)"
    both = TestResults((*results.tests((0, 1)), *results.tests((0, 0))))
    assert repr(both) == "TestResults(tests=22, pairs=1, window=[0, 0], [0, 1])"
    text = str(tests[4])
    assert text.startswith(f"BMP t = {tests[4].statistic:.3f} ~ t(1), p = {tests[4].p_value:.4f}")
    assert text.endswith("N = 2; H0: e has no mean effect on all over [0, 1]")
    html = tests._repr_html_()
    assert html.count("<tr") == 12
    assert "<th></th>" not in html  # the rows have no numbers
    assert "adjusted_bmp" in html


def test_frames_have_the_columns_of_their_documentation_and_rows_counted_from_zero() -> None:
    # A has no CAR over [0, 1], C is excluded: rows that were left out leave no trace.
    returns = noisy(4)
    returns["A"][EVENT + 1] = np.nan
    returns["C"][:] = np.nan
    results = fit(returns, {"M": market()}, at(EVENT, "ABCD"), **CHOICES)
    tests = ["statistic", "p_value", "n_assets", "mean_car", "mean_correlation"]
    interval = ["caar", "std_error", "degrees", "lower", "upper"]
    path = ["tau", "session", "n_assets", "aar", "caar", "std_error", "lower", "upper"]
    pairs = ["event_id", "ticker", "group", "event_session", "model", "benchmarks"]
    estimated = ["n_estimation", "alpha", "beta", "sigma", "r_squared"]
    abnormal = ["actual", "normal", "abnormal", "std_error", "at_limit"]
    expected = [
        (results.pairs, pairs, 3),
        (results.excluded, ["event_id", "ticker", "reason"], 1),
        (results.models, ["event_id", "ticker", "model", "benchmark", *estimated], 3),
        (results.coefficients, ["event_id", "ticker", "term", "estimate", "std_error"], 6),
        (results.abnormal_returns, ["event_id", "ticker", "tau", "session", *abnormal], 18),
        (results.residuals, ["event_id", "ticker", "session", "residual"], 105),
        (
            results.car(),
            ["event_id", "ticker", "window", "car", "std_error", "t_stat", "p_value"],
            2,
        ),
        (results.bhar(), ["event_id", "ticker", "window", "bhar"], 2),
        (results.incomplete(), ["event_id", "ticker", "window", "reason"], 1),
        (results.caar(), ["event_id", "group", "window", "n_assets", *interval], 1),
        (results.caar_path("e", "all"), [*path, "share_at_limit"], 6),
        (results.tests().tidy(), ["event_id", "group", "window", "test", *tests], 11),
        (results.tidy([(0, 0), (0, 1)]), ["event_id", "group", "window", "test", *tests], 22),
    ]
    for frame, columns, rows in expected:
        assert list(frame.columns) == columns
        assert frame.index.equals(pd.RangeIndex(rows))
    for frame in (results.car(), results.caar(), results.incomplete(), results.tests().tidy()):
        assert frame["window"].eq("[0, 1]").all()
    summary = results.summary().frame
    headline = ["time_series_t", "adjusted_bmp", "grank_t"]
    columns = [column for name in headline for column in (name, f"{name}_p")]
    assert list(summary.columns) == ["n_assets", "caar", "mean_correlation", *columns]
    assert summary.index.names == ["event_id", "group"]


def test_one_session_may_estimate_a_model_without_parameters() -> None:
    # Market adjusted, M = 1: s = |e|, t(1). A: e = 2, AR = 3; B: e = -1, AR = 2
    results = fit(
        {"A": [2, 3], "B": [-1, 2]},
        {"M": [0, 0]},
        at(1, "AB"),
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-1, -1), minimum=1),
        event_window=(0, 0),
    )
    assert results.car((0, 0))["t_stat"].tolist() == pytest.approx([3 / 2, 2], rel=1e-12)
    # AAR of the session 1/2, T_e = 1: t = (5/2)/(1/2) with one degree of freedom
    t = results.tests((0, 0)).get("e", "all", "time_series_t")
    assert (t.statistic, t.degrees) == (pytest.approx(5, rel=1e-12), 1)


def test_many_events_are_tested_in_bounded_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    # Five events of one group of 3 assets with 35 sessions each, in one call, in pairs and alone
    rng = np.random.default_rng(2)
    returns = {ticker: rng.normal(0, 0.02, COUNT) for ticker in "ABC"}
    positions = {f"e{k}": dict.fromkeys("ABC", 45 + k) for k in range(5)}
    together = fit(returns, {"M": market()}, positions, **CHOICES).tests((0, 1)).tidy()
    assert together["event_id"].unique().tolist() == [f"e{k}" for k in range(5)]
    for values, sizes in ((2_000_000, [5]), (2 * 3 * 35, [2, 2, 1]), (1, [1] * 5)):
        batches = []

        def run(sample: GroupSample, keys: list, *arguments: object, **choices: bool) -> dict:
            batches.append(len(keys))  # noqa: B023
            return _run_tests(sample, keys, *arguments, **choices)

        monkeypatch.setattr("chainpolicy.eventstudy.results.VALUES_PER_BATCH", values)
        monkeypatch.setattr("chainpolicy.eventstudy.results._run_tests", run)
        results = fit(returns, {"M": market()}, positions, **CHOICES)
        pd.testing.assert_frame_equal(results.tests((0, 1)).tidy(), together, rtol=1e-12)
        assert batches == sizes


def test_events_of_other_assets_are_tested_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    # Seven assets, one with a blank return; three events of one asset, two of two
    rng = np.random.default_rng(3)
    returns = {ticker: rng.normal(0, 0.02, COUNT) for ticker in "ABCDEFG"}
    returns["B"][30] = np.nan
    positions = {"one": "A", "two": "B", "three": "C", "four": "DE", "five": "FG"}
    placed = {name: dict.fromkeys(held, 45 + k) for k, (name, held) in enumerate(positions.items())}
    alone = [
        fit(returns, {"M": market()}, {name: held}, **CHOICES).tests((0, 1)).tidy()
        for name, held in placed.items()
    ]
    batches = []

    def run(sample: GroupSample, keys: list, *arguments: object, **choices: bool) -> dict:
        batches.append(len(keys))
        return _run_tests(sample, keys, *arguments, **choices)

    monkeypatch.setattr("chainpolicy.eventstudy.results._run_tests", run)
    together = fit(returns, {"M": market()}, placed, **CHOICES).tests((0, 1)).tidy()
    assert sorted(batches) == [2, 3]
    pd.testing.assert_frame_equal(
        together,
        pd.concat(alone).sort_values("event_id", kind="stable", ignore_index=True),
        check_exact=True,
    )


STAGGERED = {
    "event": ({"one": {"A": 48, "B": 50}, "two": {"A": 50, "B": 53}}, {}),
    "end": (
        {"one": {"A": 48, "B": 50}, "two": {"A": 50, "B": 53}},
        {"end": sessions(COUNT)[42]},
    ),
    # The policy event "early" anchors A; B has none, and a window for each event.
    "first": (
        {"early": {"A": 48}, "one": {"A": 50, "B": 50}, "two": {"A": 52, "B": 52}},
        {"anchor": "first"},
    ),
}


@pytest.mark.parametrize(("positions", "choice"), STAGGERED.values(), ids=STAGGERED.keys())
def test_events_are_tested_together_only_where_their_sessions_agree(
    positions: dict[str, dict[str, int]], choice: dict[str, object]
) -> None:
    # Each event alone gives what it gives beside the other.
    frame = returns_frame(noisy(2), {"M": market()})
    estimation = EstimationWindow(window=(-40, -5), minimum=20, mask=False, **choice)

    def run(rows: dict[str, dict[str, int]]) -> pd.DataFrame:
        alignment = alignment_frame(rows, COUNT)
        alignment["role"] = np.where(alignment["event_id"] == "early", "policy", "control")
        study = EventStudy(frame, alignment, estimation=estimation, event_window=(0, 3))
        return study.fit().tests((0, 3)).tidy()

    together = run(positions)
    assert together["mean_correlation"].notna().any()
    for event_id in ("one", "two"):
        rest = {name: where for name, where in positions.items() if name in (event_id, "early")}
        alone = run(rest)
        pd.testing.assert_frame_equal(
            together[together["event_id"] == event_id].reset_index(drop=True),
            alone[alone["event_id"] == event_id].reset_index(drop=True),
            rtol=1e-12,
        )


def test_a_window_with_a_missing_session_has_no_buy_and_hold_return() -> None:
    returns = noisy(2)
    returns["A"][EVENT + 1] = np.nan
    results = fit(returns, {"M": market()}, at(EVENT, "AB"), **CHOICES)
    assert results.bhar((0, 1))["ticker"].tolist() == ["B"]
    one = results.bhar((0, 0))
    assert one["window"].tolist() == ["[0, 0]"] * 2
    np.testing.assert_allclose(one["bhar"], results.car((0, 0))["car"], rtol=1e-12)


@pytest.mark.parametrize("span", [0.0, -1.0, -5.0, 1.5, np.inf])
def test_what_stands_beside_a_blank_return_means_nothing(span: float) -> None:
    returns = np.random.default_rng(2).normal(0, 0.02, 60)
    frame = returns_frame({"A": returns}, {})
    frame["n_sessions"] = 1.0

    def car(beside: float) -> pd.DataFrame:
        frame.loc[59, ["return", "n_sessions"]] = np.nan, beside
        study = EventStudy(
            frame,
            alignment_frame({"e": {"A": 50}}, 60),
            model=ConstantMean(),
            estimation=EstimationWindow(window=(-45, -6), minimum=30),
            event_window=(0, 1),
        )
        return study.fit().car((0, 1))

    pd.testing.assert_frame_equal(car(span), car(np.nan))
