"""Diagnostics of the estimation windows, against numpy and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chainpolicy.eventstudy import (
    ConstantMean,
    EstimationWindow,
    EventStudy,
    EventStudyResults,
    residual_autocorrelation,
    residual_quantiles,
)
from panels import alignment_frame, returns_frame

SEASAW = [0.01, -0.01] * 20


@pytest.fixture(scope="module")
def results() -> EventStudyResults:
    rng = np.random.default_rng(3)
    noise = {name: rng.normal(0.0, 0.02, 60) for name in "AB"}
    returns = {**noise, "C": [*SEASAW, *[0.0] * 20]}
    return EventStudy(
        returns_frame(returns, {}),
        alignment_frame({"one": dict.fromkeys("ABC", 45), "two": {"A": 50}}, 60),
        model=ConstantMean(),
        estimation=EstimationWindow(window=(-45, -6), minimum=20),
        event_window=(-1, 2),
        groups={"A": "noise", "B": "noise", "C": "seasaw"},
        benchmarks={},
    ).fit()


def test_neighbouring_residuals_are_correlated(results: EventStudyResults) -> None:
    found = residual_autocorrelation(results, "one").set_index("ticker")
    assert list(found.index) == ["A", "B", "C"]
    # C goes up and down by turns, and 40 sessions bound white noise at 1.96 / sqrt(40).
    assert found.loc["C", "autocorrelation"] == pytest.approx(-1.0, abs=1e-12)
    np.testing.assert_allclose(found["bound"], 0.30990, atol=1e-5)
    held = results.residuals.query("event_id == 'one' and ticker == 'A'").sort_values("session")
    own = held["residual"].to_numpy()
    expected = np.corrcoef(own[1:], own[:-1])[0, 1]
    assert found.loc["A", "autocorrelation"] == pytest.approx(expected, rel=1e-12)


def test_every_event_has_its_own_residuals(results: EventStudyResults) -> None:
    assert residual_autocorrelation(results, "two")["ticker"].tolist() == ["A"]
    assert set(residual_quantiles(results, "two", [0.5])["group"]) == {"noise"}


def test_quantiles_of_standardized_residuals(results: EventStudyResults) -> None:
    share = [0.05, 0.5, 0.975]
    found = residual_quantiles(results, "one", share)
    assert found["group"].tolist() == ["noise"] * 3 + ["seasaw"] * 3
    np.testing.assert_allclose(found["normal"][:3], [-1.644854, 0.0, 1.959964], atol=1e-6)
    sigma = results.models.query("event_id == 'one'").set_index("ticker")["sigma"]
    both = results.residuals.query("event_id == 'one' and ticker in ['A', 'B']")
    pooled = both["residual"].to_numpy() / sigma[both["ticker"]].to_numpy()
    np.testing.assert_allclose(found["residual"][:3], np.quantile(pooled, share), rtol=1e-12)
    # Half of C's 40 residuals are 0.01 above the mean; their sd has 39 degrees of freedom.
    assert found["residual"].iloc[-1] == pytest.approx(np.sqrt(39 / 40), rel=1e-9)


def test_one_probability_is_as_good_as_several(results: EventStudyResults) -> None:
    found = residual_quantiles(results, "two", 0.5)
    assert found["probability"].tolist() == [0.5]
    several = residual_quantiles(results, "two", [0.25, 0.5])
    assert found["residual"].item() == several["residual"].iloc[1]


def test_what_has_no_residuals_of_its_own_is_refused(results: EventStudyResults) -> None:
    with pytest.raises(KeyError, match="no asset was estimated at three"):
        residual_autocorrelation(results, "three")
    rng = np.random.default_rng(4)
    twice = alignment_frame({"earnings": {"A": 50}}, 60)
    twice = pd.concat([twice, alignment_frame({"earnings": {"A": 58}}, 60)])
    fitted = EventStudy(
        returns_frame({"A": rng.normal(0.0, 0.02, 60)}, {}),
        twice,
        model=ConstantMean(),
        estimation=EstimationWindow(window=(-40, -6), minimum=20),
        event_window=(-1, 1),
        groups={"A": "own"},
        benchmarks={},
    ).fit()
    assert len(fitted.pairs) == 2
    for diagnostic in (
        lambda: residual_autocorrelation(fitted, "earnings"),
        lambda: residual_quantiles(fitted, "earnings", [0.5]),
    ):
        with pytest.raises(ValueError, match="A has several dates under earnings"):
            diagnostic()
