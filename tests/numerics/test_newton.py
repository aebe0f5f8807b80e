"""Newton's method: it finds minima, says how it ended, and never claims more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from churnlib.numerics import minimise


def quadratic(matrix, centre):
    def evaluate(x):
        return float((x - centre) @ matrix @ (x - centre)) / 2, matrix @ (x - centre), matrix

    return evaluate


@given(seed=st.integers(0, 10_000), k=st.integers(1, 5))
def test_a_bowl_takes_as_many_steps_as_it_is_far(seed, k):
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(k, k))
    centre = generator.normal(size=k) * 3
    found = minimise(quadratic(root @ root.T + np.eye(k), centre), np.zeros(k))
    assert found.converged
    assert_allclose(found.point, centre, atol=1e-6)
    assert found.decrement <= 1e-9


def test_the_decrement_does_not_depend_on_the_scale_of_a_coordinate():
    plain = minimise(quadratic(np.diag([1.0, 4.0]), np.array([1.0, 1.0])), np.zeros(2), max_iter=1)
    scaled = minimise(quadratic(np.diag([1.0, 4e6]), np.array([1.0, 1e-3])), np.zeros(2), max_iter=1)
    assert_allclose(plain.decrement, scaled.decrement)


def test_a_saddle_is_left_behind():
    def evaluate(x):  # x⁴ - 2x² has a maximum at 0 and minima at ±1
        return (
            float(np.sum(x**4 - 2 * x**2)),
            4 * x**3 - 4 * x,
            np.diag(12 * x**2 - 4),
        )

    found = minimise(evaluate, np.array([0.05]))
    assert found.converged
    assert_allclose(found.point, [1.0], atol=1e-8)
    # On the maximum itself the slope is 0 and says nothing; the bend does.
    found = minimise(evaluate, np.array([0.0]))
    assert found.converged
    assert_allclose(np.abs(found.point), [1.0], atol=1e-8)


def test_a_flat_coordinate_is_not_walked_along():
    found = minimise(quadratic(np.diag([1.0, 0.0]), np.array([2.0, 0.0])), np.array([0.0, 5.0]))
    assert found.converged
    assert_allclose(found.point, [2.0, 5.0])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"max_iter": 3}, "the limit of iterations was reached"),
        ({"bound": 4.0}, "a parameter left the range in which a maximum could lie"),
    ],
)
def test_ending_early_is_said(options, reason):
    def evaluate(x):  # falls for ever
        return float(np.exp(-x[0])), -np.exp(-x), np.exp(-x)[:, None]

    found = minimise(evaluate, np.zeros(1), tol=1e-30, **options)
    assert (found.converged, found.reason) == (False, reason)


def test_a_function_that_is_not_what_its_gradient_says():
    def evaluate(x):
        return float(x @ x), -2 * x, 2 * np.eye(1)  # the gradient has the wrong sign

    found = minimise(evaluate, np.ones(1))
    assert (found.converged, found.reason) == (False, "no step along Newton's direction lowers the value")


@pytest.mark.parametrize("start", [[0.0, 0.5], [0.0, 0.0]])
def test_a_saddle_is_left(start):
    """By symmetry no slope leads off the line between the two minima, at ±1."""

    def wells(x):
        value = (x[0] ** 2 - 1) ** 2 + x[1] ** 2
        gradient = np.array([4 * x[0] * (x[0] ** 2 - 1), 2 * x[1]])
        return float(value), gradient, np.diag([12 * x[0] ** 2 - 4, 2.0])

    found = minimise(wells, np.array(start))
    assert found.converged
    np.testing.assert_allclose(np.abs(found.point), [1, 0], atol=1e-6)


def test_the_last_step_allowed_may_lead_to_the_minimum():
    found = minimise(lambda x: (float(x @ x), 2 * x, 2 * np.eye(2)), np.array([1.0, -1.0]), max_iter=1)
    assert found.converged
    assert found.decrement == 0
    assert found.reason == "Newton's decrement is within the tolerance"
