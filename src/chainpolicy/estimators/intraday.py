r"""Inside the day: hourly prices around announcements whose hour is known.

The abnormal return of hour :math:`\tau` is its return minus the mean hourly return, and

.. math:: CAR_\tau = \sum_{j=-6}^{\tau} AR_j, \qquad
          \operatorname{var}(CAR_\tau) = \sum_{j=-6}^{\tau} \sigma^2_{h(j)},

with :math:`\sigma^2_h` the variance of the hour h of the UTC day. Means and variances come from all
hours outside the window of every announcement whose hour is known. Hour 0 is the one in which the
announcement was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from chainpolicy.eventstudy.panel import Bools, Floats
from chainpolicy.study import Study
from chainpolicy.study.calendars import ALWAYS_OPEN
from chainpolicy.study.sessions import announcement_time, event_session

WINDOW = (-6, 48)
# Values of an hour of the day that a variance needs.
LEAST_DAYS = 5
_HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True, eq=False)
class HourlyResponse:
    """Hourly cumulative abnormal return around one announcement.

    Attributes
    ----------
    event_id, ticker : str
    announced_at : Timestamp
        UTC.
    path : DataFrame
        ``tau, time`` (start of the hour, UTC), ``abnormal, car, std_error, lower, upper`` (log
        returns; 95 % band of a path without an effect), ``outside``.
    first_outside : int or None
        The first hour whose CAR lies outside the band.
    ordinary_outside : float
        Share of ordinary windows, of the same length and from the same hour of the day on, that
        leave their band at some hour.
    p_value : float
        Rank of the largest standardized CAR among those windows.
    n_ordinary : int
        Their number.
    session : tuple of Timestamp
        First and last moment of the event session on the asset's daily calendar, UTC.
    """

    event_id: str
    ticker: str
    announced_at: pd.Timestamp
    path: pd.DataFrame
    first_outside: int | None
    ordinary_outside: float
    p_value: float
    n_ordinary: int
    session: tuple[pd.Timestamp, pd.Timestamp]


def hourly_response(
    prices: pd.DataFrame,
    moment: pd.Timestamp,
    known: Sequence[pd.Timestamp],
    window: tuple[int, int] = WINDOW,
) -> tuple[pd.DataFrame, float, float, int]:
    """Cumulate hourly abnormal returns around one moment.

    Parameters
    ----------
    prices : DataFrame
        ``time`` (start of the hour, UTC), ``close``.
    moment : Timestamp
    known : sequence of Timestamp
        All moments whose windows are no ordinary hours; `moment` among them or not.
    window : tuple of int
        First and last hour, both inclusive.

    Returns
    -------
    path : DataFrame
        As `HourlyResponse.path`.
    ordinary_outside, p_value : float
        As there; NaN if no ordinary window fits into the data.
    n_ordinary : int

    Raises
    ------
    ValueError
        If an hour of the window has no return, or an hour of the day fewer than five ordinary ones.
    """
    returns = _hourly_returns(prices)
    ordinary = pd.Series(True, index=returns.index)
    for other in [*known, moment]:
        start = other.floor("h")
        ordinary[start + window[0] * _HOUR : start + window[1] * _HOUR] = False
    taus = np.arange(window[0], window[1] + 1)
    hours = pd.DatetimeIndex([moment.floor("h") + int(tau) * _HOUR for tau in taus])
    inside = returns.reindex(hours)
    if inside.isna().any():
        first = inside.index[inside.isna().to_numpy()][0]
        raise ValueError(f"there is no return for the hour of {first:%Y-%m-%d %H:%M} UTC")
    calm = returns[ordinary].dropna()
    abnormal = returns - calm.mean()
    of_hour = calm.groupby(pd.DatetimeIndex(calm.index).hour)
    if len(of_hour) < 24 or of_hour.size().min() < LEAST_DAYS:
        raise ValueError(f"an hour of the day has fewer than {LEAST_DAYS} ordinary returns")
    hour = pd.DatetimeIndex(returns.index).hour
    variance = pd.Series(of_hour.var().reindex(hour).to_numpy(), index=returns.index)

    half = float(special.ndtri(0.975))
    car = abnormal[hours].cumsum().to_numpy()
    error = np.sqrt(variance[hours].cumsum().to_numpy())
    path = pd.DataFrame(
        {
            "tau": taus,
            "time": hours,
            "abnormal": abnormal[hours].to_numpy(),
            "car": car,
            "std_error": error,
            "lower": -half * error,
            "upper": half * error,
            "outside": np.abs(car) > half * error,
        }
    )
    same_start = hour == hours[0].hour
    largest = _largest_of_ordinary(abnormal.where(ordinary), variance, same_start, len(taus))
    if not len(largest):
        return path, np.nan, np.nan, 0
    reached = largest >= np.abs(car / error).max()
    p_value = (1 + int(reached.sum())) / (1 + len(largest))
    return path, float((largest > half).mean()), p_value, len(largest)


def hourly_responses(
    study: Study, window: tuple[int, int] = WINDOW
) -> tuple[list[HourlyResponse], pd.DataFrame]:
    """Cumulate hourly abnormal returns around every announcement whose hour is known.

    Parameters
    ----------
    study : Study
    window : tuple of int

    Returns
    -------
    responses : list of HourlyResponse
        In-sample announcements whose time is exact, for every asset with hourly prices, in the
        order of announcement.
    left_out : DataFrame
        ``event_id, ticker, reason`` of those that could not be computed.
    """
    events = study.events[study.events["time_precision"] == "exact"]
    announced_at = {
        event_id: at
        for event_id, at in zip(events["event_id"], events["announced_at"], strict=True)
        if at
    }
    moments = {name: announcement_time(ALWAYS_OPEN, at) for name, at in announced_at.items()}
    in_sample = set(events.loc[events["in_sample"], "event_id"])
    responses, left_out = [], []
    for ticker, prices in study.hourly.items():
        calendar = study.assets.set_index("ticker")["calendar"][ticker]
        for event_id in sorted(in_sample & set(moments), key=lambda name: (moments[name], name)):
            moment = moments[event_id]
            try:
                path, outside, p_value, count = hourly_response(
                    prices, moment, list(moments.values()), window
                )
            except ValueError as error:
                left_out.append((event_id, ticker, str(error)))
                continue
            day = event_session(calendar, announced_at[event_id], study.corrections).tz_localize(
                "UTC"
            )
            first = path.loc[path["outside"], "tau"]
            responses.append(
                HourlyResponse(
                    event_id=event_id,
                    ticker=ticker,
                    announced_at=moment,
                    path=path,
                    first_outside=int(first.iloc[0]) if len(first) else None,
                    ordinary_outside=outside,
                    p_value=p_value,
                    n_ordinary=count,
                    session=(day, day + pd.Timedelta(days=1)),
                )
            )
    return responses, pd.DataFrame(left_out, columns=["event_id", "ticker", "reason"])


def _hourly_returns(prices: pd.DataFrame) -> pd.Series:
    """Log returns on every hour from the first to the last; blank beside a missing hour."""
    closes = prices.set_index("time")["close"].sort_index()
    hours = pd.date_range(closes.index[0], closes.index[-1], freq="h")
    return closes.reindex(hours).map(np.log).diff()


def _largest_of_ordinary(
    abnormal: pd.Series, variance: pd.Series, chosen: Bools, length: int
) -> Floats:
    """Largest standardized CAR of every window of ordinary hours that starts at a chosen hour.

    Volatile hours first make another path than volatile hours last, so that windows compare only
    with those that start at the same hour of the day.
    """
    if len(abnormal) < length:
        return np.array([])
    view = np.lib.stride_tricks.sliding_window_view
    windows = view(abnormal.to_numpy(np.float64), length)
    kept = chosen[: len(windows)] & np.isfinite(windows).all(axis=1)
    variances = view(variance.to_numpy(np.float64), length)[kept]
    z = windows[kept].cumsum(axis=1) / np.sqrt(variances.cumsum(axis=1))
    largest: Floats = np.abs(z).max(axis=1)
    return largest
