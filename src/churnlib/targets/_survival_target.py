"""Who left, when, and since when they were watched, packed into one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_names, check_choice, check_one_order, named_rows
from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray
from churnlib.exceptions import DataError, ParameterError, SchemaError, message, nearest, some

__all__ = ["survival_target"]

_DAY_SECONDS = 86_400
_NUMBERS = ("integer", "floating", "mixed-integer-float")
"""What pandas calls a column of numbers, whatever it is stored as."""


def survival_target(
    event: ArrayLike | str,
    time: ArrayLike | str,
    *,
    entry: ArrayLike | str | None = None,
    causes: Sequence[str] | None = None,
    data: pd.DataFrame | None = None,
    zero: str = "error",
) -> Array:
    """Pack who left, when, and since when they were watched into one array.

    scikit-learn slices it like any y, and its fields travel along. Without entry
    and causes, scikit-survival reads it as it is. It assumes that censoring
    tells nothing about risk: those who are still here are like those who have been here as long.

    Parameters
    ----------
    event : array-like of shape (n_rows,), or str
        Whether the churn was observed (1 or True), or the customer was still here
        when the log ended (0 or False). With `causes`: the name of the cause, or its number
        counted from 1; 0, "" or a missing value mean still here.
    time : array-like of shape (n_rows,), or str
        Time from the customer's start to the churn or to the end of observation, above 0. In
        days throughout churnlib; time differences are turned into days.
    entry : array-like of shape (n_rows,), or str, default=None
        Time from the start until observation began (the tenure at the cutoff), at
        least 0 and below `time`, in the same unit. None: watched from the start.
    causes : sequence of str, default=None
        Names of the competing causes. None: churn is churn.
    data : dataframe, default=None
        Where event, time and entry are columns, given by name.
    zero : {"error", "half"}, default="error"
        What to do with times of 0, which no model can place. ``"half"`` puts them at half the
        smallest time above 0: left (or last seen) after the start and before anybody else.

    Returns
    -------
    structured array of shape (n_rows,)
        Fields ``event`` (bool; int16 with causes: 0 = still here, k = ``causes[k-1]``), ``time``
        (float64) and, if given, ``entry`` (float64).

    Raises
    ------
    SchemaError
        If a named column does not exist.
    DataError
        If lengths differ, Series hold the same labels in different orders, a value is missing or cannot be
        read, a time is 0 or less, an entry is below 0, not before its time, or an event is no known cause.
    ParameterError
        If columns are named without `data`, or `zero` is no choice.

    Examples
    --------
    >>> survival_target([True, False], [30.0, 365.0])
    array([( True,  30.), (False, 365.)],
          dtype=[('event', '?'), ('time', '<f8')])

    From columns, with delayed entry and two causes:

    >>> frame = pd.DataFrame({"why": ["price", None], "days": [40, 90], "since": [10, 0]})
    >>> target = survival_target("why", "days", entry="since", causes=["price", "moved"], data=frame)
    >>> target["event"], target["entry"]
    (array([1, 0], dtype=int16), array([10.,  0.]))
    """
    given = {"event": event, "time": time} | ({} if entry is None else {"entry": entry})
    columns = {name: _column(values, name, data) for name, values in given.items()}
    _one_length(columns)
    check_one_order(given)
    times = _times(columns["time"], "time")
    if check_choice(zero, ("error", "half"), name="zero") == "half" and (times > 0).any():
        times = np.where(times == 0, times[times > 0].min() / 2, times)
    _refuse(times <= 0, times, "times are 0 or less", "a customer is watched for some time", "time")
    fields: list[tuple[str, Array]] = [
        ("event", _observed(columns["event"]) if causes is None else _codes(columns["event"], causes)),
        ("time", times),
    ]
    if entry is not None:
        entries = _times(columns["entry"], "entry")
        _refuse(entries < 0, entries, "entries are below 0", "observation begins at the start or later", "entry")
        _refuse(
            entries >= times,
            entries,
            "entries are not before their time",
            "a customer at risk is watched for some time after the entry",
            "entry",
        )
        fields.append(("entry", entries))
    target = np.empty(len(times), dtype=[(name, values.dtype) for name, values in fields])
    for name, values in fields:
        target[name] = values
    return target


def _column(values: Any, name: str, data: pd.DataFrame | None) -> pd.Series[Any]:
    if not isinstance(values, str):
        column = values if isinstance(values, (pd.Series, pd.Index)) else np.asarray(values)
        if column.ndim != 1:
            raise DataError(message(f"{name} has shape {column.shape}", "one value for each row"))
        return pd.Series(column).reset_index(drop=True)
    if data is None:
        raise ParameterError(
            message(f"{name}={values!r} names a column of no frame", "columns are taken from data=", "data=frame")
        )
    if list(data.columns).count(values) > 1:
        raise SchemaError(
            message(f"data has several columns {values!r}", "each name once", "data.loc[:, ~data.columns.duplicated()]")
        )
    if values not in data.columns:
        raise SchemaError(
            message(
                f"{name}={values!r} is no column of data",
                f"data has {some(data.columns, 12)}",
                f"{name}: {nearest(values, list(data.columns))}",
            )
        )
    found: Any = data[values]
    return pd.Series(found if isinstance(found, pd.Series) else np.asarray(found)).reset_index(drop=True)


def _one_length(columns: dict[str, pd.Series[Any]]) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        stated = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise DataError(message(f"lengths differ: {stated}", "one value for each row"))


def _times(column: pd.Series[Any], name: str) -> FloatArray:
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        column = pd.to_timedelta(column).dt.total_seconds() / _DAY_SECONDS
    try:
        _no_other_kind(column)
        times = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(
                f"{name} cannot be read as numbers ({error})",
                "a number of days was expected",
                f"{name}=(end - start) / pd.Timedelta('1d')",
            )
        ) from None
    _refuse(~np.isfinite(times), times, f"values of {name} are missing or infinite", "every row needs one", name)
    return times


def _no_other_kind(column: pd.Series[Any]) -> None:
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or column.dtype.kind in "bc":
        raise TypeError(f"they are {column.dtype}")  # pandas would silently count from 1970


def _observed(column: pd.Series[Any]) -> BoolArray:
    _no_missing(column)
    values = column.to_numpy()
    known = np.isin(values, [0, 1]) if values.dtype.kind in "biuf" else _is_flag(column)
    if not known.all():
        raise DataError(
            message(
                f"{int((~known).sum())} of {len(known)} events are neither 0 nor 1 "
                f"(first: {some(pd.unique(column[~known]), 3)})",
                "True is an observed churn, False a customer still here",
                "causes=[...] where events say the cause",
            )
        )
    return values.astype(bool)


def _codes(column: pd.Series[Any], causes: Sequence[str]) -> Array:
    names = as_names(list(causes), name="causes")
    if not names:
        raise ParameterError(message("causes is empty", "at least one name", "causes=None for a single cause"))
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if pd.api.types.infer_dtype(column, skipna=True) in _NUMBERS:
        column = pd.to_numeric(column)
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=0.0)
        values = np.where(np.isnan(values), 0.0, values)
        wrong = (values != np.rint(values)) | (values < 0) | (values > len(names))
    else:
        number = {name: position for position, name in enumerate(names, start=1)} | {"": 0}
        values = column.map(number).where(column.notna(), 0).to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = np.isnan(values)
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum())} of {len(values)} events name no cause "
                f"(first: {some(pd.unique(column[wrong]), 3)})",
                f"causes are {some(names, 12)}, numbered from 1; 0 or missing means still here",
                "add the cause to causes=",
            )
        )
    return values.astype(np.int16)


def _is_flag(column: pd.Series[Any]) -> BoolArray:
    return np.array([isinstance(value, (bool, np.bool_, int)) and value in (0, 1) for value in column], dtype=bool)


def _no_missing(column: pd.Series[Any]) -> None:
    missing = column.isna().to_numpy(dtype=bool)
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum())} of {len(missing)} events are missing ({named_rows(missing)})",
                "every row is an observed churn or a customer still here",
                "event=churned_at.notna()",
            )
        )


def _refuse(wrong: BoolArray, values: FloatArray, what: str, expected: str, name: str) -> None:
    if wrong.any():
        zeros = name == "time" and bool((values[wrong] == 0).all())
        raise DataError(
            message(
                f"{int(wrong.sum())} of {len(wrong)} {what} ({named_rows(wrong)}; "
                f"first: {some((f'{value:g}' for value in values[wrong]), 3)})",
                expected,
                f"leave these rows out and count them, or correct {name}" + (', or zero="half"' if zeros else ""),
            )
        )
