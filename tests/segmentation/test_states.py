"""States at several dates, and how customers moved between them."""

from __future__ import annotations

import itertools
from functools import partial
from zlib import crc32

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import DataError, DuplicateError, HistoryError, ParameterError, ParameterTypeError, SchemaError
from churnlib.numerics import wilson_interval
from churnlib.segmentation import (
    NOT_STARTED,
    STAGES,
    LifecycleStage,
    lifecycle_frame,
    lifecycle_states,
    transition_matrix,
)
from tests.segmentation.stages import Alive
from tests.strategies import CUTOFFS, frames, to_log

ROWS = partial(lifecycle_frame, negative="purchase")
ORDERS = frames(late=True).map(lambda frame: frame.assign(kind="order"))


def wide(column: pd.Series) -> pd.DataFrame:
    """One column as a matrix."""
    return column.unstack()  # noqa: PD010 - the index is there to be turned


def states_of(table: dict[object, list[object]]) -> pd.DataFrame:
    """States by customer, one for each month; None is not started yet."""
    months = pd.to_datetime([f"2025-{month:02d}-01" for month in range(1, 13)])
    rows = [
        (customer, months[at], stage)
        for customer, moved in table.items()
        for at, stage in enumerate(moved)
        if stage is not None
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "cutoff", "stage"])
    return frame.assign(stage=pd.Categorical(frame["stage"], categories=sorted(set(frame["stage"]))))


class TestStates:
    @given(frame=ORDERS)
    def test_each_cutoff_is_seen_as_it_was_then(self, frame):
        log = to_log(frame)
        at = [cutoff for cutoff in CUTOFFS if _known(log, cutoff)]
        if not at:
            return
        states = lifecycle_states(log, cutoffs=at, frame=ROWS)
        for cutoff in at:
            rows = ROWS(log.as_of(cutoff), cutoff=cutoff)
            there = states[states["cutoff"] == pd.Timestamp(cutoff, tz="UTC")]
            assert there["customer_id"].tolist() == rows.index.tolist()
            assert there["stage"].tolist() == LifecycleStage().fit(rows).predict(rows).tolist()

    @given(frame=ORDERS, seed=st.integers(0, 9))
    def test_the_order_of_events_does_not_matter(self, frame, seed):
        if not _known(to_log(frame), CUTOFFS[0]):
            return
        one, other = (to_log(rows) for rows in (frame, frame.sample(frac=1, random_state=seed)))
        pd.testing.assert_frame_equal(*(lifecycle_states(log, cutoffs=CUTOFFS, frame=ROWS) for log in (one, other)))

    def test_the_frame_is_ordered_and_knows_all_stages(self, small):
        states = lifecycle_states(small, cutoffs=["2025-02-01", "2025-03-01", "2025-06-01"])
        assert states["stage"].cat.categories.tolist() == list(STAGES)
        assert states["customer_id"].tolist() == ["ann", "ann", "ann", "bob", "bob"]
        assert states["stage"].tolist() == ["new", "new", "lapsed", "new", "lapsed"]
        assert str(states["cutoff"].dtype) == "datetime64[us, UTC]"

    def test_a_stage_without_fit_is_fitted_at_the_first_cutoff_and_left_alone(self):
        orders = [("a", day) for day in ("2025-01-01", "2025-01-11", "2025-01-21")]
        orders += [("b", day) for day in ("2025-01-01", "2025-04-01", "2025-07-01", "2025-10-01")]
        orders += [("c", "2025-01-01")]
        log = cl.EventLog.from_frame(
            pd.DataFrame(orders, columns=["id", "at"]), customer="id", time="at", complete_until="2025-11-01"
        )
        stage = LifecycleStage(basis="gap")
        # at the first cutoff only a has a rhythm, of ten days: c is lost by it ever after
        states = lifecycle_states(log, cutoffs=["2025-02-01", "2025-11-01"], stage=stage)
        by = wide(states.set_index(["customer_id", "cutoff"])["stage"])
        assert by.loc["c"].tolist() == ["at_risk", "lost"]
        assert not hasattr(stage, "bounds_")
        later = LifecycleStage(basis="gap").fit(lifecycle_frame(log, cutoff="2025-11-01"))
        assert later.usual_gap_ == 50.5
        fitted = lifecycle_states(log, cutoffs=["2025-02-01", "2025-11-01"], stage=later)
        assert wide(fitted.set_index(["customer_id", "cutoff"])["stage"]).loc["c"].tolist() == ["new", "lapsed"]

    def test_what_a_model_needs_can_be_joined(self, small):
        def rows(log, *, cutoff):
            return lifecycle_frame(log, cutoff=cutoff).assign(p=0.2)

        stage = LifecycleStage(basis="p_alive", model=Alive("p"))
        assert set(lifecycle_states(small, cutoffs="2025-03-01", stage=stage, frame=rows)["stage"]) == {"lapsed"}

    def test_a_customer_twice_is_an_error(self, small):
        def rows(log, *, cutoff):
            return pd.concat([lifecycle_frame(log, cutoff=cutoff)] * 2)

        with pytest.raises(DuplicateError, match=r"the frame of 2025-03-01.* has 2 customers twice \(ann, bob\)"):
            lifecycle_states(small, cutoffs="2025-03-01", frame=rows)

    def test_nobody_yet_is_an_error(self, small):
        with pytest.raises(HistoryError, match="no event had happened"):
            lifecycle_states(small, cutoffs=["2024-01-01", "2025-03-01"])

    def test_a_real_shop(self, online_retail):
        rows = partial(lifecycle_frame, negative="refund")
        states = lifecycle_states(online_retail, cutoffs=cl.monthly("2011-03", "2011-12"), frame=rows)
        table = transition_matrix(states)
        share = wide(table["share"])
        # nobody grows younger, and nobody is new again
        for earlier, later in [("growing", "new"), ("mature", "new"), ("mature", "growing"), ("lost", "lapsed")]:
            assert share.loc[earlier, later] == 0
        assert share.loc["lost", "lost"] > 0.8
        assert share.loc["lost", ["resurrected"]].sum() > 0.05
        assert share.loc["mature", "mature"] > share.loc["new", "growing"]
        entered = wide(table["count"]).loc[NOT_STARTED]
        assert entered[["new", "at_risk"]].sum() == entered.drop(NOT_STARTED).sum()
        last, first = (
            set(states.loc[states["cutoff"] == at, "customer_id"])
            for at in (states["cutoff"].max(), states["cutoff"].min())
        )
        assert entered.drop(NOT_STARTED).sum() == len(last - first)


def _us(cutoff: str) -> int:
    return pd.Timestamp(cutoff, tz="UTC").value // 1000


def _known(log: cl.EventLog, cutoff: str) -> bool:
    return bool(((log.time < _us(cutoff)) & (log.known < _us(cutoff))).any())


@pytest.fixture
def small() -> cl.EventLog:
    orders = pd.DataFrame({"id": ["ann", "ann", "bob"], "at": ["2025-01-05", "2025-02-20", "2025-02-10"]})
    return cl.EventLog.from_frame(orders, customer="id", time="at", complete_until="2025-06-01")


def histories(n_states: int = 3):
    """Customers with a state for each of several months, from some month on."""
    names = st.sampled_from(["a", "b", "c"][:n_states])

    def one(length):
        started = st.lists(names, min_size=1, max_size=length)
        return started.map(lambda states: [None] * (length - len(states)) + states)

    def some(length):
        whole = st.lists(names, min_size=length, max_size=length)
        return st.tuples(whole, st.lists(one(length), max_size=12)).map(
            lambda drawn: dict(enumerate([drawn[0], *drawn[1]]))
        )

    return st.integers(2, 5).flatmap(some)


class TestMatrix:
    @given(table=histories())
    def test_counts_are_those_of_a_crosstab(self, table):
        found = wide(transition_matrix(states_of(table))["count"])
        pairs = [
            (before or NOT_STARTED, after or NOT_STARTED)
            for moved in table.values()
            for before, after in itertools.pairwise(moved)
        ]
        before, after = pd.DataFrame(pairs).T.to_numpy()
        expected = pd.crosstab(before, after).reindex(index=found.index, columns=found.columns, fill_value=0)
        assert found.to_numpy().tolist() == expected.to_numpy().tolist()
        assert found.to_numpy().sum() == len(pairs)

    @given(table=histories())
    def test_rows_sum_to_one_and_intervals_hold_the_share(self, table):
        found = transition_matrix(states_of(table))
        share = wide(found["share"])
        total = wide(found["total"]).iloc[:, 0]
        np.testing.assert_allclose(share[total > 0].sum(axis=1), 1)
        assert share[total == 0].isna().all(axis=None)
        assert (found.loc[found["total"] == 0, ["low", "high"]] == [0, 1]).all(axis=None)
        there = found[found["total"] > 0]
        assert ((there["low"] <= there["share"] + 1e-12) & (there["share"] <= there["high"] + 1e-12)).all()
        assert found[["low", "high"]].isin([0, 1]).all(axis=None) or (found["low"] <= found["high"]).all()

    @given(table=histories(), seed=st.integers(0, 9))
    def test_the_order_of_rows_does_not_matter(self, table, seed):
        states = states_of(table)
        turned = states.sample(frac=1, random_state=seed)
        pd.testing.assert_frame_equal(transition_matrix(turned), transition_matrix(states))

    def test_two_cutoffs_have_wilson_s_own_interval(self):
        moved = {k: ["a", "b" if k < 13 else "a"] for k in range(40)}
        found = transition_matrix(states_of(moved)).loc[("a", "b")]
        low, high = wilson_interval(13, 40)
        assert (found["low"], found["high"]) == (pytest.approx(low), pytest.approx(high))

    def test_customers_seen_often_are_one_draw_each(self):
        # Each of 40 customers always stays or always moves on: 10 moves of each say no more than one.
        moved = {k: ["a"] * 11 for k in range(30)} | {k: ["a", "b"] * 5 + ["a"] for k in range(30, 40)}
        states = states_of(moved)
        found = transition_matrix(states).loc[("a", "a")]
        assert found["total"] == 300 + 50
        assert found["share"] == pytest.approx(300 / 350)
        low, high = wilson_interval(300, 350)
        assert (found["high"] - found["low"]) > 1.8 * (high - low)

    def test_a_share_of_all_or_none_counts_customers(self):
        found = transition_matrix(states_of({k: ["a"] * 11 for k in range(5)})).loc[("a", "a")]
        assert found["total"] == 50
        assert found["low"] == pytest.approx(wilson_interval(5, 5)[0])

    def test_without_anybody_entering_there_is_no_such_state(self):
        found = transition_matrix(states_of({1: ["a", "b"], 2: ["b", "b"]}))
        assert found.index.get_level_values("from_stage").unique().tolist() == ["a", "b"]

    def test_who_is_not_there_yet_is_shown_and_how_they_enter(self):
        found = transition_matrix(states_of({1: ["a", "a", "a"], 2: [None, None, "b"], 3: [None, "a", "b"]}))
        count = wide(found["count"])
        assert count.loc[NOT_STARTED].to_dict() == {NOT_STARTED: 1, "a": 1, "b": 1}
        assert count[NOT_STARTED].to_dict() == {NOT_STARTED: 1, "a": 0, "b": 0}

    def test_states_of_any_kind_and_frame_will_do(self):
        states = states_of({1: ["gold", "gold"], 2: ["gold", "silver"]}).astype({"stage": "str"})
        found = transition_matrix(pl.from_pandas(states))
        assert found.loc[("gold", "silver"), "count"] == 1

    def test_a_higher_confidence_is_wider(self):
        states = states_of({k: ["a", "ab"[k % 2]] for k in range(20)})
        wide, usual = (transition_matrix(states, confidence=c).loc[("a", "b")] for c in (0.99, 0.95))
        assert wide["low"] < usual["low"] < usual["high"] < wide["high"]
        with pytest.raises(ParameterError, match="confidence is 2"):
            transition_matrix(states, confidence=2)


class TestErrors:
    def test_a_column_is_missing(self):
        with pytest.raises(SchemaError, match=r"X has no column 'stage'.*transition_matrix reads it"):
            transition_matrix(states_of({1: ["a", "b"]}).drop(columns="stage"))

    def test_one_cutoff(self):
        with pytest.raises(HistoryError, match=r"the states are of 1 cutoff\(s\)"):
            transition_matrix(states_of({1: ["a"]}))

    def test_two_states_at_once(self):
        states = states_of({1: ["a", "b"]})
        with pytest.raises(DuplicateError, match=r"2 customers have a second state at a cutoff \(1, 1\)"):
            transition_matrix(pd.concat([states, states]))

    def test_a_customer_disappears(self):
        with pytest.raises(DataError, match=r"1 of 2 customers have no state at a cutoff after their first \(2\)"):
            transition_matrix(states_of({1: ["a", "b", "b"], 2: ["a", None, "a"]}))

    @pytest.mark.parametrize("column", ["customer_id", "cutoff", "stage"])
    def test_a_value_is_missing(self, column):
        states = states_of({"x": ["a", "b"]})
        states[column] = states[column].where([True, False])
        with pytest.raises(DataError, match=f"'{column}' is missing in 1 of 2 rows .first: row 1."):
            transition_matrix(states)


def _coverage(simulations: int, name: str) -> tuple[float, float]:
    """Share of intervals that hold the true share to stay, and their mean width."""
    rng = np.random.default_rng(crc32(name.encode()))
    held, width = 0, 0.0
    customers, months = 150, 7
    # Each customer stays in "a" with a habit of its own, and comes back from "b" in one of two: the
    # share of all moves out of "a" that stay is found once from very many customers.
    truth = _share(rng, 400_000, months)
    for _ in range(simulations):
        frame = pd.DataFrame(
            {
                "customer_id": np.repeat(np.arange(customers), months),
                "cutoff": np.tile(np.arange(months), customers),
                "stage": pd.Categorical.from_codes(_moves(rng, customers, months).ravel(), categories=["a", "b"]),
            }
        )
        found = transition_matrix(frame).loc[("a", "a")]
        held += found["low"] <= truth <= found["high"]
        width += found["high"] - found["low"]
    return held / simulations, width / simulations


def _moves(rng, customers, months):
    stay = rng.beta(2, 2, customers)
    states = np.zeros((customers, months), dtype=int)
    for at in range(1, months):
        away = np.where(states[:, at - 1] == 0, 1 - stay, 0.5)
        states[:, at] = rng.random(customers) < away
    return states


def _share(rng, customers, months):
    states = _moves(rng, customers, months)
    before, after = states[:, :-1].ravel(), states[:, 1:].ravel()
    return ((before == 0) & (after == 0)).sum() / (before == 0).sum()


def test_intervals_hold_the_truth_when_customers_have_habits():
    covered, width = _coverage(400, "test_intervals_hold_the_truth_when_customers_have_habits")
    assert 0.91 <= covered <= 0.9825
    # An interval that took each of about 540 moves for a customer of its own is 0.08 wide, and holds too few.
    assert 0.09 < width < 0.12


@pytest.mark.slow
def test_intervals_hold_the_truth_in_more_simulations():
    covered, _ = _coverage(2000, "test_intervals_hold_the_truth_in_more_simulations")
    assert 0.9335 <= covered <= 0.9655


def test_the_order_of_the_rows_does_not_order_the_states():
    states = states_of({1: ["b", "a"], 2: ["a", "b"]}).astype({"stage": object})
    turned = states.iloc[::-1]
    pd.testing.assert_frame_equal(transition_matrix(turned), transition_matrix(states))
    assert transition_matrix(states).index.get_level_values("to_stage").tolist() == ["a", "b"] * 2


def test_ordered_states_begin_with_the_best():
    states = states_of({1: ["D", "A"], 2: ["B", "D"]})
    ordered = states.assign(stage=pd.Categorical(states["stage"], categories=["D", "B", "A"], ordered=True))
    assert wide(transition_matrix(ordered)["count"]).columns.tolist() == ["A", "B", "D"]


def test_a_state_may_not_be_called_like_those_who_have_not_started():
    with pytest.raises(ParameterError, match="a state is called 'not_started'"):
        transition_matrix(states_of({1: ["not_started", "a"], 2: ["a", "a"]}))


def test_a_log_has_no_transitions_before_its_states():
    log = cl.EventLog.from_frame(pd.DataFrame({"id": [1], "ts": ["2025-01-05"]}), customer="id", time="ts")
    with pytest.raises(ParameterTypeError, match=r"an EventLog was given.*\nFix: lifecycle_states\(log, cutoffs"):
        transition_matrix(log)
