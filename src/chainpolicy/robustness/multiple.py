"""Corrections for looking at many results."""

from __future__ import annotations

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests


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
    tested = p_values.dropna()
    adjusted = pd.DataFrame(
        {"holm": np.nan, "benjamini_hochberg": np.nan}, index=p_values.index, dtype=np.float64
    )
    if len(tested):
        for name, method in (("holm", "holm"), ("benjamini_hochberg", "fdr_bh")):
            adjusted.loc[tested.index, name] = multipletests(tested, method=method)[1]
    return adjusted
