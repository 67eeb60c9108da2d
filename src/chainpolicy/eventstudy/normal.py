r"""Normal returns: what an asset would have returned without the event.

All models are linear in benchmark returns, :math:`E[R_{it}] = g_{it} \alpha_i + \beta_i' F_{it}`
with :math:`F_{it}` the K benchmark returns of session t and :math:`g_{it}` the number of sessions
that the return spans. They are fitted by least squares over the M_i valid sessions of the
estimation window, all (event, asset) pairs at once: `fit_normal`. The formulas of the models are
those without gaps, g = 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from chainpolicy.eventstudy.panel import Bools, Floats, Ints, Selection

# Relative size below which a sum of squares is rounding error and not variation.
ROUNDING = 1e-24
COLLINEAR = 1e-12


class NormalReturnModel(ABC):
    """A model of normal returns; instances hold choices, never data.

    Attributes
    ----------
    name : str
        As in files, see `MODELS`.
    title : str
        As in tables and figures.
    estimated : bool
        False if the model has no parameter to estimate.
    running_sums : bool
        Whether running sums estimate it, see `every_session`: by least squares on the benchmarks of
        the same sessions, or by nothing.
    lags, leads : int
        Sessions before and after an estimation session whose benchmark returns estimate beta too.

    Examples
    --------
    >>> sorted(MODELS)
    ['constant_mean', 'dimson', 'market', 'market_adjusted', 'scholes_williams', 'single_index']
    """

    name: ClassVar[str]
    title: ClassVar[str]
    estimated: ClassVar[bool] = True
    running_sums: ClassVar[bool] = False
    lags: int = 0
    leads: int = 0

    @abstractmethod
    def benchmarks_used(self, benchmarks: tuple[str, ...]) -> tuple[str, ...]:
        """Of an asset's benchmarks, those that enter its normal return.

        Parameters
        ----------
        benchmarks : tuple of str
            The asset's benchmarks in the order of its asset list.

        Returns
        -------
        tuple of str
            Empty if the model, or the asset, has none.

        Examples
        --------
        >>> MarketModel().benchmarks_used(("CSI 300", "ChiNext"))
        ('CSI 300', 'ChiNext')
        """

    def n_parameters(self, n_benchmarks: int) -> int:
        """p, the parameters estimated for an asset of which so many benchmarks are used.

        Examples
        --------
        >>> MarketModel().n_parameters(2), MarketAdjusted().n_parameters(1)
        (3, 0)
        """
        return n_benchmarks + 1

    def fit(self, returns: Floats, factors: Floats, n_sessions: Floats, valid: Bools) -> NormalFit:
        """Fit P pairs that have a benchmark; arguments and result as in `fit_normal`.

        With lags or leads the columns of `factors` are the benchmark's returns from `lags`
        sessions before to `leads` sessions after each session.

        Examples
        --------
        See `fit_normal`.
        """
        return fit_normal(returns, factors, n_sessions, valid)

    def fit_samples(
        self, returns: Floats, factors: Floats, n_sessions: Floats, window: Selection, valid: Bools
    ) -> NormalFit:
        """Fit P samples of the sessions of W windows; other arguments as in `fit_normal`.

        What an `EventStudy` calls: `fit` with copies, where a model has nothing better.

        Parameters
        ----------
        window : ndarray of int, shape (P,), or slice
            The rows of returns, factors and sessions that the samples are taken from.

        Examples
        --------
        >>> R, sessions = np.array([[1.0, 3.0, 5.0]]), np.ones((1, 3))
        >>> samples = np.array([[True, True, True], [True, True, False]])
        >>> of = np.array([0, 0])
        >>> ConstantMean().fit_samples(R, np.zeros((1, 3, 0)), sessions, of, samples).alpha.tolist()
        [3.0, 2.0]
        """
        return self.fit(returns[window], factors[window], n_sessions[window], valid)

    def forecast_errors(
        self, returns: Floats, factors: Floats, n_sessions: Floats, valid: Bools
    ) -> Floats:
        """Forecast every valid session by a fit to the others; arguments as in `fit_normal`.

        Left out are the session and those whose lags or leads hold it.

        Returns
        -------
        ndarray, shape (P, M)
            NaN where there is nothing to forecast, or no fit without the session.

        Examples
        --------
        Two sessions forecast the third by their mean.

        >>> R, sessions = np.array([[1.0, 3.0, 5.0]]), np.ones((1, 3))
        >>> ConstantMean().forecast_errors(R, np.zeros((1, 3, 0)), sessions, sessions > 0).round(9)
        array([[-3.,  0.,  3.]])
        """
        errors = np.full(returns.shape, np.nan)
        session = np.arange(returns.shape[1])
        for pair in range(len(returns)):
            at = np.flatnonzero(valid[pair])
            away = session - at[:, None]
            others = valid[pair] & ((away < -self.leads) | (away > self.lags))
            many = np.full(len(at), pair)
            fit = self.fit_samples(returns, factors, n_sessions, many, others)
            now = factors[pair, at][:, self.lags : self.lags + fit.beta.shape[1]]
            forecast = n_sessions[pair, at] * fit.alpha + np.einsum("tk,tk->t", now, fit.beta)
            no_fit = fit.collinear | fit.degenerate | (fit.n_estimation <= fit.n_parameters)
            errors[pair, at] = np.where(no_fit, np.nan, returns[pair, at] - forecast)
        return errors


class _LeastSquares(NormalReturnModel):
    running_sums: ClassVar[bool] = True

    def forecast_errors(
        self, returns: Floats, factors: Floats, n_sessions: Floats, valid: Bools
    ) -> Floats:
        """Divide each residual by what its session does not forecast of itself: no other fit."""
        fit = self.fit(returns, factors, n_sessions, valid)
        apart = factors - n_sessions[:, :, None] * fit.factor_mean[:, None, :]
        own = np.square(apart @ fit.inverse_root).sum(axis=2)
        return left_out(
            np.sqrt(n_sessions) * fit.residuals,
            n_sessions * fit.inverse_intercept[:, None] + own / n_sessions,
            (fit.n_estimation > fit.n_parameters + 1) & ~fit.collinear,
        )


class _OneBenchmark(NormalReturnModel):
    def benchmarks_used(self, benchmarks: tuple[str, ...]) -> tuple[str, ...]:
        """Take the first benchmark."""
        return benchmarks[:1]


@dataclass(frozen=True)
class ConstantMean(_LeastSquares):
    r"""Constant mean: the mean return of the estimation window, p = 1.

    .. math:: E[R_{it}] = \alpha_i, \qquad
              \hat\alpha_i = \frac{1}{M_i} \sum_{est} R_{it} \tag{1}

    :math:`R_{it}` is the return of asset i on session t; the sum runs over the :math:`M_i` valid
    sessions of the estimation window. An asset without a benchmark has this normal return
    whatever the model.

    References
    ----------
    Brown & Warner (1985), *Journal of Financial Economics* 14(1), 3-31, eq. 1-2.
    MacKinlay (1997), *Journal of Economic Literature* 35(1), 13-39, section on the constant mean
        return model.

    Examples
    --------
    >>> ConstantMean().benchmarks_used(("CSI 300", "ChiNext"))
    ()
    """

    name: ClassVar[str] = "constant_mean"
    title: ClassVar[str] = "constant mean"

    def benchmarks_used(self, benchmarks: tuple[str, ...]) -> tuple[str, ...]:
        """None: the model has no benchmark."""
        del benchmarks
        return ()


@dataclass(frozen=True)
class MarketAdjusted(_OneBenchmark):
    r"""Market adjusted: the market's return, nothing estimated, p = 0.

    .. math:: E[R_{it}] = R_{mt}, \qquad
              s_i^2 = \frac{1}{M_i} \sum_{est} (R_{it} - R_{mt})^2 \tag{2}

    :math:`R_{mt}` is the market's return; of several benchmarks the first is the market. The
    residual variance is not centred. Nothing being estimated, forecasts have this variance and
    no more.

    References
    ----------
    Brown & Warner (1985), *Journal of Financial Economics* 14(1), 3-31, section 3.2: between eq. 2
        (mean adjusted) and eq. 4 (market model).

    Examples
    --------
    >>> MarketAdjusted().benchmarks_used(("CSI 300", "ChiNext")), MarketAdjusted().estimated
    (('CSI 300',), False)
    """

    name: ClassVar[str] = "market_adjusted"
    title: ClassVar[str] = "market adjusted"
    estimated: ClassVar[bool] = False
    running_sums: ClassVar[bool] = True

    def n_parameters(self, n_benchmarks: int) -> int:
        """None with a benchmark, else the constant mean."""
        return 0 if n_benchmarks else 1

    def fit(self, returns: Floats, factors: Floats, n_sessions: Floats, valid: Bools) -> NormalFit:
        """Impose alpha = 0 and beta = 1, see `fit_market_adjusted`."""
        return fit_market_adjusted(returns, factors, n_sessions, valid)


@dataclass(frozen=True)
class MarketModel(_LeastSquares):
    r"""Market model: linear in all benchmark returns of an asset, p = K + 1.

    .. math:: E[R_{it}] = \alpha_i + \beta_i' F_t \tag{3}

    :math:`F_t` are the K benchmark returns of session t, alpha and beta the intercept and slopes of
    ordinary least squares over the estimation window, `fit_normal`. With several benchmarks it is
    a multi-factor model.

    References
    ----------
    MacKinlay (1997), *Journal of Economic Literature* 35(1), 13-39, eq. 3; several factors in the
        section after it.
    Brown & Warner (1985), *Journal of Financial Economics* 14(1), 3-31, eq. 4.

    Examples
    --------
    >>> MarketModel().benchmarks_used(("CSI 300", "ChiNext"))
    ('CSI 300', 'ChiNext')
    """

    name: ClassVar[str] = "market"
    title: ClassVar[str] = "market"

    def benchmarks_used(self, benchmarks: tuple[str, ...]) -> tuple[str, ...]:
        """Take all benchmarks."""
        return benchmarks


@dataclass(frozen=True)
class SingleIndexModel(_OneBenchmark, _LeastSquares):
    r"""Market model on the first benchmark alone, p = 2: the comparison beside several factors.

    .. math:: E[R_{it}] = \alpha_i + \beta_i R_{mt} \tag{4}

    :math:`R_{mt}` is the return of the first benchmark; fitted as `MarketModel`.

    References
    ----------
    MacKinlay (1997), *Journal of Economic Literature* 35(1), 13-39, eq. 3.
    Sharpe (1963), *Management Science* 9(2), 277-293: the diagonal model.

    Examples
    --------
    >>> SingleIndexModel().benchmarks_used(("CSI 300", "ChiNext"))
    ('CSI 300',)
    """

    name: ClassVar[str] = "single_index"
    title: ClassVar[str] = "single index"


@dataclass(frozen=True)
class ScholesWilliams(_OneBenchmark):
    r"""Market model for asynchronous closes, :math:`\alpha_i + \beta_i R_{mt}`, p = 4.

    .. math:: \beta = \frac{b_{-1} + b_0 + b_{+1}}{1 + 2 \hat\rho_m}, \qquad
              \alpha = \bar R - \beta \bar R_m, \tag{5}

    :math:`b_k` the slope of :math:`R_t` on :math:`R_{m,t+k}` alone, :math:`\hat\rho_m` the
    correlation of :math:`R_{mt}` and :math:`R_{m,t-1}`, bars the means of the estimation window.
    :math:`\beta = w'R` is a weighted sum of the window's returns R, the weights w adding up to
    zero: forecast variances have :math:`w'w` in place of
    :math:`1 / \sum (R_m - \bar R_m)^2`, and take the residuals of :math:`R - \alpha - \beta R_m`
    as uncorrelated. p counts :math:`\alpha` and the three slopes. The last estimation session
    is left out where its lead lies in the event window; so is a session beside a gap that
    returns span. Of several benchmarks the first is the market.

    References
    ----------
    Scholes & Williams (1977), *Journal of Financial Economics* 5(3), 309-327.

    Examples
    --------
    >>> model = ScholesWilliams()
    >>> model.lags, model.leads, model.n_parameters(1)
    (1, 1, 4)
    """

    name: ClassVar[str] = "scholes_williams"
    title: ClassVar[str] = "Scholes-Williams"
    lags = 1
    leads = 1

    def n_parameters(self, n_benchmarks: int) -> int:
        """Alpha and three slopes; without a benchmark the constant mean."""
        return 4 if n_benchmarks else 1

    def fit(self, returns: Floats, factors: Floats, n_sessions: Floats, valid: Bools) -> NormalFit:
        """Fit pair by pair; arguments and result as in `fit_normal`.

        Examples
        --------
        R is half of the market's return and half of that of the session before; the market's
        autocorrelations are all -1/6, the three slopes 5/12, 5/12 and -1/6.

        >>> m = np.array([1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0])
        >>> F = np.stack([np.roll(m, 1), m, np.roll(m, -1)], axis=1)[None]
        >>> R = (F[:, :, 0] + F[:, :, 1]) / 2
        >>> fit = ScholesWilliams().fit(R, F, np.ones((1, 7)), np.ones((1, 7), dtype=bool))
        >>> print(f"{fit.beta[0, 0]:.3f}")  # (5/12 + 5/12 - 1/6) / (1 - 1/3)
        1.000
        """
        del n_sessions
        deviation = _deviations(factors, valid)
        squares = np.einsum("pkm,pkm->pk", deviation, deviation)
        flat = (squares <= ROUNDING * _raw_squares(factors, valid)).any(axis=1)
        before = np.einsum("pm,pm->p", deviation[:, 1], deviation[:, 0])
        squares = np.where(flat[:, None], np.nan, squares)
        scale = 1.0 + 2.0 * before / np.sqrt(squares[:, 1] * squares[:, 0])
        collinear = ~(np.abs(scale) > COLLINEAR)
        scale = np.where(collinear, np.nan, scale)
        weights = (deviation / squares[:, :, None]).sum(axis=1) / scale[:, None]
        return _fit_aggregated(returns, factors[:, :, 1], weights, valid, collinear, 4)


@dataclass(frozen=True)
class Dimson(_OneBenchmark):
    r"""Market model for thin trading, :math:`\alpha_i + \beta_i R_{mt}`, p = 2 + lags + leads.

    .. math:: R_t = a + \sum_{k=-lags}^{leads} b_k R_{m,t+k} + e_t, \qquad
              \beta = \sum_k b_k, \qquad \alpha = \bar R - \beta \bar R_m \tag{6}

    a and the :math:`b_k` by ordinary least squares, e its residual, bars the means of the
    estimation window. Forecast variances, gaps and the end of the estimation window as in
    `ScholesWilliams`. The sum of the slopes is consistent only for a market without
    autocorrelation (Fowler & Rorke); `ScholesWilliams` corrects for that of one lag.

    Parameters
    ----------
    lags, leads : int
        Sessions before and after; not both 0, which is the market model.

    Raises
    ------
    ValueError
        If a number is no whole number or negative, or both are 0.

    References
    ----------
    Dimson (1979), *Journal of Financial Economics* 7(2), 197-226.
    Fowler & Rorke (1983), *Journal of Financial Economics* 12(2), 279-283.

    Examples
    --------
    >>> Dimson(lags=2, leads=0).n_parameters(1)
    4
    >>> Dimson(lags=0, leads=0)
    Traceback (most recent call last):
        ...
    ValueError: lags and leads are whole counts of sessions, not both 0; found 0 and 0
    """

    name: ClassVar[str] = "dimson"
    title: ClassVar[str] = "Dimson"
    lags: int = 1
    leads: int = 1

    def __post_init__(self) -> None:
        whole = all(isinstance(count, int | np.integer) for count in (self.lags, self.leads))
        if not whole or min(self.lags, self.leads) < 0 or self.lags == self.leads == 0:
            raise ValueError(
                "lags and leads are whole counts of sessions, not both 0; found "
                f"{self.lags} and {self.leads}"
            )

    def n_parameters(self, n_benchmarks: int) -> int:
        """Alpha and one slope per session; without a benchmark the constant mean."""
        return 2 + self.lags + self.leads if n_benchmarks else 1

    def fit(self, returns: Floats, factors: Floats, n_sessions: Floats, valid: Bools) -> NormalFit:
        """Fit pair by pair; arguments and result as in `fit_normal`.

        Examples
        --------
        R is half of the market's return and half of that of the session before.

        >>> m = np.array([1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0])
        >>> F = np.stack([np.roll(m, 1), m, np.roll(m, -1)], axis=1)[None]
        >>> R = (F[:, :, 0] + F[:, :, 1]) / 2
        >>> fit = Dimson().fit(R, F, np.ones((1, 7)), np.ones((1, 7), dtype=bool))
        >>> print(f"{fit.beta[0, 0]:.3f}")  # 1/2 + 1/2 + 0
        1.000
        """
        del n_sessions
        deviation = _deviations(factors, valid)
        cross = np.einsum("pkm,plm->pkl", deviation, deviation)
        root, collinear = _inverse_root(cross, _raw_squares(factors, valid))
        of_sum = np.einsum("pkl,pl->pk", root, root.sum(axis=1))
        weights = np.einsum("pk,pkm->pm", of_sum, deviation)
        market = factors[:, :, self.lags]
        return _fit_aggregated(returns, market, weights, valid, collinear, self.n_parameters(1))


MODELS: dict[str, NormalReturnModel] = {
    model.name: model
    for model in (
        ConstantMean(),
        MarketAdjusted(),
        MarketModel(),
        SingleIndexModel(),
        ScholesWilliams(),
        Dimson(),
    )
}


def model_named(model: NormalReturnModel | str) -> NormalReturnModel:
    """Find a model by its name; a model stays itself.

    Raises
    ------
    ValueError
        If no model has the name.
    TypeError
        If it is neither.

    Examples
    --------
    >>> model_named("market") == MarketModel()
    True
    """
    if isinstance(model, NormalReturnModel):
        return model
    named = ", ".join(MODELS)
    if not isinstance(model, str):
        raise TypeError(f"model is {model!r}; expected a model or one of {named}")
    if model not in MODELS:
        raise ValueError(f"model is {model!r}; expected one of {named}")
    return MODELS[model]


@dataclass(frozen=True)
class NormalFit:
    r"""Fitted normal returns of P pairs with at most K benchmarks; unused places hold zeros.

    A row of the design is (g, F) divided by the square root of g, or (1, F) without gaps. With
    :math:`\bar F = \sum F_t / \sum g_t` and
    :math:`S = \sum (F_t - g_t \bar F)(F_t - g_t \bar F)' / g_t`, sums over the estimation window,
    its inverse cross-product enters every forecast variance through `inverse_intercept`
    = :math:`1 / \sum g_t`, `factor_mean` = :math:`\bar F` and `inverse_root` = A with
    :math:`A A' = S^{-1}` alone. The first two are zero and A has no column where alpha and beta are
    imposed; for `ScholesWilliams` and `Dimson` :math:`A A'` is w'w, the variance of beta over
    :math:`s_i^2`.

    Attributes
    ----------
    n_estimation : ndarray of int, shape (P,)
        M_i, the valid sessions of the estimation window.
    n_parameters : ndarray of int, shape (P,)
        p, the estimated parameters.
    alpha : ndarray of float, shape (P,)
    beta : ndarray of float, shape (P, K)
    factor_mean : ndarray of float, shape (P, K)
    inverse_intercept : ndarray of float, shape (P,)
    inverse_root : ndarray of float, shape (P, K, R)
        A, with as many columns as slopes are estimated.
    residuals : ndarray of float, shape (P, M)
        NaN where the session is not valid; a residual that spans g sessions is divided by the
        square root of g.
    sigma : ndarray of float, shape (P,)
        s_i, eq. 7.
    r_squared : ndarray of float, shape (P,)
        1 - SSR / SST, SST the squares about the mean, with gaps about g times the mean per session
        and divided by g; NaN if nothing is estimated.
    collinear, degenerate : ndarray of bool, shape (P,)
        Benchmarks do not vary or are collinear; residuals do not vary. Such a fit is not used.

    Examples
    --------
    See `fit_normal`.
    """

    n_estimation: Ints
    n_parameters: Ints
    alpha: Floats
    beta: Floats
    factor_mean: Floats
    inverse_intercept: Floats
    inverse_root: Floats
    residuals: Floats
    sigma: Floats
    r_squared: Floats
    collinear: Bools
    degenerate: Bools


def fit_normal(returns: Floats, factors: Floats, n_sessions: Floats, valid: Bools) -> NormalFit:
    r"""Fit normal returns by least squares, pair by pair.

    .. math:: R_{it} = g_{it} \alpha_i + \beta_i' F_{it} + e_{it}, \quad
              \operatorname{var}(e_{it}) = g_{it} \sigma_i^2, \qquad
              s_i^2 = \frac{1}{M_i - p} \sum_{est} \frac{\hat e_{it}^2}{g_{it}} \tag{7}

    Each row is divided by the square root of g, so that a return over a gap of g - 1 sessions
    has the variance of its g sessions; without gaps this is ordinary least squares. The
    intercept is projected out first (Frisch-Waugh-Lovell), which keeps the normal equations
    well conditioned.

    Parameters
    ----------
    returns : ndarray, shape (P, M)
    factors : ndarray, shape (P, M, K)
        K may be 0 (constant mean).
    n_sessions : ndarray, shape (P, M)
        g of each return.
    valid : ndarray of bool, shape (P, M)
        Sessions that are in the estimation window and have a return and all benchmark returns.

    Returns
    -------
    NormalFit

    References
    ----------
    MacKinlay (1997), *Journal of Economic Literature* 35(1), 13-39, eq. 4 (beta) and 5 (alpha).

    Examples
    --------
    One pair, four sessions, one benchmark: R = 1 + 2 F + e with e = 1, -1, -1, 1.

    >>> F = np.array([[[-3.0], [-1.0], [1.0], [3.0]]])
    >>> R = 1 + 2 * F[:, :, 0] + np.array([[1.0, -1.0, -1.0, 1.0]])
    >>> fit = fit_normal(R, F, np.ones((1, 4)), np.ones((1, 4), dtype=bool))
    >>> print(f"{fit.alpha[0]:.3f} {fit.beta[0, 0]:.3f} {fit.sigma[0]:.3f}")  # root of 4 / (4 - 2)
    1.000 2.000 1.414
    """
    # Benchmarks before sessions: sums over sessions then run along contiguous memory.
    z = np.array(np.swapaxes(factors, 1, 2), order="C")
    if valid.all() and (n_sessions == 1).all():
        # Rows that have the weight one and are all there are taken as they are.
        intercept, y = np.ones(valid.shape), returns.copy()
    else:
        intercept = np.sqrt(np.where(valid, n_sessions, 0.0))
        weight = _safe_inverse(intercept)
        y = np.where(valid, weight * returns, 0.0)
        z = np.where(valid[:, None, :], weight[:, None, :] * z, 0.0)
    n_estimation = valid.sum(axis=1)
    n_parameters = np.full(len(y), 1 + factors.shape[2])
    y_raw, z_raw = np.einsum("pm,pm->p", y, y), np.einsum("pkm,pkm->pk", z, z)

    inverse_intercept = _safe_inverse(np.einsum("pm,pm->p", intercept, intercept))
    y_mean = np.einsum("pm,pm->p", intercept, y) * inverse_intercept
    z_mean = np.einsum("pm,pkm->pk", intercept, z) * inverse_intercept[:, None]
    y -= intercept * y_mean[:, None]
    z -= intercept[:, None, :] * z_mean[:, :, None]

    root, collinear = _inverse_root(np.einsum("pkm,plm->pkl", z, z), z_raw)
    moment = np.einsum("plk,pl->pk", root, np.einsum("pkm,pm->pk", z, y))
    beta = np.einsum("pkl,pl->pk", root, moment)
    residuals = y - np.einsum("pkm,pk->pm", z, beta)
    ssr = np.einsum("pm,pm->p", residuals, residuals)
    sst = np.einsum("pm,pm->p", y, y)
    return NormalFit(
        n_estimation=n_estimation,
        n_parameters=n_parameters,
        alpha=y_mean - np.einsum("pk,pk->p", z_mean, beta),
        beta=beta,
        factor_mean=z_mean,
        inverse_intercept=inverse_intercept,
        inverse_root=root,
        residuals=np.where(valid, residuals, np.nan),
        sigma=_root_mean(ssr, n_estimation - n_parameters),
        r_squared=1.0 - ssr / np.where(sst > 0, sst, np.nan),
        collinear=collinear,
        degenerate=ssr <= ROUNDING * y_raw,
    )


def fit_market_adjusted(
    returns: Floats, factors: Floats, n_sessions: Floats, valid: Bools
) -> NormalFit:
    """Impose alpha = 0 and beta = 1; arguments and result as in `fit_normal` with K = 1.

    Examples
    --------
    >>> R, F = np.array([[3.0, 1.0]]), np.array([[[1.0], [2.0]]])
    >>> fit = fit_market_adjusted(R, F, np.ones((1, 2)), np.ones((1, 2), dtype=bool))
    >>> print(f"{fit.sigma[0]:.3f}")  # residuals 2 and -1: root of 5 / 2
    1.581
    """
    residuals = np.where(valid, (returns - factors[:, :, 0]) / np.sqrt(n_sessions), 0.0)
    scale = np.where(valid, returns, 0.0)
    pairs = len(residuals)
    ssr = np.einsum("pm,pm->p", residuals, residuals)
    n_estimation = valid.sum(axis=1)
    return NormalFit(
        n_estimation=n_estimation,
        n_parameters=np.zeros_like(n_estimation),
        alpha=np.zeros(pairs),
        beta=np.ones((pairs, 1)),
        factor_mean=np.zeros((pairs, 1)),
        inverse_intercept=np.zeros(pairs),
        inverse_root=np.zeros((pairs, 1, 0)),
        residuals=np.where(valid, residuals, np.nan),
        sigma=_root_mean(ssr, n_estimation),
        r_squared=np.full(pairs, np.nan),
        collinear=np.zeros(pairs, dtype=bool),
        degenerate=ssr <= ROUNDING * np.einsum("pm,pm->p", scale, scale),
    )


def left_out(residuals: Floats, leverage: Floats, usable: Bools) -> Floats:
    """Return the errors by fits without each session, from the residuals of the fit with all.

    Parameters
    ----------
    residuals, leverage : ndarray, shape (P, M)
        :math:`e_t / (1 - h_t)` is the error; a session that decides a coefficient alone, h = 1,
        has none.
    usable : ndarray of bool, shape (P,)
        Pairs with a fit.

    Examples
    --------
    >>> left_out(np.array([[0.5, 0.0]]), np.array([[0.5, 1.0]]), np.array([True])).tolist()
    [[1.0, nan]]
    """
    rest = 1.0 - leverage
    errors: Floats = residuals / np.where(usable[:, None] & (rest > COLLINEAR), rest, np.nan)
    return errors


def _deviations(factors: Floats, valid: Bools) -> Floats:
    """Deviations from the means over valid sessions, zero elsewhere; (P, M, K) to (P, K, M)."""
    inside = valid[:, None, :]
    z = np.where(inside, np.swapaxes(factors, 1, 2), 0.0)
    mean = z.sum(axis=2) * _safe_inverse(valid.sum(axis=1))[:, None]
    return np.where(inside, z - mean[:, :, None], 0.0)


def _raw_squares(factors: Floats, valid: Bools) -> Floats:
    """Uncentred sums of squares over valid sessions, (P, M, K) to (P, K)."""
    inside = np.where(valid[:, :, None], factors, 0.0)
    squares: Floats = np.einsum("pmk,pmk->pk", inside, inside)
    return squares


def _fit_aggregated(
    returns: Floats,
    market: Floats,
    weights: Floats,
    valid: Bools,
    collinear: Bools,
    n_parameters: int,
) -> NormalFit:
    """Fit with beta = w'R, a weighted sum of the returns; the weights w add up to 0."""
    y, m = np.where(valid, returns, 0.0), np.where(valid, market, 0.0)
    n_estimation = valid.sum(axis=1)
    per_session = _safe_inverse(n_estimation)
    y_mean, m_mean = y.sum(axis=1) * per_session, m.sum(axis=1) * per_session
    beta = np.einsum("pm,pm->p", weights, y)
    centred = np.where(valid, y - y_mean[:, None], 0.0)
    residuals = np.where(valid, centred - beta[:, None] * (m - m_mean[:, None]), 0.0)
    ssr = np.einsum("pm,pm->p", residuals, residuals)
    sst = np.einsum("pm,pm->p", centred, centred)
    parameters = np.full(len(returns), n_parameters)
    return NormalFit(
        n_estimation=n_estimation,
        n_parameters=parameters,
        alpha=y_mean - beta * m_mean,
        beta=beta[:, None],
        factor_mean=m_mean[:, None],
        inverse_intercept=per_session,
        inverse_root=np.sqrt(np.einsum("pm,pm->p", weights, weights))[:, None, None],
        residuals=np.where(valid, residuals, np.nan),
        sigma=_root_mean(ssr, n_estimation - parameters),
        r_squared=1.0 - ssr / np.where(sst > 0, sst, np.nan),
        collinear=collinear,
        degenerate=ssr <= ROUNDING * np.einsum("pm,pm->p", y, y),
    )


def _root_mean(squares: Floats, degrees: Ints) -> Floats:
    """Root of a sum of squares over its degrees of freedom, NaN where there are none."""
    root: Floats = np.sqrt(squares / np.where(degrees > 0, degrees, np.nan))
    return root


def _safe_inverse(values: Floats | Ints) -> Floats:
    """Return 1 / values, 0 where there is nothing to invert."""
    inverse: Floats = 1.0 / np.where(values > 0, values, np.inf)
    return inverse


def _inverse_root(cross: Floats, raw: Floats) -> tuple[Floats, Bools]:
    """Find A with AA' the inverse of each K x K matrix, or flag it.

    `raw` are the uncentred sums of squares.
    """
    if not cross.size:
        return cross, np.zeros(len(cross), dtype=bool)
    variation = np.einsum("pkk->pk", cross)
    flat = (variation <= ROUNDING * raw).any(axis=1)
    # Whatever a flat benchmark is divided by, its pair is excluded.
    scale = np.sqrt(np.where(flat[:, None], 1.0, variation))
    values, vectors = np.linalg.eigh(cross / (scale[:, :, None] * scale[:, None, :]))
    collinear = flat | (values[:, 0] < COLLINEAR)
    values = np.where(collinear[:, None], 1.0, values)
    return vectors / (scale[:, :, None] * np.sqrt(values)[:, None, :]), collinear
