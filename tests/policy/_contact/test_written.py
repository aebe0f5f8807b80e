"""Contact policies as text: they read back equal, and what cannot be read says why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from churnlib.exceptions import ParameterError, ParameterTypeError, VersionError
from churnlib.policy import (
    ContactPolicy,
    Cooldown,
    Exclusive,
    FrequencyCap,
    OptOut,
    QuietAfter,
    QuietHours,
)
from churnlib.policy._contact._rules import ContactRule, Refusal, Scene

ALL = ContactPolicy(
    [
        Cooldown("3d"),
        Cooldown("1mo", action="call"),
        FrequencyCap(3, "60d", channel="email"),
        FrequencyCap(1, "7d", per="channel"),
        OptOut("no_email", channel="email"),
        OptOut([7, 3]),
        OptOut(["b", "a"], consent=True),
        Exclusive("discount", "upgrade", length="180d"),
        Exclusive("a", "b"),
        QuietAfter("complaint", "30d", but="call"),
        QuietAfter(["unsubscribe", "left"], None, channel="email"),
        QuietHours("21:00", "08:00", channel="phone"),
        QuietHours(weekdays=["sat", "sun"]),
    ]
)


class Own(ContactRule):
    """A rule of one's own, which refuses nothing."""

    def check(self, scene: Scene) -> None:
        pass

    def refusals(self, scene: Scene) -> Iterator[Refusal]:
        return iter(())


def test_every_rule_reads_back_as_it_was_written() -> None:
    again = ContactPolicy.from_toml(ALL.to_toml())
    assert again == ALL
    assert again.to_toml() == ALL.to_toml()
    assert ContactPolicy.from_toml(ContactPolicy().to_toml()) == ContactPolicy()


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (7, ParameterTypeError, "the contact rules are a int"),
        ("[[rule", ParameterError, "the text is no TOML"),
        ("rules = 1", ParameterError, "did you mean 'rule'"),
        ("rule = 1", ParameterTypeError, "rule is a int"),
        ("schema_version = 2", VersionError, "schema_version 2"),
        ("rule = [1]", ParameterError, "of the kind None"),
        ("[[rule]]\nkind = 'cooldwn'", ParameterError, "did you mean 'cooldown'"),
        ("[[rule]]\nkind = 'cooldown'", ParameterError, "a rule of the kind 'cooldown' has no length"),
        ("[[rule]]\nkind = 'cooldown'\nlength = '-3d'", ParameterError, "'cooldown': length='-3d' is negative"),
        ("[[rule]]\nkind = 'cooldown'\nlenght = '3d'", ParameterError, "has no length"),
        ("[[rule]]\nkind = 'quiet after'\nkinds = 'a'\nbutt = 'b'", ParameterError, "did you mean 'but'"),
        ("[[rule]]\nkind = 'exclusive'\nactions = 'a'", ParameterError, "two or more"),
        ("[[rule]]\nkind = 'exclusive'\nactions = 3", ParameterTypeError, "actions"),
    ],
)
def test_what_cannot_be_read_says_why(text, kind, says) -> None:
    with pytest.raises(kind, match=says):
        ContactPolicy.from_toml(text)


def test_a_rule_of_ones_own_stands_in_no_file() -> None:
    with pytest.raises(ParameterError, match="is a Own; a file holds rules of the kinds cooldown"):
        ContactPolicy([Own()]).to_toml()
