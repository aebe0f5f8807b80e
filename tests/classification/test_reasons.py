import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from xgboost import XGBClassifier

from churnlib.classification import ChurnClassifier, default_estimator
from churnlib.exceptions import ParameterError, ParameterTypeError
from tests.classification.worlds import world


@pytest.fixture(scope="module")
def boosted():
    X, y = world(600)
    return ChurnClassifier(default_estimator().set_params(n_estimators=60), calibration=None).fit(X, y), X, y


def test_tree_contributions_add_up_to_the_difference_of_log_odds(boosted):
    model, X, y = boosted
    total = model.contributions(X).sum(axis=1)
    margin = logit(model.predict_proba(X)[:, 1])
    # centred on retained rows (all of them here): contributions + their mean margin = margin
    np.testing.assert_allclose(total, margin - margin[y == 0].mean(), atol=1e-4)


def test_contributions_of_retained_rows_cancel(boosted):
    model, X, y = boosted
    np.testing.assert_allclose(model.contributions(X)[(y == 0).to_numpy()].mean(), 0, atol=1e-5)


def test_logistic_contributions_are_coefficient_times_difference():
    X, y = world(400)
    numbers = X[["orders"]].assign(silence=X["silence"].fillna(30.0))
    model = ChurnClassifier(make_pipeline("passthrough", LogisticRegression()), calibration=None).fit(numbers, y)
    stayed = numbers[y == 0]
    typical = stayed.apply(lambda column: np.sort(column)[(len(column) - 1) // 2])
    expected = (numbers - typical) * model.estimator_[-1].coef_[0]
    np.testing.assert_allclose(model.contributions(numbers), expected, atol=1e-8)


def test_contributions_of_categories_compare_with_the_most_frequent():
    X, y = world(400)
    model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, y)
    stayed = X.loc[y == 0, "plan"].mode().item()
    contribution = model.contributions(X)["plan"]
    assert (contribution[X["plan"] == stayed] == 0).all()
    assert (contribution[X["plan"] == "basic"] > 0.5).all()


def test_values_equal_the_rows(boosted):
    model, X, _ = boosted
    reasons = model.reasons(X, top=3, direction="both")
    for feature, part in reasons.groupby("feature"):
        expected = X.loc[part.index, feature].to_numpy(dtype=object)
        got = part["value"].to_numpy(dtype=object)
        assert all(a == b or (pd.isna(a) and pd.isna(b)) for a, b in zip(got, expected, strict=True))


def test_reasons_are_ranked_and_raise_the_risk(boosted):
    model, X, _ = boosted
    reasons = model.reasons(X, top=2)
    assert reasons.columns.tolist() == ["rank", "feature", "value", "contribution", "direction"]
    assert reasons.index.names == X.index.names
    assert set(reasons["rank"]) == {1, 2}
    assert (reasons["contribution"] > 0).all()
    assert (reasons["direction"] == "raises").all()
    first, second = (reasons[reasons["rank"] == rank]["contribution"] for rank in (1, 2))
    assert (first.loc[second.index] >= second).all()
    assert first.sort_index().tolist() == model.contributions(X).max(axis=1)[lambda c: c > 0].sort_index().tolist()


def test_reasons_to_stay(boosted):
    model, X, _ = boosted
    reasons = model.reasons(X, direction="lowers")
    assert (reasons["contribution"] < 0).all()
    assert (reasons["direction"] == "lowers").all()


def test_a_row_that_nothing_raises_has_no_reason(boosted):
    model, X, _ = boosted
    calm = model.contributions(X).max(axis=1) <= 0
    if not calm.any():
        pytest.fail("the world must hold a customer whom nothing sets apart")
    assert model.reasons(X[calm.to_numpy()]).empty


def test_equal_contributions_keep_the_order_of_the_columns():
    X, y = world(300)
    twins = pd.DataFrame({"first": X["orders"], "second": X["orders"]})
    model = ChurnClassifier(make_pipeline("passthrough", LogisticRegression()), calibration=None).fit(twins, y)
    reasons = model.reasons(twins, top=1)
    assert len(reasons) > 10
    assert set(reasons["feature"]) == {"first"}


def test_the_strongest_cause_is_found():
    X, y = world(600)
    model = ChurnClassifier(random_state=0, calibration=None).fit(X, y)
    silent = X.assign(silence=200.0, plan="silver", vip=False, orders=3)[:20]
    assert set(model.reasons(silent, top=1)["feature"]) == {"silence"}


def test_early_stopping_explains_the_trees_that_predict():
    X, y = world(600)

    class Stopping(XGBClassifier):
        def fit(self, X, y, **params):
            return super().fit(X, y, eval_set=[(X[:100], y[:100])], verbose=False, **params)

    estimator = Stopping(n_estimators=200, early_stopping_rounds=1, learning_rate=0.5, enable_categorical=True)
    model = ChurnClassifier(estimator, calibration=None).fit(X[100:], y[100:])
    total = model.contributions(X).sum(axis=1) - logit(model.predict_proba(X)[:, 1])
    assert np.ptp(total) < 1e-3


def test_frozen_probabilities_keep_contributions_finite():
    X, y = world(200)
    model = ChurnClassifier(RandomForestClassifier(3, random_state=0), calibration=None).fit(X, y)
    assert np.isfinite(model.contributions(X).to_numpy()).all()


def test_integer_columns_keep_their_dtype_when_they_are_swapped():
    X, y = world(200)

    class Strict(LogisticRegression):
        def predict_proba(self, X):
            assert (X.dtypes == "int64").all()
            return super().predict_proba(X)

    whole = X[["orders"]].assign(again=X["orders"])
    ChurnClassifier(make_pipeline("passthrough", Strict()), calibration=None).fit(whole, y).reasons(whole)


def test_unknown_direction(boosted):
    model, X, _ = boosted
    with pytest.raises(ParameterError, match=r"direction='rises' is not a choice .did you mean 'raises'"):
        model.reasons(X[:1], direction="rises")


def test_top_must_be_a_count(boosted):
    model, X, _ = boosted
    with pytest.raises(ParameterError, match="top=0 is out of range"):
        model.reasons(X[:1], top=0)
    with pytest.raises(ParameterTypeError, match=r"top is 1\.5"):
        model.reasons(X[:1], top=1.5)
