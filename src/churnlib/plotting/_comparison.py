"""Differences between models, with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnlib.exceptions import DataError, message, nearest, some
from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    INK,
    VERMILION,
    axes_for,
    checked_frame,
    legend_below,
    name_ticks,
    named,
    number_text,
    numbers_of,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_comparison"]

_MAKER = "compare(models, data, cv=cv).difference"
_COLOURS = {"wins": BLUE, "no clear difference": GREY, "loses": VERMILION}
_LABELS = {"auc": "AUC", "log_loss": "log-loss", "precision": "precision", "lift": "lift", "profit": "profit per row"}
_LOWER_IS_BETTER = "log_loss"


def plot_comparison(difference: pd.DataFrame, *, metric: str = "log_loss", ax: Axes | None = None) -> Axes:
    """Draw how far each model is from the reference in one metric, with the paired interval.

    An interval that does not touch the line of the reference is a clear difference. Intervals of
    two models may overlap each other and still differ clearly: compare each with the reference only.

    Parameters
    ----------
    difference : DataFrame
        As `churnlib.evaluation.compare` makes it, in its ``difference``.
    metric : str, default="log_loss"
        Which metric to draw.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        A dot with its interval for each model, coloured by the verdict.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds no numbers.
    DataError
        If it has no rows, none of the metric, several references, or a verdict that is none.
    ParameterTypeError
        If an argument is of no use.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> difference = pd.DataFrame(
    ...     {
    ...         "model": ["forest", "tree"],
    ...         "reference": "logistic",
    ...         "metric": "log_loss",
    ...         "value": [-0.02, 0.09],
    ...         "low": [-0.03, 0.06],
    ...         "high": [-0.01, 0.12],
    ...         "verdict": ["wins", "loses"],
    ...     }
    ... )
    >>> [label.get_text() for label in plot_comparison(difference).get_yticklabels()]
    ['forest', 'tree']
    """
    columns = ["model", "reference", "metric", "value", "low", "high", "verdict"]
    checked_frame(difference, columns, name="difference", maker=_MAKER)
    metrics = difference["metric"].astype(str)
    chosen = difference[metrics == metric]
    if chosen.empty:
        raise DataError(
            message(
                f"difference has no rows of metric={metric!r} ({nearest(metric, metrics.unique().tolist())})",
                "there is nothing to draw",
                f"metric={metrics.iloc[0]!r}",
            )
        )
    for column, known in (("reference", chosen["reference"].astype(str).unique()[:1]), ("verdict", list(_COLOURS))):
        strange = chosen[column].astype(str)[~chosen[column].astype(str).isin(known)].unique().tolist()
        if strange:
            raise DataError(
                message(
                    f"column {column!r} of difference holds {some(strange)} beside {some(known)}",
                    "one reference, and the verdicts of one comparison",
                    f"difference = {_MAKER}",
                )
            )
    value, low, high = (numbers_of(chosen, name, name="difference", maker=_MAKER) for name in ("value", "low", "high"))
    ax = axes_for(ax, width=7.5, height=2.0 + 0.36 * len(chosen))
    place = np.arange(len(chosen), dtype=float)
    reference = named(chosen["reference"].iloc[0])
    ax.axvline(0.0, color=INK, linewidth=1, linestyle="--")
    for verdict, colour in _COLOURS.items():
        own = (chosen["verdict"] == verdict).to_numpy()
        if own.any():
            ax.hlines(place[own], low[own], high[own], color=colour, linewidth=2.2, alpha=0.6)
            ax.plot(value[own], place[own], "o", color=colour, markersize=7, label=verdict)
    name_ticks(ax, "y", place, [named(name) for name in chosen["model"]])
    ax.set_ylim(len(chosen) - 0.5, -0.5)
    ax.xaxis.set_major_formatter(number_text)
    legend_below(ax, 3)
    better = "lower" if metric == _LOWER_IS_BETTER else "higher"
    label = f"{_LABELS.get(metric, metric)} less that of {reference}  ({better} is better)"
    return tidy(ax, title=f"Models compared with {reference}", x=label, y="Model", grid="x")
