"""From a file, a page or a stream to the paragraphs of an article."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import sys
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from chainpolicy.study.problems import InputError, Problem, irregular

MOST_BYTES = 2_000_000
MOST_CHARACTERS = 500_000
MOST_IN_PARAGRAPH = 20_000


@dataclass(frozen=True)
class Article:
    """An article as it was read.

    Parameters
    ----------
    text : str
        The paragraphs, joined by blank lines.
    checksum : str
        SHA-256 of the bytes as they were read, hexadecimal.
    paragraphs : tuple of str
        White space collapsed to single blanks, hyphens and full-width signs as in ASCII, invisible
        signs left out; paragraph n of a statement is ``paragraphs[n - 1]``.
    name : str
        Name of the source as its reader knows it.
    published : datetime.date, optional
        Day of publication that an HTML page states about itself.
    """

    text: str
    checksum: str
    paragraphs: tuple[str, ...]
    name: str
    published: dt.date | None = None


# Signs that look like others to a reader, or like nothing, and unlike them to a pattern.
_TYPOGRAPHY = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2212", "-")
    | {chr(full): chr(full - 0xFEE0) for full in range(0xFF01, 0xFF5F)}
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", "")
    | {chr(control): "" for control in (*range(1, 9), *range(14, 28), 127)}
)


def read_article(source: str | Path | IO[bytes]) -> Article:
    """Read an article from a file, from a binary stream, or from standard input.

    Plain text is split into paragraphs at blank lines, or at every line end if there is no blank
    line; a text that begins with a tag, or a file named .html or .htm, is read as HTML, whose
    paragraphs are its block elements.

    Parameters
    ----------
    source : path, binary stream, or "-"
        "-" is standard input. At most 2 MB are read.

    Raises
    ------
    InputError
        If the source cannot be read, is empty, binary, not UTF-8 (HTML may declare another
        encoding), not English, or too long: more than 2 MB, 500,000 characters of text, or 20,000
        characters in one paragraph (splitting sentences takes time that grows with the square of
        the length).
    """
    data, name = _read_bytes(source)
    if not data.strip():
        raise _refusal(name, "the text of an article; it is empty")
    if data.startswith((b"%PDF", b"PK\x03\x04")) or (b"\0" in data and not _is_utf16(data)):
        raise _refusal(name, "text; it is binary: save the article as UTF-8 text or HTML")
    markup = name.lower().endswith((".html", ".htm")) or _LOOKS_LIKE_HTML.match(data) is not None
    text = _decode(data, name, markup=markup)
    published = None
    if markup:
        blocks, published = _html_blocks(text, name)
        located: Iterable[tuple[int | None, str]] = ((None, block) for block in blocks)
    else:
        located = _text_blocks(text)
    paragraphs: list[str] = []
    too_long = []
    for line, block in located:
        paragraph = " ".join(block.translate(_TYPOGRAPHY).split())
        if len(paragraph) > MOST_IN_PARAGRAPH:
            expected = (
                f"at most {MOST_IN_PARAGRAPH:,} characters in a paragraph; paragraph "
                f"{len(paragraphs) + 1} has {len(paragraph):,}: separate paragraphs by blank lines"
            )
            too_long.append(Problem(name, expected, line=line, value=paragraph))
        if paragraph:
            paragraphs.append(paragraph)
    if too_long:
        raise InputError(too_long)
    joined = "\n\n".join(paragraphs)
    if not joined:
        raise _refusal(name, "the text of an article; it holds no text")
    if len(joined) > MOST_CHARACTERS:
        expected = f"at most {MOST_CHARACTERS:,} characters of text; there are {len(joined):,}"
        raise _refusal(name, expected)
    _require_english(joined, name)
    return Article(joined, hashlib.sha256(data).hexdigest(), tuple(paragraphs), name, published)


def _refusal(name: str, expected: str) -> InputError:
    return InputError([Problem(name, expected)])


def _read_bytes(source: str | Path | IO[bytes]) -> tuple[bytes, str]:
    if source == "-":
        # A process may be started without a standard input.
        source = sys.stdin.buffer if sys.stdin else io.BytesIO()
    if isinstance(source, str | Path):
        name = str(source)
        if expected := irregular(Path(source)):
            raise _refusal(name, expected)
        try:
            with Path(source).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise _refusal(name, f"a file that can be read; the system says: {reason}") from error
    else:
        name = "standard input"
        data = source.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise _refusal(name, f"one article; it is larger than {MOST_BYTES:,} bytes")
    return data, name


_LOOKS_LIKE_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\b|!--|\?xml\b|[a-z][a-z0-9]*[\s/>])", re.IGNORECASE
)


def _is_utf16(data: bytes) -> bool:
    return data.startswith((b"\xff\xfe", b"\xfe\xff"))


def _decode(data: bytes, name: str, *, markup: bool) -> str:
    encoding = "utf-16" if _is_utf16(data) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        failed = error
    if markup and (declared := _declared_encoding(data)):
        try:
            return data.decode(declared)
        except (UnicodeError, LookupError):
            pass
    line = data.count(b"\n", 0, failed.start) + 1
    value = f"byte 0x{data[failed.start]:02x}"
    expected = "UTF-8 text; save the article in that encoding"
    raise InputError([Problem(name, expected, line=line, value=value)]) from failed


def _declared_encoding(data: bytes) -> str | None:
    found = re.search(rb"charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_.:-]{1,40})", data[:4096])
    if found is None:
        return None
    encoding = found.group(1).decode("ascii").lower()
    # Pages that declare the older Chinese sets use characters of the newest, which contains them.
    return "gb18030" if encoding in {"gb2312", "gbk"} else encoding


def _text_blocks(text: str) -> Iterator[tuple[int, str]]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    filled = [number for number, line in enumerate(lines) if line.strip()]
    # Neighbouring lines belong together only in a text that separates paragraphs by blank lines.
    wrapped = bool(filled) and len(filled) <= filled[-1] - filled[0]
    block: list[str] = []
    for number, line in enumerate([*lines, ""]):
        if block and (not wrapped or not line.strip()):
            yield number - len(block) + 1, " ".join(block)
            block = []
        if line.strip():
            block.append(line)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BLOCKS = _words(
    "address article aside blockquote body caption dd div dl dt figcaption figure form h1 h2 h3 h4 "
    "h5 h6 header hr html li main ol p pre section summary table tbody td tfoot th thead tr ul"
)
_NO_PROSE = _words("head script style noscript template nav footer textarea select svg")


def _html_blocks(markup: str, name: str) -> tuple[list[str], dt.date | None]:
    from bs4 import BeautifulSoup
    from bs4.element import NavigableString, Tag
    from bs4.exceptions import ParserRejectedMarkup

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about markup that resembles a file name or XML
            # The standard library's parser needs quadratic time on unclosed tags and comments.
            soup = BeautifulSoup(markup, "lxml")
    except ParserRejectedMarkup as error:
        raise _refusal(name, f"HTML that can be read; the parser says: {error}") from error
    blocks: list[str] = []
    pieces: list[str] = []
    last_block = 0
    # Parents come before their children, so one pass knows every string's block and visibility.
    inside: dict[int, tuple[int, bool]] = {id(soup): (0, True)}
    for node in soup.descendants:
        block, visible = inside[id(node.parent)]
        if isinstance(node, Tag):
            block = id(node) if node.name in _BLOCKS else block
            inside[id(node)] = (block, visible and node.name not in _NO_PROSE)
            if node.name == "br" and visible:
                pieces.append("\n")
        elif type(node) is NavigableString and visible:
            if block != last_block:
                blocks.append("".join(pieces))
                pieces = []
                last_block = block
            pieces.append(" ".join(f"|{node}|".split())[1:-1])
    blocks.append("".join(pieces))
    # Older pages separate paragraphs by two line breaks instead of elements.
    return [part for text in blocks for part in re.split(r"\n ?\n", text)], _page_date(soup)


_PUBLISHED = _words("article:published_time datepublished publishdate pubdate")


def _page_date(soup: Any) -> dt.date | None:
    for tag in soup.find_all("meta"):
        name = tag.get("property") or tag.get("name") or tag.get("itemprop") or ""
        if name.lower() in _PUBLISHED:
            try:
                return dt.date.fromisoformat(tag.get("content", "")[:10])
            except ValueError:
                continue
    return None


_FUNCTION_WORDS = _words(
    "the of and to that for with is was were it by from at this which has have had be are as he "
    "they its on in a an not will said"
)


def _require_english(text: str, name: str) -> None:
    sample = text[:50_000]
    letters = Counter("LATIN" in unicodedata.name(char, "") for char in sample if char.isalpha())
    words = re.findall(r"[^\W\d_]+", sample.lower())
    share = sum(word in _FUNCTION_WORDS for word in words) / max(len(words), 1)
    reason = ""
    if letters[False] > letters[True]:
        reason = "most letters are not Latin"
    elif len(words) >= 100 and share < 0.08:
        reason = f"only {share:.0%} of its words are common English ones"
    if reason:
        raise _refusal(name, f"an English text; it is not in English ({reason})")
