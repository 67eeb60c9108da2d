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
from chainpolicy.eventstudy import window_label

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
choice = checks.pooled_subsets(study, "bitcoin", lists).set_index("subset")
neither = choice.loc["neither famous nor before 2017"]
ways = estimators.robustness(study, "bitcoin").set_index("subset")
clean = ways.loc["days without other news"]
fading = checks.fade(study, "bitcoin", restrictive)
praised = checks.event_clusters(study, "bitcoin", (0, 1), supportive)
two, median = praised.largest(2), pd.Series(praised.caar).median()
carried = two.caar.sum() / praised.caar.sum()

# %% [markdown]
# **Restrictive announcements went with falls of Bitcoin: over the day on which they became public
# and the next it lost {{ -lead["mean"] | share(1) }} (log return; 95 % interval
# {{ (lead.lower, lead.upper) | interval }}), pooled over {{ lead.n_clusters }} days with
# {{ lead.n_events }} announcements that a rule chose; of {{ checks.DRAWS | count }} sets of
# ordinary days drawn at random hardly any moved as much ({{ lead.randomization_p | p }}).** Supportive
# announcements went with {{ support["mean"] | percent }}
# ({{ (support.lower, support.upper) | interval }}; {{ support.n_clusters }} days,
# {{ support.randomization_p | p }}). A list of famous dates would have found
# {{ choice.loc["famous"]["mean"] | percent }}; on {{ clean.n_clusters }} days without other known news
# the mean is {{ clean["mean"] | percent }}
# ({{ (clean.lower, clean.upper) | interval }}).
#
# ## A list made by a rule
#
# Famous dates are remembered because prices moved. These come from a rule fixed before the search
# (national notices on coins, exchanges, mining or blockchain; local orders to close them; the
# leadership's speeches and plans on blockchain). An announcement is
# *restrictive* if its stance on coins is negative, otherwise *supportive* if that on coins or
# blockchain is positive.
#
# ## The measure
#
# The normal return is the mean of four months before, without days of other announcements. With
# $AR_t$ the return less that mean, the response on day $c$ is
#
# $$CAAR_c = \sum_{t \in W} AR_t, \qquad SCAAR_c = \frac{CAAR_c}{s_c}, \qquad
#   \overline{CAAR} = \frac1C \sum_{c=1}^{C} CAAR_c ,$$
#
# $s_c$ its standard error. Days whose windows overlap form a block. *Randomization*, which leads,
# ranks the mean $SCAAR$ among those of ordinary days, blocks moved as a whole; *sign flips* among
# those with a random sign for each block; the interval comes from the spread over blocks.

# %%
tables.effects_report(study, effects)

# %% [markdown]
# For Bitcoin the restrictive mean less the supportive one is {{ early.difference | percent }} over [0, 0]
# ({{ early.p_value | p }} by permutation of the labels), {{ apart.difference | percent }} over [0, 1]
# ({{ apart.p_value | p }}) and {{ late.difference | percent }} over [0, 5] ({{ late.p_value | p }}).
# Supportive days rise and fall, with a median of {{ median | percent }}. In sum the
# {{ support.n_clusters }} have about what the two largest have alone: {{ two.session[0] | day }}, a deputy
# governor's word that people are free to trade ({{ two.caar[0] | percent }}), and
# {{ two.session[1] | day }}, the Politburo's praise of blockchain ({{ two.caar[1] | percent }}).

# %%
figures.show("pooled_paths", study)

# %%
runup = checks.pooled_subsets(study, "bitcoin", {"run-up": restrictive}, (-10, -1)).iloc[0]
path = study.results.pooled_path(dict.fromkeys(restrictive, "restrictive"))
band = path.query("group == 'bitcoin' and tau == -1").iloc[0]

# %% [markdown]
# Over the ten days before restrictive announcements, which often hold others, Bitcoin moved by
# {{ runup["mean"] | percent }} ({{ (runup.lower, runup.upper) | interval }},
# {{ runup.randomization_p | p }}): not significant, though
# the figure's narrower band, which takes ordinary days' variance, ends just below zero.

# %%
sizes = estimators.sizes(study, "bitcoin", windows)
tables.sizes_report(sizes)

# %%
size = sizes.set_index(["test", "window"])["rejection_rate"]
error = sizes["std_error"].max()

# %% [markdown]
# The randomization has the size that it claims; the sign flips and the interval reach {{ size.loc[["sign_flip", "interval"]].max() | share(1) }}.
#
# ## How much of it is the choice of dates?
#
# The list of {{ choice.loc["famous"].n_events }} famous announcements is ours: what retrospectives
# name, 2017 to 2021.

# %%
figures.show("selections", study)

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
# {{ others.randomization_p | p }}). The article of the other study names one announcement of this list
# ({{ choice.loc["named by the article"]["mean"] | percent }}).
#
# ## Which announcements?

# %%
figures.show("pooled_forest", study)

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
of_year = checks.split_by(study, restrictive, "year").items()
since = checks.fade(
    study, "bitcoin", [name for year, held in of_year if year >= "2017" for name in held]
)

# %% [markdown]
# Orders to close, stop or leave average {{ act.loc["closure"]["mean"] | percent }}, warnings
# {{ act.loc["warning"]["mean"] | percent }}; the difference of {{ orders.difference | percent }}
# has {{ orders.p_value | p }}. Ministries and national regulators (salience two) average
# {{ salience.loc["2"]["mean"] | percent }}, local bodies {{ salience.loc["1"]["mean"] | percent }}. The
# wave against mining of 2021 averages
# {{ mining["mean"] | percent }} ({{ (mining.lower, mining.upper) | interval }},
# {{ mining.randomization_p | p }}). Many looks, one sample.
#
# ## Does it fade?
#
# The rank correlation between the order of the announcements and the response is
# {{ fading.loc["CAAR"].correlation | number(signed=True) }} ({{ fading.loc["CAAR"].p_value | p }});
# with its size in standard errors it is
# {{ fading.loc["|SCAAR|"].correlation | number(signed=True) }}
# ({{ fading.loc["|SCAAR|"].p_value | p }}). Relative to Bitcoin's volatility the
# responses became smaller; that the falls shrank is less certain. Both lean on the first years: on the {{ since.loc["CAAR"].n_clusters | count }} days since 2017 they are
# {{ since.loc["CAAR"].correlation | number(signed=True) }} ({{ since.loc["CAAR"].p_value | p }}) and
# {{ since.loc["|SCAAR|"].correlation | number(signed=True) }} ({{ since.loc["|SCAAR|"].p_value | p }}). The last year still has
# {{ by.loc[("year", "2021")]["mean"] | percent }}
# ({{ (by.loc[("year", "2021")].lower, by.loc[("year", "2021")].upper) | interval }},
# {{ by.loc[("year", "2021")].randomization_p | p }}).
#
# ## What if other choices had been made?
#
# Two rows divide responses by the volatility that the days before predict.

# %%
tables.effects_report(study, estimators.robustness(study, "bitcoin"))

# %%
known, unknown = ways.loc["hour or latest hour known"], ways.loc["day alone known"]
left_out = estimators.without_one(study, "bitcoin")
years, orders = (left_out[left_out["part"] == part] for part in ("year", "order"))

# %% [markdown]
# No year and no order carries the result: without any one of {{ years | length }} years or
# {{ orders | length }} orders (an announcement without one is its own) the mean is still {{ left_out["mean"].max() | percent }} or lower and the
# randomization has p ≤ {{ left_out.randomization_p.max() | number(3) }}. Where an hour or latest hour is known it is
# {{ known["mean"] | percent }}, where the day alone, {{ unknown["mean"] | percent }}
# ({{ (unknown.lower, unknown.upper) | interval }}).
#
# ## The price of a document's date
#
# Some announcements became public days or weeks after the date of their document.

# %%
figures.show("timing", study)

# %%
cost = checks.timing_cost(study, "bitcoin")
moved = checks.dated_caars(study, "document_date").query("group == 'bitcoin'")
moved = moved[moved["event_id"].isin(restrictive)].set_index("event_id")
gap = (moved["caar"] - moved["dated_caar"]).abs()
costs = {
    window_label(window): checks.timing_cost(study, "bitcoin", window)
    for window in study.car_windows
}
for window in ((0, 1), (-1, 1)):
    costs[f"{window_label(window)} without"] = checks.timing_cost(
        study, "bitcoin", window, without=[gap.idxmax()]
    )
lost = {name: checks.lost_share(of)["restrictive"] for name, of in costs.items()}
dated = cost.set_index(["direction", "rows", "dated"]).loc["restrictive"]
public, document = (dated.loc["moved"].loc[by] for by in ("first public", "document_date"))

# %% [markdown]
# The {{ public.n_events }} restrictive announcements that move average
# {{ public["mean"] | percent }} ({{ (public.lower, public.upper) | interval }}) when first public and
# {{ document["mean"] | percent }} ({{ (document.lower, document.upper) | interval }}) at the document's
# date: {{ lost["[0, 1]"]["moved"] | share }} of the response is lost (not tested), and
# {{ lost["[0, 1] without"]["moved"] | share }} without the notice of {{ moved.event_session[gap.idxmax()] | day }},
# the row that matters most there. Over the other windows it is
# {{ lost["[0, 0]"]["moved"] | share }} ([0, 0]), {{ lost["[-1, 1]"]["moved"] | share }} ([−1, 1]) and
# {{ lost["[0, 5]"]["moved"] | share }} ([0, 5], which often
# holds the news as well). Single rows decide: over [−1, 1] it is
# {{ lost["[-1, 1] without"]["moved"] | share }} without that notice, a larger fall at the document's date. The mean over all {{ dated.loc[("all", "first public")].n_events }} restrictive
# announcements, most of which have one date, loses {{ lost["[0, 1]"]["all"] | share }} over [0, 1] and
# {{ lost["[0, 5]"]["all"] | share }} over [0, 5].
#
# ## Reading
#
# Restrictions and falls of Bitcoin went together, on dates that no price chose. The result does not
# depend on a single year, order or measure of volatility, nor on the famous dates, unless 2013 and
# 2014 go too; where only the day is known it is not significant. It is no proof of cause: the days
# without other news are too few. The mean response to support is not significant.

# %%
claims(
    claim(
        "Restrictions went with falls beyond those of ordinary days",
        lead["randomization_p"],
        lead["mean"] < 0 and lead["randomization_p"] < 0.001 and lead["upper"] < 0,
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
        "Without the famous dates the fall is significant",
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
        "Without other news nothing can be told",
        clean["randomization_p"],
        clean["lower"] < 0 < clean["upper"] and clean["randomization_p"] > 0.05,
    ),
    claim(
        "No year and no order carries it",
        f"{left_out['randomization_p'].max():.4f}, {left_out['upper'].max():.4f}",
        left_out["upper"].max() < 0 and left_out["randomization_p"].max() < 0.01,
    ),
    claim(
        "The sum over supportive days is about that of two",
        f"{carried:.2f}, {median:.4f}",
        [set(day) for day in two.events]
        == [{"2013-11-yi-gang-free-to-trade"}, {"2019-10-25-xi-politburo-blockchain"}]
        and 0.9 < carried < 1.1
        and 0 < median < support["mean"] / 2,
    ),
    claim(
        "The days before are not significant, though the band excludes zero",
        f"{runup['randomization_p']:.3f}, {band['upper']:.4f}",
        runup["randomization_p"] > 0.05 and band["upper"] < 0 < runup["upper"],
    ),
    claim(
        "Nor does the yardstick of volatility",
        ways.loc[ways.index.str.startswith("all"), "randomization_p"].max(),
        ways.loc[ways.index.str.startswith("all"), "randomization_p"].max() < 0.01,
    ),
    claim(
        "Later responses are smaller, in standard errors",
        fading.loc["|SCAAR|", "p_value"],
        fading.loc["|SCAAR|", "correlation"] < 0 and fading.loc["|SCAAR|", "p_value"] < 0.05,
    ),
    claim(
        "That the falls shrank is less certain",
        fading.loc["CAAR", "p_value"],
        0.05 < fading.loc["CAAR", "p_value"] < 0.2,
    ),
    claim(
        "Since 2017 neither is significant",
        since.loc[["CAAR", "|SCAAR|"], "p_value"].min(),
        since.loc[["CAAR", "|SCAAR|"], "p_value"].min() > 0.05,
    ),
    claim(
        "Documents' dates lose part of the response in every window, but one row decides",
        ", ".join(f"{share['moved']:.2f}" for share in lost.values()),
        min(lost[window_label(window)]["moved"] for window in study.car_windows) > 0.1
        and lost["[0, 1] without"]["moved"] < 0.8 * lost["[0, 1]"]["moved"]
        and lost["[-1, 1] without"]["moved"] < 0
        and gap.idxmax() == "2013-12-05-five-ministry-notice",
    ),
    claim(
        "The randomization has its nominal size",
        (size.loc["randomization"] - 0.05).abs().max() / error,
        (size.loc["randomization"] - 0.05).abs().max() < 3 * error,
    ),
)

# %% [markdown]
# ## Limits
#
# The list is what was found, coded by one reader. Notes on other news are mostly from memory, and a
# blank proves nothing. An hour
# is often the latest it can be; a day alone is a Chinese one, which begins on the UTC day before. With
# no market factor a worldwide move counts as a response. The first year rests on another provider,
# and on two large falls.
