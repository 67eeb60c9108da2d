"""The figure of the yardsticks: what is drawn is what the table says."""

from __future__ import annotations

import numpy as np
import pytest

from chainpolicy.checks import ladder
from chainpolicy.figures import NothingToDrawError
from chainpolicy.figures.ladder import draw_counterfactual_ladder
from chainpolicy.study import Study, load_study
from donor_study import donor_study


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return load_study(donor_study(tmp_path_factory.mktemp("figures") / "study"))


def test_every_group_with_a_choice_has_its_rungs_in_every_window(study):
    figure, frame = draw_counterfactual_ladder(study)
    tidy = ladder(study)
    # The coin has one yardstick, so that nothing is to be compared.
    assert set(frame["group"]) == {"makers", "sellers"}
    assert len(frame) == len(tidy[tidy["group"] != "coin"])
    panels = [ax for ax in figure.axes if ax.get_lines()]
    assert len(panels) == 2 * len(study.car_windows)
    own = frame[(frame["group"] == "makers") & (frame["window"] == "[0, 0]")]
    first = panels[0]
    points = [line for line in first.get_lines() if line.get_marker() not in ("None", "", None)]
    assert [line.get_xdata()[0] for line in points] == pytest.approx(own["caar"].tolist())
    filled = [line.get_markerfacecolor() != "white" for line in points]
    assert filled == own["chosen"].tolist()
    bands, intervals = first.collections
    for drawn, low, high in ((bands, "band_lower", "band_upper"), (intervals, "lower", "upper")):
        ends = np.array([segment[:, 0] for segment in drawn.get_segments()])
        np.testing.assert_allclose(ends, own[[low, high]].to_numpy())


def test_a_study_without_a_second_yardstick_says_so(study, tmp_path):
    folder = donor_study(tmp_path / "study")
    (folder / "donors.csv").unlink()
    settings = folder / "study.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text[: text.index("[donors]\ncalendar")], encoding="utf-8")
    assets = (folder / "assets.csv").read_text(encoding="utf-8")
    (folder / "assets.csv").write_text(assets.replace(",INDEX,", ",,"), encoding="utf-8")
    with pytest.raises(NothingToDrawError, match="No group has a second yardstick: an index, or"):
        draw_counterfactual_ladder(load_study(folder))
