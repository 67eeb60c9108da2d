"""How much a response owes to the choices of the study, and how it compares with random shares."""

from __future__ import annotations

import numpy as np

from chainpolicy.checks import CHOICES, specification_curve, stored_space
from chainpolicy.eventstudy import window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.figures.robustness import curve_windows
from chainpolicy.findings.base import LEVEL, Finding, label, p_value, percent
from chainpolicy.findings.responses import headline_name
from chainpolicy.study import Study
from chainpolicy.tables.estimates import headline_event


def specifications(study: Study, group: str) -> Finding:
    """Say how far the response to the headline event depends on the choices of the study.

    Parameters
    ----------
    study : Study
    group : str

    Returns
    -------
    Finding
        The rows of `robustness.specification_curve` of the group, over the study's windows that
        start at the event session.
    """
    event_id, name = headline_event(study), headline_name(study)
    windows = curve_windows(study)
    table = specification_curve(study, event_id, windows)
    table = table[table["group"] == group].reset_index(drop=True)
    if table.empty:
        return Finding(f"{label(group)} has no complete window at {name}.", table)
    parts = []
    for window, rows in table.groupby("window", sort=False):
        own = rows.loc[rows["chosen"], "caar"]
        said = f", the study's own {_percent(own.iloc[0])}" if len(own) else ""
        low = rows[rows["p_value"] < LEVEL]
        parts.append(
            f"- over {window} from {_percent(rows['caar'].min())} to "
            f"{_percent(rows['caar'].max())} "
            f"(median {_percent(rows['caar'].median())}{said}), p < {LEVEL:g} in {len(low)} of "
            f"{len(rows)}."
        )
    text = (
        f"Every combination of {len(CHOICES)} choices (model of normal returns, place and length "
        "of the estimation window, masking of other events, kind of return) gives "
        f"{label(group)} another CAAR around {name}. The combinations share their data: their "
        "number is no evidence, their spread is. p-values of the portfolio t.\n\n"
        + "\n".join(parts)
    )
    return Finding(text, table)


def random_portfolios(
    study: Study, group: str, windows: tuple[Window, ...] = ((0, 1), (0, 5))
) -> Finding:
    """Compare a group's response to the headline event with random portfolios of its market.

    Parameters
    ----------
    study : Study
    group : str
    windows : tuple of tuple of int

    Returns
    -------
    Finding
        Rows of `robustness.stored_space`.
    """
    table = stored_space(study)
    labels = [window_label(window) for window in windows]
    table = table[
        (table["group"] == group)
        & (table["event_id"] == headline_event(study))
        & table["window"].isin(labels)
    ].reset_index(drop=True)
    if table.empty:
        return Finding(
            f"{label(group)} was not compared with random portfolios: that needs the returns of "
            "its whole market (chainpolicy placebo --market FILE).",
            table,
        )
    log = study.kind == "log"
    parts = []
    for row in table.to_dict("records"):
        caar, mean = (percent(v if log else np.log1p(v)) for v in (row["caar"], row["random_mean"]))
        parts.append(
            f"- over {row['window']} {caar} against {mean} for the average random portfolio, "
            f"{row['excess']:.1f} of their standard deviations apart: by rank among "
            f"{row['n_ordinary']} ordinary sessions {p_value(row['p_value'])} (the smallest "
            f"attainable is {row['smallest_p']:.3f}). The rank among the random portfolios "
            f"({p_value(row['p_random'])}) is below 5 % on {100 * row['rejection_rate']:.0f} % of "
            "ordinary sessions and proves nothing."
        )
    text = (
        f"{label(group)} (N = {table['n_members'].iloc[0]}) beside random portfolios of as many of "
        f"{table['n_shares'].max():,} A-shares, drawn within board and beta:\n\n" + "\n".join(parts)
    )
    return Finding(text, table)


def _percent(simple: float) -> str:
    """Write a simple return in percent."""
    return f"{100 * simple:+.1f} %"
