"""Whether as many left within the horizon as were said to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    INK,
    VERMILION,
    axes_for,
    checked_frame,
    level_of,
    numbers_of,
    percent,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_horizon_calibration"]

_MAKER = "horizon_calibration_table(y, probability, horizon)"
_COLUMNS = ("rows", "predicted", "observed", "low", "high")


def plot_horizon_calibration(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share that left within the horizon against the chance that was stated.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.metrics.horizon_calibration_table` makes it.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        A dot with its interval for each bin, a diamond for all rows, and the line on which what was
        stated came true. Dots above it: more left than was said.

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
    >>> import churnlib as cl
    >>> from churnlib.metrics import horizon_calibration_table
    >>> y = cl.survival_target([1, 1, 0, 0, 1, 0, 0, 0], [10, 40, 95, 99, 80, 92, 30, 91])
    >>> ax = plot_horizon_calibration(horizon_calibration_table(y, [0.6] * 4 + [0.3] * 4, "90d", bins=2))
    >>> ax.get_xlabel()
    'Stated chance to leave within the horizon'
    """
    checked_frame(table, ["bin", *_COLUMNS], name="table", maker=_MAKER)
    rows, said, left, low, high = (numbers_of(table, name, name="table", maker=_MAKER) for name in _COLUMNS)
    ax = axes_for(ax, width=6, height=5.6)
    whole = np.array([label == "all" for label in level_of(table, "bin")], dtype=bool)
    end = 1.08 * float(np.nanmax(np.concatenate([said, high])))
    ax.plot([0, end], [0, end], color=GREY, linewidth=1, linestyle=":", label="as stated")
    for mine, mark, colour, label in ((~whole, "o", BLUE, "bin"), (whole, "D", VERMILION, "all rows")):
        if mine.any():
            ax.errorbar(
                said[mine], left[mine], yerr=np.vstack([left - low, high - left])[:, mine], fmt="none",
                ecolor=INK, elinewidth=1, capsize=2.5, alpha=0.7,
            )  # fmt: skip
            size = 30 + 60 * rows[mine] / rows[~whole].max() if mark == "o" else 55
            ax.scatter(said[mine], left[mine], s=size, marker=mark, color=colour, zorder=3, label=label)
    ax.set_xlim(0, end)
    ax.set_ylim(0, end)
    ax.xaxis.set_major_formatter(percent)
    ax.yaxis.set_major_formatter(percent)
    ax.legend(frameon=False, loc="upper left")
    return tidy(
        ax,
        title="Said and seen within the horizon",
        x="Stated chance to leave within the horizon",
        y="Share that left within it",
    )
