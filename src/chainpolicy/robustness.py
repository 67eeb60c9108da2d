"""How far a result can be trusted: placebo sessions, detectable effects, multiple testing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests

from chainpolicy.eventstudy import EventStudyResults
from chainpolicy.eventstudy.results import Window


def rejection_rates(
    placebo: EventStudyResults, window: Window = (0, 1), level: float = 0.05
) -> pd.DataFrame:
    """Share of ordinary sessions on which a test of nominal size `level` rejects.

    Parameters
    ----------
    placebo : EventStudyResults
        Of `EventStudy.placebo` for the same window.
    window : tuple of int
    level : float

    Returns
    -------
    DataFrame
        ``group, test, n_sessions, rejection_rate``; sessions on which the test is undefined do
        not count, and a test that is undefined throughout has no row.
    """
    tests = placebo.tests(window).tidy().dropna(subset="p_value")
    tests = tests.assign(rejected=tests["p_value"] < level)
    counted = tests.groupby(["group", "test"])["rejected"].agg(["size", "mean"])
    return counted.set_axis(["n_sessions", "rejection_rate"], axis=1).reset_index()


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
    critical = stats.t.isf(level / 2, degrees)

    def shortfall(shift: float) -> float:
        rejected = stats.nct.sf(critical, degrees, shift) + stats.nct.cdf(-critical, degrees, shift)
        return float(rejected) - power

    return float(optimize.brentq(shortfall, 0.0, critical + 5.0))


def placebo_p_values(
    results: EventStudyResults, placebo: EventStudyResults, window: Window = (0, 1)
) -> pd.DataFrame:
    r"""Rank of each event's studentized CAAR among the ordinary sessions of its group.

    .. math:: p = \frac{1 + \#\{|t_{placebo}| \ge |t|\}}{1 + \#placebo}.

    Assumes that sessions are exchangeable.

    Parameters
    ----------
    results, placebo : EventStudyResults
        Of `EventStudy.fit` and of `EventStudy.placebo` for the same window.
    window : tuple of int

    Returns
    -------
    DataFrame
        ``event_id, group, studentized_caar, n_placebo, p_placebo, smallest_p``; the last is the
        smallest p-value that so many placebo sessions can give.
    """
    actual = _studentized(results, window)
    ordinary = {
        group: np.sort(values.to_numpy())
        for group, values in _studentized(placebo, window)
        .set_index("group")["studentized_caar"]
        .abs()
        .groupby("group")
    }
    rows = []
    for event_id, group, value in actual.itertuples(index=False):
        reference = ordinary.get(group, np.array([]))
        beyond = len(reference) - np.searchsorted(reference, abs(value), side="left")
        total = 1 + len(reference)
        rows.append((event_id, group, value, len(reference), (1 + beyond) / total, 1 / total))
    columns = ["event_id", "group", "studentized_caar", "n_placebo", "p_placebo", "smallest_p"]
    return pd.DataFrame(rows, columns=columns)


def _studentized(results: EventStudyResults, window: Window) -> pd.DataFrame:
    table = results.caar(window)
    table["studentized_caar"] = table["caar"] / table["std_error"]
    return table[["event_id", "group", "studentized_caar"]]


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
