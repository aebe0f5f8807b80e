"""What all pictures share: the axes, the colours, the way numbers are written, the check of the frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from churnlib._frames import optional_import
from churnlib._typing import FloatArray
from churnlib.exceptions import DataError, ParameterTypeError, SchemaError, message, nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

__all__ = [
    "BLUE",
    "GREY",
    "INK",
    "LIGHT",
    "LINES",
    "ORANGE",
    "PALE",
    "VERMILION",
    "VOID",
    "annotate_cells",
    "axes_for",
    "checked_frame",
    "count_text",
    "heat_map",
    "legend_below",
    "level_of",
    "name_ticks",
    "named",
    "number_text",
    "numbers_of",
    "percent",
    "tidy",
    "told_apart",
]

# The palette of M. Okabe and K. Ito (2008), which people with any kind of colour vision tell apart.
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
INK = "#222222"
GREY = "#6B6B6B"
LIGHT = "#BDBDBD"
PALE = "#EEEEEE"
VOID = "#D6D6D6"

_MANY = (BLUE, VERMILION, "#009E73", ORANGE, "#CC79A7", "#56B4E9", INK)
LINES = tuple((colour, style) for style in ("-", "--", ":", "-.") for colour in _MANY)
"""Colours and styles of lines that are told apart, the first ones best."""

_LONGEST = 40
"""Characters of a name, so that room is left for the picture."""


def axes_for(ax: Axes | None, *, width: float = 7.5, height: float = 4.5) -> Axes:
    """Return the axes to draw on: those given, or new ones on a figure that pyplot does not know.

    Parameters
    ----------
    ax : matplotlib Axes or None
        What the caller passed.
    width, height : float
        Inches of a new figure.

    Returns
    -------
    matplotlib Axes
        Empty ones, or those given.

    Raises
    ------
    MissingDependencyError
        When matplotlib is not installed.
    ParameterTypeError
        When `ax` is no Axes.
    """
    optional_import("matplotlib", extra="plot", purpose="drawing")
    if ax is None:
        from matplotlib.figure import Figure

        return Figure(figsize=(width, height), layout="constrained").add_subplot()
    if not hasattr(ax, "set_xlabel"):
        raise ParameterTypeError(
            message(
                f"ax is a {type(ax).__name__}",
                "one matplotlib Axes was expected",
                "figure, ax = matplotlib.pyplot.subplots()",
            )
        )
    return ax


def checked_frame(frame: Any, columns: Sequence[str], *, name: str, maker: str) -> pd.DataFrame:
    """Return a result frame if it has rows and the columns to draw.

    Parameters
    ----------
    frame : object
        What the caller passed.
    columns : sequence of str
        Columns, or levels of the index, that are needed.
    name : str
        The argument's name, for the message.
    maker : str
        The call that makes such a frame, for the message.

    Returns
    -------
    DataFrame
        The same frame.

    Raises
    ------
    ParameterTypeError
        When it is no pandas frame.
    SchemaError
        When a column is missing.
    DataError
        When there are no rows.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ParameterTypeError(
            message(f"{name} is a {type(frame).__name__}", "a pandas frame was expected", f"{name} = {maker}")
        )
    held = [*frame.columns, *(level for level in frame.index.names if level is not None)]
    missing = [column for column in columns if column not in held]
    if missing:
        raise SchemaError(
            message(
                f"column {missing[0]!r} is missing from {name}",
                f"the frame has {len(frame.columns)} columns; {nearest(missing[0], held)}",
                f"{name} = {maker}",
            )
        )
    if frame.empty:
        raise DataError(message(f"{name} has no rows", "there is nothing to draw", f"{name} = {maker}"))
    return frame


def level_of(frame: pd.DataFrame, name: str) -> pd.Index[Any]:
    """Return what names the rows of a result frame, be it in the index or, after ``reset_index``, in a column.

    Parameters
    ----------
    frame : DataFrame
        Checked to have it.
    name : str
        The level or column.

    Returns
    -------
    Index
        One entry for each row.

    Examples
    --------
    >>> level_of(pd.DataFrame({"bin": [1, 2]}), "bin").tolist()
    [1, 2]
    """
    return pd.Index(frame[name]) if name in frame.columns else frame.index.get_level_values(name)


def numbers_of(frame: pd.DataFrame, column: str, *, name: str, maker: str) -> FloatArray:
    """Return a column of a result frame as floats.

    Parameters
    ----------
    frame : DataFrame
        Checked to have it.
    column : str
        Which.
    name, maker : str
        As in `checked_frame`.

    Returns
    -------
    ndarray of float64
        NaN where a value is missing.

    Raises
    ------
    SchemaError
        When the column holds no numbers.

    Examples
    --------
    >>> numbers_of(pd.DataFrame({"low": [1, None]}), "low", name="table", maker="shrunken_rates(...)")
    array([ 1., nan])
    """
    try:
        return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise SchemaError(
            message(
                f"column {column!r} of {name} holds {frame[column].dtype} values",
                "numbers were expected",
                f"{name} = {maker}",
            )
        ) from None


def named(name: object) -> str:
    """Write a name of the user's on a picture, shortened in the middle where it would push the picture aside.

    Examples
    --------
    >>> named("Champions"), named("x" * 50 + "yz")
    ('Champions', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxyz')
    """
    text = " ".join(str(name).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 10]}…{text[-8:]}"


def name_ticks(ax: Axes, axis: Literal["x", "y"], places: FloatArray, names: Sequence[str], **text: Any) -> None:
    """Write names along an axis, as they are: a dollar in one begins no formula.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to.
    axis : {"x", "y"}
        Along which axis.
    places : ndarray
        Where each stands.
    names : sequence of str
        The texts.
    **text
        Properties of the texts.
    """
    write: Any = ax.set_xticks if axis == "x" else ax.set_yticks
    write(places, list(names), parse_math=False, **text)


def tidy(ax: Axes, *, title: str, x: str, y: str, grid: Literal["x", "y"] | None = "y") -> Axes:
    """Write title and labels, and leave only the lines that help to read a value.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to.
    title, x, y : str
        The texts.
    grid : {"x", "y"} or None, default="y"
        Along which axis values are read.

    Returns
    -------
    matplotlib Axes
        The same.
    """
    ax.set_title(title, loc="left", color=INK, parse_math=False)  # a dollar is a dollar
    ax.set_xlabel(x, color=INK, parse_math=False)
    ax.set_ylabel(y, color=INK, parse_math=False)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(LIGHT)
    ax.tick_params(colors=INK, length=3, color=LIGHT)
    ax.set_axisbelow(True)
    if grid is not None:
        ax.grid(visible=True, axis=grid, color=PALE, linewidth=1)
    return ax


def heat_map(
    ax: Axes,
    values: FloatArray,
    *,
    x_edges: FloatArray,
    y_edges: FloatArray,
    label: str,
    highest: float | None = None,
    shares: bool = False,
) -> QuadMesh:
    """Colour cells from pale to dark blue, with a scale beside them; NaN is grey.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to.
    values : ndarray of shape (n_rows, n_columns)
        From 0 up.
    x_edges, y_edges : ndarray
        Where cells begin and end, one more than there are.
    label : str
        What the colours mean.
    highest : float or None, default=None
        The value of the darkest blue; None is the largest one.
    shares : bool, default=False
        Whether the scale is written in percent.

    Returns
    -------
    QuadMesh
        The cells.
    """
    known = values[np.isfinite(values)]
    top = highest if highest is not None else float(known.max(initial=0.0)) or 1.0
    ax.set_facecolor(VOID)
    mesh = ax.pcolormesh(
        x_edges, y_edges, np.ma.masked_invalid(values), cmap="Blues", vmin=0.0, vmax=top, edgecolors="white",
        linewidth=0.6,
    )  # fmt: skip
    figure: Any = ax.figure
    bar = figure.colorbar(mesh, ax=ax, label=label, format=percent if shares else number_text, pad=0.02)
    bar.outline.set_visible(False)
    return mesh


def annotate_cells(
    ax: Axes, mesh: QuadMesh, centres: tuple[FloatArray, FloatArray], text: Callable[[int, int], str], size: float = 9
) -> None:
    """Write into each known cell, in white on dark colours.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to.
    mesh : QuadMesh
        The cells.
    centres : tuple of ndarray
        Their centres along x and y.
    text : callable
        From row and column to what is written.
    size : float, default=9
        In points.
    """
    cells: Any = mesh.get_array()
    values = np.ma.filled(cells, np.nan).reshape(len(centres[1]), len(centres[0]))
    dark = 0.55 * mesh.get_clim()[1]
    for row, y in enumerate(centres[1]):
        for column, x in enumerate(centres[0]):
            value = values[row, column]
            if np.isfinite(value):
                colour = "white" if value > dark else INK
                ax.text(x, y, text(row, column), ha="center", va="center", fontsize=size, color=colour)


def legend_below(ax: Axes, columns: int) -> None:
    """Explain the marks below the label of the horizontal axis, where no data can be.

    Parameters
    ----------
    ax : matplotlib Axes
        What was drawn on.
    columns : int
        In how many columns.
    """
    # the distance is in heights of the font, and so does not depend on the height of the axes
    ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=3.6, ncols=columns)


def percent(value: float, _position: object = None) -> str:
    """Write a share, with one decimal below ten percent where it has one.

    So has a half of a percent above: axes have ticks at 12.5 %, which are not at 12.

    Examples
    --------
    >>> percent(0.5), percent(0.034), percent(0.05), percent(0), percent(0.125), percent(0.326)
    ('50%', '3.4%', '5%', '0%', '12.5%', '33%')
    """
    half = abs(200 * value - round(200 * value)) < 1e-9
    text = f"{100 * value:.1f}" if abs(value) < 0.0995 or half else f"{100 * value:.0f}"
    return f"{text.removesuffix('.0')}%"


def count_text(value: float) -> str:
    """Write a number of customers.

    Examples
    --------
    >>> count_text(2357.0)
    '2,357'
    """
    return f"{value:,.0f}"


def number_text(value: float, _position: object = None) -> str:
    """Write a number with three digits that count.

    Examples
    --------
    >>> number_text(3.7481), number_text(0.0512), number_text(1234.5), number_text(20.0), number_text(0)
    ('3.75', '0.0512', '1,234', '20', '0')
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def told_apart(n_lines: int, *, name: str, what: str) -> None:
    """Refuse more lines than there are colours and styles, of which the rest would be left out.

    Parameters
    ----------
    n_lines : int
        How many.
    name : str
        The frame's argument name, for the message.
    what : str
        What the lines are.

    Raises
    ------
    DataError
        If there are too many.
    """
    if n_lines > len(LINES):
        raise DataError(
            message(
                f"{name} holds {n_lines} {what}",
                f"at most {len(LINES)} lines can be told apart",
                "draw some of them, or larger ones",
            )
        )
