"""The gain of a budget over several treatments: against linear programs, the gain curve, the bootstrap, the truth."""

from __future__ import annotations

import zlib
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.linear_model import LinearRegression

from churnlib.exceptions import DataError, ParameterError, SchemaError
from churnlib.metrics import cost_curve, ipw_scores, uplift_curve
from churnlib.numerics import customer_bootstrap
from churnlib.targets import uplift_target
from churnlib.uplift import dr_scores
from tests.metrics.uplift_worlds import campaign, offers


@st.composite
def choices(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row effects, predictions and costs of a few rows and treatments, with ties, harm and treatments for nothing."""
    shape = draw(st.tuples(st.integers(2, 7), st.integers(1, 3)))

    def matrix(low: int, high: int) -> np.ndarray:
        numbers = st.lists(st.integers(low, high), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
        return np.array(draw(numbers), dtype=float).reshape(shape)

    return matrix(-5, 9), matrix(-3, 8), matrix(0, 4)


def best_plan(score: np.ndarray, cost: np.ndarray, budget: float) -> np.ndarray:
    """The chances of each treatment that a linear program finds."""
    n, arms = score.shape
    one_each = np.kron(np.eye(n), np.ones(arms))
    found = linprog(
        -score.ravel() / n,
        A_ub=np.vstack([cost.ravel() / n, one_each]),
        b_ub=np.append(budget, np.ones(n)),
        bounds=(0, None),
        method="highs",
    )
    return found.x.reshape(n, arms)


@given(choices(), st.sampled_from([0.0, 0.3, 1.0, 2.5, 9.0]))
def test_the_path_is_that_of_the_linear_program(given_, budget: float) -> None:
    effect, score, cost = given_
    promised = (best_plan(score, cost, budget) * score).sum() / len(score)
    curve = cost_curve(effect, score, cost=cost, budget=[budget])
    assert curve["predicted"][0] == pytest.approx(promised, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_gain_is_that_of_the_plan_which_the_linear_program_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    effect, score = rng.normal(size=(2, 40, 3))
    cost = rng.uniform(0.2, 2, (40, 3))
    budgets = [0.1, 0.25, 0.5, 0.8, 2.0]
    curve = cost_curve(effect, score, cost=cost, budget=budgets)
    for place, budget in enumerate(budgets):
        plan = best_plan(score, cost, budget)  # the only one: no two steps are as steep
        assert curve["gain"][place] == pytest.approx((plan * effect).sum() / 40, abs=1e-9)
        assert curve["predicted"][place] == pytest.approx((plan * score).sum() / 40, abs=1e-9)
        more = (best_plan(score, cost, budget + 1e-4) * score).sum() - (plan * score).sum()
        assert curve["shadow_price"][place] == pytest.approx(more / 40 / 1e-4, abs=1e-5)


@pytest.mark.parametrize("repeated", [False, True])
def test_one_treatment_at_one_cost_is_the_gain_curve(repeated: bool) -> None:
    rows = campaign(np.random.default_rng(0), 500, levels=2, repeated=repeated)
    score = rows["score"] + 10
    effect = ipw_scores(rows["outcome"], treatment=rows["treatment"], propensity=0.5)
    weight = np.random.default_rng(1).uniform(0.5, 2, score.size)
    for weights in (None, weight):
        options = {"customer": rows["owner"] if repeated else None, "sample_weight": weights}
        gains = uplift_curve(rows["outcome"], score, treatment=rows["treatment"], propensity=0.5, points=8, **options)
        curve = cost_curve(effect, score, cost=3.0, points=8, **options)
        assert curve["budget"].tolist() == pytest.approx((3 * gains["treated"]).tolist())
        for column in ("gain", "standard_error", "low", "high", "at_random"):
            assert curve[column].tolist() == pytest.approx(gains[column].tolist(), rel=1e-6, abs=1e-12)
        assert curve["treated"].tolist() == pytest.approx(gains["treated"].tolist())


@given(choices(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(given_, random) -> None:
    effect, score, cost = (values / 3 for values in given_)
    order = np.array(random.sample(range(len(score)), len(score)))
    one = cost_curve(effect, score, cost=cost, points=4)
    other = cost_curve(effect[order], score[order], cost=cost[order], points=4)
    pd.testing.assert_frame_equal(one, other, rtol=1e-12, atol=1e-12)


@given(choices())
def test_weights_are_repeated_rows(given_) -> None:
    effect, score, cost = given_
    weight = np.arange(len(score)) % 3 + 1
    again = np.repeat(np.arange(len(score)), weight)
    one = cost_curve(effect, score, cost=cost, sample_weight=weight, points=3)
    other = cost_curve(effect[again], score[again], cost=cost[again], points=3)
    for column in ("budget", "gain", "predicted", "treated", "at_random", "shadow_price"):
        assert one[column].tolist() == pytest.approx(other[column].tolist(), abs=1e-9)


@given(choices())
def test_more_money_promises_more_at_a_falling_price(given_) -> None:
    curve = cost_curve(*given_[:2], cost=given_[2], points=6)
    assert (np.diff(curve["predicted"]) >= -1e-12).all()
    assert (np.diff(curve["shadow_price"]) <= 1e-12).all()
    assert curve["shadow_price"].iloc[-1] == 0
    assert curve["gain"].iloc[-1] == pytest.approx(curve["at_random"].iloc[-1])
    # beyond the last step nothing changes
    far = cost_curve(*given_[:2], cost=given_[2], budget=[curve["budget"].iloc[-1], np.inf])
    assert far["gain"][0] == pytest.approx(far["gain"][1])


def test_the_bootstrap_agrees() -> None:
    rows = offers(np.random.default_rng(3), 500, repeated=True)
    budgets = [0.3, 0.8]
    drawn = customer_bootstrap(
        lambda weight: cost_curve(rows["effect"], rows["score"], cost=[1.0, 2.0], budget=budgets, sample_weight=weight)[
            "gain"
        ],
        rows["owner"],
        n_boot=300,
    )
    curve = cost_curve(rows["effect"], rows["score"], cost=[1.0, 2.0], budget=budgets, customer=rows["owner"])
    assert curve["standard_error"].tolist() == pytest.approx(drawn.standard_error.tolist(), rel=0.15)


WORLDS = {
    "a budget, drawn by lot": {},
    "a budget, confounded, rows repeated": {"confounded": True, "repeated": True},
}
BUDGETS = (0.4, 0.8, 1.6, 3.0)


@cache
def truth(name: str) -> tuple[np.ndarray, np.ndarray]:
    gains, differences = [], []
    for part in range(3):
        rows = offers(np.random.default_rng([1, part]), 200_000, **WORLDS[name])
        options = {"cost": [1.0, 2.0], "budget": BUDGETS}
        gains.append(cost_curve(rows["true"], rows["score"], **options)["gain"])
        differences.append(cost_curve(rows["true"], rows["score"], versus=rows["other"], **options)["gain"])
    return np.mean(gains, axis=0), np.mean(differences, axis=0)


@cache
def coverage(name: str, repetitions: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of the intervals that hold the true gain, and the true difference of two models, and their mean width."""
    seed = zlib.crc32(name.encode())
    held, width = np.zeros((2, len(BUDGETS))), np.zeros((2, len(BUDGETS)))
    for repetition in range(repetitions):
        rows = offers(np.random.default_rng([seed, repetition]), 1500, **WORLDS[name])
        for place, versus in enumerate((None, rows["other"])):
            curve = cost_curve(
                rows["effect"],
                rows["score"],
                versus=versus,
                cost=[1.0, 2.0],
                budget=BUDGETS,
                customer=rows["owner"],
            )
            known = truth(name)[place]
            held[place] += (curve["low"] <= known) & (known <= curve["high"])
            width[place] += curve["high"] - curve["low"]
    return held / repetitions, width / repetitions


@pytest.mark.parametrize("name", list(WORLDS))
def test_coverage(name: str, record_property) -> None:
    held, width = coverage(name, 400)
    record_property("coverage", held.tolist())
    record_property("width", width.tolist())
    assert ((held >= 0.91) & (held <= 0.9825)).all(), held


@pytest.mark.slow
@pytest.mark.parametrize("name", list(WORLDS))
def test_coverage_in_full(name: str, record_property) -> None:
    held, width = coverage(name, 2000)
    record_property("coverage", held.tolist())
    record_property("width", width.tolist())
    assert ((held >= 0.9335) & (held <= 0.9655)).all(), held


def test_a_target_of_several_arms_is_read() -> None:
    rows = offers(np.random.default_rng(4), 300)
    names = np.array(["control", "call", "email"])[rows["arm"]]
    chances = pd.DataFrame(rows["propensity"], columns=["control", "call", "email"])
    y = uplift_target(value=rows["outcome"], treatment=names, propensity=chances)
    index = pd.MultiIndex.from_arrays([rows["owner"] // 2, range(300)], names=["customer_id", "cutoff"])
    score = pd.DataFrame(rows["score"], columns=["call", "email"], index=index)
    curve = cost_curve(y, score, cost=[1.0, 2.0], points=5)
    same = cost_curve(ipw_scores(y), rows["score"], cost=[1.0, 2.0], points=5, customer=rows["owner"] // 2)
    pd.testing.assert_frame_equal(curve, same)
    scores = SimpleNamespace(values=ipw_scores(y))  # as doubly robust scores come
    pd.testing.assert_frame_equal(cost_curve(scores, score, cost=[1.0, 2.0], points=5), same)


def test_nothing_that_pays_is_a_curve_of_nothing() -> None:
    curve = cost_curve([1.0, -1.0], [-1.0, -2.0], cost=1.0, budget=[0.0, 5.0])
    assert curve["gain"].tolist() == curve["treated"].tolist() == curve["standard_error"].tolist() == [0.0, 0.0]
    free = cost_curve([1.0, 3.0], [1.0, 2.0], cost=0.0, budget=[0.0])
    assert (free["gain"][0], free["treated"][0], free["shadow_price"][0]) == (2.0, 1.0, 0.0)


def test_bad_input_is_named() -> None:
    effect, score = np.ones((3, 2)), np.ones((3, 2))
    with pytest.raises(DataError, match=r"score has shape \(3, 1\) and the effects \(3, 2\)"):
        cost_curve(effect, [1, 2, 3], cost=1.0)
    with pytest.raises(DataError, match=r"versus has shape \(2, 2\) and the effects"):
        cost_curve(effect, score, versus=score[:2], cost=1.0)
    with pytest.raises(DataError, match=r"cost has shape \(3,\) and the effects \(3, 2\)"):
        cost_curve(effect, score, cost=[1, 2, 3])
    with pytest.raises(DataError, match="cost is negative or not finite"):
        cost_curve(effect, score, cost=-1.0)
    with pytest.raises(DataError, match=r"effect is NaN or infinite in 1 of 3 rows \(row 1\)"):
        cost_curve([1.0, np.nan, 2.0], [1, 2, 3], cost=1.0)
    with pytest.raises(DataError, match="score cannot be read as numbers"):
        cost_curve([1.0, 2.0], ["a", "b"], cost=1.0)
    with pytest.raises(DataError, match=r"effect has shape \(1, 2, 2\); a column for each"):
        cost_curve(np.ones((1, 2, 2)), score, cost=1.0)
    for budget in ([2.0, 1.0], [-1.0], [np.nan], []):
        with pytest.raises(ParameterError, match="money per row of all, 0 or more"):
            cost_curve(effect, score, cost=1.0, budget=budget)
    with pytest.raises(ParameterError, match="points=0 is out of range"):
        cost_curve(effect, score, cost=1.0, points=0)
    with pytest.raises(DataError, match="there are 1 customers"):
        cost_curve(effect, score, cost=1.0, customer=[1, 1, 1])
    with pytest.raises(ParameterError, match="confidence is 95"):
        cost_curve(effect, score, cost=1.0, confidence=95)


class TestNames:
    """Treatments are paired by their names where these are told."""

    rng = np.random.default_rng(0)
    arm = rng.choice(["call", "control", "email"], 300)
    target = uplift_target(
        value=rng.normal(size=300), treatment=arm, propensity=dict.fromkeys(("control", "call", "email"), 1 / 3)
    )
    score = pd.DataFrame(rng.normal(size=(300, 2)), columns=["call", "email"])

    def test_columns_and_costs_are_put_in_the_order_of_the_treatments(self) -> None:
        expected = cost_curve(self.target, self.score.to_numpy(), cost=[2.0, 0.5], points=3)
        turned = self.score[["email", "call"]]
        per_row = pd.DataFrame({"email": np.full(300, 0.5), "call": np.full(300, 2.0)})
        for cost in ({"email": 0.5, "call": 2.0}, pd.Series({"email": 0.5, "call": 2.0}), [2.0, 0.5], per_row):
            pd.testing.assert_frame_equal(cost_curve(self.target, turned, cost=cost, points=3), expected)
        other = cost_curve(self.target, self.score, cost=[2.0, 0.5], points=3, versus=turned)
        assert other["gain"].abs().max() == 0

    def test_a_frame_of_effects_names_them_too(self) -> None:
        effect = pd.DataFrame(ipw_scores(self.target), columns=["call", "email"])
        expected = cost_curve(self.target, self.score, cost=1.0, points=3)
        found = cost_curve(effect[["email", "call"]], self.score, cost=1.0, points=3)
        pd.testing.assert_frame_equal(found, expected)

    def test_some_names_are_not_enough(self) -> None:
        with pytest.raises(SchemaError, match="score names call, sms, and the treatments are call, email"):
            cost_curve(self.target, self.score.rename(columns={"email": "sms"}), cost=1.0)
        with pytest.raises(SchemaError, match="cost names sms, and the treatments are call, email"):
            cost_curve(self.target, self.score, cost={"sms": 1.0})

        with pytest.raises(SchemaError, match="cost names call, and the treatments are not named"):
            cost_curve(ipw_scores(self.target), self.score.to_numpy(), cost={"call": 1.0})

    def test_labels_of_rows_are_no_names(self) -> None:
        numbered = uplift_target(value=[1.0, 0.0, 2.0, 1.0], treatment=[0, 1, 0, 1], propensity=0.5)
        score = pd.Series([1.0, 2.0, 3.0, 4.0])
        expected = cost_curve(numbered, score.to_numpy(), cost=[2.0], points=2)
        pd.testing.assert_frame_equal(cost_curve(numbered, score, cost=pd.Series([2.0]), points=2), expected)

    def test_what_is_no_number_is_said(self) -> None:
        with pytest.raises(DataError, match="cost cannot be read as numbers"):
            cost_curve(self.target, self.score, cost="dear")
        with pytest.raises(ParameterError, match="budget is 'much'"):
            cost_curve(self.target, self.score, cost=1.0, budget="much")


def test_rows_in_another_order_are_refused() -> None:
    effect = pd.Series([1.0, 2.0, 3.0], index=list("abc"))
    with pytest.raises(DataError, match="effect and score hold the same 3 labels in different orders"):
        cost_curve(effect, pd.Series([1.0, 2.0, 3.0], index=list("cba")), cost=1.0)


def test_customers_are_read_from_doubly_robust_scores() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=80)}, index=pd.Index(np.repeat(np.arange(20), 4), name="customer_id"))
    treated = np.repeat(np.arange(20) % 2, 4)
    scores = dr_scores(X, rng.normal(size=80), treatment=treated, propensity=0.5, outcome_model=LinearRegression())
    score = rng.normal(size=80)
    expected = cost_curve(scores.values, score, cost=1.0, points=3, customer=X.index)
    pd.testing.assert_frame_equal(cost_curve(scores, score, cost=1.0, points=3), expected)
