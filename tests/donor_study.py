"""The example study with donors: makers move with a factor that the index does not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from chainpolicy.study import load_study, new_study

PORTFOLIOS = ("P1", "P2", "P3", "P4")
SECTION = '\n[donors]\ncalendar = "XNYS"\nmarket = "ALL"\n'


def donor_study(folder: Path) -> Path:
    """Write the example study with five donor portfolios on two factors, one of them the index."""
    new_study(folder)
    own = load_study(folder).returns.query("ticker == 'ACME'")
    days = pd.DatetimeIndex(own["session"])
    rng = np.random.default_rng(1)
    index = np.expm1(own["INDEX"].fillna(0.0).to_numpy())
    second = rng.normal(0, 0.02, len(days))
    donors = pd.DataFrame(
        {
            name: b * index + c * second + rng.normal(0, 0.001, len(days))
            for name, b, c in zip(PORTFOLIOS, (0.8, 1, 1.2, 1), (-1, 1, 0.5, 0.1), strict=True)
        },
        days,
    )
    donors["ALL"] = donors.mean(axis=1)
    rows = donors.rename_axis("date").reset_index().melt("date", var_name="portfolio")
    rows = rows.rename(columns={"value": "return"}).assign(n_stocks=5)
    rows.to_csv(folder / "donors.csv", index=False, date_format="%Y-%m-%d")
    prices = pd.read_csv(folder / "prices.csv", parse_dates=["date"])
    path = pd.Series(np.cumprod(1 + second), days)
    makers = prices["ticker"].isin(["ACME", "BOLT", "CRUX"])
    prices["close"] *= np.where(makers, prices["date"].map(path).fillna(1.0), 1.0)
    prices.to_csv(folder / "prices.csv", index=False, date_format="%Y-%m-%d")
    settings = folder / "study.toml"
    text = settings.read_text(encoding="utf-8")
    # One clean window for all sessions, and few windows, for the sake of the tests' time.
    for old, new in (
        ("# end = 2023-06-30", "end = 2023-06-30"),
        ("car_windows = [[0, 0], [0, 1], [-1, 1], [0, 5]]", "car_windows = [[0, 0], [0, 1]]"),
    ):
        if text.count(old) != 1:
            raise ValueError(f"{old!r} is not once in study.toml")
        text = text.replace(old, new)
    settings.write_text(text + SECTION, encoding="utf-8")
    return folder
