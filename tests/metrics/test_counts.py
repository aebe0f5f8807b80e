"""Counts from two sorts of numbers equal counts from a ranking of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.metrics import RankedOutcomes
from churnlib.metrics._counts import BlockCounts, SortedCounts
from churnlib.metrics._profit_hull import Hull
from churnlib.numerics import TiedOrder


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("kind", ["plain", "ties", "any", "float32", "constant"])
@pytest.mark.parametrize("n", [1, 2, 700, 50_000])
def test_both_ways_agree(n: int, kind: str, rate: float) -> None:
    rng = np.random.default_rng(n)
    risk = rng.random(n)
    y = rng.random(n) < np.clip(2 * rate * risk, 0, 1)
    s = {
        "plain": risk,
        "ties": risk.round(2),
        "any": np.log(risk) - 3,
        "float32": risk.astype(np.float32),
        "constant": np.zeros(n),
    }[kind]
    fast, slow = SortedCounts(y, s), BlockCounts(TiedOrder(s), y, np.ones(n))
    assert (fast.n_rows, fast.n_churners) == (slow.n_rows, slow.n_churners)
    assert fast.outranked() == slow.outranked()
    sizes = np.unique(np.concatenate(([0.0, n], rng.uniform(0, n, 20))))
    np.testing.assert_allclose(fast.churners_within(sizes), slow.churners_within(sizes), rtol=1e-12)
    edges = np.unique(np.rint(np.linspace(0, n, 8)))
    for one, other in zip(fast.scores_between(edges), slow.scores_between(edges), strict=True):
        assert one.tolist() == other.tolist()
    hull, other = Hull.of(fast.cuts()), Hull.of(slow.cuts())
    for name in ("rows", "churners", "score"):
        assert getattr(hull, name).tolist() == getattr(other, name).tolist()


def test_the_table_of_many_rows_does_not_depend_on_how_it_is_counted() -> None:
    rng = np.random.default_rng(3)
    s = rng.random(3000, dtype=np.float32).round(2)
    y = rng.random(3000) < s
    ranked = RankedOutcomes(y, s)
    np.testing.assert_allclose(ranked.table(), ranked.table(sample_weight=np.ones(3000, dtype=int)), rtol=1e-12)
    assert ranked.top(0.13) == ranked.top(0.13, sample_weight=np.ones(3000, dtype=int))
