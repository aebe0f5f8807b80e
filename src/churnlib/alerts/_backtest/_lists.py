"""Lists with few places, shared by ties without a draw, and numbers of lists on resampled customers."""

from __future__ import annotations

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import ParameterTypeError, message

__all__ = ["customer_sums", "generator_of", "interval_of", "quantiles", "resampled", "shares"]


def generator_of(random_state: int | np.random.Generator) -> np.random.Generator:
    """Return what draws: a generator as it is, or a new one from a seed.

    Parameters
    ----------
    random_state : int or Generator
        The seed.

    Returns
    -------
    Generator
        From which to draw.

    Raises
    ------
    ParameterTypeError
        When it is no seed.

    Examples
    --------
    >>> int(generator_of(3).integers(100)) == int(generator_of(3).integers(100))
    True
    """
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError):
        raise ParameterTypeError(
            message(
                f"random_state is {random_state!r}",
                "a whole number from 0, or a Generator, was expected",
                "random_state=0",
            )
        ) from None


def shares(value: FloatArray, group: IntArray, places: FloatArray) -> FloatArray:
    """Return how much of a place each row has among the highest of its group.

    Of m rows with one value, of which r find a place, each has r / m: the expectation over all orders of
    the tied rows, so that neither a draw nor the order of the rows decides.

    Parameters
    ----------
    value : ndarray of shape (n_rows,)
        What ranks them, the highest first; infinite allowed, NaN not.
    group : ndarray of shape (n_rows,)
        The group of each row, from 0.
    places : ndarray of shape (n_groups,)
        How many places each group has.

    Returns
    -------
    ndarray of shape (n_rows,)
        Between 0 and 1; the sum in a group is the smaller of its places and its rows.

    Examples
    --------
    >>> shares(np.array([3.0, 1.0, 1.0, 0.0]), np.zeros(4, int), np.array([2.0])).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    found = np.zeros(len(value))
    if not len(value):
        return found
    order = np.lexsort((-value, group))
    of, ranked = group[order], value[order]
    begins = np.r_[True, (of[1:] != of[:-1]) | (ranked[1:] != ranked[:-1])]
    start = np.flatnonzero(begins)
    size = np.diff(np.r_[start, len(value)])
    above = start - np.searchsorted(of, of[start])
    found[order] = np.repeat(np.clip((places[of[start]] - above) / size, 0.0, 1.0), size)
    return found


def quantiles(value: FloatArray, weight: FloatArray, at: tuple[float, ...]) -> list[float]:
    """Return quantiles of weighted values: the mean of the two middle ones where the weights split evenly.

    Parameters
    ----------
    value : ndarray of shape (n,)
        The values.
    weight : ndarray of shape (n,)
        How much each counts.
    at : tuple of float
        Shares between 0 and 1.

    Returns
    -------
    list of float
        NaN where nothing has a weight.

    Examples
    --------
    >>> quantiles(np.array([9.0, 1.0, 5.0, 7.0]), np.ones(4), (0.25, 0.5))
    [3.0, 6.0]
    >>> quantiles(np.array([9.0, 1.0]), np.array([0.5, 1.0]), (0.5,))
    [1.0]
    """
    kept = weight > 0
    order = np.argsort(value[kept], kind="stable")
    value, weight = value[kept][order], weight[kept][order]
    if not len(value):
        return [float("nan")] * len(at)
    reached = np.cumsum(weight)
    near = 1e-9 * reached[-1]
    found = []
    for share in at:
        aim = share * reached[-1]
        low = min(int(np.searchsorted(reached, aim - near)), len(value) - 1)
        high = min(int(np.searchsorted(reached, aim + near)), len(value) - 1)
        found.append(float((value[low] + value[high]) / 2))
    return found


def customer_sums(customer: IntArray, n_customers: int, columns: list[FloatArray]) -> FloatArray:
    """Add up columns of rows by customer.

    Parameters
    ----------
    customer : ndarray of shape (n_rows,)
        The customer of each row, from 0.
    n_customers : int
        How many there are.
    columns : list of ndarray of shape (n_rows,)
        What to add up.

    Returns
    -------
    ndarray of shape (n_customers, n_columns)
        The sums.

    Examples
    --------
    >>> customer_sums(np.array([0, 1, 0]), 2, [np.array([1.0, 2.0, 4.0])]).tolist()
    [[5.0], [2.0]]
    """
    return np.column_stack([np.bincount(customer, weights=column, minlength=n_customers) for column in columns])


def resampled(sums: FloatArray, *, n_boot: int, random_state: int | np.random.Generator) -> FloatArray:
    """Return the totals of columns over customers drawn with replacement, draw by draw.

    Customers with nothing in any column change no total: how many of them are drawn is binomial, and only
    the others are drawn by name.

    Parameters
    ----------
    sums : ndarray of shape (n_customers, n_columns)
        What each customer adds.
    n_boot : int
        How many draws, each of as many customers as there are.
    random_state : int or Generator
        The seed.

    Returns
    -------
    ndarray of shape (n_boot, n_columns)
        The totals.

    Examples
    --------
    >>> resampled(np.ones((7, 1)), n_boot=2, random_state=0).tolist()
    [[7.0], [7.0]]
    """
    generator = np.random.default_rng(random_state)
    there = sums[(sums != 0).any(axis=1)]
    share = len(there) / len(sums)
    found = np.zeros((n_boot, sums.shape[1]))
    if not len(there):
        return found
    for draw in range(n_boot):
        drawn = generator.integers(0, len(there), size=generator.binomial(len(sums), share))
        found[draw] = np.bincount(drawn, minlength=len(there)).astype(np.float64) @ there
    return found


def interval_of(draws: FloatArray, confidence: float) -> tuple[float, float]:
    """Return percentiles of draws; missing where most draws have no value.

    Parameters
    ----------
    draws : ndarray of shape (n_boot,)
        NaN where a draw has none: nobody on the list was drawn.
    confidence : float
        The nominal coverage.

    Returns
    -------
    low, high : float
        The bounds.

    Examples
    --------
    >>> interval_of(np.arange(101.0), 0.5)
    (25.0, 75.0)
    """
    there = draws[np.isfinite(draws)]
    if 2 * len(there) < len(draws) or not len(there):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(there, [tail, 1 - tail])
    return float(low), float(high)
