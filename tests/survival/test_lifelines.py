"""Fitters of lifelines as estimators: its own numbers, through our questions."""

import importlib.util
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from churnlib.exceptions import DataError, HistoryError, MissingDependencyError, ParameterError, ParameterTypeError
from churnlib.model_selection import SurvivalKFold
from churnlib.survival import CompetingHazards, HorizonClassifier, LifelinesModel
from churnlib.targets import survival_target

HAS_LIFELINES = importlib.util.find_spec("lifelines") is not None


@pytest.mark.skipif(HAS_LIFELINES, reason="lifelines is installed here")
def test_without_lifelines_the_error_says_how_to_get_it():
    y = survival_target([1, 0], [1, 2])
    with pytest.raises(
        MissingDependencyError, match=r'(?s)asks for pandas below 3.*pip install "churnlib\[lifelines\]"'
    ):
        LifelinesModel().fit(np.zeros((2, 1)), y)


if HAS_LIFELINES:
    import lifelines
    from lifelines.datasets import load_rossi

needs_lifelines = pytest.mark.skipif(
    not HAS_LIFELINES, reason="lifelines is not installed: it asks for pandas below 3 (make test-lifelines)"
)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def rossi():
    if not HAS_LIFELINES:
        pytest.skip("lifelines is not installed: it asks for pandas below 3 (make test-lifelines)")
    frame = load_rossi()
    return frame.drop(columns=["week", "arrest"]), survival_target(frame["arrest"], frame["week"])


# Rossi et al. (1980), 432 released, 114 arrested: from R's survreg. lifelines stops up to 1e-4 short of the maximum.
@pytest.mark.parametrize(
    ("fitter", "loglik"),
    [("weibull", -679.9165639), ("lognormal", -683.2346253), ("loglogistic", -679.9384111)],
)
def test_golden_log_likelihoods(rossi, fitter, loglik):
    model = LifelinesModel(fitter).fit(*rossi)
    assert model.fitter_.log_likelihood_ == pytest.approx(loglik, abs=2e-4)
    if fitter == "weibull":
        assert np.exp(-model.fitter_.params_["rho_"]["Intercept"]) == pytest.approx(0.7124053, abs=1e-5)


def test_golden_log_likelihood_without_features(rossi):
    model = LifelinesModel(lifelines.WeibullFitter()).fit(*rossi)
    assert model.fitter_.log_likelihood_ == pytest.approx(-696.6243969, abs=1e-6)


def fitters():
    if not HAS_LIFELINES:
        return []
    return [
        lifelines.WeibullAFTFitter(penalizer=0.01),
        lifelines.LogNormalAFTFitter(),
        lifelines.LogLogisticAFTFitter(),
        lifelines.PiecewiseExponentialRegressionFitter(breakpoints=[20, 40], penalizer=0.1),
        lifelines.CoxPHFitter(),
        lifelines.CoxPHFitter(strata=["wexp"]),
        lifelines.CoxPHFitter(baseline_estimation_method="spline", n_baseline_knots=3),
    ]


@needs_lifelines
@pytest.mark.parametrize("fitter", fitters(), ids=lambda fitter: type(fitter).__name__)
def test_predictions_are_those_of_lifelines(rossi, fitter):
    X, y = rossi
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what lifelines says of its own fits
        model = LifelinesModel(fitter).fit(X, y)
    times = [3.0, 20.0, 30.5, 52.0]
    theirs = model.fitter_.predict_survival_function(X, times=times)[X.index].T.to_numpy()
    np.testing.assert_allclose(model.predict_survival_function(X, times), theirs, atol=1e-10)
    given = np.where(np.arange(len(X)) % 3 == 0, 4.0, 17.5)
    for since in (4.0, 17.5):
        some = X[given == since]
        both = model.fitter_.predict_survival_function(some, times=[since, since + 20])[some.index].T.to_numpy()
        ours = model.predict_churn_probability(X, 20, given=given)[given == since]
        np.testing.assert_allclose(1 - ours, both[:, 1] / both[:, 0], atol=1e-10)


@needs_lifelines
def test_conditional_predictions_are_those_of_lifelines(rossi):
    X, y = rossi
    model = LifelinesModel("lognormal").fit(X, y)
    given = y["time"] * 0.4
    theirs = model.fitter_.predict_survival_function(X, times=[5, 10.5], conditional_after=given).T.to_numpy()
    np.testing.assert_allclose(model.predict_survival_function(X, [5, 10.5], given=given), theirs, atol=1e-10)


@needs_lifelines
def test_fitters_without_features(rossi):
    X, y = rossi
    times = np.array([0.0, 3, 20, 20.5, 52])
    for name in ("KaplanMeierFitter", "LogNormalFitter", "BreslowFlemingHarringtonFitter"):
        model = LifelinesModel(getattr(lifelines, name)()).fit(X, y)
        theirs = np.asarray(model.fitter_.survival_function_at_times(np.maximum(times, 1e-9)))
        np.testing.assert_allclose(model.predict_survival_function(X[:2], times)[1], theirs, atol=1e-10)
    model = LifelinesModel(lifelines.NelsonAalenFitter()).fit(X, y)
    theirs = np.asarray(model.fitter_.cumulative_hazard_at_times(times[1:]))
    np.testing.assert_allclose(model.predict_cumulative_hazard(X[:1], times[1:])[0], theirs, atol=1e-10)
    assert not model.parametric_


@needs_lifelines
def test_additive_hazards_step_at_their_own_times(rossi):
    X, y = rossi
    model = LifelinesModel(lifelines.AalenAdditiveFitter(coef_penalizer=0.1)).fit(X, y)
    theirs = model.fitter_.predict_cumulative_hazard(X[:5])
    moments = theirs.index.to_numpy()[[5, 20, 40]]
    rising = np.maximum.accumulate(np.maximum(theirs.to_numpy(), 0.0), axis=0)
    np.testing.assert_allclose(model.predict_cumulative_hazard(X[:5], moments), rising[[5, 20, 40]].T, atol=1e-10)
    between = model.predict_cumulative_hazard(X[:5], moments + 0.5)
    np.testing.assert_array_equal(between, model.predict_cumulative_hazard(X[:5], moments))


@needs_lifelines
def test_weights_and_delayed_entry_reach_the_fitter(rossi):
    X, y = rossi
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    counted = LifelinesModel("weibull").fit(X, y, sample_weight=weight)
    repeated = LifelinesModel("weibull").fit(
        X.loc[X.index.repeat(weight.astype(int))], np.repeat(y, weight.astype(int))
    )
    np.testing.assert_allclose(
        counted.predict_survival_function(X, [10, 40]), repeated.predict_survival_function(X, [10, 40]), atol=1e-4
    )
    entry = np.minimum(y["time"] - 1, 3)
    late = survival_target(y["event"], y["time"], entry=entry)
    direct = lifelines.WeibullAFTFitter().fit(
        X.assign(T=y["time"], E=y["event"], since=entry), "T", "E", entry_col="since"
    )
    found = LifelinesModel("weibull").fit(X, late)
    assert found.fitter_.log_likelihood_ == pytest.approx(direct.log_likelihood_, abs=1e-9)
    curve = LifelinesModel(lifelines.WeibullFitter()).fit(X, late)
    assert curve.fitter_.log_likelihood_ != pytest.approx(-696.6243969, abs=0.1)


@needs_lifelines
def test_the_area_under_cox_is_that_of_straight_lines_between_the_jumps(rossi):
    X, y = rossi
    model = LifelinesModel(lifelines.CoxPHFitter()).fit(X, y)
    assert (model.predict_survival_function(X[:5], [0]) == 1).all()
    grid = np.linspace(0, 40, 20_001)
    survival = model.predict_survival_function(X[:5], (grid[1:] + grid[:-1]) / 2)
    expected = (survival * np.diff(grid)).sum(axis=1)
    np.testing.assert_allclose(model.predict_expected_lifetime(X[:5], until=40), expected, atol=2e-3)


@needs_lifelines
def test_a_fitter_without_delayed_entry_says_so(rossi):
    X, y = rossi
    late = survival_target(y["event"], y["time"], entry=np.minimum(y["time"] - 1, 3))
    with pytest.raises(DataError, match="rows have a delayed entry, and AalenAdditiveFitter takes none"):
        LifelinesModel(lifelines.AalenAdditiveFitter(coef_penalizer=1.0)).fit(X, late)


@needs_lifelines
def test_past_the_data_only_where_asked(rossi):
    X, y = rossi
    with pytest.raises(HistoryError, match="nobody was watched beyond 52"):
        LifelinesModel("weibull").fit(X, y).predict_churn_probability(X, 100)
    model = LifelinesModel("weibull", beyond="extrapolate").fit(X, y)
    theirs = model.fitter_.predict_survival_function(X, times=[100]).T.to_numpy()[:, 0]
    np.testing.assert_allclose(1 - model.predict_churn_probability(X, 100), theirs, atol=1e-10)
    # Without a shape of its own the hazard of the last tenth goes on.
    cox = LifelinesModel(lifelines.CoxPHFitter(), beyond="extrapolate").fit(X, y)
    survival = cox.predict_survival_function(X[:5], [46.8, 52.0, 57.2])
    np.testing.assert_allclose(survival[:, 2] / survival[:, 1], survival[:, 1] / survival[:, 0], rtol=1e-8)


@needs_lifelines
def test_formulas_categories_and_names_that_are_taken(rossi):
    X, y = rossi
    frame = X.assign(group=np.where(X["race"] == 1, "a", "b"), duration_col=X["age"])
    model = LifelinesModel("weibull", fit_options={"formula": "age + group + prio", "ancillary": True}).fit(frame, y)
    direct = lifelines.WeibullAFTFitter().fit(
        frame.assign(T=y["time"], E=y["event"]), "T", "E", formula="age + group + prio", ancillary=True
    )
    assert model.fitter_.log_likelihood_ == pytest.approx(direct.log_likelihood_, abs=1e-9)
    theirs = direct.predict_survival_function(frame, times=[20]).T.to_numpy()
    np.testing.assert_allclose(model.predict_survival_function(frame, [20]), theirs, atol=1e-10)


@needs_lifelines
def test_risk_lifetime_and_arrays(rossi):
    X, y = rossi
    cox = LifelinesModel(lifelines.CoxPHFitter()).fit(X, y)
    assert cox.score(X, y) == pytest.approx(0.6403292471, abs=1e-6)
    model = LifelinesModel("weibull").fit(X.to_numpy(dtype=float), y)
    assert model.score(X.to_numpy(dtype=float), y) == pytest.approx(0.64, abs=0.01)
    assert model.fitter_.params_["lambda_"].index.tolist()[0].startswith("x")
    grid = np.linspace(0, 50, 4001)
    survival = model.predict_survival_function(X.to_numpy(dtype=float)[:3], grid)
    area = trapezoid(survival, grid)
    np.testing.assert_allclose(model.predict_expected_lifetime(X.to_numpy(dtype=float)[:3], until=50), area, rtol=1e-6)


@needs_lifelines
def test_as_an_estimator(rossi):
    X, y = rossi
    model = LifelinesModel(lifelines.WeibullAFTFitter(penalizer=0.01))
    copied = clone(model)
    assert copied.fitter is not model.fitter
    assert copied.fitter.penalizer == 0.01
    fitted = model.fit(X, y)
    assert not hasattr(model.fitter, "params_")  # a copy is fitted
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_survival_function(X, [20]), fitted.predict_survival_function(X, [20]))
    search = GridSearchCV(LifelinesModel(), {"fitter": ["weibull", "lognormal"]}, cv=SurvivalKFold(2)).fit(X, y)
    assert search.best_params_["fitter"] in {"weibull", "lognormal"}
    chance = HorizonClassifier(LifelinesModel(), horizon=20).fit(X, y).predict_proba(X)[:, 1]
    np.testing.assert_array_equal(chance, LifelinesModel().fit(X, y).predict_churn_probability(X, 20))


@needs_lifelines
def test_competing_causes_of_smooth_models(rossi):
    X, y = rossi
    several = survival_target(y["event"] * (1 + np.arange(len(y)) % 2), y["time"], causes=["a", "b"])
    model = CompetingHazards(LifelinesModel("weibull")).fit(X, several)
    times = [5.0, 20.0, 50.0]
    incidence, survival = (
        model.predict_cumulative_incidence(X[:9], times, given=1.5),
        model.predict_survival_function(X[:9], times, given=1.5),
    )
    np.testing.assert_allclose(incidence.sum(axis=1) + survival, 1.0, atol=1e-12)


@needs_lifelines
def test_bad_fitters(rossi):
    X, y = rossi
    with pytest.raises(ParameterError, match="did you mean 'weibull'"):
        LifelinesModel("weibul").fit(X, y)
    with pytest.raises(ParameterTypeError, match="fitter is a dict"):
        LifelinesModel({}).fit(X, y)
    with pytest.raises(ParameterError, match="breaks ties of different causes at random"):
        LifelinesModel(lifelines.AalenJohansenFitter()).fit(X, y)
    with pytest.raises(ParameterError, match="does not take CoxTimeVaryingFitter"):
        LifelinesModel(lifelines.CoxTimeVaryingFitter()).fit(X, y)


@needs_lifelines
def test_bad_rows(rossi):
    X, y = rossi
    holes = X.astype(float)
    holes.iloc[3, 1] = np.nan
    with pytest.raises(DataError, match=r"(?s)missing values \(NaN\) in age \(row 3\).*SimpleImputer"):
        LifelinesModel().fit(holes, y)
    with pytest.raises(DataError, match="there is 1 row"):
        LifelinesModel().fit(X[:1], survival_target([1], [3]))
    apart = pd.DataFrame({"tells": y["event"] * 1.0, "same": 1.0 - y["event"]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DataError, match="CoxPHFitter did not converge"):
            LifelinesModel(lifelines.CoxPHFitter()).fit(apart, y)
