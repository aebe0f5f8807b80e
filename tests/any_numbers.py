"""Models of lifetime value that take any numbers: scikit-learn's checks draw rows that no customer could have.

Each stand-in turns a row of any positive numbers into a history that can be, row by row, and is
the model in everything else. So the checks reach what they are about: names, clones, weights,
the order of rows, the number of features.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

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
from churnlib.exceptions import AssumptionWarning

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
}
