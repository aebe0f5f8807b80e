"""What treating brings along the ranking, in bins of equal size."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike, FloatArray
from churnlib.metrics import _arrays
from churnlib.metrics._counts import sums_within
from churnlib.metrics._grid import on_grid
from churnlib.metrics._metric_interval import Customers
from churnlib.metrics._uplift_effects import ranked_effects
from churnlib.metrics._uplift_inputs import Experiment, Propensity
from churnlib.metrics._uplift_ranked import RankedEffects
from churnlib.numerics import normal_quantile

__all__ = ["uplift_table"]


def uplift_table(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike,
    propensity: Propensity,
    bins: int = 10,
    customer: Customers = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Effect of the treatment along the ranking, in bins of equal size, with intervals.

    Parameters
    ----------
    outcome : array-like of shape (n_rows,)
        1 for retained and 0 for lost, or an amount kept; larger is better.
    score : array-like of shape (n_rows,)
        Predicted uplift; higher is treated first. Equal scores that straddle two bins are shared between them.
    treatment : array-like of shape (n_rows,)
        1 for treated, 0 for the control.
    propensity : float, array-like of shape (n_rows,) or "estimate"
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
    z = normal_quantile(confidence)
    gain, covariance = ranked._lists(np.arange(1, n_bins + 1) / n_bins, customer, sample_weight)
    # a bin is what its list gains more than the list before
    step = (np.eye(n_bins) - np.eye(n_bins, k=-1)) * n_bins
    uplift = step @ gain
    error = np.sqrt(np.maximum(np.diag(step @ covariance @ step.T), 0.0))
    edges = np.arange(n_bins + 1) / n_bins * ranked._rows(sample_weight).ladder.total
    columns = _arms(ranked, trial, edges)
    high, low = _scores_between(ranked, trial, edges)
    return pd.DataFrame(
        {
            **columns,
            "uplift": uplift,
            "standard_error": error,
            "low": uplift - z * error,
            "high": uplift + z * error,
            "cumulative_uplift": gain * n_bins / np.arange(1, n_bins + 1),
            "score_high": high,
            "score_low": low,
        },
        index=pd.RangeIndex(1, n_bins + 1, name="bin"),
    )


def _arms(ranked: RankedEffects, trial: Experiment, edges: FloatArray) -> dict[str, FloatArray]:
    order, weight = ranked._order, on_grid(trial.weight)
    rows = np.cumsum(order.block_sums(weight))

    def between(values: FloatArray) -> FloatArray:
        return np.diff(sums_within(edges, rows, np.cumsum(order.block_sums(values))))

    arms = {"treated": weight * trial.treated, "control": weight * ~trial.treated}
    counts = {name: between(weights) for name, weights in arms.items()}
    means = {
        f"outcome_{name}": np.divide(
            between(on_grid(weights * trial.outcome)),
            counts[name],
            out=np.full(edges.size - 1, np.nan),
            where=counts[name] > 0,
        )
        for name, weights in arms.items()
    }
    return {"rows": np.diff(edges), **counts, **means}


def _scores_between(ranked: RankedEffects, trial: Experiment, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the highest and the lowest score of the rows with weight between two edges each."""
    order = ranked._order
    size = order.block_sums(on_grid(trial.weight))
    counted = np.flatnonzero(size > 0)
    upper, slack = np.cumsum(size[counted]), 1e-12 * edges[-1]
    first = np.searchsorted(upper, edges[:-1] + slack, side="right")
    last = np.searchsorted(upper, edges[1:] - slack, side="left")
    scores = order.scores[counted]
    return scores[np.minimum(first, scores.size - 1)], scores[np.minimum(last, scores.size - 1)]
