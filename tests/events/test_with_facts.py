"""Facts carry attributes and names, and are nothing the customer did."""

from __future__ import annotations

import pandas as pd
import pytest

import churnlib as cl
from churnlib.events import with_facts
from churnlib.exceptions import ParameterError


def log_of(**options) -> cl.EventLog:
    frame = pd.DataFrame(
        {
            "id": ["a", "a", "b", "b"],
            "at": ["2025-01-05", "2025-02-01", "2025-01-20", "2025-03-01"],
            "what": ["order", "moved plan", "order", "order"],
            "plan": [None, "gold", "basic", None],
            "total": [5.0, 0.0, 7.0, 2.5],
        }
    )
    roles = {"customer": "id", "time": "at", "kind": "what", "amount": "total", "attributes": "plan"}
    return cl.EventLog.from_frame(frame, **roles | options)


SPEC = cl.FeatureSpec(
    [cl.features.Count(), cl.features.Recency(), cl.features.AttributeValue("plan"), cl.features.Count(kind="order")]
)


def test_all_kinds_leave_facts_out_but_attributes_are_read_from_them():
    log = log_of(facts="moved plan")
    X = cl.features.compute(log, "2025-03-01", SPEC).frame
    assert X["any.count"].tolist() == [1, 1]
    assert X["any.recency"].tolist() == [55.0, 40.0]
    assert X["plan.value"].tolist() == ["gold", "basic"]
    plain = cl.features.compute(log_of(), "2025-03-01", SPEC).frame
    assert plain["any.count"].tolist() == [2, 1]


def test_a_fact_is_no_sign_of_life_but_becoming_a_customer_is():
    silence = cl.Inactivity("20d")
    assert silence.outcomes(log_of()).frame["spell"].max() == 2
    kept = silence.outcomes(log_of(facts="moved plan")).frame
    assert kept[kept["customer_id"] == "a"]["churned_at"].dt.date.astype(str).tolist() == ["2025-01-25"]
    only = pd.DataFrame({"id": ["c"], "at": ["2025-01-01"]})
    both = with_facts(log_of(), cl.EventLog.from_frame(only, customer="id", time="at"), "joined")
    frame = silence.outcomes(both).frame
    assert frame[frame["customer_id"] == "c"]["start"].dt.date.astype(str).tolist() == ["2025-01-01"]


def test_facts_survive_saving_appending_and_views(tmp_path):
    log = log_of(facts="moved plan")
    log.save(tmp_path / "log.parquet")
    assert cl.EventLog.load(tmp_path / "log.parquet").facts == ("moved plan",)
    assert log.as_of("2025-02-15").facts == ("moved plan",)
    assert log.digest != log_of().digest


def test_a_misspelt_or_kindless_fact_is_refused():
    with pytest.raises(ParameterError, match=r"not in the log.*moved plan"):
        log_of(facts="move plan")
    frame = pd.DataFrame({"id": [1], "at": ["2025-01-01"]})
    with pytest.raises(ParameterError, match="without a column of kinds"):
        cl.EventLog.from_frame(frame, customer="id", time="at", facts="joined")


def test_joined_facts_keep_the_money_and_the_knowledge_of_the_log():
    late = pd.DataFrame({"id": ["a"], "at": ["2025-01-10"], "seen": ["2025-02-10"], "dealer": ["north"]})
    facts = cl.EventLog.from_frame(late, customer="id", time="at", known_at="seen", attributes="dealer")
    both = with_facts(log_of(), facts, "dealer")
    assert both.amount.sum() == log_of().amount.sum()
    assert both.known is not None
    spec = cl.FeatureSpec([cl.features.AttributeValue("dealer")])
    for cutoff, dealer in (("2025-02-10", [None, None]), ("2025-02-11", ["north", None])):
        found = cl.features.compute(both, cutoff, spec).frame["dealer.value"]
        assert found.astype(object).where(found.notna(), None).tolist() == dealer


def test_events_of_the_name_of_the_facts_are_not_taken_for_facts():
    log = log_of()
    facts = cl.EventLog.from_frame(
        pd.DataFrame({"id": ["a"], "at": ["2025-01-01"], "plan": ["gold"]}), customer="id", time="at", attributes="plan"
    )
    with pytest.raises(ParameterError, match=r"3 events of a kind of its own called 'order'.*\nFix: frame\['what'\]"):
        with_facts(log, facts, "order")
    again = with_facts(with_facts(log, facts, "contract"), facts, "contract")
    assert again.facts == ("contract",)
