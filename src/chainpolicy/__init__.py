"""Event study of Chinese blockchain policy, and the library under it."""

from chainpolicy.study import Study, load_study

__all__ = ["Study", "load_study"]
