# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How fast, and how long?
#
# An event study says that prices moved. This notebook asks in which hour and session they moved,
# whether they had moved before, how much of it lasted, and whether the days were simply turbulent.

# %%
import chainpolicy
from chainpolicy import figures, findings

study = chainpolicy.load_study()
results = study.estimate()
findings.speed_and_persistence(study, results)

# %% [markdown]
# ## Day by day: returns on policy sentiment
#
# Announcement $k$ has a stance $s_k$ and a salience $w_k$ and enters on its event session $T_k$.
# With half-life $h$ in calendar days, level and innovation of policy sentiment are
#
# $$S_t = \sum_{k:\,T_k \le t} s_k w_k\, 2^{-(t - T_k)/h}, \qquad
#   x_t = \sum_{k:\,T_k = t} s_k w_k ,$$
#
# and the return $R_t$ of each group's equally weighted portfolio is regressed on the innovation and
# on what earlier announcements left, with the returns $F_t$ of the group's benchmarks:
#
# $$R_t = a + b\,x_t + c\,(S_t - x_t) + d'F_t + e_t .$$
#
# Few days have an announcement, so a standard error says little. The p-value shifts the sentiment
# series around the circle of sessions and counts how often $|t|$ is as large as at its true place.

# %%
findings.sentiment_effect(study)

# %%
findings.sentiment_report(study)

# %% [markdown]
# ## Session by session: how the response builds up
#
# A local projection regresses the return of the sessions $t$ to $t + h$ on the supportive and the
# restrictive part of the innovation, $x^+_t$ and $x^-_t$, holding the announcements of the sessions
# $t + 1$ to $t + h$ fixed:
#
# $$\sum_{j=0}^{h} R_{t+j} = a_h + b^+_h x^+_t + b^-_h x^-_t
#   + \sum_{j=1}^{h} \left(g^+_{hj} x^+_{t+j} + g^-_{hj} x^-_{t+j}\right)
#   + c_h (S_t - x_t) + d_h' \sum_{j=0}^{h} F_{t+j} + e_{t,h} .$$

# %%
figures.show("local_projections", study)

# %%
findings.projection_reading(study)

# %% [markdown]
# ## Hour by hour
#
# For an announcement whose hour is known, hourly returns less their mean are cumulated from six
# hours before it. With $\sigma^2_{g}$ the variance of the hour $g$ of the day, outside the windows
# of all such announcements,
#
# $$CAR_\tau = \sum_{j=-6}^{\tau} AR_j, \qquad
#   \text{band: } \pm 1.96 \Big(\sum_{j=-6}^{\tau} \sigma^2_{g(j)}\Big)^{1/2} .$$

# %%
figures.show("hourly_response", study)

# %%
findings.hour_by_hour(study)

# %% [markdown]
# ## Calm and turbulent days
#
# A calm regime makes small moves look unusual, a turbulent one hides large ones. Two models predict
# the variance of the abnormal return $AR_t$ from its past, with $\lambda = 0.94$ or with parameters
# fitted before the first event window:
#
# $$\text{EWMA: } \sigma^2_t = \lambda \sigma^2_{t-1} + (1 - \lambda) AR^2_{t-1}, \qquad
#   \text{GARCH(1,1): } \sigma^2_t = \omega + \alpha AR^2_{t-1} + \beta \sigma^2_{t-1} .$$
#
# Over a window $W$ from the event session $T$ on, predicted from the session before,
#
# $$SAR(W) = \frac{\sum_W AR_t}{(\sum_W \sigma^2_{t|T-1})^{1/2}}, \qquad
#   \text{variance ratio} = \frac{\sum_W AR_t^2}{\sum_W \sigma^2_{t|T-1}} .$$

# %%
figures.show("volatility", study)

# %%
findings.volatility_reading(study)

# %%
findings.volatility_report(study)

# %% [markdown]
# ## Before, at and after
#
# Leakage is sought in the sessions [−10, −2], the reaction in [−1, 1], a reversal in [2, 10].
# The half-life of the jump is the first session at which at most half of $CAAR[0, 1]$ is left. Its
# interval and that of the reversal ratio $CAAR[2, 10] / CAAR[0, 1]$ add ordinary abnormal returns,
# drawn in whole calendar weeks, to the path. Shares that end the reaction at a price limit carry
# part of it into the sessions after.

# %%
figures.show("phases", study)

# %%
findings.phases_report(study, results)

# %%
findings.reversal_report(study, results)

# %% [markdown]
# ## Who moved before the news?

# %%
figures.show("early_movers", study)

# %%
findings.early_reading(study, results)

# %% [markdown]
# ## Reading
#
# The sentences above say in which hour and session prices left what is ordinary. In a daily
# regression with few announcements one session can carry the whole effect: compare the p-values
# without the headline session. A first hour of known news is evidence on speed; where the price
# leaves its band only in the hour of another event, such as an expiry of futures, hours after the
# text was public, the move cannot be given to the news alone. A share that hits its limit before an
# announcement is a reason to look, not a proof: of many shares some rise in any week, and an
# earlier list of registered blockchain services was public by then.
#
# ## Limits
#
# Few announcements have a known hour. Tables that list what is unusual were chosen by it. Bands
# hold for one horizon or hour at a time. Circular shifts and placebo ranks take sessions to be
# exchangeable, which turbulent autumns stretch. Closes at a price limit spread a response over
# sessions, which looks like slowness. The projections of a restrictive surprise rest on a handful
# of sessions close to each other.
