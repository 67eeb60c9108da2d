"""Events that share some of their assets on a session, taken apart where they differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from chainpolicy.study.remember import remembered
from chainpolicy.study.study import Study


@dataclass(frozen=True, eq=False)
class Parts:
    """A study of which the events of a session hit the same assets of a group, or none in common.

    Attributes
    ----------
    study : Study
        The study itself, if its events are so.
    event_of : mapping of str to str
        Event of each part that has a name of its own.
    """

    study: Study
    event_of: Mapping[str, str]

    def events(self, parts: pd.Series) -> pd.Series:
        """Name the events of parts, or of lists of them joined by ``;``, each once."""
        if not self.event_of:
            return parts
        return parts.map(
            lambda names: ";".join(
                dict.fromkeys(self.event_of.get(name, name) for name in names.split(";"))
            )
        )


@remembered
def in_parts(study: Study) -> Parts:
    """Divide events so that what an asset responded to is all that its cluster was hit by.

    Of an event that hits X and Y, on a session on which another of its role hits X alone, one part
    hits X, with the other event, and one Y. The largest part keeps the name of the event.
    """
    rows = study.alignment[study.alignment["in_sample"].astype(bool)]
    rows = rows.assign(group=rows["ticker"].map(study.groups))
    keys = ["role", "group", "calendar", "event_session"]
    several = rows.groupby(keys)["event_id"].transform("nunique") > 1
    renamed: dict[tuple[str, str], str] = {}
    event_of: dict[str, str] = {}
    count: defaultdict[str, int] = defaultdict(lambda: 1)
    taken = set(study.events["event_id"])
    for _, shared in rows[several].groupby(keys):
        hit_by = shared.groupby("ticker")["event_id"].agg(frozenset)
        for event, tickers in shared.groupby("event_id")["ticker"]:
            event_id = str(event)
            held = [list(part) for _, part in tickers.groupby(tickers.map(hit_by), sort=False)]
            for part in sorted(held, key=len, reverse=True)[1:]:
                while (name := f"{event_id} ({count[event_id] + 1})") in taken:
                    count[event_id] += 1
                taken.add(name)
                event_of[name] = event_id
                renamed |= {(event_id, ticker): name for ticker in part}
    if not renamed:
        return Parts(study, event_of)
    pairs = zip(study.alignment["event_id"], study.alignment["ticker"], strict=True)
    alignment = study.alignment.assign(
        event_id=[renamed.get((event_id, ticker), event_id) for event_id, ticker in pairs]
    )
    events = study.events.set_index("event_id", drop=False)
    more = [events.loc[[event]].assign(event_id=name) for name, event in event_of.items()]
    every = pd.concat([study.events, *more], ignore_index=True)
    return Parts(replace(study, alignment=alignment, events=every), event_of)
