"""Blocks bound the memory of a study, and change no bit of it."""

from __future__ import annotations

import numpy as np
import pytest

from chainpolicy.eventstudy import EstimationWindow, EventStudy, EventStudyResults, estimator
from chainpolicy.eventstudy import results as results_module
from panels import alignment_frame, returns_frame

COUNT = 130


def placebo(*, gaps: bool) -> EventStudyResults:
    """All ordinary sessions of eight assets, one of them without the second benchmark."""
    rng = np.random.default_rng(1)
    names = [f"T{number}" for number in range(8)]
    returns = rng.normal(0.0, 0.02, (8, COUNT))
    if gaps:
        returns[rng.random(returns.shape) < 0.03] = np.nan
    market, size = rng.normal(0.0, 0.01, (2, COUNT))
    study = EventStudy(
        returns_frame(dict(zip(names, returns, strict=True)), {"market": market, "size": size}),
        alignment_frame({"e": dict.fromkeys(names, 100)}, COUNT),
        benchmarks={name: ("market", "size") if name != "T3" else ("market",) for name in names},
        estimation=EstimationWindow(window=(-45, -4), minimum=30),
    )
    return study.placebo((0, 2))


@pytest.mark.parametrize("gaps", [False, True])
def test_blocks_and_batches_change_no_bit(gaps, monkeypatch):
    whole = placebo(gaps=gaps)
    tests, caar = whole.tests((0, 1)).tidy(), whole.caar((0, 1))
    for pairs, events in ((1, 1), (7, 3), (50, 10)):
        monkeypatch.setattr(estimator, "VALUES_PER_BLOCK", pairs * 42)
        monkeypatch.setattr(results_module, "VALUES_PER_BATCH", events * 8 * 42)
        parts = placebo(gaps=gaps)
        for name, values in vars(whole._fit).items():
            assert getattr(parts._fit, name).tobytes() == values.tobytes(), name
        assert parts.pairs.equals(whole.pairs)
        assert parts.excluded.equals(whole.excluded)
        assert parts.residuals.equals(whole.residuals)
        assert parts.abnormal_returns.equals(whole.abnormal_returns)
        assert parts.caar((0, 1)).equals(caar)
        assert parts.tests((0, 1)).tidy().equals(tests)
