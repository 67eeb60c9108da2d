"""Findings: a sentence together with the numbers it is made of.

Every number in the prose of a notebook or of the README comes from one of these functions.
"""

from chainpolicy.findings.base import Finding, response, significant_clusters

__all__ = ["Finding", "response", "significant_clusters"]
