from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import ParameterError
from churnlib.outcomes import NEVER
from tests.outcomes.worlds import make_log, rows_of, spells_of

UNTIL = 150

DEFINITIONS = [
    cl.Inactivity("20us"),
    cl.Inactivity("20us", kinds="order"),
    cl.FrequencyDrop(by=0.3, window="20us", baseline="20us", min_events=2),
    cl.StatusChange(attribute="state", churned="closed"),
    cl.Downgrade(attribute="state", order=["closed", "open"]),
    cl.CancelAndRefund(cancel="cancel", refund="refund", within="20us"),
    cl.AnyOf(cl.Inactivity("30us"), cl.StatusChange(attribute="state", churned="closed")),
]

rows = rows_of(
    {"kind": st.sampled_from(["order", "cancel", "refund"]), "state": st.sampled_from(["open", "closed", None])},
    late=True,
    max_size=16,
)
ALWAYS = [
    {"id": "z", "t": 0, "known": 0, "kind": k, "state": s}
    for k in ("order", "cancel", "refund")
    for s in ("open", "closed")
]


def logged(drawn):
    return make_log(drawn, until=UNTIL, attributes=["state"])


@given(rows, st.sampled_from(DEFINITIONS), st.integers(1, UNTIL))
def test_the_risk_set_is_that_of_the_log_without_rows_unknown_then(drawn, definition, cutoff):
    drawn = drawn + ALWAYS
    log = logged(drawn)
    state = definition.state_at(log, cutoff)
    seen = [row for row in drawn if not row["t"] < cutoff <= row["known"]]
    known = definition.outcomes(logged(seen)).state_at(cutoff)
    assert state.customers.take(state.customer).tolist() == known.customers.take(known.customer).tolist()
    assert state.spell.tolist() == known.spell.tolist()
    assert state.start.tolist() == known.start.tolist()
    assert (state.known, state.gone) == (known.known, known.gone)


@given(rows, st.sampled_from(DEFINITIONS), st.integers(1, UNTIL))
def test_what_becomes_of_the_risk_set_is_read_from_the_full_log(drawn, definition, cutoff):
    log = logged(drawn + ALWAYS)
    truth = definition.outcomes(log)
    state = definition.state_at(log, cutoff, truth=truth)
    for code, churn, cause in zip(state.customer, state.churn, state.cause, strict=True):
        spells = spells_of(truth)[log.customers[code]]
        begun = [e for s, e in spells if s < cutoff]
        assert churn == (begun[-1] if begun else spells[0][1] if spells else NEVER)
        assert (cause > 0) == (churn < NEVER)


@given(rows, st.sampled_from(DEFINITIONS), st.integers(1, UNTIL), st.integers(0, 60))
def test_rows_that_are_not_known_yet_do_not_change_the_risk_set(drawn, definition, cutoff, when):
    """Whatever arrives at or after the cutoff, about whenever, the risk set stays as it is."""
    drawn = drawn + ALWAYS
    late = {"id": "a", "t": when, "known": max(cutoff, when), "kind": "order", "state": "closed"}
    if late["known"] >= UNTIL:
        return
    before, after = (definition.state_at(logged(each), cutoff) for each in (drawn, [*drawn, late]))
    ids = [state.customers.take(state.customer).tolist() for state in (before, after)]
    assert ids[0] == ids[1]
    assert before.start.tolist() == after.start.tolist()
    assert before.spell.tolist() == after.spell.tolist()


def test_who_had_left_unknown_to_all_has_no_label():
    # At 70 we had seen visits at 0 and 40. At 90 we learn of four more, and with them of a drop that began at 43.
    rows = [{"id": "a", "t": t, "known": 90} for t in (21, 22, 23, 24)]
    log = make_log([*rows, {"id": "a", "t": 0, "known": 0}, {"id": "a", "t": 40, "known": 40}], until=UNTIL)
    definition = cl.FrequencyDrop(by=0.3, window="20us", baseline="20us", min_events=2)
    state = definition.state_at(log, 70)
    assert (state.at_risk, state.churn.tolist()) == (1, [43])
    split = state.label(horizon="30us")
    assert split.counts == {"churned_before": 1, "churned_in_lead": 0, "churned": 0, "retained": 0, "immature": 0}
    assert not len(split.y)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"horizon": "0d"}, "horizon='0d' has a length of zero"),
        ({"horizon": "1d", "lead": "-1d"}, "lead='-1d' is negative"),
        ({"horizon": "soon"}, "horizon: 'soon' is not a length of time"),
    ],
)
def test_refuses_windows_that_hold_nothing(arguments, text):
    state = cl.Inactivity("20us").outcomes(make_log([{"id": "a", "t": 5}])).state_at(10)
    with pytest.raises(ParameterError, match=text):
        state.label(**arguments)
