"""What a command imports before it answers: the heavy libraries only where they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import chainpolicy
from chainpolicy import study
from chainpolicy.study.study import TEMPLATE


def imported_by(*commands: list[str]) -> set[str]:
    """Top-level modules that a process has after commands of its own."""
    code = "import sys; from chainpolicy.cli import main; "
    code += "".join(f"assert main({command!r}) == 0; " for command in commands)
    code += "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_help_imports_nothing_heavy():
    found = imported_by(["--help"])
    assert "typer" in found
    assert not {"numpy", "pandas", "rich", "scipy", "matplotlib"} & found


def test_reading_and_checking_a_study_imports_no_statistics_no_figures_and_no_tools_for_tests():
    found = imported_by(["events", str(TEMPLATE)], ["check", str(TEMPLATE)])
    assert {"pandas", "exchange_calendars"} <= found
    assert not {"scipy", "statsmodels", "matplotlib", "arch", "rich"} & found
    assert not {"hypothesis", "pytest", "pandera"} & found


def test_names_are_found_at_once_and_imported_when_they_are_used():
    code = "import sys, chainpolicy, chainpolicy.study; found = dir(chainpolicy); "
    code += "print({'numpy', 'pandas'} & set(sys.modules)); "
    code += "print(set(chainpolicy.__all__) <= set(found)); "
    code += "print(all(getattr(chainpolicy, name).__doc__ for name in chainpolicy.__all__)); "
    code += "from chainpolicy import *; from chainpolicy.study import *; "
    code += "print(Study.__name__, load_study.__name__, new_study.__name__, claims.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported, *found = done.stdout.splitlines()
    assert imported == "set()"
    assert found == ["True", "True", "Study load_study new_study claims"]
    assert {"EventStudy", "MarketModel", "Study", "load_study"} <= set(chainpolicy.__all__)


@pytest.mark.parametrize("package", [chainpolicy, study])
def test_an_unknown_name_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name
