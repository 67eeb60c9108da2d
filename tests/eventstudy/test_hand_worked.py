"""All eleven statistics worked by hand on numbers small enough to follow with a pencil.

Example 1 has 3 assets, 8 estimation sessions and 3 event sessions. Unit: 1 per mille.

Benchmark    m  =  7  7  7  7 -7 -7 -7 -7 | 21 -21 3
Design sums     sum m = 0, sum m^2 = 8 * 49 = 392, so mean 0, X'X = diag(8, 392)

Each asset is R = alpha + beta m + e with residuals e that sum to zero over the first four and over
the last four sessions. Hence sum e = 0 and sum e m = 7 * 0 - 7 * 0 = 0: e is orthogonal to the
design, and OLS returns exactly alpha, beta and e.

        alpha beta   e (estimation)            abnormal returns (event)
    A     1    1     1 -2  4 -3 -1  2 -6  5      9    3   -4
    B     2    2     4 -4  1 -1  3 -7  7 -3      8    6   -3/2
    C    -1    3     1  8 -4 -5  2  3  4 -9    -10    6   -1/2

    SSR_A = 1+4+16+9+1+4+36+25  =  96, s_A^2 =  96/(8-2) = 16, s_A = 4
    SSR_B = 16+16+1+1+9+49+49+9 = 150, s_B^2 = 150/6     = 25, s_B = 5
    SSR_C = 1+64+16+25+4+9+16+81 = 216, s_C^2 = 216/6    = 36, s_C = 6

Forecast variance V = s^2 [I + X* (X'X)^-1 X*'], element t, u: s^2 [1{t=u} + 1/8 + m_t m_u / 392]
    V_00 = s^2 (1 + 1/8 + 441/392) = s^2 (1 + 1/8 + 9/8)   = 9/4 s^2       root 3/2 s
    V_11 = the same, (-21)^2 = 441                         = 9/4 s^2       root 3/2 s
    V_22 = s^2 (1 + 1/8 + 9/392) = s^2 (441 + 9)/392 + ... = 225/196 s^2   root 15/14 s
           (392/392 + 49/392 + 9/392 = 450/392 = 225/196)

Window [0, 2], L2 = 3, sum of m* = 21 - 21 + 3 = 3
    var CAR = s^2 (3 + 9/8 + 3^2/392) = s^2 (1176 + 441 + 9)/392 = 1626/392 s^2 = 813/196 s^2
    CAR_A = 9 + 3 - 4 = 8, CAR_B = 8 + 6 - 3/2 = 25/2, CAR_C = -10 + 6 - 1/2 = -9/2
    CAAR = (16 + 25 - 9)/6 = 16/3
    SCAR = (CAR/s) 14/sqrt(813), with CAR/s = 2, 5/2, -3/4
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from chainpolicy.eventstudy import (
    ConstantMean,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    MarketAdjusted,
    MarketModel,
    SingleIndexModel,
)
from chainpolicy.eventstudy.inference import EXAMPLE, TESTS, corrado_rank
from panels import alignment_frame, eleven, fit, pair, returns_frame

UNIT = 0.001
MARKET = [7, 7, 7, 7, -7, -7, -7, -7, 21, -21, 3]
ALPHA = {"A": 1, "B": 2, "C": -1}
BETA = {"A": 1, "B": 2, "C": 3}
RESIDUALS = {
    "A": [1, -2, 4, -3, -1, 2, -6, 5],
    "B": [4, -4, 1, -1, 3, -7, 7, -3],
    "C": [1, 8, -4, -5, 2, 3, 4, -9],
}
ABNORMAL = {"A": [9, 3, -4], "B": [8, 6, -1.5], "C": [-10, 6, -0.5]}
SIGMA = {"A": 4, "B": 5, "C": 6}
CAR = {"A": 8, "B": 12.5, "C": -4.5}
WINDOW = (0, 2)

tolerance = {"rel": 1e-10, "abs": 1e-14}


@pytest.fixture
def results() -> EventStudyResults:
    returns = {
        ticker: [
            UNIT * (ALPHA[ticker] + BETA[ticker] * m + e)
            for m, e in zip(MARKET, RESIDUALS[ticker] + ABNORMAL[ticker], strict=True)
        ]
        for ticker in "ABC"
    }
    return fit(
        returns,
        {"M": [UNIT * m for m in MARKET]},
        {"e": dict.fromkeys("ABC", 8)},
        model=MarketModel(),
        estimation=EstimationWindow(window=(-8, -1), minimum=8),
        event_window=(0, 2),
    )


@pytest.fixture
def tests(results: EventStudyResults) -> pd.DataFrame:
    return eleven(results, WINDOW)


def expect(tests: pd.DataFrame, name: str, statistic: float, p_value: float) -> None:
    assert tests.loc[name, "statistic"] == pytest.approx(statistic, **tolerance)
    assert tests.loc[name, "p_value"] == pytest.approx(p_value, **tolerance)


@pytest.mark.parametrize("ticker", list("ABC"))
def test_alpha_beta_and_sigma(results: EventStudyResults, ticker: str) -> None:
    """Equations 3 and 7."""
    row = pair(results.models, ticker).iloc[0]
    assert row["n_estimation"] == 8
    assert row["alpha"] == pytest.approx(ALPHA[ticker] * UNIT, **tolerance)
    assert row["beta"] == pytest.approx(BETA[ticker], **tolerance)
    assert row["sigma"] == pytest.approx(SIGMA[ticker] * UNIT, **tolerance)


@pytest.mark.parametrize("ticker", list("ABC"))
def test_r_squared(results: EventStudyResults, ticker: str) -> None:
    # R^2 = 1 - SSR / SST, SST = SSR + beta^2 sum m^2 because e and m are orthogonal
    ssr = 6 * SIGMA[ticker] ** 2
    sst = ssr + 392 * BETA[ticker] ** 2
    assert pair(results.models, ticker)["r_squared"].item() == pytest.approx(1 - ssr / sst)


@pytest.mark.parametrize("ticker", list("ABC"))
def test_coefficients_and_their_standard_errors(results: EventStudyResults, ticker: str) -> None:
    # var alpha = s^2 / 8, var beta = s^2 / 392
    rows = pair(results.coefficients, ticker).set_index("term")
    s = SIGMA[ticker]
    assert rows.loc["alpha", "estimate"] == pytest.approx(ALPHA[ticker] * UNIT, **tolerance)
    assert rows.loc["alpha", "std_error"] == pytest.approx(s / sqrt(8) * UNIT, **tolerance)
    assert rows.loc["M", "estimate"] == pytest.approx(BETA[ticker], **tolerance)
    assert rows.loc["M", "std_error"] == pytest.approx(s / sqrt(392), **tolerance)


@pytest.mark.parametrize("ticker", list("ABC"))
def test_abnormal_returns_and_their_standard_errors(
    results: EventStudyResults, ticker: str
) -> None:
    """Equation 8."""
    rows = pair(results.abnormal_returns, ticker).sort_values("tau")
    s = SIGMA[ticker]
    normal = [ALPHA[ticker] + BETA[ticker] * m for m in (21, -21, 3)]
    assert rows["tau"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(rows["normal"], np.multiply(normal, UNIT), rtol=1e-10)
    np.testing.assert_allclose(rows["abnormal"], np.multiply(ABNORMAL[ticker], UNIT), rtol=1e-10)
    np.testing.assert_allclose(
        rows["std_error"], np.multiply([3 / 2 * s, 3 / 2 * s, 15 / 14 * s], UNIT), rtol=1e-10
    )


@pytest.mark.parametrize("ticker", list("ABC"))
def test_car_its_standard_error_and_its_t(results: EventStudyResults, ticker: str) -> None:
    """Equation 9."""
    row = pair(results.car(window=WINDOW), ticker).iloc[0]
    std_error = SIGMA[ticker] * sqrt(813) / 14
    t = CAR[ticker] / std_error
    assert row["car"] == pytest.approx(CAR[ticker] * UNIT, **tolerance)
    assert row["std_error"] == pytest.approx(std_error * UNIT, **tolerance)
    assert row["t_stat"] == pytest.approx(t, **tolerance)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), 6), **tolerance)


def test_every_row_counts_three_assets_and_carries_the_caar(tests: pd.DataFrame) -> None:
    assert len(tests) == 11
    assert (tests["n_assets"] == 3).all()
    np.testing.assert_allclose(tests["mean_car"], 16 / 3 * UNIT, rtol=1e-10)


def test_time_series_t(tests: pd.DataFrame) -> None:
    """Equation 11."""
    # Sums of the residuals over A, B, C: 6 2 1 -9 4 -2 5 -7; AAR_t is a third of each.
    # sum of squares 36+4+1+81+16+4+25+49 = 216; s_AAR^2 = (216/9)/(8-2) = 4, s_AAR = 2
    # 1'V1 / s^2 = 813/196 for each asset (test_car_its_standard_error_and_its_t)
    # t = (16/3) / (2 sqrt(813)/14) = 112/(3 sqrt 813), 6 degrees of freedom
    t = 112 / (3 * sqrt(813))
    expect(tests, "time_series_t", t, 2 * stats.t.sf(t, 6))


def test_cross_sectional_t(tests: pd.DataFrame) -> None:
    """Equation 12."""
    # Deviations of 8, 25/2, -9/2 from 16/3: 16/6, 43/6, -59/6
    # sum of squares (256 + 1849 + 3481)/36 = 5586/36; variance 5586/72 = 931/12
    # t = sqrt 3 (16/3) / sqrt(931/12) = 32 / sqrt 931, 2 degrees of freedom
    t = 32 / sqrt(931)
    expect(tests, "cross_sectional_t", t, 2 * stats.t.sf(t, 2))


def test_patell(tests: pd.DataFrame) -> None:
    """Equation 13."""
    # SAR = AR / root V_tt
    #   A:   9/6 = 3/2     3/6 = 1/2       -4 * 14/(15*4) = -14/15    sum  16/15 =  480/450
    #   B:   8/7.5 = 16/15 6/7.5 = 12/15   -3/2 * 14/75   = -7/25     sum 119/75 =  714/450
    #   C: -10/9           6/9             -1/2 * 14/90   = -7/90     sum -47/90 = -235/450
    # sum of the CSAR = 959/450; each has variance L2 (M-2)/(M-4) = 3 * 6/4 = 9/2
    # Z = (959/450) / sqrt(3 * 9/2)
    z = 959 / 450 / sqrt(27 / 2)
    expect(tests, "patell", z, 2 * stats.norm.sf(z))


def test_bmp(tests: pd.DataFrame) -> None:
    """Equation 15."""
    # SCAR is 14/sqrt(813) times 2, 5/2, -3/4; the factor cancels.
    # mean 5/4; deviations 3/4, 5/4, -2; squares (9+25+64)/16 = 98/16; variance 49/16, sd 7/4
    # t = sqrt 3 (5/4)/(7/4) = 5 sqrt 3 / 7, 2 degrees of freedom
    t = 5 * sqrt(3) / 7
    expect(tests, "bmp", t, 2 * stats.t.sf(t, 2))


def test_eight_common_sessions_are_too_few_for_a_correlation(tests: pd.DataFrame) -> None:
    assert tests["mean_correlation"].isna().all()
    assert (
        tests.loc[["adjusted_patell", "adjusted_bmp"], ["statistic", "p_value"]]
        .isna()
        .all(axis=None)
    )
    # Three assets are too few for GRANK-T.
    assert tests["statistic"].isna().sum() == 3


def test_corrado_rank(tests: pd.DataFrame) -> None:
    """Equation 17."""
    # Ranks of the 8 + 3 values of each asset:
    #   A:  6  4  9  3  5  7  1 10 | 11  8  2
    #   B:  8  2  6  5  7  1 10  3 | 11  9  4
    #   C:  6 11  4  3  7  8  9  2 |  1 10  5
    # sum 20 17 19 11 19 16 20 15 | 23 27 11
    # Ubar_t = (sum/3)/12 - 1/2 = (sum - 18)/36: 2 -1 1 -7 1 -2 2 -3 | 5 9 -7 over 36
    # squares 4+1+1+49+1+4+4+9 + 25+81+49 = 228, S^2 = 228/(11 * 36^2)
    # z = (5+9-7)/36 / (sqrt 3 S) = 7 / sqrt(3 * 228/11)
    z = 7 / sqrt(3 * 228 / 11)
    expect(tests, "corrado_rank", z, 2 * stats.norm.sf(z))


def test_grank_t() -> None:
    """Equation 18."""
    # Four copies of each asset, because the test is undefined below ten.
    # SCAR is 14/sqrt(813) times 2, 5/2, -3/4 (test_bmp), four of each: squared deviations
    # 4 * 98/16 = 49/2 over 11, sd = 7/sqrt 22. SCAR/sd times s, beside the residuals:
    #   A 4 * 2 sqrt 22/7 = 5.36, above all   B 5 * 5/2 sqrt 22/7 = 8.38, above all
    #   C -6 * 3/4 sqrt 22/7 = -3.02, between -4 and 1. Ranks of 8 + 1 values:
    #   A:  5  3  7  2  4  6  1  8 | 9
    #   B:  7  2  5  4  6  1  8  3 | 9
    #   C:  5  9  3  2  6  7  8  1 | 4
    # sum 17 14 15  8 16 14 17 12 | 22
    # Ubar = (sum/3)/10 - 1/2 = (sum - 15)/30: 2 -1 0 -7 1 -1 2 -3 | 7 over 30
    # squares 4+1+0+49+1+1+4+9+49 = 118, S^2 = 118/(9 * 900)
    # Z = (7/30)/S = 21/sqrt 118; t = Z sqrt(7/(8 - 441/118)) = 21 sqrt(7/503), df 7
    returns = {
        f"{ticker}{copy}": [
            UNIT * (ALPHA[ticker] + BETA[ticker] * m + e)
            for m, e in zip(MARKET, RESIDUALS[ticker] + ABNORMAL[ticker], strict=True)
        ]
        for ticker in "ABC"
        for copy in range(4)
    }
    results = fit(
        returns,
        {"M": [UNIT * m for m in MARKET]},
        {"e": dict.fromkeys(returns, 8)},
        model=MarketModel(),
        estimation=EstimationWindow(window=(-8, -1), minimum=8),
        event_window=(0, 2),
    )
    t = 21 * sqrt(7 / 503)
    expect(eleven(results, WINDOW), "grank_t", t, 2 * stats.t.sf(t, 7))


@pytest.mark.parametrize("n", [2, 9])
def test_grank_t_is_undefined_below_ten_assets(n: int) -> None:
    rng = np.random.default_rng(n)
    results = fit(
        {f"T{i}": list(rng.normal(size=41)) for i in range(n + 1)},
        {"M": list(rng.normal(size=41))},
        {"few": {f"T{i}": 40 for i in range(n)}},
        model=MarketModel(),
        estimation=EstimationWindow(window=(-40, -1), minimum=30),
        event_window=(0, 0),
    )
    found = results.tests((0, 0)).get("few", "all", "grank_t")
    assert np.isnan(found.statistic)
    assert np.isnan(found.p_value)
    assert found.note == "fewer than 10 assets"


def test_generalized_sign(tests: pd.DataFrame) -> None:
    """Equation 19."""
    # Positive residuals 4, 4, 5 of 8: phat = 13/24. Positive CARs: w = 2.
    # z = (2 - 13/8)/sqrt(3 * 13/24 * 11/24) = (3/8)/sqrt(143/192) = 3 sqrt 3 / sqrt 143
    z = 3 * sqrt(3) / sqrt(143)
    expect(tests, "generalized_sign", z, 2 * stats.norm.sf(z))


def test_wilcoxon(tests: pd.DataFrame) -> None:
    """Equation 20."""
    # |CAR| 8, 12.5, 4.5 have ranks 2, 3, 1; the positive ones sum to W+ = 5.
    # The 8 sign patterns give W+ = 0 1 2 3 3 4 5 6: P(W+ >= 5) = 2/8, two-sided 1/2.
    expect(tests, "wilcoxon", 5, 1 / 2)


def test_skewness_t(tests: pd.DataFrame) -> None:
    """Equation 21."""
    # S = mean/sd = (16/3)/sqrt(931/12); cubes (16^3 + 43^3 - 59^3)/6^3 = -121776/216 = -5074/9
    # g = (-5074/9)/(3 sd^3); t = sqrt 3 (S + g S^2/3 + g/18), 2 degrees of freedom
    sd = sqrt(931 / 12)
    ratio = 16 / 3 / sd
    skew = -5074 / 27 / sd**3
    t = sqrt(3) * (ratio + skew * ratio**2 / 3 + skew / 18)
    expect(tests, "skewness_t", t, 2 * stats.t.sf(abs(t), 2))


def test_two_dates_of_one_asset_share_what_their_windows_share() -> None:
    """Equation 22."""
    # Constant mean of 32 sessions 1, -1, 1, ...: mean 0, s^2 = 32/31. The windows [0, 2] of two
    # dates two sessions apart cover five sessions, the third of them twice: of the mean of the two
    # CARs it weighs 1, the others 1/2 each, and every estimation session -3/32.
    # se^2 = s^2 (1 + 4/4 + 32 (3/32)^2) = 32/31 (2 + 9/32) = 73/31
    # CARs 4 + 0 + 2 = 6 and 2 + 1 + 0 = 3, mean 9/2
    returns = [1, -1] * 16 + [4, 0, 2, 1, 0]
    frame = returns_frame({"A": returns}, {})
    first = alignment_frame({"e": {"A": 32}}, 37)
    second = alignment_frame({"e": {"A": 34}}, 37)
    results = EventStudy(
        frame,
        pd.concat([second, first]),
        estimation=EstimationWindow(window=(-32, -1), end=frame["session"][31], minimum=30),
        event_window=(0, 2),
    ).fit()
    assert results.pairs["event_session"].tolist() == [frame["session"][32], frame["session"][34]]
    t = results.tests((0, 2)).get("e", "all", "time_series_t")
    assert (t.n_assets, t.mean_car, t.degrees) == (2, pytest.approx(9 / 2), 31)
    assert t.statistic == pytest.approx(9 / 2 / sqrt(73 / 31), rel=1e-12)
    # Two windows of three share one session of an asset that is itself: rbar = 1/3.
    assert t.mean_correlation == pytest.approx(1 / 3, rel=1e-12)


def test_caar_and_its_interval(results: EventStudyResults) -> None:
    """Equation 24."""
    # 1'V1 / s^2 = 813/196 for each asset, s_AAR = 2 with 6 degrees of freedom (test_time_series_t)
    row = results.caar(WINDOW, level=0.1).iloc[0]
    error = 2 * sqrt(813) / 14
    half = stats.t.isf(0.05, 6) * error
    assert row["n_assets"] == 3
    assert row["degrees"] == 6
    assert row["caar"] == pytest.approx(16 / 3 * UNIT, **tolerance)
    assert row["std_error"] == pytest.approx(error * UNIT, **tolerance)
    assert row["lower"] == pytest.approx((16 / 3 - half) * UNIT, **tolerance)
    assert row["upper"] == pytest.approx((16 / 3 + half) * UNIT, **tolerance)


def test_one_session_window(results: EventStudyResults) -> None:
    # tau = 1: AR 3, 6, 6; CAAR 5; deviations -2, 1, 1; variance 3; t = sqrt 3 * 5/sqrt 3 = 5
    # Patell: SAR 3/6, 6/7.5, 6/9 = 1/2, 4/5, 2/3, sum 59/30; each variance 6/4
    # portfolio: V_tt = 9/4 s^2, so that t = 5/(2 * 3/2)
    tests = eleven(results, (1, 1))
    expect(tests, "cross_sectional_t", 5, 2 * stats.t.sf(5, 2))
    expect(tests, "patell", 59 / 30 / sqrt(9 / 2), 2 * stats.norm.sf(59 / 30 / sqrt(9 / 2)))
    expect(tests, "time_series_t", 5 / 3, 2 * stats.t.sf(5 / 3, 6))
    expect(tests, "wilcoxon", 6, 1 / 4)


# Example 2: the tests adjusted for correlation, 3 assets and 32 estimation sessions.
#
# Walsh functions of length 8, orthogonal to each other and to a constant:
#   m  = + + + + - - - -      (the benchmark, times 10)
#   w2 = + + - - + + - -      w3 = + + - - - - + +
#   w4 = + - + - + - + -      w5 = + - + - - + - +
# Residuals are c times a pattern, repeated four times:
#   A: c = 1, w2 + w3     B: c = 2, w2 + w4     C: c = 3, w3 + w5
# Each pattern has sum of squares 8 + 8 = 16 a block. Products a block: A.B = w2.w2 = 8,
# A.C = w3.w3 = 8, B.C = 0. Correlations 8/16 = 1/2, 1/2, 0; rbar = 1/3.
# SSR = 4 * 16 c^2 = 64 c^2, s^2 = 64 c^2/30 = 32 c^2/15.
# The benchmark does not move in the event window: V = s^2 (I + 1/32), so
#   root V_tt = c sqrt(32/15 * 33/32) = c sqrt(11/5); var CAR[0,1] = s^2 (2 + 4/32)
# CAR/c = 8, 10, -3: mean 5, deviations 3, 5, -8, variance (9+25+64)/2 = 49.
BLOCK = {
    "A": [2, 2, -2, -2, 0, 0, 0, 0],
    "B": [4, 0, 0, -4, 4, 0, 0, -4],
    "C": [6, 0, 0, -6, -6, 0, 0, 6],
}
WALSH_MARKET = [10, 10, 10, 10, -10, -10, -10, -10] * 4
ON_EVENT = {"A": [5, 3], "B": [8, 12], "C": [-12, 3]}
# Patell: sum CSAR = (8 + 10 - 3) sqrt(5/11); each has variance 2 * 30/28 = 15/7
PATELL = 15 * sqrt(5 / 11) / sqrt(3 * 15 / 7)
BMP = sqrt(3) * 5 / 7


def correlated(positions: dict[str, int]) -> EventStudyResults:
    """Place each asset's two event returns at its own event session; else alpha = 2, beta = 1."""
    returns = {}
    for ticker, position in positions.items():
        abnormal = BLOCK[ticker] * 4 + [0, 0, 0]
        abnormal[position : position + 2] = ON_EVENT[ticker]
        market = [*WALSH_MARKET, 0, 0, 0]
        returns[ticker] = [UNIT * (2 + m + e) for m, e in zip(market, abnormal, strict=True)]
    return fit(
        returns,
        {"M": [UNIT * m for m in [*WALSH_MARKET, 0, 0, 0]]},
        {"e": positions},
        model=MarketModel(),
        estimation=EstimationWindow(
            window=(-32, -1), end=pd.bdate_range("2018-01-01", periods=32)[-1].date(), minimum=32
        ),
        event_window=(0, 1),
    )


def test_adjusted_statistics_on_one_date() -> None:
    """Equations 14 and 16."""
    # 1 + (N-1) rbar = 5/3; (1 - rbar)/(1 + (N-1) rbar) = (2/3)/(5/3) = 2/5
    tests = eleven(correlated({"A": 32, "B": 32, "C": 32}), (0, 1))
    np.testing.assert_allclose(tests["mean_correlation"], 1 / 3, rtol=1e-10)
    expect(tests, "patell", PATELL, 2 * stats.norm.sf(PATELL))
    expect(tests, "bmp", BMP, 2 * stats.t.sf(BMP, 2))
    z, t = PATELL / sqrt(5 / 3), BMP * sqrt(2 / 5)
    expect(tests, "adjusted_patell", z, 2 * stats.norm.sf(z))
    expect(tests, "adjusted_bmp", t, 2 * stats.t.sf(t, 2))


def test_adjusted_statistics_when_half_of_a_window_is_shared() -> None:
    """Equation 10."""
    # C is one session late: it shares one of two sessions with A and with B.
    # Weighted correlations 1/2, 1/4, 0; rbar = 1/4; 1 + 2/4 = 3/2; (3/4)/(3/2) = 1/2
    tests = eleven(correlated({"A": 32, "B": 32, "C": 33}), (0, 1))
    np.testing.assert_allclose(tests["mean_correlation"], 1 / 4, rtol=1e-10)
    expect(tests, "patell", PATELL, 2 * stats.norm.sf(PATELL))
    z, t = PATELL / sqrt(3 / 2), BMP * sqrt(1 / 2)
    expect(tests, "adjusted_patell", z, 2 * stats.norm.sf(z))
    expect(tests, "adjusted_bmp", t, 2 * stats.t.sf(t, 2))


def test_returns_that_span_a_gap() -> None:
    # Window of EXAMPLE: A 5, 3; B 8, 12; C -12, 3. A's 3 ends a gap of 9 sessions: by session 3/3.
    sample = replace(EXAMPLE, n_sessions=np.array([[1.0, 9.0], [1.0, 1.0], [1.0, 1.0]]))
    # Ranks of 34 values. A: -2 4.5, 0 16.5, 1 25, 2 29.5, 5 34. B: -4 4.5, 0 16.5, 4 28.5, 8 33,
    # 12 34. C: -12 1, -6 5.5, 0 17.5, 3 26, 6 30.5. Sums less 52.5, by block
    #   36 11 -14 -38 -2 -2 -2 -1, squares 3070; window 68 and 85: 15.5 32.5, squares 1296.5
    # z = 48 / sqrt(2 (4 * 3070 + 1296.5)/34)
    z = 48 / sqrt(2 * (4 * 3070 + 1296.5) / 34)
    assert corrado_rank(sample).statistic == pytest.approx(z, **tolerance)
    # The others look at standardized or cumulated returns, in which g is already.
    for test in TESTS:
        if test.name not in ("corrado_rank", "grank_t"):
            assert test.compute(sample).statistic == test.compute(EXAMPLE).statistic


def resumed() -> EventStudyResults:
    """A trades until session 3, is suspended for three sessions and resumes on the event day."""
    frame = returns_frame(
        {"A": [1, -1, 1, -1, *[np.nan] * 3, 2, 1], "B": [1, 1, -1, -1, *[np.nan] * 3, 4, 1]},
        {"M": [0] * 9},
    )
    frame["n_sessions"] = [*[1] * 7, 4, 1] * 2
    study = EventStudy(
        frame,
        alignment_frame({"e": {"A": 7, "B": 7}}, 9),
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-7, -4), minimum=4),
        event_window=(-3, 1),
    )
    return study.fit()


def test_a_window_that_holds_the_whole_span_of_a_return_has_it() -> None:
    # The past of A is 1 -1 1 -1, that of B 1 1 -1 -1: AAR 1 0 0 -1, s_AAR^2 = 2/4 with p = 0. The
    # event returns 2 and 4 span four sessions: t = 3/(sqrt(1/2) sqrt 4), four degrees of freedom.
    results = resumed()
    t = 3 / (sqrt(1 / 2) * 2)
    expect(eleven(results, (-3, 0)), "time_series_t", t, 2 * stats.t.sf(t, 4))
    # s = 1 for both: var CAR = 4, and with the session after it 5.
    assert results.car((-3, 0))["t_stat"].tolist() == pytest.approx([2 / 2, 4 / 2])
    assert results.car((-3, 1))["t_stat"].tolist() == pytest.approx([3 / sqrt(5), 5 / sqrt(5)])
    # One return in the window, of standard error 2 and variance 4/(4 - 2) in units of it.
    z = (2 / 2 + 4 / 2) / sqrt(2 * 4 / 2)
    expect(eleven(results, (-3, 0)), "patell", z, 2 * stats.norm.sf(z))
    assert results.car((1, 1))["car"].tolist() == [1, 1]


def test_a_window_that_cuts_the_span_of_a_return_has_none_of_it() -> None:
    results = resumed()
    for window in [(-2, 0), (0, 0), (0, 1)]:
        assert results.car(window).empty
        assert results.bhar(window).empty
        reasons = results.incomplete(window)["reason"].unique()
        assert reasons.tolist() == [
            "the return on 2018-01-10 (tau = 0) spans the 4 sessions from tau = -3 on, which the "
            "window does not contain"
        ]
    reasons = results.incomplete((-3, -1))["reason"].unique()
    assert reasons.tolist() == ["no return on 2018-01-05 (tau = -3)"]
    # A path that starts inside the span begins after it.
    assert results.caar_path("e", "all", start=-1)["tau"].tolist() == [1]
    assert results.caar_path("e", "all")["caar"].tolist() == [3, 4]


def test_a_spanned_return_estimates_nothing_unless_all_its_sessions_may() -> None:
    # The return at session 4 spans 2, 3 and 4. A window from session 3 on does not hold it, nor
    # does one from session 1 on if an event masks session 3.
    returns = [0.5, 1, np.nan, np.nan, 30, 1, -1, 1, -1, 9]
    frame = returns_frame({"A": returns}, {"M": [0] * 10})
    frame["n_sessions"] = [1, 1, 1, 1, 3, 1, 1, 1, 1, 1]
    for first, other, n in [(-8, None, 6), (-6, None, 4), (-8, 3, 5), (-8, 2, 5), (-8, 1, 5)]:
        events = {"e": {"A": 9}} | ({} if other is None else {"old": {"A": other}})
        study = EventStudy(
            frame,
            alignment_frame(events, 10, out_of_sample=("old",)),
            model=MarketAdjusted(),
            estimation=EstimationWindow(window=(first, -1), minimum=3),
            event_window=(0, 0),
        )
        found = study.fit().models["n_estimation"].item()
        # an event on session 1 masks 1 and 2, hence the span that holds 2
        assert found == (n - 1 if other == 1 else n), (first, other)


# Example 3: ties share their rank. Market adjusted against a benchmark at rest: AR = R.
#   A:  1  1 -1 -2 | 2    ranks of 4 + 1 values: 3.5 3.5 2   1 | 5
#   B:  2 -1 -1  3 | 1                           4   1.5 1.5 5 | 3
def tied(copies: int = 1) -> pd.DataFrame:
    pattern = {"A": [1, 1, -1, -2, 2], "B": [2, -1, -1, 3, 1]}
    returns = {f"{ticker}{copy}": pattern[ticker] for ticker in "AB" for copy in range(copies)}
    return eleven(
        fit(
            returns,
            {"M": [0, 0, 0, 0, 0]},
            {"e": dict.fromkeys(returns, 4)},
            model=MarketAdjusted(),
            estimation=EstimationWindow(window=(-4, -1), minimum=4),
            event_window=(0, 0),
        ),
        (0, 0),
    )


def test_corrado_rank_gives_ties_their_middle_rank() -> None:
    # sums 7.5 5 3.5 6 | 8; Ubar = (sum/2)/6 - 1/2 = (sum - 6)/12: 1.5 -1 -2.5 0 | 2 over 12
    # squares 2.25 + 1 + 6.25 + 0 + 4 = 13.5; z = 2/sqrt(13.5/5)
    z = 2 / sqrt(13.5 / 5)
    expect(tied(), "corrado_rank", z, 2 * stats.norm.sf(z))


def test_grank_t_gives_ties_their_middle_rank() -> None:
    # s_A^2 = (1+1+1+4)/4 = 7/4, s_B^2 = (4+1+1+9)/4 = 15/4; p = 0 and V = s^2
    # SCAR: 2/1.3229 = 1.5119, 1/1.9365 = 0.5164, five of each; sd = 0.4978 sqrt(10/9) = 0.5247
    # SCAR/sd = 2.882, 0.9843; times s: A 3.81, above all; B 1.91, between -1 and 2
    #   A: 3.5 3.5 2 1 | 5      B: 4 1.5 1.5 5 | 3      the same ranks as Corrado's
    # Z^2 = 4/(13.5/5) = 40/27, n = 5; t = Z sqrt(3/(4 - 40/27)) = Z sqrt(81/68), df 3
    t = sqrt(40 / 27 * 81 / 68)
    expect(tied(copies=5), "grank_t", t, 2 * stats.t.sf(t, 3))


def test_constant_mean_and_what_was_earned_over_it() -> None:
    """Equations 1 and 23."""
    # The past is 0, 1/10, 2/10: mean 1/10, SSR = 2/100, s^2 = (2/100)/(3 - 1), s = 1/10
    # CAR = 1/5 + 1/2 - 2/10 = 1/2 with variance s^2 (2 + 4/3); BHAR = 1.2 * 1.5 - 1.1^2 = 0.59
    results = fit(
        {"A": [0, 0.1, 0.2, 0.2, 0.5]},
        {"M": [0] * 5},
        {"e": {"A": 3}},
        model=ConstantMean(),
        estimation=EstimationWindow(window=(-3, -1), minimum=3),
        event_window=(0, 1),
    )
    row = results.models.iloc[0]
    assert row["alpha"] == pytest.approx(0.1, **tolerance)
    assert row["sigma"] == pytest.approx(0.1, **tolerance)
    car = results.car((0, 1)).iloc[0]
    assert car["car"] == pytest.approx(0.5, **tolerance)
    assert car["std_error"] == pytest.approx(0.1 * sqrt(10 / 3), **tolerance)
    assert results.bhar((0, 1))["bhar"].item() == pytest.approx(0.59, **tolerance)


def test_a_single_index_is_the_first_benchmark() -> None:
    """Equation 4."""
    # Over -1 -1 1 1 of M, A is 1 + 2 M + e with e = 1 -1 -1 1, orthogonal to 1 and to M. The second
    # benchmark is e itself and would leave no residual. SSR = 4, s^2 = 4/(4 - 2)
    past = [-1, -1, 1, 1]
    e = [1, -1, -1, 1]
    results = fit(
        {"A": [*(1 + 2 * m + x for m, x in zip(past, e, strict=True)), 6]},
        {"M": [*past, 1], "N": [*e, 0]},
        {"e": {"A": 4}},
        model=SingleIndexModel(),
        estimation=EstimationWindow(window=(-4, -1), minimum=4),
        event_window=(0, 0),
    )
    row = results.models.iloc[0]
    assert row["benchmark"] == "M"
    assert row["alpha"] == pytest.approx(1, **tolerance)
    assert row["beta"] == pytest.approx(2, **tolerance)
    assert row["sigma"] == pytest.approx(sqrt(2), **tolerance)
    assert results.car((0, 0))["car"].item() == pytest.approx(3, **tolerance)


def test_market_adjusted_is_not_centred() -> None:
    """Equation 2."""
    # A has residual sum -1: uncentred s^2 = 7/4 with p = 0
    results = fit(
        {"A": [1, 1, -1, -2, 2]},
        {"M": [0, 0, 0, 0, 0]},
        {"e": {"A": 4}},
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-4, -1), minimum=4),
        event_window=(0, 0),
    )
    assert results.models["sigma"].item() == pytest.approx(sqrt(7 / 4), **tolerance)
    row = results.car(window=(0, 0)).iloc[0]
    assert row["t_stat"] == pytest.approx(2 / sqrt(7 / 4), **tolerance)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(2 / sqrt(7 / 4), 4), **tolerance)


def test_a_residual_or_a_car_of_zero_is_not_positive() -> None:
    # Residuals of A: 0 1 -1 -2, of B: 3 0 1 -1: positive 1 and 2 of 4, phat = 3/8.
    # CARs 0 and 2: w = 1. z = (1 - 3/4)/sqrt(2 * 3/8 * 5/8) = (1/4)/sqrt(15/32)
    results = fit(
        {"A": [0, 1, -1, -2, 0], "B": [3, 0, 1, -1, 2]},
        {"M": [0, 0, 0, 0, 0]},
        {"e": {"A": 4, "B": 4}},
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-4, -1), minimum=4),
        event_window=(0, 0),
    )
    z = 1 / 4 / sqrt(15 / 32)
    expect(eleven(results, (0, 0)), "generalized_sign", z, 2 * stats.norm.sf(z))


@pytest.mark.parametrize(("common", "defined"), [(29, False), (30, True)])
def test_a_correlation_needs_thirty_common_sessions(common: int, defined: bool) -> None:
    # B = 2 A on A's first `common` of 40 sessions and missing on the others: correlation 1
    a = np.tile([1.0, -1.0, 3.0, -3.0, 2.0], 8)
    b = np.where(np.arange(40) < common, 2 * a, np.nan)
    results = fit(
        {"A": [*a, 1.0], "B": [*b, 1.0]},
        {"M": [0.0] * 41},
        {"e": {"A": 40, "B": 40}},
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-40, -1), minimum=10),
        event_window=(0, 0),
    )
    rbar = eleven(results, (0, 0))["mean_correlation"]
    if defined:
        np.testing.assert_allclose(rbar, 1, rtol=1e-10)
    else:
        assert rbar.isna().all()


@pytest.mark.parametrize(("sessions", "defined"), [(2, False), (3, True)])
def test_patell_needs_more_than_two_degrees_of_freedom(sessions: int, defined: bool) -> None:
    # Market adjusted, p = 0: the variance M/(M - 2) of a standardized return is infinite at M = 2.
    # A and B have s = 1 and abnormal returns 1 and 2: at M = 3 Z = (3/sqrt 2)/sqrt 3
    results = fit(
        {"A": [*[1, -1, 1][:sessions], 1], "B": [*[1, -1, 1][:sessions], 2]},
        {"M": [0] * (sessions + 1)},
        {"e": {"A": sessions, "B": sessions}},
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-sessions, -1), minimum=2),
        event_window=(0, 0),
    )
    row = eleven(results, (0, 0)).loc["patell"]
    if defined:
        assert row["statistic"] == pytest.approx(3 / sqrt(6), **tolerance)
    else:
        assert np.isnan(row["statistic"])
        assert np.isnan(row["p_value"])


def test_a_portfolio_that_does_not_move_has_no_time_series_t() -> None:
    # B mirrors A in every estimation session: AAR_t = 0 throughout, s_AAR = 0, t undefined
    a = [1.0, -2.0, 3.0, -1.0]
    results = fit(
        {"A": [*a, 1.0], "B": [*(-x for x in a), 2.0]},
        {"M": [0.0] * 5},
        {"e": {"A": 4, "B": 4}},
        model=MarketAdjusted(),
        estimation=EstimationWindow(window=(-4, -1), minimum=4),
        event_window=(0, 0),
    )
    row = eleven(results, (0, 0)).loc["time_series_t"]
    assert np.isnan(row["statistic"])
    assert np.isnan(row["p_value"])


def test_named_tests_are_those_of_all_eleven_in_their_order(results: EventStudyResults) -> None:
    some = results.tests((0, 1), ["wilcoxon", "patell"]).tidy()
    assert list(some["test"]) == ["patell", "wilcoxon"]
    all_of_them = results.tests((0, 1)).tidy()
    kept = all_of_them[all_of_them["test"].isin(["patell", "wilcoxon"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, kept)
    with pytest.raises(ValueError, match="no test 'patel'; expected some of time_series_t, "):
        results.tests((0, 1), ["patel"])
