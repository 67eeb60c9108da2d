r"""Every session of every asset as an event: the formulas of one event by running sums.

What the ordinary path sums anew for every pair, windows that move by one session share. Sums over
the estimation window are kept for whole blocks of it, :math:`\sum_{s \le u < b}` from each session
to the end of its block and :math:`\sum_{b \le u \le e}` from the beginning of the next block: any
window is the sum of two of them. Nothing is subtracted that lies outside the window, so that one
wild return spoils no estimate but its own, and the work grows with sessions times assets, not with
the length of the windows.

Returns and benchmarks are centred by asset first. Where the sums of squares of a window would still
lose digits to the mean, to a nearly perfect fit or to nearly collinear benchmarks, the window is
fitted by `fit_normal` itself: the results are those of `EventStudy` throughout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.eventstudy.abnormal import abnormal_returns, cumulate
from chainpolicy.eventstudy.inference import Outcome, two_sided_p_value
from chainpolicy.eventstudy.normal import ConstantMean, NormalReturnModel
from chainpolicy.eventstudy.panel import Bools, Floats, Ints, Panel
from chainpolicy.eventstudy.results import Window, require_window, window_label

# Bounds the memory of a block: sessions times assets that are estimated at a time.
VALUES_PER_BLOCK = 2**15
# A sum of squares, or a pivot, that is smaller than this part of what it was taken from has lost
# four digits of sixteen.
CANCELLED = 1e-4
# Shorter windows are added up session by session.
SHORT = 8


@dataclass(frozen=True, eq=False)
class EverySession:
    r"""What an event study of every session of every asset found; one entry per row of the panel.

    Attributes
    ----------
    model : NormalReturnModel
    windows : tuple of Window
        The cumulation windows, both ends inclusive.
    ticker : ndarray of str, shape (R,)
    session : ndarray of datetime64[ns], shape (R,)
        The session taken as event session.
    n_estimation, degrees : ndarray of int, shape (R,)
        :math:`M_i` and :math:`M_i - p`.
    alpha, sigma : ndarray of float, shape (R,)
        NaN where the session cannot be estimated as an event.
    beta : ndarray of float, shape (R, K)
        In the order of the asset's benchmarks; NaN also in places that the asset does not use.
    cars, std_errors : dict of Window to ndarray of float, shape (R,)
        CAR of each of the windows and the root of its forecast variance, eq. 9; NaN where the
        window is incomplete. The abnormal return is the CAR over (0, 0).

    Examples
    --------
    The returns rise and fall by 1 in turn, and by 4 on the last session. Four sessions have a mean
    of zero and s = sqrt(4 / 3): var(AR) = s^2 (1 + 1/4).

    >>> from chainpolicy.eventstudy.panel import build_panel
    >>> panel = build_panel(pd.DataFrame({"ticker": "A", "session": pd.bdate_range("2019-01-01",
    ...     periods=7), "return": [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 4.0]}))
    >>> found = every_session(panel, ConstantMean(), [(0, 0)], estimation=(-4, -1), minimum=4)
    >>> found.t_stat((0, 0)).round(3).tolist()
    [nan, nan, nan, nan, 0.775, -0.775, 3.098]
    >>> found.car((0, 0))[["ticker", "session", "car", "t_stat"]].round({"t_stat": 3})
      ticker    session  car  t_stat
    0      A 2019-01-07  1.0   0.775
    1      A 2019-01-08 -1.0  -0.775
    2      A 2019-01-09  4.0   3.098
    """

    model: NormalReturnModel
    windows: tuple[Window, ...]
    ticker: NDArray[np.object_]
    session: NDArray[np.datetime64]
    n_estimation: Ints
    degrees: Ints
    alpha: Floats
    beta: Floats
    sigma: Floats
    cars: dict[Window, Floats]
    std_errors: dict[Window, Floats]

    def t_stat(self, window: Window = (0, 1)) -> Floats:
        """CARs over their standard errors, eq. 9.

        Parameters
        ----------
        window : tuple of int
            One of `windows`.

        Returns
        -------
        ndarray of float, shape (R,)
            NaN where there is no CAR.

        Raises
        ------
        ValueError
            If the window is not among `windows`.

        Examples
        --------
        See `EverySession`.
        """
        self._require(window)
        return self.cars[window] / self.std_errors[window]

    def car(self, window: Window = (0, 1)) -> pd.DataFrame:
        """Cumulative abnormal returns of the sessions whose window is complete.

        Parameters
        ----------
        window : tuple of int
            One of `windows`.

        Returns
        -------
        DataFrame
            ``ticker, session, window, car, std_error, t_stat, p_value``, sorted by asset and
            session.

        Raises
        ------
        ValueError
            If the window is not among `windows`.

        Examples
        --------
        See `EverySession`.
        """
        t_stat = self.t_stat(window)
        found = np.flatnonzero(np.isfinite(t_stat))
        return pd.DataFrame(
            {
                "ticker": self.ticker[found],
                "session": self.session[found],
                "window": window_label(window),
                "car": self.cars[window][found],
                "std_error": self.std_errors[window][found],
                "t_stat": t_stat[found],
                "p_value": two_sided_p_value(Outcome(t_stat[found], self.degrees[found])),
            }
        )

    def _require(self, window: Window) -> None:
        if window not in self.cars:
            known = ", ".join(map(window_label, self.windows))
            raise ValueError(f"the window {window!r} was not estimated; those that were: {known}")

    def __repr__(self) -> str:
        windows = ", ".join(map(window_label, self.windows))
        estimated = int(np.isfinite(self.sigma).sum())
        return f"EverySession(model={self.model}, windows={windows}, estimated={estimated:,})"


def every_session(
    panel: Panel,
    model: NormalReturnModel,
    windows: Sequence[Window],
    *,
    estimation: Window,
    minimum: int,
    last: Floats | None = None,
    masked: Bools | None = None,
    values_per_block: int = VALUES_PER_BLOCK,
) -> EverySession:
    r"""Estimate every session of every asset as if it were an event.

    For each session the normal return by least squares over its estimation window (eq. 1-4, 7),
    the sum of the abnormal returns over each window, and the variance of this sum (eq. 8-9).

    Parameters
    ----------
    panel : Panel
    model : NormalReturnModel
        One that running sums estimate: no lags and leads, no counterfactual from donors.
    windows : sequence of tuple of int
        Cumulation windows, both ends inclusive.
    estimation : tuple of int
        First and last estimation session relative to the event session.
    minimum : int
        Valid sessions that an estimate needs.
    last : ndarray of float, shape (N,), optional
        Position of each asset's last estimation session in its block: one estimation window for
        all its sessions, of the length of `estimation`, from which the sessions of all `windows`
        together are left out. NaN, the default: the window moves with the session.
    masked : ndarray of bool, shape (R,), optional
        Rows that estimate nothing.
    values_per_block : int
        Sessions times assets at a time. It changes the memory used and no digit of the results.

    Returns
    -------
    EverySession

    Raises
    ------
    ValueError
        If there is no window, a window is not a pair of sessions in order, running sums do
        not estimate the model, or the moving estimation window does not end before the first of the
        windows.

    Examples
    --------
    See `EverySession`.
    """
    hull = _hull(windows)
    if not model.running_sums:
        raise ValueError(
            f"the model {model.name} is no regression on the benchmarks of the same session, and "
            "running sums do not estimate it; use EventStudy.fit or EventStudy.placebo"
        )
    shared = np.full(len(panel.tickers), np.nan) if last is None else last
    moving = np.isnan(shared)
    if moving.any() and estimation[1] >= hull[0]:
        raise ValueError(
            f"the estimation window {window_label(estimation)} does not end before the window "
            f"{window_label(hull)} begins; end it earlier"
        )
    used = [model.benchmarks_used(names) for names in panel.benchmarks_of]
    count = np.array([len(names) for names in used])
    place = {name: column for column, name in enumerate(panel.benchmarks)}
    rows, most = len(panel.session), int(count.max(initial=0))
    parameters = np.array([(model if k else ConstantMean()).n_parameters(k) for k in count])
    n_estimation = np.zeros(rows, dtype=np.int64)
    alpha, sigma = np.full(rows, np.nan), np.full(rows, np.nan)
    beta = np.full((rows, most), np.nan)
    names = tuple(dict.fromkeys(windows))
    cars = {window: np.full(rows, np.nan) for window in names}
    std_errors = {window: np.full(rows, np.nan) for window in names}
    task = _Task(
        panel=panel,
        estimation=estimation,
        minimum=minimum,
        last=shared,
        masked=np.zeros(rows, dtype=bool) if masked is None else masked,
        windows=names,
        hull=hull,
    )
    for k, moves in product(np.unique(count), (True, False)):
        own = model if k else ConstantMean()
        alike = np.flatnonzero((count == k) & (moving == moves))
        for assets in _blocks(panel, alike, values_per_block):
            columns = np.array([[place[name] for name in used[i]] for i in assets], np.int64)
            found = task.run(own, assets, columns.reshape(len(assets), int(k)))
            at = found.rows
            n_estimation[at], sigma[at] = found.n_estimation, found.sigma
            if own.estimated:
                alpha[at] = found.alpha
                beta[at, :k] = found.beta
            for window, total in found.cumulated.items():
                cars[window][at], std_errors[window][at] = total.car, total.std_error
    asset = np.repeat(np.arange(len(panel.tickers)), panel.length)
    return EverySession(
        model=model,
        windows=names,
        ticker=np.array(panel.tickers, dtype=object)[asset],
        session=panel.session,
        n_estimation=n_estimation,
        degrees=n_estimation - parameters[asset],
        alpha=alpha,
        beta=beta,
        sigma=sigma,
        cars=cars,
        std_errors=std_errors,
    )


def _hull(windows: Sequence[Window]) -> Window:
    """First and last session of all windows together."""
    if not windows:
        raise ValueError("there is no window; give one or more, such as [(0, 1)]")
    for window in windows:
        require_window(window)
        if window[0] > window[1]:
            raise ValueError(f"the window {window_label(window)} is reversed")
    return min(first for first, _ in windows), max(last for _, last in windows)


def _blocks(panel: Panel, assets: Ints, values: int) -> Iterator[Ints]:
    """Split assets into runs that fit if each series is as long as the longest of its run."""
    first, longest = 0, 0
    for number, length in enumerate(panel.length[assets]):
        longest = max(longest, int(length))
        if number > first and (number - first + 1) * longest > values:
            yield assets[first:number]
            first, longest = number, int(length)
    if len(assets):
        yield assets[first:]


@dataclass(frozen=True)
class _Block:
    """Series of n assets as arrays (n, T): columns are positions inside the rows of an asset.

    `end` (n, 1) is the last session of estimation windows that do not move.
    """

    rows: Ints
    inside: Bools
    returns: Floats
    factors: list[Floats]
    span: Floats
    present: Bools
    valid: Bools
    end: Ints | None
    straddling: _Straddling | None


@dataclass(frozen=True)
class _Total:
    """CAR over one window and its standard error, of every session."""

    car: Floats
    std_error: Floats


@dataclass(frozen=True)
class _Estimate:
    """Normal returns of every session: alpha and means of centred series, by benchmark."""

    n_estimation: Ints
    sigma: Floats
    alpha: Floats
    beta: list[Floats]
    mean: list[Floats]
    inverse_intercept: Floats
    lower: list[list[Floats]]


@dataclass(frozen=True)
class _Found:
    rows: Ints
    n_estimation: Ints
    sigma: Floats
    alpha: Floats
    beta: Floats
    cumulated: dict[Window, _Total]


@dataclass(frozen=True)
class _Task:
    """The choices of a call of `every_session`, run on one block of assets after the other."""

    panel: Panel
    estimation: Window
    minimum: int
    last: Floats
    masked: Bools
    windows: tuple[Window, ...]
    hull: Window

    def run(self, model: NormalReturnModel, assets: Ints, columns: Ints) -> _Found:
        block = self._block(assets, columns)
        # What imposes its parameters has no mean to take out.
        centred = [
            _centred(series, block, model.estimated) for series in (block.returns, *block.factors)
        ]
        (y, y_centre), factors = centred[0], centred[1:]
        f, f_centre = [series for series, _ in factors], [centre for _, centre in factors]
        needed = max(self.minimum, model.n_parameters(len(f)) + 1)
        fit = self._fit if model.estimated else self._impose
        estimate, doubtful = fit(block, y, f, needed)
        alpha = estimate.alpha + y_centre
        for slope, centre in zip(estimate.beta, f_centre, strict=True):
            alpha = alpha - slope * centre
        beta = np.stack(estimate.beta, axis=-1) if f else np.empty((*y.shape, 0))
        sigma = estimate.sigma
        cumulated = {window: _cumulate(block, y, f, estimate, window) for window in self.windows}
        for i in np.flatnonzero(doubtful.any(axis=1)):
            self._fit_directly(
                model,
                block,
                int(i),
                np.flatnonzero(doubtful[i]),
                (alpha, beta, sigma, cumulated),
            )
        at = block.inside
        return _Found(
            rows=block.rows[at],
            n_estimation=estimate.n_estimation[at],
            sigma=sigma[at],
            alpha=np.where(np.isfinite(sigma), alpha, np.nan)[at],
            beta=np.where(np.isfinite(sigma)[..., None], beta, np.nan)[at],
            cumulated={
                window: _Total(*(values[at] for values in vars(total).values()))
                for window, total in cumulated.items()
            },
        )

    def _block(self, assets: Ints, columns: Ints) -> _Block:
        panel = self.panel
        length = panel.length[assets][:, None]
        position = np.arange(int(length.max()))
        inside = position < length
        rows = panel.first[assets][:, None] + np.minimum(position, length - 1)
        returns = np.where(inside, panel.returns[rows], np.nan)
        factors = [panel.factors[rows, column[:, None]] for column in columns.T]
        present = np.isfinite(returns)
        for series in factors:
            present &= np.isfinite(series)
        span = np.where(present, panel.n_sessions[rows], 1.0)
        valid = present & ~self.masked[rows]
        end = (
            None if np.isnan(self.last[assets[0]]) else self.last[assets].astype(np.int64)[:, None]
        )
        if end is not None:
            # One window for all sessions: what a return spans before it is no part of it.
            start = end - (self.estimation[1] - self.estimation[0])
            valid &= (position <= end) & (position - span + 1 >= start)
        straddling = _Straddling.of(span) if (span > 1).any() else None
        return _Block(rows, inside, returns, factors, span, present, valid, end, straddling)

    def _sums(self, block: _Block, values: Floats) -> tuple[Floats, Floats]:
        """Sum over each session's estimation window, and the sum before anything was taken out."""
        first, last = self.estimation
        taken: Floats
        if block.end is None:
            raw = _rolling(values, first, last - first + 1)
            if block.straddling is None:
                return raw, raw
            # A return that began before the window is no part of it.
            taken = block.straddling.values(values, first, last)
        else:
            raw = np.broadcast_to(np.cumsum(values, axis=1)[:, -1:], values.shape)
            taken = _rolling(values, self.hull[0], self.hull[1] - self.hull[0] + 1)
            if block.straddling is not None:
                # Nor is one that ends after the event but began in it.
                taken = taken + block.straddling.values(values, self.hull[1] + 1, None)
        return raw - taken, raw

    def _fit(
        self, block: _Block, y: Floats, f: list[Floats], needed: int
    ) -> tuple[_Estimate, Bools]:
        """Least squares by the sums of the normal equations; which sessions lost digits to them."""
        used = np.where(block.valid, 1.0, 0.0)
        weight = used / block.span
        n = self._sums(block, used)[0].astype(np.int64)
        sessions = self._sums(block, used * block.span)[0]
        enough = (n >= needed) & block.inside
        inverse = 1.0 / np.where(enough, sessions, 1.0)
        y_sum = self._sums(block, used * y)[0]
        y_mean = y_sum * inverse
        y_square, y_raw = self._sums(block, weight * y * y)
        sst = y_square - y_sum * y_mean
        sums = [self._sums(block, used * series)[0] for series in f]
        mean = [total * inverse for total in sums]
        doubtful = np.zeros(y.shape, dtype=bool)
        lower: list[list[Floats]] = []
        explained: list[Floats] = []
        for j, series in enumerate(f):
            weighted = weight * series
            row: list[Floats] = []
            for k in range(j):
                cross = self._sums(block, weighted * f[k])[0] - sums[j] * mean[k]
                row.append(_minus_products(cross, row, lower[k]) / lower[k][k])
            square, raw = self._sums(block, weighted * series)
            variation = square - sums[j] * mean[j]
            pivot = _minus_products(variation, row, row)
            sound = (variation > CANCELLED * raw) & (pivot > CANCELLED * variation)
            doubtful |= ~sound
            row.append(np.sqrt(np.where(sound, pivot, 1.0)))
            lower.append(row)
            moment = self._sums(block, weighted * y)[0] - sums[j] * y_mean
            explained.append(_minus_products(moment, row, explained) / row[j])
        ssr = _minus_products(sst, explained, explained)
        doubtful |= ~(ssr > CANCELLED * y_raw)
        beta = _solve_back(lower, explained)
        degrees = np.where(enough & ~doubtful, n - len(f) - 1, 1)
        sigma = np.sqrt(np.where(enough & ~doubtful, ssr, np.nan) / degrees)
        return (
            _Estimate(
                n_estimation=n,
                sigma=sigma,
                alpha=_minus_products(y_mean, beta, mean),
                beta=beta,
                mean=mean,
                inverse_intercept=inverse,
                lower=lower,
            ),
            doubtful & enough,
        )

    def _impose(
        self, block: _Block, y: Floats, f: list[Floats], needed: int
    ) -> tuple[_Estimate, Bools]:
        """Take alpha = 0 and beta = 1: the sum of squared residuals alone is to be found."""
        used = np.where(block.valid, 1.0, 0.0)
        n = self._sums(block, used)[0].astype(np.int64)
        enough = (n >= needed) & block.inside
        ssr, raw = self._sums(block, used / block.span * (y - f[0]) ** 2)
        scale = self._sums(block, used * y * y)[1]
        doubtful = ~((ssr > CANCELLED * raw) & (ssr > CANCELLED * scale)) & enough
        found = np.where(enough & ~doubtful, ssr, np.nan)
        nothing = np.zeros(y.shape)
        return (
            _Estimate(
                n_estimation=n,
                sigma=np.sqrt(found / np.where(enough, n, 1)),
                alpha=nothing,
                beta=[np.ones(y.shape)],
                mean=[nothing],
                inverse_intercept=nothing,
                lower=[],
            ),
            doubtful,
        )

    def _fit_directly(
        self,
        model: NormalReturnModel,
        block: _Block,
        i: int,
        sessions: Ints,
        into: tuple[Floats, Floats, Floats, dict[Window, _Total]],
    ) -> None:
        """Fit sessions of the asset i one by one, as `EventStudy` does, and put them in place."""
        alpha, beta, sigma, cumulated = into
        first, last = self.estimation
        own = np.stack([series[i] for series in block.factors], axis=-1) if block.factors else None
        factors = np.empty((block.returns.shape[1], 0)) if own is None else own
        span, returns = block.span[i], block.returns[i]
        step = max(1, VALUES_PER_BLOCK // (last - first + 1))
        for chunk in np.split(sessions, range(step, len(sessions), step)):
            tau = np.arange(first, last + 1)
            anchor = chunk if block.end is None else np.full(len(chunk), block.end[i] - last)
            position = anchor[:, None] + tau
            at, there = _clip(position, len(returns))
            begun = position - span[at] + 1
            valid = there & block.valid[i, at] & (begun >= position[:, :1])
            if block.end is not None:
                before = position < chunk[:, None] + self.hull[0]
                valid &= before | (begun > chunk[:, None] + self.hull[1])
            fit = model.fit(returns[at], factors[at], span[at], valid)
            usable = ~(fit.collinear | fit.degenerate)
            at, there = _clip(
                chunk[:, None] + np.arange(self.hull[0], self.hull[1] + 1), len(returns)
            )
            abnormal = abnormal_returns(
                fit, np.where(there, returns[at], np.nan), factors[at], span[at]
            )
            alpha[i, chunk], sigma[i, chunk] = fit.alpha, np.where(usable, fit.sigma, np.nan)
            beta[i, chunk] = fit.beta
            for window, total in cumulated.items():
                columns = slice(window[0] - self.hull[0], window[1] - self.hull[0] + 1)
                own_total = cumulate(fit, abnormal, columns)
                total.car[i, chunk] = np.where(usable, own_total.car, np.nan)
                total.std_error[i, chunk] = np.where(usable, own_total.std_error, np.nan)


def _centred(series: Floats, block: _Block, estimated: bool) -> tuple[Floats, Floats]:
    """Series without its mean per session, zero where a value is missing, and this mean (n, 1)."""
    present = np.where(block.present, series, 0.0)
    if not estimated:
        return present, np.zeros((len(series), 1))
    # Running sums, unlike a sum, do not depend on what pads the end of a shorter series.
    total = np.cumsum(np.where(block.valid, series, 0.0), axis=1)[:, -1:]
    sessions = np.cumsum(np.where(block.valid, block.span, 0.0), axis=1)[:, -1:]
    centre = total / np.where(sessions > 0, sessions, 1.0)
    return np.where(block.present, present - block.span * centre, 0.0), centre


def _cumulate(
    block: _Block, y: Floats, f: list[Floats], estimate: _Estimate, window: Window
) -> _Total:
    """Eq. 9 for every session: CAR and standard error."""
    first, length = window[0], window[1] - window[0] + 1
    g = _rolling(np.where(block.present, block.span, 0.0), first, length)
    filled = (g == length) & np.isfinite(estimate.sigma)
    if block.straddling is not None:
        filled &= ~block.straddling.reaches(first, window[1])
    total = [_rolling(series, first, length) for series in f]
    car = _minus_products(_rolling(y, first, length) - g * estimate.alpha, total, estimate.beta)
    multiplier = g + g * g * estimate.inverse_intercept
    through: list[Floats] = []
    for row, values, mean in zip(estimate.lower, total, estimate.mean, strict=False):
        through.append(_minus_products(values - g * mean, row, through) / row[len(through)])
        multiplier = multiplier + through[-1] * through[-1]
    std_error = estimate.sigma * np.sqrt(np.where(filled, multiplier, np.nan))
    return _Total(np.where(filled, car, np.nan), std_error)


def _rolling(values: Floats, first: int, length: int) -> Floats:
    """Sum over [t + first, t + first + length - 1] for every column t, zero outside the data.

    Two running sums per block of `length` columns: from each column to the end of its block, and
    from the beginning of the next.
    """
    n, columns = values.shape
    # All that any window takes in, in whole blocks.
    blocks = -(-columns // length) + 1
    padded = np.zeros((n, blocks * length))
    start, end = max(0, first), min(columns, first + blocks * length)
    if end > start:
        padded[:, start - first : end - first] = values[:, start:end]
    if length <= SHORT:
        total = padded[:, :columns].copy()
        for shift in range(1, length):
            total += padded[:, shift : shift + columns]
        return total
    parts = padded.reshape(n, blocks, length)
    rest = np.cumsum(parts[:, :-1, ::-1], axis=2)[:, :, ::-1]
    rest[:, :, 1:] += np.cumsum(parts[:, 1:, :-1], axis=2)
    return rest.reshape(n, -1)[:, :columns]


@dataclass(frozen=True)
class _Straddling:
    """By asset and session, the return that spans it and the session before it.

    `position` has a column for every session from `before` sessions before the data on; -1 where
    there is no such return.
    """

    position: Ints
    before: int
    columns: int

    @classmethod
    def of(cls, span: Floats) -> _Straddling:
        n, columns = span.shape
        asset, end = np.nonzero(span > 1)
        length = span[asset, end].astype(np.int64)
        before = int(max(0, (length - 1 - end).max()))
        position = np.full((n, before + columns), -1)
        # The sessions that a return spans, but for its first.
        back = np.concatenate([np.arange(count - 1) for count in length])
        position[np.repeat(asset, length - 1), before + np.repeat(end, length - 1) - back] = (
            np.repeat(end, length - 1)
        )
        return cls(position, before, columns)

    def _at(self, first: int) -> Ints:
        """Position of the return that straddles the beginning of [t + first, ...], or -1."""
        column = np.arange(self.columns) + first + self.before
        there = (column >= 0) & (column < self.position.shape[1])
        return np.where(there, self.position[:, np.where(there, column, 0)], -1)

    def values(self, series: Floats, first: int, last: int | None) -> Floats:
        """Values of the returns that reach into [t + first, t + last] from before it, else 0."""
        at = self._at(first)
        found = np.take_along_axis(series, np.maximum(at, 0), axis=1)
        return np.where(self._inside(at, last), found, 0.0)

    def reaches(self, first: int, last: int) -> Bools:
        """Whether a return reaches into [t + first, t + last] from before it."""
        return self._inside(self._at(first), last)

    def _inside(self, at: Ints, last: int | None) -> Bools:
        inside: Bools = at >= 0
        return inside if last is None else inside & (at <= np.arange(self.columns) + last)


def _minus_products(value: Floats, left: list[Floats], right: list[Floats]) -> Floats:
    """Subtract the products of what two lists have in the same places."""
    for one, other in zip(left, right, strict=False):
        value = value - one * other
    return value


def _solve_back(lower: list[list[Floats]], right: list[Floats]) -> list[Floats]:
    """Solve L'x = b for the lower triangles L of all sessions at once."""
    solution: list[Floats] = []
    for j in reversed(range(len(right))):
        below = [lower[i][j] for i in range(j + 1, len(right))]
        solution.insert(0, _minus_products(right[j], below, solution) / lower[j][j])
    return solution


def _clip(position: Ints, length: int) -> tuple[Ints, Bools]:
    """Positions inside the data, and which of them were."""
    return np.clip(position, 0, length - 1), (position >= 0) & (position < length)
