"""What treatment does to those predicted to gain least: the part of "sleeping dogs" that data can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._checks import check_one_order
from churnlib._typing import ArrayLike
from churnlib.metrics import _arrays
from churnlib.metrics._grid import on_grid
from churnlib.metrics._metric_interval import Customers, MetricInterval
from churnlib.metrics._uplift_customers import normal_interval
from churnlib.metrics._uplift_effects import read_effect
from churnlib.metrics._uplift_inputs import checked_share, read_numbers
from churnlib.metrics._uplift_ranked import RankedEffects

__all__ = ["TailEffect", "tail_effect"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TailEffect:
    """The mean effect on those with the lowest predictions.

    Attributes
    ----------
    share : float
        The share of rows in the tail.
    lowest : MetricInterval
        Mean effect on that share, in units of the outcome; below 0 treatment harms them on the whole.
    share_negative : float
        The share of rows with a predicted effect below 0.
    negative : MetricInterval or None
        Mean effect on these; None if they are fewer than two customers.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(0.1, 0.2, 5000)
    >>> found = tail_effect(truth + rng.normal(size=5000), truth, q=0.1)
    >>> found.harms
    True
    >>> print(found)
    The 10% with the lowest predicted effect: -0.244 (-0.333 to -0.155). Predicted below 0 (31.7% of rows): -0.125
    (-0.176 to -0.0739). How many customers are harmed is not identified: nobody is seen both treated and untreated.
    """

    share: float
    lowest: MetricInterval
    share_negative: float
    negative: MetricInterval | None

    @property
    def harms(self) -> bool:
        """Whether either group is clearly harmed: its interval lies below 0."""
        return any(found.high < 0 < found.standard_error for found in (self.lowest, self.negative) if found is not None)

    def __repr__(self) -> str:
        few = "one customer" if self.share_negative > 0 else "nobody"
        negative = few if self.negative is None else _said(self.negative)
        return (
            f"The {100 * self.share:.3g}% with the lowest predicted effect: {_said(self.lowest)}. Predicted below 0 "
            f"({100 * self.share_negative:.3g}% of rows): {negative}. How many customers are harmed is not identified: "
            "nobody is seen both treated and untreated."
        )


def tail_effect(
    effect: ArrayLike,
    score: ArrayLike,
    *,
    q: float = 0.1,
    customer: Customers = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
) -> TailEffect:
    """Mean effect of treating those with the lowest predicted effects: whether it harms them.

    Sleeping dogs are customers whom a contact drives away. *How many* there are, the share with an effect below 0, no
    data can say, not even of a perfect experiment: nobody is seen both treated and untreated, and the same numbers
    may come from a few who gain much or from many who gain and others who lose. What can be known is the *mean*
    effect on a group named before treatment. If it is clearly below 0, the group holds sleeping dogs and is to be left
    alone; if it is not, the group may still hold some.

    It assumes that the scores were made from other rows than these, or out of fold.

    Parameters
    ----------
    effect : array-like of shape (n_rows,)
        Effect of the treatment in each row, in units of the outcome: `ipw_scores`, or what `dr_scores` gives. Or an
        uplift target with its propensity, of which `ipw_scores` are taken.
    score : array-like of shape (n_rows,)
        Predicted effect of each row. For the group of those below 0 its sign counts.
    q : float, default=0.1
        The share of rows in the tail, above 0 and up to 1; of equal scores at its edge each counts in part.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, as in `qini_interval`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. However much a row weighs, it is one observation.
    confidence : float, default=0.95
        The nominal coverage of each of the two intervals by itself, between 0 and 1.

    Returns
    -------
    TailEffect
        Both means with normal bounds. They want both arms well filled in the group.

    Raises
    ------
    DataError
        If a number is missing, lengths differ, or there are fewer than two customers.
    ParameterError
        If q is not above 0 and up to 1, or the confidence is not between 0 and 1.

    See Also
    --------
    uplift_at_k_interval : The same at the other end.

    Examples
    --------
    >>> found = tail_effect([2.0, 1.0, -1.0, -2.0], [0.4, 0.3, -0.2, -0.1], q=0.25)
    >>> found.lowest.value, found.negative.value, found.share_negative
    (-1.0, -1.5, 0.5)
    """
    check_one_order({"effect": effect, "score": score, "sample_weight": sample_weight})
    effects = read_effect(effect)
    scores = read_numbers(score, "score", effects.size)
    ranked = RankedEffects(effects, -scores)
    ranked._labels = _arrays.labels_of(effect, score)
    lowest = ranked.interval(
        "uplift_at", k=checked_share(q, "q"), customer=customer, sample_weight=sample_weight, confidence=confidence
    )
    weight, _ = _arrays.weights(sample_weight, effects.size)
    counted = on_grid(weight / weight.sum()) * (scores < 0)
    share = float(counted.sum())
    negative = None
    if share > 0:
        mean = float(on_grid(counted * effects).sum()) / share
        codes, _ = ranked._customers(customer)
        held = np.flatnonzero(counted)
        n_customers = held.size if codes is None else np.unique(codes[held]).size
        if n_customers > 1:
            negative = normal_interval(mean, counted * (effects - mean) / share, codes, n_customers, confidence)
    return TailEffect(share=float(q), lowest=lowest, share_negative=share, negative=negative)


def _said(found: MetricInterval) -> str:
    return f"{found.value:.3g} ({found.low:.3g} to {found.high:.3g})"
