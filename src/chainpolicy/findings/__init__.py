"""Findings: a sentence together with the numbers it is made of.

Every number in the prose of a notebook or of the README comes from one of these functions.
"""

from chainpolicy.findings.article import (
    agreement_report,
    dated_statements_found,
    tone_agreement,
    tone_report,
)
from chainpolicy.findings.base import Finding, significant_clusters
from chainpolicy.findings.bitcoin import (
    bitcoin_answer,
    by_stance,
    ordinary_sessions,
    placebo_reach,
    round_trip,
    single_asset_report,
    volatility,
)
from chainpolicy.findings.concept_stocks import (
    already_moved,
    censoring,
    concept_stocks_answer,
    fading,
    look_ahead_bias,
    rejection_report,
    windows_report,
)
from chainpolicy.findings.dynamics import (
    early_reading,
    hour_by_hour,
    phases_report,
    projection_reading,
    reversal_report,
    sentiment_effect,
    sentiment_report,
    speed_and_persistence,
    volatility_reading,
    volatility_report,
)
from chainpolicy.findings.policy import (
    article_answer,
    claims_report,
    claims_verdicts,
    policy_extremes,
    response_to_stances,
    stance_report,
)
from chainpolicy.findings.regressions import disentangled, explained, moved, speech_answer, undone
from chainpolicy.findings.responses import (
    controls,
    difference_report,
    portfolio_difference,
    significant_sessions,
)
from chainpolicy.findings.robustness import random_portfolios, specifications
from chainpolicy.findings.summary import abstract, response_table

__all__ = [
    "Finding",
    "abstract",
    "agreement_report",
    "already_moved",
    "article_answer",
    "bitcoin_answer",
    "by_stance",
    "censoring",
    "claims_report",
    "claims_verdicts",
    "concept_stocks_answer",
    "controls",
    "dated_statements_found",
    "difference_report",
    "disentangled",
    "early_reading",
    "explained",
    "fading",
    "hour_by_hour",
    "look_ahead_bias",
    "moved",
    "ordinary_sessions",
    "phases_report",
    "placebo_reach",
    "policy_extremes",
    "portfolio_difference",
    "projection_reading",
    "random_portfolios",
    "rejection_report",
    "response_table",
    "response_to_stances",
    "reversal_report",
    "round_trip",
    "sentiment_effect",
    "sentiment_report",
    "significant_clusters",
    "significant_sessions",
    "single_asset_report",
    "specifications",
    "speech_answer",
    "speed_and_persistence",
    "stance_report",
    "tone_agreement",
    "tone_report",
    "undone",
    "volatility",
    "volatility_reading",
    "volatility_report",
    "windows_report",
]
