# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does China still move Bitcoin?

# %%
import pandas as pd

import chainpolicy
from chainpolicy import checks, claim, claims, estimators, figures, tables

study = chainpolicy.load_study("china-crypto-policy-2013-2021")
windows = ((0, 0), (0, 1), (0, 5))
lists = checks.selections(study)
restrictive = checks.events_of(study, checks.RESTRICTIVE)
supportive = checks.events_of(study, checks.SUPPORTIVE)
directions = {"restrictive": restrictive, "supportive": supportive}
shown = [*(("bitcoin", window) for window in windows), ("coins", (0, 1))]
effects = pd.concat(
    checks.pooled_subsets(study, group, directions, window) for group, window in shown
)
bitcoin = effects[effects["group"] == "bitcoin"].set_index(["subset", "window"])
lead, support = bitcoin.loc[("restrictive", "[0, 1]")], bitcoin.loc[("supportive", "[0, 1]")]
differences = [
    checks.difference(study, "bitcoin", restrictive, supportive, window) for window in windows
]
early, apart, late = differences
lists["neither"] = checks.beside_the_famous(study)
choice = checks.pooled_subsets(study, "bitcoin", lists).set_index("subset")
neither = choice.loc["neither"]
ways = estimators.robustness(study, "bitcoin").set_index("subset")
clean = ways.loc["days without other news"]
fading = checks.fade(study, "bitcoin", restrictive)

# %% [markdown]
# **Restrictive announcements went with falls of Bitcoin: over the day on which they became public
# and the next it lost {{ -lead["mean"] | share(1) }} (log return; 95 % interval
# {{ (lead.lower, lead.upper) | interval }}), pooled over {{ lead.n_clusters }} days with
# {{ lead.n_events }} announcements that a rule chose; of {{ checks.DRAWS | count }} sets of
# ordinary days drawn at random hardly any moved as much ({{ lead.randomization_p | p }}).** Supportive
# announcements went with {{ support["mean"] | percent }}
# ({{ (support.lower, support.upper) | interval }}; {{ support.n_clusters }} days,
# {{ support.randomization_p | p }}). A list of famous dates would have found
# {{ choice.loc["famous"]["mean"] | percent }}; where the catalogue notes no other news, on
# {{ clean.n_clusters }} days, the mean is {{ clean["mean"] | percent }}
# ({{ (clean.lower, clean.upper) | interval }}).
#
# ## A list made by a rule
#
# Famous dates are remembered because prices moved. The announcements here come from a rule fixed
# before the search (national notices that name coins, exchanges, mining or blockchain; local orders
# to close them; speeches and plans of the leadership on blockchain); no price was looked at. One is
# *restrictive* if its stance on coins is, otherwise *supportive* if it supports coins or blockchain.
#
# ## The measure
#
# Bitcoin's normal return is the mean of four months before the event, without the days of other
# announcements. With $AR_t$ the return less that mean, the response to the announcements of day $c$
# is
#
# $$CAAR_c = \sum_{t \in W} AR_t, \qquad SCAAR_c = \frac{CAAR_c}{s_c}, \qquad
#   \overline{CAAR} = \frac1C \sum_{c=1}^{C} CAAR_c ,$$
#
# $s_c$ its standard error. Days whose windows overlap form a block. *Randomization*, which leads,
# ranks the mean $SCAAR$ among those of ordinary days, blocks moved as a whole; *sign flips* rank it
# among those with a random sign for each block; the interval, from the spread over blocks, holds
# the variance that announcements add.

# %%
pool = study.pool(dict.fromkeys(restrictive, "restrictive"), (0, 1))
days = pool.clusters.query("group == 'bitcoin'")
tables.effects_report(study, effects)

# %% [markdown]
# For Bitcoin the restrictive mean less the supportive one is {{ early.difference | percent }} over [0, 0]
# ({{ early.p_value | p }} by permutation of the labels), {{ apart.difference | percent }} over [0, 1]
# ({{ apart.p_value | p }}) and {{ late.difference | percent }} over [0, 5] ({{ late.p_value | p }}).

# %%
figures.show("pooled_paths", study)

# %%
path = study.results.pooled_path(dict.fromkeys(restrictive, "restrictive"))
runup = path.query("group == 'bitcoin' and tau == -1").iloc[0]

# %% [markdown]
# Over the ten days before restrictive announcements, often with others, Bitcoin moved by
# {{ runup["mean"] | percent }} ({{ (runup.lower, runup.upper) | interval }}). Bands take ordinary days'
# variance.

# %%
sizes = estimators.sizes(study, "bitcoin", windows)
tables.sizes_report(sizes)

# %%
size = sizes.set_index(["test", "window"])["rejection_rate"]
error = sizes["std_error"].max()

# %% [markdown]
# The randomization has the size that it claims; the others, which assume symmetry or a t
# distribution, reach {{ size.loc[["sign_flip", "interval"]].max() | share(1) }}.
#
# ## How much of it is the choice of dates?
#
# The list of {{ choice.loc["famous"].n_events }} famous announcements is ours: what retrospectives
# name, 2017 to 2021.

# %%
figures.show("selections", study)

# %%
figures.show("pooled_forest", study)

# %%
famous, rest = choice.loc["famous"], choice.loc["all but the famous"]
excess = 1 - lead["mean"] / famous["mean"]
others = checks.pooled_subsets(study, "coins", lists).set_index("subset").loc["all but the famous"]

# %% [markdown]
# The famous days, {{ famous.n_negative }} of which are falls, average
# {{ famous["mean"] | percent }}; {{ excess | share }} of that is gone once the rule decides. The
# other {{ rest.n_clusters }} days average {{ rest["mean"] | percent }}
# ({{ (rest.lower, rest.upper) | interval }}, {{ rest.randomization_p | p }}); without those of 2013
# and 2014, {{ neither["mean"] | percent }} ({{ neither.randomization_p | p }}). For Ether and
# Litecoin what is left is not significant ({{ others["mean"] | percent }},
# {{ (others.lower, others.upper) | interval }}, {{ others.randomization_p | p }}). The article
# of the other study names one restrictive announcement of this list, with a response of
# {{ choice.loc["named by the article"]["mean"] | percent }}: that autumn could not show what eight
# years do.
#
# ## Which announcements?

# %%
split = estimators.splits(
    study, "bitcoin", ("salience", "confidence", "year", "act", "mining_2021")
)
tables.effects_report(study, split.replace({"by": {"mining_2021": "wave against mining, 2021"}}))

# %%
by = split.set_index(["by", "subset"])
act, salience = by.loc["act"], by.loc["salience"]
closing = checks.split_by(study, restrictive, "act")
orders = checks.difference(study, "bitcoin", closing["closure"], closing["warning"])
mining = by.loc[("mining_2021", "yes")]

# %% [markdown]
# Orders to close, stop or leave average {{ act.loc["closure"]["mean"] | percent }}, warnings
# {{ act.loc["warning"]["mean"] | percent }}; the difference of {{ orders.difference | percent }}
# has {{ orders.p_value | p }}. Ministries and national regulators (salience two) average
# {{ salience.loc["2"]["mean"] | percent }}, local bodies (one)
# {{ salience.loc["1"]["mean"] | percent }}. For checks the tests disagree: randomization
# {{ act.loc["check"].randomization_p | p }}, sign flips {{ act.loc["check"].sign_flip_p | p }}. The
# wave against mining of its last year, taken apart, averages {{ mining["mean"] | percent }}
# ({{ (mining.lower, mining.upper) | interval }}, {{ mining.randomization_p | p }}). Many looks,
# one sample: a description.
#
# ## Does it fade?
#
# The rank correlation between the order of the announcements and the response is
# {{ fading.loc["CAAR"].correlation | number(signed=True) }} ({{ fading.loc["CAAR"].p_value | p }});
# with its size in standard errors it is
# {{ fading.loc["|SCAAR|"].correlation | number(signed=True) }}
# ({{ fading.loc["|SCAAR|"].p_value | p }}). Relative to Bitcoin's volatility the
# responses became smaller; that the falls themselves shrank is less certain. The last year still has
# {{ by.loc[("year", "2021")]["mean"] | percent }}
# ({{ (by.loc[("year", "2021")].lower, by.loc[("year", "2021")].upper) | interval }},
# {{ by.loc[("year", "2021")].randomization_p | p }}).
#
# ## What if other choices had been made?
#
# Bitcoin's volatility changed several times over. Two rows divide responses by the volatility that
# the days before predict (EWMA or GARCH); in one,
# ordinary days come from the same year.

# %%
tables.effects_report(study, estimators.robustness(study, "bitcoin"))

# %%
known, unknown = ways.loc["hour or latest hour known"], ways.loc["day alone known"]
left_out = ways[ways.index.str.endswith("the weightiest")]

# %% [markdown]
# No year and no order carries the result: without the one that matters most the mean is still
# {{ left_out["mean"].max() | percent }} or lower. Where an hour or latest hour is known it is
# {{ known["mean"] | percent }}, where the day alone, {{ unknown["mean"] | percent }}
# ({{ (unknown.lower, unknown.upper) | interval }}).
#
# ## The price of a document's date
#
# Some became public days or weeks after the date of their document.

# %%
figures.show("timing", study)

# %%
cost = checks.timing_cost(study, "bitcoin")
lost = checks.lost_share(cost)
dated = cost.set_index(["direction", "rows", "dated"]).loc["restrictive"]
public, document = (dated.loc["moved"].loc[by] for by in ("first public", "document_date"))

# %% [markdown]
# The {{ public.n_events }} restrictive announcements that move average
# {{ public["mean"] | percent }} ({{ (public.lower, public.upper) | interval }}) at their first public
# moment and {{ document["mean"] | percent }} ({{ (document.lower, document.upper) | interval }}) at
# the document's date: {{ lost["restrictive", "moved"] | share }} of the response is lost (not tested),
# of that over all {{ dated.loc[("all", "first public")].n_events }}
# {{ lost["restrictive", "all"] | share }}: most became public that day.
#
# ## Reading
#
# Chinese restrictions and falls of Bitcoin went together over eight years, on dates that no price
# chose. For Bitcoin the result does not depend on a single year, order or measure of volatility, nor
# on the famous dates, unless 2013 and 2014 go too; where only the day is known the mean is smaller
# and not significant. It is no proof of cause: the days without other news are too few to decide.
# The response to supportive announcements is not significant; the praise of 2019 is an exception.

# %%
claims(
    claim(
        "Restrictive announcements went with falls beyond those of ordinary days",
        lead["randomization_p"],
        lead["mean"] < 0 and lead["randomization_p"] < 0.001 and lead["upper"] < 0,
    ),
    claim(
        "Study.pool gives the same mean",
        days["caar"].mean(),
        abs(days["caar"].mean() - lead["mean"]) < 1e-12,
    ),
    claim(
        "In every window",
        bitcoin.loc["restrictive", "randomization_p"].max(),
        bitcoin.loc["restrictive", "randomization_p"].max() < 0.05,
    ),
    claim(
        "Where only the day is known they are not significant",
        unknown["randomization_p"],
        unknown["randomization_p"] > 0.05 and lead["mean"] < unknown["mean"] < 0,
    ),
    claim(
        "Supportive announcements did not stand out",
        bitcoin.loc["supportive", "randomization_p"].min(),
        bitcoin.loc["supportive", "randomization_p"].min() > 0.05,
    ),
    claim(
        "The two directions differ in every window",
        max(each["p_value"] for each in differences),
        max(each["p_value"] for each in differences) < 0.05,
    ),
    claim(
        "A list of famous dates finds more than twice as much",
        famous["mean"] / lead["mean"],
        famous["mean"] < 2 * lead["mean"],
    ),
    claim(
        "Without the famous dates the fall is still beyond ordinary days",
        rest["randomization_p"],
        rest["upper"] < 0 and rest["randomization_p"] < 0.05,
    ),
    claim(
        "Without 2013 and 2014 too it is not",
        neither["randomization_p"],
        neither["randomization_p"] > 0.05,
    ),
    claim(
        "For Ether and Litecoin it is not",
        others["randomization_p"],
        others["upper"] > 0 and others["randomization_p"] > 0.05,
    ),
    claim(
        "For checks the tests disagree",
        act.loc["check"].randomization_p,
        act.loc["check"].randomization_p < 0.05 < act.loc["check"].sign_flip_p,
    ),
    claim(
        "Where no other news is noted nothing can be told",
        clean["randomization_p"],
        clean["lower"] < 0 < clean["upper"] and clean["randomization_p"] > 0.05,
    ),
    claim(
        "No year and no order carries it",
        left_out["randomization_p"].max(),
        len(left_out) == 2 and left_out["upper"].max() < 0,
    ),
    claim(
        "Nor does the yardstick of volatility",
        ways.loc[ways.index.str.startswith("all"), "randomization_p"].max(),
        ways.loc[ways.index.str.startswith("all"), "randomization_p"].max() < 0.01,
    ),
    claim(
        "Later announcements moved Bitcoin less, in standard errors",
        fading.loc["|SCAAR|", "p_value"],
        fading.loc["|SCAAR|", "correlation"] < 0 and fading.loc["|SCAAR|", "p_value"] < 0.05,
    ),
    claim(
        "That the falls shrank is less certain",
        fading.loc["CAAR", "p_value"],
        0.05 < fading.loc["CAAR", "p_value"] < 0.2,
    ),
    claim(
        "Documents' dates lose more than half of the response that they move",
        lost["restrictive", "moved"],
        lost["restrictive", "moved"] > 0.5,
    ),
    claim(
        "The randomization has its nominal size within Monte Carlo error",
        (size.loc["randomization"] - 0.05).abs().max() / error,
        (size.loc["randomization"] - 0.05).abs().max() < 3 * error,
    ),
)

# %% [markdown]
# ## Limits
#
# The list is what was found, not all there was. Stances, acts and orders were coded by one reader.
# Notes on other news are mostly from memory; a blank proves nothing. An hour is often a ceiling, the
# latest it can be; a day alone is a Chinese one, which begins on the UTC day before. Bitcoin has no market factor: a worldwide move counts as a
# response. Its first year rests on another provider, and on two large falls.
