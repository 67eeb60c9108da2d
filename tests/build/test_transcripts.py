"""A notebook of which only the prose has changed is written without running its code."""

import os

import pytest

from chainpolicy.build import notebooks
from chainpolicy.build.regenerate import article_product, check, notebook_product, regenerate

SOURCE = """\
# %% [markdown]
# # How often was it run?

# %%
import os

with open(os.environ["RUNS"], "a") as runs:
    runs.write("x")
answer, share = 42, 0.125

# %% [markdown]
# It is {{ answer }}.

# %% tags=["readme"]
from chainpolicy.typeset.report_table import ReportTable
import pandas as pd

ReportTable(pd.DataFrame({"Answer": [str(answer)]}), "A note.")

# %% [markdown] tags=["readme"]
# Of it {{ share | percent }} is known, and still {{ answer }}.
"""


class Project:
    """A project of one notebook, and how often its code has run."""

    def __init__(self, root, runs):
        self.root, self.runs = root, runs
        (root / "notebooks").mkdir()
        self.source = root / "notebooks" / "01_runs.py"
        self.data = root / "data.csv"
        self.data.write_text("1\n")
        (root / "README.md").write_text("<!-- results -->\n<!-- /results -->\n")
        self.source.write_text(SOURCE)

    @property
    def product(self):
        return notebook_product(self.source, [self.data])

    def build(self, **choices):
        before = self.count
        regenerate(self.root, [self.product], **choices)
        return self.count - before

    @property
    def count(self):
        return len(self.runs.read_text()) if self.runs.exists() else 0

    def change(self, old, new):
        text = self.source.read_text()
        assert old in text
        self.source.write_text(text.replace(old, new))

    def made(self):
        kept = (self.source.with_suffix(".ipynb"), self.root / "README.md")
        return [path.read_bytes() for path in kept]


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Make a project of a kind, and build it once."""

    def make(kind):
        monkeypatch.setenv("RUNS", os.fspath(tmp_path / "runs"))
        (tmp_path / "project").mkdir()
        made = kind(tmp_path / "project", tmp_path / "runs")
        assert made.build() == 1
        return made

    return make


@pytest.fixture
def project(built):
    return built(Project)


def test_new_words_and_known_values_need_no_run(project):
    project.change("It is {{ answer }}.", "The answer is\n# {{  answer }}: it was {{ answer }}.")
    project.change("and still", "again")
    assert project.build() == 0
    rewritten = project.made()
    assert b"The answer is\\n" in rewritten[0]
    assert "| 42 |" in rewritten[1].decode()
    assert "+12.5 % is known, again 42." in rewritten[1].decode()
    # The same as a run writes.
    assert project.build(fresh=True) == 1
    assert project.made() == rewritten
    # And rewritten once more from what was rewritten.
    project.change("again", "yet")
    assert project.build() == 0
    assert "is known, yet 42." in project.made()[1].decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("answer, share = 42", "answer, share = 43"),
        ("It is {{ answer }}", "It is {{ answer + 1 }}"),
        ("It is {{ answer }}", "It is {{ share | percent }}"),
        ('# %% tags=["readme"]', '# %% tags=["other"]'),
    ],
)
def test_other_code_or_an_expression_not_evaluated_there_is_run(project, old, new):
    project.change(old, new)
    assert project.build() == 1
    made = project.made()
    assert project.build(fresh=True) == 1
    assert project.made() == made


def test_a_value_above_the_code_that_sets_it_is_refused_as_in_a_run(project):
    project.change("# # How often was it run?", "# # How often was it run? {{ answer }}")
    with pytest.raises(notebooks.NotebookError, match="'answer' is undefined"):
        project.build()


def test_other_data_or_a_damaged_transcript_is_run(project):
    project.change("It is", "It was")
    project.data.write_text("2\n")
    assert project.build() == 1
    project.change("It was", "It is")
    transcript = project.root / "build" / "transcripts" / "01_runs.json"
    transcript.write_text(transcript.read_text()[:-20])
    assert project.build() == 1


def test_a_check_runs_everything_and_asks_for_no_transcript(project):
    (project.root / "build" / "transcripts" / "01_runs.json").unlink()
    before = project.count
    assert check(project.root, [project.product]) == []
    assert project.count == before + 1
    project.change("It is", "It was")
    assert len(check(project.root, [project.product])) == 1


ARTICLE = """\
# %% [markdown]
# # How often was it run?

# %%
import os

from chainpolicy import claim, claims
from chainpolicy.figures import Shown
from chainpolicy.figures.style import StudyFigure

with open(os.environ["RUNS"], "a") as runs:
    runs.write("x")
answer = 42
claims(claim("It is even.", str(answer), answer % 2 == 0))

# %%
picture = StudyFigure(figsize=(2, 1))
picture.subplots().plot([0, answer])
picture.description = "A line."
Shown("line", picture, "It rises.")

# %% [markdown]
# It is {{ answer }}.
"""


class Article(Project):
    def __init__(self, root, runs):
        super().__init__(root, runs)
        self.source = self.source.rename(self.source.with_name("article.py"))
        self.source.write_text(ARTICLE)

    @property
    def product(self):
        return article_product(self.source, [self.data])

    def made(self):
        return [self.source.with_suffix(suffix).read_bytes() for suffix in (".md", ".pdf")]


@pytest.fixture
def article(built):
    return built(Article)


def test_new_words_of_the_article_need_no_run(article):
    article.change("It is {{ answer }}.", "The answer is {{ answer }}.")
    assert article.build() == 0
    rewritten = article.made()
    text = rewritten[0].decode()
    assert text == (
        "# How often was it run?\n\n![A line.](../figures/line.png)\n\n*It rises.*\n\n"
        "The answer is 42.\n"
    )
    # The same as a run writes.
    assert article.build(fresh=True) == 1
    assert article.made() == rewritten


def test_an_article_of_which_a_picture_is_missing_is_run(article):
    article.change("It is", "It was")
    (article.root / "build" / "transcripts" / "article" / "line.svg").unlink()
    assert article.build() == 1
    article.change("[0, answer]", "[answer, 0]")
    before = article.made()[1]
    assert article.build() == 1
    assert article.made()[1] != before
