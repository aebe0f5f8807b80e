"""A model inside a learner, fitted: the mean that it expects, whatever kind of model it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._sklearn import clone
from churnlib._typing import Array, FloatArray
from churnlib.exceptions import ParameterTypeError, message

__all__ = ["FittedModel", "fit_classes", "fit_mean", "rows_of", "seeded"]


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A fitted model and the way it is asked; a constant where the rows it was fitted to showed one value only."""

    model: Any
    probability: bool
    constant: float = 0.0

    def predict(self, X: Any) -> FloatArray:
        """Return the mean expected of each row."""
        if self.model is None:
            return np.full(n_rows_of(X), self.constant)
        if self.probability:
            classes = np.asarray(self.model.classes_)
            chances = np.asarray(self.model.predict_proba(X), dtype=np.float64)
            found: FloatArray = chances[:, int(np.flatnonzero(classes == 1)[0])]
            return found
        return np.asarray(self.model.predict(X), dtype=np.float64).reshape(n_rows_of(X))


def fit_mean(model: Any, X: Any, y: FloatArray, weight: FloatArray | None, *, name: str) -> FittedModel:
    """Fit a clone to the mean of y given X; classifiers learn 0 and 1 and are asked for their probability."""
    from sklearn.base import is_classifier

    kept = None if weight is None else weight > 0
    if kept is not None and weight is not None and not kept.all():
        X, y, weight = rows_of(X, np.flatnonzero(kept)), y[kept], weight[kept]
    classifies = is_classifier(model)
    if classifies and not hasattr(model, "predict_proba"):
        raise ParameterTypeError(
            message(
                f"{name} is a {type(model).__name__}, which states no probabilities",
                "the chance of an outcome is needed",
                f"{name}=CalibratedClassifierCV({type(model).__name__}())",
            )
        )
    if classifies and not np.isin(y, (0.0, 1.0)).all():
        raise ParameterTypeError(
            message(
                f"{name} is a {type(model).__name__}, a classifier, and what it shall learn is not only 0 and 1",
                "a classifier for customers who stayed or left, a regressor for amounts and effects",
                f"{name}=HistGradientBoostingRegressor()",
            )
        )
    if len(y) and (y == y[0]).all():
        return FittedModel(None, probability=False, constant=float(y[0]))
    fitted = _fit(model, X, y.astype(np.int64) if classifies else y, weight, name=name)
    return FittedModel(fitted, probability=classifies)


def fit_classes(model: Any, X: Any, codes: Array, weight: FloatArray | None, *, name: str) -> Any:
    """Fit a clone to the arms, so that it states the chance of each."""
    if not hasattr(model, "predict_proba"):
        raise ParameterTypeError(
            message(
                f"{name} is a {type(model).__name__}, which states no probabilities",
                "the chance of each arm is needed",
                f"{name}=LogisticRegression()",
            )
        )
    return _fit(model, X, codes, weight, name=name)


def _fit(model: Any, X: Any, y: Array, weight: FloatArray | None, *, name: str) -> Any:
    fitted = clone(model)
    if weight is None or (weight == weight[0]).all():
        return fitted.fit(X, y)
    key = _weight_key(fitted)
    if key is None:
        raise ParameterTypeError(
            message(
                f"{name} is a {type(model).__name__}, whose fit takes no sample_weight",
                "rows weigh differently, by sample_weight or in the loss of the learner",
                f"{name}=HistGradientBoostingRegressor(), or another model that takes weights",
            )
        )
    from sklearn import config_context

    with config_context(enable_metadata_routing=False):  # the weights are ours, and not asked for by the user
        return fitted.fit(X, y, **{key: weight})


def _weight_key(model: Any) -> str | None:
    """Return the name under which a model, or the last step of a pipeline, takes weights."""
    from sklearn.utils.validation import has_fit_parameter

    steps = getattr(model, "steps", None)
    if isinstance(steps, list) and steps:
        name, last = steps[-1]
        inner = None if isinstance(last, str) else _weight_key(last)
        return None if inner is None else f"{name}__{inner}"
    return "sample_weight" if has_fit_parameter(model, "sample_weight") else None


def rows_of(X: Any, rows: Array) -> Any:
    """Return some rows of an array or frame, in the order asked for."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def n_rows_of(X: Any) -> int:
    """Return the number of rows."""
    return int(X.shape[0])


def seeded(default: Callable[..., Any], given: Any, random_state: int) -> Any:
    """Return the model that was given, else the default one with a seed."""
    return default(random_state=random_state) if given is None else given
