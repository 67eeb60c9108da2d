# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One speech, several crackdowns: what moved what?

# %%
import pandas as pd
from statsmodels.api import OLS

import chainpolicy
from chainpolicy import checks, claim, claims, estimators, tables
from chainpolicy.typeset.numbers import percent

study = chainpolicy.load_study()
names = study.events.set_index("event_id")["name"]
system = estimators.EventDummySystem.from_study(study, window=(0, 1)).fit()
speech = system["a_shares_tier1"].car(study.headline_event)
# The same on what the rule chooses, in place of the declared benchmarks.
ruled = checks.study_of_rule(study)
by_rule = estimators.EventDummySystem.from_study(ruled, window=(0, 1)).fit()
sums, sums_by_rule = estimators.undoing(study, system), estimators.undoing(ruled, by_rule)
sums["added"] = sums.groupby("group")["average"].diff()
steps = sums[sums["group"] == "a_shares_tier1"].set_index("event_id")
first, last = (sums.groupby("group").nth(place).set_index("group") for place in (0, -1))
shares = last.loc["a_shares_tier1"]
first_by_rule, last_by_rule = (
    sums_by_rule.groupby("group").nth(place).set_index("group") for place in (0, -1)
)
kept = last_by_rule.loc["a_shares_tier1"]

# %% [markdown]
# **With all announcements in one regression, the session of
# “{{ names[study.headline_event] }}” moved the {{ speech.n_assets }} A-shares of tier 1 by
# {{ speech.average | percent }} over [0, 1]** (95 % interval
# {{ speech.interval() | interval }}; {{ speech.p_value | p }}). **Adding the
# {{ shares.step }} restrictive sessions after it takes the sum to
# {{ shares.average | percent }}** ({{ (shares.lower, shares.upper) | interval }}),
# which is not significantly different from zero. The largest step down is
# “{{ names[steps.added.idxmin()] }}” ({{ steps.added.min() | percent }}).
#
# The announcements of autumn 2019 followed each other within days, some shared a session, and each
# hit dozens of assets at once. Event studies look at one event at a time. Here all of them stand in
# one regression, so that an effect is what is left when the others are held fixed.
#
# ## All events and all assets in one system
#
# For every asset $i$ of a group and every session $t$,
#
# $$R_{it} = a_i + b_i' F_t + \sum_{d} \gamma_{id} D_{dt} + e_{it},$$
#
# where $R$ is the log return, $F$ the returns of the group's benchmarks, $D_d$ a dummy for one
# session of an event window and $e$ the error. $\gamma_{id}$ is then the abnormal return of that
# session, and the $CAR_i = \sum_{d \in W} \gamma_{id}$ of a cluster, the announcements of one
# session, is the sum over its window $W$. A session that lies in two windows has one dummy and
# belongs to both. The regressors are the same for all assets, so that least squares is the
# seemingly unrelated regression, with covariance $\Sigma \otimes (X'X)^{-1}$ and
# $\Sigma = E'E / (n - k)$ from the $n$ sessions, $k$ regressors and residuals $E$.
#
# For a sum of dummies with weights $c$ and the vector $g$ of that sum for all $N$ assets, two
# questions differ. Did the average asset move? That is the $t$ of $\bar g$, the same as in the
# regression of the portfolio. Did *any* asset move? That is
#
# $$F = \frac{n - k - N + 1}{N} \, \frac{g' (E'E)^{-1} g}{c'(X'X)^{-1}c} \sim F(N, n - k - N + 1).$$
#
# **The yardstick.** One regression needs the same benchmarks for all assets of a group, so this
# notebook keeps those that the study declares: two indices for A-shares, a fund for US-listed names.
# With what the rule of [04_concept_stocks](04_concept_stocks.ipynb) chooses (each tier's mean mixture
# of donors; the mean of the US-listed names) no conclusion changes.
#
# Standard errors are those of a forecast. Robust ones are refused here: a dummy fits the residuals
# of its own few sessions perfectly, and a variance made of just these residuals is far too small.
# Returns are log returns in percent.

# %%
effects = system.tidy()
low = effects[effects["p_value"] < 0.05]
tables.ReportTable(
    pd.DataFrame(
        {
            "Session": low["event_session"].dt.strftime("%Y-%m-%d"),
            "Events": low["members"].str.replace(";", ", "),
            "Group": low["group"].map(study.label),
            "N": low["n_assets"].astype(str),
            "CAR": low["average"].map(percent),
            "s.e.": low["std_error"].map(percent),
            "p": low["p_value"].map(tables.p_text),
            "F, p": low["f_p_value"].map(tables.p_text),
        }
    ).reset_index(drop=True),
    "Average CAR over [0, 1] with a p-value below 5 %, not adjusted. s.e.: standard error of a "
    "forecast by the seemingly unrelated regression, t(n − k); F: every asset's CAR is zero.",
)

# %%
adjusted = checks.adjust_for_multiple_testing(effects["p_value"])
survivors = effects[adjusted["holm"] < 0.05].set_index("group")
tier1 = system["a_shares_tier1"]
portfolio = (tier1.design @ tier1.coefficients + tier1.residuals).mean(axis=1)
window = tier1.design.columns.isin(tier1.membership[study.headline_event])
alone = OLS(portfolio, tier1.design).fit().t_test(window.astype(float))
several = effects[effects["n_assets"] > 1].dropna(subset="f_p_value")
joint = checks.adjust_for_multiple_testing(several["f_p_value"])["holm"]

# %% [markdown]
# Of {{ effects | length }} average effects, one per group and cluster,
# {{ (effects.p_value < 0.05).sum() }} have a p-value below 5 %;
# {{ (0.05 * effects.p_value.count()) | number(1) }} are expected by chance. Holm's correction
# leaves {{ survivors | length }}, as does that of Benjamini and Hochberg, all of them on the session
# of the speech. The joint F, whose null hypothesis is that no asset of the group moved at all, has a
# p-value below 5 % in {{ (several.f_p_value < 0.05).sum() }} of {{ several | length }} cases,
# {{ (joint < 0.05).sum() }} after Holm's correction.
#
# The average effect *is* that of one regression of the portfolio: for tier 1 at the speech
# statsmodels finds {{ alone.effect.item() | percent }}, t = {{ alone.tvalue.item() | number }}. What
# is new is the F, and sums over several events.
#
# ## Did the crackdown undo the speech?
#
# The hypothesis is that the responses to the speech and to the restrictive announcements after it
# sum to zero,
#
# $$H_0: \; CAR_i^{\text{speech}} + \sum_{r} CAR_i^{\text{restrictive } r} = 0
#   \quad \text{for every asset } i,$$
#
# where a session that lies in several windows counts once.

# %%
tables.ReportTable(
    pd.DataFrame(
        {
            "Group": last.index.map(study.label),
            "Restrictive sessions": last["step"].astype(str).to_list(),
            "Speech": first["average"].map(percent).to_list(),
            "Sum": last["average"].map(percent).to_list(),
            "from": last["lower"].map(percent).to_list(),
            "to": last["upper"].map(percent).to_list(),
            "p": last["p_value"].map(tables.p_text).to_list(),
            "F, p": last["f_p_value"].map(tables.p_text).to_list(),
        }
    ),
    "Average CAR over [0, 1] at the speech, and summed with all restrictive sessions after it, with "
    "the 95 % interval of the sum; F: the sum is zero for every asset.",
)

# %%
us, bitcoin = (last.loc[group] for group in ("us_listed", "bitcoin"))

# %% [markdown]
# With all restrictive sessions in the sum, {{ shares.average | percent }} is left for the
# A-shares of tier 1 (by the rule {{ kept.average | percent }},
# {{ (kept.lower, kept.upper) | interval }}), {{ bitcoin.average | percent }} for Bitcoin (95 % interval
# {{ (bitcoin.lower, bitcoin.upper) | interval }}) and {{ us.average | percent }}
# for the US-listed names ({{ (us.lower, us.upper) | interval }}). In every group the
# interval contains both zero and the whole response to the speech: the data do not say whether it
# was undone. Single shares of tier 1 and single US-listed names did not end where they began: the joint
# F rejects ({{ shares.f_p_value | p }} and {{ us.f_p_value | p }}).
#
# A sum near zero is no proof that the speech was undone: each added window widens the interval, and
# the days between the windows are not in it.
#
# ## Was it what they said, and to whom?
#
# One observation per asset $i$ and event session $k$. The stance of a session is the sign of the sum
# of stance times salience over its announcements, on blockchain and on coins together: $+1$
# supportive, $-1$ restrictive. Stance is the same for all assets of an event, so event effects would absorb it;
# with them one can still ask who responds more:
#
# $$CAR_{ik} = a_i + b \, stance_k + e_{ik}, \qquad
#   CAR_{ik} = a_i + d_k + c \, stance_k \, x_i + e_{ik}.$$
#
# $x_i$ is one exposure at a time, known before the first event: the slope of the asset's return on
# Bitcoin's over the estimation window, the years since the evidence that puts it on the list, or
# its group. Events are few and all assets of one share its date. Hence the p-value that counts is
# that of the permutation: among all ways of giving the same stances to these events, how many
# yield a coefficient at least as large?

# %%
table = estimators.cross_sections(study).tidy()
tested = table.dropna(subset="p_permutation")
tables.ReportTable(
    pd.DataFrame(
        {
            "Sample": tested["sample"].str.split(", ").str[-1].map(study.label),
            "Regressor": [
                " × ".join(map(study.label, name.split(" x "))) for name in tested["regressor"]
            ],
            "Coefficient": tested["estimate"].map(percent),
            "p, permutation": tested["p_permutation"].map(tables.p_text),
            "p, wild bootstrap": tested["p_bootstrap"].map(tables.p_text),
        }
    ).reset_index(drop=True),
    "CAR over [0, 1] per unit of the regressor: stance with asset effects, stance times an exposure "
    "with asset and event effects.",
)

# %%
on_stance = table[table["regressor"] == "stance"].set_index("sample")
crossed = table[table["regressor"].str.contains(" x ")].dropna(subset="p_permutation")
untested = table["p_permutation"].isna() & table["estimate"].notna()
closest = on_stance.loc[on_stance["p_permutation"].idxmin()]

# %% [markdown]
# In all {{ on_stance | length }} groups the CAR rises with the stance, by
# {{ on_stance.estimate.min() | percent }} to {{ on_stance.estimate.max() | percent }}
# per unit, and in none is the coefficient significant. {{ study.label(closest.name) }} comes closest
# (permutation {{ closest.p_permutation | p }}, wild bootstrap {{ closest.p_bootstrap | p }};
# {{ (closest.lowest, closest.highest) | interval }} when one cluster is left out).
# Of {{ crossed | length }} regressions on stance times an exposure none has a permutation p-value
# below {{ crossed.p_permutation.min() | number(3) }}. {{ untested.sum() }} more have no p-value,
# because too few clusters carry one of the signs. No p-value is adjusted for the number of
# regressions.
#
# ## Reading
#
# The session of the speech brought the largest average effect of every group, and the only ones
# that survive a correction for the number of tests. Two restrictive announcements have a
# significant average effect before correction: the statement of the central bank's Shanghai office on
# A-shares, and Shenzhen's campaign on the coins other than Bitcoin (the joint F agrees for tier 1
# alone). Added up, speech and
# crackdown leave in no group a mean sum that is significantly different from zero, and in none one that
# differs from the whole response: the intervals are too wide to say.
#
# The cross-section asks whether words of one sign go with returns of that sign over all events. The
# signs agree and the evidence is weak: even the smallest permutation p-value is not significant.
# The exposures do not tell which assets responded more.

# %%
by_size = effects.loc[effects.groupby("group")["average"].idxmax()]
on_speech = by_size["members"].str.split(";").str[0] == study.headline_event
falls = {
    ("a_shares_tier1", "pboc-shanghai-statement"),
    ("a_shares_tier2", "pboc-shanghai-statement"),
    ("coins", "shenzhen-campaign"),
}


effects_by_rule = by_rule.tidy()
fallen, fallen_by_rule = (
    table.merge(steps.loc[steps["step"] > 0, ["group", "event_id"]]).query("p_value < 0.05")
    for table, steps in ((effects, sums), (effects_by_rule, sums_by_rule))
)
holm_by_rule = checks.adjust_for_multiple_testing(effects_by_rule["p_value"])["holm"]
again = effects_by_rule[holm_by_rule < 0.05]
crossed_by_rule = estimators.cross_sections(ruled).tidy()
stance_by_rule = crossed_by_rule[crossed_by_rule["regressor"] == "stance"]
claims(
    claim(
        "Every group's largest average effect is that of the speech",
        int(on_speech.sum()),
        on_speech.all(),
    ),
    claim(
        "Only responses to the speech survive Holm's correction",
        len(survivors),
        (survivors["event_id"] == study.headline_event).all(),
    ),
    claim(
        "Benjamini and Hochberg's leaves as many",
        int((adjusted["benjamini_hochberg"] < 0.05).sum()),
        (adjusted["benjamini_hochberg"] < 0.05).sum() == len(survivors),
    ),
    claim(
        "A-shares fell at the central bank's statement, the coins at Shenzhen's campaign",
        ", ".join(study.label(group) for group in fallen["group"]),
        set(zip(fallen["group"], fallen["event_id"], strict=True)) == falls
        and (fallen["average"] < 0).all(),
    ),
    claim(
        "The interval of every group's sum contains zero and the whole response",
        last["p_value"].min(),
        (last["lower"] < 0).all() and (first["average"] < last["upper"]).all(),
    ),
    claim(
        "Single names of tier 1 and US-listed ones moved",
        f"{shares['f_p_value']:.3f}, {us['f_p_value']:.3f}",
        set(last.index[last["f_p_value"] < 0.05]) == {"a_shares_tier1", "us_listed"},
    ),
    claim(
        "The CAR rises with stance in every group",
        on_stance["estimate"].min(),
        on_stance["estimate"].min() > 0,
    ),
    claim(
        "No coefficient on stance is significant",
        on_stance["p_permutation"].min(),
        on_stance["p_permutation"].min() > 0.05,
    ),
    claim(
        "Nor is one on stance times an exposure",
        crossed["p_permutation"].min(),
        crossed["p_permutation"].min() > 0.05,
    ),
    claim(
        "By the rule the same responses survive, and the same falls are there",
        ", ".join(again["group"].map(study.label)),
        set(zip(again["group"], again["event_id"], strict=True))
        == {(group, survivors.loc[group, "event_id"]) for group in survivors.index}
        and set(zip(fallen_by_rule["group"], fallen_by_rule["event_id"], strict=True)) == falls
        and (fallen_by_rule["average"] < 0).all(),
    ),
    claim(
        "By the rule, too, every sum's interval contains both",
        last_by_rule["p_value"].min(),
        (last_by_rule["lower"] < 0).all()
        and (first_by_rule["average"] < last_by_rule["upper"]).all()
        and kept["f_p_value"] < 0.05,
    ),
    claim(
        "By the rule, too, no coefficient on stance is significant",
        crossed_by_rule["p_permutation"].min(),
        stance_by_rule["estimate"].min() > 0 and crossed_by_rule["p_permutation"].min() > 0.05,
    ),
)

# %% [markdown]
# ## Limits
#
# The F test assumes normal errors; returns have fat tails, so it rejects more often than it should,
# and its p-values should be read beside the placebo ranks of the ordinary sessions. Events that
# share a session cannot be separated by any regression. Permutation takes events to be exchangeable,
# although a speech by the head of the party is not one draw among equals. Assets without a return
# on some session are not in the systems, and a close at the daily limit is a response cut short.
