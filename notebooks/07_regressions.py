# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One speech, several crackdowns: what moved what?
#
# The announcements of autumn 2019 followed each other within days, some shared a session, and each
# hit dozens of assets at once. Event studies look at one event at a time. Here all of them stand in
# one regression, so that an effect is what is left when the others are held fixed.

# %%
import chainpolicy
from chainpolicy import estimators as reg
from chainpolicy import figures, findings

study = chainpolicy.load_study()
system = reg.EventDummySystem.from_study(study, window=(0, 1)).fit()
findings.speech_answer(study, system, "a_shares_tier1")

# %%
findings.moved(study, system)

# %% [markdown]
# ## All events and all assets in one system
#
# For every asset $i$ of a group and every session $t$,
#
# $$R_{it} = a_i + b_i' F_t + \sum_{d} \gamma_{id} D_{dt} + e_{it},$$
#
# where $R$ is the log return, $F$ the returns of the group's benchmarks, $D_d$ a dummy for one
# session of an event window and $e$ the error. $\gamma_{id}$ is then the abnormal return of that
# session, and a cluster's $CAR_i = \sum_{d \in W} \gamma_{id}$ the sum over its window $W$. A
# session that lies in two windows has one dummy and belongs to both. The regressors are the same
# for all assets, so that least squares is the seemingly unrelated regression, with covariance
# $\Sigma \otimes (X'X)^{-1}$ and $\Sigma = E'E / (n - k)$ from the $n$ sessions, $k$ regressors and
# residuals $E$.
#
# For a sum of dummies with weights $c$ and the vector $g$ of that sum for all $N$ assets, two
# questions differ. Did the average asset move? That is the $t$ of $\bar g$, the same as in the
# regression of the portfolio. Did *any* asset move? That is
#
# $$F = \frac{n - k - N + 1}{N} \, \frac{g' (E'E)^{-1} g}{c'(X'X)^{-1}c} \sim F(N, n - k - N + 1).$$
#
# Standard errors are those of a forecast. Robust ones are refused here: a dummy fits the residuals
# of its own few sessions away, and a variance made of just these residuals is far too small.

# %%
system.summary(groups=["a_shares_tier1", "bitcoin"])

# %% [markdown]
# Nothing replaces the headline tests: the average effect *is* the portfolio t, and is counted once
# with it. What is new is the F, and that sums over several events can be tested.
#
# ## Did the crackdown undo the speech?
#
# The hypothesis is that the responses to the speech and to the restrictive announcements after it
# sum to zero,
#
# $$H_0: \; CAR_i^{\text{speech}} + \sum_{r} CAR_i^{\text{restrictive } r} = 0
#   \quad \text{for every asset } i,$$
#
# a session that lies in several windows being counted once.

# %%
findings.undone(study, system)

# %%
reg.undoing_report(reg.undoing(study, system))

# %% [markdown]
# A sum that cannot be told from zero is not a proof that the speech was undone: each added window
# widens the interval, and the days between the windows are not in it.
#
# ## Windows that overlap
#
# Adding up sessions does not say to whom a shared session belongs. One dummy per *window* does,
#
# $$R_{it} = a_i + b_i' F_t + \sum_{k} \gamma_{ik} \, 1\{t \in W_k\} + e_{it},
#   \qquad CAR_{ik} = |W_k| \, \gamma_{ik},$$
#
# at the price of an assumption: the effect of event $k$ is the same on each session of its window
# $W_k$.

# %%
overlapping = reg.overlap(study, window=(0, 1))
findings.disentangled(study, overlapping)

# %%
figures.show("overlap", study)

# %%
overlapping.summary(groups=["a_shares_tier1", "bitcoin"])

# %% [markdown]
# Where the response comes on the first session and fades, the assumption is wrong: the dummy of
# the first window spreads the jump evenly, and the window that follows is charged with the
# difference. Longer windows make this worse, because more of them overlap.

# %%
findings.disentangled(study, reg.overlap(study, window=(0, 5)))

# %% [markdown]
# ## Was it what they said, and to whom?
#
# One observation per asset $i$ and event session $k$. The stance of a session is the sign of what
# its announcements said about blockchain and about coins together: $+1$ supportive, $-1$
# restrictive. Stance is the same for all assets of an event, so event effects would absorb it;
# what can be told apart with them is who responds more:
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
regressions = reg.cross_sections(study)
findings.explained(regressions)

# %%
regressions.of("a_shares_tier1", "a_shares_tier1, a_shares_tier2").summary()

# %%
regressions.of("bitcoin", "coins").summary()

# %% [markdown]
# ## Reading
#
# The speech is the largest response of every group. Each restrictive announcement by itself is
# mostly within what ordinary sessions do; added up they may have taken back the speech where the
# sum is compatible with zero. That is a statement about two-session windows, not about the price a
# month later. The cross-section asks whether words of one sign go with returns of that sign over
# all events: the table says how much of that rests on the speech alone, by what is left of the
# coefficient when one event is dropped.
#
# ## Limits
#
# The F test assumes normal errors; returns have fat tails, so it rejects more often than it should,
# and its p-values should be read beside the placebo ranks of the ordinary sessions. Events that
# share a session cannot be separated by any regression. Window dummies separate overlapping windows
# only as far as effects are constant within a window. Permutation takes events for exchangeable,
# although a speech by the head of the party is not one draw among equals. Assets without a return
# on some session are not in the systems, and a close at the daily limit is a response cut short.
