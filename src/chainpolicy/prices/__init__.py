"""Downloads -> a study; a provider -> a local store, a live copy of a study.

Also what is wrong with a series, and which closes a study lacks. The price files of a study folder
are read in `study/snapshot.py`.
"""

from chainpolicy.prices.coverage import coverage, missing_closes

__all__ = ["coverage", "missing_closes"]
