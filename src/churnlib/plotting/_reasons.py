"""Why customers leave: the few reasons that make up most, and all of them on their bones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnlib._checks import check_integer
from churnlib.plotting._canvas import (
    BLUE,
    GREY,
    INK,
    LIGHT,
    ORANGE,
    axes_for,
    checked_frame,
    count_text,
    legend_below,
    level_of,
    name_ticks,
    named,
    numbers_of,
    percent,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_fishbone", "plot_pareto"]

_PARETO = "pareto_table(codes)"
_FISHBONE = "fishbone_table(codes)"
_HEIGHT, _SLANT, _STEP = 1.0, 0.55, 2.6
"""Of a bone: how far it stands off the spine, how far it leans back, and the distance to the next."""


def plot_pareto(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each reason with its interval, and the running share.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.reasons.pareto_table` makes it, of one group. Texts in Chinese need a font that has them.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Bars from the most frequent down, the vital few dark; a line of the running share.

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
    >>> from churnlib.reasons import pareto_table
    >>> survey = pd.DataFrame({"customer_id": ["ann", "bob", None], "code": ["PRC01", "SRV01", "PRC03"]})
    >>> ax = plot_pareto(pareto_table(survey))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['Price (2)', 'Service and product quality (1)']
    """
    needed = ["text", "stated", "share", "low", "high", "cumulative_share", "vital"]
    checked_frame(table, needed, name="table", maker=_PARETO)
    ax = axes_for(ax, width=7.5, height=1.9 + 0.36 * len(table))
    stated, share, low, high, running = (
        numbers_of(table, name, name="table", maker=_PARETO)
        for name in ("stated", "share", "low", "high", "cumulative_share")
    )
    place = np.arange(len(table), dtype=float)
    vital = table["vital"].to_numpy(dtype=bool)
    for few, colour, label in ((True, BLUE, "make up 80%"), (False, LIGHT, "the others")):
        chosen = vital == few
        if chosen.any():
            ax.barh(place[chosen], share[chosen], height=0.7, color=colour, label=label)
    ax.hlines(place, low, high, color=INK, linewidth=1.2, label="interval")
    ax.plot(running, place, "o-", color=ORANGE, linewidth=1.4, markersize=4, clip_on=False, label="running share")
    names = [f"{named(text)} ({count_text(n)})" for text, n in zip(table["text"], stated, strict=True)]
    name_ticks(ax, "y", place, names)
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(percent)
    legend_below(ax, 2)
    return tidy(ax, title="Why they leave", x="Share of the reasons stated", y="Reason  (stated)", grid="x")


def plot_fishbone(table: pd.DataFrame, *, most: int = 4, ax: Axes | None = None) -> Axes:
    """Draw every theme as a bone, with its reasons along it.

    Parameters
    ----------
    table : DataFrame
        As `churnlib.reasons.fishbone_table` makes it. Texts in Chinese need a font that has them.
    most : int, default=4
        At most so many reasons on a bone; the others are counted there.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Themes from the head to the tail of the fish, the most frequent at the head.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds no numbers.
    DataError
        If it has no rows.
    ParameterError, ParameterTypeError
        If an argument is of no use.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> from churnlib.reasons import fishbone_table
    >>> survey = pd.DataFrame({"customer_id": ["ann", "bob", None], "code": ["PRC01", "SRV01", "PRC03"]})
    >>> ax = plot_fishbone(fishbone_table(survey))
    >>> [text.get_text() for text in ax.texts if text.get_text().startswith("Price ")]
    ['Price  67%', 'Price too high  33%']
    """
    check_integer(most, name="most", low=1)
    checked_frame(table, ["theme", "theme_text", "text", "share"], name="table", maker=_FISHBONE)
    share = numbers_of(table, "share", name="table", maker=_FISHBONE)
    frame = table.assign(_theme=level_of(table, "theme").to_numpy(), _share=share)
    themes = list(dict.fromkeys(frame["_theme"]))
    pairs = -(-len(themes) // 2)
    ax = axes_for(ax, width=3.2 + 3.4 * pairs, height=6.2)
    head = _STEP * pairs
    ax.plot([-_STEP / 2, head], [0, 0], color=INK, linewidth=2.5, solid_capstyle="round")
    ax.plot([head], [0], marker=">", color=INK, markersize=14)
    for place, theme in enumerate(themes):
        up = 1.0 if place % 2 == 0 else -1.0
        _bone(ax, frame[frame["_theme"] == theme], head - _STEP * (place // 2) - 0.35, up, most)
    ax.set_xlim(-_STEP / 2 - 0.4, head + 0.3)
    ax.set_ylim(-1.3 * _HEIGHT, 1.3 * _HEIGHT)
    ax.set_axis_off()
    ax.set_title("Why they leave: shares of all reasons stated", loc="left", color=INK, parse_math=False)
    return ax


def _bone(ax: Axes, part: pd.DataFrame, foot: float, up: float, most: int) -> None:
    """Draw one theme from the spine outwards, its reasons as twigs to the left."""
    total = float(part["_share"].sum())
    top = foot - _SLANT
    ax.plot([foot, top], [0, up * _HEIGHT], color=BLUE, linewidth=1.2 + 5 * total, solid_capstyle="round")
    title = f"{named(part['theme_text'].iloc[0])}  {percent(total)}"
    ax.text(
        top, up * (_HEIGHT + 0.06), title, ha="center", va="bottom" if up > 0 else "top", color=INK, fontsize=10,
        fontweight="bold", parse_math=False,
    )  # fmt: skip
    lines = [
        f"{named(text)}  {percent(share)}"
        for text, share in zip(part["text"].iloc[:most], part["_share"].iloc[:most], strict=True)
    ]
    if len(part) > most:
        lines.append(f"… {len(part) - most} more  {percent(float(part['_share'].iloc[most:].sum()))}")
    for nth, line in enumerate(lines):
        # the most frequent reason is farthest out, next to the name of its theme
        far = 0.88 - 0.74 * nth / max(len(lines) - 1, 4)
        x, y = foot - _SLANT * far, up * _HEIGHT * far
        ax.plot([x - 0.16, x], [y, y], color=GREY, linewidth=1)
        ax.text(x - 0.2, y, line, ha="right", va="center", color=INK, fontsize=8, parse_math=False)
