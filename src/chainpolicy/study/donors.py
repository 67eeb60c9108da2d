"""Donors: portfolios that no event of the study reached, from which counterfactuals are built."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from chainpolicy.study.calendars import Corrections
from chainpolicy.study.problems import Problem
from chainpolicy.study.sessions import sessions
from chainpolicy.study.snapshot import off_session
from chainpolicy.study.tabular import (
    IS_DATE,
    Schema,
    cell,
    parse_dates,
    parse_numbers,
    read_table,
)

DONORS_FILE = "donors.csv"
KEYS = ("date", "portfolio")


@dataclass(frozen=True)
class Donors:
    """Returns of donor portfolios.

    Attributes
    ----------
    returns : pandas.DataFrame
        Simple returns, one row per session of the calendar between the first and the last of the
        file, one column per portfolio; none is missing.
    calendar : str
        Of the portfolios, and of the assets they are donors to.
    market : str
        The portfolio that holds all donors: a benchmark, and no donor itself.
    corrections : tuple of Correction
        What the study sets right in its calendars.
    """

    returns: pd.DataFrame = field(repr=False)
    calendar: str
    market: str
    corrections: Corrections = ()

    @property
    def portfolios(self) -> tuple[str, ...]:
        """Names of the donors, without the market."""
        return tuple(str(name) for name in self.returns if name != self.market)

    def closes(self) -> pd.DataFrame:
        """Portfolios as price series, 100 before the first return: ``date, ticker, close``."""
        levels = 100.0 * (1.0 + self.returns).cumprod()
        first = self.returns.index[0]
        days = sessions(self.calendar, first - pd.Timedelta(days=30), first, self.corrections)
        before = days[-2]
        levels.loc[before] = 100.0
        levels = levels.sort_index().rename_axis(index="date").reset_index()
        return levels.melt("date", var_name="ticker", value_name="close")


def read_donors(
    path: Path,
    problems: list[Problem],
    calendar: str,
    market: str,
    tickers: Collection[str],
    corrections: Corrections = (),
) -> Donors:
    """Read donor portfolios.

    The columns are ``date, portfolio, return`` (simple) and perhaps ``n_stocks`` (shares with a
    return on that session). Every portfolio needs a return on every session between the first and
    the last day of the file; the market must be one of them, and none may have a ticker of the
    study.
    """
    name = path.name
    before = len(problems)
    table = read_table(path, SCHEMA, KEYS, problems)
    date = parse_dates(table["date"]).rename("date")
    known = date.dropna()
    if len(known):
        problems += off_session(known, calendar, name, corrections)
    parsed = pd.DataFrame(
        {"date": date, "portfolio": table["portfolio"], "return": parse_numbers(table["return"])}
    )
    clean = parsed.dropna()
    clean = clean[clean["portfolio"] != ""].drop_duplicates(list(KEYS))
    returns = clean.pivot_table(index="date", columns="portfolio", values="return")
    if len(problems) == before:
        if returns.empty:
            problems.append(Problem(name, "at least one return of a donor portfolio"))
        else:
            problems += _incomplete(returns, calendar, name, corrections)
            problems += [
                Problem(name, "a name that no asset of assets.csv has", None, "portfolio", taken)
                for taken in sorted(set(returns.columns) & set(tickers))
            ]
            if market not in returns:
                expected = "at least one row of this portfolio, the market of [donors]"
                problems.append(Problem(name, expected, column="portfolio", value=market))
            elif len(returns.columns) == 1:
                expected = f"at least one portfolio beside {market}"
                problems.append(Problem(name, expected, column="portfolio"))
    return Donors(returns, calendar, market, corrections)


def _incomplete(
    returns: pd.DataFrame, calendar: str, name: str, corrections: Corrections
) -> list[Problem]:
    """Name the first session that each portfolio lacks."""
    days = sessions(calendar, returns.index[0], returns.index[-1], corrections)
    missing = returns.reindex(days).isna()
    return [
        Problem(
            name,
            f"a return on every session from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}; there is "
            f"none on {days[int(np.argmax(missing[portfolio].to_numpy()))]:%Y-%m-%d}",
            column="portfolio",
            value=str(portfolio),
        )
        for portfolio in returns
        if missing[portfolio].any()
    ]


def _is_count(text: pd.Series) -> pd.Series:
    number = parse_numbers(text)
    return (number >= 1) & (number % 1 == 0)


SCHEMA: Schema = {
    "date": cell(IS_DATE, required=True, blank=False),
    "portfolio": cell(required=True, blank=False),
    "return": cell(
        (
            lambda text: parse_numbers(text).between(-1, 100, inclusive="neither"),
            "a simple return as a fraction, such as 0.012 for 1.2 %, above -1",
        ),
        required=True,
        blank=False,
    ),
    "n_stocks": cell((_is_count, "a whole number of shares above 0")),
}
