from __future__ import annotations

from fractions import Fraction

import pytest

import churnlib as cl
from churnlib import outcomes
from churnlib.exceptions import ParameterError, VersionError
from churnlib.outcomes import ChurnDefinition
from tests.outcomes.worlds import make_log, spells_of

ALL = [
    cl.Inactivity("60d"),
    cl.Inactivity("2mo", kinds=["order", "login"], refunds=True, cause="voluntary"),
    cl.ContractEnd(),
    cl.ContractEnd(grace="0d", early_termination=True, causes={"arrears": "payment"}),
    cl.StatusChange(attribute="state", churned=["closed", "cut"], causes={"cut": "operator-disconnected"}),
    cl.FrequencyDrop(by=0.5, window="30d", baseline="90d", min_events=3, refunds=True),
    cl.SpendDrop(by=0.25, kinds="order"),
    cl.Downgrade(attribute="plan", order=["basic", "pro"]),
    cl.BalanceDrop(attribute="saved", by=0.5, window="1mo"),
    cl.CancelAndRefund(cancel="cancel", refund="refund", confirm="closed", kinds="order"),
    cl.AnyOf(cl.Inactivity("60d"), cl.ContractEnd(), cause="payment"),
    cl.FirstOf(cl.Inactivity("60d"), ended=cl.AnyOf(cl.ContractEnd(), cl.Inactivity("1y"))),
]


@pytest.mark.parametrize("definition", ALL, ids=repr)
def test_json_and_repr_give_the_definition_back(definition):
    again = ChurnDefinition.from_json(definition.to_json())
    assert again == definition
    assert hash(again) == hash(definition)
    assert eval(repr(definition), {name: getattr(outcomes, name) for name in outcomes.__all__}) == definition


def test_the_same_arguments_written_otherwise_make_the_same_definition():
    import datetime as dt

    assert cl.Inactivity(dt.timedelta(days=60)) == cl.Inactivity("60d") == cl.Inactivity("1440h")
    assert cl.Inactivity("60d", kinds="order") == cl.Inactivity("60d", kinds=["order"])
    assert cl.Inactivity("60d") != cl.Inactivity("61d")
    assert cl.Inactivity("2mo") != cl.Inactivity("60d")
    assert len({cl.Inactivity("60d"), cl.Inactivity("60d"), cl.ContractEnd()}) == 2


def test_a_definition_cannot_be_changed():
    with pytest.raises(AttributeError):
        cl.Inactivity("60d").duration = "1d"


def test_every_definition_of_the_package_is_tried_here():
    named = {type(definition).__name__ for definition in ALL}
    assert named == {
        name for name in outcomes.__all__
        if isinstance(getattr(outcomes, name), type) and issubclass(getattr(outcomes, name), ChurnDefinition)
    } - {"ChurnDefinition"}  # fmt: skip


def test_names_are_those_of_the_classes():
    assert [cl.ContractEnd().name, cl.AnyOf(cl.ContractEnd()).name] == ["contract_end", "any_of"]


def test_a_share_that_is_no_decimal_survives_json():
    third = cl.FrequencyDrop(by=Fraction(1, 3))
    assert ChurnDefinition.from_json(third.to_json()) == third


def test_customers_without_rows_have_no_spells():
    rows = [("a", "order", "open"), ("b", "cancel", "closed"), ("b", "refund", None)]
    log = make_log(
        [{"id": who, "t": 5, "kind": kind, "state": state} for who, kind, state in rows], attributes=["state"]
    )
    half = log.subset(log.customer_codes == 0)
    for definition in (
        cl.Inactivity("20us"), cl.FrequencyDrop(), cl.StatusChange(attribute="state", churned="closed"),
        cl.Downgrade(attribute="state", order=["closed", "open"]), cl.CancelAndRefund(cancel="cancel", refund="refund"),
    ):  # fmt: skip
        assert spells_of(definition.outcomes(half))["b"] == []
        none = log.subset(log.customer_codes < 0)
        assert len(definition.outcomes(none)) == 0


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        (
            '{"schema_version": 1, "definition": "Inactivty", "duration": "60d"}',
            ParameterError,
            "did you mean 'Inactivity'",
        ),
        ('{"schema_version": 9, "definition": "Inactivity"}', VersionError, "schema version 9"),
        ('{"definition": "Inactivity"}', VersionError, "schema version None"),
        ('{"schema_version": 1, "definition": "Inactivity", "duration": "60d", "kindz": []}', ParameterError, "kindz"),
        ('{"schema_version": 1, "definition": "AnyOf", "parts": []}', ParameterError, "no definition"),
        ('{"schema_version": 1', ParameterError, "not JSON"),
        ("[]", ParameterError, "not a JSON object"),
    ],
)
def test_refuses_json_it_cannot_read(text, error, match):
    with pytest.raises(error, match=match):
        ChurnDefinition.from_json(text)
