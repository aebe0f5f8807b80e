"""What is offered to keep a customer, what it costs, and whom it is worth offering to."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.economics._gain import contact_gain, contact_threshold
from churnlib.economics._offer_checks import (
    checked_clv,
    checked_cost,
    checked_fraction,
    checked_probability,
    checked_rate,
    checked_values,
    given_values,
    values_by_label,
    values_in_column,
)
from churnlib.exceptions import AssumptionWarning, ParameterError, ParameterTypeError, message

__all__ = ["RetentionOffer"]

Values: TypeAlias = "pd.Series[float]"


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class RetentionOffer:
    """An offer to keep customers: how many accept it, what they are worth, what it costs.

    The offer costs ``offer_cost`` (or a share of the customer's value) when taken, and the contact
    ``contact_cost`` either way. A contacted churner accepts with the accept rate and then stays; a contacted
    stayer is assumed to take the offer always (see `contact_gain`).

    Parameters
    ----------
    accept_rate : float or tuple of two floats
        Share of contacted churners who accept and stay, in [0, 1]; or ``(a, b)`` of
        a Beta distribution when it is uncertain. The gain is linear in the accept
        rate, so decisions use the mean ``a / (a + b)``.
    clv : float, str or Series
        Value of a kept customer over the time that matters to you, in money: one
        number for all, the name of a column of X, or a Series indexed by customer
        (or by customer and cutoff, like X), aligned by label.
    offer_cost : float or None, default=None
        Cost of the offer when it is taken, in money, not negative. Either this or `offer_fraction` is given.
    offer_fraction : float or None, default=None
        Cost of the offer when it is taken, as a share of the customer's value, between 0 and 1
        (a discount on what the customer pays). For a customer without positive value it costs nothing.
    contact_cost : float, default=0.0
        Cost of the contact itself, in money, not negative.

    Raises
    ------
    ParameterError
        If a rate or a cost is out of its range.
    ParameterTypeError
        If `clv` is a bare array, which cannot be aligned by customer.
    DataError
        If the values of a `clv` Series are missing, infinite or not unique by customer.

    Examples
    --------
    >>> import pandas as pd
    >>> offer = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
    >>> offer
    RetentionOffer(accept_rate=Beta(6, 14), clv=200, offer_cost=10, contact_cost=1)
    >>> round(offer.threshold(), 7)
    0.1641791

    Values by customer are aligned by label, never by position:

    >>> value = pd.Series([500.0, 12.0], index=pd.Index(["b", "a"], name="customer_id"))
    >>> offer = RetentionOffer(accept_rate=0.3, clv=value, offer_cost=10, contact_cost=1)
    >>> X = pd.DataFrame({"orders": [1, 2]}, index=pd.Index(["a", "b"], name="customer_id"))
    >>> offer.threshold(X).round(4).tolist()
    [inf, 0.0701]

    An offer that not even a certain churner would repay contacts nobody, and says so:

    >>> RetentionOffer(accept_rate=0.3, clv=40, offer_cost=10, contact_cost=9)
    RetentionOffer(accept_rate=0.3, clv=40, offer_cost=10, contact_cost=9: never pays)
    """

    accept_rate: float | tuple[float, float]
    clv: float | str | pd.Series[Any]
    offer_cost: float | None = None
    offer_fraction: float | None = None
    contact_cost: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "accept_rate", checked_rate(self.accept_rate))
        object.__setattr__(self, "clv", checked_clv(self.clv))
        object.__setattr__(self, "contact_cost", checked_cost(self.contact_cost, "contact_cost"))
        if (self.offer_cost is None) == (self.offer_fraction is None):
            raise ParameterError(
                message(
                    f"offer_cost is {self.offer_cost!r} and offer_fraction is {self.offer_fraction!r}",
                    "exactly one of them says what the offer costs",
                    "offer_cost=10, or offer_fraction=0.05 of the customer's value",
                )
            )
        if self.offer_fraction is None:
            object.__setattr__(self, "offer_cost", checked_cost(self.offer_cost, "offer_cost"))
        else:
            object.__setattr__(self, "offer_fraction", checked_fraction(self.offer_fraction))

    @property
    def mean_accept_rate(self) -> float:
        """Expected share of contacted churners who accept, in [0, 1]."""
        if isinstance(self.accept_rate, tuple):
            a, b = self.accept_rate
            return a / (a + b)
        return self.accept_rate

    def offer_cost_of(self, value: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return what the offer costs for customers of the given value.

        Parameters
        ----------
        value : array-like of shape (n,) or number
            Value of each customer, in money.

        Returns
        -------
        ndarray of the shape of value
            Money, not negative.

        Examples
        --------
        >>> offer = RetentionOffer(accept_rate=0.3, clv="margin", offer_fraction=0.05)
        >>> offer.offer_cost_of([400.0, -20.0]).tolist()
        [20.0, 0.0]
        """
        values = np.asarray(value, dtype=np.float64)
        if self.offer_fraction is None:
            return np.full(values.shape, self.offer_cost, dtype=np.float64)
        return np.asarray(self.offer_fraction * np.maximum(values, 0.0), dtype=np.float64)

    def pays(self, of: Any = None) -> Any:
        """Return whether a certain churner would be worth the contact: ``g (clv − d) > f``.

        Where it is False, `threshold` is +inf and the customer is never contacted.

        Parameters
        ----------
        of : DataFrame, Series, ndarray, float or None, default=None
            What to value, as in `threshold`.

        Returns
        -------
        Series, ndarray or bool
            True where some probability to churn makes the contact pay. For a frame
            a Series named "pays", indexed like it.

        Examples
        --------
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> offer.pays(), offer.pays(np.array([13.0, 14.0])).tolist()
        (True, [False, True])
        """
        value = self._value(of)
        result = np.isfinite(contact_threshold(value, **self._terms(value)))
        if isinstance(value, pd.Series):
            return pd.Series(result, index=value.index, name="pays")
        return result if np.ndim(result) else bool(result)

    def clv_of(self, X: pd.DataFrame) -> Values:
        """Return the value of each row's customer, aligned by label.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            The rows to value; its index names the customers when `clv` is a Series.

        Returns
        -------
        Series of shape (n_rows,)
            Money, named "clv", indexed like `X`.

        Raises
        ------
        DataError
            If customers have no value, with their count.
        SchemaError
            If `X` lacks the column, or its index does not name the customers.

        Examples
        --------
        >>> import pandas as pd
        >>> X = pd.DataFrame({"margin": [40.0, 90.0]})
        >>> RetentionOffer(accept_rate=0.3, clv="margin", offer_cost=10).clv_of(X).tolist()
        [40.0, 90.0]
        """
        if isinstance(self.clv, pd.Series):
            values = values_by_label(self.clv, X)
        elif isinstance(self.clv, str):
            values = values_in_column(X, self.clv)
        else:
            values = np.full(len(X), self.clv, dtype=np.float64)
        return pd.Series(values, index=X.index, name="clv")

    @overload
    def threshold(self, of: None = None) -> float: ...
    @overload
    def threshold(self, of: float) -> float: ...
    @overload
    def threshold(self, of: pd.DataFrame | pd.Series[Any]) -> Values: ...
    @overload
    def threshold(self, of: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]: ...
    def threshold(self, of: Any = None) -> Any:
        """Return the probability to churn above which a contact pays.

        ``t = (d + f) / (g (clv − d) + d)``, and +inf where ``g (clv − d) ≤ f``: there
        not even a certain churner is worth the contact.

        Parameters
        ----------
        of : DataFrame, Series, ndarray, float or None, default=None
            A frame is valued by `clv_of`; numbers are customer values; None stands
            for the offer's own `clv`, which then must be a number.

        Returns
        -------
        Series, ndarray or float
            In [0, 1) or +inf. For a frame a Series named "threshold", indexed like it.

        Examples
        --------
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> round(offer.threshold(), 6), offer.threshold(10.0)
        (0.164179, inf)
        """
        value = self._value(of)
        result = contact_threshold(value, **self._terms(value))
        return _like(result, value, "threshold")

    def expected_gain(self, probability: npt.ArrayLike | pd.Series[Any], of: Any = None) -> Any:
        """Return what a contact is expected to earn, net of offer and contact costs.

        ``p (g (clv − d) − f) − (1 − p) (d + f)``; positive exactly where the
        probability exceeds `threshold`.

        Parameters
        ----------
        probability : Series, array-like of shape (n_rows,) or float
            Calibrated probability to churn, in the order of the rows of `of`.
        of : DataFrame, Series, ndarray, float or None, default=None
            What to value, as in `threshold`.

        Returns
        -------
        Series, ndarray or float
            Money per row. For a frame a Series named "expected_gain", indexed like it.

        Raises
        ------
        DataError
            If probabilities are missing or outside [0, 1], with their count, or if
            they do not match the rows.

        Examples
        --------
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> round(offer.expected_gain(0.5), 2)
        22.5
        """
        value = self._value(of)
        p = checked_probability(probability, value)
        result = contact_gain(p, value, **self._terms(value))
        return _like(result, value if np.ndim(value) else p, "expected_gain")

    def contacts(self, probability: npt.ArrayLike | pd.Series[Any], of: Any = None) -> Any:
        """Decide whom to contact: those whose probability exceeds their own `threshold`.

        An offer that can never pay contacts nobody, and says so.

        Parameters
        ----------
        probability : Series, array-like of shape (n_rows,) or float
            Calibrated probability to churn, in the order of the rows of `of`.
        of : DataFrame, Series, ndarray, float or None, default=None
            What to value, as in `threshold`.

        Returns
        -------
        Series, ndarray or bool
            True = contact. For a frame a Series named "contact", indexed like it.

        Raises
        ------
        DataError
            If probabilities are missing or outside [0, 1], with their count, or if
            they do not match the rows.

        Warns
        -----
        AssumptionWarning
            If not even a certain churner would be worth the contact: at the value of any customer of
            the offer, or of any row where the values stand in a column or were given.

        Examples
        --------
        >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
        >>> offer.contacts([0.16, 0.17]).tolist(), offer.contacts(0.17, 12.0 * 100)
        ([False, True], True)
        """
        decision, threshold = self._decide(probability, of)
        if self._never_pays(threshold, of):
            self._say_that_it_never_pays(stacklevel=3)
        return decision

    def to_dict(self) -> dict[str, Any]:
        """Return the offer as plain values, a Series of customer values as its size and mean.

        Returns
        -------
        dict
            Safe to write as JSON; it holds no customer's value.

        Examples
        --------
        >>> RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10).to_dict()
        {'accept_rate': 0.3, 'clv': 200, 'offer_cost': 10, 'contact_cost': 0.0}
        """
        clv: Any = self.clv
        if isinstance(clv, pd.Series):
            clv = {"customers": len(clv), "mean": float(clv.mean())}
        rate = list(self.accept_rate) if isinstance(self.accept_rate, tuple) else self.accept_rate
        cost = "offer_cost" if self.offer_fraction is None else "offer_fraction"
        return {"accept_rate": rate, "clv": clv, cost: getattr(self, cost), "contact_cost": self.contact_cost}

    def _terms(self, value: Any) -> dict[str, Any]:
        return {
            "accept_rate": self.mean_accept_rate,
            "offer_cost": self.offer_cost_of(value),
            "contact_cost": self.contact_cost,
        }

    def _value(self, of: Any) -> Any:
        if isinstance(of, pd.DataFrame):
            return self.clv_of(of)
        if of is not None:
            return checked_values(of)
        if isinstance(self.clv, int | float):
            return self.clv
        raise ParameterTypeError(
            message(
                "the offer's clv differs by customer, and no rows were given",
                "rows are needed to look values up",
                "offer.threshold(X)",
            )
        )

    def _decide(self, probability: Any, of: Any) -> tuple[Any, npt.NDArray[np.float64]]:
        """Return whom to contact, and the thresholds, without a word about an offer that never pays."""
        value = self._value(of)
        p = checked_probability(probability, value)
        threshold = contact_threshold(value, **self._terms(value))
        result = np.asarray(p) > threshold
        rows = value if np.ndim(value) else p
        if isinstance(rows, pd.Series):
            return pd.Series(result, index=rows.index, name="contact"), threshold
        return (result if np.ndim(result) else bool(result)), threshold

    def _never_pays(self, threshold: npt.NDArray[np.float64], of: Any) -> bool:
        """Whether the offer pays for none of these rows, nor for any other customer whose value it knows."""
        if not threshold.size or np.isfinite(threshold).any():
            return False
        by_customer = isinstance(self.clv, pd.Series) and isinstance(of, pd.DataFrame)
        return not (by_customer and np.any(self.pays(self.clv)))

    def _say_that_it_never_pays(self, *, stacklevel: int) -> None:
        """Warn that at this offer nobody is contacted."""
        warnings.warn(
            message(
                "at this offer not even a certain churner is worth the contact: nobody is contacted, "
                "and the profit is 0",
                "g (clv - d) must exceed f for somebody",
                "lower the cost of the offer or of the contact, or check clv",
            ),
            AssumptionWarning,
            stacklevel=stacklevel,
        )

    def _features_of(self, X: Any, model: Any) -> Any:
        """Leave out the column that only the offer reads, where the model was fitted without it."""
        named = getattr(model, "feature_names_in_", None)
        if isinstance(self.clv, str) and isinstance(X, pd.DataFrame) and named is not None and self.clv not in named:
            return X.drop(columns=self.clv, errors="ignore")
        return X

    def _values_of(self, X: Any, clv: Any, *, fix: str) -> npt.NDArray[np.float64]:
        """Return the value of each row, of a frame or an array; `clv` is what was given instead of the offer's own."""
        n_rows = X.shape[0] if hasattr(X, "shape") else len(np.asarray(X))
        if clv is not None:
            return given_values(clv, X, n_rows)
        if isinstance(self.clv, int | float):
            return np.full(n_rows, self.clv, dtype=np.float64)
        if not isinstance(X, pd.DataFrame):
            raise ParameterTypeError(
                message(
                    f"the offer's clv differs by customer, and X is a {type(X).__name__} without labels",
                    "a frame of pandas that holds the values or names the customers, or clv by metadata routing",
                    fix,
                )
            )
        return np.asarray(self.clv_of(X), dtype=np.float64)

    def __repr__(self) -> str:
        rate = self.accept_rate
        shown = f"Beta({rate[0]:g}, {rate[1]:g})" if isinstance(rate, tuple) else f"{rate:g}"
        clv = self.clv
        if isinstance(clv, pd.Series):
            value = f"<{len(clv):,} customers, mean {clv.mean():g}>"
        else:
            value = repr(clv) if isinstance(clv, str) else f"{clv:g}"
        cost = (
            f"offer_cost={self.offer_cost:g}"
            if self.offer_fraction is None
            else f"offer_fraction={self.offer_fraction:g}"
        )
        note = "" if isinstance(clv, str) or np.any(self.pays(clv)) else ": never pays"
        return f"RetentionOffer(accept_rate={shown}, clv={value}, {cost}, contact_cost={self.contact_cost:g}{note})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RetentionOffer):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        clv: Any = self.clv
        if isinstance(clv, pd.Series):
            clv = tuple(sorted(zip(clv.index.tolist(), clv.tolist(), strict=True), key=repr))
        return (self.accept_rate, clv, self.offer_cost, self.offer_fraction, self.contact_cost)


def _like(result: npt.NDArray[np.float64], example: Any, name: str) -> Any:
    if isinstance(example, pd.Series):
        return pd.Series(result, index=example.index, name=name)
    return result if np.ndim(result) else float(result)
