"""Rates of small groups: as counted, and as shrunk towards what the others show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    LIGHT,
    VERMILION,
    axes_for,
    checked_frame,
    count_text,
    legend_below,
    name_ticks,
    named,
    numbers_of,
    percent,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_rates"]

_MAKER = "shrunken_rates(table['lost'], table['customers'])"


def plot_rates(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the rate of each group as counted, and the shrunken one with its interval.

    The fewer customers a group has, the farther its rate as counted may be from the truth, and
    the more the estimate leans on the other groups.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.numerics.shrunken_rates` makes it, one group per row, named by the index, in
        the order to draw.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Dots of the estimates with their intervals, rings of the rates as counted.

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
    >>> from churnlib.numerics import shrunken_rates
    >>> dealers = pd.DataFrame({"lost": [3, 12, 41], "customers": [3, 80, 400]}, index=["Adams", "Brown", "Clark"])
    >>> ax = plot_rates(shrunken_rates(dealers["lost"], dealers["customers"]))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['Adams (3)', 'Brown (80)', 'Clark (400)']
    """
    checked_frame(table, ["trials", "rate", "shrunken", "low", "high"], name="table", maker=_MAKER)
    ax = axes_for(ax, width=7.5, height=1.9 + 0.32 * len(table))
    place = np.arange(len(table), dtype=float)
    raw, shrunken, low, high, trials = (
        numbers_of(table, name, name="table", maker=_MAKER) for name in ("rate", "shrunken", "low", "high", "trials")
    )
    if "prior_mean" in table.columns:
        usual = float(table["prior_mean"].iloc[0])
        ax.axvline(usual, color=GREY, linewidth=1, linestyle=":", label=f"usual: {percent(usual)}")
    ax.hlines(place, raw, shrunken, color=LIGHT, linewidth=1, zorder=1)
    ax.hlines(place, low, high, color=BLUE, linewidth=2.2, alpha=0.55, label="interval")
    ax.plot(raw, place, "o", color=VERMILION, markerfacecolor="none", markersize=7, clip_on=False, label="as counted")
    ax.plot(shrunken, place, "o", color=BLUE, markersize=7, label="shrunken estimate")
    groups = [f"{named(name)} ({count_text(n)})" for name, n in zip(table.index, trials, strict=True)]
    name_ticks(ax, "y", place, groups)
    ax.invert_yaxis()
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(percent)
    legend_below(ax, 4)
    return tidy(
        ax, title="Rates by group, small groups leaning on the others", x="Rate", y="Group  (customers)", grid="x"
    )
