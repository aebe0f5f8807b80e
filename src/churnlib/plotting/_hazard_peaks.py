"""The hazard over tenure, its peaks marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._typing import Array, FloatArray
from churnlib.exceptions import SchemaError, message
from churnlib.plotting._canvas import (
    INK,
    LINES,
    PALE,
    axes_for,
    checked_frame,
    level_of,
    named,
    numbers_of,
    percent,
    tidy,
    told_apart,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_hazard"]

_MAKER = "hazard_table(y, bands=...)"
_PEAKS = "find_hazard_peaks(y).table"


def plot_hazard(table: pd.DataFrame, *, peaks: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Draw how fast customers leave at each tenure, and mark the peaks.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.survival.hazard_table` makes it, or the ``hazard`` of `churnlib.survival.find_hazard_peaks`; with
        groups one line for each. Bands without customers are left out, and a last band without end is drawn as wide
        as the one before it.
    peaks : DataFrame or None, default=None
        The ``table`` of `churnlib.survival.find_hazard_peaks`, to be marked.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Levels of the rate with their intervals shaded; at each peak a grey strip, its periods and how many times
        its neighbourhood it is.

    Raises
    ------
    SchemaError
        If a column is missing from a frame, or holds what cannot be drawn.
    DataError
        If the table has no rows, or more groups than lines can tell apart.
    ParameterTypeError
        If an argument is of no use.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import churnlib as cl
    >>> from churnlib.survival import hazard_table
    >>> y = cl.survival_target([1, 0, 1, 1, 0, 0], [2, 3, 4, 4, 6, 8])
    >>> ax = plot_hazard(hazard_table(y, bands=[0, 3, 6]))
    >>> ax.get_title(loc="left")
    'Hazard by tenure'
    """
    checked_frame(table, ["band", "rate", "low", "high"], name="table", maker=_MAKER)
    rate, low, high = (numbers_of(table, name, name="table", maker=_MAKER) for name in ("rate", "low", "high"))
    left, right = _edges(table)
    groups = _groups(table, "band")
    codes, names = (np.zeros(len(table), dtype=int), [None]) if groups is None else pd.factorize(groups)
    told_apart(len(names), name="table", what="groups")
    ax = axes_for(ax, width=8.5)
    if peaks is not None:
        _mark(ax, peaks)
    for (colour, style), code, name in zip(LINES, range(len(names)), names, strict=False):
        mine = (codes == code) & np.isfinite(rate)
        label = None if groups is None else named(name)
        x = _corners(left[mine], right[mine])
        ax.plot(x, _levels(rate[mine]), color=colour, linestyle=style, linewidth=1.8, label=label)
        ax.fill_between(x, _levels(low[mine]), _levels(high[mine]), color=colour, alpha=0.18, linewidth=0)
    known = np.isfinite(rate)
    if known.any():
        # Where few are left the interval goes through the roof, and would press the rest to the floor.
        top = min(1.15 * float(high[known].max()), 2.2 * float(rate[known].max()) or np.inf)
        ax.set_ylim(0, top if top > 0 else None)
        ax.set_xlim(left[known].min(), right[known].max())
    ax.yaxis.set_major_formatter(percent)
    if groups is not None:
        for text in ax.legend(frameon=False).get_texts():
            text.set_parse_math(False)
    return tidy(ax, title="Hazard by tenure", x="Tenure", y="Departures per customer and unit of tenure")


def _edges(table: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    bands: Any = level_of(table, "band")
    if not isinstance(bands, pd.IntervalIndex):
        raise SchemaError(
            message(f"'band' of table holds {bands.dtype} values", "intervals were expected", f"table = {_MAKER}")
        )
    left, right = bands.left.to_numpy(dtype=np.float64), bands.right.to_numpy(dtype=np.float64, copy=True)
    endless = np.isinf(right)
    widths = (right - left)[~endless]
    right[endless] = left[endless] + (widths[-1] if len(widths) else 1.0)
    return left, right


def _groups(frame: pd.DataFrame, inner: str) -> Array | None:
    """Return what names the group of each row: the levels of the index beside that of the rows, as texts."""
    texts: list[Any]
    columns = [str(name) for name in frame.columns]
    if inner in columns:  # after reset_index the levels stand in front
        texts = [frame[name].astype(str) for name in columns[: columns.index(inner)] if name != "index"]
    else:
        levels = [str(name) for name in frame.index.names if name not in (None, inner)]
        texts = [frame.index.get_level_values(name).astype(str) for name in levels]
    if not texts:
        return None
    return np.array([", ".join(parts) for parts in zip(*texts, strict=True)], dtype=object)


def _corners(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return where levels begin, end, and break off before the next one that does not join."""
    return np.stack([left, right, right], axis=1).ravel()


def _levels(values: FloatArray) -> FloatArray:
    return np.stack([values, values, np.full(len(values), np.nan)], axis=1).ravel()


def _mark(ax: Axes, peaks: pd.DataFrame) -> None:
    needed = ["start", "end", "first", "last", "ratio"]
    if not len(peaks):
        return
    checked_frame(peaks, needed, name="peaks", maker=_PEAKS)
    start, end, first, last, ratio = (numbers_of(peaks, name, name="peaks", maker=_PEAKS) for name in needed)
    owner = _groups(peaks, "peak")
    for row in range(len(peaks)):
        ax.axvspan(start[row], end[row], color=PALE, zorder=0, linewidth=0)
        periods = f"{first[row]:.0f}" if first[row] == last[row] else f"{first[row]:.0f}–{last[row]:.0f}"
        whose = "" if owner is None else f"{named(owner[row])}\n"
        ax.annotate(
            f"{whose}{periods}\n{ratio[row]:.2f} ×", ((start[row] + end[row]) / 2, 1),
            xycoords=("data", "axes fraction"), xytext=(0, -4), textcoords="offset points", ha="center", va="top",
            color=INK, fontsize=9, parse_math=False,
        )  # fmt: skip
