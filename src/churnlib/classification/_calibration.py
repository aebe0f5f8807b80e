"""Maps from a model's score to a probability, and the choice whether one is needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit

from churnlib.exceptions import DataError, message
from churnlib.model_selection import grouped_folds

__all__ = [
    "METHODS",
    "Calibrator",
    "IsotonicCalibrator",
    "SigmoidCalibrator",
    "choose_calibration",
    "clustered_mean",
    "cross_calibrated",
    "fit_isotonic",
    "fit_sigmoid",
    "row_log_loss",
    "too_few_to_calibrate",
]

FloatArray = npt.NDArray[np.float64]

# float32 models state probabilities down to about this; a logit must stay finite
_TINY = 1e-7


class Calibrator(Protocol):
    """A monotone map from stated to calibrated probabilities."""

    def __call__(self, probability: FloatArray) -> FloatArray:
        """Return the calibrated probabilities."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class SigmoidCalibrator:
    """Platt's map on the log-odds: ``expit(intercept + slope · logit(p))``.

    Parameters
    ----------
    slope : float
        1 leaves the spread of the log-odds as it is; below 1 the model was too sure. Never negative.
    intercept : float
        Shift in log-odds.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines.

    Examples
    --------
    >>> import numpy as np
    >>> SigmoidCalibrator(1.0, 0.0)(np.array([0.25])).tolist()
    [0.25]
    """

    slope: float
    intercept: float

    def __call__(self, probability: FloatArray) -> FloatArray:
        """Return the calibrated probabilities.

        Parameters
        ----------
        probability : ndarray of shape (n,)
            Stated probabilities.

        Returns
        -------
        ndarray of shape (n,)
            Calibrated ones, in (0, 1).

        Examples
        --------
        >>> import numpy as np
        >>> SigmoidCalibrator(0.0, 0.0)(np.array([0.9])).tolist()
        [0.5]
        """
        return np.asarray(expit(self.intercept + self.slope * _log_odds(probability)), dtype=np.float64)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class IsotonicCalibrator:
    """A rising step map, joined by straight lines.

    Parameters
    ----------
    stated : ndarray of shape (k,)
        Probabilities the model states, ascending.
    observed : ndarray of shape (k,)
        What they turned out to be, ascending and never exactly 0 or 1.

    Examples
    --------
    >>> import numpy as np
    >>> IsotonicCalibrator(np.array([0.0, 1.0]), np.array([0.25, 0.75]))(np.array([0.5])).tolist()
    [0.5]
    """

    stated: FloatArray
    observed: FloatArray

    def __call__(self, probability: FloatArray) -> FloatArray:
        """Return the calibrated probabilities.

        Parameters
        ----------
        probability : ndarray of shape (n,)
            Stated probabilities.

        Returns
        -------
        ndarray of shape (n,)
            Calibrated ones, in (0, 1).

        Examples
        --------
        >>> import numpy as np
        >>> IsotonicCalibrator(np.array([0.2]), np.array([0.4]))(np.array([0.9])).tolist()
        [0.4]
        """
        return np.interp(probability, self.stated, self.observed)


def _log_odds(probability: FloatArray) -> FloatArray:
    return np.asarray(logit(np.clip(probability, _TINY, 1.0 - _TINY)), dtype=np.float64)


def fit_sigmoid(probability: FloatArray, target: npt.NDArray[np.int64], weight: FloatArray) -> SigmoidCalibrator:
    """Fit Platt's two numbers by Newton's method.

    Targets are pulled in from 0 and 1 as Platt does, so that separable scores stay
    finite. A slope below zero would turn the ranking around; it becomes zero, and
    the map the base rate.

    Parameters
    ----------
    probability : ndarray of shape (n,)
        Out-of-fold probabilities.
    target : ndarray of shape (n,)
        1 = churn, 0 = not.
    weight : ndarray of shape (n,)
        Weight of each row; only their proportions matter.

    Returns
    -------
    SigmoidCalibrator
        The map.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.repeat([0.1, 0.9], 100)
    >>> y = np.r_[np.zeros(70), np.ones(30), np.zeros(30), np.ones(70)].astype(int)
    >>> fit_sigmoid(p, y, np.ones(200))(np.array([0.1, 0.9])).round(2).tolist()
    [0.3, 0.7]
    """
    # Platt counts rows: of weights only the proportions matter
    weight = weight * (np.count_nonzero(weight) / weight.sum())
    positive = float(weight[target == 1].sum())
    negative = float(weight[target == 0].sum())
    aim = np.where(target == 1, (positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0))
    base = float(np.average(aim, weights=weight))
    design = np.column_stack([_log_odds(probability), np.ones(len(probability))])
    beta = np.array([0.0, float(logit(base))])
    loss = _cross_entropy(design @ beta, aim, weight)
    for _ in range(50):
        fitted = expit(design @ beta)
        gradient = design.T @ (weight * (fitted - aim))
        hessian = (design * (weight * fitted * (1.0 - fitted))[:, None]).T @ design
        step = np.linalg.lstsq(hessian + 1e-12 * np.eye(2), gradient, rcond=None)[0]
        # the loss is convex: halving the step until it falls makes Newton safe far from the optimum
        scale = 1.0
        while scale > 1e-6 and _cross_entropy(design @ (beta - scale * step), aim, weight) > loss:
            scale /= 2.0
        beta = beta - scale * step
        previous, loss = loss, _cross_entropy(design @ beta, aim, weight)
        if previous - loss <= 1e-12 * max(previous, 1.0):
            break
    if not beta[0] > 0:
        return SigmoidCalibrator(0.0, float(logit(base)))
    return SigmoidCalibrator(float(beta[0]), float(beta[1]))


def _cross_entropy(margin: FloatArray, aim: FloatArray, weight: FloatArray) -> float:
    return float(weight @ (np.logaddexp(0.0, margin) - aim * margin))


def fit_isotonic(probability: FloatArray, target: npt.NDArray[np.int64], weight: FloatArray) -> IsotonicCalibrator:
    """Fit the best rising map by pooling neighbours that break the order.

    Its ends are kept off 0 and 1 by one row in n + 2, so that a log-loss stays finite.

    Parameters
    ----------
    probability : ndarray of shape (n,)
        Out-of-fold probabilities.
    target : ndarray of shape (n,)
        1 = churn, 0 = not.
    weight : ndarray of shape (n,)
        Weight of each row.

    Returns
    -------
    IsotonicCalibrator
        The map.

    Examples
    --------
    >>> import numpy as np
    >>> fit = fit_isotonic(np.array([0.1, 0.2, 0.9]), np.array([0, 0, 1]), np.ones(3))
    >>> fit(np.array([0.1, 0.9])).tolist()
    [0.2, 0.8]
    """
    from sklearn.isotonic import IsotonicRegression

    edge = 1.0 / (len(probability) + 2.0)
    fitted = IsotonicRegression(y_min=edge, y_max=1.0 - edge, out_of_bounds="clip")
    fitted.fit(probability, target, sample_weight=weight)
    return IsotonicCalibrator(
        np.asarray(fitted.X_thresholds_, dtype=np.float64), np.asarray(fitted.y_thresholds_, dtype=np.float64)
    )


METHODS: dict[str, Callable[[FloatArray, npt.NDArray[np.int64], FloatArray], Calibrator]] = {
    "sigmoid": fit_sigmoid,
    "isotonic": fit_isotonic,
}


def row_log_loss(target: npt.NDArray[np.int64], probability: FloatArray) -> FloatArray:
    """Return the log-loss of each row, with probabilities kept off 0 and 1.

    Parameters
    ----------
    target : ndarray of shape (n,)
        1 = churn, 0 = not.
    probability : ndarray of shape (n,)
        Probability to churn.

    Returns
    -------
    ndarray of shape (n,)
        Natural logarithm units, not negative; lower is better.

    Examples
    --------
    >>> import numpy as np
    >>> row_log_loss(np.array([1, 0]), np.array([0.5, 0.5])).round(4).tolist()
    [0.6931, 0.6931]
    """
    p = np.clip(probability, _TINY, 1.0 - _TINY)
    return np.asarray(-np.log(np.where(target == 1, p, 1.0 - p)), dtype=np.float64)


def choose_calibration(
    probability: FloatArray,
    target: npt.NDArray[np.int64],
    weight: FloatArray,
    groups: npt.NDArray[Any] | pd.Index | None,
    *,
    seed: int,
    margins: bool = False,
) -> pd.DataFrame:
    """Compare raw and calibrated probabilities on rows that neither the model nor the map has seen.

    Each map is fitted on the out-of-fold scores of four fifths of the customers and
    judged on the last fifth, in turn. The raw model is kept unless a map lowers the
    log-loss by more than the standard error of the improvement, which counts a
    customer's rows as one draw.

    Parameters
    ----------
    probability : ndarray of shape (n,)
        Out-of-fold probabilities of the model.
    target : ndarray of shape (n,)
        1 = churn, 0 = not.
    weight : ndarray of shape (n,)
        Weight of each row.
    groups : array-like of shape (n,) or None
        Customer of each row.
    seed : int
        Seed of the folds.
    margins : bool, default=False
        Whether the raw scores are margins, which are no probabilities however small
        their log-loss: then the sigmoid is kept unless isotonic is better in the same way.

    Returns
    -------
    DataFrame
        Indexed by method ("none" first, or "sigmoid" for margins), with ``log_loss``,
        ``improvement`` over the first (positive is better), its ``standard_error``, and ``chosen``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(size=2000)
    >>> y = (rng.uniform(size=2000) < p).astype(int)
    >>> report = choose_calibration(p, y, np.ones(2000), None, seed=0)
    >>> report.index[report["chosen"]].tolist()
    ['none']
    """
    losses = {} if margins else {"none": row_log_loss(target, probability)}
    for name in METHODS:
        losses[name] = row_log_loss(target, cross_calibrated(name, probability, target, weight, groups, seed=seed))
    total = float(weight.sum())
    first = next(iter(losses.values()))
    rows = {
        name: (float(weight @ loss) / total, *clustered_mean(first - loss, weight, groups))
        for name, loss in losses.items()
    }
    report = pd.DataFrame.from_dict(rows, orient="index", columns=["log_loss", "improvement", "standard_error"])
    report.index.name = "calibration"
    helps = report["improvement"] > report["standard_error"]
    best = report["improvement"].where(helps, 0.0).idxmax()
    report["chosen"] = report.index == best
    return report


def cross_calibrated(
    method: str,
    probability: FloatArray,
    target: npt.NDArray[np.int64],
    weight: FloatArray,
    groups: npt.NDArray[Any] | pd.Index | None,
    *,
    seed: int,
) -> FloatArray:
    """Calibrate each fifth of the customers by a map fitted on the other four.

    Parameters
    ----------
    method : {"none", "sigmoid", "isotonic"}
        Which map.
    probability : ndarray of shape (n,)
        Out-of-fold probabilities of the model.
    target : ndarray of shape (n,)
        1 = churn, 0 = not.
    weight : ndarray of shape (n,)
        Weight of each row.
    groups : array-like of shape (n,) or None
        Customer of each row.
    seed : int
        Seed of the folds.

    Returns
    -------
    ndarray of shape (n,)
        Probabilities that neither the model nor the map has seen the outcome of.

    Examples
    --------
    >>> p, y = np.full(20, 0.9), np.arange(20) % 2
    >>> cross_calibrated("sigmoid", p, y, np.ones(20), None, seed=0).round(1).tolist()[:3]
    [0.5, 0.5, 0.5]
    """
    if method == "none":
        return probability
    folds = grouped_folds(target, groups, n_folds=5, seed=seed)
    calibrated = np.empty_like(probability)
    for fold in range(5):
        test = folds == fold
        if test.any():
            calibrated[test] = METHODS[method](probability[~test], target[~test], weight[~test])(probability[test])
    return calibrated


def too_few_to_calibrate(target: npt.NDArray[np.int64]) -> DataError:
    """Return the complaint that no folds can be made to calibrate on.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        1 = churn, 0 = not.

    Returns
    -------
    DataError
        To be raised.

    Examples
    --------
    >>> print(too_few_to_calibrate(np.array([0, 0, 1])))
    too few customers of a class to calibrate out of fold (1 churn rows of 3); two customers of each class at least, \
so that every fold has both to learn from.
    Fix: calibration='auto', or calibration=None, with a classifier that states probabilities
    """
    return DataError(
        message(
            f"too few customers of a class to calibrate out of fold "
            f"({int(target.sum()):,} churn rows of {len(target):,})",
            "two customers of each class at least, so that every fold has both to learn from",
            "calibration='auto', or calibration=None, with a classifier that states probabilities",
        )
    )


def clustered_mean(
    values: FloatArray, weight: FloatArray, groups: npt.NDArray[Any] | pd.Index | None
) -> tuple[float, float]:
    """Return the weighted mean and its standard error with customers as draws.

    Parameters
    ----------
    values : ndarray of shape (n,)
        One number a row.
    weight : ndarray of shape (n,)
        Weight of each row.
    groups : array-like of shape (n,) or None
        Customer of each row; None makes each row its own.

    Returns
    -------
    mean : float
        Their weighted mean.
    standard_error : float
        Of the mean; a customer's rows are one draw.

    Examples
    --------
    >>> mean, error = clustered_mean(np.array([1.0, 1.0, 0.0, 0.0]), np.ones(4), np.array(["a", "a", "b", "b"]))
    >>> mean, error
    (0.5, 0.5)
    """
    codes = np.arange(len(values)) if groups is None else pd.factorize(groups)[0]
    total = float(weight.sum())
    mean = float(weight @ values) / total
    by_customer = np.bincount(codes, weights=weight * (values - mean))
    n = len(by_customer)
    variance = float(by_customer @ by_customer) * n / max(n - 1, 1)
    return mean, float(np.sqrt(variance)) / total
