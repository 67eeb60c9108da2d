r"""What a pooled effect rests on: the same mean over other choices of announcements.

The unit is the cluster, the distinct event session of a group; clusters whose windows overlap are
one block, which is moved, signed and counted as one. Three ways to judge a mean of C clusters in B
blocks:

- its rank among means over ordinary sessions, which leads (`pooling.randomization_p_value`);
- its rank among means with random signs, one a block (`pooling.sign_flip_p_value`);
- an interval from the spread over the blocks, so that a variance raised by announcements is in it,

  .. math:: \bar C \pm t_{B-1} \Big( \frac{B}{B-1} \frac1{C^2}
            \sum_b \big( \sum_{c \in b} (CAAR_c - \bar C) \big)^2 \Big)^{1/2} .

`random_calendars` counts how often they reject where nothing happened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.inference import critical_value
from chainpolicy.eventstudy.panel import Bools, Floats, Ints
from chainpolicy.eventstudy.pooling import (
    MINIMUM_CLUSTERS,
    blocks_of,
    random_totals,
    randomization_p_value,
    rank_p_value,
    seed_of,
    sign_flip_p_value,
)
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.announced import local_day
from chainpolicy.study.events import stance_columns
from chainpolicy.study.remember import remembered

DRAWS = 9_999
LEVEL = 0.05
# Calendars drawn where nothing happened, draws that all are ranked among, signs tried on each.
CALENDARS, REFERENCE, SIGNS = 4_000, 49_999, 1_999
RESTRICTIVE, SUPPORTIVE = "restrictive", "supportive"

_COLUMNS = [
    *("subset", "group", "window", "n_events", "n_clusters", "n_blocks", "n_negative", "mean"),
    *("std_error", "lower", "upper", "mean_scaar", "randomization_p", "sign_flip_p"),
]


@dataclass(frozen=True, eq=False)
class Clusters:
    """The distinct event sessions of one group, and what its ordinary sessions look like.

    A session has the mean over the assets that its events hit, each once.

    Attributes
    ----------
    group : str
    window : tuple of int
    session : DatetimeIndex
        Event sessions, ascending.
    events : tuple of frozenset of str
        The announcements of each.
    position : ndarray of int, shape (C,)
        Of the sessions on the group's calendar.
    caar, scaar : ndarray, shape (C,)
        CAAR, and CAAR over its standard error.
    ordinary_caar, ordinary_scaar : ndarray, shape (C, T)
        Of the assets of each on every session of the calendar, NaN where it is no ordinary one.
    whole, alike : ndarray of bool, shape (C,)
        Whether its events hit every asset of the group, and whether each of them hits the same.
    calendar : DatetimeIndex, shape (T,)
    """

    group: str
    window: Window
    session: pd.DatetimeIndex
    events: tuple[frozenset[str], ...]
    position: Ints
    caar: Floats
    scaar: Floats
    ordinary_caar: Floats
    ordinary_scaar: Floats
    whole: Bools
    alike: Bools
    calendar: pd.DatetimeIndex

    @property
    def block(self) -> Ints:
        """Number of the block of each cluster."""
        return blocks_of(self.position, self.window[1] - self.window[0] + 1)

    def of(self, events: Collection[str]) -> Clusters:
        """Return the clusters on which some of these events were announced.

        Raises
        ------
        ValueError
            If the events that stay on a session hit other assets than those that go: then
            `event_clusters` must be asked for these events.
        """
        held = self.held_by(events)
        wanted = frozenset(events)
        for session, members, alike in zip(self.session, self.events, self.alike, strict=True):
            if members & wanted and members - wanted and not alike:
                raise ValueError(
                    f"the events of {session:%Y-%m-%d} hit different assets: name those that "
                    "count where the clusters are collected"
                )
        return self if held.all() else self.chosen(held)

    def held_by(self, events: Collection[str]) -> Bools:
        """Say of which clusters some of these events are members."""
        wanted = frozenset(events)
        return np.array([bool(wanted & held) for held in self.events], dtype=np.bool_)

    def chosen(self, mask: Bools) -> Clusters:
        """Return some of the clusters."""
        return replace(
            self,
            session=self.session[mask],
            events=tuple(held for held, keep in zip(self.events, mask, strict=True) if keep),
            position=self.position[mask],
            caar=self.caar[mask],
            scaar=self.scaar[mask],
            ordinary_caar=self.ordinary_caar[mask],
            ordinary_scaar=self.ordinary_scaar[mask],
            whole=self.whole[mask],
            alike=self.alike[mask],
        )

    def largest(self, count: int) -> Clusters:
        """Return the clusters with the largest CAAR, in their order."""
        rank = np.argsort(-self.caar, kind="stable")[:count]
        return self.chosen(np.isin(np.arange(len(self.caar)), rank))

    def reference(self, *, same_year: bool = False) -> Floats:
        """SCAAR of ordinary sessions for each cluster, shape (C, T); of its own year if asked."""
        if not same_year:
            return self.ordinary_scaar
        alike = self.session.year.to_numpy()[:, None] == self.calendar.year.to_numpy()
        return np.where(alike, self.ordinary_scaar, np.nan)


def event_clusters(
    study: Study,
    group: str,
    window: Window = (0, 1),
    events: Collection[str] | None = None,
) -> Clusters:
    """Collect the sessions of events of the sample, and the ordinary sessions of a group.

    Parameters
    ----------
    window : tuple of int
        Both ends inclusive.
    events : collection of str, optional
        Those that count. Default: all.

    Returns
    -------
    Clusters

    Raises
    ------
    ValueError
        If there is no such group.
    """
    every = _every_cluster(study, group, window)
    if events is None:
        return every
    wanted = frozenset(events)
    if every.alike[every.held_by(wanted)].all():
        return every.of(wanted)
    return _of_hit_assets(study, every, wanted)


def _require_group(study: Study, group: str) -> None:
    if group not in study.calendars:
        raise ValueError(f"no group is called {group!r}; there are {', '.join(study.calendars)}")


@remembered
def _every_cluster(study: Study, group: str, window: Window) -> Clusters:
    _require_group(study, group)
    results = study.results
    held = study.returns["ticker"].map(study.groups) == group
    calendar = pd.DatetimeIndex(np.sort(study.returns.loc[held, "session"].unique()))
    pairs = results.pairs[results.pairs["group"] == group]
    session_of = pairs.drop_duplicates("event_id").set_index("event_id")["event_session"]
    found = results.caar(window)
    found = found[found["group"] == group].dropna(subset="caar")
    # Of a group that has no estimate too, of which `map` would make numbers.
    found = found.assign(event_session=session_of.reindex(found["event_id"]).to_numpy())
    by_session = found.groupby("event_session")
    members = by_session["event_id"].agg(frozenset)
    first = found.drop_duplicates("event_session").set_index("event_session").loc[members.index]
    aligned = study.alignment[study.alignment["ticker"].map(study.groups) == group]
    hit = {event_id: frozenset(of) for event_id, of in aligned.groupby("event_id")["ticker"]}
    sets = [{hit[event_id] for event_id in events} for events in members]
    everyone = frozenset(study.groups.index[study.groups == group])
    cars = study.ordinary_cars(window)
    caars = cars[cars["ticker"].isin(everyone)].groupby("session")["car"].mean()
    ratios = study.ordinary_caars(window)
    scaars = ratios[ratios["group"] == group].set_index("session")["studentized_caar"]
    ordinary_caar, ordinary_scaar = (
        np.broadcast_to(values.reindex(calendar).to_numpy(), (len(members), len(calendar)))
        for values in (caars, scaars)
    )
    session = pd.DatetimeIndex(members.index)
    every = Clusters(
        group=group,
        window=window,
        session=session,
        events=tuple(members),
        position=calendar.get_indexer(session).astype(np.int64),
        caar=first["caar"].to_numpy(np.float64),
        scaar=(first["caar"] / first["std_error"]).to_numpy(np.float64),
        ordinary_caar=ordinary_caar,
        ordinary_scaar=ordinary_scaar,
        whole=np.array([everyone in of for of in sets], dtype=np.bool_),
        alike=np.array([len(of) == 1 for of in sets], dtype=np.bool_),
        calendar=calendar,
    )
    if every.whole.all() and every.alike.all():
        return every
    return _of_hit_assets(study, every, frozenset(found["event_id"]))


def _of_hit_assets(study: Study, every: Clusters, events: frozenset[str]) -> Clusters:
    """Collect the clusters of some events that hit different assets on a session."""
    group, window, results = every.group, every.window, study.results
    pairs = results.car(window).dropna(subset="car")[["event_id", "ticker"]]
    pairs = pairs[pairs["event_id"].isin(events) & (pairs["ticker"].map(study.groups) == group)]
    chosen = dict.fromkeys(zip(pairs["event_id"], pairs["ticker"], strict=True), "chosen")
    table = results.pool(chosen, window).clusters
    session = pd.DatetimeIndex(table["event_session"])
    members = [names.split(";") for names in table["events"]]
    estimated = {event_id: set(of) for event_id, of in pairs.groupby("event_id")["ticker"]}
    assets = [
        tuple(sorted(set[str]().union(*(estimated.get(name, set()) for name in of))))
        for of in members
    ]
    scaar = results.ordinary_scaar(window, group, assets)
    cars = study.ordinary_cars(window).pivot_table("car", "session", "ticker")
    cars = cars.reindex(every.calendar)
    caar = np.array([cars.reindex(columns=list(of)).mean(axis=1) for of in assets])
    aligned = study.alignment[study.alignment["ticker"].map(study.groups) == group]
    hit = {str(event_id): set(of) for event_id, of in aligned.groupby("event_id")["ticker"]}
    everyone = set(study.groups.index[study.groups == group])
    alike = dict(zip(every.session, every.alike, strict=True))
    return replace(
        every,
        session=session,
        events=tuple(map(frozenset, members)),
        position=every.calendar.get_indexer(session).astype(np.int64),
        caar=table["caar"].to_numpy(np.float64),
        scaar=table["scaar"].to_numpy(np.float64),
        ordinary_caar=np.where(np.isfinite(scaar), caar.reshape(scaar.shape), np.nan),
        ordinary_scaar=scaar,
        whole=np.array(
            [everyone <= set().union(*(hit[name] for name in of)) for of in members], dtype=np.bool_
        ),
        alike=np.array([alike[day] for day in session], dtype=np.bool_),
    )


def directions(study: Study) -> pd.Series:
    """Say of every event whether it restricts or supports.

    Returns
    -------
    Series
        By event_id: "restrictive" if one of the stances is negative, else "supportive" if one is
        positive, else blank. Only policy announcements of the sample.
    """
    events = study.events.set_index("event_id")
    events = events[(events["role"] == "policy") & events["in_sample"]]
    stances = events[stance_columns(events)]
    named = pd.Series("", index=events.index).mask((stances > 0).any(axis=1), SUPPORTIVE)
    return named.mask((stances < 0).any(axis=1), RESTRICTIVE)


def events_of(study: Study, direction: str) -> tuple[str, ...]:
    """List the policy announcements of the sample that restrict, or that support."""
    named = directions(study)
    return tuple(str(event_id) for event_id in named.index[named == direction])


def pooled_effect(
    clusters: Clusters, subset: str, events: Collection[str], *, same_year: bool = False
) -> dict[str, object]:
    """Pool the clusters on which some events were announced.

    Parameters
    ----------
    subset : str
        What the choice is called.
    events : collection of str
    same_year : bool
        Draw each block's ordinary sessions from its own year.

    Returns
    -------
    dict
        ``subset, group, window, n_events, n_clusters, n_blocks, n_negative, mean, std_error,
        lower, upper, mean_scaar, randomization_p, sign_flip_p``; what takes three blocks is NaN
        with fewer.
    """
    chosen = clusters.of(events)
    count, named = len(chosen.caar), window_label(clusters.window)
    held = frozenset(events) & frozenset[str]().union(*chosen.events)
    row: dict[str, object] = dict.fromkeys(_COLUMNS, np.nan)
    row |= {"subset": subset, "group": clusters.group, "window": named}
    row |= {
        "n_events": len(held),
        "n_clusters": count,
        "n_blocks": 0,
        "n_negative": int((chosen.caar < 0).sum()),
    }
    if not count:
        return row
    block, mean = chosen.block, float(chosen.caar.mean())
    row |= {"n_blocks": int(block[-1]) + 1, "mean": mean}
    row |= {"mean_scaar": float(chosen.scaar.mean())}
    if block[-1] + 1 < MINIMUM_CLUSTERS:
        return row
    error = float(block_error(chosen.caar, block))
    half = float(critical_value(LEVEL, block[-1])) * error
    seed = seed_of(0, clusters.group, named, chosen.position)
    reference = chosen.reference(same_year=same_year)
    rank, _ = randomization_p_value(chosen.scaar, reference, chosen.position, block, DRAWS, seed)
    return row | {
        "std_error": error,
        "lower": mean - half,
        "upper": mean + half,
        "randomization_p": rank,
        "sign_flip_p": sign_flip_p_value(chosen.scaar, block, DRAWS, seed),
    }


def block_error(caar: Floats, block: Ints) -> Floats:
    """Return the standard error of means from the spread over blocks.

    Parameters
    ----------
    caar : ndarray, shape (..., C)
    block : ndarray of int, shape (C,)
        Ascending from 0.

    Returns
    -------
    ndarray, shape (...)
    """
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    sums = np.add.reduceat(caar - caar.mean(axis=-1, keepdims=True), starts, axis=-1)
    count = len(starts)
    error: Floats = np.sqrt((sums**2).sum(axis=-1) * count / (count - 1)) / caar.shape[-1]
    return error


def pooled_subsets(
    study: Study,
    group: str,
    subsets: Mapping[str, Collection[str]],
    window: Window = (0, 1),
) -> pd.DataFrame:
    """Pool several choices of announcements, which may share some.

    Parameters
    ----------
    subsets : mapping of str to collection of event_id
        By what each choice is called.
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    DataFrame
        One row per choice, the keys of `pooled_effect`.
    """
    rows = [
        pooled_events(study, group, window, tuple(some)) | {"subset": name}
        for name, some in subsets.items()
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


@remembered
def pooled_events(
    study: Study, group: str, window: Window, events: tuple[str, ...]
) -> dict[str, object]:
    """Pool the clusters of some events, see `pooled_effect`; the choice has no name yet."""
    return pooled_effect(event_clusters(study, group, window, events), "", events)


def split_by(study: Study, events: Collection[str], column: str) -> dict[str, tuple[str, ...]]:
    """Sort events by what a column of events.csv says of them; blank cells are left out.

    Parameters
    ----------
    events : collection of str
    column : str
        Or "year", of the announcement.

    Returns
    -------
    dict of str to tuple of event_id
        Values in order.
    """
    table = study.events[study.events["event_id"].isin(events)]
    if column == "year":
        said = table["announced_at"].map(lambda at: str(local_day(at).year) if at else "")
    else:
        said = table[column].astype(str)
    groups = table["event_id"].groupby(said)
    return {str(value): tuple(held) for value, held in groups if value}


def without_each(
    events: Collection[str], parts: Mapping[str, Collection[str]]
) -> dict[str, tuple[str, ...]]:
    """Leave one part out at a time: events by the part that is missing."""
    return {
        name: tuple(event for event in events if event not in set(part))
        for name, part in parts.items()
    }


def by_order(study: Study, events: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Sort announcements by the order that they carry out.

    Parameters
    ----------
    events : collection of str

    Returns
    -------
    dict of str to tuple of event_id
        By the label of the order; a blank ``order`` is one of its own, under the event_id.
    """
    table = study.events[study.events["event_id"].isin(events)]
    orders = table["order"].mask(table["order"] == "", table["event_id"])
    return {str(name): tuple(of) for name, of in table["event_id"].groupby(orders, sort=False)}


def one_per_order(study: Study, events: Collection[str]) -> tuple[str, ...]:
    """Keep the first announcement of each order, see `by_order`."""
    return tuple(held[0] for held in by_order(study, events).values())


def difference(
    study: Study,
    group: str,
    first: Collection[str],
    second: Collection[str],
    window: Window = (0, 1),
) -> pd.Series:
    """Compare two choices of announcements, by permutation of the labels over clusters.

    What an asset was hit by on one session belongs to the first choice if some of it does. Clusters
    whose windows overlap change places as a block, those of one session among themselves.

    Parameters
    ----------
    first, second : collection of event_id
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    Series
        ``n_first, n_second, mean_first, mean_second, difference, p_value``.

    Raises
    ------
    ValueError
        If the study has no such group.
    """
    _require_group(study, group)
    pairs = study.results.pairs[study.results.pairs["group"] == group]
    of_first, of_second = (pairs["event_id"].isin(set(some)) for some in (first, second))
    hit = pd.MultiIndex.from_frame(pairs[["event_session", "ticker"]])
    label = np.where(
        of_first, "first", np.where(of_second & ~hit.isin(hit[of_first]), "second", "")
    )
    named = dict(zip(zip(pairs["event_id"], pairs["ticker"], strict=True), label, strict=True))
    pool = study.results.pool(named, window)
    means = pool.clusters.groupby("label")["caar"].agg(["size", "mean"])
    count, mean = means["size"], means["mean"]
    both = {"first", "second"} <= set(means.index)
    return pd.Series(
        {
            "n_first": count.get("first", 0),
            "n_second": count.get("second", 0),
            "mean_first": mean.get("first", np.nan),
            "mean_second": mean.get("second", np.nan),
            "difference": mean.get("first", np.nan) - mean.get("second", np.nan),
            "p_value": pool.difference("first", "second")["p_value"].item() if both else np.nan,
        }
    )


def fade(
    study: Study, group: str, events: Collection[str], window: Window = (0, 1)
) -> pd.DataFrame:
    """Ask whether later announcements move less: rank correlation of response and order.

    Parameters
    ----------
    events : collection of event_id
    window : tuple of int
        Both ends inclusive.

    Returns
    -------
    DataFrame
        Indexed by ``response``: "CAAR", "SCAAR" (in standard errors, hence free of the level of
        volatility) and their sizes "|CAAR|", "|SCAAR|"; ``correlation`` (Spearman), ``p_value``
        (two-sided, by permutation of the order over clusters, of which those whose windows overlap
        stay together), ``n_clusters``.
    """
    from scipy import stats

    clusters = event_clusters(study, group, window, events)
    order = np.arange(len(clusters.caar), dtype=np.float64)
    rows = {}
    responses = {"CAAR": clusters.caar, "SCAAR": clusters.scaar}
    responses |= {f"|{name}|": np.abs(values) for name, values in responses.items()}
    n_blocks = int(clusters.block.max(initial=-1)) + 1
    if n_blocks >= MINIMUM_CLUSTERS:
        # Random numbers of the blocks put them in order; inside a block the order stays.
        drawn = np.random.default_rng(0).random((DRAWS, n_blocks))[:, clusters.block]
        moved = np.argsort(drawn, axis=1, kind="stable")
    for name, values in responses.items():
        found = p_value = np.nan
        if n_blocks >= MINIMUM_CLUSTERS:
            ranks = stats.rankdata(values)
            found = float(_correlation(ranks, order))
            drawn = np.abs(_correlation(ranks[moved], order))
            p_value = rank_p_value(drawn, abs(found), every=False)
        rows[name] = {"correlation": found, "p_value": p_value, "n_clusters": len(values)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("response")


def _correlation(values: Floats, order: Floats) -> Floats:
    centred = order - order.mean()
    deviations = values - values.mean(axis=-1, keepdims=True)
    scale = np.sqrt((deviations**2).sum(axis=-1) * (centred**2).sum())
    found: Floats = (deviations * centred).sum(axis=-1) / np.where(scale > 0, scale, np.inf)
    return found


def random_calendars(
    study: Study,
    group: str,
    events: Collection[str],
    window: Window = (0, 1),
    *,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Count how often the pooled tests reject on random dates with the same clusters.

    Every block of overlapping windows is moved as a whole to ordinary sessions, at random.

    Parameters
    ----------
    events : collection of event_id
    window : tuple of int
        Both ends inclusive.
    level : float
        Nominal size.

    Returns
    -------
    DataFrame
        Indexed by ``test`` ("randomization", "sign_flip", "interval"): ``rejection_rate,
        std_error`` (of Monte Carlo), ``n_calendars``.

    Raises
    ------
    ValueError
        With fewer than three blocks, or without a place for some block.
    """
    chosen = event_clusters(study, group, window, events)
    if not len(chosen.caar) or chosen.block[-1] + 1 < MINIMUM_CLUSTERS:
        raise ValueError(f"{group} has fewer than {MINIMUM_CLUSTERS} blocks of these events")
    rng = np.random.default_rng(0)
    block, every = chosen.block, np.arange(len(chosen.caar))
    at = random_places(chosen, CALENDARS, rng)
    caar, scaar = chosen.ordinary_caar[every, at], chosen.ordinary_scaar[every, at]
    # All calendars are ranked among the same draws: enough of them to add no error of their own.
    drawn, _ = random_totals(chosen.ordinary_scaar, chosen.position, block, REFERENCE, rng)
    reference = np.abs(drawn)
    total = np.abs(scaar.sum(axis=1))
    beyond = REFERENCE - np.searchsorted(np.sort(reference), total * (1 - 1e-12))
    rejected = {"randomization": (1 + beyond) / (1 + REFERENCE) < level}
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    sums = np.add.reduceat(scaar, starts, axis=1)
    signs = rng.choice([-1.0, 1.0], size=(len(starts), SIGNS))
    reached = (np.abs(sums @ signs) >= total[:, None] * (1 - 1e-12)).sum(axis=1)
    rejected["sign_flip"] = (1 + reached) / (1 + SIGNS) < level
    bound = float(critical_value(level, block[-1]))
    rejected["interval"] = np.abs(caar.mean(axis=1)) > bound * block_error(caar, block)
    rates = {name: float(low.mean()) for name, low in rejected.items()}
    table = pd.DataFrame({"rejection_rate": rates}).rename_axis("test")
    table["std_error"] = np.sqrt(level * (1 - level) / CALENDARS)
    return table.assign(n_calendars=CALENDARS)


def random_places(chosen: Clusters, draws: int, rng: np.random.Generator) -> Ints:
    """Move blocks of clusters to ordinary sessions; positions on the calendar, shape (draws, C).

    Raises ValueError without a place for some block.
    """
    found = np.empty((draws, len(chosen.caar)), dtype=np.int64)
    for number in range(int(chosen.block[-1]) + 1):
        members = np.flatnonzero(chosen.block == number)
        moved = chosen.position[members] - chosen.position[members[0]]
        last = len(chosen.calendar) - int(moved[-1])
        places = np.arange(max(last, 0))[:, None] + moved
        free = places[np.isfinite(chosen.ordinary_scaar[members, places]).all(axis=1)]
        if not len(free):
            raise ValueError(f"no ordinary sessions of {chosen.group} have room for a block")
        found[:, members] = free[rng.integers(len(free), size=draws)]
    return found
