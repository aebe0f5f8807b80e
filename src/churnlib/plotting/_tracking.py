"""Repeat purchases over calendar time, expected and actual."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._checks import check_flag
from churnlib.exceptions import SchemaError, message
from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    INK,
    PALE,
    VERMILION,
    axes_for,
    checked_frame,
    level_of,
    number_text,
    numbers_of,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_tracking"]

_MAKER = "tracking_table(model, orders, cutoff=...)"


def plot_tracking(table: pd.DataFrame, *, cumulative: bool = False, ax: Axes | None = None) -> Axes:
    """Draw the repeat purchases of each week, or their running total, beside what the model expected.

    A row that is shorter than the others, such as the one that ends at the cutoff, is drawn at
    the pace of a whole one.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.clv.tracking_table` makes it.
    cumulative : bool, default=False
        Whether to draw the running totals. They are smooth and show whether the level
        is right; the weekly numbers show seasons and campaigns, which the model does not know.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Lines of actual and expected repeat purchases at the end of each row; where the frame
        tells the holdout, it is shaded.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds what cannot be drawn.
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
    ...         "actual": [4, 9, 12],
    ...         "expected": [4.4, 8.1, 10.3],
    ...         "actual_cumulative": [4, 13, 25],
    ...         "expected_cumulative": [4.4, 12.5, 22.8],
    ...     },
    ...     index=pd.date_range("2025-01-08", periods=3, freq="7D", name="until"),
    ... )
    >>> ax = plot_tracking(table, cumulative=True)
    >>> [line.get_label() for line in ax.get_lines()]
    ['actual', 'expected by the model']
    """
    suffix = "_cumulative" if check_flag(cumulative, name="cumulative") else ""
    checked_frame(table, ["until", f"actual{suffix}", f"expected{suffix}"], name="table", maker=_MAKER)
    actual, expected = (
        numbers_of(table, f"{what}{suffix}", name="table", maker=_MAKER) for what in ("actual", "expected")
    )
    until = _instants(level_of(table, "until"))
    days = until.tz_localize(None).to_numpy()  # matplotlib would move aware times to the zone of its settings
    ax = axes_for(ax, width=8)
    pace = _pace(table, cumulative=cumulative)
    ax.plot(days, actual * pace, color=INK, linewidth=1.4, label="actual")
    ax.plot(
        days, expected * pace, color=BLUE, linewidth=2.2, linestyle="--",
        label="expected by the model",
    )  # fmt: skip
    ax.set_ylim(bottom=0)
    ax.margins(x=0.01)
    if "holdout" in table.columns:
        _shade(ax, days, table["holdout"].to_numpy(dtype=bool))
    _dates(ax)
    ax.yaxis.set_major_formatter(number_text)
    ax.legend(frameon=False, loc="upper left" if cumulative else "lower right")
    row = _row(until)
    title = "Repeat purchases since the beginning" if cumulative else f"Repeat purchases per {row}"
    return tidy(ax, title=title, x=f"End of the {row}", y="Purchases after the first one, all customers")


def _instants(until: pd.Index[Any]) -> pd.DatetimeIndex:
    if not isinstance(until, pd.DatetimeIndex):
        raise SchemaError(
            message(f"'until' of table holds {until.dtype} values", "points in time were expected", f"table = {_MAKER}")
        )
    return until


def _pace(table: Any, *, cumulative: bool) -> Any:
    """Return what brings a row that is shorter than the others, such as the one before the cutoff, to their pace."""
    if cumulative or "periods" not in table.columns:
        return 1.0
    length = table["periods"].to_numpy(dtype=float)
    return np.median(length) / length


def _shade(ax: Axes, days: np.ndarray, holdout: np.ndarray) -> None:
    """Shade what the model had not seen, from the end of the last row it had."""
    if not holdout.any():
        return
    first = int(np.argmax(holdout))
    ax.axvspan(days[max(first - 1, 0)], days[-1], color=PALE, zorder=0)
    ax.axvline(days[max(first - 1, 0)], color=VERMILION, linewidth=1)
    ax.annotate(
        "not seen by the model",
        (days[max(first - 1, 0)], 1),
        xycoords=("data", "axes fraction"),
        xytext=(5, -5),
        textcoords="offset points",
        va="top",
        color=GREY,
    )


def _dates(ax: Axes) -> None:
    dates: Any = importlib.import_module("matplotlib.dates")  # without types
    locator = dates.AutoDateLocator(maxticks=9)
    month, day = "%b\n%Y", "%d %b\n%Y"
    formats = ["%Y", month, day, "%H:%M", "%H:%M", "%H:%M:%S"]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(
        dates.ConciseDateFormatter(
            locator, formats=formats, zero_formats=["", month, day, day, "%H:%M", "%H:%M"], show_offset=False
        )
    )


def _row(until: pd.DatetimeIndex) -> str:
    """Name the length of most rows."""
    if len(until) < 2:
        return "period"
    length = pd.Series(until[1:] - until[:-1]).mode().iloc[0]
    names = {pd.Timedelta(days=1): "day", pd.Timedelta(days=7): "week"}
    return names.get(length, "period")
