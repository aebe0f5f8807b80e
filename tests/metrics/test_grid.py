"""Sums without an order."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.metrics._grid import on_grid

numbers = st.lists(st.floats(-1e12, 1e12) | st.floats(-1e-6, 1e-6), min_size=1, max_size=50)


@given(numbers, st.randoms(use_true_random=False))
def test_sums_of_any_order_are_equal_and_exact(values, random) -> None:
    rounded = on_grid(np.array(values))
    exact = sum(Fraction(value) for value in rounded.tolist())
    shuffled = np.array(random.sample(rounded.tolist(), len(values)))
    assert Fraction(float(np.cumsum(rounded)[-1])) == Fraction(float(np.cumsum(shuffled)[-1])) == exact
    assert float(exact) == pytest.approx(math.fsum(values), abs=len(values) * 2.0**-51 * sum(map(abs, values)))
    assert set(on_grid(shuffled).tolist()) == set(rounded.tolist())


def test_counts_stay_counts() -> None:
    counts = np.array([0.0, 1.0, 3.0, 7e5])
    assert on_grid(counts).tolist() == counts.tolist()
    for values in ([0.0, 0.0], [5e-324, 0.0], [1e-9, 0.0, 0.0]):
        assert on_grid(np.array(values)).tolist() == values
