"""Profit metrics with one value for all customers."""

from __future__ import annotations

from churnlib._typing import ArrayLike
from churnlib.economics import RetentionOffer
from churnlib.metrics._ranked import RankedOutcomes

__all__ = ["empc_score", "mpc_score"]


def mpc_score(y: ArrayLike, s: ArrayLike, *, offer: RetentionOffer, sample_weight: ArrayLike | None = None) -> float:
    """Maximum profit: what contacting the best list of the riskiest brings, per customer.

    Of all lists of the riskiest, the empty one included, the one that earns most on these rows counts. It
    is chosen *on the rows it is judged on*, and so it flatters noisy scores a little: a measure of a ranking, not a
    forecast of earnings. To decide whom to contact, compare a calibrated probability with
    `RetentionOffer.threshold`, and judge that with `expected_profit`.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier. Any scale. Customers with equal scores are contacted together.
    offer : RetentionOffer
        With one `clv` for all. An uncertain accept rate counts by its mean.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    float
        Money per row, never below 0; higher is better.

    Raises
    ------
    DataError
        If a number is missing, or an outcome is neither 0 nor 1.
    ParameterError
        If the offer's clv differs by customer; see `empb_score`.
    ParameterTypeError
        If `offer` is no RetentionOffer.

    Warns
    -----
    AssumptionWarning
        If the offer can never pay; the score is then 0.

    Notes
    -----
    With accept rate g, value CLV, offer cost d and contact cost f, a contacted churner brings
    ``g (CLV - d) - f`` and a contacted stayer ``-(d + f)``: stayers are taken to accept the offer always.
    MPC is the largest sum over lists, divided by the number of rows (Verbraken, Verbeke and Baesens 2013, IEEE
    TKDE 25, 961-973). The sum is linear in g, so that only its mean matters to a fixed list.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
    >>> mpc_score([1, 1, 0, 0], [0.9, 0.6, 0.6, 0.1], offer=offer)  # (2 · 56 - 11) / 4
    25.25
    """
    return RankedOutcomes(y, s).mpc(offer, sample_weight=sample_weight)


def empc_score(y: ArrayLike, s: ArrayLike, *, offer: RetentionOffer, sample_weight: ArrayLike | None = None) -> float:
    """Expected maximum profit (EMPC): MPC averaged over an uncertain accept rate, per customer.

    The accept rate is drawn from its Beta distribution and *then* the best list is chosen. Nobody
    knows the rate beforehand: EMPC compares models, and neither its list nor its rate
    is one to work by. At least `mpc_score` at the mean rate.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier. Only its order matters.
    offer : RetentionOffer
        With one `clv` for all and, as a rule, ``accept_rate=(a, b)``; a number is a rate without doubt, and
        gives MPC.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    float
        Money per row, never below 0; higher is better. It does not depend on the order of the rows.

    Raises
    ------
    DataError
        If a number is missing, or an outcome is neither 0 nor 1.
    ParameterError
        If the offer's clv differs by customer; see `empb_score`.
    ParameterTypeError
        If `offer` is no RetentionOffer.

    Warns
    -----
    AssumptionWarning
        If the offer can never pay; the score is then 0.

    Notes
    -----
    ``EMPC = ∫ max over lists of profit(list; g) h(g) dg``. The best lists are the vertices (TP_k, FP_k) of the ROC
    hull; vertex k beats the one before it from ``g_k = ((d + f) ΔFP_k + f ΔTP_k) / ((CLV - d) ΔTP_k)`` on,
    so that the integral is a sum of differences of incomplete beta functions. Where CLV ≤ d nobody is worth the
    offer, and EMPC is 0. Verbraken, Verbeke and Baesens 2013, IEEE TKDE 25, 961-973, whose settings are
    ``RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)``.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
    >>> round(empc_score([1, 1, 0, 0], [0.9, 0.6, 0.6, 0.1], offer=offer), 4)
    25.2504
    """
    return RankedOutcomes(y, s).empc(offer, sample_weight=sample_weight)
