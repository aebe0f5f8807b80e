"""What the offer says a contact earns and costs, in the form the profit metrics need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray
from churnlib.economics import RetentionOffer
from churnlib.exceptions import (
    DataError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    message,
    some,
)

__all__ = ["Terms", "checked_offer", "row_gain", "values_of"]


@dataclass(frozen=True, slots=True)
class Terms:
    """An offer at one value for all customers.

    Attributes
    ----------
    accept_rate : float or tuple of two floats
        The share of contacted churners who accept, or (a, b) of its Beta distribution.
    mean_accept_rate : float
        Its mean.
    worth : float
        What a churner who accepts brings, net of the offer: ``clv - d``.
    contact_cost : float
        ``f``, paid for each contact.
    wasted : float
        ``d + f``, what a contacted stayer costs.
    """

    accept_rate: float | tuple[float, float]
    mean_accept_rate: float
    worth: float
    contact_cost: float
    wasted: float

    @classmethod
    def of(cls, offer: RetentionOffer) -> Terms:
        """Read an offer whose value is one number."""
        checked_offer(offer)
        if isinstance(offer.clv, (str, pd.Series)):
            raise ParameterError(
                message(
                    "the offer's clv differs by customer",
                    "EMPC is defined for one value of all customers",
                    "empb_score(y, s, offer=offer), or an offer with clv=values.mean()",
                )
            )
        cost = float(offer.offer_cost_of(float(offer.clv)))
        terms = cls(
            accept_rate=offer.accept_rate,
            mean_accept_rate=offer.mean_accept_rate,
            worth=float(offer.clv) - cost,
            contact_cost=float(offer.contact_cost),
            wasted=cost + float(offer.contact_cost),
        )
        if terms.never_pays:
            offer._say_that_it_never_pays(stacklevel=4)
        return terms

    @property
    def never_pays(self) -> bool:
        """Whether not even a certain churner who accepts would be worth the contact."""
        best = 1.0 if isinstance(self.accept_rate, tuple) else self.accept_rate
        return best * self.worth <= self.contact_cost

    def accepted_upto(self, rate: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The chance of an accept rate up to these, and the mean rate over that event."""
        from scipy.special import betainc

        a, b = self.accept_rate  # type: ignore[misc]
        return betainc(a, b, rate), self.mean_accept_rate * betainc(a + 1.0, b, rate)


def checked_offer(offer: Any) -> RetentionOffer:
    """Return the offer if it is one."""
    if not isinstance(offer, RetentionOffer):
        raise ParameterTypeError(
            message(
                f"offer is a {type(offer).__name__}",
                "a RetentionOffer says what a contact earns and costs",
                "offer=RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)",
            )
        )
    return offer


def values_of(
    offer: RetentionOffer, n_rows: int, labels: pd.Index[Any] | None, clv: ArrayLike | None
) -> FloatArray | float:
    """Return the value of each row's customer, or one value for all.

    An array given here goes by the position of the rows; the offer's own values go by label.
    """
    checked_offer(offer)
    if clv is not None:
        return _given(clv, n_rows, labels)
    if isinstance(offer.clv, str):
        raise ParameterTypeError(
            message(
                f"the offer's clv is the column {offer.clv!r}, and a metric sees no columns",
                "the value of each row",
                f"clv=X[{offer.clv!r}]",
            )
        )
    if not isinstance(offer.clv, pd.Series):
        return float(offer.clv)
    if labels is None:
        raise SchemaError(
            message(
                "the offer's clv goes by customer, and neither y nor the scores name the customers of the rows",
                "a Series indexed by customer, or the values in the order of the rows",
                "y = pd.Series(y, index=X.index), or clv=offer.clv_of(X)",
            )
        )
    return np.asarray(offer.clv_of(pd.DataFrame(index=labels)), dtype=np.float64)


def row_gain(offer: RetentionOffer, y: BoolArray, value: FloatArray | float) -> FloatArray:
    """Return what a contact brings in each row, the outcome being known, at the mean accept rate.

    Warns when no churner's value could ever repay a contact.
    """
    if not offer.pays(float(np.max(value))):  # what a churner brings grows with the value
        offer._say_that_it_never_pays(stacklevel=4)
    cost = offer.offer_cost_of(value)
    saved = offer.mean_accept_rate * (value - cost) - offer.contact_cost
    return np.where(y, saved, -(cost + offer.contact_cost))


def _given(clv: ArrayLike, n_rows: int, labels: pd.Index[Any] | None) -> FloatArray | float:
    if isinstance(clv, pd.Series) and labels is not None and not clv.index.equals(labels):
        raise DataError(
            message(
                f"clv and the outcomes have different labels ({len(clv)} and {n_rows})",
                "metrics pair them by position",
                "clv = clv.reindex(y.index), or an offer whose clv is a Series by customer",
            )
        )
    values: Array = np.asarray(clv, dtype=np.float64)
    if values.ndim and values.shape != (n_rows,):
        raise DataError(
            message(f"clv has shape {values.shape} for {n_rows} rows", "one value for each row", "clv=offer.clv_of(X)")
        )
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise DataError(
            message(
                f"clv is missing or infinite in {wrong.size} of {n_rows} rows (rows {some(wrong)})",
                "every row needs a value",
                "clv=clv.fillna(0) if no value means worth nothing",
            )
        )
    return values if values.ndim else float(values)
