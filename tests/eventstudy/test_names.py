"""What events and assets are called, and that what a study gives can be sent to another process."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from chainpolicy.eventstudy import EstimationWindow, EventStudy

SESSIONS = pd.bdate_range("2019-01-01", periods=80)


def study(event_ids: object, tickers: tuple[str, ...] = ("A", "B")) -> EventStudy:
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame({"ticker": name, "session": SESSIONS, "return": rng.normal(0, 0.01, 80)})
        for name in ("A", "B")
    ]
    sessions = SESSIONS[[65, 72]].repeat(len(tickers))
    alignment = pd.DataFrame({"ticker": tickers * 2, "event_session": sessions})
    alignment["event_id"] = pd.Series(event_ids).repeat(len(tickers)).to_numpy()
    estimation = EstimationWindow(window=(-50, -2), minimum=30)
    return EventStudy(
        pd.concat(frames),
        alignment,
        estimation=estimation,
        event_window=(0, 1),
        model="constant_mean",
    )


@pytest.mark.parametrize(
    ("event_ids", "names"),
    [
        (pd.to_datetime(["2019-04-02", "2019-04-11"]), ["2019-04-02", "2019-04-11"]),
        (pd.Series([True, 1], dtype=object), ["1", "True"]),
        (pd.Series([7, 12]), ["12", "7"]),
        (pd.Categorical(["x", "y"]), ["x", "y"]),
    ],
)
def test_an_event_has_one_name_wherever_it_is_named(event_ids, names):
    results = study(event_ids).fit()
    assert results.pairs["event_id"].drop_duplicates().tolist() == names
    pooled = results.pool(dict.fromkeys(names, "kind"), (0, 1))
    assert pooled.tidy()["n_clusters"].tolist() == [2]
    assert sorted(results.pool("event_id", (0, 1)).tidy()["label"]) == names


def test_assets_without_returns_are_named_in_the_order_of_the_alignment():
    with pytest.raises(ValueError, match=r"no returns are given for Z, Y$"):
        study(["e", "f"], ("A", "Z", "Y"))
    results = study(["e", "f"]).fit()
    with pytest.raises(ValueError, match=r"no returns are given for Z$"):
        results.ordinary_scaar((0, 1), "all", [("A", "Z")])


@pytest.mark.parametrize("storage", ["object", "str", "string[python]", "string[pyarrow]"])
def test_a_blank_name_is_refused_however_text_is_stored(storage):
    returns = pd.DataFrame(
        {"ticker": ["A"] * 79 + [None], "session": SESSIONS, "return": 0.01 * np.arange(80)}
    ).astype({"ticker": storage})
    alignment = pd.DataFrame({"event_id": ["e"], "ticker": "A", "event_session": SESSIONS[[65]]})
    with pytest.raises(ValueError, match=r"^returns: a ticker is blank$"):
        EventStudy(returns, alignment)


def test_results_can_be_sent_to_another_process():
    given = study(["e", "f"])
    results = given.fit()
    for sent, show in (
        (results, lambda one: one.caar((0, 1))),
        (given.placebo((0, 1)), lambda one: one.caar((0, 1))),
        (results.pool(window=(0, 1)), lambda one: one.tidy()),
    ):
        pd.testing.assert_frame_equal(show(pickle.loads(pickle.dumps(sent))), show(sent))
