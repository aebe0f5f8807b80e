from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError
from churnlib.outcomes import NEVER
from tests.outcomes.worlds import expected, first_true, follow, make_log, rows_of, spells_of, timeline

statuses = st.sampled_from(["open", "paused", "closed", "cut", None])
CHURNED = ("closed", "cut")


def slow(events):
    believed = timeline(events, "state")
    lost = [k for k, value in believed if value in CHURNED]
    back = [k for k, value in believed if value not in CHURNED]
    start = min(e["t"] for e in events)
    if believed and believed[0][1] in CHURNED and believed[0][0] == min(e["known"] for e in events):
        start = first_true(back, lambda _: True)

    def lost_after(s):
        k = first_true((k for k in lost if k > s), lambda _: True)
        return None if k is None else (k, None)

    return follow(start, lost_after, lambda d, _: first_true((k for k in back if k >= d), lambda _: True))


def both_stated(rows):
    """Let every status occur, on a customer of its own."""
    extra = [{"id": "z", "t": 3 + i, "state": state} for i, state in enumerate(("open", *CHURNED))]
    return rows + [row | ({"known": row["t"]} if "known" in rows[0] else {}) for row in extra]


@given(st.booleans().flatmap(lambda late: rows_of({"state": statuses}, late=late)))
def test_agrees_with_what_was_believed_at_every_instant(rows):
    log = make_log(both_stated(rows), until=150, attributes=["state"])
    outcomes = cl.StatusChange(attribute="state", churned=CHURNED).outcomes(log)
    assert spells_of(outcomes) == expected(log, slow)


def test_churn_is_stamped_when_the_fact_was_known_and_not_when_it_is_dated():
    log = make_log(
        [{"id": "a", "t": 1, "known": 1, "state": "open"}, {"id": "a", "t": 10, "known": 35, "state": "closed"}],
        attributes=["state"],
    )
    assert cl.StatusChange(attribute="state", churned="closed").outcomes(log).end.tolist() == [35]


def test_a_late_fact_about_the_past_leaves_the_present_as_it_is():
    rows = [
        {"id": "a", "t": 1, "known": 1, "state": "open"},
        {"id": "a", "t": 20, "known": 20, "state": "open"},
        {"id": "a", "t": 10, "known": 35, "state": "closed"},
    ]
    log = make_log(rows, attributes=["state"])
    assert cl.StatusChange(attribute="state", churned="closed").outcomes(log).end.tolist() == [NEVER]


def test_activity_brings_nobody_back_but_a_new_status_does():
    rows = [
        {"id": "a", "t": 1, "state": None},
        {"id": "a", "t": 10, "state": "closed"},
        {"id": "a", "t": 20, "state": None},
    ]
    log = make_log([*rows, {"id": "a", "t": 30, "state": "open"}], attributes=["state"])
    found = spells_of(cl.StatusChange(attribute="state", churned="closed").outcomes(log))
    assert found == {"a": [(1, 10), (30, NEVER)]}


def test_who_comes_as_churned_was_never_at_risk():
    log = make_log([{"id": "a", "t": 1, "state": "closed"}, {"id": "b", "t": 1, "state": "open"}], attributes=["state"])
    outcomes = cl.StatusChange(attribute="state", churned="closed").outcomes(log)
    assert spells_of(outcomes) == {"a": [], "b": [(1, NEVER)]}
    assert outcomes.state_at(10).known == 1


def test_causes_follow_the_value_that_ended_the_spell():
    rows = [
        {"id": who, "t": t, "state": state}
        for who, t, state in [
            ("a", 1, "open"), ("a", 5, "cut"), ("a", 6, "closed"),
            ("b", 1, "open"), ("b", 5, "closed"), ("c", 2, "open"),
        ]
    ]  # fmt: skip
    change = cl.StatusChange(attribute="state", churned=CHURNED, causes={"cut": "operator-disconnected"})
    outcomes = change.outcomes(make_log(rows, attributes=["state"]))
    assert outcomes.causes == ("unknown", "operator-disconnected")
    assert outcomes.cause.tolist() == [2, 1, 0]


LOG = {"id": "a", "t": 1, "state": "open", "size": 2.5}


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: cl.StatusChange(attribute="state", churned=[]), ParameterError, "churned names no value"),
        (
            lambda: cl.StatusChange(attribute="state", churned="x", causes={"y": "payment"}),
            ParameterError,
            "not in churned: y",
        ),
        (
            lambda: cl.StatusChange(attribute="state", churned="x", causes="payment"),
            ParameterTypeError,
            "causes is a str",
        ),
        (
            lambda: cl.StatusChange(attribute="stat", churned="x"),
            SchemaError,
            "no attribute 'stat'.*did you mean 'state'",
        ),
        (lambda: cl.StatusChange(attribute="size", churned="x"), SchemaError, "'size' holds numbers"),
        (
            lambda: cl.StatusChange(attribute="state", churned=["open", "opne"]),
            ParameterError,
            "never states opne .did you mean 'open'",
        ),
    ],
)
def test_refuses_what_cannot_work(make, error, text):
    log = make_log([LOG], attributes=["state", "size"])
    with pytest.raises(error, match=text):
        make().outcomes(log)


def test_says_that_a_log_has_no_attributes_at_all():
    with pytest.raises(SchemaError, match="it has none"):
        cl.StatusChange(attribute="state", churned="x").outcomes(make_log([{"id": "a", "t": 1}]))
