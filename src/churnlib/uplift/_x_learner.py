"""Effects imputed by the model of the other arm, and learned in each."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from churnlib._typing import FloatArray
from churnlib.uplift._cross_fit import folds_of
from churnlib.uplift._learner import OutcomeLearner, WeighingLearner
from churnlib.uplift._models import FittedModel, fit_mean, seeded
from churnlib.uplift._propensity import Chances
from churnlib.uplift._rows import AssignedRows
from churnlib.uplift._trees import BoostedOutcome

__all__ = ["XLearner"]


class XLearner(WeighingLearner, OutcomeLearner):
    """Effects imputed in each arm by the model of the other one, learned in both, and weighed by the propensity.

    For a treated customer the effect is the outcome less what the model of the untreated expects; for an untreated one
    what the model of the treated expects, less the outcome. Where the control is large and few were
    treated, the model of the control is good, and the effect is mostly learned from the treated. It assumes
    that X holds all that treatment was decided by.

    Parameters
    ----------
    outcome_model : regressor or classifier, default=None
        Cloned for each arm. A classifier learns outcomes of 0 and 1, and its probability is used. None: small
        boosted trees, which take missing values and categories.
    effect_model : regressor, default=None
        Cloned for the imputed effects of each arm. None: a forest.
    propensity : float, array-like, mapping, dataframe or "estimate", default=None
        The chance of each arm, if `fit` is not given it. Where it differs between rows, a model learns it
        from X, to weigh the effects of new rows.
    propensity_model : classifier, default=None
        For "estimate". None: boosted trees.
    cv : int, splitter or iterable of (train, test), default=5
        Folds by which the propensity is estimated.
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
    outcome_models_ : tuple
        The model of the outcome of each arm.

    Notes
    -----
    Künzel et al. (2019), Proc. Natl. Acad. Sci. 116, 4156-4165: ``tau = g tau_0 + (1 - g) tau_1`` with the chance g to
    be treated, effects tau_1 learned from the treated and tau_0 from the untreated. With several treatments each is
    compared with the control on its own.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(2000, 2)), rng.random(2000) < 0.2
    >>> spent = 10 + treated * X[:, 0] + rng.normal(size=2000)
    >>> learner = XLearner(outcome_model=LinearRegression(), effect_model=LinearRegression(), propensity=0.2)
    >>> learner.fit(X, spent, treatment=treated).predict([[-1.0, 0.0], [1.0, 0.0]]).round(1)
    array([-0.9,  1.2])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **WeighingLearner._parameter_constraints,
        **OutcomeLearner._parameter_constraints,
    }

    outcome_models_: tuple[FittedModel, ...]
    _pairs: tuple[tuple[FittedModel, FittedModel], ...]
    _weights: tuple[FittedModel, ...]

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
        folds = folds_of(self.cv, rows.X, rows.kind, seed=self.random_state) if rows.estimate else []
        chances = self._chances(rows, folds)
        kept = self._kept(chances)
        self.outcome_models_ = self._fit_arms(rows)
        expected = self._outcomes(rows.X)
        control = np.flatnonzero(rows.in_arm(0) & kept)
        pairs = []
        for code in range(1, len(rows.arms)):
            treated = np.flatnonzero(rows.in_arm(code) & kept)
            of_treated = self._fit_effect(rows, treated, rows.outcome[treated] - expected[treated, 0])
            of_control = self._fit_effect(rows, control, expected[control, code] - rows.outcome[control])
            pairs.append((of_control, of_treated))
        self._pairs = tuple(pairs)
        self._weights = () if chances.estimated else self._learn_weights(rows, chances)

    def _learn_weights(self, rows: AssignedRows, chances: Chances) -> tuple[FittedModel, ...]:
        """Learn the chance to be treated from X where it was given: new rows come without it."""
        model = seeded(BoostedOutcome, None, self.random_state)
        return tuple(
            fit_mean(model, rows.X, chances.beside_control(code), rows.weight, name="propensity")
            for code in range(1, len(rows.arms))
        )

    def _outcomes(self, X: Any) -> FloatArray:
        return np.stack([model.predict(X) for model in self.outcome_models_], axis=1)

    def _effects(self, X: Any) -> FloatArray:
        if self.propensity_model_ is not None:
            chances = self.propensity_model_.predict(X)
            treated = chances[:, 1:] / (chances[:, 1:] + chances[:, :1])
        else:
            treated = np.stack([model.predict(X) for model in self._weights], axis=1)
        of_control, of_treated = (np.stack([pair[side].predict(X) for pair in self._pairs], axis=1) for side in (0, 1))
        effects: FloatArray = treated * of_control + (1 - treated) * of_treated
        return effects
