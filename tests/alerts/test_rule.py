"""A rule says what it means, refuses what makes no sense with the line that mends it, and survives its file."""

from __future__ import annotations

import datetime as dt
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.alerts import Escalation, Route, Rule
from churnlib.exceptions import ChurnlibError, ParameterError, ParameterTypeError
from churnlib.expressions import Expression
from tests.alerts.worlds import rules


def rule(**options: Any) -> Rule:
    return Rule(**({"id": "no-visit", "level": 1, "when": "days >= 30"} | options))


WRONG: list[tuple[dict[str, Any], type[ChurnlibError], str]] = [
    ({"id": ""}, ParameterError, "id is ''"),
    ({"id": " a"}, ParameterError, "without spaces around it"),
    ({"id": "a\u200bb"}, ParameterError, "a character that cannot be seen"),
    ({"id": "a" * 201}, ParameterError, "id has 201 characters"),
    ({"id": 7}, ParameterTypeError, "id is 7, a int"),
    ({"level": 0}, ParameterError, "rule 'no-visit': level=0 is out of range; a value from 1 to 9"),
    ({"level": 10}, ParameterError, "level=10 is out of range"),
    ({"level": 1.5}, ParameterTypeError, "level is 1.5, a float"),
    ({"when": "days => 30"}, ParameterError, "rule 'no-visit': when: at character 6: .*\nFix: write >="),
    ({"when": 30}, ParameterTypeError, "the expression is a int"),
    ({"clear": "days <"}, ParameterError, "rule 'no-visit': clear: at character"),
    ({"for_": "3"}, ParameterError, "for_: '3' is not a length of time"),
    ({"for_": 3}, ParameterTypeError, "3 is a int and says no unit of time"),
    ({"for_": "-1d"}, ParameterError, "for_='-1d' is negative"),
    ({"keep_firing": "1mo"}, ParameterError, "keep_firing='1mo' has no fixed length"),
    ({"cooldown": "1y"}, ParameterError, "cooldown='1y' has no fixed length"),
    ({"of": (3, 2)}, ParameterError, r"k of \(k, n\)=3 is out of range; a value from 1 to 2"),
    ({"of": (1, 17)}, ParameterError, r"n of \(k, n\)=17 is out of range"),
    ({"of": 2}, ParameterTypeError, r"of is 2; \(k, n\) was expected"),
    ({"on_missing": "ignore"}, ParameterError, "on_missing='ignore' is not a choice"),
    ({"on_missing": "holds"}, ParameterError, "did you mean 'hold'"),
    ({"inhibited_by": "no-visit"}, ParameterError, "inhibited_by names the rule itself"),
    ({"inhibited_by": ["a", "a"]}, ParameterError, "inhibited_by names a more than once"),
    ({"escalate": "7d"}, ParameterTypeError, "escalate is '7d'; a list was expected"),
    ({"escalate": [("7d",)]}, ParameterTypeError, r"an escalation is \('7d',\)"),
    ({"escalate": [{"after": "7d", "levle": 2}]}, ParameterError, "an escalation has no level"),
    ({"escalate": [("0d", 2)]}, ParameterError, "after='0d' has a length of zero"),
    ({"escalate": [("7d", 2), ("1w", 3)]}, ParameterError, "two escalations begin after 7d"),
    ({"route": {"chanel": "email"}}, ParameterError, "route has an entry 'chanel' .did you mean 'channel'"),
    ({"route": {"owner": 7}}, ParameterTypeError, "owner is 7"),
    ({"respect_opt_out": "yes"}, ParameterTypeError, "respect_opt_out is 'yes'"),
    ({"season": {"recency": "holiday_days"}}, ParameterError, "season names recency, which neither when nor clear"),
    ({"season": "holiday_days"}, ParameterTypeError, "season is 'holiday_days'"),
    ({"valid": "2026-01-01"}, ParameterTypeError, r"\(from, until\) was expected"),
    ({"valid": ("2026-02-01", "2026-02-01")}, ParameterError, "which is never"),
    ({"valid": {"form": "2026-01-01"}}, ParameterError, "did you mean 'from'"),
    ({"valid": ("soon", None)}, ChurnlibError, "'soon' is not a point in time"),
    ({"weight": float("nan")}, ParameterError, "weight=nan is out of range"),
    ({"weight": "1"}, ParameterTypeError, "weight is '1'"),
    ({"is_loss": 1}, ParameterTypeError, "is_loss is 1"),
    ({"because": 7}, ParameterTypeError, "because is 7"),
    ({"because": {"en": 7}}, ParameterTypeError, "texts by language"),
]


@pytest.mark.parametrize(("options", "error", "said"), WRONG)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], error: type[ChurnlibError], said: str) -> None:
    with pytest.raises(error, match=said):
        rule(**options)


def test_defaults_are_those_of_the_shortest_rule() -> None:
    assert rule().to_dict() == {"id": "no-visit", "level": 1, "when": "days >= 30"}
    assert rule(when=Expression("days>=30"), clear=None, route=Route(), escalate=[]) == rule()


def test_one_rule_is_written_in_many_ways() -> None:
    one = rule(
        for_=dt.timedelta(days=1), of=[2, 3], route={"channel": "email"}, escalate=[{"after": "7d", "level": 2}],
        valid=(dt.date(2026, 1, 1), None), season=None,
    )  # fmt: skip
    other = rule(
        for_="24h", of=(2, 3), route=Route("email"), escalate=[Escalation("1w", 2)], valid={"from": "2026-01-01"}
    )
    assert one == other
    assert hash(one) == hash(other)
    assert replace(one, level=2) != one
    assert pickle.loads(pickle.dumps(one)) == one


def test_a_rule_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        rule().level = 2  # type: ignore[misc]


@given(rules("a", ("b", "c")))
def test_what_a_rule_writes_it_reads(drawn: Rule) -> None:
    assert Rule.from_dict(drawn.to_dict()) == drawn
    assert Rule.from_dict(drawn.to_dict()).to_dict() == drawn.to_dict()
    assert replace(drawn) == drawn


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"id": "a", "level": 1}, "rule 'a' has no when"),
        ({"level": 1, "when": "x > 1"}, "a rule has no id"),
        ({"id": "a", "level": 1, "when": "x > 1", "cooldwon": "1d"}, "did you mean 'cooldown'"),
        ([], "a rule is"),
    ],
)
def test_entries_of_a_file_are_checked(values: Any, said: str) -> None:
    with pytest.raises(ChurnlibError, match=said):
        Rule.from_dict(values)


@pytest.mark.parametrize(
    ("when", "clear", "said"),
    [
        ("x > 1", None, "x <= 1"), ("x == 1", None, "x != 1"), ("not flag", None, "flag"),
        ("x > 1 or flag", None, "not (x > 1 or flag)"), ("x > 1", "x < 0", "x < 0"),
        ("x is missing", None, "x is not missing"),
    ],
)  # fmt: skip
def test_what_would_clear_it_is_said_simply(when: str, clear: str | None, said: str) -> None:
    assert rule(when=when, clear=clear).clears_when == said


@given(st.sampled_from(["x > 1", "x == 1", "not flag", "x > 1 or flag", "x is missing", "x in (1, 2)", "1 < x < 3"]))
def test_the_contrary_is_the_negation(when: str) -> None:
    other = Expression(rule(when=when).clears_when)
    for x in (None, 0, 1, 2, 3):
        for flag in (None, False, True):
            found = Expression(when).evaluate({"x": x, "flag": flag})
            assert other.evaluate({"x": x, "flag": flag}) is (None if found is None else not found)
