"""Intervals that may be looked at whenever one likes: the mixture sequential probability ratio test, inverted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_number
from churnlib._typing import FloatArray
from churnlib.exceptions import ParameterError, message
from churnlib.experiments._effect import Effect, made
from churnlib.experiments._estimate import plain
from churnlib.experiments._means import Means
from churnlib.experiments._ratio_interval import mean_ratio
from churnlib.experiments._trial import Trial, read_trial
from churnlib.numerics._intervals import checked_confidence

__all__ = ["always_valid_interval", "always_valid_path"]

FIRST_LOOK = {True: 20, False: 50}
"""Customers in each arm before which nothing is said of shares (True) and of other outcomes: a variance needs some
customers to be known at all, and more of them where a few buy much."""


def always_valid_interval(
    outcome: Any,
    treatment: Any,
    *,
    planned_effect: float,
    control: Any = None,
    arm: Any = None,
    margin: float | None = None,
    confidence: float = 0.95,
) -> Effect:
    """The effect so far, with an interval that holds at every look.

    A usual interval is made for one look. Whoever looks every morning and stops at the first clear result is
    wrong far more often than one time in twenty. This interval is wider: in the given share of experiments it
    holds the true effect *at all looks together*, so that one may stop at any of them, for any reason.
    It assumes that customers are drawn one by one, and are all alike in distribution whenever they come.

    Parameters
    ----------
    outcome : array-like of shape (n,)
        Outcomes known by now; larger is better. Take them up as they become known for both arms alike.
    treatment : array-like of shape (n,)
        The arm of each customer.
    planned_effect : float
        The effect the experiment was planned for, other than 0, as in `sample_size`. The interval is narrowest about
        the time at which such an effect shows. Set it before the first look and do not change it.
    control : label, default=None
        The arm without treatment. None takes "control", "none" or 0.
    arm : label, default=None
        The arm to compare with it.
    margin : float or None, default=None
        A loss that would be accepted, 0 or more (see `effect`).
    confidence : float, default=0.95
        The share of experiments in which no look shall be wrong, between 0 and 1.

    Returns
    -------
    Effect
        With fewer than 50 customers in an arm the bounds are infinite; for shares they are -1 and 1 with fewer than 20.

    Raises
    ------
    ParameterError
        If the planned effect is 0, or another number is out of range.
    DataError
        As `effect`.

    Notes
    -----
    With V the variance of the difference and τ the planned effect, the half-width is
    ``sqrt(V (V + τ²) / τ² · log((V + τ²) / (V α²)))``: the effects that the mixture sequential probability ratio
    test with the mixture N(0, τ²) has not rejected (Robbins 1970; Johari, Koomen, Pekelis and Walsh 2022, Oper. Res.
    70). It holds for large samples (Waudby-Smith et al. 2024, Ann. Stat. 52); what is done so that
    small arms do not seem surer than they are: for shares, V is computed with two customers more of either outcome in
    each arm, and the first hundred who all stayed do not count as certainty; for money, no arm's variance is taken to
    be below that of both together, since a small arm without a big spender has a low mean and a low variance at once.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> offered = rng.random(3000) < 0.5
    >>> kept = (rng.random(3000) < np.where(offered, 0.93, 0.88)).astype(int)
    >>> always_valid_interval(kept, offered, planned_effect=0.03)
    treated 94.0% of 1,526 against control 88.3% of 1,474: +5.7 points (+2.6 to +8.9), better (95% interval; holds at
    every look).
    """
    tau = _checked(planned_effect)
    share = checked_confidence(confidence)
    accepted = None if margin is None else check_number(margin, name="margin", low=0)
    trial = read_trial(outcome, treatment, control=control, arm=arm)
    found = plain(trial)
    size = np.array([(~trial.treated).sum(), trial.treated.sum()])
    variance = _variances(trial, found, size)
    half = float(_half(variance.sum(), tau, share))
    if size.min() < FIRST_LOOK[trial.binary]:
        half = np.inf
    low, high = found.value - half, found.value + half
    if trial.binary:
        low, high = max(low, -1.0), min(high, 1.0)
    means = Means(found.control, found.treated, np.diag(variance), np.inf, "holds at every look")
    multiple = half / np.sqrt(variance.sum()) if variance.sum() else np.inf
    ratio = (-np.inf, np.inf)
    if np.isfinite(multiple):
        ratio = mean_ratio(means.control, means.treated, means.covariance, multiple)
    return made(trial, means, (low, high), ratio, df=np.inf, confidence=share, margin=accepted)


def always_valid_path(
    outcome: Any,
    treatment: Any,
    *,
    planned_effect: float,
    control: Any = None,
    arm: Any = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """`always_valid_interval` after each customer.

    Parameters
    ----------
    outcome : array-like of shape (n,)
        Outcomes in the order in which they became known; larger is better.
    treatment : array-like of shape (n,)
        The arm of each customer.
    planned_effect : float
        The effect the experiment was planned for, other than 0.
    control : label, default=None
        The arm without treatment. None takes "control", "none" or 0.
    arm : label, default=None
        The arm to compare with it. Rows of other arms are left out.
    confidence : float, default=0.95
        The share of experiments in which no look shall be wrong, between 0 and 1.

    Returns
    -------
    DataFrame
        Indexed by ``n``, the customers so far: ``value``, ``low``, ``high``. The last row is what
        `always_valid_interval` says of all. Bounds are infinite before the first 50 customers in each arm
        (shares: -1 and 1 before the first 20), and there is no value before the first.

    Raises
    ------
    ParameterError
        If the planned effect is 0, or the confidence is out of range.
    DataError
        As `effect`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> offered = rng.random(3000) < 0.5
    >>> kept = (rng.random(3000) < np.where(offered, 0.93, 0.88)).astype(int)
    >>> path = always_valid_path(kept, offered, planned_effect=0.03)
    >>> path.loc[[30, 300, 3000]].round(3)
          value    low   high
    n
    30    0.053 -1.000  1.000
    300   0.032 -0.090  0.154
    3000  0.057  0.026  0.089
    >>> int(path.index[path["low"] > 0][0])  # the first look at which it was clear
    676
    """
    tau = _checked(planned_effect)
    share = checked_confidence(confidence)
    trial = read_trial(outcome, treatment, control=control, arm=arm)
    sides = [~trial.treated, trial.treated]
    size = np.stack([np.cumsum(side) for side in sides]).astype(float)
    # about the overall mean, so that squares of large numbers do not cancel
    centred = trial.outcome - trial.outcome.mean()
    total = np.stack([np.cumsum(centred * side) for side in sides])
    square = np.stack([np.cumsum(centred**2 * side) for side in sides])
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / size
        if trial.binary:
            kept = total + size * trial.outcome.mean()
            variance = _share_variance(kept, size)
        else:
            variance = _mean_variance(np.maximum(square - size * mean**2, 0), size)
        half = _half(variance.sum(axis=0), tau, share)
    half[size.min(axis=0) < FIRST_LOOK[trial.binary]] = np.inf
    value = mean[1] - mean[0]
    low, high = np.where(np.isinf(half), -np.inf, value - half), np.where(np.isinf(half), np.inf, value + half)
    if trial.binary:
        low, high = np.maximum(low, -1.0), np.minimum(high, 1.0)
    index = pd.RangeIndex(1, len(value) + 1, name="n")
    return pd.DataFrame({"value": value, "low": low, "high": high}, index=index)


def _checked(planned_effect: float) -> float:
    tau = abs(check_number(planned_effect, name="planned_effect"))
    if tau == 0:
        raise ParameterError(
            message(
                "planned_effect=0 plans for nothing",
                "the effect given to sample_size is needed, in the unit of the outcome",
                "planned_effect=0.02 for two points of retention",
            )
        )
    return tau


def _half(variance: Any, tau: float, confidence: float) -> FloatArray:
    """The half-width; 0 for outcomes that do not vary at all."""
    sure = np.maximum(np.asarray(variance, dtype=float), 1e-300)
    spread = sure + tau**2
    width: FloatArray = np.sqrt(sure * spread / tau**2 * (np.log(spread / sure) - 2 * np.log(1 - confidence)))
    return width


def _variances(trial: Trial, found: Means, size: np.ndarray[Any, Any]) -> FloatArray:
    if not trial.binary:
        return _mean_variance(np.diag(found.covariance) * size * (size - 1), size.astype(float))
    kept = np.array([trial.values(treated=False).sum(), trial.values(treated=True).sum()])
    return _share_variance(kept, size)


def _share_variance(kept: FloatArray, size: FloatArray) -> FloatArray:
    share = (kept + 2) / (size + 4)
    return np.asarray(share * (1 - share) / size)


def _mean_variance(squares: FloatArray, size: FloatArray) -> FloatArray:
    pooled = squares.sum(axis=0) / (size.sum(axis=0) - 2)
    return np.asarray(np.maximum(squares / (size - 1), pooled) / size)
