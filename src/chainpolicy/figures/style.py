"""What all figures share: colours, units, sizes, and the look of dates."""

from __future__ import annotations

import io
import logging
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import combinations, takewhile
from os import PathLike
from typing import IO, Any, Literal

import numpy as np
import pandas as pd
from matplotlib import font_manager, rc_context, style
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from chainpolicy.typeset.numbers import typeset

STYLE = "chainpolicy.study"
# To fit letters to pixels sets rotated text unevenly, and takes a quarter of a drawing's time.
HINTING = "no_hinting"
WIDTH = 6.3  # inches: 16 cm
# Also in the style: a layout found at one resolution cuts off labels at another.
DPI = 200
INK = "#222222"
QUIET = "#767676"
FAINT = "#D9D9D9"

# Of zlib: a figure is as small as at the usual 6, in half the time.
COMPRESSION = 3

SUPPORTIVE_COLOR, RESTRICTIVE_COLOR = "#332288", "#CC6677"

LONGEST_LABEL = 28
# What may stand before a word, and is nothing without it.
_AROUND = " -_;("

# Tried first for characters that DejaVu Sans lacks.
_EAST_ASIAN = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "SimHei")


@dataclass(frozen=True)
class GroupStyle:
    """How a group looks in every figure; marker and line tell it apart without colour."""

    label: str
    color: str
    marker: str
    line: Literal["-", "--", "-.", ":"]


# Okabe & Ito's palette. The first five tell groups apart in grey too, the third and fourth as kin.
_COLORS = ("#D55E00", "#E69F00", "#0072B2", "#56B4E9", "#009E73", "#CC79A7", "#000000")
_MARKERS = ("D", "v", "o", "s", "^", "P", "X", "h", "<", ">", "p", "*", "d")
_LINES: tuple[Literal["-", "--", "-.", ":"], ...] = ("-", ":", "-", "--", "-.", "-", "--")


class StudyFigure(Figure):
    """A figure that a notebook shows by itself, without Matplotlib's global state.

    Attributes
    ----------
    description : str
        What it shows, for readers who cannot see it.
    """

    description = "A figure without a description."
    _png: bytes | None = None

    def __repr__(self) -> str:
        return self.description

    def _repr_png_(self) -> bytes:
        return self.png()

    def savefig(
        self,
        fname: str | PathLike[str] | IO[bytes],
        *,
        transparent: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Save with the letters of the study's style: they are set when they are drawn."""
        with rc_context({"text.hinting": HINTING}):
            super().savefig(fname, transparent=transparent, **kwargs)
        # A text keeps what it was drawn with last, and with it all pixels of the picture.
        for text in self.findobj(Text):
            text._renderer = None  # type: ignore[attr-defined]

    def png(self) -> bytes:
        """Render the figure as its file and its notebooks show it, once."""
        if self._png is None or self.stale:
            self._png = png_bytes(self)
            # Saving at another resolution than the screen's counts as a change; it is none.
            self.stale = False
        return self._png


def in_style() -> AbstractContextManager[None]:
    """Draw in the study's style, whatever the user's own."""
    ours = {"font.family": _families, "svg.hashsalt": STYLE, "text.hinting": HINTING}
    return style.context([STYLE, ours], after_reset=True)


def png_bytes(figure: StudyFigure, dpi: float = DPI) -> bytes:
    """Render a figure as PNG in the study's style, without the name of the software."""
    buffer = io.BytesIO()
    with in_style():
        figure.savefig(
            buffer,
            format="png",
            dpi=dpi,
            metadata={"Software": None},
            pil_kwargs={"compress_level": COMPRESSION},
        )
    return buffer.getvalue()


def vector_bytes(figure: StudyFigure, kind: str) -> bytes:
    """Render a figure as SVG or PDF in the study's style; the same figure gives the same bytes."""
    unsaid = {"svg": ("Date", "Creator"), "pdf": ("CreationDate", "Creator", "Producer")}
    buffer = io.BytesIO()
    stale = figure.stale
    with in_style():
        figure.savefig(buffer, format=kind, metadata=dict.fromkeys(unsaid[kind]))
    # Nor is saving in another format a change, after which it would be rendered anew.
    figure.stale = stale
    return buffer.getvalue()


def group_styles(
    groups: Iterable[str], labels: Mapping[str, str] | None = None
) -> dict[str, GroupStyle]:
    """Give every group its look, in order: colours, markers and lines, each by turns.

    Parameters
    ----------
    groups : iterable of str
        All groups of the study, in its order.
    labels : mapping of group to str, optional
        What the groups are called; one without an entry keeps its name.

    Returns
    -------
    dict of str to GroupStyle
    """
    names = list(dict.fromkeys(groups))
    shown = shorten_all([(labels or {}).get(name, name) for name in names])
    return {
        name: GroupStyle(
            label,
            _COLORS[place % len(_COLORS)],
            _MARKERS[place % len(_MARKERS)],
            _LINES[place % len(_LINES)],
        )
        for place, (name, label) in enumerate(zip(names, shown, strict=True))
    }


# Families of the text, in the order in which they are tried; `undrawable` adds to them.
_families = ["DejaVu Sans"]


@cache
def _characters_of(family: str) -> frozenset[int]:
    # Matplotlib tells on stderr of every family that has no regular weight.
    with _without_remarks(logging.getLogger(font_manager.__name__)):
        place = font_manager.findfont(family)
    return frozenset(font_manager.get_font(place).get_charmap())


@contextmanager
def _without_remarks(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def undrawable(texts: Iterable[str]) -> list[str]:
    """Find a font for every character, and return the texts for which there is none.

    Any installed family that has the characters will do; figures show a box in place of others.
    """
    found = list(dict.fromkeys(texts))
    missing = {ord(letter) for text in found for letter in text if letter.isprintable()}
    for family in _families:
        missing -= _characters_of(family)
    if missing:
        # Others cannot be named in Matplotlib's settings, or hold a box for every character.
        installed = [
            family
            for family in font_manager.get_font_names()
            if re.fullmatch(r"[\w ]+", family) and not family.startswith("Last Resort")
        ]
        for family in [*(f for f in _EAST_ASIAN if f in installed), *sorted(installed)]:
            if missing and missing & _characters_of(family):
                missing -= _characters_of(family)
                _families.append(family)
    return [text for text in found if any(ord(letter) in missing for letter in text)]


def shorten(text: str, longest: int = LONGEST_LABEL) -> str:
    """Make a user's text fit its place: the middle goes, for names differ at their ends.

    Words stay whole, unless that would leave less than half of the place filled. A character that
    no font here has becomes a box.
    """
    text = "".join(
        letter if any(ord(letter) in _characters_of(family) for family in _families) else "□"
        for letter in text
    )
    if len(text) <= longest:
        return text
    starts = [word.start() for word in re.finditer(r"(?<=[ _;-])[^ _;-]", text)]
    ends = [(text[:first].rstrip(_AROUND), text[last:]) for first, last in combinations(starts, 2)]
    whole = [
        (head, tail)
        for head, tail in ends
        if head and longest // 2 <= len(head) + len(tail) <= longest - 1
    ]
    if whole:
        # As much as there is room for, and of both ends alike.
        head, tail = max(whole, key=lambda pair: (len("".join(pair)), min(map(len, pair))))
        return f"{head}…{tail}"
    kept = (longest - 1) // 2
    return (
        text[: longest - 1 - kept].rstrip(_AROUND) + "…" + text[len(text) - kept :].lstrip(" -_)")
    )


def shorten_all(texts: Sequence[str], longest: int = LONGEST_LABEL) -> list[str]:
    """Make texts fit their places; those that differ stay different.

    Where that would make several alike, they are shortened to the words in which they differ.
    """
    alike: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        alike.setdefault(shorten(text, longest), []).append(text)
    shown: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        short = shorten(text, longest)
        if len(alike[short]) > 1:
            short = shorten(_what_differs(text, alike[short]), longest)
        number = 2
        while short in shown.values():
            mark = f"…{number}"
            short = shorten(text, longest - len(mark)) + mark
            number += 1
        shown[text] = short
    return [shown[text] for text in texts]


def _what_differs(text: str, texts: Sequence[str]) -> str:
    """Leave out the words at the beginning and the end that all of several texts share."""
    words = [one.split(" ") for one in texts]
    head, tail = (_n_shared(lists) for lists in (words, [one[::-1] for one in words]))
    own = text.split(" ")
    kept = " ".join(own[head : max(len(own) - tail, head)])
    return f"{'…' if head else ''}{kept}{'…' if tail else ''}" if kept else text


def _n_shared(lists: Sequence[Sequence[str]]) -> int:
    """How many words all of several lists begin with."""
    together = zip(*lists, strict=False)
    return sum(1 for _ in takewhile(lambda words: len(set(words)) == 1, together))


def percent_number(value: float) -> str:
    """Write a decimal as a percentage without its sign, 0.05 as 5."""
    return typeset(f"{round(100 * value, 6):g}")


def percent_ticks(axis: Axis) -> None:
    """Label an axis of decimals in percent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: percent_number(value)))


def return_label(quantity: str, kind: str) -> str:
    """Name a quantity with its unit; a window in it has real minus signs."""
    return f"{typeset(quantity)}, {kind} return (%)"


def nice(value: float) -> float:
    """Round to the nearest of 1, 2 or 5 times a power of ten."""
    if not value > 0:
        return 0.01
    power = 10.0 ** math.floor(math.log10(value))
    return min((step * power for step in (1, 2, 5, 10)), key=lambda at: abs(math.log(at / value)))


def color_scale(values: pd.Series) -> float:
    """Return where colours end: before the few extremes do, which otherwise leave all else pale."""
    return nice(float(values.abs().quantile(0.975)))


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> NDArray[Any]:
    """Move ascending positions apart by as little as possible (least squares).

    They stay between `low` and `high`; the gap is smaller if there is no room for it.
    """
    count = len(positions)
    if count < 2:
        return np.asarray(positions, dtype=float)
    from scipy.optimize import isotonic_regression

    steps = np.arange(count) * min(gap, (high - low) / (count - 1))
    level = isotonic_regression(np.asarray(positions, dtype=float) - steps).x
    moved: NDArray[Any] = np.clip(level, low, high - steps[-1]) + steps
    return moved
