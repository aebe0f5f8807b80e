"""Models of lifetime value as columns for a classifier, fitted inside its pipeline."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from churnlib._sklearn import (
    BaseEstimator,
    HasMethods,
    Interval,
    Tags,
    TransformerMixin,
    check_is_fitted,
    clone,
    fit_context,
)
from churnlib._typing import Array, FloatArray
from churnlib.clv._histories import check_weight, read_features
from churnlib.clv._mbgnbd import MBGNBD
from churnlib.clv._purchase_model import PurchaseModel
from churnlib.clv._value import CustomerLifetimeValue
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message

__all__ = ["CLVFeatures"]


class CLVFeatures(TransformerMixin, BaseEstimator):
    """What a model of purchases expects of each customer, as features.

    The model is fitted on the rows that `fit` is given and on nothing else. Inside a
    pipeline under cross-validation these are the rows of the training folds, so that
    no customer of a test fold has had a part in the parameters; columns computed
    beforehand, with a model fitted on all customers, would have let them.

    The columns of X must know nothing of the time that is to be predicted: sum up the
    purchases before the cutoff.

    Parameters
    ----------
    model : estimator, default=None
        A model of purchases such as `ParetoNBD`, or a `CustomerLifetimeValue`; None takes
        `MBGNBD`, in which those who bought once may have left. It is copied, never changed.
    t : float, default=None
        How far to look, in the unit of T; None takes the horizon of the model.

    Attributes
    ----------
    model_ : estimator
        The fitted copy.
    t_ : float
        How far it looks.
    n_left_out_ : float
        Rows (or the sum of their weights) with T = 0, which were left out of the fit and
        are transformed as newcomers.

    Examples
    --------
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> truth = MBGNBD.from_params({"r": 0.5, "alpha": 9.0, "a": 0.8, "b": 2.4})
    >>> X = truth.simulate(T=52, n_customers=500, random_state=0)
    >>> columns = CLVFeatures(MBGNBD(), t=30).fit(X)
    >>> columns.get_feature_names_out()
    array(['expected_purchases', 'p_alive', 'p_no_purchase'], dtype=object)
    >>> columns.set_output(transform="pandas").transform(X.head(2)).columns.tolist()
    ['expected_purchases', 'p_alive', 'p_no_purchase']

    In front of a classifier, beside columns of another kind:

    >>> X["complaints"] = np.arange(len(X)) % 3
    >>> y = X["recency"] < 20
    >>> front = make_column_transformer(
    ...     (CLVFeatures(t=30), ["frequency", "recency", "T"]), (StandardScaler(), ["complaints"])
    ... )
    >>> make_pipeline(front, LogisticRegression()).fit(X, y).score(X, y) > 0.5
    True
    """

    model_: PurchaseModel | CustomerLifetimeValue
    t_: float
    n_left_out_: float

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "model": [HasMethods(["fit", "predict"]), None],
        "t": [Interval(Real, 0, None, closed="left"), None],
    }

    def __init__(self, model: Any = None, *, t: float | None = None) -> None:
        self.model = model
        self.t = t

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:  # noqa: ARG002
        """Fit a copy of the model on the rows of X.

        Parameters
        ----------
        X : frame or array
            The columns that the model takes, as in its own `fit`.
        y : None
            Not used: the labels have no part in the features.
        sample_weight : array of shape (n_customers,), default=None
            How many customers each row stands for.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If neither `t` nor a finite horizon of the model says how far to look.
        ParameterTypeError
            If the model is of another kind.
        """
        model = MBGNBD() if self.model is None else clone(self.model)
        if not isinstance(model, PurchaseModel | CustomerLifetimeValue):
            raise ParameterTypeError(
                message(
                    f"model is a {type(model).__name__}",
                    "a model of purchases with recency and T, or a CustomerLifetimeValue, was expected",
                    "CLVFeatures(MBGNBD(), t=30)",
                )
            )
        self.t_ = self._look_ahead(model)
        if isinstance(model, CustomerLifetimeValue):
            model._set_models()
            names = model._names()
        else:
            names = ["frequency", "recency", "T", *model._covariates()]
        table = self._table(X, names, reset=True)
        weight = check_weight(sample_weight, len(table))
        seen = ~(table["T"].to_numpy() == 0)
        if not seen.any():
            raise DataError(
                message(
                    f"column 'T' is 0 in all {len(table)} rows (first: row 0)",
                    "customers must have been observed for some time",
                    "rfm_summary(orders, cutoff=<a later date>)",
                )
            )
        self.n_left_out_ = float((~seen).sum() if weight is None else weight[~seen].sum())
        self.model_ = model.fit(table[seen], sample_weight=None if weight is None else weight[seen])
        return self

    def transform(self, X: Any) -> FloatArray:
        """Return what the model expects of each customer.

        Parameters
        ----------
        X : frame or array
            The same columns as in `fit`, of any customers.

        Returns
        -------
        ndarray of shape (n_customers, 3 or 4)
            ``expected_purchases`` within t, ``p_alive`` now, ``p_no_purchase`` within t;
            of a `CustomerLifetimeValue` also ``value``, over its own horizon. A frame
            where `set_output` asks for one.
        """
        check_is_fitted(self, "model_")
        table = self._table(X, list(self._names), reset=False)
        model = self.model_
        purchases = model.transactions_ if isinstance(model, CustomerLifetimeValue) else model
        columns = [
            purchases.predict(table, self.t_),
            purchases.predict_alive_probability(table),
            purchases.predict_no_purchase_probability(table, self.t_),
        ]
        if isinstance(model, CustomerLifetimeValue):
            columns.append(np.asarray(model.predict(table)))
        return np.column_stack(columns)

    def get_feature_names_out(self, input_features: Any = None) -> Array:  # noqa: ARG002
        """Return the names of the columns.

        Parameters
        ----------
        input_features : None
            Not used: the names do not depend on those of the input.

        Returns
        -------
        ndarray of str
            Three names, or four with ``value``.
        """
        check_is_fitted(self, "model_")
        names = ["expected_purchases", "p_alive", "p_no_purchase"]
        return np.array([*names, "value"] if isinstance(self.model_, CustomerLifetimeValue) else names, dtype=object)

    def _look_ahead(self, model: PurchaseModel | CustomerLifetimeValue) -> float:
        if self.t is not None:
            return float(self.t)
        horizon = model._units(model.horizon) if isinstance(model, CustomerLifetimeValue) else model.horizon
        if horizon is None or np.isinf(horizon):
            raise ParameterError(
                message(
                    f"neither t nor a finite horizon of {type(model).__name__} is given",
                    "a length of time in the unit of T",
                    "CLVFeatures(model, t=30)",
                )
            )
        return float(horizon)

    def _table(self, X: Any, names: list[str], *, reset: bool) -> pd.DataFrame:
        columns, index = read_features(self, X, names, reset=reset)
        self._names = tuple(names)
        return pd.DataFrame(dict(zip(names, columns, strict=True)), index=index)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.positive_only = True
        return tags
