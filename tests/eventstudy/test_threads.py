"""Results hang on no number of threads, and who calls keeps those it had."""

import sys
from threading import Event, Thread

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from chainpolicy.estimators import EventDummySystem
from chainpolicy.eventstudy import EstimationWindow, EventStudy, FactorCounterfactual
from chainpolicy.eventstudy.threads import one_thread
from chainpolicy.study.remember import remembered

SESSIONS = pd.bdate_range("2019-01-01", periods=320)
SEVERAL = 4


def threads() -> set[int]:
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


def test_a_study_is_computed_in_one_thread_and_the_callers_are_left(template):
    @remembered
    def inside(study):
        import scipy.linalg  # noqa: F401

        with one_thread():
            return frozenset(threads())

    with threadpool_limits(SEVERAL):
        assert threads() == {SEVERAL}
        assert inside(template.copy()) == {1}
        assert threads() == {SEVERAL}
    assert "scipy.linalg" in sys.modules


def test_what_was_there_is_restored_after_an_error_and_another_thread_changes_nothing():
    with threadpool_limits(SEVERAL):
        with pytest.raises(ZeroDivisionError), one_thread():
            1 / 0  # noqa: B018
        assert threads() == {SEVERAL}
        begun, left = Event(), Event()

        def beside() -> None:
            with one_thread():
                begun.set()
                left.wait(60)

        other = Thread(target=beside)
        other.start()
        assert begun.wait(60)
        with one_thread():
            assert threads() == {1}
            left.set()
            other.join()
            assert threads() == {1}
        assert threads() == {SEVERAL}


@pytest.fixture(scope="module")
def market():
    """120 assets of which some returns are missing, and an event of all of them."""
    rng = np.random.default_rng(0)
    names = [f"T{number:03d}" for number in range(120)]
    common = rng.normal(0, 0.01, len(SESSIONS))
    values = common + rng.normal(0, 0.02, (len(names), len(SESSIONS)))
    values[rng.random(values.shape) < 0.02] = np.nan
    frame = pd.DataFrame(
        {
            "ticker": np.repeat(names, len(SESSIONS)),
            "session": np.tile(SESSIONS, len(names)),
            "return": values.ravel(),
            "market": np.tile(common, len(names)),
        }
    )
    events = pd.DataFrame({"event_id": "e", "ticker": names, "event_session": SESSIONS[290]})
    return frame, events


def ordinary(market, _):
    study = EventStudy(*market, estimation=EstimationWindow(window=(-150, -11)))
    return study.ordinary_p_values((0, 1), ("time_series_t", "adjusted_bmp"))


def factors(market, _):
    frame, events = market
    rng = np.random.default_rng(1)
    names = [f"D{number:03d}" for number in range(500)]
    donors = pd.DataFrame(rng.normal(0, 0.02, (len(SESSIONS), len(names))), SESSIONS, names)
    own = events["ticker"].head(3).tolist()
    returns = frame[frame["ticker"].isin(own)].fillna({"return": 0.0})
    study = EventStudy(
        returns.merge(donors, left_on="session", right_index=True),
        events[events["ticker"].isin(own)],
        model=FactorCounterfactual(n_factors=4),
        estimation=EstimationWindow(window=(-260, -11)),
        benchmarks=dict.fromkeys(own, tuple(names)),
    )
    return study.fit().car((0, 1))


def system(_, study):
    # A copy remembers nothing.
    return EventDummySystem.from_study(study.copy()).fit().effects()


@pytest.mark.parametrize("compute", [ordinary, factors, system])
def test_several_threads_change_no_bit(market, study, compute):
    found = []
    for number in (1, SEVERAL):
        with threadpool_limits(number):
            found.append(compute(market, study))
    assert len(found[0])
    pd.testing.assert_frame_equal(*found, check_exact=True)
