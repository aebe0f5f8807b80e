"""Effects ranked once, for many questions."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from churnlib._checks import check_choice, named_rows
from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.metrics import _arrays
from churnlib.metrics._grid import on_grid
from churnlib.metrics._metric_interval import Customers, MetricInterval, _codes
from churnlib.metrics._uplift_areas import AreaName, places
from churnlib.metrics._uplift_inputs import checked_share, read_numbers, same_labels
from churnlib.metrics._uplift_ladder import Ladder
from churnlib.metrics._uplift_rows import EstimatedShare, Lists, RankedRows, error_of_sum
from churnlib.numerics import TiedOrder, normal_quantile

__all__ = ["RankedEffects"]

_METRICS = ("qini", "auuc", "autoc", "uplift_at")


class RankedEffects:
    """Effects and scores, sorted once; every metric of uplift reads that sort.

    An effect here is a number per row whose mean over any list, chosen by what was known before
    treatment, is the mean effect of treating that list: `ipw_scores` makes it of an experiment, and so do
    doubly robust scores. Sorting is most of the work; Qini, AUUC, AUTOC, uplift of a list,
    and their intervals share one sort.

    Parameters
    ----------
    effect : array-like of shape (n_rows,)
        Effect of the treatment in each row, in units of the outcome; larger is better.
    score : array-like of shape (n_rows,)
        Predicted uplift, or any other number by which to choose; higher is treated first.

    Attributes
    ----------
    n_rows : int
        How many rows there are.

    Raises
    ------
    DataError
        If a number is missing, an effect is infinite, or the lengths differ.

    Examples
    --------
    >>> ranked = RankedEffects([2.0, 0.0, 0.0, -2.0], [0.4, 0.3, 0.2, 0.1])
    >>> ranked.qini(), ranked.auuc(), ranked.uplift_at(0.5)
    (0.375, 0.375, 1.0)
    """

    __slots__ = ("_effect", "_labels", "_order", "_ranked", "_share", "n_rows")

    def __init__(self, effect: ArrayLike, score: ArrayLike) -> None:
        same_labels(("effect", effect), ("score", score))
        self._effect = on_grid(_finite(read_numbers(effect, "effect")))
        self._order = TiedOrder(read_numbers(score, "score", self._effect.size))
        self._labels = _arrays.labels_of(effect, score)
        self._share: EstimatedShare | None = None
        self._ranked: RankedRows | None = None
        self.n_rows = int(self._effect.size)

    def __repr__(self) -> str:
        return f"RankedEffects({self.n_rows} rows, {self._order.n_blocks} scores, mean effect {self.ate():.4g})"

    def ate(self, sample_weight: ArrayLike | None = None) -> float:
        """Mean effect of treating everybody.

        Parameters
        ----------
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        float
            In units of the outcome; larger is better.

        Examples
        --------
        >>> RankedEffects([2.0, 0.0, -1.0, -2.0], [4, 3, 2, 1]).ate()
        -0.25
        """
        ladder = self._rows(sample_weight).ladder
        return float(ladder.sums.sum() / ladder.total)

    def qini(self, sample_weight: ArrayLike | None = None) -> float:
        """Area between the gain curve and that of a random order; see `qini_score`.

        Parameters
        ----------
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        float
            In units of the outcome; 0 is chance, larger is better.

        Examples
        --------
        >>> RankedEffects([2.0, 0.0, 0.0, -2.0], [4, 3, 2, 1]).qini()
        0.375
        """
        return self._area("qini", sample_weight)

    def auuc(self, sample_weight: ArrayLike | None = None) -> float:
        """Area under the gain curve; see `auuc_score`.

        Parameters
        ----------
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        float
            In units of the outcome; half the mean effect is chance, larger is better.

        Examples
        --------
        >>> RankedEffects([2.0, 0.0, 0.0, 0.0], [4, 3, 2, 1]).auuc()
        0.4375
        """
        return self._area("auuc", sample_weight)

    def autoc(self, sample_weight: ArrayLike | None = None) -> float:
        """Mean advantage of the best q over everybody, averaged over q; see `autoc_score`.

        Parameters
        ----------
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        float
            In units of the outcome; 0 is chance, larger is better.

        Examples
        --------
        >>> round(RankedEffects([2.0, 0.0, 0.0, -2.0], [4, 3, 2, 1]).autoc(), 4)
        0.9167
        """
        return self._area("autoc", sample_weight)

    def uplift_at(self, k: float, sample_weight: ArrayLike | None = None) -> float:
        """Mean effect of treating the best share k; see `uplift_at_k`.

        Parameters
        ----------
        k : float
            The share of the rows, above 0 and up to 1.
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        float
            In units of the outcome; larger is better.

        Raises
        ------
        ParameterError
            If the share is not above 0 and up to 1.

        Examples
        --------
        >>> RankedEffects([2.0, 0.0, 0.0, -2.0], [4, 3, 2, 1]).uplift_at(0.25)
        2.0
        """
        ladder = self._rows(sample_weight).ladder
        place = np.array([checked_share(k) * ladder.total])
        return float(ladder.summed(place)[0] / place[0])

    def interval(
        self,
        metric: str,
        *,
        k: float | None = None,
        versus: RankedEffects | None = None,
        customer: Customers = None,
        sample_weight: ArrayLike | None = None,
        confidence: float = 0.95,
    ) -> MetricInterval:
        """Interval of a metric, or of the difference of two rankings of the same rows, without resampling.

        Parameters
        ----------
        metric : {"qini", "auuc", "autoc", "uplift_at"}
            Which one.
        k : float, default=None
            The share of rows on the list, for "uplift_at" alone.
        versus : RankedEffects, default=None
            The same effects ranked by another score; the interval is then that of the difference.
        customer : array-like of shape (n_rows,), default=None
            The customer of each row. None reads them from the index of the effects or scores where it names
            ``customer_id``, and else takes each row for a customer of its own.
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row. However much a row weighs, it is one observation.
        confidence : float, default=0.95
            The nominal coverage, between 0 and 1.

        Returns
        -------
        MetricInterval
            Normal bounds.

        Raises
        ------
        ParameterError
            If the metric is unknown, or k does not belong to it.
        DataError
            If there are fewer than two customers, or the other ranking has other rows.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> score = rng.normal(size=1000)
        >>> effect = score + rng.normal(scale=3, size=1000)
        >>> found = RankedEffects(effect, score).interval("qini")
        >>> bool(0 < found.low < found.value < found.high)
        True
        """
        asked = check_choice(metric, _METRICS, name="metric")
        codes, n_customers = self._customers(customer)
        value, influence = self._influence(asked, k, sample_weight)
        if versus is None:
            codes = None if codes is None else codes[self._order.order]
        else:
            other, moved = self._same_rows(versus)._influence(asked, k, sample_weight)
            value -= other
            influence = self._in_given_order(influence) - versus._in_given_order(moved)
        error = error_of_sum(influence, codes, n_customers)
        z = normal_quantile(confidence)
        return MetricInterval(
            value=value,
            low=value - z * error,
            high=value + z * error,
            standard_error=error,
            confidence=confidence,
            n_customers=n_customers,
        )

    def _area(self, area: AreaName, sample_weight: ArrayLike | None) -> float:
        ladder = self._rows(sample_weight).ladder
        return float((ladder.sums * places(area, ladder).counts).sum() / ladder.total)

    @property
    def _unweighted(self) -> RankedRows:
        if self._ranked is None:
            order = self._order
            block = None
            if order.n_blocks < order.n_rows:
                block = np.repeat(np.arange(order.n_blocks), np.diff(np.append(order.starts, order.n_rows)))
            share = None if self._share is None else self._share.taken(order.order)
            effect = self._effect[order.order]
            self._ranked = RankedRows(Ladder.of(order.starts, effect), effect, None, block, order.starts, share)
        return self._ranked

    def _rows(self, sample_weight: ArrayLike | None) -> RankedRows:
        rows = self._unweighted
        if sample_weight is None:
            return rows
        given, whole = _arrays.weights(sample_weight, self.n_rows)
        weight = on_grid(given)[self._order.order]
        ladder = Ladder.of(rows.starts, on_grid(rows.effect * weight), weight, whole=whole)
        return replace(rows, ladder=ladder, weight=weight)

    def _influence(self, metric: str, k: float | None, sample_weight: ArrayLike | None) -> tuple[float, FloatArray]:
        """Return the metric, and the weighted influence of each row, highest score first."""
        if (metric == "uplift_at") != (k is not None):
            raise ParameterError(
                message(f"k is {k!r} for {metric!r}", "a list has a length, an area has none", "'uplift_at', k=0.1")
            )
        rows = self._rows(sample_weight)
        if k is not None:
            return rows.list_influence(checked_share(k))
        return rows.area(cast("AreaName", metric))

    def _lists(
        self, shares: FloatArray, customer: Customers, sample_weight: ArrayLike | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return what lists of the best rows gain, per row of all, and the covariance of their errors."""
        codes, n_customers = self._customers(customer)
        ranked_codes = None if codes is None else codes[self._order.order]
        rows = self._rows(sample_weight)
        lists = Lists.of(rows, shares)
        return lists.gain, lists.covariance(rows, ranked_codes, n_customers)

    def _customers(self, customer: Customers) -> tuple[IntArray | None, int]:
        """Return the number of each row's customer, or None if each row is its own."""
        if customer is None and self._labels is not None and "customer_id" in self._labels.names:
            customer = self._labels.get_level_values("customer_id")
        if customer is None:
            customer = np.arange(self.n_rows) if self.n_rows < 2 else None
        if customer is None:
            return None, self.n_rows
        if np.shape(customer) != (self.n_rows,):
            raise DataError(
                message(
                    f"customer has shape {np.shape(customer)} for {self.n_rows} rows",
                    "the customer of each row",
                    "customer=X.index.get_level_values('customer_id')",
                )
            )
        codes, n_customers = _codes(customer)
        if (codes < 0).any():
            raise DataError(
                message(
                    f"{int((codes < 0).sum())} of {self.n_rows} rows have no customer ({named_rows(codes < 0)})",
                    "rows of one customer are one observation, so each row's customer must be known",
                    "drop the rows without a customer, and count them",
                )
            )
        return codes, n_customers

    def _same_rows(self, versus: RankedEffects) -> RankedEffects:
        if versus.n_rows != self.n_rows or not np.array_equal(versus._effect, self._effect):
            raise DataError(
                message(
                    "the two rankings do not hold the same effects",
                    "a difference is taken between two scores of the same rows",
                    "RankedEffects(effect, score).interval('qini', versus=RankedEffects(effect, other))",
                )
            )
        return versus

    def _in_given_order(self, ranked: FloatArray) -> FloatArray:
        given = np.empty_like(ranked)
        given[self._order.order] = ranked
        return given


def _finite(effect: FloatArray) -> FloatArray:
    infinite = np.isinf(effect)
    if infinite.any():
        raise DataError(
            message(
                f"{int(infinite.sum())} of {effect.size} effects are infinite ({named_rows(infinite)})",
                "an effect is an amount of the outcome",
                "check the propensities: near 0 or 1 they make effects without bounds",
            )
        )
    if not effect.size:
        raise DataError(
            message("there are no rows", "a metric needs at least one", "check the filter that left no row")
        )
    return effect
