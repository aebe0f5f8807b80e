"""The share by which something must fall, as an exact fraction."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import numpy as np

from churnlib._typing import IntArray
from churnlib.exceptions import ParameterError, ParameterTypeError, message

__all__ = ["exact_share", "least_levels", "read_share"]

_FRACTION = re.compile(r"\d+/[1-9]\d*")


def exact_share(value: object, *, name: str = "by") -> Fraction:
    """Read a share between 0 and 1 as the fraction its digits say: 0.3 is 3/10, not the nearest float.

    Parameters
    ----------
    value : float, Fraction, Decimal or str
        Strictly between 0 and 1; a text is a fraction, such as "1/3".
    name : str, default="by"
        The argument's name, for the message.

    Returns
    -------
    Fraction
        The exact share.

    Raises
    ------
    ParameterTypeError
        If it is no number.
    ParameterError
        If it does not lie strictly between 0 and 1.

    Examples
    --------
    >>> exact_share(0.3)
    Fraction(3, 10)
    """
    if isinstance(value, str) and _FRACTION.fullmatch(value):
        value = Fraction(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction, Decimal, np.floating)):
        raise ParameterTypeError(
            message(f"{name}={value!r} is a {type(value).__name__}", "a share was expected", f"{name}=0.3")
        )
    outside = ParameterError(
        message(f"{name}={value} is out of range", "a share above 0 and below 1 was expected", f"{name}=0.3")
    )
    if not 0 < value < 1:
        raise outside
    return Fraction(str(value))


def read_share(value: object, *, name: str = "by") -> float | Fraction:
    """Check a share and return it as it reads best: a float stays one, anything else is a fraction.

    Parameters
    ----------
    value : float, Fraction, Decimal or str
        Strictly between 0 and 1.
    name : str, default="by"
        The argument's name, for the message.

    Returns
    -------
    float or Fraction
        The share.

    Examples
    --------
    >>> read_share(0.3), read_share("1/3")
    (0.3, Fraction(1, 3))
    """
    exact = exact_share(value, name=name)
    return float(value) if isinstance(value, float) else exact


def least_levels(base: IntArray, ratio: Fraction) -> IntArray:
    """Return the least whole number that is no less than ``ratio * base``, exactly.

    A whole number n is below ratio · base iff it is below this level, so every comparison that
    follows is between integers. Products that would not fit 64 bits are formed in Python integers.

    Parameters
    ----------
    base : ndarray of int64, shape (n,)
        Counts, or money in minor units.
    ratio : Fraction
        Positive.

    Returns
    -------
    ndarray of int64, shape (n,)
        ``ceil(ratio * base)``.

    Examples
    --------
    >>> least_levels(np.array([10, 11]), Fraction(7, 10)).tolist()
    [7, 8]
    """
    p, q = ratio.numerator, ratio.denominator
    largest = int(np.abs(base).max(initial=0))
    if largest * p < 2**63 and q < 2**63:
        return -((-base * p) // q)
    distinct, which = np.unique(base, return_inverse=True)
    top = int(np.iinfo(np.int64).max)
    # A level above every int64 is out of reach, and so is the greatest int64.
    levels = [max(-top, min(top, -(-value * p // q))) for value in distinct.tolist()]
    return np.array(levels, dtype=np.int64)[which.reshape(-1)]
