"""Findings: a sentence together with the numbers it is made of.

Every number in the prose of a notebook or of the README comes from one of these functions.
"""

from chainpolicy.findings.article import (
    agreement_report,
    dated_statements_found,
    tone_agreement,
    tone_report,
)
from chainpolicy.findings.base import Finding
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

__all__ = [
    "Finding",
    "agreement_report",
    "article_answer",
    "claims_report",
    "claims_verdicts",
    "dated_statements_found",
    "disentangled",
    "early_reading",
    "explained",
    "hour_by_hour",
    "moved",
    "phases_report",
    "policy_extremes",
    "projection_reading",
    "response_to_stances",
    "reversal_report",
    "sentiment_effect",
    "sentiment_report",
    "speech_answer",
    "speed_and_persistence",
    "stance_report",
    "tone_agreement",
    "tone_report",
    "undone",
    "volatility_reading",
    "volatility_report",
]
