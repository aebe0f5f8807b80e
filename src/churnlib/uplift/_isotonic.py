"""Effects brought to their right size: a rising curve from what a learner predicts to what was seen."""

from __future__ import annotations

import numbers
from typing import Any, ClassVar

import numpy as np

from churnlib._sklearn import Interval, StrOptions, check_is_fitted, clone
from churnlib._typing import Array, FloatArray
from churnlib.exceptions import DataError, ParameterTypeError, message, some
from churnlib.uplift._cross_fit import Fold
from churnlib.uplift._dr_learner import DRLearner
from churnlib.uplift._dr_scores import nuisances_of
from churnlib.uplift._learner import _MODEL, UpliftLearner
from churnlib.uplift._models import n_rows_of, rows_of
from churnlib.uplift._rows import AssignedRows

__all__ = ["IsotonicUplift", "fitted_to", "out_of_fold_effects"]


class IsotonicUplift(UpliftLearner):
    """A learner whose effects are recalibrated on rows it has not seen.

    Learners rank customers better than they size effects: most spread their predictions too wide, and some are off by a
    constant. Decisions by money (effect × value − cost) need the size. Here a curve that never falls is laid
    through the doubly robust scores of rows the learner has not seen, by its predictions for them; customers between
    whom the data show no difference get the same effect. The ranking stays as it is, up to such ties.

    Parameters
    ----------
    learner : uplift learner, default=None
        Whose effects to recalibrate: cloned and fitted out of fold, and then to all rows; with ``cv="prefit"``
        taken as it is. None: `DRLearner`.
    outcome_model : regressor or classifier, default=None
        For the scores, fitted in each arm. None: small boosted trees.
    propensity : float, array-like, mapping, dataframe or "estimate", default=None
        The chance of each arm, if `fit` is not given it. The learner inside is given the same.
    propensity_model : classifier, default=None
        For "estimate". None: boosted trees.
    cv : int, splitter, iterable of (train, test) or "prefit", default=5
        Folds by which neither the learner nor the models of the scores predict a row they have seen. "prefit": the
        learner is fitted already, and `fit` is given other rows than it was.
    ends : float, default=0.02
        The smallest share of rows at either end whose effect is told apart from that of the rows beside them. Without
        it a few lucky rows would give the largest effects.
    clip : float, default=0.01
        Estimated propensities are kept at least so far from 0 and 1.
    control : object, default=None
        The name of the arm without treatment. None: 0, False, "control" or "none".
    horizon : float or str, default=None
        For a survival outcome: how far to look.
    random_state : int, default=0
        Seed of folds and default models.

    Attributes
    ----------
    learner_ : uplift learner
        The one whose predictions are recalibrated.
    curves_ : tuple of IsotonicRegression
        From predicted to recalibrated effect, one for each treatment.
    arms_ : ndarray of shape (n_arms,)
        Names of the arms, control first, the others sorted.

    Notes
    -----
    Isotonic regression of scores on out-of-fold predictions (van der Laan, Ulloa-Pérez, Carone and Luedtke 2023, Proc.
    Mach. Learn. Res. 202, "Causal isotonic calibration").

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from churnlib.uplift import TLearner
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(4000, 3)), rng.integers(0, 2, 4000)
    >>> spent = X[:, 0] + 0.5 * treated + rng.normal(size=4000)  # the same effect for everybody
    >>> raw = TLearner().fit(X, spent, treatment=treated)
    >>> learner = IsotonicUplift(TLearner(), propensity=0.5, outcome_model=LinearRegression())
    >>> even = learner.fit(X, spent, treatment=treated)
    >>> bool(even.predict(X).std() < raw.predict(X).std() / 2)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **UpliftLearner._parameter_constraints,
        "learner": _MODEL,
        "outcome_model": _MODEL,
        "propensity_model": _MODEL,
        "cv": ["cv_object", StrOptions({"prefit"})],
        "ends": [Interval(numbers.Real, 0, 0.5, closed="left")],
        "clip": [Interval(numbers.Real, 0, 0.5, closed="left")],
    }

    def __init__(
        self,
        learner: Any = None,
        *,
        outcome_model: Any = None,
        propensity: Any = None,
        propensity_model: Any = None,
        cv: Any = 5,
        ends: float = 0.02,
        clip: float = 0.01,
        control: Any = None,
        horizon: Any = None,
        random_state: int = 0,
    ) -> None:
        self.learner = learner
        self.outcome_model = outcome_model
        self.propensity = propensity
        self.propensity_model = propensity_model
        self.cv = cv
        self.ends = ends
        self.clip = clip
        self.control = control
        self.horizon = horizon
        self.random_state = random_state

    def _fit(self, rows: AssignedRows) -> None:
        learner = DRLearner(random_state=self.random_state) if self.learner is None else self.learner
        prefit = isinstance(self.cv, str)
        found = nuisances_of(
            rows,
            outcome_model=self.outcome_model,
            propensity_model=self.propensity_model,
            cv=5 if prefit else self.cv,
            clip=self.clip,
            learner=type(self).__name__,
            random_state=self.random_state,
        )
        self.propensity_model_ = found.chances.model
        if prefit:
            _same_arms(learner, rows)
            predicted = _columns(learner.predict(rows.X), rows)
            self.learner_ = learner
        else:
            predicted = out_of_fold_effects(learner, rows, found.folds)
            self.learner_ = fitted_to(learner, rows, np.arange(len(rows)))
        scores = found.effects(rows)
        self.curves_ = tuple(
            self._curve(predicted[:, column], scores[:, column], rows.weight) for column in range(rows.n_treatments)
        )

    def _curve(self, predicted: FloatArray, scores: FloatArray, weight: FloatArray | None) -> Any:
        from sklearn.isotonic import IsotonicRegression

        # rows beyond these ends become one tied block, whose mean is that of many
        low, high = np.quantile(predicted, [self.ends, 1 - self.ends])
        return IsotonicRegression(out_of_bounds="clip").fit(np.clip(predicted, low, high), scores, sample_weight=weight)

    def _effects(self, X: Any) -> FloatArray:
        predicted = np.asarray(self.learner_.predict(X), dtype=np.float64).reshape(n_rows_of(X), -1)
        return np.column_stack([curve.predict(column) for curve, column in zip(self.curves_, predicted.T, strict=True)])


def out_of_fold_effects(learner: Any, rows: AssignedRows, folds: list[Fold]) -> FloatArray:
    """Return what clones of a learner predict for rows they were not fitted to, of shape (n_rows, n_treatments)."""
    effects = np.empty((len(rows), rows.n_treatments))
    for train, test in folds:
        fitted = fitted_to(learner, rows, train)
        effects[test] = np.asarray(fitted.predict(rows_of(rows.X, test))).reshape(len(test), -1)
    return effects


def fitted_to(learner: Any, rows: AssignedRows, chosen: Array) -> Any:
    """Return a clone of a learner, fitted to some rows with what is known of their propensity."""
    from sklearn.utils.validation import has_fit_parameter

    fitted = clone(learner)
    if not has_fit_parameter(fitted, "treatment"):
        raise ParameterTypeError(
            message(
                f"learner is a {type(learner).__name__}, whose fit takes no treatment",
                "a learner of uplift; steps before it belong in front of all",
                "make_pipeline(StandardScaler(), IsotonicUplift(DRLearner()))",
            )
        )
    if "control" in fitted.get_params(deep=False):
        fitted.set_params(control=rows.arms[0].item())
    propensity: Any = "estimate" if rows.estimate else None
    if rows.propensity is not None:
        propensity = rows.propensity[chosen, 1] if rows.n_treatments == 1 else rows.propensity[chosen]
    return fitted.fit(
        rows_of(rows.X, chosen),
        rows.outcome[chosen],
        treatment=rows.arms[rows.codes[chosen]],
        propensity=propensity,
        sample_weight=rows.weight_of(chosen),
    )


def _same_arms(learner: Any, rows: AssignedRows) -> None:
    check_is_fitted(learner)
    if learner.arms_.tolist() != rows.arms.tolist():
        raise DataError(
            message(
                f"the rows are in the arms {some(rows.arms.tolist())}",
                f"the fitted learner knows {some(learner.arms_.tolist())}",
                "rows of all its arms, and the same control",
            )
        )


def _columns(effects: Any, rows: AssignedRows) -> FloatArray:
    return np.asarray(effects, dtype=np.float64).reshape(len(rows), rows.n_treatments)
