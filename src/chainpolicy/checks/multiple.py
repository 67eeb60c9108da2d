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
    # statsmodels takes a second to import: who corrects nothing does not wait for it.
    from statsmodels.stats.multitest import multipletests

    tested = p_values.dropna()
    adjusted = pd.DataFrame(
        {"holm": np.nan, "benjamini_hochberg": np.nan}, index=p_values.index, dtype=np.float64
    )
    if len(tested):
        for name, method in (("holm", "holm"), ("benjamini_hochberg", "fdr_bh")):
            adjusted.loc[tested.index, name] = multipletests(tested, method=method)[1]
    return adjusted
