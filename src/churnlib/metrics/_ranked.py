"""Outcomes ranked once, for many questions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.metrics import _arrays
from churnlib.metrics._bins import Norm, binned
from churnlib.metrics._counts import BlockCounts, Counts, SortedCounts, sums_within
from churnlib.metrics._grid import on_grid
from churnlib.metrics._profit_best import best_list, best_weighted_list
from churnlib.metrics._profit_hull import Hull
from churnlib.metrics._profit_terms import Terms, row_gain, values_of
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

    Sorting is most of the work of a ranking metric. AUC, KS, lift, tables, EMPC and MPC share one sort
    of the scores; where weights or money come in, they share one ranking of the rows. Under
    the bootstrap the scores stay and only the weights change, so that each draw costs a few sums.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 (or True) for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier. Any scale. If y or s is a Series, its index names the
        customers to whom an offer's `clv` is aligned.

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

    __slots__ = ("_counted", "_labels", "_order_of_rows", "_scores", "_y", "base_rate", "n_rows")

    def __init__(self, y: ArrayLike, s: ArrayLike) -> None:
        self._y: BoolArray
        self._scores: Array
        self._y, self._scores = _arrays.outcomes_and_ranks(y, s)
        self._labels = _arrays.labels_of(y, s)
        self._counted: SortedCounts | None = None
        self._order_of_rows: TiedOrder | None = None
        self.n_rows = int(self._y.size)
        self.base_rate = float(np.count_nonzero(self._y) / self._y.size)

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
        counts = self._counts(sample_weight)
        n_churners, n_stayers = both_classes(counts, "AUC")
        return counts.outranked() / (n_churners * n_stayers)

    def ks(self, sample_weight: ArrayLike | None = None) -> float:
        """Largest gap between the shares of churners and of stayers on a list; see `ks_score`.

        Parameters
        ----------
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row; None weighs all alike.

        Returns
        -------
        float
            Between 0 and 1; 0 is chance, higher is better.

        Raises
        ------
        DataError
            If all rows (that have weight) are of one class.

        Examples
        --------
        >>> RankedOutcomes([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.1]).ks()
        0.5
        """
        counts = self._counts(sample_weight)
        n_churners, n_stayers = both_classes(counts, "KS")
        cuts = counts.cuts()
        # beyond the last cut only stayers follow, and the empty list has a gap of 0
        gap = cuts.churners / n_churners - (cuts.rows - cuts.churners) / n_stayers
        return max(0.0, float(gap.max()))

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
        counts = self._counts(sample_weight)
        wanted = list_size(counts.n_rows, fraction=fraction, size=size, whole=counts.whole)
        taken = counts.churners_within(np.array([wanted]))
        return Top(wanted, float(taken[0]), counts.n_rows, counts.n_churners)

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
        counts = self._counts(sample_weight)
        n_bins = _arrays.checked_bins(bins, counts.n_rows if counts.whole else self.n_rows)
        edges = counts.n_rows * np.arange(n_bins + 1) / n_bins
        edges = np.rint(edges) if counts.whole else edges
        within = np.diff(counts.churners_within(edges))
        size = np.diff(edges)
        base = some_churners(counts.n_rows, counts.n_churners) / counts.n_rows
        cumulative = np.cumsum(within)
        high, low = counts.scores_between(edges)
        table = pd.DataFrame(
            {
                "rows": size.astype(np.int64) if counts.whole else size,
                "churners": within,
                "churn_rate": within / size,
                "lift": within / size / base,
                "captured": cumulative / counts.n_churners,
                "cumulative_lift": cumulative / edges[1:] / base,
                "score_high": high,
                "score_low": low,
            },
            index=pd.RangeIndex(1, n_bins + 1, name="bin"),
        )
        if value is not None:
            weight = self._weights(sample_weight)
            rows = np.cumsum(self._order.block_sums(weight))
            worth = on_grid(self._value(value) * weight)
            for column, amounts in (("value", worth), ("value_at_risk", worth * self._y)):
                sums = np.cumsum(self._order.block_sums(amounts))
                table[column] = np.diff(sums_within(edges, rows, sums))
        return table

    def mpc(self, offer: RetentionOffer, *, sample_weight: ArrayLike | None = None) -> float:
        """Maximum profit per row at the mean accept rate; see `mpc_score`.

        Parameters
        ----------
        offer : RetentionOffer
            With one value of all customers.
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        float
            Money per row, never below 0.

        Examples
        --------
        >>> offer = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
        >>> RankedOutcomes([0, 1], [0.1, 0.9]).mpc(offer)
        28.0
        """
        terms = Terms.of(offer)
        return self._hull(sample_weight).mpc(terms)[0]

    def empc(self, offer: RetentionOffer, *, sample_weight: ArrayLike | None = None) -> float:
        """Maximum profit per row, expected over the accept rate; see `empc_score`.

        Parameters
        ----------
        offer : RetentionOffer
            With one value of all customers.
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        float
            Money per row, never below 0.

        Examples
        --------
        >>> offer = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
        >>> round(RankedOutcomes([0, 1], [0.5, 0.5]).empc(offer), 4)
        22.5008
        """
        terms = Terms.of(offer)
        return self._hull(sample_weight).empc(terms)[0]

    def empb(
        self, offer: RetentionOffer, *, clv: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Maximum profit per row where values differ by customer; see `empb_score`.

        Parameters
        ----------
        offer : RetentionOffer
            What a contact earns and costs.
        clv : array-like of shape (n_rows,), default=None
            The value of each row's customer; None takes the offer's own.
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        float
            Money per row, never below 0.

        Examples
        --------
        >>> offer = RetentionOffer(accept_rate=0.3, clv=0, offer_fraction=0.05, contact_cost=1)
        >>> ranked = RankedOutcomes([1, 0, 1], [0.9, 0.5, 0.1])
        >>> round(ranked.empb(offer, clv=[200, 100, 10]), 4)
        18.6667
        """
        gain = row_gain(offer, self._y, values_of(offer, self.n_rows, self._labels, clv))
        return self._best_list(gain, sample_weight)[0]

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
        stated = _arrays.probabilities(self._scores.astype(np.float64, copy=False))
        weight, whole = _arrays.weights(sample_weight, self.n_rows)
        n_bins = _arrays.checked_bins(bins, self.n_rows)
        outcomes = self._y.astype(np.float64)
        return binned(self._order, outcomes, stated, weight, n_bins, whole=whole).error(norm, debiased=debiased)

    @property
    def _order(self) -> TiedOrder:
        if self._order_of_rows is None:
            self._order_of_rows = TiedOrder(self._scores)
        return self._order_of_rows

    def _counts(self, sample_weight: ArrayLike | None) -> Counts:
        if sample_weight is not None:
            return BlockCounts(self._order, self._y, sample_weight)
        if self._counted is None:
            self._counted = SortedCounts(self._y, self._scores)
        return self._counted

    def _weights(self, sample_weight: ArrayLike | None) -> FloatArray:
        """Weights whose sums do not depend on the order of the rows."""
        return on_grid(_arrays.weights(sample_weight, self.n_rows)[0])

    def _hull(self, sample_weight: ArrayLike | None) -> Hull:
        return Hull.of(self._counts(sample_weight).cuts())

    def _best_list(self, gain: FloatArray, sample_weight: ArrayLike | None) -> tuple[float, float, float]:
        """Profit per row of the list that earns most, its share of the rows, its lowest score."""
        if sample_weight is None:
            return best_list(self._scores, on_grid(gain), lambda: self._order)
        weight = self._weights(sample_weight)
        return best_weighted_list(self._order, on_grid(gain * weight), weight)

    def _value(self, value: ArrayLike) -> FloatArray:
        worth = np.asarray(value, dtype=np.float64)
        if worth.shape != self._y.shape:
            raise DataError(
                message(
                    f"value has shape {worth.shape} for {self.n_rows} rows",
                    "one amount per row",
                    "value=offer.clv_of(X)",
                )
            )
        missing = int((~np.isfinite(worth)).sum())
        if missing:
            raise DataError(
                message(
                    f"{missing} of {self.n_rows} values are not finite",
                    "every row needs an amount",
                    "value=value.fillna(0) if no value means worth nothing",
                )
            )
        return worth


def both_classes(counts: Counts, name: str) -> tuple[float, float]:
    """Return the numbers of churners and of stayers if there are both."""
    n_churners = counts.n_churners
    n_stayers = counts.n_rows - n_churners
    if not n_churners or not n_stayers:
        raise DataError(
            message(
                f"all {counts.n_rows:g} rows are {'churners' if n_churners else 'stayers'}",
                f"{name} compares churners with stayers",
                "use more rows, or a longer horizon",
            )
        )
    return n_churners, n_stayers


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
