"""What an estimated event study knows: frozen results, read as frames or as single tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.eventstudy.abnormal import AbnormalReturns, Cumulated, cumulate, reaching_back
from chainpolicy.eventstudy.bands import sup_t_critical_value
from chainpolicy.eventstudy.display import ShownResults, Summary
from chainpolicy.eventstudy.inference import (
    HEADLINE_TESTS,
    MINIMUM_COMMON_SESSIONS,
    MINIMUM_GRANK_ASSETS,
    ROUNDING,
    TESTS,
    GroupSample,
    GroupTest,
    Outcome,
    calendar_error,
    critical_value,
    differ,
    portfolio_deviation,
    portfolio_error,
    portfolio_errors,
    residual_covariance,
    two_sided_p_value,
)
from chainpolicy.eventstudy.normal import ConstantMean, NormalFit, NormalReturnModel
from chainpolicy.eventstudy.panel import (
    LIMITS,
    Bools,
    Floats,
    Ints,
    Pairs,
    Panel,
    session_label,
    texts,
)
from chainpolicy.eventstudy.pooling import (
    MINIMUM_CLUSTERS,
    PooledEffects,
    blocks_of,
    cluster_means,
    cluster_sample,
    randomization_p_value,
    seed_of,
    sign_flip_p_value,
)
from chainpolicy.eventstudy.threads import one_thread

Window = tuple[int, int]

# Bounds the memory of a batch of tests: residuals of all its events and assets.
VALUES_PER_BATCH = 250_000

_POOL = ["label", "group", "window"]
POOLED_COLUMNS = [
    *[*_POOL, "n_events", "n_pairs", "n_clusters", "mean", "std_error", "degrees", "lower"],
    *["upper", "pair_weighted_mean", "mean_correlation"],
    *[column for test in TESTS for column in (test.name, f"{test.name}_p")],
    *["randomization_p", "n_ordinary", "sign_flip_p", "n_blocks", "note"],
]
CLUSTER_COLUMNS = [
    *[*_POOL, "event_session", "events", "n_assets", "caar", "std_error", "lower", "upper"],
    "scaar",
]
OVERLAPPING = "windows of one asset overlap, which this test takes for independent"
POOLED_TEST_COLUMNS = [*_POOL, "test", "statistic", "degrees", "p_value", "note"]


def window_label(window: Window) -> str:
    """Write a window as files and tables show it.

    Examples
    --------
    >>> window_label((0, 1))
    '[0, 1]'
    """
    return f"[{window[0]}, {window[1]}]"


def require_window(window: Any, what: str = "window") -> None:
    """Refuse what is no pair of whole sessions.

    Raises
    ------
    ValueError
        With what was given.

    Examples
    --------
    >>> require_window((0, 1.5))
    Traceback (most recent call last):
    ValueError: the window is (0, 1.5); expected first and last session, such as (0, 1)
    """
    try:
        first, last = window
        whole = all(isinstance(end, int | np.integer) for end in (first, last))
    except (TypeError, ValueError):
        whole = False
    if not whole:
        raise ValueError(
            f"the {what} is {window!r}; expected first and last session, such as (0, 1)"
        )


@dataclass(frozen=True)
class TestResult:
    r"""One test of one event, group and cumulation window.

    Attributes
    ----------
    name, title, source : str
        Its name in files, its name in words, its paper.
    event_id, group : str
    window : tuple of int
        Both ends inclusive, in sessions relative to the event session.
    statistic : float
        NaN if undefined; `note` then says why.
    degrees : float or None
        Degrees of freedom of the t distribution; None for N(0, 1) or an exact distribution.
    p_value : float
        Two-sided, by the survival function of the null distribution.
    n_assets : int
        N, the assets with a CAR in the window.
    mean_car : float
        CAAR over the window.
    mean_correlation : float
        rbar; NaN for one asset.
    note : str
        Why the statistic is undefined, else empty.

    Examples
    --------
    >>> print(TestResult(name="bmp", title="BMP t", source="Boehmer, Musumeci & Poulsen (1991)",
    ...     event_id="speech", group="coins", window=(0, 1), statistic=2.5, degrees=9.0,
    ...     p_value=0.0339, n_assets=10, mean_car=0.04, mean_correlation=0.2))
    BMP t = 2.500 ~ t(9), p = 0.0339, N = 10; H0: speech has no mean effect on coins over [0, 1]
    """

    name: str
    title: str
    source: str
    event_id: str
    group: str
    window: Window
    statistic: float
    degrees: float | None
    p_value: float
    n_assets: int
    mean_car: float
    mean_correlation: float
    note: str = ""

    # pytest collects classes by name; this is not one of its tests.
    __test__ = False

    @property
    def null(self) -> str:
        """The null hypothesis in words."""
        return (
            f"{self.event_id} has no mean effect on {self.group} over {window_label(self.window)}"
        )

    @property
    def distribution(self) -> str:
        """The null distribution in words."""
        if self.name == "wilcoxon":
            return "signed-rank distribution"
        return "N(0, 1)" if self.degrees is None else f"t({self.degrees:g})"

    def __str__(self) -> str:
        if np.isnan(self.statistic):
            return f"{self.title}: undefined ({self.note}), N = {self.n_assets}"
        p_value = "p < 0.0001" if self.p_value < 0.0001 else f"p = {self.p_value:.4f}"
        return (
            f"{self.title} = {self.statistic:.3f} ~ {self.distribution}, "
            f"{p_value}, N = {self.n_assets}; H0: {self.null}"
        )


@dataclass(frozen=True)
class TestResults(Sequence[TestResult]):
    """All tests of one cumulation window, in the order event, group, test.

    A sequence of `TestResult`; a notebook shows it as a table.

    Attributes
    ----------
    tests : tuple of TestResult

    Examples
    --------
    >>> tests = TestResults((TestResult(name="patell", title="Patell Z", source="Patell (1976)",
    ...     event_id="speech", group="coins", window=(0, 1), statistic=1.96, degrees=None,
    ...     p_value=0.05, n_assets=10, mean_car=0.04, mean_correlation=0.2),))
    >>> len(tests), tests.get("speech", "coins", "patell").distribution
    (1, 'N(0, 1)')
    >>> tests.tidy()[["event_id", "group", "window", "test", "statistic"]]
      event_id  group  window    test  statistic
    0   speech  coins  [0, 1]  patell       1.96
    """

    tests: tuple[TestResult, ...]

    __test__ = False

    @overload
    def __getitem__(self, index: int) -> TestResult: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[TestResult, ...]: ...
    def __getitem__(self, index: int | slice) -> TestResult | tuple[TestResult, ...]:
        """Return the test at a position."""
        return self.tests[index]

    def __len__(self) -> int:
        return len(self.tests)

    def __iter__(self) -> Iterator[TestResult]:
        return iter(self.tests)

    def get(self, event_id: str, group: str, name: str) -> TestResult:
        """Return one test.

        Parameters
        ----------
        event_id, group : str
        name : str
            One of `TEST_NAMES`.

        Returns
        -------
        TestResult

        Raises
        ------
        KeyError
            If the group has no CAR for the event in this window, or the test is unknown.

        Examples
        --------
        See `TestResults`.
        """
        for test in self.tests:
            if (test.event_id, test.group, test.name) == (event_id, group, name):
                return test
        raise KeyError(f"no test {name} of {group} at {event_id} in this window")

    def tidy(self) -> pd.DataFrame:
        """Return one row per test, the columns of ``tests.csv``.

        Returns
        -------
        DataFrame
            ``event_id, group, window, test, statistic, p_value, n_assets, mean_car,
            mean_correlation``.

        Examples
        --------
        See `TestResults`.
        """
        columns = ["event_id", "group", "window", "test", "statistic", "p_value"]
        columns += ["n_assets", "mean_car", "mean_correlation"]
        rows = [
            {
                "event_id": t.event_id,
                "group": t.group,
                "window": window_label(t.window),
                "test": t.name,
                "statistic": t.statistic,
                "p_value": t.p_value,
                "n_assets": t.n_assets,
                "mean_car": t.mean_car,
                "mean_correlation": t.mean_correlation,
            }
            for t in self.tests
        ]
        return pd.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        pairs = {(test.event_id, test.group) for test in self.tests}
        windows = ", ".join(sorted({window_label(test.window) for test in self.tests}))
        return f"TestResults(tests={len(self)}, pairs={len(pairs)}, window={windows or None})"

    def __str__(self) -> str:
        return str(self.tidy().to_string(index=False))

    def _repr_html_(self) -> str:
        return str(self.tidy().to_html(index=False))


@dataclass(frozen=True)
class Cells:
    """The pairs of every event and group that has some, C cells in the order of their names.

    Attributes
    ----------
    event_ids, groups : tuple of str
        All names, sorted.
    event, group : ndarray of int, shape (C,)
        Their places in these.
    pairs : ndarray of int, shape (P,)
        All pairs, those of one cell in a row.
    cell : ndarray of int, shape (P,)
        The cell of each of `pairs`.

    Examples
    --------
    See `EventStudyResults`.
    """

    event_ids: tuple[str, ...]
    groups: tuple[str, ...]
    event: Ints
    group: Ints
    pairs: Ints
    cell: Ints

    @classmethod
    def of_pairs(cls, pairs: Pairs, panel: Panel) -> Cells:
        """Find the cells of pairs."""
        names = list(panel.calendars)
        groups = tuple(sorted(names))
        place = np.array([groups.index(name) for name in names], np.int64)
        code = pairs.event * len(groups) + place[panel.group[pairs.asset]]
        order = np.argsort(code, kind="stable")
        begins = np.diff(code[order], prepend=-1) > 0
        event, group = np.divmod(code[order][begins], len(groups))
        return cls(pairs.event_ids, groups, event, group, order, np.cumsum(begins) - 1)

    def __len__(self) -> int:
        return len(self.event)

    def names(self, cell: int) -> tuple[str, str]:
        """Event and group."""
        return self.event_ids[self.event[cell]], self.groups[self.group[cell]]

    def of(self, wanted: Bools) -> tuple[Ints, Ints, Ints]:
        """Cells with a wanted pair, all these pairs, and where among them each cell begins."""
        kept = wanted[self.pairs]
        cell = self.cell[kept]
        start = np.flatnonzero(np.diff(cell, prepend=-1))
        return cell[start], self.pairs[kept], start


@dataclass(frozen=True, eq=False)
class EventStudyResults(ShownResults):
    """Results of an event study: P estimated pairs of an event and an asset.

    Frozen: every frame is made for its caller, who may change it without changing the results.

    Attributes
    ----------
    model : NormalReturnModel
    event_window : tuple of int
        Both ends inclusive.

    Examples
    --------
    Two assets with alpha = 0.001, beta = 1.2 and 0.8, and an event that adds 3 % and 5 % to the
    returns of its first session; four sessions make a cycle.

    >>> import numpy as np, pandas as pd
    >>> from chainpolicy.eventstudy import EstimationWindow, EventStudy
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
    ...     estimation=EstimationWindow(window=(-60, -1)))
    >>> results = study.fit()
    >>> results.models[["ticker", "n_estimation", "alpha", "beta", "sigma"]].round(4)
      ticker  n_estimation  alpha  beta   sigma
    0      A            60  0.001   1.2  0.0102
    1      B            60  0.001   0.8  0.0203
    >>> results.coefficients[["ticker", "term", "estimate", "std_error"]].round(4)
      ticker    term  estimate  std_error
    0      A   alpha     0.001     0.0013
    1      A  market     1.200     0.1313
    2      B   alpha     0.001     0.0026
    3      B  market     0.800     0.2626
    >>> results.residuals[["ticker", "session", "residual"]].head(2).round({"residual": 4})
      ticker    session  residual
    0      A 2019-01-01      0.01
    1      A 2019-01-02     -0.01
    >>> results.estimation_sessions(["speech"])["all"][-1:].astype("datetime64[D]")
    array(['2019-03-25'], dtype='datetime64[D]')
    >>> results.of_event("speech").models.equals(results.models)
    True
    >>> results.abnormal_returns[["ticker", "tau", "abnormal"]].round(4)
      ticker  tau  abnormal
    0      A    0      0.04
    1      A    1     -0.01
    2      B    0      0.07
    3      B    1     -0.02
    >>> results.car((0, 1))[["ticker", "window", "car", "t_stat"]].round(4)
      ticker  window   car  t_stat
    0      A  [0, 1]  0.03  2.0194
    1      B  [0, 1]  0.05  1.6829
    >>> results.caar((0, 1))[["group", "n_assets", "caar", "std_error"]].round(4)
      group  n_assets  caar  std_error
    0   all         2  0.04     0.0166
    >>> print(results.tests((0, 1)).get("speech", "all", "time_series_t"))
    portfolio t = 2.408 ~ t(58), p = 0.0192, N = 2; H0: speech has no mean effect on all over [0, 1]
    >>> results.p_values((0, 1), ["time_series_t", "grank_t"])["p_value"].round(4).tolist()
    [0.0192, nan]
    >>> results.summary((0, 1)).frame.reset_index()[["event_id", "caar", "time_series_t"]].round(4)
      event_id  caar  time_series_t
    0   speech  0.04         2.4083
    >>> results.tidy([(0, 0), (0, 1)])[["window", "test", "statistic"]].round(4).iloc[[0, 11]]
        window           test  statistic
    0   [0, 0]  time_series_t     4.7580
    11  [0, 1]  time_series_t     2.4083
    >>> results.caar_path("speech", "all")[["tau", "aar", "caar"]].round(4)
       tau    aar   caar
    0    0  0.055  0.055
    1    1 -0.015  0.040
    >>> results.simultaneous_band("speech", "all", (0, 1))[["tau", "caar", "upper"]].round(3)
       tau   caar  upper
    0    0  0.055  0.081
    1    1  0.040  0.077
    >>> ax = results.plot(cumulate_from="event")
    >>> ax.get_ylabel(), ax.get_legend_handles_labels()[1]
    ('CAAR[0, tau] (%)', ['all'])
    >>> len(results.pairs), len(results.excluded), len(results.incomplete((0, 1)))
    (2, 0, 0)
    """

    model: NormalReturnModel
    event_window: Window
    _pairs: Pairs
    _benchmarks: tuple[tuple[str, ...], ...]
    _columns: Ints
    _excluded: pd.DataFrame
    _panel: Panel
    _fit: NormalFit
    _abnormal: AbnormalReturns
    _rows: Ints
    _in_data: np.ndarray
    _event_position: Ints
    _estimation_end: Ints
    _make_alignment: Callable[[], pd.DataFrame]
    _ordinary: Callable[
        [Window, Mapping[str, Collection[tuple[str, ...]]]],
        dict[tuple[str, tuple[str, ...]], Floats],
    ]

    def __repr__(self) -> str:
        group = self._panel.group[self._pairs.asset]
        events, assets, groups = (
            len(np.unique(numbers)) for numbers in (self._pairs.event, self._pairs.asset, group)
        )
        return (
            f"EventStudyResults(model={self.model}, event_window={self.event_window}, "
            f"pairs={len(self._pairs)}, events={events}, assets={assets}, groups={groups}, "
            f"excluded={len(self._excluded)})"
        )

    @property
    def taus(self) -> Ints:
        """Sessions of the event window relative to the event session, shape (L,)."""
        return np.arange(self.event_window[0], self.event_window[1] + 1)

    @property
    def pairs(self) -> pd.DataFrame:
        """Estimated pairs, sorted by event and asset.

        ``event_id, ticker, group, event_session, model, benchmarks``.
        """
        benchmarks = np.empty(len(self._benchmarks), dtype=object)
        benchmarks[:] = self._benchmarks
        return pd.DataFrame(
            {
                **self._pairs.named(self._panel),
                "group": texts(list(self._panel.calendars), self._panel.group[self._pairs.asset]),
                "event_session": self._pairs.session,
                "model": self._model_names,
                "benchmarks": benchmarks[self._pairs.asset],
            }
        )

    @property
    def _model_names(self) -> pd.api.extensions.ExtensionArray:
        names = (self.model.name, ConstantMean.name)
        return texts(names, np.where((self._columns >= 0).any(axis=1), 0, 1))

    @property
    def excluded(self) -> pd.DataFrame:
        """Pairs that could not be estimated: ``event_id, ticker, reason``."""
        return self._excluded.copy(deep=False)

    @property
    def abnormal_returns(self) -> pd.DataFrame:
        """Abnormal returns, the columns of ``abnormal_returns.csv``.

        ``event_id, ticker, tau, session, actual, normal, abnormal, std_error, at_limit``; one
        row per pair and session of the event window that lies inside the data. Returns are in
        the kind of the input; ``normal``, ``abnormal`` and ``std_error`` are NaN where the
        return is missing.
        """
        pair, column = np.nonzero(self._in_data)
        row = self._rows[pair, column]
        return pd.DataFrame(
            {
                **self._pairs[pair].named(self._panel),
                "tau": self.taus[column],
                "session": self._panel.session[row],
                "actual": self._abnormal.actual[pair, column],
                "normal": self._abnormal.normal[pair, column],
                "abnormal": self._abnormal.abnormal[pair, column],
                "std_error": self._abnormal.std_error[pair, column],
                "at_limit": texts(LIMITS, self._panel.at_limit[row]),
            }
        )

    @property
    def models(self) -> pd.DataFrame:
        """Fitted normal returns, the columns of ``models.csv``.

        ``event_id, ticker, model, benchmark, n_estimation, alpha, beta, sigma, r_squared``;
        beta is NaN with several benchmarks, alpha and beta where they are not estimated.
        """
        fit = self._fit
        counts = (self._columns >= 0).sum(axis=1)
        estimated = fit.n_parameters > 0
        beta = fit.beta[:, 0] if fit.beta.shape[1] else np.full(len(counts), np.nan)
        return pd.DataFrame(
            {
                **self._pairs.named(self._panel),
                "model": self._model_names,
                "benchmark": texts(list(map(";".join, self._benchmarks)), self._pairs.asset),
                "n_estimation": fit.n_estimation,
                "alpha": np.where(estimated, fit.alpha, np.nan),
                "beta": np.where(estimated & (counts == 1), beta, np.nan),
                "sigma": fit.sigma,
                "r_squared": fit.r_squared,
            }
        )

    @property
    def coefficients(self) -> pd.DataFrame:
        """Estimated coefficients, the columns of ``coefficients.csv``.

        ``event_id, ticker, term, estimate, std_error``; term is "alpha" or a benchmark.
        """
        fit = self._fit
        through_mean = np.einsum("pk,pkl->pl", fit.factor_mean, fit.inverse_root)
        of_alpha = fit.inverse_intercept + np.square(through_mean).sum(axis=1)
        alpha_error = fit.sigma * np.sqrt(of_alpha)
        beta_error = fit.sigma[:, None] * np.sqrt(np.square(fit.inverse_root).sum(axis=2))
        # The place before the benchmarks is that of alpha.
        columns = np.hstack([np.full((len(self._pairs), 1), -1), self._columns])
        there = np.hstack([(fit.n_parameters > 0)[:, None], self._columns >= 0])
        pair, place = np.nonzero(there & there[:, :1])
        return pd.DataFrame(
            {
                **self._pairs[pair].named(self._panel),
                "term": texts((*self._panel.benchmarks, "alpha"), columns[pair, place]),
                "estimate": np.hstack([fit.alpha[:, None], fit.beta])[pair, place],
                "std_error": np.hstack([alpha_error[:, None], beta_error])[pair, place],
            }
        )

    @property
    def residuals(self) -> pd.DataFrame:
        """Residuals of the estimation windows: ``event_id, ticker, session, residual``.

        A residual that spans g sessions is divided by the square root of g.
        """
        pair, column = np.nonzero(np.isfinite(self._fit.residuals))
        asset = self._pairs.asset[pair]
        position = self._estimation_end[pair] + self._back[column]
        return pd.DataFrame(
            {
                **self._pairs[pair].named(self._panel),
                "session": self._panel.session[
                    self._panel.first[asset] + position - self._panel.offset[asset]
                ],
                "residual": self._fit.residuals[pair, column],
            }
        )

    def car(self, window: Window = (0, 1), level: float | None = None) -> pd.DataFrame:
        r"""Cumulative abnormal returns, the columns of ``car.csv``.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive, inside the event window.
        level : float, optional
            One minus the coverage of an interval, strictly between 0 and 1. Default: no interval.

        Returns
        -------
        DataFrame
            ``event_id, ticker, window, car, std_error, t_stat, p_value``, one row per pair whose
            window is complete: eq. 9. In the return kind of the input. With a level also
            ``lower, upper``, by :math:`t(T_e - p)`.

        Raises
        ------
        ValueError
            If the window does not lie inside the event window, or the level between 0 and 1.

        Examples
        --------
        See `EventStudyResults`.
        """
        cumulated = self._cumulated(window)
        kept = np.flatnonzero(np.isfinite(cumulated.car))
        car, std_error = cumulated.car[kept], cumulated.std_error[kept]
        t_stat = car / std_error
        degrees = (self._fit.n_estimation - self._fit.n_parameters)[kept]
        columns = {
            **self._of_window(kept, window),
            "car": car,
            "std_error": std_error,
            "t_stat": t_stat,
            "p_value": two_sided_p_value(Outcome(t_stat, degrees)),
        }
        if level is not None:
            half = critical_value(level, degrees) * std_error
            columns |= {"lower": car - half, "upper": car + half}
        return pd.DataFrame(columns)

    def _of_window(self, pairs: Ints, window: Window) -> dict[str, Any]:
        """Columns that say of which pairs and window a row is."""
        names = {column: values.take(pairs) for column, values in self._named.items()}
        return names | {"window": texts([window_label(window)], np.zeros_like(pairs))}

    @cached_property
    def _named(self) -> dict[str, pd.api.extensions.ExtensionArray]:
        return self._pairs.named(self._panel)

    def of_event(self, event_id: str) -> EventStudyResults:
        """Results of one event alone, every number as it is among the others.

        Parameters
        ----------
        event_id : str

        Returns
        -------
        EventStudyResults
            Without a pair if none of the event was estimated.

        Examples
        --------
        See `EventStudyResults`.
        """
        kept = np.flatnonzero(self._pairs_of(event_id))

        def of_kept(whole: Any) -> dict[str, Any]:
            return {field.name: getattr(whole, field.name)[kept] for field in fields(whole)}

        return replace(
            self,
            _pairs=self._pairs[kept],
            _columns=self._columns[kept],
            _excluded=self._excluded[self._excluded["event_id"] == event_id],
            _fit=NormalFit(**of_kept(self._fit)),
            _abnormal=AbnormalReturns(**of_kept(self._abnormal)),
            _rows=self._rows[kept],
            _in_data=self._in_data[kept],
            _event_position=self._event_position[kept],
            _estimation_end=self._estimation_end[kept],
        )

    def estimation_sessions(self, event_ids: Collection[str]) -> dict[str, NDArray[np.datetime64]]:
        """Sessions that estimate the normal return of an asset at one of some events, by group.

        Parameters
        ----------
        event_ids : collection of str

        Returns
        -------
        dict of str to ndarray of datetime64[ns]
            Sorted; every group has an entry.

        Examples
        --------
        See `EventStudyResults`.
        """
        place = np.array([_place(self._pairs.event_ids, name) for name in event_ids], np.int64)
        chosen = np.isin(self._pairs.event, place)
        found = {}
        for group, calendar in self._panel.calendars.items():
            pairs = np.flatnonzero(chosen & self._pairs_in(group))
            pair, column = np.nonzero(np.isfinite(self._fit.residuals[pairs]))
            estimating = np.zeros(len(calendar), dtype=np.bool_)
            estimating[self._estimation_end[pairs[pair]] + self._back[column]] = True
            found[group] = calendar[estimating]
        return found

    def bhar(self, window: Window = (0, 1)) -> pd.DataFrame:
        r"""Buy-and-hold abnormal returns, for results on simple returns.

        .. math:: BHAR_i(W) = \prod_W (1 + R_{it}) - \prod_W (1 + E[R_{it}]) \tag{23}

        They are skewed to the right: test them across events with the skewness-adjusted t, not
        one by one.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive, inside the event window.

        Returns
        -------
        DataFrame
            ``event_id, ticker, window, bhar``, one row per pair whose window is complete. Of log
            returns, which add up instead of compounding, the numbers mean nothing: set
            ``kind = "simple"`` in study.toml, or give simple returns.

        Raises
        ------
        ValueError
            If the window does not lie inside the event window.

        References
        ----------
        Kothari & Warner (2007), *Handbook of Corporate Finance* 1, chapter 1, eq. 7, with the
            normal return in place of the matched firm's.
        Barber & Lyon (1997), *Journal of Financial Economics* 43(3), 341-372.

        Examples
        --------
        The mean of the past is zero; two sessions of +10 % each make 21 %.

        >>> import numpy as np, pandas as pd
        >>> from chainpolicy.eventstudy import EstimationWindow, EventStudy
        >>> sessions = pd.bdate_range("2019-01-01", periods=62)
        >>> returns = pd.DataFrame({"ticker": "A", "session": sessions,
        ...     "return": [0.01, -0.01] * 30 + [0.10, 0.10]})
        >>> alignment = pd.DataFrame({"event_id": "e", "ticker": "A",
        ...     "event_session": sessions[[60]]})
        >>> study = EventStudy(returns, alignment, event_window=(0, 1),
        ...     estimation=EstimationWindow(window=(-60, -1), mask=False))
        >>> print(f"{study.fit().bhar((0, 1))['bhar'].iloc[0]:.4f}")
        0.2100
        """
        columns = self._within(window)
        kept = np.flatnonzero(np.isfinite(self._cumulated(window).car))
        held = np.nanprod(1.0 + self._abnormal.actual[kept, columns], axis=1)
        expected = np.nanprod(1.0 + self._abnormal.normal[kept, columns], axis=1)
        return pd.DataFrame({**self._of_window(kept, window), "bhar": held - expected})

    def incomplete(self, window: Window = (0, 1)) -> pd.DataFrame:
        """Estimated pairs without a CAR in a window, and why.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive, inside the event window.

        Returns
        -------
        DataFrame
            ``event_id, ticker, window, reason``.

        Examples
        --------
        See `EventStudyResults`.
        """
        lost = np.flatnonzero(~np.isfinite(self._cumulated(window).car))
        reasons = [self._why_incomplete(int(pair), window) for pair in lost]
        return pd.DataFrame(
            {**self._of_window(lost, window), "reason": pd.array(reasons, dtype="str")}
        )

    def _why_incomplete(self, pair: int, window: Window) -> str:
        columns = self._within(window)
        taus = self.taus[columns]
        outside = taus[~self._in_data[pair, columns]]
        if len(outside):
            return f"the window runs past the data at tau = {outside[0]}"
        days = [session_label(s) for s in self._panel.session[self._rows[pair, columns]]]
        present = np.isfinite(self._abnormal.abnormal[pair, columns])
        spans = np.where(present, self._abnormal.n_sessions[pair, columns], 0.0)
        for column in np.flatnonzero(reaching_back(spans[None, :])[0]):
            length, tau = spans[column], taus[column]
            return (
                f"the return on {days[column]} (tau = {tau}) spans the {length:.0f} sessions from "
                f"tau = {tau - length + 1:.0f} on, which the window does not contain"
            )
        ends = np.flatnonzero(present)
        covered = [np.arange(end - spans[end] + 1, end + 1, dtype=int) for end in ends]
        absent = np.setdiff1d(np.arange(len(taus)), np.concatenate([*covered, []]).astype(int))[0]
        kind = "return" if np.isnan(self._abnormal.actual[pair, columns][absent]) else "benchmark"
        return f"no {kind} on {days[absent]} (tau = {taus[absent]})"

    def tests(self, window: Window = (0, 1), names: Collection[str] | None = None) -> TestResults:
        """Test every event and group that has a CAR in a window.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive, inside the event window.
        names : collection of str, optional
            Of the tests to run, see `inference.TESTS`; default all eleven.

        Returns
        -------
        TestResults
            For one asset ``time_series_t`` only is defined, the exact t of its CAR.

        Raises
        ------
        ValueError
            If the window does not lie inside the event window, or there is no test of a name.

        Examples
        --------
        See `EventStudyResults`.
        """
        run = TESTS if names is None else named_tests(names)
        results: dict[tuple[str, str], list[TestResult]] = {}
        for cells, sample, overlapping in self._samples(window):
            keys = [self._cells.names(cell) for cell in cells.tolist()]
            results |= _run_tests(sample, keys, window, run, overlapping=overlapping)
        return TestResults(tuple(test for key in sorted(results) for test in results[key]))

    def p_values(
        self, window: Window = (0, 1), names: Collection[str] | None = None
    ) -> pd.DataFrame:
        """P-values of `tests`, of thousands of events far faster than with all that a test says.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive, inside the event window.
        names : collection of str, optional
            Of the tests to run, see `inference.TESTS`; default all eleven.

        Returns
        -------
        DataFrame
            ``event_id, group, test, p_value``, in the order of `tests`; NaN where a test is
            undefined.

        Raises
        ------
        ValueError
            If the window does not lie inside the event window, or there is no test of a name.

        Examples
        --------
        See `EventStudyResults`.
        """
        run = TESTS if names is None else named_tests(names)
        cells = self._cells
        p_values = np.empty((len(cells), len(run)))
        tested = np.zeros(len(cells), dtype=np.bool_)
        for some, sample, overlapping in self._samples(window):
            for column, test in enumerate(run):
                found = outcome(test, sample, len(some), overlapping=overlapping)
                _, _, p_values[some, column] = found
            tested[some] = True
        at = np.flatnonzero(tested)
        event = texts(cells.event_ids, cells.event[at])
        return tabulate_p_values(event, texts(cells.groups, cells.group[at]), run, p_values[at])

    def _samples(self, window: Window) -> Iterator[tuple[Ints, GroupSample, bool]]:
        """Cells that one call of a test can take, their sample, and whether windows overlap."""
        cumulated = self._cumulated(window)
        for cells, pairs, aligned in self._batches(np.isfinite(cumulated.car)):
            if aligned:
                yield cells, self._sample(pairs, window, cumulated), False
            else:
                sample = self._staggered_sample(pairs[0], self._within(window), cumulated)
                yield cells, sample, self._overlapping(pairs[0], sample.n_window)

    def _batches(self, complete: Bools) -> Iterator[tuple[Ints, Ints, bool]]:
        """Events and groups that one call can take: as many parameters, aligned sessions.

        The numbers of these cells, shape (B,), with their complete pairs, shape (B, N), and whether
        these are aligned: all but one cell at a time share their event session and the sessions of
        the estimation window.
        """
        cells, pairs, start = self._cells.of(complete)
        if not len(cells):
            return
        aligned = self._aligned(pairs, start).tolist()
        n_parameters = self._fit.n_parameters[pairs]
        alike: dict[tuple[bytes, int | None], list[int]] = {}
        for number, (first, end) in enumerate(pairwise([*start.tolist(), len(pairs)])):
            alone = None if aligned[number] else number
            alike.setdefault((n_parameters[first:end].tobytes(), alone), []).append(number)
        count = np.diff(start, append=len(pairs))
        for (_, alone), numbers in alike.items():
            assets = int(count[numbers[0]])
            step = max(1, VALUES_PER_BATCH // (assets * self._fit.residuals.shape[1]))
            for first in range(0, len(numbers), step):
                some = np.array(numbers[first : first + step])
                yield cells[some], pairs[start[some][:, None] + np.arange(assets)], alone is None

    def _overlapping(self, pairs: Ints, length: int) -> bool:
        """Whether windows of so many sessions, of one asset, overlap."""
        asset, position = self._pairs.asset[pairs], self._event_position[pairs]
        order = np.lexsort((position, asset))
        apart = np.diff(position[order])
        return bool(((np.diff(asset[order]) == 0) & (apart < length)).any())

    def _aligned(self, pairs: Ints, starts: Ints) -> Bools:
        """Whether the pairs from each start to the next share event and estimation sessions."""
        aligned = np.ones(len(starts), dtype=np.bool_)
        for sessions in (self._estimation_end[pairs], self._event_position[pairs]):
            lowest, highest = (f.reduceat(sessions, starts) for f in (np.minimum, np.maximum))
            aligned &= lowest == highest
        return aligned

    def caar(self, window: Window = (0, 1), level: float = 0.05) -> pd.DataFrame:
        r"""Cumulative average abnormal return of every event and group, with its interval.

        .. math:: CAAR = \frac1N \sum_i CAR_i, \qquad
                  se = s_{AAR} \sqrt{\frac1N \sum_i \frac{1'V_i1}{s_i^2}} \tag{24}

        :math:`s_{AAR}` of eq. 11, the portfolio's own volatility, with the error of estimation: N
        assets, :math:`1'V_i1` the variance of :math:`CAR_i` (eq. 9) and :math:`s_i^2` that of a
        residual. For one asset exact; of several it takes in their correlation. Assets with
        different event sessions have the standard error of eq. 22. The interval uses
        :math:`t(T_e - p)`.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive, inside the event window.
        level : float
            One minus the coverage of the interval, strictly between 0 and 1.

        Returns
        -------
        DataFrame
            ``event_id, group, window, n_assets, caar, std_error, degrees, lower, upper``, over
            the assets with a CAR in the window; in the return kind of the input.

        Raises
        ------
        ValueError
            If the window does not lie inside the event window, or the level between 0 and 1.

        References
        ----------
        Kothari & Warner (2007), *Handbook of Corporate Finance* 1, chapter 1, eq. 3-4 (the mean and
            its sum over the window).

        Examples
        --------
        See `EventStudyResults`.
        """
        cumulated = self._cumulated(window)
        cells = self._cells
        n_assets = np.zeros(len(cells), np.int64)
        caar, std_error, degrees = (np.empty(len(cells)) for _ in range(3))
        for some, pairs, aligned in self._batches(np.isfinite(cumulated.car)):
            if aligned:
                error, of_freedom = portfolio_error(
                    self._fit.residuals[pairs],
                    self._fit.n_parameters[pairs[0]],
                    cumulated.multiplier[pairs],
                )
            else:
                sample = self._staggered_sample(pairs[0], self._within(window), cumulated)
                error, of_freedom = calendar_error(sample)
            n_assets[some] = pairs.shape[1]
            caar[some] = cumulated.car[pairs].mean(axis=1)
            std_error[some], degrees[some] = error, of_freedom
        found = np.flatnonzero(n_assets)
        caar, std_error, degrees = caar[found], std_error[found], degrees[found]
        half = critical_value(level, degrees) * std_error
        return pd.DataFrame(
            {
                "event_id": texts(self._pairs.event_ids, cells.event[found]),
                "group": texts(cells.groups, cells.group[found]),
                "window": texts([window_label(window)], np.zeros_like(found)),
                "n_assets": n_assets[found],
                "caar": caar,
                "std_error": std_error,
                "degrees": degrees,
                "lower": caar - half,
                "upper": caar + half,
            }
        )

    def caar_path(self, event_id: str, group: str, start: int | None = None) -> pd.DataFrame:
        """Cumulative average abnormal return session by session, with its 95 % band.

        The band is pointwise: it holds for one session at a time, that of `simultaneous_band` for
        the whole path. The average at each session is over the assets that have an abnormal return
        on it, and their sessions alone enter the standard error. A return that spans sessions
        before `start` is left out. Where no asset lacks a session, the value at tau, its standard
        error and band are those of `caar` over [start, tau].

        Parameters
        ----------
        event_id, group : str
        start : int, optional
            Tau at which cumulation starts; default the first of the event window.

        Returns
        -------
        DataFrame
            ``tau, session, n_assets, aar, caar, std_error, lower, upper, share_at_limit``, one row
            per tau at which at least one asset has an abnormal return. ``session`` is NaT where
            the assets have different event sessions; ``share_at_limit`` is the share of the
            group's estimated assets that closed at a price limit.

        Raises
        ------
        KeyError
            If no pair of the event and group was estimated.
        ValueError
            If `start` does not lie in the event window.

        Examples
        --------
        See `EventStudyResults`.
        """
        first = self.event_window[0] if start is None else start
        path, _, degrees = self._path(event_id, group, (first, self.event_window[1]))
        half = critical_value(0.05, degrees) * path["std_error"]
        path = path.assign(lower=path["caar"] - half, upper=path["caar"] + half)
        columns = ["tau", "session", "n_assets", "aar", "caar", "std_error", "lower", "upper"]
        return path[[*columns, "share_at_limit"]]

    def simultaneous_band(
        self,
        event_id: str,
        group: str,
        window: Window,
        level: float = 0.05,
    ) -> pd.DataFrame:
        """Band that covers the whole path of the CAAR at once, see `sup_t_critical_value`.

        The path is that of `caar_path` from the first session of the window to its last, the
        covariance of its points that of the forecast errors, the degrees of freedom those of
        `caar`.

        Parameters
        ----------
        event_id, group : str
        window : tuple of int
            Both ends inclusive, inside the event window.
        level : float
            One minus the coverage of the band, strictly between 0 and 1.

        Returns
        -------
        DataFrame
            ``tau, caar, std_error, critical_value, lower, upper``, one row per tau at which at
            least one asset has an abnormal return; the last three NaN where the group's mean
            residual does not vary.

        Raises
        ------
        KeyError
            If no pair of the event and group was estimated.
        ValueError
            If the window does not lie inside the event window, or the level between 0 and 1, or
            the assets have different event sessions.

        Examples
        --------
        See `EventStudyResults`.
        """
        path, covariance, degrees = self._path(event_id, group, window)
        if covariance is None:
            raise ValueError(
                f"the assets of {group} have different event sessions at {event_id}: the points of "
                "their path have no common covariance, and no simultaneous band"
            )
        band = path[["tau", "caar", "std_error"]]
        # Without a deviation of the portfolio the path has no error, and no band.
        known = np.isfinite(covariance).all() and len(covariance) > 0
        critical = sup_t_critical_value(covariance, degrees, level=level) if known else np.nan
        half = critical * band["std_error"]
        return band.assign(
            critical_value=critical, lower=band["caar"] - half, upper=band["caar"] + half
        )

    def _path(
        self, event_id: str, group: str, window: Window
    ) -> tuple[pd.DataFrame, Floats | None, float]:
        """Path of the CAAR over a window, the covariance of its points, degrees of freedom.

        None for the covariance of assets whose event sessions differ.
        """
        members = np.flatnonzero(self._pairs_of(event_id) & self._pairs_in(group))
        if not len(members):
            raise KeyError(f"no pair of {group} was estimated at {event_id}")
        columns = self._within(window)
        abnormal = self._abnormal.abnormal[members, columns]
        spans = np.where(np.isfinite(abnormal), self._abnormal.n_sessions[members, columns], 0.0)
        # What a return earned before the path starts is no part of it.
        abnormal = np.where(reaching_back(spans), np.nan, abnormal)
        present = np.isfinite(abnormal)
        count = present.sum(axis=0)
        aar = np.nansum(abnormal, axis=0) / np.where(count, count, np.nan)
        g = np.where(present, self._abnormal.n_sessions[members, columns], 0.0)
        f = np.where(present[:, :, None], self._abnormal.factors[members, columns], 0.0)
        if self._aligned(members, np.zeros(1, np.int64))[0]:
            deviation, degrees = portfolio_deviation(
                self._fit.residuals[members], self._fit.n_parameters[members]
            )
            covariance = _path_covariance(self._fit, members, g, f) * float(deviation) ** 2
            std_error = np.sqrt(np.diagonal(covariance))
        else:
            covariance = None
            g, f = np.cumsum(g, axis=1), np.cumsum(f, axis=1)
            multiplier = _path_multiplier(self._fit, members, g, f)
            std_error, degrees = self._staggered_path(members, columns, multiplier, g, f)
        at_limit = self._panel.at_limit[self._rows[members, columns]] > 0
        at_limit &= self._in_data[members, columns]
        frame = pd.DataFrame(
            {
                "tau": self.taus[columns],
                "session": self._sessions(members, group)[columns],
                "n_assets": count,
                "aar": aar,
                "caar": np.nancumsum(aar),
                "share_at_limit": at_limit.mean(axis=0),
            }
        )
        there = count > 0
        frame["std_error"] = std_error
        if covariance is not None:
            covariance = covariance[np.ix_(there, there)]
        return frame[there].reset_index(drop=True), covariance, float(degrees)

    def summary(self, window: Window = (0, 1)) -> Summary:
        """Event by group: N, CAAR and the headline tests.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive, inside the event window.

        Returns
        -------
        Summary
            Text, HTML, LaTeX or `frame`, indexed by event and group: ``n_assets, caar,
            mean_correlation`` and the statistic and p-value of the portfolio t, adjusted BMP and
            GRANK-T.

        Examples
        --------
        See `EventStudyResults`.
        """
        tidy = self.tests(window, HEADLINE_TESTS).tidy()
        keys = ["event_id", "group"]
        table = (
            tidy.drop_duplicates(keys)
            .set_index(keys)[["n_assets", "mean_car", "mean_correlation"]]
            .rename(columns={"mean_car": "caar"})
        )
        for name in HEADLINE_TESTS:
            one = tidy[tidy["test"] == name].set_index(keys)
            table[name] = one["statistic"]
            table[f"{name}_p"] = one["p_value"]
        unit = f"CAAR{window_label(window)} as a decimal; _p: two-sided, not adjusted for the rows"
        return Summary(table, unit)

    def tidy(self, windows: Sequence[Window] = ((0, 1),)) -> pd.DataFrame:
        """All tests of several windows, one row each.

        Parameters
        ----------
        windows : sequence of tuple of int
            Each with both ends inclusive, inside the event window.

        Returns
        -------
        DataFrame
            As `TestResults.tidy`; without a window empty.

        Examples
        --------
        See `EventStudyResults`.
        """
        return TestResults(tuple(t for window in windows for t in self.tests(window))).tidy()

    def pool(
        self,
        by: str | Mapping[str, object] | Mapping[tuple[str, str], object] | pd.Series | None = None,
        window: Window = (0, 1),
        *,
        draws: int = 9_999,
        seed: int = 0,
    ) -> PooledEffects:
        """Pool the effects of many events: one estimate per label and group.

        The unit is the cluster, a distinct event session of a group; see `pooling`. An asset that
        several events of one label hit on one session counts once there.

        Parameters
        ----------
        by : str or mapping, optional
            A column of the alignment, or a mapping of event_id, or of (event_id, ticker), to label;
            pairs whose label is blank, or that the mapping does not name, are in no pool. Default:
            one pool "all".
        window : tuple of int
            Both ends inclusive, inside the event window.
        draws, seed : int
            Of the randomization; the same seed gives the same p-values.

        Returns
        -------
        PooledEffects

        Raises
        ------
        ValueError
            If there is no such column or event, or a number or the window has no meaning.
        TypeError
            If `by` is neither text nor a mapping.

        Examples
        --------
        One firm, four earnings dates, 2 % on each; between them the return alternates.

        >>> import numpy as np, pandas as pd
        >>> from chainpolicy.eventstudy import EstimationWindow, EventStudy
        >>> sessions = pd.bdate_range("2019-01-01", periods=300)
        >>> dates = np.array([100, 150, 200, 250])
        >>> returns = np.where(np.arange(300) % 2, 0.01, -0.01)
        >>> returns[dates] = [0.019, 0.021, 0.018, 0.022]
        >>> study = EventStudy(
        ...     pd.DataFrame({"ticker": "A", "session": sessions, "return": returns}),
        ...     pd.DataFrame({"event_id": "earnings", "ticker": "A",
        ...         "event_session": sessions[dates], "surprise": ["up", "down"] * 2}),
        ...     estimation=EstimationWindow(window=(-80, -11)), event_window=(0, 1))
        >>> pooled = study.fit().pool(window=(0, 0))
        >>> pooled.tidy()[["label", "n_pairs", "n_clusters", "mean", "time_series_t"]].round(4)
          label  n_pairs  n_clusters  mean  time_series_t
        0   all        4           4  0.02          3.942
        >>> pooled.clusters[["event_session", "n_assets", "caar"]].head(2).round({"caar": 4})
          event_session  n_assets   caar
        0    2019-05-21         1  0.019
        1    2019-07-30         1  0.021
        >>> pooled.tests[["test", "p_value"]].iloc[[0, 7]].round(4)
                    test  p_value
        0  time_series_t   0.0001
        7        grank_t      NaN
        >>> up = study.fit().pool(by="surprise", window=(0, 0))
        >>> up.difference("up", "down")[["n_first", "n_second", "difference", "p_value"]].round(4)
           n_first  n_second  difference  p_value
        0        2         2      -0.003      NaN
        >>> path = study.fit().pooled_path(by="surprise", start=0)
        >>> path[["label", "tau", "n_clusters", "mean"]].round(4)
          label  tau  n_clusters    mean
        0  down    0           2  0.0215
        1  down    1           2  0.0315
        2    up    0           2  0.0185
        3    up    1           2  0.0285
        """
        for name, value, least in (("draws", draws, 1), ("seed", seed, 0)):
            whole = isinstance(value, int | np.integer)
            if not whole or value < least:
                raise ValueError(f"{name} = {value!r} must be a whole number, {least} or more")
        labels = self._labels(by)
        columns, cumulated = self._within(window), self._cumulated(window)
        every = self._labelled(labels, np.isfinite(cumulated.car))
        pools = {key: self._pool_of(held, columns, cumulated) for key, held in every.items()}
        clusters = [
            pd.DataFrame(
                {
                    **{"label": label, "group": group, "window": window_label(window)},
                    **self._clusters(pool.members, pool.cluster, pool.sample),
                    "position": self._positions(pool),
                }
            )
            for (label, group), pool in pools.items()
        ]
        return PooledEffects(
            by=by if isinstance(by, str) else "label",
            unlabelled=int((labels == "").sum()),
            draws=draws,
            seed=seed,
            _clusters=pd.concat(clusters, ignore_index=True)
            if clusters
            else pd.DataFrame(columns=[*CLUSTER_COLUMNS, "position"]),
            _n_window=window[1] - window[0] + 1,
            _estimate=partial(self._estimate_pools, pools, window, draws, seed),
        )

    def _estimate_pools(
        self, pools: Mapping[tuple[str, str], _Pool], window: Window, draws: int, seed: int
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows of ``pooled.csv``, and the tests of each of them."""
        car = self._cumulated(window).car
        named = window_label(window)
        references = self._references(pools, window)
        rows, tests = [], []
        for (label, group), pool in pools.items():
            sample = pool.sample
            about = {"label": label, "group": group, "window": named}
            overlapping = self._overlapping(pool.pairs, sample.n_window)
            found = _run_tests(
                sample, [(label, group)], window, unit="cluster", overlapping=overlapping
            )[label, group]
            tests += [
                {
                    **about,
                    "test": test.name,
                    "statistic": test.statistic,
                    "degrees": test.degrees,
                    "p_value": test.p_value,
                    "note": test.note,
                }
                for test in found
            ]
            position = self._positions(pool)
            block = blocks_of(position, sample.n_window)
            own = seed_of(seed, group, named, position)
            reference = references.get((label, group))
            randomized: tuple[float, int | None] = (
                (np.nan, None)
                if reference is None
                else randomization_p_value(sample.scar, reference, position, block, draws, own)
            )
            row = {
                **about,
                "n_events": len(np.unique(self._pairs.event[pool.members])),
                "n_pairs": len(pool.pairs),
                "n_clusters": len(position),
                **_mean_with_interval(sample, *sample.mean_error),
                "pair_weighted_mean": float(car[pool.pairs].mean()),
                "mean_correlation": found[0].mean_correlation,
                "randomization_p": randomized[0],
                "n_ordinary": randomized[1],
                "sign_flip_p": sign_flip_p_value(sample.scar, block, draws, own),
                "n_blocks": int(block[-1]) + 1,
            }
            for test in found:
                row |= {test.name: test.statistic, f"{test.name}_p": test.p_value}
            rows.append(row | {"note": _why_blank(found, row)})
        return (
            pd.DataFrame(rows, columns=POOLED_COLUMNS).astype({"n_ordinary": "Int64"}),
            pd.DataFrame(tests, columns=POOLED_TEST_COLUMNS),
        )

    def _labels(
        self, by: str | Mapping[str, object] | Mapping[tuple[str, str], object] | pd.Series | None
    ) -> NDArray[np.object_]:
        """Label of each pair, blank for none."""
        if by is None:
            return np.full(len(self._pairs), "all", dtype=object)
        alignment = self._make_alignment()
        if isinstance(by, str):
            known = alignment.columns.drop(["ticker", "event_session"], errors="ignore")
            if by not in known:
                near = get_close_matches(by, known, n=1)
                raise ValueError(
                    f"there is no column {by!r} to pool by; expected one of {', '.join(known)}, or "
                    "a mapping of event_id to label"
                    + (f'; did you mean "{near[0]}"?' if near else "")
                )
            values = alignment[by].iloc[self._pairs.row]
        elif isinstance(by, Mapping | pd.Series):
            label_of = {
                (str(key[0]), *key[1:]) if isinstance(key, tuple) else str(key): label
                for key, label in by.items()
            }
            named = {key[0] if isinstance(key, tuple) else key for key in label_of}
            unknown = named - set(alignment["event_id"])
            if unknown:
                raise ValueError(
                    f"there is no event {', '.join(sorted(unknown))} to pool; expected event_ids "
                    "of the alignment"
                )
            hit = set(zip(alignment["event_id"], alignment["ticker"], strict=True))
            apart = [key for key in label_of if isinstance(key, tuple) and key not in hit]
            if apart:
                raise ValueError(
                    f"no row of the alignment is {apart[0]}; expected pairs of an event_id and a "
                    "ticker that it hits"
                )
            # Unlike `map`, which makes floats of whole numbers where others are missing.
            pairs = zip(*self._pairs.named(self._panel).values(), strict=True)
            labels = [label_of.get(pair, label_of.get(pair[0])) for pair in pairs]
            values = pd.Series(labels, dtype=object)
        else:
            raise TypeError(
                f"by is {by!r}; expected a column of the alignment or a mapping of event_id to "
                "label"
            )
        return np.array(["" if pd.isna(value) else str(value) for value in values], dtype=object)

    def pooled_path(
        self,
        by: str | Mapping[str, object] | Mapping[tuple[str, str], object] | pd.Series | None = None,
        *,
        start: int | None = None,
    ) -> pd.DataFrame:
        """Cumulate the effects pooled over many events from one session on.

        Parameters
        ----------
        by : str or mapping, optional
            As for `pool`.
        start : int, optional
            The tau of the first session; by default the first of the event window.

        Returns
        -------
        DataFrame
            ``label, group, start, tau, n_clusters, mean, std_error, degrees, lower, upper``: those
            of `pool` over the window from `start` to tau, for every tau from `start` on. A cluster
            without a CAR over a window is missing from it.

        Raises
        ------
        ValueError, TypeError
            As `pool`; if `start` does not lie inside the event window.

        Examples
        --------
        See `pool`.
        """
        labels = self._labels(by)
        begin = self.event_window[0] if start is None else start
        self._within((begin, self.event_window[1]))
        rows = []
        # What windows with the same complete pairs share is most of the work.
        pools: dict[tuple[str, str], tuple[_Pool, Floats, Floats]] = {}
        for tau in range(begin, self.event_window[1] + 1):
            columns, cumulated = self._within((begin, tau)), self._cumulated((begin, tau))
            every = self._labelled(labels, np.isfinite(cumulated.car))
            for key, members in every.items():
                if key not in pools or not np.array_equal(pools[key][0].members, members):
                    pool = self._pool_of(members, columns, cumulated)
                    design = _placed(self._design(pool.pairs), self._distance(pool.pairs), 0.0)
                    pools[key] = pool, residual_covariance(pool.sample), design
                pool, covariance, design = pools[key]
                sample = self._over_window(pool, columns, cumulated, design)
                rows.append(
                    {
                        **{"label": key[0], "group": key[1], "start": begin, "tau": tau},
                        "n_clusters": sample.n_assets,
                        **_mean_with_interval(sample, *calendar_error(sample, covariance)),
                    }
                )
        columns_of_path = ["label", "group", "start", "tau", "n_clusters"]
        columns_of_path += ["mean", "std_error", "degrees", "lower", "upper"]
        path = pd.DataFrame(rows, columns=columns_of_path)
        return path.sort_values(["label", "group", "tau"], ignore_index=True)

    def _labelled(
        self, labels: NDArray[np.object_], complete: Bools
    ) -> dict[tuple[str, str], Ints]:
        """Complete pairs of every label and group that has some."""
        groups = {group: self._pairs_in(group) for group in self._panel.calendars}
        number, names = pd.factorize(labels, sort=True)
        pairs = {
            (str(name), group): np.flatnonzero(complete & (number == of_label) & of_group)
            for of_label, name in enumerate(names)
            if name
            for group, of_group in groups.items()
        }
        return {key: members for key, members in pairs.items() if len(members)}

    def _pool_of(self, members: Ints, columns: slice, cumulated: Cumulated) -> _Pool:
        """Make clusters of the complete pairs of one label and group."""
        pairs, cluster = self._by_session(members)
        sample = cluster_sample(self._staggered_sample(pairs, columns, cumulated), cluster)
        return _Pool(members, pairs, cluster, sample)

    def _positions(self, pool: _Pool) -> Ints:
        """Event session of each cluster on the calendar of its group, shape (C,)."""
        return np.unique(self._event_position[pool.pairs])

    def _over_window(
        self, pool: _Pool, columns: slice, cumulated: Cumulated, design: Floats
    ) -> GroupSample:
        """Clusters of a pool over another window: what they are estimated from is the same."""
        pairs, sample = pool.pairs, pool.sample
        weights = self._estimation_weights(pairs, cumulated, design)
        multiplier = cluster_means(cumulated.multiplier[pairs], pool.cluster)
        shape = (sample.n_assets, columns.stop - columns.start)
        return replace(
            sample,
            car=cluster_means(cumulated.car[pairs], pool.cluster),
            car_std_error=sample.sigma * np.sqrt(multiplier),
            abnormal=np.full(shape, np.nan),
            abnormal_std_error=np.full(shape, np.nan),
            estimation_weights=cluster_means(weights, pool.cluster),
            n_sessions=None,
        )

    def _by_session(self, pairs: Ints) -> tuple[Ints, Ints]:
        """Sort pairs by session, each asset once on it; return them with their clusters."""
        position, asset = self._event_position[pairs], self._pairs.asset[pairs]
        order = np.lexsort((asset, position))
        moves = np.diff(position[order], prepend=-1) != 0
        first = moves | (np.diff(asset[order], prepend=-1) != 0)
        return pairs[order[first]], np.cumsum(moves[first]) - 1

    def _clusters(self, every: Ints, cluster: Ints, sample: GroupSample) -> dict[str, object]:
        """Columns of the clusters of one pool."""
        order = every[np.argsort(self._event_position[every], kind="stable")]
        begins = np.flatnonzero(np.diff(self._event_position[order], prepend=-1))
        ids = texts(self._pairs.event_ids, self._pairs.event[order])
        events = [
            ";".join(dict.fromkeys(ids[first:end]))
            for first, end in pairwise([*begins.tolist(), len(order)])
        ]
        degrees = sample.n_estimation - sample.n_parameters
        half = critical_value(0.05, degrees) * sample.car_std_error
        return {
            "event_session": self._pairs.session[order[begins]],
            "events": events,
            "n_assets": np.bincount(cluster),
            "caar": sample.car,
            "std_error": sample.car_std_error,
            "lower": sample.car - half,
            "upper": sample.car + half,
            "scaar": sample.scar,
        }

    def _references(
        self, pools: Mapping[tuple[str, str], _Pool], window: Window
    ) -> dict[tuple[str, str], Floats]:
        """SCAAR of every cluster's assets on every ordinary session, NaN on the others.

        Of pools with enough clusters, shape (clusters, sessions of the calendar).
        """
        tickers = np.array(self._panel.tickers, dtype=object)[self._pairs.asset]
        assets_of = {
            key: [
                tuple(tickers[some])
                for some in np.split(pool.pairs, np.flatnonzero(np.diff(pool.cluster)) + 1)
            ]
            for key, pool in pools.items()
            if pool.sample.n_assets >= MINIMUM_CLUSTERS
        }
        of_group: dict[str, dict[tuple[str, ...], None]] = {}
        for (_, group), sets in assets_of.items():
            of_group.setdefault(group, {}).update(dict.fromkeys(sets))
        scaar = self._ordinary(window, of_group) if of_group else {}
        return {
            key: np.stack([scaar[key[1], assets] for assets in sets])
            for key, sets in assets_of.items()
        }

    def ordinary_scaar(
        self, window: Window, group: str, assets: Sequence[tuple[str, ...]]
    ) -> Floats:
        """CAARs over their standard errors on the ordinary sessions of some assets of a group.

        Parameters
        ----------
        window : tuple of int
            Both ends inclusive, inside the event window.
        group : str
        assets : sequence of tuple of str
            C sets of tickers.

        Returns
        -------
        ndarray, shape (C, T)
            On every session of the calendar of the group, of those of the assets that have a CAR;
            NaN where it is no ordinary one.

        Raises
        ------
        ValueError
            If no returns are given for an asset.

        Examples
        --------
        See `EventStudyResults.pool`, whose randomization draws from them.
        """
        named = dict.fromkeys(name for names in assets for name in names)
        if unknown := [name for name in named if name not in self._panel.tickers]:
            raise ValueError(f"no returns are given for {', '.join(unknown)}")
        found = self._ordinary(window, {group: list(dict.fromkeys(assets))}) if assets else {}
        size = len(self._panel.calendars[group])
        scaar: Floats = np.array([found[group, names] for names in assets], dtype=np.float64)
        return scaar.reshape(-1, size)

    def _studentize(
        self, scaar: Floats, group: str, members: Bools, window: Window, wanted: Bools
    ) -> None:
        """Write the SCAARs of portfolios of a group, on their wanted sessions, to their places.

        `members` (P, assets of the panel), `scaar` and `wanted` (P, sessions of the calendar); of
        a portfolio counts what has a CAR.
        """
        columns, cumulated = self._within(window), self._cumulated(window)
        complete = np.flatnonzero(self._pairs_in(group) & np.isfinite(cumulated.car))
        pairs, session = self._by_session(complete)
        for some in np.split(pairs, np.flatnonzero(np.diff(session)) + 1) if len(pairs) else []:
            at = self._event_position[some[0]]
            of = np.flatnonzero(wanted[:, at] & members[:, self._pairs.asset[some]].any(axis=1))
            chosen = members[of][:, self._pairs.asset[some]]
            residuals = self._fit.residuals[some]
            observed = np.isfinite(residuals)
            error = portfolio_errors(
                np.where(observed, residuals, 0.0),
                observed,
                self._fit.n_parameters[some],
                cumulated.multiplier[some],
                chosen,
            )
            for number in np.flatnonzero(differ(self._estimation_end[some], chosen)):
                sample = self._staggered_sample(some[chosen[number]], columns, cumulated)
                error[number] = calendar_error(sample)[0]
            with one_thread():
                total = chosen @ cumulated.car[some]
            scaar[of, at] = total / chosen.sum(axis=1) / error

    @cached_property
    def _cells(self) -> Cells:
        return Cells.of_pairs(self._pairs, self._panel)

    def _pairs_of(self, event_id: str) -> Bools:
        """Which pairs are of an event."""
        found: Bools = self._pairs.event == _place(self._pairs.event_ids, event_id)
        return found

    def _pairs_in(self, group: str) -> Bools:
        """Which pairs are of a group."""
        number = _place(list(self._panel.calendars), group)
        found: Bools = self._panel.group[self._pairs.asset] == number
        return found

    @property
    def _back(self) -> Ints:
        """Sessions from the last of the estimation window back to each, shape (M,)."""
        return np.arange(1 - self._fit.residuals.shape[1], 1)

    def _sessions(self, members: Ints, group: str) -> NDArray[np.datetime64]:
        """Sessions of the event window, NaT where there is none or the assets differ."""
        sessions = np.full(len(self.taus), pd.NaT.to_datetime64())
        position = self._event_position[members]
        if (position == position[0]).all():
            calendar = self._panel.calendars[group]
            # An event window may run past the data, but begins after a session that estimates.
            on = position[0] + self.taus
            inside = on < len(calendar)
            sessions[inside] = calendar[on[inside]]
        return sessions

    def _within(self, window: Window) -> slice:
        require_window(window)
        first, last = window
        if not self.event_window[0] <= first <= last <= self.event_window[1]:
            raise ValueError(
                f"the window {window_label(window)} does not lie inside the event window "
                f"{window_label(self.event_window)}"
            )
        return slice(first - self.event_window[0], last - self.event_window[0] + 1)

    def _cumulated(self, window: Window) -> Cumulated:
        return cumulate(self._fit, self._abnormal, self._within(window))

    def _sample(self, pairs: Ints, window: Window, cumulated: Cumulated) -> GroupSample:
        """Sample of B events, rows of `pairs` (B, N), whose N assets have as many parameters.

        Their sessions are aligned: what holds for the first holds for all.
        """
        columns = self._within(window)
        return GroupSample(
            car=cumulated.car[pairs],
            car_std_error=cumulated.std_error[pairs],
            abnormal=self._abnormal.abnormal[pairs, columns],
            abnormal_std_error=self._abnormal.std_error[pairs, columns],
            residuals=self._fit.residuals[pairs],
            sigma=self._fit.sigma[pairs],
            n_parameters=self._fit.n_parameters[pairs[0]],
            n_sessions=self._abnormal.n_sessions[pairs, columns],
        )

    def _staggered_sample(self, pairs: Ints, columns: slice, cumulated: Cumulated) -> GroupSample:
        """Sample of pairs, shape (N,), wherever their event and estimation sessions lie.

        A column of the residuals is a distance to the event session. Rows of one portfolio are so
        apart by as many sessions as their windows are, and what they share is what those share.
        """
        event = self._event_position[pairs]
        tau = self._distance(pairs)
        weights = self._estimation_weights(pairs, cumulated, self._design(pairs))
        return GroupSample(
            car=cumulated.car[pairs],
            car_std_error=cumulated.std_error[pairs],
            abnormal=self._abnormal.abnormal[pairs, columns],
            abnormal_std_error=self._abnormal.std_error[pairs, columns],
            residuals=_placed(self._fit.residuals[pairs], tau, np.nan),
            sigma=self._fit.sigma[pairs],
            n_parameters=self._fit.n_parameters[pairs],
            estimation_session=event[:, None] + np.arange(tau.min(), tau.max() + 1),
            window_start=event + self.taus[columns][0],
            estimation_weights=_placed(weights, tau, 0.0),
            n_sessions=self._abnormal.n_sessions[pairs, columns],
        )

    def _distance(self, pairs: Ints) -> Ints:
        """Sessions from each event to each of its estimation sessions, shape (N, M)."""
        return (self._estimation_end[pairs] - self._event_position[pairs])[:, None] + self._back

    def _design(self, pairs: Ints) -> Floats:
        """Rows of the design over the estimation sessions, each over the root of its span.

        Shape (1 + K, N, M): the intercept, and the benchmarks less their means; zero where a
        session is not valid.
        """
        panel, fit = self._panel, self._fit
        asset = self._pairs.asset[pairs]
        inside = (self._estimation_end[pairs] - panel.offset[asset])[:, None] + self._back
        inside = np.clip(inside, 0, panel.length[asset][:, None] - 1)
        rows = panel.first[asset][:, None] + inside
        spans = panel.n_sessions[rows]
        design = np.zeros((1 + fit.beta.shape[1], *rows.shape))
        design[0] = spans
        for k in range(fit.beta.shape[1]):
            column = self._columns[pairs, k]
            used = column >= 0
            moved = panel.factors[rows[used], column[used, None]]
            moved -= spans[used] * fit.factor_mean[pairs[used], k][:, None]
            design[1 + k, used] = moved
        design /= np.sqrt(spans)
        design[:, ~np.isfinite(fit.residuals[pairs])] = 0.0
        return design

    def _estimation_weights(self, pairs: Ints, cumulated: Cumulated, design: Floats) -> Floats:
        """x'(X'X)^-1 X' of the sums x over a window, X the `design` (1 + K, N, M): shape (N, M)."""
        fit, g = self._fit, cumulated.n_sessions[pairs]
        deviation = cumulated.factors[pairs] - g[:, None] * fit.factor_mean[pairs]
        root = fit.inverse_root[pairs]
        slope = np.einsum("pjk,pk->jp", root, np.einsum("pj,pjk->pk", deviation, root))
        through = np.concatenate([(g * fit.inverse_intercept[pairs])[None], slope])
        weights: Floats = np.einsum("kp,kpm->pm", through, design)
        return weights

    def _staggered_path(
        self, members: Ints, columns: slice, multiplier: Floats, g: Floats, f: Floats
    ) -> tuple[Floats, Floats]:
        """Return the standard errors of a path of pairs whose sessions differ, with the degrees."""
        pairs = len(self._pairs)
        errors = []
        for last in range(g.shape[1]):
            total_g, total_f = np.zeros(pairs), np.zeros((pairs, f.shape[2]))
            total_g[members], total_f[members] = g[:, last], f[:, last]
            std_error = np.zeros(pairs)
            std_error[members] = self._fit.sigma[members] * np.sqrt(multiplier[:, last])
            upto = slice(columns.start, columns.start + last + 1)
            cumulated = Cumulated(std_error, std_error, std_error, total_g, total_f)
            error, degrees = calendar_error(self._staggered_sample(members, upto, cumulated))
            errors.append(error)
        return np.array(errors), degrees


def _place(names: Sequence[str], name: str) -> int:
    """Where a name stands, -1 if it does not."""
    return names.index(name) if name in names else -1


@dataclass(frozen=True, eq=False)
class _Pool:
    """Clusters of one label and group: complete pairs, and those of them that count once."""

    members: Ints
    pairs: Ints
    cluster: Ints
    sample: GroupSample


def _placed(values: Floats, tau: Ints, blank: float) -> Floats:
    """Put values (..., N, M) of sessions tau (N, M) into columns, from the first on."""
    if (tau == tau[0]).all():
        return values
    first = int(tau.min())
    placed = np.full((*values.shape[:-1], int(tau.max()) - first + 1), blank)
    np.put_along_axis(placed, np.broadcast_to(tau - first, values.shape), values, axis=-1)
    return placed


def _path_covariance(fit: NormalFit, members: Ints, g: Floats, f: Floats) -> Floats:
    """Mean over assets of the covariance of the CARs over [start, tau], divided by s^2."""
    total_g, total_f = np.cumsum(g, axis=1), np.cumsum(f, axis=1)
    deviation = total_f - total_g[:, :, None] * fit.factor_mean[members][:, None, :]
    # Two windows that begin together share the sessions of the shorter one.
    covariance: Floats = np.minimum(total_g[:, :, None], total_g[:, None, :]).mean(axis=0)
    covariance += np.einsum("n,nl,nm->lm", fit.inverse_intercept[members], total_g, total_g) / len(
        members
    )
    with one_thread():
        through = deviation @ fit.inverse_root[members]
    covariance += np.einsum("nlj,nmj->lm", through, through) / len(members)
    return covariance


def _path_multiplier(fit: NormalFit, members: Ints, g: Floats, f: Floats) -> Floats:
    """1'V1 / s^2 of each asset and window [start, tau], of the sums of spans and benchmarks."""
    deviation = f - g[:, :, None] * fit.factor_mean[members][:, None, :]
    with one_thread():
        through = deviation @ fit.inverse_root[members]
    leverage = g**2 * fit.inverse_intercept[members][:, None]
    leverage += np.einsum("nlk,nlk->nl", through, through)
    return g + leverage


def named_tests(names: Collection[str]) -> tuple[GroupTest, ...]:
    """Return the tests of these names, in the order of all.

    Examples
    --------
    >>> [test.title for test in named_tests(["bmp", "time_series_t"])]
    ['portfolio t', 'BMP t']
    """
    known = [test.name for test in TESTS]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(
            f"there is no test {', '.join(map(repr, unknown))}; expected some of {', '.join(known)}"
        )
    return tuple(test for test in TESTS if test.name in names)


def tabulate_p_values(
    event: pd.api.extensions.ExtensionArray,
    group: pd.api.extensions.ExtensionArray,
    tests: Sequence[GroupTest],
    p_values: Floats,
) -> pd.DataFrame:
    """Return a row for every `event` and its `group`, C of them, and each of the `tests`.

    `p_values` are of shape (C, tests).

    Examples
    --------
    >>> names = pd.array(["speech"], dtype="str"), pd.array(["all"], dtype="str")
    >>> tabulate_p_values(*names, TESTS[:2], np.array([[0.1, 0.2]]))
      event_id group               test  p_value
    0   speech   all      time_series_t      0.1
    1   speech   all  cross_sectional_t      0.2
    """
    row, column = np.divmod(np.arange(p_values.size), len(tests))
    return pd.DataFrame(
        {
            "event_id": event.take(row),
            "group": group.take(row),
            "test": texts([test.name for test in tests], column),
            "p_value": p_values.ravel(),
        }
    )


def _mean_with_interval(sample: GroupSample, error: Floats, degrees: Floats) -> dict[str, float]:
    """Mean over the clusters, with its standard error and 95 % interval."""
    mean = float(sample.car.mean())
    half = float(critical_value(0.05, degrees) * error)
    return {
        "mean": mean,
        "std_error": float(error),
        "degrees": float(degrees),
        "lower": mean - half,
        "upper": mean + half,
    }


def _run_tests(
    sample: GroupSample,
    keys: list[tuple[str, str]],
    window: Window,
    tests: Sequence[GroupTest] = TESTS,
    unit: str = "asset",
    *,
    overlapping: bool,
) -> dict[tuple[str, str], list[TestResult]]:
    """Run tests on a sample whose leading axis are the events and groups `keys`.

    Where windows of one asset are `overlapping`, only those that allow for it.
    """
    correlation = np.atleast_1d(sample.mean_correlation)
    mean_car = np.atleast_1d(sample.car.mean(axis=-1))
    results: dict[tuple[str, str], list[TestResult]] = {key: [] for key in keys}
    for test in tests:
        statistic, degrees, p_value = outcome(test, sample, len(keys), overlapping=overlapping)
        for i, key in enumerate(keys):
            results[key].append(
                TestResult(
                    name=test.name,
                    title=test.title,
                    source=test.source,
                    event_id=key[0],
                    group=key[1],
                    window=window,
                    statistic=float(statistic[i]),
                    degrees=None if degrees is None else float(degrees[i]),
                    p_value=float(p_value[i]),
                    n_assets=sample.n_assets,
                    mean_car=float(mean_car[i]),
                    mean_correlation=float(correlation[i]),
                    note=""
                    if not np.isnan(statistic[i])
                    else OVERLAPPING
                    if overlapping and not test.allows_overlap
                    else _why_undefined(test, sample.n_assets, correlation[i], unit),
                )
            )
    return results


def outcome(
    test: GroupTest, sample: GroupSample, count: int, *, overlapping: bool
) -> tuple[Floats, Floats | None, Floats]:
    """Statistic, degrees of freedom and p-value of `count` events and groups, each (count,).

    NaN where windows of one asset are `overlapping` and the test does not allow for it.

    Examples
    --------
    >>> from chainpolicy.eventstudy.inference import EXAMPLE
    >>> statistic, degrees, p_value = outcome(TESTS[0], EXAMPLE, 1, overlapping=False)
    >>> statistic.round(4).tolist(), degrees.tolist(), p_value.round(4).tolist()
    ([2.0472], [30.0], [0.0495])
    """
    alone = sample.n_assets == 1 and test.name != "time_series_t"
    if alone or (overlapping and not test.allows_overlap):
        undefined = np.full(count, np.nan)
        return undefined, None, undefined
    found = test.compute(sample)
    degrees = None if found.degrees is None else np.broadcast_to(found.degrees, count)
    return np.atleast_1d(found.statistic), degrees, np.atleast_1d(two_sided_p_value(found))


def _why_blank(found: list[TestResult], row: Mapping[str, Any]) -> str:
    """Say of all blanks of a pooled row why: the reason, then its tests."""
    tests: dict[str, list[str]] = {}
    for test in found:
        if test.note:
            tests.setdefault(test.note, []).append(test.name)
    for name, counted, unit in (
        ("randomization", "n_clusters", "clusters"),
        ("sign_flip", "n_blocks", "blocks of clusters"),
    ):
        if np.isnan(row[f"{name}_p"]):
            few = row[counted] < MINIMUM_CLUSTERS
            reason = (
                f"fewer than {MINIMUM_CLUSTERS} {unit}" if few else "no room on ordinary sessions"
            )
            tests.setdefault(reason, []).append(name)
    return "; ".join(f"{reason}: {', '.join(names)}" for reason, names in tests.items())


def _why_undefined(test: GroupTest, n_assets: int, correlation: float, unit: str) -> str:
    if n_assets == 1:
        return f"a single {unit} has the exact t of its CAR only"
    if test.name.startswith("adjusted"):
        if np.isnan(correlation):
            sessions = f"{MINIMUM_COMMON_SESSIONS} estimation sessions"
            return f"no two {unit}s share {sessions} on which both vary"
        if 1.0 + (n_assets - 1) * correlation <= ROUNDING:
            return f"rbar = {correlation:.3f}: 1 + (N - 1) rbar is not positive"
        if test.name == "adjusted_bmp" and 1.0 - correlation <= ROUNDING:
            return "rbar = 1: 1 - rbar is not positive"
    if test.name == "grank_t" and n_assets < MINIMUM_GRANK_ASSETS:
        return f"fewer than {MINIMUM_GRANK_ASSETS} {unit}s"
    if test.name == "wilcoxon":
        return "every CAR is zero"
    return "the values have no spread, or too few estimation sessions are valid"
