"""Small made-up panels in the two frames that the event study reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import EventStudy, EventStudyResults


def sessions(count: int) -> pd.DatetimeIndex:
    """Return that many weekdays from the first Monday of 2018 on."""
    return pd.bdate_range("2018-01-01", periods=count, name="session").as_unit("ns")


def returns_frame(
    returns: Mapping[str, Sequence[float]], benchmarks: Mapping[str, Sequence[float]]
) -> pd.DataFrame:
    """Stack one return series per ticker; the benchmarks stand beside every one of them."""
    days = sessions(len(next(iter(returns.values()))))
    beside = {name: np.asarray(series, dtype=float) for name, series in benchmarks.items()}
    parts = [
        pd.DataFrame(
            {
                "ticker": ticker,
                "session": days,
                "return": np.asarray(series, dtype=float),
                **beside,
                "n_sessions": 1,
                "at_limit": "",
            }
        )
        for ticker, series in returns.items()
    ]
    return pd.concat(parts, ignore_index=True)


def alignment_frame(
    positions: Mapping[str, Mapping[str, int]], count: int, out_of_sample: Sequence[str] = ()
) -> pd.DataFrame:
    """Put every event (outer key) and ticker (inner key) on the session at that position."""
    days = sessions(count)
    rows = [
        {
            "event_id": event_id,
            "ticker": ticker,
            "calendar": "XSHG",
            "announced_at": days[position].date().isoformat(),
            "event_session": days[position],
            "shares_session_with": "",
            "in_sample": event_id not in out_of_sample,
            "role": "policy",
        }
        for event_id, of_ticker in positions.items()
        for ticker, position in of_ticker.items()
    ]
    return pd.DataFrame(rows)


def fit(
    returns: Mapping[str, Sequence[float]],
    benchmarks: Mapping[str, Sequence[float]],
    positions: Mapping[str, Mapping[str, int]],
    *,
    factors: Mapping[str, tuple[str, ...]] | None = None,
    out_of_sample: Sequence[str] = (),
    **choices: object,
) -> EventStudyResults:
    """Fit all tickers as one group ``all``, each on every benchmark unless `factors` says else."""
    count = len(next(iter(returns.values())))
    study = EventStudy(
        returns_frame(returns, benchmarks),
        alignment_frame(positions, count, out_of_sample),
        groups=pd.Series("all", index=list(returns)),
        benchmarks=dict.fromkeys(returns, tuple(benchmarks)) if factors is None else dict(factors),
        **choices,
    )
    return study.fit()


def eleven(
    results: EventStudyResults, window: tuple[int, int], event_id: str = "e"
) -> pd.DataFrame:
    """Return the eleven tests of one event and window, indexed by the name of the test."""
    tidy = results.tests(window=window).tidy()
    return tidy[tidy["event_id"] == event_id].set_index("test")


def pair(frame: pd.DataFrame, ticker: str, event_id: str = "e") -> pd.DataFrame:
    """Return the rows of one asset and event."""
    return frame[(frame["ticker"] == ticker) & (frame["event_id"] == event_id)]
