r"""Event studies: frames in, results out; knows nothing of files, countries or assets.

An event study asks whether returns around an event differ from what they would have been
without it. For asset i, event session 0 and tau counting sessions of the asset's calendar:

1. *Normal return* (`normal`): a model linear in benchmark returns is fitted by least squares over
   the :math:`M_i` valid sessions of the estimation window (`EstimationWindow`), for the market
   model :math:`E[R_{it}] = \alpha_i + \beta_i R_{mt}`; :math:`s_i^2 = SSR_i / (M_i - p)` is the sum
   of squared residuals over its degrees of freedom, p being the number of estimated parameters.
2. *Abnormal return* (`abnormal`): :math:`AR_{it} = R_{it} - E[R_{it}]`, with the forecast
   variance :math:`V_i = s_i^2 [I + X_i^* (X_i'X_i)^{-1} X_i^{*\prime}]` over the event window, with
   the designs :math:`X_i` of the estimation and :math:`X_i^*` of the event window.
3. *Cumulation*: :math:`CAR_i(W) = \sum_W AR_{it}` over a window W, with the variance
   :math:`1'V_i 1`, the sum of all elements of :math:`V_i` in W, and
   :math:`t = CAR_i / \sqrt{1'V_i 1} \sim t(M_i - p)`; CAAR is the mean over the assets of a group.
4. *Tests* (`inference`): eleven tests of the null hypothesis that the mean CAR of the N assets of
   a group is zero. Where all share the event date, trust those that allow for correlation: the
   portfolio t and the adjusted BMP t, which hold their size, and GRANK-T, which comes close in
   larger groups of moderate correlation. Where event dates lie a few sessions apart, of the three
   the first two.
5. *Counterfactuals* (`counterfactual`): where no benchmark is right, `FactorCounterfactual` and
   `SyntheticMatching` take it from donors, assets that the event did not reach;
   `EventStudy.forecast_errors` compares models where no event is, `EventStudy.conformal` gives a
   p-value without a distribution, and a path of CAARs has a band of its own (`bands`).
6. *Pooling* (`pooling`): one estimate over many events, whose unit is the cluster, a distinct
   event session of a group; `EventStudyResults.pool`.

`EventStudy` lays the data out, `EventStudy.fit` returns `EventStudyResults`;
`EventStudy.every_session` (`batch`) takes every session of every asset for an event. Returns are
decimals, log or simple as given; windows include both ends; p-values are two-sided. `TESTS` are the
eleven tests in the order of `TEST_NAMES`, `MODELS` the models of normal returns by name.

Displayed formulas are numbered, eq. 1 to 29, and the tests that prove one carry its number. A
reference names the equation of its source: as read there for MacKinlay (1997), eq. 3-5, and
Kothari & Warner (2007), eq. 7; else as others quote it, such as the Stata command of Pacicco, Vena
& Venegoni (2018), *Stata Journal* 18(2), 461-476, for Patell (1976) and Kolari & Pynnonen (2010,
2011), and Kothari & Warner (2007), p. 30, for Lyon, Barber & Tsai (1999); by page, or by paper
alone, where no number was found.

Edge cases
----------
Nothing is dropped, shifted, filled or clipped in silence:

- *one asset*: the portfolio t alone is defined; it is the exact t of the asset's CAR. The other ten
  are NaN with a note.
- *two assets*: all eleven tests, with one correlation and one degree of freedom where it is N - 1;
  GRANK-T rejects too often in small groups, and up to five assets the exact p of Wilcoxon's test
  is above 5 %.
- *no spread* (identical CARs; residuals that cancel; :math:`\bar r = 1` for the adjusted BMP t;
  :math:`1 + (N - 1) \bar r = 0`): the statistics that would divide by it are NaN with a note, the
  others stand.
- *constant returns*, or returns the model explains entirely: the pair is excluded, "the residuals
  do not vary". *Constant or collinear benchmarks*: excluded likewise.
- *fewer valid sessions* than `minimum`, or than p + 1 (late listing, missing returns, a mask that
  takes the window, an event on the first session): the pair is excluded with both numbers.
- *an estimation window clipped by the data* is used if it holds enough valid sessions; assets of
  one group may have different M.
- *a missing return or benchmark* inside a cumulation window: no abnormal return on that session and
  no CAR over a window that holds it, see `EventStudyResults.incomplete`; never a zero.
- *an event window that runs past the data* (an event on the last session) keeps the taus that
  exist; a cumulation window that runs past has no CAR.
- *an event session outside the data*: the pair is excluded. *Inside the data and no session of the
  group*: an error.
- *no pair at all*: empty frames with their columns, no error.
- *closes at a price limit*: abnormal returns and tests as for others, every row marked, the share
  in `EventStudyResults.caar_path`. A censored return is a lower bound in magnitude.
- *a return over g sessions* (``n_sessions`` = g): variance :math:`s^2 (g + x'(X'X)^{-1}x)` with the
  row x = (g, benchmark return over the same g sessions); in estimation its row has weight 1/g.
- *different event sessions in one group*: residuals are correlated on calendar sessions for
  :math:`\bar r` and the portfolio t (eq. 22); the rank test and GRANK-T align residuals by their
  distance to the event session, miss the correlation of assets whose dates lie a few sessions
  apart, and reject too often then.
- *several dates of one asset under one event_id* (earnings): each is a pair of its own, and N
  counts pairs. Where its windows overlap, the tests that take them for independent, all but the
  portfolio t and the adjusted Patell and BMP, are NaN with a note, also in `pool`. *An event
  without a row for an asset*: it is not estimated there and not listed, and masks none of its
  sessions.
- *two events on one session* give identical numbers under both names.
- *lags and leads of the market* (`ScholesWilliams`, `Dimson`): a session is left out of estimation
  where one of them lies in the event window, outside the data, or beside a gap that returns span.
- *errors*, with the asset, session or event named: a missing or repeated column, a blank ticker,
  session, event_id or group, two rows for an asset and session or event, asset and session, a
  session that the group traded and the asset has no row for, text or infinity for a return or
  benchmark, a span or count that is no whole number, an unknown limit, a session with a timezone,
  an event session with a time of day among days, benchmarks of a ticker without returns, a reversed
  window, an unknown anchor, an estimation window that overlaps the event window, a column or
  event to pool by that does not exist.
"""

from chainpolicy.eventstudy.bands import sup_t_critical_value
from chainpolicy.eventstudy.batch import EverySession
from chainpolicy.eventstudy.counterfactual import (
    FactorCounterfactual,
    SyntheticMatching,
    conformal_p_value,
    donor_weights,
    matched_effect,
)
from chainpolicy.eventstudy.diagnostics import residual_autocorrelation, residual_quantiles
from chainpolicy.eventstudy.display import Summary
from chainpolicy.eventstudy.estimator import EstimationWindow, EventStudy
from chainpolicy.eventstudy.inference import TEST_NAMES, TESTS
from chainpolicy.eventstudy.normal import (
    MODELS,
    ConstantMean,
    Dimson,
    MarketAdjusted,
    MarketModel,
    NormalReturnModel,
    ScholesWilliams,
    SingleIndexModel,
)
from chainpolicy.eventstudy.pooling import PooledEffects
from chainpolicy.eventstudy.results import (
    EventStudyResults,
    TestResult,
    TestResults,
    window_label,
)

__all__ = [
    "MODELS",
    "TESTS",
    "TEST_NAMES",
    "ConstantMean",
    "Dimson",
    "EstimationWindow",
    "EventStudy",
    "EventStudyResults",
    "EverySession",
    "FactorCounterfactual",
    "MarketAdjusted",
    "MarketModel",
    "NormalReturnModel",
    "PooledEffects",
    "ScholesWilliams",
    "SingleIndexModel",
    "Summary",
    "SyntheticMatching",
    "TestResult",
    "TestResults",
    "conformal_p_value",
    "donor_weights",
    "matched_effect",
    "residual_autocorrelation",
    "residual_quantiles",
    "sup_t_critical_value",
    "window_label",
]
