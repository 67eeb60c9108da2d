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
import pandas as pd

import chainpolicy
from chainpolicy import checks, claim, claims, figures, tables
from chainpolicy.eventstudy import TESTS
from chainpolicy.typeset.numbers import percent

study = chainpolicy.load_study()
lead = study.headline_event
responses = tables.responses(study, window=(0, 1))
of_lead = responses[responses["event_id"] == lead].set_index("group")
ruled = tables.responses(study, (0, 1), tables.RULE)
by_rule = ruled[ruled["event_id"] == lead].set_index("group")
us, coins = of_lead.loc["us_listed"], of_lead.loc["coins"]
abnormal = study.results.abnormal_returns.query("event_id == @lead and tau == 0")
jump = abnormal.set_index("ticker").loc["XNET"]
without = checks.leave_one_out(study.results, lead, window=(0, 1)).set_index("ticker")
rest = without.loc["XNET"]
scale = checks.rung_errors(study).query("group == 'us_listed'").set_index("rung")["error"]

# %% [markdown]
# **The US-listed names moved, but very unequally: Xunlei (XNET) returned
# {{ jump.actual | percent }} on {{ jump.session | day }}, and without it the group's
# CAAR[0, 1] falls from {{ us.caar | percent }} to {{ rest.caar | percent }}**
# (with it: 95 % interval {{ (us.lower, us.upper) | interval }}; portfolio t,
# {{ us.time_series_t_p | p }}; rank among {{ us.n_placebo }} ordinary sessions,
# {{ us.placebo_p | p }}). The {{ coins.n_assets }} coins other than Bitcoin gained
# {{ coins.caar | percent }} (95 % interval
# {{ (coins.lower, coins.upper) | interval }}; {{ coins.time_series_t_p | p }}; rank among
# {{ coins.n_placebo }} ordinary sessions, {{ coins.placebo_p | p }}), which does not survive a
# correction for the number of responses examined.
#
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
# $R$ is the log return of asset $i$ in session $\tau$ counted from the event session; all returns
# are log returns in percent. By the rule of
# [04_concept_stocks](04_concept_stocks.ipynb) the US-listed names are measured against their own
# mean, whose error of forecasts ({{ (100 * scale["constant_mean"]) | number(3) }} %) ties with that
# of the index ({{ (100 * scale["index"]) | number(3) }} %): their CAAR[0, 1] is then
# {{ by_rule.caar.us_listed | percent }}. This notebook keeps the index that the study declares,
# because it takes the movement of the market out of every single name; by the rule no conclusion
# below changes.
#
# ## Name by name

# %%
groups = ["us_listed", "coins"]
car = study.results.car((0, 1)).query("event_id == @lead")
names = study.assets[study.assets["group"].isin(groups)].merge(car, on="ticker")
names = names.merge(abnormal[["ticker", "actual"]], on="ticker")
names = names.sort_values(["group", "car"], ascending=False)
tables.ReportTable(
    pd.DataFrame(
        {
            "Name": names["name"] + " (" + names["ticker"] + ")",
            "Chosen as": names["selection"],
            "Return on session 0": names["actual"].map(percent),
            "CAR[0, 1]": names["car"].map(percent),
            "t": names["t_stat"].map("{:.2f}".format),
            "p": names["p_value"].map(tables.p_text),
        }
    ),
    "Exact t of the CAR; p-values not adjusted for the number of names.",
)

# %% [markdown]
# The portfolio t asks whether the mean is large compared with the portfolio's own volatility, for
# which one extreme name is enough; the adjusted BMP compares it with the spread between the names,
# which the same name widens.

# %%
figures.show("leave_one_out", study)

# %%
leave_out = study.assets[study.assets["ticker"] != "XNET"]
tests = study.with_prices(study.prices, leave_out).results.tests((0, 1))
bmp = tests.get(lead, "us_listed", "adjusted_bmp")
car = car.set_index("ticker")["car"]
by_group = without.groupby("group")["caar"]
spread = pd.DataFrame({"CAAR": of_lead["caar"], "median CAR": car.groupby(study.groups).median()})
spread["lowest without one"], spread["highest without one"] = by_group.min(), by_group.max()
spread.loc[groups].rename(study.label).map(percent)

# %% [markdown]
# Leaving out Xunlei lowers the mean to {{ rest.caar | percent }} (95 % interval
# {{ (rest.lower, rest.upper) | interval }}) and makes the adjusted BMP more certain of it:
# {{ us.adjusted_bmp_p | p }} with Xunlei, {{ bmp.p_value | p }} without. That name was chosen after
# its gain had been seen, so the p-values without it describe and do not test.
#
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
difference = checks.portfolio_difference(
    study,
    first=["NEO-USD", "TRX-USD"],
    second=["ETH-USD", "LTC-USD"],
    windows=[window for window in study.car_windows if window[0] == 0],
).set_index("window")
returns = difference[["first", "second", "mean", "lower", "upper"]]
shown = returns.map(percent).set_axis(
    ["Neo and Tron", "Ether and Litecoin", "difference", "lower", "upper"], axis=1
)
shown["t"], shown["p"] = difference["t_stat"].round(2), difference["p_value"].map(tables.p_text)
shown

# %% [markdown]
# Over $[0, 1]$ the coins linked to China gained {{ returns.loc["[0, 1]"]["mean"] | percent }}
# relative to the others ({{ difference.loc["[0, 1]"].p_value | p }}). It grows later:
# over $[0, 5]$ it is {{ returns.loc["[0, 5]"]["mean"] | percent }} (95 % interval
# {{ (returns.loc["[0, 5]"].lower, returns.loc["[0, 5]"].upper) | interval }}), in days that contain
# further announcements, and it rests on two coins on either side.
#
# ## All announcements

# %%
figures.show("forest", study)

# %% [markdown]
# The table lists those with some p-value below 5 % and those that are not news of Chinese policy.

# %%
both = responses[responses["group"].isin(groups)]
noted = (both[list(tables.FAMILIES)] < 0.05).any(axis=1) | (both["role"] != "policy")
tables.responses_report(study, both[noted])

# %%
policy, controls = both[both["role"] == "policy"], both[both["role"] != "policy"]
low = policy[policy["time_series_t_p"] < 0.05]
fell = low.set_index("event_id").loc["shenzhen-campaign"]
tested = responses["time_series_t_p_holm"].count()

# %% [markdown]
# Of the {{ policy | length }} responses of the two groups to policy announcements,
# {{ low | length }} have a p-value of the portfolio t below 5 %;
# {{ (0.05 * policy.index.size) | number(1) }} are expected by chance. They are those of the
# US-listed names and of the coins to the speech, that of the coins on the next day, whose window
# shares a day with that of the speech, and the fall of the coins at Shenzhen's campaign
# ({{ fell.caar | percent }}, {{ fell.time_series_t_p | p }}; rank
# {{ fell.placebo_p | p }}). On the day of the campaign a report on the Shanghai office of a large
# exchange was news too. Corrected for all {{ tested }} responses of the study, that of the US-listed names
# remains (Holm: {{ us.time_series_t_p_holm | p }}); the coins' does not
# ({{ coins.time_series_t_p_holm | p }}). At the events that are not news of Chinese policy, none of
# {{ controls | length }} responses has a p-value below 5 %; the smallest is
# {{ controls.time_series_t_p.min() | number(3) }}.
#
# ## What these tests can and cannot see
#
# On ordinary sessions a test of nominal size 5 % should reject on 5 % of them; a higher rate
# overstates the evidence, a lower one means little power. In percent of the ordinary sessions:

# %%
rates = checks.rejection_rates(study.ordinary_p_values((0, 1)))
rates = rates.pivot_table("rejection_rate", index="test", columns="group", sort=False)[groups]
titles = {test.name: test.title for test in TESTS}
believed = ["time_series_t", "adjusted_bmp", "patell", "bmp", "cross_sectional_t"]
(100 * rates.loc[believed]).round(1).rename(index=titles, columns=study.label)

# %% [markdown]
# ## Reading
#
# The US-listed names rose when New York opened on the news, most by a good deal, one beyond
# all proportion; the diversified funds hardly moved. This is consistent with a bet on the few
# companies with a Chinese blockchain story and with the rise of Bitcoin; the data cannot separate
# the two. The response survives Holm's correction in the portfolio t.
#
# The coins rose with Bitcoin. Coins that move together are worth little more than one observation:
# the portfolio t, which allows for that but rejects a little too often, finds their response
# unusual, but not after a correction for the number of responses. Their fall at Shenzhen's campaign does not survive it either. The
# adjusted BMP over [0, 1] reaches the 5 % level in neither group on any session of policy
# announcements. Coins linked to China gained significantly more only over the longer windows.

# %%
funds = car[["BLOK", "LEGR"]]
us_by_rule = by_rule.loc["us_listed"]
ruled = ruled[ruled["group"].isin(groups)]
ruled_policy, ruled_controls = (ruled[(ruled["role"] == "policy") == yes] for yes in (True, False))
low_by_rule = ruled_policy[ruled_policy["time_series_t_p"] < 0.05]
rest_by_rule = checks.leave_one_out(checks.results_of_rule(study, "us_listed"), lead)
rest_by_rule = rest_by_rule.set_index("ticker").loc["XNET"]
claims(
    claim(
        "Most US-listed names rose by a good deal: more than half by over 10 %",
        f"{(car[study.groups == 'us_listed'] > 0.1).sum()} of {us['n_assets']}",
        (car[study.groups == "us_listed"] > 0.1).mean() > 0.5,
    ),
    claim("The diversified funds hardly moved", funds.max(), funds.abs().max() < 0.02),
    claim(
        "The responses of the US-listed names and of Bitcoin survive Holm's correction",
        of_lead.loc[["us_listed", "bitcoin"], "time_series_t_p_holm"].max(),
        of_lead.loc[["us_listed", "bitcoin"], "time_series_t_p_holm"].max() < 0.05,
    ),
    claim(
        "The rank among ordinary sessions cannot survive it",
        us["smallest_p"],
        us["smallest_p"] * responses["placebo_p_holm"].count() > 0.05,
    ),
    claim(
        "The coins' response is unusual, but not after the correction",
        coins["time_series_t_p_holm"],
        coins["time_series_t_p"] < 0.05 < coins["time_series_t_p_holm"],
    ),
    claim(
        "Below 5 % are the responses to the speech, the coins' on the next day and at the campaign",
        len(low),
        list(low["event_id"]) == [lead, lead, "cryptography-law", "shenzhen-campaign"]
        and fell["group"] == "coins"
        and fell["caar"] < 0,
    ),
    claim(
        "The coins' fall at the campaign does not survive the correction",
        fell["time_series_t_p_holm"],
        fell["time_series_t_p_holm"] > 0.05,
    ),
    claim(
        "The adjusted BMP reaches the 5 % level on no session of policy announcements",
        policy["adjusted_bmp_p"].min(),
        policy["adjusted_bmp_p"].min() > 0.05,
    ),
    claim(
        "No response to a control or placebo event has a p-value below 5 %",
        controls["time_series_t_p"].min(),
        controls[["time_series_t_p", "adjusted_bmp_p"]].min().min() > 0.05,
    ),
    claim(
        "On ordinary sessions the portfolio t rejects somewhat more often than at 5 %",
        rates.loc["time_series_t"].min(),
        rates.loc["time_series_t"].between(0.05, 0.1).all(),
    ),
    claim(
        "Without Xunlei the adjusted BMP is more certain",
        bmp.p_value,
        bmp.p_value < us["adjusted_bmp_p"],
    ),
    claim(
        "Coins linked to China gained more over the longer windows only",
        difference["p_value"].iloc[:2].min(),
        difference["p_value"].iloc[:2].min() > 0.05 > difference["p_value"].iloc[2:].max(),
    ),
    claim(
        "By the rule the same responses are below 5 %, and the same survive the correction",
        f"{len(low_by_rule)}, {us_by_rule['time_series_t_p_holm']:.2g}",
        set(zip(low_by_rule["event_id"], low_by_rule["group"], strict=True))
        == set(zip(low["event_id"], low["group"], strict=True))
        and us_by_rule["time_series_t_p_holm"] < 0.05 < by_rule.loc["coins", "time_series_t_p_holm"]
        and ruled_policy["adjusted_bmp_p"].min() > 0.05
        and ruled_controls[["time_series_t_p", "adjusted_bmp_p"]].min().min() > 0.05,
    ),
    claim(
        "By the rule, too, Xunlei matters, and the rest is above zero",
        rest_by_rule["caar"],
        rest_by_rule["lower"] > 0 and rest_by_rule["caar"] < us_by_rule["caar"] - 0.05,
    ),
)

# %% [markdown]
# ## Limits
#
# With a single date no test separates a mean effect from a shock to the variance of the whole
# sector. The list of US-listed names was drawn up afterwards, when the largest jump was known: the
# group mean is selected on the outcome. The coins are those that still exist. The trust trades over the counter, at a premium of its own.
