"""How concept stocks moved behind their daily price limits; see `responses`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from chainpolicy.eventstudy import TESTS, EventStudyResults, window_label
from chainpolicy.eventstudy.results import Window
from chainpolicy.figures.style import day_label
from chainpolicy.findings.base import (
    HEADLINE_TEST,
    LEVEL,
    Finding,
    label,
    p_value,
    percent,
)
from chainpolicy.findings.responses import (
    WINDOW,
    Models,
    Row,
    around_headline,
    beyond,
    differs,
    headline_name,
    headline_row,
    interval,
    iso_days,
    lead_first,
    portfolio_difference,
    records,
    sampling_error,
    tested,
    where,
    with_interval,
)
from chainpolicy.study import Study
from chainpolicy.tables.estimates import HEADLINE_TESTS, headline_event
from chainpolicy.typeset.report_table import ReportTable, p_text

# A window is uncensored if it ends with less than this share of the group at a price limit.
CENSORED = 0.1


def concept_stocks_answer(
    study: Study, models: Models, placebos: Models, group: str = "a_shares_tier1"
) -> Finding:
    """Answer in two sentences whether the concept stocks moved.

    Parameters
    ----------
    study : Study
    models, placebos : mapping of str to EventStudyResults
    group : str

    Returns
    -------
    Finding
        CAAR of the headline event over the first uncensored window and over [0, 1], by model.
    """
    window = (0, uncensored_tau(study, models, group))
    table = _window_rows(study, models, group, [window, WINDOW])
    rows = records(table)
    lasting, jump = rows[: len(models)], rows[len(models) :]
    ranks = [
        lead_first(study, tested(study, models[name], placebos[name], group))[0] for name in models
    ]
    p = [p_value(row[HEADLINE_TEST]) for row in jump]
    holm = [p_value(rank["holm"]) for rank in ranks]
    matched = [f"{beyond(rank)} of {rank['n_placebo']}" for rank in ranks]
    left = _by_model(models, [f"{percent(row['caar'])}, {interval(row)}" for row in lasting])
    first = _by_model(models, [percent(row["caar"]) for row in jump])
    text = (
        f"**{_verdict(lasting)}**: over {window_label(window)}, to {day_label(lasting[0]['end'])}, "
        f"the first window that ends with fewer than {100 * CENSORED:.0f} % of the "
        f"{lasting[0]['n_assets']} names at a price limit, their CAAR after {headline_name(study)} "
        f"is {left}. Over {window_label(WINDOW)}, with {100 * jump[0]['share_at_limit']:.0f} % of "
        f"them still at a limit, it had been {first}, matched on {_by_model(models, matched)} "
        f"ordinary sessions; the adjusted BMP, which also allows for unequal responses, has "
        f"{_by_model(models, p)}, after Holm's correction over {ranks[0]['family']} tests "
        f"{_by_model(models, holm)}."
    )
    return Finding(text, table)


def _by_model(models: Models, values: Sequence[str]) -> str:
    """Write the value of the study's own model, and behind it those of others that differ."""
    own, *others = values
    _, *names = models
    differ = [f"{name}: {value}" for name, value in zip(names, others, strict=True) if value != own]
    return f"{own} ({'; '.join(differ)})" if differ else own


def _verdict(rows: list[Row]) -> str:
    inside = [row["lower"] < 0 < row["upper"] for row in rows]
    if all(inside):
        return "They jumped, but no response that lasted can be told from zero"
    return "The answer depends on the model" if any(inside) else "Yes, and the response lasted"


def uncensored_tau(study: Study, models: Models, *groups: str) -> int:
    """Return the first session from the headline event on that leaves no group censored.

    Raises
    ------
    ValueError
        If there is none in the event window.
    """
    results = next(iter(models.values()))
    own = results.abnormal_returns[results.abnormal_returns["tau"] >= 0]
    own = where(own, event_id=headline_event(study))
    own = own.assign(group=own["ticker"].map(study.groups), held=own["at_limit"] != "")
    own = own[own["group"].isin(groups)]
    share = own.groupby(["tau", "group"])["held"].mean().groupby("tau").max().reset_index()
    free = share.loc[share["held"] < CENSORED, "tau"]
    if free.empty:
        raise ValueError(f"{', '.join(groups)}: at price limits throughout the event window")
    return int(free.iloc[0])


def already_moved(
    study: Study,
    results: EventStudyResults,
    group: str = "a_shares_tier1",
    earlier: Sequence[str] = ("us_listed", "bitcoin"),
) -> Finding:
    """Say what other markets had done before a group could first trade on the headline event.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
    group : str
    earlier : sequence of str
        Groups whose event session comes before.

    Returns
    -------
    Finding
        ``group, first, last, n_assets, mean``: log return from the close before the group's event
        session to its last close before the day of the later group's event session.
    """
    own = around_headline(study, results, group)
    opening = where(own, tau=0)["session"].iloc[0]
    rows = []
    for name in earlier:
        around = around_headline(study, results, name)
        around = around[(around["tau"] >= 0) & (around["session"] < opening)]
        total = around.groupby("ticker")["actual"].sum()
        span = (around["session"].min(), around["session"].max())
        rows.append((name, *span, len(total), float(total.mean())))
    table = pd.DataFrame(rows, columns=["group", "first", "last", "n_assets", "mean"])
    parts = [
        f"{label(row['group'])} (N = {row['n_assets']}) by {percent(row['mean'])} "
        + (
            f"from {day_label(row['first'])} to {day_label(row['last'])}"
            if row["first"] < row["last"]
            else f"on {day_label(row['first'])}"
        )
        for row in records(table)
    ]
    text = (
        f"A-shares could first trade on the news on {day_label(opening)}. By then other markets "
        f"had moved: {' and '.join(parts)} (returns, not abnormal ones)."
    )
    return Finding(text, table)


def censoring(study: Study, models: Models, group: str = "a_shares_tier1") -> Finding:
    """Count the names that closed at a price limit after the headline event.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    group : str

    Returns
    -------
    Finding
        Indexed by tau from 0 on: ``session, n_assets, upper, lower``.
    """
    own = around_headline(study, next(iter(models.values())), group)
    own = own[own["tau"] >= 0]
    counts = own.groupby("tau").agg(session=("session", "first"), n_assets=("ticker", "size"))
    for side in ("upper", "lower"):
        counts[side] = (own["at_limit"] == side).groupby(own["tau"]).sum()
    tau = uncensored_tau(study, models, group)
    first = records(counts)[0]
    most = max(records(counts.loc[:tau]), key=lambda row: int(row["lower"]))
    declared = [window for window in study.car_windows if window[0] == 0 and window[1] >= tau]
    text = (
        f"On {day_label(first['session'])}, {first['upper']} of the {first['n_assets']} names "
        f"closed at the upper limit and {first['lower'] or 'none'} at the lower; on "
        f"{day_label(most['session'])} {most['lower'] or 'none'} closed at the lower and "
        f"{most['upper'] or 'none'} at the upper. The first window from the event session on that "
        f"ends with fewer than {100 * CENSORED:.0f} % of them at a limit is "
        f"{window_label((0, tau))}; of the windows that the study had declared beforehand it is "
        f"{window_label(declared[0]) if declared else 'none'}."
    )
    return Finding(text, counts)


def windows_report(study: Study, models: Models, group: str) -> ReportTable:
    """Lay out the response to the headline event over several windows, models side by side.

    The windows are those of the study that start at the event session, and the first uncensored.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    group : str

    Returns
    -------
    ReportTable
    """
    table = _window_rows(study, models, group, _windows(study, models, group))
    frame = pd.DataFrame(
        {
            "Window": table["window"],
            "Ends": iso_days(table["end"]),
            "At limit, %": table["share_at_limit"].map(lambda share: f"{100 * share:.0f}"),
            "Model": table["model"],
            "CAAR, % (95 % interval)": with_interval(table, "caar"),
        }
    )
    for name, head in HEADLINE_TESTS.items():
        frame[f"{head}, p"] = table[name].map(p_text)
    frame["rbar"] = table["mean_correlation"].map("{:.2f}".format)
    note = (
        f"{label(group)}, N = {table['n_assets'].iloc[0]}, around {headline_name(study)}; simple "
        "returns; the interval is that of the portfolio with the error of estimation; two-sided "
        "p-values, not adjusted for the number of windows. At limit: share of the names that close "
        "the window at a price limit; rbar: mean correlation of the residuals."
    )
    return ReportTable(frame, note)


def fading(study: Study, models: Models, group: str = "a_shares_tier1") -> Finding:
    """Say how much of the response to the headline event was left when the limits let go.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    group : str

    Returns
    -------
    Finding
        By model: ``peak_session, peak, last_session, left, window, caar, lower, upper, p_value``,
        the latter five of the reversal, from the session after the peak to the first uncensored
        one, with the portfolio t.
    """
    event_id = headline_event(study)
    last = uncensored_tau(study, models, group)
    rows, parts = [], []
    for name, results in models.items():
        whole = results.caar_path(event_id, group, start=0)
        path = records(whole[whole["tau"] <= last])
        peak = max(path, key=lambda step: float(step["caar"]))
        window = (min(peak["tau"] + 1, last), last)
        test = results.tests(window).get(event_id, group, "time_series_t")
        row = headline_row(study, results, group, window) | {
            "model": name,
            "peak_session": peak["session"],
            "peak": peak["caar"],
            "last_session": path[-1]["session"],
            "left": path[-1]["caar"],
            "p_value": test.p_value,
        }
        rows.append(row)
        parts.append(
            f"- {name}: from {percent(row['peak'])} on {day_label(row['peak_session'])} to "
            f"{percent(row['left'])} on {day_label(row['last_session'])}; the change over "
            f"{row['window']}, {percent(row['caar'])} ({interval(row)}; portfolio t: "
            f"{p_value(row['p_value'])}), {differs(row)}."
        )
    text = "The CAAR fell from its peak while the limits let go:\n\n" + "\n".join(parts)
    return Finding(text, pd.DataFrame(rows))


def rejection_report(rates: Mapping[str, pd.DataFrame], groups: Sequence[str]) -> ReportTable:
    """Lay out the ordinary-session rejection rates of all tests.

    Parameters
    ----------
    rates : mapping of str to DataFrame
        By model, `robustness.rejection_rates` at 5 %.
    groups : sequence of str

    Returns
    -------
    ReportTable
    """
    columns = {"Test": [test.title for test in TESTS], "Source": [test.source for test in TESTS]}
    sizes: list[int] = []
    for group in groups:
        for model, table in rates.items():
            own = where(table, group=group).set_index("test").reindex([t.name for t in TESTS])
            columns[f"{label(group)}{f', {model}' if len(rates) > 1 else ''}, %"] = [
                "" if pd.isna(rate) else f"{100 * rate:.1f}" for rate in own["rejection_rate"]
            ]
            sizes += own["n_sessions"].dropna().astype(int).tolist()
    low, high = min(sizes), max(sizes)
    note = (
        "Share of ordinary sessions on which a two-sided test of nominal size 5 % rejects, window "
        f"{window_label(WINDOW)}, {low if low == high else f'{low} to {high}'} sessions. The rate "
        f"of a correct test would lie within {sampling_error(low):.1f} points of 5 % if the "
        "sessions were independent; neighbouring windows share a session, so that it may stray "
        "further."
    )
    return ReportTable(pd.DataFrame(columns), note)


def look_ahead_bias(
    study: Study, models: Models, groups: tuple[str, str] = ("a_shares_tier2", "a_shares_tier1")
) -> Finding:
    """Say how much more the names chosen on the outcome gained than those chosen before it.

    Parameters
    ----------
    study : Study
    models : mapping of str to EventStudyResults
    groups : tuple of str
        Chosen on the outcome, chosen before.

    Returns
    -------
    Finding
        `portfolio_difference` over [0, 1] and the first window that leaves both uncensored.
    """
    sides = [study.groups.index[study.groups == group].tolist() for group in groups]
    window = (0, uncensored_tau(study, models, *groups))
    table = portfolio_difference(study, models, sides[0], sides[1], [window, WINDOW])
    first = records(table)[0]
    clear = int((table["p_value"] < LEVEL).sum())
    text = (
        f"Over {first['window']}, the first window that ends with fewer than "
        f"{100 * CENSORED:.0f} % of either tier at a limit, the {len(sides[0])} names of tier 2 "
        f"gained {percent(first['mean'])} more than the {len(sides[1])} of tier 1 "
        f"({first['model']}; {interval(first)}, {p_value(first['p_value'])}). Of the {len(table)} "
        f"differences over {window_label(WINDOW)} and {first['window']}, by model, "
        f"{clear or 'none'} can be told from zero at 5 %."
    )
    return Finding(text, table)


def _windows(study: Study, models: Models, group: str) -> list[Window]:
    declared = {window for window in study.car_windows if window[0] == 0}
    return sorted(declared | {(0, uncensored_tau(study, models, group))})


def _window_rows(
    study: Study, models: Models, group: str, windows: Sequence[Window]
) -> pd.DataFrame:
    """Response of a group to the headline event, one row per window and model."""
    event_id = headline_event(study)
    rows = []
    for window in windows:
        for name, results in models.items():
            tests = results.tests(window)
            (end,) = records(where(results.caar_path(event_id, group), tau=window[1]))
            bmp = tests.get(event_id, group, HEADLINE_TEST)
            row = headline_row(study, results, group, window) | {
                "model": name,
                "end": end["session"],
            }
            row |= {test: tests.get(event_id, group, test).p_value for test in HEADLINE_TESTS}
            row["share_at_limit"] = end["share_at_limit"]
            row["mean_correlation"] = bmp.mean_correlation
            rows.append(row)
    return pd.DataFrame(rows)
