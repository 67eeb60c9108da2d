# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What was announced, and when could markets know it?

# %%
import numpy as np
import pandas as pd

import chainpolicy
from chainpolicy import checks, claim, claims, figures, tables
from chainpolicy.study.announced import local_day, local_time
from chainpolicy.study.calendars import PLACES
from chainpolicy.study.sessions import clusters, sessions

study = chainpolicy.load_study()
sample = study.events[study.events["in_sample"]]
shifts = checks.session_shifts(study, "article_date")
shift = shifts.pivot_table(
    "shift", index=["event_id", "article_date"], columns="calendar", sort=False
).astype(int)
moved = shift[(shift != 0).any(axis=1)]
speech = shifts[shifts["event_id"] == study.headline_event].set_index("calendar")
published = local_time(speech["announced_at"].iloc[0])

# %% [markdown]
# **For {{ moved | length }} of the {{ shift | length }} events that the article dates, its date
# misses the first session that could react, on at least one calendar.** The leading event,
# “{{ speech["name"].iloc[0] }}”, is dated {{ speech.loc["XSHG"].dated_session | day }}
# in the article, became public on {{ published | day }} at
# {{ published.strftime("%H:%M") }} in Beijing, and could first move New York and the coins on
# {{ speech.loc["XNYS"].event_session | day(year=False) }} and Shanghai on
# {{ speech.loc["XSHG"].event_session | day(year=False) }}.
#
# An event study compares prices after the public could know something with prices before. It needs
# the moment of first publication. The list of announcements that this study starts from, a press
# article, gives something else: the day of a meeting, the date on a document, or no day at all.
# This notebook shows the catalogue, turns moments into sessions, and counts where the two disagree.
# It uses no price.
#
# ## What was announced
#
# Policy drew a line between the technology and the coins, so every announcement has two stances:
# one on blockchain and its industry, one on the trading, issuing and mining of coins. They were
# coded from what an announcement says or does, not from what prices did. Foreign announcements are
# *controls*, because they are not Chinese policy; an event that had been known beforehand is a
# *placebo*.

# %%
tables.events_report(study)

# %% [markdown]
# ## When markets could know
#
# Let $a_k$ be the moment at which announcement $k$ became public, $S_c$ the sessions of calendar
# $c$, and $\operatorname{close}_c(s)$ the moment at which session $s$ ends. The event session, from
# which $\tau = 0$ is counted, is the first session that could react:
#
# $$T_{kc} = \min \lbrace s \in S_c : \operatorname{close}_c(s) > a_k \rbrace .$$
#
# If only the day $d_k$ of $a_k$ is known, no hour is invented, and the event session is the first
# one that this day allows,
#
# $$T_{kc} = \min \lbrace s \in S_c : s \ge d_k \rbrace ;$$
#
# the reaction may then begin one session later, which is why the window $[0, 1]$ leads in all
# notebooks. A coin trades without a break, and its session is the UTC day that contains $a_k$. An
# evening of unknown hour is safe: in China it comes after the close in Shanghai, before the close
# in New York, and on the same UTC day.

# %%
known = sample["time_precision"].value_counts()

# %% [markdown]
# Of the {{ sample | length }} events of the sample {{ known["exact"] }} has a known hour of first
# publication, {{ known["evening"] }} are known to be of an evening, and for
# {{ known.drop(["exact", "evening", "day"]).sum() }} the latest hour is known. For {{ known["day"] }}
# only the day is known: their reaction may begin in session 0 or in session 1.
#
# ## Where the article's date misleads
#
# The article's date $d'_k$ points to a session $T'_{kc}$ by the rule for days. The difference
# $T_{kc} - T'_{kc}$ is counted in sessions of the calendar. If it is positive, the article's date is
# too early: a study that used it would look for a reaction before anyone could react.

# %%
dated = shifts.drop_duplicates("event_id")
days = dated["announced_at"].map(local_day) - pd.to_datetime(dated["article_date"])
agreeing = dated[~dated["event_id"].isin(moved.index.get_level_values("event_id"))]
heads = {"event_id": "Event", "article_date": "Article's date"}
tables.ReportTable(
    moved.rename(columns=PLACES).reset_index().rename(columns=heads),
    "Sessions by which the article is early.",
)

# %% [markdown]
# Of the {{ shift | length }} days that the article gives, {{ (days.dt.days > 0).sum() }} lie before
# and {{ (days.dt.days < 0).sum() }} after the day on which the public first knew. The largest
# difference is {{ shift["XSHG"].abs().max() }} sessions in Shanghai, {{ shift["XNYS"].abs().max() }}
# in New York and {{ shift["24/7"].abs().max() }} UTC days. Where the two agree on every calendar,
# the agreement proves little: for {{ (agreeing.time_precision == "day").sum() }} of these
# {{ agreeing | length }} events the hour is unknown, so that it follows from the rule.

# %%
figures.show("event_timeline", study)

# %% [markdown]
# ## Which events can be told apart
#
# Events that share a session of a calendar move the same returns there. No statistic can divide
# the response between them: they are one observation, counted once under the event that was
# announced first. Which events these are differs between calendars, because exchanges close and
# coins do not.

# %%
merged = clusters(study.alignment)
shared = merged[merged["members"].str.contains(";")].sort_values("event_session")
tables.ReportTable(
    pd.DataFrame(
        {
            "Session": shared["event_session"].dt.strftime("%Y-%m-%d"),
            "Calendar": shared["calendar"].map(PLACES),
            "Events, in the order of announcement": shared["members"].str.replace(";", ", "),
        }
    ),
    "The events of one row count as one.",
)

# %%
counts = {}
for calendar, own in merged.groupby("calendar"):
    place = sessions(calendar, study.start, study.end).get_indexer(own["event_session"])
    counts[calendar] = {"events": len(sample), "sessions": len(own)}
    counts[calendar]["directly after another"] = (np.diff(place) == 1).sum()
pd.DataFrame.from_dict(counts, orient="index").rename(PLACES)

# %% [markdown]
# Where one of these sessions directly follows another, their windows $[0, 1]$ share a session, and
# neither response is free of the other.
#
# ## What is left out, and why
#
# An event outside the sample is not estimated. If its day is known from elsewhere, it stays in the
# catalogue all the same, so that ordinary sessions can be kept free of it.

# %%
out = study.events[~study.events["in_sample"]]
roles = sample["role"].value_counts()
mentioned = sample[sample["from_article"]]
left = out.groupby("reason", sort=False)["event_id"].agg(", ".join).reset_index()
tables.ReportTable(left.set_axis(["Reason", "Events"], axis=1), "Events outside the sample.")

# %% [markdown]
# The {{ sample | length }} events of the sample are
# {{ roles["policy"] }} of Chinese policy, {{ roles["control"] }} controls and
# {{ roles["placebo"] }} placebo. The article does not mention
# {{ (sample | length) - (mentioned | length) }} of them and mentions
# {{ (mentioned.article_date == "").sum() }} without a day.
#
# ## Which sessions count as ordinary
#
# Let $E_c$ be the last $L$ sessions of calendar $c$ up to a fixed day before the first event
# window. The normal return of an asset is estimated on
#
# $$E_c \setminus \bigcup_k \lbrace T_{kc}, T_{kc} + 1 \rbrace ,$$
#
# where $k$ runs over all dated announcements, in the sample or not. One window serves all events:
# from October on they follow one another so closely that no window directly before a later one
# would be ordinary.

# %%
windows = {}
for calendar, own in study.alignment.groupby("calendar"):
    ordinary = sessions(calendar, study.start, study.estimation.end)
    announced = pd.Series(ordinary.isin(own["event_session"]), index=ordinary)
    masked = (announced | announced.shift(fill_value=False))[-study.estimation.length :]
    windows[calendar] = {"first": masked.index[0], "last": masked.index[-1], "L": len(masked)}
    windows[calendar] |= {"masked": masked.sum(), "left": (~masked).sum()}
pd.DataFrame.from_dict(windows, orient="index").rename(PLACES)

# %% [markdown]
# ## Reading
#
# The dates of the article are not wrong as dates: they are those of a meeting, of a document, of a
# broadcast as it was retold. As event dates about half of them are wrong. For the leading event the three markets
# did not even have the same first session: New York and the coins could trade on the news before
# Shanghai opened again. An abnormal return of Chinese shares at their event session therefore
# contains the news and whatever Chinese investors had seen abroad in the meantime.
#
# Sessions that events share limit what can be learnt. On the calendar of Shanghai the speech, the
# cryptography law and a speech on the state digital currency are one event, whatever theory one has
# of each.

# %%
in_shanghai = merged[merged["calendar"] == "XSHG"].set_index("event_id")["members"]
claims(
    claim(
        "New York and the coins could trade on the leading event before Shanghai opened again",
        (speech.loc["XSHG", "event_session"] - speech.loc["XNYS", "event_session"]).days,
        speech.drop("XSHG")["event_session"].max() < speech.loc["XSHG", "event_session"],
    ),
    claim(
        "In Shanghai it is one event with the cryptography law and a speech on digital currency",
        in_shanghai[study.headline_event].count(";") + 1,
        in_shanghai[study.headline_event] == "xi-politburo;cryptography-law;huang-dcep-bund",
    ),
    claim(
        "For most events only the day is known",
        f"{known['day']} of {len(sample)}",
        known["day"] > len(sample) / 2,
    ),
)

# %% [markdown]
# ## Limits
#
# For most events only the day is known; the true first session may be the next one. "Evening" is an
# evening by report, not by time stamp. The sources are of unequal quality, as the catalogue grades
# them. The stances are the judgement of one coder under written rules. The catalogue starts from one
# article; ordinary sessions may contain news of which this study knows nothing.
