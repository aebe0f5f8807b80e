"""Actions that belong together: names told apart, channels with one capacity each, and the file they stand in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from churnlib._fields import entries_of
from churnlib._plain_text import from_json_text, from_toml_text, json_text, toml_text
from churnlib.exceptions import ParameterError, ParameterTypeError, VersionError, message, some
from churnlib.policy._actions._action import Action

__all__ = [
    "actions_from_json",
    "actions_from_toml",
    "actions_to_json",
    "actions_to_toml",
    "capacities",
    "check_actions",
]

SCHEMA_VERSION = 1


def check_actions(actions: Any) -> tuple[Action, ...]:
    """Return actions as a tuple, once they are known to fit together.

    Parameters
    ----------
    actions : Action or sequence of Action
        At least one.

    Returns
    -------
    tuple of Action
        In the order given.

    Raises
    ------
    ParameterTypeError
        When one is no action.
    ParameterError
        When there is none, two have one name, or one channel has two capacities.

    Examples
    --------
    >>> check_actions([Action("call"), Action("call")])
    Traceback (most recent call last):
        ...
    churnlib.exceptions.ParameterError: two actions are called call; names are distinct...
    """
    example = "[Action('call', cost=6), Action('coupon', cost=10)]"
    listed = [actions] if isinstance(actions, Action) else actions
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        raise ParameterTypeError(
            message(f"actions is a {type(actions).__name__}", "a list of actions was expected", f"actions={example}")
        )
    found = tuple(listed)
    strange = [action for action in found if not isinstance(action, Action)]
    if strange:
        raise ParameterTypeError(
            message(f"{strange[0]!r} is no action", "actions are made by Action", f"actions={example}")
        )
    if not found:
        raise ParameterError(message("there is no action", "at least one was expected", f"actions={example}"))
    names = [action.name for action in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(message(f"two actions are called {some(twice)}", "names are distinct", "rename one"))
    capacities(found)
    return found


def capacities(actions: Sequence[Action]) -> dict[str, int]:
    """Return how many customers each channel can serve.

    Parameters
    ----------
    actions : sequence of Action
        The catalogue.

    Returns
    -------
    dict of str to int
        By channel, or by action where it has no channel; those without a limit are not in it.

    Raises
    ------
    ParameterError
        When two actions state different capacities of one channel.

    Examples
    --------
    >>> capacities([Action("call", channel="phone", capacity=400), Action("visit", channel="phone"), Action("gift")])
    {'phone': 400}
    """
    found: dict[str, int] = {}
    for action in actions:
        if action.capacity is None:
            continue
        key = action.channel or action.name
        if found.setdefault(key, action.capacity) != action.capacity:
            raise ParameterError(
                message(
                    f"channel {key!r} has capacities {found[key]:,} and {action.capacity:,} (action {action.name!r})",
                    "actions of one channel share its capacity: one number, stated once or alike",
                    f"capacity={found[key]} in one action, or a channel of its own for {action.name!r}",
                )
            )
    return found


def actions_to_toml(actions: Any) -> str:
    r"""Write a catalogue as TOML.

    Parameters
    ----------
    actions : sequence of Action
        The catalogue; amounts are numbers or columns.

    Returns
    -------
    str
        It reads back to equal actions.

    Examples
    --------
    >>> print(actions_to_toml([Action("call", cost=6, channel="phone", eligible="tier == 'A'")]))
    schema_version = 1
    <BLANKLINE>
    [[action]]
    name = "call"
    cost = 6.0
    channel = "phone"
    eligible = "tier == \"A\""
    <BLANKLINE>
    """
    return toml_text(_body(actions))


def actions_to_json(actions: Any) -> str:
    """Write a catalogue as JSON.

    Parameters
    ----------
    actions : sequence of Action
        The catalogue; amounts are numbers or columns.

    Returns
    -------
    str
        It reads back to equal actions.

    Examples
    --------
    >>> actions_from_json(actions_to_json([Action("call", cost=6)]))[0].cost
    6.0
    """
    return json_text(_body(actions))


def actions_from_toml(text: str) -> tuple[Action, ...]:
    r"""Read a catalogue of actions from TOML.

    Parameters
    ----------
    text : str
        At most 2 million characters.

    Returns
    -------
    tuple of Action
        In the order of the text.

    Raises
    ------
    ParameterTypeError
        When it is no text, or an entry is of a wrong type.
    ParameterError
        When it is no TOML, or an entry is missing, unknown or makes no sense.
    VersionError
        When it is of a later version.

    Examples
    --------
    >>> actions_from_toml('[[action]]\nname = "call"\ncost = 6\nchannel = "phone"')[0].channel
    'phone'
    """
    return _from_body(from_toml_text(text, "actions"))


def actions_from_json(text: str) -> tuple[Action, ...]:
    """Read a catalogue of actions from JSON.

    Parameters
    ----------
    text : str
        At most 2 million characters.

    Returns
    -------
    tuple of Action
        In the order of the text.

    Raises
    ------
    ParameterTypeError
        When it is no text, or an entry is of a wrong type.
    ParameterError
        When it is no JSON, or an entry is missing, unknown or makes no sense.
    VersionError
        When it is of a later version.

    Examples
    --------
    >>> [action.name for action in actions_from_json('{"action": [{"name": "call"}, {"name": "coupon"}]}')]
    ['call', 'coupon']
    """
    return _from_body(from_json_text(text, "actions"))


def _body(actions: Any) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "action": [action.to_dict() for action in check_actions(actions)]}


def _from_body(body: dict[str, Any]) -> tuple[Action, ...]:
    fix = '[[action]]\nname = "call"'
    entries = entries_of(body, ("action",), ("schema_version",), what="the catalogue", fix=fix)
    version = entries.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the catalogue has schema_version {version!r}",
                f"this release reads {SCHEMA_VERSION}",
                "write it again with actions_to_toml",
            )
        )
    if not isinstance(entries["action"], list):
        raise ParameterTypeError(
            message(f"action is a {type(entries['action']).__name__}", "a list of actions was expected", fix)
        )
    return check_actions([Action.from_dict(values) for values in entries["action"]])
