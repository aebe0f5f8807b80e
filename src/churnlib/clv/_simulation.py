"""Purchase histories drawn from a model, all customers at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from churnlib._typing import FloatArray
from churnlib.exceptions import ParameterError, message

__all__ = ["observed_for", "simulate_purchases"]

Draw: TypeAlias = Callable[[np.random.RandomState, int], tuple[FloatArray, FloatArray]]
"""From generator and number of customers to purchase rates and chances to leave after a purchase."""


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


def simulate_purchases(
    draw: Draw, T: Any, n_customers: int | None, random_state: Any, *, coin_first: bool
) -> pd.DataFrame:
    """Draw histories in which a customer may leave only after a purchase.

    Parameters
    ----------
    draw : callable
        Draws rate and chance to leave of each customer.
    T : float or array
        How long each is observed.
    n_customers : int or None
        How many, where T is one number.
    random_state : int, RandomState or None
        The seed.
    coin_first : bool
        Whether a customer may leave right after the first purchase.

    Returns
    -------
    DataFrame
        ``frequency``, ``recency`` and ``T``.

    Examples
    --------
    >>> steady = lambda generator, n: (np.full(n, 0.5), np.zeros(n))
    >>> simulate_purchases(steady, 20.0, 2, 0, coin_first=False)
       frequency    recency     T
    0          7  18.985580  20.0
    1          7  19.580211  20.0
    """
    generator = check_random_state(random_state)
    lengths = observed_for(T, n_customers)
    rate, leaves = draw(generator, len(lengths))
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
    return pd.DataFrame({"frequency": frequency, "recency": recency, "T": lengths})
