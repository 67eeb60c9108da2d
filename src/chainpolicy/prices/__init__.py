"""Prices: from files of the study folder or from a provider, and whether they are complete."""

from chainpolicy.prices.coverage import coverage, missing_closes

__all__ = ["coverage", "missing_closes"]
