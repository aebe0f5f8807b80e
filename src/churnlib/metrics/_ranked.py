"""Outcomes ranked once, for many questions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.metrics import _arrays
from churnlib.metrics._bins import Norm, binned
from churnlib.numerics import TiedOrder

__all__ = ["RankedOutcomes", "Top"]


@dataclass(frozen=True, slots=True)
class Top:
    """What a list of the riskiest rows holds.

    Attributes
    ----------
    size : float
        Rows on the list (a whole number, unless weights are fractions).
    churners : float
        Churners on the list; where scores tie at its end, their expected number.
    n_rows, n_churners : float
        Rows and churners in all.

    Examples
    --------
    >>> top = Top(size=10, churners=4, n_rows=100, n_churners=8)
    >>> top.precision, top.recall, top.lift
    (0.4, 0.5, 5.0)
    """

    size: float
    churners: float
    n_rows: float
    n_churners: float

    @property
    def precision(self) -> float:
        """The share of the list that churned, between 0 and 1."""
        return self.churners / self.size

    @property
    def recall(self) -> float:
        """The share of all churners that the list caught, between 0 and 1."""
        return self.churners / some_churners(self.n_rows, self.n_churners)

    @property
    def lift(self) -> float:
        """The churn rate of the list over the rate of everybody: 1 is chance, higher is better."""
        return self.churners / self.size * (self.n_rows / some_churners(self.n_rows, self.n_churners))


class RankedOutcomes:
    """Outcomes and scores, sorted once; every metric of the ranking reads that sort.

    Sorting is most of the work of a ranking metric. Under the bootstrap the
    scores stay and only the weights change, so that each draw costs a few sums.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 (or True) for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier. Any scale.

    Attributes
    ----------
    n_rows : int
        How many rows there are.
    base_rate : float
        The share of churners, between 0 and 1.

    Raises
    ------
    DataError
        If a number is missing, an outcome is neither 0 nor 1, or the lengths differ.

    Examples
    --------
    >>> ranked = RankedOutcomes([1, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.2, 0.1])
    >>> round(ranked.auc(), 4), ranked.top(size=2).precision
    (0.8333, 0.5)
    """

    __slots__ = ("_order", "_scores", "_y", "base_rate", "n_rows")

    def __init__(self, y: ArrayLike, s: ArrayLike) -> None:
        self._y, self._scores = _arrays.outcomes_and_scores(y, s)
        self._order = TiedOrder(self._scores)
        self.n_rows = int(self._y.size)
        self.base_rate = float(self._y.mean())

    def __repr__(self) -> str:
        return f"RankedOutcomes({self.n_rows} rows, {self.base_rate:.1%} churn, {self._order.n_blocks} scores)"

    def auc(self, sample_weight: ArrayLike | None = None) -> float:
        """Area under the ROC curve: the chance that a churner outranks a stayer, ties counting half.

        Parameters
        ----------
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row; None weighs all alike.

        Returns
        -------
        float
            Between 0 and 1; 0.5 is chance, higher is better. It equals
            `sklearn.metrics.roc_auc_score`.

        Raises
        ------
        DataError
            If all rows (that have weight) are of one class.

        Examples
        --------
        >>> RankedOutcomes([1, 0, 0], [0.5, 0.5, 0.1]).auc()
        0.75
        """
        total, churners, _ = self._blocks(sample_weight)
        stayers = total - churners
        n_churners, n_stayers = churners.sum(), stayers.sum()
        if not n_churners or not n_stayers:
            raise DataError(
                message(
                    f"all {total.sum():g} rows are {'churners' if n_churners else 'stayers'}",
                    "AUC compares churners with stayers",
                    "use more rows, or a longer horizon",
                )
            )
        outranked = n_stayers - np.cumsum(stayers) + stayers / 2
        # A sum, not a dot product: BLAS would start threads, and add in an order of its own.
        return float((churners * outranked).sum() / (n_churners * n_stayers))

    def top(
        self,
        fraction: float | None = None,
        *,
        size: float | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Top:
        """Count the churners on a list of the riskiest rows.

        Parameters
        ----------
        fraction : float, default=None
            The share of rows on the list, above 0 and up to 1. The list then has
            ``max(1, round(fraction * n))`` rows, and Python's `round` takes halves to the even
            number: a tenth of 25 rows is 2.
        size : float, default=None
            The number of rows on the list (a call capacity, or the length of
            another rule's list), instead of a fraction.
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row. Whole numbers stand for repeated rows; with
            fractions there are no single rows to round to, and the list takes
            the exact share of the total weight.

        Returns
        -------
        Top
            Size, churners, precision, recall and lift. Where equal scores
            straddle the end of the list, each of them is on it with the same chance:
            their expected number of churners is counted.

        Raises
        ------
        ParameterError
            If not exactly one of fraction and size is given, or it is out of range.
        DataError
            If the list is longer than the rows there are.

        Examples
        --------
        >>> ranked = RankedOutcomes([1, 0, 0, 1], [0.9, 0.5, 0.5, 0.5])
        >>> ranked.top(0.5).churners
        1.3333333333333333
        """
        total, churners, whole = self._blocks(sample_weight)
        rows, caught = np.cumsum(total), np.cumsum(churners)
        wanted = list_size(float(rows[-1]), fraction=fraction, size=size, whole=whole)
        taken = _churners_within(np.array([wanted]), rows, caught)
        return Top(wanted, float(taken[0]), float(rows[-1]), float(caught[-1]))

    def table(
        self,
        *,
        bins: int = 10,
        value: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> pd.DataFrame:
        """Cut the ranking into equal bins; see `lift_table`.

        Parameters
        ----------
        bins : int, default=10
            How many.
        value : array-like of shape (n_rows,), default=None
            What each row is worth, in money.
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        DataFrame
            One line per bin, riskiest first.

        Raises
        ------
        ParameterError
            If there are more bins than rows.
        DataError
            If nobody churned, or a value is not finite.

        Examples
        --------
        >>> RankedOutcomes([1, 1, 0, 0], [4, 3, 2, 1]).table(bins=2)["lift"].tolist()
        [2.0, 0.0]
        """
        total, churners, whole = self._blocks(sample_weight)
        rows, caught = np.cumsum(total), np.cumsum(churners)
        n_bins = _arrays.checked_bins(bins, float(rows[-1]) if whole else self.n_rows)
        edges = rows[-1] * np.arange(n_bins + 1) / n_bins
        edges = np.rint(edges) if whole else edges
        within = np.diff(_churners_within(edges, rows, caught))
        size = np.diff(edges)
        base = some_churners(float(rows[-1]), float(caught[-1])) / rows[-1]
        cumulative = np.cumsum(within)
        table = pd.DataFrame(
            {
                "rows": size.astype(np.int64) if whole else size,
                "churners": within,
                "churn_rate": within / size,
                "lift": within / size / base,
                "captured": cumulative / caught[-1],
                "cumulative_lift": cumulative / edges[1:] / base,
                "score_high": self._order.scores[np.searchsorted(rows, edges[:-1], side="right")],
                "score_low": self._order.scores[
                    np.minimum(np.searchsorted(rows, edges[1:], side="left"), rows.size - 1)
                ],
            },
            index=pd.RangeIndex(1, n_bins + 1, name="bin"),
        )
        if value is not None:
            worth, weight = self._value(value), _arrays.weights(sample_weight, self.n_rows)[0]
            for column, amounts in (("value", worth * weight), ("value_at_risk", worth * weight * self._y)):
                sums = np.cumsum(self._order.block_sums(amounts))
                table[column] = np.diff(_churners_within(edges, rows, sums))
        return table

    def calibration_error(
        self,
        *,
        bins: int = 10,
        norm: Norm = "l1",
        debiased: bool = False,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Distance between stated and observed churn; see `calibration_error`.

        Parameters
        ----------
        bins : int, default=10
            How many bins of equal mass.
        norm : {"l1", "l2"}, default="l1"
            Mean absolute or root mean squared distance.
        debiased : bool, default=False
            Whether to take off what chance alone adds.
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        float
            Between 0 and 1; lower is better.

        Raises
        ------
        DataError
            If a score is no probability.

        Examples
        --------
        >>> round(RankedOutcomes([1, 0, 0, 0], [0.5] * 4).calibration_error(bins=2), 2)
        0.25
        """
        _arrays.probabilities(self._scores)
        weight, whole = _arrays.weights(sample_weight, self.n_rows)
        n_bins = _arrays.checked_bins(bins, self.n_rows)
        return binned(self._order, self._y, self._scores, weight, n_bins, whole=whole).error(norm, debiased=debiased)

    def _blocks(self, sample_weight: ArrayLike | None) -> tuple[FloatArray, FloatArray, bool]:
        """Weight and churners' weight of each tied block, and whether weights are whole numbers."""
        weight, whole = _arrays.weights(sample_weight, self.n_rows)
        return self._order.block_sums(weight), self._order.block_sums(weight * self._y), whole

    def _value(self, value: ArrayLike) -> FloatArray:
        worth = np.asarray(value, dtype=np.float64)
        if worth.shape != self._y.shape:
            raise DataError(message(f"value has shape {worth.shape} for {self.n_rows} rows", "one amount per row"))
        missing = int((~np.isfinite(worth)).sum())
        if missing:
            raise DataError(message(f"{missing} of {self.n_rows} values are not finite", "every row needs an amount"))
        return worth


def some_churners(n_rows: float, n_churners: float) -> float:
    """Return the number of churners if there is any."""
    if not n_churners:
        raise DataError(
            message(
                f"none of {n_rows:g} rows churned",
                "lift and recall compare with the churners there are",
                "use more rows, or an earlier cutoff whose labels are mature",
            )
        )
    return n_churners


def list_size(n_rows: float, *, fraction: float | None, size: float | None, whole: bool) -> float:
    """Return how many of n_rows a list holds, by fraction or by size."""
    if (fraction is None) == (size is None):
        raise ParameterError(
            message(f"fraction is {fraction!r} and size is {size!r}", "exactly one of them is needed", "fraction=0.1")
        )
    if fraction is not None:
        share = _arrays.checked_fraction(fraction) * n_rows
        return float(min(max(1, round(share)), n_rows)) if whole else share
    assert size is not None
    if not size > 0:
        raise ParameterError(message(f"size is {size!r}", "a list has at least one row", "size=400"))
    if size > n_rows:
        raise DataError(
            message(
                f"the list of {size:g} is longer than the {n_rows:g} rows there are",
                "a list is drawn from the rows",
                f"size=min(size, {n_rows:g})",
            )
        )
    return float(size)


def _churners_within(sizes: FloatArray, rows: FloatArray, caught: FloatArray) -> FloatArray:
    """Sum up to each list size, a block that straddles the end counting by its share.

    `rows` and `caught` are cumulative over tied blocks. Inside a block every order is
    equally likely, so the expected sum grows linearly: exactly `np.interp`.
    """
    return np.interp(sizes, np.concatenate(([0.0], rows)), np.concatenate(([0.0], caught)))
