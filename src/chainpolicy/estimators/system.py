r"""The event-dummy system: every asset of a group and every event in one regression.

For each of the N assets of a group, over n sessions,

.. math:: R_{it} = a_i + b_i' F_t + \sum_d \gamma_{id} D_{dt} + e_{it},

with :math:`F_t` the group's benchmarks and one dummy d per session of an event window (session
dummies) or one per event (window dummies). The regressors are the same in every equation, so that
least squares is Zellner's SUR. Schipper & Thompson (1983), *Journal of Accounting Research* 21(1);
Binder (1985), *Journal of Accounting Research* 23(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.estimators.clusters import regressed_clusters
from chainpolicy.estimators.common import fit_common
from chainpolicy.estimators.system_results import (
    DUMMIES,
    Covariance,
    Dummies,
    GroupSystem,
    SystemResults,
)
from chainpolicy.eventstudy import (
    MODELS,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    MarketModel,
    NormalReturnModel,
    window_label,
)
from chainpolicy.eventstudy.panel import Bools, build_panel, read_sessions
from chainpolicy.eventstudy.results import Window
from chainpolicy.eventstudy.threads import one_thread
from chainpolicy.study import Study
from chainpolicy.study.parts import in_parts
from chainpolicy.study.remember import remembered

# Fewer sessions than this and a robust variance is made of residuals that the dummy fitted away.
MINIMUM_ROBUST_SESSIONS = 20


@dataclass(frozen=True, eq=False)
class _GroupData:
    """Returns of a group's assets (columns of `wide`) that have the same benchmarks.

    ``estimation`` and ``complete`` say of every session whether it estimates normal returns and
    whether there are returns and all benchmarks; ``days`` is its name.
    """

    group: str
    clusters: pd.DataFrame
    estimation: Bools
    wide: pd.DataFrame
    factors: pd.DataFrame
    complete: Bools
    days: NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What does not depend on the windows; `hit` names the assets that each event hits."""

    hit: dict[str, set[str]]
    groups: list[_GroupData]
    left: list[tuple[str, str, str, str]]


class EventDummySystem:
    """Event-dummy systems of all groups.

    The rows of a group's system are its dummied sessions (the windows of its clusters) and its
    estimation sessions: those that the event study of the same events estimates normal returns
    from, taken over all clusters, less the dummied ones.

    Parameters
    ----------
    returns, alignment, groups, benchmarks, model, estimation
        As of `EventStudy`; alignment also with ``calendar`` and ``announced_at``, by which events
        of one session are merged. Only in-sample events of the role policy have dummies.
    dummies : {"session", "window"}
        One dummy per session of a window, or one per cluster. A session that lies in two windows
        has one session dummy and belongs to both CARs; window dummies take overlapping windows
        apart under the assumption of a constant effect on each session of a window.
    window : tuple of int
        Sessions of each cluster, both ends inclusive, relative to its event session.
    labels : mapping of group to str, optional
        What tables to be read call the groups.
    event_of : mapping of str to str, optional
        Event of each event_id that stands for a part of one, see `study.parts`.

    Raises
    ------
    ValueError
        If the input cannot be laid out, `dummies` is unknown or the window reversed.
    """

    def __init__(
        self,
        returns: pd.DataFrame,
        alignment: pd.DataFrame,
        *,
        groups: Mapping[str, str] | pd.Series | None = None,
        benchmarks: Mapping[str, Sequence[str]] | None = None,
        model: NormalReturnModel | None = None,
        estimation: EstimationWindow | None = None,
        dummies: Dummies = "session",
        window: Window = (0, 1),
        labels: Mapping[str, str] | None = None,
        event_of: Mapping[str, str] | None = None,
    ) -> None:
        _check(window, dummies)
        self._event_of = dict(event_of or {})
        self.labels = dict(labels or {})
        missing = [name for name in ("calendar", "announced_at") if name not in alignment.columns]
        if missing:
            raise ValueError(f"alignment: missing column {', '.join(missing)}")
        self.dummies: Dummies = dummies
        self.window = window
        self.model = MarketModel() if model is None else model
        study = EventStudy(
            returns,
            alignment,
            groups=groups,
            benchmarks=benchmarks,
            model=self.model,
            estimation=estimation,
            # Wherever a window reaches, its sessions have dummies and estimate nothing else.
            event_window=(0, 0),
        )
        # Read as the event study reads it, so that both mean the same by every cell.
        panel = build_panel(returns, groups, benchmarks)
        factors = dict(zip(panel.benchmarks, panel.factors.T, strict=True))
        rows = pd.DataFrame(
            {
                "ticker": np.repeat(panel.tickers, panel.length),
                "session": panel.session,
                "return": panel.returns,
                "n_sessions": panel.n_sessions,
                **factors,
            }
        )
        read = alignment.assign(
            event_id=alignment["event_id"].astype(str),
            ticker=alignment["ticker"].astype(str),
            event_session=read_sessions(alignment["event_session"], "alignment: event_session"),
        )
        group_of = pd.Series(dict(zip(panel.tickers, panel.groups, strict=True)))
        # What does not depend on the windows; the data themselves are needed no longer.
        self._prepared = _lay_out(study.fit(), self.model, rows, read, group_of)

    @classmethod
    def from_study(
        cls, study: Study, *, dummies: Dummies = "session", window: Window = (0, 1)
    ) -> EventDummySystem:
        """Set up the systems of a study folder, with the study's model and estimation window.

        Events that share some of their assets with others of a session stand in parts, see
        `study.parts`.
        """
        return cls._of_study(study).over(window, dummies)

    @staticmethod
    @remembered
    def _of_study(study: Study) -> EventDummySystem:
        """Arrange a study's data, once for all windows."""
        parts = in_parts(study)
        return EventDummySystem(
            study.returns,
            parts.study.alignment,
            groups=study.groups,
            benchmarks=study.benchmarks,
            model=MODELS[study.model],
            estimation=study.estimation,
            labels=study.labels,
            event_of=parts.event_of,
        )

    def over(self, window: Window, dummies: Dummies = "session") -> EventDummySystem:
        """Return the system of the same data with other dummies; the data are laid out once."""
        _check(window, dummies)
        other = copy(self)
        other.window, other.dummies = window, dummies
        return other

    @one_thread()
    def fit(self, covariance: Covariance = "ols") -> SystemResults:
        """Fit the system of every group.

        Parameters
        ----------
        covariance : {"ols", "HC1", "HAC"}
            Variance behind the standard errors; the joint F always assumes normal errors. HAC
            has Bartlett weights and 4 (n / 100)^(2/9) lags.

        Raises
        ------
        ValueError
            If HC1 or HAC is asked for dummies that cover fewer than 20 sessions, or regressors
            are collinear.
        """
        if covariance not in ("ols", "HC1", "HAC"):
            raise ValueError(f'covariance is "ols", "HC1" or "HAC", not "{covariance}"')
        covered = 1 if self.dummies == "session" else self.window[1] - self.window[0] + 1
        if covariance != "ols" and covered < MINIMUM_ROBUST_SESSIONS:
            raise ValueError(
                f"{covariance} is refused: a dummy here covers {covered} session"
                f"{'' if covered == 1 else 's'}, fewer than {MINIMUM_ROBUST_SESSIONS}. The dummy "
                "fits the residuals of its own sessions away, and a robust variance is made of "
                "just these residuals: it is far too small and a true null is rejected most of "
                'the time. Use covariance="ols"; doubts about normal errors are met by the '
                "placebo distribution (robustness.placebo_p_values)"
            )
        systems: list[GroupSystem] = []
        left = list(self._prepared.left)
        for data in self._prepared.groups:
            system = self._fit_group(data, covariance, left)
            if system is not None:
                systems.append(system)
        columns = ["group", "event_id", "ticker", "reason"]
        frame = pd.DataFrame(left, columns=columns)
        return SystemResults(
            self.window, self.dummies, covariance, tuple(systems), frame, self.labels
        )

    def _fit_group(
        self, data: _GroupData, covariance: Covariance, left: list[tuple[str, str, str, str]]
    ) -> GroupSystem | None:
        clusters = data.clusters
        places = data.wide.index.get_indexer(pd.DatetimeIndex(clusters["event_session"])).tolist()
        windows: dict[str, slice] = {}
        hit: dict[str, list[str]] = {}
        for event_id, session, at in zip(
            clusters["event_id"], clusters["event_session"], places, strict=True
        ):
            inside, reason = slice(at + self.window[0], at + self.window[1] + 1), ""
            if at < 0:
                inside = slice(0)
                reason = f"the event session {session:%Y-%m-%d} is outside the data"
            elif inside.start < 0 or inside.stop > len(data.days):
                inside = slice(0)
                reason = f"the window {window_label(self.window)} runs past the data"
            hit[event_id] = sorted(self._prepared.hit[event_id].intersection(data.wide.columns))
            if not hit[event_id]:
                reason = "no asset that it hits is in the system of the group"
            elif not data.complete[inside].all():
                absent = data.days[inside][~data.complete[inside]][0]
                reason = f"no return or no benchmark on {absent}"
            if reason:
                left.append((data.group, event_id, "", reason))
            else:
                windows[event_id] = inside
        if not windows:
            return None
        dummied = _covered(windows.values(), len(data.days))
        rows = data.estimation | dummied
        outcomes = data.wide[rows]
        missing = outcomes.isna()
        for ticker in missing.columns[missing.any()]:
            reason = (
                f"no return, or one that spans several sessions, on {missing[ticker].sum()} of "
                f"{len(outcomes)} sessions, first {missing[ticker].idxmax():%Y-%m-%d}"
            )
            left.append((data.group, "", ticker, reason))
        kept = missing.columns[~missing.any()]
        if kept.empty:
            return None
        if (data.estimation & ~dummied).sum() <= data.factors.shape[1] + 1:
            reason = "too few estimation sessions are left beside the windows: no system"
            left.append((data.group, "", "", reason))
            return None
        hit = {event_id: [name for name in hit[event_id] if name in kept] for event_id in windows}
        for event_id in [event_id for event_id, names in hit.items() if not names]:
            left.append((data.group, event_id, "", "every asset that it hits was left out"))
            del hit[event_id], windows[event_id]
        if not windows:
            return None
        return self._solve(data, kept, windows, hit, covariance)

    def _solve(
        self,
        data: _GroupData,
        tickers: pd.Index,
        windows: dict[str, slice],
        hit: dict[str, list[str]],
        covariance: Covariance,
    ) -> GroupSystem:
        dummied = _covered(windows.values(), len(data.days))
        rows = np.flatnonzero(data.estimation | dummied)
        outcomes, factors = data.wide.iloc[rows][tickers], data.factors.iloc[rows]
        if self.dummies == "window":
            # Events of one session that hit different assets share its window.
            first: dict[int, str] = {}
            for event_id, inside in windows.items():
                first.setdefault(inside.start, event_id)
            starts, names = np.array(list(first)), list(first.values())
            length = self.window[1] - self.window[0] + 1
        else:
            starts, length = np.flatnonzero(dummied), 1
            names = list(data.days[starts])
        after = rows[:, None] - starts
        dummies = ((after >= 0) & (after < length)).astype(np.float64)
        if factors.shape[1] and not self.model.estimated:
            outcomes = outcomes.sub(factors.iloc[:, 0], axis=0)
            design = pd.DataFrame(dummies, outcomes.index, names)
        else:
            regressors = [np.ones((len(rows), 1)), factors.to_numpy(np.float64), dummies]
            # An event may have the name of a benchmark: side by side, not joined by name.
            names = ["alpha", *factors.columns, *names]
            design = pd.DataFrame(np.hstack(regressors), outcomes.index, names)
        coefficients, residuals, unscaled = fit_common(design.to_numpy(), outcomes.to_numpy())
        return GroupSystem(
            group=data.group,
            window=self.window,
            dummies=self.dummies,
            covariance=covariance,
            clusters=data.clusters[data.clusters["event_id"].isin(list(windows))].reset_index(
                drop=True
            ),
            sessions=pd.DatetimeIndex(outcomes.index),
            design=design,
            coefficients=pd.DataFrame(coefficients, design.columns, outcomes.columns),
            residuals=pd.DataFrame(residuals, outcomes.index, outcomes.columns),
            unscaled=unscaled,
            membership={event_id: tuple(data.days[inside]) for event_id, inside in windows.items()},
            hit=hit,
            event_of=self._event_of,
        )


def _lay_out(
    fitted: EventStudyResults,
    model: NormalReturnModel,
    returns: pd.DataFrame,
    alignment: pd.DataFrame,
    group_of: pd.Series,
) -> _Prepared:
    """Lay out the estimation sessions, returns and factors of every group."""
    lagged = bool(model.lags or model.leads)
    merged = regressed_clusters(alignment, group_of)
    used = fitted.estimation_sessions(merged["event_id"].unique())
    benchmarks = dict(zip(fitted.pairs["ticker"], fitted.pairs["benchmarks"], strict=True))
    groups: list[_GroupData] = []
    left: list[tuple[str, str, str, str]] = []
    for group, rows in returns.groupby(returns["ticker"].map(group_of)):
        tickers = sorted(rows["ticker"].unique())
        own = [benchmarks[ticker] for ticker in tickers if ticker in benchmarks]
        clusters = merged[merged["group"] == group].drop(columns=["group", "calendar"])
        if clusters.empty or not own:
            why = "no asset could be estimated" if len(clusters) else "no announcement"
            left.append((str(group), "", "", f"{why}: the group has no system"))
            continue
        common = max(own, key=own.count)
        calendar = pd.DatetimeIndex(np.sort(rows["session"].unique()))
        # A return that spans a gap is not the return of its session, nor is the benchmark's.
        single = rows["n_sessions"] == 1
        rows = rows.assign(**{name: rows[name].where(single) for name in ("return", *common)})
        wide = rows.set_index(["session", "ticker"])["return"].unstack()  # noqa: PD010
        by_session = rows.groupby("session")
        factors = pd.DataFrame({name: by_session[name].first() for name in common}, calendar)
        present = factors.notna().all(axis=1) & wide.notna().any(axis=1)
        complete = present.to_numpy(np.bool_)
        fit_for = []
        for ticker in tickers:
            if benchmarks.get(ticker) == common:
                fit_for.append(ticker)
            elif ticker in benchmarks:
                theirs = ";".join(benchmarks[ticker]) or "none"
                reason = f"its benchmarks ({theirs}) are not those of the other assets"
                left.append((str(group), "", ticker, reason))
            else:
                left.append((str(group), "", ticker, "it could not be estimated at any event"))
        if lagged and common:
            why = "its system has the market of the same session, without lags and leads"
            left.append((str(group), "", "", f"model {model.name}: {why}"))
        groups.append(
            _GroupData(
                str(group),
                clusters,
                calendar.isin(used[str(group)]) & complete,
                wide[fit_for],
                factors,
                complete,
                calendar.strftime("%Y-%m-%d").to_numpy(object),
            )
        )
    hit = {
        str(event_id): set(tickers) for event_id, tickers in alignment.groupby("event_id")["ticker"]
    }
    return _Prepared(hit, groups, left)


@remembered
def fitted_system(
    study: Study, window: Window = (0, 1), dummies: Dummies = "session"
) -> SystemResults:
    """Fit the systems of a study folder, as `EventDummySystem.from_study` sets them up."""
    return EventDummySystem.from_study(study, dummies=dummies, window=window).fit()


def _check(window: Window, dummies: Dummies) -> None:
    if dummies not in DUMMIES:
        raise ValueError(f'dummies is "session" or "window", not "{dummies}"')
    if window[0] > window[1]:
        raise ValueError(f"the window {window_label(window)} is reversed")


def _covered(windows: Iterable[slice], length: int) -> Bools:
    """Which of the rows lie in any of the windows."""
    covered = np.zeros(length, dtype=np.bool_)
    for inside in windows:
        covered[inside] = True
    return covered
