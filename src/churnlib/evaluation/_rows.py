"""Rows to judge a model on, from a Dataset or from X and y."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.economics import customers_of
from churnlib.exceptions import DataError, ParameterTypeError, message, some

__all__ = ["JudgedRows", "cutoffs_of", "features_and_labels"]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class JudgedRows:
    """Features, what came of them, and whose they are.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        Features.
    y : ndarray of shape (n_rows,)
        1 = churn, 0 = not.
    customer : Index of shape (n_rows,)
        Customer of each row.
    """

    X: pd.DataFrame
    y: npt.NDArray[np.int64]
    customer: pd.Index

    @classmethod
    def of(cls, data: Any, y: Any, classes: npt.NDArray[Any]) -> JudgedRows:
        """Read them from a Dataset, or from X and y.

        Parameters
        ----------
        data : Dataset or DataFrame
            A dataset brings its own labels.
        y : array-like of shape (n_rows,) or None
            The labels of a frame.
        classes : ndarray of shape (2,)
            Labels of the model; the second is churn.

        Returns
        -------
        JudgedRows
            Rows with labels 0 and 1.

        Raises
        ------
        DataError
            If labels are missing or unknown to the model, or their number is not that of the rows.
        """
        X, labels = features_and_labels(data, y)
        customer = customers_of(X)
        values = np.asarray(labels)
        unknown = ~np.isin(values, classes)
        if unknown.any():
            raise DataError(
                message(
                    f"{int(unknown.sum()):,} of {len(values):,} labels are missing or unknown to the model "
                    f"({some(pd.unique(values[unknown]).tolist())})",
                    f"labels {classes[0]!r} and {classes[1]!r}",
                    "evaluate(model, test), whose rows are mature",
                )
            )
        return cls(X, (values == classes[1]).astype(np.int64), customer)


def features_and_labels(data: Any, y: Any) -> tuple[pd.DataFrame, Any]:
    """Return X and y of a Dataset, or the frame and labels given.

    Parameters
    ----------
    data : Dataset or DataFrame
        Anything with attributes ``X`` and ``y`` is a dataset.
    y : array-like of shape (n_rows,) or None
        Labels of a frame.

    Returns
    -------
    X : DataFrame
        Features.
    y : array-like
        Labels, as many as rows.

    Raises
    ------
    ParameterTypeError
        If there are no labels, two sets of them, or no frame.
    DataError
        If the numbers of rows and labels differ, or the labels say who was retained.

    Examples
    --------
    >>> import pandas as pd
    >>> features_and_labels(pd.DataFrame({"a": [1]}), [0])[1]
    [0]
    """
    is_dataset = hasattr(data, "X") and hasattr(data, "y")
    if is_dataset and y is not None:
        raise ParameterTypeError(
            message("a dataset and y were both given", "a dataset brings its own labels", "leave y out")
        )
    X, labels = (data.X, data.y) if is_dataset else (data, y)
    if not isinstance(X, pd.DataFrame):
        raise ParameterTypeError(
            message(
                f"X is a {type(X).__name__}",
                "a Dataset, or a pandas frame whose index names the customers",
                "pd.DataFrame(X, index=pd.Index(ids, name='customer_id'))",
            )
        )
    if labels is None:
        raise ParameterTypeError(message("y is missing", "a frame needs its labels beside it", "pass y=data.y"))
    if getattr(labels, "name", None) == "retained":
        raise DataError(
            message(
                f"y is named 'retained', and its {len(labels):,} rows say who stayed",
                "1 means churn here: the model would be judged upside down",
                "pass y=data.y",
            )
        )
    if len(labels) != len(X):
        raise DataError(
            message(f"X has {len(X):,} rows and y {len(labels):,} labels", "one label per row", "y.loc[X.index]")
        )
    return X, labels


def cutoffs_of(X: pd.DataFrame) -> pd.Index | None:
    """Return the cutoff of each row, or None if the index does not say.

    Parameters
    ----------
    X : DataFrame
        The rows.

    Returns
    -------
    Index of shape (n_rows,) or None
        Instants.

    Examples
    --------
    >>> import pandas as pd
    >>> cutoffs_of(pd.DataFrame({"a": [1]})) is None
    True
    """
    return X.index.get_level_values("cutoff") if "cutoff" in X.index.names else None
