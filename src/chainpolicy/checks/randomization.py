r"""Inference when the regressor varies over few events: permutation and wild bootstrap.

Both need only sums over events. With M the annihilator of the fixed effects, the regressor of an
assignment s of stances to the K events is :math:`\tilde x = Q s`, where column k of Q is M times
the exposures of event k's rows (ones for stance itself).
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from chainpolicy.eventstudy.panel import Floats, Ints
from chainpolicy.eventstudy.pooling import exchanged, relabelled

# Up to so many distinct assignments are all looked at; beyond, a random sample of them.
MOST_ASSIGNMENTS = 50_000
WEBB = np.array([-math.sqrt(1.5), -1.0, -math.sqrt(0.5), math.sqrt(0.5), 1.0, math.sqrt(1.5)])
# Relative size below which a regressor is rounding error of the fixed effects.
ABSORBED = 1e-10


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
        if len(assigned) == 1:
            return float("nan"), 0
    count = len(assigned)
    denominator = np.einsum("ak,kl,al->a", assigned, cross, assigned, optimize=True)
    # An assignment that the fixed effects absorb has no coefficient and none as large.
    defined = denominator > ABSORBED * np.trace(cross) * (stances @ stances) / len(stances)
    beta = np.divide(assigned @ moment, denominator, out=np.zeros(len(assigned)), where=defined)
    actual = abs(stances @ moment / (stances @ cross @ stances))
    beyond = int((np.abs(beta) >= actual * (1 - 1e-9)).sum())
    if exhaustive:
        return beyond / count, count
    return (1 + beyond) / (1 + len(assigned)), count


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
