"""What a growing budget brings, what more of it would bring, and policies side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnlib._checks import check_number
from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    INK,
    LIGHT,
    LINES,
    axes_for,
    checked_frame,
    legend_below,
    level_of,
    name_ticks,
    named,
    number_text,
    numbers_of,
    tidy,
)
from churnlib.plotting._uplift import by_model

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_cost_curve", "plot_policies", "plot_shadow_price"]

_CURVE = "cost_curve(effect, score, cost=cost)"
_POLICIES = "compare_policies(log, policies).frame"


def plot_cost_curve(curve: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the gain of each budget, for one model or several.

    Parameters
    ----------
    curve : DataFrame
        As `churnlib.metrics.cost_curve` makes it. Several in one frame: ``pd.concat({"forest": one, "linear": other},
        names=["model"])``.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        A line for each model with the interval at each budget shaded, and the gain of as many drawn by lot.

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
    >>> from churnlib.metrics import cost_curve
    >>> curve = cost_curve([1.0, 2.0, 0.0], [1.0, 3.0, 2.0], cost=[0.5], points=3)
    >>> [line.get_label() for line in plot_cost_curve(curve).get_lines()[1:]]
    ['by lot', 'this ranking']
    """
    columns = ["budget", "gain", "low", "high", "at_random"]
    checked_frame(curve, columns, name="curve", maker=_CURVE)
    ax = axes_for(ax)
    ax.axhline(0.0, color=LIGHT, linewidth=1)
    for place, (model, part) in enumerate(by_model(curve)):
        budget, gain, low, high, at_random = (numbers_of(part, name, name="curve", maker=_CURVE) for name in columns)
        colour, style = LINES[place]
        if place == 0:
            ax.plot(budget, at_random, color=GREY, linewidth=1.2, linestyle=":", label="by lot")
        ax.fill_between(budget, low, high, color=colour, alpha=0.14, linewidth=0)
        ax.plot(budget, gain, color=colour, linestyle=style, linewidth=2.2, label=model)
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(number_text)
    ax.yaxis.set_major_formatter(number_text)
    legend_below(ax, 4)
    return tidy(ax, title="Gain by budget", x="Budget per customer of all", y="Gain per customer of all")


def plot_shadow_price(curve: pd.DataFrame, *, least: float = 1.0, ax: Axes | None = None) -> Axes:
    """Draw what one more unit of money would bring at each budget, by the predictions.

    Where the outcome is money, a budget is worth raising as long as the price is above 1.

    Parameters
    ----------
    curve : DataFrame
        As `churnlib.metrics.cost_curve` makes it; several models in one frame as in `plot_cost_curve`.
    least : float, default=1.0
        What a unit of money must bring.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        A falling line for each model, and a line at the least price.

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
    >>> from churnlib.metrics import cost_curve
    >>> curve = cost_curve([1.0, 2.0, 0.0], [1.0, 3.0, 2.0], cost=[0.5], points=3)
    >>> [float(price) for price in plot_shadow_price(curve).get_lines()[-1].get_ydata()]
    [6.0, 4.0, 2.0, 0.0]
    """
    checked_frame(curve, ["budget", "shadow_price"], name="curve", maker=_CURVE)
    price_line = check_number(least, name="least", low=0.0)
    ax = axes_for(ax)
    ax.axhline(price_line, color=GREY, linewidth=1.2, linestyle=":", label=f"pays above {number_text(price_line)}")
    for place, (model, part) in enumerate(by_model(curve)):
        budget, price = (numbers_of(part, name, name="curve", maker=_CURVE) for name in ("budget", "shadow_price"))
        colour, style = LINES[place]
        ax.plot(budget, price, color=colour, linestyle=style, linewidth=2.2, label=model)
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_formatter(number_text)
    ax.yaxis.set_major_formatter(number_text)
    legend_below(ax, 4)
    return tidy(
        ax, title="What more money would bring", x="Budget per customer of all", y="Gain of the next unit of money"
    )


def plot_policies(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the value of policies with their intervals.

    Intervals of two policies may overlap and the policies still differ clearly, because both were valued on the
    same customers: read the paired difference for that.

    Parameters
    ----------
    table : DataFrame
        The ``frame`` of `churnlib.policy.compare_policies`: ``policy``, ``value``, ``low`` and ``high`` are drawn.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        A dot with its interval for each policy, in the order of the frame.

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
    >>> table = pd.DataFrame({"value": [1.2, 0.7], "low": [0.9, 0.5], "high": [1.5, 0.9]}, index=["uplift", "risk"])
    >>> [label.get_text() for label in plot_policies(table.rename_axis("policy")).get_yticklabels()]
    ['uplift', 'risk']
    """
    checked_frame(table, ["policy", "value", "low", "high"], name="table", maker=_POLICIES)
    value, low, high = (numbers_of(table, name, name="table", maker=_POLICIES) for name in ("value", "low", "high"))
    ax = axes_for(ax, width=7.5, height=1.8 + 0.36 * len(table))
    place = np.arange(len(table), dtype=float)
    if low.min() <= 0 <= high.max():
        ax.axvline(0.0, color=INK, linewidth=1, linestyle="--")
    ax.hlines(place, low, high, color=BLUE, linewidth=2.2, alpha=0.6)
    ax.plot(value, place, "o", color=BLUE, markersize=7)
    name_ticks(ax, "y", place, [named(name) for name in level_of(table, "policy")])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.xaxis.set_major_formatter(number_text)
    return tidy(ax, title="Policies by value", x="Value per customer, with its interval", y="Policy", grid="x")
