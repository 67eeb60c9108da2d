"""The figure of a simulation: how often each test rejects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes

from chainpolicy.checks.simulation import SimulationDesign
from chainpolicy.eventstudy import TESTS
from chainpolicy.figures.style import INK, QUIET, STYLE, WIDTH, StudyFigure, percent_ticks


def plot_rejection_rates(rates: pd.DataFrame, level: float, ax: Axes) -> Axes:
    """Draw each test's rejection rate, with its 95 % Monte Carlo interval and the nominal level."""
    titles = {test.name: test.title for test in TESTS}
    height = np.arange(len(rates))[::-1]
    ax.axvline(level, color=QUIET, linewidth=0.8, linestyle=(0, (3, 2)))
    ax.errorbar(
        rates["rejection_rate"],
        height,
        xerr=1.96 * rates["std_error"],
        fmt="o",
        color=INK,
        elinewidth=0.8,
    )
    ax.set_yticks(height, [titles[name] for name in rates["test"]])
    ax.set_xlim(left=0)
    percent_ticks(ax.xaxis)
    ax.set_xlabel(f"Rejections of a test of nominal size {100 * level:g} % (%)")
    return ax


def draw_rejection_rates(rates: pd.DataFrame, design: SimulationDesign) -> StudyFigure:
    """Draw the result of one simulation; the title says what was simulated."""
    with style.context(STYLE, after_reset=True):
        figure = StudyFigure(figsize=(WIDTH, 3.2), layout="constrained")
        ax = plot_rejection_rates(rates, design.level, figure.add_subplot())
        ax.set_title(
            f"N = {design.assets}, M = {design.estimation}, L2 = {design.window}, correlation "
            f"{design.correlation:g}, event variance × {design.variance:g}, effect "
            f"{design.effect:g} σ; {design.draws:,} draws"
        )
    return figure
