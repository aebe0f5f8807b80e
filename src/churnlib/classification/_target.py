"""What is to be predicted, and the rows it is predicted from, as the classifier reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.exceptions import DataError, ParameterError, SchemaError, message, nearest, some

__all__ = [
    "as_table",
    "binary_target",
    "refuse_other_order",
    "refuse_retained",
    "refuse_text_labels",
    "row_weights",
    "wrong_columns",
]


def binary_target(y: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return the two classes, sorted, and 1 for each row of the second.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels of exactly two kinds; of 0 and 1, 1 is churn.

    Returns
    -------
    classes : ndarray of shape (2,)
        The labels, sorted; the second is the positive class.
    codes : ndarray of shape (n_rows,)
        1 for the positive class, 0 for the other.

    Raises
    ------
    DataError
        If labels are missing, or are not of exactly two kinds.
    ValueError
        If `y` is None, or continuous.

    Examples
    --------
    >>> classes, codes = binary_target(["stays", "leaves", "stays"])
    >>> classes.tolist(), codes.tolist()
    (['leaves', 'stays'], [1, 0, 1])
    """
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import column_or_1d

    if y is None:
        raise ParameterError(
            message(
                "fit requires y to be passed, but the target y is None",
                "a label per row",
                "model.fit(data.X, data.y)",
            )
        )
    flat = pd.Series(column_or_1d(y, warn=True))
    missing = flat.isna().to_numpy()
    if missing.any():
        raise DataError(
            message(
                f"y is missing (Input y contains NaN) in {int(missing.sum()):,} of {len(flat):,} rows "
                f"({some(np.flatnonzero(missing).tolist())})",
                "every row of a fit needs a label",
                "data.X and data.y hold only mature rows; data.unlabelled holds the others",
            )
        )
    labels = _plain(flat)
    infinite = np.isinf(labels) if labels.dtype.kind == "f" else np.zeros(len(labels), dtype=bool)
    if infinite.any():
        raise DataError(
            message(
                f"y is infinite in {int(infinite.sum()):,} of {len(labels):,} rows: "
                "Input y contains infinity or a value too large for dtype('float64')",
                "",
                "y = (y == 'left').astype('int8')",
            )
        )
    check_classification_targets(labels)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) == 1:
        raise DataError(
            message(
                f"y holds one class only: all {len(flat):,} rows are {some(classes[:1].tolist())}",
                "churners and stayers are both needed",
                "a longer history, a later cutoff, or a longer horizon",
            )
        )
    if len(classes) > 2:
        raise DataError(
            message(
                f"Only binary classification is supported. The type of the target is {type_of_target(labels)}: "
                f"y holds {len(classes):,} classes ({some(classes.tolist())})",
                "two classes, of which the second is churn",
                "y = (y == 'left').astype('int8')",
            )
        )
    return classes, codes.astype(np.int64)


def _plain(labels: pd.Series[Any]) -> npt.NDArray[Any]:
    """Return labels as numpy sorts them: pandas' own dtypes become int, bool, float or object."""
    values = labels.to_numpy()
    if values.dtype != object:
        return values
    kind = pd.api.types.infer_dtype(labels)
    if kind in {"integer", "boolean", "floating"}:
        return np.array(values.tolist())
    return values


def refuse_retained(y: Any) -> None:
    """Refuse `Dataset.retained`, in which 1 means that the customer stayed.

    Parameters
    ----------
    y : object
        The labels; only the name of a Series is looked at.

    Raises
    ------
    DataError
        If `y` is named "retained".

    Examples
    --------
    >>> refuse_retained(pd.Series([0, 1], name="churn"))
    """
    if isinstance(y, pd.Series) and y.name == "retained":
        raise DataError(
            message(
                f"y is named 'retained', and its {len(y):,} rows say who stayed",
                "1 means churn here: every probability would be turned around",
                "model.fit(data.X, data.y)",
            )
        )


def refuse_text_labels(classes: npt.NDArray[Any]) -> None:
    """Refuse to decide where only the alphabet says which of two labels is churn.

    Parameters
    ----------
    classes : ndarray of shape (2,)
        Labels of a fitted model, sorted.

    Raises
    ------
    DataError
        If they are no numbers.

    Examples
    --------
    >>> refuse_text_labels(np.array([0, 1]))
    """
    if classes.dtype.kind in "biuf":
        return
    stays, churns = classes.tolist()
    raise DataError(
        message(
            f"the model was fitted on the labels {stays!r} and {churns!r}, of which the second, {churns!r}, "
            "counts as churn by alphabet alone",
            "a decision needs labels that say which is churn: 1 and 0",
            f"model.fit(X, (y == '<the label of churn>').astype('int8')), here {stays!r} or {churns!r}",
        )
    )


def refuse_other_order(X: pd.DataFrame, y: Any) -> None:
    """Refuse a `y` whose labels say that it belongs to other rows than `X`, or to the same in another order.

    An index without a name (row numbers) says nothing and is matched by position.

    Parameters
    ----------
    X : DataFrame
        The rows.
    y : object
        The labels; only a Series is looked at.

    Raises
    ------
    DataError
        If both have the same labels in different order, or indexes of the same names with different labels.

    Examples
    --------
    >>> import pandas as pd
    >>> refuse_other_order(pd.DataFrame({"a": [1, 2]}), pd.Series([0, 1]))
    """
    if not isinstance(y, pd.Series) or len(y) != len(X) or X.index.equals(y.index):
        return
    if X.index.nlevels == y.index.nlevels and bool(y.index.isin(X.index).all()):
        moved = sum(a != b for a, b in zip(X.index, y.index, strict=True))
        if not moved:  # the same rows, in another dtype or time zone
            return
        raise DataError(
            message(
                f"X and y have the same labels in different order ({moved:,} of {len(X):,} rows)",
                "rows are matched by position",
                "y = y.loc[X.index]",
            )
        )
    if X.index.names == y.index.names and all(name is not None for name in y.index.names):
        strange = int((~y.index.isin(X.index)).sum())
        raise DataError(
            message(
                f"{strange:,} of {len(y):,} labels of y belong to rows that X does not have "
                f"({some(y.index[~y.index.isin(X.index)].tolist(), 3)})",
                "rows are matched by position, so both must hold the same rows",
                "y = y.loc[X.index]",
            )
        )


def row_weights(sample_weight: Any, n_rows: int) -> npt.NDArray[np.float64] | None:
    """Return the weights as floats, or None.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,) or None
        Weight of each row.
    n_rows : int
        How many there must be.

    Returns
    -------
    ndarray of shape (n_rows,) or None
        Not negative.

    Raises
    ------
    DataError
        If their number is wrong, or some are missing, infinite or negative.

    Examples
    --------
    >>> row_weights([1, 2], 2).tolist()
    [1.0, 2.0]
    """
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_rows,):
        raise DataError(
            message(
                f"sample_weight has shape {weight.shape} (Sample weights must be 1D array)",
                f"one weight for each of the {n_rows:,} rows",
                "sample_weight=weights.loc[X.index].to_numpy()",
            )
        )
    bad = ~(np.isfinite(weight) & (weight >= 0))
    if bad.any():
        raise DataError(
            message(
                f"sample_weight is missing, infinite or negative in {int(bad.sum()):,} rows "
                f"({some(np.flatnonzero(bad).tolist())})",
                "weights of zero or more",
                "sample_weight=np.clip(weights, 0, None)",
            )
        )
    return weight


def as_table(X: Any) -> pd.DataFrame | None:
    """Return a frame of any library as pandas, and None for what is no frame.

    Parameters
    ----------
    X : object
        A pandas, polars or pyarrow frame; or an array.

    Returns
    -------
    DataFrame or None
        The same frame if it is one of pandas already.

    Examples
    --------
    >>> as_table([[1.0]]) is None
    True
    """
    if isinstance(X, pd.DataFrame):
        return X
    if isinstance(X, np.ndarray | list | tuple) or not hasattr(X, "__class__"):
        return None
    import narwhals as nw

    frame = nw.from_native(X, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    return frame.to_pandas() if isinstance(frame, nw.DataFrame) else None


def wrong_columns(X: pd.DataFrame, expected: npt.NDArray[Any], error: ValueError) -> SchemaError:
    """Return scikit-learn's complaint about columns, with the nearest names and the fix.

    Parameters
    ----------
    X : DataFrame
        The rows given.
    expected : ndarray
        The columns of the fit.
    error : ValueError
        What scikit-learn said.

    Returns
    -------
    SchemaError
        To be raised.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> print(wrong_columns(pd.DataFrame({"order": [1]}), np.array(["orders"]), ValueError("Wrong.")))
    Wrong.
    orders: did you mean 'order'?; the columns of the fit, in its order.
    Fix: X[list(model.feature_names_in_)]
    """
    absent = [name for name in expected if name not in X.columns]
    hints = some([f"{name}: {nearest(name, list(X.columns))}" for name in absent], 3)
    wrong = f"{str(error).rstrip()}\n{hints}" if absent else str(error).rstrip().rstrip(".")
    return SchemaError(message(wrong, "the columns of the fit, in its order", "X[list(model.feature_names_in_)]"))
