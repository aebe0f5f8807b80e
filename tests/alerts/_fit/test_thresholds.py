"""Which thresholds can be moved, where to, and that hysteresis is kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from churnlib.alerts import Rule, RuleSet
from churnlib.alerts._fit._thresholds import knobs_of, moved_rule, renewed
from churnlib.expressions import Columns, Expression
from tests.alerts.worlds import CALENDAR, SOURCES, randoms, rule_of, set_of

N = 400


def columns_of(seed: int = 0) -> Columns:
    rng = np.random.default_rng(seed)
    silence = rng.exponential(20, N).round(2)
    frame = {
        "days": np.where(rng.random(N) < 0.1, np.nan, silence), "n": rng.poisson(2, N), "flat": np.full(N, 3.0),
        "gap": pd.to_timedelta(silence, unit="D"), "empty": np.full(N, np.nan), "minus": -silence,
    }  # fmt: skip
    return Columns(frame, units={"days": "days"})


def knob_of(when: str, clear: str | None = None, rows=None):
    found = knobs_of(Rule("a", 1, when, clear=clear), columns_of(), np.ones(N, dtype=bool) if rows is None else rows)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("when", "clear", "note"),
    [
        ("n == 3", None, "== has no stricter threshold"),
        ("n != 3", None, "!= has no stricter threshold"),
        ("n > 0.5 * days", None, "compares no column with a number"),
        ("n between 2 and 3", None, "compares no column with a number"),
        ("n in (2, 3)", None, "compares no column with a number"),
        ("n > 3", "n < 0.5 * days", "clear reads n in another way than comparing it once with a number"),
        ("n > 3", "n < 1 and n < days", "clear reads n in another way than comparing it once with a number"),
        ("n > 3", "n == 0", "clear reads n in another way than comparing it once with a number"),
        ("days > 3d", "days < 2", "clear reads days in another way than comparing it once with a number"),
        ("n > 3", "n > 5", "clear wants n on the same side as when"),
        ("n > 3", "n < 5", "clear and when overlap: n < 5"),
        ("n < 3", "n > 2", "clear and when overlap: n > 2"),
        ("flat > 1", None, "flat leaves no other threshold"),
        ("empty > 1", None, "empty leaves no other threshold"),
    ],
)
def test_what_cannot_be_moved_says_why(when, clear, note):
    knob = knob_of(when, clear)
    assert knob.note == note
    assert len(knob.choices) <= 1
    rule = Rule("a", 1, when, clear=clear)
    assert moved_rule(rule, [(knob, 0)]) is rule


def test_a_column_compared_twice_is_left_alone():
    knobs = knobs_of(Rule("a", 1, "1 <= n < 3 and days > 2"), columns_of(), np.ones(N, dtype=bool))
    assert [knob.note for knob in knobs] == ["when reads n more than once"] * 2 + [""]


@pytest.mark.parametrize(
    ("when", "upward"),
    [
        ("days >= 30", True), ("30 <= days", True), ("days < 30", False), ("not days >= 30", False),
        ("not (flat < 9 and not (minus > 0 or days >= 30d))", True),
    ],
)  # fmt: skip
def test_the_last_choice_is_the_strictest(when, upward):
    knobs = knobs_of(Rule("a", 1, when), columns_of(), np.ones(N, dtype=bool))
    (knob,) = [one for one in knobs if one.when.column == "days"]
    steps = np.diff(knob.choices)
    assert (steps > 0).all() if upward else (steps < 0).all()
    fires = []
    for k in range(len(knob.choices)):
        moved = moved_rule(Rule("a", 1, when), [(knob, k)])
        fires.append(int(moved.when.bind(columns_of()).truth(columns_of())[0].sum()))
    assert fires == sorted(fires, reverse=True)
    assert fires[0] > fires[-1]


@pytest.mark.parametrize(
    ("when", "clear", "least", "most"),
    [
        ("n >= 3", "n < 1", ("n >= 3", "n < 1"), ("n >= 5", "n < 3")),
        ("n > 3", None, ("n > 0", None), ("n > 5", None)),
        ("n < 2", "n >= 4", ("n < 4", "n >= 6"), ("n < 1", "n >= 3")),
        ("n <= 2", None, ("n <= 5", None), ("n <= 0", None)),
        ("days >= 30d", "days < 7d", ("days >= 28d", "days < 5d"), ("days >= 94d", "days < 71d")),
        (
            "days >= 30.5",
            "days < 7.1 or n > 9",
            ("days >= 28.3", "days < 4.9 or n > 9"),
            ("days >= 94.2", "days < 70.8 or n > 9"),
        ),
        ("gap >= 12h", "gap < 1h", ("gap >= 12h", "gap < 1h"), ("gap >= 89d", "gap < 2125h")),
        ("minus < -3", "minus > -1", ("minus < -2.12", "minus > -0.12"), ("minus < -94.2", "minus > -92.2")),
        ("not days < 4w", None, ("not days < 1d", None), ("not days < 121d", None)),
    ],
)
def test_thresholds_are_values_of_the_column_that_people_can_read(when, clear, least, most):
    rule, knob = Rule("a", 1, when, clear=clear), knob_of(when, clear)
    every = [moved_rule(rule, [(knob, k)]) for k in range(len(knob.choices))]
    assert [(one.when.text, one.clear and one.clear.text) for one in (every[0], every[-1])] == [least, most]
    for choice, k in zip(knob.choices, range(len(every)), strict=True):
        if knob.clear is not None:
            distance = knob.when.threshold - knob.clear.threshold
            assert choice - knob.cleared_at(k) == pytest.approx(distance, rel=1e-11)
        assert Rule.from_dict(every[k].to_dict()) == every[k]


def test_an_alert_can_still_end():
    """At distance 23 days below, no silence is that short: such a threshold would never clear."""
    columns = columns_of()
    silence = columns.read("days", "number")
    knob = knob_of("days >= 30d", "days < 7d")
    day = 86_400_000_000
    assert all((silence * day < knob.cleared_at(k)).any() for k in range(len(knob.choices)))
    assert min(knob.choices) >= 23 * day
    free = knob_of("days >= 30d")
    assert min(free.choices) < 23 * day
    # what never cleared before does not bind
    assert min(knob_of("days >= 30d", "days < -1d").choices) < 23 * day


def test_only_the_rows_that_count_give_candidates():
    days = columns_of().read("days", "number")
    knob = knob_of("days >= 10", rows=days > 40)
    assert [choice for choice in knob.choices if choice != 10] == [c for c in knob.choices if c > 40]


def test_every_threshold_tells_rows_apart():
    for when in ("n > 3", "n >= 3", "n < 3", "n <= 3", "days > 30"):
        rule, knob = Rule("a", 1, when), knob_of(when)
        for k in range(len(knob.choices)):
            true, false = moved_rule(rule, [(knob, k)]).when.bind(columns_of()).truth(columns_of())
            assert true.any()
            assert false.any()


@given(randoms())
def test_everything_else_of_a_rule_and_a_set_stays(rng):
    rules = set_of(rng, rng.randint(1, 4))
    assert renewed(rules, list(rules)) == rules
    rule = rule_of(rng, "x")
    types = {"days": [0.0, 1.0, 2.0, 5.0], "n": [0, 1, 2, 3], "flag": [True, False] * 2, "plan": ["basic", "free"] * 2}
    knobs = knobs_of(rule, Columns(types, units={"days": "days"}), np.ones(4, dtype=bool))
    moved = moved_rule(rule, [(knob, len(knob.choices) - 1) for knob in knobs if knob.choices])
    one, two = rule.to_dict(), moved.to_dict()
    assert {key for key in one if one[key] != two.get(key)} <= {"when", "clear"}
    assert one.keys() == two.keys()


def test_a_moved_condition_differs_in_its_number_alone():
    rule = Rule("a", 1, "not (plan == 'x' or 3 > n) and (days >= 30d or flag)", clear="n < 1")
    columns = Columns(
        {"plan": ["x", "y"] * 5, "n": range(10), "days": np.arange(10.0), "flag": [True, False] * 5},
        units={"days": "days"},
    )
    first, second = knobs_of(rule, columns, np.ones(10, dtype=bool))
    moved = moved_rule(rule, [(first, len(first.choices) - 1), (second, 0)])
    assert moved.when == Expression("not (plan == 'x' or 9 > n) and (days >= 1d or flag)")
    assert moved.clear == Expression("n < 7")


def test_settings_of_a_set_are_kept():
    rules = RuleSet([Rule("a", 1, "n > 1", sources="visits", season={"n": "campaign_days"})],
                    units={"n": "days"}, sources=SOURCES, calendar=CALENDAR, timezone="Europe/Berlin")  # fmt: skip
    assert renewed(rules, list(rules)) == rules
