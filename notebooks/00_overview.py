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
# In the autumn of 2019 the Politburo praised blockchain, and within weeks cities searched for coin
# exchanges. Did prices move when the public could first know? Restrictions are
# judged by eight years of announcements; what praise did to shares, by that autumn alone.

# %%
import pandas as pd

import chainpolicy
from chainpolicy import checks, claim, claims, estimators, figures, tables
from chainpolicy.typeset.numbers import percent
from chainpolicy.typeset.report_table import in_percent, p_text

study = chainpolicy.load_study()
rule = tables.RULE
responses = tables.responses(study, (0, 1), rule)
speech = responses[responses["event_id"] == study.headline_event].set_index("group")
counts = tables.significance(study, (0, 1), rule)
led = tables.headline_windows(study, rule)
bitcoin, shares = led.loc["bitcoin"], led.loc["a_shares_tier1"]
beside = tables.over_windows(study, [(0, 0), (0, 4)], rule).query("group == 'a_shares_tier1'")
at_zero, sooner = (row for _, row in beside.set_index("window").iterrows())
ladder = checks.ladder(study).query("group == 'a_shares_tier1'")
second = checks.ladder(study).query("group == 'a_shares_tier2' and window == '[0, 5]'")
own = ladder[ladder["window"] == shares["window"]].set_index("rung")
late = ladder[ladder["window"] == "[0, 10]"].set_index("rung")
kept, best = late[late["chosen"]].iloc[0], own[own["chosen"]].iloc[0]
low, high = own.loc[own["caar"].idxmin()], own.loc[own["caar"].idxmax()]
decade = chainpolicy.load_study("china-crypto-policy-2013-2021")
lists = checks.selections(decade)
lists["supportive"] = checks.events_of(decade, checks.SUPPORTIVE)
days = checks.event_clusters(decade, "bitcoin", (0, 1), lists["supportive"])
two, median = days.largest(2), pd.Series(days.caar).median()
carried = two.caar.sum() / days.caar.sum()
pooled = checks.pooled_subsets(decade, "bitcoin", lists).set_index("subset")
neither = pooled.loc["neither famous nor before 2017"]
banned, praised = pooled.loc["all by the rule"], pooled.loc["supportive"]
famous, rest = pooled.loc["famous"], pooled.loc["all but the famous"]
alone = estimators.robustness(decade, "bitcoin").set_index("subset")
alone = alone.loc["days without other news"]

# %% [markdown] tags=["readme"]
# **Restrictions went with falls of Bitcoin; the mean response to support is not significant.** In 2013 to 2021, on
# {{ banned.n_clusters }} days with restrictive announcements that a rule chose, Bitcoin's mean
# abnormal return over [0, 1] was **{{ banned["mean"] | percent }}** (95 % interval
# {{ (banned.lower, banned.upper) | interval }}; randomization among ordinary days
# {{ banned.randomization_p | p }}). {{ famous.n_events }} famous dates would have given
# {{ famous["mean"] | percent }}; without them {{ rest["mean"] | percent }} is left
# ({{ rest.randomization_p | p }}), without 2013 and 2014 too {{ neither["mean"] | percent }}
# ({{ neither.randomization_p | p }}). On the {{ alone.n_clusters }} days without other known news it is
# {{ alone["mean"] | percent }} ({{ (alone.lower, alone.upper) | interval }}), so the cause stays open.
# Supportive announcements went with {{ praised["mean"] | percent }}
# ({{ (praised.lower, praised.upper) | interval }}; {{ praised.n_clusters }} days, median
# {{ median | percent }}); in sum that is about what two of them have, {{ two.session[0] | day }}
# ({{ two.caar[0] | percent }}) and the praise of {{ two.session[1] | day }} ({{ two.caar[1] | percent }}).
# What follows rests on the autumn of 2019 alone.

# %% [markdown] tags=["readme"]
# On the first session that could react to the Politburo's praise of blockchain,
# {{ bitcoin.last_session | day }}, the abnormal return of Bitcoin was
# **{{ bitcoin.caar | percent }}** (95 % interval {{ (bitcoin.lower, bitcoin.upper) | interval }}; over
# [0, 1], with this study's estimation window, {{ speech.loc["bitcoin", "caar"] | percent }}).
# Of {{ shares.n_assets }} Chinese shares that had been named as blockchain shares before,
# {{ at_zero.share_at_limit | share }} closed at their daily price limit on their first session,
# {{ at_zero.last_session | day }}. Over
# {{ shares.window }}, the first of the study's windows that ends with less than a tenth of
# them at a limit, their mean abnormal return was **{{ shares.caar | percent }}**
# ({{ (shares.lower, shares.upper) | interval }}; portfolio t {{ shares.time_series_t_p | p }}, rank
# among ordinary sessions {{ shares.placebo_p | p }}), measured against the yardstick that forecasts
# them best where nothing happened ({{ best.title }}; the interval leaves out the error of its
# weights). One session earlier, over [0, 4], it was {{ sooner.caar | percent }}
# ({{ (sooner.lower, sooner.upper) | interval }}; {{ sooner.time_series_t_p | p }}),
# at the edge of significance. **Over [0, 5] the yardstick decides**: it lies between {{ low.caar | percent }} ({{ low.title }})
# and {{ high.caar | percent }} ({{ high.title }}), and over [0, 10] between
# {{ late.caar.min() | percent }} and {{ late.caar.max() | percent }}. For tier 2, shares that the press
# named on the day they jumped, it lies between {{ second.caar.min() | percent }} and
# {{ second.caar.max() | percent }} and has a p-value below 5 % by {{ (second.p_value < 0.05).sum() }} of
# {{ second | length }} yardsticks. Whether the first
# response is significant depends on the test: {{ counts.holm["portfolio t"] }} of
# {{ counts.responses["portfolio t"] }} responses to policy announcements survive Holm's correction
# in the portfolio t, all of them to this one announcement; none of
# {{ counts.responses["adjusted BMP"] }} does in the adjusted BMP, which allows for a variance raised
# by the event (of these four it can judge the US-listed names alone), and none in the rank among ordinary sessions, of which there are too few for that.
# Returns are log returns in percent: +10 % is a rise in price of 10.5 %.

# %% tags=["readme"]
tables.significance_report(study, (0, 1), rule)

# %% [markdown]
# ## What is measured
#
# The abnormal return of asset $i$ in session $\tau$, counted from the first session that could
# react to an announcement, is the return minus the return predicted from a yardstick,
#
# $$AR_{i\tau} = R_{i\tau} - \widehat{R}_{i\tau}, \qquad
#   CAR_i = \sum_{\tau \in W} AR_{i\tau}, \qquad
#   CAAR = \frac{1}{N} \sum_{i=1}^{N} CAR_i ,$$
#
# with $W$ the window and $N$ the number of assets in a group. The yardstick is fitted over a clean
# estimation window that ends before the first event. A rule chooses it, group by group: of those
# that are available, the one with the smallest leave-one-session-out error in the estimation window. For Chinese shares that is a mixture of portfolios of other
# shares that follows each of them; for coins only the constant mean is available; for the US-listed
# names the constant mean forecasts slightly better than an index
# ([04_concept_stocks](04_concept_stocks.ipynb)).
#
# ## Bitcoin and the announcements
#
# Every announcement has two stances, on blockchain and on coins. The price is in US dollars.

# %%
figures.show("price_with_events", study)

# %% [markdown]
# ## The headline event, group by group

# %% tags=["readme"]
described = "; ".join(f"{row.title} {percent(row.caar)}" for row in own.itertuples())
figures.show(
    "counterfactual_ladder",
    study,
    "Cumulative average abnormal returns after the Politburo's praise of blockchain, one row per "
    "yardstick and one column per window, with 95 % intervals. Values are log returns in percent. "
    f"A-shares, tier 1, over {shares['window']}: {described}.",
)

# %% tags=["readme"]
tables.windows_report(study, [(0, 0), (0, 1), (0, 10)], rule)

# %% [markdown]
# Where many names close at a price limit the response is cut short, and tests that divide by the
# spread across names give no verdict.
#
# ## All events
#
# Events that share a session count as one. [03_bitcoin](03_bitcoin.ipynb),
# [04_concept_stocks](04_concept_stocks.ipynb) and [05_us_and_coins](05_us_and_coins.ipynb) list
# them, [09_crypto_policy](09_crypto_policy.ipynb) those of eight years. The portfolio t allows for correlation between assets, the adjusted BMP also for a variance
# raised by the event; the rank
# assumes no distribution.

# %%
surviving = responses[responses["time_series_t_p_holm"] < 0.05]
least, tested = speech["smallest_p"].min(), counts.loc["rank", "responses"]

# %% [markdown]
# With no more than {{ speech.n_placebo.max() }} ordinary sessions a rank p-value is
# {{ least | number(4) }} or more; to survive Holm's correction the smallest of {{ tested }} would have
# to be below {{ (0.05 / tested) | number(4) }}.
#
# ## Where nothing should happen
#
# Statements from abroad are controls. The day on which the cryptography law took effect is a
# placebo, but no clean one: the central bank cut the reserve ratio of banks that day. Clean placebos
# are drawn by a seeded rule from ordinary days.

# %%
known = decade.events
nothing = tables.controls(study, known, (0, 1), rule)
clean, foreign = (nothing[(nothing["kind"] == "drawn day") == drawn] for drawn in (True, False))
nothing["text"] = in_percent(nothing["caar"], "+.1f") + " (" + nothing["p_value"].map(p_text) + ")"
shown = nothing[nothing["kind"] != "drawn day"].pivot_table(
    "text", "what", "group", "first", sort=False, fill_value=""
)
drawn = clean.groupby("group")
shown.loc[f"{clean['what'].nunique()} drawn days"] = (
    in_percent(drawn["caar"].min(), "+.1f")
    + " to "
    + in_percent(drawn["caar"].max(), "+.1f")
    + drawn["p_value"].agg(lambda p: f" ({(p < 0.05).sum()})")
)
tables.ReportTable(
    shown[study.groups.unique()]
    .rename(columns=study.label)
    .rename_axis("Event or day")
    .reset_index(),
    "CAAR over [0, 1] in percent, log returns; in brackets the p-value of the portfolio t, not "
    "adjusted. Drawn days: lowest and highest CAAR, and how many p-values are below 5 %.",
)

# %%
groups = study.groups.unique()
rates = pd.concat(
    checks.rejection_rates(
        checks.placebo_of_rule(study, group, (0, 1)).p_values((0, 1), ["time_series_t"])
    )
    for group in groups
)
rejects = rates["rejection_rate"]

# %% [markdown]
# ## Reading
#
# Over eight years Bitcoin fell on restrictive announcements, less than famous dates suggest; its
# mean response to supportive ones is not significant. In the autumn of 2019 one announcement stands
# out, and it praised blockchain as a technology: coins and shares with a blockchain story rose on
# the first session that could react. By the portfolio's ordinary volatility the responses of Bitcoin,
# the US-listed names and both tiers of Chinese shares over [0, 1] survive the correction for the number
# of tests; by the spread across assets, which the event may have raised, only the US-listed names can
# be judged, and do not; the rank has too few ordinary sessions to decide. How much the Chinese shares of tier 1 kept
# once the limits had ceased to bind depends on the yardstick: little against indices weighted by
# company size, about half of it by the rule, at the edge of significance. No other
# response survives any correction. With few
# assets and large ordinary movements, a small response would be missed.
#
# The portfolio t rejects somewhat too often: on drawn days {{ (clean.p_value < 0.05).sum() | count }}
# of {{ clean | length }} p-values are below 5 %, where {{ (0.05 * clean.index.size) | number(1) }} are
# expected; of {{ foreign | length }} at controls and the placebo
# {{ (foreign.p_value < 0.05).sum() | count }} is; and of a group's ordinary sessions it rejects {{ rejects.min() | share(1) }} to
# {{ rejects.max() | share(1) }}. A p-value just below 5 % is weak evidence; the smallest on a
# drawn day, {{ clean.p_value.min() | number(3) }}, is far from surviving Holm's correction. The rank
# and the randomization do not rest on its distribution.
#
# "Significant" means unusual for the same portfolio. No test on a single date can separate a mean
# effect from a shock to the whole sector.

# %%
at_first = speech.loc["a_shares_tier1", "caar"]
claims(
    claim(
        "Bitcoin fell on restrictive announcements",
        f"{banned['upper']:.3f}, {banned['randomization_p']:.4f}",
        banned["upper"] < 0 and banned["randomization_p"] < 0.01,
    ),
    claim(
        "Famous dates show more than twice as much, and it is there without them",
        f"{famous['mean']:.3f}, {rest['mean']:.3f}",
        famous["mean"] < 2 * banned["mean"] and rest["randomization_p"] < 0.05,
    ),
    claim(
        "Without 2013 and 2014 too it is not",
        neither["randomization_p"],
        neither["randomization_p"] > 0.05,
    ),
    claim(
        "Where no other news is known, the fall is not significantly different from zero",
        alone["upper"],
        alone["upper"] > 0 > alone["mean"],
    ),
    claim(
        "The response to supportive announcements is not significant",
        praised["randomization_p"],
        praised["randomization_p"] > 0.05 and praised["lower"] < 0 < praised["upper"],
    ),
    claim(
        "Their sum is about that of two days, one of them that of the praise of 2019",
        f"{carried:.2f}, {median:.4f}",
        0.9 < carried < 1.1
        and 0 < median < praised["mean"] / 2
        and "2019-10-25-xi-politburo-blockchain" in two.events[1],
    ),
    claim(
        "All responses that survive Holm's correction are to one announcement",
        ", ".join(surviving["event_id"].unique()),
        set(surviving["event_id"]) == {study.headline_event},
    ),
    claim(
        "They are those of Bitcoin, the US-listed names and both tiers of Chinese shares",
        ", ".join(surviving["group"].map(study.label)),
        set(surviving["group"]) == {"bitcoin", "us_listed", "a_shares_tier1", "a_shares_tier2"},
    ),
    claim(
        "No response survives in the adjusted BMP",
        responses["adjusted_bmp_p_holm"].min(),
        responses["adjusted_bmp_p_holm"].min() > 0.05,
    ),
    claim(
        "Of those that survive it judges the US-listed names alone",
        surviving["adjusted_bmp_p"].count(),
        surviving.loc[surviving["adjusted_bmp_p"].notna(), "group"].tolist() == ["us_listed"],
    ),
    claim("The rank among ordinary sessions cannot survive", least, least * tested > 0.05),
    claim(
        "The rule matches each Chinese share with other shares",
        best["title"],
        own["chosen"].idxmax() == "synthetic",
    ),
    claim(
        "What was kept over the window that leads is at the edge of significance",
        f"{shares['time_series_t_p']:.3f}, {shares['placebo_p']:.3f}",
        0.02 < shares["placebo_p"] < 0.05 < shares["time_series_t_p"] < 0.1
        and 0.02 < sooner["time_series_t_p"] < 0.05
        and sooner["share_at_limit"] < 0.1,
    ),
    claim(
        "By the rule about half of the gain was kept",
        shares["caar"] / at_first,
        0.4 < shares["caar"] / at_first < 0.6,
    ),
    claim(
        "Against the indices little was",
        own.loc[["index", "indices"], "caar"].max() / at_first,
        own.loc[["index", "indices"], "caar"].max() < at_first / 4,
    ),
    claim(
        "The portfolio t rejects too often",
        f"{(clean['p_value'] < 0.05).sum()}; {rejects.max():.3f}",
        (clean["p_value"] < 0.05).mean() > 0.05 and 0.075 < rejects.max() < 0.15,
    ),
    claim(
        "No drawn day has a p-value as small as those that survive",
        clean["p_value"].min(),
        clean["p_value"].min() > surviving["time_series_t_p"].max(),
    ),
)

# %% [markdown]
# ## Limits
#
# Announcement hours are known for some events only; where only the day is known, the window [0, 1]
# covers both sessions that could have reacted, except for coins before 08:00 in China. The shares were chosen by evidence dated before the
# event, but from lists that the press made. The restrictive
# announcements of November carry out one national order: they are no independent evidence.
