from __future__ import annotations

import json

import pytest

from churnlib.events import Schema
from churnlib.exceptions import ParameterError


def test_a_schema_survives_json():
    schema = Schema.checked(customer="id", time="ts", attributes=["plan"], timezone="Europe/Berlin", future="drop")
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


def test_a_currency_code_is_not_a_column_unless_there_is_one():
    schema = Schema(customer="id", time="ts", currency="EUR")
    assert "currency" not in schema.wanted(["id", "ts"])
    assert schema.wanted(["id", "ts", "EUR"])["currency"] == "EUR"
    assert Schema(customer="id", time="ts", currency="unit").wanted(["id"])["currency"] == "unit"


def test_attributes_are_wanted_by_their_own_name():
    schema = Schema.checked(customer="id", time="ts", attributes={"plan"}, timezone="UTC")
    assert schema.wanted([]) == {"customer": "id", "time": "ts", "attributes[plan]": "plan"}


def test_an_attribute_given_twice_is_refused():
    with pytest.raises(ParameterError, match="attributes names plan more than once"):
        Schema.checked(customer="id", time="ts", attributes=["plan", "plan"], timezone="UTC")


def test_money_has_a_source_or_none():
    assert Schema(customer="id", time="ts", amount="total").has_money
    assert Schema(customer="id", time="ts", quantity="q", price="p").has_money
    assert not Schema(customer="id", time="ts").has_money


def test_an_attribute_may_not_have_a_name_of_the_log_s_own():
    with pytest.raises(ParameterError, match=r"1 attributes have a name of the log's own \(kind\)"):
        Schema.checked(customer="id", time="ts", attributes=["kind", "plan"], timezone="UTC")
