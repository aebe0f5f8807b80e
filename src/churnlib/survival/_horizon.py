"""A hazard model seen as a classifier: who leaves within one horizon."""

from __future__ import annotations

import numbers
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit, logit

from churnlib._sklearn import (
    BaseEstimator,
    ClassifierMixin,
    HasMethods,
    Interval,
    Tags,
    check_is_fitted,
    fit_context,
)
from churnlib._typing import Array, ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.numerics import minimise
from churnlib.survival._ask import read_given, read_horizon
from churnlib.survival._cox import CoxModel
from churnlib.survival._folds import survival_folds
from churnlib.survival._horizon_labels import HorizonLabels, labels_of
from churnlib.survival._inside import fitted_clone, look_at, with_tags_of
from churnlib.survival._through import churn_probability, hazard_model
from churnlib.targets import SurvivalRows, read_survival_target

__all__ = ["HorizonClassifier"]

_SUREST = 1e-9


class HorizonClassifier(ClassifierMixin, BaseEstimator):
    """Probability to leave within one horizon, from any hazard model.

    What is made for classifiers then takes hazard models too: ``roc_auc_score``, calibration curves, lift tables,
    ChurnClassifier's contact rules, frozen calibration. Unlike a classifier of labels it also
    learns from customers who were not watched over the whole horizon.

    It is fitted with a *survival target*. Scores with labels need those whose label
    is known, and weights that let them stand for the others: `binary_labels`.

    Parameters
    ----------
    hazard : estimator, default=None
        Any hazard model, or a Pipeline that ends in one; a clone of it is fitted. None: `CoxModel`. A model that is
        fitted already predicts without `fit`.
    horizon : float or str, default="30d"
        How far to look, above 0, in the unit of the target; text such as ``"90d"`` means days.
    given : float or str, default=None
        The tenure each customer has reached, or the column of X that holds it. None: the
        probability is that of a customer at the start. Snapshots need their tenure here.
    cause : int or str, default=None
        The cause that counts, one of the model's ``causes_``. None: any.
    cv : int, splitter, iterable or None, default=None
        Folds of which the probabilities at the horizon are recalibrated: a number of folds of `SurvivalKFold`, or a
        splitter that predicts each row once. None: the probabilities are the model's.

    Attributes
    ----------
    hazard_ : estimator
        The fitted hazard model.
    classes_ : ndarray of shape (2,)
        0 and 1; 1 is churn.
    calibration_ : ndarray of shape (2,) or None
        With `cv`: intercept and slope of the line that log-odds are put on.

    Notes
    -----
    In `sklearn.model_selection` pass ``cv=SurvivalKFold(5)``. A bare number would have scikit-learn
    stratify by label, and each pair of event and time would be a class of its own. Scorers of
    `churnlib.model_selection`, such as ``auc_scorer(90)``, read survival targets and look through this class.

    The recalibration is logistic regression of the label on the log-odds out of fold, weighted by the inverse
    chance to be still in sight.

    Examples
    --------
    >>> from churnlib.survival import CoxModel
    >>> from churnlib.targets import survival_target
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 1))
    >>> left = rng.exponential(60 * np.exp(-X[:, 0]))
    >>> y = survival_target(left < 90, np.minimum(left, 90))
    >>> model = HorizonClassifier(CoxModel(), horizon="30d").fit(X, y)
    >>> bool(model.predict_proba([[2.0]])[0, 1] > 0.5)
    True
    >>> round(model.score(X, y), 2)
    0.81
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hazard": [HasMethods("fit"), None],
        "horizon": [Interval(numbers.Real, 0, None, closed="neither"), str],
        "given": [Interval(numbers.Real, 0, None, closed="left"), str, None],
        "cause": [numbers.Integral, str, None],
        "cv": ["cv_object", None],
    }

    hazard_: Any
    calibration_: FloatArray | None

    def __init__(
        self,
        hazard: Any = None,
        *,
        horizon: float | str = "30d",
        given: float | str | None = None,
        cause: int | str | None = None,
        cv: Any = None,
    ) -> None:
        self.hazard = hazard
        self.horizon = horizon
        self.given = given
        self.cause = cause
        self.cv = cv

    @property
    def classes_(self) -> IntArray:
        """The labels: 0 and 1, of which 1 is churn."""
        return np.array([0, 1])

    @property
    def estimator_(self) -> Any:
        """The fitted hazard model, as scorers find it."""
        return self._fitted()

    def __sklearn_is_fitted__(self) -> bool:
        return self._fitted() is not None

    def _fitted(self) -> Any:
        """Return the hazard model: the one that was fitted here, or one that came fitted."""
        found = getattr(self, "hazard_", None)
        if found is not None or self.hazard is None:
            return found
        try:
            check_is_fitted(self.hazard)
        except (TypeError, ValueError):  # not fitted, or nothing that could be
            return None
        return self.hazard

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the hazard model, and recalibrate it at the horizon if there are folds for it.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        y : structured array of shape (n_rows,)
            The survival target, from `survival_target` or ``data.survival``.
        sample_weight : array-like of shape (n_rows,), default=None
            How many customers each row stands for.

        Returns
        -------
        HorizonClassifier
            Itself.

        Raises
        ------
        DataError
            If y is no survival target, or fit and horizon do not go together.
        ParameterError
            If `cv` stratifies by label, or rows with delayed entry are to be recalibrated without `given`.
        """
        rows = _read_target(y)
        found = look_at(self, X, reset=True)
        X = X if hasattr(X, "index") else found  # the index says whose the rows are
        template = CoxModel() if self.hazard is None else self.hazard
        self.hazard_ = fitted_clone(template, X, y, sample_weight)
        self.calibration_ = None
        if self.cv is not None:
            self.calibration_ = self._calibrated(template, X, y, rows, sample_weight)
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the chance to stay and the chance to leave within the horizon.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of shape (n_rows, 2)
            Columns 0 (stays) and 1 (leaves); they sum to 1.

        Raises
        ------
        HistoryError
            If the horizon ends beyond the model's ``support_`` and it refuses that.
        """
        check_is_fitted(self)
        if hasattr(self, "hazard_"):
            look_at(self, X, reset=False)
        chance = self._chance(self._fitted(), X)
        line = getattr(self, "calibration_", None)
        if line is not None:
            chance = expit(line[0] + line[1] * _log_odds(chance))
        return np.column_stack([1 - chance, chance])

    def predict(self, X: Any) -> IntArray:
        """Return 1 for those who leave within the horizon with a chance of at least one half.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of shape (n_rows,)
            0 or 1. Whom to contact is a question of money, not of one half.
        """
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(np.int64)

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the area under the ROC curve at the horizon.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        y : structured array, or array-like of 0 and 1, of shape (n_rows,)
            The survival target; rows whose label is not known are stood for by others. Or labels.
        sample_weight : array-like of shape (n_rows,), default=None
            How many customers each row stands for.

        Returns
        -------
        float
            In [0, 1]; a coin reaches .5.

        Raises
        ------
        DataError
            If nobody, or everybody, whose label is known left within the horizon.
        """
        from sklearn.metrics import roc_auc_score

        chance = self.predict_proba(X)[:, 1]
        weight = np.ones(len(chance)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        label: Array = np.asarray(y)
        if label.dtype.names is not None:
            labels = self._labels(self._fitted(), X, read_survival_target(y))
            label, weight = labels.label, weight * labels.weight
        kept = weight > 0
        if len(np.unique(label[kept])) < 2:
            raise DataError(
                message(
                    f"all {int(kept.sum())} rows whose label is known have the same",
                    f"some who left within {self.horizon} and some who did not",
                    "another horizon, or more rows",
                )
            )
        return float(roc_auc_score(label[kept], chance[kept], sample_weight=weight[kept]))

    def _chance(self, model: Any, X: Any) -> FloatArray:
        return churn_probability(model, X, self.horizon, given=self.given, cause=self.cause)

    def _labels(self, model: Any, X: Any, rows: SurvivalRows) -> HorizonLabels:
        n = len(rows)
        given = read_given(self.given, X, n)
        if given is None and rows.entry is not None:
            raise ParameterError(
                message(
                    f"{int((rows.entry > 0).sum())} of {n} rows of y have a delayed entry, and given is None",
                    "the probability counts from the start of a customer, but these rows were not watched from there",
                    'given="tenure", the column that holds the tenure of each row',
                )
            )
        number = None
        if self.cause is not None:
            inner, _ = hazard_model(model, X)
            number = inner._cause(self.cause) + 1
        return labels_of(rows, read_horizon(self.horizon, n)[:, 0], given, number)

    def _calibrated(
        self, template: Any, X: Any, y: Any, rows: SurvivalRows, sample_weight: ArrayLike | None
    ) -> FloatArray:
        labels = self._labels(self.hazard_, X, rows)
        chance = np.empty(len(rows))
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        for train, test in survival_folds(self.cv, X, y):
            part = None if weight is None else weight[train]
            model = fitted_clone(template, _rows_of(X, train), np.asarray(y)[train], part)
            inner, _ = hazard_model(model, _rows_of(X, test))
            if inner.beyond == "raise":  # a fold ends sooner, and begins later, than the data
                inner.set_params(beyond="nan")
            chance[test] = self._chance(model, _rows_of(X, test))
        counted = labels.weight if weight is None else labels.weight * weight
        # Tenures that a fold does not know say nothing of who leaves: without their rows the line stays what it is.
        told = np.isfinite(chance) & (counted > 0)
        n_left = int(labels.label[told].sum())
        if n_left in (0, int(told.sum())):
            raise DataError(
                message(
                    f"{n_left} of the {int(told.sum())} rows that probabilities can be recalibrated on left within "
                    f"{self.horizon}",
                    "some who left and some who did not, watched over a horizon that ends within the data",
                    "another horizon, a longer history, or cv=None",
                )
            )
        return _line(_log_odds(chance[told]), labels.label[told].astype(np.float64), counted[told])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return with_tags_of(CoxModel() if self.hazard is None else self.hazard, tags)


def _read_target(y: Any) -> SurvivalRows:
    if y is not None and np.asarray(y).dtype.names is None:
        raise DataError(
            message(
                "y holds labels, no survival target",
                "HorizonClassifier learns when customers leave; labels within the horizon are for scoring it",
                "fit(X, data.survival), or cl.survival_target(event, time); for labels a plain classifier",
            )
        )
    return read_survival_target(y)


def _rows_of(X: Any, rows: IntArray) -> Any:
    from sklearn.utils import _safe_indexing

    return _safe_indexing(X, rows)


def _log_odds(chance: FloatArray) -> FloatArray:
    return np.asarray(logit(np.clip(chance, _SUREST, 1 - _SUREST)))


def _line(odds: FloatArray, label: FloatArray, weight: FloatArray) -> FloatArray:
    """Return intercept and slope of the logistic regression of labels on log-odds."""
    design = np.column_stack([np.ones(len(odds)), odds])
    total = weight.sum()

    def evaluate(point: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        line = design @ point
        chance = expit(line)
        value = float(weight @ (np.logaddexp(0.0, line) - label * line)) / total
        bend = weight * chance * (1 - chance) / total
        return value, design.T @ (weight * (chance - label)) / total, design.T @ (design * bend[:, None])

    return minimise(evaluate, np.array([0.0, 1.0]), tol=1e-12, max_iter=50, bound=30.0).point
