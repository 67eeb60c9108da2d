"""What a randomization draws from is the SCAAR of every ordinary session, fitted one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chainpolicy.eventstudy import (
    ConstantMean,
    Dimson,
    EstimationWindow,
    EventStudy,
    FactorCounterfactual,
    MarketAdjusted,
    SingleIndexModel,
    SyntheticMatching,
)
from panels import sessions

COUNT = 150
NAMES = ("A", "B", "C", "D")
MOVING = EstimationWindow(window=(-45, -4), minimum=30)
FIXED = EstimationWindow(window=(-45, -1), minimum=30, end="2018-03-30")
ONE = {"benchmarks": {name: ["market"] for name in NAMES}}


def panel_frame(*, gaps: bool, first: int = 0) -> pd.DataFrame:
    """Assets of one group; D is listed `first` sessions later than the others."""
    rng = np.random.default_rng(4)
    market, size = rng.normal(0.0, 0.01, (2, COUNT))
    frames = []
    for number, name in enumerate(NAMES):
        returns = 0.001 + market - 0.3 * size + rng.normal(0.0, 0.02, COUNT)
        span = np.ones(COUNT)
        if gaps and name in "AB":
            returns[[60 + number, 118]] = np.nan
            span[119], span[61 + number] = 2.0, 2.0
        begin = first if name == "D" else 0
        frames.append(
            pd.DataFrame(
                {
                    "ticker": name,
                    "session": sessions(COUNT)[begin:],
                    "return": returns[begin:],
                    "n_sessions": span[begin:],
                    "market": market[begin:],
                    "size": size[begin:],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def study(frame: pd.DataFrame, *, apart: bool = False, **choices: object) -> EventStudy:
    """One event of all assets; where D is listed late, another of D alone, or each has its own."""
    rows = [("e", name, 75 + 2 * apart * i) for i, name in enumerate(NAMES)]
    if len(frame) < COUNT * frame["ticker"].nunique():
        rows.append(("f", "D", 100))
    table = pd.DataFrame(rows, columns=["event_id", "ticker", "event_session"])
    table["event_session"] = sessions(COUNT)[table["event_session"]]
    table = table[table["ticker"].isin(frame["ticker"].unique())]
    choices = {"estimation": MOVING, "event_window": (-3, 5), **choices}
    if "benchmarks" in choices:
        given = choices["benchmarks"]
        choices["benchmarks"] = {name: given[name] for name in frame["ticker"].unique()}
    return EventStudy(frame, table, **choices)


def one_by_one(frame: pd.DataFrame, names: tuple, window: tuple, **choices: object) -> np.ndarray:
    """CAAR over its standard error, of a study of these assets alone with the same events."""
    alone = study(frame[frame["ticker"].isin(names)], **choices)
    table = alone.placebo(window).caar(window)
    ratio = (table["caar"] / table["std_error"]).set_axis(pd.to_datetime(table["event_id"]))
    return ratio.reindex(sessions(COUNT)).to_numpy()


# The panel, the choices, and whether some sessions are left that running sums do not give.
CASES = {
    "balanced": ({"gaps": False}, {}, False),
    "listed late": ({"gaps": False, "first": 40}, {}, True),
    "gaps": ({"gaps": True, "first": 40}, {}, True),
    "constant mean": ({"gaps": True}, {"model": ConstantMean()}, True),
    "one index": ({"gaps": True}, {"model": SingleIndexModel()}, True),
    "nothing estimated": ({"gaps": False}, {"model": MarketAdjusted(), **ONE}, False),
    "fixed": ({"gaps": False}, {"estimation": FIXED}, False),
}


@pytest.mark.parametrize("window", [(0, 0), (-2, 3)])
@pytest.mark.parametrize("case", CASES)
def test_running_sums_give_the_scaar_of_every_ordinary_session(case, window, monkeypatch):
    panel, choices, some_left = CASES[case]
    frame = panel_frame(**panel)
    own = study(frame, **choices)
    portfolios = [("A", "B", "C", "D"), ("A", "C"), ("D",)]
    expected = [one_by_one(frame, names, window, **choices) for names in portfolios]
    fitted = []
    estimate = EventStudy._estimate_ordinary

    def counted(self, candidates, over):
        fitted.append(len(candidates))
        return estimate(self, candidates, over)

    monkeypatch.setattr(EventStudy, "_estimate_ordinary", counted)
    found = own._ordinary(window, {"all": portfolios})
    for names, values in zip(portfolios, expected, strict=True):
        assert np.isfinite(values).sum() > 40
        np.testing.assert_allclose(found["all", names], values, rtol=1e-9, atol=0)
    assert bool(fitted) == some_left
    assert sum(fitted) < len(own._pairs_at(np.flatnonzero(own._ordinary_rows(window))))


def test_what_running_sums_cannot_estimate_is_fitted():
    frame, window = panel_frame(gaps=True), (0, 1)
    for choices in (
        {"model": Dimson(), **ONE},
        {"model": FactorCounterfactual(1)},
        {"model": SyntheticMatching()},
        {"estimation": EstimationWindow(window=(-45, 3), minimum=30, mask=False)},
        {"benchmarks": {"A": ["market"], "B": ["market", "size"], "C": ["size"], "D": []}},
        {"estimation": replace(MOVING, anchor="first"), "apart": True},
    ):
        own = study(frame, **choices)
        names = tuple("ABCD")
        expected = one_by_one(frame, names, window, **choices)
        assert np.isfinite(expected).sum() > 20
        found = own._ordinary(window, {"all": [names]})["all", names]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("model", [None, FactorCounterfactual(1)])
def test_caars_of_ordinary_sessions_are_those_of_the_placebo(model):
    frame, window = panel_frame(gaps=True, first=40), (0, 1)
    event = pd.DataFrame(
        {"event_id": "e", "ticker": list("ABC"), "event_session": sessions(COUNT)[75]}
    )
    groups = {"A": "first", "B": "first", "C": "second", "D": "second"}
    own = EventStudy(
        frame, event, groups=groups, estimation=MOVING, event_window=(0, 5), model=model
    )
    expected = own.placebo(window).caar(window).dropna(subset="caar")
    expected = expected.assign(session=pd.to_datetime(expected["event_id"]))
    expected = expected.sort_values(["group", "session"])
    found = own.ordinary_caars(window)
    assert found[["group", "session"]].to_numpy().tolist() == (
        expected[["group", "session"]].to_numpy().tolist()
    )
    assert found["group"].value_counts().min() > 20
    ratio = expected["caar"] / expected["std_error"]
    np.testing.assert_allclose(found["studentized_caar"], ratio, rtol=1e-9, atol=0)


def test_the_ordinary_scaar_has_a_row_for_every_portfolio_and_a_column_for_every_session():
    frame, window = panel_frame(gaps=False), (0, 1)
    for choices in ({"model": Dimson(), **ONE}, {}):
        results = study(frame, **choices).fit()
        portfolios = [("A", "C"), ("D",), ("A", "C")]
        expected = [one_by_one(frame, names, window, **choices) for names in portfolios]
        found = results.ordinary_scaar(window, "all", portfolios)
        assert found.shape == (3, COUNT)
        assert np.isfinite(expected).sum() > 3 * 20
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=0)
        assert results.ordinary_scaar(window, "all", []).shape == (0, COUNT)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("names", [None, ("grank_t", "bmp")])
def test_p_values_are_those_of_the_tests(names, apart):
    given = study(panel_frame(gaps=True), apart=apart)
    for results in (given.fit(), given.placebo((0, 1))):
        found = results.p_values((0, 1), names)
        expected = results.tests((0, 1), names).tidy()
        pd.testing.assert_frame_equal(found, expected[list(found)], check_exact=True)
        assert found["p_value"].notna().any()
