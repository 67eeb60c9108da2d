"""What a group's response owes to single assets."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.inference import Outcome, critical_value, two_sided_p_value
from chainpolicy.eventstudy.panel import Floats
from chainpolicy.eventstudy.results import Window


def leave_one_out(
    results: EventStudyResults, event_id: str, window: Window = (0, 1), level: float = 0.05
) -> pd.DataFrame:
    r"""CAAR of each group without each of its assets, with the portfolio t of the others.

    .. math:: CAAR_{(-i)} = \frac{1}{N - 1} \sum_{j \ne i} CAR_j

    and standard error and degrees of freedom as in `EventStudyResults.caar`, from the residuals of
    the others.

    Parameters
    ----------
    results : EventStudyResults
        Assets of a group with the same event session.
    event_id : str
    window : tuple of int
        Both ends inclusive, inside the event window.
    level : float
        One minus the coverage of the interval.

    Returns
    -------
    DataFrame
        ``group, ticker`` (left out), ``window, n_assets`` (left), ``caar, std_error, degrees,
        lower, upper, p_value``, in the return kind of the results; a group with one CAR has no row.
    """
    of_event = results.of_event(event_id)
    pairs = of_event.pairs
    car = of_event.car(window).merge(pairs[["ticker", "group"]], on="ticker")
    car = car.merge(of_event.models[["ticker", "sigma"]], on="ticker")
    wide = of_event.residuals.pivot_table(index="session", columns="ticker", values="residual")
    benchmarks = pairs.set_index("ticker")["benchmarks"]
    estimated = benchmarks.map(len).map(results.model.n_parameters)
    frames = []
    for group, rows in car.groupby("group"):
        if len(rows) < 2:
            continue
        errors = wide[rows["ticker"]].to_numpy(np.float64)
        parameters = estimated[rows["ticker"]].to_numpy(np.int64)
        variance, degrees = _portfolio_without(errors, parameters)
        multiplier = _mean_without((rows["std_error"] / rows["sigma"]).to_numpy() ** 2)
        caar = _mean_without(rows["car"].to_numpy(np.float64))
        error = np.sqrt(variance * multiplier)
        half = critical_value(level, degrees) * error
        frames.append(
            pd.DataFrame(
                {
                    "group": group,
                    "ticker": rows["ticker"].to_numpy(),
                    "window": window_label(window),
                    "n_assets": len(rows) - 1,
                    "caar": caar,
                    "std_error": error,
                    "degrees": degrees,
                    "lower": caar - half,
                    "upper": caar + half,
                    "p_value": two_sided_p_value(Outcome(caar / error, degrees)),
                }
            )
        )
    columns = ["group", "ticker", "window", "n_assets", "caar", "std_error", "degrees"]
    columns += ["lower", "upper", "p_value"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _mean_without(values: Floats) -> Floats:
    """Mean of all values but one, for each."""
    means: Floats = (values.sum() - values) / (len(values) - 1)
    return means


def _portfolio_without(errors: Floats, parameters: np.ndarray) -> tuple[Floats, Floats]:
    """Residual variance and degrees of freedom of the mean of all columns but one, for each."""
    present = np.isfinite(errors)
    total = np.nansum(errors, axis=1, keepdims=True) - np.where(present, errors, 0.0)
    count = present.sum(axis=1, keepdims=True) - present
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    largest = np.array(
        [np.delete(parameters, i).max() for i in range(len(parameters))], dtype=np.float64
    )
    degrees: Floats = (count > 0).sum(axis=0) - largest
    variance: Floats = (mean**2).sum(axis=0) / degrees
    return variance, degrees
