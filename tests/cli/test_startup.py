"""What is imported: the heavy libraries where they are used, and an extra where it is needed.

The library alone reads a study; what an extra brings is named where it is missing.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import chainpolicy
from chainpolicy import study
from chainpolicy.cli import extra_of
from chainpolicy.study import new_study
from chainpolicy.study.study import TEMPLATE
from places import ROOT
from small_study import small_study
from statements import statements

# One process that starts with nothing imported, of which every step imports more and none gives
# back. At its end it has what all tasks need, and each runs in a fork in which imports fail as they
# do where a distribution is not installed.
COLD = """
import json, os, sys, traceback

class Blocked:
    modules = frozenset()

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in cls.modules:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked)

def imported():
    return sorted({name.partition(".")[0] for name in sys.modules})

where, named, refused, template, tasks = json.loads(sys.argv[1])
found, status = {}, {}

import chainpolicy, chainpolicy.study
names = dir(chainpolicy)
found["names"] = imported()
from chainpolicy.cli import main
status["help"] = main(["--help"])
found["help"] = imported()
status["named"] = main(["events", named])
status["check"] = main(["check", template])
status["refused"] = main(["check", refused])
found["check"] = imported()
documented = all(getattr(chainpolicy, name).__doc__ for name in chainpolicy.__all__)
from chainpolicy import *
from chainpolicy.study import *
called = [thing.__name__ for thing in (Study, load_study, new_study, claims)]
import chainpolicy.eventstudy
found["library"] = imported()

import scipy.linalg, scipy.special
for name, (modules, task) in tasks.items():
    assert not set(modules) & set(imported())
    if os.fork() == 0:
        Blocked.modules = set(modules)
        folder = os.path.join(where, name)
        os.mkdir(folder)
        for handle, kind in ((1, ".out"), (2, ".err")):
            os.dup2(os.open(folder + kind, os.O_WRONLY | os.O_CREAT), handle)
        os.chdir(folder)
        code = 1
        try:
            code = exec(task) or 0 if isinstance(task, str) else main(task)
        except ModuleNotFoundError:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    status[name] = os.waitstatus_to_exitcode(os.wait()[1])
with open(os.path.join(where, "told.json"), "w") as file:
    json.dump([names, documented, called, found, status], file)
"""


def project() -> dict:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


def modules_of(requirements: list[str]) -> set[str]:
    """Modules that the distributions of some requirements bring, as installed here."""
    names = {r.partition(">")[0].casefold().replace("-", "_") for r in requirements}
    return {
        module
        for module, distributions in packages_distributions().items()
        if {d.casefold().replace("-", "_") for d in distributions} & names
    }


def brought() -> set[str]:
    """Modules of extras alone."""
    extras = project()["optional-dependencies"]
    some = [r for name, of in extras.items() if name not in ("all", "dev") for r in of]
    return modules_of(some) - modules_of(project()["dependencies"])


COMMANDS = {
    "yfinance": ["prices", "fetch", str(TEMPLATE)],
    "dateparser": ["extract", str(ROOT / "README.md")],
    "matplotlib": ["regenerate", str(TEMPLATE), "--output", "never-made"],
    "docx": ["report", "STUDY", "--table", "system", "--format", "docx", "--output", "never.docx"],
}
CODE = {
    "figures": "from chainpolicy import figures",
    "axes": "from chainpolicy.eventstudy.display import _axes; _axes(None)",
}
ESTIMATE = f"""
import chainpolicy
from chainpolicy.eventstudy import EventStudy
results = chainpolicy.load_study({str(TEMPLATE)!r}).estimate()
print(len(results.pairs), len(results.tests((0, 1)).tidy()), len(results.caar((0, 1))))
"""


@dataclass
class Cold:
    """What a cold process printed, what it had imported when, and how each of its tasks ended."""

    out: str
    err: str
    where: Path
    names: list[str]
    documented: bool
    called: list[str]
    imported: dict[str, list[str]]
    status: dict[str, int]

    def said(self, task: str) -> str:
        """What a task printed on standard error."""
        return (self.where / f"{task}.err").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def cold(tmp_path_factory) -> Cold:
    where = tmp_path_factory.mktemp("here")
    studies = tmp_path_factory.mktemp("studies")
    named, refused = new_study(studies / "named"), studies / "refused"
    events = (named / "events.csv").read_text(encoding="utf-8")
    events = events.replace("rule-announced", "Größe 区块链", 1)
    (named / "events.csv").write_text(events, encoding="utf-8")
    refused.mkdir()
    (refused / "study.toml").write_text('estimation.model = "Modèle 模型"\n', encoding="utf-8")
    small = str(small_study(studies / "small"))
    tasks = {
        module: ([module], [small if word == "STUDY" else word for word in command])
        for module, command in COMMANDS.items()
    }
    tasks |= {name: (["matplotlib"], code) for name, code in CODE.items()}
    tasks["estimate"] = (sorted(brought() | {"linearmodels"}), ESTIMATE)
    told = json.dumps([str(where), str(named), str(refused), str(TEMPLATE), tasks])
    # As in a shell without any locale.
    surroundings = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", COLD, told],
        capture_output=True,
        env={**os.environ, **surroundings, "PYTHONIOENCODING": "ascii"},
    )
    out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    assert done.returncode == 0, err
    return Cold(out, err, where, *json.loads((where / "told.json").read_text()))


def test_help_imports_nothing_heavy(cold):
    found = set(cold.imported["help"])
    assert cold.status["help"] == 0
    assert "typer" in found
    assert not {"numpy", "pandas", "rich", "scipy", "matplotlib"} & found


def test_reading_and_checking_a_study_imports_no_statistics_no_figures_and_no_tools_for_tests(cold):
    found = set(cold.imported["check"])
    assert (cold.status["named"], cold.status["check"]) == (0, 0)
    assert {"pandas", "exchange_calendars"} <= found
    assert not {"scipy", "statsmodels", "matplotlib", "arch", "rich"} & found
    assert not {"hypothesis", "pytest", "pandera"} & found


def test_matplotlib_is_imported_only_to_draw(cold):
    assert "numpy" in cold.imported["library"]
    assert "matplotlib" not in cold.imported["library"]


def test_names_are_found_at_once_and_imported_when_they_are_used(cold):
    assert not {"numpy", "pandas"} & set(cold.imported["names"])
    assert set(chainpolicy.__all__) <= set(cold.names)
    assert cold.documented
    assert cold.called == ["Study", "load_study", "new_study", "claims"]
    assert {"EventStudy", "MarketModel", "Study", "load_study"} <= set(chainpolicy.__all__)


@pytest.mark.parametrize("package", [chainpolicy, study])
def test_an_unknown_name_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name


def test_output_is_utf8_whatever_the_locale_and_no_traceback_is_shown(cold):
    """One study is printed and another one refused."""
    assert cold.status["refused"] == 2
    assert "Größe 区块链" in cold.out
    assert "Modèle 模型" in cold.err
    assert "Traceback" not in cold.err


def test_a_study_is_read_and_estimated_without_any_extra(cold):
    assert cold.status["estimate"] == 0, cold.said("estimate")
    numbers = (cold.where / "estimate.out").read_text(encoding="utf-8").split()
    assert [int(number) > 0 for number in numbers] == [True] * 3


@pytest.mark.parametrize(
    ("code", "what"), [("figures", "figures need matplotlib"), ("axes", "a picture needs matplo")]
)
def test_a_missing_extra_is_named_in_python_too(cold, code, what):
    assert cold.status[code] == 1
    last = cold.said(code).strip().splitlines()[-1]
    assert last.startswith(f"ModuleNotFoundError: {what}")
    assert last.endswith("pip install 'chainpolicy[notebooks]'")


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        *(("yfinance", "prices"), ("dateparser", "article"), ("matplotlib", "notebooks")),
        ("docx", "exports"),
    ],
)
def test_a_missing_extra_is_named_in_one_sentence(cold, module, extra):
    said = cold.said(module)
    assert cold.status[module] == 2, said
    assert said == f"this needs {module}: pip install 'chainpolicy[{extra}]'\n"
    assert list((cold.where / module).iterdir()) == []


def test_every_module_that_is_imported_is_of_the_core_or_of_an_extra():
    imported = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"chainpolicy"}
    core = modules_of(project()["dependencies"])
    assert {"pandas", "yfinance", "matplotlib"} <= foreign
    assert {module for module in foreign - core if extra_of(module) is None} == set()
    assert {module for module in foreign & core if extra_of(module)} == set()
