"""The library alone reads a study; what an extra brings is named where it is missing."""

import ast
import json
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from chainpolicy.cli import extra_of
from chainpolicy.study.study import TEMPLATE
from places import ROOT
from small_study import small_study
from statements import statements

# Imports fail as they do where a distribution is not installed.
BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.modules:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

Blocked.modules = {blocked!r}
sys.meta_path.insert(0, Blocked())
{code}
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


# Every task in a fork of one process, which imports once what none of them is without.
LACKING = """
import json, os, traceback
import chainpolicy.study.study, pandas, scipy.stats
from chainpolicy.cli import main

where, tasks = json.loads(sys.argv[1])
for name, (modules, task) in tasks.items():
    assert not set(modules) & set(sys.modules)
    if os.fork() == 0:
        Blocked.modules = set(modules)
        folder = os.path.join(where, name)
        os.mkdir(folder)
        for handle, kind in ((1, ".out"), (2, ".err")):
            os.dup2(os.open(folder + kind, os.O_WRONLY | os.O_CREAT), handle)
        os.chdir(folder)
        status = 1
        try:
            status = exec(task) or 0 if isinstance(task, str) else main(task)
        except ModuleNotFoundError:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    _, status = os.wait()
    print(os.waitstatus_to_exitcode(status), flush=True)
"""
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


@pytest.fixture(scope="module")
def lacking(tmp_path_factory) -> tuple[Path, dict[str, int]]:
    """Where each task ran without its modules, and with which status."""
    where = tmp_path_factory.mktemp("here")
    small = str(small_study(tmp_path_factory.mktemp("study") / "small"))
    tasks = {
        module: ([module], [small if word == "STUDY" else word for word in command])
        for module, command in COMMANDS.items()
    }
    tasks |= {name: (["matplotlib"], code) for name, code in CODE.items()}
    tasks["estimate"] = (sorted(brought() | {"linearmodels"}), ESTIMATE)
    script = BLOCKED.format(blocked=set(), code=LACKING)
    command = [sys.executable, "-c", script, json.dumps([str(where), tasks])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return where, dict(zip(tasks, map(int, done.stdout.split()), strict=True))


def test_a_study_is_read_and_estimated_without_any_extra(lacking):
    where, statuses = lacking
    assert statuses["estimate"] == 0, (where / "estimate.err").read_text(encoding="utf-8")
    numbers = (where / "estimate.out").read_text(encoding="utf-8").split()
    assert [int(number) > 0 for number in numbers] == [True] * 3


@pytest.mark.parametrize(
    ("code", "what"), [("figures", "figures need matplotlib"), ("axes", "a picture needs matplo")]
)
def test_a_missing_extra_is_named_in_python_too(lacking, code, what):
    where, statuses = lacking
    assert statuses[code] == 1
    last = (where / f"{code}.err").read_text(encoding="utf-8").strip().splitlines()[-1]
    assert last.startswith(f"ModuleNotFoundError: {what}")
    assert last.endswith("pip install 'chainpolicy[notebooks]'")


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        *(("yfinance", "prices"), ("dateparser", "article"), ("matplotlib", "notebooks")),
        ("docx", "exports"),
    ],
)
def test_a_missing_extra_is_named_in_one_sentence(lacking, module, extra):
    where, statuses = lacking
    said = (where / f"{module}.err").read_text(encoding="utf-8")
    assert statuses[module] == 2, said
    assert said == f"this needs {module}: pip install 'chainpolicy[{extra}]'\n"
    assert list((where / module).iterdir()) == []


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
