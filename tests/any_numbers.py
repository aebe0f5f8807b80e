"""Models that take any numbers: scikit-learn's checks draw rows and targets that no customer could have.

Of the models of lifetime value each stand-in turns a row of any positive numbers into a history that can
be, row by row; of the models of time to churn it turns any y into a survival target; for the learners of uplift
it finds a treatment in X. In everything else it is the model. So the checks reach what they are about: names,
clones, weights, the order of rows, the number of features.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, column_or_1d

from churnlib._sklearn import check_is_fitted, validate_data
from churnlib.clv import (
    BGBB,
    BGNBD,
    MBGNBD,
    BetaDiscreteWeibull,
    CLVFeatures,
    CustomerLifetimeValue,
    GammaGamma,
    ParetoNBD,
    ShiftedBetaGeometric,
)
from churnlib.clv._purchase_model import PurchaseModel
from churnlib.exceptions import AssumptionWarning, ChurnlibError
from churnlib.survival import HorizonClassifier, LifelinesModel
from churnlib.survival._hazard_model import HazardModel
from churnlib.targets import survival_target
from churnlib.testing import all_estimators
from churnlib.uplift._learner import UpliftLearner
from tests.uplift.stand_in import accepting_no_treatment

AHEAD = 3


def _digits(X: np.ndarray, column: int, base: int) -> np.ndarray:
    """Take a whole number below `base` from each row."""
    return np.floor(np.abs(X[:, column % X.shape[1]]) * 7919) % base


def histories(X: np.ndarray) -> pd.DataFrame:
    """Frequency, recency and T that can be; T is whole, for those who count opportunities."""
    T = 8.0 + _digits(X, 1, 5)
    frequency = _digits(X, 0, 5)
    recency = np.where(frequency > 0, np.minimum(frequency + _digits(X, 2, 6), T), 0.0)
    return pd.DataFrame({"frequency": frequency, "recency": recency, "T": T})


def spends(X: np.ndarray) -> pd.DataFrame:
    """Histories with a mean spend."""
    return histories(X).assign(monetary_value=5.0 + _digits(X, 3, 90))


def contracts(X: np.ndarray) -> pd.DataFrame:
    """Contracts of one to nine periods, two of three cancelled."""
    return pd.DataFrame({"duration": 1 + _digits(X, 0, 9), "event": _digits(X, 1, 3) > 0})


def _read(model: Any, X: Any, rows: Callable[[np.ndarray], pd.DataFrame], *, reset: bool) -> pd.DataFrame:
    values = validate_data(model, X, reset=reset, dtype=float)
    if values.min() < 0:
        raise ValueError("Negative values in data")
    return rows(values)


def accepting_any_numbers(cls: type[Any], rows: Callable[[np.ndarray], pd.DataFrame]) -> type[Any]:
    """Return a subclass whose methods take any positive numbers."""

    def fit(self, X, y=None, sample_weight=None):
        frame = _read(self, X, rows, reset=True)
        seen = {name: value for name, value in vars(self).items() if name in {"n_features_in_", "feature_names_in_"}}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AssumptionWarning)
            warnings.simplefilter("ignore", ConvergenceWarning)
            cls.fit(self, frame, sample_weight=sample_weight)
        vars(self).pop("feature_names_in_", None)
        vars(self).update(seen)
        return self

    def reading(name: str, **options: Any) -> Callable[..., Any]:
        def method(self, X, y=None):
            check_is_fitted(self)
            return getattr(cls, name)(self, _read(self, X, rows, reset=False), **options)

        return method

    ahead = {"t": AHEAD} if issubclass(cls, PurchaseModel) else {}
    known = {"predict": ahead, "score": {}, "transform": {}}
    methods = {name: reading(name, **options) for name, options in known.items() if hasattr(cls, name)}
    # Under a name of this module, so that pickle finds it.
    name = f"AnyNumbers{cls.__name__}"
    globals()[name] = type(name, (cls,), {"__doc__": cls.__doc__, "__module__": __name__, "fit": fit, **methods})
    return globals()[name]


def survival(y: Any) -> np.ndarray:
    """A survival target out of any numbers: equal numbers, equal fates; nearly all of them leave."""
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None")
    values = check_array(column_or_1d(y, warn=True), ensure_2d=False, input_name="y", dtype=None)
    if values.dtype.kind not in "biuf":
        values = np.unique(values, return_inverse=True)[1]
    digits = np.floor(np.abs(values) * 7919)
    return survival_target(digits % 5 != 1, 10 + 10 * (digits % 9))


def accepting_any_target(cls: type[Any]) -> type[Any]:
    """Return a subclass that learns from any y, with few trees."""

    def fit(self, X, y, sample_weight=None):
        if isinstance(self, HazardModel):  # what is wrong with X is said first
            self._read(X, reset=True)
        target = survival(y)
        with warnings.catch_warnings(), mock.patch.dict("churnlib.survival._xgboost._DEFAULTS", n_estimators=3):
            warnings.simplefilter("ignore", AssumptionWarning)
            warnings.simplefilter("ignore", ConvergenceWarning)
            if cls is LifelinesModel:  # lifelines tells a lot about random numbers
                warnings.simplefilter("ignore")
            try:
                return cls.fit(self, X, target, sample_weight=sample_weight)
            except ChurnlibError as error:
                if len(target) > 1:
                    raise
                raise ValueError("1 sample, of which this cannot be learned") from error

    def score(self, X, y, sample_weight=None):
        return cls.score(self, X, survival(y), sample_weight=sample_weight)

    def tags(self):
        found = cls.__sklearn_tags__(self)
        found.estimator_type = found.classifier_tags = None  # its classes are not those of y
        return found

    name = f"AnyTarget{cls.__name__}"
    methods = {"fit": fit, "score": score, "__sklearn_tags__": tags}
    globals()[name] = type(name, (cls,), {"__doc__": cls.__doc__, "__module__": __name__, **methods})
    return globals()[name]


class _Features(CLVFeatures):
    __doc__ = CLVFeatures.__doc__

    def _look_ahead(self, model):
        return AHEAD


STAND_INS: dict[str, type[Any]] = {
    **{model.__name__: accepting_any_numbers(model, histories) for model in (BGNBD, MBGNBD, ParetoNBD, BGBB)},
    **{
        model.__name__: accepting_any_numbers(model, contracts) for model in (ShiftedBetaGeometric, BetaDiscreteWeibull)
    },
    "GammaGamma": accepting_any_numbers(GammaGamma, spends),
    "CustomerLifetimeValue": accepting_any_numbers(CustomerLifetimeValue, spends),
    "CLVFeatures": accepting_any_numbers(_Features, histories),
    **{
        name: accepting_any_target(cls)
        for name, cls in all_estimators()
        if issubclass(cls, HazardModel | HorizonClassifier)
    },
    # ---- learners of uplift: rows are dealt into arms
    **{
        name: accepting_no_treatment(cls, globals()) for name, cls in all_estimators() if issubclass(cls, UpliftLearner)
    },
}
