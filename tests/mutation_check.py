"""Which changes of ``eventstudy/`` does no test notice? ``mutation_check.py [NAME] [--sample N]``.

mutmut makes the mutants and keeps the verdicts (``mutmut results``, ``mutmut show``), and
``[tool.mutmut]`` in ``pyproject.toml`` names the tests. But where ``mutmut run`` starts pytest anew
for every mutant, this collects the tests once and forks: in each child the tests that call the
mutated function run, fast and deadly ones first, until one fails. NAME is a pattern, as in
``inference.*grank*``; a sample is drawn from what it names, with a fixed seed. Fails if a survivor
is not explained in ``equivalent_mutants.md``, a complete run also if what is explained there does
not survive.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import inspect
import os
import random
import re
import signal
import sys
import time
from collections import Counter, defaultdict
from fnmatch import fnmatch
from pathlib import Path

import pytest
from mutmut import __main__ as mutmut
from mutmut.configuration import config
from mutmut.mutation import trampoline
from mutmut.mutation.data import SourceFileMutationData
from mutmut.utils.format_utils import (
    mangled_name_from_mutant_name,
    orig_function_and_class_names_from_key,
)

PACKAGE = "chainpolicy.eventstudy"
EXPLAINED = Path(__file__).with_name("equivalent_mutants.md")
SECONDS_PER_MUTANT = 120
SEED = 20191024
SCREEN = os.fdopen(os.dup(1), "w", buffering=1)


def make_mutants() -> list[SourceFileMutationData]:
    """Mutate the sources into ``mutants/``, as ``mutmut run`` does, and go there."""
    Path("mutants").mkdir(exist_ok=True)
    mutmut.set_mutant_under_test("mutant_generation")
    mutmut.copy_src_dir()
    mutmut.copy_also_copy_files()
    mutmut.setup_source_paths()
    mutmut.create_mutants(1)
    mutmut.set_mutant_under_test("")
    _, files = mutmut.collect_source_file_mutation_data(mutant_names=[])
    return [data for data in files.values() if data.exit_code_by_key]


def change(name: str) -> list[str]:
    """Return the lines that the mutant takes out (-) and puts in (+)."""
    module, _, mutant = name.rpartition(".")
    owner = importlib.import_module(module)
    if "ǁ" in mutant:
        owner = getattr(owner, mutant.split("ǁ")[1])
    sources = []
    for function in (re.sub(r"\d+$", "orig", mutant), mutant):
        lines = inspect.getsource(vars(owner)[function]).splitlines()
        sources.append([line.replace(function, "").strip() for line in lines])
    lines = difflib.unified_diff(*sources, n=0, lineterm="")
    return [f"{line[0]} {line[1:]}" for line in lines if re.match(r"[-+](?![-+])", line)]


def function_of(name: str) -> str:
    """Return the function that a mutant changes, as ``normal.Dimson.fit``."""
    module = name.rpartition(".")[0].removeprefix(f"{PACKAGE}.")
    function, owner = orig_function_and_class_names_from_key(name)
    return ".".join(filter(None, (module, owner, function)))


def explanations() -> set[tuple[str, ...]]:
    """Read which changes are explained: function, line as it is, line of the mutant."""
    found = set()
    function = before = ""
    for line in EXPLAINED.read_text(encoding="utf-8").splitlines():
        if line.startswith("@@ "):
            function = line.strip("@ ")
        elif line.startswith("- "):
            before = line
        elif line.startswith("+ "):
            found.add((function, before, line))
    return found


class Check:
    """A pytest plugin that runs the tests for every mutant instead of once."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.failed = False
        self.verdicts: dict[str, int] = {}  # as mutmut keeps them: 1 is killed, 0 is not
        self.explained = explanations()
        self.unused = set(self.explained)
        self.unexplained = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed

    def run(self, item: pytest.Item, following: pytest.Item | None = None) -> bool:
        """Run one test, once more if it ran before, and say whether it passes."""
        self.failed = False
        item._initrequest()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return not self.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        callers, seconds = self.observe(session.items)
        deadly: dict[str, Counter[pytest.Item]] = defaultdict(Counter)
        if self.fork("", session.items):
            raise pytest.UsageError("the tests fail in a child without a mutant")
        for count, name in enumerate(self.names):
            function = mangled_name_from_mutant_name(name)
            here, anywhere = deadly[function], deadly[""]
            # First what killed mutants of this function, or of any, and is quick.
            tests = sorted(
                callers[function],
                key=lambda t: (here[t] + anywhere[t] / 10 + 0.2) / (seconds[t] + 0.02),
                reverse=True,
            )
            failed = self.fork(name, tests)
            self.verdicts[name] = 1 if failed else 0
            if failed:
                here[tests[failed - 1]] += 1
                anywhere[tests[failed - 1]] += 1
            else:
                self.report(name)
            if count % 100 == 0:
                print(f"{count} of {len(self.names)} mutants", file=SCREEN)
        return True

    def report(self, name: str) -> None:
        """Show a survivor that is not explained."""
        found = (function_of(name), *change(name))
        self.unused.discard(found)
        if found not in self.explained:
            self.unexplained += 1
            print(name, *found, sep="\n    ", file=SCREEN)

    def observe(
        self, items: list[pytest.Item]
    ) -> tuple[dict[str, list[pytest.Item]], dict[pytest.Item, float]]:
        """Run every test on the unchanged code: which functions it calls, how long it takes."""
        callers: dict[str, list[pytest.Item]] = defaultdict(list)
        seconds: dict[pytest.Item, float] = {}
        called: set[str] = set()
        record, trampoline.record_trampoline_hit = (
            trampoline.record_trampoline_hit,
            lambda function, caller=None: called.add(function),
        )
        trampoline.set_mutant_under_test("stats")
        for item, following in zip(items, [*items[1:], None], strict=True):
            called.clear()
            start = time.process_time()
            if not self.run(item, following):
                raise pytest.UsageError(f"{item.nodeid} fails without a mutant")
            seconds[item] = time.process_time() - start
            for function in called:
                callers[function].append(item)
        trampoline.record_trampoline_hit = record
        trampoline.set_mutant_under_test("")
        return callers, seconds

    def fork(self, mutant: str, tests: list[pytest.Item]) -> int:
        """Return the number of the test that failed, 0 if none did; out of time is a failure."""
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(SECONDS_PER_MUTANT)
            trampoline.set_mutant_under_test(mutant)
            for number, test in enumerate(tests, start=1):
                try:
                    passed = self.run(test)
                except BaseException:
                    passed = False
                if not passed:
                    os.write(into, str(number).encode())
                    break
            os._exit(0)
        os.close(into)
        with os.fdopen(out) as pipe:
            answer = pipe.read()
        _, status = os.waitpid(child, 0)
        return int(answer or (1 if status else 0))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("patterns", nargs="*", default=["*"], metavar="NAME")
    parser.add_argument("--sample", type=int, metavar="N")
    asked = parser.parse_args()
    files = make_mutants()
    names = [name for data in files for name in data.exit_code_by_key]
    chosen = [n for n in names if any(fnmatch(n, f"{PACKAGE}.{p}") for p in asked.patterns)]
    if asked.sample is not None:
        chosen = sorted(random.Random(SEED).sample(chosen, asked.sample))
    check = Check(chosen)
    os.chdir("mutants")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    options = ["-q", "-s", "--tb=no", "-p", "no:cacheprovider", "-p", "no:logging", "--rootdir=."]
    tests = config().pytest_add_cli_args_test_selection
    code = pytest.main([*options, *tests], plugins=[check])
    if code:
        print("the tests do not pass", file=SCREEN)
        return 2
    os.chdir("..")
    for data in files:
        of_file = check.verdicts.keys() & data.exit_code_by_key.keys()
        data.exit_code_by_key |= {name: check.verdicts[name] for name in of_file}
        data.save()
        killed = sum(check.verdicts[name] for name in of_file)
        print(f"{data.path}: {len(of_file)} mutants, {killed} killed", file=SCREEN)
    print(f"{check.unexplained} survivors without an explanation", file=SCREEN)
    # Of a part it is not known what the rest would have used.
    unused = sorted(check.unused) if len(check.names) == len(names) else []
    for explanation in unused:
        print("explained, but no survivor:", *explanation, sep="\n    ", file=SCREEN)
    return 1 if check.unexplained or unused else 0


if __name__ == "__main__":
    sys.exit(main())
