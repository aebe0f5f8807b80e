from __future__ import annotations

import numpy as np

from churnlib.features._rows import Rows

CUTOFFS = np.array([10, 20, 30])


def test_a_customer_is_looked_at_after_the_first_event_was_known():
    rows = Rows.of_all(np.array([9, 10, 29, 30]), CUTOFFS)
    assert list(zip(rows.customer.tolist(), CUTOFFS[rows.which].tolist(), strict=True)) == [
        (0, 10), (0, 20), (0, 30), (1, 20), (1, 30), (2, 30),
    ]  # fmt: skip


def test_pairs_are_found_among_the_cutoffs():
    rows = Rows.of_pairs([0, 0, 4], [10, 30, 20], CUTOFFS, n_customers=5)
    assert rows.which.tolist() == [0, 2, 1]
    assert len(rows.take(np.array([2]))) == 1


def test_nobody_at_no_cutoff_is_no_row():
    assert len(Rows.of_all(np.array([5]), CUTOFFS[:0])) == 0
    assert len(Rows.of_pairs([], [], CUTOFFS[:0], n_customers=0)) == 0
