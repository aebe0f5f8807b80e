from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import ParameterError
from churnlib.outcomes import NEVER
from tests.outcomes.worlds import expected, first_true, follow, make_log, rows_of, spells_of

WITHIN = 20
KINDS = ("cancel", "refund", "closed", "order")


def slow(events, confirm):
    back = [e["t"] for e in events if e["kind"] == "order"]
    losses = []
    for cancel in events:
        if cancel["kind"] != "cancel":
            continue
        acts = [cancel]
        for kind in ("refund", "closed") if confirm else ("refund",):
            fit = [e for e in events if e["kind"] == kind and cancel["t"] <= e["t"] < cancel["t"] + WITHIN]
            acts.append(min(fit, key=lambda e: e["known"], default=None))
        if None in acts:
            continue
        at, settled = max(e["known"] for e in acts), max(e["t"] for e in acts)
        if not any(settled < t < at for t in back):
            losses.append(at)

    def lost_after(s):
        at = first_true((x for x in losses if x > s), lambda _: True)
        return None if at is None else (at, None)

    return follow(min(e["t"] for e in events), lost_after, lambda d, _: min((t for t in back if t >= d), default=None))


@given(
    st.booleans().flatmap(lambda late: rows_of({"kind": st.sampled_from(KINDS)}, late=late, max_size=20)), st.booleans()
)
def test_agrees_with_a_search_of_all_acts(rows, confirm):
    extra = [{"id": "z", "t": 3, "kind": kind} for kind in KINDS]
    log = make_log(rows + [row | ({"known": 3} if "known" in rows[0] else {}) for row in extra], until=150)
    definition = cl.CancelAndRefund(
        cancel="cancel", refund="refund", within="20us", confirm="closed" if confirm else ()
    )
    # Without confirmation a closing is activity like any other, so only orders are named.
    definition = cl.CancelAndRefund(
        cancel=definition.cancel, refund=definition.refund, within="20us", confirm=definition.confirm, kinds="order"
    )
    assert spells_of(definition.outcomes(log)) == expected(log, lambda events: slow(events, confirm))


@pytest.mark.parametrize(("refund", "end"), [(9, NEVER), (10, 10), (29, 29), (30, NEVER), (31, NEVER)])
def test_the_refund_must_come_within_the_time(refund, end):
    rows = [
        {"id": "a", "t": 1, "kind": "order"},
        {"id": "a", "t": 10, "kind": "cancel"},
        {"id": "a", "t": refund, "kind": "refund"},
    ]
    definition = cl.CancelAndRefund(cancel="cancel", refund="refund", within="20us")
    assert definition.outcomes(make_log(rows)).end.tolist() == [end]


def test_churn_waits_until_the_last_act_is_known():
    rows = [
        {"id": "a", "t": 1, "known": 1, "kind": "order"},
        {"id": "a", "t": 10, "known": 60, "kind": "cancel"},
        {"id": "a", "t": 12, "known": 40, "kind": "refund"},
    ]
    definition = cl.CancelAndRefund(cancel="cancel", refund="refund")
    assert definition.outcomes(make_log(rows)).end.tolist() == [60]
    # An order after the refund and before the news: the customer had come back already.
    back = [*rows, {"id": "a", "t": 50, "known": 50, "kind": "order"}]
    assert definition.outcomes(make_log(back)).end.tolist() == [NEVER]


def test_any_other_kind_is_a_return_unless_kinds_are_named():
    kinds = ["order", "cancel", "refund", "mail", "order"]
    log = make_log([{"id": "a", "t": 10 * i, "kind": kind} for i, kind in enumerate(kinds)])
    arguments = {"cancel": "cancel", "refund": "refund"}
    assert spells_of(cl.CancelAndRefund(**arguments).outcomes(log)) == {"a": [(0, 20), (30, NEVER)]}
    assert spells_of(cl.CancelAndRefund(kinds="order", **arguments).outcomes(log)) == {"a": [(0, 20), (40, NEVER)]}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"cancel": [], "refund": "refund"}, "cancel names no kind"),
        ({"cancel": "cancel", "refund": ()}, "refund names no kind"),
        ({"cancel": "x", "refund": "x"}, "1 kinds have two roles: x"),
        ({"cancel": "cancel", "refund": "refund", "kinds": "refund"}, "1 kinds have two roles: refund"),
        ({"cancel": "cancel", "refund": "refund", "within": "0d"}, "within='0d' has a length of zero"),
        ({"cancel": "cancle", "refund": "refund"}, "cancle"),
    ],
)
def test_refuses_what_cannot_work(arguments, text):
    log = make_log([{"id": "a", "t": 1, "kind": kind} for kind in KINDS])
    with pytest.raises(ParameterError, match=text):
        cl.CancelAndRefund(**arguments).outcomes(log)
