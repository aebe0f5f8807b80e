"""What treating more and more customers brings, and the effect along the ranking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnlib.exceptions import DataError, message, some
from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    INK,
    LIGHT,
    LINES,
    VERMILION,
    axes_for,
    checked_frame,
    legend_below,
    level_of,
    named,
    number_text,
    numbers_of,
    percent,
    tidy,
    told_apart,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["by_model", "plot_uplift_curve", "plot_uplift_table"]

_CURVE = "uplift_curve(y, score)"
_TABLE = "uplift_table(y, score)"


def plot_uplift_curve(curve: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the gain of treating the best share first, for one model or several.

    The area between a line and the dotted one is the Qini. The band holds the whole curve at once. Bands of two models
    that overlap do not say that the models are alike: `qini_interval` with ``versus=`` compares them on the same rows.

    Parameters
    ----------
    curve : DataFrame
        As `churnlib.metrics.uplift_curve` makes it. Several in one frame: ``pd.concat({"forest": one, "linear": other},
        names=["model"])``.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        A line with its band for each model, and the gain of as many drawn by lot.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds no numbers.
    DataError
        If it has no rows, or more models than lines can be told apart.
    ParameterTypeError
        If an argument is of no use.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> from churnlib.metrics import uplift_curve
    >>> curve = uplift_curve([1, 1, 0, 0], [4, 3, 2, 1], treatment=[1, 0, 1, 0], propensity=0.5, points=4)
    >>> [line.get_label() for line in plot_uplift_curve(curve).get_lines()[1:]]
    ['by lot', 'this ranking']
    """
    columns = ["treated", "gain", "band_low", "band_high", "at_random"]
    checked_frame(curve, columns, name="curve", maker=_CURVE)
    ax = axes_for(ax)
    ax.axhline(0.0, color=LIGHT, linewidth=1)
    for place, (model, part) in enumerate(by_model(curve)):
        treated, gain, low, high, at_random = (numbers_of(part, name, name="curve", maker=_CURVE) for name in columns)
        colour, style = LINES[place]
        if place == 0:
            ax.plot(treated, at_random, color=GREY, linewidth=1.2, linestyle=":", label="by lot")
        ax.fill_between(treated, low, high, color=colour, alpha=0.14, linewidth=0)
        ax.plot(treated, gain, color=colour, linestyle=style, linewidth=2.2, label=model)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(percent)
    ax.yaxis.set_major_formatter(number_text)
    legend_below(ax, 4)
    return tidy(ax, title="Gain by share treated", x="Customers treated, best first", y="Gain per customer of all")


def plot_uplift_table(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the effect of the treatment in each bin of the ranking, with its interval.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.metrics.uplift_table` makes it.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        A bar for each bin, those below 0 in another colour, its interval, and a line at the mean effect.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds no numbers.
    DataError
        If it has no rows, or several models.
    ParameterTypeError
        If an argument is of no use.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> from churnlib.metrics import uplift_table
    >>> table = uplift_table([1, 1, 0, 1], [4, 3, 2, 1], treatment=[1, 0, 1, 0], propensity=0.5, bins=2)
    >>> [float(bar.get_height()) for bar in plot_uplift_table(table).patches]
    [0.0, -1.0]
    """
    checked_frame(table, ["bin", "rows", "uplift", "low", "high"], name="table", maker=_TABLE)
    models = [model for model, _ in by_model(table)]
    if len(models) > 1:
        raise DataError(
            message(
                f"the table holds {len(models)} models ({some(models)})",
                "bars of one: side by side they cannot be told apart",
                f"plot_uplift_table(table.loc[{models[0]!r}])",
            )
        )
    ax = axes_for(ax)
    rows, uplift, low, high = (
        numbers_of(table, name, name="table", maker=_TABLE) for name in ("rows", "uplift", "low", "high")
    )
    place = np.arange(len(table), dtype=float)
    ax.bar(place, uplift, width=0.8, color=[BLUE if value >= 0 else VERMILION for value in uplift], alpha=0.75)
    ax.vlines(place, low, high, color=INK, linewidth=1.6)
    ax.axhline(0.0, color=INK, linewidth=1)
    mean = float((rows * uplift).sum() / rows.sum())
    ax.axhline(mean, color=GREY, linewidth=1.2, linestyle=":", label=f"mean effect {number_text(mean)}")
    ax.set_xticks(place, [str(name) for name in level_of(table, "bin")])
    ax.yaxis.set_major_formatter(number_text)
    legend_below(ax, 1)
    return tidy(
        ax, title="Effect along the ranking", x="Bin of the ranking (1 = highest scores)", y="Effect of treating"
    )


def by_model(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the rows of each model with its name; of a frame without models all rows.

    Examples
    --------
    >>> [name for name, _ in by_model(pd.DataFrame({"model": ["b", "a", "b"]}))]
    ['b', 'a']
    """
    if "model" not in [*frame.columns, *frame.index.names]:
        yield "this ranking", frame
        return
    models = level_of(frame, "model")
    told_apart(models.nunique(), name="curve", what="models")
    for model in models.unique():
        yield named(model), frame[np.asarray(models == model)]
