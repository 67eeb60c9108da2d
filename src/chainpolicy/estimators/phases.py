r"""Before, at and after: leakage, reaction, reversal.

The jump is the CAAR over [0, 1]. Its half-life is the first session on which half of it is gone,
and the reversal ratio is :math:`CAAR[2, 10] / CAAR[0, 1]`: -1 if everything is given back, 0 if the
jump stays, positive if the reaction was late. Intervals of both add ordinary abnormal returns,
drawn in whole calendar weeks, to the path.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.inference import HEADLINE_TESTS
from chainpolicy.eventstudy.panel import Floats, Ints
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.remember import remembered

PHASES: dict[str, Window] = {"before": (-10, -2), "at": (-1, 1), "after": (2, 10)}
JUMP: Window = (0, 1)
# The trading week before an announcement.
EARLY: Window = (-5, -1)
# Relative size of what running sums lose of a t-ratio.
ROUNDING_OF_SUMS = 1e-9
DRAWS = 1_999
SEED = 20191028


def inside(results: EventStudyResults, window: Window) -> bool:
    """Say whether a window lies inside the event window of the results."""
    first, last = results.event_window
    return bool(first <= window[0] and window[1] <= last)


def phase_table(results: EventStudyResults, event_id: str) -> pd.DataFrame:
    """CAAR and tests of one event before, at and after its session.

    Returns
    -------
    DataFrame
        ``group, phase, window, n_assets, caar, lower, upper`` (95 % interval of the portfolio
        t), ``share_at_limit`` (of the group that closes the window at its price limit) and the
        p-values of ``time_series_t, adjusted_bmp, grank_t``; a phase that does not lie
        inside the event window has no row.
    """
    abnormal = results.abnormal_returns
    abnormal = abnormal[abnormal["event_id"] == event_id]
    group_of = results.pairs.drop_duplicates("ticker").set_index("ticker")["group"]
    held = (abnormal["at_limit"] != "").groupby([abnormal["tau"], abnormal["ticker"].map(group_of)])
    share_at_limit = held.mean()
    frames = []
    for phase, window in PHASES.items():
        if not inside(results, window):
            continue
        table = results.caar(window)
        table = table[table["event_id"] == event_id]
        tests = results.tests(window, HEADLINE_TESTS).tidy()
        tests = tests[tests["event_id"] == event_id]
        p_values = tests.pivot_table(
            index="group", columns="test", values="p_value", dropna=False
        ).reindex(columns=list(HEADLINE_TESTS))
        columns = ["group", "window", "n_assets", "caar", "lower", "upper"]
        table = table[columns].merge(p_values, on="group").assign(phase=phase)
        at_end = pd.MultiIndex.from_product([[window[1]], table["group"]])
        frames.append(table.assign(share_at_limit=share_at_limit.reindex(at_end).to_numpy()))
    columns = ["group", "phase", "window", "n_assets", "caar", "lower", "upper"]
    columns += ["share_at_limit", *HEADLINE_TESTS]
    return (
        pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
    )


def half_life_of_jump(results: EventStudyResults, event_id: str, group: str) -> int | None:
    """First session after the jump on which at most half of it is left; None if there is none.

    Returns
    -------
    int or None
        Sessions after the event session.
    """
    path = results.caar_path(event_id, group, start=JUMP[0]).set_index("tau")["caar"]
    [found] = _half_lives(path.to_numpy(np.float64)[None, :], path.index.to_numpy(np.int64))
    return None if np.isinf(found) else int(found)


def _half_lives(paths: Floats, taus: Ints) -> Floats:
    """First tau after the jump at which half of it is gone, for every path; infinite if none."""
    at = np.flatnonzero(taus == JUMP[1])
    if not len(at):
        return np.full(len(paths), np.inf)
    later = taus > JUMP[1]
    gone = paths[:, later] / paths[:, at] <= 0.5
    first = np.where(gone.any(axis=1), gone.argmax(axis=1), -1)
    # The last place is that of a path of which more than half stays.
    found: Floats = np.append(taus[later].astype(np.float64), np.inf)[first]
    return found


@dataclass(frozen=True)
class Reversal:
    """How much of a jump came back.

    Attributes
    ----------
    event_id, group : str
    jump, after : float
        CAAR over [0, 1] and over [2, 10].
    ratio : float
        ``after / jump``.
    lower, upper : float
        95 % interval of the ratio; both NaN where the jump itself may be zero (its own 95 %
        interval from the same draws covers zero), because the ratio then has no bounds.
    half_life : int or None
        Sessions; None if more than half is left at the end of the event window.
    earliest, latest : int or None
        95 % interval of the half-life, None as there; both NaN where the jump may be zero.
    """

    event_id: str
    group: str
    jump: float
    after: float
    ratio: float
    lower: float
    upper: float
    half_life: int | None
    earliest: float | None
    latest: float | None


def reversal(
    results: EventStudyResults,
    placebo: EventStudyResults,
    event_id: str,
    draws: int = DRAWS,
    seed: int = SEED,
) -> list[Reversal]:
    """Measure the reversal of one event, group by group.

    Parameters
    ----------
    results : EventStudyResults
    placebo : EventStudyResults
        Of `EventStudy.placebo` for the window [0, 0]: the CARs of ordinary sessions.
    event_id : str
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    list of Reversal
        Empty if [0, 1] or [2, 10] does not lie inside the event window.
    """
    after = PHASES["after"]
    if not (inside(results, JUMP) and inside(results, after)):
        return []
    jumps, afters = (
        table[table["event_id"] == event_id].set_index("group")["caar"]
        for table in (results.caar(JUMP), results.caar(after))
    )
    pairs = placebo.pairs[["event_id", "ticker", "group", "event_session"]]
    ordinary = placebo.car((0, 0)).merge(pairs, on=["event_id", "ticker"])
    found = []
    for group in jumps.index.intersection(afters.index):
        noise = (
            ordinary[ordinary["group"] == group].groupby("event_session")["car"].mean().sort_index()
        )
        path = results.caar_path(event_id, str(group), start=JUMP[0])
        taus = path["tau"].to_numpy(np.int64)
        drawn = _weekly_draws(noise, int(taus[-1]) + 1, draws, np.random.default_rng(seed))
        jump, later = float(jumps[group]), float(afters[group])
        drawn_jump = jump + drawn[:, JUMP[0] : JUMP[1] + 1].sum(axis=1)
        drawn_after = later + drawn[:, after[0] : after[1] + 1].sum(axis=1)
        lower, upper = np.quantile(drawn_jump, [0.025, 0.975])
        ratios, lives = np.full(2, np.nan), np.full(2, np.nan)
        if lower > 0 or upper < 0:
            ratios = np.quantile(drawn_after / drawn_jump, [0.025, 0.975])
            paths = path["caar"].to_numpy(np.float64) + drawn.cumsum(axis=1)[:, taus]
            # Of infinite values a quantile between two of them would be none.
            lives = np.quantile(_half_lives(paths, taus), [0.025, 0.975], method="inverted_cdf")
        found.append(
            Reversal(
                event_id,
                str(group),
                jump,
                later,
                later / jump,
                float(ratios[0]),
                float(ratios[1]),
                half_life_of_jump(results, event_id, str(group)),
                *(None if np.isinf(value) else float(value) for value in lives),
            )
        )
    return found


@remembered
def reversals(study: Study) -> pd.DataFrame:
    """Measure the reversal of the headline event, group by group.

    Returns
    -------
    DataFrame
        The attributes of `Reversal` and ``n_assets``; no row if [0, 1] or [2, 10] does not lie
        inside the event window.
    """
    found = reversal(study.results, study.placebo((0, 0)), study.headline_event)
    columns = [field.name for field in fields(Reversal)]
    table = pd.DataFrame([vars(one) for one in found], columns=columns)
    if table.empty:
        return table.assign(n_assets=[])
    keys = ["event_id", "group"]
    return table.merge(study.results.caar(JUMP)[[*keys, "n_assets"]], on=keys)


def _weekly_draws(noise: pd.Series, length: int, draws: int, rng: np.random.Generator) -> Floats:
    """Paths of ordinary abnormal returns made of whole calendar weeks, shape (draws, length).

    Each path carries the error of an estimated mean too: the mean of a drawn series as long as
    the ordinary sessions.
    """
    centred = noise - noise.mean()
    sessions = pd.DatetimeIndex(centred.index)
    week = (sessions - pd.to_timedelta(sessions.day_of_week, unit="D")).normalize()
    weeks = [part.to_numpy(np.float64) for _, part in centred.groupby(week)]
    # Enough weeks for any path: the shortest holds one session.
    picks = rng.integers(len(weeks), size=(draws, length))
    sizes = np.array([len(part) for part in weeks])
    starts = np.cumsum(sizes) - sizes
    ends = np.cumsum(sizes[picks], axis=1)
    # Column t of a path lies in the first drawn week that ends after it.
    place = (ends[:, :, None] <= np.arange(length)).sum(axis=1)
    begin = np.take_along_axis(ends - sizes[picks], place, axis=1)
    chosen = np.take_along_axis(picks, place, axis=1)
    paths = np.concatenate(weeks)[starts[chosen] + np.arange(length) - begin]
    totals = np.array([part.sum() for part in weeks])
    again = rng.integers(len(weeks), size=(draws, len(weeks)))
    means = totals[again].sum(axis=1) / sizes[again].sum(axis=1)
    drawn: Floats = paths - means[:, None]
    return drawn


def early_movers(
    results: EventStudyResults,
    ordinary: pd.DataFrame,
    event_id: str,
    window: Window,
) -> pd.DataFrame:
    """Rank assets by their abnormal return before an event.

    Parameters
    ----------
    results : EventStudyResults
    ordinary : DataFrame
        ``ticker, t_stat`` of `EventStudy.ordinary_cars` for the same window.
    event_id : str
    window : tuple of int
        Before the event session.

    Returns
    -------
    DataFrame
        ``ticker, group, window, car, t_stat, p_placebo`` (rank of the t-ratio among the asset's
        own ordinary sessions, two-sided; windows that reach into this one are among them, so that
        it is large rather than small), ``smallest_p, at_upper`` (sessions of the window at the
        upper limit, as dates joined by ``;``), largest CAR first.
    """
    of_event = results.of_event(event_id)
    table = of_event.car(window)
    sizes = {
        ticker: values.abs().to_numpy() for ticker, values in ordinary.groupby("ticker")["t_stat"]
    }
    group_of = of_event.pairs.drop_duplicates("ticker").set_index("ticker")["group"]
    moves = of_event.abnormal_returns
    moves = moves[moves["tau"].between(*window) & (moves["at_limit"] == "upper")]
    limits = {
        ticker: ";".join(f"{day:%Y-%m-%d}" for day in days)
        for ticker, days in moves.groupby("ticker")["session"]
    }
    counts = table["ticker"].map(lambda ticker: len(sizes.get(ticker, ())))
    # The event's own week is one of the ordinary ones.
    reached = [
        int((sizes.get(ticker, np.array([])) >= abs(t) * (1 - ROUNDING_OF_SUMS)).sum())
        for ticker, t in zip(table["ticker"], table["t_stat"], strict=True)
    ]
    table["group"] = table["ticker"].map(group_of)
    table["window"] = window_label(window)
    table["p_placebo"] = (1 + np.array(reached, dtype=np.int64)) / (1 + counts)
    table["smallest_p"] = 1 / (1 + counts)
    table["at_upper"] = [limits.get(ticker, "") for ticker in table["ticker"]]
    columns = ["ticker", "group", "window", "car", "t_stat", "p_placebo", "smallest_p", "at_upper"]
    return table.sort_values(["car", "ticker"], ascending=[False, True], ignore_index=True)[columns]
