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
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

# What a formula says about itself, and MathML has no word for.
TAG = re.compile(r"\\tag\{(\w+)\}")
# What the converter takes for a letter, and so sets without room around it.
_SIGN = re.compile(r"<mi>(&#x(?:0007E|000B1|029F5);)</mi>")
# As the converter writes it, no browser draws the first and no font has the second.
_SIGNS = {"&#x0007E;": "&#x0223C;", "&#x029F5;": "&#x02216;"}
# Few fonts have a bar as long as a word: the style sheet draws it.
_BAR = ('<mo accent="true">&#x02015;</mo>', '<mo class="bar">&#x000AF;</mo>')
_WITH_MARK = re.compile(r'(<span class="math inline">(?:(?!</math>).)*</math></span>[.,;:)]+)')
_CELL = re.compile(r"<td>(.*?)</td>", re.DOTALL)
# Characters of a cell that stays on one line.
_SHORT = 24
# A number and its unit, a p-value and a window are read as one word.
_ONE_WORD = re.compile(
    r"(?<=\d) %|\bp (?:[<=]|&lt;) \d|\[[-\N{MINUS SIGN}]?\d+, [-\N{MINUS SIGN}]?\d+\]"
)
_FORMATTER = HtmlFormatter(nowrap=True)


def slug(heading: str) -> str:
    """Name a heading as code-hosting pages do, so that links to it work on both."""
    kept = re.sub(r"[^\w\s-]", "", heading.strip().lower())
    return re.sub(r"\s", "-", kept)


def formula(latex: str, display: bool = False) -> str:
    r"""Write a formula as MathML, which browsers draw by themselves.

    Parameters
    ----------
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
    written = _SIGN.sub(lambda sign: f"<mo>{_SIGNS.get(sign[1], sign[1])}</mo>", written)
    return written.replace(*_BAR)


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
    written = _CELL.sub(_cell, written)
    # No line begins with the mark that ends a formula.
    written = _WITH_MARK.sub(r'<span class="whole">\1</span>', written)
    return written.replace("<table>", '<div class="wide"><table>').replace(
        "</table>", "</table></div>"
    )


def one_word(text: str) -> str:
    """Join what is read as one word: "5 %", "p = 0.02", "[0, 1]"."""
    return _ONE_WORD.sub(lambda word: word[0].replace(" ", "\N{NO-BREAK SPACE}"), text)


def _cell(cell: re.Match[str]) -> str:
    text = html.unescape(re.sub("<[^>]*>", "", cell[1]))
    kind = "short" if len(text) <= _SHORT else "long"
    return f'<td class="{kind}">{cell[1]}</td>'


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
    parser.core.ruler.push("one_word", _keep_together)
    parser.add_render_rule("fence", _fence)
    return parser


def _keep_together(state: StateCore) -> None:
    """Let no line end inside what is read as one word, wherever the lines of the source end."""
    for token in state.tokens:
        kept: list[Token] = []
        for child in token.children or []:
            if child.type == "softbreak":
                child = Token("text", "", 0, content=" ")
            if child.type == "text" and kept and kept[-1].type == "text":
                kept[-1].content += child.content
            else:
                kept.append(child)
        for child in kept:
            if child.type == "text":
                child.content = one_word(child.content)
        if token.children:
            token.children = kept


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
