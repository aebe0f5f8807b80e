"""Base of the learners of uplift: rows in, effects out, and one way to be judged."""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from churnlib._sklearn import BaseEstimator, Interval, Tags, check_is_fitted, fit_context
from churnlib._typing import Array, ArrayLike, FloatArray
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.model_selection import UpliftScorer
from churnlib.uplift._cross_fit import Fold, folds_of
from churnlib.uplift._models import FittedModel, fit_mean, n_rows_of, rows_of, seeded
from churnlib.uplift._overlap import Overlap, overlap_of
from churnlib.uplift._propensity import Chances, PropensityModel, chances_for
from churnlib.uplift._rows import AssignedRows, read_assigned, read_features
from churnlib.uplift._trees import BoostedOutcome, EffectForest

__all__ = ["OutcomeLearner", "UpliftLearner", "WeighingLearner"]

_MODEL: list[Any] = [object]  # whatever fits and predicts; what it cannot do is said when it is asked to


class UpliftLearner(BaseEstimator, ABC):
    """Base of the learners of uplift.

    A subclass gives `_fit`, which learns from rows that have been looked at, and `_effects`, the effect of each
    treatment on new rows. What is common to all stands here: how outcome, treatment and propensity come
    in, which arm is the control, the shape of predictions, and the score.

    Treatment and propensity come in by `fit`, and through scikit-learn's pipelines, searches and
    cross-validation on two ways: inside y, as `churnlib.uplift_target` packs it, or as metadata once
    ``sklearn.set_config(enable_metadata_routing=True)`` is called; the requests are set already.

    Examples
    --------
    A learner that finds the same effect for everybody:

    >>> class MeanDifference(UpliftLearner):
    ...     def __init__(self, *, propensity=None, control=None, horizon=None, random_state=0):
    ...         self.propensity, self.control = propensity, control
    ...         self.horizon, self.random_state = horizon, random_state
    ...
    ...     def _fit(self, rows):
    ...         means = [rows.outcome[rows.in_arm(code)].mean() for code in range(len(rows.arms))]
    ...         self.effect_ = np.array(means[1:]) - means[0]
    ...
    ...     def _effects(self, X):
    ...         return np.tile(self.effect_, (len(X), 1))
    >>> X = np.zeros((4, 1))
    >>> MeanDifference().fit(X, [1, 1, 1, 0], treatment=[1, 1, 0, 0]).predict(X)
    array([0.5, 0.5, 0.5, 0.5])
    """

    __metadata_request__fit: ClassVar[dict[str, bool]] = {
        "treatment": True,
        "propensity": True,
        "sample_weight": True,
    }
    __metadata_request__score: ClassVar[dict[str, bool]] = {
        "treatment": True,
        "propensity": True,
        "sample_weight": True,
    }

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "propensity": [object],
        "control": [object],
        "horizon": [object],
        "random_state": [Interval(numbers.Integral, 0, None, closed="left")],
    }

    propensity: Any
    control: Any
    horizon: Any
    random_state: int

    arms_: Array
    propensity_model_: PropensityModel | None

    # ------------------------------------------------------------------ what a learner gives

    @abstractmethod
    def _fit(self, rows: AssignedRows) -> None:
        """Learn."""

    @abstractmethod
    def _effects(self, X: Any) -> FloatArray:
        """Return the effect of each treatment against the control, of shape (n_rows, n_treatments)."""

    # ------------------------------------------------------------------ what all share

    @fit_context(nested=False)
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        treatment: ArrayLike | None = None,
        propensity: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn the effect of each treatment.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What was known of each customer before the treatment. Missing values and columns of texts are handed
            to the models inside; the default ones take them.
        y : array-like of shape (n_rows,), or uplift target
            The outcome, larger is better: 1 for retained, an amount, or a survival target; or what
            `churnlib.uplift_target` makes, which holds the treatment too.
        treatment : array-like of shape (n_rows,), default=None
            The arm each row was assigned to: 0 and 1, whole numbers, or names with ``"control"`` among them.
        propensity : float, array-like, mapping, dataframe or "estimate", default=None
            The chance of each arm when treatment was decided, as in `churnlib.uplift_target`; comes before that of the
            constructor.
        sample_weight : array-like of shape (n_rows,), default=None
            How many customers each row stands for.

        Returns
        -------
        estimator
            Itself, fitted.

        Raises
        ------
        ParameterError
            If the treatment is missing, or the propensity where the learner needs it, or it cannot be told which arm
            is the control.
        DataError
            If all rows are in one arm, an arm of `propensity` has no row, a number is missing, lengths differ, a
            propensity is not between 0 and 1, or y is a Series named "churn".
        """
        rows = read_assigned(
            self,
            X,
            y,
            treatment=treatment,
            propensity=propensity,
            sample_weight=sample_weight,
            control=self.control,
            horizon=self.horizon,
            default_propensity=self.propensity,
        )
        self.arms_ = rows.arms
        self.propensity_model_ = None
        self._fit(rows)
        return self

    def predict(self, X: Any) -> FloatArray:
        """Return the effect expected of treating each row, against not treating it.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_treatments)
            In units of the outcome; positive is good, negative are customers better left alone. With several treatments
            a column for each of ``arms_[1:]``.
        """
        check_is_fitted(self)
        effects = self._effects(read_features(self, X, reset=False))
        return effects[:, 0] if effects.shape[1] == 1 else effects

    def score(
        self,
        X: Any,
        y: Any,
        *,
        treatment: ArrayLike | None = None,
        propensity: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Return the Qini coefficient of the predictions; with several treatments the mean of theirs.

        Effects of single rows, by which the ranking is judged, come from inverse propensity weighting of the
        outcome less its mean. Of a learner that estimated the propensity, its estimate is used.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            Rows, best those not learned from.
        y : array-like of shape (n_rows,), or uplift target
            As in `fit`.
        treatment : array-like of shape (n_rows,), default=None
            As in `fit`.
        propensity : float, array-like, mapping, dataframe or "estimate", default=None
            As in `fit`.
        sample_weight : array-like of shape (n_rows,), default=None
            How many customers each row stands for.

        Returns
        -------
        float
            In units of the outcome per customer; 0 is a ranking by chance, larger is better.

        Raises
        ------
        ParameterError
            If treatment or propensity is missing.
        DataError
            As in `fit`.

        See Also
        --------
        churnlib.metrics.qini_interval : The same with its interval.
        """
        return UpliftScorer("qini")(self, X, y, treatment=treatment, propensity=propensity, sample_weight=sample_weight)

    def _row_effects(
        self, X: Any, y: Any, *, treatment: Any, propensity: Any, sample_weight: Any
    ) -> tuple[FloatArray, FloatArray | None]:
        """Return the effect of each treatment in each row, by inverse propensity weighting, and the weights."""
        check_is_fitted(self)
        rows = read_assigned(
            self,
            X,
            y,
            treatment=treatment,
            propensity=propensity,
            sample_weight=sample_weight,
            control=self.arms_[0],
            horizon=self.horizon,
            default_propensity=self.propensity,
            reset=False,
        )
        if rows.arms.tolist() != self.arms_.tolist():
            raise DataError(
                message(
                    f"rows to be scored are in the arms {some(rows.arms.tolist())}",
                    f"the learner knows {some(self.arms_.tolist())}",
                    "rows of all arms, as folds that are stratified by treatment have them",
                )
            )
        chances = self._chances_to_judge_by(rows)
        centred = rows.outcome - np.average(rows.outcome, weights=rows.weight)
        weighted = np.zeros((len(rows), len(rows.arms)))
        own = np.arange(len(rows)), rows.codes
        weighted[own] = centred / chances[own]
        return weighted[:, 1:] - weighted[:, :1], rows.weight

    def _chances_to_judge_by(self, rows: AssignedRows) -> FloatArray:
        if rows.propensity is not None:
            return rows.propensity
        if self.propensity_model_ is not None:
            return self.propensity_model_.predict(rows.X)
        if rows.estimate:
            raise ParameterError(
                message(
                    f"propensity is to be estimated, and {type(self).__name__} was fitted without estimating it",
                    "a model of the propensity that has not seen the rows it is judged on",
                    f"{type(self).__name__}(propensity='estimate').fit(...)",
                )
            )
        raise ParameterError(
            message(
                "the score needs the propensity, the chance of each row to be treated, and it is not given",
                "it is never estimated unless that is asked for",
                f"propensity=0.5 for one half drawn by lot, here or in {type(self).__name__}(propensity=0.5)",
            )
        )

    def predict_propensity(self, X: Any) -> FloatArray:
        """Return the chance of each arm as the learner estimated it.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of shape (n_rows, n_arms)
            Control first, each row adds up to 1.

        Raises
        ------
        AttributeError
            If the learner was not asked to estimate it.
        """
        check_is_fitted(self)
        if self.propensity_model_ is None:
            raise AttributeError(f"this {type(self).__name__} was given the propensity, and has not estimated it")
        return self.propensity_model_.predict(read_features(self, X, reset=False))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        return tags


class OutcomeLearner(UpliftLearner):
    """Base of learners that model the outcome in each arm; `_outcomes` gives it, and effects are differences."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **UpliftLearner._parameter_constraints,
        "outcome_model": _MODEL,
    }

    outcome_model: Any

    @abstractmethod
    def _outcomes(self, X: Any) -> FloatArray:
        """Return the outcome expected of each row in each arm."""

    def predict_outcomes(self, X: Any) -> FloatArray:
        """Return the outcome expected of each row in each arm.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of shape (n_rows, n_arms)
            In units of the outcome, a column for each of ``arms_``; chances to stay where it is 0 or 1.
        """
        check_is_fitted(self)
        return self._outcomes(read_features(self, X, reset=False))

    def _effects(self, X: Any) -> FloatArray:
        outcomes = self._outcomes(X)
        effects: FloatArray = outcomes[:, 1:] - outcomes[:, :1]
        return effects

    def _estimate_if_asked(self, rows: AssignedRows) -> None:
        """Estimate the propensity although nothing is learned from it: the score will ask for it."""
        if rows.estimate:
            folds = folds_of(5, rows.X, rows.codes, seed=self.random_state)
            self.propensity_model_ = chances_for(
                rows, folds, propensity_model=None, clip=0.01, learner="", random_state=self.random_state
            ).model

    def _fit_arms(self, rows: AssignedRows) -> tuple[FittedModel, ...]:
        """Fit a model of the outcome to the rows of each arm."""
        model = seeded(BoostedOutcome, self.outcome_model, self.random_state)
        found = []
        for code in range(len(rows.arms)):
            chosen = np.flatnonzero(rows.in_arm(code))
            found.append(
                fit_mean(
                    model, rows_of(rows.X, chosen), rows.outcome[chosen], rows.weight_of(chosen), name="outcome_model"
                )
            )
        return tuple(found)


class WeighingLearner(UpliftLearner):
    """Base of learners that weigh rows by their propensity: folds, chances, overlap, and models of the effect."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **UpliftLearner._parameter_constraints,
        "effect_model": _MODEL,
        "propensity_model": _MODEL,
        "cv": ["cv_object"],
        "clip": [Interval(numbers.Real, 0, 0.5, closed="left")],
        "trim": [Interval(numbers.Real, 0, 0.5, closed="left")],
    }

    effect_model: Any
    propensity_model: Any
    cv: Any
    clip: float
    trim: float

    overlap_: Overlap
    effect_models_: tuple[FittedModel, ...]

    def _chances(self, rows: AssignedRows, folds: list[Fold]) -> Chances:
        chances = chances_for(
            rows,
            folds,
            propensity_model=self.propensity_model,
            clip=self.clip,
            learner=type(self).__name__,
            random_state=self.random_state,
        )
        self._report(rows, chances)
        return chances

    def _report(self, rows: AssignedRows, chances: Chances) -> None:
        self.propensity_model_ = chances.model
        kept = self._kept(chances)
        gone = np.setdiff1d(np.arange(len(rows.arms)), rows.codes[kept])
        if gone.size:
            raise DataError(
                message(
                    f"trim={self.trim!r} leaves {int(kept.sum())} of {len(rows)} rows, and none of "
                    f"{some(map(repr, rows.arms[gone].tolist()))}",
                    "rows of every arm that could have been in each",
                    f"trim={self.trim / 2:.3g}, or other customers to compare with",
                )
            )
        trimmed = 1.0 - float(kept.mean())
        self.overlap_ = overlap_of(
            rows, chances.values, estimated=chances.estimated, clipped=chances.clipped, trimmed=trimmed
        )

    def _kept(self, chances: Chances) -> Array:
        """Return which rows are learned from: those that could have been in every arm."""
        return np.asarray(chances.values.min(axis=1) >= self.trim)

    def _fit_effect(
        self, rows: AssignedRows, chosen: Array, effect: FloatArray, weight: FloatArray | None = None
    ) -> FittedModel:
        """Fit a model of the effect to scores of some rows; `weight` comes on top of that of the rows."""
        model = seeded(EffectForest, self.effect_model, self.random_state)
        own = rows.weight_of(chosen)
        total = weight if own is None else own if weight is None else own * weight
        return fit_mean(model, rows_of(rows.X, chosen), effect, total, name="effect_model")

    def _effects(self, X: Any) -> FloatArray:
        effects = np.empty((n_rows_of(X), len(self.effect_models_)))
        for column, model in enumerate(self.effect_models_):
            effects[:, column] = model.predict(X)
        return effects
