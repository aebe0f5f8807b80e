"""Operators that give the same result for one value as for a column of them.

A number is a float, NaN where it is missing; a text is a str or None; a truth value is a
pair "is true, is false" of which neither holds where it is unknown. Python's own operators
then serve floats and arrays alike, which is why there is one evaluation for both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib._typing import Array
from churnlib.expressions._columns import Truth

__all__ = [
    "CONTRARY_OF_ORDER",
    "all_of",
    "any_of",
    "choose",
    "divided",
    "is_among",
    "is_known",
    "is_text",
    "negated",
    "same_texts",
    "same_truths",
]


def negated(truth: Truth) -> Truth:
    """Not: true and false change places, and unknown stays unknown."""
    return truth[1], truth[0]


def all_of(first: Truth, second: Truth) -> Truth:
    """And: false as soon as one is false, true if both are true, else unknown."""
    return first[0] & second[0], first[1] | second[1]


def any_of(first: Truth, second: Truth) -> Truth:
    """Or: true as soon as one is true, false if both are false, else unknown."""
    return first[0] | second[0], first[1] & second[1]


def same_truths(first: Truth, second: Truth) -> Truth:
    """Whether two truth values are equal; unknown where either is."""
    return any_of(all_of(first, second), all_of(negated(first), negated(second)))


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """Take one of two values, row by row."""
    return np.where(condition, yes, no) if isinstance(condition, np.ndarray) else (yes if condition else no)


def divided(left: Any, right: Any) -> Any:
    """Divide; what is divided by zero is missing."""
    return left / choose(right != 0, right, float("nan"))


def is_known(number: Any) -> Any:
    """Whether a number is not missing."""
    return number == number  # noqa: PLR0124 - NaN alone differs from itself


def is_text(text: Any) -> Any:
    """Whether a text is not missing."""
    return np.not_equal(text, _NOTHING).astype(bool) if isinstance(text, np.ndarray) else text is not None


def same_texts(left: Any, right: Any) -> Truth:
    """Whether two texts are equal; unknown where either is missing."""
    known = is_text(left) & is_text(right)
    same = _equal(left, right) & known
    return same, known ^ same


def _equal(left: Any, right: Any) -> Any:
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return np.equal(left, right, dtype=object).astype(bool)
    return left == right


def is_among(value: Any, members: frozenset[Any], known: Any) -> Truth:
    """Whether a value is one of several; unknown where it is missing."""
    among = (_among(value, members) if isinstance(value, np.ndarray) else value in members) & known
    return among, known ^ among


def _among(values: Array, members: frozenset[Any]) -> Array:
    if values.dtype == object:
        return np.fromiter((value in members for value in values), dtype=bool, count=len(values))
    return np.isin(values, list(members))


_NOTHING = np.array(None, dtype=object)

CONTRARY_OF_ORDER = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
"""The comparison that is true where another is false. For NaN both are false: unknown."""
