"""Thresholds for a budget: counts are those of a replay, the budget holds, and no single move is better."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.alerts import Rule, RuleSet
from churnlib.alerts._backtest._replay import replay
from churnlib.alerts._fit._budget import Tuner
from churnlib.alerts._fit._past import Past
from churnlib.exceptions import ParameterError
from tests.alerts.past import dataset_of, events_of, log_of, randoms, rules_of


def tuner_of(rules, data) -> Tuner:
    found = replay(rules, data)
    past = Past(rules, found.data, scores={}, sources=None, opted_out=(), silences=())
    heard = np.isin(found.data.rows.cutoff, np.unique(found.data.rows.cutoff[~np.isnan(found.y)]))[past.order]
    lost = (found.y == 1)[past.order]
    days = found.days_to_loss[past.order]
    return Tuner(
        past, counted=heard, lost=lost, days=days, customer=found.data.rows.customer[past.order].astype(np.int64)
    )


def counted(rules, data) -> tuple[int, int, float]:
    """Customers announced at labelled cutoffs, churners among them, and days ahead, counted the plain way."""
    found = replay(rules, data)
    cutoff = found.data.rows.cutoff
    warnings = found.announced[:, [not rule.is_loss for rule in rules]].any(axis=1)
    heard = warnings & np.isin(cutoff, np.unique(cutoff[~np.isnan(found.y)]))
    right = heard & (found.y == 1)
    first = pd.Series(found.days_to_loss[right]).groupby(found.data.rows.customer[right]).max()
    return int(heard.sum()), len(first), pytest.approx(float(first.sum()))


@cache
def past(seed: int) -> cl.Dataset:
    rng = random.Random(seed)
    return dataset_of(log_of([(10 * k + who, *rest) for k in range(5) for who, *rest in events_of(rng)]))


def worlds(rng) -> tuple[RuleSet, cl.Dataset]:
    return rules_of(rng, rng.randint(1, 4)), past(rng.randrange(8))


@given(randoms())
def test_what_it_counts_is_what_a_replay_counts(rng):
    rules, data = worlds(rng)
    tuner = tuner_of(rules, data)
    choice = tuple(rng.randrange(max(len(knob.choices), 1)) for knob in tuner.knobs)
    assert tuner.sum_of(choice)[:3] == counted(tuner.rules_at(choice), data)
    for there, near in list(tuner._around(choice))[:1]:
        assert there[:3] == counted(tuner.rules_at(near), data)


@given(randoms(), st.integers(0, 40))
def test_the_budget_holds_and_no_single_move_is_better(rng, most):
    rules, data = worlds(rng)
    tuner = tuner_of(rules, data)
    try:
        tuned = tuner.search(most, weeks=1.0)
    except ParameterError:
        # then the strictest thresholds announce more, too
        assert counted(tuner.rules_at(tuner.strictest), data)[0] > most
        return
    alerts, caught, ahead = counted(tuned.rules, data)
    assert (alerts, caught, ahead) == (tuned.alerts[1], tuned.caught[1], tuned.ahead[1])
    assert alerts <= most
    for there, to in tuner._around(tuned.choice):
        if there.alerts <= most:
            assert there.caught <= caught
            back = all(min(a, g) <= b <= max(a, g) for a, b, g in zip(tuned.choice, to, tuner.given, strict=True))
            assert not back or there.caught < caught or there.ahead <= tuned.ahead[1]
    before = counted(rules, data)
    assert before == (tuned.alerts[0], tuned.caught[0], tuned.ahead[0])
    if before[0] <= most:
        assert caught >= before[1]


@given(randoms())
def test_it_finds_the_best_of_one_threshold(rng):
    """With one threshold the search is over all of its values, so that no other can be better."""
    data = past(rng.randrange(8))
    rules = RuleSet([Rule("a", 1, rng.choice(["any.recency >= 7d", "any.count.14d < 2"]), cooldown="14d")])
    tuner = tuner_of(rules, data)
    every = [tuner.sum_of((k,)) for k in range(len(tuner.knobs[0].choices))]
    for most in range(1, 60, 4):
        within = [caught for alerts, caught, *_ in every if alerts <= most]
        if within:
            assert tuner.search(most, weeks=1.0).caught[1] == max(within)


@given(randoms())
def test_what_catches_no_more_stays_as_it_is_given(rng):
    """Within a wide budget a threshold moves only where that catches more."""
    rules, data = worlds(rng)
    tuner = tuner_of(rules, data)
    tuned = tuner.search(1e6, weeks=1.0)
    given = tuner.sum_of(tuner.given)
    if tuned.caught[1] == given.caught:
        assert tuned.ahead[1] >= given.ahead
    if all(there.caught <= given.caught for there, _ in tuner._around(tuner.given)):
        assert tuner._climbed(tuner.given, 10**6) == tuner.given


def test_a_budget_that_cannot_be_kept_says_by_how_much_and_by_which_rule():
    data = past(5)
    rules = RuleSet([Rule("always", 1, "any.count >= 0"), Rule("rare", 1, "any.recency >= 13d")])
    tuner = tuner_of(rules, data)
    least = min(there.alerts for there, _ in tuner._around(tuner.strictest))
    with pytest.raises(
        ParameterError,
        match=r"no thresholds were found that announce fewer than .* a week, .* more than the budget of 0\.5;",
    ):
        tuner.search(0.5, weeks=2.0)
    with pytest.raises(ParameterError, match="most of them by 'always'"):
        tuner.search(0.5, weeks=2.0)
    assert least > 1


def test_rules_that_announce_the_same_are_tightened_together():
    """None of them alone saves an alert, and together they do."""
    data = past(5)
    rules = RuleSet([Rule(name, 1, "any.recency >= 3d", cooldown="7d") for name in "abc"])
    tuner = tuner_of(rules, data)
    given = tuner.sum_of(tuner.given)
    assert all(there.alerts >= given.alerts for there, _ in tuner._around(tuner.given))
    tuned = tuner.search(given.alerts // 2, weeks=1.0)
    assert tuned.alerts[1] <= given.alerts // 2


def test_a_loss_is_in_no_budget_and_has_no_threshold():
    data = past(5)
    rules = RuleSet([Rule("a", 1, "any.recency >= 7d"), Rule("gone", 3, "any.recency >= 1d", is_loss=True)])
    tuner = tuner_of(rules, data)
    assert {knob.rule for knob in tuner.knobs} == {"a"}
    alone = tuner_of(RuleSet([rules["a"]]), data)
    assert [tuner.sum_of((k,)) for k in range(4)] == [alone.sum_of((k,)) for k in range(4)]


def test_a_rule_is_stepped_again_where_those_above_it_move():
    """Where the one that inhibits is silent, the one it held back is announced."""
    data = past(7)
    rules = RuleSet([
        Rule("above", 1, "any.recency >= 3d"),
        Rule("below", 1, "any.recency >= 4d", inhibited_by="above"),
        Rule("last", 1, "any.recency >= 5d", inhibited_by="below"),
    ])  # fmt: skip
    tuner = tuner_of(rules, data)
    assert tuner.below == {"above": ("below", "last"), "below": ("last",), "last": ()}
    seen = set()
    for k in range(len(tuner.knobs[0].choices)):
        choice = (k, tuner.knobs[1].given, tuner.knobs[2].given)
        assert tuner.sum_of(choice)[:3] == counted(tuner.rules_at(choice), data)
        seen.add(tuner._get("below", choice).rows.tobytes())
    assert len(seen) > 1
