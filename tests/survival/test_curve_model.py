"""What the three curves share: strata, their spans, X that is not looked at, the target's errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline

from churnlib.exceptions import AssumptionWarning, DataError, HistoryError, ParameterError
from churnlib.survival import AalenJohansen, KaplanMeier, NelsonAalen
from churnlib.survival._curve_model import Curve
from churnlib.survival._stretch import Stretch
from churnlib.targets import survival_target

CURVES = [KaplanMeier, NelsonAalen, AalenJohansen]
RNG = np.random.default_rng(0)
PLANS = pd.DataFrame({"plan": RNG.choice(["a", "b"], 400), "year": RNG.choice([2024, 2025], 400)})
LIFE = np.ceil(RNG.exponential(np.where(PLANS["plan"] == "a", 10, 20)))
LOST = RNG.integers(1, 40, 400)
Y = survival_target(LIFE <= LOST, np.minimum(LIFE, LOST))


@pytest.mark.parametrize("curve", CURVES)
class TestEachCurve:
    def test_each_stratum_is_the_curve_of_its_rows(self, curve):
        model = curve(strata=["plan", "year"], beyond="nan").fit(PLANS, Y)
        times = [1, 5, 20]
        found = model.predict_survival_function(PLANS, times)
        for label in model.strata_.labels:
            rows = ((PLANS["plan"] == label[0]) & (PLANS["year"] == label[1])).to_numpy()
            alone = curve().fit(None, Y[rows])
            np.testing.assert_array_equal(
                found[rows], np.repeat(alone.predict_survival_function(None, times), rows.sum(), axis=0)
            )
            part = model.table_[model.table_["stratum"] == label].drop(columns="stratum").reset_index(drop=True)
            pd.testing.assert_frame_equal(part, alone.table_.drop(columns="stratum"))

    def test_one_column_labels_by_its_values(self, curve):
        table = curve(strata="plan").fit(PLANS, Y).table_
        assert table["stratum"].unique().tolist() == ["a", "b"]
        assert curve().fit(PLANS, Y).table_["stratum"].unique().tolist() == ["all"]

    def test_risk_puts_those_who_leave_sooner_first(self, curve):
        model = curve(strata="plan").fit(PLANS, Y)
        risk = model.predict(PLANS)
        assert risk[(PLANS["plan"] == "a").to_numpy()].min() > risk[(PLANS["plan"] == "b").to_numpy()].max()
        assert len(np.unique(risk)) == 2
        assert model.score(PLANS, Y) > 0.55
        assert len(set(curve().fit(PLANS, Y).predict(PLANS))) == 1

    def test_given_and_blocks(self, curve, monkeypatch):
        model = curve(strata="plan").fit(PLANS, Y)
        tenure = np.arange(400) % 10
        whole = model.predict_survival_function(PLANS, [3, 8], given=tenure)
        lifetimes = model.predict_expected_lifetime(PLANS, given=tenure, until=9)
        monkeypatch.setattr("churnlib.survival._hazard_model._CELLS", 64)
        np.testing.assert_array_equal(model.predict_survival_function(PLANS, [3, 8], given=tenure), whole)
        np.testing.assert_array_equal(model.predict_expected_lifetime(PLANS, given=tenure, until=9), lifetimes)
        for row in (0, 17, 399):
            one = model.predict_survival_function(PLANS.iloc[[row]], [tenure[row], tenure[row] + 8])[0]
            assert whole[row, 1] == pytest.approx(one[1] / one[0], rel=1e-12)

    def test_the_area_under_the_curve(self, curve):
        model = curve(strata="plan").fit(PLANS, Y)
        fine = (np.arange(9_000) + 0.5) / 1000
        expected = model.predict_survival_function(PLANS.iloc[:6], fine, given=2.5).mean(axis=1) * 9
        assert model.predict_expected_lifetime(PLANS.iloc[:6], given=2.5, until=9) == pytest.approx(expected, rel=1e-9)

    def test_x_is_not_looked_at_without_strata(self, curve):
        times = [3, 9]
        by_nothing = curve().fit(None, Y)
        strange = np.array([[None], ["text"], [np.nan]], dtype=object)
        for X in (strange, pd.DataFrame(index=range(3)), pl.DataFrame({"any": [1, 2, 3]}), [[1], [2], [3]]):
            assert by_nothing.predict_survival_function(X, times).shape == (3, 2)
        assert by_nothing.predict_survival_function(None, times).shape == (1, 2)
        pd.testing.assert_frame_equal(curve().fit(PLANS, Y).table_, by_nothing.table_, check_exact=True)
        pipeline = make_pipeline("passthrough", curve(strata="plan")).fit(PLANS, Y)
        assert pipeline.score(PLANS, Y) == curve(strata="plan").fit(PLANS, Y).score(PLANS, Y)

    def test_a_stratum_without_weight_was_not_seen(self, curve):
        model = curve(strata="plan").fit(PLANS, Y, sample_weight=(PLANS["plan"] == "b").to_numpy(float))
        assert model.strata_.labels == ("b",)
        with pytest.raises(DataError, match="not seen in fit: plan='a'"):
            model.predict(PLANS)

    @pytest.mark.parametrize("plain", [True, False])
    @pytest.mark.parametrize(
        ("event", "time", "match"),
        [
            ([0, 0], [1, 2], "all 2 rows are censored"),
            ([1, 0], [0, 2], r"1 of 2 times are 0 or less"),
            ([1, 0], [-1, 2], r"1 of 2 times are 0 or less"),
            ([1, 0], [np.nan, 2], r"1 of 2 times are missing or infinite"),
            ([1, 0], [np.inf, 2], r"1 of 2 times are missing or infinite"),
        ],
    )
    def test_bad_targets(self, curve, event, time, match, plain):
        y = np.array(list(zip(event, time, strict=True)), dtype=[("event", "?"), ("time", "<f8")])
        with pytest.raises(DataError, match=match):
            curve().fit(None, y, sample_weight=None if plain else [1, 2])

    def test_x_and_y_must_fit(self, curve):
        with pytest.raises(DataError, match="X has 399 rows and y 400"):
            curve().fit(PLANS.iloc[1:], Y)
        for y in ([1, 0], 3.0, None, Y["time"]):
            with pytest.raises(DataError, match="no survival target"):
                curve().fit(None, y)


def test_strata_are_known_over_spans_of_their_own():
    frame = pd.DataFrame({"plan": ["a", "a", "a", "b", "b", "b"]})
    y = survival_target([1, 1, 0, 1, 1, 0], [2, 6, 9, 5, 6, 7], entry=[0, 0, 0, 3, 4, 4])
    model = KaplanMeier(strata="plan").fit(frame, y)
    assert model.support_ == (0, 9)
    assert model.predict_survival_function(frame.iloc[:3], [6, 9]).shape == (3, 2)
    match = r"3 of 6 rows ask for tenures outside.*plan='b' from 3 to 7.*\nFix: given= and times within it"
    for question in ({"times": [2]}, {"times": [4], "given": 4}, {"times": [1], "given": 1}):
        with pytest.raises(HistoryError, match=match):
            model.predict_survival_function(frame, **question)
    with pytest.raises(HistoryError, match="3 of 6 rows"):
        model.predict_expected_lifetime(frame, given=4, until=4)
    expected = pytest.approx([0.5] * 3 + [1 / 3] * 3)
    assert model.predict_survival_function(frame, [3], given=4)[:, 0] == expected
    assert model.predict(frame).tolist() == pytest.approx([-3.5] * 3 + [-3.0] * 3)

    marked = KaplanMeier(strata="plan", beyond="nan").fit(frame, y)
    found = marked.predict_survival_function(frame, [1, 4], given=4)
    assert np.isnan(found).tolist() == [[False, False]] * 3 + [[False, True]] * 3
    assert np.isnan(marked.predict_survival_function(frame, [6])).tolist() == [[False]] * 3 + [[True]] * 3
    held = KaplanMeier(strata="plan", beyond="hold").fit(frame, y)
    assert held.predict_survival_function(frame, [4], given=4)[:, 0] == expected


def test_a_tail_goes_on_behind_each_stratum_and_has_no_interval():
    frame = pd.DataFrame({"plan": ["a"] * 20 + ["b"] * 20})
    time = np.concatenate([np.arange(1, 21), np.arange(1, 21) * 2])
    y = survival_target(np.tile([True, True, True, False], 10), time)
    model, held = (KaplanMeier(strata="plan", beyond=beyond).fit(frame, y) for beyond in ("extrapolate", "hold"))
    rows = frame.iloc[[0, 39]]
    end = np.array([20.0, 40.0])
    S_end = np.array([held.predict_survival_function(rows.iloc[[i]], [end[i]])[0, 0] for i in (0, 1)])
    S_before = np.array([held.predict_survival_function(rows.iloc[[i]], [0.9 * end[i]])[0, 0] for i in (0, 1)])
    hazard = np.log(S_before / S_end) / (0.1 * end)
    found = np.array([model.predict_survival_function(rows.iloc[[i]], [end[i] + 5])[0, 0] for i in (0, 1)])
    assert found == pytest.approx(S_end * np.exp(-5 * hazard))
    mean = model.predict_expected_lifetime(rows, given=end, until=5)
    assert mean == pytest.approx(-np.expm1(-5 * hazard) / hazard)
    assert model.predict_survival_interval(rows, [20])[0].shape == (2, 1)
    for question in ({"times": [21]}, {"times": [1, 2], "given": [19, 19]}):
        with pytest.raises(HistoryError, match="1 of 2 rows ask for an interval behind the end of their curve"):
            model.predict_survival_interval(rows, **question)
    assert model.predict_lifetime_quantile(rows).tolist() == held.predict_lifetime_quantile(rows).tolist()


def test_where_everybody_has_left_nothing_is_unknown():
    frame = pd.DataFrame({"plan": ["a", "a", "b", "b"]})
    model = KaplanMeier(strata="plan").fit(frame, survival_target([1, 1, 1, 1], [1, 3, 4, 6]))
    assert model.predict_survival_function(frame, [5])[:, 0].tolist() == [0, 0, 0.5, 0.5]
    assert model.predict_expected_lifetime(frame).tolist() == [2, 2, 5, 5]


def test_strata_with_no_tenure_in_common_have_no_order():
    frame = pd.DataFrame({"plan": ["a", "a", "b", "b"]})
    y = survival_target([1, 0, 1, 0], [1, 2, 6, 7], entry=[0, 0, 5, 5])
    model = KaplanMeier(strata="plan").fit(frame, y)
    with pytest.raises(HistoryError, match="the curves of the strata have no tenure in common"):
        model.predict(frame)


def test_times_are_those_that_all_curves_know():
    frame = pd.DataFrame({"plan": ["a", "a", "b", "b"]})
    model = KaplanMeier(strata="plan").fit(frame, survival_target([1, 0, 1, 1], [1, 3, 2, 6]))
    assert model.times_.tolist() == [1, 2]
    assert model.predict_survival_function(frame).tolist() == [[0.5, 0.5]] * 2 + [[1, 0.5]] * 2
    late = KaplanMeier(strata="plan").fit(frame, survival_target([0, 0, 1, 1], [1, 3, 5, 6]))
    assert late.times_.tolist() == [3]


def test_a_warning_names_the_stratum():
    frame = pd.DataFrame({"plan": ["a", "a", "b", "b", "b"]})
    y = survival_target([1, 0, 1, 1, 0], [1, 2, 1, 6, 7], entry=[0, 0, 0, 2, 3])
    with pytest.warns(AssumptionWarning, match=r"the curve of plan='b' runs from tenure 2 to 7"):
        KaplanMeier(strata="plan").fit(frame, y)


def test_nobody_leaves_while_others_are_watched():
    y = survival_target([1, 0], [2, 9], entry=[0, 5])
    with (
        pytest.warns(AssumptionWarning, match="1 of 1 departures lie outside"),
        pytest.raises(HistoryError, match="every departure lies outside the curves"),
    ):
        KaplanMeier().fit(None, y)


def test_names_of_strata_are_texts():
    from churnlib.exceptions import ParameterTypeError

    with pytest.raises(ParameterTypeError, match="strata is"):
        KaplanMeier(strata=[1]).fit(PLANS, Y)
    with pytest.raises(ParameterError, match="names plan more than once"):
        KaplanMeier(strata=["plan", "plan"]).fit(PLANS, Y)


@given(st.data())
def test_the_fewest_at_risk_between_two_positions(data):
    size = data.draw(st.integers(1, 8))
    at_risk = data.draw(st.lists(st.integers(1, 9), min_size=size, max_size=size))
    if data.draw(st.booleans()):
        at_risk = sorted(at_risk, reverse=True)
    first = np.array(data.draw(st.lists(st.integers(0, size), min_size=1, max_size=5)))
    last = np.array([data.draw(st.integers(f, size)) for f in first])
    curve = _curve_with(np.array(at_risk, dtype=float))
    padded = [*at_risk, 0]
    expected = [min(padded[f:e], default=padded[f]) for f, e in zip(first, last, strict=True)]
    assert curve.fewest(first, last).tolist() == expected


def _curve_with(at_risk: np.ndarray) -> Curve:
    from churnlib.numerics import RiskTable, StepFunction

    n = len(at_risk)
    times = np.arange(1.0, n + 1)
    table = RiskTable(times, at_risk, np.zeros((1, n)), np.zeros(n))
    stretch = Stretch(0.0, float(n), table)
    flat = StepFunction(times, np.ones(n), 1.0)
    return Curve(stretch.start, stretch.end, table, flat, StepFunction(times, np.zeros(n), 0.0))


@pytest.mark.parametrize("curve", CURVES)
def test_no_rows_are_named(curve):
    with pytest.raises(DataError, match="y has no rows"):
        curve().fit(None, Y[:0])


@pytest.mark.parametrize("curve", CURVES)
def test_weights_add_up_to_the_same_in_any_order_of_the_rows(curve):
    rng = np.random.default_rng(3)
    time = rng.exponential(10, 500).round(1) + 0.1
    y = survival_target(rng.random(500) < 0.7, time, entry=time * rng.choice([0.0, 0.3], 500))
    weight, order = rng.random(500), rng.permutation(500)
    one, other = curve().fit(None, y, weight), curve().fit(None, y[order], weight[order])
    assert one.curves_[0].survival.values.tobytes() == other.curves_[0].survival.values.tobytes()
    assert one.censoring_.values.tobytes() == other.censoring_.values.tobytes()


def test_many_rows_share_the_area_under_one_curve(monkeypatch):
    rng = np.random.default_rng(4)
    model = KaplanMeier(beyond="hold").fit(None, survival_target(rng.random(3000) < 0.5, rng.exponential(10, 3000)))
    asked = []
    area = Curve.area
    monkeypatch.setattr(Curve, "area", lambda curve, begin, end: asked.append(len(begin)) or area(curve, begin, end))
    X = np.empty((5000, 0))
    model.predict_expected_lifetime(X, given=rng.uniform(0, 5, 5000), until=3)
    model.predict(X)
    assert len(asked) == 2  # and not once for every few rows


def test_causes_of_one_name_are_refused():
    y = survival_target([1, 2], [1, 2], causes=["price", "moved"])
    with pytest.raises(ParameterError, match="causes are price, price"):
        AalenJohansen(causes=["price", "price"]).fit(None, y)
