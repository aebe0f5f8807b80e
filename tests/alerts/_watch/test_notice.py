"""Notices: the same alert told for the same reason has the same key, and no other has it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from churnlib.alerts import Alert, Notice, Rule, RuleSet, notices
from churnlib.alerts._watch._notice import Wording
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError
from tests.alerts.worlds import Moment, moments, rule_sets

RULES = RuleSet([Rule("a", 1, "x > 1", escalate=[("1d", 3, "ann"), ("2d", 3, "bob")], route={"owner": "crm"})])
AT = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def notice(**changes: object) -> Notice:
    told = {"customer": 7, "rule": "a", "level": 1, "since": AT, "owner": "crm", "channel": "", "suppressed_by": ""}
    asked = {"reason": "fired", "rules": RULES, "at": AT, "score": 1.0, "text": "x is 2"}
    told |= {name: value for name, value in changes.items() if name in told}
    asked |= {name: value for name, value in changes.items() if name in asked}
    return Notice.of(Alert(**told), **asked)


def test_the_key_is_that_of_the_alert_and_its_reason():
    same = notice(score=5.0, text="another text", owner="somebody", at=AT + DAY / 2, customer=np.int64(7))
    assert same.key == notice().key
    assert isinstance(same.customer, int)
    others = [
        notice(customer="7"), notice(customer=8), notice(level=2), notice(since=AT - dt.timedelta(microseconds=1)),
        notice(reason="released"), notice(rules=RuleSet([Rule("a", 1, "x > 2")])),
        notice(reason="escalated", level=3, at=AT + DAY), notice(reason="escalated", level=3, at=AT + 2 * DAY),
    ]  # fmt: skip
    assert len({notice().key, *(other.key for other in others)}) == len(others) + 1


def test_it_is_the_same_in_every_zone_and_process():
    berlin = AT.astimezone(dt.timezone(dt.timedelta(hours=1)))
    assert notice(since=berlin, at=berlin).key == notice().key
    parts = f'["{RULES.digest}",7,"a",1772409600000000,"fired",1,0]'
    assert notice().key == hashlib.sha256(parts.encode()).hexdigest()


def test_a_notice_comes_back_from_json():
    one = notice(text='a "quote",\na line and ü', customer="ann")
    assert Notice.from_json(one.to_json()) == one
    assert "\n" not in one.to_json()
    assert json.loads(one.to_json())["since"] == "2026-03-02T00:00:00+00:00"


def test_what_is_no_notice_is_refused():
    with pytest.raises(SchemaError, match="a notice has no score"):
        Notice.from_dict({name: value for name, value in notice().to_dict().items() if name != "score"})
    with pytest.raises(SchemaError, match="at of a notice is 'yesterday'"):
        Notice.from_dict(notice().to_dict() | {"at": "yesterday"})
    with pytest.raises(SchemaError, match="no JSON of a notice"):
        Notice.from_json("{")


@given(rules=rule_sets(), story=moments(max_size=6))
def test_a_table_and_one_customer_at_a_time_give_the_same_notices(rules: RuleSet, story: list[Moment]) -> None:
    online, state = rules.online(), None
    languages = {language for rule in rules for language, _ in rule.because} - {""}
    language = "en" if languages else None
    wording = Wording(rules, language)
    for moment in story:
        batch = rules.step(
            moment.frame(), now=moment.at, state=state, opted_out=moment.opted_out, silences=moment.silences,
            sources=moment.sources,
        )  # fmt: skip
        state = batch.state
        online.set(sources=moment.sources, opted_out=moment.opted_out, silences=moment.silences)
        found = []
        for customer in sorted(moment.rows):
            step = online.step(customer, moment.rows[customer], moment.at)
            found += wording.notices(step, moment.rows[customer], moment.at.to_pydatetime())
        assert found == notices(batch, language=language)


def test_a_text_in_a_language_that_is_not_there_is_refused():
    rules = RuleSet([Rule("a", 1, "x > 1", because={"en": "{x}"})])
    with pytest.raises(ParameterError, match="rule 'a' has no text in 'fr'"):
        Wording(rules, "fr")
    step = rules.step(pd.DataFrame({"x": [2, 0]}, index=["ann", "bob"]), now="2026-03-02")
    assert [told.text for told in notices(step, language="en")] == ["2"]
    assert notices(rules.step(pd.DataFrame({"x": [0]}, index=["ann"]), now="2026-03-02")) == []


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (None, "no JSON of a notice"),
        ("[" * 100_000, "no JSON of a notice"),
        (notice().to_json().replace("+00:00", ""), "an ISO 8601 text with a zone"),
    ],
)
def test_a_text_that_is_no_notice_is_refused(text: Any, match: str):
    with pytest.raises(SchemaError, match=match):
        Notice.from_json(text)


def test_what_is_no_step_over_a_table_is_refused():
    with pytest.raises(ParameterTypeError, match="step is a OnlineStep; a step over a table was expected"):
        notices(RuleSet([Rule("a", 1, "x > 1")]).online().step(7, {"x": 2}, "2026-03-02"))  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match="the notice is a int"):
        Notice.from_dict(7)  # type: ignore[arg-type]
