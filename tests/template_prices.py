"""The simulation that made the prices of the template study, with the effects it planted.

Run as ``python tests/template_prices.py > src/chainpolicy/studies/template/prices.csv``.
"""

import sys

import numpy as np
import pandas as pd

from chainpolicy.study.sessions import sessions

FIRST, LAST = "2023-01-03", "2023-10-18"
BETAS = {"ACME": 0.8, "BOLT": 1.0, "CRUX": 1.2, "DUNE": 0.9, "ECHO": 1.1}
# Abnormal log return in the event session, by ticker.
PLANTED = {
    "rule-announced": ("2023-07-13", {"ACME": 0.08, "BOLT": 0.08, "CRUX": 0.08}),
    "rule-withdrawn": ("2023-09-13", {"ACME": -0.07, "BOLT": -0.07, "CRUX": -0.07}),
}
PLANTED_COIN = ("2023-07-12", 0.15)


def simulate() -> pd.DataFrame:
    """One-factor log returns of five assets and their index, a random walk for a coin."""
    rng = np.random.default_rng(20230103)
    trading = sessions("XNYS", FIRST, LAST)
    days = pd.date_range(FIRST, LAST, freq="D")
    market = rng.normal(0.0004, 0.009, len(trading))
    returns = {"INDEX": pd.Series(market, trading)}
    for ticker, beta in BETAS.items():
        noise = rng.normal(0, 0.014, len(trading))
        returns[ticker] = pd.Series(beta * market + noise, trading)
    returns["COIN"] = pd.Series(rng.normal(0.0005, 0.025, len(days)), days)
    for session, effects in PLANTED.values():
        for ticker, effect in effects.items():
            returns[ticker].loc[session] += effect
    returns["COIN"].loc[PLANTED_COIN[0]] += PLANTED_COIN[1]
    levels = {"INDEX": 1000.0, "COIN": 5000.0}
    prices = {
        ticker: levels.get(ticker, 40.0) * np.exp(series.cumsum())
        for ticker, series in returns.items()
    }
    long = pd.concat(prices, names=["ticker", "date"]).round(4).rename("close").reset_index()
    return long.sort_values(["date", "ticker"], ignore_index=True)[["date", "ticker", "close"]]


if __name__ == "__main__":
    simulate().to_csv(sys.stdout, index=False, lineterminator="\n")
