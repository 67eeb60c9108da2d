"""Figures: what is drawn is what the frame says, and what the frame says is right."""

from __future__ import annotations

import gc
import io
import re
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image
from scipy import stats

from chainpolicy import checks, figures
from chainpolicy.figures import canvas, event_study, panels, pooled, selection, style
from chainpolicy.figures.canvas import column_labels
from chainpolicy.figures.frames import caar_segments
from chainpolicy.figures.panels import date_axis
from chainpolicy.figures.selection import leading_window
from chainpolicy.figures.style import (
    group_styles,
    png_bytes,
    shorten,
    shorten_all,
    spread,
    undrawable,
    vector_bytes,
)
from chainpolicy.study import Study, load_study
from chainpolicy.study.problems import InputError
from made_study import event, made_study
from places import ROOT
from small_study import only

EMBEDDED_GROUPS = ["bitcoin", "coins", "a_shares_tier1", "a_shares_tier2", "us_listed"]
SIZES = {"bitcoin": 1, "coins": 4, "a_shares_tier1": 38, "a_shares_tier2": 8, "us_listed": 9}
SPECS = {spec.name: spec for spec in figures.FIGURES}

Drawn = tuple[Figure, pd.DataFrame]


# Their numbers take minutes: `regenerate --check` compares the kept ones with a computation, and
# tests of the checks with an independent one. How they are drawn is seen on the kept numbers.
KEPT = {
    "counterfactual_ladder": "chainpolicy.figures.ladder.ladder",
    "specification_curve": "chainpolicy.figures.robustness.specification_curve",
    "coding_multiverse": "chainpolicy.figures.policy.stance_codings",
}


@pytest.fixture(scope="module")
def drawn(study: Study) -> dict[str, Drawn]:
    found = {name: spec.draw(study) for name, spec in SPECS.items() if name not in KEPT}
    # What a study remembers must be its own.
    other = replace(study)
    with pytest.MonkeyPatch.context() as patch:
        for name, computed in KEPT.items():
            table = pd.read_csv(ROOT / "figures" / f"{name}.csv")
            patch.setattr(computed, lambda *_, table=table: table)
            found[name] = SPECS[name].draw(other)
    return found


def write_study(folder: Path, *, in_sample: str = "yes", name: str = "Coin") -> Study:
    """One 24/7 asset without group or benchmark, one event, a short window without [0, 1]."""
    days = pd.date_range("2021-01-01", periods=120)
    steps = np.random.default_rng(5).normal(0, 0.02, len(days))
    closes = pd.DataFrame({"date": days, "ticker": "X", "close": 40 * np.exp(np.cumsum(steps))})
    closes.to_csv(folder / "prices.csv", index=False, date_format="%Y-%m-%d")
    (folder / "assets.csv").write_text(f"ticker,calendar,name\nX,24/7,{name}\n", encoding="utf-8")
    (folder / "events.csv").write_text(
        "event_id,announced_at,in_sample,reason\n"
        f"a $ and b $ 中国,2021-04-10T12:00+08:00,{in_sample},a reason\n",
        encoding="utf-8",
    )
    (folder / "study.toml").write_text(
        '[study]\nname = "tiny"\n[prices]\nfile = "prices.csv"\n[returns]\nkind = "simple"\n'
        "[estimation]\nwindow = [-80, -4]\n[event]\nwindow = [-3, 4]\ncar_windows = [[0, 0]]\n",
        encoding="utf-8",
    )
    return load_study(folder)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return write_study(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tiny_drawn(tiny: Study) -> dict[str, Drawn]:
    return {name: spec.draw(tiny) for name, spec in SPECS.items() if name not in NOT_SHOWN}


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw without a layout, a third of the time, what a test looks at in a study of its own.

    A study that others share would remember a figure without one.
    """
    monkeypatch.setattr(canvas, "_settle", lambda figure: None)


def lacking(name: str, study: Study) -> str:
    """Say why a study does not have a figure."""
    with pytest.raises(figures.NothingToDrawError) as caught:
        SPECS[name].draw(study)
    return str(caught.value)


def drawn_lines(ax: Axes, marker: str | None = None) -> list[np.ndarray]:
    """Points of the lines of an axes that hold data, as (x, y) columns."""
    chosen = [line for line in ax.lines if marker is None or line.get_marker() == marker]
    return [np.column_stack([line.get_xdata(), line.get_ydata()]) for line in chosen]


def texts(figure: Figure) -> list[str]:
    """What the figure says, ticks or not."""
    return [text.get_text() for text in figure.findobj(Text)]


def printed(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Bbox]]:
    """Every text that is drawn, with its place; labels of ticks off the axis are not."""
    found: dict[int, tuple[str, Bbox]] = {}
    draw = Text.draw

    def remember(text: Text, renderer: RendererBase) -> None:
        if text.get_visible() and text.get_text().strip():
            found[id(text)] = (text.get_text(), text.get_window_extent(renderer))
        draw(text, renderer)

    monkeypatch.setattr(Text, "draw", remember)
    figure.draw_without_rendering()
    return list(found.values())


def heading(ax: Axes) -> str:
    return ax.get_title(loc="left")


# --- the registry -----------------------------------------------------------------------------


def test_every_figure_of_the_embedded_study_has_numbers(drawn):
    assert len(drawn) == len(figures.FIGURES)
    for figure, frame in drawn.values():
        assert len(frame) >= 10
        assert figure.axes


@pytest.mark.parametrize("name", SPECS)
def test_no_text_is_cut_off_or_lies_on_another(drawn, name, monkeypatch):
    figure, _ = drawn[name]
    found = printed(figure, monkeypatch)
    assert len(found) >= 12
    page = figure.bbox
    boxes = np.array([box.extents for _, box in found])
    for (text, _), (x0, y0, x1, y1) in zip(found, boxes, strict=True):
        assert page.x0 <= x0 + 0.5, text
        assert page.y0 <= y0 + 0.5, text
        assert page.x1 >= x1 - 0.5, text
        assert page.y1 >= y1 - 0.5, text
    # Boxes hold the room of ascenders and descenders that most letters do not use.
    low, high = np.sort([boxes[:, :2] + 1.5, boxes[:, 2:] - 1.5], axis=0)
    apart = ((high[:, None] < low) | (low[:, None] > high)).any(axis=2)
    assert [(found[i][0], found[j][0]) for i, j in np.argwhere(~apart) if i < j] == []


# --- price and events -------------------------------------------------------------------------


def test_price_is_the_snapshot_around_the_events(drawn, study):
    figure, frame = drawn["price_with_events"]
    line = figure.axes[1].lines[0]
    prices = frame.drop_duplicates("date")
    np.testing.assert_array_equal(line.get_ydata(), prices["close"])
    bitcoin = study.prices[study.prices["ticker"] == "BTC-USD"].set_index("date")["close"]
    np.testing.assert_array_equal(bitcoin.loc[prices["date"]], prices["close"])
    # No table names a currency.
    assert figure.axes[1].get_ylabel() == "Bitcoin (BTC-USD)\nclose as in prices.csv"
    # Ten days before the first event of the sample to twenty after the last.
    assert prices["date"].min() == pd.Timestamp("2019-09-28")
    assert prices["date"].max() == pd.Timestamp("2020-01-23")


def test_stances_stand_above_the_price(drawn):
    figure, frame = drawn["price_with_events"]
    above = figure.axes[0]
    events = frame[frame["event_id"].notna()].set_index("event_id")
    assert len(events) == 26
    assert events.loc["xi-politburo", "date"] == pd.Timestamp("2019-10-25")
    for row, stance in enumerate(["stance_crypto", "stance_blockchain"]):
        for value, marker in ((1, "^"), (-1, "v"), (0, "_")):
            points = [p for line in drawn_lines(above, marker) for p in line if p[1] == row]
            assert len(points) == (events[stance] == value).sum()
    # By hand from the catalogue: ten notices against coins, the cooling call and a speech.
    assert (events["stance_crypto"] == -1).sum() == 12
    assert (events["stance_blockchain"] == -1).sum() == 1


def test_events_above_the_price_keep_names_that_tell_them_apart():
    names = [f"notice-of-the-committee-{number}-on-offerings-of-coins" for number in (1, 2)]
    dates = pd.to_datetime(["2021-01-01", "2021-02-01"])
    events = pd.DataFrame({"event_id": names, "date": dates, "stance_crypto": 1})
    above, below = Figure().subplots(2)
    below.set_xlim(date2num(pd.to_datetime(["2020-12-01", "2021-03-01"])))
    panels.plot_stances(events, above, below)
    assert len({text.get_text() for text in above.texts}) == 2


def test_price_that_multiplies_gets_a_log_scale():
    days = pd.date_range("2017-01-01", periods=300)
    look = group_styles(["bitcoin"])["bitcoin"]
    for factor, scale in ((2.9, "linear"), (3.1, "log")):
        ax = Figure().subplots()
        panels.plot_price(pd.Series(np.linspace(1000, 1000 * factor, 300), days), ax, look, "B")
        assert ax.get_yscale() == scale


positions = st.lists(st.floats(-100, 100), max_size=30).map(sorted)


@given(positions, st.floats(0.01, 20))
def test_spread_keeps_order_distance_and_bounds(where, gap):
    moved = spread(where, gap, -120, 120)
    assert len(moved) == len(where)
    if where:
        assert moved.min() >= -120 - 1e-9
        assert moved.max() <= 120 + 1e-9
    room = min(gap, 240 / (len(where) - 1)) if len(where) > 1 else gap
    assert (np.diff(moved) >= room - 1e-9).all()


def test_spread_moves_a_pair_apart_by_equal_parts_and_leaves_the_rest():
    np.testing.assert_allclose(spread([0, 10, 10, 30], 4, -50, 50), [0, 8, 12, 30])


# --- CAAR -------------------------------------------------------------------------------------


def caar_by_hand(results, study, event_id: str, group: str, start: int, stop: int) -> pd.Series:
    abnormal = results.abnormal_returns.query(
        "event_id == @event_id and tau >= @start and tau <= @stop"
    )
    members = study.groups.index[study.groups == group]
    table = abnormal.pivot_table(index="tau", columns="ticker", values="abnormal")[list(members)]
    return table.mean(axis=1).cumsum()


@pytest.mark.parametrize("group", EMBEDDED_GROUPS)
def test_caar_is_the_cumulated_mean_and_is_what_is_drawn(drawn, study, results, group):
    figure, frame = drawn["caar_paths"]
    frame = frame[frame["group"] == group]
    ax = figure.axes[EMBEDDED_GROUPS.index(group)]
    assert f"(N = {SIZES[group]})" in heading(ax)
    assert frame["n_assets"].eq(SIZES[group]).all()
    bands = [band for band in ax.collections if band.get_alpha()]
    paths = [line for line in drawn_lines(ax, "None") if len(line) > 2]
    for (start, part), line, band in zip(frame.groupby("start"), paths, bands, strict=True):
        stop = -1 if start < 0 else 20
        expected = caar_by_hand(results, study, "xi-politburo", group, int(start), stop)
        np.testing.assert_array_equal(part["tau"], expected.index)
        np.testing.assert_allclose(part["caar"], expected, atol=1e-12)
        np.testing.assert_array_equal(line, part[["tau", "caar"]])
        vertices = band.get_paths()[0].vertices
        for tau, lower, upper in part[["tau", "lower", "upper"]].itertuples(index=False):
            at = vertices[vertices[:, 0] == tau][:, 1]
            assert at.min() == pytest.approx(lower, abs=1e-12)
            assert at.max() == pytest.approx(upper, abs=1e-12)


def test_band_of_one_asset_is_that_of_its_car(drawn, results):
    _, frame = drawn["caar_paths"]
    row = frame.query("group == 'bitcoin' and tau == 1").iloc[0]
    car = results.car((0, 1)).query("ticker == 'BTC-USD' and event_id == 'xi-politburo'").iloc[0]
    model = results.models.query("ticker == 'BTC-USD' and event_id == 'xi-politburo'").iloc[0]
    # Constant mean: one parameter.
    half = stats.t.ppf(0.975, model["n_estimation"] - 1) * car["std_error"]
    assert row["upper"] - row["caar"] == pytest.approx(half, rel=1e-10)


def test_hollow_markers_where_a_tenth_of_the_group_is_at_a_limit(drawn):
    figure, frame = drawn["caar_paths"]
    tier1 = frame[frame["group"] == "a_shares_tier1"]
    hollow = [
        tuple(point)
        for line in figure.axes[2].lines
        if line.get_markerfacecolor() == "white"
        for point in np.column_stack(line.get_data())
    ]
    # 3.8 of 38 names: four or more.
    censored = tier1[tier1["share_at_limit"] * 38 > 3.5]
    assert sorted(hollow) == sorted(map(tuple, censored[["tau", "caar"]].to_numpy()))
    assert {0, 1, 2, 3} <= set(censored["tau"])


def test_segments_follow_the_event_window(study):
    def segments(*window: int) -> list[tuple[int, int, int]]:
        results = replace(study, event_window=window).estimate()
        path = caar_segments(results, "xi-politburo", "bitcoin")
        spans = path.groupby("start")["tau"].agg(["min", "max"])
        return list(spans.itertuples(name=None))

    assert segments(-2, 3) == [(-2, -2, -1), (0, 0, 3)]
    assert segments(0, 3) == [(0, 0, 3)]
    assert segments(1, 3) == [(1, 1, 3)]
    assert segments(-4, -2) == [(-4, -4, -2)]


def test_clusters_merge_the_events_of_one_session(drawn):
    figure, frame = drawn["caar_clusters"]
    drawn_pairs = set(zip(frame["event_id"], frame["group"], strict=True))
    one_session = {
        "a_shares_tier1": [
            *("cryptography-law", "huang-dcep-bund", "ndrc-mining-catalogue"),
            *("brics-settlement-coin", "fundraising-letter", "beijing-strikes-on-sight"),
        ],
        "us_listed": [
            *("huang-dcep-bund", "peoples-daily-rationality"),
            *("cctv-focus-scams", "beijing-strikes-on-sight"),
        ],
        "bitcoin": [
            *("peoples-daily-rationality", "cctv-focus-scams", "beijing-strikes-on-sight"),
        ],
    }
    for group, merged in one_session.items():
        for event_id in merged:
            assert (event_id, group) not in drawn_pairs
        others = frame.loc[frame["group"] == group, "event_id"].nunique()
        assert others == 26 - len(merged)
    for group, ax in zip(EMBEDDED_GROUPS, figure.axes, strict=True):
        lines = [held for held in ax.collections if isinstance(held, LineCollection)]
        paths = [path for held in lines for path in held.get_segments() if len(path) > 2]
        of_group = frame[frame["group"] == group].groupby(["event_id", "start"], sort=False)
        expected = [part[["tau", "caar"]].to_numpy() for _, part in of_group if len(part) > 2]
        # Each in a row of its own, all of a group in one unit.
        sizes = (max(np.ptp(one[:, 1]) for one in several) for several in (paths, expected))
        shapes, given = (
            sorted((*one[:, 0], *np.round(np.diff(one[:, 1]) / size, 6)) for one in several)
            for several, size in zip((paths, expected), sizes, strict=True)
        )
        assert shapes == given


def test_forest_intervals(drawn, study, results):
    figure, frame = drawn["forest"]
    car = results.car((0, 1))
    car["group"] = car["ticker"].map(study.groups)
    caar = car.groupby(["event_id", "group"])["car"].mean()
    counts = car.groupby(["event_id", "group"]).size()
    keys = list(zip(frame["event_id"], frame["group"], strict=True))
    np.testing.assert_allclose(frame["caar"], caar.loc[keys], atol=1e-14)
    np.testing.assert_array_equal(frame["n_assets"], counts.loc[keys])
    away = (frame["lower"] > 0) | (frame["upper"] < 0)
    np.testing.assert_array_equal(away, frame["p_value"] < 0.05)
    # The t distribution with the portfolio's degrees of freedom gives the p-value back: for
    # one asset on its mean they are M - 1.
    bitcoin = frame[frame["group"] == "bitcoin"]
    months = results.models.query("ticker == 'BTC-USD'").set_index("event_id")["n_estimation"]
    for row in bitcoin.itertuples():
        degrees = months[row.event_id] - 1
        error = (row.upper - row.caar) / stats.t.ppf(0.975, degrees)
        p_value = 2 * stats.t.sf(abs(row.caar) / error, degrees)
        assert p_value == pytest.approx(row.p_value, rel=1e-9)

    assert frame.set_index(["event_id", "group"]).loc[("xi-politburo", "a_shares_tier1")][
        "with_events"
    ] == ("cryptography-law;huang-dcep-bund")
    for group, ax in zip(EMBEDDED_GROUPS, figure.axes, strict=True):
        of_group = frame[frame["group"] == group]
        marker = group_styles(EMBEDDED_GROUPS)[group].marker
        points = np.concatenate(drawn_lines(ax, marker))
        np.testing.assert_array_equal(np.sort(points[:, 0]), np.sort(of_group["caar"]))
        filled = [
            value
            for line in ax.lines
            if line.get_marker() == marker and line.get_markerfacecolor() != "white"
            for value in line.get_xdata()
        ]
        np.testing.assert_array_equal(
            np.sort(filled), np.sort(of_group["caar"][of_group["p_value"] < 0.05])
        )


# --- heatmap and limits -----------------------------------------------------------------------


def test_heatmap_shows_every_car_once(drawn, results):
    figure, frame = drawn["car_heatmap"]
    ax = figure.axes[0]
    assert frame["ticker"].nunique() == sum(SIZES.values())
    meshes = [mesh for mesh in ax.collections if mesh.get_array() is not None]
    shown = np.concatenate([mesh.get_array().ravel() for mesh in meshes])
    np.testing.assert_array_equal(shown, frame["car"])
    car = results.car((0, 1)).set_index(["event_id", "ticker"])["car"]
    keys = list(zip(frame["event_id"], frame["ticker"], strict=True))
    np.testing.assert_array_equal(frame["car"], car.loc[keys])

    significant = frame["p_value"] < 0.05
    for marker, chosen in (("+", frame["car"] > 0), ("_", frame["car"] < 0)):
        marks = sum(len(line) for line in drawn_lines(ax, marker))
        assert marks == (significant & chosen).sum() > 0
    for marker, side in (("^", "upper"), ("v", "lower")):
        marks = sum(len(line) for line in drawn_lines(ax, marker))
        at_limit = (frame["limit"] == side) | (frame["limit_before"] == side)
        assert marks == at_limit.sum() > 0


def test_heatmap_cells_cover_the_events_they_stand_for(drawn):
    figure, frame = drawn["car_heatmap"]
    meshes = [mesh for mesh in figure.axes[0].collections if mesh.get_array() is not None]
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    xi = [name.startswith("xi-politburo") for name in names].index(True)
    first = 0
    for mesh in meshes:
        count = mesh.get_array().size
        cells = frame.iloc[first : first + count]
        first += count
        edges = mesh.get_coordinates()[0, :, 0]
        # Beijing shares its session with the central bank everywhere and has no column.
        others = cells["with_events"].str.replace("beijing-strikes-on-sight", "")
        np.testing.assert_array_equal(np.diff(edges), 1 + others.str.count(r"[^;]+").to_numpy())
        # All 26 but Beijing.
        assert edges[-1] == 25
        # The Politburo session, the law and a speech are one session of A-shares only.
        width = np.diff(edges)[list(edges).index(xi)]
        assert width == (3 if cells["group"].iloc[0].startswith("a_shares") else 1)


def test_heatmap_colours_are_centred_at_zero_and_a_missing_car_is_grey():
    cells = pd.DataFrame(
        {"row": 0.0, "column": [0, 1, 2], "width": 1, "car": [-0.3, 0.0, np.nan]}
        | {"p_value": [0.01, 1.0, np.nan], "limit": "", "limit_before": ""}
    )
    ax = panels.plot_car_heatmap(cells, Figure().subplots(), 0.2)
    mesh = ax.collections[0]
    assert (mesh.norm.vmin, mesh.norm.vmax) == (-0.2, 0.2)
    red, white, grey = mesh.to_rgba(mesh.get_array().ravel())
    assert red[0] > red[2] + 0.2
    assert min(white[:3]) > 0.95
    assert mpl.colors.same_color(grey, panels.MISSING)
    labels = [handle.get_label() for handle in panels.heatmap_handles(cells)]
    assert "no CAR" in labels
    assert not any("limit" in label for label in labels)


def test_names_at_limit(drawn):
    figure, frame = drawn["names_at_limit"]
    tier1 = frame[frame["group"] == "a_shares_tier1"].set_index("tau")
    # Published: 32 of the 38 names closed at the upper limit on 28 October.
    assert tier1.loc[0, "session"] == pd.Timestamp("2019-10-28")
    assert (tier1.loc[0, "upper"], tier1.loc[0, "n_assets"]) == (32, 38)
    for (_, counts), ax in zip(frame.groupby("group"), figure.axes, strict=True):
        bars = {}
        for bar in ax.patches:
            bars.setdefault(round(bar.get_x() + bar.get_width() / 2), []).append(bar.get_height())
        for row in counts.itertuples():
            expected = [height for height in (row.upper, -row.lower) if height]
            assert sorted(bars.get(row.tau, [])) == sorted(expected)


def test_names_that_were_ever_at_a_limit(drawn, results, study):
    figure, frame = drawn["names_at_limit"]
    abnormal = results.abnormal_returns.query("event_id == 'xi-politburo'")
    for (group, counts), ax in zip(frame.groupby("group"), figure.axes, strict=True):
        members = abnormal[abnormal["ticker"].map(study.groups) == group]
        for side, sign, line in (("upper", 1, ax.lines[0]), ("lower", -1, ax.lines[1])):
            seen: set[str] = set()
            expected = []
            for tau in range(-10, 21):
                today = members[(members["tau"] == tau) & (members["at_limit"] == side)]
                seen |= set(today["ticker"])
                expected.append(len(seen))
            np.testing.assert_array_equal(counts[f"ever_{side}"], expected)
            np.testing.assert_array_equal(line.get_ydata(), sign * np.array(expected))


# --- timeline and fit -------------------------------------------------------------------------


def test_timeline_of_the_politburo_session(drawn):
    figure, frame = drawn["event_timeline"]
    days = frame[frame["event_id"] == "xi-politburo"].set_index("mark")["day"]
    # The article says 24 October; Xinhua wrote on Friday the 25th at 18:15, the A-share session
    # is Monday the 28th.
    assert days.to_dict() == {
        "first public": 18.25 / 24,
        "article date": -1,
        "24/7": 0,
        "XNYS": 0,
        "XSHG": 3,
    }
    ax = figure.axes[0]
    row = [label.get_text() for label in ax.get_yticklabels()].index("xi-politburo")
    crosses = [point for line in drawn_lines(ax, "x") for point in line if point[1] == row]
    assert [int(np.floor(x)) for x, _ in crosses] == [-1]
    squares = [
        point for line in drawn_lines(ax, "s") for point in line if abs(point[1] - row) < 0.5
    ]
    assert [int(np.floor(x)) for x, _ in squares] == [3]
    assert "Fri 25 Oct 2019, 18:15" in [text.get_text() for text in ax.texts]


def test_timeline_counts_its_marks(drawn, study):
    figure, frame = drawn["event_timeline"]
    ax = figure.axes[0]
    dated = study.events[study.events["announced_at"] != ""]
    assert frame["event_id"].nunique() == len(dated)
    counts = {marker: sum(map(len, drawn_lines(ax, marker))) for marker in "xs^o"}
    assert counts["x"] == (frame["mark"] == "article date").sum()
    for mark, marker in (("XSHG", "s"), ("XNYS", "^"), ("24/7", "o")):
        assert counts[marker] == (frame["mark"] == mark).sum() == len(dated)
    grey = {label.get_text() for label in ax.get_yticklabels() if label.get_color() != "#222222"}
    assert grey == set(dated.loc[~dated["in_sample"], "event_id"])


@pytest.mark.parametrize(
    ("precision", "words"),
    [
        (["exact", "ceiling"], ["first public"]),
        (["day", "day"], ["first public, hour unknown"]),
        (["exact", "day"], ["first public", "first public, hour unknown"]),
    ],
)
def test_the_key_of_the_timeline_explains_what_is_drawn_and_nothing_else(precision, words):
    marks = pd.DataFrame({"mark": "first public", "time_precision": precision})
    assert [handle.get_label() for handle in panels.timeline_handles(marks)] == words


def test_marks_of_announcements_lie_between_the_bars_and_the_axis(drawn):
    figure, _ = drawn["volatility"]
    for ax in figure.axes:
        bars, marks = (segments.get_segments() for segments in ax.collections)
        assert len(marks) > 0
        bottom = ax.get_ylim()[0]
        assert min(bar[:, 1].min() for bar in bars) == 0
        for mark in marks:
            assert bottom <= mark[:, 1].min() < mark[:, 1].max() < 0


def test_calendars_beside_each_other_share_their_days(drawn):
    figure, _ = drawn["policy_index"]
    assert len({ax.get_xlim() for ax in figure.axes}) == 1


def test_no_figure_writes_a_negative_number_with_a_hyphen(drawn):
    for name, (figure, _) in drawn.items():
        hyphens = [text for text in texts(figure) if re.search(r"(?<![\w.)])-\d", text)]
        assert not hyphens, name


def test_timeline_marks_outside_its_range_keep_their_day():
    marks = pd.DataFrame(
        {"event_id": "e", "in_sample": True, "announced_at": "2020-03-02"}
        | {"time_precision": "day", "mark": ["first public", "article date", "XHKG"]}
        | {"date": "", "day": [0, -40, 12]}
    )
    ax = panels.plot_timeline(marks, Figure().subplots())
    assert {"−40 d", "+12 d", "Mon 2 Mar 2020"} <= {text.get_text() for text in ax.texts}
    low, high = ax.get_xlim()
    for line in ax.lines:
        assert low < line.get_xdata()[0] < high


def test_sparklines_stand_in_their_rows_and_are_cut_where_a_band_leaves_its_own():
    path = pd.DataFrame({"tau": [-2, -1, 0, 1], "start": [-2, -2, 0, 0]})
    quiet = path.assign(caar=[0.0, 0.01, 0.0, 0.02], lower=-0.01, upper=0.02)
    wide = path.assign(caar=[0.0, -0.01, 0.01, 0.0], lower=-0.08, upper=0.08)
    ax = Figure().subplots()
    panels.plot_sparklines({0: quiet, 3: wide}, ax, group_styles(["a"])["a"], scale=0.02)
    levels, lines = (c for c in ax.collections if isinstance(c, LineCollection))
    bands = [c for c in ax.collections if isinstance(c, PolyCollection)]
    # A quarter of a row is the scale, here two percent.
    heights = [segment[0, 1] for segment in levels.get_segments()]
    assert heights == pytest.approx([-0.25, 0, 0.25, -3.25, -3, -2.75])
    drawn = np.concatenate(lines.get_segments())
    assert drawn[:, 0].tolist() == [-2, -1, 0, 1] * 2
    assert drawn[:, 1] == pytest.approx([0, 0.125, 0, 0.25, -3, -3.125, -2.875, -3])
    # Run-up and response are no continuous line, nor is what is filled.
    assert [len(segment) for segment in lines.get_segments()] == [2, 2, 2, 2]
    heights = [band.get_paths()[0].vertices[:, 1] for band in bands]
    reach = [(part.min(), part.max()) for part in heights]
    assert np.array(reach) == pytest.approx(np.array([[-0.125, 0.25]] * 2 + [[-4, -2]] * 2))
    for band, row in zip(bands, (0, 0, 3, 3), strict=True):
        low, high = ax.transData.inverted().transform(band.clipbox)[:, 1]
        assert [low, high] == pytest.approx([-row - 0.48, -row + 0.48])


@pytest.mark.parametrize(
    ("announced_at", "precision", "label"),
    [
        ("2019-10-25T18:15:00+08:00", "exact", "Fri 25 Oct 2019, 18:15"),
        ("2019-10-28T20:00:00+08:00", "evening", "Mon 28 Oct 2019, evening"),
        ("2019-10-28T20:00:00+08:00", "ceiling", "Mon 28 Oct 2019, by 20:00"),
        ("2020-01-01", "day", "Wed 1 Jan 2020"),
    ],
)
def test_announcement_label_claims_no_more_than_is_known(announced_at, precision, label):
    assert panels.announcement_label(announced_at, precision) == label


def test_fit_panels_hold_the_estimates(drawn, results, study):
    figure, frame = drawn["estimation_fit"]
    models = results.models.query("event_id == 'xi-politburo'").set_index("ticker")
    residuals = results.residuals.query("event_id == 'xi-politburo'").sort_values("session")
    for name in ("r_squared", "sigma"):
        panel = frame[frame["panel"] == name].set_index("ticker")
        assert len(panel) == 60
        np.testing.assert_array_equal(panel["value"], models.loc[panel.index, name])
    beta = frame[frame["panel"] == "beta"]
    # Two benchmarks for each of the 46 A-shares, one for each US-listed name, none for coins.
    assert beta.groupby("group").size().to_dict() == {
        "a_shares_tier1": 76,
        "a_shares_tier2": 16,
        "us_listed": 9,
    }
    own = residuals.loc[residuals["ticker"] == "XNET", "residual"].to_numpy()
    value = frame.query("panel == 'autocorrelation' and ticker == 'XNET'")["value"].item()
    assert value == pytest.approx(np.corrcoef(own[1:], own[:-1])[0, 1], rel=1e-9)

    pooled = residuals[residuals["ticker"].map(study.groups) == "coins"]
    standardized = pooled["residual"].to_numpy() / models.loc[pooled["ticker"], "sigma"].to_numpy()
    quantiles = frame.query("panel == 'quantiles' and group == 'coins'")
    expected = np.quantile(standardized, stats.norm.cdf(quantiles["x"]))
    np.testing.assert_allclose(quantiles["value"], expected, rtol=1e-6)

    for ax, name in zip(
        figure.axes, ["beta", "r_squared", "sigma", "autocorrelation"], strict=False
    ):
        markers = {look.marker for look in group_styles(EMBEDDED_GROUPS).values()}
        points = [p for line in ax.lines if line.get_marker() in markers
                  for p in zip(*line.get_data(), strict=True)]  # fmt: skip
        panel = frame[frame["panel"] == name]
        assert sorted(points) == sorted(zip(panel["x"], panel["value"], strict=True))


# --- files ------------------------------------------------------------------------------------


def test_saved_files(drawn, tmp_path):
    figure, frame = drawn["forest"]
    figures.save_figure(figure, frame, tmp_path / "new", "forest")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "forest.csv",
        "forest.png",
    ]
    with Image.open(tmp_path / "new" / "forest.png") as picture:
        assert set(picture.info) == {"dpi"}
        assert picture.info["dpi"] == pytest.approx((200, 200), abs=0.1)
        assert picture.width == round(6.3 * 200)
    raw = (tmp_path / "new" / "forest.csv").read_bytes()
    assert b"\r" not in raw
    back = pd.read_csv(io.BytesIO(raw), keep_default_na=False)
    assert list(back.columns) == list(frame.columns)
    np.testing.assert_allclose(back["caar"], frame["caar"], rtol=1e-5)
    first = raw.decode().splitlines()[1]
    assert f"{frame['caar'].iloc[0]:.6g}" in first


@pytest.mark.parametrize("name", ["caar_paths", "estimation_fit", "car_heatmap"])
def test_figure_looks_the_same_whoever_saves_it(tiny_drawn, name):
    figure, _ = tiny_drawn[name]
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=60, metadata={"Software": None})
    with Image.open(buffer) as saved, Image.open(io.BytesIO(png_bytes(figure, dpi=60))) as ours:
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(saved))
        assert ours.info == saved.info


def test_whoever_saves_a_figure_chooses_how_but_not_its_letters(tiny_drawn):
    figure, _ = tiny_drawn["forest"]
    pictures = []
    for hinting in ("default", "force_autohint"):
        with mpl.rc_context({"savefig.dpi": 50, "text.hinting": hinting}):
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png")
        with Image.open(buffer) as saved:
            assert saved.width == round(6.3 * 50)
            pictures.append(np.asarray(saved))
    np.testing.assert_array_equal(*pictures)


@pytest.fixture(scope="module")
def twin(tiny: Study) -> Study:
    """The same study, which remembers nothing of what was computed and drawn."""
    return replace(tiny)


# The tests above drew the small study first, with every line measured.
@pytest.mark.parametrize("name", SPECS)
def test_two_draws_are_the_same_bytes_whatever_the_users_style(twin, tiny_drawn, name):
    if name not in tiny_drawn:
        with pytest.raises(figures.NothingToDrawError):
            SPECS[name].draw(twin)
        return
    figure, frame = tiny_drawn[name]
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "pink", "savefig.dpi": 31}):
        again, numbers = SPECS[name].draw(twin)
        assert again is not figure
        assert png_bytes(again, dpi=60) == png_bytes(figure, dpi=60)
        assert mpl.rcParams["font.size"] == 30
    pd.testing.assert_frame_equal(numbers, frame, check_exact=True)


def test_a_figure_is_rendered_once_also_when_it_is_drawn_as_a_vector(tiny):
    figure, _ = SPECS["forest"].draw(replace(tiny))
    picture = figure.png()
    vector_bytes(figure, "svg")
    assert figure.png() is picture
    figure.axes[0].set_title("Changed")
    assert figure.png() != picture


@pytest.fixture
def young() -> Iterator[None]:
    """All that a test makes stays young: a look through the young alone finds its garbage."""
    gc.disable()
    yield
    gc.enable()


def test_a_figure_keeps_no_pixels_beside_its_png(tiny, young):
    figure, _ = figures.draw_event_timeline(tiny)
    rendered = []
    original = FigureCanvasAgg.get_renderer

    def watched(canvas):
        rendered.append(weakref.ref(original(canvas)))
        return rendered[-1]()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FigureCanvasAgg, "get_renderer", watched)
        png_bytes(figure)
    gc.collect(0)
    assert rendered
    assert not any(reference() for reference in rendered)


def test_embedded_figure_is_the_same_bytes_again(study, drawn):
    figure, _ = drawn["names_at_limit"]
    again, _ = SPECS["names_at_limit"].draw(replace(study))
    assert png_bytes(figure, dpi=80) == png_bytes(again, dpi=80)


@pytest.fixture
def displayed(monkeypatch):
    """What a notebook would show: objects and their metadata."""
    found = []
    monkeypatch.setattr(
        "IPython.display.display", lambda shown, metadata=None: found.append((shown, metadata))
    )
    return found


def test_show_displays_figure_caption_and_alternative_text(tiny, displayed):
    figures.show("forest", tiny)._ipython_display_()
    (figure, metadata), (caption, _) = displayed
    spec = SPECS["forest"]
    assert isinstance(figure, Figure)
    assert metadata["image/png"]["alt"] == repr(figure) == f"{spec.title}. {spec.caption}"
    assert caption.data == f"*{spec.caption}*"
    with pytest.raises(KeyError):
        figures.show("no such figure", tiny)


def test_a_description_of_its_own_replaces_title_and_caption(tiny, displayed):
    shown = figures.show("forest", tiny, "One bar, +2.0 %.")
    assert shown.to_markdown() == "![One bar, +2.0 %.](figures/forest.png)"
    shown._ipython_display_()
    (_, metadata), (caption, _) = displayed
    assert metadata["image/png"]["alt"] == "One bar, +2.0 %."
    assert caption.data == f"*{SPECS['forest'].caption}*"


def test_show_of_what_a_study_lacks_says_so_without_a_picture(tiny, displayed):
    shown = figures.show("hourly_response", tiny, "Bars by the hour.")
    shown._ipython_display_()
    ((said, _),) = displayed
    assert said.data == shown.to_markdown() == "*The study has no hourly prices.*"


def test_notebook_shows_a_figure_by_itself(tiny_drawn):
    figure, _ = tiny_drawn["forest"]
    picture = figure._repr_png_()
    assert picture.startswith(b"\x89PNG")
    assert b"Software" not in picture
    assert " at 0x" not in repr(figure)


# --- any study --------------------------------------------------------------------------------


# What one asset with a short window, no price limit, no stance and no hourly price cannot show.
NOT_SHOWN = {
    "names_at_limit": "No asset of this study has a daily price limit.",
    "policy_index": "No announcement to a whole group takes a stance.",
    "stance_responses": "No announcement in the sample takes a stance.",
    "coding_multiverse": "No coding gives sessions of both stances.",
    "local_projections": "No announcement to a whole group takes a stance.",
    "hourly_response": "The study has no hourly prices.",
    "leave_one_out": "No group has two assets with a complete window to leave one out.",
    "counterfactual_ladder": "No group has a second yardstick: an index, or donors.",
    "early_movers": "The event window does not hold the sessions [-5, -1].",
    "pooled_forest": "One session alone has the role policy: none to pool.",
    "pooled_paths": "No value of role is shared by announcements of two sessions.",
    "selections": "No announcement of the sample is restrictive.",
    "timing": "No event of the sample has another date, of a document or in an article.",
}


def test_one_asset_and_one_event(tiny, tiny_drawn):
    assert {name: lacking(name, tiny) for name in NOT_SHOWN} == NOT_SHOWN
    assert all(len(frame) for _, frame in tiny_drawn.values())
    _, frame = tiny_drawn["caar_paths"]
    closes = tiny.prices.set_index("date")["close"]
    change = closes.pct_change()
    event = closes.index.get_loc(pd.Timestamp("2021-04-10"))
    # The constant mean of sessions -80 to -4, the whole event window lying after it.
    abnormal = change - change.iloc[event - 80 : event - 3].mean()
    response = frame[frame["start"] == 0]
    np.testing.assert_allclose(
        response["caar"], abnormal.iloc[event : event + 5].cumsum(), atol=1e-12
    )


def test_windows_and_units_come_from_the_study(tiny, tiny_drawn, study):
    assert leading_window(study) == (0, 1)
    assert leading_window(tiny) == (0, 0)
    figure, frame = tiny_drawn["forest"]
    assert frame["window"].item() == "[0, 0]"
    assert any("CAAR[0, 0], simple return (%)" in text for text in texts(figure))


@pytest.mark.usefixtures("unmeasured")
def test_study_without_events_in_the_sample_says_so(tmp_path):
    study = write_study(tmp_path, in_sample="no")
    _, frame = SPECS["event_timeline"].draw(study)
    assert set(frame["event_id"]) == {"a $ and b $ 中国"}
    for name in SPECS.keys() - {"event_timeline"}:
        assert lacking(name, study).endswith(".")


def test_study_in_which_nothing_can_be_estimated_says_so(tiny):
    # 56 of the 60 sessions that are needed.
    starved = replace(tiny, returns=tiny.returns.iloc[-80:])
    assert lacking("forest", starved) == "No pair of an event and an asset could be estimated."


def test_undated_events_only(tiny):
    undated = tiny.events.assign(announced_at="", in_sample=False)
    nothing = replace(tiny, events=undated, alignment=tiny.alignment.iloc[:0])
    assert lacking("event_timeline", nothing) == "The study has no dated event."


def test_headline_event_that_was_not_estimated(study):
    alignment = study.alignment
    late = alignment["event_id"] == "xi-politburo"
    moved = alignment["event_session"].mask(late, pd.Timestamp("2031-01-02"))
    beyond = only(replace(study, alignment=alignment.assign(event_session=moved)), ["bitcoin"])
    assert "xi-politburo could not be estimated" in lacking("caar_paths", beyond)


@pytest.mark.usefixtures("unmeasured")
def test_large_study_shows_what_fits_and_says_what_does_not(study, monkeypatch):
    monkeypatch.setattr(selection, "MOST_EVENTS", 4)
    monkeypatch.setattr(selection, "MOST_GROUPS", 2)
    monkeypatch.setattr(event_study, "MOST_ASSETS", 1)
    smaller = only(study, ["bitcoin", "coins", "us_listed"])
    figure, frame = SPECS["car_heatmap"].draw(smaller)
    shown = texts(figure)
    # Of 26 events three share their session with an earlier one in New York and in UTC days.
    assert (
        "4 of 23 events shown, those of the highest salience and, among equals, the smallest "
        "p-values over [0, 1]; 2 of 3 groups shown, those with the smallest p-values over [0, 1]; "
        "1 of 10 assets shown, those with the smallest p-values over [0, 1]"
    ) in [" ".join(text.split()) for text in shown]
    # Of the five events of salience 3 the one with the largest p-value is left out.
    highest = smaller.events.query("salience == 3 and in_sample")["event_id"].tolist()
    assert len(highest) == 5
    tests = smaller.estimate().tests((0, 1)).tidy().query("test == 'time_series_t'")
    moved = tests.groupby("event_id")["p_value"].min().loc[highest].sort_values()
    assert set(frame["event_id"]) == set(moved.index[:4])
    assert moved.index[4] != highest[-1]  # which the order of announcement would leave out
    # The smallest p-values are those of one share and of Bitcoin, which is the first of its group.
    car = smaller.estimate().car((0, 1))
    assert set(frame["ticker"]) == {car.loc[car["p_value"].idxmin(), "ticker"]} == {"XNET"}
    assert set(SPECS["forest"].draw(smaller)[1]["group"]) == {"bitcoin", "us_listed"}
    _, timeline = SPECS["event_timeline"].draw(smaller)
    assert len(timeline["event_id"].unique()) == 4


@pytest.mark.parametrize(
    ("salience", "how"),
    [
        (lambda events: 2, "with the smallest p-values over [0, 1]"),
        (lambda events: 1 + events["event_id"].isin(["xi-politburo", "plenum-decision"]), "of the "
         "highest salience"),
    ],
)  # fmt: skip
def test_among_events_of_one_salience_those_are_shown_that_moved_most(study, salience, how):
    alike = replace(study, events=study.events.assign(salience=salience))
    sample = alike.events.query("in_sample")["event_id"].tolist()
    chosen, note = selection.shown_events(alike, sample, 2)
    assert note == f"2 of {len(sample)} events shown, those {how}"
    tests = alike.estimate().tests((0, 1)).tidy().query("test == 'time_series_t'")
    moved = tests.groupby("event_id")["p_value"].min().nsmallest(2)
    expected = set(moved.index) if "p-values" in how else {"xi-politburo", "plenum-decision"}
    assert set(chosen) == expected


@pytest.mark.usefixtures("unmeasured")
def test_event_window_without_a_return(tiny):
    returns = tiny.returns
    suspended = returns["session"].between("2021-04-07", "2021-04-14")
    closed = replace(tiny, returns=returns.assign(**{"return": returns["return"].mask(suspended)}))
    assert lacking("forest", closed) == "No asset has a complete window [0, 0]."
    figure, frame = SPECS["car_heatmap"].draw(closed)
    assert frame["car"].isna().all()
    assert "no CAR" in texts(figure)
    assert lacking("caar_clusters", closed) == "No event window holds an abnormal return."
    figure, frame = SPECS["caar_paths"].draw(closed)
    assert frame.empty
    assert any("(N = 0)" in text for text in texts(figure))
    figure, frame = SPECS["price_with_events"].draw(closed)
    assert len(frame) == 8


def test_price_limits_of_assets_that_the_headline_event_does_not_reach(study):
    alignment = study.alignment
    gone = (alignment["event_id"] == "xi-politburo") & (alignment["calendar"] == "XSHG")
    partial = only(replace(study, alignment=alignment[~gone]), ["bitcoin", "a_shares_tier2"])
    assert (
        lacking("names_at_limit", partial)
        == "No asset with a price limit was estimated at xi-politburo."
    )


@pytest.mark.usefixtures("unmeasured")
def test_pairs_without_an_estimate_are_named(study):
    alignment = study.alignment
    gone = (alignment["event_id"] == "beijing-sandbox") & (alignment["calendar"] == "24/7")
    partial = replace(study, alignment=alignment[~gone])
    partial = only(partial, ["bitcoin", "coins", "us_listed"])
    figure, frame = SPECS["forest"].draw(partial)
    assert ("beijing-sandbox", "bitcoin") not in set(
        zip(frame["event_id"], frame["group"], strict=True)
    )
    assert texts(figure).count("no estimate") == 2
    # The speech of 28 October in New York; the cooling call leads nowhere and has no row.
    assert texts(figure).count("↑ same session") == 1
    _, cells = SPECS["car_heatmap"].draw(partial)
    assert cells.query("event_id == ''")["car"].isna().all()
    assert (cells["event_id"] == "").sum() == 5


# --- looks ------------------------------------------------------------------------------------


def test_looks_follow_the_order_of_the_groups_and_labels_the_study():
    embedded = group_styles(EMBEDDED_GROUPS)
    assert len({look.color for look in embedded.values()}) == 5
    assert len({look.marker for look in embedded.values()}) == 5
    named = group_styles(["mine", "yours"], {"mine": "My group"})
    assert [look.label for look in named.values()] == ["My group", "yours"]
    assert [look.color for look in named.values()] == [
        embedded[group].color for group in EMBEDDED_GROUPS[:2]
    ]


def test_many_groups_stay_distinct():
    names = [f"group {number}" for number in range(28)]
    looks = group_styles(names)
    assert list(looks) == names
    assert looks == group_styles(names)
    assert len({(look.color, look.marker, look.line) for look in looks.values()}) == 28


def test_kin_groups_differ_in_grey():
    def grey(color: str) -> float:
        return float(np.dot(mpl.colors.to_rgb(color), [0.299, 0.587, 0.114]))

    looks = group_styles(EMBEDDED_GROUPS)
    for one, other in (("a_shares_tier1", "a_shares_tier2"), ("bitcoin", "coins")):
        assert abs(grey(looks[one].color) - grey(looks[other].color)) > 0.15


def test_labels_are_cut_and_have_no_missing_character():
    assert shorten("short") == "short"
    long = shorten("First Trust Indxx Innovative Transaction and Process ETF")
    assert len(long) <= 28
    assert re.fullmatch("First Trust.*….*Process ETF", long)
    assert shorten("\U0010fffd") == "□"


@pytest.mark.parametrize(
    ("text", "longest", "short"),
    [
        ("Morningstar Network Technology (Chenxin)", 28, "Morningstar…(Chenxin)"),
        ("Easysight Supply Chain Management", 28, "Easysight Supply…Management"),
        ("beijing-strikes-on-sight-again", 24, "beijing-strikes-on…again"),
        # Nothing would be left of these at the edges of words.
        ("Donaudampfschifffahrtsgesellschaft", 12, "Donaud…chaft"),
        ("A Donaudampfschifffahrtsgesellschaft B", 12, "A Dona…aft B"),
    ],
)
def test_names_are_cut_between_words_where_that_leaves_enough(text, longest, short):
    assert shorten(text, longest) == short


@given(st.text(st.sampled_from("ab -_(;)"), max_size=40), st.integers(3, 30))
def test_what_is_shortened_fits_and_keeps_both_ends(text, longest):
    short = shorten(text, longest)
    assert len(short) <= longest
    if len(text) > longest:
        head, tail = short.split("…")
        assert text.startswith(head)
        assert text.endswith(tail)


@pytest.mark.parametrize("name", ["early_movers", "car_heatmap"])
def test_names_of_assets_are_not_cut_inside_words(drawn, study, name):
    figure, _ = drawn[name]
    names = study.assets.set_index("ticker")["name"]
    labels = [label.get_text().split("  ") for label in figure.axes[0].get_yticklabels()]
    cut = [(*label[0].split("…"), names[label[1]]) for label in labels if "…" in label[0]]
    assert cut
    for head, tail, whole in cut:
        assert not whole.removeprefix(head)[0].isalnum()
        assert not whole.removesuffix(tail)[-1].isalnum()


@given(st.lists(st.text(st.sampled_from("group number 0123456789"), max_size=60), unique=True))
def test_names_that_differ_stay_different(names):
    shown = shorten_all(names, 12)
    assert len(set(shown)) == len(names)
    assert all(len(text) <= 12 for text in shown)


def test_names_that_differ_in_the_middle_are_shown_by_it():
    names = [f"group number {letter} of the companies that the rule names" for letter in "ABC"]
    assert shorten_all(names, 10) == ["…A…", "…B…", "…C…"]


def test_a_family_without_a_regular_weight_is_no_remark(caplog, monkeypatch):
    monkeypatch.setattr(style, "_characters_of", style._characters_of.__wrapped__)
    # The logger is made to speak as it does for a family that is there in one other weight.
    said = style.font_manager._log

    def findfont(family):
        said.warning("findfont: Failed to find font weight normal for %s", family)
        return style.font_manager.fontManager.defaultFont["ttf"]

    monkeypatch.setattr(style.font_manager, "findfont", findfont)
    assert style._characters_of("Some Condensed")
    assert caplog.records == []
    said.warning("others are heard")
    assert [record.message for record in caplog.records] == ["others are heard"]


def test_26_groups_keep_their_names_apart():
    names = [f"group number {n} of an industry" for n in range(26)]
    assert len({look.label for look in group_styles(names).values()}) == 26
    looks = group_styles(names)
    assert len(set(column_labels(looks, names).values())) == 26


def test_a_font_with_the_characters_is_found_among_all_that_are_installed(monkeypatch):
    texts = ["区块链"]
    charmap = {"DejaVu Sans": frozenset(range(128)), "Some Song": frozenset(map(ord, "区块链"))}
    monkeypatch.setattr(style, "_characters_of", lambda family: charmap.get(family, frozenset()))
    monkeypatch.setattr(style, "_families", ["DejaVu Sans"])
    monkeypatch.setattr(style.font_manager, "get_font_names", lambda: ["DejaVu Sans"])
    assert undrawable(texts) == texts
    assert shorten("a区") == "a□"
    monkeypatch.setattr(style.font_manager, "get_font_names", lambda: ["Some Song", "Last Resort"])
    assert undrawable(texts) == []
    assert style._families == ["DejaVu Sans", "Some Song"]
    assert shorten("a区") == "a区"


@pytest.mark.parametrize("most", [3, 4, 6, 9])
def test_every_range_of_days_has_ticks(most):
    for days in (1, 2, 3, 10, 40, 100, 400, 800, 1500, 9000):
        figure = Figure()
        ax = date_axis(figure.subplots(), most)
        first = date2num(pd.Timestamp("2019-01-01"))
        ax.set_xlim(first, first + days)
        assert len(ax.get_xticks()) >= 1


def test_a_caar_is_drawn_from_results_and_axes_alone(tiny):
    results = tiny.estimate()
    row = results.caar((0, 0)).iloc[0]
    ax = Figure().subplots()
    assert panels.plot_caar(results, row["event_id"], row["group"], ax) is ax
    drawn = np.concatenate([line.get_ydata() for line in ax.lines if line.get_linestyle() == "-"])
    path = results.caar_path(row["event_id"], row["group"])
    assert np.isclose(drawn, path.loc[path["tau"] == 0, "aar"].item()).any()


# --- pooled over events -----------------------------------------------------------------------


def test_the_pooled_forest_draws_clusters_and_their_mean(study: Study) -> None:
    figure, frame = figures.draw_pooled_forest(study, "stance_crypto", "-1", (0, 1))
    effects = study.pool("stance_crypto", (0, 1))
    of_label = effects.clusters.query("label == '-1'")
    clusters = frame.dropna(subset="event_session")
    drawn = clusters.set_index(["group", "event_session"]).sort_index()
    expected = of_label.set_index(["group", "event_session"]).sort_index()
    for name, theirs in (("estimate", "caar"), ("lower", "lower"), ("upper", "upper")):
        np.testing.assert_array_equal(drawn[name], expected[theirs])
    pooled = frame[frame["event_session"].isna()].set_index("group")
    table = effects.tidy().query("label == '-1'").set_index("group")
    np.testing.assert_array_equal(pooled["estimate"], table["mean"][pooled.index])
    np.testing.assert_array_equal(pooled["lower"], table["lower"][pooled.index])
    # Every panel has a diamond as wide as the interval, below all clusters.
    assert len(figure.axes) == len(EMBEDDED_GROUPS)
    for group, ax in zip(EMBEDDED_GROUPS, figure.axes, strict=True):
        (diamond,) = [patch for patch in ax.patches if len(patch.get_xy()) == 5]
        xs, ys = diamond.get_xy().T
        assert xs.min() == pytest.approx(pooled["lower"][group])
        assert xs.max() == pytest.approx(pooled["upper"][group])
        rows = clusters["event_session"].nunique()
        assert ys.min() > rows - 1
        labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
        assert len(labels) == rows + 1
        assert labels[-1] == "pooled"


def test_the_pooled_forest_of_its_own_accord_is_that_of_the_commonest_stance(study: Study) -> None:
    """Of the announcements alone: foreign and known ones have stances, too."""
    figure, frame = figures.draw_pooled_forest(study)
    dated = study.alignment.query("in_sample and role == 'policy'")["event_id"]
    events = study.events[study.events["event_id"].isin(dated)]
    counts = {
        (column, value): int((events[column] == value).sum())
        for column in ("stance_blockchain", "stance_crypto")
        for value in (-1, 1)
    }
    column, value = max(counts, key=counts.__getitem__)
    members = set(events.loc[events[column] == value, "event_id"])
    shown = set(";".join(frame["events"].dropna()).split(";"))
    assert shown <= members
    assert set(frame["label"]) == {str(value)}
    assert f"{column}: \N{MINUS SIGN}{-value}" in figure.get_supxlabel()
    pooled = frame[frame["event_session"].isna()].set_index("group")
    of_members = study.results.pool(dict.fromkeys(members, "these"), (0, 1)).tidy()
    means = of_members.set_index("group")["mean"]
    np.testing.assert_array_equal(pooled["estimate"], means[pooled.index])


@pytest.mark.usefixtures("unmeasured")
def test_the_pooled_forest_of_a_study_without_stances_is_that_of_all_announcements(template):
    events = template.events.drop(columns=["stance_blockchain", "stance_crypto"], errors="ignore")
    _, frame = figures.draw_pooled_forest(replace(template, events=events))
    assert set(frame["label"]) == {"policy"}


def test_the_pooled_forest_says_what_it_leaves_out(study: Study, monkeypatch) -> None:
    monkeypatch.setattr(figures.pooled, "MOST_CLUSTERS", 3)
    figure, frame = figures.draw_pooled_forest(study, "salience", "2", (0, 0))
    assert frame["event_session"].nunique() == 3
    assert "sessions shown, those with the largest |t|" in figure.get_suptitle()
    effects = study.pool("salience", (0, 0))
    every = effects.clusters.query("label == '2'")
    distance = (every["caar"] / every["std_error"]).abs()
    furthest = every.loc[distance.idxmax(), "event_session"]
    assert furthest in set(frame["event_session"])
    # What is pooled is all.
    table = effects.tidy().query("label == '2'").set_index("group")
    pooled = frame[frame["event_session"].isna()].set_index("group")
    assert pooled["n_clusters"].to_dict() == table["n_clusters"].to_dict()


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ("2020-01-15-ban;2020-01-notice", "ban;notice"),
        # Another day or month, a firm with a number for a name, a name that is a date.
        ("2020-01-11-notice;2020-01-12-notice", "2020-01-11-notice;2020-01-12-notice"),
        ("2020-01-99-cents", "2020-01-99-cents"),
        ("2019-12-31-ban", "2019-12-31-ban"),
        ("7203-08-results", "7203-08-results"),
        ("2020-01-15", "2020-01-15"),
        ("2020-01-15;2020-01-15-ban", "2020-01-15;ban"),
    ],
)
def test_a_name_loses_the_date_that_stands_beside_it_and_nothing_else(names, shown):
    assert pooled._undated(names, pd.Timestamp("2020-01-15")) == shown


def test_a_pool_that_nobody_is_in_is_named(study: Study) -> None:
    with pytest.raises(ValueError, match=r"no event has the role 'polcy'; there are control, pla"):
        figures.draw_pooled_forest(study, "role", "polcy")
    with pytest.raises(InputError, match="did you mean"):
        figures.draw_pooled_forest(study, "rol", "policy")
    with pytest.raises(InputError, match="did you mean"):
        figures.draw_pooled_forest(study, "rol")


@pytest.mark.usefixtures("unmeasured")
def test_pooled_paths_are_those_of_the_results(study: Study) -> None:
    groups = ["bitcoin", "us_listed"]
    study = only(study, groups)
    figure, frame = figures.draw_pooled_paths(study)
    directions = checks.directions(study)
    named = dict(directions[directions != ""])
    expected = pd.concat([study.results.pooled_path(named, start=start) for start in (-10, 0)])
    expected = expected[(expected["start"] == 0) | (expected["tau"] < 0)]
    keys = ["label", "group", "start", "tau"]
    drawn = frame.set_index(keys).sort_index()
    expected = expected.set_index(keys).sort_index().loc[drawn.index]
    for name in ("n_clusters", "mean", "lower", "upper"):
        np.testing.assert_array_equal(drawn[name], expected[name])
    shown = [ax for ax in figure.axes if ax.axison]
    for group, ax in zip(groups, shown, strict=True):
        of_group = frame[frame["group"] == group]
        lines = [line for line in ax.lines if line.get_marker() in "^v"]
        ys = np.concatenate([line.get_ydata() for line in lines])
        assert sorted(ys) == sorted(of_group["mean"])
        assert len(ax.collections) == of_group[["label", "start"]].drop_duplicates().shape[0]


SURPRISES = ["good", "bad"] * 4 + ["", "good"]


@pytest.fixture(scope="module")
def earnings() -> Study:
    """Ten announcements of single firms, nine of them good or bad, pooled by that."""
    events = [event(f"q{k}", 300 + 10 * k, "AB"[k % 2], stance=0) for k in range(10)]
    told = [row | {"surprise": text} for row, text in zip(events, SURPRISES, strict=True)]
    return made_study(told, {"A": "g", "B": "g"}, settings={"event.pool_by": "surprise"})


def test_figures_pool_by_the_column_that_a_study_names(earnings: Study) -> None:
    _, paths = figures.draw_pooled_paths(earnings)
    assert paths.groupby("label")["n_clusters"].max().to_dict() == {"bad": 4, "good": 5}
    figure, forest = figures.draw_pooled_forest(earnings)
    assert set(forest["label"]) == {"good"}
    assert "surprise: good" in figure.get_supxlabel()


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("pool_by", "shown", "leading"),
    [
        ("stance_policy", {"0": 6, "1": 4}, ("stance_policy", "0")),
        ("role", {"policy": 10}, ("role", "policy")),
        (None, {"supportive": 4}, ("stance_policy", "1")),
        # A number that events lack is no label.
        ("size", {"2.0": 4}, ("size", "2.0")),
    ],
)
def test_a_column_that_is_named_is_drawn_as_it_is(pool_by, shown, leading) -> None:
    events = [event(f"q{k}", 300 + 10 * k, stance=int(k < 4)) for k in range(10)]
    told = [row | {"size": "2" if k < 4 else ""} for k, row in enumerate(events)]
    settings = {"event.pool_by": pool_by} if pool_by else {}
    if pool_by == "size":
        settings["cross_section.regressors"] = ["size"]
    study = made_study(told, {"A": "g", "B": "g"}, settings=settings)
    assert figures.leading_label(study) == leading
    _, frame = figures.draw_pooled_paths(study)
    assert frame.groupby("label")["n_clusters"].max().to_dict() == shown
    _, forest = figures.draw_pooled_forest(study)
    assert set(forest["label"]) == {leading[1]}


def test_labels_that_read_alike_stay_apart_and_every_count_has_its_place() -> None:
    kinds = [f"Announcement of the {kind} kind about tokens (final)" for kind in ("first", "other")]
    events = [event(f"q{k}", 300 + 10 * k, "A" if k < 6 else "B", stance=0) for k in range(8)]
    told = [row | {"kind": kinds[k in (4, 5)]} for k, row in enumerate(events)]
    groups = {"A": "g", "B": "h"}
    figure, _ = figures.draw_pooled_paths(
        made_study(told, groups, settings={"event.pool_by": "kind"})
    )
    (legend,) = figure.legends
    first, other = [text.get_text() for text in legend.get_texts()]
    assert first != other
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]
    assert [title.split("\n")[1] for title in titles] == ["4, 2 sessions", "2, 0 sessions"]
    boxes = [legend.get_window_extent(), *(ax.title.get_window_extent() for ax in figure.axes)]
    assert all(box.x1 <= figure.bbox.x1 and box.x0 >= 0 for box in boxes)


def test_an_event_of_one_firm_of_a_group_is_no_headline(earnings: Study) -> None:
    for spec in figures.FIGURES:
        if spec.name in ("caar_paths", "estimation_fit", "phases", "specification_curve"):
            with pytest.raises(
                figures.NothingToDrawError, match="headline event q0 hits no whole group"
            ):
                spec.draw(earnings)


def test_a_key_has_no_mark_that_is_not_drawn(earnings: Study, study: Study) -> None:
    """Of announcements to single firms none is one of the group."""
    (volatility,) = [spec for spec in figures.FIGURES if spec.name == "volatility"]
    for of, there in ((earnings, False), (study, True)):
        figure, _ = volatility.draw(of)
        (legend,) = figure.legends
        assert ("announcement" in [text.get_text() for text in legend.get_texts()]) == there


def test_labels_of_one_session_have_no_path(earnings: Study) -> None:
    apart = earnings.events.assign(surprise=[f"s{k}" if k < 4 else "" for k in range(10)])
    with pytest.raises(
        figures.NothingToDrawError, match="No value of surprise is shared by announcem"
    ):
        figures.draw_pooled_paths(replace(earnings, events=apart))


@pytest.mark.usefixtures("unmeasured")
def test_of_many_labels_those_of_most_sessions_are_drawn(earnings: Study, monkeypatch) -> None:
    monkeypatch.setattr(figures.pooled, "MOST_LABELS", 1)
    figure, frame = figures.draw_pooled_paths(replace(earnings))
    assert set(frame["label"]) == {"good"}
    assert "1 of 2 labels shown, those of most sessions" in figure.get_suptitle()


@pytest.mark.usefixtures("unmeasured")
def test_a_column_without_a_value_and_a_window_without_a_run_up_are_said(earnings: Study) -> None:
    blank = replace(earnings, events=earnings.events.assign(surprise=""))
    with pytest.raises(figures.NothingToDrawError, match=r"No announcement .* a value of surprise"):
        figures.draw_pooled_forest(blank)
    with pytest.raises(figures.NothingToDrawError, match="No value of surprise is shared"):
        figures.draw_pooled_paths(blank)
    later = replace(earnings, event_window=(0, 5), car_windows=((0, 1),))
    figure, frame = figures.draw_pooled_paths(later)
    assert frame["start"].unique().tolist() == [0]
    assert figure.axes[0].get_xlabel().endswith("cumulated from τ = 0")


@pytest.mark.usefixtures("unmeasured")
def test_the_commonest_label_is_no_blank(earnings: Study) -> None:
    mostly = ["good"] * 3 + [""] * 7
    sparse = replace(earnings, events=earnings.events.assign(surprise=mostly))
    _, frame = figures.draw_pooled_forest(sparse, "surprise")
    assert set(frame["label"]) == {"good"}
