"""What a fitted event-dummy system knows: frozen results, read as tests or as frames."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from chainpolicy.estimators.common import joint_f
from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.inference import Outcome, critical_value, two_sided_p_value
from chainpolicy.eventstudy.panel import Floats
from chainpolicy.eventstudy.results import Window
from chainpolicy.eventstudy.threads import one_thread
from chainpolicy.study.problems import require_choice
from chainpolicy.typeset.numbers import p
from chainpolicy.typeset.report_table import ReportTable, formatted, in_percent, p_text, stars

Dummies = Literal["session", "window"]
DUMMIES: tuple[Dummies, ...] = ("session", "window")
Covariance = Literal["ols", "HC1", "HAC"]


@dataclass(frozen=True, eq=False)
class SystemTest:
    r"""A contrast :math:`\theta_i = \sum_d c_d \gamma_{id}` of all assets of a group.

    Attributes
    ----------
    label : str
        What is summed.
    group : str
    effects, std_errors : Series
        :math:`\theta_i` and its standard error by ticker, in the return kind of the input.
    average, std_error : float
        Mean of the effects over assets, and its standard error.
    t_stat, p_value : float
        Average effect over its standard error, t(n - k), and its two-sided p-value.
    degrees : int
        n - k, of the t distributions.
    f_statistic, f_p_value : float
        For :math:`\theta_1 = \dots = \theta_N = 0`; NaN if undefined, `note` then says why.
    f_degrees : tuple of int or None
        (N, n - k - N + 1).
    note : str
    """

    label: str
    group: str
    effects: pd.Series
    std_errors: pd.Series
    average: float
    std_error: float
    t_stat: float
    p_value: float
    degrees: int
    f_statistic: float
    f_p_value: float
    f_degrees: tuple[int, int] | None
    note: str

    # pytest collects classes by name; this is not one of its tests.
    __test__ = False

    @property
    def null(self) -> str:
        """The joint null hypothesis in words."""
        return f"{self.label} is zero for every asset of {self.group}"

    @property
    def n_assets(self) -> int:
        """N, the assets of the system."""
        return len(self.effects)

    def interval(self, level: float = 0.05) -> tuple[float, float]:
        """Interval of the average effect that covers it with probability 1 - level."""
        half = float(critical_value(level, self.degrees)) * self.std_error
        return self.average - half, self.average + half

    def __str__(self) -> str:
        average = (
            f"average effect {self.average:.4f} (standard error {self.std_error:.4f}), "
            f"t = {self.t_stat:.3f} ~ t({self.degrees}), {p(self.p_value)}"
        )
        if self.f_degrees is None:
            return f"{self.group}, {self.label}: {average}; no joint F: {self.note}"
        return (
            f"{self.group}, {self.label}: {average}; F = {self.f_statistic:.3f} ~ "
            f"F{self.f_degrees}, {p(self.f_p_value)}; H0: {self.null}"
        )


@dataclass(frozen=True, eq=False)
class SystemTests:
    """K contrasts of the same N assets of a group, tested at once.

    Attributes
    ----------
    labels : list of str, length K
    group : str
    assets : list of str, length N
    effects, std_errors : ndarray, shape (K, N)
        As of `SystemTest`, as all that follows.
    average, std_error, f_statistic : ndarray, shape (K,)
    degrees : int
    f_degrees : tuple of int or None
    note : str
    """

    labels: list[str]
    group: str
    assets: list[str]
    effects: Floats
    std_errors: Floats
    average: Floats
    std_error: Floats
    degrees: int
    f_statistic: Floats
    f_degrees: tuple[int, int] | None
    note: str

    @cached_property
    def t_stat(self) -> Floats:
        """Average effects over their standard errors, shape (K,)."""
        return self.average / self.std_error

    @cached_property
    def p_value(self) -> Floats:
        """Two-sided, of the average effects, shape (K,)."""
        return two_sided_p_value(Outcome(self.t_stat, self.degrees))

    @cached_property
    def f_p_value(self) -> Floats:
        """Of the joint F tests, shape (K,); NaN if they are undefined."""
        if self.f_degrees is None:
            return np.full(len(self.labels), np.nan)
        return np.asarray(special.fdtrc(*self.f_degrees, self.f_statistic))

    def __getitem__(self, place: int) -> SystemTest:
        """Return the test of one contrast, by its position."""
        return SystemTest(
            label=self.labels[place],
            group=self.group,
            effects=pd.Series(self.effects[place], self.assets),
            std_errors=pd.Series(self.std_errors[place], self.assets),
            average=float(self.average[place]),
            std_error=float(self.std_error[place]),
            t_stat=float(self.t_stat[place]),
            p_value=float(self.p_value[place]),
            degrees=self.degrees,
            f_statistic=float(self.f_statistic[place]),
            f_p_value=float(self.f_p_value[place]),
            f_degrees=self.f_degrees,
            note=self.note,
        )

    def frame(self) -> pd.DataFrame:
        """Return one row per contrast, by its label, with the columns that tests share."""
        half = float(critical_value(0.05, self.degrees)) * self.std_error
        first, second = self.f_degrees or (np.nan, np.nan)
        columns = {
            "n_assets": len(self.assets),
            "average": self.average,
            "std_error": self.std_error,
            "degrees": self.degrees,
            "lower": self.average - half,
            "upper": self.average + half,
            "t_stat": self.t_stat,
            "p_value": self.p_value,
            "f_statistic": self.f_statistic,
            "f_df1": first,
            "f_df2": second,
            "f_p_value": self.f_p_value,
            "note": self.note,
        }
        return pd.DataFrame(columns, self.labels)

    def of_assets(self) -> pd.DataFrame:
        """Return one row per contrast, its label as ``event_id``, and asset."""
        t_stat = self.effects / self.std_errors
        columns = {
            "event_id": np.repeat(self.labels, len(self.assets)),
            "ticker": np.tile(self.assets, len(self.labels)),
            "car": self.effects.ravel(),
            "std_error": self.std_errors.ravel(),
            "t_stat": t_stat.ravel(),
            "p_value": two_sided_p_value(Outcome(t_stat, self.degrees)).ravel(),
        }
        return pd.DataFrame(columns)


@dataclass(frozen=True, eq=False)
class GroupSystem:
    r"""The fitted system of one group.

    Attributes
    ----------
    group : str
    window : tuple of int
        Sessions of each cluster, both ends inclusive, relative to its event session.
    dummies : {"session", "window"}
    covariance : {"ols", "HC1", "HAC"}
        Variance behind the standard errors of effects.
    clusters : DataFrame
        ``event_session, event_id, members`` of the K clusters in the system.
    sessions : DatetimeIndex, length n
        Rows: estimation sessions and dummied sessions.
    design : DataFrame, shape (n, k)
        alpha, benchmarks, dummies (session dummies are named by the day, window dummies by the
        cluster's event_id).
    coefficients : DataFrame, shape (k, N)
        One column per asset.
    residuals : DataFrame, shape (n, N)
    unscaled : ndarray, shape (k, k)
        :math:`(X'X)^{-1}`.
    membership : dict of str to tuple of str
        Dummied days of each cluster, by event_id.
    hit : dict of str to list of str
        Assets of the system that each cluster hits, by event_id: its tests are of these.
    event_of : dict of str to str
        Event of each member of a cluster that is only a part of one.
    """

    group: str
    window: Window
    dummies: Dummies
    covariance: Covariance
    clusters: pd.DataFrame
    sessions: pd.DatetimeIndex
    design: pd.DataFrame
    coefficients: pd.DataFrame
    residuals: pd.DataFrame
    unscaled: Floats
    membership: dict[str, tuple[str, ...]]
    hit: dict[str, list[str]]
    event_of: dict[str, str]

    @property
    def n_assets(self) -> int:
        """N, the assets of the system."""
        return self.coefficients.shape[1]

    @property
    def degrees(self) -> int:
        """Degrees of freedom, n - k."""
        return self.design.shape[0] - self.design.shape[1]

    @cached_property
    @one_thread()
    def sigma(self) -> Floats:
        r"""Residual covariance :math:`\Sigma = E'E / (n - k)`, shape (N, N)."""
        errors = self.residuals.to_numpy()
        sigma: Floats = errors.T @ errors / self.degrees
        return sigma

    @cached_property
    def gamma(self) -> pd.DataFrame:
        """Coefficients of the dummies, one row per dummy and one column per asset."""
        return self.coefficients.iloc[self._first_dummy :]

    @cached_property
    def _dummy_names(self) -> list[str]:
        if self.dummies == "window":
            return list(self._window_dummy.values())
        return sorted({day for days in self.membership.values() for day in days})

    @cached_property
    def _window_dummy(self) -> dict[tuple[str, ...], str]:
        """Name of the dummy of each window: the first cluster that has it."""
        first: dict[tuple[str, ...], str] = {}
        for event_id, days in self.membership.items():
            first.setdefault(days, event_id)
        return first

    @property
    def _first_dummy(self) -> int:
        """Position of the first dummy among the regressors."""
        return self.design.shape[1] - len(self._dummy_names)

    @cached_property
    def _place(self) -> dict[str, int]:
        """Position of each dummy among the regressors."""
        return {name: self._first_dummy + i for i, name in enumerate(self._dummy_names)}

    def car(self, event_id: str) -> SystemTest:
        """Test the CAR over the window of the system of all assets that an event hits.

        Parameters
        ----------
        event_id : str
            Any member of a cluster; an event of which clusters hold parts stands for all of them.
        """
        return self.contrast({event_id: 1.0})

    @cached_property
    def cars(self) -> tuple[SystemTests, ...]:
        """Tests of the clusters' CARs, labelled by event_id: those of the same assets together."""
        alike: dict[tuple[str, ...], list[str]] = {}
        for lead in self.clusters["event_id"]:
            alike.setdefault(tuple(self.hit[lead]), []).append(lead)
        return tuple(
            self._tests(
                np.stack([self._summed({lead: 1.0}, "each") for lead in leads]), leads, assets
            )
            for assets, leads in alike.items()
        )

    def contrast(
        self,
        weights: Mapping[str, float],
        *,
        label: str | None = None,
        shared: Literal["each", "once"] = "each",
    ) -> SystemTest:
        r"""Test a weighted sum of the clusters' CARs, for all assets that they all hit at once.

        .. math:: F = \frac{n - k - N + 1}{N} \frac{g'(E'E)^{-1} g}{v} \sim F(N, n - k - N + 1),
                  \qquad v = c'(X'X)^{-1} c,

        with g the contrasts of the N assets and E their residuals. The average effect has
        :math:`\bar g / \sqrt{v\, 1'\Sigma 1 / N^2} \sim t(n - k)`, the same contrast in
        the regression of the equal-weighted portfolio.

        Parameters
        ----------
        weights : mapping of event_id to float
            An event stands for its cluster.
        label : str, optional
            Default: the weights and events written out.
        shared : {"each", "once"}
            A session in the windows of several of these clusters belongs to the CAR of each, or,
            with session dummies, is counted "once", for the first of them: the sum then is the
            abnormal return over all their sessions.

        Raises
        ------
        ValueError
            If an event is not in the system, two events share a session, nothing is left, no asset
            is hit by all, or `shared` is neither word.
        """
        require_choice("shared", shared, ("each", "once"))
        named: dict[str, float] = {}
        shown: dict[str, str] = {}
        hit: dict[str, set[str]] = {}
        for event_id, weight in weights.items():
            leads = self._leads(event_id)
            lead = leads[0]
            name = self._name_of(event_id)
            if lead in named:
                raise ValueError(
                    f"{event_id} shares the session of another event of this contrast in group "
                    f'"{self.group}": they are one cluster, {name}; name one of them'
                )
            named[lead], shown[lead] = float(weight), name
            hit[lead] = {ticker for one in leads for ticker in self.hit[one]}
        if len({self.membership[lead] for lead in named}) < len(named):
            raise ValueError(
                f"{' and '.join(shown.values())} share a session: their windows are one; name one "
                "of them"
            )
        text = " + ".join(
            shown[lead] if w == 1 else f"{w:g} {shown[lead]}" for lead, w in named.items()
        )
        held = set.intersection(*hit.values()) if hit else set[str]()
        if named and not held:
            raise ValueError(f'no asset of group "{self.group}" is hit by all of these: {text}')
        return self._tests(
            self._summed(named, shared)[None], [text if label is None else label], held
        )[0]

    def sums_over_sessions(self, leads: Sequence[str], assets: Collection[str]) -> SystemTests:
        """Test the sums of the CARs of some assets over the first one, two, three... clusters.

        Each session is counted once.

        Parameters
        ----------
        leads : sequence of str
            One cluster of each session, by their event_ids.
        assets : collection of str
        """
        each = np.stack([self._summed({lead: 1.0}, "each") for lead in leads])
        by_session = self.dummies == "session"
        sums = np.maximum.accumulate(each) if by_session else each.cumsum(axis=0)
        labels = [" + ".join(leads[: number + 1]) for number in range(len(leads))]
        return self._tests(sums, labels, assets)

    def _summed(self, weights: Mapping[str, float], shared: Literal["each", "once"]) -> Floats:
        """Weights of the coefficients in a weighted sum of clusters' CARs, shape (k,)."""
        c = np.zeros(self.design.shape[1])
        taken: set[str] = set()
        for lead in sorted(weights, key=lambda name: self.membership[name][0]):
            if self.dummies == "window":
                dummy = self._window_dummy[self.membership[lead]]
                c[self._place[dummy]] += weights[lead] * len(self.membership[lead])
                continue
            days = [d for d in self.membership[lead] if shared == "each" or d not in taken]
            taken.update(days)
            c[[self._place[day] for day in days]] += weights[lead]
        if not c.any():
            raise ValueError("the weights of this contrast are zero, or cancel on every session")
        return c

    def _name_of(self, event_id: str) -> str:
        """Name an event as its cluster, or as itself if several clusters hold parts of it."""
        leads = self._leads(event_id)
        return leads[0] if len(leads) == 1 else event_id

    def _leads(self, event_id: str) -> list[str]:
        """Clusters of an event, or of its parts, by their event_ids."""
        if event_id in self._leads_of:
            return self._leads_of[event_id]
        known = ", ".join(self.clusters["event_id"])
        raise ValueError(
            f'{event_id} has no cluster in the system of group "{self.group}"; it has {known}'
        )

    @cached_property
    def _leads_of(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for lead, members in self.clusters[["event_id", "members"]].itertuples(index=False):
            for member in members.split(";"):
                for event_id in {member, self.event_of.get(member, member)}:
                    found.setdefault(event_id, []).append(lead)
        return found

    @one_thread()
    def _tests(self, c: Floats, labels: list[str], assets: Collection[str]) -> SystemTests:
        """Test contrasts, shape (K, k), of the coefficients of some assets."""
        at = np.flatnonzero(self.coefficients.columns.isin(list(assets)))
        effects = c @ self.coefficients.to_numpy()[:, at]
        v = _quadratic_forms(c, self.unscaled)
        sigma = self.sigma[np.ix_(at, at)]
        if self.covariance == "ols":
            errors = np.sqrt(np.outer(v, np.diag(sigma)))
            error = np.sqrt(v * sigma.sum()) / len(at)
        else:
            outcomes = self._outcomes[:, at]
            errors = np.column_stack([self._robust_errors(y, c) for y in outcomes.T])
            error = self._robust_errors(outcomes.mean(axis=1), c)
        statistic, degrees, note = joint_f(effects, sigma * self.degrees, v, self.degrees)
        return SystemTests(
            labels=labels,
            group=self.group,
            assets=[str(ticker) for ticker in self.coefficients.columns[at]],
            effects=effects,
            std_errors=errors,
            average=effects.mean(axis=1),
            std_error=error,
            degrees=self.degrees,
            f_statistic=statistic,
            f_degrees=degrees,
            note=note,
        )

    @cached_property
    @one_thread()
    def _outcomes(self) -> Floats:
        fitted = self.design.to_numpy() @ self.coefficients.to_numpy()
        outcomes: Floats = self.residuals.to_numpy() + fitted
        return outcomes

    def _robust_errors(self, outcome: Floats, c: Floats) -> Floats:
        """Robust standard errors of the contrasts of one outcome, shape (K,)."""
        from statsmodels.regression.linear_model import OLS

        lags = int(4 * (len(outcome) / 100) ** (2 / 9))
        choice = {"cov_kwds": {"maxlags": lags}} if self.covariance == "HAC" else {}
        fitted = OLS(outcome, self.design.to_numpy()).fit(
            cov_type=self.covariance, use_t=True, **choice
        )
        return np.sqrt(_quadratic_forms(c, fitted.cov_params()))


def _quadratic_forms(c: Floats, matrix: Floats) -> Floats:
    """Form c'Mc of each row of `c`, of shape (K, k)."""
    forms: Floats = (c @ matrix * c).sum(axis=1)
    return forms


@dataclass(frozen=True, eq=False)
class SystemResults(Sequence[GroupSystem]):
    """The fitted systems of all groups.

    Attributes
    ----------
    window : tuple of int
    dummies : {"session", "window"}
    covariance : {"ols", "HC1", "HAC"}
    systems : tuple of GroupSystem
        Sorted by group; a group without a complete asset or cluster has none.
    left : DataFrame
        ``group, event_id, ticker, reason`` of the clusters (ticker blank) and assets (event_id
        blank) that are not in the systems.
    labels : mapping of group to str
        What `summary` calls the groups; one without an entry keeps its name.
    """

    window: Window
    dummies: Dummies
    covariance: Covariance
    systems: tuple[GroupSystem, ...]
    left: pd.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __getitem__(self, key: int | slice | str) -> GroupSystem:  # type: ignore[override]
        """Return the system of a group, by name or position."""
        if not isinstance(key, str):
            return self.systems[key]  # type: ignore[return-value]
        for system in self.systems:
            if system.group == key:
                return system
        known = ", ".join(system.group for system in self.systems) or "none"
        raise KeyError(f'there is no system of group "{key}"; there are: {known}')

    def __len__(self) -> int:
        return len(self.systems)

    def __iter__(self) -> Iterator[GroupSystem]:
        return iter(self.systems)

    def tidy(self) -> pd.DataFrame:
        """Return one row per group and cluster.

        Returns
        -------
        DataFrame
            ``group, window, dummies, event_session, event_id, members, n_assets, n_left, n_rows,
            n_parameters, average, std_error, degrees, lower, upper, t_stat, p_value, f_statistic,
            f_df1, f_df2, f_p_value, note``; average is the mean CAR in the return kind of the
            input, lower and upper its 95 % interval.
        """
        assets_left = self.left.loc[self.left["ticker"] != "", "group"].value_counts()
        frames = []
        if self.systems:
            tests = [tests for system in self.systems for tests in system.cars]
            tested = pd.concat(
                [each.frame() for each in tests], keys=[each.group for each in tests]
            )
            clusters = pd.concat({system.group: system.clusters for system in self.systems})
            table = clusters.droplevel(1).rename_axis("group").reset_index()
            table = table.join(tested, on=["group", "event_id"])
            sizes = {
                system.group: (int(assets_left.get(system.group, 0)), *system.design.shape)
                for system in self.systems
            }
            table[["n_left", "n_rows", "n_parameters"]] = [sizes[name] for name in table["group"]]
            window = window_label(self.window)
            frames.append(table.assign(window=window, dummies=self.dummies))
        columns = ["group", "window", "dummies", "event_session", "event_id", "members"]
        columns += ["n_assets", "n_left", "n_rows", "n_parameters"]
        return tested_frame(frames, columns)

    def effects(self) -> pd.DataFrame:
        """Return the CAR of every asset at every cluster.

        Returns
        -------
        DataFrame
            ``group, event_id, ticker, car, std_error, t_stat, p_value``.
        """
        parts = []
        for system in self.systems:
            of_system = pd.concat([tests.of_assets() for tests in system.cars])
            clusters = system.clusters[["event_id"]]
            parts.append(clusters.merge(of_system, on="event_id").assign(group=system.group))
        columns = ["group", "event_id", "ticker", "car", "std_error", "t_stat", "p_value"]
        if not parts:
            return pd.DataFrame(columns=columns)
        return pd.concat(parts, ignore_index=True)[columns]

    def summary(self, groups: Collection[str] | None = None) -> ReportTable:
        """Format the clusters' CARs and joint tests as a report table.

        Parameters
        ----------
        groups : collection of str, optional
            Default: all.
        """
        if groups is not None:
            chosen = tuple(system for system in self.systems if system.group in groups)
            left = self.left[self.left["group"].isin(groups)]
            return replace(self, systems=chosen, left=left).summary()
        table = self.tidy()
        frame = pd.DataFrame(
            {
                "Session": pd.to_datetime(table["event_session"]).dt.strftime("%Y-%m-%d"),
                "Events": table["members"].str.replace(";", ", "),
                "Group": table["group"].map(self._label),
                **tested_cells(table),
            }
        )
        return ReportTable(frame, self._note())

    def _label(self, group: str) -> str:
        return self.labels.get(group, group)

    def _note(self) -> str:
        if not self.systems:
            return "No group has a complete asset at an announcement."
        sizes = "; ".join(
            f"{self._label(s.group)}: n = {len(s.design)}, k = {s.design.shape[1]}"
            for s in self.systems
        )
        kind = (
            "one dummy per session, CAR their sum"
            if self.dummies == "session"
            else "one dummy per cluster, the same effect on each session of the window assumed"
        )
        variance = {
            "ols": "OLS prediction errors with SUR covariance",
            "HC1": "HC1",
            "HAC": "HAC (Bartlett)",
        }[self.covariance]
        left = self.left[self.left["ticker"] != ""]
        listed = ", ".join(left["ticker"].unique())
        return (
            f"Event-dummy system over {window_label(self.window)}: {kind}. Average CAR over the "
            "assets in percent, in the return kind of the study; in brackets its standard error: "
            f"{variance}, t(n - k). F: every asset's CAR is zero, under normal errors. *** p < "
            ".01, ** p < .05, * p < .10, not adjusted for the number of rows. Rows and regressors: "
            f"{sizes}." + (f" Left out for a missing session: {listed}." if listed else "")
        )


TEST_COLUMNS = (
    "average",
    "std_error",
    "degrees",
    "lower",
    "upper",
    "t_stat",
    "p_value",
    "f_statistic",
    "f_df1",
    "f_df2",
    "f_p_value",
    "note",
)


def tested_frame(frames: list[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Make one frame of `SystemTests.frame` and the columns before it."""
    columns = [*columns, *TEST_COLUMNS]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    whole = ["degrees", "f_df1", "f_df2"]
    return frame[columns].astype(dict.fromkeys(whole, "Int64"))


def tested_cells(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Cells of the tests in rows of `SystemResults.tidy` or of `undoing`."""
    return {
        "N": table["n_assets"].astype(str),
        "CAR, %": in_percent(table["average"], "+.2f") + table["p_value"].map(stars),
        "(s.e.)": "(" + in_percent(table["std_error"], ".2f") + ")",
        "p": table["p_value"].map(p_text),
        "F": formatted(table["f_statistic"], ".2f") + table["f_p_value"].map(stars),
        "p (F)": table["f_p_value"].map(p_text),
    }
