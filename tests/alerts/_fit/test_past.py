"""One rule in many variants over the past: the same as replaying each, other rules and all that holds alerts back."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.alerts import Rule, RuleSet, Silence
from churnlib.alerts._backtest._replay import replay
from churnlib.alerts._fit._past import Past
from tests.alerts.past import CONDITIONS, dataset_of, events_of, log_of, randoms, rules_of

HELD = {"opted_out": [0], "silences": (Silence("move", start="2025-03-20", until="2025-04-10", customers=[1, 2]),)}


@cache
def world(seed: int) -> cl.Dataset:
    return dataset_of(log_of(events_of(random.Random(seed))))


def past_of(rules, data, **options):
    settings = {"scores": {}, "sources": None, "opted_out": (), "silences": ()} | options
    return Past(rules, replay(rules, data, **options).data, **settings)


def with_feeds(rng, rules):
    """The same rules, some of them with a feed that falls silent and days on which they apply."""
    entries = [rule.to_dict() for rule in rules]
    for entry in entries:
        entry["sources"] = rng.choice([[], ["any"]])
        entry["valid"] = rng.choice([{}, {"from": "2025-03-20"}, {"until": "2025-03-28"}])
        entry["on_missing"] = rng.choice(["hold", "fire", "clear"])
        if "any.recency" in entry["when"]:
            entry["season"] = rng.choice([{}, {"any.recency": "days_off"}])
    listed = [Rule.from_dict(entry) for entry in entries]
    units = {"any.recency": "days"} if any("any.recency" in rule.read for rule in listed) else None
    return RuleSet(listed, sources={"any": "4d"}, calendar={"days_off": [("2025-03-12", "2025-03-19")]}, units=units)


@given(randoms(), st.booleans())
def test_courses_are_those_of_a_replay(rng, held):
    data = world(rng.randrange(20))
    log = data.log
    rules = with_feeds(rng, rules_of(rng, rng.randint(1, 4)))
    if not len(data) + len(data.unlabelled):
        return
    options = {"sources": {"any": rng.choice([None, "visit"])} if "visit" in log.kinds else {"any": None}}
    options |= HELD if held and data.log.customers.inferred_type == "integer" else {}
    found = replay(rules, data, **options)
    past = past_of(rules, data, **options)
    firing = {name: found.firing[past.order, k] for k, name in enumerate(rules.ids)}
    for k, rule in enumerate(rules):
        inhibitors = [firing[other] for other in rule.inhibited_by]
        for course in past.courses([rule, rule], [inhibitors, inhibitors]):
            assert (course.firing == firing[rule.id]).all()
            assert (course.announced == found.announced[past.order, k]).all()


@given(randoms())
def test_variants_do_not_know_of_each_other(rng):
    data = world(rng.randrange(20))
    if not len(data) + len(data.unlabelled):
        return
    variants = [Rule("a", 1, condition, for_="7d", cooldown="14d") for condition in rng.sample(CONDITIONS, 2)]
    past = past_of(RuleSet([Rule("a", 1, " or ".join(f"({one})" for one in CONDITIONS))]), data)
    together = past.courses(variants, [[], []])
    for variant, course in zip(variants, together, strict=True):
        (alone,) = past.courses([variant], [[]])
        assert (course.announced == alone.announced).all()
        assert (course.firing == replay(RuleSet([variant]), data).firing[past.order, 0]).all()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("a", 1, "any.recency >= 400d"), True),
        (Rule("a", 1, "any.recency >= 7d", valid=("2026-01-01", None)), False),
        (Rule("a", 1, "any.recency >= 7d", sources="mails"), False),
        (Rule("a", 1, "any.recency / 0 >= 7"), False),
    ],
)
def test_a_rule_is_evaluated_when_it_may_speak_and_is_known(rule, expected):
    data = dataset_of(log_of([(0, 0.0), (0, 9.0), (1, 2.0, "mail")]))
    rules = RuleSet([rule, Rule("b", 1, "any.recency >= 7d")], sources={"mails": "1d"})
    sources = {"mails": "mail"} if rule.sources else None
    past = past_of(rules, data, sources=sources)
    everyone = np.ones(len(past), dtype=bool)
    assert past.evaluated(rule, everyone) is expected
    assert not past.evaluated(rule, ~everyone)
