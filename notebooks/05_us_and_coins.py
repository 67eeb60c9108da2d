# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Did US-listed names and other coins move?

# %%
import chainpolicy
from chainpolicy import checks, figures, findings, tables

study = chainpolicy.load_study()
results = study.estimate()
placebo = study.event_study().placebo()
findings.us_and_coins_answer(study, results, placebo)

# %% [markdown]
# ## The measure
#
# The US-listed names are Chinese issuers with a blockchain business, miners, a Bitcoin trust and
# blockchain funds. New York opened hours after the announcement, so their event session is the same
# day. Their normal return follows the fund on the S&P 500, $F$; coins trade around the clock, have
# no market index and get a constant mean, which is $\beta_i = 0$:
#
# $$AR_{i\tau} = R_{i\tau} - \left( \hat\alpha_i + \hat\beta_i F_\tau \right), \qquad
#   CAR_i = \sum_{\tau=\tau_1}^{\tau_2} AR_{i\tau}, \qquad
#   CAAR = \frac{1}{N} \sum_{i=1}^{N} CAR_i .$$
#
# $R$ is the log return of asset $i$ in session $\tau$ counted from the event session. Returns in
# the text are simple returns.

# %% [markdown]
# ## Name by name

# %%
findings.names_report(study, results, ["us_listed", "coins"])

# %% [markdown]
# A mean over so few and so unequal names says little about the typical one. The portfolio t asks
# whether the mean is large against the portfolio's own volatility, and one extreme name is enough
# for that. The adjusted BMP asks whether it is large against the spread between the names, which
# the same extreme name widens: leaving out the largest gain lowers the mean and makes the adjusted
# BMP more certain of it. That name was chosen after its gain had been seen, so the p-values without
# it describe and do not test.

# %%
figures.show("leave_one_out", study)

# %%
groups = ["us_listed", "coins"]
findings.leave_one_out_report(study, results, groups)

# %% [markdown]
# ## Coins: linked to China or not
#
# Neo and Tron come from projects founded in China, Ether and Litecoin do not. If the news was about
# China rather than about coins, the former should gain more. The difference of the two portfolios
# has its own t, in which whatever moves all coins cancels: with $AAR_{1t}$ and $AAR_{2t}$ the mean
# residuals in the $T$ estimation sessions and one parameter,
#
# $$D = CAAR_1 - CAAR_2, \qquad
#   s_D^2 = \frac{1}{T - 1} \sum_t \left( AAR_{1t} - AAR_{2t} \right)^2, \qquad
#   t = \frac{D}{s_D \sqrt{m}} \sim t(T - 1),$$
#
# $m$ being the days of the window plus the share that the error of estimation adds.

# %%
coins = {"first": ["NEO-USD", "TRX-USD"], "second": ["ETH-USD", "LTC-USD"]}
names = ("China-linked", "global")
findings.difference_report(study, {"constant mean": results}, **coins, names=names)

# %%
findings.coins_compared(study, {"constant mean": results}, *coins.values())

# %% [markdown]
# The difference opens only after the window [0, 1], in days that hold further announcements, and
# rests on very few coins.

# %% [markdown]
# ## All announcements

# %%
figures.show("forest", study)

# %%
rates = checks.rejection_rates(placebo)
tables.headline_report(study, results, rates=rates, groups=["us_listed"])

# %%
tables.headline_report(study, results, rates=rates, groups=["coins"])

# %%
findings.significant_sessions(study, {"market": results}, groups)

# %%
findings.controls(study, results, groups)

# %% [markdown]
# ## What these tests can and cannot see
#
# On sessions on which nothing was announced a test of nominal size 5 % should reject on 5 % of
# them. A rate well above means that its p-value overstates the evidence, a rate well below that it
# has hardly any power in a group of this size. How large a response must be to be found, the
# minimum detectable effect, stands in the tables above.

# %%
findings.rejection_report({"market": rates}, groups)

# %% [markdown]
# ## Reading
#
# The US-listed names rose when New York opened on the news, most of them by a good deal, one beyond
# all proportion; the diversified funds hardly moved. This is consistent with a bet on the few
# companies with a Chinese blockchain story and with the rise of Bitcoin, which carries the trust
# and the miners; the data do not say how much is due to which.
#
# The coins rose with Bitcoin. Coins that move together are worth little more than one observation:
# the portfolio t, which allows for that, finds their response unusual, the tests that also compare
# it with its spread across so few coins do not. That coins linked to China gained more shows only
# over the longer windows. In neither group has the adjusted BMP a p-value below 5 % on any session
# of policy events.
#
# ## Limits
#
# With a single date no test separates a mean effect from a shock to the variance of the whole
# sector. The list of US-listed names was drawn up afterwards, when the largest jump was known: the
# group mean is selected on the outcome, and the figure without that name only removes the most
# visible part of this. The coins are those that still exist. So few names and coins leave the tests
# across names few degrees of freedom. The trust trades over the counter, in New York hours, at a
# premium that moves by itself.
