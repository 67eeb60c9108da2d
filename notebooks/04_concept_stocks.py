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
import chainpolicy
from chainpolicy import checks, figures, findings, tables

study = chainpolicy.load_study()
one, two = study.event_study("single_index"), study.event_study("market")
models = {"two-factor": two.fit(), "single-factor": one.fit()}
placebos = {"two-factor": two.placebo(), "single-factor": one.placebo()}
findings.concept_stocks_answer(study, models, placebos)

# %% [markdown]
# ## The measure
#
# Tier 1 are the shares that a source dated before the first announcement had named as blockchain
# shares. Their normal return comes from two factors, the CSI 300 ($F_1$, the largest companies) and
# ChiNext ($F_2$, the growth board), or from the CSI 300 alone, which sets $\beta_2 = 0$:
#
# $$AR_{i\tau} = R_{i\tau} - \left( \hat\alpha_i + \hat\beta_{1i} F_{1\tau} +
#   \hat\beta_{2i} F_{2\tau} \right), \qquad
#   CAAR(\tau_1, \tau_2) = \frac{1}{N} \sum_{i=1}^{N} \sum_{\tau=\tau_1}^{\tau_2} AR_{i\tau} .$$
#
# $R$ is the log return of share $i$ in session $\tau$ counted from the event session; the
# coefficients come from a clean window that ends before the first event. Both models are shown
# throughout, because one verdict depends on the choice. The second factor takes up part of what
# these shares have in common on ordinary days, which shows in a lower correlation of their
# residuals.

# %% [markdown]
# ## What had happened by the time these shares could trade
#
# The announcement came on a Friday evening in China, after the close.

# %%
findings.already_moved(study, models["two-factor"])

# %% [markdown]
# The abnormal return of the first A-share session therefore holds what the announcement meant for
# Chinese companies together with what had happened abroad since. These data cannot separate the
# two. The window [0, 1] also holds the session on which a party newspaper's call for calm could
# first be traded.

# %% [markdown]
# ## Price limits
#
# A share may move only so far in a day. A close at the limit is a censored return: the demand that
# was not met on that day shows up later. The sum over a window is complete once the names are free
# again, so the windows to trust are those that end with few names at a limit.

# %%
findings.censoring(study, models)

# %%
figures.show("names_at_limit", study)

# %% [markdown]
# ## The response, window by window
#
# The windows that end censored understate the response, and they do worse to the tests: names that
# all stop at the same limit look alike, the spread across names shrinks, and the tests that divide
# by this spread (adjusted BMP, GRANK-T) become too sure. Their p-values for [0, 0] are not to be
# read as evidence beyond the portfolio t.

# %%
findings.windows_report(study, models, "a_shares_tier1")

# %%
findings.fading(study, models)

# %% [markdown]
# The test of the fall is descriptive: its window was chosen after the path had been seen.

# %%
figures.show("caar_paths", study)

# %% [markdown]
# This figure is drawn with the two-factor model, as are those of all announcements below.

# %% [markdown]
# ## Other choices, other shares
#
# A model, an estimation window and a kind of return were chosen, and could have been chosen
# otherwise.

# %%
findings.specifications(study, "a_shares_tier1")

# %%
figures.show("specification_curve", study)

# %% [markdown]
# Nor need it be these shares. Random portfolios of as many A-shares, of the same boards and with
# similar betas, have a mean and a deviation on every session, from which the portfolio is
#
# $$z_t = \frac{CAAR_t - \overline{CAAR}^{*}_t}{sd(CAAR^{*}_t)}$$
#
# away. Shares of one sector move together, so that $|z_t|$ is large on ordinary sessions too: what
# counts is its rank among them. This asks whether concept shares differ from random ones, not
# whether they moved.

# %%
findings.random_portfolios(study, "a_shares_tier1")

# %% [markdown]
# ## All announcements
#
# One row per session: announcements that A-shares could first react to in the same session are one
# event and cannot be told apart. What all rows have in common stands in the note below the table;
# how often the test rejects where nothing happened is taken up further below.

# %%
rates = {
    "two-factor": checks.rejection_rates(placebos["two-factor"]),
    "single-factor": checks.rejection_rates(placebos["single-factor"]),
}
groups = ["a_shares_tier1"]
tables.headline_report(study, models["two-factor"], rates=rates["two-factor"], groups=groups)

# %%
tables.headline_report(study, models["single-factor"], rates=rates["single-factor"], groups=groups)

# %%
findings.significant_sessions(study, models, groups)

# %%
findings.controls(study, models["two-factor"], groups)

# %%
figures.show("caar_clusters", study)

# %%
figures.show("car_heatmap", study)

# %% [markdown]
# ## Which tests can be believed
#
# With $N$ names whose residuals have the mean correlation $\bar r$, the mean of their standardized
# CARs varies $1 + (N - 1) \bar r$ times as much as independence would have it. The adjusted BMP
# divides this out,
#
# $$t_{adj} = \frac{\sqrt{N} \overline{SCAR}}{sd(SCAR)}
#   \sqrt{\frac{1 - \bar r}{1 + (N - 1) \bar r}} \sim t(N - 1),
#   \qquad SCAR_i = \frac{CAR_i}{se(CAR_i)} ;$$
#
# the portfolio t and GRANK-T get the correlation from the time series. The table shows what happens
# to all tests on sessions on which nothing was announced: those that take the names for independent
# reject far too often, and no result here uses them. How large a response must be to be found, the
# minimum detectable effect, stands in the tables above: the second factor makes it smaller.

# %%
findings.rejection_report(rates, ["a_shares_tier1", "a_shares_tier2"])

# %% [markdown]
# ## Look-ahead bias
#
# Tier 2 are names that the press listed only on the day they rose. They are selected on the
# outcome, and the difference between the tiers measures what such a selection adds. Its error is
# that of the difference of the two portfolios, in which whatever moves both cancels: with
# $AAR_{1t}$ and $AAR_{2t}$ the mean residuals of the tiers in the $T$ estimation sessions and $p$
# parameters,
#
# $$D = CAAR_2 - CAAR_1, \qquad
#   s_D^2 = \frac{1}{T - p} \sum_t \left( AAR_{2t} - AAR_{1t} \right)^2, \qquad
#   t = \frac{D}{s_D \sqrt{m}} \sim t(T - p),$$
#
# $m$ being the number of sessions of the window plus the share that the error of estimation adds.

# %%
findings.look_ahead_bias(study, models)

# %%
tier1, tier2 = study.groups == "a_shares_tier1", study.groups == "a_shares_tier2"
portfolios = {"first": study.groups.index[tier2], "second": study.groups.index[tier1]}
findings.difference_report(study, models, **portfolios, names=("Tier 2", "Tier 1"))

# %% [markdown]
# Over [0, 0] both tiers are held at the same limit, so that the difference there says nothing.

# %% [markdown]
# ## Reading
#
# The concept shares jumped as far as the price limits let them, kept rising for a session, and had
# given most of it back by the time the limits no longer bound. The jump is rarer than anything on
# the portfolio's ordinary sessions, and both models agree on that and on its end. Whether the
# adjusted BMP calls it significant at 5 % depends on the model; after the correction for the number
# of tests neither model does. The other announcements, supportive or restrictive, left the
# portfolio within its ordinary movement, with one fall after a warning of the central bank at the
# edge of it. The names that the press chose on the day gained more than those chosen before it, by
# an amount that the data cannot tell from zero: the estimate has the sign of a look-ahead bias and
# is too imprecise to establish one.
#
# ## Limits
#
# With a single date no test separates a mean effect on these shares from a shock to the variance of
# the whole sector: "significant" means unusual against ordinary sessions. Several announcements
# share the session of the largest response. A close at the limit bounds the return from one side
# only, and the first uncensored window is longer, hence noisier, than the one an uncensored market
# would need. The tests say little about responses below the minimum detectable effect. The lists
# behind tier 1 were made by the press, some with only their year recorded.
