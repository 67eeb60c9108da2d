r"""Counterfactuals from donors: assets that the event did not reach, taken as benchmarks.

Both models are linear in the donors' returns, so that event windows, tests and placebos are those
of every other `NormalReturnModel`: give the donors as benchmark columns. What estimates them are
the valid sessions of the estimation window alone; a session on which one donor has no return is
not valid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from chainpolicy.eventstudy.inference import number_distinct
from chainpolicy.eventstudy.normal import (
    COLLINEAR,
    ROUNDING,
    NormalFit,
    NormalReturnModel,
    fit_normal,
    left_out,
)
from chainpolicy.eventstudy.panel import Bools, Floats, Ints, Selection
from chainpolicy.eventstudy.results import EventStudyResults, Window, window_label
from chainpolicy.eventstudy.threads import one_thread

# A weight or a slope so far below zero is no rounding error.
SLACK = 1e-12
# The objective does not fall where its slope is no larger; it is of the order of one.
FLAT = 1e-9
# Of block principal pivoting; what is not solved by then goes to the slower solver.
MOST_PIVOTS = 60
MOST_PATIENCE = 3


class _FromDonors(NormalReturnModel):
    """Samples that share their donors are solved together."""

    def fit(self, returns: Floats, factors: Floats, n_sessions: Floats, valid: Bools) -> NormalFit:
        """Fit pair by pair; arguments and result as in `fit_normal` with donors as benchmarks.

        Examples
        --------
        See `FactorCounterfactual`.
        """
        return self.fit_samples(returns, factors, n_sessions, slice(None), valid)


@dataclass(frozen=True)
class FactorCounterfactual(_FromDonors):
    r"""Factor counterfactual: linear in K principal components of the donors, p = K + 1.

    .. math:: E[R_{it}] = \alpha_i + \lambda_i' F_t, \qquad
              F_t = (\Lambda'\Lambda)^{-1} \Lambda' D_t \tag{25}

    :math:`D_t` are the returns of the J donors on session t, and the columns of the
    :math:`J \times K` matrix :math:`\Lambda` the first K principal axes of their covariance in
    the estimation window: loadings that stay fixed, so that the factors of every session follow
    from that session's donors by a regression across donors. Alpha and the loadings
    :math:`\lambda_i` of the asset come from ordinary least squares over the estimation window.
    Forecast variances are those of a regression on observed factors; the error of the estimated
    factors, which falls with the number of donors, is not in them.

    Parameters
    ----------
    n_factors : int
        K.

    Raises
    ------
    ValueError
        If K is no whole number above 0, or an asset has fewer donors than factors.

    References
    ----------
    Xu (2017), *Political Analysis* 25(1), 57-76: the generalized synthetic control method.
    Bai (2009), *Econometrica* 77(4), 1229-1279: interactive fixed effects.

    Examples
    --------
    Both donors follow one factor f with loadings 3 and 4, the asset with a loading of 5.

    >>> f = np.array([1.0, -1.0, 1.0, -1.0])
    >>> e = np.array([1.0, 1.0, -1.0, -1.0])
    >>> donors = np.stack([3 * f, 4 * f], axis=1)[None]
    >>> model = FactorCounterfactual(n_factors=1)
    >>> fit = model.fit((5 * f + e)[None], donors, np.ones((1, 4)), np.ones((1, 4), dtype=bool))
    >>> fit.beta.round(3).tolist()  # 5 f = 5 (3 D1 + 4 D2) / 25
    [[0.6, 0.8]]
    """

    name: ClassVar[str] = "factor_counterfactual"
    title: ClassVar[str] = "factor counterfactual"
    n_factors: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.n_factors, int | np.integer) or self.n_factors < 1:
            raise ValueError(f"n_factors is a whole number above 0; found {self.n_factors}")

    def benchmarks_used(self, benchmarks: tuple[str, ...]) -> tuple[str, ...]:
        """Take all benchmarks: they are the donors."""
        if 0 < len(benchmarks) < self.n_factors:
            raise ValueError(
                f"{self.n_factors} factors need at least as many donors; found {len(benchmarks)}: "
                + ", ".join(benchmarks)
            )
        return benchmarks

    def n_parameters(self, n_benchmarks: int) -> int:
        """Alpha and K loadings; without a donor the constant mean."""
        return self.n_factors + 1 if n_benchmarks else 1

    def fit_samples(
        self, returns: Floats, factors: Floats, n_sessions: Floats, window: Selection, valid: Bools
    ) -> NormalFit:
        """Find the axes of a sample once for all assets that have it."""
        like = np.empty(len(factors), np.int64)
        for alike in _same_data(factors, n_sessions):
            like[alike] = alike[0]
        like = like[window]
        of_sample = number_distinct(like, valid)
        sample = np.unique(of_sample, return_index=True)[1]
        shared = like[sample]
        donors = factors.shape[2]
        axes = np.empty((len(sample), self.n_factors, donors))
        means = np.empty((len(sample), donors))
        scores = np.empty((len(sample), factors.shape[1], self.n_factors))
        for one in np.unique(shared):
            some = np.flatnonzero(shared == one)
            means[some], axes[some] = self._axes(factors[one], n_sessions[one], valid[sample[some]])
            scores[some] = factors[one] @ axes[some].swapaxes(1, 2)
        fit = fit_normal(returns[window], scores[of_sample], n_sessions[window], valid)
        of_pair = axes[of_sample]
        return replace(
            fit,
            beta=(fit.beta[:, None, :] @ of_pair)[:, 0],
            factor_mean=means[of_sample],
            inverse_root=of_pair.swapaxes(1, 2) @ fit.inverse_root,
        )

    def forecast_errors(
        self, returns: Floats, factors: Floats, n_sessions: Floats, valid: Bools
    ) -> Floats:
        """Find the axes anew without each session; the regression on them needs no other fit."""
        errors = np.full(returns.shape, np.nan)
        for alike in _same_data(factors, n_sessions, np.where(valid, 1.0, 0.0)):
            first = alike[0]
            at = np.flatnonzero(valid[first])
            spans, donors = n_sessions[first, at], factors[first, at]
            axes = self._axes(donors, spans, ~np.eye(len(at), dtype=bool))[1]
            # One regression a session that is left out, of all assets on the factors of it.
            many = (len(at), len(at))
            fit = fit_normal(
                np.zeros(many),
                scores := donors @ axes.swapaxes(1, 2),
                np.broadcast_to(spans, many),
                np.ones(many, dtype=bool),
            )
            root = np.sqrt(spans)
            own = returns[alike][:, at] / root
            own -= root * (own @ root / spans.sum())[:, None]
            apart = (scores - spans[:, None] * fit.factor_mean[:, None, :]) / root[:, None]
            of_left = np.einsum("ttk->tk", apart)
            turned = fit.inverse_root.swapaxes(1, 2) @ of_left[:, :, None]
            weights = apart @ (fit.inverse_root @ turned)
            residuals = own.T - weights[:, :, 0] @ own.T
            leverage = spans / spans.sum() + np.einsum("tt->t", weights[:, :, 0])
            usable = (len(at) > self.n_factors + 2) & ~fit.collinear
            left = left_out(root[:, None] * residuals, leverage[:, None], usable)
            errors[np.ix_(alike, at)] = left.T
        return errors

    def _axes(self, factors: Floats, n_sessions: Floats, samples: Bools) -> tuple[Floats, Floats]:
        """Means (V, J) and axes (V, K, J) of donors (M, J) over V samples of their sessions."""
        spans = np.where(samples, np.sqrt(n_sessions), 0.0)
        used = samples.any(axis=0)
        scaled = np.zeros_like(factors)
        scaled[used] = factors[used] / np.sqrt(n_sessions[used])[:, None]
        # Matrix by matrix: what stands beside a sample must not move its last digits.
        mean = (spans[:, None, :] @ scaled)[:, 0]
        mean /= np.maximum((spans**2).sum(axis=1), 1.0)[:, None]
        centred = np.where(samples[:, :, None], scaled, 0.0)
        centred -= spans[:, :, None] * mean[:, None, :]
        return mean, _principal_axes(centred, self.n_factors)


@dataclass(frozen=True)
class SyntheticMatching(_FromDonors):
    r"""Synthetic matching: a portfolio of donors that moved like the asset, no intercept, p = 0.

    .. math:: E[R_{it}] = \sum_j w_{ij} D_{jt}, \qquad
              w_i = \arg\min_{w \ge 0,\; 1'w = 1} \sum_{est} (R_{it} - w'D_t)^2, \qquad
              s_i^2 = \frac{1}{M_i} \sum_{est} (R_{it} - w_i'D_t)^2 \tag{26}

    :math:`D_t` are the returns of the donors on session t. Weights neither short a donor nor add
    up to more than the asset itself, so that they do not extrapolate. With
    :math:`z_{jt} = R_{it} - D_{jt}` the objective is :math:`|Zw|^2`, and w is the solution u of the
    non-negative least squares problem :math:`\min |Zu|^2 + (1'u - 1)^2`, divided by its sum:
    for u = c w the best c leaves :math:`|Zw|^2 / (1 + |Zw|^2)`, which grows with
    :math:`|Zw|^2`. :math:`s_i` is the root mean squared error of the estimation window, by
    which `matched_effect` weights; the error of the weights is not in it, so that p-values of
    this model are read from placebo sessions first.

    References
    ----------
    Acemoglu, Johnson, Kermani, Kwak & Mitton (2016), *Journal of Financial Economics* 121(2),
        368-391: synthetic matching.
    Abadie, Diamond & Hainmueller (2010), *Journal of the American Statistical Association*
        105(490), 493-505.
    Lawson & Hanson (1974), *Solving Least Squares Problems*, chapter 23.

    Examples
    --------
    An asset that is one quarter of the first donor and three quarters of the second.

    >>> D = np.array([[4.0, 0.0], [0.0, 4.0], [8.0, 4.0]])
    >>> fit = SyntheticMatching().fit((D @ [0.25, 0.75])[None], D[None], np.ones((1, 3)),
    ...     np.ones((1, 3), dtype=bool))
    >>> fit.beta.round(3).tolist(), fit.alpha.tolist()
    ([[0.25, 0.75]], [0.0])
    """

    name: ClassVar[str] = "synthetic_matching"
    title: ClassVar[str] = "synthetic matching"

    def benchmarks_used(self, benchmarks: tuple[str, ...]) -> tuple[str, ...]:
        """Take all benchmarks: they are the donors."""
        return benchmarks

    def n_parameters(self, n_benchmarks: int) -> int:
        """None with donors, else the constant mean."""
        return 0 if n_benchmarks else 1

    def fit_samples(
        self, returns: Floats, factors: Floats, n_sessions: Floats, window: Selection, valid: Bools
    ) -> NormalFit:
        """Solve all samples of an asset at once."""
        (pairs, length), donors = valid.shape, factors.shape[2]
        of_window = np.arange(len(returns))[window]
        beta = np.zeros((pairs, donors))
        residuals = np.full((pairs, length), np.nan)
        degenerate = np.zeros(pairs, dtype=bool)
        for same in _same_data(returns, factors, n_sessions):
            alike = np.flatnonzero(np.isin(of_window, same) & valid.any(axis=1))
            if not len(alike):
                continue
            first, inside = same[0], valid[alike]
            used = inside.any(axis=0)
            root = np.sqrt(n_sessions[first, used])
            own = returns[first, used] / root
            distance = own[:, None] - factors[first, used] / root[:, None]
            inside = inside[:, used]
            weights = _closest_mixtures(distance, inside)
            residual = np.where(inside, (distance @ weights[:, :, None])[:, :, 0], 0.0)
            beta[alike] = weights
            residuals[np.ix_(alike, np.flatnonzero(used))] = np.where(inside, residual, np.nan)
            raw = np.where(inside, own, 0.0) ** 2
            degenerate[alike] = (residual**2).sum(axis=1) <= ROUNDING * raw.sum(axis=1)
        n_estimation = valid.sum(axis=1)
        squares = np.nansum(residuals**2, axis=1)
        return NormalFit(
            n_estimation=n_estimation,
            n_parameters=np.zeros_like(n_estimation),
            alpha=np.zeros(pairs),
            beta=beta,
            factor_mean=np.zeros((pairs, donors)),
            inverse_intercept=np.zeros(pairs),
            inverse_root=np.zeros((pairs, donors, 0)),
            residuals=residuals,
            sigma=np.sqrt(squares / np.where(n_estimation > 0, n_estimation, np.nan)),
            r_squared=np.full(pairs, np.nan),
            collinear=np.zeros(pairs, dtype=bool),
            degenerate=degenerate,
        )


def donor_weights(results: EventStudyResults) -> pd.DataFrame:
    """List the donors that make up each synthetic asset.

    Parameters
    ----------
    results : EventStudyResults
        Of `SyntheticMatching`.

    Returns
    -------
    DataFrame
        ``event_id, ticker, donor, weight``, weights above 0 only, the largest first in a pair.

    Raises
    ------
    ValueError
        If the results are those of another model.

    Examples
    --------
    The asset lies one quarter of the way from B to A, on two sessions of four 0.1 % above it.

    >>> from chainpolicy.eventstudy import EstimationWindow, EventStudy
    >>> cycle = np.arange(61) % 4
    >>> A, B = np.array([[4.0, 0, 8, 2], [0, 4.0, 4, 1]])[:, cycle] / 100
    >>> e = np.array([1, 1, 0, 0])[cycle] / 1000
    >>> returns = pd.DataFrame({"ticker": "X", "session": pd.bdate_range("2019-01-01", periods=61),
    ...     "return": 0.25 * A + 0.75 * B + e, "A": A, "B": B})
    >>> alignment = pd.DataFrame({"event_id": ["speech"], "ticker": "X",
    ...     "event_session": returns["session"].iloc[[60]]})
    >>> study = EventStudy(returns, alignment, event_window=(0, 0), model=SyntheticMatching(),
    ...     estimation=EstimationWindow(window=(-60, -1)))
    >>> donor_weights(study.fit()).round(2)
      event_id ticker donor  weight
    0   speech      X     B    0.75
    1   speech      X     A    0.25
    """
    _require_matching(results)
    rows = []
    pairs = results.pairs[["event_id", "ticker", "benchmarks"]]
    for pair, (event_id, ticker, donors) in enumerate(pairs.itertuples(index=False)):
        weights = results._fit.beta[pair, : len(donors)]
        order = np.argsort(-weights, kind="stable")
        rows += [(event_id, ticker, donors[j], weights[j]) for j in order if weights[j] > 0]
    return pd.DataFrame(rows, columns=["event_id", "ticker", "donor", "weight"])


def matched_effect(results: EventStudyResults, window: Window = (0, 1)) -> pd.DataFrame:
    r"""Average the CARs of matched assets, the closer the match the more it counts.

    .. math:: \hat\phi(W) = \frac{\sum_i CAR_i(W) / s_i}{\sum_i 1 / s_i} \tag{27}

    :math:`CAR_i` and :math:`s_i`, the root mean squared error of the estimation window (eq. 26),
    of the assets with a CAR in the window W. The plain mean is `EventStudyResults.caar`.

    Parameters
    ----------
    results : EventStudyResults
        Of `SyntheticMatching`.
    window : tuple of int
        Both ends inclusive, inside the event window.

    Returns
    -------
    DataFrame
        ``event_id, group, window, n_assets, effect``.

    Raises
    ------
    ValueError
        If the results are those of another model, or the window does not lie inside the event
        window.

    References
    ----------
    Acemoglu, Johnson, Kermani, Kwak & Mitton (2016), *Journal of Financial Economics* 121(2),
        368-391: the effect of synthetic matching.

    Examples
    --------
    CARs of 3 and 6 % with s of 1 and 2 %: (3/1 + 6/2) / (1/1 + 1/2) = 4 %.

    >>> from chainpolicy.eventstudy import EstimationWindow, EventStudy
    >>> sessions = pd.bdate_range("2019-01-01", periods=61)
    >>> e = np.where(np.arange(61) % 2, 0.01, -0.01)
    >>> e[60] = 0.03
    >>> D = np.cos(np.arange(61)) / 100
    >>> returns = pd.concat([
    ...     pd.DataFrame({"ticker": name, "session": sessions, "return": D + R, "D": D})
    ...     for name, R in {"X": e, "Y": 2 * e}.items()])
    >>> alignment = pd.DataFrame({"event_id": "speech", "ticker": ["X", "Y"],
    ...     "event_session": sessions[60]})
    >>> study = EventStudy(returns, alignment, event_window=(0, 0), model=SyntheticMatching(),
    ...     estimation=EstimationWindow(window=(-60, -1)))
    >>> matched_effect(study.fit(), (0, 0)).round(4)
      event_id group  window  n_assets  effect
    0   speech   all  [0, 0]         2    0.04
    """
    _require_matching(results)
    cars = results.car(window).dropna(subset="car")
    cars = cars.merge(results.pairs[["event_id", "ticker", "group"]], on=["event_id", "ticker"])
    sigma = results.models.set_index(["event_id", "ticker"])["sigma"]
    closeness = 1.0 / sigma.loc[pd.MultiIndex.from_frame(cars[["event_id", "ticker"]])].to_numpy()
    weighed = cars.assign(closeness=closeness, part=closeness * cars["car"])
    sums = weighed.groupby(["event_id", "group"], as_index=False).agg(
        n_assets=("ticker", "size"), part=("part", "sum"), closeness=("closeness", "sum")
    )
    sums.insert(2, "window", window_label(window))
    sums["effect"] = sums["part"] / sums["closeness"]
    return sums[["event_id", "group", "window", "n_assets", "effect"]]


def conformal_p_value(residuals: Floats, n_event: int) -> Floats:
    r"""Rank the event's sum of residuals among those of all blocks as long, under the null.

    .. math:: p = \frac1T \# \left\{ j :
              \left| \sum_{t=1}^{L_2} u_{j+t} \right| \ge
              \left| \sum_{t=1}^{L_2} u_{T-L_2+t} \right| \right\},
              \qquad j = 0, \dots, T - 1 \tag{28}

    u are the residuals of the M estimation sessions followed by the :math:`L_2` of the window,
    T = M + :math:`L_2`, all from one fit to all T sessions in which the null hypothesis of no
    effect is imposed, so that no session is forecast by the others. j moves the block around the
    circle, :math:`u_{T+t} = u_t`: moving-block permutations. Exact for exchangeable
    residuals, approximately so for stationary ones. The smallest p is 1/T.

    Parameters
    ----------
    residuals : ndarray, shape (..., T)
        The last `n_event` are those of the window.
    n_event : int
        L2.

    Returns
    -------
    ndarray, shape (...)

    References
    ----------
    Chernozhukov, Wuthrich & Zhu (2021), *Journal of the American Statistical Association*
        116(536), 1849-1864, section 2: moving-block permutations, and the statistic for an
        average effect.

    Examples
    --------
    Sums of two around the circle: 0, 0, 1, 5 and 6; two of the five reach the event's 5.

    >>> conformal_p_value(np.array([1.0, -1.0, 1.0, 0.0, 5.0]), 2).item()
    0.4
    """
    around = np.concatenate([residuals, residuals[..., : n_event - 1]], axis=-1)
    blocks = np.abs(np.lib.stride_tricks.sliding_window_view(around, n_event, axis=-1).sum(axis=-1))
    actual = blocks[..., residuals.shape[-1] - n_event]
    # Sums of the same numbers in another order are no larger.
    beyond = blocks >= actual[..., None] * (1 - 1e-9)
    p_value: Floats = beyond.mean(axis=-1)
    return p_value


def _require_matching(results: EventStudyResults) -> None:
    if results.model.name != SyntheticMatching.name:
        raise ValueError(
            f"these are results of the model {results.model.name}; expected those of "
            f"{SyntheticMatching.name}"
        )


def _principal_axes(centred: Floats, count: int) -> Floats:
    """Return the first axes (V, K, J) of V samples of donors (V, M, J), zero if they do not vary.

    The sessions that a sample lacks are rows of zeros.
    """
    from scipy.linalg import eigh

    samples, sessions, donors = centred.shape
    axes = np.zeros((samples, count, donors))
    # The smaller of the two cross-products has the same eigenvalues.
    wide = donors > sessions
    turned = centred.swapaxes(1, 2)
    size = min(donors, sessions)
    of_most = [max(0, size - count), size - 1]
    # SciPy's library may have been loaded just now.
    with one_thread():
        for sample, cross in enumerate(centred @ turned if wide else turned @ centred):
            values, vectors = eigh(cross, subset_by_index=of_most, check_finite=False)
            found = vectors[:, values > COLLINEAR * values[-1]].T[::-1]
            if wide:
                found = found @ centred[sample]
            axes[sample, : len(found)] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return axes


def _closest_mixtures(distance: Floats, inside: Bools) -> Floats:
    """Return w >= 0 with sum 1, one row a sample, that makes |distance w| smallest, eq. 26.

    Parameters
    ----------
    distance : ndarray, shape (M, J)
    inside : ndarray of bool, shape (V, M)
        The sessions of each sample.
    """
    z = np.where(inside[:, :, None], distance, 0.0)
    gram = distance.T @ z
    size = np.einsum("vjj->vj", gram)
    scale = size.min(axis=1)
    weights: Floats = np.zeros(size.shape)
    exact = np.flatnonzero(scale == 0.0)
    weights[exact, size[exact].argmin(axis=1)] = 1.0
    others = np.flatnonzero(scale > 0.0)
    if len(others):
        mixtures = _nonnegative(distance, inside[others], gram[others], scale[others])
        weights[others] = mixtures / mixtures.sum(axis=1, keepdims=True)
    return weights


def _by_active_set(rows: Floats) -> Floats:
    """Return the u >= 0 that makes |rows u|^2 + (1'u - 1)^2 smallest."""
    from scipy.optimize import nnls

    target = np.zeros(len(rows) + 1)
    target[-1] = 1.0
    solution: Floats = nnls(np.vstack([rows, np.ones(rows.shape[1])]), target)[0]
    return solution


def _nonnegative(distance: Floats, inside: Bools, gram: Floats, scale: Floats) -> Floats:
    """Solve V problems as `_by_active_set` does, by block principal pivoting.

    Samples that differ by few sessions have nearly the same donors above zero: those of the first
    are where all begin. All donors on the wrong side change it at once, and one alone where that
    has not helped for a while (Kim & Park, 2011, *SIAM Journal on Scientific Computing* 33(6),
    algorithm 2). A solution follows from its donors alone, whatever the start.

    Parameters
    ----------
    distance, inside
        As of `_closest_mixtures`.
    gram : ndarray, shape (V, J, J)
        Cross-products of the distances over the sessions of each sample.
    scale : ndarray, shape (V,)
        By which they are divided: the scale of the returns does not move w, but a row of ones
        beside them must be seen.
    """
    samples, donors = gram.shape[:2]

    def rows(sample: int) -> Floats:
        scaled: Floats = distance[inside[sample]] / np.sqrt(scale[sample])
        return scaled

    def slope_at(u: Floats, some: Ints) -> Floats:
        lacking = np.where(inside[some], (distance @ u[:, :, None])[:, :, 0], 0.0)
        slope: Floats = (distance.T @ lacking[:, :, None])[:, :, 0] / scale[some, None]
        slope += u.sum(axis=1, keepdims=True) - 1.0
        return slope

    hessian = gram / scale[:, None, None] + 1.0
    solution = np.full((samples, donors), np.nan)
    above = np.tile(_by_active_set(rows(0)) > 0.0, (samples, 1))
    fewest = np.full(samples, donors + 1)
    patience = np.zeros(samples, dtype=np.int64)
    left = np.arange(samples)
    for _ in range(MOST_PIVOTS):
        u = _solved(hessian[left], above[left], np.ones((len(left), donors)))
        slope = (hessian[left] @ u[:, :, None])[:, :, 0] - 1.0
        wrong = np.where(above[left], u, slope) < -SLACK
        count = wrong.sum(axis=1)
        finite = np.isfinite(u).all(axis=1)
        found = finite & (count == 0)
        solution[left[found]] = u[found]
        on = finite & ~found
        left, wrong, count = left[on], wrong[on], count[on]
        if not len(left):
            break
        better = count < fewest[left]
        fewest[left] = np.where(better, count, fewest[left])
        patience[left] = np.where(better, MOST_PATIENCE, patience[left] - 1)
        alone = patience[left] < 0
        last = donors - 1 - wrong[alone, ::-1].argmax(axis=1)
        wrong[alone] = np.arange(donors) == last[:, None]
        above[left] ^= wrong
    # What squaring the distances has cost is won back from their residuals.
    solved = np.flatnonzero(np.isfinite(solution).all(axis=1))
    u = solution[solved]
    u -= _solved(hessian[solved], above[solved], slope_at(u, solved))
    solution[solved] = np.maximum(u, 0.0)
    # Where rounding alone keeps donors apart no solution follows from them.
    slope = slope_at(solution[solved], solved)
    flat = np.where(above[solved], np.abs(slope), -slope).max(axis=1) < FLAT
    for sample in np.setdiff1d(np.arange(samples), solved[flat]).tolist():
        solution[sample] = _by_active_set(rows(sample))
    return solution


def _solved(hessian: Floats, above: Bools, target: Floats) -> Floats:
    """Solve each system for the donors above zero, the others are zero.

    NaN for all donors of a system that has no one solution.
    """
    solution: Floats = np.zeros(target.shape)
    count = above.sum(axis=1)
    for size in np.unique(count[count > 0]):
        some = np.flatnonzero(count == size)
        at = np.nonzero(above[some])[1].reshape(len(some), size)
        system = hessian[some[:, None, None], at[:, :, None], at[:, None, :]]
        right = target[some[:, None], at][:, :, None]
        try:
            solution[some[:, None], at] = np.linalg.solve(system, right)[:, :, 0]
        except np.linalg.LinAlgError:
            for i, sample in enumerate(some):
                try:
                    solution[sample, at[i]] = np.linalg.solve(system[i], right[i])[:, 0]
                except np.linalg.LinAlgError:
                    solution[sample] = np.nan
    return solution


def _same_data(*arrays: Floats) -> Iterator[Ints]:
    """Pairs that share all of their data, whichever sessions are valid: they are solved at once."""
    pairs = len(arrays[0])
    flat = [
        np.ascontiguousarray(values).reshape(pairs, math.prod(values.shape[1:])).view(np.uint64)
        for values in arrays
    ]
    # To compare each with each takes long: those with one sum of their bits are candidates.
    rng = np.random.default_rng(0)
    odd = [rng.integers(2**63, size=bits.shape[1], dtype=np.uint64) * 2 + 1 for bits in flat]
    marks = np.zeros(pairs, dtype=np.uint64)
    for bits, multiplier in zip(flat, odd, strict=True):
        marks += (bits * multiplier).sum(axis=1, dtype=np.uint64)
    left = np.arange(pairs)
    while len(left):
        like = marks[left] == marks[left[0]]
        for bits in flat:
            like[like] = (bits[left[like]] == bits[left[0]]).all(axis=1)
        yield left[like]
        left = left[~like]
