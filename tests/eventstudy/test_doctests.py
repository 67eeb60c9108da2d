"""Examples in docstrings run, and every public name of the event study has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import operator
import pkgutil
import re
from types import ModuleType

import pytest
import test_counterfactual
import test_hand_worked
import test_thin_trading

import chainpolicy
from chainpolicy import eventstudy
from chainpolicy.build.reference import api_page, equation_numbers, markdown

NAMES = [
    info.name
    for info in pkgutil.walk_packages(chainpolicy.__path__, "chainpolicy.")
    if not info.name.startswith("chainpolicy.studies")
]
MODULES = [
    *(eventstudy.panel, eventstudy.normal, eventstudy.abnormal, eventstudy.inference),
    *(eventstudy.pooling, eventstudy.results, eventstudy.batch, eventstudy.estimator),
    *(eventstudy.counterfactual, eventstudy.bands, eventstudy.display, eventstudy.diagnostics),
]


def public(module: ModuleType) -> dict[str, object]:
    return {
        name: member
        for name, member in vars(module).items()
        if not name.startswith("_") and getattr(member, "__module__", None) == module.__name__
    }


DOCUMENTED = {
    f"{module.__name__.rpartition('.')[2]}.{name}": member
    for module in MODULES
    for name, member in public(module).items()
    if inspect.isclass(member) or inspect.isfunction(member)
}


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_module_run(name: str) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    for example in doctest.DocTestFinder().find(importlib.import_module(name)):
        runner.run(example, out=report.append)
    assert "".join(report) == ""


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_a_public_name_says_what_it_takes_with_an_example(name: str) -> None:
    text = inspect.getdoc(DOCUMENTED[name]) or ""
    assert ">>>" in text or "\nSee `" in text
    if inspect.isfunction(DOCUMENTED[name]) and "as in `fit_normal`" not in text:
        # The tests of a group all take what GroupSample describes.
        parameters = set(inspect.signature(DOCUMENTED[name]).parameters) - {"sample"}
        assert parameters <= set(re.findall(r"\w+", text))


def test_every_exported_name_is_documented_there() -> None:
    constants = {"MODELS", "TESTS", "TEST_NAMES"}
    exported = set(eventstudy.__all__)
    assert {name.partition(".")[2] for name in DOCUMENTED} >= exported - constants
    for name in constants:
        assert f"`{name}`" in inspect.getdoc(eventstudy)


def test_every_method_says_what_it_returns_with_an_example() -> None:
    for owner in (
        *(eventstudy.EventStudy, eventstudy.EventStudyResults, eventstudy.EverySession),
        *(eventstudy.PooledEffects, eventstudy.TestResults),
    ):
        for name, member in vars(owner).items():
            if not name.startswith("_") and inspect.isfunction(member):
                text = inspect.getdoc(member)
                assert "Returns\n-------" in text, f"{owner.__name__}.{name}"
                assert "Examples\n--------" in text, f"{owner.__name__}.{name}"
                if f"See `{owner.__name__}`." in text:
                    assert f".{name}(" in inspect.getdoc(owner), f"{owner.__name__}.{name}"
                for parameter in list(inspect.signature(member).parameters)[1:]:
                    assert parameter in text, f"{owner.__name__}.{name}: {parameter}"


def test_the_page_holds_every_public_name_and_no_markup_of_another_language() -> None:
    page = api_page(eventstudy, MODULES)
    for name in DOCUMENTED:
        assert f"\n### {name.partition('.')[2]}\n" in page
    methods = ("EventStudy.placebo", "EventStudyResults.caar_path", "TestResults.tidy")
    # The last it has from a class without an entry of its own.
    for method in (*methods, "SyntheticMatching.fit"):
        assert f"\n#### {method}\n" in page
    assert ":math:" not in page
    assert ".. math" not in page
    assert "\n----" not in page
    assert page.count("```") % 2 == 0
    assert "_panel:" not in page


def formulas() -> dict[str, list[int]]:
    """Numbers of the displayed formulas, 0 for none, in the order of the modules."""
    found = {}
    for name, member in DOCUMENTED.items():
        inner = vars(member).items() if inspect.isclass(member) else ()
        for title, value in [(name, member), *((f"{name}.{part}", v) for part, v in inner)]:
            if callable(value) and not title.rpartition(".")[2].startswith("_"):
                docstring = inspect.getdoc(value) or ""
                numbers = equation_numbers(docstring)
                unnumbered = docstring.count(".. math::") - len(numbers)
                if numbers or unnumbered:
                    found[title] = numbers + [0] * unnumbered
    return found


def test_displayed_formulas_are_numbered_in_one_row() -> None:
    assert not [module for module in MODULES if ".. math::" in (inspect.getdoc(module) or "")]
    numbers = [number for found in formulas().values() for number in found]
    assert numbers == list(range(1, len(numbers) + 1))
    assert f"eq. 1 to {len(numbers)}" in inspect.getdoc(eventstudy)


@pytest.mark.parametrize("name", formulas())
def test_a_displayed_formula_names_its_source(name: str) -> None:
    module, _, path = name.partition(".")
    docstring = inspect.getdoc(operator.attrgetter(path)(getattr(eventstudy, module)))
    references = docstring.partition("References\n----------\n")[2].partition("\n\n")[0]
    assert re.search(r"\((19|20)\d\d\), \*", references), "authors, year and journal or book"


def test_every_test_and_model_displays_its_formula() -> None:
    titled = {name.rpartition(".")[2] for name in formulas()}
    assert {test.compute.__name__ for test in eventstudy.TESTS} <= titled
    assert {type(model).__name__ for model in eventstudy.MODELS.values()} <= titled


def test_every_equation_is_proved_by_a_test_that_carries_its_number() -> None:
    proved = set()
    for module in (test_hand_worked, test_thin_trading, test_counterfactual):
        for name, member in vars(module).items():
            if name.startswith("test_"):
                stated = re.match(r"Equations? (\d+)(?: and (\d+))?\.", member.__doc__ or "")
                proved |= {int(number) for number in stated.groups("0")} if stated else set()
    assert proved - {0} == {number for found in formulas().values() for number in found}


def test_the_page_lists_every_equation_with_its_name_and_source() -> None:
    page = api_page(eventstudy, MODULES)
    _, _, table = page.partition("**Equations**")
    rows = re.findall(r"^\| (\d+) \| \[`(.+)`\]\(#(.+)\) \| (.+) \|$", table, re.MULTILINE)
    expected = [
        (str(number), name.partition(".")[2])
        for name, found in formulas().items()
        for number in found
    ]
    assert [(number, name) for number, name, _, _ in rows] == expected
    for _, name, anchor, source in rows:
        assert re.search(rf"^####? {re.escape(name)}$", page, re.MULTILINE)
        assert anchor == re.sub(r"[^a-z_]", "", name.lower())
        assert re.match(r"[A-Z].* \((19|20)\d\d\)", source)


def test_references_become_a_list() -> None:
    text = (
        "The mean.\n\n"
        ".. math:: m = s / n \\tag{1}\n\n"
        "References\n"
        "----------\n"
        "Gauss (1809), *Theoria motus*, section 177: the\n"
        "    mean of all.\n"
        "Laplace (1812), *Theorie analytique*.\n"
    )
    assert markdown(text).splitlines()[6:] == [
        "**References**",
        "",
        "- Gauss (1809), *Theoria motus*, section 177: the mean of all.",
        "- Laplace (1812), *Theorie analytique*.",
    ]


def test_a_docstring_becomes_markdown() -> None:
    text = (
        "The mean, :math:`m`.\n"
        "\n"
        ".. math:: m = \\frac{s}{n}, \\quad\n"
        "          n > 0\n"
        "\n"
        "Parameters\n"
        "----------\n"
        "values : ndarray, shape (n,)\n"
        "    What is averaged,\n"
        "    in any unit.\n"
        "\n"
        "    NaN is no value.\n"
        "level : float\n"
        "\n"
        "Examples\n"
        "--------\n"
        ">>> mean([1, 3])\n"
        "2.0\n"
        "\n"
        "That is all.\n"
    )
    assert markdown(text).splitlines() == [
        "The mean, $`m`$.",
        "",
        "```math",
        "m = \\frac{s}{n}, \\quad",
        "n > 0",
        "```",
        "",
        "**Parameters**",
        "",
        "- `values` (ndarray, shape (n,)): What is averaged, in any unit. NaN is no value.",
        "- `level` (float)",
        "",
        "**Examples**",
        "",
        "```pycon",
        ">>> mean([1, 3])",
        "2.0",
        "```",
        "",
        "That is all.",
    ]
