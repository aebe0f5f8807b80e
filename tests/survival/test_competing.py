"""Several causes: incidences and survival make one, and are those of Aalen and Johansen."""

import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from scipy.integrate import quad
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churnlib.exceptions import DataError, HistoryError, ParameterError, ParameterTypeError
from churnlib.survival import AalenJohansen, CompetingHazards, CoxModel, KaplanMeier
from churnlib.survival._hazard_model import HazardModel
from churnlib.targets import survival_target
from tests.strategies import watched_rows


class TwoWeibulls(HazardModel):
    """A smooth model with known hazards: the more often its cause was seen, the steeper."""

    _steps = False

    def __init__(self, *, shape=1.0, beyond="raise"):
        self.shape = shape
        self.beyond = beyond

    def _fit(self, X, rows, weight):
        self.times_ = np.unique(rows.time)
        self.rate_ = weight[rows.observed].sum() / 100
        self.power_ = self.shape * (1 + self.rate_)

    def _log_survival(self, X, times):
        return -((np.exp(X[:, :1]) * self.rate_ * times) ** self.power_)


def exponential_world(n: int, *, months: bool = False, seed: int = 0):
    """Voluntary churn at .03, failed payments at .02, lost from sight between 12 and 60."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    by_cause = rng.exponential([1 / 0.03, 1 / 0.02], (n, 2))
    left, cause = by_cause.min(axis=1), by_cause.argmin(axis=1) + 1
    seen = rng.uniform(12, 60, n)
    if months:
        left, seen = np.ceil(left), np.floor(seen)
    y = survival_target(np.where(left <= seen, cause, 0), np.minimum(left, seen), causes=["voluntary", "payment"])
    return X, y


VOLUNTARY_24 = 0.6 * (1 - np.exp(-0.05 * 24))  # .41928


@pytest.mark.parametrize("months", [False, True])
@pytest.mark.parametrize("estimator", [KaplanMeier(), CoxModel()])
def test_voluntary_incidence_is_that_of_competing_exponentials(estimator, months):
    X, y = exponential_world(20_000, months=months)
    model = CompetingHazards(estimator, causes=["voluntary", "payment"]).fit(X, y)
    voluntary = model.predict_churn_probability(X[:200], 24, cause="voluntary").mean()
    assert pytest.approx(0.41928, abs=1e-5) == VOLUNTARY_24
    assert voluntary == pytest.approx(VOLUNTARY_24, abs=0.01)
    alone = KaplanMeier().fit(X, survival_target(y["event"] == 1, y["time"]))
    assert alone.predict_churn_probability(X[:1], 24)[0] > VOLUNTARY_24 + 0.08  # what the others as censored would say


def test_given_tenure_the_incidence_is_that_of_those_still_here():
    X, y = exponential_world(20_000)
    model = CompetingHazards(CoxModel()).fit(X, y)
    ahead = model.predict_churn_probability(X[:200], 12, given=20, cause=2).mean()
    assert ahead == pytest.approx(0.4 * (1 - np.exp(-0.05 * 12)), abs=0.01)


@given(watched_rows(n_causes=2, entry=False))
def test_kaplan_meier_by_cause_is_aalen_johansen(rows):
    assume(set(rows.event) >= {1, 2})
    weight = np.ones(len(rows.time)) if rows.weight is None else rows.weight
    assume(all((weight * (rows.event == k)).sum() > 0 for k in (1, 2)))
    X = np.zeros((len(rows.time), 1))
    y = survival_target(rows.event, rows.time, causes=["a", "b"])
    model = CompetingHazards(KaplanMeier()).fit(X, y, sample_weight=rows.weight)
    exact = AalenJohansen().fit(X, y, sample_weight=rows.weight)
    times = np.unique(rows.time)
    times = times[times <= min(model.support_[1], exact.support_[1])]
    np.testing.assert_allclose(
        model.predict_cumulative_incidence(X[:1], times), exact.predict_cumulative_incidence(X[:1], times), atol=1e-12
    )


@given(watched_rows(n_causes=3, entry=False, weight=False))
def test_incidences_and_survival_make_one(rows):
    assume(set(rows.event) >= {1, 2, 3})
    rng = np.random.default_rng(0)
    X = rng.normal(size=(len(rows.time), 1))
    y = survival_target(rows.event, rows.time, causes=["a", "b", "c"])
    for estimator in (KaplanMeier(), TwoWeibulls()):
        model = CompetingHazards(estimator).fit(X, y)
        times = np.linspace(0, model.support_[1], 9)
        incidence = model.predict_cumulative_incidence(X, times)
        survival = model.predict_survival_function(X, times)
        np.testing.assert_allclose(incidence.sum(axis=1) + survival, 1.0, atol=1e-12)
        assert (np.diff(incidence, axis=2) >= -1e-15).all()
        assert (incidence >= 0).all()


def test_incidences_and_survival_make_one_given_a_tenure_and_with_delayed_entry():
    X, y = exponential_world(3_000)
    entry = np.random.default_rng(1).uniform(0, 0.9, len(y)) * y["time"]
    late = survival_target(y["event"], y["time"], entry=entry, causes=["a", "b"])
    model = CompetingHazards(CoxModel()).fit(X, late)
    given = np.linspace(1, 30, 50)
    times = [0.0, 0.5, 4, 20]
    incidence = model.predict_cumulative_incidence(X[:50], times, given=given)
    survival = model.predict_survival_function(X[:50], times, given=given)
    np.testing.assert_allclose(incidence.sum(axis=1) + survival, 1.0, atol=1e-12)
    assert incidence[:, 0, 1:3].mean() > 0


def test_without_ties_of_causes_survival_is_the_product_of_the_causes():
    X, y = exponential_world(500)
    model = CompetingHazards(CoxModel()).fit(X, y)
    times = [5.0, 20.0, 50.0]
    product = np.prod([fitted.predict_survival_function(X, times) for fitted in model.estimators_], axis=0)
    np.testing.assert_allclose(model.predict_survival_function(X, times), product, atol=1e-12)


@pytest.mark.parametrize("shape", [0.6, 1.7])
def test_smooth_hazards_are_integrated(shape):
    X, y = exponential_world(300)
    model = CompetingHazards(TwoWeibulls(shape=shape)).fit(X, y)
    parts = model.estimators_
    row = X[:1]

    def density(t, k):
        rate, power = np.exp(row[0, 0]) * parts[k].rate_, parts[k].power_
        hazard = power * rate * (rate * t) ** (power - 1)
        return hazard * np.exp(sum(part._log_survival(row, np.array([[t]]))[0, 0] for part in parts))

    for t in (0.5, 3.0, 20.0):
        exact = [quad(density, 0, t, args=(k,), epsabs=1e-11, points=[t / 1000])[0] for k in (0, 1)]
        found = model.predict_cumulative_incidence(row, [t])[0, :, 0]
        np.testing.assert_allclose(found, exact, atol=1e-5)
        several = model.predict_cumulative_incidence(row, [20.0, t, 3.0])[0, :, 1]  # in any order
        np.testing.assert_allclose(several, exact, atol=1e-4)
        reached = np.exp(sum(part._log_survival(row, np.array([[0.2]]))[0, 0] for part in parts))
        ahead = [quad(density, 0.2, t, args=(k,), epsabs=1e-11)[0] / reached for k in (0, 1)]
        found = model.predict_cumulative_incidence(row, [0, t - 0.2], given=0.2)[0]
        np.testing.assert_allclose(found, np.column_stack([[0, 0], ahead]), atol=2e-6)


@pytest.mark.parametrize("beyond", ["raise", "nan", "hold", "extrapolate"])
def test_smooth_incidences_and_survival_make_one_given_a_tenure(beyond):
    X, y = exponential_world(300)
    model = CompetingHazards(TwoWeibulls(shape=1.4), beyond=beyond).fit(X, y)
    tenure = np.linspace(0, 30, 60)
    times = [0.0, 0.5, 4, 20] if beyond in ("raise", "nan") else [0.0, 0.5, 4, 20, 100]
    incidence = model.predict_cumulative_incidence(X[:60], times, given=tenure)
    survival = model.predict_survival_function(X[:60], times, given=tenure)
    np.testing.assert_allclose(incidence.sum(axis=1) + survival, 1.0, atol=1e-12)
    alone = model.predict_churn_probability(X[:60], 20, given=tenure, cause=2)
    np.testing.assert_allclose(alone, incidence[:, 1, 3], atol=2e-6)
    if beyond == "nan":
        late = model.predict_cumulative_incidence(X[:2], [1, 100], given=[0, 30])
        assert np.isnan(late).tolist() == [[[False, True]] * 2] * 2


def test_hazards_that_add_up_to_more_than_one_are_scaled_to_one():
    class Stepwise(TwoWeibulls):
        _steps = True

    X, y = exponential_world(300, months=True)
    model = CompetingHazards(Stepwise()).fit(X, y)
    row = np.array([[3.0, 0.0]])
    alone = [fitted.predict_hazard(row, [1.0])[0, 0] for fitted in model.estimators_]
    assert sum(alone) > 1
    incidence = model.predict_cumulative_incidence(row, [1, 3])
    assert model.predict_survival_function(row, [1, 3]).tolist() == [[0.0, 0.0]]
    np.testing.assert_allclose(incidence[0, :, 0], np.array(alone) / sum(alone), atol=1e-12)
    np.testing.assert_allclose(incidence.sum(axis=1), 1.0, atol=1e-12)


def test_takes_a_pipeline_weights_and_names():
    X, y = exponential_world(600)
    weight = np.random.default_rng(2).integers(0, 3, len(y))
    pipeline = CompetingHazards(make_pipeline(StandardScaler(), CoxModel()), causes=["voluntary", "payment"])
    bare = CompetingHazards(CoxModel(), causes=["voluntary", "payment"])
    inside, outside = pipeline.fit(X, y, sample_weight=weight), bare.fit(X, y, sample_weight=weight)
    repeated = clone(bare).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    for cause in ("voluntary", "payment"):
        found = inside.predict_churn_probability(X[:9], 20, cause=cause)
        np.testing.assert_allclose(found, outside.predict_churn_probability(X[:9], 20, cause=cause), atol=1e-6)
        # Efron's ties of repeated rows are not those of weights: with continuous times both are close.
        np.testing.assert_allclose(found, repeated.predict_churn_probability(X[:9], 20, cause=cause), atol=0.01)
    assert inside.causes_ == ("voluntary", "payment")


def test_blocks_of_rows_change_nothing(monkeypatch):
    X, y = exponential_world(400, months=True)
    model = CompetingHazards(CoxModel()).fit(X, y)
    whole = model.predict_cumulative_incidence(X, [3, 9], given=2.0)
    monkeypatch.setattr("churnlib.survival._hazard_model._CELLS", 700)
    np.testing.assert_allclose(model.predict_cumulative_incidence(X, [3, 9], given=2.0), whole, atol=1e-15)


def test_pickle_and_clone():
    X, y = exponential_world(200)
    model = CompetingHazards(CoxModel(), causes=["a", "b"]).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert repr(clone(model)) == repr(model)
    assert np.isfinite(model.predict(X)).all()


def test_one_cause_is_the_model_itself():
    X, y = exponential_world(300)
    one = survival_target(y["event"] > 0, y["time"])
    model, plain = CompetingHazards().fit(X, one), CoxModel().fit(X, one)
    np.testing.assert_allclose(
        model.predict_churn_probability(X, 20), plain.predict_churn_probability(X, 20), atol=1e-12
    )


def test_a_cause_that_nobody_left_by_is_named():
    X, y = exponential_world(50)
    with pytest.raises(DataError, match=r"nobody of 50 rows left by cause 'moved'"):
        CompetingHazards(KaplanMeier(), causes=["voluntary", "payment", "moved"]).fit(X, y)


def test_more_causes_than_names():
    X, y = exponential_world(50)
    with pytest.raises(DataError, match="causes names 1"):
        CompetingHazards(KaplanMeier(), causes=["voluntary"]).fit(X, y)


def test_an_unknown_cause_and_a_horizon_beyond_the_data():
    X, y = exponential_world(200)
    model = CompetingHazards(KaplanMeier(), causes=["voluntary", "payment"]).fit(X, y)
    with pytest.raises(ParameterError, match=r"cause='volunteer' is not known.*voluntary"):
        model.predict_churn_probability(X, 5, cause="volunteer")
    with pytest.raises(HistoryError, match="nobody was watched beyond"):
        model.predict_churn_probability(X, 500)


def test_what_is_no_hazard_model():
    from sklearn.linear_model import LinearRegression

    class Learns(LinearRegression):
        def fit(self, X, y):
            return self

        def predict_survival_function(self, X, times):
            return None

    X, y = exponential_world(50)
    with pytest.raises(ParameterTypeError, match="which is no hazard model"):
        CompetingHazards(Learns()).fit(X, y)
