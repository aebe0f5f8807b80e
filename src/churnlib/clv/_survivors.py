"""A table of survivors: how many of the customers of one day are left after each period."""

from __future__ import annotations

import numpy as np

from churnlib._checks import check_integer, named_rows
from churnlib._typing import ArrayLike, BoolArray, FloatArray
from churnlib.exceptions import DataError, message

__all__ = ["survivor_counts"]


def survivor_counts(survivors: ArrayLike, n: int | None) -> FloatArray:
    """Check a table of survivors and return it as counts.

    Parameters
    ----------
    survivors : array of shape (n_periods + 1,)
        Survivors after 0, 1, 2, … renewals, as counts or, where `n` is given, in any unit.
    n : int or None
        How many customers there were in the beginning.

    Returns
    -------
    ndarray of shape (n_periods + 1,)
        Counts, whole only where they were given so.

    Raises
    ------
    DataError
        If survivors increase, are negative, missing, or fractions where `n` is not
        given, or nobody was lost.

    Examples
    --------
    >>> survivor_counts([100, 63.1], 1000)
    array([1000.,  631.])
    """
    table = np.asarray(survivors, dtype=float)
    if table.ndim != 1 or len(table) < 2:
        raise DataError(
            message(
                f"the survivors have the shape {table.shape}",
                "one number for each period was expected, from the beginning on",
                "fit_survivors([1000, 631, 468])",
            )
        )
    wrong = ~np.isfinite(table) | (table < 0)
    _refuse_periods(wrong, table, "is missing, infinite or negative", "survivors are counted", "survivors >= 0")
    more = np.append(False, np.diff(table) > 0)
    _refuse_periods(
        more,
        table,
        "is larger than the one before",
        "nobody comes back into a table of survivors",
        "count each customer as lost from the first cancellation on",
    )
    if n is not None:
        count = check_integer(n, name="n", low=2)
        table = table / table[0] * count if table[0] > 0 else table
    else:
        _refuse_periods(
            table != np.floor(table),
            table,
            "is no whole number",
            "survivors are counted; shares need the number of customers in the beginning",
            "fit_survivors(survivors, n=1000)",
        )
    if table[0] == table[-1]:
        raise DataError(
            message(
                f"nobody of {table[0]:g} was lost in {len(table) - 1} periods",
                "some customers must have cancelled, or nothing can be learned about leaving",
                "observe for longer",
            )
        )
    return np.asarray(table)


def _refuse_periods(rows: BoolArray, table: FloatArray, wrong: str, expected: str, fix: str) -> None:
    if not rows.any():
        return
    first = int(np.argmax(rows))
    raise DataError(
        message(
            f"the number of survivors {wrong} in {int(rows.sum())} of {len(table)} periods "
            f"(first: {table[first]:g} in {named_rows(np.array([first]))})",
            expected,
            fix,
        )
    )
