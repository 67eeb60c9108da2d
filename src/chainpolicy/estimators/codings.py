"""How much of the difference between supportive and restrictive sessions is the coding's.

Stances are a reading of texts, and could have been coded otherwise: how an announcement weighs,
what becomes of a session of both signs, which facts count, and what single announcements meant.
Every combination gives another difference of mean responses, with the p-value of its own
permutation.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.checks.randomization import permutation_test
from chainpolicy.estimators.policy_index import (
    LEAST_SESSIONS,
    dimensions,
    responses_of_sides,
    stance_parts,
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
    every = stance_parts(study, window)
    # The last dimension is the sum of the stances, or the only one.
    every = every[every["dimension"].isin(dimensions(study)[-1:])].reset_index(drop=True)
    events = study.events.set_index("event_id")
    stance = events[stance_columns(events)].astype("int64").sum(axis=1)
    rank = events["salience"].astype("int64")
    seen = events["source"].str.contains(SEEN) if "source" in events else stance.eq(stance)
    members = every["members"].str.split(";").explode()
    at, event = members.index.to_numpy(), members.to_numpy(dtype=object)
    coded_stance = stance.reindex(event).to_numpy()
    ranks = rank.reindex(event).to_numpy()
    counted = {
        "all": np.ones(len(event), dtype=bool),
        "dated source": seen.reindex(event).to_numpy(),
    }
    choices, sides = [], []
    for facts in FACTS:
        counts = counted[facts]
        for flipped in ["", *dict.fromkeys(event[counts & (coded_stance != 0)])]:
            signs = np.where(event == flipped, -coded_stance, coded_stance) * counts
            for weight, power in WEIGHTS.items():
                said = signs * ranks**power
                net = np.sign(np.bincount(at, said, minlength=len(every)))
                both = _any_of(at, said > 0, len(every)) & _any_of(at, said < 0, len(every))
                for mixed in MIXED:
                    sides.append(net if mixed == "net" else np.where(both, 0, net))
                    choices.append((weight, mixed, facts, flipped))
    compared = {
        group: _compared(of_group, np.array(sides)[:, of_group.index])
        for group, of_group in every.groupby("group", sort=False)
    }
    rows = [
        (group, *choice, *differences[number])
        for number, choice in enumerate(choices)
        for group, differences in compared.items()
        if differences[number]
    ]
    columns = ["group", "weight", "mixed", "facts", "flipped", "n_supportive", "n_restrictive"]
    table = pd.DataFrame(rows, columns=[*columns, "difference", "p_value"])
    own = (table["weight"] == "salience") & (table["mixed"] == "net") & (table["facts"] == "all")
    return table.assign(chosen=own & (table["flipped"] == ""))


def _any_of(at: NDArray[np.int64], is_so: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """Whether it is so for any member of each session."""
    return np.bincount(at, is_so, minlength=size) > 0


def _compared(
    responses: pd.DataFrame, sides: NDArray[np.float64]
) -> list[tuple[int, int, float, float] | tuple[()]]:
    """Compare the sides of one group under every coding, `sides` of shape (codings, responses).

    Number of supportive and of restrictive sessions, difference and p-value; nothing where a side
    is empty.
    """
    # Most codings agree with another one on all sessions.
    distinct, which = np.unique(sides, axis=0, return_inverse=True)
    session = pd.factorize(responses["event_session"])[0]
    count, caar = responses["n_assets"].to_numpy(), responses["caar"].to_numpy(np.float64)
    found: list[tuple[int, int, float, float] | tuple[()]] = []
    for side in distinct:
        signed = side != 0
        found.append(
            _difference(session[signed], side[signed] > 0, count[signed], caar[signed])
            if side.min(initial=0) < 0 < side.max(initial=0)
            else ()
        )
    return [found[number] for number in which]


def _difference(
    session: NDArray[np.int64],
    supportive: NDArray[np.bool_],
    count: NDArray[np.int64],
    caar: NDArray[np.float64],
) -> tuple[int, int, float, float]:
    """Compare the two sides, what has one side of one session merged."""
    session = pd.factorize(session)[0]
    # In the order of their first parts: of one session, the order must not tell the side.
    side, of_side = pd.factorize(2 * session + supportive)
    values, labels = responses_of_sides(side, count, caar), of_side % 2 == 1
    counts = int(labels.sum()), int((~labels).sum())
    difference = float(values[labels].mean() - values[~labels].mean())
    tested = min(counts) >= LEAST_SESSIONS
    p_value = permutation_test(values, labels, session=of_side // 2).p_value if tested else np.nan
    return *counts, difference, p_value
