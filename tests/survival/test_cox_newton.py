"""The search: penalties beside their conditions for a maximum, and where it must not lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.survival._cox_kernel import centred
from churnlib.survival._cox_newton import Penalty, constant_columns, maximise
from tests.survival.cox_worlds import World, world


def _search(w: World, penalty: Penalty, ties: str = "efron", **options):
    likelihood = w.likelihood(ties)
    names = [f"x{j}" for j in range(w.X.shape[1])]
    return likelihood, maximise(likelihood, penalty=penalty, names=names, **({"tol": 1e-9, "max_iter": 100} | options))


def _violation(likelihood, found, penalty: Penalty) -> float:
    """How far the conditions of Karush, Kuhn and Tucker are broken, in units of the gradient."""
    gradient = likelihood.gradient(found.point) - penalty.ridge * found.beta
    moved = np.abs(gradient - penalty.lasso * np.sign(found.beta))
    still = np.maximum(np.abs(gradient) - penalty.lasso, 0.0)
    return float(np.where(found.beta != 0, moved, still).max())


@given(
    seed=st.integers(0, 1000),
    ridge=st.sampled_from([0.0, 0.5, 20.0]),
    lasso=st.sampled_from([0.1, 3.0, 12.0, 200.0]),
    ties=st.sampled_from(["efron", "breslow"]),
)
def test_the_conditions_of_a_maximum_hold(seed, ridge, lasso, ties):
    penalty = Penalty(ridge, lasso)
    likelihood, found = _search(world(80, seed, p=6), penalty, ties)
    assert found.converged
    assert _violation(likelihood, found, penalty) < 1e-6


def test_columns_that_depend_on_each_other_are_no_trouble_with_a_lasso():
    w = world(200, 3, p=4)
    X = np.column_stack([w.X, w.X[:, 0] + w.X[:, 1], w.X[:, 0]])
    w = World(X, *list(vars(w).values())[1:])
    penalty = Penalty(0.0, 4.0)
    likelihood, found = _search(w, penalty)
    assert found.converged
    assert _violation(likelihood, found, penalty) < 1e-6


def test_a_strong_lasso_leaves_nothing_and_a_weak_one_everything():
    w = world(300, 4, p=5)
    _, none = _search(w, Penalty(0.0, 1e4))
    assert (none.beta == 0).all()
    _, plain = _search(w, Penalty())
    _, weak = _search(w, Penalty(0.0, 1e-9))
    np.testing.assert_allclose(weak.beta, plain.beta, atol=1e-9)


def test_a_ridge_is_found_where_the_slopes_balance():
    w = world(300, 5)
    likelihood, found = _search(w, Penalty(ridge=7.0))
    np.testing.assert_allclose(likelihood.gradient(found.point), 7.0 * found.beta, atol=1e-7)


@pytest.mark.parametrize("start", [[0.0, 0.0, 0.0], [3.0, -3.0, 3.0], [-8.0, 8.0, -8.0]])
def test_it_finds_the_maximum_from_afar(start):
    w = world(400, 6)
    _, found = _search(w, Penalty(), start=np.array(start))
    _, near = _search(w, Penalty())
    assert found.converged
    np.testing.assert_allclose(found.beta, near.beta, atol=1e-10)


def test_two_columns_that_run_away_together_are_both_named():
    w = world(150, 7, everything=False)
    generator = np.random.default_rng(0)
    noise = generator.normal(size=150)
    X = np.column_stack([w.X[:, 0], np.where(w.event, 1, -1) + noise, -noise])  # their sum tells who leaves
    w = World(X, w.time, w.event, None, None, None, w.customer)
    _, found = _search(w, Penalty())
    assert not found.converged
    assert found.runaway.tolist() == [False, True, True]
    assert (found.beta[1:] > 0).all()
    assert "run away" in found.reason


def test_the_log_likelihood_never_falls_and_the_limit_is_kept():
    w = world(200, 8)
    values = []
    for limit in range(1, 7):
        _, found = _search(w, Penalty(), max_iter=limit)
        values.append(found.point.loglik)
    assert (np.diff(values) >= -1e-9).all()
    _, cut = _search(w, Penalty(), max_iter=1)
    assert not cut.converged
    assert "limit of iterations" in cut.reason


def test_constant_columns_are_found_at_any_size():
    X = np.column_stack([np.full(50, 1e9 + 0.1), np.zeros(50), np.linspace(0, 1, 50), 1e9 + np.linspace(0, 1, 50)])
    columns, mean = centred(X)
    assert constant_columns(columns, mean).tolist() == [0, 1]
