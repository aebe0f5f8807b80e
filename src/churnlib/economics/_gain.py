"""The two formulas of a retention contact, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["contact_gain", "contact_threshold"]

FloatArray = npt.NDArray[np.float64]


def contact_gain(
    probability: npt.ArrayLike,
    clv: npt.ArrayLike,
    *,
    accept_rate: float,
    offer_cost: npt.ArrayLike,
    contact_cost: float,
) -> FloatArray:
    """Return the expected gain of contacting a customer, net of all costs of the offer.

    With probability to churn ``p``, value ``clv``, accept rate ``g``, offer cost
    ``d`` and contact cost ``f``, a contacted churner is worth ``g (clv − d) − f``:
    one who accepts stays and takes the offer, one who does not costs the contact.
    A contacted stayer costs ``d + f``, which assumes that *stayers always take the
    offer*: they were going to stay, and nobody refuses a gift. Hence::

        gain = p (g (clv − d) − f) − (1 − p) (d + f)

    Parameters
    ----------
    probability : array-like of shape (n,) or number
        Calibrated probability to churn, between 0 and 1.
    clv : array-like of shape (n,) or number
        Value of a kept customer, in money.
    accept_rate : float
        Share of contacted churners who accept and stay, between 0 and 1.
    offer_cost : float or array-like of shape (n,)
        Cost of the offer when taken, in money.
    contact_cost : float
        Cost of the contact whether or not the offer is taken, in money.

    Returns
    -------
    ndarray of shape (n,)
        Money per customer; positive means that the contact pays.

    References
    ----------
    Verbraken, Verbeke, Baesens (2013), A novel profit maximizing metric for
    measuring classification performance of customer churn prediction models,
    IEEE TKDE 25(5).

    Examples
    --------
    >>> gain = contact_gain([0.1, 0.5], 200, accept_rate=0.3, offer_cost=10, contact_cost=1)
    >>> gain.round(6).tolist()
    [-4.3, 22.5]
    """
    p = np.asarray(probability, dtype=np.float64)
    value, cost = np.asarray(clv, dtype=np.float64), np.asarray(offer_cost, dtype=np.float64)
    saved = accept_rate * (value - cost) - contact_cost
    return np.asarray(p * saved - (1.0 - p) * (cost + contact_cost), dtype=np.float64)


def contact_threshold(
    clv: npt.ArrayLike,
    *,
    accept_rate: float,
    offer_cost: npt.ArrayLike,
    contact_cost: float,
) -> FloatArray:
    """Return the probability to churn above which a contact pays.

    Setting `contact_gain` to zero gives ``t = (d + f) / (g (clv − d) + d)``. Where
    ``g (clv − d) ≤ f`` not even a certain churner is worth the contact, so the
    threshold is +inf. That is decided *before* the division: a negative value
    would turn the quotient negative and have everybody contacted.

    Parameters
    ----------
    clv : array-like of shape (n,) or number
        Value of a kept customer, in money; it may be negative.
    accept_rate : float
        Share of contacted churners who accept and stay, between 0 and 1.
    offer_cost : float or array-like of shape (n,)
        Cost of the offer when taken, in money.
    contact_cost : float
        Cost of the contact, in money.

    Returns
    -------
    ndarray of shape (n,)
        In [0, 1), or +inf where no probability makes the contact pay.

    Examples
    --------
    >>> contact_threshold([200.0, 12.0], accept_rate=0.3, offer_cost=10, contact_cost=1).round(7).tolist()
    [0.1641791, inf]
    """
    value, cost = np.asarray(clv, dtype=np.float64), np.asarray(offer_cost, dtype=np.float64)
    saved = accept_rate * (value - cost)
    pays = saved > contact_cost
    # pays implies saved + cost > contact_cost + cost >= 0: the quotient is below 1
    denominator = np.where(pays, saved + cost, 1.0)
    threshold: Any = np.where(pays, (cost + contact_cost) / denominator, np.inf)
    return np.asarray(threshold, dtype=np.float64)
