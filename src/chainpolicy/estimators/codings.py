"""How much of the difference between supportive and restrictive sessions is the coding's.

Stances are a reading of texts, and could have been coded otherwise: how an announcement weighs,
what becomes of a session of both signs, which facts count, and what single announcements meant.
Every combination gives another difference of mean responses, with the p-value of its own
permutation.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.estimators.policy_index import (
    LEAST_SESSIONS,
    dimensions,
    permutation_test,
    stance_sessions,
)
from chainpolicy.study import Study
from chainpolicy.study.events import stance_columns
from chainpolicy.study.remember import remembered

# Power of its salience with which an announcement counts.
WEIGHTS = {"salience": 1, "equal": 0, "square": 2}
# What becomes of a session with announcements of both signs.
MIXED = ("net", "left out")
FACTS = ("all", "dated source")
# How events.csv marks a fact that was seen in a dated source.
SEEN = r"\(H"


@remembered
def stance_codings(study: Study, window: tuple[int, int] = (0, 1)) -> pd.DataFrame:
    """Compare supportive and restrictive sessions under every coding.

    Parameters
    ----------
    study : Study
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    DataFrame
        ``group, weight`` ("salience", "equal", "square"), ``mixed`` (sessions of both signs:
        "net" or "left out"), ``facts`` ("all", or those that ``source`` marks with H),
        ``flipped`` (an event whose stance is reversed; blank: none), ``n_supportive,
        n_restrictive, difference`` (mean CAAR, supportive less restrictive), ``p_value``
        (permutation; NaN with fewer than three sessions of either sign) and ``chosen`` (the
        coding of all other tables).
    """
    every = stance_sessions(study, window)
    # The last dimension is the sum of the stances, or the only one.
    every = every[every["dimension"].isin(dimensions(study)[-1:])].reset_index(drop=True)
    events = study.events.set_index("event_id")
    stance = events[stance_columns(events)].astype("int64").sum(axis=1)
    rank = events["salience"].astype("int64")
    seen = events["source"].str.contains(SEEN) if "source" in events else stance.eq(stance)
    members = every["members"].str.split(";").explode()
    coded = [event for event in dict.fromkeys(members) if stance[event] != 0]
    rows = []
    for facts in FACTS:
        counted = members if facts == "all" else members[seen.reindex(members).to_numpy()]
        for flipped in ["", *(event for event in coded if event in set(counted))]:
            signs = stance.where(stance.index != flipped, -stance)
            for weight, power in WEIGHTS.items():
                said = (signs * rank**power).reindex(counted).set_axis(counted.index)
                by_session = said.groupby(level=0)
                net = np.sign(by_session.sum())
                both = (by_session.max() > 0) & (by_session.min() < 0)
                for mixed in MIXED:
                    sides = net if mixed == "net" else net.where(~both, 0)
                    choice = (weight, mixed, facts, flipped)
                    rows += _differences(every, sides[sides != 0], choice)
    columns = ["group", "weight", "mixed", "facts", "flipped", "n_supportive", "n_restrictive"]
    table = pd.DataFrame(rows, columns=[*columns, "difference", "p_value"])
    own = (table["weight"] == "salience") & (table["mixed"] == "net") & (table["facts"] == "all")
    return table.assign(chosen=own & (table["flipped"] == ""))


def _differences(
    every: pd.DataFrame, sides: pd.Series, choice: tuple[str, str, str, str]
) -> list[tuple[object, ...]]:
    """One row per group for the sessions that have a side."""
    rows: list[tuple[object, ...]] = []
    signed = every.loc[sides.index].assign(supportive=sides > 0)
    for group, sessions in signed.groupby("group", sort=False):
        labels = sessions["supportive"].to_numpy(np.bool_)
        values = sessions["caar"].to_numpy(np.float64)
        counts = int(labels.sum()), int((~labels).sum())
        if min(counts) == 0:
            continue
        difference = float(values[labels].mean() - values[~labels].mean())
        tested = min(counts) >= LEAST_SESSIONS
        p_value = permutation_test(values, labels).p_value if tested else np.nan
        rows.append((group, *choice, *counts, difference, p_value))
    return rows
