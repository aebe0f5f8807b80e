"""Two models of the outcome: one of the treated, one of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib._typing import FloatArray
from churnlib.uplift._learner import OutcomeLearner
from churnlib.uplift._models import FittedModel
from churnlib.uplift._rows import AssignedRows

__all__ = ["TLearner"]


class TLearner(OutcomeLearner):
    """A model of the outcome for each arm; the effect is the difference of their predictions.

    The simplest learner, and the one whose parts can be read. Each model follows the outcome and not the effect, so
    their errors add up, above all where one arm is small: `XLearner` and `DRLearner` then do better. It assumes that X
    holds all that treatment was decided by.

    Parameters
    ----------
    outcome_model : regressor or classifier, default=None
        Cloned for each arm. A classifier learns outcomes of 0 and 1, and its probability is used. None: small
        boosted trees, which take missing values and categories.
    propensity : float, array-like, mapping, dataframe or "estimate", default=None
        The chance of each arm; only `score` asks for it.
    control : object, default=None
        The name of the arm without treatment. None: 0, False, "control" or "none".
    horizon : float or str, default=None
        For a survival outcome: how far to look. The outcome is then the time stayed until there.
    random_state : int, default=0
        Seed of the default model.

    Attributes
    ----------
    arms_ : ndarray of shape (n_arms,)
        Names of the arms, control first, the others sorted.
    outcome_models_ : tuple
        The model of each arm.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000)
    >>> spent = 10 + treated * X[:, 0] + rng.normal(size=2000)
    >>> TLearner(LinearRegression()).fit(X, spent, treatment=treated).predict([[-1.0, 0.0], [1.0, 0.0]]).round(1)
    array([-0.9,  1.1])
    """

    outcome_models_: tuple[FittedModel, ...]

    def __init__(
        self,
        outcome_model: Any = None,
        *,
        propensity: Any = None,
        control: Any = None,
        horizon: Any = None,
        random_state: int = 0,
    ) -> None:
        self.outcome_model = outcome_model
        self.propensity = propensity
        self.control = control
        self.horizon = horizon
        self.random_state = random_state

    def _fit(self, rows: AssignedRows) -> None:
        self.outcome_models_ = self._fit_arms(rows)
        self._estimate_if_asked(rows)

    def _outcomes(self, X: Any) -> FloatArray:
        return np.stack([model.predict(X) for model in self.outcome_models_], axis=1)
