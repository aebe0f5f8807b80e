"""The step of the state machine: its table line by line, and the same for columns as for one customer."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnlib.alerts._step import (
    BLANK,
    FIRING,
    STATUSES,
    Cells,
    Pace,
    Truth,
    advance,
    advance_one,
    announce,
    announce_one,
    code_of,
    empty_cells,
)
from tests.alerts.worlds import paces

T, F, U = (True, False), (False, True), (False, False)


def run(pace: Pace, *inputs: tuple[int, Any], free: bool = True) -> list[str]:
    """Step one cell through instants with truths of the condition, and return its states."""
    cell, seen, found = BLANK, None, []
    for now, truth in inputs:
        hit, miss, *own = truth
        clear, stay = own or (miss, hit)
        cell = advance_one(cell, Truth(hit, miss, clear, stay), pace, now, seen == now)
        cell, _ = announce_one(cell, free, pace, now)
        seen = now
        found.append(STATUSES[code_of(cell.status)])
    return found


def test_a_condition_fires_at_once_without_a_span_to_wait() -> None:
    assert run(Pace(), (0, F), (1, T), (2, T), (3, F)) == ["inactive", "firing", "firing", "inactive"]


def test_it_fires_exactly_when_the_span_has_passed() -> None:
    assert run(Pace(for_us=5), (10, T), (14, T), (15, T)) == ["pending", "pending", "firing"]
    assert run(Pace(for_us=5), (10, T), (14, F), (15, T), (20, T)) == ["pending", "inactive", "pending", "firing"]


def test_between_the_thresholds_an_alert_neither_begins_nor_ends() -> None:
    between = (False, True, False, True)  # when is false, clear is false
    assert run(Pace(), (0, between), (1, T), (2, between), (3, F)) == ["inactive", "firing", "firing", "inactive"]


def test_where_both_conditions_hold_the_alert_goes_on() -> None:
    both = (True, False, True, False)
    assert run(Pace(), (0, both), (1, both), (2, both)) == ["firing", "firing", "firing"]


def test_keep_firing_counts_from_the_first_clear_without_a_break() -> None:
    assert run(Pace(keep_us=5), (0, T), (10, F), (14, F), (15, F)) == ["firing", "firing", "firing", "inactive"]
    assert run(Pace(keep_us=5), (0, T), (10, F), (14, T), (15, F), (19, F), (20, F))[3:] == [
        "firing",
        "firing",
        "inactive",
    ]


def test_the_cool_down_counts_from_the_announcement() -> None:
    pace = Pace(cool_us=5)
    assert run(pace, (0, T), (2, F), (4, T), (5, T)) == ["firing", "cooling", "cooling", "firing"]
    assert run(pace, (0, T), (5, F), (6, T)) == ["firing", "inactive", "firing"]
    assert run(pace, (0, T), (2, F), (5, F)) == ["firing", "cooling", "inactive"]


def test_an_alert_that_nobody_was_told_of_needs_no_cool_down() -> None:
    assert run(Pace(cool_us=5), (0, T), (2, F), (3, T), free=False) == ["firing", "inactive", "firing"]


@pytest.mark.parametrize(
    "state", [BLANK, advance_one(BLANK, Truth(True, False, False, True), Pace(for_us=9), 0, False)]
)
def test_unknown_holds_what_there_is(state: Cells) -> None:
    unknown = Truth(False, False, False, False)
    assert advance_one(state, unknown, Pace(for_us=9), 1_000, False) == state


def test_unknown_does_not_end_an_alert_even_when_its_time_is_over() -> None:
    assert run(Pace(keep_us=5), (0, T), (10, F), (100, U), (101, F)) == ["firing", "firing", "firing", "inactive"]


def test_a_cool_down_runs_out_while_conditions_are_unknown() -> None:
    assert run(Pace(cool_us=5), (0, T), (1, F), (5, U)) == ["firing", "cooling", "inactive"]


def test_k_of_n_counts_evaluations() -> None:
    pace = Pace(k=2, n=3)
    found = run(pace, (0, T), (1, F), (2, T), (3, T), (4, F), (5, F))
    assert found == ["inactive", "inactive", "firing", "firing", "firing", "inactive"]


def test_an_unknown_evaluation_is_none_of_the_n() -> None:
    assert run(Pace(k=2, n=2), (0, T), (1, U), (2, T)) == ["inactive", "inactive", "firing"]


def test_an_instant_counts_once_in_the_history() -> None:
    assert run(Pace(k=2, n=3), (0, T), (0, T), (0, T)) == ["inactive"] * 3
    assert run(Pace(k=2, n=3), (0, T), (0, F), (1, T)) == ["inactive"] * 3  # the last word at 0 was false
    assert run(Pace(k=2, n=2), (0, T), (1, U), (1, T)) == ["inactive", "inactive", "firing"]  # unknown took no place


def test_an_alert_is_told_once_and_when_it_is_released() -> None:
    cell = advance_one(BLANK, Truth(True, False, False, True), Pace(), 0, False)
    cell, reason = announce_one(cell, False, Pace(), 0)
    assert reason == ""
    cell, reason = announce_one(cell, True, Pace(), 3)
    assert (reason, cell.notified) == ("released", 3)
    assert announce_one(cell, True, Pace(), 4) == (cell, "")


def test_an_escalation_is_told_once_even_if_it_was_held_back() -> None:
    pace = Pace(afters=(5, 10))
    cell, reason = announce_one(advance_one(BLANK, Truth(True, False, False, True), pace, 0, False), True, pace, 0)
    assert reason == "fired"
    assert announce_one(cell, True, pace, 4)[1] == ""
    assert announce_one(cell, False, pace, 5)[1] == ""
    cell, reason = announce_one(cell, True, pace, 6)
    assert reason == "escalated"
    assert announce_one(cell, True, pace, 9)[1] == ""
    assert announce_one(cell, True, pace, 10)[1] == "escalated"


def truths() -> st.SearchStrategy[Truth]:
    half = st.sampled_from([T, F, U])
    return st.builds(lambda when, clear: Truth(*when, *clear), half, half) | half.map(
        lambda when: Truth(*when, when[1], when[0])
    )


HALVES = np.array([T, T, F, F, U])


def random_truth(rng: np.random.Generator, n: int) -> Truth:
    """Conditions of n customers, half of the time with a condition to clear of their own."""
    when, own = HALVES[rng.integers(0, 5, n)], HALVES[rng.integers(0, 5, n)]
    clear = np.where((rng.random(n) < 0.5)[:, None], own, when[:, ::-1])
    return Truth(when[:, 0], when[:, 1], clear[:, 0], clear[:, 1])


@settings(max_examples=500)
@given(pace=paces(), seed=st.integers(0, 2**32 - 1))
def test_columns_move_as_each_customer_does(pace: Pace, seed: int) -> None:
    rng, n = np.random.default_rng(seed), 8
    cells, single, now, seen = empty_cells(n), [BLANK] * n, 100, np.full(n, -1)
    for _ in range(12):
        now += int(rng.choice([0, 1, 1, 2, 5]))
        truth, free, again = random_truth(rng, n), rng.random(n) < 0.7, seen == now
        frozen = [column.copy() for column in cells]
        moved = advance(cells, truth, pace, now, again)
        after, told = announce(moved, free, pace, now)
        assert all(np.array_equal(old, column) for old, column in zip(frozen, cells, strict=True))
        reasons = {row: name for name, rows in told._asdict().items() for row in rows.tolist()}
        for k in range(n):
            one = Truth(*(bool(part[k]) for part in truth))
            single[k] = advance_one(single[k], one, pace, now, bool(again[k]))
            single[k], reason = announce_one(single[k], bool(free[k]), pace, now)
            assert reasons.get(k, "") == reason
        assert np.array_equal(np.array(single).T, np.array(after))
        cells, seen = after, np.full(n, now)


@given(listed=st.lists(paces(), min_size=2, max_size=4), seed=st.integers(0, 2**32 - 1))
def test_cells_of_several_rules_move_as_those_of_each(listed: list[Pace], seed: int) -> None:
    """With histories beside none, and times to keep firing beside none."""
    rng, n = np.random.default_rng(seed), 20
    rules = rng.integers(0, len(listed), n)
    cells, pace, now, seen = empty_cells(n), Pace.stack(listed).of(rules), 100, np.full(n, -1)
    for _ in range(12):
        now += int(rng.choice([0, 1, 1, 2, 5]))
        truth, again = random_truth(rng, n), seen == now
        moved = advance(cells, truth, pace, now, again)
        for k, own in enumerate(listed):
            rows = np.flatnonzero(rules == k)
            before, said = (type(whole)(*(column[rows] for column in whole)) for whole in (cells, truth))
            after = advance(before, said, own, now, again[rows])
            assert all(np.array_equal(one, column[rows]) for one, column in zip(after, moved, strict=True))
        cells, _ = announce(moved, rng.random(n) < 0.7, Pace(), now)
        seen = np.full(n, now)


@given(pace=paces(), truth=truths(), data=st.data())
def test_constant_conditions_move_a_state_only_as_time_does(pace: Pace, truth: Truth, data: st.DataObject) -> None:
    cell, now, seen = BLANK, 100, -1
    for _ in range(data.draw(st.integers(0, 6))):  # any past
        now += data.draw(st.sampled_from([1, 2, 5]))
        cell = announce_one(
            advance_one(cell, data.draw(truths()), pace, now, False), data.draw(st.booleans()), pace, now
        )[0]
        seen = now
    statuses = [code_of(cell.status)]
    for _ in range(30):
        now += 1
        cell = announce_one(advance_one(cell, truth, pace, now, seen == now), True, pace, now)[0]
        statuses.append(code_of(cell.status))
    changes = [(STATUSES[a], STATUSES[b]) for a, b in pairwise(statuses) if a != b]
    # no state is entered twice, and where it ends it stays
    entered = [to for _, to in changes]
    assert len(set(entered)) == len(entered)
    assert len(set(statuses[20:])) == 1


@settings(max_examples=200)
@given(pace=paces(), seed=st.integers(0, 2**32 - 1))
def test_two_announcements_are_a_cool_down_apart(pace: Pace, seed: int) -> None:
    rng, cell, now, told = np.random.default_rng(seed), BLANK, 100, []
    for _ in range(60):
        now += int(rng.choice([1, 2, 5]))
        truth = Truth(*(bool(part[0]) for part in random_truth(rng, 1)))
        cell, reason = announce_one(advance_one(cell, truth, pace, now, False), bool(rng.random() < 0.7), pace, now)
        if reason in {"fired", "released"}:
            told.append(now)
    assert all(later - earlier >= pace.cool_us for earlier, later in pairwise(told))


@settings(max_examples=200)
@given(pace=paces(), seed=st.integers(0, 2**32 - 1))
def test_a_step_repeated_at_the_same_instant_changes_nothing(pace: Pace, seed: int) -> None:
    rng, cell, now = np.random.default_rng(seed), BLANK, 100
    for _ in range(30):
        now += int(rng.choice([1, 2, 5]))
        truth, free = Truth(*(bool(part[0]) for part in random_truth(rng, 1))), bool(rng.random() < 0.7)
        cell, _ = announce_one(advance_one(cell, truth, pace, now, False), free, pace, now)
        repeated, reason = announce_one(advance_one(cell, truth, pace, now, True), free, pace, now)
        assert (repeated, reason) == (cell, "")


@settings(max_examples=200)
@given(pace=paces(), seed=st.integers(0, 2**32 - 1))
def test_an_inactive_cell_keeps_its_history_and_nothing_else(pace: Pace, seed: int) -> None:
    rng, cell, now = np.random.default_rng(seed), BLANK, 100
    for _ in range(30):
        now += int(rng.choice([1, 2, 5]))
        truth = Truth(*(bool(part[0]) for part in random_truth(rng, 1)))
        cell = announce_one(advance_one(cell, truth, pace, now, False), True, pace, now)[0]
        if code_of(cell.status) == 0:
            assert (cell.since, cell.notified, cell.quiet) == (0, 0, 0)
        if code_of(cell.status) != FIRING:
            assert cell.quiet == 0
