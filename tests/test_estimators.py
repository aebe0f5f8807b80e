"""What every estimator of the registry must do, scikit-learn's own checks first."""

import importlib.util
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.validation import check_is_fitted

from churnlib.classification import ChurnClassifier, ProfitThresholdClassifier
from churnlib.economics import RetentionOffer
from churnlib.exceptions import ChurnlibError
from churnlib.segmentation import RFMScorer, RFMSegmenter, Tag
from churnlib.survival import CoxModel, KaplanMeier
from churnlib.testing import all_estimators
from tests.any_numbers import STAND_INS
from tests.segmentation.stages import Alive, AnyNumbersStage

_WEIGHTS = (
    "a weight of two is not a row written twice: the default samples rows, folds hold whole rows, and "
    "imputation and scaling before other classifiers do not weigh rows; test_sample_weights_count_rows "
    "shows the equality where nothing of that stands between"
)

_HAZARD_WEIGHTS = (
    "the check has more columns than rows, where the partial likelihood has no maximum without a penalty; that "
    "weights are repeated rows is shown in the tests of the room survival"
)
_SEPARATED = "of sixteen rows that a line parts lifelines finds no finite coefficients, and this is said"
_TREES = "a weight of two is not a row written twice: trees sample rows, and folds hold whole rows"

_UPLIFT_WEIGHTS = (
    "a weight of two is not a row written twice: folds hold whole rows and the forest of effects samples them; "
    "tests/uplift shows the equality with models inside that sample nothing"
)

# At most three a class, each with its reason; none about clone, pickle, parameters, names or idempotence.
EXPECTED_FAILURES: dict[str, dict[str, str]] = {
    "ChurnClassifier": {"check_sample_weight_equivalence_on_dense_data": _WEIGHTS},
    "CompetingHazards": {"check_sample_weight_equivalence_on_dense_data": _HAZARD_WEIGHTS},
    "CoxModel": {"check_sample_weight_equivalence_on_dense_data": _HAZARD_WEIGHTS},
    "HorizonClassifier": {"check_sample_weight_equivalence_on_dense_data": _HAZARD_WEIGHTS},
    "LifelinesModel": {
        "check_sample_weight_equivalence_on_dense_data": _HAZARD_WEIGHTS,
        "check_sample_weights_shape": _SEPARATED,
        "check_sample_weights_not_overwritten": _SEPARATED,
    },
    "XGBAFTModel": {"check_sample_weight_equivalence_on_dense_data": _TREES},
    "XGBCoxModel": {"check_sample_weight_equivalence_on_dense_data": _TREES},
    **{
        name: {"check_sample_weight_equivalence_on_dense_data": _UPLIFT_WEIGHTS}
        for name in ("DRLearner", "IsotonicUplift", "RLearner", "TransformedOutcomeLearner", "XLearner")
    },
}

if sklearn.__version__.startswith("1.6."):
    # it names the two classes after the first label of each of two differently ordered y
    _FIRST = "scikit-learn 1.6 asks for one set of labels with weights and for another with repeated rows"
    EXPECTED_FAILURES["ProfitThresholdClassifier"] = dict.fromkeys(
        (f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")), _FIRST
    )

# What a class cannot be made without. At one half this offer decides as the probability does, which is what
# scikit-learn's checks of classifiers expect.
REQUIRED: dict[str, dict[str, Any]] = {
    "CostThreshold": {"learner": LinearRegression()},
    "ProfitThresholdClassifier": {
        "estimator": LogisticRegression(),
        "offer": RetentionOffer(accept_rate=1, clv=20, offer_cost=10),
    },
}

# Settings beyond the defaults that take another path through fit.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "ChurnClassifier": [
        {"estimator": LogisticRegression()},
        {"calibration": "isotonic", "cv": 3, "tune": None},
    ],
    "CompetingHazards": [
        {"estimator": KaplanMeier()},
    ],
    "CoxModel": [
        {"alpha": 0.1, "ties": "breslow", "baseline": "kalbfleisch-prentice"},
    ],
    "CureModel": [
        {"latency": "lognormal", "l2": 0.1},
    ],
    "HorizonClassifier": [
        {"hazard": CoxModel(alpha=0.1), "horizon": 40},
    ],
    "LifecycleStage": [
        {"basis": "gap", "cohort": "cohort", "min_customers": 2},
        {"basis": "p_alive", "model": Alive()},
    ],
    "RFMClusterSegmenter": [
        {"n_clusters": 3, "scaling": "rank"},
    ],
    "RFMScorer": [
        {"n_bins": 3},
    ],
    "RFMSegmenter": [
        {"scorer": RFMScorer(n_bins=2), "segments": {(1, 1): "d", (1, 2): "c", (2, 1): "b", (2, 2): "a"}},
    ],
    "TagRules": [
        {"tags": [Tag("positive", "x0 > 0").approve(by="Ann", on="2026-03-01")]},
    ],
}


class NumberedSegmenter(RFMSegmenter):
    __doc__ = RFMSegmenter.__doc__

    def predict(self, X):
        names = super().predict(X)
        return np.searchsorted(self.classes_, names)


# What cannot be fitted without an optional package is checked where it is installed.
NEEDS = {"LifelinesModel": "lifelines"}

# Who reads texts cannot be given numbers, and says so; tests/reasons/test_complaints.py shows the same there.
READS_TEXTS = ("ComplaintClassifier",)


# The checks name classes; a decision on names is refused.
class AnyLabels(ProfitThresholdClassifier):
    __doc__ = ProfitThresholdClassifier.__doc__

    def predict(self, X, clv=None):
        check_is_fitted(self)
        named, self.classes_ = self.classes_, np.array([0, 1])
        try:
            return named[super().predict(X, clv)]
        finally:
            self.classes_ = named


# Who predicts names shows the checks their positions in `classes_`: the checks subtract predictions.
# A stage moreover asks of its rows what random numbers break, such as a last order after the first.
NUMBERED: dict[str, type[Any]] = {"RFMSegmenter": NumberedSegmenter, "LifecycleStage": AnyNumbersStage} | STAND_INS
NUMBERED["ProfitThresholdClassifier"] = AnyLabels

NEVER_EXPECTED = ("clone", "pickle", "param", "feature_name", "idempoten", "dict_unchanged", "n_features")


def instances() -> list[Any]:
    """Every estimator with its defaults, and in its variants."""
    return [
        cls(**(REQUIRED.get(name, {}) | given))
        for name, cls in all_estimators()
        for given in [{}, *VARIANTS.get(name, [])]
    ]


def identity(value: Any) -> str:
    return repr(value).replace("\n", "")[:60] if not inspect.isroutine(value) else value.__name__


def checks() -> list[Any]:
    """Each of scikit-learn's checks, as a parameter of its own."""
    found = []
    for estimator in instances():
        name = type(estimator).__name__
        if name in READS_TEXTS:
            continue
        if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
            continue
        expected = EXPECTED_FAILURES.get(name, {})
        shown = NUMBERED.get(name, type(estimator))(**estimator.get_params(deep=False))
        for instance, check in estimator_checks_generator(shown, legacy=True):
            name = check.func.__name__
            marks = [pytest.mark.xfail(reason=expected[name], strict=False)] if name in expected else []
            found.append(pytest.param(instance, check, marks=marks, id=f"{identity(estimator)}-{name}"))
    return found


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(("estimator", "check"), checks())
def test_scikit_learn_s_own_check(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def test_expected_failures_are_few_and_harmless():
    known = dict(all_estimators())
    for name, expected in EXPECTED_FAILURES.items():
        assert name in known
        assert len(expected) <= 3
        assert all(len(reason) > 20 for reason in expected.values())
        assert not [check for check in expected if any(word in check for word in NEVER_EXPECTED)]


def classifiers() -> list[Any]:
    """Those that learn from labels; what learns from survival or texts is shown to do the same in its tests."""
    apart = ("HorizonClassifier", "ProfitThresholdClassifier", *READS_TEXTS)
    plain = [cls() for name, cls in all_estimators(kind="classifier") if name not in apart]
    inner = ChurnClassifier(LogisticRegression(), calibration=None)
    return [*plain, ProfitThresholdClassifier(inner, offer=REQUIRED["ProfitThresholdClassifier"]["offer"])]


def rows(n: int = 120) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    index = pd.Index(np.arange(n), name="customer_id")
    X = pd.DataFrame({"silence": rng.exponential(30, n), "plan": rng.choice(["a", "b"], n)}, index=index)
    y = pd.Series((rng.random(n) < np.where(X["silence"] > 30, 0.7, 0.2)).astype("int8"), index=index, name="churn")
    return X, y


@pytest.mark.parametrize("estimator", instances(), ids=identity)
class TestEveryEstimator:
    def test_constructor_only_stores(self, estimator):
        parameters = inspect.signature(type(estimator).__init__).parameters
        assert sorted(vars(estimator)) == sorted(name for name in parameters if name != "self")

    def test_options_are_keyword_only(self, estimator):
        positional = [
            parameter.name
            for parameter in inspect.signature(type(estimator)).parameters.values()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        assert len(positional) <= 1

    def test_clone_has_the_same_parameters(self, estimator):
        copied = clone(estimator)
        assert copied is not estimator
        assert repr(copied.get_params()) == repr(estimator.get_params())

    def test_unfitted_survives_pickle(self, estimator):
        assert repr(pickle.loads(pickle.dumps(estimator))) == repr(estimator)


@pytest.mark.parametrize("estimator", classifiers(), ids=identity)
class TestEveryClassifier:
    def test_fitting_again_gives_the_same_bytes(self, estimator):
        X, y = rows()
        once = estimator.fit(X, y).predict_proba(X)
        np.testing.assert_array_equal(estimator.fit(X, y).predict_proba(X), once)
        np.testing.assert_array_equal(clone(estimator).fit(X, y).predict_proba(X), once)

    def test_fitted_survives_pickle(self, estimator):
        X, y = rows()
        fitted = estimator.fit(X, y)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))

    def test_no_input_is_modified(self, estimator):
        X, y = rows()
        before = X.copy(deep=True), y.copy(deep=True)
        estimator.fit(X, y).predict_proba(X)
        pd.testing.assert_frame_equal(X, before[0])
        pd.testing.assert_series_equal(y, before[1])

    def test_parameters_are_not_changed_by_fit(self, estimator):
        before = repr(estimator.get_params())
        assert repr(estimator.fit(*rows()).get_params()) == before

    def test_names_are_remembered_and_their_order_matters(self, estimator):
        X, y = rows()
        fitted = estimator.fit(X, y)
        assert fitted.feature_names_in_.tolist() == ["silence", "plan"]
        assert fitted.n_features_in_ == 2
        with pytest.raises(ChurnlibError, match="must be in the same order as they were in fit"):
            fitted.predict_proba(X[["plan", "silence"]])

    def test_larger_probability_means_churn(self, estimator):
        X, y = rows(400)
        probability = estimator.fit(X, y).predict_proba(X)[:, 1]
        assert probability[(y == 1).to_numpy()].mean() > probability[(y == 0).to_numpy()].mean()

    def test_one_class_is_a_clear_error(self, estimator):
        X, y = rows()
        with pytest.raises(ChurnlibError, match="one class only"):
            estimator.fit(X, y * 0)

    def test_missing_labels_are_a_clear_error(self, estimator):
        X, y = rows()
        with pytest.raises(ChurnlibError, match="y is missing"):
            estimator.fit(X, y.astype(float).where(np.arange(len(y)) > 3))

    def test_works_as_the_last_step_of_a_pipeline(self, estimator):
        X, y = rows()
        pipeline = make_pipeline("passthrough", estimator).fit(X, y)
        np.testing.assert_array_equal(pipeline.predict_proba(X), estimator.fit(X, y).predict_proba(X))
