"""Settings that differ by column: one value for all, or a mapping from column to value."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from churnlib._checks import check_number
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message, nearest, some

__all__ = ["by_column", "checked_edges", "checked_row_weights", "checked_weights", "known_columns"]

_Value = TypeVar("_Value")


def known_columns(given: Sequence[str], columns: Sequence[str], *, name: str) -> None:
    """Refuse a setting for a column that is not scored.

    Parameters
    ----------
    given : sequence of str
        The columns that a setting names.
    columns : sequence of str
        The columns that are scored.
    name : str
        The argument's name, for the message.

    Raises
    ------
    ParameterError
        Naming the first one that is unknown, with the nearest name.

    Examples
    --------
    >>> known_columns(["n_orders"], ["recency_days", "n_orders"], name="weights")
    """
    for column in given:
        if column not in columns:
            raise ParameterError(
                message(
                    f"{name} names {column!r}, which is not scored ({nearest(column, columns)})",
                    f"the scored columns are {some(columns, 12)}",
                    f"columns={[*columns, column]}, if {column!r} is to enter the score",
                )
            )


def by_column(
    value: _Value | Mapping[str, _Value],
    columns: Sequence[str],
    *,
    name: str,
    default: _Value,
    check: Callable[[object, str], _Value],
) -> dict[str, _Value]:
    """Spell out a setting for each column.

    Parameters
    ----------
    value : object, or mapping of str to object
        One value for every column, or a value for each of some columns.
    columns : sequence of str
        The columns that are scored.
    name : str
        The argument's name, for the messages.
    default : object
        The value of a column that the mapping leaves out.
    check : callable
        Takes a value and what to call it, and returns it or raises.

    Returns
    -------
    dict
        A value for each column.

    Raises
    ------
    ParameterError
        If the mapping names a column that is not scored.

    Examples
    --------
    >>> by_column({"b": 3}, ["a", "b"], name="n_bins", default=5, check=lambda value, name: value)
    {'a': 5, 'b': 3}
    """
    if not isinstance(value, Mapping):
        checked = check(value, name)
        return dict.fromkeys(columns, checked)
    known_columns(list(value), columns, name=name)
    return {column: check(value[column], f"{name}[{column!r}]") if column in value else default for column in columns}


def checked_weights(weights: Mapping[str, float] | None, columns: Sequence[str]) -> tuple[float, ...]:
    """Return the weight of each column in the total score.

    Parameters
    ----------
    weights : mapping of str to float, or None
        A column that is not named weighs 1.
    columns : sequence of str
        The columns that are scored.

    Returns
    -------
    tuple of float
        Not negative, and not all zero.

    Raises
    ------
    ParameterError
        If a weight is negative, all are zero, or one is for a column that is not scored.

    Examples
    --------
    >>> checked_weights({"spend_total": 2}, ["recency_days", "spend_total"])
    (1.0, 2.0)
    """

    def check(value: object, name: str) -> float:
        return check_number(value, name=name, low=0)

    found = by_column(weights or {}, columns, name="weights", default=1.0, check=check)
    if not any(found.values()):
        raise ParameterError(
            message(
                f"the weights of all {len(columns)} columns are 0",
                "at least one column must count",
                f"weights={{{columns[0]!r}: 1}}",
            )
        )
    return tuple(found.values())


def checked_edges(edges: Any, column: str) -> tuple[float, ...]:
    """Return the edges of one column if they ascend.

    Parameters
    ----------
    edges : sequence of float
        At least one.
    column : str
        Whose they are, for the message.

    Returns
    -------
    tuple of float
        Strictly ascending and finite.

    Raises
    ------
    ParameterTypeError
        If they are no sequence.
    ParameterError
        If there is none, or one is not above the one before.

    Examples
    --------
    >>> checked_edges([30, 90, 180], "recency_days")
    (30.0, 90.0, 180.0)
    """
    name = f"edges[{column!r}]"
    if not isinstance(edges, list | tuple | np.ndarray):
        raise ParameterTypeError(
            message(f"{name} is {edges!r}", "a list of numbers was expected", f"edges={{{column!r}: [30, 90, 180]}}")
        )
    found = tuple(check_number(edge, name=name) for edge in edges)
    if not found:
        raise ParameterError(message(f"{name} is empty", "one edge makes two scores", f"edges={{{column!r}: [30]}}"))
    for low, high in itertools.pairwise(found):
        if not low < high:
            raise ParameterError(
                message(
                    f"{name} has {high:g} after {low:g}",
                    "edges ascend strictly, in the unit of the column",
                    f"edges={{{column!r}: {sorted(set(found))}}}",
                )
            )
    return found


def checked_row_weights(sample_weight: ArrayLike | None, n_rows: int) -> FloatArray | None:
    """Return the weight of each row, or None.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,) or None
        Whole numbers stand for repeated rows.
    n_rows : int
        How many there must be.

    Returns
    -------
    array of shape (n_rows,) or None
        Finite, not negative, and not all zero.

    Raises
    ------
    DataError
        If that is not so.

    Examples
    --------
    >>> checked_row_weights([2, 1], 2)
    array([2., 1.])
    """
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_rows,):
        raise DataError(
            message(
                f"sample_weight has shape {weight.shape} (Sample weights must be 1D array)",
                f"one weight for each of the {n_rows:,} rows",
                "sample_weight=weights.loc[X.index].to_numpy()",
            )
        )
    wrong = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if wrong.size:
        raise DataError(
            message(
                f"sample_weight is missing, infinite or negative in {wrong.size:,} of {n_rows:,} rows "
                f"(first: row {wrong[0]})",
                "a weight is a number of rows, 0 or more",
                "sample_weight=np.clip(weights, 0, None)",
            )
        )
    if not weight.any():
        raise DataError(
            message(f"all {n_rows:,} weights are zero", "at least one row must count", "sample_weight=None")
        )
    return weight
