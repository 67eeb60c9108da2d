"""Agreement of coded stances with the tone of the statements they were coded from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.article.tone import TONES
from chainpolicy.study.events import stance_columns

# A tone this close to zero is neutral.
NEUTRAL = 0.05
CATEGORIES = 3


def weighted_kappa(
    coded: NDArray[np.int64], scored: NDArray[np.int64]
) -> NDArray[np.float64] | np.float64:
    r"""Cohen's kappa with linear weights, for ratings -1, 0 and 1.

    .. math:: \kappa_w = 1 - \frac{\sum_{ij} |i - j| O_{ij}}{\sum_{ij} |i - j| E_{ij}},

    O the observed joint frequencies, E those expected from the margins if the raters were
    independent. 1 is perfect agreement, 0 that of chance. Cohen (1968), *Psychological
    Bulletin* 70(4).

    Parameters
    ----------
    coded, scored : ndarray of int, shape (..., n)

    Returns
    -------
    ndarray, shape (...)
        NaN where both raters give everything one and the same rating.
    """
    ratings = np.arange(CATEGORIES) - 1
    observed = np.abs(coded - scored).mean(axis=-1)
    margin_coded = (coded[..., None] == ratings).mean(axis=-2)
    margin_scored = (scored[..., None] == ratings).mean(axis=-2)
    distance = np.abs(ratings[:, None] - ratings[None, :])
    expected = np.einsum("...i,ij,...j->...", margin_coded, distance, margin_scored)
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: NDArray[np.float64] = 1.0 - observed / np.where(expected > 0, expected, np.nan)
    return kappa


def agreement(events: pd.DataFrame, draws: int = 9_999, seed: int = 0) -> pd.DataFrame:
    """Weighted kappa of each coded stance with each stored tone.

    Events without a tone are left out. ``stance, tone, n, same_sign, kappa, lower, upper``: the
    share of events with the same rating, the kappa and its 95 % percentile interval over bootstrap
    samples of events. Samples in which both raters give one rating only have no kappa and do not
    count.
    """
    columns = [name for name in TONES if name in events.columns]
    if not columns:
        return pd.DataFrame(columns=["stance", "tone", "n", "same_sign", "kappa", "lower", "upper"])
    scores = events[columns].apply(pd.to_numeric, errors="coerce")
    rated = scores.notna().all(axis=1)
    rng = np.random.default_rng(seed)
    n = int(rated.sum())
    sample = rng.integers(0, n, size=(draws, n)) if n else np.zeros((0, 0), dtype=np.int64)
    rows = []
    for stance in stance_columns(events):
        coded = events.loc[rated, stance].to_numpy(np.int64)
        for tone in columns:
            value = scores.loc[rated, tone].to_numpy(np.float64)
            scored = np.where(np.abs(value) <= NEUTRAL, 0, np.sign(value)).astype(np.int64)
            drawn = np.asarray(weighted_kappa(coded[sample], scored[sample]))
            drawn = drawn[np.isfinite(drawn)]
            bounds = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
            same = float((coded == scored).mean()) if n else np.nan
            kappa = float(weighted_kappa(coded, scored)) if n else np.nan
            rows.append((stance, tone, n, same, kappa, *bounds))
    return pd.DataFrame(
        rows, columns=["stance", "tone", "n", "same_sign", "kappa", "lower", "upper"]
    )
