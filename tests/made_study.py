"""A made-up study: assets that follow one market, and whatever events a test needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from chainpolicy.study import Study
from chainpolicy.study.sessions import sessions

DAYS = sessions("XLON", "2017-01-02", "2018-12-31")


def event(
    name: str, day: int | pd.Timestamp, affects: str = "", stance: int = 1, hour: int = 9
) -> dict[str, object]:
    """Announce something in London at a full hour of a session, by its number or date."""
    at = DAYS[day] if isinstance(day, int) else day
    return {
        "event_id": name,
        "announced_at": f"{at:%Y-%m-%d}T{hour:02d}:00+00:00",
        "affects": affects,
        "stance_policy": stance,
        "salience": 1,
    }


def made_study(
    events: Sequence[Mapping[str, object]],
    groups: Mapping[str, str],
    *,
    benchmark: str = "M",
    coins: Mapping[str, str] | None = None,
    missing: Collection[tuple[str, int]] = (),
    settings: Mapping[str, object] | None = None,
) -> Study:
    """Make a study of London shares (ticker to group) and coins, without some closes."""
    rng = np.random.default_rng(7)
    coins = coins or {}
    market = rng.normal(0, 0.008, len(DAYS))
    prices = {"M": pd.Series(market, DAYS)}
    for ticker in groups:
        prices[ticker] = prices["M"] + rng.normal(0, 0.01, len(DAYS))
    every_day = pd.date_range(DAYS[0], DAYS[-1])
    for ticker in coins:
        prices[ticker] = pd.Series(rng.normal(0, 0.02, len(every_day)), every_day)
    closes = pd.concat(
        pd.DataFrame(
            {"ticker": ticker, "date": series.index, "close": 100 * np.exp(series.cumsum())}
        )
        for ticker, series in prices.items()
    ).reset_index(drop=True)
    gone = {(ticker, DAYS[day]) for ticker, day in missing}
    kept = [pair not in gone for pair in zip(closes["ticker"], closes["date"], strict=True)]
    closes = closes.assign(date=closes["date"].dt.strftime("%Y-%m-%d"))[kept]
    own = {**groups, **coins}
    assets = pd.DataFrame(
        {
            "ticker": ["M", *own],
            "calendar": ["XLON", *["XLON"] * len(groups), *["24/7"] * len(coins)],
            "group": ["benchmark", *own.values()],
            "benchmark": ["", *[benchmark] * len(own)],
        }
    )
    more = {} if settings is None else {"settings": settings}
    return Study.from_frames(pd.DataFrame(events), assets, closes, **more)
