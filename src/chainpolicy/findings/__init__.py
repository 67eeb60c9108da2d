"""Findings: a sentence together with the numbers it is made of.

Every number in the prose of a notebook or of the README comes from one of these functions.
"""

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

__all__ = [
    "Finding",
    "early_reading",
    "hour_by_hour",
    "phases_report",
    "projection_reading",
    "reversal_report",
    "sentiment_effect",
    "sentiment_report",
    "speed_and_persistence",
    "volatility_reading",
    "volatility_report",
]
