"""A table to be read, as LaTeX that pdflatex and lualatex set as it is, alone or in a document."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from pylatexenc.latexencode import (
    RULE_DICT,
    UnicodeToLatexConversionRule,
    UnicodeToLatexEncoder,
)

# Before a class is loaded LaTeX knows no class options: then the file is the whole document.
_ALONE = r"""\expandafter\ifx\csname @classoptionslist\endcsname\relax
\documentclass{article}
\usepackage{PACKAGES}
\begin{document}
\def\endoftable{\end{document}}
\else
\let\endoftable\relax
\fi
"""
# As a float, a table of more rows would run off the page: it is set as one that breaks.
LONGEST_FLOAT = 40
# Longer cells of words are broken; the column takes this share of the line.
LONGEST_WORDS = 24
WORDS_WIDTH = 0.2
# Points: the line of the class article, upright and turned, which few documents have shorter.
LINE, TURNED_LINE = 345.0, 550.0
SEPARATION = 6.0
# Points of a digit, which small type has wider, and of other signs in digits.
SIZES = {r"\footnotesize": 4.25, r"\scriptsize": 3.98, r"\fontsize{6}{7}\selectfont": 3.67}
SIGNS = (
    dict.fromkeys(" .,:;'|()[]-/!fijlrtI", 0.7)
    | dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZmw", 1.4)
    | dict.fromkeys("+\N{MINUS SIGN}\N{MULTIPLICATION SIGN}<>=%", 1.65)
    | dict.fromkeys("MW", 2.0)
)

_ENCODER = UnicodeToLatexEncoder(
    conversion_rules=[
        UnicodeToLatexConversionRule(
            RULE_DICT,
            {
                ord("<"): "$<$",
                ord(">"): "$>$",
                ord("|"): "$|$",
                ord("\N{MINUS SIGN}"): "$-$",
                ord("\N{MULTIPLICATION SIGN}"): r"$\times$",
                # amsmath has a better one, which a document need not load.
                ord("\N{NON-BREAKING HYPHEN}"): "-",
                # After \\ and \item a bracket would begin an option.
                ord("["): "{[}",
                ord("]"): "{]}",
            },
        ),
        "defaults",
    ],
    replacement_latex_protection="braces-after-macro",
    unknown_char_policy="keep",
    unknown_char_warning=False,
)


def latex_text(text: str) -> str:
    r"""Write a text in LaTeX: ``p < 5 %`` as ``p $<$ 5 \%``.

    In ASCII, but for signs that LaTeX has no command for.
    """
    return str(_ENCODER.unicode_to_latex(unicodedata.normalize("NFC", text)))


def latex_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], note: str
) -> str:
    r"""Write a table in LaTeX, numeric columns to the right, its note under it.

    What is wider than a line is set smaller, then on a turned page, then in parts that repeat the
    columns that name a row. The file is a document of its own, and can be put into another with
    ``\input``; it begins with a comment that says what that one has to load.
    """
    cells = list(zip(heads, *rows, strict=True))
    parts = [list(range(len(heads)))]
    fitted = _fitted(cells, numeric)
    if fitted is None:
        parts = _parts(cells, numeric)
        fitted = next(iter(SIZES)), True
    size, turned = fitted
    long = len(rows) > LONGEST_FLOAT
    lines: list[str] = []
    for part in parts:
        columns = "".join(_column(cells[place], numeric[place]) for place in part)
        head, *body = [_row([row[place] for place in part]) for row in (heads, *rows)]
        under = latex_text(note) if part is parts[-1] else ""
        lines += (_over_pages if long else _on_one_page)(columns, size, head, body, under)
    packages = ["booktabs", "longtable" if long else "threeparttable"]
    if turned:
        lines = [r"\begin{landscape}", *lines, r"\end{landscape}"]
        packages.append("lscape")
    text = "\n".join([*lines, ""])
    loaded = ",".join(packages)
    above = f"% A document that has this by \\input loads \\usepackage{{{loaded}}}.\n"
    unknown = sorted({sign for sign in text if not sign.isascii()})
    if unknown:
        above += (
            f"% LaTeX has no command for {' '.join(unknown)}: set this with lualatex and a font "
            "that has them.\n"
        )
    return above + _ALONE.replace("PACKAGES", loaded) + text + "\\endoftable\n"


def _fitted(cells: Sequence[Sequence[str]], numeric: Sequence[bool]) -> tuple[str, bool] | None:
    """Return the size of type at which a table fits a line, and whether the page is turned."""
    for turned, line in ((False, LINE), (True, TURNED_LINE)):
        for command, digit in SIZES.items():
            if _points(cells, numeric, digit, line) <= line:
                return command, turned
    return None


def _parts(cells: Sequence[Sequence[str]], numeric: Sequence[bool]) -> list[list[int]]:
    """Divide columns among tables that fit a turned line and say of what each row is."""
    digit = next(iter(SIZES.values()))

    def wide(held: list[int]) -> float:
        return _points([cells[at] for at in held], [numeric[at] for at in held], digit, TURNED_LINE)

    named = list(range([*numeric, True].index(True)))
    if not named or wide(named) > TURNED_LINE / 2:
        named = [0]
    parts = [named]
    for place in range(len(named), len(cells)):
        if len(parts[-1]) > len(named) and wide([*parts[-1], place]) > TURNED_LINE:
            parts.append(named)
        parts[-1] = [*parts[-1], place]
    return parts


def _points(
    cells: Sequence[Sequence[str]], numeric: Sequence[bool], digit: float, line: float
) -> float:
    """Return about how wide a table is."""
    widths = [
        WORDS_WIDTH * line
        if _is_broken(column, is_numeric)
        else digit * max(sum(SIGNS.get(sign, 1.0) for sign in cell) for cell in column)
        for column, is_numeric in zip(cells, numeric, strict=True)
    ]
    return sum(widths) + SEPARATION * (len(widths) - 1)


def _on_one_page(columns: str, size: str, heads: str, rows: Sequence[str], note: str) -> list[str]:
    under = [r"\begin{tablenotes}[flushleft]", rf"\item {note}", r"\end{tablenotes}"]
    return [
        r"\begin{table}[htbp]",
        r"\centering",
        size,
        r"\setlength{\tabcolsep}{3pt}",
        r"\begin{threeparttable}",
        rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        heads,
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        *(under if note else []),
        r"\end{threeparttable}",
        r"\end{table}",
    ]


def _over_pages(columns: str, size: str, heads: str, rows: Sequence[str], note: str) -> list[str]:
    return [
        r"\begingroup",
        size,
        r"\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        heads,
        r"\midrule",
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *rows,
        r"\end{longtable}",
        *([rf"\noindent {note}"] if note else []),
        r"\par",
        r"\endgroup",
    ]


def _is_broken(column: Sequence[str], is_numeric: bool) -> bool:
    return not is_numeric and max(map(len, column)) > LONGEST_WORDS


def _column(column: Sequence[str], is_numeric: bool) -> str:
    if is_numeric:
        return "r"
    return rf"p{{{WORDS_WIDTH}\linewidth}}" if _is_broken(column, is_numeric) else "l"


def _row(cells: Sequence[str]) -> str:
    text = " & ".join(latex_text(cell) for cell in cells)
    # \\* is another command than \\.
    return ("{}" if text.startswith("*") else "") + text + r" \\"
