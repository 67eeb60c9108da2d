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
    ordinary,
)
from chainpolicy.eventstudy.inference import differ, portfolio_errors
from panels import sessions

COUNT = 150
NAMES = ("A", "B", "C", "D")
MOVING = EstimationWindow(window=(-45, -4), minimum=30)
FIXED = EstimationWindow(window=(-45, -1), minimum=30, end="2018-03-30")
EARLY = EstimationWindow(window=(1, 45), minimum=30, end=sessions(COUNT)[38])
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


MIXED = {"benchmarks": {"A": ["market"], "B": ["market", "size"], "C": ["size"], "D": []}}
# The panel and the choices of studies that running sums estimate.
CASES = {
    "balanced": ({"gaps": False}, {}),
    "listed late": ({"gaps": False, "first": 40}, {}),
    "gaps": ({"gaps": True, "first": 40}, {}),
    "not masked": ({"gaps": True}, {"estimation": replace(MOVING, mask=False)}),
    "constant mean": ({"gaps": True}, {"model": ConstantMean()}),
    "one index": ({"gaps": True}, {"model": SingleIndexModel()}),
    "several benchmarks": ({"gaps": True}, MIXED),
    "nothing estimated": ({"gaps": False}, {"model": MarketAdjusted(), **ONE}),
    "little estimated": ({"gaps": True, "first": 40}, {"model": MarketAdjusted(), **MIXED}),
    "fixed": ({"gaps": False}, {"estimation": FIXED}),
    "fixed, gaps": ({"gaps": True, "first": 10}, {"estimation": FIXED}),
    "fixed at the beginning": ({"gaps": True}, {"estimation": EARLY}),
    "first": ({"gaps": True}, {"estimation": replace(MOVING, anchor="first")}),
}


@pytest.mark.parametrize("window", [(0, 0), (-2, 3)])
@pytest.mark.parametrize("case", CASES)
def test_running_sums_give_the_scaar_of_every_ordinary_session(case, window, monkeypatch):
    panel, choices = CASES[case]
    frame = panel_frame(**panel)
    own = study(frame, **choices)
    portfolios = [("A", "B", "C", "D"), ("A", "C"), ("D",)]
    expected = [one_by_one(frame, names, window, **choices) for names in portfolios]
    monkeypatch.setattr(EventStudy, "_estimate_ordinary", None)
    # Of 150 sessions some at a time, and all of them.
    for values in (1, 45 * 4 * 7, 10**9):
        monkeypatch.setattr(ordinary, "VALUES_AT_A_TIME", values)
        found = own._ordinary(window, {"all": portfolios})
        for names, ratios in zip(portfolios, expected, strict=True):
            assert np.isfinite(ratios).sum() > 40
            np.testing.assert_allclose(found["all", names], ratios, rtol=1e-9, atol=0)


def test_what_running_sums_cannot_estimate_is_fitted():
    frame, window = panel_frame(gaps=True), (0, 1)
    for choices in (
        {"model": Dimson(), **ONE},
        {"model": FactorCounterfactual(1)},
        {"model": SyntheticMatching()},
        {"estimation": EstimationWindow(window=(-45, 3), minimum=30, mask=False)},
        {"estimation": replace(MOVING, anchor="first"), "apart": True},
        {"estimation": replace(MOVING, anchor="first"), "apart": True, "model": Dimson(), **ONE},
    ):
        own = study(frame, **choices)
        # Of several together, each is what it is alone.
        portfolios = [("A", "B", "C", "D"), ("B", "D"), ("C",)]
        found = own._ordinary(window, {"all": portfolios})
        for names in portfolios:
            expected = one_by_one(frame, names, window, **choices)
            assert np.isfinite(expected).sum() > 20
            np.testing.assert_allclose(found["all", names], expected, rtol=1e-9, atol=0)


def test_assets_that_cancel_are_fitted_and_have_no_scaar(monkeypatch):
    frame = panel_frame(gaps=False)
    returns = frame["return"].to_numpy().reshape(len(NAMES), COUNT).copy()
    returns[1] = 0.002 - returns[0]
    # C moves with them by little, but by far more than rounding.
    returns[2] = returns[0] + 1e-8 * returns[2]
    frame["return"] = returns.ravel()
    own, portfolios = study(frame, model=ConstantMean()), [("A", "B"), ("B", "C"), ("A", "D")]
    fitted = []
    estimate = EventStudy._estimate_ordinary
    monkeypatch.setattr(
        EventStudy,
        "_estimate_ordinary",
        lambda self, some, over: fitted.extend(some.asset) or estimate(self, some, over),
    )
    found = own._ordinary((0, 1), {"all": portfolios})
    assert set(fitted) == {0, 1, 2}
    assert np.isnan(found["all", ("A", "B")]).all()
    for names in portfolios[1:]:
        expected = one_by_one(frame, names, (0, 1), model=ConstantMean())
        assert np.isfinite(expected).sum() > 40
        np.testing.assert_allclose(found["all", names], expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("level", "noise", "of_market"), [(0.0, 1e-7, 0.0), (1e4, 1.0, 0.0), (0.0, 1.0, 1e6)]
)
def test_digits_that_running_sums_lose_are_found_by_fits(level, noise, of_market):
    frame, window = panel_frame(gaps=True), (0, 1)
    rng = np.random.default_rng(5)
    frame["market"] = frame["market"] + of_market
    near = level + 3.0 * (frame["market"] - of_market) + noise * rng.normal(0.0, 0.01, len(frame))
    frame["return"] = frame["return"].where(frame["ticker"] != "C", near)
    own, portfolios = study(frame), [("A", "B", "C", "D"), ("B", "C"), ("A", "B")]
    found = own._ordinary(window, {"all": portfolios})
    for names in portfolios:
        expected = one_by_one(frame, names, window)
        assert np.isfinite(expected).sum() > 40
        np.testing.assert_allclose(found["all", names], expected, rtol=1e-9, atol=0)
    tests = ("time_series_t", "adjusted_bmp")
    expected = own.placebo(window).p_values(window, tests)
    pd.testing.assert_frame_equal(own.ordinary_p_values(window, tests), expected, check_exact=True)


def test_errors_of_many_portfolios_are_those_of_each_alone():
    rng = np.random.default_rng(3)
    residuals = rng.normal(size=(2, 5, 9))
    observed = rng.random(residuals.shape) < 0.6
    observed[1] = observed[0, 0]
    residuals[:, 1] = -residuals[:, 0]
    residuals[~observed] = 0.0
    parameters, multiplier = np.array([1, 1, 2, 8, 3]), rng.uniform(1, 3, (2, 5))
    members = np.array(
        [[1, 1, 1, 1, 1], [0, 0, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]], bool
    )
    found = portfolio_errors(residuals, observed, parameters, multiplier, members)
    for event, number in np.ndindex(found.shape):
        some = np.flatnonzero(members[number])
        squares, sessions = 0.0, 0
        for session in range(9):
            seen = [i for i in some if observed[event, i, session]]
            if seen:
                squares += np.mean([residuals[event, i, session] for i in seen]) ** 2
                sessions += 1
        degrees = sessions - max(parameters[some], default=0)
        if not squares > 1e-30 or degrees <= 0:
            assert np.isnan(found[event, number])
            continue
        expected = np.sqrt(squares / degrees * np.mean(multiplier[event, some]))
        np.testing.assert_allclose(found[event, number], expected, rtol=1e-12)
    # Assets that cancel where they have the same sessions, nobody, and too many parameters.
    assert np.isfinite(found).tolist() == [
        [True, True, True, False, False],
        [False, True, False, False, False],
    ]
    coarse = portfolio_errors(residuals, observed, parameters, multiplier, members, 10.0)
    assert np.isnan(coarse).all()


def test_values_differ_among_those_that_are_chosen():
    chosen = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1], [0, 0, 0]], bool)
    assert differ(np.array([-1.0, -1.0, 7.0]), chosen).tolist() == [False, True, False, False]
    assert not differ(np.array([3, 3, 3]), chosen).any()


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


def test_all_p_values_of_ordinary_sessions_are_those_of_the_placebo(monkeypatch):
    own, window = study(panel_frame(gaps=True)), (0, 1)
    expected = own.placebo(window).p_values(window)
    assert expected["p_value"].notna().sum() > 40
    # Some sessions at a time, of which none is left out and none comes twice.
    monkeypatch.setattr(estimator, "VALUES_AT_A_TIME", 20 * own.estimation.length)
    found = own.ordinary_p_values(window)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize("case", CASES)
def test_running_sums_give_p_values_of_every_ordinary_session(case, monkeypatch):
    panel, choices = CASES[case]
    groups = {"A": "second", "B": "second", "C": "first", "D": "second"}
    own = study(panel_frame(**panel), groups=groups, **choices)
    expected = own.placebo((-2, 3)).p_values((-2, 3), ordinary.TESTED)
    assert expected["p_value"].notna().sum() > 40
    monkeypatch.setattr(EventStudy, "_estimate_ordinary", None)
    found = {}
    for values in (1, 45 * 3 * 7, 10**9):
        monkeypatch.setattr(ordinary, "VALUES_AT_A_TIME", values)
        found[values] = own.ordinary_p_values((-2, 3), ordinary.TESTED)
        pd.testing.assert_frame_equal(found[values], expected, rtol=1e-9, atol=0)
    pd.testing.assert_frame_equal(found[1], found[10**9], check_exact=True)


@pytest.mark.parametrize(
    "choices",
    [
        {"model": Dimson(), **ONE},
        {"estimation": EstimationWindow(window=(-45, 3), minimum=30, mask=False)},
        {"estimation": replace(MOVING, anchor="first"), "apart": True},
    ],
)
def test_p_values_that_running_sums_do_not_give_are_those_of_the_placebo(choices):
    own, names = study(panel_frame(gaps=True), **choices), ("bmp", "time_series_t")
    expected = own.placebo((0, 1)).p_values((0, 1), names)
    assert expected["p_value"].notna().sum() > 40
    found = own.ordinary_p_values((0, 1), names)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("time_series_t", lambda first, own: 0.002 - first),
        ("time_series_t", lambda first, own: 0.002 - first + 1e-6 * own),
        ("adjusted_bmp", lambda first, own: 0.002 - first + 1e-6 * own),
        ("cross_sectional_t", lambda first, own: first),
        ("cross_sectional_t", lambda first, own: first + 1e-6 * own),
        ("bmp", lambda first, own: 3.1 * first),
        ("skewness_t", lambda first, own: first),
    ],
)
def test_p_values_of_what_rounding_may_decide_are_those_of_the_placebo(name, second):
    frame = panel_frame(gaps=False)
    frame = frame[frame["ticker"].isin(["A", "B"])].copy()
    first, own = frame["return"].to_numpy().reshape(2, COUNT)
    frame["return"] = np.concatenate([first, second(first, own)])
    alone = study(frame, model=ConstantMean())
    expected = alone.placebo((0, 1)).p_values((0, 1), [name])
    found = alone.ordinary_p_values((0, 1), [name])
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_without_an_ordinary_session_there_is_no_p_value():
    own = study(panel_frame(gaps=False))
    found = own.ordinary_p_values((0, COUNT))
    assert found.empty
    assert list(found) == ["event_id", "group", "test", "p_value"]
    pd.testing.assert_frame_equal(own.ordinary_p_values((0, COUNT), ["bmp"]), found)
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


def test_small_residuals_beside_large_ones_are_no_rounding() -> None:
    # 4 sessions less 2 parameters: s = sqrt(4/2) times their size; 1'V1/s^2 = 1
    turn = np.array([1.0, -1.0, 1.0, -1.0])
    residuals, members = np.stack([1e-15 * turn, turn]), np.eye(2, dtype=np.bool_)
    found = portfolio_errors(residuals, np.isfinite(residuals), np.full(2, 2), np.ones(2), members)
    assert found == pytest.approx(np.sqrt(2) * np.array([1e-15, 1.0]), rel=1e-12)


def test_a_group_of_which_some_sessions_have_nobody_is_fitted_on_the_others(monkeypatch) -> None:
    # D, alone in a group of its own, is listed 60 sessions after the others.
    groups = {name: "late" if name == "D" else "early" for name in NAMES}
    own = study(panel_frame(gaps=True, first=60), groups=groups)
    rolled = own.ordinary_caars((0, 1))
    monkeypatch.setattr(EventStudy, "_rolls", lambda *_: False)
    monkeypatch.setattr(estimator, "VALUES_AT_A_TIME", own.estimation.length)
    assert set(rolled["group"]) == {"early", "late"}
    pd.testing.assert_frame_equal(own.ordinary_caars((0, 1)), rolled, rtol=1e-9)
