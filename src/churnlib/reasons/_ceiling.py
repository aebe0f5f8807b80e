"""What may at most be offered to keep a customer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, ParameterTypeError, message

__all__ = ["offer_ceiling"]


def offer_ceiling(probability: ArrayLike, offer: RetentionOffer, X: pd.DataFrame) -> pd.Series[float]:
    r"""Return the cost of the offer at which contacting a customer is expected to gain nothing.

    With probability to churn p, accept rate g, value v and contact cost f the expected gain of
    `churnlib.economics.contact_gain` is linear in the cost d of the offer and vanishes at

    .. math:: d^* = \frac{p\,g\,v - f}{1 - p + p\,g}

    It assumes that the accept rate is that of the offer given, whatever it costs, and that a
    contacted stayer always takes it. The cost in `offer` itself is not looked at.

    Parameters
    ----------
    probability : array-like of shape (n_rows,)
        Calibrated probability to churn.
    offer : RetentionOffer
        Its accept rate, customer values and contact cost.
    X : DataFrame of shape (n_rows, n_features)
        The rows, to look customer values up.

    Returns
    -------
    Series of shape (n_rows,)
        Money, named "offer_ceiling", indexed like `X`; 0 where not even a free offer pays.

    Raises
    ------
    DataError
        If probabilities are missing or outside [0, 1], or not one for each row.
    ParameterTypeError
        If `offer` is no RetentionOffer or `X` no pandas frame.

    Examples
    --------
    >>> X = pd.DataFrame(index=pd.Index(["ann", "bob"], name="customer_id"))
    >>> offer = RetentionOffer(accept_rate=0.25, clv=200, offer_cost=10, contact_cost=5)
    >>> offer_ceiling([0.5, 0.05], offer, X).tolist()
    [32.0, 0.0]
    >>> RetentionOffer(accept_rate=0.25, clv=200, offer_cost=32, contact_cost=5).expected_gain(0.5)
    0.0
    """
    if not isinstance(offer, RetentionOffer):
        raise ParameterTypeError(
            message(
                f"offer is a {type(offer).__name__}",
                "a RetentionOffer says who accepts and what customers are worth",
                "RetentionOffer(accept_rate=0.3, clv=200, offer_cost=0, contact_cost=1)",
            )
        )
    if not isinstance(X, pd.DataFrame):
        raise ParameterTypeError(
            message(f"X is a {type(X).__name__}", "a pandas frame whose index names the customers", "data.latest().X")
        )
    p: Any = np.asarray(probability, dtype=np.float64)
    if p.shape != (len(X),):
        raise DataError(
            message(f"{p.size:,} probabilities for {len(X):,} rows", "one for each row", "model.predict_proba(X)[:, 1]")
        )
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        raise DataError(
            message(
                f"{int(bad.sum()):,} of {p.size:,} probabilities are missing or outside [0, 1]",
                "a calibrated probability to churn",
                "model.predict_proba(X)[:, 1]",
            )
        )
    g, value = offer.mean_accept_rate, offer.clv_of(X).to_numpy()
    worth = p * g * value - offer.contact_cost
    # decided before the division: where p = 1 and g = 0 there is nothing to divide by
    ceiling = np.where(worth > 0, worth, 0.0) / np.where(worth > 0, 1.0 - p + p * g, 1.0)
    return pd.Series(ceiling, index=X.index, name="offer_ceiling")
