"""The errors churnlib raises, and the one way their messages are built.

Every error is a `ChurnlibError`; each also is the built-in error that a caller
who does not know churnlib would catch::

    ChurnlibError
    ├── DataError (ValueError)              the data break a rule: counts and names are in the message
    │   ├── SchemaError                     a column is missing, or has the wrong type
    │   ├── TimeError                       a time cannot be read, is out of range, or mixes zones
    │   ├── MoneyError                      an amount is missing, too fine for the scale, or of another currency
    │   ├── DuplicateError                  an id that must be unique is repeated
    │   └── LeakageError                    something was used before it could be known
    ├── ParameterError (ValueError)         an argument has a value that cannot work
    ├── ParameterTypeError (TypeError)      an argument is of the wrong type
    ├── HistoryError (ValueError)           the history is too short for what was asked
    ├── InfeasibleError (ValueError)        no choice meets all that was asked for; which limit, and by how much
    ├── VersionError (ValueError)           a stored object belongs to another version or digest
    └── MissingDependencyError (ImportError)  an optional package is not installed

`AssumptionWarning` (a UserWarning) is what a model says of data that it can be fitted
to but was not made for.

A message has three parts: what is wrong (how many, which), what was expected,
and the line that fixes it. `message` joins them, so that all of them read alike.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "AssumptionWarning",
    "ChurnlibError",
    "DataError",
    "DuplicateError",
    "HistoryError",
    "InfeasibleError",
    "LeakageError",
    "MissingDependencyError",
    "MoneyError",
    "ParameterError",
    "ParameterTypeError",
    "SchemaError",
    "TimeError",
    "VersionError",
    "message",
    "nearest",
    "some",
]


class ChurnlibError(Exception):
    """Root of every error raised by churnlib."""


class DataError(ChurnlibError, ValueError):
    """The data break a rule; the message says how many rows and which."""


class SchemaError(DataError):
    """A column is missing, or has a type that cannot serve its role."""


class TimeError(DataError):
    """A time cannot be read, is out of range, or mixes time zones."""


class MoneyError(DataError):
    """An amount is missing, finer than the scale, or of a second currency."""


class DuplicateError(DataError):
    """An identifier that must be unique is repeated."""


class LeakageError(DataError):
    """Something was used before it could be known."""


class ParameterError(ChurnlibError, ValueError):
    """An argument has a value that cannot work."""


class ParameterTypeError(ChurnlibError, TypeError):
    """An argument is of a type that cannot work."""


class HistoryError(ChurnlibError, ValueError):
    """The history is too short for what was asked."""


class InfeasibleError(ChurnlibError, ValueError):
    """No choice meets all the limits; the message says which is missed, and by how much."""


class VersionError(ChurnlibError, ValueError):
    """A stored object was written by another version, or for another spec."""


class MissingDependencyError(ChurnlibError, ImportError):
    """An optional package is not installed; the message holds the install line."""


class AssumptionWarning(UserWarning):
    """The data do not look as the model assumes, or its answer is infinite."""


def message(wrong: str, expected: str = "", fix: str = "") -> str:
    """Join the three parts of an error message.

    Parameters
    ----------
    wrong : str
        What is wrong: how many and which.
    expected : str
        What was expected instead.
    fix : str
        The line of code, or the step, that fixes it.

    Returns
    -------
    str
        One paragraph, with the fix on its own line.

    Examples
    --------
    >>> print(
    ...     message(
    ...         "2 amounts are missing (rows 4, 9)",
    ...         "every event needs an amount",
    ...         "EventLog.from_frame(..., missing_amount='zero')",
    ...     )
    ... )
    2 amounts are missing (rows 4, 9); every event needs an amount.
    Fix: EventLog.from_frame(..., missing_amount='zero')
    """
    text = f"{wrong}; {expected}." if expected else f"{wrong}."
    return f"{text}\nFix: {fix}" if fix else text


def some(values: Iterable[object], limit: int = 5) -> str:
    """Name the first few of many values, and say how many were left out.

    Parameters
    ----------
    values : iterable
        What to name, in the order to name it.
    limit : int
        How many to spell out.

    Returns
    -------
    str
        The values joined by commas, with a count of the rest.

    Examples
    --------
    >>> some(range(3)), some(range(100), limit=3)
    ('0, 1, 2', '0, 1, 2, … 97 more')
    """
    listed = list(values)
    shown = ", ".join(str(value) for value in listed[:limit])
    return shown if len(listed) <= limit else f"{shown}, … {len(listed) - limit} more"


def nearest(name: object, available: Sequence[object]) -> str:
    """Suggest the available name closest to a misspelt one.

    Parameters
    ----------
    name : object
        The name that was not found.
    available : sequence
        The names that exist.

    Returns
    -------
    str
        ``"did you mean 'x'?"``, or the list of names when none is close.

    Examples
    --------
    >>> nearest("custmer_id", ["customer_id", "amount"])
    "did you mean 'customer_id'?"
    """
    names = [str(candidate) for candidate in available]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"available: {some(names, 12)}"
