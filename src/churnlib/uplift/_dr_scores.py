"""Doubly robust scores: one number per row and treatment whose mean is the effect on any group of customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._sklearn import BaseEstimator
from churnlib._typing import Array, ArrayLike, FloatArray
from churnlib.uplift._cross_fit import Fold, fit_rows, folds_of, over_folds, predict_folds
from churnlib.uplift._models import seeded
from churnlib.uplift._overlap import Overlap, overlap_of
from churnlib.uplift._propensity import Chances, chances_for
from churnlib.uplift._rows import AssignedRows, read_assigned
from churnlib.uplift._trees import BoostedOutcome

__all__ = ["DRScores", "Nuisances", "dr_scores", "nuisances_of"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DRScores:
    """Doubly robust scores of each row, and what they were made of.

    Attributes
    ----------
    values : ndarray of shape (n_rows,) or (n_rows, n_treatments)
        Score of each treatment against the control, in units of the outcome; positive is good. The number of one row
        is mostly noise, the mean of many is their effect.
    outcomes : ndarray of shape (n_rows, n_arms)
        What is expected of each row in each arm by models that have not seen it, control first.
    propensity : ndarray of shape (n_rows, n_arms)
        The chance of each arm, control first.
    arms : ndarray of shape (n_arms,)
        Their names, control first, the others sorted.
    overlap : Overlap
        Range of the propensity, effective sample sizes, and balance before and after weighting.
    index : Index or None
        That of X, if it had one; from it the customers of the rows are read.
    observed : ndarray of shape (n_rows, n_arms)
        The score of each arm's own mean: what is expected, and for the arm a row was in the weighted
        residual on top. The mean of a column is the mean outcome if everybody were in that arm.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> arm = rng.choice(["control", "call"], 500)
    >>> spent = 10 + 2 * (arm == "call") + rng.normal(size=500)
    >>> scores = dr_scores(X, spent, treatment=arm, propensity=0.5)
    >>> scores
    DRScores(500 rows, 'call' against 'control': 1.94)
    """

    values: FloatArray
    outcomes: FloatArray
    propensity: FloatArray
    arms: Array
    overlap: Overlap
    index: pd.Index[Any] | None
    observed: FloatArray

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        control, *others = self.arms.tolist()
        means = np.atleast_1d(self.values.mean(axis=0))
        stated = ", ".join(f"{arm!r} against {control!r}: {mean:.3g}" for arm, mean in zip(others, means, strict=True))
        return f"DRScores({len(self):,} rows, {stated})"


def dr_scores(
    X: Any,
    y: Any,
    *,
    treatment: ArrayLike | None = None,
    propensity: Any = None,
    outcome_model: Any = None,
    propensity_model: Any = None,
    cv: Any = 5,
    clip: float = 0.01,
    control: Any = None,
    horizon: Any = None,
    sample_weight: ArrayLike | None = None,
    random_state: int = 0,
) -> DRScores:
    """Compute doubly robust (AIPW) scores by cross-fitting.

    Nobody is seen both treated and untreated, so the effect on one customer is never known. These scores stand in for
    it: their mean over any group chosen by what was known before the treatment is the effect on
    that group, without bias if *either* the propensity or the outcome model is right. They are what learners learn
    from, what policies are chosen and valued by, and what intervals of effects are made of.

    Parameters
    ----------
    X : array or frame of shape (n_rows, n_features)
        What was known of each customer before the treatment. Rows of one customer, told by the index level
        ``customer_id``, stay in one fold.
    y : array-like of shape (n_rows,), or uplift target
        The outcome, larger is better; or what `churnlib.uplift_target` makes, which holds treatment and propensity too.
    treatment : array-like of shape (n_rows,), default=None
        The arm each row was assigned to: 0 and 1, whole numbers, or names with ``"control"`` among them.
    propensity : float, array-like, mapping, dataframe or "estimate", default=None
        The chance of each arm when treatment was decided; see `churnlib.uplift_target`. "estimate" fits
        `propensity_model`, which is right only if X holds all that the choice was made by.
    outcome_model : regressor or classifier, default=None
        Fitted in each arm. A classifier learns outcomes of 0 and 1, and its probability is used. None: small boosted
        trees, which take missing values and categories.
    propensity_model : classifier, default=None
        For ``propensity="estimate"``. None: boosted trees.
    cv : int, splitter or iterable of (train, test), default=5
        Folds by which no model predicts a row it has seen; each row is tested once.
    clip : float, default=0.01
        Estimated propensities are kept at least so far from 0 and 1. Given ones are taken as they are.
    control : object, default=None
        The name of the arm without treatment. None: 0, False, "control" or "none".
    horizon : float or str, default=None
        For a survival outcome: how far to look. The outcome is then the time stayed until there.
    sample_weight : array-like of shape (n_rows,), default=None
        How many customers each row stands for.
    random_state : int, default=0
        Seed of the folds and of the default models.

    Returns
    -------
    DRScores
        Scores, expected outcomes, propensities and the overlap report.

    Raises
    ------
    ParameterError
        If treatment or propensity is not given, or which arm is the control cannot be told.
    DataError
        If all rows are in one arm, an arm of `propensity` has no row, a number is missing, lengths differ, a propensity
        is not between 0 and 1, or y is a Series named "churn".
    HistoryError
        If an arm has too few rows for the folds.

    See Also
    --------
    average_effect : Their mean, with its interval.

    Notes
    -----
    For arm k with propensity e_k and expected outcome m_k the score is ``psi_k - psi_0`` with
    ``psi_a = m_a(x) + 1[arm = a] (y - m_a(x)) / e_a(x)`` (Robins, Rotnitzky and Zhao 1994, J. Am. Stat. Assoc. 89; with
    cross-fitting, Chernozhukov et al. 2018, Econom. J. 21).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2000, 3))
    >>> treated = rng.random(2000) < 0.5
    >>> retained = rng.random(2000) < 0.6 + 0.1 * treated * (X[:, 0] > 0)
    >>> scores = dr_scores(X, retained, treatment=treated, propensity=0.5)
    >>> bool(scores.values[X[:, 0] > 0].mean() > scores.values[X[:, 0] < 0].mean())
    True
    """
    reader = BaseEstimator()
    rows = read_assigned(
        reader,
        X,
        y,
        treatment=treatment,
        propensity=propensity,
        sample_weight=sample_weight,
        control=control,
        horizon=horizon,
    )
    found = nuisances_of(
        rows,
        outcome_model=outcome_model,
        propensity_model=propensity_model,
        cv=cv,
        clip=clip,
        learner="dr_scores",
        random_state=random_state,
    )
    chances = found.chances
    overlap = overlap_of(rows, chances.values, estimated=chances.estimated, clipped=chances.clipped)
    values = found.effects(rows)
    return DRScores(
        values[:, 0] if rows.n_treatments == 1 else values,
        found.outcomes,
        chances.values,
        rows.arms,
        overlap,
        getattr(rows.X, "index", None),
        found.means(rows),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Nuisances:
    """What is expected of each row in each arm and with what chance it is in it, out of fold."""

    outcomes: FloatArray
    chances: Chances
    folds: list[Fold]

    def means(self, rows: AssignedRows) -> FloatArray:
        """Return the score of the mean of each arm."""
        found = self.outcomes.copy()
        own = np.arange(len(rows)), rows.codes
        found[own] += (rows.outcome - self.outcomes[own]) / self.chances.values[own]
        return found

    def effects(self, rows: AssignedRows) -> FloatArray:
        """Return the score of each treatment against the control."""
        means = self.means(rows)
        effects: FloatArray = means[:, 1:] - means[:, :1]
        return effects


def nuisances_of(
    rows: AssignedRows,
    *,
    outcome_model: Any,
    propensity_model: Any,
    cv: Any,
    clip: float,
    learner: str,
    random_state: int,
) -> Nuisances:
    """Fit the outcome in each arm, and if asked the propensity, to all folds but one, and predict that one."""
    folds = folds_of(cv, rows.X, rows.kind, seed=random_state)
    chances = chances_for(
        rows, folds, propensity_model=propensity_model, clip=clip, learner=learner, random_state=random_state
    )
    model = seeded(BoostedOutcome, outcome_model, random_state)
    outcomes = np.empty((len(rows), len(rows.arms)))
    for code in range(len(rows.arms)):
        fitted = over_folds(
            lambda some: fit_rows(model, rows.X, rows.outcome, some, rows.weight, name="outcome_model"),
            folds,
            rows.in_arm(code),
        )
        outcomes[:, code] = predict_folds(fitted, rows.X, folds)
    return Nuisances(outcomes, chances, folds)
