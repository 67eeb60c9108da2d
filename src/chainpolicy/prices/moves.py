"""Moves from close to close that prices rarely make and errors often do."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def find_moves(
    dates: pd.DatetimeIndex, close: Floats, on_calendar: pd.DatetimeIndex, limits: Floats
) -> tuple[Floats, Bools, Bools]:
    """Compare each close with the one before it.

    Parameters
    ----------
    dates : pandas.DatetimeIndex
        Ascending.
    close : array of shape (n,)
        Positive and finite.
    on_calendar : pandas.DatetimeIndex
        Sessions of the series' calendar.
    limits : array of shape (n,)
        Price limit in force on each date, as a share of the close before; NaN = none.

    Returns
    -------
    tuple of arrays of shape (n - 1,)
        Ratio to the close before; whether it is beyond the price limit; whether it is not, and
        yet a return beyond `JUMP`.
    """
    ratio = close[1:] / close[:-1]
    move = np.abs(ratio - 1)
    position = on_calendar.get_indexer(dates)
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
    corrections : tuple of Correction, optional
        What a study sets right in its calendars.

    Returns
    -------
    pandas.DataFrame
        ``ticker, date, before, close, ratio``; ``factor``, the one of `FACTORS` to which the ratio
        or its inverse is near, 0 if none is; ``limit``, the price limit that the move is beyond,
        NaN if it is beyond none.
    """
    by_ticker = dict(list(prices.sort_values("date").groupby("ticker")))
    parts = [_NO_MOVES]
    columns = (assets["ticker"], assets["calendar"], assets["price_limit"])
    for ticker, calendar, schedule in zip(*columns, strict=True):
        rows = by_ticker.get(ticker)
        if rows is None:
            continue
        dates = pd.DatetimeIndex(rows["date"])
        close = rows["close"].to_numpy(np.float64)
        limits = price_limit_on(parse_price_limit(schedule), dates)
        on_calendar = sessions(calendar, dates[0], dates[-1], corrections)
        ratio, beyond, jump = find_moves(dates, close, on_calendar, limits)
        found = np.flatnonzero(beyond | jump)
        if not len(found):
            continue
        parts.append(
            pd.DataFrame(
                {
                    "ticker": ticker,
                    "date": dates[found + 1],
                    "before": close[found],
                    "close": close[found + 1],
                    "ratio": ratio[found],
                    "factor": [_near_factor(value) for value in ratio[found]],
                    "limit": np.where(beyond[found], limits[found + 1], np.nan),
                }
            )
        )
    return pd.concat(parts[1:] or parts, ignore_index=True)


def describe_moves(moves: pd.DataFrame) -> list[str]:
    """Say which moves are to be looked at, and what to do.

    Parameters
    ----------
    moves : pandas.DataFrame
        From `implausible_moves`.

    Returns
    -------
    list of str
        Lines of one paragraph; none where there is no move.
    """
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


_NO_MOVES = pd.DataFrame(
    {
        "ticker": pd.Series(dtype="str"),
        "date": pd.Series(dtype="datetime64[ns]"),
        **{name: pd.Series(dtype="float64") for name in ("before", "close", "ratio")},
        "factor": pd.Series(dtype="int64"),
        "limit": pd.Series(dtype="float64"),
    }
)
