"""Customers without a random generator, offers, and slow ways to the same numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.integrate import quad
from scipy.stats import beta

from churnlib.economics import RetentionOffer

PAPER = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)


def paper(**changed) -> RetentionOffer:
    return RetentionOffer(**({"accept_rate": (6, 14), "clv": 200, "offer_cost": 10, "contact_cost": 1} | changed))


def b2b(contact_cost: float) -> RetentionOffer:
    """The settings of EMPB; values are passed row by row."""
    return RetentionOffer(accept_rate=(6, 14), clv=0, offer_fraction=0.05, contact_cost=contact_cost)


def g3() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A thousand customers, 189 of them churners: outcome, score, value (irrational rotations)."""
    i = np.arange(1000)
    s = ((i * 0.6180339887498949) % 1) ** 2
    y = (((i * 0.7548776662466927) % 1) < 0.02 + 0.5 * s).astype(int)
    return y, s, 50 + 1000 * ((i * 0.5698402909980532) % 1)


def best_profit(y, s, offer: RetentionOffer, accept_rate: float, weight=None) -> float:
    """Try every list, one by one."""
    y, s = np.asarray(y), np.asarray(s, dtype=float)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    d, f = offer.offer_cost, offer.contact_cost
    best = 0.0
    for cutoff in set(s.tolist()):
        listed = s >= cutoff
        churners, stayers = weight[listed & (y == 1)].sum(), weight[listed & (y == 0)].sum()
        best = max(best, (accept_rate * (offer.clv - d) - f) * churners - (d + f) * stayers)
    return best / weight.sum()


def empc_by_integration(y, s, offer: RetentionOffer, weight=None) -> float:
    """Integrate the best profit over the accept rate, numerically, between the points where the best list changes."""
    a, b = offer.accept_rate
    kinks = _crossings(np.asarray(y), np.asarray(s, dtype=float), offer, weight)
    total = 0.0
    for low, high in pairwise(kinks):
        total += quad(lambda g: best_profit(y, s, offer, g, weight) * beta.pdf(g, a, b), low, high, epsabs=1e-12)[0]
    return total


def _crossings(y: np.ndarray, s: np.ndarray, offer: RetentionOffer, weight) -> list[float]:
    """Every rate at which two lists earn the same."""
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    lists = {(0.0, 0.0)}
    for cutoff in set(s.tolist()):
        listed = s >= cutoff
        lists.add((weight[listed & (y == 1)].sum(), weight[listed & (y == 0)].sum()))
    d, f = offer.offer_cost, offer.contact_cost
    rates = {0.0, 1.0}
    for tp, fp in lists:
        for more, other in lists:
            if more > tp and offer.clv > d:
                rates.add(((d + f) * (other - fp) + f * (more - tp)) / ((offer.clv - d) * (more - tp)))
    return sorted(rate for rate in rates if 0 <= rate <= 1)
