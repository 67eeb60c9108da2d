r"""Placebo in space: a portfolio among random portfolios of the same market.

On each session random portfolios of as many shares, drawn within strata, are compared with the
portfolio,

.. math:: z_t = \frac{CAAR_t - \overline{CAAR}^*_t}{sd(CAAR^*_t)} .

A rank among them asks whether the portfolio differs from random shares, not whether it moved:
shares of one sector move together, so that the portfolio leaves the random ones on ordinary
sessions too, far more often than the nominal level. This rate is reported, and the p-value is the
rank of the event's \|z\| among those of the ordinary sessions,

.. math:: p = \frac{1 + \#\{|z_{ordinary}| \ge |z|\}}{1 + \#ordinary} .
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from chainpolicy.checks.market import boards, read_shares, returns_of_shares
from chainpolicy.checks.ordinary import near_events
from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.estimator import MASKED_SESSIONS
from chainpolicy.eventstudy.normal import fit_normal
from chainpolicy.eventstudy.panel import Floats
from chainpolicy.eventstudy.results import Window
from chainpolicy.eventstudy.threads import one_thread
from chainpolicy.study import Study
from chainpolicy.study.problems import InputError, Problem, collecting
from chainpolicy.study.sessions import clusters, sessions
from chainpolicy.study.tabular import (
    IS_DATE,
    IS_NUMBER,
    Schema,
    cell,
    parse_dates,
    parse_numbers,
    read_table,
)

DRAWS = 999
SEED = 20191028
LEVEL = 0.05
# Classes of pre-event beta inside a board.
BETA_CLASSES = 5
# Numbers of a study that need the whole market, kept in its folder.
STORED = "placebo_in_space.csv"
COUNTS = ("n_members", "n_shares", "n_ordinary")
NUMBERS = (
    *("n_members", "n_shares", "caar", "random_mean", "random_deviation", "excess", "p_random"),
    *("rejection_rate", "n_ordinary", "p_value", "smallest_p"),
)
COLUMNS = ("group", "window", "event_id", "event_session", *NUMBERS)
SCHEMA: Schema = {
    **{name: cell(required=True, blank=False) for name in ("group", "window", "event_id")},
    "event_session": cell(IS_DATE, required=True, blank=False),
    **{name: cell(IS_NUMBER, required=True, blank=name not in COUNTS) for name in NUMBERS},
}


@one_thread()
def placebo_in_space(
    cars: pd.DataFrame,
    members: Collection[str],
    strata: pd.Series,
    events: Sequence[pd.Timestamp],
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> pd.DataFrame:
    """Compare a portfolio with random portfolios on event sessions and on ordinary ones.

    Parameters
    ----------
    cars : DataFrame
        One row per first session of a window, one column per share of the market; NaN where a
        share has no CAR. The rows that are not in `events` are the ordinary sessions.
    members : collection of str
        Shares of the portfolio, among the columns.
    strata : Series
        Stratum by share: a random portfolio has as many shares of each stratum as the portfolio.
        It is drawn once, from all shares, and has on a session those that have a CAR.
    events : sequence of Timestamp
    draws, seed : int

    Returns
    -------
    DataFrame
        One row per event: ``event_session, n_members, n_shares`` (with a CAR), ``caar,
        random_mean, random_deviation, excess`` (z), ``p_random`` (rank among the random
        portfolios), ``rejection_rate`` (share of the ordinary sessions on which that rank is at
        most 5 %), ``n_ordinary, p_value`` (rank among the ordinary sessions), ``smallest_p``.
    """
    inside = cars.columns.isin(list(members))
    weights = _random_portfolios(inside, strata.reindex(cars.columns).to_numpy(), draws, seed)
    values = cars.to_numpy(np.float64)
    present = np.isfinite(values)
    filled = np.where(present, values, 0.0)
    n_members = present[:, inside].sum(axis=1)
    counts = present.astype(np.float64) @ weights.T
    usable = (n_members > 0) & (counts > 0).all(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        actual = filled[:, inside].sum(axis=1) / n_members
        drawn = (filled @ weights.T) / counts
        mean, deviation = drawn.mean(axis=1), drawn.std(axis=1, ddof=1)
        excess = (actual - mean) / deviation
    beyond = (np.abs(drawn - mean[:, None]) >= np.abs(actual - mean)[:, None]).sum(axis=1)
    p_random = (1 + beyond) / (1 + draws)
    of_event = cars.index.isin(list(events))
    ordinary = usable & ~of_event
    reference = np.abs(excess[ordinary])
    total = 1 + len(reference)
    rows = np.flatnonzero(of_event & usable)
    reached = (reference[None, :] >= np.abs(excess[rows])[:, None]).sum(axis=1)
    return pd.DataFrame(
        {
            "event_session": cars.index[rows],
            "n_members": n_members[rows],
            "n_shares": present[rows].sum(axis=1),
            "caar": actual[rows],
            "random_mean": mean[rows],
            "random_deviation": deviation[rows],
            "excess": excess[rows],
            "p_random": p_random[rows],
            "rejection_rate": (p_random[ordinary] <= LEVEL).mean() if len(reference) else np.nan,
            "n_ordinary": len(reference),
            "p_value": (1 + reached) / total,
            "smallest_p": 1 / total,
        }
    )


def _random_portfolios(inside: np.ndarray, strata: np.ndarray, draws: int, seed: int) -> Floats:
    """One row of zeros and ones per portfolio."""
    rng = np.random.default_rng(seed)
    weights = np.zeros((draws, len(inside)))
    names, wanted = np.unique(strata[inside], return_counts=True)
    for name, count in zip(names, wanted, strict=True):
        pool = np.flatnonzero(strata == name)
        chosen = rng.permuted(np.tile(pool, (draws, 1)), axis=1)[:, :count]
        np.put_along_axis(weights, chosen, 1.0, axis=1)
    return weights


def cumulative_abnormal_returns(
    returns: pd.DataFrame, factors: pd.DataFrame, estimation: pd.DatetimeIndex, minimum: int
) -> tuple[pd.DataFrame, pd.Series]:
    """Estimate a whole market at once: abnormal returns of all sessions, and betas.

    The sessions that estimate keep their residuals: what leaving a session out would change is
    the same factor for the portfolio and for the random ones.

    Parameters
    ----------
    returns : DataFrame
        Sessions by shares, NaN = no return.
    factors : DataFrame
        Benchmark returns on the same sessions.
    estimation : DatetimeIndex
        Sessions that estimate normal returns.
    minimum : int
        Returns in them that a share needs.

    Returns
    -------
    abnormal : DataFrame
        Sessions by the shares that could be estimated.
    beta : Series
        Slope on the first benchmark alone, by share; constant without a benchmark.
    """
    own = returns.loc[estimation].to_numpy(np.float64).T
    shape = (*own.shape, factors.shape[1])
    common = np.broadcast_to(factors.loc[estimation].to_numpy(np.float64), shape)
    valid = np.isfinite(own) & np.isfinite(common).all(axis=2)
    ones = np.ones_like(own)
    fit = fit_normal(own, common, ones, valid)
    first = fit_normal(own, common[:, :, :1], ones, valid)
    kept = (fit.n_estimation >= minimum) & ~fit.collinear & ~fit.degenerate
    normal = fit.alpha + factors.to_numpy(np.float64) @ fit.beta.T
    abnormal = (returns - normal).loc[:, kept]
    slope = first.beta[:, 0] if factors.shape[1] else np.zeros(len(own))
    return abnormal, pd.Series(slope, returns.columns)[kept]


def read_market(path: Path, study: Study) -> pd.DataFrame:
    """Read the returns of a whole market, in the kind of a study.

    Parameters
    ----------
    path : Path
        See `market.read_shares`.
    study : Study

    Returns
    -------
    DataFrame
        Sessions of the study by shares, from its second session on. A session after a suspension
        has no return: what stands there spans the gap.

    Raises
    ------
    InputError
        If the file cannot be read or lacks a column.
    """
    rows = read_shares(path)
    returned = returns_of_shares(rows[rows["date"].between(study.start, study.end)])
    return returned.transform(np.log1p) if study.kind == "log" else returned


def space_of_study(
    study: Study, market: pd.DataFrame, windows: Sequence[Window], *, draws: int = DRAWS
) -> pd.DataFrame:
    """Compare every group that belongs to a market with random portfolios of it.

    Strata are boards by fifths of beta inside a board. Normal returns come from the benchmarks of
    the group and the sessions that the study estimates from, taken over all its events.

    Parameters
    ----------
    study : Study
    market : DataFrame
        As `read_market` returns it.
    windows : sequence of tuple of int
        Both ends inclusive.
    draws : int

    Returns
    -------
    DataFrame
        ``group, window, event_id`` (of the earliest announced event of the session) and the
        columns of `placebo_in_space`, in the return kind of the study; in-sample events of any
        role.

    Raises
    ------
    InputError
        If no group of the study has a share in the market.
    """
    used = study.estimate().residuals
    frames = []
    for group in study.groups.drop_duplicates():
        members = study.groups.index[(study.groups == group) & study.groups.index.isin(market)]
        estimation = used.loc[used["ticker"].isin(members), "session"]
        if members.empty or estimation.empty:
            continue
        days = sessions(study.calendars[str(group)], study.start, study.end, study.corrections)
        # What hits some of the members is no news of their portfolio, and no ordinary session.
        hit = study.alignment[study.alignment["ticker"].isin(members)]
        of_all = hit[hit.groupby("event_id")["ticker"].transform("nunique") == len(members)]
        events = clusters(of_all, study.groups).set_index("event_session")["event_id"]
        position = np.arange(len(days))
        of_some = days.get_indexer(hit.loc[hit.index.difference(of_all.index), "event_session"])
        of_some = of_some[of_some >= 0]
        estimating = days.isin(estimation)
        if study.estimation.mask:
            estimating &= ~near_events(position, (0, 0), of_some, MASKED_SESSIONS)
        own = study.returns[study.returns["ticker"].isin(members)]
        # Beside a return that spans a gap stands the benchmark's over the same sessions.
        own = own[own["n_sessions"] == 1].groupby("session").first()
        factors = own[list(study.benchmarks[members[0]])].reindex(days)
        shares = market.reindex(days)
        if study.factors is not None:
            rates = study.factors.rates(days, np.arange(len(days)) - 1, study.kind)
            shares = shares.sub(rates, axis=0)
        abnormal, beta = cumulative_abnormal_returns(
            shares,
            factors,
            days[estimating],
            study.estimation.minimum,
        )
        board = boards(abnormal.columns)
        fifth = beta.groupby(board).transform(
            lambda of_board: pd.qcut(of_board, BETA_CLASSES, labels=False, duplicates="drop")
        )
        strata = board + " " + fifth.astype(str)
        for window in windows:
            placebo = study.placebo(window).pairs
            ordinary = placebo.loc[placebo["ticker"].isin(members), "event_session"].unique()
            usual = days.isin(ordinary) & ~near_events(position, window, of_some)
            at = days[usual | days.isin(events.index)]
            cars = _cumulated(abnormal, window).loc[at]
            found = placebo_in_space(cars, members, strata, list(events.index), draws=draws)
            found["event_id"] = found["event_session"].map(events)
            frames.append(found.assign(group=group, window=window_label(window)))
    if not frames:
        expected = "returns of at least one asset of the study that could be estimated"
        raise InputError([Problem("--market", expected)])
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)]


def _cumulated(abnormal: pd.DataFrame, window: Window) -> pd.DataFrame:
    """CAR of every session's window, NaN where it is incomplete."""
    values = abnormal.to_numpy(np.float64)
    whole = max(len(values) - (window[1] - window[0]), 0)
    summed = np.zeros((whole, values.shape[1]))
    for first in range(window[1] - window[0] + 1):
        summed += values[first : first + whole]
    # The first of these windows begins on the first session.
    at = pd.RangeIndex(len(summed)) - window[0]
    cars = pd.DataFrame(summed, at, abnormal.columns).reindex(range(len(abnormal)))
    return cars.set_axis(abnormal.index)


def stored_space(study: Study) -> pd.DataFrame:
    """Read what `space_of_study` found when the study was made; empty if that is not kept.

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column or holds what is no number or date.
    """
    path = study.path / STORED
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    with collecting() as problems:
        table = read_table(path, SCHEMA, ["group", "window", "event_id"], problems)
    for name in NUMBERS:
        table[name] = parse_numbers(table[name])
    table = table.astype(dict.fromkeys(COUNTS, np.int64))
    table["event_session"] = parse_dates(table["event_session"])
    return table[list(COLUMNS)].reset_index(drop=True)
