"""Rules tried on the past: how often each was right, and how many warnings a week that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    VERMILION,
    axes_for,
    checked_frame,
    legend_below,
    level_of,
    name_ticks,
    named,
    numbers_of,
    percent,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_backtest"]

_MAKER = "rules.backtest(data).table"
_PARTS = {"rule": ("a rule", BLUE), "level": ("a level", ORANGE), "combined": ("all rules", INK)}


def plot_backtest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how often the warnings of each rule were right, beside "silent N days" and a list drawn by lot.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.alerts.Backtest` has it: one row per rule and level, for all rules and for silence.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Dots of the precisions with their intervals, and a line at the base rate; behind each name
        the warnings a week.

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
    >>> table = pd.DataFrame(
    ...     {
    ...         "part": ["rule", "silence"],
    ...         "name": ["slower", "silent 30d"],
    ...         "per_week": [12.0, 40.5],
    ...         "precision": [0.3, 0.2],
    ...         "low": [0.25, 0.18],
    ...         "high": [0.35, 0.22],
    ...         "base_rate": 0.05,
    ...     }
    ... )
    >>> [label.get_text() for label in plot_backtest(table).get_yticklabels()]
    ['slower (12.0)', 'silent 30d (40.5)']
    """
    columns = ["part", "name", "per_week", "precision", "low", "high", "base_rate"]
    checked_frame(table, columns, name="table", maker=_MAKER)
    ax = axes_for(ax, width=7.5, height=1.9 + 0.32 * len(table))
    place = np.arange(len(table), dtype=float)
    per_week, precision, low, high, base = (numbers_of(table, name, name="table", maker=_MAKER) for name in columns[2:])
    ax.axvline(base[0], color=GREY, linewidth=1, linestyle=":", label=f"of all: {percent(base[0])}")
    parts = level_of(table, "part").to_numpy()
    for part in dict.fromkeys(parts):
        label, colour = _PARTS.get(part, ("silence", VERMILION))
        rows = parts == part
        ax.hlines(place[rows], low[rows], high[rows], color=colour, linewidth=2.2, alpha=0.55)
        ax.plot(precision[rows], place[rows], "o", color=colour, markersize=7, clip_on=False, label=label)
    weekly = ["–" if np.isnan(value) else f"{value:,.1f}" for value in per_week]
    names = [f"{named(name)} ({text})" for name, text in zip(level_of(table, "name"), weekly, strict=True)]
    name_ticks(ax, "y", place, names)
    ax.set_ylim(len(table) - 0.5, -0.5)  # the first row on top, rules that never fired among them
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(percent)
    legend_below(ax, 5)
    return tidy(
        ax, title="How often the warnings were right", x="Lost among those warned of", y="Warnings  (a week)", grid="x"
    )
