"""Questions reach the hazard model through pipelines and searches, and scikit-learn stays as it is."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from churnlib.exceptions import ParameterTypeError
from churnlib.model_selection import SurvivalKFold, concordance_scorer
from churnlib.survival import (
    CompetingHazards,
    CoxModel,
    HorizonClassifier,
    KaplanMeier,
    churn_probability,
    cumulative_hazard,
    cumulative_incidence,
    expected_lifetime,
    hazard,
    survival_function,
)
from churnlib.survival._through import hazard_model
from churnlib.targets import survival_target


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    n = 300
    X = pd.DataFrame(
        {"plan": rng.choice(["basic", "gold"], n), "age": rng.normal(40, 10, n), "tenure": rng.uniform(0, 20, n)}
    )
    left = rng.exponential(np.where(X["plan"] == "gold", 60, 30))
    return X, survival_target(left < 50, np.minimum(left, 50))


def preparation():
    return ColumnTransformer([("plan", OneHotEncoder(drop="first"), ["plan"]), ("age", StandardScaler(), ["age"])])


TIMES = [5.0, 12.0, 25.0]


def test_through_a_pipeline_is_the_model_on_prepared_rows(data):
    X, y = data
    pipeline = make_pipeline(preparation(), CoxModel()).fit(X, y)
    model, rows = pipeline[-1], pipeline[:-1].transform(X)
    given = X["tenure"].to_numpy()
    same = np.testing.assert_array_equal
    same(survival_function(pipeline, X, TIMES), model.predict_survival_function(rows, TIMES))
    same(survival_function(pipeline, X), model.predict_survival_function(rows))
    same(cumulative_hazard(pipeline, X, TIMES), model.predict_cumulative_hazard(rows, TIMES))
    same(hazard(pipeline, X, TIMES), model.predict_hazard(rows, TIMES))
    same(cumulative_incidence(pipeline, X, TIMES), model.predict_cumulative_incidence(rows, TIMES))
    same(expected_lifetime(pipeline, X, until=20), model.predict_expected_lifetime(rows, until=20))
    # A column that the steps drop, and labels that they lose, are read before them.
    named = churn_probability(pipeline, X, 10, given="tenure")
    same(named, model.predict_churn_probability(rows, 10, given=given))
    same(churn_probability(pipeline, X, "10d", given=X["tenure"]), named)


def test_through_a_search_and_what_is_around_it(data):
    X, y = data
    search = GridSearchCV(
        make_pipeline(preparation(), CoxModel()),
        {"coxmodel__alpha": [0.0, 0.1]},
        scoring={"c": concordance_scorer()},
        refit="c",
        cv=SurvivalKFold(3),
    ).fit(X, y)
    plain = survival_function(search.best_estimator_, X, TIMES)
    for around in (search, FrozenEstimator(search), make_pipeline("passthrough", search)):
        np.testing.assert_array_equal(survival_function(around, X, TIMES), plain)
    classifier = HorizonClassifier(search, horizon=10)
    np.testing.assert_array_equal(classifier.predict_proba(X)[:, 1], churn_probability(search, X, 10))
    np.testing.assert_array_equal(survival_function(classifier, X, TIMES), plain)


def test_causes_through_a_pipeline(data):
    X, y = data
    several = survival_target(y["event"] * (1 + np.arange(len(y)) % 2), y["time"], causes=["price", "moved"])
    pipeline = make_pipeline(preparation(), CompetingHazards(CoxModel(), causes=["price", "moved"])).fit(X, several)
    both = cumulative_incidence(pipeline, X, [10.0])
    np.testing.assert_array_equal(churn_probability(pipeline, X, 10, cause="moved"), both[:, 1, 0])
    np.testing.assert_allclose(both.sum(axis=1) + survival_function(pipeline, X, [10.0]), 1, atol=1e-12)


def test_a_plain_model_is_found_at_once(data):
    X, y = data
    model = KaplanMeier().fit(X[["age"]], y)
    assert hazard_model(model, X)[0] is model
    assert survival_function(model, X.to_numpy().tolist(), [5.0]).shape == (len(X), 1)


def test_importing_changes_nothing_of_scikit_learn():
    code = (
        "from sklearn.pipeline import Pipeline; from sklearn.model_selection import GridSearchCV\n"
        "before = {c: dict(vars(c)) for c in (*Pipeline.__mro__, *GridSearchCV.__mro__) if c is not object}\n"
        "import churnlib.survival, churnlib\n"
        "churnlib.survival.CoxModel\n"
        "assert before == {c: dict(vars(c)) for c in before}\n"
        "assert not hasattr(Pipeline, 'predict_survival_function')\n"
        "import sys; assert not {'lifelines', 'xgboost', 'sksurv', 'matplotlib'} & set(sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_what_ends_in_no_hazard_model(data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), LinearRegression()).fit(X[["age"]], y["time"])
    with pytest.raises(ParameterTypeError, match="LinearRegression"):
        survival_function(pipeline, X[["age"]], TIMES)

    class Lookalike(LinearRegression):
        def predict_survival_function(self, X, times):
            return None

    with pytest.raises(ParameterTypeError, match="ends in Lookalike, which is no hazard model"):
        survival_function(Lookalike().fit(X[["age"]], y["time"]), X[["age"]], TIMES)
