"""How results show themselves: a picture, and a summary as text, HTML or LaTeX."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
}


@dataclass(frozen=True, eq=False)
class Summary:
    r"""A table of results that shows itself as text, HTML or LaTeX.

    Attributes
    ----------
    frame : DataFrame
        Its numbers, unrounded.
    note : str
        What they are, the line below the table.

    Examples
    --------
    >>> table = pd.DataFrame({"caar": [-0.04, float("nan")], "N": [2, 0]}, ["speech", "R & D"])
    >>> summary = Summary(table.rename_axis("event"), "CAAR[0, 1], decimals")
    >>> print(summary)  # doctest: +NORMALIZE_WHITESPACE
              caar  N
    event
    speech -0.0400  2
    R & D           0
    CAAR[0, 1], decimals
    >>> print(summary.to_latex())
    \begin{tabular}{lrr}
    \hline
    event & caar & N \\
    \hline
    speech & $-$0.0400 & 2 \\
    R \& D &  & 0 \\
    \hline
    \multicolumn{3}{l}{CAAR[0, 1], decimals}
    \end{tabular}
    """

    frame: pd.DataFrame
    note: str = ""

    def __str__(self) -> str:
        table = str(self.frame.to_string(float_format="{:.4f}".format, na_rep=""))
        return f"{table}\n{self.note}" if self.note else table

    def __repr__(self) -> str:
        return str(self)

    def to_html(self) -> str:
        """Return an HTML table."""
        table = self.frame.to_html(float_format="{:.4f}".format, na_rep="")
        return f"{table}\n<p>{escape(self.note)}</p>" if self.note else str(table)

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_latex(self) -> str:
        """Return a LaTeX tabular that needs no package."""
        keys = self.frame.index.nlevels
        table = self.frame.reset_index()
        rows = [[str(name) for name in table], *table.to_numpy(object).tolist()]
        head, *body = (" & ".join(map(_latex_cell, row)) + r" \\" for row in rows)
        layout = "l" * keys + "r" * (table.shape[1] - keys)
        rule = r"\hline"
        note = rf"\multicolumn{{{table.shape[1]}}}{{l}}{{{_latex_cell(self.note)}}}"
        lines = [rf"\begin{{tabular}}{{{layout}}}", rule, head, rule, *body, rule]
        lines += [note] if self.note else []
        return "\n".join([*lines, r"\end{tabular}"])


def _latex_cell(value: object) -> str:
    if isinstance(value, float):
        text = "" if pd.isna(value) else f"{value:.4f}"
        return text.replace("-", "$-$")
    return "".join(_LATEX.get(sign, sign) for sign in str(value))


class ShownResults:
    """What results show of themselves.

    See `EventStudyResults`, which is one.
    """

    event_window: tuple[int, int]

    @property
    @abstractmethod
    def pairs(self) -> pd.DataFrame:
        """The estimated pairs."""

    @abstractmethod
    def caar_path(self, event_id: str, group: str, start: int | None = None) -> pd.DataFrame:
        """Cumulate session by session."""

    @abstractmethod
    def summary(self, window: tuple[int, int] = (0, 1)) -> Summary:
        """Summarize."""

    def plot(
        self,
        event_id: str | None = None,
        groups: str | Sequence[str] | None = None,
        ax: Axes | None = None,
        *,
        cumulate_from: Literal["window", "event"] = "window",
    ) -> Axes:
        """Draw the CAAR of groups around one event, each with its pointwise 95 % band.

        Parameters
        ----------
        event_id : str, optional
            May be left out where only one event was estimated.
        groups : str or sequence of str, optional
            Default: all that were estimated at the event.
        ax : matplotlib Axes, optional
            Default: new ones.
        cumulate_from : {"window", "event"}
            Whether cumulation starts with the first session of the event window, or with the event
            session, without those before it.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError
            If there is no such event, group or start, or the event must be chosen.

        Examples
        --------
        See `EventStudyResults`.
        """
        pairs = self.pairs[["event_id", "group"]].drop_duplicates()
        event_id = _choose("event", event_id, pairs["event_id"])
        there = pairs.loc[pairs["event_id"] == event_id, "group"].tolist()
        wanted = [groups] if isinstance(groups, str) else there if groups is None else list(groups)
        for group in wanted:
            _choose("group", group, there)
        if cumulate_from not in ("window", "event"):
            raise ValueError(f"cumulate_from is {cumulate_from!r}; expected 'window' or 'event'")
        start = self.event_window[0] if cumulate_from == "window" else max(self.event_window[0], 0)
        ax = _axes(ax)
        for group in wanted:
            path = self.caar_path(event_id, group, start)
            (line,) = ax.plot(path["tau"], path["caar"], marker=".", label=group)
            ax.fill_between(
                path["tau"], path["lower"], path["upper"], color=line.get_color(), alpha=0.2,
                linewidth=0,
            )  # fmt: skip
        ax.axhline(0, color="0.2", linewidth=0.6)
        if start < 0:
            ax.axvline(0, color="0.2", linewidth=0.6, linestyle="--")
        ax.set_xlabel("tau, sessions from the event session")
        ax.set_ylabel(f"CAAR[{start}, tau] (%)")
        ax.set_title(event_id)
        _in_percent(ax.yaxis)
        ax.legend()
        return ax

    def _repr_html_(self) -> str:
        first, last = self.event_window
        window = (0, 1) if first <= 0 and last >= 1 else self.event_window
        said = f"<p>Mean effects over [{window[0]}, {window[1]}]</p>"
        return said + self.summary(window).to_html()


def plot_pooled(table: pd.DataFrame, ax: Axes | None) -> Axes:
    """Draw pooled means with their intervals, one row per label and group.

    Parameters
    ----------
    table : DataFrame
        ``label, group, window, mean, lower, upper, n_clusters``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    See `EventStudyResults.pool`.
    """
    ax = _axes(ax)
    rows = range(len(table))
    ax.hlines(rows, table["lower"], table["upper"], color="C0")
    ax.plot(table["mean"], rows, "D", color="C0")
    ax.axvline(0, color="0.2", linewidth=0.6)
    names = [
        f"{label}, {group} ({count} {'cluster' if count == 1 else 'clusters'})"
        for label, group, count in zip(
            table["label"], table["group"], table["n_clusters"], strict=True
        )
    ]
    ax.set_yticks(list(rows), names)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel(f"Mean CAAR{', '.join(table['window'].unique())} (%), 95 % interval")
    _in_percent(ax.xaxis)
    return ax


def _choose(what: str, given: str | None, known: Sequence[str] | pd.Series) -> str:
    choices = [str(name) for name in dict.fromkeys(known)]
    if given is None and len(choices) == 1:
        return choices[0]
    if given is None or given not in choices:
        found = f"choose one {what}" if given is None else f"no {what} {given!r} was estimated"
        named = ", ".join(choices[:20]) + (f" and {len(choices) - 20} more" * (len(choices) > 20))
        raise ValueError(f"{found}; there are {named or 'none'}")
    return given


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot as plt
    except ModuleNotFoundError as error:
        message = "a picture needs matplotlib: pip install 'chainpolicy[notebooks]'"
        raise ModuleNotFoundError(message, name=error.name) from None

    return plt.subplots()[1]


def _in_percent(axis: Axis) -> None:
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, symbol=""))
