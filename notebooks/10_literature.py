# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What did others find?
#
# Published numbers beside ours: raw moves of prices, which check the data, and responses that other
# authors estimated.

# %%
import numpy as np
import pandas as pd

import chainpolicy
from chainpolicy import checks, claim, claims, tables
from chainpolicy.typeset.numbers import percent, share

study = chainpolicy.load_study()
rule = tables.RULE
responses = tables.responses(study, (0, 1), rule)
bitcoin = tables.headline_windows(study, rule).loc["bitcoin"]
ladder = checks.ladder(study).query("group == 'a_shares_tier1' and window == '[0, 10]'")
late = ladder.set_index("rung")
kept = ladder[ladder["chosen"]].iloc[0]
day = pd.Timestamp("2019-10-28")
raw = study.returns.assign(simple=np.expm1(study.returns["return"]))
on_day = raw[raw["session"] == day].set_index("ticker")["simple"]
by_group = on_day.groupby(study.groups).mean()
raw_shares, raw_late = by_group["a_shares_tier1"], by_group["a_shares_tier2"]
jump = raw[(raw["ticker"] == "XNET") & (raw["session"] == bitcoin["last_session"])]["simple"].iloc[
    0
]
closes = study.prices.pivot_table(index="date", columns="ticker", values="close")
indices = closes[["000001.SS", "399006.SZ"]].dropna().pct_change().loc[day]
at_zero = tables.over_windows(study, [(0, 0)], rule).set_index("group").loc["a_shares_tier1"]
restrictive = responses[
    (responses["group"] == "bitcoin") & (responses["event_id"] == "pboc-shanghai-statement")
].iloc[0]
tables.ReportTable(
    pd.DataFrame(
        [
            ("Wind blockchain index, 28 Oct", "+8.9 %", "Financial Times, 28 Oct 2019", raw_shares),
            ("Blockchain A-shares, 28 Oct", "+8.63 %", "LongHash", raw_late),
            ("SSE Composite, 28 Oct", "+0.85 %", "closing reports", indices["000001.SS"]),
            ("ChiNext, 28 Oct", "about +2 %", "closing reports", indices["399006.SZ"]),
            ("Xunlei, 25 Oct", "+107.8 %", "closing reports", jump),
        ],
        columns=["Raw return", "Published, simple", "Source", "Ours, simple"],
    ).assign(**{"Ours, simple": lambda table: table["Ours, simple"].map(percent)}),
    "The only simple returns of this notebook, because the published ones are. Ours for the two "
    "rows of blockchain shares: the mean of tier 1 and of tier 2.",
)

# %% [markdown]
# ## Responses
#
# - Xiao, Xu & Xue (2024, *Research in International Business and Finance* 67, 102141) study the same
#   speech on A-shares: the gain of speculative firms vanishes after an official warning. Ours, over
#   eleven sessions: {{ kept.caar | percent }} by the rule, {{ late.caar["indices"] | percent }} against
#   two indices, so that "vanishes" depends on the yardstick.
# - Cahill et al. (2020) find about 5 % on day 0 over 713 announcements of firms; ours, for one
#   announcement of a government, is {{ at_zero.caar | percent }} on session 0, a lower bound with
#   {{ at_zero.share_at_limit | share }} of the shares at a limit.
# - Feinstein & Werbach (2021) find mostly no response of trading to regulation; Bitcoin after the
#   statement of the central bank's Shanghai office: {{ restrictive.caar | percent }},
#   {{ restrictive.time_series_t_p | p }}.
# - Goldsmith-Pinkham & Lyu (2025, arXiv 2511.15123) show that abnormal returns of a misspecified
#   factor model are inconsistent over long windows: here the yardsticks agree over [0, 1] and part
#   over [0, 10].
#
# ## Reading
#
# The raw moves agree with the published ones. The jump of the shares has the sign of the published gains;
# the sizes differ with the sample, the window and the yardstick.

# %%
claims(
    claim(
        "Published sector moves are within a point of the raw means of the tiers",
        f"{share(raw_shares, 1)}, {share(raw_late, 1)}",
        max(abs(raw_shares - 0.089), abs(raw_late - 0.0863)) < 0.01,
    ),
    claim(
        "Published moves of the indices and of Xunlei are ours",
        jump,
        abs(jump - 1.078) < 0.0005
        and abs(indices["000001.SS"] - 0.0085) < 0.0001
        and abs(indices["399006.SZ"] - 0.02) < 0.005,
    ),
    claim(
        "The response of the shares lies beyond the 5 % of firms' own announcements",
        at_zero["caar"],
        at_zero["caar"] > 0.05,
    ),
)

# %% [markdown]
# ## Limits
#
# The published numbers are quoted from the papers and reports named, not computed again; their samples
# and models differ from ours.
