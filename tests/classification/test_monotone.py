import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier, XGBRFClassifier

from churnlib.classification import ChurnClassifier, default_estimator
from churnlib.classification._monotone import check_monotone
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from tests.classification.worlds import world

# "silence" raises the risk in this world: +1 goes with the data, -1 against it
WITH, AGAINST = {"silence": 1, "orders": -1}, {"silence": -1, "orders": 1}

ABLE = {
    "default": default_estimator().set_params(n_estimators=30),
    "xgboost, one-hot": XGBClassifier(n_estimators=20, n_jobs=1),
    "xgboost, forest": XGBRFClassifier(n_estimators=20, n_jobs=1, enable_categorical=True),
    "histogram": HistGradientBoostingClassifier(max_iter=15, categorical_features="from_dtype"),
    "histogram, one-hot": HistGradientBoostingClassifier(max_iter=15, categorical_features=None),
    "tree": DecisionTreeClassifier(),
    "extra tree": ExtraTreeClassifier(),
    "forest": RandomForestClassifier(15),
    "extra trees": ExtraTreesClassifier(15),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Keep scikit-learn's histogram boosting from waiting for threads that have nothing to do."""
    with threadpool_limits(limits=1):
        yield


def mixed(n=400, *, seed=0):
    """Rows whose first column is a category, so that the order of the columns matters."""
    X, y = world(n, seed=seed)
    return X[["plan", "silence", "vip", "orders"]], y


def steps(model, X, column, values):
    """Changes of the probability along a column, a row for each step."""
    tried = pd.concat([X.assign(**{column: value}) for value in values])
    return np.diff(model.predict_proba(tried)[:, 1].reshape(len(values), len(X)), axis=0)


def fitted(estimator, monotone, X, y, **options):
    options = {"tune": None, "calibration": None, "cv": 3, "random_state": 0, **options}
    return ChurnClassifier(estimator, monotone=monotone, **options).fit(X, y)


# -- what is promised --------------------------------------------------------------------


@pytest.mark.parametrize("name", ABLE)
def test_the_probability_moves_one_way_only_and_without_the_constraint_it_does_not(name):
    X, y = mixed()
    silence, orders = np.linspace(0, 150, 12), np.arange(8)
    kept = fitted(ABLE[name], AGAINST, X, y)
    assert (steps(kept, X, "silence", silence) <= 1e-6).all()
    assert (steps(kept, X, "orders", orders) >= -1e-6).all()
    free = fitted(ABLE[name], None, X, y)
    assert (steps(free, X, "silence", silence) > 1e-6).any()


@pytest.mark.parametrize("calibration", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("name", ["default", "histogram", "forest"])
def test_calibration_keeps_the_direction(name, calibration):
    X, y = mixed()
    model = fitted(ABLE[name], AGAINST, X, y, calibration=calibration)
    assert model.calibration_ == calibration
    assert (steps(model, X, "silence", np.linspace(0, 150, 12)) <= 1e-6).all()


@pytest.mark.parametrize("calibration", ["sigmoid", "isotonic"])
def test_a_calibration_that_would_turn_a_model_around_gives_the_base_rate_instead(calibration):
    # the model goes down where the labels go up: the best map falls, and a falling map would turn the constraint
    X = pd.DataFrame({"a": [0.0] * 30 + [1.0] * 30})
    y = np.r_[np.zeros(30), np.ones(30)].astype(int)
    everyone = [(np.arange(60), np.arange(60))]
    model = fitted(Contrary(), None, X, y, calibration=calibration, cv=everyone)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 0.5)


class Contrary(LogisticRegression):
    """States the opposite of what it has learned."""

    def predict_proba(self, X):
        return super().predict_proba(X)[:, ::-1]


@given(
    seed=st.integers(0, 2**20),
    signs=st.tuples(st.sampled_from([-1, 0, 1]), st.sampled_from([-1, 0, 1])),
    name=st.sampled_from(["default", "histogram", "tree", "forest"]),
)
def test_on_any_world_every_constraint_holds(seed, signs, name):
    rng = np.random.default_rng(seed)
    n = 80
    X = pd.DataFrame(
        {
            "plan": rng.choice(["a", "b", None], n),
            "u": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "v": rng.integers(0, 4, n),
        }
    )
    y = rng.permutation(np.arange(n) % 2)  # noise: a free model goes both ways
    model = fitted(ABLE[name], dict(zip(["u", "v"], signs, strict=True)), X, y)
    for column, sign, values in (("u", signs[0], np.linspace(-2, 2, 7)), ("v", signs[1], np.arange(4))):
        assert (sign * steps(model, X, column, values) >= -1e-6).all()


def test_tuned_models_keep_their_constraints():
    X, y = mixed()
    model = ChurnClassifier(monotone=AGAINST, random_state=0, cv=2).fit(X, y)
    assert model.tuning_report_ is not None
    assert (steps(model, X, "silence", np.linspace(0, 150, 12)) <= 1e-6).all()


def test_lightgbm_keeps_them_as_well():
    lightgbm = pytest.importorskip("lightgbm")
    X, y = mixed()
    model = fitted(lightgbm.LGBMClassifier(n_estimators=15, verbose=-1, n_jobs=1), AGAINST, X, y)
    assert model.estimator_.get_params()["monotone_constraints"] == [0, -1, 0, 1]
    assert (steps(model, X, "silence", np.linspace(0, 150, 12)) <= 1e-6).all()
    for odd, match in (({"linear_tree": True}, "fits straight lines"), ({"mc": [1, 0, 0, 0]}, "sets its own mc")):
        with pytest.raises(ParameterError, match=match):
            fitted(lightgbm.LGBMClassifier(**odd), AGAINST, X, y)


# -- how it is handed on -----------------------------------------------------------------


def test_the_estimator_of_the_caller_is_not_changed():
    X, y = mixed()
    mine = HistGradientBoostingClassifier(max_iter=3)
    model = fitted(mine, WITH, X, y)
    assert mine.monotonic_cst is None
    assert model.estimator_.monotonic_cst is not None


def test_each_library_gets_the_order_of_its_own_columns():
    X, y = mixed()
    assert fitted(ABLE["default"], WITH, X, y).estimator_.monotone_constraints == "(0,1,0,-1)"
    # after one-hot, numbers come first: silence, vip, orders, then one column for each plan
    assert fitted(DecisionTreeClassifier(), WITH, X, y).estimator_.monotonic_cst == [1, 0, -1, 0, 0, 0]


def test_zero_is_no_constraint_and_asks_nothing_of_the_classifier():
    X, y = mixed(200)
    model = fitted(LogisticRegression(), {"silence": 0}, X, y)
    assert model.card().to_dict()["monotone"] == []


def test_names_that_a_booster_cannot_bear_and_numbers_as_names():
    X, y = mixed(200)
    odd = X.rename(columns={"silence": "days<silent>"})
    assert (
        steps(fitted(ABLE["default"], {"days<silent>": -1}, odd, y), odd, "days<silent>", [0, 50, 99]) <= 1e-6
    ).all()
    numbered = X[["silence", "orders"]].set_axis([0, 1], axis=1)
    assert fitted(ABLE["default"], {0: -1}, numbered, y).card().to_dict()["monotone"][0]["violations"] == 0


def test_the_columns_of_an_array_are_called_x0_and_so_on():
    X, y = mixed(200)
    values = X[["silence", "orders"]].to_numpy(dtype=float)
    assert fitted(ABLE["default"], {"x1": 1}, values, y.to_numpy()).estimator_.monotone_constraints == "(0,1)"


# -- the check on a grid -----------------------------------------------------------------


def test_the_check_counts_steps_the_wrong_way():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0, np.nan], "b": [1, 2, 3, 4]})

    def falls(rows):
        return 1 / (1 + rows["a"].to_numpy())

    (right,) = check_monotone(falls, X, {"a": -1})
    (wrong,) = check_monotone(falls, X, {"a": 1})
    assert (right.points, right.rows, right.violations) == (3, 4, 0)
    assert wrong.violations == 2 * 4
    assert check_monotone(falls, X.assign(a=1.0), {"a": 1})[0].violations == 0


# -- what is refused ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("monotone", "error", "match"),
    [
        ({"silense": 1}, SchemaError, "'silense': did you mean 'silence'"),
        ({"plan": 1}, SchemaError, r"1 columns of categories \(plan\)"),
        ({"silence": 2}, ParameterError, r"'silence': 2"),
        ({"silence": True}, ParameterError, r"'silence': True"),
        ({"silence": "+"}, ParameterError, r"'silence': '\+'"),
        ({"silence": np.nan}, ParameterError, r"'silence': nan"),
        ([1, 0], ParameterTypeError, "monotone is a list"),
    ],
)
def test_what_is_no_constraint_is_refused(monotone, error, match):
    X, y = mixed(100)
    with pytest.raises(error, match=match):
        fitted(ABLE["default"], monotone, X, y)


@pytest.mark.parametrize(
    ("estimator", "match"),
    [
        (LogisticRegression(), "LogisticRegression cannot keep monotone constraints; XGBClassifier, LGBM"),
        (make_pipeline(StandardScaler(), DecisionTreeClassifier()), "the steps of a Pipeline may make other columns"),
        (XGBClassifier(monotone_constraints="(1,0)"), r"sets its own monotone_constraints='\(1,0\)'"),
        (XGBClassifier(monotone_constraints=1), "sets its own monotone_constraints=1"),
        (XGBClassifier(monotone_constraints={"orders": 1}), "sets its own monotone_constraints"),
        (DecisionTreeClassifier(monotonic_cst=[0, 1]), r"sets its own monotonic_cst=\[0, 1\]"),
        (XGBClassifier(booster="gblinear"), r"XGBClassifier\(booster='gblinear'\) fits straight lines"),
    ],
)
def test_classifiers_that_cannot_or_already_do_are_refused(estimator, match):
    X, y = mixed(100)
    with pytest.raises(ParameterError, match=match):
        fitted(estimator, {"orders": 1}, X[["silence", "orders"]], y)


def test_constraints_on_labels_that_do_not_say_which_is_churn_are_refused():
    X, y = mixed(100)
    with pytest.raises(DataError, match="the labels 'churned', 'stayed', of which the second counts as churn"):
        fitted(ABLE["default"], {"orders": 1}, X, y.map({1: "churned", 0: "stayed"}))
