r"""Volatility: abnormal returns beside the variance that the days before them predict.

The abnormal return of a portfolio is the residual of its return on its benchmarks, estimated before
the first event window begins, without the sessions [0, 1] of earlier events where the study masks
them. Two models predict its variance from the past,

.. math:: \text{EWMA}: \sigma^2_t = \lambda \sigma^2_{t-1} + (1 - \lambda) AR^2_{t-1}, \quad
          \lambda = 0.94, \qquad
          \text{GARCH(1,1)}: \sigma^2_t = \omega + \alpha AR^2_{t-1} + \beta \sigma^2_{t-1},

fitted before the first event window too (library `arch`). At an event session T everything is
predicted from T - 1:

.. math:: SAR(W) = \frac{\sum_W AR_t}{(\sum_W \sigma^2_{t|T-1})^{1/2}}, \qquad
          \text{variance ratio} = \frac{\sum_W AR_t^2}{\sum_W \sigma^2_{t|T-1}} .
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from chainpolicy.estimators.policy_index import announcements_to_all
from chainpolicy.eventstudy.panel import Bools, Floats, Ints
from chainpolicy.study import Study
from chainpolicy.study.problems import require_choice
from chainpolicy.study.remember import remembered
from chainpolicy.study.returns import portfolio_returns
from chainpolicy.study.sessions import clusters

DECAY = 0.94
ROUNDING = 1e-12
LEAST_SESSIONS = 60
VOLATILITY_MODELS: tuple[Literal["ewma", "garch"], ...] = ("ewma", "garch")
# Sessions from an event session on that are no ordinary ones, and those that estimate nothing.
EVENTFUL = 6
MASKED = 2


@dataclass(frozen=True, eq=False)
class VolatilityModel:
    """Predicted variances of a series of abnormal returns.

    Attributes
    ----------
    name : {"ewma", "garch"}
    omega, alpha, beta : float
        Of the recursion; omega in squared returns.
    variance : ndarray of float, shape (T,)
        Predicted for each session from the sessions before it.
    """

    name: str
    omega: float
    alpha: float
    beta: float
    variance: Floats

    def ahead(self, sessions: int) -> Floats:
        """Predict the variances of the sessions t..t + `sessions` - 1 from t - 1, shape (T, n)."""
        persistence = self.alpha + self.beta
        steps = [self.variance]
        for _ in range(1, sessions):
            steps.append(self.omega + persistence * steps[-1])
        return np.stack(steps, axis=1)


def fit_volatility(
    abnormal: Floats, n_estimation: int, name: Literal["ewma", "garch"]
) -> VolatilityModel:
    """Fit a variance recursion to the first abnormal returns and run it to the last.

    Parameters
    ----------
    abnormal : ndarray, shape (T,)
        As decimals, without gaps.
    n_estimation : int
        Returns that estimate parameters and the starting variance.
    name : {"ewma", "garch"}

    Raises
    ------
    ValueError
        If the name is none of the above, or the returns do not vary.
    """
    require_choice("name", name, VOLATILITY_MODELS)
    from arch.univariate import GARCH, EWMAVariance, ZeroMean

    # The optimizer works best on returns in percent, and on others of that size.
    deviation = float(np.std(abnormal[:n_estimation]))
    if not deviation > 0:
        raise ValueError("the abnormal returns of the estimation window do not vary")
    factor = 100.0 if 1e-3 < deviation < 0.3 else 1.0 / deviation
    scaled = factor * abnormal
    process = GARCH(p=1, q=1) if name == "garch" else EWMAVariance(DECAY)
    # At the default tolerance the digit at which the optimizer stops depends on the processor.
    fitted = ZeroMean(scaled[:n_estimation], volatility=process, rescale=False).fit(
        disp="off", show_warning=False, options={"ftol": 1e-13, "maxiter": 1000}
    )
    params = fitted.params.to_numpy(np.float64)
    omega, alpha, beta = params if name == "garch" else (0.0, 1 - DECAY, DECAY)
    variance = np.empty(len(scaled))
    variance[:n_estimation] = fitted.conditional_volatility**2
    for t in range(n_estimation, len(scaled)):
        variance[t] = omega + alpha * scaled[t - 1] ** 2 + beta * variance[t - 1]
    unit = factor**2
    return VolatilityModel(name, float(omega) / unit, float(alpha), float(beta), variance / unit)


def abnormal_volatility(
    abnormal: Floats, model: VolatilityModel, positions: Ints, sessions: int
) -> pd.DataFrame:
    """Standardize the abnormal returns of the sessions from each position on.

    Parameters
    ----------
    abnormal : ndarray, shape (T,)
    model : VolatilityModel
    positions : ndarray of int
        Of the first session; windows that run past the data give NaN.
    sessions : int
        Length of the window.

    Returns
    -------
    DataFrame
        ``standardized`` (SAR), ``ratio`` (event to predicted variance), one row per position.
    """
    rows = positions[:, None] + np.arange(sessions)
    inside = rows[:, -1] < len(abnormal)
    values = np.where(inside[:, None], abnormal[np.minimum(rows, len(abnormal) - 1)], np.nan)
    predicted = model.ahead(sessions)[positions].sum(axis=1)
    return pd.DataFrame(
        {
            "standardized": values.sum(axis=1) / np.sqrt(predicted),
            "ratio": (values**2).sum(axis=1) / predicted,
        }
    )


@remembered
def volatility_around_events(
    study: Study, return_sessions: int = 2, variance_sessions: int = 6
) -> pd.DataFrame:
    """Standardize abnormal returns of groups around policy events by predicted volatility.

    Events that hit every asset of a group: others are no news of its portfolio.

    Parameters
    ----------
    study : Study
    return_sessions : int
        Length of the window of the standardized return, from the event session on.
    variance_sessions : int
        Length of that of the variance ratio.

    Returns
    -------
    DataFrame
        ``group, event_session, event_id`` (the earliest announced), ``abnormal`` (sum over the
        first window), ``n_within`` (later policy sessions inside the second), then for each
        model ``<model>_standardized, <model>_p, <model>_ratio, <model>_ratio_p``; p-values are
        ranks among ordinary sessions (two-sided for the return, upper tail for the ratio),
        ``n_placebo`` their number. A group with fewer than 60 sessions before the first event
        window has no row.
    """
    rows = []
    for group in study.groups.drop_duplicates():
        aligned = study.alignment[study.alignment["ticker"].map(study.groups) == group]
        to_all = announcements_to_all(study, str(group))["event_id"]
        own = clusters(aligned[aligned["event_id"].isin(to_all)], study.groups)
        series, n_estimation = _abnormal_series(study, str(group))
        if n_estimation < LEAST_SESSIONS or own.empty:
            continue
        abnormal = series["abnormal"].to_numpy(np.float64)
        days = pd.DatetimeIndex(series["session"])
        known = own[own["event_session"].isin(days)]
        positions = days.get_indexer(pd.DatetimeIndex(known["event_session"]))
        longest = max(return_sessions, variance_sessions)
        placebo = _ordinary_positions(days, aligned["event_session"], longest)
        every = np.concatenate([positions, placebo])
        table = known[["event_session", "event_id"]].reset_index(drop=True)
        total = np.concatenate([abnormal, np.full(return_sessions, np.nan)])
        window = positions[:, None] + np.arange(return_sessions)
        table["abnormal"] = total[window].sum(axis=1)
        after = positions[None, :] - positions[:, None]
        table["n_within"] = ((after > 0) & (after < variance_sessions)).sum(axis=1)
        for name in VOLATILITY_MODELS:
            model = _fitted(study, str(group), name)
            shown = abnormal_volatility(abnormal, model, every, return_sessions)["standardized"]
            ratio = abnormal_volatility(abnormal, model, every, variance_sessions)["ratio"]
            n = len(positions)
            table[f"{name}_standardized"] = shown[:n]
            table[f"{name}_p"] = _rank(shown[:n].abs(), shown[n:].abs())
            table[f"{name}_ratio"] = ratio[:n]
            table[f"{name}_ratio_p"] = _rank(ratio[:n], ratio[n:])
        rows.append(table.assign(group=group, n_placebo=len(placebo)))
    columns = ["group", "event_session", "event_id", "abnormal", "n_within"]
    columns += [
        f"{name}_{part}"
        for name in VOLATILITY_MODELS
        for part in ("standardized", "p", "ratio", "ratio_p")
    ]
    columns.append("n_placebo")
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


@remembered
def volatility_paths(study: Study) -> pd.DataFrame:
    """Return every group's abnormal return beside its predicted standard deviation.

    Returns
    -------
    DataFrame
        ``group, session, abnormal, ewma, garch, estimation`` (the session estimates the models);
        all as decimals per session. A group with fewer than 60 sessions before the first event
        window has no row.
    """
    frames = []
    for group in study.groups.drop_duplicates():
        series, n_estimation = _abnormal_series(study, str(group))
        if n_estimation < LEAST_SESSIONS:
            continue
        path = series[["session", "abnormal"]].assign(group=group)
        for name in VOLATILITY_MODELS:
            path[name] = np.sqrt(_fitted(study, str(group), name).variance)
        frames.append(path.assign(estimation=np.arange(len(path)) < n_estimation))
    columns = ["group", "session", "abnormal", *VOLATILITY_MODELS, "estimation"]
    return (
        pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
    )


@remembered
def _fitted(study: Study, group: str, name: Literal["ewma", "garch"]) -> VolatilityModel:
    """Fit a model to the abnormal returns of a group."""
    series, n_estimation = _abnormal_series(study, group)
    return fit_volatility(series["abnormal"].to_numpy(np.float64), n_estimation, name)


def _abnormal_series(study: Study, group: str) -> tuple[pd.DataFrame, int]:
    """Residuals of a portfolio on its benchmarks, and how many precede the first event window."""
    aligned = study.alignment[study.alignment["ticker"].map(study.groups) == group]
    portfolio = portfolio_returns(study.returns, study.groups)
    tickers = study.groups.index[study.groups == group]
    factors = list(dict.fromkeys(name for ticker in tickers for name in study.benchmarks[ticker]))
    series = portfolio[portfolio["group"] == group].dropna(subset=["return", *factors])
    series = series.reset_index(drop=True)
    in_sample = aligned.loc[aligned["in_sample"], "event_session"]
    if in_sample.empty:
        return series, 0
    first = series["session"].searchsorted(in_sample.min())
    n_estimation = int(first) + min(study.event_window[0], 0)
    if n_estimation < LEAST_SESSIONS:
        return series, 0
    design = np.column_stack([np.ones(len(series)), series[factors].to_numpy(np.float64)])
    returns = series["return"].to_numpy(np.float64)
    used = np.arange(len(series)) < n_estimation
    if study.estimation.mask:
        used &= ~_near(pd.DatetimeIndex(series["session"]), aligned["event_session"], MASKED)
    coefficients = np.linalg.lstsq(design[used], returns[used])[0]
    abnormal = returns - design @ coefficients
    # A constant price has no volatility to predict; what is left of it is rounding.
    if np.std(abnormal[:n_estimation]) <= ROUNDING * np.abs(returns).max(initial=0.0):
        return series, 0
    return series.assign(abnormal=abnormal), n_estimation


def _ordinary_positions(days: pd.DatetimeIndex, eventful: pd.Series, sessions: int) -> Ints:
    """Positions whose window lies inside the data, apart from the sessions [0, 5] of all events."""
    near = _near(days, eventful, EVENTFUL)
    starts = np.arange(1, len(days) - sessions + 1)
    apart: Ints = starts[~near[starts[:, None] + np.arange(sessions)].any(axis=1)]
    return apart


def _near(days: pd.DatetimeIndex, events: pd.Series, sessions: int) -> Bools:
    """Which days are among the first so many sessions from any event session on."""
    near = np.zeros(len(days), dtype=bool)
    for position in days.searchsorted(pd.DatetimeIndex(events.unique())):
        near[position : position + sessions] = True
    return near


def _rank(actual: pd.Series, ordinary: pd.Series) -> Floats:
    reached = (ordinary.to_numpy()[None, :] >= actual.to_numpy()[:, None]).sum(axis=1)
    ranks = (1.0 + reached) / (1.0 + len(ordinary))
    return np.where(actual.isna(), np.nan, ranks)
