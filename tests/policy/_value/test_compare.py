"""Rankings at the same share or budget, on the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.policy import compare_policies, evaluate_policy
from churnlib.policy._value._ranked_list import ranked_list
from tests.policy.decision_logs import small_logs

COLUMNS = [
    "policy",
    "value",
    "low",
    "high",
    "share_treated",
    "cost",
    "difference",
    "difference_low",
    "difference_high",
    "ess",
]


def called(n: int = 3000) -> pd.DataFrame:
    """Half are called; it helps in the middle of the risk, not at its end."""
    rng = np.random.default_rng(0)
    risk, treated = rng.random(n), rng.random(n) < 0.5
    kept = rng.random(n) < 0.9 - 0.6 * risk + treated * np.where((risk > 0.3) & (risk < 0.6), 0.25, -0.02)
    return pd.DataFrame(
        {"risk": risk, "action": np.where(treated, "call", "none"), "propensity": 0.5, "kept": kept.astype(float)}
    )


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=12),
    st.lists(st.integers(1, 5), min_size=12, max_size=12),
    st.floats(0.1, 40),
)
def test_a_list_spends_its_limit_and_no_more(scores, spends, limit) -> None:
    score, spend = np.array(scores, dtype=float), np.array(spends[: len(scores)], dtype=float)
    found = ranked_list(score, spend, limit)
    assert (found.probability * spend).sum() == pytest.approx(min(limit, spend.sum()))
    for level in scores:
        assert np.ptp(found.probability[score == level]) <= 1e-12  # equals are treated alike
    order = np.argsort(-score, kind="stable")
    assert (np.diff(found.probability[order]) <= 1e-12).all()
    moved = found.end_moves(np.arange(len(score), dtype=float))
    assert moved.sum() == pytest.approx(0, abs=1e-9)


def test_nobody_is_eligible() -> None:
    found = ranked_list(np.array([1.0, 2.0]), np.ones(2), 1.0, eligible=np.zeros(2, dtype=bool))
    assert found.probability.tolist() == [0.0, 0.0]
    assert found.near_end is None


def test_the_best_list_is_found_with_paired_intervals() -> None:
    log = called()
    effect = -np.abs(log["risk"] - 0.45)
    found = compare_policies(log, {"risk": log["risk"], "effect": effect}, outcome="kept", share=0.3)
    assert list(found.frame.columns) == COLUMNS
    table = found.frame.set_index("policy")
    assert table.loc["effect", "difference_low"] > 0
    assert table.loc["risk", "difference_high"] < 0.01
    assert table["share_treated"].round(6).tolist() == [0.3, 0.3, 0.3, 0.0]
    assert table.loc["random", ["difference", "difference_low", "difference_high"]].tolist() == [0, 0, 0]
    apart = table.loc["effect", "high"] - table.loc["effect", "value"]
    assert table.loc["effect", "difference_high"] - table.loc["effect", "difference"] < apart
    assert "'effect' brings most" in found.headline
    assert "clearly more than 'random'" in repr(found)
    assert "<table" in found._repr_html_()
    assert found.to_dict()["policies"][0]["policy"] == "risk"


@given(small_logs(), st.floats(0.1, 1))
def test_values_are_those_of_evaluate_policy(drawn, share) -> None:
    log, _, own = drawn
    score = np.arange(len(log)) % 4
    found = compare_policies(
        log, {"list": score}, outcome="outcome", share=share, treat="call", policies={"own": own}, estimator="ips"
    ).frame.set_index("policy")
    alone = evaluate_policy(log, own, outcome="outcome", estimator="ips")
    assert found.loc["own", "value"] == pytest.approx(alone.value, abs=1e-12)
    assert found.loc["own", "high"] == pytest.approx(alone.high, abs=1e-9)
    nobody = evaluate_policy(log, "none", outcome="outcome", estimator="ips")
    everybody = evaluate_policy(log, "call", outcome="outcome", estimator="ips")
    by_lot = nobody.value + share * (everybody.value - nobody.value)
    assert found.loc["nobody", "value"] == pytest.approx(nobody.value, abs=1e-12)
    assert found.loc["random", "value"] == pytest.approx(by_lot, abs=1e-9)


def test_a_budget_buys_more_of_what_is_cheap() -> None:
    log = called(400)
    price = pd.DataFrame({"call": np.where(log.index < 200, 1.0, 4.0)})
    first, last = pd.Series(-log.index.to_numpy()), pd.Series(log.index.to_numpy())
    found = compare_policies(log, {"cheap": first, "dear": last}, outcome="kept", budget=100, cost=price)
    table = found.frame.set_index("policy")
    assert table.loc[["cheap", "dear"], "share_treated"].tolist() == pytest.approx([100 / 400, 25 / 400])
    assert table.loc[["cheap", "dear", "random"], "cost"].tolist() == pytest.approx([0.25] * 3)
    assert "with a budget of 100" in found.headline
    rich = compare_policies(log, {"all": first}, outcome="kept", budget=1e6, cost=price).frame
    assert rich.loc[0, "share_treated"] == 1


def test_a_frame_of_scores_chooses_the_action_too() -> None:
    rng = np.random.default_rng(2)
    kind = rng.integers(0, 2, 6000)
    arm = rng.choice(["none", "call", "mail"], 6000)
    helped = ((kind == 0) & (arm == "call")) | ((kind == 1) & (arm == "mail"))
    log = pd.DataFrame({"action": arm, "propensity": 1 / 3, "kept": rng.random(6000) < 0.5 + 0.3 * helped})
    score = pd.DataFrame({"mail": kind, "call": 1 - kind})
    found = compare_policies(log, {"fitting": score, "wrong": 1 - score}, outcome="kept", share=0.5).frame
    table = found.set_index("policy")
    assert table.loc["fitting", "difference_low"] > 0.05
    assert table.loc["wrong", "difference_high"] < -0.05
    with pytest.raises(ParameterError, match="the score 'a' has columns that are no treatment of the log"):
        compare_policies(log, {"a": score.rename(columns={"mail": "letter"})}, outcome="kept", share=0.5)
    with pytest.raises(ParameterError, match="the log has 2 treatments"):
        compare_policies(log, {"a": kind}, outcome="kept", share=0.5)
    with pytest.raises(ParameterError, match="treat='cal' is no treatment of the log"):
        compare_policies(log, {"a": kind}, outcome="kept", share=0.5, treat="cal")


def test_scores_of_0_or_less_may_be_left_out() -> None:
    log = called()
    gain = pd.Series(np.where(log["risk"] > 0.9, 1.0, -1.0))
    found = compare_policies(log, {"gain": gain}, outcome="kept", share=0.3, stop_at_zero=True).frame
    assert found.loc[0, "share_treated"] == pytest.approx((log["risk"] > 0.9).mean())


def test_few_rows_of_a_policy_are_said() -> None:
    log = called(150)
    found = compare_policies(log, {"risk": log["risk"]}, outcome="kept", share=0.2, reference="nobody")
    assert "fewer than 100 rows of" in repr(found)
    assert found.reference == "nobody"
    assert (
        "it is the reference"
        in compare_policies(
            log.assign(kept=(log["action"] == "none").astype(float)),
            {"risk": log["risk"]},
            outcome="kept",
            share=0.2,
            reference="nobody",
        ).headline
    )


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, ParameterError, "neither of share and budget is given"),
        ({"share": 0.2, "budget": 10}, ParameterError, "both of share and budget are given"),
        ({"share": 0}, ParameterError, "share=0 treats nobody"),
        ({"share": 1.2}, ParameterError, "share=1.2 is out of range"),
        ({"budget": 10}, ParameterError, "budget= needs cost="),
        ({"budget": 0, "cost": 1}, ParameterError, "budget=0 treats nobody"),
        ({"budget": float("inf"), "cost": 1}, ParameterError, "budget=inf is out of range"),
        ({"share": 0.2, "scores": {"random": [1.0]}}, ParameterError, "the name 'random' is taken"),
        ({"share": 0.2, "scores": [1.0]}, ParameterTypeError, "scores is a list"),
        ({"share": 0.2, "reference": "riskk"}, ParameterError, "reference='riskk' is no policy"),
        ({"share": 0.2, "scores": {"risk": ["a"] * 100}}, DataError, "the score 'risk' cannot be read as numbers"),
        ({"share": 0.2, "scores": {"risk": [np.nan] * 100}}, DataError, "100 of 100 values of the score 'risk'"),
    ],
)
def test_bad_input(options, error, match) -> None:
    log = called(100)
    given = {"scores": {"risk": log["risk"]}} | options
    with pytest.raises(error, match=match):
        compare_policies(log, given.pop("scores"), outcome="kept", **given)


def test_a_log_without_untreated_customers_cannot_answer() -> None:
    log = called(100).assign(action="call")
    with pytest.raises(DataError, match="who is off a list gets no action"):
        compare_policies(log, {"risk": log["risk"]}, outcome="kept", share=0.2)


def test_scores_are_matched_by_customer_and_a_0_among_numbers_is_an_action() -> None:
    rng = np.random.default_rng(4)
    who = rng.permutation(200)
    log = pd.DataFrame({"customer_id": who, "action": rng.integers(0, 3, 200), "propensity": 1 / 3, "kept": who / 200})
    score = pd.Series(np.arange(200.0), index=pd.Index(range(200), name="customer_id"))
    asked = {"outcome": "kept", "share": 0.3, "treat": 1, "none": 0}
    found = compare_policies(log, {"last": score}, **asked)
    pd.testing.assert_frame_equal(found.frame, compare_policies(log, {"last": who.astype(float)}, **asked).frame)
    with pytest.raises(DataError, match="the actions of the log are 0, 1, 2; who is off a list gets no action"):
        compare_policies(log, {"last": score}, **(asked | {"none": None}))
    with pytest.raises(ParameterTypeError, match="last is a str"):
        compare_policies(log, {"last": "kept"}, **asked)
