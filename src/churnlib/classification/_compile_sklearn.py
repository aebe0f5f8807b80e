"""Fitted trees, forests and logistic regressions of scikit-learn behind the room's own preparation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.classification._compile_trees import Gatherer, Node

__all__ = ["Feature", "averaged_trees", "features_of", "first_above", "logistic_regression"]


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """What stands behind one column of the prepared matrix.

    Parameters
    ----------
    column : int
        Position of the column of X.
    mean, scale, fill : float
        Of a number: ``(x − mean) / scale``, with `fill` for a missing x.
    stated : ndarray of shape (n_categories + 1,) or None
        Of a category: the value for each code, and last for a missing one.
    """

    column: int
    mean: float = 0.0
    scale: float = 1.0
    fill: float = 0.0
    stated: FloatArray | None = None


def features_of(
    preprocessor: Any, columns: Sequence[Any], categories: Sequence[tuple[str, ...] | None]
) -> list[Feature]:
    """Read the fitted imputation, scaling and one-hot columns.

    Parameters
    ----------
    preprocessor : ColumnTransformer
        Fitted: parts "number" (imputer, scaler) and "text" (one-hot).
    columns : sequence
        Names of the columns as the preprocessor knows them.
    categories : sequence of tuple of str or None
        Of each column; None for a number.

    Returns
    -------
    list of Feature
        One for each column of the prepared matrix, in order.
    """
    place = {name: position for position, name in enumerate(columns)}
    parts = {name: (part, listed) for name, part, listed in preprocessor.transformers_}
    features: list[Feature] = []
    part, listed = parts["number"]
    if len(listed):
        imputer, scaler = (step for _, step in part.steps)
        numbers = zip(listed, scaler.mean_, scaler.scale_, imputer.statistics_, strict=True)
        features += [
            Feature(place[name], float(mean), float(scale), float(fill)) for name, mean, scale, fill in numbers
        ]
    part, listed = parts["text"]
    if len(listed):
        for name, known in zip(listed, part.categories_, strict=True):
            size = len(categories[place[name]] or ())
            # a missing value was a category of its own if the fit met one, else it has none
            for value in np.asarray(known, dtype=np.float64):
                stated = np.zeros(size + 1)
                stated[size if np.isnan(value) else int(value)] = 1.0
                features.append(Feature(place[name], stated=stated))
    return features


def logistic_regression(
    estimator: Any, features: Sequence[Feature], categories: Sequence[tuple[str, ...] | None]
) -> dict[str, Any]:
    """Return a logistic regression as one sum over the columns of X.

    Parameters
    ----------
    estimator : LogisticRegression
        Fitted, binary.
    features : sequence of Feature
        What its coefficients belong to.
    categories : sequence of tuple of str or None
        Of each column of X.

    Returns
    -------
    dict
        intercept and terms.
    """
    terms: list[dict[str, Any]] = [
        {"coefficient": 0.0, "mean": 0.0, "scale": 1.0, "fill": 0.0}
        if known is None
        else {"weights": [0.0] * (len(known) + 1)}
        for known in categories
    ]
    for feature, coefficient in zip(features, estimator.coef_[0].tolist(), strict=True):
        if feature.stated is None:
            terms[feature.column] = {
                "coefficient": coefficient,
                "mean": feature.mean,
                "scale": feature.scale,
                "fill": feature.fill,
            }
        else:
            weights = terms[feature.column]["weights"]
            terms[feature.column]["weights"] = (np.array(weights) + coefficient * feature.stated).tolist()
    return {"kind": "logistic regression", "intercept": float(estimator.intercept_[0]), "terms": terms}


def averaged_trees(
    estimators: Sequence[Any], features: Sequence[Feature], n_columns: int
) -> tuple[dict[str, Any], list[list[float]]]:
    """Return trees whose leaves state the share of churners.

    Parameters
    ----------
    estimators : sequence of DecisionTreeClassifier
        Fitted, binary.
    features : sequence of Feature
        What their tests look at.
    n_columns : int
        How many columns X has.

    Returns
    -------
    model : dict
        The trees.
    cuts : list of list of float
        Thresholds of each column of X, as the smallest float64 that goes right.
    """
    gathered = Gatherer(n_columns)
    for estimator in estimators:
        gathered.add(_reader(estimator.tree_, features))
    trees, cuts = gathered.plain()
    return {"kind": "averaged trees", "trees": trees}, cuts


def _reader(tree: Any, features: Sequence[Feature]) -> Any:
    """Return a function from the number of a node to the node."""
    inner = np.flatnonzero(tree.children_left >= 0)
    tested = [features[feature] for feature in tree.feature[inner]]
    threshold = np.asarray(tree.threshold[inner], dtype=np.float64)
    cut = dict(zip(inner.tolist(), first_above(threshold, tested).tolist(), strict=True))
    feature_of = dict(zip(inner.tolist(), tested, strict=True))
    share = np.asarray(tree.value, dtype=np.float64)[:, 0, 1]

    def node_of(number: int) -> Node:
        cover = float(tree.weighted_n_node_samples[number])
        if number not in feature_of:
            return Node(float(share[number]), cover)
        feature, edge = feature_of[number], float(tree.threshold[number])
        test: float | frozenset[int] = cut[number]
        if feature.stated is None:
            missing_right = feature.fill >= cut[number]
        else:
            right = feature.stated > edge
            test, missing_right = frozenset(np.flatnonzero(right[:-1]).tolist()), bool(right[-1])
        left, above = int(tree.children_left[number]), int(tree.children_right[number])
        return Node(0.0, cover, feature.column, test, missing_right, left, above)

    return node_of


def first_above(threshold: FloatArray, features: Sequence[Feature]) -> FloatArray:
    """Return the smallest float64 that, standardised and rounded to float32, lies above each threshold.

    scikit-learn's trees read single precision. Subtracting, dividing by what is positive and
    rounding all keep the order, so that the values that go right begin at one number, which is
    found by halving the float64 numbers, all thresholds at once.

    Parameters
    ----------
    threshold : ndarray of shape (n,)
        Thresholds on the prepared column.
    features : sequence of Feature
        The column of each; 0 comes back where it is a category.

    Returns
    -------
    ndarray of float64
        ``float32((x − mean) / scale) <= threshold`` iff ``x < result``.

    Examples
    --------
    >>> first_above(np.array([0.5]), [Feature(0)]).tolist()
    [0.5000000298023225]
    """
    mean = np.array([feature.mean for feature in features])
    scale = np.array([feature.scale for feature in features])
    low = np.full(len(threshold), _key(np.array(-np.finfo(np.float64).max)))
    high = np.full(len(threshold), _key(np.array(np.finfo(np.float64).max)))
    with np.errstate(over="ignore"):
        for _ in range(65):
            # half-way without overflow
            middle = (low >> 1) + (high >> 1) + (low & high & 1)
            above: BoolArray = ((_number(middle) - mean) / scale).astype(np.float32) > threshold
            high = np.where(above, middle, high)
            low = np.where(above, low, np.minimum(middle + 1, high))
    number = np.array([feature.stated is None for feature in features], dtype=bool)
    return np.where(number, _number(high), 0.0)


def _key(values: Any) -> IntArray:
    """Return integers in the order of floats."""
    bits = np.asarray(values, dtype=np.float64).view(np.int64)
    return bits ^ ((bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))


def _number(keys: IntArray) -> FloatArray:
    """Return the floats of such integers; the map is its own inverse."""
    bits: IntArray = keys ^ ((keys >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))
    return bits.view(np.float64)
