"""Lists of equal length: the customers of highest score against those who were silent longest."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.alerts._backtest._counts import ratio, tidy
from churnlib.alerts._backtest._lists import customer_sums, interval_of, resampled, shares

__all__ = ["AgainstSilence", "against_silence"]

_FEWEST = 20
"""Labelled customers on a list, below which no verdict is given."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AgainstSilence:
    """The score of the rules against "silent longest" on lists of equal length; `Backtest.against_silence` makes it.

    At each cutoff, both list the same number of the customers at risk. Precision is the share of labelled
    customers on the lists who are lost in the label window, over all cutoffs.

    Attributes
    ----------
    precision, precision_silent : float
        Of the highest scores, and of the longest silences; NaN where nobody listed has a label.
    difference : float
        The first less the second: above 0 the rules are better.
    low, high : float
        The interval of the difference.
    confidence : float
        Its nominal coverage.
    judged, judged_silent : float
        Labelled customers on the lists, counted at each cutoff.
    per_list : float
        How many customers a list holds on average.
    shared : float
        Share of the places that both lists give to the same customer.
    tied : float
        Share of the places of the score that ties divide: where most customers have no alert and the list
        is longer than those who have, much of it is a draw.
    n_cutoffs, n_customers : int
        Cutoffs with labels, and customers at risk at one of them.
    volume : str
        How long the lists are, in words.

    Examples
    --------
    >>> import churnlib as cl
    >>> from churnlib.alerts import Rule, RuleSet
    >>> f = cl.features
    >>> log = cl.datasets.make_shop(n_customers=300, random_state=0).log
    >>> data = cl.build_dataset(
    ...     log,
    ...     cutoffs=cl.weekly("2025-03-03", "2025-06-30"),
    ...     horizon="30d",
    ...     churn=cl.Inactivity("60d", kinds="order"),
    ...     features=cl.FeatureSpec([f.Recency(), f.Recency("order")]),
    ... )
    >>> found = RuleSet([Rule("no-order", 1, "order.recency >= 45d")]).backtest(data).against_silence(10)
    >>> found.verdict in {"wins", "loses", "no clear difference", "too few to say"}, found.per_list, found.n_cutoffs
    (True, 10.0, 18)
    """

    precision: float
    precision_silent: float
    difference: float
    low: float
    high: float
    confidence: float
    judged: float
    judged_silent: float
    per_list: float
    shared: float
    tied: float
    n_cutoffs: int
    n_customers: int
    volume: str

    @property
    def verdict(self) -> str:
        """Whether the rules are better: "wins", "loses", "no clear difference", or "too few to say".

        The last is said of fewer than 20 labelled customers on either list: resampling so few cannot
        tell how far chance reaches.
        """
        if min(self.judged, self.judged_silent) < _FEWEST:
            return "too few to say"
        if self.low > 0:
            return "wins"
        return "loses" if self.high < 0 else "no clear difference"

    def __str__(self) -> str:
        cutoffs = "1 cutoff" if self.n_cutoffs == 1 else f"{self.n_cutoffs:,} cutoffs"
        lists = f"Of {self.per_list:,.1f} customers a list at {cutoffs} ({self.volume}; "
        if not min(self.judged, self.judged_silent) > 0:
            return (
                f"{lists}{self.n_customers:,} customers at risk), none has a label on one of the lists: {self.verdict}."
            )
        return (
            f"{lists}{self.n_customers:,} customers at risk), {self.precision:.1%} of the highest scores and "
            f"{self.precision_silent:.1%} of the longest silences were lost: a difference of {self.difference:+.1%} "
            f"({self.low:+.1%} to {self.high:+.1%}), {self.verdict}."
        )

    def __repr__(self) -> str:
        return f"AgainstSilence({self})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


def against_silence(
    score: FloatArray,
    silent_for: FloatArray,
    y: FloatArray,
    *,
    customer: IntArray,
    cutoff: IntArray,
    places: FloatArray,
    volume: str,
    confidence: float,
    n_boot: int,
    random_state: int | np.random.Generator,
) -> AgainstSilence:
    """Compare two rankings on lists of equal length; ties share places in both.

    Parameters
    ----------
    score, silent_for : ndarray of shape (n_rows,)
        What ranks the customers.
    y : ndarray of shape (n_rows,)
        1 for a loss, 0 for none, NaN without a label: such rows take their places, and are not judged.
    customer, cutoff : ndarray of shape (n_rows,)
        Who and when, numbered from 0.
    places : ndarray of shape (n_cutoffs,)
        The length of the list at each cutoff.
    volume : str
        How long the lists are, in words.
    confidence : float
        Of the interval.
    n_boot : int
        Draws of customers; the lists stay as they are.
    random_state : int or Generator
        The seed.

    Returns
    -------
    AgainstSilence
        Both precisions and their difference.

    Examples
    --------
    >>> score, silent_for, y = np.array([2.0, 1.0, 1.0]), np.array([1.0, 3.0, 2.0]), np.array([1.0, 0.0, 1.0])
    >>> found = against_silence(
    ...     score,
    ...     silent_for,
    ...     y,
    ...     customer=np.arange(3),
    ...     cutoff=np.zeros(3, int),
    ...     places=np.array([2.0]),
    ...     volume="2",
    ...     confidence=0.95,
    ...     n_boot=20,
    ...     random_state=0,
    ... )
    >>> found.precision, found.precision_silent, found.tied
    (0.75, 0.5, 0.5)
    """
    first, second = shares(score, cutoff, places), shares(silent_for, cutoff, places)
    known = np.isfinite(y)
    lost = np.where(known, y, 0.0)
    columns = [part for one in (first, second) for part in (one * known, one * lost)]
    sums = customer_sums(customer, int(customer.max()) + 1, columns)
    draws = resampled(sums, n_boot=n_boot, random_state=random_state)
    precision, silent = (float(ratio(columns[k + 1].sum(), columns[k].sum())) for k in (0, 2))
    drawn = ratio(draws[:, 1], draws[:, 0]) - ratio(draws[:, 3], draws[:, 2])
    low, high = interval_of(drawn, confidence)
    total = float(tidy(first.sum()))
    return AgainstSilence(
        precision=precision,
        precision_silent=silent,
        difference=precision - silent,
        low=low,
        high=high,
        confidence=confidence,
        judged=float(tidy(columns[0].sum())),
        judged_silent=float(tidy(columns[2].sum())),
        per_list=total / len(places),
        shared=float(ratio((first * second).sum(), total)),
        tied=float(ratio(first[(first > 0) & (first < 1)].sum(), total)),
        n_cutoffs=len(places),
        n_customers=len(sums),
        volume=volume,
    )
