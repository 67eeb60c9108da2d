r"""The cross-section of CARs over events and assets, regressed on stance and exposure.

One row per asset i and distinct event session k,

.. math:: CAR_{ik} = a_i + b\, stance_k + e_{ik}, \qquad
          CAR_{ik} = a_i + d_k + c\, stance_k x_i + e_{ik},

with one exposure :math:`x_i` at a time. All assets of an event share its date, so the events are
few and everything is counted in them: the p-value that leads is the permutation of stances over
events, then the restricted wild cluster bootstrap; the two-way clustered error is description.

A study may name its own regressors: any number that differs between events takes the place of
stance, any that differs between assets that of exposure. One of assets alone,

.. math:: CAR_{ik} = d_k + c\, x_i + e_{ik},

is counted in assets: permuted over them, bootstrapped by them, and one of them at a time left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType
from scipy import linalg, sparse
from scipy.sparse import csgraph

from chainpolicy.checks.randomization import (
    ABSORBED,
    assignment_p_value,
    wild_bootstrap_p_value,
)
from chainpolicy.estimators.clusters import (
    asset_clusters,
    regressed_clusters,
    stances_of,
    weighted_stances,
)
from chainpolicy.eventstudy import EventStudy, EventStudyResults, MarketModel
from chainpolicy.eventstudy.panel import Floats, Ints
from chainpolicy.eventstudy.results import Window
from chainpolicy.eventstudy.threads import one_thread
from chainpolicy.study import Study
from chainpolicy.study.assets import BENCHMARK
from chainpolicy.study.calendars import ALWAYS_OPEN
from chainpolicy.study.events import STANCE_PREFIX, stance_columns
from chainpolicy.study.regressors import STANCE
from chainpolicy.study.remember import remembered
from chainpolicy.typeset.report_table import ReportTable, p_text, stars

DRAWS = 9_999
SEED = 20191024
# Fewer events than this of either sign and no randomization has anything to compare.
MINIMUM_EVENTS = 3
AGE = "years since evidence"
BETA = "beta to "


class AbsorbedError(ValueError):
    """The fixed effects explain a regressor completely: there is nothing left to estimate."""


@dataclass(frozen=True, eq=False)
class CrossSectionResults:
    """One regression of CARs on one regressor.

    Attributes
    ----------
    sample, regressor : str
    effects : tuple of str
        Fixed effects: "asset", "event".
    estimate : float
        b or c: the CAR, in its own unit, per unit of stance (times exposure).
    std_error : float
        Two-way clustered by asset and event; by event alone for one asset. Description only.
    n_obs, n_assets, n_events : int
    n_supportive, n_restrictive, n_neutral : int
        Events by the sign of their stance; of another regressor, those above, below and at its
        mean over events (over assets, where `unit` is "asset").
    p_permutation, p_bootstrap : float
        NaN with fewer than 3 events (assets) on either side, or on fewer sessions; the first also
        where nothing can change places.
    n_assignments, n_draws : int
        Assignments of the permutation, draws of the bootstrap; 0 where there is no p-value.
    lowest, highest : float
        Range of the estimate when one event (asset) at a time is left out.
    note : str
        Why there is no estimate or p-value, else empty.
    unit : {"event", "asset"}
        What the regressor is permuted over.
    """

    sample: str
    regressor: str
    effects: tuple[str, ...]
    estimate: float
    std_error: float
    n_obs: int
    n_assets: int
    n_events: int
    n_supportive: int
    n_restrictive: int
    n_neutral: int
    p_permutation: float
    n_assignments: int
    p_bootstrap: float
    n_draws: int
    lowest: float
    highest: float
    note: str = ""
    unit: str = "event"

    @property
    def null(self) -> str:
        """The null hypothesis in words."""
        return f"the CARs of {self.sample} have nothing to do with {self.regressor}"

    def tidy(self) -> pd.DataFrame:
        """Return the regression as one row."""
        row = vars(self) | {"effects": " + ".join(self.effects)}
        return pd.DataFrame([row])

    def summary(self) -> ReportTable:
        """Lay the regression out for reading."""
        return CrossSections((self,)).summary()


@dataclass(frozen=True)
class CrossSections(Sequence[CrossSectionResults]):
    """Several regressions, the columns of one table."""

    results: tuple[CrossSectionResults, ...]
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __getitem__(self, index: int | slice) -> CrossSectionResults:  # type: ignore[override]
        """Return the regression at a position."""
        return self.results[index]  # type: ignore[return-value]

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[CrossSectionResults]:
        return iter(self.results)

    def of(self, *samples: str) -> CrossSections:
        """Return the regressions of some samples."""
        return replace(self, results=tuple(r for r in self.results if r.sample in samples))

    def tidy(self) -> pd.DataFrame:
        """Return one row per regression, the columns of `CrossSectionResults`."""
        if not self.results:
            return pd.DataFrame(columns=list(CrossSectionResults.__dataclass_fields__))
        return pd.concat([result.tidy() for result in self.results], ignore_index=True)

    def summary(self) -> ReportTable:
        """Lay the regressions out side by side, as journals do."""
        lines = ["Sample", "Regressor", "Coefficient", "(s.e.)", "p, permutation", "Assignments"]
        lines += ["p, wild bootstrap", "One event left out", "Asset effects", "Event effects"]
        lines += ["Events + / − / 0", "Assets", "N"]
        frame = pd.DataFrame({"": lines})
        for number, result in enumerate(self.results, start=1):
            frame[f"({number})"] = _column(result, self.labels)
        notes = dict.fromkeys(
            f"({number}) {result.note}."
            for number, result in enumerate(self.results, start=1)
            if result.note
        )
        stances = [is_stance(result.regressor) for result in self.results]
        permuted = "stances" if all(stances) else "values"
        note = (
            "CAR in percent (return kind of the study) per unit of the regressor. *** p < .01, "
            f"** p < .05, * p < .10 by the permutation of {permuted} over events, which assumes "
            "that events are exchangeable and cannot be small where there are few assignments; "
            "wild bootstrap: restricted, clustered by event, Webb weights. Standard errors: two-way"
            " clustered by asset and event (one asset: by event), for description, far too small "
            "with so few events; blank where that variance is not positive. No p-value with fewer "
            f"than {MINIMUM_EVENTS} events of either sign, on as many sessions."
        )
        if not all(stances):
            note += (
                " Of a regressor that is no stance, the events (of one of assets alone, the assets)"
                " above, below and at its mean are counted."
            )
        if any(result.unit == "asset" for result in self.results):
            note += (
                " A regressor of assets alone is permuted over assets, which are then taken to be "
                "exchangeable, bootstrapped by asset, and one asset is left out."
            )
        return ReportTable(frame, " ".join([note, *notes]))


def _column(result: CrossSectionResults, labels: Mapping[str, str]) -> list[str]:
    def written(value: float, spec: str = "+.2f") -> str:
        return "" if np.isnan(value) else format(100 * value, spec)

    error, lowest = written(result.std_error, ".2f"), written(result.lowest)
    return [
        _sample_label(result.sample, labels),
        _regressor_label(result.regressor, labels),
        written(result.estimate) + stars(result.p_permutation),
        f"({error})" if error else "",
        p_text(result.p_permutation),
        f"{result.n_assignments:,}" if result.n_assignments else "",
        p_text(result.p_bootstrap),
        f"{lowest} to {written(result.highest)}" if lowest else "",
        "yes" if "asset" in result.effects else "no",
        "yes" if "event" in result.effects else "no",
        f"{result.n_supportive} / {result.n_restrictive} / {result.n_neutral}"
        + (" assets" if result.unit == "asset" else ""),
        str(result.n_assets),
        str(result.n_obs),
    ]


def _sample_label(sample: str, labels: Mapping[str, str]) -> str:
    """Name one group, or two that are compared; a user's own names stay as they are."""
    groups = sample.split(", ")
    named = [labels.get(group, group) for group in groups]
    return sample if named == groups else " and ".join(named)


def _regressor_label(regressor: str, labels: Mapping[str, str]) -> str:
    """Write "stance_trade x steel" as "stance on trade × Steel makers"."""
    stance, crossed, exposure = regressor.partition(" x ")
    words = stance.replace("_", " on ", 1).replace("_", " ") if is_stance(stance) else stance
    return f"{words} × {labels.get(exposure, exposure)}" if crossed else words


@dataclass(frozen=True, eq=False)
class CrossSection:
    """Regression of CARs on stance, or on stance times one exposure.

    Parameters
    ----------
    data : DataFrame
        ``event_id, ticker, car``, the stance (one value per event) and the exposure (one value
        per asset); a row with a blank among them is left out. With ``event_session``, events of one
        session have one fixed effect, are one cluster of the errors and of the bootstrap, and their
        stances are permuted together. Sessions that an event joins, to which one asset reacts
        sooner than another, are one cluster, and have each its own fixed effect; the event has one
        if no other event is on them.
    stance : str, optional
        Column of the stance, or of another number per event; None: the exposure alone.
    exposure : str, optional
        Column of the exposure; default: stance alone.
    effects : tuple of str, optional
        Fixed effects; default ("asset",) for stance alone, ("event",) for an exposure alone, else
        ("asset", "event").
    sample : str
        What the rows are, for the table.

    Raises
    ------
    ValueError
        If a stance differs within an event, an exposure within an asset, a pair stands twice,
        there is neither, or an effect is unknown.
    """

    data: pd.DataFrame
    stance: str | None = "stance"
    exposure: str | None = None
    effects: tuple[str, ...] | None = None
    sample: str = "all"

    def __post_init__(self) -> None:
        effects = self._effects
        if unknown := sorted(set(effects) - {"asset", "event"}):
            raise ValueError(f'fixed effects are "asset" and "event", not {", ".join(unknown)}')
        if self.data.duplicated(["event_id", "ticker"]).any():
            raise ValueError("an event and asset stand in two rows; keep one")
        if self.stance is None and self.exposure is None:
            raise ValueError("name a stance, an exposure, or both")
        for column, within in ((self.stance, "event_id"), (self.exposure, "ticker")):
            if column is None:
                continue
            differing = self.data.groupby(within)[column].nunique()
            if (differing > 1).any():
                raise ValueError(
                    f"{column} differs within {within} {differing.index[differing > 1][0]}"
                )

    @property
    def _effects(self) -> tuple[str, ...]:
        if self.effects is not None:
            return self.effects
        if self.stance is None:
            return ("event",)
        return ("asset",) if self.exposure is None else ("asset", "event")

    @property
    def unit(self) -> str:
        """What the regressor is permuted over: "event", or "asset" for an exposure alone."""
        return "asset" if self.stance is None else "event"

    @property
    def regressor(self) -> str:
        """The regressor in words."""
        return " x ".join(name for name in (self.stance, self.exposure) if name is not None)

    def sides(self, rows: pd.DataFrame) -> tuple[int, int, int]:
        """Count the events with a positive, a negative and no stance.

        What is no stance (`is_stance`) is counted by its deviation from its mean: events, or assets
        for an exposure alone.
        """
        values = self._varying(rows)
        if not is_stance(self.stance) and len(values):
            values = values - values.mean()
            values[np.abs(values) <= 1e-9 * np.abs(values).max(initial=0.0)] = 0.0
        sign = np.sign(values)
        return int((sign == 1).sum()), int((sign == -1).sum()), int((sign == 0).sum())

    def _varying(self, rows: pd.DataFrame) -> Floats:
        """Values of what is permuted, one for each event or asset, in their order."""
        key, column = ("ticker", "exposure") if self.unit == "asset" else ("event_id", "stance")
        return rows.groupby(key)[column].first().sort_index().to_numpy(np.float64)

    def _least_sessions(self, rows: pd.DataFrame) -> int:
        """Count the sessions, or assets, of the side that has the fewer."""
        if self.unit == "asset":
            return min(self.sides(rows)[:2])
        values = rows.groupby("event_id").agg({"stance": "first", "joined": "first"})
        centre = 0.0 if is_stance(self.stance) else values["stance"].mean()
        away = values["stance"] - centre
        away = away.mask(away.abs() <= 1e-9 * away.abs().max(), 0.0)
        sides = [values.loc[side, "joined"].nunique() for side in (away > 0, away < 0)]
        return min(sides)

    @one_thread()
    def fit(self, *, draws: int = DRAWS, seed: int = SEED) -> CrossSectionResults:
        """Estimate, and randomize over events (over assets, for an exposure alone).

        Parameters
        ----------
        draws : int
            Of the wild bootstrap, and of the permutation where there are too many assignments to
            look at all.
        seed : int

        Raises
        ------
        AbsorbedError
            If the fixed effects absorb the regressor.
        """
        rows = self._rows()
        if rows.empty:
            raise AbsorbedError(f"no row has a CAR and a value of {self.regressor}")
        asset = pd.factorize(rows["ticker"], sort=self.unit == "asset")[0].astype(np.int64)
        announced, names = pd.factorize(rows["event_id"], sort=True)
        n_events = len(names)
        session = pd.factorize(rows["joined"], sort=True)[0].astype(np.int64)
        session_of = np.zeros(n_events, dtype=np.int64)
        session_of[announced] = session
        # Where each event has its own session, events keep their order.
        apart = len(np.unique(session_of)) == n_events
        event = announced.astype(np.int64) if apart else session
        effect = event
        if not apart:
            # What moves all assets on a session must not tell the events of two sessions apart.
            own = pd.factorize(rows["event_session"])[0]
            own[np.bincount(session_of)[session] == 1] = 0
            effect = np.unique(np.column_stack([session, own]), axis=0, return_inverse=True)[1]
        by_asset = self.unit == "asset"
        unit = asset if by_asset else announced.astype(np.int64)
        n_units = int(unit.max()) + 1
        cluster = asset if by_asset else event
        # What an assignment multiplies in each row.
        fixed = rows["stance" if by_asset else "exposure"].to_numpy()
        car = rows["car"].to_numpy()
        raw = rows["exposure"].to_numpy() * rows["stance"].to_numpy()
        basis = self._basis(asset, effect)
        outcome, regressor = _residual(car, basis), _residual(raw, basis)
        estimate = _slope(outcome, regressor, raw)
        if np.isnan(estimate):
            raise AbsorbedError(self._why_absorbed(rows))
        signs = self.sides(rows)
        p_values = (np.nan, 0, np.nan, 0)
        note = ""
        if self._least_sessions(rows) >= MINIMUM_EVENTS:
            rng = np.random.default_rng(seed)
            q = np.zeros((len(rows), n_units))
            q[np.arange(len(rows)), unit] = fixed
            permuted, count = assignment_p_value(
                outcome,
                _residual(q, basis),
                self._varying(rows),
                draws=draws,
                rng=rng,
                session=None if by_asset or apart else session_of,
            )
            booted = wild_bootstrap_p_value(
                regressor, outcome, basis, cluster, draws=draws, rng=rng
            )
            p_values = (permuted, count, booted, draws)
            if np.isnan(permuted):
                note = "no permutation: no session has as many events as another, of other values"
        else:
            found = f"{signs[0]} above and {signs[1]} below the mean over {self.unit}s"
            if is_stance(self.stance):
                found = f"{signs[0]} supportive and {signs[1]} restrictive events"
            needed = f"{MINIMUM_EVENTS} of either {'sign' if is_stance(self.stance) else 'kind'}"
            if min(signs[:2]) >= MINIMUM_EVENTS:
                found += f" on no more than {self._least_sessions(rows)} sessions of one side"
                needed = f"{MINIMUM_EVENTS} sessions of either"
            note = f"no p-value: {found}, {needed} are needed"
        left_out = _slopes_without_each(outcome, regressor, raw, basis, cluster)
        defined = left_out[~np.isnan(left_out)].tolist()
        return CrossSectionResults(
            sample=self.sample,
            regressor=self.regressor,
            effects=self._effects,
            estimate=estimate,
            std_error=clustered_error(outcome, regressor, asset, event),
            n_obs=len(rows),
            n_assets=rows["ticker"].nunique(),
            n_events=n_events,
            n_supportive=signs[0],
            n_restrictive=signs[1],
            n_neutral=signs[2],
            p_permutation=p_values[0],
            n_assignments=p_values[1],
            p_bootstrap=p_values[2],
            n_draws=p_values[3],
            lowest=min(defined, default=np.nan),
            highest=max(defined, default=np.nan),
            note=note,
            unit=self.unit,
        )

    def _rows(self) -> pd.DataFrame:
        rows = self._every_row().dropna().reset_index(drop=True)
        return rows.assign(joined=_first_of_joined(rows))

    def _every_row(self) -> pd.DataFrame:
        stance, exposure = (
            1.0 if name is None else self.data[name].astype(np.float64)
            for name in (self.stance, self.exposure)
        )
        rows = self.data[["event_id", "ticker", "car"]].assign(stance=stance, exposure=exposure)
        session = self.data["event_session" if "event_session" in self.data else "event_id"]
        return rows.assign(event_session=session)

    def _why_absorbed(self, rows: pd.DataFrame) -> str:
        if self.stance is None:
            if "asset" in self._effects:
                return (
                    f"{self.exposure} is the same at all events of an asset, so the asset effects "
                    f"absorb it: leave them out, or multiply it by what differs between events"
                )
            return (
                f"{self.exposure} does not differ between the assets of an event, so the event "
                "effects absorb it: nothing is left to compare"
            )
        if self.exposure is None and "event" in self._effects:
            return (
                f"{self.stance} is the same for all assets of an event, so the event effects "
                f"absorb it: leave them out, or multiply {self.stance} by an exposure"
            )
        if (rows["stance"] == rows["stance"].iloc[0]).all():
            return (
                f"{self.stance} is {rows['stance'].iloc[0]:g} at every event, so the fixed effects "
                "absorb it: nothing is left to compare"
            )
        absorbed = f"{self.regressor} is absorbed by the {' and '.join(self._effects)} effects: "
        if self.exposure is not None and rows.groupby("event_id")["exposure"].nunique().max() == 1:
            return f"{absorbed}{self.exposure} does not differ between the assets of an event"
        return f"{absorbed}{self.stance} does not differ between the events of an asset"

    def _basis(self, asset: Ints, event: Ints) -> Floats:
        """Orthonormal columns that span the fixed effects, shape (n, r)."""
        codes = {"asset": asset, "event": event}
        # Dummies of one kind are orthogonal: only those of the kind with fewer need a projection.
        kinds = sorted((codes[name] for name in self._effects), key=lambda of: -of.max(initial=0))
        if not kinds:
            return np.full((len(asset), 1), 1 / np.sqrt(len(asset)))
        basis, *others = (_dummies(of) for of in kinds)
        for dummies in others:
            q, r, _ = linalg.qr(_residual(dummies, basis), mode="economic", pivoting=True)
            basis = np.hstack([basis, q[:, np.abs(np.diag(r)) > 1e-10]])
        return basis


def _dummies(codes: Ints) -> Floats:
    """Dummies of length one of every code that a row has, shape (n, codes)."""
    _, code, count = np.unique(codes, return_inverse=True, return_counts=True)
    dummies: Floats = np.eye(len(count))[code] / np.sqrt(count)
    return dummies


def is_stance(column: str | None) -> bool:
    """Say whether a regressor is counted by its sign: a stance, or a product with one."""
    names = () if column is None else column.split(" * ")
    return any(name == STANCE or name.startswith(STANCE_PREFIX) for name in names)


def clustered_error(outcome: Floats, regressor: Floats, asset: Ints, event: Ints) -> float:
    """Cluster the standard error by asset and event, without small-sample factors.

    Parameters
    ----------
    outcome, regressor : ndarray, shape (n,)
        Less the fixed effects.
    asset, event : ndarray of int, shape (n,)

    Returns
    -------
    float
        Clustered by event alone for one asset; NaN where the two-way variance is not positive.
    """
    from statsmodels.regression.linear_model import OLS

    groups = event if asset.max() == 0 else np.column_stack([asset, event])
    fitted = OLS(outcome, regressor).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    variance = float(fitted.cov_params()[0, 0])
    # Rounding is no variance: the residuals of a saturated fit are zero.
    return float(np.sqrt(variance)) if variance > 1e-20 else np.nan


def _first_of_joined(rows: pd.DataFrame) -> pd.Series:
    """Name sessions by the earliest of those that events join: one event is one shock."""
    each = rows[["event_id", "event_session"]].drop_duplicates()
    if each["event_id"].is_unique:
        return rows["event_session"]
    event = pd.factorize(each["event_id"])[0]
    at, days = pd.factorize(each["event_session"], sort=True)
    size = len(days) + int(event.max()) + 1
    edges = sparse.coo_array((np.ones(len(at)), (at, len(days) + event)), shape=(size, size))
    joined = csgraph.connected_components(edges, directed=False)[1][: len(days)]
    earliest = pd.Series(np.arange(len(days))).groupby(joined).transform("min").to_numpy()
    code = pd.factorize(rows["event_session"], sort=True)[0]
    return pd.Series(days[earliest[code]], rows.index)


def _residual(values: Floats, basis: Floats) -> Floats:
    """Project the fixed effects out of the columns of `values`."""
    residual: Floats = values - basis @ (basis.T @ values)
    return residual


def _slope(outcome: Floats, regressor: Floats, raw: Floats) -> float:
    """Slope on a regressor less the fixed effects; NaN if they absorb it."""
    size = float(regressor @ regressor)
    if size <= ABSORBED * float(raw @ raw):
        return np.nan
    return float(regressor @ outcome) / size


def _slopes_without_each(
    outcome: Floats, regressor: Floats, raw: Floats, basis: Floats, cluster: Ints
) -> Floats:
    """Slopes without the rows of one cluster at a time; NaN if the fixed effects absorb them.

    To leave rows out is to give each a dummy of its own. Of the residuals on the fixed effects
    these take away what their rows J have: with M the projection off the effects, of x'y it is
    :math:`x_J' M_{JJ}^+ y_J`.
    """
    slopes = np.full(int(cluster.max()) + 1, np.nan)
    for number in range(len(slopes)):
        out = cluster == number
        held = basis[out]
        own = np.eye(len(held)) - held @ held.T
        # A row that alone has a fixed effect has nothing left. One vector takes no pseudoinverse.
        taken = linalg.lstsq(own, regressor[out], cond=1e-10, lapack_driver="gelsy")[0]
        size = regressor @ regressor - taken @ regressor[out]
        # Of all rows: what is left may be zero throughout, and its size then rounding alone.
        if size > ABSORBED * (raw @ raw):
            slopes[number] = (regressor @ outcome - taken @ outcome[out]) / size
    return slopes


def cross_section_data(
    study: Study, results: EventStudyResults, window: Window = (0, 1)
) -> pd.DataFrame:
    """Lay out the CARs of all assets at the policy clusters of their calendar.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
        Of this study.
    window : tuple of int
        Both ends inclusive; longer ones overlap across clusters.

    Returns
    -------
    DataFrame
        ``event_id`` (of the cluster), ``ticker, group, calendar, car, stance`` and the columns of
        the stances (of the cluster, see `asset_clusters`) and the exposures, NaN where an asset
        has none: ``beta to <ticker>`` and ``years since evidence``, see `exposures`.
    """
    data = _clustered_cars(study, results, window)
    data = data.drop(columns="members").join(stances_of(data["members"], study.events))
    return data.merge(exposures(study), left_on="ticker", right_index=True)


def _clustered_cars(study: Study, results: EventStudyResults, window: Window) -> pd.DataFrame:
    """Lay out one CAR per asset and session.

    ``event_id, event_session, ticker, car, group, calendar, members``.

    The cluster, ``event_id``, is that of `asset_clusters`.
    """
    car = results.car(window)[["event_id", "ticker", "car"]].rename(columns={"event_id": "first"})
    car = car.assign(group=car["ticker"].map(study.groups))
    merged = asset_clusters(study.alignment, study.groups)
    columns = ["ticker", "calendar", "event_session", "first", "event_id", "members"]
    data = car.merge(merged[columns], on=["ticker", "first"])
    return data[["event_id", "event_session", "ticker", "car", "group", "calendar", "members"]]


def exposures(study: Study) -> pd.DataFrame:
    """Measure what could make one asset respond more than another, before the first event.

    Returns
    -------
    DataFrame
        By ticker. ``beta to <ticker>``: slope of the asset's return on that of the reference
        coin, both over the sessions of the asset's calendar (the coin's return spans the days
        between them, its day ending at midnight UTC, after the asset's close), in the
        estimation window of the asset's first event; the reference is the first 24/7 asset that
        is a group of its own, else the first 24/7 asset, and has beta 1. ``years since
        evidence``: from the date that begins `evidence` of assets.csv to the first policy
        session; of a date without day or month the middle is taken.
    """
    table = pd.DataFrame(index=study.groups.index)
    reference = _reference_coin(study)
    if reference is not None:
        table[BETA + reference] = _betas(study, reference)
    first = regressed_clusters(study.alignment)["event_session"].min()
    evidence = study.assets.set_index("ticker")["evidence"].reindex(table.index)
    year = pd.Timedelta(days=365.25)
    table[AGE] = [(first - _evidence_date(text)) / year for text in evidence.fillna("")]
    return table


def _reference_coin(study: Study) -> str | None:
    coins = study.assets[
        (study.assets["calendar"] == ALWAYS_OPEN) & (study.assets["group"] != BENCHMARK)
    ]
    if coins.empty:
        return None
    alone = coins[coins["group"].map(study.groups.value_counts()) == 1]
    return str((coins if alone.empty else alone)["ticker"].iloc[0])


@remembered
def _betas(study: Study, reference: str) -> pd.Series:
    assets = study.assets.copy()
    of_reference = assets["ticker"] == reference
    assets["benchmark"] = [
        () if alone or group == BENCHMARK else (reference,)
        for alone, group in zip(of_reference, assets["group"], strict=True)
    ]
    returns = study.compute_returns(assets=assets)
    own = returns["ticker"] != reference
    alignment = study.alignment[study.alignment["ticker"] != reference]
    if not own.any():
        return pd.Series({reference: 1.0})
    fitted = EventStudy(
        returns[own],
        alignment,
        groups=study.groups,
        benchmarks=dict.fromkeys(study.groups.index.drop(reference), (reference,)),
        model=MarketModel(),
        estimation=study.estimation,
        event_window=study.event_window,
    ).fit()
    sessions = fitted.pairs[["event_id", "ticker", "event_session"]]
    slopes = fitted.coefficients.query("term != 'alpha'").merge(sessions, on=["event_id", "ticker"])
    first = slopes.sort_values("event_session", kind="stable").drop_duplicates("ticker")
    slope: pd.Series = first.set_index("ticker")["estimate"]
    slope.loc[reference] = 1.0
    return slope


def _evidence_date(text: str) -> pd.Timestamp | NaTType:
    """Read the date that begins a text; of a year or month alone, its middle."""
    stamp = text.split(" ", 1)[0]
    if not stamp[:4].isdigit() or len(stamp) not in (4, 7, 10):
        return pd.NaT
    begin = pd.to_datetime(stamp, errors="coerce")
    if pd.isna(begin):
        return pd.NaT
    length = {4: pd.DateOffset(years=1), 7: pd.DateOffset(months=1), 10: pd.DateOffset(days=0)}
    return begin + (begin + length[len(stamp)] - begin) / 2


def cross_sections(study: Study, window: Window = (0, 1)) -> CrossSections:
    """Run the cross-section of every group, and between the groups of a calendar.

    Per group: stance with asset effects (all stances together, then each of several alone), and
    stance times every exposure with both effects. Per calendar with several groups: stance times
    membership of each further group, with both effects; the tiers of a list are such groups. A
    regression without anything to compare keeps its place, with the reason. Where events.csv has
    no stance, the exposures and the membership stand alone, with event effects.

    A study that names its own regressors has these instead: each for every group, and for all
    groups of a calendar together. What differs between assets alone has event effects.

    Parameters
    ----------
    study : Study
    window : tuple of int
    """
    if study.regressors:
        return _own_cross_sections(study, window)
    data = cross_section_data(study, study.results, window)
    coded = stance_columns(study.events)
    stance = STANCE if coded else None
    alone = (STANCE, *coded) if len(coded) > 1 else coded
    measured = [
        name
        for name in data.columns
        if (name == AGE or name.startswith(BETA)) and data[name].notna().any()
    ]
    groups = list(dict.fromkeys(study.groups))
    found = []
    for group in groups:
        rows = data[data["group"] == group]
        if rows.empty:
            continue
        found += [_fit_or_say(CrossSection(rows, name, sample=group)) for name in alone]
        if len(rows.drop_duplicates("ticker")) > 1:
            found += [
                _fit_or_say(CrossSection(rows, stance, exposure=str(name), sample=group))
                for name in measured
            ]
    for _, rows in data.groupby("calendar"):
        found += _between_groups(rows, groups, stance)
    return CrossSections(tuple(found), study.labels)


def _between_groups(
    rows: pd.DataFrame, groups: list[str], stance: str | None
) -> list[CrossSectionResults]:
    """Compare each further group of a calendar with its first."""
    first, *others = [group for group in groups if (rows["group"] == group).any()]
    found = []
    for group in others:
        pair = rows[rows["group"].isin([first, group])]
        pair = pair.assign(**{group: (pair["group"] == group).astype(np.float64)})
        found.append(
            _fit_or_say(CrossSection(pair, stance, exposure=group, sample=f"{first}, {group}"))
        )
    return found


def covariate_data(
    study: Study, results: EventStudyResults, window: Window = (0, 1)
) -> pd.DataFrame:
    """Lay out the CARs of all assets at the policy clusters with the study's own regressors.

    Returns
    -------
    DataFrame
        ``event_id`` (of the cluster), ``ticker, group, calendar, members, car`` and for each
        regressor its two parts under the names of their columns, joined by ``*``. Where several
        events hit an asset on one session, a stance is the sign of their sum and any other number
        their mean, blank if one of them is; products are formed afterwards.
    """
    data = _clustered_cars(study, results, window)
    events = study.events.set_index("event_id")
    if STANCE not in events:
        events[STANCE] = events[stance_columns(events)].sum(axis=1)
    assets = study.assets.set_index("ticker")
    members = data["members"].str.split(";").explode()
    columns = dict.fromkeys(name for it in study.regressors for name in it.event)
    weighted = weighted_stances(study.events)
    for name in columns:
        values = (
            (weighted if name in weighted else events)[name]
            .astype(np.float64)
            .reindex(members)
            .set_axis(members.index)
        )
        by_cluster = values.groupby(level=0)
        data[name] = (
            np.sign(by_cluster.sum())
            if is_stance(name)
            else by_cluster.agg(lambda found: found.mean(skipna=False))
        )
    parts: dict[str, pd.Series] = {}
    for regressor in study.regressors:
        if regressor.event:
            parts[_joined(regressor.event)] = data[list(regressor.event)].prod(axis=1, skipna=False)
        if regressor.asset:
            of_asset = assets[list(regressor.asset)].astype(np.float64).prod(axis=1, skipna=False)
            parts[_joined(regressor.asset)] = data["ticker"].map(of_asset)
    return data.drop(columns=list(columns)).assign(**parts)


def _joined(columns: tuple[str, ...]) -> str:
    return " * ".join(columns)


def _own_cross_sections(study: Study, window: Window) -> CrossSections:
    data = covariate_data(study, study.results, window)
    samples = [(str(group), data[data["group"] == group]) for group in study.groups.unique()]
    for calendar, rows in data.groupby("calendar"):
        if len(rows.drop_duplicates("group")) > 1:
            # A session is one event to those whom the same announcements reach.
            together = rows.assign(event_id=rows["members"])
            samples.append((f"all on {calendar}", together))
    found = [
        _fit_or_say(
            CrossSection(
                rows,
                _joined(regressor.event) or None,
                exposure=_joined(regressor.asset) or None,
                sample=sample,
            )
        )
        for regressor in study.regressors
        for sample, rows in samples
        if len(rows) and (not regressor.asset or len(rows.drop_duplicates("ticker")) > 1)
    ]
    return CrossSections(tuple(found), study.labels)


def _fit_or_say(regression: CrossSection) -> CrossSectionResults:
    try:
        return regression.fit()
    except AbsorbedError as error:
        rows = regression.data
        signs = regression.sides(regression._every_row())
        return CrossSectionResults(
            sample=regression.sample,
            regressor=regression.regressor,
            effects=regression._effects,
            estimate=np.nan,
            std_error=np.nan,
            n_obs=len(rows),
            n_assets=rows["ticker"].nunique(),
            n_events=rows["event_id"].nunique(),
            n_supportive=signs[0],
            n_restrictive=signs[1],
            n_neutral=signs[2],
            p_permutation=np.nan,
            n_assignments=0,
            p_bootstrap=np.nan,
            n_draws=0,
            lowest=np.nan,
            highest=np.nan,
            note=str(error),
            unit=regression.unit,
        )
