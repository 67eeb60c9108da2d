# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What do the prices say, and are they aligned?

# %%
import chainpolicy
from chainpolicy import figures, findings

study = chainpolicy.load_study()
results = study.estimate()
findings.prices_and_alignment(study, results)

# %% [markdown]
# Before any response is interpreted, three things have to be known of the prices: what is missing,
# where a price was not free to move, and which session of one market corresponds to which session
# of another. This notebook shows all three, and then what would have been found had the events been
# dated as the article dates them.
#
# ## The data
#
# Daily closes, adjusted for dividends and splits. Tier 1 holds Chinese shares that the press had
# named as blockchain shares before the leading event; tier 2 holds shares named only on the day of
# the jump, hence chosen by the outcome, and is never pooled with tier 1.

# %%
findings.price_report(study)

# %% [markdown]
# ## Returns, and returns that do not exist
#
# With $C_{it}$ the close of asset $i$ in session $t$ of its calendar, the return is
#
# $$R_{it} = \log \frac{C_{it}}{C_{i,t-1}} ,$$
#
# and it exists only if both closes do. A suspended share has no return, never a return of zero, and
# the return after the gap, which spans several sessions, is left out as well. Log returns add up
# over a window; the texts quote $e^{R} - 1$, the simple return.

# %%
findings.missing_closes(study)

# %%
findings.gap_report(study)

# %% [markdown]
# ## Closes at the price limit
#
# In China a share may move by no more than a fraction $l_{it}$ of its last close in one session. A
# close at the limit is censored: the price might have gone further. With $C_{ip}$ the last
# available close, it is recognized by the price itself,
#
# $$\left| C_{it} - C_{ip} (1 \pm l_{it}) \right| \le \varepsilon ,$$
#
# where $\varepsilon$ is half a tick of the exchange plus what cutting adjusted closes to four
# decimals can lose. A cut-off on the return is the usual shortcut; it errs where prices are low, so
# that a tick is a large part of them, and where a share has a narrower limit.

# %%
findings.price_limits(study)

# %% [markdown]
# ## Calendars
#
# $\tau$ counts sessions of an asset's own calendar, so that groups of different calendars are never
# pooled. A day of a coin ends at midnight UTC and includes weekends; Shanghai closes before New
# York opens on the same date. In the national holidays of China the other markets go on for a week:
# the first return after one of them contains all that happened meanwhile.

# %%
findings.closures(study)

# %%
findings.closure_report(study)

# %% [markdown]
# ## Normal returns on ordinary sessions
#
# The abnormal return is what the benchmarks leave unexplained,
#
# $$AR_{it} = R_{it} - \hat\alpha_i - \hat\beta_i' F_t ,$$
#
# where $F_t$ are the returns of the asset's benchmarks, and $\hat\alpha_i$ and $\hat\beta_i$ are
# estimated by least squares on the $M_i$ ordinary sessions of the estimation window. $R^2$ is the
# share of variance that the benchmarks explain there, $\sigma_i$ the standard deviation of the
# residuals. The coins have no benchmark; their normal return is a constant mean.

# %%
findings.estimation_quality(study, results)

# %%
findings.estimation_report(study, results)

# %%
figures.show("estimation_fit", study)

# %% [markdown]
# ## What the article's dates would have found
#
# With $T$ the first session that could react and $T'$ the session to which the article's date
# points, the cumulative average abnormal return of $N$ assets over the window $[0, 1]$ is either of
#
# $$CAAR = \frac{1}{N} \sum_{i=1}^{N} \sum_{t=T}^{T+1} AR_{it}
#   \qquad \text{or} \qquad
#   CAAR' = \frac{1}{N} \sum_{i=1}^{N} \sum_{t=T'}^{T'+1} AR_{it} .$$
#
# The estimates $\hat\alpha_i$ and $\hat\beta_i$ are the same in both, so that the difference is one
# of dating alone. The interval is $CAAR \pm t_{0.975} s$ with $s$ the standard error of the
# equal-weighted portfolio on ordinary sessions, which allows for correlation between its assets.

# %%
findings.article_date_effect(study, results)

# %%
findings.article_date_report(study, results)

# %% [markdown]
# ## Reading
#
# The prices are nearly complete, and no close is missing around the events. What restrains them
# is the daily price limit: on the event session of the leading event a large part of the Chinese
# shares closed at it, so that their abnormal returns of that session are lower bounds.
#
# Dating matters most for Chinese shares. With the article's date the leading event has no
# measurable effect on them, because the window ends before they could react.
# On coins and US-listed names it still catches the first day of the response, and for the coins
# other than Bitcoin it makes no difference worth naming. The article's date also finds something
# where the first session that could react finds nothing: a fall at the end of October, which both
# rows of the plenum show because both point to the same session. It is one observation, not two,
# and it falls on shares that were giving back a jump of the same week. Beyond these no interval in
# the table leaves zero out, at either date: the other announcements show no response whose dating
# could matter.
#
# ## Limits
#
# The table compares many intervals without correction for their number; among so many a few leave
# zero out by chance, and the fall at the end of October may be one of these. A single session
# cannot separate a mean effect from a shock to the whole sector. The benchmarks explain a good
# part of the variance of Chinese shares, almost none of that of most US-listed names, and there
# are none for coins: there an abnormal return is little else than a return less its mean. More
# residuals are autocorrelated than chance explains, and the upper tail of those of Chinese shares
# is heavier than that of a normal distribution; the intervals assume neither. Prices come from
# public files with a second source for most of them but not for the Chinese indices, and shares
# that were later delisted are in the list only as far as these files held them.
