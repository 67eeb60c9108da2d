"""Every session by running sums is every session estimated as an event of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from chainpolicy.eventstudy import (
    ConstantMean,
    Dimson,
    EstimationWindow,
    EventStudy,
    FactorCounterfactual,
    MarketAdjusted,
    MarketModel,
    ScholesWilliams,
    SingleIndexModel,
    SyntheticMatching,
)
from chainpolicy.eventstudy import batch as batch_module
from chainpolicy.eventstudy.batch import every_session
from chainpolicy.eventstudy.panel import build_panel
from panels import sessions

SESSIONS = 110
WINDOWS = [(0, 0), (0, 1), (-3, 5), (0, 12), (2, 2)]
EVENTS = {"a": 70, "b": 83}


def panel_frame(
    seed: int, n_benchmarks: int, *, assets: int = 4, length: int = SESSIONS
) -> pd.DataFrame:
    """Assets listed late, with missing returns and benchmarks, and returns that span gaps."""
    rng = np.random.default_rng(seed)
    days = sessions(length)
    market = rng.normal(0.0, 0.01, (length, n_benchmarks))
    frames = []
    for number in range(assets):
        own = market.copy()
        returns = 0.001 + market @ rng.normal(1.0, 0.3, n_benchmarks)
        returns = returns + rng.normal(0.0, 0.02, length)
        span = np.ones(length)
        returns[rng.random(length) < 0.03] = np.nan
        own[rng.random(length) < 0.01, :1] = np.nan
        for end in rng.choice(np.arange(10, length, 9), 5, replace=False):
            spanned = int(rng.integers(2, 7))
            returns[end] = rng.normal(0.0, 0.05)
            returns[end - spanned + 1 : end] = np.nan
            span[end] = spanned
            own[end] = market[end - spanned + 1 : end + 1].sum(axis=0)
        first = 9 * number
        columns = {f"f{k}": own[first:, k] for k in range(n_benchmarks)}
        frames.append(
            pd.DataFrame(
                {
                    "ticker": f"T{number}",
                    "session": days[first:],
                    "return": returns[first:],
                    "n_sessions": span[first:],
                    **columns,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def catalogue(frame: pd.DataFrame) -> pd.DataFrame:
    """Two events of every asset, the second out of sample."""
    days = sessions(SESSIONS)
    rows = [(e, ticker, days[at]) for e, at in EVENTS.items() for ticker in frame.ticker.unique()]
    table = pd.DataFrame(rows, columns=["event_id", "ticker", "event_session"])
    return table.assign(in_sample=table["event_id"] == "a")


def as_events(frame: pd.DataFrame) -> pd.DataFrame:
    """Every row of a panel as an event of its own."""
    table = frame[["ticker", "session"]].rename(columns={"session": "event_session"})
    return table.assign(event_id=table["event_session"].dt.strftime("%F"), in_sample=True)


def by_session(table: pd.DataFrame) -> pd.DataFrame:
    """Index a table of results, whose event_id is a session, by asset and session."""
    named = table.assign(session=pd.to_datetime(table["event_id"]))
    return named.set_index(["ticker", "session"]).sort_index()


def assert_same(found, results, windows) -> None:
    """Compare with the ordinary results of the same sessions."""
    index = pd.MultiIndex.from_arrays([found.ticker, found.session], names=["ticker", "session"])
    models = by_session(results.models)
    estimated = np.isfinite(found.sigma) & index.isin(by_session(results.pairs).index)
    assert index[estimated].tolist() == models.index.tolist()
    assert found.n_estimation[estimated].tolist() == models["n_estimation"].tolist()
    assert estimated.any()
    np.testing.assert_allclose(found.sigma[estimated], models["sigma"], rtol=1e-9)
    np.testing.assert_allclose(found.alpha[estimated], models["alpha"], rtol=1e-9, atol=1e-12)
    names = [name for name in results.coefficients["term"].unique() if name != "alpha"]
    for k, name in enumerate(names):
        table = results.coefficients[results.coefficients["term"] == name]
        beta = found.beta[estimated, k]
        np.testing.assert_allclose(beta, by_session(table)["estimate"], rtol=1e-9, atol=1e-9)
    for window in windows:
        ordinary = by_session(results.car(window))
        car = found.car(window).set_index(["ticker", "session"])
        car = car[car.index.isin(models.index)]
        assert car.index.tolist() == ordinary.index.tolist()
        for name in ("car", "std_error", "t_stat", "p_value"):
            np.testing.assert_allclose(car[name], ordinary[name], rtol=1e-9, atol=1e-12)


MODELS = [
    (0, ConstantMean()),
    (1, MarketModel()),
    (2, MarketModel()),
    (3, MarketModel()),
    (2, SingleIndexModel()),
    (1, MarketAdjusted()),
]


@pytest.mark.parametrize("window", [(-50, -5), (-14, -4)])
@pytest.mark.parametrize(("n_benchmarks", "model"), MODELS)
def test_every_session_is_that_session_as_an_event(n_benchmarks, model, window):
    frame = panel_frame(1, n_benchmarks)
    choices = {
        "model": model,
        "estimation": EstimationWindow(window, mask=False, minimum=8),
        "event_window": (-3, 12),
    }
    found = EventStudy(frame, catalogue(frame), **choices).every_session(WINDOWS)
    assert_same(found, EventStudy(frame, as_events(frame), **choices).fit(), WINDOWS)


@pytest.mark.parametrize("window", [(0, 1), (-3, 5), (2, 12)])
@pytest.mark.parametrize("shared", [{"end": sessions(SESSIONS)[78]}, {"anchor": "first"}, {}])
@pytest.mark.parametrize(("n_benchmarks", "model"), [MODELS[0], MODELS[2], MODELS[5]])
def test_an_ordinary_session_is_that_of_the_placebo(n_benchmarks, model, shared, window):
    """Events are masked, and a window that sessions share loses those of the placebo event."""
    frame = panel_frame(2, n_benchmarks)
    estimation = EstimationWindow((-50, -4), minimum=8, **shared)
    study = EventStudy(frame, catalogue(frame), model=model, estimation=estimation)
    assert_same(study.every_session([window]), study.placebo(window), [window])


def test_assets_without_a_policy_event_move_their_window_beside_others_that_share_one():
    frame = panel_frame(3, 1)
    events = catalogue(frame).query("ticker != 'T1'")
    estimation = EstimationWindow((-50, -4), anchor="first", minimum=8)
    study = EventStudy(frame, events, estimation=estimation)
    found = study.every_session([(0, 1)])
    assert_same(found, study.placebo((0, 1)), [(0, 1)])
    # The first placebo session at which 8 sessions before -4 exist, not that of a shared window.
    assert np.isfinite(found.sigma[found.ticker == "T1"]).argmax() > 10


def test_assets_with_other_benchmarks_stand_side_by_side():
    frame = panel_frame(4, 3)
    chosen = {"T0": ("f2", "f0"), "T1": (), "T2": ("f1",), "T3": ("f0", "f1", "f2")}
    choices = {
        "benchmarks": chosen,
        "estimation": EstimationWindow((-50, -5), mask=False, minimum=8),
        "event_window": (0, 1),
    }
    found = EventStudy(frame, catalogue(frame), **choices).every_session([(0, 1)])
    results = EventStudy(frame, as_events(frame), **choices).fit()
    estimates = by_session(results.coefficients)["estimate"]
    for ticker, names in chosen.items():
        own = (found.ticker == ticker) & np.isfinite(found.sigma)
        table = estimates[ticker].to_numpy().reshape(own.sum(), 1 + len(names))
        np.testing.assert_allclose(found.alpha[own], table[:, 0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.beta[own, : len(names)], table[:, 1:], rtol=1e-9)
        assert np.isnan(found.beta[own, len(names) :]).all()
    car = found.car((0, 1)).set_index(["ticker", "session"])
    ordinary = by_session(results.car((0, 1)))
    np.testing.assert_allclose(car["t_stat"], ordinary["t_stat"], rtol=1e-9, atol=1e-12)


def test_a_session_is_the_regression_of_statsmodels():
    """The exact t of a sum is that of a dummy for the sum of two sessions' abnormal returns."""
    rng = np.random.default_rng(5)
    market, noise = rng.normal(0.0, 0.01, 60), rng.normal(0.0, 0.02, 60)
    frame = pd.DataFrame(
        {"ticker": "A", "session": sessions(60), "return": noise + market, "market": market}
    )
    study = EventStudy(
        frame,
        as_events(frame)[:0],
        estimation=EstimationWindow((-40, -1), mask=False, minimum=30),
    )
    t_stat = study.every_session([(0, 1)]).t_stat((0, 1))
    for at in (40, 47, 58):
        used = np.arange(at - 40, at + 2)
        # With one dummy per session both residuals are zero; their sum is one contrast.
        first, second = (used == at).astype(float), (used == at + 1).astype(float)
        design = np.column_stack([np.ones(42), market[used], first, second])
        fit = sm.OLS(frame["return"].to_numpy()[used], design).fit()
        expected = fit.t_test([0, 0, 1, 1]).tvalue.item()
        assert t_stat[at] == pytest.approx(expected, rel=1e-9)


def assert_fits_alike(returns, market, minimum=20) -> None:
    frame = pd.DataFrame(
        {"ticker": "A", "session": sessions(len(returns)), "return": returns, "market": market}
    )
    choices = {
        "estimation": EstimationWindow((-30, -1), mask=False, minimum=minimum),
        "event_window": (0, 9),
    }
    windows = [(0, 0), (0, 9)]
    found = EventStudy(frame, as_events(frame)[:0], **choices).every_session(windows)
    results = EventStudy(frame, as_events(frame), **choices).fit()
    models = by_session(results.models)
    estimated = np.isfinite(found.sigma)
    assert estimated.sum() == len(models)
    np.testing.assert_allclose(found.sigma[estimated], models["sigma"], rtol=1e-9)
    np.testing.assert_allclose(found.beta[estimated, 0], models["beta"], rtol=1e-9)
    for window in windows:
        car, ordinary = found.car(window), by_session(results.car(window))
        np.testing.assert_allclose(car["t_stat"], ordinary["t_stat"], rtol=1e-9, atol=1e-9)


def test_prices_of_a_million_and_returns_of_a_millionth_lose_no_digit():
    rng = np.random.default_rng(6)
    index = 1e6 + np.cumsum(rng.normal(0.0, 1.0, 201))
    price = 1e6 + np.cumsum(np.diff(index, prepend=1e6) + rng.normal(0.0, 1.0, 201))
    assert_fits_alike(np.diff(np.log(price)), np.diff(np.log(index)))
    # In units of a price, with a drift that dwarfs what is estimated.
    assert_fits_alike(price[1:], index[1:])
    assert_fits_alike(1.0 + np.diff(np.log(price)), 1.0 + np.diff(np.log(index)))


def test_one_wild_return_spoils_no_other_window():
    """A difference of two sums from the beginning would lose all digits after it."""
    rng = np.random.default_rng(7)
    market = rng.normal(0.0, 1e-6, 120)
    returns = market + rng.normal(0.0, 1e-6, 120)
    assert_fits_alike(returns, market)
    # What a pair leaves of the mean is small: no pass over the window itself mends a running sum.
    pair = returns.copy()
    pair[40:42] = 0.1, -0.1
    assert_fits_alike(pair, market)
    returns[40] = 1e3
    assert_fits_alike(returns, market)
    market[70] = -1e3
    assert_fits_alike(returns, market)


def test_a_nearly_perfect_fit_keeps_its_residuals():
    rng = np.random.default_rng(8)
    market = rng.normal(0.0, 0.01, 80)
    assert_fits_alike(0.001 + 1.3 * market + rng.normal(0.0, 1e-7, 80), market)


def test_what_cannot_be_estimated_as_an_event_is_not_estimated_here():
    rng = np.random.default_rng(9)
    market = rng.normal(0.0, 0.01, 90)
    returns = market + rng.normal(0.0, 0.02, 90)
    # A suspended share at a constant price, a benchmark that rests, and a share that is the market.
    returns[:35], market[40:75] = 0.0, 0.004
    assert_fits_alike(returns, market)
    frame = pd.DataFrame(
        {"ticker": "A", "session": sessions(90), "return": market, "market": market}
    )
    study = EventStudy(frame, as_events(frame)[:0], estimation=EstimationWindow((-70, -1)))
    assert np.isnan(study.every_session().sigma).all()


@pytest.mark.parametrize("shared", [False, True])
def test_blocks_change_no_bit(shared):
    # Longer than what numpy adds up in one piece, so that another order of adding shows.
    frame = panel_frame(10, 2, assets=7, length=300)
    frame.loc[frame["ticker"] == "T3", "f1"] = frame["f0"] + 1e-7
    panel = build_panel(frame)
    last = np.where(panel.length > 0, 268 - panel.offset, np.nan) if shared else None

    def run(values: int):
        return every_session(
            panel,
            MarketModel(),
            WINDOWS,
            estimation=(-200, -5),
            minimum=8,
            last=last,
            values_per_block=values,
        )

    whole = run(10**6)
    for values in (1, 250, 400):
        found = run(values)
        for name in ("alpha", "beta", "sigma", "n_estimation"):
            assert getattr(found, name).tobytes() == getattr(whole, name).tobytes()
        for window in WINDOWS:
            assert found.cars[window].tobytes() == whole.cars[window].tobytes()
            assert found.std_errors[window].tobytes() == whole.std_errors[window].tobytes()


def test_a_block_holds_no_more_than_it_may():
    panel = build_panel(panel_frame(11, 0, assets=7))
    sizes = [
        len(assets) * panel.length[assets].max()
        for assets in batch_module._blocks(panel, np.arange(7), 250)
    ]
    assert max(sizes) <= 250
    assert len(sizes) < 7


@pytest.mark.parametrize(
    "model", [Dimson(), ScholesWilliams(), FactorCounterfactual(1), SyntheticMatching()]
)
def test_what_is_no_regression_on_the_benchmarks_is_refused_and_named(model):
    frame = panel_frame(12, 1)
    study = EventStudy(frame, catalogue(frame), model=model)
    with pytest.raises(ValueError, match=f"{model.name} is no regression on .* EventStudy.placebo"):
        study.every_session([(0, 1)])


def test_windows_that_mean_nothing_are_refused():
    frame = panel_frame(13, 1)
    study = EventStudy(frame, catalogue(frame))
    with pytest.raises(ValueError, match="there is no window"):
        study.every_session([])
    with pytest.raises(ValueError, match=r"\[2, 1\] is reversed"):
        study.every_session([(2, 1)])
    with pytest.raises(ValueError, match="first and last session"):
        study.every_session([(0, 0.5)])
    with pytest.raises(ValueError, match=r"\[-130, -11\] does not end before .* \[-11, 1\]"):
        study.every_session([(0, 1), (-11, 0)])
    with pytest.raises(ValueError, match=r"\(0, 2\) was not estimated; those that were: \[0, 1\]"):
        study.every_session([(0, 1)]).car((0, 2))


def test_what_is_shown_says_how_many_sessions_were_estimated():
    frame = panel_frame(14, 1)
    study = EventStudy(frame, catalogue(frame), estimation=EstimationWindow((-50, -5), minimum=8))
    found = study.every_session([(0, 1), (0, 1)])
    assert found.windows == ((0, 1),)
    assert f"windows=[0, 1], estimated={np.isfinite(found.sigma).sum()})" in repr(found)
