"""Size of the pooled tests: a second implementation agrees, and says how often they reject."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chainpolicy.eventstudy import EstimationWindow, EventStudy
from pooled_null import ESTIMATION, WINDOW, abnormal, p_values, positions, simulate, sizes


@pytest.mark.parametrize("overlapping", [False, True])
def test_a_second_implementation_agrees(overlapping):
    at = positions(10, overlapping=overlapping)
    returns, market = simulate(at, 3, seed=4)
    days = pd.bdate_range("2000-01-03", periods=returns.shape[1])
    car, scar = abnormal(returns, market, at)
    expected = p_values(car, scar, at)
    for draw in range(3):
        panel = pd.DataFrame(
            {"ticker": "A", "session": days, "return": returns[draw], "market": market[draw]}
        )
        alignment = pd.DataFrame(
            {"event_id": [f"e{k}" for k in range(10)], "ticker": "A", "event_session": days[at]}
        )
        pooled = (
            EventStudy(
                panel,
                alignment,
                estimation=EstimationWindow(ESTIMATION, minimum=40),
                event_window=(0, WINDOW - 1),
            )
            .fit()
            .pool(window=(0, WINDOW - 1), draws=99)
        )
        np.testing.assert_allclose(pooled.clusters["caar"], car[draw], rtol=1e-9)
        np.testing.assert_allclose(pooled.clusters["scaar"], scar[draw], rtol=1e-9)
        row = pooled.tidy().iloc[0]
        for name in ("cross_sectional_t", "bmp", "sign_flip"):
            assert row[f"{name}_p"] == pytest.approx(expected[name][draw], rel=1e-9)
        # Two estimates of one residual on one session differ a little.
        assert row["adjusted_bmp_p"] == pytest.approx(expected["adjusted_bmp"][draw], abs=2e-3)


@pytest.mark.parametrize("clusters", [5, 10, 40])
@pytest.mark.parametrize("overlapping", [False, True])
def test_what_allows_for_overlap_rejects_a_true_null_about_as_often_as_said(clusters, overlapping):
    found = sizes(clusters, overlapping=overlapping, replications=4_000)
    # Estimation windows that share sessions, and the fat tails of SCAR, cost up to two points.
    assert 0.04 < found["adjusted_bmp"] < 0.075
    blocks = clusters if not overlapping else -(-clusters // 2)
    if blocks >= 6:
        # Fewer signs than 2 / 0.05 have no p-value below 5 %.
        assert 0.04 < found["sign_flip"] < 0.07
    if overlapping:
        assert found["bmp"] > 0.10
        assert found["cross_sectional_t"] > 0.10
