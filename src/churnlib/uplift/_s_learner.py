"""One model of the outcome, in which the treatment is a feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray, IntArray
from churnlib.uplift._learner import OutcomeLearner
from churnlib.uplift._models import FittedModel, fit_mean, n_rows_of, seeded
from churnlib.uplift._rows import AssignedRows
from churnlib.uplift._trees import BoostedOutcome

__all__ = ["SLearner"]


class SLearner(OutcomeLearner):
    """One model of the outcome, with the treatment among its features.

    The effect is the difference of two predictions for the same customer, treated and not. It suits effects
    that are nearly the same for all; a model that penalises what it learns shrinks them to 0, and a linear
    one without products of features finds one effect for everybody. It assumes that X holds all that treatment was
    decided by.

    Parameters
    ----------
    outcome_model : regressor or classifier, default=None
        A classifier learns outcomes of 0 and 1, and its probability is used. Columns ``arm_…`` of 0 and 1, one
        for each treatment, stand behind those of X. None: small boosted trees, which take missing values and
        categories.
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

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000)
    >>> spent = 10 + treated * (X[:, 0] > 0) + rng.normal(size=2000)
    >>> SLearner().fit(X, spent, treatment=treated).predict([[-1.0, 0.0], [1.0, 0.0]]).round(1)
    array([0.1, 1.1])
    """

    _outcome_model: FittedModel

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
        model = seeded(BoostedOutcome, self.outcome_model, self.random_state)
        X = self._with_arm(rows.X, rows.codes)
        self._outcome_model = fit_mean(model, X, rows.outcome, rows.weight, name="outcome_model")
        self._estimate_if_asked(rows)

    def _outcomes(self, X: Any) -> FloatArray:
        n_rows = n_rows_of(X)
        arms = range(len(self.arms_))
        return np.stack([self._outcome_model.predict(self._with_arm(X, np.full(n_rows, arm))) for arm in arms], axis=1)

    def _with_arm(self, X: Any, codes: IntArray) -> Any:
        flags = (codes[:, None] == np.arange(1, len(self.arms_))).astype(np.float64)
        if isinstance(X, pd.DataFrame):
            X = X.rename(columns=str)  # scikit-learn takes no names of two kinds
            names = [f"arm_{arm}" for arm in self.arms_[1:].tolist()]
            while X.columns.isin(names).any():
                names = [f"{name}_" for name in names]
            return pd.concat([X, pd.DataFrame(flags, index=X.index, columns=names)], axis=1)
        return np.column_stack([X, flags])
