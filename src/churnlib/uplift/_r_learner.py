"""Effects as the slope of what is left of the outcome on what is left of the treatment."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from churnlib._typing import Array, FloatArray
from churnlib.uplift._cross_fit import Fold, fit_rows, folds_of, over_folds, predict_folds
from churnlib.uplift._learner import _MODEL, WeighingLearner
from churnlib.uplift._models import seeded
from churnlib.uplift._rows import AssignedRows
from churnlib.uplift._trees import BoostedOutcome

__all__ = ["RLearner"]


class RLearner(WeighingLearner):
    """What the treatment explains of an outcome when all that could be expected without knowing it is taken off.

    The outcome less its expectation is compared with the treatment less its chance, both by models that have not seen
    the row. One model of the outcome is enough, and what decides both treatment and outcome is taken off twice;
    it does well where the outcome is complicated and the effect is simple. It assumes that X holds all that treatment
    was decided by.

    Parameters
    ----------
    outcome_model : regressor or classifier, default=None
        Of the outcome without knowing the treatment. A classifier learns outcomes of 0 and 1, and its probability is
        used. None: small boosted trees, which take missing values and categories.
    effect_model : regressor, default=None
        Learns the effect; its fit has to take weights. None: a forest.
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

    Notes
    -----
    Nie and Wager (2021), Biometrika 108, 299-319: the effect minimises the sum of
    ``(t - e)² ((y - m) / (t - e) - tau(x))²``. With several treatments each is compared with the control on the rows of
    both, with the chance to be treated among them.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000)
    >>> spent = 10 + treated * X[:, 0] + rng.normal(size=2000)
    >>> learner = RLearner(effect_model=LinearRegression(), propensity=0.5)
    >>> learner.fit(X, spent, treatment=treated).predict([[-1.0, 0.0], [1.0, 0.0]]).round(1)
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
        folds = folds_of(self.cv, rows.X, rows.kind, seed=self.random_state)
        chances = self._chances(rows, folds)
        kept = self._kept(chances)
        models = []
        for code in range(1, len(rows.arms)):
            among = rows.in_arm(0) | rows.in_arm(code)
            expected = self._expected(rows, folds, among)
            chosen = np.flatnonzero(among & kept)
            unexplained = rows.outcome[chosen] - expected[chosen]
            drawn = rows.in_arm(code)[chosen] - chances.beside_control(code)[chosen]
            loss = drawn**2 / np.mean(drawn**2)  # leaves of trees are as large as those of other learners
            models.append(self._fit_effect(rows, chosen, unexplained / drawn, loss))
        self.effect_models_ = tuple(models)

    def _expected(self, rows: AssignedRows, folds: list[Fold], among: Array) -> FloatArray:
        """Return the outcome expected of each row without knowing its arm."""
        model = seeded(BoostedOutcome, self.outcome_model, self.random_state)
        fitted = over_folds(
            lambda some: fit_rows(model, rows.X, rows.outcome, some, rows.weight, name="outcome_model"), folds, among
        )
        return predict_folds(fitted, rows.X, folds)
