"""How fast, how long, how volatile: prices in the sessions and hours around announcements."""

from chainpolicy.dynamics.intraday import HourlyResponse, hourly_response, hourly_responses
from chainpolicy.dynamics.once import once, ordinary_sessions
from chainpolicy.dynamics.phases import (
    EARLY,
    JUMP,
    PHASES,
    Reversal,
    early_movers,
    half_life_of_jump,
    inside,
    phase_table,
    reversal,
)
from chainpolicy.dynamics.sentiment import (
    LocalProjection,
    local_projections,
    project,
    regress_on_sentiment,
    sentiment_regression,
)
from chainpolicy.dynamics.volatility import (
    MODELS,
    VolatilityModel,
    abnormal_volatility,
    fit_volatility,
    volatility_around_events,
    volatility_paths,
)

__all__ = [
    "EARLY",
    "JUMP",
    "MODELS",
    "PHASES",
    "HourlyResponse",
    "LocalProjection",
    "Reversal",
    "VolatilityModel",
    "abnormal_volatility",
    "early_movers",
    "fit_volatility",
    "half_life_of_jump",
    "hourly_response",
    "hourly_responses",
    "inside",
    "local_projections",
    "once",
    "ordinary_sessions",
    "phase_table",
    "project",
    "regress_on_sentiment",
    "reversal",
    "sentiment_regression",
    "volatility_around_events",
    "volatility_paths",
]
