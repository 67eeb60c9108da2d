"""Live prices against embedded ones: returns series by series, and what follows for the result."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from chainpolicy.eventstudy.inference import HEADLINE_TESTS
from chainpolicy.prices.validation import log_returns
from chainpolicy.study.calendars import Corrections
from chainpolicy.study.sessions import Day, sessions

NOTABLE = 5e-4  # five basis points
LEVEL = 0.05


def compare_returns(
    embedded: pd.DataFrame,
    live: pd.DataFrame,
    assets: pd.DataFrame,
    start: Day,
    end: Day,
    corrections: Corrections = (),
) -> pd.DataFrame:
    """Compare the log returns of each series in two sets of prices.

    One row per asset: ``ticker, group, sessions`` (with a return in both), ``largest`` (largest
    absolute difference; NaN without common returns), ``on`` (its session), ``beyond_5bp`` (sessions
    that differ by more than five basis points), ``only_embedded, only_live`` (sessions with a
    return in one of them alone).
    """
    rows = []
    for ticker, calendar, group in assets[["ticker", "calendar", "group"]].itertuples(index=False):
        on = sessions(calendar, start, end, corrections)
        first = log_returns(embedded[embedded["ticker"] == ticker], on)
        second = log_returns(live[live["ticker"] == ticker], on)
        difference = (second - first).abs().dropna()
        rows.append(
            {
                "ticker": ticker,
                "group": group,
                "sessions": len(difference),
                "largest": difference.max() if len(difference) else np.nan,
                "on": difference.idxmax() if len(difference) else pd.NaT,
                "beyond_5bp": int((difference > NOTABLE).sum()),
                "only_embedded": int((first.notna() & second.isna()).sum()),
                "only_live": int((second.notna() & first.isna()).sum()),
            }
        )
    return pd.DataFrame(rows)


def compare_headlines(embedded: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
    """Put the headline estimates on both sets of prices side by side.

    One row per event and group of either set, in the order of sessions: ``event_session, event_id,
    group``; for each set ``n_assets_*``, ``caar_*`` and ``p_*`` (of the adjusted BMP test, for one
    asset of the t test of its CAR); ``differs``: what is not the same, the sign of the mean or a
    test that rejects at five per cent; blank if the estimate stands.
    """
    keys = ["event_session", "event_id", "group"]
    both = embedded.merge(
        live, on=keys, how="outer", suffixes=("_embedded", "_live"), indicator="found_in"
    )
    differs = [_differences(row) for row in both.to_dict("records")]
    for name in ("embedded", "live"):
        p_value = both[f"adjusted_bmp_p_{name}"].fillna(both[f"time_series_t_p_{name}"])
        both[f"p_{name}"] = p_value
    columns = [
        f"{key}_{name}" for name in ("embedded", "live") for key in ("n_assets", "caar", "p")
    ]
    return both[keys + columns].assign(differs=differs)


def _differences(row: dict[Hashable, Any]) -> str:
    if row["found_in"] != "both":
        return "not on live prices" if row["found_in"] == "left_only" else "only on live prices"
    found = [] if np.sign(row["caar_embedded"]) == np.sign(row["caar_live"]) else ["sign"]
    found += [
        title
        for test, title in HEADLINE_TESTS.items()
        if (row[f"{test}_p_embedded"] < LEVEL) != (row[f"{test}_p_live"] < LEVEL)
    ]
    return ", ".join(found)
