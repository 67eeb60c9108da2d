"""What is regressed on announcements, beside the event study: a `Study` in, estimates out.

Events that overlap, share sessions and hit many assets at once (`EventDummySystem`, `overlap`,
`undoing`, `CrossSection`), the days after a surprise (`local_projections`), hours
(`hourly_response`), volatility and the phases of a response.
"""

from chainpolicy.estimators.choices import robustness, sizes, splits, without_one
from chainpolicy.estimators.clusters import policy_clusters
from chainpolicy.estimators.codings import stance_codings
from chainpolicy.estimators.cross_section import (
    AbsorbedError,
    CrossSection,
    CrossSectionResults,
    CrossSections,
    cross_section_data,
    cross_sections,
)
from chainpolicy.estimators.intraday import HourlyResponse, hourly_response, hourly_responses
from chainpolicy.estimators.overlap import Overlap, overlap, overlapping_clusters
from chainpolicy.estimators.phases import (
    EARLY,
    JUMP,
    PHASES,
    Reversal,
    early_movers,
    half_life_of_jump,
    inside,
    phase_table,
    reversal,
    reversals,
)
from chainpolicy.estimators.regimes import in_volatility
from chainpolicy.estimators.sentiment import (
    LocalProjection,
    local_projections,
    project,
    regress_on_sentiment,
    sentiment_regression,
)
from chainpolicy.estimators.stances import mean_response_by_stance
from chainpolicy.estimators.system import EventDummySystem, fitted_system
from chainpolicy.estimators.system_results import GroupSystem, SystemResults, SystemTest
from chainpolicy.estimators.undoing import undoing, undoing_report
from chainpolicy.estimators.volatility import (
    VOLATILITY_MODELS,
    VolatilityModel,
    abnormal_volatility,
    fit_volatility,
    volatility_around_events,
    volatility_paths,
)

__all__ = [
    "EARLY",
    "JUMP",
    "PHASES",
    "VOLATILITY_MODELS",
    "AbsorbedError",
    "CrossSection",
    "CrossSectionResults",
    "CrossSections",
    "EventDummySystem",
    "GroupSystem",
    "HourlyResponse",
    "LocalProjection",
    "Overlap",
    "Reversal",
    "SystemResults",
    "SystemTest",
    "VolatilityModel",
    "abnormal_volatility",
    "cross_section_data",
    "cross_sections",
    "early_movers",
    "fit_volatility",
    "fitted_system",
    "half_life_of_jump",
    "hourly_response",
    "hourly_responses",
    "in_volatility",
    "inside",
    "local_projections",
    "mean_response_by_stance",
    "overlap",
    "overlapping_clusters",
    "phase_table",
    "policy_clusters",
    "project",
    "regress_on_sentiment",
    "reversal",
    "reversals",
    "robustness",
    "sentiment_regression",
    "sizes",
    "splits",
    "stance_codings",
    "undoing",
    "undoing_report",
    "volatility_around_events",
    "volatility_paths",
    "without_one",
]
