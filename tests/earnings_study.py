"""Sixteen firms of London and Tokyo with own earnings dates: raw downloads, a study's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from chainpolicy.study.sessions import sessions

# Twenty good and twenty bad reports an exchange: means that differ by 2 % are some five standard
# errors apart.
N_FIRMS, N_DATES = 8, 5
FIRMS = {
    "XLON": tuple(f"FIRM{number}.L" for number in range(N_FIRMS)),
    "XTKS": tuple(f"70{number:02d}.T" for number in range(N_FIRMS)),
}
# Before the opening in London, after the close in Tokyo: the session of the day, and the next.
HOURS = {"XLON": "T07:00+00:00", "XTKS": "T15:45+09:00"}
LATE = {"XLON": 0, "XTKS": 1}
FACTORS = "F-F_Research_Data_Factors_daily.csv"
SETTINGS = f"""\
[study]
name = "earnings"
title = "Earnings in London and Tokyo"

[prices]
file = "prices.csv"

[factors]
file = "{FACTORS}"
units = "percent"
risk_free = "RF"

[returns]
kind = "log"

[estimation]
window = [-60, -11]
minimum = 40

[event]
window = [-1, 3]
car_windows = [[0, 1]]
pool_by = "surprise"
"""
EFFECT = 0.02


def earnings_study(folder: Path, downloads: Path, seed: int = 1) -> None:
    """Write what a user has before prices are imported: events, assets, settings, downloads.

    Good earnings raise the price by `EFFECT` on the event session, bad ones do nothing.

    Parameters
    ----------
    folder : Path
        The study folder, which exists.
    downloads : Path
        Becomes a folder of files as providers offer them.
    seed : int
    """
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2020-01-01", "2021-03-31")
    factors = pd.DataFrame(
        rng.normal(0, [0.9, 0.4, 0.4], (len(days), 3)), days, ["Mkt-RF", "SMB", "HML"]
    ).round(2)
    lines = [f"{day:%Y%m%d},{a:8.2f},{b:8.2f},{c:8.2f},   0.004" for day, a, b, c in
             factors.itertuples()]  # fmt: skip
    text = "Made up in the form of the daily files.\n\n,Mkt-RF,SMB,HML,RF\n" + "\n".join(lines)
    (folder / FACTORS).write_text(f"{text}\n\nCopyright of nobody\n", encoding="utf-8")

    closes, events = {}, ["event_id,announced_at,affects,surprise"]
    assets = ["ticker,calendar,group,benchmark"]
    for calendar, firms in FIRMS.items():
        open_days = sessions(calendar, days[0], days[-1])
        known = factors.reindex(open_days).fillna(0.0) / 100
        for number, firm in enumerate(firms):
            assets.append(f"{firm},{calendar},{calendar.lower()},Mkt-RF;SMB;HML")
            own = rng.normal(0, 0.01, len(open_days))
            noise = known @ np.array([1.0, 0.2, -0.2]) + own
            for date in range(N_DATES):
                place = 75 + 24 * date + 2 * number
                good = (date + number) % 2 == 0
                noise.iloc[place + LATE[calendar]] += EFFECT * good
                said = f"{open_days[place]:%Y-%m-%d}{HOURS[calendar]}"
                label = "good" if good else "bad"
                events.append(f"{firm}-{date + 1},{said},{firm},{label}")
            closes[firm] = 100 * np.exp(noise.cumsum())
    (folder / "events.csv").write_text("\n".join(events) + "\n", encoding="utf-8")
    (folder / "assets.csv").write_text("\n".join(assets) + "\n", encoding="utf-8")
    (folder / "study.toml").write_text(SETTINGS, encoding="utf-8")

    downloads.mkdir()
    wide = pd.DataFrame({firm: closes[firm] for firm in FIRMS["XLON"]}).rename_axis("Date")
    wide.columns = pd.MultiIndex.from_product([["Close"], wide.columns], names=["Price", "Ticker"])
    wide.to_csv(downloads / "yfinance.csv")
    for number, firm in enumerate(FIRMS["XTKS"]):
        table = pd.DataFrame({"Date": closes[firm].index, "Close": closes[firm].to_numpy()})
        table["Date"] = table["Date"].dt.strftime("%Y-%m-%d")
        for name in ("Open", "High", "Low"):
            table[name] = table["Close"]
        table["Volume"] = 1000
        columns = ["Date", "Open", "High", "Low", "Close"]
        if number % 2:
            table["Adj Close"] = table["Close"]
            columns.append("Adj Close")
        table[[*columns, "Volume"]].to_csv(downloads / f"{firm}.csv", index=False)
