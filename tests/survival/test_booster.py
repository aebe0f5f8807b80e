"""The boosted default."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, SchemaError
from churnlib.survival import SurvivalBooster
from churnlib.targets import survival_target
from tests.survival.period_worlds import (
    PEAKS,
    first_event,
    leaves_within,
    monthly_hazards,
    open_university,
    peaks_drawn,
    peaks_expected,
    recidivism,
    rotterdam,
    telco,
)
from tests.survival.test_discrete import contracts, customers, happened, out_of_fold


def quick(**options) -> SurvivalBooster:
    return SurvivalBooster(**{"n_estimators": 60, "learning_rate": 0.1, **options})


def test_peaks_of_the_hazard_are_found():
    X, y, weight = peaks_expected()
    model = SurvivalBooster().fit(X, y, sample_weight=weight)
    x = np.unique(X)
    for tenure, horizon in PEAKS:
        found = model.predict_churn_probability(x[:, None], horizon, given=tenure).mean()
        assert found == pytest.approx(leaves_within(monthly_hazards(x), tenure, horizon), rel=0.06)


@pytest.mark.slow
def test_peaks_of_the_hazard_are_found_among_forty_thousand_drawn_customers():
    errors, deviates = [], []
    for seed in range(3, 9):
        X, y = peaks_drawn(40_000, seed)
        model = SurvivalBooster().fit(X, y)
        truth = [leaves_within(monthly_hazards(X[:, 0]), *cell) for cell in PEAKS]
        found = [model.predict_churn_probability(X, horizon, given=tenure).mean() for tenure, horizon in PEAKS]
        left = [
            (y["event"] & (y["time"] > tenure) & (y["time"] <= tenure + horizon)).sum() for tenure, horizon in PEAKS
        ]
        errors.append(np.array(found) / truth - 1)
        deviates.append(errors[-1] * np.sqrt(left))
    # The last cell rests on 140 events, so that a single draw is 8 % off by chance.
    assert np.abs(np.mean(errors, axis=0)).max() < 0.06
    assert np.abs(deviates).max() < 4


def test_effects_that_differ_along_the_tenure_and_act_together_are_found():
    generator = np.random.default_rng(0)
    X = generator.integers(0, 2, (6000, 2)).astype(float)
    both = (X[:, 0] != X[:, 1]).astype(float)
    early = np.where(both == 1, 0.15, 0.03)[:, None] * np.ones(4)
    late = np.full((6000, 6), 0.05)
    event, last = first_event(np.column_stack([early, late]), generator)
    model = quick().fit(X, survival_target(event, last))
    corners = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    np.testing.assert_allclose(model.predict_hazard(corners)[:, :4].mean(axis=1), [0.03, 0.15, 0.15, 0.03], atol=0.02)
    np.testing.assert_allclose(model.predict_hazard(corners)[:, 4:].mean(axis=1), 0.05, atol=0.012)


@pytest.mark.parametrize(("once", "column"), [(False, "contract_term"), (True, "contract_end")])
def test_spikes_where_contracts_end_are_found_by_the_contract_clock(once, column):
    X, y = contracts(once=once)
    model = quick(**{column: "months"}).fit(pd.DataFrame(X, columns=["x", "months"]), y)
    asked = pd.DataFrame({"x": 0.0, "months": [0.0, 12.0, 24.0]})
    hazards = model.predict_hazard(asked, np.arange(1, 31))
    assert hazards[1, 11] == pytest.approx(0.2, abs=0.05)
    assert hazards[2, 23] == pytest.approx(0.2, abs=0.05)
    others = np.delete(hazards, [11, 23], axis=1)
    assert others.mean() == pytest.approx(0.01, abs=0.004)
    assert hazards[0].max() < 0.03
    assert hazards[2, 11] < 0.03


@pytest.mark.parametrize("causes", [1, 2])
def test_survival_falls_and_conditions_and_incidences_make_one(causes):
    X, y = customers(causes=causes, entry=True)
    model = quick(min_events=3).fit(X, y)
    times = np.linspace(0, 12, 25)
    survival = model.predict_survival_function(X, times)
    assert (np.diff(survival, axis=1) <= 0).all()
    incidence = model.predict_cumulative_incidence(X, times)
    np.testing.assert_allclose(incidence.sum(axis=1) + survival, 1.0, atol=1e-12)
    tenure = np.random.default_rng(0).integers(1, 6, len(X))
    ahead = model.predict_survival_function(X, [3.0], given=tenure)[:, 0]
    both = survival[np.arange(len(X)), 2 * tenure] * ahead
    np.testing.assert_allclose(survival[np.arange(len(X)), 2 * (tenure + 3)], both, atol=1e-13)
    assert model.score(X, y) > 0.6


def test_causes_are_told_apart():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 2, 8000)
    rates = np.column_stack([np.where(x == 1, 0.08, 0.03), np.full(8000, 0.02)])
    first = np.ceil(generator.exponential(1 / rates))
    last = np.minimum(first.min(axis=1), 12)
    event = np.where(first.min(axis=1) <= 12, 1 + first.argmin(axis=1), 0)
    y = survival_target(event, last, causes=["price", "moved"])
    model = quick(causes=("price", "moved")).fit(x[:, None], y)
    found = model.predict_cumulative_incidence([[0], [1]], [12])[:, :, 0]
    both = np.array([[0.03, 0.02], [0.08, 0.02]])
    expected = both / both.sum(axis=1, keepdims=True) * -np.expm1(-12 * both.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found, expected, atol=0.025)


def test_a_cause_that_was_never_seen_does_not_happen():
    X, y = customers()
    target = survival_target(np.where(y["event"], 2, 0), y["time"], causes=["a", "b"])
    model = quick(n_estimators=3, causes=("a", "b")).fit(X, target)
    incidence = model.predict_cumulative_incidence(X)
    assert not incidence[:, 0].any()
    np.testing.assert_allclose(incidence[:, 1], 1 - model.predict_survival_function(X))


def test_rows_cut_at_ends_of_periods_are_as_good_as_uncut_ones():
    X, y = customers(600)
    long = np.flatnonzero(y["time"] > 3)
    order = np.argsort(np.concatenate([np.arange(len(y)), long + 0.5]), kind="stable")
    cut = survival_target(
        np.concatenate([np.where(y["time"] > 3, 0, y["event"]), y["event"][long]])[order],
        np.concatenate([np.minimum(y["time"], 3), y["time"][long]])[order],
        entry=np.concatenate([np.zeros(len(y)), np.full(len(long), 3)])[order],
    )
    whole = quick(subsample=1.0, colsample=1.0).fit(X, y)
    pieces = quick(subsample=1.0, colsample=1.0).fit(np.concatenate([X, X[long]])[order], cut)
    np.testing.assert_allclose(pieces.predict_survival_function(X), whole.predict_survival_function(X), atol=1e-5)


def test_missing_values_are_taken_and_text_is_not():
    X, y = customers()
    X[::3, 0] = np.nan
    assert np.isfinite(quick().fit(X, y).predict_churn_probability(X, 6)).all()
    frame = pd.DataFrame({"x": X[:, 1], "plan": "gold", "flag": X[:, 1] > 0})
    with pytest.raises(SchemaError, match=r"1 columns of X are no numbers \(plan\)"):
        quick().fit(frame, y)
    with pytest.raises(SchemaError, match="names that the clock uses"):
        quick().fit(frame[["x"]].rename(columns={"x": "clock.tenure"}), y)
    assert quick().fit(frame[["x", "flag"]], y).feature_names_in_.tolist() == ["x", "flag"]


def test_the_same_rows_give_the_same_bytes_whatever_the_blocks(monkeypatch):
    X, y = customers(causes=2)
    model = quick().fit(X, y)
    again = quick().fit(X, y)
    assert model.booster_.save_raw() == again.booster_.save_raw()
    assert quick(random_state=1).fit(X, y).booster_.save_raw() != model.booster_.save_raw()
    answers = model.predict_survival_function(X)
    monkeypatch.setattr("churnlib.survival._hazard_model._CELLS", 2000)
    np.testing.assert_array_equal(again.predict_survival_function(X), answers)
    monkeypatch.setattr("churnlib.survival._booster._CELLS", 500)
    np.testing.assert_allclose(quick().fit(X, y).predict_survival_function(X), answers, atol=0.05)


def test_it_is_cloned_and_pickled():
    X, y = customers()
    model = quick(period="2d").fit(X, y)
    assert model.period_ == 2
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_survival_function(X), model.predict_survival_function(X))
    assert clone(model).get_params() == model.get_params()


def test_periods_are_chosen_for_long_tenures_and_answers_are_smooth_within_them():
    generator = np.random.default_rng(0)
    days = generator.exponential(300, 3000)
    y = survival_target(days <= 720, np.minimum(days, 720))
    model = quick().fit(generator.standard_normal((3000, 1)), y)
    assert model.period_ == 12
    ahead = model.predict_churn_probability([[0.0]] * 3, [1, 20, 90], given=45)
    np.testing.assert_allclose(ahead, -np.expm1(-np.array([1, 20, 90]) / 300), rtol=0.2)


def test_input_that_cannot_be():
    X, y = customers(100)
    with pytest.raises(DataError, match="all 100 rows are censored"):
        quick().fit(X, survival_target(np.zeros(100), y["time"]))
    with pytest.raises(ParameterError, match="period=50 is longer than anybody was watched"):
        quick(period=50).fit(X, y)
    with pytest.raises(ValueError, match="The 'subsample' parameter"):
        quick(subsample=0.0).fit(X, y)
    gap = survival_target([1, 0, 1, 1, 0, 1], [2, 2, 1, 6, 6, 5], entry=[0, 0, 0, 4, 4, 4])
    with pytest.warns(AssumptionWarning, match="nobody was watched in 2 of 6 periods"):
        quick().fit(X[:6], gap)


# ---------------------------------------------------------------------- real data


@pytest.mark.parametrize(
    ("data", "times", "period"), [(recidivism, (12, 36, 60), 1.0), (rotterdam, (730, 1825, 3650), None)]
)
def test_what_is_predicted_happens(data, times, period, data_dir):
    X, y = data(data_dir)
    assert np.abs(out_of_fold(SurvivalBooster(period=period), X, y, times) - happened(y, times)).max() <= 0.01


@pytest.mark.slow
def test_what_is_predicted_happens_at_the_open_university(data_dir):
    X, y = open_university(data_dir)
    predicted = out_of_fold(SurvivalBooster(period="14d"), X, y, (30, 90, 180))
    assert np.abs(predicted - happened(y, (30, 90, 180))).max() <= 0.01


@pytest.mark.slow
def test_what_is_predicted_happens_at_the_telephone_company(data_dir):
    """Who is lost from sight when depends on the contract: after half a year only curves within contracts agree."""
    frame, y = telco(data_dir)
    contract = frame["Contract_One year"].to_numpy() + 2 * frame["Contract_Two year"].to_numpy()
    predicted = out_of_fold(SurvivalBooster(), frame.to_numpy(), y, (1, 3, 6, 12))
    assert np.abs(predicted[:3] - happened(y, (1, 3, 6))).max() <= 0.01
    assert np.abs(predicted[1:] - happened(y, (3, 6, 12), contract)).max() <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("data", [recidivism, rotterdam, telco])
def test_it_predicts_better_than_boosting_and_forests_of_scikit_survival(data, data_dir, record_property):
    ensemble = pytest.importorskip("sksurv.ensemble", reason="scikit-survival is not installed")
    from sksurv.metrics import integrated_brier_score

    X, y = data(data_dir)
    X = np.asarray(X, dtype=float)
    models = {
        "ours": SurvivalBooster(),
        "boosting": ensemble.GradientBoostingSurvivalAnalysis(random_state=0),
        "forest": ensemble.RandomSurvivalForest(random_state=0, min_samples_leaf=15),
    }
    loss: dict[str, list[float]] = {name: [] for name in models}
    seconds = dict.fromkeys(models, 0.0)
    for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(X, y["event"]):
        times = np.unique(np.quantile(y["time"][test][y["event"][test]], np.linspace(0.05, 0.95, 20)))
        for name, model in models.items():
            began = time.perf_counter()
            fitted = clone(model).fit(X[train], y[train])
            if name == "ours":
                survival = fitted.predict_survival_function(X[test], times)
            else:
                steps = fitted.predict_survival_function(X[test], return_array=True)
                survival = steps[:, np.searchsorted(fitted.unique_times_, times, side="right") - 1]
            seconds[name] += time.perf_counter() - began
            loss[name].append(integrated_brier_score(y[train], y[test], survival, times))
    for name in models:
        record_property(f"integrated_brier_{name}", float(np.mean(loss[name])))
        record_property(f"seconds_{name}", seconds[name])
    assert np.mean(loss["ours"]) <= min(np.mean(loss["boosting"]), np.mean(loss["forest"]))
