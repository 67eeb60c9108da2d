"""The event study: which sessions estimate normal returns, which are tested."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from chainpolicy.eventstudy.abnormal import abnormal_returns
from chainpolicy.eventstudy.batch import EverySession, every_session
from chainpolicy.eventstudy.counterfactual import conformal_p_value
from chainpolicy.eventstudy.inference import GroupTest, number_distinct
from chainpolicy.eventstudy.normal import (
    ConstantMean,
    MarketModel,
    NormalFit,
    NormalReturnModel,
    model_named,
)
from chainpolicy.eventstudy.ordinary import TESTED, GroupSessions
from chainpolicy.eventstudy.panel import (
    Bools,
    Floats,
    Ints,
    Pairs,
    Panel,
    Selection,
    Value,
    build_panel,
    has_time,
    read_names,
    read_sessions,
    require_columns,
    session_label,
    texts,
)
from chainpolicy.eventstudy.results import (
    EventStudyResults,
    Window,
    named_tests,
    require_window,
    tabulate_p_values,
    window_label,
)
from chainpolicy.eventstudy.threads import one_thread

# The sessions of an event that are no clean estimation, and those that are no ordinary session.
MASKED_SESSIONS: Window = (0, 1)
EVENTFUL_SESSIONS: Window = (0, 5)
# Bounds the memory of a block of pairs: the sessions of their estimation windows.
VALUES_PER_BLOCK = 2**16
# Bounds that of the ordinary sessions that are fitted at a time, whose residuals are kept.
VALUES_AT_A_TIME = 2**20


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
    >>> studentized = ordinary.caar((0, 1)).eval("caar / std_error")
    >>> np.allclose(study.ordinary_caars((0, 1))["studentized_caar"], studentized)
    True
    >>> p_values = study.ordinary_p_values((0, 1), ["adjusted_bmp"])
    >>> placebo = ordinary.p_values((0, 1), ["adjusted_bmp"])
    >>> np.allclose(p_values["p_value"], placebo["p_value"], equal_nan=True)
    True
    >>> cars = ordinary.car((0, 1)).sort_values(["ticker", "event_id"])[["car", "t_stat"]]
    >>> np.allclose(study.ordinary_cars((0, 1))[["car", "t_stat"]], cars)
    True

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
        # A change of the frame after this does not reach the study.
        self._alignment = alignment.copy(deep=False)

    def __repr__(self) -> str:
        return (
            f"EventStudy(model={self.model}, estimation={self.estimation}, "
            f"event_window={self.event_window}, events={len(self._events.pairs.event_ids)}, "
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
        pairs, in_sample = self._events.pairs, self._events.in_sample
        candidates = pairs[in_sample & (pairs.position >= 0)]
        end = self._estimation_end(candidates)
        self._refuse_overlap(candidates, end)
        outside = pairs[in_sample & (pairs.position < 0)]
        return self._estimate(candidates, end, self.event_window, self._labelled_events, outside)

    def _labelled_events(self) -> pd.DataFrame:
        """Return the alignment, by whose columns effects can be pooled."""
        return self._alignment.astype({"event_id": str}).reset_index(drop=True)

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
        return self._estimate_ordinary(candidates, window)

    def ordinary_caars(self, window: Window = (0, 1)) -> pd.DataFrame:
        """Studentize the CAAR of every group on every ordinary session, see `placebo`.

        What `placebo` finds of the means of groups, by running sums where they estimate the model,
        and without the pairs of all sessions in memory.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive.

        Returns
        -------
        DataFrame
            ``group, session, studentized_caar``: the CAAR of the assets that have a CAR on the
            session, over its portfolio standard error.

        Raises
        ------
        ValueError
            If the window is not a pair of sessions in order.

        Examples
        --------
        See `EventStudy`.
        """
        _refuse_reversed(window)
        panel = self._panel
        members: dict[str, list[str]] = {group: [] for group in panel.calendars}
        for ticker, group in zip(panel.tickers, panel.groups, strict=True):
            members[group].append(ticker)
        found = self._ordinary(window, {group: [tuple(names)] for group, names in members.items()})
        parts = [
            pd.DataFrame(
                {"group": group, "session": panel.calendars[group], "studentized_caar": scaar}
            )
            for (group, _), scaar in found.items()
        ]
        return pd.concat(parts).dropna(subset="studentized_caar").reset_index(drop=True)

    def ordinary_p_values(
        self, window: Window = (0, 1), names: Collection[str] | None = None
    ) -> pd.DataFrame:
        """Test every group on every ordinary session, see `placebo`.

        What `placebo` finds by `EventStudyResults.p_values`: by running sums where they estimate
        the model and `names` are tests of CARs and residuals alone (`ordinary.TESTED`), else some
        sessions at a time; without the pairs of all sessions in memory.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive.
        names : collection of str, optional
            Of the tests to run, see `inference.TESTS`; default all eleven.

        Returns
        -------
        DataFrame
            ``event_id, group, test, p_value``, as `EventStudyResults.p_values`.

        Raises
        ------
        ValueError
            If the window is not a pair of sessions in order, or there is no test of a name.

        Examples
        --------
        See `EventStudy`.
        """
        _refuse_reversed(window)
        ordinary = self._ordinary_rows(window)
        if names is not None and self._rolls(window) and set(names) <= set(TESTED):
            rolled = self._rolled_p_values(window, named_tests(names), ordinary)
            if rolled is not None:
                return rolled
        parts = [part.p_values(window, names) for part in self._fitted_ordinary(ordinary, window)]
        # Without a session there is still a table, an empty one.
        return pd.concat(parts or [self.placebo(window).p_values(window, names)], ignore_index=True)

    def _rolled_p_values(
        self, window: Window, tests: Sequence[GroupTest], ordinary: Bools
    ) -> pd.DataFrame | None:
        """Test every group on ordinary rows by running sums; None where these do not tell all."""
        panel, lay_out = self._panel, self._group_sessions(window, ordinary)
        sessions = np.unique(panel.session[ordinary])
        groups = sorted(panel.calendars)
        events, numbers, found = [], [], []
        for number, group in enumerate(groups):
            members = lay_out(group, np.flatnonzero(np.array(panel.groups) == group))
            p_values = members.p_values(tests)
            if p_values is None:
                return None
            at = np.flatnonzero(members.present.any(axis=0))
            events.append(np.searchsorted(sessions, panel.calendars[group][at]))
            numbers.append(np.full(len(at), number))
            found.append(p_values[at])
        event, number_of = np.concatenate(events), np.concatenate(numbers)
        order = np.lexsort((number_of, event))
        return tabulate_p_values(
            texts(np.datetime_as_string(sessions, unit="auto").tolist(), event[order]),
            texts(groups, number_of[order]),
            tests,
            np.concatenate(found)[order],
        )

    def ordinary_cars(self, window: Window = (0, 1)) -> pd.DataFrame:
        """Cumulate the abnormal returns of every asset on every ordinary session, see `placebo`.

        By running sums where they estimate the model; elsewhere some sessions are fitted at a time.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive.

        Returns
        -------
        DataFrame
            ``ticker, session, car, t_stat``, by asset and session, of complete windows: eq. 9.

        Raises
        ------
        ValueError
            If the window is not a pair of sessions in order.

        Examples
        --------
        See `EventStudy`.
        """
        _refuse_reversed(window)
        panel, ordinary = self._panel, self._ordinary_rows(window)
        if self._rolls(window):
            every = self.every_session([window])
            car, std_error = every.cars[window], every.std_errors[window]
        else:
            car, std_error = np.full((2, len(ordinary)), np.nan)
            for fitted in self._fitted_ordinary(ordinary, window):
                cumulated = fitted._cumulated(window)
                rows = panel.first[fitted._pairs.asset] + fitted._pairs.position
                car[rows], std_error[rows] = cumulated.car, cumulated.std_error
        found = np.flatnonzero(ordinary & np.isfinite(car))
        asset = np.searchsorted(panel.first, found, side="right") - 1
        return pd.DataFrame(
            {
                "ticker": texts(panel.tickers, asset),
                "session": panel.session[found],
                "car": car[found],
                "t_stat": car[found] / std_error[found],
            }
        )

    def _ordinary(
        self, window: Window, portfolios: Mapping[str, Collection[tuple[str, ...]]]
    ) -> dict[tuple[str, tuple[str, ...]], Floats]:
        """SCAAR of portfolios of each group on every ordinary session, NaN on the others.

        A portfolio is what of its assets has a CAR on the session. What running sums do not tell
        is fitted, for all portfolios together.
        """
        panel, ordinary = self._panel, self._ordinary_rows(window)
        number = {name: asset for asset, name in enumerate(panel.tickers)}
        rolled = self._group_sessions(window, ordinary) if self._rolls(window) else None
        found: dict[str, tuple[Bools, Floats, Bools]] = {}
        rows = np.zeros(len(ordinary), dtype=np.bool_)
        for group, of_group in portfolios.items():
            members = np.zeros((len(of_group), len(panel.tickers)), dtype=np.bool_)
            for portfolio, names in enumerate(of_group):
                members[portfolio, [number[name] for name in names]] = True
            assets = np.flatnonzero(members.any(axis=0))
            if rolled is None:
                scaar = np.full((len(of_group), len(panel.calendars[group])), np.nan)
                left = np.ones(scaar.shape, dtype=np.bool_)
            else:
                scaar, left = rolled(group, assets).studentize(members[:, assets])
            at, inside = self._on_calendar(group, assets)
            rows[at[inside & (members[:, assets].T @ left)]] = True
            found[group] = members, scaar, left
        for fitted in self._fitted_ordinary(rows & ordinary, window):
            for group, (members, scaar, left) in found.items():
                fitted._studentize(scaar, group, members, window, left)
        return {
            (group, names): scaar
            for group, of_group in portfolios.items()
            for names, scaar in zip(of_group, found[group][1], strict=True)
        }

    def _group_sessions(
        self, window: Window, events: Bools
    ) -> Callable[[str, Ints], GroupSessions]:
        """Return what lays assets of a group out, by running sums, with rows taken as events."""
        panel, every = self._panel, self.every_session([window])
        last, masked, used = self._shared_end(), self._masked(), self._used()

        def of(group: str, assets: Ints) -> GroupSessions:
            return GroupSessions.of(
                panel,
                every,
                assets,
                *self._on_calendar(group, assets),
                _factor_columns(panel, used, assets)[1],
                window=window,
                estimation=self.estimation.window,
                last=last,
                masked=masked,
                events=events,
            )

        return of

    def _fitted_ordinary(self, rows: Bools, window: Window) -> Iterator[EventStudyResults]:
        """Estimate rows of the panel as events, some sessions at a time."""
        # All assets of a session together, for they are one portfolio.
        candidates = self._pairs_at(np.flatnonzero(rows))
        step = max(VALUES_AT_A_TIME // self.estimation.length, 1)
        begins = np.flatnonzero(np.diff(candidates.event, prepend=-1))
        chunk = begins // step
        of_chunk = begins[np.flatnonzero(np.diff(chunk, prepend=-1))]
        for first, last in pairwise([*of_chunk.tolist(), len(candidates)]):
            yield self._estimate_ordinary(candidates[first:last], window)

    def _rolls(self, window: Window) -> bool:
        """Whether `every_session` can estimate the window."""
        moving = np.isnan(self._shared_end()).any()
        return self.model.running_sums and not (moving and self.estimation.window[1] >= window[0])

    def _on_calendar(self, group: str, asset: Ints) -> tuple[Ints, Bools]:
        """Rows (N, T) of assets on the sessions of their group, and which of them there are."""
        panel = self._panel
        position = np.arange(len(panel.calendars[group])) - panel.offset[asset][:, None]
        return _rows(panel, asset, position)

    def _ordinary_rows(self, window: Window) -> Bools:
        """Rows of the panel that are ordinary sessions of their asset."""
        panel = self._panel
        row = np.arange(len(panel.session))
        last = np.repeat(panel.first + panel.length, panel.length) - 1
        begin, end = row + window[0], row + window[1]
        inside = (begin >= np.repeat(panel.first, panel.length)) & (end <= last)
        eventful = np.cumsum(np.append(0, self._sessions_of_events(EVENTFUL_SESSIONS)))
        ordinary: Bools = inside.copy()
        ordinary[inside] = eventful[end[inside] + 1] == eventful[begin[inside]]
        return ordinary

    def _pairs_at(self, rows: Ints) -> Pairs:
        """Assets and sessions of rows of the panel, by session, as candidates for estimation."""
        panel = self._panel
        sessions, event = np.unique(panel.session[rows], return_inverse=True)
        rows = rows[np.argsort(event, kind="stable")]
        asset = np.searchsorted(panel.first, rows, side="right") - 1
        # Sessions that differ must not share a name, for they would be one event.
        names = np.datetime_as_string(sessions, unit="auto")
        return Pairs(
            event_ids=tuple(names.tolist()),
            event=np.sort(event),
            asset=asset,
            session=panel.session[rows],
            position=rows - panel.first[asset],
            row=np.arange(len(rows)),
        )

    def _estimate_ordinary(self, candidates: Pairs, window: Window) -> EventStudyResults:
        candidates = replace(candidates, row=np.arange(len(candidates)))
        return self._estimate(
            candidates,
            self._estimation_end(candidates),
            window,
            partial(_labelled_sessions, self._panel, candidates),
        )

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
        of_event = np.flatnonzero(results._pairs_of(event_id))
        if not len(of_event):
            raise ValueError(f"no pair of {event_id} can be estimated")
        pairs = results._pairs[of_event]
        counts, columns = _factor_columns(panel, self._used(), pairs.asset)
        windows = self._estimating(results, of_event)
        rows = windows.rows
        factors, _ = self._factors(windows, columns)
        valid = np.isfinite(results._fit.residuals[of_event])
        found = np.full(valid.shape, np.nan)
        for count in np.unique(counts):
            some = np.flatnonzero(counts == count)
            model = self.model if count else ConstantMean()
            width = count * (1 + model.lags + model.leads)
            with one_thread():
                found[some] = model.forecast_errors(
                    *(panel.returns[rows[some]], factors[some][:, :, :width]),
                    *(panel.n_sessions[rows[some]], valid[some]),
                )
        # By asset and session; several dates of an asset overlap.
        pair, column = np.nonzero(np.isfinite(found))
        session = panel.session[rows[pair, column]]
        asset = pairs.asset[pair]
        order = np.lexsort((session, asset))
        asset = asset[order]
        return pd.DataFrame(
            {
                "ticker": texts(panel.tickers, asset),
                "group": texts(list(panel.calendars), panel.group[asset]),
                "session": session[order],
                "error": found[pair, column][order],
            }
        )

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
        has_car = np.isfinite(results._cumulated(window).car)
        asset = results._pairs.asset[has_car]
        counts, columns = _factor_columns(panel, self._used(), asset)
        first = results._event_position[has_car] - panel.offset[asset] + window[0]
        both = (
            self._estimating(results, np.flatnonzero(has_car)),
            _Windows(panel, asset, first, window[1] - window[0] + 1),
        )
        rows, in_data, factors, valid = (
            np.concatenate(parts, axis=1)
            for parts in zip(
                *((of.rows, of.in_data, *self._factors(of, columns)) for of in both), strict=True
            )
        )
        returned = in_data & np.isfinite(panel.returns[rows])
        valid &= returned
        valid[:, : both[0].length] = np.isfinite(results._fit.residuals[has_car])
        data = panel.returns[rows], factors, panel.n_sessions[rows]
        fit = self._fit(data, slice(None), valid, counts)
        length = window[1] - window[0] + 1
        found: list[tuple[str, str, int, float, float]] = []
        row_of_pair = np.cumsum(has_car) - 1
        cells, pairs, start = results._cells.of(has_car)
        for cell, complete in zip(cells.tolist(), np.split(pairs, start[1:]), strict=False):
            event_id, group = results._cells.names(cell)
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
        names = ["event_id", "group", "n_sessions", "p_conformal", "smallest_p"]
        return pd.DataFrame(found, columns=names)

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
        return every_session(
            self._panel,
            self.model,
            windows,
            estimation=self.estimation.window,
            minimum=self.estimation.minimum,
            last=self._shared_end(),
            masked=self._masked(),
        )

    def _estimate(
        self,
        candidates: Pairs,
        end: Ints,
        event_window: Window,
        alignment: Callable[[], pd.DataFrame],
        outside: Pairs | None = None,
    ) -> EventStudyResults:
        """Fit and forecast candidate pairs whose estimation windows end at positions `end`."""
        panel = self._panel
        asset, position = candidates.asset, candidates.position
        used = self._used()
        counts, columns = _factor_columns(panel, used, asset)
        masked = self._masked()
        residuals = np.empty((len(asset), self.estimation.length))
        parts, of_pair, n_fits = [], np.empty(len(asset), np.int64), 0
        for some in _blocks(asset, end, max(1, VALUES_PER_BLOCK // self.estimation.length)):
            fit, of_sample = self._fit_block(
                *(asset[some], position[some], end[some], columns[some], counts[some]),
                event_window,
                masked,
            )
            residuals[some] = fit.residuals[of_sample]
            # These are most of a fit; its other numbers wait for those of the other blocks. A slice
            # would keep them all in memory.
            fit = replace(fit, residuals=np.empty((len(fit.alpha), 0)))
            of_pair[some] = n_fits + np.arange(len(fit.alpha))[of_sample]
            n_fits += len(fit.alpha)
            parts.append(fit)
        fit = _concatenate(parts, columns.shape[1])

        usable = self._usable(fit)[of_pair]
        # All of them is no choice, and nothing to copy.
        kept = slice(None) if usable.all() else np.flatnonzero(usable)
        refused = np.flatnonzero(~usable)
        excluded = self._excluded(candidates[refused], fit, of_pair[refused], outside)
        fit = replace(_select(fit, of_pair[kept]), residuals=_squeeze(residuals, kept))
        pairs = candidates[kept]
        width = event_window[1] - event_window[0] + 1
        windows = _Windows(panel, pairs.asset, pairs.position + event_window[0], width)
        abnormal = abnormal_returns(
            fit,
            np.where(windows.in_data, windows.of(panel.returns), np.nan),
            windows.factors(columns[kept]),
            windows.of(panel.n_sessions),
        )
        offset = panel.offset[pairs.asset]
        return EventStudyResults(
            model=self.model,
            event_window=event_window,
            _pairs=pairs,
            _benchmarks=used,
            _columns=columns[kept],
            _excluded=excluded,
            _panel=panel,
            _fit=fit,
            _abnormal=abnormal,
            _rows=windows.rows,
            _in_data=windows.in_data,
            _event_position=offset + pairs.position,
            _estimation_end=offset + end[kept],
            _make_alignment=alignment,
            _ordinary=self._ordinary,
        )

    def _fit_block(
        self,
        asset: Ints,
        position: Ints,
        end: Ints,
        columns: Ints,
        counts: Ints,
        event_window: Window,
        masked: Bools,
    ) -> tuple[NormalFit, Selection]:
        """Fit pairs that are in the order of their estimation windows; say whose fit is which.

        What estimates the same from the same sessions is estimated once.
        """
        panel, length = self._panel, self.estimation.length
        # Where the end is fixed, all events of an asset have one estimation window.
        begins = _begins(asset, end)
        first, of_window = np.flatnonzero(begins), np.cumsum(begins) - 1
        windows = _Windows(panel, asset[first], end[first] - length + 1, length)
        factors, usable = self._factors(windows, columns[first])
        returns, n_sessions = windows.of(panel.returns), windows.of(panel.n_sessions)
        data = returns, factors, n_sessions
        # A return belongs to all the sessions it spans.
        usable &= (n_sessions <= np.arange(1, length + 1)) & np.isfinite(returns)
        usable &= ~windows.of(masked)
        if not windows.whole:
            usable &= windows.in_data
        valid = usable if begins.all() else usable[of_window]
        # Neither a session nor a lag or lead of it may lie in the event window.
        if (end + self.model.leads >= position + event_window[0]).any():
            followed = columns.max(axis=1, initial=-1)[:, None] >= 0
            tau = (end - position)[:, None] + np.arange(1 - length, 1)
            before = tau + self.model.leads * followed < event_window[0]
            reach = n_sessions[of_window] - 1
            after = tau - reach - self.model.lags * followed > event_window[1]
            valid = valid & (before | after)
        if begins.all():
            return self._fit(data, slice(None), valid, counts), slice(None)
        of_sample = number_distinct(of_window, valid)
        sample = np.unique(of_sample, return_index=True)[1]
        return self._fit(data, of_window[sample], valid[sample], counts[sample]), of_sample

    def _estimating(self, results: EventStudyResults, pairs: Ints) -> _Windows:
        """Estimation windows of estimated pairs."""
        asset = results._pairs.asset[pairs]
        length = results._fit.residuals.shape[1]
        begin = results._estimation_end[pairs] - self._panel.offset[asset] - length + 1
        return _Windows(self._panel, asset, begin, length)

    def _used(self) -> tuple[tuple[str, ...], ...]:
        """Benchmarks of each asset that enter its normal return."""
        of_assets = self._panel.benchmarks_of
        used = {names: self.model.benchmarks_used(names) for names in set(of_assets)}
        return tuple(used[names] for names in of_assets)

    def _estimation_end(self, candidates: Pairs) -> Ints:
        """Position of the last session of each pair's estimation window."""
        shared = self._shared_end()[candidates.asset]
        own = candidates.position + self.estimation.window[1]
        end: Ints = np.where(np.isnan(shared), own, shared).astype(np.int64)
        return end

    def _shared_end(self) -> Floats:
        """Position of the last estimation session of all events of each asset, else NaN."""
        panel, estimation = self._panel, self.estimation
        shared = np.full(len(panel.tickers), np.nan)
        if estimation.end is not None:
            end = pd.Timestamp(estimation.end).to_datetime64()
            until = [
                np.searchsorted(calendar, end, side="right") - 1
                for calendar in panel.calendars.values()
            ]
            shared[:] = np.array(until)[panel.group] - panel.offset
        elif estimation.anchor == "first":
            # Without a policy event there is nothing earlier to anchor to than the event itself.
            events = self._events
            policy = events.pairs[events.in_sample & events.policy & (events.pairs.position >= 0)]
            np.fmin.at(shared, policy.asset, policy.position + float(estimation.window[1]))
        return shared

    def _refuse_overlap(self, candidates: Pairs, end: Ints) -> None:
        overlapping = candidates.event[end >= candidates.position + self.event_window[0]]
        if len(overlapping):
            named = [candidates.event_ids[event] for event in np.unique(overlapping)]
            raise ValueError(
                f"the estimation window does not end before the event window "
                f"{window_label(self.event_window)} of {', '.join(named)} begins; end it earlier "
                "or shorten the event window"
            )

    def _sessions_of_events(self, window: Window) -> Bools:
        """Rows of the panel that lie in a window around any dated event, in sample or not."""
        panel = self._panel
        events = self._events.pairs[self._events.pairs.position >= 0]
        rows, in_data = _rows(panel, events.asset, events.position[:, None] + _span(window))
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
        if not (panel.n_sessions > 1).any():
            return found
        row = np.arange(len(found))
        block = np.repeat(panel.first, panel.length)
        # Where there is no return it does not matter what it spans.
        spans = np.nan_to_num(panel.n_sessions, nan=1.0).astype(np.int64)
        start = np.maximum(row - spans + 1, block)
        count = np.concatenate([[0], np.cumsum(found)])
        spanning: Bools = count[row + 1] > count[start]
        return spanning

    def _factors(self, windows: _Windows, columns: Ints) -> tuple[Floats, Bools]:
        """Benchmark returns (P, M, K), lags and leads among the K, and where all of them exist."""
        panel, model = self._panel, self.model
        parts = []
        alone: Bools = np.ones((len(columns), windows.length), dtype=np.bool_)
        for shift in range(-model.lags, model.leads + 1):
            moved = replace(windows, begin=windows.begin + shift)
            parts.append(moved.factors(columns))
            if model.lags or model.leads:
                # What spans a gap is nobody's lag or lead.
                single = moved.in_data & (moved.of(panel.n_sessions) == 1)
                alone &= single | (columns.max(axis=1, initial=-1) < 0)[:, None]
        factors = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
        alone &= np.isfinite(factors).all(axis=2)
        return factors, alone

    def _fit(
        self, data: tuple[Floats, Floats, Floats], window: Selection, valid: Bools, counts: Ints
    ) -> NormalFit:
        """Fit samples of windows in batches that have the same number of benchmarks.

        `data` are the returns, the benchmarks' returns and the sessions spanned of the windows.
        """
        returns, factors, n_sessions = data

        def fit(count: int, of: Selection, sample: Bools) -> NormalFit:
            model = self.model if count else ConstantMean()
            columns = count * (1 + model.lags + model.leads)
            with one_thread():
                return model.fit_samples(returns, factors[:, :, :columns], n_sessions, of, sample)

        # Without a pair there is still a fit, an empty one.
        different = sorted(set(counts.tolist())) or [0]
        if len(different) == 1:
            return fit(different[0], window, valid)
        of_sample = np.arange(len(returns))[window]
        members = {count: np.flatnonzero(counts == count) for count in different}
        return _join(
            [(at, fit(count, of_sample[at], valid[at])) for count, at in members.items()],
            different[-1],
        )

    def _needed(self, fit: NormalFit) -> Ints:
        """Return the valid sessions without which there is no estimate."""
        needed: Ints = np.maximum(self.estimation.minimum, fit.n_parameters + 1)
        return needed

    def _usable(self, fit: NormalFit) -> Bools:
        enough: Bools = fit.n_estimation >= self._needed(fit)
        return enough & ~fit.collinear & ~fit.degenerate

    def _excluded(
        self, refused: Pairs, fit: NormalFit, of_pair: Ints, outside: Pairs | None
    ) -> pd.DataFrame:
        """Why pairs outside the data, and those whose fits are not usable, are left out."""
        needed = self._needed(fit)
        reasons = []
        for number in of_pair.tolist():
            if fit.n_estimation[number] < needed[number]:
                reason = (
                    f"{fit.n_estimation[number]} valid sessions in the estimation window, "
                    f"{needed[number]} needed"
                )
            elif fit.collinear[number]:
                reason = "the benchmarks do not vary, or are collinear, in the estimation window"
            else:
                reason = "the residuals do not vary in the estimation window"
            reasons.append(reason)
        parts = [(refused, reasons)]
        if outside is not None:
            parts.insert(0, (outside, _why_outside(self._panel, outside)))
        event = np.concatenate([pairs.event for pairs, _ in parts])
        asset = np.concatenate([pairs.asset for pairs, _ in parts])
        why = pd.array([reason for _, some in parts for reason in some], dtype="str")
        order = np.lexsort((asset, event))
        return pd.DataFrame(
            {
                "event_id": texts(refused.event_ids, event[order]),
                "ticker": texts(self._panel.tickers, asset[order]),
                "reason": why.take(order),
            }
        )


@dataclass(frozen=True)
class _Events:
    """What the alignment says: all its pairs, by event, asset and session.

    `in_sample` and `policy` tell which of them are estimated, and which are policy events.
    """

    pairs: Pairs
    in_sample: Bools
    policy: Bools


def _labelled_sessions(panel: Panel, pairs: Pairs) -> pd.DataFrame:
    """Return what stands in place of an alignment where every session is an event."""
    return pd.DataFrame({**pairs.named(panel), "event_session": pairs.session})


def _refuse_reversed(event_window: Window) -> None:
    require_window(event_window, "event window")
    if event_window[0] > event_window[1]:
        raise ValueError(f"the event window {window_label(event_window)} is reversed")


def _locate(panel: Panel, alignment: pd.DataFrame) -> _Events:
    """Find the event session of every row of the alignment inside its asset's block."""
    require_columns(alignment, ("event_id", "ticker", "event_session"), "alignment")
    event, event_ids = read_names(alignment["event_id"], "alignment: an event_id")
    number, names = read_names(alignment["ticker"], "alignment: a ticker")
    of_panel = {name: asset for asset, name in enumerate(panel.tickers)}
    if unknown := {name for name in names if name not in of_panel}:
        in_order = [name for name in dict.fromkeys(np.array(names)[number]) if name in unknown]
        raise ValueError(f"alignment: no returns are given for {', '.join(in_order)}")
    asset = np.array([of_panel[name] for name in names], np.int64)[number]
    session = read_sessions(alignment["event_session"], "alignment: event_session")
    if np.isnat(session).any():
        raise ValueError("alignment: an event_session is blank; leave an undated event out")
    pairs = Pairs(event_ids, event, asset, session, np.zeros_like(asset), np.arange(len(event)))
    pairs = pairs[np.lexsort((session, asset, event))]
    same = [of[1:] == of[:-1] for of in (pairs.event, pairs.asset, pairs.session)]
    twice = pairs[1:][np.logical_and.reduce(same)]
    if len(twice):
        event_id, ticker, day = _first_of(panel, twice)
        raise ValueError(
            f"alignment: event {event_id} has two rows for {ticker} on {day}; keep one"
        )
    in_sample = np.ones(len(event), dtype=np.bool_)
    if "in_sample" in alignment:
        in_sample = alignment["in_sample"].to_numpy()
        if in_sample.dtype != np.bool_:
            raise ValueError("alignment: in_sample holds True or False, and no blank")
    policy = np.ones(len(event), dtype=np.bool_)
    if "role" in alignment:
        policy = alignment["role"].isin(["policy"]).to_numpy()
    position = np.empty_like(asset)
    group = panel.group[pairs.asset]
    for of_group, name in enumerate(panel.calendars):
        members = np.flatnonzero(group == of_group)
        position[members] = _positions(panel, name, pairs[members])
    return _Events(replace(pairs, position=position), in_sample[pairs.row], policy[pairs.row])


def _first_of(panel: Panel, wrong: Pairs) -> tuple[str, str, str]:
    """Event, asset and session of what stands first in the alignment."""
    pair = int(np.argmin(wrong.row))
    return (
        wrong.event_ids[wrong.event[pair]],
        panel.tickers[wrong.asset[pair]],
        session_label(wrong.session[pair]),
    )


def _positions(panel: Panel, group: str, pairs: Pairs) -> Ints:
    """Position of each event session of a group in its asset's block, -1 outside the data."""
    calendar, session = panel.calendars[group], pairs.session

    def refuse(wrong: Bools, why: str) -> None:
        if wrong.any():
            event_id, ticker, day = _first_of(panel, pairs[wrong])
            raise ValueError(
                f"alignment: {day}, the event session of {event_id} for {ticker}, {why}"
            )

    if not has_time(calendar).any():
        refuse(
            has_time(session),
            f'has a time of day; the sessions of group "{group}" are days, give the date alone',
        )
    at = np.searchsorted(calendar, session)
    found = calendar[np.minimum(at, len(calendar) - 1)] == session
    refuse(~found & (at > 0) & (at < len(calendar)), f'is no session of group "{group}"')
    position = at - panel.offset[pairs.asset]
    inside = found & (position >= 0) & (position < panel.length[pairs.asset])
    return np.where(inside, position, -1)


def _why_outside(panel: Panel, pairs: Pairs) -> list[str]:
    reasons = []
    for asset, session in zip(pairs.asset.tolist(), pairs.session, strict=True):
        first, last = panel.first[asset], panel.first[asset] + panel.length[asset] - 1
        reasons.append(
            f"the event session {session_label(session)} is outside the data "
            f"({session_label(panel.session[first])} to {session_label(panel.session[last])})"
        )
    return reasons


def _rows(panel: Panel, asset: Ints, position: Ints) -> tuple[Ints, Bools]:
    """Rows of the panel at positions inside the assets' blocks, and which positions exist."""
    in_data = (position >= 0) & (position < panel.length[asset][:, None])
    clipped = np.clip(position, 0, panel.length[asset][:, None] - 1)
    return panel.first[asset][:, None] + clipped, in_data


@dataclass(frozen=True)
class _Windows:
    """Sessions in a row of P assets of a panel, M of each.

    `begin` (P,) are positions inside the assets' blocks; what is read where a window sticks out of
    the data is of no session of it, see `in_data`.
    """

    panel: Panel
    asset: Ints
    begin: Ints
    length: int

    @cached_property
    def whole(self) -> bool:
        """Whether all windows lie inside the data."""
        inside = (self.begin >= 0) & (self.begin + self.length <= self.panel.length[self.asset])
        return len(inside) > 0 and bool(inside.all())

    @cached_property
    def _found(self) -> tuple[Ints, Bools]:
        return _rows(self.panel, self.asset, self.begin[:, None] + np.arange(self.length))

    @property
    def rows(self) -> Ints:
        """Rows of the panel, shape (P, M)."""
        return self._found[0]

    @property
    def in_data(self) -> Bools:
        """Which of the sessions exist, shape (P, M)."""
        return self._found[1]

    def of(self, series: NDArray[Value]) -> NDArray[Value]:
        """Return values of a series of the panel, shape (P, M)."""
        if not self.whole:
            return series[self.rows]
        # What stands in a row is copied in one piece.
        found: NDArray[Value] = sliding_window_view(series, self.length)[
            self.panel.first[self.asset] + self.begin
        ]
        return found

    def factors(self, columns: Ints) -> Floats:
        """Benchmark returns (P, M, K) of columns (P, K), zero for an unused place."""
        values: Floats
        if self.whole:
            first = self.panel.first[self.asset] + self.begin
            every = sliding_window_view(self.panel.factors, self.length, axis=0)
            values = np.empty((len(first), self.length, columns.shape[1]))
            for k, column in enumerate(columns.T):
                values[:, :, k] = every[first, column]
        else:
            values = self.panel.factors[self.rows[:, :, None], columns[:, None, :]]
        if (columns < 0).any():
            values = np.where(columns[:, None, :] >= 0, values, 0.0)
        return values


def _span(window: Window) -> Ints:
    return np.arange(window[0], window[1] + 1)


def _factor_columns(
    panel: Panel, used: tuple[tuple[str, ...], ...], asset: Ints
) -> tuple[Ints, Ints]:
    """How many benchmarks assets use, and their columns, -1 where one has fewer than the most."""
    place = {name: column for column, name in enumerate(panel.benchmarks)}
    width = max(map(len, used))
    columns_of = {
        names: [place[name] for name in names] + [-1] * (width - len(names)) for names in set(used)
    }
    columns = np.array([columns_of[names] for names in used], np.int64).reshape(len(used), width)
    counts = (columns >= 0).sum(axis=1)[asset]
    return counts, columns[asset, : counts.max(initial=0)]


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
    rank = max(fit.inverse_root.shape[2] for fit in fits)
    filled = {"beta": (width,), "factor_mean": (width,), "inverse_root": (width, rank)}
    for name in (field.name for field in fields(NormalFit)):
        parts = []
        for fit in fits:
            values = getattr(fit, name)
            if values.shape[1:] != (full := filled.get(name, values.shape[1:])):
                unused = np.subtract(full, values.shape[1:])
                values = np.pad(values, [(0, 0), *((0, more) for more in unused)])
            parts.append(values)
        joined[name] = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return NormalFit(**joined)


def _select(fit: NormalFit, kept: Selection) -> NormalFit:
    return replace(fit, **{name: values[kept] for name, values in vars(fit).items()})


def _squeeze(values: Floats, kept: Selection) -> Floats:
    """Move the rows to be kept to the front: a copy of all would double the memory of a study."""
    if isinstance(kept, slice):
        return values[kept]
    for start in range(0, len(kept), 1024):
        some = kept[start : start + 1024]
        values[start : start + len(some)] = values[some]
    return values[: len(kept)]
