r"""Tests of a group's mean effect: eleven statistics over the assets of one event and window.

Notation: N assets with a CAR in the cumulation window W of L2 sessions; asset i has M_i valid
estimation sessions, p_i estimated parameters, residuals with standard deviation s_i,
:math:`SAR_{it} = AR_{it} / \sqrt{V_{i,tt}}` and :math:`SCAR_i = CAR_i / \sqrt{1'V_i 1}`. The null
hypothesis of every test is that the event has no mean effect. A test takes a `GroupSample` and
returns an `Outcome`; all functions broadcast over leading axes of the arrays, so that simulated
samples are tested in one call.

A statistic is NaN, never a division by rounding error, where the variance it divides by is not
positive beyond rounding: identical CARs, a portfolio that does not move, :math:`\bar r` at 1 or
at :math:`-1 / (N - 1)`.

`EXAMPLE` is a sample small enough to follow with a pencil; every test shows its value on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainpolicy.eventstudy.panel import Bools, Floats, Ints
from chainpolicy.eventstudy.threads import one_thread

_Number = TypeVar("_Number", np.float64, np.float32, np.bool_)

# Fewer common sessions say too little about the correlation of two assets.
MINIMUM_COMMON_SESSIONS = 30
EXACT_WILCOXON_LIMIT = 50
# Below, bounded ranks reject a true null far too often.
MINIMUM_GRANK_ASSETS = 10
# Relative size below which a spread is rounding error.
ROUNDING = 1e-12
# Rows of a matrix of all pairs that are in memory at a time.
ROWS = 64


@dataclass(frozen=True)
class GroupSample:
    """What the tests of one event, group and window look at; leading axes are allowed.

    Parameters
    ----------
    car, car_std_error : ndarray of float, shape (..., N)
        Cumulative abnormal returns and the square roots of their forecast variances.
    abnormal, abnormal_std_error : ndarray of float, shape (..., N, L2)
        Abnormal returns of the window and the square roots of their forecast variances.
    residuals : ndarray of float, shape (..., N, M)
        Residuals of the estimation window; NaN where a session is not valid. Columns are
        positions inside the window.
    sigma : ndarray of float, shape (..., N)
        s_i.
    n_parameters : ndarray of int, shape (N,)
        p_i.
    estimation_session : ndarray of int, shape (N, M), optional
        Position on the group's calendar of each residual; needed where the assets have
        different event sessions. Default: a column is one session.
    window_start : ndarray of int, shape (N,), optional
        Position on the group's calendar of the first session of each asset's window. Default:
        all the same.
    estimation_weights : ndarray of float, shape (..., N, M), optional
        Weight of the error of each estimation session in the estimated normal return of the
        window, zero where a residual is NaN. Default: zero.
    n_sessions : ndarray of float, shape (..., N, L2), optional
        g, the sessions that each return of the window spans. Default: one.
    rounding : float
        Relative size below which a spread is rounding error.

    Examples
    --------
    >>> EXAMPLE.n_assets, EXAMPLE.n_window, EXAMPLE.n_estimation.tolist()
    (3, 2, [32, 32, 32])
    >>> EXAMPLE.car.tolist()
    [8.0, 20.0, -9.0]
    """

    car: Floats
    car_std_error: Floats
    abnormal: Floats
    abnormal_std_error: Floats
    residuals: Floats
    sigma: Floats
    n_parameters: Ints
    estimation_session: Ints | None = None
    window_start: Ints | None = None
    estimation_weights: Floats | None = None
    n_sessions: Floats | None = None
    rounding: float = ROUNDING

    @property
    def n_assets(self) -> int:
        """N."""
        return int(self.car.shape[-1])

    @property
    def n_window(self) -> int:
        """L2, the sessions of the cumulation window."""
        return int(self.abnormal.shape[-1])

    @property
    def staggered(self) -> bool:
        """Whether the assets differ in their windows or in the sessions of their residuals."""
        start, session = self.window_start, self.estimation_session
        return (start is not None and bool((start != start[0]).any())) or (
            session is not None and bool((session != session[0]).any())
        )

    @cached_property
    def spanned(self) -> Floats:
        """Sessions that each return of the window spans, shape (..., N, L2)."""
        return np.ones_like(self.abnormal) if self.n_sessions is None else self.n_sessions

    @cached_property
    def observed(self) -> Bools:
        """Valid estimation sessions, shape (..., N, M)."""
        return np.isfinite(self.residuals)

    @cached_property
    def n_estimation(self) -> Ints:
        """M_i, shape (..., N)."""
        count: Ints = self.observed.sum(axis=-1)
        return count

    @cached_property
    def on_calendar(self) -> tuple[Floats, Bools]:
        """Residuals with calendar sessions as columns, and where there is one."""
        position = self.estimation_session
        if position is None or (position == position[0]).all():
            return self.residuals, self.observed
        column = np.broadcast_to(position - position.min(), self.residuals.shape)
        values = np.full((*self.car.shape, np.ptp(position) + 1), np.nan)
        np.put_along_axis(values, column, self.residuals, axis=-1)
        return values, np.isfinite(values)

    @cached_property
    def by_size(self) -> Ordered:
        """Residuals and, over the root of its sessions, each abnormal return of the window."""
        per_session = self.abnormal / np.sqrt(self.spanned)
        return Ordered.of(np.concatenate([self.residuals, per_session], axis=-1))

    @cached_property
    def scar(self) -> Floats:
        """Standardized cumulative abnormal returns, shape (..., N)."""
        return self.car / self.car_std_error

    @cached_property
    def mean_correlation(self) -> Floats:
        """Mean correlation of the residuals, see `mean_residual_correlation`."""
        return mean_residual_correlation(self)

    @cached_property
    def mean_error(self) -> tuple[Floats, Floats]:
        """Standard error of the mean CAR with its degrees of freedom, see `mean_error`."""
        return mean_error(self)


class Outcome(NamedTuple):
    """Statistic of one test with the degrees of freedom of its t distribution, if it has one.

    `p_value` is given only where the null distribution is neither t nor normal; without it and
    without `degrees` the null distribution is N(0, 1).

    Examples
    --------
    >>> patell(EXAMPLE).degrees is None, bmp(EXAMPLE).degrees
    (True, 2)
    """

    statistic: Floats
    degrees: ArrayLike | None = None
    p_value: Floats | None = None


@dataclass(frozen=True)
class GroupTest:
    """A test: its name in files and tables, its name in words, its source and its function.

    Attributes
    ----------
    name : str
        As in ``tests.csv`` and `TEST_NAMES`.
    title : str
        As in tables and figures.
    source : str
        Authors and year.
    compute : callable
        Takes a `GroupSample`, returns an `Outcome`.
    allows_overlap : bool
        Whether what windows of one asset share enters the statistic. The others take windows for
        independent: with two of three sessions shared, they reject twice to three times too often.

    Examples
    --------
    >>> for test in TESTS[:3]:
    ...     print(f"{test.title} = {test.compute(EXAMPLE).statistic:.4f}, {test.source}")
    portfolio t = 2.0472, Brown & Warner (1985)
    cross-sectional t = 0.7528, Boehmer, Musumeci & Poulsen (1991)
    Patell Z = 3.9886, Patell (1976)
    """

    name: str
    title: str
    source: str
    compute: Callable[[GroupSample], Outcome]
    allows_overlap: bool = False


_PATTERN = [[2, 2, -2, -2, 0, 0, 0, 0], [4, 0, 0, -4, 4, 0, 0, -4], [6, 0, 0, -6, -6, 0, 0, 6]]
_RESIDUALS = np.tile(np.array(_PATTERN, dtype=np.float64), 4)
_ABNORMAL = np.array([[5.0, 3.0], [8.0, 12.0], [-12.0, 3.0]])
_SIGMA = np.sqrt((_RESIDUALS**2).sum(axis=1) / 30)
# Three assets, 32 estimation sessions, a window of two sessions on which the market rests, in per
# cent. Residual correlations 1/2, 1/2 and 0.
EXAMPLE = GroupSample(
    car=_ABNORMAL.sum(axis=1),
    car_std_error=_SIGMA * np.sqrt(2 + 4 / 32),
    abnormal=_ABNORMAL,
    abnormal_std_error=_SIGMA[:, None] * np.sqrt([1 + 1 / 32] * 2),
    residuals=_RESIDUALS,
    sigma=_SIGMA,
    n_parameters=np.array([2, 2, 2]),
)


def mean_residual_correlation(sample: GroupSample) -> Floats:
    r"""Mean off-diagonal Pearson correlation of estimation residuals.

    Pairwise complete and re-centred on the common calendar sessions of each pair; pairs with
    fewer than 30 common sessions, or without variation on them, are left out. Where the windows
    of two assets overlap only partly, :math:`r_{ij}` counts with the share of sessions they have
    in common, :math:`w_{ij} = |W_i \cap W_j| / L_2`; windows apart count as zero, however few
    sessions are common:

    .. math:: \bar r = \operatorname{mean}_{i<j} ( w_{ij} r_{ij} ) \tag{10}

    Returns
    -------
    ndarray, shape (...)
        NaN if no pair has enough common sessions.

    References
    ----------
    Kolari & Pynnonen (2010), *Review of Financial Studies* 23(11), 3996-4025: the mean correlation
        of eq. 10 and 13, on one event date; calendar dates and weights are added here.

    Examples
    --------
    >>> print(f"{mean_residual_correlation(EXAMPLE):.4f}")  # of 1/2, 1/2 and 0
    0.3333
    """
    values, observed = sample.on_calendar
    shape = observed.shape
    x = np.where(observed, values, 0.0).reshape(-1, *shape[-2:])
    samples = observed.reshape(-1, *shape[-2:])
    start = np.zeros(shape[-2], np.int64) if sample.window_start is None else sample.window_start
    if (samples[1:] == samples[0]).all():
        samples = samples[:1]
    # Assets of one kind are observed on the same sessions, with one window.
    kinds = np.array([number_distinct(start, rows) for rows in samples])
    of = _number_distinct(kinds.view(np.uint8))
    mean = np.empty(len(x))
    with one_thread():
        for number, first in enumerate(np.unique(of, return_index=True)[1]):
            alike = of == number if len(samples) > 1 else slice(None)
            mean[alike] = _mean_correlation(sample, x[alike], samples[alike], kinds[first])
    found: Floats = mean.reshape(shape[:-2])[()]
    return found


def _mean_correlation(sample: GroupSample, x: Floats, observed: Bools, kind: Ints) -> Floats:
    """Eq. 10 of samples x (B, N, T) with the same kinds of assets, observed (B or 1, N, T)."""
    n_assets, n_sessions = x.shape[1:]
    if (kind.max() + 1) ** 2 * n_sessions <= n_assets * max(n_assets, n_sessions):
        return _mean_correlation_of_kinds(sample, x, observed, kind)
    correlation, usable = _correlations(x, observed)
    if sample.window_start is not None:
        share = _overlap(sample, np.arange(n_assets))
        correlation *= share
        # Of windows apart the product is zero, whatever is known of the correlation.
        usable |= (share == 0.0) & ~np.eye(n_assets, dtype=np.bool_)
    count = usable.sum(axis=(-2, -1))
    mean: Floats = correlation.sum(axis=(-2, -1)) / np.where(count, count, np.nan)
    return mean


def _correlations(x: Floats, observed: Bools) -> tuple[Floats, Bools]:
    """Correlations of residuals x, zero where there is none, and where two assets have one.

    Residuals are zero where they are not observed; shapes (..., N, T).
    """
    seen = np.where(observed, 1.0, 0.0)
    # Whole numbers, exact in half the width.
    counted = seen.astype(np.float32)
    shared = (counted @ _transposed(counted)).astype(np.float64)
    enough = (shared >= MINIMUM_COMMON_SESSIONS) & ~np.eye(x.shape[-2], dtype=np.bool_)
    inverse = np.divide(1.0, np.maximum(shared, 1.0, out=shared), out=shared)
    # Row i, column j: sums over the common sessions of i and j of what belongs to i. All that
    # follows stays in its place: of a thousand assets, memory takes longer than numbers.
    total, raw = x @ _transposed(seen), x**2 @ _transposed(seen)
    squares = total**2
    squares *= inverse
    np.subtract(raw, squares, out=squares)
    raw *= ROUNDING
    varies = squares > raw
    usable: Bools = enough & varies & _transposed(varies)
    scale = np.sqrt(np.where(varies, squares, np.inf), out=squares)
    np.divide(1.0, scale, out=scale)
    correlation: Floats = x @ _transposed(x)
    levels = total * _transposed(total)
    levels *= inverse
    correlation -= levels
    correlation *= scale
    correlation *= _transposed(scale)
    correlation *= usable
    return correlation, usable


def number_distinct(label: Ints, rows: Bools) -> Ints:
    """Give `rows` (R, T) that are equal and of one `label` a number, in the order of the first.

    Examples
    --------
    >>> rows = np.array([[True, False], [True, False], [True, False], [False, False]])
    >>> number_distinct(np.array([7, 7, 8, 7]), rows).tolist()
    [0, 0, 1, 2]
    """
    return _number_distinct(np.packbits(rows, axis=1), label[:, None].view(np.uint8))


def _number_distinct(*parts: NDArray[np.uint8]) -> Ints:
    """Give rows that hold the same bytes a number, in the order of the first."""
    packed = np.hstack(parts)
    if (packed == packed[:1]).all():
        return np.zeros(len(packed), np.int64)
    width, content = packed.shape[1], packed.tobytes()
    numbers: dict[bytes, int] = {}
    rows = (content[first : first + width] for first in range(0, len(content), width))
    return np.array([numbers.setdefault(row, len(numbers)) for row in rows], np.int64)


def _mean_correlation_of_kinds(
    sample: GroupSample, x: Floats, observed: Bools, kind: Ints
) -> Floats:
    """Eq. 10 without a matrix of all pairs."""
    product, counts, own = _sums_of_kinds(x, observed, kind, np.ones(x.shape[:2]))
    # The correlation of an asset with itself is 1 and that of no pair.
    alone = own.sum(axis=1)
    share = _overlap(sample, np.unique(kind, return_index=True)[1])
    sizes = np.bincount(kind)
    # Of windows apart the product is zero, whatever is known of the correlation.
    number = np.where(share == 0.0, np.outer(sizes, sizes), counts * _transposed(counts))
    pairs = number.sum(axis=(-2, -1)) - alone
    total_of_pairs = (product * share).sum(axis=(-2, -1)) - alone
    mean: Floats = total_of_pairs / np.where(pairs > 0, pairs, np.nan)
    return mean


def _sums_of_kinds(
    x: Floats, observed: Bools, kind: Ints, size: Floats
) -> tuple[Floats, Floats, Floats]:
    """Sum the correlations of the assets of two kinds times the `size` of both.

    With residuals x (B, N, T), observed (B or 1, N, T), standardized on the sessions that two kinds
    have in common, the sum of all correlations between them is the product of their sums, session
    by session: no matrix of all pairs. Returns the sums, shape (B, K, K); in row a, column b how
    many assets of kind a vary on the sessions of kind b; and what assets with themselves are in
    the sums of their kind with itself, shape (B, K).
    """
    order = np.argsort(kind, kind="stable")
    x, size, kind = np.take(x, order, axis=1), size[:, order, None], kind[order]
    start = np.searchsorted(kind, np.arange(kind[-1] + 1))
    seen = np.where(observed[:, order[start]], 1.0, 0.0)
    shared = seen @ _transposed(seen)
    common = np.where(shared >= MINIMUM_COMMON_SESSIONS, shared, np.nan)[:, kind]
    # Row i, column b: sums over the sessions of asset i that assets of kind b have too.
    total, raw = x @ _transposed(seen), x**2 @ _transposed(seen)
    squares = _spread(raw - total**2 / common, raw)
    scale = np.where(np.isfinite(squares), size / np.sqrt(squares), 0.0)
    parts = [slice(*ends) for ends in pairwise([*start, len(kind)])]
    standardized = np.stack([_transposed(scale[:, part]) @ x[:, part] for part in parts], axis=1)
    levels = np.add.reduceat(scale * total, start, axis=1)
    counts = np.add.reduceat(np.where(scale > 0, 1.0, 0.0), start, axis=1)
    varies = np.take_along_axis(scale, kind[None, :, None], axis=2) > 0
    own = np.add.reduceat(np.where(varies, size, 0.0)[:, :, 0] ** 2, start, axis=1)
    product = (standardized * np.swapaxes(standardized, 1, 2)).sum(axis=-1)
    product -= levels * _transposed(levels) / np.maximum(shared, 1.0)
    return product, counts, own


def _transposed(values: NDArray[_Number]) -> NDArray[_Number]:
    return np.swapaxes(values, -1, -2)


def _overlap(sample: GroupSample, assets: Ints) -> Floats | float:
    """Share of the window that two of these assets have in common on the calendar."""
    if sample.window_start is None:
        return 1.0
    start = sample.window_start[assets]
    apart = np.abs(start[:, None] - start[None, :])
    share: Floats = np.maximum(1.0 - apart / sample.n_window, 0.0)
    return share


def time_series_t(sample: GroupSample) -> Outcome:
    r"""Portfolio t: the mean CAR against the portfolio's own volatility.

    .. math:: t = \frac{CAAR}{se}, \qquad
              se = s_{AAR} \sqrt{\frac1N \sum_i \frac{1'V_i1}{s_i^2}}, \qquad
              s_{AAR}^2 = \frac{\sum_{est} AAR_t^2}{T_e - p}, \tag{11}

    CAAR the mean CAR of N assets, :math:`AAR_t` the mean residual over the assets present on
    estimation session t, :math:`T_e` the sessions with at least one, p the largest number of
    parameters in the group; :math:`1'V_i1` the forecast variance of :math:`CAR_i` (eq. 9),
    :math:`s_i^2` that of a residual; :math:`t(T_e - p)`. The standard error is that of the interval
    of `EventStudyResults.caar`: p-value and interval agree. For a single asset it is the exact
    t-ratio of its CAR. Assets with different event sessions take the standard error of eq. 22.

    Robust to cross-sectional correlation, not to event-induced variance. Brown & Warner leave out
    the error of the estimated normal returns and reject a true null in 9 to 10 % of cases at
    M = 60, L2 = 21 and a nominal 5 %; it is included here.

    Returns
    -------
    Outcome
        NaN where the portfolio does not move, or no degree of freedom is left.

    References
    ----------
    Brown & Warner (1985), *Journal of Financial Economics* 14(1), 3-31, eq. 5, without the error of
        estimation; their sample variance divides by one less than the sessions.
    Kothari & Warner (2007), *Handbook of Corporate Finance* 1, chapter 1, eq. 5 (several sessions).

    Examples
    --------
    >>> print(f"{time_series_t(EXAMPLE).statistic:.4f}")  # 6.3333 / (2.1222 sqrt(2.125))
    2.0472
    """
    if sample.n_assets == 1:
        return Outcome(sample.scar[..., 0], (sample.n_estimation - sample.n_parameters)[..., 0])
    error, degrees = sample.mean_error
    return Outcome(sample.car.mean(axis=-1) / error, degrees)


def mean_error(sample: GroupSample) -> tuple[Floats, Floats]:
    """Return the standard error of the mean CAR, eq. 11 or 22, with its degrees of freedom.

    Examples
    --------
    >>> error, degrees = mean_error(EXAMPLE)
    >>> print(f"{error:.4f} with {degrees:.0f} degrees of freedom")
    3.0936 with 30 degrees of freedom
    """
    if sample.staggered:
        return calendar_error(sample)
    multiplier = (sample.car_std_error / sample.sigma) ** 2
    return portfolio_error(sample.residuals, sample.n_parameters, multiplier, sample.rounding)


def portfolio_error(
    residuals: Floats, n_parameters: Ints, multiplier: Floats, rounding: float = ROUNDING
) -> tuple[Floats, Floats]:
    r"""Return the standard error of a CAAR, eq. 11, with its degrees of freedom.

    `residuals`, `n_parameters` and `rounding` are those of a `GroupSample`, `multiplier` holds
    :math:`1'V_i1 / s_i^2`, shape (..., N).

    Examples
    --------
    >>> error, degrees = portfolio_error(
    ...     EXAMPLE.residuals, EXAMPLE.n_parameters, np.full(3, 2 + 4 / 32)
    ... )
    >>> print(f"{error:.4f} with {degrees:.0f} degrees of freedom")
    3.0936 with 30 degrees of freedom
    """
    deviation, degrees = portfolio_deviation(residuals, n_parameters, rounding)
    return deviation * np.sqrt(multiplier.mean(axis=-1)), degrees


def portfolio_deviation(
    residuals: Floats, n_parameters: Ints, rounding: float = ROUNDING
) -> tuple[Floats, Floats]:
    r"""Return :math:`s_{AAR}` of eq. 11, the deviation of the mean residual, with its degrees.

    The arguments are those of a `GroupSample`. The deviation is NaN where the portfolio does not
    move beyond rounding, or no degree of freedom is left.

    Examples
    --------
    >>> deviation, degrees = portfolio_deviation(EXAMPLE.residuals, EXAMPLE.n_parameters)
    >>> print(f"{deviation:.4f} with {degrees:.0f} degrees of freedom")
    2.1222 with 30 degrees of freedom
    """
    observed = np.isfinite(residuals)
    present = observed.sum(axis=-2)
    degrees = (present > 0).sum(axis=-1) - float(n_parameters.max())
    values = np.where(observed, residuals, 0.0)
    mean = values.sum(axis=-2) / np.maximum(present, 1)
    deviation = np.sqrt((mean**2).sum(axis=-1) / np.where(degrees > 0, degrees, np.nan))
    return _spread(deviation, np.abs(values).max(axis=(-2, -1)), rounding), degrees


def portfolio_errors(
    residuals: Floats,
    observed: Bools,
    n_parameters: Ints,
    multiplier: Floats,
    members: Bools,
    rounding: float = ROUNDING,
) -> Floats:
    r"""Return the standard errors of the CAARs of portfolios of the same assets, eq. 11.

    What `portfolio_error` says of one portfolio, of P of them by one product with the residuals.

    Parameters
    ----------
    residuals : ndarray of float, shape (..., N, M)
        Zero where a session is not `observed`.
    observed : ndarray of bool, shape (..., N, M)
    n_parameters : ndarray of int, shape (N,)
    multiplier : ndarray of float, shape (..., N)
        :math:`1'V_i1 / s_i^2`.
    members : ndarray of bool, shape (..., P, N)
    rounding : float
        A portfolio whose deviation is this part of its members' largest residual has none.

    Returns
    -------
    ndarray of float, shape (..., P)
        NaN where the portfolio does not move, no degree of freedom is left, or nobody is a member.

    Examples
    --------
    >>> residuals, multiplier = EXAMPLE.residuals, np.full(3, 2 + 4 / 32)
    >>> members = np.array([[True, True, True], [True, False, False]])
    >>> portfolio_errors(residuals, EXAMPLE.observed, np.full(3, 2), multiplier, members).round(4)
    array([3.0936, 2.1292])
    """
    weights = members.astype(np.float64)
    with one_thread():
        present = weights @ observed.astype(np.float64)
        mean = weights @ residuals
        variance = (weights @ multiplier[..., None])[..., 0]
    mean /= np.maximum(present, 1.0)
    parameters = np.where(members, n_parameters, 0).max(axis=-1)
    degrees = (present > 0).sum(axis=-1) - parameters
    squares = np.einsum("...m,...m->...", mean, mean)
    deviation = np.sqrt(squares / np.where(degrees > 0, degrees, np.nan))
    largest = np.abs(residuals).max(axis=-1)[..., None, :]
    scale = np.where(members, largest, 0.0).max(axis=-1)
    deviation = np.where(deviation > rounding * scale, deviation, np.nan)
    count = np.maximum(members.sum(axis=-1), 1)
    error: Floats = deviation * np.sqrt(variance / count)
    return error


def differ(values: Floats | Ints, chosen: Bools) -> Bools:
    """Say of which groups `chosen` (..., P, N) among `values` (N,) some differ.

    Examples
    --------
    >>> differ(np.array([1, 1, 2]), np.array([[True, True, False], [True, False, True]])).tolist()
    [False, True]
    """
    if (values == values[:1]).all():
        return np.zeros(chosen.shape[:-1], dtype=np.bool_)
    largest = np.where(chosen, values, -np.inf).max(axis=-1)
    differing: Bools = largest > np.where(chosen, values, np.inf).min(axis=-1)
    return differing


def cross_sectional_t(sample: GroupSample) -> Outcome:
    r"""Cross-sectional t: the mean CAR against the spread of the CARs.

    .. math:: t = \sqrt{N} \, \frac{CAAR}{sd(CAR_i)} \sim t(N - 1) \tag{12}

    CAAR is the mean and sd the sample deviation (ddof 1) of the CARs of N assets. Robust to
    event-induced variance, not to cross-sectional correlation.

    Returns
    -------
    Outcome
        NaN where the CARs have no spread.

    References
    ----------
    Boehmer, Musumeci & Poulsen (1991), *Journal of Financial Economics* 30(2), 253-272: the
        ordinary cross-sectional test.
    Lyon, Barber & Tsai (1999), *Journal of Finance* 54(1), 165-201, eq. 5 without its two terms in
        the skewness.

    Examples
    --------
    >>> print(f"{cross_sectional_t(EXAMPLE).statistic:.4f}")
    0.7528
    """
    return Outcome(_studentized_mean(sample.car, sample.rounding), sample.n_assets - 1)


def patell(sample: GroupSample) -> Outcome:
    r"""Patell's Z: standardized abnormal returns, cumulated and averaged.

    .. math:: Z = \frac{1}{\sqrt N} \sum_i \frac{\sum_W SAR_{it}}
              {\sqrt{L_2 (M_i - p_i) / (M_i - p_i - 2)}} \sim N(0, 1) \tag{13}

    :math:`SAR_{it} = AR_{it} / \sqrt{V_{i,tt}}` with V of eq. 8, over a window W of :math:`L_2`
    returns, one per session if none spans several; N assets, of asset i :math:`M_i` valid
    estimation sessions and :math:`p_i` parameters. Neither robust to event-induced variance nor to
    correlation. Abnormal returns of one window count as independent, though they share the error
    of estimation.

    Returns
    -------
    Outcome
        NaN if an asset has :math:`M_i - p_i \le 2`, where a SAR has no variance.

    References
    ----------
    Patell (1976), *Journal of Accounting Research* 14(2), 246-276, eq. 11; each cumulated return
        is standardized before the sum.

    Examples
    --------
    >>> print(f"{patell(EXAMPLE).statistic:.4f}")
    3.9886
    """
    degrees = sample.n_estimation - sample.n_parameters
    variance = degrees / np.where(degrees > 2, degrees - 2, np.nan)
    sar = sample.abnormal / sample.abnormal_std_error
    csar, count = np.nansum(sar, axis=-1), np.isfinite(sar).sum(axis=-1)
    standardized = csar / np.sqrt(count * variance)
    return Outcome(standardized.sum(axis=-1) / np.sqrt(sample.n_assets))


def adjusted_patell(sample: GroupSample) -> Outcome:
    r"""Patell's Z corrected for cross-sectional correlation.

    .. math:: Z_{adj} = Z \Big/ \sqrt{1 + (N - 1) \bar r} \sim N(0, 1) \tag{14}

    Z of eq. 13, :math:`\bar r` of eq. 10, N assets. Robust to cross-sectional correlation, not to
    event-induced variance; in long windows as eq. 13.

    Returns
    -------
    Outcome
        NaN if what stands under the root is not positive, or :math:`\bar r` is NaN.

    References
    ----------
    Kolari & Pynnonen (2010), *Review of Financial Studies* 23(11), 3996-4025, eq. 13.

    Examples
    --------
    >>> print(f"{adjusted_patell(EXAMPLE).statistic:.4f}")
    3.0896
    """
    return Outcome(patell(sample).statistic / np.sqrt(_inflation(sample)))


def bmp(sample: GroupSample) -> Outcome:
    r"""Standardized cross-sectional t.

    .. math:: t_{BMP} = \sqrt{N} \, \frac{\overline{SCAR}}{sd(SCAR_i)} \sim t(N - 1) \tag{15}

    :math:`SCAR_i = CAR_i / \sqrt{1'V_i 1}` with V of eq. 8, its mean and its sample deviation
    (ddof 1) over N assets. Robust to event-induced variance, not to cross-sectional correlation.

    Returns
    -------
    Outcome
        NaN where the SCARs have no spread.

    References
    ----------
    Boehmer, Musumeci & Poulsen (1991), *Journal of Financial Economics* 30(2), 253-272.
    Kolari & Pynnonen (2010), *Review of Financial Studies* 23(11), 3996-4025, eq. 6 (the
        mean) and 7 (the deviation).

    Examples
    --------
    >>> print(f"{bmp(EXAMPLE).statistic:.4f}")
    1.2372
    """
    return Outcome(_studentized_mean(sample.scar, sample.rounding), sample.n_assets - 1)


def adjusted_bmp(sample: GroupSample) -> Outcome:
    r"""Standardized cross-sectional t corrected for cross-sectional correlation.

    .. math:: t_{adj} = t_{BMP} \sqrt{\frac{1 - \bar r}{1 + (N - 1) \bar r}} \sim t(N - 1) \tag{16}

    :math:`t_{BMP}` of eq. 15, :math:`\bar r` of eq. 10, N assets. Robust to event-induced
    variance and to cross-sectional correlation.

    Returns
    -------
    Outcome
        NaN if either part of the fraction is not positive, or :math:`\bar r` is NaN.

    References
    ----------
    Kolari & Pynnonen (2010), *Review of Financial Studies* 23(11), 3996-4025: the mean over the
        standard error of eq. 10; p. 4003.

    Examples
    --------
    >>> print(f"{adjusted_bmp(EXAMPLE).statistic:.4f}")
    0.7825
    """
    apart = _spread(1.0 - sample.mean_correlation, rounding=sample.rounding)
    factor = np.sqrt(apart / _inflation(sample))
    return Outcome(bmp(sample).statistic * factor, sample.n_assets - 1)


def _inflation(sample: GroupSample) -> Floats:
    """1 + (N - 1) rbar, NaN where it is not positive."""
    return _spread(1.0 + (sample.n_assets - 1) * sample.mean_correlation, rounding=sample.rounding)


def _studentized_mean(values: Floats, rounding: float) -> Floats:
    deviation = _deviation(values, rounding)
    studentized: Floats = np.sqrt(values.shape[-1]) * values.mean(axis=-1) / deviation
    return studentized


def _deviation(values: Floats, rounding: float) -> Floats:
    """Sample standard deviation along the last axis, NaN where it is rounding error."""
    return _spread(values.std(axis=-1, ddof=1), np.abs(values).max(axis=-1), rounding)


def _spread(
    values: Floats, scale: Floats | Ints | float = 1.0, rounding: float = ROUNDING
) -> Floats:
    """Keep what is positive beyond the rounding error of numbers of a given scale, else NaN."""
    return np.where(values > rounding * scale, values, np.nan)


@dataclass(frozen=True)
class Ordered:
    """Values of each asset by size, shape (..., N, T).

    Attributes
    ----------
    column : ndarray of int
        Where each value stood, along the last axis.
    values : ndarray of float
        Ascending, infinite where there is none.
    count : ndarray of int, shape (..., N)
        Values that there are.
    present : ndarray of int, shape (..., T)
        Assets that have a value in each column.

    Examples
    --------
    >>> ordered = Ordered.of(np.array([[3.0, np.nan, 1.0]]))
    >>> ordered.column.tolist(), ordered.count.tolist()
    ([[2, 0, 1]], [2])
    """

    column: Ints
    values: Floats
    count: Ints
    present: Ints

    @classmethod
    def of(cls, values: Floats) -> Ordered:
        """Sort values."""
        finite = np.isfinite(values)
        filled = np.where(finite, values, np.inf)
        column = np.argsort(filled, axis=-1)
        return cls(
            column,
            np.take_along_axis(filled, column, axis=-1),
            finite.sum(axis=-1),
            finite.sum(axis=-2),
        )

    @property
    def held(self) -> Bools:
        """Where there is a value, shape (..., N, T)."""
        held: Bools = np.arange(self.values.shape[-1]) < self.count[..., None]
        return held

    def mean(self, scores: Floats) -> Floats:
        """Mean of the scores of the values in each column, over the assets present."""
        shape = self.present.shape
        first = np.arange(np.prod(shape[:-1], dtype=np.int64)) * shape[-1]
        column = self.column + first.reshape(*shape[:-1], 1, 1)
        total = np.bincount(column.ravel(), scores.ravel(), minlength=self.present.size)
        mean: Floats = total.reshape(shape) / np.maximum(self.present, 1)
        return mean


def _midranks(ordered: Floats, place: Floats) -> Floats:
    """Give ascending values their places (..., T), and equal ones the mean of theirs."""
    equal = (ordered[..., 1:] == ordered[..., :-1]) & np.isfinite(ordered[..., 1:])
    tied = equal.any(axis=-1)
    if not tied.any():
        return place
    ranks = np.broadcast_to(place, ordered.shape).copy()
    own, follows = ranks[tied], np.zeros((int(tied.sum()), ordered.shape[-1]), dtype=np.bool_)
    follows[:, 1:] = equal[tied]
    before = np.where(follows, 0.0, np.hstack([np.zeros((len(own), 1)), own[:, :-1]]))
    followed = np.hstack([follows[:, 1:], np.zeros((len(own), 1), dtype=np.bool_)])
    upto = np.where(followed, np.inf, own)
    first = np.maximum.accumulate(before, axis=1) + 1.0
    last = np.minimum.accumulate(upto[:, ::-1], axis=1)[:, ::-1]
    ranks[tied] = (first + last) / 2.0
    return ranks


def corrado_rank(sample: GroupSample) -> Outcome:
    r"""Rank test over estimation sessions and window together.

    .. math:: U_{it} = \frac{rank(AR_{it})}{T_i + 1} - \frac12, \qquad
              z = \frac{\sum_W \bar U_t}{\sqrt{L_2} S}, \qquad
              S^2 = \frac1T \sum_t \frac{N_t}{N} \bar U_t^2, \tag{17}

    AR the residuals of the estimation sessions and the abnormal returns of the window W of
    :math:`L_2` sessions, ranked together; :math:`T_i` valid values of asset i, midranks for ties,
    :math:`N_t` of N assets present on session t, :math:`\bar U_t` their mean, T sessions with at
    least one; N(0, 1). A return that spans g sessions is ranked by :math:`AR_{it} / \sqrt g`, and
    :math:`L_2` counts the sessions with a return.
    Robust to cross-sectional correlation of assets that share their event session, in part to
    event-induced variance. Residuals of different event sessions are aligned by their distance to
    them.

    Returns
    -------
    Outcome
        NaN where the mean ranks do not move.

    References
    ----------
    Corrado (1989), *Journal of Financial Economics* 23(2), 385-395, eq. 5 (S), pp. 387-388.
    Cowan (1992), *Review of Quantitative Finance and Accounting* 2(4), 343-358, p. 346: several
        sessions.
    Corrado & Zivney (1992), *Journal of Financial and Quantitative Analysis* 27(3), 465-478:
        missing values.

    Examples
    --------
    >>> print(f"{corrado_rank(EXAMPLE).statistic:.4f}")
    1.9660
    """
    ordered = sample.by_size
    ranks = _midranks(ordered.values, np.arange(1.0, ordered.values.shape[-1] + 1.0))
    u = ranks / (ordered.count[..., None] + 1) - 0.5
    mean = ordered.mean(np.where(ordered.held, u, 0.0))
    square = ordered.present / sample.n_assets * mean**2
    sessions = (ordered.present > 0).sum(axis=-1)
    deviation = _spread(np.sqrt(square.sum(axis=-1) / sessions))
    window = mean[..., -sample.n_window :].sum(axis=-1)
    held = np.isfinite(sample.abnormal).any(axis=-2).sum(axis=-1)
    return Outcome(window / (np.sqrt(held) * deviation))


def grank_t(sample: GroupSample) -> Outcome:
    r"""Generalized rank t: the window as one more, standardized observation.

    Per asset the residuals divided by :math:`s_i` are ranked with one extra value
    :math:`SCAR_i / sd(SCAR)`, :math:`U = rank / (M_i + 2) - 1/2`;

    .. math:: Z = \bar U_0 / S, \qquad S^2 = \frac1n \sum_t \frac{N_t}{N} \bar U_t^2, \qquad
              t = Z \sqrt{\frac{n - 2}{n - 1 - Z^2}} \sim t(n - 2), \tag{18}

    :math:`SCAR_i` as in eq. 15, :math:`M_i` valid estimation sessions, midranks for ties;
    :math:`\bar U_t` the mean over the :math:`N_t` of N assets present on session t,
    :math:`\bar U_0` that of the extra values, which the sum for S includes; n the estimation
    sessions with at least one asset, plus 1. Robust to event-induced variance, and to
    cross-sectional correlation of assets that share their event session (residuals are aligned
    by their distance to it). Ranks are bounded: near :math:`\bar r = 1` it hardly ever rejects, and
    in small groups too often (independent assets, one session, nominal 5 %: 25.9 % for 2 assets,
    12.1 % for 4, 7.6 % for 10), so that it is undefined below 10 assets.

    Returns
    -------
    Outcome
        NaN below 10 assets, where the SCARs have no spread or the mean ranks do not move, or
        :math:`Z^2 \ge n - 1`.

    References
    ----------
    Kolari & Pynnonen (2011), *Journal of Empirical Finance* 18(5), 953-971, eq. 9 (U), 12 (t),
        13 (Z), 14 (S) and 15 (the mean of U).

    Examples
    --------
    >>> print(f"{grank_t(EXAMPLE).statistic:.4f}")  # three assets
    nan
    """
    if sample.n_assets < MINIMUM_GRANK_ASSETS:
        return Outcome(np.full(sample.car.shape[:-1], np.nan), sample.residuals.shape[-1] - 1.0)
    extra = sample.scar / _deviation(sample.scar, sample.rounding)[..., None]
    # Of residuals and window by size, the residuals alone are ranked, and the extra value put in.
    ordered = sample.by_size
    sessions = sample.residuals.shape[-1]
    own = ordered.held & (ordered.column < sessions)
    ranks = _midranks(ordered.values, np.cumsum(own, axis=-1, dtype=np.float64))
    standardized = ordered.values / sample.sigma[..., None]
    larger = np.where(standardized > extra[..., None], 1.0, 0.0)
    larger[standardized == extra[..., None]] = 0.5
    width = sample.n_estimation[..., None] + 2
    mean = ordered.mean(np.where(own, (ranks + larger) / width - 0.5, 0.0))[..., :sessions]
    smaller = sample.n_estimation - np.where(own, larger, 0.0).sum(axis=-1)
    extra_mean = ((smaller + 1.0) / width[..., 0] - 0.5).mean(axis=-1)
    share = ordered.present[..., :sessions] / sample.n_assets
    n = (share > 0).sum(axis=-1) + 1
    square = (share * mean**2).sum(axis=-1) + extra_mean**2
    z = extra_mean / _spread(np.sqrt(square / n))
    statistic = z * np.sqrt((n - 2) / _spread(n - 1 - z**2, n))
    defined = np.isfinite(extra).all(axis=-1)
    return Outcome(np.where(defined, statistic, np.nan), n - 2.0)


def generalized_sign(sample: GroupSample) -> Outcome:
    r"""Generalized sign: positive CARs against the share of positive residuals.

    .. math:: z = \frac{w - N \hat p}{\sqrt{N \hat p (1 - \hat p)}} \sim N(0, 1), \tag{19}

    w of N CARs above zero, :math:`\hat p` the mean over assets of the share of estimation
    residuals above zero. Robust to outliers and skewness, not to correlation.

    Returns
    -------
    Outcome
        NaN where no residual, or every one, is above zero.

    References
    ----------
    Cowan (1992), *Review of Quantitative Finance and Accounting* 2(4), 343-358, pp. 345-346.

    Examples
    --------
    >>> print(f"{generalized_sign(EXAMPLE).statistic:.4f}")
    1.6667
    """
    share = (sample.residuals > 0).sum(axis=-1) / sample.n_estimation
    expected = share.mean(axis=-1)
    positive = (sample.car > 0).sum(axis=-1)
    deviation = _spread(np.sqrt(sample.n_assets * expected * (1.0 - expected)))
    return Outcome((positive - sample.n_assets * expected) / deviation)


def wilcoxon(sample: GroupSample) -> Outcome:
    r"""Signed ranks: the sum of the ranks that belong to positive CARs.

    .. math:: W^+ = \sum_{CAR_i > 0} rank(|CAR_i|) \tag{20}

    Zeros are dropped. The p-value is exact for up to 50 CARs without ties, else that of the
    normal approximation without continuity correction. The exact p-value of n CARs other than zero
    is :math:`2^{1 - n}` or more, above 5 % up to n = 5; with ties the approximation can lie below.
    Robust to outliers, not to correlation.

    Returns
    -------
    Outcome
        With its p-value; NaN where every CAR is zero.

    References
    ----------
    Wilcoxon (1945), *Biometrics Bulletin* 1(6), 80-83.
    Sprent & Smeeton (2001), *Applied Nonparametric Statistical Methods*, 3rd ed., eq. 2.1 (the
        normal approximation); the p-value is that of `scipy.stats.wilcoxon`.

    Examples
    --------
    >>> outcome = wilcoxon(EXAMPLE)  # ranks 1, 3 and 2; the CARs of ranks 1 and 3 are positive
    >>> print(f"{outcome.statistic:.0f}, p = {outcome.p_value:.2f}")
    4, p = 0.75
    """
    from scipy import special

    shape = sample.car.shape[:-1]
    rows = sample.car.reshape(-1, sample.n_assets)
    ordered = Ordered.of(np.where(rows != 0, np.abs(rows), np.nan))
    places = np.arange(1.0, sample.n_assets + 1.0)
    ranks = _midranks(ordered.values, places)
    positive = ordered.held & (np.take_along_axis(rows, ordered.column, axis=1) > 0)
    statistic, n = np.where(positive, ranks, 0.0).sum(axis=1), ordered.count
    tied = (ordered.held & (ranks != places)).any(axis=1)
    exact = ~tied & (n <= EXACT_WILCOXON_LIMIT)
    spread = np.sqrt(np.where(ordered.held, ranks**2, 0.0).sum(axis=1)) / 2.0
    z = (statistic - n * (n + 1) / 4) / np.where(n > 0, spread, np.nan)
    p_value = 2.0 * special.ndtr(-np.abs(z))
    for size in np.unique(n[exact & (n > 0)]).tolist():
        members = np.flatnonzero(exact & (n == size))
        smaller = np.minimum(statistic[members], size * (size + 1) // 2 - statistic[members])
        at_most = _signed_rank_distribution(size)[smaller.astype(np.int64)]
        p_value[members] = np.minimum(2.0 * at_most, 1.0)
    statistic = np.where(n > 0, statistic, np.nan)
    return Outcome(statistic.reshape(shape), None, p_value.reshape(shape))


@cache
def _signed_rank_distribution(n: int) -> Floats:
    """Probability that the ranks of positive CARs, of n without ties, add up to w or less."""
    # Of the 2^n choices of signs, how many have each sum: rank by rank.
    choices = np.ones(1)
    for rank in range(1, n + 1):
        nothing = np.zeros(rank)
        choices = np.append(choices, nothing) + np.append(nothing, choices)
    below: Floats = np.cumsum(choices) / 2.0**n
    return below


def skewness_t(sample: GroupSample) -> Outcome:
    r"""Skewness-adjusted cross-sectional t.

    .. math:: t_S = \sqrt N \left( S + \tfrac13 \hat g S^2 + \tfrac{1}{6N} \hat g \right),
              \quad S = \frac{CAAR}{sd(CAR)}, \quad
              \hat g = \frac{\sum_i (CAR_i - CAAR)^3}{N \, sd(CAR)^3} \tag{21}

    against :math:`t(N - 1)`; CAAR the mean and sd the sample deviation (ddof 1) of N CARs. Robust
    to skewness and to event-induced variance, not to correlation.

    Returns
    -------
    Outcome
        NaN where the CARs have no spread.

    References
    ----------
    Lyon, Barber & Tsai (1999), *Journal of Finance* 54(1), 165-201, eq. 5.
    Johnson (1978), *Journal of the American Statistical Association* 73(363), 536-544.

    Examples
    --------
    >>> print(f"{skewness_t(EXAMPLE).statistic:.4f}")
    0.7296
    """
    n = sample.n_assets
    mean = sample.car.mean(axis=-1)
    deviation = _deviation(sample.car, sample.rounding)
    s = mean / deviation
    g = ((sample.car - mean[..., None]) ** 3).sum(axis=-1) / (n * deviation**3)
    return Outcome(np.sqrt(n) * (s + g * s**2 / 3 + g / (6 * n)), n - 1)


_BMP = "Boehmer, Musumeci & Poulsen (1991)"
_ADJUSTED = "Kolari & Pynnonen (2010)"
TESTS: tuple[GroupTest, ...] = (
    GroupTest("time_series_t", "portfolio t", "Brown & Warner (1985)", time_series_t, True),
    GroupTest("cross_sectional_t", "cross-sectional t", _BMP, cross_sectional_t),
    GroupTest("patell", "Patell Z", "Patell (1976)", patell),
    GroupTest("adjusted_patell", "adjusted Patell Z", _ADJUSTED, adjusted_patell, True),
    GroupTest("bmp", "BMP t", _BMP, bmp),
    GroupTest("adjusted_bmp", "adjusted BMP t", _ADJUSTED, adjusted_bmp, True),
    GroupTest("corrado_rank", "Corrado rank z", "Corrado (1989)", corrado_rank),
    GroupTest("grank_t", "GRANK-T", "Kolari & Pynnonen (2011)", grank_t),
    GroupTest("generalized_sign", "generalized sign z", "Cowan (1992)", generalized_sign),
    GroupTest("wilcoxon", "Wilcoxon signed rank", "Wilcoxon (1945)", wilcoxon),
    GroupTest("skewness_t", "skewness-adjusted t", "Johnson (1978)", skewness_t),
)
TEST_NAMES: tuple[str, ...] = tuple(test.name for test in TESTS)
# Those that a short table shows, all robust to correlation, and how its heads name them.
HEADLINE_TESTS = {
    "time_series_t": "portfolio t",
    "adjusted_bmp": "adjusted BMP",
    "grank_t": "GRANK-T",
}


def two_sided_p_value(outcome: Outcome) -> Floats:
    """Two-sided p-value of an outcome, by its null distribution; NaN where the statistic is.

    Examples
    --------
    >>> print(f"{two_sided_p_value(Outcome(np.array(-1.96))):.4f}")
    0.0500
    >>> print(f"{two_sided_p_value(Outcome(np.array(-1.96), degrees=5)):.4f}")
    0.1073
    """
    # Here and below scipy is imported when it is used: reading and checking a study takes none of
    # it, and would wait for it longer than for everything else.
    from scipy import special

    if outcome.p_value is not None:
        return outcome.p_value
    below = -np.abs(outcome.statistic)
    if outcome.degrees is None:
        return np.asarray(2.0 * special.ndtr(below))
    return np.asarray(2.0 * special.stdtr(outcome.degrees, below))


def calendar_error(sample: GroupSample, covariance: Floats | None = None) -> tuple[Floats, Floats]:
    r"""Return the standard error of the mean CAR of assets that differ in their event sessions.

    Every CAR is a weighted sum of the errors of calendar sessions: of weight one in its window, and
    of minus their weight in the estimated normal return in its estimation window. What two CARs
    have in common is what they weigh on the same sessions:

    .. math:: se^2 = \frac1{N^2} \Big( \sum_i 1'V_i1 +
              \sum_{i \ne j} r_{ij} s_i s_j \sum_t a_{it} a_{jt} \Big), \qquad
              a_{it} = \begin{cases} 1 & t \in W_i \\
              -x_i'(X_i'X_i)^{-1} x_{it} & t \in est_i \end{cases} \tag{22}

    :math:`1'V_i1` the forecast variance of :math:`CAR_i` (eq. 9), :math:`r_{ij}` the correlation of
    the residuals on common sessions (eq. 10; zero where there are too few), :math:`x_{it}` the rows
    of the design :math:`X_i` and :math:`x_i` their sum over the window. With the same portfolio at
    every date r is one and :math:`se^2 = s^2 \sum_t (\sum_i a_{it} / N)^2`, the variance of a
    regression with one dummy per covered session. Degrees of freedom: the calendar sessions with
    a residual, less the largest number of parameters.

    The sample has ``estimation_session`` and ``window_start``; `covariance` is that of
    `residual_covariance`, for a sample without leading axes of which it is at hand. The error is
    NaN where the variance is none beyond rounding.

    References
    ----------
    Binder (1985), *Journal of Accounting Research* 23(1), 370-383: event dates as dummies of one
        regression; written out here for portfolios that differ from date to date.

    Examples
    --------
    Three independent CARs of one session each, of variance 1.02, share no session.

    >>> residuals = np.kron(np.eye(3), np.tile([1.0, -1.0], 25))
    >>> residuals[residuals == 0] = np.nan
    >>> sample = GroupSample(car=np.ones(3), car_std_error=np.full(3, 1.02**0.5),
    ...     abnormal=np.ones((3, 1)), abnormal_std_error=np.ones((3, 1)),
    ...     residuals=residuals, sigma=np.ones(3), n_parameters=np.ones(3, dtype=int),
    ...     window_start=np.array([150, 160, 170]))
    >>> error, degrees = calendar_error(sample)
    >>> print(f"{error**2:.2f} with {degrees:.0f} degrees of freedom")
    0.34 with 149 degrees of freedom
    """
    variance = sample.car_std_error**2
    values, observed = sample.on_calendar
    weights = _calendar_weights(sample)
    with one_thread():
        if covariance is None:
            shared = [
                _shared_variance(*one)
                for one in zip(
                    np.where(observed, values, 0.0).reshape(-1, *values.shape[-2:]),
                    observed.reshape(-1, *values.shape[-2:]),
                    weights.reshape(-1, *weights.shape[-2:]),
                    sample.sigma.reshape(-1, sample.n_assets),
                    strict=True,
                )
            ]
        else:
            shared = [float((covariance * (weights @ weights.T)).sum())]
    total = variance.sum(axis=-1) + np.array(shared).reshape(variance.shape[:-1])
    error = np.sqrt(_spread(total, variance.max(axis=-1))) / sample.n_assets
    return error, observed.any(axis=-2).sum(axis=-1) - float(sample.n_parameters.max())


def residual_covariance(sample: GroupSample) -> Floats:
    r"""Return what :math:`r_{ij} s_i s_j` of eq. 22 are, zero for an asset with itself.

    It serves every window of the same residuals; the sample has no leading axes.

    Returns
    -------
    ndarray, shape (N, N)

    Examples
    --------
    >>> (residual_covariance(EXAMPLE) / np.outer(EXAMPLE.sigma, EXAMPLE.sigma)).round(3).tolist()
    [[0.0, 0.5, 0.5], [0.5, 0.0, 0.0], [0.5, 0.0, 0.0]]
    """
    values, observed = sample.on_calendar
    with one_thread():
        correlation, _ = _correlations(np.where(observed, values, 0.0), observed)
    return correlation * np.outer(sample.sigma, sample.sigma)


def _shared_variance(x: Floats, observed: Bools, weights: Floats, sigma: Floats) -> float:
    """Sum of r_ij s_i s_j times the product of the weights, over all i and j that differ."""
    n_assets, n_sessions = observed.shape
    # Observed on the same sessions, with the same weights.
    kind = _number_distinct(np.packbits(observed, axis=1), weights.view(np.uint8))
    if (kind.max() + 1) ** 2 * n_sessions > n_assets * max(n_assets, n_sessions):
        return _shared_variance_of_pairs(x, observed, sigma[:, None] * weights)
    product, _, own = _sums_of_kinds(x[None], observed[None], kind, sigma[None])
    of_kind = weights[np.unique(kind, return_index=True)[1]]
    shared = of_kind @ of_kind.T
    # The variance of an asset alone is known without.
    return float((product[0] * shared).sum() - own[0] @ np.diagonal(shared))


def _shared_variance_of_pairs(x: Floats, observed: Bools, weights: Floats) -> float:
    """Add up the pairs one by one.

    Some rows of the matrices at a time, and of these only what lies on the diagonal or above it:
    both are symmetric. Sums over the sessions of j are the same for all that are observed on them.
    """
    kind = number_distinct(np.zeros(len(x), np.int64), observed)
    seen = np.where(observed[np.unique(kind, return_index=True)[1]], 1.0, 0.0)
    shared = seen @ seen.T
    common = np.where(shared >= MINIMUM_COMMON_SESSIONS, shared, np.nan)
    inverse = 1.0 / np.maximum(shared, 1.0)
    # Row i, column b: sums over the sessions of asset i that assets of kind b have too.
    total, raw = x @ seen.T, x**2 @ seen.T
    squares = _spread(raw - total**2 / common[kind], raw)
    scale = np.where(np.isfinite(squares), 1.0 / np.sqrt(squares), 0.0)
    level = scale * total
    scale_of_kind, level_of_kind = np.ascontiguousarray(scale.T), np.ascontiguousarray(level.T)
    found = 0.0
    for first in range(0, len(x), ROWS):
        rows, rest = slice(first, first + ROWS), slice(first, None)
        mine, theirs = kind[rows], kind[rest]
        product = x[rows] @ x[rest].T
        product *= np.take(scale[rows], theirs, axis=1) * scale_of_kind[mine, rest]
        levels = np.take(level[rows], theirs, axis=1) * level_of_kind[mine, rest]
        product -= levels * np.take(inverse[mine], theirs, axis=1)
        product *= weights[rows] @ weights[rest].T
        count = len(mine)
        # On the diagonal there is no pair, and what lies below it stands above it too.
        found += float(product[:, count:].sum() + np.triu(product[:, :count], 1).sum())
    return 2.0 * found


def _calendar_weights(sample: GroupSample) -> Floats:
    """Weight of the error of each calendar session in each CAR, shape (..., N, sessions)."""
    n, m = sample.residuals.shape[-2:]
    session = sample.estimation_session
    session = np.broadcast_to(np.arange(m), (n, m)) if session is None else session
    start = np.zeros(n, dtype=np.int64) if sample.window_start is None else sample.window_start
    window = start[:, None] + np.arange(sample.n_window)
    first = min(session.min(), window.min())
    length = int(max(session.max(), window.max()) - first) + 1
    weights = np.zeros((*sample.car.shape, length))
    if sample.estimation_weights is not None:
        column = np.broadcast_to(session - first, sample.residuals.shape)
        np.put_along_axis(weights, column, -sample.estimation_weights, axis=-1)
    weights[..., np.arange(n)[:, None], window - first] += 1.0
    return weights


def critical_value(level: float, degrees: ArrayLike) -> Floats:
    """Two-sided critical value of the t distribution: half an interval in standard errors.

    `level` is one minus the coverage of the interval, `degrees` those of freedom.

    Examples
    --------
    >>> print(f"{critical_value(0.05, 58):.4f}")
    2.0017
    """
    from scipy import special

    require_level(level)
    return np.asarray(-special.stdtrit(np.asarray(degrees, dtype=np.float64), level / 2))


def require_level(level: float) -> None:
    """Refuse a level at which nothing or everything is rejected, or covered.

    Examples
    --------
    >>> require_level(5)
    Traceback (most recent call last):
        ...
    ValueError: level = 5 must lie strictly between 0 and 1; 0.05 gives a 95 % interval
    """
    if not 0 < level < 1:
        raise ValueError(
            f"level = {level} must lie strictly between 0 and 1; 0.05 gives a 95 % interval"
        )
