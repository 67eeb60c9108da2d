"""What must hold for every panel, whatever its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import FrozenInstanceError, dataclass, replace

import numpy as np
import pandas as pd
import pytest

from chainpolicy.eventstudy import (
    MODELS,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    MarketAdjusted,
    MarketModel,
)
from panels import alignment_frame, returns_frame

COUNT, EVENT, WINDOW = 56, 48, (-2, 4)
ESTIMATION = EstimationWindow(window=(-44, -4), minimum=20)
GROUPS = {"A": "one", "B": "one", "C": "one", "D": "two", "E": "two"}
WINDOWS = [(0, 1), (-2, 4)]

# Of every property: each model has one, half of them with one event session and half with two. A
# panel of five assets has no corner that more of the same kind would reach.
EXAMPLES = 6


@dataclass(frozen=True)
class Case:
    """Five assets in two groups on one or several event sessions."""

    returns: pd.DataFrame
    alignment: pd.DataFrame
    model: str

    def study(self) -> EventStudy:
        return EventStudy(
            self.returns,
            self.alignment,
            groups=GROUPS,
            model=MODELS[self.model],
            estimation=ESTIMATION,
            event_window=WINDOW,
        )

    def fit(self) -> EventStudyResults:
        return self.study().fit()


def drawn(rng: np.random.Generator, model: str, late: int, *, gaps: bool) -> Case:
    benchmarks = {name: rng.normal(0, 0.01, COUNT) for name in ("M", "F")}
    returns = {
        ticker: 0.001
        + rng.uniform(0.5, 1.5) * benchmarks["M"]
        + rng.uniform(-0.5, 0.5) * benchmarks["F"]
        + rng.normal(0, rng.uniform(0.01, 0.03), COUNT)
        for ticker in GROUPS
    }
    if gaps:
        for series in returns.values():
            series[rng.random(COUNT) < 0.05] = np.nan
    positions = {ticker: EVENT + late * (number % 2) for number, ticker in enumerate(GROUPS)}
    return Case(
        returns_frame(returns, benchmarks),
        alignment_frame({"e": positions}, COUNT),
        model,
    )


def for_panels(
    *others: Callable[[np.random.Generator], object],
    gaps: bool = True,
    models: Sequence[str] = tuple(MODELS),
    examples: int = EXAMPLES,
) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Draw panels of every model for a property, and check that they could have broken it."""

    def decorate(holds: Callable[..., None]) -> Callable[[], None]:
        def test() -> None:
            # A seed of its own: otherwise all properties would see the same few panels.
            own = int.from_bytes(holds.__name__.encode())
            seen: list[Case] = []
            for number in range(examples):
                rng = np.random.default_rng([own, number])
                # Which models have one session and which two differs from property to property.
                late = 2 * ((own + number % len(models) + number // len(models)) % 2)
                case = drawn(rng, models[number % len(models)], late, gaps=gaps)
                seen.append(deepcopy(case))
                holds(case, *(draw(rng) for draw in others))
            assert {case.model for case in seen} == set(models)
            assert {case.alignment["event_session"].nunique() for case in seen} == {1, 2}
            assert all(case.returns["return"].isna().any() == gaps for case in seen)
            if gaps:
                assert any(len(case.fit().incomplete(WINDOW)) for case in seen)

        return test

    return decorate


def whole(low: int, high: int) -> Callable[[np.random.Generator], int]:
    """A number between two, both inclusive."""
    return lambda rng: int(rng.integers(low, high, endpoint=True))


# Who may change what is a matter of how tables are kept, which is alike for all models that
# estimate coefficients, and for those that estimate none.
of_some_models = for_panels(models=[MarketModel.name, MarketAdjusted.name], examples=4)


def everything(results: EventStudyResults) -> dict[str, pd.DataFrame]:
    """All that the results say. Their rows stand in the order of their keys."""
    frames = {
        "abnormal_returns": results.abnormal_returns,
        "models": results.models,
        "coefficients": results.coefficients,
        "residuals": results.residuals,
        "excluded": results.excluded,
        "tests": results.tidy(WINDOWS),
    }
    for window in WINDOWS:
        frames[f"car {window}"] = results.car(window)
        frames[f"caar {window}"] = results.caar(window)
        frames[f"lost {window}"] = results.incomplete(window)
    for event_id, group in results.pairs.groupby(["event_id", "group"]).groups:
        frames[f"path {event_id} {group}"] = results.caar_path(event_id, group)
    return frames


def same(left: dict[str, pd.DataFrame], right: dict[str, pd.DataFrame], **tolerance: float) -> None:
    assert left.keys() == right.keys()
    exact = not tolerance
    for name in left:
        pd.testing.assert_frame_equal(left[name], right[name], check_exact=exact, **tolerance)


def with_returns(case: Case, where: pd.Series, values: object) -> Case:
    returns = case.returns.copy()
    returns.loc[where, "return"] = values
    return replace(case, returns=returns)


@for_panels(models=[MarketModel.name])
def test_estimated_residuals_sum_to_zero_and_ignore_the_benchmarks(case: Case) -> None:
    residuals = case.fit().residuals.merge(case.returns, on=["ticker", "session"])
    for _, of_asset in residuals.groupby("ticker"):
        residual = of_asset["residual"].to_numpy()
        assert len(residual) >= 20
        assert abs(residual.sum()) < 1e-14
        for name in ("M", "F"):
            assert abs(residual @ of_asset[name].to_numpy()) < 1e-15


@for_panels(whole(2, 4), whole(6, 40), gaps=False, models=[MarketModel.name])
def test_spanned_residuals_sum_to_zero_with_their_weights(case: Case, g: int, at: int) -> None:
    # Normal equations of weighted least squares: sum over rows of g e / g = 0 for the intercept,
    # where the residual shown is e / root g
    returns = case.returns.copy()
    days = returns["session"].unique()
    returns["n_sessions"] = np.where(returns["session"] == days[at], g, 1)
    covered = returns["session"].isin(days[max(at - g + 1, 0) : at])
    returns["return"] = returns["return"].mask(covered)
    results = replace(case, returns=returns).fit()
    residuals = results.residuals.merge(returns, on=["ticker", "session"])
    weighted = residuals["residual"] * np.sqrt(residuals["n_sessions"])
    assert weighted.groupby(residuals["ticker"]).sum().abs().max() < 1e-14


@for_panels(lambda rng: rng.choice([0.01, 3.0, 100.0]))
def test_statistics_do_not_depend_on_the_unit_of_returns(case: Case, scale: float) -> None:
    scaled = case.returns.assign(
        **{name: scale * case.returns[name] for name in ("return", "M", "F")}
    )
    before, after = case.fit(), replace(case, returns=scaled).fit()
    close = {"rtol": 1e-8, "atol": 1e-10}
    for window in WINDOWS:
        old, new = before.car(window), after.car(window)
        np.testing.assert_allclose(new["t_stat"], old["t_stat"], **close)
        np.testing.assert_allclose(new["p_value"], old["p_value"], **close)
        np.testing.assert_allclose(new["car"], scale * old["car"], rtol=1e-8, atol=scale * 1e-13)
        np.testing.assert_allclose(new["std_error"], scale * old["std_error"], rtol=1e-8)
    old, new = before.tidy(WINDOWS), after.tidy(WINDOWS)
    for column in ("statistic", "p_value", "mean_correlation"):
        np.testing.assert_allclose(new[column], old[column], **close)


@for_panels(lambda rng: rng)
def test_the_order_of_rows_changes_nothing(case: Case, rng: np.random.Generator) -> None:
    def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.iloc[rng.permutation(len(frame))]

    other = replace(case, returns=shuffled(case.returns), alignment=shuffled(case.alignment))
    same(everything(case.fit()), everything(other.fit()))


@for_panels()
def test_the_names_of_assets_change_nothing(case: Case) -> None:
    # The order of assets is that of their names: C, B, A and E, D instead of A, B, C and D, E.
    renamed = {"A": "C", "B": "B", "C": "A", "D": "E", "E": "D"}
    other = replace(
        case,
        returns=case.returns.assign(ticker=case.returns["ticker"].map(renamed)),
        alignment=case.alignment.assign(ticker=case.alignment["ticker"].map(renamed)),
    )
    before, after = everything(case.fit()), everything(other.fit())
    order = ["ticker", "tau", "session", "term"]
    for name, frame in after.items():
        if "ticker" in frame:
            back = frame.assign(ticker=frame["ticker"].replace(renamed))
            by = [key for key in order if key in frame]
            after[name] = back.sort_values(by, ignore_index=True)
            before[name] = before[name].sort_values(by, ignore_index=True)
    same(before, after, rtol=1e-9, atol=1e-12)


@for_panels(whole(-2, 3))
def test_cars_of_adjoining_windows_add_up(case: Case, cut: int) -> None:
    results = case.fit()
    key = ["event_id", "ticker"]
    first, last, whole = (
        results.car(window).set_index(key)["car"] for window in [(-2, cut), (cut + 1, 4), (-2, 4)]
    )
    assert set(whole.index) == set(first.index) & set(last.index)
    np.testing.assert_allclose((first + last)[whole.index], whole, rtol=0, atol=1e-14)
    abnormal = results.abnormal_returns.set_index(key)["abnormal"]
    for pair, car in whole.items():
        assert car == pytest.approx(abnormal[pair].sum(), abs=1e-14)


@for_panels(
    lambda rng: rng.choice(["A", "D"]), whole(0, 4), lambda rng: rng.uniform(-0.2, 0.2), gaps=False
)
def test_an_event_return_moves_its_asset_and_its_group_alone(
    case: Case, ticker: str, tau: int, shift: float
) -> None:
    event_session = case.alignment.set_index("ticker")["event_session"][ticker]
    session = event_session + pd.offsets.BusinessDay(tau)
    here = (case.returns["ticker"] == ticker) & (case.returns["session"] == session)
    moved = with_returns(case, here, case.returns.loc[here, "return"] + shift)
    before, after = everything(case.fit()), everything(moved.fit())
    for name in ("models", "coefficients", "residuals"):
        pd.testing.assert_frame_equal(before[name], after[name], check_exact=True)

    key = (ticker, tau)
    old, new = (
        frames["abnormal_returns"].set_index(["ticker", "tau"]) for frames in (before, after)
    )
    pd.testing.assert_frame_equal(old.drop(key), new.drop(key), check_exact=True)
    assert new["abnormal"][key] - old["abnormal"][key] == pytest.approx(shift, abs=1e-14)
    assert new["normal"][key] == old["normal"][key]
    assert new["std_error"][key] == old["std_error"][key]

    other = "two" if GROUPS[ticker] == "one" else "one"
    old, new = (frames["tests"][frames["tests"]["group"] == other] for frames in (before, after))
    assert len(old) > 0
    pd.testing.assert_frame_equal(old, new, check_exact=True)
    size = sum(group == GROUPS[ticker] for group in GROUPS.values())
    path = f"path e {GROUPS[ticker]}"
    moved_by = after[path]["caar"] - before[path]["caar"]
    expected = np.where(before[path]["tau"] >= tau, shift / size, 0.0)
    np.testing.assert_allclose(moved_by, expected, atol=1e-13)
    np.testing.assert_allclose(after[path]["std_error"], before[path]["std_error"], rtol=1e-12)


@for_panels(lambda rng: rng)
def test_no_look_ahead(case: Case, rng: np.random.Generator) -> None:
    # All returns and benchmarks from each asset's event window on become something else.
    event_session = case.returns["ticker"].map(case.alignment.set_index("ticker")["event_session"])
    future = case.returns["session"] >= event_session + WINDOW[0] * pd.offsets.BusinessDay()
    returns = case.returns.copy()
    for name in ("return", "M", "F"):
        returns.loc[future, name] = rng.normal(0, 1, future.sum())
    before, after = everything(case.fit()), everything(replace(case, returns=returns).fit())
    for name in ("models", "coefficients", "residuals"):
        pd.testing.assert_frame_equal(before[name], after[name], check_exact=True)
    old, new = before["abnormal_returns"]["abnormal"], after["abnormal_returns"]["abnormal"]
    assert (old != new).all()


@for_panels()
def test_a_gap_is_never_a_zero(case: Case) -> None:
    results = case.fit()
    key = ["ticker", "session"]
    blank = case.returns[case.returns["return"].isna()].set_index(key).index
    shown = results.abnormal_returns.set_index(key)
    inside = shown.index.isin(blank)
    columns = ["actual", "normal", "abnormal", "std_error"]
    assert shown.loc[inside, columns].isna().all(axis=None)
    assert shown.loc[~inside, columns].notna().all(axis=None)
    assert not results.residuals.set_index(key).index.isin(blank).any()

    lost = set(shown.index[inside].get_level_values("ticker"))
    assert set(results.incomplete(WINDOW)["ticker"]) == lost
    assert set(results.car(WINDOW)["ticker"]) == set(GROUPS) - lost
    estimation = results.residuals.groupby("ticker").size()
    pd.testing.assert_series_equal(
        results.models.set_index("ticker")["n_estimation"], estimation, check_names=False
    )


@for_panels()
def test_events_on_one_session_have_identical_rows(case: Case) -> None:
    again = case.alignment.assign(event_id="again")
    both = everything(replace(case, alignment=pd.concat([case.alignment, again])).fit())
    alone = everything(case.fit())
    for name, frame in both.items():
        if "event_id" in frame:
            rows = {
                key: frame[frame["event_id"] == key].drop(columns="event_id").reset_index(drop=True)
                for key in ("e", "again")
            }
            pd.testing.assert_frame_equal(rows["e"], rows["again"], check_exact=True)
            # The sums of two events tested in one call may be taken in another order.
            expected = alone[name].drop(columns="event_id")
            pd.testing.assert_frame_equal(rows["e"], expected, rtol=1e-10, atol=1e-14)


@of_some_models
def test_inputs_stay_as_they_are(case: Case) -> None:
    returns, alignment = case.returns.copy(deep=True), case.alignment.copy(deep=True)
    study = case.study()
    everything(study.fit())
    study.placebo((0, 1))
    pd.testing.assert_frame_equal(case.returns, returns, check_exact=True)
    pd.testing.assert_frame_equal(case.alignment, alignment, check_exact=True)


@of_some_models
def test_a_later_change_of_the_inputs_changes_nothing(case: Case) -> None:
    study = case.study()
    results = study.fit()
    before = everything(results)
    case.returns.loc[:, "return"] = 9.0
    case.returns.loc[:, ["M", "F"]] = 9.0
    case.returns.loc[:, "session"] = pd.Timestamp("2000-01-03")
    case.returns.loc[:, "at_limit"] = "upper"
    case.returns.loc[:, "n_sessions"] = 7
    case.alignment.loc[:, "event_session"] = pd.Timestamp("2000-01-03")
    same(before, everything(results))
    same(before, everything(study.fit()))


@of_some_models
def test_results_are_frozen(case: Case) -> None:
    results = case.fit()
    before = everything(results)
    with pytest.raises(FrozenInstanceError):
        results.event_window = (0, 0)
    tests = results.tests((0, 1))
    with pytest.raises(FrozenInstanceError):
        tests[0].statistic = 0.0
    names = ["pairs", "excluded", "models", "coefficients", "abnormal_returns", "residuals"]
    for name in names:
        with pytest.raises(FrozenInstanceError):
            setattr(results, name, None)
        frame = getattr(results, name)
        for column in frame.columns:
            frame[column] = "changed"
        changed = getattr(results, name)
        changed.iloc[:, 0] = "changed"
    for frame in (results.car((0, 1)), tests.tidy(), results.caar((0, 1))):
        frame.iloc[:, 0] = "changed"
    same(before, everything(results))
