"""What a given decision brings: profit and savings of whom one would contact."""

from __future__ import annotations

import numpy as np

from churnlib._typing import ArrayLike, BoolArray, FloatArray
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, message
from churnlib.metrics import _arrays
from churnlib.metrics._grid import on_grid
from churnlib.metrics._profit_terms import row_gain, values_of

__all__ = ["expected_profit", "savings_score"]


def expected_profit(
    y: ArrayLike,
    contacted: ArrayLike,
    *,
    offer: RetentionOffer,
    clv: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Profit per customer of contacting whom one decided to contact.

    Unlike `mpc_score` nothing is chosen on the rows judged: this is the fair measure of a
    rule, such as ``probability > offer.threshold(X)``. It is what the offer is *assumed* to bring; only an
    experiment measures it.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    contacted : array-like of shape (n_rows,)
        Whether each row is contacted, or the chance that it is, between 0 and 1.
    offer : RetentionOffer
        What a contact earns and costs, as in `empb_score`.
    clv : array-like of shape (n_rows,) or float, default=None
        The value of each row's customer, instead of the offer's own.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    float
        Money per row, of either sign; contacting nobody brings 0.

    Raises
    ------
    DataError
        If a number is missing, an outcome is neither 0 nor 1, or a chance lies outside 0 and 1.

    Warns
    -----
    AssumptionWarning
        If the offer can never pay.

    Notes
    -----
    ``Σ c_i v_i / n`` with c the contact and v as in `empb_score`. Minus this is the expected cost of a churn
    model relative to contacting nobody.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
    >>> expected_profit([1, 0, 0, 1], [True, True, False, False], offer=offer)  # (56 - 11) / 4
    11.25
    """
    _, gain, contact, weight = _decided(y, contacted, offer, clv, sample_weight)
    return float(on_grid(contact * gain * weight).sum() / weight.sum())


def savings_score(
    y: ArrayLike,
    contacted: ArrayLike,
    *,
    offer: RetentionOffer,
    clv: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Share of the cost of churn that a decision saves, against the better of contacting nobody and everybody.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    contacted : array-like of shape (n_rows,)
        Whether each row is contacted, or the chance that it is, between 0 and 1.
    offer : RetentionOffer
        What a contact earns and costs, as in `empb_score`.
    clv : array-like of shape (n_rows,) or float, default=None
        The value of each row's customer, instead of the offer's own.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    float
        At most 1; 0 saves no more than the trivial decision does, below 0 it costs more than that.

    Raises
    ------
    DataError
        If there is no cost to save (nobody churned, or the churners were worth nothing), or as in `expected_profit`.

    Warns
    -----
    AssumptionWarning
        If the offer can never pay.

    Notes
    -----
    ``1 - C / min(C_nobody, C_everybody)``: a lost churner costs their value, a contacted churner their value less
    what the contact brings, a contacted stayer ``d + f``. Bahnsen, Aouada and Ottersten 2015, Decision
    Analytics 2:5.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
    >>> round(savings_score([1, 0, 0, 0], [True, False, False, False], offer=offer), 4)  # 1 - 144 / 177
    0.1864
    """
    lost_value, gain, contact, weight = _decided(y, contacted, offer, clv, sample_weight)
    lost = on_grid(lost_value * weight).sum()
    nobody, everybody = lost, lost - on_grid(gain * weight).sum()
    trivial = min(nobody, everybody)
    if not trivial > 0:
        raise DataError(
            message(
                f"the better of contacting nobody and everybody costs {trivial:g}",
                "savings are a share of a cost above 0",
                "expected_profit(y, contacted, offer=offer)",
            )
        )
    return float(1.0 - (lost - on_grid(contact * gain * weight).sum()) / trivial)


def _decided(
    y: ArrayLike, contacted: ArrayLike, offer: RetentionOffer, clv: ArrayLike | None, sample_weight: ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the value lost with each churner, the gain of each contact, the contacts and the weights."""
    churned: BoolArray
    churned, chance = _arrays.outcomes_and_ranks(y, contacted, "contacts")
    wrong = np.flatnonzero((chance < 0) | (chance > 1))
    if wrong.size:
        raise DataError(
            message(
                f"{wrong.size} of {chance.size} contacts are outside 0 and 1 (first: {chance[wrong[0]]:g})",
                "a decision, True or False, or the chance of a contact",
                "contacted = probability > offer.threshold(X)",
            )
        )
    value = values_of(offer, churned.size, _arrays.labels_of(y, contacted), clv)
    weight = on_grid(_arrays.weights(sample_weight, churned.size)[0])
    return np.where(churned, value, 0.0), row_gain(offer, churned, value), chance.astype(np.float64), weight
