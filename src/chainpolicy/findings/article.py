"""What the tones of the article's statements say, and how far coded stances agree with them."""

from __future__ import annotations

import pandas as pd

from chainpolicy.article.agreement import agreement
from chainpolicy.article.tone import TONES
from chainpolicy.findings.base import Finding
from chainpolicy.study import Study
from chainpolicy.typeset.report_table import ReportTable

TONE_TITLES = {
    "tone_lm": "Loughran-McDonald",
    "tone_vader": "VADER",
    "tone_stance": "regulatory-stance lexicon",
}
SIGNS = {-1: "-1", 0: "0", 1: "+1"}
STANCE_TITLES = {"stance_blockchain": "blockchain", "stance_crypto": "crypto"}


def tone_report(study: Study) -> ReportTable:
    """Lay out the coded stances of the article's events beside their three stored tones."""
    events = study.events
    scored = events[events["tone_lm"] != ""]
    frame = pd.DataFrame(
        {
            "Event": scored["event_id"],
            "Article's date": scored["article_date"],
            "Blockchain": scored["stance_blockchain"].map(SIGNS),
            "Crypto": scored["stance_crypto"].map(SIGNS),
        }
    )
    for column, title in TONE_TITLES.items():
        tones = scored[column].astype(float)
        frame[title] = [f"{tone:+.2f}" if tone else "0" for tone in tones]
    note = (
        "Coded stances: +1 supportive, -1 restrictive, 0 neutral or silent. Tones lie between -1 "
        "and 1 and are those of the article's sentences on the event; statements that share a "
        "sentence share its tone."
    )
    return ReportTable(frame, note)


def agreement_report(study: Study) -> ReportTable:
    """Lay out the weighted kappa of each coded stance with each tone."""
    table = agreement(study.events)
    frame = pd.DataFrame(
        {
            "Coded stance on": table["stance"].map(STANCE_TITLES),
            "Tone": table["tone"].map(TONE_TITLES),
            "n": table["n"].astype(str),
            "Same sign, %": (100 * table["same_sign"]).map("{:.0f}".format),
            "Weighted kappa": table["kappa"].map("{:.2f}".format),
            "95 % interval": [
                f"{low:.2f} to {high:.2f}"
                for low, high in zip(table["lower"], table["upper"], strict=True)
            ],
        }
    )
    note = (
        "Linear weights; 1 is perfect agreement, 0 that of chance; percentile bootstrap over "
        "events. Events that share a sentence are not independent, so the intervals are too narrow."
    )
    return ReportTable(frame, note)


def tone_agreement(study: Study) -> Finding:
    """Say how far the tones agree with the coded stances.

    Returns
    -------
    Finding
        The best and the worst kappa, and how many intervals leave chance agreement out.
    """
    table = agreement(study.events)
    *_, best = ordered = table.sort_values("kappa").to_dict("records")
    worst = ordered[0]
    clear = int((table["lower"] > 0).sum())
    text = (
        f"Over {int(table['n'].max())} events the tones agree weakly with the coded stances: the "
        f"weighted kappa runs from {worst['kappa']:.2f} "
        f"({TONE_TITLES[str(worst['tone'])]}, {STANCE_TITLES[str(worst['stance'])]}) to "
        f"{best['kappa']:.2f} ({TONE_TITLES[str(best['tone'])]}, "
        f"{STANCE_TITLES[str(best['stance'])]}; 95 % interval {best['lower']:.2f} to "
        f"{best['upper']:.2f}), and {clear} of {len(table)} intervals leave zero out."
    )
    return Finding(text, table)


def dated_statements_found(study: Study) -> Finding:
    """Say how many events have a date in the article, and how many of those share one."""
    events = study.events[study.events["from_article"]]
    dated = events[events["article_date"] != ""]
    shared = dated["article_date"].duplicated(keep=False).sum()
    scored = (dated[list(TONES)] != "").all(axis=1).sum()
    text = (
        f"The article speaks of {len(events)} announcements in the catalogue and gives a day for "
        f"{len(dated)} of them ({shared} share their day with another); all {scored} of these have "
        "a tone."
    )
    return Finding(text, dated[["event_id", "article_date", *TONES]].reset_index(drop=True))
