"""What a category is called, and what counts as no value: the same for tables and for single records."""

from __future__ import annotations

import decimal
import numbers

import numpy as np

__all__ = ["category_text", "is_missing"]


def category_text(value: object) -> str:
    """Return what a category is called: whole numbers without a decimal point, everything else as it prints.

    Parameters
    ----------
    value : object
        Any value that is not missing.

    Returns
    -------
    str
        Its text; equal for 2, 2.0, ``np.int8(2)`` and ``Decimal("2.00")``.

    Examples
    --------
    >>> category_text(2.0), category_text(True), category_text("two")
    ('2', 'True', 'two')
    """
    if isinstance(value, str):
        # a member of a text enumeration is called what its text is
        return str.__str__(value)
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real | decimal.Decimal) and float(value).is_integer():
        # of a decimal as it stands: a float would round one of more than 15 digits
        return str(int(value if isinstance(value, decimal.Decimal) and value == int(value) else float(value)))
    return str(value)


def is_missing(value: object) -> bool:
    """Say whether a single value is missing: None, any NaN or NaT, or the NA of pandas.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    bool
        True for what a table would hold as missing.

    Examples
    --------
    >>> is_missing(None), is_missing(float("nan")), is_missing("")
    (True, True, False)
    """
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - only what is not a value differs from itself
    except (TypeError, ValueError, decimal.InvalidOperation):
        # the NA of pandas has no truth, a signalling NaN no comparison, an array too many
        return type(value).__name__ == "NAType" or isinstance(value, decimal.Decimal)
