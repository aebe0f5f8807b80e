"""The protocol: two models whose answers are known in closed form, and everything asked of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from churnlib.exceptions import DataError, HistoryError, ParameterError
from churnlib.survival import HazardModel, _hazard_model
from churnlib.targets import survival_target


class Exponential(HazardModel):
    """Survival ``exp(-x t)``, smooth, known."""

    _steps = False

    def __init__(self, *, beyond="raise"):
        self.beyond = beyond

    def _fit(self, X, rows, weight):
        self.times_ = np.unique(rows.time)

    def _log_survival(self, X, times):
        return -X[:, :1] * times


class Halving(HazardModel):
    """Half of those left leave at each whole tenure, a third of them by the second cause."""

    _causes = "each"

    def __init__(self, *, causes=None, beyond="raise"):
        self.causes = causes
        self.beyond = beyond

    def _fit(self, X, rows, weight):
        self.times_ = np.arange(1.0, np.floor(self.support_[1]) + 1)

    def _log_survival(self, X, times):
        return np.broadcast_to(-np.log(2) * np.floor(times), (len(X), times.shape[1]))

    def _incidence(self, X, times):
        gone = -np.expm1(self._log_survival(X, times))
        return np.stack([2 * gone / 3, gone / 3], axis=1)


X = np.array([[0.01], [0.02], [0.05]])
TARGET = survival_target([1, 1, 0], [40, 60, 100])


def exponential(**options):
    return Exponential(**options).fit(X, TARGET)


def halving(**options):
    return Halving(**options).fit(X, survival_target([1, 2, 0], [3, 4, 8], causes=["price", "moved"]))


def test_fit_remembers_what_was_watched():
    model = exponential()
    assert model.support_ == (0.0, 100.0)
    assert model.causes_ == (1,)
    assert model.n_features_in_ == 1
    assert model.censoring_(99.0) == 1.0
    assert model.censoring_(100.0) == 0.0
    assert halving().causes_ == (1, 2)
    assert halving(causes=["price", "moved"]).causes_ == ("price", "moved")


def test_survival_hazard_and_churn_are_the_same_curve():
    model = exponential()
    times = [10.0, 20.0, 50.0]
    survival = model.predict_survival_function(X, times)
    np.testing.assert_allclose(survival, np.exp(-X * times))
    np.testing.assert_allclose(model.predict_cumulative_hazard(X, times), X * times)
    np.testing.assert_allclose(np.cumprod(1 - model.predict_hazard(X, times), axis=1), survival)
    np.testing.assert_allclose(model.predict_churn_probability(X, 20), 1 - survival[:, 1])
    np.testing.assert_allclose(model.predict_cumulative_incidence(X, times)[:, 0], 1 - survival)
    assert model.predict_survival_function(X).shape == (3, 3)


def test_the_exponential_forgets_the_tenure_and_the_clock_of_halves_does_not():
    np.testing.assert_allclose(
        exponential().predict_survival_function(X, [10], given=[0, 40, 90]), np.exp(-10 * X), rtol=1e-12
    )
    later = halving().predict_survival_function(X, [0.5], given=[0, 0.4, 0.5])
    np.testing.assert_allclose(later[:, 0], [1, 1, 0.5])


def test_horizons_are_numbers_rows_of_numbers_or_days_in_words():
    model = exponential()
    one = model.predict_churn_probability(X, "30d")
    np.testing.assert_allclose(one, -np.expm1(-30 * X[:, 0]))
    each = model.predict_churn_probability(X, [30, 60, 90])
    np.testing.assert_allclose(each, -np.expm1(-X[:, 0] * [30, 60, 90]))


def test_tenures_may_be_a_column_of_x():
    frame = pd.DataFrame({"rate": X[:, 0], "tenure": [5.0, 10.0, 20.0]})
    model = Exponential().fit(frame, TARGET)
    np.testing.assert_allclose(
        model.predict_survival_function(frame, [3], given="tenure"),
        model.predict_survival_function(frame, [3], given=frame["tenure"]),
    )


def test_incidences_and_survival_make_one():
    model = halving(causes=["price", "moved"])
    times = [0.5, 1, 2.5, 4]
    for given_ in (None, [0.0, 1.0, 2.5]):
        incidence = model.predict_cumulative_incidence(X, times, given=given_)
        assert incidence.shape == (3, 2, 4)
        survival = model.predict_survival_function(X, times, given=given_)
        np.testing.assert_allclose(incidence.sum(axis=1) + survival, 1, atol=1e-12)
    by_cause = model.predict_churn_probability(X, 2, given=1, cause="moved")
    np.testing.assert_allclose(by_cause, 0.75 / 3)
    np.testing.assert_allclose(model.predict_churn_probability(X, 2, given=1), 0.75)


def test_expected_lifetime_is_the_area_under_the_curve():
    model = exponential()
    np.testing.assert_allclose(model.predict_expected_lifetime(X, until=50), -np.expm1(-50 * X[:, 0]) / X[:, 0])
    np.testing.assert_allclose(
        model.predict_expected_lifetime(X, given=[1, 2, 3], until=[10, 20, 30]),
        -np.expm1(-X[:, 0] * [10, 20, 30]) / X[:, 0],
    )
    steps = halving()
    # 1 until tenure 1, then a half, a quarter: 1 + 1/2 + 1/4 · 1/2
    np.testing.assert_allclose(steps.predict_expected_lifetime(X, until=2.5), 1.625)
    # From 0.5 on, a half year of certainty, then a half for the rest.
    np.testing.assert_allclose(steps.predict_expected_lifetime(X, given=0.5, until=1), 0.75)


def test_risk_is_higher_for_who_leaves_sooner():
    model = exponential()
    assert np.argsort(model.predict(X)).tolist() == [0, 1, 2]
    np.testing.assert_allclose(model.predict(X), -model.predict_expected_lifetime(X, until=100))
    assert model.score(X[::-1], TARGET) == 1.0
    assert model.score(X, TARGET) == 0.0


def test_score_counts_who_is_worth_more():
    weighted = exponential().score(X[[0, 1, 2, 0]], survival_target([1, 1, 0, 0], [40, 60, 100, 80]), [1, 2, 0, 1])
    assert weighted == pytest.approx(concordance_by_hand([0.01, 0.02, 0.01], [40, 60, 80], [1, 1, 0], [1, 2, 1]))


def concordance_by_hand(risk, time, event, weight):
    right = total = 0.0
    for i in range(len(risk)):
        for j in range(len(risk)):
            if event[i] and time[i] < time[j]:
                total += weight[i] * weight[j]
                right += weight[i] * weight[j] * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
    return right / total


@given(st.floats(0.0, 4.0), st.floats(0.0, 3.9))
def test_time_adds_up(s, t):
    model = halving()
    whole = model.predict_survival_function(X, [s + t])
    first, then = model.predict_survival_function(X, [s]), model.predict_survival_function(X, [t], given=s)
    np.testing.assert_allclose(whole, first * then, rtol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    model, many = exponential(), np.linspace(0.001, 0.1, 101)[:, None]
    tenure = np.linspace(0, 50, 101)

    def answers():
        return (
            model.predict(many),
            model.predict_survival_function(many, [1, 5, 9], given=tenure),
            model.predict_cumulative_incidence(many, [1, 5, 9]),
            model.predict_churn_probability(many, tenure + 1),
            model.predict_expected_lifetime(many, given=tenure, until=10),
        )

    whole = answers()
    monkeypatch.setattr(_hazard_model, "_CELLS", 7)
    for expected, found in zip(whole, answers(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-15)


# ------------------------------------------------------------------ beyond the data


def test_beyond_the_data_is_an_error_by_default():
    model = exponential()
    with pytest.raises(HistoryError, match="tenures up to 101 are asked for, and nobody was watched beyond 100"):
        model.predict_survival_function(X, [50, 101])
    with pytest.raises(HistoryError, match="within the support, 0 to 100"):
        model.predict_churn_probability(X, 60, given=[10, 20, 50])
    with pytest.raises(HistoryError, match="beyond 100"):
        model.predict_cumulative_incidence(X, [60], given=[10, 20, 50])
    with pytest.raises(HistoryError, match="beyond 100"):
        model.predict_expected_lifetime(X, until=101)


def test_the_end_of_the_support_is_inside_in_spite_of_rounding():
    model = Exponential().fit(X, survival_target([1, 1, 0], [4, 6, 0.3]))
    model.support_ = (0.0, 0.3)
    assert 0.1 + 0.2 > 0.3
    assert model.predict_churn_probability(X, 0.2, given=0.1).shape == (3,)


def test_beyond_may_be_marked():
    model = exponential(beyond="nan")
    answer = model.predict_survival_function(X, [50, 101])
    assert np.isnan(answer).tolist() == [[False, True]] * 3
    assert np.isnan(model.predict_churn_probability(X, 60, given=[10, 20, 50])).tolist() == [False, False, True]
    assert np.isnan(model.predict_cumulative_incidence(X, [60], given=[10, 20, 50]))[:, 0, 0].tolist() == [
        False,
        False,
        True,
    ]
    assert np.isnan(halving(beyond="nan").predict_expected_lifetime(X, until=9)).all()


def test_beyond_may_be_held():
    model = exponential(beyond="hold")
    answer = model.predict_survival_function(X, [100, 150])
    np.testing.assert_array_equal(answer[:, 0], answer[:, 1])
    np.testing.assert_allclose(
        halving(beyond="hold").predict_expected_lifetime(X, until=10),
        halving().predict_expected_lifetime(X, until=8) + 2 * 2.0**-8,
    )


def test_with_delayed_entry_life_begins_where_somebody_was_watched():
    late = survival_target([1, 2, 0], [3, 4, 8], entry=[2, 3, 2.5], causes=["price", "moved"])
    model = Halving().fit(X, late)
    assert model.support_ == (2.0, 8.0)
    # Nobody was watched before 2: the curve is 1 there, and goes on from there.
    np.testing.assert_allclose(model.predict_survival_function(X[:1], [1, 2, 3, 4])[0], [1, 1, 0.5, 0.25])
    np.testing.assert_allclose(model.predict_cumulative_incidence(X[:1], [1, 3])[0].sum(axis=0), [0, 0.5])
    np.testing.assert_allclose(model.predict_expected_lifetime(X[:1], until=2), 1.5)
    with pytest.raises(
        HistoryError, match=r"1 tenures of given are below 2, before which nobody was watched .first: 1"
    ):
        model.predict_survival_function(X, [1], given=[2, 3, 1])
    marked = Halving(beyond="nan").fit(X, late).predict_survival_function(X, [1], given=[2, 3, 1])
    assert np.isnan(marked[:, 0]).tolist() == [False, False, True]
    marked = Halving(beyond="nan").fit(X, late).predict_expected_lifetime(X, given=[2, 3, 1], until=1)
    assert np.isnan(marked).tolist() == [False, False, True]


def test_a_smooth_law_speaks_of_the_tenures_before_the_first_that_was_watched():
    late = survival_target([1, 1, 0], [40, 60, 100], entry=[20, 30, 20])
    for beyond in ("raise", "nan", "hold", "extrapolate"):
        model = Exponential(beyond=beyond).fit(X, late)
        assert model.support_ == (20.0, 100.0)
        for given_ in (None, 0, 10):
            survival = model.predict_survival_function(X, [5, 10, 25], given=given_)
            np.testing.assert_allclose(survival, np.exp(-X * [5, 10, 25]))
            np.testing.assert_allclose(model.predict_churn_probability(X, 10, given=given_), -np.expm1(-10 * X[:, 0]))
            lifetime = model.predict_expected_lifetime(X, given=given_, until=50)
            np.testing.assert_allclose(lifetime, -np.expm1(-50 * X[:, 0]) / X[:, 0])


def test_a_horizon_that_ends_before_anybody_was_watched_has_no_chance_of_zero():
    late = survival_target([1, 2, 0], [3, 4, 8], entry=[2, 3, 2.5], causes=["price", "moved"])
    with pytest.raises(
        HistoryError, match=r"without given= a horizon counts from(?s:.*)watched before 2 .horizons from 1"
    ):
        Halving().fit(X, late).predict_churn_probability(X, [1, 3, 3])
    marked = Halving(beyond="nan").fit(X, late).predict_churn_probability(X, [1, 2, 3])
    np.testing.assert_allclose(marked, [np.nan, np.nan, 0.5])
    held = Halving(beyond="hold").fit(X, late).predict_churn_probability(X, [1, 2, 3])
    np.testing.assert_allclose(held, [0, 0, 0.5])


@pytest.mark.parametrize("beyond", ["hold", "extrapolate"])
def test_where_the_curve_is_held_before_the_data_the_time_until_they_begin_is_stayed(beyond):
    late = survival_target([1, 2, 0], [3, 4, 8], entry=[2, 3, 2.5], causes=["price", "moved"])
    model = Halving(beyond=beyond).fit(X, late)
    # Nobody leaves before 3, and half of them then.
    np.testing.assert_allclose(model.predict_expected_lifetime(X, given=[0, 1, 2], until=1), 1)
    np.testing.assert_allclose(
        model.predict_expected_lifetime(X, given=[0, 1, 2], until=[3.5, 2.5, 1.5]), [3.25, 2.25, 1.25]
    )
    grid = np.linspace(0, 12, 1201)[1:]
    survival = model.predict_survival_function(X[:1], grid, given=0.5)
    area = np.sum((np.concatenate([[1.0], survival[0, :-1]])) * np.diff(grid, prepend=0))
    np.testing.assert_allclose(model.predict_expected_lifetime(X[:1], given=0.5, until=12), area, atol=0.01)


def test_the_end_of_the_support_is_inside_in_spite_of_rounding_where_beyond_is_marked():
    model = Halving(beyond="nan").fit(X, survival_target([1, 2, 1], [0.1, 0.2, 0.3], causes=["price", "moved"]))
    np.testing.assert_allclose(model.predict_expected_lifetime(X, given=0.1, until=0.2), 0.2)


class Gone(Halving):
    def _log_survival(self, X, times):
        return np.where(times >= 3, -np.inf, 0.0) * np.ones((len(X), 1))


def test_nobody_is_left_is_not_a_number_that_passes_quietly():
    rows = survival_target([1, 2, 0], [3, 4, 8], causes=["price", "moved"])
    with pytest.raises(HistoryError, match="3 of 3 customers have a tenure at which, by the model, nobody is left"):
        Gone().fit(X, rows).predict_churn_probability(X, 1, given=4)
    with pytest.raises(HistoryError, match="nobody is left"):
        Gone().fit(X, rows).predict_cumulative_incidence(X, [1], given=4)
    assert np.isnan(Gone(beyond="nan").fit(X, rows).predict_churn_probability(X, 1, given=4)).all()
    assert np.isnan(Gone().fit(X, rows).predict_hazard(X, [2, 3, 4])[:, 2]).all()
    # Everybody has gone by the end of the data, so the mean needs no limit.
    np.testing.assert_allclose(Gone().fit(X, rows).predict_expected_lifetime(X), 3)


def test_a_mean_without_a_limit_needs_everybody_to_have_gone():
    with pytest.raises(ParameterError, match="up to 37% are still here at 100"):
        exponential().predict_expected_lifetime(X)


# ------------------------------------------------------------------ what cannot be read


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"times": [-1]}, "1 of 1 times are below 0"),
        ({"times": [np.nan, 1]}, "1 of 2 times are below 0, missing"),
        ({"times": [[1, 2]]}, r"times has shape \(1, 2\)"),
        ({"times": []}, r"times has shape \(0,\)"),
        ({"times": ["soon"]}, "times cannot be read as numbers"),
        ({"given": 3}, "times= is missing"),
        ({"times": [1], "given": [1, 2]}, r"given has shape \(2,\)"),
        ({"times": [1], "given": [1, -2, np.nan]}, "2 of 3 tenures are below 0, missing or infinite .rows 1, 2"),
        ({"times": [1], "given": "tenure"}, "given='tenure' is no column of X"),
        ({"times": [1], "given": ["a", "b", "c"]}, "given cannot be read as numbers"),
    ],
)
def test_questions_that_cannot_be_read(arguments, words):
    with pytest.raises(ParameterError, match=words):
        exponential().predict_survival_function(X, **arguments)


@pytest.mark.parametrize(
    ("horizon", "words"),
    [
        (0, "1 horizons are 0 or less"),
        ([1, np.nan, 2], "1 horizons are 0 or less, missing"),
        ([1, 2], r"horizon has shape \(2,\)"),
        ("3mo", "horizon='3mo' is a length of the calendar"),
        ("soon", "horizon"),
        ({}, "horizon cannot be read as numbers"),
    ],
)
def test_horizons_that_cannot_be_read(horizon, words):
    with pytest.raises(ParameterError, match=words):
        exponential().predict_churn_probability(X, horizon)


def test_given_of_other_customers_is_refused():
    frame = pd.DataFrame({"rate": X[:, 0]}, index=["a", "b", "c"])
    model = Exponential().fit(frame, TARGET)
    with pytest.raises(ParameterError, match="given and X have different indexes"):
        model.predict_survival_function(frame, [1], given=pd.Series([1.0, 2, 3], index=["c", "b", "a"]))
    turned = pd.Series([10.0, 20, 30], index=["c", "b", "a"])
    with pytest.raises(ParameterError, match="horizon and X have different indexes"):
        model.predict_churn_probability(frame, turned)
    with pytest.raises(ParameterError, match="horizon and X have different indexes"):
        model.predict_expected_lifetime(frame, until=turned)


def test_differences_of_time_are_no_numbers_of_microseconds():
    model = exponential(beyond="hold")
    with pytest.raises(ParameterError, match=r"given cannot be read as numbers .they are timedelta64(?s:.*)Timedelta"):
        model.predict_churn_probability(X, 1, given=pd.Series(pd.to_timedelta([1, 2, 3], unit="D")))
    with pytest.raises(ParameterError, match=r"times cannot be read as numbers .they are datetime64"):
        model.predict_survival_function(X, np.array(["2025-01-01"], "M8[D]"))


def test_other_refusals():
    with pytest.raises(ParameterError, match="times do not ascend"):
        exponential().predict_hazard(X, [2, 1])
    with pytest.raises(DataError, match="X has 3 rows and y 2"):
        Exponential().fit(X, TARGET[:2])
    with pytest.raises(DataError, match="all 3 rows are censored"):
        Exponential().fit(X, survival_target([0, 0, 0], [1, 2, 3]))
    with pytest.raises(DataError, match="all 3 rows are censored"):
        Exponential().fit(X, TARGET, sample_weight=[0, 0, 1])
    with pytest.raises(DataError, match="2 weights for 3 rows"):
        Exponential().fit(X, TARGET, sample_weight=[1, 1])
    with pytest.raises(DataError, match="no survival target"):
        Exponential().fit(X, [1, 0, 1])
    with pytest.raises(DataError, match=r"y holds 2 causes, and Exponential models one(?s:.)*CompetingHazards"):
        Exponential().fit(X, survival_target([1, 2, 0], [3, 4, 8], causes=["price", "moved"]))
    with pytest.raises(DataError, match="y holds cause 2, and causes names 1: price"):
        halving(causes=["price"])
    with pytest.raises(ParameterError, match="cause='moves' is not known"):
        halving(causes=["price", "moved"]).predict_churn_probability(X, 1, cause="moves")
    with pytest.raises(ParameterError, match="cause=3 is not known"):
        halving().predict_churn_probability(X, 1, cause=3)
    with pytest.raises(ValueError, match="beyond"):
        Exponential(beyond="trust").fit(X, TARGET)
    with pytest.raises(NotFittedError):
        Exponential().predict(X)


# ------------------------------------------------------------------ a tail behind the data


class Trusted(Exponential):
    _own_tail = True


def test_a_formula_goes_on_by_itself():
    model = Trusted(beyond="extrapolate").fit(X, TARGET)
    np.testing.assert_allclose(model.predict_survival_function(X, [50, 300]), np.exp(-X * [50, 300]))
    np.testing.assert_allclose(model.predict_expected_lifetime(X, until=300), -np.expm1(-300 * X[:, 0]) / X[:, 0])


def test_a_curve_goes_on_with_the_hazard_of_its_last_tenth():
    # A constant hazard goes on as it was, so the exponential without a formula is the one with it.
    held, trusted = Exponential(beyond="extrapolate"), Trusted(beyond="extrapolate")
    held.fit(X, TARGET), trusted.fit(X, TARGET)
    for given_ in (None, [0, 90, 400]):
        ahead = [50.0, 120, 300]
        np.testing.assert_allclose(
            held.predict_survival_function(X, ahead, given=given_),
            trusted.predict_survival_function(X, ahead, given=given_),
            rtol=1e-12,
        )
        np.testing.assert_allclose(
            held.predict_cumulative_incidence(X, ahead, given=given_),
            trusted.predict_cumulative_incidence(X, ahead, given=given_),
            rtol=1e-12,
        )
        np.testing.assert_allclose(
            held.predict_expected_lifetime(X, given=given_, until=300),
            trusted.predict_expected_lifetime(X, given=given_, until=300),
            rtol=1e-12,
        )
    np.testing.assert_allclose(
        held.predict_churn_probability(X, 30, given=[0, 90, 400]), -np.expm1(-30 * X[:, 0]), rtol=1e-12
    )


def test_the_tail_is_shared_out_among_the_causes():
    rows = survival_target([1, 2, 0], [3, 4, 20], causes=["price", "moved"])
    model = Halving(beyond="extrapolate").fit(X, rows)
    times = [19.0, 20, 21, 40]
    incidence = model.predict_cumulative_incidence(X, times, given=17)
    np.testing.assert_allclose(incidence.sum(axis=1) + model.predict_survival_function(X, times, given=17), 1)
    np.testing.assert_allclose(incidence[:, 0], 2 * incidence[:, 1])
    # Two of the tenures 18.x to 20 are whole: half left at each, and so on.
    np.testing.assert_allclose(model.predict_churn_probability(X, 2, given=25), 0.75)
    by_cause = model.predict_churn_probability(X, 2, given=25, cause=2)
    np.testing.assert_allclose(by_cause, 0.25)


def test_nobody_leaves_behind_a_tenth_in_which_nobody_left_and_nobody_stays_where_all_have_gone():
    class Quiet(Halving):
        def _log_survival(self, X, times):
            return np.where(times >= 3, np.log(0.5), 0.0) * np.ones((len(X), 1))

    rows = survival_target([1, 2, 0], [3, 4, 20], causes=["price", "moved"])
    quiet = Quiet(beyond="extrapolate").fit(X, rows)
    np.testing.assert_allclose(quiet.predict_survival_function(X, [20, 99]), 0.5)
    np.testing.assert_allclose(quiet.predict_expected_lifetime(X, given=20, until=10), 10)
    np.testing.assert_allclose(quiet.predict_cumulative_incidence(X, [99], given=20), 0)
    gone = Gone(beyond="extrapolate").fit(X, rows)
    np.testing.assert_allclose(gone.predict_survival_function(X, [2, 99]), [[1, 0]] * 3)
    np.testing.assert_allclose(gone.predict_expected_lifetime(X, until=99), 3)


@pytest.mark.parametrize("until", [1.0, 300, 1e5, 1e9])
def test_however_far_one_looks_a_smooth_law_keeps_its_area(until):
    model = Trusted(beyond="extrapolate").fit(X, TARGET)
    for given_ in (None, [0, 3, 90]):
        np.testing.assert_allclose(
            model.predict_expected_lifetime(X, given=given_, until=until),
            -np.expm1(-until * X[:, 0]) / X[:, 0],
            rtol=1e-12,
        )


class Early(Exponential):
    """A Weibull law whose hazard is infinite at the start: ``exp(-(t / 20)^.35)``."""

    _own_tail = True

    def _log_survival(self, X, times):
        return np.repeat(-((times / 20) ** 0.35), len(X), axis=0) if len(times) == 1 else -((times / 20) ** 0.35)


def test_the_area_under_a_law_that_falls_at_once():
    from scipy.special import gamma, gammainc

    model = Early(beyond="extrapolate").fit(X, TARGET)
    # The integral of exp(-(t/λ)^k) to u is λ/k Γ(1/k) P(1/k, (u/λ)^k).
    for until in (1.0, 1e3, 1e6):
        truth = 20 / 0.35 * gamma(1 / 0.35) * gammainc(1 / 0.35, (until / 20) ** 0.35)
        np.testing.assert_allclose(model.predict_expected_lifetime(X, until=until), truth, rtol=1e-8)
