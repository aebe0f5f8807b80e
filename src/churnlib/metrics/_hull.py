"""The upper hull of a curve of counts."""

from __future__ import annotations

import numpy as np

from churnlib._typing import FloatArray, IntArray

__all__ = ["upper_hull"]

_FEW = 64


def upper_hull(x: FloatArray, y: FloatArray) -> IntArray:
    """Return the positions of the vertices of the upper hull, first and last point included.

    Points on an edge are left out. x is strictly ascending.

    Examples
    --------
    >>> upper_hull(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 1.5, 3.0]))
    array([0, 3])
    """
    vertex = np.arange(x.size)
    while True:
        width, height = np.diff(x), np.diff(y)
        turns_down = height[:-1] * width[1:] > height[1:] * width[:-1]
        if turns_down.all():
            return vertex
        # A point on or below the line between its neighbours is no vertex, whoever else goes.
        kept = np.concatenate(([True], turns_down, [True]))
        before = x.size
        x, y, vertex = x[kept], y[kept], vertex[kept]
        if before < _FEW or x.size > before - before // 8:
            return vertex[_monotone_chain(x, y)]


def _monotone_chain(x: FloatArray, y: FloatArray) -> list[int]:
    """Find the vertices point by point, left to right (Andrew 1979): never more steps than twice the points."""
    kept: list[int] = []
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    for place, (right, top) in enumerate(points):
        while len(kept) > 1:
            (x0, y0), (x1, y1) = points[kept[-2]], points[kept[-1]]
            if (y1 - y0) * (right - x1) > (top - y1) * (x1 - x0):
                break
            kept.pop()
        kept.append(place)
    return kept
