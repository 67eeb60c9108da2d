"""Mean responses of a single asset to announcements of one stance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.estimators.clusters import policy_clusters
from chainpolicy.eventstudy.inference import Outcome, critical_value, two_sided_p_value
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study


def mean_response_by_stance(
    study: Study, group: str, window: Window = (0, 1), level: float = 0.05
) -> pd.DataFrame:
    r"""Compare a single asset's responses to restrictive and to supportive policy.

    The stance of a session of several events is that of `policy_clusters`. A mean of K CARs is a
    weighted sum of abnormal returns, :math:`w_t` the share of the K windows that hold session t,
    so that a session in two windows is not two observations; under a constant mean its variance is

    .. math:: s^2 \left( \sum_t w_t^2 + \frac{(\sum_t w_t)^2}{M} \right), \qquad t(M - 1).

    Parameters
    ----------
    study : Study
    group : str
        Of one asset.
    window : tuple of int
        Both ends inclusive.
    level : float
        The interval covers ``1 - level``.

    Returns
    -------
    DataFrame
        Indexed by "restrictive", "supportive", "apart" (supportive, in windows that do not
        overlap that of the headline event) and "difference" (supportive less restrictive):
        ``days`` (with a CAR), ``negative, mean_car, lower, upper, t_stat, p_value``, NaN where no
        day is left.

    Raises
    ------
    ValueError
        If the group has several assets, its normal return is no constant mean, the headline event
        has no estimate there, or days have estimates from different windows: then no return is
        abnormal in one sense.
    """
    tickers = study.groups.index[study.groups == group]
    if len(tickers) != 1:
        raise ValueError(f"{group} has {len(tickers)} assets, not one")
    results = study.results
    models = results.models.set_index(["event_id", "ticker"])
    if (study.headline_event, tickers[0]) not in models.index:
        raise ValueError(f"{tickers[0]} has no estimate for {study.headline_event}")
    model = models.loc[(study.headline_event, tickers[0])]
    if model["model"] != "constant_mean":
        raise ValueError(f"the normal return of {group} is {model['model']}, no constant mean")
    own = models.xs(tickers[0], level="ticker")[["n_estimation", "alpha", "sigma"]]
    if len(own.drop_duplicates()) > 1:
        raise ValueError(
            f"the normal return of {group} is estimated anew for every event; a mean over days that"
            " share sessions needs one estimation window for all: set estimation.end in study.toml"
        )
    merged = policy_clusters(study)
    cars = results.car(window).query("ticker == @tickers[0]").dropna(subset="car")
    merged = merged[(merged["group"] == group) & merged["event_id"].isin(cars["event_id"])]
    stance = dict(zip(merged["event_id"], merged["stance"], strict=True))

    abnormal = results.abnormal_returns.query("ticker == @tickers[0]")
    series = abnormal.drop_duplicates("session").set_index("session")["abnormal"].sort_index()
    inside = abnormal[abnormal["tau"].between(*window)].dropna(subset="abnormal").assign(held=1.0)
    held = inside.pivot_table(index="session", columns="event_id", values="held")
    held = held.reindex(series.index).fillna(0.0)
    lead = inside.loc[inside["event_id"] == study.headline_event, "session"]
    overlaps = held.loc[lead].any()

    chosen = {
        name: [str(event_id) for event_id, value in stance.items() if value == sign]
        for name, sign in (("restrictive", -1), ("supportive", 1))
    }
    chosen["apart"] = [event_id for event_id in chosen["supportive"] if not overlaps[event_id]]
    # Of no day the mean is blank, not zero.
    weights = {
        name: held[event_ids].sum(axis=1) / (len(event_ids) or np.nan)
        for name, event_ids in chosen.items()
    }
    chosen["difference"] = chosen["supportive"] + chosen["restrictive"]
    weights["difference"] = weights["supportive"] - weights["restrictive"]

    of_event = cars.set_index("event_id")["car"]
    degrees = int(model["n_estimation"]) - 1
    rows = {}
    for name, weight in weights.items():
        mean = float((weight * series.fillna(0.0)).sum(skipna=False))
        total = weight.sum(skipna=False)
        variance = (weight**2).sum() + total**2 / model["n_estimation"]
        error = model["sigma"] * np.sqrt(variance)
        half = float(critical_value(level, degrees)) * error
        rows[name] = {
            "days": len(chosen[name]),
            "negative": int((of_event[chosen[name]] < 0).sum()),
            "mean_car": mean,
            "lower": mean - half,
            "upper": mean + half,
            "t_stat": mean / error,
            "p_value": float(two_sided_p_value(Outcome(np.array(mean / error), degrees))),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
