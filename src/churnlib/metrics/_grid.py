"""Numbers rounded so that their sums do not depend on the order of the rows."""

from __future__ import annotations

import math

import numpy as np

from churnlib._typing import FloatArray, IntArray

__all__ = ["on_grid"]


def on_grid(values: FloatArray) -> FloatArray:
    """Round numbers to a grid so fine that nobody notices, and so coarse that float64 adds them without error.

    Floating-point sums depend on the order of their terms; here no partial sum is rounded,
    whatever the order. With S the sum of the absolute values, the step of the grid is at most
    S / 2⁵¹; whole numbers stay as they are as long as their sums fit.

    Examples
    --------
    >>> given = np.array([0.1, 0.2, 0.3, -0.6])
    >>> bool(given.sum() == given[::-1].sum()), float(on_grid(given).sum() - on_grid(given)[::-1].sum())
    (False, 0.0)
    """
    known = values if np.count_nonzero(values) == values.size else values[values != 0]
    exponent: IntArray = np.frexp(known)[1].astype(np.int64)
    if not exponent.size:
        return values
    lowest = int(exponent.min())
    # Every value is below 2 ** exponent: a bound of the sum that is itself a whole number, and so exact.
    bound = sum(rows << place for place, rows in enumerate(np.bincount(exponent - lowest).tolist()))
    unit = math.ldexp(1.0, lowest + (bound - 1).bit_length() - 53)
    return values if unit == 0.0 else np.rint(values / unit) * unit
