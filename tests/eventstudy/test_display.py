"""What results show: a picture on own or given axes, a summary as text, HTML and LaTeX."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from chainpolicy.eventstudy import EstimationWindow, EventStudy, EventStudyResults, Summary
from chainpolicy.eventstudy.display import _choose


@pytest.fixture(scope="module")
def results() -> EventStudyResults:
    """Two groups, two events of one group, an effect of 5 % on the event session."""
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2020-01-01", periods=160)
    at = {"first & best": 100, "second": 140}
    frames = []
    for ticker in ("A", "B", "C"):
        values = rng.normal(0, 0.01, len(days))
        values[list(at.values())] += 0.05
        frames.append(pd.DataFrame({"ticker": ticker, "session": days, "return": values}))
    rows = [("first & best", t) for t in "ABC"] + [("second", t) for t in "AB"]
    alignment = pd.DataFrame(rows, columns=["event_id", "ticker"])
    alignment["event_session"] = [days[at[event]] for event in alignment["event_id"]]
    return EventStudy(
        pd.concat(frames),
        alignment,
        groups={"A": "many", "B": "many", "C": "one"},
        estimation=EstimationWindow((-80, -6), minimum=40),
        event_window=(-5, 5),
    ).fit()


def lines(ax) -> dict[str, np.ndarray]:
    handles, labels = ax.get_legend_handles_labels()
    return {n: np.column_stack(h.get_data()) for h, n in zip(handles, labels, strict=True)}


@pytest.mark.parametrize(("start", "first"), [("window", -5), ("event", 0)])
def test_the_picture_is_the_sum_of_abnormal_returns(results, start, first):
    ax = results.plot("first & best", ax=Figure().subplots(), cumulate_from=start)
    drawn = lines(ax)
    assert drawn.keys() == {"many", "one"}
    returns = results.abnormal_returns.query("event_id == 'first & best' and tau >= @first")
    for group, tickers in (("many", ["A", "B"]), ("one", ["C"])):
        mean = returns[returns["ticker"].isin(tickers)].groupby("tau")["abnormal"].mean()
        np.testing.assert_array_equal(drawn[group][:, 0], mean.index)
        np.testing.assert_allclose(drawn[group][:, 1], mean.cumsum(), atol=1e-12)
    assert ax.get_ylabel() == f"CAAR[{first}, tau] (%)"
    assert "sessions" in ax.get_xlabel()
    # A decimal of 0.05 stands as 5 on an axis in percent, which its label says.
    assert float(ax.yaxis.get_major_formatter()(0.05)) == 5
    for band, (group, path) in zip(ax.collections, drawn.items(), strict=True):
        bounds = results.caar_path("first & best", group, first)[["lower", "upper"]]
        corners = band.get_paths()[0].vertices
        assert {*corners[:, 1].round(12)} == {*bounds.to_numpy().ravel().round(12)}
        assert set(corners[:, 0]) == set(path[:, 0])
    # Zero across, and where sessions before the event are shown, the event session.
    straight = [line for line in ax.lines if line.get_label().startswith("_")]
    assert list(straight[0].get_ydata()) == [0, 0]
    assert [list(line.get_xdata()) for line in straight[1:]] == [[0, 0]] * (first < 0)


def test_some_groups_are_drawn_in_the_order_that_is_asked_for(results):
    ax = results.plot("first & best", ["one"], ax=Figure().subplots())
    assert list(lines(ax)) == ["one"]
    ax = results.plot("first & best", ["one", "many"], ax=Figure().subplots())
    assert list(lines(ax)) == ["one", "many"]


def test_own_axes_are_made_and_given_ones_are_returned(results):
    given = Figure().subplots()
    assert results.plot("second", ax=given) is given
    own = results.plot("second")
    assert own is plt.gca()
    plt.close(own.figure)


def test_what_there_is_to_choose_from_is_named(results):
    with pytest.raises(ValueError, match=r"^choose one event; there are first & best, second$"):
        results.plot()
    with pytest.raises(ValueError, match=r"^no event 'scond' was estimated; there are first & b"):
        results.plot("scond")
    with pytest.raises(ValueError, match=r"^no group 'one' was estimated; there are many$"):
        results.plot("second", "one")
    with pytest.raises(ValueError, match=r"^cumulate_from is 'start'; expected 'window' or 'even"):
        results.plot("second", cumulate_from="start")


@pytest.mark.parametrize(("n_events", "more"), [(20, ""), (21, " and 1 more"), (23, " and 3 more")])
def test_of_many_choices_twenty_are_named(n_events, more):
    events = [f"event {number}" for number in range(n_events)]
    with pytest.raises(ValueError, match=f"event 18, event 19{more}$"):
        _choose("event", None, events)


def test_the_summary_is_text_html_and_latex(results):
    summary = results.summary((0, 1))
    assert isinstance(summary, Summary)
    caar = summary.frame.loc[("first & best", "many"), "caar"]
    both = results.car((0, 1)).query("event_id == 'first & best' and ticker != 'C'")["car"]
    assert caar == pytest.approx(both.mean(), abs=1e-12)
    for text in (str(summary), repr(summary), summary.to_html(), summary.to_latex()):
        assert f"{caar:.4f}" in text
    assert "first &amp; best" in summary.to_html() == summary._repr_html_()
    assert r"first \& best & many & 2 & " in summary.to_latex()
    assert results._repr_html_().startswith("<p>Mean effects over [0, 1]</p><table")


def test_negative_numbers_and_gaps_in_latex():
    frame = pd.DataFrame({"a_b": [-0.5, np.nan]}, pd.Index(["x < 1 %", "\\"], name="k"))
    body = Summary(frame).to_latex().splitlines()
    assert body[2:6:2] == [r"k & a\_b \\", r"x $<$ 1 \% & $-$0.5000 \\"]
    assert body[5] == r"\textbackslash{} &  \\"
    assert len(body) == 8
    assert (body[0], body[-1]) == (r"\begin{tabular}{lr}", r"\end{tabular}")


def test_a_summary_says_what_its_numbers_are(results):
    of_one, of_all = results.summary((0, 1)), results.pool(window=(0, 1)).summary()
    for summary in (of_one, of_all):
        assert str(summary).endswith(f"\n{summary.note}")
        assert summary.to_html().endswith(f"<p>{summary.note}</p>")
    columns = of_one.frame.shape[1] + 2
    assert of_one.to_latex().splitlines()[-2] == (
        rf"\multicolumn{{{columns}}}{{l}}"
        r"{CAAR[0, 1] as a decimal; \_p: two-sided, not adjusted for the rows}"
    )


def test_pooled_effects_show_themselves(results):
    pooled = results.pool(window=(0, 1))
    ax = pooled.plot(Figure().subplots())
    table = pooled.tidy()
    marks, zero = ax.lines
    assert marks.get_marker() == "D"
    assert list(zero.get_xdata()) == [0, 0]
    np.testing.assert_allclose(marks.get_xdata(), table["mean"])
    ends = np.array([segment[:, 0] for segment in ax.collections[0].get_segments()])
    np.testing.assert_allclose(ends, table[["lower", "upper"]].to_numpy())
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        *["all, many (2 clusters)", "all, one (1 cluster)"]
    ]
    assert "%" in ax.get_xlabel()
    assert float(ax.xaxis.get_major_formatter()(0.05)) == 5
    for text in (str(pooled), pooled.summary().to_latex()):
        assert f"{table['mean'][0]:.4f}" in text
    assert "<table" in pooled._repr_html_()
