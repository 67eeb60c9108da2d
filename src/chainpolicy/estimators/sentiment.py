r"""Returns on coded policy stance: daily regression and local projections.

With :math:`x_t` the innovation of the index of coded policy stance on session t, :math:`S_{t}` its
level and :math:`F_t` benchmark returns,

.. math:: R_t = a + b\, x_t + c\,(S_t - x_t) + d' F_t + e_t,

where :math:`S_t - x_t` is what earlier announcements left, and for h = 0..H (Jorda 2005, *American
Economic Review* 95(1), with the announcements of the next h sessions held fixed)

.. math:: \sum_{j=0}^h R_{t+j} = a_h + b^+_h x^+_t + b^-_h x^-_t
          + \sum_{j=1}^h (g^+_{hj} x^+_{t+j} + g^-_{hj} x^-_{t+j}) + c_h (S_t - x_t)
          + d_h' \sum_{j=0}^h F_{t+j} + e_{t,h},

:math:`x^+` and :math:`x^-` the positive and negative parts. Announcements cluster and are few, so
that standard errors mislead; p-values and bands come from shifting all sentiment series together
around the circle of sessions, which keeps their clustering and breaks their link with returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainpolicy.estimators.policy_index import (
    announcements_to_all,
    dimensions,
    policy_index,
)
from chainpolicy.eventstudy.panel import Bools, Floats
from chainpolicy.study import Study
from chainpolicy.study.remember import remembered
from chainpolicy.study.returns import portfolio_returns

HORIZONS = 10
# Innovation and inherited level.
N_SHOCKS = 2
# Evenly spaced shifts that make the band of a projection.
MOST_SHIFTS = 200


@dataclass(frozen=True)
class SentimentFit:
    """Regression of a return on innovation and inherited level of sentiment.

    Attributes
    ----------
    coefficients : ndarray of float, shape (2,)
        On the innovation and on the inherited level, return per point.
    hac_errors, hac_p_values : ndarray of float, shape (2,)
        Newey-West; description only.
    p_values : ndarray of float, shape (2,)
        Share of circular shifts, the actual position among them, whose t-ratio is as large.
    """

    coefficients: Floats
    hac_errors: Floats
    hac_p_values: Floats
    p_values: Floats
    n_sessions: int
    n_shifts: int


def regress_on_sentiment(
    returns: Floats, innovation: Floats, inherited: Floats, factors: Floats
) -> SentimentFit:
    """Regress returns on sentiment, with a p-value by circular shifts.

    Parameters
    ----------
    returns, innovation, inherited : ndarray, shape (T,)
    factors : ndarray, shape (T, K)
        Benchmark returns; K may be 0.

    Raises
    ------
    ValueError
        If the innovation is zero throughout, or no session is left to judge the errors by.
    """
    from statsmodels.regression.linear_model import OLS

    if not innovation.any():
        raise ValueError("no announcement enters on these sessions")
    length = len(returns)
    if length <= N_SHOCKS + 1 + factors.shape[1]:
        raise ValueError(f"{length} sessions are too few")
    shocks = np.column_stack([innovation, inherited])
    constant = np.ones((length, 1))
    design = np.column_stack([shocks, constant, factors])
    lags = int(4 * (length / 100) ** (2 / 9))
    described = OLS(returns, design).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    _, t_ratios = _shifted(returns, shocks, np.hstack([constant, factors]))
    return SentimentFit(
        coefficients=np.asarray(described.params[:2], dtype=np.float64),
        hac_errors=np.asarray(described.bse[:2], dtype=np.float64),
        hac_p_values=np.asarray(described.pvalues[:2], dtype=np.float64),
        p_values=_rank(t_ratios[:, :2]),
        n_sessions=length,
        n_shifts=len(t_ratios),
    )


@remembered
def sentiment_regression(study: Study, without: str | None = None) -> pd.DataFrame:
    """Regress every group's portfolio on the index of coded policy stance, one dimension at a time.

    Parameters
    ----------
    study : Study
    without : str, optional
        An event whose session is taken out of the sample, to see how much rests on it.

    Returns
    -------
    DataFrame
        ``group, dimension, term`` ("innovation", "level"), ``coefficient`` (return per point of
        stance times salience), ``p_value, smallest_p, hac_error, hac_p_value, n_sessions,
        n_announcing`` (sessions with an innovation); a dimension without one is left out, and a
        group with fewer sessions than the regression has terms.
    """
    rows = []
    for group, of_group in _series(study):
        announced = announcements_to_all(study, group)
        days = announced.loc[announced["event_id"] == without, "event_session"]
        for dimension in dimensions(study):
            series = of_group[of_group["dimension"] == dimension]
            series = series[~series["session"].isin(days)]
            innovation = series["innovation"].to_numpy(np.float64)
            factors = series.filter(like="factor:").to_numpy(np.float64)
            if not innovation.any() or len(series) <= N_SHOCKS + 1 + factors.shape[1]:
                continue
            fit = regress_on_sentiment(
                series["return"].to_numpy(np.float64),
                innovation,
                series["inherited"].to_numpy(np.float64),
                factors,
            )
            rows += [
                {
                    "group": group,
                    "dimension": dimension,
                    "term": term,
                    "coefficient": fit.coefficients[i],
                    "p_value": fit.p_values[i],
                    "smallest_p": 1 / fit.n_shifts,
                    "hac_error": fit.hac_errors[i],
                    "hac_p_value": fit.hac_p_values[i],
                    "n_sessions": fit.n_sessions,
                    "n_announcing": int(np.count_nonzero(innovation)),
                }
                for i, term in enumerate(("innovation", "level"))
            ]
    columns = ["group", "dimension", "term", "coefficient", "p_value", "smallest_p", "hac_error"]
    return pd.DataFrame(rows, columns=[*columns, "hac_p_value", "n_sessions", "n_announcing"])


@dataclass(frozen=True)
class LocalProjection:
    """Cumulative responses at one horizon.

    Attributes
    ----------
    horizon : int
    responses : ndarray of float, shape (2,)
        To a supportive and to a restrictive surprise of one point; NaN without such a surprise,
        and where fewer sessions are left than the projection has terms.
    lower, upper : ndarray of float, shape (2,)
        Where 95 % of the responses to shifted surprises lie.
    p_values : ndarray of float, shape (2,)
    n_shifts : int
        Shifts, the actual position among them: of those that keep every surprise inside the sample
        at most 200, evenly spaced.
    """

    horizon: int
    responses: Floats
    lower: Floats
    upper: Floats
    p_values: Floats
    n_shifts: int


def project(
    returns: Floats, innovation: Floats, inherited: Floats, factors: Floats, horizon: int
) -> LocalProjection:
    """Project the return of the next sessions on supportive and restrictive surprises.

    Parameters
    ----------
    returns, innovation, inherited : ndarray, shape (T,)
    factors : ndarray, shape (T, K)
    horizon : int
        h; the return is cumulated over t..t+h.
    """
    rows = len(returns) - horizon
    parts = np.column_stack([np.maximum(innovation, 0.0), np.maximum(-innovation, 0.0)])
    occurs = parts[:rows].any(axis=0)
    cumulated = _ahead(returns[:, None], horizon).sum(axis=1)[:, 0]
    controls = np.hstack([np.ones((rows, 1)), _ahead(factors, horizon).sum(axis=1)])
    # Surprises at t and in the next sessions, as (T, (1 + h) 2); those before t are inherited.
    leads = np.arange(len(returns))[:, None] + np.arange(horizon + 1)
    shocks = parts[:, occurs][leads % len(returns)].reshape(len(returns), -1)
    shocks = np.column_stack([shocks, inherited])
    responses, lower, upper, p_values = (np.full(2, np.nan) for _ in range(4))
    if rows <= shocks.shape[1] + controls.shape[1]:
        return LocalProjection(horizon, responses, lower, upper, p_values, 1)
    coefficients, _ = _shifted(cumulated, shocks, controls, lost=np.asarray(parts.any(axis=1)))
    n_parts = int(occurs.sum())
    found = coefficients[:, :n_parts]
    responses[occurs] = found[0]
    lower[occurs], upper[occurs] = np.quantile(found, [0.025, 0.975], axis=0)
    p_values[occurs] = _rank(found)
    return LocalProjection(horizon, responses, lower, upper, p_values, len(coefficients))


@remembered
def local_projections(study: Study, horizons: int = HORIZONS) -> pd.DataFrame:
    """Project every group's portfolio on the surprises of overall coded policy stance.

    Parameters
    ----------
    study : Study
    horizons : int
        H, in sessions.

    Returns
    -------
    DataFrame
        ``group, surprise`` ("supportive", "restrictive"), ``horizon, response`` (cumulative return
        per point of stance times salience), ``lower, upper`` (placebo band), ``p_value,
        smallest_p, n_announcing``; a kind of surprise that does not occur is left out, and a
        horizon that leaves fewer sessions than the projection has terms.
    """
    rows = []
    for group, of_group in _series(study):
        series = of_group[of_group["dimension"].isin(dimensions(study)[-1:])]
        innovation = series["innovation"].to_numpy(np.float64)
        if not innovation.any():
            continue
        for horizon in range(min(horizons, len(series) - 1) + 1):
            fit = project(
                series["return"].to_numpy(np.float64),
                innovation,
                series["inherited"].to_numpy(np.float64),
                series.filter(like="factor:").to_numpy(np.float64),
                horizon,
            )
            for i, (surprise, sign) in enumerate((("supportive", 1), ("restrictive", -1))):
                rows.append(
                    {
                        "group": group,
                        "surprise": surprise,
                        "horizon": horizon,
                        "response": fit.responses[i],
                        "lower": fit.lower[i],
                        "upper": fit.upper[i],
                        "p_value": fit.p_values[i],
                        "smallest_p": 1 / fit.n_shifts,
                        "n_announcing": int((np.sign(innovation) == sign).sum()),
                    }
                )
    columns = ["group", "surprise", "horizon", "response", "lower", "upper", "p_value"]
    frame = pd.DataFrame(rows, columns=[*columns, "smallest_p", "n_announcing"])
    return frame.dropna(subset="response", ignore_index=True)


def _series(study: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give each group its returns, sentiment and benchmarks on the sessions that have them all."""
    portfolios = portfolio_returns(study.returns, study.groups)
    for group in study.groups.drop_duplicates():
        portfolio = portfolios[portfolios["group"] == group]
        tickers = study.groups.index[study.groups == group]
        used = list(dict.fromkeys(name for ticker in tickers for name in study.benchmarks[ticker]))
        factors = portfolio[used].set_axis([f"factor:{name}" for name in used], axis=1)
        series = pd.concat([portfolio[["session", "return"]], factors], axis=1).dropna()
        merged = policy_index(study, str(group)).merge(series, on="session")
        yield str(group), merged.assign(inherited=merged["level"] - merged["innovation"])


def _ahead(values: Floats, horizon: int) -> Floats:
    """Rows t..t+h of every t whose rows lie inside: (T, K) to (T - h, 1 + h, K)."""
    rows = np.arange(len(values) - horizon)[:, None] + np.arange(horizon + 1)
    ahead: Floats = values[rows]
    return ahead


def _shifted(
    y: Floats, shocks: Floats, controls: Floats, lost: Bools | None = None
) -> tuple[Floats, Floats]:
    """Least squares of y on shocks and controls, for every circular shift of the shocks.

    The first rows of the results are those of the actual position. `shocks` has shape (T, k), of
    which the first ``len(y)`` rows count after a shift. With `lost`, shifts that move a row
    marked there past them are left out, and of the others at most `MOST_SHIFTS` are taken.
    Returns coefficients and t-ratios, shape (shifts, k).
    """
    length, rows = len(shocks), len(y)
    shifts = np.arange(length)
    if lost is not None:
        landed = (np.flatnonzero(lost)[None, :] + shifts[:, None]) % length
        shifts = shifts[(landed < rows).all(axis=1) | (shifts == 0)]
        chosen = np.linspace(0, len(shifts), min(len(shifts), MOST_SHIFTS), endpoint=False)
        shifts = shifts[chosen.astype(np.int64)]
    q, _ = np.linalg.qr(controls)
    residual_y = y - q @ (q.T @ y)
    k = shocks.shape[1]
    degrees = rows - k - q.shape[1]
    # What the rows of a shift share with another series is a correlation around the circle.
    others = np.zeros((length, q.shape[1] + 1))
    others[:rows] = np.column_stack([q, residual_y])
    moved = np.conj(np.fft.rfft(shocks, axis=0))[:, :, None]
    shared = np.fft.irfft(np.fft.rfft(others, axis=0)[:, None, :] * moved, length, axis=0)[shifts]
    with_controls, with_y = shared[:, :, :-1], shared[:, :, -1:]
    beyond = shocks[(np.arange(rows, length)[None, :] - shifts[:, None]) % length]
    gram = shocks.T @ shocks - beyond.transpose(0, 2, 1) @ beyond
    gram -= with_controls @ with_controls.transpose(0, 2, 1)
    inverse = np.linalg.pinv(gram, hermitian=True)
    b = (inverse @ with_y)[:, :, 0]
    remaining = np.maximum(residual_y @ residual_y - (b * with_y[:, :, 0]).sum(axis=1), 0.0)
    error = np.sqrt(remaining[:, None] / degrees * np.einsum("skk->sk", inverse))
    return b, np.divide(b, error, out=np.zeros_like(b), where=error > 0)


def _rank(statistics: Floats) -> Floats:
    """Share of rows whose absolute value reaches that of the first; shape (k,)."""
    magnitude = np.abs(statistics)
    reached: Floats = (magnitude >= magnitude[0] * (1 - 1e-9)).mean(axis=0)
    return reached
