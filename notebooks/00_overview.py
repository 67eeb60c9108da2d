# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Did markets move on policy?
#
# In the autumn of 2019 Chinese bodies spoke about blockchain and about cryptocurrency within a few
# weeks of each other: the Politburo praised the technology, a cryptography law was passed, Shanghai
# cleared up its coin exchanges, Beijing opened a sandbox for financial technology. This notebook
# asks whether prices moved when the public could first know, and answers with the sample, the
# uncertainty and the limits beside every number.

# %%
import chainpolicy
from chainpolicy import checks, figures, findings, tables

study = chainpolicy.load_study()
findings.abstract(study)

# %% [markdown]
# ## What is measured
#
# The abnormal return of asset $i$ in session $\tau$, counted from the first session that could
# react to an announcement, is the return less what it normally would have been,
#
# $$AR_{i\tau} = R_{i\tau} - \left(\hat\alpha_i + \hat\beta_i' F_\tau\right), \qquad
#   CAR_i = \sum_{\tau \in W} AR_{i\tau}, \qquad
#   CAAR = \frac{1}{N} \sum_{i=1}^{N} CAR_i .$$
#
# $R$ is a log return, $F$ the returns of the asset's benchmarks (CSI 300 and ChiNext for
# A-shares, SPY for US-listed names, none for coins, which leaves a constant mean),
# $\hat\alpha_i$ and $\hat\beta_i$ their coefficients over a clean estimation window that ends
# before the first event, $W$ the window and $N$ the number of assets in a group. Texts quote
# simple returns.

# %% [markdown]
# ## Bitcoin and the announcements
#
# Every announcement has two stances, because policy split the two: one on blockchain, one on coins.

# %%
figures.show("price_with_events", study)

# %% [markdown]
# ## The headline event, group by group

# %%
findings.response_table(study)

# %%
figures.show("caar_paths", study)

# %% [markdown]
# ## All events
#
# Events that share a session of a calendar move the same returns, cannot be told apart, and are
# counted once.

# %%
figures.show("forest", study)

# %%
results = study.estimate()
findings.significant_clusters(study, results)

# %% [markdown]
# The table holds the rows, one per group and session, in which some test has a p-value below 5 %;
# [03_bitcoin](03_bitcoin.ipynb), [04_concept_stocks](04_concept_stocks.ipynb) and
# [05_us_and_coins](05_us_and_coins.ipynb) show all rows. The portfolio t is robust to correlation
# between assets, adjusted BMP and GRANK-T to correlation and to event-induced variance; the mean
# correlation of the residuals, `rbar`, makes tests without such a correction useless here. Where
# many names are *at limit* at the end of the window, the daily price limit held the response back.

# %%
rates = checks.rejection_rates(study.event_study().placebo())
tables.headline_report(study, results, rates=rates, below=0.05)

# %% [markdown]
# ## Reading
#
# One announcement stands out, and it praised blockchain as a technology: coins and shares with a
# blockchain story rose on the first session that could react. Of these responses only that of
# Bitcoin passes the correction for the number of tests, and the Chinese shares had given most of
# theirs back before two weeks were over. The other announcements, supportive or restrictive, show
# no response that passes it; a fall of Chinese shares after a warning of the central bank comes
# closest among them. With few assets and large ordinary movements a small response would not have
# been found.
#
# A response on one date is compared with ordinary sessions of the same
# portfolio: "significant" means unusual for it. No test on a single date can separate a mean effect
# from a shock to the whole sector on that day.
#
# ## Limits
#
# Announcement hours are known for some events only; where only the day is known the window [0, 1]
# covers both sessions that could have reacted. The shares were chosen by evidence dated before the
# event, but from lists that the press made. Prices are adjusted closes from public files; Bitcoin
# has no market benchmark, so its abnormal return is its return less a constant mean.
