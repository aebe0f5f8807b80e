"""Aliases for arrays and frames, so that a signature says what an argument holds.

Times are microseconds since 1970 in UTC (`TimeArray`); money is counted in minor
units at a recorded decimal scale (`MoneyArray`). Both are int64, and both are
exact: a float appears only where a quantity is an estimate.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = [
    "Array",
    "ArrayLike",
    "BoolArray",
    "CodeArray",
    "FloatArray",
    "Instant",
    "IntArray",
    "IntoFrame",
    "Kinds",
    "MoneyArray",
    "Span",
    "TimeArray",
]

Array: TypeAlias = npt.NDArray[Any]
ArrayLike: TypeAlias = npt.ArrayLike
BoolArray: TypeAlias = npt.NDArray[np.bool_]
FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

CodeArray: TypeAlias = npt.NDArray[np.signedinteger[Any]]
"""Codes into a list of names: int8, int16 or int32, with -1 for "not stated"."""

TimeArray: TypeAlias = npt.NDArray[np.int64]
"""Microseconds since 1970 in UTC."""

MoneyArray: TypeAlias = npt.NDArray[np.int64]
"""Minor units: an amount is ``minor / 10**scale``."""

Instant: TypeAlias = str | dt.date | dt.datetime | pd.Timestamp | np.datetime64
"""One point in time; naive means the zone of the log."""

Span: TypeAlias = str | dt.timedelta | pd.Timedelta | np.timedelta64
"""A length of time: "60d" is 60 × 24 hours, "1mo" is a calendar month."""

Kinds: TypeAlias = str | Sequence[str] | None
"""Kinds of events by name; None means every kind."""

IntoFrame: TypeAlias = Any
"""A pandas, polars or pyarrow frame or a DuckDB relation; narwhals decides, at the border."""
