"""The smallest effect that a test would have found."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import EventStudyResults
from chainpolicy.eventstudy.inference import critical_value, require_level
from chainpolicy.eventstudy.results import Window


def minimum_detectable_effect(
    results: EventStudyResults, window: Window = (0, 1), level: float = 0.05, power: float = 0.8
) -> pd.DataFrame:
    r"""Smallest true CAAR that a two-sided t test finds with a given probability.

    The noncentrality :math:`\delta` solves
    :math:`P(|T| > t_{1 - \alpha/2}) = \text{power}` for T noncentral t with the degrees of freedom
    of the portfolio; the effect is :math:`\delta` times the standard error of the CAAR, that of
    `EventStudyResults.caar`. It comes from the estimation window: the returns of the event have no
    part in it but for the benchmarks, which move the error of estimation, and a variance that the
    event raises is not in it.

    Parameters
    ----------
    results : EventStudyResults
    window : tuple of int
        Both ends inclusive, inside the event window.
    level : float
        Nominal size of the test, strictly between 0 and 1.
    power : float
        Probability of a rejection, above the level and below 1.

    Returns
    -------
    DataFrame
        ``event_id, group, n_assets, minimum_detectable_effect``, over the assets with a CAR in the
        window; in the return kind of the results.

    Raises
    ------
    ValueError
        If the level or the power is out of its range, or the window does not lie inside the event
        window.
    """
    require_level(level)
    if not level < power < 1:
        raise ValueError(
            f"power = {power} must lie between the level, {level}, and 1: without any effect the "
            "test rejects as often as its level"
        )
    table = results.caar(window)
    shift = {degrees: _noncentrality(degrees, level, power) for degrees in set(table["degrees"])}
    effect = table["std_error"] * table["degrees"].map(shift)
    return table[["event_id", "group", "n_assets"]].assign(minimum_detectable_effect=effect)


@cache
def _noncentrality(degrees: float, level: float, power: float) -> float:
    # All of scipy.stats would take a second to import.
    from scipy import optimize, special

    critical = float(critical_value(level, degrees))

    def shortfall(shift: float) -> float:
        # P(T < -t) at a shift is P(T > t) at its negative.
        beyond, opposite = 1.0 - special.nctdtr(degrees, [shift, -shift], critical)
        # So far in the tail that scipy has no number for it.
        return float(beyond + np.nan_to_num(opposite)) - power

    most = critical
    while shortfall(most) < 0:
        most *= 2
    return float(optimize.brentq(shortfall, 0.0, most))
