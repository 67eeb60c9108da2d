"""Least squares of many outcomes on the same regressors, and the joint test of one contrast."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from chainpolicy.eventstudy.panel import Floats


def joint_f(
    effects: Floats, cross_product: Floats, v: float, degrees: int
) -> tuple[float, tuple[int, int] | None, str]:
    """Test that N effects are all zero, exactly under normal errors.

    Parameters
    ----------
    effects : ndarray, shape (N,)
        g, one contrast per asset.
    cross_product : ndarray, shape (N, N)
        E'E of the residuals, undivided.
    v : float
        c'(X'X)^-1 c of the contrast.
    degrees : int
        n - k.

    Returns
    -------
    statistic : float
        NaN if undefined.
    degrees : tuple of int or None
        (N, n - k - N + 1).
    note : str
        Why it is undefined, else empty.
    """
    n_assets = len(effects)
    if n_assets > degrees - 1:
        note = (
            f"{n_assets} assets are more than n - k - 1 = {degrees - 1}, too many for the joint "
            "test: read the average effect, the form of the portfolio"
        )
        return np.nan, None, note
    scale = np.sqrt(np.diag(cross_product))
    try:
        factor = linalg.cho_factor(cross_product / np.outer(scale, scale))
    except (linalg.LinAlgError, ValueError):
        return np.nan, None, "the residuals of the assets are collinear"
    quadratic = float(effects / scale @ linalg.cho_solve(factor, effects / scale))
    remaining = degrees - n_assets + 1
    return remaining / n_assets * quadratic / v, (n_assets, remaining), ""


def fit_common(design: Floats, outcomes: Floats) -> tuple[Floats, Floats, Floats]:
    """Fit N outcomes on the same regressors by least squares.

    Parameters
    ----------
    design : ndarray, shape (n, k)
    outcomes : ndarray, shape (n, N)

    Returns
    -------
    coefficients : ndarray, shape (k, N)
    residuals : ndarray, shape (n, N)
    unscaled : ndarray, shape (k, k)
        (X'X)^-1.

    Raises
    ------
    ValueError
        If the regressors are collinear.
    """
    scale = np.sqrt(np.einsum("nk,nk->k", design, design))
    if not scale.all():
        raise ValueError("a regressor of the system is zero throughout")
    q, r = linalg.qr(design / scale, mode="economic")
    if np.abs(np.diag(r)).min() < 1e-10:
        raise ValueError(
            "the regressors of the system are collinear: the benchmarks do not vary, or are "
            "copies of each other, in the estimation sessions"
        )
    inverse = linalg.solve_triangular(r, np.eye(len(scale))) / scale[:, None]
    coefficients = inverse @ (q.T @ outcomes)
    return coefficients, outcomes - design @ coefficients, inverse @ inverse.T
