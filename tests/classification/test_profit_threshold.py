"""The decision as a prediction: around any classifier, inside pipelines and searches, by values of any source."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from churnlib.classification import ChurnClassifier, ProfitThresholdClassifier
from churnlib.economics import RetentionOffer
from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.metrics import expected_profit
from churnlib.model_selection import ProfitScorer

CV = StratifiedKFold(3, shuffle=True, random_state=0)


def offer(clv=200, **other):
    return RetentionOffer(**{"accept_rate": 0.3, "clv": clv, "offer_cost": 10, "contact_cost": 1} | other)


def customers(n=240):
    rng = np.random.default_rng(0)
    index = pd.Index([f"c{i:03d}" for i in rng.permutation(n)], name="customer_id")
    X = pd.DataFrame({"silence": rng.exponential(30, n), "orders": rng.poisson(3, n)}, index=index)
    y = pd.Series(rng.random(n) < 1 / (1 + np.exp(2 - X["silence"] / 20)), index=index).astype(int)
    # the values in another order than the rows: only labels bring them together
    return X, y, pd.Series(rng.lognormal(4.5, 1, n), index=index).sort_index()


def by_hand(p, value):
    saved = 0.3 * (value - 10)
    return np.where(saved > 1, p > 11 / (saved + 10), False).astype(int)


CLASSIFIERS = {
    "logistic regression": LogisticRegression(),
    "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
    "forest": RandomForestClassifier(20, min_samples_leaf=5, random_state=0),
    "SVM, calibrated": CalibratedClassifierCV(LinearSVC(), cv=3),
    "SVM, ours": ChurnClassifier(SVC(), cv=3, random_state=0),
    "MLP": make_pipeline(StandardScaler(), MLPClassifier((4,), solver="lbfgs", max_iter=2000, random_state=0)),
    "HistGradientBoosting": HistGradientBoostingClassifier(max_iter=10),
    "xgboost": XGBClassifier(n_estimators=10, max_depth=2, n_jobs=1),
    "k-NN": KNeighborsClassifier(30),
    "the default": None,
}


@pytest.mark.parametrize("name", list(CLASSIFIERS))
def test_around_any_classifier(name):
    X, y, value = customers()
    model = ProfitThresholdClassifier(CLASSIFIERS[name], offer=offer(value)).fit(X, y)
    p = model.predict_proba(X)[:, 1]
    own = value.loc[X.index].to_numpy()
    np.testing.assert_array_equal(model.predict(X), by_hand(p, own))
    np.testing.assert_array_equal(model.predict(X) == 1, model.expected_gain(X) > 0)
    assert 0 < model.predict(X).mean() < 1
    assert model.feature_names_in_.tolist() == ["silence", "orders"]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    copied = clone(model)
    assert not hasattr(copied, "estimator_")
    assert copied.offer == model.offer


def test_values_from_every_source_are_the_same_decision():
    X, y, value = customers()
    own = value.loc[X.index]
    by_series = ProfitThresholdClassifier(LogisticRegression(), offer=offer(value)).fit(X, y)
    expected = by_series.predict(X)
    by_column = ProfitThresholdClassifier(LogisticRegression(), offer=offer("margin")).fit(X, y)
    valued = X.assign(margin=own)
    np.testing.assert_array_equal(by_column.predict(valued), expected)
    np.testing.assert_array_equal(by_column.predict_proba(valued), by_series.predict_proba(X))
    np.testing.assert_array_equal(by_column.predict(pl.from_pandas(valued.reset_index(drop=True))), expected)
    given = ProfitThresholdClassifier(LogisticRegression(), offer=offer()).fit(X, y)
    np.testing.assert_array_equal(given.predict(X, clv=own), expected)
    arrays = ProfitThresholdClassifier(LogisticRegression(), offer=offer()).fit(X.to_numpy(), y.to_numpy())
    np.testing.assert_array_equal(arrays.predict(X.to_numpy(), clv=own.to_numpy()), expected)
    same = pd.Series(by_series.offer.threshold(own.to_numpy()), index=X.index, name="threshold")
    pd.testing.assert_series_equal(by_series.threshold(X), same)
    pd.testing.assert_series_equal(given.threshold(X, clv=own), same)
    np.testing.assert_array_equal(arrays.threshold(X.to_numpy(), clv=own.to_numpy()), same)
    np.testing.assert_allclose(
        arrays.expected_gain(X.to_numpy(), clv=own.to_numpy()), by_series.expected_gain(X).to_numpy()
    )


def test_a_column_of_values_may_be_a_feature():
    X, y, value = customers()
    valued = X.assign(margin=value)
    model = ProfitThresholdClassifier(LogisticRegression(), offer=offer("margin")).fit(valued, y)
    assert model.n_features_in_ == 3
    p = LogisticRegression().fit(valued, y).predict_proba(valued)[:, 1]
    np.testing.assert_array_equal(model.predict(valued), by_hand(p, valued["margin"]))


def test_another_offer_decides_anew_without_a_refit():
    X, y, value = customers()
    model = ProfitThresholdClassifier(LogisticRegression(), offer=offer(value)).fit(X, y)
    fitted, before, stated = model.estimator_, model.predict(X), model.predict_proba(X)
    model.set_params(offer=offer(value, offer_cost=40))
    assert model.estimator_ is fitted
    np.testing.assert_array_equal(model.predict_proba(X), stated)
    assert (model.predict(X) <= before).all()
    assert model.predict(X).sum() < before.sum()


def test_a_fitted_classifier_is_kept():
    X, y, value = customers()
    fitted = LogisticRegression().fit(X, y)
    model = ProfitThresholdClassifier(FrozenEstimator(fitted), offer=offer("margin"))
    model.fit(X.iloc[:10], y.iloc[:10])
    valued = X.assign(margin=value)
    np.testing.assert_array_equal(model.predict_proba(valued), fitted.predict_proba(X))
    np.testing.assert_array_equal(model.predict(valued), by_hand(fitted.predict_proba(X)[:, 1], valued["margin"]))


def test_it_decides_as_the_contact_list_does():
    X, y, value = customers()
    inner = ChurnClassifier(LogisticRegression(), calibration=None)
    model = ProfitThresholdClassifier(inner, offer=offer(value)).fit(X, y)
    contact = model.estimator_.contact(X, offer(value))
    np.testing.assert_array_equal(model.predict(X), contact.astype(int))
    pd.testing.assert_series_equal(model.expected_gain(X), model.estimator_.expected_gain(X, offer(value)))


def test_score_is_what_the_decisions_bring():
    X, y, value = customers()
    model = ProfitThresholdClassifier(LogisticRegression(), offer=offer(value)).fit(X, y)
    own = value.loc[X.index].to_numpy()
    earned = expected_profit(y.to_numpy(), model.predict(X), offer=offer(), clv=own)
    assert model.score(X, y) == pytest.approx(earned)
    assert model.score(X, y) == pytest.approx(ProfitScorer(offer(value))(model, X, y))
    weight = np.arange(len(X)) % 3
    again = np.repeat(np.arange(len(X)), weight)
    assert model.score(X, y, sample_weight=weight) == pytest.approx(model.score(X.iloc[again], y.iloc[again]))
    signed = ProfitThresholdClassifier(LogisticRegression(), offer=offer(value)).fit(X, 2 * y - 1)
    assert set(signed.predict(X)) == {-1, 1}
    assert signed.score(X, 2 * y - 1) == pytest.approx(earned)


def test_searches_choose_by_profit():
    X, y, value = customers()
    grid = {"estimator__C": [1e-4, 1.0]}
    model = ProfitThresholdClassifier(LogisticRegression(), offer=offer(value))
    by_score = GridSearchCV(model, grid, cv=CV).fit(X, y)
    by_scorer = GridSearchCV(model, grid, cv=CV, scoring=ProfitScorer(offer(value))).fit(X, y)
    np.testing.assert_allclose(by_score.cv_results_["mean_test_score"], by_scorer.cv_results_["mean_test_score"])
    assert by_score.predict(X).shape == (240,)
    offers = GridSearchCV(model, {"offer": [offer(value), offer(value, offer_cost=50_000)]}, cv=CV)
    with pytest.warns(AssumptionWarning, match="nobody is contacted"):
        offers.fit(X, y)
    assert offers.best_params_["offer"] == offer(value)


def test_in_a_pipeline_values_come_by_label_number_or_argument():
    X, y, value = customers()
    own = value.loc[X.index].to_numpy()
    model = ProfitThresholdClassifier(LogisticRegression(), offer=offer())
    pipe = make_pipeline(StandardScaler(), model).fit(X, y)
    p = pipe.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(pipe.predict(X), by_hand(p, 200.0))
    np.testing.assert_array_equal(pipe.predict(X, clv=own), by_hand(p, own))
    labelled = make_pipeline(StandardScaler(), ProfitThresholdClassifier(LogisticRegression(), offer=offer(value)))
    labelled.set_output(transform="pandas").fit(X, y)
    np.testing.assert_array_equal(labelled.predict(X), by_hand(p, own))
    inside = ProfitThresholdClassifier(make_pipeline(StandardScaler(), LogisticRegression()), offer=offer(value))
    np.testing.assert_array_equal(inside.fit(X, y).predict(X), by_hand(p, own))


def test_values_and_weights_are_routed():
    X, y, value = customers()
    own, weight = value.loc[X.index].to_numpy(), np.arange(len(X)) % 3 + 1.0
    plain = ProfitThresholdClassifier(LogisticRegression(), offer=offer()).fit(X.to_numpy(), y, sample_weight=weight)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = LogisticRegression().set_fit_request(sample_weight=True)
        model = (
            ProfitThresholdClassifier(inner, offer=offer())
            .set_fit_request(sample_weight=True)
            .set_predict_request(clv=True)
            .set_score_request(clv=True, sample_weight=False)
        )
        routed = clone(model).fit(X.to_numpy(), y, sample_weight=weight)
        np.testing.assert_allclose(routed.predict_proba(X.to_numpy()), plain.predict_proba(X.to_numpy()))
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scaler, model).fit(X.to_numpy(), y, sample_weight=weight)
        p = pipe.predict_proba(X.to_numpy())[:, 1]
        np.testing.assert_array_equal(pipe.predict(X.to_numpy(), clv=own), by_hand(p, own))
        found = cross_validate(model, X.to_numpy(), y, cv=CV, params={"clv": own, "sample_weight": weight})
        scorer = ProfitScorer(offer()).set_score_request(clv=True, sample_weight=False)
        scored = cross_validate(
            model, X.to_numpy(), y, cv=CV, scoring=scorer, params={"clv": own, "sample_weight": weight}
        )
        np.testing.assert_allclose(found["test_score"], scored["test_score"])
    labelled = ProfitThresholdClassifier(LogisticRegression(), offer=offer(value))
    assert np.isfinite(cross_val_score(labelled, X, y, cv=CV)).all()


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(-100, 1000)), min_size=1, max_size=20),
    st.floats(0, 1),
    st.floats(0, 100),
    st.floats(0, 20),
)
def test_nobody_is_contacted_at_an_expected_loss(rows, accept_rate, offer_cost, contact_cost):
    p, value = np.array(rows).T
    deal = RetentionOffer(accept_rate=accept_rate, clv=200, offer_cost=offer_cost, contact_cost=contact_cost)
    gain = deal.expected_gain(p, value)
    chosen, _ = deal._decide(p, value)
    assert (gain[chosen] > -1e-9).all()
    assert (gain[~chosen] < 1e-9).all()


# -- errors ------------------------------------------------------------------------------


def test_an_offer_that_can_never_pay_contacts_nobody_and_says_so():
    X, y, value = customers()
    for clv in (5, value / 1e6):
        model = ProfitThresholdClassifier(LogisticRegression(), offer=offer(clv)).fit(X, y)
        with pytest.warns(AssumptionWarning, match="not even a certain churner is worth the contact: nobody is"):
            assert not model.predict(X).any()
    # a customer of no value among others of some is no reason to warn
    one = ProfitThresholdClassifier(LogisticRegression(), offer=offer(value.where(value.index != X.index[0], 0.0)))
    assert not one.fit(X, y).predict(X.iloc[:1]).any()


def test_labels_that_are_no_outcomes_of_the_fit_are_refused():
    X, y, _ = customers(60)
    model = ProfitThresholdClassifier(LogisticRegression(), offer=offer()).fit(X, y)
    assert model.score(X, y.astype("boolean")) == model.score(X, y)
    for unknown, said in (
        (np.where(y == 1, "left", "stayed"), "60 of 60 labels are missing or unknown to the model"),
        (y.astype("boolean").mask(np.arange(60) == 7), r"1 of 60 labels are missing or unknown to the model \(nan\)"),
        (y + 1, r"labels are missing or unknown(?s:.*)labels of the fit, 0, 1"),
        ((1 - y).rename("retained"), "y is named 'retained'"),
        (y.iloc[::-1], "the same labels in different order"),
    ):
        with pytest.raises(DataError, match=said):
            model.score(X, unknown)
    with pytest.raises(DataError, match="the same labels in different order"):
        model.fit(X, y.iloc[::-1])
    words = np.where(y == 1, "left", "stayed")
    with pytest.raises(
        DataError, match=r"FrozenEstimator knows the classes \[0, 1\], and y holds \['left', 'stayed'\]"
    ):
        ProfitThresholdClassifier(FrozenEstimator(model.estimator_), offer=offer()).fit(X, words)


def test_names_of_an_earlier_fit_are_forgotten():
    X, y, value = customers(60)
    model = ProfitThresholdClassifier(LogisticRegression(), offer=offer()).fit(X, y)
    model.fit(X.to_numpy(), y)
    assert not hasattr(model, "feature_names_in_")
    np.testing.assert_array_equal(model.predict(X.to_numpy(), clv=value.loc[X.index].to_numpy()).shape, (60,))


def test_what_cannot_be_fitted():
    X, y, _ = customers(60)
    with pytest.raises(ParameterError, match=r"SVC states no probabilities(?s:.*)ChurnClassifier\(SVC\(\)\)"):
        ProfitThresholdClassifier(SVC(), offer=offer()).fit(X, y)
    with pytest.raises(ParameterTypeError, match="offer is a float; a RetentionOffer says"):
        ProfitThresholdClassifier(LogisticRegression(), offer=200.0).fit(X, y)
    with pytest.raises(DataError, match="one class only"):
        ProfitThresholdClassifier(LogisticRegression(), offer=offer()).fit(X, y * 0)
    with pytest.raises(DataError, match="y is named 'retained'"):
        ProfitThresholdClassifier(LogisticRegression(), offer=offer()).fit(X, (1 - y).rename("retained"))
    with pytest.raises(DataError, match=r"knows the classes \[0\]; two classes"):
        ProfitThresholdClassifier(FrozenEstimator(DummyClassifier().fit(X, y * 0)), offer=offer()).fit(X, y)


def test_decisions_that_cannot_be_made():
    X, y, value = customers(60)
    model = ProfitThresholdClassifier(LogisticRegression(), offer=offer("margin")).fit(X, y)
    with pytest.raises(SchemaError, match="clv='margin' is not a column of X"):
        model.predict(X)
    with pytest.raises(DataError, match=r"clv has shape \(3,\) for 60 rows"):
        model.predict(X, clv=[1.0, 2.0, 3.0])
    with pytest.raises(DataError, match=r"clv is missing or infinite in 1 of 60 rows \(rows 4\)"):
        model.predict(X, clv=np.where(np.arange(60) == 4, np.nan, 1.0))
    with pytest.raises(DataError, match=r"clv and the rows of X have different labels(?s:.*)clv.reindex"):
        model.predict(X, clv=value)
    bare = ProfitThresholdClassifier(LogisticRegression(), offer=offer(value)).fit(X.to_numpy(), y)
    with pytest.raises(ParameterTypeError, match=r"X is a ndarray without labels(?s:.*)model.predict\(X, clv=values\)"):
        bare.predict(X.to_numpy())
    words = ProfitThresholdClassifier(LogisticRegression(), offer=offer()).fit(X, np.where(y == 1, "left", "stayed"))
    with pytest.raises(DataError, match="counts as churn by alphabet alone"):
        words.predict(X)
