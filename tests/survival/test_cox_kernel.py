"""The kernel is the definition, and minds neither the order of the rows nor how a row is cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.survival._cox_kernel import centred
from churnlib.survival._cox_newton import Penalty, maximise
from tests.survival.cox_worlds import World, defined, world

TIES = ["efron", "breslow"]


@st.composite
def worlds(draw) -> World:
    """A dozen rows or so, with times so few that entries, ends and events meet."""
    n = draw(st.integers(1, 14))
    moment = st.integers(1, 5)
    time = np.array(draw(st.lists(moment, min_size=n, max_size=n)), dtype=float)
    event = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    event[draw(st.integers(0, n - 1))] = True
    back = np.array(draw(st.lists(moment, min_size=n, max_size=n)), dtype=float)
    entry = np.maximum(time - back, 0) if draw(st.booleans()) else None
    stratum = np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))) if draw(st.booleans()) else None
    weights = st.sampled_from([0.25, 1.0, 3.0])
    weight = np.array(draw(st.lists(weights, min_size=n, max_size=n))) if draw(st.booleans()) else None
    X = np.array(draw(st.lists(st.integers(-3, 3), min_size=2 * n, max_size=2 * n)), dtype=float).reshape(n, 2)
    return World(X, time, event, entry, stratum, weight, np.arange(n))


def _at(w: World, beta: np.ndarray, ties: str):
    likelihood = w.likelihood(ties)
    point = likelihood.at(likelihood.X @ beta)
    return point.loglik, likelihood.gradient(point), likelihood.information(point)


def _close(found, wanted, rtol=1e-9) -> None:
    for mine, its in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, its, rtol=rtol, atol=1e-9)


@given(worlds(), st.sampled_from(TIES), st.tuples(st.floats(-2, 2), st.floats(-2, 2)))
def test_value_gradient_and_information_are_the_definition(w, ties, beta):
    _close(_at(w, np.array(beta), ties), defined(w, np.array(beta), ties))


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("span", [12, None])
def test_so_they_are_in_a_larger_world(ties, span):
    w = world(400, 3, span=span)
    beta = np.array([0.4, -0.3, 0.2])
    _close(_at(w, beta, ties), defined(w, beta, ties), rtol=1e-11)


@given(worlds(), st.sampled_from(TIES), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(w, ties, random):
    rows = list(range(len(w)))
    random.shuffle(rows)
    beta = np.array([0.5, -0.25])
    _close(_at(w.take(np.array(rows)), beta, ties), _at(w, beta, ties), rtol=1e-12)


@given(worlds(), st.sampled_from(TIES), st.sampled_from([0.5, 1.0, 2.0, 2.5, 4.0]))
def test_a_row_cut_in_two_is_the_same_row(w, ties, cut):
    entry = np.zeros(len(w)) if w.entry is None else w.entry
    apart = np.flatnonzero((entry < cut) & (cut < w.time))
    pieces = w.take(np.concatenate([np.arange(len(w)), apart]))
    time, event = pieces.time.copy(), pieces.event.copy()
    first = apart
    starts = np.concatenate([entry, np.full(len(apart), cut)])
    time[first], event[first] = cut, False
    whole = World(w.X, w.time, w.event, entry, w.stratum, w.weight, w.customer)
    cut_up = World(pieces.X, time, event, starts, pieces.stratum, pieces.weight, pieces.customer)
    beta = np.array([0.5, -0.25])
    _close(_at(cut_up, beta, ties), _at(whole, beta, ties), rtol=1e-11)


@given(worlds())
def test_a_row_twice_is_a_weight_of_two(w):
    twice = w.take(np.tile(np.arange(len(w)), 2))
    weight = np.ones(len(w)) if w.weight is None else w.weight
    double = World(w.X, w.time, w.event, w.entry, w.stratum, 2 * weight, w.customer)
    beta = np.array([0.5, -0.25])
    _close(_at(double, beta, "breslow"), _at(twice, beta, "breslow"), rtol=1e-12)


@pytest.mark.parametrize("ties", TIES)
def test_columns_may_be_shifted(ties):
    w = world(300, 1)
    moved = World(w.X + [1e4, -1e3, 5.0], *list(vars(w).values())[1:])
    beta = np.array([0.4, -0.3, 0.2])
    X, mean = centred(moved.X, moved.weight)
    np.testing.assert_allclose(mean, np.average(moved.X, axis=0, weights=w.weight))
    back = World(X, *list(vars(w).values())[1:])
    _close(_at(back, beta, ties), _at(w, beta, ties), rtol=1e-8)


def test_hazards_of_very_different_strata_do_not_drown_each_other():
    w = world(200, 5)
    X = w.X.copy()
    X[:, 0] += 40 * w.stratum  # the strata's relative hazards then differ by e^40 and e^80
    apart = World(X, *list(vars(w).values())[1:])
    beta = np.array([1.0, -0.3, 0.2])
    mine, its = _at(apart, beta, "efron"), defined(w, beta, "efron")
    np.testing.assert_allclose(mine[1], its[1], rtol=1e-9)
    np.testing.assert_allclose(mine[2], its[2], rtol=1e-7)


def test_small_last_risk_sets_keep_their_digits_when_others_come_and_go():
    n = 3000
    generator = np.random.default_rng(2)
    X = generator.normal(size=(n, 2))
    entry = np.sort(generator.uniform(0, 100, n))
    time = entry + generator.uniform(0.05, 0.4, n)  # nobody is at risk for long
    w = World(X, time, generator.random(n) < 0.6, entry, None, None, np.arange(n))
    beta = np.array([1.5, -1.0])
    _close(_at(w, beta, "efron"), defined(w, beta, "efron"), rtol=1e-10)


@pytest.mark.parametrize("ties", TIES)
def test_residuals_sum_to_nothing(ties):
    likelihood = world(300, 7).likelihood(ties)
    point = likelihood.at(likelihood.X @ np.array([0.4, -0.3, 0.2]))
    assert abs(likelihood.residuals(point).sum()) < 1e-10


def test_the_gradient_is_zero_at_the_maximum():
    likelihood = world(300, 8).likelihood()
    found = maximise(likelihood, penalty=Penalty(), tol=1e-9, max_iter=50, names=["a", "b", "c"])
    assert found.converged
    assert np.abs(likelihood.gradient(found.point)).max() < 1e-8


def test_the_same_bytes_in_every_run():
    runs = [_at(world(20_000, 9), np.array([0.4, -0.3, 0.2]), "efron") for _ in range(3)]
    for other in runs[1:]:
        assert other[0] == runs[0][0]
        assert (other[1] == runs[0][1]).all()
        assert (other[2] == runs[0][2]).all()
