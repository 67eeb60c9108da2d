"""Whether one portfolio responded more than another."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.inference import Outcome, critical_value, two_sided_p_value
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study

LEVEL = 0.05


def portfolio_difference(
    study: Study,
    first: Collection[str],
    second: Collection[str],
    windows: Sequence[Window],
    model: str | None = None,
) -> pd.DataFrame:
    r"""Difference of two portfolios' responses to the headline event, with its own portfolio t.

    .. math:: D = CAAR_1 - CAAR_2, \qquad
              se = s_D \sqrt{\operatorname{mean}_i \frac{1'V_i1}{s_i^2}}, \qquad
              s_D^2 = \frac{\sum_{est} (AAR_{1t} - AAR_{2t})^2}{T_e - p},

    :math:`D / se \sim t(T_e - p)`, :math:`T_e` the estimation sessions on which both portfolios
    have a residual, p the largest number of parameters. What moves both portfolios cancels. An
    asset without a CAR over the window is in neither mean and in no residual.

    Parameters
    ----------
    study : Study
    first, second : collection of str
        Tickers on one calendar.
    windows : sequence of tuple of int
        Both ends inclusive, inside the event window.
    model : str, optional
        Replaces the study's own.

    Returns
    -------
    DataFrame
        ``model, window, first, second, degrees, mean, lower, upper, t_stat, p_value``, one row per
        window, in the return kind of the study; `mean` is D, the interval covers 95 %.

    Raises
    ------
    ValueError
        If a ticker is no estimated asset of the study.
    """
    if unknown := sorted({*first, *second} - set(study.groups.index)):
        raise ValueError(
            f"there is no estimated asset {', '.join(unknown)}; expected tickers of assets.csv "
            "outside the group benchmark"
        )
    results = study.estimate(model)
    event_id = study.headline_event
    # Each of these is made when it is asked for, of all events.
    residuals, coefficients, models = (
        table[table["event_id"] == event_id]
        for table in (results.residuals, results.coefficients, results.models)
    )
    by_ticker = residuals.pivot_table(index="session", columns="ticker", values="residual")
    parameters = coefficients.groupby("ticker").size()
    sigma = models.set_index("ticker")["sigma"]
    rows = []
    for window in windows:
        car = results.car(window)
        car = car[car["event_id"] == event_id].dropna(subset="car").set_index("ticker")
        sides = [[ticker for ticker in side if ticker in car.index] for side in (first, second)]
        both = sides[0] + sides[1]
        aar = [by_ticker[side].mean(axis=1) for side in sides]
        apart = (aar[0] - aar[1]).dropna()
        # A market-adjusted return has no parameter.
        estimated = parameters.reindex(both).fillna(0).max()
        degrees = len(apart) - int(estimated) if len(apart) else 0
        multiplier = ((car["std_error"] / sigma).reindex(both) ** 2).mean()
        error = float(np.sqrt((apart**2).sum() / (degrees or np.nan) * multiplier))
        means = [float(car["car"].reindex(side).mean()) for side in sides]
        difference = means[0] - means[1]
        # Of a portfolio against itself nothing is known.
        t_stat = difference / (error or np.nan)
        half = float(critical_value(LEVEL, degrees)) * error
        rows.append(
            {
                "model": results.model.name,
                "window": window_label(window),
                "first": means[0],
                "second": means[1],
                "degrees": degrees,
                "mean": difference,
                "lower": difference - half,
                "upper": difference + half,
                "t_stat": t_stat,
                "p_value": float(two_sided_p_value(Outcome(np.array(t_stat), degrees))),
            }
        )
    return pd.DataFrame(rows)
