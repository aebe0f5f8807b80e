"""The models used where none is named: boosted trees for outcomes and chances, a forest for effects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import pandas as pd

from churnlib._sklearn import BaseEstimator
from churnlib._typing import Array, ArrayLike, FloatArray
from churnlib.exceptions import DataError, message

__all__ = ["BoostedOutcome", "BoostedPropensity", "EffectForest"]

_BINS = 64
"""Split points of a column that are tried: more cost time, and effects are too noisy to tell them apart."""


_SIZES = {"boosted": 60, "forest": 100}
"""How many trees: of boosting in small steps, and side by side."""


class _Trees(BaseEstimator, ABC):
    """Trees of xgboost that take missing values and categories, and whose size follows the number of rows."""

    def __init__(self, *, random_state: int = 0) -> None:
        self.random_state = random_state

    @abstractmethod
    def _settings(self, n_rows: int) -> dict[str, Any]:
        """Return how many trees there are, how deep, and how large their leaves."""

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Grow the trees."""
        from xgboost import XGBRegressor

        values = np.asarray(y, dtype=np.float64)
        self._learn_categories(X)
        self.range_ = float(values.min()), float(values.max())
        model = XGBRegressor(**self._common(), **self._settings(len(values)))
        self.model_ = model.fit(self._read(X), values, sample_weight=sample_weight)
        return self

    def predict(self, X: Any) -> FloatArray:
        """Return the mean that is expected in each row, never outside the numbers seen."""
        found: FloatArray = np.clip(self.model_.predict(self._read(X)).astype(np.float64), *self.range_)
        return found

    def _common(self) -> dict[str, Any]:
        # one thread: sums of several differ in their last bits
        return {"tree_method": "hist", "max_bin": _BINS, "n_jobs": 1, "random_state": self.random_state}

    def _learn_categories(self, X: Any) -> None:
        """Remember the categories of columns of texts: a slice or a later frame may number them otherwise."""
        self.categories_: dict[Any, pd.Index[Any]] = {}
        if isinstance(X, pd.DataFrame):
            for name in X.columns:
                if X[name].dtype.kind in "mM":
                    raise DataError(
                        message(
                            f"column {name!r} holds {X[name].dtype}",
                            "numbers or texts: a date says nothing of a customer, the time since it may",
                            f"X[{name!r}] = (cutoff - X[{name!r}]).dt.days",
                        )
                    )
                if not pd.api.types.is_numeric_dtype(X[name].dtype):
                    self.categories_[name] = pd.Index(sorted(X[name].dropna().astype(object).unique(), key=str))

    def _read(self, X: Any) -> Any:
        if not isinstance(X, pd.DataFrame):
            return X
        if not self.categories_:
            return X.to_numpy(dtype=np.float32, na_value=np.nan)
        frame = X.copy(deep=False)
        for name, found in self.categories_.items():
            # a category that was not seen in the fit is -1, which is missing
            frame[name] = pd.Categorical.from_codes(found.get_indexer(X[name].astype(object)), categories=found)
        return frame


class BoostedOutcome(_Trees):
    """The outcome expected of a row: many small trees, each a small step."""

    def _settings(self, n_rows: int) -> dict[str, Any]:
        return {
            "n_estimators": _SIZES["boosted"],
            "max_depth": 3,
            "learning_rate": 0.1,
            "min_child_weight": max(np.sqrt(n_rows) / 3, 2.0),
            "reg_lambda": 1.0,
            "enable_categorical": True,
        }


class EffectForest(_Trees):
    """The effect expected of a row: a forest on scores that are far noisier than effects are large.

    Boosting follows that noise: of 100,000 rows with a known effect boosted trees of the same scores
    are further from it than a constant is, and a forest is twice as near.
    """

    def _settings(self, n_rows: int) -> dict[str, Any]:
        return {
            "n_estimators": 1,
            "num_parallel_tree": _SIZES["forest"],
            "learning_rate": 1.0,
            "subsample": 0.3,
            "colsample_bynode": 0.5,
            "max_depth": 7,
            # leaves grow with the sample, and so does their number
            "min_child_weight": 3.0 * n_rows ** (1 / 3),
            "reg_lambda": 0.0,
            "enable_categorical": True,
        }


class BoostedPropensity(_Trees):
    """The chance of each arm: boosted trees that state probabilities."""

    def _settings(self, n_rows: int) -> dict[str, Any]:  # noqa: ARG002 - leaves are as small in any sample
        return {
            "n_estimators": _SIZES["boosted"],
            "max_depth": 3,
            "learning_rate": 0.1,
            "min_child_weight": 5.0,
            "enable_categorical": True,
        }

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Grow the trees."""
        from xgboost import XGBClassifier

        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        self._learn_categories(X)
        model = XGBClassifier(**self._common(), **self._settings(len(codes)))
        self.model_ = model.fit(self._read(X), codes, sample_weight=sample_weight)
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the chance of each arm, in the order of ``classes_``."""
        found: FloatArray = self.model_.predict_proba(self._read(X)).astype(np.float64)
        return found

    def predict(self, X: Any) -> Array:
        """Return the likeliest arm."""
        likeliest: Array = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return likeliest
