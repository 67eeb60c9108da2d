r"""Inference from few events: permutation of labels and of stances, and the wild bootstrap.

Of a regression they need only sums over events. With M the annihilator of the fixed effects, the
regressor of an assignment s of stances to the K events is :math:`\tilde x = Q s`, where column k of
Q is M times the exposures of event k's rows (ones for stance itself).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from chainpolicy.eventstudy.panel import Bools, Floats, Ints
from chainpolicy.eventstudy.pooling import exchanged, rank_p_value, relabelled
from chainpolicy.eventstudy.threads import one_thread

# Up to so many distinct assignments are all looked at; beyond, a random sample of them.
MOST_ASSIGNMENTS = 50_000
# Of the difference of two means.
DRAWS = 9_999
SEED = 20191025
WEBB = np.array([-math.sqrt(1.5), -1.0, -math.sqrt(0.5), math.sqrt(0.5), 1.0, math.sqrt(1.5)])
# Relative size below which a regressor is rounding error of the fixed effects.
ABSORBED = 1e-10


@dataclass(frozen=True)
class PermutationTest:
    """Difference of two means against its distribution over assignments of the labels.

    Attributes
    ----------
    p_value : float
        Two-sided.
    n_assignments : int
        Assignments that were compared, the actual one among them.
    smallest_p : float
        The smallest p-value that these assignments can give.
    """

    difference: float
    p_value: float
    n_assignments: int
    smallest_p: float


@one_thread()
def permutation_test(
    values: Floats,
    labels: Bools,
    draws: int = DRAWS,
    seed: int = SEED,
    *,
    session: Ints | None = None,
) -> PermutationTest:
    r"""Test whether values differ between two labels, by reassigning the labels.

    .. math:: p = \#\{|d^*| \ge |d|\} / \#assignments

    over all assignments if there are at most `draws`, else over `draws` random ones and the
    actual one. Exact if the labels are exchangeable.

    Parameters
    ----------
    values : ndarray, shape (n,)
    labels : ndarray of bool, shape (n,)
        Both values occur.
    session : ndarray of int, shape (n,), optional
        Values of one session share its shocks, see `pooling.relabelled`. Default: each has its own.

    Returns
    -------
    PermutationTest
        With a blank p-value where nothing can change places.
    """
    if session is not None and len(np.unique(session)) < len(session):
        return _test_in_sessions(values, labels, session, draws, seed)
    size, chosen = len(values), int(labels.sum())
    every = math.comb(size, chosen) <= draws
    total = values.sum()
    first = _sums_of_chosen(tuple(values.tolist()), chosen, draws, seed)
    if not every:
        first = np.append(first, values[labels].sum())
    differences = first / chosen - (total - first) / (size - chosen)
    actual = float(values[labels].mean() - values[~labels].mean())
    p_value = rank_p_value(np.abs(differences), abs(actual), every=True)
    # With equal numbers of both labels their exchange turns the sign alone.
    ties = 2 if every and 2 * chosen == size else 1
    return PermutationTest(actual, p_value, len(first), ties / len(first))


def _test_in_sessions(
    values: Floats,
    labels: Bools,
    session: Ints,
    draws: int,
    seed: int,
) -> PermutationTest:
    moved, every = relabelled(labels, _exchanged(tuple(session.tolist()), draws, seed))
    actual = float(values[labels].mean() - values[~labels].mean())
    if (moved == labels).all():
        return PermutationTest(actual, np.nan, 1, np.nan)
    if not every:
        moved = np.vstack([moved, labels])
    chosen = int(labels.sum())
    first = moved.astype(np.float64) @ values
    differences = np.abs(first / chosen - (values.sum() - first) / (len(values) - chosen))
    p_value, smallest = (
        rank_p_value(differences, float(size), every=True)
        for size in (abs(actual), differences.max())
    )
    return PermutationTest(actual, p_value, len(moved), smallest)


# Codings have other labels of the same sessions.
@lru_cache(maxsize=16)
def _exchanged(session: tuple[int, ...], draws: int, seed: int) -> Ints:
    places = np.array(session)
    return exchanged(places, draws, np.random.default_rng(seed), session=places)


# Codings differ in a label or two, so that the same values recur with as many labels.
@lru_cache(maxsize=64)
def _sums_of_chosen(values: tuple[float, ...], chosen: int, draws: int, seed: int) -> Floats:
    """Sum all choices of `chosen` among the values, or of `draws` random ones."""
    size = len(values)
    if math.comb(size, chosen) <= draws:
        picked = np.array(list(combinations(range(size), chosen))).T
    else:
        picked = _random_assignments(size, chosen, draws, seed)
    sums: Floats = np.array(values)[picked].sum(axis=0)
    return sums


# Sizes recur more often still, and drawing takes ten times the sum.
@lru_cache(maxsize=64)
def _random_assignments(size: int, chosen: int, draws: int, seed: int) -> NDArray[np.int32]:
    """Draw random choices of `chosen` among `size`, shape (chosen, draws)."""
    order = np.tile(np.arange(size, dtype=np.int32), (draws, 1))
    return np.random.default_rng(seed).permuted(order, axis=1)[:, :chosen].T.copy()


def count_assignments(stances: Floats) -> int:
    """Count the distinct ways of giving the same stances to the events."""
    counts = np.unique(stances, return_counts=True)[1]
    return math.factorial(len(stances)) // math.prod(math.factorial(int(c)) for c in counts)


def assignments(stances: Floats, draws: int, rng: np.random.Generator) -> tuple[Floats, bool]:
    """Give the same stances to the events in all distinct ways, or in a sample of them.

    Parameters
    ----------
    stances : ndarray, shape (K,)
    draws : int
        Size of the sample if there are more than `MOST_ASSIGNMENTS`.

    Returns
    -------
    assigned : ndarray, shape (A, K)
    exhaustive : bool
        True if these are all, the actual one among them.
    """
    if count_assignments(stances) > MOST_ASSIGNMENTS:
        return rng.permuted(np.tile(stances, (draws, 1)), axis=1), False
    values, counts = np.unique(stances, return_counts=True)
    assigned = np.full((1, len(stances)), values[0])
    free = np.ones((1, len(stances)), dtype=bool)
    # Place one value after the other on the events that are free; the first fills what is left.
    for value, count in zip(values[1:], counts[1:], strict=True):
        n_free = int(free[0].sum())
        chosen = np.array(list(combinations(range(n_free), int(count))), dtype=np.int64)
        open_places = np.nonzero(free)[1].reshape(len(free), n_free)
        places = open_places[:, chosen].reshape(-1, int(count))
        assigned = np.repeat(assigned, len(chosen), axis=0)
        free = np.repeat(free, len(chosen), axis=0)
        np.put_along_axis(assigned, places, value, axis=1)
        np.put_along_axis(free, places, False, axis=1)
    return assigned, True


@one_thread()
def assignment_p_value(
    outcome: Floats,
    q: Floats,
    stances: Floats,
    *,
    draws: int,
    rng: np.random.Generator,
    session: Ints | None = None,
) -> tuple[float, int]:
    r"""Rank the coefficient among those of all assignments of the stances to the events.

    .. math:: p = \#\{|b^*| \ge |b|\} / A, \qquad b^* = \frac{s^{*\prime}Q'y}{s^{*\prime}Q'Qs^*}.

    Exact if the events are exchangeable under the null; of a sample of B assignments
    (1 + #) / (1 + B).

    Parameters
    ----------
    outcome : ndarray, shape (n,)
    q : ndarray, shape (n, K)
    stances : ndarray, shape (K,)
    draws : int
        Size of the sample where there are too many assignments.
    session : ndarray of int, shape (K,), optional
        Events of one session share its shocks, see `pooling.relabelled`. Default: each event has
        its own.

    Returns
    -------
    p_value : float
        NaN where nothing can change places.
    count : int
        Of the assignments that were compared.
    """
    moment, cross = q.T @ outcome, q.T @ q
    if session is None or len(np.unique(session)) == len(session):
        assigned, exhaustive = assignments(stances, draws, rng)
    else:
        assigned, exhaustive = relabelled(stances, exchanged(session, draws, rng, session=session))
        if (assigned == stances).all():
            return float("nan"), 0
    count = len(assigned)
    denominator = np.einsum("ak,kl,al->a", assigned, cross, assigned, optimize=True)
    # An assignment that the fixed effects absorb has no coefficient and none as large.
    defined = denominator > ABSORBED * np.trace(cross) * (stances @ stances) / len(stances)
    beta = np.divide(assigned @ moment, denominator, out=np.zeros(len(assigned)), where=defined)
    actual = abs(stances @ moment / (stances @ cross @ stances))
    return rank_p_value(np.abs(beta), float(actual), every=exhaustive), count


@one_thread()
def wild_bootstrap_p_value(
    regressor: Floats,
    restricted: Floats,
    basis: Floats,
    event: Ints,
    *,
    draws: int,
    rng: np.random.Generator,
) -> float:
    r"""Restricted wild cluster bootstrap of a t-ratio clustered by event.

    The null is imposed: outcomes are drawn as the fit without the regressor plus its residuals
    times one Webb weight per event,

    .. math:: p = \frac{1 + \#\{|t^*| \ge |t|\}}{1 + B}, \qquad
              t^* = \frac{\sum_g w_g \tilde x_g'u_g}{\sqrt{\sum_g (\tilde x_g'e^*_g)^2}}.

    Cameron, Gelbach & Miller (2008), *Review of Economics and Statistics* 90(3); Webb (2023),
    *Canadian Journal of Economics* 56(3).

    Parameters
    ----------
    regressor : ndarray, shape (n,)
        :math:`\tilde x`, orthogonal to the fixed effects.
    restricted : ndarray, shape (n,)
        u, residuals of the fit on the fixed effects alone.
    basis : ndarray, shape (n, r)
        Orthonormal columns that span the fixed effects.
    event : ndarray of int, shape (n,)
        Event of each row, 0 to K - 1.
    draws : int
        B.
    """
    n_events = int(event.max()) + 1
    own = np.bincount(event, regressor**2, n_events)
    moment = np.bincount(event, regressor * restricted, n_events)
    of_event = np.zeros((n_events, len(event)))
    of_event[event, np.arange(len(event))] = 1.0
    through = (of_event @ (basis * regressor[:, None])) @ (
        of_event @ (basis * restricted[:, None])
    ).T
    # Row g, column h: how the score of event g moves with the weight of event h.
    score_of_weight = np.diag(moment) - through
    weights = np.vstack([np.ones(n_events), rng.choice(WEBB, size=(draws, n_events))])
    numerator = weights @ moment
    scores = weights @ score_of_weight.T - np.outer(numerator / own.sum(), own)
    error = np.sqrt(np.einsum("dg,dg->d", scores, scores))
    # Without any spread between events a ratio is undefined; such a draw is no smaller.
    t_ratio = np.divide(
        np.abs(numerator), error, out=np.full(len(error), np.inf), where=error > 1e-12 * own.sum()
    )
    return float((t_ratio >= t_ratio[0] * (1 - 1e-9)).sum() / (1 + draws))
