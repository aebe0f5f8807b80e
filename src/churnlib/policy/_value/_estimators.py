"""The value of a policy from a log of another one: six estimators and what each row adds to their error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import stdtrit

from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import DataError, message

__all__ = ["ESTIMATORS", "Estimate", "EstimatorName", "Weighed", "clustered_error", "critical_value", "estimate"]

EstimatorName: TypeAlias = Literal["dr", "ips", "snips", "dm", "sndr", "switch"]
ESTIMATORS: tuple[EstimatorName, ...] = ("dr", "ips", "snips", "dm", "sndr", "switch")


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """A policy on the rows of a log.

    `weight` is how much more probable the logged action is under the policy than it was (1 for what was done),
    `modelled` the outcome the model expects of the policy, `predicted` that of the logged action.
    """

    outcome: FloatArray
    weight: FloatArray
    modelled: FloatArray
    predicted: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """A value, and the influence of each row on it: it has the mean 0, and its variance is that of the value."""

    value: float
    influence: FloatArray


def estimate(name: EstimatorName, rows: Weighed, *, switch: float) -> Estimate:
    """Estimate the mean outcome under the policy."""
    if name in {"snips", "sndr"}:
        return _normalised(rows, name)
    if name == "ips":
        return _mean(rows.weight * rows.outcome)
    if name == "dm":
        return _mean(rows.modelled)
    left = rows.weight * (rows.outcome - rows.predicted)
    if name == "switch":
        left = np.where(rows.weight <= switch, left, 0.0)
    return _mean(rows.modelled + left)


def _mean(terms: FloatArray) -> Estimate:
    value = float(terms.mean())
    return Estimate(value, terms - value)


def _normalised(rows: Weighed, name: EstimatorName) -> Estimate:
    """Divide by the mean weight, which is 1 but for chance: what is known of that chance is taken out."""
    total = float(rows.weight.sum())
    if total == 0:
        raise DataError(
            message(
                f"in none of {len(rows.weight):,} rows did the log do what the policy would do",
                "a policy is judged by customers with whom its action was tried",
                "estimator='dm', which rests on the model alone, or a trial of the policy",
            )
        )
    part = rows.weight / (total / len(rows.weight))
    left = rows.outcome if name == "snips" else rows.outcome - rows.predicted
    # a mean with weights, so that it stays between the least and the greatest of what it is the mean of
    average = float(np.clip((rows.weight * left).sum() / total, left.min(), left.max()))
    if name == "snips":
        return Estimate(average, part * (left - average))
    modelled = float(rows.modelled.mean())
    return Estimate(modelled + average, rows.modelled - modelled + part * (left - average))


def clustered_error(influence: FloatArray, owner: IntArray, n_customers: int) -> float:
    """Return the standard error of a mean whose rows come in customers; their rows are added up first."""
    if n_customers < 2:
        raise DataError(
            message(
                f"the {len(influence):,} rows are of one customer",
                "an interval needs at least two",
                "customer=the column that tells customers apart",
            )
        )
    sums = influence if n_customers == len(influence) else np.bincount(owner, influence, n_customers)
    return float(np.sqrt(sums @ sums * n_customers / (n_customers - 1)) / len(influence))


def critical_value(n_customers: int, confidence: float) -> float:
    """Return Student's quantile for as many degrees of freedom as there are customers, less one."""
    return -float(stdtrit(n_customers - 1, (1 - confidence) / 2))
