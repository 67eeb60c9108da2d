"""The shares of a whole market: their returns, and the boards they are listed on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from chainpolicy.study.problems import InputError, Problem, irregular

COLUMNS = ("date", "ticker", "pct_change", "trading")


def read_shares(path: Path, columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """Read the daily figures of all shares, one row per share and day.

    The Parquet file has ``date, ticker, pct_change`` (percent, across dividends), ``trading`` (0 =
    suspended) and what else `columns` name. Raises `InputError` if it cannot be read or lacks a
    column.
    """
    if expected := irregular(path):
        raise InputError([Problem(str(path), expected)])
    try:
        rows = pd.read_parquet(path, columns=list(columns))
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if path.is_file() else "there is no such file"
        expected = f"a Parquet file with {', '.join(columns)}; the reader says: {reason}"
        raise InputError([Problem(str(path), expected)]) from None
    return rows.assign(ticker=rows["ticker"].astype(str))


def returns_of_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Arrange simple returns by session and share.

    NaN where a share was suspended on the session or on the one before: what stands there spans the
    gap. The first session has none.
    """
    # A pivot table of each would group all rows twice.
    means = rows.groupby(["date", "ticker"])[["pct_change", "trading"]].mean()
    change = means["pct_change"].dropna().unstack() / 100.0  # noqa: PD010
    traded = means["trading"].dropna().unstack().eq(1)  # noqa: PD010
    returned: pd.DataFrame = change.where(traded & traded.shift(fill_value=False))
    return returned


def boards(tickers: pd.Index) -> pd.Series:
    """Board of each A-share by its code: Shanghai, Shenzhen, its small-company board, ChiNext.

    Codes 002 and 003 are the small-company board; the others go by their first two figures.
    """
    codes = pd.Series(tickers.astype(str), index=tickers)
    small = codes.str.startswith(("002", "003"))
    return codes.str[:2].mask(small, "002")
