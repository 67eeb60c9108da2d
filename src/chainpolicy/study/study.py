"""A study folder -> `Study`: every choice of the study in one place."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd

from chainpolicy.eventstudy import (
    MODELS,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    NormalReturnModel,
    PooledEffects,
    window_label,
)
from chainpolicy.eventstudy.panel import Floats
from chainpolicy.eventstudy.results import Window
from chainpolicy.study.assets import BENCHMARK, read_assets
from chainpolicy.study.calendars import (
    CALENDARS,
    CALENDARS_FILE,
    Corrections,
    canonical,
    read_corrections,
)
from chainpolicy.study.confounders import CONFOUNDERS_FILE, read_confounders
from chainpolicy.study.donors import DONORS_FILE, Donors, read_donors
from chainpolicy.study.events import DATE_COLUMNS, check_affects, read_events
from chainpolicy.study.factors import Factors, read_factors
from chainpolicy.study.frames import in_frames, write_frames
from chainpolicy.study.output import staging
from chainpolicy.study.problems import InputError, Problem, did_you_mean, in_reading_order
from chainpolicy.study.regressors import Regressor, read_regressors, with_numbers
from chainpolicy.study.remember import Memory, remembered
from chainpolicy.study.returns import compute_returns
from chainpolicy.study.sessions import (
    align,
    announcement_time,
    effective_calendars,
    reach,
    sessions,
)
from chainpolicy.study.settings import KEYS, SETTINGS_FILE, Settings, read_settings
from chainpolicy.study.snapshot import read_hourly, read_prices

STUDIES = Path(__file__).parents[1] / "studies"
EMBEDDED_STUDIES = {
    "china-blockchain-2019": STUDIES / "china_blockchain_2019",
    "china-crypto-policy-2013-2021": STUDIES / "china_crypto_policy_2013_2021",
}
EMBEDDED = EMBEDDED_STUDIES["china-blockchain-2019"]
TEMPLATE = STUDIES / "template"

Returns = TypeVar("Returns", Floats, pd.Series)

_EVENTS = "events.csv"
_ASSETS = "assets.csv"


@dataclass(frozen=True, eq=False)
class Study:
    """Everything that a study folder says, validated.

    Attributes
    ----------
    name, title : str
        As in study.toml; `title` defaults to `name`.
    path : pathlib.Path
        The study folder.
    events : pandas.DataFrame
        See `events.read_events`.
    assets : pandas.DataFrame
        See `assets.read_assets`.
    confounders : pandas.DataFrame
        What else happened near an event, see `confounders.read_confounders`.
    corrections : tuple of Correction
        What the study sets right in its calendars, see `calendars.read_corrections`.
    factors : Factors or None
        What benchmarks without prices are, and the risk-free return.
    donors : Donors or None
        What counterfactuals are built from, see `donors.read_donors`; None without a
        donors.csv.
    files : tuple of pathlib.Path
        Everything that was read, wherever it lies.
    prices : pandas.DataFrame
        ``date, ticker, close`` between `start` and `end`.
    hourly : mapping of ticker to pandas.DataFrame
        ``time, close`` for each entry of ``[prices.hourly]``; empty if there is none.
    start, end : pandas.Timestamp
        First and last day of the study, both inclusive.
    returns : pandas.DataFrame
        See `returns.compute_returns`.
    alignment : pandas.DataFrame
        See `sessions.align`.
    groups : pandas.Series
        Group by ticker, without the benchmarks.
    benchmarks : dict of ticker to tuple of str
        Benchmarks of each estimated asset; empty tuple if it has none.
    model : str
        One of the names in `eventstudy.MODELS`.
    estimation : EstimationWindow
    event_window : tuple of int
        First and last session relative to the event session, both inclusive.
    car_windows : tuple of tuple of int
        Cumulation windows inside `event_window`, both ends inclusive.
    kind : {"log", "simple"}
        Kind of returns.
    gaps : {"drop", "span"}
        What becomes of the return after a gap.
    regressors : tuple of Regressor
        Of the cross-section; empty: those that every study has, see
        `estimators.cross_sections`. The columns of events and assets that they name are numbers.
    pool_by : str or None
        Column of events.csv that the study names, by whose values effects are pooled; see
        `pooled_by`.
    half_life : float
        Of the index of coded policy stance, in calendar days.
    checksum : str
        SHA-256 (hexadecimal) over the names and bytes of the study's files, wherever they lie.
    unused_tickers : tuple of str
        Tickers that have prices between `start` and `end` but no row in assets.csv.
    labels : dict of group to str
        What texts, tables and figures call a group; a group without an entry keeps its name.
    kept : Memory
        What was computed from the study, see `remember.remembered`.
    """

    name: str
    title: str
    path: Path
    events: pd.DataFrame = field(repr=False)
    assets: pd.DataFrame = field(repr=False)
    confounders: pd.DataFrame = field(repr=False)
    corrections: Corrections = field(repr=False)
    factors: Factors | None = field(repr=False)
    donors: Donors | None = field(repr=False)
    files: tuple[Path, ...] = field(repr=False)
    prices: pd.DataFrame = field(repr=False)
    hourly: Mapping[str, pd.DataFrame] = field(repr=False)
    start: pd.Timestamp
    end: pd.Timestamp
    returns: pd.DataFrame = field(repr=False)
    alignment: pd.DataFrame = field(repr=False)
    groups: pd.Series = field(repr=False)
    benchmarks: dict[str, tuple[str, ...]] = field(repr=False)
    model: str
    estimation: EstimationWindow
    event_window: Window
    car_windows: tuple[Window, ...]
    kind: Literal["log", "simple"]
    gaps: Literal["drop", "span"]
    regressors: tuple[Regressor, ...]
    pool_by: str | None
    half_life: float
    checksum: str
    unused_tickers: tuple[str, ...] = field(repr=False)
    labels: dict[str, str] = field(repr=False)
    kept: Memory = field(repr=False, init=False, default_factory=Memory)

    @classmethod
    def from_frames(
        cls,
        events: pd.DataFrame,
        assets: pd.DataFrame,
        prices: pd.DataFrame,
        *,
        factors: pd.DataFrame | None = None,
        calendars: pd.DataFrame | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Study:
        """Make a study of frames instead of a folder; they are read and checked like its files.

        Parameters
        ----------
        events, assets, prices : pandas.DataFrame
            With the columns of events.csv, assets.csv and prices.csv, see the README that
            `new_study` writes. Times may be timestamps with a time zone, several benchmarks a
            tuple, yes and no True and False.
        factors, calendars : pandas.DataFrame, optional
            With the columns of factors.csv and calendars.csv; factors need the setting
            ``factors.units``.
        settings : mapping, optional
            By dotted key of study.toml, such as ``{"estimation.window": (-250, -11)}``. Default:
            estimation [-130, -11], event window [-10, 20], CARs over [0, 0] and [0, 1].

        Returns
        -------
        Study
            Its path is blank and holds nothing.

        Raises
        ------
        InputError
            With everything that is wrong, by frame, row (counted from zero) and column.
        """
        frames = {"events": events, "assets": assets, "prices": prices}
        given = dict(settings or {})
        if factors is not None:
            frames["factors"] = factors
            given.setdefault("factors.file", "factors.csv")
        if calendars is not None:
            frames["calendars"] = calendars
        with TemporaryDirectory(prefix="chainpolicy-") as name:
            folder = Path(name)
            write_frames(folder, frames, given)
            try:
                study = load_study(folder)
            except InputError as error:
                raise InputError([in_frames(problem) for problem in error.problems]) from None
        return replace(study, path=Path(), files=())

    @property
    def results(self) -> EventStudyResults:
        """The event study that the folder describes, estimated once."""
        return self.estimate()

    @property
    @remembered
    def headline_event(self) -> str:
        """The event that leads: the in-sample policy event of the highest salience.

        Of several the one announced first; without a policy event the first of any role.

        Raises
        ------
        ValueError
            If no dated event is in the sample.
        """
        dated = self.alignment[self.alignment["in_sample"]].drop_duplicates("event_id")
        if dated.empty:
            raise ValueError("no dated event is in the sample, so that none leads")
        events = self.events[self.events["event_id"].isin(dated["event_id"])]
        policy = events[events["role"] == "policy"]
        if len(policy):
            events = policy[policy["salience"] == policy["salience"].max()]
        announced = {
            event_id: announcement_time("24/7", announced_at)
            for event_id, announced_at in zip(
                events["event_id"], events["announced_at"], strict=True
            )
        }
        first, _ = min(announced.items(), key=lambda item: (item[1], item[0]))
        return str(first)

    @property
    def pooled_by(self) -> str:
        """Column by which effects are pooled: `pool_by`, else the role of events."""
        return self.pool_by or "role"

    def require_estimable(self) -> None:
        """Refuse a study of which nothing can be estimated.

        Raises
        ------
        InputError
            With the number of pairs and the most frequent reason.
        """
        results = self.results
        if len(results.pairs):
            return
        reasons = results.excluded["reason"].value_counts()
        pairs = len(results.excluded)
        why = f"; {reasons.iloc[0]:,} of {pairs:,}: {reasons.index[0]}" if pairs else ""
        expected = f"an event and an asset that can be estimated; no pair of this study can be{why}"
        raise InputError([Problem(str(self.path), expected)])

    @property
    def calendars(self) -> dict[str, str]:
        """Calendar on which each group is measured, that of its first asset."""
        measured = effective_calendars(self.assets)
        firsts = self.groups.drop_duplicates()
        return dict(zip(firsts, measured[firsts.index], strict=True))

    def label(self, group: str) -> str:
        """Name a group as texts, tables and figures do."""
        return self.labels.get(group, group)

    def as_log(self, returns: Returns) -> Returns:
        """Turn returns of the study's kind into log returns."""
        return returns if self.kind == "log" else np.log1p(returns)

    def event_study(self, model: str | NormalReturnModel | None = None) -> EventStudy:
        """Set up the event study that the folder describes, without fitting it.

        Parameters
        ----------
        model : str or NormalReturnModel, optional
            A model, or its name, that replaces the study's own.

        Raises
        ------
        InputError
            If the model is unknown.
        """
        chosen = self.model if model is None else model
        if isinstance(chosen, str) and chosen not in MODELS:
            raise InputError([Problem("model", "one of " + ", ".join(MODELS), value=chosen)])
        # What the catalogue says of an event is what its effects can be pooled by.
        labels = self.events.drop(columns=self.alignment.columns.drop("event_id"), errors="ignore")
        return EventStudy(
            self.returns,
            self.alignment.merge(labels, on="event_id", how="left"),
            groups=self.groups,
            benchmarks=self.benchmarks,
            model=chosen,
            estimation=self.estimation,
            event_window=self.event_window,
        )

    def estimate(self, model: str | NormalReturnModel | None = None) -> EventStudyResults:
        """Fit the event study that the folder describes, once; see `event_study`."""
        return self._estimate(self.model if model is None else model)

    def placebo(
        self, window: Window = (0, 1), model: str | NormalReturnModel | None = None
    ) -> EventStudyResults:
        """Estimate every ordinary session as if it were an event; see `EventStudy.placebo`."""
        return self._placebo(window, self.model if model is None else model)

    def ordinary_caars(
        self, window: Window = (0, 1), model: str | NormalReturnModel | None = None
    ) -> pd.DataFrame:
        """Studentize every ordinary session; see `EventStudy.ordinary_caars`."""
        return self._ordinary_caars(window, self.model if model is None else model)

    def ordinary_p_values(
        self,
        window: Window = (0, 1),
        names: Collection[str] | None = None,
        model: str | NormalReturnModel | None = None,
    ) -> pd.DataFrame:
        """Test every ordinary session; see `EventStudy.ordinary_p_values`."""
        chosen = None if names is None else tuple(names)
        return self._ordinary_p_values(window, chosen, self.model if model is None else model)

    def ordinary_cars(
        self, window: Window = (0, 1), model: str | NormalReturnModel | None = None
    ) -> pd.DataFrame:
        """Cumulate abnormal returns on ordinary sessions; see `EventStudy.ordinary_cars`."""
        return self._ordinary_cars(window, self.model if model is None else model)

    def pool(
        self,
        by: str | Mapping[str, object] | None = None,
        window: Window = (0, 1),
        model: str | NormalReturnModel | None = None,
    ) -> PooledEffects:
        """Pool the effects of many events, see `EventStudyResults.pool`.

        Parameters
        ----------
        by : str or mapping, optional
            A column of events.csv, whose values are the labels, or a mapping of event_id to label.
            Default: `pooled_by`.
        window : tuple of int
            Both ends inclusive, inside the event window.
        model : str or NormalReturnModel, optional
            A model, or its name, that replaces the study's own.

        Raises
        ------
        InputError
            If events.csv has no such column.
        """
        by = self.pooled_by if by is None else by
        if isinstance(by, str) and by not in (known := columns_to_pool_by(self.events)):
            expected = (
                f"a column of events.csv with values: {', '.join(known)}{did_you_mean(by, known)}"
            )
            raise InputError([Problem("--by", expected, value=by)])
        return self.estimate(model).pool(by, window)

    # Remembered by the model's name, whether it was asked for by name or is the study's own.
    @remembered
    def _estimate(self, model: str | NormalReturnModel) -> EventStudyResults:
        return self.event_study(model).fit()

    @remembered
    def _placebo(self, window: Window, model: str | NormalReturnModel) -> EventStudyResults:
        return self.event_study(model).placebo(window)

    @remembered
    def _ordinary_caars(self, window: Window, model: str | NormalReturnModel) -> pd.DataFrame:
        return self.event_study(model).ordinary_caars(window)

    @remembered
    def _ordinary_p_values(
        self, window: Window, names: tuple[str, ...] | None, model: str | NormalReturnModel
    ) -> pd.DataFrame:
        return self.event_study(model).ordinary_p_values(window, names)

    @remembered
    def _ordinary_cars(self, window: Window, model: str | NormalReturnModel) -> pd.DataFrame:
        return self.event_study(model).ordinary_cars(window)

    def copy(self) -> Study:
        """Return the same study with tables of its own, which may be changed before they are used.

        It remembers nothing: what is computed from it, is computed from its own tables.
        """
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        return replace(self, **deepcopy(given))

    def compute_returns(
        self,
        prices: pd.DataFrame | None = None,
        assets: pd.DataFrame | None = None,
        kind: Literal["log", "simple"] | None = None,
    ) -> pd.DataFrame:
        """Compute returns as the study does, with something in place of its own.

        Parameters
        ----------
        prices, assets : pandas.DataFrame, optional
        kind : {"log", "simple"}, optional

        Returns
        -------
        pandas.DataFrame
            See `returns.compute_returns`.
        """
        return compute_returns(
            self.prices if prices is None else prices,
            self.assets if assets is None else assets,
            self.start,
            self.end,
            self.kind if kind is None else kind,
            self.gaps,
            self.corrections,
            self.factors,
        )

    def with_prices(self, prices: pd.DataFrame, assets: pd.DataFrame) -> Study:
        """Return the same study on other prices.

        Parameters
        ----------
        prices : pandas.DataFrame
            ``date, ticker, close`` between `start` and `end`.
        assets : pandas.DataFrame
            The rows of `assets` that these prices cover, benchmarks included.

        Returns
        -------
        Study
            Its checksum is blank, because no folder holds it.
        """
        estimated = assets[assets["group"] != BENCHMARK].set_index("ticker")
        return replace(
            self,
            prices=prices,
            assets=assets,
            returns=self.compute_returns(prices, assets),
            alignment=self.alignment[self.alignment["ticker"].isin(estimated.index)],
            groups=estimated["group"],
            benchmarks=dict(zip(estimated.index, estimated["benchmark"], strict=True)),
            checksum="",
        )


_IN_BUILD: dict[Path, Study] = {}
# Studies that were loaded in a build, each with the one whose memory it shares.
_LENT: list[tuple[Study, Study]] = []


@contextmanager
def read_once(study: Study) -> Iterator[None]:
    """Let whoever loads the study's folder meanwhile have what is read and remembered already.

    For a build, which is of one study, even if a file of the folder changes while it runs. After it
    the study leaves nothing more to other processes. See `changed_in_build`.
    """
    folder = study.path.resolve()
    _IN_BUILD[folder] = study
    try:
        yield
    finally:
        del _IN_BUILD[folder]
        _LENT.clear()
        study.kept.folder = None


def changed_in_build() -> list[str]:
    """Name what of the studies loaded since the last call is not as it was loaded.

    In a build they share one memory: what was computed from a changed table is what everybody
    else's is taken to be. What was changed and changed back is not found.
    """
    changed = {
        f"{study.name}: {each.name}"
        for lent, study in _LENT
        for each in fields(study)
        if each.init and not _alike(getattr(lent, each.name), getattr(study, each.name))
    }
    _LENT.clear()
    return sorted(changed)


def _alike(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, pd.DataFrame | pd.Series):
        return one.equals(other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if is_dataclass(one):
        return all(_alike(getattr(one, of.name), getattr(other, of.name)) for of in fields(one))
    return bool(one == other)


def _lend(study: Study) -> Study:
    """Copy a study for whoever loads it in a build: own tables, the same memory."""
    lent = study.copy()
    object.__setattr__(lent, "kept", study.kept)
    _LENT.append((lent, study))
    return lent


def study_folder(study: str | Path | None = None) -> Path:
    """Find the folder of a study: a folder, or the name of one of `EMBEDDED_STUDIES`.

    A folder of such a name where you stand comes first. Default: the embedded study of 2019. Raises
    `InputError` if it is neither.
    """
    if study is None:
        return EMBEDDED
    folder = Path(study)
    if str(study) in EMBEDDED_STUDIES and not folder.exists():
        return EMBEDDED_STUDIES[str(study)]
    require_study_folder(folder)
    return folder


def load_study(path: str | Path | None = None) -> Study:
    """Read and validate a study folder.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        Folder with study.toml, events.csv, assets.csv, the price files that study.toml names
        and perhaps calendars.csv, confounders.csv and donors.csv; or the name of an embedded
        study, see `study_folder`. Default: the embedded study of 2019.

    Raises
    ------
    InputError
        With every problem of all files at once.
    """
    folder = study_folder(path)
    if _IN_BUILD and (known := _IN_BUILD.get(folder.resolve())):
        return _lend(known)
    problems: list[Problem] = []
    settings, lines = read_settings(folder / SETTINGS_FILE, problems)

    before = len(problems)
    events = read_events(folder / _EVENTS, problems)
    readable = len(problems) == before
    factors = _read_factors(folder, settings, lines, problems)
    named = factors.names if factors else ()
    # A file of factors that could not be read says nothing about benchmarks.
    unread = factors is not None and not named
    assets = read_assets(folder / _ASSETS, problems, None if unread else named)
    corrections = read_corrections(folder / CALENDARS_FILE, problems)
    if len(problems) == before:
        problems += check_affects(events, assets, _EVENTS)
    alignment = None
    if len(problems) == before:
        alignment = _align(events, assets, corrections, problems)
        problems += _check_other_dates(events, assets)
    confounders = read_confounders(folder / CONFOUNDERS_FILE, problems, events)

    key = "cross_section.regressors"
    regressors = read_regressors(settings.get(key, ()), events, assets, lines.get(key), problems)
    donors = _read_donors(folder, settings, assets, corrections, problems)

    prices = None
    if "prices.file" in settings:
        prices = _read_prices(folder, settings, assets, corrections, problems)
    problems += _check_labels(settings["groups"], assets, lines)
    if readable:
        problems += _check_pool_by(settings, events, lines)
    hourly = _read_hourly(folder, settings, lines, assets, problems)
    start, end = _date_range(settings, prices)
    out_of_range = _check_estimation_end(settings, lines, start, end)
    if alignment is not None:
        out_of_range += _check_reach(assets, settings, lines)
    problems += out_of_range
    if alignment is not None:
        problems += _check_minimum(assets, settings, lines)
        if not out_of_range:
            problems += _check_overlap(alignment, settings, lines, start, end, corrections)
    if factors is not None and not out_of_range:
        problems += _check_factors(factors, assets, start, end)
    if problems or alignment is None or prices is None:
        raise InputError(in_reading_order(problems))

    unused = prices.attrs.pop("unused_tickers")
    columns = [name for regressor in regressors for name in regressor.columns]
    events = with_numbers(events.reset_index(drop=True), columns)
    assets = with_numbers(assets.reset_index(drop=True), columns)
    estimated = assets[assets["group"] != BENCHMARK].set_index("ticker")
    kind, gaps = settings["returns.kind"], settings["returns.gaps"]
    own = [SETTINGS_FILE, _EVENTS, _ASSETS, CALENDARS_FILE, CONFOUNDERS_FILE, DONORS_FILE]
    own += [factors.file] if factors else []
    files = _files(folder, [*own, settings["prices.file"], *settings["prices.hourly"].values()])
    return Study(
        name=settings["study.name"],
        title=settings["study.title"] or settings["study.name"],
        path=folder,
        events=events,
        assets=assets,
        confounders=confounders,
        corrections=corrections,
        factors=factors,
        donors=donors,
        files=tuple(files.values()),
        prices=prices,
        hourly=hourly,
        start=start,
        end=end,
        returns=compute_returns(prices, assets, start, end, kind, gaps, corrections, factors),
        alignment=alignment,
        groups=estimated["group"],
        benchmarks=dict(zip(estimated.index, estimated["benchmark"], strict=True)),
        model=settings["estimation.model"],
        estimation=EstimationWindow(
            window=settings["estimation.window"],
            anchor=settings["estimation.anchor"],
            end=settings["estimation.end"] and pd.Timestamp(settings["estimation.end"]),
            mask=settings["estimation.mask"],
            minimum=settings["estimation.minimum"],
        ),
        event_window=settings["event.window"],
        car_windows=settings["event.car_windows"],
        kind=kind,
        gaps=gaps,
        regressors=regressors,
        pool_by=settings.get("event.pool_by"),
        half_life=settings["sentiment.half_life"],
        checksum=_checksum(files),
        unused_tickers=unused,
        labels=settings["groups"],
    )


def new_study(directory: str | Path) -> Path:
    """Write a commented study folder with a small working example.

    Parameters
    ----------
    directory : str or pathlib.Path
        Folder that does not exist yet, or is empty.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        If the folder holds something, or cannot be written.
    """
    target = Path(directory)
    expected = "a folder that is new or empty; nothing was written"
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InputError([Problem(str(target), expected)])
        target.parent.mkdir(parents=True, exist_ok=True)
        # Either the whole folder appears or nothing does.
        with staging(target.parent) as folder:
            staged = folder / "study"
            staged.mkdir()
            for file in TEMPLATE.iterdir():
                shutil.copyfile(file, staged / file.name)
            if target.exists():
                target.rmdir()
            staged.replace(target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        expected = f"a folder that can be written; the system says: {reason}"
        raise InputError([Problem(str(target), expected)]) from None
    return target


def require_study_folder(folder: Path) -> None:
    """Refuse, with an `InputError`, what is no study folder."""
    try:
        if not folder.exists():
            names = " or ".join(EMBEDDED_STUDIES)
            expected = f"a study folder, or {names}; there is nothing of this name"
        elif not folder.is_dir():
            expected = f"a study folder, not a file; give the folder that holds {SETTINGS_FILE}"
        elif not (folder / SETTINGS_FILE).exists():
            expected = (
                f"a study folder, which holds a {SETTINGS_FILE}; this one does not. "
                "`chainpolicy new` writes an example"
            )
        else:
            return
    except (OSError, ValueError) as error:
        expected = f"a study folder; the system says: {error}"
    raise InputError([Problem(str(folder), expected)])


def _read_prices(
    folder: Path,
    settings: Settings,
    assets: pd.DataFrame,
    corrections: Corrections,
    problems: list[Problem],
) -> pd.DataFrame:
    start, end = settings.get("prices.start"), settings.get("prices.end")
    if start and end and start > end:
        start = end = None
    known = assets[assets["ticker"] != ""].drop_duplicates("ticker").set_index("ticker")["calendar"]
    return read_prices(
        folder / settings["prices.file"],
        problems,
        start,
        end,
        tickers=None if known.empty else known.index,
        calendars=dict(known[known.isin(CALENDARS)]),
        corrections=corrections,
        name=settings["prices.file"],
    )


def _read_hourly(
    folder: Path,
    settings: Settings,
    lines: dict[str, int],
    assets: pd.DataFrame,
    problems: list[Problem],
) -> dict[str, pd.DataFrame]:
    hourly = {}
    for ticker, file in settings["prices.hourly"].items():
        if ticker not in set(assets["ticker"]) and (folder / _ASSETS).is_file():
            key = f"prices.hourly.{ticker}"
            expected = "a ticker of assets.csv"
            problems.append(Problem(SETTINGS_FILE, expected, lines.get(key), key, ticker))
        hourly[ticker] = read_hourly(folder / file, problems, file)
    return hourly


def _read_factors(
    folder: Path, settings: Settings, lines: dict[str, int], problems: list[Problem]
) -> Factors | None:
    file, risk_free = settings.get("factors.file"), settings.get("factors.risk_free")
    if file is None:
        return None
    before = len(problems)
    factors = read_factors(
        folder / file,
        problems,
        # A missing unit is reported; the file is checked all the same.
        units=settings.get("factors.units") or "percent",
        kind=settings.get("factors.kind", "simple"),
        risk_free=risk_free,
        name=file,
    )
    if risk_free and not factors.risk_free and len(problems) == before:
        key = "factors.risk_free"
        hint = did_you_mean(risk_free, factors.names)
        expected = f"a column of {file}, which has {', '.join(factors.names)}{hint}"
        problems.append(Problem(SETTINGS_FILE, expected, lines.get(key), key, risk_free))
    return factors


def _check_factors(
    factors: Factors, assets: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp
) -> list[Problem]:
    """Refuse a factor without a value in the study's days."""
    used = {
        name: factors.growth[name]
        for names in assets["benchmark"]
        for name in names
        if name in factors.names
    }
    if factors.risk_free is not None:
        used[factors.risk_free] = factors.rate
    return [
        Problem(factors.file, f"a value between {start:%Y-%m-%d} and {end:%Y-%m-%d}", None, name)
        for name, values in used.items()
        if values.loc[start:end].isna().all()
    ]


def _read_donors(
    folder: Path,
    settings: Settings,
    assets: pd.DataFrame,
    corrections: Corrections,
    problems: list[Problem],
) -> Donors | None:
    """Read donors.csv, if the study has one."""
    path, keys = folder / DONORS_FILE, ("donors.calendar", "donors.market")
    given = [key for key in keys if settings.get(key, "") is not None]
    if not given and not path.exists():
        return None
    # A key with a problem is no longer in the settings, and the problem already told.
    lacking = [key for key in keys if settings.get(key, "") is None]
    for key in lacking:
        expected = f"this key, with {KEYS[key].expected}, because there "
        expected += f"is a {DONORS_FILE}" if path.exists() else f"is {given[0]}"
        problems.append(Problem(SETTINGS_FILE, expected, column=key))
    calendar, market = (settings.get(key) for key in keys)
    if calendar is None or market is None:
        return None
    calendar = canonical(calendar)
    return read_donors(path, problems, calendar, market, assets["ticker"], corrections)


def _align(
    events: pd.DataFrame,
    assets: pd.DataFrame,
    corrections: Corrections,
    problems: list[Problem],
) -> pd.DataFrame | None:
    try:
        return align(events, assets, corrections)
    except InputError as error:
        for problem in error.problems:
            at = events.index[events["announced_at"] == problem.value]
            problems.append(replace(problem, line=int(at[0])) if len(at) else problem)
    return None


def _date_range(
    settings: Settings, prices: pd.DataFrame | None
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last day of the study: as set, else those of the prices."""
    start, end = settings.get("prices.start"), settings.get("prices.end")
    first, last = pd.Timestamp.min, pd.Timestamp.max
    if prices is not None and not prices.empty:
        first, last = prices["date"].min(), prices["date"].max()
    return pd.Timestamp(start or first), pd.Timestamp(end or last)


def _check_estimation_end(
    settings: Settings, lines: dict[str, int], start: pd.Timestamp, end: pd.Timestamp
) -> list[Problem]:
    key = "estimation.end"
    until = settings.get(key)
    if not until or start <= pd.Timestamp(until) <= end:
        return []
    expected = f"a day of the study, which has prices from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
    return [Problem(SETTINGS_FILE, expected, lines.get(key), key, str(until))]


def _check_labels(
    labels: dict[str, str], assets: pd.DataFrame, lines: dict[str, int]
) -> list[Problem]:
    """Refuse a label for a group that no asset has."""
    groups = set(assets["group"]) - {BENCHMARK}
    return [
        Problem(
            SETTINGS_FILE, "a group of assets.csv", lines.get(f"groups.{group}"), "groups", group
        )
        for group in labels
        if groups and group not in groups
    ]


def _check_pool_by(
    settings: Settings, events: pd.DataFrame, lines: dict[str, int]
) -> list[Problem]:
    """Refuse a column to pool by that events.csv does not have."""
    key = "event.pool_by"
    value = settings.get(key)
    if value is None or value in (known := columns_to_pool_by(events)):
        return []
    expected = f"a column of events.csv with values: {', '.join(known)}{did_you_mean(value, known)}"
    return [Problem(SETTINGS_FILE, expected, lines.get(key), key, value)]


def columns_to_pool_by(events: pd.DataFrame) -> list[str]:
    """List the columns of events by which effects can be pooled.

    One that is blank throughout labels nothing, and is often not in the file.
    """
    filled = (events.notna() & (events.astype(str) != "")).any()
    return [str(c) for c in events.columns if c != "affects" and (events.empty or filled[c])]


def _check_other_dates(events: pd.DataFrame, assets: pd.DataFrame) -> list[Problem]:
    """Refuse a date of a document or an article for which a calendar's sessions are not known."""
    first, last = _reach(assets)
    expected = f"a day between {first} and {last}, with known sessions; correct it, or blank it"
    return [
        Problem(_EVENTS, expected, line, column, text)
        for column in DATE_COLUMNS
        for line, text in zip(events.index.tolist(), events[column], strict=True)
        if text and not first <= date.fromisoformat(text) <= last
    ]


def _reach(assets: pd.DataFrame) -> tuple[date, date]:
    """Return the first and the last day for which every calendar's holidays are known."""
    reaches = [reach(calendar) for calendar in effective_calendars(assets).unique()]
    return max(first for first, _ in reaches), min(last for _, last in reaches)


def _check_reach(assets: pd.DataFrame, settings: Settings, lines: dict[str, int]) -> list[Problem]:
    """Refuse a first or last day for which a calendar's holidays are not known."""
    first, last = _reach(assets)
    expected = f"a day between {first} and {last}, for which the calendars' holidays are known"
    return [
        Problem(SETTINGS_FILE, expected, lines.get(key), key, str(settings[key]))
        for key in ("prices.start", "prices.end")
        if settings.get(key) and not first <= settings[key] <= last
    ]


def _check_overlap(
    alignment: pd.DataFrame,
    settings: Settings,
    lines: dict[str, int],
    start: pd.Timestamp,
    end: pd.Timestamp,
    corrections: Corrections,
) -> list[Problem]:
    """Refuse a common estimation window that reaches into an event window, per calendar."""
    window, event_window = settings.get("estimation.window"), settings.get("event.window")
    until = settings.get("estimation.end")
    by_first = settings.get("estimation.anchor") == "first"
    if not window or not event_window or not (until or by_first):
        return []
    # An event outside the data is not estimated; the results say so.
    session = alignment["event_session"]
    inside = alignment[alignment["in_sample"] & session.between(start, end)]
    reached: dict[str, list[str]] = {}
    for calendar, rows in inside.groupby("calendar"):
        policy = rows.loc[rows["role"] == "policy", "event_session"]
        if not until and policy.empty:
            continue
        anchor, last = (pd.Timestamp(until), 0) if until else (policy.min(), window[1])
        for event_id, first in (
            rows.groupby("event_id", sort=False)["event_session"].first().items()
        ):
            if (
                last
                >= _sessions_between(str(calendar), anchor, first, corrections) + event_window[0]
            ):
                reached.setdefault(str(event_id), []).append(str(calendar))
    if not reached:
        return []
    events = ", ".join(f"{event} ({', '.join(where)})" for event, where in reached.items())
    key = "estimation.end" if until else "estimation.window"
    expected = (
        f"an estimation window that ends before the event window {window_label(event_window)} of "
        f"every event begins; it does not for {events}"
    )
    value = str(until) if until else window_label(window)
    return [Problem(SETTINGS_FILE, expected, lines.get(key), key, value)]


def _check_minimum(
    assets: pd.DataFrame, settings: Settings, lines: dict[str, int]
) -> list[Problem]:
    """Refuse a minimum that leaves no degree of freedom to the widest asset."""
    key = "estimation.minimum"
    if key not in settings or "estimation.model" not in settings:
        return []
    model = MODELS[settings["estimation.model"]]
    widest = max(len(model.benchmarks_used(names)) for names in assets["benchmark"])
    parameters = model.n_parameters(widest)
    if settings[key] > parameters:
        return []
    expected = f"more sessions than the {parameters} parameters of model {model.name}"
    return [Problem(SETTINGS_FILE, expected, lines.get(key), key, str(settings[key]))]


def _sessions_between(
    calendar: str, anchor: pd.Timestamp, session: pd.Timestamp, corrections: Corrections
) -> int:
    """Sessions after `anchor` up to `session`; negative if `session` comes first."""

    def count(first: pd.Timestamp, last: pd.Timestamp) -> int:
        return len(sessions(calendar, first, last, corrections))

    if session >= anchor:
        return count(anchor, session) - count(anchor, anchor)
    return count(session, session) - count(session, anchor)


def _files(folder: Path, names: list[str]) -> dict[str, Path]:
    """Files by their name in study.toml, in order; those of a folder take its place."""
    found = {}
    for name in names:
        path = folder / name
        for file in path.iterdir() if path.is_dir() else [path]:
            if file.is_file():
                found[(Path(name) / file.relative_to(path)).as_posix()] = file
    return dict(sorted(found.items()))


def _checksum(files: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").digest()
        # Fixed lengths and a length before the name: no two studies share an encoding.
        encoded = name.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded + content)
    return digest.hexdigest()
