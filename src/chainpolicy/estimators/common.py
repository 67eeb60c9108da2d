"""Least squares of many outcomes on the same regressors, and the joint test of a contrast."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from chainpolicy.eventstudy.panel import Floats


def joint_f(
    effects: Floats, cross_product: Floats, v: Floats, degrees: int
) -> tuple[Floats, tuple[int, int] | None, str]:
    """Test of each of K contrasts that its N effects are all zero, exactly under normal errors.

    Parameters
    ----------
    effects : ndarray, shape (K, N)
        g, one effect per contrast and asset.
    cross_product : ndarray, shape (N, N)
        E'E of the residuals, undivided.
    v : ndarray, shape (K,)
        c'(X'X)^-1 c of each contrast.
    degrees : int
        n - k.

    Returns
    -------
    statistic : ndarray, shape (K,)
        NaN if undefined.
    degrees : tuple of int or None
        (N, n - k - N + 1).
    note : str
        Why it is undefined, else empty.
    """
    n_contrasts, n_assets = effects.shape
    undefined = np.full(n_contrasts, np.nan)
    if n_assets > degrees - 1:
        note = (
            f"{n_assets} assets are more than n - k - 1 = {degrees - 1}, too many for the joint "
            "test: read the average effect, the form of the portfolio"
        )
        return undefined, None, note
    scale = np.sqrt(np.diag(cross_product))
    try:
        factor = linalg.cho_factor(cross_product / np.outer(scale, scale))
    except (linalg.LinAlgError, ValueError):
        return undefined, None, "the residuals of the assets are collinear"
    scaled = effects / scale
    quadratic = np.einsum("kn,nk->k", scaled, linalg.cho_solve(factor, scaled.T))
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
