"""Settings and studies that all tests share."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import settings

from chainpolicy.eventstudy import EventStudyResults
from chainpolicy.study import Study, load_study
from chainpolicy.study.study import EMBEDDED, TEMPLATE

# How fast an example runs says something about the machine, not about the code; and a suite that
# passes once passes again.
settings.register_profile("chainpolicy", deadline=None, derandomize=True)
settings.load_profile("chainpolicy")


@pytest.fixture(scope="session")
def study() -> Study:
    """The embedded study, read once. It remembers what is computed from it: change copies only."""
    return load_study()


@pytest.fixture(scope="session")
def results(study: Study) -> EventStudyResults:
    return study.results


@pytest.fixture(scope="session")
def template() -> Study:
    """The small study that `chainpolicy new` writes, read once."""
    return load_study(TEMPLATE)


@pytest.fixture(scope="session")
def close() -> pd.DataFrame:
    """Closes of the embedded study by date and ticker, straight from the file."""
    prices = pd.read_csv(EMBEDDED / "prices.csv", parse_dates=["date"])
    return prices.pivot_table(index="date", columns="ticker", values="close")
