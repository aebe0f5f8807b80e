"""Purchase histories: read by name, checked row by row, equal ones counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from churnlib._checks import named_rows
from churnlib._frames import column_names, read_columns, type_counts
from churnlib._sklearn import BaseEstimator, validate_data
from churnlib._typing import Array, BoolArray, FloatArray, IntArray
from churnlib.events import EventLog
from churnlib.exceptions import DataError, ParameterTypeError, SchemaError, message, some
from churnlib.numerics import levels, shared_levels, unique_rows

__all__ = [
    "Histories",
    "UniqueHistories",
    "check_finite",
    "check_weight",
    "is_frame",
    "read_features",
    "read_numbers",
    "refuse",
]


@dataclass(frozen=True, slots=True)
class Histories:
    """One purchase history per customer, checked.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Repeat purchases, whole numbers ≥ 0.
    tx : ndarray of shape (n,)
        Age at the last purchase; 0 where there is no repeat purchase.
    T : ndarray of shape (n,)
        Age.
    covariates : ndarray of shape (n, m)
        Further columns.
    """

    x: FloatArray
    tx: FloatArray
    T: FloatArray
    covariates: FloatArray

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, chosen: BoolArray | slice) -> Histories:
        """Return some of the customers."""
        return Histories(self.x[chosen], self.tx[chosen], self.T[chosen], self.covariates[chosen])

    def unique(self, weight: FloatArray | None) -> UniqueHistories:
        """Count equal histories once."""
        x, (tx, T) = levels(self.x), shared_levels(self.tx, self.T)
        extra = [levels(column) for column in self.covariates.T]
        codes = [x.codes, tx.codes, T.codes, *(column.codes for column in extra)]
        rows = unique_rows(codes, weight=weight)
        covariates = [column.values[code] for column, code in zip(extra, rows.codes[3:], strict=True)]
        return UniqueHistories(
            purchases=x.values,
            times=T.values,
            i_x=rows.codes[0],
            i_tx=rows.codes[1],
            i_T=rows.codes[2],
            weight=rows.weight,
            covariates=np.column_stack(covariates) if covariates else np.empty((len(rows.weight), 0)),
        )


@dataclass(frozen=True, slots=True)
class UniqueHistories:
    """Distinct histories, as positions in a table of purchases and one of times.

    Special functions are needed of a few hundred distinct purchases and logarithms
    of a few hundred distinct times only; the rows then gather from those tables.

    Parameters
    ----------
    purchases : ndarray
        Values of x, ascending.
    times : ndarray
        Values of t_x and T, ascending.
    i_x, i_tx, i_T : ndarray of shape (n,)
        Positions in those two.
    weight : ndarray of shape (n,)
        How many customers have the history.
    covariates : ndarray of shape (n, m)
        Further columns.
    """

    purchases: FloatArray
    times: FloatArray
    i_x: IntArray
    i_tx: IntArray
    i_T: IntArray  # noqa: N815 - the literature calls age T
    weight: FloatArray
    covariates: FloatArray

    @property
    def x(self) -> FloatArray:
        """Repeat purchases of each distinct history."""
        return self.purchases[self.i_x]

    @property
    def tx(self) -> FloatArray:
        """Age at the last purchase of each distinct history."""
        return self.times[self.i_tx]

    @property
    def T(self) -> FloatArray:  # noqa: N802
        """Age of each distinct history."""
        return self.times[self.i_T]


def is_frame(X: Any) -> bool:
    """Whether X has columns with names, rather than positions."""
    return isinstance(X, pd.DataFrame) or hasattr(X, "__arrow_c_stream__") or hasattr(X, "columns")


def read_numbers(X: Any, names: Sequence[str]) -> tuple[list[FloatArray], pd.Index | None]:
    """Take columns by name out of a frame, or by position out of an array.

    Parameters
    ----------
    X : frame or array of shape (n, len(names))
        A frame may hold further columns; an array holds exactly these, in order.
    names : sequence of str
        The columns.

    Returns
    -------
    columns : list of ndarray of float
        One for each name.
    index : Index or None
        The labels of the rows, where X is a pandas frame.

    Raises
    ------
    SchemaError
        If a column is missing; the nearest name is suggested.
    ParameterTypeError
        If a column holds anything but numbers.

    Examples
    --------
    >>> read_numbers(pd.DataFrame({"T": [3], "x": [1]}), ["x", "T"])[0]
    [array([1.]), array([3.])]
    """
    if is_frame(X):
        _require(X, names)
        if isinstance(X, pd.DataFrame):
            return [_as_float(X[name], name) for name in names], X.index
        columns = read_columns(X, {name: name for name in names})
        return [_as_float(columns[name], name) for name in names], None
    array = np.asarray(X)
    return [np.asarray(array[:, position], dtype=float) for position in range(len(names))], None


def _require(X: Any, names: Sequence[str]) -> None:
    """Refuse a frame that lacks a column, or has it twice."""
    available = column_names(X)
    wrong = [name for name in names if available.count(name) != 1]
    if wrong:
        twice = [name for name in wrong if name in available]
        listed = some([repr(name) for name in twice or wrong])
        what = f"{listed} stand twice" if twice else f"{listed} are missing"
        raise SchemaError(
            message(
                f"of the columns of X {what}",
                f"{', '.join(names)} were expected, each once; X has {some(available, 12)}",
                "X = rfm_summary(orders, ...) makes frequency, recency, T and monetary_value"
                if "frequency" in wrong
                else f"X = X.rename(columns={{'<your column>': {wrong[0]!r}}})",
            )
        )


def read_features(
    estimator: BaseEstimator, X: Any, names: Sequence[str], *, reset: bool
) -> tuple[list[FloatArray], pd.Index | None]:
    """Take columns as `read_numbers` does, and remember or compare them as scikit-learn's estimators do.

    Parameters
    ----------
    estimator : estimator
        Where `n_features_in_` and `feature_names_in_` are kept.
    X : frame or array of shape (n, len(names))
        As in `read_numbers`.
    names : sequence of str
        The columns.
    reset : bool
        True in `fit`.

    Returns
    -------
    columns : list of ndarray of float
        One for each name.
    index : Index or None
        The labels of the rows, where X is a pandas frame.

    Raises
    ------
    DataError
        If an array has another number of columns.

    Examples
    --------
    >>> seen = BaseEstimator()
    >>> read_features(seen, [[1, 2.5]], ["x", "T"], reset=True)[0], seen.n_features_in_
    ([array([1.]), array([2.5])], 2)
    """
    if isinstance(X, EventLog):
        raise ParameterTypeError(
            message("X is an EventLog", f"one row per customer with {', '.join(names)}", "fit(rfm_summary(log))")
        )
    if not is_frame(X) and np.ndim(X) == 1 and len(X):
        raise DataError(
            message(
                f"X is a list of {len(X)} values",
                f"one row per customer with {', '.join(names)}; reshape your data",
                "predict(summary.loc[customers])",
            )
        )
    if is_frame(X):
        columns, index = read_numbers(X, names)
        if reset:
            estimator.n_features_in_ = len(names)
            estimator.feature_names_in_ = np.array(names, dtype=object)
        return columns, index
    X = validate_data(estimator, X, reset=reset, dtype="numeric", ensure_all_finite=False)
    if X.shape[1] != len(names):
        raise DataError(
            message(
                f"X has {X.shape[1]} feature(s)",
                f"an array holds {len(names)} columns in this order: {', '.join(names)}",
                "pass a frame with these names",
            )
        )
    return read_numbers(X, names)


def _as_float(column: Any, name: str) -> FloatArray:
    """Return a column of numbers as floats, missing ones as NaN; texts and dates are refused, not converted."""
    if isinstance(column, pd.Series):
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column):
            return column.to_numpy(dtype=float, na_value=np.nan)
        kind = str(column.dtype)
    elif isinstance(column, pa.ChunkedArray):
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type):
            return np.asarray(column.to_numpy(), dtype=float)
        if pa.types.is_decimal(column.type):
            return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=float)
        kind = str(column.type)
    else:
        kind = type_counts(column)
    raise ParameterTypeError(
        message(
            f"column {name!r} holds {kind}",
            "numbers were expected (or true and false)",
            f"X[{name!r}] = X[{name!r}].astype(float), or a comparison such as X[{name!r}] == 'yes'",
        )
    )


def refuse(rows: BoolArray, index: pd.Index | None, wrong: str, expected: str, fix: str) -> None:
    """Raise a `DataError` if any row is marked, with their number and the first of them.

    Parameters
    ----------
    rows : ndarray of bool
        The rows that break the rule.
    index : Index or None
        Labels of the rows.
    wrong : str
        What is wrong with a row, after "in 3 rows".
    expected, fix : str
        The other two parts of the message.

    Raises
    ------
    DataError
        If a row is marked.

    Examples
    --------
    >>> refuse(np.array([False, True]), None, "column 'T' is negative", "an age is ≥ 0", "X[X['T'] >= 0]")
    Traceback (most recent call last):
        ...
    churnlib.exceptions.DataError: column 'T' is negative in 1 of 2 rows (first: row 1); an age is ≥ 0.
    Fix: X[X['T'] >= 0]
    """
    if not rows.any():
        return
    first = int(np.argmax(rows))
    label = ""
    if index is not None:
        name = "label" if index.name is None else index.name
        label = f", {name} {index[first : first + 1].tolist()[0]!r}"
    count = int(rows.sum())
    raise DataError(
        message(
            f"{wrong} in {count} of {len(rows)} rows (first: {named_rows(np.array([first]))}{label})", expected, fix
        )
    )


def check_finite(columns: Sequence[FloatArray], names: Sequence[str], index: pd.Index | None) -> None:
    """Refuse missing, infinite and negative values, column by column."""
    for column, name in zip(columns, names, strict=True):
        if len(column) and not np.isfinite(column.min() + column.max()):
            refuse(
                ~np.isfinite(column),
                index,
                f"column {name!r} is missing or infinite (NaN or inf)",
                "every customer needs a finite number",
                f"X = X[np.isfinite(X[{name!r}])]",
            )


def check_weight(sample_weight: Any, n: int) -> FloatArray | None:
    """Read weights of customers: finite, ≥ 0, one for each row."""
    if sample_weight is None:
        return None
    weight: Array = np.asarray(sample_weight, dtype=float)
    if weight.shape != (n,):
        raise DataError(
            message(
                f"sample_weight has the shape {weight.shape}",
                f"one weight for each of the {n} rows was expected",
                "fit(X, sample_weight=weights)",
            )
        )
    refuse(
        ~(np.isfinite(weight) & (weight >= 0)),
        None,
        "sample_weight is negative or not finite",
        "a weight is ≥ 0",
        "fit(X)",
    )
    if not weight.sum() > 0:
        raise DataError(message("sample_weight is zero in every row", "some customer must count", "fit(X)"))
    return weight
