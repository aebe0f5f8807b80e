"""Money later is worth less than money now: a rate with its period, in any unit of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from churnlib._checks import check_choice, check_number
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import ParameterError, message

__all__ = ["Discount", "continuous_rate", "units_per_year"]

# A year is 365.25 days here and a month its twelfth part: over many years the calendar's own mean.
_PER_YEAR = {
    "s": 365.25 * 86_400,
    "min": 365.25 * 1_440,
    "h": 365.25 * 24,
    "D": 365.25,
    "W": 365.25 / 7,
    "M": 12.0,
    "Y": 1.0,
}


def units_per_year(unit: str) -> float:
    """Return how many units of time a year of 365.25 days has.

    Parameters
    ----------
    unit : {"s", "min", "h", "D", "W", "M", "Y"}
        The unit.

    Returns
    -------
    float
        Such as 52.18 for weeks.

    Raises
    ------
    ParameterError
        If there is no such unit.

    Examples
    --------
    >>> round(units_per_year("W"), 2), units_per_year("M")
    (52.18, 12.0)
    """
    return _PER_YEAR[check_choice(unit, tuple(_PER_YEAR), name="time_unit")]


@dataclass(frozen=True, slots=True)
class Discount:
    """A rate of discount, with the period it is stated for and the moment at which money counts.

    A rate of 0.15 a year means that 1.15 in a year are worth 1 today. How it works
    in between is a convention, so it is stated: "continuous" discounts each payment
    from its own moment, with ``(1 + rate)^-t`` after t years; "monthly" lets all
    payments of a month count at its end. The effective rate of a year is the same.

    Parameters
    ----------
    rate : float
        The effective rate of one period, 0 or more: 0.15 for 15 %.
    per : {"Y", "M", "W", "D", "h", "min", "s"}, default="Y"
        The period. A year is 365.25 days, a month its twelfth part.
    timing : {"continuous", "monthly"}, default="continuous"
        When payments count.

    Raises
    ------
    ParameterError
        If the rate is negative, or a word is none of the choices.

    Examples
    --------
    >>> discount = Discount(0.15)
    >>> round(discount.continuous("W"), 6)  # log(1.15) / 52.18 a week
    0.002679
    >>> discount.factor([0, 52.178571, 104.357143], "W").round(4)
    array([1.    , 0.8696, 0.7561])
    >>> round(discount.monthly, 6), round((1 + discount.monthly) ** 12, 6)
    (0.011715, 1.15)
    >>> Discount(0.15, timing="monthly").factor([0, 0.2, 1, 1.1], "M").round(4)
    array([1.    , 0.9884, 0.9884, 0.977 ])
    """

    rate: float
    per: str = "Y"
    timing: Literal["continuous", "monthly"] = "continuous"

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", check_number(self.rate, name="rate", low=0))
        check_choice(self.per, tuple(_PER_YEAR), name="per")
        check_choice(self.timing, ("continuous", "monthly"), name="timing")

    @property
    def annual(self) -> float:
        """The effective rate of a year.

        Examples
        --------
        >>> round(Discount(0.01, per="M").annual, 6)
        0.126825
        """
        with np.errstate(over="ignore"):  # a rate per second may be infinite by the year
            return float(np.expm1(self.continuous("Y")))

    @property
    def monthly(self) -> float:
        """The effective rate of a month.

        Examples
        --------
        >>> Discount(0.01, per="M").monthly
        0.01
        """
        return self.rate if self.per == "M" else float(np.expm1(self.continuous("M")))

    def continuous(self, unit: str) -> float:
        """Return the continuous rate δ per unit of time: a payment at t is worth ``exp(-δ t)``.

        Parameters
        ----------
        unit : {"s", "min", "h", "D", "W", "M", "Y"}
            The unit of t.

        Returns
        -------
        float
            ``log(1 + rate)`` times how many periods the unit is, ≥ 0.

        Raises
        ------
        ParameterError
            If there is no such unit.

        Examples
        --------
        >>> round(Discount(0.15).continuous("Y"), 6)
        0.139762
        """
        return float(np.log1p(self.rate)) * units_per_year(self.per) / units_per_year(unit)

    def factor(self, t: ArrayLike, unit: str) -> FloatArray:
        """Return what one unit of money paid after t is worth now.

        Parameters
        ----------
        t : array-like
            Times from now, ≥ 0.
        unit : {"s", "min", "h", "D", "W", "M", "Y"}
            Their unit.

        Returns
        -------
        ndarray
            Of the shape of t, between 0 and 1. With monthly timing t counts at the
            end of its month; a payment at the end itself belongs to that month.

        Raises
        ------
        ParameterError
            If a time is negative or missing, or there is no such unit.

        Examples
        --------
        >>> Discount(0.21).factor([6], "M").round(4)
        array([0.9091])
        """
        times = np.asarray(t, dtype=float)
        if not np.all(times >= 0):
            raise ParameterError(
                message(
                    f"{int(np.sum(~(times >= 0)))} of {times.size} times are negative or missing",
                    "times are counted from now on, ≥ 0",
                    "factor([1, 2, 3], 'M')",
                )
            )
        months = times * (12 / units_per_year(unit))
        if self.timing == "monthly":
            months = np.ceil(months)
        return np.asarray(np.exp(-self.continuous("M") * months))


def continuous_rate(rate: float, *, per: str = "Y", time_unit: str = "D") -> float:
    """Return the continuous rate of discount per unit of time.

    Parameters
    ----------
    rate : float
        The effective rate of one period, 0 or more: 0.15 for 15 %.
    per : {"Y", "M", "W", "D", "h", "min", "s"}, default="Y"
        The period. A year is 365.25 days, a month its twelfth part.
    time_unit : {"D", "W", "M", "Y", "h", "min", "s"}, default="D"
        The unit in which the model counts time.

    Returns
    -------
    float
        δ ≥ 0: money after t units is worth ``exp(-δ t)`` now.

    Raises
    ------
    ParameterError
        If the rate is negative, or a word is none of the choices.

    See Also
    --------
    Discount : The same rate, with factors and months.

    Examples
    --------
    15 % a year, for a model in weeks:

    >>> round(continuous_rate(0.15, time_unit="W"), 5)
    0.00268
    """
    return Discount(rate, per=per).continuous(time_unit)
