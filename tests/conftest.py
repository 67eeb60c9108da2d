"""Settings and studies that all tests share."""

from __future__ import annotations

import gc
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from chainpolicy.eventstudy import EventStudyResults
    from chainpolicy.study import Study

# How fast an example runs says something about the machine, not about the code; and a suite that
# passes once passes again, so that every run sees the same examples.
settings.register_profile(
    "chainpolicy",
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("chainpolicy")

# As on the command line; `test_text_storage` shows that the library does not care.
pd.set_option("mode.string_storage", "python")

# To take out the probes that were reached, slipcover looks for every function of the package: after
# fifty visits of one probe, and of the next, it does that some hundred times.
_coverage = getattr(sys.modules.get("slipcover.pytest_plugin"), "_slipcover_instance", None)
if _coverage:
    _coverage.d_miss_threshold = 5_000

# What a fixture needs is imported in it: a test of the library alone does not wait for the rest.


@pytest.fixture(scope="session")
def embedded() -> Study:
    """The embedded study, read once. It remembers what is computed from it: change copies only."""
    from chainpolicy.study import load_study

    return load_study()


@pytest.fixture(scope="session")
def study(embedded: Study) -> Study:
    """The same; a file of tests about another study has a fixture of this name of its own."""
    return embedded


@pytest.fixture(scope="session")
def results(study: Study) -> EventStudyResults:
    return study.results


@pytest.fixture(scope="session")
def template() -> Study:
    """The small study that `chainpolicy new` writes, read once."""
    from chainpolicy.study.study import TEMPLATE, load_study

    return load_study(TEMPLATE)


@pytest.fixture(scope="session")
def close() -> pd.DataFrame:
    """Closes of the embedded study by date and ticker, straight from the file."""
    from chainpolicy.study.study import EMBEDDED

    prices = pd.read_csv(EMBEDDED / "prices.csv", parse_dates=["date"])
    return prices.pivot_table(index="date", columns="ticker", values="close")


@pytest.fixture(scope="session")
def same_code() -> Iterator[None]:
    """Hash the package and all that is installed once, not in every build of this process."""
    from chainpolicy.build import regenerate

    digest = regenerate.environment_digest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regenerate, "environment_digest", lambda: digest)
        yield


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build in this process, which imports once what every notebook and figure needs.

    `test_once` shows that the number of processes changes no byte.
    """
    from chainpolicy.build import regenerate

    monkeypatch.setattr(regenerate, "cores", lambda: 1)


# Modules, tests and probes are many objects and leave little garbage: it is not looked for while
# they are made, and no later collection goes through them again.
gc.disable()


def pytest_collection_finish() -> None:
    """Let no collection of garbage go through all modules and tests again, but the young alone."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 1_000, 50)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Let what pytest looked for in all that is left not be looked for once more."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the tests did not reach, where branch coverage was taken."""
    folder = os.environ.get("SLIPCOVER_COVERAGE_DIR")
    if folder is None or "PYTEST_XDIST_WORKER" in os.environ:
        return
    from slipcover import print_coverage

    measured = json.loads((Path(folder) / "merged.json").read_text())
    table = io.StringIO()
    print_coverage(measured, outfile=table, skip_covered=True)
    terminalreporter.write_line(table.getvalue())
    for part in ("", "eventstudy/"):
        files = [of for name, of in measured["files"].items() if f"chainpolicy/{part}" in name]
        reached, missed = (
            sum(len(of[f"{what}_{kind}"]) for of in files for kind in ("lines", "branches"))
            for what in ("executed", "missing")
        )
        share = 100 * reached / (reached + missed)
        terminalreporter.write_line(f"Branch coverage of src/chainpolicy/{part}: {share:.2f} %")
