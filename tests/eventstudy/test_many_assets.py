"""Correlations of many assets, summed without a matrix of all of them, are those of all pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chainpolicy.eventstudy.inference import (
    ROWS,
    GroupSample,
    calendar_error,
    mean_residual_correlation,
)

LENGTH, WINDOW = 60, 3


def sample(n_assets: int, apart: int, *, gaps: bool, alike: bool) -> GroupSample:
    """Assets on five event sessions, `apart` sessions from one to the next.

    Those of a session are `alike` if what they forecast from weighs the same.
    """
    rng = np.random.default_rng(n_assets)
    residuals = rng.normal(size=(n_assets, LENGTH)) + rng.normal(size=LENGTH)
    if gaps:
        residuals[rng.random(residuals.shape) < 0.1] = np.nan
    residuals[3] = np.nan
    residuals[3, :20] = 1.0
    of_event = np.arange(n_assets) % 5
    event = apart * of_event
    weights = rng.normal(size=residuals.shape)
    if alike:
        weights = weights[of_event]
    return GroupSample(
        car=rng.normal(size=n_assets),
        car_std_error=rng.uniform(1.0, 2.0, n_assets),
        abnormal=rng.normal(size=(n_assets, WINDOW)),
        abnormal_std_error=np.ones((n_assets, WINDOW)),
        residuals=residuals,
        sigma=rng.uniform(1.0, 2.0, n_assets),
        n_parameters=np.full(n_assets, 2),
        estimation_session=event[:, None] + np.arange(LENGTH),
        window_start=event + LENGTH + 5,
        estimation_weights=np.where(np.isfinite(residuals), weights, 0.0),
    )


def pairwise(one: GroupSample) -> tuple[float, float]:
    """Mean correlation (eq. 10) and squared standard error (eq. 22), pair by pair."""
    first = one.estimation_session.min()
    length = one.window_start.max() + WINDOW - first
    values, weights = np.full((2, one.n_assets, length), np.nan)
    weights[:] = 0.0
    for i in range(one.n_assets):
        at = one.estimation_session[i] - first
        values[i, at] = one.residuals[i]
        weights[i, at] = -one.estimation_weights[i]
        weights[i, one.window_start[i] - first + np.arange(WINDOW)] += 1.0
    # A constant has no correlation: NaN, as for fewer than thirty sessions.
    correlation = pd.DataFrame(values.T).corr(min_periods=30).to_numpy()
    correlations, shared = [], (one.car_std_error**2).sum()
    for i in range(one.n_assets):
        for j in range(i):
            r = correlation[i, j]
            overlap = 1 - abs(one.window_start[i] - one.window_start[j]) / WINDOW
            known = np.isfinite(r)
            if known:
                shared += 2 * r * one.sigma[i] * one.sigma[j] * (weights[i] @ weights[j])
            if overlap <= 0:
                correlations.append(0.0)
            elif known:
                correlations.append(overlap * r)
    return float(np.mean(correlations)), float(shared) / one.n_assets**2


@pytest.mark.parametrize("apart", [0, 1, 9])
def test_an_asset_whose_residuals_are_constant_moves_with_no_other_of_its_kind(apart):
    one = sample(75, apart, gaps=False, alike=True)
    one.residuals[[10, 11, 20]] = 0.5
    mean, squared_error = pairwise(one)
    assert mean_residual_correlation(one) == pytest.approx(mean, rel=1e-10)
    error, _ = calendar_error(one)
    assert error**2 == pytest.approx(squared_error, rel=1e-10)


# More assets than rows at a time; five kinds of them, or each of its own; few sessions in common.
@pytest.mark.parametrize(("alike", "gaps"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("apart", [0, 1, 2, 9])
def test_sums_over_many_assets_are_those_over_all_pairs(apart, alike, gaps):
    one = sample(75, apart, gaps=gaps, alike=alike)
    assert one.n_assets > ROWS
    mean, squared_error = pairwise(one)
    assert mean_residual_correlation(one) == pytest.approx(mean, rel=1e-10)
    error, _ = calendar_error(one)
    assert error**2 == pytest.approx(squared_error, rel=1e-10)
    assert squared_error != pytest.approx((one.car_std_error**2).sum() / one.n_assets**2, rel=0.01)


def test_a_pair_of_which_one_does_not_move_has_no_correlation():
    rng = np.random.default_rng(8)
    residuals = rng.normal(size=(2, 4, 80))
    # The second moves on sessions alone that the first is not observed on.
    residuals[:, 0, :20] = np.nan
    residuals[:, 1, 20:] = 0.0
    sample = GroupSample(
        car=np.ones((2, 4)),
        car_std_error=np.ones((2, 4)),
        abnormal=np.ones((2, 4, 1)),
        abnormal_std_error=np.ones((2, 4, 1)),
        residuals=residuals,
        sigma=np.ones((2, 4)),
        n_parameters=np.ones(4, dtype=int),
    )
    for event, found in enumerate(mean_residual_correlation(sample)):
        of_pairs = []
        for i, j in [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]:
            both = np.isfinite(residuals[event, [i, j]]).all(axis=0)
            of_pairs.append(np.corrcoef(residuals[event][[i, j]][:, both])[0, 1])
        np.testing.assert_allclose(found, np.mean(of_pairs), rtol=1e-12)
