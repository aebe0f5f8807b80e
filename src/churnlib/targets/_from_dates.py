"""A survival target from dates: started, left, watched since, watched until."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_choice, check_one_order, named_rows
from churnlib._typing import Array, ArrayLike, FloatArray, Instant
from churnlib.exceptions import DataError, ParameterError, TimeError, message, some
from churnlib.targets._survival_target import survival_target

__all__ = ["survival_target_from_dates"]

_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12}
"""A month is the twelfth part of 365.25 days: time on a clock, not turns of the calendar."""


def survival_target_from_dates(
    started: ArrayLike,
    ended: ArrayLike,
    *,
    until: Instant | ArrayLike,
    entered: Instant | ArrayLike | None = None,
    cause: ArrayLike | None = None,
    causes: Sequence[str] | None = None,
    unit: str = "D",
    zero: str = "error",
) -> Array:
    """Make a survival target from the dates on which customers came and left.

    Who has not left by `until` is censored there, also if a later end is on file. Who was
    seen only from a later day on (a snapshot: customers of that day) needs `entered`; left out,
    those who left before it are missing and everybody seems to stay for long.
    Dates without a time zone are taken as UTC.

    Parameters
    ----------
    started : array-like of shape (n_rows,)
        When each customer came.
    ended : array-like of shape (n_rows,)
        When each left; missing for those who are still here.
    until : instant or array-like of shape (n_rows,)
        The end of observation.
    entered : instant or array-like of shape (n_rows,), default=None
        When observation began; a day before a customer's start counts as the start.
        None: everybody was watched from the start.
    cause : array-like of shape (n_rows,) or str, default=None
        Why each left, read where `ended` is seen; needs `causes`.
    causes : sequence of str, default=None
        Names of the competing causes.
    unit : {"D", "W", "M"}, default="D"
        Unit of the times: days, weeks, or months of 365.25 / 12 days.
    zero : {"error", "half"}, default="error"
        What to do with who left or was last seen in the moment of the start; see `survival_target`.

    Returns
    -------
    structured array of shape (n_rows,)
        Fields ``event``, ``time`` and, with `entered`, ``entry``.

    Raises
    ------
    TimeError
        If a date cannot be read, a start is missing, or somebody left before the
        start, started after `until`, or left before `entered` (and so could not be seen).
    DataError
        As in `survival_target`, and if lengths differ.
    ParameterError
        If `unit` is none of these, or a cause is given and `causes` is not.

    Examples
    --------
    >>> survival_target_from_dates(
    ...     ["2025-01-01", "2025-03-01"], ["2025-01-31", None], until="2025-06-01", entered="2025-01-11"
    ... )
    array([( True, 30., 10.), (False, 92.,  0.)],
          dtype=[('event', '?'), ('time', '<f8'), ('entry', '<f8')])
    """
    check_choice(unit, tuple(_DAYS), name="unit")
    if cause is not None and causes is None:
        raise ParameterError(message("cause= without causes=", "the names of the causes", "causes=sorted(set(...))"))
    given = {"started": started, "ended": ended, "until": until, "entered": entered, "cause": cause}
    check_one_order(given)
    start = _instants(started, "started", None)
    end = _instants(ended, "ended", len(start))
    last = _instants(until, "until", len(start))
    _require(start.isna(), "started are missing", "every customer has a start")
    _require(last.isna(), "until are missing", "observation ends on a day")
    _require(end < start, "customers ended before they started", "an end is on or after the start")
    _require(last < start, "customers started after until", "only who had come can be watched")
    seen = (end <= last).to_numpy(dtype=bool)
    final = end.where(seen, last)
    event: Any = seen
    if causes is not None:
        event = _causes(pd.Series(np.broadcast_to(np.asarray(cause, dtype=object), _shape(cause, start))), seen)
    return survival_target(
        event,
        _since(start, final, unit),
        entry=None if entered is None else _entries(start, final, entered, unit),
        causes=causes,
        zero=zero,
    )


def _instants(values: Any, name: str, length: int | None) -> pd.Series[Any]:
    alone = isinstance(values, str) or np.ndim(values) == 0
    listed = [values] * (1 if length is None else length) if alone else values
    try:
        read = pd.Series(pd.to_datetime(pd.Series(listed).reset_index(drop=True), utc=True, format="ISO8601"))
    except (TypeError, ValueError) as error:
        raise TimeError(message(f"{name} cannot be read as dates ({error})", "ISO dates or timestamps")) from None
    if length is not None and len(read) != length:
        raise DataError(message(f"{name} has {len(read)} values, started {length}", "one value for each row"))
    return read


def _shape(cause: Any, start: pd.Series[Any]) -> tuple[int, ...]:
    """Return the shape of the causes; one value, or none, stands for every row."""
    return (len(start),) if cause is None or isinstance(cause, str) else np.shape(cause)


def _since(start: pd.Series[Any], later: pd.Series[Any], unit: str) -> FloatArray:
    seconds = (later - start).dt.total_seconds().to_numpy(dtype=np.float64)
    return np.asarray(seconds / (86_400 * _DAYS[unit]))


def _entries(start: pd.Series[Any], final: pd.Series[Any], entered: Any, unit: str) -> FloatArray:
    first = _instants(entered, "entered", len(start))
    _require(first.isna(), "entered are missing", "None means watched from the start")
    _require(
        (final <= first) & (first > start),
        "customers had left, or were no longer watched, when observation began",
        "a snapshot holds those who were still here at `entered`",
    )
    return np.maximum(_since(start, first, unit), 0.0)


def _causes(reasons: pd.Series[Any], seen: Array) -> pd.Series[Any]:
    if len(reasons) != len(seen):
        raise DataError(message(f"cause has {len(reasons)} values, started {len(seen)}", "one value for each row"))
    unnamed = seen & (reasons.isna() | (reasons == "")).to_numpy(dtype=bool)
    if unnamed.any():
        raise DataError(
            message(
                f"{int(unnamed.sum())} of {int(seen.sum())} who left have no cause ({named_rows(unnamed)})",
                "every observed churn has one",
                'cause=cause.fillna("unknown"), causes=[..., "unknown"]',
            )
        )
    return reasons.where(seen, None)


def _require(wrong: pd.Series[Any], what: str, expected: str) -> None:
    rows = wrong.to_numpy(dtype=bool)
    if rows.any():
        counted = f"{int(rows.sum())} of {len(rows)} {what} ({named_rows(rows)})"
        raise TimeError(message(counted, expected, f"look at {some(np.flatnonzero(rows)[:3].tolist(), 3)} first"))
