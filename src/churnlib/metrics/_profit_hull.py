"""Which list earns most at each accept rate: the upper hull of the ranking, and integrals along it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import FloatArray
from churnlib.metrics._counts import Cuts
from churnlib.metrics._hull import upper_hull
from churnlib.metrics._profit_terms import Terms

__all__ = ["Hull"]


@dataclass(frozen=True, slots=True, eq=False)
class Hull:
    """Vertices of the upper hull of (rows, churners), from the empty list to the list of all.

    For any worth of a churner and any cost of a stayer the best list ends at a vertex.
    """

    rows: FloatArray
    churners: FloatArray
    score: FloatArray

    @classmethod
    def of(cls, cuts: Cuts) -> Hull:
        """Keep the cuts on the hull; the score of the empty list is +inf."""
        rows, churners = np.append(0.0, cuts.rows), np.append(0.0, cuts.churners)
        score = np.append(np.inf, cuts.score)
        vertex = upper_hull(rows, churners)
        return cls(rows[vertex], churners[vertex], score[vertex])

    @property
    def n_rows(self) -> float:
        """Rows in all."""
        return float(self.rows[-1])

    def mpc(self, terms: Terms) -> tuple[float, float, float]:
        """Profit per row of the best list at the mean accept rate, its share of the rows, its lowest score."""
        profit = self._profit(terms.mean_accept_rate, terms)
        best = int(np.argmax(profit))  # the first of equals: the shortest list
        if terms.never_pays or not profit[best] > 0:
            return 0.0, 0.0, np.inf
        return float(profit[best]) / self.n_rows, float(self.rows[best]) / self.n_rows, float(self.score[best])

    def empc(self, terms: Terms) -> tuple[float, float]:
        """Profit per row of the best list of each accept rate, averaged over the rates; and its share of the rows."""
        if not isinstance(terms.accept_rate, tuple):
            return self.mpc(terms)[:2]
        if terms.worth <= 0:
            return 0.0, 0.0
        weight, moment = self._chances(terms)
        stayers = self.rows - self.churners
        earned = terms.worth * self.churners * moment
        spent = (terms.contact_cost * self.churners + terms.wasted * stayers) * weight
        profit = float((earned - spent).sum()) / self.n_rows
        return max(0.0, profit), float((weight * self.rows).sum()) / self.n_rows

    def pays_from(self, terms: Terms) -> FloatArray:
        """The accept rate from which each vertex beats the one before it; 0 for the empty list."""
        churners, stayers = np.diff(self.churners), np.diff(self.rows - self.churners)
        cost = terms.wasted * stayers + terms.contact_cost * churners
        earned = churners * terms.worth
        rate = np.divide(cost, earned, out=np.ones_like(cost), where=earned > 0)
        return np.append(0.0, np.minimum(rate, 1.0))

    def _chances(self, terms: Terms) -> tuple[FloatArray, FloatArray]:
        """The chance that each vertex is best, and the mean accept rate over that event."""
        upto, mean_upto = terms.accepted_upto(np.append(self.pays_from(terms), 1.0))
        return np.diff(upto), np.diff(mean_upto)

    def _profit(self, accept_rate: float, terms: Terms) -> FloatArray:
        saved = accept_rate * terms.worth - terms.contact_cost
        return saved * self.churners - terms.wasted * (self.rows - self.churners)
