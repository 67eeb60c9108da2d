"""Event catalogue of a study: schema, defaults, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from chainpolicy.study.announced import TIME, is_day, is_time, local_time
from chainpolicy.study.assets import BENCHMARK
from chainpolicy.study.problems import Problem, did_you_mean, nearest
from chainpolicy.study.tabular import (
    IS_DATE,
    Schema,
    cell,
    check_cells,
    is_label,
    one_of,
    read_table,
    split_list,
)

ROLES = ("policy", "control", "placebo")
PRECISIONS = ("exact", "ceiling", "evening", "day")
# Days by which an event could have been dated, in the order in which they are looked for.
DATE_COLUMNS = ("document_date", "article_date")
STANCES = {"-1": -1, "0": 0, "1": 1, "+1": 1}
STANCE_PREFIX = "stance_"
# All stances of an announcement added up: what it says about the whole subject.
OVERALL = "overall"
SALIENCES = {"1": 1, "2": 2, "3": 3}

_YES = {"yes": True, "no": False}


def read_events(path: Path, problems: list[Problem]) -> pd.DataFrame:
    """Read an event catalogue.

    Parameters
    ----------
    path : pathlib.Path
        CSV file with the columns ``event_id, announced_at`` and any of those listed below.

    Returns
    -------
    pandas.DataFrame
        In the order of the file, index ``line``, every known column there; cells with a problem
        hold defaults.

        - ``event_id``; ``announced_at`` as given: ISO 8601 with UTC offset, or a bare date when
          the hour is unknown, or blank (only with ``in_sample`` False);
        - ``in_sample``, ``from_article`` (bool, default True); ``reason``, which an event out
          of sample must have;
        - ``role`` (default policy), ``salience`` (1, 2, 3; default 1);
        - ``stance_<dimension>`` (-1, 0, 1; default 0), as many as the file has, see
          `stance_columns`;
        - ``time_precision``: a timestamp is ``exact`` (default), ``ceiling``, the latest hour
          by which it was public, or ``evening``, which is written as 20:00 local; a bare date is
          ``day``. Any other pair is refused, because an hour is neither invented nor ignored.
          Blank for an undated event;
        - ``affects``, a tuple of the groups and tickers that the event hits, empty for every asset
          (whether there are such is `check_affects`'s question);
        - ``name`` (default: the event_id), ``issuer, theme, article_date, document_date,
          cluster, source, note`` as text, and unknown columns untouched.
    """
    before = len(problems)
    events = read_table(path, SCHEMA, ["event_id"], problems)
    stances = stance_columns(events)
    problems += check_cells(events, dict.fromkeys(stances, STANCE), path.name)
    problems += _check_dimensions(stances, path.name)
    refused = {(problem.line, problem.column) for problem in problems[before:]}
    if (1, "announced_at") not in refused:
        dated = [line for line in events.index if (line, "announced_at") not in refused]
        problems += _check_rows(events.loc[dated], path.name)

    announced_at = events["announced_at"]
    bare = announced_at.map(is_day).astype(bool)
    usual = pd.Series("exact", events.index).mask(bare, "day").mask(announced_at == "", "")
    filled = {
        "name": events["name"].where(events["name"] != "", events["event_id"]),
        "affects": events["affects"].astype("object").map(split_list),
        "time_precision": events["time_precision"].where(events["time_precision"] != "", usual),
        "role": events["role"].where(events["role"] != "", "policy"),
        "in_sample": events["in_sample"] != "no",
        "from_article": events["from_article"] != "no",
        "salience": events["salience"].map(SALIENCES).fillna(1).astype("int64"),
    }
    filled |= {name: events[name].map(STANCES).fillna(0).astype("int64") for name in stances}
    return events.assign(**filled)


def stance_columns(events: pd.DataFrame) -> list[str]:
    """Return the columns that say where an announcement stands, in the order of the file.

    Examples
    --------
    >>> stance_columns(pd.DataFrame(columns=["event_id", "stance_trade", "stance_labour_law"]))
    ['stance_trade', 'stance_labour_law']
    """
    return [str(name) for name in events.columns if str(name).startswith(STANCE_PREFIX)]


def dimension_of(column: str) -> str:
    """Say what a stance is on, in words.

    Examples
    --------
    >>> dimension_of("stance_labour_law")
    'labour law'
    """
    return column.removeprefix(STANCE_PREFIX).replace("_", " ")


def nearly_stance(column: str) -> bool:
    """Whether a column was probably to be a stance.

    Examples
    --------
    >>> [nearly_stance(name) for name in ("Stance_trade", "stnace_trade", "stance", "distance")]
    [True, True, True, False]
    """
    beginning = column[: len(STANCE_PREFIX)]
    return nearest(beginning, [STANCE_PREFIX], likeness=0.8) is not None


def check_affects(events: pd.DataFrame, assets: pd.DataFrame, name: str) -> list[Problem]:
    """Find what events affect that is no group or ticker of an estimated asset.

    One problem for each event; it names the first word that is unknown.
    """
    estimated = assets[assets["group"] != BENCHMARK]
    known = {*estimated["group"], *estimated["ticker"]}
    problems = []
    for line, affects in zip(events.index, events["affects"], strict=True):
        unknown = [word for word in affects if word not in known]
        if unknown:
            hint = did_you_mean(unknown[0], known)
            if unknown[0] in {BENCHMARK, *assets["ticker"]}:
                hint = "; benchmarks are never estimated"
            expected = (
                'groups or tickers of assets.csv joined by ";", or a blank for every asset; '
                f'"{unknown[0]}" is neither{hint}'
            )
            value = ";".join(affects)
            problems.append(Problem(name, expected, line, "affects", value))
    return problems


def _is_list(text: pd.Series) -> pd.Series:
    words = text.astype("object").map(split_list)
    return words.map(lambda found: all(found) and len(set(found)) == len(found)).astype(bool)


def _is_time_or_date(text: pd.Series) -> pd.Series:
    return text.map(is_day).astype(bool) | text.map(is_time).astype(bool)


def _check_dimensions(stances: list[str], name: str) -> list[Problem]:
    """Refuse stances whose dimension has no name of its own."""
    problems = []
    named: dict[str, str] = {}
    for column in stances:
        dimension = dimension_of(column)
        expected = ""
        if not dimension.strip() or not dimension.isprintable():
            expected = (
                f'what the stance is on after "{STANCE_PREFIX}", such as {STANCE_PREFIX}trade'
            )
        elif dimension == OVERALL and len(stances) > 1:
            expected = f'another name; "{OVERALL}" is the sum of all stances'
        elif dimension in named:
            expected = f"another name; {named[dimension]} is on {dimension} too"
        if expected:
            problems.append(Problem(name, expected, 1, column))
        named.setdefault(dimension, column)
    return problems


def _check_rows(events: pd.DataFrame, name: str) -> list[Problem]:
    """Check cells against each other where `announced_at` is readable."""
    problems = []
    bare = events["announced_at"].map(is_day).astype(bool)
    unknown = nearest("in_sample", (str(name) for name in events if name != "in_sample"), 0.8)
    near = f"; is the column {unknown} to be in_sample?" if unknown else ""
    for line, event in zip(events.index, events.to_dict("records"), strict=True):
        announced_at, precision = event["announced_at"], event["time_precision"]
        if event["in_sample"] == "no" and not event["reason"]:
            expected = "a reason why this event is not in the sample"
            problems.append(Problem(name, expected, line, "reason", ""))
        if not announced_at:
            if event["in_sample"] != "no":
                expected = f"a time or date; only an event with in_sample = no may be undated{near}"
                problems.append(Problem(name, expected, line, "announced_at", ""))
        elif bare[line]:
            if precision in ("exact", "ceiling", "evening"):
                expected = (
                    f"day, because announced_at {announced_at} has no hour; or write the hour there"
                )
                problems.append(Problem(name, expected, line, "time_precision", precision))
        elif precision == "day":
            expected = (
                f"exact, ceiling or evening, because announced_at {announced_at} has an hour; "
                "or write only the date there"
            )
            problems.append(Problem(name, expected, line, "time_precision", precision))
        elif precision == "evening" and local_time(announced_at).hour != 20:
            expected = "20:00 local time, by which an evening is written; or time_precision exact"
            problems.append(Problem(name, expected, line, "announced_at", announced_at))
    return problems


STANCE = cell((one_of(*STANCES)[0], "-1 (restrictive), 0 (neutral or silent) or 1 (supportive)"))
SCHEMA: Schema = {
    "event_id": cell(
        (is_label, 'a short name without ";"'),
        required=True,
        blank=False,
    ),
    "announced_at": cell(
        (
            lambda text: ~text.str.fullmatch(TIME),
            "a UTC offset after the time, such as 2019-10-25T18:15+08:00; "
            "or a bare date if the hour is unknown",
        ),
        (
            _is_time_or_date,
            "ISO 8601 with UTC offset, such as 2019-10-25T18:15+08:00, "
            "or a bare date such as 2019-10-25",
        ),
        required=True,
    ),
    "affects": cell((_is_list, 'groups or tickers joined by ";", each once and none blank')),
    "name": cell(),
    "issuer": cell(),
    "theme": cell(),
    "salience": cell(
        (
            one_of(*SALIENCES)[0],
            "1 (local body, speech, press), 2 (ministry or national regulator) "
            "or 3 (top leadership or legislature)",
        )
    ),
    "role": cell(one_of(*ROLES)),
    "in_sample": cell((one_of(*_YES)[0], "yes or no")),
    "reason": cell(),
    "from_article": cell((one_of(*_YES)[0], "yes or no")),
    "article_date": cell(IS_DATE),
    "document_date": cell(IS_DATE),
    "time_precision": cell(one_of(*PRECISIONS)),
    "cluster": cell(),
    "source": cell(),
    "note": cell(),
}
