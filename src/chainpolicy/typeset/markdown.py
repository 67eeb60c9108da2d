"""Markdown with formulas -> HTML that needs no script: MathML, highlighted code, anchors."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

# What a formula says about itself, and MathML has no word for.
TAG = re.compile(r"\\tag\{(\w+)\}")
# In a cell of its own it stays on one line.
_DAY = re.compile(r"<td>(\d{4}-\d\d-\d\d)</td>")
_FORMATTER = HtmlFormatter(nowrap=True)


def slug(heading: str) -> str:
    """Name a heading as code-hosting pages do, so that links to it work on both."""
    kept = re.sub(r"[^\w\s-]", "", heading.strip().lower())
    return re.sub(r"\s", "-", kept)


def formula(latex: str, display: bool = False) -> str:
    r"""Write a formula as MathML, which browsers draw by themselves.

    Parameters
    ----------
    latex : str
    display : bool, default False
        On a line of its own; a ``\\tag`` stands beside it then.

    Returns
    -------
    str
    """
    tag = TAG.search(latex)
    written = mathml(latex, "block" if display else "inline")
    number = f'<span class="tag">({tag[1]})</span>' if tag else ""
    return f'<div class="formula">{written}{number}</div>' if display else written


def mathml(latex: str, display: str = "inline") -> str:
    """Convert LaTeX to MathML, without its tag and the backticks of code-hosting pages."""
    # The converter does not know the operator arg.
    spelled = TAG.sub("", latex.strip().strip("`")).replace(r"\arg", r"\operatorname{arg}")
    written: str = convert(spelled.strip(), display=display)
    return written


def code(source: str, language: str) -> str:
    """Highlight code; a language that is not known stays plain."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return f"<pre><code>{html.escape(source)}</code></pre>"
    return f"<pre><code>{highlight(source, lexer, _FORMATTER)}</code></pre>"


def style_sheet() -> str:
    """Return the style sheet of a page: by day, by night and in print."""
    page = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    light, dark = (
        HtmlFormatter(style=name).get_style_defs("pre") for name in ("default", "github-dark")
    )
    # Their colours; the page has a paper of its own.
    own = r"(?m)^pre \{.*\n|^(pre|td|span)\.?\w* .*line-height.*\n"
    light, dark = re.sub(own, "", light), re.sub(own, "", dark)
    return f"{page}{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def page(title: str, body: str) -> str:
    """Write a page as one file that loads nothing.

    Parameters
    ----------
    title : str
    body : str
        HTML.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n"
        f"<style>\n{style_sheet()}</style>\n</head>\n"
        f'<body class="document">\n<main>\n{body}</main>\n</body>\n</html>\n'
    )


def to_html(text: str, link: Callable[[str], str] = lambda target: target) -> str:
    """Write Markdown as HTML.

    Parameters
    ----------
    text : str
        CommonMark with tables; formulas between dollars or fenced as ``math``.
    link : callable, optional
        Takes the target of a link or picture, returns the target on the page.

    Returns
    -------
    str
    """
    parser = _parser()
    tokens = parser.parse(text)
    _relink(tokens, link)
    written: str = parser.renderer.render(tokens, parser.options, {})
    written = _DAY.sub(r'<td class="day">\1</td>', written)
    return written.replace("<table>", '<div class="wide"><table>').replace(
        "</table>", "</table></div>"
    )


def parsed(text: str) -> list[Token]:
    """Parse Markdown into the tokens from which pages and documents are written."""
    return _parser().parse(text)


def headings(text: str) -> list[tuple[int, str]]:
    """List the headings of a Markdown text: level, and text without marks."""
    tokens = parsed(text)
    return [
        (int(token.tag[1]), _plain(after))
        for token, after in itertools.pairwise(tokens)
        if token.type == "heading_open"
    ]


def _plain(inline: Token) -> str:
    return "".join(
        child.content
        for child in inline.children or []
        if child.type in ("text", "code_inline", "math_inline")
    )


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "typographer": False})
    parser.enable(["table", "strikethrough"])
    dollarmath_plugin(
        parser,
        allow_space=False,
        double_inline=True,
        renderer=lambda content, options: formula(content, options["display_mode"]),
    )
    anchors_plugin(parser, max_level=4, slug_func=slug)
    parser.add_render_rule("fence", _fence)
    return parser


def _fence(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    token = tokens[index]
    language = token.info.strip()
    if language == "math":
        return formula(token.content, display=True)
    return code(token.content, language or "text")


def _relink(tokens: Sequence[Token], link: Callable[[str], str]) -> None:
    for token in tokens:
        for name in ("href", "src"):
            if name in token.attrs:
                token.attrs[name] = link(str(token.attrs[name]))
        _relink(token.children or [], link)
