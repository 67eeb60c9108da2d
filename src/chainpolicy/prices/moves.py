"""Moves from close to close that prices rarely make and errors often do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.eventstudy.panel import Bools, Floats, Ints
from chainpolicy.study.assets import parse_price_limit, price_limit_on
from chainpolicy.study.calendars import Corrections
from chainpolicy.study.returns import LIMIT_TOLERANCE
from chainpolicy.study.sessions import sessions

JUMP = 0.40
# New shares for one old, and units: pence, cents, tenths.
FACTORS = (2, 3, 4, 5, 10, 100)
# A close also moves with the market on the day of a split.
FACTOR_TOLERANCE = 0.05
MOST_MOVES = 10


def find_moves(position: Ints, close: Floats, limits: Floats) -> tuple[Floats, Bools, Bools]:
    """Compare each close with the one before it.

    `position` counts the sessions of the calendar, -1 where a day is none; `limits` are price
    limits in force on each day, as a share of the close before; NaN = none. Returned are, for all
    but the first day, the ratio to the close before; whether it is beyond the price limit; whether
    it is not, and yet a return beyond `JUMP`.
    """
    ratio = close[1:] / close[:-1]
    move = np.abs(ratio - 1)
    # Over a hole in the data a move is that of several sessions, each with its own limit.
    adjacent = (position[1:] - position[:-1] == 1) & (position[:-1] >= 0)
    beyond = adjacent & (move > limits[1:] + LIMIT_TOLERANCE / close[:-1])
    return ratio, beyond, ~beyond & (move > JUMP)


def implausible_moves(
    prices: pd.DataFrame, assets: pd.DataFrame, corrections: Corrections = ()
) -> pd.DataFrame:
    """List the moves of a study's prices that look like a split, a unit or another error.

    Parameters
    ----------
    prices : pandas.DataFrame
        ``date, ticker, close``.
    assets : pandas.DataFrame
        ``ticker, calendar, price_limit``, see `assets.read_assets`.

    Returns
    -------
    pandas.DataFrame
        ``ticker, date, before, close, ratio``; ``factor``, the one of `FACTORS` to which the ratio
        or its inverse is near, 0 if none is; ``limit``, the price limit that the move is beyond,
        NaN if it is beyond none.
    """
    asset = pd.Index(assets["ticker"]).get_indexer(pd.Index(prices["ticker"]))
    order = np.lexsort((prices["date"].to_numpy(), asset))
    order = order[asset[order] >= 0]
    asset = asset[order]
    dates = pd.DatetimeIndex(prices["date"].to_numpy()[order])
    close = prices["close"].to_numpy(np.float64)[order]
    position = np.full(len(asset), -1)
    limits = np.full(len(asset), np.nan)
    for calendar in assets["calendar"].iloc[np.unique(asset)].unique():
        own = (assets["calendar"] == calendar).to_numpy()[asset]
        on_calendar = sessions(calendar, dates[own].min(), dates[own].max(), corrections)
        position[own] = on_calendar.get_indexer(dates[own])
    for schedule in assets["price_limit"].unique():
        own = (assets["price_limit"] == schedule).to_numpy()[asset]
        limits[own] = price_limit_on(parse_price_limit(schedule), dates[own])
    ratio, beyond, jump = find_moves(position, close, limits)
    found = np.flatnonzero((beyond | jump) & (asset[1:] == asset[:-1]))
    return pd.DataFrame(
        {
            "ticker": assets["ticker"].astype("str").array.take(asset[found]),
            "date": dates[found + 1],
            "before": close[found],
            "close": close[found + 1],
            "ratio": ratio[found],
            "factor": np.array([_near_factor(value) for value in ratio[found]], dtype=np.int64),
            "limit": np.where(beyond[found], limits[found + 1], np.nan),
        }
    )


def describe_moves(moves: pd.DataFrame) -> list[str]:
    """Say which of `implausible_moves` are to be looked at, and what to do."""
    if moves.empty:
        return []
    lines = [f"{count_moves(moves)}:"]
    for ticker, day, before, close, ratio, factor, limit in moves.head(MOST_MOVES).itertuples(
        index=False, name=None
    ):
        inverse = "1/" if ratio < 1 else ""
        near = f", near {inverse}{factor}" if factor else ""
        beyond = "" if np.isnan(limit) else f", beyond its price limit of {limit:.0%}"
        lines.append(
            f"  {ticker}, {day:%Y-%m-%d}: {close:g} after {before:g}, ratio {ratio:.3g}"
            f"{near}{beyond}"
        )
    if len(moves) > MOST_MOVES:
        lines.append(f"  and {len(moves) - MOST_MOVES:,} more")
    advice = [
        "What really happened stays as it is.",
        "A split or a merger of shares: take closes that are adjusted for it (the column Adj "
        "Close), or divide the closes before that day by the shares that one became.",
        "Another unit (pence, cents): bring all closes of the ticker to one unit.",
    ]
    if moves["limit"].notna().any():
        advice.append("A move beyond the limit: correct price_limit in assets.csv or the close.")
    return [*lines, "  " + " ".join(advice)]


def count_moves(moves: pd.DataFrame) -> str:
    """Say how many moves look like an error: "2 moves look like a split or a unit error"."""
    noun = "1 move looks" if len(moves) == 1 else f"{len(moves):,} moves look"
    return f"{noun} like a split or a unit error"


def _near_factor(ratio: float) -> int:
    distance = {factor: abs(abs(np.log(ratio)) - np.log(factor)) for factor in FACTORS}
    nearest = min(distance, key=distance.__getitem__)
    return nearest if distance[nearest] < np.log1p(FACTOR_TOLERANCE) else 0
