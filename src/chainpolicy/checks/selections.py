"""Lists of announcements that another study might have pooled, from columns of events.csv."""

from __future__ import annotations

from chainpolicy.checks.pooled import RESTRICTIVE, events_of
from chainpolicy.study import Study
from chainpolicy.study.announced import local_day
from chainpolicy.study.sessions import sharing_sessions

CONFIDENCES = {"H": "high", "M": "medium", "L": "low"}
LEAST_SALIENCE = 2
# What columns of a catalogue are called in a reader's words, where their names do not say it.
COLUMN_TITLES = {
    "confidence": "confidence in the date",
    "salience": "salience (1 to 3)",
}


def selections(study: Study, direction: str = RESTRICTIVE) -> dict[str, tuple[str, ...]]:
    """Choose the same kind of announcements by several rules.

    Parameters
    ----------
    study : Study
    direction : {"restrictive", "supportive"}

    Returns
    -------
    dict of str to tuple of event_id
        "all by the rule"; where events.csv has the column "confidence in the date: high"
        (``confidence``), "salience 2 or 3 of 3" (``salience``), "named by the article"
        (``from_article``), "famous", "all but the famous" (``famous``; nothing on a famous
        session is left) and "neither famous nor before YYYY", the year of the first famous one: of
        what is older that list says nothing. A choice of all of them, or of none, is not listed.
    """
    every = events_of(study, direction)
    table = study.events.set_index("event_id").loc[list(every)]
    kept = {"salience 2 or 3 of 3": table["salience"] >= LEAST_SALIENCE}
    if "confidence" in table:
        name = f"{COLUMN_TITLES['confidence']}: {CONFIDENCES['H']}"
        kept = {name: table["confidence"] == "H"} | kept
    kept["named by the article"] = table["from_article"]
    if "famous" in table:
        kept["famous"] = table["famous"] == "yes"
        beside = sharing_sessions(study.alignment, table.index[kept["famous"]])
        others = ~table.index.to_series().isin(beside)
        kept["all but the famous"] = others
        year = table["announced_at"].map(local_day).dt.year
        begun = year[kept["famous"]].min()
        if (others & (year < begun)).any():
            kept[f"neither famous nor before {begun}"] = others & (year >= begun)
    chosen = {"all by the rule": every}
    some = {name: mask for name, mask in kept.items() if mask.any() and not mask.all()}
    return chosen | {name: tuple(table.index[mask]) for name, mask in some.items()}
