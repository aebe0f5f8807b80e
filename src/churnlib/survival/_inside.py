"""What models around another model do with it: look at its rows, fit a clone, take over what it takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib._sklearn import BaseEstimator, Tags, clone, validate_data
from churnlib._typing import ArrayLike

__all__ = ["fitted_clone", "look_at", "with_tags_of"]


def look_at(estimator: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """Look at names and number of features, and leave the rest to the model inside.

    Parameters
    ----------
    estimator : estimator
        Where the features are remembered, or were.
    X : array or frame of shape (n_rows, n_features)
        The rows.
    reset : bool
        True in `fit`: remember. False afterwards: compare.

    Returns
    -------
    array or frame
        X, as an array where it was a list.

    Raises
    ------
    ValueError
        If X has not two axes, or other features than in `fit`.
    """
    if hasattr(X, "columns"):
        return validate_data(estimator, X, reset=reset, skip_check_array=True)
    return validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite=False)


def fitted_clone(template: Any, X: Any, y: Any, sample_weight: ArrayLike | None) -> Any:
    """Fit a clone, and hand the weights to the last step where it is a pipeline.

    Parameters
    ----------
    template : estimator
        A hazard model, or a Pipeline that ends in one; it is not changed.
    X : array or frame of shape (n_rows, n_features)
        The rows.
    y : structured array of shape (n_rows,)
        The survival target.
    sample_weight : array-like of shape (n_rows,), or None
        How many customers each row stands for.

    Returns
    -------
    estimator
        The clone, fitted.
    """
    if sample_weight is None:
        return clone(template).fit(X, y)
    steps = getattr(template, "steps", None)
    name = f"{steps[-1][0]}__sample_weight" if steps else "sample_weight"
    return clone(template).fit(X, y, **{name: np.asarray(sample_weight)})


def with_tags_of(template: Any, tags: Tags) -> Tags:
    """Say of X what the model inside says: whether missing values are allowed, whether it is read at all.

    Parameters
    ----------
    template : estimator
        The model inside.
    tags : Tags
        Of the model around it; changed in place.

    Returns
    -------
    Tags
        The same.
    """
    from sklearn.utils import get_tags

    inside = get_tags(template)
    tags.input_tags, tags.no_validation = inside.input_tags, inside.no_validation
    tags.input_tags.sparse = False
    return tags
