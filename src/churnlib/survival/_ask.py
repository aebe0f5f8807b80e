"""How questions about time are read: times, horizons, tenures, and what lies beyond the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, named_rows
from churnlib._typing import ArrayLike, BoolArray, FloatArray
from churnlib.calendar import DAY_US, duration
from churnlib.exceptions import HistoryError, ParameterError, message, some

__all__ = ["read_given", "read_horizon", "read_times", "within_support"]

_ROUNDING = 1e-9
"""Tenure and horizon are added in floating point; 11.9 + 0.1 is not past a support that ends at 12."""


def read_times(times: ArrayLike) -> FloatArray:
    """Return times ahead as numbers.

    Parameters
    ----------
    times : array-like of shape (n_times,)
        Numbers at least 0.

    Returns
    -------
    ndarray of shape (n_times,)
        The same.

    Raises
    ------
    ParameterError
        If they are no numbers, not finite, below 0, or have several axes.
    """
    values = np.atleast_1d(_numbers(times, "times"))
    if values.ndim != 1 or not len(values):
        raise ParameterError(message(f"times has shape {values.shape}", "one axis of times", "times=[30, 60, 90]"))
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        raise ParameterError(
            message(
                f"{int(wrong.sum())} of {len(wrong)} times are below 0, missing or infinite",
                "times at least 0, counted from given",
                "times=[30, 60, 90]",
            )
        )
    return values


def read_horizon(horizon: float | str | ArrayLike, n_rows: int, X: Any = None) -> FloatArray:
    """Return how far to look ahead, of shape (1, 1) or (n_rows, 1).

    Parameters
    ----------
    horizon : float, str, or array-like of shape (n_rows,)
        Numbers above 0, or text such as "90d", which means days.
    n_rows : int
        Number of customers.
    X : array or frame, default=None
        The rows as the caller passed them, whose labels those of a Series must be.

    Returns
    -------
    ndarray of shape (1, 1) or (n_rows, 1)
        The horizon.

    Raises
    ------
    ParameterError
        If it is not above 0, a calendar length, or has another length or other labels than X.
    """
    if isinstance(horizon, str):
        length = duration(horizon, name="horizon")
        if length.fixed_us is None:
            raise ParameterError(
                message(f"horizon={horizon!r} is a length of the calendar", "a fixed length", 'horizon="90d"')
            )
        return np.array([[length.fixed_us / DAY_US]])
    _check_labels(horizon, X, "horizon")
    values = _numbers(horizon, "horizon")
    if values.ndim > 1 or (values.ndim == 1 and len(values) != n_rows):
        raise ParameterError(
            message(f"horizon has shape {values.shape}", f"a number, or one for each of {n_rows} rows", "horizon=90")
        )
    wrong = ~np.isfinite(values) | (values <= 0)
    if wrong.any():
        raise ParameterError(
            message(
                f"{int(wrong.sum())} horizons are 0 or less, missing or infinite",
                "how far to look, above 0",
                "horizon=90",
            )
        )
    return values.reshape(-1, 1)


def read_given(given: ArrayLike | str | None, X: Any, n_rows: int) -> FloatArray | None:
    """Return the tenure each customer has reached, or None.

    Parameters
    ----------
    given : float, array-like of shape (n_rows,), str, or None
        Tenures; text names a column of X.
    X : array or frame
        The rows as the caller passed them.
    n_rows : int
        Number of customers.

    Returns
    -------
    ndarray of shape (n_rows,), or None
        Tenures at least 0.

    Raises
    ------
    ParameterError
        If the column does not exist, lengths or labels differ, or a tenure is missing or below 0.
    """
    if given is None:
        return None
    if isinstance(given, str):
        if given not in list(getattr(X, "columns", [])):
            raise ParameterError(
                message(
                    f"given={given!r} is no column of X",
                    f"columns are {some(getattr(X, 'columns', []), 12)}",
                    "given=tenure, one for each row of X",
                )
            )
        given = np.asarray(X[given])
    _check_labels(given, X, "given")
    values = _numbers(given, "given")
    if values.ndim > 1 or (values.ndim == 1 and len(values) != n_rows):
        raise ParameterError(message(f"given has shape {values.shape}", f"a number, or one for each of {n_rows} rows"))
    values = np.broadcast_to(values, n_rows)
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        raise ParameterError(
            message(
                f"{int(wrong.sum())} of {n_rows} tenures are below 0, missing or infinite ({named_rows(wrong)})",
                "the tenure of each customer today",
            )
        )
    return values


def within_support(
    times: FloatArray, support: tuple[float, float], beyond: str, *, from_low: bool = False
) -> tuple[FloatArray, BoolArray | None]:
    """Move tenures into the support, or refuse those outside, as `beyond` says.

    Parameters
    ----------
    times : ndarray
        Tenures.
    support : tuple of float
        The first and last tenure at which anybody was watched.
    beyond : {"raise", "nan", "hold", "extrapolate"}
        Refuse, mark, hold the survival function where the support ends, or trust the model.
    from_low : bool, default=False
        Whether a tenure before the support lies outside too: one to condition on does.

    Returns
    -------
    inside : ndarray
        Tenures, those outside moved to the nearest end.
    outside : ndarray of bool, or None
        Which are to be NaN.

    Raises
    ------
    HistoryError
        If ``beyond="raise"`` and a tenure lies outside.
    """
    low, high = support
    if beyond == "extrapolate":
        return times, None
    slack = _ROUNDING * max(high, 1.0)
    outside = times > high + slack
    if beyond == "raise" and outside.any():
        raise HistoryError(
            message(
                f"tenures up to {float(times.max()):g} are asked for, and nobody was watched beyond {high:g}",
                f"times within the support, {low:g} to {high:g} (given + times)",
                'a shorter horizon, or beyond="nan" or beyond="hold"',
            )
        )
    early = times < low - slack
    if from_low and early.any():
        if beyond == "raise":
            raise HistoryError(
                message(
                    f"{int(early.sum())} tenures of given are below {low:g}, before which nobody was watched "
                    f"(first: {some((f'{value:g}' for value in times[early]), 3)})",
                    f"tenures within the support, {low:g} to {high:g}",
                    'leave these customers out, or beyond="nan" or beyond="hold"',
                )
            )
        outside = outside | early
    inside = np.clip(times, low, high)
    return inside, outside if beyond == "nan" and outside.any() else None


def _check_labels(values: Any, X: Any, name: str) -> None:
    index = getattr(X, "index", None)
    if isinstance(values, pd.Series) and isinstance(index, pd.Index) and not values.index.equals(index):
        raise ParameterError(
            message(
                f"{name} and X have different indexes",
                "one value for each row of X, in their order",
                f"{name}.loc[X.index]",
            )
        )


def _numbers(values: Any, name: str) -> FloatArray:
    try:
        return as_floats(values)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            message(
                f"{name} cannot be read as numbers ({error})",
                "numbers in the unit of the target",
                f"{name} / pd.Timedelta('1d') of time differences",
            )
        ) from None
