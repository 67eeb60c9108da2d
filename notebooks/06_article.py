# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What did the article say, and when did markets learn it?

# %%
import chainpolicy
from chainpolicy import figures, findings

study = chainpolicy.load_study()
results = study.estimate()
findings.article_answer(study, results)

# %% [markdown]
# ## When markets could know
#
# The article dates its statements by the day on paper or of the meeting. What moves a price is the
# moment at which the public first knew; the event session of an asset is the first session of its
# calendar that closes after that moment.

# %%
findings.dated_statements_found(study)

# %%
figures.show("event_timeline", study)

# %% [markdown]
# ## Tone
#
# Each dated statement is scored by three lexicons side by side, never blended: the word lists of
# Loughran and McDonald for financial texts, VADER for everyday English, and a small lexicon of this
# project for regulatory language. For the first and the last, with $P$ positive or supportive and
# $N$ negative or restrictive words in a statement,
#
# $$\text{tone} = \frac{P - N}{P + N}, \qquad \text{tone} = 0 \text{ if } P + N = 0 .$$

# %%
findings.tone_report(study)

# %% [markdown]
# ## Do the tones agree with the coded stances?
#
# Stances were coded by hand from the codebook. Their agreement with a tone, cut into negative,
# neutral and positive, is measured by Cohen's kappa with linear weights,
#
# $$\kappa_w = 1 - \frac{\sum_{ij} |i - j|\, O_{ij}}{\sum_{ij} |i - j|\, E_{ij}} ,$$
#
# $O_{ij}$ the share of events rated $i$ by hand and $j$ by tone, $E_{ij}$ the share expected if the
# two were independent.

# %%
findings.tone_agreement(study)

# %%
findings.agreement_report(study)

# %% [markdown]
# A lexicon counts words. It cannot tell that a title which promotes the technology, in the same
# sentence as an order to clear up its exchanges, restricts coins. The project's own lexicon was
# written by someone who knew the coded stances, so that its agreement is no independent evidence.

# %% [markdown]
# ## From stances to an index
#
# Announcement $k$ has a stance $s_k \in \{-1, 0, 1\}$ on blockchain and one on crypto, a salience
# $w_k$, and enters on its event session $T_k$. Its weight halves every $h$ calendar days:
#
# $$S_t = \sum_{k:\,T_k \le t} s_k w_k\, 2^{-(t - T_k)/h} .$$
#
# Only in-sample announcements of Chinese policy count, each from the first session that could
# react.

# %%
findings.policy_extremes(study)

# %%
figures.show("policy_index", study)

# %% [markdown]
# ## Did prices follow the stance?
#
# Announcements of one session are one observation with their net stance. Let $d$ be the mean CAAR
# of supportive less that of restrictive sessions. It is compared with the differences $d^*$ under
# every assignment of the same stances to the same sessions, the true one among them,
#
# $$p = \frac{\#\{|d^*| \ge |d|\}}{\#\text{assignments}} .$$

# %%
findings.response_to_stances(study, results)

# %%
figures.show("stance_responses", study)

# %%
findings.stance_report(study, results)

# %% [markdown]
# ## What the article says about prices
#
# Each claim in our words, beside what prices say.

# %%
findings.claims_report(study, results)

# %% [markdown]
# ## Reading
#
# The article records what was decided and when, not when it became known; a study dated by it would
# look for some reactions on the wrong session. Word lists read its statements poorly: only one of
# three agrees with the coded stances better than chance, and that one was made for the purpose.
#
# A claim can be true of a trough and a peak and not of an evening. That shares of a kind rose most
# is supported by prices; how many of them there were depends on whose list is counted. Responses
# lean in the direction of the stance, but in no group by more than the same stances on other
# sessions would often give. This is a weak result on few sessions, and no proof that the stance
# does not matter.
#
# ## Limits
#
# Stances were coded by hand and follow a codebook. Windows of neighbouring sessions overlap, so
# that a response may belong to the announcement before it, and a session that mixes subjects, such
# as the first after the headline event in Shanghai, has one return for all of them.
