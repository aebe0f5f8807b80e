"""What contacting more and more customers brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    legend_below,
    number_text,
    numbers_of,
    percent,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_profit_curve"]

_MAKER = "profit_curve(y, score, offer=offer)"


def plot_profit_curve(curve: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the profit of lists of growing length, beside the best ranking and a lot.

    Parameters
    ----------
    curve : DataFrame
        As `churnlib.metrics.profit_curve` makes it.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Three lines, and a dot on the list that earns most.

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
    >>> from churnlib.economics import RetentionOffer
    >>> from churnlib.metrics import profit_curve
    >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
    >>> ax = plot_profit_curve(profit_curve([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], offer=offer, points=4))
    >>> [text.get_text() for text in ax.texts]
    ['best: contact 75%, 25.2 per customer']
    """
    columns = ["contacted", "profit", "oracle", "at_random", "best"]
    checked_frame(curve, columns, name="curve", maker=_MAKER)
    ax = axes_for(ax)
    contacted, profit, oracle, at_random = (
        numbers_of(curve, name, name="curve", maker=_MAKER) for name in columns[:-1]
    )
    ax.axhline(0.0, color=LIGHT, linewidth=1)
    ax.plot(contacted, oracle, color=GREY, linewidth=1.2, linestyle="--", label="perfect ranking")
    ax.plot(contacted, at_random, color=GREY, linewidth=1.2, linestyle=":", label="by lot")
    ax.plot(contacted, profit, color=BLUE, linewidth=2.2, label="this ranking")
    best = int(np.argmax(curve["best"].to_numpy(dtype=bool)))
    x, height = float(contacted[best]), float(profit[best])
    ax.plot([x], [height], "o", color=VERMILION, markersize=8, clip_on=False, label="best list")
    note = f"best: contact {percent(x)}, {number_text(height)} per customer" if x > 0 else "best: contact nobody"
    side = "left" if x < 0.5 else "right"
    behind = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1}  # other lines may run through it
    ax.annotate(note, (x, height), xytext=(0, 10), textcoords="offset points", ha=side, color=INK, bbox=behind)
    ax.set_xlim(0, 1)
    # What a bad list loses may dwarf what a good one earns: below, show as much as above, and half more.
    top = max(float(oracle.max()), height, 0.0)
    lowest = float(min(profit.min(), at_random.min(), 0.0))
    ax.set_ylim(max(lowest, -1.5 * top) if top > 0 else None, 1.15 * top if top > 0 else None)
    ax.xaxis.set_major_formatter(percent)
    ax.yaxis.set_major_formatter(number_text)
    legend_below(ax, 4)
    return tidy(ax, title="Profit by length of the list", x="Customers contacted", y="Profit per customer")
