import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.tree import DecisionTreeClassifier

from churnlib.classification import ChurnClassifier
from churnlib.classification._compile_sklearn import Feature, first_above
from tests.classification.odd_records import as_frame, odd_records
from tests.classification.worlds import world


@given(st.floats(-1e30, 1e30), st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_the_first_value_that_goes_right(threshold, mean, scale):
    cut = float(first_above(np.array([threshold]), [Feature(0, mean, scale)])[0])

    def above(x):
        return np.float32((np.float64(x) - mean) / scale) > np.float64(threshold)

    assert above(cut)
    assert not above(np.nextafter(cut, -np.inf))


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of new defaults of LogisticRegressionCV
@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=500),
        LogisticRegressionCV(Cs=3, cv=3, max_iter=500),
        DecisionTreeClassifier(max_depth=4),
        RandomForestClassifier(15, random_state=0),
        RandomForestClassifier(20, max_depth=2, random_state=0, bootstrap=False),
        ExtraTreesClassifier(10, random_state=0, min_samples_leaf=3),
        DecisionTreeClassifier(max_leaf_nodes=9),
    ],
    ids=str,
)
def test_trees_forests_and_logistic_regressions_agree(estimator):
    X, y = world(400)
    rng = np.random.default_rng(0)
    X["town"] = rng.choice([f"town {k}" for k in range(8)], len(X))
    X.loc[rng.random(len(X)) < 0.1, "town"] = None
    X["always_missing"] = np.nan
    X["constant"] = 3
    model = ChurnClassifier(estimator, calibration=None).fit(X, y)
    scorer = model.compile()
    records = odd_records(scorer, 400)
    frame = as_frame(records, scorer)
    np.testing.assert_allclose(scorer.score_many(records), model.predict_proba(frame)[:, 1], atol=1e-9)
    told = np.array([list(scorer.contributions(record).values()) for record in records[:100]])
    np.testing.assert_allclose(told, model.contributions(frame[:100]), atol=1e-8)


def test_numbers_alone_and_text_alone():
    X, y = world(200)
    for columns in (["orders"], ["plan"]):
        model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X[columns], y)
        scorer = model.compile()
        records = X[columns].to_dict("records")
        np.testing.assert_allclose(scorer.score_many(records), model.predict_proba(X[columns])[:, 1], atol=1e-12)
