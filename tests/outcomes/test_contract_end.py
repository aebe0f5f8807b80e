from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.calendar import to_us
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError
from churnlib.outcomes import NEVER
from tests.outcomes.worlds import END, censored, instants, make_log, spells_of, stamp

GRACE = 10


def make_contracts(rows, *, until=END):
    """Rows with the keys id, start, end (None is open) and maybe cause and known."""
    frame = pd.DataFrame(list(rows))
    for column in ("start", "end", "known"):
        if column in frame:
            frame[column] = pd.Series(
                [pd.NaT if pd.isna(t) else stamp(int(t)) for t in frame[column]], dtype="datetime64[us, UTC]"
            )
    roles = {role: column for role, column in (("cause", "cause"), ("known_at", "known")) if column in frame}
    return cl.Contracts.from_frame(frame, customer="id", start="start", end="end", complete_until=stamp(until), **roles)


def slow(rows, *, grace, early, until=END):
    """Look at every instant: covered, within grace of the latest end, or lost."""
    spells, start = [], None
    for x in range(until + 1):
        begun = [r for r in rows if r["start"] < x]
        arriving = any(r["start"] == x for r in rows) and x < until
        if start is not None and all(r["end"] is not None and r["end"] <= x for r in begun):
            last = max(begun, key=lambda r: (r["end"], r["start"]))
            wait = 0 if early and last["cause"] is not None else grace
            renewed = arriving and x == last["end"]
            # Without a wait a renewal from `until` itself is not in the data yet.
            if x >= last["end"] + wait and not renewed and (wait or x < until):
                spells.append((start, x))
                start = None
        if start is None and arriving:
            start = x
    return censored([*spells, (start, NEVER)] if start is not None else spells, until)


def contract_rows():
    def row(values):
        who, start, length, cause = values
        return {"id": who, "start": start, "end": None if length is None else start + length, "cause": cause}

    lengths = st.sampled_from([None, 1, 9, 10, 11, 20, 50])
    causes = st.sampled_from([None, None, "payment"])
    return st.lists(st.tuples(st.sampled_from("ab"), instants(), lengths, causes).map(row), min_size=1, max_size=8)


@given(contract_rows(), st.sampled_from([0, 1, GRACE]), st.booleans())
def test_agrees_with_a_look_at_every_instant(rows, grace, early):
    # Among contracts with one end, the slow definition and the log's order must agree on the last one.
    rows = list({(r["id"], r["end"]): r for r in rows}.values())
    contracts = make_contracts(rows)
    outcomes = cl.ContractEnd(grace=f"{grace}us", early_termination=early).outcomes(None, contracts)
    for customer, found in spells_of(outcomes).items():
        own = [r for r in rows if r["id"] == customer]
        assert found == slow(own, grace=grace, early=early), customer


@pytest.mark.parametrize(("gap", "spells"), [(-5, 1), (0, 1), (9, 1), (10, 2), (11, 2)])
def test_a_renewal_within_grace_is_the_same_spell(gap, spells):
    contracts = make_contracts([{"id": "a", "start": 0, "end": 20}, {"id": "a", "start": 20 + gap, "end": 50}])
    outcomes = cl.ContractEnd(grace="10us").outcomes(None, contracts)
    assert len(outcomes) == spells
    assert outcomes.end[-1] == 60
    assert outcomes.last_activity[-1] == 50


def test_contracts_that_touch_are_one_even_without_grace():
    contracts = make_contracts([{"id": "a", "start": 0, "end": 20}, {"id": "a", "start": 20, "end": 40}])
    assert cl.ContractEnd(grace="0d").outcomes(None, contracts).end.tolist() == [40]


@pytest.mark.parametrize(("grace", "until", "end"), [(0, 20, NEVER), (0, 21, 20), (10, 29, NEVER), (10, 30, 30)])
def test_churn_is_known_when_no_renewal_can_come_any_more(grace, until, end):
    contracts = make_contracts([{"id": "a", "start": 0, "end": 20}], until=until)
    assert cl.ContractEnd(grace=f"{grace}us").outcomes(None, contracts).end.tolist() == [end]


def test_an_early_end_is_known_at_once_and_only_if_asked_for():
    rows = [{"id": "a", "start": 0, "end": 20, "cause": "payment"}, {"id": "b", "start": 0, "end": 20, "cause": None}]
    contracts = make_contracts(rows)
    assert cl.ContractEnd(grace="10us").outcomes(None, contracts).end.tolist() == [30, 30]
    outcomes = cl.ContractEnd(grace="10us", early_termination=True).outcomes(None, contracts)
    assert outcomes.end.tolist() == [20, 30]
    assert [outcomes.causes[c - 1] for c in outcomes.cause] == ["payment", "unknown"]


def test_a_longer_contract_covers_the_end_of_a_shorter_one():
    rows = [
        {"id": "a", "start": 0, "end": 90},
        {"id": "a", "start": 10, "end": 20},
        {"id": "a", "start": 60, "end": 70},
    ]
    assert spells_of(cl.ContractEnd(grace="10us").outcomes(None, make_contracts(rows))) == {"a": [(0, 100)]}


def test_contracts_without_events_and_events_without_contracts():
    contracts = make_contracts([{"id": "b", "start": 5, "end": None}])
    log = make_log([{"id": "a", "t": 3}, {"id": "c", "t": 4}])
    outcomes = cl.ContractEnd().outcomes(log, contracts)
    assert outcomes.customers.tolist() == ["a", "b", "c"]
    assert spells_of(outcomes) == {"a": [], "b": [(5, NEVER)], "c": []}
    assert outcomes.state_at(50).known == 1


def test_the_customers_of_the_log_keep_their_codes_when_they_hold_all_contracts():
    contracts = make_contracts([{"id": "b", "start": 5, "end": None}])
    log = make_log([{"id": "a", "t": 3}, {"id": "b", "t": 4}])
    assert cl.ContractEnd().outcomes(log, contracts).customers is log.customers


def test_the_shorter_of_log_and_contracts_ends_the_data():
    contracts = make_contracts([{"id": "a", "start": 5, "end": 20}], until=60)
    log = make_log([{"id": "a", "t": 3}], until=25)
    assert cl.ContractEnd(grace="10us").outcomes(log, contracts).end.tolist() == [NEVER]
    assert cl.ContractEnd(grace="10us").outcomes(None, contracts).end.tolist() == [30]


def test_causes_are_renamed_and_others_stay():
    rows = [
        {"id": "a", "start": 0, "end": 20, "cause": "arrears"},
        {"id": "b", "start": 0, "end": 20, "cause": "price"},
        {"id": "c", "start": 0, "end": 20, "cause": None},
    ]
    outcomes = cl.ContractEnd(grace="1us", causes={"arrears": "payment"}).outcomes(None, make_contracts(rows))
    assert [outcomes.causes[c - 1] for c in outcomes.cause] == ["payment", "price", "unknown"]


def test_a_month_of_grace_ends_on_the_calendar_of_the_contracts():
    frame = pd.DataFrame({"id": ["a"], "from": ["2025-01-01"], "to": ["2025-02-15"]})
    contracts = cl.Contracts.from_frame(
        frame, customer="id", start="from", end="to", timezone="Europe/Berlin", complete_until="2025-06-01"
    )
    outcomes = cl.ContractEnd(grace="2mo").outcomes(None, contracts)
    assert outcomes.end.tolist() == [to_us("2025-04-15", "Europe/Berlin")]


def test_a_renewal_keyed_in_late_is_not_in_the_risk_set_before():
    rows = [{"id": "a", "start": 0, "end": 20, "known": 0}, {"id": "a", "start": 22, "end": 60, "known": 50}]
    rows += [{"id": "b", "start": 0, "end": 90, "known": 0}]
    contracts = make_contracts(rows)
    definition = cl.ContractEnd(grace="10us")
    truth = definition.outcomes(None, contracts)
    for cutoff, seen in ((30, ["a", "b"]), (31, ["b"]), (50, ["b"]), (51, ["a", "b"])):
        state = definition.state_at(None, cutoff, contracts=contracts, truth=truth)
        assert state.customers.take(state.customer).tolist() == seen
        assert state.known == 2
        # Who is at risk goes by what was known; when they churn goes by the truth.
        assert dict(zip(state.customers.take(state.customer), state.churn, strict=True)) == {
            k: {"a": 70, "b": 100}[k] for k in seen
        }


CONTRACTS = [{"id": "a", "start": 0, "end": 20, "cause": "price"}]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: cl.ContractEnd(grace="-1d"), ParameterError, "grace='-1d' is negative"),
        (lambda: cl.ContractEnd(early_termination=1), ParameterTypeError, "early_termination"),
        (
            lambda: cl.ContractEnd().outcomes(make_log([{"id": "a", "t": 1}])),
            ParameterError,
            "ContractEnd was given no contracts",
        ),
        (lambda: cl.ContractEnd().outcomes(None, "contracts"), ParameterTypeError, "contracts is a str"),
        (
            lambda: cl.ContractEnd(causes={"prise": "voluntary"}).outcomes(None, make_contracts(CONTRACTS)),
            ParameterError,
            "causes names 1 values that no contract states: prise .did you mean 'price'",
        ),
        (
            lambda: cl.ContractEnd(causes={"x": "payment"}).outcomes(
                None, make_contracts([{"id": "a", "start": 0, "end": 9}])
            ),
            ParameterError,
            "the contracts have no cause column",
        ),
        (
            lambda: cl.ContractEnd().outcomes(make_log([{"id": 7, "t": 1}]), make_contracts(CONTRACTS)),
            SchemaError,
            "by integer .7. and by string .a.",
        ),
    ],
)
def test_refuses_what_cannot_work(make, error, text):
    with pytest.raises(error, match=text):
        make()
