"""Own regressors of the cross-section: products of columns of events.csv and assets.csv."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from chainpolicy.study.events import STANCE_PREFIX, stance_columns
from chainpolicy.study.problems import Problem, did_you_mean
from chainpolicy.study.settings import SETTINGS_FILE
from chainpolicy.study.tabular import MOST_PROBLEMS, parse_numbers

KEY = "cross_section.regressors"
# The sum of all stances, which is no column of events.csv.
STANCE = "stance"
# What the rows of a cross-section are called already, and columns that are no numbers by kind.
_TAKEN = {"event_id", "ticker", "group", "calendar", "members", "car"}
_NO_NUMBERS = {"announced_at", "in_sample", "from_article", "article_date", "benchmark"}


@dataclass(frozen=True)
class Regressor:
    """One regressor: the product of what varies over events and what varies over assets.

    Attributes
    ----------
    event, asset : tuple of str
        Columns of events.csv and of assets.csv; one of the two may be empty.
    """

    event: tuple[str, ...]
    asset: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All its columns."""
        return self.event + self.asset

    def __str__(self) -> str:
        return " * ".join(self.columns)


def read_regressors(
    texts: Iterable[str],
    events: pd.DataFrame,
    assets: pd.DataFrame,
    line: int | None,
    problems: list[Problem],
) -> tuple[Regressor, ...]:
    """Read what ``[cross_section] regressors`` names, columns joined by ``*``, and check them.

    Reported are columns that neither file has or both have, and cells that are no numbers; `line`
    is that of the key in study.toml.
    """
    found: dict[Regressor, str] = {}
    for text in texts:
        names = tuple(name.strip() for name in text.split("*"))
        expected = _expected(names, events, assets)
        of_event = tuple(name for name in names if name == STANCE or name in events)
        of_asset = tuple(name for name in names if name not in of_event)
        regressor = Regressor(of_event, of_asset)
        if not expected and regressor in found:
            expected = f'each regressor once; "{found[regressor]}" is the same'
        if expected:
            problems.append(Problem(SETTINGS_FILE, expected, line, KEY, text))
        else:
            found[regressor] = text
    for file, table, side in (("events.csv", events, "event"), ("assets.csv", assets, "asset")):
        for column in dict.fromkeys(name for it in found for name in getattr(it, side)):
            if column in table:
                problems += _check_numbers(table[column], file)
    return tuple(found)


def with_numbers(table: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Read the columns of a table that regressors name; a blank becomes NaN.

    Those that `table` does not have, or has as numbers, change nothing.
    """
    text = [name for name in columns if name in table and table[name].dtype == "str"]
    return table.assign(**{name: parse_numbers(table[name]) for name in text})


def _expected(names: tuple[str, ...], events: pd.DataFrame, assets: pd.DataFrame) -> str | None:
    """Say what is expected where columns cannot be used, None where they can."""
    usable = {
        str(column): None
        for table in (events, assets)
        for column in table
        if column not in _TAKEN | _NO_NUMBERS
    }
    for name in names:
        if not name:
            return 'names of columns joined by "*", such as "log_size * beta"'
        if name in events and name in assets:
            return f'a column of one file; events.csv and assets.csv both have "{name}": rename one'
        if name == STANCE and name not in events and not stance_columns(events):
            return f'columns {STANCE_PREFIX}... in events.csv, of which "{STANCE}" is the sum'
        if name != STANCE and name not in usable:
            return (
                f'numeric columns of events.csv and assets.csv joined by "*"; "{name}" is none of '
                f"them{did_you_mean(name, usable)}"
            )
    return None


def _check_numbers(values: pd.Series, file: str) -> list[Problem]:
    if values.dtype != "str":
        return []
    wrong = values[(values != "") & parse_numbers(values).isna()].head(MOST_PROBLEMS)
    expected = f"a number with a decimal point, or a blank, because {KEY} names this column"
    return [
        Problem(file, expected, int(line), str(values.name), text)
        for line, text in wrong.to_frame().itertuples()
    ]
