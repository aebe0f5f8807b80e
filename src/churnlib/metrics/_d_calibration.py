"""Whether the predicted survival at the moment of leaving takes all values equally often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from churnlib._checks import check_choice, named_rows
from churnlib._typing import ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.metrics import _arrays
from churnlib.metrics._survival_inputs import Watched, blocks, check_survival, read_survival, read_watched

__all__ = ["DCalibration", "customer_codes", "d_calibration"]

Method: TypeAlias = Literal["wald", "pearson"]


@dataclass(frozen=True, slots=True, eq=False)
class DCalibration:
    """Shares of the rows by predicted survival at the moment of leaving, and a test that they are equal.

    Attributes
    ----------
    shares : array of shape (n_bins,)
        Share of the weight in each bin, from survival 0 to survival 1; all ``1 / n_bins`` is perfect.
    statistic : float
        Chi-square statistic, at least 0; higher is further from equal shares.
    p_value : float
        How often a calibrated model is as far from equal shares by chance.
    degrees : int
        Degrees of freedom.

    Examples
    --------
    >>> found = DCalibration(np.array([0.5, 0.5]), 0.0, 1.0, 1)
    >>> found.table
         survival_low  survival_high  share
    bin
    1             0.0            0.5    0.5
    2             0.5            1.0    0.5
    """

    shares: FloatArray
    statistic: float
    p_value: float
    degrees: int

    @property
    def table(self) -> pd.DataFrame:
        """The shares with the bounds of their bins."""
        n_bins = self.shares.size
        edges = np.arange(n_bins + 1) / n_bins
        return pd.DataFrame(
            {"survival_low": edges[:-1], "survival_high": edges[1:], "share": self.shares},
            index=pd.RangeIndex(1, n_bins + 1, name="bin"),
        )


def d_calibration(
    y: Any,
    survival: ArrayLike,
    *,
    before: ArrayLike | None = None,
    bins: int = 10,
    method: Method = "wald",
    customer: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> DCalibration:
    """Test whether predicted survival is calibrated over the whole of life.

    If a model is right, the survival that it predicts for a customer at the moment the customer
    leaves is uniform: as many leave in the first tenth of their predicted curve as in any
    other. A row lost from sight at survival s would have left somewhere below s; it is spread evenly
    over the bins from 0 to s. It assumes that being lost from sight tells nothing about leaving.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target. Several causes count as one churn.
    survival : array-like of shape (n_rows,)
        Predicted survival of each row at its own time, given its entry: ``P(T > time | T > entry)``, which is
        ``1 - model.predict_churn_probability(X, y["time"] - y["entry"], given=y["entry"])``.
    before : array-like of shape (n_rows,), default=None
        Predicted survival just before that time. Where tenure is counted in months, survival falls
        by steps and is not uniform at them; a row that left is then spread over its step. None: no steps.
    bins : int, default=10
        How many bins of equal width.
    method : {"wald", "pearson"}, default="wald"
        "pearson" is the test in the literature. Spreading makes shares steadier than it believes, so that
        with much censoring it hardly ever rejects; "wald" measures how steady they are, and keeps
        its level. Without censoring they agree for large n.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, where a customer has several; rows of one customer are not
        independent, and "wald" takes them together. None: each row is a customer.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    DCalibration
        Shares by bin, statistic and p-value. A p-value near 0 says that the model is not calibrated.

    Raises
    ------
    DataError
        If y is no survival target, survival has another length or values outside 0 and 1, survival
        before the time is below that at the time, or nobody was seen to leave.
    ParameterError
        If there are fewer than two bins, or more than rows, or customers are given for "pearson".

    Notes
    -----
    Haider, Hoehn, Davis and Greiner 2020, J. Mach. Learn. Res. 21(85), 1-63. With f_i the shares of row i
    over K bins and ``d = Σ w_i (f_i − 1/K)``: Wald ``d' V⁻ d`` with ``V = Σ w_i² (f_i − 1/K)(f_i − 1/K)'``, summed by
    customer before squaring; Pearson ``K Σ_k d_k² / Σ w_i``. Both are chi-square with K − 1 degrees of freedom.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> rng = np.random.default_rng(0)
    >>> life, watched = rng.exponential(100, 1000), rng.uniform(0, 300, 1000)
    >>> y = survival_target(life <= watched, np.minimum(life, watched))
    >>> d_calibration(y, np.exp(-y["time"] / 100)).p_value > 0.05
    True
    >>> d_calibration(y, np.exp(-y["time"] / 150)).p_value < 0.001
    True
    """
    from scipy.special import chdtrc

    watched = read_watched(y, sample_weight)
    how = check_choice(method, ("wald", "pearson"), name="method")
    if _arrays.checked_bins(bins, len(watched)) < 2:
        raise ParameterError(message("bins is 1", "at least two, whose shares can differ", "bins=10"))
    if customer is not None and how == "pearson":
        raise ParameterError(
            message("customer= with method='pearson'", "Pearson's test takes rows to be independent", "method='wald'")
        )
    low, high = _stretches(watched, survival, before)
    clusters = None if customer is None else customer_codes(customer, len(watched))
    order = np.lexsort((watched.weight, high, low) if clusters is None else (watched.weight, high, low, clusters))
    low, high, weight = low[order], high[order], watched.weight[order]
    _, whole = _arrays.weights(sample_weight, len(watched))
    shares = np.zeros(bins)
    spread = np.zeros((bins, bins))
    if clusters is None:
        for rows in blocks(len(watched), bins * 4):
            off = _off(low[rows], high[rows], bins)
            shares += np.einsum("i,ik->k", weight[rows], off)
            scale = weight[rows] if whole else weight[rows] ** 2  # a whole number of rows, each on its own
            spread += np.einsum("i,ik,il->kl", scale, off, off)
    else:
        starts = np.flatnonzero(np.diff(clusters[order], prepend=-1))
        sums = np.add.reduceat(_off(low, high, bins) * weight[:, None], starts, axis=0)
        shares, spread = sums.sum(axis=0), np.einsum("ik,il->kl", sums, sums)
    total = float(weight.sum())
    if how == "pearson":
        statistic, degrees = float((shares**2).sum() * bins / total), bins - 1
    else:
        statistic, degrees = _wald(shares, spread)
    return DCalibration(
        np.maximum(shares / total + 1 / bins, 0.0), statistic, float(chdtrc(degrees, statistic)), degrees
    )


def customer_codes(customer: ArrayLike, n_rows: int) -> IntArray:
    """Number the customers of rows."""
    ids: Any = customer if isinstance(customer, (pd.Index, pd.Series)) else pd.Index(np.asarray(customer))
    if len(ids) != n_rows:
        raise DataError(
            message(
                f"there are {len(ids)} customers for {n_rows} rows",
                "one for each row",
                "customer=X.index.get_level_values('customer_id')",
            )
        )
    codes, _ = pd.factorize(ids, sort=True)
    missing = codes < 0
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum())} of {n_rows} rows have no customer ({named_rows(missing)})",
                "one for each row",
                "customer=X.index.get_level_values('customer_id')",
            )
        )
    numbers: IntArray = codes.astype(np.int64)
    return numbers


def _stretches(watched: Watched, survival: ArrayLike, before: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Return between which two values of survival each row left."""
    if not (watched.observed & (watched.weight > 0)).any():
        raise DataError(
            message(
                f"all {len(watched)} rows are censored",
                "those who left show whether survival is calibrated",
                "score rows that were watched for longer",
            )
        )
    n_rows = len(watched)
    at_end = np.clip(check_survival(read_survival(survival, n_rows, 1))[:, 0], 0.0, 1.0)
    just_before = at_end
    if before is not None:
        just_before = np.clip(check_survival(read_survival(before, n_rows, 1))[:, 0], 0.0, 1.0)
        _check_order(at_end, just_before, watched.observed)
    low = np.where(watched.observed, at_end, 0.0)
    return low, np.where(watched.observed, np.maximum(just_before, at_end), at_end)


def _check_order(at_end: FloatArray, just_before: FloatArray, observed: BoolArray) -> None:
    wrong = (just_before < at_end - 1e-9) & observed
    if wrong.any():
        raise DataError(
            message(
                f"in {int(wrong.sum())} of {wrong.size} rows survival just before the time is below that at the time "
                f"({named_rows(wrong)})",
                "survival never rises",
                "survival= at the time, before= just before it",
            )
        )


def _off(low: FloatArray, high: FloatArray, bins: int) -> FloatArray:
    """Return for each row its share of each bin, less what is expected."""
    edges = np.arange(bins + 1) / bins
    inside = np.clip(edges, low[:, None], high[:, None])
    width = high - low
    point = width <= 0
    shares = np.diff(inside, axis=1) / np.where(point, 1.0, width)[:, None]
    where = np.minimum((low[point] * bins).astype(np.int64), bins - 1)
    shares[np.flatnonzero(point), where] = 1.0
    off: FloatArray = shares - 1 / bins
    return off


def _wald(shares: FloatArray, spread: FloatArray) -> tuple[float, int]:
    """Return d' V⁻ d and the rank of V; deviations sum to zero, so that one direction is always empty."""
    values, vectors = np.linalg.eigh(spread)
    kept = values > values[-1] * 1e-10
    along = vectors[:, kept].T @ shares
    return float((along**2 / values[kept]).sum()), int(kept.sum())
