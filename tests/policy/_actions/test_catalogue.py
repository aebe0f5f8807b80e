"""Catalogues of actions: what fits together, and the files they stand in."""

from __future__ import annotations

import pytest

from churnlib.alerts import Rule
from churnlib.exceptions import ParameterError, ParameterTypeError, VersionError
from churnlib.policy import Action, actions_from_json, actions_from_toml, actions_to_json, actions_to_toml
from churnlib.policy._actions._catalogue import capacities, check_actions

CATALOGUE = (
    Action("call", cost=6, channel="phone", capacity=400, eligible="tier == 'A'", due="24h", owner="care"),
    Action("better plan", cost=1, revenue_cost="saved", minimum_gap="180d", subject="a plan that fits"),
    Action("coupon", cost="face", value="gain", eligible=Rule("silent", 1, "recency >= 30", on_missing="fire")),
)


@pytest.mark.parametrize(
    ("write", "read"), [(actions_to_toml, actions_from_toml), (actions_to_json, actions_from_json)]
)
def test_a_file_reads_back_to_equal_actions(write, read) -> None:
    assert read(write(CATALOGUE)) == CATALOGUE


def test_one_action_is_a_catalogue() -> None:
    assert check_actions(CATALOGUE[0]) == CATALOGUE[:1]


def test_a_channel_has_one_capacity() -> None:
    shared = [Action("a", channel="phone", capacity=3), Action("b", channel="phone"), Action("c", capacity=2)]
    assert capacities(shared) == {"phone": 3, "c": 2}
    with pytest.raises(ParameterError, match=r"channel 'phone' has capacities 3 and 4 .action 'd'"):
        check_actions([*shared, Action("d", channel="phone", capacity=4)])


@pytest.mark.parametrize(
    ("wrong", "kind", "says"),
    [
        ([Action("a"), Action("a")], ParameterError, "two actions are called a"),
        ([], ParameterError, "there is no action"),
        (["call"], ParameterTypeError, "'call' is no action"),
        ("call", ParameterTypeError, "actions is a str"),
        (7, ParameterTypeError, "actions is a int"),
    ],
)
def test_what_is_no_catalogue_is_refused(wrong, kind, says) -> None:
    with pytest.raises(kind, match=says):
        check_actions(wrong)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("schema_version = 9\n[[action]]\nname='a'", VersionError, "schema_version 9"),
        ("action = 3", ParameterTypeError, "action is a int"),
        ("[[rule]]\nid='a'", ParameterError, "the catalogue has no action"),
        ("[[action]]\nname='a'\ncost='-'\nkost=1", ParameterError, "an entry 'kost'"),
        ("[[action", ParameterError, "no TOML"),
    ],
)
def test_files_that_cannot_be_read_say_why(text, kind, says) -> None:
    with pytest.raises(kind, match=says):
        actions_from_toml(text)
