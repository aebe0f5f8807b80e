"""What metrics of survival are given: the rows watched, risks, predicted survival, times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._checks import as_floats, check_number, named_rows
from churnlib._typing import ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.calendar import DAY_US, duration
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.metrics import _arrays
from churnlib.targets import SurvivalRows, read_survival_target

__all__ = ["Watched", "blocks", "read_horizon", "read_risk", "read_survival", "read_tau", "read_times", "read_watched"]

_CELLS = 1 << 17  # 1 MiB of numbers: what is worked on at once stays near the processor
_SLACK = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """How long each row was watched, and whether it ended in a churn.

    Attributes
    ----------
    rows : SurvivalRows
        The target on the clock of tenure.
    time : array of shape (n_rows,)
        Time since the entry; without delayed entry the tenure itself.
    observed : array of shape (n_rows,)
        Whether the churn was seen, by whatever cause.
    weight : array of shape (n_rows,)
        The weight of each row.
    weighted : bool
        Whether weights were given.
    """

    rows: SurvivalRows
    time: FloatArray
    observed: BoolArray
    weight: FloatArray
    weighted: bool

    def __len__(self) -> int:
        return len(self.time)


def read_watched(y: Any, sample_weight: ArrayLike | None) -> Watched:
    """Read a survival target and the weights of its rows."""
    rows = read_survival_target(y)
    weight, _ = _arrays.weights(sample_weight, len(rows))
    return Watched(rows, rows.duration, rows.observed, weight, sample_weight is not None)


def read_risk(risk: ArrayLike, n_rows: int, *, n_times: int | None = None) -> FloatArray:
    """Return the risks, of shape (n_rows,), or (n_rows, n_times) where that is allowed."""
    values = _as_numbers(risk, "risk")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    allowed = [(n_rows,)] + ([(n_rows, n_times)] if n_times is not None else [])
    if values.shape not in allowed:
        raise DataError(
            message(
                f"risk has shape {values.shape} for {n_rows} rows of y",
                f"shape {' or '.join(map(str, allowed))}: one risk for each row, higher is sooner",
                "risk=model.predict(X)",
            )
        )
    _no_nan(values, "risks")
    return values


def read_times(times: ArrayLike) -> FloatArray:
    """Return times as an ascending array of numbers above 0."""
    values = np.atleast_1d(_as_numbers(times, "times"))
    if values.ndim != 1 or not values.size:
        raise ParameterError(message(f"times has shape {values.shape}", "one axis of times", "times=[30, 60, 90]"))
    wrong = ~np.isfinite(values) | (values <= 0)
    if wrong.any():
        raise ParameterError(
            message(
                f"{int(wrong.sum())} of {values.size} times are 0 or less, missing or infinite",
                "times above 0, counted from the entry of each row",
                "times=[30, 60, 90]",
            )
        )
    if (np.diff(values) <= 0).any():
        raise ParameterError(message("times do not ascend", "each time after the last", "times=np.unique(times)"))
    return values


def read_horizon(horizon: float | str) -> float:
    """Return a horizon as a number above 0; text such as "90d" means days."""
    if isinstance(horizon, str):
        length = duration(horizon, name="horizon")
        if length.fixed_us is None:
            raise ParameterError(
                message(f"horizon={horizon!r} is a length of the calendar", "a fixed length", 'horizon="90d"')
            )
        return length.fixed_us / DAY_US
    times = read_times(horizon)
    if times.size > 1:
        raise ParameterError(message(f"horizon holds {times.size} numbers", "one", "horizon=90"))
    return float(times[0])


def read_tau(tau: float) -> float:
    """Return the time before which the first of a pair has left, a number above 0."""
    last = check_number(tau, name="tau", low=0)
    if last == 0:
        raise ParameterError(message("tau is 0", "nobody leaves before it", "tau=None, which takes all"))
    return last


def read_survival(survival: ArrayLike, n_rows: int, n_times: int) -> FloatArray:
    """Return predicted survival, of shape (n_rows, n_times); its values are looked at block by block."""
    values = _as_numbers(survival, "survival")
    if values.ndim == 1 and n_times == 1:
        values = values[:, None]
    if values.shape != (n_rows, n_times):
        raise DataError(
            message(
                f"survival has shape {values.shape} for {n_rows} rows of y and {n_times} times",
                f"shape ({n_rows}, {n_times}): P(T > time) of each row, in columns the times",
                "survival=model.predict_survival_function(X, times, given=entry)",
            )
        )
    return values


def check_survival(values: FloatArray, first_row: int = 0) -> FloatArray:
    """Return a block of predicted survival if all of it are probabilities."""
    if not values.size or (values.min() >= -_SLACK and values.max() <= 1 + _SLACK):
        return values
    wrong = ~((values >= -_SLACK) & (values <= 1 + _SLACK))
    rows = np.flatnonzero(wrong.reshape(len(values), -1).any(axis=1)) + first_row
    raise DataError(
        message(
            f"survival holds {int(wrong.sum())} values that are NaN or outside 0 and 1 "
            f"({named_rows(rows)}; first: {some((f'{value:g}' for value in values[wrong]), 3)})",
            "each is a probability to be still here",
            "survival=model.predict_survival_function(X, times, given=entry)",
        )
    )


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Yield slices of rows, each of a size that stays near the processor."""
    step = max(1, _CELLS // max(n_columns, 1))
    for first in range(0, n_rows, step):
        yield slice(first, min(first + step, n_rows))


def reached(times: FloatArray, watched: FloatArray) -> IntArray:
    """Return for each row the first column whose time is not before the end of the row."""
    columns: IntArray = np.searchsorted(times, watched, side="left")
    return columns


def _as_numbers(values: Any, name: str) -> FloatArray:
    try:
        return as_floats(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(f"{name} cannot be read as numbers ({error})", "numbers", "pd.to_numeric(values)")
        ) from None


def _no_nan(values: FloatArray, name: str) -> None:
    missing = np.isnan(values)
    if missing.any():
        rows = np.flatnonzero(missing.reshape(len(values), -1).any(axis=1))
        raise DataError(
            message(
                f"{int(missing.sum())} of {values.size} {name} are NaN ({named_rows(rows)})",
                "every row needs a number",
                "leave out rows whose target is not known, and count them",
            )
        )
