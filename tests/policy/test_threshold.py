"""Effect times value against cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone

from churnlib.exceptions import DataError, ParameterError, SchemaError
from churnlib.policy import CostThreshold
from churnlib.targets import uplift_target
from churnlib.uplift import TLearner


class Known(BaseEstimator):
    """A learner that reads effects from its columns, with bounds half a unit away."""

    def __init__(self, *, columns=1):
        self.columns = columns

    def fit(self, X, y, treatment=None):
        self.treatment_ = treatment
        return self

    def predict(self, X):
        found = np.asarray(X, dtype=float)[:, : self.columns]
        return found[:, 0] if self.columns == 1 else found

    def interval(self, X, *, confidence):
        return self.predict(X) - 0.5, self.predict(X) + 0.5


X = pd.DataFrame({"first": [0.1, 0.4, 0.9], "second": [0.5, 0.0, 0.8], "clv": [100.0, 10.0, 10.0]})


def fitted(**options):
    return CostThreshold(Known(columns=options.pop("columns", 1)), **options).fit(X, np.zeros(3))


def test_one_action():
    assert fitted(value="clv", cost=5).expected_gain(X).tolist() == pytest.approx([5, -1, 4])
    assert fitted(value="clv", cost=5).predict(X).tolist() == [0, -1, 0]


def test_of_several_the_one_that_earns_most():
    policy = fitted(columns=2, value=10, cost=[2.0, 4.0])
    assert policy.predict(X).tolist() == [1, 0, 0]
    assert policy.expected_gain(X).shape == (3, 2)


def test_a_gain_of_nothing_is_no_reason():
    assert fitted(value=10, cost=1).predict(X.iloc[:1]).tolist() == [-1]


def test_the_lower_bound_decides():
    assert fitted(value=10, cost=3, confidence=0.9).predict(X).tolist() == [-1, -1, 0]
    assert fitted(value=10, cost=3).predict(X).tolist() == [-1, 0, 0]


def test_a_learner_of_the_library_with_its_treatment():
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"x": rng.normal(size=400), "clv": 100.0})
    treated = rng.integers(0, 2, 400)
    retained = (rng.random(400) < 0.5 + 0.4 * treated * (x["x"] > 0)).astype(int)
    policy = CostThreshold(clone(TLearner()), value="clv", cost=20).fit(x, retained, treatment=treated)
    given = policy.predict(x) >= 0
    assert given[x["x"] > 0].mean() > given[x["x"] < 0].mean() + 0.4
    again = policy.fit(x, uplift_target(retained=retained, treatment=treated))
    assert np.array_equal(again.predict(x) >= 0, given)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"value": "clvs"}, SchemaError, r"value='clvs' is no column of X \(did you mean 'clv'\?\)"),
        ({"cost": -1.0}, DataError, "cost is negative or missing"),
        ({"value": np.nan}, DataError, "value is missing"),
        ({"confidence": 2.0}, ParameterError, "confidence"),
    ],
)
def test_errors(options, error, text):
    with pytest.raises(error, match=text):
        fitted(**options).predict(X)


def test_missing_values_are_counted():
    with pytest.raises(DataError, match="value is missing in row 1"):
        fitted(value="clv").predict(X.assign(clv=[1.0, np.nan, 1.0]))


def test_no_interval_is_said():
    policy = CostThreshold(TLearner(), confidence=0.9)
    policy.learner_ = object()
    with pytest.raises(ParameterError, match=r"object has no intervals(.|\n)*confidence=None"):
        policy.predict(X)


class First(Known):
    """A learner that reads its first column alone."""

    def predict(self, X):
        return X["first"].to_numpy()


@pytest.mark.parametrize(
    ("amounts", "error", "says"),
    [
        ({"cost": [1.0, 2.0]}, ParameterError, "cost has 2 entries, and the learner has 1 actions"),
        ({"cost": "name"}, SchemaError, "cost='name' names a column without amounts"),
    ],
)
def test_amounts_that_do_not_fit_are_refused(amounts, error, says) -> None:
    policy = CostThreshold(First(), **amounts).fit(X.assign(name="ann"), np.zeros(3))
    with pytest.raises(error, match=says):
        policy.predict(X.assign(name="ann"))
