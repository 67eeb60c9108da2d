"""What the repository says of itself: commands that parse, links that lead on."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from chainpolicy.cli import main
from chainpolicy.figures import FIGURES
from chainpolicy.typeset.markdown import headings, parsed, slug
from places import ROOT
from test_layering import ORDER, PACKAGE

TEXTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "src").glob("chainpolicy/*/README.md")),
    *sorted((ROOT / "src").glob("chainpolicy/studies/*/README.md")),
]
TARGETS = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
VERSION = re.search(
    r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
)[1]


def built() -> set[Path]:
    """List what `regenerate` makes, whether or not it stands here already."""
    notebooks = {path.with_suffix(".ipynb") for path in (ROOT / "notebooks").glob("*.py")}
    article = {ROOT / "notebooks" / f"article{suffix}" for suffix in (".md", ".pdf")}
    return notebooks | article | {ROOT / "figures" / f"{figure.name}.png" for figure in FIGURES}


def commands(text: str) -> list[str]:
    """Collect the commands of a text, in blocks and in line."""
    tokens = parsed(text)
    blocks = [line for t in tokens if t.type == "fence" for line in t.content.splitlines()]
    inline = [
        child.content
        for token in tokens
        for child in token.children or []
        if child.type == "code_inline"
    ]
    whole = [line.removeprefix("$ ").removeprefix(".venv/bin/") for line in [*blocks, *inline]]
    return [line for line in whole if re.match(r"(chainpolicy|make) ", line)]


def known(command: str) -> bool:
    """Whether a command, its options and the target of make exist; nothing is run."""
    program, *words = shlex.split(command, comments=True)
    if program == "make":
        return all(word in TARGETS or "=" in word for word in words)
    # Help is shown once all words have been read.
    return main([*words, "--help"]) == 0


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_is_known(path):
    assert [
        command for command in commands(path.read_text(encoding="utf-8")) if not known(command)
    ] == []


def test_the_readme_names_commands():
    assert len(commands((ROOT / "README.md").read_text(encoding="utf-8"))) >= 10


@pytest.mark.parametrize(
    "command",
    [
        "chainpolicy regenerat",
        "chainpolicy regenerate --onli forest",
        "chainpolicy prices show --all",
        "chainpolicy prices sell",
        "make everything",
    ],
)
def test_a_wrong_command_is_found(command):
    assert not known(command)


def links(text: str) -> list[str]:
    children = [child for token in parsed(text) for child in token.children or []]
    targets = [child.attrs.get("href") or child.attrs.get("src") for child in children]
    return [str(target) for target in targets if target and not urlsplit(str(target)).scheme]


@cache
def anchors(text: str) -> set[str]:
    named = set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    return named | {slug(title) for _, title in headings(text)}


def broken(path: Path, text: str) -> list[str]:
    """Links of a text at a path that lead to no file or no heading of the repository."""
    found = []
    for target in links(text):
        parts = urlsplit(target)
        place = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
        if not place.exists() and place not in built():
            found.append(target)
        elif parts.fragment and place.suffix == ".md":
            said = text if place == path else place.read_text(encoding="utf-8")
            if unquote(parts.fragment) not in anchors(said):
                found.append(target)
    return found


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_inside_the_repository_leads_on(path):
    assert broken(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda p: p.stem)
def test_every_link_of_a_notebook_leads_on(path):
    text = re.sub(r"(?m)^# ?", "", path.read_text(encoding="utf-8"))
    assert broken(path, text) == []


def test_a_broken_link_is_found():
    text = "# Here\n\n[a](gone.md) [b](#here) [c](#there) [d](README.md) ![e](figures/gone.png)\n"
    assert broken(ROOT / "README.md", text) == ["gone.md", "#there", "figures/gone.png"]


def test_the_readme_counts_the_notebooks():
    numbers = {10: "ten", 11: "eleven", 12: "twelve"}
    there = len(list((ROOT / "notebooks").glob("[0-9]*.py")))
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"an article, {numbers[there]} notebooks," in text


def test_exhibits_name_functions_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    exhibits = text.partition("## Exhibits and programs")[2].partition("\n## ")[0]
    named = re.findall(r"\| `([\w.]+)` \|", exhibits)
    assert len(named) >= 8
    for name in named:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(f"chainpolicy.{module}"), function)), name


def test_hooks_run_what_the_lock_installs():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    installed = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    for hook in config["repos"][0]["hooks"]:
        python, option, module, *_ = hook["entry"].split()
        assert hook["language"] == "system"
        assert (python, option) == (".venv/bin/python", "-m")
        assert module.removesuffix("_lib") in installed


def test_containers_run_targets_of_the_makefile():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    base = next(line.split()[1] for line in lines if line.startswith("FROM "))
    # A name and a tag; a host in it would tie the build to one registry.
    assert re.fullmatch(r"python:3\.\d+(-slim)?", base)
    command = next(json.loads(line.removeprefix("CMD ")) for line in lines if "CMD " in line)
    assert command[0] == "make"
    assert set(command[1:]) <= set(TARGETS)
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    assert [name for names in copied for name in names if not (ROOT / name).exists()] == []

    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    assert (ROOT / ".devcontainer" / container["build"]["dockerfile"]).is_file()
    assert container["postCreateCommand"] == "make"


def test_every_package_that_is_installed_runs_on_every_python_that_is_promised():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    first = project["requires-python"].removeprefix(">=") + ".0"
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    refused = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)$", lock, re.MULTILINE):
        held = importlib.metadata.metadata(name)
        assert held["Version"] == version, name
        if first not in SpecifierSet(held.get("Requires-Python") or ""):
            refused[name] = held.get("Requires-Python")
    assert first.count(".") == 2
    assert not refused


def test_binder_installs_the_lock_on_the_same_python():
    binder = ROOT / "binder"
    named = (binder / "requirements.txt").read_text(encoding="utf-8").split()
    assert named[0] == "-r"
    assert (binder / named[1]).resolve() == ROOT / "requirements.lock"
    assert os.access(binder / "postBuild", os.X_OK)
    python = (binder / "runtime.txt").read_text(encoding="utf-8").strip().replace("python-", ":")
    assert f"FROM python{python}" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_citation_names_the_version_and_what_it_rests_on():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == VERSION
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"## {VERSION}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for reference in citation["references"]:
        assert {"type", "title", "authors", "year"} <= set(reference)
    cited = " ".join(readme.split())
    assert sum(each["title"] in cited for each in citation["references"]) >= 4


def test_the_map_fits_a_screen_and_leads_to_files():
    _, _, rest = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n## Map\n")
    section = rest.partition("\n## ")[0]
    assert section.count("\n") <= 50
    assert re.findall(r"^(\w+)(?:/|\.py) ", section, re.MULTILINE) == ORDER
    named = set(re.findall(r"`([\w/]+\.py)`", section))
    assert len(named) >= 15
    lost = {name for name in named if not [*PACKAGE.rglob(name), *ROOT.glob(name)]}
    assert lost == set()
