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
import chainpolicy
from chainpolicy import figures, findings

study = chainpolicy.load_study()
findings.first_knowledge(study)

# %% [markdown]
# An event study compares prices after the public could know something with prices before. It needs
# the moment of first publication, and the list of announcements that this study starts from, a
# press article, gives something else: the day of a meeting, the date on a document, or no day at
# all. This notebook shows the catalogue, turns moments into sessions, and counts where the two
# disagree. It looks at no price.
#
# ## What was announced
#
# Policy drew a line between the technology and the coins, so that every announcement has two
# stances: one on blockchain and its industry, one on the trading, issuing and mining of coins. They
# were coded from what an announcement says or does, not from what prices did. Foreign announcements
# are *controls*, because they are not Chinese policy; an event that had been known beforehand is a
# *placebo*.

# %%
findings.catalogue_report(study)

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
# in New York, and in the same UTC day.

# %%
findings.known_hours(study)

# %%
findings.session_report(study)

# %% [markdown]
# ## Where the article's date misleads
#
# The article's date $d'_k$ points to a session $T'_{kc}$ by the rule for days. The difference
# $T_{kc} - T'_{kc}$ is counted in sessions of the calendar: a positive one means that the article's
# date lies too early, so that a study dated by it would look for a reaction before anyone could
# react.

# %%
findings.article_date_errors(study)

# %%
findings.shift_report(study)

# %%
figures.show("event_timeline", study)

# %% [markdown]
# ## Which events can be told apart
#
# Events that share a session of a calendar move the same returns there. No statistic can divide
# the response between them; they are one observation, counted once under the event that was
# announced first. The composition differs between calendars, because exchanges close and coins do
# not.

# %%
findings.composites(study)

# %%
findings.composite_report(study)

# %% [markdown]
# ## What is left out, and why
#
# An event outside the sample is not estimated. If its day is known from elsewhere it is kept in the
# catalogue all the same, because ordinary sessions are to be free of it.

# %%
findings.exclusions(study)

# %%
findings.exclusion_report(study)

# %% [markdown]
# ## Which sessions count as ordinary
#
# Let $E_c$ be the last $L$ sessions of calendar $c$ up to a fixed day before the first event
# window. The normal return of an asset is estimated on
#
# $$E_c \setminus \bigcup_k \lbrace T_{kc}, T_{kc} + 1 \rbrace ,$$
#
# where $k$ runs over all dated announcements. One window serves all events, because from October on
# they follow one another so closely that no window directly before a later one would be ordinary.

# %%
findings.masks(study)

# %%
findings.mask_report(study)

# %% [markdown]
# ## Reading
#
# The dates of the article are not wrong as dates: they are those of a meeting, of a document, of a
# broadcast as it was retold. They are wrong as event dates. For the leading event the three markets
# did not even have the same first session: New York and the coins could trade on the news before
# Shanghai opened again. An abnormal return of Chinese shares at their event session therefore
# contains the news and whatever Chinese investors had meanwhile seen abroad.
#
# Sessions that events share set the limit of what can be learnt. On the calendar of Shanghai the
# speech of the leadership, the cryptography law and a speech on the state digital currency are one
# event, whatever theory one has of each.
#
# ## Limits
#
# For most events only the day is known. Where the article's date and the day of publication
# agree, the event session agrees by construction; the true first session may still be the next
# one. The hours written as "evening" are evenings by report, not by time stamp, and the Shanghai
# exchange notice may have leaked while Shanghai was still trading. The sources are of unequal
# quality: the catalogue grades each as seen in a dated source, found once, or unsure. The stances
# are the judgement of one coder under written rules. The catalogue starts from one article and
# was completed for the weeks that it covers; what neither mentions is missing here, and ordinary
# sessions may hold news of which this study knows nothing.
