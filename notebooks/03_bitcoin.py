# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Did Bitcoin move on Chinese policy?

# %%
import chainpolicy
from chainpolicy import checks, figures, findings

study = chainpolicy.load_study()
results = study.estimate()
placebo = study.event_study().placebo()
findings.bitcoin_answer(study, results, placebo)

# %% [markdown]
# ## The measure
#
# Bitcoin has no market of which it would be a small part: an index of coins is mostly Bitcoin
# itself, and share indices are closed for a good part of the hours in which it trades. Its normal
# return is therefore a constant mean. With $R_t$ the log return of UTC day $t$ and $M$ the days of
# a clean estimation window that ends before the first event,
#
# $$\hat\mu = \frac{1}{M} \sum_{t=1}^{M} R_t, \qquad
#   AR_\tau = R_\tau - \hat\mu, \qquad
#   CAR(\tau_1, \tau_2) = \sum_{\tau=\tau_1}^{\tau_2} AR_\tau .$$
#
# Here $\tau$ counts days from the event session, the UTC day that holds the announcement. Over the
# $L = \tau_2 - \tau_1 + 1$ days of a window the CAR carries the noise of those days and the error
# of the mean; with $s$ the standard deviation of the estimation residuals,
#
# $$t = \frac{CAR}{s \sqrt{L + L^2 / M}} \sim t(M - 1) .$$
#
# A constant mean leaves in the abnormal return whatever else moved all coins on that day. Over one
# or two days the mean itself is negligible; what matters is the volatility it is compared with.

# %% [markdown]
# ## The price and the announcements
#
# Each announcement carries two stances, one on blockchain and one on crypto, because policy split
# the two.

# %%
figures.show("price_with_events", study)

# %%
findings.round_trip(study, results)

# %% [markdown]
# ## Event by event
#
# The exact t assumes normal returns, and Bitcoin's have fat tails. The placebo p-value does not: it
# ranks the studentized response $|t|$ among the same statistic $|t_j|$ of the $n$ ordinary
# sessions, those whose window lies apart from every announcement known to the study,
#
# $$p = \frac{1 + \sum_{j=1}^{n} \mathbf{1} \left( |t_j| \ge |t| \right)}{1 + n} ,$$
#
# $\mathbf{1}$ being one where the condition holds and else zero. It assumes that sessions are
# exchangeable.
#
# Events on one UTC day share a row. Windows of neighbouring days share a day, so that the row after
# the largest response repeats half of it.

# %%
findings.single_asset_report(study, results, placebo)

# %%
findings.placebo_reach(study, results, placebo)

# %%
findings.controls(study, results, ["bitcoin"])

# %% [markdown]
# ## Restrictive and supportive announcements
#
# A day counts as restrictive if an announcement on it is restrictive on crypto, and else as
# supportive if one is supportive on blockchain or crypto. The mean CAR of $K$ days is a weighted
# sum of daily abnormal returns, $w_t$ being the share of the $K$ windows that hold day $t$; its
# variance counts a day that lies in two windows as one day:
#
# $$\overline{CAR} = \sum_t w_t AR_t, \qquad
#   \operatorname{var} \overline{CAR} =
#   s^2 \left( \sum_t w_t^2 + \frac{(\sum_t w_t)^2}{M} \right) .$$

# %%
findings.by_stance(study, results)

# %% [markdown]
# ## What this test can and cannot see
#
# Two questions belong beside every p-value: how often does the test reject on days on which nothing
# was announced, and how large must a response be for the test to find it?

# %%
rates = checks.rejection_rates(placebo)
findings.ordinary_sessions(study, results, rates)

# %%
findings.volatility(study, results, placebo)

# %% [markdown]
# The estimation window was more volatile than the weeks of the events. This makes the test cautious
# about the later events; it is no reason to believe that a response was missed, since the t-ratios
# stay small when they are scaled up.

# %% [markdown]
# ## Reading
#
# One response stands out, and it is to praise of blockchain that did not mention coins. It passes
# the correction for the number of tests if the t distribution is trusted so far out in its tail;
# the placebo rank, which trusts no distribution, calls it rare but cannot call it rarer than the
# number of ordinary sessions allows. The rise followed a sharp fall, and it did not last.
#
# The average after restrictive announcements is negative and within ordinary movement. This is a
# null result of low power, not evidence that crackdowns did nothing: its interval still holds falls
# that any investor would notice. The supportive announcements apart from the largest average about
# nothing. Taken together, the sign of the policy does not predict the sign of the response well
# enough to be told from chance.
#
# ## Limits
#
# A single date cannot separate a mean effect from a day of high volatility that had other causes:
# "unusual" is all that a small p-value says. The UTC day of an announcement holds hours before it,
# and for several events only the day is known, so that the window [0, 1] may hold a day without
# news. Events follow each other within days, and windows overlap. Without a market factor a
# worldwide move of coins counts as a response. The stances are a reading of texts by the authors of
# the study; the codebook of the study folder gives the reasons.
