"""The hull: no cut above it, every vertex turns down, and a slow case ends."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from churnlib.metrics._hull import upper_hull


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=200))
def test_no_point_lies_above_and_every_vertex_turns_down(steps) -> None:
    x, y = (np.append(0, np.cumsum(column)).astype(float) for column in zip(*steps, strict=True))
    vertex = upper_hull(x, y)
    assert (vertex[0], vertex[-1]) == (0, len(steps))
    assert (np.interp(x, x[vertex], y[vertex]) >= y - 1e-9).all()
    slope = np.diff(y[vertex]) / np.diff(x[vertex])
    assert (np.diff(slope) < 0).all()


def test_a_curve_that_loses_one_point_a_round_is_finished_in_one_pass() -> None:
    # A long rising edge that only its far end overtakes: neighbours give way one after the other.
    x = np.append(np.arange(3000.0), 3000.0)
    y = np.append(np.sqrt(np.arange(3000.0)), 1e6)
    assert upper_hull(x, y).tolist() == [0, 3000]
