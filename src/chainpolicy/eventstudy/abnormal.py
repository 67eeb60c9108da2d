r"""Abnormal returns and their cumulation, with exact forecast variances.

Variances are those of a forecast: they hold the error of the estimated normal return.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainpolicy.eventstudy.normal import NormalFit
from chainpolicy.eventstudy.panel import Bools, Floats
from chainpolicy.eventstudy.threads import one_thread


@dataclass(frozen=True)
class AbnormalReturns:
    r"""Abnormal returns of P pairs over the L sessions of the event window.

    Attributes
    ----------
    actual, normal, abnormal : ndarray of float, shape (P, L)
        :math:`R_{it}`, :math:`E[R_{it}]` and their difference, in the return kind of the input
        (log by default); the last two NaN where the return or a benchmark return is missing.
    std_error : ndarray of float, shape (P, L)
        Square root of the diagonal of V.
    n_sessions : ndarray of float, shape (P, L)
        g, the sessions each return spans.
    factors : ndarray of float, shape (P, L, K)
        Benchmark returns.

    Examples
    --------
    See `abnormal_returns`.
    """

    actual: Floats
    normal: Floats
    abnormal: Floats
    std_error: Floats
    n_sessions: Floats
    factors: Floats


@dataclass(frozen=True)
class Cumulated:
    r"""Cumulative abnormal returns of P pairs over one window.

    Attributes
    ----------
    car : ndarray of float, shape (P,)
        :math:`\sum_W AR_{it}`; NaN if one session of the window is missing.
    std_error : ndarray of float, shape (P,)
        Square root of 1'V1.
    multiplier : ndarray of float, shape (P,)
        1'V1 / s^2: the sessions of the window plus the error of estimation.
    n_sessions, factors : ndarray of float, shape (P,) and (P, K)
        Sums over the window of the sessions that returns span and of the benchmark returns.

    Examples
    --------
    See `cumulate`.
    """

    car: Floats
    std_error: Floats
    multiplier: Floats
    n_sessions: Floats
    factors: Floats


def abnormal_returns(
    fit: NormalFit, returns: Floats, factors: Floats, n_sessions: Floats
) -> AbnormalReturns:
    r"""Subtract the normal from the actual return, with the forecast variance of the difference.

    .. math:: AR_{it} = R_{it} - E[R_{it}], \qquad
              V_i = s_i^2 [ G_i + X_i^* (X_i'X_i)^{-1} X_i^{*\prime} ] \tag{8}

    :math:`s_i^2` is the residual variance of eq. 7 (or 2), :math:`X_i` the design over the
    estimation sessions with rows (1, F), :math:`X_i^*` that over the L sessions of the event
    window, :math:`G_i` the identity. Where returns span g sessions the rows of :math:`X_i` are
    :math:`(g, F) / \sqrt g`, those of :math:`X_i^*` are (g, F), and :math:`G_i` is diagonal with g.
    If nothing is estimated, :math:`V_i = s_i^2 G_i`.

    Parameters
    ----------
    fit : NormalFit
        P pairs.
    returns : ndarray, shape (P, L)
    factors : ndarray, shape (P, L, K)
    n_sessions : ndarray, shape (P, L)

    Returns
    -------
    AbnormalReturns

    References
    ----------
    MacKinlay (1997), *Journal of Economic Literature* 35(1), 13-39, eq. 7, with the variance of
        eq. 8 for one session and the market model.
    Campbell, Lo & MacKinlay (1997), *The Econometrics of Financial Markets*, eq. 4.4.9 (V).

    Examples
    --------
    The mean of 1, 2, 3 is 2 and s = 1: var(AR) = 1 + 1/3.

    >>> from chainpolicy.eventstudy.normal import fit_normal
    >>> past = np.array([[1.0, 2.0, 3.0]])
    >>> fit = fit_normal(past, np.zeros((1, 3, 0)), np.ones((1, 3)), np.isfinite(past))
    >>> event = np.array([[5.0, 4.0]])
    >>> found = abnormal_returns(fit, event, np.zeros((1, 2, 0)), np.ones((1, 2)))
    >>> found.abnormal.tolist(), found.std_error.round(3).tolist()
    ([[3.0, 2.0]], [[1.155, 1.155]])
    """
    normal = n_sessions * fit.alpha[:, None] + np.einsum("plk,pk->pl", factors, fit.beta)
    abnormal = returns - normal
    multiplier = n_sessions + _leverage(fit, n_sessions, factors)
    present = np.isfinite(abnormal)
    std_error = fit.sigma[:, None] * np.sqrt(multiplier)
    return AbnormalReturns(
        actual=returns,
        normal=np.where(present, normal, np.nan),
        abnormal=abnormal,
        std_error=np.where(present, std_error, np.nan),
        n_sessions=n_sessions,
        factors=factors,
    )


def cumulate(fit: NormalFit, abnormal: AbnormalReturns, window: slice) -> Cumulated:
    r"""Sum abnormal returns over a window, with the variance of the sum.

    .. math:: CAR_i(W) = 1'AR_i, \qquad \operatorname{var}(CAR_i(W)) = 1'V_i 1, \qquad
              \frac{CAR_i}{\sqrt{1'V_i 1}} \sim t(M_i - p_i) \tag{9}

    1 is the column of ones over the :math:`L_2` sessions of the window W, to which :math:`AR_i` and
    :math:`V_i` of eq. 8 are restricted; :math:`M_i` and :math:`p_i` are the sessions and parameters
    of the estimation ("est"). A return that spans g sessions stands for all of them: the window
    has a CAR if the spans of its returns fill it, none reaching out of it, and the row of that
    return in :math:`V_i` is the sum of the rows of its sessions. For the market model the
    multiplier of s^2 is
    :math:`L_2 + L_2^2 / M + (\sum_W (R_m - \bar R_m))^2 / \sum_{est} (R_m - \bar R_m)^2`.

    Parameters
    ----------
    fit : NormalFit
    abnormal : AbnormalReturns
    window : slice
        Columns of the event window that the cumulation window covers.

    Returns
    -------
    Cumulated

    References
    ----------
    Campbell, Lo & MacKinlay (1997), *The Econometrics of Financial Markets*, section 4.4: the sum
        over W of V of eq. 4.4.9.

    Examples
    --------
    The mean of 1, 2, 3 is 2 and s = 1: var(CAR) over two sessions = 2 + 4/3.

    >>> from chainpolicy.eventstudy.normal import fit_normal
    >>> past = np.array([[1.0, 2.0, 3.0]])
    >>> fit = fit_normal(past, np.zeros((1, 3, 0)), np.ones((1, 3)), np.isfinite(past))
    >>> event = np.array([[5.0, 4.0]])
    >>> found = abnormal_returns(fit, event, np.zeros((1, 2, 0)), np.ones((1, 2)))
    >>> total = cumulate(fit, found, slice(0, 2))
    >>> total.car.tolist(), total.std_error.round(3).tolist()
    ([5.0], [1.826])
    """
    values = abnormal.abnormal[:, window]
    present = np.isfinite(values)
    spans = np.where(present, abnormal.n_sessions[:, window], 0.0)
    g = spans.sum(axis=1)
    f = np.where(present[:, :, None], abnormal.factors[:, window], 0.0).sum(axis=1)
    filled = (g == values.shape[1]) & ~reaching_back(spans).any(axis=1)
    car = np.where(filled, np.where(present, values, 0.0).sum(axis=1), np.nan)
    multiplier = np.where(filled, g + _leverage(fit, g[:, None], f[:, None, :])[:, 0], np.nan)
    return Cumulated(car, fit.sigma * np.sqrt(multiplier), multiplier, g, f)


def reaching_back(spans: Floats) -> Bools:
    """Which returns of a window span sessions before it.

    Parameters
    ----------
    spans : ndarray, shape (P, L)
        Sessions that each return spans, zero where there is none.

    Returns
    -------
    ndarray of bool, shape (P, L)

    Examples
    --------
    >>> reaching_back(np.array([[2.0, 1.0, 0.0, 2.0]])).tolist()
    [[True, False, False, False]]
    """
    reaching: Bools = spans > np.arange(1, spans.shape[1] + 1)
    return reaching


def _leverage(fit: NormalFit, g: Floats, f: Floats) -> Floats:
    """Compute x' (X'X)^-1 x of rows x = (g, f): shapes (P, L) and (P, L, K) to (P, L)."""
    deviation = f - g[:, :, None] * fit.factor_mean[:, None, :]
    with one_thread():
        through_factors = deviation @ fit.inverse_root
    leverage: Floats = g**2 * fit.inverse_intercept[:, None]
    leverage += np.einsum("plk,plk->pl", through_factors, through_factors)
    return leverage
