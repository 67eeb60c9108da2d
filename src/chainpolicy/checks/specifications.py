"""The same response under every combination of choices that could have been made."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd

from chainpolicy.checks.ladder import (
    SIZE_RUNGS,
    Rung,
    alone_in_sample,
    rung_results,
    rung_study,
    size_rungs,
)
from chainpolicy.eventstudy import (
    MODELS,
    ConstantMean,
    EstimationWindow,
    EventStudy,
    MarketModel,
    NormalReturnModel,
    SingleIndexModel,
)
from chainpolicy.eventstudy.inference import Outcome, two_sided_p_value
from chainpolicy.eventstudy.results import EventStudyResults, Window
from chainpolicy.study import Study
from chainpolicy.study.remember import remembered

KINDS: tuple[Literal["log", "simple"], ...] = ("log", "simple")
# In the order in which a figure stacks them.
CHOICES = ("model", "estimation", "length", "mask", "kind")


@remembered
def specification_curve(
    study: Study, event_id: str, windows: tuple[Window, ...] = ((0, 1),)
) -> pd.DataFrame:
    """Estimate one event under every combination of a study's choices.

    The choices: the model of normal returns, and, for groups with donors, the market model on
    their equal-weighted market, alone and beside the first benchmark; the study's estimation
    window or the one before the event itself; all of it or its later half (with half of the
    minimum); the sessions of other events taken out or left in; log or simple returns. Simonsohn,
    Simmons & Nelson (2020), *Nature Human Behaviour* 4.

    Parameters
    ----------
    study : Study
    event_id : str
        In sample.
    windows : tuple of tuple of int
        Each with both ends inclusive, inside the study's event window.

    Returns
    -------
    DataFrame
        ``group, window, model`` (or one of `ladder.SIZE_RUNGS`), ``estimation`` ("study" or
        "event"), ``length`` (sessions of the
        estimation window), ``mask`` (bool), ``kind`` ("log" or "simple"), ``n_assets, caar, lower,
        upper`` (95 % interval of the portfolio t; in the study's kind of return, whatever that of
        the combination), ``p_value`` and ``chosen`` (bool, the study's own choices). Combinations
        that come to the same for a group (an asset without a benchmark has one model), or cannot be
        estimated, have no row.
    """
    fits: list[EventStudyResults] = []
    told = []
    # Of models that come to the same for a group the study's own, which is first, keeps its name.
    models = {study.model: MODELS[study.model]} | MODELS
    estimations = _estimations(study)
    for kind in KINDS:
        base = _event_study(study, event_id, kind)
        ways: list[tuple[str, NormalReturnModel, EventStudy, Rung | None]] = [
            (name, model, base, None) for name, model in models.items()
        ]
        ways += [
            (rung.name, rung.model, rung_study(study, rung, event_id, kind), rung)
            for group in study.groups.unique()
            for rung in size_rungs(study, group)
        ]
        for (name, model, of_way, rung), (anchor, estimation) in product(ways, estimations):
            variant = copy(of_way)
            variant.model, variant.estimation = model, estimation
            as_chosen = kind == study.kind and estimation == study.estimation
            own = as_chosen and study.model == name
            if as_chosen and rung is not None:
                fits.append(rung_results(study, rung, event_id))
            else:
                fits.append(study.results if own else variant.fit())
            # On one benchmark a single index is the market model.
            law = MarketModel.name if isinstance(model, SingleIndexModel) else name
            told.append((anchor, estimation.length, estimation.mask, kind, law, name, own))
    choices = pd.DataFrame(told, columns=[*CHOICES[1:], "law", "yardstick", "chosen"])
    columns = ["group", "window", *CHOICES, "n_assets", "caar", "lower", "upper", "p_value"]
    columns.append("chosen")
    table = _responses(fits, event_id, windows)
    if table.empty:
        return pd.DataFrame(columns=columns)
    table = table.merge(choices, left_on="choice", right_index=True)
    sized = table["yardstick"].isin(SIZE_RUNGS)
    table["model"] = table["model"].mask(sized, table["yardstick"])
    # Without a benchmark every model is the constant mean.
    table["law"] = table["law"].where(table["benchmarks"] != "", ConstantMean.name)
    same = ["group", "window", "benchmarks", "law", *CHOICES[1:]]
    table = table.drop_duplicates(same, ignore_index=True)
    t_stat = (table["caar"] / table["std_error"]).to_numpy(np.float64)
    table["p_value"] = two_sided_p_value(Outcome(t_stat, table["degrees"].to_numpy(np.float64)))
    convert = np.log1p if study.kind == "log" else np.expm1
    other = table["kind"] != study.kind
    for name in ("caar", "lower", "upper"):
        table.loc[other, name] = convert(table.loc[other, name])
    return table[columns]


def _event_study(study: Study, event_id: str, kind: Literal["log", "simple"]) -> EventStudy:
    returns = study.returns
    if kind != study.kind:
        returns = study.compute_returns(kind=kind)
    return EventStudy(
        returns,
        alone_in_sample(study, event_id),
        groups=study.groups,
        benchmarks=study.benchmarks,
        estimation=study.estimation,
        event_window=study.event_window,
    )


def _estimations(study: Study) -> list[tuple[str, EstimationWindow]]:
    """Estimation windows, those of the study first, by whose sessions they are."""
    own = replace(study.estimation, anchor="event", end=None)
    # Where an end overrides it, the window may be one that reaches into the event window.
    apart = own != study.estimation and own.window[1] < study.event_window[0]
    return [
        (anchor, replace(length, mask=mask))
        for anchor, whole in [("study", study.estimation)] + ([("event", own)] if apart else [])
        for length in (whole, _halved(whole))
        for mask in (True, False)
    ]


def _halved(estimation: EstimationWindow) -> EstimationWindow:
    last = estimation.window[1]
    return replace(
        estimation,
        window=(last - max(1, estimation.length // 2) + 1, last),
        minimum=max(1, estimation.minimum // 2),
    )


def _responses(
    fits: Sequence[EventStudyResults], event_id: str, windows: tuple[Window, ...]
) -> pd.DataFrame:
    """CAARs of one event in each of the fits, with the model and benchmarks of each group.

    Put together before anything is looked up: a frame of each fit alone is a few rows.
    """
    table, pairs = (
        pd.concat(dict(enumerate(frames)), names=["choice"]).reset_index("choice")
        for frames in (
            [pd.concat([results.caar(window) for window in windows]) for results in fits],
            [results.pairs[["event_id", "group", "model", "benchmarks"]] for results in fits],
        )
    )
    table, pairs = (rows[rows["event_id"] == event_id] for rows in (table, pairs))
    pairs = pairs.drop_duplicates(["choice", "group"])
    pairs = pairs.assign(benchmarks=pairs["benchmarks"].map(";".join))
    return table.merge(pairs.drop(columns="event_id"), on=["choice", "group"])
