r"""Factor returns of a study: a file of them, as own work or Kenneth French's pages give it.

A factor is an excess return or a spread of two returns, simple or log. With the risk-free return
:math:`r_t` of the same file (zero if none is named), what is held is the factor and the risk-free
asset together, whose gross return is :math:`G_t = 1 + F_t + r_t` of a simple factor and
:math:`G_t = e^{F_t + r_t}` of a log one. Over the sessions from p to t, both of them closes, the
factor's return in the kind of the study is

.. math:: \sum_{p < s \le t} (\log G_s - \log(1 + r_s)) \quad\text{or}\quad
          \prod_{p < s \le t} G_s - \prod_{p < s \le t} (1 + r_s).

So the factor "market less risk-free" is exactly the excess return of the market's index, in either
kind, and of one session in the file's own kind it is what the file says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from chainpolicy.eventstudy.panel import Floats, Ints
from chainpolicy.study.assets import RESERVED
from chainpolicy.study.problems import Problem, irregular
from chainpolicy.study.tabular import (
    MOST_PROBLEMS,
    Schema,
    cell,
    check_keys,
    escape_damage,
    parse_dates,
    parse_numbers,
    read_table,
)

Kind = Literal["log", "simple"]

UNITS = {"percent": 0.01, "decimal": 1.0}
# What French's files write where there is no return.
MISSING = (-99.99, -999.0)
# A return beyond these, as a decimal, is none; it would also overflow.
LARGEST = {"simple": 100.0, "log": 5.0}

_DAY = r"\d{8}"
_MONTH = r"\d{6}"
_SCHEMA: Schema = {"date": cell(required=True, blank=False)}


@dataclass(frozen=True, eq=False)
class Factors:
    r"""Factor returns by day.

    Attributes
    ----------
    file : str
        As study.toml names it.
    growth : pandas.DataFrame
        By day, ascending: :math:`\log G_t` of each factor, NaN where the file has no value of the
        factor or of the risk-free return.
    rate : pandas.Series
        By day: :math:`\log(1 + r_t)`; zero if there is no risk-free return.
    risk_free : str or None
        Name of its column.
    units : {"percent", "decimal"}
        Of the file.
    """

    file: str
    growth: pd.DataFrame
    rate: pd.Series
    risk_free: str | None
    units: str

    @property
    def names(self) -> tuple[str, ...]:
        """The factors, in the order of the file."""
        return tuple(self.growth.columns)

    def returns(self, name: str, sessions: pd.DatetimeIndex, since: Ints, kind: Kind) -> Floats:
        """Return of a factor from the session at position `since` to each session.

        `since` is -1 where there is no session before. The result has its shape, NaN where a
        session between the two has no value.
        """
        held = _cumulated(self.growth[name], sessions, since)
        rate = self._log_rate(sessions, since)
        return held - rate if kind == "log" else np.exp(held) - np.exp(rate)

    def rates(self, sessions: pd.DatetimeIndex, since: Ints, kind: Kind) -> Floats:
        """Risk-free return from the session at position `since` to each session.

        See `returns`; zero if the study names no risk-free return.
        """
        rate = self._log_rate(sessions, since)
        return rate if kind == "log" else np.expm1(rate)

    def _log_rate(self, sessions: pd.DatetimeIndex, since: Ints) -> Floats:
        if self.risk_free is None:
            return np.zeros(since.shape)
        return _cumulated(self.rate, sessions, since)


def _cumulated(values: pd.Series, sessions: pd.DatetimeIndex, since: Ints) -> Floats:
    """Sum the values of the days after one session up to another, as both are sessions."""
    # A value on a day without a session belongs to the next one; a session without a value has
    # none to give.
    known = values.dropna()
    total = np.concatenate([[0.0], known.cumsum().to_numpy()])
    upto = total[known.index.searchsorted(sessions, side="right")]
    absent = np.cumsum(~sessions.isin(known.index))
    before = np.maximum(since, 0)
    position = np.arange(len(sessions)).reshape(-1, *[1] * (since.ndim - 1))
    position = np.broadcast_to(position, since.shape)
    complete = (since >= 0) & (absent[position] == absent[before])
    return np.where(complete, upto[position] - upto[before], np.nan)


def read_factors(
    path: Path,
    problems: list[Problem],
    *,
    units: str,
    kind: Kind,
    risk_free: str | None,
    name: str | None = None,
) -> Factors:
    """Read a file of factors.

    Parameters
    ----------
    path : pathlib.Path
        CSV file with the column ``date`` and one column per factor; or one of Kenneth French's
        daily files as downloaded: text before the header, whose first name is blank, days as
        YYYYMMDD, and after an empty line annual returns and a copyright, which are passed over.
        Blank, -99.99 and -999 are no value.
    units : {"percent", "decimal"}
    kind : {"simple", "log"}
        Of the factors and the risk-free return.
    risk_free : str, optional
        Column of the risk-free return. Where the file has none of this name there is none; the
        caller says so.

    Returns
    -------
    Factors
        Without the days that have a problem.
    """
    name = name or path.name
    before = len(problems)
    table = _read(path, name, problems)
    columns = [str(column) for column in table.columns if column != "date"]
    if len(problems) == before and not columns:
        problems.append(Problem(name, "a column for each factor beside date", 1))
    problems += [
        Problem(name, f"another name for this factor; {', '.join(RESERVED)} are taken", 1, column)
        for column in columns
        if column in RESERVED or ";" in column or not column.isprintable()
    ]
    written = table["date"].str.replace(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", regex=True)
    date = parse_dates(written).rename("date")
    unreadable = table.loc[date.isna() & (table["date"] != ""), ["date"]].head(MOST_PROBLEMS)
    problems += [
        Problem(name, _expected_day(text), int(line), "date", text)
        for line, text in unreadable.itertuples()
    ]
    problems += check_keys(date.dropna().to_frame(), name)
    values = pd.DataFrame(
        {column: _values(table[column], name, units, kind, problems) for column in columns},
        index=table.index,
    )
    days = values.assign(date=date).dropna(subset="date").drop_duplicates("date")
    days = days.set_index("date").sort_index()
    if risk_free in columns:
        rate = days.pop(str(risk_free))
    else:
        risk_free, rate = None, pd.Series(0.0, days.index)
    growth = days.add(rate, axis=0)
    if kind == "simple":
        growth = growth.where(growth > -1).transform(np.log1p)
        rate = rate.transform(np.log1p)
    return Factors(name, growth, rate, risk_free, units)


def _expected_day(text: str) -> str:
    if re.fullmatch(_MONTH, text):
        return "a day, YYYY-MM-DD or YYYYMMDD; this is a month: take the daily file"
    return "a day, YYYY-MM-DD or YYYYMMDD"


def _values(
    text: pd.Series, name: str, units: str, kind: Kind, problems: list[Problem]
) -> pd.Series:
    """Read returns as decimals, NaN where there is none or what is there was refused."""
    written = parse_numbers(text)
    values = (written * UNITS[units]).mask(written.isin(MISSING))
    lowest = -1.0 if kind == "simple" else -LARGEST["log"]
    # The lowest simple return would lose everything, and has no log.
    beyond = (values <= lowest) | (values > LARGEST[kind])
    other = "percent" if units == "decimal" else "decimal"
    number = "a number with a decimal point such as 0.35, or a blank if there is none"
    size = (
        f"a {kind} return between {lowest:.0%} and {LARGEST[kind]:.0%}; factors.units is {units} "
        f"in study.toml: should it be {other}?"
    )
    wrong = pd.DataFrame({"text": text, "beyond": beyond})
    wrong = wrong[(written.isna() & (text != "")) | beyond].head(MOST_PROBLEMS)
    problems += [
        Problem(
            name, size if is_beyond else number, int(line), str(text.name), escape_damage(value)
        )
        for line, value, is_beyond in wrong.itertuples()
    ]
    return values.mask(beyond)


def _read(path: Path, name: str, problems: list[Problem]) -> pd.DataFrame:
    """Text cells of either layout, index ``line``."""
    lines = _lines(path)
    header = _header(lines)
    if header is None:
        return read_table(path, _SCHEMA, (), problems, name)
    columns = ["date", *(field.strip() for field in lines[header].split(",")[1:])]
    # French ends some headers with a comma.
    while columns[-1] == "":
        columns.pop()
    for place, column in enumerate(columns):
        if not column or column in columns[:place]:
            expected = "a different name for each factor"
            problems.append(Problem(name, expected, header + 1, f"column {place + 1}", column))
            return pd.DataFrame(columns=["date"], dtype="str")
    rows = _rows_of_days(lines, header, len(columns), name, problems)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).astype("str")
    return table.rename_axis("line")


def _rows_of_days(
    lines: list[str], header: int, width: int, name: str, problems: list[Problem]
) -> dict[int, list[str]]:
    """Fields of the lines below the header, by line, to the end of the first table."""
    rows: dict[int, list[str]] = {}
    ended = False
    for number, line in enumerate(lines[header + 1 :], start=header + 2):
        fields = [field.strip() for field in line.split(",")]
        a_day = re.fullmatch(_DAY, fields[0])
        if not line.strip() or (len(fields) == 1 and not a_day):
            ended = True
        elif ended and a_day:
            expected = "one table of days; a second one begins here: keep the one that is meant"
            problems.append(Problem(name, expected, number, "date", fields[0]))
            break
        elif not ended and len(fields) != width:
            expected = f"{width} fields, as in the header in line {header + 1}"
            problems.append(Problem(name, expected, number, value=f"{len(fields)} fields"))
        elif not ended:
            rows[number] = fields
    return rows


def _lines(path: Path) -> list[str]:
    """Lines of the file; none, if whoever reads it as a table will say why."""
    if irregular(path):
        return []
    try:
        return path.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    except OSError:
        return []


def _header(lines: list[str]) -> int | None:
    """Position of a header as French writes it: a blank, then names, and days below."""
    for place, (line, below) in enumerate(pairwise(lines)):
        first, *names = (field.strip() for field in line.split(","))
        if not first and any(names):
            day = below.split(",")[0].strip()
            if re.fullmatch(f"{_DAY}|{_MONTH}", day):
                return place
    return None
