"""Why so many clusters: silhouette and stability over their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnlib._checks import check_number
from churnlib.plotting._canvas import (
    BLUE,
    INK,
    LIGHT,
    VERMILION,
    axes_for,
    checked_frame,
    legend_below,
    numbers_of,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_cluster_choice"]

_MAKER = "RFMClusterSegmenter().fit(rfm).selection_"


def plot_cluster_choice(selection: pd.DataFrame, *, min_stability: float | None = None, ax: Axes | None = None) -> Axes:
    """Draw on what grounds a number of clusters was chosen.

    The inertia is left out: it falls with every further cluster, and an elbow in it is
    in the eye of the beholder.

    Parameters
    ----------
    selection : DataFrame
        The ``selection_`` of a fitted `churnlib.segmentation.RFMClusterSegmenter`.
    min_stability : float or None, default=None
        The stability a number of clusters had to reach, drawn as a line.
    ax : matplotlib Axes or None, default=None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib Axes
        Lines of ``silhouette`` and ``stability`` over ``k``, the chosen k marked.

    Raises
    ------
    SchemaError
        If a column is missing from the frame, or holds no numbers.
    DataError
        If it has no rows.
    ParameterError, ParameterTypeError
        If an argument cannot work.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> selection = pd.DataFrame(
    ...     {
    ...         "k": [2, 3, 4],
    ...         "silhouette": [0.41, 0.48, 0.37],
    ...         "stability": [0.99, 0.95, 0.6],
    ...         "chosen": [False, True, False],
    ...     }
    ... )
    >>> plot_cluster_choice(selection, min_stability=0.8).get_title(loc="left")
    'How many clusters? Chosen: 3'
    """
    needed = ["k", "silhouette", "stability", "chosen"]
    checked_frame(selection, needed, name="selection", maker=_MAKER)
    k, silhouette, stability = (numbers_of(selection, name, name="selection", maker=_MAKER) for name in needed[:3])
    line = None if min_stability is None else check_number(min_stability, name="min_stability", low=0, high=1)
    ax = axes_for(ax)
    chosen = int(k[selection["chosen"].to_numpy(dtype=bool)][0]) if selection["chosen"].any() else None
    if chosen is not None:
        ax.axvline(chosen, color=LIGHT, linewidth=10, alpha=0.5, zorder=0)
    ax.plot(
        k,
        stability,
        "s--",
        color=VERMILION,
        label="stability: same clusters in other customers",
    )
    ax.plot(
        k,
        silhouette,
        "o-",
        color=BLUE,
        label="silhouette: how well they stand apart",
    )
    if line is not None:
        ax.axhline(line, color=INK, linewidth=1, linestyle=":", label=f"least stability asked for ({line:g})")
    lowest = float(np.nanmin(np.vstack([silhouette, stability]), initial=0.0))
    ax.set_ylim(min(lowest - 0.03, 0.0) if lowest < 0 else 0.0, 1.05)
    ax.set_xticks(k, [f"{number:g}" for number in k])
    legend_below(ax, 2)
    return tidy(
        ax,
        title="How many clusters?" if chosen is None else f"How many clusters? Chosen: {chosen}",
        x="Number of clusters",
        y="Score  (1 = best)",
    )
