"""Effects learned from doubly robust scores."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from churnlib._sklearn import check_is_fitted
from churnlib._typing import Array, FloatArray
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.uplift._dr_scores import nuisances_of
from churnlib.uplift._learner import _MODEL, WeighingLearner
from churnlib.uplift._models import rows_of
from churnlib.uplift._projection import EffectProjection, project_effects
from churnlib.uplift._rows import AssignedRows, read_features

__all__ = ["DRLearner"]


class DRLearner(WeighingLearner):
    """Effects learned from doubly robust scores: the learner to begin with.

    Each row gets a score whose mean over any group is the effect on it (see `dr_scores`), and a model of these scores
    is the effect. It is right if either the propensity or the model of the outcome is, and errors of both only
    count multiplied. It assumes that X holds all that treatment was decided by, as every learner does; of a
    campaign drawn by lot that is true.

    Parameters
    ----------
    outcome_model : regressor or classifier, default=None
        Fitted in each arm. A classifier learns outcomes of 0 and 1, and its probability is used. None: small
        boosted trees, which take missing values and categories.
    effect_model : regressor, default=None
        Learns the effect from the scores. None: a forest; boosted trees follow the noise of the scores.
    propensity : float, array-like, mapping, dataframe or "estimate", default=None
        The chance of each arm, if `fit` is not given it.
    propensity_model : classifier, default=None
        For "estimate". None: boosted trees.
    cv : int, splitter or iterable of (train, test), default=5
        Folds by which no model predicts a row it has seen.
    clip : float, default=0.01
        Estimated propensities are kept at least so far from 0 and 1.
    trim : float, default=0.0
        Rows for which some arm is less likely than this are left out of the effects, and counted in ``overlap_``.
    control : object, default=None
        The name of the arm without treatment. None: 0, False, "control" or "none".
    horizon : float or str, default=None
        For a survival outcome: how far to look. The outcome is then the time stayed until there.
    random_state : int, default=0
        Seed of folds and default models.

    Attributes
    ----------
    arms_ : ndarray of shape (n_arms,)
        Names of the arms, control first, the others sorted.
    overlap_ : Overlap
        Range of the propensity, effective sample sizes, and balance before and after weighting.
    projections_ : tuple of EffectProjection
        With ``effect_model=LinearRegression()``: the lines of `predict` with their errors, one for each treatment.

    Notes
    -----
    Kennedy (2023), Electron. J. Stat. 17, 3008-3049. The default was chosen on 100,000 rows whose effects are known:
    the error of a forest is half that of boosted trees on the same scores, which is larger than that of a constant.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000)
    >>> spent = 10 + treated * X[:, 0] + rng.normal(size=2000)
    >>> learner = DRLearner(effect_model=LinearRegression())
    >>> learner.fit(X, spent, treatment=treated, propensity=0.5).predict([[-1.0, 0.0], [1.0, 0.0]]).round(1)
    array([-0.9,  1.1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **WeighingLearner._parameter_constraints,
        "outcome_model": _MODEL,
    }

    outcome_model: Any

    def __init__(
        self,
        *,
        outcome_model: Any = None,
        effect_model: Any = None,
        propensity: Any = None,
        propensity_model: Any = None,
        cv: Any = 5,
        clip: float = 0.01,
        trim: float = 0.0,
        control: Any = None,
        horizon: Any = None,
        random_state: int = 0,
    ) -> None:
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity = propensity
        self.propensity_model = propensity_model
        self.cv = cv
        self.clip = clip
        self.trim = trim
        self.control = control
        self.horizon = horizon
        self.random_state = random_state

    def _fit(self, rows: AssignedRows) -> None:
        found = nuisances_of(
            rows,
            outcome_model=self.outcome_model,
            propensity_model=self.propensity_model,
            cv=self.cv,
            clip=self.clip,
            learner=type(self).__name__,
            random_state=self.random_state,
        )
        self._report(rows, found.chances)
        kept = np.flatnonzero(self._kept(found.chances))
        scores = found.effects(rows)[kept]
        self.effect_models_ = tuple(self._fit_effect(rows, kept, column) for column in scores.T)
        self.projections_ = self._projected(rows, kept, scores)

    def _projected(self, rows: AssignedRows, kept: Array, scores: FloatArray) -> tuple[EffectProjection, ...]:
        """Return the same lines with the errors of their coefficients, where the effect model is least squares."""
        if not _least_squares(self.effect_model):
            return ()
        X = rows_of(rows.X, kept)
        try:
            return tuple(project_effects(column, X, sample_weight=rows.weight_of(kept)) for column in scores.T)
        except DataError:  # features that are not independent: least squares predicts, and its errors are not defined
            return ()

    def predict_interval(self, X: Any, *, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Return bounds of the effect expected of each row.

        There are such bounds for a linear effect only: with ``effect_model=LinearRegression()``. They hold the best
        linear description of the effects, which is the effect itself where that is linear, and count customers and not
        rows where the index names them. Forests have none here: take `group_effects` for the effect on groups.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        confidence : float, default=0.95
            The nominal coverage at each row on its own, between 0 and 1.

        Returns
        -------
        low, high : ndarray of shape (n_rows,) or (n_rows, n_treatments)
            In units of the outcome; shaped like `predict`.

        Raises
        ------
        ParameterError
            If the effect model is not `LinearRegression`, features are linear functions of each other, or the
            confidence is not between 0 and 1.

        Examples
        --------
        >>> from sklearn.linear_model import LinearRegression
        >>> rng = np.random.default_rng(0)
        >>> X, treated = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000)
        >>> spent = 10 + treated * X[:, 0] + rng.normal(size=2000)
        >>> learner = DRLearner(effect_model=LinearRegression())
        >>> low, high = learner.fit(X, spent, treatment=treated, propensity=0.5).predict_interval([[1.0, 0.0]])
        >>> bool(low[0] < 1 < high[0])
        True
        """
        check_is_fitted(self)
        if not self.projections_:
            raise ParameterError(
                message(
                    f"effects of this {type(self.effect_models_[0].model).__name__} have no interval for one customer",
                    "a linear effect model of independent features; or intervals for groups of customers",
                    "DRLearner(effect_model=LinearRegression()), or group_effects(dr_scores(...), groups)",
                )
            )
        features = read_features(self, X, reset=False)
        bounds = [line.interval(features, confidence=confidence) for line in self.projections_]
        low, high = (np.column_stack(side) for side in zip(*bounds, strict=True))
        return (low[:, 0], high[:, 0]) if len(bounds) == 1 else (low, high)


def _least_squares(model: Any) -> bool:
    from sklearn.linear_model import LinearRegression

    return type(model) is LinearRegression and bool(model.fit_intercept) and not model.positive
