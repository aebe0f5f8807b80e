"""Every customer in one stage, at the bounds that are stated."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from churnlib.events import EventLog
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.segmentation import STAGES, LifecycleStage, lifecycle_frame
from tests.segmentation.stages import Alive

NAN = float("nan")


def rows(tenure=400, recency=5, **columns) -> pd.DataFrame:
    """Customers whose columns are lists of one length, or one value for all."""
    frame = pd.DataFrame(
        {"tenure_days": tenure, "recency_days": recency, **columns},
        index=None if _long(tenure, recency, columns) else [0],
    )
    return frame.set_index(pd.Index([f"c{k}" for k in range(len(frame))], name="customer_id"))


def _long(*given) -> bool:
    return any(isinstance(value, list) for value in [*given[:2], *given[2].values()])


def stages(frame: pd.DataFrame, **options) -> list[str]:
    return LifecycleStage(**options).fit(frame).predict(frame).tolist()


class TestBounds:
    def test_new_ends_with_day_90_and_growing_with_day_180(self):
        assert stages(rows([0, 90, 91, 180, 181], 0)) == ["new", "new", "growing", "growing", "mature"]

    def test_an_age_between_two_days_belongs_below(self):
        assert stages(rows([90.999, 180.999], 0.0)) == ["new", "growing"]

    def test_silence_begins_with_its_day(self):
        found = stages(rows(1000, [29, 30, 89, 90, 179, 180]))
        assert found == ["mature", "at_risk", "at_risk", "lapsed", "lapsed", "lost"]

    def test_silence_goes_before_age(self):
        assert stages(rows([30, 100], [30, 100])) == ["at_risk", "lapsed"]

    def test_every_bound_can_be_set(self):
        options = {"growing_from": 10, "mature_from": 20, "at_risk": 5, "lapsed": 6, "lost": 7}
        found = stages(rows([9, 10, 20, 30, 30, 30], [0, 0, 0, 5, 6, 7]), **options)
        assert found == ["new", "growing", "mature", "at_risk", "lapsed", "lost"]

    @pytest.mark.parametrize("off", [{"lost": np.inf}, {"lapsed": np.inf, "lost": np.inf}])
    def test_infinity_switches_a_stage_off(self, off):
        assert stages(rows(5000, 4000), **off) == ["at_risk" if "lapsed" in off else "lapsed"]

    def test_age_stands_for_tenure_and_the_plainer_name_goes_first(self):
        frame = pd.DataFrame({"T": [100.0], "recency_days": [0]})
        assert stages(frame) == ["growing"]
        assert stages(frame.assign(tenure_days=10)) == ["new"]


class TestSpendingDown:
    def test_half_gone_is_at_risk(self):
        assert stages(rows(spend_recent=[50.01, 50.0, 0.0], spend_before=100.0)) == ["mature", "at_risk", "at_risk"]

    @pytest.mark.parametrize(("drop", "recent"), [(0.1, 90), (0.3, 70), (0.7, 30), (1.0, 0)])
    def test_a_drop_of_exactly_the_share_counts(self, drop, recent):
        assert stages(rows(spend_recent=[recent, recent + 1], spend_before=100), spend_drop=drop) == [
            "at_risk",
            "mature",
        ]

    @pytest.mark.parametrize(("recent", "before"), [(NAN, 100.0), (0.0, NAN), (0.0, 0.0), (-5.0, 0.0), (-9.0, -3.0)])
    def test_nothing_to_compare_is_no_drop(self, recent, before):
        assert stages(rows(spend_recent=recent, spend_before=before)) == ["mature"]

    def test_refunds_of_the_last_window_are_a_drop(self):
        assert stages(rows(spend_recent=-5.0, spend_before=10.0)) == ["at_risk"]

    def test_the_rule_can_be_left_out(self):
        frame = rows(spend_recent=0.0, spend_before=100.0)
        stage = LifecycleStage(spend_drop=None).fit(frame)
        assert stage.predict(frame).tolist() == ["mature"]
        assert "spend_recent" not in stage.columns_

    def test_one_window_alone_is_not_used(self):
        assert "spend_before" not in LifecycleStage().fit(rows(spend_before=1.0)).columns_

    def test_silence_goes_first(self):
        assert stages(rows(recency=100, spend_recent=0.0, spend_before=1.0)) == ["lapsed"]


class TestReturns:
    def test_a_gap_as_long_as_a_lapse_makes_a_return(self):
        found = stages(rows(last_gap_days=[89, 90, 179, 180, NAN]))
        assert found == ["mature", "reactivated", "reactivated", "resurrected", "mature"]

    def test_a_return_ends_with_the_next_silence(self):
        assert stages(rows(recency=[29, 30], last_gap_days=200)) == ["resurrected", "at_risk"]

    def test_it_follows_the_bounds_of_silence_unless_it_has_its_own(self):
        frame = rows(last_gap_days=60)
        assert stages(frame, lapsed=60) == ["reactivated"]
        assert stages(frame, lapsed=60, returned=(61, 90)) == ["mature"]
        assert stages(frame, returned=(30, 60)) == ["resurrected"]


class TestOwnGap:
    def frame(self, **columns):
        return rows(**({"n_orders": 5, "median_gap_days": 30.0} | columns))

    def test_silence_is_counted_in_own_gaps(self):
        found = stages(self.frame(recency=[59, 60, 119, 120, 239, 240]), basis="gap")
        assert found == ["mature", "at_risk", "at_risk", "lapsed", "lapsed", "lost"]

    def test_the_same_silence_means_different_things(self):
        assert stages(self.frame(recency=40, median_gap_days=[10.0, 90.0]), basis="gap") == ["lapsed", "mature"]

    def test_too_few_orders_take_the_gap_of_everybody_as_it_was_at_fit(self):
        past = self.frame(n_orders=[3, 4, 5], median_gap_days=[10.0, 20.0, 60.0])
        stage = LifecycleStage(basis="gap").fit(past)
        assert stage.usual_gap_ == 20.0
        now = self.frame(recency=[39, 40, 40], n_orders=[2, 2, 3], median_gap_days=[NAN, 500.0, 500.0])
        assert stage.predict(now).tolist() == ["mature", "at_risk", "mature"]
        assert stage.explain(now)["usual_gap_of"].tolist() == ["everybody", "everybody", "customer"]

    def test_days_with_an_order_go_before_orders(self):
        frame = self.frame(n_orders=40, n_order_days=[2, 3], median_gap_days=[1.0, 9.0], recency=18)
        assert LifecycleStage(basis="gap").fit(frame).explain(frame)["usual_gap_of"].tolist() == [
            "everybody",
            "customer",
        ]

    def test_a_cohort_has_its_own_gap_once_it_is_large_enough(self):
        past = self.frame(median_gap_days=[10.0] * 3 + [50.0] * 2 + [90.0], kind=["a"] * 3 + ["b"] * 2 + ["c"])
        stage = LifecycleStage(basis="gap", cohort="kind", min_customers=2).fit(past)
        assert stage.cohort_gaps_.to_dict() == {"a": 10.0, "b": 50.0}
        assert stage.usual_gap_ == 30.0
        now = self.frame(n_orders=1, median_gap_days=NAN, kind=["a", "b", "c", "new one", None])
        told = stage.explain(now)
        assert told["usual_gap_days"].tolist() == [10.0, 50.0, 30.0, 30.0, 30.0]
        assert told["usual_gap_of"].tolist() == ["cohort", "cohort", "everybody", "everybody", "everybody"]

    def test_a_return_is_measured_by_the_gaps_before_it(self):
        # usual gap 10 before the last one of 40: four gaps, a lapse; by the median of all, 25, it would be none
        frame = self.frame(median_gap_days=25.0, earlier_gap_days=[10.0, 20.0], last_gap_days=40.0)
        assert stages(frame, basis="gap") == ["reactivated", "mature"]

    def test_before_the_third_order_there_is_no_own_gap_to_return_to(self):
        past = self.frame(median_gap_days=10.0, earlier_gap_days=10.0, last_gap_days=10.0)
        now = self.frame(n_orders=[3, 4], median_gap_days=500.0, earlier_gap_days=500.0, last_gap_days=80.0)
        assert LifecycleStage(basis="gap").fit(past).predict(now).tolist() == ["resurrected", "mature"]

    def test_nobody_with_a_rhythm_is_an_error(self):
        with pytest.raises(DataError, match="none of 2 customers has 3 orders and a median gap"):
            LifecycleStage(basis="gap").fit(self.frame(n_orders=[1, 2], median_gap_days=NAN))


class TestAlive:
    def test_a_probability_at_a_bound_belongs_to_the_better_stage(self):
        frame = rows(p=[1.0, 0.5, 0.4999, 0.25, 0.2499, 0.1, 0.0999, 0.0])
        found = stages(frame, basis="p_alive", model=Alive("p"))
        assert found == ["mature", "mature", "at_risk", "at_risk", "lapsed", "lapsed", "lost", "lost"]

    def test_zero_switches_a_stage_off(self):
        frame = rows(p=[0.3, 0.0])
        assert stages(frame, basis="p_alive", model=Alive("p"), lost=0) == ["at_risk", "lapsed"]
        assert stages(frame, basis="p_alive", model=Alive("p"), lapsed=0, lost=0) == ["at_risk", "at_risk"]

    def test_recency_is_not_needed_and_age_will_do(self):
        frame = pd.DataFrame({"T": [300.0], "p": [0.9]})
        assert stages(frame, basis="p_alive", model=Alive("p")) == ["mature"]

    def test_the_model_gets_the_columns_it_was_fitted_on(self):
        class Strict(Alive):
            feature_names_in_ = np.array(["x", "T"])

            def predict_alive_probability(self, X):
                assert X.columns.tolist() == ["x", "T"]
                return X["x"]

        frame = rows(T=9.0, x=0.2)
        assert stages(frame, basis="p_alive", model=Strict()) == ["lapsed"]
        with pytest.raises(
            SchemaError, match=r"no column 'x' .*Strict reads it(?s:.*)Fix: lifecycle_frame.*rfm_summary"
        ):
            LifecycleStage(basis="p_alive", model=Strict()).fit(frame.drop(columns="x"))

    @pytest.mark.parametrize("error", [SchemaError("there is no 'p'.\nFix: look again"), KeyError("p")])
    def test_fit_asks_the_model_and_says_where_its_columns_come_from(self, error):
        class Broken(Alive):
            def predict_alive_probability(self, X):
                raise error

        match = (
            r"Broken cannot read X \(.*'p'\); (?s:.*)Fix: lifecycle_frame\(log, \.{3}\)\.join\(rfm_summary\(log, \.{3}"
        )
        with pytest.raises(SchemaError, match=match) as told:
            LifecycleStage(basis="p_alive", model=Broken()).fit(rows())
        assert told.value.__cause__ is error
        assert "look again" not in str(told.value)

    def test_returns_are_days(self):
        assert stages(rows(p=0.9, last_gap_days=90), basis="p_alive", model=Alive("p")) == ["reactivated"]

    def test_the_model_is_kept_as_it_is_by_clone(self):
        model = Alive("p")
        stage = LifecycleStage(basis="p_alive", model=model)
        assert clone(stage).model is model
        assert clone(clone(stage).fit(rows(p=0.9))).model is model

    def test_no_model_is_an_error(self):
        with pytest.raises(ParameterError, match="basis='p_alive' without a model"):
            LifecycleStage(basis="p_alive").fit(rows())

    def test_something_else_than_a_model_is_an_error(self):
        with pytest.raises(ValueError, match=r"model.*predict_alive_probability"):
            LifecycleStage(basis="p_alive", model=3).fit(rows())

    @pytest.mark.parametrize("bad", [1.2, -0.1, NAN])
    def test_no_probabilities_are_an_error(self, bad):
        with pytest.raises(DataError, match=r"1 of 2 values of 'p_alive' are no probabilities \(row 1"):
            stages(rows(p=[0.5, bad]), basis="p_alive", model=Alive("p"))

    def test_a_wrong_shape_is_an_error(self):
        class Wide(Alive):
            def predict_alive_probability(self, X):
                return np.ones((len(X), 2))

        with pytest.raises(DataError, match=r"Wide.predict_alive_probability gave shape \(1, 2\) for 1 customers"):
            LifecycleStage(basis="p_alive", model=Wide()).fit(rows())


days = st.one_of(st.sampled_from([0, 1, 29, 30, 31, 89, 90, 91, 179, 180, 181]), st.integers(0, 2000))
maybe = st.one_of(st.just(NAN), st.integers(1, 400).map(float))
money = st.one_of(st.just(NAN), st.sampled_from([0.0, 50.0, 100.0]), st.integers(-200, 200).map(float))


@st.composite
def customers(draw) -> pd.DataFrame:
    """Any customers that can be."""
    drawn = []
    for _ in range(draw(st.integers(1, 12))):
        recency = draw(days)
        drawn.append(
            (
                recency + draw(days),
                recency,
                draw(st.integers(1, 6)),
                *(draw(maybe) for _ in range(3)),
                draw(money),
                draw(money),
            )
        )
    names = [
        "tenure_days",
        "recency_days",
        "n_orders",
        "median_gap_days",
        "last_gap_days",
        "earlier_gap_days",
        "spend_recent",
        "spend_before",
    ]
    frame = pd.DataFrame(drawn, columns=names)
    frame.loc[0, ["n_orders", "median_gap_days"]] = [5, 12.0]
    return frame.assign(p=frame["recency_days"].rsub(180).clip(0) / 180)


def plainly(one: dict[str, float], basis: str, everybody: float) -> str:
    """Say the stage of one customer as the docstring does."""
    silent, low, high = one["recency_days"], (90, 180), one["last_gap_days"]
    steps = (30, 90, 180)
    if basis == "gap":
        silent /= one["median_gap_days"] if one["n_orders"] >= 3 and one["median_gap_days"] > 0 else everybody
        high /= one["earlier_gap_days"] if one["n_orders"] >= 4 and one["earlier_gap_days"] > 0 else everybody
        steps, low = (2, 4, 8), (4, 8)
    if basis == "p_alive":
        # the same order, turned round: 1 - p beyond 1 - bound
        silent = 0 if one["p"] >= 0.5 else 30 if one["p"] >= 0.25 else 90 if one["p"] >= 0.1 else 180
    for name, bound in zip(("lost", "lapsed", "at_risk"), steps[::-1], strict=True):
        if silent >= bound:
            return name
    if one["spend_before"] > 0 and one["spend_before"] - one["spend_recent"] >= 0.5 * one["spend_before"]:
        return "at_risk"
    if high >= low[0]:
        return "resurrected" if high >= low[1] else "reactivated"
    return "new" if one["tenure_days"] < 91 else "growing" if one["tenure_days"] < 181 else "mature"


@pytest.mark.parametrize("basis", ["days", "gap", "p_alive"])
class TestAnyCustomers:
    @given(frame=customers())
    def test_the_stage_is_the_one_of_the_plain_definition(self, basis, frame):
        stage = LifecycleStage(basis=basis, model=Alive("p")).fit(frame)
        expected = [plainly(one, basis, stage.usual_gap_) for one in frame.to_dict("records")]
        assert stage.predict(frame).tolist() == expected

    @given(frame=customers())
    def test_each_is_in_exactly_one_stage_and_the_explanation_agrees(self, basis, frame):
        stage = LifecycleStage(basis=basis, model=Alive("p")).fit(frame)
        columns = stage.transform(frame)
        assert (columns.sum(axis=1) == 1).all()
        assert np.isin(columns, [0, 1]).all()
        told = stage.explain(frame)
        assert told["stage"].tolist() == stage.classes_[columns.argmax(axis=1)].tolist()
        assert (told["low"] <= told["value"]).all()
        closed = (told["value"] == 1) & (told["decided_by"] == "p_alive")
        assert ((told["value"] < told["high"]) | closed).all()

    @given(frame=customers(), seed=st.integers(0, 99))
    def test_others_and_their_order_do_not_matter(self, basis, frame, seed):
        stage = LifecycleStage(basis=basis, model=Alive("p")).fit(frame)
        whole = pd.Series(stage.predict(frame), index=frame.index)
        part = frame.sample(frac=0.6, random_state=seed) if len(frame) > 1 else frame
        assert stage.predict(part).tolist() == whole.loc[part.index].tolist()


class TestExplanation:
    def test_each_rule_names_what_it_looked_at(self):
        frame = rows(
            [50, 400, 400, 400],
            [2, 45, 2, 2],
            last_gap_days=[NAN, 1, 100, 1],
            spend_recent=[NAN, 1, 1, 20],
            spend_before=[NAN, 1, 1, 100],
        )
        told = LifecycleStage().fit(frame).explain(frame)
        assert told["decided_by"].tolist() == ["tenure_days", "recency_days", "last_gap_days", "spend_drop"]
        assert told[["value", "low", "high"]].to_numpy().tolist() == [
            [50, 0, 91], [45, 30, 90], [100, 90, 180], [0.8, 0.5, np.inf],
        ]  # fmt: skip
        assert told["stage"].cat.categories.tolist() == list(STAGES)
        assert told.index.equals(frame.index)

    def test_gaps_and_probabilities_have_names_of_their_own(self):
        frame = rows(recency=90, n_orders=4, median_gap_days=30.0, p=0.3)
        told = LifecycleStage(basis="gap").fit(frame).explain(frame).iloc[0]
        assert (told["decided_by"], told["value"], told["low"], told["high"]) == ("recency_in_gaps", 3, 2, 4)
        told = LifecycleStage(basis="p_alive", model=Alive("p")).fit(frame).explain(frame).iloc[0]
        assert (told["decided_by"], told["value"], told["low"], told["high"]) == ("p_alive", 0.3, 0.25, 0.5)


class TestAsATransformer:
    def test_it_makes_a_column_for_each_stage(self):
        frame = rows([50, 400], [2, 45])
        out = LifecycleStage().set_output(transform="pandas").fit_transform(frame)
        assert out.columns.tolist() == [f"stage_{name}" for name in STAGES]
        assert out.index.equals(frame.index)
        assert out["stage_at_risk"].tolist() == [0, 1]

    def test_it_stands_in_a_pipeline(self):
        pipeline = make_pipeline(LifecycleStage(), "passthrough")
        assert pipeline.fit_transform(rows()).shape == (1, 8)

    def test_other_columns_and_their_order_do_not_matter(self):
        frame = rows()
        stage = LifecycleStage().fit(frame)
        turned = frame.assign(note="x")[["note", "recency_days", "tenure_days"]]
        assert stage.predict(turned).tolist() == ["mature"]
        assert stage.n_features_in_ == 2
        assert stage.feature_names_in_.tolist() == ["tenure_days", "recency_days"]

    def test_names_are_compared(self):
        stage = LifecycleStage().fit(rows())
        assert stage.get_feature_names_out(["tenure_days", "recency_days"])[0] == "stage_new"
        with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
            stage.get_feature_names_out(["a", "b"])

    def test_a_column_of_the_fit_must_be_there(self):
        stage = LifecycleStage().fit(rows(last_gap_days=5))
        with pytest.raises(SchemaError, match="X has no column 'last_gap_days'"):
            stage.predict(rows())

    def test_any_frame_will_do(self):
        frame = rows([50, 400], [2, 45])
        assert LifecycleStage().fit(pl.from_pandas(frame)).predict(pl.from_pandas(frame).lazy()).tolist() == [
            "new",
            "at_risk",
        ]

    def test_nothing_of_the_rows_is_kept(self):
        rng = np.random.default_rng(0)
        recency = rng.integers(0, 100, 5000)
        frame = pd.DataFrame(
            {"tenure_days": recency + 50, "recency_days": recency, "n_orders": 5, "median_gap_days": 7.0}
        )
        stage = LifecycleStage(basis="gap").fit(frame)
        stored = pickle.dumps(stage)
        assert len(stored) < 4_000
        assert pickle.loads(stored).predict(frame).tolist() == stage.predict(frame).tolist()

    def test_no_input_is_modified(self):
        frame = rows(last_gap_days=5, spend_recent=1.0, spend_before=NAN)
        before = frame.copy(deep=True)
        LifecycleStage().fit(frame).explain(frame)
        pd.testing.assert_frame_equal(frame, before)


class TestErrors:
    @pytest.mark.parametrize(
        ("frame", "says"),
        [
            (rows([5, NAN], 1), r"1 of 2 values of 'tenure_days' are missing or infinite \(row 1"),
            (rows(400, [1, np.inf]), r"1 of 2 values of 'recency_days' are missing or infinite \(row 1"),
            (rows(5, [1, -2]), r"1 of 2 values of 'recency_days' are negative \(row 1; the first is -2\)"),
            (rows([1, 2, 3], [1, 5, 9]), r"2 of 3 values of 'recency_days' exceed 'tenure_days' \(rows 1, 2"),
            (rows(last_gap_days=[1, 0]), r"1 of 2 values of 'last_gap_days' are not above 0 \(row 1"),
            (rows(spend_recent=np.inf, spend_before=1.0), "1 of 1 values of 'spend_recent' are missing or infinite"),
        ],
    )
    def test_values_that_cannot_be_are_named(self, frame, says):
        with pytest.raises(DataError, match=says):
            LifecycleStage().fit(frame)

    def test_a_missing_column_is_named_with_the_nearest(self):
        with pytest.raises(SchemaError, match=r"no column 'recency_days' \(did you mean 'recency_day'"):
            LifecycleStage().fit(pd.DataFrame({"tenure_days": [1], "recency_day": [1]}))

    def test_the_columns_of_the_gap_basis_are_needed(self):
        with pytest.raises(SchemaError, match="no column 'n_order_days'"):
            LifecycleStage(basis="gap").fit(rows())
        with pytest.raises(SchemaError, match="no column 'region'"):
            LifecycleStage(basis="gap", cohort="region").fit(rows(n_orders=3, median_gap_days=3.0))

    def test_a_column_twice_is_an_error(self):
        frame = pd.concat([rows(), rows()[["tenure_days"]]], axis=1)
        with pytest.raises(SchemaError, match="X has 2 columns 'tenure_days'"):
            LifecycleStage().fit(frame)

    def test_texts_are_no_numbers(self):
        with pytest.raises(SchemaError, match=r"column 'recency_days' holds .* values; numbers were expected"):
            LifecycleStage().fit(rows(400, ["5"]))

    def test_an_array_has_no_names(self):
        with pytest.raises(ParameterTypeError, match="X is a ndarray, whose columns have no names"):
            LifecycleStage().fit(np.ones((3, 2)))

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"at_risk": 90}, "at_risk=90, lapsed=90, lost=180 do not ascend"),
            ({"lost": 20}, "at_risk=30, lapsed=90, lost=20 do not ascend"),
            ({"at_risk": 0}, "at_risk=0, lapsed=90, lost=180 do not ascend from above 0"),
            (
                {"basis": "p_alive", "at_risk": 0.2, "model": Alive()},
                "at_risk=0.2, lapsed=0.25, lost=0.1 do not descend",
            ),
            ({"basis": "p_alive", "at_risk": 1.5, "model": Alive()}, "do not descend from 1 to 0"),
            ({"returned": (90,)}, r"returned=\(90,\) is no pair"),
            ({"returned": (90, 30)}, r"returned=\(90, 30\) is no pair of ascending lengths"),
            ({"returned": ("a", 30)}, r"returned=\('a', 30\) is no pair"),
            ({"growing_from": 181}, "growing_from=181 is not below mature_from=181"),
        ],
    )
    def test_bounds_that_are_no_order(self, options, says):
        with pytest.raises(ParameterError, match=says):
            LifecycleStage(**options).fit(rows())

    @pytest.mark.parametrize("options", [{"basis": "weeks"}, {"spend_drop": 0}, {"min_orders": 1}, {"cohort": 3}])
    def test_arguments_out_of_range(self, options):
        with pytest.raises(ValueError, match=f"The '{next(iter(options))}' parameter of LifecycleStage"):
            LifecycleStage(**options).fit(rows())


def test_the_customers_of_a_real_shop(online_retail):
    frame = lifecycle_frame(online_retail, cutoff="2011-12-01", negative="refund")
    stage = LifecycleStage().fit(frame)
    count = stage.explain(frame)["stage"].value_counts()
    assert count.sum() == len(frame)
    # The log is one year long: all stages are there, and about half of all customers are not silent.
    assert (count > 0).all()
    quiet = count[["at_risk", "lapsed", "lost"]].sum() / len(frame)
    assert 0.5 < quiet < 0.7
    patient = LifecycleStage(basis="gap").fit(frame)
    assert patient.usual_gap_ == frame.loc[frame["n_order_days"] >= 3, "median_gap_days"].median() == 46
    # Half of those who come again do so every six weeks or later: by their own rhythm fewer are silent.
    assert np.isin(patient.predict(frame), ["at_risk", "lapsed", "lost"]).mean() < quiet


def test_a_log_is_told_apart_from_rows_of_customers():
    frame = pd.DataFrame({"id": [1, 1], "ts": ["2025-01-05", "2025-02-05"]})
    log = EventLog.from_frame(frame, customer="id", time="ts")
    with pytest.raises(ParameterTypeError, match=r"an EventLog was given.*\nFix: lifecycle_frame\(log\)"):
        LifecycleStage().fit(log)
    stage = LifecycleStage().fit(rows())
    with pytest.raises(ParameterTypeError, match="an EventLog was given"):
        stage.predict(log)
