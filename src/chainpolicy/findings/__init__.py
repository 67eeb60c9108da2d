"""Findings: a sentence together with the numbers it is made of.

Every number in the prose of a notebook or of the README comes from one of these functions.
"""

from chainpolicy.findings.base import Finding, response, significant_clusters
from chainpolicy.findings.policy import (
    claims_report,
    claims_verdicts,
    policy_extremes,
    response_to_stances,
    stance_report,
)

__all__ = [
    "Finding",
    "claims_report",
    "claims_verdicts",
    "policy_extremes",
    "response",
    "response_to_stances",
    "significant_clusters",
    "stance_report",
]
