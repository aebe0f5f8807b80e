"""Whether a rate met its target, as far as chance lets it be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from churnlib._checks import check_integer, check_number
from churnlib.exceptions import DataError, message
from churnlib.numerics import wilson_interval

__all__ = ["AgainstTarget", "against_target"]

TargetVerdict: TypeAlias = Literal["met", "missed", "only noise"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AgainstTarget:
    """A rate beside its target.

    Attributes
    ----------
    rate, low, high : float
        The rate and Wilson's interval for it, from 0 to 1.
    target : float
        What was aimed at.
    kept, n : int
        The counts behind the rate.
    confidence : float
        Of the interval.

    Examples
    --------
    >>> against_target(458, 500, target=0.95).verdict
    'missed'
    """

    rate: float
    low: float
    high: float
    target: float
    kept: int
    n: int
    confidence: float

    @property
    def verdict(self) -> TargetVerdict:
        """The answer: met or missed where the target lies outside the interval, else only noise."""
        if self.low <= self.target <= self.high:
            return "only noise"
        return "met" if self.low > self.target else "missed"

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        gap = 100 * (self.rate - self.target)
        words = {
            "met": "the target is met",
            "missed": "the target is missed",
            "only noise": "only noise, the interval holds the target",
        }[self.verdict]
        return (
            f"{self.kept:,} of {self.n:,} are {self.rate:.1%} ({100 * self.confidence:.3g}% interval {self.low:.1%} to "
            f"{self.high:.1%}), {gap:+.1f} points against {100 * self.target:.4g}%: {words}."
        )

    def __repr__(self) -> str:
        return self.sentence


def against_target(kept: int, n: int, *, target: float, confidence: float = 0.95) -> AgainstTarget:
    """Compare a rate with a target that was set beforehand.

    It says whether the target was met. It does not say why: without a control nobody knows what the rate would have
    been (see `effect`). It assumes that customers leave one by one, and that those counted were there at the
    start: keep customers who came back apart, they have a rate of their own.

    Parameters
    ----------
    kept : int
        Customers with the wanted outcome, 0 or more.
    n : int
        Customers at the start, 1 or more and at least `kept`.
    target : float
        The rate aimed at, from 0 to 1.
    confidence : float, default=0.95
        The confidence of the interval, between 0 and 1.

    Returns
    -------
    AgainstTarget
        The rate, its interval and the verdict.

    Raises
    ------
    DataError
        If more were kept than were there.
    ParameterError
        If a number is out of range.
    ParameterTypeError
        If a count is no whole number.

    Notes
    -----
    Wilson's score interval (1927).

    Examples
    --------
    >>> against_target(458, 500, target=0.95)
    458 of 500 are 91.6% (95% interval 88.8% to 93.7%), -3.4 points against 95%: the target is missed.
    >>> against_target(168, 800, target=0.20)
    168 of 800 are 21.0% (95% interval 18.3% to 24.0%), +1.0 points against 20%: only noise, the interval holds the
    target.
    """
    size = check_integer(n, name="n", low=1)
    count = check_integer(kept, name="kept", low=0)
    if count > size:
        raise DataError(
            message(
                f"{count:,} of {size:,} customers were kept",
                "no more can be kept than were there at the start",
                "leave out customers who came later or came back",
            )
        )
    aim = check_number(target, name="target", low=0, high=1)
    low, high = wilson_interval(count, size, confidence=confidence)
    return AgainstTarget(
        rate=count / size,
        low=float(low),
        high=float(high),
        target=aim,
        kept=count,
        n=size,
        confidence=float(confidence),
    )
