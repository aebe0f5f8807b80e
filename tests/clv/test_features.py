import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from churnlib.clv import BGNBD, MBGNBD, CLVFeatures, CustomerLifetimeValue, GammaGamma
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError

TIMES = ["frequency", "recency", "T"]
NAMES = ["expected_purchases", "p_alive", "p_no_purchase"]


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    truth = BGNBD.from_params({"r": 0.5, "alpha": 8.0, "a": 0.8, "b": 2.5})
    X = truth.simulate(T=np.random.RandomState(0).uniform(26, 52, 600), random_state=0)
    spend = GammaGamma.from_params({"p": 6.25, "q": 3.74, "v": 15.44})
    X["monetary_value"] = spend.simulate(X["frequency"].to_numpy(), random_state=0)["monetary_value"].to_numpy()
    X["complaints"] = np.random.RandomState(1).poisson(0.5, 600)
    return X


@pytest.fixture(scope="module")
def churn(customers) -> pd.Series:
    silent = customers["T"] - customers["recency"]
    noise = np.random.RandomState(2).normal(0, 8, len(customers))
    return (silent + noise > 25).astype(int).rename("churn")


def pipeline(model=None, t=30.0) -> Pipeline:
    front = ColumnTransformer([("clv", CLVFeatures(model, t=t), TIMES), ("rest", StandardScaler(), ["complaints"])])
    return Pipeline([("front", front), ("classifier", LogisticRegression())])


# ---------------------------------------------------------------------- columns


def test_the_columns_are_the_model_s_predictions(customers):
    features = CLVFeatures(MBGNBD(), t=30).fit(customers)
    model = MBGNBD().fit(customers)
    assert features.model_.params_ == model.params_
    expected = np.column_stack(
        [
            model.predict(customers, 30),
            model.predict_alive_probability(customers),
            model.predict_no_purchase_probability(customers, 30),
        ]
    )
    np.testing.assert_allclose(features.transform(customers), expected, rtol=1e-12)
    assert features.get_feature_names_out().tolist() == NAMES
    # no purchase is at least as likely as being gone
    assert np.all(expected[:, 2] >= 1 - expected[:, 1] - 1e-12)


def test_a_value_is_a_fourth_column(customers):
    value = CustomerLifetimeValue(MBGNBD(), horizon=26, time_unit="W", annual_discount_rate=0.1)
    features = CLVFeatures(value).fit(customers)
    assert features.t_ == 26
    assert features.get_feature_names_out().tolist() == [*NAMES, "value"]
    table = features.set_output(transform="pandas").transform(customers)
    assert table.index.equals(customers.index)
    np.testing.assert_allclose(table["value"], clone(value).fit(customers).predict(customers), rtol=1e-10)
    assert CLVFeatures(value, t=4).fit(customers).t_ == 4


def test_the_horizon_of_the_model_serves(customers):
    np.testing.assert_array_equal(
        CLVFeatures(BGNBD(horizon=30)).fit(customers).transform(customers),
        CLVFeatures(BGNBD(), t=30).fit(customers).transform(customers),
    )


def test_arrays_and_frames_say_the_same(customers):
    array = customers[TIMES].to_numpy()
    np.testing.assert_allclose(
        CLVFeatures(t=30).fit(array).transform(array), CLVFeatures(t=30).fit(customers).transform(customers)
    )


def test_newcomers_are_left_out_of_the_fit_only(customers):
    new = pd.DataFrame({"frequency": [0, 0], "recency": [0.0, 0.0], "T": [0.0, 0.0]})
    both = pd.concat([customers[TIMES], new], ignore_index=True)
    features = CLVFeatures(t=30).fit(both)
    assert features.n_left_out_ == 2
    assert features.model_.params_ == CLVFeatures(t=30).fit(customers).model_.params_
    assert features.transform(new)[0, 0] == pytest.approx(features.model_.predict_new(30)[0], rel=1e-12)


def test_weights_are_repeated_rows(customers):
    weight = np.arange(len(customers)) % 3
    weighted = CLVFeatures(t=30).fit(customers, sample_weight=weight)
    repeated = CLVFeatures(t=30).fit(customers.loc[customers.index.repeat(weight)])
    np.testing.assert_allclose(weighted.transform(customers), repeated.transform(customers), rtol=1e-7)


# ---------------------------------------------------------------------- no leakage


def test_parameters_depend_on_the_training_fold_only(customers, churn):
    folds = list(KFold(3, shuffle=True, random_state=0).split(customers))
    # other customers in the test folds: twenty times as many purchases
    strange = customers.copy()
    last = folds[-1][1]
    strange.iloc[last, 0] *= 20
    fitted, altered = (
        cross_validate(pipeline(), X, churn, cv=folds, return_estimator=True)["estimator"] for X in (customers, strange)
    )

    def params(estimator):
        return estimator.named_steps["front"].named_transformers_["clv"].model_.params_

    train = customers.iloc[folds[-1][0]]
    assert params(fitted[-1]) == MBGNBD().fit(train).params_
    assert params(altered[-1]) == params(fitted[-1])  # the fold tested on had no part
    assert params(altered[0]) != params(fitted[0])  # where it was trained on, it had
    # columns computed beforehand do depend on who is tested
    beforehand = [MBGNBD().fit(X).predict(train, 30) for X in (customers, strange)]
    assert not np.allclose(*beforehand, rtol=0.01)


def test_a_grid_can_choose_the_model(customers, churn):
    search = GridSearchCV(
        pipeline(), {"front__clv__model": [BGNBD(), MBGNBD()], "front__clv__t": [10.0, 30.0]}, cv=3
    ).fit(customers, churn)
    assert isinstance(search.best_estimator_.named_steps["front"].named_transformers_["clv"].model_, BGNBD | MBGNBD)
    nested = GridSearchCV(
        make_pipeline(CLVFeatures(BGNBD(), t=30), LogisticRegression()), {"clvfeatures__model__l2": [0.0, 0.1]}, cv=3
    ).fit(customers[TIMES], churn)
    assert nested.best_score_ > churn.mean() - 0.05


def test_names_pass_through_a_column_transformer(customers, churn):
    front = pipeline().set_output(transform="pandas").fit(customers, churn).named_steps["front"]
    assert front.get_feature_names_out().tolist() == [*(f"clv__{name}" for name in NAMES), "rest__complaints"]


def test_labels_have_no_part(customers, churn):
    one, other = (CLVFeatures(t=30).fit(customers, y).transform(customers) for y in (churn, 1 - churn))
    np.testing.assert_array_equal(one, other)


# ---------------------------------------------------------------------- copies and errors


def test_copies(customers):
    features = CLVFeatures(MBGNBD(l2=0.01), t=30).fit(customers)
    stored = pickle.dumps(features)
    assert len(stored) < 8192
    np.testing.assert_array_equal(pickle.loads(stored).transform(customers), features.transform(customers))
    assert clone(features).get_params()["model__l2"] == 0.01
    assert not hasattr(features.model, "params_")


def test_what_cannot_work(customers):
    with pytest.raises(ParameterError, match="neither t nor a finite horizon of MBGNBD is given"):
        CLVFeatures().fit(customers)
    forever = CustomerLifetimeValue(horizon="forever", annual_discount_rate=0.1)
    with pytest.raises(ParameterError, match="neither t nor a finite horizon of CustomerLifetimeValue"):
        CLVFeatures(forever).fit(customers)
    with pytest.raises(ParameterTypeError, match="model is a GammaGamma"):
        CLVFeatures(GammaGamma(), t=3).fit(customers)
    with pytest.raises(SchemaError, match="recency"):
        CLVFeatures(t=3).fit(customers.drop(columns="recency"))
    with pytest.raises(DataError, match="column 'T' is 0 in all 600 rows"):
        CLVFeatures(t=3).fit(customers.assign(frequency=0, recency=0.0, T=0.0))
    with pytest.raises(ValueError, match="The 't' parameter of CLVFeatures"):
        CLVFeatures(t=-3).fit(customers)
    with pytest.raises(NotFittedError):
        CLVFeatures(t=3).transform(customers)
    with pytest.raises(NotFittedError):
        CLVFeatures(t=3).get_feature_names_out()
