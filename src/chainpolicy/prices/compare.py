"""Live prices against embedded ones: returns series by series, and what follows for the result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from chainpolicy.prices.validation import log_returns
from chainpolicy.sessions import Day, sessions

NOTABLE = 5e-4  # five basis points
LEVEL = 0.05
HEADLINE_TESTS = ("adjusted_bmp", "grank_t", "time_series_t")


def compare_returns(
    embedded: pd.DataFrame, live: pd.DataFrame, assets: pd.DataFrame, start: Day, end: Day
) -> pd.DataFrame:
    """Compare the log returns of each series in two sets of prices.

    Parameters
    ----------
    embedded, live : pandas.DataFrame
        ``date, ticker, close``.
    assets : pandas.DataFrame
        ``ticker, calendar, group``.
    start, end : str, datetime.date or pandas.Timestamp
        Both inclusive.

    Returns
    -------
    pandas.DataFrame
        One row per asset: ``ticker, group, sessions`` (with a return in both), ``largest``
        (largest absolute difference; NaN without common returns), ``on`` (its session),
        ``beyond_5bp`` (sessions that differ by more than five basis points),
        ``only_embedded, only_live`` (sessions with a return in one of them alone).
    """
    rows = []
    for ticker, calendar, group in assets[["ticker", "calendar", "group"]].itertuples(index=False):
        on = sessions(calendar, start, end)
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


def compare_headlines(
    embedded: pd.DataFrame,
    live: pd.DataFrame,
    tests: Sequence[str] = HEADLINE_TESTS,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Put the headline estimates on both sets of prices side by side.

    Parameters
    ----------
    embedded, live : pandas.DataFrame
        ``event_id, group, window, test, p_value, n_assets, mean_car`` as in ``tests.csv``.
    tests : sequence of str
        Those that count. A group of one asset has ``time_series_t`` alone.
    level : float
        Of significance.

    Returns
    -------
    pandas.DataFrame
        One row per event, group and window of either set: ``event_id, group, window``; for each
        set ``mean_car_*``, ``n_assets_*`` and ``rejecting_*`` (tests that reject, joined by
        ``;``); ``stands``: in both the mean has the same sign and the same tests reject.
    """
    keys = ["event_id", "group", "window"]
    both = (
        _wide(embedded, tests, level)
        .merge(_wide(live, tests, level), on=keys, how="outer", suffixes=("_embedded", "_live"))
        .sort_values(keys, ignore_index=True)
    )
    stands = (np.sign(both["mean_car_embedded"]) == np.sign(both["mean_car_live"])) & (
        both["rejecting_embedded"] == both["rejecting_live"]
    )
    return both.assign(stands=stands)


def _wide(results: pd.DataFrame, tests: Sequence[str], level: float) -> pd.DataFrame:
    rows = [
        {
            **dict(zip(("event_id", "group", "window"), key, strict=True)),
            "mean_car": of_key["mean_car"].iloc[0],
            "n_assets": of_key["n_assets"].iloc[0],
            "rejecting": ";".join(sorted(of_key.loc[of_key["p_value"] < level, "test"])),
        }
        for key, of_key in results[results["test"].isin(tests)].groupby(
            ["event_id", "group", "window"], sort=False
        )
    ]
    columns = ["event_id", "group", "window", "mean_car", "n_assets", "rejecting"]
    return pd.DataFrame(rows, columns=columns)
