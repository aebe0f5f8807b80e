"""The effect of a treatment, row by row, from an experiment: inverse propensity weighting."""

from __future__ import annotations

import warnings

import numpy as np

from churnlib._checks import check_one_order
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import AssumptionWarning, DataError, message
from churnlib.metrics import _arrays
from churnlib.metrics._uplift_arms import effects_of_arms, has_several_arms, taken_apart
from churnlib.metrics._uplift_inputs import Experiment, Propensity, read_experiment, read_table
from churnlib.metrics._uplift_ranked import RankedEffects
from churnlib.metrics._uplift_rows import EstimatedShare
from churnlib.targets import is_uplift_target

__all__ = ["ipw_scores", "ranked_effects", "read_effect", "read_effects", "warn_if_constant"]


def ipw_scores(
    outcome: ArrayLike,
    *,
    treatment: ArrayLike | None = None,
    propensity: Propensity = None,
    sample_weight: ArrayLike | None = None,
) -> FloatArray:
    """Effect of the treatment in each row, by inverse propensity weighting.

    Nobody is seen both treated and untreated, so the number of one row means little. Its *mean* over
    rows that were chosen by what was known before treatment is the mean effect of treating them,
    without bias, if the propensities are right. Uplift metrics are made of such means.

    Parameters
    ----------
    outcome : array-like of shape (n_rows,)
        1 for retained and 0 for lost, or an amount kept; larger is better. Or what `uplift_target` made.
    treatment : array-like of shape (n_rows,), default=None
        1 for treated, 0 for the control; None where an uplift target holds it.
    propensity : float, array-like of shape (n_rows,) or "estimate", default=None
        The chance of each row to be treated, between 0 and 1, as it was when treatment was decided. "estimate"
        takes the share of treated rows, which is right only if all had the same chance.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; it matters for "estimate" alone.

    Returns
    -------
    array of shape (n_rows,) or (n_rows, n_treatments)
        In units of the outcome; larger is better. For an uplift target of several treatments one column
        for each, compared with the control, in sorted order of the arms.

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, or a propensity is not between 0 and 1.
    ParameterError
        If treatment or propensity is missing, or given twice, or the one propensity is not between 0 and 1.

    Notes
    -----
    ``y t / e - y (1 - t) / (1 - e)`` for outcome y, treatment t and propensity e (Horvitz and Thompson 1952, J. Am.
    Stat. Assoc. 47, 663-685). Taking a constant off all outcomes leaves what the mean estimates as it is, and changes
    its noise: with 85 % retained ``outcome - outcome.mean()`` makes errors less than half as large.

    Examples
    --------
    >>> ipw_scores([1, 1, 0, 0], treatment=[1, 0, 1, 0], propensity=0.5)
    array([ 2., -2.,  0., -0.])
    >>> from churnlib.targets import uplift_target
    >>> ipw_scores(uplift_target(retained=[1, 1, 0, 0], treatment=[1, 0, 1, 0], propensity=0.5))
    array([ 2., -2.,  0., -0.])
    """
    if has_several_arms(outcome):
        return effects_of_arms(outcome, treatment, propensity)
    outcome, treatment, propensity = taken_apart(outcome, treatment, propensity)
    return _effects(read_experiment(outcome, treatment=treatment, propensity=propensity, sample_weight=sample_weight))


def ranked_effects(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None,
    propensity: Propensity,
    sample_weight: ArrayLike | None,
) -> tuple[RankedEffects, Experiment]:
    """Return the effects of an experiment, ranked by a score."""
    outcome, treatment, propensity = taken_apart(outcome, treatment, propensity)
    given = {"outcome": outcome, "score": score, "treatment": treatment, "propensity": propensity}
    check_one_order(given | {"sample_weight": sample_weight})
    trial = read_experiment(outcome, treatment=treatment, propensity=propensity, sample_weight=sample_weight)
    ranked = RankedEffects(_effects(trial), score)
    ranked._labels = _arrays.labels_of(outcome, score)
    if trial.estimated:
        ranked._share = _estimated(trial)
    return ranked, trial


def read_effects(effect: ArrayLike) -> FloatArray:
    """Return the effect of each treatment in each row, of shape (n_rows, n_treatments)."""
    if is_uplift_target(effect):
        return read_table(ipw_scores(effect), "effect")
    return read_table(getattr(effect, "values", effect), "effect")  # doubly robust scores come with much beside them


def read_effect(effect: ArrayLike) -> FloatArray:
    """Return the effect of one treatment in each row."""
    effects = read_effects(effect)
    if effects.shape[1] > 1:
        raise DataError(
            message(
                f"effect has {effects.shape[1]} columns",
                "one treatment, compared with the control",
                "effect=ipw_scores(y)[:, 0], and the score of that treatment",
            )
        )
    return effects[:, 0]


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
