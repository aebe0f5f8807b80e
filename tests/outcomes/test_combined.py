from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.outcomes import NEVER
from tests.outcomes.worlds import END, make_log, rows_of, spells_of

SILENT = cl.Inactivity("20us")
CLOSED = cl.StatusChange(attribute="state", churned="closed")
OFTEN = cl.Inactivity("30us", kinds="order", cause="payment")

rows = rows_of(
    {"kind": st.sampled_from(["order", "login"]), "state": st.sampled_from(["open", "closed", None])}, max_size=20
)


def logged(drawn):
    extra = [
        {"id": "z", "t": 3, "kind": kind, "state": state} for kind, state in (("order", "open"), ("login", "closed"))
    ]
    return make_log(drawn + extra, attributes=["state"])


def at_risk(spells, c):
    return any(s < c <= e for s, e in spells)


@given(rows)
def test_at_risk_is_who_is_at_risk_by_every_part_at_every_instant(drawn):
    log = logged(drawn)
    parts = (SILENT, CLOSED, OFTEN)
    slow = [spells_of(part.outcomes(log)) for part in parts]
    for combined in (cl.AnyOf(*parts), cl.FirstOf(silent=SILENT, closed=CLOSED, often=OFTEN)):
        found = combined.outcomes(log)
        for code, customer in enumerate(log.customers):
            own = spells_of(found)[customer]
            # The first listed of the parts that end a spell at an instant is the cause there.
            ended_by = {e: n for n in (2, 1, 0) for _, e in slow[n][customer]}
            together = [all(at_risk(each[customer], c) for each in slow) for c in range(END + 1)]
            assert [at_risk(own, c) for c in range(END + 1)] == together
            ends = [c for c in range(END + 1) if together[c] and c in ended_by]
            assert [e for _, e in own if e != NEVER] == ends
            causes = found.cause[(found.customer == code) & (found.end != NEVER)].tolist()
            assert causes == [ended_by[c] + 1 if isinstance(combined, cl.FirstOf) else 1 for c in ends]


@given(rows)
def test_one_part_alone_says_what_it_says_by_itself(drawn):
    log = logged(drawn)
    assert spells_of(cl.AnyOf(CLOSED).outcomes(log)) == spells_of(CLOSED.outcomes(log))


def test_ties_go_to_the_part_listed_first():
    log = make_log(
        [
            {"id": "a", "t": 5, "kind": "order", "state": "open"},
            {"id": "a", "t": 35, "kind": "login", "state": "closed"},
        ],
        attributes=["state"],
    )
    silent, closed = cl.Inactivity("30us", kinds="order"), CLOSED
    assert cl.FirstOf(s=silent, c=closed).outcomes(log).cause.tolist() == [1]
    assert cl.FirstOf(c=closed, s=silent).outcomes(log).cause.tolist() == [1]
    assert cl.FirstOf(c=closed, s=silent).outcomes(log).causes == ("c", "s")
    assert cl.AnyOf(closed, silent, cause="voluntary").outcomes(log).causes == ("voluntary",)


def test_back_only_when_all_parts_have_the_customer_back():
    rows = [(0, "order", "open"), (10, "login", "closed"), (60, "order", None), (70, "login", "open")]
    log = make_log([{"id": "a", "t": t, "kind": k, "state": s} for t, k, s in rows], attributes=["state"])
    silent = cl.Inactivity("20us", kinds="order")
    assert spells_of(silent.outcomes(log)) == {"a": [(0, 20), (60, 80)]}
    assert spells_of(cl.FirstOf(silent=silent, closed=CLOSED).outcomes(log)) == {"a": [(0, 10), (70, 80)]}


def test_parts_with_other_customers_are_joined_by_id():
    import pandas as pd

    from tests.outcomes.worlds import stamp

    frame = pd.DataFrame({"id": ["b", "d"], "start": [stamp(1), stamp(2)], "end": [stamp(40), stamp(40)]})
    contracts = cl.Contracts.from_frame(frame, customer="id", start="start", end="end", complete_until=stamp(END))
    log = make_log([{"id": "a", "t": 5}, {"id": "b", "t": 6}])
    both = cl.FirstOf(cl.Inactivity("20us"), cl.ContractEnd(grace="1us"))
    assert spells_of(both.outcomes(log, contracts)) == {"a": [], "b": [(6, 26)], "d": []}
    assert both.outcomes(log, contracts).causes == ("inactivity", "contract_end")


def test_parts_nest():
    log = make_log(
        [{"id": "a", "t": 5, "kind": "order", "state": "open"}, {"id": "b", "t": 5, "kind": "x", "state": "closed"}],
        attributes=["state"],
    )
    nested = cl.FirstOf(quiet=cl.AnyOf(SILENT, OFTEN), closed=CLOSED)
    assert spells_of(nested.outcomes(log))["a"] == [(5, 25)]
    assert NEVER not in nested.outcomes(log).end


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (cl.AnyOf, ParameterError, "AnyOf was given no definition"),
        (cl.FirstOf, ParameterError, "FirstOf was given no definition"),
        (lambda: cl.AnyOf("60d", SILENT), ParameterTypeError, "1 parts of AnyOf are no definitions of churn: str"),
        (lambda: cl.FirstOf(silent=60), ParameterTypeError, "1 parts of FirstOf are no definitions of churn: int"),
        (lambda: cl.FirstOf(SILENT, OFTEN), ParameterError, "1 names stand for two parts each: inactivity"),
        (lambda: cl.AnyOf(SILENT, cause=""), ParameterError, "cause is empty"),
    ],
)
def test_refuses_what_cannot_work(make, error, text):
    with pytest.raises(error, match=text):
        make()
