# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What did the article say, and when did markets learn it?

# %%
import numpy as np
import pandas as pd

import chainpolicy
from chainpolicy import checks, claim, claims, figures, tables
from chainpolicy.article import market_claims, whole_market
from chainpolicy.article.agreement import agreement
from chainpolicy.article.tone import TONES
from chainpolicy.estimators.codings import stance_codings
from chainpolicy.estimators.policy_index import policy_index, response_by_stance, stance_sessions
from chainpolicy.typeset.numbers import share
from chainpolicy.typeset.report_table import formatted

study = chainpolicy.load_study()
shifts = checks.session_shifts(study, "article_date")
moved = shifts.groupby("event_id")["shift"].apply(lambda shift: (shift != 0).any())
verdicts = pd.Series(
    {
        "Bitcoin gained more than two fifths in the evening of 25 October.": "partly",
        "On 28 October blockchain concept shares led Shanghai and Shenzhen.": "supported",
        "On that day close to a hundred of them rose by the daily limit.": "partly",
        "With Shanghai's notice of 14 November the market turned overnight.": "not supported",
        "State television counted 755 worthless coins and 102 pyramid coins.": "not checkable",
        "Nine provinces and cities set up funds of nearly 40 billion yuan.": "not checkable",
        "About seven of ten central banks study a digital currency.": "not checkable",
    },
    name="What prices say",
)
counts = verdicts.value_counts()

# %% [markdown]
# **The article gives a day for {{ moved | length }} events of the sample, and for
# {{ moved.sum() }} of them that day points some market to another session than the first that could
# react. Of its {{ verdicts | length }} claims about prices and numbers, prices support
# {{ counts["supported"] }} and support {{ counts["partly"] }} in part;
# {{ counts["not supported"] }} is not supported, and {{ counts["not checkable"] }} cannot be
# checked with prices.**
#
# ## When markets could know
#
# The article dates its statements by the day on paper or of the meeting. What moves a price is the
# moment at which the public first knew. The event session of an asset is the first session of its
# calendar that closes after that moment; [01_events](01_events.ipynb) shows the two.

# %%
mentioned = study.events[study.events["from_article"]]
scored = study.events[(study.events[list(TONES)] != "").all(axis=1)]
shared = scored["article_date"].duplicated(keep=False)

# %% [markdown]
# The article speaks of {{ mentioned | length }} announcements in the catalogue and gives a day for
# {{ (mentioned.article_date != "").sum() }} of them; {{ shared.sum() }} share their day with another.
#
# ## Tone
#
# Each dated statement is scored by three lexicons side by side, never blended: the word lists of
# Loughran and McDonald for financial texts, VADER for everyday English, and a small lexicon of this
# project for regulatory language. For the first and the last, with $P$ positive or supportive and
# $N$ negative or restrictive words in a statement,
#
# $$\text{tone} = \frac{P - N}{P + N}, \qquad \text{tone} = 0 \text{ if } P + N = 0 .$$
#
# Statements that share a sentence share its tone.

# %%
names = {
    "event_id": "Event",
    "article_date": "Date in the article",
    "tone_lm": "Loughran-McDonald",
    "tone_vader": "VADER",
    "tone_stance": "Regulatory-stance lexicon",
    "stance_blockchain": "Blockchain",
    "stance_crypto": "Crypto",
}
columns = ["article_date", "stance_blockchain", "stance_crypto"]
tones = scored[list(TONES)].astype(float).round(2)
shown = scored[["event_id", *columns]].join(tones).astype(str).rename(columns=names)
tables.ReportTable(shown, "Coded stances, and tones of the article's sentences from -1 to 1.")

# %% [markdown]
# ## Do the tones agree with the coded stances?
#
# Stances were coded by hand from the codebook. Their agreement with a tone, cut into negative,
# neutral and positive, is measured by Cohen's kappa with linear weights,
#
# $$\kappa_w = 1 - \frac{\sum_{ij} |i - j|\, O_{ij}}{\sum_{ij} |i - j|\, E_{ij}} ,$$
#
# where $O_{ij}$ is the share of events rated $i$ by hand and $j$ by tone and $E_{ij}$ the share
# expected if the two were independent. A kappa of one is perfect agreement, zero is agreement by
# chance. Intervals are percentile bootstrap intervals over events.

# %%
kappas = agreement(study.events).replace(names).sort_values("kappa", ignore_index=True)
worst, best = kappas.iloc[0], kappas.iloc[-1]
tables.ReportTable(
    pd.DataFrame(
        {
            "Stance on": kappas["stance"],
            "Tone": kappas["tone"],
            "Events": kappas["n"].astype(str),
            "Same sign": kappas["same_sign"].map(share),
            "Kappa": formatted(kappas["kappa"], ".2f"),
            "from": formatted(kappas["lower"], ".2f"),
            "to": formatted(kappas["upper"], ".2f"),
        }
    ),
    "Weighted kappa with its 95 % interval.",
)

# %% [markdown]
# Over {{ best.n }} events the tones agree weakly with the coded stances. The weighted kappa ranges
# from {{ worst.kappa | number }} ({{ worst.tone }}, {{ worst.stance }}) to
# {{ best.kappa | number }} ({{ best.tone }}, {{ best.stance }}; 95 % interval
# {{ best.lower | number }} to {{ best.upper | number }}), and {{ (kappas.lower > 0).sum() }} of
# {{ kappas | length }} intervals excludes zero. Events that share a sentence are not independent, so
# the intervals are too narrow.
#
# A lexicon counts words. It cannot tell that a title which promotes the technology, in the same
# sentence as an order to clear up its exchanges, restricts coins. The project's own lexicon was
# written by someone who knew the coded stances, so its agreement is no independent evidence.
#
# ## From stances to an index
#
# Announcement $k$ has a stance $s_k \in \{-1, 0, 1\}$ on blockchain and one on crypto and a salience
# $w_k$, and it enters on its event session $T_k$. Its weight halves every $h$ calendar days:
#
# $$S_t = \sum_{k:\,T_k \le t} s_k w_k\, 2^{-(t - T_k)/h} .$$
#
# Only in-sample announcements of Chinese policy count, each from the first session that could
# react.

# %%
figures.show("policy_index", study)

# %%
index = policy_index(study, "bitcoin")
level = index.pivot_table(index="session", columns="dimension", values="level")

# %% [markdown]
# With a half-life of {{ study.half_life | number(0) }} calendar days, the coded stance on blockchain
# peaks at {{ level["blockchain"].max() | number(1, signed=True) }} on
# {{ level["blockchain"].idxmax() | day }} and never falls below zero. That on crypto falls to
# {{ level["crypto"].min() | number(1) }} on {{ level["crypto"].idxmin() | day }} and reaches
# {{ level["crypto"].max() | number(1, signed=True) }} on {{ level["crypto"].idxmax() | day }}.
#
# ## Did prices follow the stance?
#
# Announcements of one session are one observation with their net stance. Let $d$ be the mean CAAR
# of supportive sessions minus that of restrictive ones. It is compared with the differences $d^*$
# under every assignment of the same stances to the same sessions, the true one among them,
#
# $$p = \frac{\#\{|d^*| \ge |d|\}}{\#\text{assignments}} .$$

# %%
figures.show("stance_responses", study)

# %%
by_stance = response_by_stance(stance_sessions(study)).query("dimension == 'overall'")
lowest = by_stance.set_index("group").loc[by_stance.set_index("group")["p_value"].idxmin()]

# %% [markdown]
# Returns are log returns in percent. By the net stance of a session, both stances added, {{ (by_stance.difference > 0).sum() }} of
# {{ by_stance | length }} groups gained more over [0, 1] after supportive than after restrictive
# sessions, but no difference is significant. The smallest p-value, {{ lowest.p_value | number(3) }},
# is that of {{ study.label(lowest.name) }}: {{ lowest.supportive | percent }} on
# {{ lowest.n_supportive }} supportive and {{ lowest.restrictive | percent }} on
# {{ lowest.n_restrictive }} restrictive sessions.
#
# Stances could have been coded otherwise: with other weights of salience, without sessions of both
# signs, with facts alone that were seen in a dated source, and with the stance of one announcement
# reversed. Every combination has its own difference and its own permutation.

# %%
figures.show("coding_multiverse", study)

# %%
codings = stance_codings(study)
by_group = codings.groupby("group")
positive = by_group["difference"].agg(lambda values: (values > 0).mean())
significant = by_group["p_value"].agg(lambda values: (values < 0.05).mean())

# %% [markdown]
# The difference is positive in {{ positive.min() | share }} to {{ positive.max() | share }} of the
# {{ by_group.size().max() }} codings, by group, and has a p-value below 5 % in
# {{ significant.min() | share }} to {{ significant.max() | share }} of them. These CAARs are measured on
# the benchmarks that the study declares, as in [07_regressions](07_regressions.ipynb); by the rule no
# statement of this section changes.
#
# ## What the article says about prices
#
# Each claim in our words.

# %%
two_fifths = np.log(1.4)
evening = pd.Timestamp("2019-10-25T10:00Z"), pd.Timestamp("2019-10-25T16:00Z")
monday, notice = pd.Timestamp("2019-10-28"), pd.Timestamp("2019-11-14")
tiers = ["a_shares_tier1", "a_shares_tier2"]
indices = ["000001.SS", "000300.SS", "399006.SZ"]
market = whole_market.stored_figures(study)
rise = market_claims.rise(study, "BTC-USD", *evening, until=pd.Timestamp("2019-10-27T00:00Z"))
trades = np.log(market["bitcoin_high"] / market["bitcoin_low"])
lead = market_claims.lead(study, "a_shares_tier1", indices, monday)
limit = market_claims.at_upper_limit(study, tiers, monday).sum()
ruled = checks.study_of_rule(study)
turn, turn_by_rule = (
    market_claims.turn(
        yardstick,
        ["bitcoin", "a_shares_tier1"],
        notice,
        "shanghai-exchange-notice",
        study.headline_event,
    )
    for yardstick in (study, ruled)
)
coin, shares = turn.loc["bitcoin"], turn.loc["a_shares_tier1"]
kept = turn_by_rule.loc["a_shares_tier1"]
claimed = verdicts.rename_axis("Claim, in our words").reset_index()
claimed.insert(1, "Article's return, simple", ["over 40 %", *[""] * (len(verdicts) - 1)])
tables.ReportTable(
    claimed,
    "Partly: true of another window, or of another count, than the one that the words suggest.",
)

# %% [markdown]
# **Bitcoin's evening.** A rise by two fifths is a log return of {{ two_fifths | percent }}. From the
# hour of the announcement to midnight in Beijing Bitcoin returned {{ rise.evening | percent }}, over
# the UTC day {{ rise.day | percent }} and over two days {{ rise.two_days | percent }}. Two fifths are
# reached only from the lowest trade of the first day to the highest of the second
# ({{ trades | percent }}; between hourly closes {{ rise.trough_to_peak | percent }}).
#
# **Concept shares in the lead.** The {{ study.groups.value_counts()["a_shares_tier1"] }} shares of
# tier 1 returned {{ lead.a_shares_tier1 | percent }} on average, the indices
# {{ lead[indices].min() | percent }} to {{ lead[indices].max() | percent }}, all A-shares
# {{ market.market_mean | percent }}; {{ market.share_below | share }} of
# {{ market.n_shares | count }} A-shares returned less than that average. Industries were not ranked.
#
# **A hundred at the limit.** {{ limit.n_upper }} of the {{ limit.n_assets }} concept shares of this
# study closed at the upper limit, which bounds the number from below. The whole market bounds it
# from above: {{ market.n_upper | count }} shares that are not under special treatment did, against
# {{ market.n_upper_before | count }} the session before.
#
# **A turn overnight.** On the day of the notice Bitcoin returned {{ coin.on_day | percent }} and
# the shares of tier 1 {{ shares.on_day | percent }}; the CAAR over [0, 1] from its first
# publication is {{ coin.caar | percent }} for Bitcoin (95 % interval
# {{ (coin.lower, coin.upper) | interval }}) and {{ shares.caar | percent }} for the shares
# ({{ (shares.lower, shares.upper) | interval }}; by the rule of
# [04_concept_stocks](04_concept_stocks.ipynb) {{ kept.caar | percent }},
# {{ (kept.lower, kept.upper) | interval }}). What the shares had given back before depends on the
# yardstick. Against two indices {{ shares.left | percent }} of at most {{ shares.peak | percent }} after
# the speech was left on the session before the notice, by the rule {{ kept.left | percent }} of
# {{ kept.peak | percent }}, neither significantly different from zero. Of Bitcoin's
# {{ coin.peak | percent }}, {{ coin.left | percent }} was left.
#
# The last three claims count coins by type, add up announced sizes of funds and quote a survey of
# central banks. None of this has a price.
#
# ## Reading
#
# The article records what was decided and when, not when it became known; a study dated by it would
# look for some reactions in the wrong session. Word lists read its statements poorly: only one of
# the comparisons agrees better than chance, and its lexicon was made for the purpose.
#
# A claim can be true of a trough and a peak and not of an evening. Prices support that concept
# shares led the market. How many of them hit the limit depends on whose list is counted. Under
# nearly all codings the responses lean in the direction of the stance, but under most codings the
# difference is not significant in any group. This is a weak result on few sessions, and no proof that
# the stance does not matter.


# %%
before_notice = [
    yardstick.results.caar_path(study.headline_event, "a_shares_tier1", start=0)
    .query("session < @notice")
    .iloc[-1]
    for yardstick in (study, ruled)
]
stances_by_rule = response_by_stance(stance_sessions(ruled)).query("dimension == 'overall'")
codings_by_rule = (
    stance_codings(ruled)
    .assign(
        difference=lambda table: table["difference"] > 0,
        p_value=lambda table: table["p_value"] < 0.05,
    )
    .groupby("group")[["difference", "p_value"]]
    .mean()
)
claims(
    claim("Some of the article's days point to another session", int(moved.sum()), moved.sum() > 0),
    claim(
        "Only the regulatory-stance lexicon agrees better than chance, with one stance",
        best["tone"],
        (kappas["lower"] > 0).sum() == 1 and best["tone"] == names["tone_stance"],
    ),
    claim(
        "The coded stance on blockchain never falls below zero",
        level["blockchain"].min(),
        level["blockchain"].min() >= 0,
    ),
    claim(
        "Every group gained more after supportive sessions",
        by_stance["difference"].min(),
        by_stance["difference"].min() > 0,
    ),
    claim("In no group is the difference significant", lowest["p_value"], lowest["p_value"] > 0.05),
    claim(
        "Under most codings the difference is positive, in every group",
        positive.min(),
        positive.min() > 0.9,
    ),
    claim(
        "and under few is it significant, in any group",
        significant.max(),
        significant.max() < 0.15,
    ),
    claim(
        "Bitcoin gained less than two fifths in the evening, and over two days",
        rise["two_days"],
        rise.max() < two_fifths,
    ),
    # A percentage in prose is a rounded one.
    claim(
        "From the lowest to the highest trade it gained two fifths",
        trades,
        trades > np.log(1.3995),
    ),
    claim(
        "Concept shares rose more than each index and 95 % of A-shares",
        market["share_below"],
        lead.idxmax() == "a_shares_tier1" and market["share_below"] > 0.95,
    ),
    claim(
        "Close to a hundred at the limit lies between our count and that of the market",
        f"{limit['n_upper']} to {market['n_upper']:.0f}",
        limit["n_upper"] < 90 <= market["n_upper"],
    ),
    claim(
        "Neither Bitcoin nor the shares fell significantly with the notice, with either yardstick",
        min(turn["upper"].min(), turn_by_rule["upper"].min()),
        min(turn["upper"].min(), turn_by_rule["upper"].min()) > 0,
    ),
    claim(
        "By then the rise of the shares was gone against the indices, half of it by the rule",
        f"{shares['left']:.3f}, {kept['left']:.3f}",
        shares["left"] < 0.2 * shares["peak"] and 0.4 < kept["left"] / kept["peak"] < 0.6,
    ),
    claim(
        "Neither was significant on the session before",
        f"{shares['insignificant_from']:%d %b}, {kept['insignificant_from']:%d %b}",
        all(last.loc["lower"] < 0 < last.loc["upper"] for last in before_notice),
    ),
    claim(
        "By the rule, too, the difference between stances is positive and not significant",
        f"{stances_by_rule['p_value'].min():.2f}, {codings_by_rule['p_value'].max():.2f}",
        stances_by_rule["difference"].min() > 0
        and stances_by_rule["p_value"].min() > 0.05
        and codings_by_rule["difference"].min() > 0.9
        and codings_by_rule["p_value"].max() < 0.15,
    ),
)

# %% [markdown]
# ## Limits
#
# Stances were coded by hand and follow a codebook. Windows of neighbouring sessions overlap, so a
# response may belong to the announcement before it, and a session that mixes subjects, such as the
# first after the headline event in Shanghai, has one return for all of them. Trades and shares
# outside the study are counted in files that are not part of it; the study folder stores the
# results with the checksum of each file.
