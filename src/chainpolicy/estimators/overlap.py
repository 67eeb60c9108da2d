"""Overlapping windows, and what becomes of each cluster's CAR when they are taken apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from chainpolicy.estimators.clusters import policy_clusters
from chainpolicy.estimators.system import fitted_system
from chainpolicy.eventstudy import (
    MODELS,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    window_label,
)
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study
from chainpolicy.study.parts import in_parts
from chainpolicy.study.remember import remembered
from chainpolicy.typeset.report_table import ReportTable, in_percent

VARIANTS = ("unmasked", "masked", "study", "joint")
ESTIMATED = ("caar", "std_error", "degrees")
COLUMNS = (
    "group",
    "calendar",
    "event_session",
    "event_id",
    "members",
    "window",
    "overlaps_with",
    "shared_sessions",
    "n_assets",
    *(f"{name}_{variant}" for variant in VARIANTS for name in ESTIMATED),
)


def overlapping_clusters(
    clusters: pd.DataFrame,
    sessions: dict[str, pd.DatetimeIndex],
    window: Window,
    hit: Sequence[set[str]] | None = None,
) -> pd.DataFrame:
    """Say which clusters' windows share sessions of an asset.

    Parameters
    ----------
    clusters : DataFrame
        ``group, event_session, event_id``.
    sessions : dict of group to DatetimeIndex
        Sessions of each group.
    window : tuple of int
        Both ends inclusive.
    hit : sequence of set of str, optional
        Assets of each cluster, in the order of `clusters`. Default: all of its group.

    Returns
    -------
    DataFrame
        The rows of `clusters` with ``overlaps_with`` (event_ids of the other clusters that hit
        an asset of this one and whose windows share a session with its own, joined by ``;``) and
        ``shared_sessions`` (how many sessions of the window another window covers too).
    """
    position = np.array(
        [
            sessions[group].searchsorted(session)
            for group, session in clusters[["group", "event_session"]].itertuples(index=False)
        ],
        dtype=np.int64,
    )
    group = clusters["group"].to_numpy()
    length = window[1] - window[0] + 1
    same = group[:, None] == group[None, :]
    distance = position[None, :] - position[:, None]
    near = same & (np.abs(distance) < length) & ~np.eye(len(clusters), dtype=bool)
    if hit is not None:
        for one, other in np.argwhere(near):
            near[one, other] = not hit[one].isdisjoint(hit[other])
    names = clusters["event_id"].to_numpy()
    covered = []
    for row, shifts in zip(near, distance, strict=True):
        taken: set[int] = set()
        for shift in shifts[row]:
            taken.update(range(max(0, shift), min(length, length + shift)))
        covered.append(len(taken))
    return clusters.assign(
        overlaps_with=pd.array([";".join(names[row]) for row in near], dtype="str"),
        shared_sessions=covered,
    )


@dataclass(frozen=True, eq=False)
class Overlap:
    """CAARs of every group and policy cluster, estimated in four ways on the same assets.

    Attributes
    ----------
    window : tuple of int
    table : DataFrame
        See `tidy`.
    labels : mapping of group to str
        What `summary` calls the groups; one without an entry keeps its name.
    """

    window: Window
    table: pd.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)

    def tidy(self) -> pd.DataFrame:
        """Return one row per group and cluster.

        Returns
        -------
        DataFrame
            ``group, calendar, event_session, event_id, members, window, overlaps_with,
            shared_sessions, n_assets`` (those of the joint system) and, for each variant v,
            ``caar_v, std_error_v, degrees_v`` (t distribution): ``unmasked`` and ``masked``
            estimate normal returns in each event's own window, without and with the sessions
            [0, 1] of all catalogued events taken out; ``study`` in the study's window; ``joint``
            has one dummy per window in one regression with the study's estimation sessions.
        """
        return self.table.copy()

    def summary(self, groups: Collection[str] | None = None) -> ReportTable:
        """Format the table as a report table.

        Parameters
        ----------
        groups : collection of str, optional
            Default: all.
        """
        table = self.table
        if groups is not None:
            table = table[table["group"].isin(groups)]
        frame = pd.DataFrame(
            {
                "Session": pd.to_datetime(table["event_session"]).dt.strftime("%Y-%m-%d"),
                "Event": table["event_id"],
                "Group": table["group"].map(lambda group: self.labels.get(group, group)),
                "N": table["n_assets"].astype(str),
                "Overlaps with": table["overlaps_with"].str.replace(";", ", "),
                "Shared sessions": table["shared_sessions"].astype(str),
            }
        )
        heads = {
            "unmasked": "Own window, %",
            "masked": "masked, %",
            "study": "Study, %",
            "joint": "Joint, %",
        }
        for variant, head in heads.items():
            error = in_percent(table[f"std_error_{variant}"], ".1f")
            frame[head] = in_percent(table[f"caar_{variant}"], "+.1f") + error.map(
                lambda text: f" ({text})" if text else ""
            )
        note = (
            f"CAAR over {window_label(self.window)} in percent, in the return kind of the study, "
            "with its standard error (portfolio: OLS prediction error), always over the assets of "
            "the joint system. Own window: normal returns from the estimation window before each "
            "event, whatever else happened in it; masked: without the sessions [0, 1] of every "
            "catalogued event; Study: the study's estimation window; Joint: one regression with a "
            "dummy per window, which assumes the same effect on each session of a window."
        )
        return ReportTable(frame, note)


@remembered
def overlap(study: Study, window: Window = (0, 1)) -> Overlap:
    """Compare each policy cluster's CAAR one by one and in the joint estimate.

    Parameters
    ----------
    study : Study
    window : tuple of int
        Both ends inclusive, inside the study's event window.
    """
    study = in_parts(study).study
    clusters = policy_clusters(study)
    joint = fitted_system(study, window, "window")
    kept = tuple(ticker for one in joint for ticker in one.gamma.columns)
    table = joint.tidy().rename(columns={"average": "caar"})
    table = table.rename(columns={name: f"{name}_joint" for name in ESTIMATED})
    hit = {event: set(of) for event, of in study.alignment.groupby("event_id")["ticker"]}
    group_of = study.groups.to_dict()
    assets = [
        {ticker for ticker in hit[event_id] if group_of[ticker] == group}
        for event_id, group in clusters[["event_id", "group"]].itertuples(index=False)
    ]
    shared = overlapping_clusters(clusters, _sessions(study), window, assets)
    shared = shared[["group", "calendar", "event_id", "overlaps_with", "shared_sessions"]]
    table = table.merge(shared, on=["group", "event_id"])
    for variant, caar in _one_by_one(study, kept, window).items():
        caar = caar.rename(columns={name: f"{name}_{variant}" for name in ESTIMATED})
        table = table.merge(caar, on=["event_id", "group"], how="left")
    table = table.reindex(columns=list(COLUMNS))
    table = table.sort_values(["group", "event_session"], ignore_index=True)
    return Overlap(window, table, study.labels)


@remembered
def _sessions(study: Study) -> dict[str, pd.DatetimeIndex]:
    """Sessions of each group on which one of its assets has a return."""
    return {
        str(group): pd.DatetimeIndex(np.sort(rows["session"].unique()))
        for group, rows in study.returns.groupby(study.returns["ticker"].map(study.groups))
    }


def _one_by_one(study: Study, tickers: tuple[str, ...], window: Window) -> dict[str, pd.DataFrame]:
    """CAARs of the events of some assets one by one, with three estimation windows."""
    own = replace(study.estimation, anchor="event", end=None)
    variants = {
        "unmasked": replace(own, mask=False),
        "masked": replace(own, mask=True),
        "study": study.estimation,
    }
    windows = study.car_windows if window in study.car_windows else (window,)
    fitted = {name: _caars(study, tickers, of, windows) for name, of in variants.items()}
    label = window_label(window)
    return {
        name: caars.loc[caars["window"] == label, ["event_id", "group", *ESTIMATED]]
        for name, caars in fitted.items()
    }


_NO_CAAR = pd.DataFrame(columns=["event_id", "group", "window", *ESTIMATED], dtype="str").astype(
    dict.fromkeys(ESTIMATED, np.float64)
)


@remembered
def _caars(
    study: Study,
    tickers: tuple[str, ...],
    estimation: EstimationWindow,
    windows: tuple[Window, ...],
) -> pd.DataFrame:
    """CAARs over several windows; the results themselves are large, and needed nowhere else."""
    results = _estimated(study, tickers, estimation) if tickers else None
    if results is None or results.pairs.empty:
        return _NO_CAAR
    return pd.concat([results.caar(window) for window in windows])


def _estimated(
    study: Study, tickers: tuple[str, ...], estimation: EstimationWindow
) -> EventStudyResults:
    if estimation == study.estimation and set(tickers) == set(study.groups.index):
        return study.results
    return EventStudy(
        study.returns[study.returns["ticker"].isin(tickers)],
        study.alignment[study.alignment["ticker"].isin(tickers)],
        groups=study.groups,
        benchmarks={t: names for t, names in study.benchmarks.items() if t in tickers},
        model=MODELS[study.model],
        estimation=estimation,
        event_window=study.event_window,
    ).fit()
