"""The bootstrap that draws customers, not rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.numerics._intervals import checked_confidence

__all__ = ["CustomerBootstrap", "customer_bootstrap", "customer_draws"]

IntervalMethod: TypeAlias = Literal["percentile", "basic", "centred"]


@dataclass(frozen=True, slots=True, eq=False)
class CustomerBootstrap:
    """A number, or an array of numbers, with its values on resampled customers.

    Attributes
    ----------
    estimate : array
        The metric on the rows as they are.
    draws : array of shape ``(n_boot - failed, *estimate.shape)``
        The metric on each draw, in the order of the draws. All entries of one draw saw the same customers,
        so that differences between models are paired.
    n_customers, n_rows : int
        What was resampled, and how many rows that is.
    failed : int
        Draws on which the metric is not defined (no churner was drawn, say).
        They are left out: with many of them, there is too little data for an interval.

    Examples
    --------
    >>> paid = np.array([1.0, 0.0, 1.0, 1.0])
    >>> boot = customer_bootstrap(lambda w: np.average(paid, weights=w), ["a", "a", "b", "c"])
    >>> low, high = boot.interval(0.8)
    >>> bool(low <= boot.estimate <= high), boot.n_customers
    (True, 3)
    """

    estimate: FloatArray
    draws: FloatArray
    n_customers: int
    n_rows: int
    failed: int

    @property
    def n_boot(self) -> int:
        """How many draws were made, failed ones included."""
        return len(self.draws) + self.failed

    @property
    def standard_error(self) -> FloatArray:
        """The standard deviation of the draws, of the shape of the estimate."""
        return np.asarray(self.draws.std(axis=0, ddof=1))[()]

    def interval(
        self, confidence: float = 0.95, *, method: IntervalMethod = "percentile"
    ) -> tuple[FloatArray, FloatArray]:
        """Bounds that hold the true value in the given share of samples.

        Parameters
        ----------
        confidence : float, default=0.95
            The nominal coverage, between 0 and 1.
        method : {"percentile", "basic", "centred"}, default="percentile"
            "percentile" takes the quantiles of the draws: it stays inside the
            range of the metric (an AUC never passes 1) and does not depend on the
            scale (log-loss or its exponential). It is right for AUC, log-loss, lift, shares
            and profit. A calibration error grows with noise, so its draws lie
            above the estimate: "centred" moves their mean back onto it. "basic"
            reflects the draws about the estimate.

        Returns
        -------
        low, high : arrays
            Of the shape of the estimate and in its unit. Only "percentile" is
            bound to stay inside the range of the metric.

        Raises
        ------
        ParameterError
            If the confidence is not between 0 and 1, or the method is unknown.

        Notes
        -----
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 13 and 14; drawing
        whole clusters: Davison and Hinkley 1997, section 3.8.

        Examples
        --------
        >>> boot = CustomerBootstrap(np.float64(2), np.arange(101) / 25, 9, 9, 0)
        >>> [round(float(bound), 2) for bound in boot.interval(0.9)]
        [0.2, 3.8]
        """
        tail = (1 - checked_confidence(confidence)) / 2
        low, high = np.quantile(self.draws, [tail, 1 - tail], axis=0)
        if method == "percentile":
            return low, high
        if method == "basic":
            return 2 * self.estimate - high, 2 * self.estimate - low
        if method == "centred":
            shift = self.estimate - self.draws.mean(axis=0)
            return low + shift, high + shift
        raise ParameterError(
            message(
                f"method {method!r} is unknown",
                "one of 'percentile', 'basic', 'centred' is needed",
                "method='percentile'",
            )
        )

    def map(self, function: Callable[[FloatArray], ArrayLike]) -> CustomerBootstrap:
        """Apply a function to the estimate and to every draw.

        Parameters
        ----------
        function : callable
            Takes an array of the shape of the estimate, returns a number or an array.

        Returns
        -------
        CustomerBootstrap
            With the same draws: the paired difference of two models is
            ``boot.map(lambda v: v[0] - v[1])``.

        Examples
        --------
        >>> boot = CustomerBootstrap(np.array([3.0, 1.0]), np.array([[3.0, 2.0], [4.0, 1.0]]), 5, 5, 0)
        >>> boot.map(lambda v: v[0] - v[1]).draws
        array([1., 3.])
        """
        draws = np.array([np.asarray(function(draw), dtype=np.float64) for draw in self.draws])
        estimate = np.asarray(function(self.estimate), dtype=np.float64)
        return CustomerBootstrap(estimate[()], draws, self.n_customers, self.n_rows, self.failed)


def customer_bootstrap(
    metric: Callable[[IntArray], ArrayLike],
    customer: ArrayLike | pd.Index | pd.Series[Any],
    *,
    n_boot: int = 200,
    random_state: int | np.random.Generator = 0,
) -> CustomerBootstrap:
    """Resample customers, with all their rows, and compute a metric on each draw.

    A customer who stands at six cutoffs brings six rows that resemble each
    other. Drawing rows one by one would count them as six witnesses and give
    intervals that are too narrow; drawing customers keeps them together. It
    assumes that *customers* are independent of each other.

    Parameters
    ----------
    metric : callable
        Takes the weight of every row (int64: how often its customer was drawn,
        0 for never) and returns a number or an array. Metrics with a
        ``sample_weight`` fit. Put all models into one callable to have them paired.
    customer : array-like of shape (n_rows,)
        The customer of each row. The draws do not depend on the order of the rows.
    n_boot : int, default=200
        How many draws; the bounds of a 95 % interval are steady from about 500 on.
    random_state : int or numpy.random.Generator, default=0
        The seed of the draws; the same seed gives the same draws.

    Returns
    -------
    CustomerBootstrap
        The estimate and the draws; ask it for an `interval`.

    Raises
    ------
    DataError
        If a customer is missing, there are fewer than two customers, or the
        metric is defined on less than half of the draws.
    ParameterError
        If `n_boot` is less than 2.

    Notes
    -----
    A draw takes as many customers as there are, with replacement: multinomial
    counts, used as whole-number weights, so that no row is ever copied.

    Examples
    --------
    >>> from churnlib.metrics import RankedOutcomes
    >>> y = np.array([1, 0, 1, 0, 0, 1, 0, 0])
    >>> ranked = RankedOutcomes(y, [0.9, 0.1, 0.8, 0.3, 0.85, 0.4, 0.2, 0.1])
    >>> boot = customer_bootstrap(ranked.auc, [1, 1, 2, 2, 3, 4, 5, 6], n_boot=100)
    >>> low, high = boot.interval()
    >>> bool(0 <= low <= boot.estimate <= high <= 1)
    True
    """
    if n_boot < 2:
        raise ParameterError(message(f"n_boot is {n_boot}", "at least 2 draws are needed", "n_boot=500"))
    codes, n_customers = _customer_codes(customer)
    estimate = np.asarray(metric(np.ones(codes.size, dtype=np.int64)), dtype=np.float64)
    values: list[FloatArray] = []
    reason = ""
    for weights in _draws(codes, n_customers, n_boot, random_state):
        try:
            values.append(np.asarray(metric(weights), dtype=np.float64))
        except DataError as error:  # the draw has one class only, or the like: no value exists for it
            reason = str(error)
    failed = n_boot - len(values)
    if 2 * failed > n_boot:
        raise DataError(
            message(
                f"the metric is not defined on {failed} of {n_boot} draws of {n_customers} customers ({reason})",
                "an interval needs it on most draws",
                "use more customers or more cutoffs, or report the estimate without an interval",
            )
        )
    return CustomerBootstrap(estimate[()], np.array(values), n_customers, int(codes.size), failed)


def customer_draws(
    customer: ArrayLike | pd.Index | pd.Series[Any],
    *,
    n_boot: int = 200,
    random_state: int | np.random.Generator = 0,
) -> Iterator[IntArray]:
    """Yield the row weights of each draw of customers, one draw at a time.

    Parameters
    ----------
    customer : array-like of shape (n_rows,)
        The customer of each row.
    n_boot : int, default=200
        How many draws.
    random_state : int or numpy.random.Generator, default=0
        The seed of the draws.

    Yields
    ------
    array of shape (n_rows,)
        int64: how often the customer of the row was drawn.

    Raises
    ------
    DataError
        If a customer is missing, or there are fewer than two customers.

    Examples
    --------
    >>> [weights.tolist() for weights in customer_draws(["a", "b", "a"], n_boot=2)]
    [[0, 2, 0], [1, 1, 1]]
    """
    codes, n_customers = _customer_codes(customer)
    return _draws(codes, n_customers, n_boot, random_state)


def _draws(
    codes: IntArray, n_customers: int, n_boot: int, random_state: int | np.random.Generator
) -> Iterator[IntArray]:
    generator = np.random.default_rng(random_state)
    for _ in range(n_boot):
        drawn = generator.integers(0, n_customers, size=n_customers)
        yield np.bincount(drawn, minlength=n_customers)[codes]


def _customer_codes(customer: ArrayLike | pd.Index | pd.Series[Any]) -> tuple[IntArray, int]:
    """Number the customers in sorted order, so that draws do not depend on the order of rows."""
    ids: pd.Index[Any] = pd.Index(cast("Any", customer))
    codes, found = pd.factorize(ids, sort=True)
    missing = np.flatnonzero(codes < 0)
    if missing.size:
        raise DataError(
            message(
                f"{missing.size} of {codes.size} rows have no customer (rows {some(missing)})",
                "a draw needs the customer of every row",
                "drop the rows without a customer, and count them",
            )
        )
    if len(found) < 2:
        raise DataError(
            message(
                f"there are {len(found)} customers in {codes.size} rows",
                "a draw needs at least two",
                "more customers, or the estimate without an interval",
            )
        )
    return codes.astype(np.int64, copy=False), len(found)
