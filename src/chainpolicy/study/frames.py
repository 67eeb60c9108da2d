"""Frames in memory -> the files of a study folder, so that both are read and checked alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.settings import SETTINGS_FILE

# What a study needs and frames cannot say.
DEFAULTS: dict[str, Any] = {
    "study.name": "frames",
    "prices.file": "prices.csv",
    "estimation.window": (-130, -11),
    "event.window": (-10, 20),
    "event.car_windows": ((0, 0), (0, 1)),
}


def write_frames(folder: Path, frames: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Write a study folder from frames.

    Parameters
    ----------
    folder : pathlib.Path
        Empty.
    frames : mapping of str to DataFrame
        By the name of the file without suffix.
    settings : mapping
        By dotted key of study.toml; what is left out of `DEFAULTS` is added.

    Raises
    ------
    InputError
        If something is no frame, or no setting can be written.
    """
    wrong = [
        Problem(name, "a pandas DataFrame", value=type(frame).__name__)
        for name, frame in frames.items()
        if not isinstance(frame, pd.DataFrame)
    ]
    if wrong:
        raise InputError(wrong)
    for name, frame in frames.items():
        text = pd.DataFrame({label: _texts(frame[label]) for label in frame.columns})
        text.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    lines = [f"{key} = {_toml(key, value)}\n" for key, value in _flat({**DEFAULTS, **settings})]
    (folder / SETTINGS_FILE).write_text("".join(lines), encoding="utf-8")


def in_frames(problem: Problem) -> Problem:
    """Name the frame and its row, counted from zero, in place of a file and its line."""
    if problem.file == SETTINGS_FILE:
        return Problem("settings", problem.expected, None, problem.column, problem.value)
    frame = problem.file.removesuffix(".csv")
    line = problem.line or 1
    row = f"{frame}, row {line - 2}" if line > 1 else frame
    # A line is named in the text, too, where a row repeats another one.
    expected = re.sub(r"\bline (\d+)\b", lambda m: f"row {int(m[1]) - 2}", problem.expected)
    return Problem(row, expected, None, problem.column, problem.value)


def _texts(column: pd.Series) -> pd.Series:
    """Write cells as a study's files have them."""
    if isinstance(column, pd.DataFrame):
        raise InputError([Problem("columns", "each column once", value=str(column.columns[0]))])
    if pd.api.types.is_float_dtype(column):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        known = numbers[~np.isnan(numbers)]
        # A column of whole numbers with a gap is one of floats to pandas.
        whole = np.isfinite(known).all() and (known == np.round(known)).all()
        if not whole or (np.abs(known) > 2**53).any():
            return column
        return column.astype("Float64").astype("Int64")
    if pd.api.types.is_integer_dtype(column):
        return column
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
        days = column.dropna()
        if (days == days.dt.normalize()).all():
            return pd.Series(column.dt.strftime("%Y-%m-%d"))
    return pd.Series([_text(value) for value in column], column.index, dtype="str")


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ";".join(map(str, value))
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        if value.tzinfo is None and value == datetime(value.year, value.month, value.day):
            return f"{value:%Y-%m-%d}"
        return value.isoformat()
    return str(value)


def _flat(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if value is None:
            continue
        if isinstance(value, Mapping):
            for name, inner in value.items():
                yield f"{key}.{json.dumps(str(name), ensure_ascii=False)}", inner
        else:
            yield key, value


def _toml(key: str, value: object) -> str:
    if isinstance(value, pd.Timestamp | datetime | date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, np.generic):
        value = value.item()
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        expected = "a text, number, date, switch, or a sequence or mapping of them"
        raise InputError([Problem("settings", expected, None, key, str(value))]) from None
