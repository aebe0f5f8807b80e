"""What treating brings along the ranking, in bins of equal size."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike, FloatArray
from churnlib.metrics import _arrays
from churnlib.metrics._grid import on_grid
from churnlib.metrics._metric_interval import Customers
from churnlib.metrics._uplift_effects import ranked_effects
from churnlib.metrics._uplift_inputs import Experiment, Propensity
from churnlib.metrics._uplift_ranked import RankedEffects
from churnlib.metrics._uplift_rows import Lists, RankedRows

__all__ = ["uplift_table"]


def uplift_table(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None = None,
    propensity: Propensity = None,
    bins: int = 10,
    customer: Customers = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Effect of the treatment along the ranking, in bins of equal size, with intervals.

    Parameters
    ----------
    outcome : array-like of shape (n_rows,)
        1 for retained and 0 for lost, or an amount kept; larger is better. Or what `uplift_target` made.
    score : array-like of shape (n_rows,)
        Predicted uplift; higher is treated first. Equal scores that straddle two bins are shared between them.
    treatment : array-like of shape (n_rows,), default=None
        1 for treated, 0 for the control; None where an uplift target holds it.
    propensity : float, array-like of shape (n_rows,) or "estimate", default=None
        The chance of each row to be treated, as in `ipw_scores`; the error of an estimated one is counted.
    bins : int, default=10
        How many bins; ten make deciles. Each holds the same share of the rows exactly, unrounded.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, as in `qini_interval`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. However much a row weighs, it is one observation.
    confidence : float, default=0.95
        The nominal coverage of each interval by itself, between 0 and 1.

    Returns
    -------
    DataFrame
        Indexed by ``bin``, 1 = highest scores: ``rows``, ``treated`` and ``control`` (how many, in weight where rows
        have weights), ``outcome_treated`` and ``outcome_control`` (mean outcomes of these as they are; NaN where there
        are none), ``uplift`` (mean of `ipw_scores`, in units of the outcome; larger is better) with
        ``standard_error``, ``low`` and ``high``, ``cumulative_uplift`` (of this bin and those above),
        ``score_high`` and ``score_low``.

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, a propensity is not between 0 and 1, or
        there are fewer than two customers.
    ParameterError
        If there are more bins than rows, treatment or propensity is None, or the one propensity or the confidence is
        not between 0 and 1.

    Notes
    -----
    ``uplift`` follows the propensity, and so is not quite the difference of the two mean outcomes, which
    follows the treated and untreated rows that happened to fall into the bin. Their mean over the bins
    is the mean effect.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score, treated = rng.normal(size=9000), rng.random(9000) < 0.5
    >>> kept = 50 + 10 * score * treated + rng.normal(size=9000)
    >>> table = uplift_table(kept - kept.mean(), score, treatment=treated, propensity=0.5, bins=3)
    >>> table[["rows", "uplift", "low", "high"]].round(1)
           rows  uplift   low  high
    bin
    1    3000.0    11.1  10.6  11.6
    2    3000.0    -0.1  -0.3   0.2
    3    3000.0   -10.6 -11.1 -10.1
    """
    ranked, trial = ranked_effects(
        outcome, score, treatment=treatment, propensity=propensity, sample_weight=sample_weight
    )
    n_bins = _arrays.checked_bins(bins, ranked.n_rows)
    rows = ranked._rows(sample_weight)
    frame, lists = ranked._bins(rows, n_bins, customer, confidence)
    for place, (name, column) in enumerate(_arms(ranked, trial, lists, rows).items(), 1):
        frame.insert(place, name, column)
    return frame


def _arms(ranked: RankedEffects, trial: Experiment, lists: Lists, rows: RankedRows) -> dict[str, FloatArray]:
    """Return rows and mean outcomes of each arm in each bin."""
    order = ranked._order.order
    weight = on_grid(trial.weight)[order] if trial.weighted else np.ones(order.size)
    weighted = on_grid(trial.weight * trial.outcome if trial.weighted else trial.outcome)[order]
    treated = trial.treated[order]

    def between(values: FloatArray) -> FloatArray:
        return np.diff(lists.summed(rows, values), prepend=0.0)

    in_all, outcomes = between(weight), between(weighted)
    counts = {"treated": between(weight * treated)}
    counts["control"] = in_all - counts["treated"]
    sums = {"treated": between(weighted * treated)}
    sums["control"] = outcomes - sums["treated"]
    means = {
        f"outcome_{arm}": np.divide(sums[arm], held, out=np.full(held.size, np.nan), where=held > 0)
        for arm, held in counts.items()
    }
    return {**counts, **means}
