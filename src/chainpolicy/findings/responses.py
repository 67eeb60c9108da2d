"""How groups responded: what the notebooks of single markets share.

Functions that speak of one event speak of the headline event, see `tables.headline_event`. Models
to be compared come as a mapping of what the text calls them to their results, the study's own
first; placebo results and rejection rates are those of the window [0, 1].
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from chainpolicy.checks import placebo_p_values
from chainpolicy.eventstudy import EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.findings.base import (
    HEADLINE_TEST,
    LEVEL,
    Finding,
    label,
    p_value,
    percent,
    significant_clusters,
)
from chainpolicy.study import Study
from chainpolicy.tables.estimates import headline, headline_event
from chainpolicy.typeset.report_table import ReportTable, p_text

Row = dict[str, Any]
Models = Mapping[str, EventStudyResults]

WINDOW: Window = (0, 1)


def significant_sessions(study: Study, models: Models, groups: Sequence[str]) -> Finding:
    """Say on which sessions of policy events a group's adjusted BMP has p < 5 %, by model.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    groups : sequence of str

    Returns
    -------
    Finding
        One row per group, model and policy event session: the headline table and Holm's p-value.
    """
    tables, lines = [], []
    for group in groups:
        for name, results in models.items():
            family = significant_clusters(study, results).numbers
            own = where(family, group=group)
            low = records(own[own["p_value"] < LEVEL])
            found = "; ".join(
                f"{row['event_id']} {percent(row['caar'])} ({p_value(row['p_value'])}; "
                f"Holm: {row['holm']:.3f})"
                for row in low
            )
            lines.append(
                f"- {label(group)}{f', {name}' if len(models) > 1 else ''}: {len(low)} of "
                f"{len(own)} sessions, where {LEVEL * len(own):.1f} would be by chance"
                + (f": {found}." if low else ".")
            )
            tables.append(own.assign(model=name))
    text = (
        "Sessions of policy events on which the adjusted BMP has p < 5 %, with Holm's correction "
        f"over all {len(family)} tests:\n\n"
    )
    return Finding(text + "\n".join(lines), pd.concat(tables, ignore_index=True))


def controls(study: Study, results: EventStudyResults, groups: Sequence[str]) -> Finding:
    """Say what groups did at events that should not have moved them.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    groups : sequence of str

    Returns
    -------
    Finding
        The headline table of the sessions of control and placebo events, and ``p_value`` of the
        adjusted BMP, for one asset of its exact t.
    """
    table = headline(study, results, WINDOW)
    table = table[table["group"].isin(groups) & (table["role"] != "policy")]
    p = table[f"{HEADLINE_TEST}_p"].where(table["n_assets"] > 1, table["time_series_t_p"])
    table = table.assign(p_value=p).reset_index(drop=True)
    least = min(records(table), key=lambda row: float(row["p_value"]))
    events = ", ".join(table["members"].str.replace(";", ", ").unique())
    low = int((table["p_value"] < LEVEL).sum())
    text = (
        f"At the events that are no news of Chinese policy ({events}) {low or 'none'} of "
        f"{len(table)} responses {'has' if low < 2 else 'have'} p < 5 %; the smallest is "
        f"{least['p_value']:.3f}, of {label(least['group'])} at {least['event_id']} "
        f"({percent(least['caar'])})."
    )
    return Finding(text, table)


def portfolio_difference(
    study: Study,
    models: Models,
    first: Collection[str],
    second: Collection[str],
    windows: Sequence[Window],
) -> pd.DataFrame:
    r"""Difference of two portfolios' responses to the headline event, with its own portfolio t.

    .. math:: D = CAAR_1 - CAAR_2, \qquad
              se = s_D \sqrt{\operatorname{mean}_i \frac{1'V_i1}{s_i^2}}, \qquad
              s_D^2 = \frac{\sum_{est} (AAR_{1t} - AAR_{2t})^2}{T_e - p},

    :math:`D / se \sim t(T_e - p)`, :math:`T_e` the estimation sessions on which both portfolios
    have a residual, p the largest number of parameters. What moves both portfolios cancels.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    first, second : collection of str
        Tickers on one calendar.
    windows : sequence of tuple of int

    Returns
    -------
    DataFrame
        ``model, window, first, second, mean, lower, upper, t_stat, p_value, degrees``, one row per
        window and model; log returns, `mean` is D.
    """
    event_id = headline_event(study)
    sides = [list(first), list(second)]
    both = [*first, *second]
    rows = []
    for window in windows:
        for name, results in models.items():
            residuals = where(results.residuals, event_id=event_id)
            table = residuals.pivot_table(index="session", columns="ticker", values="residual")
            aar = [table.reindex(columns=side).mean(axis=1) for side in sides]
            apart = (aar[0] - aar[1]).dropna()
            terms = where(results.coefficients, event_id=event_id).groupby("ticker").size()
            degrees = len(apart) - int(terms.reindex(both).fillna(0).max())
            car = where(results.car(window), event_id=event_id).set_index("ticker")
            sigma = where(results.models, event_id=event_id).set_index("ticker")["sigma"]
            multiplier = ((car["std_error"] / sigma).reindex(both) ** 2).mean()
            error = float(np.sqrt((apart**2).sum() / degrees * multiplier))
            means = [float(car["car"].reindex(side).mean()) for side in sides]
            rows.append(
                {
                    "model": name,
                    "window": window_label(window),
                    "first": means[0],
                    "second": means[1],
                    "degrees": degrees,
                }
                | t_interval(means[0] - means[1], error, degrees)
            )
    return pd.DataFrame(rows)


def difference_report(
    study: Study,
    models: Models,
    first: Collection[str],
    second: Collection[str],
    names: tuple[str, str],
    windows: Sequence[Window] | None = None,
) -> ReportTable:
    """Lay out `portfolio_difference`.

    Parameters
    ----------
    study, models, first, second
        As in `portfolio_difference`.
    names : tuple of str
        Of the two portfolios.
    windows : sequence of tuple of int, optional
        Default: those of the study that start at the event session.

    Returns
    -------
    ReportTable
    """
    if windows is None:
        windows = [window for window in study.car_windows if window[0] == 0]
    table = portfolio_difference(study, models, first, second, windows)
    frame = pd.DataFrame(
        {
            "Window": table["window"],
            "Model": table["model"],
            f"{names[0]}, N = {len(first)}, %": percents(table["first"]),
            f"{names[1]}, N = {len(second)}, %": percents(table["second"]),
            "Difference, % (95 % interval)": with_interval(table, "mean"),
            "t": table["t_stat"].map("{:.2f}".format),
            "p": table["p_value"].map(p_text),
        }
    )
    note = (
        f"CAAR around {headline_name(study)} as simple returns; the difference is taken between "
        "log returns and shown as the simple return of the first portfolio over the second. t: "
        f"portfolio t of the difference, {table['degrees'].iloc[0]} degrees of freedom; two-sided "
        "p-values, not adjusted for the number of windows."
    )
    return ReportTable(frame, note)


def where(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Rows whose columns have the given values."""
    chosen = np.ones(len(table), dtype=bool)
    for column, value in values.items():
        chosen &= (table[column] == value).to_numpy()
    return table[chosen]


def records(table: pd.DataFrame) -> list[Row]:
    """Rows as mappings from column to value."""
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def lead_first(study: Study, table: pd.DataFrame) -> list[Row]:
    """Rows of a headline table, that of the headline event first."""
    event_id = headline_event(study)
    return sorted(records(table), key=lambda row: row["event_id"] != event_id)


def tested(
    study: Study, results: EventStudyResults, placebo: EventStudyResults, group: str
) -> pd.DataFrame:
    """Headline rows of a group with Holm's p-value in the study's family and the placebo's."""
    family = significant_clusters(study, results).numbers
    keys = ["event_id", "group"]
    table = where(headline(study, results, WINDOW), group=group)
    table = table.merge(family[[*keys, "holm"]], on=keys, how="left")
    ranks = placebo_p_values(results, placebo, WINDOW)
    return table.merge(ranks, on=keys, how="left").assign(family=len(family))


def headline_row(
    study: Study, results: EventStudyResults, group: str, window: Window = WINDOW
) -> Row:
    """CAAR of a group at the headline event, with its interval."""
    (row,) = records(where(results.caar(window), event_id=headline_event(study), group=group))
    return row


def around_headline(study: Study, results: EventStudyResults, group: str) -> pd.DataFrame:
    """Abnormal returns of a group around the headline event."""
    table = where(results.abnormal_returns, event_id=headline_event(study))
    return table[table["ticker"].map(study.groups) == group]


def event_name(study: Study, event_id: str) -> str:
    """Name an event in quotation marks."""
    names = dict(zip(study.events["event_id"], study.events["name"], strict=True))
    return f"“{names[event_id]}”"


def headline_name(study: Study) -> str:
    """Name the headline event in quotation marks."""
    return event_name(study, headline_event(study))


def t_interval(mean: float, error: float, degrees: int) -> Row:
    """Interval at `LEVEL` and two-sided t test of a mean."""
    half = stats.t.isf(LEVEL / 2, degrees) * error
    return {
        "mean": mean,
        "lower": mean - half,
        "upper": mean + half,
        "t_stat": mean / error,
        "p_value": 2 * stats.t.sf(abs(mean) / error, degrees),
    }


def beyond(row: Row) -> int:
    """Ordinary sessions whose studentized CAAR is at least as large in magnitude."""
    count: int = round(row["p_placebo"] * (1 + row["n_placebo"])) - 1
    return count


def sampling_error(n: int) -> float:
    """Two standard errors, in percentage points, of the rate at which a correct test rejects."""
    return 100 * float(stats.norm.isf(LEVEL / 2) * np.sqrt(LEVEL * (1 - LEVEL) / n))


def interval(row: Row) -> str:
    """Write the interval of a mean as simple returns."""
    return f"95 % interval {percent(row['lower'])} to {percent(row['upper'])}"


def differs(row: Row) -> str:
    """Say whether an interval holds zero."""
    inside = row["lower"] < 0 < row["upper"]
    return "cannot be told from zero" if inside else "differs from zero at 5 %"


def percents(log_returns: Iterable[float]) -> list[str]:
    """Write log returns as simple returns for a column in percent."""
    return [percent(value).removesuffix(" %") for value in log_returns]


def with_interval(table: pd.DataFrame, column: str) -> list[str]:
    """Write a column of log returns, each with its interval, for a column in percent."""
    cells = [percents(table[name]) for name in (column, "lower", "upper")]
    return [f"{value} ({low} to {high})" for value, low, high in zip(*cells, strict=True)]


def iso_days(sessions: pd.Series) -> list[str]:
    """Write days for a column, as 2019-10-25."""
    return [f"{day:%Y-%m-%d}" for day in sessions]
