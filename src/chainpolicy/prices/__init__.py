"""Prices: from files of the study folder, or from a provider."""
