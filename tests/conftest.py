"""Settings that all tests share."""

from hypothesis import settings

# How fast an example runs says something about the machine, not about the code; and a suite that
# passes once passes again.
settings.register_profile("chainpolicy", deadline=None, derandomize=True)
settings.load_profile("chainpolicy")
