"""Checks of arguments and data that every room shares, and the way their messages name rows."""

from __future__ import annotations

import numbers
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message, nearest, some

__all__ = [
    "as_floats",
    "as_names",
    "check_choice",
    "check_flag",
    "check_integer",
    "check_number",
    "check_one_order",
    "named_churn",
    "named_rows",
]

_Choice = TypeVar("_Choice", bound=str)

_CHURN = re.compile(r"(un|non?[\W_]*|not[\W_]*)?churn")


def named_rows(rows: NDArray[Any], limit: int = 5) -> str:
    """Name rows of an input by their 0-based position.

    Parameters
    ----------
    rows : ndarray
        A boolean mask over the rows, or their positions.
    limit : int, default=5
        How many positions to spell out.

    Returns
    -------
    str
        ``"row 4"`` or ``"rows 4, 9"``, with a count of those left out.

    Examples
    --------
    >>> named_rows(np.array([False, True, False, True]))
    'rows 1, 3'
    >>> named_rows(np.array([7]))
    'row 7'
    """
    positions = np.flatnonzero(rows) if rows.dtype == bool else np.asarray(rows)
    word = "row" if len(positions) == 1 else "rows"
    return f"{word} {some(positions.tolist(), limit)}"


def as_floats(values: Any) -> NDArray[np.float64]:
    """Return values as an array of floats, but no dates and no differences of time.

    Parameters
    ----------
    values : array-like
        Numbers, in any shape.

    Returns
    -------
    ndarray of float64
        The same.

    Raises
    ------
    TypeError, ValueError
        If they are no numbers. numpy would count microseconds, or what other unit time comes in.

    Examples
    --------
    >>> as_floats([1, True])
    array([1., 1.])
    >>> as_floats(np.array([1], dtype="m8[D]"))
    Traceback (most recent call last):
        ...
    TypeError: they are timedelta64[D]
    """
    found = np.asarray(values)
    if found.dtype.kind in "mM":
        raise TypeError(f"they are {found.dtype}")
    return found.astype(np.float64, copy=False)


def check_choice(value: object, choices: Sequence[_Choice], *, name: str) -> _Choice:
    """Return `value` if it is one of the words allowed for an argument.

    Parameters
    ----------
    value : object
        What the caller passed.
    choices : sequence of str
        The words the argument may take.
    name : str
        The argument's name, for the message.

    Returns
    -------
    str
        The same word.

    Raises
    ------
    ParameterError
        When the word is none of the choices; the nearest one is suggested.

    Examples
    --------
    >>> check_choice("drop", ("error", "drop"), name="duplicates")
    'drop'
    """
    for choice in choices:
        if value == choice and isinstance(value, str):
            return choice
    raise ParameterError(
        message(
            f"{name}={value!r} is not a choice ({nearest(value, choices)})",
            f"{name} is one of {some([repr(choice) for choice in choices], 12)}",
            f"{name}={choices[0]!r}",
        )
    )


def check_flag(value: object, *, name: str) -> bool:
    """Return `value` if it is True or False.

    Parameters
    ----------
    value : object
        What the caller passed.
    name : str
        The argument's name, for the message.

    Returns
    -------
    bool
        The flag.

    Raises
    ------
    ParameterTypeError
        For anything but a boolean.

    Examples
    --------
    >>> check_flag(True, name="missing_ok")
    True
    """
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise ParameterTypeError(
        message(f"{name} is {value!r}, a {type(value).__name__}", "it is True or False", f"{name}=True")
    )


def check_integer(value: object, *, name: str, low: int | None = None, high: int | None = None) -> int:
    """Return `value` as an int if it is a whole number in the allowed range.

    Parameters
    ----------
    value : object
        What the caller passed; booleans are refused.
    name : str
        The argument's name, for the message.
    low, high : int or None, default=None
        Smallest and largest value allowed, both included.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ParameterTypeError
        When it is not an integer.
    ParameterError
        When it is out of range.

    Examples
    --------
    >>> check_integer(15, name="day", low=1, high=28)
    15
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise ParameterTypeError(
            message(
                f"{name} is {value!r}, a {type(value).__name__}", "a whole number was expected", f"{name}={low or 1}"
            )
        )
    number = int(value)
    if (low is not None and number < low) or (high is not None and number > high):
        raise ParameterError(_out_of_range(name, number, low, high))
    return number


def check_number(value: object, *, name: str, low: float | None = None, high: float | None = None) -> float:
    """Return `value` as a float if it is a finite number in the allowed range.

    Parameters
    ----------
    value : object
        What the caller passed; booleans and NaN are refused.
    name : str
        The argument's name, for the message.
    low, high : float or None, default=None
        Smallest and largest value allowed, both included.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ParameterTypeError
        When it is not a number.
    ParameterError
        When it is not finite, or out of range.

    Examples
    --------
    >>> check_number(0.3, name="by", low=0, high=1)
    0.3
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise ParameterTypeError(
            message(f"{name} is {value!r}, a {type(value).__name__}", "a number was expected", f"{name}={low or 1}")
        )
    number = float(value)
    if not np.isfinite(number) or (low is not None and number < low) or (high is not None and number > high):
        raise ParameterError(_out_of_range(name, number, low, high))
    return number


def named_churn(values: Any) -> str | None:
    """Return the name of labelled values if it says that 1 is bad; an outcome is larger where it is better.

    Parameters
    ----------
    values : object
        An outcome, or its name.

    Returns
    -------
    str or None
        The name, if it speaks of churn, and not of its absence; else None.

    Examples
    --------
    >>> [named_churn(pd.Series([1], name=name)) for name in ("is_churned", "not_churned", "retained")]
    ['is_churned', None, None]
    """
    name = values if isinstance(values, str) else getattr(values, "name", None)
    if not isinstance(name, str):
        return None
    return name if any(found[1] is None for found in _CHURN.finditer(name.lower())) else None


def check_one_order(given: Mapping[str, Any]) -> None:
    """Refuse labelled values that hold the same labels in different orders: pairing them by position is wrong.

    Parameters
    ----------
    given : mapping of str to object
        Arguments by name; those without an index of pandas are passed over.

    Raises
    ------
    DataError
        If labels are unique, the same, and in different orders.

    Examples
    --------
    >>> check_one_order({"y": pd.Series([1, 0], index=["a", "b"]), "score": [0.1, 0.2]})
    """
    labels = {name: getattr(values, "index", None) for name, values in given.items()}
    indexes = {name: index for name, index in labels.items() if isinstance(index, pd.Index)}
    first = next(iter(indexes), "")
    for name, given_index in indexes.items():
        index, other = _alike(indexes[first], given_index)
        if len(index) != len(other) or index.equals(other) or not index.is_unique:
            continue
        if not len(index.symmetric_difference(other)):
            raise DataError(
                message(
                    f"{first} and {name} hold the same {len(other)} labels in different orders",
                    "rows are paired by position",
                    f"{name}={name}.reindex({first}.index)",
                )
            )


def _alike(first: pd.Index[Any], second: pd.Index[Any]) -> tuple[pd.Index[Any], pd.Index[Any]]:
    """Return both by customer where only one of them holds cutoffs too, and the first twice if they share nothing."""
    if first.nlevels == second.nlevels:
        return first, second
    shared = next((name for name in first.names if isinstance(name, str) and name in second.names), None)
    if shared is None:
        return first, first
    return first.get_level_values(shared), second.get_level_values(shared)


def as_names(value: object, *, name: str) -> tuple[str, ...]:
    """Return one name or several as a tuple of distinct names.

    Parameters
    ----------
    value : str, sequence of str or None
        What the caller passed; None is no name at all.
    name : str
        The argument's name, for the message.

    Returns
    -------
    tuple of str
        The names, in the order given.

    Raises
    ------
    ParameterTypeError
        When a name is not a string.
    ParameterError
        When a name is given twice.

    Examples
    --------
    >>> as_names("order", name="kinds"), as_names(["a", "b"], name="kinds"), as_names(None, name="kinds")
    (('order',), ('a', 'b'), ())
    """
    if value is None:
        return ()
    listed = (value,) if isinstance(value, str) else value
    if not isinstance(listed, (list, tuple, set, frozenset, np.ndarray)) or not all(
        isinstance(entry, str) for entry in listed
    ):
        raise ParameterTypeError(
            message(f"{name} is {value!r}", "a name, or a list of names, was expected", f"{name}=['order']")
        )
    names = tuple(sorted(listed)) if isinstance(listed, (set, frozenset)) else tuple(str(entry) for entry in listed)
    twice = sorted({entry for entry in names if names.count(entry) > 1})
    if twice:
        raise ParameterError(
            message(
                f"{name} names {some(twice)} more than once", "each name is given once", f"{name}={sorted(set(names))}"
            )
        )
    return names


def _out_of_range(name: str, number: float, low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        expected = f"a value from {low} to {high} was expected"
    elif low is not None:
        expected = f"a value of at least {low} was expected"
    else:
        expected = f"a value of at most {high} was expected" if high is not None else "a finite value was expected"
    nearest_allowed = low if low is not None else high if high is not None else 1
    return message(f"{name}={number} is out of range", expected, f"{name}={nearest_allowed}")
