"""Any classifier, with the decision whom to contact as what it predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from churnlib._sklearn import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, Tags, check_is_fitted, clone
from churnlib.classification._classifier import ChurnClassifier
from churnlib.classification._target import (
    as_table,
    binary_target,
    refuse_other_order,
    refuse_retained,
    refuse_text_labels,
)
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message, some
from churnlib.metrics import expected_profit

if TYPE_CHECKING:
    from churnlib._typing import Array, ArrayLike, FloatArray

__all__ = ["ProfitThresholdClassifier"]

_VALUED = "model.predict(X, clv=values), or keep the frame: the scaler inside, ProfitThresholdClassifier(pipeline, ...)"


class ProfitThresholdClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Predict whom to contact: those whose probability to churn exceeds their own threshold.

    It wraps any scikit-learn classifier with ``predict_proba`` and leaves its probabilities as they are. `predict`
    is 1 where a contact is expected to earn something, at ``t_i = (d + f) / (g (clv_i − d) + d)`` for each
    customer, and nobody's where even a certain churner would not repay it. The rule is the best there is if
    the probabilities are calibrated: a re-weighted or resampled classifier contacts too many.

    It is fitted without any economics: with another offer (``set_params(offer=...)``) the same fitted classifier
    decides anew.

    Parameters
    ----------
    estimator : classifier, default=None
        Any classifier with ``predict_proba``; a clone of it is fitted. None is `ChurnClassifier`. To keep one
        that is fitted already, wrap it in `sklearn.frozen.FrozenEstimator`.
    offer : RetentionOffer
        What a contact earns and costs. Values by customer come from a Series by customer, from a column of X,
        or with the argument `clv`. A column that the classifier was fitted without is read by the offer alone.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone.
    classes_ : ndarray of shape (2,)
        Labels; the second is churn.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray
        Names of the columns, when they are text.

    See Also
    --------
    ChurnClassifier.contact : The same decision, with reasons and a contact list.
    churnlib.model_selection.ProfitScorer : Chooses parameters by what they earn.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from churnlib.economics import RetentionOffer
    >>> X = pd.DataFrame({"complaints": [0, 1, 2, 3] * 10, "margin": [40.0, 400.0] * 20})
    >>> y = [0, 0, 1, 1] * 10
    >>> offer = RetentionOffer(accept_rate=0.3, clv="margin", offer_cost=10, contact_cost=1)
    >>> model = ProfitThresholdClassifier(LogisticRegression(), offer=offer).fit(X[["complaints"]], y)
    >>> model.predict(X.iloc[:4]).tolist()
    [0, 1, 1, 1]
    >>> generous = RetentionOffer(accept_rate=0.3, clv="margin", offer_cost=30, contact_cost=2)
    >>> model.set_params(offer=generous).predict(X.iloc[:4]).tolist()  # nothing is fitted anew
    [0, 0, 0, 1]
    """

    def __init__(self, estimator: Any = None, *, offer: RetentionOffer) -> None:
        self.estimator = estimator
        self.offer = offer

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Self:
        """Fit the classifier; the offer plays no part in it.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Features. All columns are the classifier's, the one that the offer's `clv` names too: leave it
            out here if it shall be read by the offer alone.
        y : array-like of shape (n_rows,)
            1 = churn, 0 = not.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row, for classifiers that take it.
        **params
            What else the classifier's ``fit`` takes; with metadata routing, what it requests.

        Returns
        -------
        ProfitThresholdClassifier
            Itself.

        Raises
        ------
        DataError
            If labels are missing, not of two classes, in another order than X, say who was retained, or are others
            than those a frozen classifier knows.
        ParameterError
            If the classifier states no probabilities.
        ParameterTypeError
            If `offer` is no RetentionOffer.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> model = ProfitThresholdClassifier(DummyClassifier(), offer=offer).fit([[1], [2], [3], [4]], [0, 0, 0, 1])
        >>> model.predict([[5]]).tolist()  # 0.25 exceeds 0.164
        [1]
        """
        self._checked_offer()
        template = self._template()
        labels, _ = binary_target(y)
        _refuse_misread(X, y)
        self.estimator_ = clone(template).fit(X, y, **self._fit_params(sample_weight, params))
        self.classes_ = np.asarray(self.estimator_.classes_)
        if len(self.classes_) != 2:
            raise DataError(
                message(
                    f"{type(template).__name__} knows the classes {self.classes_.tolist()}",
                    "two classes, of which the second is churn",
                    "a classifier fitted on y = (label == 'churned').astype('int8')",
                )
            )
        if not np.array_equal(self.classes_, labels):
            raise DataError(
                message(
                    f"{type(template).__name__} knows the classes {self.classes_.tolist()}, and y holds "
                    f"{labels.tolist()}",
                    "the classifier's own labels",
                    "y in the labels that the frozen classifier was fitted on",
                )
            )
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
            elif hasattr(self, name):  # of an earlier fit
                delattr(self, name)
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the classifier's own probabilities.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit, and the column of the offer's `clv`, if it names one.

        Returns
        -------
        ndarray of shape (n_rows, 2)
            Column 1 is the probability to churn.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> ProfitThresholdClassifier(DummyClassifier(), offer=offer).fit([[1], [2]], [0, 1]).predict_proba([[3]])
        array([[0.5, 0.5]])
        """
        check_is_fitted(self)
        stated: FloatArray = self.estimator_.predict_proba(self._checked_offer()._features_of(_rows(X), self))
        return stated

    def predict(self, X: Any, clv: ArrayLike | None = None) -> Array:
        """Decide whom to contact.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit, and the column of the offer's `clv`, if it names one.
        clv : array-like of shape (n_rows,), default=None
            The value of each row's customer in the order of the rows, instead of the offer's own; by metadata
            routing with ``set_predict_request(clv=True)``.

        Returns
        -------
        ndarray of shape (n_rows,)
            1 = contact, 0 = leave alone; in the labels of the fit.

        Raises
        ------
        DataError
            If rows have no value, probabilities are none, or the labels of the fit were text.
        SchemaError
            If the column of values is missing, or the index does not name customers.
        ParameterTypeError
            If values go by customer and `X` is a bare array.

        Warns
        -----
        AssumptionWarning
            If the offer can never pay: then nobody is contacted.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> model = ProfitThresholdClassifier(DummyClassifier(), offer=offer).fit([[1], [2]], [0, 1])
        >>> model.predict([[3], [3]], clv=[20, 2000]).tolist()
        [0, 1]
        """
        probability, of = self._asked(X, clv)
        contacted = np.asarray(self.offer.contacts(probability, of))
        labels: Array = self.classes_[contacted.astype(np.intp)]
        return labels

    def threshold(self, X: Any, clv: ArrayLike | None = None) -> Any:
        """Return the probability above which a contact pays, customer by customer.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            The rows to value.
        clv : array-like of shape (n_rows,), default=None
            As in `predict`.

        Returns
        -------
        Series or ndarray of shape (n_rows,)
            In [0, 1), or +inf where no contact pays; a Series named "threshold" for a frame.

        Examples
        --------
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> ProfitThresholdClassifier(offer=offer).threshold([[1], [2]], clv=[200, 12]).round(3).tolist()
        [0.164, inf]
        """
        rows = _rows(X)
        value = self._checked_offer()._values_of(rows, clv, fix=_VALUED)
        return _labelled(self.offer.threshold(value), rows, "threshold")

    def expected_gain(self, X: Any, clv: ArrayLike | None = None) -> Any:
        """Return what contacting each customer is expected to earn, net of the offer's costs.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            As in `predict`.
        clv : array-like of shape (n_rows,), default=None
            As in `predict`.

        Returns
        -------
        Series or ndarray of shape (n_rows,)
            Money; positive exactly where `predict` contacts. A Series named "expected_gain" for a frame.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> model = ProfitThresholdClassifier(DummyClassifier(), offer=offer).fit([[1], [2]], [0, 1])
        >>> model.expected_gain([[3]]).tolist()
        [22.5]
        """
        probability, _ = self._asked(X, clv)
        rows = _rows(X)
        value = self.offer._values_of(rows, clv, fix=_VALUED)
        return _labelled(self.offer.expected_gain(probability, value), rows, "expected_gain")

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None, clv: ArrayLike | None = None) -> float:
        """Return what the decisions bring per customer, not how often they equal the labels.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            As in `predict`.
        y : array-like of shape (n_rows,)
            What came of the rows, in the labels of the fit.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row.
        clv : array-like of shape (n_rows,), default=None
            As in `predict`.

        Returns
        -------
        float
            Money per row, `churnlib.metrics.expected_profit`; higher is better.

        Raises
        ------
        DataError
            If labels are missing, none of the fit's, in another order than X, or say who was retained.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> model = ProfitThresholdClassifier(DummyClassifier(), offer=offer).fit([[1], [2]], [0, 1])
        >>> model.score([[1], [2]], [0, 1])  # (56 - 11) / 2
        22.5
        """
        probability, _ = self._asked(X, clv)
        value = self.offer._values_of(_rows(X), clv, fix=_VALUED)
        contacted = self.offer._decide(probability, value)[0]  # that it never pays, the metric says
        _refuse_misread(X, y)
        churned = _churned(y, self.classes_)
        return expected_profit(churned, contacted, offer=self.offer, clv=value, sample_weight=sample_weight)

    def get_metadata_routing(self) -> Any:
        """Return what the classifier and the decision ask for; see scikit-learn's metadata routing.

        Returns
        -------
        MetadataRouter
            Read by scikit-learn.

        Examples
        --------
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> type(ProfitThresholdClassifier(offer=offer).get_metadata_routing()).__name__
        'MetadataRouter'
        """
        from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self._template(), method_mapping=MethodMapping().add(caller="fit", callee="fit"))

    def _asked(self, X: Any, clv: ArrayLike | None) -> tuple[FloatArray, Any]:
        """Return the probabilities of the rows, and what the offer shall value: a frame, or numbers."""
        check_is_fitted(self)
        offer = self._checked_offer()
        refuse_text_labels(self.classes_)
        rows = _rows(X)
        of = rows if clv is None and isinstance(rows, pd.DataFrame) else offer._values_of(rows, clv, fix=_VALUED)
        return self.predict_proba(rows)[:, 1], of

    def _checked_offer(self) -> RetentionOffer:
        if not isinstance(self.offer, RetentionOffer):
            raise ParameterTypeError(
                message(
                    f"offer is a {type(self.offer).__name__}",
                    "a RetentionOffer says what a contact earns and costs",
                    "offer=RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)",
                )
            )
        return self.offer

    def _template(self) -> Any:
        if self.estimator is None:
            return ChurnClassifier()
        if not hasattr(self.estimator, "predict_proba"):
            name = type(self.estimator).__name__
            raise ParameterError(
                message(
                    f"{name} states no probabilities",
                    "a decision compares a probability with a threshold",
                    f"ProfitThresholdClassifier(ChurnClassifier({name}()), offer=offer), "
                    f"or CalibratedClassifierCV({name}())",
                )
            )
        return self.estimator

    def _fit_params(self, sample_weight: Any, params: dict[str, Any]) -> dict[str, Any]:
        from sklearn import get_config
        from sklearn.utils.metadata_routing import process_routing

        if get_config()["enable_metadata_routing"]:
            routed: dict[str, Any] = process_routing(self, "fit", sample_weight=sample_weight, **params).estimator.fit
            return routed
        return params if sample_weight is None else params | {"sample_weight": sample_weight}

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import get_tags

        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        inner = get_tags(ChurnClassifier() if self.estimator is None else self.estimator).input_tags
        tags.input_tags.sparse, tags.input_tags.allow_nan = inner.sparse, inner.allow_nan
        return tags


def _refuse_misread(X: Any, y: Any) -> None:
    """Refuse labels that say who stayed, or that belong to other rows."""
    refuse_retained(y)
    if isinstance(X, pd.DataFrame):
        refuse_other_order(X, y)


def _churned(y: Any, classes: Array) -> Array:
    """Return which labels are the second of the fit; a label that is neither is no stayer."""
    labels = np.asarray(y)
    if labels.dtype == object:
        labels = np.where(pd.isna(labels), np.nan, labels)
    unknown = ~np.isin(labels, classes)
    if unknown.any():
        raise DataError(
            message(
                f"{int(unknown.sum()):,} of {labels.size:,} labels are missing or unknown to the model "
                f"({some(pd.unique(labels[unknown]).tolist())})",
                f"the labels of the fit, {some(classes.tolist())}",
                "model.score(data.X, data.y)",
            )
        )
    churned: Array = labels == classes[1]
    return churned


def _rows(X: Any) -> Any:
    """Return a frame of any library as one of pandas, and anything else as it is."""
    table = as_table(X)
    return X if table is None else table


def _labelled(values: FloatArray, rows: Any, name: str) -> Any:
    return pd.Series(values, index=rows.index, name=name) if isinstance(rows, pd.DataFrame) else values
