from __future__ import annotations

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from churnlib.outcomes import NEVER
from churnlib.outcomes._alternate import Losses, Returns, alternate

entries = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 4)), max_size=25)
starts = st.lists(st.integers(0, 6), min_size=3, max_size=3)


def arrays(rows):
    table = np.array(sorted(rows), dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def slow(start, losses, returns):
    spells = []
    for customer, begin in enumerate(start):
        since = begin
        while since is not None:
            loss = min(((at, -need) for c, at, need in losses if c == customer and at > since), default=None)
            spells.append((customer, since, NEVER if loss is None else loss[0]))
            since = None
            if loss is not None:
                since = min(
                    (at for c, at, level in returns if c == customer and at >= loss[0] and level >= -loss[1]),
                    default=None,
                )
    return sorted(spells)


def listed(found):
    return sorted(zip(found.customer.tolist(), found.start.tolist(), found.end.tolist(), strict=True))


@given(starts, entries, entries)
def test_alternate_follows_every_customer(start, losses, returns):
    found = alternate(np.array(start), Losses.ordered(*arrays(losses)), Returns(*arrays(returns)))
    assert listed(found) == slow(start, losses, returns)
    lost = found.loss >= 0
    ordered = Losses.ordered(*arrays(losses))
    assert (found.end[lost] == ordered.at[found.loss[lost]]).all()
    assert (found.end[~lost] == NEVER).all()


@given(starts, entries, entries)
def test_one_who_never_begins_has_no_spell(start, losses, returns):
    begins = np.array([NEVER, *start[1:]])
    found = alternate(begins, Losses.ordered(*arrays(losses)), Returns(*arrays(returns)))
    assert listed(found) == [spell for spell in slow(start, losses, returns) if spell[0] > 0]


def test_a_hundred_thousand_spells_of_one_customer_take_no_hundred_thousand_steps():
    n = 100_000
    at = np.arange(1, n + 1, dtype=np.int64)
    zeros = np.zeros(n, dtype=np.int64)
    started = time.perf_counter()
    found = alternate(np.array([0]), Losses(zeros, 2 * at, zeros), Returns(zeros, 2 * at + 1, zeros))
    assert len(found.start) == n + 1
    # Step by step this took a minute; all at once, a fraction of a second.
    assert time.perf_counter() - started < 10
