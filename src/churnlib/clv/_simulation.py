"""Purchase histories drawn from a model, all customers at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import ParameterError, message

__all__ = ["observed_for", "purchases_until_a_coin_falls"]


def observed_for(T: Any, n_customers: int | None) -> FloatArray:
    """Return how long each customer is observed, from one number or one per customer.

    Parameters
    ----------
    T : float or array
        Lengths of observation, > 0.
    n_customers : int or None
        How many customers, where T is one number.

    Returns
    -------
    ndarray of shape (n_customers,)
        The lengths.

    Raises
    ------
    ParameterError
        If a length is not positive, or the two numbers of customers differ.

    Examples
    --------
    >>> observed_for(52, 3)
    array([52., 52., 52.])
    """
    lengths = np.asarray(T, dtype=float)
    if lengths.ndim > 1 or (lengths.ndim == 1 and n_customers not in {None, len(lengths)}):
        raise ParameterError(
            message(
                f"T has the shape {lengths.shape} and n_customers is {n_customers}",
                "one length for each customer, or one for all",
                "simulate(T=52, n_customers=1000)",
            )
        )
    lengths = np.broadcast_to(lengths, (1 if n_customers is None else n_customers,)) if lengths.ndim == 0 else lengths
    if not np.all(np.isfinite(lengths) & (lengths > 0)):
        raise ParameterError(
            message("T is not positive and finite for every customer", "how long each is observed", "simulate(T=52)")
        )
    return lengths.astype(float)


def purchases_until_a_coin_falls(
    generator: np.random.RandomState,
    lengths: FloatArray,
    rate: FloatArray,
    leaves: FloatArray,
    *,
    coin_first: bool,
) -> tuple[IntArray, FloatArray]:
    """Draw histories in which a customer may leave only after a purchase.

    Parameters
    ----------
    generator : RandomState
        Where chance comes from.
    lengths : ndarray of shape (n_customers,)
        How long each is observed.
    rate : ndarray of shape (n_customers,)
        Purchases per unit of time, while the customer is alive.
    leaves : ndarray of shape (n_customers,)
        The probability to leave after a purchase.
    coin_first : bool
        Whether a customer may leave right after the first purchase.

    Returns
    -------
    frequency, recency : ndarray of shape (n_customers,)
        Repeat purchases, and the age at the last of them.

    Examples
    --------
    >>> generator = np.random.RandomState(0)
    >>> two = np.ones(2)
    >>> frequency, recency = purchases_until_a_coin_falls(generator, 20 * two, 0.5 * two, 0 * two, coin_first=False)
    >>> frequency, recency.round(2)
    (array([7, 7]), array([18.99, 19.58]))
    """
    frequency = np.zeros(len(lengths), dtype=np.int64)
    recency = np.zeros(len(lengths))
    alive = np.arange(len(lengths))
    if coin_first:
        alive = alive[generator.random_sample(len(alive)) >= leaves]
    clock = np.zeros(len(lengths))
    while len(alive):
        clock[alive] += generator.exponential(1 / rate[alive])
        alive = alive[clock[alive] <= lengths[alive]]
        frequency[alive] += 1
        recency[alive] = clock[alive]
        alive = alive[generator.random_sample(len(alive)) >= leaves[alive]]
    return frequency, recency
