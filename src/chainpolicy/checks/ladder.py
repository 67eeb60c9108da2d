r"""The same response by one yardstick after another, and the rule that chooses among them.

A rung is what the returns of a group are compared with: their own mean, an index, all indices, the
equal-weighted market of the donors, index and equal-weighted market, factors of the donors,
synthetic matches. The rule: the rung that forecasts the group best where nothing happened, by the
root mean squared leave-one-session-out error of the group's mean abnormal return,

.. math:: \sqrt{\frac1T \sum_t \Big( \frac1{N_t} \sum_i e_{it,-t} \Big)^2} ,

with :math:`e_{it,-t}` the error of asset i on session t of the estimation window by a fit to the
other sessions. The event has no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from chainpolicy.checks.ordinary import placebo_p_values
from chainpolicy.eventstudy import (
    ConstantMean,
    EventStudy,
    EventStudyResults,
    FactorCounterfactual,
    MarketAdjusted,
    MarketModel,
    NormalReturnModel,
    SyntheticMatching,
    donor_weights,
    matched_effect,
)
from chainpolicy.eventstudy.inference import Outcome, two_sided_p_value
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.assets import BENCHMARK
from chainpolicy.study.donors import Donors
from chainpolicy.study.remember import remembered
from chainpolicy.typeset.numbers import counted

# The number of factors is looked for up to this one.
MOST_FACTORS = 8
# Rungs with the equal-weighted market, and what they are called where there is one name for all.
SIZE_RUNGS = {"equal_weighted": "equal-weighted", "size": "index + equal-weighted"}


@dataclass(frozen=True)
class Rung:
    """One yardstick for the assets of a group.

    Attributes
    ----------
    name : str
        ``constant_mean``, ``index``, ``indices``, ``equal_weighted``, ``size``, ``factors`` or
        ``synthetic``.
    title : str
        As in tables and figures.
    model : NormalReturnModel
    benchmarks : tuple of (str, tuple of str)
        Ticker and its benchmarks, portfolios of donors among them.
    """

    name: str
    title: str
    model: NormalReturnModel
    benchmarks: tuple[tuple[str, tuple[str, ...]], ...]


def rungs(study: Study, group: str, event_id: str) -> list[Rung]:
    """List the rungs that a group has, from the simplest on.

    Factors, synthetic matches and the equal-weighted market need donors on the calendar of the
    group's assets, an index needs a benchmark, the indices a second one. The equal-weighted market
    is no donor of factors and matches; returns of donors are turned into the kind of the study.

    Parameters
    ----------
    study : Study
    group : str
    event_id : str
        The number of factors, 1 to 8, is the one that forecasts best in this event's estimation
        window, by the rule of the module; 1 if the event is not estimated for the group. Ordinary
        sessions and the conformal p-value keep it.

    Returns
    -------
    list of Rung
    """
    members = [str(ticker) for ticker in study.groups.index[study.groups == group]]
    own = {ticker: study.benchmarks[ticker] for ticker in members}
    index = {ticker: names[:1] for ticker, names in own.items()}
    most = max(len(names) for names in own.values())
    first = _names(study, index)
    found = [_rung("constant_mean", "constant mean", ConstantMean(), dict.fromkeys(members, ()))]
    if most:
        found.append(_rung("index", first, MarketModel(), index))
    if most > 1:
        found.append(_rung("indices", _names(study, own), MarketModel(), own))
    donors = _donors_of(study, members)
    if donors is None:
        return found
    found += size_rungs(study, group)
    portfolios = dict.fromkeys(members, donors.portfolios)
    by_number = [
        _rung("factors", _counted(number), FactorCounterfactual(number), portfolios)
        for number in range(1, min(MOST_FACTORS, len(donors.portfolios)) + 1)
    ]
    found.append(min(by_number, key=lambda rung: _error(study, rung, event_id)))
    found.append(_rung("synthetic", SyntheticMatching.title, SyntheticMatching(), portfolios))
    return found


def size_rungs(study: Study, group: str) -> list[Rung]:
    """List the rungs that hold the equal-weighted market: alone, and beside the index.

    Returns
    -------
    list of Rung
        Empty without donors on the calendar of the group's assets.
    """
    members = [str(ticker) for ticker in study.groups.index[study.groups == group]]
    donors = _donors_of(study, members)
    if donors is None:
        return []
    market = dict.fromkeys(members, (donors.market,))
    found = [_rung("equal_weighted", SIZE_RUNGS["equal_weighted"], MarketModel(), market)]
    index = {ticker: study.benchmarks[ticker][:1] for ticker in members}
    if any(index.values()):
        both = {ticker: (*names, donors.market) for ticker, names in index.items()}
        title = f"{_names(study, index)} + equal-weighted"
        found.append(_rung("size", title, MarketModel(), both))
    return found


@remembered
def rung_study(
    study: Study, rung: Rung, event_id: str | None, kind: Literal["log", "simple"] | None = None
) -> EventStudy:
    """Set up the event study of one event, or of all, and one group on one rung.

    Parameters
    ----------
    study : Study
    rung : Rung
        Of the group.
    event_id : str or None
        None: all events of the sample.
    kind : {"log", "simple"}, optional
        Of the returns of a group with donors; default that of the study.

    Returns
    -------
    EventStudy
        With the study's own windows; the other events are masked as they are there.
    """
    on_rung = copy(
        _on_benchmarks(study, rung.benchmarks, event_id, study.kind if kind is None else kind)
    )
    on_rung.model = rung.model
    return on_rung


@remembered
def _on_benchmarks(
    study: Study,
    benchmarks: tuple[tuple[str, tuple[str, ...]], ...],
    event_id: str | None,
    kind: Literal["log", "simple"],
) -> EventStudy:
    """Lay out the panel that rungs with the same benchmarks share."""
    tickers = [ticker for ticker, _ in benchmarks]
    returns = study.returns
    if _donors_of(study, tickers) is not None:
        returns = _returns_with_donors(study, kind)
    used = dict.fromkeys(name for _, names in benchmarks for name in names)
    columns = ["ticker", "session", "return", "n_sessions", "at_limit", *used]
    alignment = study.alignment if event_id is None else alone_in_sample(study, event_id)
    return EventStudy(
        returns.loc[returns["ticker"].isin(tickers), columns],
        alignment[alignment["ticker"].isin(tickers)],
        groups=study.groups[tickers],
        benchmarks=dict(benchmarks),
        estimation=study.estimation,
        event_window=study.event_window,
    )


def alone_in_sample(study: Study, event_id: str) -> pd.DataFrame:
    """Take all events but one out of the sample, where that moves no estimation window.

    Returns
    -------
    DataFrame
        The study's `alignment`; the sessions of the other events stay masked.
    """
    alignment = study.alignment
    if study.estimation.anchor == "event" or study.estimation.end is not None:
        alignment = alignment.assign(
            in_sample=alignment["in_sample"] & (alignment["event_id"] == event_id)
        )
    return alignment


def rung_errors(study: Study, event_id: str | None = None) -> pd.DataFrame:
    """Leave-one-session-out errors of every rung, and the rung that the rule chooses.

    Parameters
    ----------
    study : Study
    event_id : str, optional
        Whose estimation window; default the study's `headline_event`.

    Returns
    -------
    DataFrame
        ``group, rung, title, n_assets, n_sessions, error`` (of the group's mean, in the return
        kind of the study), ``asset_error`` (root mean square over its assets and sessions) and
        ``chosen`` (the smallest `error` of the group). A group for which the event is not
        estimated has no row.
    """
    event = study.headline_event if event_id is None else event_id
    rows = []
    for group in study.groups.drop_duplicates():
        for rung in rungs(study, group, event):
            errors = _forecast_errors(study, rung, event)
            if len(errors):
                rows.append(
                    (
                        *(group, rung.name, rung.title, errors["ticker"].nunique()),
                        *(errors["session"].nunique(), _error(study, rung, event)),
                        np.sqrt((errors["error"] ** 2).mean()),
                    )
                )
    columns = ["group", "rung", "title", "n_assets", "n_sessions", "error", "asset_error"]
    table = pd.DataFrame(rows, columns=columns)
    best = table.groupby("group")["error"].transform("min")
    return table.assign(chosen=table["error"] == best)


@remembered
def rung_of_rule(study: Study, group: str) -> Rung | None:
    """Return the rung that the rule chooses for a group, in the headline event's window.

    Returns
    -------
    Rung or None
        None where the headline event is not estimated for the group.
    """
    event = study.headline_event
    found = rungs(study, group, event)
    judged = [rung for rung in found if len(_forecast_errors(study, rung, event))]
    return min(judged, key=lambda rung: _error(study, rung, event), default=None)


@remembered
def results_of_rule(study: Study, group: str) -> EventStudyResults | None:
    """Estimate all events of a group on the rung that the rule chooses.

    Returns
    -------
    EventStudyResults or None
        None where the rule has nothing to choose by.
    """
    rung = rung_of_rule(study, group)
    return None if rung is None else rung_study(study, rung, None).fit()


@remembered
def study_of_rule(study: Study) -> Study:
    r"""Put what the rule chooses for each group in place of its benchmarks.

    A regression of all events wants one set of benchmarks for the assets of a group, which a
    mixture of donors for each asset is not. A group that is measured against its own mean gets no
    benchmark; any other gets one, what its rung predicts of the mean of its N assets,

    .. math:: \frac1N \sum_i \big( \hat\alpha_i + \hat\beta_i' F_t \big) ,

    with the coefficients of the headline event, and is adjusted by it. Its mean abnormal returns
    are those of `results_of_rule`, those of single assets are not; the error of the coefficients
    is in no variance.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Study
        Its model is "market_adjusted".
    """
    assets = study.assets.copy()
    benchmarks = dict(study.benchmarks)
    prices, added = [study.prices], []
    for group in study.groups.drop_duplicates():
        members = [str(ticker) for ticker in study.groups.index[study.groups == group]]
        rung = rung_of_rule(study, group)
        if rung is None:
            continue
        names: tuple[str, ...] = ()
        if rung.name != "constant_mean":
            names = (f"{rung.title} ({group})",)
            level = _predicted_level(study, rung, group)
            closes = level.rename("close").rename_axis("date").reset_index()
            prices.append(closes.assign(ticker=names[0]))
            calendar = assets.loc[assets["ticker"] == members[0], "calendar"].iloc[0]
            added.append(
                dict.fromkeys(assets, "")
                | {"ticker": names[0], "name": names[0], "group": BENCHMARK}
                | {"calendar": calendar, "benchmark": ()}
            )
        benchmarks |= dict.fromkeys(members, names)
    assets["benchmark"] = [
        benchmarks.get(ticker, old)
        for ticker, old in zip(assets["ticker"], assets["benchmark"], strict=True)
    ]
    assets = pd.concat([assets, pd.DataFrame(added)], ignore_index=True)
    other = study.with_prices(pd.concat(prices, ignore_index=True), assets)
    return replace(other, model=MarketAdjusted.name)


def _predicted_level(study: Study, rung: Rung, group: str) -> pd.Series:
    """Cumulate what a rung predicts of a group's mean, 100 on the first session."""
    results = results_of_rule(study, group)
    if results is None:
        raise ValueError(f"the rule has nothing to choose by for {group}")
    terms = (
        donor_weights(results).rename(columns={"donor": "term", "weight": "estimate"})
        if isinstance(rung.model, SyntheticMatching)
        else results.coefficients
    )
    terms = terms[terms["event_id"] == study.headline_event]
    mean = terms.groupby("term")["estimate"].sum() / terms["ticker"].nunique()
    tickers = [ticker for ticker, _ in rung.benchmarks]
    returns = study.returns
    if _donors_of(study, tickers) is not None:
        returns = _returns_with_donors(study, study.kind)
    of_group = returns[returns["ticker"].isin(tickers)]
    names = [name for name in mean.index if name != "alpha"]
    factors = of_group.groupby("session")[names].first()
    predicted = (factors @ mean[names] + mean.get("alpha", 0.0)).fillna(0.0)
    growth = np.exp(predicted) if study.kind == "log" else 1.0 + predicted
    level: pd.Series = 100.0 * growth.cumprod()
    return level


@remembered
def placebo_of_rule(study: Study, group: str, window: Window) -> EventStudyResults | None:
    """Estimate every ordinary session on the rung that the rule chooses for a group.

    Parameters
    ----------
    study : Study
    group : str
    window : tuple of int
        See `EventStudy.placebo`.

    Returns
    -------
    EventStudyResults or None
        As for `results_of_rule`.
    """
    rung = rung_of_rule(study, group)
    return None if rung is None else rung_study(study, rung, None).placebo(window)


def ordinary_of_rule(study: Study, group: str, window: Window) -> pd.DataFrame | None:
    """Studentize every ordinary session on the rung that the rule chooses for a group.

    Parameters
    ----------
    study : Study
    group : str
    window : tuple of int
        See `EventStudy.ordinary_caars`.

    Returns
    -------
    DataFrame or None
        As for `results_of_rule`.
    """
    rung = rung_of_rule(study, group)
    return None if rung is None else _ordinary_on_rung(study, rung, window)


def ladder(
    study: Study, event_id: str | None = None, windows: tuple[Window, ...] | None = None
) -> pd.DataFrame:
    """Estimate one event on every rung.

    Parameters
    ----------
    study : Study
    event_id : str, optional
        Default: the study's `headline_event`.
    windows : tuple of tuple of int, optional
        Default: those of the study.

    Returns
    -------
    DataFrame
        ``group, rung, title, window, n_assets, caar, lower, upper`` (95 % interval of the
        portfolio t), ``band_lower, band_upper`` (sup-t: they hold for all windows with one first
        session at once, up to the longest), ``p_value`` (portfolio t), ``p_placebo, smallest_p``
        (rank among ordinary sessions), ``p_conformal``, ``effect`` (weighted by closeness,
        synthetic matches alone), ``error`` and ``chosen`` of `rung_errors`; in the return kind of
        the study.
    """
    event = study.headline_event if event_id is None else event_id
    return _ladder(study, event, study.car_windows if windows is None else windows)


@remembered
def _ladder(study: Study, event: str, windows: tuple[Window, ...]) -> pd.DataFrame:
    errors = rung_errors(study, event)
    parts = [
        _responses(study, rung, event, windows)
        for group in errors["group"].drop_duplicates()
        for rung in rungs(study, group, event)
    ]
    columns = ["group", "rung", "title", "window", "n_assets", "caar", "lower", "upper"]
    columns += ["band_lower", "band_upper", "p_value", "p_placebo", "smallest_p", "p_conformal"]
    columns.append("effect")
    if not parts:
        return pd.DataFrame(columns=[*columns, "error", "chosen"])
    table = pd.concat(parts)
    kept = errors[["group", "rung", "error", "chosen"]]
    return table[columns].merge(kept, on=["group", "rung"])


@remembered
def rung_results(study: Study, rung: Rung, event_id: str) -> EventStudyResults:
    """Estimate one event and one group on one rung, see `rung_study`."""
    return rung_study(study, rung, event_id).fit()


@remembered
def _ordinary_on_rung(study: Study, rung: Rung, window: Window) -> pd.DataFrame:
    """Studentize every ordinary session on a rung: it is the same whatever is in the sample."""
    return rung_study(study, rung, None).ordinary_caars(window)


def _responses(study: Study, rung: Rung, event: str, windows: tuple[Window, ...]) -> pd.DataFrame:
    """One row per window, for the event and the group of a rung."""
    base, results = rung_study(study, rung, event), rung_results(study, rung, event)
    # Windows with one first session lie on one path.
    last = {first: max(end for begin, end in windows if begin == first) for first, _ in windows}
    critical = {first: _sup_t(results, event, (first, end)) for first, end in last.items()}
    parts = []
    for window in windows:
        caar = results.caar(window)
        caar = caar[caar["event_id"] == event]
        t_stat = (caar["caar"] / caar["std_error"]).to_numpy(np.float64)
        caar["p_value"] = two_sided_p_value(Outcome(t_stat, caar["degrees"].to_numpy(np.float64)))
        keys = ["event_id", "group"]
        rank = placebo_p_values(results, _ordinary_on_rung(study, rung, window), window)
        caar = caar.merge(rank[[*keys, "p_placebo", "smallest_p"]], on=keys)
        caar = caar.merge(base.conformal(window, results)[[*keys, "p_conformal"]], on=keys)
        caar["effect"] = np.nan
        if rung.name == "synthetic":
            effect = matched_effect(results, window)[[*keys, "effect"]]
            caar = caar.drop(columns="effect").merge(effect, on=keys)
        half = critical[window[0]] * caar["std_error"]
        parts.append(caar.assign(band_lower=caar["caar"] - half, band_upper=caar["caar"] + half))
    return pd.concat(parts).assign(rung=rung.name, title=rung.title)


def _sup_t(results: EventStudyResults, event: str, path: Window) -> float:
    """Critical value of a path of the event's CAAR, NaN if it is not estimated."""
    pairs = results.pairs
    groups = pairs.loc[pairs["event_id"] == event, "group"]
    if groups.empty:
        return np.nan
    band = results.simultaneous_band(event, groups.iloc[0], path)
    return float(band["critical_value"].iloc[0]) if len(band) else np.nan


def _rung(
    name: str, title: str, model: NormalReturnModel, benchmarks: Mapping[str, tuple[str, ...]]
) -> Rung:
    return Rung(name, title, model, tuple(benchmarks.items()))


def _names(study: Study, benchmarks: Mapping[str, tuple[str, ...]]) -> str:
    """Names of the benchmarks of a group's assets, one after another."""
    named = study.assets.set_index("ticker")["name"]
    tickers = dict.fromkeys(name for names in benchmarks.values() for name in names)
    return " + ".join(str(named.get(ticker, "")) or ticker for ticker in tickers)


def _counted(number: int) -> str:
    return f"{counted(number, 'factor')} of donors"


def _donors_of(study: Study, tickers: Sequence[str]) -> Donors | None:
    """Return the study's donors if the assets trade on their calendar."""
    calendars = study.assets.set_index("ticker").loc[list(tickers), "calendar"]
    donors = study.donors
    return donors if donors is not None and (calendars == donors.calendar).all() else None


@remembered
def _returns_with_donors(study: Study, kind: Literal["log", "simple"]) -> pd.DataFrame:
    """Compute the returns of the assets that have donors, with donors as benchmarks of each."""
    donors = study.donors
    if donors is None:
        raise ValueError("the study has no donors")
    names = (*donors.portfolios, donors.market)
    calendar = study.assets["calendar"] == donors.calendar
    own = study.assets[calendar | (study.assets["group"] == BENCHMARK)]
    treated = own["group"] != BENCHMARK
    followed = [
        (*benchmarks, *names) if follows else benchmarks
        for benchmarks, follows in zip(own["benchmark"], treated, strict=True)
    ]
    as_benchmarks = pd.DataFrame(
        {"ticker": names, "calendar": donors.calendar, "group": BENCHMARK, "price_limit": ""}
    )
    own = own.assign(benchmark=pd.Series(followed, index=own.index, dtype=object))
    as_benchmarks["benchmark"] = pd.Series([()] * len(names), dtype=object)
    assets = pd.concat([own, as_benchmarks], ignore_index=True)
    closes = donors.closes()
    prices = pd.concat([study.prices, closes[closes["date"].between(study.start, study.end)]])
    return study.compute_returns(prices, assets, kind)


@remembered
def _forecast_errors(study: Study, rung: Rung, event_id: str) -> pd.DataFrame:
    """Leave-one-session-out errors, empty where the event is not estimated."""
    results = rung_results(study, rung, event_id)
    if (results.pairs["event_id"] == event_id).any():
        return rung_study(study, rung, event_id).forecast_errors(event_id, results)
    return pd.DataFrame(columns=["ticker", "group", "session", "error"])


def _error(study: Study, rung: Rung, event_id: str) -> float:
    """Root mean square of the group's mean error."""
    errors = _forecast_errors(study, rung, event_id)
    means = errors.groupby("session")["error"].mean()
    return float(np.sqrt((means**2).mean())) if len(means) else np.nan
