"""The frequency–recency matrix, coloured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from churnlib._checks import check_choice
from churnlib._typing import FloatArray
from churnlib.plotting._canvas import (
    annotate_cells,
    axes_for,
    checked_frame,
    heat_map,
    level_of,
    number_text,
    numbers_of,
    percent,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_frequency_recency"]

_MAKER = "frequency_recency_matrix(model, ...)"
_READABLE = 120
"""So many cells, and no more, leave room for a number in each."""


def plot_frequency_recency(
    table: pd.DataFrame,
    *,
    value: Literal["expected_purchases", "p_alive", "p_no_purchase"] = "expected_purchases",
    unit: str = "periods",
    ax: Axes | None = None,
) -> Axes:
    r"""Colour what a model expects by how often customers bought and how long ago they did so last.

    The dark corner, upper right, holds those who bought often and just now. Who bought often but
    long ago, upper left, is likely gone: the model takes a long silence of a frequent buyer
    more seriously than that of a rare one. Cells that no customer can be in are grey.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.clv.frequency_recency_matrix` makes it.
    value : {"expected_purchases", "p_alive", "p_no_purchase"}, default="expected_purchases"
        Which column to show.
    unit : str, default="periods"
        What the model's unit of time is called, in the plural, such as "weeks".
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Repeat purchases upwards; the last purchase to the right, written as the time that has
        passed since. With up to 120 cells each holds its number.

    Raises
    ------
    SchemaError
        If a column is missing from the frame.
    DataError
        If it has no rows.
    ParameterError, ParameterTypeError
        If an argument cannot work.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> from churnlib.clv import BGNBD, frequency_recency_matrix
    >>> model = BGNBD.from_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> table = frequency_recency_matrix(model, T=39, t=13, max_frequency=8)
    >>> plot_frequency_recency(table, value="p_alive", unit="weeks").get_title(loc="left")
    'Probability of still being a customer\n(of customers who came 39 weeks ago; grey: nobody can be there)'
    """
    check_choice(value, ("expected_purchases", "p_alive", "p_no_purchase"), name="value")
    checked_frame(table, ["frequency", "recency", "T", "t", value], name="table", maker=_MAKER)
    cells = pd.Series(
        numbers_of(table, value, name="table", maker=_MAKER),
        index=pd.MultiIndex.from_arrays([level_of(table, name) for name in ("frequency", "recency")]),
    )
    matrix = cells.unstack("recency")  # noqa: PD010 - a level becomes columns, nothing is aggregated
    T, t = float(table["T"].iloc[0]), float(table["t"].iloc[0])
    frequency, recency = matrix.index.to_numpy(dtype=float), matrix.columns.to_numpy(dtype=float)
    values = matrix.to_numpy(dtype=float)
    what = {
        "expected_purchases": f"Expected purchases in the next {t:g} {unit}",
        "p_alive": "Probability of still being a customer",
        "p_no_purchase": f"Probability of no purchase in the next {t:g} {unit}",
    }[value]
    shares = value != "expected_purchases"
    ax = axes_for(ax, width=7.5, height=5)
    mesh = heat_map(
        ax,
        values,
        x_edges=_edges(recency),
        y_edges=_edges(frequency),
        label="Probability" if shares else "Purchases per customer",
        highest=1.0 if shares else None,
        shares=shares,
    )
    if values.size <= _READABLE:
        show = percent if shares else number_text
        annotate_cells(ax, mesh, (recency, frequency), lambda row, column: show(values[row, column]))
    _since(ax, recency, T)
    _whole(ax, frequency)
    tidy(
        ax,
        title=f"{what}\n(of customers who came {T:g} {unit} ago; grey: nobody can be there)",
        x=f"{unit.capitalize()} since the last purchase  (right: bought just now)",
        y="Repeat purchases so far",
        grid=None,
    )
    return ax


def _edges(centres: FloatArray) -> FloatArray:
    """Return where the cells around some values begin and end: halfway to the next one."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middle[0], 2 * centres[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])


def _whole(ax: Axes, frequency: FloatArray) -> None:
    """Write whole numbers of purchases only, and not more of them than can be read."""
    step = max(1, -(-len(frequency) // 12))
    ax.set_yticks(frequency[::step], [f"{count:g}" for count in frequency[::step]])


def _since(ax: Axes, recency: FloatArray, T: float) -> None:
    """Write the time since the last purchase where the ages at it stand."""
    if len(recency) <= 12:
        since = T - recency
    else:
        from matplotlib.ticker import MaxNLocator

        ticks = np.asarray(MaxNLocator(nbins=8).tick_values(0, T))
        since = ticks[(ticks >= 0) & (ticks <= T)]
    ax.set_xticks(T - since, [number_text(value) for value in since])
