"""Markdown with formulas, tables and pictures -> PDF, by typst."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import typst
from markdown_it.token import Token

from chainpolicy.typeset.markdown import TAG, mathml, parsed

# In points, of the text.
SIZE = 10
LIMITS = {"min", "max", "sup", "lim", "arg"}
# More columns than this, and a table is set smaller.
_MANY = 6
# With more rows than this, a table begins where there is room for its first.
_SHORT = 12
# A picture in cm: a taller one would leave most of the page before it empty.
_TALLEST = 12

_HEAD = """\
#set document(title: {title}, date: none)
#set page(paper: "a4", margin: (x: 2.6cm, y: 2.4cm), numbering: "1")
#set text(font: ("Libertinus Serif", "DejaVu Sans"), size: {size}pt, lang: "en")
#set par(justify: true, leading: 0.6em)
#set heading(numbering: none)
#show heading: set block(above: 1.4em, below: 0.7em)
#show heading.where(level: 1): set text(size: 17pt)
#show link: set text(fill: rgb("#332288"))
#show figure: set block(breakable: false)
#let picture(name, alt) = layout(space => {{
  let whole = image(name, width: 100%, alt: alt)
  let high = measure(width: space.width, whole).height > {tallest}cm
  if high {{ image(name, height: {tallest}cm, alt: alt) }} else {{ whole }}
}})
#let rule(x, y) = if y == 0 {{ (bottom: 0.7pt) }} else {{ (bottom: 0.3pt + luma(200)) }}
#set table(stroke: rule, inset: (x: 4pt, y: 3pt))
#show table: set par(justify: false)
#show table: set text(hyphenate: false)
"""


def to_pdf(text: str, pictures: Mapping[str, bytes]) -> bytes:
    """Set a Markdown text as PDF; the same text gives the same bytes.

    Parameters
    ----------
    text : str
        Its first heading is the title. Links inside the project become plain text.
    pictures : mapping of str to bytes
        SVG or PNG by the target under which the text shows it.

    Returns
    -------
    bytes
    """
    tokens = parsed(text)
    with tempfile.TemporaryDirectory(prefix="chainpolicy-") as folder:
        writer = _Writer(Path(folder), pictures)
        body = "\n\n".join(writer.blocks(tokens))
        title = next((t.content for t in tokens if t.type == "inline"), "")
        source = Path(folder) / "document.typ"
        head = _HEAD.format(title=_string(title), size=SIZE, tallest=_TALLEST)
        source.write_text(f"{head}\n{body}\n", encoding="utf-8")
        compiled: bytes = typst.compile(str(source), root=folder)
        return compiled


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\\u2028", " ")


class _Writer:
    """Tokens of Markdown -> lines of typst; pictures and formulas go to files beside them."""

    def __init__(self, folder: Path, pictures: Mapping[str, bytes]) -> None:
        self.folder = folder
        self.pictures = pictures
        self._files = 0

    def blocks(self, tokens: Sequence[Token]) -> Iterator[str]:
        """Write the blocks of a text, one after the other."""
        index = 0
        while index < len(tokens):
            token = tokens[index]
            end = _closing(tokens, index)
            inner = tokens[index + 1 : end]
            if token.type == "heading_open":
                yield f"#heading(level: {token.tag[1]})[{self.inline(inner[0])}]"
            elif token.type == "paragraph_open":
                yield self._paragraph(inner[0])
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                kind = "list" if token.type.startswith("bullet") else "enum"
                items = "".join(f"[{item}]" for item in self._items(inner))
                yield f"#{kind}{items}"
            elif token.type == "table_open":
                yield self._table(inner)
            elif token.type == "blockquote_open":
                yield f"#quote(block: true)[{' '.join(self.blocks(inner))}]"
            elif token.type == "fence" and token.info.strip() == "math":
                yield self._display(token.content)
            elif token.type in ("fence", "code_block"):
                yield f"#block(text(size: 8pt, raw({_string(token.content)}, block: true)))"
            elif token.type == "math_block":
                yield self._display(token.content)
            index = end + 1

    def _items(self, tokens: Sequence[Token]) -> Iterator[str]:
        index = 0
        while index < len(tokens):
            end = _closing(tokens, index)
            yield "\n\n".join(self.blocks(tokens[index + 1 : end]))
            index = end + 1

    def _paragraph(self, inline: Token) -> str:
        children = inline.children or []
        if len(children) == 1 and children[0].type == "image":
            return self._picture(children[0])
        if len(children) == 1 and children[0].type in ("math_inline_double", "math_block"):
            return self._display(children[0].content)
        return self.inline(inline)

    def _picture(self, image: Token) -> str:
        content = self.pictures[str(image.attrs["src"])]
        name = self._keep(content, ".png" if content.startswith(b"\x89PNG") else ".svg")
        # What is said of a picture or a table stands on its page.
        figure = f"#figure(picture({_string(name)}, {_string(image.content)}))"
        return f"#block(sticky: true)[{figure}]"

    def _keep(self, content: bytes, suffix: str) -> str:
        self._files += 1
        name = f"picture-{self._files}{suffix}"
        (self.folder / name).write_bytes(content)
        return name

    def inline(self, inline: Token) -> str:
        """Write the text of one paragraph, heading or cell."""
        written: list[str] = []
        for child in inline.children or []:
            if child.type == "text":
                written.append(f"#{_string(child.content)};" if child.content else "")
            elif child.type == "code_inline":
                written.append(f"#raw({_string(child.content)});")
            elif child.type == "math_inline":
                written.append(self._formula(child.content))
            elif child.type in ("math_inline_double", "math_block"):
                written.append(self._display(child.content))
            elif child.type in ("softbreak", "hardbreak"):
                written.append(" " if child.type == "softbreak" else " \\\n")
            elif child.type in ("em_open", "strong_open"):
                written.append("#emph[" if child.type == "em_open" else "#strong[")
            elif child.type == "link_open":
                target = str(child.attrs["href"])
                outside = re.match("https?:", target)
                written.append(f"#link({_string(target)})[" if outside else "#[")
            elif child.type in ("em_close", "strong_close", "link_close"):
                written.append("];")
            elif child.type == "image":
                written.append(self._picture(child))
        return "".join(written)

    def _table(self, tokens: Sequence[Token]) -> str:
        rows: list[list[str]] = []
        sides: list[str] = []
        for place, token in enumerate(tokens):
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                if token.type == "th_open":
                    right = "right" in str(token.attrs.get("style", ""))
                    sides.append("right" if right else "left")
                rows[-1].append(f"[{self.inline(tokens[place + 1])}]")
        head, *body = (", ".join(row) for row in rows)
        size = 8 if len(sides) <= _MANY else 7
        parts = [
            f"columns: {len(sides)}",
            f"align: ({', '.join(sides)},)",
            f"table.header({head})",
            *body,
        ]
        sticky = "true" if len(body) <= _SHORT else "false"
        return f"#block(sticky: {sticky}, text(size: {size}pt, table({', '.join(parts)})))"

    def _formula(self, latex: str) -> str:
        return f"${to_typst(latex)}$"

    def _display(self, latex: str) -> str:
        tag = TAG.search(latex)
        number = f"({tag[1]})" if tag else ""
        return (
            "#grid(columns: (1fr, auto), align: (center, right + horizon), "
            f"$ {to_typst(latex)} $, [{number}])"
        )


def _closing(tokens: Sequence[Token], index: int) -> int:
    """Index of the token that closes one; its own where it has no inside."""
    if tokens[index].nesting != 1:
        return index
    level = tokens[index].level
    return next(
        later
        for later in range(index + 1, len(tokens))
        if tokens[later].nesting == -1 and tokens[later].level == level
    )


_ACCENTS = {"^": "hat", "¯": "overline", "~": "tilde", "→": "arrow", "˙": "dot"}


def to_typst(latex: str) -> str:
    """Write a formula in typst's mathematics, by way of MathML."""
    return _mathematics(ElementTree.fromstring(mathml(latex)))


def _mathematics(node: ElementTree.Element) -> str:
    kind = node.tag.rpartition("}")[2]
    parts = [_mathematics(child) for child in node]
    # A group is one argument, whatever it holds; braces of its own it has none.
    one = [part or '""' for part in parts]
    match kind:
        case "mi" | "mo" | "mn":
            atom = _atom(kind, node.text or "")
            return f"bold({atom})" if node.get("mathvariant") == "bold" else atom
        case "mtext":
            return _string(node.text or "")
        case "mspace":
            width = float(re.sub(r"[^\d.-]", "", node.get("width", "")) or 0)
            return f"#h({width}em)"
        case "mfrac":
            return f"frac({one[0]}, {one[1]})"
        case "msqrt":
            return f"sqrt({' '.join(one)})"
        case "msub" | "munder":
            return f"attach({one[0]}, b: {one[1]})"
        case "msup":
            return f"attach({one[0]}, t: {one[1]})"
        case "msubsup" | "munderover":
            return f"attach({one[0]}, b: {one[1]}, t: {one[2]})"
        case "mover":
            accent = _ACCENTS.get((node[1].text or "").strip())
            return f"{accent}({one[0]})" if accent else f"attach({one[0]}, t: {one[1]})"
        case "mtr":
            return ", ".join(parts)
        case "mtable":
            return f"mat(delim: #none, {'; '.join(parts)})"
        case _:
            inner = " ".join(filter(None, parts))
            fences = [child for child in node if child.get("fence") == "true"]
            return f"lr({inner})" if len(fences) == 2 and len(node) > 1 else inner


def _atom(kind: str, text: str) -> str:
    if kind == "mn" or (text.isalpha() and len(text) == 1):
        return text
    if text.isalpha():
        # Words under which limits stand, as in min over w.
        return f"op({_string(text)}, limits: #{'true' if text in LIMITS else 'false'})"
    signs = text.replace("-", "−").replace("'", "′")
    return " ".join(f"\\{sign}" if sign.isascii() else sign for sign in signs if not sign.isspace())
