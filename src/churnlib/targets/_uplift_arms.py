"""The arms of a treatment: which values name them, and which of them is the control."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._typing import Array
from churnlib.exceptions import DataError, message, some

__all__ = ["arms_of", "usual_control"]

_CONTROLS: tuple[Any, ...] = (0, "control", "none", "0")


def usual_control(arms: Iterable[Any]) -> Any:
    """Return the arm that is the control by its name, 0, False, "control" or "none"; None if there is none."""
    listed = list(arms)
    return next((arm for usual in _CONTROLS for arm in listed if type(arm) is not tuple and arm == usual), None)


def arms_of(treatment: Any, n_rows: int) -> Array:
    """Return the arm of each row: int8 for 0 and 1, int16 for other whole numbers, else text."""
    listed = isinstance(treatment, list | tuple)  # numpy would make one text type of numbers and names
    column = pd.Series(treatment.array if isinstance(treatment, pd.Series) else _array(treatment, listed=listed))
    if len(column) != n_rows or np.ndim(treatment) > 1:
        raise DataError(
            message(
                f"treatment has shape {np.shape(treatment)} and the outcome {n_rows} rows",
                "the arm of each row",
                "treatment=treatment.loc[X.index]",
            )
        )
    missing = column.isna().to_numpy(dtype=bool)
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum())} of {n_rows} rows have no treatment ({named_rows(missing)})",
                "the arm that each row was assigned to",
                "leave out rows that were never assigned, and count them",
            )
        )
    if column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(column.astype(object).tolist())
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _whole(column.to_numpy(dtype=np.float64))
    texts = column.to_numpy(dtype=object)
    wrong = np.array([not isinstance(arm, str) for arm in texts], dtype=bool)
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum())} of {n_rows} treatments are neither a number nor a name ({named_rows(wrong)}; "
                f"first: {some(texts[wrong], 3)})",
                "arms are 0 and 1, whole numbers, or names, and of one kind",
                "treatment=treatment.astype(str)",
            )
        )
    return texts.astype(np.str_)


def _array(treatment: Any, *, listed: bool) -> Array:
    return np.asarray(treatment, dtype=object if listed else None)


def _whole(numbers: Array) -> Array:
    wrong = (numbers != np.rint(numbers)) | (np.abs(numbers) > np.iinfo(np.int16).max)
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum())} of {len(numbers)} treatments are no arms ({named_rows(wrong)}; "
                f"first: {some((f'{value:g}' for value in numbers[wrong]), 3)})",
                "an arm is a name or a small whole number; a dose is not one",
                "treatment=(dose > 0).astype(int)",
            )
        )
    two = np.isin(numbers, [0, 1]).all()
    return numbers.astype(np.int8 if two else np.int16)
