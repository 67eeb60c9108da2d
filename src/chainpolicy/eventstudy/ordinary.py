"""Groups on the sessions of their calendar: what running sums found, with the residuals behind it.

From the estimates of `every_session` follow the residuals of any session taken as an event, of all
assets of a group at once, and from these what several assets have in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from chainpolicy.eventstudy.batch import EverySession
from chainpolicy.eventstudy.inference import (
    GroupSample,
    GroupTest,
    differ,
    number_distinct,
    portfolio_errors,
)
from chainpolicy.eventstudy.panel import Bools, Floats, Ints, Panel, Value
from chainpolicy.eventstudy.results import Window, outcome
from chainpolicy.eventstudy.threads import one_thread

# Bounds the memory of what is computed at a time, and keeps it near the processor.
VALUES_AT_A_TIME = 2**17
# Residuals of running sums that cancel down to this part of the largest have lost their digits.
CANCELLED = 1e-4
# Residuals that are this part of what they are the difference of have lost five digits of sixteen.
DIFFERENCE = 1e-5
# Tests that take of a group its CARs and residuals, and nothing that rounding could turn round:
# neither ranks nor signs.
TESTED = ("time_series_t", "cross_sectional_t", "bmp", "adjusted_bmp", "skewness_t")


@dataclass(frozen=True, eq=False)
class GroupSessions:
    """N assets of one group on the T sessions of its calendar, each of them taken as an event.

    Attributes
    ----------
    window, estimation : tuple of int
        The cumulation window, and first and last estimation session, relative to the event
        session; both ends inclusive.
    present : ndarray of bool, shape (N, T)
        Where an asset has a CAR.
    car, multiplier, sigma : ndarray of float, shape (N, T)
        CAR, 1'V1 / s^2 (eq. 9) and s of a residual; zero where it has none.
    lost : ndarray of bool, shape (N, T)
        Where residuals are so much smaller than returns and normal returns that they lose digits.
    n_parameters : ndarray of int, shape (N,)
    end : ndarray of float, shape (N,)
        Position on the calendar of the last estimation session of assets for which it is the same
        whatever the event, else NaN.
    alpha, beta : ndarray of float, shapes (N, T) and (K, N, T)
        Alpha zero and beta one where nothing is estimated.
    before : int
        Sessions before the calendar, into which the first windows reach.
    valid, returns, spans, factors : ndarray, shapes (N, before + T) and (K, N, before + T)
        What estimates, zero (of spans one) on sessions that do not.
    """

    window: Window
    estimation: Window
    present: Bools
    car: Floats
    multiplier: Floats
    sigma: Floats
    lost: Bools
    n_parameters: Ints
    end: Floats
    alpha: Floats
    beta: Floats
    before: int
    valid: Bools
    returns: Floats
    spans: Floats
    factors: Floats

    @classmethod
    def of(
        cls,
        panel: Panel,
        every: EverySession,
        assets: Ints,
        rows: Ints,
        inside: Bools,
        columns: Ints,
        *,
        window: Window,
        estimation: Window,
        last: Floats,
        masked: Bools,
        events: Bools,
    ) -> GroupSessions:
        """Lay assets of a group out on its calendar.

        Parameters
        ----------
        panel : Panel
        every : EverySession
            What `every_session` found with the same window, `estimation`, `last` and `masked`.
        assets : ndarray of int, shape (N,)
        rows, inside : ndarray, shape (N, T)
            Their rows of the panel on the calendar, and where there are some.
        columns : ndarray of int, shape (N, K)
            Benchmarks that each uses, -1 where one has fewer than the most.
        events : ndarray of bool, shape (R,)
            Rows of the panel that are taken as events.
        """
        column = columns.T[:, :, None]
        factors = np.where(column >= 0, panel.factors[rows, column], 0.0)
        returns = panel.returns[rows]
        valid = inside & np.isfinite(returns) & np.isfinite(factors).all(axis=0) & ~masked[rows]
        present = inside & events[rows] & np.isfinite(every.t_stat(window)[rows])
        end = last[assets] + panel.offset[assets]
        first, length = estimation[0], estimation[1] - estimation[0]
        before = max(0, -first, *(length - end[np.isfinite(end)]).astype(np.int64))

        def padded(series: NDArray[Value], blank: float) -> NDArray[Value]:
            width = [(0, 0)] * (series.ndim - 1) + [(before, 0)]
            used = np.where(valid, series, series.dtype.type(blank))
            return np.pad(used, width, constant_values=blank)

        sigma, slopes = every.sigma[rows], every.beta[rows, : len(factors)]
        # What is not estimated is imposed, or of no CAR.
        beta = np.nan_to_num(np.moveaxis(slopes, 2, 0), nan=1.0)
        size = np.abs(beta) * np.abs(np.where(valid, factors, 0.0)).max(axis=2, keepdims=True)
        size = size.sum(axis=0) + np.abs(np.where(valid, returns, 0.0)).max(axis=1, keepdims=True)
        return cls(
            window=window,
            estimation=estimation,
            present=present,
            car=np.where(present, every.cars[window][rows], 0.0),
            multiplier=np.where(present, (every.std_errors[window][rows] / sigma) ** 2, 0.0),
            sigma=np.where(present, sigma, 0.0),
            lost=present & (sigma < DIFFERENCE * size),
            n_parameters=(every.n_estimation - every.degrees)[panel.first[assets]],
            end=end,
            alpha=np.nan_to_num(every.alpha[rows]),
            beta=beta,
            before=before,
            valid=padded(valid, 0.0),
            returns=padded(returns, 0.0),
            spans=padded(panel.n_sessions[rows], 1.0),
            factors=padded(factors, 0.0),
        )

    def residuals(self, at: Ints) -> tuple[Floats, Bools]:
        """Return the residuals of the estimation windows of B sessions, as `fit_normal` has them.

        Returns
        -------
        residuals : ndarray of float, shape (B, N, M)
            Zero where there is none.
        observed : ndarray of bool, shape (B, N, M)
        """
        first, last = self.estimation
        length = last - first + 1
        fixed = np.isfinite(self.end)
        begin = np.where(fixed, self.end - length + 1, at[:, None] + first).astype(np.int64)
        place = np.arange(len(fixed)), begin + self.before

        def windows(series: NDArray[Value]) -> NDArray[Value]:
            return sliding_window_view(series, length, axis=1)[place]

        def of_event(series: Floats) -> Floats:
            return series[:, at].T[:, :, None]

        observed, spans = windows(self.valid), windows(self.spans)
        residuals = windows(self.returns)
        residuals -= of_event(self.alpha) * spans
        for slope, series in zip(self.beta, self.factors, strict=True):
            residuals -= of_event(slope) * windows(series)
        if (spans > 1).any():
            # A return belongs to all the sessions it spans.
            observed &= spans <= np.arange(1, length + 1)
            residuals /= np.sqrt(spans)
        if fixed.any():
            day = begin[:, :, None] + np.arange(length)
            event = at[:, None, None]
            # A return that reaches into the window leaves it without a CAR.
            apart = (day < event + self.window[0]) | (day > event + self.window[1])
            observed &= apart | ~fixed[:, None]
        residuals *= observed
        return residuals, observed

    def studentize(self, members: Bools) -> tuple[Floats, Bools]:
        """Divide the CAARs of P portfolios of the assets by their standard errors, eq. 24.

        Parameters
        ----------
        members : ndarray of bool, shape (P, N)

        Returns
        -------
        ratio : ndarray of float, shape (P, T)
            Of the members that have a CAR; NaN without one.
        left : ndarray of bool, shape (P, T)
            Where the residuals do not tell: the members' estimation windows differ, or what they
            have in common is lost in the rounding of running sums.
        """
        ratio = np.full((len(members), self.present.shape[1]), np.nan)
        left = np.zeros(ratio.shape, dtype=np.bool_)
        end = np.nan_to_num(self.end, nan=-1.0)
        for at, residuals, observed in self._batches(len(members)):
            chosen = members & self.present.T[at][:, None, :]
            error = portfolio_errors(
                *(residuals, observed, self.n_parameters, self.multiplier.T[at], chosen),
                CANCELLED,
            )
            count = chosen.sum(axis=2)
            with one_thread():
                total = (chosen @ self.car.T[at][:, :, None])[:, :, 0]
            lost = (chosen & self.lost.T[at][:, None, :]).any(axis=2)
            known = np.isfinite(error) & ~lost & ~differ(end, chosen)
            ratio[:, at] = np.where(known, total / np.maximum(count, 1) / error, np.nan).T
            left[:, at] = ((count > 0) & ~known).T
        return ratio, left

    def p_values(self, tests: Sequence[GroupTest]) -> Floats | None:
        """Test the group on every session.

        Parameters
        ----------
        tests : sequence of GroupTest
            Some of `TESTED`.

        Returns
        -------
        ndarray, shape (T, tests), or None
            NaN where no asset has a CAR; None if residuals do not tell all, see `studentize`.
        """
        everyone = np.ones(len(self.end), dtype=np.bool_)
        if self.lost.any() or differ(np.nan_to_num(self.end, nan=-1.0), everyone):
            return None
        found = np.full((self.present.shape[1], len(tests)), np.nan)
        std_error = self.sigma * np.sqrt(self.multiplier)
        for at, residuals, observed in self._batches(1):
            residuals[~observed] = np.nan
            present = self.present.T[at]
            alike = number_distinct(np.zeros_like(at), present)
            for first in np.unique(alike, return_index=True)[1]:
                some, assets = np.flatnonzero(alike == alike[first]), np.flatnonzero(present[first])
                here = np.ix_(assets, at[some])
                sample = GroupSample(
                    car=self.car[here].T,
                    car_std_error=std_error[here].T,
                    abnormal=np.empty((len(some), len(assets), 0)),
                    abnormal_std_error=np.empty((len(some), len(assets), 0)),
                    residuals=residuals[np.ix_(some, assets)],
                    sigma=self.sigma[here].T,
                    n_parameters=self.n_parameters[assets],
                    rounding=CANCELLED,
                )
                p_values = np.stack(
                    [outcome(test, sample, len(some), overlapping=False)[2] for test in tests],
                    axis=1,
                )
                # Of a single asset there is one test, and nothing to cancel.
                if len(assets) > 1 and (
                    np.isnan(p_values).any() or np.abs(sample.scar).max(axis=1).min() < CANCELLED
                ):
                    return None
                found[at[some]] = p_values
        return found

    def _batches(self, portfolios: int) -> Iterator[tuple[Ints, Floats, Bools]]:
        """Sessions on which an asset has a CAR, some at a time, with their `residuals`."""
        found = np.flatnonzero(self.present.any(axis=0))
        length, n = self.estimation[1] - self.estimation[0] + 1, len(self.present)
        largest = max(n * length, portfolios * length, portfolios * n)
        step = max(1, VALUES_AT_A_TIME // largest)
        for first in range(0, len(found), step):
            at = found[first : first + step]
            yield at, *self.residuals(at)
