"""What must hold of every learner whatever the numbers: signs, units, names of arms, and customers kept whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from churnlib.targets import uplift_target
from churnlib.uplift import DRLearner, RLearner, TLearner, TransformedOutcomeLearner, XLearner

INSIDE = {"outcome_model": LinearRegression(), "effect_model": LinearRegression()}
LINEAR = {
    "T": TLearner(LinearRegression()),
    "X": XLearner(**INSIDE),
    "R": RLearner(**INSIDE, cv=2),
    "DR": DRLearner(**INSIDE, cv=2),
    "TO": TransformedOutcomeLearner(LinearRegression()),
}
SEEDS = st.integers(0, 2**32 - 1)


def rows(seed, n=80):
    rng = np.random.default_rng(seed)
    X, treated = rng.normal(size=(n, 2)), np.arange(n) % 2
    value = 3 + X[:, 0] + treated * X[:, 1] + rng.normal(size=n)
    return X, value, treated, rng.uniform(0.2, 0.8, n)


def effect(name, X, value, treated, chance):
    if name == "X":
        chance = float(chance.mean())  # the same for all, so that it needs no trees to weigh new rows
    return LINEAR[name].fit(X, value, treatment=treated, propensity=chance).predict(X)


@pytest.mark.parametrize("name", LINEAR)
@given(seed=SEEDS)
def test_the_worse_outcome_has_the_opposite_effect(name, seed):
    X, value, treated, chance = rows(seed)
    found = effect(name, X, value, treated, chance)
    np.testing.assert_allclose(effect(name, X, -value, treated, chance), -found, atol=1e-7)


@pytest.mark.parametrize("name", LINEAR)
@given(seed=SEEDS, scale=st.floats(0.01, 100), shift=st.floats(-100, 100))
def test_effects_follow_the_unit_of_the_outcome_and_not_its_zero(name, seed, scale, shift):
    X, value, treated, chance = rows(seed)
    found = effect(name, X, value, treated, chance)
    np.testing.assert_allclose(effect(name, X, scale * value + shift, treated, chance), scale * found, atol=1e-4)


@pytest.mark.parametrize("name", LINEAR)
@given(seed=SEEDS)
def test_seen_from_the_other_arm_the_effect_is_the_opposite(name, seed):
    X, value, treated, chance = rows(seed)
    found = effect(name, X, value, treated, chance)
    turned = effect(name, X, value, 1 - treated, 1 - chance)
    if name in ("T", "X", "TO"):
        np.testing.assert_allclose(turned, -found, atol=1e-7)
    else:  # folds are dealt by arm
        assert np.corrcoef(turned, -found)[0, 1] > 0.5


@given(seed=SEEDS)
def test_names_of_arms_change_nothing(seed):
    X, value, treated, chance = rows(seed)
    named = np.where(treated == 1, "call", "control")
    learner = LINEAR["DR"]
    one = learner.fit(X, uplift_target(value=value, treatment=treated, propensity=chance)).predict(X)
    both = np.column_stack([1 - chance, chance])
    two = learner.fit(X, uplift_target(value=value, treatment=named, propensity=both)).predict(X)
    np.testing.assert_array_equal(one, two)


def test_the_index_of_a_snapshot_goes_through():
    X, value, treated, chance = rows(0, 120)
    index = pd.MultiIndex.from_product(
        [[f"c{i}" for i in range(40)], pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"], utc=True)],
        names=["customer_id", "cutoff"],
    )
    frame = pd.DataFrame(X, index=index, columns=["a", "b"])
    labelled = {"treatment": pd.Series(treated, index=index), "propensity": pd.Series(chance, index=index)}
    found = LINEAR["DR"].fit(frame, pd.Series(value, index=index, name="retained"), **labelled).predict(frame)
    assert found.shape == (120,)
