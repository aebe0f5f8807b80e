"""The conditions of rules over the columns of customers: bound once, read in parts, judged where they are unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._typing import Array, BoolArray, FloatArray
from churnlib.alerts._rule import Rule
from churnlib.alerts._season import Pause
from churnlib.alerts._step import Truth
from churnlib.exceptions import ChurnlibError, DataError, SchemaError, message, nearest
from churnlib.expressions import Columns, ColumnType, Expression
from churnlib.expressions._bind import _SPELT, Bound, bind
from churnlib.expressions._columns import _MISSING
from churnlib.expressions._tokens import UNITS_US

__all__ = ["Conditions", "Part", "RowValues", "conditions_of", "judged", "refuse_unknown", "spread", "truth_of"]


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a rule, bound to columns.

    Attributes
    ----------
    rule : Rule
        The rule.
    when, clear : Bound
        What reads them; None for a `clear` that is "not `when`".
    pauses : mapping of str to (Pause, int)
        Columns whose silences leave days out, with their unit in microseconds.
    """

    rule: Rule
    when: Bound
    clear: Bound | None
    pauses: Mapping[str, tuple[Pause, int]]


def conditions_of(
    rules: Sequence[Rule], types: Mapping[str, ColumnType], pauses: Mapping[str, Pause]
) -> tuple[Conditions, ...]:
    """Check every name, type and unit of rules against columns.

    Parameters
    ----------
    rules : sequence of Rule
        The rules.
    types : mapping of str to ColumnType
        What each column holds.
    pauses : mapping of str to Pause
        The calendars by name.

    Returns
    -------
    tuple of Conditions
        In the order of the rules.

    Raises
    ------
    SchemaError
        When a rule names no column (the nearest is suggested), or a column cannot serve where it stands.

    Examples
    --------
    >>> rule = Rule("no-visit", 1, "recency >= 4w")
    >>> conditions_of([rule], {"recency": ColumnType("number")}, {})
    Traceback (most recent call last):
        ...
    churnlib.exceptions.SchemaError: rule 'no-visit': when: at character 9: a length of time stands...
    """
    return tuple(_bound(rule, types, pauses) for rule in rules)


def _bound(rule: Rule, types: Mapping[str, ColumnType], pauses: Mapping[str, Pause]) -> Conditions:
    when = _checked(rule, "when", rule.when, types)
    clear = None if rule.clear is None else _checked(rule, "clear", rule.clear, types)
    for name in rule.named:
        if name not in types:
            raise SchemaError(
                message(
                    f"rule {rule.id!r}: because names {name!r}, which is no column",
                    nearest(name, list(types)),
                    "a name among the columns",
                )
            )
    left_out = {column: (pauses[name], _unit_us(rule, column, types[column])) for column, name in rule.season}
    return Conditions(rule, when, clear, left_out)


def _checked(rule: Rule, which: str, expression: Expression, types: Mapping[str, ColumnType]) -> Bound:
    try:
        return bind(expression.tree, expression.text, types)
    except ChurnlibError as error:
        raise type(error)(f"rule {rule.id!r}: {which}: {error}") from None


def _unit_us(rule: Rule, column: str, found: ColumnType) -> int:
    unit = "us" if found.kind in {"length", "unknown"} else _SPELT.get(found.unit or "", found.unit)
    if unit not in UNITS_US:
        raise SchemaError(
            message(
                f"rule {rule.id!r}: season takes days out of {column!r}, a {found.kind} "
                + (f"in {found.unit}" if found.unit else "without a unit"),
                "a length of time was expected",
                f"units={{{column!r}: 'days'}}",
            )
        )
    return UNITS_US[unit]


class Part:
    """Some rows of columns, as an expression reads them, with holidays taken out of silences.

    Parameters
    ----------
    columns : Columns
        All rows.
    rows : slice or ndarray
        Which of them.
    pauses : mapping of str to (Pause, int)
        Columns whose silences leave days out.
    now : int
        The instant at which silences end.
    """

    def __init__(
        self, columns: Columns, rows: slice | Array, pauses: Mapping[str, tuple[Pause, int]], now: int
    ) -> None:
        self.columns = columns
        self.rows = rows
        self.pauses = pauses
        self.now = now
        self._left: dict[str, FloatArray] = {}

    def read(self, name: str, kind: str) -> Any:
        """Return the rows of a column as the kind of value it holds."""
        values = self.columns.read(name, kind)
        if kind == "boolean":
            return values[0][self.rows], values[1][self.rows]
        if name not in self.pauses or kind == "text":
            return values[self.rows]
        if name not in self._left:
            pause, unit_us = self.pauses[name]
            self._left[name] = pause.left(values[self.rows], unit_us, self.now)
        return self._left[name]

    def missing(self, name: str) -> BoolArray:
        """Return where a column of any kind is missing."""
        return self.columns.missing(name)[self.rows]


class RowValues:
    """One row, as an expression reads it, with holidays taken out of silences.

    Parameters
    ----------
    values : mapping of str to value
        Floats, texts and pairs of truth values by name; None where one is missing.
    pauses : mapping of str to (Pause, int)
        Columns whose silences leave days out.
    now : int
        The instant at which silences end.
    """

    def __init__(self, values: Mapping[str, Any], pauses: Mapping[str, tuple[Pause, int]], now: int) -> None:
        self.values = values
        self.pauses = pauses
        self.now = now

    def read(self, name: str, kind: str) -> Any:
        """Return a value as the kind it is."""
        value = self.values[name]
        if value is None:
            return _MISSING[kind]
        if name in self.pauses and kind != "text":
            pause, unit_us = self.pauses[name]
            return pause.left_one(value, unit_us, self.now)
        return value

    def missing(self, name: str) -> bool:
        """Return whether a value of any kind is missing."""
        return self.values[name] is None


def truth_of(conditions: Conditions, source: Any) -> Truth:
    """Read both conditions of a rule: where each is true, and where it is false.

    Parameters
    ----------
    conditions : Conditions
        The rule.
    source : Part or RowValues
        What to read.

    Returns
    -------
    Truth
        Arrays or bools; a condition that reads no column gives a bool for an array, too.
    """
    hit, miss = conditions.when.read(source)
    if conditions.clear is None:
        return Truth(hit, miss, miss, hit)
    clear, stay = conditions.clear.read(source)
    return Truth(hit, miss, clear, stay)


def judged(truth: Truth, on_missing: str) -> Truth:
    """Replace what is unknown by what it is taken for.

    Parameters
    ----------
    truth : Truth
        What the conditions say.
    on_missing : {"hold", "fire", "clear", "error"}
        What unknown is taken for; "hold" leaves it unknown, and "error" has looked before.

    Returns
    -------
    Truth
        As arrays or bools, like what was given.

    Examples
    --------
    >>> judged(Truth(False, False, True, False), "fire")
    Truth(hit=True, miss=False, clear=True, stay=False)
    """
    if on_missing not in {"fire", "clear"}:
        return truth
    hit, miss, clear, stay = truth
    if on_missing == "fire":
        return Truth(hit | _neither(hit, miss), miss, clear, stay | _neither(clear, stay))
    return Truth(hit, miss | _neither(hit, miss), clear | _neither(clear, stay), stay)


def _neither(one: Any, other: Any) -> Any:
    return (one | other) ^ True


def spread(truth: Truth, n: int) -> Truth:
    """Make arrays of conditions that read no column."""
    return Truth(*(part if isinstance(part, np.ndarray) else np.full(n, bool(part)) for part in truth))


def refuse_unknown(rule: Rule, count: int, total: int, who: str) -> DataError:
    """Return the error of a rule that must not meet a missing value."""
    return DataError(
        message(
            f"rule {rule.id!r} is unknown for {count:,} of {total:,} customers ({who})",
            "on_missing='error' wants every value it reads",
            "on_missing='hold', or fill the missing values",
        )
    )
