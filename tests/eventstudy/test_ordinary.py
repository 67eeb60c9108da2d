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
    estimator,
)
from panels import sessions

COUNT = 150
NAMES = ("A", "B", "C", "D")
MOVING = EstimationWindow(window=(-45, -4), minimum=30)
FIXED = EstimationWindow(window=(-45, -1), minimum=30, end="2018-03-30")
FRAMES = ("pairs", "models", "coefficients", "residuals", "abnormal_returns", "excluded")
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


@pytest.mark.parametrize("names", [None, ("adjusted_bmp", "time_series_t")])
def test_p_values_of_ordinary_sessions_are_those_of_the_placebo(names, monkeypatch):
    own, window = study(panel_frame(gaps=True)), (0, 1)
    expected = own.placebo(window).p_values(window, names)
    assert expected["p_value"].notna().sum() > 40
    # Some sessions at a time, of which none is left out and none comes twice.
    monkeypatch.setattr(estimator, "VALUES_AT_A_TIME", 20 * own.estimation.length)
    found = own.ordinary_p_values(window, names)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_without_an_ordinary_session_there_is_no_p_value():
    own = study(panel_frame(gaps=False))
    found = own.ordinary_p_values((0, COUNT))
    assert found.empty
    assert list(found) == ["event_id", "group", "test", "p_value"]
    with pytest.raises(ValueError, match="there is no test 'z'"):
        own.ordinary_p_values((0, COUNT), ["z"])


@pytest.mark.parametrize(
    "choices",
    [{}, {"estimation": FIXED}, {"model": Dimson(), **ONE}, {"model": FactorCounterfactual(1)}],
)
def test_cars_of_ordinary_sessions_are_those_of_the_placebo(choices):
    own, window = study(panel_frame(gaps=True, first=40), **choices), (-2, 1)
    expected = own.placebo(window).car(window).sort_values(["ticker", "event_id"])
    found = own.ordinary_cars(window)
    assert len(found) > 100
    assert found["ticker"].tolist() == expected["ticker"].tolist()
    assert found["session"].dt.strftime("%Y-%m-%d").tolist() == expected["event_id"].tolist()
    np.testing.assert_allclose(found["t_stat"], expected["t_stat"], rtol=1e-9, atol=0)
    np.testing.assert_allclose(found["car"], expected["car"], rtol=1e-9, atol=1e-15)


def test_of_one_event_everything_is_as_among_the_others():
    own = study(panel_frame(gaps=True, first=40), apart=True, model=Dimson(), **ONE)
    results, window = own.fit(), (-1, 4)
    alone = results.of_event("f")
    for read in (
        *(lambda r, name=name: getattr(r, name) for name in FRAMES),
        *(lambda r, name=name: getattr(r, name)(window) for name in ("car", "caar", "incomplete")),
        lambda r: r.tests(window).tidy(),
    ):
        whole = read(results)
        expected = whole[whole["event_id"] == "f"].reset_index(drop=True)
        assert len(expected) < len(whole) or whole.empty
        pd.testing.assert_frame_equal(
            read(alone).reset_index(drop=True), expected, check_exact=True
        )
    assert results.of_event("no event").pairs.empty


@pytest.mark.parametrize("event_ids", [["e"], ["e", "f", "no event"], []])
def test_estimation_sessions_are_those_of_the_residuals(event_ids):
    groups = dict(zip(NAMES, ("x", "x", "y", "y"), strict=True))
    results = study(panel_frame(gaps=True, first=40), groups=groups).fit()
    residuals = results.residuals[results.residuals["event_id"].isin(event_ids)]
    of_group = residuals["ticker"].map(groups)
    found = results.estimation_sessions(event_ids)
    assert list(found) == ["x", "y"]
    for group, days in found.items():
        expected = np.unique(residuals.loc[of_group == group, "session"])
        assert days.tolist() == expected.tolist()
        assert len(days) or not event_ids
