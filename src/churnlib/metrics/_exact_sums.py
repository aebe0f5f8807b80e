"""Sums that are the same to the last bit for any order of the rows."""

from __future__ import annotations

import numpy as np

from churnlib._typing import FloatArray, IntArray

__all__ = ["ExactSums"]


class ExactSums:
    """Adds up columns of numbers in fixed point.

    Floating-point sums depend on the order of their terms, whole numbers do not: each
    term is rounded to a whole number of very small parts before it is added. With n terms
    up to `largest` the parts are ``largest n / 2**62``, so that the sum is nearer to the true one
    than a floating-point sum would be.

    Parameters
    ----------
    n_columns : int
        How many sums.
    n_terms : int
        How many terms each of them has at most.
    largest : float
        What no term exceeds, in absolute value.

    Examples
    --------
    >>> sums = ExactSums(1, 3, 1.0)
    >>> sums.add(np.array([[0.1], [0.7]]))
    >>> sums.add(np.array([[0.2]]))
    >>> sums.total()
    array([1.])
    """

    def __init__(self, n_columns: int, n_terms: int, largest: float) -> None:
        # A power of two, so that scaling is exact.
        self._exponent = 61 - int(np.frexp(max(largest, 1e-300) * max(n_terms, 1))[1])
        self._sums: IntArray = np.zeros(n_columns, dtype=np.int64)

    def add(self, terms: FloatArray) -> None:
        """Add rows of terms, of shape (m, n_columns); the array is used up."""
        terms *= 2.0**self._exponent
        np.rint(terms, out=terms)
        self._sums += terms.astype(np.int64).sum(axis=0)

    def total(self) -> FloatArray:
        """Return the sums."""
        total: FloatArray = self._sums / 2.0**self._exponent
        return total
