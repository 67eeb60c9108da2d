# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Did blockchain concept stocks in China move on policy?

# %%
import numpy as np
import pandas as pd
from statsmodels.api import OLS, add_constant

import chainpolicy
from chainpolicy import checks, claim, claims, figures, tables
from chainpolicy.eventstudy import TESTS
from chainpolicy.typeset.numbers import percent, share
from chainpolicy.typeset.report_table import estimate_with_interval, formatted, in_percent, p_text

study = chainpolicy.load_study()
lead, tier1, tier2 = study.headline_event, "a_shares_tier1", "a_shares_tier2"
# None: the model that the study declares, two indices.
models = {"by the rule": tables.RULE, "two indices": None}
path = study.results.caar_path(lead, tier1, start=0).set_index("tau")
windows = [window for window in study.car_windows if window[0] == 0]
by_window = pd.concat(
    {name: tables.over_windows(study, windows, model) for name, model in models.items()},
    names=["model"],
)
by_window = by_window.query("group == @tier1").reset_index("model")
by_window = by_window.sort_values("last_session", kind="stable").set_index(["window", "model"])
led = tables.headline_windows(study, tables.RULE).loc[tier1]
lasting = by_window.loc[led["window"]]
sooner = tables.over_windows(study, [(0, 4)], tables.RULE).set_index("group").loc[tier1]
responses = pd.concat(
    {name: tables.responses(study, (0, 1), model) for name, model in models.items()},
    names=["model"],
)
jump = responses.query("group == @tier1 and event_id == @lead").droplevel(1)
rule, two = jump.loc["by the rule"], jump.loc["two indices"]
ladder, ladder2 = (
    checks.ladder(study).query("group == @tier").set_index(["window", "rung"])
    for tier in (tier1, tier2)
)
early, middle, late = (ladder.loc[name] for name in ("[0, 1]", led["window"], "[0, 10]"))
best = late[late["chosen"]].iloc[0]

# %% [markdown]
# **They jumped; how much of it lasted depends on what they are compared with.** Over
# {{ led.window }}, to {{ led.last_session | day }}, the first of the study's windows that ends with less than a
# tenth of the {{ led.n_assets }} names of tier 1 at a price limit, their CAAR after the Politburo's session on
# blockchain is {{ led.caar | percent }} (95 % interval {{ (led.lower, led.upper) | interval }};
# portfolio t {{ led.time_series_t_p | p }}, adjusted BMP {{ led.adjusted_bmp_p | p }}, rank
# {{ led.placebo_p | p }}; one session earlier {{ sooner.caar | percent }}, {{ sooner.time_series_t_p | p }}) by
# the yardstick that a rule chooses, {{ best.title }}, and
# {{ lasting.loc["two indices"].caar | percent }}
# ({{ (lasting.loc["two indices"].lower, lasting.loc["two indices"].upper) | interval }}) against
# two indices weighted by company size. Over [0, 1], with {{ rule.share_at_limit | share }} of the names
# still at a limit, it is {{ rule.caar | percent }} and {{ two.caar | percent }}: larger relative to
# its standard error than on any of {{ rule.n_placebo }} ordinary sessions. Returns are log returns
# in percent.
#
# ## The measure
#
# Tier 1 consists of the shares that a source dated before the first announcement had named as
# blockchain shares. With $R_{i\tau}$ the log return of share $i$ in session $\tau$, counted from the
# event session, and $\widehat{R}_{i\tau}$ what a yardstick predicts,
#
# $$AR_{i\tau} = R_{i\tau} - \widehat{R}_{i\tau}, \qquad
#   CAAR(\tau_1, \tau_2) = \frac{1}{N} \sum_{i=1}^{N} \sum_{\tau=\tau_1}^{\tau_2} AR_{i\tau} .$$
#
# Yardsticks are estimated in a clean window that ends before the first event. The study declares a
# market model with two indices, the CSI 300 (the largest companies) and ChiNext (the growth board).
#
# ## Which yardstick?
#
# The shares that were named are smaller than those of the indices. A ladder of yardsticks: their own
# mean, one index, two, the equal-weighted market of all shares outside the study, both, factors of
# portfolios of these shares (the donors), and the mixture of donors (weights $\ge 0$ that sum to one)
# that follows each share best. **The rule: of the yardsticks that are available, the one with the
# smallest error in the estimation window,**
#
# $$\sqrt{\frac1T \sum_t \Big( \frac1N \sum_i e_{it,-t} \Big)^2} ,$$
#
# $e_{it,-t}$ being the error of share $i$ on session $t$ by a fit to the $T - 1$ other sessions. The
# event has no part in it. The interval of a mixture leaves out the error of its weights.

# %%
errors = checks.rung_errors(study)
tables.ReportTable(
    pd.DataFrame(
        {
            "Group": errors["group"].map(study.label),
            "Measured against": errors["title"],
            "Error of the mean, %": in_percent(errors["error"], ".3f"),
            "Chosen": np.where(errors["chosen"], "yes", ""),
        }
    ),
    f"Root mean squared error of forecasts of the sessions that estimate, each from a fit without "
    f"it; {study.kind} returns. Chosen: the smallest error of the group's mean.",
)

# %%
clean = study.results.residuals.query("event_id == @study.headline_event")
clean = clean[clean["ticker"].map(study.groups) == tier1]
own = study.returns[study.returns["ticker"].map(study.groups) == tier1]
estimating = own[own["session"].isin(clean["session"])].groupby("session")
portfolio, index = estimating["return"].mean(), estimating["000300.SS"].first()
left_out = OLS(portfolio, add_constant(index)).fit().get_influence().resid_press

# %%
figures.show("counterfactual_ladder", study)

# %%
rows = ladder.loc[["[0, 1]", led["window"], "[0, 10]"]].reset_index()
rows["Measured against"] = rows["title"] + np.where(rows["chosen"], " *", "")
rows["answer"] = estimate_with_interval(rows, "caar").str.removesuffix(")")
for p_value in ("p_value", "p_placebo"):
    rows["answer"] += ("; " if p_value == "p_value" else ", ") + rows[p_value].map(p_text)
answers = rows.pivot_table("answer", "Measured against", "window", "first", sort=False) + ")"
tables.ReportTable(
    answers.rename(columns="CAAR{}, %".format).fillna("").reset_index(),
    f"{study.label(tier1)}: {study.kind} returns with the 95 % interval; p of the portfolio t, then "
    "of the rank among ordinary sessions. *: the smallest error of forecasts without the event.",
)

# %%
days, donors = path.loc[:10, "session"], study.donors
market = np.log1p(donors.returns.loc[days, donors.market]).sum()
large, growth = own.groupby("session")[["000300.SS", "399006.SZ"]].first().loc[days].sum()
errors = errors.set_index(["group", "rung"])
of_us = errors.loc["us_listed"]["error"]

# %% [markdown]
# For both tiers the rule chooses {{ best.title }}, for coins the constant mean, since they have
# nothing else; for the US-listed names the mean wins over the index by
# {{ (100 * (of_us["index"] - of_us["constant_mean"])) | number(4) }} points of error. Over [0, 1] the yardstick hardly matters: the CAAR of tier 1 lies between
# {{ early.caar.min() | percent }} and {{ early.caar.max() | percent }}. Over {{ led.window }} it lies
# between {{ middle.caar.min() | percent }} and {{ middle.caar.max() | percent }}, over [0, 10]
# between {{ late.caar.min() | percent }} and {{ late.caar.max() | percent }}; the yardstick of the
# rule gives {{ best.caar | percent }} there (95 % interval {{ (best.lower, best.upper) | interval }};
# sup-t band {{ (best.band_lower, best.band_upper) | interval }}; rank {{ best.p_placebo | p }}).
# Over these sessions the CSI 300 moved by {{ large | percent }} and ChiNext by
# {{ growth | percent }}, the equal-weighted market of the shares outside the study by
# {{ market | percent }}: what counts as given back against the indices is strength against the
# average share.
#
# ## Price limits
#
# A close at the daily limit is a censored return: the demand that was not met on that day shows up
# later. The sum over a window is complete once the names are free again. Names that all stop at the
# same limit look alike, so that tests that divide by the spread across names (adjusted BMP,
# GRANK-T) become too sure: windows that end with a tenth of the names or more at a limit have no
# such verdict here.

# %%
around = study.results.abnormal_returns.query("event_id == @lead and tau >= 0")
around = around.assign(group=around["ticker"].map(study.groups))
opening = around.loc[around["group"] == tier1, "session"].min()
earlier = around[around["session"] < opening]
gains = earlier.groupby(["group", "ticker"])["actual"].sum().groupby("group").mean()
at_limit = pd.crosstab(around["session"], around["at_limit"].where(around["group"] == tier1))
first = at_limit.loc[opening]
figures.show("names_at_limit", study)

# %%
tables.ReportTable(
    pd.DataFrame(
        {
            "Window": by_window.index.get_level_values("window"),
            "Ends": by_window["last_session"].dt.strftime("%Y-%m-%d"),
            "At limit": by_window["share_at_limit"].map(share),
            "Model": by_window.index.get_level_values("model"),
            "CAAR": by_window["caar"].map(percent),
            "from": by_window["lower"].map(percent),
            "to": by_window["upper"].map(percent),
            "portfolio t, p": by_window["time_series_t_p"].map(tables.p_text),
            "adjusted BMP, p": by_window["adjusted_bmp_p"].map(tables.p_text),
        }
    ),
    "95 % interval of the portfolio, with the error of estimation; p-values not adjusted for the "
    "number of windows. At limit: share of the names that close the window at a price limit.",
)

# %% [markdown]
# On {{ opening | day }}, {{ first.upper }} of the {{ led.n_assets }} names closed at the upper limit
# and {{ first.lower }} at the lower. The news had come on a Friday evening in China, after the close:
# by Monday's opening the US-listed names had moved by {{ gains.us_listed | percent }} and Bitcoin by
# {{ gains.bitcoin | percent }} (returns, not abnormal returns). The first A-share session contains
# the news and, inseparably, what had happened abroad since.

# %%
figures.show("caar_paths", study)

# %% [markdown]
# This figure, and those of all announcements below, are drawn with the model that the study
# declares: two indices for A-shares.
#
# ## Other choices, other shares
#
# Model, estimation window, kind of return and masking of other events could have been chosen
# otherwise. The combinations share their data: their number is no evidence, their spread is. The
# models go up to the equal-weighted market; factors and mixtures are in the ladder alone.

# %%
curve = checks.specification_curve(study, lead, study.car_windows).query("group == @tier1")
choices = curve.groupby("window", sort=False)["caar"].agg(["count", "min", "median", "max"])
choices["p < 0.05"] = (curve["p_value"] < 0.05).groupby(curve["window"]).sum()
figures.show("specification_curve", study)

# %% [markdown]
# The response over [0, 1] is significant in {{ choices.loc["[0, 1]", "p < 0.05"] }} of the
# {{ choices.loc["[0, 1]", "count"] }} combinations, those over [0, 5] and [0, 10] in
# {{ choices.loc[["[0, 5]", "[0, 10]"], "p < 0.05"].max() }} at most.
#
# Random portfolios of as many A-shares, of the same boards and with similar betas, have a mean and
# a standard deviation on every session. Shares of one sector move together, so that the distance of
# the concept shares from them is large on ordinary sessions too: what counts is its rank among
# them. This asks whether concept shares differ from random ones, not whether they moved.

# %%
space = checks.stored_space(study).query("group == @tier1 and event_id == @lead")
space = space.set_index("window").loc[["[0, 1]", "[0, 5]", "[0, 10]"]]
tables.ReportTable(
    pd.DataFrame(
        {
            "Window": space.index,
            "CAAR, %": formatted(100 * space["caar"], "+.1f"),
            "Random, %": formatted(100 * space["random_mean"], "+.2f"),
            "Distance, s.d.": formatted(space["excess"], ".1f"),
            "Rank p": space["p_value"].map(tables.p_text),
            "Smallest p": space["smallest_p"].map(tables.p_text),
            "Sessions": space["n_ordinary"].astype(str),
        }
    ),
    "Tier 1.",
)

# %% [markdown]
# ## All announcements
#
# The table lists, by the rule, the sessions with some p-value below 5 % and those without news of
# Chinese policy.

# %%
own = responses[responses["group"] == tier1]
policy, controls = own[own["role"] == "policy"], own[own["role"] != "policy"]
of_rule = own.loc["by the rule"]
noted = (of_rule[list(tables.FAMILIES)] < 0.05).any(axis=1) | (of_rule["role"] != "policy")
tables.responses_report(study, of_rule[noted])

# %% [markdown]
# Of {{ policy.loc["by the rule"] | length }} sessions with policy announcements,
# {{ (0.05 * policy.loc["by the rule"].index.size) | number(1) }} are expected to have a p-value
# below 5 % by chance. Those that do, with either yardstick and any test, are the session of the
# speech and that of the Shanghai head office of the central bank, which threatened to crack down on
# coin trading. After Holm's correction for all responses of the study the portfolio t of the speech
# has {{ rule.time_series_t_p_holm | p }} by the rule and {{ two.time_series_t_p_holm | p }} with two
# indices. The rank cannot survive it: with {{ rule.n_placebo }} ordinary sessions it is at least
# {{ rule.smallest_p | number(4) }}, before it is multiplied by
# {{ responses.loc["by the rule", "placebo_p_holm"].count() }}.

# %%
figures.show("caar_clusters", study)

# %%
figures.show("car_heatmap", study)

# %% [markdown]
# ## Which tests can be believed
#
# Residuals of one sector are correlated. The share of ordinary sessions, in percent, on which a test
# rejects at a nominal 5 %:

# %%
sides = [study.groups.index[study.groups == tier] for tier in (tier2, tier1)]
rates = pd.concat(
    {
        "by the rule": pd.concat(
            [
                checks.rejection_rates(checks.placebo_of_rule(study, tier, (0, 1)).p_values((0, 1)))
                for tier in (tier1, tier2)
            ]
        ),
        "two indices": checks.rejection_rates(study.ordinary_p_values((0, 1))),
    },
    names=["model"],
).reset_index("model")
rates = rates[rates["group"].isin([tier1, tier2])]
titles = {test.name: test.title for test in TESTS}
size = rates.pivot_table("rejection_rate", "test", ["group", "model"]).reindex(list(titles))
believed = ["time_series_t", "adjusted_bmp", "patell", "bmp", "cross_sectional_t"]
(100 * size.loc[believed]).round(1).rename(index=titles, columns=study.label)

# %% [markdown]
# The tests that treat the names as independent reject far too often, and no result here uses them.
#
# ## Look-ahead bias
#
# Tier 2 are names that the press listed only on the day they rose. They are selected on the
# outcome; the difference between the tiers measures what such a selection adds. Against two indices:

# %%
spans = [(0, 1), (0, 5), (0, 10)]
bias = checks.portfolio_difference(study, *sides, spans).set_index("window")
ruled = checks.study_of_rule(study)
bias_by_rule = checks.portfolio_difference(ruled, *sides, spans).set_index("window")
shown = bias[["second", "first", "mean", "lower", "upper"]].map(percent)
shown = shown.set_axis(["tier 1", "tier 2", "difference", "from", "to"], axis=1)
shown.assign(t=bias["t_stat"].round(2), p=bias["p_value"].map(tables.p_text))

# %% [markdown]
# Over [0, 5], the first of these windows that ends with less than a tenth of either tier at a
# limit, the {{ sides[0] | length }} names of tier 2 gained {{ bias.loc["[0, 5]", "mean"] | percent }}
# relative to the {{ sides[1] | length }} of tier 1 (95 % interval
# {{ bias.loc["[0, 5]", ["lower", "upper"]] | list | interval }}); by the rule
# {{ bias_by_rule.loc["[0, 5]", "mean"] | percent }}
# ({{ bias_by_rule.loc["[0, 5]", ["lower", "upper"]] | list | interval }}).
#
# ## Reading
#
# Most concept shares jumped as far as the price limits let them. All yardsticks agree on the jump. What
# was left when the limits had ceased to bind depends on the yardstick. Against the indices tier 1 had
# given most of the gain back; what it kept there, or against the equal-weighted market, is not
# significantly different from zero. Against mixtures of other shares that had moved like it, which the
# rule chooses, about half was left after six sessions and more after eleven, at the edge
# of significance: one session less, or factors, which forecast almost as well, move the portfolio t
# or the rank across 5 %, and the adjusted BMP and the sup-t band are not significant. Tier 2, chosen
# on its outcome, kept more, significantly by the rule and not against the CSI 300.
#
# The jump itself is significant in the portfolio t by the rule and with two indices, also after
# correction for the number of responses. No ordinary session ranks
# above it, but they are too few to survive that correction; tests that divide by the spread across
# names have no verdict.
#
# Of the other announcements one, a warning of the central bank, went with a fall that is significant
# before correction (though not in GRANK-T), and none is after it.

# %%
edge = policy[(policy[list(tables.FAMILIES)] < 0.05).any(axis=1)]
others = policy[policy["event_id"] != lead]
naive = size.loc[["patell", "bmp", "cross_sectional_t"]]
indices = middle.loc[["index", "indices"]]
ew, kept2 = ["equal_weighted", "size"], ladder2.loc[led["window"]]
claims(
    claim(
        "On every yardstick the response over [0, 1] is significant",
        early["p_value"].max(),
        early["p_value"].max() < 0.05,
    ),
    claim(
        "The yardstick of the rule follows the donors, in both tiers",
        best["title"],
        bool(errors.loc[[(tier1, "synthetic"), (tier2, "synthetic")], "chosen"].all()),
    ),
    claim(
        "The error against the index is that of statsmodels",
        f"{100 * np.sqrt((left_out**2).mean()):.3f} %",
        abs(np.sqrt((left_out**2).mean()) - errors.loc[(tier1, "index"), "error"]) < 1e-5,
    ),
    claim(
        "The average share fell while the indices hardly moved",
        f"{market:.3f}; {large:.3f}, {growth:.3f}",
        market < -0.03 and max(abs(large), abs(growth)) < 0.01,
    ),
    claim(
        "By the rule about half of the gain was left after six sessions, more after eleven",
        f"{led['caar'] / rule['caar']:.2f}, {best['caar'] / rule['caar']:.2f}",
        0.4 < led["caar"] / rule["caar"] < 0.6 and 0.5 < best["caar"] / rule["caar"] < 0.75,
    ),
    claim(
        "The p-values of what it shows to have lasted are at the edge of significance",
        f"{led['time_series_t_p']:.3f}, {best['p_value']:.3f}, {best['p_placebo']:.3f}",
        min(led["time_series_t_p"], led["placebo_p"], best["p_value"], best["p_placebo"]) > 0.01
        and max(led["time_series_t_p"], led["placebo_p"], best["p_value"], best["p_placebo"]) < 0.1,
    ),
    claim(
        "Neither the adjusted BMP nor the sup-t band excludes zero",
        f"{led['adjusted_bmp_p']:.3f}, {best['band_lower']:.3f}",
        led["adjusted_bmp_p"] > 0.05 and best["band_lower"] < 0,
    ),
    claim(
        "So are those of one session less, and with factors instead of mixtures",
        f"{sooner['time_series_t_p']:.3f}, {late.loc['factors', 'p_placebo']:.3f}",
        0.02 < sooner["time_series_t_p"] < 0.05 < led["time_series_t_p"]
        and best["p_placebo"] < 0.05 < late.loc["factors", "p_placebo"] < 0.1
        and late.loc["factors", "error"] < 1.02 * best["error"],
    ),
    claim(
        "What was kept against the equal-weighted market is not significant",
        min(middle.loc[ew, "p_value"].min(), late.loc[ew, "p_value"].min()),
        min(middle.loc[ew, "p_value"].min(), late.loc[ew, "p_value"].min()) > 0.05,
    ),
    claim(
        "Tier 2 kept more, and its verdict depends on the yardstick",
        f"{kept2.loc['synthetic', 'p_value']:.3f}, {kept2.loc['index', 'p_value']:.3f}",
        (kept2["caar"] > middle["caar"]).all()
        and kept2.loc["synthetic", "p_value"] < 0.05 < kept2.loc["index", "p_value"],
    ),
    claim(
        "Against the indices they had given most of the gain back",
        float((indices["caar"] / early.loc[["index", "indices"], "caar"]).max()),
        (indices["caar"] < early.loc[["index", "indices"], "caar"] / 2).all(),
    ),
    claim(
        "and nothing that lasted is significantly different from zero",
        indices["p_value"].min(),
        indices["p_value"].min() > 0.05,
    ),
    claim(
        "No ordinary session ranks above the jump",
        jump["placebo_p"].max(),
        (jump["placebo_p"] == jump["smallest_p"]).all(),
    ),
    claim(
        "The portfolio t of the jump survives Holm's correction with both yardsticks",
        jump["time_series_t_p_holm"].max(),
        jump["time_series_t_p_holm"].max() < 0.05,
    ),
    claim(
        "The rank cannot survive it",
        jump["smallest_p"].max(),
        not checks.within_reach(
            jump["smallest_p"].max(), responses.loc["by the rule", "placebo_p_holm"].count()
        ),
    ),
    claim(
        "P-values below 5 % belong to the speech and to the central bank's warning",
        ", ".join(edge["event_id"].unique()),
        set(edge["event_id"]) == {lead, "pboc-shanghai-statement"},
    ),
    claim(
        "No other announcement survives Holm's correction",
        others["time_series_t_p_holm"].min(),
        others[[f"{name}_holm" for name in tables.FAMILIES]].min().min() > 0.05,
    ),
    claim(
        "At control and placebo events no p-value of tier 1 is below 5 %",
        controls["time_series_t_p"].min(),
        controls[list(tables.FAMILIES)].min().min() > 0.05,
    ),
    claim(
        "Tests that treat the names as independent reject far too often",
        naive[tier1].min().min(),
        naive[tier1].min().min() > 0.15,
    ),
    claim(
        "Tier 2 gained more than tier 1, but not significantly, with either yardstick",
        min(bias["p_value"].min(), bias_by_rule["p_value"].min()),
        min(bias["mean"].min(), bias_by_rule["mean"].min()) > 0
        and min(bias["p_value"].min(), bias_by_rule["p_value"].min()) > 0.05,
    ),
)

# %% [markdown]
# ## Limits
#
# With a single date no test separates a mean effect on these shares from a shock to the variance of
# the whole sector: "significant" means unusual compared with ordinary
# sessions. The first uncensored window is longer, hence noisier, than the one that an uncensored
# market would need. The lists behind tier 1 were made by the press, some with only their year recorded.
