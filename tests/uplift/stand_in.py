"""Learners that take any numbers: scikit-learn's checks know no treatment.

Each stand-in deals rows into arms by a digit of their first feature, so that equal rows are in the same arm, and
turns any y into numbers. In everything else it is the learner, with few trees and few models.
"""

from __future__ import annotations

import warnings
from typing import Any
from unittest import mock

import numpy as np
from sklearn.utils import check_array, column_or_1d

from churnlib.exceptions import AssumptionWarning, ChurnlibError
from churnlib.uplift import TLearner
from churnlib.uplift._rows import read_features

__all__ = ["accepting_no_treatment"]

SMALL = {"boosted": 4, "forest": 4}


def arms(X: Any) -> np.ndarray:
    """An arm for each row of any numbers."""
    values = np.nan_to_num(np.asarray(X, dtype=float))
    return (np.floor(np.abs(values[:, 0]) * 7919) % 2).astype(int)


def outcome(y: Any) -> np.ndarray:
    """Numbers out of any y."""
    values = check_array(column_or_1d(y, warn=True), ensure_2d=False, input_name="y", dtype=None)
    return values if values.dtype.kind in "biuf" else np.unique(values, return_inverse=True)[1]


def accepting_no_treatment(cls: type[Any], where: dict[str, Any]) -> type[Any]:
    """Return a subclass that needs no treatment, under a name that pickle finds in a module's globals."""

    def fit(self, X, y, sample_weight=None):
        features = read_features(self, X, reset=True)
        if y is None:
            return cls.fit(self, X, y)
        few_trees = mock.patch.dict("churnlib.uplift._trees._SIZES", SMALL)
        few_models = mock.patch("churnlib.uplift._isotonic.DRLearner", TLearner)
        with warnings.catch_warnings(), few_trees, few_models:
            warnings.simplefilter("ignore", AssumptionWarning)
            try:
                return cls.fit(
                    self, X, outcome(y), treatment=arms(features), propensity=0.5, sample_weight=sample_weight
                )
            except ChurnlibError as error:
                if len(features) > 1:
                    raise
                raise ValueError("1 sample, of which this cannot be learned") from error

    def score(self, X, y, sample_weight=None):
        found = arms(read_features(self, X, reset=False))
        return cls.score(self, X, outcome(y), treatment=found, propensity=0.5, sample_weight=sample_weight)

    name = f"AnyRows{cls.__name__}"
    methods = {"fit": fit, "score": score, "__doc__": cls.__doc__, "__module__": where["__name__"]}
    where[name] = type(name, (cls,), methods)
    return where[name]
