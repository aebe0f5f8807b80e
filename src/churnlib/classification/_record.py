"""One customer as a plain dict, read into the numbers and codes that a compiled model works on."""

from __future__ import annotations

import decimal
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib.classification._category_text import category_text, is_missing
from churnlib.exceptions import DataError, ParameterTypeError, SchemaError, message, nearest, some

__all__ = ["Column", "RecordReader"]

_LARGEST = float(np.finfo(np.float64).max)
# integers up to here are floats without loss, so that they may be compared as they are
_EXACT = 2**53

_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating, decimal.Decimal)


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of one column.

    Parameters
    ----------
    name : str or int
        The key of a record.
    categories : tuple of str or None
        Its categories as text in the order of their codes; None for a number.
    cuts : tuple of float
        For a number that trees test: all thresholds, ascending. Bin k holds the values
        from ``cuts[k − 1]`` up to, but without, ``cuts[k]``.

    Examples
    --------
    >>> Column("orders", None, (2.0, 5.0)).size
    3
    """

    name: str | int
    categories: tuple[str, ...] | None
    cuts: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """How many bins or categories there are, the missing value not counted."""
        return len(self.cuts) + 1 if self.categories is None else len(self.categories)


class RecordReader:
    """Read records of known columns: `places` for trees, `values` for sums.

    Parameters
    ----------
    columns : tuple of Column
        The columns, in the order of the fit.
    strict : bool, default=True
        Whether unknown and absent keys are errors; otherwise the first are left
        alone and the second are missing values.

    Examples
    --------
    >>> reader = RecordReader((Column("orders", None, (2.0, 5.0)), Column("plan", ("basic", "gold"))))
    >>> reader.places({"orders": 3, "plan": "gold"}), reader.places({"orders": None, "plan": "silver"})
    ([1, 1], [-1, -1])
    >>> reader.values({"orders": 3, "plan": "gold"})
    [3.0, 1]
    """

    __slots__ = ("_absent", "_names", "_plan", "columns", "strict")

    def __init__(self, columns: tuple[Column, ...], *, strict: bool = True) -> None:
        self.columns = columns
        self.strict = strict
        self._names = tuple(column.name for column in columns)
        self._absent: dict[Any, Any] = dict.fromkeys(self._names)
        self._plan = tuple(
            (column.name, column.cuts, None if column.categories is None else _codes(column.categories))
            for column in columns
        )

    def places(self, record: Mapping[Any, Any]) -> list[int]:
        """Return the bin of each number and the code of each category; −1 is a missing value.

        Parameters
        ----------
        record : mapping
            Column names and values of one customer.

        Returns
        -------
        list of int
            One for each column, in their order.

        Raises
        ------
        SchemaError
            If keys are unknown or absent, or a value is of another kind than at fit.
        DataError
            If a number is infinite.
        ParameterTypeError
            If the record is no mapping.

        Examples
        --------
        >>> RecordReader((Column("orders", None, (2.0,)),)).places({"orders": 2})
        [1]
        """
        known = self._keys_of(record)
        found: list[int] = []
        add = found.append
        try:
            for name, cuts, codes in self._plan:
                value = known[name]
                if codes is not None:
                    add(codes.get(value, -1) if type(value) is str else _code(name, value, codes))
                # a NaN fails every comparison; it goes the long way, as whatever is not plain
                elif (type(value) is float and -_LARGEST <= value <= _LARGEST) or (
                    type(value) is int and -_EXACT <= value <= _EXACT
                ):
                    add(bisect_right(cuts, value))
                else:
                    number = _number(name, value)
                    add(-1 if number is None else bisect_right(cuts, number))
        except KeyError:
            raise self._wrong_keys(known) from None
        return found

    def values(self, record: Mapping[Any, Any]) -> list[float]:
        """Return each number, and the code of each category; NaN and −1 are missing values.

        Parameters
        ----------
        record : mapping
            Column names and values of one customer.

        Returns
        -------
        list of float
            One for each column, in their order; codes are integers.

        Raises
        ------
        SchemaError, DataError, ParameterTypeError
            As `places`.

        Examples
        --------
        >>> RecordReader((Column("orders", None),)).values({"orders": None})
        [nan]
        """
        known = self._keys_of(record)
        found: list[float] = []
        try:
            for name, _, codes in self._plan:
                value = known[name]
                if codes is not None:
                    found.append(_code(name, value, codes))
                else:
                    number = _number(name, value)
                    found.append(float("nan") if number is None else number)
        except KeyError:
            raise self._wrong_keys(known) from None
        return found

    def unseen(self, record: Mapping[Any, Any]) -> tuple[str | int, ...]:
        """Name the columns whose category was not seen at fit, and counts as missing.

        Parameters
        ----------
        record : mapping
            A record that has been read.

        Returns
        -------
        tuple
            Names of columns, in their order.

        Examples
        --------
        >>> RecordReader((Column("plan", ("gold",)),)).unseen({"plan": "silver"})
        ('plan',)
        """
        known = self._keys_of(record)
        return tuple(
            name
            for name, _, codes in self._plan
            if codes is not None and not is_missing(known[name]) and _code(name, known[name], codes) < 0
        )

    def _keys_of(self, record: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return the record as a dict; an unknown key of a strict one is refused, an absent one is not yet."""
        if not isinstance(record, Mapping):
            raise ParameterTypeError(
                message(
                    f"the record is a {type(record).__name__}",
                    "column names with their values, of one customer, were expected",
                    f"scorer.score({{{self._names[0]!r}: ...}}), or frame.iloc[0].to_dict() of a pandas frame",
                )
            )
        if not self.strict:
            return {**self._absent, **record}
        # a plain dict: a defaultdict would otherwise grow keys where it is asked for them
        known = record if type(record) is dict else dict(record)
        if len(known) > len(self._names):
            raise self._wrong_keys(known)
        return known

    def _wrong_keys(self, known: Mapping[Any, Any]) -> SchemaError:
        absent = [name for name in self._names if name not in known]
        unknown = [key for key in known if key not in self._absent]
        parts = []
        if absent:
            parts.append(f"{len(absent):,} of {len(self._names):,} columns are absent ({some(absent)})")
        if unknown:
            close = nearest(unknown[0], absent or self._names)
            parts.append(f"{len(unknown):,} keys are unknown ({some(unknown)}; {close})")
        return SchemaError(
            message(
                f"in the record {' and '.join(parts)}",
                "with keys='strict' a record has exactly the columns of the fit; a value may be None",
                "scorer.with_keys('lenient') leaves unknown keys alone and reads absent ones as missing",
            )
        )


def _codes(categories: tuple[str, ...]) -> dict[str, int]:
    return {text: code for code, text in enumerate(categories)}


def _number(name: object, value: Any) -> float | None:
    """Return a value of a column of numbers; None where it is missing."""
    if isinstance(value, _NUMBERS):
        try:
            number = float(value)
        except (OverflowError, ValueError):  # 10 ** 400, or a signalling NaN
            number = float("inf") if isinstance(value, int) else float("nan")
        if -_LARGEST <= number <= _LARGEST:
            return number
        if number != number:  # noqa: PLR0124 - NaN
            return None
        raise DataError(
            message(
                f"the value of {name!r} is infinite, or too large for a float",
                "a finite number, or None for a missing value",
                f"record[{name!r}] = None",
            )
        )
    if is_missing(value):
        return None
    fix = f"record[{name!r}] = float(...), or None" if isinstance(value, str) else f"record[{name!r}] = None"
    raise SchemaError(
        message(
            f"the value of {name!r} is {str(value)[:40]!r} ({type(value).__name__})",
            f"{name!r} held numbers at fit: a number, or None for a missing value",
            fix,
        )
    )


def _code(name: object, value: Any, codes: dict[str, int]) -> int:
    """Return the code of a category, −1 where it is missing or was not seen at fit."""
    # a list, a dict, a set, an array: what Python itself marks as not hashable
    if type(value).__hash__ is None:
        raise SchemaError(
            message(
                f"the value of {name!r} is {str(value)[:40]} ({type(value).__name__})",
                "a category is one value: text, a number, or None for a missing value",
                f"record[{name!r}] = ... one value, or one column per part at fit",
            )
        )
    return -1 if is_missing(value) else codes.get(category_text(value), -1)
