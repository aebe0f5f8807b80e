"""The hazard in each period: our own logistic model, and any classifier."""

from __future__ import annotations

import pickle
import warnings
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from churnlib.exceptions import AssumptionWarning, DataError, HistoryError, ParameterError, SchemaError
from churnlib.numerics import product_limit, risk_table
from churnlib.survival import DiscreteTimeHazard
from churnlib.survival._hazard_model import HazardModel
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


def customers(n: int = 400, seed: int = 0, *, months: int = 12, causes: int = 1, entry: bool = False):
    """Two features, the first of which raises the hazard; lost from sight along the way."""
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((n, 2))
    odds = np.exp(-2.5 + 0.6 * X[:, :1] + 0.05 * np.arange(months))
    event, time = first_event(odds / (1 + odds), generator)
    lost = generator.integers(1, months + 1, n)
    event, time = event & (time <= lost), np.minimum(time, lost)
    why = np.where(event, 1 + (generator.random(n) < (causes - 1) / 2), 0)
    since = generator.integers(0, time) if entry else None
    names = ["price", "moved"] if causes > 1 else None
    return X, survival_target(why, time, entry=since, causes=names)


def nothing(y: np.ndarray) -> np.ndarray:
    """One column that says nothing."""
    return np.zeros((len(y), 1))


def bare(y: np.ndarray, *, weight: np.ndarray | None = None, **options) -> DiscreteTimeHazard:
    """Fit without features: a constant column has no effect, and is named."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "1 of 1 columns are constant", AssumptionWarning)
        return DiscreteTimeHazard(**options).fit(nothing(y), y, sample_weight=weight)


# ---------------------------------------------------------------------- curves without features


@st.composite
def targets(draw) -> tuple[np.ndarray, np.ndarray]:
    """A target of whole periods with delayed entry, and whole weights."""
    n = draw(st.integers(3, 25))
    entry = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    time = entry + np.array(draw(st.lists(st.integers(1, 6), min_size=n, max_size=n)))
    event = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    event[0], entry[0] = True, 0
    weight = np.array(draw(st.lists(st.integers(1, 3), min_size=n, max_size=n)), dtype=float)
    return survival_target(event, time, entry=entry), weight


@given(targets(), st.sampled_from(["logit", "cloglog"]))
def test_without_features_and_with_a_free_clock_it_is_the_curve_of_kaplan_and_meier(drawn, link):
    y, weight = drawn
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "nobody was watched in", AssumptionWarning)
        model = bare(y, weight=weight, clock="dummy", link=link, beyond="hold")
    curve = product_limit(risk_table(y["time"], y["event"], entry=y["entry"], weight=weight))
    times = np.arange(0, int(y["time"].max()) + 1)
    np.testing.assert_allclose(model.predict_survival_function(nothing(y)[:1], times)[0], curve(times), atol=1e-13)


def test_periods_without_events_have_no_hazard_and_those_that_nobody_survives_a_whole_one():
    y = survival_target([1, 0, 0, 1, 1], [1, 2, 3, 4, 4])
    model = bare(y, clock="dummy")
    assert model.baseline_hazard_[1].tolist() == [pytest.approx(0.2), 0.0, 0.0, 1.0]
    assert model.predict_survival_function(nothing(y)[:1])[0].tolist() == pytest.approx([0.8, 0.8, 0.8, 0.0])
    assert model.predict_expected_lifetime(nothing(y)[:1]) == pytest.approx([1 + 3 * 0.8])


def test_nobody_has_a_tenure_that_nobody_reaches():
    y = survival_target([1, 1, 1, 0], [2, 2, 4, 5], entry=[0, 0, 2, 2])
    model = bare(y, clock="dummy")
    with pytest.raises(HistoryError, match="1 of 2 customers have a tenure at which, by the model, nobody is left"):
        model.predict_churn_probability(nothing(y)[:2], 1, given=[1, 3])
    model = bare(y, clock="dummy", beyond="nan")
    found = model.predict_churn_probability(nothing(y)[:2], 1, given=[1, 3])
    assert found[0] == 1
    assert np.isnan(found[1])


def test_features_do_not_bring_separated_periods_back():
    X, y = customers(300)
    y["event"][(y["time"] == 5) | (y["time"] == 9)] = False
    model = DiscreteTimeHazard(clock="dummy").fit(X, y)
    assert model.converged_
    assert (model.baseline_hazard_.loc[[5.0, 9.0], 1] == 0).all()
    assert np.abs(model.coef_).max() < 2


# ---------------------------------------------------------------------- invariants


@pytest.mark.parametrize("clock", ["spline", "dummy", "linear"])
@pytest.mark.parametrize("causes", [1, 2])
def test_survival_falls_and_conditions_and_incidences_make_one(clock, causes):
    X, y = customers(causes=causes, entry=True)
    model = DiscreteTimeHazard(clock=clock).fit(X, y)
    times = np.linspace(0, 12, 25)
    survival = model.predict_survival_function(X, times)
    assert (survival[:, 0] == 1).all()
    assert (np.diff(survival, axis=1) <= 0).all()
    assert ((survival >= 0) & (survival <= 1)).all()
    incidence = model.predict_cumulative_incidence(X, times)
    np.testing.assert_allclose(incidence.sum(axis=1) + survival, 1.0, atol=1e-12)
    tenure = np.random.default_rng(0).integers(1, 6, len(X))
    ahead = model.predict_survival_function(X, [3.0], given=tenure)[:, 0]
    both = survival[np.arange(len(X)), 2 * tenure] * ahead
    np.testing.assert_allclose(survival[np.arange(len(X)), 2 * (tenure + 3)], both, atol=1e-13)
    by_cause = [model.predict_churn_probability(X, 3, given=tenure, cause=cause) for cause in model.causes_]
    np.testing.assert_allclose(np.sum(by_cause, axis=0), 1 - ahead, atol=1e-12)


def test_answers_are_those_of_the_routine_that_all_models_share():
    """Looking at the periods ahead only is a short cut, and no other answer."""
    X, y = customers(causes=2, entry=True)
    tenure = np.random.default_rng(0).integers(0, 6, len(X)).astype(float)
    for period in (1.0, 1.5):
        model = DiscreteTimeHazard(period=period).fit(X, y)
        start, ahead = tenure, np.array([[0.5, 2.0, 4.75]])
        np.testing.assert_allclose(
            model._log_ahead(X, ahead, start), HazardModel._log_ahead(model, X, ahead, start), atol=1e-12
        )
        np.testing.assert_allclose(
            model._incidence_ahead(X, ahead, start), HazardModel._incidence_ahead(model, X, ahead, start), atol=1e-12
        )
    whole = DiscreteTimeHazard().fit(X, y)
    until = np.full(len(X), 4.5)
    np.testing.assert_allclose(
        whole._lifetime(X, tenure + 0.25, until), HazardModel._lifetime(whole, X, tenure + 0.25, until), atol=1e-12
    )


def test_rows_cut_at_ends_of_periods_are_the_uncut_ones():
    X, y = customers(causes=2)
    long = np.flatnonzero(y["time"] > 3)
    cut = survival_target(
        np.concatenate([np.where(y["time"] > 3, 0, y["event"]), y["event"][long]]),
        np.concatenate([np.minimum(y["time"], 3), y["time"][long]]),
        entry=np.concatenate([np.zeros(len(y)), np.full(len(long), 3)]),
        causes=["price", "moved"],
    )
    for clock in ("spline", "dummy"):
        whole = DiscreteTimeHazard(clock=clock).fit(X, y)
        pieces = DiscreteTimeHazard(clock=clock).fit(np.concatenate([X, X[long]]), cut)
        np.testing.assert_allclose(pieces.coef_, whole.coef_, atol=1e-9)
        np.testing.assert_allclose(pieces.baseline_hazard_, whole.baseline_hazard_, atol=1e-9)
        assert pieces.loglik_ == pytest.approx(whole.loglik_, rel=1e-12)


def test_a_weight_of_two_is_a_row_written_twice_and_of_none_a_row_left_out():
    X, y = customers()
    weight = np.random.default_rng(1).integers(0, 3, len(X))
    kept = np.repeat(np.arange(len(X)), weight)
    weighted = DiscreteTimeHazard().fit(X, y, sample_weight=weight)
    repeated = DiscreteTimeHazard().fit(X[kept], y[kept])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-9)
    np.testing.assert_allclose(weighted.standard_errors_, repeated.standard_errors_, atol=1e-9)
    assert weighted.support_ == repeated.support_


def test_features_that_change_in_time_come_as_rows_with_entry():
    generator = np.random.default_rng(0)
    n, months = 4000, 10
    x = generator.standard_normal((n, months))  # something new every month
    event, time = first_event(1 / (1 + np.exp(2.5 - 0.8 * x)), generator)
    rows = np.repeat(np.arange(n), time)
    month = np.concatenate([np.arange(1, last + 1) for last in time])
    y = survival_target(event[rows] & (month == time[rows]), month, entry=month - 1)
    model = DiscreteTimeHazard().fit(x[rows, month - 1][:, None], y)
    assert model.coef_[0] == pytest.approx(0.8, abs=3 * model.standard_errors_[0])
    assert model.n_person_periods_ == len(rows)


def test_times_within_periods_count_in_part():
    """Days of which 30 make a period: hazard per period is 1 - e^(-30 rate), survival in between is exact."""
    generator = np.random.default_rng(0)
    days = generator.exponential(600, 40_000)
    entry = generator.uniform(0, 200, len(days))
    stop = entry + 90  # a window of labels that fits no period
    kept = days > entry
    y = survival_target((days <= stop)[kept], np.minimum(days, stop)[kept], entry=entry[kept])
    model = bare(y, period="30d", clock="linear")
    assert not model.whole_periods_
    assert model.period_ == 30
    for tenure, horizon in ((0, 90), (45, 60), (100, 17), (200, 85)):
        found = model.predict_churn_probability(nothing(y)[:1], horizon, given=tenure)[0]
        assert found == pytest.approx(-np.expm1(-horizon / 600), rel=0.04)
    lifetime = model.predict_expected_lifetime(nothing(y)[:1], given=45, until=77)[0]
    assert lifetime == pytest.approx(600 * -np.expm1(-77 / 600), rel=0.005)


# ---------------------------------------------------------------------- what must be found


@pytest.mark.parametrize("spikes", [(), (12, 24)])
@pytest.mark.parametrize("clock", ["spline", "dummy"])
def test_peaks_of_the_hazard_are_found(clock, spikes):
    model = DiscreteTimeHazard(clock=clock, spikes=spikes)
    X, y, weight = peaks_expected()
    model.fit(X, y, sample_weight=weight)
    x = np.unique(X)
    for tenure, horizon in PEAKS:
        found = model.predict_churn_probability(x[:, None], horizon, given=tenure).mean()
        assert found == pytest.approx(leaves_within(monthly_hazards(x), tenure, horizon), rel=0.06)


@pytest.mark.slow
def test_peaks_of_the_hazard_are_found_among_forty_thousand_drawn_customers():
    errors, deviates = [], []
    for seed in range(3, 9):
        X, y = peaks_drawn(40_000, seed)
        model = DiscreteTimeHazard(spikes=(12, 24)).fit(X, y)
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


def test_snapshots_with_delayed_entry_give_the_curve_that_all_customers_have():
    generator = np.random.default_rng(0)
    hazard = np.repeat([0.09, 0.05, 0.02], [3, 9, 48])
    n = 60_000
    start = generator.integers(0, 48, n)  # months before the snapshot
    event, time = first_event(np.tile(hazard, (n, 1)), generator)
    here = time > start
    end = np.minimum(time, start + 12)[here]
    seen = (event & (time <= start + 12))[here]
    truth = np.prod(1 - hazard[:12])
    y = survival_target(seen, end, entry=start[here])
    model = bare(y, clock="dummy")
    assert model.predict_survival_function(nothing(y)[:1], [12])[0, 0] == pytest.approx(truth, abs=0.01)
    naive = bare(survival_target(seen, end), clock="dummy")
    assert naive.predict_survival_function(nothing(y)[:1], [12])[0, 0] > truth + 0.3


def test_those_who_leave_of_their_own_will_are_told_from_those_who_must():
    """Rates .03 and .02 a month: by month 24 the share of the first is .6 (1 - e^-1.2) = .41928, not 1 - e^-.72."""
    generator = np.random.default_rng(0)
    n = 40_000
    first, second = generator.exponential(1 / 0.03, n), generator.exponential(1 / 0.02, n)
    lost = generator.integers(6, 37, n)
    time = np.minimum(np.ceil(np.minimum(first, second)), lost)
    event = np.where(np.minimum(first, second) <= lost, np.where(first < second, 1, 2), 0)
    y = survival_target(event, time, causes=["voluntary", "involuntary"])
    model = bare(y, clock="linear", causes=("voluntary", "involuntary"))
    assert model.causes_ == ("voluntary", "involuntary")
    found = model.predict_cumulative_incidence(nothing(y)[:1], [24])[0, :, 0]
    np.testing.assert_allclose(found, [0.41928, 0.27952], atol=0.01)
    assert model.predict_churn_probability(nothing(y)[:1], 24, cause="voluntary")[0] == pytest.approx(found[0])


def contracts(n: int = 6000, *, once: bool = False):
    """Contracts of 12, of 24 and of no months; where one ends, 20 % leave, else 1 %."""
    generator = np.random.default_rng(0)
    term = generator.choice([0.0, 12.0, 24.0], n)
    month = np.arange(1, 31)
    ends = (term[:, None] > 0) & (month % np.maximum(term, 1)[:, None] == 0)
    if once:
        ends &= month == term[:, None]
    event, time = first_event(np.where(ends, 0.2, 0.01), generator)
    return np.column_stack([generator.standard_normal(n), term]), survival_target(event, time)


@pytest.mark.parametrize(("once", "column"), [(False, "contract_term"), (True, "contract_end")])
def test_spikes_where_contracts_end_are_found_by_the_contract_clock(once, column):
    X, y = contracts(once=once)
    frame = pd.DataFrame(X, columns=["x", "months"])
    model = DiscreteTimeHazard(**{column: "months"}).fit(frame, y)
    asked = pd.DataFrame({"x": 0.0, "months": [0.0, 12.0, 24.0]})
    hazards = model.predict_hazard(asked, np.arange(1, 31))
    for row, spikes in enumerate([[], [12, 24], [24]]):
        at = [month for month in spikes if not once or month == asked["months"][row]]
        assert hazards[row, [month - 1 for month in at]] == pytest.approx(0.2, abs=0.035)
        others = np.setdiff1d(np.arange(30), np.array(at) - 1)
        assert hazards[row, others].mean() == pytest.approx(0.01, abs=0.003)
        assert hazards[row, others].max() < 0.03
    table = model.summary()
    assert table.loc["clock.contract_ends", "estimate"] > 2
    assert abs(table.loc["x", "z"]) < 3


def test_a_contract_column_may_be_missing_and_may_be_named_by_position():
    X, y = contracts(500)
    missing = X.copy()
    missing[missing[:, 1] == 0, 1] = np.nan
    by_position = DiscreteTimeHazard(contract_term=1).fit(missing, y)
    assert by_position.coef_.shape == (1,)
    by_name = DiscreteTimeHazard(contract_term="months").fit(pd.DataFrame(X, columns=["x", "months"]), y)
    np.testing.assert_array_equal(by_position.coef_, by_name.coef_)
    last = DiscreteTimeHazard(contract_term=-1).fit(missing, y)
    np.testing.assert_array_equal(last.coef_, by_name.coef_)
    with pytest.raises(DataError, match=r"1 columns of X hold missing values \(0\)"):
        DiscreteTimeHazard(contract_term=1).fit(np.where(X[0, 0] == X, np.nan, X), y)


# ---------------------------------------------------------------------- intervals


def _coverage(runs: int, seed: int) -> tuple[float, float]:
    generator = np.random.default_rng(seed)
    held, width = [], []
    for _ in range(runs):
        x = generator.integers(0, 2, (300, 1)).astype(float)
        odds = np.exp(-2.0 + 0.6 * x - 0.1 * np.arange(8))
        event, time = first_event(odds / (1 + odds), generator)
        lost = generator.integers(1, 9, 300)
        y = survival_target(event & (time <= lost), np.minimum(time, lost))
        row = DiscreteTimeHazard(clock="dummy").fit(x, y).summary().iloc[0]
        held.append(row["lower"] <= 0.6 <= row["upper"])
        width.append(row["upper"] - row["lower"])
    return float(np.mean(held)), float(np.mean(width))


def test_intervals_cover(record_property):
    held, width = _coverage(400, zlib.crc32(b"test_intervals_cover"))
    record_property("coverage", held)
    record_property("mean_width", width)
    assert 0.91 <= held <= 0.9825


@pytest.mark.slow
def test_intervals_cover_in_full(record_property):
    held, width = _coverage(2000, zlib.crc32(b"test_intervals_cover_in_full"))
    record_property("coverage", held)
    record_property("mean_width", width)
    assert 0.9335 <= held <= 0.9655


def test_standard_errors_are_those_of_the_information():
    """By hand: with one binary feature and one period, the log odds ratio of a table of four."""
    X = np.repeat([[0.0], [1.0]], [40, 60], axis=0)
    y = survival_target(np.concatenate([np.arange(40) < 10, np.arange(60) < 30]), np.ones(100))
    row = DiscreteTimeHazard(clock="dummy").fit(X, y).summary().loc["x0"]
    assert row["estimate"] == pytest.approx(np.log(3))
    assert row["standard_error"] == pytest.approx(np.sqrt(1 / 10 + 1 / 30 + 1 / 30 + 1 / 30))
    assert row["odds_ratio"] == pytest.approx(3)
    assert row["p_value"] == pytest.approx(0.0140, abs=1e-4)


# ---------------------------------------------------------------------- real data


def out_of_fold(model, X: np.ndarray, y: np.ndarray, times) -> np.ndarray:
    """The mean survival predicted for rows that were not learned from."""
    found = np.empty((len(X), len(times)))
    for train, test in KFold(2, shuffle=True, random_state=0).split(X):
        found[test] = clone(model).fit(X[train], y[train]).predict_survival_function(X[test], times)
    return found.mean(axis=0)


def happened(y: np.ndarray, times, groups: np.ndarray | None = None) -> np.ndarray:
    """Kaplan and Meier's share still here; within groups, where those are lost from sight at different times."""
    groups = np.zeros(len(y)) if groups is None else groups
    entry = y["entry"] if "entry" in y.dtype.names else None
    shares = [
        (groups == group).mean()
        * product_limit(
            risk_table(
                y["time"][groups == group],
                y["event"][groups == group],
                entry=None if entry is None else entry[groups == group],
            )
        )(times)
        for group in np.unique(groups)
    ]
    return np.sum(shares, axis=0)


@pytest.mark.parametrize(
    ("data", "times", "period"), [(recidivism, (12, 36, 60), 1.0), (rotterdam, (730, 1825, 3650), "60d")]
)
def test_what_is_predicted_happens(data, times, period, data_dir):
    X, y = data(data_dir)
    model = DiscreteTimeHazard(period=period)
    assert np.abs(out_of_fold(model, X, y, times) - happened(y, times)).max() <= 0.01


def test_what_is_predicted_happens_at_the_open_university(data_dir):
    X, y = open_university(data_dir)
    model = DiscreteTimeHazard(period="14d", l2=1.0)
    assert np.abs(out_of_fold(model, X, y, (30, 90, 180)) - happened(y, (30, 90, 180))).max() <= 0.01


def test_what_is_predicted_happens_at_the_telephone_company(data_dir):
    """Who is lost from sight when depends on the contract: after half a year only curves within contracts agree."""
    frame, y = telco(data_dir)
    contract = frame["Contract_One year"].to_numpy() + 2 * frame["Contract_Two year"].to_numpy()
    predicted = out_of_fold(DiscreteTimeHazard(l2=1.0), frame.to_numpy(), y, (1, 3, 6, 12))
    assert np.abs(predicted[:3] - happened(y, (1, 3, 6))).max() <= 0.01
    assert np.abs(predicted[1:] - happened(y, (3, 6, 12), contract)).max() <= 0.01


# ---------------------------------------------------------------------- other classifiers


def test_a_logistic_regression_of_scikit_learn_says_the_same():
    X, y = customers()
    peer = DiscreteTimeHazard(LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000), clock="linear").fit(X, y)
    ours = DiscreteTimeHazard(clock="linear").fit(X, y)
    np.testing.assert_allclose(peer.estimator_.coef_[0, :2], ours.coef_, atol=1e-4)
    for ask in ({}, {"given": 3, "times": [1, 2.5, 5]}):
        np.testing.assert_allclose(
            peer.predict_survival_function(X, **ask), ours.predict_survival_function(X, **ask), atol=1e-4
        )
    np.testing.assert_array_equal(np.argsort(peer.predict(X)), np.argsort(peer.predict_churn_probability(X, 12)))


@pytest.mark.parametrize("clock", ["spline", "dummy", "linear"])
def test_causes_are_the_classes_of_a_classifier(clock):
    X, y = customers(causes=2)
    peer = DiscreteTimeHazard(LogisticRegression(C=1e6, max_iter=2000), clock=clock).fit(X, y)
    assert peer.estimator_.classes_.tolist() == [0, 1, 2]
    ours = DiscreteTimeHazard(clock=clock).fit(X, y)
    incidence = peer.predict_cumulative_incidence(X)
    np.testing.assert_allclose(incidence, ours.predict_cumulative_incidence(X), atol=0.01)
    np.testing.assert_allclose(incidence.sum(axis=1) + peer.predict_survival_function(X), 1.0, atol=1e-12)


def test_a_cause_that_was_never_seen_does_not_happen():
    X, y = customers()
    codes = np.where(y["event"], 3, 0)
    target = survival_target(codes, y["time"], causes=["a", "b", "c"])
    ours = DiscreteTimeHazard(causes=("a", "b", "c"))
    with pytest.warns(AssumptionWarning, match=r"nobody left by 2 of 3 causes \('a', 'b'\); their hazard is 0"):
        ours.fit(X, target)
    peer = DiscreteTimeHazard(HistGradientBoostingClassifier(max_iter=3), causes=("a", "b", "c")).fit(X, target)
    for model in (ours, peer):
        assert not model.predict_cumulative_incidence(X)[:, :2].any()
        assert model.predict_churn_probability(X, 5, cause="c").min() > 0
    assert ours.coef_.shape == (3, 2)
    assert not ours.coef_[:2].any()
    assert set(ours.summary().index.get_level_values("cause")) == {"c"}


def test_frames_with_text_reach_a_pipeline_with_the_clock_beside_them():
    X, y = customers()
    frame = pd.DataFrame({"plan": np.where(X[:, 0] > 0, "gold", "basic"), "x": X[:, 1]}, index=range(100, 500))
    prepare = make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough")
    model = DiscreteTimeHazard(make_pipeline(prepare, LogisticRegression()), clock="linear", spikes=(3,))
    model.fit(frame, y, sample_weight=np.full(400, 2.0))
    assert model.feature_names_in_.tolist() == ["plan", "x"]
    assert model.estimator_[0].feature_names_in_.tolist() == ["plan", "x", "clock.tenure", "clock.spike_3"]
    gold, basic = model.predict_churn_probability(pd.DataFrame({"plan": ["gold", "basic"], "x": 0.0}), 6)
    assert gold > basic
    with pytest.raises(ParameterError, match="Pipeline states no standard errors"):
        model.summary()


def test_the_contract_clock_reaches_a_classifier():
    X, y = contracts()
    trees = HistGradientBoostingClassifier(max_iter=60, max_depth=3)
    model = DiscreteTimeHazard(trees, clock="linear", contract_term="months")
    model.fit(pd.DataFrame(X, columns=["x", "months"]), y)
    assert "months" not in model.estimator_.feature_names_in_
    asked = pd.DataFrame({"x": np.tile(X[:200, 0], 2), "months": np.repeat([12.0, 24.0], 200)})
    hazards = model.predict_hazard(asked, np.arange(1, 31)).reshape(2, 200, 30).mean(axis=1)
    assert hazards[0, 11] == pytest.approx(0.2, abs=0.05)
    assert hazards[1, 11] < 0.03
    assert hazards[1, 23] == pytest.approx(0.2, abs=0.05)


def test_frames_of_polars_and_columns_without_text_names():
    polars = pytest.importorskip("polars")
    X, y = customers(100)
    model = DiscreteTimeHazard(LogisticRegression(), clock="linear")
    by_polars = model.fit(polars.DataFrame({"a": X[:, 0], "b": X[:, 1]}), y).predict(
        polars.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    )
    by_pandas = model.fit(pd.DataFrame(X, columns=["a", "b"]), y).predict(pd.DataFrame(X, columns=["a", "b"]))
    by_number = model.fit(pd.DataFrame(X), y).predict(pd.DataFrame(X))
    np.testing.assert_allclose(by_polars, by_pandas)
    np.testing.assert_allclose(by_number, by_pandas)


class Counting(LogisticRegression):
    """Remembers the largest number of rows it was asked about."""

    largest = 0

    def predict_proba(self, X):
        type(self).largest = max(type(self).largest, len(X))
        return super().predict_proba(X)


def test_questions_are_answered_in_blocks_and_look_at_the_periods_asked_about_only(monkeypatch):
    monkeypatch.setattr("churnlib.survival._hazard_model._CELLS", 5000)
    X, y = customers()
    model = DiscreteTimeHazard(Counting()).fit(X, y)
    whole = model.predict_survival_function(X)
    assert Counting.largest <= 5000
    np.testing.assert_array_equal(whole[7:9], model.predict_survival_function(X[7:9]))
    Counting.largest = 0
    model.predict_churn_probability(X[:10], 2, given=5)
    assert Counting.largest == 20


def test_weights_need_a_classifier_that_takes_them():
    X, y = customers(100)
    neighbours = DiscreteTimeHazard(KNeighborsClassifier())
    neighbours.fit(X, y)
    with pytest.raises(ParameterError, match="KNeighborsClassifier takes no sample_weight"):
        neighbours.fit(X, y, sample_weight=np.full(100, 2.0))
    y["time"] = y["time"] - 0.5
    with pytest.raises(ParameterError, match="KNeighborsClassifier takes no sample_weight"):
        neighbours.fit(X, y)


def test_a_classifier_without_a_seed_gets_ours():
    X, y = customers(100)
    model = DiscreteTimeHazard(HistGradientBoostingClassifier(max_iter=2), random_state=7).fit(X, y)
    assert model.estimator_.random_state == 7
    assert model.estimator.random_state is None
    kept = DiscreteTimeHazard(HistGradientBoostingClassifier(max_iter=2, random_state=3)).fit(X, y)
    assert kept.estimator_.random_state == 3


# ---------------------------------------------------------------------- protocol


def test_it_is_cloned_pickled_and_searched():
    X, y = customers()
    model = DiscreteTimeHazard(spikes=(6,)).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_survival_function(X), model.predict_survival_function(X))
    assert len(pickle.dumps(model)) < 20_000  # no rows inside
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(DiscreteTimeHazard(), {"clock": ["linear", "dummy"], "l2": [0.0, 1.0]}, cv=KFold(3))
    assert search.fit(X, y).best_score_ > 0.55
    assert model.score(X, y) > 0.55
    with pytest.raises(NotFittedError):
        DiscreteTimeHazard().predict(X)
    with pytest.raises(NotFittedError):
        DiscreteTimeHazard().summary()


def test_risk_orders_customers_as_their_curves_do():
    X, y = customers(causes=1)
    model = DiscreteTimeHazard().fit(X, y)
    np.testing.assert_array_equal(
        np.argsort(model.predict(X)), np.argsort(-model.predict_expected_lifetime(X, until=12))
    )


def test_periods_by_themselves():
    y = survival_target([1, 0, 1] * 10, np.linspace(10, 700, 30))
    assert bare(y, period=None, clock="linear").period_ == 12
    short = survival_target([1, 0, 1] * 10, np.arange(1, 31))
    assert bare(short, period=None, clock="linear").period_ == 1


@pytest.mark.parametrize("beyond", ["nan", "hold"])
def test_beyond_the_data(beyond):
    X, y = customers(entry=True)
    y["entry"] += 2
    y["time"] += 2
    model = DiscreteTimeHazard(beyond=beyond).fit(X, y)
    high = model.support_[1]
    late = model.predict_survival_function(X[:3], [1.0, 50.0], given=high - 1)
    survival = model.predict_survival_function(X[:3], [1.0], given=high - 1)
    early = model.predict_churn_probability(X[:3], 2, given=0.5)
    lifetime = model.predict_expected_lifetime(X[:3], given=high - 1, until=5)
    if beyond == "nan":
        assert np.isnan(late[:, 1]).all()
        assert np.isnan(early).all()
        assert np.isnan(lifetime).all()
        assert np.isnan(model.predict_cumulative_incidence(X[:3], [50.0])).all()
    else:
        np.testing.assert_allclose(late[:, 1], survival[:, 0])
        np.testing.assert_allclose(lifetime, 1 + 4 * survival[:, 0])
        assert (early >= 0).all()
    with pytest.raises(HistoryError, match="nobody was watched beyond 14"):
        DiscreteTimeHazard().fit(X, y).predict_expected_lifetime(X, given=13, until=5)
    with pytest.raises(HistoryError, match="tenures of given are below 2"):
        DiscreteTimeHazard().fit(X, y).predict_expected_lifetime(X, given=1, until=5)


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"period": 0}, ParameterError, "period=0 is no length"),
        ({"period": -1.0}, ParameterError, "period=-1.0 is no length"),
        ({"period": "1mo"}, ParameterError, "period='1mo' is a length of the calendar"),
        ({"period": 13}, ParameterError, "longer than anybody was watched"),
        ({"clock": "cubic"}, ValueError, "The 'clock' parameter"),
        ({"spikes": ("a",)}, ParameterError, "spikes cannot be read as numbers"),
        ({"spikes": (0,)}, ParameterError, "tenures above 0"),
        (
            {"contract_term": "x", "contract_end": "y"},
            ParameterError,
            "contract_term= and contract_end= are both given",
        ),
        ({"contract_term": "months"}, SchemaError, "contract_term='months' is no column of X"),
        ({"contract_end": 2}, SchemaError, "contract_end=2 is no column of X; X has 2 columns without names"),
        ({"l2": -1}, ValueError, "The 'l2' parameter"),
        ({"estimator": 3}, ValueError, "The 'estimator' parameter"),
    ],
)
def test_settings_that_cannot_be(options, error, says):
    X, y = customers(100)
    with pytest.raises(error, match=says):
        DiscreteTimeHazard(**options).fit(X, y)


def test_targets_that_cannot_be():
    X, y = customers(100)
    with pytest.raises(DataError, match="all 100 rows are censored"):
        DiscreteTimeHazard().fit(X, survival_target(np.zeros(100), y["time"]))
    many = survival_target(np.where(y["event"], 2, 0), y["time"], causes=["a", "b"])
    with pytest.raises(DataError, match="y holds cause 2, and causes names 1"):
        DiscreteTimeHazard(causes=("a",)).fit(X, many)
    model = DiscreteTimeHazard(clock="linear").fit(*customers(causes=2))
    with pytest.raises(ParameterError, match="cause='price' is not known"):
        model.predict_churn_probability(X, 3, cause="price")
    with pytest.raises(ParameterError, match='link="cloglog" with 2 causes'):
        DiscreteTimeHazard(link="cloglog").fit(*customers(causes=2))
    ended = survival_target(np.ones(5), np.ones(5))
    with pytest.raises(DataError, match="all 5 person-periods end with a churn"):
        DiscreteTimeHazard(LogisticRegression()).fit(X[:5], ended)


def test_names_of_the_clock_are_reserved():
    X, y = customers(100)
    frame = pd.DataFrame(X, columns=["x", "clock.tenure"])
    with pytest.raises(SchemaError, match=r"1 columns of X have names that the clock uses \(clock.tenure\)"):
        DiscreteTimeHazard().fit(frame, y)


def test_columns_that_say_nothing_are_named():
    X, y = customers()
    constant = pd.DataFrame({"a": X[:, 0], "same": 3.0})
    with pytest.warns(AssumptionWarning, match=r"1 of 2 columns are constant \(same\)"):
        model = DiscreteTimeHazard().fit(constant, y)
    assert model.coef_[1] == 0
    assert np.isnan(model.standard_errors_[1])
    assert model.summary().index.tolist() == ["a"]
    twice = pd.DataFrame({"a": X[:, 0], "b": -2 * X[:, 0], "c": X[:, 1]})
    with pytest.warns(AssumptionWarning, match=r"columns depend on each other \(a, b\)"):
        shared = DiscreteTimeHazard().fit(twice, y)
    assert shared.coef_[0] - 2 * shared.coef_[1] == pytest.approx(DiscreteTimeHazard().fit(X, y).coef_[0], abs=1e-6)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_a_feature_that_separates_is_named(link):
    X, y = customers()
    frame = pd.DataFrame({"a": X[:, 0], "told": (X[:, 1] > 0) & ~y["event"]}, dtype=float)
    with pytest.warns(AssumptionWarning, match="told separate those who left from those who stayed"):
        DiscreteTimeHazard(link=link).fit(frame, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        held = DiscreteTimeHazard(link=link, l2=1.0).fit(frame, y)
    assert held.converged_
    assert -10 < held.coef_[1] < 0


def test_a_search_that_ends_early_says_so():
    X, y = customers()
    with pytest.warns(AssumptionWarning, match="did not converge in 1 steps"):
        model = DiscreteTimeHazard(max_iter=1, tol=1e-12).fit(X, y)
    assert not model.converged_


def test_periods_in_which_nobody_was_watched_are_named():
    y = survival_target([1, 0, 1, 1, 0, 1], [2, 2, 1, 6, 6, 5], entry=[0, 0, 0, 4, 4, 4])
    with pytest.warns(AssumptionWarning, match=r"nobody was watched in 2 of 6 periods \(ending at 3, 4\)"):
        model = bare(y, clock="dummy")
    assert (model.baseline_hazard_.loc[[3.0, 4.0], 1] == 0).all()
