import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from churnlib.classification import ChurnClassifier, default_estimator
from churnlib.economics import RetentionOffer
from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, ParameterTypeError, SchemaError
from tests.classification.worlds import truth, world

OFFER = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)


def small():
    return default_estimator().set_params(n_estimators=20)


@pytest.fixture(scope="module")
def fitted():
    X, y = world(600)
    return ChurnClassifier(random_state=0).fit(X, y), X, y


# -- what it predicts --------------------------------------------------------------------


def test_probabilities_are_close_to_the_truth(fitted):
    model, _, _ = fitted
    X, y = world(4000, seed=1)
    probability = model.predict_proba(X)[:, 1]
    known = truth(X.fillna({"silence": 30.0}))
    assert roc_auc_score(y, probability) > roc_auc_score(y, known) - 0.05
    assert log_loss(y, probability) < log_loss(y, known) + 0.06


def test_probabilities_sum_to_one_and_labels_follow_one_half(fitted):
    model, X, _ = fitted
    probability = model.predict_proba(X)
    assert probability.dtype == np.float64
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict(X), (probability[:, 1] > 0.5).astype(int))


def test_the_default_is_the_design_s():
    parameters = default_estimator().get_params()
    expected = {
        "n_estimators": 300,
        "max_depth": 3,
        "learning_rate": 0.05,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "min_child_weight": 5,
        "reg_lambda": 5,
        "tree_method": "hist",
        "enable_categorical": True,
        "n_jobs": 1,
    }
    assert {name: parameters[name] for name in expected} == expected


def test_without_calibration_it_is_plain_xgboost_on_native_categories(fitted):
    _, X, y = fitted
    mine = ChurnClassifier(tune=None, calibration=None, random_state=3).fit(X, y).predict_proba(X)[:, 1]
    native = X.assign(plan=X["plan"].astype("category"), vip=X["vip"].astype(float), orders=X["orders"].astype(float))
    theirs = default_estimator(random_state=3).fit(native, y).predict_proba(native)[:, 1]
    np.testing.assert_array_equal(mine, theirs.astype(np.float64))


@pytest.mark.parametrize("kind", ["object", "string", "category"])
def test_dtype_of_categories_does_not_matter(fitted, kind):
    model, X, y = fitted
    other = X.assign(plan=X["plan"].astype(kind))
    np.testing.assert_array_equal(model.predict_proba(other), model.predict_proba(X))
    refitted = ChurnClassifier(random_state=0).fit(other, y)
    np.testing.assert_array_equal(refitted.predict_proba(X), model.predict_proba(X))


def test_unseen_category_counts_as_missing(fitted):
    model, X, _ = fitted
    unseen, missing = X.assign(plan="platinum"), X.assign(plan=None)
    np.testing.assert_array_equal(model.predict_proba(unseen), model.predict_proba(missing))


def test_polars_frames_are_welcome(fitted):
    model, X, y = fitted
    frame = pl.from_pandas(X.reset_index(drop=True))
    np.testing.assert_array_equal(model.predict_proba(frame), model.predict_proba(X))
    lazy = ChurnClassifier(small(), calibration=None).fit(frame.lazy(), y.to_numpy())
    assert lazy.feature_names_in_.tolist() == list(X.columns)


def test_arrays_are_welcome():
    X, y = world(200)
    values = X[["silence", "orders"]].to_numpy()
    model = ChurnClassifier(small(), calibration=None).fit(values, y)
    assert model.n_features_in_ == 2
    assert not hasattr(model, "feature_names_in_")
    assert model.reasons(values)["feature"].isin(["x0", "x1"]).all()


def test_any_two_labels_and_the_second_is_churn():
    X, y = world(300)
    named = ChurnClassifier(small()).fit(X, np.where(y == 1, "left", "here"))
    plain = ChurnClassifier(small()).fit(X, y)
    assert named.classes_.tolist() == ["here", "left"]
    np.testing.assert_array_equal(named.predict_proba(X), plain.predict_proba(X))
    assert set(named.predict(X)) == {"here", "left"}


@pytest.mark.parametrize("dtype", ["int8", "Int64", "boolean", "bool", "float64"])
def test_labels_of_any_dtype(dtype):
    X, y = world(200)
    model = ChurnClassifier(small(), calibration=None).fit(X, y.astype(dtype))
    assert model.classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(20, random_state=0),
        KNeighborsClassifier(),
        HistGradientBoostingClassifier(max_iter=10),
        XGBClassifier(n_estimators=20, n_jobs=1),
        make_pipeline(
            make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["plan"])), LogisticRegression()
        ),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_any_classifier_will_do(estimator):
    X, y = world(400)
    before = copy.deepcopy(estimator.get_params())
    model = ChurnClassifier(estimator, random_state=0).fit(X, y)
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.65
    assert len(model.reasons(X.iloc[:20])) > 0
    assert repr(estimator.get_params()) == repr(before)


def test_names_that_xgboost_refuses_are_no_obstacle():
    X, y = world(200)
    odd = X.rename(columns={"silence": "days [0, 30) <x>", "orders": "a:b"})
    plain = ChurnClassifier(small(), calibration=None).fit(X, y).predict_proba(X)
    model = ChurnClassifier(small(), calibration=None).fit(odd, y)
    np.testing.assert_array_equal(model.predict_proba(odd), plain)
    assert "days [0, 30) <x>" in set(model.reasons(odd)["feature"])


def test_random_state_reaches_an_estimator_that_has_none():
    X, y = world(200)

    def forest(state, own=None):
        estimator = RandomForestClassifier(5, random_state=own)
        return ChurnClassifier(estimator, calibration=None, random_state=state).fit(X, y).predict_proba(X)

    np.testing.assert_array_equal(forest(1), forest(1))
    assert (forest(1) != forest(2)).any()
    np.testing.assert_array_equal(forest(1, own=7), forest(2, own=7))


@pytest.mark.parametrize(
    ("state", "kind", "said"),
    [
        (-1, ParameterError, "random_state"),
        (2**32, ParameterError, "random_state"),
        ("seed", ParameterTypeError, "random_state is 'seed', a str"),
        (np.random.default_rng(0), ParameterTypeError, r"(?s)random_state is a Generator.*Fix: random_state=int\("),
    ],
)
def test_a_random_state_that_is_none(state, kind, said):
    X, y = world(50)
    with pytest.raises(kind, match=said):
        ChurnClassifier(random_state=state).fit(X, y)


def test_random_state_may_be_an_object():
    X, y = world(200)
    one, two = (
        ChurnClassifier(calibration=None, random_state=np.random.RandomState(4)).fit(X, y).predict_proba(X)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, two)


# -- fitting -----------------------------------------------------------------------------


def test_same_rows_same_bytes_for_any_n_jobs():
    X, y = world(300)
    models = [ChurnClassifier(small(), random_state=0, n_jobs=n, calibration="sigmoid").fit(X, y) for n in (1, 2, None)]
    assert len({model.predict_proba(X).tobytes() for model in models}) == 1
    assert len({model.contributions(X).to_numpy().tobytes() for model in models}) == 1


def test_no_input_is_modified():
    X, y = world(200)
    X_before, y_before = X.copy(deep=True), y.copy(deep=True)
    model = ChurnClassifier(small()).fit(X, y)
    model.predict_proba(X), model.reasons(X), model.contact(X, OFFER)
    pd.testing.assert_frame_equal(X, X_before)
    pd.testing.assert_series_equal(y, y_before)


def test_pickle_keeps_everything(fitted):
    model, X, _ = fitted
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    pd.testing.assert_frame_equal(loaded.reasons(X[:5]), model.reasons(X[:5]))


def test_the_fitted_model_holds_no_customer(fitted):
    X, y = world(300)
    named = X.reset_index("customer_id", drop=True)
    named.index = pd.Index([f"secret-{i}" for i in range(len(X))], name="customer_id")
    model = ChurnClassifier(LogisticRegression()).fit(named, y.to_numpy())
    assert b"secret" not in pickle.dumps(model)


def test_sample_weights_count_rows():
    X, y = world(300)
    weight = np.random.default_rng(0).integers(1, 4, len(X))
    # a tree, since imputation and scaling before other classifiers do not weigh rows
    tree = make_pipeline("passthrough", DecisionTreeClassifier(max_depth=3, random_state=0))
    numbers = X[["silence", "orders"]]
    rows = np.repeat(np.arange(300), weight)
    weighted = ChurnClassifier(tree, calibration=None).fit(numbers, y, sample_weight=weight)
    repeated = ChurnClassifier(tree, calibration=None).fit(numbers.iloc[rows], y.to_numpy()[rows])
    np.testing.assert_allclose(weighted.predict_proba(numbers), repeated.predict_proba(numbers))
    assert weighted.base_rate_ == pytest.approx(repeated.base_rate_)


def test_weights_reach_the_last_step_of_a_pipeline():
    X, y = world(300)
    numbers = X[["orders"]]
    weight = np.where(y == 1, 5.0, 1.0)
    pipeline = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    weighted = ChurnClassifier(pipeline, calibration=None).fit(numbers, y, sample_weight=weight)
    plain = ChurnClassifier(pipeline, calibration=None).fit(numbers, y)
    assert (weighted.predict_proba(numbers)[:, 1] > plain.predict_proba(numbers)[:, 1]).all()


def test_weights_may_be_routed():
    X, y = world(300)
    weight = np.where(y == 1, 5.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        model = ChurnClassifier(small(), calibration=None).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=False)
        routed = cross_validate(model, X, y, cv=2, params={"sample_weight": weight}, return_estimator=True)
    assert routed["estimator"][0].base_rate_ > 2 * y.mean() * 0.9
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(LogisticRegression().set_fit_request(sample_weight=True))
        ChurnClassifier(pipeline, calibration=None).fit(X[["orders"]], y, sample_weight=weight)


def test_grid_search_reaches_the_inner_classifier():
    X, y = world(300)
    grid = {"estimator__max_depth": [1, 2], "calibration": [None, "sigmoid"]}
    search = GridSearchCV(ChurnClassifier(small()), grid, cv=2, scoring="neg_log_loss").fit(X, y)
    assert set(search.best_params_) == set(grid)


def test_works_at_the_end_of_a_pipeline_of_pandas_output():
    X, y = world(300)
    from sklearn.preprocessing import StandardScaler

    scale = make_column_transformer(
        (StandardScaler(), ["silence", "orders"]), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    pipeline = make_pipeline(scale, ChurnClassifier(small(), calibration=None))
    assert cross_val_score(pipeline, X, y, cv=2, scoring="roc_auc").mean() > 0.6


def test_a_global_pandas_output_changes_nothing():
    X, y = world(200)
    plain = ChurnClassifier(LogisticRegression()).fit(X, y).predict_proba(X)
    with sklearn.config_context(transform_output="pandas"):
        model = ChurnClassifier(LogisticRegression()).fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X), plain)


# -- calibration -------------------------------------------------------------------------


def test_auto_leaves_a_good_model_as_it_is(fitted):
    model, _, _ = fitted
    assert model.calibration_ == "none"
    assert model.calibrator_ is None
    assert model.calibration_report_.loc["none", "chosen"]


def test_auto_repairs_an_overconfident_model():
    X, y = world(1200)
    deep = XGBClassifier(n_estimators=100, max_depth=6, learning_rate=0.3, enable_categorical=True, n_jobs=1)
    raw = ChurnClassifier(deep, calibration=None).fit(X, y)
    auto = ChurnClassifier(deep).fit(X, y)
    assert auto.calibration_ in {"sigmoid", "isotonic"}
    unseen, truth_y = world(3000, seed=9)
    assert log_loss(truth_y, auto.predict_proba(unseen)) < log_loss(truth_y, raw.predict_proba(unseen)) - 0.05
    # one model at predict time, and a map that keeps its order
    order = np.argsort(raw.predict_proba(unseen)[:, 1], kind="stable")
    assert (np.diff(auto.predict_proba(unseen)[order, 1]) >= 0).all()


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_a_named_calibration_is_done(method):
    X, y = world(300)
    model = ChurnClassifier(small(), calibration=method).fit(X, y)
    assert model.calibration_ == method
    assert model.calibrator_ is not None
    assert model.calibration_report_ is None


def test_customers_are_not_split_between_folds():
    X, y = world(600, cutoffs=6)

    class Rote(LogisticRegression):
        """Knows by heart the customers it was fitted on."""

        def fit(self, X, y, sample_weight=None):
            self.seen_ = set(np.asarray(X)[:, 0].round(6))
            return super().fit(X, y)

        def predict_proba(self, X):
            overlap = self.seen_ & set(np.asarray(X)[:, 0].round(6))
            assert not overlap or len(X) == 600, f"{len(overlap)} customers on both sides"
            return super().predict_proba(X)

    own = pd.DataFrame({"id": X.index.get_level_values("customer_id")}, index=X.index)
    own["plan_is_basic"] = (X["plan"] == "basic").astype(float)
    # a pipeline gets the rows as they are
    ChurnClassifier(make_pipeline("passthrough", Rote()), calibration="sigmoid").fit(own, y)


def test_cv_may_be_a_splitter_in_time():
    from sklearn.model_selection import TimeSeriesSplit

    X, y = world(400)
    model = ChurnClassifier(small(), calibration="sigmoid", cv=TimeSeriesSplit(3)).fit(X, y)
    assert model.calibration_ == "sigmoid"


def test_cv_may_be_a_list_of_splits():
    X, y = world(200)
    half = np.arange(200) < 100
    splits = [(np.flatnonzero(half), np.flatnonzero(~half))]
    assert ChurnClassifier(small(), calibration="isotonic", cv=splits).fit(X, y).calibration_ == "isotonic"


def test_auto_keeps_the_raw_model_when_there_is_too_little_to_compare():
    X = pd.DataFrame({"a": range(8)})
    model = ChurnClassifier(LogisticRegression()).fit(X, [0] * 7 + [1])
    assert model.calibration_ == "none"
    assert model.calibration_report_ is None


# -- decisions ---------------------------------------------------------------------------


def test_contact_is_a_positive_expected_gain(fitted):
    model, X, _ = fitted
    clv = pd.Series(np.linspace(-50, 900, X.index.nunique()), index=X.index.get_level_values("customer_id"))
    offer = RetentionOffer(accept_rate=(6, 14), clv=clv, offer_cost=10, contact_cost=1)
    contact, gain = model.contact(X, offer), model.expected_gain(X, offer)
    assert contact.name == "contact"
    assert gain.name == "expected_gain"
    assert contact.dtype == bool
    assert contact.index.equals(X.index)
    pd.testing.assert_series_equal(contact, gain > 0, check_names=False)
    assert 0 < contact.sum() < len(X)


def test_contact_uses_the_threshold_not_one_half(fitted):
    model, X, _ = fitted
    probability = model.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(model.contact(X, OFFER), probability > 11 / 67)


def test_nobody_is_contacted_where_it_cannot_pay(fitted):
    model, X, _ = fitted
    offer = RetentionOffer(accept_rate=0.3, clv=-100, offer_cost=10, contact_cost=1)
    with pytest.warns(AssumptionWarning, match="not even a certain churner is worth the contact"):
        assert not model.contact(X, offer).any()
    assert (model.expected_gain(X, offer) < 0).all()


def test_value_may_stand_in_a_column_that_the_model_does_not_know(fitted):
    model, X, _ = fitted
    valued = X.assign(margin=200.0)
    by_column = RetentionOffer(accept_rate=0.3, clv="margin", offer_cost=10, contact_cost=1)
    pd.testing.assert_series_equal(model.expected_gain(valued, by_column), model.expected_gain(X, OFFER))


def test_value_may_be_a_feature(fitted):
    model, X, _ = fitted
    by_feature = RetentionOffer(accept_rate=0.3, clv="orders", offer_cost=0.1)
    assert model.contact(X, by_feature).any()


# -- errors ------------------------------------------------------------------------------


def test_unknown_calibration():
    X, y = world(50)
    with pytest.raises(ParameterError, match=r"calibration='sigmiod' is not a choice .did you mean 'sigmoid'"):
        ChurnClassifier(calibration="sigmiod").fit(X, y)


def test_estimator_without_probabilities():
    X, y = world(50)
    with pytest.raises(ParameterError, match=r"(?s)Perceptron states no probabilities, only margins.*calibration='sig"):
        ChurnClassifier(Perceptron(), calibration=None).fit(X, y)


def test_estimator_that_says_of_no_row_how_likely_it_is():
    X, y = world(50)
    with pytest.raises(ParameterError, match=r"(?s)Ridge states no probabilities, and has no decision_function.*Logis"):
        ChurnClassifier(Ridge()).fit(X, y)


@pytest.mark.parametrize("cv", ["five", 2.5, True])
def test_cv_that_does_not_split(cv):
    X, y = world(100)
    with pytest.raises(ParameterTypeError, match="is no way to split"):
        ChurnClassifier(small(), cv=cv).fit(X, y)


def test_cv_of_one_fold():
    X, y = world(100)
    with pytest.raises(ParameterError, match="cv=1 leaves nothing to test on"):
        ChurnClassifier(small(), cv=1).fit(X, y)


def test_fold_of_one_class():
    X, y = world(100)
    stays = np.flatnonzero(y == 0)
    with pytest.raises(DataError, match=f"the {len(stays)} training rows of fold 0 of cv hold one class only"):
        ChurnClassifier(small(), cv=[(stays, np.arange(100))]).fit(X, y)


def test_too_few_churners_to_calibrate():
    X = pd.DataFrame({"a": range(8)})
    with pytest.raises(DataError, match=r"too few customers of a class to calibrate out of fold \(1 churn rows of 8\)"):
        ChurnClassifier(LogisticRegression(), calibration="sigmoid").fit(X, [0] * 7 + [1])


def test_misspelt_columns(fitted):
    model, X, _ = fitted
    with pytest.raises(SchemaError, match=r"(?s)silence: did you mean 'silenc'.*model.feature_names_in_"):
        model.predict_proba(X.rename(columns={"silence": "silenc"}))


def test_columns_in_another_order(fitted):
    model, X, _ = fitted
    with pytest.raises(SchemaError, match=r"(?s)must be in the same order.*X\[list\(model.feature_names_in_\)\]"):
        model.predict_proba(X[X.columns[::-1]])


def test_empty_frame(fitted):
    model, X, _ = fitted
    with pytest.raises(SchemaError, match="X has 0 rows and 4 columns"):
        model.predict_proba(X.iloc[:0])


def test_labels_of_another_length():
    X, y = world(50)
    with pytest.raises(DataError, match="X has 50 rows and y has 49 labels"):
        ChurnClassifier().fit(X, y.iloc[1:])


def test_weights_of_one_class():
    X, y = world(50)
    with pytest.raises(DataError, match=r"sample_weight is zero in \d+ of 50 rows, and the others hold one class"):
        ChurnClassifier().fit(X, y, sample_weight=(y == 0).astype(float))


def test_weights_for_a_classifier_without():
    X, y = world(50)
    with pytest.raises(ParameterError, match="KNeighborsClassifier takes no sample_weight"):
        ChurnClassifier(KNeighborsClassifier()).fit(X, y, sample_weight=np.ones(50))


def test_offer_must_be_an_offer(fitted):
    model, X, _ = fitted
    with pytest.raises(ParameterTypeError, match="offer is a float"):
        model.contact(X, 200.0)


def test_decisions_need_a_frame(fitted):
    model, X, _ = fitted
    with pytest.raises(ParameterTypeError, match="X is a ndarray; a decision is made about customers"):
        model.contact(X.to_numpy(), OFFER)


def test_decisions_need_customers_for_values_by_customer(fitted):
    model, X, _ = fitted
    by_customer = RetentionOffer(accept_rate=0.3, clv=pd.Series([1.0], index=[5]), offer_cost=1)
    with pytest.raises(SchemaError, match="customers are unknown"):
        model.contact(X.reset_index(drop=True), by_customer)
    with pytest.raises(DataError, match="clv has no value for 599 of 600 customers"):
        model.contact(X, by_customer)


def test_no_decision_on_labels_whose_order_only_the_alphabet_knows():
    # of "churned" and "stayed" the second is "stayed": its probability would have the loyal called
    X, y = world(200)
    named = ChurnClassifier(small(), calibration=None).fit(X, np.where(y == 1, "churned", "stayed"))
    assert named.classes_.tolist() == ["churned", "stayed"]
    for decide in (named.contact, named.expected_gain):
        with pytest.raises(DataError, match=r"labels 'churned' and 'stayed', of which the second, 'stayed', counts as"):
            decide(X, OFFER)
    with pytest.raises(DataError, match="by alphabet alone"):
        named.reasons(X)


def test_labels_of_who_stayed_are_refused():
    X, y = world(200)
    with pytest.raises(DataError, match="y is named 'retained'"):
        ChurnClassifier(small()).fit(X, (1 - y).rename("retained"))


def test_labels_of_other_rows_are_refused():
    X, y = world(200)
    with pytest.raises(DataError, match=r"50 of 100 labels of y belong to rows that X does not have"):
        ChurnClassifier(small()).fit(X[:100], y[50:150])


def test_columns_of_one_name_are_refused_in_our_own_words():
    X, y = world(100)
    with pytest.raises(DataError, match=r"1 column names are repeated \(silence\)"):
        ChurnClassifier(small()).fit(X.rename(columns={"orders": "silence"}), y)
