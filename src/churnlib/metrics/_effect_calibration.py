"""Whether predicted effects are as large as the effects that come true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._checks import check_one_order, named_rows
from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, message
from churnlib.metrics import _arrays
from churnlib.metrics._grid import on_grid
from churnlib.metrics._metric_interval import Customers, MetricInterval
from churnlib.metrics._uplift_customers import customer_codes, error_of_rows, normal_interval
from churnlib.metrics._uplift_effects import read_effect
from churnlib.metrics._uplift_inputs import read_numbers
from churnlib.numerics import TiedOrder, normal_quantile

__all__ = ["EffectCalibration", "effect_calibration"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EffectCalibration:
    """How predicted effects relate to the effects that came true.

    Attributes
    ----------
    slope : MetricInterval
        By how much the effect grows when the prediction grows by 1. 1 is right; below 1 predictions are too far apart,
        0 is a prediction that says nothing of who gains more.
    intercept : MetricInterval
        The effect where the prediction is 0, in units of the outcome; 0 is right.
    bias : MetricInterval
        Mean effect less mean prediction; above 0 where the predictions are too small on the whole.
    r2 : float
        The share of the differences between the bins' true effects that the predictions get right: 1 is all of it, 0
        no more than predicting the mean effect for everybody, below 0 worse than that. What noise adds to
        either is taken off first. NaN where the bins differ by no more than noise.
    table : DataFrame
        Indexed by ``bin``, 1 = highest predictions: ``rows``, ``predicted`` and ``effect`` (their means), and
        ``standard_error``, ``low`` and ``high`` of the effect.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=4000)
    >>> effect_calibration(truth + rng.normal(0, 2, 4000), 2 * truth)
    EffectCalibration(slope 0.5 (0.47 to 0.53), intercept 0.033 (-0.03 to 0.095), bias 0.048 (-0.022 to 0.12),
    R² -0.0084)
    """

    slope: MetricInterval
    intercept: MetricInterval
    bias: MetricInterval
    r2: float
    table: pd.DataFrame

    def __repr__(self) -> str:
        parts = [
            f"{name} {found.value:.2g} ({found.low:.2g} to {found.high:.2g})"
            for name, found in (("slope", self.slope), ("intercept", self.intercept), ("bias", self.bias))
        ]
        return f"EffectCalibration({', '.join(parts)}, R² {self.r2:.2g})"


def effect_calibration(
    effect: ArrayLike,
    score: ArrayLike,
    *,
    bins: int = 10,
    customer: Customers = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
) -> EffectCalibration:
    """Best straight line from predicted effects to true ones, and the two side by side in bins.

    A ranking may be perfect and its predictions ten times too large. Where they are set against a cost, in a
    threshold or under a budget, their size matters: this says how far it can be trusted.

    It assumes that the scores were made from other rows than these, or out of fold.

    Parameters
    ----------
    effect : array-like of shape (n_rows,)
        Effect of the treatment in each row, in units of the outcome: `ipw_scores`, or what `dr_scores` gives. Or an
        uplift target with its propensity, of which `ipw_scores` are taken.
    score : array-like of shape (n_rows,)
        Predicted effect of each row, in the same units.
    bins : int, default=10
        How many bins of as many rows each; equal predictions stay together.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, as in `qini_interval`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. However much a row weighs, it is one observation.
    confidence : float, default=0.95
        The nominal coverage of each interval by itself, between 0 and 1.

    Returns
    -------
    EffectCalibration
        Slope, intercept and bias with normal bounds, R², and the table.

    Raises
    ------
    DataError
        If all predictions are equal, a number is missing, lengths differ, or there are fewer than two customers.
    ParameterError
        If there are more bins than rows, or the confidence is not between 0 and 1.

    Notes
    -----
    The line is the best linear predictor of the effect given the score (Chernozhukov, Demirer, Duflo and Fernández-Val
    2018, NBER w24678, with the row effects in place of the outcome), by least squares, with errors
    that allow for unequal noise and for customers with several rows. R² is
    ``1 - sum p_b (effect_b - predicted_b)² / sum p_b (effect_b - mean)²`` over bins b with shares p_b, the expected
    square of the noise taken off both sums.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=4000)
    >>> found = effect_calibration(truth + rng.normal(0, 2, 4000), truth, bins=4)
    >>> found.table[["predicted", "effect", "low", "high"]].round(2)
         predicted  effect   low  high
    bin
    1         1.27    1.27  1.14  1.40
    2         0.31    0.37  0.24  0.49
    3        -0.36   -0.31 -0.44 -0.19
    4        -1.27   -1.25 -1.38 -1.12
    """
    check_one_order({"effect": effect, "score": score, "sample_weight": sample_weight})
    effects = on_grid(read_effect(effect))
    scores = on_grid(_finite(read_numbers(score, "score", effects.size)))
    weight, _ = _arrays.weights(sample_weight, effects.size)
    n_bins = _arrays.checked_bins(bins, effects.size)
    codes, n_customers = customer_codes(customer, _arrays.labels_of(effect, score), effects.size)
    share = on_grid(weight / weight.sum())
    centre = float(on_grid(share * scores).sum())
    off = scores - centre
    spread = float(on_grid(share * off**2).sum())
    if spread <= 1e-24 * max(centre**2, 1e-300):
        raise DataError(
            message(
                f"all {scores.size} predictions are equal",
                "a line through one point has no slope",
                "check the learner: did it find no effect that differs between rows?",
            )
        )
    mean = float(on_grid(share * effects).sum())
    slope = float(on_grid(share * off * effects).sum()) / spread
    residual = effects - mean - slope * off
    of_slope = share * residual * off / spread

    def bounds(value: float, influence: FloatArray) -> MetricInterval:
        return normal_interval(value, influence, codes, n_customers, confidence)

    table, r2 = _bins(effects, scores, share, n_bins, codes, n_customers)
    z = normal_quantile(confidence)
    table["low"] = table["effect"] - z * table["standard_error"]
    table["high"] = table["effect"] + z * table["standard_error"]
    table["rows"] *= float(weight.sum())
    return EffectCalibration(
        slope=bounds(slope, of_slope),
        intercept=bounds(mean - slope * centre, share * residual - centre * of_slope),
        bias=bounds(mean - centre, share * (effects - scores - (mean - centre))),
        r2=r2,
        table=table,
    )


def _finite(scores: FloatArray) -> FloatArray:
    infinite = np.isinf(scores)
    if infinite.any():
        raise DataError(
            message(
                f"{int(infinite.sum())} of {scores.size} predictions are infinite ({named_rows(infinite)})",
                "the size of an effect, in units of the outcome",
                "leave these rows out, and count them",
            )
        )
    return scores


def _bins(
    effects: FloatArray, scores: FloatArray, share: FloatArray, n_bins: int, codes: IntArray | None, n_customers: int
) -> tuple[pd.DataFrame, float]:
    """Return the bins, their rows as a share, and R²."""
    order = TiedOrder(scores)
    size = order.block_sums(share)
    middle = np.cumsum(size) - size / 2
    of_block = np.minimum((middle * n_bins).astype(np.int64), n_bins - 1)
    of_row = np.empty(scores.size, dtype=np.int64)
    of_row[order.order] = np.repeat(of_block, np.diff(np.append(order.starts, scores.size)))
    found, of_row = np.unique(of_row, return_inverse=True)

    def sums(values: FloatArray) -> FloatArray:
        summed: FloatArray = np.bincount(of_row, weights=on_grid(values), minlength=found.size).astype(np.float64)
        return summed

    rows = sums(share)
    kept = rows > 0
    means = {name: sums(share * values) / np.where(kept, rows, 1.0) for name, values in
             (("predicted", scores), ("effect", effects))}  # fmt: skip
    residual = share * (effects - means["effect"][of_row])
    error = np.array(
        [error_of_rows(np.where(of_row == place, residual, 0.0), codes, n_customers) for place in range(found.size)]
    ) / np.where(kept, rows, 1.0)
    table = pd.DataFrame(
        {"rows": rows, **means, "standard_error": error}, index=pd.RangeIndex(1, found.size + 1, name="bin")
    )[kept]
    return table, _r2(table)


def _r2(table: pd.DataFrame) -> float:
    rows, noise = table["rows"].to_numpy(), table["standard_error"].to_numpy() ** 2
    effect, predicted = table["effect"].to_numpy(), table["predicted"].to_numpy()
    mean = (rows * effect).sum()
    missed = (rows * ((effect - predicted) ** 2 - noise)).sum()
    # of the noise of a bin the mean of all takes its own share off
    differing = (rows * (effect - mean) ** 2).sum() - (rows * (1 - rows) * noise).sum()
    return float(1 - max(missed, 0.0) / differing) if differing > 0 else float("nan")
