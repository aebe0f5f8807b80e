"""Churn along the ranking, bin by bin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    ORANGE,
    axes_for,
    checked_frame,
    legend_below,
    level_of,
    number_text,
    numbers_of,
    percent,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_gains", "plot_lift"]

_MAKER = "lift_table(y, score)"


def plot_lift(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how many times the usual churn each bin of the ranking holds.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.metrics.lift_table` makes it.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        A bar for each bin, a line for the lift of the bins so far, and the level of chance.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds no numbers.
    DataError
        If it has no rows.
    ParameterTypeError
        If an argument is of no use.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> from churnlib.metrics import lift_table
    >>> ax = plot_lift(lift_table([1, 1, 0, 0], [4, 3, 2, 1], bins=2))
    >>> [float(bar.get_height()) for bar in ax.patches]
    [2.0, 0.0]
    """
    checked_frame(table, ["bin", "lift", "cumulative_lift"], name="table", maker=_MAKER)
    ax = axes_for(ax)
    place = np.arange(len(table), dtype=float)
    lift = numbers_of(table, "lift", name="table", maker=_MAKER)
    cumulative = numbers_of(table, "cumulative_lift", name="table", maker=_MAKER)
    ax.bar(place, lift, width=0.8, color=BLUE, alpha=0.75, label="this bin")
    ax.plot(place, cumulative, "o-", color=ORANGE, linewidth=1.8, markersize=5, label="up to this bin")
    ax.axhline(1.0, color=GREY, linewidth=1, linestyle=":", label="chance")
    ax.set_xticks(place, [str(name) for name in level_of(table, "bin")])
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter(number_text)
    legend_below(ax, 3)
    return tidy(ax, title="Lift along the ranking", x="Bin of the ranking (1 = riskiest)", y="Lift")


def plot_gains(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share of all churners that lists of growing length hold.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.metrics.lift_table` makes it.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        The gains of this ranking, of a perfect one and of a lot.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds no numbers.
    DataError
        If it has no rows.
    ParameterTypeError
        If an argument is of no use.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> from churnlib.metrics import lift_table
    >>> ax = plot_gains(lift_table([1, 0, 1, 0], [4, 3, 2, 1], bins=2))
    >>> ax.get_lines()[-1].get_ydata().tolist()
    [0.0, 0.5, 1.0]
    """
    checked_frame(table, ["rows", "churners", "captured"], name="table", maker=_MAKER)
    ax = axes_for(ax)
    rows, churners, captured = (
        numbers_of(table, name, name="table", maker=_MAKER) for name in ("rows", "churners", "captured")
    )
    listed = np.append(0.0, np.cumsum(rows) / rows.sum())
    base = float(churners.sum() / rows.sum())
    ax.plot([0.0, base, 1.0], [0.0, 1.0, 1.0], color=GREY, linewidth=1.2, linestyle="--", label="perfect ranking")
    ax.plot([0.0, 1.0], [0.0, 1.0], color=GREY, linewidth=1.2, linestyle=":", label="by lot")
    ax.plot(listed, np.append(0.0, captured), "o-", color=BLUE, linewidth=2.2, markersize=5, label="this ranking")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.03)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(percent)
    legend_below(ax, 3)
    return tidy(ax, title="Churners on lists of growing length", x="Customers on the list", y="Share of all churners")
