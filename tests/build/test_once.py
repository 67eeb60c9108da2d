"""One build computes everything once, and the same whatever the number of processes."""

import re
from collections import Counter
from dataclasses import astuple, replace
from functools import partial

import pandas as pd
import pytest

from chainpolicy import cli
from chainpolicy.build import regenerate
from chainpolicy.build.explore import STILL
from chainpolicy.eventstudy import EventStudy
from chainpolicy.figures import FIGURES, style
from chainpolicy.study import load_study, new_study, read_once
from chainpolicy.study.remember import remembered
from places import ROOT
from small_study import WINDOWS, blank_pictures, build_less, small_study

pytestmark = pytest.mark.usefixtures("same_code")


@pytest.fixture
def folder(tmp_path):
    """The template over two of its windows."""
    folder = new_study(tmp_path / "study")
    settings = (folder / "study.toml").read_text(encoding="utf-8")
    assert settings.count(WINDOWS) == 1
    settings = settings.replace(WINDOWS, "car_windows = [[0, 0], [0, 1]]")
    (folder / "study.toml").write_text(settings, encoding="utf-8")
    return folder


def alike(frame: pd.DataFrame) -> pd.DataFrame:
    """The same values whatever numbers and dates are kept as; texts would take most of the time."""
    kinds = dict.fromkeys(frame.select_dtypes("number"), "float64")
    kinds |= dict.fromkeys(frame.select_dtypes("datetime"), "datetime64[ns]")
    return frame.astype(kinds)


def inputs(returns, alignment, *, benchmarks=None, **_) -> tuple:
    """What a study is given, however it came about."""
    numbers = [
        int(pd.util.hash_pandas_object(alike(frame), index=False).sum())
        for frame in (returns, alignment)
    ]
    return (*numbers, tuple(sorted((k, tuple(v)) for k, v in (benchmarks or {}).items())))


def fingerprint(study: EventStudy) -> tuple:
    """Everything that decides what a fit finds."""
    return (study.given, study.model.name, astuple(study.estimation), study.event_window)


def test_one_build_fits_each_study_model_and_placebo_once(folder, tmp_path, monkeypatch):
    fitted, loaded = Counter(), Counter()
    begin, fit, placebo = EventStudy.__init__, EventStudy.fit, EventStudy.placebo
    load = regenerate.load_study

    def marked(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        self.given = inputs(*args, **kwargs)

    def counted_fit(self):
        fitted["fit", fingerprint(self)] += 1
        return fit(self)

    def counted_placebo(self, window=(0, 1)):
        fitted["placebo", window, fingerprint(self)] += 1
        return placebo(self, window)

    def counted_load(path):
        loaded[path] += 1
        return load(path)

    monkeypatch.setattr(EventStudy, "__init__", marked)
    monkeypatch.setattr(EventStudy, "fit", counted_fit)
    monkeypatch.setattr(EventStudy, "placebo", counted_placebo)
    monkeypatch.setattr(regenerate, "load_study", counted_load)
    monkeypatch.setattr(regenerate, "cores", lambda: 1)
    # What is fitted is fitted before anything is laid out and rendered.
    blank_pictures(monkeypatch)
    output = tmp_path / "output"
    assert regenerate.main(folder, output) == 0
    assert set(loaded.values()) == {1}
    assert len(fitted) > 5
    twice = {key: number for key, number in fitted.items() if number > 1}
    assert not twice


def test_the_number_of_processes_changes_no_byte(tmp_path, monkeypatch):
    folder = small_study(tmp_path / "study")
    # Enough for more than one job; what else is drawn would be drawn the same way.
    build_less(monkeypatch, tmp_path)
    monkeypatch.setattr(style, "png_bytes", partial(style.png_bytes, dpi=40))
    made = []
    for number in (1, 3):
        monkeypatch.setattr(regenerate, "cores", lambda number=number: number)
        output = tmp_path / f"with-{number}"
        assert cli.main(["regenerate", str(folder), "--output", str(output)]) == 0
        made.append(
            {
                path.relative_to(output): path.read_bytes()
                for path in output.rglob("*")
                if path.is_file() and path.name != regenerate.STATE.name
            }
        )
    assert len(made[0]) > 20
    assert made[0] == made[1]


def test_a_figure_is_drawn_once_whoever_shows_it(monkeypatch, tmp_path):
    """By one process, or before there are several."""
    registered, before = [], []

    def keep(root, products, *, prepare, **_):
        registered.extend(products)
        monkeypatch.setattr(regenerate, "FIGURES", [counted(figure) for figure in FIGURES])
        prepare(tmp_path)
        return 0

    def counted(figure):
        def draw(study):
            before.append((study.name, figure.name))
            return style.StudyFigure(), None

        return replace(figure, draw=draw)

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(regenerate, "run", keep)
    monkeypatch.setattr(regenerate, "responses", lambda *_: None)
    monkeypatch.setattr(regenerate, "study_of_rule", lambda study: study)
    assert regenerate.main() == 0
    group_of = {
        product.key: number
        for number, group in enumerate(regenerate._together(registered))
        for product in group
    }
    other = "china-crypto-policy-2013-2021"
    drawers: dict[tuple[str, str], set[int]] = {}
    for figure in FIGURES:
        # In figures/, and in the folder of the other study.
        drawers.setdefault((figure.study, figure.name), set()).add(group_of[figure.name])
        drawers.setdefault((other, figure.name), set()).add(group_of[f"{other}.{figure.name}"])
    spec = {figure.name: figure for figure in FIGURES}
    for source in [*(ROOT / "notebooks").glob("*.py"), regenerate.STUDY_NOTEBOOK]:
        for name in re.findall(r'figures\.show\(\s*"(\w+)"', source.read_text(encoding="utf-8")):
            report = source == regenerate.STUDY_NOTEBOOK
            key, of = (f"{other}.study", other) if report else (source.stem, spec[name].study)
            drawers[of, name].add(group_of[key])
    for name in STILL:
        drawers[other, name].add(group_of[f"{other}.explore"])
    several = [of_figure for of_figure, numbers in drawers.items() if len(numbers) > 1]
    assert before == several == [(other, "selections")]


def test_a_study_is_read_once_in_a_build_and_its_tables_stay_apart(folder):
    study = load_study(folder)
    results = study.results
    with read_once(study):
        again = load_study(folder)
        again.events["name"] = "changed"
        (folder / "events.csv").write_text("nonsense")
        third = load_study(folder)
    assert again.results is results
    assert third.results is results
    assert "changed" not in set(third.events["name"])
    assert "changed" not in set(study.events["name"])
    with pytest.raises(Exception, match=r"events\.csv"):
        load_study(folder)


def test_processes_of_a_build_find_each_others_tables(folder, tmp_path):
    first, second = load_study(folder), load_study(folder)
    shared = tmp_path / "shared"
    shared.mkdir()
    asked = Counter()

    @remembered
    def table(study, number):
        asked[number] += 1
        return pd.DataFrame({"title": [study.title], "number": [number]})

    @remembered
    def value(study):
        asked["value"] += 1
        return (study.title,)

    with read_once(first):
        first.kept.folder = shared
        made = table(first, 0.1)
        made["title"] = "changed"
        value(first)
    with read_once(second):
        second.kept.folder = shared
        found = table(second, 0.1)
        assert value(second) == (second.title,)
        assert table(second, 0.2)["number"].tolist() == [0.2]
    assert asked == {0.1: 1, 0.2: 1, "value": 2}
    pd.testing.assert_frame_equal(found, pd.DataFrame({"title": [second.title], "number": [0.1]}))
    # After the build nothing is left to others any more.
    table(second, 0.3)
    assert len(list(shared.iterdir())) == 2
