"""The eleven statistics once more: slow loops, one function per formula, on awkward panels.

Nothing here is shared with the package. Each function takes the assets of one group that have a
CAR in the window and follows its formula term by term.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from math import isnan, nan, sqrt

import numpy as np
import pytest
from scipy import stats

from chainpolicy.eventstudy import (
    TEST_NAMES,
    ConstantMean,
    EstimationWindow,
    MarketAdjusted,
    MarketModel,
)
from panels import eleven, fit

ESTIMATION = (-70, -6)
EVENT_WINDOW = (-3, 3)
COUNT = 100
MINIMUM = 20
WINDOWS = [(0, 0), (0, 1), (-3, 3)]
FEWEST_COMMON = 30


@dataclass(eq=False)  # no two are the same one
class Asset:
    """One asset with a CAR in the window.

    ``residuals`` has one entry per session of the estimation window, NaN where there is none;
    ``days`` are the calendar positions of these sessions, ``event_days`` those of the window.
    """

    residuals: list[float]
    days: list[int]
    abnormal: list[float]
    event_days: list[int]
    s: float
    parameters: int
    forecast_variance: np.ndarray
    weights: dict[int, float]  # of each estimation session in the normal return of the window

    @cached_property
    def m(self) -> int:
        return sum(not isnan(e) for e in self.residuals)

    @property
    def car(self) -> float:
        return sum(self.abnormal)

    @property
    def car_error(self) -> float:
        return sqrt(sum(sum(row) for row in self.forecast_variance))

    @property
    def scar(self) -> float:
        return self.car / self.car_error


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def sd(values: list[float]) -> float:
    """Square root of the sum of squared deviations over n - 1."""
    centre = mean(values)
    return sqrt(sum((v - centre) ** 2 for v in values) / (len(values) - 1))


def midranks(values: list[float]) -> list[float]:
    """1 + how many are smaller + half of how many others are equal; NaN has none."""
    return stats.rankdata(values, nan_policy="omit").tolist()


def two_sided(distribution: object, statistic: float) -> float:
    return nan if isnan(statistic) else 2 * distribution.sf(abs(statistic))


Test = tuple[float, float]


def time_series_t(assets: list[Asset]) -> Test:
    """CAAR / (s_AAR sqrt(mean 1'V1 / s^2)), s_AAR^2 = sum_est AAR_t^2 / (T_e - p), largest p."""
    if len({a.event_days[0] for a in assets}) > 1:
        return calendar_time_t(assets)
    squares, count = 0.0, 0
    for t in range(len(assets[0].residuals)):
        present = [a.residuals[t] for a in assets if not isnan(a.residuals[t])]
        if present:
            squares += mean(present) ** 2
            count += 1
    df = count - max(a.parameters for a in assets)
    multiplier = mean([a.car_error**2 / a.s**2 for a in assets])
    t = mean([a.car for a in assets]) / (sqrt(squares / df) * sqrt(multiplier))
    return t, two_sided(stats.t(df), t)


def weights_of_errors(asset: Asset) -> np.ndarray:
    """Weight of the error of every calendar session in the asset's CAR."""
    return np.array(
        [float(day in asset.event_days) - asset.weights.get(day, 0.0) for day in range(COUNT)]
    )


def calendar_time_t(assets: list[Asset]) -> Test:
    """N^2 se^2 = sum 1'V1 + sum_{i != j} r_ij s_i s_j sum_t a_it a_jt."""
    variance = sum(a.car_error**2 for a in assets)
    weights = [weights_of_errors(a) for a in assets]
    for i, a in enumerate(assets):
        for j, b in enumerate(assets[:i]):
            r = correlation(b, a)
            if not isnan(r):
                variance += 2 * r * a.s * b.s * float(weights[i] @ weights[j])
    seen = {day for a in assets for day, e in zip(a.days, a.residuals, strict=True) if not isnan(e)}
    df = len(seen) - max(a.parameters for a in assets)
    t = mean([a.car for a in assets]) / (sqrt(variance) / len(assets))
    return t, two_sided(stats.t(df), t)


def cross_sectional_t(assets: list[Asset]) -> Test:
    """Return sqrt(N) CAAR / sd(CAR_i)."""
    cars = [a.car for a in assets]
    t = sqrt(len(cars)) * mean(cars) / sd(cars)
    return t, two_sided(stats.t(len(cars) - 1), t)


def patell(assets: list[Asset]) -> Test:
    """N^-1/2 sum_i [ sum_W SAR_it / sqrt(L2 (M_i - p)/(M_i - p - 2)) ]."""
    total = 0.0
    for a in assets:
        csar = sum(a.abnormal[t] / sqrt(a.forecast_variance[t, t]) for t in range(len(a.abnormal)))
        df = a.m - a.parameters
        total += csar / sqrt(len(a.abnormal) * df / (df - 2))
    z = total / sqrt(len(assets))
    return z, two_sided(stats.norm, z)


@cache
def correlation(a: Asset, b: Asset) -> float:
    """r_ij on common sessions, re-centred there; none where these are too few."""
    of_b = dict(zip(b.days, b.residuals, strict=True))
    both = [
        (e, of_b[day])
        for day, e in zip(a.days, a.residuals, strict=True)
        if not isnan(e) and not isnan(of_b.get(day, nan))
    ]
    if len(both) < FEWEST_COMMON:
        return nan
    mean_a, mean_b = mean([x for x, _ in both]), mean([y for _, y in both])
    product = sum((x - mean_a) * (y - mean_b) for x, y in both)
    square_a = sum((x - mean_a) ** 2 for x, _ in both)
    square_b = sum((y - mean_b) ** 2 for _, y in both)
    return product / sqrt(square_a * square_b)


def rbar(assets: list[Asset]) -> float:
    """Mean over the pairs of r_ij (common sessions of the windows)/L2."""
    pairs = []
    for i, a in enumerate(assets):
        for b in assets[i + 1 :]:
            common = sum(day in b.event_days for day in a.event_days)
            pairs.append(correlation(a, b) * common / len(a.event_days) if common else 0.0)
    known = [r for r in pairs if not isnan(r)]
    return mean(known) if known else nan


def adjusted_patell(assets: list[Asset]) -> Test:
    """Z / sqrt(1 + (N - 1) rbar)."""
    inflation = 1 + (len(assets) - 1) * rbar(assets)
    z = patell(assets)[0] / sqrt(inflation) if inflation > 0 else nan
    return z, two_sided(stats.norm, z)


def bmp(assets: list[Asset]) -> Test:
    """Return sqrt(N) mean(SCAR) / sd(SCAR)."""
    scars = [a.scar for a in assets]
    t = sqrt(len(scars)) * mean(scars) / sd(scars)
    return t, two_sided(stats.t(len(scars) - 1), t)


def adjusted_bmp(assets: list[Asset]) -> Test:
    """t_BMP sqrt( (1 - rbar) / (1 + (N - 1) rbar) )."""
    r = rbar(assets)
    inflation = 1 + (len(assets) - 1) * r
    t = bmp(assets)[0] * sqrt((1 - r) / inflation) if inflation > 0 else nan
    return t, two_sided(stats.t(len(assets) - 1), t)


def corrado_rank(assets: list[Asset]) -> Test:
    """sum_W Ubar_t / (sqrt(L2) S), U = rank/(T_i + 1) - 1/2, S^2 = T^-1 sum (N_t/N) Ubar_t^2."""
    length = len(assets[0].abnormal)
    scores = []
    for a in assets:
        values = a.residuals + a.abnormal
        valid = sum(not isnan(v) for v in values)
        scores.append([rank / (valid + 1) - 1 / 2 for rank in midranks(values)])
    average, variance, count = {}, 0.0, 0
    for t in range(len(scores[0])):
        present = [u[t] for u in scores if not isnan(u[t])]
        if present:
            average[t] = mean(present)
            variance += len(present) / len(assets) * average[t] ** 2
            count += 1
    inside = sum(average[t] for t in range(len(scores[0]) - length, len(scores[0])))
    z = inside / (sqrt(length) * sqrt(variance / count))
    return z, two_sided(stats.norm, z)


def grank_t(assets: list[Asset]) -> Test:
    """Z sqrt((n - 2)/(n - 1 - Z^2)); rank SCAR/sd(SCAR) among residuals/s: U = rank/(M + 2) - 1/2.

    Z = Ubar_0 / S, S^2 = n^-1 sum (N_t/N) Ubar_t^2, n = estimation sessions with a value, plus 1.
    """
    if len(assets) < 10:
        return nan, nan
    spread = sd([a.scar for a in assets])
    scores = []
    for a in assets:
        values = [e / a.s for e in a.residuals] + [a.scar / spread]
        scores.append([rank / (a.m + 2) - 1 / 2 for rank in midranks(values)])
    variance, n = 0.0, 0
    for t in range(len(scores[0])):
        present = [u[t] for u in scores if not isnan(u[t])]
        if present:
            variance += len(present) / len(assets) * mean(present) ** 2
            n += 1
    z = mean([u[-1] for u in scores]) / sqrt(variance / n)
    if z**2 >= n - 1:
        return nan, nan
    t = z * sqrt((n - 2) / (n - 1 - z**2))
    return t, two_sided(stats.t(n - 2), t)


def generalized_sign(assets: list[Asset]) -> Test:
    """(w - N phat)/sqrt(N phat (1 - phat)), phat the mean share of positive residuals."""
    shares = [sum(e > 0 for e in a.residuals) / a.m for a in assets]
    phat, w, n = mean(shares), sum(a.car > 0 for a in assets), len(assets)
    z = (w - n * phat) / sqrt(n * phat * (1 - phat))
    return z, two_sided(stats.norm, z)


def wilcoxon(assets: list[Asset]) -> Test:
    """W+ = sum of the ranks of |CAR| over the positive CARs; exact for N <= 50 without ties."""
    cars = [a.car for a in assets]
    ranks = midranks([abs(c) for c in cars])
    total = sum(rank for rank, c in zip(ranks, cars, strict=True) if c > 0)
    return total, stats.wilcoxon(cars, method="exact").pvalue


def skewness_t(assets: list[Asset]) -> Test:
    """Return sqrt(N)(S + g S^2/3 + g/(6N)), S = mean/sd, g = sum (CAR - mean)^3/(N sd^3)."""
    cars = [a.car for a in assets]
    n, spread = len(cars), sd(cars)
    s = mean(cars) / spread
    g = sum((c - mean(cars)) ** 3 for c in cars) / (n * spread**3)
    t = sqrt(n) * (s + g * s**2 / 3 + g / (6 * n))
    return t, two_sided(stats.t(n - 1), t)


STATISTICS: dict[str, Callable[[list[Asset]], Test]] = {
    function.__name__: function
    for function in (
        time_series_t,
        cross_sectional_t,
        patell,
        adjusted_patell,
        bmp,
        adjusted_bmp,
        corrado_rank,
        grank_t,
        generalized_sign,
        wilcoxon,
        skewness_t,
    )
}


@dataclass
class Panel:
    """Returns (session x asset), factors (session x factor) and where each event falls."""

    returns: np.ndarray
    factors: np.ndarray
    position: list[int]
    on: list[list[int]]  # the factors each asset is regressed on
    masked: list[set[int]]  # the sessions taken out of estimation, per asset

    def asset(self, i: int, window: tuple[int, int], model: str) -> Asset | None:
        """Fit asset i; None without a CAR in the window."""
        days = [self.position[i] + tau for tau in range(ESTIMATION[0], ESTIMATION[1] + 1)]
        event_days = [self.position[i] + tau for tau in range(window[0], window[1] + 1)]
        columns = self.factors[:, self.on[i]]
        design = np.column_stack([np.ones(len(columns)), columns])
        if model == "constant_mean" or not self.on[i]:
            design = design[:, :1]
        known = ~np.isnan(self.returns[:, i])
        if model == "market_adjusted" and self.on[i]:
            known &= ~np.isnan(columns[:, 0])
            parameters = 0
            unexplained = self.returns[:, i] - columns[:, 0]
        else:
            known &= ~np.isnan(design).any(axis=1)
            parameters = design.shape[1]
        used = [day for day in days if known[day] and day not in self.masked[i]]
        if len(used) < MINIMUM or not all(known[day] for day in event_days):
            return None
        if parameters:
            gram = design[used].T @ design[used]
            coefficients = np.linalg.solve(gram, design[used].T @ self.returns[used, i])
            unexplained = self.returns[:, i] - design @ coefficients
        s2 = sum(unexplained[day] ** 2 for day in used) / (len(used) - parameters)
        variance = s2 * np.eye(len(event_days))
        weights = {}
        if parameters:
            ahead = design[event_days]
            variance += s2 * ahead @ np.linalg.solve(gram, ahead.T)
            normal = ahead.sum(axis=0) @ np.linalg.solve(gram, design[used].T)
            weights = dict(zip(used, normal.tolist(), strict=True))
        return Asset(
            residuals=[float(unexplained[day]) if day in used else nan for day in days],
            days=days,
            abnormal=[float(unexplained[day]) for day in event_days],
            event_days=event_days,
            s=sqrt(s2),
            parameters=parameters,
            forecast_variance=variance,
            weights=weights,
        )


def draw(seed: int, n: int, *, staggered: bool, awkward: bool) -> Panel:
    """Correlated returns; `awkward` adds gaps, late listings, a mixed model and a masked event."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(0, 0.01, (COUNT, 2))
    common = rng.standard_t(5, COUNT) * 0.01
    returns = (
        0.001
        + factors @ rng.normal(0.8, 0.3, (2, n))
        + np.outer(common, rng.uniform(0.2, 1, n))
        + rng.standard_t(4, (COUNT, n)) * rng.uniform(0.01, 0.03, n)
    )
    position = [80] * n
    if staggered:
        position = [80 + int(shift) for shift in rng.integers(0, 6, n)]
    on = [[0, 1] for _ in range(n)]
    masked: list[set[int]] = [set() for _ in range(n)]
    if awkward:
        masked = [{position[i] - 40, position[i] - 39} for i in range(n)]
        returns[rng.random((COUNT, n)) < 0.05] = np.nan
        factors[rng.integers(0, 60, 2), 1] = np.nan
        for i in range(n):
            # the first two assets always keep a CAR, so that there is a group to test
            if i < 2:
                returns[position[i] - 3 : position[i] + 4, i] = rng.normal(0.005, 0.02, 7)
            elif i % 3 == 0:
                returns[: 48 + int(rng.integers(0, 5)), i] = np.nan
            elif i % 5 == 2:
                on[i] = []
    return Panel(returns, factors, position, on, masked)


MODELS = {
    "market": MarketModel,
    "constant_mean": ConstantMean,
    "market_adjusted": MarketAdjusted,
}


def compare(panel: Panel, model: str) -> set[str]:
    """Assert equality on every window; return the tests that had a value at least once."""
    n = panel.returns.shape[1]
    tickers = [f"T{i:02d}" for i in range(n)]
    if model == "market_adjusted":
        panel.on = [factors[:1] for factors in panel.on]
    positions = {"e": dict(zip(tickers, panel.position, strict=True))}
    if any(panel.masked):
        positions["old"] = {t: min(m) for t, m in zip(tickers, panel.masked, strict=True)}
    names = ("F0", "F1")
    results = fit(
        {t: panel.returns[:, i] for i, t in enumerate(tickers)},
        {name: panel.factors[:, k] for k, name in enumerate(names)},
        positions,
        factors={
            t: tuple(names[k] for k in on) for t, on in zip(tickers, panel.on, strict=True) if on
        },
        out_of_sample=("old",),
        model=MODELS[model](),
        estimation=EstimationWindow(window=ESTIMATION, minimum=MINIMUM),
        event_window=EVENT_WINDOW,
    )
    seen = set()
    for window in WINDOWS:
        group = [panel.asset(i, window, model) for i in range(n)]
        assets = [asset for asset in group if asset is not None]
        ours = eleven(results, window)
        assert list(ours.index) == list(TEST_NAMES)
        assert (ours["n_assets"] == len(assets)).all()
        np.testing.assert_allclose(ours["mean_car"], mean([a.car for a in assets]), rtol=1e-9)
        np.testing.assert_allclose(ours["mean_correlation"], rbar(assets), rtol=1e-9, atol=1e-12)
        for name, function in STATISTICS.items():
            statistic, p_value = function(assets)
            np.testing.assert_allclose(
                ours.loc[name, ["statistic", "p_value"]].to_numpy(dtype=float),
                [statistic, p_value],
                rtol=1e-9,
                atol=1e-12,
                err_msg=f"{name} {window}",
            )
            if not isnan(statistic):
                seen.add(name)
    return seen


@pytest.mark.parametrize("n", [2, 3, 12, 40])
@pytest.mark.parametrize("staggered", [False, True], ids=["one_date", "staggered"])
@pytest.mark.parametrize("awkward", [False, True], ids=["complete", "gaps"])
def test_market_model(n: int, staggered: bool, awkward: bool) -> None:
    seen = set()
    for seed in range(2 if n < 12 else 1):
        seen |= compare(draw(seed, n, staggered=staggered, awkward=awkward), "market")
    assert seen == set(TEST_NAMES) - ({"grank_t"} if n < 12 else set())


@pytest.mark.parametrize("model", ["constant_mean", "market_adjusted"])
@pytest.mark.parametrize("staggered", [False, True], ids=["one_date", "staggered"])
def test_other_models(model: str, staggered: bool) -> None:
    panel = draw(7, 14, staggered=staggered, awkward=True)
    assert compare(panel, model) == set(TEST_NAMES)


def test_the_panels_are_as_awkward_as_they_claim() -> None:
    panel = draw(0, 40, staggered=True, awkward=True)
    group = [panel.asset(i, (-3, 3), "market") for i in range(40)]
    assets = [asset for asset in group if asset is not None]
    assert 2 < len(assets) < 40
    assert len({a.m for a in assets}) > 5
    assert min(a.m for a in assets) < FEWEST_COMMON
    assert {a.parameters for a in assets} == {1, 3}
    shared = {len(set(a.event_days) & set(assets[0].event_days)) for a in assets}
    assert len(shared) > 3
