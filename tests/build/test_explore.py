"""The page to explore: what it reads out is what was estimated, without script."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from scipy import stats

from chainpolicy import figures as figures_module
from chainpolicy.build import explore as module
from chainpolicy.build.explore import explore, explore_page
from chainpolicy.build.site import broken_links


def read(study):
    return BeautifulSoup(explore_page(study), "lxml")


STILL = module.STILL


@pytest.fixture(scope="module", autouse=True)
def one_picture():
    """Of the pictures one stands for all: that each is there is shown once, on the template."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STILL", STILL[-1:])
        yield


@pytest.fixture(scope="module")
def page(study):
    return explore_page(study)


@pytest.fixture(scope="module")
def soup(page):
    return BeautifulSoup(page, "lxml")


def row_of(soup, window: int, table: int, event_id: str):
    section = soup.find(id=f"in-window-{window}")
    rows = section.find_all("table")[table].tbody.find_all("tr")
    (row,) = [row for row in rows if row.th.get_text().startswith(f"{event_id} ")]
    return row


def test_it_loads_nothing_and_needs_no_script(page):
    assert "data:image/png" in page
    assert broken_links({"explore.html": page.encode()}) == []
    assert not re.search(r"<script|<link|<img (?!src=\"data:)|@import|url\(|\son\w+=", page)


def test_each_window_of_the_study_can_be_chosen(study, soup):
    chosen = [label.get_text() for label in soup.find_all("label")]
    assert chosen == [f"[{first}, {last}]".replace("-", "−") for first, last in study.car_windows]
    style = "".join(tag.get_text() for tag in soup.find_all("style"))
    for number, button in enumerate(soup.find_all("input"), start=1):
        assert button.attrs["id"] == f"window-{number}"
        assert f"#window-{number}:checked ~ #in-window-{number} {{ display: block; }}" in style
        assert f"CAAR{chosen[number - 1]}" in soup.find(id=f"in-window-{number}").h2.get_text()
    (checked,) = soup.find_all("input", checked=True)
    assert chosen[int(checked["id"][-1]) - 1] == "[0, 1]"


def test_a_cell_reads_out_the_asset_its_session_its_car_and_its_limits(study, soup):
    results = study.estimate()
    row = row_of(soup, 2, 1, "xi-politburo")
    assert "blockchain" in row.th.span.get_text()
    (cell,) = [td for td in row.find_all("td") if "(600797.SS)" in td.get_text()]
    of_pair = "event_id == 'xi-politburo' and ticker == '600797.SS'"
    car = results.car((0, 1)).query(of_pair).iloc[0]
    model = results.models.query(of_pair).iloc[0]
    # A constant and two indices.
    half = stats.t.ppf(0.975, model["n_estimation"] - 3) * car["std_error"]
    low, high = 100 * (car["car"] - half), 100 * (car["car"] + half)
    said = cell.span.get_text()
    assert ", 28 Oct 2019: CAR[0, 1]" in said
    assert f"{100 * car['car']:+.1f} %, 95 % interval {low:+.1f} % to {high:+.1f} %" in said
    assert "closed at its upper price limit on 2 of 2 sessions" in said
    assert said.endswith("model: market")
    # The first two sessions after 25 October, both up by the limit of 10 %.
    assert cell.get_text().startswith("+↑")


def test_a_mark_reads_out_the_group_and_lies_between_the_ends_of_its_interval(study, soup):
    row = row_of(soup, 2, 0, "xi-politburo")
    caar = study.estimate().caar((0, 1)).query("event_id == 'xi-politburo'").set_index("group")
    for group, cell in zip(study.groups.unique(), row.find_all("td"), strict=True):
        said = cell.span.get_text()
        found = caar.loc[group]
        assert said.startswith(f"{study.label(group)}, 2")
        assert f"CAAR[0, 1] {100 * found['caar']:+.1f} %" in said.replace("−", "-")
        assert f"N = {found['n_assets']}" in said
        left, right = map(float, re.findall(r"[\d.]+(?= 8H)|(?<=8H)[\d.]+", str(cell.svg)))
        middle = float(cell.circle["cx"])
        assert left < middle < right
        zero = float(re.search(r"M([\d.]+) 0V", str(cell.svg))[1])
        # On one scale: a CAAR from zero to the mark, half an interval from the mark to its end.
        half = found["upper"] - found["caar"]
        assert (middle - zero) / (right - middle) == pytest.approx(found["caar"] / half, rel=0.05)
        excluded = found["lower"] > 0 or found["upper"] < 0
        assert (cell.circle.get("class") == ["far"]) == excluded


def test_events_that_share_a_session_point_to_the_first(study, soup):
    # Saturday's law reached the A-shares on Monday with Friday's speech, and Bitcoin on its day.
    bitcoin, _, shares, *_ = row_of(soup, 1, 0, "cryptography-law").find_all("td")
    assert shares.get_text() == "same session as xi-politburo"
    assert bitcoin.svg is not None
    wide = row_of(soup, 1, 1, "cryptography-law").find_all("td", class_="same")
    sizes = study.groups.value_counts()
    tiers = [sizes["a_shares_tier1"], sizes["a_shares_tier2"]]
    assert [int(td["colspan"]) for td in wide] == tiers


def test_many_assets_are_those_with_the_smallest_p_values(template, monkeypatch):
    monkeypatch.setattr(module, "MOST_CELLS", 6)
    soup = read(template)
    car = template.estimate().car((0, 1))
    best = set(car.groupby("ticker")["p_value"].min().nsmallest(2).index)
    section = soup.find(id="in-window-2")
    heads = {th.get_text() for th in section.find_all("table")[1].find_all("th", scope="col")}
    assert heads == set(template.assets.set_index("ticker")["name"][list(best)])
    assert "2 of 6 assets shown, those with the smallest p-values over [0, 1]." in section.text


def test_a_pair_without_an_estimate_says_why(template):
    returns = template.returns
    gone = (returns["ticker"] == "ACME") & (returns["session"] == "2023-07-14")
    holed = replace(template, returns=returns.assign(**{"return": returns["return"].mask(gone)}))
    row = row_of(read(holed), 2, 1, "rule-announced")
    (cell,) = [td for td in row.find_all("td") if "ACME" in td.get_text()]
    assert cell["class"] == ["none"]
    assert "no CAR[0, 1], no return on 2023-07-14 (tau = 1)" in cell.get_text()


def test_the_static_figures_stand_below_for_print_and_for_mail(template, monkeypatch):
    monkeypatch.setattr(module, "STILL", STILL)
    figures = [figures_module.show(name, template) for name in ("forest", "car_heatmap")]
    pictures = read(template).find("details", class_="still").find_all("figure")
    assert len(pictures) == len(figures)
    for picture, shown in zip(pictures, figures, strict=True):
        kind, content = picture.img["src"].split(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(content) == shown.figure.png()
        assert picture.img["alt"] == shown.figure.description
        assert picture.figcaption.get_text() == shown.caption


def test_words_of_a_study_stay_words(template):
    events = template.events.assign(name="<script>alert(1)</script> & more")
    page = explore(replace(template, events=events, title="a < b"))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "<h1>a &lt; b: every event" in page


def test_a_study_without_an_estimate_says_so(template):
    nothing = replace(template, alignment=template.alignment.assign(in_sample=False))
    page = explore(nothing)
    assert "<p>The study has no dated event in the sample.</p>" in page
    assert "<img" not in page


def test_the_same_study_gives_the_same_bytes(template):
    again = replace(template, title=template.title)
    assert explore_page(again) == explore_page(template)
