r"""Pooled responses in units of the volatility of their day.

Over years in which volatility changes several times over, an estimation window of months lags
behind it. Here a CAAR is divided by what an exponentially weighted average of past squared returns
(EWMA, `volatility.DECAY`) or a GARCH(1,1) predicts for the window from the day before it,

.. math:: z_c = \frac{CAAR_c}{\big( \sum_{\tau \in W} \sigma^2_{\tau | \tau_1 - 1} \big)^{1/2}} ,

for event sessions and ordinary ones alike, so that all of `checks.pooled` applies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from chainpolicy.checks import Clusters
from chainpolicy.estimators.volatility import LEAST_SESSIONS, fit_volatility
from chainpolicy.study import Study
from chainpolicy.study.remember import remembered
from chainpolicy.study.returns import portfolio_returns


@remembered
def in_volatility(
    study: Study, clusters: Clusters, name: Literal["ewma", "garch"] = "ewma"
) -> Clusters:
    """Standardize responses by predicted volatility.

    The parameters of the GARCH are those of all sessions of the group, and so look ahead; given
    them the variance of a day, like that of EWMA, comes from the days before it.

    Parameters
    ----------
    study : Study
    clusters : Clusters
        Of this study.
    name : {"ewma", "garch"}

    Returns
    -------
    Clusters
        With z for `scaar`; NaN among the first 60 sessions.

    Raises
    ------
    ValueError
        If the group's normal return is no constant mean, its returns have gaps, or an announcement
        hits only some of its assets, which have another volatility.
    """
    tickers = study.groups.index[study.groups == clusters.group]
    if any(study.benchmarks[ticker] for ticker in tickers) and study.model != "constant_mean":
        raise ValueError(f"the normal return of {clusters.group} is no constant mean")
    if not clusters.whole.all():
        raise ValueError(f"some announcements hit only some assets of {clusters.group}")
    portfolio = portfolio_returns(study.returns, study.groups)
    returns = portfolio[portfolio["group"] == clusters.group].set_index("session")["return"]
    known = returns.reindex(clusters.calendar).dropna()
    start = int(clusters.calendar.searchsorted(known.index[0]))
    if len(known) != len(clusters.calendar) - start:
        raise ValueError(f"the returns of {clusters.group} have gaps")
    length = clusters.window[1] - clusters.window[0] + 1
    model = fit_volatility(known.to_numpy(np.float64), len(known), name)
    ahead = np.full(len(clusters.calendar), np.nan)
    ahead[start:] = np.sqrt(model.ahead(length).sum(axis=1))
    ahead[start : start + LEAST_SESSIONS] = np.nan
    # The window of a session begins tau_1 sessions from it.
    predicted = pd.Series(ahead).shift(-clusters.window[0]).to_numpy()
    return replace(
        clusters,
        scaar=clusters.caar / predicted[clusters.position],
        ordinary_scaar=clusters.ordinary_caar / predicted,
    )
