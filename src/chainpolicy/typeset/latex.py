"""A table to be read, as LaTeX that pdflatex and lualatex set as it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from pylatexenc.latexencode import (
    RULE_DICT,
    UnicodeToLatexConversionRule,
    UnicodeToLatexEncoder,
)

# A table of more rows is no float, for it would run off the page: it breaks.
LONGEST_FLOAT = 40
# Longer cells of words are broken; the column takes this share of the line.
LONGEST_WORDS = 24
WORDS_WIDTH = 0.2

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
    """Lay a table out in LaTeX, numeric columns to the right, its note under it.

    It begins with a comment that says what the document has to load.
    """
    columns = "".join(
        _column([row[place] for row in rows], is_numeric)
        for place, is_numeric in enumerate(numeric)
    )
    if len(rows) > LONGEST_FLOAT:
        package, layout = "longtable", _over_pages
    else:
        package, layout = "threeparttable", _on_one_page
    text = "\n".join(layout(columns, _row(heads), [_row(row) for row in rows], latex_text(note)))
    above = f"% The preamble loads \\usepackage{{booktabs,{package}}}.\n"
    unknown = sorted({sign for sign in text if not sign.isascii()})
    if unknown:
        above += (
            f"% LaTeX has no command for {' '.join(unknown)}: set this with lualatex and a font "
            "that has them.\n"
        )
    return above + text


def _on_one_page(columns: str, heads: str, rows: Sequence[str], note: str) -> list[str]:
    under = [r"\begin{tablenotes}[flushleft]", rf"\item {note}", r"\end{tablenotes}"]
    return [
        r"\begin{table}[htbp]",
        r"\centering",
        r"\footnotesize",
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
        "",
    ]


def _over_pages(columns: str, heads: str, rows: Sequence[str], note: str) -> list[str]:
    return [
        r"\begingroup",
        r"\footnotesize",
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
        "",
    ]


def _column(cells: Sequence[str], is_numeric: bool) -> str:
    if is_numeric:
        return "r"
    longest = max((len(cell) for cell in cells), default=0)
    return "l" if longest <= LONGEST_WORDS else rf"p{{{WORDS_WIDTH}\linewidth}}"


def _row(cells: Sequence[str]) -> str:
    text = " & ".join(latex_text(cell) for cell in cells)
    # \\* is another command than \\.
    return ("{}" if text.startswith("*") else "") + text + r" \\"
