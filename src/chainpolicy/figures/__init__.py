"""Figures: results -> panels; a study -> registered figures with the numbers they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

try:
    import matplotlib  # noqa: F401
except ModuleNotFoundError as error:
    needed = f"figures need {error.name}: pip install 'chainpolicy[notebooks]'"
    raise ModuleNotFoundError(needed, name=error.name) from None

from chainpolicy.figures.choices import draw_selections, draw_timing
from chainpolicy.figures.dynamics import (
    draw_early_movers,
    draw_hourly_response,
    draw_local_projections,
    draw_phases,
    draw_volatility,
)
from chainpolicy.figures.event_study import (
    draw_caar_clusters,
    draw_caar_paths,
    draw_car_heatmap,
    draw_estimation_fit,
    draw_event_timeline,
    draw_forest,
    draw_names_at_limit,
    draw_price_with_events,
)
from chainpolicy.figures.ladder import draw_counterfactual_ladder
from chainpolicy.figures.panels import (
    plot_caar,
    plot_car_heatmap,
    plot_forest,
    plot_names_at_limit,
    plot_price,
    plot_quantiles,
    plot_sparklines,
    plot_spreads,
    plot_stances,
    plot_timeline,
)
from chainpolicy.figures.policy import (
    draw_coding_multiverse,
    draw_policy_index,
    draw_stance_responses,
)
from chainpolicy.figures.pooled import (
    draw_pooled_forest,
    draw_pooled_paths,
    leading_label,
    plot_diamond,
    plot_mean_path,
)
from chainpolicy.figures.robustness import draw_leave_one_out, draw_specification_curve
from chainpolicy.figures.selection import NothingToDrawError, leading_window
from chainpolicy.figures.style import DPI, StudyFigure, group_styles
from chainpolicy.study import Study
from chainpolicy.study.output import write_bytes, write_csv

__all__ = [
    "DPI",
    "FIGURES",
    "FigureSpec",
    "NothingToDrawError",
    "draw_pooled_forest",
    "draw_pooled_paths",
    "group_styles",
    "leading_label",
    "leading_window",
    "plot_caar",
    "plot_car_heatmap",
    "plot_diamond",
    "plot_forest",
    "plot_mean_path",
    "plot_names_at_limit",
    "plot_price",
    "plot_quantiles",
    "plot_sparklines",
    "plot_spreads",
    "plot_stances",
    "plot_timeline",
    "save_figure",
    "show",
]


@dataclass(frozen=True)
class FigureSpec:
    """A registered figure.

    Attributes
    ----------
    name : str
        Of its files, without suffix.
    title : str
    caption : str
        What to know to read it.
    data : str
        Where its numbers come from.
    notebook : str
        The notebook that shows it, without suffix.
    draw : callable
        Takes a study; returns the figure and the frame of exactly the plotted numbers. Raises
        `NothingToDrawError` where the study lacks what the figure shows.
    rtol : float
        Relative tolerance when its numbers are checked; wider where an optimizer finds them.
    study : str
        Name of the embedded study whose figure is kept; blank: that of 2019.
    """

    name: str
    title: str
    caption: str
    data: str
    notebook: str
    draw: Callable[[Study], tuple[StudyFigure, pd.DataFrame]]
    rtol: float = 1e-6
    study: str = ""

    @property
    def description(self) -> str:
        """Title and caption: the picture in words."""
        return f"{self.title}{'' if self.title.endswith('?') else '.'} {self.caption}"


FIGURES: tuple[FigureSpec, ...] = (
    FigureSpec(
        "event_timeline",
        "When could markets know?",
        "The moment at which the public first knew, the date that an article gives, where there is "
        "one, and the event session on each calendar. Names in grey, if any, are out of the "
        "sample; weekends are shaded.",
        "events.csv and the trading calendars",
        "01_events",
        draw_event_timeline,
    ),
    FigureSpec(
        "estimation_fit",
        "How well do the normal returns fit?",
        "Estimation window of the headline event, one dot per asset, sorted; bars are medians, "
        "dashed lines the 95 % bounds of an uncorrelated series.",
        "models, coefficients and residuals of the estimation windows",
        "02_prices",
        draw_estimation_fit,
    ),
    FigureSpec(
        "price_with_events",
        "Price and events",
        "Closing price, in the unit of prices.csv, around the events of the sample. Each event is "
        "led to its event session.",
        "prices.csv and events.csv",
        "03_bitcoin",
        draw_price_with_events,
    ),
    FigureSpec(
        "caar_paths",
        "CAAR around the headline event",
        "Run-up and response are cumulated separately, because a band widens with the length of "
        "a cumulation. 95 % bands of the portfolio, for one session at a time. Each panel has its "
        "own scale.",
        "abnormal returns of the headline event",
        "04_concept_stocks",
        draw_caar_paths,
    ),
    FigureSpec(
        "caar_clusters",
        "CAAR around every event",
        "Run-up and response cumulated separately, with 95 % bands of the portfolio; one scale "
        "down each column, bands cut at the edge of their row. Events that share a session on a "
        "group's calendar are one.",
        "abnormal returns of all events",
        "04_concept_stocks",
        draw_caar_clusters,
    ),
    FigureSpec(
        "names_at_limit",
        "Names at their price limits",
        "Number of assets that closed at the daily limit around the headline event, upper limits "
        "upwards and lower limits downwards.",
        "at_limit of the abnormal returns of the headline event",
        "04_concept_stocks",
        draw_names_at_limit,
    ),
    FigureSpec(
        "car_heatmap",
        "CAR by asset and event",
        "Where events share the session of the group's calendar, one wide cell covers them. The "
        "marks + and − are p < 5 % of single assets, not adjusted for their number; by chance one "
        "cell in twenty has one.",
        "CAR of every asset and event",
        "04_concept_stocks",
        draw_car_heatmap,
    ),
    FigureSpec(
        "counterfactual_ladder",
        "Measured against what?",
        "CAAR of the headline event, window by window, against one yardstick after another: the "
        "assets' own mean, an index, all indices, the equal-weighted market of shares outside the "
        "study, factors of them, and portfolios of them that match each asset. Filled: the "
        "smallest error of forecasts without the event. The sup-t band holds for all windows "
        "that begin on one session.",
        "event studies on every rung, donors.csv",
        "04_concept_stocks",
        draw_counterfactual_ladder,
    ),
    FigureSpec(
        "specification_curve",
        "What if other choices had been made?",
        "CAAR of the headline event under every combination of model, estimation window, masking "
        "and kind of return, sorted; marks below say which choices belong to each. Whatever the "
        "kind, the CAAR is shown in that of the study. The combinations share their data.",
        "event studies with every combination of choices",
        "04_concept_stocks",
        draw_specification_curve,
    ),
    FigureSpec(
        "leave_one_out",
        "Does one name carry the group?",
        "CAAR of the headline event with all assets of each group and without one at a time; the "
        "asset that matters most is named.",
        "CAR of the headline event",
        "05_us_and_coins",
        draw_leave_one_out,
    ),
    FigureSpec(
        "forest",
        "CAAR by event and group",
        "95 % intervals of the portfolio t; filled where the interval excludes zero. Not "
        "adjusted for the number of events.",
        "portfolio t of every event and group",
        "05_us_and_coins",
        draw_forest,
    ),
    FigureSpec(
        "policy_index",
        "Coded stance and prices",
        "Above, the decayed sum of stance times salience; a marker where an announcement enters. "
        "Below, the cumulative return of the first group of each "
        "calendar, equally weighted.",
        "events.csv and prices.csv",
        "06_article",
        draw_policy_index,
    ),
    FigureSpec(
        "stance_responses",
        "Response by stance",
        "One mark per session with a net stance, bars are means; p-values by permutation of the "
        "stances, where both signs occur on at least three sessions.",
        "CAAR of every session with an announcement",
        "06_article",
        draw_stance_responses,
    ),
    FigureSpec(
        "coding_multiverse",
        "What if stances had been coded otherwise?",
        "Mean CAAR of supportive less restrictive sessions under every coding: weight of an "
        "announcement, sessions of both signs, facts that count, and one stance reversed; sorted "
        "within each group. The codings share their data.",
        "CAAR of every session with an announcement",
        "06_article",
        draw_coding_multiverse,
    ),
    FigureSpec(
        "local_projections",
        "Responses to a surprise, session by session",
        "Cumulative response to a surprise of one point (stance times salience), later "
        "announcements held fixed. Grey: where 95 % of the responses lie when the surprises are "
        "shifted in time.",
        "returns of every group and the index of coded stance",
        "08_dynamics",
        draw_local_projections,
    ),
    FigureSpec(
        "hourly_response",
        "Hour by hour",
        "Cumulative abnormal return from six hours before the announcement; the dashed rule is the "
        "announcement, dotted what else happened. The band holds for one hour at a time.",
        "hourly prices",
        "08_dynamics",
        draw_hourly_response,
    ),
    FigureSpec(
        "volatility",
        "Abnormal returns and predicted volatility",
        "Size of each group's abnormal return and the standard deviation that the sessions before "
        "it predict; models fitted before the first event window.",
        "returns of every group",
        "08_dynamics",
        draw_volatility,
        rtol=1e-4,
    ),
    FigureSpec(
        "phases",
        "Before, at and after the headline event",
        "CAAR with the 95 % interval of the portfolio t; filled where it excludes zero.",
        "CAAR of the headline event",
        "08_dynamics",
        draw_phases,
    ),
    FigureSpec(
        "early_movers",
        "Who moved before the headline event",
        "Largest abnormal returns of the week before; filled where the rank among the asset's own "
        "ordinary weeks is below 5 %, not adjusted for the number of assets.",
        "CAR of every asset and its placebo",
        "08_dynamics",
        draw_early_movers,
    ),
    FigureSpec(
        "selections",
        "How much of an effect is the choice of dates?",
        "Mean response to restrictive announcements, pooled over distinct event sessions (their "
        "number below each mark), as one rule after another chooses them. 95 % intervals from the "
        "spread over blocks of overlapping windows; filled where the rank among ordinary sessions "
        "is below 5 %. Dashed: all announcements of the rule.",
        "events.csv and the CAAR of every announcement",
        "09_crypto_policy",
        draw_selections,
        study="china-crypto-policy-2013-2021",
    ),
    FigureSpec(
        "pooled_paths",
        "Before and after",
        "Mean CAAR over all sessions with an announcement of a kind, with 95 % bands for one "
        "session at a time. Each panel has its own scale.",
        "abnormal returns of all announcements",
        "09_crypto_policy",
        draw_pooled_paths,
        study="china-crypto-policy-2013-2021",
    ),
    FigureSpec(
        "pooled_forest",
        "Announcement by announcement",
        "Response on sessions with an announcement of the kind that the axis names, with 95 % "
        "intervals of the portfolio; the diamond is the mean of all of them, its interval that of "
        "ordinary days' variance.",
        "CAAR of every session with an announcement",
        "09_crypto_policy",
        draw_pooled_forest,
        study="china-crypto-policy-2013-2021",
    ),
    FigureSpec(
        "timing",
        "What is lost by dating documents?",
        "Response at the first moment at which the public could know and at the date on the "
        "document, or in an article, for every announcement whose event session differs; below "
        "the line the means over all announcements of a direction.",
        "events.csv and event studies with both datings",
        "09_crypto_policy",
        draw_timing,
        study="china-crypto-policy-2013-2021",
    ),
)


def save_figure(figure: StudyFigure, frame: pd.DataFrame, directory: Path, name: str) -> None:
    """Write a figure and its numbers, each whole or not at all.

    Parameters
    ----------
    figure : StudyFigure
        Written as ``<name>.png``, 200 dpi, without a date or the name of the software.
    frame : DataFrame
        Written as ``<name>.csv``: UTF-8, LF, floats by ``%.6g``.
    directory : Path
        Created if missing.
    name : str
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_bytes(figure.png(), directory / f"{name}.png")
    write_csv(frame, directory / f"{name}.csv", float_format="%.6g")


@dataclass(frozen=True, eq=False)
class Shown:
    """A registered figure in a notebook: the picture, its words for readers without it, a caption.

    Where a study has nothing to draw, the caption says what is missing.

    Attributes
    ----------
    name : str
        Of its files in ``figures/``, without suffix.
    figure : StudyFigure or None
    caption : str
    """

    name: str
    figure: StudyFigure | None
    caption: str

    def _ipython_display_(self) -> None:
        from IPython.display import Markdown, display

        if self.figure is not None:
            alternative = {"image/png": {"alt": self.figure.description}}
            display(self.figure, metadata=alternative)  # type: ignore[no-untyped-call]
        display(Markdown(f"*{self.caption}*"))  # type: ignore[no-untyped-call]

    def to_markdown(self) -> str:
        """Return the picture as a document beside ``figures/`` shows it."""
        if self.figure is None:
            return f"*{self.caption}*"
        return f"![{self.figure.description}](figures/{self.name}.png)"


def show(name: str, study: Study, description: str = "") -> Shown:
    """Show a registered figure in a notebook, with its caption below it.

    Parameters
    ----------
    name : str
    study : Study
    description : str, optional
        The picture in words, for readers who cannot see it; default: its title and caption.

    Raises
    ------
    KeyError
        If no figure has this name.
    """
    spec = {figure.name: figure for figure in FIGURES}[name]
    try:
        figure, _ = spec.draw(study)
    except NothingToDrawError as missing:
        return Shown(name, None, str(missing))
    figure.description = description or spec.description
    return Shown(name, figure, spec.caption)
