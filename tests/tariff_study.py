"""A made study of tariff announcements on two exchanges, with as many stances as a test wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from chainpolicy.study.sessions import sessions

PLACES = {"XLON": "+00:00", "XTKS": "+09:00"}
FIRMS = {"XLON": ("STEEL.L", "SHIP.L", "GIN.L"), "XTKS": ("1001.T", "1002.T", "1003.T")}
INDICES = {"XLON": "UKX", "XTKS": "TPX"}
SETTINGS = """\
[study]
name = "tariffs"
title = "Tariffs"

[groups]
exporters = "Exporters"
makers = "Makers"

[prices]
file = "prices.csv"

[estimation]
window = [-80, -11]
minimum = 50

[event]
window = [-5, 5]
car_windows = [[0, 0], [0, 1]]
"""
N_EVENTS = 10


def tariff_study(folder: Path, *dimensions: str, effect: float = 0.03) -> Path:
    """Write the study; announcements of even number raise prices by `effect`, others lower them.

    Parameters
    ----------
    folder : Path
        Does not exist yet.
    *dimensions : str
        What the announcements are coded on; each has its own pattern of signs.
    effect : float
        On the event session.
    """
    folder.mkdir()
    (folder / "study.toml").write_text(SETTINGS, encoding="utf-8")
    days = pd.bdate_range("2018-01-10", periods=N_EVENTS, freq="18B")
    stances = [[(-1) ** (k // (i + 1)) for i in range(len(dimensions))] for k in range(N_EVENTS)]
    header = ",".join(["event_id", "announced_at", "name", *(f"stance_{d}" for d in dimensions)])
    rows = [
        ",".join([f"tariff-{k}", f"{day:%Y-%m-%d}", f"Tariff list {k}", *map(str, stances[k])])
        for k, day in enumerate(days)
    ]
    (folder / "events.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    assets = ["ticker,calendar,group,benchmark"]
    prices = ["date,ticker,close"]
    rng = np.random.default_rng(5)
    for calendar, firms in FIRMS.items():
        index = INDICES[calendar]
        group = "exporters" if calendar == "XLON" else "makers"
        assets += [f"{firm},{calendar},{group},{index}" for firm in firms]
        assets.append(f"{index},{calendar},benchmark,")
        open_days = sessions(calendar, "2017-07-03", "2018-12-28")
        market = rng.normal(0, 0.008, len(open_days))
        at = open_days.searchsorted(days)
        for ticker in (*firms, index):
            returns = market + (0 if ticker == index else rng.normal(0, 0.01, len(open_days)))
            if ticker != index:
                returns[at] += effect * (-1.0) ** np.arange(N_EVENTS)
            closes = 100 * np.exp(np.cumsum(returns))
            prices += [
                f"{day:%Y-%m-%d},{ticker},{close:.6f}"
                for day, close in zip(open_days, closes, strict=True)
            ]
    (folder / "assets.csv").write_text("\n".join(assets) + "\n", encoding="utf-8")
    (folder / "prices.csv").write_text("\n".join(prices) + "\n", encoding="utf-8")
    return folder
