"""Actions: what they cost, what they gain, and for whom."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from churnlib.alerts import Rule
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.policy import Action

CUSTOMERS = pd.DataFrame(
    {"tier": ["A", "D", None], "clv": [900.0, 20.0, 50.0], "recency": [40, 3, 20]},
    index=pd.Index(["ann", "bob", "cyd"], name="customer_id"),
)


@pytest.mark.parametrize("cost", [6, "clv", lambda frame: frame["clv"], lambda _: 2.0])
def test_a_cost_is_a_number_a_column_or_a_function(cost) -> None:
    expected = {6: [6, 6, 6], "clv": [900, 20, 50]}.get(cost) if not callable(cost) else None
    found = Action("call", cost=cost).costs(CUSTOMERS)
    assert found.index.equals(CUSTOMERS.index)
    assert found.name == "call"
    if expected is not None:
        assert found.tolist() == expected


def test_revenue_given_up_is_part_of_the_costs() -> None:
    assert Action("plan", cost=1, revenue_cost="clv").costs(CUSTOMERS).tolist() == [901, 21, 51]


def test_where_a_condition_is_unknown_the_customer_is_not_eligible() -> None:
    assert Action("call", eligible="tier == 'A'").allowed(CUSTOMERS).tolist() == [True, False, False]
    assert Action("call", eligible="tier != 'A'").allowed(CUSTOMERS).tolist() == [False, True, False]


def test_a_rule_decides_by_its_condition_what_is_missing_and_when_it_is_valid() -> None:
    fires = Action("call", eligible=Rule("tier-a", 1, "tier == 'A'", on_missing="fire"))
    assert fires.allowed(CUSTOMERS).tolist() == [True, False, True]
    spring = Action("call", eligible=Rule("spring", 1, "recency >= 10", valid=("2026-03-01", "2026-04-01")))
    assert spring.allowed(CUSTOMERS, on="2026-03-01").tolist() == [True, False, True]
    assert not spring.allowed(CUSTOMERS, on="2026-04-01").any()
    assert not spring.allowed(CUSTOMERS, on="2026-02-28 23:59:59").any()


def test_lengths_of_time_need_units() -> None:
    action = Action("call", eligible="recency >= 3w")
    assert action.allowed(CUSTOMERS, units={"recency": "days"}).tolist() == [True, False, False]
    with pytest.raises(SchemaError, match=r"action 'call': eligible: .*length of time"):
        action.allowed(CUSTOMERS)


def test_other_frames_give_the_same() -> None:
    frame = pl.DataFrame({"customer_id": ["ann", "bob"], "clv": [900.0, 20.0]})
    action = Action("call", cost="clv", eligible="clv > 100", value="clv")
    assert action.costs(frame).to_dict() == {"ann": 900.0, "bob": 20.0}
    assert action.allowed(frame).to_dict() == {"ann": True, "bob": False}
    assert action.values(frame).to_dict() == {"ann": 900.0, "bob": 20.0}


def test_actions_are_values() -> None:
    one, two = (Action("call", cost=6, channel="phone", eligible="tier=='A'", due="24h") for _ in range(2))
    assert one == two
    assert len({one, two}) == 1
    assert pickle.loads(pickle.dumps(one)) == one
    assert Action.from_dict(one.to_dict()) == one


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "none"}, "stands for doing nothing"),
        ({"name": "None"}, "stands for doing nothing"),
        ({"name": " call"}, "without spaces around it"),
        ({"name": "call", "cost": -1}, "action 'call': cost=-1.0 is out of range"),
        ({"name": "call", "cost": float("inf")}, "cost=inf is out of range"),
        ({"name": "call", "revenue_cost": -1}, "revenue_cost=-1.0 is out of range"),
        ({"name": "call", "capacity": -1}, "capacity=-1 is out of range"),
        ({"name": "call", "eligible": "tier =="}, "action 'call': eligible: "),
        ({"name": "call", "eligible": Rule("a", 1, "x > 1", for_="3d")}, "rule 'a' waits"),
        ({"name": "call", "minimum_gap": "1mo"}, "has no fixed length"),
        ({"name": "call", "due": "-1h"}, "due"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, says) -> None:
    with pytest.raises(ParameterError, match=says):
        Action(**wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": 7}, "name is 7"),
        ({"name": "call", "eligible": 7}, "eligible is a int"),
        ({"name": "call", "cost": None}, "cost is None"),
        ({"name": "call", "capacity": 1.5}, "capacity is 1.5"),
        ({"name": "call", "subject": None}, "subject is None"),
    ],
)
def test_what_is_of_a_wrong_type_is_refused(wrong, says) -> None:
    with pytest.raises(ParameterTypeError, match=says):
        Action(**wrong)


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(
        SchemaError, match=r"action 'call': the frame has no column 'clb', named by cost= .did you mean"
    ):
        Action("call", cost="clb").costs(CUSTOMERS)
    with pytest.raises(SchemaError, match="did you mean 'tier'"):
        Action("call", eligible="teir == 'A'").allowed(CUSTOMERS)


@pytest.mark.parametrize("worst", [-1.0, np.nan, np.inf])
def test_amounts_that_are_none_are_counted(worst) -> None:
    frame = CUSTOMERS.assign(cost=[1.0, worst, 2.0])
    with pytest.raises(DataError, match=r"action 'call': 1 of 3 costs are missing, infinite or negative .row 1"):
        Action("call", cost="cost").costs(frame)


def test_a_value_may_be_negative_but_not_missing() -> None:
    assert Action("call", value=-3).values(CUSTOMERS).tolist() == [-3.0] * 3
    with pytest.raises(DataError, match=r"1 of 3 values are missing, infinite .row 0"):
        Action("call", value="gain").values(CUSTOMERS.assign(gain=[np.nan, 1, 2]))
    with pytest.raises(ParameterError, match="states no value"):
        Action("call").values(CUSTOMERS)


def test_functions_are_held_to_one_number_per_row() -> None:
    with pytest.raises(DataError, match=r"array of shape \(2,\) for 3 customers"):
        Action("call", cost=lambda _: np.array([1.0, 2.0])).costs(CUSTOMERS)
    with pytest.raises(DataError, match="returned no numbers"):
        Action("call", cost=lambda _: "much").costs(CUSTOMERS)
    with pytest.raises(ParameterError, match="cost is a function, which no file can hold"):
        Action("call", cost=lambda _: 1).to_dict()


def test_a_rule_that_wants_every_value_says_which_is_missing() -> None:
    action = Action("call", eligible=Rule("tier-a", 1, "tier == 'A'", on_missing="error"))
    with pytest.raises(DataError, match=r"rule 'tier-a' is unknown for 1 of 3 customers .row 2"):
        action.allowed(CUSTOMERS)
    with pytest.raises(ParameterError, match="says when it is valid, and no instant was given"):
        Action("call", eligible=Rule("s", 1, "recency > 1", valid=("2026-03-01", None))).allowed(CUSTOMERS)


def test_unknown_entries_of_a_file_are_named() -> None:
    with pytest.raises(ParameterError, match=r"action 'call' has an entry 'chanel' .did you mean 'channel'"):
        Action.from_dict({"name": "call", "chanel": "phone"})
    with pytest.raises(ParameterError, match="an action has no name"):
        Action.from_dict({"cost": 1})
