"""Residuals of the estimation windows -> what says whether the normal model fits."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainpolicy.eventstudy.results import EventStudyResults


def residual_autocorrelation(results: EventStudyResults, event_id: str) -> pd.DataFrame:
    r"""Return the first-order autocorrelation of every asset's residuals before an event.

    Parameters
    ----------
    results : EventStudyResults
    event_id : str

    Returns
    -------
    DataFrame
        ``ticker, n_estimation, autocorrelation, bound``: the correlation of neighbouring
        residuals, and :math:`1.96 / \sqrt{M}`, which white noise exceeds in magnitude once in
        twenty times.

    Raises
    ------
    KeyError
        If no asset was estimated at the event.
    ValueError
        If an asset has several dates under the event: its residuals are not told apart.

    Examples
    --------
    See `EventStudy`.
    """
    from scipy import special

    of_event = _of_event(results, event_id)
    residuals = of_event.residuals.sort_values(["ticker", "session"])
    found = residuals.groupby("ticker")["residual"].apply(lambda of_one: of_one.autocorr(1))
    table = of_event.models[["ticker", "n_estimation"]]
    return table.assign(
        autocorrelation=table["ticker"].map(found).astype(np.float64),
        bound=special.ndtri(0.975) / np.sqrt(table["n_estimation"]),
    )


def residual_quantiles(
    results: EventStudyResults, event_id: str, probabilities: ArrayLike
) -> pd.DataFrame:
    """Compare the residuals of groups before an event, each over its sigma, with N(0, 1).

    Parameters
    ----------
    results : EventStudyResults
    event_id : str
    probabilities : array_like
        Between 0 and 1.

    Returns
    -------
    DataFrame
        ``group, probability, normal, residual``: quantiles of N(0, 1) and of the residuals.

    Raises
    ------
    KeyError, ValueError
        As `residual_autocorrelation`.

    Examples
    --------
    See `EventStudy`.
    """
    from scipy import special

    share = np.atleast_1d(np.asarray(probabilities, dtype=np.float64))
    of_event = _of_event(results, event_id)
    residuals = of_event.residuals
    sigma = of_event.models.set_index("ticker")["sigma"]
    group_of = of_event.pairs.set_index("ticker")["group"]
    standardized = residuals["residual"] / residuals["ticker"].map(sigma)
    of_group = standardized.groupby(residuals["ticker"].map(group_of), sort=False)
    quantiles = {str(group): values.quantile(share).to_numpy() for group, values in of_group}
    return pd.DataFrame(
        {
            "group": np.repeat(np.array(list(quantiles), dtype=object), len(share)),
            "probability": np.tile(share, len(quantiles)),
            "normal": np.tile(special.ndtri(share), len(quantiles)),
            "residual": np.concatenate([np.empty(0), *quantiles.values()]),
        }
    )


def _of_event(results: EventStudyResults, event_id: str) -> EventStudyResults:
    """Results of an event with one date for each asset."""
    of_event = results.of_event(event_id)
    tickers = of_event.pairs["ticker"]
    if tickers.empty:
        raise KeyError(f"no asset was estimated at {event_id}")
    repeated = tickers[tickers.duplicated()]
    if len(repeated):
        raise ValueError(
            f"{repeated.iloc[0]} has several dates under {event_id}, whose residuals are not told "
            "apart; give each date its own event_id"
        )
    return of_event
