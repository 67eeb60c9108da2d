"""The event study: which sessions estimate normal returns, which are tested."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import compress
from typing import Literal

import numpy as np
import pandas as pd

from chainpolicy.eventstudy.abnormal import abnormal_returns
from chainpolicy.eventstudy.batch import EverySession, every_session, portfolio
from chainpolicy.eventstudy.counterfactual import conformal_p_value
from chainpolicy.eventstudy.inference import number_distinct
from chainpolicy.eventstudy.normal import (
    ConstantMean,
    MarketModel,
    NormalFit,
    NormalReturnModel,
    model_named,
)
from chainpolicy.eventstudy.panel import (
    Bools,
    Floats,
    Ints,
    Panel,
    build_panel,
    has_time,
    read_sessions,
    require_columns,
    session_label,
)
from chainpolicy.eventstudy.results import (
    VALUES_PER_BATCH,
    EventStudyResults,
    Window,
    require_window,
    window_label,
)

# The sessions of an event that are no clean estimation, and those that are no ordinary session.
MASKED_SESSIONS: Window = (0, 1)
EVENTFUL_SESSIONS: Window = (0, 5)
# Bounds the memory of a block of pairs: the sessions of their estimation windows.
VALUES_PER_BLOCK = 2**16


@dataclass(frozen=True)
class EstimationWindow:
    """Which sessions estimate normal returns.

    Parameters
    ----------
    window : tuple of int
        First and last session relative to the anchor, both inclusive.
    anchor : {"event", "first"}
        "event": each event's own event session; "first": per asset, its earliest in-sample
        policy event session, one window for all its events.
    end : date-like, optional
        Overrides the anchor: the window is the last ``window[1] - window[0] + 1`` sessions up
        to this date, inclusive.
    mask : bool
        Take the sessions [0, 1] of every dated event, in sample or not, out of estimation.
    minimum : int
        Valid sessions that a pair needs to be estimated.

    Raises
    ------
    ValueError
        If the window is not a pair of sessions in order, the anchor is unknown, the end is not a
        date or has a timezone, or the minimum is not a whole number, is below 1 or above the
        window's length.

    Examples
    --------
    >>> EstimationWindow(window=(-130, -11)).length
    120
    >>> EstimationWindow(anchor="month")
    Traceback (most recent call last):
        ...
    ValueError: anchor is "event" or "first", not "month"
    """

    window: Window = (-130, -11)
    anchor: Literal["event", "first"] = "event"
    end: pd.Timestamp | str | None = None
    mask: bool = True
    minimum: int = 60

    def __post_init__(self) -> None:
        require_window(self.window, "estimation window")
        if self.window[0] > self.window[1]:
            raise ValueError(f"the estimation window {window_label(self.window)} is reversed")
        if self.anchor not in ("event", "first"):
            raise ValueError(f'anchor is "event" or "first", not "{self.anchor}"')
        if self.end is not None:
            end = read_sessions(pd.Series([self.end]), "the end of the estimation window")
            if np.isnat(end).any():
                raise ValueError("the end of the estimation window is blank; leave it out")
        whole = isinstance(self.minimum, int | np.integer)
        if not whole or not 1 <= self.minimum <= self.length:
            raise ValueError(
                f"minimum = {self.minimum} must be a whole number from 1 to the {self.length} "
                f"sessions of the estimation window {window_label(self.window)}"
            )

    @property
    def length(self) -> int:
        """Sessions of the window, valid or not."""
        return self.window[1] - self.window[0] + 1


class EventStudy:
    """Event study of dated events on a panel of asset returns.

    Parameters
    ----------
    returns : DataFrame
        Long: ``ticker, session, return``, benchmark columns, optionally ``n_sessions`` (sessions
        a return spans) and ``at_limit`` ("upper", "lower" or blank); one row per asset and session
        of its calendar, a blank return where there is none. Units: log or simple returns, as
        decimals. Sessions, here and in `alignment`, have no timezone.
    alignment : DataFrame
        ``event_id, ticker, event_session``, one row per event and asset that it hits, or several
        of different sessions (earnings dates under one event_id); optionally ``in_sample``
        (default True; an event out of sample is masked, not estimated) and ``role`` (default
        "policy"). Other columns are labels by which `EventStudyResults.pool` can pool. What an
        event has no row for it neither masks nor makes eventful.
    groups : mapping of ticker to group, optional
        Tests are per event and group; the assets of a group share one calendar. Default: one
        group "all".
    benchmarks : mapping of ticker to benchmark columns, optional
        Default: every benchmark column in which the asset has a value. An asset without a
        benchmark uses the constant mean whatever the model says.
    model : NormalReturnModel or str
        Or its name in `MODELS`. Default: `MarketModel`.
    estimation : EstimationWindow
        Default: 120 sessions, from -130 to -11.
    event_window : tuple of int
        First and last session relative to the event session, both inclusive.

    Raises
    ------
    ValueError
        If no model has the name, the event window is not a pair of sessions in order, the input
        cannot be laid out (see `build_panel`), an event_id or ticker is blank, an event, asset and
        session have two rows, an asset has no returns, an event session has a timezone, or a time
        of day where sessions are days, or lies inside the data and is not a session of its asset's
        group.
    TypeError
        If `model` or `estimation` is of another kind, or the benchmarks
        of a ticker are text instead of a sequence.

    Examples
    --------
    Two assets with alpha = 0.001, beta = 1.2 and 0.8, and an event that adds 3 % and 5 % to the
    returns of its first session; four sessions make a cycle.

    >>> import numpy as np, pandas as pd
    >>> sessions = pd.bdate_range("2019-01-01", periods=62)
    >>> cycle = np.arange(62) % 4
    >>> market = np.array([0.01, 0.01, -0.01, -0.01])[cycle]
    >>> jump = np.arange(62) == 60
    >>> A = 0.001 + 1.2 * market + np.array([0.01, -0.01, -0.01, 0.01])[cycle] + 0.03 * jump
    >>> B = 0.001 + 0.8 * market + np.array([0.02, -0.02, 0.02, -0.02])[cycle] + 0.05 * jump
    >>> returns = pd.concat([
    ...     pd.DataFrame({"ticker": name, "session": sessions, "return": R, "market": market})
    ...     for name, R in {"A": A, "B": B}.items()])
    >>> alignment = pd.DataFrame({"event_id": "speech", "ticker": ["A", "B"],
    ...     "event_session": sessions[60]})
    >>> study = EventStudy(returns, alignment, event_window=(0, 1),
    ...     estimation=EstimationWindow(window=(-60, -1), minimum=50))
    >>> results = study.fit()
    >>> results.car((0, 1))[["ticker", "car", "t_stat"]].round(4)
      ticker   car  t_stat
    0      A  0.03  2.0194
    1      B  0.05  1.6829

    Before the event 9 sessions have 50 sessions before them and a window [0, 1] without the event.

    >>> ordinary = study.placebo((0, 1))
    >>> len(ordinary.pairs), ordinary.pairs["event_id"].iloc[0]
    (18, '2019-03-12')

    As an event of its own, the session before has 59 sessions before it, and the first of the
    events in its window.

    >>> every = study.every_session([(0, 1)])
    >>> cars = every.car((0, 1))[["ticker", "session", "car", "t_stat"]]
    >>> cars.iloc[[9, 10]].round({"car": 4, "t_stat": 4})
       ticker    session     car  t_stat
    9       A 2019-03-25  0.0503  3.4422
    10      A 2019-03-26  0.0300  2.0194

    With each of the 60 sessions forecast by the other 59 the errors exceed the residuals, 0.0100
    and 0.0200. Of the 62 pairs of sessions in a row two move the assets as far as the event did:
    the event's own, and the one that ends on its first session.

    >>> errors = study.forecast_errors("speech")
    >>> errors.groupby("ticker")["error"].std().round(4).to_dict()
    {'A': 0.0104, 'B': 0.0209}
    >>> study.conformal((0, 1)).round(4)
      event_id group  n_sessions  p_conformal  smallest_p
    0   speech   all          62       0.0323      0.0161

    The residuals of B change their sign from session to session; those of both, over their sigma,
    are 0.98 in magnitude throughout, where half of normal ones would lie within 0.67.

    >>> from chainpolicy.eventstudy import residual_autocorrelation, residual_quantiles
    >>> residual_autocorrelation(results, "speech").round(3)
      ticker  n_estimation  autocorrelation  bound
    0      A            60           -0.017  0.253
    1      B            60           -1.000  0.253
    >>> residual_quantiles(results, "speech", [0.25, 0.75]).round(3)
      group  probability  normal  residual
    0   all         0.25  -0.674    -0.983
    1   all         0.75   0.674     0.983
    """

    def __init__(
        self,
        returns: pd.DataFrame,
        alignment: pd.DataFrame,
        *,
        groups: Mapping[str, str] | pd.Series | None = None,
        benchmarks: Mapping[str, Sequence[str]] | None = None,
        model: NormalReturnModel | str | None = None,
        estimation: EstimationWindow | None = None,
        event_window: Window = (-10, 20),
    ) -> None:
        self.model = MarketModel() if model is None else model_named(model)
        self.estimation = EstimationWindow() if estimation is None else estimation
        self.event_window = event_window
        if not isinstance(self.estimation, EstimationWindow):
            raise TypeError(
                f"estimation is {self.estimation!r}; expected an instance of EstimationWindow"
            )
        _refuse_reversed(event_window)
        self._panel = build_panel(returns, groups, benchmarks)
        self._events = _locate(self._panel, alignment)
        self._alignment = alignment.astype({"event_id": str}).reset_index(drop=True)

    def __repr__(self) -> str:
        return (
            f"EventStudy(model={self.model}, estimation={self.estimation}, "
            f"event_window={self.event_window}, events={self._events['event_id'].nunique()}, "
            f"assets={len(self._panel.tickers)}, groups={len(self._panel.calendars)})"
        )

    def fit(self) -> EventStudyResults:
        """Estimate every in-sample pair; the inputs stay as they are.

        Returns
        -------
        EventStudyResults

        Raises
        ------
        ValueError
            If an estimation window overlaps its own event window.

        Examples
        --------
        See `EventStudy`.
        """
        events = self._events
        candidates = events[events["in_sample"] & events["position"].notna()]
        end = self._estimation_end(candidates)
        self._refuse_overlap(candidates, end)
        outside = events[events["in_sample"] & events["position"].isna()]
        return self._estimate(
            candidates,
            end,
            self.event_window,
            self._alignment,
            outside.assign(reason=outside["outside"]),
        )

    def placebo(self, window: Window = (0, 1)) -> EventStudyResults:
        """Estimate every ordinary session as if it were an event.

        A session is ordinary for an asset if the window around it lies inside the data and is
        disjoint from the sessions [0, 5] of every dated event, in sample or not. Normal returns
        come from the estimation window the session would have as an event: with a fixed `end`, or
        anchored to the first event, the same as in `fit`. The sessions of the placebo window are
        left out of it, so that a session inside it is forecast like one outside.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive; it becomes the event window of the results.

        Returns
        -------
        EventStudyResults
            The event_id of a placebo event is its session as YYYY-MM-DD, with a time of day that
            is not midnight as YYYY-MM-DDTHH:MM or finer.

        Raises
        ------
        ValueError
            If the window is not a pair of sessions in order.

        Examples
        --------
        See `EventStudy`.
        """
        _refuse_reversed(window)
        candidates = self._pairs_at(np.flatnonzero(self._ordinary_rows(window)))
        candidates = candidates.sort_values(["event_id", "ticker"], ignore_index=True)
        return self._estimate_ordinary(candidates, window)

    def _ordinary(
        self, window: Window, portfolios: Mapping[str, Collection[tuple[str, ...]]]
    ) -> dict[tuple[str, tuple[str, ...]], Floats]:
        """SCAAR of portfolios of each group on every ordinary session, NaN on the others.

        A portfolio is what of its assets has a CAR on the session. Running sums give all of it
        where its assets have the same estimation sessions; elsewhere they are fitted one by one.
        """
        ordinary = self._ordinary_rows(window)
        number = pd.Index(self._panel.tickers)
        found = {
            (group, names): np.full(len(self._panel.calendars[group]), np.nan)
            for group, of_group in portfolios.items()
            for names in of_group
        }
        members = {names: number.get_indexer(pd.Index(names)) for _, names in found}
        # Sessions of each portfolio that are left to be fitted, and rows of the panel.
        left = {key: np.ones(len(scaar), dtype=np.bool_) for key, scaar in found.items()}
        if self._rolls(window):
            every = self.every_session([window])
            for (group, names), scaar in found.items():
                self._roll(every, window, members[names], ordinary, scaar, left[group, names])
        rows = np.zeros(len(ordinary), dtype=np.bool_)
        for (group, names), missing in left.items():
            at, inside = self._on_calendar(group, members[names])
            rows[at[inside & missing]] = True
        candidates = self._pairs_at(np.flatnonzero(rows & ordinary))
        # All assets of a session together, for they are one portfolio.
        candidates = candidates.sort_values(["event_session", "ticker"], ignore_index=True)
        step = max(VALUES_PER_BATCH // self.estimation.length, 1)
        first = (~candidates["event_session"].duplicated()).to_numpy()
        chunk = np.flatnonzero(first)[np.cumsum(first) - 1] // step
        for _, some in candidates.groupby(chunk):
            fitted = self._estimate_ordinary(some.reset_index(drop=True), window)
            for (group, names), scaar in found.items():
                fitted._studentize(scaar, names, group, window, left[group, names])
        return found

    def _rolls(self, window: Window) -> bool:
        """Whether `every_session` can estimate the window."""
        moving = np.isnan(self._shared_end()).any()
        return self.model.running_sums and not (moving and self.estimation.window[1] >= window[0])

    def _on_calendar(self, group: str, asset: Ints) -> tuple[Ints, Bools]:
        """Rows (N, T) of assets on the sessions of their group, and which of them there are."""
        panel = self._panel
        position = np.arange(len(panel.calendars[group])) - panel.offset[asset][:, None]
        return _rows(panel, asset, position)

    def _roll(
        self,
        every: EverySession,
        window: Window,
        asset: Ints,
        ordinary: Bools,
        scaar: Floats,
        left: Bools,
    ) -> None:
        """Write the SCAAR of a portfolio where running sums give it, and clear `left` there."""
        panel, t_stat = self._panel, every.t_stat(window)
        rows, inside = self._on_calendar(panel.groups[asset[0]], asset)
        present = inside & ordinary[rows] & np.isfinite(t_stat[rows])
        left &= present.any(axis=0)
        shared = self._shared_end()[asset] + panel.offset[asset]
        composition = number_distinct(np.zeros(present.shape[1], np.int64), present.T)
        for number in np.unique(composition[left]):
            at = np.flatnonzero(composition == number)
            here = present[:, at[0]]
            some, end = asset[here], shared[here]
            if len(some) == 1:
                scaar[at], left[at] = t_stat[rows[here, at]], False
                continue
            aligned = bool(np.isnan(end).all() or (end == end[0]).all())
            alike = len({self.model.benchmarks_used(panel.benchmarks_of[i]) for i in some}) == 1
            # What lasts for few sessions takes less time when it is fitted.
            if aligned and alike and len(at) * self.estimation.length >= len(scaar):
                t_ratio = self._portfolio_t(every, window, some, end[0], len(scaar))[at]
                known = np.isfinite(t_ratio)
                scaar[at[known]], left[at[known]] = t_ratio[known], False

    def _portfolio_t(
        self, every: EverySession, window: Window, asset: Ints, end: float, length: int
    ) -> Floats:
        """Studentize the CAAR of assets on the sessions on which they estimate the same sessions.

        NaN on the other sessions of the calendar, of which there are `length`.
        """
        mean, rows = portfolio(self._panel, asset)
        start = int(mean.offset[0])
        masked: Bools = self._masked()[rows].max(axis=0)
        found = self._every_session(mean, [window], np.array([end - start]), masked)
        same = (every.n_estimation[rows] == found.n_estimation).min(axis=0)
        t_ratio = np.full(length, np.nan)
        t_ratio[start : start + len(same)] = np.where(same, found.t_stat(window), np.nan)
        return t_ratio

    def _ordinary_rows(self, window: Window) -> Bools:
        """Rows of the panel that are ordinary sessions of their asset."""
        panel = self._panel
        asset = np.repeat(np.arange(len(panel.tickers)), panel.length)
        position = np.arange(len(asset)) - panel.first[asset]
        rows, in_data = _rows(panel, asset, position[:, None] + _span(window))
        eventful = self._sessions_of_events(EVENTFUL_SESSIONS)
        ordinary: Bools = (in_data & ~eventful[rows]).min(axis=1)
        return ordinary

    def _pairs_at(self, rows: Ints) -> pd.DataFrame:
        """Assets and sessions of rows of the panel, as candidates for estimation."""
        panel = self._panel
        asset = np.searchsorted(panel.first, rows, side="right") - 1
        session = panel.session[rows]
        # Sessions that differ must not share a name, for they would be one event.
        names = np.datetime_as_string(session, unit="auto")
        return pd.DataFrame(
            {
                "event_id": names.astype(object),
                "ticker": np.array(panel.tickers)[asset],
                "asset": asset,
                "row": np.arange(len(asset)),
                "event_session": session,
                "position": rows - panel.first[asset],
            }
        )

    def _estimate_ordinary(self, candidates: pd.DataFrame, window: Window) -> EventStudyResults:
        candidates = candidates.assign(row=np.arange(len(candidates)))
        return self._estimate(candidates, self._estimation_end(candidates), window, candidates)

    def forecast_errors(
        self, event_id: str, fitted: EventStudyResults | None = None
    ) -> pd.DataFrame:
        """Forecast every session that estimates an event's normal returns from the others.

        The leave-one-session-out errors by which models are compared: like the event's own
        sessions, a session so forecast has moved no coefficient.

        Parameters
        ----------
        event_id : str
            In sample.
        fitted : EventStudyResults, optional
            What `fit` returned, if it is at hand.

        Returns
        -------
        DataFrame
            ``ticker, group, session, error``: one row per estimated asset and valid session of
            its estimation window.

        Raises
        ------
        ValueError
            If no pair of the event can be estimated.

        Examples
        --------
        See `EventStudy`.
        """
        panel, results = self._panel, self.fit() if fitted is None else fitted
        of_event = (results.pairs["event_id"] == event_id).to_numpy()
        if not of_event.any():
            raise ValueError(f"no pair of {event_id} can be estimated")
        pairs = results.pairs[of_event]
        asset = pd.Index(panel.tickers).get_indexer(pd.Index(pairs["ticker"]))
        ends = results._estimation_end[of_event] - panel.offset[asset]
        position = ends[:, None] + results._back
        rows, _ = _rows(panel, asset, position)
        benchmarks = list(pairs["benchmarks"])
        factors, _ = self._factors(asset, position, _factor_columns(panel, benchmarks))
        valid = np.isfinite(results._fit.residuals[of_event])
        counts = np.array([len(names) for names in benchmarks])
        found = np.full(valid.shape, np.nan)
        for count in np.unique(counts):
            some = np.flatnonzero(counts == count)
            model = self.model if count else ConstantMean()
            width = count * (1 + model.lags + model.leads)
            found[some] = model.forecast_errors(
                *(panel.returns[rows[some]], factors[some][:, :, :width]),
                *(panel.n_sessions[rows[some]], valid[some]),
            )
        pair, column = np.nonzero(np.isfinite(found))
        errors = pd.DataFrame(
            {
                "ticker": pairs["ticker"].to_numpy()[pair],
                "group": pairs["group"].to_numpy()[pair],
                "session": panel.session[rows[pair, column]],
                "error": found[pair, column],
            }
        )
        return errors.sort_values(["ticker", "session"], ignore_index=True)

    def conformal(
        self, window: Window = (0, 1), fitted: EventStudyResults | None = None
    ) -> pd.DataFrame:
        """Conformal p-value of every in-sample event and group, see `conformal_p_value`.

        Under the null hypothesis that no return of the window is touched by the event, the
        sessions of the window estimate like those of the estimation window: the model is fitted
        to all of them, donors' axes and weights included, and the group's residual of a session is
        the mean over its assets that have a return on it. The fit serves this p-value alone.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive, inside the event window.
        fitted : EventStudyResults, optional
            What `fit` returned, if it is at hand.

        Returns
        -------
        DataFrame
            ``event_id, group, n_sessions`` (T), ``p_conformal, smallest_p``, over the assets with
            a CAR in the window. Both are NaN where a session of the window has a return and none
            that the model fits: beside a gap or the end of the data a lag or lead is missing.

        Raises
        ------
        ValueError
            If the window does not lie inside the event window.

        Examples
        --------
        See `EventStudy`.
        """
        panel, results = self._panel, self.fit() if fitted is None else fitted
        pairs = results.pairs
        has_car = np.isfinite(results._cumulated(window).car)
        pairs = pairs[has_car].reset_index(drop=True)
        asset = pd.Index(panel.tickers).get_indexer(pd.Index(pairs["ticker"]))
        estimating = results._estimation_end[has_car, None] + results._back
        position = np.concatenate(
            [estimating, results._event_position[has_car, None] + _span(window)], axis=1
        )
        position -= panel.offset[asset][:, None]
        rows, in_data = _rows(panel, asset, position)
        benchmarks = list(pairs["benchmarks"])
        factors, valid = self._factors(asset, position, _factor_columns(panel, benchmarks))
        returned = in_data & np.isfinite(panel.returns[rows])
        valid &= returned
        valid[:, : estimating.shape[1]] = np.isfinite(results._fit.residuals[has_car])
        fit = self._fit(panel.returns[rows], factors, panel.n_sessions[rows], valid, benchmarks)
        length = window[1] - window[0] + 1
        found = []
        row_of_pair = np.cumsum(has_car) - 1
        for (event_id, group), members in results._members.items():
            complete = members[has_car[members]]
            if not len(complete):
                continue
            residuals = fit.residuals[row_of_pair[complete]]
            present = np.isfinite(residuals)
            count = present.sum(axis=0)
            held = returned[row_of_pair[complete], -length:].any(axis=0)
            if (held & (count[-length:] == 0)).any():
                found.append((event_id, group, int((count > 0).sum()), np.nan, np.nan))
                continue
            # What spans a gap of the window stands for all of its sessions.
            count[-length:] = np.maximum(count[-length:], 1)
            mean = np.where(present, residuals, 0.0).sum(axis=0)[count > 0] / count[count > 0]
            p_value = float(conformal_p_value(mean, length))
            found.append((event_id, group, len(mean), p_value, 1 / len(mean)))
        columns = ["event_id", "group", "n_sessions", "p_conformal", "smallest_p"]
        return pd.DataFrame(found, columns=columns)

    def every_session(self, windows: Sequence[Window] = ((0, 1),)) -> EverySession:
        """Estimate every session of every asset as if it were an event, by running sums.

        Each session has the estimation window that it would have as an event of `fit`; where one
        window serves all sessions (`anchor` "first", or an `end`), the sessions of `windows` are
        left out of it, as in `placebo`. Sessions of dated events are masked, and are estimated
        like all others.

        Parameters
        ----------
        windows : sequence of tuple of int
            Cumulation windows, both ends inclusive.

        Returns
        -------
        EverySession

        Raises
        ------
        ValueError
            If there is no window, a window is not a pair of sessions in order, running sums do
            not estimate the model, or a moving estimation window does not end before the first
            of the windows.

        Examples
        --------
        See `EventStudy`.
        """
        return self._every_session(self._panel, windows, self._shared_end(), self._masked())

    def _every_session(
        self, panel: Panel, windows: Sequence[Window], last: Floats, masked: Bools
    ) -> EverySession:
        return every_session(
            panel,
            self.model,
            windows,
            estimation=self.estimation.window,
            minimum=self.estimation.minimum,
            last=last,
            masked=masked,
        )

    def _estimate(
        self,
        candidates: pd.DataFrame,
        end: Ints,
        event_window: Window,
        alignment: pd.DataFrame,
        outside: pd.DataFrame | None = None,
    ) -> EventStudyResults:
        """Fit and forecast candidate pairs whose estimation windows end at positions `end`."""
        panel = self._panel
        asset = candidates["asset"].to_numpy()
        position = candidates["position"].to_numpy(np.int64)
        used = [self.model.benchmarks_used(names) for names in panel.benchmarks_of]
        benchmarks = [used[i] for i in asset.tolist()]
        columns = _factor_columns(panel, benchmarks)
        masked = self._masked()
        residuals = np.empty((len(asset), self.estimation.length))
        parts, of_pair, n_fits = [], np.empty(len(asset), np.int64), 0
        for some in _blocks(asset, end, max(1, VALUES_PER_BLOCK // self.estimation.length)):
            fit, of_sample = self._fit_block(
                *(asset[some], position[some], end[some], columns[some]),
                [benchmarks[i] for i in some],
                event_window,
                masked,
            )
            residuals[some] = fit.residuals[of_sample]
            # These are most of a fit; its other numbers wait for those of the other blocks.
            fit = replace(fit, residuals=fit.residuals[:, :0])
            of_pair[some] = n_fits + np.arange(len(fit.alpha))[of_sample]
            n_fits += len(fit.alpha)
            parts.append(fit)
        fit = _concatenate(parts, columns.shape[1])

        reason = self._reasons(fit)[of_pair]
        usable = reason == ""
        # All of them is no choice, and nothing to copy.
        kept = slice(None) if usable.all() else np.flatnonzero(usable)
        fit = replace(_select(fit, of_pair[kept]), residuals=_squeeze(residuals, kept))
        event_rows, event_in_data = _rows(
            panel, asset[kept], position[kept, None] + _span(event_window)
        )
        abnormal = abnormal_returns(
            fit,
            np.where(event_in_data, panel.returns[event_rows], np.nan),
            _gather_factors(panel, event_rows, columns[kept]),
            panel.n_sessions[event_rows],
        )
        offset = panel.offset[asset]
        pairs = pd.DataFrame(
            {
                "event_id": candidates["event_id"].to_numpy()[kept],
                "ticker": candidates["ticker"].to_numpy()[kept],
                "group": np.array(panel.groups)[asset[kept]],
                "event_session": candidates["event_session"].to_numpy()[kept],
                "model": list(map(self._model_name, compress(benchmarks, usable))),
                "benchmarks": list(compress(benchmarks, usable)),
            }
        )
        refused = candidates.loc[~usable, ["event_id", "ticker"]].assign(reason=reason[~usable])
        excluded = refused if outside is None or outside.empty else pd.concat([outside, refused])
        return EventStudyResults(
            model=self.model,
            event_window=event_window,
            _pairs=pairs,
            _excluded=excluded[["event_id", "ticker", "reason"]].sort_values(
                ["event_id", "ticker"], ignore_index=True
            ),
            _panel=panel,
            _fit=fit,
            _abnormal=abnormal,
            _rows=event_rows,
            _in_data=event_in_data,
            _event_position=(offset + position)[kept],
            _estimation_end=(offset + end)[kept],
            _alignment=alignment,
            _alignment_row=candidates["row"].to_numpy(np.int64)[kept],
            _ordinary=self._ordinary,
        )

    def _fit_block(
        self,
        asset: Ints,
        position: Ints,
        end: Ints,
        columns: Ints,
        benchmarks: list[tuple[str, ...]],
        event_window: Window,
        masked: Bools,
    ) -> tuple[NormalFit, Ints | slice]:
        """Fit pairs that are in the order of their estimation windows; say whose fit is which.

        What estimates the same from the same sessions is estimated once.
        """
        panel, length = self._panel, self.estimation.length
        # Where the end is fixed, all events of an asset have one estimation window.
        begins = _begins(asset, end)
        first, of_window = np.flatnonzero(begins), np.cumsum(begins) - 1
        until = np.arange(1 - length, 1)
        rows, in_data = _rows(panel, asset[first], end[first, None] + until)
        factors, usable = self._factors(asset[first], end[first, None] + until, columns[first])
        returns, n_sessions = panel.returns[rows], panel.n_sessions[rows]
        # A return belongs to all the sessions it spans.
        reach = n_sessions - 1
        usable &= in_data & (reach <= np.arange(length)) & np.isfinite(returns) & ~masked[rows]
        # Neither a session nor a lag or lead of it may lie in the event window.
        followed = columns.max(axis=1, initial=-1)[:, None] >= 0
        tau = (end - position)[:, None] + until
        before = tau + self.model.leads * followed < event_window[0]
        after = tau - reach[of_window] - self.model.lags * followed > event_window[1]
        valid = usable[of_window] & (before | after)
        if begins.all():
            return self._fit(returns, factors, n_sessions, valid, benchmarks), slice(None)
        of_sample = number_distinct(of_window, valid)
        sample = np.unique(of_sample, return_index=True)[1]
        window = of_window[sample]
        fit = self._fit(
            returns[window],
            factors[window],
            n_sessions[window],
            valid[sample],
            [benchmarks[i] for i in sample],
        )
        return fit, of_sample

    def _model_name(self, benchmarks: tuple[str, ...]) -> str:
        return self.model.name if benchmarks else ConstantMean.name

    def _estimation_end(self, candidates: pd.DataFrame) -> Ints:
        """Position of the last session of each pair's estimation window."""
        shared = self._shared_end()[candidates["asset"].to_numpy()]
        own = candidates["position"].to_numpy(np.int64) + self.estimation.window[1]
        end: Ints = np.where(np.isnan(shared), own, shared).astype(np.int64)
        return end

    def _shared_end(self) -> Floats:
        """Position of the last estimation session of all events of each asset, else NaN."""
        panel, estimation = self._panel, self.estimation
        shared = np.full(len(panel.tickers), np.nan)
        if estimation.end is not None:
            end = pd.Timestamp(estimation.end).to_datetime64()
            until = {
                group: int(np.searchsorted(calendar, end, side="right")) - 1
                for group, calendar in panel.calendars.items()
            }
            shared[:] = np.array([until[group] for group in panel.groups]) - panel.offset
        elif estimation.anchor == "first":
            # Without a policy event there is nothing earlier to anchor to than the event itself.
            policy = self._events[self._events["in_sample"] & (self._events["role"] == "policy")]
            first = policy.groupby("asset")["position"].min() + estimation.window[1]
            shared[first.index] = first
        return shared

    def _refuse_overlap(self, candidates: pd.DataFrame, end: Ints) -> None:
        overlapping = end >= candidates["position"].to_numpy() + self.event_window[0]
        if overlapping.any():
            named = candidates.loc[overlapping, "event_id"].drop_duplicates().tolist()
            raise ValueError(
                f"the estimation window does not end before the event window "
                f"{window_label(self.event_window)} of {', '.join(named)} begins; end it earlier "
                "or shorten the event window"
            )

    def _sessions_of_events(self, window: Window) -> Bools:
        """Rows of the panel that lie in a window around any dated event, in sample or not."""
        panel = self._panel
        events = self._events[self._events["position"].notna()]
        asset = events["asset"].to_numpy()
        position = events["position"].to_numpy(np.int64)
        rows, in_data = _rows(panel, asset, position[:, None] + _span(window))
        found = np.zeros(len(panel.session), dtype=bool)
        found[rows[in_data]] = True
        return found

    def _masked(self) -> Bools:
        """Rows of the panel that estimate nothing."""
        if not self.estimation.mask:
            return np.zeros(len(self._panel.session), dtype=np.bool_)
        return self._spanning(self._sessions_of_events(MASKED_SESSIONS))

    def _spanning(self, found: Bools) -> Bools:
        """Rows of the panel whose return spans a session that was found."""
        panel = self._panel
        row = np.arange(len(found))
        block = np.repeat(panel.first, panel.length)
        # Where there is no return it does not matter what it spans.
        spans = np.nan_to_num(panel.n_sessions, nan=1.0).astype(np.int64)
        start = np.maximum(row - spans + 1, block)
        count = np.concatenate([[0], np.cumsum(found)])
        spanning: Bools = count[row + 1] > count[start]
        return spanning

    def _factors(self, asset: Ints, position: Ints, columns: Ints) -> tuple[Floats, Bools]:
        """Benchmark returns (P, M, K), lags and leads among the K, and where all of them exist."""
        panel, model = self._panel, self.model
        parts = []
        alone: Bools = np.ones(position.shape, dtype=np.bool_)
        for shift in range(-model.lags, model.leads + 1):
            rows, in_data = _rows(panel, asset, position + shift)
            parts.append(_gather_factors(panel, rows, columns))
            if model.lags or model.leads:
                # What spans a gap is nobody's lag or lead.
                single = in_data & (panel.n_sessions[rows] == 1)
                alone &= single | (columns.max(axis=1, initial=-1) < 0)[:, None]
        factors = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
        alone &= np.isfinite(factors).all(axis=2)
        return factors, alone

    def _fit(
        self,
        returns: Floats,
        factors: Floats,
        n_sessions: Floats,
        valid: Bools,
        benchmarks: list[tuple[str, ...]],
    ) -> NormalFit:
        """Fit the pairs in batches that have the same number of benchmarks."""
        counts = np.array([len(names) for names in benchmarks])

        def fit(count: int, members: Ints | slice) -> NormalFit:
            model = self.model if count else ConstantMean()
            columns = count * (1 + model.lags + model.leads)
            return model.fit(
                returns[members],
                factors[members][:, :, :columns],
                n_sessions[members],
                valid[members],
            )

        # Without a pair there is still a fit, an empty one.
        different = sorted(set(counts.tolist())) or [0]
        if len(different) == 1:
            return fit(different[0], slice(None))
        members = {count: np.flatnonzero(counts == count) for count in different}
        return _join([(at, fit(count, at)) for count, at in members.items()], different[-1])

    def _reasons(self, fit: NormalFit) -> np.ndarray:
        """Why each pair cannot be estimated, or an empty string."""
        needed = np.maximum(self.estimation.minimum, fit.n_parameters + 1)
        short = fit.n_estimation < needed
        reason = np.full(len(short), "", dtype=object)
        for pair in np.flatnonzero(short):
            reason[pair] = (
                f"{fit.n_estimation[pair]} valid sessions in the estimation window, "
                f"{needed[pair]} needed"
            )
        reason[~short & fit.collinear] = (
            "the benchmarks do not vary, or are collinear, in the estimation window"
        )
        reason[~short & ~fit.collinear & fit.degenerate] = (
            "the residuals do not vary in the estimation window"
        )
        return reason


def _refuse_reversed(event_window: Window) -> None:
    require_window(event_window, "event window")
    if event_window[0] > event_window[1]:
        raise ValueError(f"the event window {window_label(event_window)} is reversed")


def _locate(panel: Panel, alignment: pd.DataFrame) -> pd.DataFrame:
    """Find the event session of every row of the alignment inside its asset's block."""
    require_columns(alignment, ("event_id", "ticker", "event_session"), "alignment")
    event_id = _texts(alignment["event_id"], "an event_id")
    ticker = _texts(alignment["ticker"], "a ticker")
    asset = pd.Index(panel.tickers).get_indexer(pd.Index(ticker))
    if (asset < 0).any():
        unknown = ticker[asset < 0].drop_duplicates()
        raise ValueError(f"alignment: no returns are given for {', '.join(unknown)}")
    session = read_sessions(alignment["event_session"], "alignment: event_session")
    if np.isnat(session).any():
        raise ValueError("alignment: an event_session is blank; leave an undated event out")
    events = pd.DataFrame(
        {
            "event_id": event_id.to_numpy(),
            "ticker": ticker.to_numpy(),
            "asset": asset,
            "row": np.arange(len(alignment)),
            "event_session": session,
            "in_sample": _optional(alignment, "in_sample", default=True),
            "role": _optional(alignment, "role", default="policy"),
        }
    )
    twice = events.duplicated(["event_id", "ticker", "event_session"])
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise ValueError(
            f"alignment: event {event_id.iloc[row]} has two rows for {ticker.iloc[row]} on "
            f"{session_label(session[row])}; keep one"
        )
    if events["in_sample"].dtype != np.bool_:
        raise ValueError("alignment: in_sample holds True or False, and no blank")
    position = np.full(len(events), np.nan)
    for group in panel.calendars:
        members = np.flatnonzero([panel.groups[i] == group for i in asset])
        position[members] = _positions(panel, group, events.iloc[members])
    outside = np.empty(len(events), dtype=object)
    for unplaced in np.flatnonzero(np.isnan(position)):
        block = panel.session[panel.first[asset[unplaced]] :][: panel.length[asset[unplaced]]]
        outside[unplaced] = (
            f"the event session {session_label(session[unplaced])} is outside the data "
            f"({session_label(block[0])} to {session_label(block[-1])})"
        )
    events = events.assign(position=position, outside=outside)
    # Assets are numbered in the order of their tickers.
    of_event, _ = pd.factorize(events["event_id"], sort=True)
    located: pd.DataFrame = events.iloc[np.lexsort((session, asset, of_event))]
    return located


def _positions(panel: Panel, group: str, events: pd.DataFrame) -> Floats:
    """Position of each event session of a group in its asset's block, NaN outside the data."""
    calendar = panel.calendars[group]
    session, asset = events["event_session"].to_numpy(), events["asset"].to_numpy()

    def refuse(wrong: Bools, why: str) -> None:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            event_id, ticker = events[["event_id", "ticker"]].iloc[row]
            raise ValueError(
                f"alignment: {session_label(session[row])}, the event session of {event_id} for "
                f"{ticker}, {why}"
            )

    if not has_time(calendar).any():
        refuse(
            has_time(session),
            f'has a time of day; the sessions of group "{group}" are days, give the date alone',
        )
    at = np.searchsorted(calendar, session)
    found = calendar[np.minimum(at, len(calendar) - 1)] == session
    refuse(~found & (at > 0) & (at < len(calendar)), f'is no session of group "{group}"')
    position = at - panel.offset[asset]
    inside = found & (position >= 0) & (position < panel.length[asset])
    return np.where(inside, position, np.nan)


def _texts(column: pd.Series, what: str) -> pd.Series:
    texts = column.astype(str)
    if (column.isna() | (texts == "")).any():
        raise ValueError(f"alignment: {what} is blank")
    return texts


def _optional(frame: pd.DataFrame, column: str, default: bool | str) -> np.ndarray:
    if column in frame.columns:
        return frame[column].to_numpy()
    return np.full(len(frame), default)


def _rows(panel: Panel, asset: Ints, position: Ints) -> tuple[Ints, Bools]:
    """Rows of the panel at positions inside the assets' blocks, and which positions exist."""
    in_data = (position >= 0) & (position < panel.length[asset][:, None])
    clipped = np.clip(position, 0, panel.length[asset][:, None] - 1)
    return panel.first[asset][:, None] + clipped, in_data


def _span(window: Window) -> Ints:
    return np.arange(window[0], window[1] + 1)


def _factor_columns(panel: Panel, benchmarks: list[tuple[str, ...]]) -> Ints:
    """Column of each pair's benchmarks, -1 where it has fewer than the widest pair."""
    width = max((len(names) for names in benchmarks), default=0)
    place = {name: column for column, name in enumerate(panel.benchmarks)}
    of = {
        names: [place[name] for name in names] + [-1] * (width - len(names))
        for names in set(benchmarks)
    }
    return np.array([of[names] for names in benchmarks], np.int64).reshape(len(benchmarks), width)


def _gather_factors(panel: Panel, rows: Ints, columns: Ints) -> Floats:
    """Benchmark returns at rows (P, L) for columns (P, K), zero for an unused place."""
    values: Floats = panel.factors[rows[:, :, None], columns[:, None, :]]
    return values if (columns >= 0).all() else np.where(columns[:, None, :] >= 0, values, 0.0)


def _blocks(asset: Ints, end: Ints, size: int) -> Iterator[Ints]:
    """Yield pairs some at a time, those of one asset and estimation window in a row."""
    order = np.lexsort((end, asset))
    # Without a pair there is still a fit, an empty one.
    for start in range(0, max(len(order), 1), size):
        yield order[start : start + size]


def _begins(asset: Ints, end: Ints) -> Bools:
    """Where the asset or its estimation window is another than that of the pair before."""
    begins = np.ones(len(asset), dtype=np.bool_)
    begins[1:] = (asset[1:] != asset[:-1]) | (end[1:] != end[:-1])
    return begins


def _join(batches: list[tuple[Ints, NormalFit]], width: int) -> NormalFit:
    """Put batches with fewer benchmarks than `width` into one, in the order of the pairs."""
    order = np.argsort(np.concatenate([members for members, _ in batches]))
    return _select(_concatenate([batch for _, batch in batches], width), order)


def _concatenate(fits: list[NormalFit], width: int) -> NormalFit:
    """Put fits with at most `width` benchmarks one after the other."""
    joined = {}
    for name in (field.name for field in fields(NormalFit)):
        per_benchmark = {"beta": 1, "factor_mean": 1, "inverse_factors": 2}.get(name, 0)
        parts = []
        for fit in fits:
            values = getattr(fit, name)
            if per_benchmark and (unused := width - fit.beta.shape[1]):
                padding = [(0, 0)] * (values.ndim - per_benchmark) + [(0, unused)] * per_benchmark
                values = np.pad(values, padding)
            parts.append(values)
        joined[name] = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return NormalFit(**joined)


def _select(fit: NormalFit, kept: Ints | slice) -> NormalFit:
    return replace(fit, **{name: values[kept] for name, values in vars(fit).items()})


def _squeeze(values: Floats, kept: Ints | slice) -> Floats:
    """Move the rows to be kept to the front: a copy of all would double the memory of a study."""
    if isinstance(kept, slice):
        return values[kept]
    for start in range(0, len(kept), 1024):
        some = kept[start : start + 1024]
        values[start : start + len(some)] = values[some]
    return values[: len(kept)]
