"""A study: its folder is read and checked, what is wrong is named, the rest becomes a `Study`."""

from chainpolicy.study.study import Study, load_study, new_study, read_once

__all__ = ["Study", "load_study", "new_study", "read_once"]
