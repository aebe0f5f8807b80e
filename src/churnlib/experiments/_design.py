"""What a planned experiment can see: its standard errors and its power, as functions of the number of customers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.special import nctdtr, ndtr, ndtri, stdtr, stdtrit

from churnlib._checks import check_choice, check_number
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.numerics._intervals import checked_confidence

Alternative: TypeAlias = Literal["two-sided", "larger"]

LARGE = 1e5
"""Degrees of freedom from which t is the normal distribution."""


@dataclass(frozen=True)
class Design:
    """Two arms, what is measured, and how: everything but the number of customers and the effect."""

    retention: float | None
    sd: float | None
    confidence: float
    alternative: Alternative
    treated_share: float
    margin: float
    cluster_size: float
    icc: float
    correlation: float

    @classmethod
    def checked(
        cls,
        *,
        retention: float | None,
        sd: float | None,
        confidence: float,
        alternative: str,
        treated_share: float,
        margin: float,
        cluster_size: float,
        icc: float,
        correlation: float,
    ) -> Design:
        """Check each argument; names in messages are those of `sample_size`."""
        if (retention is None) == (sd is None):
            raise ParameterError(
                message(
                    "both retention and sd are given" if sd is not None else "neither retention nor sd is given",
                    "the share retained without treatment, or the standard deviation of the outcome, is needed",
                    "retention=0.9 for customers who stay or leave, sd=40.0 for money",
                )
            )
        if retention is not None:
            retention = _inside(retention, "retention", 0, 1)
        if sd is not None:
            sd = _inside(sd, "sd", 0, np.inf)
        if cluster_size == 1 and icc:
            raise ParameterError(
                message(
                    f"icc={icc} says that customers of a cluster are alike, and cluster_size is 1",
                    "the size of a cluster is needed beside",
                    f"cluster_size=50, icc={icc}",
                )
            )
        return cls(
            retention,
            sd,
            checked_confidence(confidence),
            check_choice(alternative, ("two-sided", "larger"), name="alternative"),
            _inside(treated_share, "treated_share", 0, 1),
            check_number(margin, name="margin", low=0),
            check_number(cluster_size, name="cluster_size", low=1),
            check_number(icc, name="icc", low=0, high=1),
            _correlation(correlation),
        )

    @cached_property
    def factor(self) -> float:
        """By how much variances change: up with alike customers in clusters, down with a covariate."""
        return (1 + (self.cluster_size - 1) * self.icc) * (1 - self.correlation**2)

    @property
    def tail(self) -> float:
        """How often the interval lies wholly above the truth by chance."""
        return (1 - self.confidence) / (2 if self.alternative == "two-sided" else 1)

    def sure(self, power: float) -> float:
        """Check a probability to show the effect; chance alone shows one with that of the tail."""
        number = check_number(power, name="power")
        if not self.tail < number < 1:
            raise ParameterError(
                message(
                    f"power={number:g} cannot be",
                    f"a value above {self.tail:g} (chance alone) and below 1 is needed",
                    "power=0.8",
                )
            )
        return number

    def power(self, total: float, effect: float) -> float:
        """The probability that the interval of `total` customers ends on the right side of 0 (or of -margin)."""
        away = effect + self.margin
        null, real = self._errors(total, effect)
        df = np.inf if self.sd is None and self.cluster_size == 1 else total / self.cluster_size - 2
        if df <= 0:
            return 0.0
        above = _exceeds(away, null, real, self.tail, df)
        # Strict where the direction is a question: a clear result on the wrong side is none.
        return above if away >= 0 or self.alternative == "larger" else _exceeds(-away, null, real, self.tail, df)

    def total(self, effect: float, power: float) -> float:
        """The number of customers with this power, as a real number."""
        low, high = 2 * self.cluster_size, 4 * self.cluster_size
        if self.power(low, effect) >= power:
            return low
        while self.power(high, effect) < power:
            low, high = high, 2 * high
            if high > 1e15:
                raise ParameterError(self._never(effect))
        return float(brentq(lambda n: self.power(n, effect) - power, low, high, xtol=1e-9, rtol=1e-13))

    def effect(self, total: float, power: float) -> float:
        """The smallest gain that this many customers show with this power."""
        # above -margin the power grows with the effect; the largest gain of a share is what is left of it
        low, high = -self.margin, np.inf
        if self.retention is not None:
            low, high = max(low, -self.retention), 1 - self.retention
        else:
            assert self.sd is not None
            high = self.sd
            while self.power(total, high) < power and high < 1e9 * self.sd:
                high *= 2
        if self.power(total, high) < power:
            raise DataError(
                message(
                    f"{total:,.0f} customers cannot show any effect with a probability of {power:.0%}",
                    "more customers or clusters are needed",
                    "more customers, or fewer and longer: merge pilots",
                )
            )
        return float(brentq(lambda gain: self.power(total, gain) - power, low, high, xtol=1e-12))

    def _errors(self, total: float, effect: float) -> tuple[float, float]:
        """Standard errors of the difference, as the test computes it and as it is."""
        parts = (1 / (1 - self.treated_share) + 1 / self.treated_share) * self.factor / total
        if self.retention is None:
            assert self.sd is not None
            error = self.sd * np.sqrt(parts)
            return error, error
        treated = self.retention + effect
        if not 0 <= treated <= 1:
            raise ParameterError(
                message(
                    f"retention={self.retention:g} and an effect of {effect:+g} make {treated:g}",
                    "a share from 0 to 1 results",
                    f"effect={(1 - self.retention) / 2:.3g}",
                )
            )
        variance = np.array([self.retention * (1 - self.retention), treated * (1 - treated)])
        real = float(np.sqrt((variance / (1 - self.treated_share, self.treated_share)).sum() * self.factor / total))
        if self.margin:
            return real, real
        pooled = (1 - self.treated_share) * self.retention + self.treated_share * treated
        return float(np.sqrt(pooled * (1 - pooled) * parts)), real

    def _never(self, effect: float) -> str:
        return message(
            f"no number of customers shows an effect of {effect:+g}"
            + (f" against a margin of {self.margin:g}" if self.margin else ""),
            "an effect that differs from 0 (with a margin: above -margin) is needed",
            "effect=0.02",
        )


def _exceeds(away: float, null: float, real: float, tail: float, df: float) -> float:
    """P(estimate > critical · null) for an estimate about `away` with standard error `real`."""
    if df > LARGE:
        return float(ndtr((away + ndtri(tail) * null) / real))
    critical = -float(stdtrit(df, tail)) * null / real
    if away == 0:
        return float(stdtr(df, -critical))
    return float(1 - nctdtr(df, away / real, critical))


def _inside(value: float, name: str, low: float, high: float) -> float:
    number = check_number(value, name=name)
    if not low < number < high:
        between = f"between {low} and {high}" if np.isfinite(high) else f"above {low}"
        raise ParameterError(message(f"{name}={number:g} cannot be", f"a value {between} is needed"))
    return number


def _correlation(value: float) -> float:
    number = check_number(value, name="correlation", low=-1, high=1)
    if abs(number) == 1:
        raise ParameterError(
            message(
                f"correlation={number:g} leaves no variance",
                "the correlation of outcome and covariate is above -1 and below 1",
                "correlation=0.5",
            )
        )
    return number
