"""Corrections for looking at many results."""

from __future__ import annotations

import numpy as np
import pandas as pd


def within_reach(smallest_p: float, tests: int, level: float = 0.05) -> bool:
    """Say whether a p-value that cannot be smaller could pass Holm's correction.

    Parameters
    ----------
    smallest_p : float
        The smallest that a randomization can give.
    tests : int
        Size of the family.
    level : float

    Examples
    --------
    >>> within_reach(1 / 200, 60), within_reach(1 / 2000, 60)
    (False, True)
    """
    return smallest_p * tests < level


def adjust_for_multiple_testing(p_values: pd.Series[float]) -> pd.DataFrame:
    """Holm and Benjamini-Hochberg p-values of one family of tests.

    Parameters
    ----------
    p_values : Series
        One per hypothesis; a family is one test over groups and distinct event clusters of one
        window. NaN is no hypothesis and stays NaN.

    Returns
    -------
    DataFrame
        ``holm, benjamini_hochberg``, same index.
    """
    from scipy.stats import false_discovery_control

    tested = p_values.notna().to_numpy()
    values = p_values.to_numpy(np.float64)[tested]
    order = np.argsort(values, kind="stable")
    # The smallest of m p-values times m, the next times m - 1, and none less than one before it.
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    holm, benjamini_hochberg = np.full((2, len(tested)), np.nan)
    holm[np.flatnonzero(tested)[order]] = np.minimum(stepped, 1.0)
    benjamini_hochberg[tested] = false_discovery_control(values)
    return pd.DataFrame(
        {"holm": holm, "benjamini_hochberg": benjamini_hochberg}, index=p_values.index
    )
