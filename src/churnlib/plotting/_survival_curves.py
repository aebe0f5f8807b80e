"""The share still here over tenure, for everybody or for each stratum."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._checks import check_number
from churnlib._typing import FloatArray, IntArray
from churnlib.plotting._canvas import (
    GREY,
    LINES,
    axes_for,
    checked_frame,
    count_text,
    name_ticks,
    named,
    number_text,
    numbers_of,
    percent,
    tidy,
    told_apart,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_survival"]

_MAKER = "KaplanMeier().fit(None, y).table_"
_COLUMNS = ("time", "survival", "low", "high", "at_risk")


def plot_survival(table: pd.DataFrame, *, start: float = 0.0, ax: Axes | None = None) -> Axes:
    """Draw the share still here at each tenure, with its interval and how many it rests on.

    The interval is for each tenure by itself; that of a whole curve would be wider.

    Parameters
    ----------
    table : DataFrame
        The ``table_`` of a fitted `churnlib.survival.KaplanMeier`; one curve for each ``stratum``.
    start : float, default=0.0
        The tenure at which the curves begin: with delayed entry ``model.support_[0]``.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Step lines with their intervals shaded; below each tenure the customers at risk, a line for each stratum.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds no numbers.
    DataError
        If it has no rows, or more strata than lines can tell apart.
    ParameterError, ParameterTypeError
        If an argument is of no use.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import churnlib as cl
    >>> from churnlib.survival import KaplanMeier
    >>> y = cl.survival_target([1, 0, 1, 1, 0, 0], [2, 3, 4, 4, 6, 8])
    >>> ax = plot_survival(KaplanMeier().fit(None, y).table_)
    >>> ax.get_lines()[0].get_ydata().round(2).tolist()
    [1.0, 0.83, 0.83, 0.42, 0.42, 0.42]
    """
    checked_frame(table, _COLUMNS, name="table", maker=_MAKER)
    begin = check_number(start, name="start", low=0)
    columns = {name: numbers_of(table, name, name="table", maker=_MAKER) for name in _COLUMNS}
    strata = table["stratum"] if "stratum" in table.columns else pd.Series("all", index=table.index)
    names, rows = _strata(strata)
    told_apart(len(names), name="table", what="strata")
    ax = axes_for(ax, width=8)
    ticks = _ticks(begin, float(columns["time"].max()))
    at_risk = []
    for (colour, style), name, mine in zip(LINES, names, rows, strict=False):
        time, survival, low, high, counted = (columns[column][mine] for column in _COLUMNS)
        x = np.concatenate([[begin], time])
        ax.plot(
            x, np.concatenate([[1.0], survival]), color=colour, linestyle=style, linewidth=1.8,
            drawstyle="steps-post", label=named(name),
        )  # fmt: skip
        least, most = (np.concatenate([[1.0], bound]) for bound in (low, high))
        ax.fill_between(x, least, most, step="post", color=colour, alpha=0.15, linewidth=0)
        at_risk.append([_watched(tick, time, counted) for tick in ticks])
    name_ticks(ax, "x", ticks, ["\n".join([number_text(t), *lines]) for t, *lines in zip(ticks, *at_risk, strict=True)])
    ax.tick_params(axis="x", pad=4)
    alone = len(names) == 1
    heads = ["at risk"] if alone else [f"at risk: {named(name)}" for name in names]
    ax.annotate(
        "\n".join(["", *heads]), (0, 0), xycoords="axes fraction", xytext=(-26, -7), textcoords="offset points",
        ha="right", va="top", color=GREY, parse_math=False,
    )  # fmt: skip
    ax.set_ylim(0, 1.02)
    ax.set_xlim(begin, ticks[-1] if ticks[-1] >= columns["time"].max() else None)
    ax.yaxis.set_major_formatter(percent)
    if not alone:
        legend = ax.legend(frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)
    return tidy(ax, title="Share of customers still here", x="Tenure", y="Still here")


def _strata(strata: pd.Series[Any]) -> tuple[list[Any], list[IntArray]]:
    """Return the strata in the order in which they come, and the rows of each."""
    codes, names = pd.factorize(strata)
    return list(names), [np.flatnonzero(codes == code).astype(np.int64) for code in range(len(names))]


def _ticks(begin: float, end: float) -> FloatArray:
    locator = importlib.import_module("matplotlib.ticker").MaxNLocator(7, steps=[1, 2, 3, 5, 6, 10])
    ticks = np.asarray(locator.tick_values(begin, end), dtype=np.float64)
    return ticks[(ticks >= begin) & (ticks <= end * (1 + 1e-9))]


def _watched(tick: float, time: FloatArray, at_risk: FloatArray) -> str:
    """Write how many are under observation just before the first moment from this one on."""
    place = int(np.searchsorted(time, tick))
    return count_text(float(at_risk[place])) if place < len(time) else "0"
