# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does Chinese policy move Bitcoin and blockchain shares?

# %%
import numpy as np
import pandas as pd

import chainpolicy
from chainpolicy import checks, claim, claims, estimators, figures, tables
from chainpolicy.eventstudy import window_label
from chainpolicy.study.announced import local_day

study = chainpolicy.load_study()
lead = study.headline_event
rule = tables.RULE
windows = [(0, 0), (0, 1), (0, 10)]
responses = tables.responses(study, (0, 1), rule)
counts = tables.significance(study, (0, 1), rule)
speech = responses[responses["event_id"] == lead].set_index("group")
moved = tables.over_windows(study, windows, rule).set_index(["group", "window"])
bitcoin, shares = moved.loc[("bitcoin", "[0, 0]")], moved.loc[("a_shares_tier1", "[0, 0]")]
led = tables.headline_windows(study, rule).loc["a_shares_tier1"]
sooner = tables.over_windows(study, [(0, 4)], rule).set_index("group").loc["a_shares_tier1"]
ladder = checks.ladder(study).query("group == 'a_shares_tier1'").set_index(["window", "rung"])
early, middle, late = (ladder.loc[window] for window in ("[0, 1]", led["window"], "[0, 10]"))
best, equal, left = late[late["chosen"]].iloc[0], late.loc["equal_weighted"], late.loc["indices"]
limits = study.results.abnormal_returns.query("event_id == @lead and tau == 0")
limits = limits[limits["ticker"].map(study.groups) == "a_shares_tier1"]["at_limit"]
us_listed = checks.results_of_rule(study, "us_listed")
without = checks.leave_one_out(us_listed, lead, window=(0, 1)).set_index("ticker").loc["XNET"]
stances = estimators.mean_response_by_stance(study, "bitcoin", window=(0, 1))
space = checks.stored_space(study).query("group == 'a_shares_tier1' and event_id == @lead")
space = space.set_index("window").loc["[0, 1]"]
announced = study.events[study.events["in_sample"] & (study.events["role"] == "policy")]
outside = int((~study.events["in_sample"]).sum())

policy = chainpolicy.load_study("china-crypto-policy-2013-2021")
restrictive = checks.events_of(policy, checks.RESTRICTIVE)
supportive = checks.events_of(policy, checks.SUPPORTIVE)
directions = {"restrictive": restrictive, "supportive": supportive}
shown = [*(("bitcoin", window) for window in ((0, 0), (0, 1), (0, 5))), ("coins", (0, 1))]
effects = pd.concat(
    checks.pooled_subsets(policy, group, directions, window) for group, window in shown
)
pooled = effects[effects["group"] == "bitcoin"].set_index(["subset", "window"])
fall, praise = pooled.loc[("restrictive", "[0, 1]")], pooled.loc[("supportive", "[0, 1]")]
apart = checks.difference(policy, "bitcoin", restrictive, supportive, (0, 1))
praised = checks.event_clusters(policy, "bitcoin", (0, 1), supportive)
two, median = praised.largest(2), pd.Series(praised.caar).median()
carried = two.caar.sum() / praised.caar.sum()
lists = checks.selections(policy)
choice = checks.pooled_subsets(policy, "bitcoin", lists).set_index("subset")
famous, rest = choice.loc["famous"], choice.loc["all but the famous"]
neither = choice.loc["neither famous nor before 2017"]
other_coins = checks.pooled_subsets(policy, "coins", lists)
other_coins = other_coins.set_index("subset").loc["all but the famous"]
ways = estimators.robustness(policy, "bitcoin").set_index("subset")
clean = ways.loc["days without other news"]
known, unknown = ways.loc["hour or latest hour known"], ways.loc["day alone known"]
least = estimators.without_one(policy, "bitcoin")
fading = checks.fade(policy, "bitcoin", restrictive)
of_year = checks.split_by(policy, restrictive, "year").items()
since = checks.fade(
    policy, "bitcoin", [name for year, held in of_year if year >= "2017" for name in held]
)
sizes = estimators.sizes(policy, "bitcoin", ((0, 0), (0, 1), (0, 5)))
size = sizes.set_index(["test", "window"])["rejection_rate"]
cost = checks.timing_cost(policy, "bitcoin")
lost = checks.lost_share(cost)["restrictive"]
by_window = {
    window_label(window): checks.lost_share(checks.timing_cost(policy, "bitcoin", window))
    for window in policy.car_windows
}
later = by_window["[0, 5]"]["restrictive"]
every_lost = [share["restrictive", "moved"] for share in by_window.values()]
least_lost, most_lost = min(every_lost), max(every_lost)
heaviest = "2013-12-05-five-ministry-notice"
lighter, turned = (
    checks.lost_share(checks.timing_cost(policy, "bitcoin", window, without=[heaviest]))
    for window in ((0, 1), (-1, 1))
)
dated = cost.set_index(["direction", "rows", "dated"]).loc["restrictive"]
public, document = (dated.loc["moved"].loc[by] for by in ("first public", "document_date"))
ruled = policy.events["role"] == "policy"
near = int((~ruled).sum())
by_rule = policy.events[ruled].set_index("event_id")
unused = by_rule[~by_rule["in_sample"]]
silent = by_rule.index.difference([*unused.index, *restrictive, *supportive])
undated = int((unused["announced_at"] == "").sum())
known_on = unused.loc[unused["announced_at"] != "", "announced_at"].map(local_day)
too_late = int((known_on > policy.prices["date"].max()).sum())

# %% [markdown]
# ## Abstract
#
# We ask whether announcements of Chinese authorities on blockchain and cryptocurrency move prices,
# and how much of the answer is due to the choice of dates, yardsticks and tests. Two event studies
# share one method. The first covers the autumn of 2019, in which the Politburo praised blockchain
# while regulators cracked down on coin trading. On the first session that could react to the
# praise, Bitcoin returned {{ bitcoin.caar | share(1) }} more than its mean (log return; 95 % interval
# {{ (bitcoin.lower, bitcoin.upper) | interval }}), and {{ shares.share_at_limit | share }} of
# {{ shares.n_assets }} Chinese shares already known as blockchain shares closed at their daily price
# limit. Over {{ led.window }}, the
# first of the study's windows that ends with less than a tenth of them at a limit, they returned on average
# {{ led.caar | share(1) }} more than predicted by the yardstick that forecasts them best on ordinary
# sessions ({{ (led.lower, led.upper) | interval }}). That number depends on the yardstick, and
# whether the first response is significant depends on the test.
# No other announcement of that autumn stands out once the number of tests is allowed for. The
# second study covers {{ ruled.sum() }} announcements of eight years that meet a rule fixed before
# the search. Restrictive announcements went with falls of Bitcoin:
# {{ fall["mean"] | percent }} over two days ({{ (fall.lower, fall.upper) | interval }};
# {{ fall.randomization_p | p }} by randomization). A list of famous dates would have found
# {{ famous["mean"] | percent }}. On the {{ clean.n_clusters }} days for which the catalogue notes no other
# news, the mean is not significantly different from zero
# ({{ clean["mean"] | percent }}, {{ (clean.lower, clean.upper) | interval }}). Restrictions and falls went together; that the one
# caused the other is not shown.

# %% [markdown]
# ## Introduction
#
# Few claims about cryptocurrency are repeated as often as the claim that China moves it. A ban is
# announced, the price falls, and the newspaper joins the two. The claim is hard to test for three
# reasons. Announcements are remembered because prices moved, so that a list of well-known dates
# answers the question before any return is computed. The date on a document is often not the date
# on which the public learned of it. And Bitcoin moves by several percent on days on which nothing
# is announced, so that a fall on one day proves little.
#
# This article meets each of these problems with a design rather than with an argument. Dates are
# the first moment at which the public could have known, and each asset reacts on the first session
# of its own exchange after that moment. The second study takes its announcements from a rule, which
# was written down before the search and mentions no price. Every response is compared with what the
# same statistic does on ordinary sessions of the same assets. Where a choice had to be made, the
# results of the other choices are shown.
#
# The two studies ask related questions on different scales. The first looks closely at one season,
# with {{ study.groups.size }} assets in five groups: Bitcoin, other coins, two tiers of Chinese
# shares with a blockchain business, and Chinese and crypto-related names listed in the United
# States. Its central event is a collective study session of the Politburo at which the leadership
# called blockchain a core technology to be pursued. The second gives up this detail for length. It
# pools many announcements over eight years and asks of Bitcoin alone, with Ether and Litecoin
# beside it, whether restrictive and supportive announcements were followed by returns of the
# expected sign.
#
# Event studies of single dates are a standard tool (MacKinlay 1997; Campbell, Lo and MacKinlay
# 1997), and so are their weaknesses. If all assets share the date, their returns are correlated,
# and tests that treat them as independent reject far too often (Kolari and Pynnonen 2010). If the
# event raises the variance, tests that rely on ordinary variance do the same (Boehmer, Musumeci and
# Poulsen 1991). If the benchmark is misspecified, abnormal returns over more than a few days drift
# with whatever the benchmark misses (Goldsmith-Pinkham and Lyu 2025). We report where each of these
# matters for the answer.
#
# ## Data
#
# The study of 2019 starts from one press article on Chinese blockchain policy and corrects it in
# two ways. Every date is replaced by the first public moment, and announcements that the article
# omits are added. This gives {{ study.events | length }} events, of which
# {{ announced | length }} are policy announcements in the sample. Of the others
# {{ outside | count }} lie outside the sample, and the rest are controls, such as
# foreign news, and a placebo that was known beforehand. Every announcement is coded twice from its
# text, for its stance on blockchain and for its stance on coins, because Chinese policy separated
# the two.
#
# Shares enter by evidence. Tier 1 holds the {{ speech.n_assets.a_shares_tier1 }} A-shares that a
# source dated before the first event had called blockchain shares. Tier 2 holds
# {{ speech.n_assets.a_shares_tier2 }} that the press listed only on the day they rose; they are
# selected on the outcome and are kept apart to measure what such a selection adds. Prices are daily
# closes from {{ study.prices.date.min() | day }} to {{ study.prices.date.max() | day }}, together
# with hourly prices of Bitcoin. Daily returns of portfolios of the A-shares outside the study
# provide further yardsticks.
#
# The catalogue of the second study has {{ policy.events | length }} rows. Of these,
# {{ ruled.sum() }} meet the rule: nationwide notices of the central bank, the State Council,
# ministries, regulators, courts and their associations that name coins, exchanges, mining or
# blockchain; orders of provinces and cities to close trading or mining; and speeches or plans of
# the top leadership on blockchain. The other {{ near }} are near the rule. They are in no
# pooled sample, but their days are kept out of the estimation windows. An announcement counts as
# restrictive if its stance on coins is restrictive, and otherwise as supportive if it supports
# coins or blockchain. Of the {{ ruled.sum() }}, {{ restrictive | length }} are restrictive and
# {{ supportive | length }} supportive; {{ silent | length | count }} take neither stance, and
# {{ unused | length | count }} lie outside the sample, {{ undated | count }} because the day on
# which they became public was not found and {{ too_late | count }} because it came after the
# prices end. All others have returns over [0, 1]. Bitcoin's closes run from
# {{ policy.prices.date.min() | day }} to {{ policy.prices.date.max() | day }}.
#
# All prices come from public files, each named with its checksum in the study folders. The first
# public moment is known to the hour for some announcements only. Where only the day is known, the
# window [0, 1] contains both sessions that could have reacted, which is why it is the main window
# throughout; only what was announced in China before eight in
# the morning, when the day of the coins begins, lies before it.
#
# ## Method
#
# For asset $i$ and session $\tau$, counted from the first session of the asset's exchange that
# could react, the abnormal return is the return minus the return predicted from a yardstick:
#
# $$AR_{i\tau} = R_{i\tau} - \widehat{R}_{i\tau}, \qquad
#   CAR_i(W) = \sum_{\tau \in W} AR_{i\tau}, \qquad
#   CAAR(W) = \frac{1}{N} \sum_{i=1}^{N} CAR_i(W) .$$
#
# $R$ is a log return, $W$ a window of sessions with both ends included, and $N$ the number of
# assets in a group. A rule chooses the yardstick of each group: of those available, the one with the
# smallest error of forecasts of single sessions of the estimation window, each from a fit to the
# others. A-shares have seven, from their own mean and the indices CSI 300 and ChiNext to portfolios
# of other shares; the rule chooses the mixture of these portfolios (weights that are not
# negative and sum to one) that follows each share best. For the US-listed names it chooses their
# mean, by a hair, over a fund on the S&P 500. Coins have no benchmark: Bitcoin dominates any coin
# index, and their normal return is a constant mean. The estimation window leaves out
# the sessions of catalogued events. In the study of 2019 it ends before the first
# event; in the longer study it precedes each event. All returns are log
# returns, in percent.
#
# The variance of a CAR over $L$ sessions includes the error of estimated coefficients. With $X_i$ the
# design of the estimation window, $X_i^*$ that of the event window and $s_i^2$ the residual variance,
#
# $$\operatorname{var} CAR_i = s_i^2 \, \mathbf{1}' \left( I + X_i^* (X_i' X_i)^{-1} X_i^{*\prime}
#   \right) \mathbf{1} .$$
#
# A mixture has no such coefficients, and its variance is $L s_i^2$: the error of its weights is not in
# the interval.
#
# Three statistics carry the results of the first study. The portfolio $t$ divides the CAAR by the
# standard error of the equal-weighted portfolio, which contains whatever correlation the assets
# have. The adjusted BMP test divides the mean standardized CAR by its spread across assets, and
# so allows for a variance that the event raised; with mean residual correlation $\bar r$,
#
# $$t_{adj} = \frac{\sqrt{N} \, \overline{SCAR}}{sd(SCAR)}
#   \sqrt{\frac{1 - \bar r}{1 + (N - 1) \bar r}} \sim t(N - 1),
#   \qquad SCAR_i = \frac{CAR_i}{se(CAR_i)} .$$
#
# The rank test assumes no distribution. It ranks the studentized CAAR among those of the group's
# ordinary sessions, whose windows contain no catalogued event. Each statistic is corrected by
# itself for the number of responses with the method of Holm (1979).
#
# In the second study the unit of observation is the cluster, a day with at least one announcement.
# The announcements of one day share one return, and clusters whose windows overlap form a block.
# With $C$ clusters, the pooled effect and its studentized version are
#
# $$\overline{CAAR} = \frac1C \sum_{c=1}^{C} CAAR_c, \qquad
#   \overline{SCAAR} = \frac1C \sum_{c=1}^{C} \frac{CAAR_c}{s_c} .$$
#
# The leading test is randomization. Sets of ordinary days with the same block structure are drawn
# {{ 9999 | count }} times, and the $p$-value is the share of draws whose $\overline{SCAAR}$ is at
# least as large in magnitude. Sign flips over blocks and an interval from the spread over blocks
# are reported beside it.
#
# ## Results: the autumn of 2019
#
# The praise of blockchain became public on a Friday evening in China. Bitcoin and New York could
# react on the same day, Shanghai and Shenzhen only on the following Monday. Each group rose on its
# first session. The figure is drawn against the benchmarks that the study declares, two indices for
# A-shares and a fund for US-listed names; the table is by the rule.

# %%
figures.show(
    "caar_paths",
    study,
    "Cumulative average abnormal returns around the Politburo's session on blockchain, one panel "
    "per group.",
)

# %%
tables.windows_report(study, windows, rule)

# %% [markdown]
# Bitcoin returned {{ bitcoin.caar | share(1) }} more than its mean on
# {{ bitcoin.last_session | day }}. The shares of tier 1 returned
# {{ shares.caar | share(1) }} more than predicted on {{ shares.last_session | day }}, although
# {{ (limits == "upper").sum() }} of the {{ shares.n_assets }} closed at the upper price limit, so
# that the measured return is a lower bound. By then Bitcoin and New York had moved, and the
# response of the A-shares contains that news as well. The US-listed names rose most, by
# {{ speech.caar.us_listed | share(1) }} over [0, 1], but one of them, Xunlei, accounts for
# much of it: without it the mean is {{ without.caar | percent }}.
#
# Is this significant? The study examines {{ counts.responses["portfolio t"] }} responses, one per
# group and session with a policy announcement. The table counts how many have a $p$-value below
# 5 %, and how many would be expected by chance.

# %%
tables.significance_report(study, (0, 1), rule)

# %% [markdown]
# In the portfolio $t$, {{ counts.holm["portfolio t"] }} responses survive Holm's correction, and all
# of them are responses to the praise of blockchain. In the adjusted BMP,
# {{ counts.holm["adjusted BMP"] or "none" }} of {{ counts.responses["adjusted BMP"] }} does: judged
# by the spread across assets, which the event itself may have raised, the response is less
# certain. The tier 1 shares have no verdict there over [0, 1], because
# {{ speech.share_at_limit.a_shares_tier1 | share }} of them end it at a price limit and look alike.
# The rank cannot decide. No ordinary session of the tier 1 shares ranks above the
# response, but with {{ speech.n_placebo.a_shares_tier1 }} of them the $p$-value cannot fall below
# {{ speech.smallest_p.a_shares_tier1 | number(4) }}, which is too large to survive a correction for
# so many responses. On a single date, moreover, no test separates a mean effect from a shock to the
# variance of the whole sector. "Significant" means unusual for this portfolio. The response of
# the tier 1 shares is unusual by both measures that have a verdict, before correction. In the next
# figure the benchmarks are again those that the study declares; over two sessions the yardstick
# hardly matters.

# %%
figures.show("forest", study, "Response to every announcement of 2019, by group.")

# %% [markdown]
# The other announcements leave little trace. The {{ stances.loc["restrictive"].days | count }} days
# with a restrictive announcement average {{ stances.loc["restrictive"].mean_car | percent }}
# for Bitcoin ({{ (stances.loc["restrictive"].lower, stances.loc["restrictive"].upper) |
# interval }}), which is not significantly different from zero. Its interval contains falls that any
# investor would notice: this is a result of low power, not evidence that the crackdown had no
# effect. One autumn cannot settle the matter, which is the reason for the second study.
#
# ### What lasted
#
# The shares of tier 1 kept rising for a session and then gave back part of the gain. By the rule
# {{ led.caar | percent }} of {{ speech.caar.a_shares_tier1 | percent }} is left over {{ led.window }},
# when the limits had ceased to bind ({{ (led.lower, led.upper) | interval }};
# portfolio t {{ led.time_series_t_p | p }}, rank {{ led.placebo_p | p }}; one session earlier
# {{ sooner.caar | percent }}, {{ sooner.time_series_t_p | p }}), at the
# edge of significance. Against the two
# indices it is {{ middle.caar.indices | percent }}, and {{ left.caar | percent }} over [0, 10]
# ({{ (left.lower, left.upper) | interval }}). Both indices weight companies by their
# size, however, and the shares that had been named are smaller. The next figure measures the same
# response against seven yardsticks: the shares' own mean, one index, two indices, the equal-weighted
# market of all shares outside the study, that market together with an index, factors extracted from
# portfolios of these shares (Xu 2017), and a mixture of these portfolios matched to each share
# (Abadie, Diamond and Hainmueller 2010; Acemoglu et al. 2016).

# %%
figures.show(
    "counterfactual_ladder", study, "Response of the tier 1 shares by window and yardstick."
)

# %% [markdown]
# Over [0, 1] the yardstick hardly matters: the seven answers lie between
# {{ early.caar.min() | percent }} and {{ early.caar.max() | percent }}. Over {{ led.window }} they
# lie between {{ middle.caar.min() | percent }} and {{ middle.caar.max() | percent }}, over
# [0, 10] between {{ late.caar.min() | percent }} and
# {{ late.caar.max() | percent }}. Against the equal-weighted market
# {{ equal.caar | percent }} is left over [0, 10] ({{ (equal.lower, equal.upper) | interval }}).
# The rule, which looks at quiet sessions alone, chooses {{ best.title }}, which gives
# {{ best.caar | percent }}
# ({{ (best.lower, best.upper) | interval(2) }}; rank among ordinary sessions
# {{ best.p_placebo | p }}). What counts as given back against the indices is strength against the
# average share. Over eleven sessions the choice of a yardstick decides the answer, and the sampling
# error reported beside any single one understates the uncertainty.
#
# ## Results: eight years of announcements
#
# The second study pools {{ fall.n_events }} restrictive announcements on {{ fall.n_clusters }} days
# and {{ praise.n_events }} supportive ones on {{ praise.n_clusters }} days.

# %%
tables.effects_report(policy, effects)

# %% [markdown]
# Over the day on which a restrictive announcement became public and the next, Bitcoin lost
# {{ -fall["mean"] | share(1) }} on average. The interval, {{ (fall.lower, fall.upper) | interval }},
# excludes zero, and of {{ 9999 | count }} sets of ordinary days hardly any moved as much
# ({{ fall.randomization_p | p }}). Supportive announcements went with
# {{ praise["mean"] | percent }} ({{ (praise.lower, praise.upper) | interval }};
# {{ praise.randomization_p | p }}), which is not significantly different from zero. The
# median day has {{ median | percent }}, and the sum over all is about what two days have alone:
# {{ two.session[0] | day }}, when a deputy governor said that people are free to trade
# ({{ two.caar[0] | percent }}), and {{ two.session[1] | day }}, the praise of blockchain
# ({{ two.caar[1] | percent }}). The difference
# between the two, {{ apart.difference | percent }}, has {{ apart.p_value | p }} when the labels
# are permuted over days, those with common sessions together.
#
# ### Famous dates and the rule
#
# How much would a list of remembered dates have overstated the effect? We drew up a list of
# {{ famous.n_events }} announcements that retrospectives keep naming, made with the
# prices known, and estimated it in the same way.

# %%
figures.show("selections", policy, "The same effect by one choice of announcements after another.")

# %% [markdown]
# The famous dates average {{ famous["mean"] | percent }},
# {{ (famous["mean"] / fall["mean"]) | number(1) }} times the effect of the rule. The effect is not
# only fame: the remaining {{ rest.n_clusters }} days still average
# {{ rest["mean"] | percent }} ({{ (rest.lower, rest.upper) | interval }};
# {{ rest.randomization_p | p }}). But the list skips the first two years: without their days as well,
# the {{ neither.n_clusters }} that remain average {{ neither["mean"] | percent }}
# ({{ (neither.lower, neither.upper) | interval }}; {{ neither.randomization_p | p }}), which is not
# significant. Nor is what remains for Ether and Litecoin, whose prices begin later. Whoever studies the
# famous dates alone gets the sign right and the size wrong.
#
# ### Documents and first public moments
#
# Some announcements became public days or weeks after the date on their document. Dating them by
# the document is convenient and common. For the {{ public.n_events }} restrictive announcements for
# which it makes a difference, the mean response is {{ public["mean"] | percent }}
# ({{ (public.lower, public.upper) | interval }}) at the first public moment and
# {{ document["mean"] | percent }} ({{ (document.lower, document.upper) | interval }}) at the date of
# the document: {{ lost["moved"] | share }} of the response is lost over [0, 1], with no test of the
# difference, and {{ lighter["restrictive", "moved"] | share }} without the five ministries' notice on Bitcoin, which
# matters most there. Over the study's four windows it is between {{ least_lost | share }} and
# {{ most_lost | share }}. Single rows decide: over [−1, 1] it is
# {{ turned["restrictive", "moved"] | share }} without that notice, a larger fall at the document's date. The mean over all restrictive
# announcements, most of which have one date, loses {{ lost["all"] | share }} over [0, 1] and
# {{ later["all"] | share }} over [0, 5].
#
# ## Robustness
#
# **Size of the tests.** Does the randomization reject as often as it claims when nothing happened?
# On random dates with the same blocks it rejects at a nominal 5 % in
# {{ size.loc["randomization"].min() | share(1) }} to {{ size.loc["randomization"].max() | share(1) }}
# of the cases, by window. The sign flips and the interval, which assume symmetry or a $t$
# distribution, reach {{ size.loc[["sign_flip", "interval"]].max() | share(1) }}.

# %%
tables.sizes_report(sizes)

# %% [markdown]
# **Other choices.** The table pools the restrictive announcements under other choices: ordinary days
# drawn from the same year, responses in units of predicted volatility, one announcement per order,
# announcements with a known hour, and one year or one order left out.

# %%
tables.effects_report(policy, estimators.robustness(policy, "bitcoin"))

# %% [markdown]
# No year and no order carries the result: without any one of them, an announcement without an order
# being one of its own, the mean is still {{ least["mean"].max() | percent }} or lower and the
# randomization has p ≤ {{ least.randomization_p.max() | number(3) }}. Where an hour, or a latest hour, is known the mean is
# {{ known["mean"] | percent }}; where only the day is known it is {{ unknown["mean"] | percent }}
# ({{ (unknown.lower, unknown.upper) | interval }}). Imprecise dates dilute a response, but an hour
# is also known because the news was large enough to be reported at once.
#
# **Other news.** The most important row is the one without other news. For most days the catalogue
# notes something else that could have moved prices. On the {{ clean.n_clusters }} days for which it
# notes nothing, the mean is {{ clean["mean"] | percent }}
# ({{ (clean.lower, clean.upper) | interval }}; {{ clean.randomization_p | p }}). These days are too
# few to tell a response from none. Nor does the comparison settle what caused the falls on the
# others.
#
# **Does it fade?** The rank correlation between the order of the announcements and the size of the
# response in standard errors is {{ fading.loc["|SCAAR|"].correlation | number(signed=True) }}
# ({{ fading.loc["|SCAAR|"].p_value | p }}); with the response itself it is
# {{ fading.loc["CAAR"].correlation | number(signed=True) }} ({{ fading.loc["CAAR"].p_value | p }}).
# Later announcements moved Bitcoin less relative to its noise. That the falls themselves shrank
# is less certain, and without the first two years neither is significant
# ({{ since.loc["|SCAAR|"].p_value | p }} and {{ since.loc["CAAR"].p_value | p }}).
#
# **Placebo portfolios.** Were the concept shares of 2019 different from other shares, or did the
# whole market of small companies move? Random portfolios of as many A-shares, from the same boards
# and with similar betas, averaged {{ space.random_mean | percent(2) }} over [0, 1], against
# {{ space.caar | percent }} for tier 1, both against the two indices. The distance is {{ space.excess | number(1) }}
# standard deviations. Shares of one sector move together on ordinary days too, so the distance is
# ranked among those of {{ space.n_ordinary }} ordinary sessions: {{ space.p_value | p }}.
#
# **Choice of names.** Tier 2, selected on the day of the jump, and Xunlei, chosen after its gain had
# been seen, show what a selection on the outcome can add. Neither is needed for the result of tier 1.

# %%
others = responses[(responses["role"] == "policy") & (responses["event_id"] != lead)]
claims(
    claim(
        "Bitcoin and the tier 1 shares rose on the first session",
        min(bitcoin["lower"], shares["lower"]),
        min(bitcoin["lower"], shares["lower"]) > 0,
    ),
    claim(
        "Every group rose",
        float(moved.xs("[0, 0]", level="window")["caar"].min()),
        (moved.xs("[0, 0]", level="window")["caar"] > 0).all(),
    ),
    claim(
        "The response of tier 1 is unusual by both measures that have a verdict",
        float(speech.loc["a_shares_tier1", ["time_series_t_p", "placebo_p"]].max()),
        speech.loc["a_shares_tier1", ["time_series_t_p", "placebo_p"]].max() < 0.05
        and pd.isna(speech.loc["a_shares_tier1", "adjusted_bmp_p"]),
    ),
    claim(
        "No response to another announcement survives Holm's correction",
        others["time_series_t_p_holm"].min(),
        others[[f"{name}_holm" for name in tables.FAMILIES]].min().min() > 0.05,
    ),
    claim(
        "No response survives it in the adjusted BMP",
        responses["adjusted_bmp_p_holm"].min(),
        responses["adjusted_bmp_p_holm"].min() > 0.05,
    ),
    claim(
        "The rank cannot survive it, and no ordinary session of tier 1 ranks above the response",
        speech.loc["a_shares_tier1", "smallest_p"],
        speech.loc["a_shares_tier1", "smallest_p"] * counts.loc["rank", "responses"] > 0.05
        and speech.loc["a_shares_tier1", "placebo_p"] == speech.loc["a_shares_tier1", "smallest_p"],
    ),
    claim(
        "Restrictive days of 2019 are not significantly different from zero for Bitcoin",
        stances.loc["restrictive", "p_value"],
        stances.loc["restrictive", "p_value"] > 0.05,
    ),
    claim("The ladder has seven rungs", len(late), len(late) == len(early) == 7),
    claim(
        "The rule chooses mixtures for both tiers, and the mean for the others",
        best["title"],
        [checks.rung_of_rule(study, group).name for group in study.groups.unique()]
        == ["constant_mean", "constant_mean", "synthetic", "synthetic", "constant_mean"],
    ),
    claim(
        "The two indices show little to have lasted, the rule about half",
        f"{middle.loc['indices', 'caar']:.3f}, {led['caar']:.3f}",
        middle.loc["indices", "caar"] < 0.2 * early.loc["indices", "caar"]
        and 0.4 < led["caar"] / speech.loc["a_shares_tier1", "caar"] < 0.6,
    ),
    claim(
        "Over [0, 1] the yardstick hardly matters, over [0, 10] it does",
        f"{np.ptp(early['caar']):.3f}, {np.ptp(late['caar']):.3f}",
        np.ptp(early["caar"]) < early["caar"].min() / 5 and np.ptp(late["caar"]) > 0.04,
    ),
    claim(
        "The answers over [0, 10] against the indices and the equal-weighted market contain zero",
        f"{left['lower']:.3f}, {equal['lower']:.3f}",
        max(left["lower"], equal["lower"]) < 0,
    ),
    claim(
        "Restrictive announcements went with falls beyond those of ordinary days",
        fall["randomization_p"],
        fall["upper"] < 0 and fall["randomization_p"] < 0.001,
    ),
    claim(
        "Every announcement by the rule is pooled, takes no stance or lies outside the sample",
        f"{fall['n_events']} + {praise['n_events']} + {len(silent)} + {len(unused)}",
        fall["n_events"] + praise["n_events"] + len(silent) + len(unused) == ruled.sum()
        and undated + too_late == len(unused),
    ),
    claim(
        "Supportive ones did not stand out",
        praise["randomization_p"],
        praise["randomization_p"] > 0.05 and praise["lower"] < 0 < praise["upper"],
    ),
    claim("The two differ", apart["p_value"], apart["p_value"] < 0.05),
    claim(
        "Famous dates have the sign right and the size wrong",
        famous["mean"] / fall["mean"],
        famous["mean"] < 1.5 * fall["mean"] < 0,
    ),
    claim(
        "Without the famous dates and the first two years it is not significant",
        neither["randomization_p"],
        neither["randomization_p"] > 0.05 and rest["randomization_p"] < 0.05,
    ),
    claim(
        "Without them the fall is still beyond ordinary days",
        rest["randomization_p"],
        rest["upper"] < 0 and rest["randomization_p"] < 0.05,
    ),
    claim(
        "For Ether and Litecoin it is not",
        other_coins["randomization_p"],
        other_coins["upper"] > 0 and other_coins["randomization_p"] > 0.05,
    ),
    claim(
        "Where no other news is noted the mean is not significantly different from zero",
        clean["randomization_p"],
        clean["lower"] < 0 < clean["upper"] and clean["randomization_p"] > 0.05,
    ),
    claim(
        "No year and no order carries it",
        least["upper"].max(),
        least["upper"].max() < 0,
    ),
    claim(
        "The sum over supportive days is about that of two",
        f"{carried:.2f}, {median:.4f}",
        0.9 < carried < 1.1
        and 0 < median < praise["mean"] / 2
        and "2019-10-25-xi-politburo-blockchain" in two.events[1],
    ),
    claim(
        "Since 2017 the fading is not significant",
        since.loc[["CAAR", "|SCAAR|"], "p_value"].min(),
        since.loc[["CAAR", "|SCAAR|"], "p_value"].min() > 0.05,
    ),
    claim(
        "Documents' dates lose part of the response in every window, but one row decides",
        f"{lost['moved']:.2f}, {least_lost:.2f}, {turned['restrictive', 'moved']:.2f}",
        least_lost > 0.1
        and lighter["restrictive", "moved"] < 0.8 * lost["moved"]
        and turned["restrictive", "moved"] < 0,
    ),
    claim(
        "Later announcements moved Bitcoin less relative to its noise",
        fading.loc["|SCAAR|", "p_value"],
        fading.loc["|SCAAR|", "correlation"] < 0 and fading.loc["|SCAAR|", "p_value"] < 0.05,
    ),
    claim(
        "That the falls shrank is less certain",
        fading.loc["CAAR", "p_value"],
        fading.loc["CAAR", "p_value"] > 0.05,
    ),
    claim(
        "Tier 1 stands out from random portfolios",
        space["p_value"],
        space["p_value"] < 0.05,
    ),
)

# %% [markdown]
# ## Conclusion
#
# Chinese policy and prices moved together in two ways. In the autumn of 2019 praise of a
# technology was followed by a rise of coins and of most shares that carried its name, as far as price
# limits allowed. And over eight years restrictive announcements went with falls of Bitcoin of a size that
# ordinary days rarely show. The first is a single date among supportive ones whose mean response is not
# significant, and what lasted of it depends on the yardstick. The second does not depend on a single year or order or, for Bitcoin, on the famous
# dates alone, and is much smaller than those dates suggest. It is not significant without the famous
# dates and the first two years together, nor on the few days without other news.
#
# Three lessons reach beyond China. A list of remembered events overstates an effect by more than
# most refinements of a test can change. The date of a document is not the date of the news. And
# over windows of two weeks the choice of the benchmark is a larger source of uncertainty than the
# sampling error reported beside it.
#
# ## Limits
#
# Neither study identifies a cause. Many announcements share their day with other news, and those
# that do not are few. In 2019 all assets share the date of the main event, several announcements
# share a session, and the praise followed a sharp fall of Bitcoin, so that part of the gain may be
# a rebound. Bitcoin has no market factor, so a worldwide move counts as a response.
#
# The catalogues hold what was found, not all there was, and that of eight years was compiled from
# excerpts of public pages. Stances and acts were coded by one reader
# from the texts. Notes on other news are mostly from memory, and a blank is no proof of none. Hours
# are known for some announcements only and are often the latest moment by which the news was out.
#
# The concept shares were chosen from press lists, some with only their year recorded. The US-listed
# names were drawn up after the largest jump was known. Closes at a price limit are censored
# returns. With few assets and large ordinary movements, small responses would not have been found.
#
# ## Data and code
#
# Every number in this text is computed when the article is built. A sentence that rests on a
# condition, such as the sign of an effect or a level of significance, is stated as a claim beside
# it, and the build stops if the claim no longer holds. One command, `make regenerate`, rebuilds all
# results from the embedded prices without a network. The notebooks give the details of each
# section: [03_bitcoin](03_bitcoin.ipynb), [04_concept_stocks](04_concept_stocks.ipynb),
# [05_us_and_coins](05_us_and_coins.ipynb) and [09_crypto_policy](09_crypto_policy.ipynb). To run
# the same analysis on events of your own, see the [README](../README.md); the equations behind every
# statistic stand on the [page of the library](../src/chainpolicy/eventstudy/README.md).

# %% [markdown]
# ## References
#
# - Abadie, A., Diamond, A. & Hainmueller, J. (2010). Synthetic control methods for comparative case studies: estimating the effect of California's tobacco control program. *Journal of the American Statistical Association* 105(490), 493–505.
# - Acemoglu, D., Johnson, S., Kermani, A., Kwak, J. & Mitton, T. (2016). The value of connections in turbulent times: evidence from the United States. *Journal of Financial Economics* 121(2), 368–391.
# - Boehmer, E., Musumeci, J. & Poulsen, A. B. (1991). Event-study methodology under conditions of event-induced variance. *Journal of Financial Economics* 30(2), 253–272.
# - Campbell, J. Y., Lo, A. W. & MacKinlay, A. C. (1997). *The Econometrics of Financial Markets*, chapter 4. Princeton University Press.
# - Goldsmith-Pinkham, P. & Lyu, T. (2025). Causal inference in financial event studies. Working paper, arXiv 2511.15123.
# - Holm, S. (1979). A simple sequentially rejective multiple test procedure. *Scandinavian Journal of Statistics* 6(2), 65–70.
# - Kolari, J. W. & Pynnonen, S. (2010). Event study testing with cross-sectional correlation of abnormal returns. *Review of Financial Studies* 23(11), 3996–4025.
# - MacKinlay, A. C. (1997). Event studies in economics and finance. *Journal of Economic Literature* 35(1), 13–39.
# - Xu, Y. (2017). Generalized synthetic control method: causal inference with interactive fixed effects models. *Political Analysis* 25(1), 57–76.
