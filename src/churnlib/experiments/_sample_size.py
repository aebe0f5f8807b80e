"""How many customers an experiment needs, and what a given number of them can show."""

from __future__ import annotations

import math
from dataclasses import dataclass

from churnlib._checks import check_number
from churnlib.exceptions import ParameterError
from churnlib.experiments._design import Alternative, Design

__all__ = ["SampleSize", "detectable_effect", "power", "sample_size"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SampleSize:
    """The customers each arm needs.

    Attributes
    ----------
    control, treated : int
        Customers in each arm, rounded up to whole customers, or to whole clusters.
    control_clusters, treated_clusters : int or None
        Clusters in each arm; None where customers are assigned one by one.
    effect : float
        The effect to be shown, in the unit of the outcome (a share of customers, or money).
    power, confidence : float
        The probability to show it, and the confidence of the interval that shows it.
    exact : float
        Customers of both arms before rounding.

    Examples
    --------
    >>> sample_size(0.02, retention=0.9)
    SampleSize(3,213 control + 3,213 treated = 6,426 customers show an effect of +0.02 with a probability of 80%)
    """

    control: int
    treated: int
    control_clusters: int | None
    treated_clusters: int | None
    effect: float
    power: float
    confidence: float
    exact: float

    @property
    def total(self) -> int:
        """Customers of both arms."""
        return self.control + self.treated

    def __repr__(self) -> str:
        clusters = ""
        if self.control_clusters is not None:
            clusters = f" in {self.control_clusters:,} + {self.treated_clusters:,} clusters"
        return (
            f"SampleSize({self.control:,} control + {self.treated:,} treated = {self.total:,} customers{clusters} "
            f"show an effect of {self.effect:+g} with a probability of {100 * self.power:.3g}%)"
        )


def sample_size(
    effect: float,
    *,
    retention: float | None = None,
    sd: float | None = None,
    power: float = 0.8,
    confidence: float = 0.95,
    alternative: Alternative = "two-sided",
    treated_share: float = 0.5,
    margin: float = 0.0,
    cluster_size: float = 1.0,
    icc: float = 0.0,
    correlation: float = 0.0,
) -> SampleSize:
    """How many customers a test needs to show an effect.

    It assumes that arms are drawn at random and compared once, at the end; for looks in between see
    `always_valid_interval`. What counts is the effect on everybody in the treated arm, those included
    who never opened the letter.

    Parameters
    ----------
    effect : float
        The smallest effect worth finding, positive where larger is better: 0.02 is two points of retention, or 2 in
        the unit of the outcome.
    retention : float or None, default=None
        The share of customers retained without treatment, between 0 and 1; for outcomes of 0 and 1.
    sd : float or None, default=None
        The standard deviation of the outcome within an arm, in its unit; for money and other numbers.
    power : float, default=0.8
        The probability to show the effect if it is there, between 0 and 1.
    confidence : float, default=0.95
        The confidence of the interval, between 0 and 1.
    alternative : {"two-sided", "larger"}, default="two-sided"
        "larger" asks for a gain only, by a bound from below. Where sleeping dogs may wake, ask for both sides.
    treated_share : float, default=0.5
        The share of all customers who are treated, between 0 and 1.
    margin : float, default=0.0
        A loss that would be accepted, 0 or more, in the unit of the outcome: the test shall show that the effect is
        above ``-margin`` (non-inferiority). The effect may then be 0.
    cluster_size : float, default=1.0
        Customers per cluster, where whole clusters (branches, areas) are assigned.
    icc : float, default=0.0
        Correlation of two customers of one cluster, from 0 to 1. In retention by branch .01 to .05 is usual.
    correlation : float, default=0.0
        Correlation, within an arm, of the outcome with a covariate known before (see `cuped`).

    Returns
    -------
    SampleSize
        Customers in each arm.

    Raises
    ------
    ParameterError
        If both of `retention` and `sd` or none are given, a number is out of its range, the effect leads out of
        0 to 1, or no number of customers could show it.
    ParameterTypeError
        If an argument is no number.

    Notes
    -----
    Shares: the normal approximation without correction of continuity, null variance pooled (Fleiss, Levin and Paik
    2003, Statistical Methods for Rates and Proportions, section 4.2); with a margin both variances are those of the
    alternative. Means: the noncentral t distribution. Clusters multiply variances by ``1 + (cluster_size - 1) icc``
    (Donner and Klar 2000) and leave a t distribution with as many degrees of freedom as there are clusters, less
    two. A covariate multiplies them by ``1 - correlation²`` (Deng et al. 2013, WSDM).

    Examples
    --------
    >>> sample_size(0.02, retention=0.9, treated_share=0.8)
    SampleSize(1,958 control + 7,832 treated = 9,790 customers show an effect of +0.02 with a probability of 80%)
    >>> sample_size(5.0, sd=40.0, correlation=0.6, power=0.9)
    SampleSize(862 control + 862 treated = 1,724 customers show an effect of +5 with a probability of 90%)

    A pilot in branches of 200 customers:

    >>> sample_size(0.02, retention=0.9, cluster_size=200, icc=0.01)
    SampleSize(10,000 control + 10,000 treated = 20,000 customers in 50 + 50 clusters show an effect of +0.02 with a
    probability of 80%)
    """
    design = Design.checked(
        retention=retention,
        sd=sd,
        confidence=confidence,
        alternative=alternative,
        treated_share=treated_share,
        margin=margin,
        cluster_size=cluster_size,
        icc=icc,
        correlation=correlation,
    )
    wanted = check_number(effect, name="effect")
    sure = design.sure(power)
    if wanted + design.margin <= 0 and (alternative == "larger" or margin):
        raise ParameterError(design._never(wanted))
    total = design.total(wanted, sure)
    arms = [total * (1 - design.treated_share), total * design.treated_share]
    if design.cluster_size == 1:
        control, treated = map(_up, arms)
        return SampleSize(
            control=control,
            treated=treated,
            control_clusters=None,
            treated_clusters=None,
            effect=wanted,
            power=sure,
            confidence=design.confidence,
            exact=total,
        )
    clusters = [_up(arm / design.cluster_size) for arm in arms]
    control, treated = (_up(number * design.cluster_size) for number in clusters)
    return SampleSize(
        control=control,
        treated=treated,
        control_clusters=clusters[0],
        treated_clusters=clusters[1],
        effect=wanted,
        power=sure,
        confidence=design.confidence,
        exact=total,
    )


def power(
    n: float,
    effect: float,
    *,
    retention: float | None = None,
    sd: float | None = None,
    confidence: float = 0.95,
    alternative: Alternative = "two-sided",
    treated_share: float = 0.5,
    margin: float = 0.0,
    cluster_size: float = 1.0,
    icc: float = 0.0,
    correlation: float = 0.0,
) -> float:
    """The probability that a test of n customers shows an effect of this size.

    Arguments and formulas are those of `sample_size`.

    Parameters
    ----------
    n : float
        Customers of both arms together, 2 or more.
    effect : float
        The true effect, in the unit of the outcome. With a negative one the result is the probability to show the
        loss; with "larger" or a margin it is the probability of a wrong yes.
    retention : float or None, default=None
        The share retained without treatment, between 0 and 1.
    sd : float or None, default=None
        The standard deviation of the outcome within an arm.
    confidence : float, default=0.95
        The confidence of the interval, between 0 and 1.
    alternative : {"two-sided", "larger"}, default="two-sided"
        Whether losses count as results too.
    treated_share : float, default=0.5
        The share of all customers who are treated, between 0 and 1.
    margin : float, default=0.0
        A loss that would be accepted, 0 or more.
    cluster_size : float, default=1.0
        Customers per cluster.
    icc : float, default=0.0
        Correlation of two customers of one cluster, from 0 to 1.
    correlation : float, default=0.0
        Correlation of the outcome with a covariate known before, within an arm.

    Returns
    -------
    float
        A probability, from 0 to 1.

    Raises
    ------
    ParameterError
        If a number is out of its range, or the effect leads out of 0 to 1.
    ParameterTypeError
        If an argument is no number.

    Examples
    --------
    >>> round(power(6426, 0.02, retention=0.9), 3)
    0.8
    >>> round(power(2000, 0.02, retention=0.9), 2)
    0.35
    """
    design = Design.checked(
        retention=retention,
        sd=sd,
        confidence=confidence,
        alternative=alternative,
        treated_share=treated_share,
        margin=margin,
        cluster_size=cluster_size,
        icc=icc,
        correlation=correlation,
    )
    return float(design.power(check_number(n, name="n", low=2), check_number(effect, name="effect")))


def detectable_effect(
    n: float,
    *,
    retention: float | None = None,
    sd: float | None = None,
    power: float = 0.8,
    confidence: float = 0.95,
    alternative: Alternative = "two-sided",
    treated_share: float = 0.5,
    margin: float = 0.0,
    cluster_size: float = 1.0,
    icc: float = 0.0,
    correlation: float = 0.0,
) -> float:
    """The smallest gain that a test of n customers shows with the given probability.

    Arguments and formulas are those of `sample_size`.

    Parameters
    ----------
    n : float
        Customers of both arms together, 2 or more.
    retention : float or None, default=None
        The share retained without treatment, between 0 and 1.
    sd : float or None, default=None
        The standard deviation of the outcome within an arm.
    power : float, default=0.8
        The probability to show the effect if it is there, between 0 and 1.
    confidence : float, default=0.95
        The confidence of the interval, between 0 and 1.
    alternative : {"two-sided", "larger"}, default="two-sided"
        Whether losses count as results too.
    treated_share : float, default=0.5
        The share of all customers who are treated, between 0 and 1.
    margin : float, default=0.0
        A loss that would be accepted, 0 or more.
    cluster_size : float, default=1.0
        Customers per cluster.
    icc : float, default=0.0
        Correlation of two customers of one cluster, from 0 to 1.
    correlation : float, default=0.0
        Correlation of the outcome with a covariate known before, within an arm.

    Returns
    -------
    float
        In the unit of the outcome, above ``-margin``.

    Raises
    ------
    DataError
        If so few customers cannot show any effect with this probability.
    ParameterError
        If a number is out of its range.
    ParameterTypeError
        If an argument is no number.

    Examples
    --------
    >>> round(detectable_effect(2000, retention=0.9), 4)
    0.0345
    """
    design = Design.checked(
        retention=retention,
        sd=sd,
        confidence=confidence,
        alternative=alternative,
        treated_share=treated_share,
        margin=margin,
        cluster_size=cluster_size,
        icc=icc,
        correlation=correlation,
    )
    return design.effect(check_number(n, name="n", low=2), design.sure(power))


def _up(number: float) -> int:
    """Round up, but not by one whole customer for the rounding error of the root."""
    return max(1, math.ceil(number - 1e-6))
