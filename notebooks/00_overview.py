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
import numpy as np

import chainpolicy
from chainpolicy import checks, claim, claims, figures, tables
from chainpolicy.typeset.numbers import percent

study = chainpolicy.load_study()
responses = tables.responses(study, window=(0, 1))
speech = responses[responses["event_id"] == study.headline_event].set_index("group")
counts = tables.significance(study, window=(0, 1))
windows = [(0, 0), (0, 1), (0, 10)]
moved = tables.over_windows(study, windows).set_index(["group", "window"])
bitcoin = moved.loc[("bitcoin", "[0, 0]")]
shares, left = moved.loc[("a_shares_tier1", "[0, 0]")], moved.loc[("a_shares_tier1", "[0, 10]")]
# The same shares, measured against the equal-weighted market of the shares outside the study.
market = checks.size_rungs(study, "a_shares_tier1")[0]
against = checks.rung_study(study, market, study.headline_event).fit()
first, last = (against.caar(window).iloc[0] for window in ((0, 0), (0, 10)))

# %% [markdown] tags=["readme"]
# On the first session that could react to the Politburo's praise of blockchain, the abnormal return
# was **{{ bitcoin.caar | simple | percent }}** for Bitcoin on {{ bitcoin.last_session | day }}
# (95 % interval {{ (bitcoin.lower, bitcoin.upper) | simple | interval }}) and
# **{{ shares.caar | simple | percent }}** for {{ shares.n_assets }} Chinese shares that had been
# named as blockchain shares before, on {{ shares.last_session | day }}
# ({{ (shares.lower, shares.upper) | simple | interval }}); what lasted
# depends on the yardstick: over the sessions [0, 10] the shares kept
# {{ left.caar | simple | percent }} ({{ (left.lower, left.upper) | simple | interval }}) against two
# indices of large companies, and {{ last.caar | simple | percent }}
# ({{ (last.lower, last.upper) | simple | interval }}) against the equal-weighted market. Whether
# the first response is significant depends on the test: {{ counts.holm["portfolio t"] }} of
# {{ counts.responses["portfolio t"] }} responses to policy announcements survive Holm's correction
# in the portfolio t, all of them to this one announcement; none of
# {{ counts.responses["adjusted BMP"] }} does in the adjusted BMP, which allows for a variance raised
# by the event, and none in the rank among ordinary sessions, of which there are too few for that.

# %% tags=["readme"]
tables.significance_report(study, window=(0, 1))

# %% [markdown]
# ## What is measured
#
# The abnormal return of asset $i$ in session $\tau$, counted from the first session that could
# react to an announcement, is the return minus the return predicted from its benchmarks,
#
# $$AR_{i\tau} = R_{i\tau} - \left(\hat\alpha_i + \hat\beta_i' F_\tau\right), \qquad
#   CAR_i = \sum_{\tau \in W} AR_{i\tau}, \qquad
#   CAAR = \frac{1}{N} \sum_{i=1}^{N} CAR_i .$$
#
# $R$ is a log return, $F$ the returns of the asset's benchmarks (CSI 300 and ChiNext for A-shares,
# SPY for US-listed names, none for coins, which leaves a constant mean), $\hat\alpha_i$ and
# $\hat\beta_i$ their coefficients over a clean estimation window that ends before the first event,
# $W$ the window and $N$ the number of assets in a group. The text and the tables quote simple
# returns.
#
# ## Bitcoin and the announcements
#
# Every announcement has two stances, because policy separated the two: one on blockchain, one on
# coins.

# %%
figures.show("price_with_events", study)

# %% [markdown]
# ## The headline event, group by group

# %% tags=["readme"]
ends = np.expm1(moved["caar"]).map(percent).unstack()
described = "; ".join(
    f"{study.label(group)} {first} on the event session, {last} by session 10"
    for group, first, last in zip(ends.index, ends["[0, 0]"], ends["[0, 10]"], strict=True)
)
figures.show(
    "caar_paths",
    study,
    "Cumulative average abnormal returns around the Politburo's praise of blockchain with 95 % "
    f"bands, one panel per group: {described}.",
)

# %% tags=["readme"]
tables.windows_report(study, windows)

# %% [markdown]
# ## All events
#
# Events that share a session of a calendar move the same returns. Their effects cannot be
# separated, so they count as one.

# %%
figures.show("forest", study)

# %% [markdown]
# The table lists the rows, one per group and session, in which some p-value is below 5 %;
# [03_bitcoin](03_bitcoin.ipynb), [04_concept_stocks](04_concept_stocks.ipynb) and
# [05_us_and_coins](05_us_and_coins.ipynb) show all rows. The portfolio t allows for correlation
# between assets, the adjusted BMP also for a variance raised by the event; the rank compares the
# response with ordinary sessions and assumes no distribution. The mean correlation of the
# residuals, *rbar*, rules out tests that treat assets as independent. Where many names are *at
# limit* at the end of the window, the daily price limit held the response back.

# %%
tables.responses_report(study, responses, below=0.05)

# %%
low = responses[responses["time_series_t_p_holm"] < 0.05]
least, tested = speech["smallest_p"].min(), counts.loc["rank", "responses"]

# %% [markdown]
# The rank p-value of a response that exceeds all ordinary sessions of its group is still
# {{ least | number(4) }} or more, because there are no more than {{ speech.n_placebo.max() }} of
# them. To survive Holm's correction the smallest of {{ tested }} p-values would have to be below
# {{ (0.05 / tested) | number(4) }}.
#
# ## Reading
#
# One announcement stands out, and it praised blockchain as a technology: coins and shares with a
# blockchain story rose on the first session that could react. Measured by the ordinary volatility
# of the portfolio, the responses of Bitcoin, of the US-listed names and of both tiers of Chinese
# shares survive the correction for the number of tests. Measured by the spread across the assets,
# which the event itself may have raised, none does. The rank among ordinary sessions, which assumes
# no distribution, cannot decide: there are too few of them. How much of it the Chinese shares kept for two weeks
# depends on the yardstick: little against two indices of large companies, most of it against the
# equal-weighted market, and neither is significantly different from zero. The other announcements, supportive or restrictive, show no response that
# survives any of the corrections; a fall of Chinese shares after a warning of the central bank
# comes closest. With few assets and large ordinary movements, a small response would not have been
# found.
#
# A response on one date is compared with ordinary sessions of the same portfolio: "significant"
# means unusual for it. No test on a single date can separate a mean effect from a shock to the
# whole sector on that day.

# %%
others = responses[(responses["role"] == "policy") & ~responses["event_id"].isin(low["event_id"])]
closest = others.loc[others["time_series_t_p"].idxmin()]
claims(
    claim(
        "All responses that survive Holm's correction are to one announcement",
        ", ".join(low["event_id"].unique()),
        set(low["event_id"]) == {study.headline_event},
    ),
    claim(
        "They are those of Bitcoin, the US-listed names and both tiers of Chinese shares",
        ", ".join(low["group"].map(study.label)),
        set(low["group"]) == {"bitcoin", "us_listed", "a_shares_tier1", "a_shares_tier2"},
    ),
    claim(
        "No response survives in the adjusted BMP",
        responses["adjusted_bmp_p_holm"].min(),
        responses["adjusted_bmp_p_holm"].min() > 0.05,
    ),
    claim("The rank among ordinary sessions cannot survive", least, least * tested > 0.05),
    claim(
        "The rank of no response does", counts.loc["rank", "holm"], counts.loc["rank", "holm"] == 0
    ),
    claim(
        "Against two indices the Chinese shares kept little of the gain for two weeks",
        left["caar"] / shares["caar"],
        left["caar"] < shares["caar"] / 2,
    ),
    claim(
        "Against the equal-weighted market they kept most of it",
        last["caar"] / first["caar"],
        last["caar"] > first["caar"] / 2,
    ),
    claim(
        "Neither is significantly different from zero",
        f"{left['lower']:.3f}, {last['lower']:.3f}",
        max(left["lower"], last["lower"]) < 0 < min(left["upper"], last["upper"]),
    ),
    claim(
        "Of the other announcements a warning of the central bank comes closest",
        closest["time_series_t_p"],
        closest["event_id"] == "pboc-shanghai-statement" and closest["caar"] < 0,
    ),
)

# %% [markdown]
# ## Limits
#
# Announcement hours are known for some events only; where only the day is known, the window [0, 1]
# covers both sessions that could have reacted. The shares were chosen by evidence dated before the
# event, but from lists that the press made. Prices are adjusted closes from public files; Bitcoin
# has no market benchmark, so its abnormal return is its return minus a constant mean.
