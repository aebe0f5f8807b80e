"""Scorers for cross-validation that know what a contact earns and costs."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from churnlib._checks import check_choice
from churnlib._sklearn import BaseEstimator
from churnlib._typing import Array, ArrayLike, FloatArray
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, ParameterTypeError, message
from churnlib.metrics import empb_score, empc_score, expected_profit, savings_score

__all__ = ["ProfitScorer"]

Metric: TypeAlias = Literal["expected_profit", "savings", "empc", "empb"]
_METRICS: tuple[Metric, ...] = ("expected_profit", "savings", "empc", "empb")
_ROUTED = "ProfitScorer(offer).set_score_request(clv=True), and params={'clv': values}"


class ProfitScorer(BaseEstimator):
    """A scorer for ``scoring=`` that measures what a model earns with an offer.

    It goes wherever scikit-learn takes a scorer: `cross_validate`, `GridSearchCV`,
    `permutation_importance`, inside or outside a pipeline. The value of each customer comes from the offer: one
    number, a column of X, or a Series aligned by the customer in the index of X, whichever rows a fold holds. For
    arrays without an index, pass ``clv`` by metadata routing: ``scorer.set_score_request(clv=True)``.

    Parameters
    ----------
    offer : RetentionOffer
        What a contact earns and costs.
    metric : {"expected_profit", "savings", "empc", "empb"}, default="expected_profit"
        "expected_profit" contacts each customer whose probability exceeds their own threshold, and counts what that
        brings per customer: nothing is chosen on the test rows. "savings" says the same as a share of the cost of
        churn. "empc" and "empb" measure the ranking, with the best list chosen on the test rows; they also serve
        models with a decision function only.

    Raises
    ------
    ParameterTypeError
        If `offer` is no RetentionOffer, or (when called) the model states no probabilities where they are needed.
    ParameterError
        If the metric is unknown.
    DataError
        If (when called) the model knows no class 1, or an outcome is neither 0 nor 1.

    Warns
    -----
    AssumptionWarning
        If the offer can never pay for any of the rows scored; the score is then 0.

    Notes
    -----
    Money depends on probabilities: with "expected_profit" a model that ranks well but states wrong
    probabilities is punished. Where a column of X holds the values and the model was fitted without it, the column
    is left out before predicting.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> index = pd.Index([f"c{i}" for i in range(60)], name="customer_id")
    >>> X = pd.DataFrame({"silence": np.arange(60.0)}, index=index)
    >>> y = (np.arange(60) % 3 == 0) | (np.arange(60) > 40)
    >>> value = pd.Series(100.0 + np.arange(60), index=index)
    >>> offer = RetentionOffer(accept_rate=0.3, clv=value, offer_cost=10, contact_cost=1)
    >>> scores = cross_val_score(LogisticRegression(), X, y, scoring=ProfitScorer(offer), cv=3)
    >>> scores.shape
    (3,)
    """

    def __init__(self, offer: RetentionOffer, *, metric: Metric = "expected_profit") -> None:
        self.offer = offer
        self.metric = metric

    def __call__(
        self,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        clv: ArrayLike | None = None,
    ) -> float:
        """Score a fitted model; scikit-learn calls this."""
        return self.score(estimator, X, y, sample_weight=sample_weight, clv=clv)

    def score(
        self,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        clv: ArrayLike | None = None,
    ) -> float:
        """Score a fitted model on rows.

        Parameters
        ----------
        estimator : classifier
            Fitted; its class 1 (or True) is the churner.
        X : array or DataFrame of shape (n_rows, n_features)
            The rows; their index names the customers where the offer's values go by customer.
        y : array-like of shape (n_rows,)
            1 for a churner, 0 for a stayer.
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.
        clv : array-like of shape (n_rows,), default=None
            The value of each row's customer, instead of the offer's own.

        Returns
        -------
        float
            Money per row, or a share for "savings"; higher is better.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> X, y = np.zeros((4, 1)), [1, 0, 0, 0]
        >>> ProfitScorer(offer).score(DummyClassifier().fit(X, y), X, y)
        5.75
        """
        metric = check_choice(self.metric, _METRICS, name="metric")
        if not isinstance(self.offer, RetentionOffer):
            raise ParameterTypeError(
                message(
                    f"offer is a {type(self.offer).__name__}",
                    "a RetentionOffer says what a contact earns and costs",
                    "ProfitScorer(RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1))",
                )
            )
        outcomes = np.asarray(y)
        seen = self.offer._features_of(X, estimator)
        if metric == "empc":
            return empc_score(outcomes, _scores(estimator, seen), offer=self.offer, sample_weight=sample_weight)
        value = self.offer._values_of(X, clv, fix=_ROUTED)
        if metric == "empb":
            return empb_score(
                outcomes, _scores(estimator, seen), offer=self.offer, clv=value, sample_weight=sample_weight
            )
        contacted = self.offer._decide(_probability(estimator, seen), value)[0]  # that it never pays, the metric says
        measure = expected_profit if metric == "expected_profit" else savings_score
        return measure(outcomes, contacted, offer=self.offer, clv=value, sample_weight=sample_weight)


def _probability(estimator: Any, X: Any) -> FloatArray:
    if not hasattr(estimator, "predict_proba"):
        raise ParameterTypeError(
            message(
                f"{type(estimator).__name__} states no probabilities",
                "a decision compares a probability with a threshold",
                "CalibratedClassifierCV(estimator), or ProfitScorer(offer, metric='empb')",
            )
        )
    stated: Array = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    return stated[:, _place_of_churn(estimator)]


def _scores(estimator: Any, X: Any) -> FloatArray:
    if hasattr(estimator, "predict_proba"):
        return _probability(estimator, X)
    if not hasattr(estimator, "decision_function"):
        raise ParameterTypeError(
            message(
                f"{type(estimator).__name__} gives no scores",
                "predict_proba or decision_function is needed to rank customers",
                "a classifier",
            )
        )
    _place_of_churn(estimator)
    return np.asarray(estimator.decision_function(X), dtype=np.float64)


def _place_of_churn(estimator: Any) -> int:
    classes = np.asarray(estimator.classes_)
    place = np.flatnonzero(classes == 1)
    if not place.size or classes.size != 2:
        raise DataError(
            message(
                f"{type(estimator).__name__} was fitted on the classes {classes.tolist()}",
                "two classes were expected, 0 for a stayer and 1 for a churner",
                "y = (label == 'churned').astype('int8'), and folds that hold both",
            )
        )
    return int(place[0])
