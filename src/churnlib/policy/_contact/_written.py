"""Rules of contact as plain values, as they stand in a file."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from churnlib._checks import as_names
from churnlib._fields import entries_of
from churnlib.calendar import Duration
from churnlib.exceptions import ChurnlibError, ParameterError, message, nearest, some
from churnlib.policy._contact._rules import (
    ContactRule,
    Cooldown,
    Exclusive,
    FrequencyCap,
    OptOut,
    QuietAfter,
    QuietHours,
)

__all__ = ["entries_of_rule", "rule_of"]

_KINDS: dict[str, type[ContactRule]] = {
    "cooldown": Cooldown,
    "frequency cap": FrequencyCap,
    "opt-out": OptOut,
    "exclusive": Exclusive,
    "quiet after": QuietAfter,
    "quiet hours": QuietHours,
}
_FIX = '[[rule]]\nkind = "cooldown"\nlength = "30d"'


def entries_of_rule(rule: ContactRule) -> dict[str, Any]:
    """Return a rule as plain values: its kind, and what differs from the defaults.

    Parameters
    ----------
    rule : ContactRule
        One of churnlib's own.

    Returns
    -------
    dict
        Texts, numbers, truth values and lists.

    Raises
    ------
    ParameterError
        When it is of a class of one's own, which no file can name.

    Examples
    --------
    >>> entries_of_rule(FrequencyCap(3, "90d", channel="email"))
    {'kind': 'frequency cap', 'length': '90d', 'channel': 'email', 'at_most': 3}
    """
    kind = next((name for name, cls in _KINDS.items() if type(rule) is cls), None)
    if kind is None:
        raise ParameterError(
            message(f"{rule} is a {type(rule).__name__}", f"a file holds rules of the kinds {some(_KINDS, 12)}", _FIX)
        )
    stated = {field.name: (getattr(rule, field.name), field.default) for field in fields(rule)}  # type: ignore[arg-type]
    kept = {name: value for name, (value, default) in stated.items() if value not in (None, (), default)}
    return {"kind": kind} | {name: _plain(value) for name, value in kept.items()}


def rule_of(values: Any) -> ContactRule:
    """Return the rule that plain values describe.

    Parameters
    ----------
    values : mapping
        What `entries_of_rule` returned, or what stands in a file.

    Returns
    -------
    ContactRule
        Equal to the one that was written.

    Raises
    ------
    ParameterError
        When an entry is missing, unknown or makes no sense.
    ParameterTypeError
        When an entry is of a wrong type.

    Examples
    --------
    >>> str(rule_of({"kind": "quiet after", "kinds": "unsubscribe", "channel": "email"}))
    'quiet after unsubscribe by email'
    """
    kind = values.get("kind") if hasattr(values, "get") else None
    cls = _KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        hint = f" ({nearest(kind, list(_KINDS))})" if isinstance(kind, str) else ""
        raise ParameterError(message(f"a rule is of the kind {kind!r}{hint}", f"one of {some(_KINDS, 12)}", _FIX))
    listed = fields(cls)  # type: ignore[arg-type]
    needed = tuple(field.name for field in listed if field.default is MISSING and field.name != "length")
    needed += ("length",) * issubclass(cls, Cooldown | FrequencyCap)
    others = tuple(field.name for field in listed if field.name not in needed)
    entries = entries_of(values, ("kind", *needed), others, what=f"a rule of the kind {kind!r}", fix=_FIX)
    del entries["kind"]
    try:
        if cls is Exclusive:
            actions = as_names(entries.pop("actions"), name="actions")
            return Exclusive(*actions, **entries)
        if cls is QuietAfter:
            entries.setdefault("length", None)
        return cls(**entries)
    except ChurnlibError as error:
        raise type(error)(f"a rule of the kind {kind!r}: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Duration):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(value, key=repr)
    return list(value) if isinstance(value, tuple) else value
