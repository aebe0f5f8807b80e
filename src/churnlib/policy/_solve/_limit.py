"""A bound on how much may be, or must be, given out: of some arms, among some rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from churnlib._checks import as_floats, check_choice
from churnlib._typing import ArrayLike, BoolArray, FloatArray
from churnlib.exceptions import ParameterError, ParameterTypeError, message, some

__all__ = ["Limit"]


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """A bound on the customers given some arms, or on what that costs.

    A capacity of 400 calls is ``Limit("phone", arms=(0,), at_most=400)``; a tier's own money
    is ``Limit("tier A", rows=tier == "A", counts="cost", at_most=20_000)``; and a promise
    that at least 50 customers of that tier hear from us is ``at_least=50``.

    Parameters
    ----------
    name : str
        What messages, prices and use are filed under.
    rows : array-like of bool of shape (n_rows,), default=None
        Whom it concerns; None for everyone.
    arms : tuple of int, default=None
        Columns it concerns; None for all of them.
    counts : {"customers", "cost"}, default="customers"
        What is added up: one for each customer given one of the arms, or its cost.
    at_most : float, default=np.inf
        The most there may be, at least 0.
    at_least : float, default=0.0
        The least there must be, at least 0 and not above `at_most`.

    Raises
    ------
    ParameterError
        If a bound is negative or NaN, the bounds cross, or `counts` is no choice.
    ParameterTypeError
        If the name is no text, a bound no number, or `rows` holds anything but booleans.

    Examples
    --------
    >>> Limit("phone", arms=(0,), at_most=400)
    Limit('phone': at most 400 customers)
    >>> Limit("tier A", rows=[True, False], counts="cost", at_least=10, at_most=20)
    Limit('tier A': 10 to 20 of cost, 1 row)
    """

    name: str
    rows: ArrayLike | None = None
    arms: tuple[int, ...] | None = None
    counts: Literal["customers", "cost"] = "customers"
    at_most: float = np.inf
    at_least: float = 0.0

    def __post_init__(self) -> None:
        """Check the bounds; turn rows and arms into what they stand for."""
        name: object = self.name
        if not isinstance(name, str) or not name:
            raise ParameterTypeError(
                message(f"the limit's name is {self.name!r}", "a text names a limit", "Limit('phone', at_most=400)")
            )
        check_choice(self.counts, ("customers", "cost"), name="counts")
        for side in ("at_most", "at_least"):
            object.__setattr__(self, side, _bound(getattr(self, side), side, self.name))
        if self.at_least > self.at_most or np.isinf(self.at_least):
            raise ParameterError(
                message(
                    f"limit {self.name!r} asks for at least {self.at_least:g} and at most {self.at_most:g}",
                    "at_least is finite and not above at_most",
                    f"at_least={min(self.at_most, 0.0):g}",
                )
            )
        if self.rows is not None:
            rows = np.asarray(self.rows)
            if rows.dtype != bool or rows.ndim != 1:
                raise ParameterTypeError(
                    message(
                        f"rows of limit {self.name!r} hold {rows.dtype} in {rows.ndim} dimensions",
                        "one True or False for each row",
                        "rows=(tier == 'A')",
                    )
                )
            object.__setattr__(self, "rows", rows)
        if self.arms is not None:
            object.__setattr__(self, "arms", tuple(int(arm) for arm in self.arms))

    def mask(self, n_rows: int) -> BoolArray:
        """Return whom it concerns, one True or False for each row.

        Raises
        ------
        ParameterError
            If it was made for another number of rows.

        Examples
        --------
        >>> Limit("all", at_most=1).mask(2)
        array([ True,  True])
        """
        rows = np.ones(n_rows, dtype=bool) if self.rows is None else np.asarray(self.rows, dtype=bool)
        if rows.size != n_rows:
            raise ParameterError(
                message(
                    f"limit {self.name!r} names {rows.size} rows, there are {n_rows}",
                    "one True or False for each row",
                    "rows=(tier == 'A')",
                )
            )
        return rows

    def columns(self, n_arms: int) -> list[int]:
        """Return the columns it concerns, ascending.

        Raises
        ------
        ParameterError
            If there are not so many arms.

        Examples
        --------
        >>> Limit("all", at_most=1).columns(3)
        [0, 1, 2]
        """
        arms = range(n_arms) if self.arms is None else sorted(set(self.arms))
        outside = [arm for arm in arms if not 0 <= arm < n_arms]
        if outside:
            raise ParameterError(
                message(
                    f"limit {self.name!r} names arm {some(outside)}",
                    f"columns 0 to {n_arms - 1} of value",
                    f"arms=({n_arms - 1},)",
                )
            )
        return list(arms)

    def weights(self, cost: FloatArray) -> FloatArray:
        """Return what each row and arm adds to it, 0 where it is not concerned.

        Parameters
        ----------
        cost : ndarray of shape (n_rows, n_arms)
            What each option costs.

        Returns
        -------
        ndarray of shape (n_rows, n_arms)
            Customers (0 or 1) or cost.

        Examples
        --------
        >>> Limit("phone", arms=(1,), counts="cost", at_most=9).weights(np.array([[2.0, 3.0]]))
        array([[0., 3.]])
        """
        found = np.zeros(cost.shape)
        columns = self.columns(cost.shape[1])
        rows = self.mask(cost.shape[0])
        for arm in columns:
            found[rows, arm] = cost[rows, arm] if self.counts == "cost" else 1.0
        return found

    def __repr__(self) -> str:
        unit = "customers" if self.counts == "customers" else "of cost"
        if self.at_least and np.isfinite(self.at_most):
            bound = f"{self.at_least:,g} to {self.at_most:,g}"
        elif self.at_least:
            bound = f"at least {self.at_least:,g}"
        else:
            bound = f"at most {self.at_most:,g}" if np.isfinite(self.at_most) else "any number of"
        count = "" if self.rows is None else np.count_nonzero(np.asarray(self.rows))
        whom = "" if self.rows is None else f", {count:,} row{'' if count == 1 else 's'}"
        return f"Limit({self.name!r}: {bound} {unit}{whom})"


def _bound(value: object, side: str, name: str) -> float:
    try:
        number = float(as_floats(value))
    except (TypeError, ValueError):
        raise ParameterTypeError(message(f"{side} of limit {name!r} is {value!r}", "a number", f"{side}=400")) from None
    if not number >= 0.0:
        raise ParameterError(message(f"{side} of limit {name!r} is {number:g}", "a bound is at least 0", f"{side}=0"))
    return number
