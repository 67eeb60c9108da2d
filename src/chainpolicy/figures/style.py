"""What all figures share: colours, units, sizes, and the look of dates."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib import font_manager, style
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from chainpolicy.typeset.report_table import group_label

STYLE = "chainpolicy.study"
WIDTH = 6.3  # inches: 16 cm
# Also in the style: a layout found at one resolution cuts off labels at another.
DPI = 200
INK = "#222222"
QUIET = "#767676"
FAINT = "#D9D9D9"

SUPPORTIVE, RESTRICTIVE = "#332288", "#CC6677"

LONGEST_LABEL = 28

# Used for the characters that DejaVu Sans lacks, where one of them is installed.
_EAST_ASIAN = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
)


@dataclass(frozen=True)
class GroupStyle:
    """How a group looks in every figure; marker and line tell it apart without colour."""

    label: str
    color: str
    marker: str
    line: Literal["-", "--", "-.", ":"]


# Okabe & Ito's palette. Kin groups have kin colours, one dark and one light in grey.
_FIXED = {
    "bitcoin": GroupStyle(group_label("bitcoin"), "#D55E00", "D", "-"),
    "coins": GroupStyle(group_label("coins"), "#E69F00", "v", ":"),
    "a_shares_tier1": GroupStyle(group_label("a_shares_tier1"), "#0072B2", "o", "-"),
    "a_shares_tier2": GroupStyle(group_label("a_shares_tier2"), "#56B4E9", "s", "--"),
    "us_listed": GroupStyle(group_label("us_listed"), "#009E73", "^", "-."),
}
_FREE_COLORS = ("#CC79A7", "#000000", "#0072B2", "#E69F00", "#009E73", "#56B4E9", "#D55E00")
_FREE_MARKERS = ("P", "X", "h", "<", ">", "p", "*", "d")
_FREE_LINES: tuple[Literal["-", "--", "-.", ":"], ...] = ("-", "--", "-.", ":")


class StudyFigure(Figure):
    """A figure that a notebook shows by itself, without Matplotlib's global state.

    Attributes
    ----------
    description : str
        What it shows, for who cannot see it.
    """

    description = "A figure without a description."

    def __repr__(self) -> str:
        return self.description

    def _repr_png_(self) -> bytes:
        return png_bytes(self)


def in_style() -> AbstractContextManager[None]:
    """Draw in the study's style, whatever the user's own."""
    return style.context([STYLE, {"font.family": _families()}], after_reset=True)


def png_bytes(figure: Figure, dpi: float = DPI) -> bytes:
    """Render a figure as PNG in the study's style, without the name of the software."""
    buffer = io.BytesIO()
    with in_style():
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def group_styles(groups: Iterable[str]) -> dict[str, GroupStyle]:
    """Give every group its look.

    Parameters
    ----------
    groups : iterable of str
        All groups of the study, in its order.

    Returns
    -------
    dict of str to GroupStyle
        The embedded study's groups always look the same. Others follow in order, first through
        the colours that are left, then through all again with other markers and lines.
    """
    names = list(dict.fromkeys(groups))
    taken = {_FIXED[name].color for name in names if name in _FIXED}
    free = [color for color in _FREE_COLORS if color not in taken]
    styles = {}
    others = 0
    for name in names:
        if name in _FIXED:
            styles[name] = _FIXED[name]
            continue
        styles[name] = GroupStyle(
            shorten(name),
            free[others % len(free)],
            _FREE_MARKERS[others % len(_FREE_MARKERS)],
            _FREE_LINES[others // len(free) % len(_FREE_LINES)],
        )
        others += 1
    return styles


@cache
def _families() -> list[str]:
    installed = font_manager.get_font_names()
    return ["DejaVu Sans", *(family for family in _EAST_ASIAN if family in installed)]


@cache
def _characters() -> frozenset[int]:
    fonts = [font_manager.get_font(font_manager.findfont(family)) for family in _families()]
    return frozenset(code for font in fonts for code in font.get_charmap())


def shorten(text: str, longest: int = LONGEST_LABEL) -> str:
    """Make a user's text fit its place, with a box for a character that no font here has."""
    text = "".join(letter if ord(letter) in _characters() else "□" for letter in text)
    return text if len(text) <= longest else text[: longest - 1].rstrip(" -_(") + "…"


def day_label(day: pd.Timestamp, year: bool = True) -> str:
    """Write a day as 25 Oct 2019."""
    return f"{day.day} {day:%b %Y}" if year else f"{day.day} {day:%b}"


def percent(value: float) -> str:
    """Write a decimal as a percentage without its sign, 0.05 as 5."""
    return f"{round(100 * value, 6):g}".replace("-", "−")


def percent_ticks(axis: Axis) -> None:
    """Label an axis of decimals in percent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))


def return_label(quantity: str, kind: str) -> str:
    """Name a quantity with its unit."""
    return f"{quantity}, {kind} return (%)"


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> NDArray[Any]:
    """Move ascending positions apart by as little as possible (least squares).

    Parameters
    ----------
    positions : sequence of float
        Ascending.
    gap : float
        Smallest distance wanted; smaller if there is no room for it.
    low, high : float
        Where the positions must stay.

    Returns
    -------
    ndarray, shape (len(positions),)
    """
    count = len(positions)
    if count < 2:
        return np.asarray(positions, dtype=float)
    steps = np.arange(count) * min(gap, (high - low) / (count - 1))
    level = isotonic_regression(np.asarray(positions, dtype=float) - steps).x
    moved: NDArray[Any] = np.clip(level, low, high - steps[-1]) + steps
    return moved
