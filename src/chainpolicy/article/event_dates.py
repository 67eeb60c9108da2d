"""What would be found if events were dated as the article dates them."""

from __future__ import annotations

import pandas as pd

from chainpolicy.checks.timing import dated_caars, session_shifts
from chainpolicy.eventstudy.results import Window
from chainpolicy.study import Study


def article_shifts(study: Study) -> pd.DataFrame:
    """Count the sessions between the article's date and the first session that could react.

    Returns
    -------
    DataFrame
        As `checks.session_shifts` of ``article_date``, with ``article_session`` for
        ``dated_session``.

    Raises
    ------
    ValueError
        If the article dates no event of the sample.
    """
    shifts = session_shifts(study, "article_date")
    if shifts.empty:
        raise ValueError("no event of the sample has an article_date")
    return shifts.rename(columns=_as_article)


def article_date_caars(study: Study, window: Window = (0, 1)) -> pd.DataFrame:
    """Compare CAARs at the first session that could react with those at the article's date.

    The normal returns are the same; only the sessions that count as tau = 0 differ.

    Parameters
    ----------
    study : Study
    window : tuple of int
        Both ends inclusive, inside the event window.

    Returns
    -------
    DataFrame
        As `checks.dated_caars` of ``article_date``, ``article_`` for ``dated_``.
    """
    return dated_caars(study, "article_date", window).rename(columns=_as_article)


def _as_article(column: str) -> str:
    return column.replace("dated_", "article_", 1)
