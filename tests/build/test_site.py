"""The static site."""

import base64
import io
import itertools
import re
import shutil

import pytest
from PIL import Image

from chainpolicy.build import explore
from chainpolicy.build.site import Page, Site, broken_links, publish
from chainpolicy.cli import main
from chainpolicy.study import Study
from chainpolicy.study.problems import InputError
from chainpolicy.study.study import EMBEDDED
from places import ROOT
from small_study import blank_pictures, build_less, small_study


@pytest.fixture(scope="module")
def site(tmp_path_factory, template):
    folder = tmp_path_factory.mktemp("site")

    def shorter(study: Study) -> str:
        """Let the smallest study stand for the largest, whose page `test_explore` looks at."""
        return explore.explore(template if study.path == EMBEDDED else study)

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr("chainpolicy.build.site.explore", shorter)
        # Of the pictures on the explorable pages one stands for all.
        patch.setattr(explore, "STILL", explore.STILL[-1:])
        files = publish(None, folder)
    return {path.as_posix(): (folder / path).read_bytes() for path in files}


def test_every_notebook_has_a_page_in_its_order(site):
    names = [path.stem for path in sorted((ROOT / "notebooks").glob("[0-9]*.py"))]
    pages = [f"notebooks/{name}.html" for name in names]
    assert set(pages) <= set(site)
    for page, after in itertools.pairwise(pages):
        turn = re.search(r'rel="next" href="([^"]+)"', site[page].decode())
        assert turn[1] == f"../{after}"


def test_nothing_is_loaded_from_elsewhere_and_every_link_leads_on(site):
    assert broken_links(site) == []
    # The check can fail: without one page the contents of all others lead nowhere.
    some = {path: site[path] for path in ("index.html", "figures.html")}
    broken = broken_links(some)
    for path, said in broken:
        assert path in some
        assert "a link that leads on" in said
    lacking = {path for path, said in broken if "library.html" in said}
    assert lacking == {"index.html", "figures.html"}


def test_pictures_of_notebooks_are_files_with_words(site):
    page = site["notebooks/04_concept_stocks.html"].decode()
    pictures = re.findall(r'<figure><img src="([^"]+)" alt="([^"]+)"', page)
    assert len(pictures) >= 4
    for source, words in pictures:
        Image.open(io.BytesIO(site[source.removeprefix("../")])).verify()
        assert len(words) > 40


def test_formulas_need_no_script(site):
    assert not [path for path, text in site.items() if b"<script" in text]
    assert b"<math" in site["library.html"]


def test_each_embedded_study_can_be_explored(site):
    for name in ("china_blockchain_2019", "china_crypto_policy_2013_2021"):
        page = site[f"explore/{name}.html"].decode()
        assert page.count('type="radio"') >= 4
        assert 'href="../style.css"' in page


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<a href="gone.html">x</a>', "a link that leads on; gone.html does not"),
        ('<a href="index.html#gone">x</a>', "a place of that name; index.html#gone has none"),
        ('<a href="#gone">x</a>', "a place of that name; #gone has none"),
        ('<img src="https://x.org/a.png" alt="a">', "nothing that is loaded from elsewhere"),
        ('<script src="//x.org/a.js"></script>', "nothing that is loaded from elsewhere"),
        ('<img src="data:image/png;base64,">', "an alt text for 1 pictures"),
    ],
)
def test_what_a_page_must_not_hold(body, said):
    found = broken_links({"index.html": body.encode()})
    assert len(found) >= 1
    assert any(said in reason for _, reason in found)


def test_a_link_out_of_the_project_is_refused(tmp_path):
    (tmp_path / "a.md").write_text("# A\n\n[x](../secret.md)\n", encoding="utf-8")
    page = Page("a.md", "index.html", "A", "A", "")
    with pytest.raises(InputError, match=re.escape("../secret.md is none")):
        Site(tmp_path, "A", [page]).write(tmp_path / "out", "")
    assert not (tmp_path / "out").exists()


def test_a_page_takes_the_place_of_no_file_of_the_study(tmp_path):
    (tmp_path / "a.md").write_text("# A\n", encoding="utf-8")
    (tmp_path / "out").mkdir()
    mine = tmp_path / "out" / "style.css"
    mine.write_text("date,ticker,close\n", encoding="utf-8")
    site = Site(tmp_path, "A", [Page("a.md", "index.html", "A", "A", "")])
    with pytest.raises(InputError, match=r"style\.css.*is read by this run"):
        site.write(tmp_path / "out", "", [mine])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["style.css"]
    assert mine.read_text(encoding="utf-8") == "date,ticker,close\n"


def test_a_notebook_without_its_executed_copy_is_named(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "02_prices.py", tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"02_prices\.ipynb.*regenerate"):
        publish(None, tmp_path / "out")


def test_outside_the_project_the_command_says_where_to_go(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["publish", "--output", str(tmp_path / "site")]) == 2
    assert "pyproject.toml" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def test_a_study_of_ones_own_has_a_site_too(tmp_path, template, monkeypatch, one_process):
    output = tmp_path / "site"
    blank_pictures(monkeypatch)
    build_less(monkeypatch, tmp_path)
    folder = small_study(tmp_path / "study")
    assert main(["publish", str(folder), "--output", str(output)]) == 0
    front = (output / "index.html").read_text(encoding="utf-8")
    assert template.title in front
    assert base64.b64encode(b"\x89PNG")[:4].decode() not in front
    files = {p.relative_to(output).as_posix(): p.read_bytes() for p in output.rglob("*.*")}
    assert broken_links(files) == []


def test_the_front_page_leads_to_what_a_stranger_asks_for(site):
    front = site["index.html"].decode()
    (ways,) = re.findall(r'<div class="ways">(.*?)</div>', front, re.DOTALL)
    targets = re.findall(r'href="([^"]+)"', ways)
    assert targets == [
        "files/notebooks/article.pdf",
        "notebooks/00_overview.html",
        "explore/china_blockchain_2019.html",
        "readme.html#data-availability-and-rights",
        "readme.html#overview",
        "readme.html#your-own-study-in-five-commands",
    ]
    # On a narrow page the contents come after the text, and the head leads there.
    assert '<a class="to-contents" href="#contents">' in front
