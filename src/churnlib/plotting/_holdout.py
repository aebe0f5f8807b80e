"""Purchases of the holdout, predicted and actual, by group of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    INK,
    LIGHT,
    VERMILION,
    axes_for,
    checked_frame,
    count_text,
    level_of,
    name_ticks,
    named,
    numbers_of,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_holdout", "plot_holdout_calibration"]

_COLUMNS = ("customers", "actual", "low", "high", "predicted")


def plot_holdout(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw what customers bought in the holdout beside the prediction, by past purchases.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.clv.holdout_table` makes it.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Bars of the actual mean with its interval, dots of the prediction and, where the frame
        has it, of the baseline; below each group its customers and the two means.

    Raises
    ------
    SchemaError
        If a column is missing from the frame.
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
    ...         "customers": [1411, 439],
    ...         "actual": [0.24, 0.70],
    ...         "low": [0.20, 0.59],
    ...         "high": [0.28, 0.83],
    ...         "predicted": [0.23, 0.52],
    ...     },
    ...     index=pd.Index(["0", "1+"], name="frequency"),
    ... )
    >>> [round(float(bar.get_height()), 2) for bar in plot_holdout(table).patches]
    [0.24, 0.7]
    """
    checked_frame(table, ["frequency", *_COLUMNS], name="table", maker="holdout_table(model, summary)")
    ax = _draw(table, axes_for(ax, width=8), "frequency", "holdout_table(model, summary)")
    return tidy(
        ax,
        title="Purchases in the holdout, by purchases before it",
        x="Customers grouped by their repeat purchases in the calibration",
        y="Purchases per customer in the holdout",
    )


def plot_holdout_calibration(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    r"""Draw what customers bought in the holdout beside the prediction, by decile of the prediction.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.clv.holdout_calibration` makes it.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        As `plot_holdout`, the customers with the highest predictions first.

    Raises
    ------
    SchemaError
        If a column is missing from the frame.
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
    ...         "customers": [236, 235],
    ...         "actual": [3.7, 0.3],
    ...         "low": [3.2, 0.2],
    ...         "high": [4.4, 0.5],
    ...         "predicted": [3.6, 0.2],
    ...     },
    ...     index=pd.RangeIndex(1, 3, name="bin"),
    ... )
    >>> [tick.get_text() for tick in plot_holdout_calibration(table).get_xticklabels()]
    ['1\n236\n3.70\n3.60', '2\n235\n0.30\n0.20']
    """
    checked_frame(table, ["bin", *_COLUMNS], name="table", maker="holdout_calibration(model, summary)")
    ax = _draw(table, axes_for(ax, width=8), "bin", "holdout_calibration(model, summary)")
    return tidy(
        ax,
        title="Purchases in the holdout, by height of the prediction",
        x="Customers grouped by what the model predicts, 1 = most purchases",
        y="Purchases per customer in the holdout",
    )


def _draw(table: pd.DataFrame, ax: Axes, group: str, maker: str) -> Axes:
    place = np.arange(len(table), dtype=np.float64)
    customers, actual, low, high, predicted = (numbers_of(table, name, name="table", maker=maker) for name in _COLUMNS)
    bars = ax.bar(place, actual, width=0.62, color=LIGHT, label="actual")
    whiskers = ax.errorbar(
        place, actual, yerr=np.vstack([actual - low, high - actual]), fmt="none", ecolor=INK, elinewidth=1.1,
        capsize=3, label="interval of the actual mean",
    )  # fmt: skip
    marks: list[Any] = ax.plot(
        place,
        predicted,
        "o",
        color=BLUE,
        markersize=8,
        clip_on=False,
        label="predicted by the model",
    )
    if "baseline" in table.columns:
        baseline = numbers_of(table, "baseline", name="table", maker=maker)
        marks += ax.plot(
            place, baseline, "D", color=VERMILION, markersize=6, markerfacecolor="none",
            markeredgewidth=1.6, clip_on=False, label="baseline: on at the rate so far",
        )  # fmt: skip
    rows = zip(level_of(table, group), customers, actual, predicted, strict=True)
    name_ticks(ax, "x", place, [f"{named(name)}\n{count_text(n)}\n{_mean(a)}\n{_mean(p)}" for name, n, a, p in rows])
    ax.tick_params(axis="x", pad=4)
    ax.annotate(
        "group\ncustomers\nactual\npredicted", (0, 0), xycoords="axes fraction", xytext=(-8, -7),
        textcoords="offset points", ha="right", va="top", color=GREY,
    )  # fmt: skip
    ax.set_ylim(bottom=0)
    handles = [bars, whiskers, *marks]
    ax.legend(handles, [str(handle.get_label()) for handle in handles], frameon=False)
    return ax


def _mean(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"
