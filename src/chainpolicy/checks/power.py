"""The smallest effect that a test would have found."""

from __future__ import annotations

import pandas as pd

from chainpolicy.eventstudy import EventStudyResults
from chainpolicy.eventstudy.inference import critical_value
from chainpolicy.eventstudy.results import Window


def minimum_detectable_effect(
    results: EventStudyResults, window: Window = (0, 1), level: float = 0.05, power: float = 0.8
) -> pd.DataFrame:
    r"""Smallest true CAAR that a two-sided t test finds with a given probability.

    The noncentrality :math:`\delta` solves
    :math:`P(|T| > t_{1 - \alpha/2}) = \text{power}` for T noncentral t with the degrees of freedom
    of the portfolio; the effect is :math:`\delta` times the standard error of the CAAR.

    Parameters
    ----------
    results : EventStudyResults
    window : tuple of int
    level, power : float

    Returns
    -------
    DataFrame
        ``event_id, group, n_assets, minimum_detectable_effect``, in the return kind of the
        results.
    """
    table = results.caar(window)
    shift = {degrees: _noncentrality(degrees, level, power) for degrees in set(table["degrees"])}
    effect = table["std_error"] * table["degrees"].map(shift)
    return table[["event_id", "group", "n_assets"]].assign(minimum_detectable_effect=effect)


def _noncentrality(degrees: float, level: float, power: float) -> float:
    # No other check needs all of scipy.stats, which takes longer to import than to use.
    from scipy import optimize, stats

    critical = float(critical_value(level, degrees))

    def shortfall(shift: float) -> float:
        rejected = stats.nct.sf(critical, degrees, shift) + stats.nct.cdf(-critical, degrees, shift)
        return float(rejected) - power

    return float(optimize.brentq(shortfall, 0.0, critical + 5.0))
