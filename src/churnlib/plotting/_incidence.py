"""Who has left, by cause, over tenure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._checks import check_number
from churnlib.exceptions import DataError, message, some
from churnlib.plotting._canvas import LINES, axes_for, checked_frame, legend_below, named, numbers_of, percent, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_incidence"]

_MAKER = "AalenJohansen().fit(None, y).table_"


def plot_incidence(table: pd.DataFrame, *, start: float = 0.0, ax: Axes | None = None) -> Axes:
    """Draw the share that has left by each cause, one on top of the other; the rest is still here.

    Parameters
    ----------
    table : DataFrame
        The ``table_`` of a fitted `churnlib.survival.AalenJohansen`, of one stratum.
    start : float, default=0.0
        The tenure at which the curves begin: with delayed entry ``model.support_[0]``.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Areas, the first cause at the bottom.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds no numbers.
    DataError
        If it has no rows, or several strata.
    ParameterError, ParameterTypeError
        If an argument is of no use.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import churnlib as cl
    >>> from churnlib.survival import AalenJohansen
    >>> y = cl.survival_target([1, 2, 0, 1], [1, 2, 2, 3], causes=["price", "moved"])
    >>> ax = plot_incidence(AalenJohansen(causes=["price", "moved"]).fit(None, y).table_)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['price', 'moved']
    """
    checked_frame(table, ["time", "cause", "incidence"], name="table", maker=_MAKER)
    _one_stratum(table)
    begin = check_number(start, name="start", low=0)
    time, incidence = (numbers_of(table, name, name="table", maker=_MAKER) for name in ("time", "incidence"))
    codes, causes = pd.factorize(table["cause"])
    ax = axes_for(ax, width=8)
    below = np.zeros(1 + int((codes == 0).sum()))
    for code, cause in enumerate(causes):
        mine = codes == code
        x = np.concatenate([[begin], time[mine]])
        above = below + np.concatenate([[0.0], incidence[mine]])
        colour, _ = LINES[code % len(LINES)]
        ax.fill_between(x, below, above, step="post", color=colour, alpha=0.75, linewidth=0, label=named(cause))
        below = above
    ax.set_ylim(0, 1)
    ax.set_xlim(begin, time.max())
    ax.yaxis.set_major_formatter(percent)
    legend_below(ax, min(len(causes), 4))
    return tidy(ax, title="Share of customers who have left, by cause", x="Tenure", y="Have left")


def _one_stratum(table: pd.DataFrame) -> None:
    strata: list[Any] = list(pd.unique(table["stratum"])) if "stratum" in table.columns else []
    if len(strata) > 1:
        raise DataError(
            message(
                f"table holds {len(strata)} strata: {some(strata, 5)}",
                "areas of one stratum can be stacked",
                f'table[table["stratum"] == {strata[0]!r}]',
            )
        )
