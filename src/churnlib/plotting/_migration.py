"""Who moved from which segment to which, as coloured cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray
from churnlib.exceptions import DataError, SchemaError, message, some
from churnlib.plotting._canvas import (
    INK,
    annotate_cells,
    axes_for,
    checked_frame,
    count_text,
    heat_map,
    name_ticks,
    named,
    numbers_of,
    percent,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_migration"]

_MAKER = "migration_matrix(before, after).counts"


def plot_migration(moved: Any, *, ax: Axes | None = None) -> Axes:
    r"""Colour where the customers of each segment, or lifecycle stage, went.

    Parameters
    ----------
    moved : SegmentMigration or DataFrame
        What `churnlib.segmentation.migration_matrix` returns, or its ``counts``; or the frame of
        `churnlib.segmentation.transition_matrix`. Any square frame of counts will do, from
        down and to across.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        A row for each segment before, coloured by where its customers went: the shares of a row
        sum to one. Cells hold share and count, and are empty where nobody went; those who
        stayed are framed. Rows of nobody are grey.

    Raises
    ------
    SchemaError
        If a column is missing from the frame or holds no numbers, or rows and columns share no name.
    DataError
        If there are no rows, or a count is negative or missing.
    ParameterTypeError
        If an argument is of no use.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     [[80, 20], [5, 15]],
    ...     index=pd.Index(["top", "low"], name="before"),
    ...     columns=pd.Index(["top", "low"], name="after"),
    ... )
    >>> [text.get_text() for text in plot_migration(counts).texts]
    ['80%\n80', '20%\n20', '25%\n5', '75%\n15']
    """
    table = _counts(moved)
    _refuse_no_matrix(table)
    counts = np.column_stack([_column(table, k) for k in range(table.shape[1])])
    wrong = ~(np.isfinite(counts) & (counts >= 0))
    if wrong.any():
        raise DataError(
            message(f"{int(wrong.sum())} counts are negative or missing", "customers are counted from 0", _MAKER)
        )
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    n_rows, n_columns = counts.shape
    ax = axes_for(ax, width=3.4 + 0.82 * n_columns, height=2 + 0.52 * n_rows)
    mesh = heat_map(
        ax,
        shares,
        x_edges=np.arange(n_columns + 1, dtype=np.float64) - 0.5,
        y_edges=np.arange(n_rows + 1, dtype=np.float64) - 0.5,
        label="Share of the row: where its customers went",
        highest=1.0,
        shares=True,
    )

    def text(row: int, column: int) -> str:
        count = counts[row, column]
        return f"{percent(shares[row, column])}\n{count_text(count)}" if count else ""

    places = (np.arange(n_columns, dtype=float), np.arange(n_rows, dtype=float))
    annotate_cells(ax, mesh, places, text, size=8)
    _frame_those_who_stayed(ax, table, shares)
    after = [named(name) for name in table.columns]
    name_ticks(ax, "x", places[0], after, rotation=40, ha="right", rotation_mode="anchor")
    before = [f"{named(name)} ({count_text(n)})" for name, n in zip(table.index, total[:, 0], strict=True)]
    name_ticks(ax, "y", places[1], before)
    ax.invert_yaxis()
    return tidy(
        ax,
        title="Where customers moved  (framed: stayed where they were)",
        x="After",
        y="Before  (customers)",
        grid=None,
    )


def _counts(moved: Any) -> pd.DataFrame:
    """Return counts from (down) and to (across), whichever of the results was given."""
    held = getattr(moved, "counts", moved)
    if isinstance(held, pd.DataFrame) and held.index.nlevels == 2:
        maker = "transition_matrix(states)"
        frame = checked_frame(held, ["count"], name="moved", maker=maker)["count"]
        return frame.unstack()  # noqa: PD010 - a level becomes columns, nothing is aggregated
    return checked_frame(held, [], name="moved", maker=_MAKER)


def _refuse_no_matrix(table: pd.DataFrame) -> None:
    """Refuse a frame whose rows and columns are not segments of the same kind."""
    if not set(table.index) & set(table.columns):
        raise SchemaError(
            message(
                f"the rows of moved are {some(table.index)} and its columns {some(table.columns)}",
                "segments before stand down and the same ones after across",
                f"moved = {_MAKER}",
            )
        )


def _column(table: pd.DataFrame, place: int) -> FloatArray:
    column = table.iloc[:, [place]].set_axis([str(table.columns[place])], axis=1)
    return numbers_of(column, column.columns[0], name="moved", maker=_MAKER)


def _frame_those_who_stayed(ax: Axes, table: pd.DataFrame, shares: FloatArray) -> None:
    from matplotlib.patches import Rectangle

    columns = list(table.columns)
    for row, name in enumerate(table.index):
        if name in columns and np.isfinite(shares[row]).all():
            corner = (columns.index(name) - 0.5, row - 0.5)
            ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=INK, linewidth=1.4))
