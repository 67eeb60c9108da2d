r"""Coded policy stance: from the stances of announcements to a daily index and its surprises.

On session t of a calendar the index of one dimension is

.. math:: S_t = \sum_{k: T_k \le t} s_k \, w_k \, 2^{-(t - T_k) / h},

with :math:`T_k` the event session of announcement k, :math:`s_k` its stance (-1, 0, 1),
:math:`w_k` its salience, :math:`t - T_k` in calendar days and h the half-life. What enters at t,
:math:`x_t = \sum_{k: T_k = t} s_k w_k`, is the innovation. Only in-sample announcements of the role
``policy`` count.
"""

from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.checks.randomization import permutation_test
from chainpolicy.estimators.clusters import weighted_stances
from chainpolicy.study import Study
from chainpolicy.study.events import OVERALL, dimension_of, stance_columns
from chainpolicy.study.parts import in_parts
from chainpolicy.study.regressors import STANCE
from chainpolicy.study.remember import remembered
from chainpolicy.study.returns import portfolio_returns
from chainpolicy.study.sessions import announcement_time, sessions

# Fewer sessions of either sign than this carry no permutation test.
LEAST_SESSIONS = 3


def dimensions(study: Study) -> tuple[str, ...]:
    """Return what the announcements of a study are coded on; the last stands for all of it.

    Returns
    -------
    tuple of str
        One for each stance of events.csv, after several of them `OVERALL`, their sum.
    """
    named = tuple(dimension_of(column) for column in stance_columns(study.events))
    return (*named, OVERALL) if len(named) > 1 else named


def sentiment_index(days: pd.DatetimeIndex, shocks: pd.DataFrame, half_life: float) -> pd.DataFrame:
    """Cumulate shocks that lose half of their weight every `half_life` calendar days.

    A shock after the last session has no effect, one before the first enters the level only. Raises
    ValueError if the days or the shocks have a time zone.
    """
    for name, given in (("days", days), ("shocks", pd.DatetimeIndex(shocks["event_session"]))):
        if given.tz is not None:
            raise ValueError(f"{name} have the time zone {given.tz}; give days without one")
    entered = shocks["event_session"].to_numpy("datetime64[ns]")
    value = shocks["value"].to_numpy(np.float64)
    # Summed one by one in their order, a later announcement adds exactly nothing before it.
    order = np.argsort(entered, kind="stable")
    age = (days.to_numpy("datetime64[ns]")[:, None] - entered[order]) / np.timedelta64(1, "D")
    weight = np.where(age >= 0, 2.0 ** (-np.maximum(age, 0.0) / half_life), 0.0)
    sums = [
        np.cumsum(np.pad(part * value[order], [(0, 0), (1, 0)]), axis=1)[:, -1]
        for part in (age == 0, weight)
    ]
    return pd.DataFrame({"session": days, "innovation": sums[0], "level": sums[1]})


@remembered
def policy_announcements(study: Study, group: str) -> pd.DataFrame:
    """List the announcements that make the index of a group: those that hit an asset of it.

    ``event_id, event_session, hit`` (the assets of the group that it hits, joined by ``;``) and the
    `dimensions` in stance times salience; in-sample policy announcements in the order in which they
    were made.
    """
    aligned = study.alignment[
        (study.alignment["ticker"].map(study.groups) == group)
        & study.alignment["in_sample"]
        & (study.alignment["role"] == "policy")
    ]
    hit = aligned.sort_values("ticker").groupby("event_id")["ticker"].agg(";".join)
    aligned = aligned.drop_duplicates("event_id")
    aligned = aligned.assign(hit=aligned["event_id"].map(hit))
    announced = [
        announcement_time(calendar, at)
        for calendar, at in zip(aligned["calendar"], aligned["announced_at"], strict=True)
    ]
    aligned = aligned.assign(announced=announced).sort_values(["announced", "event_id"])
    announcements = aligned[["event_id", "event_session", "hit"]].reset_index(drop=True)
    weighted = weighted_stances(study.events).rename(columns=dimension_of)
    weighted[OVERALL] = weighted.pop(STANCE)
    said = weighted[list(dimensions(study))].loc[announcements["event_id"]]
    return announcements.join(said.reset_index(drop=True))


def announcements_to_all(study: Study, group: str) -> pd.DataFrame:
    """List those of `policy_announcements` that hit every asset of the group.

    They make its index: what hits one asset of many is no news of the group.
    """
    announced = policy_announcements(study, group)
    everyone = ";".join(sorted(study.groups.index[study.groups == group]))
    return announced[announced["hit"] == everyone].reset_index(drop=True)


@remembered
def policy_index(study: Study, group: str) -> pd.DataFrame:
    """Return the index of coded policy stance on the sessions of a group, in stance times salience.

    Of the `announcements_to_all`.
    ``dimension, session, innovation, level``, every session of the study for each of the
    `dimensions`.
    """
    announced = announcements_to_all(study, group)
    days = sessions(study.calendars[group], study.start, study.end, study.corrections)
    nothing = pd.DataFrame({"dimension": "", "session": days, "innovation": 0.0, "level": 0.0})
    frames = [nothing.iloc[:0]]
    for dimension in dimensions(study):
        shocks = announced.rename(columns={dimension: "value"})
        index = sentiment_index(days, shocks, study.half_life)
        index.insert(0, "dimension", dimension)
        frames.append(index)
    return pd.concat(frames, ignore_index=True)


def index_and_returns(study: Study, group: str, named: list[str]) -> pd.DataFrame:
    """Put the index of a group beside its cumulative return.

    Parameters
    ----------
    study : Study
    group : str
    named : list of str
        Which of the `dimensions`.

    Returns
    -------
    DataFrame
        ``session``, ``level_<dimension>`` and ``innovation_<dimension>``, and ``cumulative_return``
        of the equally weighted group in the study's kind of return; from the beginning of the
        event window of the first announcement on.
    """
    index = policy_index(study, group).pivot_table(
        index="session", columns="dimension", values=["level", "innovation"], sort=False
    )
    frame = pd.DataFrame(
        {f"{part}_{name}": index[part, name] for part in ("level", "innovation") for name in named}
    )
    entered = int((frame != 0).any(axis=1).to_numpy().argmax())
    frame = frame.iloc[max(entered + min(study.event_window[0], 0), 0) :]
    portfolio = portfolio_returns(study.returns, study.groups)
    returns = portfolio[portfolio["group"] == group].set_index("session")["return"]
    return frame.assign(cumulative_return=returns.reindex(frame.index).cumsum()).reset_index()


def stance_sessions(study: Study, window: tuple[int, int] = (0, 1)) -> pd.DataFrame:
    """Merge the announcements of a session and say how each group responded.

    A session on which some assets were hit by good news and others by bad is there twice, with the
    assets of either.

    Returns
    -------
    DataFrame
        ``group, dimension, event_session, event_id`` (the earliest announced), ``members`` (all
        of them, joined by ``;``), ``net`` (sum of stance times salience; if assets differ, that of
        most, or of those hit first), ``stance`` (its sign), ``mixed`` (an asset was hit by both
        signs),
        ``overlaps`` (its window shares a session with that of another row), ``n_assets, caar``.
    """
    table = stance_parts(study, window)
    keys = ["group", "dimension", "event_session"]
    side = pd.factorize(pd.MultiIndex.from_frame(table[[*keys, "stance"]]))[0]
    parts = table.groupby(side)
    caar = responses_of_sides(side, table["n_assets"].to_numpy(), table["caar"].to_numpy())
    # Of parts that differ, what most assets were told.
    told = table.loc[parts["n_assets"].idxmax()].assign(
        event_id=parts["event_id"].first().to_numpy(),
        members=parts["members"].agg(_each_once).to_numpy(),
        mixed=parts["mixed"].any().to_numpy(),
        n_assets=parts["n_assets"].sum().to_numpy(),
        caar=caar,
    )
    told = told.assign(overlaps=told["overlaps"] | told.duplicated(keys, keep=False))
    return told.reset_index(drop=True)


def _each_once(lists: pd.Series) -> str:
    return ";".join(dict.fromkeys(";".join(lists).split(";")))


def responses_of_sides(
    side: NDArray[np.int64], n_assets: NDArray[np.int64], caar: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean over all assets of the parts of one side of a session.

    Parameters
    ----------
    side : ndarray of int, shape (parts,)
        Numbered from 0 without a gap.
    n_assets, caar : ndarray, shape (parts,)

    Returns
    -------
    ndarray, shape (sides,)
    """
    alone = np.bincount(side)[side] == 1
    mean = np.bincount(side, n_assets * caar) / np.bincount(side, n_assets)
    # What is of one part stays as it is, to the last digit.
    mean[side[alone]] = caar[alone]
    return np.asarray(mean)


@remembered
def stance_parts(study: Study, window: tuple[int, int]) -> pd.DataFrame:
    """Say how the assets responded that the same announcements of a session hit.

    The columns of `stance_sessions`; no asset is in two rows of a session.
    """
    parts = in_parts(study)
    responses = parts.study.results.caar(window)
    responses = responses.set_index(["group", "event_id"])[["n_assets", "caar"]]
    columns = ["group", "dimension", "event_session", "event_id", "members", "net", "stance"]
    columns += ["mixed", "overlaps", "n_assets", "caar"]
    frames = [pd.DataFrame(columns=columns)]
    for group in study.groups.unique():
        announced = policy_announcements(parts.study, str(group))
        estimated = pd.MultiIndex.from_product([[group], announced["event_id"]])
        announced = announced[estimated.isin(responses.index)]
        if announced.empty:
            continue
        # In the order of sessions, and of the first announcements of their parts.
        announced = announced.sort_values("event_session", kind="stable")
        by_part = announced.groupby(["event_session", "hit"], sort=False)
        part = by_part.ngroup().to_numpy()
        told = announced[~announced.duplicated(["event_session", "hit"])]
        told = told[["event_session", "event_id"]].reset_index(drop=True)
        close = _overlaps(study, str(group), announced["event_session"], window)
        told = told.assign(
            group=group,
            members=by_part["event_id"].agg(";".join).to_numpy(),
            overlaps=told["event_session"].isin(close),
        ).join(responses.loc[group], on="event_id")
        for dimension in dimensions(study):
            weight = announced[dimension].to_numpy()
            net = np.bincount(part, weight).astype(np.int64)
            supported, restricted = (
                np.bincount(part, side) > 0 for side in (weight > 0, weight < 0)
            )
            frames.append(
                told.assign(
                    dimension=dimension,
                    net=net,
                    stance=np.sign(net),
                    mixed=supported & restricted,
                )
            )
    table = pd.concat(frames[1:] or frames, ignore_index=True)[columns]
    return table.assign(**{name: parts.events(table[name]) for name in ("event_id", "members")})


def response_by_stance(responses: pd.DataFrame) -> pd.DataFrame:
    """Compare the responses to supportive and to restrictive sessions.

    Parameters
    ----------
    responses : DataFrame
        Of `stance_sessions`; sessions whose net stance is zero do not count.

    Returns
    -------
    DataFrame
        ``group, dimension, n_supportive, n_restrictive, supportive, restrictive`` (mean CAAR),
        ``difference, lowest, highest`` (of the difference when one session at a time is left
        out; NaN where a stance has one session only), ``n_assignments, smallest_p, p_value,
        n_mixed, n_overlapping``. The p-value is that of `permutation_test`, NaN with fewer than
        three sessions of either sign.
    """
    rows = []
    for (group, dimension), every in responses.groupby(["group", "dimension"], sort=False):
        signed = every[every["stance"] != 0]
        supportive = (signed["stance"] > 0).to_numpy()
        values = signed["caar"].to_numpy(np.float64)
        counts = int(supportive.sum()), int((~supportive).sum())
        means = [float(values[side].mean()) if side.any() else np.nan
                 for side in (supportive, ~supportive)]  # fmt: skip
        without = _differences_without_one(values, supportive)
        session = pd.factorize(signed["event_session"])[0]
        tested = min(counts) >= LEAST_SESSIONS
        test = permutation_test(values, supportive, session=session) if tested else None
        rows.append(
            {
                "group": group,
                "dimension": dimension,
                "n_supportive": counts[0],
                "n_restrictive": counts[1],
                "supportive": means[0],
                "restrictive": means[1],
                "difference": means[0] - means[1],
                "lowest": without.min() if len(without) else np.nan,
                "highest": without.max() if len(without) else np.nan,
                "n_assignments": test.n_assignments if test else comb(len(values), counts[0]),
                "smallest_p": test.smallest_p if test else np.nan,
                "p_value": test.p_value if test else np.nan,
                "n_mixed": int(every["mixed"].sum()),
                "n_overlapping": int(signed["overlaps"].sum()),
            }
        )
    columns = ["group", "dimension", "n_supportive", "n_restrictive", "supportive", "restrictive"]
    columns += ["difference", "lowest", "highest", "n_assignments", "smallest_p", "p_value"]
    return pd.DataFrame(rows, columns=[*columns, "n_mixed", "n_overlapping"])


def _differences_without_one(
    values: NDArray[np.float64], supportive: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Differences of the two means without each session; none if that empties a stance."""
    if min(supportive.sum(), (~supportive).sum()) < 2:
        return np.array([])
    kept = ~np.eye(len(values), dtype=bool)
    return np.array(
        [values[one & supportive].mean() - values[one & ~supportive].mean() for one in kept]
    )


def _overlaps(
    study: Study, group: str, days: pd.Series, window: tuple[int, int]
) -> pd.DatetimeIndex:
    """Event sessions closer to another one than a window is long."""
    ordered = pd.DatetimeIndex(days.drop_duplicates().sort_values())
    open_days = sessions(study.calendars[group], ordered[0], ordered[-1], study.corrections)
    begin, stop = (open_days.searchsorted(ordered, side=side) for side in ("left", "right"))
    near = stop[1:] - begin[:-1] - 1 <= window[1] - window[0]
    overlapping: pd.DatetimeIndex = ordered[np.append(near, False) | np.append(False, near)]
    return overlapping
