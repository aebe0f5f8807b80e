"""All there is to say about the profit of a ranking, from one sort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike
from churnlib.economics import RetentionOffer
from churnlib.metrics import _arrays
from churnlib.metrics._grid import on_grid
from churnlib.metrics._profit_terms import Terms, row_gain, values_of
from churnlib.metrics._ranked import RankedOutcomes

__all__ = ["ProfitSummary", "profit_summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitSummary:
    """What a ranking earns with an offer.

    Attributes
    ----------
    mpc : float
        Profit per customer of the list that earns most, at the mean accept rate; 0 where no list earns anything.
    fraction : float
        Its length as a share of all customers. Of these two fractions this is the one to work by, though
        best of all is the threshold of each customer.
    threshold : float
        The lowest score on it; +inf where nobody is contacted.
    empc, empc_fraction : float or None
        Profit and share of contacts averaged over the uncertain accept rate; None where values differ by customer.
    n_hull : int or None
        Vertices of the ROC hull, the empty list and the list of all included; None where values differ.
    oracle : float
        Profit per customer of contacting exactly those who leave and are worth it: no ranking earns more.
    everybody : float
        Profit per customer of contacting all, of either sign.
    n_rows : float
        Rows, or their weight.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
    >>> summary = profit_summary([1, 1, 0, 0], [0.9, 0.6, 0.6, 0.1], offer=offer)
    >>> summary.mpc, summary.fraction, summary.threshold, round(summary.captured, 3)
    (25.25, 0.75, 0.6, 0.902)
    """

    mpc: float
    fraction: float
    threshold: float
    empc: float | None
    empc_fraction: float | None
    n_hull: int | None
    oracle: float
    everybody: float
    n_rows: float

    @property
    def captured(self) -> float:
        """The profit as a share of the oracle's, between 0 and 1; 0 where the oracle earns nothing."""
        return self.mpc / self.oracle if self.oracle > 0 else 0.0

    @property
    def verdict(self) -> str:
        """One sentence."""
        if not self.oracle > 0:
            return "This offer can never pay: nobody is worth a contact."
        if not self.mpc > 0:
            return "No list of the riskiest earns anything: nobody is contacted."
        return (
            f"Contacting the first {self.fraction:.1%} earns {self.mpc:.4g} per customer, "
            f"{self.captured:.0%} of what a perfect ranking would."
        )


def profit_summary(
    y: ArrayLike,
    s: ArrayLike,
    *,
    offer: RetentionOffer,
    clv: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> ProfitSummary:
    """Sum up what a ranking earns with an offer.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier.
    offer : RetentionOffer
        What a contact earns and costs, as in `empb_score`.
    clv : array-like of shape (n_rows,) or float, default=None
        The value of each row's customer, instead of the offer's own.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    ProfitSummary
        EMPC and MPC where the offer has one value for all; EMPB, as ``mpc``, where values differ.

    Raises
    ------
    DataError
        If a number is missing, an outcome is neither 0 nor 1, or values do not match the rows.
    ParameterTypeError
        If `offer` is no RetentionOffer, or its values are a column.

    Warns
    -----
    AssumptionWarning
        If the offer can never pay.

    Notes
    -----
    The formulas stand at `empc_score`, `mpc_score` and `empb_score`. Between equally good lists the shortest is meant.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
    >>> profit_summary([0, 1], [0.1, 0.9], offer=offer).verdict
    'Contacting the first 50.0% earns 28 per customer, 100% of what a perfect ranking would.'
    """
    ranked = RankedOutcomes(y, s)
    value = values_of(offer, ranked.n_rows, _arrays.labels_of(y, s), clv)
    gain = row_gain(offer, ranked._y, value)
    weight = on_grid(_arrays.weights(sample_weight, ranked.n_rows)[0])
    total = float(weight.sum())
    earned = on_grid(gain * weight)
    one_value = clv is None and not isinstance(offer.clv, (str, pd.Series))
    empc: tuple[float, float] | tuple[None, None] = (None, None)
    n_hull = None
    if one_value:
        hull, terms = ranked._hull(sample_weight), Terms.of(offer)
        mpc, fraction, threshold = hull.mpc(terms)
        empc, n_hull = hull.empc(terms), hull.rows.size
    else:
        mpc, fraction, threshold = ranked._best_list(gain, sample_weight)
    return ProfitSummary(
        mpc=mpc,
        fraction=fraction,
        threshold=threshold,
        empc=empc[0],
        empc_fraction=empc[1],
        n_hull=n_hull,
        oracle=float(np.maximum(earned, 0.0).sum()) / total,
        everybody=float(earned.sum()) / total,
        n_rows=total,
    )
