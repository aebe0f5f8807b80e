"""Effects learned from outcomes weighted by the propensity alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib.uplift._cross_fit import folds_of
from churnlib.uplift._learner import WeighingLearner
from churnlib.uplift._rows import AssignedRows

__all__ = ["TransformedOutcomeLearner"]


class TransformedOutcomeLearner(WeighingLearner):
    """Effects learned from outcomes weighted by the propensity, without any model of the outcome.

    One model is all there is to fit, and of a campaign drawn by lot nothing can be wrong but its noise, which is large:
    `DRLearner` learns from scores with the same mean and less of it. It serves as a baseline. It assumes that the
    propensity is right.

    Parameters
    ----------
    effect_model : regressor, default=None
        Learns the effect from the weighted outcomes. None: a forest.
    propensity : float, array-like, mapping, dataframe or "estimate", default=None
        The chance of each arm, if `fit` is not given it.
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

    Notes
    -----
    Learned from is ``(y - c) (1[arm = k] / e_k - 1[arm = control] / e_0)`` (Athey and Imbens 2016, Proc. Natl. Acad.
    Sci. 113, 7353-7360, with c = 0). The mean outcome is c here, which leaves the effect as it is and takes off noise.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000)
    >>> spent = 10 + treated * X[:, 0] + rng.normal(size=2000)
    >>> learner = TransformedOutcomeLearner(LinearRegression(), propensity=0.5)
    >>> learner.fit(X, spent, treatment=treated).predict([[-1.0, 0.0], [1.0, 0.0]]).round(1)
    array([-0.9,  1.1])
    """

    def __init__(
        self,
        effect_model: Any = None,
        *,
        propensity: Any = None,
        propensity_model: Any = None,
        cv: Any = 5,
        clip: float = 0.01,
        trim: float = 0.0,
        control: Any = None,
        horizon: Any = None,
        random_state: int = 0,
    ) -> None:
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
        kept = np.flatnonzero(self._kept(chances))
        centred = rows.outcome - np.average(rows.outcome, weights=rows.weight)
        control = rows.in_arm(0) * centred / chances.values[:, 0]
        models = []
        for code in range(1, len(rows.arms)):
            treated = rows.in_arm(code) * centred / chances.values[:, code]
            models.append(self._fit_effect(rows, kept, (treated - control)[kept]))
        self.effect_models_ = tuple(models)
