"""The chance of each arm in each row, however it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, named_rows
from churnlib._frames import read_frame
from churnlib._typing import BoolArray, FloatArray
from churnlib.exceptions import DataError, SchemaError, message, some
from churnlib.targets._uplift_arms import usual_control

__all__ = ["chances_of", "check_chances"]

_SUM_TOLERANCE = 1e-6
"""How far the chances of a row's arms may be from 1: they come out of files with few digits."""


def chances_of(propensity: Any, arms: Sequence[Any], n_rows: int, *, control: Any = None) -> FloatArray:
    """Return the chance of each arm in each row, control first and the others sorted.

    `propensity` is a number or one for each row (the chance to be treated, of two arms), an array by row and arm, or a
    mapping or frame by the names of the arms; `arms` are those that rows were seen in.
    """
    propensity = _of_pandas(propensity)
    named = isinstance(propensity, Mapping | pd.DataFrame)
    chances = _by_name(propensity, arms, n_rows, control) if named else _floats(propensity)
    if chances.ndim == 0:
        chances = np.full(n_rows, float(chances))
    if chances.ndim > 2 or len(chances) != n_rows:
        raise DataError(
            message(
                f"propensity has shape {chances.shape} and treatment {n_rows} rows",
                "a number, one for each row, or one for each row and arm",
                "propensity=0.5 for one half drawn by lot",
            )
        )
    if chances.ndim == 1:
        if len(arms) > 2:
            raise DataError(
                message(
                    f"propensity has one chance for each row, and there are {len(arms)} arms ({some(arms, 8)})",
                    "one for each arm, the control among them",
                    "propensity={'control': 0.5, 'call': 0.2, 'email': 0.3}, or an array of shape (n_rows, n_arms)",
                )
            )
        check_chances(chances)
        return np.column_stack([1.0 - chances, chances])
    check_chances(chances)
    return chances


def check_chances(chances: FloatArray) -> None:
    """Refuse chances that are not between 0 and 1, or of which the arms of a row do not add up to 1."""
    wrong: BoolArray = ~((chances > 0) & (chances < 1))
    rows: BoolArray = wrong if wrong.ndim == 1 else np.asarray(wrong.any(axis=1))
    if rows.any():
        raise DataError(
            message(
                f"{int(rows.sum())} of {len(rows)} propensities are not between 0 and 1 "
                f"({named_rows(rows)}; first: {some(np.unique(chances[wrong]), 3)})",
                "of a row that was certain to be treated, or certain not to be, nobody knows the effect",
                "leave such rows out, and say that the result is of the others: rows = (e > 0.01) & (e < 0.99)",
            )
        )
    if chances.ndim == 1:
        return
    off = np.abs(chances.sum(axis=1) - 1) > _SUM_TOLERANCE
    if off.any():
        raise DataError(
            message(
                f"the propensities of {int(off.sum())} of {len(off)} rows do not add up to 1 ({named_rows(off)}; "
                f"first: {some((f'{total:g}' for total in chances[off].sum(axis=1)), 3)})",
                "the chances of all arms, the control among them",
                "propensity / propensity.sum(axis=1, keepdims=True), if they are only rounded",
            )
        )


def _floats(propensity: Any) -> FloatArray:
    try:
        return np.asarray(as_floats(propensity))
    except (TypeError, ValueError) as error:
        raise DataError(
            message(f"propensity cannot be read as numbers ({error})", "chances", "propensity=0.5")
        ) from None


def _by_name(propensity: Any, arms: Sequence[Any], n_rows: int, control: Any) -> FloatArray:
    names = list(propensity.keys())
    unknown = [arm for arm in arms if arm not in names]
    base = usual_control(names) if control is None else control
    if unknown or len(set(names)) < 2 or base not in names:
        raise SchemaError(
            message(
                f"propensity names the arms {some(names, 12)}, and treatment has {some(arms, 12)}",
                "a chance for each arm, among them the control: 0, False, 'control' or 'none'",
                "propensity={'control': 0.5, 'call': 0.2, 'email': 0.3}",
            )
        )
    order = [base, *sorted(name for name in names if name != base)]
    if isinstance(propensity, pd.DataFrame):
        return propensity[order].to_numpy(dtype=np.float64)
    try:
        return np.stack([np.broadcast_to(_floats(propensity[name]), n_rows) for name in order], axis=1)
    except ValueError:
        raise DataError(
            message(
                f"propensity has not a chance for each of {n_rows} rows",
                "one chance for each arm, or one for each row and arm",
                "propensity={'control': 0.5, 'call': 0.2, 'email': 0.3}",
            )
        ) from None


def _of_pandas(propensity: Any) -> Any:
    """Return a frame of another library as one of pandas: its columns are named after the arms, in any order."""
    named = hasattr(propensity, "columns") or hasattr(propensity, "column_names")
    return read_frame(propensity) if named and not isinstance(propensity, pd.DataFrame) else propensity
