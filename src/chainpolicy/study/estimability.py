"""Whether a study can be estimated, and why not where it cannot."""

from __future__ import annotations

import pandas as pd

from chainpolicy.eventstudy import window_label
from chainpolicy.study.study import Study
from chainpolicy.typeset.numbers import first_few

MOST_REASONS = 20
# That a line or a table lists by name.
MOST_TICKERS = 5


def not_estimable(study: Study) -> tuple[int, pd.DataFrame]:
    """Count the pairs that have a CAR over some window of the study, and list the others.

    ``event_id, ticker, reason``, in the order of the catalogue and of the assets.
    """
    results = study.results
    keys = ["event_id", "ticker"]
    lost = [results.incomplete(window) for window in study.car_windows]
    together = pd.concat(lost).groupby(keys, sort=False)["reason"].agg(["size", "first"])
    without = together.loc[together["size"] == len(study.car_windows), "first"]
    out = pd.concat([results.excluded, without.rename("reason").reset_index()], ignore_index=True)
    sessions = study.alignment.drop_duplicates(keys)[[*keys, "event_session"]]
    out = out.merge(sessions, on=keys, how="left")
    prices = _by_ticker(study.prices, out["ticker"])
    returns = _by_ticker(study.returns, out["ticker"])
    out["reason"] = [
        _reason(study, prices[ticker]["date"], returns[ticker], session, reason)
        for ticker, session, reason in zip(
            out["ticker"], out.pop("event_session"), out["reason"], strict=True
        )
    ]
    order = {name: place for place, name in enumerate(study.events["event_id"])}
    out = out.sort_values("event_id", key=lambda ids: ids.map(order), kind="stable")
    return len(results.pairs) - len(without), out.reset_index(drop=True)


def describe_estimability(study: Study) -> tuple[int, list[str]]:
    """Say how many pairs can be estimated, what is wrong with the others, and what is clipped."""
    estimable, out = not_estimable(study)
    pairs = estimable + len(out)
    lines = [f"{estimable:,} of {pairs:,} pairs of event and asset estimable"]
    reasons = _together(out, ["event_id", "reason"])
    lines += [f"  not {event_id}, {assets}: {reason}" for event_id, reason, assets in reasons]
    clipped = pd.concat([study.results.incomplete(window) for window in study.car_windows])
    whole = pd.MultiIndex.from_frame(out[["event_id", "ticker"]])
    clipped = clipped[~pd.MultiIndex.from_frame(clipped[["event_id", "ticker"]]).isin(whole)]
    windows = _together(clipped, ["event_id", "window", "reason"])
    lines += _clipped_estimation(study)
    lines += [
        f"  without {event_id} over {window}, {assets}: {reason}"
        for event_id, window, reason, assets in windows
    ]
    if len(lines) > MOST_REASONS:
        more = len(lines) - MOST_REASONS
        lines = [*lines[:MOST_REASONS], f"  and {more:,} more: excluded.csv of `estimate`"]
    return estimable, lines


def listed_tickers(tickers: list[str]) -> str:
    """List a few tickers, count more of them; a blank one stands for all assets."""
    if tickers == [""]:
        return "all"
    return first_few(tickers, MOST_TICKERS)


def _clipped_estimation(study: Study) -> list[str]:
    """Say which estimation windows begin before the returns of their asset."""
    estimation = study.estimation
    if estimation.end is not None or estimation.anchor != "event" or estimation.window[0] >= 0:
        return []
    keys = ["event_id", "ticker"]
    aligned = study.alignment.drop_duplicates(keys)[[*keys, "event_session"]]
    pairs = study.results.models[[*keys, "n_estimation"]].merge(aligned, on=keys)
    own = study.returns.dropna(subset="return")
    # The session on which an asset has as many returns as the window reaches back.
    complete = own[own.groupby("ticker").cumcount() == -estimation.window[0] - 1]
    whole_from = complete.set_index("ticker")["session"].reindex(pairs["ticker"])
    clipped = pairs[~(whole_from.to_numpy() < pairs["event_session"].to_numpy())]
    return [
        f"  shorter estimation window of {event_id}, {assets}: the data begin after the start of "
        f"{window_label(estimation.window)}, {n_returns} returns estimate it"
        for event_id, n_returns, assets in _together(clipped, ["event_id", "n_estimation"])
    ]


def _together(table: pd.DataFrame, keys: list[str]) -> list[tuple[str, ...]]:
    """List what several assets share, and these assets at the end."""
    return [
        (*map(str, values), listed_tickers(tickers.tolist()))
        for values, tickers in table.groupby(keys, sort=False)["ticker"]
    ]


def _by_ticker(table: pd.DataFrame, tickers: pd.Series) -> dict[str, pd.DataFrame]:
    of_these = table[table["ticker"].isin(set(tickers))]
    return {str(ticker): rows for ticker, rows in of_these.groupby("ticker")}


def _reason(
    study: Study, days: pd.Series, own: pd.DataFrame, session: pd.Timestamp, reason: str
) -> str:
    """Say what the prices of an asset have to do with it, if they do not reach around a session.

    `days` are those of its prices, `own` its returns.
    """
    first, last = days.min(), days.max()
    if session > last:
        return f"the event session {session:%Y-%m-%d} comes after the last price, {last:%Y-%m-%d}"
    if session <= first:
        return (
            f"the event session {session:%Y-%m-%d} comes before there are returns; the first price "
            f"is of {first:%Y-%m-%d}"
        )
    if "needed" not in reason:
        return reason
    estimation = study.estimation
    before = int((own["return"].notna() & (own["session"] < session)).sum())
    if estimation.end is None and estimation.anchor == "event" and before < -estimation.window[0]:
        return (
            f"the estimation window {window_label(estimation.window)} is longer than the data "
            f"before the event ({before:,} returns since {first:%Y-%m-%d}): {reason}"
        )
    return f"{reason}; prices of {first:%Y-%m-%d} to {last:%Y-%m-%d}"
