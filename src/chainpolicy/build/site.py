"""What a project keeps -> a static site: article, notebooks, figures, the library, the data."""

from __future__ import annotations

import base64
import html
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from chainpolicy.build import notebooks
from chainpolicy.build.explore import explore
from chainpolicy.build.regenerate import main as build
from chainpolicy.build.regenerate import project_root
from chainpolicy.figures import FIGURES
from chainpolicy.study import Study, load_study
from chainpolicy.study.output import keep_apart, output_folder, staging
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.study import EMBEDDED_STUDIES, study_folder
from chainpolicy.typeset.markdown import code, headings, one_word, style_sheet, to_html
from chainpolicy.typeset.templates import templates
from chainpolicy.typeset.terminal import at_work

# A link to anything else of the project would lead out of the site.
COPIED = {".cff", ".csv", ".md", ".pdf", ".png", ".py", ".svg", ".toml", ""}

ARTICLE = "notebooks/article.md"
# What a reader of the front page may want next; its targets are those of the article.
WAYS = """\
<div class="ways">

[The article as PDF](article.pdf) · [one table of the results](00_overview.ipynb) ·
[point at any event or asset](../china-blockchain-2019/explore) ·
[the data and their rights](../README.md#data-availability-and-rights) ·
[run it again](../README.md#overview) ·
[run it on your events](../README.md#your-own-study-in-five-commands)

</div>
"""

_REMOTE = re.compile(r"https?://|mailto:|//")


@dataclass(frozen=True)
class Page:
    """One page of the site.

    Attributes
    ----------
    source : str
        The file it shows, relative to the project; its links are read from there.
    path : str
        Of the page, relative to the site.
    title, short : str
        Heading, and what the contents call it.
    part : str
        Under which heading of the contents.
    body : str
        HTML; blank: that of the source.
    """

    source: str
    path: str
    title: str
    short: str
    part: str
    body: str = ""


class Site:
    """The pages of a project and the files that they show.

    Parameters
    ----------
    root : Path
        Folder of the project.
    title : str
        Of the site.
    pages : sequence of Page
        In the order in which they are read; the first is the front page.
    """

    def __init__(self, root: Path, title: str, pages: Sequence[Page]) -> None:
        self.root = root
        self.title = title
        self.pages = list(pages)
        self.files: dict[str, bytes] = {}
        self._paths = {page.source: page.path for page in pages}

    @property
    def sources(self) -> set[str]:
        """Files of the project that are a page."""
        return {page.source for page in self.pages}

    def link(self, page: Page) -> Callable[[str], str]:
        """Return what turns a target in a page's source into one on the page."""

        def relink(target: str) -> str:
            if _REMOTE.match(target) or target.startswith("#"):
                return target
            parts = urlsplit(target)
            joined = PurePosixPath(page.source).parent / unquote(parts.path)
            source = os.path.normpath(joined)
            anchor = f"#{parts.fragment}" if parts.fragment else ""
            if source not in self._paths and (self.root / source).is_dir():
                source = f"{source}/README.md"
            if source not in self._paths:
                self._paths[source] = self._copy(page, source, target)
            return os.path.relpath(self._paths[source], PurePosixPath(page.path).parent) + anchor

        return relink

    def picture(self, page: Page) -> Callable[[str], str]:
        """Return what keeps a picture of a page, given in base64, and names its file."""

        def keep(encoded: str) -> str:
            stem = PurePosixPath(page.path).stem
            number = sum(name.startswith(f"pictures/{stem}-") for name in self.files) + 1
            name = f"pictures/{stem}-{number}.png"
            self.files[name] = base64.b64decode(encoded)
            return os.path.relpath(name, PurePosixPath(page.path).parent)

        return keep

    def _copy(self, page: Page, source: str, target: str) -> str:
        path = self.root / source
        if source.startswith("..") or not path.is_file() or path.suffix not in COPIED:
            expected = f"a link to a page or file of the project; {target} is none"
            raise InputError([Problem(page.source, expected)])
        name = f"files/{source}"
        self.files[name] = path.read_bytes()
        return name

    def write(self, output: Path, footer: str, read: Iterable[Path] = ()) -> list[Path]:
        """Write all pages and what they need, once every link inside them is known to lead on.

        Raises `InputError` if one does not, or a file would take the place of one that is `read`.

        Returns
        -------
        list of Path
            The files, relative to `output`.
        """
        self.pages = [replace(page, body=_body(self, page)) for page in self.pages]
        written = dict(self.files)
        written["style.css"] = style_sheet().encode()
        parts = list(dict.fromkeys(page.part for page in self.pages))
        contents = [(part, [p for p in self.pages if p.part == part]) for part in parts]
        template = templates("chainpolicy.build", escaped=False).get_template("page.html.j2")
        for number, page in enumerate(self.pages):
            text = template.render(
                page=page,
                site_title=self.title,
                contents=contents,
                before=self.pages[number - 1] if number else None,
                after=self.pages[number + 1] if number + 1 < len(self.pages) else None,
                up="../" * page.path.count("/"),
                footer=footer,
            )
            written[page.path] = text.encode()
        if broken := broken_links(written):
            raise InputError([Problem(path, reason) for path, reason in broken])
        keep_apart([output / name for name in written], read)
        with staging(output) as staged:
            for name, content in written.items():
                made = staged / name
                made.parent.mkdir(parents=True, exist_ok=True)
                made.write_bytes(content)
            for name in written:
                (output / name).parent.mkdir(parents=True, exist_ok=True)
                (staged / name).replace(output / name)
        return sorted(map(Path, written))


class _Targets(HTMLParser):
    """Collects what a page links to, what it loads, and the names of its places."""

    def __init__(self) -> None:
        super().__init__()
        self.linked: list[str] = []
        self.loaded: list[str] = []
        self.names: set[str] = set()
        self.undescribed = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.names.add(given["id"])
        if tag == "a" and "href" in given:
            self.linked.append(given["href"])
        elif tag in ("link", "use") and "href" in given:
            self.loaded.append(given["href"])
        elif "src" in given:
            self.loaded.append(given["src"])
        if tag == "img" and not given.get("alt"):
            self.undescribed += 1


def broken_links(site: dict[str, bytes]) -> list[tuple[str, str]]:
    """Find links that lead nowhere, what is loaded from elsewhere, pictures without words.

    Parameters
    ----------
    site : dict of str to bytes
        Content by path.

    Returns
    -------
    list of (str, str)
        Path of the page, and what was expected there.
    """
    pages: dict[str, _Targets] = {}
    for path, content in site.items():
        if path.endswith(".html"):
            pages[path] = _Targets()
            pages[path].feed(content.decode())
    found = []
    for path, page in pages.items():
        if page.undescribed:
            found.append((path, f"an alt text for {page.undescribed} pictures"))
        found += [
            (path, f"nothing that is loaded from elsewhere, as {target} is")
            for target in page.loaded
            if _REMOTE.match(target)
        ]
        for target in [*page.linked, *page.loaded]:
            if _REMOTE.match(target) or target.startswith("data:"):
                continue
            parts = urlsplit(target)
            place = os.path.normpath(PurePosixPath(path).parent / unquote(parts.path))
            place = path if not parts.path else place
            if place not in site:
                found.append((path, f"a link that leads on; {target} does not"))
            elif place in pages and unquote(parts.fragment) not in pages[place].names | {""}:
                found.append((path, f"a place of that name; {target} has none"))
    return found


def publish(study: Path | None, output: Path) -> list[Path]:
    """Write a site.

    Parameters
    ----------
    study : Path, optional
        A study folder or the name of an embedded study, which is built anew; by default the project
        in the working directory, as it stands.
    output : Path
        Folder of the site.

    Returns
    -------
    list of Path
        The files, relative to `output`.

    Raises
    ------
    InputError
        If the study or a place cannot be used, a notebook has not been executed, or a link leads
        nowhere.
    """
    footer = f"Written by chainpolicy {version('chainpolicy')} from executed notebooks."
    if study is None:
        root = project_root(Path.cwd(), None)
        target = output_folder(output)
        with at_work("writing pages"):
            return Site(root, "chainpolicy", _contents(root)).write(target, footer)
    with at_work("reading"):
        loaded = load_study(study_folder(study))
    target = output_folder(output)
    with tempfile.TemporaryDirectory(prefix="chainpolicy-") as folder:
        root = Path(folder)
        if build(loaded.path, root):
            raise InputError([Problem(str(study), "a study whose notebook can be built")])
        with at_work("writing pages"):
            pages = [
                Page("notebooks/study.ipynb", "index.html", loaded.title, "Report", ""),
                Page("figures", "figures.html", "Figures", "All figures", ""),
                _explorable(loaded, "explore.html", "Explore", ""),
            ]
            if (loaded.path / "README.md").is_file():
                text = (loaded.path / "README.md").read_text(encoding="utf-8")
                (root / "README.md").write_text(text, encoding="utf-8")
                pages.append(Page("README.md", "data.html", "Data", "Data", ""))
            return Site(root, loaded.title, pages).write(target, footer, loaded.files)


def _contents(root: Path) -> list[Page]:
    notebook_pages = []
    for source in sorted((root / "notebooks").glob("[0-9]*.py")):
        kept = source.with_suffix(".ipynb")
        if not kept.is_file():
            raise InputError([Problem(str(kept), "an executed copy: run chainpolicy regenerate")])
        title = _title(kept)
        name = f"notebooks/{kept.name}"
        short = f"{source.stem[:2]} {title}"
        notebook_pages.append(
            Page(name, f"notebooks/{source.stem}.html", title, short, "Notebooks")
        )
    studies = sorted((root / "src/chainpolicy/studies").glob("*/README.md"))
    data = [
        Page(
            path.relative_to(root).as_posix(),
            f"data/{path.parent.name}.html",
            *(2 * (_first_heading(path),)),
            "Data",
        )
        for path in studies
    ]
    explored = [
        _explorable(load_study(name), f"explore/{folder.name}.html", name, "Explore")
        for name, folder in EMBEDDED_STUDIES.items()
    ]
    library = "src/chainpolicy/eventstudy/README.md"
    front = ARTICLE if (root / ARTICLE).is_file() else "README.md"
    pages = [
        Page(front, "index.html", _first_heading(root / front), "The article", ""),
        *notebook_pages,
        *explored,
        Page("figures/README.md", "figures.html", "Figures", "All figures", "Reference"),
        Page(library, "library.html", "The library", "The library", "Reference"),
        Page("CONTRIBUTING.md", "contributing.html", "Contributing", "Contributing", "Reference"),
        *data,
    ]
    if front != "README.md":
        run = Page("README.md", "readme.html", "Run it", "Run it, on your events", "")
        pages.insert(1, run)
    return pages


def _explorable(study: Study, path: str, short: str, part: str) -> Page:
    return Page(
        f"{study.name}/explore", path, f"Explore: {study.title}", short, part, explore(study)
    )


def _body(site: Site, page: Page) -> str:
    if page.body:
        return page.body
    if page.source.endswith(".ipynb"):
        return _notebook(site, page)
    if page.source in ("figures", "figures/README.md"):
        return _figures(site, page)
    text = (site.root / page.source).read_text(encoding="utf-8")
    if page.source == ARTICLE:
        title, rest = text.split("\n", 1)
        text = f"{title}\n\n{WAYS}\n{rest}"
    return to_html(text, site.link(page))


def _notebook(site: Site, page: Page) -> str:
    notebook = notebooks.read(site.root / page.source)
    environment = templates("chainpolicy.build", escaped=False).overlay()
    environment.filters |= {
        "prose": lambda text: to_html(text, site.link(page)),
        "one_word": one_word,
        "code": lambda source: code(source, "python"),
        "picture": site.picture(page),
    }
    return environment.get_template("notebook.html.j2").render(cells=notebook.cells)


def _figures(site: Site, page: Page) -> str:
    link = site.link(page)
    base = "figures/" if page.source == "figures" else ""

    def parts() -> Iterator[str]:
        yield "<h1>Figures</h1>"
        yield "<p>Every figure with the numbers that it shows and the notebook that reads it.</p>"
        for figure in FIGURES:
            if not (site.root / "figures" / f"{figure.name}.png").is_file():
                continue
            words = html.escape(figure.description)
            yield f'<h2 id="{figure.name}">{html.escape(figure.title)}</h2>'
            yield f'<figure><img src="{link(f"{base}{figure.name}.png")}" alt="{words}">'
            yield f"<figcaption>{html.escape(figure.caption)} "
            yield f'<a href="{link(f"{base}{figure.name}.csv")}">Numbers</a>, '
            if f"notebooks/{figure.notebook}.ipynb" in site.sources:
                notebook = link(f"../notebooks/{figure.notebook}.ipynb")
                yield f'<a href="{notebook}">notebook</a>. '
            yield f"Data: {html.escape(figure.data)}."
            yield "</figcaption></figure>"

    return "\n".join(parts())


def _title(notebook: Path) -> str:
    cells = notebooks.read(notebook).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return next(title for text in texts for level, title in headings(text) if level == 1)


def _first_heading(path: Path) -> str:
    return next((title for _, title in headings(path.read_text(encoding="utf-8"))), path.stem)
