"""The mean effect and that of groups: what counts as one customer, arms, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import DataError, ParameterError
from churnlib.uplift import average_effect, group_effects


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(0).normal(0.1, 1, 600)


def test_it_is_the_mean_with_its_standard_error(scores: np.ndarray) -> None:
    found = average_effect(scores)
    assert found.value == pytest.approx(scores.mean())
    assert found.standard_error == pytest.approx(scores.std(ddof=1) / np.sqrt(600))
    assert found.high - found.low == pytest.approx(2 * 1.96393 * found.standard_error, rel=1e-5)
    assert found.n_customers == 600


def test_repeated_rows_are_no_more_customers(scores: np.ndarray) -> None:
    once, twice = average_effect(scores), average_effect(np.tile(scores, 2), customer=np.tile(np.arange(600), 2))
    assert twice.value == pytest.approx(once.value)
    assert twice.standard_error == pytest.approx(once.standard_error)
    assert twice.n_customers == 600
    assert average_effect(np.tile(scores, 2)).standard_error < 0.75 * once.standard_error


def test_weights_are_shares_and_no_customers(scores: np.ndarray) -> None:
    weight = 1 + np.arange(600) % 2
    weighted = average_effect(scores, sample_weight=weight)
    assert weighted.value == pytest.approx(np.average(scores, weights=weight))
    ten = average_effect(scores, sample_weight=10 * weight)
    assert ten.standard_error == pytest.approx(weighted.standard_error)


def test_the_order_of_rows_does_not_matter(scores: np.ndarray) -> None:
    customer, order = np.arange(600) // 3, np.random.default_rng(1).permutation(600)
    assert average_effect(scores[order], customer=customer[order]).standard_error == pytest.approx(
        average_effect(scores, customer=customer).standard_error
    )


def test_customers_come_from_the_index(scores: np.ndarray) -> None:
    index = pd.MultiIndex.from_arrays([np.arange(600) // 3, np.arange(600)], names=["customer_id", "cutoff"])
    named = average_effect(pd.Series(scores, index=index))
    assert named.n_customers == 200
    assert named == average_effect(scores, customer=np.arange(600) // 3)


def test_several_treatments_have_an_effect_each(scores: np.ndarray) -> None:
    held = SimpleNamespace(
        values=np.column_stack([scores, scores + 1]), propensity=np.ones((600, 3)), arms=np.array(["control", "a", "b"])
    )
    assert average_effect(held, arm="b").value == pytest.approx(scores.mean() + 1)
    assert average_effect(held.values, arm=0).value == pytest.approx(scores.mean())
    frame = pd.DataFrame(held.values, columns=["a", "b"])
    assert average_effect(frame, arm="a").value == pytest.approx(scores.mean())
    with pytest.raises(ParameterError, match=r"arm=None and there are 2 treatments \(a, b\)"):
        average_effect(held)
    with pytest.raises(ParameterError, match=r"arm='control' and there are 2 treatments"):
        average_effect(held, arm="control")
    assert average_effect(scores[:, None]).value == pytest.approx(scores.mean())


def test_groups_are_averages_of_their_own(scores: np.ndarray) -> None:
    tier, customer = np.array(["A", "B", "C"])[np.arange(600) % 3], np.arange(600) // 6
    found = group_effects(scores, tier, customer=customer)
    assert found.index.tolist() == ["A", "B", "C"]
    for one in "ABC":
        alone = average_effect(scores[tier == one], customer=customer[tier == one])
        assert found.loc[one, ["effect", "low", "high", "standard_error"]].tolist() == pytest.approx(
            [alone.value, alone.low, alone.high, alone.standard_error]
        )
    assert (found["n_rows"] == 200).all()
    assert (found["n_customers"] == 100).all()


def test_groups_with_weights(scores: np.ndarray) -> None:
    weight, groups = 1.0 + np.arange(600) % 4, np.arange(600) % 2
    found = group_effects(scores, groups, sample_weight=weight)
    rows = groups == 1
    alone = average_effect(scores[rows], sample_weight=weight[rows])
    assert found.loc[1, "effect"] == pytest.approx(alone.value)
    assert found.loc[1, "standard_error"] == pytest.approx(alone.standard_error)


def test_what_is_refused(scores: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"1 of 600 scores are missing or infinite \(row 3\)"):
        average_effect(np.where(np.arange(600) == 3, np.nan, scores))
    with pytest.raises(DataError, match=r"customer has 5 rows"):
        average_effect(scores, customer=np.arange(5))
    with pytest.raises(DataError, match=r"there are 1 customers"):
        average_effect(scores, customer=np.zeros(600))
    with pytest.raises(DataError, match=r"sample_weight has shape \(600,\)"):
        average_effect(scores, sample_weight=-np.ones(600))
    with pytest.raises(DataError, match=r"scores have shape \(600, 1, 1\)"):
        average_effect(scores[:, None, None])
    with pytest.raises(ParameterError, match=r"confidence is 95"):
        average_effect(scores, confidence=95)
    with pytest.raises(DataError, match=r"groups has 600 rows, 1 of them missing"):
        group_effects(scores, [None] + ["a"] * 599)
    with pytest.raises(DataError, match=r"1 of 2 groups have one customer \('b'\)"):
        group_effects(scores, ["b"] + ["a"] * 599)


def test_rows_in_another_order_are_refused() -> None:
    held = pd.Series([1.0, 2.0, 3.0, 4.0], index=list("abcd"))
    turned = pd.Series([1, 1, 2, 2], index=list("dcba"))
    with pytest.raises(DataError, match="scores and groups hold the same 4 labels in different orders"):
        group_effects(held, turned)
    for name in ("customer", "sample_weight"):
        with pytest.raises(DataError, match=f"scores and {name} hold the same 4 labels in different orders"):
            average_effect(held, **{name: turned})


def test_a_group_of_no_weight_has_no_mean() -> None:
    with pytest.raises(DataError, match=r"all rows of 1 of 2 groups \('a'\) weigh 0"):
        group_effects([1.0, 2.0, 3.0, 4.0], list("aabb"), sample_weight=[0, 0, 1, 1])


def test_ids_may_be_tuples_and_of_several_kinds() -> None:
    assert average_effect([1.0, 2.0, 3.0, 4.0], customer=[("x", 1), ("x", 1), ("y", 1), ("x", 2)]).n_customers == 3
    assert average_effect([1.0, 2.0, 3.0, 4.0], customer=[1, "1", 1, "b"]).n_customers == 3


@pytest.mark.parametrize("repeated", [False, True])
def test_rows_of_no_weight_are_no_customers(repeated: bool) -> None:
    rng = np.random.default_rng(3)
    held, weight = rng.normal(size=40), np.repeat([0.0, 1.0], 20)
    customer = np.arange(40) // 2 if repeated else np.arange(40)
    group = np.tile(["a", "a", "b", "b"], 10)
    rest = {"customer": customer[20:]} if repeated else {}
    given = {"customer": customer} if repeated else {}
    found, expected = average_effect(held, sample_weight=weight, **given), average_effect(held[20:], **rest)
    assert found.n_customers == expected.n_customers
    np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high])
    columns = ["effect", "low", "high", "n_customers"]
    np.testing.assert_allclose(
        group_effects(held, group, sample_weight=weight, **given)[columns],
        group_effects(held[20:], group[20:], **rest)[columns],
    )
