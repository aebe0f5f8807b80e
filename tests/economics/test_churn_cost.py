"""What churn costs: sums by hand, alignment by label, and bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.economics import ShareOfValue, churn_cost
from churnlib.exceptions import DataError, DuplicateError, ParameterError, ParameterTypeError, SchemaError

VALUE = pd.Series([400.0, 100.0], index=pd.Index(["ann", "bob"], name="customer_id"))


def test_parts_add_up_by_hand() -> None:
    cost = churn_cost(
        VALUE,
        probability=[0.5, 0.9],
        direct={"win_back": (20, 30, 100), "training": 10},
        indirect={"reputation": ShareOfValue(0.1, 0.2), "referrals": pd.Series({"bob": 5.0, "ann": 0.0})},
    )
    assert cost.expected_losses == pytest.approx(1.4)
    table = cost.portfolio
    assert table["kind"].tolist() == ["direct"] * 3 + ["indirect"] * 2 + ["direct", "indirect", "all"]
    assert table.loc["win_back", ["low", "likely", "high"]].tolist() == pytest.approx([28.0, 42.0, 140.0])
    assert table.loc["reputation", ["low", "likely", "high"]].tolist() == pytest.approx([29.0, 43.5, 58.0])
    assert table.loc["referrals", "likely"] == pytest.approx(4.5)
    assert table.loc["total", "likely"] == pytest.approx(290 + 42 + 14 + 43.5 + 4.5)
    assert table.loc["total", "per_loss"] == pytest.approx(394 / 1.4)
    assert table.loc[["direct", "indirect"], "share"].sum() == pytest.approx(1.0)
    assert cost.per_customer.loc["ann"].tolist() == pytest.approx([0.5, 220.0, 30.0, 250.0, 235.0, 295.0])
    assert repr(cost) == "ChurnCost(2 customers, 1.4 expected to leave: 394, from 365.5 to 506.5)"


amounts = st.lists(st.tuples(st.floats(-100, 1e4), st.floats(0, 1)), min_size=1, max_size=20)


@given(amounts, st.floats(0, 50), st.floats(0, 50), st.randoms(use_true_random=False))
def test_the_portfolio_is_the_sum_of_its_customers(rows, win_back, more, random) -> None:
    value, chance = (pd.Series(column) for column in zip(*rows, strict=True))
    parts = {
        "direct": {"win_back": (win_back, win_back + more)},
        "indirect": {"referrals": ShareOfValue(0.0, 0.5)},
    }
    cost = churn_cost(value, probability=chance, **parts)
    table, each = cost.portfolio, cost.per_customer
    for kind in ("direct", "indirect"):
        assert each[kind].sum() == pytest.approx(table.loc[kind, "likely"], abs=1e-6)
    for column, bound in (("low", "low"), ("total", "likely"), ("high", "high")):
        assert each[column].sum() == pytest.approx(table.loc["total", bound], abs=1e-6)
    assert (each["low"] <= each["total"] + 1e-9).all()
    assert (each["total"] <= each["high"] + 1e-9).all()
    order = random.sample(range(len(value)), len(value))
    again = churn_cost(value.iloc[order], probability=chance, **parts)
    pd.testing.assert_frame_equal(again.portfolio, table, check_exact=True)
    pd.testing.assert_frame_equal(again.per_customer.sort_index(), each, check_exact=True)


def test_without_probabilities_they_have_left_and_one_value_serves_all() -> None:
    assert churn_cost(VALUE).portfolio.loc["total", "likely"] == 500.0
    assert churn_cost(200).expected_losses == 1.0
    cost = churn_cost(200.0, probability=pd.Series([0.5, 0.25], index=VALUE.index))
    assert cost.per_customer["total"].to_dict() == {"ann": 100.0, "bob": 50.0}
    assert churn_cost(VALUE, probability=0.5).portfolio.loc["total", "likely"] == 250.0


def test_a_customer_at_a_loss_is_a_saving_and_has_no_referrals() -> None:
    cost = churn_cost(pd.Series([-50.0], index=["a"]), indirect={"referrals": ShareOfValue(0.1)})
    assert cost.portfolio.loc["total", "likely"] == -50.0
    nobody = churn_cost(VALUE, probability=[0, 0]).portfolio
    assert nobody.loc["total", "likely"] == 0.0
    assert nobody["share"].isna().all()
    assert nobody["per_loss"].isna().all()


def test_shares() -> None:
    assert ShareOfValue(0.1, 0.3) == ShareOfValue(0.1, 0.2, 0.3)
    with pytest.raises(ParameterError, match=r"does not go from low to high"):
        ShareOfValue(0.3, 0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"value": "many"}, ParameterTypeError, "value is a str"),
        ({"value": np.inf}, ParameterTypeError, "value is inf"),
        ({"value": VALUE * np.nan}, DataError, r"value is missing or infinite for 2 of 2 customers \(ann, bob\)"),
        ({"value": VALUE.astype(str)}, DataError, "value holds .* values"),
        ({"value": pd.concat([VALUE, VALUE])}, DuplicateError, "value names 2 customers more than once"),
        ({"probability": [0.1, 1.2]}, DataError, r"1 of 2 probabilities are missing or outside 0 and 1 \(bob\)"),
        ({"probability": [0.1, 0.2, 0.3]}, DataError, "there are 3 probabilities for 2 customers"),
        ({"probability": pd.Series({"ann": 0.1})}, DataError, r"probability has no entry for 1 of 2 customers \(bob\)"),
        ({"direct": {"win_back": -5}}, ParameterError, "win_back=.*negative"),
        ({"direct": {"win_back": (30, 20)}}, ParameterError, "does not go from low to high"),
        ({"direct": {"win_back": "30"}}, ParameterTypeError, "win_back is"),
        ({"direct": {"win_back": (1, 2, 3, 4)}}, ParameterTypeError, "win_back is"),
        ({"direct": {"win_back": pd.Series({"ann": -1.0, "bob": 2.0})}}, ParameterError,
         r"win_back is negative for 1 customers \(ann\)"),
        ({"direct": {"win_back": pd.Series({"ann": 1.0})}}, DataError, "win_back has no entry for 1 of 2"),
        ({"direct": {"total": 5}}, ParameterError, "a part of the direct cost is named 'total'"),
        ({"direct": {"x": 5}, "indirect": {"x": 5}}, ParameterError, "a part of the indirect cost is named 'x'"),
    ],
)  # fmt: skip
def test_bad_input_is_named(arguments, error, match) -> None:
    with pytest.raises(error, match=match):
        churn_cost(**({"value": VALUE} | arguments))


def test_an_index_of_several_levels_names_its_customers() -> None:
    index = pd.MultiIndex.from_tuples([("ann", 1), ("bob", 1)], names=["customer_id", "cutoff"])
    assert churn_cost(pd.Series([1.0, 2.0], index=index)).per_customer.index.tolist() == ["ann", "bob"]
    with pytest.raises(SchemaError, match="customers are unknown"):
        churn_cost(pd.Series([1.0, 2.0], index=index.rename(["a", "b"])))
