"""Size of the pooled tests: what the simulation estimates is what `pool` says, and its size."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from chainpolicy.eventstudy import TEST_NAMES, TESTS, EstimationWindow, EventStudy
from chainpolicy.eventstudy.results import OVERLAPPING

IGNORANT = {test.name for test in TESTS if not test.allows_overlap}


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The simulation, of which the tests here are a small part."""
    path = Path(__file__).parents[2] / "benchmarks" / "pooled_size.py"
    spec = importlib.util.spec_from_file_location("pooled_size", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("assets", [1, 3])
@pytest.mark.parametrize("overlapping", [False, True])
def test_the_simulation_is_the_library(benchmark, overlapping, assets):
    at = benchmark.positions(10, overlapping=overlapping)
    returns, market = benchmark.simulate(at, 2, assets, seed=4)
    expected = benchmark.p_values(returns, market, at, draws=99)
    days = pd.bdate_range("2000-01-03", periods=len(market))
    tickers = list("ABC")[:assets]
    for draw, panel in enumerate(returns):
        long = pd.DataFrame(
            {
                "ticker": np.repeat(tickers, len(days)),
                "session": np.tile(days, assets),
                "return": panel.ravel(),
                "market": np.tile(market, assets),
            }
        )
        alignment = pd.DataFrame(
            {
                "event_id": np.repeat([f"e{k}" for k in range(10)], assets),
                "ticker": np.tile(tickers, 10),
                "event_session": np.repeat(days[at], assets),
            }
        )
        study = EventStudy(
            long,
            alignment,
            estimation=EstimationWindow(benchmark.ESTIMATION, minimum=benchmark.MINIMUM),
            event_window=benchmark.WINDOW,
        )
        (row,) = study.fit().pool(window=benchmark.WINDOW, draws=99).tidy().to_dict("records")
        for name in (*TEST_NAMES, "randomization", "sign_flip"):
            if overlapping and name in IGNORANT:
                assert np.isnan(row[f"{name}_p"])
            else:
                wanted = pytest.approx(expected[name][draw], rel=1e-7)
                assert row[f"{name}_p"] == wanted, name
        assert (OVERLAPPING in row["note"]) == overlapping


def test_the_adjusted_tests_allow_for_overlap_and_the_others_do_not():
    assert set(TEST_NAMES) - IGNORANT == {"time_series_t", "adjusted_patell", "adjusted_bmp"}


@pytest.mark.parametrize("clusters", [5, 10, 40])
@pytest.mark.parametrize("overlapping", [False, True])
def test_what_is_printed_rejects_a_true_null_about_as_often_as_said(
    benchmark, clusters, overlapping
):
    names = (*TEST_NAMES, "randomization", "sign_flip")
    found = benchmark.sizes(400, clusters, 1, overlapping=overlapping, draws=99, names=names)
    printed = found.drop(list(IGNORANT)) if overlapping else found
    # Monte Carlo error 1.1 points. Estimation windows that share sessions, which the tests take for
    # more than they are, and the fat tails of SCAR cost some two points, ranks of ten three.
    assert (printed.dropna() < 0.1).all()
    # With 2^5 signs or fewer no p-value is below 5 %.
    few = ["sign_flip", "wilcoxon"] if clusters // (1 + overlapping) <= 5 else []
    assert (printed.drop(few, errors="ignore").dropna() > 0.025).all()
    if overlapping and clusters > 5:
        assert (found[["corrado_rank", "grank_t", "wilcoxon", "bmp", "skewness_t"]] > 0.1).all()
