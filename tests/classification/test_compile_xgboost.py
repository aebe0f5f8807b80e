import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st
from xgboost import XGBClassifier

from churnlib.classification import ChurnClassifier, default_estimator
from churnlib.classification._compile_xgboost import _base, first_at_or_above
from churnlib.exceptions import ParameterError
from tests.classification.odd_records import as_frame, odd_records
from tests.classification.worlds import world


@given(st.floats(width=32, min_value=-(2.0**126), max_value=2.0**126), st.integers(-3, 3))
def test_the_first_value_that_goes_right(threshold, steps):
    edge = np.float32(threshold)
    cut = float(first_at_or_above(np.array([edge]))[0])
    assert np.float32(cut) >= edge
    assert np.float32(np.nextafter(cut, -np.inf)) < edge
    near = float(edge)
    for _ in range(abs(steps)):
        near = float(np.nextafter(near, np.inf * steps))
    assert (np.float32(near) < edge) == (near < cut)


def test_base_score_in_both_spellings():
    assert _base("5E-1") == _base("[5E-1]") == 0.0
    assert _base("2.5E-1") == pytest.approx(np.log(1 / 3), abs=1e-7)


# releases before 3 refuse the edges, and take what is near them as it is
_EDGES = [0.0, 1e-9, 1 - 1e-9, 1.0] if int(xgboost.__version__.split(".")[0]) >= 3 else []


@pytest.mark.parametrize("base_score", [1e-6, 0.3, 1 - 1e-6, *_EDGES])
def test_a_base_score_at_the_edge_begins_where_xgboost_begins(base_score):
    X, y = world(200)
    estimator = XGBClassifier(n_estimators=1, max_depth=1, base_score=base_score, enable_categorical=True)
    model = ChurnClassifier(estimator, calibration=None).fit(X, y)
    record = X.iloc[0].to_dict()
    assert model.compile().score(record) == model.predict_proba(X.iloc[[0]])[0, 1]


def agrees(estimator, *, fit=None):
    X, y = world(500)
    rng = np.random.default_rng(0)
    X["town"] = rng.choice([f"town {k}" for k in range(12)], len(X))
    X.loc[rng.random(len(X)) < 0.1, "town"] = None
    model = ChurnClassifier(estimator, calibration=None).fit(X, y)
    scorer = model.compile()
    records = odd_records(scorer, 300)
    frame = as_frame(records, scorer)
    np.testing.assert_allclose(scorer.score_many(records), model.predict_proba(frame)[:, 1], atol=1e-6)
    told = np.array([list(scorer.contributions(record).values()) for record in records[:100]])
    np.testing.assert_allclose(told, model.contributions(frame[:100]), atol=1e-5)
    return model, scorer


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max_depth": 6, "min_child_weight": 1},
        {"max_cat_to_onehot": 1},  # every categorical split is a set
        {"max_cat_to_onehot": 100},  # every categorical split is one category
        {"max_depth": 0, "max_leaves": 12, "grow_policy": "lossguide"},
        {"num_parallel_tree": 3, "n_estimators": 10},
        {"tree_method": "approx", "n_estimators": 20},
        {"base_score": 0.1, "max_depth": 2},
        {"gamma": 5, "n_estimators": 20},
        {"gamma": 1e6, "n_estimators": 3},  # no split at all
        {"scale_pos_weight": 3.0, "monotone_constraints": {"silence": 1}, "n_estimators": 20},
    ],
    ids=str,
)
def test_boosted_trees_of_every_shape_agree(params):
    agrees(default_estimator().set_params(**({"n_estimators": 40} | params)))


def test_early_stopping_keeps_the_trees_that_predict():
    class Stopping(XGBClassifier):
        def fit(self, X, y, **params):
            return super().fit(X[100:], y[100:], eval_set=[(X[:100], y[:100])], verbose=False, **params)

    estimator = Stopping(n_estimators=80, early_stopping_rounds=3, learning_rate=0.5, enable_categorical=True)
    model, scorer = agrees(estimator)
    used = int(model.estimator_.best_iteration) + 1
    assert used < model.estimator_.get_booster().num_boosted_rounds()
    assert f"{used} trees" in repr(scorer)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"booster": "dart"}, "booster='dart'"),
        ({"objective": "binary:hinge"}, "objective='binary:hinge'"),
        ({"missing": 0.0}, r"reads 0\.0 as a missing value"),
    ],
)
def test_other_boosters_are_refused(params, match):
    X = pd.DataFrame({"orders": [1.0, 2, 3, 4] * 5})
    estimator = XGBClassifier(n_estimators=2, enable_categorical=True, **params)
    model = ChurnClassifier(estimator, calibration=None).fit(X, [0, 1] * 10)
    with pytest.raises(ParameterError, match=match):
        model.compile()


def test_linear_boosting_is_refused():
    X = pd.DataFrame({"orders": [1.0, 2, 3, 4] * 5})
    # the linear booster takes no categories, so that the room prepares the columns
    model = ChurnClassifier(XGBClassifier(n_estimators=2, booster="gblinear"), calibration=None).fit(X, [0, 1] * 10)
    with pytest.raises(ParameterError, match=r"compile\(\) supports"):
        model.compile()
