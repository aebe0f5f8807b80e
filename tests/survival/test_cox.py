"""CoxModel: published and reference numbers, what its predictions must obey, and what it refuses."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churnlib.exceptions import AssumptionWarning, DataError, HistoryError, ParameterError
from churnlib.survival import CoxModel, KaplanMeier
from churnlib.targets import survival_target
from tests.survival.cox_worlds import world

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


@pytest.fixture(scope="module")
def rossi(data_dir):
    return pd.read_csv(data_dir / "rossi.csv.gz")


def _rossi(frame, columns=ROSSI, entry=None):
    return frame[list(columns)], survival_target("arrest", "week", entry=entry, data=frame)


# ------------------------------------------------------------------ numbers (R's coxph and lifelines agree on each)


@pytest.mark.parametrize(
    ("ties", "coefficients", "errors", "loglik", "null"),
    [
        (
            "efron",
            [-0.37942217, -0.05743774, 0.31389979, -0.14979570, -0.43370388, -0.08487108, 0.09149708],
            [0.19137948, 0.02199947, 0.30799278, 0.21222430, 0.38186806, 0.19575667, 0.02864855],
            -658.7476594,
            -675.3806323,
        ),
        (
            "breslow",
            [-0.37902189, -0.05724593, 0.31412977, -0.15111460, -0.43278257, -0.08498284, 0.09111154],
            None,
            -659.1206057,
            -675.6833894,
        ),
    ],
)
def test_rossi(rossi, ties, coefficients, errors, loglik, null):
    model = CoxModel(ties=ties).fit(*_rossi(rossi))
    np.testing.assert_allclose(model.coef_, coefficients, atol=1e-8)
    assert model.loglik_ == pytest.approx(loglik, abs=1e-6)
    assert model.loglik_null_ == pytest.approx(null, abs=1e-6)
    if errors is not None:
        np.testing.assert_allclose(model.standard_errors_, errors, atol=1e-8)
        assert model.score(*_rossi(rossi)) == pytest.approx(0.6403292471, abs=1e-10)


def test_rossi_with_strata(rossi):
    model = CoxModel(strata="wexp").fit(*_rossi(rossi))
    expected = [-0.38015410, -0.05821348, 0.30656945, -0.45387163, -0.08273891, 0.09074364]
    np.testing.assert_allclose(model.coef_, expected, atol=1e-8)
    assert model.loglik_ == pytest.approx(-580.8857465, abs=1e-6)
    assert model.strata_ == (0, 1)
    assert "wexp" not in model.summary().index


def test_rossi_with_delayed_entry(rossi):
    X, y = _rossi(rossi, entry=np.minimum(rossi["week"] - 1, 3))
    model = CoxModel().fit(X, y)
    expected = [-0.32842540, -0.07241190, 0.29634138, -0.08717662, -0.38472428, -0.09819298, 0.09839105]
    np.testing.assert_allclose(model.coef_, expected, atol=1e-8)
    assert model.loglik_ == pytest.approx(-639.1943782, abs=1e-6)


def test_stanford_heart_transplants(data_dir):
    frame = pd.read_csv(data_dir / "stanford_heart.csv.gz")
    y = survival_target("event", "stop", entry="start", data=frame)
    columns = ["age", "year", "surgery", "transplant"]
    model = CoxModel().fit(frame[columns], y, groups=frame["id"])
    np.testing.assert_allclose(model.coef_, [0.02716664, -0.14634635, -0.63720989, -0.01025077], atol=1e-8)
    np.testing.assert_allclose(model.standard_errors_, [0.01371412, 0.07046798, 0.36722600, 0.31375480], atol=1e-8)
    assert model.loglik_ == pytest.approx(-290.5656162, abs=1e-6)
    assert model.time_varying_


def test_gbsg2(data_dir):
    frame = pd.read_csv(data_dir / "gbsg2.csv.gz")
    X = pd.DataFrame(
        {
            "age": frame["age"],
            "estrec": frame["estrec"],
            "horTh": (frame["horTh"] == "yes").astype(int),
            "menostat": (frame["menostat"] == "Post").astype(int),
            "pnodes": frame["pnodes"],
            "progrec": frame["progrec"],
            "tgrade": frame["tgrade"].map({"I": 1, "II": 2, "III": 3}),
            "tsize": frame["tsize"],
        }
    )
    y = survival_target("cens", "time", data=frame)
    model = CoxModel().fit(X, y)
    expected = [-0.00939236, 0.00016743, -0.33720291, 0.26727716, 0.04989391, -0.00223781, 0.28028941, 0.00771644]
    np.testing.assert_allclose(model.coef_, expected, atol=1e-8)
    assert model.loglik_ == pytest.approx(-1737.17449, abs=1e-5)
    assert model.loglik_null_ == pytest.approx(-1788.104737, abs=1e-5)
    assert model.score(X, y) == pytest.approx(0.6879283395, abs=1e-10)


def test_telco(data_dir):
    """The churn model of lifelines' documentation, which stops 6e-5 before the maximum; the numbers are R's."""
    frame = pd.read_csv(data_dir / "telco_ibm.csv.gz").query("tenure > 0")
    frame = frame.replace({"No internet service": "No", "No phone service": "No"}).reset_index(drop=True)
    strata = ["InternetService", "StreamingMovies", "StreamingTV", "PhoneService"]
    y = survival_target(frame["Churn"] == "Yes", frame["tenure"])
    X = frame.drop(columns=["customerID", "TotalCharges", "Churn", "tenure"])
    texts = [c for c in X.columns.difference(strata) if not pd.api.types.is_numeric_dtype(X[c])]
    X = pd.get_dummies(X, columns=texts, drop_first=True)
    model = CoxModel(strata=strata).fit(X, y)
    assert model.loglik_ == pytest.approx(-10106.04835, abs=1e-5)
    assert model.loglik_null_ == pytest.approx(-11413.46143, abs=1e-5)
    found = model.summary()["estimate"]
    expected = {
        "Contract_One year": -1.593000762,
        "Contract_Two year": -3.107069434,
        "PaymentMethod_Electronic check": 0.563461689,
        "OnlineSecurity_Yes": -0.621879830,
        "MonthlyCharges": -0.005575163,
    }
    np.testing.assert_allclose(found[list(expected)], list(expected.values()), atol=1e-9)
    assert _within_strata(model, X, y) == pytest.approx(0.8319862, abs=1e-6)


def _within_strata(model, X, y):
    """Harrell's concordance over the pairs of one stratum, as R counts it."""
    from churnlib.metrics._concordance import concordance_counts

    risk, key = model.predict_log_hazard_ratio(X), X.groupby(list(model.strata)).ngroup().to_numpy()
    counts = [concordance_counts(y[key == k], risk[key == k]) for k in np.unique(key) if y["event"][key == k].any()]
    return sum(c.score * c.comparable for c in counts) / sum(c.comparable for c in counts)


# ------------------------------------------------------------------ rows


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("baseline", ["efron", "breslow", "kalbfleisch-prentice"])
def test_a_customer_cut_into_pieces_is_one_customer(ties, baseline):
    w = world(200, 11)
    cuts = np.floor((w.entry + w.time) / 2)
    cut = np.flatnonzero((w.entry < cuts) & (cuts < w.time))
    rows = np.concatenate([np.arange(200), cut])
    time, event = w.time[rows].copy(), w.event[rows].copy()
    time[cut], event[cut] = cuts[cut], False
    entry = np.concatenate([w.entry, cuts[cut]])
    y = survival_target(w.event, w.time, entry=w.entry)
    pieces = survival_target(event, time, entry=entry)
    options = {"ties": ties, "baseline": baseline, "alpha": 0.02, "covariance": "robust"}
    customer = np.arange(200)
    whole = CoxModel(**options).fit(w.X, y, w.weight, groups=customer)
    cut_up = CoxModel(**options).fit(w.X[rows], pieces, w.weight[rows], groups=customer[rows])
    np.testing.assert_allclose(cut_up.coef_, whole.coef_, atol=1e-10)
    np.testing.assert_allclose(cut_up.covariance_, whole.covariance_, atol=1e-10)
    assert not cut_up.time_varying_
    times = [2, 5, 8]
    np.testing.assert_allclose(
        cut_up.predict_survival_function(w.X, times), whole.predict_survival_function(w.X, times), atol=1e-10
    )
    np.testing.assert_allclose(cut_up.censoring_(times), whole.censoring_(times), atol=1e-12)


def test_row_order_frames_and_arrays_do_not_matter():
    w = world(300, 12)
    y = survival_target(w.event, w.time, entry=w.entry)
    model = CoxModel().fit(w.X, y, w.weight)
    order = np.random.default_rng(0).permutation(300)
    again = CoxModel().fit(pd.DataFrame(w.X, columns=["a", "b", "c"]).iloc[order], y[order], w.weight[order])
    np.testing.assert_allclose(again.coef_, model.coef_, atol=1e-11)
    assert again.summary().index.tolist() == ["a", "b", "c"]
    assert model.summary().index.tolist() == ["x0", "x1", "x2"]


def test_a_weight_of_two_is_a_row_twice_and_none_is_no_row():
    w = world(200, 13)
    y = survival_target(w.event, w.time, entry=w.entry)
    weight = np.random.default_rng(0).integers(0, 3, 200)
    rows = np.repeat(np.arange(200), weight)
    model = CoxModel(ties="breslow").fit(w.X, y, weight)
    repeated = CoxModel(ties="breslow").fit(w.X[rows], y[rows])
    np.testing.assert_allclose(model.coef_, repeated.coef_, atol=1e-10)
    np.testing.assert_allclose(model.standard_errors_, repeated.standard_errors_, atol=1e-10)
    kept = weight > 0
    efron = CoxModel().fit(w.X, y, weight)
    np.testing.assert_allclose(efron.coef_, CoxModel().fit(w.X[kept], y[kept], weight[kept]).coef_, atol=1e-10)


def test_many_rows_begin_the_search_on_a_part_of_them(monkeypatch):
    from churnlib.survival import _cox_fit

    w = world(6000, 14)
    y = survival_target(w.event, w.time, entry=w.entry)
    plain = CoxModel().fit(w.X, y, w.weight)
    monkeypatch.setattr(_cox_fit, "_MANY", 1000)
    from_part = CoxModel().fit(w.X, y, w.weight)
    np.testing.assert_allclose(from_part.coef_, plain.coef_, atol=1e-9)
    np.testing.assert_allclose(from_part.standard_errors_, plain.standard_errors_, atol=1e-9)
    assert from_part.n_iter_ < plain.n_iter_ + 1


# ------------------------------------------------------------------ predictions


@pytest.fixture(scope="module")
def fitted():
    w = world(400, 21)
    X = pd.DataFrame(w.X, columns=["a", "b", "c"])
    y = survival_target(w.event, w.time, entry=w.entry)
    return {kind: CoxModel(baseline=kind).fit(X, y, w.weight) for kind in ("efron", "kalbfleisch-prentice")}, X


@settings(max_examples=25)
@given(
    kind=st.sampled_from(["efron", "kalbfleisch-prentice"]),
    s=st.floats(0.5, 6),
    t=st.floats(0, 5),
    row=st.integers(0, 399),
)
def test_survival_to_s_plus_t_is_survival_to_s_times_that_to_t_given_s(fitted, kind, s, t, row):
    models, X = fitted
    model, x = models[kind], X.iloc[[row]]
    s_t, s_only = model.predict_survival_function(x, [s + t])[0, 0], model.predict_survival_function(x, [s])[0, 0]
    assert s_t == pytest.approx(s_only * model.predict_survival_function(x, [t], given=s)[0, 0], abs=1e-12)


def test_survival_falls_from_one(fitted):
    models, X = fitted
    for model in models.values():
        survival = model.predict_survival_function(X)
        assert ((survival >= 0) & (survival <= 1)).all()
        assert (np.diff(survival, axis=1) <= 0).all()
        np.testing.assert_allclose(1 - np.prod(1 - model.predict_hazard(X[:5]), axis=1), 1 - survival[:5, -1])


def test_the_chance_within_a_horizon_is_what_survival_says(fitted):
    models, X = fitted
    model = models["efron"]
    given_tenure = np.linspace(0.5, 6, len(X))
    chance = model.predict_churn_probability(X, 3, given=given_tenure)
    survival = [model.predict_survival_function(X[i : i + 1], [3], given=given_tenure[i])[0, 0] for i in (0, 7, 200)]
    np.testing.assert_allclose(chance[[0, 7, 200]], 1 - np.array(survival), atol=1e-12)


def test_without_effects_kalbfleisch_and_prentice_is_kaplan_and_meier():
    w = world(300, 22)
    y = survival_target(w.event, w.time, entry=w.entry)
    model = CoxModel(baseline="kalbfleisch-prentice", alpha=1e12).fit(w.X, y, w.weight)
    plain = KaplanMeier().fit(w.X, y, w.weight)
    times = np.arange(1, 12)
    np.testing.assert_allclose(
        model.predict_survival_function(w.X[:1], times), plain.predict_survival_function(w.X[:1], times), atol=1e-10
    )


def test_risk_is_the_linear_predictor(fitted):
    models, X = fitted
    model = models["efron"]
    by_hand = (X.to_numpy() - model.means_) @ model.coef_
    np.testing.assert_allclose(model.predict(X), by_hand)
    np.testing.assert_allclose(model.predict_log_hazard_ratio(X), by_hand)
    baseline = np.exp(-model.baseline_["all"]([3.0]) * np.exp(by_hand[0]))
    np.testing.assert_allclose(model.predict_survival_function(X[:1], [3.0])[0], baseline)


def test_times_past_the_support_are_refused(fitted):
    models, X = fitted
    with pytest.raises(HistoryError, match="nobody was watched beyond"):
        models["efron"].predict_survival_function(X, [1000])


# ------------------------------------------------------------------ features that change


def test_the_future_of_changing_features_must_be_named():
    y = survival_target([0, 1, 0, 1, 1, 0], [3, 6, 4, 7, 5, 9], entry=[0, 3, 0, 4, 0, 0])
    X = pd.DataFrame({"calls": [0.0, 2, 1, 2, 0, 1]})
    groups = [1, 1, 2, 2, 3, 4]
    model = CoxModel().fit(X, y, groups=groups)
    assert model.time_varying_
    assert model.predict(X).shape == (6,)
    for ask in (
        lambda m: m.predict_survival_function(X, [4]),
        lambda m: m.predict_churn_probability(X, 4),
        lambda m: m.predict_expected_lifetime(X, until=5),
    ):
        with pytest.raises(ParameterError, match=r'(?s)features changed over time.*future="frozen".*landmark_rows'):
            ask(model)
        assert np.isfinite(ask(CoxModel(future="frozen").fit(X, y, groups=groups))).all()
    assert not CoxModel().fit(X, y).time_varying_  # without groups nobody knows


def test_rows_of_several_cutoffs_are_no_path():
    """A customer at two cutoffs, watched to the same end from both: overlapping, not following."""
    y = survival_target([1, 1, 0, 0, 1, 1], [6, 6, 9, 9, 5, 5], entry=[0, 3, 0, 3, 0, 3])
    X = pd.DataFrame({"calls": [0.0, 2, 1, 0, 3, 1]})
    model = CoxModel(covariance="cluster").fit(X, y, groups=[1, 1, 2, 2, 3, 3])
    assert not model.time_varying_


# ------------------------------------------------------------------ as an estimator


def test_it_is_an_estimator(rossi):
    X, y = _rossi(rossi)
    model = CoxModel(alpha=0.1, strata="wexp").fit(X, y)
    assert clone(model).get_params() == model.get_params()
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        back.predict_survival_function(X, [10, 20]), model.predict_survival_function(X, [10, 20])
    )
    assert len(pickle.dumps(model)) < 20_000
    search = GridSearchCV(
        make_pipeline(StandardScaler(), CoxModel()), {"coxmodel__alpha": [0.0, 0.05]}, cv=3, error_score="raise"
    ).fit(X, y)
    assert 0.5 < search.best_score_ < 0.8


def test_summary(rossi):
    table = CoxModel().fit(*_rossi(rossi)).summary(confidence=0.9)
    fin = table.loc["fin"]
    assert fin["lower"] == pytest.approx(-0.37942217 - 1.6448536 * 0.19137948, abs=1e-7)
    assert fin["hazard_ratio"] == pytest.approx(np.exp(-0.37942217))
    assert fin["hazard_ratio_upper"] == pytest.approx(np.exp(fin["upper"]))
    assert fin["p_value"] == pytest.approx(0.0474, abs=1e-4)  # as summary(coxph) prints
    with pytest.raises(ParameterError, match="confidence"):
        CoxModel().fit(*_rossi(rossi)).summary(confidence=95)


# ------------------------------------------------------------------ what is refused, and what is said


def _plain(n=120, seed=5):
    generator = np.random.default_rng(seed)
    X = pd.DataFrame({"a": generator.normal(size=n), "b": generator.integers(0, 2, n)})
    time, event = generator.exponential(10, n), generator.random(n) < 0.5
    return X, time, event


def test_who_all_stay_teach_nothing():
    X, time, _ = _plain()
    with pytest.raises(DataError, match="all 120 rows are censored"):
        CoxModel().fit(X, survival_target(np.zeros(120), time))


def test_one_event_says_little():
    X, time, _ = _plain()
    event = np.zeros(120)
    event[np.argsort(X["a"].to_numpy() + 100 * (time > 5))[20]] = 1  # neither the highest nor the lowest at risk
    y = survival_target(event, time)
    with pytest.warns(AssumptionWarning, match="1 observed churns for 1 coefficients"):
        CoxModel().fit(X[["a"]], y)
    with pytest.warns(AssumptionWarning, match="1 observed churns for 2 coefficients"):
        CoxModel(alpha=0.1).fit(X, y)


def test_a_column_of_one_value():
    X, time, event = _plain()
    y = survival_target(event, time)
    with pytest.raises(DataError, match="1 of 3 columns hold one value: 'c'"):
        CoxModel().fit(X.assign(c=7.0), y)
    with pytest.warns(AssumptionWarning, match="hold one value: 'c'"):
        assert CoxModel(alpha=0.1).fit(X.assign(c=7.0), y).coef_[2] == 0
    with pytest.raises(DataError, match="'c' does not vary among those at risk"):
        CoxModel(strata="b").fit(X.assign(c=2.0 * X["b"]), y)


def test_columns_that_depend_on_each_other():
    X, time, event = _plain()
    y = survival_target(event, time)
    with pytest.raises(DataError, match=r"column '\w' is a linear combination of a, b at every event"):
        CoxModel().fit(X.assign(c=2 * X["a"] - X["b"]), y)
    model = CoxModel(alpha=0.01).fit(X.assign(c=2 * X["a"] - X["b"]), y)
    assert model.converged_


def test_more_columns_than_rows():
    X = np.random.default_rng(0).normal(size=(10, 20))
    y = survival_target(np.ones(10), np.arange(1.0, 11))
    with pytest.raises(DataError, match=r"20 columns and 10 rows.*\nFix: CoxModel\(alpha=0.01\)"):
        CoxModel().fit(X, y)
    assert CoxModel(alpha=0.1).fit(X, y).converged_


@pytest.mark.parametrize("share", [1.0, 0.05])
def test_a_group_of_which_nobody_leaves(share):
    X, time, event = _plain()
    never = np.zeros(120)
    stays = np.flatnonzero(~event)
    never[stays[: int(np.ceil(share * len(stays)))]] = 1
    with pytest.warns(AssumptionWarning, match="monotone: coefficients run away, 'never' to -infinity"):
        model = CoxModel().fit(X.assign(never=never), survival_target(event, time))
    assert not model.converged_
    assert np.isnan(model.summary().loc["never", "standard_error"])
    # The others have their maximum, with the group at its limit.
    rest = CoxModel().fit(X[never == 0], survival_target(event, time)[never == 0])
    np.testing.assert_allclose(model.coef_[:2], rest.coef_, atol=1e-4)
    np.testing.assert_allclose(model.standard_errors_[:2], rest.standard_errors_, atol=1e-4)


def test_a_column_that_puts_everybody_in_order():
    X, time, _ = _plain()
    with pytest.warns(AssumptionWarning, match="run away, 'x' to \\+infinity"):
        CoxModel().fit(X[["a"]].assign(x=-time), survival_target(np.ones(120), time))


def test_a_row_far_off_is_no_separation():
    X, time, event = _plain()
    stays = int(np.flatnonzero(~event)[0])
    X.loc[stays, "a"] = -1e6
    y = survival_target(event, time)
    model = CoxModel().fit(X, y)
    assert model.converged_
    assert model.coef_[0] > 0  # which takes that row out of every risk set
    kept = np.arange(120) != stays
    np.testing.assert_allclose(model.coef_, CoxModel().fit(X[kept], y[kept]).coef_, atol=1e-7)


def test_a_search_cut_short_says_so():
    X, time, event = _plain()
    X["a"] += np.where(event, 2 / time, 0)
    with pytest.warns(AssumptionWarning, match="did not converge: the limit of iterations"):
        model = CoxModel(max_iter=1).fit(X, survival_target(event, time))
    assert not model.converged_


def test_missing_values_groups_and_causes():
    X, time, event = _plain()
    y = survival_target(event, time)
    with pytest.raises(ValueError, match="NaN"):
        CoxModel().fit(X.assign(a=np.nan), y)
    with pytest.raises(ParameterError, match='covariance="cluster" and no groups'):
        CoxModel(covariance="cluster").fit(X, y)
    with pytest.raises(DataError, match="groups has 3 values, X 120 rows"):
        CoxModel().fit(X, y, groups=[1, 2, 3])
    with pytest.raises(DataError, match="2 causes"):
        CoxModel().fit(X, survival_target(np.arange(120) % 3, time, causes=["price", "moved"]))
    with pytest.raises(ValueError, match="ties"):
        CoxModel(ties="exact").fit(X, y)


@pytest.mark.parametrize("scale", [1e9, 1e-9])
def test_units_do_not_matter(scale):
    X, time, event = _plain()
    y = survival_target(event, time)
    plain, scaled = CoxModel().fit(X, y), CoxModel().fit(X * [scale, 1], y)
    np.testing.assert_allclose(scaled.coef_ * [scale, 1], plain.coef_, rtol=1e-9)
    np.testing.assert_allclose(scaled.standard_errors_ * [scale, 1], plain.standard_errors_, rtol=1e-9)
    moved = CoxModel().fit(X + [1.6e9, 0], y)
    np.testing.assert_allclose(moved.coef_, plain.coef_, rtol=1e-5)
