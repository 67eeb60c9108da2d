r"""Donor portfolios from the shares of a whole market.

Shares that no policy of the study was about are sorted by what moves shares together whatever the
news: their board, their beta to the equal-weighted market of all of them, and the deviation of
what the beta leaves,

.. math:: D_{it} = \alpha_i + \beta_i D_{mt} + e_{it}, \qquad D_{mt} = \overline{D_{it}} .
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainpolicy.checks.market import boards, returns_of_shares
from chainpolicy.eventstudy.normal import fit_normal
from chainpolicy.study import Study
from chainpolicy.study.problems import InputError, Problem

MARKET = "MARKET_EW"
CLASSES = 3
# What portfolios call the boards.
BOARDS = {"60": "SSE", "00": "SZSE", "002": "SME", "30": "CHINEXT"}
# What a panel of shares must hold: `st` is 1 while a share is under special treatment.
SHARE_COLUMNS = ("date", "ticker", "pct_change", "trading", "st")
COLUMNS = ("date", "portfolio", "return", "n_stocks")


def donor_portfolios(
    returns: pd.DataFrame, estimation: pd.DatetimeIndex, board: pd.Series
) -> pd.DataFrame:
    """Sort shares into portfolios and average their returns.

    Parameters
    ----------
    returns : DataFrame
        Simple returns, sessions by shares, NaN = no return. Only shares with a return on every
        session of `estimation` are donors.
    estimation : DatetimeIndex
        Sessions on which shares are sorted.
    board : Series
        Board by share; a share without one is no donor.

    Returns
    -------
    DataFrame
        ``date, portfolio, return`` (mean over the shares with a return), ``n_stocks`` (their
        number), sorted by portfolio and date: of each board the portfolios ``<board>_B1_V1`` to
        ``<board>_B3_V3``, by thirds of beta and, independently, of residual deviation inside the
        board, and `MARKET`, all donors together. A portfolio that no share falls into has no row.
    """
    sorting = returns.loc[estimation]
    donors = returns.columns[sorting.notna().all() & returns.columns.isin(board.dropna().index)]
    board = board[donors]
    own = sorting[donors].to_numpy(np.float64).T
    market = np.broadcast_to(own.mean(axis=0)[None, :, None], (*own.shape, 1))
    ones = np.ones_like(own)
    fit = fit_normal(own, market, ones, ones.astype(bool))
    thirds = [
        pd.Series(values, donors).groupby(board).transform(_thirds)
        for values in (fit.beta[:, 0], fit.sigma)
    ]
    portfolio = board + "_B" + thirds[0].astype(str) + "_V" + thirds[1].astype(str)
    long = returns[donors].astype(np.float64).rename_axis("date").reset_index()
    long = long.melt("date", var_name="ticker", value_name="return").dropna()
    sorted_in = long.assign(portfolio=long["ticker"].map(portfolio))
    both = pd.concat([sorted_in, long.assign(portfolio=MARKET)]).groupby(["portfolio", "date"])
    table = both["return"].agg(["mean", "size"]).reset_index()
    return table.rename(columns={"mean": "return", "size": "n_stocks"})[list(COLUMNS)]


def donors_of_study(study: Study, shares: pd.DataFrame) -> pd.DataFrame:
    """Build the donor portfolios of a study, the rows of its ``donors.csv``.

    Parameters
    ----------
    study : Study
        Its assets are no donors, whatever their group. Shares are sorted on the sessions that
        estimate the normal returns of those of its assets that are among the shares.
    shares : DataFrame
        Of `market.read_shares` with `SHARE_COLUMNS`. A share with special treatment on any of its
        days is no donor.

    Returns
    -------
    DataFrame
        As `donor_portfolios`, on the sessions of the study.

    Raises
    ------
    InputError
        If no asset of the study that could be estimated is among the shares, or no share can be a
        donor.
    """
    used = study.estimate().residuals
    estimation = used.loc[used["ticker"].isin(shares["ticker"].unique()), "session"]
    if estimation.empty:
        expected = "returns of at least one asset of the study that could be estimated"
        raise InputError([Problem("the panel", expected)])
    treated = shares["ticker"].isin(study.assets["ticker"])
    special = shares["ticker"].isin(shares.loc[shares["st"] != 0, "ticker"].unique())
    returns = returns_of_shares(shares[~treated & ~special])
    board = boards(returns.columns).map(BOARDS)
    days = pd.DatetimeIndex(np.sort(estimation.unique()))
    if not returns.reindex(days)[board.dropna().index].notna().all().any():
        expected = (
            "at least one share outside the study, never under special treatment, with a return "
            f"on each of the {len(days)} sessions that estimate the study"
        )
        raise InputError([Problem("the panel", expected)])
    return donor_portfolios(returns.loc[study.start : study.end], days, board)


def _thirds(values: pd.Series) -> pd.Series:
    """Give each share of a board its third, from 1; equal values in the order of the shares."""
    rank = values.rank(method="first") - 1
    return (rank * CLASSES // len(values)).astype(int) + 1
