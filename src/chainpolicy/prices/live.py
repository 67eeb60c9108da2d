"""A copy of a study folder on live prices, with which everything a study can do can be done."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import tomlkit
from tomlkit.exceptions import TOMLKitError

from chainpolicy.prices.fetch import FetchReport, surviving_assets
from chainpolicy.study.output import staging
from chainpolicy.study.problems import InputError, Problem

# The table of what was downloaded; a folder that holds it is a live copy, and may be replaced.
DOWNLOADS = "downloads.csv"

_SETTINGS = "study.toml"
# Files that the copy has in any case: nothing else takes their names.
_OWN = {_SETTINGS, "events.csv", "assets.csv", "confounders.csv", "calendars.csv"}
_OWN |= {"README.md", DOWNLOADS}

_NOTE = f"""\
> This is a copy of a study on live prices. They come from Yahoo Finance; {DOWNLOADS} says when
> each series was downloaded and which were lost. Lost assets, and those whose benchmark is lost,
> have no row in assets.csv. What stands below about the source of the prices is about the study
> that was copied.

"""


def live_folder(folder: Path, output: Path, files: Iterable[Path]) -> Path:
    """Say where the live copy of a study goes, before anything is downloaded for it.

    Parameters
    ----------
    folder : pathlib.Path
        The study.
    output : pathlib.Path
        Where everything that is made from the copy goes; created if missing.
    files : iterable of pathlib.Path
        The study's files, wherever they lie.

    Returns
    -------
    pathlib.Path
        ``<output>/study``, which is not there yet or holds an older live copy.

    Raises
    ------
    InputError
        If `output` cannot be written, is a project or lies in the study, or if what is there
        under the name of the copy is not one, or holds a file that the study reads.
    """
    target = output / "study"
    expected = None
    try:
        # What is refused is left as it was, so that nothing is made before all is looked at.
        inside = [file for file in files if file.resolve().is_relative_to(target.resolve())]
        if (output / "pyproject.toml").exists():
            expected = "a folder of its own for --output, because the files here show other prices"
        elif output.resolve().is_relative_to(folder.resolve()):
            expected = "a folder for --output outside the study, which stays as it is"
        elif target.exists() and not (target / DOWNLOADS).is_file():
            expected = "a folder for --output in which study/ is new, or the copy of an earlier run"
        elif folder.resolve().is_relative_to(target.resolve()):
            expected = "another folder for --output: the study is itself the copy in this one"
        elif inside:
            expected = (
                f"another folder for --output: the study reads {inside[0]}, which is part of the "
                "copy in this one"
            )
        else:
            output.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=output).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        expected = f"a folder for --output that can be written; the system says: {reason}"
    if expected is not None:
        raise InputError([Problem(str(output), expected)])
    return target


def write_live_study(folder: Path, target: Path, report: FetchReport, assets: pd.DataFrame) -> None:
    """Copy a study folder, with other prices and without the assets that have none.

    What the study reads from outside its folder is in the copy under a local name.

    Parameters
    ----------
    folder : pathlib.Path
        The study; it is only read, as are its files that lie elsewhere.
    target : pathlib.Path
        From `live_folder`; an older copy is replaced in one step.
    report : FetchReport
        The prices, and what is told of them in ``downloads.csv``.
    assets : pandas.DataFrame
        From `assets.read_assets`, for which the prices were fetched.
    """
    prices = report.prices()
    surviving = surviving_assets(assets, prices)
    kept = set(surviving["ticker"])
    document = tomllib.loads((folder / _SETTINGS).read_bytes().decode("utf-8-sig"))
    named = document["prices"]
    hourly: dict[str, str] = named.get("hourly", {})
    lost = set(assets["ticker"]) - kept
    with staging(target.parent) as staged:
        copy = staged / target.name
        _copy_folder(folder, copy, leave_out=(folder / named["file"]).resolve())
        local = {
            ticker: _copy_file(folder, file, copy)
            for ticker, file in hourly.items()
            if ticker not in lost
        }
        factors = document.get("factors", {}).get("file")
        if factors is not None:
            factors = _copy_file(folder, factors, copy)
        file = _free_name(copy, _local_name(folder, named["file"]))
        if Path(file) == Path(named["file"]):
            file = named["file"]
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        _write(prices[prices["ticker"].isin(kept)], copy / file)
        # Without what changes from run to run though the prices do not.
        _write(report.tidy().drop(columns=["state", "seconds"]), copy / DOWNLOADS)
        _keep_assets(copy / "assets.csv", kept)
        _edit_settings(copy / _SETTINGS, file, factors, local, set(surviving["group"]))
        readme = copy / "README.md"
        about = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
        readme.write_text(_NOTE + about, encoding="utf-8", newline="\n")
        if target.exists():
            target.replace(staged / "old")
        copy.replace(target)


def _copy_folder(source: Path, target: Path, leave_out: Path, above: tuple[Path, ...] = ()) -> None:
    """Copy the contents of files and nothing else: the copy of what is read-only is not."""
    target.mkdir()
    above = (*above, source.resolve())
    for entry in sorted(source.iterdir()):
        place = entry.resolve()
        if place == leave_out:
            continue
        if entry.is_file():
            shutil.copyfile(entry, target / entry.name)
        # A link to a folder above would be followed without end.
        elif entry.is_dir() and place not in above:
            _copy_folder(entry, target / entry.name, leave_out, above)


def _copy_file(folder: Path, file: str, copy: Path) -> str:
    """Put a file that the study names into the copy, if it is not there; say how it is called."""
    name = _local_name(folder, file)
    if name in _OWN or not _same(folder / file, copy / name):
        name = _free_name(copy, name)
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / file, copy / name)
    return file if Path(file) == Path(name) else name


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def _local_name(folder: Path, file: str) -> str:
    """Name a file inside the folder; one that lies elsewhere keeps the last part of its name."""
    path = Path(os.path.normpath(file))
    if path.is_absolute() or path.parts[:1] in ((), ("..",)):
        return (folder / file).resolve().name or "prices.csv"
    return path.as_posix()


def _free_name(copy: Path, name: str) -> str:
    """Return the name, or the first with a number that nothing in the copy has."""
    path = Path(name)
    names = [name, *(f"{path.stem}-{number}{path.suffix}" for number in range(2, 1000))]
    return next(new for new in names if new not in _OWN and not (copy / new).exists())


def _write(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, date_format="%Y-%m-%d", lineterminator="\n")


def _keep_assets(path: Path, tickers: set[str]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as source:
        header, *rows = csv.reader(source)
    place = [name.strip() for name in header].index("ticker")
    with path.open("w", encoding="utf-8", newline="") as copy:
        writer = csv.writer(copy, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(row for row in rows if row and row[place].strip() in tickers)


def _edit_settings(
    path: Path, file: str, factors: str | None, hourly: Mapping[str, str], groups: set[str]
) -> None:
    """Name the files and groups of the copy in study.toml; all else stays as it is written."""
    text = path.read_bytes().decode("utf-8-sig")
    document = tomllib.loads(text)
    before = document["prices"]
    edited = text
    if before["file"] != file:
        edited = _with_value(edited, ("prices", "file"), file)
    if factors is not None and document["factors"]["file"] != factors:
        edited = _with_value(edited, ("factors", "file"), factors)
    for ticker, name in before.get("hourly", {}).items():
        if hourly.get(ticker) != name:
            edited = _with_value(edited, ("prices", "hourly", ticker), hourly.get(ticker))
    for group in document.get("groups", {}):
        if group not in groups:
            edited = _with_value(edited, ("groups", group), None)
    if edited != text:
        path.write_bytes(edited.encode("utf-8"))


def _with_value(text: str, keys: tuple[str, ...], value: str | None) -> str:
    """Set a value of a TOML document in the style it is written in; None takes the key out."""
    *above, table, key = keys
    expected = tomllib.loads(text)
    values = _table(expected, (*above, table))
    if value is None:
        del values[key]
    else:
        values[key] = value

    def in_place(document: Any) -> None:
        entries = _table(document, (*above, table))
        if value is None:
            del entries[key]
        else:
            entries[key] = value

    def anew(document: Any) -> None:
        entries = tomlkit.inline_table()
        entries.update(values)
        _table(document, above)[table] = entries

    # tomlkit loses the neighbours of a dotted key that stand apart; then the table is written anew.
    for edit in (in_place, anew):
        with suppress(TOMLKitError, LookupError, ValueError):
            document = tomlkit.parse(text)
            edit(document)
            edited = tomlkit.dumps(document)
            if tomllib.loads(edited) == expected:
                return edited
    plainer = (
        f"a section [{'.'.join((*above, table))}] with one line for each key, and nothing else"
    )
    raise InputError([Problem(_SETTINGS, plainer, column=".".join(keys))])


def _table(document: Any, keys: Iterable[str]) -> Any:
    for key in keys:
        document = document[key]
    return document
