import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold

import churnlib as cl
from churnlib.classification import ChurnClassifier
from churnlib.classification._causes import read_causes
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, ParameterError, SchemaError

OFFER = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)


def two_causes(n=3000, *, seed=0):
    """Customers lost to one of two causes, with the probability of each."""
    rng = np.random.default_rng(seed)
    index = pd.Index(np.arange(n), name="customer_id")
    X = pd.DataFrame({"failed": rng.poisson(0.5, n), "logins": rng.poisson(6, n)}, index=index)
    truth = pd.DataFrame({"involuntary": expit(-3.5 + 1.2 * X["failed"]), "voluntary": expit(0.2 - 0.4 * X["logins"])})
    truth = truth.div(truth.sum(axis=1).clip(lower=1), axis=0)
    drawn = rng.random(n)
    cause = np.select(
        [drawn < truth["involuntary"], drawn < truth.sum(axis=1)], ["involuntary", "voluntary"], default=None
    )
    return X, pd.Series(cause, index=index, name="cause", dtype=object), truth


@pytest.fixture(scope="module")
def fitted():
    X, cause, truth = two_causes()
    return ChurnClassifier(LogisticRegression(), target="cause").fit(X, cause), X, cause, truth


# -- what it predicts --------------------------------------------------------------------


def test_each_cause_has_its_own_base_rate_and_probability(fitted):
    model, X, cause, _ = fitted
    assert model.causes_ == ("involuntary", "voluntary")
    stated = model.predict_cause_proba(X)
    assert stated.index.equals(X.index)
    for name in model.causes_:
        share = (cause == name).mean()
        assert model.models_[name].base_rate_ == pytest.approx(share)
        assert stated[name].mean() == pytest.approx(share, abs=1e-3)
    assert model.base_rate_ == pytest.approx(cause.notna().mean())


def test_probabilities_of_unseen_customers_are_close_to_the_truth(fitted):
    model, *_ = fitted
    X, _, truth = two_causes(seed=1)
    stated = model.predict_cause_proba(X)
    assert (stated - truth).abs().mean().max() < 0.02
    np.testing.assert_allclose(stated.sum(axis=1), model.predict_proba(X)[:, 1])


def test_another_cause_counts_as_not_lost_to_this_one():
    # of those who call, a quarter is lost to each cause; without the customers lost to the other
    # cause it would be a third, and lost to either one half
    X = pd.DataFrame({"calls": [0, 0, 0, 0, 1, 1, 1, 1] * 100})
    cause = [None, None, None, None, None, None, "payment", "voluntary"] * 100
    model = ChurnClassifier(LogisticRegression(C=1e6), target="cause", calibration=None).fit(X, cause)
    assert model.predict_cause_proba(X.iloc[4:5]).round(2).to_dict("records") == [{"payment": 0.25, "voluntary": 0.25}]


def test_the_order_of_customers_differs_by_cause(fitted):
    model, X, cause, _ = fitted
    stated = model.predict_cause_proba(X)
    assert roc_auc_score(cause == "involuntary", stated["involuntary"]) > 0.7
    assert roc_auc_score(cause == "involuntary", stated["voluntary"]) < 0.6
    assert model.models_["involuntary"].reasons(X.iloc[:200], top=1)["feature"].mode().item() == "failed"
    assert model.models_["voluntary"].reasons(X.iloc[:200], top=1)["feature"].mode().item() == "logins"


def test_where_the_causes_sum_to_more_than_one_they_are_scaled():
    X = pd.DataFrame({"a": [0.0, 1.0] * 30})
    cause = [None, "p", None, "q", None, "r"] * 10
    model = ChurnClassifier(LogisticRegression(class_weight="balanced", C=100), target="cause", calibration=None)
    stated = model.fit(X, cause).predict_cause_proba(X)
    raw = sum(one.predict_proba(X)[:, 1] for one in model.models_.values())
    assert raw.max() > 1
    np.testing.assert_allclose(stated.sum(axis=1), np.minimum(raw, 1))
    assert model.predict_proba(X).min() >= 0


def test_on_simulated_subscriptions_failed_payments_foretell_involuntary_churn_only():
    world = cl.datasets.make_subscriptions(1500, hazards={"voluntary": [0.06], "payment": [0.05]}, random_state=1)
    data = cl.build_dataset(
        world.log,
        contracts=world.contracts,
        cutoffs=cl.monthly("2023-06", "2024-09"),
        horizon="10d",
        churn=cl.ContractEnd(grace="0d"),
        features=cl.FeatureSpec(
            [cl.features.Count("30d", kind="payment_failed"), cl.features.Count("30d", kind="login")]
        ),
    )
    model = ChurnClassifier(LogisticRegression(), target="cause").fit(data.X, data.cause)
    assert model.causes_ == ("payment", "voluntary")
    stated = model.predict_cause_proba(data.X)
    for cause in model.causes_:
        assert stated[cause].mean() == pytest.approx((data.cause == cause).mean(), rel=0.02)
    assert roc_auc_score(data.cause == "payment", stated["payment"]) > 0.75
    assert roc_auc_score(data.cause == "payment", stated["voluntary"]) < 0.6


# -- what y may be -----------------------------------------------------------------------


def test_text_categories_and_text_dtypes_are_the_same_causes():
    X, cause, _ = two_causes(600)
    model = ChurnClassifier(LogisticRegression(), target="cause", calibration=None)
    expected = model.fit(X, cause).predict_cause_proba(X)
    for other in (cause.astype("category"), cause.astype("string"), cause.to_numpy(), cause.tolist()):
        pd.testing.assert_frame_equal(model.fit(X, other).predict_cause_proba(X), expected)


def test_a_polars_frame_is_taken():
    X, cause, _ = two_causes(600)
    model = ChurnClassifier(LogisticRegression(), target="cause", calibration=None)
    frame = pl.from_pandas(X)
    np.testing.assert_array_equal(
        model.fit(frame, cause.to_numpy()).predict_cause_proba(frame), model.fit(X, cause).predict_cause_proba(X)
    )


def test_arrays_and_weights_are_taken():
    X, cause, _ = two_causes(600)
    model = ChurnClassifier(LogisticRegression(), target="cause", calibration=None)
    doubled = model.fit(X.to_numpy(), cause.to_numpy(), np.full(len(X), 2.0))
    assert doubled.predict_cause_proba(X.to_numpy()).index.equals(pd.RangeIndex(len(X)))


@pytest.mark.parametrize(
    ("y", "match"),
    [
        ([0, 1] * 20, r"40 values that are no text \(0, 1\)"),
        (pd.Series([1.0, None] * 20), "20 values that are no text"),
        (pd.Series([0, 1] * 20).astype("category"), "ChurnClassifier.target='churn'. for 0 and 1"),
        ([None, " "] * 20, "y is an empty text in 20 of 40 rows"),
        ([None] * 40, "y names no cause: all 40 rows are missing"),
        (["stayed", "left"] * 20, r"y names a cause in all 40 rows \(left, stayed\)"),
        ([None, "voluntary"] * 10, "X has 40 rows and y has 20 causes"),
    ],
)
def test_what_is_no_cause_is_refused(y, match):
    X = pd.DataFrame({"a": range(40)})
    with pytest.raises(DataError, match=match):
        ChurnClassifier(LogisticRegression(), target="cause").fit(X, y)


def test_y_is_needed():
    with pytest.raises(ParameterError, match="the target y is None"):
        read_causes(None)


def test_a_cause_that_took_few_customers_is_refused_with_counts_and_the_fix():
    index = pd.MultiIndex.from_product([range(100), [0, 1]], names=["customer_id", "cutoff"])
    X = pd.DataFrame({"a": np.arange(200.0)}, index=index)
    cause = pd.Series(None, index=index, dtype=object)
    cause.iloc[:60] = "voluntary"  # 30 customers
    cause.iloc[60:78] = "moved"  # 9 customers, of 18 rows
    model = ChurnClassifier(LogisticRegression(), target="cause")
    with pytest.raises(DataError, match=r"1 of 2 causes have lost fewer than 10 customers \(moved: 9, voluntary: 30\)"):
        model.fit(X, cause)
    with pytest.raises(DataError, match=r"y = y.replace\(\{'moved': 'voluntary'\}\)"):
        model.fit(X, cause)
    assert model.fit(X, cause.replace({"moved": "voluntary"})).causes_ == ("voluntary",)


def test_rows_in_another_order_are_refused():
    X, cause, _ = two_causes(100)
    with pytest.raises(DataError, match="same labels in different order"):
        ChurnClassifier(LogisticRegression(), target="cause").fit(X, cause.iloc[::-1])


# -- what it leaves to the models of the causes -------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda model, X: model.contact(X, OFFER),
        lambda model, X: model.expected_gain(X, OFFER),
        lambda model, X: model.reasons(X),
        lambda model, X: model.contributions(X),
        lambda model, X: model.card(),
        lambda model, X: model.compile(),
        lambda model, X: cl.classification.contact_list(model, X, OFFER),
    ],
)
def test_decisions_and_reasons_are_for_one_cause_at_a_time(fitted, call):
    model, X, *_ = fitted
    with pytest.raises(ParameterError, match=r"(?s)dunning, not a discount.*model.models_\[\"involuntary\"\]\."):
        call(model, X)
    assert model.models_["involuntary"].contact(X, OFFER).any()


def test_without_causes_there_is_no_probability_of_a_cause(fitted):
    _, X, cause, _ = fitted
    churn = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, cause.notna().astype(int))
    with pytest.raises(ParameterError, match='fitted with target="churn" and knows no causes'):
        churn.predict_cause_proba(X)
    with pytest.raises(ParameterError, match="target='causes' is not a choice"):
        ChurnClassifier(target="causes").fit(X, cause)


def test_a_second_fit_with_the_other_target_forgets_the_first(fitted):
    _, X, cause, _ = fitted
    model = ChurnClassifier(LogisticRegression(), target="cause", calibration=None).fit(X, cause)
    model.set_params(target="churn").fit(X, cause.notna().astype(int))
    assert not hasattr(model, "models_")
    assert model.contact(X, OFFER).any()
    model.set_params(target="cause").fit(X, cause)
    assert not hasattr(model, "estimator_")


# -- as an estimator ---------------------------------------------------------------------


def test_columns_are_checked_as_ever(fitted):
    model, X, *_ = fitted
    with pytest.raises(SchemaError, match="the columns of the fit, in its order"):
        model.predict_proba(X[["logins", "failed"]])


def test_clone_pickle_and_labels(fitted):
    model, X, cause, _ = fitted
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params()["target"] == "cause"
    assert model.predict(X).tolist() == (model.predict_proba(X)[:, 1] > 0.5).astype(int).tolist()
    assert model.score(X, cause) == (model.predict(X) == cause.notna()).mean()


def test_a_grid_search_over_folds_of_customers():
    X, cause, _ = two_causes(900)
    grid = {"estimator__C": [0.001, 1.0], "calibration": [None]}
    search = GridSearchCV(ChurnClassifier(LogisticRegression(), target="cause"), grid, cv=GroupKFold(3))
    search.fit(X, cause, groups=X.index)
    assert search.best_estimator_.causes_ == ("involuntary", "voluntary")


def test_seeds_and_folds_given_once_serve_every_cause():
    X, cause, _ = two_causes(600)
    parts = [(np.arange(300), np.arange(300, 600)), (np.arange(300, 600), np.arange(300))]
    once = ChurnClassifier(LogisticRegression(), target="cause", cv=iter(parts), random_state=np.random.RandomState(0))
    models = once.fit(X, cause).models_
    assert [model.calibration_report_ is not None for model in models.values()] == [True, True]
    assert len({model.random_state for model in models.values()}) == 1


def test_the_card_of_a_cause_names_it(fitted):
    model, *_ = fitted
    card = model.models_["involuntary"].card()
    assert card.to_dict()["predicts"].startswith("P(lost to the cause 'involuntary' in the label window")
    assert "counts as not lost to 'involuntary'" in card.to_markdown()


@pytest.mark.parametrize("shape", ["frame", "column"])
def test_causes_stand_in_one_dimension(shape):
    X, cause, _ = two_causes(300)
    y = cause.to_frame() if shape == "frame" else cause.to_numpy().reshape(-1, 1)
    with pytest.raises(DataError, match=r"y has shape \(300, 1\); one cause per row"):
        ChurnClassifier(LogisticRegression(), target="cause").fit(X, y)


def test_what_one_cause_cannot_be_fitted_with_names_the_cause():
    X, cause, _ = two_causes(600)
    with pytest.raises(DataError, match=r"cause 'voluntary': sample_weight is zero"):
        ChurnClassifier(LogisticRegression(), target="cause").fit(X, cause, np.where(cause == "voluntary", 0.0, 1.0))


def test_the_fix_for_a_cause_with_a_quotation_mark_can_be_pasted():
    X, cause, _ = two_causes(600)
    model = ChurnClassifier(LogisticRegression(), target="cause").fit(X, cause.replace("involuntary", 'a "b" 退订'))
    with pytest.raises(ParameterError, match="Fix") as caught:
        model.compile()
    line = str(caught.value).rpartition("Fix: ")[2]
    assert line == r'model.models_["a \"b\" 退订"].compile()'


def test_labels_in_place_of_causes_are_no_score(fitted):
    model, X, cause, _ = fitted
    with pytest.raises(DataError, match="values that are no text"):
        model.score(X, cause.notna().astype(int))
