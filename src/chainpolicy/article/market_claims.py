"""Claims about prices, confronted with prices.

A study folder may hold a ``claims.toml``: claims in the words of whoever wrote the study, each of a
kind that says how it is computed. What a claim needs beyond the study's own prices (all shares of
a market, hourly highs) is stored there as numbers with the SHA-256 of the file they come from, and
computed again when that file is given.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chainpolicy.eventstudy import EventStudyResults
from chainpolicy.study import Study
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.returns import LIMIT_TOLERANCE

CLAIMS_FILE = "claims.toml"

SUPPORTED = "supported"
PARTLY = "partly"
NOT_SUPPORTED = "not supported"
NOT_CHECKABLE = "not checkable with prices"

# A percentage in prose has one decimal at most: +39.95 % is called 40 %.
ROUNDING = 0.0005

# A share above this share of all others leads them.
LEADS_FROM = 0.95

_KEYS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "rise": {"ticker": str, "from": datetime, "to": datetime, "until": datetime, "least": float},
    "lead": {"group": str, "day": date, "indices": list},
    "at_limit": {"groups": list, "day": date, "least": int},
    "reversal": {"groups": list, "day": date, "event_id": str, "jump": str},
    "not_checkable": {"reason": str},
}
_STORED = {
    "rise": {"low", "high"},
    "lead": {"n_shares", "market_mean", "share_below"},
    "at_limit": {"n_upper", "n_upper_before"},
}

Numbers = dict[str, float]


@dataclass(frozen=True)
class Check:
    """What prices say about one claim.

    Attributes
    ----------
    claim_id, claim : str
    prices : str
        What prices say, in words.
    computation : str
        How that was found.
    verdict : str
        "supported", "partly", "not supported" or "not checkable with prices".
    numbers : dict of str to float
        Returns as simple returns, as decimals.
    """

    claim_id: str
    claim: str
    prices: str
    computation: str
    verdict: str
    numbers: Numbers


def check_claims(
    study: Study, results: EventStudyResults, sources: Mapping[str, Path] | None = None
) -> list[Check]:
    """Check every claim of a study's ``claims.toml``.

    Parameters
    ----------
    study : Study
    results : EventStudyResults
        Of this study.
    sources : mapping of str to Path, optional
        Files by the names they have under ``[sources]`` ("market", "hourly"): what is stored from
        them is computed again.

    Returns
    -------
    list of Check
        Empty if the study has no ``claims.toml``.

    Raises
    ------
    InputError
        If ``claims.toml`` or a source cannot be used.
    """
    document = _read(study)
    given = sources or {}
    for name, path in given.items():
        _verify(document, name, path)
    checks = []
    for claim in document["claim"]:
        stored = dict(claim.get("stored", {}))
        if stored and stored["source"] in given:
            stored = _RECOMPUTED[claim["kind"]](claim, study, given[stored["source"]])
        stored.pop("source", None)
        checks.append(_CHECKS[claim["kind"]](claim, stored, study, results))
    return checks


def rivals(study: Study) -> pd.DataFrame:
    """List what else happened in the hours around announcements.

    Returns
    -------
    DataFrame
        ``event_id, at`` (UTC, NaT where there is no hour), ``name, note``; empty without a
        ``claims.toml``.
    """
    rows = [
        (rival["event_id"], pd.Timestamp(rival.get("at")), rival["name"], rival["note"])
        for rival in _read(study)["rival"]
    ]
    frame = pd.DataFrame(rows, columns=["event_id", "at", "name", "note"])
    return frame.assign(at=pd.to_datetime(frame["at"], utc=True))


def _read(study: Study) -> dict[str, Any]:
    path = study.path / CLAIMS_FILE
    if not path.is_file():
        return {"claim": [], "rival": [], "sources": {}}
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        expected = f"valid TOML in UTF-8; the reader says: {error}"
        raise InputError([Problem(CLAIMS_FILE, expected)]) from None
    document = {"claim": [], "rival": [], "sources": {}} | document
    problems = [
        problem
        for number, claim in enumerate(document["claim"], start=1)
        for problem in _claim_problems(claim, number, document["sources"], study)
    ]
    problems += [
        Problem(CLAIMS_FILE, "a rival with event_id, name and note", value=str(rival))
        for rival in document["rival"]
        if not {"event_id", "name", "note"} <= set(rival)
    ]
    if problems:
        raise InputError(problems)
    return document


def _claim_problems(
    claim: dict[str, Any], number: int, sources: dict[str, Any], study: Study
) -> list[Problem]:
    at = f"claim {claim.get('id', number)}"
    kind = claim.get("kind")
    if kind not in _KEYS:
        return [Problem(CLAIMS_FILE, f"kind is one of {', '.join(_KEYS)}", None, at, str(kind))]
    wanted = {"id": str, "claim": str} | _KEYS[kind]
    problems = [
        Problem(CLAIMS_FILE, f"{key}, a {_name(type_)}", None, at, str(claim.get(key, "nothing")))
        for key, type_ in wanted.items()
        if not isinstance(claim.get(key), type_)
    ]
    if problems:
        return problems
    known = {
        "group": set(study.groups),
        "groups": set(study.groups),
        "ticker": set(study.hourly),
        "indices": set(study.assets["ticker"]),
        "event_id": set(study.events["event_id"]),
        "jump": set(study.events["event_id"]),
    }
    for key in set(wanted) & set(known):
        names = claim[key] if isinstance(claim[key], list) else [claim[key]]
        problems += [
            Problem(CLAIMS_FILE, f"{key} names what the study has", None, at, str(name))
            for name in names
            if name not in known[key]
        ]
    stored = claim.get("stored")
    if stored is not None:
        complete = _STORED.get(kind, set()) | {"source"}
        if set(stored) != complete or stored["source"] not in sources:
            expected = f"stored numbers {', '.join(sorted(complete))}, of a source of this file"
            problems.append(Problem(CLAIMS_FILE, expected, None, at, ", ".join(stored)))
    return problems


def _name(type_: type | tuple[type, ...]) -> str:
    names = {str: "text", float: "number with a point", int: "whole number", list: "list"}
    return names.get(type_, type_.__name__) if isinstance(type_, type) else "value"


def _verify(document: dict[str, Any], name: str, path: Path) -> None:
    sources = document["sources"]
    if name not in sources:
        expected = f"a source of {CLAIMS_FILE}: {', '.join(sources)}"
        raise InputError([Problem("sources", expected, value=name)])
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError([Problem(str(path), f"a file; the system says: {reason}")]) from None
    if found != sources[name]["sha256"]:
        expected = f"the file with SHA-256 {sources[name]['sha256']}: {sources[name]['name']}"
        raise InputError([Problem(str(path), expected, value=found)])


# --- how each kind of claim is checked ---


def _rise(
    claim: dict[str, Any], stored: Numbers, study: Study, results: EventStudyResults
) -> Check:
    del results
    hourly = study.hourly[claim["ticker"]]
    # The close of an hour is the price at its end.
    closes = hourly.set_index(hourly["time"] + pd.Timedelta(hours=1))["close"]
    start, end, until = (pd.Timestamp(claim[key]) for key in ("from", "to", "until"))
    days = study.prices[study.prices["ticker"] == claim["ticker"]].set_index("date")["close"]
    day = pd.Timestamp(start.date())
    day_before, two_days = day - pd.Timedelta(days=1), day + pd.Timedelta(days=1)
    search = closes[day.tz_localize("UTC") : until]
    numbers = {
        "evening": closes[end] / closes[start] - 1,
        "day": days[day] / days[day_before] - 1,
        "two_days": days[two_days] / days[day_before] - 1,
        "hourly_closes": _largest_rise(search.to_numpy()),
    }
    text = (
        f"{_percent(numbers['evening'])} in that evening, {_percent(numbers['day'])} from close to "
        f"close of the UTC day, {_percent(numbers['two_days'])} over two days; from the lowest to "
        f"the highest hourly close by the end of the next day {_percent(numbers['hourly_closes'])}"
    )
    if stored:
        numbers["low_to_high"] = stored["high"] / stored["low"] - 1
        text += f", from the lowest to the highest trade {_percent(numbers['low_to_high'])}"
    verdict = NOT_SUPPORTED
    if numbers["evening"] >= claim["least"]:
        verdict = SUPPORTED
    elif max(numbers.values()) >= claim["least"] - ROUNDING:
        verdict = PARTLY
    computation = "hourly closes, daily closes (UTC)" + (
        ", hourly lows and highs of another file" if stored else ""
    )
    return _check(claim, text, computation, verdict, numbers)


def _lead(
    claim: dict[str, Any], stored: Numbers, study: Study, results: EventStudyResults
) -> Check:
    del results
    day = pd.Timestamp(claim["day"])
    members = study.groups.index[study.groups == claim["group"]]
    of_day = study.returns[
        study.returns["ticker"].isin(members) & (study.returns["session"] == day)
    ]
    portfolio = float(_simple(study, of_day["return"]).mean())
    indices = {name: _change(study, name, day) for name in claim["indices"]}
    numbers = {"portfolio": portfolio, **indices, **stored}
    names = study.assets.set_index("ticker")["name"]
    listed = ", ".join(f"{names[index]} {_percent(value)}" for index, value in indices.items())
    text = f"{len(members)} concept shares on average {_percent(portfolio)}; {listed}"
    verdict = NOT_SUPPORTED
    if portfolio > max(indices.values()):
        verdict = PARTLY
        if stored and stored["share_below"] >= LEADS_FROM:
            verdict = SUPPORTED
    if stored:
        text += (
            f"; {100 * stored['share_below']:.0f} % of {stored['n_shares']:,.0f} A-shares rose "
            f"less than that average (all A-shares {_percent(stored['market_mean'])})"
        )
    computation = "equal-weighted simple return of the day against indices" + (
        " and against every A-share; industries were not ranked" if stored else ""
    )
    return _check(claim, text, computation, verdict, numbers)


def _at_limit(
    claim: dict[str, Any], stored: Numbers, study: Study, results: EventStudyResults
) -> Check:
    del results
    chosen = study.groups[study.groups.isin(claim["groups"])].index
    rows = study.returns[
        study.returns["ticker"].isin(chosen)
        & (study.returns["session"] == pd.Timestamp(claim["day"]))
    ]
    own = int((rows["at_limit"] == "upper").sum())
    numbers: Numbers = {"n_upper_own": own, "n_own": len(chosen), **stored}
    text = f"{own} of the {len(chosen)} concept shares of this study closed at the upper limit"
    verdict = SUPPORTED if own >= claim["least"] else PARTLY
    if stored:
        text += (
            f", and {stored['n_upper']:.0f} shares of the whole market that are not under special "
            f"treatment, against {stored['n_upper_before']:.0f} the session before"
        )
        if stored["n_upper"] < claim["least"]:
            verdict = NOT_SUPPORTED
    computation = (
        "closes within half a tick of the limit; the study's own shares bound the number from "
        "below" + (", the whole market from above" if stored else "")
    )
    return _check(claim, text, computation, verdict, numbers)


def _reversal(
    claim: dict[str, Any], stored: Numbers, study: Study, results: EventStudyResults
) -> Check:
    del stored
    day = pd.Timestamp(claim["day"])
    response = results.caar((0, 1)).set_index(["event_id", "group"])
    numbers: Numbers = {}
    parts, turned = [], []
    for group in claim["groups"]:
        members = study.groups.index[study.groups == group]
        returns = study.returns[study.returns["ticker"].isin(members)]
        first = returns.loc[returns["session"] >= day, "session"].min()
        own = float(_simple(study, returns.loc[returns["session"] == first, "return"]).mean())
        effect = _simple(study, response.loc[(claim["event_id"], group)][["caar", "upper"]])
        path = results.caar_path(claim["jump"], group, start=0).set_index("session")
        before = path[path.index < day]
        caar = _simple(study, before["caar"])
        peak, left = caar.max(), caar.iloc[-1]
        returned = before[(before["lower"] <= 0) & (before["tau"] > 0)]
        turned.append(bool(effect["upper"] < 0))
        numbers |= {
            f"{group}_day": own,
            f"{group}_caar": effect["caar"],
            f"{group}_upper": effect["upper"],
            f"{group}_peak": peak,
            f"{group}_left": left,
        }
        since = (
            f"no longer distinguishable from zero since {returned.index[0]:%d %b}"
            if len(returned)
            else "distinguishable from zero on every session between"
        )
        parts.append(
            f"{study.label(group)}: {_percent(own)} on the day, abnormal "
            f"{_percent(effect['caar'])} over [0, 1] from the day the notice was public; "
            f"of the rise after {claim['jump']} (at most {_percent(peak)}) "
            f"{_percent(left)} was left the session before, {since}"
        )
    verdict = SUPPORTED if all(turned) else PARTLY if any(turned) else NOT_SUPPORTED
    computation = (
        "CAAR over [0, 1] with its 95 % interval, and the CAAR path since the rise; turned means "
        "that the interval lies below zero"
    )
    return _check(claim, "; ".join(parts), computation, verdict, numbers)


def _not_checkable(
    claim: dict[str, Any], stored: Numbers, study: Study, results: EventStudyResults
) -> Check:
    del stored, study, results
    return _check(claim, claim["reason"], "none", NOT_CHECKABLE, {})


def _check(
    claim: dict[str, Any], prices: str, computation: str, verdict: str, numbers: Numbers
) -> Check:
    plain = {name: float(value) for name, value in numbers.items()}
    return Check(claim["id"], claim["claim"], prices, computation, verdict, plain)


_CHECKS: dict[str, Callable[[dict[str, Any], Numbers, Study, EventStudyResults], Check]] = {
    "rise": _rise,
    "lead": _lead,
    "at_limit": _at_limit,
    "reversal": _reversal,
    "not_checkable": _not_checkable,
}


# --- what is stored, computed again from its source ---


def _hourly_range(claim: dict[str, Any], study: Study, path: Path) -> dict[str, Any]:
    """Lowest low of the day the evening belongs to, and the highest high from then on."""
    del study
    bars = pd.read_parquet(path, columns=["time", "high", "low"]).set_index("time")
    day = pd.Timestamp(claim["from"]).normalize()
    search = bars[(bars.index >= day) & (bars.index < pd.Timestamp(claim["until"]))]
    low = search["low"].idxmin()
    return {"low": search["low"].min(), "high": search.loc[low:, "high"].max()}


def _market_returns(claim: dict[str, Any], study: Study, path: Path) -> dict[str, Any]:
    day = pd.Timestamp(claim["day"])
    shares = pd.read_parquet(path, filters=[("date", "==", day), ("trading", "==", 1)])
    simple = shares.set_index("ticker")["pct_change"].astype(np.float64) / 100
    members = study.groups.index[study.groups == claim["group"]]
    average = simple[simple.index.isin(members)].mean()
    return {
        "n_shares": len(simple),
        "market_mean": simple.mean(),
        "share_below": (simple < average).mean(),
    }


def _market_limits(claim: dict[str, Any], study: Study, path: Path) -> dict[str, Any]:
    del study
    day = pd.Timestamp(claim["day"])
    columns = ["date", "ticker", "close", "st"]
    filters = [("date", "<=", day), ("trading", "==", 1)]
    shares = pd.read_parquet(path, columns=columns, filters=filters)
    shares = shares.sort_values(["ticker", "date"])
    close = shares["close"].astype(np.float64)
    former = close.groupby(shares["ticker"], observed=True).shift()
    at_limit = ((close - 1.10 * former).abs() <= LIMIT_TOLERANCE) & (shares["st"] == 0)
    counts = at_limit.groupby(shares["date"]).sum()
    return {"n_upper": counts[day], "n_upper_before": counts[counts.index < day].iloc[-1]}


_RECOMPUTED: dict[str, Callable[[dict[str, Any], Study, Path], dict[str, Any]]] = {
    "rise": _hourly_range,
    "lead": _market_returns,
    "at_limit": _market_limits,
}


def _simple(study: Study, values: pd.Series) -> pd.Series:
    """Turn returns of the study's kind into simple returns."""
    simple = values.astype(np.float64)
    return simple.map(np.expm1) if study.kind == "log" else simple


def _change(study: Study, ticker: str, day: pd.Timestamp) -> float:
    """Return the simple return of a price on a day, from its last close."""
    closes = study.prices[study.prices["ticker"] == ticker].set_index("date")["close"].sort_index()
    return float(closes[day] / closes[closes.index < day].iloc[-1] - 1)


def _largest_rise(prices: NDArray[np.float64]) -> float:
    """Rise from a trough to the highest price after it, the largest there is."""
    return float((prices / np.minimum.accumulate(prices)).max() - 1)


def _percent(value: float) -> str:
    return f"{100 * value:+.1f} %"
