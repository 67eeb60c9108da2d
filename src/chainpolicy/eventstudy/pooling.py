r"""Effects pooled over events: one row per cluster, tested like the assets of one event.

The unit is the *cluster*, a distinct event session of a group's calendar. The pairs of an event and
an asset on it form an equal-weighted portfolio c with :math:`CAAR_c`, its forecast error
:math:`s_c` and :math:`SCAAR_c = CAAR_c / s_c`: whatever the assets of one date share stays inside
the cluster. `cluster_sample` makes clusters the rows of a `GroupSample`, so that the eleven tests
apply as they are; windows that overlap and residuals that are shared enter through :math:`\bar r`
(eq. 10) and the standard error of eq. 22. Where windows of one asset overlap, a test that knows
neither takes them for independent: it is left blank, with that reason.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.eventstudy.display import Summary, plot_pooled
from chainpolicy.eventstudy.inference import ROUNDING, GroupSample
from chainpolicy.eventstudy.panel import Bools, Floats, Ints
from chainpolicy.eventstudy.threads import one_thread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Fewer clusters, or blocks of them, carry no randomization.
MINIMUM_CLUSTERS = 3
# So many draws for each possible assignment have every one, but in one of 10^6 cases.
DRAWS_TO_SEE_ALL = 20
# Up to so many blocks all signs are tried.
EXHAUSTIVE_BLOCKS = 16
_BEYOND = 1e300

_Label = TypeVar("_Label", bound=np.generic)


@dataclass(frozen=True, eq=False)
class PooledEffects:
    """Mean effects over many events, per label and group: `EventStudyResults.pool`.

    Frozen: every frame is made for its caller.

    Attributes
    ----------
    by : str
        What the labels are.
    unlabelled : int
        Estimated pairs without a label, which are in no pool.
    draws, seed : int
        Of the randomization.

    Examples
    --------
    See `EventStudyResults.pool`.
    """

    by: str
    unlabelled: int
    draws: int
    seed: int
    _clusters: pd.DataFrame
    _n_window: int
    _estimate: Callable[[], tuple[pd.DataFrame, pd.DataFrame]]

    @cached_property
    def _estimates(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        # Not before they are asked for: clusters and differences need no tests and no draws.
        return self._estimate()

    def tidy(self) -> pd.DataFrame:
        """Return one row per label and group, the columns of ``pooled.csv``.

        Returns
        -------
        DataFrame
            ``label, group, window, n_events, n_pairs`` (distinct assets and sessions),
            ``n_clusters, mean`` (of the clusters' CAARs), ``std_error, degrees, lower, upper`` (its
            95 % interval, which agrees with the time-series t), ``pair_weighted_mean,
            mean_correlation`` of the clusters, statistic and p-value of every test (``<test>``,
            ``<test>_p``), ``randomization_p, n_ordinary`` (the fewest places that a block of
            clusters can be moved to), ``sign_flip_p, n_blocks`` (clusters whose windows overlap
            are one block), ``note`` (why what is blank is).

        Examples
        --------
        See `EventStudyResults.pool`.
        """
        return self._estimates[0].copy()

    @property
    def clusters(self) -> pd.DataFrame:
        """The clusters: what is pooled.

        ``label, group, window, event_session, events`` (joined by ``;``), ``n_assets, caar,
        std_error, lower, upper`` (95 %), ``scaar``.
        """
        return self._clusters.drop(columns="position")

    @property
    def tests(self) -> pd.DataFrame:
        """The eleven tests, one row each, with the reason where one is undefined.

        ``label, group, window, test, statistic, degrees, p_value, note``.
        """
        return self._estimates[1].copy()

    def difference(self, first: str, second: str) -> pd.DataFrame:
        r"""Compare the mean effects of two labels, by permutation of the labels over clusters.

        The clusters of both labels are shuffled; p is the rank of the studentized difference
        :math:`|\bar C_1 - \bar C_2| / \sqrt{v_1 / n_1 + v_2 / n_2}` of their CAARs, which allows
        for variances that differ (Chung & Romano 2013, *Annals of Statistics* 41(2), 484-507),
        except between clusters of one session. A session on which both labels hit the same assets
        is a cluster of both.
        Clusters whose windows overlap, whichever their labels, change places as a block, with a
        block that has as many on each session, and those of one session among themselves. Without
        overlap all assignments are tried if there are no more than `draws`.

        Parameters
        ----------
        first, second : str
            Labels.

        Returns
        -------
        DataFrame
            ``first, second, group, window, n_first, n_second, mean_first, mean_second, difference,
            p_value``, one row per group with both; p is NaN with fewer than three clusters of
            either, and where nothing that differs could change places.

        Raises
        ------
        ValueError
            If there is no such label, or both are the same.

        Examples
        --------
        See `EventStudyResults.pool`.
        """
        known = list(dict.fromkeys(self._clusters["label"]))
        for label in (first, second):
            if label not in known:
                raise ValueError(f"no pool has the label {label!r}; there are {', '.join(known)}")
        if first == second:
            raise ValueError(f"both labels are {first!r}; a difference takes two")
        rows = []
        for (group, window), clusters in self._clusters.groupby(["group", "window"], sort=False):
            both = clusters[clusters["label"].isin([first, second])]
            both = both.sort_values("position", kind="stable")
            caar = both["caar"].to_numpy(np.float64)
            of_first = (both["label"] == first).to_numpy()
            sides = [caar[of_first], caar[~of_first]]
            if min(map(len, sides)) == 0:
                continue
            means = [float(side.mean()) for side in sides]
            position = both["position"].to_numpy(np.int64)
            p_value = permutation_p_value(
                caar,
                of_first,
                blocks_of(position, self._n_window),
                self.draws,
                self.seed,
                session=position,
            )
            rows.append(
                {
                    "first": first,
                    "second": second,
                    "group": group,
                    "window": window,
                    "n_first": len(sides[0]),
                    "n_second": len(sides[1]),
                    "mean_first": means[0],
                    "mean_second": means[1],
                    "difference": means[0] - means[1],
                    "p_value": p_value,
                }
            )
        columns = ["first", "second", "group", "window", "n_first", "n_second"]
        columns += ["mean_first", "mean_second", "difference", "p_value"]
        return pd.DataFrame(rows, columns=columns)

    def summary(self) -> Summary:
        """Summarize every label and group: its mean, three tests and both randomizations.

        Returns
        -------
        Summary

        Examples
        --------
        See `EventStudyResults.pool`.
        """
        columns = ["n_clusters", "mean", "lower", "upper", "time_series_t_p", "adjusted_bmp_p"]
        columns += ["grank_t_p", "randomization_p", "sign_flip_p"]
        unit = "mean CAAR as a decimal, 95 % interval; _p: two-sided, not adjusted for the rows"
        return Summary(self._estimates[0].set_index(["label", "group", "window"])[columns], unit)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the pooled means with their 95 % intervals, one row per label and group.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Default: new ones.

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        See `EventStudyResults.pool`.
        """
        return plot_pooled(self._estimates[0], ax)

    def __repr__(self) -> str:
        return (
            f"PooledEffects(by={self.by}, labels={self._clusters['label'].nunique()}, "
            f"groups={self._clusters['group'].nunique()}, clusters={len(self._clusters)})"
        )

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().to_html()


def cluster_sample(sample: GroupSample, cluster: Ints) -> GroupSample:
    """Average pairs that share their event session: one row per cluster.

    Parameters
    ----------
    sample : GroupSample
        N pairs without leading axes, with ``estimation_session, window_start`` and
        ``estimation_weights``.
    cluster : ndarray of int, shape (N,)
        Cluster of each pair, 0 to C - 1, ascending.

    Returns
    -------
    GroupSample
        C clusters. Of a cluster of one pair everything is that pair's; of several the standard
        error is that of their portfolio (eq. 11).

    Examples
    --------
    >>> from chainpolicy.eventstudy.inference import EXAMPLE
    >>> clusters = cluster_sample(EXAMPLE, np.array([0, 0, 1]))
    >>> clusters.car.tolist(), clusters.residuals[0, :4].tolist()
    ([14.0, -9.0], [3.0, 1.0, -1.0, -3.0])
    """
    starts = np.flatnonzero(np.diff(cluster, prepend=-1))
    observed = sample.observed
    values = np.where(observed, sample.residuals, 0.0)
    present = np.add.reduceat(observed.astype(np.float64), starts)
    residuals = np.add.reduceat(values, starts) / np.maximum(present, 1.0)
    parameters = np.maximum.reduceat(sample.n_parameters, starts)
    degrees = (present > 0).sum(axis=1) - parameters
    sigma = np.sqrt((residuals**2).sum(axis=1) / np.where(degrees > 0, degrees, np.nan))
    # What does not move beyond rounding has no deviation.
    largest = np.maximum.reduceat(np.abs(values).max(axis=1), starts)
    sigma = np.where(sigma > ROUNDING * largest, sigma, np.nan)
    held = np.isfinite(sample.abnormal)
    any_held = np.add.reduceat(held.astype(np.int64), starts) > 0
    multiplier = (sample.car_std_error / sample.sigma) ** 2
    per_session = (sample.abnormal_std_error / sample.sigma[:, None]) ** 2
    error = np.sqrt(cluster_means(np.where(held, per_session, 0.0), cluster))
    # Where a return spans several sessions, the window's sum stays the mean of the sums.
    abnormal = cluster_means(np.where(held, sample.abnormal, 0.0), cluster)
    spanned = cluster_means(np.where(held, sample.spanned, 0.0), cluster)
    session, start, weights = (
        sample.estimation_session,
        sample.window_start,
        sample.estimation_weights,
    )
    return GroupSample(
        car=cluster_means(sample.car, cluster),
        car_std_error=sigma * np.sqrt(cluster_means(multiplier, cluster)),
        abnormal=np.where(any_held, abnormal, np.nan),
        abnormal_std_error=np.where(any_held, sigma[:, None] * error, np.nan),
        residuals=np.where(present > 0, residuals, np.nan),
        sigma=sigma,
        n_parameters=parameters,
        estimation_session=None if session is None else session[starts],
        window_start=None if start is None else start[starts],
        estimation_weights=None if weights is None else cluster_means(weights, cluster),
        n_sessions=np.where(any_held, spanned, 1.0),
    )


def cluster_means(values: Floats, cluster: Ints) -> Floats:
    """Average the rows of `values` (N, ...) of each cluster; `cluster` as in `cluster_sample`.

    Examples
    --------
    >>> cluster_means(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 1])).tolist()
    [2.0, 5.0]
    """
    starts = np.flatnonzero(np.diff(cluster, prepend=-1))
    counts = np.diff(starts, append=len(cluster))
    total: Floats = np.add.reduceat(values, starts)
    return total / counts.reshape(-1, *[1] * (values.ndim - 1))


def blocks_of(position: Ints, length: int) -> Ints:
    """Assign each cluster to a block, by number; clusters whose windows overlap share one.

    `position` are their event sessions on the calendar, ascending; the window has `length`
    sessions.

    Examples
    --------
    >>> blocks_of(np.array([3, 4, 9, 30, 31]), 2).tolist()
    [0, 0, 1, 2, 2]
    """
    apart: Ints = np.cumsum(np.diff(position, prepend=position[:1]) >= length)
    return apart


def randomization_p_value(
    scaar: Floats, reference: Floats, position: Ints, block: Ints, draws: int, seed: Sequence[int]
) -> tuple[float, int]:
    r"""Rank the mean SCAAR among means over ordinary sessions, drawn at random.

    :math:`p = (1 + \#\{|\overline{SCAAR}^*| \ge |\overline{SCAAR}|\}) / (1 + draws)`. Clusters
    whose windows overlap are moved as one block, at the distances that they have. Assumes that
    sessions are exchangeable.

    `scaar` (C,) are the SCAARs of the clusters, `reference` (C, T) those of each cluster's assets
    on every session of the calendar, NaN where it is no ordinary one; `position` and `block` as in
    `blocks_of`, `draws` and `seed` as in `EventStudyResults.pool`.

    Returns
    -------
    p_value : float
        NaN without a place for some block.
    n_ordinary : int
        Places of the block that has the fewest.

    Examples
    --------
    Of ordinary sessions -1 and 1 alone, the mean of three is 1 in absolute value in 1/4 of cases.

    >>> ordinary, place = np.tile([-1.0, 1.0, np.nan], (3, 1)), np.arange(3)
    >>> p_value, n_ordinary = randomization_p_value(
    ...     np.ones(3), ordinary, place, place, draws=9_999, seed=[0]
    ... )
    >>> print(f"{p_value:.2f} of {n_ordinary}")
    0.25 of 2
    """
    rng = np.random.default_rng(seed)
    total, fewest = random_totals(reference, position, block, draws, rng)
    if not fewest:
        return float("nan"), fewest
    return rank_p_value(np.abs(total), abs(float(scaar.sum())), every=False), fewest


def random_totals(
    reference: Floats, position: Ints, block: Ints, draws: int, rng: np.random.Generator
) -> tuple[Floats, int]:
    """Sum values of clusters whose blocks are moved to ordinary sessions, at random.

    `reference` (C, T), `position` and `block` as in `randomization_p_value`.

    Returns
    -------
    total : ndarray, shape (draws,)
    n_ordinary : int
        Places of the block that has the fewest; without one the totals mean nothing.

    Examples
    --------
    A block of two keeps its distance: of three sessions the first and the second begin it.

    >>> both, rng = np.tile([1.0, 2.0, 4.0], (2, 1)), np.random.default_rng(0)
    >>> total, n_ordinary = random_totals(both, np.array([7, 8]), np.array([0, 0]), 99, rng)
    >>> sorted(set(total.tolist())), n_ordinary
    ([3.0, 6.0], 2)
    """
    total = np.zeros(draws)
    fewest = reference.shape[1]
    for number in range(int(block[-1]) + 1):
        members = np.flatnonzero(block == number)
        moved = position[members] - position[members[0]]
        places = np.arange(max(reference.shape[1] - int(moved[-1]), 0))
        sums = reference[members[:, None], places + moved[:, None]].sum(axis=0)
        sums = sums[np.isfinite(sums)]
        fewest = min(fewest, len(sums))
        if fewest:
            total += sums[rng.integers(len(sums), size=draws)]
    return total, fewest


def seed_of(seed: int, group: str, window: str, position: Ints) -> list[int]:
    """Seed the draws of a pool by its sessions, whatever it is called and stands beside.

    Parameters
    ----------
    seed : int
        Of the whole estimate.
    group, window : str
        The group and the window of the pool, as tables name them.
    position : ndarray of int, shape (C,)
        Event sessions of its clusters on the calendar of the group.

    Examples
    --------
    >>> seed_of(0, "makers", "[0, 1]", np.array([3, 8])) == seed_of(
    ...     0, "makers", "[0, 1]", np.array([3, 9])
    ... )
    False
    """
    sessions = ";".join(map(str, position.tolist()))
    return [seed, zlib.crc32("\0".join((group, window, sessions)).encode())]


def sign_flip_p_value(scaar: Floats, block: Ints, draws: int, seed: Sequence[int]) -> float:
    r"""Rank the mean SCAAR among those with random signs: valid under symmetry.

    Clusters whose windows overlap, those of one `block`, take one sign. All :math:`2^B` signs of B
    blocks are tried up to 16 blocks, else `draws` of them. Twice the smaller tail; NaN with fewer
    than `MINIMUM_CLUSTERS` blocks. `scaar` and `seed` as in `randomization_p_value`.

    Examples
    --------
    Four positive values: of 16 signs the two that agree are as extreme.

    >>> sign_flip_p_value(np.array([1.0, 2.0, 3.0, 4.0]), np.arange(4), 9_999, [0])
    0.125
    """
    sums = np.bincount(block, scaar)
    if len(sums) < MINIMUM_CLUSTERS:
        return float("nan")
    every = len(sums) <= EXHAUSTIVE_BLOCKS
    turned = _every_turn(len(sums)) if every else _random_turns(len(sums), draws, seed)
    with one_thread():
        drawn = np.where(turned, -1.0, 1.0) @ sums
    # Rounding must not part what is equal.
    actual, slack = sums.sum(), 1e-9 * abs(sums.sum())
    tail = min((drawn <= actual + slack).sum(), (drawn >= actual - slack).sum())
    return float(min(1.0, 2 * (tail + (not every)) / (len(drawn) + (not every))))


@cache
def _every_turn(blocks: int) -> Bools:
    """Every choice of blocks of which the sign turns, shape (2^B, B)."""
    turned: Bools = (np.arange(2**blocks)[:, None] >> np.arange(blocks)) % 2 == 1
    return turned


def _random_turns(blocks: int, draws: int, seed: Sequence[int]) -> Bools:
    """Random choices of blocks of which the sign turns, shape (draws, B)."""
    # One bit of a word decides, as where `Generator.permuted` exchanges two.
    words = np.random.default_rng(seed).integers(2**32, size=(draws, blocks), dtype=np.uint32)
    turned: Bools = words % 2 == 0
    return turned


def permutation_p_value(
    values: Floats,
    first: Bools,
    block: Ints,
    draws: int,
    seed: int,
    *,
    session: Ints | None = None,
) -> float:
    """Rank a studentized difference of means among those of shuffled labels.

    The blocks of clusters whose windows overlap change places as a whole, and clusters of one
    session among themselves, see `relabelled`. Without overlap all assignments of the labels are
    tried if there are no more than `draws`. NaN with fewer than `MINIMUM_CLUSTERS` values of either
    label, and where nothing can change places.

    `values` (C,) are in the order of their sessions, `first` tells which have the first label,
    `block` as in `blocks_of`, `draws` and `seed` as in `EventStudyResults.pool`; `session` numbers
    the session of each, by default each has its own.

    Examples
    --------
    Of the 20 ways to choose three of six, two are as extreme; of two blocks of three, all.

    >>> values, first = np.array([1.0, 2.0, 3.0, 7.0, 8.0, 9.0]), np.arange(6) < 3
    >>> permutation_p_value(values, first, np.arange(6), 9_999, 0)
    0.1
    >>> permutation_p_value(values, first, np.arange(6) // 3, 9_999, 0)
    1.0
    """
    if min(first.sum(), (~first).sum()) < MINIMUM_CLUSTERS:
        return float("nan")
    if block[-1] + 1 == len(block):
        from scipy import stats

        found = stats.permutation_test(
            (values[first], values[~first]),
            lambda one, other, axis: np.abs(_studentized_difference(one, other, axis)),
            permutation_type="independent",
            vectorized=True,
            n_resamples=draws,
            alternative="greater",
            rng=np.random.default_rng(seed),
        )
        return float(found.pvalue)
    places = exchanged(block, draws, np.random.default_rng(seed), session=session)
    moved, every = relabelled(first, places)
    one, other = (values[np.nonzero(side)[1].reshape(len(moved), -1)] for side in (moved, ~moved))
    # Nothing changes either where labels change places between equal values.
    if (np.abs(one.sum(axis=1) - values[first].sum()) <= 1e-9 * np.abs(values).sum()).all():
        return float("nan")
    drawn = np.abs(_studentized_difference(one, other))
    actual = np.abs(_studentized_difference(values[first], values[~first]))
    return rank_p_value(drawn, float(actual), every=every)


def rank_p_value(drawn: Floats, actual: float, *, every: bool) -> float:
    r"""Rank a statistic among those of other assignments.

    Parameters
    ----------
    drawn : ndarray, shape (draws,)
        Large where the null is in doubt.
    actual : float
    every : bool
        Whether these are all that there are, the actual one among them; else
        :math:`(1 + \#) / (1 + draws)`.

    Examples
    --------
    >>> rank_p_value(np.array([1.0, 2.0, 3.0, 4.0]), 3.0, every=True)
    0.5
    >>> rank_p_value(np.array([1.0, 2.0, 4.0]), 3.0, every=False)
    0.5
    """
    # Rounding must not part what is equal.
    reached = int((drawn >= actual * (1 - 1e-9)).sum())
    return reached / len(drawn) if every else (1 + reached) / (1 + len(drawn))


def relabelled(labels: NDArray[_Label], places: Ints) -> tuple[NDArray[_Label], bool]:
    """Assign labels anew, by `places` that `exchanged` drew.

    Every assignment is as probable as every other. Where few are possible all of them are found.

    Parameters
    ----------
    labels : ndarray, shape (C,)
    places : ndarray of int, shape (draws, C)

    Returns
    -------
    assigned : ndarray, shape (A, C)
        Each assignment once, the actual one among them; or one for each draw.
    every : bool
        Whether these are all.

    Examples
    --------
    >>> pairs, rng = np.array([0, 0, 1, 1]), np.random.default_rng(0)
    >>> places = exchanged(pairs, 99, rng, session=pairs)
    >>> assigned, every = relabelled(np.array([1, 0, 0, 0]), places)
    >>> assigned.tolist(), every
    ([[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]], True)
    """
    assigned = labels[places]
    most = len(places) // DRAWS_TO_SEE_ALL
    # If more are possible than that, twice as many draws show it.
    if len(np.unique(assigned[: 2 * most + 1], axis=0)) > most:
        return assigned, False
    found = np.unique(np.vstack([assigned, labels]), axis=0)
    return (found, True) if len(found) <= most else (assigned, False)


def exchanged(
    block: Ints, draws: int, rng: np.random.Generator, *, session: Ints | None = None
) -> Ints:
    """Draw whose label each cluster takes where clusters are not exchangeable one by one.

    A block changes places with blocks that have as many clusters on each session, one after the
    other. Clusters of one session share its shocks and change places among themselves, which takes
    them for equally variable.

    Parameters
    ----------
    block, session : ndarray of int, shape (C,)
        Number of the block and of the session of each, in any order; by default each cluster has
        its own session.
    draws : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (draws, C)

    Examples
    --------
    Two blocks of two sessions, and two sessions of two clusters:

    >>> places, rng = np.array([0, 0, 1, 1]), np.random.default_rng(0)
    >>> sorted(set(map(tuple, exchanged(places, 99, rng).tolist())))
    [(0, 1, 2, 3), (2, 3, 0, 1)]
    >>> len(set(map(tuple, exchanged(places, 99, rng, session=places).tolist())))
    8
    """
    session = np.arange(len(block)) if session is None else session
    order = np.lexsort((session, block))
    alike: dict[tuple[int, ...], list[Ints]] = {}
    for members in np.split(order, np.flatnonzero(np.diff(block[order])) + 1):
        pattern = np.unique(session[members], return_counts=True)[1]
        alike.setdefault(tuple(pattern.tolist()), []).append(members)
    taken = np.empty((draws, len(block)), dtype=np.int64)
    for counts, blocks in sorted(alike.items(), key=lambda item: (sum(item[0]), item[0])):
        members = np.array(blocks)
        places = rng.permuted(np.tile(np.arange(len(members)), (draws, 1)), axis=1)
        moved = members[places]
        for last, count in zip(np.cumsum(counts), counts, strict=True):
            if count > 1:
                together = moved[:, :, last - count : last]
                moved[:, :, last - count : last] = rng.permuted(together, axis=2)
        taken[:, members.ravel()] = moved.reshape(draws, -1)
    return taken


def _studentized_difference(first: Floats, second: Floats, axis: int = -1) -> Floats:
    difference = first.mean(axis=axis) - second.mean(axis=axis)
    variance = first.var(axis=axis, ddof=1) / first.shape[axis]
    variance = variance + second.var(axis=axis, ddof=1) / second.shape[axis]
    # Without any spread a difference is beyond all others. Of infinite ones SciPy would compare
    # differences that are none.
    ratio: Floats = np.divide(
        difference,
        np.sqrt(variance),
        out=np.where(difference == 0, 0.0, np.copysign(_BEYOND, difference)),
        where=variance > 0,
    )
    return ratio
