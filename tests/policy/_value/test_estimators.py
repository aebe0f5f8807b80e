"""The estimators of the value of a policy, by what must hold of them on any log."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError
from churnlib.policy import evaluate_policy
from churnlib.policy._value._estimators import Weighed, clustered_error, estimate
from tests.policy.decision_logs import ACTIONS, small_logs


def value(log, policy, estimator, **options) -> float:
    return evaluate_policy(log, policy, outcome="outcome", estimator=estimator, **options).value


@given(small_logs())
def test_the_policy_that_made_the_log_has_the_mean_outcome(drawn) -> None:
    log, chances, _ = drawn
    mean = log["outcome"].mean()
    for estimator in ("ips", "snips"):
        assert value(log, chances, estimator) == pytest.approx(mean, abs=1e-12)
    assert evaluate_policy(log, chances, outcome="outcome", estimator="ips").value == np.mean(log["outcome"])
    for estimator in ("dr", "ips", "snips", "dm", "sndr", "switch"):
        q = {} if "ips" in estimator else {"q": pd.DataFrame(0.5, index=log.index, columns=list(ACTIONS))}
        assert value(log, "logged", estimator, **q) == pytest.approx(mean, abs=1e-12)


@given(small_logs())
def test_without_a_model_doubly_robust_is_inverse_propensity(drawn) -> None:
    log, _, policy = drawn
    nothing = pd.DataFrame(0.0, index=log.index, columns=list(ACTIONS))
    assert value(log, policy, "dr", q=nothing) == value(log, policy, "ips")
    assert value(log, policy, "sndr", q=nothing) == pytest.approx(value(log, policy, "snips"), abs=1e-12)
    pair = [
        evaluate_policy(log, policy, outcome="outcome", estimator=name, **more)
        for name, more in (("dr", {"q": nothing}), ("ips", {}))
    ]
    assert pair[0].standard_error == pair[1].standard_error


@given(small_logs())
def test_with_a_model_that_is_right_about_every_outcome_nothing_is_left_to_correct(drawn) -> None:
    log, _, policy = drawn
    right = pd.DataFrame(3.0, index=log.index, columns=list(ACTIONS))
    for name in ACTIONS:
        right.loc[log["action"] == name, name] = log["outcome"]
    alone = value(log, policy, "dm", q=right)
    for estimator in ("dr", "sndr", "switch"):
        assert value(log, policy, estimator, q=right) == pytest.approx(alone, abs=1e-12)


@given(small_logs(), st.integers(-50, 50))
def test_self_normalised_values_move_with_the_zero_of_the_outcome(drawn, shift) -> None:
    log, _, policy = drawn
    moved = log.assign(outcome=log["outcome"] + shift)
    assert value(moved, policy, "snips") == pytest.approx(value(log, policy, "snips") + shift, abs=1e-9)
    for estimator in ("dr", "sndr", "dm"):
        q = pd.DataFrame(1.0, index=log.index, columns=list(ACTIONS))
        assert value(moved, policy, estimator, q=q + shift) == pytest.approx(
            value(log, policy, estimator, q=q) + shift, abs=1e-9
        )


def test_inverse_propensity_does_not_move_with_the_zero() -> None:
    log = pd.DataFrame({"action": ["a", "b", "a"], "propensity": [0.5, 0.5, 0.25], "outcome": [1.0, 2.0, 3.0]})
    first, second = (value(log.assign(outcome=log["outcome"] + shift), "a", "ips") for shift in (0, 1))
    assert (first, second) == pytest.approx((14 / 3, 20 / 3))


@given(small_logs())
def test_self_normalised_values_stay_within_the_outcomes(drawn) -> None:
    log, _, policy = drawn
    found = value(log, policy, "snips")
    assert log["outcome"].min() <= found <= log["outcome"].max()


@given(small_logs())
def test_the_limits_of_switch(drawn) -> None:
    log, _, policy = drawn
    q = pd.DataFrame(2.0, index=log.index, columns=list(ACTIONS))
    q["call"] += np.arange(len(log)) % 3
    assert value(log, policy, "switch", q=q, switch=1e9) == value(log, policy, "dr", q=q)
    lowest = evaluate_policy(log, policy, outcome="outcome", estimator="switch", q=q, switch=0)
    assert lowest.value == pytest.approx(value(log, policy, "dm", q=q), abs=1e-12)
    assert evaluate_policy(log, policy, outcome="outcome", estimator="dr", q=q).by_model_alone == 0


@given(small_logs())
def test_the_order_of_rows_does_not_matter(drawn) -> None:
    log, _, policy = drawn
    order = np.random.default_rng(0).permutation(len(log))
    for estimator in ("ips", "snips"):
        one = evaluate_policy(log, policy, outcome="outcome", estimator=estimator)
        other = evaluate_policy(log.iloc[order], policy, outcome="outcome", estimator=estimator)
        assert (one.value, one.standard_error) == pytest.approx((other.value, other.standard_error), abs=1e-12)


@given(small_logs())
def test_a_policy_does_not_differ_from_itself(drawn) -> None:
    log, _, policy = drawn
    found = evaluate_policy(log, policy, outcome="outcome", estimator="snips", versus=policy)
    assert (found.value, found.standard_error) == (0.0, 0.0)


@given(small_logs())
def test_repeating_a_customer_as_whole_changes_nothing_but_the_count(drawn) -> None:
    """Twice the same customers are half the variance; twice the same rows of a customer are the same."""
    log, _, policy = drawn
    twice, chosen = pd.concat([log, log], ignore_index=True), pd.concat([policy, policy], ignore_index=True)
    one = evaluate_policy(log, policy, outcome="outcome", estimator="ips")
    same = evaluate_policy(twice, chosen, outcome="outcome", estimator="ips")
    assert (same.value, same.standard_error) == pytest.approx((one.value, one.standard_error), abs=1e-12)


def test_errors_by_hand() -> None:
    influence = np.array([1.0, -1.0, 2.0, -2.0])
    assert clustered_error(influence, np.arange(4), 4) == pytest.approx(np.sqrt(10 * 4 / 3) / 4)
    assert clustered_error(influence, np.array([0, 1, 0, 1]), 2) == pytest.approx(np.sqrt(18 * 2) / 4)
    with pytest.raises(DataError, match="the 4 rows are of one customer; an interval needs at least two"):
        clustered_error(influence, np.zeros(4, dtype=int), 1)


def test_values_by_hand() -> None:
    rows = Weighed(np.array([4.0, 1.0]), np.array([2.0, 0.5]), np.array([3.0, 2.0]), np.array([3.5, 1.5]))
    by_hand = {
        "ips": 4.25,
        "snips": 3.4,
        "dm": 2.5,
        "dr": 2.5 + (1 - 0.25) / 2,
        "sndr": 2.5 + 0.75 / 2.5,
        "switch": 2.375,
    }
    for name, expected in by_hand.items():
        assert estimate(name, rows, switch=1.0).value == pytest.approx(expected), name


def test_in_a_world_of_which_every_case_is_listed_the_values_are_exact() -> None:
    """A log that holds each case as often as it comes is worth just what the policy is, whatever the model."""
    who, chance = np.array([0.2, 0.3, 0.5]), np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.4, 0.2, 0.4]])
    mean = np.array([[1.0, 3.0, -2.0], [0.5, 0.0, 4.0], [2.0, 2.5, 1.5]])
    policy = np.array([[0.0, 0.25, 0.75], [0.6, 0.4, 0.0], [0.1, 0.2, 0.7]])
    price = {"call": 0.75, "mail": 0.25}
    truth = sum(who[x] * policy[x, a] * mean[x, a] for x in range(3) for a in range(3))
    spent = sum(who[x] * policy[x, a] * [0, 0.75, 0.25][a] for x in range(3) for a in range(3))
    cases = [(x, a) for x in range(3) for a in range(3) for _ in range(round(100 * who[x] * chance[x, a]))]
    x, a = np.array(cases)[np.random.default_rng(0).permutation(len(cases))].T
    names = np.array(ACTIONS)
    log = pd.DataFrame({"action": names[a], "propensity": chance[x, a], "outcome": mean[x, a]})
    said = pd.DataFrame(policy[x][:, ::-1], columns=names[::-1])
    wrong = pd.DataFrame(np.random.default_rng(1).normal(size=(3, 3))[x], columns=names)
    right = pd.DataFrame(mean[x], columns=names)
    assert len(log) == 100
    for name in ("ips", "snips", "dr", "sndr", "switch", "dm"):
        model = {} if "ips" in name else {"q": right if name in {"dm", "switch"} else wrong}
        assert value(log, said, name, **model) == pytest.approx(truth, abs=1e-12), name
        found = evaluate_policy(log, said, outcome="outcome", estimator=name, cost=price, **model)
        assert (found.value, found.cost) == pytest.approx((truth - spent, spent), abs=1e-12), name
        logged = evaluate_policy(log, said, outcome="outcome", estimator=name, cost=price, versus="logged", **model)
        own = log["outcome"].mean() - log["action"].map(price).fillna(0).mean()
        assert logged.value == pytest.approx(truth - spent - own, abs=1e-12), name


def test_a_log_that_never_did_what_the_policy_does() -> None:
    log = pd.DataFrame({"action": ["a", "b"] * 2, "propensity": 0.5, "outcome": 1.0})
    opposite = pd.Series(["b", "a"] * 2)
    with pytest.raises(DataError, match="in none of 4 rows did the log do what the policy would do"):
        value(log, opposite, "snips")
