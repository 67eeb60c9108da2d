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
import numpy as np
import pandas as pd
from statsmodels.api import OLS

import chainpolicy
from chainpolicy import checks, claim, claims, estimators, figures, tables
from chainpolicy.article import whole_market
from chainpolicy.typeset.report_table import estimate_with_interval, formatted

study = chainpolicy.load_study()
responses = tables.responses(study, (0, 1), tables.RULE)
bitcoin = responses[responses["group"] == "bitcoin"]
policy = bitcoin[bitcoin["role"] == "policy"]
speech = policy[policy["event_id"] == study.headline_event].iloc[0]
others = policy[policy["event_id"] != study.headline_event]
stances = estimators.mean_response_by_stance(study, "bitcoin", window=(0, 1))

# %% [markdown]
# **Yes, once: over {{ speech.event_session | day }}, when the Politburo's session on blockchain
# became public, and the day after, Bitcoin returned {{ speech.caar | percent }} more than
# its mean** (95 % interval {{ (speech.lower, speech.upper) | interval }}; exact t =
# {{ speech.time_series_t | number }}, {{ speech.time_series_t_p | p }}; after Holm's correction
# over {{ responses.time_series_t_p_holm.count() }} tests {{ speech.time_series_t_p_holm | p }};
# rank among {{ speech.n_placebo }} ordinary sessions, {{ speech.placebo_p | p }}). The
# {{ stances.loc["restrictive"].days | count }} days with a restrictive announcement average
# {{ stances.loc["restrictive"].mean_car | percent }} (95 % interval
# {{ (stances.loc["restrictive"].lower, stances.loc["restrictive"].upper) | interval }}),
# which is not significantly different from zero.
#
# ## The measure
#
# Bitcoin dominates any index of coins, and share indices are closed for much of the time in which
# it trades. Its normal return is therefore a constant mean. With $R_t$ the log return of UTC day
# $t$ and $M$ the days of a clean estimation window that ends before the first event,
#
# $$\hat\mu = \frac{1}{M} \sum_{t=1}^{M} R_t, \qquad
#   AR_\tau = R_\tau - \hat\mu, \qquad
#   CAR(\tau_1, \tau_2) = \sum_{\tau=\tau_1}^{\tau_2} AR_\tau .$$
#
# Returns are log returns in percent. Here $\tau$ counts days from the event session, the UTC day that contains the announcement. Over
# the $L = \tau_2 - \tau_1 + 1$ days of a window the CAR carries the noise of those days and the
# error of the mean; with $s$ the standard deviation of the estimation residuals,
#
# $$t = \frac{CAR}{s \sqrt{L + L^2 / M}} \sim t(M - 1) .$$
#
# A constant mean leaves in the abnormal return whatever else moved all coins that day. Over one or
# two days the mean itself is negligible; what matters is the volatility it is compared with.

# %%
results = study.estimate()
car = results.car((0, 1)).set_index(["event_id", "ticker"]).loc[study.headline_event, "BTC-USD"]
clean = results.residuals.query("event_id == @study.headline_event and ticker == 'BTC-USD'")
log_returns = study.returns.query("ticker == 'BTC-USD'").set_index("session")["return"]
both = log_returns[speech["event_session"] :].index[:2]
sample = log_returns[[*clean["session"], *both]]
design = pd.DataFrame({"mean": 1.0} | {day: sample.index == day for day in both}).astype(float)
dummies = OLS(sample.to_numpy(), design.to_numpy()).fit().t_test([0, 1, 1])

# %% [markdown]
# The same is a regression of the return on a constant and a dummy for each day of the window: the
# two coefficients sum to {{ dummies.effect.item() | percent }}, with
# t = {{ dummies.tvalue.item() | number }}; the CAR above is {{ car.car | percent }}, with
# t = {{ car.t_stat | number }}.
#
# ## The price and the announcements
#
# Each announcement carries two stances, one on blockchain and one on crypto, because policy
# separated the two. The price is in US dollars.

# %%
figures.show("price_with_events", study)

# %%
closes = study.prices[study.prices["ticker"] == "BTC-USD"].set_index("date")["close"]
before = closes[: speech["event_session"]].iloc[-2]
after = closes[speech["event_session"] :]
gone = after.index[after <= before][0]
peak = after[:gone].idxmax()
returns = study.returns[study.returns["ticker"] == "BTC-USD"].set_index("session")["return"]
fall = returns[speech["event_session"] - pd.Timedelta(days=10) : speech["event_session"]].idxmin()

# %% [markdown]
# The last close before the event, {{ before | number(0) }} dollars, followed a fall of
# {{ -returns[fall] | share(1) }} on {{ fall | day }}, so that part of the gain may be a
# rebound. The price closed as high as {{ closes[peak] | number(0) }} on {{ peak | day }} and was
# back at or below {{ before | number(0) }} on {{ gone | day }}, {{ (gone - speech.event_session).days }}
# days after the event.
#
# ## Event by event
#
# The exact t assumes normal returns, and Bitcoin's have fat tails. The rank p-value does not: it
# ranks the studentized response $|t|$ among the same statistic $|t_j|$ of the $n$ ordinary
# sessions, those whose window is disjoint from every announcement known to the study,
#
# $$p = \frac{1 + \sum_{j=1}^{n} \mathbf{1} \left( |t_j| \ge |t| \right)}{1 + n} ,$$
#
# where $\mathbf{1}$ is one if the condition holds and zero otherwise. It assumes that sessions are
# exchangeable.
#
# Events on one UTC day share a row. Windows of neighbouring days share a day, so that the row after
# the largest response repeats half of it. Statements from abroad are controls, the law that took
# effect on 1 January a placebo.

# %%
tables.responses_report(study, bitcoin)

# %% [markdown]
# With {{ speech.n_placebo }} ordinary sessions the rank p-value cannot fall below
# {{ speech.smallest_p | number(4) }}, and the smallest of
# {{ responses.placebo_p_holm.count() }} p-values must be below
# {{ (0.05 / responses.placebo_p_holm.count()) | number(4) }} to survive Holm's correction at 5 %:
# this is beyond its reach. The corrected p-value of the exact t relies on the t distribution far
# out in its tail; the ordinary sessions, which have Bitcoin's own fat tails, give
# {{ speech.placebo_p | p }} before any correction.
#
# ## Restrictive and supportive announcements
#
# The stance of a day is the sign of the sum of stance times salience over its announcements, both
# stances added: one rule for days of mixed stance, in all notebooks. The mean CAR of $K$ days is a weighted
# sum of daily abnormal returns, $w_t$ being the share of the $K$ windows that contain day $t$; its
# variance counts a day in two windows once:
#
# $$\overline{CAR} = \sum_t w_t AR_t, \qquad
#   \operatorname{var} \overline{CAR} =
#   s^2 \left( \sum_t w_t^2 + \frac{(\sum_t w_t)^2}{M} \right) .$$

# %%
rows = {"apart": "supportive, without the speech", "difference": "supportive less restrictive"}
tables.ReportTable(
    pd.DataFrame(
        {
            "Days": [rows.get(name, name) for name in stances.index],
            "N": stances["days"].astype(str),
            "Negative": stances["negative"].astype(str),
            "Mean CAR, % (95 % interval)": estimate_with_interval(stances, "mean_car"),
            "t": formatted(stances["t_stat"], ".2f"),
            "p": stances["p_value"].map(tables.p_text),
        }
    ),
    "CAR over [0, 1], log returns.",
)

# %% [markdown]
# The mean response to supportive days apart from the speech is
# {{ stances.loc["apart"].mean_car | percent }} (N = {{ stances.loc["apart"].days | count }}),
# and the difference between supportive and restrictive days is
# {{ stances.loc["difference"].mean_car | percent }}
# ({{ stances.loc["difference"].p_value | p }}).
#
# ## Two moves inside the first two days
#
# Bitcoin rose in the hour from 15:00 UTC on 25 October, when monthly futures had just expired
# (16:00 London time), and in the two hours from 00:00 UTC on 26 October, a Saturday morning in
# Beijing.

# %%
hours = study.hourly["BTC-USD"].set_index("time")["close"]
hourly = np.log(hours).diff()
expiry = hourly["2019-10-25T15:00Z"]
morning = hourly["2019-10-26T00:00Z"] + hourly["2019-10-26T01:00Z"]
year = whole_market.stored_figures(study)

# %% [markdown]
# In the hour of the expiry it moved {{ expiry | percent }}. At the
# {{ year.n_other_expiries | count }} other monthly expiries of 2019 the same hour brought
# {{ year.other_expiries_lowest | percent }} to {{ year.other_expiries_highest | percent }}: an expiry
# by itself does not move the price like this, though one that met a falling price and news might.
# The two hours of the morning brought {{ morning | percent }}, more than any other two hours of 2019
# (at most {{ year.other_two_hours_largest | percent(signed=False) }} in either direction). No
# expiry falls into them, and New York was closed; the evening's news could be read and acted upon in
# China. This fits a response to the announcement better than the expiry does. It is a reading of one
# morning and no test.
#
# ## What this test can and cannot see
#
# Two questions belong beside every p-value: how often does the test reject on days on which nothing
# was announced, and how large must a response be for the test to find it?

# %%
results = study.results
sigma = results.models.query("ticker == 'BTC-USD'")["sigma"].iloc[0]
placebo = (
    study.placebo(window=(0, 1))
    .tests((0, 1))
    .tidy()
    .query("group == 'bitcoin' and test == 'time_series_t'")
)
later = placebo[placebo["event_id"] > results.residuals["session"].max().strftime("%Y-%m-%d")]
calm = returns[pd.to_datetime(later["event_id"])].std()
largest = others["time_series_t"].abs().max()

# %% [markdown]
# On {{ placebo.p_value.count() }} ordinary sessions of Bitcoin the exact t rejects at the 5 % level
# on {{ speech.rejection_rate | share(1) }} of them. The minimum detectable effect, the true
# CAR[0, 1] that it finds with 80 % power, is
# {{ speech.minimum_detectable_effect | percent }}; smaller ones it finds less often.
#
# The daily standard deviation of Bitcoin was {{ sigma | share(1) }} in the estimation window and
# {{ calm | share(1) }} over the {{ later | length }} ordinary sessions after it. These are the
# quiet days between the announcements: the volatility predicted from all days fell far less
# ([08_dynamics](08_dynamics.ipynb)). If quiet days are the right comparison, the test is too
# cautious about the later events: t-ratios would be {{ (sigma / calm) | number }} times as large,
# and the largest apart from the speech, {{ largest | number }}, would be
# {{ (largest * sigma / calm) | number(1) }}. A response may have been missed.
#
# ## Reading
#
# One response stands out, and it is to praise of blockchain that did not mention coins. It survives
# the correction for the number of tests if the t distribution is trusted so far out in its tail;
# the rank among ordinary sessions, which assumes no distribution, is small but cannot be smaller
# than the number of ordinary sessions allows. The rise followed a sharp fall, and it was gone within
# a month.
#
# The mean response to restrictive announcements is negative and within ordinary movement. This is a
# null result of low power, not evidence that crackdowns did nothing: its interval still contains
# falls that any investor would notice. The supportive announcements apart from the largest average
# about zero. Taken together, most responses have the sign of the policy, but the difference between
# the signs is not significant.

# %%
claims(
    claim(
        "The event study is the regression with a dummy for each day",
        dummies.tvalue.item(),
        np.isclose(dummies.tvalue.item(), car["t_stat"], rtol=1e-9)
        and np.isclose(dummies.effect.item(), car["car"], rtol=1e-9),
    ),
    claim(
        "Bitcoin's response to the speech survives Holm's correction",
        speech["time_series_t_p_holm"],
        speech["time_series_t_p_holm"] < 0.05,
    ),
    claim(
        "No other response of Bitcoin does",
        others["time_series_t_p_holm"].min(),
        others["time_series_t_p_holm"].min() > 0.05,
    ),
    claim(
        "The rank among ordinary sessions cannot survive it",
        speech["smallest_p"],
        not checks.within_reach(speech["smallest_p"], responses["placebo_p_holm"].count()),
    ),
    claim(
        "The mean response to restrictive days is not significantly different from zero",
        stances.loc["restrictive", "p_value"],
        stances.loc["restrictive", "p_value"] > 0.05,
    ),
    claim(
        "Nor is the difference between supportive and restrictive days",
        stances.loc["difference", "p_value"],
        stances.loc["difference", "p_value"] > 0.05,
    ),
    claim(
        "The hour of the expiry is beyond that of the other expiries of the year",
        expiry,
        expiry > 2 * max(-year["other_expiries_lowest"], year["other_expiries_highest"]),
    ),
    claim(
        "No other two hours of the year moved as much as those of the morning",
        morning,
        morning > year["other_two_hours_largest"],
    ),
    claim("The gain was gone within a month", str(gone.date()), (gone - peak).days < 31),
)

# %% [markdown]
# ## Limits
#
# A single date cannot separate a mean effect from a day of high volatility that had other causes:
# "unusual" is all that a small p-value says. The UTC day of an announcement contains hours before
# it, and for several events only the day is known, so that the window [0, 1] may contain a day
# without news. Events follow each other within days, and windows overlap. Without a market factor a
# worldwide move of coins counts as a response. The stances are one reader's coding of the
# texts; the codebook of the study folder gives the reasons.
