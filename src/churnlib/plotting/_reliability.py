"""Stated probability against observed churn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from churnlib.exceptions import ParameterTypeError, message
from churnlib.metrics import CalibrationBand
from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    INK,
    axes_for,
    checked_frame,
    legend_below,
    numbers_of,
    percent,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_reliability"]

_MAKER = "reliability_table(y, probability)"


def plot_reliability(table: pd.DataFrame, *, band: CalibrationBand | None = None, ax: Axes | None = None) -> Axes:
    """Draw the observed churn of each bin against the probability stated, with its interval.

    Dots on the diagonal: as many left as was said. Above it risk was understated, below it overstated. The
    area of a dot grows with the rows of its bin.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.metrics.reliability_table` makes it.
    band : CalibrationBand or None, default=None
        As `churnlib.metrics.calibration_band` makes it: adds a line that says whether chance explains the error.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Dots with intervals and the diagonal.

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
    >>> from churnlib.metrics import reliability_table
    >>> ax = plot_reliability(reliability_table([0, 0, 0, 1], [0.2, 0.2, 0.2, 0.2], bins=1))
    >>> ax.get_xlabel()
    'Stated probability'
    """
    columns = ["rows", "predicted", "observed", "low", "high"]
    checked_frame(table, columns, name="table", maker=_MAKER)
    if band is not None and not isinstance(band, CalibrationBand):
        raise ParameterTypeError(
            message(f"band is a {type(band).__name__}", "a CalibrationBand was expected", "band=calibration_band(y, p)")
        )
    ax = axes_for(ax, width=5.5, height=5.5)
    rows, predicted, observed, low, high = (numbers_of(table, name, name="table", maker=_MAKER) for name in columns)
    end = min(1.0, 1.08 * float(max(predicted.max(), high.max())))
    ax.plot([0.0, end], [0.0, end], color=GREY, linewidth=1.2, linestyle="--", label="as stated")
    ax.vlines(predicted, low, high, color=BLUE, linewidth=2, alpha=0.5, label="interval")
    ax.scatter(predicted, observed, s=20 + 60 * rows / rows.max(), color=BLUE, label="observed", zorder=3)
    if band is not None:
        seen = f"error {percent(band.error)}, by chance alone up to {percent(band.upper)}"
        ax.text(0.03, 0.96, seen, transform=ax.transAxes, color=INK, va="top")
    ax.set_xlim(0, end)
    ax.set_ylim(0, end)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(percent)
    legend_below(ax, 3)
    return tidy(ax, title="Stated and observed churn", x="Stated probability", y="Observed churn rate")
