# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What do the prices say, and are they aligned?

# %%
import pandas as pd
from scipy import stats

import chainpolicy
from chainpolicy import checks, claim, claims, figures, prices, tables
from chainpolicy.eventstudy import residual_autocorrelation
from chainpolicy.study.returns import LIMIT_TOLERANCE
from chainpolicy.study.sessions import sessions
from chainpolicy.typeset.numbers import interval, percent

study = chainpolicy.load_study()
assets = prices.coverage(study)
missing = prices.missing_closes(study)
by_date = checks.dated_caars(study, "article_date", (0, 1)).set_index(["event_id", "group"])
tier1 = by_date.loc[(study.headline_event, "a_shares_tier1")]

# %% [markdown]
# **Of {{ assets.sessions.sum() }} closes that {{ assets | length }} assets could have,
# {{ missing.n_sessions.sum() }}
# ({{ (missing.n_sessions.sum() / assets.sessions.sum()) | share(1) }}) are missing, and none is
# filled in. The alignment decides the result**: around the leading event the CAAR over $[0, 1]$ of
# the {{ tier1.n_assets }} Chinese shares of tier 1 is {{ tier1.caar | percent }} (95 %
# interval {{ (tier1.lower, tier1.upper) | interval }}) if session 0 is the first that could
# react, {{ tier1.event_session | day }}, and {{ tier1.dated_caar | percent }} (95 %
# interval {{ (tier1.dated_lower, tier1.dated_upper) | interval }}) if it is taken from
# the article's date, {{ tier1.dated_session | day }}. Returns are log returns in percent.
#
# Before any response is interpreted, three things have to be known about the prices: what is
# missing, where a price was not free to move, and which session of one market corresponds to which
# session of another. This notebook shows all three, and then what would have been found if the
# events had been dated as the article dates them.
#
# ## The data
#
# Daily closes, adjusted for dividends and splits. Tier 1 contains Chinese shares that the press had
# named as blockchain shares before the leading event; tier 2 contains shares named only on the day
# of the jump, hence chosen by the outcome, and is never pooled with tier 1.

# %%
assets["label"] = assets["group"].map(study.label)
assets.groupby(["label", "calendar"], sort=False).agg(
    assets=("ticker", "size"),
    sessions=("sessions", "first"),
    start=("first", "min"),
    end=("last", "max"),
    closes=("closes", "sum"),
    gaps=("gaps", "sum"),
    late=("late", "sum"),
    upper=("upper", "sum"),
    lower=("lower", "sum"),
)

# %% [markdown]
# *gaps* counts sessions without a close between the first and the last close of an asset, *late*
# those before the first, *upper* and *lower* closes at a daily price limit.
#
# ## Returns, and returns that do not exist
#
# With $C_{it}$ the close of asset $i$ in session $t$ of its calendar, the return is
#
# $$R_{it} = \log \frac{C_{it}}{C_{i,t-1}} ,$$
#
# and it exists only if both closes do. A suspended share has no return, never a return of zero, and
# the return after the gap, which spans several sessions, is left out as well. Log returns add up
# over a window. Price limits alone are quoted as changes of the price, as an exchange sets them.

# %%
returns = study.returns
possible = len(returns) - returns["ticker"].nunique()
lost = possible - returns["return"].notna().sum()
tolerance = LIMIT_TOLERANCE
tables.ReportTable(
    pd.DataFrame(
        {
            "Asset": missing["name"] + " (" + missing["ticker"] + ")",
            "Group": missing["group"].map(study.label),
            "First session": missing["first"].dt.strftime("%Y-%m-%d"),
            "Last session": missing["last"].dt.strftime("%Y-%m-%d"),
            "Sessions": missing["n_sessions"].astype(str),
        }
    ),
    "Runs of sessions without a close.",
)

# %% [markdown]
# A missing close takes with it the return into it and the return out of it: {{ lost }} of
# {{ possible }} returns ({{ (lost / possible) | share(1) }}).
#
# ## Closes at the price limit
#
# In China a share may move by no more than a fraction $l_{it}$ of its last close in one session. A
# close at the limit is censored: the price might have gone further. With $C_{ip}$ the last
# available close, it is recognized by the price itself,
#
# $$\left| C_{it} - C_{ip} (1 \pm l_{it}) \right| \le \varepsilon ,$$
#
# where $\varepsilon$ = {{ tolerance | number(4) }} is half a tick of the exchange plus what
# cutting adjusted closes to four decimals can lose. A cut-off on the change is the usual shortcut;
# it errs where prices are low, so that a tick is a large part of them, and where a share has a
# narrower limit.

# %%
with_limit = assets[assets["limited"]]
closes = study.prices.sort_values("date").rename(columns={"date": "session"})
closes["change"] = closes.groupby("ticker")["close"].pct_change().abs()
limited = returns[returns["ticker"].isin(with_limit["ticker"])]
limited = limited.merge(closes[["ticker", "session", "change"]], on=["ticker", "session"])
change = limited["change"]
at_limit, cut_off = limited["at_limit"] != "", change >= 0.099
narrower = at_limit & (change < 0.06)
hits = limited[at_limit].groupby("session").size()
pd.crosstab(at_limit.rename("close at the limit"), cut_off.rename("change of 9.9 % or more"))

# %% [markdown]
# The rule finds {{ at_limit.sum() }} closes at a limit among the {{ with_limit.closes.sum() }} closes
# of the {{ with_limit | length }} assets that have one. A cut-off at a change of 9.9 % would miss
# {{ (at_limit > cut_off).sum() }} of them, {{ narrower.sum() }} because the limit was 5 %, and add
# {{ (at_limit < cut_off).sum() }} that are none. The most on one session are {{ hits.max() }}, on
# {{ hits.idxmax() | day }}.
#
# ## Calendars
#
# $\tau$ counts sessions of an asset's own calendar, so that groups on different calendars are never
# pooled. A day of a coin ends at midnight UTC and includes weekends; Shanghai closes before New
# York opens on the same date. During the national holidays of China the other markets go on for a
# week: the first return after one of them contains all that happened in the meantime.

# %%
days = pd.Series(sessions("XSHG", study.start, study.end))
closures = pd.DataFrame({"last session": days.shift(), "next session": days})
closures["days closed"] = closures.diff(axis=1)["next session"].dt.days - 1
closures = closures[closures["days closed"] >= 5].astype({"days closed": int})
one_day = pd.Timedelta(days=1)
closures["New York meanwhile"] = [
    len(sessions("XNYS", last + one_day, following - one_day))
    for last, following, _ in closures.itertuples(index=False)
]
tables.ReportTable(
    closures.astype(str).rename(columns=lambda name: name[0].upper() + name[1:]),
    "Shanghai closed for five days or more.",
)

# %% [markdown]
# ## Normal returns on ordinary sessions
#
# The abnormal return is what the benchmarks leave unexplained,
#
# $$AR_{it} = R_{it} - \hat\alpha_i - \hat\beta_i' F_t ,$$
#
# where $F_t$ are the returns of the asset's benchmarks, and $\hat\alpha_i$ and $\hat\beta_i$ are
# estimated by least squares on the $M_i$ ordinary sessions of the estimation window. $R^2$ is the
# share of variance that the benchmarks explain there, $\sigma_i$ the standard deviation of the
# residuals, $\bar{r}$ their mean correlation within a group. The coins have no benchmark; their
# normal return is a constant mean.

# %%
results = study.results
lead = study.headline_event
models = results.models.query("event_id == @lead").set_index("ticker")
neighbours = residual_autocorrelation(results, lead).set_index("ticker")
models["autocorrelated"] = neighbours["autocorrelation"].abs() > neighbours["bound"]
fit = models.groupby(study.groups).agg(
    N=("sigma", "size"),
    benchmarks=("benchmark", "first"),
    fewest_M=("n_estimation", "min"),
    most_M=("n_estimation", "max"),
    median_R2=("r_squared", "median"),
    median_sigma=("sigma", "median"),
    autocorrelated=("autocorrelated", "sum"),
)
fit["rbar"] = results.summary((0, 0)).frame.loc[lead]["mean_correlation"]
heads = ["Group", "N", "Benchmarks", "Fewest M", "Most M", "R²", "σ", "Autocorrelated", "r̄"]
shown = fit.rename(study.label).round(3).reset_index().astype(str).fillna("")
tables.ReportTable(shown.set_axis(heads, axis=1), "R² and σ: medians over the assets.")

# %%
figures.show("estimation_fit", study)

# %% [markdown]
# The median $R^2$ is {{ fit.loc["a_shares_tier1"].median_R2 | share }} in tier 1,
# {{ fit.loc["a_shares_tier2"].median_R2 | share }} in tier 2 and
# {{ fit.loc["us_listed"].median_R2 | share }} for the US-listed names. The first-order
# autocorrelation of the residuals is significant at the 5 % level for
# {{ models.autocorrelated.sum() }} of {{ models | length }} assets, where
# {{ (0.05 * models.index.size) | number(0) }} are expected by chance.
#
# ## What the article's dates would have found
#
# With $T$ the first session that could react and $T'$ the session to which the article's date
# points, the cumulative average abnormal return of $N$ assets over the window $[0, 1]$ is either of
#
# $$CAAR = \frac{1}{N} \sum_{i=1}^{N} \sum_{t=T}^{T+1} AR_{it}
#   \qquad \text{or} \qquad
#   CAAR' = \frac{1}{N} \sum_{i=1}^{N} \sum_{t=T'}^{T'+1} AR_{it} .$$
#
# The estimates $\hat\alpha_i$ and $\hat\beta_i$ are the same in both, so that the difference is one
# of dating alone. The interval is $CAAR \pm t_{0.975} s$ with $s$ the standard error of the
# equal-weighted portfolio on ordinary sessions, which allows for correlation between its assets.

# %%
found = (by_date["lower"] > 0) | (by_date["upper"] < 0)
found_there = (by_date["dated_lower"] > 0) | (by_date["dated_upper"] < 0)
rows = by_date.reset_index()
there = rows[["dated_caar", "dated_lower", "dated_upper"]].to_numpy()
first = rows[["caar", "lower", "upper"]].to_numpy()
frame = pd.DataFrame(
    {
        "Event": rows["event_id"],
        "Group": rows["group"].map(study.label),
        "Article's session": rows["dated_session"].dt.strftime("%Y-%m-%d"),
        "CAAR there (95 % interval)": [
            f"{percent(caar)} ({interval(bounds)})" for caar, *bounds in there
        ],
        "First session": rows["event_session"].dt.strftime("%Y-%m-%d"),
        "CAAR (95 % interval)": [
            f"{percent(caar)} ({interval(bounds)})" for caar, *bounds in first
        ],
    }
)
tables.ReportTable(
    frame[(found | found_there).to_numpy()].reset_index(drop=True),
    "CAAR over [0, 1], log returns: the rows in which an interval excludes zero; intervals not "
    "adjusted for the number of rows.",
)

# %% [markdown]
# Of the {{ by_date | length }} pairs of an event and a group whose session differs, the interval
# excludes zero for {{ found.sum() }} at the first session that could react and for
# {{ found_there.sum() }} at the article's date. Normal returns are those above, on the benchmarks that
# the study declares; with what the rule of [04_concept_stocks](04_concept_stocks.ipynb) chooses the
# same intervals exclude zero.
#
# ## Reading
#
# The prices are nearly complete, and no close is missing around the events. What restrains them
# is the daily price limit: on the event session of the leading event a large part of the Chinese
# shares closed at it, so that their abnormal returns of that session are lower bounds.
#
# Dating matters most for Chinese shares. With the article's date the leading event has no
# measurable effect on them, because the window ends before they could react. For coins and
# US-listed names it still catches the first day of the response, and for the coins other than
# Bitcoin it makes hardly any difference. The article's date also finds something where the first
# session that could react finds nothing: a fall in tier 1 at the end of October, which both rows of
# the plenum show because both point to the same session. It is one observation, not two, and it
# concerns shares that were giving back a jump of the same week. Beyond these no interval in the
# table excludes zero, at either date: the other announcements show no response whose dating could
# matter.

# %%
speech = by_date.loc[lead]
shares = ["a_shares_tier1", "a_shares_tier2"]
abroad = ["bitcoin", "coins", "us_listed"]
fall = by_date.loc[[("plenum-communique", "a_shares_tier1"), ("plenum-decision", "a_shares_tier1")]]
ruled = checks.dated_caars(checks.study_of_rule(study), "article_date", (0, 1))
ruled = ruled.set_index(["event_id", "group"]).loc[by_date.index]
found_by_rule = (ruled["lower"] > 0) | (ruled["upper"] < 0)
there_by_rule = (ruled["dated_lower"] > 0) | (ruled["dated_upper"] < 0)
first_event = study.alignment.loc[study.alignment["in_sample"], "event_session"].min()
residuals = results.residuals.query("event_id == @lead").set_index("ticker")["residual"]
tail = (residuals / models["sigma"])[study.groups[residuals.index].isin(shares).to_numpy()]
claims(
    claim(
        "No close is missing around the events",
        str(missing["last"].max().date()),
        missing["last"].max() < first_event,
    ),
    claim(
        "Most Chinese shares closed at the limit on the event session of the leading event",
        f"{hits[tier1['event_session']]} of {len(with_limit)}",
        hits[tier1["event_session"]] > len(with_limit) / 2,
    ),
    claim(
        "Chinese shares: an interval that excludes zero at the first session only",
        speech.loc[shares, "dated_upper"].min(),
        found[lead][shares].all() and not found_there[lead][shares].any(),
    ),
    claim(
        "Coins and US-listed names: one that excludes zero at either date",
        speech.loc[abroad, "dated_lower"].min(),
        (found & found_there)[lead][abroad].all(),
    ),
    claim(
        "Hardly any difference for the coins other than Bitcoin",
        speech.loc["coins", "caar"] - speech.loc["coins", "dated_caar"],
        abs(speech.loc["coins", "caar"] - speech.loc["coins", "dated_caar"]) < 0.01,
    ),
    claim(
        "The fall at the end of October is one observation, found at the article's date only",
        fall["dated_caar"].iloc[0],
        fall["dated_upper"].max() < 0
        and len(set(fall["dated_session"])) == 1
        and not found[fall.index].any(),
    ),
    claim(
        "No other interval excludes zero at either date",
        (found | found_there).sum(),
        set(by_date.index[found | found_there])
        == {*fall.index, *((lead, group) for group in shares + abroad)},
    ),
    claim(
        "By the rule the same intervals exclude zero",
        f"{found_by_rule.sum()}, {there_by_rule.sum()}",
        found_by_rule.equals(found) and there_by_rule.equals(found_there),
    ),
    claim(
        "The upper tail of the residuals of Chinese shares is heavier than the normal one",
        tail.quantile(0.995),
        tail.quantile(0.995) > stats.norm.isf(0.005),
    ),
)

# %% [markdown]
# ## Limits
#
# The table compares many intervals without correction for their number. Among so many a few exclude
# zero by chance, and the fall at the end of October may be one of these. A single session cannot
# separate a mean effect from a shock to the whole sector. The benchmarks explain a good part of the
# variance of Chinese shares and almost none of that of most US-listed names, and there are none for
# coins: there an abnormal return is little else than the return minus its mean. More residuals are
# autocorrelated than expected by chance, and the upper tail of those of Chinese shares is heavier
# than that of a normal distribution; the intervals assume neither. Prices come from public files
# with a second source for most of them but not for the Chinese indices, and shares that were later
# delisted are in the list only as far as these files contained them.
