"""A rule set is one value whatever its order and file, refuses what does not fit together, and what is too large."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib._plain_text import toml_text
from churnlib.alerts import Rule, RuleSet
from churnlib.exceptions import (
    ChurnlibError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    VersionError,
)
from churnlib.expressions import ColumnType
from churnlib.features import FeatureSpec
from tests.alerts.worlds import rule_sets

A, B = Rule("a", 1, "x > 1"), Rule("b", 2, "y > 1")


@given(rule_sets())
def test_python_toml_and_json_are_equal(rules: RuleSet) -> None:
    assert RuleSet.from_toml(rules.to_toml()) == rules
    assert RuleSet.from_json(rules.to_json()) == rules
    assert RuleSet.from_dict(tomllib.loads(rules.to_toml())).digest == rules.digest
    assert RuleSet.from_toml(rules.to_toml()).to_toml() == rules.to_toml()


SCALARS = st.text(max_size=8) | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(max_size=5), SCALARS))
def test_every_value_survives_toml(values: dict[str, Any]) -> None:
    body = {"units": values, "rule": [{"because": values, "list": list(values.values())}]}
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert tomllib.loads(toml_text(body)) == body


def test_the_order_of_rules_means_nothing() -> None:
    assert RuleSet([A, B]) == RuleSet([B, A])
    assert RuleSet([A, B]).digest == RuleSet([B, A]).digest
    assert RuleSet([A, B]).digest != RuleSet([A, replace(B, level=3)]).digest
    assert RuleSet([B, A]).ids == ("a", "b")
    assert RuleSet([B, A])["b"] is B
    assert [rule.id for rule in RuleSet([B, A])] == ["a", "b"]


WRONG: list[tuple[Callable[[], RuleSet], type[ChurnlibError], str]] = [
    (lambda: RuleSet([]), ParameterError, "there is no rule"),
    (lambda: RuleSet(A), ParameterTypeError, "a list of Rule"),  # type: ignore[arg-type]
    (lambda: RuleSet([A, "b"]), ParameterTypeError, "1 of 2 entries are no rules"),  # type: ignore[list-item]
    (lambda: RuleSet([A, A]), DuplicateError, "a names more than one rule"),
    (
        lambda: RuleSet([replace(A, inhibited_by="bb"), B]),
        ParameterError,
        "rule 'a': inhibited_by names 'bb', which is no rule of the set",
    ),
    (
        lambda: RuleSet([replace(A, inhibited_by="b"), replace(B, inhibited_by="a")]),
        ParameterError,
        r"in a circle \(a by b by a\)",
    ),
    (
        lambda: RuleSet([replace(A, sources="visits")]),
        ParameterError,
        "sources names 'visits', which is no source of the set .none is stated",
    ),
    (lambda: RuleSet([replace(A, sources="visit")], sources={"visits": "2d"}), ParameterError, "did you mean 'visits'"),
    (
        lambda: RuleSet([replace(A, season={"x": "holidays"})], calendar={"holiday_days": []}),
        ParameterError,
        "did you mean 'holiday_days'",
    ),
    (lambda: RuleSet([A], units={"xx": "days"}), ParameterError, "units names 'xx', which no rule reads"),
    (lambda: RuleSet([A], units={"x": 7}), ParameterTypeError, "columns with units"),  # type: ignore[dict-item]
    (lambda: RuleSet([A], sources={"visits": "1mo"}), ParameterError, "has no fixed length"),
    (lambda: RuleSet([A], sources=["visits"]), ParameterTypeError, "sources is"),  # type: ignore[arg-type]
    (lambda: RuleSet([A], calendar={"h": "2026-05-01"}), ParameterTypeError, "a list was expected"),
    (lambda: RuleSet([A], calendar={"h": ["2026-05-01 12:00"]}), ParameterError, "is no whole day"),
    (lambda: RuleSet([A], calendar={"h": [("2026-05-01", "2026-05-01")]}), ParameterError, "a span of no length"),
    (lambda: RuleSet([A], calendar={"h": [("2026-05-01",)]}), ParameterError, "has a span"),
    (lambda: RuleSet([A], calendar={"h": ["May"]}), ChurnlibError, "calendar 'h': 'May' is not a point in time"),
    (lambda: RuleSet([A], timezone="Europe/Berln"), ParameterError, "did you mean 'Europe/Berlin'"),
    (
        lambda: RuleSet([replace(A, valid=("2026-03-29 02:30", None))], timezone="Europe/Berlin"),
        ChurnlibError,
        "rule 'a': valid: .* never occurs",
    ),
    (
        lambda: RuleSet([replace(A, id=f"r{k}") for k in range(1_001)]),
        ParameterError,
        "there are 1,001 rules; a set holds at most 1,000",
    ),
    (lambda: RuleSet.from_dict({"rules": []}), ParameterError, "the rule set has no rule"),
    (lambda: RuleSet.from_dict({"rule": "a"}), ParameterTypeError, "a list of rules"),
    (lambda: RuleSet.from_dict({"rule": [A.to_dict()], "calender": {}}), ParameterError, "did you mean 'calendar'"),
    (lambda: RuleSet.from_dict({"rule": [A.to_dict()], "schema_version": 2}), VersionError, "schema version 2"),
    (lambda: RuleSet.from_json("[]"), ParameterError, "the JSON holds a list"),
    (lambda: RuleSet.from_json("{"), ParameterError, "the text is no JSON"),
    (lambda: RuleSet.from_json('{"a": 1, "a": 2}'), ParameterError, "names 'a' twice"),
    (lambda: RuleSet.from_json('{"rule": NaN}'), ParameterError, "holds NaN, which is no number"),
    (lambda: RuleSet.from_json(7), ParameterTypeError, "the rules are a int"),  # type: ignore[arg-type]
    (lambda: RuleSet.from_toml("[["), ParameterError, "the text is no TOML"),
    (lambda: RuleSet([A])["b"], ParameterError, "there is no rule 'b'"),
]


@pytest.mark.parametrize(("make", "error", "said"), WRONG)
def test_what_does_not_fit_together_is_refused(
    make: Callable[[], RuleSet], error: type[ChurnlibError], said: str
) -> None:
    with pytest.raises(error, match=said):
        make()


def test_a_long_circle_is_named() -> None:
    listed = [Rule(f"r{k}", 1, "x > 1", inhibited_by=f"r{(k + 1) % 900}") for k in range(900)]
    with pytest.raises(ParameterError, match="inhibit each other in a circle"):
        RuleSet(listed)
    assert len(RuleSet([replace(listed[0], inhibited_by=()), *listed[1:]])) == 900


def test_a_change_by_hand_shows() -> None:
    text = RuleSet([A]).to_toml().replace("x > 1", "x > 2")
    with pytest.raises(VersionError, match="the text says"):
        RuleSet.from_toml(text)
    edited = "\n".join(line for line in text.splitlines() if not line.startswith("digest"))
    assert RuleSet.from_toml(edited)["a"].when.text == "x > 2"


def rule_of(name: str, when: str = "x > 1") -> dict[str, Any]:
    return {"id": name, "level": 1, "when": when}


def text_of(*listed: dict[str, Any]) -> str:
    return json.dumps({"rule": listed})


BIG = "a" * 10_000_000
LARGE: dict[str, Callable[[], Any]] = {
    "10 MB of JSON": lambda: RuleSet.from_json('{"rule": ["' + BIG + '"]}'),
    "10 MB of TOML": lambda: RuleSet.from_toml(f'x = "{BIG}"'),
    "10,000 rules in JSON": lambda: RuleSet.from_json(text_of(*(rule_of(str(k)) for k in range(10_000)))),
    "10,000 rules in TOML": lambda: RuleSet.from_toml(
        "".join(f'[[rule]]\nid="{k}"\nlevel=1\nwhen="x > 1"\n' for k in range(10_000))
    ),
    "depth of JSON lists": lambda: RuleSet.from_json("[" * 10_000 + "]" * 10_000),
    "depth of JSON objects": lambda: RuleSet.from_json('{"a":' * 10_000 + "1" + "}" * 10_000),
    "depth of TOML lists": lambda: RuleSet.from_toml("a = " + "[" * 10_000 + "]" * 10_000),
    "depth of TOML tables": lambda: RuleSet.from_toml("a = " + "{a=" * 10_000 + "1" + "}" * 10_000),
    "depth of a dotted key": lambda: RuleSet.from_toml(".".join("a" * 10_000) + " = 1"),
    "depth of a table's name": lambda: RuleSet.from_toml("[" + ".".join("a" * 10_000) + "]"),
    "depth of an expression": lambda: RuleSet.from_json(text_of(rule_of("a", "(" * 10_000 + "x" + ")" * 10_000))),
    "nots": lambda: RuleSet.from_json(text_of(rule_of("a", "not " * 400 + "x"))),
    "a million quotes": lambda: RuleSet.from_toml('"' * 1_000_000),
    "a million backslashes": lambda: RuleSet.from_toml('a = "' + "\\" * 1_000_000),
    "a million dots": lambda: RuleSet.from_toml("a" + " . a" * 400_000),
    "half a million empty lines and an open bracket": lambda: RuleSet.from_toml("\n" * 500_000 + "["),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_or_deep_is_refused_fast(name: str) -> None:
    began = time.process_time()
    with pytest.raises(ParameterError):
        LARGE[name]()
    assert time.process_time() - began < 2.0


# -- columns ------------------------------------------------------------------------------------


def test_names_and_units_are_checked_against_a_spec() -> None:
    rules = RuleSet([Rule("no-visit", 1, "any.recency >= 4w", because="silent for {any.recncy:.0f} days")])
    with pytest.raises(SchemaError, match=r"because names 'any.recncy', .*did you mean 'any.recency'"):
        rules.bind(FeatureSpec.standard())
    with pytest.raises(SchemaError, match="a number in count stands beside a length of time"):
        RuleSet([Rule("a", 1, "any.count.90d > 30d")]).bind(FeatureSpec.standard())
    assert (
        dict(RuleSet([Rule("a", 1, "any.recency >= 4w")]).bind(FeatureSpec.standard()).units)["any.recency"] == "days"
    )


def test_units_of_two_sources_agree() -> None:
    rules = RuleSet([Rule("a", 1, "any.recency >= 30d")], units={"any.recency": "hours"})
    with pytest.raises(ParameterError, match=r"units says that 'any.recency' is in hours, and the columns say days"):
        rules.bind(FeatureSpec.standard())


def test_rules_bind_to_types_and_frames() -> None:
    rules = RuleSet([Rule("a", 1, "x >= 2d")], units={"x": "days"})
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=[1, 2])
    for columns in (frame, {"x": ColumnType("number")}, {"x": ColumnType("number", "days")}):
        assert rules.bind(columns).step(frame, now="2026-03-02").customers["level"].tolist() == [0, 1]
    with pytest.raises(SchemaError, match=r"rule 'a': when: .*'x' is no column .did you mean 'xx'"):
        rules.bind({"xx": ColumnType("number")})


def test_a_season_wants_a_length_of_time() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1", season={"x": "h"})], calendar={"h": ["2026-05-01"]})
    with pytest.raises(SchemaError, match=r"rule 'a': season takes days out of 'x', a number without a unit"):
        rules.bind({"x": ColumnType("number")})
    with pytest.raises(SchemaError, match="a number in count"):
        rules.bind({"x": ColumnType("number", "count")})
