"""The effect of a treatment, row by row, from an experiment: inverse propensity weighting."""

from __future__ import annotations

import warnings

import numpy as np

from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import AssumptionWarning, message
from churnlib.metrics import _arrays
from churnlib.metrics._uplift_inputs import Experiment, Propensity, read_experiment, same_labels
from churnlib.metrics._uplift_ranked import RankedEffects
from churnlib.metrics._uplift_rows import EstimatedShare

__all__ = ["ipw_scores", "ranked_effects", "warn_if_constant"]


def ipw_scores(
    outcome: ArrayLike,
    *,
    treatment: ArrayLike,
    propensity: Propensity,
    sample_weight: ArrayLike | None = None,
) -> FloatArray:
    """Effect of the treatment in each row, by inverse propensity weighting.

    Nobody is seen both treated and untreated, so the number of one row means little. Its *mean* over
    rows that were chosen by what was known before treatment is the mean effect of treating them,
    without bias, if the propensities are right. Uplift metrics are made of such means.

    Parameters
    ----------
    outcome : array-like of shape (n_rows,)
        1 for retained and 0 for lost, or an amount kept; larger is better.
    treatment : array-like of shape (n_rows,)
        1 for treated, 0 for the control.
    propensity : float, array-like of shape (n_rows,) or "estimate"
        The chance of each row to be treated, between 0 and 1, as it was when treatment was decided. "estimate"
        takes the share of treated rows, which is right only if all had the same chance.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; it matters for "estimate" alone.

    Returns
    -------
    array of shape (n_rows,)
        In units of the outcome; larger is better.

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, or a propensity is not between 0 and 1.
    ParameterError
        If treatment or propensity is None, or the one propensity is not between 0 and 1.

    Notes
    -----
    ``y t / e - y (1 - t) / (1 - e)`` for outcome y, treatment t and propensity e (Horvitz and Thompson 1952, J. Am.
    Stat. Assoc. 47, 663-685). Taking a constant off all outcomes leaves what the mean estimates as it is, and changes
    its noise: with 85 % retained ``outcome - outcome.mean()`` makes errors less than half as large.

    Examples
    --------
    >>> ipw_scores([1, 1, 0, 0], treatment=[1, 0, 1, 0], propensity=0.5)
    array([ 2., -2.,  0., -0.])
    """
    return _effects(read_experiment(outcome, treatment=treatment, propensity=propensity, sample_weight=sample_weight))


def ranked_effects(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike,
    propensity: Propensity,
    sample_weight: ArrayLike | None,
) -> tuple[RankedEffects, Experiment]:
    """Return the effects of an experiment, ranked by a score."""
    same_labels(("outcome", outcome), ("score", score), ("treatment", treatment), ("propensity", propensity))
    trial = read_experiment(outcome, treatment=treatment, propensity=propensity, sample_weight=sample_weight)
    ranked = RankedEffects(_effects(trial), score)
    ranked._labels = _arrays.labels_of(outcome, score)
    if trial.estimated:
        ranked._share = _estimated(trial)
    return ranked, trial


def warn_if_constant(ranked: RankedEffects, gives: str, *, stacklevel: int = 3) -> None:
    """Say that a score that is the same for all ranks nothing."""
    if ranked._order.n_blocks == 1 and ranked.n_rows > 1:
        warnings.warn(
            message(
                f"all {ranked.n_rows} scores are equal, so that nothing is ranked: {gives}",
                "a score tells rows apart",
                "check the learner: did it find no effect that differs between rows, or was it given a constant?",
            ),
            AssumptionWarning,
            stacklevel=stacklevel,
        )


def _effects(trial: Experiment) -> FloatArray:
    assert trial.propensity is not None
    chance = np.where(trial.treated, trial.propensity, trial.propensity - 1.0)
    effects: FloatArray = trial.outcome / chance
    return effects


def _estimated(trial: Experiment) -> EstimatedShare:
    assert trial.propensity is not None
    chance = np.where(trial.treated, trial.propensity, 1.0 - trial.propensity)
    return EstimatedShare(-trial.outcome / chance**2, trial.treated - trial.propensity)
