import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from xgboost import XGBClassifier

from churnlib.classification import ChurnClassifier, _compile, default_estimator
from churnlib.exceptions import ChurnlibError, DataError, ParameterError, ParameterTypeError, SchemaError, VersionError
from tests.classification.worlds import world

X = pd.DataFrame({"orders": [1.0, 2, 3, 4] * 5, "plan": ["a", "b"] * 10})
Y = [1, 1, 0, 0] * 5


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (HistGradientBoostingClassifier(max_iter=2), "a HistGradientBoostingClassifier"),
        (KNeighborsClassifier(2), "a KNeighborsClassifier"),
        (make_pipeline("passthrough", LogisticRegression()), "a Pipeline of str, LogisticRegression"),
    ],
    ids=["hist", "neighbours", "pipeline"],
)
def test_what_cannot_be_compiled_is_named_with_what_can(estimator, name):
    rows = X if "HistG" in name or "KNeigh" in name else X[["orders"]]
    model = ChurnClassifier(estimator, calibration=None).fit(rows, Y)
    with pytest.raises(ParameterError, match=rf"{name} cannot be compiled; compile\(\) supports xgboost .*logistic"):
        model.compile()


def test_models_for_causes_are_compiled_one_by_one():
    rows, y = world(300)
    cause = pd.Series(np.where(y == 1, np.where(rows["orders"] > 2, "payment", "voluntary"), None), index=rows.index)
    model = ChurnClassifier(LogisticRegression(), target="cause", calibration=None).fit(rows, cause)
    with pytest.raises(ChurnlibError, match=r"models_\["):
        model.compile()
    scorer = model.models_["payment"].compile()
    assert 0 < scorer.score(rows.iloc[0].to_dict()) < 1


def test_text_labels_are_refused():
    model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, np.where(np.array(Y) == 1, "gone", "here"))
    with pytest.raises(DataError, match="gone"):
        model.compile()


def test_it_must_be_fitted():
    with pytest.raises(NotFittedError):
        ChurnClassifier().compile()


def test_arguments_are_checked():
    model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, Y)
    with pytest.raises(ParameterError, match=r"keys='loose' is not a choice"):
        model.compile(keys="loose")
    with pytest.raises(ParameterTypeError, match="catalog is a dict; a ReasonCatalog"):
        model.compile(catalog={})
    assert model.compile(keys="lenient").keys == "lenient"


def test_columns_by_position_are_whole_numbers():
    rows = X[["orders"]].set_axis([0], axis=1)
    model = ChurnClassifier(LogisticRegression(), calibration=None).fit(rows, Y)
    scorer = model.compile()
    assert scorer.columns == (0,)
    assert type(scorer).from_json(scorer.to_json()).score({0: 1.0}) == scorer.score({0: 1.0})
    assert scorer.score({0: 1.0}) == pytest.approx(model.predict_proba(rows[:1])[0, 1])


def test_other_names_are_refused():
    odd = X.set_axis([("orders", "90d"), ("plan", "now")], axis=1)
    model = ChurnClassifier(LogisticRegression(), calibration=None).fit(odd, Y)
    with pytest.raises(SchemaError, match=r"a column is called \('orders', '90d'\) \(tuple\)"):
        model.compile()


@pytest.mark.parametrize("estimator", [default_estimator().set_params(n_estimators=5), RandomForestClassifier(3)])
def test_names_that_the_engine_cannot_bear(estimator):
    rows, y = world(200)
    rows = rows.rename(columns={"silence": "silence [days], now"})
    model = ChurnClassifier(estimator, calibration=None).fit(rows, y)
    scorer = model.compile()
    np.testing.assert_allclose(scorer.score_many(rows.to_dict("records")), model.predict_proba(rows)[:, 1], atol=1e-6)


def test_an_engine_that_stores_its_trees_in_another_way_is_noticed(monkeypatch):
    rows, y = world(200)
    model = ChurnClassifier(default_estimator().set_params(n_estimators=5), calibration=None).fit(rows, y)
    honest = _compile.boosted_trees

    def other(estimator, categories):
        plain, cuts = honest(estimator, categories)
        return plain | {"base": plain["base"] + 0.1}, cuts

    monkeypatch.setattr(_compile, "boosted_trees", other)
    with pytest.raises(
        VersionError, match=r"on 256 made-up rows the compiled model differs from XGBClassifier by up to"
    ):
        model.compile()


def test_columns_without_a_value_and_without_a_test():
    rows = X.assign(empty=np.nan, silent=pd.Series([None] * len(X), dtype=object), constant="x")
    model = ChurnClassifier(default_estimator().set_params(n_estimators=3), calibration=None).fit(rows, Y)
    scorer = model.compile()
    record = {"orders": 1, "plan": "a", "empty": 5.0, "silent": None, "constant": "x"}
    frame = pd.DataFrame([record]).astype({"silent": object})
    assert scorer.score(record) == pytest.approx(model.predict_proba(frame)[0, 1], abs=1e-6)


@pytest.mark.parametrize("columns", [["orders"], ["orders", "plan"]])
def test_an_xgboost_on_prepared_columns_is_refused_with_the_setting_that_mends_it(columns):
    model = ChurnClassifier(XGBClassifier(n_estimators=2, enable_categorical=False), calibration=None)
    with pytest.raises(ParameterError, match=r"one-hot columns, (.|\n)*XGBClassifier\(enable_categorical=True\)"):
        model.fit(X[columns], Y).compile()


@pytest.mark.parametrize("estimator", [LogisticRegression(), RandomForestClassifier(3)], ids=["logistic", "forest"])
def test_categories_that_are_numbers_of_single_precision(estimator):
    rows = pd.DataFrame({"rate": pd.Categorical(np.array([0.1, 0.2, 0.7] * 20, dtype=np.float32))})
    model = ChurnClassifier(estimator, calibration=None).fit(rows, [0, 1, 1] * 20)
    scorer = model.compile()
    records = rows.to_dict("records")
    np.testing.assert_allclose(scorer.score_many(records), model.predict_proba(rows)[:, 1], rtol=1e-12)
    told = [scorer.contributions(record)["rate"] for record in records[:3]]
    np.testing.assert_allclose(told, model.contributions(rows)["rate"].iloc[:3], atol=1e-9)
