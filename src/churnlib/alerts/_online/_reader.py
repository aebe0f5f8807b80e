"""How online rules read their values: conditions bound once for each choice of types, and a row as they want it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churnlib.alerts._conditions import Conditions, RowValues, conditions_of
from churnlib.exceptions import ParameterTypeError, SchemaError, message, nearest
from churnlib.expressions import ColumnType
from churnlib.expressions._columns import _CONVERTED, _EXACT, _MISSING, _kind_of_value

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["FilledRow", "Plan", "RuleReader"]

_MOST_PLANS = 1_000
"""Choices of types that are remembered: which values are missing makes many of them."""

_BELOW = float(_EXACT)


@dataclass(frozen=True, slots=True)
class Plan:
    """The conditions of all rules, bound to columns of certain types.

    Attributes
    ----------
    conditions : tuple of Conditions
        In the order of the rules.
    blanks : dict of str to value, or None
        What to read of columns without a value; None where one is read as two kinds of value.
    """

    conditions: tuple[Conditions, ...]
    blanks: dict[str, Any] | None


class FilledRow:
    """One row as an expression reads it, ready to be read: what is missing is filled in already.

    Parameters
    ----------
    values : mapping of str to value
        As `RowValues` has them.
    filled : dict of str to value
        The same, with the missing value of its kind in place of None.
    """

    __slots__ = ("_values", "read")

    def __init__(self, values: Mapping[str, Any], filled: dict[str, Any]) -> None:
        # A name is always found, so that the second argument of `get` is not looked at: the kind it is read as.
        self.read = filled.get
        self._values = values

    def missing(self, name: str) -> bool:
        """Return whether a value of any kind is missing."""
        return self._values[name] is None


class RuleReader:
    """Reads rows for the rules of a set.

    Parameters
    ----------
    rules : RuleSet
        The rules.
    units : mapping of str to str
        Units of columns.

    Attributes
    ----------
    names : tuple of str
        The columns that the rules need.
    """

    def __init__(self, rules: RuleSet, units: Mapping[str, str]) -> None:
        self.names = rules.read
        self._rules = rules.rules
        self._units = dict(units)
        self._pauses = rules.pauses()
        self._plans: dict[tuple[str, ...], Plan] = {}

    def plan(self, kinds: Sequence[str]) -> Plan:
        """Return the conditions for columns of these kinds, in the order of `names`."""
        key = tuple(kinds)
        found = self._plans.get(key)
        if found is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            types = {name: ColumnType(kind, self._units.get(name)) for name, kind in zip(self.names, key, strict=True)}
            conditions = conditions_of(self._rules, types, self._pauses)
            unknown = [name for name, kind in zip(self.names, key, strict=True) if kind == "unknown"]
            found = self._plans[key] = Plan(conditions, _blanks(conditions, unknown))
        return found

    def read(self, row: Mapping[str, Any], now: int) -> tuple[Plan, Any, RowValues]:
        """Return the conditions for the types in a row, and the row as they read it: without and with None."""
        values: dict[str, Any] = {}
        kinds = []
        for name in self.names:
            try:
                value = row[name]
            except KeyError:
                raise SchemaError(_no_value(name, row)) from None
            except (TypeError, IndexError):
                raise ParameterTypeError(
                    message(f"the row is a {type(row).__name__}", "values by column were expected", "{'days': 31}")
                ) from None
            # Almost all values take the short way through the next lines.
            if type(value) is float and value == value:  # noqa: PLR0124 - NaN
                kind = "number"
            elif type(value) is int and -_BELOW <= value <= _BELOW:
                kind, value = "number", float(value)
            else:
                kind = _kind_of_value(value)
                convert = _CONVERTED.get(kind)
                value = None if kind == "unknown" else value if convert is None else convert(value, name)
            kinds.append(kind)
            values[name] = value
        plan = self.plan(kinds)
        plain = RowValues(values, {}, now)
        if plan.blanks is None:
            return plan, plain, plain
        return plan, FilledRow(values, values | plan.blanks if plan.blanks else values), plain


def _no_value(name: str, row: Mapping[str, Any]) -> str:
    return message(
        f"the row has no value {name!r} ({nearest(name, list(row))})",
        "every column that a rule reads is in the row, as None where the value is missing",
        f"row | {{{name!r}: None}}",
    )


class _Asked:
    """A row that notes what it is asked for."""

    def __init__(self) -> None:
        self.kinds: dict[str, set[str]] = {}

    def read(self, name: str, kind: str) -> Any:
        self.kinds.setdefault(name, set()).add(kind)
        return _MISSING[kind]

    def missing(self, name: str) -> bool:  # noqa: ARG002
        return False


def _blanks(conditions: Sequence[Conditions], unknown: Sequence[str]) -> dict[str, Any] | None:
    """Return what to read of columns without a value, by asking every condition once."""
    if not unknown:
        return {}
    asked = _Asked()
    for one in conditions:
        for bound in (one.when, one.clear):
            if bound is not None:
                bound.read(asked)  # type: ignore[arg-type]
    kinds = {name: asked.kinds.get(name, {"number"}) for name in unknown}
    if any(len(found) > 1 for found in kinds.values()):
        return None
    return {name: _MISSING[kind] for name, (kind,) in kinds.items()}
