"""Steps have their new value where they jump, and the old one just before."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from churnlib.numerics import StepFunction

STEPS = StepFunction(np.array([1.0, 2.5, 4.0]), np.array([0.7, 0.4, 0.0]), 1.0)

jumps = st.lists(st.floats(-5, 5), min_size=1, max_size=6, unique=True).map(sorted)


@given(jumps, st.lists(st.floats(-6, 6), min_size=1, max_size=6))
def test_the_value_is_that_of_the_last_jump_reached(times, points):
    values = np.arange(1.0, len(times) + 1)
    f = StepFunction(np.array(times), values, 0.0)
    assert f(points).tolist() == [sum(t <= point for t in times) for point in points]
    assert f.left(points).tolist() == [sum(t < point for t in times) for point in points]


def test_right_continuous():
    assert STEPS([0.0, 1.0, np.nextafter(2.5, 0), 2.5, 3.9, 4.0, 99.0]).tolist() == [1, 0.7, 0.7, 0.4, 0.4, 0, 0]
    assert STEPS.left([0.0, 1.0, np.nextafter(1, 2), 2.5, 4.0, 99.0]).tolist() == [1, 1, 0.7, 0.7, 0.4, 0]


def test_any_shape():
    assert STEPS(np.array([[1, 2], [3, 4]])).tolist() == [[0.7, 0.7], [0.4, 0.0]]
    assert STEPS(3) == 0.4
    assert STEPS.left(1) == 1.0
    assert STEPS([]).shape == (0,)


def test_without_jumps_it_stands_still():
    assert StepFunction(np.zeros(0), np.zeros(0), 1.0)([0, 5]).tolist() == [1, 1]
