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
    count = len(next(iter(returns.values())))
    beside = {
        name: np.tile(np.asarray(series, dtype=float), len(returns))
        for name, series in benchmarks.items()
    }
    return pd.DataFrame(
        {
            "ticker": np.repeat(np.array(list(returns), dtype=object), count),
            "session": np.tile(sessions(count), len(returns)),
            "return": np.concatenate([np.asarray(one, dtype=float) for one in returns.values()]),
            **beside,
            "n_sessions": 1,
            "at_limit": "",
        }
    )


def alignment_frame(
    positions: Mapping[str, Mapping[str, int]], count: int, out_of_sample: Sequence[str] = ()
) -> pd.DataFrame:
    """Put every event (outer key) and ticker (inner key) on the session at that position."""
    days = sessions(count)
    rows = [
        (event_id, ticker, position)
        for event_id, of_ticker in positions.items()
        for ticker, position in of_ticker.items()
    ]
    frame = pd.DataFrame(rows, columns=["event_id", "ticker", "position"])
    at = frame.pop("position").to_numpy(int)
    return frame.assign(
        calendar="XSHG",
        announced_at=days.strftime("%Y-%m-%d").to_numpy()[at],
        event_session=days[at],
        shares_session_with="",
        in_sample=~frame["event_id"].isin(out_of_sample),
        role="policy",
    )


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
