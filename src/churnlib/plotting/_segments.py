"""How large the segments are and what they spend: bars, or areas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from churnlib._checks import check_choice, named_rows
from churnlib._typing import FloatArray
from churnlib.exceptions import DataError, message
from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    INK,
    LIGHT,
    VOID,
    axes_for,
    checked_frame,
    count_text,
    level_of,
    name_ticks,
    named,
    number_text,
    numbers_of,
    percent,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_segments"]

_MAKER = "segment_profiles(segmenter.predict(rfm), rfm)"
_SMALLEST, _LARGEST = 6.5, 11.0
"""Points of a name in a treemap."""
_LINE = 100
"""Characters below a treemap."""


def plot_segments(
    profiles: pd.DataFrame,
    *,
    kind: Literal["bars", "treemap"] = "bars",
    colour: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many customers each segment has, and how much of the spend.

    Parameters
    ----------
    profiles : DataFrame
        As `churnlib.segmentation.segment_profiles` makes it, in the order to draw the bars.
    kind : {"bars", "treemap"}, default="bars"
        "bars" sets the share of customers beside that of spend, where it is known. "treemap" gives
        each segment an area in proportion to its customers, the largest at the upper left.
    colour : str or None, default=None
        For a treemap: the column that colours the areas, such as ``spend_total_mean`` or
        ``churn_rate``. None is ``spend_share`` where it is known.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Bars of shares between 0 and 1, written as percent with the customers; or rectangles.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds no numbers.
    DataError
        If it has no rows, no segment has a customer, or customers are negative or missing.
    ParameterError, ParameterTypeError
        If an argument cannot work.
    MissingDependencyError
        If matplotlib is not installed.

    Notes
    -----
    Treemap: M. Bruls, K. Huizing and J. J. van Wijk, "Squarified Treemaps", 2000.

    Examples
    --------
    >>> profiles = pd.DataFrame(
    ...     {"customers": [10, 90], "share": [0.1, 0.9], "spend_share": [0.6, 0.4]},
    ...     index=pd.Index(["Champions", "Others"], name="segment"),
    ... )
    >>> [round(float(bar.get_width()), 2) for bar in plot_segments(profiles).patches]
    [0.1, 0.9, 0.6, 0.4]
    >>> areas = plot_segments(profiles, kind="treemap").patches
    >>> [round(float(area.get_width() * area.get_height()), 2) for area in areas]
    [0.9, 0.1]
    """
    check_choice(kind, ("bars", "treemap"), name="kind")
    wanted = ["customers", "share", *([] if colour is None else [colour])]
    checked_frame(profiles, wanted, name="profiles", maker=_MAKER)
    spend = ["spend_share"] if "spend_share" in profiles.columns else []
    for column in (*wanted, *spend):
        numbers_of(profiles, column, name="profiles", maker=_MAKER)
    _check_customers(numbers_of(profiles, "customers", name="profiles", maker=_MAKER))
    if kind == "bars":
        return _bars(profiles, ax)
    shade = colour or ("spend_share" if "spend_share" in profiles.columns else None)
    return _treemap(profiles, shade, ax)


def _check_customers(customers: FloatArray) -> None:
    wrong = ~(np.isfinite(customers) & (customers >= 0))
    if wrong.any():
        what = f"column 'customers' is negative or missing in {int(wrong.sum())} of {wrong.size} rows"
        raise DataError(
            message(f"{what} ({named_rows(wrong)})", "customers are counted from 0", f"profiles = {_MAKER}")
        )
    if not customers.any():
        raise DataError(message("no segment has a customer", "there is nothing to draw", f"profiles = {_MAKER}"))


def _bars(profiles: pd.DataFrame, ax: Axes | None) -> Axes:
    spend = "spend_share" in profiles.columns
    ax = axes_for(ax, width=8, height=1.4 + (0.5 if spend else 0.34) * len(profiles))
    place = np.arange(len(profiles), dtype=float)
    width = 0.38 if spend else 0.7
    series = [("share", LIGHT, "share of customers"), *([("spend_share", BLUE, "share of spend")] if spend else [])]
    for turn, (column, shade, label) in enumerate(series):
        shares = profiles[column].to_numpy(dtype=float)
        drawn = ax.barh(place + width * (turn - (len(series) - 1) / 2), shares, width, color=shade, label=label)
        texts = [percent(share) for share in shares]
        if column == "share":
            counted = profiles["customers"].to_numpy()
            texts = [f"{text}  ({count_text(count)})" for text, count in zip(texts, counted, strict=True)]
        ax.bar_label(drawn, texts, padding=3, color=INK, fontsize=8.5)
    name_ticks(ax, "y", place, [named(name) for name in _segments(profiles)])
    ax.invert_yaxis()
    ax.margins(x=0.16)
    ax.xaxis.set_major_formatter(percent)
    if spend:
        ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1, ncols=2)
    title = "Segments by size and spend" if spend else "Segments by size"
    tidy(ax, title=title, x="Share of all customers" + (", and of all spend" if spend else ""), y="", grid="x")
    return ax


def _treemap(profiles: pd.DataFrame, shade: str | None, ax: Axes | None) -> Axes:
    ax = axes_for(ax, width=8.5, height=5.2)
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.patches import Rectangle

    held = profiles[profiles["customers"] > 0].sort_values("customers", ascending=False, kind="stable")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    values = np.full(len(held), np.nan) if shade is None else held[shade].to_numpy(dtype=float)
    scale: Any = ScalarMappable(Normalize(0, float(np.nanmax(values, initial=0.0)) or 1.0), "Blues")
    if shade is not None:
        form = percent if shade.endswith(("share", "rate")) else number_text
        figure: Any = ax.figure
        figure.colorbar(scale, ax=ax, format=form, pad=0.02).set_label(_words(shade), parse_math=False)
    size = ax.get_window_extent().size
    boxes = _squares(held["customers"].to_numpy(dtype=float), width=float(size[0] / size[1]))
    too_small = []
    rows = zip(boxes, values, _segments(held), held["customers"], held["share"], strict=True)
    for (x, y, width, height), value, segment, customers, share in rows:
        fill = scale.to_rgba(value) if np.isfinite(value) else VOID
        dark = value > 0.55 * scale.get_clim()[1]
        ax.add_patch(Rectangle((x, y), width, height, facecolor=fill, edgecolor="white", linewidth=2))
        said = f"{count_text(customers)} ({percent(share)})"
        if not _label(ax, (x, y, width, height), f"{named(segment)}\n{said}", "white" if dark else INK):
            too_small.append(f"{named(segment)} {said}")
    if too_small:
        ax.text(
            1, -0.015, f"without a name: {_as_many_as_fit(too_small)}", ha="right", va="top", fontsize=8.5, color=GREY,
            parse_math=False,
        )  # fmt: skip
    ax.set_axis_off()
    ax.set_title("Segments: area in proportion to customers", loc="left", color=INK)
    return ax


def _segments(profiles: pd.DataFrame) -> pd.Index[Any]:
    """Return the segments of the rows, which stand in the index unless it was reset."""
    held = "segment" in profiles.columns and profiles.index.name is None
    return level_of(profiles, "segment") if held else profiles.index


def _as_many_as_fit(names: list[str]) -> str:
    """List names on one line below the areas, and count those for which it is too short."""
    ends = np.cumsum([len(name) + 2 for name in names])
    shown = max(1, int(np.searchsorted(ends, _LINE)))
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f", … {more:,} more" if more else "")


def _label(ax: Axes, box: tuple[float, float, float, float], text: str, colour: str) -> bool:
    """Write into a box, upright where it is tall and narrow; say whether there was room."""
    x, y, width, height = box
    columns, lines = max(len(line) for line in text.split("\n")), text.count("\n") + 1
    figure: Any = ax.figure
    size = ax.get_window_extent().size / figure.dpi * 72
    flat = min(width * size[0] / (0.62 * columns), height * size[1] / (1.5 * lines), _LARGEST)
    upright = min(height * size[1] / (0.62 * columns), width * size[0] / (1.5 * lines), _LARGEST)
    turned = upright > 1.3 * flat
    points = float(max(flat, upright) if turned else flat)
    if points < _SMALLEST:
        return False
    ax.text(
        x + width / 2, y + height / 2, text, ha="center", va="center", color=colour, fontsize=points,
        rotation=90 if turned else 0, parse_math=False,
    )  # fmt: skip
    return True


def _words(column: str) -> str:
    """Name what a column of `segment_profiles` holds."""
    known = {"spend_share": "Share of all spend", "churn_rate": "Churn rate", "share": "Share of all customers"}
    for statistic in ("mean", "median"):
        if column.endswith(f"_{statistic}"):
            return f"{column.removesuffix(f'_{statistic}').replace('_', ' ')}, {statistic} per customer"
    return known.get(column, column.replace("_", " "))


def _squares(sizes: FloatArray, *, width: float) -> list[tuple[float, float, float, float]]:
    """Cut a rectangle of height 1 into boxes (x, y, width, height) of these areas, descending, as square as can be.

    Widths and places along x are returned as shares of the whole width.

    Rows are laid along the shorter side of what is left; a box joins the current row as
    long as that makes its worst box less oblong.
    """
    whole = width
    areas = list(sizes / sizes.sum() * whole)
    boxes: list[tuple[float, float, float, float]] = []
    x, y, height = 0.0, 0.0, 1.0
    while areas:
        side = min(width, height)
        taken = 1
        while taken < len(areas) and _oblong(areas[: taken + 1], side) <= _oblong(areas[:taken], side):
            taken += 1
        row, areas = areas[:taken], areas[taken:]
        depth = sum(row) / side
        along = 0.0
        for area in row:
            length = area / depth
            if width >= height:  # a column at the left, from the top down
                boxes.append((x / whole, y + height - along - length, depth / whole, length))
            else:  # a row at the top, from the left
                boxes.append(((x + along) / whole, y + height - depth, length / whole, depth))
            along += length
        if width >= height:
            x, width = x + depth, width - depth
        else:
            height -= depth
    return boxes


def _oblong(areas: list[float], side: float) -> float:
    """Return the worst ratio of the sides of boxes laid in one row along a side."""
    depth = sum(areas) / side
    return max(max(depth * depth / area, area / (depth * depth)) for area in areas)
