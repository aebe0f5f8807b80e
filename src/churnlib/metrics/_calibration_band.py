"""How large a calibration error chance alone produces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.metrics import _arrays
from churnlib.metrics._bins import bin_of_block
from churnlib.metrics._ranked import RankedOutcomes
from churnlib.numerics import TiedOrder, customer_bootstrap
from churnlib.numerics._intervals import checked_confidence

__all__ = ["CalibrationBand", "calibration_band"]


@dataclass(frozen=True, slots=True)
class CalibrationBand:
    """A calibration error beside what chance alone would give.

    Attributes
    ----------
    error : float
        The error seen, between 0 and 1.
    expected : float
        The mean error of a perfectly calibrated model on as many customers.
    upper : float
        What such a model stays below in the given share of samples.
    low, high : float
        Bounds of the true error; ``low`` is 0 where chance alone explains what was seen.
    confidence : float
        That share, and the coverage of the bounds.

    Examples
    --------
    >>> band = CalibrationBand(error=0.031, expected=0.020, upper=0.029, low=0.01, high=0.04, confidence=0.95)
    >>> band.explained_by_chance
    False
    """

    error: float
    expected: float
    upper: float
    low: float
    high: float
    confidence: float

    @property
    def explained_by_chance(self) -> bool:
        """Whether the error lies within what chance alone gives."""
        return self.error <= self.upper


def calibration_band(
    y: ArrayLike,
    p: ArrayLike,
    *,
    customer: ArrayLike | pd.Index | pd.Series[Any] | None = None,
    bins: int = 10,
    confidence: float = 0.95,
    n_boot: int = 200,
    random_state: int | np.random.Generator = 0,
    sample_weight: ArrayLike | None = None,
) -> CalibrationBand:
    """Compare the calibration error with that of a perfectly calibrated model, and bound the true one.

    A perfect model still has an error above 0, for chance moves the rate in
    every bin. Customers are redrawn with all their rows, and what moves is the noise of each bin
    around its own gap: that is the error one would see if every gap were nil. A
    plain bootstrap interval of the error fails near 0, since every draw adds noise to noise: of samples from a
    perfect model it covers almost none. Here the lower bound takes off all that
    chance may have added, and the upper one is that of the debiased error.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    p : array-like of shape (n_rows,)
        The stated probability to churn, between 0 and 1.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row; None takes each row for a customer of its own.
    bins : int, default=10
        How many bins of equal mass.
    confidence : float, default=0.95
        The share of perfectly calibrated samples that stay below ``upper``.
    n_boot : int, default=200
        How many draws.
    random_state : int or numpy.random.Generator, default=0
        The seed of the draws.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. A row that stands for several customers still is drawn as one: with weights the
        band is that of so many rows as there are.

    Returns
    -------
    CalibrationBand
        ``error``, ``expected`` and ``upper``, and the bounds ``low`` and ``high`` of the true error,
        all between 0 and 1.

    Raises
    ------
    DataError
        If a number is missing, an outcome is neither 0 nor 1, a probability lies
        outside 0 and 1, or there are fewer than two customers.
    ParameterError
        If there are more bins than rows, or the confidence is not between 0 and 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(0.0, 0.4, 2000)
    >>> calibration_band(rng.random(2000) < p, p).explained_by_chance
    True
    >>> calibration_band(rng.random(2000) < p, 0.7 * p).explained_by_chance
    False
    """
    ranked = RankedOutcomes(y, p)
    own = np.ones(1)
    if sample_weight is not None:
        own = _arrays.weights(sample_weight, ranked.n_rows)[0]
        own = own / own.mean()  # fractions: they say how much rows count, not how often they were seen
    error = ranked.calibration_error(bins=bins, sample_weight=sample_weight)
    noise = _noise(*_arrays.outcomes_and_scores(y, p), bins, own)

    def redrawn(times: IntArray) -> FloatArray:
        weight = times if sample_weight is None else times * own
        return np.array([noise(weight), ranked.calibration_error(bins=bins, debiased=True, sample_weight=weight)])

    drawn = customer_bootstrap(
        redrawn,
        np.arange(ranked.n_rows) if customer is None else customer,
        n_boot=n_boot,
        random_state=random_state,
    )
    by_chance = drawn.draws[:, 0]
    # An observed draw, not a point between two: a quantile of few draws is else too low on average.
    upper = float(np.quantile(by_chance, checked_confidence(confidence), method="higher"))
    _, high = drawn.interval(confidence)
    return CalibrationBand(
        error=error,
        expected=float(by_chance.mean()),
        upper=upper,
        low=max(0.0, error - upper),  # by the triangle inequality |error - true error| <= noise
        high=float(high[1]),
        confidence=confidence,
    )


def _noise(y: FloatArray, p: FloatArray, n_bins: int, own: FloatArray) -> Callable[[IntArray | FloatArray], float]:
    """Return the distance, summed over bins, by which a draw moves the gap of each bin."""
    own = np.broadcast_to(own, y.shape)
    bin_of = _bin_of_row(p, n_bins, own)
    residual = y - p

    def per_bin(values: FloatArray | IntArray) -> FloatArray:
        sums: FloatArray = np.bincount(bin_of, weights=values, minlength=n_bins).astype(np.float64)
        return sums

    rows = per_bin(own)
    gap = np.divide(per_bin(own * residual), rows, out=np.zeros(n_bins), where=rows > 0)

    def noise(weight: IntArray | FloatArray) -> float:
        moved = per_bin(weight * residual) - per_bin(weight) * gap
        return float(np.abs(moved).sum() / weight.sum())

    return noise


def _bin_of_row(p: FloatArray, n_bins: int, own: FloatArray) -> IntArray:
    order = TiedOrder(p)
    rows = np.diff(np.append(order.starts, order.n_rows))
    bin_of = np.empty(order.n_rows, dtype=np.int64)
    bin_of[order.order] = np.repeat(bin_of_block(order.block_sums(own), n_bins), rows)
    return bin_of
