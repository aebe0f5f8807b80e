"""A scorer of uplift learners, for ``scoring=`` of whatever scikit-learn validates with."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from churnlib._checks import as_floats, check_choice
from churnlib._sklearn import BaseEstimator
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, ParameterTypeError, message
from churnlib.metrics import RankedEffects, ipw_scores
from churnlib.targets import is_uplift_target

__all__ = ["UpliftScorer"]

Metric: TypeAlias = Literal["qini", "auuc", "autoc"]
_METRICS: tuple[Metric, ...] = ("qini", "auuc", "autoc")


class UpliftScorer(BaseEstimator):
    """A scorer for ``scoring=`` that measures how well predicted effects rank customers.

    It goes wherever scikit-learn takes a scorer. Treatment and propensity come inside y, as
    `churnlib.uplift_target` packs them, or as metadata with ``sklearn.set_config(enable_metadata_routing=True)``; the
    requests are set already.

    Without either, nothing can be scored, and this is an error. scikit-learn turns errors of scorers into NaN unless
    ``error_score="raise"``; so that nobody takes these for results, a warning says what is missing as well.

    Parameters
    ----------
    metric : {"qini", "auuc", "autoc"}, default="qini"
        "qini" and "autoc" measure the ranking, "auuc" the ranking and the mean effect; see `churnlib.metrics`. With
        several treatments it is the mean over them, each against the control.

    Raises
    ------
    ParameterError
        If the metric is unknown, or (when called) treatment or propensity is missing.
    ParameterTypeError
        If (when called) the estimator cannot predict.
    DataError
        If (when called) the outcome is survival and the estimator no learner of uplift with a horizon, or it predicts
        for other treatments than the rows have.

    Warns
    -----
    AssumptionWarning
        If treatment or propensity is missing.

    Notes
    -----
    The effect of each row comes from inverse propensity weighting of the outcome less its mean over the rows scored. A
    learner that estimated the propensity gives its estimate for the rows scored, which it has not seen.

    scikit-learn 1.6 hands no metadata to the score of a pipeline by itself: there ``scoring=UpliftScorer()`` is to be
    named, which does the same.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from churnlib.targets import uplift_target
    >>> from churnlib.uplift import TLearner
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(900, 2)), rng.integers(0, 2, 900)
    >>> spent = 10 + treated * X[:, 0] + rng.normal(size=900)
    >>> y = uplift_target(value=spent, treatment=treated, propensity=0.5)
    >>> cross_val_score(TLearner(LinearRegression()), X, y, scoring=UpliftScorer("autoc"), cv=3).round(1)
    array([0.8, 0.6, 0.9])
    """

    __metadata_request__score: ClassVar[dict[str, bool]] = {
        "treatment": True,
        "propensity": True,
        "sample_weight": True,
    }

    def __init__(self, metric: Metric = "qini") -> None:
        self.metric = metric

    def __call__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        treatment: ArrayLike | None = None,
        propensity: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Score a fitted learner; scikit-learn calls this."""
        return self.score(estimator, X, y, treatment=treatment, propensity=propensity, sample_weight=sample_weight)

    def score(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        treatment: ArrayLike | None = None,
        propensity: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Score a fitted learner on rows.

        Parameters
        ----------
        estimator : fitted estimator
            A learner of `churnlib.uplift`, a pipeline or search that ends in one, or anything whose `predict` gives the
            effect of one treatment.
        X : array or frame of shape (n_rows, n_features)
            Rows the learner has not seen.
        y : array-like of shape (n_rows,), or uplift target
            The outcome, larger is better.
        treatment : array-like of shape (n_rows,), default=None
            The arm of each row, unless y holds it.
        propensity : float, array-like, mapping, dataframe or "estimate", default=None
            The chance of each arm, unless y holds it or the learner knows it.
        sample_weight : array-like of shape (n_rows,), default=None
            How many customers each row stands for.

        Returns
        -------
        float
            In units of the outcome per customer; larger is better.

        Examples
        --------
        >>> from sklearn.dummy import DummyRegressor
        >>> X, kept, treated = np.zeros((4, 1)), np.array([1, 0, 1, 1]), np.array([1, 0, 1, 0])
        >>> ranked = DummyRegressor().fit(X, kept)
        >>> UpliftScorer("auuc").score(ranked, X, kept, treatment=treated, propensity=0.5)
        0.25
        """
        metric = check_choice(self.metric, _METRICS, name="metric")
        _treatment_or_error(y, treatment)
        effects, weight = _effects(estimator, X, y, treatment, propensity, sample_weight)
        predicted = np.asarray(estimator.predict(X), dtype=np.float64)
        if predicted.size != effects.size:
            raise DataError(
                message(
                    f"a {type(estimator).__name__} predicts an array of shape {predicted.shape}, and there are "
                    f"{effects.shape[0]} rows and {effects.shape[1]} treatments",
                    "an effect of each treatment for each row",
                    "y of the arms the learner was fitted to",
                )
            )
        predicted = predicted.reshape(effects.shape)
        ranked = [RankedEffects(*pair) for pair in zip(effects.T, predicted.T, strict=True)]
        return float(np.mean([getattr(one, metric)(weight) for one in ranked]))

    def _accept_sample_weight(self) -> bool:
        """Asked by scikit-learn where routing is off."""
        return True


def _treatment_or_error(y: Any, treatment: Any) -> None:
    if treatment is not None or is_uplift_target(y):
        return
    text = message(
        "the scorer is given no treatment: scikit-learn has not handed it over",
        "who was treated is needed to score effects, and y does not say",
        "y=cl.uplift_target(retained=retained, treatment=treated, propensity=0.5); or sklearn.set_config("
        "enable_metadata_routing=True) before treatment= is passed to fit or in params=",
    )
    # scikit-learn catches the error and goes on with NaN, in some versions without a word
    warnings.warn(text, AssumptionWarning, stacklevel=4)
    raise ParameterError(text)


def _effects(
    estimator: Any, X: Any, y: Any, treatment: Any, propensity: Any, sample_weight: Any
) -> tuple[FloatArray, FloatArray | None]:
    """Return the effect of each treatment in each row, as the learner inside reads the rows, and their weights."""
    learner, rows = _learner(estimator, X)
    if learner is not None:
        found: tuple[FloatArray, FloatArray | None] = learner._row_effects(
            rows, y, treatment=treatment, propensity=propensity, sample_weight=sample_weight
        )
        return found
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    arms: dict[str, Any] = {"treatment": treatment, "propensity": propensity, "sample_weight": weight}
    ipw_scores(y, **arms)  # says what is wrong with the rows as they were given
    if is_uplift_target(y):
        centred = np.array(y)
        centred["outcome"] -= np.average(centred["outcome"], weights=weight)
    else:
        values = np.asarray(as_floats(y)).reshape(-1)
        centred = values - np.average(values, weights=weight)
    scores = ipw_scores(centred, **arms)
    return scores.reshape(len(scores), -1), weight


def _learner(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Find the learner inside pipelines and searches, and X as it sees it; None if there is none."""
    if not hasattr(estimator, "predict"):
        raise ParameterTypeError(
            message(
                f"a {type(estimator).__name__} predicts nothing",
                "a learner of churnlib.uplift, or what ends in one",
                "cl.DRLearner()",
            )
        )
    if hasattr(estimator, "_row_effects"):
        return estimator, X
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps:
        for _, step in steps[:-1]:
            if step is not None and step != "passthrough":
                X = step.transform(X)
        return _learner(steps[-1][1], X)
    inner = getattr(estimator, "best_estimator_", getattr(estimator, "estimator_", None))
    return (None, X) if inner is None else _learner(inner, X)
